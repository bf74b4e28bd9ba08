// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI endpoint controller: its operations.
 */
#include <kunit/pci-base.h>
#include <linux/align.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_ep_internal.h"

static int pci_fabric_ep_write_header(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				      struct pci_epf_header *hdr)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);
	struct pci_fabric_fn *fn = ep->fns[func_no].fn;
	u8 pin = ep->features.intx_capable ? hdr->interrupt_pin : 0;

	if (pin > PCI_INTERRUPT_INTD)
		return -EINVAL;

	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	pci_fabric_cfg_set(fn, PCI_VENDOR_ID, 2, hdr->vendorid);
	pci_fabric_cfg_set(fn, PCI_DEVICE_ID, 2, hdr->deviceid);
	pci_fabric_cfg_set(fn, PCI_REVISION_ID, 1, hdr->revid);
	pci_fabric_cfg_set(fn, PCI_CLASS_PROG, 1, hdr->progif_code);
	pci_fabric_cfg_set(fn, PCI_CLASS_DEVICE, 1, hdr->subclass_code);
	pci_fabric_cfg_set(fn, PCI_CLASS_DEVICE + 1, 1, hdr->baseclass_code);
	pci_fabric_cfg_set(fn, PCI_SUBSYSTEM_VENDOR_ID, 2, hdr->subsys_vendor_id);
	pci_fabric_cfg_set(fn, PCI_SUBSYSTEM_ID, 2, hdr->subsys_id);
	pci_fabric_cfg_set(fn, PCI_INTERRUPT_PIN, 1, pin);
	fn->desc.intx_pin = pin;
	ep->fns[func_no].header = true;
	return 0;
}

/* The registers of a BAR: writable address bits, or none when @size is 0 */
void pci_fabric_ep_init_bar(struct pci_fabric_ep *ep,
			    struct pci_fabric_ep_fn *epfn, enum pci_barno bar,
			    size_t size, int flags)
{
	bool is_64 = flags & PCI_BASE_ADDRESS_MEM_TYPE_64;
	struct pci_fabric_reg low = {
		.off = PCI_BASE_ADDRESS_0 + 4 * bar, .size = 4,
		.val = size ? flags & ~PCI_BASE_ADDRESS_MEM_MASK : 0,
		.rw = size ? ~(size - 1) & PCI_BASE_ADDRESS_MEM_MASK : 0,
	};
	struct pci_fabric_reg high = {
		.off = low.off + 4, .size = 4, .rw = size ? ~0U : 0,
	};

	lockdep_assert_held(&ep->fabric->lock);

	pci_fabric_init_reg(epfn->fn, 0, &low);
	if (is_64)
		pci_fabric_init_reg(epfn->fn, 0, &high);
	epfn->fn->bar[bar].size = size;
	epfn->fn->bar[bar].flags = is_64 ? PCI_FABRIC_BAR_64 : 0;
}

/* The MSI-X table and PBA are in memory behind a BAR, when that is there. */
void pci_fabric_ep_set_msix_mem(struct pci_fabric_ep *ep, struct pci_fabric_ep_fn *epfn)
{
	struct pci_fabric_fn *fn = epfn->fn;
	u32 nr = fn->desc.msix.vectors, pba = epfn->msix_off + 16 * nr;
	u32 end = pba + 8 * DIV_ROUND_UP(nr, 64);
	const struct pci_fabric_ep_bar *bar;
	phys_addr_t phys;
	u8 *mem = NULL;

	lockdep_assert_held(&ep->fabric->lock);

	if (epfn->msix_bar != NO_BAR) {
		bar = &epfn->bar[epfn->msix_bar];
		phys = pci_fabric_ep_inbound(bar, epfn->msix_off);
		/* in one piece */
		if (bar->set && end <= bar->size &&
		    pci_fabric_ep_inbound(bar, end - 1) == phys + end - 1 - epfn->msix_off)
			mem = pci_fabric_ep_ram(phys, end - epfn->msix_off);
	}
	fn->msix_table = mem;
	fn->msix_pba = mem ? mem + 16 * nr : NULL;
}

/* Whether a BAR is set, and may be set again */
static bool pci_fabric_ep_same_bar(struct pci_fabric_ep *ep,
				   const struct pci_fabric_ep_bar *bar,
				   const struct pci_epf_bar *epf_bar)
{
	return bar->set && ep->features.dynamic_inbound_mapping &&
	       bar->size == epf_bar->size && bar->flags == epf_bar->flags;
}

/* A controller matches by the BAR, and has no more address bits below its size. */
static int pci_fabric_ep_check_bar(struct pci_fabric_ep *ep,
				   struct pci_fabric_ep_fn *epfn,
				   const struct pci_epf_bar *epf_bar)
{
	const struct pci_fabric_ep_bar *bar = &epfn->bar[epf_bar->barno];
	enum pci_epc_bar_type type = ep->features.bar[epf_bar->barno].type;
	bool is_64 = epf_bar->flags & PCI_BASE_ADDRESS_MEM_TYPE_64;
	size_t sum = 0;

	if (type == BAR_RESERVED || type == BAR_DISABLED ||
	    epf_bar->flags & PCI_BASE_ADDRESS_SPACE_IO ||
	    epf_bar->size < 16 || epf_bar->size > PCI_FABRIC_BAR_MAX ||
	    epf_bar->num_submap > PCI_FABRIC_EP_SUBMAPS)
		return -EINVAL;
	if (is_64 && epfn->bar[epf_bar->barno + 1].set)
		return -EINVAL;
	if (epf_bar->barno && epfn->bar[epf_bar->barno - 1].set &&
	    epfn->bar[epf_bar->barno - 1].flags & PCI_BASE_ADDRESS_MEM_TYPE_64)
		return -EINVAL;
	/* The root complex has seen the register; only what is behind it may change. */
	if (bar->set && !pci_fabric_ep_same_bar(ep, bar, epf_bar))
		return -EINVAL;

	if (!epf_bar->num_submap)
		return IS_ALIGNED(epf_bar->phys_addr, epf_bar->size) ? 0 : -EINVAL;
	for (int i = 0; i < epf_bar->num_submap; i++) {
		if (!IS_ALIGNED(epf_bar->submap[i].phys_addr, SZ_4K) ||
		    !IS_ALIGNED(epf_bar->submap[i].size, SZ_4K))
			return -EINVAL;
		sum += epf_bar->submap[i].size;
	}
	return sum == epf_bar->size ? 0 : -EINVAL;
}

static int pci_fabric_ep_set_bar(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				 struct pci_epf_bar *epf_bar)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);
	struct pci_fabric_ep_fn *epfn = &ep->fns[func_no];
	struct pci_fabric_ep_bar *bar = &epfn->bar[epf_bar->barno];
	int ret;

	pci_fabric_ep_elsewhere(ep);
	ret = pci_fabric_ep_check_bar(ep, epfn, epf_bar);

	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	if (ret) {
		/* As DesignWare: the register stays, but what was behind it does not */
		if (pci_fabric_ep_same_bar(ep, bar, epf_bar)) {
			bar->nr = 0;
			pci_fabric_ep_set_msix_mem(ep, epfn);
		}
		return ret;
	}
	if (!bar->set)
		pci_fabric_ep_init_bar(ep, epfn, epf_bar->barno, epf_bar->size,
				       epf_bar->flags);
	bar->set = true;
	bar->size = epf_bar->size;
	bar->flags = epf_bar->flags;
	bar->nr = epf_bar->num_submap ?: 1;
	bar->map[0].phys_addr = epf_bar->phys_addr;
	bar->map[0].size = epf_bar->size;
	for (int i = 0; i < epf_bar->num_submap; i++)
		bar->map[i] = epf_bar->submap[i];
	pci_fabric_ep_set_msix_mem(ep, epfn);
	ep->stats.set_bars++;
	return 0;
}

static void pci_fabric_ep_clear_bar(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				    struct pci_epf_bar *epf_bar)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);
	struct pci_fabric_ep_fn *epfn = &ep->fns[func_no];
	struct pci_fabric_ep_bar *bar = &epfn->bar[epf_bar->barno];

	pci_fabric_ep_elsewhere(ep);

	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	ep->stats.clear_bars++;
	if (!bar->set || ep->features.bar[epf_bar->barno].type == BAR_RESERVED)
		return;
	pci_fabric_ep_init_bar(ep, epfn, epf_bar->barno, 0, bar->flags);
	*bar = (struct pci_fabric_ep_bar){};
	pci_fabric_ep_set_msix_mem(ep, epfn);
}

static u64 pci_fabric_ep_align_addr(struct pci_epc *epc, u64 pci_addr, size_t *size,
				    size_t *offset)
{
	*offset = pci_addr & (SZ_4K - 1);
	*size = ALIGN(*offset + *size, SZ_4K);
	return pci_addr - *offset;
}

static int pci_fabric_ep_map_addr(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				  phys_addr_t addr, u64 pci_addr, size_t size)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);
	phys_addr_t off = addr - ep->res.start;
	struct pci_fabric_ep_map *found = NULL;

	if (!size || !IS_ALIGNED(addr | pci_addr, SZ_4K) || off >= PCI_FABRIC_EP_OUTBOUND ||
	    size > PCI_FABRIC_EP_OUTBOUND - off)
		return -EINVAL;

	pci_fabric_ep_elsewhere(ep);

	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	for (int i = 0; i < PCI_FABRIC_EP_MAPS; i++) {
		struct pci_fabric_ep_map *map = &ep->maps[i];

		if (!map->size)
			found = found ?: map;
		else if (addr < map->phys + map->size && map->phys < addr + size)
			return -EBUSY;
	}
	if (!found)
		return -ENOSPC;
	*found = (struct pci_fabric_ep_map){
		.phys = addr, .bus = pci_addr, .size = size, .func_no = func_no,
	};
	ep->stats.maps++;
	ep->stats.mapped++;
	return 0;
}

static void pci_fabric_ep_unmap_addr(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				     phys_addr_t addr)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);

	pci_fabric_ep_elsewhere(ep);

	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	for (int i = 0; i < PCI_FABRIC_EP_MAPS; i++) {
		struct pci_fabric_ep_map *map = &ep->maps[i];

		if (!map->size || map->phys != addr || map->func_no != func_no)
			continue;
		map->size = 0;
		ep->stats.mapped--;
	}
}

/* Multiple Message Capable is a power of two. */
static int pci_fabric_ep_set_msi(struct pci_epc *epc, u8 func_no, u8 vfunc_no, u8 nr_irqs)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);
	struct pci_fabric_fn *fn = ep->fns[func_no].fn;
	u16 flags;

	if (!ep->features.msi_capable)
		return -EINVAL;

	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	flags = pci_fabric_cfg_get(fn, fn->msi + PCI_MSI_FLAGS, 2) & ~PCI_MSI_FLAGS_QMASK;
	pci_fabric_cfg_set(fn, fn->msi + PCI_MSI_FLAGS, 2,
			   flags | order_base_2(nr_irqs) << 1);
	return 0;
}

static int pci_fabric_ep_get_msi(struct pci_epc *epc, u8 func_no, u8 vfunc_no)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);
	struct pci_fabric_fn *fn = ep->fns[func_no].fn;
	u16 flags;

	if (!ep->features.msi_capable)
		return -EINVAL;

	pci_fabric_ep_elsewhere(ep);

	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	flags = pci_fabric_cfg_get(fn, fn->msi + PCI_MSI_FLAGS, 2);
	if (!(flags & PCI_MSI_FLAGS_ENABLE))
		return -EINVAL;
	return 1 << ((flags & PCI_MSI_FLAGS_QSIZE) >> 4);
}

/* The PBA follows the table, as every other controller driver has it. */
static int pci_fabric_ep_set_msix(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				  u16 nr_irqs, enum pci_barno bir, u32 offset)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);
	struct pci_fabric_ep_fn *epfn = &ep->fns[func_no];
	struct pci_fabric_fn *fn = epfn->fn;

	if (!ep->features.msix_capable || bir < BAR_0 || bir > BAR_5 ||
	    !IS_ALIGNED(offset, 8))
		return -EINVAL;

	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	pci_fabric_cfg_set(fn, fn->msix + PCI_MSIX_FLAGS, 2, nr_irqs - 1);
	pci_fabric_cfg_set(fn, fn->msix + PCI_MSIX_TABLE, 4, offset | bir);
	pci_fabric_cfg_set(fn, fn->msix + PCI_MSIX_PBA, 4, (offset + 16 * nr_irqs) | bir);
	fn->desc.msix.vectors = nr_irqs;
	epfn->msix_bar = bir;
	epfn->msix_off = offset;
	pci_fabric_ep_set_msix_mem(ep, epfn);
	return 0;
}

static int pci_fabric_ep_get_msix(struct pci_epc *epc, u8 func_no, u8 vfunc_no)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);
	struct pci_fabric_fn *fn = ep->fns[func_no].fn;

	pci_fabric_ep_elsewhere(ep);

	guard(raw_spinlock_irqsave)(&ep->fabric->lock);
	return pci_fabric_msix_on(fn) ? fn->desc.msix.vectors : -EINVAL;
}

static int pci_fabric_ep_raise_irq(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				   unsigned int type, u16 interrupt_num)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);
	struct pci_fabric_fn *fn = ep->fns[func_no].fn;
	enum pci_fabric_irq ret;

	pci_fabric_ep_elsewhere(ep);
	if (type != PCI_IRQ_INTX && !interrupt_num) {
		guard(raw_spinlock_irqsave)(&ep->fabric->lock);
		ep->stats.bad_irqs++;
		return -EINVAL;
	}

	switch (type) {
	case PCI_IRQ_INTX:
		if (!ep->features.intx_capable)
			return -EINVAL;
		ret = pci_fabric_pulse_intx(fn);
		break;
	case PCI_IRQ_MSI:
		if (interrupt_num > fn->desc.msi.vectors)
			return -EINVAL;
		ret = pci_fabric_raise_msi(fn, interrupt_num - 1);
		break;
	case PCI_IRQ_MSIX:
		if (interrupt_num > fn->desc.msix.vectors)
			return -EINVAL;
		ret = pci_fabric_raise_msix(fn, interrupt_num - 1);
		break;
	default:
		return -EINVAL;
	}

	switch (ret) {
	case PCI_FABRIC_IRQ_DELIVERED:
	case PCI_FABRIC_IRQ_PENDING:
		return 0;
	case PCI_FABRIC_IRQ_DISABLED:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int pci_fabric_ep_start(struct pci_epc *epc)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);

	scoped_guard(raw_spinlock_irqsave, &ep->fabric->lock) {
		if (ep->started)
			return -EALREADY;
		ep->started = true;
	}
	queue_work(ep->wq, &ep->link_work);
	return 0;
}

/* From now on nothing answers, as when a card is pulled out; the rest comes later. */
static void pci_fabric_ep_stop(struct pci_epc *epc)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);

	scoped_guard(raw_spinlock_irqsave, &ep->fabric->lock) {
		if (!ep->started)
			return;
		ep->started = false;
		ep->stopped = true;
		for (int i = 0; i < ep->nr_fns; i++) {
			ep->fns[i].fn->removed = true;
			ep->fns[i].fn->intx_pulse = false;
			ep->fns[i].fn->intx_level = false;
		}
		pci_fabric_update_intx(ep->fabric);
	}
	queue_work(ep->wq, &ep->link_work);
}

static const struct pci_epc_features *
pci_fabric_ep_get_features(struct pci_epc *epc, u8 func_no, u8 vfunc_no)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);

	return &ep->features;
}

#ifdef CONFIG_PCI_KUNIT_EPC_AUX
static int pci_fabric_ep_aux_count(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				   int *count)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);

	if (func_no || vfunc_no)
		return -EOPNOTSUPP;
	*count = ep->desc.doorbell ? 1 : 0;
	return 0;
}

PCI_EPC_COUNT_AUX(pci_fabric_ep_count_aux, pci_fabric_ep_aux_count)

static int pci_fabric_ep_get_aux(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				 struct pci_epc_aux_resource *resources,
				 int num_resources)
{
	struct pci_fabric_ep *ep = epc_get_drvdata(epc);
	struct pci_fabric_ep_doorbell db;

	if (func_no || vfunc_no)
		return -EOPNOTSUPP;
	if (!ep->desc.doorbell)
		return 0;
	if (num_resources < 1)
		return -ENOSPC;

	db = pci_fabric_ep_doorbell(ep);
	resources[0] = (struct pci_epc_aux_resource){
		.type = PCI_EPC_AUX_DOORBELL_MMIO,
		.phys_addr = db.phys,
		.size = sizeof(u32),
		.bar = db.bar,
		.bar_offset = db.offset,
		.u.db_mmio = { .irq = db.irq, .data = db.data },
	};
	return 0;
}
#endif

#define PCI_FABRIC_EP_OPS				\
	.write_header = pci_fabric_ep_write_header,	\
	.set_bar = pci_fabric_ep_set_bar,		\
	.clear_bar = pci_fabric_ep_clear_bar,		\
	.align_addr = pci_fabric_ep_align_addr,		\
	.map_addr = pci_fabric_ep_map_addr,		\
	.unmap_addr = pci_fabric_ep_unmap_addr,		\
	.set_msi = pci_fabric_ep_set_msi,		\
	.get_msi = pci_fabric_ep_get_msi,		\
	.set_msix = pci_fabric_ep_set_msix,		\
	.get_msix = pci_fabric_ep_get_msix,		\
	.raise_irq = pci_fabric_ep_raise_irq,		\
	.start = pci_fabric_ep_start,			\
	.stop = pci_fabric_ep_stop,			\
	.get_features = pci_fabric_ep_get_features,	\
	.owner = THIS_MODULE

const struct pci_epc_ops pci_fabric_ep_ops = {
	PCI_FABRIC_EP_OPS,
#ifdef CONFIG_PCI_KUNIT_EPC_AUX
	.PCI_EPC_COUNT_AUX_OP = pci_fabric_ep_count_aux,
	.get_aux_resources = pci_fabric_ep_get_aux,
#endif
};

const struct pci_epc_ops pci_fabric_ep_ops_no_aux = {
	PCI_FABRIC_EP_OPS,
};
