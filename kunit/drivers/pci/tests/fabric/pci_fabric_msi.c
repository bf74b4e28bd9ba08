// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: MSI in a function.
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
