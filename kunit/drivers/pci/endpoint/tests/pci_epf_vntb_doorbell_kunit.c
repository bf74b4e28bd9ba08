// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of pci-epf-vntb with doorbells.  The administrator makes the function in
 * configfs, on a controller of the suite.  The host writes commands into its registers
 * and rings its doorbells.  A client uses the NTB device.
 */
#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/irqdomain.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include "pci_epf_vntb_host.h"

/* --- Doorbells --- */

/* One IRQ for all doorbells is requested once, and freed once, and raises all of them. */
static void __init shared_irq(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	bind(h);
	KUNIT_EXPECT_EQ(test, h->cfs->epf->num_db, DB_COUNT);
	expect_doorbells(test, h);
	KUNIT_EXPECT_EQ(test, ntb_db_read(h->ntb), DB_BITS);
	ntb_db_clear(h->ntb, DB_BITS);
	KUNIT_EXPECT_EQ(test, ntb_db_read(h->ntb), 0);
	for (int i = 0; i < DB_COUNT; i++) {
		KUNIT_EXPECT_EQ(test, h->fake->bar[DB_BAR].phys_addr +
				get(h, REG_DB_OFFSET + 4 * i), 0x12349abcd124);
		KUNIT_EXPECT_EQ(test, get(h, REG_DB_DATA + 4 * i), 0xdb);
	}
	unbind(h);
	/* Nobody listens to what is no longer mapped */
	KUNIT_EXPECT_EQ(test, h->fake->dma_actions, 0);
}

/* The function, also while it is being bound */
static struct pci_epf *epf_of(struct host *h)
{
	return list_first_entry(&h->fake->epc->pci_epf, struct pci_epf, list);
}

/*
 * Doorbells of several registers, which no controller has yet: the IRQ of the first is
 * being requested, and the others get theirs.
 */
struct mix {
	struct host *h;
	int irqs[DB_COUNT];
};

static void mix_irqs(void *data)
{
	struct mix *mix = data;
	struct pci_epf *epf = epf_of(mix->h);

	for (int i = 0; i < epf->num_db; i++)
		epf->db_msg[i].virq = mix->irqs[i];
}

/* IRQs of which some are the same: each is requested once, wherever they are. */
static void __init mixed_irqs(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	int other = pci_ep_fake_irq(test), third = pci_ep_fake_irq(test);
	struct mix mix = { h, { h->irq, other, h->irq, other, third } };

	pci_ep_fake_irq_requested(h->irq, mix_irqs, &mix);
	bind(h);
	pci_ep_fake_irq_requested(h->irq, NULL, NULL);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(h->irq), 1);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(other), 1);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(third), 1);
	ring(h);
	KUNIT_EXPECT_EQ(test, h->db_events, 0x1);
	generic_handle_irq_safe(other);
	KUNIT_EXPECT_EQ(test, h->db_events, 0x3);
	generic_handle_irq_safe(third);
	KUNIT_EXPECT_EQ(test, h->db_events, 0x7);
	unbind(h);
}

static irqreturn_t other_handler(int irq, void *data)
{
	return IRQ_NONE;
}

/* The IRQ is requested with the flags of the doorbell, to be shared with somebody else. */
static void __init irq_flags(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	KUNIT_ASSERT_EQ(test, request_irq(h->irq, other_handler, IRQF_SHARED, "other", h),
			0);
	bind(h);
	KUNIT_EXPECT_EQ(test, get(h, REG_DB_ENTRY), 0);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(h->irq), 2);
	ring(h);
	KUNIT_EXPECT_EQ(test, h->db_events, DB_BITS);
	free_irq(h->irq, h);
	unbind(h);
}

/* If one of the IRQs cannot be requested, those before are freed, and it is polled. */
static void __init irq_cannot_be_requested(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	int other = pci_ep_fake_irq(test), taken = pci_ep_fake_irq(test);
	struct mix mix = { h, { h->irq, other, h->irq, other, taken } };

	irq_set_status_flags(taken, IRQ_NOREQUEST);
	pci_ep_fake_irq_requested(h->irq, mix_irqs, &mix);
	bind(h);
	pci_ep_fake_irq_requested(h->irq, NULL, NULL);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(other), 0);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_actions(taken), 0);
	expect_polling(test, h);
	unbind(h);
}

/* Doorbells that a BAR exposes: that BAR is told, and not programmed, or cleared. */
static void __init exposed_bar(struct kunit *test)
{
	struct host *h = make(test, DB_BAR);

	h->fake->features.bar[DB_BAR].type = BAR_RESERVED;
	for (int i = 0; i < 2; i++) {
		bind(h);
		for (int j = 0; j < DB_COUNT; j++) {
			KUNIT_EXPECT_EQ(test, get(h, REG_DB_OFFSET + 4 * j), 0x324);
			KUNIT_EXPECT_EQ(test, get(h, REG_DB_DATA + 4 * j), 0xdb);
		}
		expect_doorbells(test, h);
		unbind(h);
	}
	KUNIT_EXPECT_EQ(test, h->fake->sets[DB_BAR], 0);
	KUNIT_EXPECT_EQ(test, h->fake->dma_maps, 0);
}

/* The first BAR is one like the others. */
static void __init exposed_bar_0(struct kunit *test)
{
	struct host *h = make(test, BAR_0);

	h->fake->features.bar[BAR_0].type = BAR_RESERVED;
	h->regs = BAR_1;
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/db_bar", "0"), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_fake_cfs_set(h->cfs, "pci_epf_vntb.0/ctrl_bar", "1"), 0);
	bind(h);
	KUNIT_EXPECT_EQ(test, get(h, REG_DB_OFFSET), 0x324);
	expect_doorbells(test, h);
	unbind(h);
	KUNIT_EXPECT_EQ(test, h->fake->sets[BAR_0], 0);
	KUNIT_EXPECT_EQ(test, h->fake->dma_maps, 0);
}

/* Doorbells in a BAR that is not db_bar cannot be told to the host. */
static void __init exposed_in_another_bar(struct kunit *test)
{
	struct host *h = make(test, BAR_3);

	bind(h);
	expect_polling(test, h);
	unbind(h);
}

/* As if a controller could write to MSIs through a BAR, but for the last one */
static void mix_bars(unsigned int msi, void *data)
{
	struct pci_epf *epf = epf_of(data);

	epf->db_msg[msi].bar = msi == DB_COUNT - 1 ? NO_BAR : DB_BAR;
}

/* Nor can those that are in several. */
static void __init exposed_in_several_bars(struct kunit *test)
{
	struct device *dev = pci_ep_fake_msi(test, IRQ_DOMAIN_FLAG_MSI_IMMUTABLE);
	struct host *h = make_on(test, dev, NO_BAR);

	pci_ep_fake_msi_allocated(mix_bars, h);
	bind(h);
	pci_ep_fake_msi_allocated(NULL, NULL);
	expect_polling(test, h);
	unbind(h);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 0);
}

/* Messages to an MSI controller raise one doorbell each. */
static void __init msi(struct kunit *test)
{
	struct device *dev = pci_ep_fake_msi(test, IRQ_DOMAIN_FLAG_MSI_IMMUTABLE);
	struct host *h = make_on(test, dev, NO_BAR);

	bind(h);
	KUNIT_EXPECT_EQ(test, get(h, REG_DB_ENTRY), 0);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), DB_COUNT);
	for (int i = 2; i < DB_COUNT; i++) {
		KUNIT_EXPECT_EQ(test, get(h, REG_DB_DATA + 4 * i), 0x100 + i);
		KUNIT_EXPECT_EQ(test, h->fake->bar[DB_BAR].phys_addr +
				get(h, REG_DB_OFFSET + 4 * i), 0x200000040);
		KUNIT_EXPECT_LT(test, get(h, REG_DB_OFFSET + 4 * i), h->fake->bar[DB_BAR].size);
		h->db_events = 0;
		generic_handle_irq_safe(h->cfs->epf->db_msg[i].virq);
		KUNIT_EXPECT_EQ(test, h->db_events, BIT_ULL(i - 2));
	}
	unbind(h);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 0);
}

/* Without doorbells, the function polls; and the events come as well. */
static void __init doorbells_reach_the_ntb_device(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->count = 0;
	bind(h);
	expect_polling(test, h);
	unbind(h);
	h->fake->count = 1;
	bind(h);
	expect_doorbells(test, h);
	unbind(h);
}

/* What the host rings while its client is told of it is told as well. */
static void __init doorbell_while_one_is_told(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);
	u32 *db;

	h->fake->count = 0;
	bind(h);
	db = h->fake->bar[DB_BAR].addr;
	h->db_told = 0;
	h->db_again = &db[2];
	WRITE_ONCE(db[2], 1);
	for (int i = 0; i < 1000 && READ_ONCE(h->db_told) < 2; i++)
		fsleep(1000);
	KUNIT_EXPECT_EQ(test, h->db_told, 2);
	unbind(h);
}

/* --- Bound again --- */

/* The BAR is cleared that is the doorbells', and no other. */
static void __init unbind_clears_the_doorbell_bar(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->count = 0;
	bind(h);
	unbind(h);
	KUNIT_EXPECT_EQ(test, h->fake->clears[DB_BAR], 1);
	KUNIT_EXPECT_EQ(test, h->fake->clears[BAR_0], 1);
}

/* What was polled before has doorbells now. */
static void __init doorbells_after_polling(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->count = 0;
	bind(h);
	expect_polling(test, h);
	unbind(h);
	h->fake->count = 1;
	bind(h);
	expect_doorbells(test, h);
	unbind(h);
}

/* What had doorbells before is polled now. */
static void __init polling_after_doorbells(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	bind(h);
	unbind(h);
	h->fake->count = 0;
	bind(h);
	expect_polling(test, h);
	unbind(h);
}

/* A BAR that had 64 bits for one controller does not for another. */
static void __init doorbell_bar_of_64_bits(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	for (int i = 0; i < 4; i++) {
		h->fake->features.bar[DB_BAR].only_64bit = !(i % 2);
		h->fake->count = i < 3;
		bind(h);
		KUNIT_EXPECT_EQ(test, !!(h->fake->bar[DB_BAR].flags &
					 PCI_BASE_ADDRESS_MEM_TYPE_64), !(i % 2));
		unbind(h);
	}
}

/* A function that cannot be bound again is not bound, and can be bound later. */
static void __init no_memory_when_bound_again(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	bind(h);
	unbind(h);
	h->fake->dma_no_memory = true;
	KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_link(h->cfs), -ENOMEM);
	KUNIT_EXPECT_EQ(test, h->fake->dma_memory, 0);
	h->fake->dma_no_memory = false;
	bind(h);
	expect_doorbells(test, h);
	unbind(h);
}

/* A doorbell BAR that cannot be set: nothing of it is left for when it is bound again. */
static void __init doorbell_bar_cannot_be_set(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->count = 0;
	h->fake->set_ret[DB_BAR] = -EIO;
	KUNIT_EXPECT_LT(test, pci_ep_fake_cfs_link(h->cfs), 0);
	KUNIT_EXPECT_EQ(test, h->fake->dma_memory, 0);
	h->fake->set_ret[DB_BAR] = 0;
	h->fake->count = 1;
	bind(h);
	expect_doorbells(test, h);
	unbind(h);
}

/* A function can be bound as often as one likes, and has an NTB device each time. */
static void __init bound_again(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->count = 0;
	for (int i = 0; i < 4; i++) {
		bind(h);
		h->link_events = 0;
		KUNIT_EXPECT_EQ(test, command(h, LINK_UP, 0), OK);
		KUNIT_EXPECT_EQ(test, h->link_events, 1);
		unbind(h);
	}
}

/* What is done is done for the function that it is, of which the first one is another. */
static void __init second_function(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->function = 1;
	__set_bit(0, &h->fake->epc->function_num_map);
	bind(h);
	KUNIT_EXPECT_EQ(test, h->cfs->epf->func_no, 1);
	expect_doorbells(test, h);
	*(u64 *)reg(h, REG_ADDR) = 0x100000;
	*(u64 *)reg(h, REG_SIZE) = WINDOW;
	KUNIT_EXPECT_EQ(test, command(h, CONFIGURE_MW, 0), OK);
	KUNIT_EXPECT_EQ(test, command(h, TEARDOWN_MW, 0), OK);
	client_alloc_window(h);
	client_free_window(h);
	KUNIT_EXPECT_EQ(test, ntb_peer_db_set(h->ntb, 1), 0);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&h->fake->irq, TIMEOUT), 0);
	unbind(h);
	KUNIT_EXPECT_EQ(test, h->fake->bad_functions, 0);
}

/* The host takes the link up and down, and the client is told each time. */
static void __init link_of_the_host(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->count = 0;
	bind(h);
	for (int i = 0; i < 3; i++) {
		h->link_events = 0;
		/* By commands alone: the state in the register is for the host to read */
		*(u16 *)((void *)reg(h, REG_STATUS) + 2) = 0xa501;
		KUNIT_EXPECT_EQ(test, ntb_link_is_up(h->ntb, NULL, NULL), 0);
		KUNIT_EXPECT_EQ(test, command(h, LINK_UP, 0), OK);
		KUNIT_EXPECT_EQ(test, h->link_events, 1);
		KUNIT_EXPECT_EQ(test, ntb_link_is_up(h->ntb, NULL, NULL), 1);
		KUNIT_EXPECT_EQ(test, get(h, REG_STATUS) >> 16, 1);
		KUNIT_EXPECT_EQ(test, command(h, LINK_DOWN, 0), OK);
		KUNIT_EXPECT_EQ(test, h->link_events, 2);
		KUNIT_EXPECT_EQ(test, ntb_link_is_up(h->ntb, NULL, NULL), 0);
	}
	unbind(h);
}

/* The NTB device goes with the function, and its client knows. */
static void __init unbind_removes_the_ntb_device(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	bind(h);
	KUNIT_EXPECT_EQ(test, h->removes, 0);
	unbind(h);
	KUNIT_EXPECT_EQ(test, h->removes, 1);
	KUNIT_EXPECT_NULL(test, h->ntb);
}

/* Its client can use it until then. */
static void __init unbind_with_a_user_of_the_ntb_device(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	bind(h);
	KUNIT_EXPECT_EQ(test, command(h, LINK_UP, 0), OK);
	KUNIT_EXPECT_EQ(test, ntb_link_is_up(h->ntb, NULL, NULL), 1);
	KUNIT_EXPECT_EQ(test, ntb_spad_write(h->ntb, 3, 0x12345678), 0);
	KUNIT_EXPECT_EQ(test, ntb_spad_read(h->ntb, 3), 0x12345678);
	KUNIT_EXPECT_EQ(test, ntb_peer_db_set(h->ntb, 1), 0);
	unbind(h);
	KUNIT_EXPECT_EQ(test, h->removes, 1);
}

static int no_interrupt(struct pci_epc *epc, u8 func_no, u8 vfunc_no, unsigned int type,
			u16 interrupt_num)
{
	cur->interrupt = interrupt_num;
	complete(&cur->fake->irq);
	return -EIO;
}

/* An interrupt that cannot be raised is lost, and no other one. */
static void __init interrupt_cannot_be_raised(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	bind(h);
	for (int i = 0; i < 3; i++) {
		struct pci_epc_ops ops = h->fake->ops;

		/* The first doorbell is the third interrupt */
		h->fake->ops.raise_irq = no_interrupt;
		KUNIT_EXPECT_EQ(test, ntb_peer_db_set(h->ntb, BIT(i)), 0);
		KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&h->fake->irq, TIMEOUT), 0);
		KUNIT_EXPECT_EQ(test, h->interrupt, i + 3);
		h->fake->ops.raise_irq = ops.raise_irq;
		KUNIT_EXPECT_EQ(test, ntb_peer_db_set(h->ntb, BIT(i)), 0);
		KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&h->fake->irq, TIMEOUT), 0);
		KUNIT_EXPECT_EQ(test, h->fake->irqs, i + 1);
	}
	unbind(h);
}

/* --- Early events --- */

static int early_header(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
			struct pci_epf_header *hdr)
{
	cur->early++;
	cur->db_events = 0;
	generic_handle_irq_safe(cur->irq);
	KUNIT_EXPECT_EQ(cur->test, cur->db_events, 0);
	return 0;
}

/*
 * The host can ring before there is an NTB device, which is not lost: the client, which
 * may have looked before, is told.
 */
static void __init doorbell_before_the_ntb_device(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->ops.write_header = early_header;
	for (int i = 1; i <= 2; i++) {
		bind(h);
		KUNIT_EXPECT_EQ(test, h->early, i);
		KUNIT_EXPECT_EQ(test, ntb_db_read(h->ntb), DB_BITS);
		KUNIT_EXPECT_EQ(test, h->db_events, DB_BITS);
		h->db_events = 0;
		ntb_db_clear(h->ntb, DB_BITS);
		unbind(h);
	}
}

/* What is rung while the function is unbound is not for the next client. */
static void __init doorbell_at_unbind(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	for (int i = 0; i < 2; i++) {
		bind(h);
		KUNIT_EXPECT_EQ(test, ntb_db_read(h->ntb), 0);
		KUNIT_EXPECT_EQ(test, h->db_events, 0);
		/* The client is no longer told when it goes, see there */
		unbind(h);
	}
}

static int early_link(struct notifier_block *nb, unsigned long action, void *data)
{
	struct host *h = container_of(nb, struct host, nb);
	struct pci_dev *pdev = to_pci_dev(data);

	if (action == BUS_NOTIFY_BIND_DRIVER && pdev->device == DEV_ID) {
		u16 status;

		h->early++;
		h->link_events = 0;
		/* It is done now, or when there is a device */
		status = command(h, LINK_UP, 0);
		KUNIT_EXPECT_TRUE(h->test, status == OK || !status);
		KUNIT_EXPECT_EQ(h->test, h->link_events, 0);
	}
	return NOTIFY_DONE;
}

/* Or say that the link is up, which it is told as well. */
static void __init link_before_the_ntb_device(struct kunit *test)
{
	struct host *h = make(test, NO_BAR);

	h->fake->count = 0;
	h->nb.notifier_call = early_link;
	KUNIT_ASSERT_EQ(test, bus_register_notifier(&pci_bus_type, &h->nb), 0);
	for (int i = 1; i <= 2; i++) {
		KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_link(h->cfs), 0);
		KUNIT_EXPECT_EQ(test, h->early, i);
		for (int ms = 0; ms < 5000 && !h->link_events; ms++)
			fsleep(1000);
		if (h->ntb)
			KUNIT_EXPECT_EQ(test, ntb_link_is_up(h->ntb, NULL, NULL), 1);
		KUNIT_EXPECT_EQ(test, h->link_events, 1);
		KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_unlink(h->cfs), 0);
	}
	bus_unregister_notifier(&pci_bus_type, &h->nb);
}

static struct kunit_case __refdata pci_epf_vntb_doorbell_cases[] = {
	KUNIT_CASE(shared_irq),
	KUNIT_CASE(mixed_irqs),
	KUNIT_CASE(irq_flags),
	KUNIT_CASE(irq_cannot_be_requested),
	KUNIT_CASE(exposed_bar),
	KUNIT_CASE(exposed_bar_0),
	KUNIT_CASE(exposed_in_another_bar),
	KUNIT_CASE(exposed_in_several_bars),
	KUNIT_CASE(msi),
	KUNIT_CASE(doorbells_reach_the_ntb_device),
	KUNIT_CASE(doorbell_while_one_is_told),
	KUNIT_CASE(unbind_clears_the_doorbell_bar),
	KUNIT_CASE(doorbells_after_polling),
	KUNIT_CASE(polling_after_doorbells),
	KUNIT_CASE(doorbell_bar_of_64_bits),
	KUNIT_CASE(no_memory_when_bound_again),
	KUNIT_CASE(doorbell_bar_cannot_be_set),
	KUNIT_CASE(bound_again),
	KUNIT_CASE(second_function),
	KUNIT_CASE(link_of_the_host),
	KUNIT_CASE(unbind_removes_the_ntb_device),
	KUNIT_CASE(unbind_with_a_user_of_the_ntb_device),
	KUNIT_CASE(interrupt_cannot_be_raised),
	KUNIT_CASE(doorbell_before_the_ntb_device),
	KUNIT_CASE(doorbell_at_unbind),
	KUNIT_CASE(link_before_the_ntb_device),
	{}
};

static struct kunit_suite __refdata pci_epf_vntb_doorbell_suite = {
	.name = "pci_epf_vntb_doorbell",
	.test_cases = pci_epf_vntb_doorbell_cases,
};

kunit_test_init_section_suite(pci_epf_vntb_doorbell_suite);

MODULE_DESCRIPTION("KUnit tests for pci-epf-vntb");
MODULE_LICENSE("GPL");
