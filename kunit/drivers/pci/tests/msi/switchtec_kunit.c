// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for the interrupts of the switchtec driver, on an emulated
 * Management Endpoint.
 *
 * The layout of the BAR is written down here from the driver's point of view:
 * what it must find to bind.  Nothing of the management protocol is emulated.
 */
#include <kunit/pci-hw.h>
#include <kunit/pci.h>
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/kref.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/switchtec.h>
#include <linux/workqueue.h>

/* PFX 24xG3 */
#define SWITCHTEC_KUNIT_VENDOR		0x11f8
#define SWITCHTEC_KUNIT_DEVICE		0x8531
#define SWITCHTEC_KUNIT_CLASS		0x058000

/* Registers in BAR 0 */
#define MRPC_DMA_VECTOR			0x00818
#define MRPC_DMA_VER			0x0081c
#define SW_EVENT_STACK_ERROR		0x01830
#define PART_CFG_VEP_VECTOR		0x04100
#define PART_CFG_MRPC_COMP		0x0413c
#define NTB_PARTITION_COUNT		0x10000

#define EVENT_OCCURRED			BIT(0)
#define EVENT_EN_IRQ			BIT(3)

#define MSIX_BAR			2
#define MSIX_VECTORS			32
#define MSIX_ENABLE			BIT(15)	/* PCIe r6.0, sec 7.7.2.2 */
#define EVENT_VECTOR			2
#define DMA_VECTOR			3

struct switchtec_kunit {
	struct pci_fabric *fabric;
	struct pci_fabric_fn *fn;
	struct pci_dev *pdev;
};

/* Bit 0 of an event header is cleared by writing 1. */
static void switchtec_kunit_write_hdr(struct pci_fabric_region *region, u32 off,
				      unsigned int size, u64 val)
{
	pci_fabric_region_store(region, off, size, val & ~EVENT_OCCURRED);
}

static const struct pci_fabric_region_ops switchtec_kunit_hdr = {
	.write = switchtec_kunit_write_hdr,
};

static int switchtec_kunit_init(struct kunit *test)
{
	static const struct pci_fabric_fn_desc desc = {
		.vendor = SWITCHTEC_KUNIT_VENDOR,
		.device = SWITCHTEC_KUNIT_DEVICE,
		.class = SWITCHTEC_KUNIT_CLASS,
		.pcie_type = PCI_EXP_TYPE_RC_END,
		.bars[0] = { .size = SZ_4M },
		.bars[MSIX_BAR] = { .size = SZ_4K },
		.msi = { .vectors = 4, .is_64 = true },
		.msix = {
			.vectors = MSIX_VECTORS,
			.table_bar = MSIX_BAR,
			.pba_bar = MSIX_BAR,
			.pba_off = SZ_2K,
		},
	};
	struct switchtec_kunit *st;

	st = kunit_kzalloc(test, sizeof(*st), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, st);
	test->priv = st;

	st->fabric = pci_fabric_alloc(test);
	st->fn = pci_fabric_add(st->fabric, NULL, &desc);
	pci_fabric_add_region(st->fn, 0, PART_CFG_MRPC_COMP, 4,
			      &switchtec_kunit_hdr, NULL);
	pci_fabric_bar_poke(st->fn, 0, NTB_PARTITION_COUNT, 1, 1);
	pci_fabric_bar_poke(st->fn, 0, PART_CFG_VEP_VECTOR, 2, EVENT_VECTOR);
	return 0;
}

/* Scanning binds the driver, which has long been registered. */
static void switchtec_kunit_scan(struct kunit *test)
{
	struct switchtec_kunit *st = test->priv;

	pci_fabric_scan(st->fabric);
	st->pdev = pci_fabric_pdev(st->fn);
	KUNIT_ASSERT_NOT_NULL(test, st->pdev);
}

static void switchtec_kunit_expect_bound(struct kunit *test)
{
	struct switchtec_kunit *st = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, st->pdev->dev.driver);
	KUNIT_EXPECT_STREQ(test, st->pdev->dev.driver->name, "switchtec");
	KUNIT_EXPECT_TRUE(test, st->pdev->msix_enabled);
	KUNIT_EXPECT_TRUE(test, st->pdev->is_msi_managed);
	/* Its default, the module parameter nirqs. */
	KUNIT_EXPECT_EQ(test, pci_fabric_vectors_used(st->fabric), 32);
}

static void switchtec_kunit_expect_free(struct kunit *test)
{
	struct switchtec_kunit *st = test->priv;
	unsigned int msix = pci_fabric_cap_pos(st->fn, PCI_CAP_ID_MSIX, false);

	KUNIT_EXPECT_NULL(test, st->pdev->dev.driver);
	KUNIT_EXPECT_FALSE(test, pci_dev_msi_enabled(st->pdev));
	KUNIT_EXPECT_FALSE(test, st->pdev->is_msi_managed);
	KUNIT_EXPECT_NULL(test, st->pdev->dev.msi.data);
	KUNIT_EXPECT_EQ(test, pci_fabric_vectors_used(st->fabric), 0);
	KUNIT_EXPECT_FALSE(test, pci_fabric_peek(st->fn, msix + 2, 2) &
				 MSIX_ENABLE);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(st->fn, EVENT_VECTOR),
			PCI_FABRIC_IRQ_DISABLED);
}

/*
 * An event of the switch.  Its interrupt handler masks the event, by clearing
 * what is set in the header.
 */
static void switchtec_kunit_event(struct kunit *test)
{
	struct switchtec_kunit *st = test->priv;

	pci_fabric_bar_poke(st->fn, 0, SW_EVENT_STACK_ERROR, 4,
			    EVENT_OCCURRED | EVENT_EN_IRQ);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(st->fn, EVENT_VECTOR),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(st->fn, 0,
						  SW_EVENT_STACK_ERROR, 4), 0);
}

/* Catches vectors that are not allocated, not usable, or not freed. */
static void bind_unbind(struct kunit *test)
{
	struct switchtec_kunit *st = test->priv;

	switchtec_kunit_scan(test);
	switchtec_kunit_expect_bound(test);
	switchtec_kunit_event(test);
	device_release_driver(&st->pdev->dev);
	switchtec_kunit_expect_free(test);

	KUNIT_ASSERT_EQ(test, device_attach(&st->pdev->dev), 1);
	switchtec_kunit_expect_bound(test);
	switchtec_kunit_event(test);
	device_release_driver(&st->pdev->dev);
	switchtec_kunit_expect_free(test);
}

/* The second vector, which the driver uses if there is DMA MRPC. */
static void dma_mrpc(struct kunit *test)
{
	struct switchtec_kunit *st = test->priv;
	struct switchtec_dev *stdev;
	u32 hdr;

	pci_fabric_bar_poke(st->fn, 0, MRPC_DMA_VER, 4, 1);
	pci_fabric_bar_poke(st->fn, 0, MRPC_DMA_VECTOR, 4, DMA_VECTOR);
	switchtec_kunit_scan(test);
	switchtec_kunit_expect_bound(test);

	/* The handler clears the event and enables it again. */
	pci_fabric_bar_poke(st->fn, 0, PART_CFG_MRPC_COMP, 4, EVENT_OCCURRED);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(st->fn, DMA_VECTOR),
			PCI_FABRIC_IRQ_DELIVERED);
	hdr = pci_fabric_bar_peek(st->fn, 0, PART_CFG_MRPC_COMP, 4);
	KUNIT_EXPECT_EQ(test, hdr, EVENT_EN_IRQ);

	/* It has also queued this, for which remove does not wait. */
	stdev = pci_get_drvdata(st->pdev);
	flush_work(&stdev->mrpc_work);

	device_release_driver(&st->pdev->dev);
	switchtec_kunit_expect_free(test);
}

/* Catches a driver that wants more than the one vector that a device has. */
static void one_vector(struct kunit *test)
{
	static const struct pci_fabric_fn_desc desc = {
		.devfn = PCI_DEVFN(2, 0),
		.vendor = SWITCHTEC_KUNIT_VENDOR,
		.device = SWITCHTEC_KUNIT_DEVICE,
		.class = SWITCHTEC_KUNIT_CLASS,
		.pcie_type = PCI_EXP_TYPE_RC_END,
		.bars[0] = { .size = SZ_4M },
		.msi = { .vectors = 1, .is_64 = true },
	};
	struct switchtec_kunit *st = test->priv;

	st->fn = pci_fabric_add(st->fabric, NULL, &desc);
	pci_fabric_bar_poke(st->fn, 0, NTB_PARTITION_COUNT, 1, 1);
	pci_fabric_bar_poke(st->fn, 0, PART_CFG_VEP_VECTOR, 2, 0);
	switchtec_kunit_scan(test);
	KUNIT_ASSERT_NOT_NULL(test, st->pdev->dev.driver);
	KUNIT_EXPECT_STREQ(test, st->pdev->dev.driver->name, "switchtec");
	KUNIT_EXPECT_TRUE(test, st->pdev->msi_enabled);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(st->fn, 0), PCI_FABRIC_IRQ_DELIVERED);
	device_release_driver(&st->pdev->dev);
	KUNIT_EXPECT_FALSE(test, pci_dev_msi_enabled(st->pdev));
}

/*
 * The driver's error path leaks a reference to the device, which is not what
 * these tests are about, so it is given back.
 */
static void switchtec_kunit_expect_failure(struct kunit *test)
{
	struct switchtec_kunit *st = test->priv;
	struct kref *kref = &st->pdev->dev.kobj.kref;
	unsigned int refs = kref_read(kref);

	KUNIT_EXPECT_EQ(test, device_attach(&st->pdev->dev), 0);
	switchtec_kunit_expect_free(test);
	KUNIT_EXPECT_LE(test, kref_read(kref), refs + 1);
	if (kref_read(kref) > refs)
		pci_dev_put(st->pdev);
}

/*
 * With a real driver: the device asks for a vector that was not
 * allocated.  Catches vectors that a failed probe leaves behind.
 */
static void probe_fails(struct kunit *test)
{
	struct switchtec_kunit *st = test->priv;

	switchtec_kunit_scan(test);
	device_release_driver(&st->pdev->dev);

	pci_fabric_bar_poke(st->fn, 0, PART_CFG_VEP_VECTOR, 2, 200);
	switchtec_kunit_expect_failure(test);

	pci_fabric_bar_poke(st->fn, 0, PART_CFG_VEP_VECTOR, 2, EVENT_VECTOR);
	KUNIT_ASSERT_EQ(test, device_attach(&st->pdev->dev), 1);
	switchtec_kunit_expect_bound(test);
}

/* With a real driver.  Catches an allocation failure taken for success. */
static void no_vectors(struct kunit *test)
{
	struct switchtec_kunit *st = test->priv;

	switchtec_kunit_scan(test);
	device_release_driver(&st->pdev->dev);

	pci_fabric_set_nr_vectors(st->fabric, 0);
	switchtec_kunit_expect_failure(test);

	pci_fabric_set_nr_vectors(st->fabric, PCI_FABRIC_MAX_VECTORS);
	KUNIT_ASSERT_EQ(test, device_attach(&st->pdev->dev), 1);
	switchtec_kunit_expect_bound(test);
}

static struct kunit_case switchtec_kunit_cases[] = {
	KUNIT_CASE(bind_unbind),
	KUNIT_CASE(dma_mrpc),
	KUNIT_CASE(one_vector),
	KUNIT_CASE(probe_fails),
	KUNIT_CASE(no_vectors),
	{ }
};

static struct kunit_suite switchtec_kunit_suite = {
	.name = "switchtec",
	.init = switchtec_kunit_init,
	.test_cases = switchtec_kunit_cases,
};

kunit_test_suite(switchtec_kunit_suite);

MODULE_DESCRIPTION("KUnit tests for the interrupts of the switchtec driver");
MODULE_LICENSE("GPL");
