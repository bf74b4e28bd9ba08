// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of ntb_transport, on the NTB device of pci-epf-vntb, with a host that is no
 * ntb_transport: it writes what it likes into the scratchpads, and takes the link down at
 * any time.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/string.h>

#include "pci_epf_vntb_host.h"
#include "pci_epf_vntb_pair.h"
#include "pci_epf_vntb_queue.h"

static struct host * __init make_transport_dma(struct kunit *test, bool unaligned)
{
	struct host *h;

	/* First come, first served: the client of the host gets no NTB device */
	vntb_pair_load_transport(test);
	h = make(test, NO_BAR);
	h->fake->count = 0;
	h->fake->dma_unaligned = unaligned;
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_link(h->cfs), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_start(h->cfs, true), 0);
	KUNIT_ASSERT_EQ(test, h->probes, 0);
	return h;
}

static struct host * __init make_transport(struct kunit *test)
{
	return make_transport_dma(test, false);
}

/* Whether there are files of the queues of a device in debugfs, or -1 if nobody can say */
static int __init debugfs_files(struct kunit *test, const char *name)
{
	struct dentry *top, *dir;
	bool found;

	if (!IS_ENABLED(CONFIG_DEBUG_FS))
		return -1;
	top = debugfs_lookup("ntb_transport", NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, top);
	dir = debugfs_lookup(name, top);
	found = dir;
	dput(dir);
	dput(top);
	return found;
}

/* Two windows, of which the second one is so long, and eleven queues */
static struct host * __init make_two_windows(struct kunit *test, const char *size)
{
	struct host *h;

	vntb_pair_load_transport(test);
	vntb_pair_param(test, "max_num_clients", "11");
	h = make(test, NO_BAR);
	h->fake->count = 0;
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/db_count", "15"), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/num_mws", "2"), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/mw2", size), 0);
	return h;
}

/* The transport is probed, or is not, and leaves nothing when the device goes. */
static void __init bind_transport(struct host *h, bool probed)
{
	int mapped = pci_ep_iomem_mapped();
	struct kunit *test = h->test;
	struct pci_dev *pdev;
	char name[32];

	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_link(h->cfs), 0);
	pdev = pci_get_device(0x1912, DEV_ID, NULL);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	strscpy(name, pci_name(pdev));
	pci_dev_put(pdev);
	/* The client of the host has what the transport has not */
	KUNIT_EXPECT_EQ(test, h->probes, !probed);
	KUNIT_EXPECT_EQ(test, debugfs_files(test, name), IS_ENABLED(CONFIG_DEBUG_FS) ?
							 probed : -1);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_unlink(h->cfs), 0);
	KUNIT_EXPECT_EQ(test, debugfs_files(test, name), IS_ENABLED(CONFIG_DEBUG_FS) ?
							 0 : -1);
	KUNIT_EXPECT_EQ(test, pci_ep_iomem_mapped(), mapped);
	KUNIT_EXPECT_EQ(test, h->removes, h->probes);
	h->probes = 0;
	h->removes = 0;
}

/* A window without room for its queues, which the second of the queues finds */
static void __init outbound_window_too_short(struct kunit *test)
{
	struct host *h = make_two_windows(test, "128");

	bind_transport(h, false);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/mw2", "256"), 0);
	for (int i = 0; i < 2; i++)
		bind_transport(h, true);
	/* All of them, which the first queue finds */
	vntb_pair_param(test, "max_mw_size", "64");
	bind_transport(h, false);
}

/* There are scratchpads for the size of one window, so there is one. */
static void __init scratchpads_for_one_window(struct kunit *test)
{
	struct host *h = make_two_windows(test, "0x10000");

	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/spad_count", "6"),
			0);
	bind_transport(h, true);
}

/* Its size does not fit into 32 bits. Nobody looks into it. */
static void __init window_of_4_gib(struct kunit *test)
{
	struct host *h;

	vntb_pair_load_transport(test);
	h = make(test, NO_BAR);
	h->fake->count = 0;
	h->fake->dma_most = SZ_64K;
	pci_epc_mem_exit(h->fake->epc);
	KUNIT_ASSERT_EQ(test, pci_epc_mem_init(h->fake->epc, PCI_EP_IOMEM_LARGE, SZ_4G, SZ_4K),
			0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/mw1", "0x100000000"),
			0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_link(h->cfs), 0);
	KUNIT_EXPECT_EQ(test, h->probes, 0);
	queue_register(test);
	queue_add(test);
	/* As long as one can be, less its header */
	KUNIT_EXPECT_EQ(test, ntb_transport_max_size(queue), 0x10000 - 12);
}

static bool wait_reg(struct host *h, int offset, u32 val)
{
	for (int i = 0; i < 5000 && get(h, offset) != val; i++)
		fsleep(1000);
	return get(h, offset) == val;
}

/* What the host says of itself */
static void say(struct host *h, u64 size)
{
	set(h, TO_EP(NUM_QPS), 1);
	set(h, TO_EP(NUM_MWS), 1);
	set(h, TO_EP(MW0_SZ_HIGH), upper_32_bits(size));
	set(h, TO_EP(MW0_SZ_LOW), lower_32_bits(size));
	set(h, TO_EP(VERSION), PROTOCOL);
}

/* The link is up, and the window of the host has that size.  The endpoint has seen it. */
static void link_up(struct host *h, u64 size)
{
	struct kunit *test = h->test;

	set(h, FROM_EP(VERSION), 0);
	set(h, TO_EP(QP_LINKS), BIT(0));
	say(h, size);
	KUNIT_EXPECT_EQ(test, command(h, LINK_UP, 0), OK);
	KUNIT_EXPECT_TRUE(test, wait_reg(h, FROM_EP(VERSION), PROTOCOL));
}

/* The endpoint has cleaned up, which it begins when it is done with what was before. */
static void link_down(struct host *h)
{
	struct kunit *test = h->test;

	set(h, TO_EP(7), 0xdead);
	KUNIT_EXPECT_EQ(test, command(h, LINK_DOWN, 0), OK);
	KUNIT_EXPECT_TRUE(test, wait_reg(h, TO_EP(7), 0));
}

/* The size is the host's. No memory is allocated for one that the window cannot have. */
static void __init sizes_from_the_host(struct kunit *test)
{
	/* A queue has 4 bytes for an index, and two frames, each with a header of 12 */
	static const u64 bad[] = { 0, 1, 3, 4, 5, 27, 29, WINDOW + 1, SZ_1M, BIT_ULL(32) - 1,
				   BIT_ULL(32), BIT_ULL(32) + WINDOW, ~0ULL };
	static const u64 good[] = { 30, 31, SZ_4K, WINDOW };
	struct host *h = make_transport(test);
	int sets = h->fake->sets[BAR_2], allocs = h->fake->dma_allocs;
	dma_addr_t park = h->fake->bar[BAR_2].phys_addr;

	link_down(h);
	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		link_up(h, bad[i]);
		link_down(h);
		KUNIT_EXPECT_EQ_MSG(test, h->fake->dma_allocs, allocs, "size %llx", bad[i]);
		KUNIT_EXPECT_EQ_MSG(test, h->fake->sets[BAR_2], sets, "size %llx", bad[i]);
	}
	for (int i = 0; i < ARRAY_SIZE(good); i++) {
		link_up(h, good[i]);
		link_down(h);
		KUNIT_EXPECT_EQ_MSG(test, h->fake->dma_allocs, allocs + i + 1, "size %llx",
				    good[i]);
		/* To that memory, and back */
		KUNIT_EXPECT_EQ_MSG(test, h->fake->sets[BAR_2], sets + 2 * (i + 1),
				    "size %llx", good[i]);
		KUNIT_EXPECT_EQ(test, h->fake->bar[BAR_2].phys_addr, park);
		KUNIT_EXPECT_EQ(test, h->fake->bar[BAR_2].size, WINDOW);
	}
}

/*
 * A link that comes and goes, while the host does not say what it is.  The first time it comes
 * while ntb_transport still cleans up, because there was none when it was probed.
 */
static void __init link_comes_and_goes(struct kunit *test)
{
	struct host *h = make_transport(test);
	int sets = h->fake->sets[BAR_2];

	for (int i = 0; i < 20; i++) {
		set(h, FROM_EP(VERSION), 0);
		KUNIT_EXPECT_EQ(test, command(h, LINK_UP, 0), OK);
		KUNIT_EXPECT_TRUE(test, wait_reg(h, FROM_EP(VERSION), PROTOCOL));
		link_down(h);
	}
	KUNIT_EXPECT_EQ(test, h->fake->sets[BAR_2], sets);
}

/* The length of the last frame, or -errno */
static int queue_received;

static void queue_rx(struct ntb_transport_qp *qp, void *qp_data, void *data, int len)
{
	WRITE_ONCE(queue_received, len);
}

/*
 * A host that behaves like ntb_transport, or NULL: it says what it is every now and then,
 * until the endpoint has said what that is, and once while the endpoint cleans up.  The
 * controller takes its time to set the window, until the host goes on.
 */
static struct host *peer;
static struct completion peer_busy, peer_go;
static bool peer_knows;
static int (*peer_set_bar)(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
			   struct pci_epf_bar *bar);

static int slow_set_bar(struct pci_epc *epc, u8 func_no, u8 vfunc_no, struct pci_epf_bar *bar)
{
	if (READ_ONCE(peer) && !completion_done(&peer_go)) {
		complete(&peer_busy);
		wait_for_completion(&peer_go);
	}
	return peer_set_bar(epc, func_no, vfunc_no, bar);
}

static void peer_run(struct host *h)
{
	say(h, SZ_4K);
	if (get(h, FROM_EP(VERSION)) == PROTOCOL)
		WRITE_ONCE(peer_knows, true);
}

static void queue_told(void *data, int up)
{
	struct host *h = READ_ONCE(peer);

	if (!up && h && !READ_ONCE(peer_knows))
		peer_run(h);
}

static const struct ntb_queue_handlers queue_handlers = {
	.rx_handler = queue_rx,
	.event_handler = queue_told,
};

/*
 * Without a link there is no window, and what a queue has in there is not looked at: not
 * before the first one, nor after it is freed, or is another one.
 */
static void __init queue_without_window(struct kunit *test)
{
	static const u64 sizes[] = { WINDOW, SZ_4K, WINDOW };
	struct host *h = make_transport(test);

	queue_register(test);
	queue_add(test);
	KUNIT_EXPECT_EQ(test, ntb_transport_tx_free_entry(queue), 0);
	ntb_transport_link_up(queue);
	link_down(h);
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		link_up(h, sizes[i]);
		KUNIT_EXPECT_TRUE(test, wait_queue(true));
		KUNIT_EXPECT_GT(test, ntb_transport_tx_free_entry(queue), 0);
		link_down(h);
		KUNIT_EXPECT_TRUE(test, wait_queue(false));
		KUNIT_EXPECT_EQ(test, ntb_transport_tx_free_entry(queue), 0);
		KUNIT_EXPECT_EQ(test, h->fake->bad_bars, 0);
	}
	/* The host may be back when the device goes */
	link_up(h, WINDOW);
}

/* A client has a queue, and the link comes up with a window of one page. */
static void __init queue_up(struct host *h)
{
	struct kunit *test = h->test;

	queue_register(test);
	queue_add(test);
	ntb_transport_link_up(queue);
	link_down(h);
	link_up(h, SZ_4K);
	KUNIT_ASSERT_TRUE(test, wait_queue(true));
}

static void peer_down(struct host *h)
{
	WRITE_ONCE(peer_knows, false);
	set(h, FROM_EP(VERSION), 0);
	KUNIT_EXPECT_EQ(h->test, command(h, LINK_DOWN, 0), OK);
}

/* The link comes up, and the endpoint is about to set the window when this returns. */
static void __init peer_up_and_wait(struct host *h)
{
	struct kunit *test = h->test;

	link_down(h);
	init_completion(&peer_busy);
	init_completion(&peer_go);
	WRITE_ONCE(peer, h);
	say(h, SZ_4K);
	KUNIT_EXPECT_EQ(test, command(h, LINK_UP, 0), OK);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&peer_busy, TIMEOUT), 0);
}

/*
 * The link goes and comes while it is set up, so that it is set up again and cleaned up, in
 * whichever order.  What the host says after the endpoint has said what it is must not be
 * forgotten, as the host says it no more.
 */
static void __init link_back_before_it_is_cleaned_up(struct kunit *test)
{
	struct host *h = make_transport(test);

	queue_up(h);
	peer_set_bar = h->fake->ops.set_bar;
	h->fake->ops.set_bar = slow_set_bar;
	for (int i = 0; i < 10; i++) {
		peer_up_and_wait(h);
		peer_down(h);
		KUNIT_EXPECT_EQ(test, command(h, LINK_UP, 0), OK);
		complete_all(&peer_go);
		for (int j = 0; j < 100 && !ntb_transport_link_query(queue); j++) {
			fsleep(10000);
			if (!READ_ONCE(peer_knows))
				peer_run(h);
			else
				set(h, TO_EP(QP_LINKS), BIT(0));
		}
		WRITE_ONCE(peer, NULL);
		KUNIT_EXPECT_TRUE(test, ntb_transport_link_query(queue));
	}

	/* And goes once more: nothing is said to nobody */
	peer_up_and_wait(h);
	peer_down(h);
	KUNIT_EXPECT_EQ(test, command(h, LINK_UP, 0), OK);
	peer_down(h);
	complete_all(&peer_go);
	fsleep(50000);
	KUNIT_EXPECT_EQ(test, get(h, FROM_EP(VERSION)), 0);
	WRITE_ONCE(peer, NULL);
	h->fake->ops.set_bar = peer_set_bar;
}

/*
 * The host says by a frame that its queue is gone, while the window stays.  What it has told
 * of places that it has taken is told for it, as if nothing had been sent.
 */
static void __init queue_of_the_host_goes(struct kunit *test)
{
	struct host *h = make_transport(test);
	u32 *window, max = (SZ_4K - 4) / 2;

	queue_up(h);
	window = phys_to_virt(h->fake->bar[BAR_2].phys_addr - PCI_EP_FAKE_IOVA);
	KUNIT_EXPECT_EQ(test, READ_ONCE(window[(SZ_4K - 4) / 4]), 1);
	WRITE_ONCE(window[(SZ_4K - 4) / 4], 0);
	/* The link is not there at once when QP_LINKS is taken back as well */
	set(h, TO_EP(QP_LINKS), 0);
	*(u32 *)((void *)window + max - 4) = BIT(0) | BIT(1);
	KUNIT_EXPECT_TRUE(test, poll_ring(h, 2));
	for (int i = 0; i < 1000 && !READ_ONCE(window[(SZ_4K - 4) / 4]); i++)
		fsleep(1000);
	KUNIT_EXPECT_EQ(test, READ_ONCE(window[(SZ_4K - 4) / 4]), 1);
	link_down(h);
}

/* Of a window of 4 KiB: two frames, and an index */
#define MAX_FRAME	((SZ_4K - 4) / 2)

/*
 * A frame of the host, in the place of that number, of which each has @max bytes, for a buffer
 * that has room for so much
 */
static int __init receive_frame(struct host *h, size_t max, unsigned int place, u32 len,
				u32 room)
{
	struct kunit *test = h->test;
	static char buffer[SZ_64K] __initdata;
	struct { u32 ver, len, flags; } *hdr;

	KUNIT_ASSERT_EQ(test, ntb_transport_rx_enqueue(queue, buffer, buffer, room), 0);
	hdr = phys_to_virt(h->fake->bar[BAR_2].phys_addr - PCI_EP_FAKE_IOVA) +
	      max * (place + 1) - sizeof(*hdr);
	hdr->ver = 0;
	hdr->len = len;
	hdr->flags = 1;
	WRITE_ONCE(queue_received, 0);
	KUNIT_EXPECT_TRUE(test, poll_ring(h, 2));
	for (int i = 0; i < 1000 && !READ_ONCE(queue_received); i++)
		fsleep(1000);
	return READ_ONCE(queue_received);
}

static int __init receive(struct host *h, unsigned int place, u32 len, u32 room)
{
	return receive_frame(h, MAX_FRAME, place, len, room);
}

/* What follows the window is nobody's to receive, however long the client's buffer is. */
static void __init frame_longer_than_its_place(struct kunit *test)
{
	struct host *h = make_transport(test);
	u32 room = (SZ_4K - 4) / 2 - 12;

	queue_up(h);
	KUNIT_EXPECT_EQ(test, receive(h, 0, room + 1, SZ_64K), -EIO);
	KUNIT_EXPECT_EQ(test, receive(h, 1, SZ_64K, SZ_64K), -EIO);
	/* Nor what the buffer has no room for */
	KUNIT_EXPECT_EQ(test, receive(h, 0, room, room - 1), -EIO);
	KUNIT_EXPECT_EQ(test, receive(h, 1, room, room), room);
	link_down(h);
}

/* The administrator cannot make frames too short for their header, when they are received... */
static void __init mtu_without_room_received(struct kunit *test)
{
	struct host *h = make_transport(test);

	queue_up(h);
	link_down(h);
	vntb_pair_param(test, "transport_mtu", "8");
	link_up(h, SZ_4K);
	KUNIT_ASSERT_TRUE(test, wait_queue(true));
	KUNIT_EXPECT_EQ(test, receive_frame(h, 13, 0, 2, SZ_64K), -EIO);
	KUNIT_EXPECT_EQ(test, receive_frame(h, 13, 1, 1, SZ_64K), 1);
	link_down(h);
}

static void __init mtu_without_room(struct kunit *test, const char *mtu)
{
	vntb_pair_param(test, "transport_mtu", mtu);
	make_transport(test);
	queue_register(test);
	queue_add(test);
	KUNIT_EXPECT_EQ(test, ntb_transport_max_size(queue), 1);
}

/* ... nor when they are sent. */
static void __init mtu_without_room_sent(struct kunit *test)
{
	mtu_without_room(test, "8");
}

static void __init mtu_of_nothing(struct kunit *test)
{
	mtu_without_room(test, "0");
}

/* A device that has no MSIs has a link nevertheless, with all of its windows. */
static void __init msis_of_a_device_without(struct kunit *test)
{
	struct host *h;

	vntb_pair_load_transport(test);
	vntb_pair_param(test, "use_msi", "1");
	h = make(test, NO_BAR);
	h->fake->count = 0;
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/num_mws", "2"), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/mw2", "0x10000"), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_link(h->cfs), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_start(h->cfs, true), 0);
	KUNIT_ASSERT_EQ(test, h->probes, 0);
	KUNIT_EXPECT_EQ(test, command(h, LINK_UP, 0), OK);
	KUNIT_EXPECT_TRUE(test, wait_reg(h, FROM_EP(VERSION), PROTOCOL));
	KUNIT_EXPECT_EQ(test, get(h, FROM_EP(NUM_MWS)), 2);
	link_down(h);
}

/* Memory for a window that is aligned to less than its size: it is within twice as much. */
static void __init window_in_memory_that_is_not_aligned(struct kunit *test)
{
	struct host *h = make_transport_dma(test, true);
	u32 room = (SZ_4K - 4) / 2 - 12;

	queue_up(h);
	KUNIT_EXPECT_EQ(test, h->fake->bar[BAR_2].phys_addr & (WINDOW - 1), 0);
	KUNIT_EXPECT_TRUE(test, pci_ep_fake_owns(h->fake, h->fake->bar[BAR_2].phys_addr,
						 WINDOW));
	KUNIT_EXPECT_EQ(test, receive(h, 0, room, SZ_64K), room);
	link_down(h);
}

static struct kunit_case __refdata pci_epf_vntb_transport_cases[] = {
	KUNIT_CASE(outbound_window_too_short),
	KUNIT_CASE(scratchpads_for_one_window),
	KUNIT_CASE(window_of_4_gib),
	KUNIT_CASE(sizes_from_the_host),
	KUNIT_CASE(link_comes_and_goes),
	KUNIT_CASE(queue_without_window),
	KUNIT_CASE(link_back_before_it_is_cleaned_up),
	KUNIT_CASE(queue_of_the_host_goes),
	KUNIT_CASE(frame_longer_than_its_place),
	KUNIT_CASE(mtu_without_room_received),
	KUNIT_CASE(mtu_without_room_sent),
	KUNIT_CASE(mtu_of_nothing),
	KUNIT_CASE(msis_of_a_device_without),
	KUNIT_CASE(window_in_memory_that_is_not_aligned),
	{}
};

static struct kunit_suite __refdata pci_epf_vntb_transport_suite = {
	.name = "pci_epf_vntb_transport",
	.test_cases = pci_epf_vntb_transport_cases,
};

kunit_test_init_section_suite(pci_epf_vntb_transport_suite);

MODULE_DESCRIPTION("KUnit tests for hosts that ntb_transport cannot trust");
MODULE_LICENSE("GPL");
