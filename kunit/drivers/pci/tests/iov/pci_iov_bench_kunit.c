// SPDX-License-Identifier: GPL-2.0
/*
 * Measures what the rescan lock costs, for scripts/bench.  Nothing fails here
 * because of a figure; these are lines "bench: NAME VALUE UNIT" in the log.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include "../../pci.h"
#include "pci_iov_fixture.h"

#define PCI_IOV_BENCH_LOOPS	100000
#define PCI_IOV_BENCH_TRIES	40

/* The base has no such function, and its lock cannot be taken again. */
bool __weak pci_rescan_remove_owned(void)
{
	return false;
}

static DEFINE_MUTEX(pci_iov_bench_mutex);

static void pci_iov_bench_plain(void)
{
	for (int i = 0; i < PCI_IOV_BENCH_LOOPS; i++) {
		mutex_lock(&pci_iov_bench_mutex);
		mutex_unlock(&pci_iov_bench_mutex);
	}
}

static void pci_iov_bench_rescan(void)
{
	for (int i = 0; i < PCI_IOV_BENCH_LOOPS; i++) {
		pci_lock_rescan_remove();
		pci_unlock_rescan_remove();
	}
}

static u64 pci_iov_bench_time(void (*fn)(void), u64 best)
{
	u64 start = ktime_get_ns();

	fn();
	return min(best, ktime_get_ns() - start);
}

static void pci_iov_bench_say(struct kunit *test, const char *name, u64 ns)
{
	kunit_info(test, "bench: %s %llu ps", name,
		   div_u64(ns * 1000, PCI_IOV_BENCH_LOOPS));
}

/*
 * One lock and unlock: the least of many tries, which take turns so that whatever
 * else the machine does meets all of them.
 */
static void pci_iov_bench_lock(struct kunit *test)
{
	u64 plain = U64_MAX, rescan = U64_MAX, nested = U64_MAX;

	for (int i = 0; i < PCI_IOV_BENCH_TRIES; i++) {
		plain = pci_iov_bench_time(pci_iov_bench_plain, plain);
		rescan = pci_iov_bench_time(pci_iov_bench_rescan, rescan);
		pci_lock_rescan_remove();
		if (pci_rescan_remove_owned())
			nested = pci_iov_bench_time(pci_iov_bench_rescan, nested);
		pci_unlock_rescan_remove();
		cond_resched();
	}
	pci_iov_bench_say(test, "mutex", plain);
	pci_iov_bench_say(test, "rescan-lock", rescan);
	if (nested != U64_MAX)
		pci_iov_bench_say(test, "rescan-lock-nested", nested);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
}

struct pci_iov_bench_other {
	bool stop;
	u64 worst;
};

static int pci_iov_bench_wait(void *data)
{
	struct pci_iov_bench_other *other = data;

	while (!READ_ONCE(other->stop)) {
		u64 start = ktime_get_ns();

		pci_lock_rescan_remove();
		other->worst = max(other->worst, ktime_get_ns() - start);
		pci_unlock_rescan_remove();
		/* No sleep: it would miss what is held for a short time. */
		cond_resched();
	}
	return 0;
}

static void pci_iov_bench_write(struct kunit *test, struct pci_iov_fixture *iov,
				struct pci_dev *pdev, const char *val,
				const char *name)
{
	struct pci_iov_bench_other other = {};
	struct pci_iov_thread *thread;

	thread = pci_iov_thread_start(iov, pci_iov_bench_wait, &other);
	msleep(50);
	KUNIT_EXPECT_EQ(test, pci_iov_dev_write(iov, pdev, "sriov_numvfs", val), 0);
	WRITE_ONCE(other.stop, true);
	pci_iov_thread_join(thread);
	kunit_info(test, "bench: %s %llu us", name, div_u64(other.worst, 1000));
}

/* How long others wait for the lock while VFs are enabled and disabled */
static void pci_iov_bench_numvfs(struct kunit *test)
{
	struct pci_iov_fixture *iov = pci_iov_fixture_alloc(test);
	struct pci_fabric_fn *pf = pci_iov_add_pf(iov, NULL, PCI_DEVFN(1, 0), 7);
	struct pci_dev *pdev;

	pci_fabric_scan(iov->fabric);
	pdev = pci_fabric_pdev(pf);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	pci_iov_bench_write(test, iov, pdev, "7", "wait-while-enabling");
	pci_iov_bench_write(test, iov, pdev, "0", "wait-while-disabling");
}

static struct kunit_case pci_iov_bench_cases[] = {
	KUNIT_CASE_SLOW(pci_iov_bench_lock),
	KUNIT_CASE_SLOW(pci_iov_bench_numvfs),
	{}
};

static struct kunit_suite pci_iov_bench_suite = {
	.name = "pci_iov_bench",
	.test_cases = pci_iov_bench_cases,
};

kunit_test_suite(pci_iov_bench_suite);

MODULE_DESCRIPTION("Measurements of the PCI rescan/remove lock");
MODULE_LICENSE("GPL");
