/* SPDX-License-Identifier: GPL-2.0 */
/* An emulated PCI endpoint controller that a device tree describes, with its MSI. */
#ifndef _PCI_FABRIC_EP_OF_H
#define _PCI_FABRIC_EP_OF_H

#include <kunit/pci-epc.h>

/**
 * pci_fabric_ep_of() - let an endpoint controller have an MSI domain
 * @test: the running test
 * @desc: where to set the parent device and the MSI controller; the endpoint controller
 *	is to be made of it afterwards
 *
 * Adds a controller and an MSI controller to the device tree, for the rest of the test.
 * Skips the test where a kernel cannot do that.
 */
void pci_fabric_ep_of(struct kunit *test, struct pci_fabric_ep_desc *desc);

#endif /* _PCI_FABRIC_EP_OF_H */
