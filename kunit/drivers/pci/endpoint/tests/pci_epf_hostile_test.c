// SPDX-License-Identifier: GPL-2.0
/*
 * The suite pci_epf_hostile: hosts of pci-epf-test.
 */
#include <linux/crc32.h>
#include <linux/delay.h>
#include <linux/string.h>

#include "pci_epf_hostile.h"
#include "pci_epf_test_regs.h"

#define REG_MAGIC	0x00
#define REG_CHECKSUM	0x20
#define USE_DMA		BIT(0)
#define READ_SUCCESS	BIT(0)
#define WRITE_SUCCESS	BIT(2)
#define COPY_SUCCESS	BIT(4)
#define IRQ_RAISED	BIT(6)
#define HALF		(HOSTILE_WINDOW / 2)

const char * const hostile_test_attrs[][2] = {
	/* One that no driver knows */
	{ "vendorid", "0xf00d" },
	{ "deviceid", "0x0e30" },
	{ "msi_interrupts", "32" },
	{ "msix_interrupts", "16" },
	{ }
};

void hostile_test_up(struct hostile *h)
{
	/* It says where the doorbell is when that is enabled */
	h->db_bar = NO_BAR;
}

static u64 hostile_test_field(struct hostile *h, u32 off)
{
	switch (off) {
	case REG_COMMAND:
		return BIT(hostile_below(h, 10));
	case REG_SRC_ADDR:
	case REG_DST_ADDR:
		return h->window + hostile_below(h, HALF) + hostile_below(h, 2) * HALF;
	case REG_SIZE:
		/* Of BARs or of bytes */
		return hostile_one_in(h, 3) ? hostile_below(h, 7) : hostile_below(h, HALF);
	case REG_IRQ_TYPE:
		return hostile_below(h, 3);
	case REG_IRQ_NUMBER:
		return hostile_below(h, 9);
	case REG_FLAGS:
		return hostile_below(h, 2);
	default:
		return hostile_u32(h);
	}
}

void hostile_test_job(struct hostile *h)
{
	static const struct { u32 off; unsigned int size; } regs[] = {
		{ REG_STATUS, 4 }, { REG_SRC_ADDR, 8 }, { REG_DST_ADDR, 8 }, { REG_SIZE, 4 },
		{ REG_CHECKSUM, 4 }, { REG_IRQ_TYPE, 4 }, { REG_IRQ_NUMBER, 4 },
		{ REG_FLAGS, 4 }, { REG_DB_BAR, 4 }, { REG_DB_OFFSET, 4 }, { REG_DB_DATA, 4 },
		/* last, as it is what makes the endpoint look at the others */
		{ REG_COMMAND, 4 },
	};
	int bad = hostile_below(h, 3 * ARRAY_SIZE(regs));

	for (int i = 0; i < ARRAY_SIZE(regs); i++) {
		u64 val = i == bad ? hostile_value(h) : hostile_test_field(h, regs[i].off);

		/* There is nothing to read before the doorbell is enabled, and then at times */
		if (regs[i].off >= REG_DB_BAR && !hostile_one_in(h, 8))
			continue;
		hostile_put(h, BAR_0, regs[i].off, regs[i].size, val);
	}
	if (hostile_one_in(h, 4)) {
		h->db_bar = hostile_get(h, BAR_0, REG_DB_BAR);
		h->db_off = hostile_get(h, BAR_0, REG_DB_OFFSET);
		h->db_data = hostile_get(h, BAR_0, REG_DB_DATA);
	}
}

/* Sends a command, and waits until it is over. */
static u32 hostile_test_command(struct hostile *h, u32 command)
{
	u32 status = 0;

	hostile_set(h, BAR_0, REG_STATUS, 0);
	hostile_set(h, BAR_0, REG_IRQ_TYPE, 1);
	hostile_set(h, BAR_0, REG_IRQ_NUMBER, 1);
	hostile_set(h, BAR_0, REG_COMMAND, command);
	for (int i = 0; i < 5000; i++) {
		fsleep(1000);
		if (hostile_get(h, BAR_0, REG_COMMAND))
			continue;
		status = hostile_get(h, BAR_0, REG_STATUS);
		if (status & IRQ_RAISED)
			break;
	}
	KUNIT_EXPECT_TRUE_MSG(h->test, status & IRQ_RAISED, "command %#x: status %#x", command,
			      status);
	return status & DONE;
}

static u32 hostile_test_size(struct hostile *h, u32 command, u32 size)
{
	hostile_set(h, BAR_0, REG_SIZE, size);
	return hostile_test_command(h, command);
}

static void hostile_test_transfers(struct hostile *h, u32 flags)
{
	u8 *src = hostile_window(h), *dst = src + HALF;
	u32 size = HALF - 1 - hostile_below(h, 8000);
	struct kunit *test = h->test;

	hostile_set(h, BAR_0, REG_FLAGS, flags);
	writeq(h->window, h->bar[BAR_0] + REG_SRC_ADDR);
	writeq(h->window + HALF, h->bar[BAR_0] + REG_DST_ADDR);

	memset(dst, 0x5a, HALF);
	KUNIT_EXPECT_EQ(test, hostile_test_size(h, CMD_WRITE, size), WRITE_SUCCESS);
	KUNIT_EXPECT_EQ(test, hostile_get(h, BAR_0, REG_CHECKSUM), crc32_le(~0, dst, size));
	KUNIT_EXPECT_NULL(test, memchr_inv(dst + size, 0x5a, HALF - size));

	get_random_bytes(src, HALF);
	hostile_set(h, BAR_0, REG_CHECKSUM, crc32_le(~0, src, size));
	KUNIT_EXPECT_EQ(test, hostile_test_size(h, CMD_READ, size), READ_SUCCESS);
	hostile_set(h, BAR_0, REG_CHECKSUM, ~crc32_le(~0, src, size));
	KUNIT_EXPECT_EQ(test, hostile_test_size(h, CMD_READ, size), READ_FAIL);

	memset(dst, 0xa5, HALF);
	KUNIT_EXPECT_EQ(test, hostile_test_size(h, CMD_COPY, size), COPY_SUCCESS);
	KUNIT_EXPECT_MEMEQ(test, dst, src, size);
	KUNIT_EXPECT_NULL(test, memchr_inv(dst + size, 0xa5, HALF - size));
}

/* Memory, that of the BAR alone */
static void hostile_test_bars(struct hostile *h)
{
	for (int bar = BAR_1; bar <= BAR_5; bar++) {
		if (!h->bar[bar] || (h->kind->doorbell == PCI_FABRIC_EP_DOORBELL_BAR &&
				     bar == h->kind->doorbell_bar))
			continue;
		for (u32 off = 0; off < h->bar_size[bar]; off += SZ_4K)
			hostile_set(h, bar, off, off ^ bar << 28);
	}
	for (int bar = BAR_1; bar <= BAR_5; bar++) {
		if (!h->bar[bar] || (h->kind->doorbell == PCI_FABRIC_EP_DOORBELL_BAR &&
				     bar == h->kind->doorbell_bar))
			continue;
		for (u32 off = 0; off < h->bar_size[bar]; off += SZ_4K)
			KUNIT_EXPECT_EQ(h->test, hostile_get(h, bar, off), off ^ bar << 28);
	}
}

static void hostile_test_doorbell(struct hostile *h)
{
	struct kunit *test = h->test;
	u32 status = 0, bar;

	KUNIT_EXPECT_EQ(test, hostile_test_command(h, ENABLE), ENABLED);
	bar = hostile_get(h, BAR_0, REG_DB_BAR);
	KUNIT_ASSERT_LE(test, bar, BAR_5);
	hostile_set(h, BAR_0, REG_STATUS, 0);
	hostile_set(h, bar, hostile_get(h, BAR_0, REG_DB_OFFSET),
		    hostile_get(h, BAR_0, REG_DB_DATA));
	for (int i = 0; i < 5000 && !(status & IRQ_RAISED); i++) {
		fsleep(1000);
		status = hostile_get(h, BAR_0, REG_STATUS);
	}
	KUNIT_EXPECT_EQ(test, status & DONE, RUNG);
	KUNIT_EXPECT_EQ(test, hostile_test_command(h, DISABLE), DISABLED);
}

void hostile_test_sane(struct hostile *h)
{
	struct kunit *test = h->test;
	int irqs;

	/* What was left over, of which nothing is known but that it ends */
	hostile_set(h, BAR_0, REG_FLAGS, 0);
	hostile_test_size(h, SUBRANGE_CLEAR, NO_BAR);
	hostile_test_command(h, DISABLE);
	for (int bar = BAR_1; bar <= BAR_5; bar++)
		hostile_test_size(h, SUBRANGE_CLEAR, bar);

	irqs = atomic_read(&h->irqs);
	hostile_test_transfers(h, 0);
	hostile_test_transfers(h, USE_DMA);
	KUNIT_EXPECT_EQ(test, atomic_read(&h->irqs), irqs + 8);
	hostile_set(h, BAR_0, REG_FLAGS, 0);
	hostile_test_bars(h);
	if (h->kind->doorbell || h->kind->msi) {
		hostile_test_doorbell(h);
		hostile_test_bars(h);
	} else {
		KUNIT_EXPECT_EQ(test, hostile_test_command(h, ENABLE), ENABLE_FAIL);
	}
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(h->ep).mapped, 0);
}
