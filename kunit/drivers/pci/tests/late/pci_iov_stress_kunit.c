// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit stress test for adding and removing PFs, VFs and what is around them.
 *
 * Threads use sriov_numvfs, bind, unbind, remove and rescan, and pull devices out,
 * all at once.  What one of them does may fail, because of the others.  What must
 * not happen is that they wait for each other, or that anything is broken
 * afterwards; lockdep and KASAN look on.
 *
 * Kernel parameters: pci_iov_stress.seed to repeat a run, pci_iov_stress.ops for
 * another number of operations in each of the rounds, which are short lest they be
 * taken for a hang.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rwsem.h>

#include "pci_iov_fixture.h"

#define PCI_IOV_STRESS_TASKS	4
#define PCI_IOV_STRESS_PFS	3
#define PCI_IOV_STRESS_VFS	4
#define PCI_IOV_STRESS_BRIDGES	3
#define PCI_IOV_STRESS_ROUNDS	20
#define PCI_IOV_STRESS_TIMEOUT	(120 * HZ)

static unsigned int pci_iov_stress_seed;
static unsigned int pci_iov_stress_ops = 520;

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "pci_iov_stress."
module_param_named(seed, pci_iov_stress_seed, uint, 0);
MODULE_PARM_DESC(seed, "Seed of the operations, 0 for a random one");
module_param_named(ops, pci_iov_stress_ops, uint, 0);
MODULE_PARM_DESC(ops, "Number of operations in a round, of all threads together");

/* A device, by where it is, whether the PCI core has it or not */
struct pci_iov_stress_dev {
	struct pci_fabric_fn *fn;
	char name[32];
	int domain;
	u8 bus;
	u8 devfn;
};

struct pci_iov_stress_ctx {
	struct pci_iov_fixture *iov;
	struct pci_iov_stress_dev pfs[PCI_IOV_STRESS_PFS];
	struct pci_iov_stress_dev bridges[PCI_IOV_STRESS_BRIDGES];
	struct pci_iov_stress_dev ep;
	/*
	 * To lockdep, a write to sriov_numvfs that removal waits for might want the
	 * rescan lock that removal holds.  It does not, as the PF has no driver any
	 * more.  But lockdep reports and is off from then on, so the first rounds
	 * keep them apart.
	 */
	struct rw_semaphore numvfs;
	bool apart;
	/*
	 * Rescan holds the rescan lock when it takes the device lock of a PF that is
	 * new.  Who binds a driver to it just before lets a write to sriov_numvfs in,
	 * which holds the device lock and waits for the rescan lock: a known limit.
	 */
	struct mutex bind;
	struct mutex pull;	/* what is out cannot be pulled out */
	atomic_t done[8];
};

struct pci_iov_stress_task {
	struct pci_iov_stress_ctx *ctx;
	struct rnd_state rnd;
	struct pci_iov_thread *thread;
};

static u32 pci_iov_stress_rnd(struct pci_iov_stress_task *task, u32 below)
{
	return prandom_u32_state(&task->rnd) % below;
}

static struct pci_iov_stress_dev *
pci_iov_stress_pf(struct pci_iov_stress_task *task)
{
	return &task->ctx->pfs[pci_iov_stress_rnd(task, PCI_IOV_STRESS_PFS)];
}

static void pci_iov_stress_write(struct pci_iov_stress_task *task,
				 const struct pci_iov_stress_dev *dev,
				 const char *attr, const char *val)
{
	char path[64];

	snprintf(path, sizeof(path), "bus/pci/devices/%s/%s", dev->name, attr);
	pci_iov_write(task->ctx->iov, path, val);
}

static void pci_iov_stress_rescan(struct pci_iov_stress_task *task)
{
	guard(mutex)(&task->ctx->bind);
	pci_iov_write(task->ctx->iov, "bus/pci/rescan", "1");
}

static void pci_iov_stress_bind(struct pci_iov_stress_task *task)
{
	guard(mutex)(&task->ctx->bind);
	pci_iov_write(task->ctx->iov, "bus/pci/drivers/kunit_pf/bind",
		      pci_iov_stress_pf(task)->name);
}

static void pci_iov_stress_unbind(struct pci_iov_stress_task *task)
{
	pci_iov_write(task->ctx->iov, "bus/pci/drivers/kunit_pf/unbind",
		      pci_iov_stress_pf(task)->name);
}

static void pci_iov_stress_numvfs(struct pci_iov_stress_task *task)
{
	char val[4];

	snprintf(val, sizeof(val), "%u",
		 pci_iov_stress_rnd(task, PCI_IOV_STRESS_VFS + 1));
	if (task->ctx->apart)
		down_write(&task->ctx->numvfs);
	pci_iov_stress_write(task, pci_iov_stress_pf(task), "sriov_numvfs", val);
	if (task->ctx->apart)
		up_write(&task->ctx->numvfs);
}

static void pci_iov_stress_remove(struct pci_iov_stress_task *task)
{
	guard(rwsem_read)(&task->ctx->numvfs);
	pci_iov_stress_write(task, pci_iov_stress_pf(task), "remove", "1");
}

static void pci_iov_stress_remove_bridge(struct pci_iov_stress_task *task)
{
	u32 nr = pci_iov_stress_rnd(task, PCI_IOV_STRESS_BRIDGES);

	guard(rwsem_read)(&task->ctx->numvfs);
	pci_iov_stress_write(task, &task->ctx->bridges[nr], "remove", "1");
}

static void pci_iov_stress_pull(struct pci_iov_stress_task *task,
				const struct pci_iov_stress_dev *dev)
{
	struct pci_dev *pdev;

	scoped_guard(mutex, &task->ctx->pull) {
		/* A rescan that meets a PF half gone takes all-ones for VF Enable. */
		pci_lock_rescan_remove();
		pci_fabric_surprise_remove(dev->fn);
		pdev = pci_get_domain_bus_and_slot(dev->domain, dev->bus, dev->devfn);
		pci_unlock_rescan_remove();
		/* Drivers of PFs are released before the lock is taken, as in pciehp */
		if (pdev)
			pci_stop_and_remove_bus_device_locked(pdev);
		pci_dev_put(pdev);
		pci_fabric_insert(dev->fn);
	}
}

static void pci_iov_stress_pull_pf(struct pci_iov_stress_task *task)
{
	guard(rwsem_read)(&task->ctx->numvfs);
	pci_iov_stress_pull(task, pci_iov_stress_pf(task));
}

static void pci_iov_stress_pull_ep(struct pci_iov_stress_task *task)
{
	pci_iov_stress_pull(task, &task->ctx->ep);
}

/* Disabling VFs sleeps for a second, so enabling them has to be rare. */
static const struct {
	void (*fn)(struct pci_iov_stress_task *task);
	unsigned int weight;
} pci_iov_stress_table[] = {
	{ pci_iov_stress_rescan, 250 },
	{ pci_iov_stress_bind, 200 },
	{ pci_iov_stress_unbind, 150 },
	{ pci_iov_stress_remove, 120 },
	{ pci_iov_stress_remove_bridge, 100 },
	{ pci_iov_stress_pull_pf, 73 },
	{ pci_iov_stress_pull_ep, 95 },
	{ pci_iov_stress_numvfs, 12 },
};

#define PCI_IOV_STRESS_WEIGHTS	1000

static int pci_iov_stress_main(void *data)
{
	struct pci_iov_stress_task *task = data;

	for (int i = 0; i < pci_iov_stress_ops / PCI_IOV_STRESS_TASKS; i++) {
		u32 left = pci_iov_stress_rnd(task, PCI_IOV_STRESS_WEIGHTS);
		int op = 0;

		while (left >= pci_iov_stress_table[op].weight)
			left -= pci_iov_stress_table[op++].weight;
		pci_iov_stress_table[op].fn(task);
		atomic_inc(&task->ctx->done[op]);
		cond_resched();
	}
	return 0;
}

static void pci_iov_stress_init_dev(struct kunit *test,
				    struct pci_iov_stress_dev *dev,
				    struct pci_fabric_fn *fn)
{
	struct pci_dev *pdev = pci_fabric_pdev(fn);

	KUNIT_ASSERT_NOT_NULL(test, pdev);
	dev->fn = fn;
	strscpy(dev->name, pci_name(pdev));
	dev->domain = pci_domain_nr(pdev->bus);
	dev->bus = pdev->bus->number;
	dev->devfn = pdev->devfn;
}

/*
 * A PF on the root bus, one below a root port, one below a switch, and a device
 * without VFs.
 */
static void pci_iov_stress_build(struct kunit *test,
				 struct pci_iov_stress_ctx *ctx)
{
	struct pci_iov_fixture *iov = ctx->iov;
	struct pci_fabric_fn *port, *up, *down, *pfs[PCI_IOV_STRESS_PFS], *ep;

	/*
	 * A bridge that comes back has to be scanned last of those on its bus, or
	 * the PCI core gives the bus numbers of one to another.
	 */
	up = pci_iov_add_port(iov, pci_iov_add_port(iov, NULL, PCI_DEVFN(1, 0),
						    PCI_EXP_TYPE_ROOT_PORT),
			      0, PCI_EXP_TYPE_UPSTREAM);
	down = pci_iov_add_port(iov, up, 0, PCI_EXP_TYPE_DOWNSTREAM);
	pfs[1] = pci_iov_add_pf(iov, down, 0, PCI_IOV_STRESS_VFS);
	port = pci_iov_add_port(iov, NULL, PCI_DEVFN(2, 0),
				PCI_EXP_TYPE_ROOT_PORT);
	pfs[0] = pci_iov_add_pf(iov, port, 0, PCI_IOV_STRESS_VFS);
	pfs[2] = pci_iov_add_pf(iov, NULL, PCI_DEVFN(3, 0), PCI_IOV_STRESS_VFS);
	ep = pci_fabric_add(iov->fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(4, 0), .device = 0x0512,
		.bars[0] = { .size = SZ_4K },
	});
	pci_fabric_scan(iov->fabric);

	for (int i = 0; i < PCI_IOV_STRESS_PFS; i++)
		pci_iov_stress_init_dev(test, &ctx->pfs[i], pfs[i]);
	pci_iov_stress_init_dev(test, &ctx->bridges[0], port);
	pci_iov_stress_init_dev(test, &ctx->bridges[1], up);
	pci_iov_stress_init_dev(test, &ctx->bridges[2], down);
	pci_iov_stress_init_dev(test, &ctx->ep, ep);
}

/* All is there again after a rescan, and works. */
static void pci_iov_stress_expect_well(struct kunit *test,
				       struct pci_iov_stress_ctx *ctx)
{
	struct pci_iov_fixture *iov = ctx->iov;
	int bound = 0;

	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	KUNIT_EXPECT_EQ(test, pci_iov_write(iov, "bus/pci/rescan", "1"), 0);
	for (int i = 0; i < PCI_IOV_STRESS_PFS; i++) {
		struct pci_dev *pdev = pci_fabric_pdev(ctx->pfs[i].fn);

		KUNIT_ASSERT_NOT_NULL_MSG(test, pdev, "%s", ctx->pfs[i].name);
		if (!pdev->dev.driver)
			KUNIT_EXPECT_EQ(test, pci_iov_bind(iov, pdev), 0);
		if (pci_num_vf(pdev))
			KUNIT_EXPECT_EQ(test, pci_iov_dev_write(iov, pdev,
								"sriov_numvfs", "0"), 0);
		KUNIT_EXPECT_EQ(test, pci_iov_dev_write(iov, pdev, "sriov_numvfs",
							"4"), 0);
		KUNIT_EXPECT_EQ(test, pci_num_vf(pdev), 4);
		bound++;
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&iov->calls[PCI_IOV_PF_PROBE]) -
			      atomic_read(&iov->calls[PCI_IOV_PF_REMOVE]), bound);
	KUNIT_EXPECT_EQ(test, atomic_read(&iov->calls[PCI_IOV_VF_PROBE]) -
			      atomic_read(&iov->calls[PCI_IOV_VF_REMOVE]),
			PCI_IOV_STRESS_VFS * bound);
	/* VFs come and go by tasks that own the lock. */
	KUNIT_EXPECT_EQ(test, atomic_read(&iov->owned[PCI_IOV_VF_PROBE]),
			atomic_read(&iov->calls[PCI_IOV_VF_PROBE]));
	KUNIT_EXPECT_EQ(test, atomic_read(&iov->owned[PCI_IOV_VF_REMOVE]),
			atomic_read(&iov->calls[PCI_IOV_VF_REMOVE]));
}

/*
 * Catches: deadlocks, corrupted lists, devices that are freed too early or never,
 * lost locks, in any order that nobody has thought of.
 */
static void pci_iov_stress_all(struct kunit *test)
{
	const unsigned int *round = test->param_value;
	unsigned int seed = pci_iov_stress_seed + *round * PCI_IOV_STRESS_TASKS;
	struct pci_iov_stress_task *tasks;
	struct pci_iov_stress_ctx *ctx;
	int sum = 0;

	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	tasks = kunit_kcalloc(test, PCI_IOV_STRESS_TASKS, sizeof(*tasks), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx);
	KUNIT_ASSERT_NOT_NULL(test, tasks);
	init_rwsem(&ctx->numvfs);
	ctx->apart = IS_ENABLED(CONFIG_PROVE_LOCKING) &&
		     *round < PCI_IOV_STRESS_ROUNDS / 2;
	mutex_init(&ctx->bind);
	mutex_init(&ctx->pull);
	ctx->iov = pci_iov_fixture_alloc(test);
	pci_iov_stress_build(test, ctx);

	for (int i = 0; i < PCI_IOV_STRESS_TASKS; i++) {
		tasks[i].ctx = ctx;
		prandom_seed_state(&tasks[i].rnd, seed + i);
		tasks[i].thread = pci_iov_thread_start(ctx->iov, pci_iov_stress_main,
						       &tasks[i]);
	}
	for (int i = 0; i < PCI_IOV_STRESS_TASKS; i++)
		KUNIT_EXPECT_TRUE_MSG(test,
				      pci_iov_thread_done(tasks[i].thread,
							  PCI_IOV_STRESS_TIMEOUT),
				      "thread %d does not end, pci_iov_stress.seed=%u",
				      i, pci_iov_stress_seed);

	for (int i = 0; i < ARRAY_SIZE(pci_iov_stress_table); i++)
		sum += atomic_read(&ctx->done[i]);
	kunit_info(test, "pci_iov_stress.seed=%u round %u: %d operations, %d probes of PFs, %d of VFs",
		   pci_iov_stress_seed, *round, sum,
		   atomic_read(&ctx->iov->calls[PCI_IOV_PF_PROBE]),
		   atomic_read(&ctx->iov->calls[PCI_IOV_VF_PROBE]));
	KUNIT_EXPECT_GE(test, sum, pci_iov_stress_ops - PCI_IOV_STRESS_TASKS);
	if (test->status != KUNIT_FAILURE)
		pci_iov_stress_expect_well(test, ctx);
}

static const void *pci_iov_stress_gen(struct kunit *test, const void *prev, char *desc)
{
	static unsigned int round;

	round = prev ? round + 1 : 0;
	if (round == PCI_IOV_STRESS_ROUNDS)
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "round %u", round);
	return &round;
}

static int pci_iov_stress_suite_init(struct kunit_suite *suite)
{
	if (!pci_iov_stress_seed)
		pci_iov_stress_seed = get_random_u32();
	return 0;
}

static struct kunit_case pci_iov_stress_cases[] = {
	KUNIT_CASE_PARAM_ATTR(pci_iov_stress_all, pci_iov_stress_gen,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite pci_iov_stress_suite = {
	.name = "pci_iov_stress",
	.suite_init = pci_iov_stress_suite_init,
	.test_cases = pci_iov_stress_cases,
};

kunit_test_suite(pci_iov_stress_suite);

MODULE_DESCRIPTION("KUnit stress test for SR-IOV and hotplug");
MODULE_LICENSE("GPL");
