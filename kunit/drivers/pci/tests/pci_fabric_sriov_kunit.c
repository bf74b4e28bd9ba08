// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the emulated PCI fabric: SR-IOV.  See pci_fabric_kunit.h for where
 * the expected values come from.
 *
 * VFs are made in two ways: by the PCI core, pci_enable_sriov(), and by writes to
 * the capability, where the PCI core would not do what is asked for.
 */
#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_kunit.h"

#define PF_DEVICE	0x0380
#define VF_DEVICE	0x0381

/* SR-IOV extended capability (sec 9.3.3) */
#define CTRL		0x08
#define NUM_VFS		0x10
#define PAGE_SIZE_REG	0x20
#define VF_BAR(n)	(0x24 + 4 * (n))

#define VFE		BIT(0)	/* Control */
#define MSE		BIT(3)
#define ARI		BIT(4)

static const struct pci_fabric_fn_desc vf_desc = {
	.device = 0xbad1, .subdevice = 0xbad2, .intx_pin = 1,	/* ignored */
	.flr = true,
	.msix = { .vectors = 2, .table_off = 0x1000, .pba_off = 0x1800 },
};

static const struct pci_fabric_fn_desc pf_desc = {
	.device = PF_DEVICE,
	.subvendor = 0x1234,
	.subdevice = 0x5678,
	.class = 0x020000,
	.revision = 0x9a,
	.flr = true,
	.bars[0] = { .size = SZ_8K },
	.sriov = {
		.total_vfs = 4,
		.bars[0] = { .size = SZ_8K },
		.bars[2] = {
			.size = SZ_16K,
			.flags = PCI_FABRIC_BAR_64 | PCI_FABRIC_BAR_PREF,
		},
		.vf = &vf_desc,
	},
};

/* A driver for VFs: two vectors, and what arrived */
struct vf_state {
	atomic_t hits[2];
};

static atomic_t vf_probes, vf_removes;

static irqreturn_t vf_handler(int irq, void *data)
{
	atomic_inc(data);
	return IRQ_HANDLED;
}

static void vf_free(struct pci_dev *dev, struct vf_state *vf, int irqs)
{
	while (irqs--)
		free_irq(pci_irq_vector(dev, irqs), &vf->hits[irqs]);
	pci_free_irq_vectors(dev);
	pci_disable_device(dev);
	kfree(vf);
}

static int vf_probe(struct pci_dev *dev, const struct pci_device_id *id)
{
	struct vf_state *vf = kzalloc_obj(*vf);
	int ret;

	if (!vf)
		return -ENOMEM;
	ret = pci_enable_device(dev);
	if (ret) {
		kfree(vf);
		return ret;
	}
	pci_set_master(dev);
	ret = pci_alloc_irq_vectors(dev, 2, 2, PCI_IRQ_MSIX);
	for (int i = 0; i < 2 && ret >= 0; i++) {
		ret = request_irq(pci_irq_vector(dev, i), vf_handler, 0, "vf",
				  &vf->hits[i]);
		if (ret) {
			vf_free(dev, vf, i);
			return ret;
		}
	}
	if (ret < 0) {
		vf_free(dev, vf, 0);
		return ret;
	}
	pci_set_drvdata(dev, vf);
	atomic_inc(&vf_probes);
	return 0;
}

static void vf_remove(struct pci_dev *dev)
{
	atomic_inc(&vf_removes);
	vf_free(dev, pci_get_drvdata(dev), 2);
}

static const struct pci_device_id vf_ids[] = {
	{ PCI_DEVICE(PCI_FABRIC_VENDOR, VF_DEVICE) },
	{}
};

static struct pci_driver vf_driver = {
	.name = "pci_fabric_sriov_vf",
	.id_table = vf_ids,
	.probe = vf_probe,
	.remove = vf_remove,
};

KUNIT_DEFINE_ACTION_WRAPPER(unregister, pci_unregister_driver,
			    struct pci_driver *);

static void use_vf_driver(struct kunit *test)
{
	atomic_set(&vf_probes, 0);
	atomic_set(&vf_removes, 0);
	KUNIT_ASSERT_EQ(test, pci_register_driver(&vf_driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unregister,
							&vf_driver), 0);
}

static int vf_hits(struct pci_dev *dev, int vector)
{
	struct vf_state *vf = pci_get_drvdata(dev);

	return vf ? atomic_read(&vf->hits[vector]) : -1;
}

/* A PF, behind a root port or at the end of a switch, scanned */
struct sriov {
	struct pci_fabric *fabric;
	struct pci_fabric_fn *port;	/* the bridge right above */
	struct pci_fabric_fn *pf;
	struct pci_dev *port_dev;
	struct pci_dev *dev;
	unsigned int cap;
};

static struct sriov *make_at(struct kunit *test, struct pci_fabric *fabric,
			     struct pci_fabric_fn *port,
			     const struct pci_fabric_fn_desc *desc)
{
	struct sriov *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->fabric = fabric;
	s->port = port;
	s->pf = pci_fabric_add(fabric, port, desc);
	pci_fabric_scan(fabric);
	if (port)
		s->port_dev = pci_fabric_pdev(port);
	s->dev = pci_fabric_pdev(s->pf);
	KUNIT_ASSERT_NOT_NULL(test, s->dev);
	KUNIT_ASSERT_TRUE(test, s->dev->is_physfn);
	s->cap = pci_fabric_cap_pos(s->pf, 0x10, true);
	return s;
}

static struct sriov *make_desc(struct kunit *test,
			       const struct pci_fabric_fn_desc *desc)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);

	return make_at(test, fabric,
		       add_port(fabric, NULL, PCI_DEVFN(1, 0), TYPE_ROOT_PORT),
		       desc);
}

static struct sriov *make_sriov(struct kunit *test)
{
	return make_desc(test, &pf_desc);
}

/* Not every kernel takes the lock by itself. */
static void disable(void *dev)
{
	pci_lock_rescan_remove();
	pci_disable_sriov(dev);
	pci_unlock_rescan_remove();
}

static int enable(struct kunit *test, struct pci_dev *dev, int nr)
{
	int ret;

	pci_lock_rescan_remove();
	ret = pci_enable_sriov(dev, nr);
	pci_unlock_rescan_remove();
	if (!ret)
		KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, disable,
								dev), 0);
	return ret;
}

/* As pci_enable_sriov() does, without anything that it makes */
static void enable_raw(struct sriov *s, u16 nr)
{
	cfg_write(s->dev, s->cap + NUM_VFS, 2, nr);
	cfg_write(s->dev, s->cap + CTRL, 2,
		  cfg_read(s->dev, s->cap + CTRL, 2) | VFE | MSE);
}

static struct pci_dev *vf_dev(struct kunit *test, struct sriov *s, int id)
{
	struct pci_dev *dev = pci_fabric_pdev(pci_fabric_vf(s->pf, id));

	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_ASSERT_TRUE(test, dev->is_virtfn);
	return dev;
}

/* Does a VF answer at @rid after the PF?  On the bus of the PF */
static bool vf_answers(struct sriov *s, unsigned int distance)
{
	return !is_absent(s->dev->bus, s->dev->devfn + distance);
}

static void unmap(void *addr)
{
	iounmap((void __iomem __force *)addr);
}

static void __iomem *map(struct kunit *test, resource_size_t start, size_t len)
{
	void __iomem *addr = ioremap(start, len);

	KUNIT_ASSERT_NOT_NULL(test, (void __force *)addr);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unmap,
							(void __force *)addr), 0);
	return addr;
}

static void __iomem *map_vf(struct kunit *test, struct pci_dev *dev, int bar)
{
	KUNIT_ASSERT_NE(test, pci_resource_len(dev, bar), 0);
	return map(test, pci_resource_start(dev, bar), pci_resource_len(dev, bar));
}

/*
 * Sec 9.3.3: wrong places and defaults, bits that can be written and may not, or
 * the other way round.
 */
static void registers(struct kunit *test)
{
	static const struct { u8 off; u32 val, ones; } regs[] = {
		{ 0x04, 0x00000002, 0x00000002 },	/* Capabilities */
		{ 0x0c, 0x00040004, 0x00040004 },	/* InitialVFs, TotalVFs */
		{ 0x10, 0x00000000, 0x0000ffff },	/* NumVFs, Dependency Link */
		{ 0x14, 0x00010001, 0x00010001 },	/* Offset, Stride */
		{ 0x18, VF_DEVICE << 16, VF_DEVICE << 16 },
		{ 0x1c, 0x00000553, 0x00000553 },	/* Supported Page Sizes */
		{ 0x3c, 0x00000000, 0x00000000 },	/* VF Migration State */
	};
	struct sriov *s = make_sriov(test);
	int cap = s->cap;

	KUNIT_EXPECT_EQ(test, pci_find_ext_capability(s->dev, 0x10), cap);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, cap, 4) & 0xfffff, 0x10010);
	for (int i = 0; i < ARRAY_SIZE(regs); i++) {
		int where = cap + regs[i].off;

		KUNIT_EXPECT_EQ_MSG(test, cfg_read(s->dev, where, 4),
				    regs[i].val, "%#x", regs[i].off);
		cfg_write(s->dev, where, 4, ~0U);
		KUNIT_EXPECT_EQ_MSG(test, cfg_read(s->dev, where, 4),
				    regs[i].ones, "%#x", regs[i].off);
		cfg_write(s->dev, where, 4, 0);
	}
	/* Control; no VF, as NumVFs is zero.  Status has but a migration bit */
	cfg_write(s->dev, cap + CTRL, 4, ~0U);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, cap + CTRL, 4), 0x0019);
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 1));
	cfg_write(s->dev, cap + CTRL, 4, 0);

	/* The rest is in the range of two VFs */
	enable_raw(s, 2);
	cfg_write(s->dev, cap + NUM_VFS, 2, 4);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, cap + NUM_VFS, 2), 2);
	cfg_write(s->dev, cap + PAGE_SIZE_REG, 4, 2);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, cap + PAGE_SIZE_REG, 4), 1);
	cfg_write(s->dev, cap + CTRL, 2, 0);
	cfg_write(s->dev, cap + NUM_VFS, 2, 4);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, cap + NUM_VFS, 2), 4);
}

/* Sec 9.3.3.12 to 14: sizes, kinds, and a system page as the least size */
static void vf_bar_sizing(struct kunit *test)
{
	static const u32 want[][6] = {
		{ 0xffffe000, 0, 0xffffc00c, ~0U, 0, 0 },
		{ 0xffff0000, 0, 0xffff000c, ~0U, 0, 0 },
	};
	struct sriov *s = make_sriov(test);

	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + PAGE_SIZE_REG, 4), 1);
	for (int page = 0; page < 2; page++) {
		cfg_write(s->dev, s->cap + PAGE_SIZE_REG, 4, page ? 0x10 : 1);
		for (int i = 0; i < 6; i++) {
			cfg_write(s->dev, s->cap + VF_BAR(i), 4, ~0U);
			KUNIT_EXPECT_EQ_MSG(test, cfg_read(s->dev, s->cap + VF_BAR(i), 4),
					    want[page][i], "VF BAR %d", i);
			cfg_write(s->dev, s->cap + VF_BAR(i), 4, 0);
		}
	}
	/* What the kernel made of it: one range for all */
	KUNIT_EXPECT_EQ(test, pci_resource_len(s->dev, PCI_IOV_RESOURCES), SZ_32K);
	KUNIT_EXPECT_EQ(test, pci_resource_len(s->dev, PCI_IOV_RESOURCES + 2),
			SZ_64K);
}

/*
 * Sec 9.3.3.3.1, 9.3.3.7: VFs are there with VF Enable, as many as NumVFs says;
 * their IDs are all-ones, which is not the same as no answer.
 */
static void vf_enable(struct kunit *test)
{
	struct sriov *s = make_sriov(test);
	u32 val;

	cfg_write(s->dev, s->cap + NUM_VFS, 2, 3);
	for (int i = 0; i < 4; i++)
		KUNIT_EXPECT_FALSE_MSG(test, vf_answers(s, 1 + i), "VF %d", i);
	enable_raw(s, 3);
	for (int i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ_MSG(test, vf_answers(s, 1 + i), i < 3, "VF %d", i);
	KUNIT_EXPECT_EQ(test, bus_read(s->dev->bus, 1, 0, 4, &val), 0);
	KUNIT_EXPECT_EQ(test, val, ~0U);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(pci_fabric_vf(s->pf, 0)).cfg_reads, 2);

	cfg_write(s->dev, s->cap + CTRL, 2, 0);
	for (int i = 0; i < 4; i++)
		KUNIT_EXPECT_FALSE_MSG(test, vf_answers(s, 1 + i), "VF %d", i);
}

/* Sec 9.3.3.5: VFs above InitialVFs are not there, and the kernel wants them all. */
static void initial_vfs(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = pf_desc;
	struct sriov *s;

	desc.sriov.initial_vfs = 2;
	s = make_desc(test, &desc);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + 0x0c, 4), 0x00040002);
	KUNIT_EXPECT_EQ(test, enable(test, s->dev, 2), -EIO);
	enable_raw(s, 4);
	KUNIT_EXPECT_TRUE(test, vf_answers(s, 2));
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 3));
	cfg_write(s->dev, s->cap + CTRL, 2, 0);
}

/* Sec 9.3.4, 9.3.5: what a VF has of a header, and its capabilities */
static void vf_config(struct kunit *test)
{
	static const struct { u8 where; u32 ones; } regs[] = {
		{ 0x00, 0xffffffff },		/* IDs: not those of a device */
		{ 0x04, 0x00100004 },		/* Bus Master; Capabilities List */
		{ 0x08, 0x0200009a }, { 0x0c, 0 },
		{ 0x10, 0 }, { 0x14, 0 }, { 0x18, 0 }, { 0x1c, 0 },
		{ 0x20, 0 }, { 0x24, 0 }, { 0x28, 0 },
		{ 0x2c, 0x56781234 }, { 0x30, 0 }, { 0x34, 0x40 }, { 0x38, 0 },
		{ 0x3c, 0 },			/* no interrupt pin */
	};
	struct sriov *s = make_sriov(test);
	struct pci_dev *dev;
	unsigned int exp;

	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 4), 0);
	for (int i = 0; i < 4; i++) {
		dev = vf_dev(test, s, i);
		KUNIT_EXPECT_EQ(test, pci_dev_id(dev), pci_dev_id(s->dev) + 1 + i);
		KUNIT_EXPECT_EQ(test, dev->device, VF_DEVICE);
		KUNIT_EXPECT_EQ(test, dev->vendor, PCI_FABRIC_VENDOR);
		KUNIT_EXPECT_EQ(test, dev->class, 0x020000);
		KUNIT_EXPECT_EQ(test, dev->subsystem_device, 0x5678);
		KUNIT_EXPECT_PTR_EQ(test, dev->physfn, s->dev);
		KUNIT_EXPECT_EQ(test, pci_iov_vf_id(dev), i);
		for (int j = 0; j < ARRAY_SIZE(regs); j++) {
			cfg_write(dev, regs[j].where, 4, ~0U);
			KUNIT_EXPECT_EQ_MSG(test, cfg_read(dev, regs[j].where, 4),
					    regs[j].ones, "VF %d, %#x", i,
					    regs[j].where);
		}
	}

	KUNIT_EXPECT_NE(test, pci_find_capability(dev, 0x11), 0);	/* MSI-X */
	KUNIT_EXPECT_NE(test, pci_find_ext_capability(dev, 0x0e), 0);	/* ARI */
	KUNIT_EXPECT_EQ(test, pci_find_ext_capability(dev, 0x10), 0);
	exp = pci_find_capability(dev, 0x10);
	KUNIT_ASSERT_NE(test, exp, 0);
	/* Endpoint, version 2; FLR.  The PF has what Device Control sets */
	KUNIT_EXPECT_EQ(test, cfg_read(dev, exp + 0x02, 2), 0x0002);
	KUNIT_EXPECT_NE(test, cfg_read(dev, exp + 0x04, 4) & 1 << 28, 0);
	cfg_write(dev, exp + 0x08, 2, 0x7fff);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, exp + 0x08, 2), 0);
	cfg_write(dev, exp + 0x10, 2, 0xffff);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, exp + 0x10, 4), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, 0x0e, 1), 0);	/* no MFD by VFs */

	disable(s->dev);
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(pci_fabric_vf(s->pf, 0)));
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + CTRL, 2) & VFE, 0);
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 1));
}

/*
 * Sec 9.3.3.3.4, 9.3.3.14: each VF has its share of the range that its PF's VF BAR
 * begins, as long as VF MSE is set.  Catches VFs that answer for each other.
 */
static void vf_bars(struct kunit *test)
{
	struct sriov *s = make_sriov(test);
	void __iomem *bar0[4], *bar2[2], *pf_bar;
	u32 pref;

	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 3), 0);
	KUNIT_ASSERT_EQ(test, pci_enable_device(s->dev), 0);
	pf_bar = map_vf(test, s->dev, 0);
	for (int i = 0; i < 3; i++)
		bar0[i] = map_vf(test, vf_dev(test, s, i), 0);
	for (int i = 0; i < 2; i++)
		bar2[i] = map_vf(test, vf_dev(test, s, i), 2);
	/* Where a fourth one would be */
	bar0[3] = map(test, pci_resource_start(s->dev, PCI_IOV_RESOURCES) + SZ_8K * 3,
		      SZ_8K);

	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + VF_BAR(0), 4) + SZ_8K,
			lower_32_bits(pci_resource_start(vf_dev(test, s, 1), 0)));
	for (int i = 0; i < 4; i++)
		writel(0x1000 + i, bar0[i]);
	for (int i = 0; i < 2; i++)
		writel(0x2000 + i, bar2[i] + SZ_16K - 4);
	writel(0x3000, pf_bar);
	for (int i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, readl(bar0[i]), 0x1000 + i);
		KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(pci_fabric_vf(s->pf, i),
							  0, 0, 4), 0x1000 + i);
	}
	for (int i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(pci_fabric_vf(s->pf, i),
							  2, SZ_16K - 4, 4),
				0x2000 + i);
	KUNIT_EXPECT_EQ(test, readl(bar0[3]), ~0U);
	KUNIT_EXPECT_EQ(test, readl(pf_bar), 0x3000);

	/* VF MSE is for the VFs alone, and Memory Space Enable for the PF alone */
	cfg_write(s->dev, s->cap + CTRL, 2, VFE);
	KUNIT_EXPECT_EQ(test, readl(bar0[0]), ~0U);
	KUNIT_EXPECT_EQ(test, readl(bar2[1] + SZ_16K - 4), ~0U);
	KUNIT_EXPECT_EQ(test, readl(pf_bar), 0x3000);
	KUNIT_EXPECT_TRUE(test, vf_answers(s, 1));
	cfg_write(s->dev, s->cap + CTRL, 2, VFE | MSE);
	cmd_set(s->dev, CMD_MEMORY, 0);
	KUNIT_EXPECT_EQ(test, readl(bar0[1]), 0x1001);
	KUNIT_EXPECT_EQ(test, readl(pf_bar), ~0U);
	cmd_set(s->dev, 0, CMD_MEMORY);

	/* The bridge above has a say */
	pref = cfg_read(s->port_dev, 0x24, 4);
	cfg_write(s->port_dev, 0x24, 4, 0x0001fff1);
	KUNIT_EXPECT_EQ(test, readl(bar2[0] + SZ_16K - 4), ~0U);
	KUNIT_EXPECT_EQ(test, readl(bar0[0]), 0x1000);
	cfg_write(s->port_dev, 0x24, 4, pref);
	KUNIT_EXPECT_EQ(test, readl(bar2[0] + SZ_16K - 4), 0x2000);
}

/* Sec 9.3.3.13: with a system page of 64 KiB VF BARs are as far from each other. */
static void vf_bar_page_size(struct kunit *test)
{
	struct sriov *s = make_sriov(test);
	void __iomem *mem;
	u32 window;

	/* In a part of the window that nothing has */
	window = cfg_read(s->port_dev, 0x20, 2) << 16 | 0x80000;
	KUNIT_ASSERT_GT(test, window, pci_resource_end(s->dev, PCI_IOV_RESOURCES));
	cmd_set(s->port_dev, 0, CMD_MEMORY);
	cfg_write(s->dev, s->cap + PAGE_SIZE_REG, 4, 0x10);
	cfg_write(s->dev, s->cap + VF_BAR(0), 4, window);
	enable_raw(s, 2);
	mem = map(test, window, SZ_128K);
	pci_fabric_bar_poke(pci_fabric_vf(s->pf, 1), 0, 0, 4, 0xcafe);
	KUNIT_EXPECT_EQ(test, readl(mem + SZ_64K), 0xcafe);
	KUNIT_EXPECT_EQ(test, readl(mem + SZ_8K), ~0U);
	KUNIT_EXPECT_EQ(test, readl(mem), 0);
	cfg_write(s->dev, s->cap + CTRL, 2, 0);
}

/*
 * A driver binds to VFs, and their MSI-X vectors, in a VF BAR, reach its handlers.
 * Sec 9.3.4.1.3: Bus Master Enable of a VF is its own, that of the PF is not asked.
 */
static void vf_msix(struct kunit *test)
{
	struct sriov *s = make_sriov(test);
	struct pci_fabric_fn *vf[2] = {
		pci_fabric_vf(s->pf, 0), pci_fabric_vf(s->pf, 1),
	};
	struct pci_dev *dev[2];
	void __iomem *bar;

	use_vf_driver(test);
	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 2), 0);
	KUNIT_ASSERT_EQ(test, atomic_read(&vf_probes), 2);
	for (int i = 0; i < 2; i++)
		dev[i] = vf_dev(test, s, i);

	cmd_set(s->dev, CMD_MASTER, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(vf[1], 1),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, vf_hits(dev[1], 1), 1);
	KUNIT_EXPECT_EQ(test, vf_hits(dev[1], 0), 0);
	KUNIT_EXPECT_EQ(test, vf_hits(dev[0], 1), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(vf[0], 1),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, vf_hits(dev[0], 1), 1);

	/* Masked, unmasked: pending in between */
	bar = map_vf(test, dev[0], 0);
	writel(1, bar + 0x100c);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(vf[0], 0),
			PCI_FABRIC_IRQ_PENDING);
	KUNIT_EXPECT_EQ(test, readl(bar + 0x1800), 1);
	KUNIT_EXPECT_EQ(test, vf_hits(dev[0], 0), 0);
	writel(0, bar + 0x100c);
	pci_fabric_flush(s->fabric);
	KUNIT_EXPECT_EQ(test, vf_hits(dev[0], 0), 1);

	cmd_set(dev[0], CMD_MASTER, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(vf[0], 0),
			PCI_FABRIC_IRQ_BLOCKED);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(vf[1], 0),
			PCI_FABRIC_IRQ_DELIVERED);
	cmd_set(dev[0], 0, CMD_MASTER);
	cmd_set(s->port_dev, CMD_MASTER, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(vf[0], 0),
			PCI_FABRIC_IRQ_BLOCKED);
	cmd_set(s->port_dev, 0, CMD_MASTER);

	disable(s->dev);
	KUNIT_EXPECT_EQ(test, atomic_read(&vf_removes), 2);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(vf[0], 0),
			PCI_FABRIC_IRQ_BLOCKED);
}

/* Sec 9.3.3.3.1: VFs come with default values, whatever they had before. */
static void vf_enable_again(struct kunit *test)
{
	struct sriov *s = make_sriov(test);
	struct pci_fabric_fn *vf = pci_fabric_vf(s->pf, 1);
	unsigned int msix = pci_fabric_cap_pos(vf, 0x11, false);

	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 2), 0);
	cmd_set(vf_dev(test, s, 1), 0, CMD_MASTER);
	cfg_write(vf_dev(test, s, 1), msix + 2, 2, 0xc000);
	pci_fabric_bar_poke(vf, 0, 0, 4, 0x1234);
	pci_fabric_bar_poke(vf, 0, 0x100c, 4, 0);
	pci_fabric_bar_poke(vf, 0, 0x1800, 4, 1);
	disable(s->dev);
	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 4), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(vf_dev(test, s, 1), 0x04, 2), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(vf_dev(test, s, 1), msix + 2, 2), 1);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(vf, 0, 0, 4), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(vf, 0, 0x100c, 4), 1);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(vf, 0, 0x1800, 4), 0);
	KUNIT_EXPECT_NOT_NULL(test, vf_dev(test, s, 3));

	/* Another write while they are there leaves them alone */
	cmd_set(vf_dev(test, s, 1), 0, CMD_MASTER);
	cfg_write(s->dev, s->cap + CTRL, 2, cfg_read(s->dev, s->cap + CTRL, 2));
	KUNIT_EXPECT_EQ(test, cfg_read(vf_dev(test, s, 1), 0x04, 2), CMD_MASTER);
}

/* Sec 6.6.2, 9.2.2.2: FLR of a VF resets that one and nothing else. */
static void vf_flr(struct kunit *test)
{
	struct sriov *s = make_sriov(test);
	struct pci_fabric_fn *vf[2] = {
		pci_fabric_vf(s->pf, 0), pci_fabric_vf(s->pf, 1),
	};

	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 2), 0);
	cmd_set(s->dev, 0, CMD_MASTER);
	for (int i = 0; i < 2; i++) {
		cmd_set(vf_dev(test, s, i), 0, CMD_MASTER);
		pci_fabric_bar_poke(vf[i], 0, 0, 4, 0x1234);
	}
	KUNIT_EXPECT_EQ(test, pcie_flr(vf_dev(test, s, 0)), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(vf_dev(test, s, 0), 0x04, 2), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(vf[0], 0, 0, 4), 0);
	KUNIT_EXPECT_TRUE(test, vf_answers(s, 1));
	KUNIT_EXPECT_EQ(test, cfg_read(vf_dev(test, s, 1), 0x04, 2), CMD_MASTER);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(vf[1], 0, 0, 4), 0x1234);
	KUNIT_EXPECT_NE(test, cfg_read(s->dev, 0x04, 2) & CMD_MASTER, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(vf[0]).resets[PCI_FABRIC_RESET_FLR], 1);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(vf[1]).resets[PCI_FABRIC_RESET_FLR], 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(s->pf).resets[PCI_FABRIC_RESET_FLR], 0);
}

/*
 * Sec 9.2.2.3: FLR of a PF takes its VFs; it keeps ARI Capable Hierarchy (sec
 * 9.3.3.3.5).  The kernel brings the VFs back, with their BARs where they were.
 */
static void pf_flr(struct kunit *test)
{
	struct sriov *s = make_sriov(test);
	struct pci_fabric_fn *vf = pci_fabric_vf(s->pf, 1);
	u32 bar = cfg_read(s->dev, s->cap + VF_BAR(0), 4);

	KUNIT_ASSERT_NE(test, bar, 0);
	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 2), 0);
	pci_save_state(s->dev);
	cmd_set(vf_dev(test, s, 1), 0, CMD_MASTER);
	KUNIT_EXPECT_EQ(test, pcie_flr(s->dev), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + CTRL, 2), ARI);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + NUM_VFS, 2), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + VF_BAR(0), 4), 0);
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 1));
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 2));
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(vf, 0x04, 2), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(vf).resets[PCI_FABRIC_RESET_FLR], 1);

	pci_restore_state(s->dev);
	KUNIT_EXPECT_TRUE(test, vf_answers(s, 2));
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 3));
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + VF_BAR(0), 4), bar);
}

/* Sec 6.6.1: so does a reset from above, of which each VF sees one. */
static void secondary_bus_reset(struct kunit *test)
{
	struct sriov *s = make_sriov(test);
	struct pci_fabric_fn *vf = pci_fabric_vf(s->pf, 0);

	enable_raw(s, 2);
	KUNIT_ASSERT_TRUE(test, vf_answers(s, 1));
	cfg_write(s->port_dev, 0x3e, 2, 0x0040);
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 1));
	cfg_write(s->port_dev, 0x3e, 2, 0);
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 1));
	/* Nothing is left but what is there after power on */
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + CTRL, 2), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + NUM_VFS, 2), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(vf).resets[PCI_FABRIC_RESET_HOT], 1);

	/* NumVFs is not locked any more */
	cfg_write(s->dev, s->cap + NUM_VFS, 2, 3);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + NUM_VFS, 2), 3);
}

/* Sec 9.6.2: a PF that is not in D0 has VFs that answer in config space only. */
static void pf_power(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = pf_desc;
	struct pci_fabric_fn *vf;
	void __iomem *bar;
	struct sriov *s;
	unsigned int pm;

	desc.pm = true;
	desc.no_soft_reset = true;
	s = make_desc(test, &desc);
	vf = pci_fabric_vf(s->pf, 0);
	use_vf_driver(test);
	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 1), 0);
	bar = map_vf(test, vf_dev(test, s, 0), 0);
	writel(0x1234, bar);

	pm = pci_fabric_cap_pos(s->pf, 0x01, false);
	cfg_write(s->dev, pm + 4, 2, 3);		/* D3hot */
	KUNIT_EXPECT_TRUE(test, vf_answers(s, 1));
	KUNIT_EXPECT_EQ(test, readl(bar), ~0U);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(vf, 0), PCI_FABRIC_IRQ_BLOCKED);
	cfg_write(s->dev, pm + 4, 2, 0);
	KUNIT_EXPECT_EQ(test, readl(bar), 0x1234);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(vf, 0),
			PCI_FABRIC_IRQ_DELIVERED);
}

/* At the end of a switch: the bridge right above, and the other two */
static struct sriov *make_switch(struct kunit *test,
				 const struct pci_fabric_fn_desc *desc,
				 struct pci_fabric_fn **rp)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *up, *down;

	*rp = add_port(fabric, NULL, PCI_DEVFN(1, 0), TYPE_ROOT_PORT);
	up = add_port(fabric, *rp, 0, TYPE_UPSTREAM);
	down = add_port(fabric, up, PCI_DEVFN(2, 0), TYPE_DOWNSTREAM);
	return make_at(test, fabric, down, desc);
}

/*
 * Sec 9.2.1.2: VFs may need more bus numbers than the one of the link.  They are
 * reached through every bridge above that forwards those, and there is no device
 * there but them.
 */
static void several_buses(struct kunit *test)
{
	static const u16 rids[] = { 0x100, 0x1a0, 0x240, 0x2e0 };
	struct pci_fabric_fn_desc desc = pf_desc;
	struct pci_fabric_fn *rp;
	struct pci_dev *dev;
	struct sriov *s;
	u8 first, last;

	desc.sriov.offset = 0x100;
	desc.sriov.stride = 0xa0;
	s = make_switch(test, &desc, &rp);
	first = s->dev->bus->number;
	use_vf_driver(test);
	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 4), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&vf_probes), 4);
	for (int i = 0; i < 4; i++) {
		struct pci_fabric_fn *vf = pci_fabric_vf(s->pf, i);
		void __iomem *bar;

		dev = vf_dev(test, s, i);
		KUNIT_EXPECT_EQ(test, pci_dev_id(dev), (first << 8) + rids[i]);
		bar = map_vf(test, dev, 0);
		writel(0x1234 + i, bar);
		KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(vf, 0, 0, 4), 0x1234 + i);
		KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(vf, 0),
				PCI_FABRIC_IRQ_DELIVERED);
		KUNIT_EXPECT_EQ(test, vf_hits(dev, 0), 1);
		KUNIT_EXPECT_TRUE(test, is_absent(dev->bus, dev->devfn + 1));
	}

	/* The root port forwards less: the buses of VFs 1 and 0 remain */
	dev = pci_fabric_pdev(rp);
	last = cfg_read(dev, 0x1a, 1);
	KUNIT_EXPECT_EQ(test, last, first + 2);
	cfg_write(dev, 0x1a, 1, first + 1);
	KUNIT_EXPECT_FALSE(test, is_absent(vf_dev(test, s, 1)->bus, 0xa0));
	KUNIT_EXPECT_TRUE(test, is_absent(vf_dev(test, s, 2)->bus, 0x40));
	cfg_write(dev, 0x1a, 1, last);
	KUNIT_EXPECT_FALSE(test, is_absent(vf_dev(test, s, 2)->bus, 0x40));

	disable(s->dev);
	KUNIT_EXPECT_EQ(test, atomic_read(&vf_removes), 4);
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(pci_fabric_vf(s->pf, 3)));
}

/* A Routing ID past ffff does not begin again at 0, where the root port is. */
static void no_bus_left(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = pf_desc;
	struct sriov *s;

	desc.sriov.total_vfs = 1;
	desc.sriov.offset = 0xff08;
	s = make_desc(test, &desc);
	KUNIT_ASSERT_EQ(test, pci_dev_id(s->dev), 0x0100);
	enable_raw(s, 1);
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(pci_fabric_vf(s->pf, 0)));
	cfg_write(s->dev, s->cap + CTRL, 2, 0);
}

/*
 * Sec 9.3.3.3.5, 6.13: VF 7 is where device 1 would be, and gets through with ARI
 * only; which the kernel enables, as the PF has the capability.
 */
static void past_device_zero(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = pf_desc;
	unsigned int devctl2;
	struct sriov *s;

	desc.sriov.total_vfs = 12;
	s = make_desc(test, &desc);
	devctl2 = pci_fabric_cap_pos(s->port, 0x10, false) + 0x28;
	KUNIT_EXPECT_EQ(test, cfg_read(s->port_dev, devctl2, 2), 1 << 5);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + CTRL, 2), ARI);
	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 12), 0);
	KUNIT_EXPECT_EQ(test, vf_dev(test, s, 11)->devfn, 12);
	cfg_write(s->port_dev, devctl2, 2, 0);
	KUNIT_EXPECT_TRUE(test, vf_answers(s, 7));
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 8));
	cfg_write(s->port_dev, devctl2, 2, 1 << 5);
	KUNIT_EXPECT_TRUE(test, vf_answers(s, 8));
}

/*
 * Two PFs: VFs of each, ARI Capable Hierarchy in the first only (sec 9.3.3.3.5),
 * Next Function Number from one to the other (sec 7.8.8.2), a Function Dependency
 * Link (sec 9.3.3.8).
 */
static void two_pfs(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn_desc desc = pf_desc;
	struct pci_fabric_fn *port, *pf;
	unsigned int ari, cap;
	struct pci_dev *dev;
	struct sriov *s;

	port = add_port(fabric, NULL, 0, TYPE_ROOT_PORT);
	desc.sriov.offset = 2;
	desc.sriov.stride = 2;
	desc.devfn = 9;		/* with ARI, function 9 of the device */
	desc.sriov.link_other = true;
	desc.sriov.link = 0;
	pf = pci_fabric_add(fabric, port, &desc);
	desc.devfn = 0;
	desc.sriov.link_other = false;
	s = make_at(test, fabric, port, &desc);

	dev = pci_fabric_pdev(pf);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	ari = pci_find_ext_capability(s->dev, 0x0e);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, ari + 4, 2), 0x0900);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, ari + 4, 2), 0);
	cap = pci_find_ext_capability(dev, 0x10);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + 0x04, 4), 2);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, cap + 0x04, 4), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + 0x12, 1), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, cap + 0x12, 1), 0);
	cfg_write(dev, cap + CTRL, 2, ARI);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, cap + CTRL, 2), 0);

	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 3), 0);
	KUNIT_ASSERT_EQ(test, enable(test, dev, 2), 0);
	KUNIT_EXPECT_PTR_EQ(test, vf_dev(test, s, 2)->physfn, s->dev);
	KUNIT_EXPECT_EQ(test, vf_dev(test, s, 2)->devfn, 6);
	KUNIT_EXPECT_PTR_EQ(test, pci_fabric_pdev(pci_fabric_vf(pf, 1))->physfn, dev);
	KUNIT_EXPECT_EQ(test, pci_fabric_pdev(pci_fabric_vf(pf, 1))->devfn, 13);
	disable(dev);
	KUNIT_EXPECT_TRUE(test, vf_answers(s, 2));
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 11));
}

/* A Root Complex Integrated Endpoint has no link, so no ARI (sec 9.3.7). */
static void integrated(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = pf_desc;
	struct sriov *s;

	desc.pcie_type = TYPE_RCIEP;
	desc.devfn = PCI_DEVFN(3, 0);
	desc.sriov.total_vfs = 2;
	s = make_at(test, pci_fabric_alloc(test), NULL, &desc);
	KUNIT_EXPECT_EQ(test, pci_find_ext_capability(s->dev, 0x0e), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + 0x04, 4), 0);
	/* a function number, that is without the device number */
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + 0x12, 1), 0);
	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 2), 0);
	KUNIT_EXPECT_EQ(test, vf_dev(test, s, 1)->devfn, PCI_DEVFN(3, 2));
	KUNIT_EXPECT_EQ(test, pci_pcie_type(vf_dev(test, s, 1)), TYPE_RCIEP);
}

enum pull { PULL_PF, PULL_PORT, PULL_ROOT_PORT };

static const enum pull pulls[] = { PULL_PF, PULL_PORT, PULL_ROOT_PORT };

static void pull_name(const enum pull *pull, char *desc)
{
	static const char * const names[] = { "PF", "port above", "root port" };

	strscpy(desc, names[*pull], KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pull, pulls, pull_name);

/*
 * What is pulled out takes the VFs with it: they answer in neither configuration
 * space nor memory, and send no interrupts.  What is put back has none.
 */
static void surprise_removal(struct kunit *test)
{
	enum pull pull = *(const enum pull *)test->param_value;
	struct pci_fabric_fn *rp, *fn, *vf;
	void __iomem *bar;
	struct sriov *s;

	s = make_switch(test, &pf_desc, &rp);
	fn = pull == PULL_PF ? s->pf : pull == PULL_PORT ? s->port : rp;
	vf = pci_fabric_vf(s->pf, 1);
	use_vf_driver(test);
	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 2), 0);
	bar = map_vf(test, vf_dev(test, s, 1), 0);
	writel(0x1234, bar);
	KUNIT_ASSERT_EQ(test, readl(bar), 0x1234);

	pci_fabric_surprise_remove(fn);
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 2));
	KUNIT_EXPECT_EQ(test, readl(bar), ~0U);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(vf, 0), PCI_FABRIC_IRQ_BLOCKED);
	disable(s->dev);
	KUNIT_EXPECT_EQ(test, atomic_read(&vf_removes), 2);
	/* The PF did not hear of that */
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(s->pf, s->cap + CTRL, 2) & VFE, VFE);

	pci_fabric_insert(fn);
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 2));
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(s->pf, s->cap + CTRL, 2), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(s->pf, s->cap + NUM_VFS, 2), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(vf, 0x04, 2), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(vf, 0, 0, 4), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(vf, 0, 0x100c, 4), 1);
	if (pull != PULL_PF)
		return;
	enable_raw(s, 2);
	KUNIT_EXPECT_TRUE(test, vf_answers(s, 2));
	cfg_write(s->dev, s->cap + CTRL, 2, 0);
}

/* A VF that is dead alone, and one that lives on beside it */
static void surprise_removal_of_vf(struct kunit *test)
{
	struct sriov *s = make_sriov(test);

	enable_raw(s, 2);
	pci_fabric_surprise_remove(pci_fabric_vf(s->pf, 0));
	KUNIT_EXPECT_FALSE(test, vf_answers(s, 1));
	KUNIT_EXPECT_TRUE(test, vf_answers(s, 2));
	pci_fabric_insert(pci_fabric_vf(s->pf, 0));
	KUNIT_EXPECT_TRUE(test, vf_answers(s, 1));
	cfg_write(s->dev, s->cap + CTRL, 2, 0);
}

static struct kunit_case pci_fabric_sriov_cases[] = {
	KUNIT_CASE(registers),
	KUNIT_CASE(vf_bar_sizing),
	KUNIT_CASE(vf_enable),
	KUNIT_CASE(initial_vfs),
	KUNIT_CASE_SLOW(vf_config),
	KUNIT_CASE_SLOW(vf_bars),
	KUNIT_CASE(vf_bar_page_size),
	KUNIT_CASE_SLOW(vf_msix),
	KUNIT_CASE_SLOW(vf_enable_again),
	KUNIT_CASE_SLOW(vf_flr),
	KUNIT_CASE_SLOW(pf_flr),
	KUNIT_CASE(secondary_bus_reset),
	KUNIT_CASE_SLOW(pf_power),
	KUNIT_CASE_SLOW(several_buses),
	KUNIT_CASE(no_bus_left),
	KUNIT_CASE_SLOW(past_device_zero),
	KUNIT_CASE_SLOW(two_pfs),
	KUNIT_CASE_SLOW(integrated),
	KUNIT_CASE_PARAM_ATTR(surprise_removal, pull_gen_params,
			      {.speed = KUNIT_SPEED_SLOW}),
	KUNIT_CASE(surprise_removal_of_vf),
	{}
};

static struct kunit_suite pci_fabric_sriov_suite = {
	.name = "pci_fabric_sriov",
	.test_cases = pci_fabric_sriov_cases,
};

kunit_test_suite(pci_fabric_sriov_suite);

MODULE_DESCRIPTION("KUnit tests for SR-IOV in the emulated PCI fabric");
MODULE_LICENSE("GPL");
