// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for pcim_alloc_irq_vectors() and
 * pcim_alloc_irq_vectors_affinity().
 */
#include <kunit/test.h>
#include <kunit/visibility.h>
#include <linux/device/devres.h>
#include <linux/interrupt.h>
#include <linux/irqnr.h>
#include <linux/pci.h>
#include <linux/prandom.h>

#include "pci_failslab.h"
#include "pci_irq_fixture.h"

/* How a driver may enable its device and which interrupts it may ask for. */
static const struct pcim_irq_how {
	const char *desc;
	bool plain;
	unsigned int flags;
} pcim_irq_hows[] = {
	{ "pcim_enable_device, MSI", false, PCI_IRQ_MSI },
	{ "pcim_enable_device, MSI-X", false, PCI_IRQ_MSIX },
	{ "pci_enable_device, MSI", true, PCI_IRQ_MSI },
	{ "pci_enable_device, MSI-X", true, PCI_IRQ_MSIX },
};

KUNIT_ARRAY_PARAM_DESC(pcim_irq_how, pcim_irq_hows, desc);

static int pcim_irq_vectors_init(struct kunit *test)
{
	struct pci_irq_fixture *fx;
	int ret;

	ret = pci_irq_fixture_init(test);
	if (ret)
		return ret;

	fx = test->priv;
	fx->alloc = pcim_alloc_irq_vectors;
	return 0;
}

/* The fixture, as the parameter of the case says. */
static struct pci_irq_fixture *pcim_irq_fixture(struct kunit *test)
{
	const struct pcim_irq_how *how = test->param_value;
	struct pci_irq_fixture *fx = test->priv;

	fx->plain = how->plain;
	fx->flags = how->flags;
	return fx;
}

/*
 * Catches functions that are managed only if the device was
 * enabled with pcim_enable_device(), like the aliases of v3, and a flag that
 * outlives the driver.  The second round is the rebind.
 */
static void bind_unbind(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);
	int round;

	fx->request = true;
	for (round = 0; round < 2; round++) {
		KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
		KUNIT_EXPECT_EQ(test, fx->nvecs, 4);
		KUNIT_EXPECT_TRUE(test, fx->managed);
		KUNIT_EXPECT_EQ(test, pci_fabric_vectors_used(fx->fabric), 4);
		KUNIT_EXPECT_EQ(test, pci_irq_fixture_raise(fx, 4), 4);

		pci_irq_fixture_unbind(fx);
		KUNIT_EXPECT_EQ(test, fx->teardown.count, 1);
		pci_irq_fixture_expect_idle(fx);
	}
}

/*
 * Catches an action that is added beside that of
 * pcim_enable_device(), and one that is not added at all.
 */
static void one_action(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);
	int unmanaged = pci_irq_fixture_unmanaged(fx);

	KUNIT_ASSERT_EQ(test, fx->nvecs, 4);
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->added, unmanaged + 1);
}

static int pcim_irq_realloc(struct pci_irq_fixture *fx)
{
	static const unsigned int flags[] = {
		PCI_IRQ_MSI, PCI_IRQ_MSIX, PCI_IRQ_MSIX, PCI_IRQ_MSI,
	};
	unsigned int before = pci_irq_fixture_resources(fx);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		pci_free_irq_vectors(fx->pdev);
		KUNIT_EXPECT_EQ(fx->test, pci_fabric_vectors_used(fx->fabric), 0);

		fx->nvecs = pcim_alloc_irq_vectors(fx->pdev, 1, 4, flags[i]);
		KUNIT_EXPECT_EQ(fx->test, fx->nvecs, 4);
		KUNIT_EXPECT_TRUE(fx->test, fx->pdev->is_msi_managed);
		KUNIT_EXPECT_EQ(fx->test, pci_irq_fixture_resources(fx), before);
	}
	fx->flags = flags[i - 1];
	return pci_irq_fixture_request(fx);
}

/* Catches an action per allocation, and a flag that is set too early. */
static void alloc_free_alloc(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);

	fx->then = pcim_irq_realloc;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_raise(fx, 4), 4);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);
}

static void pcim_irq_again(struct pci_irq_fixture *fx,
			   int (*alloc)(struct pci_dev *pdev,
					unsigned int min_vecs,
					unsigned int max_vecs,
					unsigned int flags))
{
	unsigned int before = pci_irq_fixture_resources(fx);

	pci_free_irq_vectors(fx->pdev);
	KUNIT_EXPECT_EQ(fx->test, alloc(fx->pdev, 4, 4, fx->flags), 4);
	KUNIT_EXPECT_EQ(fx->test, pci_irq_fixture_resources(fx), before);
	KUNIT_EXPECT_TRUE(fx->test, fx->pdev->is_msi_managed);
}

static int pcim_irq_both_ways(struct pci_irq_fixture *fx)
{
	/* The device may become managed after its vectors have. */
	if (fx->plain)
		KUNIT_EXPECT_EQ(fx->test, pcim_enable_device(fx->pdev), 0);

	pcim_irq_again(fx, pci_alloc_irq_vectors);
	pcim_irq_again(fx, pcim_alloc_irq_vectors);
	pcim_irq_again(fx, pci_alloc_irq_vectors);
	return 0;
}

/*
 * The implicit release of pcim_enable_device() and the explicit
 * one must never both be there, whichever comes first.
 */
static void implicit_and_explicit(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);
	int unmanaged = pci_irq_fixture_unmanaged(fx);

	fx->then = pcim_irq_both_ways;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->added, unmanaged + 1);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);

	if (fx->plain)
		return;

	fx->alloc = pci_alloc_irq_vectors;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->added, unmanaged + 1);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);
}

/* A devres action that notes what it finds when it runs. */
struct pcim_irq_marker {
	struct pci_irq_fixture *fx;
	unsigned int turn;
	bool handler;
	bool msi_data;
	bool enabled;
	unsigned int vectors;
};

static struct {
	unsigned int turns;
	struct pcim_irq_marker below, between, above;
} pcim_irq_order;

static void pcim_irq_mark(void *data)
{
	struct pcim_irq_marker *marker = data;
	struct pci_irq_fixture *fx = marker->fx;

	marker->turn = ++pcim_irq_order.turns;
	marker->handler = irq_has_action(fx->virq[0]);
	marker->msi_data = fx->pdev->dev.msi.data;
	marker->enabled = pci_is_enabled(fx->pdev);
	marker->vectors = pci_fabric_vectors_used(fx->fabric);
}

static int pcim_irq_add_marker(struct pci_irq_fixture *fx,
			       struct pcim_irq_marker *marker)
{
	marker->fx = fx;
	return devm_add_action(&fx->pdev->dev, pcim_irq_mark, marker);
}

static int pcim_irq_order_alloc(struct pci_dev *pdev, unsigned int min_vecs,
				unsigned int max_vecs, unsigned int flags)
{
	struct pci_irq_fixture *fx = pci_irq_fixture_of(pdev);
	int nvecs, ret;

	ret = pcim_irq_add_marker(fx, &pcim_irq_order.below);
	if (ret)
		return ret;

	nvecs = pcim_alloc_irq_vectors(pdev, min_vecs, max_vecs, flags);
	ret = pcim_irq_add_marker(fx, &pcim_irq_order.between);
	return ret ? ret : nvecs;
}

static int pcim_irq_order_above(struct pci_irq_fixture *fx)
{
	return pcim_irq_add_marker(fx, &pcim_irq_order.above);
}

/*
 * Catches a release that runs too early, with interrupts still
 * requested, or too late, with the MSI device data gone.
 */
static void release_order(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);
	struct pcim_irq_marker *marker;

	memset(&pcim_irq_order, 0, sizeof(pcim_irq_order));
	fx->alloc = pcim_irq_order_alloc;
	fx->request = true;
	fx->then = pcim_irq_order_above;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	pci_irq_fixture_unbind(fx);

	/* First of all nothing is released. */
	marker = &pcim_irq_order.above;
	KUNIT_EXPECT_EQ(test, marker->turn, 1);
	KUNIT_EXPECT_TRUE(test, marker->handler);
	KUNIT_EXPECT_EQ(test, marker->vectors, 4);

	/* Then the interrupts are, with the vectors still there. */
	marker = &pcim_irq_order.between;
	KUNIT_EXPECT_EQ(test, marker->turn, 2);
	KUNIT_EXPECT_FALSE(test, marker->handler);
	KUNIT_EXPECT_EQ(test, marker->vectors, 4);
	KUNIT_EXPECT_TRUE(test, marker->msi_data);

	/* Then the vectors, with the MSI device data still there. */
	KUNIT_EXPECT_EQ(test, fx->teardown.count, 1);
	KUNIT_EXPECT_TRUE(test, fx->teardown.msi_data);
	KUNIT_EXPECT_FALSE(test, fx->teardown.handler);

	/* Then the MSI device data, with the device still enabled. */
	marker = &pcim_irq_order.below;
	KUNIT_EXPECT_EQ(test, marker->turn, 3);
	KUNIT_EXPECT_EQ(test, marker->vectors, 0);
	KUNIT_EXPECT_FALSE(test, marker->msi_data);
	KUNIT_EXPECT_TRUE(test, marker->enabled);

	/* Then the device. */
	KUNIT_EXPECT_FALSE(test, pci_is_enabled(fx->pdev));
	pci_irq_fixture_expect_idle(fx);
}

static int pcim_irq_fail_late(struct pci_irq_fixture *fx)
{
	return -EIO;
}

/* Catches vectors that are released by remove, but not by a failed probe. */
static void probe_fails_after(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);

	fx->request = true;
	fx->then = pcim_irq_fail_late;
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_bind(fx), -EIO);
	KUNIT_EXPECT_EQ(test, fx->nvecs, 4);
	pci_irq_fixture_expect_idle(fx);
	pci_irq_fixture_unbind(fx);

	fx->then = NULL;
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_raise(fx, 4), 4);
}

/* Catches a release that does not bear that the vectors are gone. */
static void explicit_free(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);

	fx->remove = pci_irq_fixture_free_twice;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	pci_irq_fixture_unbind(fx);
	KUNIT_EXPECT_EQ(test, fx->teardown.count, 1);
	pci_irq_fixture_expect_idle(fx);

	fx->remove = NULL;
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_bind(fx), 0);
}

/*
 * Catches a flag that sticks, by which the next driver would have no
 * release where it asks for one, and a release that sticks.
 */
static void unmanaged_after_managed(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);
	int unmanaged = pci_irq_fixture_unmanaged(fx);

	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);

	fx->plain = true;
	fx->alloc = pci_alloc_irq_vectors;
	fx->then = pci_irq_fixture_watch_release;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->added, unmanaged);
	KUNIT_EXPECT_FALSE(test, fx->managed);
	pci_irq_fixture_unbind(fx);
	KUNIT_EXPECT_EQ(test, fx->teardown.count, 1);
	pci_irq_fixture_expect_idle(fx);

	/* And the implicit release afterwards. */
	fx->plain = false;
	fx->then = NULL;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->added, unmanaged + 1);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);
}

/* pcim_pin_device() pins the device, not its vectors (trap T10). */
static int pcim_irq_pin(struct pci_irq_fixture *fx)
{
	pcim_pin_device(fx->pdev);
	return 0;
}

static void pinned(struct kunit *test)
{
	struct pci_irq_fixture *fx = test->priv;

	fx->request = true;
	fx->then = pcim_irq_pin;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	pci_irq_fixture_unbind(fx);
	KUNIT_EXPECT_TRUE(test, pci_is_enabled(fx->pdev));
	pci_irq_fixture_expect_idle(fx);
	pci_disable_device(fx->pdev);
}

static int pcim_irq_group_alloc(struct pci_dev *pdev, unsigned int min_vecs,
				unsigned int max_vecs, unsigned int flags)
{
	struct pci_irq_fixture *fx = pci_irq_fixture_of(pdev);
	void *group = devres_open_group(&pdev->dev, NULL, GFP_KERNEL);
	int nvecs;

	if (!group)
		return -ENOMEM;

	nvecs = pcim_alloc_irq_vectors(pdev, min_vecs, max_vecs, flags);
	KUNIT_EXPECT_EQ(fx->test, nvecs, 4);
	devres_release_group(&pdev->dev, group);
	KUNIT_EXPECT_FALSE(fx->test, pdev->is_msi_managed);
	KUNIT_EXPECT_EQ(fx->test, pci_fabric_vectors_used(fx->fabric), 0);

	return pcim_alloc_irq_vectors(pdev, min_vecs, max_vecs, flags);
}

/* Vectors go with the devres group in which they were allocated. */
static void devres_group(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);

	fx->alloc = pcim_irq_group_alloc;
	fx->request = true;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_TRUE(test, fx->managed);
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_raise(fx, 4), 4);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);
}

static void pcim_irq_alloc_in_remove(struct pci_irq_fixture *fx)
{
	int nvecs;

	pci_free_irq_vectors(fx->pdev);
	nvecs = pcim_alloc_irq_vectors(fx->pdev, 4, 4, fx->flags);
	KUNIT_EXPECT_EQ(fx->test, nvecs, 4);
}

/* devres runs after remove, so that is the last place to allocate. */
static void alloc_in_remove(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);

	fx->remove = pcim_irq_alloc_in_remove;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	pci_irq_fixture_unbind(fx);
	KUNIT_EXPECT_EQ(test, fx->teardown.count, 2);
	pci_irq_fixture_expect_idle(fx);
}

/* Catches a release that needs an answer from the device. */
static void surprise_removal(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);

	fx->request = true;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	pci_fabric_surprise_remove(fx->fn);
	pci_irq_fixture_unbind(fx);
	KUNIT_EXPECT_FALSE(test, fx->pdev->is_msi_managed);
	KUNIT_EXPECT_FALSE(test, pci_dev_msi_enabled(fx->pdev));
	KUNIT_EXPECT_EQ(test, pci_fabric_vectors_used(fx->fabric), 0);
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_resources(fx), 0);
}

/* Catches vectors that do not live on over save, reset and restore. */
static void save_restore(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);

	fx->request = true;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_ASSERT_EQ(test, pci_save_state(fx->pdev), 0);
	pci_fabric_reset(fx->fn, PCI_FABRIC_RESET_FLR);
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_raise(fx, 4), 0);
	pci_restore_state(fx->pdev);
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_raise(fx, 4), 4);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);
}

static int pcim_irq_intx_then_msi(struct pci_irq_fixture *fx)
{
	KUNIT_EXPECT_EQ(fx->test, fx->nvecs, 1);
	fx->nvecs = pcim_alloc_irq_vectors(fx->pdev, 4, 4, fx->flags);
	KUNIT_EXPECT_EQ(fx->test, fx->nvecs, 4);
	KUNIT_EXPECT_TRUE(fx->test, fx->pdev->is_msi_managed);
	return pci_irq_fixture_request(fx);
}

static int pcim_irq_intx_alloc(struct pci_dev *pdev, unsigned int min_vecs,
			       unsigned int max_vecs, unsigned int flags)
{
	return pcim_alloc_irq_vectors(pdev, 1, max_vecs, PCI_IRQ_INTX);
}

/*
 * Trap T4.  Catches an action for INTx: the MSI device data that comes later is
 * above it and gone when it runs.
 */
static void intx_then_msi(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);

	fx->alloc = pcim_irq_intx_alloc;
	fx->then = pcim_irq_intx_then_msi;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->added, 0);
	KUNIT_EXPECT_FALSE(test, fx->managed);
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_raise(fx, 4), 4);

	pci_irq_fixture_unbind(fx);
	KUNIT_EXPECT_EQ(test, fx->teardown.count, 1);
	KUNIT_EXPECT_TRUE(test, fx->teardown.msi_data);
	pci_irq_fixture_expect_idle(fx);
}

/* What pci_alloc_irq_vectors(), with the same arguments, adds to devres */
static int pcim_irq_left(struct pci_irq_fixture *fx)
{
	int (*alloc)(struct pci_dev *pdev, unsigned int min_vecs,
		     unsigned int max_vecs, unsigned int flags) = fx->alloc;
	bool request = fx->request;
	int added;

	fx->alloc = pci_alloc_irq_vectors;
	fx->request = false;
	pci_irq_fixture_bind(fx);
	added = fx->added;
	pci_irq_fixture_unbind(fx);
	fx->alloc = alloc;
	fx->request = request;
	return added;
}

static int pcim_irq_fallback(struct pci_dev *pdev, unsigned int min_vecs,
			     unsigned int max_vecs, unsigned int flags)
{
	struct pci_irq_fixture *fx = pci_irq_fixture_of(pdev);
	int nvecs;

	/* No vectors left, and Interrupt Disable set by whoever was here. */
	pci_fabric_set_nr_vectors(fx->fabric, 0);
	pci_intx(pdev, 0);
	KUNIT_EXPECT_TRUE(fx->test, pci_fabric_peek(fx->fn, SPEC_COMMAND, 2) &
				    SPEC_COMMAND_INTX_DIS);

	nvecs = pcim_alloc_irq_vectors(pdev, 1, max_vecs, flags | PCI_IRQ_INTX);
	pci_fabric_set_nr_vectors(fx->fabric, PCI_FABRIC_MAX_VECTORS);
	return nvecs;
}

/*
 * Catches a release that is added although there is INTx only.  What the attempt
 * at MSI has left behind is what pci_alloc_irq_vectors() leaves.
 */
static void intx_fallback(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);
	int left;

	pci_fabric_set_nr_vectors(fx->fabric, 0);
	left = pcim_irq_left(fx);
	KUNIT_EXPECT_LT(test, fx->nvecs, 0);

	fx->alloc = pcim_irq_fallback;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->nvecs, 1);
	KUNIT_EXPECT_EQ(test, fx->managed, !fx->plain);
	KUNIT_EXPECT_EQ(test, fx->added, left);
	KUNIT_EXPECT_EQ(test, pci_irq_vector(fx->pdev, 0), fx->pdev->irq);
	/* The function may assert INTx now. */
	KUNIT_EXPECT_FALSE(test, pci_fabric_peek(fx->fn, SPEC_COMMAND, 2) &
				 SPEC_COMMAND_INTX_DIS);

	/* The attempt at MSI-X has enabled it for a moment. */
	fx->teardown.count = 0;
	pci_irq_fixture_unbind(fx);
	KUNIT_EXPECT_EQ(test, fx->teardown.count, 0);
	pci_irq_fixture_expect_idle(fx);
}

/* The other way round: with MSI or MSI-X, INTx is off until unbind. */
static void intx_disabled(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);

	fx->flags |= PCI_IRQ_INTX;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->nvecs, 4);
	KUNIT_EXPECT_TRUE(test, pci_fabric_peek(fx->fn, SPEC_COMMAND, 2) &
				SPEC_COMMAND_INTX_DIS);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);
}

static int pcim_irq_foreign(struct pci_irq_fixture *fx)
{
	unsigned int before = pci_irq_fixture_resources(fx);
	int nvecs;

	nvecs = pcim_alloc_irq_vectors(fx->pdev, 1, 4, PCI_IRQ_INTX | fx->flags);
	KUNIT_EXPECT_EQ(fx->test, nvecs, -EINVAL);
	nvecs = pcim_alloc_irq_vectors(fx->pdev, 1, 4, PCI_IRQ_ALL_TYPES);
	KUNIT_EXPECT_EQ(fx->test, nvecs, -EINVAL);

	KUNIT_EXPECT_EQ(fx->test, pci_irq_fixture_resources(fx), before);
	KUNIT_EXPECT_EQ(fx->test, pci_fabric_vectors_used(fx->fabric), 4);
	/* An INTx fallback would have cleared it under the active MSI. */
	KUNIT_EXPECT_TRUE(fx->test, pci_fabric_peek(fx->fn, SPEC_COMMAND, 2) &
				    SPEC_COMMAND_INTX_DIS);
	return fx->plain ? pci_irq_fixture_watch_release(fx) : 0;
}

/*
 * Trap T6 (c).  Catches vectors changing hands that somebody else has allocated:
 * by a call that fails, or by one that reports INTx.  On a device enabled with
 * pci_enable_device() their owner still has to free them, on one enabled with
 * pcim_enable_device() the implicit release still does.
 */
static void foreign_vectors(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);

	fx->alloc = pci_alloc_irq_vectors;
	fx->then = pcim_irq_foreign;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, (bool)fx->pdev->is_msi_managed, !fx->plain);
	pci_irq_fixture_unbind(fx);
	KUNIT_EXPECT_EQ(test, fx->teardown.count, 1);
	pci_irq_fixture_expect_idle(fx);
}

/* An allocation that fails, and with what. */
static const struct pcim_irq_failure {
	const char *desc;
	unsigned int nr_vectors;
	unsigned int min_vecs;
	unsigned int max_vecs;
	unsigned int flags;
	bool no_msi;
	int error;
} pcim_irq_failures[] = {
	{ "none left, MSI", 3, 4, 4, PCI_IRQ_MSI, false, -ENOSPC },
	{ "none left, MSI-X", 3, 4, 4, PCI_IRQ_MSIX, false, -ENOSPC },
	{ "more than MSI has", 256, 16, 16, PCI_IRQ_MSI, false, -ENOSPC },
	{ "more than MSI-X has", 256, 16, 16, PCI_IRQ_MSIX, false, -ENOSPC },
	{ "MSI, min_vecs > max_vecs", 256, 4, 2, PCI_IRQ_MSI, false, -ERANGE },
	{ "MSI-X, min_vecs > max_vecs", 256, 4, 2, PCI_IRQ_MSIX, false, -ERANGE },
	{ "two of INTx", 256, 2, 2, PCI_IRQ_INTX, false, -ENOSPC },
	{ "no type", 256, 1, 1, 0, false, -ENOSPC },
	{ "no vector", 256, 0, 0, PCI_IRQ_MSI | PCI_IRQ_MSIX, false, -EINVAL },
	/* As with pci=nomsi. */
	{ "MSI not allowed", 256, 1, 4, PCI_IRQ_MSI | PCI_IRQ_MSIX, true, -EINVAL },
};

static void pcim_irq_failure_desc(const struct pcim_irq_failure *failure,
				  char *desc)
{
	strscpy(desc, failure->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pcim_irq_failure, pcim_irq_failures, pcim_irq_failure_desc);

static int pcim_irq_failing_alloc(struct pci_dev *pdev, unsigned int min_vecs,
				  unsigned int max_vecs, unsigned int flags)
{
	struct pci_irq_fixture *fx = pci_irq_fixture_of(pdev);
	const struct pcim_irq_failure *failure = fx->test->param_value;
	unsigned int before = pci_irq_fixture_resources(fx);
	int nvecs;

	pdev->no_msi = failure->no_msi;
	pci_fabric_set_nr_vectors(fx->fabric, failure->nr_vectors);
	nvecs = pcim_alloc_irq_vectors(pdev, failure->min_vecs,
				       failure->max_vecs, failure->flags);
	pci_fabric_set_nr_vectors(fx->fabric, PCI_FABRIC_MAX_VECTORS);
	pdev->no_msi = false;

	KUNIT_EXPECT_EQ(fx->test, nvecs, failure->error);
	KUNIT_EXPECT_FALSE(fx->test, fx->plain && pdev->is_msi_managed);
	KUNIT_EXPECT_FALSE(fx->test, pci_dev_msi_enabled(pdev));
	KUNIT_EXPECT_EQ(fx->test, pci_fabric_vectors_used(fx->fabric), 0);
	KUNIT_EXPECT_EQ(fx->test, pci_irq_fixture_resources(fx) - before,
			(unsigned int)fx->added);

	return pcim_alloc_irq_vectors(pdev, 4, 4, PCI_IRQ_MSI);
}

/*
 * Catches an action or a flag that is added by a failure, other than the implicit
 * one of pcim_enable_device(), and a failure after which success does not work any
 * more or adds a second action.
 */
static void alloc_fails(struct kunit *test)
{
	const struct pcim_irq_failure *failure = test->param_value;
	struct pci_irq_fixture *fx = test->priv;
	int good, plain;

	good = pci_irq_fixture_unmanaged(fx);
	fx->min_vecs = failure->min_vecs;
	fx->max_vecs = failure->max_vecs;

	for (plain = 0; plain < 2; plain++) {
		int failed;

		fx->plain = plain;
		fx->flags = failure->flags;
		fx->pdev->no_msi = failure->no_msi;
		pci_fabric_set_nr_vectors(fx->fabric, failure->nr_vectors);
		failed = pcim_irq_left(fx);
		fx->pdev->no_msi = false;
		KUNIT_EXPECT_EQ(test, fx->nvecs, failure->error);

		fx->flags = PCI_IRQ_MSI;
		fx->alloc = pcim_irq_failing_alloc;
		fx->request = true;
		fx->added = failed;
		KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
		KUNIT_EXPECT_EQ(test, fx->added, good + 1);
		KUNIT_EXPECT_EQ(test, pci_irq_fixture_raise(fx, 4), 4);
		pci_irq_fixture_unbind(fx);
		pci_irq_fixture_expect_idle(fx);
	}
}

static int pcim_irq_fail_then_free(struct pci_irq_fixture *fx)
{
	int nvecs;

	pci_free_irq_vectors(fx->pdev);
	nvecs = pcim_alloc_irq_vectors(fx->pdev, 16, 16, fx->flags);
	KUNIT_EXPECT_EQ(fx->test, nvecs, -ENOSPC);
	KUNIT_EXPECT_TRUE(fx->test, fx->pdev->is_msi_managed);

	nvecs = pcim_alloc_irq_vectors(fx->pdev, 4, 4, fx->flags);
	KUNIT_EXPECT_EQ(fx->test, nvecs, 4);
	return 0;
}

/*
 * A failure does not take away the release that an earlier success has
 * added.  Catches the release and the flag getting out of step.
 */
static void failure_after_success(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);
	int unmanaged = pci_irq_fixture_unmanaged(fx);
	unsigned int before;

	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	before = pci_irq_fixture_resources(fx);
	pci_irq_fixture_unbind(fx);

	fx->then = pcim_irq_fail_then_free;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->added, unmanaged + 1);
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_resources(fx), before);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);
}

struct pcim_irq_enomem {
	struct pci_failslab sweep;
	unsigned int unmanaged;
	unsigned int failed;
	unsigned int complete;
};

static struct pcim_irq_enomem pcim_irq_enomem;

static int pcim_irq_enomem_alloc(struct pci_dev *pdev, unsigned int min_vecs,
				 unsigned int max_vecs, unsigned int flags)
{
	struct pci_irq_fixture *fx = pci_irq_fixture_of(pdev);
	struct pcim_irq_enomem *state = &pcim_irq_enomem;
	unsigned int before = pci_irq_fixture_resources(fx);
	int nvecs;

	pci_failslab_arm(&state->sweep);
	nvecs = pcim_alloc_irq_vectors(pdev, min_vecs, max_vecs, flags);
	pci_failslab_disarm(&state->sweep);

	if (nvecs < 0) {
		KUNIT_EXPECT_FALSE(fx->test, fx->plain && pdev->is_msi_managed);
		KUNIT_EXPECT_FALSE(fx->test, pci_dev_msi_enabled(pdev));
		KUNIT_EXPECT_EQ(fx->test, pci_fabric_vectors_used(fx->fabric), 0);
		KUNIT_EXPECT_LE(fx->test, pci_irq_fixture_resources(fx),
				before + state->unmanaged + !fx->plain);
	}
	return nvecs;
}

/* One bind with an allocation failing.  Returns what probe returned. */
static int pcim_irq_enomem_bind(struct pci_irq_fixture *fx)
{
	struct pcim_irq_enomem *state = &pcim_irq_enomem;
	struct kunit *test = fx->test;
	int ret;

	ret = pci_irq_fixture_bind(fx);
	if (ret) {
		state->failed++;
		state->complete += fx->teardown.count && fx->teardown.complete;
	} else {
		KUNIT_EXPECT_EQ(test, fx->nvecs, 4);
		KUNIT_EXPECT_EQ(test, fx->added, state->unmanaged + 1);
	}
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);
	return ret;
}

/*
 * Lets each memory allocation fail in turn, the last of which is that of
 * the release action on a device that was enabled with pci_enable_device().
 * Catches vectors that are not given back when it cannot be added.
 */
static void no_memory(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);
	struct pcim_irq_enomem *state = &pcim_irq_enomem;
	unsigned int last, try;
	struct rnd_state rnd;
	int ret = -ENOMEM;

	memset(state, 0, sizeof(*state));
	pci_failslab_init(&state->sweep, test, 1);
	state->unmanaged = pci_irq_fixture_unmanaged(fx);
	fx->alloc = pcim_irq_enomem_alloc;

	while (pci_failslab_next(&state->sweep))
		ret = pcim_irq_enomem_bind(fx);
	pci_failslab_end(&state->sweep, 3);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_GT(test, state->failed, 3);

	if (!fx->plain) {
		/* The implicit release is added before the vectors are. */
		KUNIT_EXPECT_EQ(test, state->complete, 0);
		return;
	}

	/*
	 * Debugging options allocate as well, and how often depends on what the
	 * binds before have left in caches, so the one allocation that matters
	 * here may have been stepped over.  It is among the last: try these in
	 * no particular order, but the same in each run.
	 */
	last = state->sweep.n - state->sweep.left;
	KUNIT_ASSERT_GT(test, last, 8);
	prandom_seed_state(&rnd, 1);
	for (try = 0; !state->complete && try < 128; try++) {
		pci_failslab_at(&state->sweep, last + 4 - prandom_u32_state(&rnd) % 10);
		pcim_irq_enomem_bind(fx);
	}
	KUNIT_EXPECT_GE(test, state->complete, 1);
}

static unsigned int pcim_irq_sets;

static void pcim_irq_calc_sets(struct irq_affinity *affd, unsigned int nvecs)
{
	pcim_irq_sets++;
	affd->nr_sets = 1;
	affd->set_size[0] = nvecs;
}

static int pcim_irq_affinity_alloc(struct pci_dev *pdev, unsigned int min_vecs,
				   unsigned int max_vecs, unsigned int flags)
{
	struct irq_affinity affd = {
		.pre_vectors = 1,
		.calc_sets = pcim_irq_calc_sets,
	};

	return pcim_alloc_irq_vectors_affinity(pdev, min_vecs, max_vecs,
					       flags | PCI_IRQ_AFFINITY, &affd);
}

/* Catches affinity requirements that are dropped on the way. */
static void affinity(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);
	unsigned int started = 0;

	if (!IS_ENABLED(CONFIG_SMP))
		kunit_skip(test, "vectors are spread with CONFIG_SMP only");

	pcim_irq_sets = 0;
	fx->alloc = pcim_irq_affinity_alloc;
	fx->request = true;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->nvecs, 4);
	KUNIT_EXPECT_TRUE(test, fx->managed);
	KUNIT_EXPECT_GT(test, pcim_irq_sets, 0);
	KUNIT_EXPECT_NOT_NULL(test, pci_irq_get_affinity(fx->pdev, 1));

	/* A vector of none but offline CPUs is not started */
	for (int i = 0; i < 4; i++)
		started += cpumask_intersects(pci_irq_get_affinity(fx->pdev, i),
					      cpu_online_mask);
	KUNIT_EXPECT_GE(test, started, 2);
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_raise(fx, 4), started);
	pci_irq_fixture_unbind(fx);
	pci_irq_fixture_expect_idle(fx);
}

static int pcim_irq_reserve_all(struct pci_dev *pdev, unsigned int min_vecs,
				unsigned int max_vecs, unsigned int flags)
{
	struct irq_affinity affd = { .pre_vectors = min_vecs + 1 };

	return pcim_alloc_irq_vectors_affinity(pdev, min_vecs, max_vecs,
					       flags | PCI_IRQ_AFFINITY, &affd);
}

/*
 * More vectors reserved than there may be: found only after the
 * release of pcim_enable_device() has been added.
 */
static void affinity_fails(struct kunit *test)
{
	struct pci_irq_fixture *fx = pcim_irq_fixture(test);

	if (!IS_ENABLED(CONFIG_SMP))
		kunit_skip(test, "vectors are spread with CONFIG_SMP only");

	fx->alloc = pcim_irq_reserve_all;
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_bind(fx), -ENOSPC);
	KUNIT_EXPECT_EQ(test, fx->managed, !fx->plain);
	pci_irq_fixture_expect_idle(fx);
}

/* A range: as many as there are, and the flags' order of preference. */
static void prefers_msix(struct kunit *test)
{
	struct pci_irq_fixture *fx = test->priv;

	fx->min_vecs = 1;
	fx->max_vecs = 64;
	fx->flags = PCI_IRQ_ALL_TYPES;
	KUNIT_ASSERT_EQ(test, pci_irq_fixture_bind(fx), 0);
	KUNIT_EXPECT_EQ(test, fx->nvecs, PCI_IRQ_FIXTURE_VECTORS);
	KUNIT_EXPECT_TRUE(test, fx->pdev->msix_enabled);
}

#define PCIM_IRQ_CASE(name)	KUNIT_CASE_PARAM(name, pcim_irq_how_gen_params)

static struct kunit_case pcim_irq_vectors_cases[] = {
	PCIM_IRQ_CASE(bind_unbind),
	PCIM_IRQ_CASE(one_action),
	PCIM_IRQ_CASE(alloc_free_alloc),
	PCIM_IRQ_CASE(implicit_and_explicit),
	PCIM_IRQ_CASE(release_order),
	PCIM_IRQ_CASE(probe_fails_after),
	PCIM_IRQ_CASE(explicit_free),
	PCIM_IRQ_CASE(unmanaged_after_managed),
	KUNIT_CASE(pinned),
	PCIM_IRQ_CASE(devres_group),
	PCIM_IRQ_CASE(alloc_in_remove),
	PCIM_IRQ_CASE(surprise_removal),
	PCIM_IRQ_CASE(save_restore),
	PCIM_IRQ_CASE(intx_then_msi),
	PCIM_IRQ_CASE(intx_fallback),
	PCIM_IRQ_CASE(intx_disabled),
	PCIM_IRQ_CASE(foreign_vectors),
	KUNIT_CASE_PARAM(alloc_fails, pcim_irq_failure_gen_params),
	PCIM_IRQ_CASE(failure_after_success),
	KUNIT_CASE_PARAM_ATTR(no_memory, pcim_irq_how_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	PCIM_IRQ_CASE(affinity),
	PCIM_IRQ_CASE(affinity_fails),
	KUNIT_CASE(prefers_msix),
	{ }
};

static struct kunit_suite pcim_irq_vectors_suite = {
	.name = "pcim_irq_vectors",
	.init = pcim_irq_vectors_init,
	.test_cases = pcim_irq_vectors_cases,
};

kunit_test_suite(pcim_irq_vectors_suite);

MODULE_DESCRIPTION("KUnit tests for managed PCI IRQ vectors");
MODULE_LICENSE("GPL");
