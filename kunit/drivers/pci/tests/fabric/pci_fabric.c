// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: life of the fabric and its functions.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/test.h>
#include <linux/ioport.h>
#include <linux/jiffies.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string_choices.h>

#include "pci_fabric_internal.h"

/* Emulated domains begin where ACPI segment numbers (16 bits) end. */
#define PCI_FABRIC_DOMAIN_MIN	0x10000

/* References that are dropped by work items or RCU get this long to go. */
#define PCI_FABRIC_RELEASE_TIMEOUT	(5 * HZ)

LIST_HEAD(pci_fabric_list);
DEFINE_RAW_SPINLOCK(pci_fabric_list_lock);

struct pci_fabric_pdev_ref {
	struct list_head list;
	struct pci_dev *pdev;
};

/* The resource tree is the allocator: one child of the window per fabric. */
static int pci_fabric_init_windows(struct pci_fabric *fabric)
{
	struct resource *low = pci_fabric_window(false);
	struct resource *high = pci_fabric_window(true);
	int ret;

	if (IS_ERR(low))
		return PTR_ERR(low);
	if (IS_ERR(high))
		return PTR_ERR(high);

	fabric->mem.name = "PCI fabric mem";
	fabric->mem.flags = IORESOURCE_MEM;
	ret = allocate_resource(low, &fabric->mem, PCI_FABRIC_WINDOW, low->start,
				low->end, PCI_FABRIC_WINDOW, NULL, NULL);
	if (ret || !high)
		return ret;

	fabric->pref.name = "PCI fabric pref";
	fabric->pref.flags = IORESOURCE_MEM | IORESOURCE_PREFETCH |
			     IORESOURCE_MEM_64;
	return allocate_resource(high, &fabric->pref, PCI_FABRIC_WINDOW_HIGH,
				 high->start, high->end, PCI_FABRIC_WINDOW_HIGH,
				 NULL, NULL);
}

static void pci_fabric_exit_windows(struct pci_fabric *fabric)
{
	if (fabric->mem.parent)
		release_resource(&fabric->mem);
	if (fabric->pref.parent)
		release_resource(&fabric->pref);
}

static void pci_fabric_released(struct pci_host_bridge *bridge)
{
	struct pci_fabric *fabric = bridge->release_data;

	complete(&fabric->released);
}

static void pci_fabric_free_fn(struct pci_fabric_fn *fn)
{
	struct pci_fabric_region *region, *next_region;
	struct pci_fabric_cap *cap, *next_cap;

	list_for_each_entry_safe(cap, next_cap, &fn->caps, list)
		kfree(cap);
	list_for_each_entry_safe(region, next_region, &fn->regions, list)
		kfree(region);
	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		kvfree(fn->bar[i].mem);
	kvfree(fn);
}

static void pci_fabric_free_fns(struct pci_fabric *fabric)
{
	struct pci_fabric_fn *fn, *next_fn;

	list_for_each_entry_safe(fn, next_fn, &fabric->fns, list)
		pci_fabric_free_fn(fn);
}

void pci_fabric_drop(struct pci_fabric_fn *fn)
{
	struct pci_fabric *fabric = fn->fabric;

	scoped_guard(raw_spinlock_irqsave, &fabric->lock) {
		fn->removed = true;
		list_del(&fn->list);
		pci_fabric_update_intx(fabric);
	}
	/* It may deliver an interrupt of this function at the moment. */
	pci_fabric_flush(fabric);
	pci_fabric_free_fn(fn);
}

static void pci_fabric_put_pdevs(struct pci_fabric *fabric)
{
	struct pci_fabric_pdev_ref *ref, *next;

	list_for_each_entry_safe(ref, next, &fabric->pdevs, list) {
		pci_dev_put(ref->pdev);
		kfree(ref);
	}
	INIT_LIST_HEAD(&fabric->pdevs);
}

/* Returns false when something still refers to the host bridge. */
static bool pci_fabric_unscan(struct pci_fabric *fabric)
{
	struct pci_host_bridge *bridge = fabric->bridge;

	if (!bridge)
		return true;

	/* A test may have done it, as the driver of a host bridge does */
	if (bridge->bus) {
		pci_lock_rescan_remove();
		pci_stop_root_bus(bridge->bus);
		pci_remove_root_bus(bridge->bus);
		pci_unlock_rescan_remove();
	}
	pci_free_host_bridge(bridge);
	fabric->bridge = NULL;

	return wait_for_completion_timeout(&fabric->released,
					   PCI_FABRIC_RELEASE_TIMEOUT);
}

static void pci_fabric_do_destroy(void *data)
{
	struct pci_fabric *fabric = data;
	struct kunit *test = fabric->test;
	bool vectors, ranges, irqs = false;

	pci_fabric_put_pdevs(fabric);
	if (!pci_fabric_unscan(fabric)) {
		/* Its memory is in use; leaving it is the lesser evil. */
		KUNIT_FAIL(test, "a reference to a device or bus of the fabric is left");
		return;
	}

	vectors = !bitmap_empty(fabric->vectors_used, PCI_FABRIC_MAX_VECTORS);
	ranges = fabric->mem.child || fabric->pref.child;
	for (int i = 0; i < PCI_FABRIC_NR_INTX; i++)
		if (fabric->intx[i].irq && irq_has_action(fabric->intx[i].irq))
			irqs = true;
	if (vectors || ranges || irqs) {
		KUNIT_FAIL(test, "left: vectors %s, address ranges %s, INTx handlers %s",
			   str_yes_no(vectors), str_yes_no(ranges),
			   str_yes_no(irqs));
		return;
	}

	pci_fabric_exit_irqs(fabric);
	scoped_guard(raw_spinlock_irqsave, &pci_fabric_list_lock)
		list_del_init(&fabric->list);
	pci_fabric_exit_windows(fabric);
	pci_fabric_free_fns(fabric);
	kfree(fabric);
}

struct pci_fabric *pci_fabric_alloc(struct kunit *test)
{
	struct pci_fabric *fabric;

	fabric = kzalloc_obj(*fabric);
	KUNIT_ASSERT_NOT_NULL(test, fabric);

	fabric->test = test;
	INIT_LIST_HEAD(&fabric->list);
	INIT_LIST_HEAD(&fabric->fns);
	INIT_LIST_HEAD(&fabric->pdevs);
	raw_spin_lock_init(&fabric->lock);
	mutex_init(&fabric->vector_lock);
	init_completion(&fabric->released);
	fabric->node = NUMA_NO_NODE;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_fabric_do_destroy,
							fabric), 0);

	KUNIT_ASSERT_EQ(test, pci_fabric_init_windows(fabric), 0);
	KUNIT_ASSERT_EQ(test, pci_fabric_init_irqs(fabric), 0);
	scoped_guard(raw_spinlock_irqsave, &pci_fabric_list_lock)
		list_add(&fabric->list, &pci_fabric_list);
	return fabric;
}

void pci_fabric_need_bars(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_PCI_KUNIT_FABRIC_BARS))
		kunit_skip(test, "BARs are plain memory on this architecture");
}

void pci_fabric_destroy(struct pci_fabric *fabric)
{
	kunit_release_action(fabric->test, pci_fabric_do_destroy, fabric);
}

/* Sec 7.5.1.1.9: every function of a multi-function device says so. */
static void pci_fabric_mark_multifunction(struct pci_fabric_fn *fn)
{
	struct pci_fabric_fn *other;

	lockdep_assert_held(&fn->fabric->lock);

	list_for_each_entry(other, &fn->fabric->fns, list) {
		if (other == fn || other->pf || other->parent != fn->parent ||
		    PCI_SLOT(other->desc.devfn) != PCI_SLOT(fn->desc.devfn))
			continue;
		pci_fabric_cfg_set(fn, PCI_HEADER_TYPE, 1,
				   fn->desc.hdr_type | PCI_HEADER_TYPE_MFD);
		pci_fabric_cfg_set(other, PCI_HEADER_TYPE, 1,
				   other->desc.hdr_type | PCI_HEADER_TYPE_MFD);
	}
}

static void pci_fabric_check_desc(struct kunit *test, struct pci_fabric *fabric,
				  struct pci_fabric_fn *parent,
				  const struct pci_fabric_fn_desc *desc)
{
	struct pci_fabric_fn *other;

	KUNIT_ASSERT_TRUE(test,
			  desc->hdr_type == PCI_HEADER_TYPE_NORMAL ||
			  desc->hdr_type == PCI_HEADER_TYPE_BRIDGE);
	KUNIT_ASSERT_LE(test, desc->intx_pin, 4);
	if (parent)
		KUNIT_ASSERT_TRUE_MSG(test, pci_fabric_is_bridge(parent),
				      "a function below one that is no bridge");

	list_for_each_entry(other, &fabric->fns, list)
		KUNIT_ASSERT_FALSE_MSG(test,
				       !other->pf && other->parent == parent &&
				       other->desc.devfn == desc->devfn,
				       "two functions at %02x.%d",
				       PCI_SLOT(desc->devfn), PCI_FUNC(desc->devfn));
}

struct pci_fabric_fn *pci_fabric_new_fn(struct pci_fabric *fabric,
					struct pci_fabric_fn *parent,
					const struct pci_fabric_fn_desc *desc)
{
	struct pci_fabric_fn *fn;

	fn = kvzalloc_obj(*fn);
	KUNIT_ASSERT_NOT_NULL(fabric->test, fn);
	fn->fabric = fabric;
	fn->parent = parent;
	fn->ops = &pci_fabric_physical_fn_ops;
	fn->desc = *desc;
	INIT_LIST_HEAD(&fn->caps);
	INIT_LIST_HEAD(&fn->regions);

	/* Not reachable while it is half built, but freed with the fabric */
	fn->removed = true;
	scoped_guard(raw_spinlock_irqsave, &fabric->lock)
		list_add_tail(&fn->list, &fabric->fns);
	return fn;
}

struct pci_fabric_fn *pci_fabric_build(struct pci_fabric *fabric,
				       struct pci_fabric_fn *parent,
				       const struct pci_fabric_fn_desc *desc,
				       pci_fabric_bar_access bar_access, void *owner)
{
	struct kunit *test = fabric->test;
	struct pci_fabric_fn *fn;

	pci_fabric_check_desc(test, fabric, parent, desc);

	fn = pci_fabric_new_fn(fabric, parent, desc);
	fn->bar_access = bar_access;
	fn->owner = owner;
	pci_fabric_init_header(fn);
	pci_fabric_init_bar_regs(test, fn, PCI_BASE_ADDRESS_0, desc->bars,
				 pci_fabric_is_bridge(fn) ? 2 : PCI_STD_NUM_BARS);
	pci_fabric_init_bar_mem(test, fn);
	pci_fabric_init_caps(test, fn);
	pci_fabric_check_rids(test, fn);

	guard(raw_spinlock_irqsave)(&fabric->lock);
	pci_fabric_mark_multifunction(fn);
	pci_fabric_link_device(fn);
	return fn;
}

struct pci_fabric_fn *pci_fabric_add(struct pci_fabric *fabric,
				     struct pci_fabric_fn *parent,
				     const struct pci_fabric_fn_desc *desc)
{
	struct pci_fabric_fn *fn;

	fn = pci_fabric_build(fabric, parent, desc, NULL, NULL);
	guard(raw_spinlock_irqsave)(&fabric->lock);
	fn->removed = false;
	return fn;
}

void pci_fabric_set_node(struct pci_fabric *fabric, int node)
{
	KUNIT_ASSERT_NULL_MSG(fabric->test, fabric->bridge, "scanned before");
	fabric->node = node;
}

void pci_fabric_scan(struct pci_fabric *fabric)
{
	struct kunit *test = fabric->test;
	struct pci_host_bridge *bridge;
	int ret;

	KUNIT_ASSERT_NULL_MSG(test, fabric->bridge, "scanned before");
	bridge = pci_alloc_host_bridge(0);
	KUNIT_ASSERT_NOT_NULL(test, bridge);

	ret = pci_bus_find_emul_domain_nr(0, PCI_FABRIC_DOMAIN_MIN, INT_MAX);
	if (ret < 0)
		goto err_free;
	bridge->domain_nr = ret;

	fabric->busn = DEFINE_RES_NAMED(0, 256, "PCI fabric busn", IORESOURCE_BUS);
	pci_fabric_init_sysdata(fabric, bridge->domain_nr);
	bridge->sysdata = fabric;
	bridge->ops = &pci_fabric_pci_ops;
	bridge->map_irq = pci_fabric_map_irq;
	bridge->swizzle_irq = pci_common_swizzle;
	bridge->msi_domain = true;
	dev_set_msi_domain(&bridge->dev, fabric->msi_domain);
	pci_set_host_bridge_release(bridge, pci_fabric_released, fabric);
	pci_add_resource(&bridge->windows, &fabric->busn);
	pci_add_resource(&bridge->windows, &fabric->mem);
	if (fabric->pref.flags)
		pci_add_resource(&bridge->windows, &fabric->pref);

	/* Drivers that bind may ask for it */
	fabric->bridge = bridge;
	ret = pci_host_probe(bridge);
	if (!ret)
		return;

err_free:
	fabric->bridge = NULL;
	pci_free_host_bridge(bridge);
	KUNIT_FAIL_AND_ABORT(test, "cannot scan the fabric: %d", ret);
}

struct pci_host_bridge *pci_fabric_host_bridge(struct pci_fabric *fabric)
{
	return fabric->bridge;
}

struct pci_dev *pci_fabric_pdev(struct pci_fabric_fn *fn)
{
	struct pci_fabric *fabric = fn->fabric;
	struct pci_fabric_pdev_ref *ref;
	struct pci_dev *pdev;
	int rid;

	KUNIT_ASSERT_NOT_NULL_MSG(fabric->test, fabric->bridge, "not scanned");
	scoped_guard(raw_spinlock_irqsave, &fabric->lock)
		rid = fn->ops->rid(fn);
	if (rid < 0)
		return NULL;

	pdev = pci_get_domain_bus_and_slot(pci_domain_nr(fabric->bridge->bus),
					   PCI_BUS_NUM(rid), rid & 0xff);
	if (!pdev)
		return NULL;

	ref = kzalloc_obj(*ref);
	if (!ref) {
		pci_dev_put(pdev);
		KUNIT_FAIL_AND_ABORT(fabric->test, "out of memory");
	}
	ref->pdev = pdev;
	list_add(&ref->list, &fabric->pdevs);
	return pdev;
}

void pci_fabric_surprise_remove(struct pci_fabric_fn *fn)
{
	guard(raw_spinlock_irqsave)(&fn->fabric->lock);
	fn->removed = true;
	pci_fabric_update_intx(fn->fabric);
}

void pci_fabric_surprise_remove_after(struct pci_fabric_fn *fn,
				      unsigned int reads)
{
	guard(raw_spinlock_irqsave)(&fn->fabric->lock);
	fn->reads_left = reads;
}

void pci_fabric_insert(struct pci_fabric_fn *fn)
{
	guard(raw_spinlock_irqsave)(&fn->fabric->lock);
	fn->reads_left = 0;
	pci_fabric_do_reset(fn, PCI_FABRIC_RESET_COLD);
	pci_fabric_reset_below(fn, PCI_FABRIC_RESET_COLD);
	fn->removed = false;
}

struct pci_fabric_stats pci_fabric_stats(struct pci_fabric_fn *fn)
{
	guard(raw_spinlock_irqsave)(&fn->fabric->lock);
	return fn->stats;
}

void pci_fabric_watch(struct pci_fabric_fn *fn,
		      void (*watch)(struct pci_fabric_fn *fn, unsigned int where,
				    unsigned int size, u32 val, void *priv),
		      void *priv)
{
	guard(raw_spinlock_irqsave)(&fn->fabric->lock);
	fn->watch = watch;
	fn->watch_priv = priv;
}
