// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for probing PCI devices on a worker of their NUMA node.
 *
 * The task that adds a device waits for the worker.  If that task holds the rescan
 * lock, the driver must not need the lock on a worker, and if it does not, the
 * probe has to run on the device's node.  Devices are found by rescan, or are there
 * when a driver comes, and the drivers of PFs enable SR-IOV when they probe.
 *
 * These tests need two nodes with a processor each.
 */
#include <kunit/test.h>
#include <linux/debug_locks.h>
#include <linux/nodemask.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/topology.h>

#include "../../pci.h"
#include "pci_iov_fixture.h"

#define PCI_PROBE_WORKER_VFS	2

/* Where a driver's probe ran, the last time */
struct pci_probe_worker_place {
	bool worker;
	int node;
};

struct pci_probe_worker_ctx {
	struct pci_iov_fixture *iov;
	struct pci_fabric_fn *pf;
	int node;			/* of the fabric, not that of this task */
	bool enable;			/* SR-IOV, when the PF is probed */
	bool debug_locks;		/* lockdep was on before the test */
	struct pci_probe_worker_place pf_place, vf_place;
};

static void pci_probe_worker_note(struct pci_probe_worker_place *place)
{
	place->worker = current->flags & PF_WQ_WORKER;
	place->node = cpu_to_node(raw_smp_processor_id());
}

static int pci_probe_worker_pf_probe(struct pci_iov_fixture *iov,
				     struct pci_dev *pf)
{
	struct pci_probe_worker_ctx *ctx = iov->priv;

	pci_probe_worker_note(&ctx->pf_place);
	return ctx->enable ? pci_enable_sriov(pf, PCI_PROBE_WORKER_VFS) : 0;
}

static int pci_probe_worker_vf_probe(struct pci_iov_fixture *iov,
				     struct pci_dev *vf)
{
	struct pci_probe_worker_ctx *ctx = iov->priv;

	pci_probe_worker_note(&ctx->vf_place);
	return 0;
}

/* The last one: with two nodes, that is not where the boot processor is. */
static int pci_probe_worker_pick_node(void)
{
	int node, found = NUMA_NO_NODE;

	if (num_online_nodes() < 2)
		return NUMA_NO_NODE;
	for_each_online_node(node)
		if (!cpumask_empty(cpumask_of_node(node)))
			found = node;
	return found;
}

static int pci_probe_worker_init(struct kunit *test)
{
	struct pci_probe_worker_ctx *ctx;
	int node = pci_probe_worker_pick_node();

	if (node == NUMA_NO_NODE)
		kunit_skip(test, "one NUMA node");

	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	ctx->node = node;
	ctx->debug_locks = debug_locks;
	ctx->iov = pci_iov_fixture_alloc(test);
	ctx->iov->priv = ctx;
	ctx->iov->pf_probe = pci_probe_worker_pf_probe;
	ctx->iov->vf_probe = pci_probe_worker_vf_probe;
	pci_fabric_set_node(ctx->iov->fabric, node);
	ctx->pf = pci_iov_add_pf(ctx->iov, NULL, PCI_DEVFN(1, 0),
				 PCI_PROBE_WORKER_VFS);
	return 0;
}

/* Lockdep reports once and goes off, so whichever test comes first has to fail. */
static void pci_probe_worker_exit(struct kunit *test)
{
	struct pci_probe_worker_ctx *ctx = test->priv;

	if (ctx && ctx->debug_locks)
		KUNIT_EXPECT_TRUE_MSG(test, debug_locks, "lockdep went off");
}

static int pci_probe_worker_calls(struct pci_probe_worker_ctx *ctx,
				  enum pci_iov_call call)
{
	return atomic_read(&ctx->iov->calls[call]);
}

static int pci_probe_worker_owned(struct pci_probe_worker_ctx *ctx,
				  enum pci_iov_call call)
{
	return atomic_read(&ctx->iov->owned[call]);
}

/* The VFs of one pci_enable_sriov() are there and have a driver. */
static void pci_probe_worker_expect_vfs(struct kunit *test)
{
	struct pci_probe_worker_ctx *ctx = test->priv;
	struct pci_dev *pdev = pci_fabric_pdev(ctx->pf);

	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_EXPECT_EQ(test, dev_to_node(&pdev->dev), ctx->node);
	KUNIT_EXPECT_EQ(test, pci_num_vf(pdev), PCI_PROBE_WORKER_VFS);
	for (int i = 0; i < PCI_PROBE_WORKER_VFS; i++) {
		struct pci_dev *vf = pci_fabric_pdev(pci_fabric_vf(ctx->pf, i));

		KUNIT_ASSERT_NOT_NULL(test, vf);
		KUNIT_EXPECT_PTR_EQ(test, pci_physfn(vf), pdev);
		KUNIT_EXPECT_EQ(test, dev_to_node(&vf->dev), ctx->node);
		KUNIT_EXPECT_PTR_EQ(test, to_pci_driver(vf->dev.driver),
				    &ctx->iov->vf_driver);
	}
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
}

static int pci_probe_worker_rescan(void *data)
{
	struct pci_probe_worker_ctx *ctx = data;

	pci_lock_rescan_remove();
	pci_rescan_bus(pci_fabric_host_bridge(ctx->iov->fabric)->bus);
	pci_unlock_rescan_remove();
	return 0;
}

static int pci_probe_worker_register(void *data)
{
	struct pci_probe_worker_ctx *ctx = data;

	return pci_iov_register_pf(ctx->iov);
}

/*
 * Runs @fn in a thread.  If it waits for a worker that waits for the rescan lock that
 * it holds, the test fails, and the lock is taken from it so that both end.  That
 * makes the kernel complain more than once, but the boot goes on.
 */
static void pci_probe_worker_run(struct kunit *test, int (*fn)(void *data))
{
	struct pci_probe_worker_ctx *ctx = test->priv;
	struct pci_iov_thread *thread;

	thread = pci_iov_thread_start(ctx->iov, fn, ctx);
	if (!pci_iov_thread_done(thread, PCI_IOV_TIMEOUT)) {
		KUNIT_FAIL(test, "%ps does not end, rescan lock %s", fn,
			   pci_iov_lock_free(NULL) ? "free" : "held");
		if (!pci_iov_lock_free(NULL))
			mutex_unlock(&pci_rescan_remove_lock);
	}
	KUNIT_ASSERT_EQ(test, pci_iov_thread_join(thread), 0);
}

/* Finds the functions that were pulled out before the scan. */
static void pci_probe_worker_found(struct kunit *test, struct pci_fabric_fn *fn)
{
	struct pci_probe_worker_ctx *ctx = test->priv;

	pci_fabric_surprise_remove(fn);
	pci_fabric_scan(ctx->iov->fabric);
	KUNIT_ASSERT_NULL(test, pci_fabric_pdev(fn));
	pci_fabric_insert(fn);
	pci_probe_worker_run(test, pci_probe_worker_rescan);
}

/*
 * Catches: a rescan that waits, with the lock, for the worker on which the PF's
 * driver waits for the lock to add VFs.
 */
static void pci_probe_worker_rescan_pf(struct kunit *test)
{
	struct pci_probe_worker_ctx *ctx = test->priv;

	ctx->enable = true;
	pci_probe_worker_found(test, ctx->pf);
	KUNIT_EXPECT_EQ(test, pci_probe_worker_calls(ctx, PCI_IOV_PF_PROBE), 1);
	KUNIT_EXPECT_FALSE(test, ctx->pf_place.worker);
	KUNIT_EXPECT_EQ(test, pci_probe_worker_owned(ctx, PCI_IOV_PF_PROBE), 1);
	KUNIT_EXPECT_EQ(test, pci_probe_worker_calls(ctx, PCI_IOV_VF_PROBE),
			PCI_PROBE_WORKER_VFS);
	KUNIT_EXPECT_EQ(test, pci_probe_worker_owned(ctx, PCI_IOV_VF_PROBE),
			PCI_PROBE_WORKER_VFS);
	pci_probe_worker_expect_vfs(test);
}

/* Catches: locality lost for devices that have nothing to do with SR-IOV. */
static void pci_probe_worker_rescan_other(struct kunit *test)
{
	struct pci_probe_worker_ctx *ctx = test->priv;
	struct pci_fabric_fn *fn;

	fn = pci_fabric_add(ctx->iov->fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(2, 0),
		.device = PCI_IOV_VF_ID,
		.bars[0] = { .size = SZ_4K },
	});
	pci_probe_worker_found(test, fn);
	KUNIT_EXPECT_EQ(test, pci_probe_worker_calls(ctx, PCI_IOV_VF_PROBE), 1);
	KUNIT_EXPECT_TRUE(test, ctx->vf_place.worker);
	KUNIT_EXPECT_EQ(test, ctx->vf_place.node, ctx->node);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
}

/* The PF is there, without a driver; now the driver comes, without the lock. */
static void pci_probe_worker_insmod(struct kunit *test)
{
	struct pci_probe_worker_ctx *ctx = test->priv;
	int owned = pci_probe_worker_owned(ctx, PCI_IOV_PF_PROBE);

	ctx->enable = true;
	pci_probe_worker_run(test, pci_probe_worker_register);
	KUNIT_EXPECT_TRUE(test, ctx->pf_place.worker);
	KUNIT_EXPECT_EQ(test, ctx->pf_place.node, ctx->node);
	KUNIT_EXPECT_EQ(test, pci_probe_worker_owned(ctx, PCI_IOV_PF_PROBE), owned);
	pci_probe_worker_expect_vfs(test);
}

/* Catches: locality lost where the lock is not held, and VFs added without it. */
static void pci_probe_worker_driver(struct kunit *test)
{
	struct pci_probe_worker_ctx *ctx = test->priv;

	pci_iov_unregister_pf(ctx->iov);
	pci_fabric_scan(ctx->iov->fabric);
	pci_probe_worker_insmod(test);
	KUNIT_EXPECT_EQ(test, pci_probe_worker_calls(ctx, PCI_IOV_VF_PROBE),
			PCI_PROBE_WORKER_VFS);
	KUNIT_EXPECT_EQ(test, pci_probe_worker_owned(ctx, PCI_IOV_VF_PROBE),
			PCI_PROBE_WORKER_VFS);
}

/* Catches: VFs that a user asks for and that are probed far from their memory. */
static void pci_probe_worker_numvfs(struct kunit *test)
{
	struct pci_probe_worker_ctx *ctx = test->priv;
	struct pci_dev *pdev;

	pci_fabric_scan(ctx->iov->fabric);
	pdev = pci_fabric_pdev(ctx->pf);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, pci_iov_dev_write(ctx->iov, pdev, "sriov_numvfs",
						"2"), 0);
	KUNIT_EXPECT_TRUE(test, ctx->vf_place.worker);
	KUNIT_EXPECT_EQ(test, ctx->vf_place.node, ctx->node);
	pci_probe_worker_expect_vfs(test);
	KUNIT_EXPECT_EQ(test, pci_iov_dev_write(ctx->iov, pdev, "sriov_numvfs",
						"0"), 0);
}

/*
 * Catches: works that lockdep cannot tell apart.  VFs are probed by works that are
 * flushed with the lock held; afterwards the work of the PF takes the lock.
 */
static void pci_probe_worker_lockdep(struct kunit *test)
{
	struct pci_probe_worker_ctx *ctx = test->priv;

	if (!IS_ENABLED(CONFIG_PROVE_LOCKING))
		kunit_skip(test, "without PROVE_LOCKING");
	if (!debug_locks)
		kunit_skip(test, "a test before has set lockdep off");

	pci_probe_worker_numvfs(test);
	pci_iov_unregister_pf(ctx->iov);
	pci_probe_worker_insmod(test);
}

static struct kunit_case pci_probe_worker_cases[] = {
	KUNIT_CASE_SLOW(pci_probe_worker_rescan_other),
	KUNIT_CASE_SLOW(pci_probe_worker_driver),
	KUNIT_CASE_SLOW(pci_probe_worker_numvfs),
	KUNIT_CASE_SLOW(pci_probe_worker_lockdep),
	/* The last, as it may upset the kernel */
	KUNIT_CASE_SLOW(pci_probe_worker_rescan_pf),
	{}
};

static struct kunit_suite pci_probe_worker_suite = {
	.name = "pci_probe_worker",
	.init = pci_probe_worker_init,
	.exit = pci_probe_worker_exit,
	.test_cases = pci_probe_worker_cases,
};

kunit_test_suite(pci_probe_worker_suite);
