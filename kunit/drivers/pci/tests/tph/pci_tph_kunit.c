// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the TPH support of the PCI core: indices, the values that its
 * helpers return, and what is left after a failure.
 *
 * The emulated PCI fabric counts what reaches the device; expected values are those
 * of the specification (PCIe r6.0) and of the kernel-doc.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_tph_kunit.h"
#include "pci_tph_failing.h"

/* Writes to a function outside TPH Requester Control */
struct stray {
	unsigned int ctrl;
	unsigned int count;
	unsigned int where;
};

static void stray_write(struct pci_fabric_fn *fn, unsigned int where,
			unsigned int size, u32 val, void *priv)
{
	struct stray *stray = priv;

	if (where == stray->ctrl && size == 4)
		return;
	stray->count++;
	stray->where = where;
}

static const unsigned int bad_indices[] = {
	8, 9, 64, 0xffff, 0x10000, 0x7ffffff8, 0x7fffffff, 0x80000000, 0x80000001,
	0x80000007, 0x80000008, 0xc0000000, 0xfffffc00, 0xfffffffc, 0xfffffffe,
	0xffffffff,
};

static void index_name(const unsigned int *index, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%#x", *index);
}

KUNIT_ARRAY_PARAM(index, bad_indices, index_name);

/*
 * An index that is not in the table of 8 is refused, and no register but the
 * control register is written.  Catches an index that is compared as a signed
 * number: 0xffffffff and others write below the table, 0x80000000 into it.
 */
static void index_above_table(struct kunit *test)
{
	unsigned int index = *(const unsigned int *)test->param_value;
	struct tph *t = make_loc(test, LOC_CAP);
	struct stray stray = { .ctrl = t->cap + TPH_CTRL };

	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_DS), 0);
	for (int i = 0; i < 8; i++)
		KUNIT_ASSERT_EQ(test, pcie_tph_set_st_entry(t->dev, i, 0x1110 + i),
				0);

	pci_fabric_watch(t->ep, stray_write, &stray);
	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, index, 0x0101), -ENXIO);
	pci_fabric_watch(t->ep, NULL, NULL);
	KUNIT_EXPECT_EQ_MSG(test, stray.count, 0, "write at %#x, table at %#x",
			    stray.where, t->cap + TPH_TABLE);
	for (int i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, i), 0x1110 + i);
}

/*
 * An index that has no vector, with the table of 4 in the MSI-X table.  Above 0xffff
 * the interrupt core warns, which would be a report of the kernel here.
 */
static void index_above_msix(struct kunit *test)
{
	static const unsigned int indices[] = { 3, 4, 5, 2047, 2048, 0xfffe, 0xffff };
	struct tph *t = make_loc(test, LOC_MSIX);
	unsigned int writes;

	get_msix(test, t->dev, 3);
	for (int i = 0; i < ARRAY_SIZE(indices); i++) {
		pcie_disable_tph(t->dev);
		KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_DS), 0);
		writes = pci_fabric_stats(t->ep).bar_writes;
		KUNIT_EXPECT_EQ_MSG(test, pcie_tph_set_st_entry(t->dev, indices[i],
								0x0101),
				    -ENXIO, "%#x", indices[i]);
		KUNIT_EXPECT_EQ(test, pci_fabric_stats(t->ep).bar_writes, writes);
	}
}

/*
 * What pcie_tph_get_st_table_loc() says is PCI_TPH_LOC_*, as its kernel-doc has it:
 * bits 10:9 of the capability register in their place (sec 7.9.13.2).
 */
static void table_location(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_table_loc(make_loc(test, LOC_NONE)->dev),
			0x000);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_table_loc(make_loc(test, LOC_CAP)->dev),
			0x200);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_table_loc(make_loc(test, LOC_MSIX)->dev),
			0x400);
}

/*
 * Without the capability there is no table, no size, no mode, and nothing to be
 * read: offset 4 of the configuration space is Command and Status.
 */
static void helpers_without_capability(struct kunit *test)
{
	struct tph *t = make_without(test);
	unsigned int reads = pci_fabric_stats(t->ep).cfg_reads;

	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_table_loc(t->dev), 0);
	pci_fabric_poke(t->ep, 0x04, 4, 0x00100207);	/* in the capability */
	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_table_size(t->dev), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(t->ep).cfg_reads, reads);
	pci_fabric_poke(t->ep, 0x04, 4, 0x00100000);
}

/* What no driver has asked for yet is not in struct pci_dev either. */
static void expect_disabled(struct kunit *test, struct tph *t)
{
	KUNIT_EXPECT_FALSE(test, t->dev->tph_enabled);
	KUNIT_EXPECT_EQ(test, t->dev->tph_mode, 0);
	KUNIT_EXPECT_EQ(test, t->dev->tph_req_type, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).cap_writes, 0);
}

/*
 * pcie_enable_tph() that fails changes neither the device nor struct pci_dev.
 * Catches a mode, or a type of requests, that stays behind.
 */
static void failed_enable(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = tph_desc;
	struct tph *t = make_tph(test, &desc, COMP_NONE);

	for (int mode = MODE_NS; mode <= MODE_DS; mode++) {
		KUNIT_EXPECT_EQ(test, pcie_enable_tph(t->dev, mode), -EINVAL);
		expect_disabled(test, t);
	}

	desc.tph.ds = false;
	t = make_tph(test, &desc, COMP_EXT);
	for (int mode = MODE_DS; mode <= 7; mode++) {
		KUNIT_EXPECT_EQ(test, pcie_enable_tph(t->dev, mode), -EINVAL);
		expect_disabled(test, t);
	}
}

/*
 * Sec 7.5.3.15, 7.9.13.3: 10b is reserved in TPH Completer Supported as well as in
 * TPH Requester Enable.  Who says so completes nothing that we know of.  Catches
 * the lesser of 10b and 11b, which enables the reserved value.
 */
static void reserved_completer(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = tph_desc;

	for (int extended = 0; extended <= 1; extended++) {
		struct tph *t;

		desc.tph.extended = extended;
		t = make_tph(test, &desc, COMP_RESERVED);
		KUNIT_EXPECT_EQ(test, pcie_enable_tph(t->dev, MODE_DS), -EINVAL);
		expect_disabled(test, t);
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).reserved, 0);
	}
}

static void restore_ops(void *bus)
{
	pci_tph_succeed(bus);
}

/*
 * A tag that does not get to the device: an error, of Linux and not of the PCI
 * BIOS, whose errors are positive.
 */
static void entry_write_fails(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_CAP);

	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_DS), 0);
	pci_tph_fail(t->dev->bus);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, restore_ops,
							t->dev->bus), 0);
	KUNIT_EXPECT_LT(test, pcie_tph_set_st_entry(t->dev, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_writes, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep), 0);
	kunit_release_action(test, restore_ops, t->dev->bus);
}

static struct kunit_case pci_tph_cases[] = {
	KUNIT_CASE_PARAM(index_above_table, index_gen_params),
	KUNIT_CASE(index_above_msix),
	KUNIT_CASE(table_location),
	KUNIT_CASE(helpers_without_capability),
	KUNIT_CASE(failed_enable),
	KUNIT_CASE(reserved_completer),
	KUNIT_CASE(entry_write_fails),
	{}
};

static struct kunit_suite pci_tph_suite = {
	.name = "pci_tph",
	.test_cases = pci_tph_cases,
};

kunit_test_suite(pci_tph_suite);

MODULE_DESCRIPTION("KUnit tests for the TPH support of the PCI core");
MODULE_LICENSE("GPL");
