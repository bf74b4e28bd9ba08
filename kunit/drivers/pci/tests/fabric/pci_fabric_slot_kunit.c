// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the emulated PCI fabric: hotplug slots.  See pci_fabric_kunit.h
 * for where the expected values come from.
 *
 * The first tests look at the registers and the interrupt of a port without a
 * driver; in the others the pciehp driver works with it.
 */
#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/irqdesc.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/pci_hotplug.h>
#include <linux/wait.h>

#include "pci_fabric_kunit.h"

#define SLOT_DEVICE	0x0300		/* Device ID of what the driver binds to */
#define SLOT_TIMEOUT	(20 * HZ)	/* pciehp sleeps for up to 5 s at a time */

/* PCI Express capability: registers (sec 7.5.3) */
#define EXP_FLAGS	0x02
#define EXP_LNKCTL	0x10
#define EXP_LNKSTA	0x12
#define EXP_SLTCAP	0x14
#define EXP_SLTCTL	0x18
#define EXP_SLTSTA	0x1a

/* Slot Status (sec 7.5.3.11); the first four of Slot Control enable the events */
#define SLOT_ABP	BIT(0)
#define SLOT_PDC	BIT(3)
#define SLOT_CC		BIT(4)
#define SLOT_HPIE	BIT(5)		/* in Slot Control */
#define SLOT_PDS	BIT(6)
#define SLOT_DLLSC	BIT(8)
#define SLOT_PCC	BIT(10)		/* in Slot Control */
#define SLOT_DLLSCE	BIT(12)		/* in Slot Control */
#define LINK_ACTIVE	BIT(13)		/* in Link Status */
#define LINK_DISABLE	BIT(4)		/* in Link Control */

/* A port with a slot, and a driver for what is in it */
struct slot {
	struct kunit *test;
	struct pci_fabric *fabric;
	struct pci_fabric_fn *port;
	struct pci_fabric_fn *ep;
	struct pci_dev *port_dev;

	struct pci_driver drv;
	struct pci_device_id ids[2];
	wait_queue_head_t wait;
	atomic_t probed;
	atomic_t removed;
	bool answered;		/* the device did, when it was last removed */
	atomic_t hits[4];	/* own handlers, by vector */
};

static int slot_drv_probe(struct pci_dev *dev, const struct pci_device_id *id)
{
	struct slot *s = container_of(to_pci_driver(dev->dev.driver), struct slot,
				      drv);

	atomic_inc(&s->probed);
	wake_up_all(&s->wait);
	return 0;
}

static void slot_drv_remove(struct pci_dev *dev)
{
	struct slot *s = container_of(to_pci_driver(dev->dev.driver), struct slot,
				      drv);

	s->answered = cfg_read(dev, 0x00, 4) != ~0U;
	atomic_inc(&s->removed);
	wake_up_all(&s->wait);
}

static void slot_drv_exit(void *data)
{
	pci_unregister_driver(data);
}

static u16 slot_reg(struct slot *s, unsigned int off)
{
	return pci_fabric_peek(s->port, pci_fabric_cap_pos(s->port, 0x10, false) + off,
			       2);
}

static void slot_set_reg(struct slot *s, unsigned int off, u16 val)
{
	cfg_write(s->port_dev, pci_fabric_cap_pos(s->port, 0x10, false) + off, 2,
		  val);
}

/* Events are cleared by writing them back (sec 7.5.3.11). */
static void slot_clear(struct slot *s, u16 events)
{
	slot_set_reg(s, EXP_SLTSTA, events);
}

/*
 * Waits until the interrupts of @port are handled, threads included.  What these
 * write may make the port interrupt again.
 */
static void slot_settle(struct slot *s, struct pci_fabric_fn *port)
{
	struct pci_dev *dev = pci_fabric_pdev(port);
	struct irq_desc *desc;
	unsigned int message;
	int irq;

	KUNIT_ASSERT_NOT_NULL(s->test, dev);
	message = pci_fabric_peek(port, pci_fabric_cap_pos(port, 0x10, false) +
				  EXP_FLAGS, 2) >> 9 & 0x1f;
	irq = pci_irq_vector(dev, dev->msi_enabled || dev->msix_enabled ? message : 0);
	KUNIT_ASSERT_GT(s->test, irq, 0);
	desc = irq_to_desc(irq);
	for (int i = 0; i < 3; i++) {
		pci_fabric_flush(s->fabric);
		KUNIT_ASSERT_GT(s->test,
				wait_event_timeout(desc->wait_for_threads,
						   !atomic_read(&desc->threads_active),
						   SLOT_TIMEOUT), 0);
	}
}

static const struct pci_fabric_fn_desc slot_ep_desc = {
	.device = SLOT_DEVICE,
	.bars[0] = { .size = SZ_4K },
	.msi = { .vectors = 1, .is_64 = true },
	/* Without it the kernel does not wait for the link after a reset. */
	.pm = true,
	.no_soft_reset = true,
};

/* A fabric that is to be filled, and the driver */
static struct slot *slot_alloc(struct kunit *test)
{
	struct slot *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->test = test;
	init_waitqueue_head(&s->wait);
	s->ids[0] = (struct pci_device_id){
		PCI_DEVICE(PCI_FABRIC_VENDOR, SLOT_DEVICE)
	};
	s->drv.name = "pci_fabric_slot_kunit";
	s->drv.id_table = s->ids;
	s->drv.probe = slot_drv_probe;
	s->drv.remove = slot_drv_remove;
	KUNIT_ASSERT_EQ(test, pci_register_driver(&s->drv), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, slot_drv_exit,
							&s->drv), 0);
	s->fabric = pci_fabric_alloc(test);
	return s;
}

static struct pci_fabric_fn_desc slot_port_desc(void)
{
	return (struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(1, 0), .device = 0x0104, .hdr_type = 1,
		.pcie_type = TYPE_ROOT_PORT,
		.msi = { .vectors = 1, .is_64 = true, .maskable = true },
		.slot = { .hotplug = true, .surprise = true, .number = 7 },
	};
}

static void slot_scan(struct slot *s)
{
	pci_fabric_scan(s->fabric);
	s->port_dev = pci_fabric_pdev(s->port);
	KUNIT_ASSERT_NOT_NULL(s->test, s->port_dev);
	/* The port has nothing to wake by, and newer kernels let it sleep all the same. */
	pm_runtime_forbid(&s->port_dev->dev);
}

/* A root port with an endpoint in its slot */
static struct slot *slot_make(struct kunit *test,
			      const struct pci_fabric_fn_desc *port)
{
	struct slot *s = slot_alloc(test);

	s->port = pci_fabric_add(s->fabric, NULL, port);
	s->ep = pci_fabric_add(s->fabric, s->port, &slot_ep_desc);
	slot_scan(s);
	slot_settle(s, s->port);
	return s;
}

/* The same without a driver for the port */
static struct slot *slot_make_bare(struct kunit *test,
				   const struct pci_fabric_fn_desc *port)
{
	struct slot *s = slot_make(test, port);

	device_release_driver(&s->port_dev->dev);
	slot_set_reg(s, EXP_SLTCTL, 0);
	slot_clear(s, 0xffff);
	return s;
}

static struct hotplug_slot *slot_hotplug(struct slot *s)
{
	struct pci_slot *slot;

	slot = list_first_entry_or_null(&s->port_dev->subordinate->slots,
					struct pci_slot, list);
	KUNIT_ASSERT_NOT_NULL(s->test, slot);
	KUNIT_ASSERT_NOT_NULL(s->test, slot->hotplug);
	return slot->hotplug;
}

#define EXPECT_BOUND(sl, nr_probed, nr_removed) do {			\
	struct slot *_s = (sl);						\
										\
	KUNIT_EXPECT_EQ(_s->test, atomic_read(&_s->probed), (nr_probed));	\
	KUNIT_EXPECT_EQ(_s->test, atomic_read(&_s->removed), (nr_removed));	\
} while (0)

/* Has the kernel a device for @fn? */
static void slot_expect_there(struct slot *s, struct pci_fabric_fn *fn, bool there)
{
	KUNIT_EXPECT_EQ(s->test, !!pci_fabric_pdev(fn), there);
}

struct slot_case {
	const char *name;
	bool full;
	u32 cap;
	u16 ctl_mask, ctl_reset;
};

/*
 * Sec 7.5.3.9: Attention Button 0, Power Controller 1, indicators 3 and 4, Surprise
 * 5, Hot-Plug Capable 6, No Command Completed 18, Physical Slot Number from 19.
 */
static const struct slot_case slot_cases[] = {
	{ "all", true, 7 << 19 | 0x7b, 0x17f9, 0x03c0 },
	{ "least", false, 7 << 19 | 1 << 18 | 0x40, 0x1028, 0 },
};

static void slot_case_name(const struct slot_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(slot, slot_cases, slot_case_name);

static struct pci_fabric_fn_desc slot_full_desc(void)
{
	struct pci_fabric_fn_desc desc = slot_port_desc();

	desc.msi.vectors = 4;
	desc.slot.message = 2;
	desc.slot.button = true;
	desc.slot.indicators = true;
	desc.slot.power_ctrl = true;
	desc.slot.cmd_completed = true;
	return desc;
}

/*
 * Sec 7.5.3.9 to 7.5.3.11: what is not in the slot is not in its registers; Slot
 * Status bits are cleared by a 1 only, and each alone.
 */
static void slot_registers(struct kunit *test)
{
	const struct slot_case *c = test->param_value;
	struct pci_fabric_fn_desc desc = slot_port_desc();
	struct slot *s;
	unsigned int cap;

	if (c->full)
		desc = slot_full_desc();
	else
		desc.slot.surprise = false;
	s = slot_make_bare(test, &desc);
	cap = pci_find_capability(s->port_dev, 0x10);

	KUNIT_EXPECT_EQ(test, cfg_read(s->port_dev, cap + EXP_FLAGS, 2),
			c->full ? 0x0542 : 0x0142);
	KUNIT_EXPECT_EQ(test, cfg_read(s->port_dev, cap + EXP_SLTCAP, 4), c->cap);
	slot_set_reg(s, EXP_SLTCTL, 0xffff & ~SLOT_PCC);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTCTL), c->ctl_mask & ~SLOT_PCC);
	slot_set_reg(s, EXP_SLTCTL, 0xffff);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTCTL), c->ctl_mask);
	slot_set_reg(s, EXP_SLTCTL, 0);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTCTL), 0);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA) & SLOT_CC,
			c->full ? SLOT_CC : 0);
	slot_clear(s, 0xffff);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA), SLOT_PDS);

	pci_fabric_slot_remove(s->port);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA), SLOT_PDC | SLOT_DLLSC);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_LNKSTA) & LINK_ACTIVE, 0);
	slot_clear(s, 0);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA), SLOT_PDC | SLOT_DLLSC);
	slot_clear(s, SLOT_PDC | SLOT_PDS);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA), SLOT_DLLSC);
	slot_clear(s, SLOT_DLLSC);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA), 0);

	pci_fabric_slot_insert(s->port);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA),
			SLOT_PDC | SLOT_DLLSC | SLOT_PDS);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_LNKSTA) & LINK_ACTIVE, LINK_ACTIVE);

	pci_fabric_reset(s->port, PCI_FABRIC_RESET_HOT);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA), SLOT_PDS);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTCTL), c->ctl_reset);
}

/* A port that never was in use may be reset: an empty slot stays empty. */
static void slot_reset_empty(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = slot_port_desc();
	struct slot *s;

	desc.slot.empty = true;
	s = slot_make_bare(test, &desc);
	pci_fabric_reset(s->port, PCI_FABRIC_RESET_COLD);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA), 0);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_LNKSTA) & LINK_ACTIVE, 0);
}

static irqreturn_t slot_handler(int irq, void *data)
{
	atomic_inc(data);
	return IRQ_HANDLED;
}

KUNIT_DEFINE_ACTION_WRAPPER(slot_free_vectors, pci_free_irq_vectors,
			    struct pci_dev *);

struct slot_irq {
	unsigned int irq;
	atomic_t *hits;
};

static void slot_free_irq(void *data)
{
	struct slot_irq *i = data;

	free_irq(i->irq, i->hits);
}

static void slot_request(struct slot *s, unsigned int irq, int vector)
{
	struct slot_irq *i = kunit_kzalloc(s->test, sizeof(*i), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(s->test, i);
	i->irq = irq;
	i->hits = &s->hits[vector];
	KUNIT_ASSERT_EQ(s->test, request_irq(irq, slot_handler, 0, "slot", i->hits),
			0);
	KUNIT_ASSERT_EQ(s->test, kunit_add_action_or_reset(s->test, slot_free_irq, i),
			0);
}

static int slot_hits(struct slot *s, int vector)
{
	pci_fabric_flush(s->fabric);
	return atomic_xchg(&s->hits[vector], 0);
}

/*
 * Sec 6.7.3.4: a message is sent when Hot-Plug Interrupt Enable is set and the
 * first event that is enabled gets there, on the vector of the Interrupt Message
 * Number.  Catches messages for what is not enabled, missing ones, and one too many.
 */
static void slot_message(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = slot_full_desc();
	struct slot *s = slot_make_bare(test, &desc);

	KUNIT_ASSERT_EQ(test, pci_enable_device(s->port_dev), 0);
	pci_set_master(s->port_dev);
	KUNIT_ASSERT_EQ(test, pci_alloc_irq_vectors(s->port_dev, 4, 4, PCI_IRQ_MSI), 4);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, slot_free_vectors,
							s->port_dev), 0);
	for (int i = 0; i < 4; i++)
		slot_request(s, pci_irq_vector(s->port_dev, i), i);

	/* Nothing without the enable of the event, or that of the interrupt */
	slot_set_reg(s, EXP_SLTCTL, SLOT_HPIE);
	slot_clear(s, SLOT_CC);
	pci_fabric_slot_button(s->port);
	pci_fabric_slot_remove(s->port);
	KUNIT_EXPECT_EQ(test, slot_hits(s, 2), 0);
	slot_set_reg(s, EXP_SLTCTL, SLOT_ABP | SLOT_PDC | SLOT_CC | SLOT_DLLSCE);
	slot_clear(s, 0xffff);
	pci_fabric_slot_button(s->port);
	pci_fabric_slot_insert(s->port);
	KUNIT_EXPECT_EQ(test, slot_hits(s, 2), 0);
	slot_clear(s, 0xffff);

	/* Each event by its own enable */
	slot_set_reg(s, EXP_SLTCTL, SLOT_HPIE | SLOT_ABP);
	pci_fabric_slot_button(s->port);
	KUNIT_EXPECT_EQ(test, slot_hits(s, 2), 1);
	slot_clear(s, 0xffff);
	slot_set_reg(s, EXP_SLTCTL, SLOT_HPIE | SLOT_PDC);
	pci_fabric_slot_remove(s->port);
	KUNIT_EXPECT_EQ(test, slot_hits(s, 2), 1);
	slot_clear(s, 0xffff);
	slot_set_reg(s, EXP_SLTCTL, SLOT_HPIE | SLOT_DLLSCE);
	pci_fabric_slot_insert(s->port);
	KUNIT_EXPECT_EQ(test, slot_hits(s, 2), 1);
	slot_clear(s, 0xffff);
	slot_set_reg(s, EXP_SLTCTL, SLOT_HPIE | SLOT_CC);
	KUNIT_EXPECT_EQ(test, slot_hits(s, 2), 1);

	/* One for all, until all are cleared */
	slot_set_reg(s, EXP_SLTCTL, SLOT_HPIE | SLOT_ABP | SLOT_PDC | SLOT_DLLSCE);
	slot_clear(s, 0xffff);
	pci_fabric_slot_button(s->port);
	pci_fabric_slot_remove(s->port);
	KUNIT_EXPECT_EQ(test, slot_hits(s, 2), 1);
	slot_clear(s, SLOT_PDC | SLOT_DLLSC);
	pci_fabric_slot_insert(s->port);
	KUNIT_EXPECT_EQ(test, slot_hits(s, 2), 0);
	slot_clear(s, 0xffff);
	pci_fabric_slot_button(s->port);
	KUNIT_EXPECT_EQ(test, slot_hits(s, 2), 1);

	for (int i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, slot_hits(s, i), 0);
}

/*
 * Surprise removal: the driver loses the device, which answers no more, and the
 * kernel forgets it.  What is put back is another: enumerated, as after power on.
 */
static void slot_surprise(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = slot_port_desc();
	struct slot *s = slot_make(test, &desc);

	EXPECT_BOUND(s, 1, 0);
	pci_fabric_bar_poke(s->ep, 0, 0, 4, 0x12345678);
	for (int i = 1; i <= 2; i++) {
		pci_fabric_slot_remove(s->port);
		slot_settle(s, s->port);
		EXPECT_BOUND(s, i, i);
		KUNIT_EXPECT_FALSE(test, s->answered);
		slot_expect_there(s, s->ep, false);
		KUNIT_EXPECT_TRUE(test, is_absent(s->port_dev->subordinate, 0));

		pci_fabric_slot_insert(s->port);
		slot_settle(s, s->port);
		EXPECT_BOUND(s, i + 1, i);
		slot_expect_there(s, s->ep, true);
		KUNIT_EXPECT_EQ(test, pci_fabric_stats(s->ep).resets[PCI_FABRIC_RESET_COLD],
				i);
		KUNIT_EXPECT_EQ(test, pci_fabric_bar_peek(s->ep, 0, 0, 4), 0);
	}
	/* pciehp has cleared all events */
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA), SLOT_PDS);
}

/* The same by INTx, which stays asserted until pciehp has cleared the events */
static void slot_surprise_intx(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = slot_port_desc();
	struct slot *s;

	desc.msi.vectors = 0;
	desc.intx_pin = 1;
	s = slot_make(test, &desc);
	pci_fabric_slot_remove(s->port);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 1, 1);
	/* Interrupt Status */
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(s->port, 0x06, 2) & BIT(3), 0);
	pci_fabric_slot_insert(s->port);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 2, 1);
}

/* With notification off nothing happens; when it is back, pciehp catches up. */
static void slot_disabled(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = slot_port_desc();
	struct slot *s = slot_make(test, &desc);
	u16 ctl = slot_reg(s, EXP_SLTCTL);

	/* Without an Attention Button: presence, link, and the interrupt */
	KUNIT_EXPECT_EQ(test, ctl, SLOT_PDC | SLOT_HPIE | SLOT_DLLSCE);
	slot_set_reg(s, EXP_SLTCTL, ctl & ~SLOT_HPIE);
	pci_fabric_slot_remove(s->port);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 1, 0);
	KUNIT_EXPECT_TRUE(test, is_absent(s->port_dev->subordinate, 0));
	slot_set_reg(s, EXP_SLTCTL, ctl);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 1, 1);
}

/* What is described below an empty slot is not there until it is inserted. */
static void slot_empty(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = slot_full_desc();
	struct slot *s;

	desc.slot.button = false;
	desc.slot.empty = true;
	s = slot_make(test, &desc);
	EXPECT_BOUND(s, 0, 0);
	slot_expect_there(s, s->ep, false);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA), 0);
	/* pciehp takes the power from an empty slot */
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTCTL) & SLOT_PCC, SLOT_PCC);

	pci_fabric_slot_insert(s->port);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 1, 0);
	slot_expect_there(s, s->ep, true);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTCTL) & SLOT_PCC, 0);
}

/*
 * The power attribute in sysfs: the driver gives back a device that still answers.
 * Without power it is absent, with power it is as new.
 */
static void slot_power(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = slot_full_desc();
	struct hotplug_slot *slot;
	struct slot *s;

	s = slot_make(test, &desc);
	slot = slot_hotplug(s);
	KUNIT_EXPECT_STREQ(test, hotplug_slot_name(slot), "7");
	KUNIT_EXPECT_EQ(test, slot->ops->disable_slot(slot), 0);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 1, 1);
	KUNIT_EXPECT_TRUE(test, s->answered);
	slot_expect_there(s, s->ep, false);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTCTL) & SLOT_PCC, SLOT_PCC);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA) & SLOT_PDS, SLOT_PDS);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_LNKSTA) & LINK_ACTIVE, 0);
	KUNIT_EXPECT_TRUE(test, is_absent(s->port_dev->subordinate, 0));

	KUNIT_EXPECT_EQ(test, slot->ops->enable_slot(slot), 0);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 2, 1);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_LNKSTA) & LINK_ACTIVE, LINK_ACTIVE);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(s->ep).resets[PCI_FABRIC_RESET_COLD], 1);
}

/*
 * The Attention Button: 5 s of blinking, then the slot goes off; a second press in
 * that time takes it back.
 */
static void slot_button(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = slot_full_desc();
	struct slot *s = slot_make(test, &desc);

	pci_fabric_slot_button(s->port);
	slot_settle(s, s->port);
	/* Power Indicator Control: blink, then on again */
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTCTL) & 0x0300, 0x0200);
	pci_fabric_slot_button(s->port);
	slot_settle(s, s->port);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTCTL) & 0x0300, 0x0100);
	EXPECT_BOUND(s, 1, 0);

	pci_fabric_slot_button(s->port);
	KUNIT_ASSERT_GT(test, wait_event_timeout(s->wait, atomic_read(&s->removed),
						 SLOT_TIMEOUT), 0);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 1, 1);
	KUNIT_EXPECT_TRUE(test, s->answered);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTCTL) & SLOT_PCC, SLOT_PCC);
}

/* Link Disable and back: for pciehp a removal and an insertion */
static void slot_link_disable(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = slot_port_desc();
	struct slot *s = slot_make(test, &desc);

	/* Or presence alone would bring it back */
	slot_set_reg(s, EXP_LNKCTL, LINK_DISABLE);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_LNKSTA) & LINK_ACTIVE, 0);
	KUNIT_EXPECT_TRUE(test, is_absent(s->port_dev->subordinate, 0));
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 1, 1);
	slot_set_reg(s, EXP_LNKCTL, 0);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 2, 1);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(s->ep).resets[PCI_FABRIC_RESET_HOT], 1);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(s->ep).resets[PCI_FABRIC_RESET_COLD], 0);
}

/* A reset by Secondary Bus Reset takes the link down, but is no removal. */
static void slot_bus_reset(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = slot_port_desc();
	struct slot *s = slot_make(test, &desc);
	struct pci_dev *dev = pci_fabric_pdev(s->ep);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_EXPECT_EQ(test, pci_reset_function(dev), 0);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 1, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(s->ep).resets[PCI_FABRIC_RESET_HOT], 1);

	device_release_driver(&s->port_dev->dev);
	slot_clear(s, 0xffff);
	cfg_write(s->port_dev, 0x3e, 2, BIT(6));
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_LNKSTA) & LINK_ACTIVE, 0);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_SLTSTA), SLOT_DLLSC | SLOT_PDS);
	cfg_write(s->port_dev, 0x3e, 2, 0);
	KUNIT_EXPECT_EQ(test, slot_reg(s, EXP_LNKSTA) & LINK_ACTIVE, LINK_ACTIVE);
}

/* Slots at two downstream ports of a switch: each is its own. */
static void slot_switch(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = slot_port_desc();
	struct slot *s = slot_alloc(test);
	struct pci_fabric_fn *root, *up, *other, *other_ep;

	root = add_port(s->fabric, NULL, PCI_DEVFN(2, 0), TYPE_ROOT_PORT);
	up = add_port(s->fabric, root, 0, TYPE_UPSTREAM);
	desc.pcie_type = TYPE_DOWNSTREAM;
	s->port = pci_fabric_add(s->fabric, up, &desc);
	desc.devfn = PCI_DEVFN(2, 0);
	desc.slot.number = 8;
	other = pci_fabric_add(s->fabric, up, &desc);
	s->ep = pci_fabric_add(s->fabric, s->port, &slot_ep_desc);
	other_ep = pci_fabric_add(s->fabric, other, &slot_ep_desc);
	slot_scan(s);
	slot_settle(s, s->port);
	slot_settle(s, other);
	EXPECT_BOUND(s, 2, 0);

	pci_fabric_slot_remove(s->port);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 2, 1);
	slot_expect_there(s, s->ep, false);
	slot_expect_there(s, other_ep, true);
	pci_fabric_slot_remove(other);
	slot_settle(s, other);
	EXPECT_BOUND(s, 2, 2);
	pci_fabric_slot_insert(s->port);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 3, 2);
	slot_expect_there(s, s->ep, true);
	slot_expect_there(s, other_ep, false);
}

/* A switch with two endpoints in the slot comes and goes as a whole. */
static void slot_bridge_below(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = slot_port_desc();
	struct slot *s = slot_alloc(test);
	struct pci_fabric_fn *up, *down[2], *ep[2];

	s->port = pci_fabric_add(s->fabric, NULL, &desc);
	up = add_port(s->fabric, s->port, 0, TYPE_UPSTREAM);
	for (int i = 0; i < 2; i++) {
		down[i] = add_port(s->fabric, up, PCI_DEVFN(i, 0), TYPE_DOWNSTREAM);
		ep[i] = pci_fabric_add(s->fabric, down[i], &slot_ep_desc);
	}
	slot_scan(s);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 2, 0);

	pci_fabric_slot_remove(s->port);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 2, 2);
	slot_expect_there(s, up, false);
	slot_expect_there(s, down[1], false);
	slot_expect_there(s, ep[1], false);
	pci_fabric_slot_insert(s->port);
	slot_settle(s, s->port);
	EXPECT_BOUND(s, 4, 2);
	slot_expect_there(s, ep[0], true);
	slot_expect_there(s, ep[1], true);
}

static struct kunit_case pci_fabric_slot_cases[] = {
	KUNIT_CASE_PARAM(slot_registers, slot_gen_params),
	KUNIT_CASE(slot_reset_empty),
	KUNIT_CASE(slot_message),
	KUNIT_CASE(slot_surprise),
	KUNIT_CASE(slot_surprise_intx),
	KUNIT_CASE(slot_disabled),
	KUNIT_CASE(slot_empty),
	KUNIT_CASE(slot_power),
	KUNIT_CASE_SLOW(slot_button),
	KUNIT_CASE(slot_link_disable),
	KUNIT_CASE(slot_bus_reset),
	KUNIT_CASE(slot_switch),
	KUNIT_CASE(slot_bridge_below),
	{}
};

static struct kunit_suite pci_fabric_slot_suite = {
	.name = "pci_fabric_slot",
	.test_cases = pci_fabric_slot_cases,
};

kunit_test_suites(&pci_fabric_slot_suite);

MODULE_DESCRIPTION("KUnit tests for hotplug slots of the emulated PCI fabric");
MODULE_LICENSE("GPL");
