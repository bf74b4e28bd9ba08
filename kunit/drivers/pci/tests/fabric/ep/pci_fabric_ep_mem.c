// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI endpoint controller: what is behind its BARs, and its outbound window.
 *
 * The window is a range of physical addresses that logic_iomem calls this file for.  As
 * logic_iomem cannot remove ranges there is one for all controllers, added once.
 */
#include <linux/dma-mapping.h>
#include <linux/logic_iomem.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/vmalloc.h>

#include "pci_fabric_ep_internal.h"

static LIST_HEAD(pci_fabric_ep_list);
static DEFINE_RAW_SPINLOCK(pci_fabric_ep_list_lock);

/* Below that of the fabrics, room for eight controllers */
static struct resource pci_fabric_ep_window =
	DEFINE_RES_NAMED(0xc0000000, SZ_256M, "PCI fabric endpoints", IORESOURCE_MEM);

/*
 * Memory at a bus address, of either side: no IOMMU translates, so it is the physical
 * one.  Nothing of the root complex is at 0, where mappings begin that are not programmed
 * yet.
 */
void *pci_fabric_ep_ram(u64 addr, size_t size)
{
	if (!addr || !pfn_valid(PHYS_PFN(addr)) || !pfn_valid(PHYS_PFN(addr + size - 1)))
		return NULL;
	return phys_to_virt(addr);
}

/* Memory that a function driver allocates for DMA is none of these */
static bool pci_fabric_ep_for_dma(struct page *page)
{
	return !is_free_buddy_page(page) && !PageSlab(page) && !PageReserved(page);
}

/*
 * What the root complex reaches in the endpoint.  At 0, where a BAR points that nobody has
 * given memory, is memory like any other, so an access works; but it is nobody's, no more
 * than a page that is free.
 */
static void *pci_fabric_ep_target(struct pci_fabric_ep *ep, phys_addr_t phys, size_t size)
{
	if (phys < PCI_FABRIC_EP_LOW) {
		ep->stats.stray++;
		return phys + size <= PCI_FABRIC_EP_LOW ? ep->low + phys : NULL;
	}
	if (pfn_valid(PHYS_PFN(phys)) && !pci_fabric_ep_for_dma(pfn_to_page(PHYS_PFN(phys)))) {
		ep->stats.stray++;
		return NULL;
	}
	return pci_fabric_ep_ram(phys, size);
}

/* Where in the endpoint @off in a BAR is, or PHYS_ADDR_MAX if that is not set */
phys_addr_t pci_fabric_ep_inbound(const struct pci_fabric_ep_bar *bar, u32 off)
{
	for (int i = 0; i < bar->nr; i++) {
		if (off < bar->map[i].size)
			return bar->map[i].phys_addr + off;
		off -= bar->map[i].size;
	}
	return PHYS_ADDR_MAX;
}

static bool pci_fabric_ep_owns(const struct pci_fabric_ep *ep, phys_addr_t phys)
{
	return phys >= ep->res.start && phys <= ep->res.end;
}

void pci_fabric_ep_bar_access(struct pci_fabric_fn *fn, unsigned int bar, u32 off,
			      unsigned int size, bool write, u64 *val)
{
	struct pci_fabric_ep *ep = fn->owner;
	struct pci_fabric_ep_fn *epfn = &ep->fns[PCI_FUNC(fn->desc.devfn)];
	phys_addr_t phys = pci_fabric_ep_inbound(&epfn->bar[bar], off);
	u32 table = epfn->msix_off, nr = fn->desc.msix.vectors;
	u8 *mem;

	lockdep_assert_held(&fn->fabric->lock);

	if (write && fn->msix_table && epfn->msix_bar == bar && off >= table &&
	    off < table + 16 * nr) {
		pci_fabric_msix_store(fn, off - table, size, *val);
		return;
	}
	if (pci_fabric_ep_owns(ep, phys)) {
		if (write)
			pci_fabric_ep_mmio_write(ep, phys, size, *val);
		else
			*val = 0;
		return;
	}

	mem = pci_fabric_ep_target(ep, phys, size);
	if (write && mem)
		pci_fabric_mem_set(mem, size, *val);
	else if (!write)
		*val = mem ? pci_fabric_mem_get(mem, size) : ~0ULL;
}

static bool pci_fabric_ep_allowed(const struct pci_fabric_ep *ep, u64 addr, size_t size)
{
	for (int i = 0; i < ep->nr_allowed; i++)
		if (addr >= ep->allowed[i].addr &&
		    addr - ep->allowed[i].addr + size <= ep->allowed[i].size)
			return true;
	return !ep->nr_allowed;
}

/* The memory of the root complex at @phys in the window, for @size bytes in one page */
static void *pci_fabric_ep_outbound(struct pci_fabric_ep *ep, phys_addr_t phys,
				    size_t size)
{
	for (int i = 0; i < PCI_FABRIC_EP_MAPS; i++) {
		struct pci_fabric_ep_map *map = &ep->maps[i];

		if (!map->size || phys < map->phys ||
		    phys - map->phys + size > map->size)
			continue;
		if (!pci_fabric_can_master(ep->fns[map->func_no].fn) ||
		    !pci_fabric_ep_allowed(ep, map->bus + (phys - map->phys), size))
			return NULL;
		return pci_fabric_ep_ram(map->bus + (phys - map->phys), size);
	}
	return NULL;
}

static void pci_fabric_ep_chunk_locked(struct pci_fabric_ep *ep, phys_addr_t phys,
				       void *buf, size_t size, bool write)
{
	u64 val = 0;
	void *mem;

	if (phys - ep->res.start >= PCI_FABRIC_EP_OUTBOUND) {
		if (write) {
			memcpy(&val, buf, min(size, sizeof(val)));
			pci_fabric_ep_mmio_write(ep, phys, size, le64_to_cpu(val));
		} else {
			memset(buf, 0, size);
		}
		return;
	}

	mem = pci_fabric_ep_outbound(ep, phys, size);
	if (!mem) {
		ep->stats.bad_outbound++;
		if (!write)
			memset(buf, 0xff, size);
	} else if (write) {
		memcpy(mem, buf, size);
	} else {
		memcpy(buf, mem, size);
	}
}

static struct pci_fabric_ep *pci_fabric_ep_find(phys_addr_t phys)
{
	struct pci_fabric_ep *ep;

	guard(raw_spinlock_irqsave)(&pci_fabric_ep_list_lock);
	list_for_each_entry(ep, &pci_fabric_ep_list, list)
		if (pci_fabric_ep_owns(ep, phys))
			return ep;
	return NULL;
}

/* @size bytes at @phys, which are in one page */
static void pci_fabric_ep_chunk(phys_addr_t phys, void *buf, size_t size, bool write)
{
	struct pci_fabric_ep *ep = pci_fabric_ep_find(phys);

	/* Whose function driver accesses the window, so it stays */
	if (ep)
		pci_fabric_ep_elsewhere(ep);

	guard(raw_spinlock_irqsave)(&pci_fabric_ep_list_lock);
	list_for_each_entry(ep, &pci_fabric_ep_list, list) {
		if (!pci_fabric_ep_owns(ep, phys))
			continue;
		guard(raw_spinlock)(&ep->fabric->lock);
		pci_fabric_ep_chunk_locked(ep, phys, buf, size, write);
		return;
	}
	if (!write)
		memset(buf, 0xff, size);
}

static void pci_fabric_ep_copy(void *priv, unsigned int offset, void *buf, size_t size,
			       bool write)
{
	phys_addr_t phys = (unsigned long)priv + offset;

	while (size) {
		size_t chunk = min(size, SZ_4K - (phys & (SZ_4K - 1)));

		pci_fabric_ep_chunk(phys, buf, chunk, write);
		phys += chunk;
		buf += chunk;
		size -= chunk;
	}
}

/* What the endpoint has at a physical address: memory, or the window */
void pci_fabric_ep_copy_phys(phys_addr_t phys, void *buf, size_t size, bool write)
{
	void *mem = pci_fabric_ep_ram(phys, size);

	if (mem && write)
		memcpy(mem, buf, size);
	else if (mem)
		memcpy(buf, mem, size);
	else
		pci_fabric_ep_copy((void *)(unsigned long)phys, 0, buf, size, write);
}

static unsigned long pci_fabric_ep_read(void *priv, unsigned int offset, int size)
{
	__le64 val = 0;

	pci_fabric_ep_copy(priv, offset, &val, size, false);
	return le64_to_cpu(val);
}

static void pci_fabric_ep_write(void *priv, unsigned int offset, int size,
				unsigned long data)
{
	__le64 val = cpu_to_le64(data);

	pci_fabric_ep_copy(priv, offset, &val, size, true);
}

static void pci_fabric_ep_copy_from(void *priv, void *buffer, unsigned int offset,
				    int size)
{
	pci_fabric_ep_copy(priv, offset, buffer, size, false);
}

static void pci_fabric_ep_copy_to(void *priv, unsigned int offset, const void *buffer,
				  int size)
{
	pci_fabric_ep_copy(priv, offset, (void *)buffer, size, true);
}

static const struct logic_iomem_ops pci_fabric_ep_iomem_ops = {
	.read = pci_fabric_ep_read,
	.write = pci_fabric_ep_write,
	.copy_from = pci_fabric_ep_copy_from,
	.copy_to = pci_fabric_ep_copy_to,
};

static long pci_fabric_ep_ioremap(unsigned long offset, size_t size,
				  const struct logic_iomem_ops **ops, void **priv)
{
	if (size > PCI_FABRIC_EP_OUTBOUND)
		return -EINVAL;
	*ops = &pci_fabric_ep_iomem_ops;
	*priv = (void *)(unsigned long)(pci_fabric_ep_window.start + offset);
	return 0;
}

static const struct logic_iomem_region_ops pci_fabric_ep_region_ops = {
	.map = pci_fabric_ep_ioremap,
};

static int pci_fabric_ep_add_window(void)
{
	static DEFINE_MUTEX(lock);

	guard(mutex)(&lock);
	if (pci_fabric_ep_window.parent)	/* added by an earlier controller */
		return 0;
	return logic_iomem_add_region(&pci_fabric_ep_window, &pci_fabric_ep_region_ops);
}

int pci_fabric_ep_init_mem(struct pci_fabric_ep *ep)
{
	int ret = pci_fabric_ep_add_window();

	if (ret)
		return ret;
	ep->low = vzalloc(PCI_FABRIC_EP_LOW);
	if (!ep->low)
		return -ENOMEM;
	ep->res.name = "PCI fabric endpoint";
	ep->res.flags = IORESOURCE_MEM;
	ret = allocate_resource(&pci_fabric_ep_window, &ep->res, PCI_FABRIC_EP_SPAN,
				pci_fabric_ep_window.start, pci_fabric_ep_window.end,
				PCI_FABRIC_EP_SPAN, NULL, NULL);
	if (ret)
		return ret;

	guard(raw_spinlock_irqsave)(&pci_fabric_ep_list_lock);
	list_add(&ep->list, &pci_fabric_ep_list);
	return 0;
}

void pci_fabric_ep_exit_mem(struct pci_fabric_ep *ep)
{
	scoped_guard(raw_spinlock_irqsave, &pci_fabric_ep_list_lock)
		list_del_init(&ep->list);
	if (ep->res.parent)
		release_resource(&ep->res);
	vfree(ep->low);
	ep->low = NULL;
}
