/* SPDX-License-Identifier: GPL-2.0 */
/* The host of an endpoint function of pci-epf-test, for the suite of the latter. */
#ifndef _PCI_EPF_TEST_HOST_H
#define _PCI_EPF_TEST_HOST_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/irq.h>

#include "pci_ep_fake_cfs.h"
#include "pci_ep_iomem.h"
#include "pci_epf_test_regs.h"

#define TIMEOUT			(10 * HZ)
#define OUTBOUND		(PCI_EP_IOMEM_START + 0x3000000)

struct host {
	struct kunit *test;
	struct pci_ep_fake *fake;
	struct pci_ep_fake_cfs *cfs;
	int irq;
	enum pci_barno regs;	/* where they are */
};

/* The host reads and writes the BAR that has the registers. */
static u32 *reg(struct host *h, int offset)
{
	return h->fake->bar[h->regs].addr + offset;
}

static u32 get(struct host *h, int offset)
{
	return READ_ONCE(*reg(h, offset));
}

static void set(struct host *h, int offset, u32 val)
{
	WRITE_ONCE(*reg(h, offset), val);
}

/* Sends a command, and waits for the interrupt. */
static u32 command(struct host *h, u32 command)
{
	struct kunit *test = h->test;

	KUNIT_ASSERT_TRUE(test, h->fake->bar_set[h->regs]);
	reinit_completion(&h->fake->irq);
	set(h, REG_STATUS, 0);
	set(h, REG_IRQ_TYPE, 1);
	set(h, REG_IRQ_NUMBER, 1);
	set(h, REG_COMMAND, command);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&h->fake->irq, TIMEOUT), 0);
	return get(h, REG_STATUS) & DONE;
}

/* The same for commands that use the size of a transfer, or the number of a BAR */
static u32 command_size(struct host *h, u32 cmd, u32 size)
{
	set(h, REG_SIZE, size);
	return command(h, cmd);
}

/* Rings the doorbell, and waits for the interrupt that it is answered with. */
static void ring(struct host *h)
{
	struct kunit *test = h->test;

	reinit_completion(&h->fake->irq);
	set(h, REG_STATUS, 0);
	KUNIT_EXPECT_EQ(test, generic_handle_irq_safe(h->irq), 0);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&h->fake->irq, TIMEOUT), 0);
	KUNIT_EXPECT_EQ(test, get(h, REG_STATUS) & DONE, RUNG);
}

static void __init bind(struct host *h)
{
	struct kunit *test = h->test;

	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_link(h->cfs), 0);
	if (!h->fake->epc->init_complete)
		pci_epc_init_notify(h->fake->epc);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_start(h->cfs, true), 0);
}

static void __init unbind(struct host *h)
{
	struct kunit *test = h->test;

	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_start(h->cfs, false), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_unlink(h->cfs), 0);
}

#endif /* _PCI_EPF_TEST_HOST_H */
