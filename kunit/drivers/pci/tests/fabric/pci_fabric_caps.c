// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: the capability lists, PM, PCI Express, DSN.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "pci_fabric_internal.h"

static unsigned int pci_fabric_link_cap(struct kunit *test,
					struct pci_fabric_fn *fn,
					const struct pci_fabric_cap_desc *desc)
{
	unsigned int pos = fn->next_cap ?: PCI_STD_HEADER_SIZEOF;

	KUNIT_ASSERT_LE(test, pos + desc->len, PCI_CFG_SPACE_SIZE);
	pci_fabric_cfg_set(fn, pos, 1, desc->id);
	if (fn->last_cap) {
		pci_fabric_cfg_set(fn, fn->last_cap + 1, 1, pos);
	} else {
		pci_fabric_cfg_set(fn, PCI_CAPABILITY_LIST, 1, pos);
		pci_fabric_cfg_set(fn, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	}
	fn->last_cap = pos;
	fn->next_cap = ALIGN(pos + desc->len, 4);
	return pos;
}

static unsigned int pci_fabric_link_ext_cap(struct kunit *test,
					    struct pci_fabric_fn *fn,
					    const struct pci_fabric_cap_desc *desc)
{
	unsigned int pos = fn->next_ext ?: PCI_CFG_SPACE_SIZE;

	KUNIT_ASSERT_FALSE(test, fn->desc.conventional);
	KUNIT_ASSERT_LE(test, pos + desc->len, PCI_FABRIC_CFG_SIZE);
	pci_fabric_cfg_set(fn, pos, 4, desc->id | desc->version << 16);
	if (fn->last_ext)
		pci_fabric_cfg_set(fn, fn->last_ext + 2, 2,
				   pci_fabric_cfg_get(fn, fn->last_ext + 2, 2) |
				   pos << 4);
	fn->last_ext = pos;
	fn->next_ext = ALIGN(pos + desc->len, 4);
	return pos;
}

struct pci_fabric_cap *pci_fabric_add_cap(struct pci_fabric_fn *fn,
					  const struct pci_fabric_cap_desc *desc)
{
	struct kunit *test = fn->fabric->test;
	struct pci_fabric_cap *cap;

	for (int i = 0; i < desc->nr_regs; i++)
		KUNIT_ASSERT_LE(test, desc->regs[i].off + desc->regs[i].size,
				desc->len);

	cap = kzalloc_obj(*cap);
	KUNIT_ASSERT_NOT_NULL(test, cap);
	cap->fn = fn;
	cap->desc = *desc;
	cap->desc.regs = NULL;	/* need not outlive this call */
	list_add_tail(&cap->list, &fn->caps);

	if (desc->ext)
		cap->pos = pci_fabric_link_ext_cap(test, fn, desc);
	else
		cap->pos = pci_fabric_link_cap(test, fn, desc);
	for (int i = 0; i < desc->nr_regs; i++)
		pci_fabric_init_reg(fn, cap->pos, &desc->regs[i]);
	return cap;
}

void *pci_fabric_cap_priv(struct pci_fabric_cap *cap)
{
	return cap->desc.priv;
}

unsigned int pci_fabric_cap_pos(struct pci_fabric_fn *fn, u16 id, bool ext)
{
	struct pci_fabric_cap *cap;

	list_for_each_entry(cap, &fn->caps, list)
		if (cap->desc.id == id && cap->desc.ext == ext)
			return cap->pos;
	return 0;
}

/*
 * Power Management (sec 7.5.2).  D2 is not supported, nor is D1 by default: a write
 * of an unsupported state has no effect.
 */
static void pci_fabric_pm_write(struct pci_fabric_cap *cap, unsigned int off,
				unsigned int size, u32 val)
{
	struct pci_fabric_fn *fn = cap->fn;
	u16 pmcsr = pci_fabric_cfg_get(fn, cap->pos + PCI_PM_CTRL, 2);
	u8 state = pmcsr & PCI_PM_CTRL_STATE_MASK;
	u8 old = fn->pm_state;

	if (state == 2 || (state == 1 && !fn->desc.pm_d1)) {
		fn->val[cap->pos + PCI_PM_CTRL] &= ~PCI_PM_CTRL_STATE_MASK;
		fn->val[cap->pos + PCI_PM_CTRL] |= old;
		return;
	}

	fn->pm_state = state;
	if (old == 3 && !state && !fn->desc.no_soft_reset)
		pci_fabric_do_reset(fn, PCI_FABRIC_RESET_FLR);
	pci_fabric_update_intx(fn->fabric);
	pci_fabric_kick(fn->fabric);
}

static const struct pci_fabric_cap_ops pci_fabric_pm_ops = {
	.write = pci_fabric_pm_write,
};

static void pci_fabric_add_pm(struct pci_fabric_fn *fn)
{
	const struct pci_fabric_reg regs[] = {
		/* version 3, no PME, no D2 */
		{ .off = PCI_PM_PMC, .size = 2,
		  .val = 3 | (fn->desc.pm_d1 ? PCI_PM_CAP_D1 : 0) },
		{ .off = PCI_PM_CTRL, .size = 2, .rw = PCI_PM_CTRL_STATE_MASK,
		  .val = fn->desc.no_soft_reset ? PCI_PM_CTRL_NO_SOFT_RESET : 0 },
	};

	fn->pm = pci_fabric_add_cap(fn, &(struct pci_fabric_cap_desc){
		.id = PCI_CAP_ID_PM, .len = PCI_PM_SIZEOF,
		.regs = regs, .nr_regs = ARRAY_SIZE(regs),
		.ops = &pci_fabric_pm_ops,
	})->pos;
}

/* PCI Express (sec 7.5.3), version 2 */
#define PCI_FABRIC_EXP_LEN	0x3c

static void pci_fabric_exp_write(struct pci_fabric_cap *cap, unsigned int off,
				 unsigned int size, u32 val)
{
	struct pci_fabric_fn *fn = cap->fn;

	/* Sec 7.5.3.4: bit 15 of Device Control, of which this is the high byte */
	if (off <= PCI_EXP_DEVCTL + 1 && off + size > PCI_EXP_DEVCTL + 1 &&
	    fn->desc.flr &&
	    (val >> 8 * (PCI_EXP_DEVCTL + 1 - off) & (PCI_EXP_DEVCTL_BCR_FLR >> 8)))
		pci_fabric_do_reset(fn, PCI_FABRIC_RESET_FLR);
	pci_fabric_slot_write(fn, off, size);
}

static void pci_fabric_exp_reset(struct pci_fabric_cap *cap,
				 enum pci_fabric_reset kind)
{
	pci_fabric_slot_reset(cap->fn);
}

static const struct pci_fabric_cap_ops pci_fabric_exp_ops = {
	.write = pci_fabric_exp_write,
	.reset = pci_fabric_exp_reset,
};

/* Not in Root Complex Integrated Endpoints and Event Collectors (sec 7.5.3). */
static bool pci_fabric_has_link(const struct pci_fabric_fn *fn)
{
	return fn->desc.pcie_type != PCI_EXP_TYPE_RC_END &&
	       fn->desc.pcie_type != PCI_EXP_TYPE_RC_EC;
}

static void pci_fabric_init_link(struct pci_fabric_fn *fn)
{
	bool down = fn->desc.pcie_type == PCI_EXP_TYPE_ROOT_PORT ||
		    fn->desc.pcie_type == PCI_EXP_TYPE_DOWNSTREAM;
	const struct pci_fabric_reg regs[] = {
		/* 16 GT/s, x4; ports that go down report when the link is up */
		{ .off = PCI_EXP_LNKCAP, .size = 4,
		  .val = 0x44 | (down ? PCI_EXP_LNKCAP_DLLLARC : 0) },
		/* Retrain Link reads as zero; FLR keeps ASPM, RCB, Common Clock */
		{ .off = PCI_EXP_LNKCTL, .size = 2, .rw = down ? 0x00d3 : 0x00cb,
		  .flr_keep = 0x004b },
		{ .off = PCI_EXP_LNKSTA, .size = 2,
		  .val = 0x44 | (down ? PCI_EXP_LNKSTA_DLLLA : 0) },
		{ .off = PCI_EXP_LNKCAP2, .size = 4, .val = 0x1e },
		{ .off = PCI_EXP_LNKCTL2, .size = 2, .val = 4, .rw = 0x000f,
		  .sticky = 0x000f },
	};

	for (int i = 0; i < ARRAY_SIZE(regs); i++)
		pci_fabric_init_reg(fn, fn->pcie, &regs[i]);
}

static void pci_fabric_add_exp(struct pci_fabric_fn *fn)
{
	const struct pci_fabric_fn_desc *desc = &fn->desc;
	const struct pci_fabric_reg regs[] = {
		{ .off = PCI_EXP_FLAGS, .size = 2, .val = 2 | desc->pcie_type << 4 },
		/* payload up to 256 bytes, Role-Based Error Reporting */
		{ .off = PCI_EXP_DEVCAP, .size = 4,
		  .val = 1 | PCI_EXP_DEVCAP_RBER |
			 (desc->flr ? PCI_EXP_DEVCAP_FLR : 0) },
		/* Relaxed Ordering, No Snoop, 512 byte reads; FLR keeps payload */
		{ .off = PCI_EXP_DEVCTL, .size = 2, .val = 0x2810, .rw = 0x78ff,
		  .flr_keep = 0x00e0 },
		{ .off = PCI_EXP_DEVSTA, .size = 2, .w1c = 0x000f },
		{ .off = PCI_EXP_DEVCAP2, .size = 4,
		  .val = (desc->ari_forwarding ? PCI_EXP_DEVCAP2_ARI : 0) |
			 desc->tph_completer << 12 },
		{ .off = PCI_EXP_DEVCTL2, .size = 2,
		  .rw = desc->ari_forwarding ? PCI_EXP_DEVCTL2_ARI : 0 },
		/* Root Control and Status; elsewhere reserved */
		{ .off = PCI_EXP_RTCTL, .size = 2,
		  .rw = desc->pcie_type == PCI_EXP_TYPE_ROOT_PORT ? 0x000f : 0 },
		{ .off = PCI_EXP_RTSTA, .size = 4,
		  .w1c = desc->pcie_type == PCI_EXP_TYPE_ROOT_PORT ?
			 PCI_EXP_RTSTA_PME : 0 },
	};

	fn->pcie = pci_fabric_add_cap(fn, &(struct pci_fabric_cap_desc){
		.id = PCI_CAP_ID_EXP, .len = PCI_FABRIC_EXP_LEN,
		.regs = regs, .nr_regs = ARRAY_SIZE(regs),
		.ops = &pci_fabric_exp_ops,
	})->pos;
	if (pci_fabric_has_link(fn))
		pci_fabric_init_link(fn);
	if (desc->slot.hotplug)
		pci_fabric_init_slot(fn->fabric->test, fn);
}

/* Device Serial Number (sec 7.9.3) */
static void pci_fabric_add_serial(struct pci_fabric_fn *fn)
{
	const struct pci_fabric_reg regs[] = {
		{ .off = 4, .size = 4, .val = lower_32_bits(fn->desc.serial) },
		{ .off = 8, .size = 4, .val = upper_32_bits(fn->desc.serial) },
	};

	pci_fabric_add_cap(fn, &(struct pci_fabric_cap_desc){
		.id = PCI_EXT_CAP_ID_DSN, .ext = true, .version = 1, .len = 12,
		.regs = regs, .nr_regs = ARRAY_SIZE(regs),
	});
}

void pci_fabric_init_caps(struct kunit *test, struct pci_fabric_fn *fn)
{
	const struct pci_fabric_fn_desc *desc = &fn->desc;

	if (desc->pm)
		pci_fabric_add_pm(fn);
	if (desc->msi.vectors)
		pci_fabric_init_msi(test, fn);
	if (!desc->conventional)
		pci_fabric_add_exp(fn);
	if (desc->msix.vectors)
		pci_fabric_init_msix(test, fn);
	if (desc->serial)
		pci_fabric_add_serial(fn);
	if (desc->ari)
		pci_fabric_init_ari(fn);
	if (desc->tph.present)
		pci_fabric_init_tph(test, fn);
	if (desc->sriov.total_vfs)
		pci_fabric_init_sriov(test, fn);
}
