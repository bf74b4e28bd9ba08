// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: the interrupt controllers, one for messages and
 * one for the four INTx lines.
 */
#include <kunit/test.h>
#include <linux/irq.h>
#include <linux/irqchip/irq-msi-lib.h>
#include <linux/log2.h>
#include <linux/msi.h>
#include <linux/pci.h>

#include "pci_fabric_internal.h"

#define PCI_FABRIC_MSI_ADDRESS	0xfee00000

/* The low bits of the data are the vector, so that multiple MSI can work. */
#define PCI_FABRIC_MSI_DATA	0x4000

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
	/* They are freed one by one, so none may be left over. */
	bitmap_clear(fabric->vectors_used, first + nr,
		     roundup_pow_of_two(nr) - nr);

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
	/* Drivers raise INTx from such workqueues, and wait for it. */
	fabric->wq = alloc_ordered_workqueue("pci_fabric", WQ_MEM_RECLAIM);
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
