// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the emulated PCI fabric: VFs at work.  Their driver and interrupts,
 * resets of a VF and of what is above it, several buses, removal.  See
 * pci_fabric_kunit.h for where the expected values come from.
 */
#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_sriov_kunit.h"

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
	KUNIT_ASSERT_NOT_NULL(test, dev);
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

static struct kunit_case pci_fabric_vf_cases[] = {
	KUNIT_CASE_SLOW(vf_msix),
	KUNIT_CASE_SLOW(vf_enable_again),
	KUNIT_CASE_SLOW(vf_flr),
	KUNIT_CASE_SLOW(pf_flr),
	KUNIT_CASE(secondary_bus_reset),
	KUNIT_CASE_SLOW(pf_power),
	KUNIT_CASE_SLOW(several_buses),
	KUNIT_CASE_PARAM_ATTR(surprise_removal, pull_gen_params,
			      {.speed = KUNIT_SPEED_SLOW}),
	KUNIT_CASE(surprise_removal_of_vf),
	{}
};

static struct kunit_suite pci_fabric_vf_suite = {
	.name = "pci_fabric_vf",
	.test_cases = pci_fabric_vf_cases,
};

kunit_test_suite(pci_fabric_vf_suite);

MODULE_DESCRIPTION("KUnit tests for VFs of the emulated PCI fabric");
MODULE_LICENSE("GPL");
