// SPDX-License-Identifier: GPL-2.0
/*
 * Measures what a batch of steering tags saves, for scripts/bench.  Nothing fails
 * here because of a figure; these are lines "bench: NAME VALUE UNIT" in the log.
 *
 * A batch has 2048 entries.  The table is that of the capability, with its 64
 * entries set 32 times each: the fabric has not as many interrupt vectors as an
 * MSI-X table of 2048 entries would need.
 */
#include <kunit/test.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "vfio_pci_tph_set.h"

#define TPH_BENCH_TRIES	20
#define TPH_BENCH_TABLE	64

static u64 tph_bench_batch(struct tph_set *set, struct tph_arg *arg)
{
	void __user *mem = vfio_pci_mem_tail(set->fix, arg->size);
	u64 start;

	if (copy_to_user(mem, arg->mem, arg->size))
		return U64_MAX;
	start = ktime_get_ns();
	if (tph_call(set, mem))
		return U64_MAX;
	return ktime_get_ns() - start;
}

/* The arguments of all calls stand ready in user memory, one behind the other */
static u64 tph_bench_single(struct tph_set *set, struct tph_arg *arg,
			    struct tph_arg *one)
{
	void __user *mem = vfio_pci_mem(set->fix, 0);
	u64 start;

	for (int i = 0; i < TPH_MAX_ENTRIES; i++) {
		*one->entry = arg->entry[i];
		if (copy_to_user(mem + i * one->size, one->mem, one->size))
			return U64_MAX;
	}
	start = ktime_get_ns();
	for (int i = 0; i < TPH_MAX_ENTRIES; i++)
		if (tph_call(set, mem + i * one->size))
			return U64_MAX;
	return ktime_get_ns() - start;
}

/* The least of several tries, which take turns */
static void tph_bench_set_st(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_CAP,
		.st_size = TPH_BENCH_TABLE });
	struct tph_arg *arg = tph_arg(set, TPH_OP_SET_ST,
				      TPH_MAX_ENTRIES);
	struct tph_arg *one = tph_arg(set, TPH_OP_SET_ST, 1);
	u64 batch = U64_MAX, single = U64_MAX;

	BUILD_BUG_ON(TPH_MAX_ENTRIES * (TPH_HEAD_MAX + TPH_ST_SIZE +
					TPH_ENTRY_SIZE) > VFIO_PCI_MEM_SIZE);
	for (int i = 0; i < TPH_MAX_ENTRIES; i++) {
		arg->entry[i].index = i % TPH_BENCH_TABLE;
		arg->entry[i].mem_type = i & 1;
	}
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	for (int i = 0; i < TPH_BENCH_TRIES; i++) {
		batch = min(batch, tph_bench_batch(set, arg));
		single = min(single, tph_bench_single(set, arg, one));
		cond_resched();
	}
	KUNIT_ASSERT_NE(test, batch, U64_MAX);
	KUNIT_ASSERT_NE(test, single, U64_MAX);
	kunit_info(test, "bench: set-st-batch-of-2048 %llu ns", batch);
	kunit_info(test, "bench: set-st-2048-times %llu ns", single);
	kunit_info(test, "bench: set-st-single-per-batch %llu percent",
		   div64_u64(single * 100, max(batch, 1ULL)));
}

static struct kunit_case vfio_pci_tph_bench_cases[] = {
	KUNIT_CASE_PARAM_ATTR(tph_bench_set_st, tph_shells_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite vfio_pci_tph_bench_suite = {
	.name = "vfio_pci_tph_bench",
	.test_cases = vfio_pci_tph_bench_cases,
};

kunit_test_suite(vfio_pci_tph_bench_suite);

MODULE_DESCRIPTION("Measurements of steering tags through vfio-pci");
MODULE_LICENSE("GPL");
