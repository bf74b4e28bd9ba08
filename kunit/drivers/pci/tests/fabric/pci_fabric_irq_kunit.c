// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the emulated PCI fabric: interrupts.  See pci_fabric_kunit.h for
 * where the expected values come from.
 *
 * The kernel allocates vectors and programs the function; the suite reads what was
 * programmed with its own decoder, lets the function raise interrupts, and counts
 * what arrives.
 */
#include <kunit/pci-hw.h>
#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_kunit.h"

/* One requested interrupt and what its handler saw */
struct source {
	unsigned int irq;
	atomic_t count;
	bool hardirq;
	struct pci_fabric_fn *fn;	/* to be quietened, for INTx */
};

static irqreturn_t source_handler(int irq, void *data)
{
	struct source *src = data;

	src->hardirq = in_hardirq();
	atomic_inc(&src->count);
	if (src->fn)
		pci_fabric_raise_intx(src->fn, false);
	return IRQ_HANDLED;
}

static void source_free(void *data)
{
	struct source *src = data;

	free_irq(src->irq, src);
}

static struct source *source_request(struct kunit *test, unsigned int irq,
				     unsigned long flags)
{
	struct source *src = kunit_kzalloc(test, sizeof(*src), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, src);
	src->irq = irq;
	KUNIT_ASSERT_EQ(test, request_irq(irq, source_handler, flags, "source",
					  src), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, source_free, src), 0);
	return src;
}

KUNIT_DEFINE_ACTION_WRAPPER(free_vectors, pci_free_irq_vectors,
			    struct pci_dev *);

/* Enables the device and requests @nr vectors; freed before the fabric is. */
static void get_vectors(struct kunit *test, struct pci_dev *dev, int nr,
			unsigned int type, struct source **src)
{
	KUNIT_ASSERT_EQ(test, pci_enable_device(dev), 0);
	pci_set_master(dev);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(dev, nr, nr, type), nr);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_vectors, dev), 0);
	for (int i = 0; i < nr; i++)
		src[i] = source_request(test, pci_irq_vector(dev, i), 0);
}

/* What the PCI core does before a driver's probe, and a driver that wants INTx */
static struct source *intx_request(struct kunit *test, struct pci_fabric_fn *fn)
{
	struct pci_dev *dev = pci_fabric_pdev(fn);
	struct source *src;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	pci_assign_irq(dev);
	src = source_request(test, dev->irq, IRQF_SHARED);
	src->fn = fn;
	return src;
}

static int count_of(struct source *src)
{
	return atomic_read(&src->count);
}

struct msi_case {
	const char *name;
	bool is_64, maskable;
	u8 control, data, mask;		/* sec 7.7.1: where things are */
};

static const struct msi_case msi_cases[] = {
	{ "32-bit", false, false, 0x04, 0x08, 0 },
	{ "32-bit maskable", false, true, 0x04, 0x08, 0x0c },
	{ "64-bit", true, false, 0x84, 0x0c, 0 },
	{ "64-bit maskable", true, true, 0x84, 0x0c, 0x10 },
};

static void msi_case_name(const struct msi_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(msi, msi_cases, msi_case_name);

static struct pci_fabric_fn *add_msi(struct pci_fabric *fabric,
				     const struct msi_case *c)
{
	struct pci_fabric_fn *port;

	port = add_port(fabric, NULL, 0, TYPE_ROOT_PORT);
	return pci_fabric_add(fabric, port, &(struct pci_fabric_fn_desc){
		.device = 0x0200,
		.msi = {
			.vectors = 4,
			.is_64 = c->is_64,
			.maskable = c->maskable,
		},
	});
}

/*
 * Sec 7.7.1, 6.1.4.2: each of several messages reaches its own handler, once; the
 * messages differ in the low bits of the data.  Catches a wrong register layout
 * (the four cases), and messages that are mixed up.
 */
static void msi_delivery(struct kunit *test)
{
	const struct msi_case *c = test->param_value;
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *fn = add_msi(fabric, c);
	struct source *src[4];
	struct pci_dev *dev;
	unsigned int msi;

	pci_fabric_scan(fabric);
	dev = pci_fabric_pdev(fn);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	msi = pci_find_capability(dev, 0x05);
	/* Multiple Message Capable: 4, not enabled */
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(fn, msi + 2, 2),
			c->control | c->maskable << 8);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(fn, 0),
			PCI_FABRIC_IRQ_DISABLED);

	get_vectors(test, dev, 4, PCI_IRQ_MSI, src);
	/* MSI Enable, Multiple Message Enable: 4 */
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(fn, msi + 2, 2) & 0x71, 0x21);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(fn, msi + c->data, 2) & 3, 0);
	if (c->maskable)
		KUNIT_EXPECT_EQ(test, pci_fabric_peek(fn, msi + c->mask, 4), 0);

	for (int i = 3; i >= 0; i--) {
		KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(fn, i),
				PCI_FABRIC_IRQ_DELIVERED);
		for (int k = 0; k < 4; k++)
			KUNIT_EXPECT_EQ_MSG(test, count_of(src[k]), k >= i,
					    "handler %d after message %d", k, i);
	}
	KUNIT_EXPECT_TRUE(test, src[0]->hardirq);

	if (!c->maskable)
		return;
	cfg_write(dev, msi + c->mask, 4, 1 << 2);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(fn, 2),
			PCI_FABRIC_IRQ_PENDING);
	cfg_write(dev, msi + c->mask, 4, 0);
	pci_fabric_flush(fabric);
	KUNIT_EXPECT_EQ(test, count_of(src[2]), 2);
}

/* Messages above Multiple Message Enable are not the function's to send. */
static void msi_fewer_enabled(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct source *src[2];

	get_vectors(test, p->dev, 2, PCI_IRQ_MSI, src);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(p->ep, 1),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(p->ep, 2),
			PCI_FABRIC_IRQ_DISABLED);
	KUNIT_EXPECT_EQ(test, count_of(src[1]), 1);
}

/* A 64-bit Message Address: the upper half is programmed and counts. */
static void msi_above_4g(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct source *src[1];
	unsigned int msi;

	pci_fabric_set_msi_address(p->fabric, 0x12fee0000ULL);
	get_vectors(test, p->dev, 1, PCI_IRQ_MSI, src);
	msi = pci_find_capability(p->dev, 0x05);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(p->ep, msi + 8, 4), 1);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(p->ep, msi + 4, 4) & 0xffff0000,
			0x2fee0000);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(p->ep, 0),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, count_of(src[0]), 1);
	cfg_write(p->dev, msi + 8, 4, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(p->ep, 0), PCI_FABRIC_IRQ_LOST);
}

/*
 * Sec 7.7.1.7: a masked message sets its Pending bit and is sent, once, when the
 * mask is cleared; raising it again meanwhile makes no second message.
 */
static void msi_mask(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct source *src[4];
	unsigned int mask, pending;

	get_vectors(test, p->dev, 4, PCI_IRQ_MSI, src);
	mask = pci_find_capability(p->dev, 0x05) + 0x10;
	pending = mask + 4;

	cfg_write(p->dev, mask, 4, 1 << 2);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(p->ep, 2),
			PCI_FABRIC_IRQ_PENDING);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(p->ep, 2),
			PCI_FABRIC_IRQ_PENDING);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(p->ep, 3),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, pending, 4), 1 << 2);
	cfg_write(p->dev, pending, 4, 0);	/* read-only */
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, pending, 4), 1 << 2);
	pci_fabric_flush(p->fabric);
	KUNIT_EXPECT_EQ(test, count_of(src[2]), 0);

	cfg_write(p->dev, mask, 4, 0);
	pci_fabric_flush(p->fabric);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, pending, 4), 0);
	KUNIT_EXPECT_EQ(test, count_of(src[2]), 1);
}

/*
 * disable_irq() is lazy: the first interrupt after it makes the flow handler mask
 * the message in the function; enable_irq() unmasks and nothing is lost.
 */
static void msi_disable_irq(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct source *src[1];
	unsigned int mask;

	get_vectors(test, p->dev, 1, PCI_IRQ_MSI, src);
	mask = pci_find_capability(p->dev, 0x05) + 0x10;
	disable_irq(src[0]->irq);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(p->ep, 0),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(p->ep, mask, 4) & 1, 1);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(p->ep, 0),
			PCI_FABRIC_IRQ_PENDING);
	KUNIT_EXPECT_EQ(test, count_of(src[0]), 0);

	enable_irq(src[0]->irq);
	pci_fabric_flush(p->fabric);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(p->ep, mask, 4) & 1, 0);
	KUNIT_EXPECT_GE(test, count_of(src[0]), 1);
}

/*
 * Sec 7.5.1.1.3: Bus Master Enable of the function, and of every bridge above,
 * stops messages.  Catches drivers that would work without pci_set_master().
 */
static void bus_master(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct source *src[4];

	get_vectors(test, p->dev, 4, PCI_IRQ_MSIX, src);
	cmd_set(p->dev, CMD_MASTER, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, 0),
			PCI_FABRIC_IRQ_BLOCKED);
	cmd_set(p->dev, 0, CMD_MASTER);
	cmd_set(p->port_dev, CMD_MASTER, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, 0),
			PCI_FABRIC_IRQ_BLOCKED);
	cmd_set(p->port_dev, 0, CMD_MASTER);
	pci_fabric_flush(p->fabric);
	KUNIT_EXPECT_EQ(test, count_of(src[0]), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, 0),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, count_of(src[0]), 1);
}

/* Where endpoint_desc has them */
#define TABLE	0x1000
#define PBA	0x1800

/*
 * Sec 7.7.2: what the kernel put into the table in the BAR is what is sent: another
 * address or other data there do not reach the handler.
 */
static void msix_delivery(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct source *src[4];
	unsigned int msix;
	u32 data;

	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(p->ep, 0, TABLE + 12, 4), 1);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, 0),
			PCI_FABRIC_IRQ_DISABLED);
	get_vectors(test, p->dev, 4, PCI_IRQ_MSIX, src);
	msix = pci_find_capability(p->dev, 0x11);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(p->ep, msix + 2, 2), 0x8003);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(p->ep, msix + 4, 4), TABLE);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(p->ep, msix + 8, 4), PBA);

	for (int i = 0; i < 4; i++) {
		u32 entry = TABLE + 16 * i;

		KUNIT_EXPECT_NE(test, pci_fabric_bar_peek(p->ep, 0, entry, 4), 0);
		KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(p->ep, 0, entry + 12, 4),
				0);
		KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, i),
				PCI_FABRIC_IRQ_DELIVERED);
		for (int k = 0; k < 4; k++)
			KUNIT_EXPECT_EQ_MSG(test, count_of(src[k]), k <= i,
					    "handler %d after entry %d", k, i);
	}

	data = pci_fabric_bar_peek(p->ep, 0, TABLE + 8, 4);
	pci_fabric_bar_poke(p->ep, 0, TABLE + 8, 4, data + 0x100);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, 0), PCI_FABRIC_IRQ_LOST);
	KUNIT_EXPECT_EQ(test, count_of(src[0]), 1);
}

/* Sec 7.7.2.2, 7.7.2.8: Function Mask and Mask Bit, pending and delivery */
static void msix_mask(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct source *src[4];
	void __iomem *table;
	unsigned int msix;

	get_vectors(test, p->dev, 4, PCI_IRQ_MSIX, src);
	msix = pci_find_capability(p->dev, 0x11);
	table = ioremap(pci_resource_start(p->dev, 0) + TABLE, SZ_4K);
	KUNIT_ASSERT_NOT_NULL(test, (void __force *)table);

	writel(1, table + 16 + 12);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, 1),
			PCI_FABRIC_IRQ_PENDING);
	cfg_write(p->dev, msix + 2, 2, 0xc000);		/* Function Mask */
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, 3),
			PCI_FABRIC_IRQ_PENDING);
	KUNIT_EXPECT_EQ(test, readl(table + PBA - TABLE), 1 << 1 | 1 << 3);

	/* The Pending Bit Array is read-only */
	writel(0, table + PBA - TABLE);
	writel(~0, table + PBA - TABLE);
	KUNIT_EXPECT_EQ(test, readl(table + PBA - TABLE), 1 << 1 | 1 << 3);

	writel(0, table + 16 + 12);
	pci_fabric_flush(p->fabric);
	KUNIT_EXPECT_EQ(test, count_of(src[1]), 0);
	cfg_write(p->dev, msix + 2, 2, 0x8000);
	pci_fabric_flush(p->fabric);
	KUNIT_EXPECT_EQ(test, count_of(src[1]), 1);
	KUNIT_EXPECT_EQ(test, count_of(src[3]), 1);
	KUNIT_EXPECT_EQ(test, readl(table + PBA - TABLE), 0);

	/* Reserved bits of Vector Control, and of the address */
	writel(~0, table + 12);
	KUNIT_EXPECT_EQ(test, readl(table + 12), 1);
	writel(~0, table);
	KUNIT_EXPECT_EQ(test, readl(table), ~0U - 3);
	iounmap(table);
}

/* Entries that come and go one by one (MSI_FLAG_PCI_MSIX_ALLOC_DYN) */
static void msix_dynamic(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct source *src[2], *late;
	struct msi_map map;
	unsigned int used;

	get_vectors(test, p->dev, 2, PCI_IRQ_MSIX, src);
	used = pci_fabric_vectors_used(p->fabric);
	KUNIT_ASSERT_TRUE(test, pci_msix_can_alloc_dyn(p->dev));
	map = pci_msix_alloc_irq_at(p->dev, 3, NULL);
	KUNIT_ASSERT_EQ(test, map.index, 3);
	KUNIT_EXPECT_EQ(test, pci_fabric_vectors_used(p->fabric), used + 1);
	late = source_request(test, map.virq, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, 3),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, count_of(late), 1);

	kunit_release_action(test, source_free, late);
	pci_msix_free_irq(p->dev, map);
	KUNIT_EXPECT_EQ(test, pci_fabric_vectors_used(p->fabric), used);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, 3),
			PCI_FABRIC_IRQ_PENDING);
}

/* The pool is as small as a test wants, so allocation errors can be had. */
static void vector_pool(struct kunit *test)
{
	struct pair *p = make_pair(test);
	unsigned int used = pci_fabric_vectors_used(p->fabric);

	KUNIT_ASSERT_EQ(test, pci_enable_device(p->dev), 0);
	pci_fabric_set_nr_vectors(p->fabric, used + 2);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(p->dev, 4, 4, PCI_IRQ_MSIX),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(p->dev, 4, 4, PCI_IRQ_MSI),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, pci_fabric_vectors_used(p->fabric), used);
	KUNIT_EXPECT_EQ(test, pci_alloc_irq_vectors(p->dev, 1, 2, PCI_IRQ_MSIX), 2);
	KUNIT_EXPECT_EQ(test, pci_fabric_vectors_used(p->fabric), used + 2);
	pci_free_irq_vectors(p->dev);
	KUNIT_EXPECT_EQ(test, pci_fabric_vectors_used(p->fabric), used);
}

/* What is pending does not survive a reset, and a removed function is silent. */
static void pending_and_reset(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct source *src[4];

	get_vectors(test, p->dev, 4, PCI_IRQ_MSIX, src);
	disable_irq(src[0]->irq);
	pci_fabric_raise_msix(p->ep, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, 0),
			PCI_FABRIC_IRQ_PENDING);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(p->ep, 0, PBA, 4), 1);
	KUNIT_EXPECT_EQ(test, pci_reset_function(p->dev), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(p->ep, 0, PBA, 4), 0);
	enable_irq(src[0]->irq);

	/* The kernel restored the table */
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, 1),
			PCI_FABRIC_IRQ_DELIVERED);
	pci_fabric_surprise_remove(p->port);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(p->ep, 1),
			PCI_FABRIC_IRQ_BLOCKED);
	KUNIT_EXPECT_EQ(test, count_of(src[1]), 1);
}

/*
 * Sec 6.1.1, 7.5.1.1.3, 7.5.1.1.4: Interrupt Status tells what the function wants,
 * Interrupt Disable keeps it from the wire.  Bus mastering has no part in it.
 */
static void intx_delivery(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct source *src;

	src = intx_request(test, p->ep);
	cmd_set(p->dev, CMD_MASTER, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_intx(p->ep, true),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, count_of(src), 1);
	KUNIT_EXPECT_TRUE(test, src->hardirq);

	cmd_set(p->dev, 0, CMD_INTX_OFF);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_intx(p->ep, true),
			PCI_FABRIC_IRQ_DISABLED);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x06, 2) & 8, 8);
	pci_fabric_flush(p->fabric);
	KUNIT_EXPECT_EQ(test, count_of(src), 1);
	cmd_set(p->dev, CMD_INTX_OFF, 0);
	pci_fabric_flush(p->fabric);
	KUNIT_EXPECT_EQ(test, count_of(src), 2);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x06, 2) & 8, 0);
}

/* A level is not an edge: it waits while the interrupt is disabled. */
static void intx_level(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct source *src;

	src = intx_request(test, p->ep);
	disable_irq(src->irq);
	pci_fabric_raise_intx(p->ep, true);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_intx(p->ep, true),
			PCI_FABRIC_IRQ_PENDING);
	KUNIT_EXPECT_EQ(test, count_of(src), 0);
	enable_irq(src->irq);
	pci_fabric_flush(p->fabric);
	KUNIT_EXPECT_EQ(test, count_of(src), 1);

	/* Withdrawn before anyone looked */
	disable_irq(src->irq);
	pci_fabric_raise_intx(p->ep, true);
	pci_fabric_raise_intx(p->ep, false);
	enable_irq(src->irq);
	pci_fabric_flush(p->fabric);
	KUNIT_EXPECT_LE(test, count_of(src), 2);
}

/* Sec 6.1.4: no INTx from a function with MSI or MSI-X enabled */
static void intx_or_msi(struct kunit *test)
{
	struct pair *p = make_pair(test);
	struct source *src[1];

	get_vectors(test, p->dev, 1, PCI_IRQ_MSI, src);
	cmd_set(p->dev, CMD_INTX_OFF, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_intx(p->ep, true),
			PCI_FABRIC_IRQ_DISABLED);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x06, 2) & 8, 8);
	pci_fabric_raise_intx(p->ep, false);
	KUNIT_EXPECT_EQ(test, cfg_read(p->dev, 0x06, 2) & 8, 0);
}

struct swizzle_case {
	const char *name;
	u8 port, function, pin, line;
};

/* Sec 2.2.8.1: (pin + device number) % 4 at each bridge; a link's device is 0 */
static const struct swizzle_case swizzle_cases[] = {
	{ "INTA below device 0", 0, 0, 1, 0 },
	{ "INTB below device 0", 0, 0, 2, 1 },
	{ "INTA below device 1", 1, 0, 1, 1 },
	{ "INTD below device 1", 1, 0, 4, 0 },
	{ "INTC of function 2 below device 3", 3, 2, 3, 1 },
};

static void swizzle_case_name(const struct swizzle_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(swizzle, swizzle_cases, swizzle_case_name);

/* The pin ends at the line that the kernel thinks it does, and at no other. */
static void intx_swizzle(struct kunit *test)
{
	const struct swizzle_case *c = test->param_value;
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *port, *fn = NULL;
	struct source *src;
	struct pci_dev *dev;

	port = add_port(fabric, NULL, PCI_DEVFN(c->port, 0), TYPE_ROOT_PORT);
	for (int i = 0; i <= c->function; i++)
		fn = pci_fabric_add(fabric, port, &(struct pci_fabric_fn_desc){
			.devfn = i, .device = 0x0200 + i, .intx_pin = c->pin,
		});
	pci_fabric_scan(fabric);
	dev = pci_fabric_pdev(fn);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	src = intx_request(test, fn);
	KUNIT_EXPECT_EQ(test, dev->irq, pci_fabric_intx_irq(fabric, c->line));
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_intx(fn, true),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, count_of(src), 1);
}

/* Two functions on one wire: it stays asserted until both are quiet. */
static void intx_shared(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *fn[2];
	struct source *src[2];

	for (int i = 0; i < 2; i++)
		fn[i] = pci_fabric_add(fabric, NULL, &(struct pci_fabric_fn_desc){
			.devfn = PCI_DEVFN(4 * i, 0), .device = 0x0200 + i,
			.pcie_type = TYPE_RCIEP, .intx_pin = 1,
		});
	pci_fabric_scan(fabric);
	for (int i = 0; i < 2; i++)
		src[i] = intx_request(test, fn[i]);
	KUNIT_ASSERT_EQ(test, src[0]->irq, src[1]->irq);

	disable_irq(src[0]->irq);
	pci_fabric_raise_intx(fn[0], true);
	pci_fabric_raise_intx(fn[1], true);
	pci_fabric_raise_intx(fn[0], false);
	enable_irq(src[0]->irq);
	pci_fabric_flush(fabric);
	KUNIT_EXPECT_GE(test, count_of(src[1]), 1);
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(fn[1], 0x06, 2) & 8, 0);
}

/* Writing 1 asserts, writing 0 deasserts. */
static void intx_register(struct pci_fabric_region *region, u32 off,
			  unsigned int size, u64 val)
{
	pci_fabric_region_store(region, off, size, val);
	pci_fabric_region_intx(region, val & 1);
}

struct by_register {
	void __iomem *reg;
	int count;
};

static irqreturn_t by_register_handler(int irq, void *data)
{
	struct by_register *dev = data;

	dev->count++;
	iowrite32(0, dev->reg);
	return IRQ_HANDLED;
}

/* A device that interrupts, and is quietened, by a register in a BAR */
static void intx_by_register(struct kunit *test)
{
	static const struct pci_fabric_region_ops ops = { .write = intx_register };
	struct by_register dev = {};
	struct pair *p = make_pair(test);

	pci_fabric_add_region(p->ep, 0, 0x40, 4, &ops, NULL);
	pci_assign_irq(p->dev);
	KUNIT_ASSERT_EQ(test, pci_enable_device(p->dev), 0);
	dev.reg = pci_iomap_range(p->dev, 0, 0x40, 4);
	KUNIT_ASSERT_NOT_NULL(test, dev.reg);
	KUNIT_ASSERT_EQ(test, request_irq(p->dev->irq, by_register_handler,
					  IRQF_SHARED, "by_register", &dev), 0);
	for (int i = 1; i <= 2; i++) {
		iowrite32(1, dev.reg);
		pci_fabric_flush(p->fabric);
		KUNIT_EXPECT_EQ(test, dev.count, i);
		KUNIT_EXPECT_EQ(test, pci_fabric_peek(p->ep, 0x06, 2) & 8, 0);
		KUNIT_EXPECT_EQ(test, ioread32(dev.reg), 0);
	}
	free_irq(p->dev->irq, &dev);
	pci_iounmap(p->dev, dev.reg);
	pci_disable_device(p->dev);
}

static struct kunit_case pci_fabric_irq_cases[] = {
	KUNIT_CASE_PARAM(msi_delivery, msi_gen_params),
	KUNIT_CASE(msi_fewer_enabled),
	KUNIT_CASE(msi_above_4g),
	KUNIT_CASE(msi_mask),
	KUNIT_CASE(msi_disable_irq),
	KUNIT_CASE(bus_master),
	KUNIT_CASE(msix_delivery),
	KUNIT_CASE(msix_mask),
	KUNIT_CASE(msix_dynamic),
	KUNIT_CASE(vector_pool),
	KUNIT_CASE(pending_and_reset),
	KUNIT_CASE(intx_delivery),
	KUNIT_CASE(intx_level),
	KUNIT_CASE(intx_or_msi),
	KUNIT_CASE_PARAM(intx_swizzle, swizzle_gen_params),
	KUNIT_CASE(intx_shared),
	KUNIT_CASE(intx_by_register),
	{}
};

static struct kunit_suite pci_fabric_irq_suite = {
	.name = "pci_fabric_irq",
	.test_cases = pci_fabric_irq_cases,
};

kunit_test_suite(pci_fabric_irq_suite);

MODULE_DESCRIPTION("KUnit tests for the emulated PCI fabric: interrupts");
MODULE_LICENSE("GPL");
