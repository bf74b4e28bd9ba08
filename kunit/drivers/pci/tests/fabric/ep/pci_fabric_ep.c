// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI endpoint controller: its life, and what the root complex sees of it.
 */
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "pci_fabric_ep_internal.h"

/* Rescanning a bus, binding a driver or unbinding it */
#define PCI_FABRIC_EP_LINK_TIMEOUT	(20 * HZ)

const struct pci_epc_features pci_fabric_ep_features = {
	.dynamic_inbound_mapping = true,
	.subrange_mapping = true,
	.msi_capable = true,
	.msix_capable = true,
	.intx_capable = true,
	.align = SZ_4K,
};

/* The device on the bus, with a reference, or NULL */
static struct pci_dev *pci_fabric_ep_get_pdev(struct pci_fabric_fn *fn)
{
	struct pci_fabric *fabric = fn->fabric;
	int rid;

	scoped_guard(raw_spinlock_irqsave, &fabric->lock)
		rid = fn->ops->rid(fn);
	if (rid < 0)
		return NULL;
	return pci_get_domain_bus_and_slot(pci_domain_nr(fabric->bridge->bus),
					   PCI_BUS_NUM(rid), rid & 0xff);
}

/* Drivers are unbound, last function first. */
static void pci_fabric_ep_remove_pdevs(struct pci_fabric_ep *ep)
{
	if (!ep->fabric->bridge)
		return;

	pci_lock_rescan_remove();
	for (int i = ep->nr_fns - 1; i >= 0; i--) {
		struct pci_dev *pdev = pci_fabric_ep_get_pdev(ep->fns[i].fn);

		if (!pdev)
			continue;
		pci_stop_and_remove_bus_device(pdev);
		pci_dev_put(pdev);
	}
	pci_unlock_rescan_remove();
}

/* As pciehp does it when a card is in the slot, and the rescan attribute otherwise. */
static void pci_fabric_ep_scan(struct pci_fabric_ep *ep)
{
	struct pci_dev *port = NULL;
	struct pci_bus *bus;

	if (!ep->fabric->bridge)
		return;

	pci_lock_rescan_remove();
	bus = ep->fabric->bridge->bus;
	if (ep->port) {
		port = pci_fabric_ep_get_pdev(ep->port);
		bus = port ? port->subordinate : NULL;
	}
	if (bus && port) {
		pci_scan_slot(bus, PCI_DEVFN(ep->desc.slot, 0));
		pci_assign_unassigned_bridge_resources(port);
		pcie_bus_configure_settings(bus);
		pci_bus_add_devices(bus);
	} else if (bus) {
		pci_rescan_bus(bus);
	}
	pci_dev_put(port);
	pci_unlock_rescan_remove();
}

/* The link is up: every function that has a header is there, as after power on. */
static void pci_fabric_ep_appear(struct pci_fabric_ep *ep)
{
	guard(raw_spinlock_irqsave)(&ep->fabric->lock);

	for (int i = 0; i < ep->nr_fns && ep->started; i++) {
		if (!ep->fns[i].header)
			continue;
		pci_fabric_do_reset(ep->fns[i].fn, PCI_FABRIC_RESET_COLD);
		ep->fns[i].fn->removed = false;
	}
}

static bool pci_fabric_ep_to_unplug(struct pci_fabric_ep *ep)
{
	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	return ep->plugged && (ep->stopped || !ep->started);
}

static bool pci_fabric_ep_to_plug(struct pci_fabric_ep *ep)
{
	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	ep->stopped = false;
	return !ep->plugged && ep->started;
}

/*
 * Not from the operations of the controller, which hold its lock: drivers that bind or
 * unbind may wait for a function driver that wants it.
 */
static void pci_fabric_ep_link(struct work_struct *work)
{
	struct pci_fabric_ep *ep = container_of(work, struct pci_fabric_ep, link_work);

	if (pci_fabric_ep_to_unplug(ep)) {
		if (ep->features.linkup_notifier)
			pci_epc_linkdown(ep->epc);
		pci_fabric_ep_remove_pdevs(ep);
		WRITE_ONCE(ep->plugged, false);
	}
	if (pci_fabric_ep_to_plug(ep)) {
		pci_fabric_ep_appear(ep);
		if (ep->features.linkup_notifier)
			pci_epc_linkup(ep->epc);
		pci_fabric_ep_scan(ep);
		WRITE_ONCE(ep->plugged, true);
	}
	wake_up(&ep->link_wait);
}

static bool pci_fabric_ep_is(struct pci_fabric_ep *ep, bool up)
{
	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	return ep->plugged == up && !ep->stopped;
}

bool pci_fabric_ep_wait(struct pci_fabric_ep *ep, bool up)
{
	return wait_event_timeout(ep->link_wait, pci_fabric_ep_is(ep, up),
				  PCI_FABRIC_EP_LINK_TIMEOUT);
}

void pci_fabric_ep_eject(struct pci_fabric_ep *ep)
{
	pci_fabric_ep_remove_pdevs(ep);
}

void pci_fabric_ep_flush(struct pci_fabric_ep *ep)
{
	flush_work(&ep->irq_work);
}

struct pci_epc *pci_fabric_ep_epc(struct pci_fabric_ep *ep)
{
	return ep->epc;
}

struct pci_fabric_fn *pci_fabric_ep_fn(struct pci_fabric_ep *ep, u8 func_no)
{
	KUNIT_ASSERT_LT(ep->test, func_no, ep->nr_fns);
	return ep->fns[func_no].fn;
}

struct pci_fabric_ep_doorbell pci_fabric_ep_doorbell(struct pci_fabric_ep *ep)
{
	bool in_bar = ep->desc.doorbell == PCI_FABRIC_EP_DOORBELL_BAR;

	KUNIT_ASSERT_NE(ep->test, ep->desc.doorbell, PCI_FABRIC_EP_NO_DOORBELL);
	return (struct pci_fabric_ep_doorbell) {
		.irq = ep->doorbell_irq,
		.data = ep->desc.doorbell_data,
		.phys = ep->res.start + PCI_FABRIC_EP_DOORBELL + ep->desc.doorbell_off,
		.bar = in_bar ? ep->desc.doorbell_bar : NO_BAR,
		.offset = in_bar ? ep->desc.doorbell_off : 0,
	};
}

struct pci_fabric_ep_stats pci_fabric_ep_stats(struct pci_fabric_ep *ep)
{
	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	return ep->stats;
}

unsigned int pci_fabric_ep_take_stray(struct pci_fabric_ep *ep)
{
	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	return xchg(&ep->stats.stray, 0);
}

void pci_fabric_ep_allow(struct pci_fabric_ep *ep, phys_addr_t addr, size_t size)
{
	KUNIT_ASSERT_LT(ep->test, ep->nr_allowed, PCI_FABRIC_EP_ALLOWED);

	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	ep->allowed[ep->nr_allowed].addr = addr;
	ep->allowed[ep->nr_allowed++].size = size;
}

void pci_fabric_ep_meanwhile(struct pci_fabric_ep *ep, void (*fn)(void *data), void *data)
{
	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	ep->meanwhile = fn;
	ep->meanwhile_data = data;
}

void pci_fabric_ep_elsewhere(struct pci_fabric_ep *ep)
{
	void (*fn)(void *data);
	void *data;

	scoped_guard(raw_spinlock_irqsave, &ep->fabric->lock) {
		fn = ep->meanwhile;
		data = ep->meanwhile_data;
	}
	if (fn)
		fn(data);
}

static void pci_fabric_ep_do_destroy(void *data)
{
	struct pci_fabric_ep *ep = data;
	struct kunit *test = ep->test;

	if (ep->epc) {
		if (ep->started)
			pci_epc_stop(ep->epc);
		flush_work(&ep->link_work);
		pci_epc_deinit_notify(ep->epc);
		if (!list_empty(&ep->epc->pci_epf))
			KUNIT_FAIL(test, "a function driver is bound to the controller");
	}
	if (ep->wq)
		destroy_workqueue(ep->wq);
	for (int i = 0; i < ep->nr_fns; i++)
		if (ep->fns[i].fn)
			pci_fabric_drop(ep->fns[i].fn);
	pci_fabric_ep_exit_mem(ep);
	KUNIT_EXPECT_EQ(test, ep->stats.stray, 0);
	if (ep->epc) {
		pci_epc_mem_exit(ep->epc);
		pci_epc_destroy(ep->epc);
	}
	if (ep->pdev)
		platform_device_unregister(ep->pdev);
	if (ep->doorbell_irq > 0 && irq_has_action(ep->doorbell_irq)) {
		/* It is in use; leaving it is the lesser evil. */
		KUNIT_FAIL(test, "a handler of the doorbell is left");
		return;
	}
	pci_fabric_ep_exit_irqs(ep);
	kfree(ep);
}

void pci_fabric_ep_destroy(struct pci_fabric_ep *ep)
{
	kunit_release_action(ep->test, pci_fabric_ep_do_destroy, ep);
}

/* Every function has the capabilities of the controller; what is in them comes later. */
static void pci_fabric_ep_init_fn(struct pci_fabric_ep *ep, unsigned int func_no)
{
	struct pci_fabric_ep_fn *epfn = &ep->fns[func_no];
	struct pci_fabric_fn_desc desc = {
		.devfn = PCI_DEVFN(ep->desc.slot, func_no),
		.pcie_type = PCI_EXP_TYPE_ENDPOINT,
		.pm = true,
		.no_soft_reset = true,
		.msi.vectors = ep->features.msi_capable ? 32 : 0,
		.msi.is_64 = true,
		.msi.maskable = true,
		.msix.vectors = ep->features.msix_capable ? 1 : 0,
	};

	epfn->msix_bar = NO_BAR;
	epfn->fn = pci_fabric_build(ep->fabric, ep->port, &desc,
				    pci_fabric_ep_bar_access, ep);
}

static void pci_fabric_ep_init_doorbell(struct pci_fabric_ep *ep)
{
	unsigned int barno = ep->desc.doorbell_bar;
	struct pci_fabric_ep_bar *bar = &ep->fns[0].bar[barno];
	struct pci_epc_bar_desc *desc = &ep->features.bar[barno];

	if (ep->desc.doorbell != PCI_FABRIC_EP_DOORBELL_BAR)
		return;

	ep->region = (struct pci_epc_bar_rsvd_region){
		.type = PCI_EPC_BAR_RSVD_DMA_CTRL_MMIO,
		.size = PCI_FABRIC_EP_DOORBELL_SIZE,
	};
	desc->type = BAR_RESERVED;
	desc->nr_rsvd_regions = 1;
	desc->rsvd_regions = &ep->region;

	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	*bar = (struct pci_fabric_ep_bar){
		.set = true,
		.size = PCI_FABRIC_EP_DOORBELL_SIZE,
		.nr = 1,
		.map[0] = { ep->res.start + PCI_FABRIC_EP_DOORBELL,
			    PCI_FABRIC_EP_DOORBELL_SIZE },
	};
	pci_fabric_ep_init_bar(ep, &ep->fns[0], barno, bar->size, 0);
}

static struct device *pci_fabric_ep_parent(struct pci_fabric_ep *ep)
{
	if (ep->desc.parent)
		return ep->desc.parent;

	/* A short name: pci-ep-cfs leaks that of the controller from 20 characters on */
	ep->pdev = platform_device_register_simple("fabric-ep",
						   PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(ep->pdev))
		ep->pdev = NULL;
	return ep->pdev ? &ep->pdev->dev : NULL;
}

static int pci_fabric_ep_init_epc(struct pci_fabric_ep *ep)
{
	struct device *parent = pci_fabric_ep_parent(ep);
	struct pci_epc *epc;

	if (!parent)
		return -ENODEV;
	epc = pci_epc_create(parent, ep->desc.no_aux ? &pci_fabric_ep_ops_no_aux :
						       &pci_fabric_ep_ops);
	if (IS_ERR(epc))
		return PTR_ERR(epc);

	ep->epc = epc;
	epc->max_functions = ep->nr_fns;
	epc_set_drvdata(epc, ep);
	return pci_epc_mem_init(epc, ep->res.start, PCI_FABRIC_EP_OUTBOUND, SZ_4K);
}

struct pci_fabric_ep *pci_fabric_ep_alloc(struct kunit *test,
					  struct pci_fabric *fabric,
					  struct pci_fabric_fn *port,
					  const struct pci_fabric_ep_desc *desc)
{
	struct pci_fabric_ep *ep;

	KUNIT_ASSERT_LE(test, desc->functions, PCI_FABRIC_EP_FUNCTIONS);
	KUNIT_ASSERT_LT(test, desc->doorbell_bar, PCI_STD_NUM_BARS);
	KUNIT_ASSERT_LE(test, desc->doorbell_off + sizeof(u32), SZ_4K);
	ep = kzalloc_obj(*ep);
	KUNIT_ASSERT_NOT_NULL(test, ep);

	ep->test = test;
	ep->fabric = fabric;
	ep->port = port;
	ep->desc = *desc;
	ep->features = desc->features ? *desc->features : pci_fabric_ep_features;
	ep->desc.features = NULL;	/* need not outlive this call */
	INIT_LIST_HEAD(&ep->list);
	INIT_WORK(&ep->link_work, pci_fabric_ep_link);
	init_waitqueue_head(&ep->link_wait);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_fabric_ep_do_destroy,
							ep), 0);

	ep->wq = alloc_workqueue("pci_fabric_ep", WQ_UNBOUND | WQ_HIGHPRI, 0);
	KUNIT_ASSERT_NOT_NULL(test, ep->wq);
	KUNIT_ASSERT_EQ(test, pci_fabric_ep_init_irqs(ep), 0);
	KUNIT_ASSERT_EQ(test, pci_fabric_ep_init_mem(ep), 0);
	for (int i = 0; i < (desc->functions ?: 1); i++) {
		ep->nr_fns++;
		pci_fabric_ep_init_fn(ep, i);
	}
	pci_fabric_ep_init_doorbell(ep);
	KUNIT_ASSERT_EQ(test, pci_fabric_ep_init_epc(ep), 0);
	pci_epc_init_notify(ep->epc);
	return ep;
}
