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
#include <linux/minmax.h>
#include <linux/pci.h>
#include <linux/unaligned.h>

#include "pci_fabric_internal.h"

/* Sec 9.3.3.12: 4 KiB, 8 KiB, 64 KiB, 256 KiB, 1 MiB and 4 MiB are required. */
#define PCI_FABRIC_PAGE_SIZES	0x553

#define PCI_FABRIC_SRIOV_LEN	0x40
#define PCI_FABRIC_ARI_LEN	0x08

/* ARI Capable Hierarchy Preserved (sec 9.3.3.2.2) */
#define PCI_FABRIC_SRIOV_CAP_ARI_PRES	BIT(1)

static u16 pci_fabric_sriov_get(const struct pci_fabric_fn *pf, unsigned int off)
{
	return pci_fabric_cfg_get(pf, pf->sriov + off, 2);
}

static bool pci_fabric_vf_enable(const struct pci_fabric_fn *pf)
{
	return pci_fabric_sriov_get(pf, PCI_SRIOV_CTRL) & PCI_SRIOV_CTRL_VFE;
}

/* Sec 9.3.3.3.1, 9.3.3.7: it is there as long as its PF enables that many. */
static bool pci_fabric_vf_present(struct pci_fabric_fn *vf)
{
	struct pci_fabric_fn *pf = vf->pf;

	return !vf->removed && !pf->removed && pci_fabric_vf_enable(pf) &&
	       vf->vf_id < pci_fabric_sriov_get(pf, PCI_SRIOV_NUM_VF) &&
	       vf->vf_id < pci_fabric_sriov_get(pf, PCI_SRIOV_INITIAL_VF);
}

/* Sec 9.6.2: a VF has no more power than its PF. */
static bool pci_fabric_vf_powered(struct pci_fabric_fn *vf)
{
	return !vf->pm_state && !vf->pf->pm_state;
}

static unsigned int pci_fabric_vf_distance(const struct pci_fabric_fn *vf)
{
	return pci_fabric_sriov_get(vf->pf, PCI_SRIOV_VF_OFFSET) +
	       vf->vf_id * pci_fabric_sriov_get(vf->pf, PCI_SRIOV_VF_STRIDE);
}

/* Sec 9.3.3.9, 9.3.3.10: relative to the PF's, and may be on another bus */
static int pci_fabric_vf_rid(struct pci_fabric_fn *vf)
{
	int rid = vf->pf->ops->rid(vf->pf);

	if (rid < 0 || rid + pci_fabric_vf_distance(vf) > U16_MAX)
		return -1;
	return rid + pci_fabric_vf_distance(vf);
}

/* Sec 9.3.3.3.4: VF MSE stands for the Memory Space Enable of each. */
static bool pci_fabric_vf_mem_enabled(struct pci_fabric_fn *vf)
{
	return pci_fabric_sriov_get(vf->pf, PCI_SRIOV_CTRL) & PCI_SRIOV_CTRL_MSE;
}

/* Sec 9.3.3.13: no VF BAR covers less than a System Page. */
static u32 pci_fabric_vf_bar_span(const struct pci_fabric_fn *pf,
				  unsigned int bar)
{
	u32 pages = pci_fabric_cfg_get(pf, pf->sriov + PCI_SRIOV_SYS_PGSIZE, 4);

	/* more than one bit is undefined */
	return max(pf->desc.sriov.bars[bar].size, (pages & -pages) * SZ_4K);
}

/* Sec 9.3.3.14: what the BARs of the VFs decode follows on each other. */
static u64 pci_fabric_vf_bar_base(struct pci_fabric_fn *vf, unsigned int bar)
{
	struct pci_fabric_fn *pf = vf->pf;

	return pci_fabric_bar_get(pf, pf->sriov + PCI_SRIOV_BAR + 4 * bar,
				  vf->bar[bar].flags) +
	       (u64)vf->vf_id * pci_fabric_vf_bar_span(pf, bar);
}

static const struct pci_fabric_fn_ops pci_fabric_vf_ops = {
	.present = pci_fabric_vf_present,
	.powered = pci_fabric_vf_powered,
	.rid = pci_fabric_vf_rid,
	.mem_enabled = pci_fabric_vf_mem_enabled,
	.bar_base = pci_fabric_vf_bar_base,
};

static void pci_fabric_reset_vfs(struct pci_fabric_fn *pf,
				 enum pci_fabric_reset kind)
{
	struct pci_fabric_fn *vf;

	list_for_each_entry(vf, &pf->fabric->fns, list)
		if (vf->pf == pf)
			pci_fabric_do_reset(vf, kind);
}

/*
 * Which bits of the capability can be written depends on others: NumVFs and System
 * Page Size are locked by VF Enable (sec 9.3.3.7, 9.3.3.13), and System Page Size
 * is the least size of a VF BAR.
 */
static void pci_fabric_sriov_update(struct pci_fabric_fn *pf)
{
	bool locked = pci_fabric_vf_enable(pf);

	put_unaligned_le16(locked ? 0 : 0xffff,
			   pf->rw + pf->sriov + PCI_SRIOV_NUM_VF);
	put_unaligned_le32(locked ? 0 : PCI_FABRIC_PAGE_SIZES,
			   pf->rw + pf->sriov + PCI_SRIOV_SYS_PGSIZE);

	for (int bar = 0; bar < PCI_SRIOV_NUM_BARS; bar++) {
		unsigned int where = pf->sriov + PCI_SRIOV_BAR + 4 * bar;
		u32 mask = ~(pci_fabric_vf_bar_span(pf, bar) - 1);

		if (!pf->desc.sriov.bars[bar].size)
			continue;
		put_unaligned_le32(mask, pf->rw + where);
		put_unaligned_le32(pci_fabric_cfg_get(pf, where, 4) & (mask | 0xf),
				   pf->val + where);
	}
	pf->vf_enabled = locked;
}

static void pci_fabric_sriov_write(struct pci_fabric_cap *cap, unsigned int off,
				   unsigned int size, u32 val)
{
	struct pci_fabric_fn *pf = cap->fn;

	/* Sec 9.3.3.3.1: they come into being, with nothing left of former ones. */
	if (pci_fabric_vf_enable(pf) && !pf->vf_enabled)
		pci_fabric_reset_vfs(pf, PCI_FABRIC_RESET_COLD);
	pci_fabric_sriov_update(pf);
	pci_fabric_kick(pf->fabric);
}

/* Sec 9.2.2.2, 9.2.2.3: a reset of the PF is one of its VFs, and ends them. */
static void pci_fabric_sriov_reset(struct pci_fabric_cap *cap,
				   enum pci_fabric_reset kind)
{
	pci_fabric_reset_vfs(cap->fn, kind);
	pci_fabric_sriov_update(cap->fn);
}

static const struct pci_fabric_cap_ops pci_fabric_sriov_ops = {
	.write = pci_fabric_sriov_write,
	.reset = pci_fabric_sriov_reset,
};

/* Sec 7.8.8; pci_fabric_link_device() fills in Next Function Number. */
void pci_fabric_init_ari(struct pci_fabric_fn *fn)
{
	fn->ari = pci_fabric_add_cap(fn, &(struct pci_fabric_cap_desc){
		.id = PCI_EXT_CAP_ID_ARI, .ext = true, .version = 1,
		.len = PCI_FABRIC_ARI_LEN,
	})->pos;
}

/*
 * Sec 9.3.4: IDs read as all-ones, the header has no BARs, no interrupt pin and
 * no enables but that for bus mastering.
 */
static void pci_fabric_init_vf_header(struct pci_fabric_fn *vf)
{
	const struct pci_fabric_reg regs[] = {
		{ .off = PCI_VENDOR_ID, .size = 4, .val = ~0U },
		{ .off = PCI_COMMAND, .size = 2, .rw = PCI_COMMAND_MASTER },
		{ .off = PCI_CACHE_LINE_SIZE, .size = 1 },
		{ .off = PCI_INTERRUPT_LINE, .size = 1 },
	};

	pci_fabric_init_header(vf);
	for (int i = 0; i < ARRAY_SIZE(regs); i++)
		pci_fabric_init_reg(vf, 0, &regs[i]);
}

/* Sec 9.3.5: how the device and its link are set up is for the PF to say. */
static void pci_fabric_init_vf_exp(struct pci_fabric_fn *vf)
{
	static const struct pci_fabric_reg regs[] = {
		{ .off = PCI_EXP_DEVCTL, .size = 2 },
		{ .off = PCI_EXP_LNKCTL, .size = 2 },
		{ .off = PCI_EXP_LNKSTA, .size = 2 },
		{ .off = PCI_EXP_LNKCTL2, .size = 2 },
	};

	for (int i = 0; i < ARRAY_SIZE(regs); i++)
		pci_fabric_init_reg(vf, vf->pcie, &regs[i]);
}

static void pci_fabric_add_vf(struct kunit *test, struct pci_fabric_fn *pf,
			      unsigned int id)
{
	const struct pci_fabric_fn_desc none = {};
	const struct pci_fabric_fn_desc *own = pf->desc.sriov.vf ?: &none;
	struct pci_fabric_fn_desc desc = {
		.class = pf->desc.class,
		.revision = pf->desc.revision,
		.subvendor = pf->desc.subvendor,
		.subdevice = pf->desc.subdevice,
		.hdr_type = PCI_HEADER_TYPE_NORMAL,
		.pcie_type = pf->desc.pcie_type,
		.ari = pf->ari,
		.flr = own->flr,
		.msi = own->msi,
		.msix = own->msix,
		.pm = own->pm,
		.no_soft_reset = own->no_soft_reset,
		.serial = own->serial,
		.tph = own->tph,
	};
	struct pci_fabric_fn *vf;

	memcpy(desc.bars, pf->desc.sriov.bars, sizeof(desc.bars));
	vf = pci_fabric_new_fn(pf->fabric, pf->parent, &desc);
	vf->pf = pf;
	vf->vf_id = id;
	vf->ops = &pci_fabric_vf_ops;
	pci_fabric_init_vf_header(vf);
	pci_fabric_init_bar_mem(test, vf);
	pci_fabric_init_caps(test, vf);
	pci_fabric_init_vf_exp(vf);
	vf->removed = false;
}

/* Sec 9.3.3.8; sec 7.5.3 numbers what is integrated by device and function. */
static u8 pci_fabric_func_link(const struct pci_fabric_fn_desc *desc)
{
	u8 devfn = desc->sriov.link_other ? desc->sriov.link : desc->devfn;

	return desc->pcie_type == PCI_EXP_TYPE_RC_END ? PCI_FUNC(devfn) : devfn;
}

void pci_fabric_init_sriov(struct kunit *test, struct pci_fabric_fn *pf)
{
	const struct pci_fabric_fn_desc *desc = &pf->desc;
	u16 total = desc->sriov.total_vfs;
	const struct pci_fabric_reg regs[] = {
		/* VF Enable, VF MSE */
		{ .off = PCI_SRIOV_CTRL, .size = 2, .rw = 0x0009 },
		{ .off = PCI_SRIOV_INITIAL_VF, .size = 2,
		  .val = desc->sriov.initial_vfs ?: total },
		{ .off = PCI_SRIOV_TOTAL_VF, .size = 2, .val = total },
		{ .off = PCI_SRIOV_FUNC_LINK, .size = 1,
		  .val = pci_fabric_func_link(desc) },
		{ .off = PCI_SRIOV_VF_OFFSET, .size = 2,
		  .val = desc->sriov.offset ?: 1 },
		{ .off = PCI_SRIOV_VF_STRIDE, .size = 2,
		  .val = desc->sriov.stride ?: 1 },
		{ .off = PCI_SRIOV_VF_DID, .size = 2,
		  .val = desc->sriov.vf_device ?: desc->device + 1 },
		{ .off = PCI_SRIOV_SUP_PGSIZE, .size = 4,
		  .val = PCI_FABRIC_PAGE_SIZES },
		{ .off = PCI_SRIOV_SYS_PGSIZE, .size = 4, .val = 1 },
	};

	KUNIT_ASSERT_FALSE(test, desc->conventional || pci_fabric_is_bridge(pf));
	for (int i = 0; i < PCI_SRIOV_NUM_BARS; i++)
		KUNIT_ASSERT_TRUE_MSG(test, !desc->sriov.bars[i].size ||
				      (desc->sriov.bars[i].size >= SZ_4K &&
				       !(desc->sriov.bars[i].flags &
					 PCI_FABRIC_BAR_IO)),
				      "VF BAR %d", i);

	if (!pf->ari && desc->pcie_type != PCI_EXP_TYPE_RC_END)
		pci_fabric_init_ari(pf);
	pf->sriov = pci_fabric_add_cap(pf, &(struct pci_fabric_cap_desc){
		.id = PCI_EXT_CAP_ID_SRIOV, .ext = true, .version = 1,
		.len = PCI_FABRIC_SRIOV_LEN, .regs = regs,
		.nr_regs = ARRAY_SIZE(regs), .ops = &pci_fabric_sriov_ops,
	})->pos;
	pci_fabric_init_bar_regs(test, pf, pf->sriov + PCI_SRIOV_BAR,
				 desc->sriov.bars, PCI_SRIOV_NUM_BARS);
	pci_fabric_sriov_update(pf);

	for (unsigned int id = 0; id < total; id++)
		pci_fabric_add_vf(test, pf, id);
	pf->desc.sriov.vf = NULL;	/* need not outlive this call */
}

/* Routing ID, counted from the first function of the bus */
static unsigned int pci_fabric_number(const struct pci_fabric_fn *fn)
{
	return fn->pf ? fn->pf->desc.devfn + pci_fabric_vf_distance(fn) :
			fn->desc.devfn;
}

/* No two functions, virtual ones included, are at the same place. */
void pci_fabric_check_rids(struct kunit *test, struct pci_fabric_fn *fn)
{
	struct pci_fabric_fn *a, *b;

	list_for_each_entry(a, &fn->fabric->fns, list) {
		if (a != fn && a->pf != fn)
			continue;
		list_for_each_entry(b, &fn->fabric->fns, list)
			KUNIT_ASSERT_FALSE_MSG(test,
					       a != b && a->parent == b->parent &&
					       pci_fabric_number(a) ==
					       pci_fabric_number(b),
					       "two functions at %#x on a bus",
					       pci_fabric_number(a));
	}
}

/* Sec 7.8.8.2: with ARI, all on the bus are functions of one device. */
static void pci_fabric_link_ari(struct pci_fabric_fn *fn)
{
	struct pci_fabric_fn *other;
	unsigned int next = 0;

	list_for_each_entry(other, &fn->fabric->fns, list)
		if (!other->pf && other->parent == fn->parent &&
		    other->desc.devfn > fn->desc.devfn &&
		    (!next || other->desc.devfn < next))
			next = other->desc.devfn;
	pci_fabric_cfg_set(fn, fn->ari + PCI_ARI_CAP, 2, next << 8);
}

/* Sec 9.3.3.3.5: the first PF has ARI Capable Hierarchy, which FLR does not clear. */
static void pci_fabric_link_sriov(struct pci_fabric_fn *fn)
{
	unsigned int ctrl = fn->sriov + PCI_SRIOV_CTRL;
	struct pci_fabric_fn *other;
	bool first = fn->ari;

	list_for_each_entry(other, &fn->fabric->fns, list)
		if (other->sriov && other->parent == fn->parent &&
		    other->desc.devfn < fn->desc.devfn)
			first = false;

	pci_fabric_cfg_set(fn, fn->sriov + PCI_SRIOV_CAP, 4,
			   first ? PCI_FABRIC_SRIOV_CAP_ARI_PRES : 0);
	fn->rw[ctrl] &= ~PCI_SRIOV_CTRL_ARI;
	if (first)
		fn->rw[ctrl] |= PCI_SRIOV_CTRL_ARI;
	else
		fn->val[ctrl] &= ~PCI_SRIOV_CTRL_ARI;
	fn->flr_keep[ctrl] = fn->rw[ctrl] & PCI_SRIOV_CTRL_ARI;
}

/* To be called when @fn has come: what the functions of its device say of others */
void pci_fabric_link_device(struct pci_fabric_fn *fn)
{
	struct pci_fabric_fn *other;

	lockdep_assert_held(&fn->fabric->lock);

	list_for_each_entry(other, &fn->fabric->fns, list) {
		if (other->pf || other->parent != fn->parent)
			continue;
		if (other->ari)
			pci_fabric_link_ari(other);
		if (other->sriov && (other == fn || fn->sriov))
			pci_fabric_link_sriov(other);
	}
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
