// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: MSI and MSI-X in a function.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/test.h>
#include <linux/log2.h>
#include <linux/pci.h>

#include "pci_fabric_internal.h"

/* MSI (sec 7.7.1): where things are depends on what is implemented */
static unsigned int pci_fabric_msi_data(const struct pci_fabric_fn *fn)
{
	return fn->msi + (fn->desc.msi.is_64 ? 0x0c : 0x08);
}

static unsigned int pci_fabric_msi_mask(const struct pci_fabric_fn *fn)
{
	return fn->msi + (fn->desc.msi.is_64 ? 0x10 : 0x0c);
}

static unsigned int pci_fabric_msi_pending(const struct pci_fabric_fn *fn)
{
	return pci_fabric_msi_mask(fn) + 4;
}

static bool pci_fabric_msi_on(const struct pci_fabric_fn *fn)
{
	return fn->msi && (fn->val[fn->msi + PCI_MSI_FLAGS] & PCI_MSI_FLAGS_ENABLE);
}

static bool pci_fabric_msix_on(const struct pci_fabric_fn *fn)
{
	return fn->msix && (pci_fabric_cfg_get(fn, fn->msix + PCI_MSIX_FLAGS, 2) &
			    PCI_MSIX_FLAGS_ENABLE);
}

/* Sec 6.1.4: a function with either enabled may not use INTx. */
bool pci_fabric_msi_enabled(struct pci_fabric_fn *fn)
{
	return pci_fabric_msi_on(fn) || pci_fabric_msix_on(fn);
}

/* Sec 7.7.1.2: Multiple Message Enable, as the number of messages */
static unsigned int pci_fabric_msi_nr(const struct pci_fabric_fn *fn)
{
	return 1 << (pci_fabric_cfg_get(fn, fn->msi + PCI_MSI_FLAGS, 2) >> 4 & 7);
}

static void pci_fabric_msi_message(const struct pci_fabric_fn *fn,
				   unsigned int vector, u64 *address, u32 *data)
{
	*address = pci_fabric_cfg_get(fn, fn->msi + PCI_MSI_ADDRESS_LO, 4);
	if (fn->desc.msi.is_64)
		*address |= (u64)pci_fabric_cfg_get(fn, fn->msi + PCI_MSI_ADDRESS_HI,
						    4) << 32;
	/* Sec 7.7.1.5: the low bits are the function's to change */
	*data = pci_fabric_cfg_get(fn, pci_fabric_msi_data(fn), 2);
	*data = (*data & ~(pci_fabric_msi_nr(fn) - 1)) | vector;
}

static void pci_fabric_msi_write(struct pci_fabric_cap *cap, unsigned int off,
				 unsigned int size, u32 val)
{
	pci_fabric_update_intx(cap->fn->fabric);	/* MSI Enable */
	pci_fabric_kick(cap->fn->fabric);		/* Mask Bits */
}

static const struct pci_fabric_cap_ops pci_fabric_msi_ops = {
	.write = pci_fabric_msi_write,
};

void pci_fabric_init_msi(struct kunit *test, struct pci_fabric_fn *fn)
{
	unsigned int nr = fn->desc.msi.vectors;
	bool is_64 = fn->desc.msi.is_64, maskable = fn->desc.msi.maskable;
	unsigned int len = (is_64 ? 0x0e : 0x0a) + (maskable ? 0x0a : 0);
	const struct pci_fabric_reg regs[] = {
		{ .off = PCI_MSI_FLAGS, .size = 2,
		  .val = ilog2(nr) << 1 | is_64 << 7 | maskable << 8,
		  .rw = PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE },
		{ .off = PCI_MSI_ADDRESS_LO, .size = 4, .rw = ~0x3U },
		{ .off = is_64 ? 0x0c : 0x08, .size = 2, .rw = 0xffff },
		/* Mask Bits, one per message; Pending Bits after it, read-only */
		{ .off = is_64 ? 0x10 : 0x0c, .size = 4,
		  .rw = nr ? GENMASK(nr - 1, 0) : 0 },
	};
	const struct pci_fabric_reg high = {
		.off = PCI_MSI_ADDRESS_HI, .size = 4, .rw = ~0U
	};

	KUNIT_ASSERT_TRUE(test, is_power_of_2(nr) && nr <= 32);
	fn->msi = pci_fabric_add_cap(fn, &(struct pci_fabric_cap_desc){
		.id = PCI_CAP_ID_MSI, .len = len,
		.regs = regs, .nr_regs = maskable ? 4 : 3,
		.ops = &pci_fabric_msi_ops,
	})->pos;
	if (is_64)
		pci_fabric_init_reg(fn, fn->msi, &high);
}

enum pci_fabric_irq pci_fabric_raise_msi(struct pci_fabric_fn *fn,
					 unsigned int vector)
{
	u64 address;
	u32 data;

	KUNIT_ASSERT_LT(fn->fabric->test, vector, fn->desc.msi.vectors);

	scoped_guard(raw_spinlock_irqsave, &fn->fabric->lock) {
		u32 bit = BIT(vector);

		if (!pci_fabric_present(fn))
			return PCI_FABRIC_IRQ_BLOCKED;
		if (!pci_fabric_msi_on(fn) || vector >= pci_fabric_msi_nr(fn))
			return PCI_FABRIC_IRQ_DISABLED;
		if (fn->desc.msi.maskable &&
		    pci_fabric_cfg_get(fn, pci_fabric_msi_mask(fn), 4) & bit) {
			fn->val[pci_fabric_msi_pending(fn) + vector / 8] |=
				BIT(vector % 8);
			fn->fabric->irq_pending = true;
			return PCI_FABRIC_IRQ_PENDING;
		}
		pci_fabric_msi_message(fn, vector, &address, &data);
	}
	return pci_fabric_dma_write32(fn, address, data);
}

/* MSI-X (sec 7.7.2) */
static u8 *pci_fabric_msix_entry(struct pci_fabric_fn *fn, unsigned int vector)
{
	return fn->bar[fn->desc.msix.table_bar].mem + fn->desc.msix.table_off +
	       16 * vector;
}

static u8 *pci_fabric_msix_pba(struct pci_fabric_fn *fn, unsigned int vector)
{
	return fn->bar[fn->desc.msix.pba_bar].mem + fn->desc.msix.pba_off +
	       vector / 8;
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
static void pci_fabric_msix_table_write(struct pci_fabric_region *region,
					u32 off, unsigned int size, u64 val)
{
	struct pci_fabric_fn *fn = region->fn;

	if (size < 4 || !IS_ALIGNED(off, size))
		return;

	for (; size; size -= 4, off += 4, val >>= 32) {
		u32 rw = ~0U, old, now = val;

		if (off % 16 == 0)
			rw = ~0x3U;		/* Message Address is DWORD aligned */
		else if (off % 16 == 12)
			rw = fn->msix_ctrl_rw;
		old = pci_fabric_mem_get(pci_fabric_msix_entry(fn, 0) + off, 4);
		pci_fabric_region_store(region, off, 4, (old & ~rw) | (now & rw));
	}
	pci_fabric_kick(fn->fabric);
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
	pci_fabric_add_region(fn, table_bar, table, 16 * nr,
			      &pci_fabric_msix_table_ops, NULL);
	pci_fabric_add_region(fn, pba_bar, pba, 8 * DIV_ROUND_UP(nr, 64),
			      &pci_fabric_msix_pba_ops, NULL);
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
		if (!pci_fabric_msix_on(fn))
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

static bool pci_fabric_msi_pop(struct pci_fabric_fn *fn, u64 *address, u32 *data,
			       bool *pending)
{
	unsigned long bits, ready;
	u32 where;

	if (!fn->msi || !fn->desc.msi.maskable)
		return false;

	where = pci_fabric_msi_pending(fn);
	bits = pci_fabric_cfg_get(fn, where, 4);
	*pending |= bits;
	ready = bits & ~pci_fabric_cfg_get(fn, pci_fabric_msi_mask(fn), 4) &
		GENMASK(pci_fabric_msi_nr(fn) - 1, 0);
	if (!ready || !pci_fabric_msi_on(fn) || !pci_fabric_can_master(fn))
		return false;

	pci_fabric_msi_message(fn, __ffs(ready), address, data);
	fn->val[where + __ffs(ready) / 8] &= ~BIT(__ffs(ready) % 8);
	return true;
}

static bool pci_fabric_msix_pop(struct pci_fabric_fn *fn, u64 *address,
				u32 *data, bool *pending)
{
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

/*
 * Takes the next message that is pending and may be sent now.  Sets *@pending when
 * the function has any pending bit.
 */
bool pci_fabric_msi_next(struct pci_fabric_fn *fn, u64 *address, u32 *data,
			 bool *pending)
{
	lockdep_assert_held(&fn->fabric->lock);

	return pci_fabric_msi_pop(fn, address, data, pending) ||
	       pci_fabric_msix_pop(fn, address, data, pending);
}
