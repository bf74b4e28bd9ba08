// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for the emulated PCI endpoint controller: interrupts, both ways.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/pci.h>
#include <kunit/pci-base.h>
#include <kunit/pci-epc.h>
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/pci.h>
#include <linux/pci-ep-msi.h>
#include <linux/sizes.h>

#include "pci_fabric_ep_kunit.h"
#include "pci_fabric_ep_of.h"

/* Where BAR 0 has the MSI-X table; the endpoint chooses it */
#define EP_MSIX_OFF	0x100
#define EP_MSIX_NR	5

static irqreturn_t ep_handler(int irq, void *data)
{
	atomic_inc((atomic_t *)data);
	return IRQ_HANDLED;
}

struct ep_irq {
	unsigned int irq;
	atomic_t count;
};

static void ep_free_irq(void *data)
{
	struct ep_irq *irq = data;

	free_irq(irq->irq, &irq->count);
}

static struct ep_irq *ep_request(struct kunit *test, unsigned int nr)
{
	struct ep_irq *irq = kunit_kzalloc(test, sizeof(*irq), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, irq);
	irq->irq = nr;
	KUNIT_ASSERT_EQ(test, request_irq(nr, ep_handler, 0, "pci-fabric-ep",
					  &irq->count), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ep_free_irq, irq), 0);
	return irq;
}

static void ep_free_vectors(void *data)
{
	pci_free_irq_vectors(data);
}

static void ep_vectors(struct kunit *test, struct pci_dev *pdev, unsigned int nr,
		       unsigned int flags)
{
	pci_set_master(pdev);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(pdev, nr, nr, flags), nr);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ep_free_vectors, pdev), 0);
}

/* Catches: a message that another vector gets, a count that is not what was enabled. */
static void ep_msi(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct ep_irq *irq[32];
	struct pci_dev *pdev;

	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	KUNIT_ASSERT_EQ(test, pci_epc_set_msi(ctx->epc, 0, 0, 17), 0);
	pdev = ep_start(test);
	KUNIT_EXPECT_EQ(test, pci_msi_vec_count(pdev), 32);	/* a power of two */
	KUNIT_EXPECT_EQ(test, pci_epc_get_msi(ctx->epc, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, pci_epc_raise_irq(ctx->epc, 0, 0, PCI_IRQ_MSI, 1), -EINVAL);

	ep_vectors(test, pdev, 32, PCI_IRQ_MSI);
	KUNIT_EXPECT_EQ(test, pci_epc_get_msi(ctx->epc, 0, 0), 32);
	for (int i = 0; i < 32; i++)
		irq[i] = ep_request(test, pci_irq_vector(pdev, i));
	for (int i = 0; i < 32; i++) {
		KUNIT_EXPECT_EQ(test, pci_epc_raise_irq(ctx->epc, 0, 0, PCI_IRQ_MSI,
							i + 1), 0);
		KUNIT_EXPECT_EQ(test, atomic_read(&irq[i]->count), 1);
	}
	for (int i = 0; i < 32; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&irq[i]->count), 1);

	/* Numbers start at 1. */
	KUNIT_EXPECT_EQ(test, pci_epc_raise_irq(ctx->epc, 0, 0, PCI_IRQ_MSI, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_epc_raise_irq(ctx->epc, 0, 0, PCI_IRQ_MSI, 33), -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_epc_raise_irq(ctx->epc, 0, 0, PCI_IRQ_MSIX, 1), -EINVAL);

	/* A message is a memory write. */
	pci_clear_master(pdev);
	KUNIT_EXPECT_EQ(test, pci_epc_raise_irq(ctx->epc, 0, 0, PCI_IRQ_MSI, 1), -EIO);
	pci_set_master(pdev);
}

/* Catches: an interrupt that masking loses, and one that it does not stop. */
static void ep_msi_masked(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct ep_irq *irq;
	struct pci_dev *pdev;

	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	KUNIT_ASSERT_EQ(test, pci_epc_set_msi(ctx->epc, 0, 0, 1), 0);
	pdev = ep_start(test);
	ep_vectors(test, pdev, 1, PCI_IRQ_MSI);
	irq = ep_request(test, pci_irq_vector(pdev, 0));
	pci_msi_mask_irq(irq_get_irq_data(irq->irq));
	KUNIT_EXPECT_EQ(test, pci_epc_raise_irq(ctx->epc, 0, 0, PCI_IRQ_MSI, 1), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&irq->count), 0);
	pci_msi_unmask_irq(irq_get_irq_data(irq->irq));
	pci_fabric_flush(ctx->fabric);
	KUNIT_EXPECT_EQ(test, atomic_read(&irq->count), 1);
}

/* Catches: a table that is not the memory of the endpoint, masks that are not looked at. */
static void ep_msix(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct ep_irq *irq[EP_MSIX_NR];
	struct pci_dev *pdev;
	struct ep_mem *mem;

	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	mem = ep_bar(test, BAR_0, SZ_4K, 0);
	KUNIT_ASSERT_EQ(test, pci_epc_set_msix(ctx->epc, 0, 0, EP_MSIX_NR, BAR_0,
					       EP_MSIX_OFF), 0);
	pdev = ep_start(test);
	KUNIT_EXPECT_EQ(test, pci_msix_vec_count(pdev), EP_MSIX_NR);
	/* Sec 7.7.2.8: masked after reset */
	KUNIT_EXPECT_EQ(test, ((u32 *)(mem->addr + EP_MSIX_OFF))[3] & 1, 1);
	KUNIT_EXPECT_EQ(test, pci_epc_get_msix(ctx->epc, 0, 0), 0);

	ep_vectors(test, pdev, EP_MSIX_NR, PCI_IRQ_MSIX);
	KUNIT_EXPECT_EQ(test, pci_epc_get_msix(ctx->epc, 0, 0), EP_MSIX_NR);
	for (int i = 0; i < EP_MSIX_NR; i++)
		irq[i] = ep_request(test, pci_irq_vector(pdev, i));
	KUNIT_EXPECT_EQ(test, ((u32 *)(mem->addr + EP_MSIX_OFF))[3] & 1, 0);
	for (int i = 0; i < EP_MSIX_NR; i++)
		KUNIT_EXPECT_EQ(test, pci_epc_raise_irq(ctx->epc, 0, 0, PCI_IRQ_MSIX,
							i + 1), 0);
	for (int i = 0; i < EP_MSIX_NR; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&irq[i]->count), 1);
	KUNIT_EXPECT_EQ(test, pci_epc_raise_irq(ctx->epc, 0, 0, PCI_IRQ_MSIX,
						EP_MSIX_NR + 1), -EINVAL);

	/* The Pending Bit is in memory after the table. */
	pci_msi_mask_irq(irq_get_irq_data(irq[3]->irq));
	KUNIT_EXPECT_EQ(test, pci_epc_raise_irq(ctx->epc, 0, 0, PCI_IRQ_MSIX, 4), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&irq[3]->count), 1);
	KUNIT_EXPECT_EQ(test, *(u8 *)(mem->addr + EP_MSIX_OFF + 16 * EP_MSIX_NR), BIT(3));
	pci_msi_unmask_irq(irq_get_irq_data(irq[3]->irq));
	pci_fabric_flush(ctx->fabric);
	KUNIT_EXPECT_EQ(test, atomic_read(&irq[3]->count), 2);
	KUNIT_EXPECT_EQ(test, *(u8 *)(mem->addr + EP_MSIX_OFF + 16 * EP_MSIX_NR), 0);
}

/* Catches: INTx that stays asserted, and one that has no pin. */
static void ep_intx(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct ep_irq *irq;
	struct pci_dev *pdev;

	ep_make(test, &(struct pci_fabric_ep_desc){});
	ep_write_header(test, 0);
	pdev = ep_start(test);
	/* Sec 2.2.8.1: INTB of device 0, below a port that is device 0 */
	irq = ep_request(test, pci_fabric_intx_irq(ctx->fabric, 1));
	for (int i = 1; i <= 3; i++) {
		KUNIT_EXPECT_EQ(test, pci_epc_raise_irq(ctx->epc, 0, 0, PCI_IRQ_INTX, 1),
				0);
		KUNIT_EXPECT_EQ(test, atomic_read(&irq->count), i);
	}
	pci_intx(pdev, false);
	KUNIT_EXPECT_EQ(test, pci_epc_raise_irq(ctx->epc, 0, 0, PCI_IRQ_INTX, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, atomic_read(&irq->count), 3);
	pci_intx(pdev, true);
}

/* The root complex's pointer to the doorbell, in a BAR that is moved there */
static void __iomem *ep_doorbell_bar(struct kunit *test, struct pci_dev *pdev)
{
	struct ep_ctx *ctx = test->priv;
	struct pci_fabric_ep_doorbell db = pci_fabric_ep_doorbell(ctx->ep);
	struct pci_epf_bar bar = {
		.barno = BAR_1, .size = SZ_64K,
		.phys_addr = db.phys & ~(dma_addr_t)(SZ_64K - 1),
	};

	KUNIT_ASSERT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), 0);
	return ep_ioremap(test, pdev, 1) + (db.phys & (SZ_64K - 1));
}

/* Catches: a doorbell that is not heard, or heard twice, or that anything rings. */
static void ep_doorbell(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct pci_fabric_ep_doorbell db;
	void __iomem *reg;
	struct pci_dev *pdev;
	struct ep_irq *irq;

	ep_make(test, &(struct pci_fabric_ep_desc){
		.doorbell = PCI_FABRIC_EP_DOORBELL_MMIO,
		.doorbell_off = 0x10c,
		.doorbell_data = 0xdb,
	});
	ep_write_header(test, 0);
	ep_bar(test, BAR_1, SZ_64K, 0);
	db = pci_fabric_ep_doorbell(ctx->ep);
	KUNIT_EXPECT_EQ(test, db.bar, NO_BAR);
	pdev = ep_start(test);
	reg = ep_doorbell_bar(test, pdev);
	irq = ep_request(test, db.irq);

	for (int i = 1; i <= 3; i++) {
		writel(0xdb, reg);
		pci_fabric_ep_flush(ctx->ep);
		KUNIT_EXPECT_EQ(test, atomic_read(&irq->count), i);
	}
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).rings, 3);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).bad_doorbells, 0);

	writel(0xdc, reg);
	writew(0xdb, reg);
	writel(0xdb, reg + 4);
	readl(reg);
	pci_fabric_ep_flush(ctx->ep);
	KUNIT_EXPECT_EQ(test, atomic_read(&irq->count), 3);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).rings, 3);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).bad_doorbells, 3);

	/* While it is masked any number of rings is one interrupt, later. */
	for (int rings = 1; rings <= 2; rings++) {
		disable_irq(irq->irq);
		for (int i = 0; i < rings; i++) {
			writel(0xdb, reg);
			pci_fabric_ep_flush(ctx->ep);
		}
		KUNIT_EXPECT_EQ(test, atomic_read(&irq->count), 2 + rings);
		enable_irq(irq->irq);
		pci_fabric_ep_flush(ctx->ep);
		KUNIT_EXPECT_EQ(test, atomic_read(&irq->count), 3 + rings);
	}
}

/* Catches: a reserved BAR that is not there from the start, or not what it says. */
static void ep_doorbell_reserved_bar(struct kunit *test)
{
	const struct pci_epc_features *features;
	struct ep_ctx *ctx = test->priv;
	struct pci_fabric_ep_doorbell db;
	struct pci_dev *pdev;
	struct ep_irq *irq;

	ep_make(test, &(struct pci_fabric_ep_desc){
		.doorbell = PCI_FABRIC_EP_DOORBELL_BAR,
		.doorbell_bar = BAR_4,
		.doorbell_off = 0x84,
	});
	ep_write_header(test, 0);
	features = pci_epc_get_features(ctx->epc, 0, 0);
	KUNIT_ASSERT_NOT_NULL(test, features);
	KUNIT_EXPECT_EQ(test, features->bar[BAR_4].type, BAR_RESERVED);
	db = pci_fabric_ep_doorbell(ctx->ep);
	KUNIT_EXPECT_EQ(test, db.bar, BAR_4);
	KUNIT_EXPECT_EQ(test, db.offset, 0x84);
	pdev = ep_start(test);
	KUNIT_EXPECT_EQ(test, pci_resource_len(pdev, 4), PCI_FABRIC_EP_DOORBELL_SIZE);
	irq = ep_request(test, db.irq);
	writel(0, ep_ioremap(test, pdev, 4) + 0x84);
	pci_fabric_ep_flush(ctx->ep);
	KUNIT_EXPECT_EQ(test, atomic_read(&irq->count), 1);
}

/* Catches: a resource that is not where the doorbell is. */
static void ep_aux(struct kunit *test)
{
#ifdef CONFIG_PCI_KUNIT_EPC_AUX
	struct ep_ctx *ctx = test->priv;
	struct pci_fabric_ep_doorbell db;
	struct pci_epc_aux_resource res;
	int count = -1;

	ep_make(test, &(struct pci_fabric_ep_desc){});
	KUNIT_EXPECT_EQ(test, pci_epc_count_aux_resources(ctx->epc, 0, 0, &count), 0);
	KUNIT_EXPECT_EQ(test, count, 0);
	pci_fabric_ep_destroy(ctx->ep);

	ep_make(test, &(struct pci_fabric_ep_desc){ .no_aux = true });
	KUNIT_EXPECT_EQ(test, pci_epc_count_aux_resources(ctx->epc, 0, 0, &count),
			-EOPNOTSUPP);
	pci_fabric_ep_destroy(ctx->ep);

	ep_make(test, &(struct pci_fabric_ep_desc){
		.doorbell = PCI_FABRIC_EP_DOORBELL_BAR, .doorbell_bar = BAR_3,
		.doorbell_off = 0x20, .doorbell_data = 7,
	});
	db = pci_fabric_ep_doorbell(ctx->ep);
	KUNIT_EXPECT_EQ(test, pci_epc_count_aux_resources(ctx->epc, 0, 0, &count), 0);
	KUNIT_ASSERT_EQ(test, count, 1);
	KUNIT_ASSERT_EQ(test, pci_epc_get_aux_resources(ctx->epc, 0, 0, &res, 1), 0);
	KUNIT_EXPECT_EQ(test, res.type, PCI_EPC_AUX_DOORBELL_MMIO);
	KUNIT_EXPECT_EQ(test, res.phys_addr, db.phys);
	KUNIT_EXPECT_EQ(test, res.size, 4);
	KUNIT_EXPECT_EQ(test, res.bar, BAR_3);
	KUNIT_EXPECT_EQ(test, res.bar_offset, 0x20);
	KUNIT_EXPECT_EQ(test, res.u.db_mmio.irq, db.irq);
	KUNIT_EXPECT_EQ(test, res.u.db_mmio.data, 7);
#else
	kunit_skip(test, "this kernel has no auxiliary resources");
#endif
}

/* A function driver that does nothing but be there, for pci_epf_alloc_doorbell() */
static int ep_epf_bind(struct pci_epf *epf)
{
	return 0;
}

static void ep_epf_unbind(struct pci_epf *epf)
{
}

static int ep_epf_probe(struct pci_epf *epf, const struct pci_epf_device_id *id)
{
	return 0;
}

static const struct pci_epf_ops ep_epf_ops = {
	.bind = ep_epf_bind,
	.unbind = ep_epf_unbind,
};

static const struct pci_epf_device_id ep_epf_ids[] = {
	{ .name = "pci_fabric_epf" },
	{}
};

static struct pci_epf_driver ep_epf_driver = {
	.driver.name = "pci_fabric_epf",
	.probe = ep_epf_probe,
	.ops = &ep_epf_ops,
	.id_table = ep_epf_ids,
};

static void ep_epf_remove(void *data)
{
	struct pci_epf *epf = data;
	struct pci_epc *epc = epf->epc;

	if (epf->db_msg)
		pci_epf_free_doorbell(epf);
	pci_epf_unbind(epf);
	pci_epc_remove_epf(epc, epf, PRIMARY_INTERFACE);
	pci_epf_destroy(epf);
	pci_epf_unregister_driver(&ep_epf_driver);
}

static struct pci_epf *ep_epf(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct pci_epf *epf;

	KUNIT_ASSERT_EQ(test, pci_epf_register_driver(&ep_epf_driver), 0);
	epf = pci_epf_create("pci_fabric_epf.0");
	KUNIT_ASSERT_FALSE(test, IS_ERR(epf));
	KUNIT_ASSERT_EQ(test, pci_epc_add_epf(ctx->epc, epf, PRIMARY_INTERFACE), 0);
	KUNIT_ASSERT_EQ(test, pci_epf_bind(epf), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ep_epf_remove, epf), 0);
	return epf;
}

/* Catches: messages of the root complex that do not get to their interrupts. */
static void ep_msi_doorbells(struct kunit *test)
{
	struct pci_fabric_ep_desc desc = {};
	struct ep_ctx *ctx = test->priv;
	struct pci_epf_bar bar = { .barno = BAR_1, .size = SZ_64K };
	struct pci_fabric_ep_stats stats;
	struct ep_irq *irq[4];
	struct pci_epf *epf;
	struct pci_dev *pdev;
	void __iomem *reg;
	u64 addr;

	if (!IS_ENABLED(CONFIG_PCI_ENDPOINT_MSI_DOORBELL))
		kunit_skip(test, "requires CONFIG_PCI_ENDPOINT_MSI_DOORBELL");
	pci_fabric_ep_of(test, &desc);
	ep_make(test, &desc);
	epf = ep_epf(test);
	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 4), 0);
	for (int i = 0; i < 4; i++)
		irq[i] = ep_request(test, epf->db_msg[i].virq);

	ep_write_header(test, 0);
	addr = (u64)epf->db_msg[0].msg.address_hi << 32 | epf->db_msg[0].msg.address_lo;
	bar.phys_addr = addr & ~(u64)(SZ_64K - 1);
	KUNIT_ASSERT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), 0);
	pdev = ep_start(test);
	reg = ep_ioremap(test, pdev, 1) + (addr & (SZ_64K - 1));

	for (int i = 3; i >= 0; i--) {
		writel(epf->db_msg[i].msg.data, reg);
		pci_fabric_ep_flush(ctx->ep);
		KUNIT_EXPECT_EQ(test, atomic_read(&irq[i]->count), 1);
	}
	for (int i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&irq[i]->count), 1);

	writel(epf->db_msg[3].msg.data + 1, reg);	/* nobody's */
	writel(0, reg);
	writel(epf->db_msg[0].msg.data, reg + 4);
	pci_fabric_ep_flush(ctx->ep);
	stats = pci_fabric_ep_stats(ctx->ep);
	KUNIT_EXPECT_EQ(test, stats.messages, 4);
	KUNIT_EXPECT_EQ(test, stats.bad_doorbells, 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&irq[0]->count), 1);
}

static struct kunit_case pci_fabric_ep_irq_cases[] = {
	KUNIT_CASE(ep_msi),
	KUNIT_CASE(ep_msi_masked),
	KUNIT_CASE(ep_msix),
	KUNIT_CASE(ep_intx),
	KUNIT_CASE(ep_doorbell),
	KUNIT_CASE(ep_doorbell_reserved_bar),
	KUNIT_CASE(ep_aux),
	KUNIT_CASE(ep_msi_doorbells),
	{}
};

static struct kunit_suite pci_fabric_ep_irq_suite = {
	.name = "pci_fabric_ep_irq",
	.init = ep_init,
	.test_cases = pci_fabric_ep_irq_cases,
};

kunit_test_suite(pci_fabric_ep_irq_suite);

MODULE_DESCRIPTION("KUnit tests for interrupts of the emulated PCI endpoint controller");
MODULE_LICENSE("GPL");
