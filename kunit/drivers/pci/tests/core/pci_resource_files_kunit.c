// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the files "resourceN" in sysfs, where each is made of an attribute that
 * the device points to (struct pci_dev.res_attr).
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sysfs.h>

#include "pci_fabric_kunit.h"

/*
 * "resource1" cannot be made: "resource0" that is freed, while the device still
 * points to it, and freed again with the device.
 */
static void name_taken(struct kunit *test)
{
	static const struct bin_attribute other = {
		.attr = { .name = "resource1", .mode = 0400 },
	};
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_bus *root;
	struct pci_dev *dev;
	int ret = -ENODEV;

	pci_fabric_scan(fabric);
	root = pci_fabric_host_bridge(fabric)->bus;
	pci_fabric_add(fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(3, 0), .device = 0x0208, .pcie_type = TYPE_RCIEP,
		.bars[0] = { .size = SZ_4K }, .bars[1] = { .size = SZ_4K },
	});
	/* What pci_rescan_bus() does, and the name is taken in between */
	pci_lock_rescan_remove();
	pci_scan_child_bus(root);
	pci_assign_unassigned_bus_resources(root);
	dev = pci_get_slot(root, PCI_DEVFN(3, 0));
	if (dev)
		ret = sysfs_create_bin_file(&dev->dev.kobj, &other);
	pci_bus_add_devices(root);
	pci_unlock_rescan_remove();
	KUNIT_EXPECT_EQ(test, ret, 0);
	if (ret)
		goto put;

	KUNIT_EXPECT_NULL(test, dev->res_attr[0]);
	KUNIT_EXPECT_NULL(test, dev->res_attr[1]);
	sysfs_remove_bin_file(&dev->dev.kobj, &other);
	pci_stop_and_remove_bus_device_locked(dev);
put:
	pci_dev_put(dev);
}

static struct kunit_case pci_resource_files_cases[] = {
	KUNIT_CASE(name_taken),
	{}
};

static struct kunit_suite pci_resource_files_suite = {
	.name = "pci_resource_files",
	.test_cases = pci_resource_files_cases,
};

kunit_test_suite(pci_resource_files_suite);

MODULE_DESCRIPTION("KUnit tests for resource files of PCI devices");
MODULE_LICENSE("GPL");
