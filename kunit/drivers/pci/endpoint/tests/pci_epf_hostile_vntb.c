// SPDX-License-Identifier: GPL-2.0
/*
 * The suite pci_epf_hostile: hosts of pci-epf-vntb, with ntb_transport on the endpoint.
 */
#include <linux/delay.h>
#include <linux/string.h>

#include "pci_epf_hostile.h"
#include "pci_epf_vntb_pair.h"
#include "pci_epf_vntb_queue.h"
#include "pci_epf_vntb_regs.h"

#define MW_BAR		BAR_2
#define DB_BAR		BAR_4
/* The first two are none */
#define DB_FIRST	2
/* What the host says of its window, in which there are two frames and an index */
#define RX_SIZE		SZ_4K
#define RX_FRAME	((RX_SIZE - 4) / 2)
/* The other way all of it is used */
#define TX_FRAME	((HOSTILE_WINDOW - 4) / 2)
#define HDR		12	/* version, length, flags */
#define BUFFERS		8
#define BUFFER_SIZE	1500

const char * const hostile_vntb_attrs[][2] = {
	/* BAR 0 has registers, BAR 2 the memory window, BAR 4 doorbells */
	{ "vendorid", "0xf00d" },
	{ "deviceid", "0x0e31" },
	{ "msi_interrupts", "32" },
	{ "pci_epf_vntb.0/db_count", "5" },
	{ "pci_epf_vntb.0/spad_count", "8" },
	{ "pci_epf_vntb.0/num_mws", "1" },
	{ "pci_epf_vntb.0/mw1", "0x10000" },
	{ "pci_epf_vntb.0/vntb_vid", "0xf00d" },
	{ "pci_epf_vntb.0/vntb_pid", "0x0e32" },
	{ "pci_epf_vntb.0/vbus_number", "0x10" },
	{ "pci_epf_vntb.0/ctrl_bar", "0" },
	{ "pci_epf_vntb.0/db_bar", "4" },
	{ "pci_epf_vntb.0/mw1_bar", "2" },
	{ }
};

/* --- The client --- */

static char received[BUFFER_SIZE];
static int received_len;
/* What it has, in memory of its own, so that KASAN sees what is written behind it */
static void *buffers[BUFFERS], *tx_buffer;
static bool queue_registered;

static void queue_rx(struct ntb_transport_qp *qp, void *qp_data, void *data, int len)
{
	if (len > 0 && len <= BUFFER_SIZE)
		memcpy(received, data, len);
	WRITE_ONCE(received_len, len);
	ntb_transport_rx_enqueue(qp, data, data, BUFFER_SIZE);
}

static void queue_tx(struct ntb_transport_qp *qp, void *qp_data, void *data, int len)
{
}

static void queue_event(void *data, int status)
{
}

static const struct ntb_queue_handlers queue_handlers = {
	.rx_handler = queue_rx,
	.tx_handler = queue_tx,
	.event_handler = queue_event,
};

void hostile_vntb_init(struct kunit *test)
{
	for (int i = 0; i < BUFFERS; i++) {
		buffers[i] = kunit_kmalloc(test, BUFFER_SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, buffers[i]);
	}
	tx_buffer = kunit_kmalloc(test, BUFFER_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, tx_buffer);
	for (int i = 0; i < BUFFER_SIZE; i++)
		((u8 *)tx_buffer)[i] = i % 251;
	vntb_pair_load_transport(test);
	queue_registered = false;
}

void hostile_vntb_bound(struct hostile *h)
{
	/* Not before there is a transport */
	if (!queue_registered)
		queue_register(h->test);
	queue_registered = true;
	queue_add(h->test);
	ntb_transport_link_up(queue);
	for (int i = 0; i < BUFFERS; i++)
		KUNIT_ASSERT_EQ(h->test, ntb_transport_rx_enqueue(queue, buffers[i], buffers[i],
								  BUFFER_SIZE), 0);
}

/* The client sends, whenever there is a link; what becomes of it is the host's affair */
void hostile_vntb_between(struct hostile *h)
{
	if (ntb_transport_link_query(queue))
		ntb_transport_tx_enqueue(queue, tx_buffer, tx_buffer,
					 1 + hostile_below(h, BUFFER_SIZE));
}

/* --- The host --- */

void hostile_vntb_up(struct hostile *h)
{
	u32 entry = hostile_get(h, BAR_0, REG_DB_ENTRY);

	h->db_bar = DB_BAR;
	h->db_off = hostile_get(h, BAR_0, REG_DB_OFFSET + 4 * DB_FIRST) + entry * DB_FIRST;
	h->db_data = hostile_get(h, BAR_0, REG_DB_DATA + 4 * DB_FIRST);
	/* Polled for, or a register, or a message */
	KUNIT_EXPECT_EQ(h->test, entry, h->kind->doorbell || h->kind->msi ? 0 : 4);
}

static void hostile_vntb_ring(struct hostile *h)
{
	hostile_put(h, h->db_bar, h->db_off, 4, h->db_data);
}

/* One that has some of what a client would take */
static void hostile_vntb_frame(struct hostile *h)
{
	unsigned int place = hostile_below(h, 2);
	u32 hdr = RX_FRAME * (place + 1) - HDR;
	u32 len = hostile_one_in(h, 2) ? hostile_below(h, BUFFER_SIZE + 2) : hostile_value(h);

	hostile_put(h, MW_BAR, hdr - 8 * hostile_below(h, RX_FRAME / 8), 8, hostile_value(h));
	hostile_put(h, MW_BAR, hdr, 4, hostile_one_in(h, 4) ? hostile_value(h) :
							      hostile_below(h, 3));
	hostile_put(h, MW_BAR, hdr + 4, 4, len);
	hostile_put(h, MW_BAR, hdr + 8, 4, hostile_one_in(h, 4) ? hostile_value(h) : 1);
	/* How much of what was sent has been taken */
	if (hostile_one_in(h, 2))
		hostile_put(h, MW_BAR, RX_SIZE - 4, 4, hostile_value(h));
	hostile_vntb_ring(h);
}

/* What ntb_transport wants to know before there is a link */
static void hostile_vntb_spads(struct hostile *h)
{
	const u32 vals[] = {
		[VERSION] = PROTOCOL, [QP_LINKS] = 1, [NUM_QPS] = 1, [NUM_MWS] = 1,
		[MW0_SZ_HIGH] = 0, [MW0_SZ_LOW] = RX_SIZE << hostile_below(h, 5),
	};
	int bad = hostile_below(h, 2 * ARRAY_SIZE(vals));

	for (int i = ARRAY_SIZE(vals) - 1; i >= 0; i--)
		hostile_put(h, BAR_0, TO_EP(i), 4, i == bad ? hostile_value(h) : vals[i]);
}

void hostile_vntb_job(struct hostile *h)
{
	int bad = hostile_below(h, 8);
	u64 size = hostile_below(h, 2) ? HOSTILE_WINDOW : 1 + hostile_below(h, HOSTILE_WINDOW);

	switch (hostile_below(h, 4)) {
	case 0:
		return hostile_vntb_frame(h);
	case 1:
		hostile_vntb_spads(h);
		break;
	default:
		break;
	}
	hostile_put(h, BAR_0, REG_ADDR, 8, bad == 0 ? hostile_value(h) : h->window);
	hostile_put(h, BAR_0, REG_SIZE, 8, bad == 1 ? hostile_value(h) : size);
	hostile_put(h, BAR_0, REG_ARGUMENT, 4, bad == 2 ? hostile_value(h) : 0);
	/* The link is up more often than down, as else there is little to do */
	hostile_put(h, BAR_0, REG_COMMAND, 4, bad == 3 ? hostile_value(h) :
		    hostile_one_in(h, 3) ? LINK_UP : 1 + hostile_below(h, LINK_DOWN));
}

static u16 hostile_vntb_command(struct hostile *h, u32 command, u32 argument)
{
	void __iomem *status = h->bar[BAR_0] + REG_STATUS;

	writew(0, status);
	hostile_set(h, BAR_0, REG_ARGUMENT, argument);
	hostile_set(h, BAR_0, REG_COMMAND, command);
	for (int i = 0; i < 5000 && !readw(status); i++)
		fsleep(1000);
	return readw(status);
}

static bool hostile_vntb_wait(struct hostile *h, u32 offset, u32 val)
{
	for (int i = 0; i < 5000 && hostile_get(h, BAR_0, offset) != val; i++)
		fsleep(1000);
	return hostile_get(h, BAR_0, offset) == val;
}

/* ntb_transport is done with what was before */
static void hostile_vntb_link_down(struct hostile *h)
{
	hostile_set(h, BAR_0, TO_EP(7), 0xdead);
	KUNIT_EXPECT_EQ(h->test, hostile_vntb_command(h, LINK_DOWN, 0), OK);
	KUNIT_EXPECT_TRUE(h->test, hostile_vntb_wait(h, TO_EP(7), 0));
}

static void hostile_vntb_link_up(struct hostile *h)
{
	struct kunit *test = h->test;

	hostile_set(h, BAR_0, FROM_EP(VERSION), 0);
	hostile_set(h, BAR_0, TO_EP(QP_LINKS), BIT(0));
	hostile_set(h, BAR_0, TO_EP(NUM_QPS), 1);
	hostile_set(h, BAR_0, TO_EP(NUM_MWS), 1);
	hostile_set(h, BAR_0, TO_EP(MW0_SZ_HIGH), 0);
	hostile_set(h, BAR_0, TO_EP(MW0_SZ_LOW), RX_SIZE);
	hostile_set(h, BAR_0, TO_EP(VERSION), PROTOCOL);
	KUNIT_EXPECT_EQ(test, hostile_vntb_command(h, LINK_UP, 0), OK);
	KUNIT_EXPECT_TRUE(test, hostile_vntb_wait(h, FROM_EP(VERSION), PROTOCOL));
	KUNIT_ASSERT_TRUE(test, wait_queue(true));
}

/* A frame to the endpoint, in the next place */
static void hostile_vntb_send(struct hostile *h, u32 ver, u32 len)
{
	u32 start = ver % 2 * RX_FRAME;
	struct kunit *test = h->test;
	u8 data[256];

	get_random_bytes(data, sizeof(data));
	memcpy_toio(h->bar[MW_BAR] + start, data, len);
	hostile_set(h, MW_BAR, start + RX_FRAME - HDR, ver);
	hostile_set(h, MW_BAR, start + RX_FRAME - HDR + 4, len);
	WRITE_ONCE(received_len, 0);
	hostile_set(h, MW_BAR, start + RX_FRAME - HDR + 8, 1);
	hostile_set(h, h->db_bar, h->db_off, h->db_data);
	for (int i = 0; i < 5000 && !READ_ONCE(received_len); i++)
		fsleep(1000);
	KUNIT_EXPECT_EQ(test, READ_ONCE(received_len), len);
	KUNIT_EXPECT_MEMEQ(test, received, data, len);
}

/* And one to the host, whose memory the window is; the first after the link came up */
static void hostile_vntb_receive(struct hostile *h, u32 len)
{
	u8 *frame = hostile_window(h);
	__le32 *hdr = (void *)(frame + TX_FRAME - HDR);
	struct kunit *test = h->test;

	memset(frame, 0, HOSTILE_WINDOW);
	KUNIT_ASSERT_EQ(test, ntb_transport_tx_enqueue(queue, tx_buffer, tx_buffer, len), 0);
	for (int i = 0; i < 5000 && !READ_ONCE(hdr[2]); i++)
		fsleep(1000);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(hdr[2]), 1);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(hdr[1]), len);
	KUNIT_EXPECT_MEMEQ(test, frame, tx_buffer, len);
}

void hostile_vntb_sane(struct hostile *h)
{
	struct kunit *test = h->test;
	unsigned int bad;

	/* What was left over, of which nothing is known but that it ends */
	hostile_set(h, BAR_0, REG_COMMAND, 0);
	hostile_vntb_command(h, TEARDOWN_MW, 0);

	KUNIT_EXPECT_EQ(test, hostile_vntb_command(h, CONFIGURE_MW, 1), ERROR);
	KUNIT_EXPECT_EQ(test, hostile_vntb_command(h, TEARDOWN_MW, 1), ERROR);
	writeq(h->window, h->bar[BAR_0] + REG_ADDR);
	writeq(HOSTILE_WINDOW, h->bar[BAR_0] + REG_SIZE);
	KUNIT_EXPECT_EQ(test, hostile_vntb_command(h, CONFIGURE_MW, 0), OK);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(h->ep).mapped, 1);
	hostile_vntb_link_down(h);
	hostile_vntb_link_up(h);
	bad = pci_fabric_ep_stats(h->ep).bad_outbound;
	for (int i = 0; i < 4; i++)
		hostile_vntb_send(h, i, 1 + hostile_below(h, 256));
	hostile_vntb_receive(h, BUFFER_SIZE);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(h->ep).bad_outbound, bad);
	hostile_vntb_link_down(h);
	KUNIT_EXPECT_TRUE(test, wait_queue(false));
	KUNIT_EXPECT_EQ(test, hostile_vntb_command(h, TEARDOWN_MW, 0), OK);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(h->ep).mapped, 0);
}
