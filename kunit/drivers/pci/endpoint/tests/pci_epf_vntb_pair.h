/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A network of two, over a non-transparent bridge, in one kernel: pci-epf-vntb on an emulated
 * endpoint and ntb_hw_epf on the root complex, ntb_transport and ntb_netdev on both, and
 * a network name space for the endpoint.
 *
 * For suites of init sections.
 */
#ifndef _PCI_EPF_VNTB_PAIR_H
#define _PCI_EPF_VNTB_PAIR_H

#include <kunit/pci-epc.h>
#include <linux/init.h>
#include <linux/types.h>

struct kunit;
struct pci_dev;
struct vntb_pair;

/**
 * enum vntb_side - who
 * @VNTB_RC: the root complex
 * @VNTB_EP: the endpoint
 */
enum vntb_side {
	VNTB_RC,
	VNTB_EP,
};

/**
 * vntb_pair_load_transport() - let ntb_transport take NTB devices
 * @test: the running test
 *
 * Until the test ends.  Part of vntb_pair_make().  Ends the test when it fails.
 */
void vntb_pair_load_transport(struct kunit *test);

/**
 * vntb_pair_make() - make the network
 * @test: the running test, which owns it
 * @desc: the endpoint controller; its doorbell or MSI controller, if any, is what the
 *	root complex rings
 *
 * Configured as a user does it, through configfs.  When this returns both interfaces are
 * up and have addresses.  Ends the test when something fails.
 *
 * Return: the pair, never NULL.
 */
struct vntb_pair * __init vntb_pair_make(struct kunit *test,
					 const struct pci_fabric_ep_desc *desc);

/**
 * vntb_pair_make_tool() - connect two NTBs
 * @test: the running test, which owns them
 * @desc: the endpoint controller
 *
 * As vntb_pair_make(), but with ntb_tool on either side, and no network.
 *
 * Return: the pair, never NULL.
 */
struct vntb_pair * __init vntb_pair_make_tool(struct kunit *test,
					      const struct pci_fabric_ep_desc *desc);

/**
 * vntb_pair_pdev() - the PCI device of an NTB
 * @pair: the pair
 * @side: which
 *
 * Return: the device, of which no reference is taken.
 */
struct pci_dev *vntb_pair_pdev(struct vntb_pair *pair, enum vntb_side side);

/**
 * vntb_pair_param() - set a parameter of ntb_transport
 * @test: the running test
 * @param: its name
 * @val: its value, until the test ends; then it is what it was
 */
void vntb_pair_param(struct kunit *test, const char *param, const char *val);

/**
 * vntb_pair_ping() - one ICMP echo and its reply
 * @pair: the pair
 * @from: who asks; the other replies
 * @size: bytes of data
 *
 * Return: nanoseconds, or -errno; -EAGAIN when there is no reply after two seconds.
 */
s64 vntb_pair_ping(struct vntb_pair *pair, enum vntb_side from, size_t size);

/**
 * vntb_pair_link() - let the root complex take the link down, or up
 * @pair: the pair
 * @up: which
 *
 * Return: whether both interfaces have taken notice, after some seconds at most.
 */
bool vntb_pair_link(struct vntb_pair *pair, bool up);

/**
 * vntb_pair_poke() - access the memory window as no driver would
 * @pair: the pair
 *
 * The root complex writes to each page behind the BAR, and reads it back.
 *
 * Return: how many pages are not memory.
 */
int vntb_pair_poke(struct vntb_pair *pair);

/**
 * vntb_pair_stats() - what happened to the endpoint controller
 * @pair: the pair
 *
 * Return: its counters.
 */
struct pci_fabric_ep_stats vntb_pair_stats(struct vntb_pair *pair);

#endif /* _PCI_EPF_VNTB_PAIR_H */
