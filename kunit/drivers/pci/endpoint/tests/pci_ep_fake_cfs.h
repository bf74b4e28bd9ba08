/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Endpoint functions on fake controllers, made as an administrator does: in configfs.
 * For suites of init sections.
 */
#ifndef _PCI_EP_FAKE_CFS_H
#define _PCI_EP_FAKE_CFS_H

#include <linux/init.h>

#include "pci_ep_fake.h"

/**
 * struct pci_ep_fake_cfs - an endpoint function in configfs
 * @test: the test that it belongs to
 * @fake: the controller
 * @epf: the function, while it is linked
 * @started: whether the controller is
 * @linked: whether it is linked to the controller
 * @func: its directory
 * @link: its link
 */
struct pci_ep_fake_cfs {
	struct kunit *test;
	struct pci_ep_fake *fake;
	struct pci_epf *epf;
	bool started, linked;
	char func[96];
	char link[160];
};

/**
 * pci_ep_fake_cfs_make() - make a function
 * @test: the running test
 * @fake: the controller that it will be linked to
 * @driver: the name of its driver
 *
 * The controller stops and the function is unlinked and removed when the test ends.
 *
 * Return: the function, never NULL.
 */
struct pci_ep_fake_cfs * __init pci_ep_fake_cfs_make(struct kunit *test,
						     struct pci_ep_fake *fake,
						     const char *driver);

/**
 * pci_ep_fake_cfs_set() - write an attribute
 * @cfs: the function
 * @attr: the path of the attribute in its directory
 * @val: what to write
 *
 * Return: 0 or -errno.
 */
int __init pci_ep_fake_cfs_set(struct pci_ep_fake_cfs *cfs, const char *attr,
			       const char *val);

/**
 * pci_ep_fake_cfs_link() - bind the function to the controller
 * @cfs: the function
 *
 * Return: 0 or -errno.
 */
int __init pci_ep_fake_cfs_link(struct pci_ep_fake_cfs *cfs);

/**
 * pci_ep_fake_cfs_unlink() - unbind it
 * @cfs: the function
 *
 * Return: 0 or -errno.
 */
int __init pci_ep_fake_cfs_unlink(struct pci_ep_fake_cfs *cfs);

/**
 * pci_ep_fake_cfs_start() - start or stop the controller
 * @cfs: its function
 * @on: which
 *
 * Return: 0 or -errno.
 */
int __init pci_ep_fake_cfs_start(struct pci_ep_fake_cfs *cfs, bool on);

#endif /* _PCI_EP_FAKE_CFS_H */
