// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests that show what the locking of SR-IOV does not solve.
 *
 * Code that holds the rescan lock takes device locks of PFs: all hotplug drivers but
 * pciehp, and EEH, to remove them, rescan and hotplug to probe them.  A task that
 * holds such a device lock and wants the rescan lock then waits for ever.  These
 * tests pass as long as that order is there, and do not wait themselves.  Who lifts
 * one of the limits turns its expectation round.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/notifier.h>
#include <linux/pci.h>

#include "pci_iov_fixture.h"

#define PCI_IOV_LIMITS_NOTHING	(HZ / 5)

struct pci_iov_limits_ctx {
	struct pci_iov_fixture *iov;
	struct pci_dev *pdev;
	struct completion in, out;
	struct notifier_block nb;
};

static int pci_iov_limits_init(struct kunit *test)
{
	struct pci_iov_limits_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	init_completion(&ctx->in);
	init_completion(&ctx->out);
	ctx->iov = pci_iov_fixture_alloc(test);
	ctx->iov->priv = ctx;
	return 0;
}

static bool pci_iov_limits_locked(void *unused)
{
	return !pci_iov_lock_free(NULL);
}

/* Not pci_fabric_pdev(), which holds the device until the end of the test */
static int pci_iov_limits_pf_probe(struct pci_iov_fixture *iov,
				   struct pci_dev *pf)
{
	struct pci_iov_limits_ctx *ctx = iov->priv;

	ctx->pdev = pf;
	return 0;
}

/* A driver that would disable SR-IOV next, and so want the rescan lock */
static void pci_iov_limits_pf_remove(struct pci_iov_fixture *iov,
				     struct pci_dev *pf)
{
	struct pci_iov_limits_ctx *ctx = iov->priv;

	complete(&ctx->in);
	wait_for_completion_timeout(&ctx->out, PCI_IOV_TIMEOUT);
}

static int pci_iov_limits_unbind(void *data)
{
	struct pci_iov_limits_ctx *ctx = data;

	return pci_iov_unbind(ctx->iov, ctx->pdev);
}

/* As hotplug drivers other than pciehp do it */
static int pci_iov_limits_hotplug(void *data)
{
	struct pci_iov_limits_ctx *ctx = data;

	pci_lock_rescan_remove();
	pci_stop_and_remove_bus_device(ctx->pdev);
	pci_unlock_rescan_remove();
	return 0;
}

static int pci_iov_limits_remove(void *data)
{
	struct pci_iov_limits_ctx *ctx = data;

	return pci_iov_dev_write(ctx->iov, ctx->pdev, "remove", "1");
}

/* Hotplug removal of a PF whose driver @release releases */
static void pci_iov_limits_hotplug_against(struct kunit *test,
					   int (*release)(void *data))
{
	struct pci_iov_limits_ctx *ctx = test->priv;
	struct pci_iov_thread *user, *hotplug;
	struct pci_fabric_fn *pf;

	ctx->iov->pf_probe = pci_iov_limits_pf_probe;
	pf = pci_iov_add_pf(ctx->iov, NULL, PCI_DEVFN(1, 0), 4);
	pci_fabric_scan(ctx->iov->fabric);
	KUNIT_ASSERT_NOT_NULL(test, ctx->pdev);

	ctx->iov->pf_remove = pci_iov_limits_pf_remove;
	user = pci_iov_thread_start(ctx->iov, release, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in,
							    PCI_IOV_TIMEOUT));
	hotplug = pci_iov_thread_start(ctx->iov, pci_iov_limits_hotplug, ctx);
	KUNIT_EXPECT_TRUE(test, pci_iov_wait(pci_iov_limits_locked, NULL,
					     PCI_IOV_TIMEOUT));
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(hotplug,
						     PCI_IOV_LIMITS_NOTHING));

	/* The limit: the lock that the driver wants is held, and will be. */
	KUNIT_EXPECT_FALSE(test, pci_iov_lock_free(NULL));

	complete_all(&ctx->out);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(user), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(hotplug), 0);
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(pf));
}

/* Shows: hotplug removal of a PF that is being unbound. */
static void pci_iov_limits_unbound(struct kunit *test)
{
	pci_iov_limits_hotplug_against(test, pci_iov_limits_unbind);
}

/* Shows: hotplug removal of a PF that a user is removing. */
static void pci_iov_limits_removed(struct kunit *test)
{
	pci_iov_limits_hotplug_against(test, pci_iov_limits_remove);
}

static int pci_iov_limits_unreferenced_remove(void *data)
{
	struct pci_iov_limits_ctx *ctx = data;

	pci_stop_and_remove_bus_device_locked(ctx->pdev);
	return 0;
}

/*
 * The same by a caller that has no reference to the PF.  Catches, with KASAN: use of
 * a device that hotplug has removed while its driver was released.
 */
static void pci_iov_limits_unreferenced(struct kunit *test)
{
	pci_iov_limits_hotplug_against(test, pci_iov_limits_unreferenced_remove);
}

/* Tells of a new device, before the PCI core lets drivers bind to it */
static int pci_iov_limits_notify(struct notifier_block *nb, unsigned long action,
				 void *data)
{
	struct pci_iov_limits_ctx *ctx =
		container_of(nb, struct pci_iov_limits_ctx, nb);

	if (action == BUS_NOTIFY_ADD_DEVICE &&
	    to_pci_dev(data)->device == PCI_IOV_PF_ID) {
		ctx->pdev = to_pci_dev(data);
		complete(&ctx->in);
		wait_for_completion_timeout(&ctx->out, PCI_IOV_TIMEOUT);
	}
	return NOTIFY_DONE;
}

static void pci_iov_limits_forget(void *data)
{
	struct pci_iov_limits_ctx *ctx = data;

	bus_unregister_notifier(&pci_bus_type, &ctx->nb);
}

static int pci_iov_limits_rescan(void *data)
{
	struct pci_iov_limits_ctx *ctx = data;

	return pci_iov_write(ctx->iov, "bus/pci/rescan", "1");
}

/*
 * Shows: rescan that finds a PF, whose driver is being loaded at that moment.  The
 * driver's probe runs with the device lock held and may enable SR-IOV.
 */
static void pci_iov_limits_addition(struct kunit *test)
{
	struct pci_iov_limits_ctx *ctx = test->priv;
	struct pci_iov_thread *rescan;
	struct pci_fabric_fn *pf;

	pci_fabric_scan(ctx->iov->fabric);
	ctx->nb.notifier_call = pci_iov_limits_notify;
	KUNIT_ASSERT_EQ(test, bus_register_notifier(&pci_bus_type, &ctx->nb), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_iov_limits_forget,
							ctx), 0);
	pf = pci_iov_add_pf(ctx->iov, NULL, PCI_DEVFN(1, 0), 4);
	rescan = pci_iov_thread_start(ctx->iov, pci_iov_limits_rescan, ctx);
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&ctx->in,
							    PCI_IOV_TIMEOUT));
	device_lock(&ctx->pdev->dev);
	complete_all(&ctx->out);
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(rescan,
						     PCI_IOV_LIMITS_NOTHING));

	/* The limit: a probe that holds the device lock would not get it. */
	KUNIT_EXPECT_FALSE(test, pci_iov_lock_free(NULL));

	device_unlock(&ctx->pdev->dev);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(rescan), 0);
	KUNIT_EXPECT_NOT_NULL(test, pci_fabric_pdev(pf));
}

static struct kunit_case pci_iov_limits_cases[] = {
	KUNIT_CASE(pci_iov_limits_unbound),
	KUNIT_CASE(pci_iov_limits_removed),
	KUNIT_CASE(pci_iov_limits_unreferenced),
	KUNIT_CASE(pci_iov_limits_addition),
	{}
};

static struct kunit_suite pci_iov_limits_suite = {
	.name = "pci_iov_limits",
	.init = pci_iov_limits_init,
	.test_cases = pci_iov_limits_cases,
};

kunit_test_suite(pci_iov_limits_suite);

MODULE_DESCRIPTION("KUnit tests that show the limits of the locking of SR-IOV");
MODULE_LICENSE("GPL");
