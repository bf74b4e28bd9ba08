// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for the emulated PCI endpoint controller: functions, BARs, outbound window.
 */
#include <kunit/pci.h>
#include <kunit/pci-epc.h>
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include "pci_fabric_ep_kunit.h"

/* Catches: a function that is there before its time or after it, a lost header. */
static void ep_appears(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct pci_dev *pdev;
	u32 val;

	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	pci_lock_rescan_remove();
	pci_rescan_bus(pci_fabric_host_bridge(ctx->fabric)->bus);
	pci_unlock_rescan_remove();
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(pci_fabric_ep_fn(ctx->ep, 0)));

	pdev = ep_start(test);
	KUNIT_EXPECT_EQ(test, pdev->vendor, EP_VENDOR);
	KUNIT_EXPECT_EQ(test, pdev->device, EP_DEVICE);
	KUNIT_EXPECT_EQ(test, pdev->revision, 0x5a);
	KUNIT_EXPECT_EQ(test, pdev->class, 0xff0203);
	KUNIT_EXPECT_EQ(test, pdev->subsystem_vendor, 0x1234);
	KUNIT_EXPECT_EQ(test, pdev->subsystem_device, 0x5678);
	KUNIT_EXPECT_EQ(test, pdev->pin, 2);
	KUNIT_EXPECT_EQ(test, pci_pcie_type(pdev), PCI_EXP_TYPE_ENDPOINT);
	KUNIT_EXPECT_EQ(test, pci_epc_start(ctx->epc), -EALREADY);

	/* Gone at once; the PCI core is told afterwards. */
	pci_epc_stop(ctx->epc);
	pci_read_config_dword(pdev, PCI_VENDOR_ID, &val);
	KUNIT_EXPECT_EQ(test, val, ~0U);
	KUNIT_EXPECT_TRUE(test, pci_fabric_ep_wait(ctx->ep, false));
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(pci_fabric_ep_fn(ctx->ep, 0)));
}

/* Catches: a controller that shows functions nobody configured, and only the first. */
static void ep_functions(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;

	ep_make(test, &(struct pci_fabric_ep_desc){ .functions = 3 });
	ep_write_header(test, 0);
	ep_write_header(test, 2);
	ep_start(test);
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(pci_fabric_ep_fn(ctx->ep, 1)));
	KUNIT_ASSERT_NOT_NULL(test, pci_fabric_pdev(pci_fabric_ep_fn(ctx->ep, 2)));
	KUNIT_EXPECT_EQ(test, pci_fabric_pdev(pci_fabric_ep_fn(ctx->ep, 2))->device,
			EP_DEVICE + 2);
}

/* Catches: a second start that shows the first function, or does not fit its window. */
static void ep_restart(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct pci_epf_bar bar = { .barno = BAR_0 };
	struct ep_mem *mem;
	struct pci_dev *pdev;

	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	ep_bar(test, BAR_0, SZ_4K, 0);
	pdev = ep_start(test);
	KUNIT_EXPECT_EQ(test, pci_resource_len(pdev, 0), SZ_4K);
	pci_epc_stop(ctx->epc);
	KUNIT_ASSERT_TRUE(test, pci_fabric_ep_wait(ctx->ep, false));

	pci_epc_clear_bar(ctx->epc, 0, 0, &bar);
	mem = ep_bar(test, BAR_2, SZ_2M, 0);
	pdev = ep_start(test);
	KUNIT_EXPECT_EQ(test, pci_resource_len(pdev, 0), 0);
	KUNIT_EXPECT_EQ(test, pci_resource_len(pdev, 2), SZ_2M);
	writel(0x12345678, ep_ioremap(test, pdev, 2) + SZ_2M - 4);
	KUNIT_EXPECT_EQ(test, *(u32 *)(mem->addr + SZ_2M - 4), 0x12345678);

	/* The root complex may not have noticed the stop */
	pci_epc_stop(ctx->epc);
	ep_start(test);
}

/* Catches: a controller that goes away and leaves its function. */
static void ep_destroy(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct pci_dev *pdev, *left;
	u32 val;

	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	pdev = ep_start(test);
	pci_fabric_ep_destroy(ctx->ep);
	KUNIT_EXPECT_FALSE(test, pci_device_is_present(pdev));
	pci_read_config_dword(pdev, PCI_VENDOR_ID, &val);
	KUNIT_EXPECT_EQ(test, val, ~0U);
	left = pci_get_slot(pdev->bus, pdev->devfn);
	KUNIT_EXPECT_NULL(test, left);
	pci_dev_put(left);

	/* Another one in the same place */
	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	ep_start(test);
}

/* Catches: a BAR that is not the memory which the endpoint gave, in both directions. */
static void ep_bar_memory(struct kunit *test)
{
	struct ep_mem *mem[2];
	void __iomem *bar[2];
	struct pci_dev *pdev;
	u8 *byte;

	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	mem[0] = ep_bar(test, BAR_1, SZ_64K, 0);
	mem[1] = ep_bar(test, BAR_2, SZ_8K, PCI_BASE_ADDRESS_MEM_TYPE_64 |
					    PCI_BASE_ADDRESS_MEM_PREFETCH);
	pdev = ep_start(test);
	KUNIT_EXPECT_EQ(test, pci_resource_len(pdev, 1), SZ_64K);
	KUNIT_EXPECT_EQ(test, pci_resource_len(pdev, 2), SZ_8K);
	KUNIT_EXPECT_TRUE(test, pci_resource_flags(pdev, 2) & IORESOURCE_MEM_64);
	KUNIT_EXPECT_TRUE(test, pci_resource_flags(pdev, 2) & IORESOURCE_PREFETCH);
	KUNIT_EXPECT_FALSE(test, pci_resource_flags(pdev, 1) & IORESOURCE_PREFETCH);
	KUNIT_EXPECT_EQ(test, pci_resource_len(pdev, 0), 0);

	for (int i = 0; i < 2; i++) {
		bar[i] = ep_ioremap(test, pdev, i + 1);
		byte = mem[i]->addr;
		writel(0x11223344 + i, bar[i] + 0x20);
		KUNIT_EXPECT_EQ(test, byte[0x20], 0x44 + i);	/* little-endian */
		KUNIT_EXPECT_EQ(test, byte[0x23], 0x11);
		byte[SZ_4K + 1] = 0xa5;
		KUNIT_EXPECT_EQ(test, readb(bar[i] + SZ_4K + 1), 0xa5);
		KUNIT_EXPECT_EQ(test, readw(bar[i] + SZ_4K), 0xa500);
	}
	writeb(0x7e, bar[0] + SZ_64K - 1);
	KUNIT_EXPECT_EQ(test, ((u8 *)mem[0]->addr)[SZ_64K - 1], 0x7e);
	KUNIT_EXPECT_EQ(test, readl(bar[1] + 0x20), 0x11223345);
}

/* Catches: a mapping that moves only after a rescan, pieces in the wrong order. */
static void ep_bar_moves(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct ep_mem *one, *two;
	struct pci_epf_bar_submap submap[2];
	struct pci_epf_bar bar = { .barno = BAR_0, .size = SZ_8K };
	void __iomem *addr;
	struct pci_dev *pdev;

	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	one = ep_bar(test, BAR_0, SZ_8K, 0);
	two = ep_alloc_mem(test, ctx->epc->dev.parent, SZ_8K);
	pdev = ep_start(test);
	addr = ep_ioremap(test, pdev, 0);
	writel(1, addr);

	bar.phys_addr = two->dma;
	KUNIT_ASSERT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), 0);
	writel(2, addr);
	KUNIT_EXPECT_EQ(test, *(u32 *)one->addr, 1);
	KUNIT_EXPECT_EQ(test, *(u32 *)two->addr, 2);

	/* The register has been seen, so its size is what it is. */
	bar.size = SZ_4K;
	KUNIT_EXPECT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), -EINVAL);
	bar.size = SZ_8K;
	writel(6, addr + 4);
	KUNIT_EXPECT_EQ(test, ((u32 *)two->addr)[1], 6);

	/* One that is refused takes what was behind it away, as with DesignWare */
	bar.phys_addr = two->dma + SZ_4K;
	KUNIT_EXPECT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), -EINVAL);
	writel(7, addr + 4);
	KUNIT_EXPECT_EQ(test, ((u32 *)two->addr)[1], 6);
	KUNIT_EXPECT_EQ(test, readl(addr + 4), ~0U);
	bar.phys_addr = two->dma;

	submap[0] = (struct pci_epf_bar_submap){ two->dma + SZ_4K, SZ_4K };
	submap[1] = (struct pci_epf_bar_submap){ one->dma, SZ_4K };
	bar.submap = submap;
	bar.num_submap = 2;
	KUNIT_ASSERT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), 0);
	writel(3, addr);
	writel(4, addr + SZ_4K);
	KUNIT_EXPECT_EQ(test, ((u32 *)two->addr)[SZ_4K / 4], 3);
	KUNIT_EXPECT_EQ(test, *(u32 *)one->addr, 4);
	KUNIT_EXPECT_EQ(test, *(u32 *)two->addr, 2);

	/* Nothing there any more */
	pci_epc_clear_bar(ctx->epc, 0, 0, &bar);
	KUNIT_EXPECT_EQ(test, readl(addr), ~0U);
	writel(5, addr);
	KUNIT_EXPECT_EQ(test, ((u32 *)two->addr)[SZ_4K / 4], 3);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).set_bars, 3);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).clear_bars, 1);
}

/* Catches: accesses to memory that is nobody's, and are not noticed. */
static void ep_stray(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct pci_epf_bar bar = { .barno = BAR_0, .size = SZ_64K };
	void __iomem *addr;
	dma_addr_t dma;
	void *mem;

	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	KUNIT_ASSERT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), 0);
	addr = ep_ioremap(test, ep_start(test), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_take_stray(ctx->ep), 0);

	/* At 0, which is memory */
	writel(0x12345678, addr);
	writel(0x9abcdef0, addr + SZ_64K - 4);
	KUNIT_EXPECT_EQ(test, readl(addr), 0x12345678);
	KUNIT_EXPECT_EQ(test, readl(addr + SZ_64K - 4), 0x9abcdef0);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).stray, 4);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_take_stray(ctx->ep), 4);

	/* Memory, until it is freed */
	mem = dma_alloc_coherent(ctx->epc->dev.parent, SZ_64K, &dma, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	bar.phys_addr = dma;
	KUNIT_ASSERT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), 0);
	writel(1, addr + 0x100);
	KUNIT_EXPECT_EQ(test, *(u32 *)(mem + 0x100), 1);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_take_stray(ctx->ep), 0);
	dma_free_coherent(ctx->epc->dev.parent, SZ_64K, mem, dma);
	writel(2, addr + 0x100);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_take_stray(ctx->ep), 1);
}

/* Catches: BARs that hardware could not have. */
static void ep_bar_refused(struct kunit *test)
{
	static const struct pci_epc_features fixed = { .msi_capable = true };
	struct ep_ctx *ctx = test->priv;
	struct pci_epf_bar bar = { .barno = BAR_2, .size = SZ_8K, .phys_addr = SZ_4K };

	ep_make(test, &(struct pci_fabric_ep_desc){
		.doorbell = PCI_FABRIC_EP_DOORBELL_BAR, .doorbell_bar = BAR_4,
	});
	/* Address bits below the size are not compared, so not translated. */
	KUNIT_EXPECT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), -EINVAL);
	bar.phys_addr = 0;
	bar.size = SZ_32M;		/* of the emulation */
	KUNIT_EXPECT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), -EINVAL);
	bar.size = 8;
	KUNIT_EXPECT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), -EINVAL);
	bar.size = SZ_4K;
	bar.flags = PCI_BASE_ADDRESS_SPACE_IO;
	KUNIT_EXPECT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), -EINVAL);
	bar.flags = 0;
	bar.barno = BAR_4;		/* reserved */
	KUNIT_EXPECT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), -EINVAL);
	bar.barno = BAR_3;		/* would take BAR 4 as well */
	bar.flags = PCI_BASE_ADDRESS_MEM_TYPE_64;
	KUNIT_EXPECT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), -EINVAL);
	bar.barno = BAR_1;
	KUNIT_EXPECT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), 0);
	bar.barno = BAR_2;		/* the upper half of BAR 1 */
	bar.flags = 0;
	KUNIT_EXPECT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), -EINVAL);
	pci_fabric_ep_destroy(ctx->ep);

	ep_make(test, &(struct pci_fabric_ep_desc){ .features = &fixed });
	KUNIT_EXPECT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), 0);
	KUNIT_EXPECT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_epc_set_msix(ctx->epc, 0, 0, 1, BAR_0, 0), -EINVAL);
}

/* Catches: an outbound window that is not the root complex's memory, or always is. */
static void ep_outbound(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct ep_mem *mem;
	struct pci_dev *pdev;
	void __iomem *win;
	phys_addr_t phys;
	u8 buf[64];

	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	pdev = ep_start(test);
	mem = ep_alloc_mem(test, &pdev->dev, SZ_16K);
	memset(mem->addr, 0x5c, SZ_16K);
	win = pci_epc_mem_alloc_addr(ctx->epc, &phys, SZ_16K);
	KUNIT_ASSERT_NOT_NULL(test, win);

	/* Nothing mapped; then mapped, but the function may not master the bus. */
	KUNIT_EXPECT_EQ(test, readl(win), ~0U);
	KUNIT_EXPECT_EQ(test, pci_epc_map_addr(ctx->epc, 0, 0, phys, mem->dma, SZ_16K), 0);
	writel(0, win);
	KUNIT_EXPECT_EQ(test, readl(win), ~0U);
	KUNIT_EXPECT_EQ(test, *(u32 *)mem->addr, 0x5c5c5c5c);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).bad_outbound, 3);

	pci_set_master(pdev);
	KUNIT_EXPECT_EQ(test, readl(win), 0x5c5c5c5c);
	writew(0xbeef, win + SZ_16K - 2);
	KUNIT_EXPECT_EQ(test, ((u16 *)mem->addr)[SZ_8K - 1], 0xbeef);
	for (int i = 0; i < sizeof(buf); i++)
		buf[i] = i;
	memcpy_toio(win + SZ_4K - 32, buf, sizeof(buf));	/* over a page */
	KUNIT_EXPECT_MEMEQ(test, mem->addr + SZ_4K - 32, buf, sizeof(buf));
	memset(buf, 0, sizeof(buf));
	memcpy_fromio(buf, win + SZ_4K - 32, sizeof(buf));
	KUNIT_EXPECT_MEMEQ(test, mem->addr + SZ_4K - 32, buf, sizeof(buf));

	/* Twice the same address; unaligned ones; what is not in the window */
	KUNIT_EXPECT_EQ(test, pci_epc_map_addr(ctx->epc, 0, 0, phys + SZ_4K, mem->dma,
					       SZ_4K), -EBUSY);
	KUNIT_EXPECT_EQ(test, pci_epc_map_addr(ctx->epc, 0, 0, phys + SZ_16K,
					       mem->dma + 4, SZ_4K), -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_epc_map_addr(ctx->epc, 0, 0, mem->dma, mem->dma,
					       SZ_4K), -EINVAL);

	pci_epc_unmap_addr(ctx->epc, 0, 0, phys);
	KUNIT_EXPECT_EQ(test, readl(win), ~0U);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).mapped, 0);

	/* One access to two pages, which are mapped to places of their own */
	KUNIT_EXPECT_EQ(test, pci_epc_map_addr(ctx->epc, 0, 0, phys, mem->dma + SZ_8K,
					       SZ_4K), 0);
	KUNIT_EXPECT_EQ(test, pci_epc_map_addr(ctx->epc, 0, 0, phys + SZ_4K, mem->dma,
					       SZ_4K), 0);
	memset(mem->addr, 0, SZ_16K);
	memcpy_toio(win + SZ_4K - 32, buf, sizeof(buf));
	KUNIT_EXPECT_MEMEQ(test, mem->addr + SZ_8K + SZ_4K - 32, buf, 32);
	KUNIT_EXPECT_MEMEQ(test, mem->addr, buf + 32, 32);
	pci_epc_unmap_addr(ctx->epc, 0, 0, phys);
	pci_epc_unmap_addr(ctx->epc, 0, 0, phys + SZ_4K);
	pci_epc_mem_free_addr(ctx->epc, phys, win, SZ_16K);
}

/* Catches: a mapping that starts at the page when it should start at the byte. */
static void ep_outbound_unaligned(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct pci_epc_map map;
	struct ep_mem *mem;
	struct pci_dev *pdev;
	char buf[8] = "unalign";

	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	pdev = ep_start(test);
	pci_set_master(pdev);
	mem = ep_alloc_mem(test, &pdev->dev, SZ_8K);
	KUNIT_ASSERT_EQ(test, pci_epc_mem_map(ctx->epc, 0, 0, mem->dma + SZ_4K - 3,
					      sizeof(buf), &map), 0);
	KUNIT_EXPECT_EQ(test, map.pci_size, sizeof(buf));
	memcpy_toio(map.virt_addr, buf, sizeof(buf));
	KUNIT_EXPECT_MEMEQ(test, mem->addr + SZ_4K - 3, buf, sizeof(buf));
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).mapped, 1);
	pci_epc_mem_unmap(ctx->epc, 0, 0, &map);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).mapped, 0);
}

/* Catches: mappings without end. */
static void ep_outbound_full(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	phys_addr_t phys;
	void __iomem *win;
	int i, ret = 0;

	ep_make(test, &(struct pci_fabric_ep_desc){});
	win = pci_epc_mem_alloc_addr(ctx->epc, &phys, SZ_1M);
	KUNIT_ASSERT_NOT_NULL(test, win);
	for (i = 0; !ret && i <= PCI_FABRIC_EP_MAPS; i++)
		ret = pci_epc_map_addr(ctx->epc, 0, 0, phys + i * SZ_4K, SZ_64K, SZ_4K);
	KUNIT_EXPECT_EQ(test, ret, -ENOSPC);
	KUNIT_EXPECT_EQ(test, i, PCI_FABRIC_EP_MAPS + 1);
	pci_epc_unmap_addr(ctx->epc, 0, 0, phys + 3 * SZ_4K);
	KUNIT_EXPECT_EQ(test, pci_epc_map_addr(ctx->epc, 0, 0, phys + SZ_512K, SZ_64K,
					       SZ_4K), 0);
	pci_epc_mem_free_addr(ctx->epc, phys, win, SZ_1M);
}

static struct kunit_case pci_fabric_ep_cases[] = {
	KUNIT_CASE(ep_appears),
	KUNIT_CASE(ep_functions),
	KUNIT_CASE(ep_restart),
	KUNIT_CASE(ep_destroy),
	KUNIT_CASE(ep_bar_memory),
	KUNIT_CASE(ep_bar_moves),
	KUNIT_CASE(ep_stray),
	KUNIT_CASE(ep_bar_refused),
	KUNIT_CASE(ep_outbound),
	KUNIT_CASE(ep_outbound_unaligned),
	KUNIT_CASE(ep_outbound_full),
	{}
};

static struct kunit_suite pci_fabric_ep_suite = {
	.name = "pci_fabric_ep",
	.init = ep_init,
	.test_cases = pci_fabric_ep_cases,
};

kunit_test_suite(pci_fabric_ep_suite);

MODULE_DESCRIPTION("KUnit tests for the emulated PCI endpoint controller");
MODULE_LICENSE("GPL");
