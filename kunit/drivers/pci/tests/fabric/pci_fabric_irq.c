// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: delivery of interrupts.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/test.h>
#include <linux/hardirq.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/irqdomain.h>
#include <linux/pci.h>

#include "pci_fabric_internal.h"

/*
 * Times that a handler may be called for one assertion of INTx.  On real hardware
 * a handler that does not quieten its device is called for ever.
 */
#define PCI_FABRIC_INTX_STORM	100

static u16 pci_fabric_command(const struct pci_fabric_fn *fn)
{
	return pci_fabric_cfg_get(fn, PCI_COMMAND, 2);
}

/*
 * May @fn write to memory?  Bus Master Enable of a function stops its own
 * requests, that of a bridge stops those it forwards upstream (sec 7.5.1.1.3).
 */
bool pci_fabric_can_master(struct pci_fabric_fn *fn)
{
	lockdep_assert_held(&fn->fabric->lock);

	if (!pci_fabric_present(fn))
		return false;
	for (; fn; fn = fn->parent)
		if (!fn->ops->powered(fn) ||
		    !(pci_fabric_command(fn) & PCI_COMMAND_MASTER))
			return false;
	return true;
}

/* To be called after a write that may have unmasked something. */
void pci_fabric_kick(struct pci_fabric *fabric)
{
	lockdep_assert_held(&fabric->lock);

	if (fabric->irq_pending)
		queue_work(fabric->wq, &fabric->work);
}

/* As the interrupt entry code does it: handlers run in hard interrupt context */
enum pci_fabric_irq pci_fabric_handle(unsigned int irq)
{
	unsigned long flags;
	int ret;

	local_irq_save(flags);
	irq_enter();
	ret = generic_handle_irq(irq);
	irq_exit();
	local_irq_restore(flags);
	return ret ? PCI_FABRIC_IRQ_LOST : PCI_FABRIC_IRQ_DELIVERED;
}

static int pci_fabric_find_vector(struct pci_fabric *fabric, u64 address,
				  u32 data)
{
	unsigned int i;

	for_each_set_bit(i, fabric->vectors_used, PCI_FABRIC_MAX_VECTORS)
		if (fabric->vectors[i].used &&
		    fabric->vectors[i].address == address &&
		    fabric->vectors[i].data == data)
			return i;
	return -1;
}

enum pci_fabric_irq pci_fabric_dma_write32(struct pci_fabric_fn *fn, u64 addr,
					   u32 data)
{
	struct pci_fabric *fabric = fn->fabric;
	unsigned int irq;
	int vector;

	scoped_guard(raw_spinlock_irqsave, &fabric->lock) {
		if (!pci_fabric_can_master(fn))
			return PCI_FABRIC_IRQ_BLOCKED;
		vector = pci_fabric_find_vector(fabric, addr, data);
	}
	if (vector < 0)
		return PCI_FABRIC_IRQ_LOST;

	irq = irq_find_mapping(fabric->msi_domain, vector);
	return irq ? pci_fabric_handle(irq) : PCI_FABRIC_IRQ_LOST;
}

/*
 * The wire that @fn's interrupt pin ends at: rotated by the device number at each
 * bridge (sec 2.2.8.1, table 2-21), and once more where the root bus is wired up.
 */
static unsigned int pci_fabric_intx_line(const struct pci_fabric_fn *fn)
{
	unsigned int line = fn->desc.intx_pin - 1;

	for (; fn; fn = fn->parent)
		line += PCI_SLOT(fn->desc.devfn);
	return line % PCI_FABRIC_NR_INTX;
}

/* Sec 6.1.1, 7.5.1.1.3: Interrupt Disable and MSI keep the wire quiet. */
static bool pci_fabric_asserts(struct pci_fabric_fn *fn)
{
	return fn->intx_level && pci_fabric_present(fn) && !fn->pm_state &&
	       !(pci_fabric_command(fn) & PCI_COMMAND_INTX_DISABLE) &&
	       !pci_fabric_msi_enabled(fn);
}

/* Recomputes the wires, each the OR of all functions on it. */
void pci_fabric_update_intx(struct pci_fabric *fabric)
{
	bool asserted[PCI_FABRIC_NR_INTX] = {};
	struct pci_fabric_fn *fn;

	lockdep_assert_held(&fabric->lock);

	list_for_each_entry(fn, &fabric->fns, list) {
		if (!fn->desc.intx_pin)
			continue;
		/* Interrupt Status, whatever Interrupt Disable is */
		fn->val[PCI_STATUS] &= ~PCI_STATUS_INTERRUPT;
		if (fn->intx_level)
			fn->val[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
		if (pci_fabric_asserts(fn))
			asserted[pci_fabric_intx_line(fn)] = true;
	}

	for (int i = 0; i < PCI_FABRIC_NR_INTX; i++) {
		struct pci_fabric_intx *intx = &fabric->intx[i];

		if (!asserted[i] || !intx->asserted)
			intx->deliveries = 0;
		intx->asserted = asserted[i];
		if (intx->asserted)
			fabric->irq_pending = true;
	}
	pci_fabric_kick(fabric);
}

static bool pci_fabric_intx_ready(const struct pci_fabric_intx *intx)
{
	return intx->asserted && !intx->masked &&
	       intx->deliveries < PCI_FABRIC_INTX_STORM;
}

/* Deassert_INTx of those that only wanted one interrupt, now that it is taken */
static void pci_fabric_end_pulses(struct pci_fabric *fabric, unsigned int line)
{
	struct pci_fabric_fn *fn;
	bool ended = false;

	list_for_each_entry(fn, &fabric->fns, list) {
		if (!fn->intx_pulse || pci_fabric_intx_line(fn) != line)
			continue;
		fn->intx_pulse = false;
		fn->intx_level = false;
		ended = true;
	}
	if (ended)
		pci_fabric_update_intx(fabric);
}

/* One INTx that is to be delivered now, as an interrupt number, or 0 */
static unsigned int pci_fabric_intx_next(struct pci_fabric *fabric, bool *pending,
					 bool *storm)
{
	for (int i = 0; i < PCI_FABRIC_NR_INTX; i++) {
		struct pci_fabric_intx *intx = &fabric->intx[i];

		*pending |= intx->asserted;
		if (!pci_fabric_intx_ready(intx))
			continue;
		*storm = ++intx->deliveries == PCI_FABRIC_INTX_STORM;
		pci_fabric_end_pulses(fabric, i);
		return intx->irq;
	}
	return 0;
}

/* Delivers one interrupt that may be delivered by now; false when there is none. */
static bool pci_fabric_deliver_one(struct pci_fabric *fabric)
{
	bool pending = false, storm = false, found = false;
	struct pci_fabric_fn *fn;
	unsigned int irq = 0;
	u64 address;
	u32 data;

	scoped_guard(raw_spinlock_irqsave, &fabric->lock) {
		list_for_each_entry(fn, &fabric->fns, list) {
			found = pci_fabric_present(fn) &&
				pci_fabric_msi_next(fn, &address, &data, &pending);
			if (found)
				break;
		}
		if (!found) {
			irq = pci_fabric_intx_next(fabric, &pending, &storm);
			fabric->irq_pending = pending;
		}
	}

	if (found)
		pci_fabric_dma_write32(fn, address, data);
	else if (irq)
		pci_fabric_handle(irq);
	if (storm)
		KUNIT_FAIL(fabric->test, "INTx stays asserted, handler called %d times",
			   PCI_FABRIC_INTX_STORM);
	return found || irq;
}

void pci_fabric_deliver(struct work_struct *work)
{
	struct pci_fabric *fabric = container_of(work, struct pci_fabric, work);

	while (pci_fabric_slot_deliver(fabric) || pci_fabric_deliver_one(fabric))
		cond_resched();
}

void pci_fabric_flush(struct pci_fabric *fabric)
{
	flush_work(&fabric->work);
}

enum pci_fabric_irq pci_fabric_raise_intx(struct pci_fabric_fn *fn, bool level)
{
	struct pci_fabric *fabric = fn->fabric;
	struct pci_fabric_intx *intx;

	KUNIT_ASSERT_NE_MSG(fabric->test, fn->desc.intx_pin, 0, "no Interrupt Pin");

	scoped_guard(raw_spinlock_irqsave, &fabric->lock) {
		if (!pci_fabric_present(fn))
			return PCI_FABRIC_IRQ_BLOCKED;
		fn->intx_level = level;
		pci_fabric_update_intx(fabric);
		intx = &fabric->intx[pci_fabric_intx_line(fn)];
		if (!pci_fabric_asserts(fn))
			return PCI_FABRIC_IRQ_DISABLED;
		if (intx->masked)
			return PCI_FABRIC_IRQ_PENDING;
	}
	/* The work does it, so that there is one place that handles a level. */
	pci_fabric_flush(fabric);
	return PCI_FABRIC_IRQ_DELIVERED;
}

void pci_fabric_region_intx(struct pci_fabric_region *region, bool level)
{
	struct pci_fabric *fabric = region->fn->fabric;

	lockdep_assert_held(&fabric->lock);
	region->fn->intx_level = level;
	pci_fabric_update_intx(fabric);
}

/*
 * As pci_fabric_raise_intx() with true and then with false, the latter as soon as the
 * interrupt controller has taken the interrupt.
 */
enum pci_fabric_irq pci_fabric_pulse_intx(struct pci_fabric_fn *fn)
{
	struct pci_fabric *fabric = fn->fabric;

	scoped_guard(raw_spinlock_irqsave, &fabric->lock) {
		if (!fn->desc.intx_pin)
			return PCI_FABRIC_IRQ_DISABLED;
		if (!pci_fabric_present(fn))
			return PCI_FABRIC_IRQ_BLOCKED;
		fn->intx_level = true;
		if (!pci_fabric_asserts(fn)) {
			fn->intx_level = false;
			return PCI_FABRIC_IRQ_DISABLED;
		}
		fn->intx_pulse = true;
		pci_fabric_update_intx(fabric);
		if (fabric->intx[pci_fabric_intx_line(fn)].masked)
			return PCI_FABRIC_IRQ_PENDING;
	}
	pci_fabric_flush(fabric);
	return PCI_FABRIC_IRQ_DELIVERED;
}
