// SPDX-License-Identifier: GPL-2.0
/*
 * Measures round trips over a non-transparent bridge, for scripts/bench.  Nothing fails here
 * because of a figure; these are lines "bench: NAME VALUE UNIT" in the log.
 *
 * Without a doorbell pci-epf-vntb looks every 5 ms whether the root complex has written
 * something, which is what it does without the series.
 */
#include <kunit/pci-epc.h>
#include <kunit/test.h>
#include <linux/math64.h>
#include <linux/sort.h>

#include "pci_epf_vntb_pair.h"

#define VNTB_BENCH_PINGS	100

static u64 vntb_bench_polling_ns;

static int vntb_bench_cmp(const void *a, const void *b)
{
	const s64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The median of pings, alternating who asks; the first ones resolve addresses */
static u64 vntb_bench_pings(struct kunit *test, struct vntb_pair *pair, const char *name)
{
	s64 *ns = kunit_kcalloc(test, VNTB_BENCH_PINGS, sizeof(*ns), GFP_KERNEL);
	s64 sum = 0;

	KUNIT_ASSERT_NOT_NULL(test, ns);
	KUNIT_ASSERT_GT(test, vntb_pair_ping(pair, VNTB_RC, 56), 0);
	KUNIT_ASSERT_GT(test, vntb_pair_ping(pair, VNTB_EP, 56), 0);
	for (int i = 0; i < VNTB_BENCH_PINGS; i++) {
		ns[i] = vntb_pair_ping(pair, i & 1, 56);
		KUNIT_ASSERT_GT(test, ns[i], 0);
		sum += ns[i];
	}
	sort(ns, VNTB_BENCH_PINGS, sizeof(*ns), vntb_bench_cmp, NULL);
	kunit_info(test, "bench: vntb-ping-%s %lld ns", name, ns[VNTB_BENCH_PINGS / 2]);
	kunit_info(test, "bench: vntb-ping-%s-mean %lld ns", name,
		   div_s64(sum, VNTB_BENCH_PINGS));
	kunit_info(test, "bench: vntb-ping-%s-least %lld ns", name, ns[0]);
	kunit_info(test, "bench: vntb-ping-%s-most %lld ns", name,
		   ns[VNTB_BENCH_PINGS - 1]);
	return ns[VNTB_BENCH_PINGS / 2];
}

static void __init vntb_bench_polling(struct kunit *test)
{
	struct vntb_pair *pair = vntb_pair_make(test, &(struct pci_fabric_ep_desc){
		.no_aux = true,
	});

	vntb_bench_polling_ns = vntb_bench_pings(test, pair, "polling");
	KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).rings, 0);
}

static void __init vntb_bench_doorbell(struct kunit *test)
{
	struct vntb_pair *pair = vntb_pair_make(test, &(struct pci_fabric_ep_desc){
		.doorbell = PCI_FABRIC_EP_DOORBELL_MMIO,
	});
	u64 ns = vntb_bench_pings(test, pair, "doorbell");

	KUNIT_ASSERT_NE(test, vntb_bench_polling_ns, 0);
	KUNIT_EXPECT_GE(test, vntb_pair_stats(pair).rings, VNTB_BENCH_PINGS);
	kunit_info(test, "bench: vntb-ping-polling-per-doorbell %llu percent",
		   div64_u64(vntb_bench_polling_ns * 100, ns));
}

static struct kunit_case __refdata vntb_bench_cases[] = {
	KUNIT_CASE_SLOW(vntb_bench_polling),
	KUNIT_CASE_SLOW(vntb_bench_doorbell),
	{}
};

static struct kunit_suite __refdata vntb_bench_suite = {
	.name = "pci_epf_vntb_bench",
	.test_cases = vntb_bench_cases,
};
kunit_test_init_section_suites(&vntb_bench_suite);

MODULE_DESCRIPTION("Measurements of round trips over a non-transparent bridge");
MODULE_LICENSE("GPL");
