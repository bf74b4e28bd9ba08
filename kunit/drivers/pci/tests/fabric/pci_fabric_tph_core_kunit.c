// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the emulated PCI fabric: TLP Processing Hints, and the PCI core
 * that enables them, programs Steering Tags, and keeps both over resets.
 *
 * What the core does is read from the function.
 */
#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_sriov_kunit.h"
#include "pci_fabric_tph_kunit.h"

struct enable_case {
	const char *name;
	bool extended;
	u8 completer;
	int ret;
	u8 enable;		/* TPH Requester Enable */
};

/* Sec 7.9.13.3, 7.5.3.15: no more than what both ends can */
static const struct enable_case enable_cases[] = {
	{ "no completer", true, COMP_NONE, -EINVAL, 0 },
	{ "TPH completer", false, COMP_TPH, 0, 1 },
	{ "TPH completer, extended requester", true, COMP_TPH, 0, 1 },
	{ "extended completer", false, COMP_EXT, 0, 1 },
	{ "extended completer and requester", true, COMP_EXT, 0, 3 },
};

static void enable_case_name(const struct enable_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(enable, enable_cases, enable_case_name);

/* Each mode, by what the root port completes; disabling clears the register. */
static void enable_modes(struct kunit *test)
{
	const struct enable_case *c = test->param_value;
	struct pci_fabric_fn_desc desc = tph_desc;
	struct pci_fabric_tph_stats stats;
	struct tph *t;

	desc.tph.extended = c->extended;
	t = make_tph(test, &desc, c->completer);
	for (int mode = MODE_NS; mode <= MODE_DS; mode++) {
		KUNIT_EXPECT_EQ(test, pcie_enable_tph(t->dev, mode), c->ret);
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep),
				c->ret ? 0 : c->enable << 8 | mode);
		if (c->ret)
			continue;
		stats = pci_fabric_tph_stats(t->ep);
		KUNIT_EXPECT_EQ(test, pcie_enable_tph(t->dev, mode), -EBUSY);
		expect_untouched(test, t->ep, stats);
		pcie_disable_tph(t->dev);
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep), 0);
		stats = pci_fabric_tph_stats(t->ep);
		pcie_disable_tph(t->dev);
		expect_untouched(test, t->ep, stats);
	}
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).reserved, 0);
}

/* A mode that the function has not is refused before anything is written. */
static void refused_modes(struct kunit *test)
{
	for (int has = 0; has < 4; has++) {
		struct pci_fabric_fn_desc desc = tph_desc;
		struct tph *t;

		desc.tph.iv = has & 1;
		desc.tph.ds = has & 2;
		t = make_tph(test, &desc, COMP_EXT);
		for (int mode = MODE_IV; mode <= 7; mode++) {
			bool ok = mode <= MODE_DS && has & mode;

			KUNIT_EXPECT_EQ_MSG(test, pcie_enable_tph(t->dev, mode),
					    ok ? 0 : -EINVAL, "mode %d of %d",
					    mode, has);
			KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep),
					ok ? 0x300 | mode : 0);
			pcie_disable_tph(t->dev);
		}
		pci_fabric_destroy(t->fabric);
	}
}

/* Without the capability nothing is enabled, programmed or written. */
static void no_capability(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = tph_desc;
	struct tph *t;
	unsigned int writes;

	desc.tph.present = false;
	t = make_tph(test, &desc, COMP_EXT);
	KUNIT_EXPECT_EQ(test, t->cap, 0);
	KUNIT_EXPECT_EQ(test, pci_find_ext_capability(t->dev, TPH_ID), 0);
	writes = pci_fabric_stats(t->ep).cfg_writes;
	KUNIT_EXPECT_EQ(test, pcie_enable_tph(t->dev, MODE_NS), -EINVAL);
	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 0, 1), -EINVAL);
	pcie_disable_tph(t->dev);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(t->ep).cfg_writes, writes);
}

/* A function of the Root Complex has no root port to ask. */
static void integrated(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn_desc desc = tph_desc;
	struct pci_fabric_fn *fn;
	struct pci_dev *dev;

	desc.pcie_type = TYPE_RCIEP;
	fn = pci_fabric_add(fabric, NULL, &desc);
	pci_fabric_scan(fabric);
	dev = pci_fabric_pdev(fn);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_EXPECT_EQ(test, pcie_enable_tph(dev, MODE_DS), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(fn), 0x302);
}

/* Behind a switch it is the root port that counts, not the port above. */
static void behind_switch(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *port, *fn;
	struct pci_dev *dev;

	port = pci_fabric_add(fabric, NULL, &(struct pci_fabric_fn_desc){
		.device = 0x0104, .hdr_type = 1, .pcie_type = TYPE_ROOT_PORT,
		.tph_completer = COMP_TPH,
	});
	port = pci_fabric_add(fabric, port, &(struct pci_fabric_fn_desc){
		.device = 0x0105, .hdr_type = 1, .pcie_type = TYPE_UPSTREAM,
	});
	port = pci_fabric_add(fabric, port, &(struct pci_fabric_fn_desc){
		.device = 0x0106, .hdr_type = 1, .pcie_type = TYPE_DOWNSTREAM,
		.tph_completer = COMP_EXT,
	});
	fn = pci_fabric_add(fabric, port, &tph_desc);
	pci_fabric_scan(fabric);
	dev = pci_fabric_pdev(fn);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_EXPECT_EQ(test, pcie_enable_tph(dev, MODE_DS), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(fn), 0x102);
}

/* Sec 7.9.13.2: N - 1 encoding, and 0 when the capability has no table */
static void table_size(struct kunit *test)
{
	static const u16 sizes[] = { 1, 2, 63, 64 };
	struct pci_fabric_fn_desc desc = tph_desc;
	struct tph *t;

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		desc.tph.st_size = sizes[i];
		t = make_tph(test, &desc, COMP_EXT);
		KUNIT_EXPECT_EQ(test, pcie_tph_get_st_table_size(t->dev), sizes[i]);
		KUNIT_EXPECT_NE(test, pcie_tph_get_st_table_loc(t->dev), 0);
		pci_fabric_destroy(t->fabric);
	}
	t = make_loc(test, LOC_NONE);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_table_size(t->dev), 0);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_table_loc(t->dev), 0);
}

/*
 * Sec 6.17.3: tags change while the requester is disabled, which the core sees to;
 * it is enabled afterwards as before.  Catches a tag at the wrong entry.
 */
static void entries_in_capability(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_CAP);
	struct pci_fabric_tph_stats stats;

	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 0, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).cap_writes, 0);

	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_IV), 0);
	for (int i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 7 - i,
							    0x1100 + i), 0);
	for (int i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, i), 0x1107 - i);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep), 0x301);
	stats = pci_fabric_tph_stats(t->ep);
	KUNIT_EXPECT_EQ(test, stats.st_writes, 8);
	KUNIT_EXPECT_EQ(test, stats.st_live, 0);

	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 8, 1), -ENXIO);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_writes, 8);
}

/* No ST Mode has no tags, and a function without a table no place for them. */
static void entries_nowhere(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_CAP);
	struct pci_fabric_tph_stats stats;

	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_NS), 0);
	stats = pci_fabric_tph_stats(t->ep);
	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 0, 1), 0);
	expect_untouched(test, t->ep, stats);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep), 0x300);

	t = make_loc(test, LOC_NONE);
	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_DS), 0);
	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 0, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_writes, 0);
}

static irqreturn_t count_irq(int irq, void *data)
{
	++*(int *)data;
	return IRQ_HANDLED;
}

/*
 * Tags in the MSI-X table: in the entry of the vector, and only there; masking the
 * vector keeps the tag, and the tag keeps the mask and the message.
 */
static void entries_in_msix(struct kunit *test)
{
	struct tph *t = make_loc(test, LOC_MSIX);
	int count = 0, irq;

	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_IV), 0);
	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 0, 1), -ENXIO);
	pcie_disable_tph(t->dev);

	get_msix(test, t->dev, 3);
	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_IV), 0);
	irq = pci_irq_vector(t->dev, 2);
	KUNIT_ASSERT_EQ(test, request_irq(irq, count_irq, 0, "count", &count), 0);
	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 2, 0xbeef), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 2), 0xbeef);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(t->ep, 0, TABLE + 2 * 16 + 12, 4),
			0xbeef0000);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep), 0x301);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(t->ep, 2),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, count, 1);
	free_irq(irq, &count);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(t->ep, 0, TABLE + 2 * 16 + 12, 4),
			0xbeef0001);

	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 1, 0x0102), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(t->ep, 0, TABLE + 16 + 12, 4),
			0x01020001);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 0), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_writes, 2);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_live, 0);

	/* a table entry without a vector, and none at all */
	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 3, 1), -ENXIO);
	pcie_disable_tph(t->dev);
	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_IV), 0);
	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 4, 1), -ENXIO);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(t->ep).st_writes, 2);
}

/* Without Extended TPH Requester, 8 bits arrive. */
static void short_tags(struct kunit *test)
{
	static const u8 locs[] = { LOC_CAP, LOC_MSIX };
	struct pci_fabric_fn_desc desc = tph_desc;

	desc.tph.extended = false;
	for (int i = 0; i < ARRAY_SIZE(locs); i++) {
		struct tph *t;

		desc.tph.st_loc = locs[i];
		desc.tph.st_size = 4;
		t = make_tph(test, &desc, COMP_EXT);
		get_msix(test, t->dev, 4);
		KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_IV), 0);
		KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(t->dev, 3, 0xbeef), 0);
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 3), 0x00ef);
		kunit_release_action(test, free_vectors, t->dev);
		pci_fabric_destroy(t->fabric);
	}
}

/* pci_reset_function() resets the function, and brings mode and tags back. */
static void kept_over_reset(struct kunit *test)
{
	static const u8 locs[] = { LOC_CAP, LOC_MSIX };

	for (int i = 0; i < ARRAY_SIZE(locs); i++) {
		struct tph *t = make_loc(test, locs[i]);
		struct pci_fabric_stats stats;
		unsigned int before;

		get_msix(test, t->dev, 4);
		KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_DS), 0);
		KUNIT_ASSERT_EQ(test, pcie_tph_set_st_entry(t->dev, 0, 0x1234), 0);
		KUNIT_ASSERT_EQ(test, pcie_tph_set_st_entry(t->dev, 3, 0xfedc), 0);
		before = pci_fabric_tph_stats(t->ep).st_writes;
		KUNIT_EXPECT_EQ(test, pci_reset_function(t->dev), 0);
		stats = pci_fabric_stats(t->ep);
		KUNIT_EXPECT_EQ(test, stats.resets[PCI_FABRIC_RESET_FLR], 1);
		KUNIT_EXPECT_GT(test, pci_fabric_tph_stats(t->ep).st_writes, before);
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep), 0x302);
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 0), 0x1234);
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 1), 0);
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 3), 0xfedc);

		/* nothing to bring back */
		pcie_disable_tph(t->dev);
		KUNIT_EXPECT_EQ(test, pci_reset_function(t->dev), 0);
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(t->ep), 0);
		if (locs[i] == LOC_CAP)
			KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(t->ep, 0), 0);
		kunit_release_action(test, free_vectors, t->dev);
		pci_fabric_destroy(t->fabric);
	}
}

static struct sriov *make_vfs(struct kunit *test, u8 pf_loc, u8 vf_loc)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn_desc vf = vf_desc, pf = pf_desc;
	struct pci_fabric_fn *port;

	port = pci_fabric_add(fabric, NULL, &(struct pci_fabric_fn_desc){
		.device = 0x0104, .hdr_type = 1, .pcie_type = TYPE_ROOT_PORT,
		.ari_forwarding = true, .tph_completer = COMP_EXT,
	});
	vf.tph = tph_desc.tph;
	vf.tph.st_loc = vf_loc;
	vf.tph.st_size = vf_loc == LOC_CAP ? 4 : 0;
	pf.tph = tph_desc.tph;
	pf.tph.st_loc = pf_loc;
	pf.tph.st_size = pf_loc == LOC_CAP ? 8 : 0;
	pf.sriov.vf = &vf;
	return make_at(test, fabric, port, &pf);
}

/* Each VF has a capability and tags of its own, apart from the PF's. */
static void vfs(struct kunit *test)
{
	struct sriov *s = make_vfs(test, LOC_CAP, LOC_CAP);
	struct pci_fabric_fn *vf0, *vf1;
	struct pci_dev *dev;

	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 2), 0);
	vf0 = pci_fabric_vf(s->pf, 0);
	vf1 = pci_fabric_vf(s->pf, 1);
	dev = vf_dev(test, s, 1);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, dev->tph_cap + TPH_CAP, 4), 0x00030307);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_table_size(dev), 4);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_st_table_size(s->dev), 8);

	KUNIT_EXPECT_EQ(test, pcie_enable_tph(dev, MODE_DS), 0);
	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(dev, 3, 0x7777), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(vf1, 3), 0x7777);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(vf1), 0x302);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(vf0), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(vf0, 3), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(s->pf), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(s->pf).cap_writes, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(vf0).cap_writes, 0);

	/* Sec 9.2.2.3: a reset of the PF resets its VFs; one of a VF that VF alone. */
	KUNIT_EXPECT_EQ(test, pcie_enable_tph(vf_dev(test, s, 0), MODE_IV), 0);
	pci_fabric_reset(vf1, PCI_FABRIC_RESET_FLR);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(vf1), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(vf1, 3), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(vf0), 0x301);
	pci_fabric_reset(s->pf, PCI_FABRIC_RESET_FLR);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(vf0), 0);
}

/* The tags of a VF are in its own MSI-X table. */
static void vfs_msix(struct kunit *test)
{
	struct sriov *s = make_vfs(test, LOC_NONE, LOC_MSIX);
	struct pci_dev *dev;

	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 2), 0);
	dev = vf_dev(test, s, 1);
	get_msix(test, dev, 2);
	KUNIT_EXPECT_EQ(test, pcie_enable_tph(dev, MODE_IV), 0);
	KUNIT_EXPECT_EQ(test, pcie_tph_set_st_entry(dev, 1, 0x6666), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(pci_fabric_vf(s->pf, 1), 1), 0x6666);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_st(pci_fabric_vf(s->pf, 0), 1), 0);
	kunit_release_action(test, free_vectors, dev);
}

static struct kunit_case pci_fabric_tph_core_cases[] = {
	KUNIT_CASE_PARAM(enable_modes, enable_gen_params),
	KUNIT_CASE(refused_modes),
	KUNIT_CASE(no_capability),
	KUNIT_CASE(integrated),
	KUNIT_CASE(behind_switch),
	KUNIT_CASE(table_size),
	KUNIT_CASE(entries_in_capability),
	KUNIT_CASE(entries_nowhere),
	KUNIT_CASE(entries_in_msix),
	KUNIT_CASE(short_tags),
	KUNIT_CASE(kept_over_reset),
	KUNIT_CASE(vfs),
	KUNIT_CASE(vfs_msix),
	{}
};

static struct kunit_suite pci_fabric_tph_core_suite = {
	.name = "pci_fabric_tph_core",
	.test_cases = pci_fabric_tph_core_cases,
};

kunit_test_suite(pci_fabric_tph_core_suite);

MODULE_DESCRIPTION("KUnit tests for TPH of the PCI core on the emulated PCI fabric");
MODULE_LICENSE("GPL");
