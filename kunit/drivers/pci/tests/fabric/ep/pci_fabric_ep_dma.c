// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI endpoint controller: a DMA channel, see pci_fabric_ep_dma.h.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../../../../dma/dmaengine.h"
#include "pci_fabric_ep_dma.h"
#include "pci_fabric_ep_internal.h"

struct ep_dma_desc {
	struct dma_async_tx_descriptor tx;
	struct list_head list;
	dma_addr_t dst, src;
	size_t len;
};

struct ep_dma {
	struct dma_device dev;
	struct dma_chan chan;
	struct work_struct work;
	spinlock_t lock;		/* the cookies and lists */
	struct list_head submitted, issued;
	u8 page[SZ_4K];			/* of the work */
};

static struct ep_dma *ep_dma_of(struct dma_chan *chan)
{
	return container_of(chan, struct ep_dma, chan);
}

static dma_cookie_t ep_dma_submit(struct dma_async_tx_descriptor *tx)
{
	struct ep_dma_desc *desc = container_of(tx, struct ep_dma_desc, tx);
	struct ep_dma *dma = ep_dma_of(tx->chan);

	guard(spinlock_irqsave)(&dma->lock);
	list_add_tail(&desc->list, &dma->submitted);
	return dma_cookie_assign(tx);
}

static struct dma_async_tx_descriptor *
ep_dma_prep_memcpy(struct dma_chan *chan, dma_addr_t dst, dma_addr_t src, size_t len,
		   unsigned long flags)
{
	struct ep_dma_desc *desc = kzalloc_obj(*desc, GFP_NOWAIT);

	if (!desc)
		return NULL;
	dma_async_tx_descriptor_init(&desc->tx, chan);
	desc->tx.tx_submit = ep_dma_submit;
	desc->tx.flags = flags;
	desc->dst = dst;
	desc->src = src;
	desc->len = len;
	return &desc->tx;
}

static void ep_dma_issue_pending(struct dma_chan *chan)
{
	struct ep_dma *dma = ep_dma_of(chan);

	scoped_guard(spinlock_irqsave, &dma->lock)
		list_splice_tail_init(&dma->submitted, &dma->issued);
	schedule_work(&dma->work);
}

static void ep_dma_transfer(struct ep_dma *dma, struct ep_dma_desc *desc)
{
	for (size_t done = 0, part; done < desc->len; done += part) {
		part = min(desc->len - done, sizeof(dma->page));
		pci_fabric_ep_copy_phys(desc->src + done, dma->page, part, false);
		pci_fabric_ep_copy_phys(desc->dst + done, dma->page, part, true);
	}
}

static void ep_dma_work(struct work_struct *work)
{
	struct ep_dma *dma = container_of(work, struct ep_dma, work);
	struct ep_dma_desc *desc;

	for (;;) {
		scoped_guard(spinlock_irqsave, &dma->lock) {
			desc = list_first_entry_or_null(&dma->issued,
							struct ep_dma_desc, list);
			if (desc)
				list_del(&desc->list);
		}
		if (!desc)
			return;
		ep_dma_transfer(dma, desc);
		scoped_guard(spinlock_irqsave, &dma->lock)
			dma_cookie_complete(&desc->tx);
		dmaengine_desc_get_callback_invoke(&desc->tx, NULL);
		kfree(desc);
	}
}

static enum dma_status ep_dma_tx_status(struct dma_chan *chan, dma_cookie_t cookie,
					struct dma_tx_state *state)
{
	return dma_cookie_status(chan, cookie, state);
}

static int ep_dma_terminate_all(struct dma_chan *chan)
{
	struct ep_dma *dma = ep_dma_of(chan);
	struct ep_dma_desc *desc, *next;
	LIST_HEAD(list);

	scoped_guard(spinlock_irqsave, &dma->lock) {
		list_splice_init(&dma->submitted, &list);
		list_splice_tail_init(&dma->issued, &list);
	}
	list_for_each_entry_safe(desc, next, &list, list)
		kfree(desc);
	return 0;
}

static void ep_dma_synchronize(struct dma_chan *chan)
{
	cancel_work_sync(&ep_dma_of(chan)->work);
}

static int ep_dma_alloc(struct dma_chan *chan)
{
	dma_cookie_init(chan);
	return 1;
}

static void ep_dma_free(struct dma_chan *chan)
{
	ep_dma_terminate_all(chan);
	ep_dma_synchronize(chan);
}

static void ep_dma_unregister(void *data)
{
	struct ep_dma *dma = data;

	dma_async_device_unregister(&dma->dev);
	kfree(dma);
}

void pci_fabric_ep_add_dma(struct kunit *test)
{
	/* dmaengine wants one that has a driver */
	struct device *parent = kunit_device_register(test, "pci-fabric-ep-dma");
	struct dma_device *dev;
	struct ep_dma *dma;

	KUNIT_ASSERT_FALSE(test, IS_ERR(parent));
	dma = kzalloc_obj(*dma);
	KUNIT_ASSERT_NOT_NULL(test, dma);
	spin_lock_init(&dma->lock);
	INIT_LIST_HEAD(&dma->submitted);
	INIT_LIST_HEAD(&dma->issued);
	INIT_WORK(&dma->work, ep_dma_work);
	dev = &dma->dev;
	dev->dev = parent;
	dma_cap_set(DMA_MEMCPY, dev->cap_mask);
	dev->directions = BIT(DMA_MEM_TO_MEM);
	dev->residue_granularity = DMA_RESIDUE_GRANULARITY_DESCRIPTOR;
	dev->device_alloc_chan_resources = ep_dma_alloc;
	dev->device_free_chan_resources = ep_dma_free;
	dev->device_prep_dma_memcpy = ep_dma_prep_memcpy;
	dev->device_issue_pending = ep_dma_issue_pending;
	dev->device_tx_status = ep_dma_tx_status;
	dev->device_terminate_all = ep_dma_terminate_all;
	dev->device_synchronize = ep_dma_synchronize;
	INIT_LIST_HEAD(&dev->channels);
	dma->chan.device = dev;
	list_add_tail(&dma->chan.device_node, &dev->channels);
	if (dma_async_device_register(dev)) {
		kfree(dma);
		KUNIT_FAIL_AND_ABORT(test, "cannot register a DMA controller");
	}
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ep_dma_unregister, dma), 0);
}
