// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI endpoint controller: what interrupts the endpoint.
 *
 * A write that rings is remembered until the interrupt is not masked, and delivered by a
 * work item: the writer may hold any lock.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqchip/irq-msi-lib.h>
#include <linux/irqdesc.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>

#include "pci_fabric_ep_internal.h"

/* The data of message 0: a register that was never written is no message */
#define PCI_FABRIC_EP_MSI_DATA	0xd00

static void pci_fabric_ep_ring(struct pci_fabric_ep *ep, struct pci_fabric_ep_line *line)
{
	lockdep_assert_held(&ep->fabric->lock);

	line->pending = true;
	if (!line->masked)
		queue_work(ep->wq, &ep->irq_work);
}

/* A write to the page of the doorbell or of the MSI controller */
void pci_fabric_ep_mmio_write(struct pci_fabric_ep *ep, phys_addr_t phys,
			      unsigned int size, u64 val)
{
	resource_size_t off = phys - ep->res.start;
	u32 msg = val - PCI_FABRIC_EP_MSI_DATA;

	lockdep_assert_held(&ep->fabric->lock);

	if (ep->desc.doorbell && size == 4 && (u32)val == ep->desc.doorbell_data &&
	    off == PCI_FABRIC_EP_DOORBELL + ep->desc.doorbell_off) {
		ep->stats.rings++;
		pci_fabric_ep_ring(ep, &ep->doorbell);
	} else if (ep->msi_domain && size == 4 && msg < PCI_FABRIC_EP_MSIS &&
		   off == PCI_FABRIC_EP_MSI + PCI_FABRIC_EP_MSI_OFF &&
		   ep->msi[msg].used) {
		ep->stats.messages++;
		pci_fabric_ep_ring(ep, &ep->msi[msg]);
	} else {
		ep->stats.bad_doorbells++;
	}
}

static bool pci_fabric_ep_take(struct pci_fabric_ep_line *line)
{
	bool take = line->pending && !line->masked;

	if (take)
		line->pending = false;
	return take;
}

/* The next one to deliver: -1 is the doorbell, others are messages; false when none */
static bool pci_fabric_ep_next(struct pci_fabric_ep *ep, int *msg)
{
	guard(raw_spinlock_irqsave)(&ep->fabric->lock);

	*msg = -1;
	if (pci_fabric_ep_take(&ep->doorbell))
		return true;
	for (*msg = 0; *msg < PCI_FABRIC_EP_MSIS; ++*msg)
		if (pci_fabric_ep_take(&ep->msi[*msg]))
			return true;
	return false;
}

static void pci_fabric_ep_deliver(struct work_struct *work)
{
	struct pci_fabric_ep *ep = container_of(work, struct pci_fabric_ep, irq_work);
	unsigned int irq;
	int msg;

	while (pci_fabric_ep_next(ep, &msg)) {
		irq = msg < 0 ? ep->doorbell_irq :
				irq_find_mapping(ep->msi_domain, msg);
		if (irq)
			pci_fabric_handle(irq);
		cond_resched();
	}
}

static void pci_fabric_ep_set_masked(struct pci_fabric_ep *ep,
				     struct pci_fabric_ep_line *line, bool masked)
{
	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	line->masked = masked;
	if (!masked && line->pending)
		queue_work(ep->wq, &ep->irq_work);
}

/* The doorbell */

static void pci_fabric_ep_doorbell_mask(struct irq_data *data)
{
	struct pci_fabric_ep *ep = irq_data_get_irq_chip_data(data);

	pci_fabric_ep_set_masked(ep, &ep->doorbell, true);
}

static void pci_fabric_ep_doorbell_unmask(struct irq_data *data)
{
	struct pci_fabric_ep *ep = irq_data_get_irq_chip_data(data);

	pci_fabric_ep_set_masked(ep, &ep->doorbell, false);
}

static struct irq_chip pci_fabric_ep_doorbell_chip = {
	.name = "fabric-ep-db",
	.irq_mask = pci_fabric_ep_doorbell_mask,
	.irq_unmask = pci_fabric_ep_doorbell_unmask,
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

static int pci_fabric_ep_init_doorbell_irq(struct pci_fabric_ep *ep)
{
	int irq = irq_alloc_desc(NUMA_NO_NODE);

	if (irq < 0)
		return irq;
	ep->doorbell_irq = irq;
	ep->doorbell.used = true;
	ep->doorbell.masked = true;
	irq_set_chip_data(irq, ep);
	irq_set_chip_and_handler(irq, &pci_fabric_ep_doorbell_chip, handle_level_irq);
	/* What rings while it is disabled is remembered here, not by the core. */
	irq_set_status_flags(irq, IRQ_LEVEL | IRQ_DISABLE_UNLAZY);
	return 0;
}

/* The MSI controller */

static void pci_fabric_ep_msi_mask(struct irq_data *data)
{
	struct pci_fabric_ep *ep = irq_data_get_irq_chip_data(data);

	pci_fabric_ep_set_masked(ep, &ep->msi[data->hwirq], true);
}

static void pci_fabric_ep_msi_unmask(struct irq_data *data)
{
	struct pci_fabric_ep *ep = irq_data_get_irq_chip_data(data);

	pci_fabric_ep_set_masked(ep, &ep->msi[data->hwirq], false);
}

static void pci_fabric_ep_msi_compose(struct irq_data *data, struct msi_msg *msg)
{
	struct pci_fabric_ep *ep = irq_data_get_irq_chip_data(data);
	u64 addr = ep->res.start + PCI_FABRIC_EP_MSI + PCI_FABRIC_EP_MSI_OFF;

	msg->address_lo = lower_32_bits(addr);
	msg->address_hi = upper_32_bits(addr);
	msg->data = PCI_FABRIC_EP_MSI_DATA + data->hwirq;
}

static struct irq_chip pci_fabric_ep_msi_chip = {
	.name = "fabric-ep-msi",
	.irq_mask = pci_fabric_ep_msi_mask,
	.irq_unmask = pci_fabric_ep_msi_unmask,
	.irq_compose_msi_msg = pci_fabric_ep_msi_compose,
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

static int pci_fabric_ep_msi_find(struct pci_fabric_ep *ep)
{
	guard(raw_spinlock_irqsave)(&ep->fabric->lock);

	for (int i = 0; i < PCI_FABRIC_EP_MSIS; i++) {
		if (ep->msi[i].used)
			continue;
		ep->msi[i] = (struct pci_fabric_ep_line){ .used = true, .masked = true };
		return i;
	}
	return -ENOSPC;
}

static void pci_fabric_ep_msi_free(struct irq_domain *domain, unsigned int virq,
				   unsigned int nr)
{
	struct pci_fabric_ep *ep = domain->host_data;

	for (int i = 0; i < nr; i++) {
		struct irq_data *data = irq_domain_get_irq_data(domain, virq + i);

		scoped_guard(raw_spinlock_irqsave, &ep->fabric->lock)
			ep->msi[data->hwirq] = (struct pci_fabric_ep_line){};
		irq_domain_reset_irq_data(data);
	}
}

static int pci_fabric_ep_msi_alloc(struct irq_domain *domain, unsigned int virq,
				   unsigned int nr, void *arg)
{
	struct pci_fabric_ep *ep = domain->host_data;

	for (int i = 0; i < nr; i++) {
		int msg = pci_fabric_ep_msi_find(ep);

		if (msg < 0) {
			pci_fabric_ep_msi_free(domain, virq, i);
			return msg;
		}
		irq_domain_set_info(domain, virq + i, msg, &pci_fabric_ep_msi_chip, ep,
				    handle_level_irq, NULL, NULL);
	}
	return 0;
}

static const struct irq_domain_ops pci_fabric_ep_msi_domain_ops = {
	.select = msi_lib_irq_domain_select,
	.alloc = pci_fabric_ep_msi_alloc,
	.free = pci_fabric_ep_msi_free,
};

static const struct msi_parent_ops pci_fabric_ep_msi_parent_ops = {
	.required_flags = MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS |
			  MSI_FLAG_NO_AFFINITY,
	.supported_flags = MSI_GENERIC_FLAGS_MASK,
	.bus_select_token = DOMAIN_BUS_NEXUS,
	.bus_select_mask = MATCH_PLATFORM_MSI,
	.prefix = "fabric-ep-",
	.init_dev_msi_info = msi_lib_init_dev_msi_info,
};

static int pci_fabric_ep_init_msi_domain(struct pci_fabric_ep *ep)
{
	struct irq_domain_info info = {
		.fwnode = ep->desc.msi,
		.ops = &pci_fabric_ep_msi_domain_ops,
		.domain_flags = IRQ_DOMAIN_FLAG_MSI_IMMUTABLE,
		.size = PCI_FABRIC_EP_MSIS,
		.host_data = ep,
	};

	ep->msi_domain = msi_create_parent_irq_domain(&info,
						      &pci_fabric_ep_msi_parent_ops);
	return ep->msi_domain ? 0 : -ENOMEM;
}

int pci_fabric_ep_init_irqs(struct pci_fabric_ep *ep)
{
	int ret = 0;

	INIT_WORK(&ep->irq_work, pci_fabric_ep_deliver);
	if (ep->desc.doorbell)
		ret = pci_fabric_ep_init_doorbell_irq(ep);
	if (!ret && ep->desc.msi)
		ret = pci_fabric_ep_init_msi_domain(ep);
	return ret;
}

void pci_fabric_ep_exit_irqs(struct pci_fabric_ep *ep)
{
	if (ep->doorbell_irq)
		irq_free_desc(ep->doorbell_irq);
	if (ep->msi_domain)
		irq_domain_remove(ep->msi_domain);
}
