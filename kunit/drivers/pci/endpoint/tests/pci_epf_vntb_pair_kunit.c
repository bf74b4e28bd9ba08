// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests that ping over a non-transparent bridge, both ways: the root complex is told
 * by MSI, and the endpoint by whichever doorbell there is.
 */
#include <kunit/pci-epc.h>
#include <kunit/test.h>

#include "pci_epf_vntb_pair.h"
#include "pci_fabric_ep_of.h"

#define VNTB_PAIR_PINGS	5

static void vntb_pair_pings(struct kunit *test, struct vntb_pair *pair)
{
	static const size_t size[] = { 56, 0, 1400 };

	for (int from = VNTB_RC; from <= VNTB_EP; from++)
		for (int i = 0; i < VNTB_PAIR_PINGS * ARRAY_SIZE(size); i++)
			KUNIT_ASSERT_GT_MSG(test,
					    vntb_pair_ping(pair, from,
							   size[i % ARRAY_SIZE(size)]),
					    0, "ping %d from %s", i,
					    from == VNTB_RC ? "root complex" : "endpoint");
}

/* Catches: a pair that does not work without anything that rings. */
static void __init vntb_pair_polling(struct kunit *test)
{
	struct vntb_pair *pair = vntb_pair_make(test, &(struct pci_fabric_ep_desc){
		.no_aux = true,
	});

	vntb_pair_pings(test, pair);
	KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).rings, 0);
	KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).bad_outbound, 0);
}

/*
 * Catches: doorbells that are there and not used, also when they are not at the beginning of
 * a page.  Fails without the series, which is what vntb_pair_polling() is.
 */
static void __init vntb_pair_doorbell(struct kunit *test)
{
	struct vntb_pair *pair = vntb_pair_make(test, &(struct pci_fabric_ep_desc){
		.doorbell = PCI_FABRIC_EP_DOORBELL_MMIO,
		.doorbell_off = 0x10c,
		.doorbell_data = 0xdb,
	});

	vntb_pair_pings(test, pair);
	KUNIT_EXPECT_GE(test, vntb_pair_stats(pair).rings, 2 * VNTB_PAIR_PINGS);
	KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).bad_doorbells, 0);
	KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).bad_outbound, 0);
}

/* The same with a reserved BAR, which is the one that the user chose for doorbells. */
static void __init vntb_pair_doorbell_bar(struct kunit *test)
{
	struct vntb_pair *pair = vntb_pair_make(test, &(struct pci_fabric_ep_desc){
		.doorbell = PCI_FABRIC_EP_DOORBELL_BAR,
		.doorbell_bar = BAR_4,
		.doorbell_off = 0x84,
	});

	vntb_pair_pings(test, pair);
	KUNIT_EXPECT_GE(test, vntb_pair_stats(pair).rings, 2 * VNTB_PAIR_PINGS);
	KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).bad_doorbells, 0);
}

/* Catches: messages to the MSI controller that are lost when there is one. */
static void __init vntb_pair_msi(struct kunit *test)
{
	struct pci_fabric_ep_desc desc = {
		.doorbell = PCI_FABRIC_EP_DOORBELL_MMIO,
	};
	struct vntb_pair *pair;

	pci_fabric_ep_of(test, &desc);
	pair = vntb_pair_make(test, &desc);
	vntb_pair_pings(test, pair);
	KUNIT_EXPECT_GE(test, vntb_pair_stats(pair).messages, 2 * VNTB_PAIR_PINGS);
	KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).rings, 0);
	KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).bad_doorbells, 0);
}

/*
 * Catches: a window that points to memory which is not its own when the root complex writes
 * there without a link, queues that still point to memory that was freed, a link that does
 * not come back.
 */
static void __init vntb_pair_no_link(struct kunit *test)
{
	struct vntb_pair *pair = vntb_pair_make(test, &(struct pci_fabric_ep_desc){
		.no_aux = true,
	});

	for (int i = 0; i < 2; i++) {
		vntb_pair_pings(test, pair);
		KUNIT_ASSERT_TRUE(test, vntb_pair_link(pair, false));
		KUNIT_EXPECT_EQ(test, vntb_pair_poke(pair), 0);
		KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).stray, 0);
		KUNIT_EXPECT_LT(test, vntb_pair_ping(pair, VNTB_RC, 56), 0);
		KUNIT_EXPECT_LT(test, vntb_pair_ping(pair, VNTB_EP, 56), 0);
		KUNIT_ASSERT_TRUE(test, vntb_pair_link(pair, true));
	}
	vntb_pair_pings(test, pair);
	KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).bad_outbound, 0);
}

/*
 * Catches: sides that disagree about where queues are when less than the window is used,
 * memory that is shorter than the window.
 */
static void __init vntb_pair_less_than_a_window(struct kunit *test)
{
	struct vntb_pair *pair;

	/* ntb_netdev wants more than ten frames, of 64 KiB */
	vntb_pair_param(test, "max_mw_size", "0xe0000");
	pair = vntb_pair_make(test, &(struct pci_fabric_ep_desc){
		.no_aux = true,
	});
	vntb_pair_pings(test, pair);
	/* Into what is not used, up to the end of the window */
	KUNIT_EXPECT_EQ(test, vntb_pair_poke(pair), 0);
	KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).stray, 0);
	KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).bad_outbound, 0);
}

static struct kunit_case __refdata vntb_pair_cases[] = {
	KUNIT_CASE_SLOW(vntb_pair_polling),
	KUNIT_CASE_SLOW(vntb_pair_doorbell),
	KUNIT_CASE_SLOW(vntb_pair_doorbell_bar),
	KUNIT_CASE_SLOW(vntb_pair_msi),
	KUNIT_CASE_SLOW(vntb_pair_no_link),
	KUNIT_CASE_SLOW(vntb_pair_less_than_a_window),
	{}
};

static struct kunit_suite __refdata vntb_pair_suite = {
	.name = "pci_epf_vntb_pair",
	.test_cases = vntb_pair_cases,
};
kunit_test_init_section_suites(&vntb_pair_suite);

MODULE_DESCRIPTION("KUnit tests that ping over a non-transparent bridge");
MODULE_LICENSE("GPL");
