// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of what the DesignWare endpoint driver tells of its integrated eDMA: where
 * the registers are, and which doorbell is in there.  A glue driver probes the real
 * endpoint driver, which probes the real dw-edma core, on emulated registers.
 */
#include <kunit/of.h>
#include <kunit/platform_device.h>
#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_platform.h>
#include <linux/platform_device.h>

#include "../../controller/dwc/pcie-designware.h"
#include "pci_ep_fake.h"
#include "pci_ep_iomem.h"

#define DBI		(PCI_EP_IOMEM_START + 0x1000000)
#define DBI2		(DBI + 0x10000)
#define ATU		(DBI + 0x100000)
#define DMA		(DBI + 0x200000)
#define ADDR_SPACE	(DBI + 0x1000000)

/* The eDMA is this far behind the iATU, if it is not elsewhere */
#define ATU_DMA		0x80000

/* Registers, by the databook */
#define DBI_ATU_VIEWPORT	0x900
#define DBI_DMA_CTRL		0x978
#define DMA_CTRL		0x008
#define DMA_RD_INT_STATUS	0x0a0

struct glue {
	struct dw_pcie pci;
	struct dw_pcie_ep_ops ops;
	struct pci_epc_features features;
	struct pci_epc_bar_rsvd_region regions[3];
	struct kunit *test;
	struct pci_ep_iomem *dbi, *atu, *dma;
	int irq[2];
	size_t atu_size, dma_size;
	bool registers, no_features, initialized;
	int ret;
};

static struct glue *cur;

static const struct pci_epc_features *glue_features(struct dw_pcie_ep *ep)
{
	return cur->no_features ? NULL : &cur->features;
}

static int glue_irq_vector(struct device *dev, unsigned int nr)
{
	return cur->irq[nr];
}

static const struct dw_edma_plat_ops glue_edma_ops = {
	.irq_vector = glue_irq_vector,
};

static int glue_probe(struct platform_device *pdev)
{
	struct glue *g = cur;

	g->pci.dev = &pdev->dev;
	g->pci.ep.ops = &g->ops;
	platform_set_drvdata(pdev, g);
	g->ret = dw_pcie_ep_init(&g->pci.ep);
	if (g->ret)
		return g->ret;
	if (g->registers)
		g->ret = dw_pcie_ep_init_registers(&g->pci.ep);
	if (g->ret)
		dw_pcie_ep_deinit(&g->pci.ep);
	g->initialized = !g->ret;
	return g->ret;
}

static void glue_remove(struct platform_device *pdev)
{
	struct glue *g = platform_get_drvdata(pdev);

	dw_pcie_ep_deinit(&g->pci.ep);
	g->initialized = false;
}

static struct platform_driver glue_driver = {
	.driver.name	= "pcie-dwc-aux",
	.probe		= glue_probe,
	.remove		= glue_remove,
};

/* A glue driver's structure, of a controller that has an eDMA, of nothing special. */
static struct glue *make(struct kunit *test)
{
	struct glue *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, g);
	g->test = test;
	g->ops.get_features = glue_features;
	g->irq[0] = pci_ep_fake_irq(test);
	g->irq[1] = pci_ep_fake_irq(test);
	g->pci.edma.ops = &glue_edma_ops;
	/* As many as there are channels, see below */
	g->pci.edma.nr_irqs = 2;
	g->dma_size = SZ_8K;

	g->dbi = pci_ep_iomem(test, DBI, SZ_8K);
	*(u32 *)&g->dbi->mem[DBI_ATU_VIEWPORT] = 0xffffffff;
	*(u32 *)&g->dbi->mem[DBI_DMA_CTRL] = 0xffffffff;
	pci_ep_iomem(test, DBI2, SZ_4K);
	g->atu = pci_ep_iomem(test, ATU, SZ_1M);
	*(u32 *)&g->atu->mem[ATU_DMA + DMA_CTRL] = 0x00010001;
	g->dma = pci_ep_iomem(test, DMA, SZ_8K);
	*(u32 *)&g->dma->mem[DMA_CTRL] = 0x00010001;
	cur = g;
	return g;
}

static int probe(struct glue *g)
{
	struct resource res[] = {
		DEFINE_RES_MEM_NAMED(DBI, SZ_8K, "dbi"),
		DEFINE_RES_MEM_NAMED(DBI2, SZ_4K, "dbi2"),
		DEFINE_RES_MEM_NAMED(ADDR_SPACE, SZ_1M, "addr_space"),
		{}, {}
	};
	struct kunit *test = g->test;
	struct platform_device *pdev;
	int n = 3;

	if (g->atu_size)
		res[n++] = DEFINE_RES_MEM_NAMED(ATU, g->atu_size, "atu");
	if (g->dma_size)
		res[n++] = DEFINE_RES_MEM_NAMED(DMA, g->dma_size, "dma");

	KUNIT_ASSERT_EQ(test, kunit_platform_driver_register(test, &glue_driver), 0);
	pdev = kunit_platform_device_alloc(test, "pcie-dwc-aux", PLATFORM_DEVID_NONE);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, platform_device_add_resources(pdev, res, n), 0);
	KUNIT_ASSERT_EQ(test, kunit_platform_device_add(test, pdev), 0);
	return g->ret;
}

/* A controller whose eDMA has a doorbell, as dw_edma_probe() leaves it. */
static struct glue *make_doorbell(struct kunit *test)
{
	struct glue *g = make(test);

	KUNIT_ASSERT_EQ(test, probe(g), 0);
	g->pci.edma.db_irq = 42;
	g->pci.edma.db_offset = DMA_RD_INT_STATUS;
	return g;
}

static struct pci_epc_aux_resource got;

static int count_of(struct glue *g, u8 vfunc_no)
{
	int count, ret;

	ret = pci_epc_count_aux_resources(g->pci.ep.epc, 0, vfunc_no, &count);
	return ret ?: count;
}

static int get_of(struct glue *g, u8 vfunc_no)
{
	if (!PCI_EPC_AUX_STRICT)
		memset(&got, 0, sizeof(got));
	return pci_epc_get_aux_resources(g->pci.ep.epc, 0, vfunc_no, &got, 1);
}

/* Neither operation finds a doorbell, which is no error. */
static void expect_none(struct kunit *test, struct glue *g)
{
	KUNIT_EXPECT_EQ(test, count_of(g, 0), 0);
	KUNIT_EXPECT_EQ(test, get_of(g, 0), 0);
	KUNIT_EXPECT_EQ(test, got.size, 0);
	KUNIT_EXPECT_EQ(test, got.u.db_mmio.irq, 0);
}

/* Both operations fail, in the same way, or there is one that cannot be had. */
static void expect_error(struct kunit *test, struct glue *g, int ret)
{
	KUNIT_EXPECT_EQ(test, count_of(g, 0), PCI_EPC_AUX_STRICT ? ret : 1);
	KUNIT_EXPECT_EQ(test, get_of(g, 0), ret);
}

static void expect_doorbell(struct kunit *test, struct glue *g, phys_addr_t phys,
			    int bar, resource_size_t offset)
{
	KUNIT_EXPECT_EQ(test, count_of(g, 0), 1);
	KUNIT_EXPECT_EQ(test, get_of(g, 0), 0);
	KUNIT_EXPECT_EQ(test, got.type, PCI_EPC_AUX_DOORBELL_MMIO);
	KUNIT_EXPECT_EQ(test, got.phys_addr, phys);
	KUNIT_EXPECT_EQ(test, got.size, 4);
	KUNIT_EXPECT_EQ(test, got.bar, bar);
	KUNIT_EXPECT_EQ(test, got.bar_offset, offset);
	KUNIT_EXPECT_EQ(test, got.u.db_mmio.irq, g->pci.edma.db_irq);
	KUNIT_EXPECT_EQ(test, got.u.db_mmio.data, 0);
}

/* --- The window of the registers --- */

static void expect_window(struct kunit *test, struct glue *g, phys_addr_t phys,
			  resource_size_t size)
{
	KUNIT_EXPECT_EQ(test, g->pci.edma_reg_size, size);
	if (size)
		KUNIT_EXPECT_EQ(test, g->pci.edma_reg_phys, phys);
}

/* Registers that are a resource of their own, which is better than behind the iATU. */
static void window_of_the_dma_resource(struct kunit *test)
{
	struct glue *g = make(test);

	g->atu_size = SZ_1M;
	KUNIT_ASSERT_EQ(test, probe(g), 0);
	expect_window(test, g, DMA, SZ_8K);
}

/* Registers behind those of the iATU. */
static void window_behind_the_iatu(struct kunit *test)
{
	struct glue *g = make(test);

	g->dma_size = 0;
	g->atu_size = SZ_1M;
	KUNIT_ASSERT_EQ(test, probe(g), 0);
	expect_window(test, g, ATU + ATU_DMA, SZ_1M - ATU_DMA);
}

/* The iATU is too small to have them behind it. */
static void window_of_a_small_iatu(struct kunit *test)
{
	struct glue *g = make(test);

	g->dma_size = 0;
	g->atu_size = SZ_1M - 4;
	KUNIT_ASSERT_EQ(test, probe(g), 0);
	expect_window(test, g, 0, 0);
	g->pci.edma.db_irq = 42;
	expect_none(test, g);
}

/* Glue drivers that map the iATU do not tell where it is. */
static void window_of_a_glue_driver(struct kunit *test)
{
	struct glue *g = make(test);
	void __iomem *atu = ioremap(ATU, SZ_1M);

	KUNIT_ASSERT_NOT_NULL(test, (void __force *)atu);
	g->dma_size = 0;
	g->pci.atu_base = atu;
	g->pci.atu_size = SZ_1M;
	KUNIT_EXPECT_EQ(test, probe(g), 0);
	KUNIT_EXPECT_PTR_EQ(test, (void __force *)g->pci.edma.reg_base,
			    (void __force *)atu + ATU_DMA);
	expect_window(test, g, 0, 0);
	iounmap(atu);
}

/* Nor do those that map the eDMA. */
static void window_mapped_by_a_glue_driver(struct kunit *test)
{
	struct glue *g = make(test);
	void __iomem *dma = ioremap(DMA, SZ_8K);

	KUNIT_ASSERT_NOT_NULL(test, (void __force *)dma);
	g->pci.edma.reg_base = dma;
	KUNIT_EXPECT_EQ(test, probe(g), 0);
	expect_window(test, g, 0, 0);
	iounmap(dma);
}

/* Legacy registers are elsewhere, so the window is not theirs. */
static void legacy_registers(struct kunit *test)
{
	struct glue *g = make(test);

	*(u32 *)&g->dbi->mem[DBI_DMA_CTRL] = 0x00010001;
	g->registers = true;
	KUNIT_ASSERT_EQ(test, probe(g), 0);
	KUNIT_EXPECT_EQ(test, g->pci.edma.mf, EDMA_MF_EDMA_LEGACY);
	KUNIT_EXPECT_GT(test, g->pci.edma.db_irq, 0);
	expect_window(test, g, 0, 0);
	expect_none(test, g);
}

/* --- The doorbell --- */

/* A doorbell in no BAR */
static void described(struct kunit *test)
{
	struct glue *g = make_doorbell(test);

	expect_doorbell(test, g, DMA + 0xa0, NO_BAR, 0);
}

/* All has to be known that makes a doorbell: the window, the offset, the IRQ. */
static void no_doorbell(struct kunit *test)
{
	static const int irqs[] = { 0, -1, -ENODEV };
	struct glue *g = make_doorbell(test);

	for (int i = 0; i < ARRAY_SIZE(irqs); i++) {
		g->pci.edma.db_irq = irqs[i];
		expect_none(test, g);
		/* As it is before dw_edma_probe(), or if that is never called */
		g->pci.edma.db_offset = 0;
		expect_none(test, g);
		g->pci.edma.db_offset = DMA_RD_INT_STATUS;
	}
	g->pci.edma.db_irq = 42;
	g->pci.edma.db_offset = ~(resource_size_t)0;
	expect_none(test, g);
	g->pci.edma.db_offset = DMA_RD_INT_STATUS;
	g->pci.edma_reg_size = 0;
	expect_none(test, g);
}

/* The registers cannot be assigned to virtual functions. */
static void virtual_functions(struct kunit *test)
{
	struct glue *g = make_doorbell(test);
	static u8 max_vfs[] = { 2 };

	if (!PCI_EPC_AUX_STRICT)
		kunit_skip(test, "the controller is asked about functions alone");
	g->pci.ep.epc->max_vfs = max_vfs;
	KUNIT_EXPECT_EQ(test, count_of(g, 0), 1);
	for (int i = 1; i <= 2; i++) {
		KUNIT_EXPECT_EQ(test, count_of(g, i), -EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, get_of(g, i), -EOPNOTSUPP);
	}
	g->pci.ep.epc->max_vfs = NULL;
}

/* The last register of the window is in there, and all of it has to be. */
static void doorbell_at_the_end_of_the_window(struct kunit *test)
{
	struct glue *g = make_doorbell(test);

	g->pci.edma.db_offset = SZ_8K - 4;
	expect_doorbell(test, g, DMA + SZ_8K - 4, NO_BAR, 0);
	for (int i = 3; i >= 0; i--) {
		g->pci.edma.db_offset = SZ_8K - i;
		expect_error(test, g, -EINVAL);
	}
	g->pci.edma_reg_size = 4;
	g->pci.edma.db_offset = 0;
	expect_doorbell(test, g, DMA, NO_BAR, 0);
	g->pci.edma_reg_size = 3;
	expect_error(test, g, -EINVAL);
}

/* Outside of the window is an error, however far. */
static void doorbell_outside_of_the_window(struct kunit *test)
{
	struct glue *g = make_doorbell(test);
	static const resource_size_t outside[] = {
		SZ_8K, SZ_1G, (resource_size_t)-2, (resource_size_t)-3,
		(resource_size_t)-4, (resource_size_t)-5, (resource_size_t)LLONG_MIN,
	};

	for (int i = 0; i < ARRAY_SIZE(outside); i++) {
		g->pci.edma.db_offset = outside[i];
		expect_error(test, g, -EINVAL);
	}
}

/* --- The BAR --- */

static void add_region(struct glue *g, int bar, enum pci_epc_bar_rsvd_region_type type,
		       resource_size_t offset, resource_size_t size)
{
	struct pci_epc_bar_desc *desc = &g->features.bar[bar];
	struct pci_epc_bar_rsvd_region *region = g->regions;

	while (region->size)
		region++;
	region->type = type;
	region->offset = offset;
	region->size = size;
	desc->type = BAR_RESERVED;
	if (!desc->nr_rsvd_regions++)
		desc->rsvd_regions = region;
}

/* The controller always exposes the registers in a BAR, as that of RK3588 does. */
static void reserved_bar(struct kunit *test)
{
	struct glue *g = make_doorbell(test);

	add_region(g, BAR_4, PCI_EPC_BAR_RSVD_DMA_CTRL_MMIO, 0x3000, SZ_8K);
	expect_doorbell(test, g, DMA + 0xa0, BAR_4, 0x30a0);
}

/* The BAR may expose a part of them, which the doorbell is in, or not. */
static void smaller_region(struct kunit *test)
{
	struct glue *g = make_doorbell(test);

	add_region(g, BAR_4, PCI_EPC_BAR_RSVD_DMA_CTRL_MMIO, 0, 0xa4);
	expect_doorbell(test, g, DMA + 0xa0, BAR_4, 0xa0);
	g->regions[0].size = 0xa3;
	expect_error(test, g, -EINVAL);
	g->regions[0].size = 0x80;
	expect_error(test, g, -EINVAL);

	/* A region that is larger does not make the window larger */
	g->regions[0].size = SZ_1M;
	g->pci.edma.db_offset = SZ_8K;
	expect_error(test, g, -EINVAL);
}

/* Of two regions, the first is used. */
static void two_regions(struct kunit *test)
{
	struct glue *g = make_doorbell(test);

	add_region(g, BAR_2, PCI_EPC_BAR_RSVD_DMA_CTRL_MMIO, 0x1000, SZ_8K);
	add_region(g, BAR_2, PCI_EPC_BAR_RSVD_DMA_CTRL_MMIO, 0x5000, SZ_8K);
	add_region(g, BAR_4, PCI_EPC_BAR_RSVD_DMA_CTRL_MMIO, 0x7000, SZ_8K);
	expect_doorbell(test, g, DMA + 0xa0, BAR_2, 0x10a0);
}

/* Regions of other things are not those of the eDMA. */
static void other_regions(struct kunit *test)
{
	struct glue *g = make_doorbell(test);

	add_region(g, BAR_2, PCI_EPC_BAR_RSVD_MSIX_TBL_RAM, 0, SZ_8K);
	add_region(g, BAR_2, PCI_EPC_BAR_RSVD_MSIX_PBA_RAM, 0x2000, SZ_8K);
	expect_doorbell(test, g, DMA + 0xa0, NO_BAR, 0);
	add_region(g, BAR_2, PCI_EPC_BAR_RSVD_DMA_CTRL_MMIO, 0x4000, SZ_8K);
	expect_doorbell(test, g, DMA + 0xa0, BAR_2, 0x40a0);
}

/* What is left of a description of a BAR that is not reserved does not count. */
static void bars_that_are_not_reserved(struct kunit *test)
{
	static const enum pci_epc_bar_type types[] = {
		BAR_PROGRAMMABLE, BAR_FIXED, BAR_RESIZABLE,
	};
	struct glue *g = make_doorbell(test);

	if (!PCI_EPC_AUX_STRICT)
		kunit_skip(test, "a BAR with a region counts, whatever it is");
	add_region(g, BAR_4, PCI_EPC_BAR_RSVD_DMA_CTRL_MMIO, 0, SZ_8K);
	for (int i = 0; i < ARRAY_SIZE(types); i++) {
		g->features.bar[BAR_4].type = types[i];
		expect_doorbell(test, g, DMA + 0xa0, NO_BAR, 0);
	}
}

/* A glue driver need not have features. */
static void no_features(struct kunit *test)
{
	struct glue *g = make_doorbell(test);

	g->no_features = true;
	expect_doorbell(test, g, DMA + 0xa0, NO_BAR, 0);
	g->ops.get_features = NULL;
	expect_doorbell(test, g, DMA + 0xa0, NO_BAR, 0);
}

/* Less than one element holds no doorbell, and if there is none, it suffices. */
static void array_too_small(struct kunit *test)
{
	struct glue *g = make_doorbell(test);
	struct pci_epc *epc = g->pci.ep.epc;

	memset(&got, 0xa5, sizeof(got));
	KUNIT_EXPECT_EQ(test, epc->ops->get_aux_resources(epc, 0, 0, &got, 0), -ENOSPC);
	KUNIT_EXPECT_NULL(test, memchr_inv(&got, 0xa5, sizeof(got)));
	g->pci.edma.db_irq = 0;
	KUNIT_EXPECT_EQ(test, epc->ops->get_aux_resources(epc, 0, 0, &got, 0), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(&got, 0xa5, sizeof(got)));
}

/* --- With the dw-edma core --- */

static irqreturn_t doorbell(int irq, void *data)
{
	(*(int *)data)++;
	return IRQ_HANDLED;
}

/* The doorbell of a real eDMA raises the IRQ that is told, and goes with the controller. */
static void real_edma(struct kunit *test)
{
	struct glue *g = make(test);
	int rung = 0;

	g->registers = true;
	KUNIT_ASSERT_EQ(test, probe(g), 0);
	KUNIT_EXPECT_EQ(test, g->pci.edma.mf, EDMA_MF_EDMA_UNROLL);
	expect_doorbell(test, g, DMA + 0xa0, NO_BAR, 0);
	KUNIT_ASSERT_GT(test, got.u.db_mmio.irq, 0);
	KUNIT_ASSERT_EQ(test, request_irq(got.u.db_mmio.irq, doorbell, IRQF_SHARED,
					  "pcie-dwc-aux", &rung), 0);
	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, generic_handle_irq_safe(g->irq[i]), 0);
		KUNIT_EXPECT_EQ(test, rung, i + 1);
	}
	free_irq(got.u.db_mmio.irq, &rung);

	/* As a controller does whose reference clock goes */
	dw_pcie_ep_cleanup(&g->pci.ep);
	expect_none(test, g);
	g->pci.edma.dw = NULL;
}

/* An eDMA whose interrupts are not described has a window, and no doorbell. */
static void edma_without_interrupts(struct kunit *test)
{
	struct glue *g = make(test);

	g->registers = true;
	g->pci.edma.nr_irqs = 0;
	KUNIT_ASSERT_EQ(test, probe(g), 0);
	expect_window(test, g, DMA, SZ_8K);
	expect_none(test, g);
}

/* The same of the platform driver, by a device tree. */
static void platform_driver(struct kunit *test)
{
	struct glue *g = make(test);
	struct platform_device *pdev;
	struct device_node *np;
	struct dw_pcie_ep *ep;
	struct pci_epc *epc;
	int count;

	KUNIT_ASSERT_EQ(test, of_overlay_apply_kunit(test, pcie_dwc_aux_of), 0);
	np = of_find_node_by_name(NULL, "dwc-aux");
	KUNIT_ASSERT_NOT_NULL(test, np);
	of_node_put_kunit(test, np);
	pdev = of_find_device_by_node(np);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	epc = pci_epc_get(dev_name(&pdev->dev));
	put_device(&pdev->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, epc);
	ep = epc_get_drvdata(epc);

	g->pci.ep.epc = epc;
	expect_none(test, g);
	KUNIT_EXPECT_EQ(test, to_dw_pcie_from_ep(ep)->edma_reg_phys, DMA);
	KUNIT_EXPECT_EQ(test, to_dw_pcie_from_ep(ep)->edma_reg_size, SZ_8K);

	to_dw_pcie_from_ep(ep)->edma.db_irq = 42;
	to_dw_pcie_from_ep(ep)->edma.db_offset = 0xa0;
	g->pci.edma.db_irq = 42;
	expect_doorbell(test, g, DMA + 0xa0, NO_BAR, 0);
	KUNIT_EXPECT_EQ(test, pci_epc_count_aux_resources(epc, 1, 0, &count), -EINVAL);

	/* It has no remove callback */
	dw_pcie_ep_deinit(ep);
	pci_epc_put(epc);
}

static struct kunit_case pcie_dwc_aux_cases[] = {
	KUNIT_CASE(window_of_the_dma_resource),
	KUNIT_CASE(window_behind_the_iatu),
	KUNIT_CASE(window_of_a_small_iatu),
	KUNIT_CASE(window_of_a_glue_driver),
	KUNIT_CASE(window_mapped_by_a_glue_driver),
	KUNIT_CASE(legacy_registers),
	KUNIT_CASE(described),
	KUNIT_CASE(no_doorbell),
	KUNIT_CASE(virtual_functions),
	KUNIT_CASE(doorbell_at_the_end_of_the_window),
	KUNIT_CASE(doorbell_outside_of_the_window),
	KUNIT_CASE(reserved_bar),
	KUNIT_CASE(smaller_region),
	KUNIT_CASE(two_regions),
	KUNIT_CASE(other_regions),
	KUNIT_CASE(bars_that_are_not_reserved),
	KUNIT_CASE(no_features),
	KUNIT_CASE(array_too_small),
	KUNIT_CASE(real_edma),
	KUNIT_CASE(edma_without_interrupts),
	KUNIT_CASE(platform_driver),
	{}
};

static struct kunit_suite pcie_dwc_aux_suite = {
	.name = "pcie_dwc_aux",
	.test_cases = pcie_dwc_aux_cases,
};

kunit_test_suite(pcie_dwc_aux_suite);

MODULE_DESCRIPTION("KUnit tests for eDMA doorbells of DesignWare endpoints");
MODULE_LICENSE("GPL");
