/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Endpoint functions, as their users make them: through configfs, mounted at /config.
 *
 *	cfs = pci_ep_cfs_make(test, "pci_epf_test", "func1");
 *	pci_ep_cfs_set(cfs, "vendorid", "0x104c");
 *	pci_ep_cfs_link(cfs, epc);
 *	pci_ep_cfs_start(cfs, true);
 *
 * For suites of init sections.  KUnit actions undo all of it: stop, rm, rmdir, umount.
 */
#ifndef _PCI_FABRIC_EP_CFS_H
#define _PCI_FABRIC_EP_CFS_H

#include <linux/init.h>
#include <linux/types.h>

struct kunit;
struct pci_ep_cfs;
struct pci_epc;

/**
 * pci_ep_cfs_make() - make an endpoint function
 * @test: the running test
 * @driver: name of the function driver
 * @name: name of the directory
 *
 * Ends the test when that fails.
 *
 * Return: the function, never NULL.
 */
struct pci_ep_cfs * __init pci_ep_cfs_make(struct kunit *test, const char *driver,
					   const char *name);

/**
 * pci_ep_cfs_set() - write an attribute
 * @cfs: the function
 * @attr: its path in the directory of the function
 * @val: what to write
 *
 * Return: 0 or -errno.
 */
int __init pci_ep_cfs_set(struct pci_ep_cfs *cfs, const char *attr, const char *val);

/**
 * pci_ep_cfs_link() - bind the function to a controller
 * @cfs: the function
 * @epc: the controller
 *
 * By a link to the function in the directory of the controller.
 *
 * Return: 0 or -errno.
 */
int __init pci_ep_cfs_link(struct pci_ep_cfs *cfs, struct pci_epc *epc);

/**
 * pci_ep_cfs_link_primary() - bind the function to a controller, the other way round
 * @cfs: the function
 * @epc: the controller
 *
 * By a link to the controller in the directory of the function.
 *
 * Return: 0 or -errno.
 */
int __init pci_ep_cfs_link_primary(struct pci_ep_cfs *cfs, struct pci_epc *epc);

/**
 * pci_ep_cfs_unlink() - unbind the function
 * @cfs: the function, linked
 *
 * Return: 0 or -errno.
 */
int __init pci_ep_cfs_unlink(struct pci_ep_cfs *cfs);

/**
 * pci_ep_cfs_start() - start or stop the controller
 * @cfs: a function that is linked to it
 * @on: which
 *
 * Return: 0 or -errno.
 */
int __init pci_ep_cfs_start(struct pci_ep_cfs *cfs, bool on);

#endif /* _PCI_FABRIC_EP_CFS_H */
