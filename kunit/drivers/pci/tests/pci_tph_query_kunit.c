// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of what the PCI core tells drivers of TPH: what a device has, whether
 * it can be enabled, and whether it is.
 *
 * Expected values are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_tph_kunit.h"

/*
 * pcie_tph_get_st_modes() is bits 2:0 of the capability register, and no others,
 * whatever these are.
 */
static void modes(struct kunit *test)
{
	for (int bits = 0; bits < 8; bits++) {
		struct tph *t = make_loc(test, LOC_CAP);
		static const u32 others[] = { 0, 0x00000100, 0x003f0300, 0x07ff0400,
					      0xfffffff8 };

		for (int i = 0; i < ARRAY_SIZE(others); i++) {
			pci_fabric_poke(t->ep, t->cap + TPH_CAP, 4,
					others[i] | bits);
			KUNIT_EXPECT_EQ_MSG(test, pcie_tph_get_st_modes(t->dev),
					    bits, "%#x", others[i] | bits);
		}
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).cap_writes, 0);
		pci_fabric_destroy(t->fabric);
	}
}

/* Of a device without the capability: no mode, and no look at it */
static void modes_without_capability(struct kunit *test)
{
	struct tph *t = make_without(test);
	unsigned int reads = pci_fabric_stats(t->ep).cfg_reads;

	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_modes(t->dev), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(t->ep).cfg_reads, reads);
	pci_fabric_poke(t->ep, 0x04, 4, 0x00100000);
}

/* pcie_tph_supported() says what pcie_enable_tph() does, and does nothing. */
static void supported(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = tph_desc;

	for (int i = 0; i < 16; i++) {
		u8 comp = i & 3;
		bool expect = i & 4 && (comp == COMP_TPH || comp == COMP_EXT);
		struct tph *t;

		desc.tph.present = i & 4;
		desc.tph.extended = i & 8;
		t = make_tph(test, &desc, comp);
		KUNIT_EXPECT_EQ_MSG(test, pcie_tph_supported(t->dev), expect,
				    "present %d, completer %d, extended %d",
				    !!(i & 4), comp, !!(i & 8));
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).cap_writes, 0);
		KUNIT_EXPECT_EQ(test, pcie_enable_tph(t->dev, MODE_NS),
				expect ? 0 : -EINVAL);
		pci_fabric_destroy(t->fabric);
	}
}

/* pcie_tph_enabled_mode() follows, also where the core disables by itself. */
static void enabled_mode(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_CAP);

	KUNIT_EXPECT_EQ(test, pcie_tph_enabled_mode(t->dev), -ENXIO);
	for (int mode = MODE_NS; mode <= MODE_DS; mode++) {
		KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, mode), 0);
		KUNIT_EXPECT_EQ(test, pcie_tph_enabled_mode(t->dev), mode);
		pcie_disable_tph(t->dev);
		KUNIT_EXPECT_EQ(test, pcie_tph_enabled_mode(t->dev), -ENXIO);
	}
	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_IV), 0);
	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 8, 1), -ENXIO);
	KUNIT_EXPECT_EQ(test, pcie_tph_enabled_mode(t->dev),
			pci_fabric_tph_ctrl(t->ep) ? MODE_IV : -ENXIO);
}

static struct kunit_case pci_tph_query_cases[] = {
	KUNIT_CASE(modes),
	KUNIT_CASE(modes_without_capability),
	KUNIT_CASE(supported),
	KUNIT_CASE(enabled_mode),
	{}
};

static struct kunit_suite pci_tph_query_suite = {
	.name = "pci_tph_query",
	.test_cases = pci_tph_query_cases,
};

kunit_test_suite(pci_tph_query_suite);

MODULE_DESCRIPTION("KUnit tests for what drivers are told of PCIe TPH");
MODULE_LICENSE("GPL");
