// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: TLP Processing Hints.
 *
 * What can be written follows from what the function supports.  Fields keep their
 * value when a reserved one is written: what hardware does then is undefined.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/test.h>
#include <linux/export.h>
#include <linux/pci.h>

#include "pci_fabric_internal.h"

/* Sec 7.9.13.2: ST Table Location */
#define PCI_FABRIC_TPH_LOC_NONE		0
#define PCI_FABRIC_TPH_LOC_CAP		1
#define PCI_FABRIC_TPH_LOC_MSIX		2

/* Sec 7.9.13.2: upper limit of a table in the capability */
#define PCI_FABRIC_TPH_ST_MAX		64

/* Sec 7.9.13.3: no other value of ST Mode Select has a meaning. */
#define PCI_FABRIC_TPH_MODE_MAX		2

/* Sec 7.9.13.3: TPH Requester Enable */
#define PCI_FABRIC_TPH_EN_RESERVED	(2 << 8)

static unsigned int pci_fabric_tph_entries(const struct pci_fabric_fn *fn)
{
	const struct pci_fabric_fn_desc *desc = &fn->desc;

	if (!desc->tph.present || desc->tph.st_loc == PCI_FABRIC_TPH_LOC_NONE)
		return 0;
	return desc->tph.st_size ?: desc->msix.vectors;
}

/* Sec 7.9.13.4: without Extended TPH Requester, the upper bits are reserved. */
static u16 pci_fabric_tph_tag_mask(const struct pci_fabric_fn *fn)
{
	return fn->desc.tph.extended ? 0xffff : 0x00ff;
}

static u32 pci_fabric_tph_get_ctrl(const struct pci_fabric_fn *fn)
{
	return pci_fabric_cfg_get(fn, fn->tph + PCI_TPH_CTRL, 4);
}

/* Tags are written, wherever they are. */
void pci_fabric_tph_written(struct pci_fabric_fn *fn)
{
	lockdep_assert_held(&fn->fabric->lock);

	fn->tph_stats.st_writes++;
	if (pci_fabric_tph_get_ctrl(fn) & PCI_TPH_CTRL_REQ_EN_MASK)
		fn->tph_stats.st_live++;
}

/* Sec 7.9.13.3 */
static void pci_fabric_tph_ctrl_written(struct pci_fabric_fn *fn)
{
	u32 val = pci_fabric_tph_get_ctrl(fn), keep = 0;

	fn->tph_stats.ctrl_writes++;
	if ((val & PCI_TPH_CTRL_MODE_SEL_MASK) > PCI_FABRIC_TPH_MODE_MAX)
		keep |= PCI_TPH_CTRL_MODE_SEL_MASK;
	if ((val & PCI_TPH_CTRL_REQ_EN_MASK) == PCI_FABRIC_TPH_EN_RESERVED)
		keep |= PCI_TPH_CTRL_REQ_EN_MASK;

	if (keep)
		fn->tph_stats.reserved++;
	val = (val & ~keep) | (fn->tph_ctrl & keep);
	fn->val[fn->tph + PCI_TPH_CTRL] = val;
	fn->val[fn->tph + PCI_TPH_CTRL + 1] = val >> 8;
	fn->tph_ctrl = val;
}

static void pci_fabric_tph_write(struct pci_fabric_cap *cap, unsigned int off,
				 unsigned int size, u32 val)
{
	struct pci_fabric_fn *fn = cap->fn;

	fn->tph_stats.cap_writes++;
	if (off >= PCI_TPH_BASE_SIZEOF)
		pci_fabric_tph_written(fn);
	else if (off >= PCI_TPH_CTRL)
		pci_fabric_tph_ctrl_written(fn);
}

/* The table in BAR memory, if it is there, is zero by now. */
static void pci_fabric_tph_reset(struct pci_fabric_cap *cap,
				 enum pci_fabric_reset kind)
{
	cap->fn->tph_ctrl = 0;
}

static const struct pci_fabric_cap_ops pci_fabric_tph_ops = {
	.write = pci_fabric_tph_write,
	.reset = pci_fabric_tph_reset,
};

/* Sec 7.9.13.2, but that No ST Mode has a table is for the test to decide. */
static void pci_fabric_tph_check(struct kunit *test, struct pci_fabric_fn *fn)
{
	const struct pci_fabric_fn_desc *desc = &fn->desc;

	KUNIT_ASSERT_FALSE(test, desc->conventional);
	switch (desc->tph.st_loc) {
	case PCI_FABRIC_TPH_LOC_NONE:
		KUNIT_ASSERT_EQ(test, desc->tph.st_size, 0);
		break;
	case PCI_FABRIC_TPH_LOC_CAP:
		KUNIT_ASSERT_GE(test, desc->tph.st_size, 1);
		KUNIT_ASSERT_LE(test, desc->tph.st_size, PCI_FABRIC_TPH_ST_MAX);
		break;
	case PCI_FABRIC_TPH_LOC_MSIX:
		KUNIT_ASSERT_GE(test, desc->msix.vectors, 1);
		KUNIT_ASSERT_LE(test, desc->tph.st_size, desc->msix.vectors);
		break;
	default:
		KUNIT_FAIL_AND_ABORT(test, "ST Table Location %u is reserved",
				     desc->tph.st_loc);
	}
}

void pci_fabric_init_tph(struct kunit *test, struct pci_fabric_fn *fn)
{
	const struct pci_fabric_fn_desc *desc = &fn->desc;
	u16 nr = pci_fabric_tph_entries(fn), len = PCI_TPH_BASE_SIZEOF;
	const struct pci_fabric_reg regs[] = {
		/* No ST Mode is in every function that has the capability. */
		{ .off = PCI_TPH_CAP, .size = 4,
		  .val = PCI_TPH_CAP_ST_NS |
			 (desc->tph.iv ? PCI_TPH_CAP_ST_IV : 0) |
			 (desc->tph.ds ? PCI_TPH_CAP_ST_DS : 0) |
			 (desc->tph.extended ? PCI_TPH_CAP_EXT_TPH : 0) |
			 desc->tph.st_loc << 9 |
			 (nr ? nr - 1 : 0) << PCI_TPH_CAP_ST_SHIFT },
		/* ST Mode Select is hardwired where only No ST Mode is. */
		{ .off = PCI_TPH_CTRL, .size = 4,
		  .rw = (desc->tph.iv ? 0x001 : 0) | (desc->tph.ds ? 0x002 : 0) |
			(desc->tph.extended ? 0x300 : 0x100) },
	};

	pci_fabric_tph_check(test, fn);
	if (desc->tph.st_loc == PCI_FABRIC_TPH_LOC_CAP)
		len += 2 * nr;
	fn->tph = pci_fabric_add_cap(fn, &(struct pci_fabric_cap_desc){
		.id = PCI_EXT_CAP_ID_TPH, .ext = true, .version = 1, .len = len,
		.regs = regs, .nr_regs = ARRAY_SIZE(regs),
		.ops = &pci_fabric_tph_ops,
	})->pos;

	/* Sec 7.9.13.4 */
	for (unsigned int off = PCI_TPH_BASE_SIZEOF; off < len; off += 2)
		pci_fabric_init_reg(fn, fn->tph, &(struct pci_fabric_reg){
			.off = off, .size = 2, .rw = pci_fabric_tph_tag_mask(fn),
		});

	/* Sec 7.7.2.8: ST Lower and ST Upper of Vector Control */
	if (desc->tph.st_loc == PCI_FABRIC_TPH_LOC_MSIX)
		fn->msix_ctrl_rw |= pci_fabric_tph_tag_mask(fn) << 16;
}

u16 pci_fabric_tph_st(struct pci_fabric_fn *fn, unsigned int index)
{
	const struct pci_fabric_fn_desc *desc = &fn->desc;
	unsigned int ctrl = desc->msix.table_off + 16 * index + 12;

	KUNIT_ASSERT_LT(fn->fabric->test, index, pci_fabric_tph_entries(fn));
	if (desc->tph.st_loc == PCI_FABRIC_TPH_LOC_MSIX)
		return pci_fabric_bar_peek(fn, desc->msix.table_bar, ctrl + 2, 2);
	return pci_fabric_peek(fn, fn->tph + PCI_TPH_BASE_SIZEOF + 2 * index, 2);
}

u32 pci_fabric_tph_ctrl(struct pci_fabric_fn *fn)
{
	KUNIT_ASSERT_NE(fn->fabric->test, fn->tph, 0);
	return pci_fabric_peek(fn, fn->tph + PCI_TPH_CTRL, 4);
}

struct pci_fabric_tph_stats pci_fabric_tph_stats(struct pci_fabric_fn *fn)
{
	guard(raw_spinlock_irqsave)(&fn->fabric->lock);
	return fn->tph_stats;
}
