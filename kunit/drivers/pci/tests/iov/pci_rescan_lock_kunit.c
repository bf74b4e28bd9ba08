// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for pci_lock_rescan_remove() and pci_unlock_rescan_remove().
 *
 * The lock is global.  A test that finds it broken lets everybody go, so that
 * those after it can run.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

#include "../../pci.h"
#include "pci_iov_fixture.h"

#define PCI_RESCAN_LOCK_DEPTH	3

/* How long it takes to see that nothing happens */
#define PCI_RESCAN_LOCK_NOTHING	(HZ / 10)

/*
 * A task that takes and releases the lock when it is told to.  On a tree where
 * the lock is not re-entrant it waits for itself.
 */
struct pci_rescan_locker {
	struct pci_iov_thread *thread;
	struct completion go;
	struct completion done;
	int locks;		/* steps that lock, before those that unlock */
	atomic_t held;		/* times that it holds the lock now */
	bool owned;		/* it was the owner at each step between */
};

struct pci_rescan_lock_work {
	struct work_struct work;
	bool owned;
	struct completion done;
};

struct pci_rescan_lock_count {
	int value;		/* protected by the lock, and by nothing else */
	atomic_t foreign;	/* times that a task had the lock and was not its owner */
};

/* Outlives the threads, which end with the fixture */
struct pci_rescan_lock_ctx {
	struct pci_iov_fixture *iov;
	struct pci_rescan_locker a, b;
	struct pci_rescan_lock_work work;
	struct pci_rescan_lock_count count;
};

static int pci_rescan_locker_main(void *data)
{
	struct pci_rescan_locker *l = data;

	for (int step = 0; step < 2 * l->locks; step++) {
		wait_for_completion(&l->go);
		if (step < l->locks) {
			pci_lock_rescan_remove();
			atomic_inc(&l->held);
		} else {
			pci_unlock_rescan_remove();
			atomic_dec(&l->held);
		}
		if (step < 2 * l->locks - 1 && !pci_iov_lock_owned())
			l->owned = false;
		complete(&l->done);
	}
	return 0;
}

static void pci_rescan_locker_init(struct pci_iov_fixture *iov,
				   struct pci_rescan_locker *l, int locks)
{
	init_completion(&l->go);
	init_completion(&l->done);
	l->locks = locks;
	l->owned = true;
	l->thread = pci_iov_thread_start(iov, pci_rescan_locker_main, l);
}

/* One step; returns false when it did not happen in time. */
static bool pci_rescan_locker_step(struct pci_rescan_locker *l,
				   unsigned long timeout)
{
	complete(&l->go);
	return wait_for_completion_timeout(&l->done, timeout);
}

/* Let a task go that waits for the lock that it holds itself. */
static void pci_rescan_locker_rescue(struct kunit *test,
				     struct pci_rescan_locker *l)
{
	KUNIT_FAIL(test, "the owner waits for itself at depth %d",
		   atomic_read(&l->held));
	for (int i = 0; i < 2 * l->locks; i++) {
		complete(&l->go);
		if (mutex_is_locked(&pci_rescan_remove_lock))
			mutex_unlock(&pci_rescan_remove_lock);
		msleep(50);
	}
	pci_iov_thread_join(l->thread);
	if (mutex_is_locked(&pci_rescan_remove_lock))
		mutex_unlock(&pci_rescan_remove_lock);
}

/*
 * Catches: a lock that its owner cannot take again, and one that is released by
 * other than the last unlock.  Without re-entrancy the owner waits for itself.
 */
static void pci_rescan_lock_nests(struct kunit *test)
{
	struct pci_rescan_lock_ctx *ctx = test->priv;
	struct pci_rescan_locker *l = &ctx->a;

	pci_rescan_locker_init(ctx->iov, l, PCI_RESCAN_LOCK_DEPTH);
	for (int step = 0; step < 2 * PCI_RESCAN_LOCK_DEPTH; step++) {
		KUNIT_EXPECT_EQ(test, pci_iov_lock_free(NULL), step == 0);
		if (!pci_rescan_locker_step(l, PCI_IOV_TIMEOUT)) {
			pci_rescan_locker_rescue(test, l);
			return;
		}
	}
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	KUNIT_EXPECT_TRUE(test, l->owned);
	pci_iov_thread_join(l->thread);
}

/*
 * Catches: a lock that lets others in at some depth, that is not handed over at
 * the last unlock, or whose new owner is not known as such.
 */
static void pci_rescan_lock_excludes(struct kunit *test)
{
	struct pci_rescan_lock_ctx *ctx = test->priv;
	struct pci_rescan_locker *a = &ctx->a, *b = &ctx->b;

	pci_rescan_locker_init(ctx->iov, a, PCI_RESCAN_LOCK_DEPTH);
	pci_rescan_locker_init(ctx->iov, b, 2);

	if (!pci_rescan_locker_step(a, PCI_IOV_TIMEOUT))
		KUNIT_FAIL(test, "the lock is not free");
	complete(&b->go);
	for (int step = 1; step < 2 * PCI_RESCAN_LOCK_DEPTH - 1; step++) {
		if (!pci_rescan_locker_step(a, PCI_IOV_TIMEOUT)) {
			pci_rescan_locker_rescue(test, a);
			break;
		}
		KUNIT_EXPECT_EQ_MSG(test,
				    wait_for_completion_timeout(&b->done,
								PCI_RESCAN_LOCK_NOTHING),
				    0, "a second owner at step %d", step);
	}

	/* The last unlock lets it in; it can take the lock again, too. */
	complete(&a->go);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&b->done,
							    PCI_IOV_TIMEOUT));
	for (int step = 1; step < 4; step++)
		if (!pci_rescan_locker_step(b, PCI_IOV_TIMEOUT)) {
			pci_rescan_locker_rescue(test, b);
			break;
		}
	pci_iov_thread_join(a->thread);
	pci_iov_thread_join(b->thread);
	KUNIT_EXPECT_TRUE(test, a->owned);
	KUNIT_EXPECT_TRUE(test, b->owned);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
}

static int pci_rescan_lock_foreign(void *unused)
{
	pci_unlock_rescan_remove();
	return 0;
}

/*
 * Catches: an unlock that does not ask whose lock it is, at any depth, or that
 * says nothing.  The warning is expected, once; other reports are not.
 */
static void pci_rescan_lock_foreign_unlock(struct kunit *test)
{
	struct pci_rescan_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *thread;
	long warned;

	/* At depth two it must not undo one of them, either */
	pci_lock_rescan_remove();
	pci_lock_rescan_remove();
	warned = pci_iov_read_long(ctx->iov, "kernel/warn_count");
	thread = pci_iov_thread_start(ctx->iov, pci_rescan_lock_foreign, NULL);
	pci_iov_thread_join(thread);
	KUNIT_EXPECT_GE(test, warned, 0);
	KUNIT_EXPECT_EQ(test, pci_iov_read_long(ctx->iov, "kernel/warn_count"),
			warned + 1);
	for (int depth = 2; depth; depth--) {
		KUNIT_EXPECT_FALSE_MSG(test, pci_iov_lock_free(NULL), "%d", depth);
		KUNIT_EXPECT_TRUE_MSG(test, pci_iov_lock_owned(), "%d", depth);
		if (pci_iov_lock_owned())
			pci_unlock_rescan_remove();
	}
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
}

static void pci_rescan_lock_worker(struct work_struct *work)
{
	struct pci_rescan_lock_work *w =
		container_of(work, struct pci_rescan_lock_work, work);

	pci_lock_rescan_remove();
	w->owned = pci_iov_lock_owned();
	pci_unlock_rescan_remove();
	complete(&w->done);
}

/*
 * Catches: ownership that goes along with a work item.  Whoever flushes such a
 * work with the lock held waits for ever, so nobody may; a work that is only
 * queued gets the lock later.
 */
static void pci_rescan_lock_not_inherited(struct kunit *test)
{
	struct pci_rescan_lock_ctx *ctx = test->priv;
	struct pci_rescan_lock_work *w = &ctx->work;

	init_completion(&w->done);
	INIT_WORK(&w->work, pci_rescan_lock_worker);

	pci_lock_rescan_remove();
	schedule_work(&w->work);
	KUNIT_EXPECT_FALSE(test,
			   wait_for_completion_timeout(&w->done,
						       PCI_RESCAN_LOCK_NOTHING));
	pci_unlock_rescan_remove();
	if (!wait_for_completion_timeout(&w->done, PCI_IOV_TIMEOUT)) {
		KUNIT_FAIL(test, "the lock is still held");
		mutex_unlock(&pci_rescan_remove_lock);
	}
	flush_work(&w->work);
	KUNIT_EXPECT_TRUE(test, w->owned);
}

#define PCI_RESCAN_LOCK_TASKS	4
#define PCI_RESCAN_LOCK_ROUNDS	18

static void pci_rescan_lock_add(struct pci_rescan_lock_count *count, int depth)
{
	int value;

	pci_lock_rescan_remove();
	if (!pci_iov_lock_owned())
		atomic_inc(&count->foreign);
	value = count->value;
	if (depth)
		pci_rescan_lock_add(count, depth - 1);
	else
		fsleep(20);
	/* What was added meanwhile was added by this task, one for each call. */
	count->value = value + depth + 1;
	pci_unlock_rescan_remove();
}

static int pci_rescan_lock_adder(void *data)
{
	for (int i = 0; i < PCI_RESCAN_LOCK_ROUNDS; i++)
		pci_rescan_lock_add(data, i % PCI_RESCAN_LOCK_DEPTH);
	return 0;
}

/*
 * Catches: a lock that two tasks hold at once, also because one is taken for the
 * owner that it was before, and a depth that is kept from one owner to the next.
 * On a tree without re-entrancy it would not end, so it asks the first test.
 */
static void pci_rescan_lock_counts(struct kunit *test)
{
	struct pci_rescan_lock_ctx *ctx = test->priv;
	struct pci_rescan_lock_count *count = &ctx->count;
	struct pci_iov_thread *threads[PCI_RESCAN_LOCK_TASKS];
	int sum = 0;

	pci_rescan_lock_nests(test);
	if (test->status == KUNIT_FAILURE)
		return;

	for (int i = 0; i < PCI_RESCAN_LOCK_TASKS; i++)
		threads[i] = pci_iov_thread_start(ctx->iov, pci_rescan_lock_adder,
						  count);
	for (int i = 0; i < PCI_RESCAN_LOCK_TASKS; i++)
		pci_iov_thread_join(threads[i]);
	for (int i = 0; i < PCI_RESCAN_LOCK_ROUNDS; i++)
		sum += i % PCI_RESCAN_LOCK_DEPTH + 1;
	KUNIT_EXPECT_EQ(test, atomic_read(&count->foreign), 0);
	KUNIT_EXPECT_EQ(test, count->value, PCI_RESCAN_LOCK_TASKS * sum);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
}

static int pci_rescan_lock_init(struct kunit *test)
{
	struct pci_rescan_lock_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	ctx->iov = pci_iov_fixture_alloc(test);
	return 0;
}

static struct kunit_case pci_rescan_lock_cases[] = {
	KUNIT_CASE(pci_rescan_lock_nests),
	KUNIT_CASE(pci_rescan_lock_excludes),
	KUNIT_CASE(pci_rescan_lock_foreign_unlock),
	KUNIT_CASE(pci_rescan_lock_not_inherited),
	KUNIT_CASE(pci_rescan_lock_counts),
	{}
};

static struct kunit_suite pci_rescan_lock_suite = {
	.name = "pci_rescan_lock",
	.init = pci_rescan_lock_init,
	.test_cases = pci_rescan_lock_cases,
};

kunit_test_suite(pci_rescan_lock_suite);

MODULE_DESCRIPTION("KUnit tests for the PCI rescan/remove lock");
MODULE_LICENSE("GPL");
