// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of what hosts and administrators do to pci-epf-vntb that they should not:
 * commands that make no sense, registers that are not theirs, attributes of a function
 * that is bound, functions that are bound in part.
 */
#include <kunit/pci.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init_syscalls.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include "pci_epf_vntb_host.h"

/* Windows that the function does not have are refused, and nothing is mapped. */
static void __init windows_that_do_not_exist(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	static const u32 windows[] = { 1, 2, 3, 4, 5, 100, 0x7fffffff, 0x80000000,
				       0xffffffff };

	h->fake->count = 0;
	bind(h);
	for (int i = 0; i < ARRAY_SIZE(windows); i++) {
		KUNIT_EXPECT_EQ(test, command(h, CONFIGURE_MW, windows[i]), ERROR);
		KUNIT_EXPECT_EQ(test, command(h, TEARDOWN_MW, windows[i]), ERROR);
		KUNIT_EXPECT_EQ(test, h->fake->maps, 0);
	}
	*(u64 *)reg(h, REG_ADDR) = 0x100000;
	*(u64 *)reg(h, REG_SIZE) = 0x10000;
	KUNIT_EXPECT_EQ(test, command(h, CONFIGURE_MW, 0), OK);
	KUNIT_EXPECT_EQ(test, h->fake->maps, 1);
	KUNIT_EXPECT_EQ(test, h->fake->map_pci, 0x100000);
	KUNIT_EXPECT_EQ(test, h->fake->map_size, 0x10000);
	KUNIT_EXPECT_EQ(test, command(h, TEARDOWN_MW, 0), OK);
	KUNIT_EXPECT_EQ(test, h->fake->maps, 0);
	KUNIT_EXPECT_EQ(test, command(h, TEARDOWN_MW, 0), OK);
	KUNIT_EXPECT_EQ(test, h->fake->maps, 0);
	unbind(h);
}

/* A window ends where it ends, whatever size the host asks for, and is not empty. */
static void __init window_larger_than_it_is(struct kunit *test)
{
	static const u64 sizes[] = { 0, 0x10001, SZ_1M, BIT_ULL(32), ~0ULL };
	struct host *h = make(test, NO_BAR);

	h->fake->count = 0;
	bind(h);
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		*(u64 *)reg(h, REG_SIZE) = sizes[i];
		KUNIT_EXPECT_EQ(test, command(h, CONFIGURE_MW, 0), ERROR);
		KUNIT_EXPECT_EQ(test, h->fake->maps, 0);
	}
	unbind(h);
}

/* A host that configures a window again and again has it once, and it goes with unbind. */
static void __init window_left_mapped(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->count = 0;
	bind(h);
	*(u64 *)reg(h, REG_SIZE) = 0x10000;
	/* Above 4 GiB as well */
	for (u64 i = 1; i <= BIT_ULL(40); i <<= 20) {
		*(u64 *)reg(h, REG_ADDR) = i * 0x100000;
		KUNIT_EXPECT_EQ(test, command(h, CONFIGURE_MW, 0), OK);
		KUNIT_EXPECT_EQ(test, h->fake->maps, 1);
		KUNIT_EXPECT_EQ(test, h->fake->map_pci, i * 0x100000);
	}
	unbind(h);
	KUNIT_EXPECT_EQ(test, h->fake->maps, 0);
	bind(h);
	KUNIT_EXPECT_EQ(test, command(h, TEARDOWN_MW, 0), OK);
	KUNIT_EXPECT_EQ(test, h->fake->maps, 0);
	unbind(h);
}

/* One that the controller cannot map is not mapped, also when there was one before. */
static void __init window_that_cannot_be_mapped(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->count = 0;
	bind(h);
	*(u64 *)reg(h, REG_SIZE) = 0x10000;
	for (int i = 0; i < 2; i++) {
		h->fake->map_ret = -ENOSPC;
		KUNIT_EXPECT_EQ(test, command(h, CONFIGURE_MW, 0), ERROR);
		KUNIT_EXPECT_EQ(test, h->fake->maps, 0);
		KUNIT_EXPECT_EQ(test, command(h, TEARDOWN_MW, 0), OK);
		KUNIT_EXPECT_EQ(test, h->fake->bad_maps, 0);
		h->fake->map_ret = 0;
		KUNIT_EXPECT_EQ(test, command(h, CONFIGURE_MW, 0), OK);
		KUNIT_EXPECT_EQ(test, h->fake->maps, 1);
	}
	unbind(h);
	KUNIT_EXPECT_EQ(test, h->fake->maps, 0);
}

/* The BAR of a window points to memory of its own, and keeps its address. */
static void expect_parked(struct host *h)
{
	struct kunit *test = h->test;

	KUNIT_EXPECT_TRUE(test, h->fake->bar_set[BAR_2]);
	KUNIT_EXPECT_EQ(test, h->fake->clears[BAR_2], 0);
	KUNIT_EXPECT_EQ(test, h->fake->bar[BAR_2].size, WINDOW);
	KUNIT_EXPECT_TRUE(test, pci_ep_fake_owns(h->fake, h->fake->bar[BAR_2].phys_addr,
						 WINDOW));
	KUNIT_EXPECT_NE(test, h->fake->bar[BAR_2].phys_addr, h->window_dma);
}

/*
 * The host can write to a window as soon as there is a BAR.  There is memory before the
 * client gives it any, and after it has freed that, which it does when the link or the
 * device goes.
 */
static void __init window_whose_memory_is_freed(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	bind(h);
	expect_parked(h);
	for (int i = 1; i <= 2; i++) {
		client_alloc_window(h);
		KUNIT_EXPECT_EQ(test, h->fake->bar[BAR_2].phys_addr, h->window_dma);
		client_free_window(h);
		expect_parked(h);
	}
	client_alloc_window(h);
	unbind(h);
	KUNIT_EXPECT_NULL(test, h->window);
}

/*
 * A BAR that cannot be set to the memory of the client points to what it did, though the
 * controller has forgotten that, or is gone.
 */
static void __init window_that_cannot_be_set(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	bind(h);
	h->fake->set_bad[BAR_2] = 0x20000;
	KUNIT_EXPECT_EQ(test, ntb_mw_set_trans(h->ntb, 0, 0, 0x20000, WINDOW), -EINVAL);
	expect_parked(h);
	KUNIT_EXPECT_EQ(test, h->cfs->epf->bar[BAR_2].phys_addr,
			h->fake->bar[BAR_2].phys_addr);
	client_alloc_window(h);
	KUNIT_EXPECT_EQ(test, ntb_mw_set_trans(h->ntb, 0, 0, 0x20000, WINDOW), -EINVAL);
	KUNIT_EXPECT_EQ(test, h->fake->bar[BAR_2].phys_addr, h->window_dma);
	client_free_window(h);
	expect_parked(h);

	h->fake->set_ret[BAR_2] = -EIO;
	KUNIT_EXPECT_EQ(test, ntb_mw_set_trans(h->ntb, 0, 0, 0x30000, WINDOW), -EIO);
	KUNIT_EXPECT_FALSE(test, h->fake->bar_set[BAR_2]);
	KUNIT_EXPECT_EQ(test, h->fake->clears[BAR_2], 1);
	h->fake->set_ret[BAR_2] = 0;
	KUNIT_EXPECT_EQ(test, ntb_mw_set_trans(h->ntb, 0, 0, 0x30000, WINDOW), 0);
	unbind(h);
	KUNIT_EXPECT_EQ(test, h->fake->clears[BAR_2], 2);
}

/* What memory of its own is aligned to, if that is less than the controller wants. */
static void __init window_whose_memory_is_not_aligned(struct kunit *test)
{
	static const struct { size_t align, fixed; } cases[] __initconst = {
		{ 0 }, { SZ_128K }, { 0, WINDOW },
	};
	struct host *h = make(test, NO_BAR);
	struct pci_epf_bar *bar = &h->fake->bar[BAR_2];
	size_t align;

	h->fake->count = 0;
	h->fake->dma_unaligned = true;
	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		h->fake->features.align = cases[i].align;
		h->fake->features.bar[BAR_2].type = cases[i].fixed ? BAR_FIXED :
								     BAR_PROGRAMMABLE;
		h->fake->features.bar[BAR_2].fixed_size = cases[i].fixed;
		h->fake->clears[BAR_2] = 0;
		align = cases[i].align ?: WINDOW;
		bind(h);
		expect_parked(h);
		KUNIT_EXPECT_EQ(test, bar->phys_addr & (align - 1), 0);
		/* And again after somebody has used it */
		KUNIT_EXPECT_EQ(test, ntb_mw_set_trans(h->ntb, 0, 0, 0x20000, WINDOW), 0);
		KUNIT_EXPECT_EQ(test, ntb_mw_clear_trans(h->ntb, 0, 0), 0);
		expect_parked(h);
		KUNIT_EXPECT_EQ(test, bar->phys_addr & (align - 1), 0);
		unbind(h);
	}

	/* No memory for twice as much: nothing is left */
	h->fake->dma_limit = WINDOW;
	KUNIT_EXPECT_LT(test, pci_ep_fake_cfs_link(h->cfs), 0);
	KUNIT_EXPECT_EQ(test, h->fake->dma_memory, 0);
	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		KUNIT_EXPECT_FALSE(test, h->fake->bar_set[i]);
}

/* A BAR that is two things is refused: what is behind it would be freed as the other. */
static void __init bar_of_two_things(struct kunit *test)
{
	static const char * const bad[][2] __initconst = {
		{ "pci_epf_vntb.0/mw2_bar", "2" },
		{ "pci_epf_vntb.0/mw2_bar", "4" },
		{ "pci_epf_vntb.0/mw2_bar", "0" },
		{ "pci_epf_vntb.0/db_bar", "0" },
	};
	static const char * const good[] __initconst = { "1", "1", "1", "4" };
	struct host *h = make(test, NO_BAR);

	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/num_mws", "2"), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/mw2", "0x20000"),
			0);
	/* One that is not used may have any */
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/mw3_bar", "2"), 0);
	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, bad[i][0], bad[i][1]), 0);
		KUNIT_EXPECT_EQ_MSG(test, pci_ep_fake_cfs_link(h->cfs), -EINVAL, "%s = %s",
				    bad[i][0], bad[i][1]);
		if (h->cfs->linked)
			KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_unlink(h->cfs), 0);
		KUNIT_EXPECT_EQ(test, h->fake->dma_memory, 0);
		KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, bad[i][0], good[i]), 0);
	}
	bind(h);
	KUNIT_EXPECT_EQ(test, ntb_mw_count(h->ntb, 0), 2);
	unbind(h);
}

/* Counts that the registers have no room for are refused before there are any registers. */
static void __init counts_that_do_not_fit(struct kunit *test)
{
	static const struct { const char *attr, *val, *good; } counts[] __initconst = {
		{ "pci_epf_vntb.0/db_count", "0", "1" },
		{ "pci_epf_vntb.0/db_count", "33", "32" },
		{ "pci_epf_vntb.0/db_count", "4096", "5" },
		{ "pci_epf_vntb.0/db_count", "0xffffffff", "5" },
		{ "pci_epf_vntb.0/spad_count", "65537", "65536" },
		/* Two times four times that is 0 in 32 bits, or a little less or more */
		{ "pci_epf_vntb.0/spad_count", "0x1fffffff", "0" },
		{ "pci_epf_vntb.0/spad_count", "0x20000000", "8" },
		{ "pci_epf_vntb.0/spad_count", "0x20000001", "8" },
		{ "pci_epf_vntb.0/spad_count", "0xffffffff", "8" },
	};
	struct host *h = make(test, NO_BAR);
	int allocs, early;

	h->fake->count = 0;
	/* Linux 7.3 refuses a number of doorbells when it is written */
	early = pci_ep_fake_cfs_set(h->cfs, counts[0].attr, counts[0].val);
	for (int i = 0; i < ARRAY_SIZE(counts); i++) {
		if (early && !strcmp(counts[i].attr, counts[0].attr)) {
			KUNIT_EXPECT_EQ_MSG(test, pci_ep_fake_cfs_set(h->cfs, counts[i].attr,
								      counts[i].val), -EINVAL,
					    "%s = %s", counts[i].attr, counts[i].val);
			continue;
		}
		allocs = h->fake->dma_allocs;
		KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, counts[i].attr,
							  counts[i].val), 0);
		KUNIT_EXPECT_EQ_MSG(test, pci_ep_fake_cfs_link(h->cfs), -EINVAL, "%s = %s",
				    counts[i].attr, counts[i].val);
		if (h->cfs->linked)
			KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_unlink(h->cfs), 0);
		KUNIT_EXPECT_EQ_MSG(test, h->fake->dma_allocs, allocs, "%s = %s",
				    counts[i].attr, counts[i].val);
		KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, counts[i].attr,
							  counts[i].good), 0);
		KUNIT_EXPECT_EQ_MSG(test, pci_ep_fake_cfs_link(h->cfs), 0, "%s = %s",
				    counts[i].attr, counts[i].good);
		if (h->cfs->linked)
			KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_unlink(h->cfs), 0);
	}
}

/* One that cannot be set back when that is freed is cleared, once, and can be set again. */
static void __init window_that_cannot_be_parked(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	bind(h);
	for (int i = 1; i <= 2; i++) {
		client_alloc_window(h);
		h->fake->set_ret[BAR_2] = -EIO;
		client_free_window(h);
		h->fake->set_ret[BAR_2] = 0;
		KUNIT_EXPECT_FALSE(test, h->fake->bar_set[BAR_2]);
		KUNIT_EXPECT_EQ(test, h->fake->clears[BAR_2], i);
	}
	unbind(h);
	KUNIT_EXPECT_EQ(test, h->fake->clears[BAR_2], 2);
}

/* A function that cannot have its windows is not bound, and leaves nothing. */
static void __init windows_that_cannot_be_had(struct kunit *test)
{
	static const struct { const char *attr, *val, *old; } bad[] __initconst = {
		{ "pci_epf_vntb.0/mw1", "0", "0x10000" },
		{ "pci_epf_vntb.0/mw1", "0x18000", "0x10000" },
		{ "pci_epf_vntb.0/mw1", "0x100010000", "0x10000" },
		/* More than can be mapped of the host */
		{ "pci_epf_vntb.0/mw1", "0x200000", "0x10000" },
		{ "pci_epf_vntb.0/mw2", "0x200000", "0x10000" },
	};
	struct host *h = make(test, NO_BAR);

	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/num_mws", "2"), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/mw2", "0x10000"),
			0);
	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, bad[i].attr, bad[i].val), 0);
		KUNIT_EXPECT_LT_MSG(test, pci_ep_fake_cfs_link(h->cfs), 0, "%s = %s",
				    bad[i].attr, bad[i].val);
		KUNIT_EXPECT_EQ(test, h->fake->dma_memory, 0);
		for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++)
			KUNIT_EXPECT_FALSE(test, h->fake->bar_set[bar]);
		KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, bad[i].attr, bad[i].old), 0);
	}

	/* The BAR of a window that cannot be set */
	h->fake->set_ret[BAR_1] = -EIO;
	KUNIT_EXPECT_LT(test, pci_ep_fake_cfs_link(h->cfs), 0);
	KUNIT_EXPECT_EQ(test, h->fake->dma_memory, 0);
	KUNIT_EXPECT_FALSE(test, h->fake->bar_set[BAR_2]);
	h->fake->set_ret[BAR_1] = 0;

	/* One of a fixed size, which is the window or is not */
	h->fake->features.bar[BAR_2].type = BAR_FIXED;
	h->fake->features.bar[BAR_2].fixed_size = 2 * WINDOW;
	KUNIT_EXPECT_LT(test, pci_ep_fake_cfs_link(h->cfs), 0);
	KUNIT_EXPECT_EQ(test, h->fake->dma_memory, 0);
	h->fake->features.bar[BAR_2].fixed_size = WINDOW;
	h->fake->clears[BAR_2] = 0;
	bind(h);
	expect_parked(h);
	unbind(h);
}

/*
 * The BAR is as large as it is, and translated as a whole.  Clients are told, and what is
 * not like that is refused.
 */
static void __init window_of_another_size(struct kunit *test)
{
	static const resource_size_t sizes[] = { 0, 1, SZ_4K, 0xffff, 0x10001, SZ_128K };
	resource_size_t addr_align, size_align, size_max;
	struct host *h = make(test, NO_BAR);
	const struct pci_epf_bar *bar = &h->fake->bar[BAR_2];

	h->fake->count = 0;
	bind(h);
	KUNIT_EXPECT_EQ(test, command(h, LINK_UP, 0), OK);
	KUNIT_EXPECT_EQ(test, ntb_mw_get_align(h->ntb, 0, 0, &addr_align, &size_align,
					       &size_max), 0);
	KUNIT_EXPECT_EQ(test, addr_align, WINDOW);
	KUNIT_EXPECT_EQ(test, size_align, WINDOW);
	KUNIT_EXPECT_EQ(test, size_max, WINDOW);
	KUNIT_ASSERT_EQ(test, ntb_mw_set_trans(h->ntb, 0, 0, 0x20000, WINDOW), 0);
	for (int i = 0; i <= ARRAY_SIZE(sizes); i++) {
		if (i < ARRAY_SIZE(sizes))
			KUNIT_EXPECT_EQ(test, ntb_mw_set_trans(h->ntb, 0, 0, 0x30000,
							       sizes[i]), -EINVAL);
		else
			KUNIT_EXPECT_EQ(test, ntb_mw_set_trans(h->ntb, 0, 0, 0x31000,
							       WINDOW), -EINVAL);
		KUNIT_EXPECT_EQ(test, bar->phys_addr, 0x20000);
		KUNIT_EXPECT_EQ(test, bar->size, WINDOW);
		KUNIT_EXPECT_EQ(test, h->cfs->epf->bar[BAR_2].phys_addr, 0x20000);
		KUNIT_EXPECT_EQ(test, h->cfs->epf->bar[BAR_2].size, WINDOW);
	}
	unbind(h);

	/* A controller that translates no less than that */
	h->fake->features.align = SZ_128K;
	bind(h);
	KUNIT_EXPECT_EQ(test, command(h, LINK_UP, 0), OK);
	KUNIT_EXPECT_EQ(test, ntb_mw_get_align(h->ntb, 0, 0, &addr_align, &size_align,
					       NULL), 0);
	KUNIT_EXPECT_EQ(test, addr_align, SZ_128K);
	KUNIT_EXPECT_EQ(test, size_align, WINDOW);
	KUNIT_EXPECT_EQ(test, ntb_mw_set_trans(h->ntb, 0, 0, 0x30000, WINDOW), -EINVAL);
	KUNIT_EXPECT_EQ(test, ntb_mw_set_trans(h->ntb, 0, 0, 0x40000, WINDOW), 0);
	KUNIT_EXPECT_EQ(test, bar->phys_addr, 0x40000);
	unbind(h);
}

static void __init expect_windows(struct host *h, int num)
{
	static const enum pci_barno bars[] = { BAR_2, BAR_1, BAR_3, BAR_5 };
	struct kunit *test = h->test;

	bind(h);
	KUNIT_EXPECT_EQ(test, get(h, REG_NUM_MWS), num);
	KUNIT_EXPECT_EQ(test, ntb_mw_count(h->ntb, 0), num);
	for (int i = 0; i < ARRAY_SIZE(bars); i++) {
		const struct pci_epf_bar *bar = &h->fake->bar[bars[i]];

		KUNIT_EXPECT_EQ(test, h->fake->bar_set[bars[i]], i < num);
		if (i >= num)
			continue;
		KUNIT_EXPECT_EQ(test, bar->size, SZ_4K << i);
		KUNIT_EXPECT_EQ(test, ntb_mw_set_trans(h->ntb, 0, i, 0x20000, SZ_64K),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, ntb_mw_set_trans(h->ntb, 0, i, 0x20000, SZ_4K << i), 0);
		KUNIT_EXPECT_EQ(test, bar->phys_addr, 0x20000);
		KUNIT_EXPECT_EQ(test, ntb_mw_clear_trans(h->ntb, 0, i), 0);
		KUNIT_EXPECT_TRUE(test, pci_ep_fake_owns(h->fake, bar->phys_addr,
							 SZ_4K << i));
	}
	unbind(h);
}

/* Each window has a BAR that is free, as far as there are any; the others are not there. */
static void __init several_windows(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	char attr[32], size[16];

	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/num_mws", "4"), 0);
	for (int i = 0; i < 4; i++) {
		snprintf(attr, sizeof(attr), "pci_epf_vntb.0/mw%d", i + 1);
		snprintf(size, sizeof(size), "%d", SZ_4K << i);
		KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, attr, size), 0);
	}
	expect_windows(h, 4);

	for (int i = 2; i <= 4; i++) {
		snprintf(attr, sizeof(attr), "pci_epf_vntb.0/mw%d_bar", i);
		KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, attr, "-1"), 0);
	}
	h->fake->features.bar[BAR_3].type = BAR_RESERVED;
	h->fake->features.bar[BAR_5].type = BAR_RESERVED;
	expect_windows(h, 2);
}

/* Where the scratchpads are is told to the host, and not believed when it says so. */
static void __init scratchpads_tampered_with(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	bind(h);
	KUNIT_EXPECT_EQ(test, get(h, REG_SPAD_OFFSET), SPADS);
	KUNIT_EXPECT_EQ(test, get(h, REG_SPAD_COUNT), 8);
	set(h, REG_SPAD_OFFSET, 0x200);
	set(h, REG_SPAD_COUNT, 0x40);
	set(h, REG_NUM_MWS, 0xffffffff);
	for (int i = 0; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, ntb_spad_write(h->ntb, i, 0x11000000 + i), 0);
		KUNIT_EXPECT_EQ(test, ntb_peer_spad_write(h->ntb, 0, i, 0x22000000 + i), 0);
	}
	for (int i = 0; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, get(h, SPADS + 4 * i), 0x22000000 + i);
		KUNIT_EXPECT_EQ(test, get(h, SPADS + 32 + 4 * i), 0x11000000 + i);
		KUNIT_EXPECT_EQ(test, ntb_spad_read(h->ntb, i), 0x11000000 + i);
		KUNIT_EXPECT_EQ(test, ntb_peer_spad_read(h->ntb, 0, i), 0x22000000 + i);
	}
	unbind(h);
}

/*
 * BARs that nobody has asked for are chosen for the controller that there is, as are windows
 * that have none.
 */
static void __init bars_of_another_controller(struct kunit *test)
{
	static const char * const attrs[][2] __initconst = {
		{ "pci_epf_vntb.0/ctrl_bar", "-1" }, { "pci_epf_vntb.0/db_bar", "-1" },
		{ "pci_epf_vntb.0/mw1_bar", "-1" }, { "pci_epf_vntb.0/num_mws", "4" },
		{ "pci_epf_vntb.0/mw2", "0x1000" }, { "pci_epf_vntb.0/mw3", "0x1000" },
		{ "pci_epf_vntb.0/mw4", "0x1000" },
	};
	/* Which BARs are reserved, and where are the registers, or -1 */
	static const struct { u8 reserved; int regs, mws; } cases[] __initconst = {
		{ 0x38, 0, 1 }, { 0x01, 1, 3 }, { 0x3c, -1 }, { 0x03, 2, 2 }, { 0, 0, 4 },
	};
	struct host *h = make(test, NO_BAR);

	h->fake->count = 0;
	for (int i = 0; i < ARRAY_SIZE(attrs); i++)
		KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, attrs[i][0], attrs[i][1]), 0);
	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++)
			h->fake->features.bar[bar].type = cases[i].reserved & BIT(bar) ?
							  BAR_RESERVED : BAR_PROGRAMMABLE;
		if (cases[i].regs < 0) {
			KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_link(h->cfs), -ENOENT);
			continue;
		}
		h->regs = cases[i].regs;
		bind(h);
		KUNIT_EXPECT_EQ(test, get(h, REG_NUM_MWS), cases[i].mws);
		for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++)
			KUNIT_EXPECT_FALSE(test, h->fake->bar_set[bar] &&
						 cases[i].reserved & BIT(bar));
		unbind(h);
	}
}

/* Attributes cannot be changed while what they describe is in use. */
static void __init attributes_of_a_bound_function(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	bind(h);
	for (int i = 3; i < ARRAY_SIZE(attributes); i++)
		KUNIT_EXPECT_EQ_MSG(test, pci_ep_fake_cfs_set(h->cfs, attributes[i][0], "4"),
				    -EOPNOTSUPP, "%s", attributes[i][0]);
	unbind(h);
	for (int i = 3; i < ARRAY_SIZE(attributes); i++)
		KUNIT_EXPECT_EQ_MSG(test, pci_ep_fake_cfs_set(h->cfs, attributes[i][0],
							      attributes[i][1]), 0,
				    "%s", attributes[i][0]);
	bind(h);
	expect_doorbells(test, h);
	unbind(h);
}

/* --- Bound in part --- */

#define CONFIGFS	"/pci_ep_fake/pci_ep/"

static void __init controller_path(struct host *h, char *path, size_t size,
				   const char *name)
{
	snprintf(path, size, CONFIGFS "controllers/%s%s", dev_name(&h->fake->epc->dev), name);
}

/* With a secondary controller only, nothing is set up, and nothing torn down. */
static void __init secondary_controller_only(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	char epc[96], link[128];

	controller_path(h, epc, sizeof(epc), "");
	snprintf(link, sizeof(link), "%s/secondary/epc", h->cfs->func);
	for (int i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, init_symlink(epc, link), 0);
		KUNIT_EXPECT_EQ(test, h->probes, i);
		KUNIT_ASSERT_EQ(test, init_unlink(link), 0);
		bind(h);
		expect_doorbells(test, h);
		unbind(h);
	}
}

/*
 * A secondary controller beside the primary one changes nothing.  The core unbinds the
 * function when either of them goes, and only once.
 */
static void __init secondary_controller_as_well(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	char epc[96], link[128];

	controller_path(h, epc, sizeof(epc), "");
	snprintf(link, sizeof(link), "%s/secondary/epc", h->cfs->func);
	for (int i = 1; i <= 2; i++) {
		bind(h);
		KUNIT_ASSERT_EQ(test, init_symlink(epc, link), 0);
		KUNIT_EXPECT_EQ(test, h->probes, i);
		KUNIT_EXPECT_EQ(test, h->removes, i - 1);
		expect_doorbells(test, h);
		KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_start(h->cfs, false), 0);
		KUNIT_ASSERT_EQ(test, i == 1 ? init_unlink(link) :
					       pci_ep_fake_cfs_unlink(h->cfs), 0);
		KUNIT_EXPECT_EQ(test, h->removes, i);
		KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(h->irq), 0);
		KUNIT_EXPECT_FALSE(test, h->fake->bar_set[BAR_2]);
		KUNIT_ASSERT_EQ(test, i == 2 ? init_unlink(link) :
					       pci_ep_fake_cfs_unlink(h->cfs), 0);
		KUNIT_EXPECT_EQ(test, h->removes, i);
		KUNIT_EXPECT_EQ(test, h->fake->bad_clears, 0);
	}
}

static int pf_probe(struct pci_epf *epf, const struct pci_epf_device_id *id)
{
	return 0;
}

static int pf_bind(struct pci_epf *epf)
{
	return 0;
}

static void pf_unbind(struct pci_epf *epf)
{
}

static const struct pci_epf_ops pf_ops = { .bind = pf_bind, .unbind = pf_unbind };
static const struct pci_epf_device_id pf_ids[] = { { .name = "pci_epf_kunit_pf" }, {} };
static struct pci_epf_driver pf_driver = {
	.driver.name	= "pci_epf_kunit_pf",
	.probe		= pf_probe,
	.id_table	= pf_ids,
	.ops		= &pf_ops,
	.owner		= THIS_MODULE,
};

/* A virtual function is bound with its physical one, and is as free when it is unbound. */
static void __init attributes_of_a_virtual_function(struct kunit *test)
{
	static const char pf[] = CONFIGFS "functions/pci_epf_kunit_pf/pf";
	static const char vf[] = CONFIGFS "functions/pci_epf_kunit_pf/pf/vf";
	struct host *h = make(test, NO_BAR);
	u8 max_vfs[] = { 1 };
	char link[96];

	h->fake->count = 0;
	h->fake->epc->max_vfs = max_vfs;
	controller_path(h, link, sizeof(link), "/pf");
	KUNIT_ASSERT_EQ(test, pci_epf_register_driver(&pf_driver), 0);
	KUNIT_EXPECT_EQ(test, init_mkdir(pf, 0755), 0);
	KUNIT_EXPECT_EQ(test, init_symlink(h->cfs->func, vf), 0);
	for (int i = 1; i <= 2; i++) {
		KUNIT_EXPECT_EQ(test, init_symlink(pf, link), 0);
		KUNIT_EXPECT_EQ(test, h->probes, i);
		KUNIT_EXPECT_EQ(test, ntb_mw_set_trans(h->ntb, 0, 0, 0x20000, 0x10000), 0);
		KUNIT_EXPECT_EQ(test, h->fake->bar_vfunc_no[BAR_2], 1);
		h->fake->bar_vfunc_no[BAR_2] = 0;
		KUNIT_EXPECT_EQ(test, ntb_mw_clear_trans(h->ntb, 0, 0), 0);
		KUNIT_EXPECT_EQ(test, h->fake->bar_vfunc_no[BAR_2], 1);
		KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_set(h->cfs, attributes[3][0], "4"),
				-EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, init_unlink(link), 0);
		KUNIT_EXPECT_EQ(test, h->removes, i);
		KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_set(h->cfs, attributes[3][0], "5"), 0);
	}
	KUNIT_EXPECT_EQ(test, init_unlink(vf), 0);
	KUNIT_EXPECT_EQ(test, init_rmdir(pf), 0);
	pci_epf_unregister_driver(&pf_driver);
	h->fake->epc->max_vfs = NULL;
}

/*
 * It is unbound when it is taken away from its physical function, and can be given to one
 * again.
 */
static void __init virtual_function_taken_away(struct kunit *test)
{
	static const char pf[] = CONFIGFS "functions/pci_epf_kunit_pf/pf";
	static const char vf[] = CONFIGFS "functions/pci_epf_kunit_pf/pf/vf";
	struct host *h = make(test, NO_BAR);
	u8 max_vfs[] = { 1 };
	char link[96];

	h->fake->epc->max_vfs = max_vfs;
	controller_path(h, link, sizeof(link), "/pf");
	KUNIT_ASSERT_EQ(test, pci_epf_register_driver(&pf_driver), 0);
	KUNIT_EXPECT_EQ(test, init_mkdir(pf, 0755), 0);
	for (int i = 1; i <= 2; i++) {
		KUNIT_ASSERT_EQ(test, init_symlink(h->cfs->func, vf), 0);
		KUNIT_ASSERT_EQ(test, init_symlink(pf, link), 0);
		KUNIT_EXPECT_EQ(test, h->probes, i);
		KUNIT_EXPECT_EQ(test, init_unlink(vf), 0);
		KUNIT_EXPECT_EQ(test, h->removes, i);
		KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(h->irq), 0);
		KUNIT_EXPECT_EQ(test, h->fake->dma_memory, 0);
		KUNIT_EXPECT_EQ(test, init_unlink(link), 0);
		KUNIT_EXPECT_EQ(test, h->removes, i);
	}
	KUNIT_EXPECT_EQ(test, init_rmdir(pf), 0);
	pci_epf_unregister_driver(&pf_driver);
	h->fake->epc->max_vfs = NULL;
}

#ifdef CONFIG_MODULE_UNLOAD
static struct module vf_module = { .refcnt = ATOMIC_INIT(1) };

static void expect_refs(struct kunit *test, int refs)
{
	KUNIT_EXPECT_EQ(test, module_refcount(&vf_module), refs);
}

/* A module that is about to go, or is not */
static void __init vf_module_going(struct kunit *test, struct pci_epf *pf, struct pci_epf *vf)
{
	vf_module.state = MODULE_STATE_GOING;
	KUNIT_EXPECT_EQ(test, pci_epf_bind(pf), -EAGAIN);
	expect_refs(test, 0);
	KUNIT_EXPECT_FALSE(test, vf->is_bound);
	vf_module.state = MODULE_STATE_LIVE;
}

#define VF_MODULE	(&vf_module)
#else
/* Nothing can be counted, but functions are bound and unbound all the same */
static void expect_refs(struct kunit *test, int refs)
{
}

static void __init vf_module_going(struct kunit *test, struct pci_epf *pf, struct pci_epf *vf)
{
}

#define VF_MODULE	NULL
#endif

static int vf_ret;

static int vf_bind(struct pci_epf *epf)
{
	return vf_ret;
}

static const struct pci_epf_ops vf_ops = { .bind = vf_bind, .unbind = pf_unbind };
static const struct pci_epf_device_id vf_ids[] = { { .name = "pci_epf_kunit_vf" }, {} };
static struct pci_epf_driver vf_driver = {
	.driver.name	= "pci_epf_kunit_vf",
	.probe		= pf_probe,
	.id_table	= vf_ids,
	.ops		= &vf_ops,
	.owner		= VF_MODULE,
};

/* The module of its driver, which need not be that of the physical one, stays meanwhile. */
static void __init module_of_a_virtual_function(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);
	struct pci_epf *pf, *vf;
	u8 max_vfs[] = { 1 };

	fake->epc->max_vfs = max_vfs;
	KUNIT_ASSERT_EQ(test, pci_epf_register_driver(&pf_driver), 0);
	KUNIT_ASSERT_EQ(test, pci_epf_register_driver(&vf_driver), 0);
	pf = pci_epf_create("pci_epf_kunit_pf.0");
	KUNIT_ASSERT_FALSE(test, IS_ERR(pf));
	vf = pci_epf_create("pci_epf_kunit_vf.0");
	KUNIT_ASSERT_FALSE(test, IS_ERR(vf));
	KUNIT_ASSERT_EQ(test, pci_epf_add_vepf(pf, vf), 0);
	KUNIT_ASSERT_EQ(test, pci_epc_add_epf(fake->epc, pf, PRIMARY_INTERFACE), 0);

	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, pci_epf_bind(pf), 0);
		expect_refs(test, 1);
		/* As with a secondary controller */
		KUNIT_EXPECT_EQ(test, pci_epf_bind(pf), 0);
		expect_refs(test, 1);
		pci_epf_unbind(pf);
		expect_refs(test, 0);
		pci_epf_unbind(pf);
		expect_refs(test, 0);
	}

	vf_ret = -EIO;
	KUNIT_EXPECT_EQ(test, pci_epf_bind(pf), -EIO);
	expect_refs(test, 0);
	vf_ret = 0;
	/* Bound with the first controller, and not with the second: it is unbound */
	KUNIT_EXPECT_EQ(test, pci_epf_bind(pf), 0);
	vf_ret = -EIO;
	KUNIT_EXPECT_EQ(test, pci_epf_bind(pf), -EIO);
	expect_refs(test, 0);
	KUNIT_EXPECT_FALSE(test, vf->is_bound);
	vf_ret = 0;

	vf_module_going(test, pf, vf);

	KUNIT_EXPECT_EQ(test, pci_epf_bind(pf), 0);
	expect_refs(test, 1);
	pci_epf_remove_vepf(pf, vf);
	expect_refs(test, 0);
	KUNIT_EXPECT_FALSE(test, vf->is_bound);
	KUNIT_EXPECT_NULL(test, vf->epc);
	KUNIT_EXPECT_NULL(test, vf->sec_epc);
	pci_epf_unbind(pf);
	pci_epf_unbind(pf);
	pci_epc_remove_epf(fake->epc, pf, PRIMARY_INTERFACE);
	expect_refs(test, 0);

	/* Gone, and the function has no driver */
	KUNIT_EXPECT_EQ(test, pci_epf_add_vepf(pf, vf), 0);
	KUNIT_ASSERT_EQ(test, pci_epc_add_epf(fake->epc, pf, PRIMARY_INTERFACE), 0);
	pci_epf_unregister_driver(&vf_driver);
	KUNIT_EXPECT_EQ(test, pci_epf_bind(pf), -EINVAL);

	pci_epf_remove_vepf(pf, vf);
	pci_epc_remove_epf(fake->epc, pf, PRIMARY_INTERFACE);
	pci_epf_destroy(vf);
	pci_epf_destroy(pf);
	pci_epf_unregister_driver(&pf_driver);
	fake->epc->max_vfs = NULL;
}

/* Sysfs cannot take the driver from a function that is bound. */
static void __init driver_taken_in_sysfs(struct kunit *test)
{
	static const char unbind_file[] = "bus/pci-epf/drivers/pci_epf_vntb/unbind";
	struct file_system_type *type = get_fs_type("sysfs");
	struct host *h = make(test, NO_BAR);
	struct vfsmount *sysfs;
	struct file *file;
	loff_t pos = 0;

	KUNIT_ASSERT_NOT_NULL(test, type);
	sysfs = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sysfs));
	bind(h);
	/* The directory is the right one */
	file = file_open_root_mnt(sysfs, "bus/pci-epf/drivers/pci_epf_vntb/uevent", O_WRONLY,
				  0);
	KUNIT_EXPECT_FALSE(test, IS_ERR(file));
	if (!IS_ERR(file))
		__fput_sync(file);
	file = file_open_root_mnt(sysfs, unbind_file, O_WRONLY, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(file), -ENOENT);
	if (!IS_ERR(file)) {
		const char *name = dev_name(&h->cfs->epf->dev);

		kernel_write(file, name, strlen(name), &pos);
		__fput_sync(file);
	}
	kern_unmount(sysfs);
	KUNIT_EXPECT_NOT_NULL(test, h->cfs->epf->driver);
	unbind(h);
}

/* --- Others --- */

/*
 * The IDs of the virtual device are those of a device that is there, and has a driver of
 * its own, or none: it is left alone.
 */
static void __init device_with_the_same_ids(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *fn = pci_fabric_add(fabric, NULL, &(struct pci_fabric_fn_desc){
		.vendor = 0x1912,
		.device = DEV_ID,
	});
	struct host *h = make(test, NO_BAR);
	struct pci_dev *pdev;

	pci_fabric_scan(fabric);
	pdev = pci_fabric_pdev(fn);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	bind(h);
	KUNIT_EXPECT_PTR_NE(test, h->ntb->pdev, pdev);
	KUNIT_EXPECT_NULL(test, pdev->dev.driver);
	expect_doorbells(test, h);
	unbind(h);
	KUNIT_EXPECT_NULL(test, pdev->dev.driver);
}

static int pf_events;

static int pf_event(struct pci_epf *epf)
{
	pf_events++;
	return 0;
}

static const struct pci_epc_event_ops pf_no_event_ops = {};
static const struct pci_epc_event_ops pf_event_ops = {
	.epc_init		= pf_event,
	.link_up		= pf_event,
	.link_down		= pf_event,
	.bus_master_enable	= pf_event,
};

static void pf_notify(struct pci_epc *epc)
{
	pci_epc_init_notify(epc);
	pci_epc_linkup(epc);
	pci_epc_linkdown(epc);
	pci_epc_bus_master_enable_notify(epc);
}

/* What happens to the controller is told to functions that are bound, and no others. */
static void __init events_of_an_unbound_function(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);
	struct pci_epf *epf;

	KUNIT_ASSERT_EQ(test, pci_epf_register_driver(&pf_driver), 0);
	epf = pci_epf_create("pci_epf_kunit_pf.0");
	KUNIT_ASSERT_FALSE(test, IS_ERR(epf));
	epf->event_ops = &pf_event_ops;
	KUNIT_ASSERT_EQ(test, pci_epc_add_epf(fake->epc, epf, PRIMARY_INTERFACE), 0);
	for (int i = 0; i < 2; i++) {
		pf_events = 0;
		pf_notify(fake->epc);
		pci_epc_notify_pending_init(fake->epc, epf);
		KUNIT_EXPECT_EQ(test, pf_events, 0);
		KUNIT_EXPECT_EQ(test, pci_epf_bind(epf), 0);
		pf_notify(fake->epc);
		KUNIT_EXPECT_EQ(test, pf_events, 4);
		pci_epc_notify_pending_init(fake->epc, epf);
		KUNIT_EXPECT_EQ(test, pf_events, 5);
		/* Nor what they do not want to know */
		epf->event_ops = &pf_no_event_ops;
		pf_notify(fake->epc);
		pci_epc_notify_pending_init(fake->epc, epf);
		epf->event_ops = NULL;
		pf_notify(fake->epc);
		pci_epc_notify_pending_init(fake->epc, epf);
		epf->event_ops = &pf_event_ops;
		KUNIT_EXPECT_EQ(test, pf_events, 5);
		pci_epf_unbind(epf);
	}
	pci_epc_remove_epf(fake->epc, epf, PRIMARY_INTERFACE);
	pci_epf_destroy(epf);
	pci_epf_unregister_driver(&pf_driver);
}

static struct pci_epf *pf_late;
static struct completion pf_late_bound, pf_late_done;
static int pf_late_events;

static void pf_bind_late(struct work_struct *work)
{
	pci_epf_bind(pf_late);
	complete(&pf_late_bound);
	/* As configfs does for a function that it has bound */
	pci_epc_notify_pending_init(pf_late->epc, pf_late);
	complete(&pf_late_done);
}

static DECLARE_WORK(pf_late_work, pf_bind_late);

static int pf_init_first(struct pci_epf *epf)
{
	schedule_work(&pf_late_work);
	wait_for_completion(&pf_late_bound);
	/* It is told now, or waits until all others are */
	wait_for_completion_timeout(&pf_late_done, HZ / 5);
	return 0;
}

static int pf_init_late(struct pci_epf *epf)
{
	pf_late_events++;
	return 0;
}

static const struct pci_epc_event_ops pf_first_ops = { .epc_init = pf_init_first };
static const struct pci_epc_event_ops pf_late_ops = { .epc_init = pf_init_late };

/*
 * A function is bound while the others are told that the controller is initialized, and after
 * it was passed by.  It is told, too.
 */
static void __init bound_while_the_controller_is_initialized(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);
	struct pci_epf *first;

	init_completion(&pf_late_bound);
	init_completion(&pf_late_done);
	pf_late_events = 0;
	KUNIT_ASSERT_EQ(test, pci_epf_register_driver(&pf_driver), 0);
	pf_late = pci_epf_create("pci_epf_kunit_pf.0");
	KUNIT_ASSERT_FALSE(test, IS_ERR(pf_late));
	first = pci_epf_create("pci_epf_kunit_pf.1");
	KUNIT_ASSERT_FALSE(test, IS_ERR(first));
	pf_late->event_ops = &pf_late_ops;
	first->event_ops = &pf_first_ops;
	KUNIT_ASSERT_EQ(test, pci_epc_add_epf(fake->epc, pf_late, PRIMARY_INTERFACE), 0);
	KUNIT_ASSERT_EQ(test, pci_epc_add_epf(fake->epc, first, PRIMARY_INTERFACE), 0);
	KUNIT_ASSERT_EQ(test, pci_epf_bind(first), 0);

	pci_epc_init_notify(fake->epc);
	flush_work(&pf_late_work);
	KUNIT_EXPECT_TRUE(test, pf_late->is_bound);
	KUNIT_EXPECT_EQ(test, pf_late_events, 1);

	pci_epf_unbind(pf_late);
	pci_epf_unbind(first);
	pci_epc_remove_epf(fake->epc, first, PRIMARY_INTERFACE);
	pci_epc_remove_epf(fake->epc, pf_late, PRIMARY_INTERFACE);
	pci_epf_destroy(first);
	pci_epf_destroy(pf_late);
	pci_epf_unregister_driver(&pf_driver);
}

static struct kunit_case __refdata pci_epf_vntb_hostile_cases[] = {
	KUNIT_CASE(windows_that_do_not_exist),
	KUNIT_CASE(window_larger_than_it_is),
	KUNIT_CASE(window_left_mapped),
	KUNIT_CASE(window_that_cannot_be_mapped),
	KUNIT_CASE(window_whose_memory_is_freed),
	KUNIT_CASE(window_that_cannot_be_set),
	KUNIT_CASE(window_whose_memory_is_not_aligned),
	KUNIT_CASE(bar_of_two_things),
	KUNIT_CASE(counts_that_do_not_fit),
	KUNIT_CASE(window_that_cannot_be_parked),
	KUNIT_CASE(windows_that_cannot_be_had),
	KUNIT_CASE(window_of_another_size),
	KUNIT_CASE(several_windows),
	KUNIT_CASE(scratchpads_tampered_with),
	KUNIT_CASE(bars_of_another_controller),
	KUNIT_CASE(attributes_of_a_bound_function),
	KUNIT_CASE(secondary_controller_only),
	KUNIT_CASE(secondary_controller_as_well),
	KUNIT_CASE(attributes_of_a_virtual_function),
	KUNIT_CASE(virtual_function_taken_away),
	KUNIT_CASE(module_of_a_virtual_function),
	KUNIT_CASE(driver_taken_in_sysfs),
	KUNIT_CASE(device_with_the_same_ids),
	KUNIT_CASE(events_of_an_unbound_function),
	KUNIT_CASE(bound_while_the_controller_is_initialized),
	{}
};

static struct kunit_suite __refdata pci_epf_vntb_hostile_suite = {
	.name = "pci_epf_vntb_hostile",
	.test_cases = pci_epf_vntb_hostile_cases,
};

kunit_test_init_section_suite(pci_epf_vntb_hostile_suite);

MODULE_DESCRIPTION("KUnit tests for hosts that pci-epf-vntb cannot trust");
MODULE_LICENSE("GPL");
