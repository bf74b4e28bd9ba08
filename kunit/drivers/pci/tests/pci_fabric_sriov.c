// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: SR-IOV.
 *
 * Virtual functions are functions of the fabric as others are.  All that TotalVFs
 * counts are made with their PF; the registers of the PF decide whether they
 * answer, where, and what addresses their BARs decode.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/test.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "pci_fabric_internal.h"

/* Sec 9.2.1.1.1: 4 KiB, 8 KiB, 64 KiB, 256 KiB, 1 MiB and 4 MiB are required */
#define PCI_FABRIC_PAGE_SIZES	0x553

#define PCI_FABRIC_SRIOV_LEN	0x40

static u16 pci_fabric_sriov_get(struct pci_fabric_fn *pf, unsigned int off)
{
	return pci_fabric_cfg_get(pf, pf->sriov + off, 2);
}

static bool pci_fabric_vf_enabled(struct pci_fabric_fn *pf)
{
	return pci_fabric_sriov_get(pf, PCI_SRIOV_CTRL) & PCI_SRIOV_CTRL_VFE;
}

/* Sec 9.3.3.3.1, 9.3.3.7: it is there as long as its PF enables that many. */
static bool pci_fabric_vf_present(struct pci_fabric_fn *vf)
{
	struct pci_fabric_fn *pf = vf->pf;

	return !pf->removed && pci_fabric_vf_enabled(pf) &&
	       vf->vf_id < pci_fabric_sriov_get(pf, PCI_SRIOV_NUM_VF);
}

/* Sec 9.3.3.8, 9.3.3.9: relative to the PF's, and may be on another bus */
static int pci_fabric_vf_rid(struct pci_fabric_fn *vf)
{
	struct pci_fabric_fn *pf = vf->pf;
	int rid = pf->ops->rid(pf);

	if (rid < 0)
		return rid;
	return rid + pci_fabric_sriov_get(pf, PCI_SRIOV_VF_OFFSET) +
	       vf->vf_id * pci_fabric_sriov_get(pf, PCI_SRIOV_VF_STRIDE);
}

/* Sec 9.3.3.3.4: VF MSE stands for the Memory Space Enable of each */
static bool pci_fabric_vf_mem_enabled(struct pci_fabric_fn *vf)
{
	return pci_fabric_sriov_get(vf->pf, PCI_SRIOV_CTRL) & PCI_SRIOV_CTRL_MSE;
}

/* Sec 9.3.3.14: the BARs of all VFs follow each other */
static u64 pci_fabric_vf_bar_base(struct pci_fabric_fn *vf, unsigned int bar)
{
	unsigned int where = vf->pf->sriov + PCI_SRIOV_BAR + 4 * bar;
	u64 base = pci_fabric_cfg_get(vf->pf, where, 4) & ~0xfU;

	if (vf->bar[bar].flags & PCI_FABRIC_BAR_64)
		base |= (u64)pci_fabric_cfg_get(vf->pf, where + 4, 4) << 32;
	return base + (u64)vf->vf_id * vf->bar[bar].size;
}

static const struct pci_fabric_fn_ops pci_fabric_vf_ops = {
	.present = pci_fabric_vf_present,
	.rid = pci_fabric_vf_rid,
	.mem_enabled = pci_fabric_vf_mem_enabled,
	.bar_base = pci_fabric_vf_bar_base,
};

static void pci_fabric_reset_vfs(struct pci_fabric_fn *pf)
{
	struct pci_fabric_fn *vf;

	list_for_each_entry(vf, &pf->fabric->fns, list)
		if (vf->pf == pf)
			pci_fabric_do_reset(vf, PCI_FABRIC_RESET_COLD);
}

/* Sec 9.3.3.7: NumVFs may not be written while VF Enable is set. */
static void pci_fabric_sriov_write(struct pci_fabric_cap *cap, unsigned int off,
				   unsigned int size, u32 val)
{
	struct pci_fabric_fn *pf = cap->fn;
	bool enabled = pci_fabric_vf_enabled(pf);
	unsigned int where = cap->pos + PCI_SRIOV_NUM_VF;

	if (pf->vf_enabled) {
		pf->val[where] = pf->num_vfs;
		pf->val[where + 1] = pf->num_vfs >> 8;
	}
	pf->num_vfs = pci_fabric_sriov_get(pf, PCI_SRIOV_NUM_VF);

	/* They come as after power on, and take what they had with them. */
	if (enabled != pf->vf_enabled)
		pci_fabric_reset_vfs(pf);
	pf->vf_enabled = enabled;
	pci_fabric_kick(pf->fabric);
}

/* Sec 9.2.2.3: the reset of a PF, of any kind, takes VF Enable with it. */
static void pci_fabric_sriov_reset(struct pci_fabric_cap *cap,
				   enum pci_fabric_reset kind)
{
	struct pci_fabric_fn *pf = cap->fn;

	pf->num_vfs = 0;
	pf->vf_enabled = false;
	pci_fabric_reset_vfs(pf);
}

static const struct pci_fabric_cap_ops pci_fabric_sriov_ops = {
	.write = pci_fabric_sriov_write,
	.reset = pci_fabric_sriov_reset,
};

/*
 * Sec 9.3.4: IDs read as all-ones, the header has no BARs, no interrupt pin and
 * no enables but that for bus mastering.
 */
static void pci_fabric_init_vf_header(struct pci_fabric_fn *vf)
{
	const struct pci_fabric_reg regs[] = {
		{ .off = PCI_COMMAND, .size = 2, .rw = PCI_COMMAND_MASTER },
		{ .off = PCI_CACHE_LINE_SIZE, .size = 1 },
		{ .off = PCI_INTERRUPT_LINE, .size = 1 },
	};

	pci_fabric_init_header(vf);
	for (int i = 0; i < ARRAY_SIZE(regs); i++)
		pci_fabric_init_reg(vf, 0, &regs[i]);
	pci_fabric_cfg_set(vf, PCI_VENDOR_ID, 4, 0xffffffff);
}

static void pci_fabric_init_vf_bars(struct kunit *test, struct pci_fabric_fn *vf)
{
	const struct pci_fabric_bar_desc *bars = vf->pf->desc.sriov.bars;

	for (int i = 0; i < PCI_SRIOV_NUM_BARS; i++) {
		if (!bars[i].size)
			continue;
		vf->bar[i].flags = bars[i].flags;
		vf->bar[i].mem = kvzalloc(bars[i].size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, vf->bar[i].mem);
		vf->bar[i].size = bars[i].size;
	}
}

static void pci_fabric_add_vf(struct kunit *test, struct pci_fabric_fn *pf,
			      unsigned int id)
{
	struct pci_fabric_fn_desc desc = {};
	struct pci_fabric_fn *vf;

	if (pf->desc.sriov.vf)
		desc = *pf->desc.sriov.vf;
	KUNIT_ASSERT_EQ_MSG(test, desc.sriov.total_vfs, 0, "VFs of a VF");
	desc.hdr_type = PCI_HEADER_TYPE_NORMAL;
	desc.conventional = false;
	desc.class = pf->desc.class;
	desc.revision = pf->desc.revision;
	desc.subvendor = pf->desc.subvendor;
	desc.intx_pin = 0;

	vf = pci_fabric_new_fn(pf->fabric, pf->parent, &desc);
	vf->pf = pf;
	vf->vf_id = id;
	vf->ops = &pci_fabric_vf_ops;
	pci_fabric_init_vf_header(vf);
	pci_fabric_init_vf_bars(test, vf);
	pci_fabric_init_caps(test, vf);
	vf->removed = false;
}

/* Sec 9.3.3.14: as other BARs, but memory only and at least a system page */
static void pci_fabric_init_vf_bar_regs(struct kunit *test,
					struct pci_fabric_fn *pf)
{
	for (int i = 0; i < PCI_SRIOV_NUM_BARS; i++) {
		const struct pci_fabric_bar_desc *desc = &pf->desc.sriov.bars[i];
		struct pci_fabric_reg reg = {
			.off = PCI_SRIOV_BAR + 4 * i, .size = 4,
			.rw = ~(desc->size - 1) & ~0xfU,
		};

		if (!desc->size)
			continue;
		KUNIT_ASSERT_TRUE_MSG(test,
				      is_power_of_2(desc->size) &&
				      desc->size >= SZ_4K &&
				      desc->size <= PCI_FABRIC_BAR_MAX &&
				      !(desc->flags & PCI_FABRIC_BAR_IO),
				      "VF BAR %d: size %#x", i, desc->size);
		if (desc->flags & PCI_FABRIC_BAR_PREF)
			reg.val |= 1 << 3;
		if (desc->flags & PCI_FABRIC_BAR_64)
			reg.val |= 2 << 1;
		pci_fabric_init_reg(pf, pf->sriov, &reg);
		if (!(desc->flags & PCI_FABRIC_BAR_64))
			continue;

		i++;
		KUNIT_ASSERT_LT(test, i, PCI_SRIOV_NUM_BARS);
		KUNIT_ASSERT_EQ(test, pf->desc.sriov.bars[i].size, 0);
		reg = (struct pci_fabric_reg){
			.off = PCI_SRIOV_BAR + 4 * i, .size = 4, .rw = ~0U,
		};
		pci_fabric_init_reg(pf, pf->sriov, &reg);
	}
}

void pci_fabric_init_sriov(struct kunit *test, struct pci_fabric_fn *pf)
{
	const struct pci_fabric_fn_desc *desc = &pf->desc;
	u16 total = desc->sriov.total_vfs;
	const struct pci_fabric_reg regs[] = {
		/* VF Enable, VF MSE, ARI Capable Hierarchy */
		{ .off = PCI_SRIOV_CTRL, .size = 2, .rw = 0x0019 },
		{ .off = PCI_SRIOV_INITIAL_VF, .size = 2,
		  .val = desc->sriov.initial_vfs ?: total },
		{ .off = PCI_SRIOV_TOTAL_VF, .size = 2, .val = total },
		{ .off = PCI_SRIOV_NUM_VF, .size = 2, .rw = 0xffff },
		{ .off = PCI_SRIOV_FUNC_LINK, .size = 1,
		  .val = desc->sriov.link_other ? desc->sriov.link : desc->devfn },
		{ .off = PCI_SRIOV_VF_OFFSET, .size = 2,
		  .val = desc->sriov.offset ?: 1 },
		{ .off = PCI_SRIOV_VF_STRIDE, .size = 2,
		  .val = desc->sriov.stride ?: 1 },
		{ .off = PCI_SRIOV_VF_DID, .size = 2,
		  .val = desc->sriov.vf_device ?: desc->device + 1 },
		{ .off = PCI_SRIOV_SUP_PGSIZE, .size = 4,
		  .val = PCI_FABRIC_PAGE_SIZES },
		{ .off = PCI_SRIOV_SYS_PGSIZE, .size = 4, .val = 1,
		  .rw = PCI_FABRIC_PAGE_SIZES },
	};

	pf->sriov = pci_fabric_add_cap(pf, &(struct pci_fabric_cap_desc){
		.id = PCI_EXT_CAP_ID_SRIOV, .ext = true, .version = 1,
		.len = PCI_FABRIC_SRIOV_LEN, .regs = regs,
		.nr_regs = ARRAY_SIZE(regs), .ops = &pci_fabric_sriov_ops,
	})->pos;
	pci_fabric_init_vf_bar_regs(test, pf);

	for (unsigned int id = 0; id < total; id++)
		pci_fabric_add_vf(test, pf, id);
}

struct pci_fabric_fn *pci_fabric_vf(struct pci_fabric_fn *pf, unsigned int id)
{
	struct pci_fabric_fn *vf;

	list_for_each_entry(vf, &pf->fabric->fns, list)
		if (vf->pf == pf && vf->vf_id == id)
			return vf;
	KUNIT_FAIL_AND_ABORT(pf->fabric->test, "no VF %u", id);
	return NULL;
}
