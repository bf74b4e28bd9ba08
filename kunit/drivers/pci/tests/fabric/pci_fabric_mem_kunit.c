// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the emulated PCI fabric: BAR memory, bridge windows, resets,
 * removal.  See pci_fabric_kunit.h for where the expected values come from.
 */
#include <kunit/pci-hw.h>
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_kunit.h"

static void unmap_bar(void *addr)
{
	iounmap((void __iomem __force *)addr);
}

static void __iomem *map_bar(struct kunit *test, struct pci_dev *dev, int bar)
{
	void __iomem *addr;

	KUNIT_ASSERT_EQ(test, pci_enable_device(dev), 0);
	addr = ioremap(pci_resource_start(dev, bar), pci_resource_len(dev, bar));
	KUNIT_ASSERT_NOT_NULL(test, (void __force *)addr);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unmap_bar,
							(void __force *)addr), 0);
	return addr;
}

/*
 * What the CPU writes is what the device has and the other way round, for each
 * size and both BARs; 64-bit prefetchable goes above 4 GiB where there is room.
 */
static void bar_memory(struct kunit *test)
{
	struct pair *p = make_pair(test);
	void __iomem *bar0 = map_bar(test, p->dev, 0);
	void __iomem *bar2 = map_bar(test, p->dev, 2);
	unsigned char bytes[6];

	/* The BAR registers hold what the kernel believes */
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x10, 4),
			lower_32_bits(pci_resource_start(p->dev, 0)));
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x18, 4) & ~0xf,
			lower_32_bits(pci_resource_start(p->dev, 2)));
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x1c, 4),
			upper_32_bits(pci_resource_start(p->dev, 2)));
	if (IS_ENABLED(CONFIG_64BIT))
		KUNIT_EXPECT_NE(test, cfg_read(p->dev, 0x1c, 4), 0);

	writel(0x44332211, bar0 + 0x40);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(p->ep, 0, 0x40, 4), 0x44332211);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(p->ep, 2, 0x40, 4), 0);
	KUNIT_EXPECT_EQ(test, readb(bar0 + 0x41), 0x22);
	KUNIT_EXPECT_EQ(test, readw(bar0 + 0x42), 0x4433);
	writew(0xbbaa, bar0 + 0x44);
	memcpy_fromio(bytes, bar0 + 0x40, sizeof(bytes));
	KUNIT_EXPECT_MEMEQ(test, bytes, "\x11\x22\x33\x44\xaa\xbb", sizeof(bytes));

	pci_fabric_bar_poke(p->ep, 2, SZ_64K - 4, 4, 0xcafef00d);
	KUNIT_EXPECT_EQ(test, readl(bar2 + SZ_64K - 4), 0xcafef00d);
	memset_io(bar2 + SZ_64K - 2, 0, 2);
	KUNIT_EXPECT_EQ(test, readl(bar2 + SZ_64K - 4), 0xf00d);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(p->ep).bar_writes, 3);
}

/*
 * Sec 7.5.1.1.3, 7.5.1.3.8: a request gets through only with Memory Space Enable
 * in the function and in the bridge, and inside a window of the bridge.  Catches a
 * fabric whose BARs answer whatever the bridges say, which hides every error in
 * resource assignment.
 */
static void bridge_windows(struct kunit *test)
{
	struct pair *p = make_pair(test);
	void __iomem *bar0 = map_bar(test, p->dev, 0);
	void __iomem *bar2 = map_bar(test, p->dev, 2);
	u32 window, pref;

	writel(0x1234, bar0);
	writel(0x5678, bar2);
	cmd_set(p->dev, CMD_MEMORY, 0);
	KUNIT_EXPECT_EQ(test, readl(bar0), ~0U);
	writel(0, bar0);
	cmd_set(p->dev, 0, CMD_MEMORY);
	KUNIT_EXPECT_EQ(test, readl(bar0), 0x1234);

	cmd_set(p->port_dev, CMD_MEMORY, 0);
	KUNIT_EXPECT_EQ(test, readl(bar0), ~0U);
	KUNIT_EXPECT_EQ(test, readl(bar2), ~0U);
	KUNIT_EXPECT_EQ(test, readb(bar2), 0xff);
	cmd_set(p->port_dev, 0, CMD_MEMORY);

	/* Limit below base: the window is closed; the other one is not */
	window = cfg_read(p->port_dev, 0x20, 4);
	pref = cfg_read(p->port_dev, 0x24, 4);
	cfg_write(p->port_dev, 0x20, 4, 0x0000fff0);
	KUNIT_EXPECT_EQ(test, readl(bar0), ~0U);
	KUNIT_EXPECT_EQ(test, readl(bar2), 0x5678);
	cfg_write(p->port_dev, 0x20, 4, window);
	cfg_write(p->port_dev, 0x24, 4, 0x0001fff1);
	KUNIT_EXPECT_EQ(test, readl(bar0), 0x1234);
	KUNIT_EXPECT_EQ(test, readl(bar2), ~0U);
	cfg_write(p->port_dev, 0x24, 4, pref);
	KUNIT_EXPECT_EQ(test, readl(bar2), 0x5678);

	/* 64-bit: the upper half counts */
	pref = cfg_read(p->port_dev, 0x2c, 4);
	cfg_write(p->port_dev, 0x28, 4, pref + 1);
	KUNIT_EXPECT_EQ(test, readl(bar2), ~0U);
}

/*
 * The BAR register decides where a function answers, at every access: not where
 * it answered when the range was mapped.
 */
static void bar_moves(struct kunit *test)
{
	struct pair *p = make_pair(test);
	void __iomem *bar0 = map_bar(test, p->dev, 0);
	u32 old = cfg_read(p->dev, 0x10, 4);

	writel(0x1111, bar0);
	writel(0x2222, bar0 + SZ_4K - 4);
	cfg_write(p->dev, 0x10, 4, old + SZ_8K);
	KUNIT_EXPECT_EQ(test, readl(bar0), ~0U);
	writel(0x3333, bar0);
	cfg_write(p->dev, 0x10, 4, old);
	KUNIT_EXPECT_EQ(test, readl(bar0), 0x1111);
	KUNIT_EXPECT_EQ(test, readl(bar0 + SZ_4K - 4), 0x2222);
}

static u64 region_read(struct pci_fabric_region *region, u32 off,
		       unsigned int size)
{
	return *(u32 *)region->priv + off;
}

static void region_write(struct pci_fabric_region *region, u32 off,
			 unsigned int size, u64 val)
{
	*(u32 *)region->priv = val;
	pci_fabric_region_store(region, off, size, ~val);
}

/* Regions that a test registers answer in their range, and there only. */
static void bar_region(struct kunit *test)
{
	static const struct pci_fabric_region_ops ops = {
		.read = region_read,
		.write = region_write,
	};
	struct pair *p = make_pair(test);
	void __iomem *bar0 = map_bar(test, p->dev, 0);
	u32 seen = 0;

	pci_fabric_add_region(p->ep, 0, 0x100, 0x10, &ops, &seen);
	writel(0x40, bar0 + 0x104);
	KUNIT_EXPECT_EQ(test, seen, 0x40);
	KUNIT_EXPECT_EQ(test, readl(bar0 + 0x10c), 0x4c);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(p->ep, 0, 0x104, 4), ~0x40U);
	writel(0x50, bar0 + 0x110);
	writel(0x60, bar0 + 0xfc);
	KUNIT_EXPECT_EQ(test, seen, 0x40);
	KUNIT_EXPECT_EQ(test, readl(bar0 + 0x110), 0x50);
}

/* PCI Express capability: Device Control, Link Control 2 (sec 7.5.3.4, .19) */
#define DEVCTL		0x08
#define LNKCTL2		0x30

/* Makes registers differ from their defaults; the endpoint's memory too. */
static unsigned int disturb(struct pair *p, void __iomem *bar0)
{
	unsigned int exp = pci_fabric_cap_pos(p->ep, 0x10, false);

	cfg_write(p->dev, 0x0c, 1, 0x20);		/* Cache Line Size */
	cfg_write(p->dev, exp + DEVCTL, 2, 0x203f);	/* 256 byte payload */
	cfg_write(p->dev, exp + LNKCTL2, 2, 0x0002);	/* sticky */
	writel(0x1234, bar0);
	writel(0, bar0 + 0x100c);			/* unmask MSI-X 0 */
	return exp;
}

static void expect_defaults(struct kunit *test, struct pair *p)
{
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x04, 2), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x0c, 1), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x10, 4), 0);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x18, 4), 0xc);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(p->ep, 0, 0, 4), 0);
	/* Sec 7.7.2.8: Mask Bit is 1 after reset */
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(p->ep, 0, 0x100c, 4), 1);
}

/*
 * Sec 6.6.2: Initiate FLR resets what it must and keeps what it must: Max Payload
 * Size and sticky registers.  Also that the bit reads as zero, and that the kernel
 * can put the function back to work.
 */
static void function_level_reset(struct kunit *test)
{
	struct pair *p = make_pair(test);
	void __iomem *bar0 = map_bar(test, p->dev, 0);
	unsigned int exp = disturb(p, bar0);

	cfg_write(p->dev, exp + DEVCTL + 1, 1, 0x80);
	expect_defaults(test, p);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, exp + DEVCTL, 2), 0x2830);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, exp + LNKCTL2, 2), 0x0002);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(p->ep).resets[PCI_FABRIC_RESET_FLR],
			1);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(p->port).resets[PCI_FABRIC_RESET_FLR],
			0);

	pci_restore_state(p->dev);
	KUNIT_EXPECT_EQ(test, pci_reset_function(p->dev), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(p->ep).resets[PCI_FABRIC_RESET_FLR],
			2);
}

/* The kernel saves and restores around pci_reset_function(); memory is lost. */
static void reset_function(struct kunit *test)
{
	struct pair *p = make_pair(test);
	void __iomem *bar0 = map_bar(test, p->dev, 0);
	u32 bar = cfg_read(p->dev, 0x10, 4);

	writel(0x1234, bar0);
	KUNIT_EXPECT_EQ(test, pci_reset_function(p->dev), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(p->ep).resets[PCI_FABRIC_RESET_FLR],
			1);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x10, 4), bar);
	KUNIT_EXPECT_EQ(test, readl(bar0), 0);
}

/*
 * Sec 6.6.1, 7.5.1.3.13: nothing below answers while Secondary Bus Reset is set,
 * and all is at its defaults afterwards, Max Payload Size too, sticky bits not.
 */
static void secondary_bus_reset(struct kunit *test)
{
	struct pair *p = make_pair(test);
	void __iomem *bar0 = map_bar(test, p->dev, 0);
	unsigned int exp = disturb(p, bar0);

	cfg_write(p->port_dev, 0x3e, 2, 1 << 6);
	KUNIT_EXPECT_TRUE(test, is_absent(p->dev->bus, 0));
	KUNIT_EXPECT_EQ(test, readl(bar0), ~0U);
	cfg_write(p->port_dev, 0x3e, 2, 0);
	KUNIT_EXPECT_FALSE(test, is_absent(p->dev->bus, 0));
	expect_defaults(test, p);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, exp + DEVCTL, 2), 0x2810);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, exp + LNKCTL2, 2), 0x0002);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(p->ep).resets[PCI_FABRIC_RESET_HOT],
			1);
}

/*
 * Sec 5.3.1.4.1, 7.5.2.2: no memory in D3hot, a reset on the way back to D0 when
 * No_Soft_Reset is 0, and no way into a state that is not supported.
 */
static void power_states(struct kunit *test)
{
	struct pair *p = make_pair(test);
	void __iomem *bar0 = map_bar(test, p->dev, 0);
	unsigned int pmcsr = pci_fabric_cap_pos(p->ep, 0x01, false) + 4;

	disturb(p, bar0);
	cfg_write(p->dev, pmcsr, 2, 1);		/* D1 */
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, pmcsr, 2), 0);
	KUNIT_EXPECT_EQ(test, readl(bar0), 0x1234);

	cfg_write(p->dev, pmcsr, 2, 3);		/* D3hot */
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, pmcsr, 2), 3);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x0c, 1), 0x20);
	KUNIT_EXPECT_EQ(test, readl(bar0), ~0U);
	cfg_write(p->dev, pmcsr, 2, 0);
	expect_defaults(test, p);
}

/*
 * A function that is pulled out answers nothing, nor does anything below it; the
 * PCI core notices, can take the device away, and finds a fresh one afterwards.
 */
static void surprise_removal(struct kunit *test)
{
	struct pair *p = make_pair(test);
	void __iomem *bar0 = map_bar(test, p->dev, 0);
	struct pci_bus *root = p->port_dev->bus;
	u16 command;

	writel(0x1234, bar0);
	pci_fabric_surprise_remove(p->port);
	KUNIT_EXPECT_TRUE(test, is_absent(root, PCI_DEVFN(1, 0)));
	KUNIT_EXPECT_TRUE(test, is_absent(p->dev->bus, 0));
	KUNIT_EXPECT_EQ(test, readl(bar0), ~0U);
	KUNIT_EXPECT_FALSE(test, pci_device_is_present(p->dev));
	KUNIT_EXPECT_NE(test, pci_read_config_word(p->dev, 4, &command), 0);
	KUNIT_EXPECT_EQ(test, command, 0xffff);

	pci_stop_and_remove_bus_device_locked(p->port_dev);
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(p->port));
	KUNIT_EXPECT_TRUE(test, list_empty(&root->devices));

	pci_fabric_insert(p->port);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(p->ep).resets[PCI_FABRIC_RESET_COLD],
			1);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(p->port, 0x19, 1), 0);
	pci_lock_rescan_remove();
	pci_rescan_bus(root);
	pci_unlock_rescan_remove();
	KUNIT_EXPECT_PTR_NE(test, pci_fabric_pdev(p->ep), NULL);
	KUNIT_EXPECT_PTR_NE(test, pci_fabric_pdev(p->ep), p->dev);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(p->ep, 0, 0, 4), 0);
}

/* A function that is added to a running fabric is found by a rescan. */
static void hot_add(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct pci_fabric_fn *fn;
	struct pci_dev *dev;

	fn = pci_fabric_add(p->fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(9, 0), .device = 0x0909,
		.pcie_type = TYPE_RCIEP, .bars[0] = { .size = SZ_4K },
	});
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(fn));
	pci_lock_rescan_remove();
	pci_rescan_bus(p->port_dev->bus);
	pci_unlock_rescan_remove();
	dev = pci_fabric_pdev(fn);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_EXPECT_NE(test, pci_resource_start(dev, 0), 0);
}

static int count_devices(u16 vendor)
{
	struct pci_dev *dev = NULL;
	int n = 0;

	while ((dev = pci_get_device(vendor, PCI_ANY_ID, dev)))
		n++;
	return n;
}

/*
 * Leftovers: devices, address ranges, domain numbers.  pci_fabric_destroy() looks
 * for references and vectors itself; the second round gets the same places again.
 */
static void teardown(struct kunit *test)
{
	resource_size_t start[2];
	int domain[2];

	for (int i = 0; i < 2; i++) {
		struct pair *p = make_pair(test);

		KUNIT_EXPECT_EQ(test, count_devices(PCI_FABRIC_VENDOR), 2);
		start[i] = pci_resource_start(p->dev, 0);
		domain[i] = pci_domain_nr(p->dev->bus);
		KUNIT_ASSERT_EQ(test, pci_enable_device(p->dev), 0);
		KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(p->dev, 4, 4,
							    PCI_IRQ_MSIX), 4);
		pci_free_irq_vectors(p->dev);
		pci_fabric_destroy(p->fabric);
		KUNIT_EXPECT_EQ(test, count_devices(PCI_FABRIC_VENDOR), 0);
	}
	KUNIT_EXPECT_EQ(test, start[0], start[1]);
	KUNIT_EXPECT_EQ(test, domain[0], domain[1]);
}

/* Two fabrics that share anything: a domain, a window, a function. */
static void two_fabrics(struct kunit *test)
{
	struct pair *a = make_pair(test), *b = make_pair(test);
	void __iomem *bar_a = map_bar(test, a->dev, 0);
	void __iomem *bar_b = map_bar(test, b->dev, 0);

	KUNIT_EXPECT_EQ(test, a->dev->bus->number, b->dev->bus->number);
	KUNIT_EXPECT_NE(test, pci_domain_nr(a->dev->bus),
			pci_domain_nr(b->dev->bus));
	KUNIT_EXPECT_NE(test, pci_resource_start(a->dev, 0),
			pci_resource_start(b->dev, 0));
	writel(0xaaaa, bar_a);
	writel(0xbbbb, bar_b);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(a->ep, 0, 0, 4), 0xaaaa);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(b->ep, 0, 0, 4), 0xbbbb);

	pci_fabric_surprise_remove(a->ep);
	KUNIT_EXPECT_FALSE(test, pci_device_is_present(a->dev));
	KUNIT_EXPECT_TRUE(test, pci_device_is_present(b->dev));
	KUNIT_EXPECT_EQ(test, readl(bar_a), ~0U);
	KUNIT_EXPECT_EQ(test, readl(bar_b), 0xbbbb);
}

static void count_write(struct pci_fabric_fn *fn, unsigned int where,
			unsigned int size, u32 val, void *priv)
{
	*(u32 *)priv = where << 16 | val;
}

/* Watchers and counters, on which later suites build. */
static void watch_and_count(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct pci_fabric_stats before = pci_fabric_stats(p->ep), after;
	u32 seen = 0;

	pci_fabric_watch(p->ep, count_write, &seen);
	cfg_write(p->dev, 0x3c, 1, 0x42);
	cfg_read(p->dev, 0x3c, 1);
	cfg_read(p->dev, 0x3c, 1);
	KUNIT_EXPECT_EQ(test, seen, 0x3c0042);
	pci_fabric_watch(p->ep, NULL, NULL);
	pci_fabric_poke(p->ep, 0x3c, 1, 0x43);
	cfg_write(p->dev, 0x3c, 1, 0x44);
	KUNIT_EXPECT_EQ(test, seen, 0x3c0042);

	after = pci_fabric_stats(p->ep);
	KUNIT_EXPECT_EQ(test, after.cfg_writes - before.cfg_writes, 2);
	KUNIT_EXPECT_EQ(test, after.cfg_reads - before.cfg_reads, 2);
}

static struct kunit_case pci_fabric_mem_cases[] = {
	KUNIT_CASE(bar_memory),
	KUNIT_CASE(bridge_windows),
	KUNIT_CASE(bar_moves),
	KUNIT_CASE(bar_region),
	KUNIT_CASE(function_level_reset),
	KUNIT_CASE(reset_function),
	KUNIT_CASE(secondary_bus_reset),
	KUNIT_CASE(power_states),
	KUNIT_CASE(surprise_removal),
	KUNIT_CASE(hot_add),
	KUNIT_CASE(teardown),
	KUNIT_CASE(two_fabrics),
	KUNIT_CASE(watch_and_count),
	{}
};

static struct kunit_suite pci_fabric_mem_suite = {
	.name = "pci_fabric_mem",
	.test_cases = pci_fabric_mem_cases,
};

kunit_test_suite(pci_fabric_mem_suite);

MODULE_DESCRIPTION("KUnit tests for the emulated PCI fabric: memory, reset, removal");
MODULE_LICENSE("GPL");
