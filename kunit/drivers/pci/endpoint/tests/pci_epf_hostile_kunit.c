// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of hosts that pci-epf-test and pci-epf-vntb cannot trust: they write random
 * values, and such that nearly make sense, into all BARs and the configuration space, while
 * functions are bound and unbound, the link comes and goes, and commands are worked on.
 *
 *	pci_epf_hostile.seed=N		which writes; default: random, printed
 *	pci_epf_hostile.count=N		how many, for all kinds of function together
 *
 * Whatever they write, the endpoint goes on, and does as it is told by the next host, which
 * is sane.  Nothing changes but what is for the host: what it reaches through a BAR is memory
 * for DMA; what the endpoint writes on the host stays in the window that it was given; memory
 * of the endpoint beside that of the BARs, and the kernel, are as they were.  KASAN and
 * kmemleak say the rest.
 */
#include <asm/sections.h>
#include <linux/crc32.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/random.h>

#include "pci_epf_hostile.h"
#include "pci_fabric_ep_dma.h"
#include "pci_fabric_ep_of.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "pci_epf_hostile."

static unsigned long long seed;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "which writes; 0: random, printed");
static unsigned long count = 50000;
module_param(count, ulong, 0444);
MODULE_PARM_DESC(count, "how many writes");

/* Between two hosts that are sane */
#define HOSTILE_ROUND	2000
#define HOSTILE_PAGES	(HOSTILE_WINDOW + 2 * HOSTILE_GUARD)
#define HOSTILE_VECTORS	8

static const struct hostile_kind hostile_kinds[] = {
#define HOSTILE_TEST								\
	.driver = "pci_epf_test", .attrs = hostile_test_attrs, .regs = 0x80,	\
	.pause_us = 1000, .volley = 3, .up = hostile_test_up,			\
	.job = hostile_test_job, .sane = hostile_test_sane
#define HOSTILE_VNTB								\
	.driver = "pci_epf_vntb", .attrs = hostile_vntb_attrs, .regs = 0x180,	\
	.up = hostile_vntb_up, .job = hostile_vntb_job, .sane = hostile_vntb_sane, \
	.bound = hostile_vntb_bound, .between = hostile_vntb_between
/* It looks for commands twice a second only */
#define HOSTILE_VNTB_DOORBELL							\
	HOSTILE_VNTB, .pause_us = 500000, .volley = 32

	{ .name = "test", HOSTILE_TEST },
	{ .name = "test, register", HOSTILE_TEST,
	  .doorbell = PCI_FABRIC_EP_DOORBELL_MMIO },
	{ .name = "test, register in a BAR", HOSTILE_TEST,
	  .doorbell = PCI_FABRIC_EP_DOORBELL_BAR, .doorbell_bar = BAR_4 },
	{ .name = "test, MSI", HOSTILE_TEST, .msi = true },
	{ .name = "vntb", HOSTILE_VNTB, .pause_us = 5000, .volley = 3 },
	{ .name = "vntb, register", HOSTILE_VNTB_DOORBELL,
	  .doorbell = PCI_FABRIC_EP_DOORBELL_MMIO },
	{ .name = "vntb, register in a BAR", HOSTILE_VNTB_DOORBELL,
	  .doorbell = PCI_FABRIC_EP_DOORBELL_BAR, .doorbell_bar = BAR_4 },
	{ .name = "vntb, MSI", HOSTILE_VNTB_DOORBELL, .msi = true },
};

/* --- What is written --- */

u32 hostile_u32(struct hostile *h)
{
	guard(spinlock_irqsave)(&h->lock);
	return prandom_u32_state(&h->rnd);
}

u32 hostile_below(struct hostile *h, u32 limit)
{
	return hostile_u32(h) % limit;
}

bool hostile_one_in(struct hostile *h, u32 n)
{
	return !hostile_below(h, n);
}

u64 hostile_value(struct hostile *h)
{
	u64 val = hostile_u32(h) | (u64)hostile_u32(h) << 32;
	unsigned int by = hostile_below(h, 3) - 1;

	switch (hostile_below(h, 12)) {
	case 0:
		return val;
	case 1:
		return (u32)val;
	case 2:
		return val % 16;
	case 3:
		return BIT_ULL(val % 64) + by;
	case 4:
		return BIT_ULL(val % 32) + by;
	case 5:
		return -1ULL - val % 64;
	case 6:
		return (u32)-1 - val % 64;
	case 7:
		return (val & BIT(8) ? 0x80000000 : 0x7fffffff) + by;
	case 8:
		return h->window + val % HOSTILE_PAGES - HOSTILE_GUARD;
	case 9:
		/* What has bits where it should have none */
		return h->window | val << 32;
	case 10:
		return HOSTILE_WINDOW * (val % 4) + by;
	default:
		return READ_ONCE(h->last) ^ BIT_ULL(val % 64);
	}
}

void hostile_put(struct hostile *h, unsigned int bar, u32 off, unsigned int size, u64 val)
{
	void __iomem *addr;

	if (bar > BAR_5 || !h->bar[bar] || off > h->bar_size[bar] - size)
		return;

	addr = h->bar[bar] + off;
	atomic_long_inc(&h->writes);
	WRITE_ONCE(h->last, val);
	switch (size) {
	case 1:
		writeb(val, addr);
		break;
	case 2:
		writew(val, addr);
		break;
	case 4:
		writel(val, addr);
		break;
	default:
		writeq(val, addr);
	}
}

static void hostile_cfg16(struct hostile *h, int where, u16 val)
{
	atomic_long_inc(&h->writes);
	pci_bus_write_config_word(h->bus, 0, where, val);
}

static void hostile_cfg32(struct hostile *h, int where, u32 val)
{
	atomic_long_inc(&h->writes);
	pci_bus_write_config_dword(h->bus, 0, where, val);
}

/*
 * As it was when the link was up for the first time, whoever is there now.  The root complex
 * does not look for devices at the same time: it is the endpoint that it is to confuse.
 */
static void hostile_restore(struct hostile *h)
{
	struct pci_dev *port = h->bus->self;

	pci_lock_rescan_remove();
	pci_write_config_dword(port, PCI_MEMORY_BASE, h->config.window);
	pci_write_config_dword(port, PCI_PREF_MEMORY_BASE, h->config.pref);
	for (int bar = BAR_0; bar <= BAR_5; bar++)
		hostile_cfg32(h, PCI_BASE_ADDRESS_0 + 4 * bar, h->config.bar[bar]);
	hostile_cfg16(h, h->config.msi_pos + PCI_MSI_FLAGS, h->config.msi);
	hostile_cfg16(h, h->config.msix_pos + PCI_MSIX_FLAGS, h->config.msix);
	hostile_cfg16(h, PCI_COMMAND, h->config.command);
	pci_unlock_rescan_remove();
}

static void hostile_config(struct hostile *h)
{
	u32 val = hostile_value(h);

	pci_lock_rescan_remove();
	switch (hostile_below(h, 4)) {
	case 0:
		/* Memory, bus master, INTx */
		hostile_cfg16(h, PCI_COMMAND, h->config.command ^ (val & 0x407));
		break;
	case 1:
		hostile_cfg16(h, h->config.msi_pos + PCI_MSI_FLAGS,
			      h->config.msi ^ (val & (PCI_MSI_FLAGS_ENABLE |
						      PCI_MSI_FLAGS_QSIZE)));
		break;
	case 2:
		hostile_cfg16(h, h->config.msix_pos + PCI_MSIX_FLAGS,
			      h->config.msix ^ (val & (PCI_MSIX_FLAGS_ENABLE |
						       PCI_MSIX_FLAGS_MASKALL)));
		break;
	default:
		/* Another place, where it may be in the way of others of the function */
		hostile_cfg32(h, PCI_BASE_ADDRESS_0 + 4 * hostile_below(h, 6),
			      h->config.bar[hostile_below(h, 6)]);
	}
	pci_unlock_rescan_remove();
}

static void hostile_any(struct hostile *h, unsigned int bar, u32 limit)
{
	unsigned int size = BIT(hostile_below(h, 4));

	if (bar <= BAR_5 && limit)
		hostile_put(h, bar, hostile_below(h, limit), size, hostile_value(h));
}

/* One write or a few to BARs, in any context */
static void hostile_shot(struct hostile *h)
{
	unsigned int bar = hostile_below(h, 6);

	switch (hostile_below(h, 15)) {
	case 0 ... 7:
		h->kind->job(h);
		break;
	case 8 ... 10:
		hostile_put(h, BAR_0, 4 * hostile_below(h, h->kind->regs / 4), 4,
			    hostile_value(h));
		break;
	case 11:
		hostile_any(h, BAR_0, h->kind->regs);
		break;
	case 12:
		hostile_any(h, bar, h->bar_size[bar]);
		break;
	case 13:
		/* Most of what is to be found is in the first pages */
		hostile_any(h, bar, min(h->bar_size[bar], SZ_4K));
		break;
	default:
		hostile_put(h, READ_ONCE(h->db_bar), READ_ONCE(h->db_off),
			    hostile_one_in(h, 8) ? 2 : 4, READ_ONCE(h->db_data));
	}
}

/* At one go, after which the endpoint has time to look */
static void hostile_volley(struct hostile *h, unsigned int shots)
{
	if (hostile_one_in(h, 4))
		hostile_restore(h);
	while (shots--) {
		if (hostile_one_in(h, 16))
			hostile_config(h);
		else
			hostile_shot(h);
	}
}

/* In the middle of what the endpoint does */
static void hostile_meanwhile(void *data)
{
	struct hostile *h = data;

	if (hostile_one_in(h, 2))
		hostile_shot(h);
}

static bool hostile_spent(struct hostile *h)
{
	return atomic_long_read(&h->writes) >= h->limit;
}

static int hostile_thread(void *data)
{
	struct hostile *h = data;

	while (!kthread_should_stop()) {
		hostile_volley(h, hostile_below(h, h->kind->volley));
		usleep_range(100, 200 + hostile_below(h, 2 * h->kind->pause_us));
	}
	return 0;
}

static void hostile_fire(struct hostile *h)
{
	pci_fabric_ep_meanwhile(h->ep, hostile_meanwhile, h);
	h->thread = kthread_run(hostile_thread, h, "hostile");
	KUNIT_ASSERT_FALSE(h->test, IS_ERR(h->thread));
}

static void hostile_hold(void *data)
{
	struct hostile *h = data;

	if (!IS_ERR_OR_NULL(h->thread))
		kthread_stop(h->thread);
	h->thread = NULL;
	if (h->ep)
		pci_fabric_ep_meanwhile(h->ep, NULL, NULL);
}

/* --- What must not change --- */

static u8 hostile_pattern(const void *at)
{
	return (unsigned long)at * 31 >> 3;
}

static void hostile_paint(u8 *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		from[i] = hostile_pattern(from + i);
}

static bool hostile_painted(const u8 *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (from[i] != hostile_pattern(from + i))
			return false;
	return true;
}

static void hostile_free_bystander(struct hostile *h, int i)
{
	if (h->bystander[i].mem)
		dma_free_coherent(h->epc->dev.parent, h->bystander[i].size,
				  h->bystander[i].mem, h->bystander[i].dma);
	h->bystander[i].mem = NULL;
}

/* Memory of the same device, so that some of it is beside that of the function */
static void hostile_alloc_bystander(struct hostile *h, int i)
{
	h->bystander[i].size = SZ_4K << i % 4;
	h->bystander[i].mem = dma_alloc_coherent(h->epc->dev.parent, h->bystander[i].size,
						 &h->bystander[i].dma, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(h->test, h->bystander[i].mem);
	hostile_paint(h->bystander[i].mem, h->bystander[i].size);
}

static void hostile_free(void *data)
{
	struct hostile *h = data;

	for (int i = 0; i < HOSTILE_BYSTANDERS; i++)
		hostile_free_bystander(h, i);
	free_pages_exact(h->mem, HOSTILE_PAGES);
}

static void hostile_expect_unchanged(struct hostile *h)
{
	struct kunit *test = h->test;

	KUNIT_EXPECT_EQ(test, pci_fabric_ep_take_stray(h->ep), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(h->ep).bad_irqs, 0);
	KUNIT_EXPECT_TRUE(test, hostile_painted(h->mem, HOSTILE_GUARD));
	KUNIT_EXPECT_TRUE(test, hostile_painted(hostile_window(h) + HOSTILE_WINDOW,
						HOSTILE_GUARD));
	for (int i = 0; i < HOSTILE_BYSTANDERS; i++)
		if (h->bystander[i].mem)
			KUNIT_EXPECT_TRUE(test, hostile_painted(h->bystander[i].mem,
								h->bystander[i].size));
}

static u32 hostile_text(void)
{
	return crc32_le(~0, (u8 *)_stext, _etext - _stext);
}

/* --- The link --- */

static irqreturn_t hostile_irq(int irq, void *data)
{
	struct hostile *h = data;

	atomic_inc(&h->irqs);
	return IRQ_HANDLED;
}

static void hostile_map(struct hostile *h)
{
	struct pci_dev *pdev = h->pdev;

	h->bus = pdev->bus;
	for (int bar = BAR_0; bar <= BAR_5; bar++) {
		h->bar_size[bar] = pci_resource_len(pdev, bar);
		if (!h->bar_size[bar])
			continue;
		h->bar[bar] = pci_ioremap_bar(pdev, bar);
		KUNIT_ASSERT_NOT_NULL(h->test, h->bar[bar]);
		pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * bar, &h->config.bar[bar]);
	}
	pci_read_config_dword(h->bus->self, PCI_MEMORY_BASE, &h->config.window);
	pci_read_config_dword(h->bus->self, PCI_PREF_MEMORY_BASE, &h->config.pref);
	h->config.msi_pos = pdev->msi_cap;
	h->config.msix_pos = pdev->msix_cap;
	pci_read_config_word(pdev, PCI_COMMAND, &h->config.command);
	pci_read_config_word(pdev, pdev->msi_cap + PCI_MSI_FLAGS, &h->config.msi);
	pci_read_config_word(pdev, pdev->msix_cap + PCI_MSIX_FLAGS, &h->config.msix);
}

static void hostile_unmap(void *data)
{
	struct hostile *h = data;

	for (int bar = BAR_0; bar <= BAR_5; bar++)
		if (h->bar[bar])
			iounmap(h->bar[bar]);
}

/* The function is there, enabled, with its interrupts. */
static void hostile_found(struct hostile *h)
{
	struct kunit *test = h->test;
	int ret;

	KUNIT_ASSERT_TRUE(test, pci_fabric_ep_wait(h->ep, true));
	h->pdev = pci_fabric_pdev(pci_fabric_ep_fn(h->ep, 0));
	KUNIT_ASSERT_NOT_NULL(test, h->pdev);
	KUNIT_ASSERT_EQ(test, pci_enable_device_mem(h->pdev), 0);
	pci_set_master(h->pdev);
	ret = pci_alloc_irq_vectors(h->pdev, HOSTILE_VECTORS, HOSTILE_VECTORS, PCI_IRQ_MSI);
	KUNIT_ASSERT_EQ(test, ret, HOSTILE_VECTORS);
	for (int i = 0; i < HOSTILE_VECTORS; i++)
		KUNIT_ASSERT_EQ(test, request_irq(pci_irq_vector(h->pdev, i), hostile_irq, 0,
						  "hostile", h), 0);
	if (!h->bus)
		hostile_map(h);
	/* It is where it was */
	for (int bar = BAR_0; bar <= BAR_5; bar++) {
		u32 val;

		pci_read_config_dword(h->pdev, PCI_BASE_ADDRESS_0 + 4 * bar, &val);
		KUNIT_ASSERT_EQ(test, pci_resource_len(h->pdev, bar), h->bar_size[bar]);
		KUNIT_ASSERT_EQ(test, val, h->config.bar[bar]);
	}
}

/* The driver of the root complex goes; the host stays hostile. */
static void hostile_lost(void *data)
{
	struct hostile *h = data;

	if (!h->pdev)
		return;
	for (int i = 0; i < HOSTILE_VECTORS; i++)
		free_irq(pci_irq_vector(h->pdev, i), h);
	pci_free_irq_vectors(h->pdev);
	h->pdev = NULL;
}

static void __init hostile_stop(struct hostile *h)
{
	hostile_lost(h);
	KUNIT_ASSERT_EQ(h->test, pci_ep_cfs_start(h->cfs, false), 0);
	KUNIT_ASSERT_TRUE(h->test, pci_fabric_ep_wait(h->ep, false));
}

static void __init hostile_start(struct hostile *h)
{
	KUNIT_ASSERT_EQ(h->test, pci_ep_cfs_start(h->cfs, true), 0);
	KUNIT_ASSERT_TRUE(h->test, pci_fabric_ep_wait(h->ep, true));
}

static void __init hostile_bind(struct hostile *h)
{
	KUNIT_ASSERT_EQ(h->test, pci_ep_cfs_link(h->cfs, h->epc), 0);
	if (h->kind->bound)
		h->kind->bound(h);
}

static void __init hostile_unbind(struct hostile *h)
{
	KUNIT_ASSERT_EQ(h->test, pci_ep_cfs_unlink(h->cfs), 0);
	KUNIT_EXPECT_EQ(h->test, pci_fabric_ep_stats(h->ep).mapped, 0);
}

/* --- Tests --- */

static struct hostile * __init hostile_make(struct kunit *test)
{
	struct hostile *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	const struct hostile_kind *kind = test->param_value;
	struct pci_fabric_ep_desc desc = {
		.doorbell = kind->doorbell,
		.doorbell_bar = kind->doorbell_bar,
		.doorbell_off = 0x10c,
		.doorbell_data = 0xd00b,
	};

	KUNIT_ASSERT_NOT_NULL(test, h);
	h->test = test;
	h->kind = kind;
	h->limit = max(count / ARRAY_SIZE(hostile_kinds), 1UL);
	spin_lock_init(&h->lock);
	if (!seed)
		seed = get_random_u64() | 1;
	prandom_seed_state(&h->rnd, seed + (kind - hostile_kinds));
	if (kind->msi)
		pci_fabric_ep_of(test, &desc);

	h->fabric = pci_fabric_alloc(test);
	h->port = pci_fabric_add(h->fabric, NULL, &(struct pci_fabric_fn_desc){
		.device = 0x0e30,
		.hdr_type = PCI_HEADER_TYPE_BRIDGE,
		.pcie_type = PCI_EXP_TYPE_ROOT_PORT,
	});
	pci_fabric_scan(h->fabric);
	h->ep = pci_fabric_ep_alloc(test, h->fabric, h->port, &desc);
	h->epc = pci_fabric_ep_epc(h->ep);

	h->mem = alloc_pages_exact(HOSTILE_PAGES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, h->mem);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, hostile_free, h), 0);
	hostile_paint(h->mem, HOSTILE_PAGES);
	h->window = virt_to_phys(hostile_window(h));
	pci_fabric_ep_allow(h->ep, h->window, HOSTILE_WINDOW);

	if (kind->between)
		hostile_vntb_init(test);
	else
		pci_fabric_ep_add_dma(test);
	h->cfs = pci_ep_cfs_make(test, kind->driver, "func1");
	for (int i = 0; kind->attrs[i][0]; i++)
		KUNIT_ASSERT_EQ_MSG(test, pci_ep_cfs_set(h->cfs, kind->attrs[i][0],
							 kind->attrs[i][1]), 0,
				    "%s", kind->attrs[i][0]);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, hostile_unmap, h), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, hostile_lost, h), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, hostile_hold, h), 0);
	return h;
}

static void hostile_volleys(struct hostile *h, unsigned long until)
{
	while (atomic_long_read(&h->writes) < until && !hostile_spent(h)) {
		hostile_volley(h, h->kind->volley);
		if (h->kind->between)
			h->kind->between(h);
		usleep_range(h->kind->pause_us, 2 * h->kind->pause_us);
	}
}

/*
 * One round: with the function bound and the link up, over a link that goes and comes, over
 * an unbind without a link and a bind with one.  Then a host that is sane.
 */
static void __init hostile_round(struct hostile *h)
{
	hostile_fire(h);
	hostile_volleys(h, atomic_long_read(&h->writes) + HOSTILE_ROUND);
	hostile_stop(h);
	hostile_start(h);
	usleep_range(h->kind->pause_us, 2 * h->kind->pause_us);
	hostile_stop(h);
	hostile_unbind(h);
	hostile_start(h);
	hostile_bind(h);
	usleep_range(h->kind->pause_us, 2 * h->kind->pause_us);
	hostile_stop(h);
	hostile_start(h);
	hostile_hold(h);
	hostile_expect_unchanged(h);

	hostile_found(h);
	h->kind->sane(h);
	hostile_expect_unchanged(h);
}

/* Catches: a function driver that lets a host do what it must not, or is stopped by it. */
static void __init hostile_host(struct kunit *test)
{
	struct hostile *h = hostile_make(test);
	u32 text = hostile_text();

	for (int i = 0; i < HOSTILE_BYSTANDERS; i += 2)
		hostile_alloc_bystander(h, i);
	hostile_bind(h);
	for (int i = 1; i < HOSTILE_BYSTANDERS; i += 2)
		hostile_alloc_bystander(h, i);
	hostile_start(h);
	hostile_found(h);
	h->kind->up(h);
	h->kind->sane(h);
	while (!hostile_spent(h) && READ_ONCE(test->status) != KUNIT_FAILURE)
		hostile_round(h);

	kunit_info(test, "pci_epf_hostile.seed=%llu: %ld writes, %u of them to a BAR that was there, %u rings, %u mappings, %u BARs set",
		   seed, atomic_long_read(&h->writes),
		   pci_fabric_stats(pci_fabric_ep_fn(h->ep, 0)).bar_writes,
		   pci_fabric_ep_stats(h->ep).rings + pci_fabric_ep_stats(h->ep).messages,
		   pci_fabric_ep_stats(h->ep).maps, pci_fabric_ep_stats(h->ep).set_bars);
	hostile_stop(h);
	hostile_unbind(h);
	hostile_expect_unchanged(h);
	KUNIT_EXPECT_EQ(test, hostile_text(), text);
	KUNIT_EXPECT_GE(test, atomic_long_read(&h->writes), h->limit);
}

static void hostile_desc(const struct hostile_kind *kind, char *desc)
{
	strscpy(desc, kind->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(hostile, hostile_kinds, hostile_desc);

static struct kunit_case __refdata pci_epf_hostile_cases[] = {
	KUNIT_CASE_PARAM_ATTR(hostile_host, hostile_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite __refdata pci_epf_hostile_suite = {
	.name = "pci_epf_hostile",
	.test_cases = pci_epf_hostile_cases,
};
kunit_test_init_section_suites(&pci_epf_hostile_suite);

MODULE_DESCRIPTION("KUnit tests for hosts that endpoint functions cannot trust");
MODULE_LICENSE("GPL");
