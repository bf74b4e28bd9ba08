/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host of an endpoint function of pci-epf-vntb, and a client of its NTB device, for the
 * suites of the former.
 */
#ifndef _PCI_EPF_VNTB_HOST_H
#define _PCI_EPF_VNTB_HOST_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/irq.h>
#include <linux/notifier.h>
#include <linux/ntb.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include "pci_ep_fake_cfs.h"
#include "pci_ep_iomem.h"
#include "pci_epf_vntb_regs.h"

#define DB_COUNT	5
/* The first two doorbells are none */
#define DB_BITS		0x7
#define DB_BAR		BAR_4
#define OUTBOUND	(PCI_EP_IOMEM_START + 0x3000000)
#define DEV_ID		0x0030
#define WINDOW		SZ_64K	/* mw1 */
#define TIMEOUT		(10 * HZ)

struct host {
	struct kunit *test;
	struct pci_ep_fake *fake;
	struct pci_ep_fake_cfs *cfs;
	int irq;
	enum pci_barno regs;	/* where they are */

	/* The client */
	struct ntb_dev *ntb;
	int probes, removes;
	u64 db_events;
	int db_told;
	/* A doorbell that the host rings again when it is told, once */
	u32 *db_again;
	int link_events;
	/* It frees the memory of the window when it goes */
	void *window;
	dma_addr_t window_dma;
	/* Whether others can have pci_rescan_remove_lock then */
	bool locked;
	/* The last one that could not be raised */
	int interrupt;

	int early;
	struct notifier_block nb;
	struct work_struct lock_work;
	struct completion lock_done;
};

static struct host *cur;

/* --- A client of the NTB device --- */

static void client_db_event(void *ctx, int vector)
{
	cur->db_events |= BIT_ULL(vector);
	cur->db_told++;
	if (cur->db_again)
		WRITE_ONCE(*cur->db_again, 1);
	cur->db_again = NULL;
}

static void client_link_event(void *ctx)
{
	cur->link_events++;
}

static const struct ntb_ctx_ops client_ctx_ops = {
	.db_event	= client_db_event,
	.link_event	= client_link_event,
};

static int client_probe(struct ntb_client *client, struct ntb_dev *ntb)
{
	cur->probes++;
	cur->ntb = ntb;
	return ntb_set_ctx(ntb, cur, &client_ctx_ops);
}

/* The window has memory of the client's, until that is freed */
static void __maybe_unused client_alloc_window(struct host *h)
{
	h->window = dma_alloc_coherent(ntb_get_dma_dev(h->ntb), WINDOW, &h->window_dma,
				       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(h->test, h->window);
	KUNIT_EXPECT_EQ(h->test, ntb_mw_set_trans(h->ntb, 0, 0, h->window_dma, WINDOW), 0);
}

static void client_free_window(struct host *h)
{
	ntb_mw_clear_trans(h->ntb, 0, 0);
	/* The controller takes notice if a BAR still points to it */
	dma_free_coherent(ntb_get_dma_dev(h->ntb), WINDOW, h->window, h->window_dma);
	h->window = NULL;
}

static void client_lock(struct work_struct *work)
{
	struct host *h = container_of(work, struct host, lock_work);

	pci_lock_rescan_remove();
	pci_unlock_rescan_remove();
	complete(&h->lock_done);
}

/* From another task, as the lock may be one that can be taken again */
static void client_try_lock(struct host *h)
{
	schedule_work(&h->lock_work);
	h->locked = !wait_for_completion_timeout(&h->lock_done, HZ);
}

static void client_remove(struct ntb_client *client, struct ntb_dev *ntb)
{
	/* It is no longer told of what the host does */
	cur->db_events = 0;
	if (pci_ep_fake_actions(cur->irq))
		generic_handle_irq_safe(cur->irq);
	KUNIT_EXPECT_EQ(cur->test, cur->db_events, 0);

	/* As clients do, who say goodbye */
	ntb_spad_write(ntb, 0, 0);
	ntb_peer_spad_write(ntb, 0, 0, 0);
	ntb_link_is_up(ntb, NULL, NULL);
	ntb_peer_db_set(ntb, 1);
	if (cur->window)
		client_free_window(cur);
	client_try_lock(cur);
	ntb_clear_ctx(ntb);
	cur->removes++;
	cur->ntb = NULL;
}

static struct ntb_client client = {
	.drv.name	= "pci-epf-vntb-kunit",
	.ops		= { .probe = client_probe, .remove = client_remove },
};

static void client_unregister(void *data)
{
	ntb_unregister_client(&client);
}

/* --- The host --- */

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

/* There is no interrupt when a command is done, so hosts poll. */
static u16 command(struct host *h, u32 command, u32 argument)
{
	u16 *status = (u16 *)reg(h, REG_STATUS);

	WRITE_ONCE(*status, 0);
	set(h, REG_ARGUMENT, argument);
	set(h, REG_COMMAND, command);
	for (int i = 0; i < 5000 && !READ_ONCE(*status); i++)
		fsleep(1000);
	return READ_ONCE(*status);
}

/* Rings by polled memory, and waits until it was seen. */
static bool poll_ring(struct host *h, int idx)
{
	u32 *db = h->fake->bar[DB_BAR].addr;

	if (!db)
		return false;
	WRITE_ONCE(db[idx], 1);
	for (int i = 0; i < 5000 && READ_ONCE(db[idx]); i++)
		fsleep(1000);
	return !READ_ONCE(db[idx]);
}

static void ring(struct host *h)
{
	KUNIT_EXPECT_EQ(h->test, generic_handle_irq_safe(h->irq), 0);
}

/* --- The administrator --- */

static const char * const attributes[][2] = {
	{ "vendorid", "0x1912" }, { "deviceid", "0x0030" }, { "msi_interrupts", "32" },
	{ "pci_epf_vntb.0/db_count", "5" }, { "pci_epf_vntb.0/spad_count", "8" },
	{ "pci_epf_vntb.0/num_mws", "1" }, { "pci_epf_vntb.0/mw1", "0x10000" },
	{ "pci_epf_vntb.0/vntb_vid", "0x1912" }, { "pci_epf_vntb.0/vntb_pid", "0x0030" },
	{ "pci_epf_vntb.0/vbus_number", "0x10" }, { "pci_epf_vntb.0/ctrl_bar", "0" },
	{ "pci_epf_vntb.0/db_bar", "4" }, { "pci_epf_vntb.0/mw1_bar", "2" },
};

/* A function that is not bound yet, and a client that waits for its NTB device */
static struct host * __init make_on(struct kunit *test, struct device *dev,
				    enum pci_barno bar)
{
	struct host *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	h->test = test;
	INIT_WORK(&h->lock_work, client_lock);
	init_completion(&h->lock_done);
	cur = h;
	h->irq = pci_ep_fake_irq(test);
	h->fake = pci_ep_fake_create(test, dev);
	pci_ep_fake_doorbell(h->fake, h->irq, bar);
	pci_ep_iomem_init(test);
	pci_ep_fake_outbound(h->fake, OUTBOUND, SZ_1M);
	KUNIT_ASSERT_EQ(test, ntb_register_client(&client), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, client_unregister, NULL), 0);
	h->cfs = pci_ep_fake_cfs_make(test, h->fake, "pci_epf_vntb");
	for (int i = 0; i < ARRAY_SIZE(attributes); i++)
		KUNIT_ASSERT_EQ_MSG(test, pci_ep_fake_cfs_set(h->cfs, attributes[i][0],
							      attributes[i][1]), 0,
				    "%s", attributes[i][0]);
	return h;
}

/*
 * With doorbells, the function looks for commands of the host twice a second only.  Those
 * who send many take them away.
 */
static struct host * __init make(struct kunit *test, enum pci_barno bar)
{
	return make_on(test, NULL, bar);
}

static void __init __maybe_unused bind(struct host *h)
{
	struct kunit *test = h->test;
	int probes = h->probes;

	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_link(h->cfs), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_start(h->cfs, true), 0);
	KUNIT_EXPECT_EQ(test, h->probes, probes + 1);
	KUNIT_ASSERT_NOT_NULL(test, h->ntb);
}

static void __init __maybe_unused unbind(struct host *h)
{
	struct kunit *test = h->test;

	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_start(h->cfs, false), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_unlink(h->cfs), 0);
	KUNIT_EXPECT_EQ(test, h->removes, h->probes);
	flush_work(&h->lock_work);
	KUNIT_EXPECT_FALSE(test, h->locked);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(h->irq), 0);
	KUNIT_EXPECT_EQ(test, h->fake->dma_memory, 0);
	KUNIT_EXPECT_EQ(test, h->fake->dma_unmaps, h->fake->dma_maps);
	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		KUNIT_EXPECT_FALSE(test, h->fake->bar_set[i]);
	KUNIT_EXPECT_EQ(test, h->fake->bad_clears, 0);
	KUNIT_EXPECT_EQ(test, h->fake->bad_bars, 0);
}

/* The doorbells are polled: there is memory behind their BAR. */
static void __maybe_unused expect_polling(struct kunit *test, struct host *h)
{
	KUNIT_EXPECT_EQ(test, get(h, REG_DB_ENTRY), 4);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(h->irq), 0);
	KUNIT_EXPECT_NULL(test, h->cfs->epf->db_msg);
	h->db_events = 0;
	KUNIT_EXPECT_TRUE(test, poll_ring(h, 2));
	KUNIT_EXPECT_EQ(test, h->db_events, 0x1);
	KUNIT_EXPECT_TRUE(test, poll_ring(h, 4));
	KUNIT_EXPECT_EQ(test, h->db_events, 0x5);
}

static void __maybe_unused expect_doorbells(struct kunit *test, struct host *h)
{
	KUNIT_EXPECT_EQ(test, get(h, REG_DB_ENTRY), 0);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(h->irq), 1);
	h->db_events = 0;
	ring(h);
	KUNIT_EXPECT_EQ(test, h->db_events, DB_BITS);
}

#endif /* _PCI_EPF_VNTB_HOST_H */
