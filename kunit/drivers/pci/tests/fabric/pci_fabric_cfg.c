// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: configuration registers and their reset.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/unaligned.h>

#include "pci_fabric_internal.h"

static u32 pci_fabric_le_get(const u8 *p, unsigned int size)
{
	u32 val = 0;

	while (size--)
		val = val << 8 | p[size];
	return val;
}

static void pci_fabric_le_set(u8 *p, unsigned int size, u32 val)
{
	for (; size; size--, val >>= 8)
		*p++ = val;
}

u32 pci_fabric_cfg_get(const struct pci_fabric_fn *fn, unsigned int where,
		       unsigned int size)
{
	return pci_fabric_le_get(fn->val + where, size);
}

/* What the function is made with: the value now and after each reset. */
void pci_fabric_cfg_set(struct pci_fabric_fn *fn, unsigned int where,
			unsigned int size, u32 val)
{
	pci_fabric_le_set(fn->val + where, size, val);
	pci_fabric_le_set(fn->reset + where, size, val);
}

void pci_fabric_init_reg(struct pci_fabric_fn *fn, unsigned int base,
			 const struct pci_fabric_reg *reg)
{
	unsigned int where = base + reg->off;

	pci_fabric_cfg_set(fn, where, reg->size, reg->val);
	pci_fabric_le_set(fn->rw + where, reg->size, reg->rw);
	pci_fabric_le_set(fn->w1c + where, reg->size, reg->w1c);
	pci_fabric_le_set(fn->sticky + where, reg->size, reg->sticky);
	pci_fabric_le_set(fn->flr_keep + where, reg->size, reg->flr_keep);
}

/* Sec 7.5.1.1: registers that both header types have */
static const struct pci_fabric_reg pci_fabric_common_regs[] = {
	/* I/O, Memory, Bus Master, Parity Error Response, SERR#, INTx Disable */
	{ .off = PCI_COMMAND, .size = 2, .rw = 0x0547 },
	/* Master Data Parity Error and the five error bits at the top */
	{ .off = PCI_STATUS, .size = 2, .w1c = 0xf900 },
	{ .off = PCI_CACHE_LINE_SIZE, .size = 1, .rw = 0xff },
	{ .off = PCI_INTERRUPT_LINE, .size = 1, .rw = 0xff },
};

/*
 * Sec 7.5.1.3.  No I/O window: I/O Base and Limit are read-only zero, which says
 * so, and ISA and VGA Enable, which only concern I/O and VGA, are too.
 */
static const struct pci_fabric_reg pci_fabric_type1_regs[] = {
	{ .off = PCI_PRIMARY_BUS, .size = 1, .rw = 0xff },
	{ .off = PCI_SECONDARY_BUS, .size = 1, .rw = 0xff },
	{ .off = PCI_SUBORDINATE_BUS, .size = 1, .rw = 0xff },
	{ .off = PCI_SEC_STATUS, .size = 2, .w1c = 0xf900 },
	{ .off = PCI_MEMORY_BASE, .size = 2, .rw = 0xfff0 },
	{ .off = PCI_MEMORY_LIMIT, .size = 2, .rw = 0xfff0 },
	/* low nibble 1: 64-bit decoding */
	{ .off = PCI_PREF_MEMORY_BASE, .size = 2, .val = 1, .rw = 0xfff0 },
	{ .off = PCI_PREF_MEMORY_LIMIT, .size = 2, .val = 1, .rw = 0xfff0 },
	{ .off = PCI_PREF_BASE_UPPER32, .size = 4, .rw = ~0U },
	{ .off = PCI_PREF_LIMIT_UPPER32, .size = 4, .rw = ~0U },
	/* Parity Error Response, SERR#, Secondary Bus Reset */
	{ .off = PCI_BRIDGE_CONTROL, .size = 2, .rw = 0x0043 },
};

void pci_fabric_init_header(struct pci_fabric_fn *fn)
{
	const struct pci_fabric_fn_desc *desc = &fn->desc;
	u32 class = desc->class;

	if (!class)
		class = pci_fabric_is_bridge(fn) ? PCI_CLASS_BRIDGE_PCI_NORMAL :
						   PCI_CLASS_OTHERS << 16;

	for (int i = 0; i < ARRAY_SIZE(pci_fabric_common_regs); i++)
		pci_fabric_init_reg(fn, 0, &pci_fabric_common_regs[i]);

	pci_fabric_cfg_set(fn, PCI_VENDOR_ID, 2,
			   desc->vendor ?: PCI_FABRIC_VENDOR);
	pci_fabric_cfg_set(fn, PCI_DEVICE_ID, 2, desc->device);
	pci_fabric_cfg_set(fn, PCI_CLASS_REVISION, 4,
			   class << 8 | desc->revision);
	pci_fabric_cfg_set(fn, PCI_HEADER_TYPE, 1, desc->hdr_type);
	pci_fabric_cfg_set(fn, PCI_INTERRUPT_PIN, 1, desc->intx_pin);

	if (pci_fabric_is_bridge(fn)) {
		for (int i = 0; i < ARRAY_SIZE(pci_fabric_type1_regs); i++)
			pci_fabric_init_reg(fn, 0, &pci_fabric_type1_regs[i]);
	} else {
		pci_fabric_cfg_set(fn, PCI_SUBSYSTEM_VENDOR_ID, 2,
				   desc->subvendor);
		pci_fabric_cfg_set(fn, PCI_SUBSYSTEM_ID, 2, desc->subdevice);
	}
}

/* The header's own behaviour; @old is Bridge Control before the write. */
static void pci_fabric_header_written(struct pci_fabric_fn *fn, u16 old)
{
	u16 now = pci_fabric_cfg_get(fn, PCI_BRIDGE_CONTROL, 2);

	/* Sec 6.6.1: setting the bit is a hot reset of all below */
	if (pci_fabric_is_bridge(fn) && (now & ~old & PCI_BRIDGE_CTL_BUS_RESET))
		pci_fabric_reset_below(fn, PCI_FABRIC_RESET_HOT);
	pci_fabric_slot_write(fn, 0, 0);

	pci_fabric_update_intx(fn->fabric);	/* Interrupt Disable */
	pci_fabric_kick(fn->fabric);		/* Bus Master Enable */
}

void pci_fabric_cfg_write(struct pci_fabric_fn *fn, unsigned int where,
			  unsigned int size, u32 val)
{
	u16 bridge_ctl = pci_fabric_cfg_get(fn, PCI_BRIDGE_CONTROL, 2);
	struct pci_fabric_cap *cap;

	lockdep_assert_held(&fn->fabric->lock);

	for (unsigned int i = where; i < where + size; i++) {
		u8 byte = val >> 8 * (i - where);

		fn->val[i] = (fn->val[i] & ~fn->rw[i]) | (byte & fn->rw[i]);
		fn->val[i] &= ~(byte & fn->w1c[i]);
	}

	if (where < PCI_STD_HEADER_SIZEOF)
		pci_fabric_header_written(fn, bridge_ctl);

	list_for_each_entry(cap, &fn->caps, list) {
		if (cap->desc.ops && cap->desc.ops->write && where >= cap->pos &&
		    where < cap->pos + cap->desc.len)
			cap->desc.ops->write(cap, where - cap->pos, size, val);
	}
}

/* Sec 6.6: which bits keep their values depends on the kind of reset. */
void pci_fabric_do_reset(struct pci_fabric_fn *fn, enum pci_fabric_reset kind)
{
	struct pci_fabric_cap *cap;

	lockdep_assert_held(&fn->fabric->lock);

	for (int i = 0; i < PCI_FABRIC_CFG_SIZE; i++) {
		u8 keep = 0;

		if (kind <= PCI_FABRIC_RESET_HOT)
			keep |= fn->sticky[i];
		if (kind == PCI_FABRIC_RESET_FLR)
			keep |= fn->flr_keep[i];
		fn->val[i] = (fn->val[i] & keep) | (fn->reset[i] & ~keep);
	}
	fn->pm_state = 0;
	fn->intx_level = false;
	fn->intx_pulse = false;
	pci_fabric_reset_bars(fn);

	list_for_each_entry(cap, &fn->caps, list)
		if (cap->desc.ops && cap->desc.ops->reset)
			cap->desc.ops->reset(cap, kind);

	fn->stats.resets[kind]++;
	pci_fabric_update_intx(fn->fabric);
}

void pci_fabric_reset_below(struct pci_fabric_fn *bridge,
			    enum pci_fabric_reset kind)
{
	struct pci_fabric_fn *fn;

	list_for_each_entry(fn, &bridge->fabric->fns, list)
		if (!fn->pf && pci_fabric_below(fn, bridge))
			pci_fabric_do_reset(fn, kind);	/* with its VFs */
}

void pci_fabric_reset(struct pci_fabric_fn *fn, enum pci_fabric_reset kind)
{
	guard(raw_spinlock_irqsave)(&fn->fabric->lock);
	pci_fabric_do_reset(fn, kind);
}

u32 pci_fabric_peek(struct pci_fabric_fn *fn, unsigned int where,
		    unsigned int size)
{
	KUNIT_ASSERT_LE(fn->fabric->test, where + size, PCI_FABRIC_CFG_SIZE);

	guard(raw_spinlock_irqsave)(&fn->fabric->lock);
	return pci_fabric_cfg_get(fn, where, size);
}

void pci_fabric_poke(struct pci_fabric_fn *fn, unsigned int where,
		     unsigned int size, u32 val)
{
	KUNIT_ASSERT_LE(fn->fabric->test, where + size, PCI_FABRIC_CFG_SIZE);

	guard(raw_spinlock_irqsave)(&fn->fabric->lock);
	pci_fabric_le_set(fn->val + where, size, val);
	pci_fabric_update_intx(fn->fabric);
}
