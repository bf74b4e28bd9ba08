// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for who frees the vectors of pci_alloc_irq_vectors() and of
 * pci_enable_msi(): devres on a device that was enabled with
 * pcim_enable_device(), otherwise the driver.
 *
 * Drivers rely on this.  The tests hold with pcim_alloc_irq_vectors() and
 * without, so they build on a tree that does not have it.
 */
#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/irqnr.h>
#include <linux/pci.h>

#include "pci_irq_fixture.h"

static int pci_msi_legacy_msi(struct pci_dev *pdev, unsigned int min_vecs,
			      unsigned int max_vecs, unsigned int flags)
{
	int ret = pci_enable_msi(pdev);

	return ret ? ret : 1;
}

static int pci_msi_legacy_msix(struct pci_dev *pdev, unsigned int min_vecs,
			       unsigned int max_vecs, unsigned int flags)
{
	return pci_enable_msix_range(pdev, NULL, min_vecs, max_vecs);
}

/* The functions that become managed by pcim_enable_device(). */
static const struct pci_msi_legacy_how {
	const char *desc;
	int (*alloc)(struct pci_dev *pdev, unsigned int min_vecs,
		     unsigned int max_vecs, unsigned int flags);
	unsigned int flags;
	int nvecs;
} pci_msi_legacy_hows[] = {
	{ "pci_alloc_irq_vectors, MSI", pci_alloc_irq_vectors, PCI_IRQ_MSI, 4 },
	{ "pci_alloc_irq_vectors, MSI-X", pci_alloc_irq_vectors, PCI_IRQ_MSIX, 4 },
	{ "pci_enable_msi", pci_msi_legacy_msi, PCI_IRQ_MSI, 1 },
	{ "pci_enable_msix_range", pci_msi_legacy_msix, PCI_IRQ_MSIX, 4 },
};

KUNIT_ARRAY_PARAM_DESC(pci_msi_legacy_how, pci_msi_legacy_hows, desc);

static int pci_msi_legacy_init(struct kunit *test)
{
	const struct pci_msi_legacy_how *how = test->param_value;
	struct pci_irq_fixture *fx;
	int ret;

	ret = pci_irq_fixture_init(test);
	if (ret)
		return ret;

	fx = test->priv;
	if (how) {
		fx->alloc = how->alloc;
		fx->flags = how->flags;
	}
	return 0;
}

/* Catches that the implicit release is gone, with 37 drivers left. */
static void auto_release(struct kunit *test)
{
	const struct pci_msi_legacy_how *how = test->param_value;
	struct pci_irq_fixture *fx = test->priv;
	int unmanaged = pci_irq_fixture_unmanaged(fx);
	int round;

	fx->request = true;
	for (round = 0; round < 2; round++) {
		KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
		KUNIT_EXPECT_EQ(test, fx->nvecs, how->nvecs);
		KUNIT_EXPECT_TRUE(test, fx->managed);
		KUNIT_EXPECT_EQ(test, pci_irq_fixture_raise(fx, how->nvecs),
				how->nvecs);
		KUNIT_EXPECT_EQ(test, fx->added, unmanaged + 1);
		pci_irq_fixture_unbind(fx);
		KUNIT_EXPECT_EQ(test, fx->teardown.count, 1);
		KUNIT_EXPECT_TRUE(test, fx->teardown.msi_data);
		KUNIT_EXPECT_FALSE(test, fx->teardown.handler);
		pci_irq_fixture_expect_idle(fx);
	}
}

/* Catches that freeing twice, or before the release, does anything. */
static void double_free(struct kunit *test)
{
	struct pci_irq_fixture *fx = test->priv;

	fx->remove = pci_irq_fixture_free_twice;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	pci_irq_fixture_unbind(fx);
	KUNIT_EXPECT_EQ(test, fx->teardown.count, 1);
	pci_irq_fixture_expect_idle(fx);

	fx->remove = NULL;
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_bind(fx), 0);
}

static int pci_msi_legacy_realloc(struct pci_irq_fixture *fx)
{
	unsigned int before = pci_irq_fixture_resources(fx);
	int round;

	for (round = 0; round < 3; round++) {
		int nvecs;

		pci_free_irq_vectors(fx->pdev);
		nvecs = fx->alloc(fx->pdev, 4, 4, fx->flags);
		KUNIT_EXPECT_EQ(fx->test, nvecs, fx->nvecs);
		KUNIT_EXPECT_EQ(fx->test, pci_irq_fixture_resources(fx), before);
	}
	return 0;
}

/* Catches one release action per allocation. */
static void alloc_free_alloc(struct kunit *test)
{
	struct pci_irq_fixture *fx = test->priv;

	fx->then = pci_msi_legacy_realloc;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);
}

/* Catches a flag or an action of one driver that reaches the next one. */
static void unmanaged_after_managed(struct kunit *test)
{
	struct pci_irq_fixture *fx = test->priv;
	int unmanaged = pci_irq_fixture_unmanaged(fx);

	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);

	fx->plain = true;
	fx->then = pci_irq_fixture_watch_release;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->added, unmanaged);
	KUNIT_EXPECT_FALSE(test, fx->managed);
	pci_irq_fixture_unbind(fx);
	KUNIT_EXPECT_EQ(test, fx->teardown.count, 1);
	pci_irq_fixture_expect_idle(fx);
}

static int pci_msi_legacy_intx_alloc(struct pci_dev *pdev, unsigned int min_vecs,
				     unsigned int max_vecs, unsigned int flags)
{
	return pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_INTX);
}

/* Catches a release for INTx. */
static void intx(struct kunit *test)
{
	struct pci_irq_fixture *fx = test->priv;

	fx->alloc = pci_msi_legacy_intx_alloc;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->nvecs, 1);
	KUNIT_EXPECT_EQ(test, fx->added, 0);
	KUNIT_EXPECT_FALSE(test, fx->managed);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);
}

static void pci_msi_legacy_early(struct pci_irq_fixture *fx)
{
	pci_free_irq_vectors(fx->pdev);
}

/*
 * Trap T6 (a), the hazard.  When remove runs, devres still holds interrupts of
 * devm_request_irq(), so vectors that remove frees go with their handlers
 * installed.  Left to devres, the order is right, see auto_release.
 */
static void early_free(struct kunit *test)
{
	struct pci_irq_fixture *fx = test->priv;

	fx->request = true;
	fx->remove = pci_msi_legacy_early;
	fx->rescue = true;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	pci_irq_fixture_unbind(fx);
	KUNIT_EXPECT_EQ(test, fx->teardown.count, 1);
	KUNIT_EXPECT_TRUE(test, fx->teardown.handler);
	pci_irq_fixture_expect_idle(fx);
}

#define LEGACY_CASE(name)	KUNIT_CASE_PARAM(name, pci_msi_legacy_how_gen_params)

static struct kunit_case pci_msi_legacy_cases[] = {
	LEGACY_CASE(auto_release),
	LEGACY_CASE(double_free),
	LEGACY_CASE(alloc_free_alloc),
	LEGACY_CASE(unmanaged_after_managed),
	KUNIT_CASE(intx),
	LEGACY_CASE(early_free),
	{ }
};

static struct kunit_suite pci_msi_legacy_suite = {
	.name = "pci_msi_legacy",
	.init = pci_msi_legacy_init,
	.test_cases = pci_msi_legacy_cases,
};

kunit_test_suite(pci_msi_legacy_suite);

MODULE_DESCRIPTION("KUnit tests for the implicit release of PCI IRQ vectors");
MODULE_LICENSE("GPL");
