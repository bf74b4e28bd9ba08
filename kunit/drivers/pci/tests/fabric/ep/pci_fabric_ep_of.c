// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI endpoint controller: a device tree for it, see pci_fabric_ep_of.h.
 */
#include <kunit/of.h>
#include <kunit/test.h>
#include <linux/of.h>
#include <linux/of_platform.h>
#include <linux/platform_device.h>

#include "pci_fabric_ep_of.h"

#ifdef CONFIG_OF_OVERLAY
static void pci_fabric_ep_of_put(void *data)
{
	put_device(data);
}

void pci_fabric_ep_of(struct kunit *test, struct pci_fabric_ep_desc *desc)
{
	struct platform_device *pdev;
	struct device_node *np;

	KUNIT_ASSERT_EQ(test, of_overlay_apply_kunit(test, pci_fabric_ep_of), 0);
	np = of_find_node_by_name(NULL, "pci-fabric-ep-of");
	KUNIT_ASSERT_NOT_NULL(test, np);
	of_node_put_kunit(test, np);
	pdev = of_find_device_by_node(np);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_fabric_ep_of_put,
							&pdev->dev), 0);
	np = of_find_node_by_name(NULL, "pci-fabric-ep-msi");
	KUNIT_ASSERT_NOT_NULL(test, np);
	of_node_put_kunit(test, np);
	desc->parent = &pdev->dev;
	desc->msi = of_fwnode_handle(np);
}
#else
void pci_fabric_ep_of(struct kunit *test, struct pci_fabric_ep_desc *desc)
{
	kunit_skip(test, "requires CONFIG_OF_OVERLAY");
}
#endif
