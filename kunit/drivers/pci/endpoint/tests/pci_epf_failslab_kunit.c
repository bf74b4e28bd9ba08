// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite: each allocation of doorbells, and of binding the function drivers that
 * have some, fails once.
 *
 * The n-th allocation fails, for n = 1, 2, ... until there is none left that could.
 * Either the attempt fails, which is told, and nothing is left, or it does without what
 * could not be allocated.  The next attempt, for which there is memory, succeeds.
 */
#include <kunit/test.h>
#include <linux/irqdomain.h>
#include <linux/module.h>
#include <linux/pci-ep-msi.h>
#include <linux/sizes.h>

#include "pci_ep_fake_cfs.h"
#include "pci_ep_iomem.h"
#include "pci_failslab.h"

/* How many to go on with SMP and lockdep, where each attempt takes long */
#define STEP		(IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT) ? 1 : 3)
#define OUTBOUND	(PCI_EP_IOMEM_START + 0x3000000)

static void remove_func(void *data)
{
	struct pci_epf *epf = data;

	pci_epf_free_doorbell(epf);
	pci_epc_remove_epf(epf->epc, epf, PRIMARY_INTERFACE);
	pci_epf_destroy(epf);
}

static void expect_no_doorbells(struct kunit *test, struct pci_ep_fake *fake,
				struct pci_epf *epf)
{
	KUNIT_EXPECT_NULL(test, epf->db_msg);
	KUNIT_EXPECT_EQ(test, epf->num_db, 0);
	KUNIT_EXPECT_EQ(test, fake->dma_unmaps, fake->dma_maps);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 0);
}

static void sweep_doorbells(struct pci_failslab *sweep, struct pci_ep_fake *fake, int num, bool msi)
{
	struct kunit *test = sweep->test;
	struct pci_epf *epf = pci_epf_create("pci_epf_failslab.0");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, epf);
	KUNIT_ASSERT_EQ(test, pci_epc_add_epf(fake->epc, epf, PRIMARY_INTERFACE), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, remove_func, epf), 0);

	while (pci_failslab_next(sweep)) {
		bool failed;
		int ret;

		pci_failslab_arm(sweep);
		ret = pci_epf_alloc_doorbell(epf, num);
		failed = pci_failslab_disarm(sweep);

		if (ret) {
			bool other = msi && (ret == -ENODEV || ret == -ENOSPC);

			KUNIT_EXPECT_TRUE_MSG(test, ret == -ENOMEM || other, "%d", ret);
			KUNIT_EXPECT_TRUE(test, failed);
			expect_no_doorbells(test, fake, epf);
			ret = pci_epf_alloc_doorbell(epf, num);
		}
		KUNIT_EXPECT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, epf->num_db, num);
		pci_epf_free_doorbell(epf);
		expect_no_doorbells(test, fake, epf);
	}
	pci_failslab_end(sweep, msi ? 12 : 2);
}

/* The register of the controller */
static void doorbells(struct kunit *test)
{
	struct pci_failslab sweep;
	struct pci_ep_fake *fake;

	pci_failslab_init(&sweep, test, 1);
	fake = pci_ep_fake_create(test, NULL);
	pci_ep_fake_doorbell(fake, pci_ep_fake_irq(test), NO_BAR);
	sweep_doorbells(&sweep, fake, 4, false);
}

/*
 * Messages to an MSI controller.  The core has other errors as well: an MSI domain that
 * there is no memory for is none, -ENODEV, and interrupts are -ENOSPC.
 */
static void msi_doorbells(struct kunit *test)
{
	struct pci_failslab sweep;
	struct pci_ep_fake *fake;
	struct device *dev;

	pci_failslab_init(&sweep, test, STEP);
	dev = pci_ep_fake_msi(test, IRQ_DOMAIN_FLAG_MSI_IMMUTABLE);
	fake = pci_ep_fake_create(test, dev);
	sweep_doorbells(&sweep, fake, 4, true);
}

static void expect_unbound(struct kunit *test, struct pci_ep_fake *fake, int irq)
{
	KUNIT_EXPECT_EQ(test, fake->dma_memory, 0);
	KUNIT_EXPECT_EQ(test, fake->dma_unmaps, fake->dma_maps);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(irq), 0);
	KUNIT_EXPECT_EQ(test, fake->bad_clears, 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&fake->epc->pci_epf));
	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		KUNIT_EXPECT_FALSE(test, fake->bar_set[i]);
}

/* A function is bound by its link in configfs, or it is not, and nothing is left. */
static void __init sweep_bind(struct pci_failslab *sweep, struct pci_ep_fake *fake,
			      struct pci_ep_fake_cfs *cfs, int irq)
{
	struct kunit *test = sweep->test;
	int unbound = 0;

	/* What is made when it is bound first, and stays: the files of the IRQ in procfs */
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_link(cfs), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_unlink(cfs), 0);

	while (pci_failslab_next(sweep)) {
		bool failed;
		int ret;

		pci_failslab_arm(sweep);
		ret = pci_ep_fake_cfs_link(cfs);
		failed = pci_failslab_disarm(sweep);

		if (ret) {
			unbound++;
			KUNIT_EXPECT_LT(test, ret, 0);
			KUNIT_EXPECT_TRUE_MSG(test, failed, "%d", ret);
			expect_unbound(test, fake, irq);
			ret = pci_ep_fake_cfs_link(cfs);
		}
		KUNIT_ASSERT_EQ_MSG(test, ret, 0, "after allocation %u", sweep->n);
		KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_unlink(cfs), 0);
		expect_unbound(test, fake, irq);
	}
	pci_failslab_end(sweep, 1);
	KUNIT_EXPECT_GT(test, unbound, 0);
	kunit_info(test, "%d attempts to bind failed\n", unbound);
}

/* pci-epf-test allocates its memory and sets its BARs. */
static void __init bind_test(struct kunit *test)
{
	struct pci_ep_fake_cfs *cfs;
	struct pci_failslab sweep;
	struct pci_ep_fake *fake;
	int irq;

	pci_failslab_init(&sweep, test, STEP);
	irq = pci_ep_fake_irq(test);
	fake = pci_ep_fake_create(test, NULL);
	pci_ep_fake_doorbell(fake, irq, NO_BAR);
	/* As of a controller that is ready, so that BARs are set when it is bound */
	pci_epc_init_notify(fake->epc);
	cfs = pci_ep_fake_cfs_make(test, fake, "pci_epf_test");
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(cfs, "msi_interrupts", "16"), 0);
	sweep_bind(&sweep, fake, cfs, irq);
}

/* pci-epf-vntb allocates doorbells as well, and makes a PCI bus and an NTB device. */
static void __init bind_vntb(struct kunit *test)
{
	static const char * const attributes[][2] = {
		{ "vendorid", "0x1912" }, { "deviceid", "0x0031" },
		{ "pci_epf_vntb.0/db_count", "5" }, { "pci_epf_vntb.0/spad_count", "8" },
		{ "pci_epf_vntb.0/num_mws", "1" }, { "pci_epf_vntb.0/mw1", "0x10000" },
		{ "pci_epf_vntb.0/vntb_vid", "0x1912" },
		{ "pci_epf_vntb.0/vntb_pid", "0x0031" },
		{ "pci_epf_vntb.0/vbus_number", "0x10" },
	};
	struct pci_ep_fake_cfs *cfs;
	struct pci_failslab sweep;
	struct pci_ep_fake *fake;
	int irq;

	pci_failslab_init(&sweep, test, STEP);
	irq = pci_ep_fake_irq(test);
	fake = pci_ep_fake_create(test, NULL);
	pci_ep_fake_doorbell(fake, irq, NO_BAR);
	pci_ep_iomem_init(test);
	pci_ep_fake_outbound(fake, OUTBOUND, SZ_1M);
	cfs = pci_ep_fake_cfs_make(test, fake, "pci_epf_vntb");
	for (int i = 0; i < ARRAY_SIZE(attributes); i++)
		KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(cfs, attributes[i][0],
							  attributes[i][1]), 0);
	sweep_bind(&sweep, fake, cfs, irq);
}

static struct kunit_case __refdata pci_epf_failslab_cases[] = {
	KUNIT_CASE(doorbells),
	KUNIT_CASE_SLOW(msi_doorbells),
	KUNIT_CASE_SLOW(bind_test),
	KUNIT_CASE_SLOW(bind_vntb),
	{}
};

static struct kunit_suite __refdata pci_epf_failslab_suite = {
	.name = "pci_epf_failslab",
	.test_cases = pci_epf_failslab_cases,
};

kunit_test_init_section_suite(pci_epf_failslab_suite);

MODULE_DESCRIPTION("KUnit tests for PCI endpoints without memory");
MODULE_LICENSE("GPL");
