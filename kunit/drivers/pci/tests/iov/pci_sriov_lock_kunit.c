// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for the lock that protects VFs coming and going.
 *
 * VFs are enabled and disabled as users and drivers do it: sriov_numvfs, unbind,
 * rmmod, probe, removal.  What is expected everywhere: VFs are added and removed
 * by a task that owns the rescan lock, PF drivers are called without it, and it
 * is free afterwards.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/debug_locks.h>
#include <linux/delay.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/sysfs.h>

#include "pci_iov_fixture.h"

#define PCI_SRIOV_LOCK_VFS	3

/* How long it takes to see that nothing happens */
#define PCI_SRIOV_LOCK_NOTHING	(HZ / 5)

struct pci_sriov_lock_ctx {
	struct pci_iov_fixture *iov;
	struct pci_fabric_fn *pf;
	struct pci_dev *pdev;
	bool free;			/* the lock, in a callback of the PF driver */
	struct completion in, out;	/* a callback is in, and may go on */
	unsigned long hold;		/* or goes on after so long */
	struct notifier_block nb;	/* VFs that come and go */
	int events, events_owned;	/* with the lock owned */
	struct pci_iov_thread *waiter;	/* for the lock, and counts VFs */
};

static int pci_sriov_lock_init(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	init_completion(&ctx->in);
	init_completion(&ctx->out);
	ctx->hold = PCI_IOV_TIMEOUT;
	ctx->iov = pci_iov_fixture_alloc(test);
	ctx->iov->priv = ctx;
	ctx->pf = pci_iov_add_pf(ctx->iov, NULL, PCI_DEVFN(1, 0),
				 2 * PCI_SRIOV_LOCK_VFS);
	pci_fabric_scan(ctx->iov->fabric);
	ctx->pdev = pci_fabric_pdev(ctx->pf);
	KUNIT_ASSERT_NOT_NULL(test, ctx->pdev);
	return 0;
}

static int pci_sriov_lock_numvfs(struct pci_sriov_lock_ctx *ctx, const char *nr)
{
	return pci_iov_dev_write(ctx->iov, ctx->pdev, "sriov_numvfs", nr);
}

static int pci_sriov_lock_calls(struct pci_sriov_lock_ctx *ctx,
				enum pci_iov_call call)
{
	return atomic_read(&ctx->iov->calls[call]);
}

static int pci_sriov_lock_owned(struct pci_sriov_lock_ctx *ctx,
				enum pci_iov_call call)
{
	return atomic_read(&ctx->iov->owned[call]);
}

/* VFs that the PCI core has, whatever their PF says */
static int pci_sriov_lock_vfs(struct pci_sriov_lock_ctx *ctx)
{
	struct pci_dev *pdev = NULL;
	int nr = 0;

	while ((pdev = pci_get_device(PCI_FABRIC_VENDOR, PCI_IOV_VF_ID, pdev)))
		nr++;
	return nr;
}

static void pci_sriov_lock_expect_none(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	KUNIT_EXPECT_EQ(test, pci_sriov_lock_vfs(ctx), 0);
	KUNIT_EXPECT_EQ(test, pci_num_vf(ctx->pdev), 0);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
}

/* Each VF was removed once, by a task that owned the lock. */
static void pci_sriov_lock_expect_removed(struct kunit *test, int nr)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	KUNIT_EXPECT_EQ(test, pci_sriov_lock_calls(ctx, PCI_IOV_VF_REMOVE), nr);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_VF_REMOVE), nr);
	pci_sriov_lock_expect_none(test);
}

static int pci_sriov_lock_enable_in_probe(struct pci_iov_fixture *iov,
					  struct pci_dev *pf)
{
	return pci_enable_sriov(pf, PCI_SRIOV_LOCK_VFS);
}

/* Catches: unbind that removes VFs while others add and remove devices. */
static void pci_sriov_lock_unbind(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	KUNIT_ASSERT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_vfs(ctx), 3);
	KUNIT_EXPECT_EQ(test, pci_iov_unbind(ctx->iov, ctx->pdev), 0);
	pci_sriov_lock_expect_removed(test, 3);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_PF_REMOVE), 0);
}

/* Catches: the same at rmmod, and VFs added without the lock at modprobe. */
static void pci_sriov_lock_rmmod(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	KUNIT_ASSERT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	pci_iov_unregister_pf(ctx->iov);
	pci_sriov_lock_expect_removed(test, 3);

	ctx->iov->pf_probe = pci_sriov_lock_enable_in_probe;
	KUNIT_EXPECT_EQ(test, pci_iov_register_pf(ctx->iov), 0);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_vfs(ctx), 3);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_VF_PROBE), 6);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	pci_iov_unregister_pf(ctx->iov);
	pci_sriov_lock_expect_removed(test, 6);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_PF_REMOVE), 0);
}

/* Catches: VFs added without the lock by a PF driver that enables them in probe. */
static void pci_sriov_lock_probe(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	KUNIT_ASSERT_EQ(test, pci_iov_unbind(ctx->iov, ctx->pdev), 0);
	ctx->iov->pf_probe = pci_sriov_lock_enable_in_probe;
	KUNIT_EXPECT_EQ(test, pci_iov_bind(ctx->iov, ctx->pdev), 0);
	KUNIT_EXPECT_EQ(test, pci_num_vf(ctx->pdev), 3);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_PF_PROBE),
			1);	/* the first one, by the scan */
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_calls(ctx, PCI_IOV_VF_PROBE), 3);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_VF_PROBE), 3);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	KUNIT_EXPECT_EQ(test, pci_iov_unbind(ctx->iov, ctx->pdev), 0);
	pci_sriov_lock_expect_removed(test, 3);
}

static int pci_sriov_lock_rescan(void *data)
{
	struct pci_sriov_lock_ctx *ctx = data;

	return pci_iov_write(ctx->iov, "bus/pci/rescan", "1");
}

/*
 * Catches: a plain mutex in sriov_add_vfs().  Rescan holds the lock when it finds
 * a PF whose driver enables VFs in probe.
 */
static void pci_sriov_lock_rescan_probe(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *rescan;
	struct pci_fabric_fn *pf;
	struct pci_dev *pdev;

	ctx->iov->pf_probe = pci_sriov_lock_enable_in_probe;
	pf = pci_iov_add_pf(ctx->iov, NULL, PCI_DEVFN(9, 0), PCI_SRIOV_LOCK_VFS);
	rescan = pci_iov_thread_start(ctx->iov, pci_sriov_lock_rescan, ctx);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(rescan), 0);
	pdev = pci_fabric_pdev(pf);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_EXPECT_EQ(test, pci_num_vf(pdev), 3);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_VF_PROBE), 3);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
}

static int pci_sriov_lock_hot_remove(void *data)
{
	struct pci_sriov_lock_ctx *ctx = data;

	pci_lock_rescan_remove();
	pci_stop_and_remove_bus_device(ctx->pdev);
	pci_unlock_rescan_remove();
	return 0;
}

/*
 * Catches: a plain mutex in sriov_del_vfs().  Hotplug holds the lock when it
 * calls the PF driver's remove.
 */
static void pci_sriov_lock_hotplug(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	KUNIT_ASSERT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	pci_iov_thread_join(pci_iov_thread_start(ctx->iov, pci_sriov_lock_hot_remove,
						 ctx));
	pci_sriov_lock_expect_removed(test, 3);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_PF_REMOVE), 1);
}

static int pci_sriov_lock_configure(struct pci_iov_fixture *iov,
				    struct pci_dev *pf, int nr)
{
	struct pci_sriov_lock_ctx *ctx = iov->priv;

	ctx->free = pci_iov_lock_free(NULL);
	if (!nr)
		pci_disable_sriov(pf);
	return nr ? pci_enable_sriov(pf, nr) ?: nr : 0;
}

/*
 * Catches: the global lock held over all that a PF driver does, and over the
 * sleeps of sriov_enable() and sriov_disable(), when it is only needed for VFs.
 */
static void pci_sriov_lock_sysfs(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	ctx->iov->pf_configure = pci_sriov_lock_configure;
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	KUNIT_EXPECT_TRUE(test, ctx->free);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_VF_PROBE), 3);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));

	ctx->free = false;
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "0"), 0);
	KUNIT_EXPECT_TRUE(test, ctx->free);
	pci_sriov_lock_expect_removed(test, 3);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_PF_CONFIGURE), 0);
}

static int pci_sriov_lock_unbind_thread(void *data)
{
	struct pci_sriov_lock_ctx *ctx = data;

	return pci_iov_unbind(ctx->iov, ctx->pdev);
}

/* Catches: VFs that go while somebody else holds the lock. */
static void pci_sriov_lock_unbind_waits(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *thread;

	KUNIT_ASSERT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	pci_lock_rescan_remove();
	thread = pci_iov_thread_start(ctx->iov, pci_sriov_lock_unbind_thread, ctx);
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(thread,
						     PCI_SRIOV_LOCK_NOTHING));
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_calls(ctx, PCI_IOV_PF_REMOVE), 1);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_calls(ctx, PCI_IOV_VF_REMOVE), 0);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_vfs(ctx), 3);
	pci_unlock_rescan_remove();
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(thread), 0);
	pci_sriov_lock_expect_removed(test, 3);
}

static int pci_sriov_lock_enable_thread(void *data)
{
	return pci_sriov_lock_numvfs(data, "3");
}

/* Catches: VFs that come while somebody else holds the lock. */
static void pci_sriov_lock_enable_waits(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *thread;

	pci_lock_rescan_remove();
	thread = pci_iov_thread_start(ctx->iov, pci_sriov_lock_enable_thread, ctx);
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(thread,
						     PCI_SRIOV_LOCK_NOTHING));
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_vfs(ctx), 0);
	pci_unlock_rescan_remove();
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(thread), 0);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_vfs(ctx), 3);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
}

static int pci_sriov_lock_wait_in_probe(struct pci_iov_fixture *iov,
					struct pci_dev *vf)
{
	struct pci_sriov_lock_ctx *ctx = iov->priv;

	complete(&ctx->in);
	wait_for_completion_timeout(&ctx->out, ctx->hold);
	return 0;
}

/* Catches: a rescan that finds a device in the middle of VFs that come. */
static void pci_sriov_lock_rescan_waits(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *enable, *rescan;
	struct pci_fabric_fn *sibling;

	ctx->iov->vf_probe = pci_sriov_lock_wait_in_probe;
	sibling = pci_iov_add_pf(ctx->iov, NULL, PCI_DEVFN(9, 0), 1);
	enable = pci_iov_thread_start(ctx->iov, pci_sriov_lock_enable_thread, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in,
							    PCI_IOV_TIMEOUT));
	rescan = pci_iov_thread_start(ctx->iov, pci_sriov_lock_rescan, ctx);
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(rescan,
						     PCI_SRIOV_LOCK_NOTHING));
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(sibling));
	complete_all(&ctx->out);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(enable), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(rescan), 0);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_vfs(ctx), 3);
	KUNIT_EXPECT_NOT_NULL(test, pci_fabric_pdev(sibling));
}

static void pci_sriov_lock_wait_in_remove(struct pci_iov_fixture *iov,
					  struct pci_dev *vf)
{
	struct pci_sriov_lock_ctx *ctx = iov->priv;

	complete(&ctx->in);
	wait_for_completion_timeout(&ctx->out, ctx->hold);
}

static int pci_sriov_lock_take(void *unused)
{
	pci_lock_rescan_remove();
	pci_unlock_rescan_remove();
	return 0;
}

/*
 * Catches: somebody who has the lock in the middle of VFs that go at unbind.  A
 * rescan there binds a driver to a VF that is half gone, which is a panic.
 */
static void pci_sriov_lock_unbind_excludes(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *unbind, *other;

	KUNIT_ASSERT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	ctx->iov->vf_remove = pci_sriov_lock_wait_in_remove;
	unbind = pci_iov_thread_start(ctx->iov, pci_sriov_lock_unbind_thread, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in,
							    PCI_IOV_TIMEOUT));
	other = pci_iov_thread_start(ctx->iov, pci_sriov_lock_take, NULL);
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(other,
						     PCI_SRIOV_LOCK_NOTHING));
	complete_all(&ctx->out);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(unbind), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(other), 0);
	pci_sriov_lock_expect_removed(test, 3);
}

/* As s390 does it when the platform takes a VF away. */
static int pci_sriov_lock_platform(void *data)
{
	struct pci_sriov_lock_ctx *ctx = data;

	pci_lock_rescan_remove();
	pci_iov_remove_virtfn(ctx->pdev, 0);
	pci_unlock_rescan_remove();
	return 0;
}

/*
 * Catches: a VF that the platform removes, and at the same time the PF driver's
 * remove, which then both have it in their hands.
 */
static void pci_sriov_lock_platform_event(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *platform, *unbind;

	KUNIT_ASSERT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	ctx->iov->vf_remove = pci_sriov_lock_wait_in_remove;
	ctx->hold = PCI_SRIOV_LOCK_NOTHING;
	platform = pci_iov_thread_start(ctx->iov, pci_sriov_lock_platform, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in,
							    PCI_IOV_TIMEOUT));
	unbind = pci_iov_thread_start(ctx->iov, pci_sriov_lock_unbind_thread, ctx);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(platform), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(unbind), 0);
	pci_sriov_lock_expect_removed(test, 3);
}

/* Catches: errors before, in and after the locked part that keep the lock. */
static void pci_sriov_lock_errors(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;
	unsigned int pos = pci_fabric_cap_pos(ctx->pf, PCI_EXT_CAP_ID_SRIOV, true);

	KUNIT_EXPECT_EQ(test, pci_enable_sriov(ctx->pdev, 7), -EINVAL);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "7"), -ERANGE);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));

	/* More InitialVFs than TotalVFs */
	pci_fabric_poke(ctx->pf, pos + PCI_SRIOV_INITIAL_VF, 2, 7);
	KUNIT_EXPECT_EQ(test, pci_enable_sriov(ctx->pdev, 3), -EIO);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	pci_fabric_poke(ctx->pf, pos + PCI_SRIOV_INITIAL_VF, 2, 6);
	pci_sriov_lock_expect_none(test);

	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "2"), -EBUSY);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_vfs(ctx), 3);
}

/*
 * Catches: a lock that the failure of a VF leaves taken, and VFs before it that
 * are removed without it.  The VF fails because the PF has a link of its name; the
 * sysfs core reports that, which is expected for each VF.
 */
static void pci_sriov_lock_vf_fails(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;
	unsigned int pos = pci_fabric_cap_pos(ctx->pf, PCI_EXT_CAP_ID_SRIOV, true);
	struct kobject *kobj = &ctx->pdev->dev.kobj;
	char name[16];

	for (int vf = 0; vf < PCI_SRIOV_LOCK_VFS; vf++) {
		atomic_set(&ctx->iov->calls[PCI_IOV_VF_REMOVE], 0);
		atomic_set(&ctx->iov->owned[PCI_IOV_VF_REMOVE], 0);
		snprintf(name, sizeof(name), "virtfn%d", vf);
		KUNIT_ASSERT_EQ(test, sysfs_create_link(kobj, kobj, name), 0);
		KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), -EEXIST);
		sysfs_remove_link(kobj, name);
		pci_sriov_lock_expect_removed(test, vf);
		KUNIT_EXPECT_FALSE(test, pci_fabric_peek(ctx->pf,
							 pos + PCI_SRIOV_CTRL, 2) &
					 PCI_SRIOV_CTRL_VFE);
	}
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_vfs(ctx), 3);
}

/* Catches: VFs added where the platform does it, and a lock that is kept then. */
static void pci_sriov_lock_no_vf_scan(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	ctx->pdev->no_vf_scan = 1;
	KUNIT_EXPECT_EQ(test, pci_enable_sriov(ctx->pdev, 3), 0);
	KUNIT_EXPECT_EQ(test, pci_num_vf(ctx->pdev), 3);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_vfs(ctx), 0);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	pci_disable_sriov(ctx->pdev);
	pci_sriov_lock_expect_none(test);
}

/* How many calls of the platform there were since @nr and @owned, all with the lock */
static void pci_sriov_lock_expect_pcibios(struct kunit *test, int *nr, int *owned,
					   int expected)
{
	int nr_before = *nr, owned_before = *owned;

	*nr = pci_iov_platform_calls(owned);
	KUNIT_EXPECT_EQ(test, *nr - nr_before, expected);
	KUNIT_EXPECT_EQ(test, *owned - owned_before, expected);
}

/* Catches: a platform that edits lists which others edit with the lock held. */
static void pci_sriov_lock_pcibios(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;
	struct kobject *kobj = &ctx->pdev->dev.kobj;
	int owned, nr = pci_iov_platform_calls(&owned);

	if (!IS_ENABLED(CONFIG_UML) || !IS_BUILTIN(CONFIG_PCI_SRIOV_LOCK_KUNIT_TEST))
		kunit_skip(test, "the platform's calls are not the fixture's");

	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	pci_sriov_lock_expect_pcibios(test, &nr, &owned, 1);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "0"), 0);
	pci_sriov_lock_expect_pcibios(test, &nr, &owned, 1);

	/* A VF cannot be added, and the sysfs core reports it */
	KUNIT_ASSERT_EQ(test, sysfs_create_link(kobj, kobj, "virtfn1"), 0);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), -EEXIST);
	sysfs_remove_link(kobj, "virtfn1");
	pci_sriov_lock_expect_pcibios(test, &nr, &owned, 2);

	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_unbind(ctx->iov, ctx->pdev), 0);
	pci_sriov_lock_expect_pcibios(test, &nr, &owned, 2);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
}

/* Catches: two writers that both enable, or that lose the lock to each other. */
static void pci_sriov_lock_two_writers(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *a, *b;

	a = pci_iov_thread_start(ctx->iov, pci_sriov_lock_enable_thread, ctx);
	b = pci_iov_thread_start(ctx->iov, pci_sriov_lock_enable_thread, ctx);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(a), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(b), 0);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_calls(ctx, PCI_IOV_PF_CONFIGURE), 1);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_calls(ctx, PCI_IOV_VF_PROBE), 3);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_VF_PROBE), 3);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
}

static int pci_sriov_lock_notify(struct notifier_block *nb, unsigned long action,
				 void *data)
{
	struct pci_sriov_lock_ctx *ctx =
		container_of(nb, struct pci_sriov_lock_ctx, nb);

	if (to_pci_dev(data)->device == PCI_IOV_VF_ID &&
	    (action == BUS_NOTIFY_ADD_DEVICE || action == BUS_NOTIFY_DEL_DEVICE)) {
		ctx->events++;
		ctx->events_owned += pci_iov_lock_owned();
	}
	return NOTIFY_DONE;
}

static void pci_sriov_lock_forget(void *data)
{
	struct pci_sriov_lock_ctx *ctx = data;

	bus_unregister_notifier(&pci_bus_type, &ctx->nb);
}

/* Catches: a lock that depends on VFs being bound. */
static void pci_sriov_lock_no_autoprobe(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	ctx->nb.notifier_call = pci_sriov_lock_notify;
	KUNIT_ASSERT_EQ(test, bus_register_notifier(&pci_bus_type, &ctx->nb), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_sriov_lock_forget,
							ctx), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_dev_write(ctx->iov, ctx->pdev,
						"sriov_drivers_autoprobe", "0"), 0);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_vfs(ctx), 3);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_calls(ctx, PCI_IOV_VF_PROBE), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_unbind(ctx->iov, ctx->pdev), 0);
	pci_sriov_lock_expect_none(test);
	KUNIT_EXPECT_EQ(test, ctx->events, 6);
	KUNIT_EXPECT_EQ(test, ctx->events_owned, 6);
}

/* In a thread of its own, in which a system call that is to begin anew just ends */
static int pci_sriov_lock_write_msix_count(void *data)
{
	struct pci_sriov_lock_ctx *ctx = data;
	struct pci_dev *vf;
	int ret;

	vf = pci_get_domain_bus_and_slot(pci_domain_nr(ctx->pdev->bus),
					 pci_iov_virtfn_bus(ctx->pdev, 0),
					 pci_iov_virtfn_devfn(ctx->pdev, 0));
	if (!vf)
		return -ENODEV;
	ret = pci_iov_dev_write(ctx->iov, vf, "sriov_vf_msix_count", "1");
	clear_thread_flag(TIF_SIGPENDING);
	pci_dev_put(vf);
	return ret;
}

/*
 * Who holds the device lock of the PF may be removing the VF.  Catches a writer that waits
 * for that lock, and so for a removal that waits for him.
 */
static void pci_sriov_lock_msix_count(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *thread;

	KUNIT_ASSERT_EQ(test, pci_sriov_lock_numvfs(ctx, "2"), 0);
	device_lock(&ctx->pdev->dev);
	thread = pci_iov_thread_start(ctx->iov, pci_sriov_lock_write_msix_count, ctx);
	KUNIT_EXPECT_TRUE(test, pci_iov_thread_done(thread, HZ));
	device_unlock(&ctx->pdev->dev);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(thread), -ERESTARTNOINTR);
	/* The driver does not know of it */
	thread = pci_iov_thread_start(ctx->iov, pci_sriov_lock_write_msix_count, ctx);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(thread), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "0"), 0);
}

static int pci_sriov_lock_count_vfs(void *data)
{
	int nr;

	pci_lock_rescan_remove();
	nr = pci_sriov_lock_vfs(data);
	pci_unlock_rescan_remove();
	return nr;
}

/* The first VF lets somebody wait for the lock; all give him time to get it. */
static void pci_sriov_lock_let_in(struct pci_iov_fixture *iov)
{
	struct pci_sriov_lock_ctx *ctx = iov->priv;

	if (!ctx->waiter) {
		ctx->waiter = pci_iov_thread_start(iov, pci_sriov_lock_count_vfs, ctx);
		pci_iov_thread_waits(ctx->waiter, PCI_IOV_TIMEOUT);
	}
	fsleep(20 * USEC_PER_MSEC);
}

static int pci_sriov_lock_let_in_probe(struct pci_iov_fixture *iov, struct pci_dev *vf)
{
	pci_sriov_lock_let_in(iov);
	return 0;
}

static void pci_sriov_lock_let_in_remove(struct pci_iov_fixture *iov, struct pci_dev *vf)
{
	pci_sriov_lock_let_in(iov);
}

/* Catches: a lock that is dropped between two VFs. */
static void pci_sriov_lock_whole(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	ctx->iov->vf_probe = pci_sriov_lock_let_in_probe;
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	KUNIT_ASSERT_NOT_NULL(test, ctx->waiter);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(ctx->waiter), 3);

	ctx->waiter = NULL;
	ctx->iov->vf_remove = pci_sriov_lock_let_in_remove;
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "0"), 0);
	KUNIT_ASSERT_NOT_NULL(test, ctx->waiter);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(ctx->waiter), 0);
}

/* A PF that appears now; ctx->pdev is it from here on. */
static void pci_sriov_lock_other_pf(struct kunit *test, u16 offset, u8 link)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	ctx->pf = pci_fabric_add(ctx->iov->fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(16, 0),
		.device = PCI_IOV_PF_ID,
		.sriov = {
			.total_vfs = PCI_SRIOV_LOCK_VFS,
			.offset = offset,
			.vf_device = PCI_IOV_VF_ID,
			.link_other = link,
			.link = link,
			.bars[0] = { .size = SZ_4K },
		},
	});
	KUNIT_ASSERT_EQ(test, pci_sriov_lock_rescan(ctx), 0);
	ctx->pdev = pci_fabric_pdev(ctx->pf);
	KUNIT_ASSERT_NOT_NULL(test, ctx->pdev);
}

/* Catches: a lock that is not taken, or kept, for a PF that depends on another. */
static void pci_sriov_lock_depends(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	pci_sriov_lock_other_pf(test, 0, PCI_DEVFN(1, 0));
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	KUNIT_EXPECT_TRUE(test, pci_iov_exists(ctx->iov, ctx->pdev, "dep_link"));
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_VF_PROBE), 3);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	KUNIT_EXPECT_EQ(test, pci_iov_unbind(ctx->iov, ctx->pdev), 0);
	KUNIT_EXPECT_FALSE(test, pci_iov_exists(ctx->iov, ctx->pdev, "dep_link"));
	pci_sriov_lock_expect_removed(test, 3);
}

/* Catches: a lock that is kept when the PF depends on one that is not there. */
static void pci_sriov_lock_depends_on_none(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	pci_sriov_lock_other_pf(test, 0, PCI_DEVFN(31, 0));
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), -ENODEV);
	pci_sriov_lock_expect_none(test);
}

/*
 * Catches: a bus of VFs that comes or goes without the lock, which protects the
 * list of buses too.
 */
static void pci_sriov_lock_other_bus(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;
	int domain = pci_domain_nr(ctx->pdev->bus);

	pci_sriov_lock_other_pf(test, 256, 0);
	KUNIT_EXPECT_NULL(test, pci_find_bus(domain, 1));
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	KUNIT_EXPECT_NOT_NULL(test, pci_find_bus(domain, 1));
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_owned(ctx, PCI_IOV_VF_PROBE), 3);
	KUNIT_EXPECT_EQ(test, pci_iov_unbind(ctx->iov, ctx->pdev), 0);
	KUNIT_EXPECT_NULL(test, pci_find_bus(domain, 1));
	pci_sriov_lock_expect_removed(test, 3);
}

/*
 * A mutex of the PF driver.  For lockdep it stands for the device lock, which is
 * held in the same callbacks but cannot have a class: device_del() takes it under
 * the rescan lock, when the device has no driver that could do the reverse.
 */
static DEFINE_MUTEX(pci_sriov_lock_driver);

static int pci_sriov_lock_order_configure(struct pci_iov_fixture *iov,
					  struct pci_dev *pf, int nr)
{
	guard(mutex)(&pci_sriov_lock_driver);
	if (!nr)
		pci_disable_sriov(pf);
	return nr ? pci_enable_sriov(pf, nr) ?: nr : 0;
}

static void pci_sriov_lock_order_remove(struct pci_iov_fixture *iov,
					struct pci_dev *pf)
{
	guard(mutex)(&pci_sriov_lock_driver);
	pci_disable_sriov(pf);
}

/*
 * Catches: a PF driver that is called with the rescan lock held in one case and
 * takes it in another: AB-BA, seen by lockdep without a hang.
 */
static void pci_sriov_lock_order(struct kunit *test)
{
	struct pci_sriov_lock_ctx *ctx = test->priv;

	if (!IS_ENABLED(CONFIG_PROVE_LOCKING))
		kunit_skip(test, "needs CONFIG_PROVE_LOCKING");

	ctx->iov->pf_configure = pci_sriov_lock_order_configure;
	ctx->iov->pf_remove = pci_sriov_lock_order_remove;
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_unbind(ctx->iov, ctx->pdev), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_bind(ctx->iov, ctx->pdev), 0);
	KUNIT_EXPECT_EQ(test, pci_sriov_lock_numvfs(ctx, "3"), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_dev_write(ctx->iov, ctx->pdev, "remove", "1"),
			0);
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(ctx->pf));
	pci_sriov_lock_expect_none(test);
	KUNIT_EXPECT_TRUE_MSG(test, debug_locks, "lockdep has reported");
}

static struct kunit_case pci_sriov_lock_cases[] = {
	KUNIT_CASE_SLOW(pci_sriov_lock_unbind),
	KUNIT_CASE_SLOW(pci_sriov_lock_rmmod),
	KUNIT_CASE_SLOW(pci_sriov_lock_probe),
	KUNIT_CASE_SLOW(pci_sriov_lock_rescan_probe),
	KUNIT_CASE_SLOW(pci_sriov_lock_hotplug),
	KUNIT_CASE_SLOW(pci_sriov_lock_sysfs),
	KUNIT_CASE_SLOW(pci_sriov_lock_unbind_waits),
	KUNIT_CASE_SLOW(pci_sriov_lock_enable_waits),
	KUNIT_CASE_SLOW(pci_sriov_lock_rescan_waits),
	KUNIT_CASE_SLOW(pci_sriov_lock_unbind_excludes),
	KUNIT_CASE_SLOW(pci_sriov_lock_errors),
	KUNIT_CASE_SLOW(pci_sriov_lock_vf_fails),
	KUNIT_CASE_SLOW(pci_sriov_lock_no_vf_scan),
	KUNIT_CASE_SLOW(pci_sriov_lock_pcibios),
	KUNIT_CASE_SLOW(pci_sriov_lock_two_writers),
	KUNIT_CASE_SLOW(pci_sriov_lock_no_autoprobe),
	KUNIT_CASE(pci_sriov_lock_msix_count),
	KUNIT_CASE_SLOW(pci_sriov_lock_whole),
	KUNIT_CASE_SLOW(pci_sriov_lock_depends),
	KUNIT_CASE(pci_sriov_lock_depends_on_none),
	KUNIT_CASE_SLOW(pci_sriov_lock_other_bus),
	KUNIT_CASE_SLOW(pci_sriov_lock_order),
	/* The last: without the lock the kernel may not survive it. */
	KUNIT_CASE_SLOW(pci_sriov_lock_platform_event),
	{}
};

static struct kunit_suite pci_sriov_lock_suite = {
	.name = "pci_sriov_lock",
	.init = pci_sriov_lock_init,
	.test_cases = pci_sriov_lock_cases,
};

kunit_test_suite(pci_sriov_lock_suite);

MODULE_DESCRIPTION("KUnit tests for locking of SR-IOV");
MODULE_LICENSE("GPL");
