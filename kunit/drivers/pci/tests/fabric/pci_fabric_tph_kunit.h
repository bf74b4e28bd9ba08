/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of TLP Processing Hints share.  See pci_fabric_kunit.h for where
 * the expected values come from.
 */
#ifndef _PCI_FABRIC_TPH_KUNIT_H
#define _PCI_FABRIC_TPH_KUNIT_H

#include <kunit/pci-tph.h>
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/pci-tph.h>
#include <linux/sizes.h>

#include "pci_fabric_kunit.h"

#define TPH_ID		0x17	/* TPH Requester extended capability, sec 7.9.13 */
#define TPH_CAP		0x04
#define TPH_CTRL	0x08
#define TPH_TABLE	0x0c

#define MODE_NS		0	/* ST Mode Select, sec 7.9.13.3 */
#define MODE_IV		1
#define MODE_DS		2

#define LOC_NONE	0	/* ST Table Location, sec 7.9.13.2 */
#define LOC_CAP		1
#define LOC_MSIX	2

#define COMP_NONE	0	/* TPH Completer Supported, sec 7.5.3.15 */
#define COMP_TPH	1
#define COMP_RESERVED	2
#define COMP_EXT	3

#define TABLE		0x1000	/* MSI-X table, in BAR 0 */

/* All that can be, with 8 tags in the capability */
static const struct pci_fabric_fn_desc tph_desc = {
	.device = 0x0170,
	.flr = true,
	.pm = true,
	.bars[0] = { .size = SZ_8K },
	.msix = { .vectors = 4, .table_off = TABLE, .pba_off = 0x1800 },
	.tph = {
		.present = true, .iv = true, .ds = true, .extended = true,
		.st_loc = LOC_CAP, .st_size = 8,
	},
};

/* A root port with an endpoint, scanned */
struct tph {
	struct pci_fabric *fabric;
	struct pci_fabric_fn *port;
	struct pci_fabric_fn *ep;
	struct pci_dev *port_dev;
	struct pci_dev *dev;
	unsigned int cap;
};

static inline struct tph *make_tph(struct kunit *test,
				   const struct pci_fabric_fn_desc *desc,
				   u8 completer)
{
	struct tph *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->fabric = pci_fabric_alloc(test);
	t->port = pci_fabric_add(t->fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(1, 0), .device = 0x0104,
		.hdr_type = 1, .pcie_type = TYPE_ROOT_PORT,
		.tph_completer = completer,
	});
	t->ep = pci_fabric_add(t->fabric, t->port, desc);
	pci_fabric_scan(t->fabric);
	t->port_dev = pci_fabric_pdev(t->port);
	t->dev = pci_fabric_pdev(t->ep);
	KUNIT_ASSERT_NOT_NULL(test, t->port_dev);
	KUNIT_ASSERT_NOT_NULL(test, t->dev);
	t->cap = pci_fabric_cap_pos(t->ep, TPH_ID, true);
	return t;
}

static inline struct tph *make_loc(struct kunit *test, u8 loc)
{
	struct pci_fabric_fn_desc desc = tph_desc;

	desc.tph.st_loc = loc;
	desc.tph.st_size = loc == LOC_CAP ? 8 : 0;
	return make_tph(test, &desc, COMP_EXT);
}

/* A device without the capability, with Command and Status that look like one */
static inline struct tph *make_without(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = tph_desc;
	struct tph *t;

	desc.tph.present = false;
	t = make_tph(test, &desc, COMP_EXT);
	/* "No ST, IV, in the MSI-X table, 17 entries" */
	pci_fabric_poke(t->ep, 0x04, 4, 0x00100407);
	return t;
}

static inline void free_vectors(void *dev)
{
	pci_free_irq_vectors(dev);
}

static inline void get_msix(struct kunit *test, struct pci_dev *dev, int nr)
{
	pci_fabric_need_bars(test);
	KUNIT_ASSERT_EQ(test, pci_enable_device(dev), 0);
	pci_set_master(dev);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(dev, nr, nr, PCI_IRQ_MSIX), nr);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_vectors, dev), 0);
}

/* Has anything been written to the capability or to tags since? */
static inline void expect_untouched(struct kunit *test, struct pci_fabric_fn *fn,
				    struct pci_fabric_tph_stats since)
{
	struct pci_fabric_tph_stats now = pci_fabric_tph_stats(fn);

	KUNIT_EXPECT_EQ(test, now.cap_writes, since.cap_writes);
	KUNIT_EXPECT_EQ(test, now.st_writes, since.st_writes);
}

#endif /* _PCI_FABRIC_TPH_KUNIT_H */
