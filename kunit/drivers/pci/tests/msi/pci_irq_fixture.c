// SPDX-License-Identifier: GPL-2.0
/*
 * A function with MSI, MSI-X and INTx, and a driver for it.
 */
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/list.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

#include "pci_irq_fixture.h"

static const struct pci_device_id pci_irq_fixture_ids[] = {
	{ PCI_DEVICE(PCI_FABRIC_VENDOR, PCI_IRQ_FIXTURE_DEVICE) },
	{ }
};

static irqreturn_t pci_irq_fixture_handler(int irq, void *data)
{
	atomic_inc(data);
	return IRQ_HANDLED;
}

struct pci_irq_fixture *pci_irq_fixture_of(struct pci_dev *pdev)
{
	return container_of(to_pci_driver(pdev->dev.driver),
			    struct pci_irq_fixture, drv);
}

unsigned int pci_irq_fixture_resources(struct pci_irq_fixture *fx)
{
	struct device *dev = &fx->pdev->dev;
	unsigned long flags;
	unsigned int n;

	spin_lock_irqsave(&dev->devres_lock, flags);
	n = list_count_nodes(&dev->devres_head);
	spin_unlock_irqrestore(&dev->devres_lock, flags);
	return n;
}

int pci_irq_fixture_request(struct pci_irq_fixture *fx)
{
	int i, ret;

	for (i = 0; i < fx->nvecs && i < PCI_IRQ_FIXTURE_VECTORS; i++) {
		fx->virq[i] = pci_irq_vector(fx->pdev, i);
		if (fx->virq[i] < 0)
			return fx->virq[i];

		ret = devm_request_irq(&fx->pdev->dev, fx->virq[i],
				       pci_irq_fixture_handler, 0,
				       "pci_irq_fixture", &fx->hits[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int pci_irq_fixture_steps(struct pci_irq_fixture *fx)
{
	unsigned int before;
	int ret = 0;

	pci_set_master(fx->pdev);

	before = pci_irq_fixture_resources(fx);
	fx->nvecs = fx->alloc(fx->pdev, fx->min_vecs, fx->max_vecs, fx->flags);
	fx->added = pci_irq_fixture_resources(fx) - before;
	fx->managed = fx->pdev->is_msi_managed;
	if (fx->nvecs < 0)
		return fx->nvecs;

	if (fx->request)
		ret = pci_irq_fixture_request(fx);
	if (!ret && fx->then)
		ret = fx->then(fx);
	return ret;
}

static void pci_irq_fixture_disable(void *data)
{
	pci_disable_device(data);
}

/*
 * Vectors that devres frees after remove need a device that is enabled until
 * then, so a plain device is disabled by devres as well.
 */
static int pci_irq_fixture_enable(struct pci_irq_fixture *fx)
{
	int ret;

	if (!fx->plain)
		return pcim_enable_device(fx->pdev);

	ret = pci_enable_device(fx->pdev);
	if (ret)
		return ret;

	return devm_add_action_or_reset(&fx->pdev->dev, pci_irq_fixture_disable,
					fx->pdev);
}

static int pci_irq_fixture_probe(struct pci_dev *pdev,
				 const struct pci_device_id *id)
{
	struct pci_irq_fixture *fx = pci_irq_fixture_of(pdev);
	int ret;

	ret = pci_irq_fixture_enable(fx);
	if (!ret)
		ret = pci_irq_fixture_steps(fx);

	fx->probed = ret;
	return ret;
}

static void pci_irq_fixture_remove(struct pci_dev *pdev)
{
	struct pci_irq_fixture *fx = pci_irq_fixture_of(pdev);

	if (fx->remove)
		fx->remove(fx);
}

int pci_irq_fixture_bind(struct pci_irq_fixture *fx)
{
	int ret;

	memset(&fx->teardown, 0, sizeof(fx->teardown));
	memset(fx->hits, 0, sizeof(fx->hits));
	fx->probed = -ENODEV;
	ret = __pci_register_driver(&fx->drv, THIS_MODULE, "pci_irq_fixture");
	if (ret)
		return ret;

	fx->registered = true;
	return fx->probed;
}

void pci_irq_fixture_unbind(struct pci_irq_fixture *fx)
{
	if (!fx->registered)
		return;

	fx->registered = false;
	pci_unregister_driver(&fx->drv);
}

static void pci_irq_fixture_exit(void *data)
{
	pci_irq_fixture_unbind(data);
}

unsigned int pci_irq_fixture_raise(struct pci_irq_fixture *fx, unsigned int nr)
{
	unsigned int i, j, good = 0;

	for (i = 0; i < nr; i++) {
		bool own = true;
		enum pci_fabric_irq result;

		for (j = 0; j < PCI_IRQ_FIXTURE_VECTORS; j++)
			atomic_set(&fx->hits[j], 0);

		if (fx->flags & PCI_IRQ_MSIX)
			result = pci_fabric_raise_msix(fx->fn, i);
		else
			result = pci_fabric_raise_msi(fx->fn, i);

		for (j = 0; j < PCI_IRQ_FIXTURE_VECTORS; j++)
			own &= atomic_read(&fx->hits[j]) == (i == j);
		good += own && result == PCI_FABRIC_IRQ_DELIVERED;
	}
	return good;
}

static void pci_irq_fixture_free(struct pci_irq_fixture *fx)
{
	pci_free_irq_vectors(fx->pdev);
}

void pci_irq_fixture_free_twice(struct pci_irq_fixture *fx)
{
	struct pci_fabric_stats before;

	pci_free_irq_vectors(fx->pdev);
	KUNIT_EXPECT_EQ(fx->test, fx->teardown.count, 1);
	KUNIT_EXPECT_EQ(fx->test, pci_fabric_vectors_used(fx->fabric), 0);

	before = pci_fabric_stats(fx->fn);
	pci_free_irq_vectors(fx->pdev);
	KUNIT_EXPECT_EQ(fx->test, pci_fabric_stats(fx->fn).cfg_writes,
			before.cfg_writes);
}

static void pci_irq_fixture_free_last(void *data)
{
	struct pci_irq_fixture *fx = data;

	/* Above the MSI device data, so a release would have run already. */
	KUNIT_EXPECT_EQ(fx->test, pci_fabric_vectors_used(fx->fabric), fx->nvecs);
	pci_free_irq_vectors(fx->pdev);
}

int pci_irq_fixture_watch_release(struct pci_irq_fixture *fx)
{
	return devm_add_action(&fx->pdev->dev, pci_irq_fixture_free_last, fx);
}

int pci_irq_fixture_unmanaged(struct pci_irq_fixture *fx)
{
	struct pci_irq_fixture saved = *fx;
	int added, nvecs;

	fx->plain = true;
	fx->alloc = pci_alloc_irq_vectors;
	fx->request = false;
	fx->then = NULL;
	fx->remove = pci_irq_fixture_free;
	pci_irq_fixture_bind(fx);
	added = fx->added;
	nvecs = fx->nvecs;
	pci_irq_fixture_unbind(fx);

	fx->plain = saved.plain;
	fx->alloc = saved.alloc;
	fx->request = saved.request;
	fx->then = saved.then;
	fx->remove = saved.remove;
	fx->nvecs = nvecs;
	return added;
}

static bool pci_irq_fixture_hw_on(struct pci_irq_fixture *fx)
{
	unsigned int msi = pci_fabric_cap_pos(fx->fn, PCI_CAP_ID_MSI, false);
	unsigned int msix = pci_fabric_cap_pos(fx->fn, PCI_CAP_ID_MSIX, false);

	return (pci_fabric_peek(fx->fn, msi + SPEC_MSI_CONTROL, 2) &
		SPEC_MSI_ENABLE) ||
	       (pci_fabric_peek(fx->fn, msix + SPEC_MSI_CONTROL, 2) &
		SPEC_MSIX_ENABLE);
}

static void pci_irq_fixture_watch(struct pci_fabric_fn *fn, unsigned int where,
				  unsigned int size, u32 val, void *priv)
{
	struct pci_irq_fixture *fx = priv;
	bool on = pci_irq_fixture_hw_on(fx);

	if (fx->on && !on && fx->pdev) {
		fx->teardown.count++;
		fx->teardown.msi_data = fx->pdev->dev.msi.data;
		fx->teardown.handler = irq_has_action(fx->virq[0]);
		/* Cleared before the write if the allocation failed, else after. */
		fx->teardown.complete = pci_dev_msi_enabled(fx->pdev);
	}

	if (fx->on && !on && fx->rescue) {
		int i;

		fx->on = on;
		for (i = 0; i < fx->nvecs; i++)
			devm_free_irq(&fx->pdev->dev, fx->virq[i], &fx->hits[i]);
	}
	fx->on = on;
}

void pci_irq_fixture_expect_idle(struct pci_irq_fixture *fx)
{
	struct kunit *test = fx->test;
	int i;

	KUNIT_EXPECT_FALSE(test, fx->pdev->msi_enabled);
	KUNIT_EXPECT_FALSE(test, fx->pdev->msix_enabled);
	KUNIT_EXPECT_FALSE(test, fx->pdev->is_msi_managed);
	KUNIT_EXPECT_NULL(test, fx->pdev->dev.msi.data);
	KUNIT_EXPECT_EQ(test, pci_irq_fixture_resources(fx), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_vectors_used(fx->fabric), 0);
	KUNIT_EXPECT_FALSE(test, pci_irq_fixture_hw_on(fx));
	KUNIT_EXPECT_FALSE(test, pci_fabric_peek(fx->fn, SPEC_COMMAND, 2) &
				 SPEC_COMMAND_INTX_DIS);

	for (i = 0; i < PCI_IRQ_FIXTURE_VECTORS; i++) {
		/* INTx interrupts belong to the platform and stay. */
		if (fx->virq[i] && fx->virq[i] != fx->pdev->irq)
			KUNIT_EXPECT_NULL(test, irq_get_irq_data(fx->virq[i]));
	}

	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msi(fx->fn, 0),
			PCI_FABRIC_IRQ_DISABLED);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(fx->fn, 0),
			PCI_FABRIC_IRQ_DISABLED);
}

int pci_irq_fixture_init(struct kunit *test)
{
	static const struct pci_fabric_fn_desc desc = {
		.device = PCI_IRQ_FIXTURE_DEVICE,
		.pcie_type = PCI_EXP_TYPE_RC_END,
		.bars[0] = { .size = SZ_4K },
		.intx_pin = 1,
		.msi = {
			.vectors = PCI_IRQ_FIXTURE_VECTORS,
			.is_64 = true,
			.maskable = true,
		},
		.msix = {
			.vectors = PCI_IRQ_FIXTURE_VECTORS,
			.table_off = 0,
			.pba_off = SZ_2K,
		},
	};
	struct pci_irq_fixture *fx;

	fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fx);
	fx->test = test;
	fx->min_vecs = 4;
	fx->max_vecs = 4;
	fx->flags = PCI_IRQ_MSI;
	fx->drv.name = "pci_irq_fixture";
	fx->drv.id_table = pci_irq_fixture_ids;
	fx->drv.probe = pci_irq_fixture_probe;
	fx->drv.remove = pci_irq_fixture_remove;
	fx->drv.driver.probe_type = PROBE_FORCE_SYNCHRONOUS;
	test->priv = fx;

	fx->fabric = pci_fabric_alloc(test);
	fx->fn = pci_fabric_add(fx->fabric, NULL, &desc);
	pci_fabric_watch(fx->fn, pci_irq_fixture_watch, fx);
	pci_fabric_scan(fx->fabric);
	fx->pdev = pci_fabric_pdev(fx->fn);
	KUNIT_ASSERT_NOT_NULL(test, fx->pdev);

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
							pci_irq_fixture_exit,
							fx), 0);
	return 0;
}
