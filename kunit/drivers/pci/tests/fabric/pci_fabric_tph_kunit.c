// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the emulated PCI fabric: TLP Processing Hints.
 *
 * First the registers against the specification, by plain accesses; then the PCI
 * core, pcie_enable_tph() and what belongs to it, on top of them.
 */
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_sriov_kunit.h"
#include "pci_fabric_tph_kunit.h"

struct tph_case {
	const char *name;
	bool iv, ds, extended;
	u8 loc;
	u16 size;
	u32 cap;		/* TPH Requester Capability */
};

/* Sec 7.9.13.2: modes in bits 2:0, Extended in 8, location in 10:9, N - 1 in 26:16 */
static const struct tph_case tph_cases[] = {
	{ "No ST Mode alone", false, false, false, LOC_NONE, 0, 0x00000001 },
	{ "extended, no table", false, false, true, LOC_NONE, 0, 0x00000101 },
	{ "DS, no table", false, true, false, LOC_NONE, 0, 0x00000005 },
	{ "DS, one tag", false, true, false, LOC_CAP, 1, 0x00000205 },
	{ "IV, 64 tags", true, false, true, LOC_CAP, 64, 0x003f0303 },
	{ "all, 3 tags", true, true, true, LOC_CAP, 3, 0x00020307 },
	{ "all but extended, MSI-X", true, true, false, LOC_MSIX, 0, 0x00030407 },
	{ "IV, MSI-X, 2 of 4", true, false, true, LOC_MSIX, 2, 0x00010503 },
};

static void tph_case_name(const struct tph_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tph, tph_cases, tph_case_name);

static struct tph *make_case(struct kunit *test, const struct tph_case *c)
{
	struct pci_fabric_fn_desc desc = tph_desc;

	desc.serial = 0x0123456789abcdefULL;
	desc.tph.iv = c->iv;
	desc.tph.ds = c->ds;
	desc.tph.extended = c->extended;
	desc.tph.st_loc = c->loc;
	desc.tph.st_size = c->size;
	return make_tph(test, &desc, COMP_EXT);
}

/*
 * Sec 7.9.13.1, 7.9.13.2: header and capability register, which nothing changes.
 * Catches a wrong layout, and bits that can be written.
 */
static void capability(struct kunit *test)
{
	const struct tph_case *c = test->param_value;
	struct tph *t = make_case(test, c);

	KUNIT_ASSERT_EQ(test, pci_find_ext_capability(t->dev, TPH_ID), t->cap);
	KUNIT_EXPECT_EQ(test, t->dev->tph_cap, t->cap);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, t->cap, 4) & 0xfffff, 0x10017);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, t->cap + TPH_CAP, 4), c->cap);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, t->cap + TPH_CTRL, 4), 0);

	cfg_write(t->dev, t->cap, 4, 0);
	cfg_write(t->dev, t->cap + TPH_CAP, 4, ~c->cap);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, t->cap, 4) & 0xfffff, 0x10017);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, t->cap + TPH_CAP, 4), c->cap);
}

/*
 * Sec 7.9.13.3: a mode that is not supported and Extended Requests cannot be
 * selected, reserved values change nothing, reserved bits are zero.
 */
static void control(struct kunit *test)
{
	const struct tph_case *c = test->param_value;
	struct tph *t = make_case(test, c);
	unsigned int where = t->cap + TPH_CTRL;
	struct pci_fabric_tph_stats stats;
	u32 last = c->ds ? MODE_DS : c->iv ? MODE_IV : MODE_NS;

	cfg_write(t->dev, where, 4, MODE_IV);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, where, 4), c->iv ? MODE_IV : 0);
	cfg_write(t->dev, where, 4, MODE_DS);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, where, 4), c->ds ? MODE_DS : 0);
	cfg_write(t->dev, where, 4, 0xfffffcf8 | last);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, where, 4), last);

	/* byte by byte, as the bus allows */
	cfg_write(t->dev, where + 1, 1, 0x01);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, where, 4), 0x100 | last);
	cfg_write(t->dev, where + 1, 1, 0x03);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, where, 4),
			(c->extended ? 0x300 : 0x100) | last);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep),
			(c->extended ? 0x300 : 0x100) | last);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).reserved, 0);
	cfg_write(t->dev, where, 4, 0);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, where, 4), 0);

	/* reserved values, each beside a good one, where bits can be written at all */
	if (!c->extended || !c->iv || !c->ds)
		return;
	cfg_write(t->dev, where, 4, 0x101);
	cfg_write(t->dev, where, 4, 0x202);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, where, 4), 0x102);
	cfg_write(t->dev, where, 4, 0x303);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, where, 4), 0x302);
	cfg_write(t->dev, where + 1, 1, 0x02);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, where, 4), 0x302);
	cfg_write(t->dev, where, 4, 0);
	cfg_write(t->dev, where, 4, 0x203);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, where, 4), 0);
	stats = pci_fabric_tph_stats(t->ep);
	KUNIT_EXPECT_EQ(test, stats.reserved, 4);
}

/*
 * Sec 7.9.13.4: as many tags as the size says, in 16 bits, of which the upper 8
 * are for Extended TPH.  Catches a table that is too short or too long, at the
 * wrong place, or shares bits between entries.
 */
static void table(struct kunit *test)
{
	const struct tph_case *c = test->param_value;
	unsigned int nr = c->loc == LOC_CAP ? c->size : 0;
	struct tph *t = make_case(test, c);
	u16 mask = c->extended ? 0xffff : 0x00ff;
	unsigned int start = t->cap + TPH_TABLE;

	for (int i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ(test, cfg_read(t->dev, start + 2 * i, 2), 0);
		cfg_write(t->dev, start + 2 * i, 2, 0xa501 + 0x0101 * i);
	}
	for (int i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ(test, cfg_read(t->dev, start + 2 * i, 2),
				(0xa501 + 0x0101 * i) & mask);
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, i),
				(0xa501 + 0x0101 * i) & mask);
	}
	cfg_write(t->dev, start + 2 * nr, 2, 0xffff);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, start + 2 * nr, 2), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_writes, nr);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).cap_writes, nr);

	if (nr < 2)
		return;
	cfg_write(t->dev, start, 4, 0x12345678);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 0), 0x5678 & mask);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 1), 0x1234 & mask);
	cfg_write(t->dev, start + 3, 1, 0x9a);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 1), 0x9a34 & mask);
}

/*
 * Sec 7.7.2.8: ST Lower and ST Upper of Vector Control are there if the capability
 * says that the table is, ST Upper only with Extended TPH; else reserved.
 */
static void table_in_msix(struct kunit *test)
{
	const struct tph_case *c = test->param_value;
	u32 mask = c->loc != LOC_MSIX ? 0 : c->extended ? 0xffff0000 : 0x00ff0000;
	struct tph *t = make_case(test, c);
	void __iomem *bar;

	KUNIT_ASSERT_EQ(test, pci_enable_device(t->dev), 0);
	bar = map(test, pci_resource_start(t->dev, 0), SZ_8K);
	for (int i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, readl(bar + TABLE + 16 * i + 12), 1);
		writel(~0U - 1 - (i << 16), bar + TABLE + 16 * i + 12);
	}
	for (int i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, readl(bar + TABLE + 16 * i + 12),
				(~0U - 1 - (i << 16)) & mask);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_writes, mask ? 4 : 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).cap_writes, 0);
	if (!mask)
		return;

	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 0), mask >> 16);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 1), (mask >> 16) - 1);
	/* masking an entry writes the tag that is there */
	writel((mask & 0xfffe0000) | 1, bar + TABLE + 16 + 12);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_writes, 4);
}

/* Which tags were written while the function was free to use them */
static void live_writes(struct kunit *test)
{
	static const u8 locs[] = { LOC_CAP, LOC_MSIX };

	for (int i = 0; i < ARRAY_SIZE(locs); i++) {
		struct tph *t = make_loc(test, locs[i]);
		void __iomem *bar;

		KUNIT_ASSERT_EQ(test, pci_enable_device(t->dev), 0);
		bar = map(test, pci_resource_start(t->dev, 0), SZ_8K);
		for (int live = 0; live <= 1; live++) {
			cfg_write(t->dev, t->cap + TPH_CTRL, 4,
				  live ? 0x101 : 0x001);
			if (locs[i] == LOC_CAP)
				cfg_write(t->dev, t->cap + TPH_TABLE, 2, 1 + live);
			else
				writel((1 + live) << 16, bar + TABLE + 12);
			KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 0), 1 + live);
			KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_writes,
					1 + live);
			KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_live,
					live);
			KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).ctrl_writes,
					1 + live);
		}
		kunit_release_action(test, unmap, (void __force *)bar);
		pci_fabric_destroy(t->fabric);
	}
}

struct reset_case {
	const char *name;
	u8 loc;
	enum { BY_FLR, BY_D3HOT, BY_D3HOT_NO_RESET, BY_BUS, BY_POWER } by;
};

static const struct reset_case reset_cases[] = {
	{ "FLR", LOC_CAP, BY_FLR },
	{ "FLR, MSI-X", LOC_MSIX, BY_FLR },
	{ "D3hot", LOC_CAP, BY_D3HOT },
	{ "D3hot, MSI-X", LOC_MSIX, BY_D3HOT },
	{ "D3hot with No_Soft_Reset", LOC_CAP, BY_D3HOT_NO_RESET },
	{ "D3hot with No_Soft_Reset, MSI-X", LOC_MSIX, BY_D3HOT_NO_RESET },
	{ "Secondary Bus Reset", LOC_CAP, BY_BUS },
	{ "power", LOC_CAP, BY_POWER },
};

static void reset_case_name(const struct reset_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(reset, reset_cases, reset_case_name);

static void do_reset(struct tph *t, const struct reset_case *c)
{
	unsigned int exp = pci_fabric_cap_pos(t->ep, 0x10, false);
	unsigned int pm = pci_fabric_cap_pos(t->ep, 0x01, false);

	switch (c->by) {
	case BY_FLR:		/* Device Control, sec 7.5.3.4 */
		cfg_write(t->dev, exp + 8, 2, 0x8000);
		break;
	case BY_D3HOT:		/* PMCSR, sec 7.5.2.2 */
	case BY_D3HOT_NO_RESET:
		cfg_write(t->dev, pm + 4, 2, 3);
		cfg_write(t->dev, pm + 4, 2, 0);
		break;
	case BY_BUS:		/* Bridge Control, sec 7.5.1.3.13 */
		cfg_write(t->port_dev, 0x3e, 2, 0x40);
		cfg_write(t->port_dev, 0x3e, 2, 0);
		break;
	case BY_POWER:
		pci_fabric_reset(t->ep, PCI_FABRIC_RESET_COLD);
		break;
	}
}

/*
 * Sec 6.6, 7.9.13.3, 7.9.13.4: resets disable the requester and zero the tags;
 * what the function supports stays.  Catches sticky bits, and a reserved value
 * that brings back what a reset cleared.
 */
static void resets(struct kunit *test)
{
	const struct reset_case *c = test->param_value;
	bool keep = c->by == BY_D3HOT_NO_RESET;
	struct pci_fabric_fn_desc desc = tph_desc;
	void __iomem *bar;
	struct tph *t;
	u32 cap;

	desc.no_soft_reset = keep;
	desc.tph.st_loc = c->loc;
	desc.tph.st_size = c->loc == LOC_CAP ? 8 : 0;
	t = make_tph(test, &desc, COMP_EXT);
	cap = cfg_read(t->dev, t->cap + TPH_CAP, 4);
	KUNIT_ASSERT_EQ(test, pci_enable_device(t->dev), 0);
	bar = map(test, pci_resource_start(t->dev, 0), SZ_8K);

	cfg_write(t->dev, t->cap + TPH_CTRL, 4, 0x302);
	if (c->loc == LOC_CAP)
		cfg_write(t->dev, t->cap + TPH_TABLE + 2 * 3, 2, 0xbeef);
	else
		writel(0xbeef0000, bar + TABLE + 3 * 16 + 12);
	KUNIT_ASSERT_EQ(test, pci_fabric_tph_st(t->ep, 3), 0xbeef);

	do_reset(t, c);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep), keep ? 0x302 : 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 3), keep ? 0xbeef : 0);
	KUNIT_EXPECT_EQ(test, cfg_read(t->dev, t->cap + TPH_CAP, 4), cap);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).cap_writes,
			c->loc == LOC_CAP ? 2 : 1);
	cfg_write(t->dev, t->cap + TPH_CTRL, 4, 0x203);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep), keep ? 0x302 : 0);
}

/* Sec 7.5.3.15: bits 13:12 of Device Capabilities 2, read-only */
static void completer(struct kunit *test)
{
	for (u8 comp = 0; comp <= 3; comp++) {
		struct tph *t = make_tph(test, &tph_desc, comp);
		unsigned int where = pci_fabric_cap_pos(t->port, 0x10, false) + 0x24;

		KUNIT_EXPECT_EQ(test, cfg_read(t->port_dev, where, 4), comp << 12);
		cfg_write(t->port_dev, where, 4, ~(comp << 12));
		KUNIT_EXPECT_EQ(test, cfg_read(t->port_dev, where, 4), comp << 12);
		pci_fabric_destroy(t->fabric);
	}
}

static struct kunit_case pci_fabric_tph_cases[] = {
	KUNIT_CASE_PARAM(capability, tph_gen_params),
	KUNIT_CASE_PARAM(control, tph_gen_params),
	KUNIT_CASE_PARAM(table, tph_gen_params),
	KUNIT_CASE_PARAM(table_in_msix, tph_gen_params),
	KUNIT_CASE(live_writes),
	KUNIT_CASE_PARAM(resets, reset_gen_params),
	KUNIT_CASE(completer),
	{}
};

static struct kunit_suite pci_fabric_tph_suite = {
	.name = "pci_fabric_tph",
	.test_cases = pci_fabric_tph_cases,
};

kunit_test_suite(pci_fabric_tph_suite);

MODULE_DESCRIPTION("KUnit tests for the emulated PCI fabric: TLP Processing Hints");
MODULE_LICENSE("GPL");
