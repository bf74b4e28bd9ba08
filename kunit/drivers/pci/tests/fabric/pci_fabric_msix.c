// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: MSI-X in a function.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/test.h>
#include <linux/align.h>
#include <linux/pci.h>

#include "pci_fabric_internal.h"

bool pci_fabric_msix_on(const struct pci_fabric_fn *fn)
{
	return fn->msix && (pci_fabric_cfg_get(fn, fn->msix + PCI_MSIX_FLAGS, 2) &
			    PCI_MSIX_FLAGS_ENABLE);
}

static u8 *pci_fabric_msix_entry(struct pci_fabric_fn *fn, unsigned int vector)
{
	return fn->msix_table + 16 * vector;
}

static u8 *pci_fabric_msix_pba(struct pci_fabric_fn *fn, unsigned int vector)
{
	return fn->msix_pba + vector / 8;
}

/* Function Mask, or Mask Bit of the entry */
static bool pci_fabric_msix_masked(struct pci_fabric_fn *fn, unsigned int vector)
{
	u8 *entry = pci_fabric_msix_entry(fn, vector);

	return (pci_fabric_cfg_get(fn, fn->msix + PCI_MSIX_FLAGS, 2) &
		PCI_MSIX_FLAGS_MASKALL) || (entry[12] & 1);
}

/*
 * Sec 7.7.2: software accesses the table with aligned DWORDs and QWORDs; what
 * others do is undefined, so here they do nothing.
 */
void pci_fabric_msix_store(struct pci_fabric_fn *fn, u32 off, unsigned int size,
			   u64 val)
{
	lockdep_assert_held(&fn->fabric->lock);

	if (size < 4 || !IS_ALIGNED(off, size))
		return;

	for (; size; size -= 4, off += 4, val >>= 32) {
		u32 rw = ~0U, old, now = val;

		if (off % 16 == 0)
			rw = ~0x3U;		/* Message Address is DWORD aligned */
		else if (off % 16 == 12)
			rw = fn->msix_ctrl_rw;
		old = pci_fabric_mem_get(pci_fabric_msix_entry(fn, 0) + off, 4);
		now = (old & ~rw) | (now & rw);
		pci_fabric_mem_set(pci_fabric_msix_entry(fn, 0) + off, 4, now);
		if (off % 16 == 12 && (old ^ now) >> 16)
			pci_fabric_tph_written(fn);
	}
	pci_fabric_kick(fn->fabric);
}

static void pci_fabric_msix_table_write(struct pci_fabric_region *region,
					u32 off, unsigned int size, u64 val)
{
	pci_fabric_msix_store(region->fn, off, size, val);
}

static const struct pci_fabric_region_ops pci_fabric_msix_table_ops = {
	.write = pci_fabric_msix_table_write,
};

static void pci_fabric_msix_pba_write(struct pci_fabric_region *region, u32 off,
				      unsigned int size, u64 val)
{
	/* read-only */
}

static const struct pci_fabric_region_ops pci_fabric_msix_pba_ops = {
	.write = pci_fabric_msix_pba_write,
};

/* Sec 7.7.2.8: entries are masked after reset. BAR memory is zero by now. */
static void pci_fabric_msix_reset(struct pci_fabric_cap *cap,
				  enum pci_fabric_reset kind)
{
	if (!cap->fn->msix_table)
		return;
	for (int i = 0; i < cap->fn->desc.msix.vectors; i++)
		pci_fabric_msix_entry(cap->fn, i)[12] = 1;
}

static void pci_fabric_msix_write(struct pci_fabric_cap *cap, unsigned int off,
				  unsigned int size, u32 val)
{
	pci_fabric_update_intx(cap->fn->fabric);	/* MSI-X Enable */
	pci_fabric_kick(cap->fn->fabric);		/* Function Mask */
}

static const struct pci_fabric_cap_ops pci_fabric_msix_ops = {
	.write = pci_fabric_msix_write,
	.reset = pci_fabric_msix_reset,
};

void pci_fabric_init_msix(struct kunit *test, struct pci_fabric_fn *fn)
{
	u32 nr = fn->desc.msix.vectors;
	u32 table = fn->desc.msix.table_off, pba = fn->desc.msix.pba_off;
	u8 table_bar = fn->desc.msix.table_bar, pba_bar = fn->desc.msix.pba_bar;
	const struct pci_fabric_reg regs[] = {
		{ .off = PCI_MSIX_FLAGS, .size = 2, .val = nr - 1,
		  .rw = PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL },
		{ .off = PCI_MSIX_TABLE, .size = 4, .val = table | table_bar },
		{ .off = PCI_MSIX_PBA, .size = 4, .val = pba | pba_bar },
	};
	struct pci_fabric_cap *cap;

	KUNIT_ASSERT_LE(test, nr, 2048);
	KUNIT_ASSERT_TRUE(test, IS_ALIGNED(table, 8) && IS_ALIGNED(pba, 8));
	fn->msix_ctrl_rw = 1;
	if (!fn->bar_access) {
		pci_fabric_add_region(fn, table_bar, table, 16 * nr,
				      &pci_fabric_msix_table_ops, NULL);
		pci_fabric_add_region(fn, pba_bar, pba, 8 * DIV_ROUND_UP(nr, 64),
				      &pci_fabric_msix_pba_ops, NULL);
		fn->msix_table = fn->bar[table_bar].mem + table;
		fn->msix_pba = fn->bar[pba_bar].mem + pba;
	}
	cap = pci_fabric_add_cap(fn, &(struct pci_fabric_cap_desc){
		.id = PCI_CAP_ID_MSIX, .len = PCI_CAP_MSIX_SIZEOF,
		.regs = regs, .nr_regs = ARRAY_SIZE(regs),
		.ops = &pci_fabric_msix_ops,
	});
	fn->msix = cap->pos;
	pci_fabric_msix_reset(cap, PCI_FABRIC_RESET_COLD);
}

static void pci_fabric_msix_message(struct pci_fabric_fn *fn,
				    unsigned int vector, u64 *address, u32 *data)
{
	u8 *entry = pci_fabric_msix_entry(fn, vector);

	*address = pci_fabric_mem_get(entry, 8);
	*data = pci_fabric_mem_get(entry + 8, 4);
}

enum pci_fabric_irq pci_fabric_raise_msix(struct pci_fabric_fn *fn,
					  unsigned int vector)
{
	u64 address;
	u32 data;

	KUNIT_ASSERT_LT(fn->fabric->test, vector, fn->desc.msix.vectors);

	scoped_guard(raw_spinlock_irqsave, &fn->fabric->lock) {
		if (!pci_fabric_present(fn))
			return PCI_FABRIC_IRQ_BLOCKED;
		if (!pci_fabric_msix_on(fn) || !fn->msix_table)
			return PCI_FABRIC_IRQ_DISABLED;
		if (pci_fabric_msix_masked(fn, vector)) {
			*pci_fabric_msix_pba(fn, vector) |= BIT(vector % 8);
			fn->fabric->irq_pending = true;
			return PCI_FABRIC_IRQ_PENDING;
		}
		pci_fabric_msix_message(fn, vector, &address, &data);
	}
	return pci_fabric_dma_write32(fn, address, data);
}

bool pci_fabric_msix_pop(struct pci_fabric_fn *fn, u64 *address, u32 *data,
			 bool *pending)
{
	if (!fn->msix_table)
		return false;

	for (int i = 0; i < fn->desc.msix.vectors; i++) {
		u8 *pba = pci_fabric_msix_pba(fn, i);

		if (!(*pba & BIT(i % 8)))
			continue;
		*pending = true;
		if (!pci_fabric_msix_on(fn) || pci_fabric_msix_masked(fn, i) ||
		    !pci_fabric_can_master(fn))
			continue;
		pci_fabric_msix_message(fn, i, address, data);
		*pba &= ~BIT(i % 8);
		return true;
	}
	return false;
}
