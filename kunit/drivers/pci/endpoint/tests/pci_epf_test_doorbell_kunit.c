// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of pci-epf-test with doorbells.  The administrator makes the function in
 * configfs, on a controller of the suite.  The host writes commands into its registers,
 * rings its doorbell, and is not always friendly.
 */
#include <kunit/pci-base.h>
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/init_syscalls.h>
#include <linux/interrupt.h>
#include <linux/irqdomain.h>
#include <linux/module.h>
#include <linux/pci-ep-msi.h>
#include <linux/sizes.h>

#include "pci_epf_test_host.h"

/* A host, and a function that is not bound yet; its doorbell is in no BAR, or in @bar */
static struct host * __init make(struct kunit *test, enum pci_barno bar)
{
	struct host *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	h->test = test;
	h->irq = pci_ep_fake_irq(test);
	h->fake = pci_ep_fake_create(test, NULL);
	pci_ep_fake_doorbell(h->fake, h->irq, bar);
	if (bar != NO_BAR)
		h->fake->features.bar[bar].type = BAR_RESERVED;
	h->cfs = pci_ep_fake_cfs_make(test, h->fake, "pci_epf_test");
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "msi_interrupts", "1"), 0);
	return h;
}

static struct host * __init make_bound(struct kunit *test, enum pci_barno bar)
{
	struct host *h = make(test, bar);

	bind(h);
	return h;
}

static int sets(struct host *h)
{
	int n = 0;

	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		n += h->fake->sets[i];
	return n;
}

static void expect_released(struct kunit *test, struct host *h)
{
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(h->irq), 0);
	KUNIT_EXPECT_EQ(test, h->fake->dma_unmaps, h->fake->dma_maps);
	if (h->cfs->epf)
		KUNIT_EXPECT_NULL(test, h->cfs->epf->db_msg);
}

/*
 * A doorbell in no BAR: the next free BAR is programmed with its page, and restored, once
 * each.  The BAR has 128 KiB, which the address is aligned to.
 */
static void __init mapped(struct kunit *test)
{
	struct host *h = make_bound(test, NO_BAR);
	struct pci_ep_fake *fake = h->fake;
	dma_addr_t memory = fake->bar[BAR_1].phys_addr;

	for (int i = 1; i <= 2; i++) {
		int before = fake->sets[BAR_1];

		KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
		KUNIT_EXPECT_EQ(test, get(h, REG_DB_BAR), BAR_1);
		KUNIT_EXPECT_EQ(test, get(h, REG_DB_DATA), 0xdb);
		KUNIT_EXPECT_EQ(test, fake->bar[BAR_1].phys_addr + get(h, REG_DB_OFFSET),
				0x12349abcd124);
		KUNIT_EXPECT_LT(test, get(h, REG_DB_OFFSET), SZ_128K);
		KUNIT_EXPECT_EQ(test, fake->sets[BAR_1], before + 1);
		for (int j = 0; j < 3; j++)
			ring(h);
		KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLED);
		KUNIT_EXPECT_EQ(test, fake->sets[BAR_1], before + 2);
		KUNIT_EXPECT_EQ(test, fake->bar[BAR_1].phys_addr, memory);
		KUNIT_EXPECT_EQ(test, fake->dma_maps, i);
		/* Nobody listens to what is no longer mapped, and no BAR points to it */
		KUNIT_EXPECT_EQ(test, fake->dma_actions, 0);
		KUNIT_EXPECT_EQ(test, fake->bad_bars, 0);
		expect_released(test, h);
	}
}

/* A doorbell that a BAR exposes: it is told, and no BAR is programmed, or restored. */
static void __init exposed_bar(struct kunit *test)
{
	struct host *h = make_bound(test, BAR_4);
	int before = sets(h);

	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
		KUNIT_EXPECT_EQ(test, get(h, REG_DB_BAR), BAR_4);
		KUNIT_EXPECT_EQ(test, get(h, REG_DB_OFFSET), 0x324);
		KUNIT_EXPECT_EQ(test, get(h, REG_DB_DATA), 0xdb);
		ring(h);
		KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLED);
		expect_released(test, h);
	}
	KUNIT_EXPECT_EQ(test, sets(h), before);
	KUNIT_EXPECT_EQ(test, h->fake->dma_maps, 0);

	/* Nor one that another doorbell was in */
	h->fake->res[0].bar = NO_BAR;
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
	KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLED);
	KUNIT_EXPECT_EQ(test, sets(h), before + 2);
	h->fake->res[0].bar = BAR_4;
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
	KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLED);
	KUNIT_EXPECT_EQ(test, sets(h), before + 2);
}

/* The first BAR is one like the others; the registers are in the next one. */
static void __init exposed_bar_0(struct kunit *test)
{
	struct host *h = make(test, BAR_0);
	int before;

	h->regs = BAR_1;
	bind(h);
	before = sets(h);
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
	KUNIT_EXPECT_EQ(test, get(h, REG_DB_BAR), BAR_0);
	KUNIT_EXPECT_EQ(test, get(h, REG_DB_OFFSET), 0x324);
	ring(h);
	KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLED);
	expect_released(test, h);
	KUNIT_EXPECT_EQ(test, sets(h), before);
	KUNIT_EXPECT_EQ(test, h->fake->dma_maps, 0);
}

/* What is done is done for the function that it is. */
static void __init second_function(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->function = 1;
	__set_bit(0, &h->fake->epc->function_num_map);
	h->fake->features.dynamic_inbound_mapping = true;
	h->fake->features.subrange_mapping = true;
	pci_ep_iomem_init(test);
	pci_ep_fake_outbound(h->fake, OUTBOUND, SZ_64K);
	bind(h);
	KUNIT_EXPECT_EQ(test, h->cfs->epf->func_no, 1);
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
	ring(h);
	KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLED);
	KUNIT_EXPECT_EQ(test, command_size(h, SUBRANGE_SETUP, BAR_2), SETUP_DONE);
	KUNIT_EXPECT_EQ(test, command_size(h, SUBRANGE_CLEAR, BAR_2), CLEAR_DONE);
	command_size(h, CMD_READ, 64);
	command_size(h, CMD_WRITE, 64);
	command_size(h, CMD_COPY, 64);
	unbind(h);
	KUNIT_EXPECT_EQ(test, h->fake->bad_functions, 0);
}

/* Memory of the host that cannot be mapped: neither half of a copy stays mapped. */
static void __init mapping_fails(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	pci_ep_iomem_init(test);
	pci_ep_fake_outbound(h->fake, OUTBOUND, SZ_64K);
	bind(h);
	h->fake->map_ret = -ENOSPC;
	KUNIT_EXPECT_TRUE(test, command_size(h, CMD_READ, 64) & READ_FAIL);
	KUNIT_EXPECT_TRUE(test, command_size(h, CMD_WRITE, 64) & WRITE_FAIL);
	KUNIT_EXPECT_TRUE(test, command_size(h, CMD_COPY, 64) & COPY_FAIL);
	h->fake->map_ret = 0;
	/* The first half takes all of the window */
	KUNIT_EXPECT_TRUE(test, command_size(h, CMD_COPY, SZ_64K) & COPY_FAIL);
	KUNIT_EXPECT_EQ(test, h->fake->maps, 0);
}

static irqreturn_t other_handler(int irq, void *data)
{
	return IRQ_NONE;
}

static irqreturn_t other_thread(int irq, void *data)
{
	return IRQ_NONE;
}

/* The IRQ of the register is shared with somebody else, who does the same. */
static void __init shared_irq(struct kunit *test)
{
	struct host *h = make_bound(test, NO_BAR);

	KUNIT_ASSERT_EQ(test, request_threaded_irq(h->irq, other_handler, other_thread,
						   IRQF_SHARED | IRQF_ONESHOT, "other", h),
			0);
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(h->irq), 2);
	ring(h);
	KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLED);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(h->irq), 1);
	free_irq(h->irq, h);
}

/* A doorbell that is a message. */
static void __init msi(struct kunit *test)
{
	struct host *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	struct device *dev = pci_ep_fake_msi(test, IRQ_DOMAIN_FLAG_MSI_IMMUTABLE);

	KUNIT_ASSERT_NOT_NULL(test, h);
	h->test = test;
	h->fake = pci_ep_fake_create(test, dev);
	h->cfs = pci_ep_fake_cfs_make(test, h->fake, "pci_epf_test");
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "msi_interrupts", "1"), 0);
	bind(h);

	KUNIT_ASSERT_EQ(test, command(h, ENABLE), ENABLED);
	KUNIT_EXPECT_EQ(test, get(h, REG_DB_BAR), BAR_1);
	KUNIT_EXPECT_EQ(test, get(h, REG_DB_OFFSET), 0x40);
	KUNIT_EXPECT_EQ(test, get(h, REG_DB_DATA), 0x100);
	KUNIT_EXPECT_EQ(test, h->fake->bar[BAR_1].phys_addr, 0x200000000);
	h->irq = h->cfs->epf->db_msg[0].virq;
	ring(h);

	/* Unbound with it */
	unbind(h);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 0);
}

/* Without a doorbell, the host is told, and can ask again. */
static void __init no_doorbell(struct kunit *test)
{
	struct host *h = make_bound(test, NO_BAR);

	h->fake->count = 0;
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLE_FAIL);
	h->fake->count = 1;
	h->fake->res[0].phys_addr++;
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLE_FAIL);
	h->fake->res[0].phys_addr--;
	h->fake->dma_fail = true;
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLE_FAIL);
	expect_released(test, h);
	h->fake->dma_fail = false;
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
}

/* Whatever fails in between, what was done before is undone. */
static void __init enable_fails(struct kunit *test)
{
	struct host *h = make_bound(test, NO_BAR);
	dma_addr_t memory = h->fake->bar[BAR_1].phys_addr;
	int irq = pci_ep_fake_irq(test);

	/* An IRQ that cannot be requested */
	irq_set_status_flags(irq, IRQ_NOREQUEST);
	h->fake->res[0].u.db_mmio.irq = irq;
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLE_FAIL);
	expect_released(test, h);

	/* One that does not exist */
	h->fake->res[0].u.db_mmio.irq = INT_MAX;
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLE_FAIL);
	expect_released(test, h);

	/* A BAR that cannot be programmed has its memory, though the controller forgot it */
	h->fake->res[0].u.db_mmio.irq = h->irq;
	h->fake->set_bad[BAR_1] = ALIGN_DOWN(PCI_EP_FAKE_DB_PHYS + PCI_EP_FAKE_IOVA, SZ_128K);
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLE_FAIL);
	expect_released(test, h);
	KUNIT_EXPECT_TRUE(test, h->fake->bar_set[BAR_1]);
	KUNIT_EXPECT_EQ(test, h->fake->bar[BAR_1].phys_addr, memory);
	h->fake->set_bad[BAR_1] = 0;

	/* Nor can the memory be: there is no BAR */
	h->fake->set_ret[BAR_1] = -ENOSPC;
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLE_FAIL);
	expect_released(test, h);
	KUNIT_EXPECT_FALSE(test, h->fake->bar_set[BAR_1]);
	KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLE_FAIL);

	/* None that is free */
	h->fake->set_ret[BAR_1] = 0;
	for (int i = BAR_1; i <= BAR_5; i++)
		h->fake->features.bar[i].type = BAR_RESERVED;
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLE_FAIL);
	expect_released(test, h);
	for (int i = BAR_1; i <= BAR_5; i++)
		h->fake->features.bar[i].type = BAR_PROGRAMMABLE;

	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);

	/* A BAR that cannot be restored: the doorbell is gone nevertheless, as is the BAR */
	h->fake->set_ret[BAR_1] = -EIO;
	KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLE_FAIL);
	expect_released(test, h);
	KUNIT_EXPECT_FALSE(test, h->fake->bar_set[BAR_1]);
	h->fake->set_ret[BAR_1] = 0;
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
	KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLED);
}

/* A BAR that has no memory cannot be given back, and is not taken. */
static void __init enable_without_memory(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	int before;

	h->fake->set_ret[BAR_1] = -EIO;
	bind(h);
	h->fake->set_ret[BAR_1] = 0;
	before = sets(h);
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLE_FAIL);
	KUNIT_EXPECT_EQ(test, sets(h), before);
	KUNIT_EXPECT_FALSE(test, h->fake->bar_set[BAR_1]);
	/* Nor is one cleared in its place */
	KUNIT_EXPECT_TRUE(test, h->fake->bar_set[BAR_0]);
	KUNIT_EXPECT_EQ(test, h->fake->clears[BAR_0], 0);
	expect_released(test, h);
}

/* There is one doorbell: the host cannot enable it twice. */
static void __init enable_twice(struct kunit *test)
{
	struct host *h = make_bound(test, NO_BAR);

	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLE_FAIL);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(h->irq), 1);
	ring(h);
	KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLED);
	expect_released(test, h);
}

/* Nor disable what it has not enabled, whatever BAR it writes. */
static void __init disable_without_enable(struct kunit *test)
{
	struct host *h = make_bound(test, NO_BAR);
	static const u32 bars[] = { 0, 1, 5, 6, 7, 0x7fffffff, 0x80000000, 0xffffffff };
	int before = sets(h);

	for (int i = 0; i < ARRAY_SIZE(bars); i++) {
		set(h, REG_DB_BAR, bars[i]);
		KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLE_FAIL);
	}
	KUNIT_EXPECT_EQ(test, sets(h), before);
}

/* Nor disable it twice. */
static void __init disable_twice(struct kunit *test)
{
	struct host *h = make_bound(test, NO_BAR);
	int before;

	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
	KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLED);
	before = sets(h);
	for (int bar = BAR_0; bar <= BAR_5 + 1; bar++) {
		set(h, REG_DB_BAR, bar);
		KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLE_FAIL);
	}
	KUNIT_EXPECT_EQ(test, sets(h), before);
}

/* The BAR that is restored is the one that was programmed, not one that the host writes. */
static void __init doorbell_bar_tampered_with(struct kunit *test)
{
	struct host *h = make_bound(test, NO_BAR);
	static const u32 bars[] = { 0, 2, 6, 100, 0x7fffffff, 0xffffffff };

	for (int i = 0; i < ARRAY_SIZE(bars); i++) {
		dma_addr_t memory = h->fake->bar[BAR_1].phys_addr;
		int before = sets(h);

		KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
		set(h, REG_DB_BAR, bars[i]);
		set(h, REG_DB_OFFSET, 0xffffffff);
		KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLED);
		KUNIT_EXPECT_EQ(test, h->fake->bar[BAR_1].phys_addr, memory);
		KUNIT_EXPECT_EQ(test, sets(h), before + 2);
		expect_released(test, h);
	}
}

/* A function that is unbound has no doorbell to release. */
static void __init unbind_without_a_doorbell(struct kunit *test)
{
	struct host *h = make_bound(test, NO_BAR);
	int before = sets(h);

	unbind(h);
	KUNIT_EXPECT_EQ(test, sets(h), before);
	bind(h);
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
	KUNIT_EXPECT_EQ(test, command(h, DISABLE), DISABLED);
	before = sets(h);
	unbind(h);
	KUNIT_EXPECT_EQ(test, sets(h), before);
}

/* Or it has, and then it is released: the IRQ, the mapping and the message. */
static void __init unbind_with_a_doorbell(struct kunit *test)
{
	struct host *h = make_bound(test, NO_BAR);

	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
		ring(h);
		unbind(h);
		expect_released(test, h);
		bind(h);
	}
	h->fake->res[0].bar = BAR_4;
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
	unbind(h);
	expect_released(test, h);
}

/* The same when the controller is deinitialized, and initialized again. */
static void __init deinit_with_a_doorbell(struct kunit *test)
{
	struct host *h = make_bound(test, NO_BAR);

	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
		ring(h);
		pci_epc_deinit_notify(h->fake->epc);
		expect_released(test, h);
		for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++)
			KUNIT_EXPECT_FALSE(test, h->fake->bar_set[bar]);
		pci_epc_init_notify(h->fake->epc);
	}
	/* Unbound while it is deinitialized */
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
	pci_epc_deinit_notify(h->fake->epc);
	unbind(h);
	expect_released(test, h);
}

static char vf_func[104], vf_link[112];

static void __init remove_vf(void *unused)
{
	pci_kunit_paths();
	init_unlink(vf_link);
	init_rmdir(vf_func);
}

/* A virtual function that was unbound, and cannot be bound again, is not unbound twice. */
static void __init virtual_function(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	static u8 max_vfs[] = { 1, 0 };

	h->fake->epc->max_vfs = max_vfs;
	snprintf(vf_func, sizeof(vf_func), "%s_vf", h->cfs->func);
	snprintf(vf_link, sizeof(vf_link), "%s/vf", h->cfs->func);
	KUNIT_ASSERT_EQ(test, init_mkdir(vf_func, 0755), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, remove_vf, NULL), 0);
	KUNIT_ASSERT_EQ(test, init_symlink(vf_func, vf_link), 0);

	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_link(h->cfs), 0);
		KUNIT_EXPECT_GT(test, h->fake->dma_memory, 0);
		KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_unlink(h->cfs), 0);
		KUNIT_EXPECT_EQ(test, h->fake->dma_memory, 0);
		h->fake->dma_no_memory = true;
		KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_link(h->cfs), -ENOMEM);
		KUNIT_EXPECT_EQ(test, h->fake->dma_memory, 0);
		h->fake->dma_no_memory = false;
	}
}

/* BARs that do not exist have no subranges, negative ones included. */
static void __init subrange_of_a_negative_bar(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	static const u32 bars[] = { 6, 7, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff };

	h->fake->features.dynamic_inbound_mapping = true;
	h->fake->features.subrange_mapping = true;
	bind(h);
	for (int i = 0; i < ARRAY_SIZE(bars); i++) {
		KUNIT_EXPECT_EQ(test, command_size(h, SUBRANGE_SETUP, bars[i]), SETUP_FAIL);
		KUNIT_EXPECT_EQ(test, command_size(h, SUBRANGE_CLEAR, bars[i]), CLEAR_FAIL);
	}
	KUNIT_EXPECT_EQ(test, command_size(h, SUBRANGE_SETUP, BAR_0), SETUP_FAIL);
	KUNIT_EXPECT_EQ(test, command_size(h, SUBRANGE_CLEAR, BAR_2), CLEAR_FAIL);
}

/* Subranges go with the BAR, which is set without any when it is bound again. */
static void __init unbind_with_subranges(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->features.dynamic_inbound_mapping = true;
	h->fake->features.subrange_mapping = true;
	bind(h);
	for (int i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, h->fake->bar[BAR_2].num_submap, 0);
		KUNIT_EXPECT_EQ(test, command_size(h, SUBRANGE_SETUP, BAR_2), SETUP_DONE);
		KUNIT_EXPECT_EQ(test, h->fake->bar[BAR_2].num_submap, 2);
		if (i == 1) {
			pci_epc_deinit_notify(h->fake->epc);
			KUNIT_EXPECT_NULL(test, h->cfs->epf->bar[BAR_2].submap);
			KUNIT_EXPECT_EQ(test, h->cfs->epf->bar[BAR_2].num_submap, 0);
			pci_epc_init_notify(h->fake->epc);
		} else {
			unbind(h);
			bind(h);
		}
	}
	KUNIT_EXPECT_EQ(test, h->fake->bar[BAR_2].num_submap, 0);
	KUNIT_EXPECT_EQ(test, command_size(h, SUBRANGE_SETUP, BAR_2), SETUP_DONE);
	KUNIT_EXPECT_EQ(test, command_size(h, SUBRANGE_CLEAR, BAR_2), CLEAR_DONE);
}

/* No size that the host writes is a reason to warn, or to crash. */
static void __init huge_sizes(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	static const u32 sizes[] = { 0x00800000, 0x7fffffff, 0x80000000, 0xffffffff };

	pci_ep_iomem_init(test);
	pci_ep_fake_outbound(h->fake, OUTBOUND, SZ_64K);
	bind(h);
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_TRUE(test, command_size(h, CMD_READ, sizes[i]) & READ_FAIL);
		KUNIT_EXPECT_TRUE(test, command_size(h, CMD_WRITE, sizes[i]) & WRITE_FAIL);
		KUNIT_EXPECT_TRUE(test, command_size(h, CMD_COPY, sizes[i]) & COPY_FAIL);
	}
}

/* What is mapped of the host ends where the address space does. */
static void __init addresses_at_the_top(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	struct pci_epc_map map;

	pci_ep_iomem_init(test);
	h->fake->align = SZ_4K;
	pci_ep_fake_outbound(h->fake, OUTBOUND, SZ_64K);
	for (u64 addr = -0x1000ULL; addr >= -0x2000ULL; addr -= 0x800) {
		KUNIT_ASSERT_EQ(test, pci_epc_mem_map(h->fake->epc, 0, 0, addr, 0x800, &map),
				0);
		KUNIT_EXPECT_EQ(test, map.pci_size, 0x800);
		KUNIT_EXPECT_LE(test, map.phys_addr + map.pci_size,
				map.phys_base + map.map_size);
		pci_epc_mem_unmap(h->fake->epc, 0, 0, &map);
	}
	KUNIT_ASSERT_EQ(test, pci_epc_mem_map(h->fake->epc, 0, 0, -0x1000ULL, 0x3000, &map),
			0);
	KUNIT_EXPECT_LE(test, map.phys_addr + map.pci_size, map.phys_base + map.map_size);
	pci_epc_mem_unmap(h->fake->epc, 0, 0, &map);
}

static u64 __init align_limited(struct pci_epc *epc, u64 addr, size_t *size,
				size_t *offset)
{
	*offset = addr & (SZ_4K - 1);
	*size = min_t(size_t, ALIGN(*offset + *size, SZ_4K), SZ_8K);
	return addr - *offset;
}

/* A controller that maps less than asked for: what is told is inside of that. */
static void __init addresses_that_are_not_aligned(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	struct pci_epc_map map;

	pci_ep_iomem_init(test);
	pci_ep_fake_outbound(h->fake, OUTBOUND, SZ_64K);
	h->fake->ops.align_addr = align_limited;
	for (u64 addr = 0x10000; addr < 0x11000; addr += 0x7f0) {
		KUNIT_ASSERT_EQ(test, pci_epc_mem_map(h->fake->epc, 0, 0, addr, SZ_16K, &map),
				0);
		KUNIT_EXPECT_EQ(test, map.map_size, SZ_8K);
		KUNIT_EXPECT_EQ(test, map.pci_size, SZ_8K - (addr & 0xfff));
		KUNIT_EXPECT_EQ(test, map.phys_addr - map.phys_base, addr & 0xfff);
		KUNIT_EXPECT_EQ(test, h->fake->map_pci, 0x10000);
		pci_epc_mem_unmap(h->fake->epc, 0, 0, &map);
	}
	h->fake->ops.align_addr = NULL;
}

/* Commands that are none do nothing, and the next one is heard. */
static void __init unknown_commands(struct kunit *test)
{
	struct host *h = make_bound(test, NO_BAR);
	static const u32 commands[] = { BIT(10), BIT(31), ENABLE | DISABLE, 0xffffffff };

	for (int i = 0; i < ARRAY_SIZE(commands); i++) {
		set(h, REG_COMMAND, commands[i]);
		for (int j = 0; j < 2000 && get(h, REG_COMMAND); j++)
			fsleep(1000);
		KUNIT_EXPECT_EQ(test, get(h, REG_COMMAND), 0);
		expect_released(test, h);
	}
	KUNIT_EXPECT_EQ(test, command(h, ENABLE), ENABLED);
}

static struct kunit_case __refdata pci_epf_test_doorbell_cases[] = {
	KUNIT_CASE(mapped),
	KUNIT_CASE(exposed_bar),
	KUNIT_CASE(exposed_bar_0),
	KUNIT_CASE(second_function),
	KUNIT_CASE(mapping_fails),
	KUNIT_CASE(shared_irq),
	KUNIT_CASE(msi),
	KUNIT_CASE(no_doorbell),
	KUNIT_CASE(enable_fails),
	KUNIT_CASE(enable_without_memory),
	KUNIT_CASE(enable_twice),
	KUNIT_CASE(disable_without_enable),
	KUNIT_CASE(disable_twice),
	KUNIT_CASE(doorbell_bar_tampered_with),
	KUNIT_CASE(unbind_without_a_doorbell),
	KUNIT_CASE(unbind_with_a_doorbell),
	KUNIT_CASE(deinit_with_a_doorbell),
	KUNIT_CASE(virtual_function),
	KUNIT_CASE(subrange_of_a_negative_bar),
	KUNIT_CASE(unbind_with_subranges),
	KUNIT_CASE(huge_sizes),
	KUNIT_CASE(addresses_at_the_top),
	KUNIT_CASE(addresses_that_are_not_aligned),
	KUNIT_CASE(unknown_commands),
	{}
};

static struct kunit_suite __refdata pci_epf_test_doorbell_suite = {
	.name = "pci_epf_test_doorbell",
	.test_cases = pci_epf_test_doorbell_cases,
};

kunit_test_init_section_suite(pci_epf_test_doorbell_suite);

MODULE_DESCRIPTION("KUnit tests for pci-epf-test");
MODULE_LICENSE("GPL");
