// SPDX-License-Identifier: GPL-2.0
/* Lets the driver core refuse devices of the emulated fabric, see the header. */
#include <kunit/pci.h>
#include <kunit/test.h>
#include <linux/ioport.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "pci_device_add_refuse.h"

/* One test runs at a time, and fixups of the fabric run in its thread. */
static struct {
	bool on;
	u16 device;
	unsigned int skip;
	unsigned int count;
	bool hold;
	struct pci_dev *held;
	struct resource *window;
} refuse;

static void pci_refuse_fixup(struct pci_dev *dev)
{
	if (!refuse.on || dev->device != refuse.device)
		return;
	if (refuse.skip) {
		refuse.skip--;
		return;
	}

	refuse.on = false;
	refuse.count++;
	if (refuse.hold) {
		refuse.hold = false;
		refuse.held = pci_dev_get(dev);
	}
	if (refuse.window) {
		struct resource *res = &dev->resource[PCI_STD_NUM_BARS - 1];

		resource_set_range(res, refuse.window->start,
				   resource_size(refuse.window));
		res->flags = refuse.window->flags;
		if (request_resource(refuse.window, res))
			pr_err("pci_refuse: the window is in use\n");
		refuse.window = NULL;
	}
	kfree_const(dev->dev.kobj.name);
	dev->dev.kobj.name = NULL;
}
DECLARE_PCI_FIXUP_HEADER(PCI_FABRIC_VENDOR, PCI_ANY_ID, pci_refuse_fixup);

static void pci_refuse_reset(void *unused)
{
	pci_dev_put(refuse.held);
	memset(&refuse, 0, sizeof(refuse));
}

void pci_refuse_init(struct kunit *test)
{
	pci_refuse_reset(NULL);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, pci_refuse_reset, NULL), 0);
}

void pci_refuse(u16 device, unsigned int skip)
{
	refuse.device = device;
	refuse.skip = skip;
	refuse.count = 0;
	refuse.on = true;
}

void pci_refuse_hold(void)
{
	refuse.hold = true;
}

struct pci_dev *pci_refuse_held(void)
{
	struct pci_dev *dev = refuse.held;

	refuse.held = NULL;
	return dev;
}

void pci_refuse_claim(struct resource *window)
{
	refuse.window = window;
}

unsigned int pci_refuse_end(void)
{
	refuse.on = false;
	return refuse.count;
}
