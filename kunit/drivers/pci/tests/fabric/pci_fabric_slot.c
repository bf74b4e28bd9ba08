// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: hotplug slots of root and downstream ports.
 *
 * Section numbers are those of the PCI Express Base Specification r6.0.
 */
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/unaligned.h>

#include "pci_fabric_internal.h"

static u16 pci_fabric_exp_get(const struct pci_fabric_fn *port, unsigned int off)
{
	return pci_fabric_cfg_get(port, port->pcie + off, 2);
}

/* As the hardware does it: no write masks, and nothing that outlives a reset */
static void pci_fabric_exp_change(struct pci_fabric_fn *port, unsigned int off,
				  u16 clear, u16 set)
{
	u16 val = pci_fabric_exp_get(port, off);

	put_unaligned_le16((val & ~clear) | set, port->val + port->pcie + off);
}

/*
 * Sec 6.7.3.4: the interrupt is one for all events.  INTx stays asserted as long
 * as one is there and enabled; a message is sent when the first one gets there,
 * and none for those that come before all are cleared.
 */
static void pci_fabric_slot_signal(struct pci_fabric_fn *port)
{
	u16 ctl = pci_fabric_exp_get(port, PCI_EXP_SLTCTL);
	u16 sta = pci_fabric_exp_get(port, PCI_EXP_SLTSTA);
	bool signal = false;

	/* The enables are where the events are, but for one */
	if (ctl & PCI_EXP_SLTCTL_HPIE)
		signal = (ctl & sta & (PCI_EXP_SLTSTA_ABP | PCI_EXP_SLTSTA_PDC |
				       PCI_EXP_SLTSTA_CC)) ||
			 ((ctl & PCI_EXP_SLTCTL_DLLSCE) &&
			  (sta & PCI_EXP_SLTSTA_DLLSC));

	if (signal && !port->slot.signal && pci_fabric_msi_enabled(port)) {
		port->slot.send = true;
		port->fabric->irq_pending = true;
	}
	port->slot.signal = signal;
	port->intx_level = signal;
	pci_fabric_update_intx(port->fabric);
}

static void pci_fabric_slot_event(struct pci_fabric_fn *port, u16 events)
{
	pci_fabric_exp_change(port, PCI_EXP_SLTSTA, 0, events);
	pci_fabric_slot_signal(port);
}

static bool pci_fabric_slot_powered(const struct pci_fabric_fn *port)
{
	return !(pci_fabric_exp_get(port, PCI_EXP_SLTCTL) & PCI_EXP_SLTCTL_PCC);
}

/* Has the link gone up or down?  What was without power is as new afterwards. */
static void pci_fabric_slot_link(struct pci_fabric_fn *port)
{
	bool disabled = pci_fabric_exp_get(port, PCI_EXP_LNKCTL) & PCI_EXP_LNKCTL_LD;
	bool reset = pci_fabric_cfg_get(port, PCI_BRIDGE_CONTROL, 2) &
		     PCI_BRIDGE_CTL_BUS_RESET;
	bool on = port->slot.card && pci_fabric_slot_powered(port);
	bool down = !on || disabled || reset;

	if (!on)
		port->slot.cold = true;
	pci_fabric_exp_change(port, PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_DLLLA,
			      down ? 0 : PCI_EXP_LNKSTA_DLLLA);
	if (down == port->slot.down)
		return;

	port->slot.down = down;
	if (!down && port->slot.cold) {
		port->slot.cold = false;
		pci_fabric_reset_below(port, PCI_FABRIC_RESET_COLD);
	} else if (down && disabled) {
		/* Sec 6.6.1: as a hot reset */
		pci_fabric_reset_below(port, PCI_FABRIC_RESET_HOT);
	}
	pci_fabric_slot_event(port, PCI_EXP_SLTSTA_DLLSC);
}

/* After a write to Bridge Control (@off 0) or at @off in PCI Express */
void pci_fabric_slot_write(struct pci_fabric_fn *port, unsigned int off,
			   unsigned int size)
{
	lockdep_assert_held(&port->fabric->lock);

	if (!port->desc.slot.hotplug)
		return;

	/* Sec 7.5.3.10: a write to Slot Control is a command, whatever it changes */
	if (port->desc.slot.cmd_completed && off < PCI_EXP_SLTCTL + 2 &&
	    off + size > PCI_EXP_SLTCTL)
		pci_fabric_exp_change(port, PCI_EXP_SLTSTA, 0, PCI_EXP_SLTSTA_CC);
	pci_fabric_slot_link(port);
	pci_fabric_slot_signal(port);
}

/* The port is reset: events are forgotten, the card is still there, or not. */
void pci_fabric_slot_reset(struct pci_fabric_fn *port)
{
	if (!port->desc.slot.hotplug)
		return;

	port->slot.send = false;
	pci_fabric_slot_link(port);
	pci_fabric_exp_change(port, PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_DLLSC,
			      port->slot.card ? PCI_EXP_SLTSTA_PDS : 0);
	pci_fabric_slot_signal(port);
}

/* Sends one message that is due; false when there is none.  No lock held. */
bool pci_fabric_slot_deliver(struct pci_fabric *fabric)
{
	struct pci_fabric_fn *fn, *port = NULL;
	bool msix = false;

	scoped_guard(raw_spinlock_irqsave, &fabric->lock) {
		list_for_each_entry(fn, &fabric->fns, list) {
			if (!fn->slot.send)
				continue;
			fn->slot.send = false;
			msix = pci_fabric_msix_on(fn);
			port = fn;
			break;
		}
	}
	if (!port)
		return false;

	if (msix)
		pci_fabric_raise_msix(port, port->desc.slot.message);
	else
		pci_fabric_raise_msi(port, port->desc.slot.message);
	return true;
}

void pci_fabric_init_slot(struct kunit *test, struct pci_fabric_fn *port)
{
	const struct pci_fabric_fn_desc *desc = &port->desc;
	bool button = desc->slot.button, power = desc->slot.power_ctrl;
	bool leds = desc->slot.indicators, completed = desc->slot.cmd_completed;
	unsigned int message = desc->slot.message;
	const struct pci_fabric_reg regs[] = {
		{ .off = PCI_EXP_FLAGS, .size = 2,
		  .val = pci_fabric_exp_get(port, PCI_EXP_FLAGS) |
			 PCI_EXP_FLAGS_SLOT | message << 9 },
		{ .off = PCI_EXP_SLTCAP, .size = 4,
		  .val = PCI_EXP_SLTCAP_HPC |
			 (button ? PCI_EXP_SLTCAP_ABP : 0) |
			 (power ? PCI_EXP_SLTCAP_PCP : 0) |
			 (leds ? PCI_EXP_SLTCAP_AIP | PCI_EXP_SLTCAP_PIP : 0) |
			 (desc->slot.surprise ? PCI_EXP_SLTCAP_HPS : 0) |
			 (completed ? 0 : PCI_EXP_SLTCAP_NCCS) |
			 (u32)desc->slot.number << 19 },
		/* What is not there is read-only zero; the indicators are off */
		{ .off = PCI_EXP_SLTCTL, .size = 2,
		  .val = leds ? PCI_EXP_SLTCTL_ATTN_IND_OFF |
				PCI_EXP_SLTCTL_PWR_IND_OFF : 0,
		  .rw = PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_HPIE |
			PCI_EXP_SLTCTL_DLLSCE |
			(button ? PCI_EXP_SLTCTL_ABPE : 0) |
			(completed ? PCI_EXP_SLTCTL_CCIE : 0) |
			(leds ? PCI_EXP_SLTCTL_AIC | PCI_EXP_SLTCTL_PIC : 0) |
			(power ? PCI_EXP_SLTCTL_PCC : 0) },
		{ .off = PCI_EXP_SLTSTA, .size = 2,
		  .w1c = PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC |
			 (button ? PCI_EXP_SLTSTA_ABP : 0) |
			 (completed ? PCI_EXP_SLTSTA_CC : 0) },
	};

	KUNIT_ASSERT_TRUE_MSG(test,
			      desc->pcie_type == PCI_EXP_TYPE_ROOT_PORT ||
			      desc->pcie_type == PCI_EXP_TYPE_DOWNSTREAM,
			      "a slot at what is no root or downstream port");
	KUNIT_ASSERT_LT(test, desc->slot.number, 1 << 13);
	if (desc->msi.vectors)
		KUNIT_ASSERT_LT(test, message, desc->msi.vectors);
	if (desc->msix.vectors)
		KUNIT_ASSERT_LT(test, message, min(desc->msix.vectors, 32));

	for (int i = 0; i < ARRAY_SIZE(regs); i++)
		pci_fabric_init_reg(port, port->pcie, &regs[i]);

	port->slot.card = !desc->slot.empty;
	guard(raw_spinlock_irqsave)(&port->fabric->lock);
	pci_fabric_slot_reset(port);
}

static void pci_fabric_slot_set(struct pci_fabric_fn *port, bool card)
{
	struct kunit *test = port->fabric->test;

	KUNIT_ASSERT_TRUE_MSG(test, port->desc.slot.hotplug, "no slot");
	KUNIT_ASSERT_NE_MSG(test, port->slot.card, card, "the slot is %s",
			    card ? "occupied" : "empty");

	scoped_guard(raw_spinlock_irqsave, &port->fabric->lock) {
		port->slot.card = card;
		pci_fabric_exp_change(port, PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS,
				      card ? PCI_EXP_SLTSTA_PDS : 0);
		pci_fabric_slot_link(port);
		pci_fabric_slot_event(port, PCI_EXP_SLTSTA_PDC);
	}
	pci_fabric_flush(port->fabric);
}

void pci_fabric_slot_remove(struct pci_fabric_fn *port)
{
	pci_fabric_slot_set(port, false);
}

void pci_fabric_slot_insert(struct pci_fabric_fn *port)
{
	pci_fabric_slot_set(port, true);
}

void pci_fabric_slot_button(struct pci_fabric_fn *port)
{
	KUNIT_ASSERT_TRUE_MSG(port->fabric->test, port->desc.slot.button,
			      "no Attention Button");

	scoped_guard(raw_spinlock_irqsave, &port->fabric->lock)
		pci_fabric_slot_event(port, PCI_EXP_SLTSTA_ABP);
	pci_fabric_flush(port->fabric);
}
