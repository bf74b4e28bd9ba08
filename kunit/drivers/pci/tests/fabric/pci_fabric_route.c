// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: which function a configuration request gets to.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/pci.h>

#include "pci_fabric_internal.h"

/*
 * Nothing gets to a function that is removed, nor through a bridge that is
 * removed, holds its secondary bus in reset, or is in D3hot (sec 5.3.1.4.1), nor
 * to what is below a slot without a link.
 */
bool pci_fabric_present(struct pci_fabric_fn *fn)
{
	struct pci_fabric_fn *bridge;

	if (!fn->ops->present(fn))
		return false;

	for (bridge = fn->parent; bridge; bridge = bridge->parent) {
		if (bridge->removed || bridge->pm_state || bridge->slot.down)
			return false;
		if (pci_fabric_cfg_get(bridge, PCI_BRIDGE_CONTROL, 2) &
		    PCI_BRIDGE_CTL_BUS_RESET)
			return false;
	}
	return true;
}

bool pci_fabric_below(struct pci_fabric_fn *fn, struct pci_fabric_fn *bridge)
{
	for (fn = fn->parent; fn; fn = fn->parent)
		if (fn == bridge)
			return true;
	return false;
}

static bool pci_fabric_fn_present(struct pci_fabric_fn *fn)
{
	return !fn->removed;
}

static bool pci_fabric_fn_powered(struct pci_fabric_fn *fn)
{
	return !fn->pm_state;
}

static int pci_fabric_fn_rid(struct pci_fabric_fn *fn)
{
	u8 bus = 0;

	if (fn->parent) {
		bus = pci_fabric_cfg_get(fn->parent, PCI_SECONDARY_BUS, 1);
		if (!bus)	/* not configured yet */
			return -1;
	}
	return PCI_DEVID(bus, fn->desc.devfn);
}

static bool pci_fabric_fn_mem_enabled(struct pci_fabric_fn *fn)
{
	return pci_fabric_cfg_get(fn, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY;
}

static u64 pci_fabric_fn_bar_base(struct pci_fabric_fn *fn, unsigned int bar)
{
	return pci_fabric_bar_get(fn, PCI_BASE_ADDRESS_0 + 4 * bar,
				  fn->bar[bar].flags);
}

const struct pci_fabric_fn_ops pci_fabric_physical_fn_ops = {
	.present = pci_fabric_fn_present,
	.powered = pci_fabric_fn_powered,
	.rid = pci_fabric_fn_rid,
	.mem_enabled = pci_fabric_fn_mem_enabled,
	.bar_base = pci_fabric_fn_bar_base,
};

/*
 * A link has one device, number 0, at its end: a downstream port terminates
 * requests for others (sec 7.3.1), unless it forwards by ARI (sec 6.13).
 */
static bool pci_fabric_on_link(struct pci_fabric_fn *port, unsigned int devfn)
{
	u8 type = port->desc.pcie_type;

	if (port->desc.conventional ||
	    (type != PCI_EXP_TYPE_ROOT_PORT && type != PCI_EXP_TYPE_DOWNSTREAM))
		return true;

	return !PCI_SLOT(devfn) ||
	       (pci_fabric_cfg_get(port, port->pcie + PCI_EXP_DEVCTL2, 2) &
		PCI_EXP_DEVCTL2_ARI);
}

/*
 * A configuration request gets to @fn when every bridge above forwards its bus
 * number: secondary to subordinate (sec 7.3.3).
 */
static bool pci_fabric_routed(struct pci_fabric_fn *fn, unsigned int bus,
			      unsigned int devfn)
{
	struct pci_fabric_fn *bridge;

	for (bridge = fn->parent; bridge; bridge = bridge->parent) {
		u8 first = pci_fabric_cfg_get(bridge, PCI_SECONDARY_BUS, 1);
		u8 last = pci_fabric_cfg_get(bridge, PCI_SUBORDINATE_BUS, 1);

		if (!first || bus < first || bus > last)
			return false;
		if (bus == first && !pci_fabric_on_link(bridge, devfn))
			return false;
	}
	return pci_fabric_present(fn);
}

static struct pci_fabric_fn *pci_fabric_route(struct pci_bus *bus,
					      unsigned int devfn)
{
	struct pci_fabric *fabric = bus->sysdata;
	int rid = PCI_DEVID(bus->number, devfn);
	struct pci_fabric_fn *fn;

	lockdep_assert_held(&fabric->lock);

	list_for_each_entry(fn, &fabric->fns, list)
		if (fn->ops->rid(fn) == rid &&
		    pci_fabric_routed(fn, bus->number, devfn))
			return fn;
	return NULL;
}

static bool pci_fabric_cfg_access_ok(int where, int size)
{
	return (size == 1 || size == 2 || size == 4) && where >= 0 &&
	       where + size <= PCI_FABRIC_CFG_SIZE && IS_ALIGNED(where, size);
}

/* A function without PCI Express has no extended configuration space. */
static bool pci_fabric_has_cfg(const struct pci_fabric_fn *fn, int where)
{
	return where < PCI_CFG_SPACE_SIZE || !fn->desc.conventional;
}

static int pci_fabric_read(struct pci_bus *bus, unsigned int devfn, int where,
			   int size, u32 *val)
{
	struct pci_fabric *fabric = bus->sysdata;
	struct pci_fabric_fn *fn;

	PCI_SET_ERROR_RESPONSE(val);
	if (!pci_fabric_cfg_access_ok(where, size))
		return PCIBIOS_BAD_REGISTER_NUMBER;

	guard(raw_spinlock_irqsave)(&fabric->lock);
	fn = pci_fabric_route(bus, devfn);
	if (!fn || !pci_fabric_has_cfg(fn, where))
		return PCIBIOS_DEVICE_NOT_FOUND;

	fn->stats.cfg_reads++;
	*val = pci_fabric_cfg_get(fn, where, size);
	if (fn->reads_left && !--fn->reads_left) {
		fn->removed = true;
		pci_fabric_update_intx(fabric);
	}
	return PCIBIOS_SUCCESSFUL;
}

static int pci_fabric_write(struct pci_bus *bus, unsigned int devfn, int where,
			    int size, u32 val)
{
	void (*watch)(struct pci_fabric_fn *fn, unsigned int where,
		      unsigned int size, u32 val, void *priv);
	struct pci_fabric *fabric = bus->sysdata;
	struct pci_fabric_fn *fn;
	void *priv;

	if (!pci_fabric_cfg_access_ok(where, size))
		return PCIBIOS_BAD_REGISTER_NUMBER;

	scoped_guard(raw_spinlock_irqsave, &fabric->lock) {
		fn = pci_fabric_route(bus, devfn);
		if (!fn || !pci_fabric_has_cfg(fn, where))
			return PCIBIOS_DEVICE_NOT_FOUND;

		fn->stats.cfg_writes++;
		pci_fabric_cfg_write(fn, where, size, val);
		watch = fn->watch;
		priv = fn->watch_priv;
	}

	if (watch)
		watch(fn, where, size, val, priv);
	return PCIBIOS_SUCCESSFUL;
}

struct pci_ops pci_fabric_pci_ops = {
	.read = pci_fabric_read,
	.write = pci_fabric_write,
};
