/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lets the driver core refuse devices of the emulated fabric.
 *
 * A fixup of the header phase, which pci_device_add() runs ahead of
 * device_add(), takes the name of the device away, and device_add() returns
 * -EINVAL for it, silently.
 */
#ifndef _PCI_DEVICE_ADD_REFUSE_H
#define _PCI_DEVICE_ADD_REFUSE_H

#include <linux/types.h>

struct kunit;
struct pci_dev;
struct resource;

/**
 * pci_refuse_init() - refuse nothing, and again when the test ends
 * @test: the running test
 */
void pci_refuse_init(struct kunit *test);

/**
 * pci_refuse() - let one device be refused
 * @device: its Device ID
 * @skip: how many devices with this ID are taken before
 */
void pci_refuse(u16 device, unsigned int skip);

/**
 * pci_refuse_hold() - the next device that is refused gets a reference
 */
void pci_refuse_hold(void);

/**
 * pci_refuse_held() - the device with the reference of pci_refuse_hold()
 *
 * Return: the device, the caller puts it; or NULL.
 */
struct pci_dev *pci_refuse_held(void);

/**
 * pci_refuse_claim() - the next device that is refused has claimed a resource
 * @window: its last BAR is all of it
 */
void pci_refuse_claim(struct resource *window);

/**
 * pci_refuse_end() - refuse nothing any more
 *
 * Return: the number of devices that were refused since pci_refuse().
 */
unsigned int pci_refuse_end(void);

#endif /* _PCI_DEVICE_ADD_REFUSE_H */
