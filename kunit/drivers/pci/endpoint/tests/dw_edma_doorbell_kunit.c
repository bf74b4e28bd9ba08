// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the interrupt emulation of the DesignWare eDMA: the dw-edma core on
 * emulated registers, which raise an interrupt when the host writes to them, until the
 * endpoint clears it.
 *
 * Offsets of registers are those of the databook.
 */
#include <kunit/platform_device.h>
#include <kunit/test.h>
#include <linux/dma/edma.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#include "pci_ep_iomem.h"

#define REGS		(PCI_EP_IOMEM_START + 0x100000)
#define REGS_SIZE	0x2000
#define DMA_CTRL	0x08
#define WR_INT_CLEAR	0x58
#define RD_INT_STATUS	0xa0
#define RD_INT_CLEAR	0xac
#define MAX_IRQS	4

struct edma {
	struct kunit *test;
	struct pci_ep_iomem *io;
	struct dw_edma_chip chip;
	int irq[MAX_IRQS];
	/* The line of the emulated interrupt */
	bool asserted;
	int clears;
	/* Raise the interrupts as soon as they are requested */
	bool early;
	int raised;
	/* That many of them were not cleared */
	int storms;
	/* What the handler of the doorbell saw */
	int rung, rung_asserted, rung_enabled;
};

static struct edma *cur;

/* --- The interrupts of the eDMA --- */

static void parent_nop(struct irq_data *d)
{
}

static void parent_unlocked(struct irq_data *d)
{
	struct irq_desc *desc = irq_to_desc(d->irq);

	/* A handler has just been installed, and its caller does not know yet */
	if (cur->early && desc->action) {
		cur->raised++;
		cur->asserted = true;
		generic_handle_irq_safe(d->irq);
		cur->storms += cur->asserted;
	}
}

static struct irq_chip parent_chip = {
	.name			= "dw-edma-kunit",
	.irq_mask		= parent_nop,
	.irq_unmask		= parent_nop,
	.irq_ack		= parent_nop,
	.irq_bus_lock		= parent_nop,
	.irq_bus_sync_unlock	= parent_unlocked,
};

static int edma_irq_vector(struct device *dev, unsigned int nr)
{
	return cur->irq[nr];
}

static const struct dw_edma_plat_ops edma_ops = {
	.irq_vector = edma_irq_vector,
};

/* --- The registers --- */

static void edma_write(struct pci_ep_iomem *io, size_t offset, u64 val)
{
	if (offset != WR_INT_CLEAR && offset != RD_INT_CLEAR)
		return;
	cur->clears++;
	cur->asserted = false;
}

/* What the host does: a write of 32 bits to a status register, and the line is up */
static void ring(struct edma *e, int irq)
{
	e->asserted = true;
	for (int i = 0; i < 3 && e->asserted; i++)
		generic_handle_irq_safe(e->irq[irq]);
}

static irqreturn_t doorbell(int irq, void *data)
{
	struct edma *e = data;

	e->rung++;
	e->rung_asserted += e->asserted;
	e->rung_enabled += !irqs_disabled();
	return IRQ_HANDLED;
}

static irqreturn_t doorbell_thread(int irq, void *data)
{
	((struct edma *)data)->rung++;
	return IRQ_HANDLED;
}

static void edma_free(void *data)
{
	struct edma *e = data;

	for (int i = 0; i < MAX_IRQS; i++) {
		KUNIT_EXPECT_FALSE(e->test, irq_has_action(e->irq[i]));
		irq_free_desc(e->irq[i]);
	}
}

/* Who registers DMA channels has to have a driver */
static struct platform_driver edma_driver = {
	.driver.name = "dw-edma-kunit",
};

static void edma_unmap(void *addr)
{
	iounmap((void __iomem __force *)addr);
}

static struct edma *make(struct kunit *test, int nr_irqs)
{
	struct edma *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);
	struct platform_device *pdev;

	KUNIT_ASSERT_NOT_NULL(test, e);
	e->test = test;
	cur = e;
	for (int i = 0; i < MAX_IRQS; i++) {
		e->irq[i] = irq_alloc_desc(NUMA_NO_NODE);
		KUNIT_ASSERT_GT(test, e->irq[i], 0);
		irq_set_chip_and_handler(e->irq[i], &parent_chip, handle_level_irq);
	}
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, edma_free, e), 0);

	e->io = pci_ep_iomem(test, REGS, REGS_SIZE);
	e->io->write = edma_write;
	/* Two write channels and two read channels */
	*(u32 *)&e->io->mem[DMA_CTRL] = 0x00020002;

	KUNIT_ASSERT_EQ(test, kunit_platform_driver_register(test, &edma_driver), 0);
	pdev = kunit_platform_device_alloc(test, "dw-edma-kunit", PLATFORM_DEVID_AUTO);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, kunit_platform_device_add(test, pdev), 0);

	e->chip.dev = &pdev->dev;
	e->chip.ops = &edma_ops;
	e->chip.nr_irqs = nr_irqs;
	e->chip.flags = DW_EDMA_CHIP_LOCAL;
	e->chip.mf = EDMA_MF_EDMA_UNROLL;
	e->chip.ll_wr_cnt = 2;
	e->chip.ll_rd_cnt = 2;
	e->chip.reg_base = ioremap(REGS, REGS_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, (void __force *)e->chip.reg_base);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, edma_unmap,
							(void __force *)e->chip.reg_base), 0);
	return e;
}

static void edma_remove(void *data)
{
	dw_edma_remove(data);
}

static struct edma *probe(struct kunit *test, int nr_irqs)
{
	struct edma *e = make(test, nr_irqs);

	KUNIT_ASSERT_EQ(test, dw_edma_probe(&e->chip), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, edma_remove, &e->chip), 0);
	return e;
}

/* There is an IRQ for the doorbell, and the register is one that the host can write to. */
static void described(struct kunit *test)
{
	struct edma *e = probe(test, 1);
	int irq = e->chip.db_irq;

	KUNIT_EXPECT_GT(test, irq, 0);
	KUNIT_EXPECT_NE(test, irq, e->irq[0]);
	KUNIT_EXPECT_EQ(test, e->chip.db_offset, RD_INT_STATUS);

	/* And no longer, when the eDMA is gone */
	kunit_release_action(test, edma_remove, &e->chip);
	KUNIT_EXPECT_EQ(test, e->chip.db_irq, 0);
	KUNIT_EXPECT_EQ(test, e->chip.db_offset, ~(resource_size_t)0);
	KUNIT_EXPECT_NULL(test, irq_to_desc(irq));
}

/* The host rings: the line is cleared first, then the handler runs, once. */
static void rung(struct kunit *test)
{
	struct edma *e = probe(test, 1);
	int clears;

	KUNIT_ASSERT_EQ(test, request_irq(e->chip.db_irq, doorbell, 0, "doorbell", e), 0);
	clears = e->clears;
	for (int i = 1; i <= 3; i++) {
		ring(e, 0);
		KUNIT_EXPECT_EQ(test, e->rung, i);
		KUNIT_EXPECT_FALSE(test, e->asserted);
	}
	KUNIT_EXPECT_EQ(test, e->rung_asserted, 0);
	KUNIT_EXPECT_GT(test, e->clears, clears);
	free_irq(e->chip.db_irq, e);
}

/* Any interrupt of the eDMA can be that of the doorbell. */
static void rung_by_any_interrupt(struct kunit *test)
{
	struct edma *e = probe(test, 4);

	KUNIT_ASSERT_EQ(test, request_irq(e->chip.db_irq, doorbell, 0, "doorbell", e), 0);
	for (int i = 0; i < 4; i++) {
		KUNIT_EXPECT_TRUE(test, irq_has_action(e->irq[i]));
		ring(e, i);
		KUNIT_EXPECT_EQ(test, e->rung, i + 1);
		KUNIT_EXPECT_FALSE(test, e->asserted);
	}
	free_irq(e->chip.db_irq, e);
}

/* A doorbell that nobody listens to is cleared nevertheless, and only the next one heard. */
static void rung_without_handler(struct kunit *test)
{
	struct edma *e = probe(test, 1);

	ring(e, 0);
	KUNIT_EXPECT_FALSE(test, e->asserted);
	KUNIT_ASSERT_EQ(test, request_irq(e->chip.db_irq, doorbell, 0, "doorbell", e), 0);
	KUNIT_EXPECT_EQ(test, e->rung, 0);
	ring(e, 0);
	KUNIT_EXPECT_EQ(test, e->rung, 1);
	free_irq(e->chip.db_irq, e);
}

/* Several functions share the IRQ, one with a thread, as pci-epf-test has it. */
static void rung_for_several(struct kunit *test)
{
	struct edma *e = probe(test, 1);
	struct edma other = {};
	int irq = e->chip.db_irq;

	KUNIT_ASSERT_EQ(test, request_threaded_irq(irq, NULL, doorbell_thread,
						   IRQF_SHARED | IRQF_ONESHOT, "one", e), 0);
	KUNIT_ASSERT_EQ(test, request_threaded_irq(irq, NULL, doorbell_thread,
						   IRQF_SHARED | IRQF_ONESHOT, "two",
						   &other), 0);
	ring(e, 0);
	synchronize_irq(irq);
	KUNIT_EXPECT_EQ(test, e->rung, 1);
	KUNIT_EXPECT_EQ(test, other.rung, 1);
	free_irq(irq, &other);
	ring(e, 0);
	synchronize_irq(irq);
	KUNIT_EXPECT_EQ(test, e->rung, 2);
	KUNIT_EXPECT_EQ(test, other.rung, 1);
	free_irq(irq, e);
}

/* The line stays up until it is cleared, so the IRQ is one that is level-triggered. */
static void level_triggered(struct kunit *test)
{
	struct edma *e = probe(test, 1);

	KUNIT_EXPECT_TRUE(test, irqd_is_level_type(irq_get_irq_data(e->chip.db_irq)));
}

/* The handler of a forced thread runs with interrupts enabled; that of the doorbell not. */
static void interrupts_are_enabled(struct kunit *test)
{
	struct edma *e = probe(test, 1);
	struct irqaction *action = irq_to_desc(e->irq[0])->action;

	KUNIT_ASSERT_NOT_NULL(test, action);
	KUNIT_ASSERT_EQ(test, request_irq(e->chip.db_irq, doorbell, 0, "doorbell", e), 0);
	KUNIT_ASSERT_FALSE(test, irqs_disabled());
	KUNIT_EXPECT_EQ(test, action->handler(e->irq[0], action->dev_id), IRQ_HANDLED);
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	KUNIT_EXPECT_EQ(test, e->rung, 1);
	KUNIT_EXPECT_EQ(test, e->rung_enabled, 0);
	free_irq(e->chip.db_irq, e);
}

/*
 * The interrupt is shared: that of somebody else can come while it is being requested, as can
 * one that the host emulates, which is cleared, as the line stays up else.
 */
static void interrupt_while_it_is_requested(struct kunit *test)
{
	struct edma *e = make(test, 1);

	e->early = true;
	KUNIT_ASSERT_EQ(test, dw_edma_probe(&e->chip), 0);
	e->early = false;
	KUNIT_EXPECT_GT(test, e->raised, 0);
	KUNIT_EXPECT_EQ(test, e->storms, 0);
	dw_edma_remove(&e->chip);
}

/* The same for interrupts of their own for channels. */
static void several_interrupts_while_they_are_requested(struct kunit *test)
{
	struct edma *e = make(test, 4);

	e->early = true;
	KUNIT_ASSERT_EQ(test, dw_edma_probe(&e->chip), 0);
	e->early = false;
	KUNIT_EXPECT_GE(test, e->raised, 4);
	KUNIT_EXPECT_EQ(test, e->storms, 0);
	dw_edma_remove(&e->chip);
}

/* An eDMA that cannot be probed leaves no doorbell, and no handler. */
static void probe_fails(struct kunit *test)
{
	struct edma *e = make(test, 4);
	int last = e->irq[3];

	e->irq[3] = -1;
	KUNIT_EXPECT_LT(test, dw_edma_probe(&e->chip), 0);
	e->irq[3] = last;
	KUNIT_EXPECT_EQ(test, e->chip.db_irq, 0);
	KUNIT_EXPECT_EQ(test, e->chip.db_offset, ~(resource_size_t)0);
	for (int i = 0; i < 4; i++)
		KUNIT_EXPECT_FALSE(test, irq_has_action(e->irq[i]));
}

/* HDMA has no such register that is known. */
static void without_emulation(struct kunit *test)
{
	struct edma *e = make(test, 1);

	e->chip.mf = EDMA_MF_HDMA_NATIVE;
	/* As a glue driver may leave it */
	e->chip.db_irq = 99;
	e->chip.db_offset = 0x1234;
	KUNIT_ASSERT_EQ(test, dw_edma_probe(&e->chip), 0);
	KUNIT_EXPECT_EQ(test, e->chip.db_irq, 0);
	KUNIT_EXPECT_EQ(test, e->chip.db_offset, ~(resource_size_t)0);
	dw_edma_remove(&e->chip);
}

static struct kunit_case dw_edma_doorbell_cases[] = {
	KUNIT_CASE(described),
	KUNIT_CASE(rung),
	KUNIT_CASE(rung_by_any_interrupt),
	KUNIT_CASE(rung_without_handler),
	KUNIT_CASE(rung_for_several),
	KUNIT_CASE(level_triggered),
	KUNIT_CASE(interrupts_are_enabled),
	KUNIT_CASE(interrupt_while_it_is_requested),
	KUNIT_CASE(several_interrupts_while_they_are_requested),
	KUNIT_CASE(probe_fails),
	KUNIT_CASE(without_emulation),
	{}
};

static struct kunit_suite dw_edma_doorbell_suite = {
	.name = "dw_edma_doorbell",
	.test_cases = dw_edma_doorbell_cases,
};

kunit_test_suite(dw_edma_doorbell_suite);

MODULE_DESCRIPTION("KUnit tests for the interrupt emulation of dw-edma");
MODULE_LICENSE("GPL");
