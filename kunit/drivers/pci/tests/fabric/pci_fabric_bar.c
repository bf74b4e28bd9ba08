// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: BARs and the memory behind them.
 *
 * An address is decoded on each access, by what the BARs, the Memory Space Enable
 * bits and the bridge windows say at that moment.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/test.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "pci_fabric_internal.h"

u64 pci_fabric_mem_get(const u8 *mem, unsigned int size)
{
	switch (size) {
	case 1:
		return *mem;
	case 2:
		return get_unaligned_le16(mem);
	case 4:
		return get_unaligned_le32(mem);
	default:
		return get_unaligned_le64(mem);
	}
}

void pci_fabric_mem_set(u8 *mem, unsigned int size, u64 val)
{
	switch (size) {
	case 1:
		*mem = val;
		break;
	case 2:
		put_unaligned_le16(val, mem);
		break;
	case 4:
		put_unaligned_le32(val, mem);
		break;
	default:
		put_unaligned_le64(val, mem);
	}
}

/* The address in the BAR register at @where */
u64 pci_fabric_bar_get(const struct pci_fabric_fn *fn, unsigned int where,
		       u32 flags)
{
	u64 base = pci_fabric_cfg_get(fn, where, 4) & ~0xfU;

	if (flags & PCI_FABRIC_BAR_64)
		base |= (u64)pci_fabric_cfg_get(fn, where + 4, 4) << 32;
	return base;
}

/* Sec 7.5.1.3.8 to 10: the memory and the prefetchable window, 1 MiB units */
static bool pci_fabric_in_window(struct pci_fabric_fn *bridge, u64 addr)
{
	u64 base = pci_fabric_cfg_get(bridge, PCI_MEMORY_BASE, 2) & 0xfff0;
	u64 limit = pci_fabric_cfg_get(bridge, PCI_MEMORY_LIMIT, 2) & 0xfff0;

	if (addr >= base << 16 && addr <= (limit << 16 | 0xfffff))
		return true;

	base = pci_fabric_cfg_get(bridge, PCI_PREF_MEMORY_BASE, 2) & 0xfff0;
	limit = pci_fabric_cfg_get(bridge, PCI_PREF_MEMORY_LIMIT, 2) & 0xfff0;
	base = base << 16 |
	       (u64)pci_fabric_cfg_get(bridge, PCI_PREF_BASE_UPPER32, 4) << 32;
	limit = limit << 16 | 0xfffff |
		(u64)pci_fabric_cfg_get(bridge, PCI_PREF_LIMIT_UPPER32, 4) << 32;
	return addr >= base && addr <= limit;
}

/* Does a memory request to @addr reach @fn, and does it decode memory? */
static bool pci_fabric_reachable(struct pci_fabric_fn *fn, u64 addr)
{
	struct pci_fabric_fn *bridge;

	if (!pci_fabric_present(fn) || !fn->ops->powered(fn) ||
	    !fn->ops->mem_enabled(fn))
		return false;

	for (bridge = fn->parent; bridge; bridge = bridge->parent)
		if (!bridge->ops->mem_enabled(bridge) ||
		    !pci_fabric_in_window(bridge, addr))
			return false;
	return true;
}

static struct pci_fabric_region *
pci_fabric_find_region(struct pci_fabric_fn *fn, unsigned int bar, u32 off,
		       unsigned int size)
{
	struct pci_fabric_region *region;

	list_for_each_entry(region, &fn->regions, list)
		if (region->bar == bar && off >= region->off &&
		    off - region->off + size <= region->len)
			return region;
	return NULL;
}

static void pci_fabric_access(struct pci_fabric_fn *fn, unsigned int bar,
			      u32 off, unsigned int size, bool write, u64 *val)
{
	struct pci_fabric_region *region;
	u8 *mem;

	if (write)
		fn->stats.bar_writes++;
	else
		fn->stats.bar_reads++;
	if (fn->bar_access) {
		fn->bar_access(fn, bar, off, size, write, val);
		return;
	}

	mem = fn->bar[bar].mem + off;
	region = pci_fabric_find_region(fn, bar, off, size);
	if (write) {
		if (region && region->ops->write)
			region->ops->write(region, off - region->off, size, *val);
		else
			pci_fabric_mem_set(mem, size, *val);
	} else {
		if (region && region->ops->read)
			*val = region->ops->read(region, off - region->off, size);
		else
			*val = pci_fabric_mem_get(mem, size);
	}
}

static bool pci_fabric_decode_one(struct pci_fabric *fabric, u64 addr,
				  unsigned int size, bool write, u64 *val)
{
	struct pci_fabric_fn *fn;

	lockdep_assert_held(&fabric->lock);

	list_for_each_entry(fn, &fabric->fns, list) {
		for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
			u64 base;

			if (!fn->bar[bar].size)
				continue;
			base = fn->ops->bar_base(fn, bar);
			if (addr < base || addr - base + size > fn->bar[bar].size ||
			    !pci_fabric_reachable(fn, addr))
				continue;
			pci_fabric_access(fn, bar, addr - base, size, write, val);
			return true;
		}
	}
	return false;
}

/*
 * One memory access by the CPU.  Returns false when no function claims it: a read
 * is all-ones then.  Takes the list lock and the fabric's.
 */
bool pci_fabric_decode(u64 addr, unsigned int size, bool write, u64 *val)
{
	struct pci_fabric *fabric;

	guard(raw_spinlock_irqsave)(&pci_fabric_list_lock);
	list_for_each_entry(fabric, &pci_fabric_list, list) {
		if ((addr < fabric->mem.start || addr > fabric->mem.end) &&
		    (!fabric->pref.flags ||
		     addr < fabric->pref.start || addr > fabric->pref.end))
			continue;
		guard(raw_spinlock)(&fabric->lock);
		return pci_fabric_decode_one(fabric, addr, size, write, val);
	}
	return false;
}

void pci_fabric_reset_bars(struct pci_fabric_fn *fn)
{
	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		if (fn->bar[i].mem)
			memset(fn->bar[i].mem, 0, fn->bar[i].size);
}

/* Sec 7.5.1.2.1: writable address bits, read-only type bits */
static void pci_fabric_init_bar_reg(struct kunit *test, struct pci_fabric_fn *fn,
				    unsigned int where,
				    const struct pci_fabric_bar_desc *desc)
{
	bool io = desc->flags & PCI_FABRIC_BAR_IO;
	struct pci_fabric_reg reg = {
		.off = where,
		.size = 4,
		.rw = ~(desc->size - 1) & (io ? ~0x3U : ~0xfU),
	};

	KUNIT_ASSERT_TRUE_MSG(test,
			      is_power_of_2(desc->size) &&
			      desc->size >= (io ? 4 : 16) &&
			      desc->size <= PCI_FABRIC_BAR_MAX,
			      "BAR at %#x: size %#x", where, desc->size);
	if (io)
		reg.val |= 1;
	if (desc->flags & PCI_FABRIC_BAR_64)
		reg.val |= 2 << 1;
	if (desc->flags & PCI_FABRIC_BAR_PREF)
		reg.val |= 1 << 3;
	pci_fabric_init_reg(fn, 0, &reg);
}

/* Makes the registers of @bars, at most @nr, the first one at @where. */
void pci_fabric_init_bar_regs(struct kunit *test, struct pci_fabric_fn *fn,
			      unsigned int where,
			      const struct pci_fabric_bar_desc *bars,
			      unsigned int nr)
{
	const struct pci_fabric_reg high = { .size = 4, .rw = ~0U };

	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (!bars[bar].size)
			continue;
		KUNIT_ASSERT_LT(test, bar, nr);
		pci_fabric_init_bar_reg(test, fn, where + 4 * bar, &bars[bar]);
		if (!(bars[bar].flags & PCI_FABRIC_BAR_64))
			continue;
		bar++;
		KUNIT_ASSERT_LT(test, bar, nr);
		KUNIT_ASSERT_EQ_MSG(test, bars[bar].size, 0,
				    "BAR %d is the upper half of a 64-bit one", bar);
		pci_fabric_init_reg(fn, where + 4 * bar, &high);
	}
}

/* Makes what is behind the BARs of desc.bars. */
void pci_fabric_init_bar_mem(struct kunit *test, struct pci_fabric_fn *fn)
{
	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		const struct pci_fabric_bar_desc *desc = &fn->desc.bars[bar];

		fn->bar[bar].flags = desc->flags;
		if (!desc->size || (desc->flags & PCI_FABRIC_BAR_IO))
			continue;
		fn->bar[bar].mem = kvzalloc(desc->size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, fn->bar[bar].mem);
		fn->bar[bar].size = desc->size;
	}
}

u32 pci_fabric_bar_peek(struct pci_fabric_fn *fn, unsigned int bar, u32 off,
			unsigned int size)
{
	KUNIT_ASSERT_LT(fn->fabric->test, bar, PCI_STD_NUM_BARS);
	KUNIT_ASSERT_LE(fn->fabric->test, (u64)off + size, fn->bar[bar].size);
	KUNIT_ASSERT_NOT_NULL(fn->fabric->test, fn->bar[bar].mem);

	guard(raw_spinlock_irqsave)(&fn->fabric->lock);
	return pci_fabric_mem_get(fn->bar[bar].mem + off, size);
}

void pci_fabric_bar_poke(struct pci_fabric_fn *fn, unsigned int bar, u32 off,
			 unsigned int size, u32 val)
{
	KUNIT_ASSERT_LT(fn->fabric->test, bar, PCI_STD_NUM_BARS);
	KUNIT_ASSERT_LE(fn->fabric->test, (u64)off + size, fn->bar[bar].size);
	KUNIT_ASSERT_NOT_NULL(fn->fabric->test, fn->bar[bar].mem);

	guard(raw_spinlock_irqsave)(&fn->fabric->lock);
	pci_fabric_mem_set(fn->bar[bar].mem + off, size, val);
}

struct pci_fabric_region *
pci_fabric_add_region(struct pci_fabric_fn *fn, unsigned int bar, u32 off,
		      u32 len, const struct pci_fabric_region_ops *ops,
		      void *priv)
{
	struct kunit *test = fn->fabric->test;
	struct pci_fabric_region *region, *other;

	KUNIT_ASSERT_LT(test, bar, PCI_STD_NUM_BARS);
	KUNIT_ASSERT_NOT_NULL(test, fn->bar[bar].mem);
	KUNIT_ASSERT_LE(test, (u64)off + len, fn->bar[bar].size);
	list_for_each_entry(other, &fn->regions, list)
		KUNIT_ASSERT_TRUE_MSG(test,
				      other->bar != bar ||
				      off + len <= other->off ||
				      other->off + other->len <= off,
				      "two regions at BAR %u offset %#x", bar, off);

	region = kzalloc_obj(*region);
	KUNIT_ASSERT_NOT_NULL(test, region);
	region->fn = fn;
	region->bar = bar;
	region->off = off;
	region->len = len;
	region->ops = ops;
	region->priv = priv;

	guard(raw_spinlock_irqsave)(&fn->fabric->lock);
	list_add_tail(&region->list, &fn->regions);
	return region;
}

void pci_fabric_region_store(struct pci_fabric_region *region, u32 off,
			     unsigned int size, u64 val)
{
	pci_fabric_mem_set(region->fn->bar[region->bar].mem + region->off + off,
			   size, val);
}
