// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: interrupt controller and delivery.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/test.h>
#include <linux/hardirq.h>
#include <linux/irq.h>
#include <linux/irqchip/irq-msi-lib.h>
#include <linux/irqdesc.h>
#include <linux/msi.h>
#include <linux/pci.h>

#include "pci_fabric_internal.h"

#define PCI_FABRIC_MSI_ADDRESS	0xfee00000

/* The low bits of the data are the vector, so that multiple MSI can work. */
#define PCI_FABRIC_MSI_DATA	0x4000

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
		if (fn->pm_state || !(pci_fabric_command(fn) & PCI_COMMAND_MASTER))
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
	for (int i = 0; i < PCI_FABRIC_MAX_VECTORS; i++)
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

static void pci_fabric_deliver(struct work_struct *work)
{
	struct pci_fabric *fabric = container_of(work, struct pci_fabric, work);

	while (pci_fabric_deliver_one(fabric))
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

unsigned int pci_fabric_intx_irq(struct pci_fabric *fabric, unsigned int line)
{
	KUNIT_ASSERT_LT(fabric->test, line, PCI_FABRIC_NR_INTX);
	return fabric->intx[line].irq;
}

int pci_fabric_map_irq(const struct pci_dev *pdev, u8 slot, u8 pin)
{
	struct pci_fabric *fabric = pdev->bus->sysdata;

	return fabric->intx[(slot + pin - 1) % PCI_FABRIC_NR_INTX].irq;
}

static void pci_fabric_intx_set_masked(struct irq_data *data, bool masked)
{
	struct pci_fabric *fabric = irq_data_get_irq_chip_data(data);

	guard(raw_spinlock_irqsave)(&fabric->lock);
	fabric->intx[data->hwirq].masked = masked;
	pci_fabric_kick(fabric);
}

static void pci_fabric_intx_mask(struct irq_data *data)
{
	pci_fabric_intx_set_masked(data, true);
}

static void pci_fabric_intx_unmask(struct irq_data *data)
{
	pci_fabric_intx_set_masked(data, false);
}

static struct irq_chip pci_fabric_intx_chip = {
	.name = "fabric-INTx",
	.irq_mask = pci_fabric_intx_mask,
	.irq_unmask = pci_fabric_intx_unmask,
};

static int pci_fabric_intx_map(struct irq_domain *domain, unsigned int irq,
			       irq_hw_number_t hwirq)
{
	irq_set_chip_data(irq, domain->host_data);
	irq_set_chip_and_handler(irq, &pci_fabric_intx_chip, handle_level_irq);
	irq_set_status_flags(irq, IRQ_LEVEL);
	return 0;
}

static const struct irq_domain_ops pci_fabric_intx_ops = {
	.map = pci_fabric_intx_map,
};

/* The MSI controller has no masks of its own, but the core calls these. */
static void pci_fabric_msi_chip_noop(struct irq_data *data)
{
}

static void pci_fabric_msi_compose(struct irq_data *data, struct msi_msg *msg)
{
	struct pci_fabric *fabric = irq_data_get_irq_chip_data(data);
	struct pci_fabric_vector *vector = &fabric->vectors[data->hwirq];

	msg->address_lo = lower_32_bits(vector->address);
	msg->address_hi = upper_32_bits(vector->address);
	msg->data = vector->data;
}

static struct irq_chip pci_fabric_msi_chip = {
	.name = "fabric-MSI",
	.irq_ack = pci_fabric_msi_chip_noop,
	.irq_mask = pci_fabric_msi_chip_noop,
	.irq_unmask = pci_fabric_msi_chip_noop,
	.irq_compose_msi_msg = pci_fabric_msi_compose,
};

static int pci_fabric_vectors_alloc(struct irq_domain *domain, unsigned int irq,
				    unsigned int nr, void *arg)
{
	struct pci_fabric *fabric = domain->host_data;
	int first;

	guard(mutex)(&fabric->vector_lock);
	first = bitmap_find_free_region(fabric->vectors_used, fabric->nr_vectors,
					get_count_order(nr));
	if (first < 0)
		return -ENOSPC;

	/* Multiple MSI: one address, data that differ in the low bits */
	for (int i = first; i < first + nr; i++) {
		scoped_guard(raw_spinlock_irqsave, &fabric->lock)
			fabric->vectors[i] = (struct pci_fabric_vector){
				.address = fabric->msi_address + 4 * first,
				.data = PCI_FABRIC_MSI_DATA + i,
				.used = true,
			};
		irq_domain_set_info(domain, irq + i - first, i,
				    &pci_fabric_msi_chip, fabric,
				    handle_edge_irq, NULL, NULL);
	}
	return 0;
}

static void pci_fabric_vectors_free(struct irq_domain *domain, unsigned int irq,
				    unsigned int nr)
{
	struct irq_data *data = irq_domain_get_irq_data(domain, irq);
	struct pci_fabric *fabric = domain->host_data;
	int first = data->hwirq;

	guard(mutex)(&fabric->vector_lock);
	bitmap_release_region(fabric->vectors_used, first, get_count_order(nr));
	guard(raw_spinlock_irqsave)(&fabric->lock);
	for (int i = first; i < first + nr; i++)
		fabric->vectors[i].used = false;
}

static const struct irq_domain_ops pci_fabric_msi_domain_ops = {
	.select = msi_lib_irq_domain_select,
	.alloc = pci_fabric_vectors_alloc,
	.free = pci_fabric_vectors_free,
};

static const struct msi_parent_ops pci_fabric_msi_parent_ops = {
	.required_flags = MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS |
			  MSI_FLAG_NO_AFFINITY,
	.supported_flags = MSI_GENERIC_FLAGS_MASK | MSI_FLAG_MULTI_PCI_MSI |
			   MSI_FLAG_PCI_MSIX | MSI_FLAG_PCI_MSIX_ALLOC_DYN,
	.chip_flags = MSI_CHIP_FLAG_SET_ACK,
	.bus_select_token = DOMAIN_BUS_NEXUS,
	.bus_select_mask = MATCH_PCI_MSI,
	.prefix = "fabric-",
	.init_dev_msi_info = msi_lib_init_dev_msi_info,
};

void pci_fabric_set_nr_vectors(struct pci_fabric *fabric, unsigned int nr)
{
	KUNIT_ASSERT_LE(fabric->test, nr, PCI_FABRIC_MAX_VECTORS);

	guard(mutex)(&fabric->vector_lock);
	fabric->nr_vectors = nr;
}

unsigned int pci_fabric_vectors_used(struct pci_fabric *fabric)
{
	guard(mutex)(&fabric->vector_lock);
	return bitmap_weight(fabric->vectors_used, PCI_FABRIC_MAX_VECTORS);
}

void pci_fabric_set_msi_address(struct pci_fabric *fabric, u64 addr)
{
	KUNIT_ASSERT_TRUE(fabric->test, IS_ALIGNED(addr, SZ_64K));

	guard(mutex)(&fabric->vector_lock);
	fabric->msi_address = addr;
}

/* Tells live fabrics apart in the names of their domains. */
static int pci_fabric_id(const struct pci_fabric *fabric)
{
	return fabric->mem.start / PCI_FABRIC_WINDOW;
}

static int pci_fabric_init_msi_domain(struct pci_fabric *fabric)
{
	struct irq_domain_info info = {
		.ops = &pci_fabric_msi_domain_ops,
		.size = PCI_FABRIC_MAX_VECTORS,
		.host_data = fabric,
	};

	fabric->msi_fwnode = irq_domain_alloc_named_id_fwnode("pci-fabric-msi",
							      pci_fabric_id(fabric));
	if (!fabric->msi_fwnode)
		return -ENOMEM;
	info.fwnode = fabric->msi_fwnode;
	fabric->msi_domain = msi_create_parent_irq_domain(&info,
							  &pci_fabric_msi_parent_ops);
	return fabric->msi_domain ? 0 : -ENOMEM;
}

static int pci_fabric_init_intx_domain(struct pci_fabric *fabric)
{
	fabric->intx_fwnode = irq_domain_alloc_named_id_fwnode("pci-fabric-intx",
							       pci_fabric_id(fabric));
	if (!fabric->intx_fwnode)
		return -ENOMEM;
	fabric->intx_domain = irq_domain_create_linear(fabric->intx_fwnode,
						       PCI_FABRIC_NR_INTX,
						       &pci_fabric_intx_ops,
						       fabric);
	if (!fabric->intx_domain)
		return -ENOMEM;

	for (int i = 0; i < PCI_FABRIC_NR_INTX; i++) {
		fabric->intx[i].masked = true;
		fabric->intx[i].irq = irq_create_mapping(fabric->intx_domain, i);
		if (!fabric->intx[i].irq)
			return -ENOMEM;
	}
	return 0;
}

int pci_fabric_init_irqs(struct pci_fabric *fabric)
{
	int ret;

	fabric->msi_address = PCI_FABRIC_MSI_ADDRESS;
	fabric->nr_vectors = PCI_FABRIC_MAX_VECTORS;
	INIT_WORK(&fabric->work, pci_fabric_deliver);
	fabric->wq = alloc_ordered_workqueue("pci_fabric", 0);
	if (!fabric->wq)
		return -ENOMEM;

	ret = pci_fabric_init_msi_domain(fabric);
	return ret ?: pci_fabric_init_intx_domain(fabric);
}

void pci_fabric_exit_irqs(struct pci_fabric *fabric)
{
	if (fabric->wq)
		destroy_workqueue(fabric->wq);

	for (int i = 0; i < PCI_FABRIC_NR_INTX; i++)
		if (fabric->intx[i].irq)
			irq_dispose_mapping(fabric->intx[i].irq);
	if (fabric->intx_domain)
		irq_domain_remove(fabric->intx_domain);
	if (fabric->intx_fwnode)
		irq_domain_free_fwnode(fabric->intx_fwnode);

	if (fabric->msi_domain)
		irq_domain_remove(fabric->msi_domain);
	if (fabric->msi_fwnode)
		irq_domain_free_fwnode(fabric->msi_fwnode);
}
