// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the emulated PCI fabric: enumeration and configuration registers.
 * See pci_fabric_kunit.h for where the expected values come from.
 */
#include <kunit/pci-hw.h>
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_kunit.h"

/*
 * Functions at the wrong place, bridges that forward too little, the
 * Multi-Function bit missing (functions above 0 are not found then).
 */
static void enumeration(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *rp, *up, *down[2], *leaf[2], *multi[2];
	struct pci_dev *dev;

	rp = add_port(fabric, NULL, PCI_DEVFN(1, 0), TYPE_ROOT_PORT);
	up = add_port(fabric, rp, 0, TYPE_UPSTREAM);
	for (int i = 0; i < 2; i++) {
		down[i] = add_port(fabric, up, PCI_DEVFN(i, 0), TYPE_DOWNSTREAM);
		leaf[i] = pci_fabric_add(fabric, down[i],
					 &(struct pci_fabric_fn_desc){
			.device = 0x0300 + i, .pcie_type = TYPE_ENDPOINT,
		});
		multi[i] = pci_fabric_add(fabric, NULL,
					  &(struct pci_fabric_fn_desc){
			.devfn = PCI_DEVFN(2, i * 3), .device = 0x0400 + i,
			.pcie_type = TYPE_RCIEP,
		});
	}
	pci_fabric_scan(fabric);

	for (int i = 0; i < 2; i++) {
		dev = pci_fabric_pdev(leaf[i]);
		KUNIT_ASSERT_NOT_NULL(test, dev);
		KUNIT_EXPECT_EQ(test, dev->device, 0x0300 + i);
		/* Sec 7.5.1.3.3: Secondary Bus Number */
		KUNIT_EXPECT_EQ(test, dev->bus->number,
				pci_fabric_peek(down[i], 0x19, 1));
		KUNIT_EXPECT_PTR_EQ(test, dev->bus->self, pci_fabric_pdev(down[i]));
		KUNIT_EXPECT_EQ(test, dev->hdr_type, 0);
		KUNIT_EXPECT_FALSE(test, dev->multifunction);

		dev = pci_fabric_pdev(multi[i]);
		KUNIT_ASSERT_NOT_NULL(test, dev);
		KUNIT_EXPECT_EQ(test, dev->device, 0x0400 + i);
		KUNIT_EXPECT_EQ(test, dev->devfn, PCI_DEVFN(2, i * 3));
		KUNIT_EXPECT_TRUE(test, dev->multifunction);
		/* Sec 7.5.1.1.9: in each of its functions */
		KUNIT_EXPECT_EQ(test, pci_fabric_peek(multi[i], 0x0e, 1), 0x80);
		KUNIT_EXPECT_TRUE(test, pci_is_root_bus(dev->bus));
	}

	dev = pci_fabric_pdev(rp);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_EXPECT_EQ(test, dev->hdr_type, 1);
	KUNIT_EXPECT_EQ(test, pci_pcie_type(dev), TYPE_ROOT_PORT);
	/* Subordinate Bus Number: root port, switch and its two links below */
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(rp, 0x1a, 1) -
			      pci_fabric_peek(rp, 0x18, 1), 4);
}

/* Answers from devices that are not there; probing must see all-ones. */
static void absent_is_all_ones(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct pci_bus *root = p->port_dev->bus, *link = p->dev->bus;
	u32 val;

	KUNIT_EXPECT_TRUE(test, is_absent(root, PCI_DEVFN(0, 0)));
	KUNIT_EXPECT_TRUE(test, is_absent(root, PCI_DEVFN(1, 1)));
	KUNIT_EXPECT_TRUE(test, is_absent(root, PCI_DEVFN(31, 7)));
	KUNIT_EXPECT_TRUE(test, is_absent(link, PCI_DEVFN(0, 1)));
	KUNIT_EXPECT_EQ(test, root->ops->write(root, PCI_DEVFN(31, 7), 4, 2, 0),
			PCIBIOS_DEVICE_NOT_FOUND);

	for (int size = 1; size <= 4; size *= 2) {
		KUNIT_EXPECT_EQ(test, bus_read(root, 0, 0, size, &val),
				PCIBIOS_DEVICE_NOT_FOUND);
		KUNIT_EXPECT_EQ(test, val, ~0U);
	}
}

/*
 * Sec 7.3.3: a bridge forwards what is within secondary to subordinate, and with
 * neither programmed, nothing.  Catches a fabric that finds functions by a bus
 * number that no bridge leads to.
 */
static void bus_number_routing(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *rp, *up, *down, *leaf;
	struct pci_dev *rp_dev, *dev;
	u8 last;

	rp = add_port(fabric, NULL, 0, TYPE_ROOT_PORT);
	up = add_port(fabric, rp, 0, TYPE_UPSTREAM);
	down = add_port(fabric, up, 0, TYPE_DOWNSTREAM);
	leaf = pci_fabric_add(fabric, down, &endpoint_desc);
	pci_fabric_scan(fabric);
	rp_dev = pci_fabric_pdev(rp);
	dev = pci_fabric_pdev(leaf);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_ASSERT_FALSE(test, is_absent(dev->bus, 0));

	/* Subordinate below the leaf's bus: the leaf goes, the switch stays */
	last = cfg_read(rp_dev, 0x1a, 1);
	cfg_write(rp_dev, 0x1a, 1, dev->bus->number - 1);
	KUNIT_EXPECT_TRUE(test, is_absent(dev->bus, 0));
	KUNIT_EXPECT_FALSE(test, is_absent(dev->bus->parent, 0));
	cfg_write(rp_dev, 0x1a, 1, last);
	KUNIT_EXPECT_FALSE(test, is_absent(dev->bus, 0));

	/* Secondary 0: nothing below, and the switch is not at 00:00.0 either */
	last = cfg_read(rp_dev, 0x19, 1);
	cfg_write(rp_dev, 0x19, 1, 0);
	KUNIT_EXPECT_TRUE(test, is_absent(rp_dev->subordinate, 0));
	KUNIT_EXPECT_TRUE(test, is_absent(dev->bus, 0));
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(up));
	KUNIT_EXPECT_EQ(test, cfg_read(rp_dev, 0x02, 2), 0x0104);
	cfg_write(rp_dev, 0x19, 1, last);
	KUNIT_EXPECT_FALSE(test, is_absent(dev->bus, 0));
}

/*
 * Sec 7.3.1, 6.13: only device 0 is at the end of a link, until the port above
 * forwards by ARI.
 */
static void ari_forwarding(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *rp, *ep, *ninth;
	struct pci_dev *dev, *rp_dev;
	unsigned int devctl2;

	rp = add_port(fabric, NULL, 0, TYPE_ROOT_PORT);
	ep = pci_fabric_add(fabric, rp, &endpoint_desc);
	ninth = pci_fabric_add(fabric, rp, &(struct pci_fabric_fn_desc){
		.devfn = 9, .device = 0x0900,
	});
	pci_fabric_scan(fabric);
	rp_dev = pci_fabric_pdev(rp);
	dev = pci_fabric_pdev(ep);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(ninth));
	KUNIT_EXPECT_TRUE(test, is_absent(dev->bus, 9));

	devctl2 = pci_fabric_cap_pos(rp, 0x10, false) + 0x28;
	cfg_write(rp_dev, devctl2, 2, 1 << 5);
	KUNIT_EXPECT_FALSE(test, is_absent(dev->bus, 9));
}

/*
 * Sizes and places that do not exist must fail, not read past the register; the
 * good sizes must agree with each other about byte order.
 */
static void access_sizes(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *old;
	struct pci_bus *bus;
	u32 val;

	old = pci_fabric_add(fabric, NULL, &(struct pci_fabric_fn_desc){
		.conventional = true, .vendor = 0x1234, .device = 0xabcd,
	});
	pci_fabric_add(fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(1, 0), .pcie_type = TYPE_RCIEP,
	});
	pci_fabric_scan(fabric);
	KUNIT_ASSERT_NOT_NULL(test, pci_fabric_pdev(old));
	bus = pci_fabric_pdev(old)->bus;

	KUNIT_EXPECT_EQ(test, bus_read(bus, 0, 0, 4, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 0xabcd1234);
	KUNIT_EXPECT_EQ(test, bus_read(bus, 0, 2, 2, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 0xabcd);
	KUNIT_EXPECT_EQ(test, bus_read(bus, 0, 1, 1, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 0x12);

	for (int size = 0; size <= 8; size++) {
		int want = size == 1 || size == 2 || size == 4 ?
			   PCIBIOS_SUCCESSFUL : PCIBIOS_BAD_REGISTER_NUMBER;

		KUNIT_EXPECT_EQ_MSG(test, bus_read(bus, 0, 0, size, &val), want,
				    "size %d", size);
		KUNIT_EXPECT_EQ_MSG(test, bus->ops->write(bus, 0, 0, size, 0),
				    want, "size %d", size);
	}
	KUNIT_EXPECT_EQ(test, bus_read(bus, 0, 1, 2, &val),
			PCIBIOS_BAD_REGISTER_NUMBER);
	KUNIT_EXPECT_EQ(test, bus_read(bus, 0, 2, 4, &val),
			PCIBIOS_BAD_REGISTER_NUMBER);
	KUNIT_EXPECT_EQ(test, bus_read(bus, 0, 4096, 1, &val),
			PCIBIOS_BAD_REGISTER_NUMBER);
	KUNIT_EXPECT_EQ(test, val, ~0U);

	/* Extended configuration space belongs to PCI Express (sec 7.2) */
	KUNIT_EXPECT_EQ(test, bus_read(bus, 0, 0x100, 4, &val),
			PCIBIOS_DEVICE_NOT_FOUND);
	KUNIT_EXPECT_EQ(test, val, ~0U);
	KUNIT_EXPECT_EQ(test, bus_read(bus, PCI_DEVFN(1, 0), 0x100, 4, &val), 0);
	KUNIT_EXPECT_EQ(test, val, 0);
}

/*
 * Sec 7.5.1.1.11, 7.6.3: broken links, capabilities over each other, and a list
 * that the kernel reads differently than this walk.
 */
static void capability_lists(struct kunit *test)
{
	static const u8 want[] = { 0x01, 0x05, 0x10, 0x11 };	/* in order */
	struct pair *p = make_pair(test);
	unsigned int pos, n = 0;
	u32 header;

	KUNIT_EXPECT_TRUE(test, cfg_read(p->dev, 0x06, 2) & 1 << 4);
	for (pos = cfg_read(p->dev, 0x34, 1); pos && n < ARRAY_SIZE(want);
	     pos = cfg_read(p->dev, pos + 1, 1), n++) {
		KUNIT_EXPECT_GE(test, pos, 0x40);
		KUNIT_EXPECT_EQ(test, pos & 3, 0);
		KUNIT_EXPECT_EQ(test, cfg_read(p->dev, pos, 1), want[n]);
		KUNIT_EXPECT_EQ(test, pci_find_capability(p->dev, want[n]), pos);
		KUNIT_EXPECT_EQ(test, pci_fabric_cap_pos(p->ep, want[n], false),
				pos);
	}
	KUNIT_EXPECT_EQ(test, pos, 0);
	KUNIT_EXPECT_EQ(test, n, ARRAY_SIZE(want));

	/* Device Serial Number, version 1, the only extended capability */
	header = cfg_read(p->dev, 0x100, 4);
	KUNIT_EXPECT_EQ(test, header, 0x00010003);
	KUNIT_EXPECT_EQ(test, pci_get_dsn(p->dev), 0x0123456789abcdefULL);
}

/* Extended capabilities that a test brings are linked, and behave as told. */
static void cap_seen_reset(struct pci_fabric_cap *cap, enum pci_fabric_reset kind)
{
	*(u32 *)pci_fabric_cap_priv(cap) |= 0x100 << kind;
}

static void cap_seen_write(struct pci_fabric_cap *cap, unsigned int off,
			   unsigned int size, u32 val)
{
	*(u32 *)pci_fabric_cap_priv(cap) |= val;
}

static void capability_of_a_test(struct kunit *test)
{
	static const struct pci_fabric_cap_ops ops = {
		.write = cap_seen_write,
		.reset = cap_seen_reset,
	};
	const struct pci_fabric_reg regs[] = {
		{ .off = 4, .size = 4, .val = 0xa5000000, .rw = 0x0000ffff },
		{ .off = 8, .size = 2, .val = 0x00ff, .w1c = 0x000f },
	};
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *ep;
	struct pci_dev *dev;
	unsigned int pos;
	u32 seen = 0;

	ep = pci_fabric_add(fabric, NULL, &endpoint_desc);
	pci_fabric_add_cap(ep, &(struct pci_fabric_cap_desc){
		.id = 0x000b, .ext = true, .version = 1, .len = 12,
		.regs = regs, .nr_regs = ARRAY_SIZE(regs),
		.ops = &ops, .priv = &seen,
	});
	pci_fabric_scan(fabric);
	dev = pci_fabric_pdev(ep);
	KUNIT_ASSERT_NOT_NULL(test, dev);

	/* Next Capability Offset is bits 31:20 (sec 7.6.3) */
	pos = cfg_read(dev, 0x100, 4) >> 20;
	KUNIT_ASSERT_NE(test, pos, 0);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, pos, 4), 0x0001000b);
	KUNIT_EXPECT_EQ(test, pci_find_ext_capability(dev, 0x0b), pos);

	cfg_write(dev, pos + 4, 4, 0x00ff1234);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, pos + 4, 4), 0xa5001234);
	cfg_write(dev, pos + 8, 2, 0x00f3);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, pos + 8, 2), 0x00fc);
	KUNIT_EXPECT_EQ(test, seen, 0x00ff12f7);

	pci_fabric_reset(ep, PCI_FABRIC_RESET_HOT);
	KUNIT_EXPECT_EQ(test, seen, 0x00ff12f7 | 0x100 << PCI_FABRIC_RESET_HOT);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, pos + 4, 4), 0xa5000000);
}

struct bar_case {
	const char *name;
	struct pci_fabric_bar_desc bar;
	u32 low, high;		/* read back after all-ones */
};

/* Sec 7.5.1.2.1: type bits and size of a BAR, as software finds them */
static const struct bar_case bar_cases[] = {
	{ "16 bytes", { 16 }, 0xfffffff0, 0 },
	{ "4 KiB", { SZ_4K }, 0xfffff000, 0 },
	{ "16 MiB", { SZ_16M }, 0xff000000, 0 },
	{ "32-bit prefetchable", { SZ_4K, PCI_FABRIC_BAR_PREF }, 0xfffff008, 0 },
	{ "64-bit", { SZ_64K, PCI_FABRIC_BAR_64 }, 0xffff0004, 0xffffffff },
	{ "64-bit prefetchable",
	  { SZ_1M, PCI_FABRIC_BAR_64 | PCI_FABRIC_BAR_PREF },
	  0xfff0000c, 0xffffffff },
	{ "I/O", { 32, PCI_FABRIC_BAR_IO }, 0xffffffe1, 0 },
};

static void bar_case_name(const struct bar_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(bar, bar_cases, bar_case_name);

/* BARs that report another size or kind than their desc; writable type bits. */
static void bar_sizing(struct kunit *test)
{
	const struct bar_case *c = test->param_value;
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *fn;
	struct pci_dev *dev;

	fn = pci_fabric_add(fabric, NULL, &(struct pci_fabric_fn_desc){
		.device = 0x0200, .pcie_type = TYPE_RCIEP, .bars[1] = c->bar,
	});
	pci_fabric_scan(fabric);
	dev = pci_fabric_pdev(fn);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	if (!(c->bar.flags & PCI_FABRIC_BAR_IO))	/* no I/O on this machine */
		KUNIT_EXPECT_EQ(test, pci_resource_len(dev, 1), c->bar.size);

	cfg_write(dev, 0x14, 4, ~0U);
	cfg_write(dev, 0x18, 4, ~0U);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, 0x14, 4), c->low);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, 0x18, 4), c->high);
	cfg_write(dev, 0x14, 4, 0);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, 0x14, 4), c->low & 0xf);
	/* Not implemented: read-only zero */
	cfg_write(dev, 0x24, 4, ~0U);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, 0x24, 4), 0);
}

struct mask_case {
	const char *name;
	bool bridge;
	u8 where;
	u32 value;	/* read back after all-ones, over zero */
};

/*
 * Sec 7.5.1.1 to 7.5.1.3, a register or two at a time.  In Status only the
 * Capabilities List bit reads as one.
 */
static const struct mask_case mask_cases[] = {
	{ "type 0 IDs", false, 0x00, 0x0200f00d },
	{ "type 0 Command, Status", false, 0x04, 0x00100547 },
	{ "type 0 class", false, 0x08, 0xff00009a },
	{ "type 0 Cache Line, Header Type", false, 0x0c, 0x000000ff },
	{ "type 0 CardBus CIS", false, 0x28, 0 },
	{ "type 0 subsystem", false, 0x2c, 0x56781234 },
	{ "type 0 Capabilities Pointer", false, 0x34, 0x00000040 },
	{ "type 0 Interrupt Line, Pin", false, 0x3c, 0x000002ff },
	{ "type 1 IDs", true, 0x00, 0x0104f00d },
	{ "type 1 Command, Status", true, 0x04, 0x00100547 },
	{ "type 1 class", true, 0x08, 0x06040000 },
	{ "type 1 Cache Line, Header Type", true, 0x0c, 0x000100ff },
	{ "type 1 bus numbers", true, 0x18, 0x00ffffff },
	{ "type 1 I/O window, Secondary Status", true, 0x1c, 0 },
	{ "type 1 memory window", true, 0x20, 0xfff0fff0 },
	{ "type 1 prefetchable window", true, 0x24, 0xfff1fff1 },
	{ "type 1 prefetchable base", true, 0x28, 0xffffffff },
	{ "type 1 prefetchable limit", true, 0x2c, 0xffffffff },
	{ "type 1 I/O window, upper", true, 0x30, 0 },
};

static void mask_case_name(const struct mask_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(mask, mask_cases, mask_case_name);

/* Read-only bits that take writes, writable ones that do not. */
static void write_masks(struct kunit *test)
{
	const struct mask_case *c = test->param_value;
	struct pair *p = make_pair(test);
	struct pci_dev *dev = c->bridge ? p->port_dev : p->dev;

	for (int i = 0; i < 4; i++)
		cfg_write(dev, c->where + i, 1, 0xff);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, c->where, 4), c->value);
	cfg_write(dev, c->where, 4, ~0U);
	KUNIT_EXPECT_EQ(test, cfg_read(dev, c->where, 4), c->value);
}

/* Sec 7.5.1.1.4: writing 1 clears, writing 0 does not, 32-bit writes included */
static void write_one_to_clear(struct kunit *test)
{
	struct pair *p = make_pair(test);

	pci_fabric_poke(p->ep, 0x06, 2, 0xf910);
	cfg_write(p->dev, 0x06, 2, 0x0000);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x06, 2), 0xf910);
	cfg_write(p->dev, 0x06, 2, 0x4100);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x06, 2), 0xb810);
	cfg_write(p->dev, 0x07, 1, 0x80);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x06, 2), 0x3810);
	cfg_write(p->dev, 0x04, 4, 0xffff0004);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x04, 4), 0x00100004);
}

static struct kunit_case pci_fabric_cases[] = {
	KUNIT_CASE(enumeration),
	KUNIT_CASE(absent_is_all_ones),
	KUNIT_CASE(bus_number_routing),
	KUNIT_CASE(ari_forwarding),
	KUNIT_CASE(access_sizes),
	KUNIT_CASE(capability_lists),
	KUNIT_CASE(capability_of_a_test),
	KUNIT_CASE_PARAM(bar_sizing, bar_gen_params),
	KUNIT_CASE_PARAM(write_masks, mask_gen_params),
	KUNIT_CASE(write_one_to_clear),
	{}
};

static struct kunit_suite pci_fabric_suite = {
	.name = "pci_fabric",
	.test_cases = pci_fabric_cases,
};

kunit_test_suite(pci_fabric_suite);

MODULE_DESCRIPTION("KUnit tests for the emulated PCI fabric");
MODULE_LICENSE("GPL");
