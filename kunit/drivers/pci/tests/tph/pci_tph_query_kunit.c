// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of what the PCI core tells drivers of TPH: what a device has, whether
 * it can be enabled, and whether it is, whoever saves, restores and resets it.
 *
 * Expected values are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

#include "../../pci.h"
#include "pci_fabric_tph_kunit.h"
#include "pci_tph_failing.h"

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

/*
 * pcie_tph_supported_req_type() says what pcie_enable_tph() does: whether it can, and
 * for what requests.  It does nothing.
 */
static void supported(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = tph_desc;

	for (int i = 0; i < 16; i++) {
		u8 comp = i & 3;
		int expect = !(i & 4) || comp == COMP_NONE || comp == COMP_RESERVED ?
			     0 : comp == COMP_EXT && i & 8 ? 3 : 1;
		struct tph *t;

		desc.tph.present = i & 4;
		desc.tph.extended = i & 8;
		t = make_tph(test, &desc, comp);
		KUNIT_EXPECT_EQ_MSG(test, pcie_tph_supported_req_type(t->dev), expect,
				    "present %d, completer %d, extended %d",
				    !!(i & 4), comp, !!(i & 8));
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).cap_writes, 0);
		KUNIT_EXPECT_EQ(test, pcie_enable_tph(t->dev, MODE_NS),
				expect ? 0 : -EINVAL);
		if (expect)
			KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep) >> 8, expect);
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

/* Nor has a driver a mode that a reset took, which nobody told it of */
static void enabled_mode_lost(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_CAP);

	for (int mode = MODE_NS; mode <= MODE_DS; mode++) {
		KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, mode), 0);
		pci_fabric_reset(t->ep, PCI_FABRIC_RESET_HOT);
		KUNIT_EXPECT_EQ(test, pcie_tph_enabled_mode(t->dev), -ENXIO);
		pcie_disable_tph(t->dev);
	}
	/* Requests are on, but in a mode that nobody has enabled */
	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_DS), 0);
	pci_fabric_poke(t->ep, t->cap + TPH_CTRL, 4, 0x300);
	KUNIT_EXPECT_EQ(test, pcie_tph_enabled_mode(t->dev), -ENXIO);
	pci_fabric_poke(t->ep, t->cap + TPH_CTRL, 4, 0x100 | MODE_DS);
	KUNIT_EXPECT_EQ(test, pcie_tph_enabled_mode(t->dev), -ENXIO);
	pci_fabric_poke(t->ep, t->cap + TPH_CTRL, 4, 0x300 | MODE_DS);
	KUNIT_EXPECT_EQ(test, pcie_tph_enabled_mode(t->dev), MODE_DS);
}

/* There, not there, and there no more */
static void check_device(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_CAP);

	KUNIT_EXPECT_EQ(test, pcie_tph_check_device(t->dev), 0);
	pci_fabric_surprise_remove(t->ep);
	KUNIT_EXPECT_EQ(test, pcie_tph_check_device(t->dev), -ENODEV);
	pci_fabric_insert(t->ep);
	KUNIT_EXPECT_EQ(test, pcie_tph_check_device(t->dev), 0);
	pci_fabric_destroy(t->fabric);

	t = make_without(test);
	KUNIT_EXPECT_EQ(test, pcie_tph_check_device(t->dev), -ENOTTY);
	pci_fabric_poke(t->ep, 0x04, 4, 0x00100000);
}

/* How many entries there are, wherever the table is: ST Table Size is one less */
static void entries(struct kunit *test)
{
	static const struct { u8 loc; u16 size, vectors; } tables[] = {
		{ LOC_NONE, 0, 4 }, { LOC_CAP, 1, 4 }, { LOC_CAP, 64, 4 },
		{ LOC_MSIX, 4, 4 }, { LOC_MSIX, 3, 4 }, { LOC_MSIX, 1, 4 },
	};

	for (int i = 0; i < ARRAY_SIZE(tables); i++) {
		struct pci_fabric_fn_desc desc = tph_desc;
		struct tph *t;

		desc.tph.st_loc = tables[i].loc;
		desc.tph.st_size = tables[i].size;
		t = make_tph(test, &desc, COMP_EXT);
		KUNIT_EXPECT_EQ(test, pcie_tph_get_st_entries(t->dev), tables[i].size);
		/* More than there are vectors, and than the capability may have */
		if (tables[i].loc != LOC_NONE) {
			pci_fabric_poke(t->ep, t->cap + TPH_CAP + 2, 2, 0x07ff);
			KUNIT_EXPECT_EQ(test, pcie_tph_get_st_entries(t->dev),
					tables[i].loc == LOC_CAP ? 64 : 4);
		}
		pci_fabric_destroy(t->fabric);
	}
}

/* A table in an MSI-X table that there is not */
static void entries_no_msix(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = tph_desc;
	struct tph *t;

	desc.msix.vectors = 0;
	t = make_tph(test, &desc, COMP_EXT);
	pci_fabric_poke(t->ep, t->cap + TPH_CAP, 2, 0x0407);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_table_loc(t->dev), 0x400);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_entries(t->dev), 0);
}

/* A capability so near to the end of configuration space, that is where it is */
#define DSN_HEADER(next)	(0x00010003 | (next) << 20)
#define TPH_HEADER		0x00010017

static struct tph *make_at(struct kunit *test, unsigned int pos)
{
	struct pci_fabric_fn_desc desc = tph_desc;
	struct tph *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	desc.tph.present = false;
	t->fabric = pci_fabric_alloc(test);
	t->port = pci_fabric_add(t->fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(1, 0), .device = 0x0104,
		.hdr_type = 1, .pcie_type = TYPE_ROOT_PORT,
		.tph_completer = COMP_EXT,
	});
	t->ep = pci_fabric_add(t->fabric, t->port, &desc);
	t->cap = pos;
	pci_fabric_poke(t->ep, 0x100, 4, DSN_HEADER(pos));
	pci_fabric_poke(t->ep, pos, 4, TPH_HEADER);
	if (pos + 8 <= 0x1000)
		pci_fabric_poke(t->ep, pos + TPH_CAP, 4, 0x07ff0307);
	pci_fabric_scan(t->fabric);
	t->dev = pci_fabric_pdev(t->ep);
	KUNIT_ASSERT_NOT_NULL(test, t->dev);
	return t;
}

static void see_stray(struct pci_fabric_fn *fn, unsigned int where,
		      unsigned int size, u32 val, void *priv)
{
	unsigned int *stray = priv;

	*stray += where < 0x100;
}

/* No entry is in the header, where offsets beyond the end wrap to */
static void end_of_space(struct kunit *test)
{
	static const struct { unsigned int pos, entries; } caps[] = {
		{ 0xf00, 64 }, { 0xf70, 64 }, { 0xf74, 64 }, { 0xf78, 62 },
		{ 0xff0, 2 }, { 0xff4, 0 },
	};

	for (int i = 0; i < ARRAY_SIZE(caps); i++) {
		struct tph *t = make_at(test, caps[i].pos);
		unsigned int stray = 0;

		KUNIT_EXPECT_EQ_MSG(test, pcie_tph_get_st_table_size(t->dev),
				    caps[i].entries, "at %#x", caps[i].pos);
		pci_fabric_watch(t->ep, see_stray, &stray);
		KUNIT_EXPECT_EQ(test, pcie_tph_reset(t->dev), 0);
		KUNIT_EXPECT_EQ(test, pcie_enable_tph(t->dev, MODE_DS), 0);
		KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, caps[i].entries, 1),
				-ENXIO);
		pci_fabric_watch(t->ep, NULL, NULL);
		KUNIT_EXPECT_EQ(test, stray, 0);
		pci_fabric_destroy(t->fabric);
	}
}

/* Nor is a capability used whose registers are beyond the end */
static void beyond_space(struct kunit *test)
{
	for (unsigned int pos = 0xff8; pos <= 0xffc; pos += 4) {
		struct tph *t = make_at(test, pos);

		KUNIT_EXPECT_EQ(test, pcie_tph_check_device(t->dev), -ENOTTY);
		KUNIT_EXPECT_EQ(test, pcie_enable_tph(t->dev, MODE_NS), -EINVAL);
		pci_fabric_destroy(t->fabric);
	}
}

/* State */

static void expect_agree(struct tph *t, struct kunit *test, u32 ctrl)
{
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep), ctrl);
	KUNIT_EXPECT_EQ(test, (int)t->dev->tph_enabled, ctrl >> 8 != 0);
	KUNIT_EXPECT_EQ(test, t->dev->tph_mode, ctrl & 7);
	KUNIT_EXPECT_EQ(test, t->dev->tph_req_type, ctrl >> 8);
}

/*
 * What is restored is what the kernel believes, whatever was enabled or disabled
 * since it was saved.
 */
static void restored(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_CAP);

	/* Saved on, lost, restored on */
	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_IV), 0);
	KUNIT_ASSERT_EQ(test, pcie_tph_set_st_entry(t->dev, 3, 0x1234), 0);
	pci_save_state(t->dev);
	pci_fabric_reset(t->ep, PCI_FABRIC_RESET_HOT);
	pci_restore_state(t->dev);
	expect_agree(t, test, 0x300 | MODE_IV);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 3), 0x1234);

	/* Disabled in between: stays off, and the tags do not come back */
	pci_save_state(t->dev);
	pcie_disable_tph(t->dev);
	pci_fabric_reset(t->ep, PCI_FABRIC_RESET_HOT);
	pci_restore_state(t->dev);
	expect_agree(t, test, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 3), 0);

	/* Enabled in between: as it was saved, off */
	pci_save_state(t->dev);
	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_DS), 0);
	pci_fabric_reset(t->ep, PCI_FABRIC_RESET_HOT);
	pci_restore_state(t->dev);
	expect_agree(t, test, 0);
	KUNIT_EXPECT_EQ(test, pcie_enable_tph(t->dev, MODE_DS), 0);
	expect_agree(t, test, 0x300 | MODE_DS);
}

/* Requests go out again when all tags are there */
static void see_on(struct pci_fabric_fn *fn, unsigned int where, unsigned int size,
		   u32 val, void *priv)
{
	struct tph *t = priv;

	if (where == t->cap + TPH_CTRL && val & 0x300)
		KUNIT_EXPECT_EQ(kunit_get_current_test(),
				pci_fabric_tph_st(fn, 7), 0x4321);
}

static void restored_last(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_CAP);

	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_IV), 0);
	KUNIT_ASSERT_EQ(test, pcie_tph_set_st_entry(t->dev, 7, 0x4321), 0);
	pci_save_state(t->dev);
	pci_fabric_reset(t->ep, PCI_FABRIC_RESET_HOT);
	pci_fabric_watch(t->ep, see_on, t);
	pci_restore_state(t->dev);
	pci_fabric_watch(t->ep, NULL, NULL);
	expect_agree(t, test, 0x300 | MODE_IV);
}

/* A device that is gone has nothing to save, and its table no other size */
static void saved_gone(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_CAP);

	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_IV), 0);
	pci_fabric_surprise_remove(t->ep);
	pci_save_state(t->dev);
	pci_fabric_insert(t->ep);
	pci_restore_state(t->dev);
	expect_agree(t, test, 0);
}

/* The table grows after the buffer was allocated: 8 entries are saved, for KASAN */
static void saved_more(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_CAP);
	struct pci_cap_saved_state *saved;
	unsigned int writes;

	saved = pci_find_saved_ext_cap(t->dev, TPH_ID);
	KUNIT_ASSERT_NOT_NULL(test, saved);
	KUNIT_EXPECT_EQ(test, saved->cap.size, 4 + 2 * 8);
	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_IV), 0);
	pci_fabric_poke(t->ep, t->cap + TPH_CAP + 2, 2, 63);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_table_size(t->dev), 64);
	pci_save_state(t->dev);
	writes = pci_fabric_tph_stats(t->ep).st_writes;
	pci_restore_state(t->dev);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_writes - writes, 8);
}

/* Left on by the kernel before: off when the device is found */
static void found_on(struct kunit *test)
{
	struct tph *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->fabric = pci_fabric_alloc(test);
	t->ep = pci_fabric_add(t->fabric, NULL, &tph_desc);
	t->cap = pci_fabric_cap_pos(t->ep, TPH_ID, true);
	pci_fabric_poke(t->ep, t->cap + TPH_CTRL, 4, 0x100 | MODE_IV);
	pci_fabric_scan(t->fabric);
	t->dev = pci_fabric_pdev(t->ep);
	KUNIT_ASSERT_NOT_NULL(test, t->dev);
	expect_agree(t, test, 0);
}

/* pcie_tph_reset() does not ask what is enabled, and nothing is left */
static void reset(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_CAP);

	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_IV), 0);
	for (int i = 0; i < 8; i++)
		KUNIT_ASSERT_EQ(test, pcie_tph_set_st_entry(t->dev, i, 0x100 + i), 0);
	pci_save_state(t->dev);
	KUNIT_EXPECT_EQ(test, pcie_tph_reset(t->dev), 0);
	for (int i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, i), 0);
	expect_agree(t, test, 0);
	pci_restore_state(t->dev);
	expect_agree(t, test, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 7), 0);

	/* On, and the kernel does not know */
	pci_fabric_poke(t->ep, t->cap + TPH_CTRL, 4, 0x300 | MODE_DS);
	pci_fabric_poke(t->ep, t->cap + TPH_TABLE, 2, 0x77);
	KUNIT_EXPECT_EQ(test, pcie_tph_reset(t->dev), 0);
	expect_agree(t, test, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 0), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_live, 0);

	pci_fabric_poke(t->ep, t->cap + TPH_TABLE, 2, 0x77);
	pci_tph_fail(t->dev->bus);
	KUNIT_EXPECT_EQ(test, pcie_tph_reset(t->dev), -ENODEV);
	pci_tph_succeed(t->dev->bus);
	pci_fabric_destroy(t->fabric);

	t = make_without(test);
	KUNIT_EXPECT_EQ(test, pcie_tph_reset(t->dev), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(t->ep, 0x04, 4), 0x00100407);
	pci_fabric_poke(t->ep, 0x04, 4, 0x00100000);
}

static int test_st(struct pci_dev *pdev, enum tph_mem_type mem_type, unsigned int cpu,
		   u16 *tag)
{
	if (pdev != kunit_get_current_test()->priv)
		return -EXDEV;
	*tag = 0x4000 + 0x100 * mem_type + cpu;
	return cpu < 8 ? 0 : -ERANGE;
}

/* Who asks for a tag, in another thread */
struct ask {
	struct work_struct work;
	struct pci_dev *dev;
	u16 tag;
	int ret;
};

static void ask_work(struct work_struct *work)
{
	struct ask *ask = container_of(work, struct ask, work);

	ask->ret = pcie_tph_get_cpu_st(ask->dev, TPH_MEM_TYPE_VM, 3, &ask->tag);
}

/*
 * A test can give the tags, and is asked as the caller asks.  The kernel answers all
 * others, and knows nothing of these devices.  Catches arguments that are mixed up, and a
 * test whose answers reach drivers that it knows nothing of.
 */
static void redirected(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_CAP);
	struct ask ask = { .dev = t->dev, .tag = 0x5555 };
	u16 tag;

	INIT_WORK_ONSTACK(&ask.work, ask_work);
	test->priv = t->dev;
	KUNIT_EXPECT_LT(test, pcie_tph_get_cpu_st(t->dev, TPH_MEM_TYPE_VM, 3, &tag), 0);
	kunit_activate_static_stub(test, pcie_tph_get_cpu_st, test_st);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_cpu_st(t->port_dev, TPH_MEM_TYPE_VM, 3, &tag),
			-EXDEV);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_cpu_st(t->dev, TPH_MEM_TYPE_VM, 3, &tag), 0);
	KUNIT_EXPECT_EQ(test, tag, 0x4003);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_cpu_st(t->dev, TPH_MEM_TYPE_PM, 7, &tag), 0);
	KUNIT_EXPECT_EQ(test, tag, 0x4107);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_cpu_st(t->dev, TPH_MEM_TYPE_PM, 8, &tag),
			-ERANGE);

	schedule_work(&ask.work);
	flush_work(&ask.work);
	destroy_work_on_stack(&ask.work);
	KUNIT_EXPECT_LT(test, ask.ret, 0);
	KUNIT_EXPECT_NE(test, ask.tag, 0x4003);

	kunit_deactivate_static_stub(test, pcie_tph_get_cpu_st);
	KUNIT_EXPECT_LT(test, pcie_tph_get_cpu_st(t->dev, TPH_MEM_TYPE_VM, 3, &tag), 0);
}

static struct kunit_case pci_tph_query_cases[] = {
	KUNIT_CASE(modes),
	KUNIT_CASE(modes_without_capability),
	KUNIT_CASE(supported),
	KUNIT_CASE(enabled_mode),
	KUNIT_CASE(enabled_mode_lost),
	KUNIT_CASE(check_device),
	KUNIT_CASE(entries),
	KUNIT_CASE(entries_no_msix),
	KUNIT_CASE(end_of_space),
	KUNIT_CASE(beyond_space),
	KUNIT_CASE(restored),
	KUNIT_CASE(restored_last),
	KUNIT_CASE(saved_gone),
	KUNIT_CASE(saved_more),
	KUNIT_CASE(found_on),
	KUNIT_CASE(reset),
	KUNIT_CASE(redirected),
	{}
};

static struct kunit_suite pci_tph_query_suite = {
	.name = "pci_tph_query",
	.test_cases = pci_tph_query_cases,
};

kunit_test_suite(pci_tph_query_suite);

MODULE_DESCRIPTION("KUnit tests for what drivers are told of PCIe TPH");
MODULE_LICENSE("GPL");
