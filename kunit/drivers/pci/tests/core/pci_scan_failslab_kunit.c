// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite: each allocation of a rescan fails once.
 *
 * The n-th allocation of a rescan fails, for n = 1, 2, ... until there is none
 * left that could.  Whatever the rescan made of it, devices are either there or
 * not, nothing is lost, and the next rescan without failures finds the rest.
 *
 * The assignment of resources in between is spared, as pdev_sort_resources()
 * panics when it gets no memory.
 */
#include <kunit/test.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include "../../pci.h"
#include "pci_active_children.h"
#include "pci_fabric_kunit.h"
#include "pci_failslab.h"
#include "pci_failslab_probe.h"

/* Fewer allocations than any rescan makes: one that does not get to the new device */
#define SCAN_MIN	30

#define SCAN_DEVICE	0x0220

struct scan_fixture {
	struct kunit *test;
	struct pci_failslab sweep;
	struct pci_fabric *fabric;
	struct pci_bus *root;
	/* What there was before */
	unsigned int devices;
	unsigned int refs;
	unsigned int vectors;
	int children;
};

static const struct pci_device_id scan_ids[] = {
	{ PCI_DEVICE(PCI_FABRIC_VENDOR, SCAN_DEVICE) },
	{}
};

static struct pci_driver scan_driver = {
	.name = "pci_scan_failslab",
	.id_table = scan_ids,
	.probe = pci_failslab_probe,
};

static void scan_unregister(void *unused)
{
	pci_unregister_driver(&scan_driver);
}

static unsigned int scan_devices(struct pci_bus *bus)
{
	unsigned int count = 0;
	struct pci_dev *dev;

	list_for_each_entry(dev, &bus->devices, bus_list)
		count++;
	return count;
}

/* The fabric has one device, so that it is in use, and the driver is there. */
static struct scan_fixture *scan_fixture(struct kunit *test)
{
	struct scan_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	pci_failslab_init(&f->sweep, test, 1);
	f->test = test;
	KUNIT_ASSERT_EQ(test, pci_register_driver(&scan_driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, scan_unregister, NULL), 0);
	f->fabric = pci_fabric_alloc(test);
	pci_fabric_add(f->fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(1, 0), .device = 0x0221,
		.pcie_type = TYPE_RCIEP,
	});
	pci_fabric_scan(f->fabric);
	f->root = pci_fabric_host_bridge(f->fabric)->bus;
	f->devices = scan_devices(f->root);
	f->refs = kref_read(&f->root->dev.kobj.kref);
	f->vectors = pci_fabric_vectors_used(f->fabric);
	f->children = pci_active_children(f->root->bridge);
	return f;
}

static void scan_rescan(struct pci_bus *bus)
{
	pci_lock_rescan_remove();
	pci_rescan_bus(bus);
	pci_unlock_rescan_remove();
}

/* What pci_rescan_bus() does; returns whether an allocation failed. */
static bool scan_rescan_failing(struct pci_bus *bus, struct pci_failslab *sweep)
{
	bool failed;

	pci_lock_rescan_remove();
	pci_failslab_arm(sweep);
	pci_scan_child_bus(bus);
	pci_failslab_disarm(sweep);

	pci_assign_unassigned_bus_resources(bus);

	pci_failslab_arm(sweep);
	pci_bus_add_devices(bus);
	failed = pci_failslab_disarm(sweep);
	pci_unlock_rescan_remove();
	return failed;
}

/* Every device below @bus is one that the driver core knows. */
static unsigned int scan_check_bus(struct scan_fixture *f, struct pci_bus *bus)
{
	unsigned int count = 0;
	struct pci_dev *dev;

	list_for_each_entry(dev, &bus->devices, bus_list) {
		count++;
		KUNIT_EXPECT_TRUE(f->test, device_is_registered(&dev->dev));
		KUNIT_EXPECT_NOT_NULL(f->test, dev_name(&dev->dev));
		if (!dev->subordinate) {
			/* The name is that of a bus, which is gone */
			for (int i = 0; i < PCI_BRIDGE_RESOURCE_NUM; i++)
				KUNIT_EXPECT_NULL(f->test,
						  dev->resource[PCI_BRIDGE_RESOURCES + i].name);
			continue;
		}
		KUNIT_EXPECT_TRUE(f->test,
				  device_is_registered(&dev->subordinate->dev));
		KUNIT_EXPECT_PTR_EQ(f->test, dev->subordinate->self, dev);
		count += scan_check_bus(f, dev->subordinate);
	}
	return count;
}

/* Without what has appeared, everything is as it was before. */
static void scan_remove(struct scan_fixture *f, u8 devfn)
{
	struct pci_dev *dev = pci_get_slot(f->root, devfn);

	if (dev) {
		pci_stop_and_remove_bus_device_locked(dev);
		KUNIT_EXPECT_EQ(f->test, kref_read(&dev->dev.kobj.kref), 1);
		pci_dev_put(dev);
	}
	KUNIT_EXPECT_EQ(f->test, scan_devices(f->root), f->devices);
	KUNIT_EXPECT_EQ(f->test, kref_read(&f->root->dev.kobj.kref), f->refs);
	KUNIT_EXPECT_EQ(f->test, pci_fabric_vectors_used(f->fabric), f->vectors);
	KUNIT_EXPECT_EQ(f->test,
			pci_active_children(f->root->bridge),
			f->children);
}

/* Let each allocation fail once, of rescans that find @more devices at @devfn. */
static void scan_all(struct scan_fixture *f, u8 devfn, unsigned int more)
{
	struct kunit *test = f->test;

	while (pci_failslab_next(&f->sweep)) {
		bool failed = scan_rescan_failing(f->root, &f->sweep);

		KUNIT_EXPECT_FALSE(test, mutex_is_locked(&pci_rescan_remove_lock));

		scan_check_bus(f, f->root);
		if (failed)
			scan_rescan(f->root);
		KUNIT_EXPECT_EQ(test, scan_check_bus(f, f->root),
				f->devices + more);
		scan_remove(f, devfn);
	}
	pci_failslab_end(&f->sweep, SCAN_MIN);
}

/*
 * An endpoint with a driver: half of a device on the list of its bus, vectors
 * that a failed probe keeps, references.
 */
static void endpoint(struct kunit *test)
{
	struct scan_fixture *f = scan_fixture(test);

	pci_fabric_add(f->fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(3, 0), .device = SCAN_DEVICE,
		.pcie_type = TYPE_RCIEP, .pm = true,
		.bars[0] = { .size = SZ_4K },
		.msix = {
			.vectors = PCI_FAILSLAB_VECTORS,
			.table_off = 0x800, .pba_off = 0xc00,
		},
	});
	scan_all(f, PCI_DEVFN(3, 0), 1);
}

/*
 * A root port with an endpoint: the bus that cannot be registered but is left
 * in its bridge, a bus without its bridge.
 */
static void bridge(struct kunit *test)
{
	struct scan_fixture *f = scan_fixture(test);
	struct pci_fabric_fn *port;

	port = pci_fabric_add(f->fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(4, 0), .device = 0x0222, .hdr_type = 1,
		.pcie_type = TYPE_ROOT_PORT, .pm = true,
	});
	pci_fabric_add(f->fabric, port, &(struct pci_fabric_fn_desc){
		.device = SCAN_DEVICE, .pcie_type = TYPE_ENDPOINT, .pm = true,
		.bars[0] = { .size = SZ_4K },
		.msix = {
			.vectors = PCI_FAILSLAB_VECTORS,
			.table_off = 0x800, .pba_off = 0xc00,
		},
	});
	scan_all(f, PCI_DEVFN(4, 0), 2);
}

static struct kunit_case pci_scan_failslab_cases[] = {
	KUNIT_CASE_SLOW(endpoint),
	KUNIT_CASE_SLOW(bridge),
	{}
};

static struct kunit_suite pci_scan_failslab_suite = {
	.name = "pci_scan_failslab",
	.test_cases = pci_scan_failslab_cases,
};

kunit_test_suite(pci_scan_failslab_suite);
