// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the emulated PCI fabric: the SR-IOV capability, and where VFs are
 * and what they look like.  See pci_fabric_kunit.h for where the expected values
 * come from.
 */
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_sriov_kunit.h"

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
 * Two PFs: VFs of each, which do not come anew with the other's; ARI Capable
 * Hierarchy in the first only (sec 9.3.3.3.5); Next Function Number from each
 * function that is not virtual to the next (sec 7.8.8.2); a Function Dependency
 * Link (sec 9.3.3.8).
 */
static void two_pfs(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn_desc desc = pf_desc;
	struct pci_fabric_fn *port, *plain, *pf;
	unsigned int ari, cap;
	struct pci_dev *dev;
	struct sriov *s;

	port = add_port(fabric, NULL, 0, TYPE_ROOT_PORT);
	plain = pci_fabric_add(fabric, port, &(struct pci_fabric_fn_desc){
		.devfn = 3, .device = 0x0390, .ari = true,
	});
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
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, ari + 4, 2), 0x0300);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(plain, 0x100 + 4, 2), 0x0900);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, ari + 4, 2), 0);
	cap = pci_find_ext_capability(dev, 0x10);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + 0x04, 4), 2);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, cap + 0x04, 4), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(s->dev, s->cap + 0x12, 1), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, cap + 0x12, 1), 0);
	cfg_write(dev, cap + CTRL, 2, ARI);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, cap + CTRL, 2), 0);

	KUNIT_ASSERT_EQ(test, enable(test, s->dev, 3), 0);
	cmd_set(vf_dev(test, s, 0), 0, CMD_MASTER);
	KUNIT_ASSERT_EQ(test, enable(test, dev, 2), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(vf_dev(test, s, 0), 0x04, 2), CMD_MASTER);
	KUNIT_EXPECT_PTR_EQ(test, vf_dev(test, s, 2)->physfn, s->dev);
	KUNIT_EXPECT_EQ(test, vf_dev(test, s, 2)->devfn, 6);
	KUNIT_EXPECT_PTR_EQ(test, vf_of(test, pf, 1)->physfn, dev);
	KUNIT_EXPECT_EQ(test, vf_of(test, pf, 1)->devfn, 13);
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

static struct kunit_case pci_fabric_sriov_cases[] = {
	KUNIT_CASE(registers),
	KUNIT_CASE(vf_bar_sizing),
	KUNIT_CASE(vf_enable),
	KUNIT_CASE(initial_vfs),
	KUNIT_CASE_SLOW(vf_config),
	KUNIT_CASE_SLOW(vf_bars),
	KUNIT_CASE(vf_bar_page_size),
	KUNIT_CASE(no_bus_left),
	KUNIT_CASE_SLOW(past_device_zero),
	KUNIT_CASE_SLOW(two_pfs),
	KUNIT_CASE_SLOW(integrated),
	{}
};

static struct kunit_suite pci_fabric_sriov_suite = {
	.name = "pci_fabric_sriov",
	.test_cases = pci_fabric_sriov_cases,
};

kunit_test_suite(pci_fabric_sriov_suite);

MODULE_DESCRIPTION("KUnit tests for SR-IOV in the emulated PCI fabric");
MODULE_LICENSE("GPL");
