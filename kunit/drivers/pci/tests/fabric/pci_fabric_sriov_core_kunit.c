// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the emulated PCI fabric: SR-IOV as the PCI core uses it.  See
 * pci_fabric_kunit.h for where the expected values come from.
 *
 * The suite pci_fabric_sriov looks at registers; here drivers bind to PF and VFs,
 * and the PCI core enumerates, resets, removes and finds again.
 */
#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_kunit.h"

#define PF_DEVICE	0x03a0
#define VF_DEVICE	0x03a8

/* SR-IOV extended capability (sec 9.3.3) */
#define CTRL		0x08
#define NUM_VFS		0x10

#define VFE		BIT(0)	/* Control */
#define ARI		BIT(4)

/* MSI-X and memory of a VF are in the same BAR */
static const struct pci_fabric_fn_desc vf_desc = {
	.flr = true,
	.msix = { .vectors = 1, .table_off = 0x800, .pba_off = 0xc00 },
};

static const struct pci_fabric_fn_desc pf_desc = {
	.device = PF_DEVICE,
	.flr = true,
	.bars[0] = { .size = SZ_4K },
	.sriov = {
		.total_vfs = 4,
		.vf_device = VF_DEVICE,
		.bars[0] = { .size = SZ_4K },
		.bars[4] = {
			.size = SZ_8K,
			.flags = PCI_FABRIC_BAR_64 | PCI_FABRIC_BAR_PREF,
		},
		.vf = &vf_desc,
	},
};

/* What the VF driver has of each VF that it is bound to */
struct vf_state {
	void __iomem *bar0, *bar4;
	atomic_t hits;
};

static atomic_t vfs_bound, pfs_bound;

static irqreturn_t vf_handler(int irq, void *data)
{
	struct vf_state *vf = data;

	atomic_inc(&vf->hits);
	return IRQ_HANDLED;
}

static int vf_probe(struct pci_dev *dev, const struct pci_device_id *id)
{
	struct vf_state *vf = devm_kzalloc(&dev->dev, sizeof(*vf), GFP_KERNEL);
	int ret;

	if (!vf)
		return -ENOMEM;
	ret = pcim_enable_device(dev);
	if (ret)
		return ret;
	vf->bar0 = pcim_iomap(dev, 0, 0);
	vf->bar4 = pcim_iomap(dev, 4, 0);
	if (!vf->bar0 || !vf->bar4)
		return -ENOMEM;
	pci_set_master(dev);
	ret = pci_alloc_irq_vectors(dev, 1, 1, PCI_IRQ_MSIX);
	if (ret < 0)
		return ret;
	ret = request_irq(pci_irq_vector(dev, 0), vf_handler, 0, "vf", vf);
	if (ret) {
		pci_free_irq_vectors(dev);
		return ret;
	}
	pci_set_drvdata(dev, vf);
	atomic_inc(&vfs_bound);
	return 0;
}

static void vf_remove(struct pci_dev *dev)
{
	free_irq(pci_irq_vector(dev, 0), pci_get_drvdata(dev));
	pci_free_irq_vectors(dev);
	atomic_dec(&vfs_bound);
}

static const struct pci_device_id vf_ids[] = {
	{ PCI_DEVICE(PCI_FABRIC_VENDOR, VF_DEVICE) },
	{}
};

static struct pci_driver vf_driver = {
	.name = "pci_fabric_sriov_core_vf",
	.id_table = vf_ids,
	.probe = vf_probe,
	.remove = vf_remove,
};

static int pf_probe(struct pci_dev *dev, const struct pci_device_id *id)
{
	atomic_inc(&pfs_bound);
	return pcim_enable_device(dev);
}

/* To be called, as everywhere here, with the rescan lock held */
static void pf_remove(struct pci_dev *dev)
{
	pci_disable_sriov(dev);
	atomic_dec(&pfs_bound);
}

static const struct pci_device_id pf_ids[] = {
	{ PCI_DEVICE(PCI_FABRIC_VENDOR, PF_DEVICE) },
	{}
};

static struct pci_driver pf_driver = {
	.name = "pci_fabric_sriov_core_pf",
	.id_table = pf_ids,
	.probe = pf_probe,
	.remove = pf_remove,
};

static void unregister(void *driver)
{
	pci_lock_rescan_remove();
	pci_unregister_driver(driver);
	pci_unlock_rescan_remove();
}

/* Unregistered before the fabric goes, so that no VF is left when it does */
static void use_drivers(struct kunit *test)
{
	atomic_set(&vfs_bound, 0);
	atomic_set(&pfs_bound, 0);
	KUNIT_ASSERT_EQ(test, pci_register_driver(&vf_driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unregister,
							&vf_driver), 0);
	KUNIT_ASSERT_EQ(test, pci_register_driver(&pf_driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unregister,
							&pf_driver), 0);
}

static int enable(struct pci_dev *dev, int nr)
{
	int ret;

	pci_lock_rescan_remove();
	ret = pci_enable_sriov(dev, nr);
	pci_unlock_rescan_remove();
	return ret;
}

static void disable(struct pci_dev *dev)
{
	pci_lock_rescan_remove();
	pci_disable_sriov(dev);
	pci_unlock_rescan_remove();
}

static struct pci_dev *pf_dev(struct kunit *test, struct pci_fabric_fn *pf)
{
	struct pci_dev *dev = pci_fabric_pdev(pf);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_ASSERT_TRUE(test, dev->is_physfn);
	return dev;
}

static struct pci_dev *vf_dev(struct kunit *test, struct pci_fabric_fn *pf, int id)
{
	struct pci_dev *dev = pci_fabric_pdev(pci_fabric_vf(pf, id));

	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_ASSERT_TRUE(test, dev->is_virtfn);
	KUNIT_ASSERT_NOT_NULL(test, pci_get_drvdata(dev));
	return dev;
}

static u16 sriov_reg(struct pci_fabric_fn *pf, unsigned int off)
{
	return pci_fabric_peek(pf, pci_fabric_cap_pos(pf, 0x10, true) + off, 2);
}

/*
 * The first @nr VFs work: what the driver writes into the BARs of each is in that
 * VF, and its interrupt reaches the handler for it, once, and no other handler.
 */
static void expect_work(struct kunit *test, struct pci_fabric_fn *pf, int nr,
			u32 mark)
{
	for (int i = 0; i < nr; i++) {
		struct vf_state *vf = pci_get_drvdata(vf_dev(test, pf, i));

		atomic_set(&vf->hits, 0);
		writel(mark + i, vf->bar0 + 4);
		writel(mark + 0x100 + i, vf->bar4 + SZ_8K - 4);
	}
	for (int i = 0; i < nr; i++) {
		struct vf_state *vf = pci_get_drvdata(vf_dev(test, pf, i));
		struct pci_fabric_fn *fn = pci_fabric_vf(pf, i);

		KUNIT_EXPECT_EQ_MSG(test, readl(vf->bar0 + 4), mark + i,
				    "VF %d", i);
		KUNIT_EXPECT_EQ_MSG(test, pci_fabric_bar_peek(fn, 0, 4, 4),
				    mark + i, "VF %d", i);
		KUNIT_EXPECT_EQ_MSG(test,
				    pci_fabric_bar_peek(fn, 4, SZ_8K - 4, 4),
				    mark + 0x100 + i, "VF %d", i);
		KUNIT_EXPECT_EQ_MSG(test, pci_fabric_raise_msix(fn, 0),
				    PCI_FABRIC_IRQ_DELIVERED, "VF %d", i);
		for (int k = 0; k < nr; k++) {
			vf = pci_get_drvdata(vf_dev(test, pf, k));
			KUNIT_EXPECT_EQ_MSG(test, atomic_read(&vf->hits), k <= i,
					    "VF %d after VF %d", k, i);
		}
	}
}

/*
 * Sec 9.2.1.2: First VF Offset puts all VFs on buses of their own, behind a root port
 * with nothing but the PF.  Catches VFs that answer on the bus of the PF, and buses
 * that stay when the VFs are gone.
 */
static void other_buses(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn_desc desc = pf_desc;
	struct pci_fabric_fn *rp, *next, *pf;
	struct pci_dev *dev;
	int domain;

	desc.sriov.offset = 0x100;
	desc.sriov.stride = 0x80;
	rp = add_port(fabric, NULL, PCI_DEVFN(1, 0), TYPE_ROOT_PORT);
	next = add_port(fabric, NULL, PCI_DEVFN(2, 0), TYPE_ROOT_PORT);
	pf = pci_fabric_add(fabric, rp, &desc);
	pci_fabric_scan(fabric);
	use_drivers(test);
	dev = pf_dev(test, pf);
	domain = pci_domain_nr(dev->bus);

	/* 4 VFs at 1:00 1:80 2:00 2:80 from there: two more buses, kept free */
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(rp, 0x19, 2), 0x0301);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(next, 0x19, 1), 4);
	for (int round = 0; round < 2; round++) {
		KUNIT_ASSERT_EQ(test, enable(dev, 4), 0);
		KUNIT_EXPECT_EQ(test, atomic_read(&vfs_bound), 4);
		KUNIT_EXPECT_EQ(test, pci_dev_id(vf_dev(test, pf, 0)), 0x200);
		KUNIT_EXPECT_EQ(test, pci_dev_id(vf_dev(test, pf, 1)), 0x280);
		KUNIT_EXPECT_EQ(test, pci_dev_id(vf_dev(test, pf, 3)), 0x380);
		KUNIT_EXPECT_TRUE(test, is_absent(dev->bus, 0x80));
		expect_work(test, pf, 4, 0xa000);
		disable(dev);
		KUNIT_EXPECT_EQ(test, atomic_read(&vfs_bound), 0);
		KUNIT_EXPECT_NULL(test, pci_find_bus(domain, 2));
		KUNIT_EXPECT_NULL(test, pci_find_bus(domain, 3));
	}
}

/*
 * Sec 9.3.3.3.5: below a port that does not forward by ARI, ARI Capable Hierarchy
 * stays clear, and the VFs that are functions 1 to 7 of device 0 work all the same.
 */
static void without_ari_forwarding(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn_desc desc = pf_desc;
	struct pci_fabric_fn *rp, *pf;
	struct pci_dev *dev;

	desc.sriov.total_vfs = 8;
	rp = pci_fabric_add(fabric, NULL, &(struct pci_fabric_fn_desc){
		.device = 0x0104, .hdr_type = 1, .pcie_type = TYPE_ROOT_PORT,
	});
	pf = pci_fabric_add(fabric, rp, &desc);
	pci_fabric_scan(fabric);
	use_drivers(test);
	dev = pf_dev(test, pf);
	KUNIT_EXPECT_EQ(test, sriov_reg(pf, CTRL), 0);
	KUNIT_ASSERT_EQ(test, enable(dev, 7), 0);
	KUNIT_EXPECT_EQ(test, sriov_reg(pf, CTRL) & (VFE | ARI), VFE);
	KUNIT_EXPECT_EQ(test, vf_dev(test, pf, 6)->devfn, 7);
	expect_work(test, pf, 7, 0xb000);
	KUNIT_EXPECT_TRUE(test, is_absent(dev->bus, 8));
	disable(dev);
}

/* Two PFs of one device: each has its VFs where the other has none. */
static void two_pfs(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn_desc desc = pf_desc;
	struct pci_fabric_fn *rp, *pf[2];
	struct pci_dev *dev[2];

	rp = add_port(fabric, NULL, 0, TYPE_ROOT_PORT);
	desc.sriov.offset = 4;
	desc.sriov.stride = 2;
	for (int i = 0; i < 2; i++) {
		desc.devfn = i;
		pf[i] = pci_fabric_add(fabric, rp, &desc);
	}
	pci_fabric_scan(fabric);
	use_drivers(test);
	KUNIT_ASSERT_EQ(test, atomic_read(&pfs_bound), 2);
	for (int i = 0; i < 2; i++) {
		dev[i] = pf_dev(test, pf[i]);
		KUNIT_ASSERT_EQ(test, enable(dev[i], 4), 0);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&vfs_bound), 8);
	KUNIT_EXPECT_EQ(test, vf_dev(test, pf[0], 3)->devfn, 10);
	KUNIT_EXPECT_EQ(test, vf_dev(test, pf[1], 3)->devfn, 11);
	expect_work(test, pf[0], 4, 0x10000);
	expect_work(test, pf[1], 4, 0x20000);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(pci_fabric_vf(pf[0], 3), 0, 4, 4),
			0x10003);

	/* FLR of one takes the VFs of that one */
	KUNIT_EXPECT_EQ(test, pcie_flr(dev[0]), 0);
	KUNIT_EXPECT_EQ(test, sriov_reg(pf[0], CTRL) & VFE, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(pci_fabric_vf(pf[0], 0), 0),
			PCI_FABRIC_IRQ_BLOCKED);
	expect_work(test, pf[1], 4, 0x30000);
	disable(dev[0]);
	KUNIT_EXPECT_EQ(test, atomic_read(&vfs_bound), 4);
	expect_work(test, pf[1], 4, 0x40000);
	disable(dev[1]);
	KUNIT_EXPECT_EQ(test, atomic_read(&vfs_bound), 0);
}

/*
 * Sec 9.3.3.8: the PCI core looks for the PF that Function Dependency Link names.
 * Catches a register that always names its own function.
 */
static void dependency_link(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn_desc desc = pf_desc;
	struct pci_fabric_fn *rp, *pf;

	rp = add_port(fabric, NULL, 0, TYPE_ROOT_PORT);
	desc.sriov.link_other = true;
	desc.sriov.link = 3;
	desc.sriov.offset = 8;
	pf = pci_fabric_add(fabric, rp, &desc);
	pci_fabric_scan(fabric);
	use_drivers(test);
	KUNIT_EXPECT_EQ(test, enable(pf_dev(test, pf), 1), -ENODEV);

	/* It comes, and is a PF */
	desc.devfn = 3;
	desc.sriov.link_other = false;
	desc.sriov.offset = 16;
	pci_fabric_add(fabric, rp, &desc);
	pci_lock_rescan_remove();
	pci_rescan_bus(pf_dev(test, pf)->bus);
	pci_unlock_rescan_remove();
	KUNIT_ASSERT_EQ(test, atomic_read(&pfs_bound), 2);
	KUNIT_EXPECT_EQ(test, enable(pf_dev(test, pf), 1), 0);
	expect_work(test, pf, 1, 0xc000);
	disable(pf_dev(test, pf));
}

/*
 * The PCI core resets a PF with VFs and brings both back: registers of the PF, its
 * VFs at their places.  What a VF had in memory is lost.  A reset of a VF is one of
 * that VF only, and MSI-X of it works afterwards.
 */
static void reset_function(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *pf;
	struct pci_dev *dev;

	pf = pci_fabric_add(fabric, add_port(fabric, NULL, 0, TYPE_ROOT_PORT),
			    &pf_desc);
	pci_fabric_scan(fabric);
	use_drivers(test);
	dev = pf_dev(test, pf);
	KUNIT_ASSERT_EQ(test, enable(dev, 2), 0);
	expect_work(test, pf, 2, 0x1000);

	KUNIT_EXPECT_EQ(test, pci_reset_function(vf_dev(test, pf, 0)), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(pci_fabric_vf(pf, 0), 0, 4, 4), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(pci_fabric_vf(pf, 1), 0, 4, 4),
			0x1001);
	KUNIT_EXPECT_EQ(test, sriov_reg(pf, NUM_VFS), 2);
	expect_work(test, pf, 2, 0x2000);

	KUNIT_EXPECT_EQ(test, pci_reset_function(dev), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(pci_fabric_vf(pf, 1), 0, 4, 4), 0);
	KUNIT_EXPECT_EQ(test, sriov_reg(pf, CTRL), 0x19);
	KUNIT_EXPECT_EQ(test, sriov_reg(pf, NUM_VFS), 2);
	/* The core does not restore VFs with their PF; their drivers would */
	for (int i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, pci_reset_function(vf_dev(test, pf, i)), 0);
	KUNIT_EXPECT_EQ(test, pci_num_vf(dev), 2);
	disable(dev);
}

/* A reset that software did not ask for, of each kind */
static void reset_by_itself(struct kunit *test)
{
	for (int kind = PCI_FABRIC_RESET_FLR; kind <= PCI_FABRIC_RESET_COLD; kind++) {
		struct pci_fabric *fabric = pci_fabric_alloc(test);
		struct pci_fabric_fn *pf, *vf;
		struct pci_dev *dev;
		unsigned int before;

		pf = pci_fabric_add(fabric, add_port(fabric, NULL, 0, TYPE_ROOT_PORT),
				    &pf_desc);
		pci_fabric_scan(fabric);
		dev = pf_dev(test, pf);
		KUNIT_ASSERT_EQ(test, enable(dev, 2), 0);
		vf = pci_fabric_vf(pf, 1);
		KUNIT_EXPECT_FALSE(test, is_absent(dev->bus, 2));
		pci_fabric_bar_poke(vf, 0, 4, 4, 0x1234);
		before = pci_fabric_stats(vf).resets[kind];

		pci_fabric_reset(pf, kind);
		KUNIT_EXPECT_TRUE(test, is_absent(dev->bus, 1));
		KUNIT_EXPECT_TRUE(test, is_absent(dev->bus, 2));
		KUNIT_EXPECT_EQ(test, sriov_reg(pf, NUM_VFS), 0);
		KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(vf, 0, 4, 4), 0);
		KUNIT_EXPECT_EQ(test, pci_fabric_stats(vf).resets[kind],
				before + 1);
		disable(dev);
		pci_fabric_destroy(fabric);
	}
}

/*
 * The PF, or a bridge above, is pulled out while VFs work; the PCI core takes away
 * what was there.  What is put back is found again, a PF without VFs, which can be
 * enabled again.
 */
static void pulled_out(struct kunit *test)
{
	for (int what = 0; what < 2; what++) {
		struct pci_fabric *fabric = pci_fabric_alloc(test);
		struct pci_fabric_fn *rp, *up, *down, *pf, *fn;
		struct vf_state *vf;
		struct pci_bus *root;
		struct pci_dev *dev;

		rp = add_port(fabric, NULL, 0, TYPE_ROOT_PORT);
		up = add_port(fabric, rp, 0, TYPE_UPSTREAM);
		down = add_port(fabric, up, 0, TYPE_DOWNSTREAM);
		pf = pci_fabric_add(fabric, down, &pf_desc);
		pci_fabric_scan(fabric);
		if (!what)
			use_drivers(test);
		root = pci_fabric_host_bridge(fabric)->bus;
		dev = pf_dev(test, pf);
		KUNIT_ASSERT_EQ(test, enable(dev, 3), 0);
		expect_work(test, pf, 3, 0xd000);

		fn = what ? up : pf;
		dev = pci_fabric_pdev(fn);
		pci_fabric_surprise_remove(fn);
		KUNIT_EXPECT_EQ(test,
				pci_fabric_raise_msix(pci_fabric_vf(pf, 0), 0),
				PCI_FABRIC_IRQ_BLOCKED);
		vf = pci_get_drvdata(vf_dev(test, pf, 0));
		KUNIT_EXPECT_EQ(test, readl(vf->bar0), ~0U);
		pci_lock_rescan_remove();
		pci_stop_and_remove_bus_device(dev);
		pci_unlock_rescan_remove();
		KUNIT_EXPECT_EQ(test, atomic_read(&vfs_bound), 0);
		KUNIT_EXPECT_EQ(test, atomic_read(&pfs_bound), 0);
		KUNIT_EXPECT_NULL(test, pci_fabric_pdev(pf));

		pci_fabric_insert(fn);
		pci_lock_rescan_remove();
		pci_rescan_bus(root);
		pci_unlock_rescan_remove();
		dev = pf_dev(test, pf);
		KUNIT_EXPECT_EQ(test, atomic_read(&pfs_bound), 1);
		KUNIT_EXPECT_EQ(test, pci_num_vf(dev), 0);
		KUNIT_EXPECT_EQ(test, sriov_reg(pf, CTRL) & VFE, 0);
		KUNIT_EXPECT_TRUE(test, is_absent(dev->bus, 1));
		KUNIT_ASSERT_EQ(test, enable(dev, 4), 0);
		expect_work(test, pf, 4, 0xe000);
		disable(dev);
		pci_fabric_destroy(fabric);
	}
}

static struct kunit_case pci_fabric_sriov_core_cases[] = {
	KUNIT_CASE_SLOW(other_buses),
	KUNIT_CASE_SLOW(without_ari_forwarding),
	KUNIT_CASE_SLOW(two_pfs),
	KUNIT_CASE_SLOW(dependency_link),
	KUNIT_CASE_SLOW(reset_function),
	KUNIT_CASE_SLOW(reset_by_itself),
	KUNIT_CASE_SLOW(pulled_out),
	{}
};

static struct kunit_suite pci_fabric_sriov_core_suite = {
	.name = "pci_fabric_sriov_core",
	.test_cases = pci_fabric_sriov_core_cases,
};

kunit_test_suite(pci_fabric_sriov_core_suite);

MODULE_DESCRIPTION("KUnit tests for SR-IOV of the emulated PCI fabric with the PCI core");
MODULE_LICENSE("GPL");
