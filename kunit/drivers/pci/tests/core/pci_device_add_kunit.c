// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of pci_device_add() when the driver core refuses the device.
 *
 * device_add() refuses a device that has no name.  pci_setup_device() makes such
 * a device when there is no memory for the name; here a fixup takes the name
 * away, so that no allocation has to fail and any configuration can run this.
 */
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "pci_active_children.h"
#include "pci_device_add_refuse.h"
#include "pci_fabric_kunit.h"

/* Two ports, with an endpoint below the first; the others appear later. */
struct add_fixture {
	struct pci_fabric *fabric;
	struct pci_fabric_fn *port;
	struct pci_dev *port_dev;
	struct pci_bus *root;
	struct pci_bus *link;
};

static struct add_fixture *add_fixture(struct kunit *test)
{
	struct add_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct pci_fabric_fn *ep;

	KUNIT_ASSERT_NOT_NULL(test, f);
	pci_refuse_init(test);
	f->fabric = pci_fabric_alloc(test);
	f->port = add_port(f->fabric, NULL, PCI_DEVFN(1, 0), TYPE_ROOT_PORT);
	ep = pci_fabric_add(f->fabric, f->port, &endpoint_desc);
	pci_fabric_scan(f->fabric);
	f->root = pci_fabric_host_bridge(f->fabric)->bus;
	f->port_dev = pci_fabric_pdev(f->port);
	KUNIT_ASSERT_NOT_NULL(test, f->port_dev);
	f->link = f->port_dev->subordinate;
	KUNIT_ASSERT_NOT_NULL(test, f->link);
	KUNIT_ASSERT_NOT_NULL(test, pci_fabric_pdev(ep));
	return f;
}

static struct pci_fabric_fn *add_endpoint(struct add_fixture *f, u8 devfn,
					  u16 device)
{
	return pci_fabric_add(f->fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = devfn, .device = device, .pcie_type = TYPE_RCIEP,
		.pm = true, .bars[0] = { .size = SZ_4K },
		.msix = { .vectors = 2, .table_off = 0x800, .pba_off = 0xc00 },
	});
}

static void rescan(struct pci_bus *bus)
{
	pci_lock_rescan_remove();
	pci_rescan_bus(bus);
	pci_unlock_rescan_remove();
}

static unsigned int devices_on(struct pci_bus *bus)
{
	unsigned int count = 0;
	struct pci_dev *dev;

	pci_lock_rescan_remove();
	list_for_each_entry(dev, &bus->devices, bus_list)
		count++;
	pci_unlock_rescan_remove();
	return count;
}

/* A device that is complete: in sysfs, with its resources and its name */
static void expect_added(struct kunit *test, struct pci_fabric_fn *fn)
{
	struct pci_dev *dev = pci_fabric_pdev(fn);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_EXPECT_TRUE(test, device_is_registered(&dev->dev));
	KUNIT_EXPECT_NOT_NULL(test, dev_name(&dev->dev));
	if (dev->hdr_type == PCI_HEADER_TYPE_NORMAL)
		KUNIT_EXPECT_NOT_NULL(test, dev->resource[0].parent);
}

/*
 * A device that stays on the list of its bus although the driver core has not
 * taken it: drivers would be bound to it, and its removal is an oops.
 */
static void endpoint(struct kunit *test)
{
	struct add_fixture *f = add_fixture(test);
	unsigned int before = devices_on(f->root);
	struct pci_fabric_fn *fn = add_endpoint(f, PCI_DEVFN(3, 0), 0x0203);

	pci_refuse(0x0203, 0);
	rescan(f->root);
	KUNIT_EXPECT_EQ(test, pci_refuse_end(), 1);
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(fn));
	KUNIT_EXPECT_EQ(test, devices_on(f->root), before);

	rescan(f->root);
	KUNIT_EXPECT_EQ(test, devices_on(f->root), before + 1);
	expect_added(test, fn);
}

/* A caller that is given the device all the same. */
static void single_device(struct kunit *test)
{
	struct add_fixture *f = add_fixture(test);
	struct pci_dev *dev;

	add_endpoint(f, PCI_DEVFN(3, 0), 0x0203);
	pci_refuse(0x0203, 0);
	pci_lock_rescan_remove();
	dev = pci_scan_single_device(f->root, PCI_DEVFN(3, 0));
	pci_unlock_rescan_remove();
	KUNIT_EXPECT_EQ(test, pci_refuse_end(), 1);
	KUNIT_EXPECT_NULL(test, dev);
}

/* Other functions of the device that are left out, or a scan that ends early. */
static void one_function_of_three(struct kunit *test)
{
	struct add_fixture *f = add_fixture(test);
	struct pci_fabric_fn *fn[3];

	for (int i = 0; i < 3; i++)
		fn[i] = add_endpoint(f, PCI_DEVFN(3, i), 0x0210 + i);
	pci_refuse(0x0211, 0);
	rescan(f->root);
	KUNIT_EXPECT_EQ(test, pci_refuse_end(), 1);
	expect_added(test, fn[0]);
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(fn[1]));
	expect_added(test, fn[2]);

	rescan(f->root);
	expect_added(test, fn[1]);
}

/* A bridge: a bus below a device that is not there, devices on it. */
static void bridge(struct kunit *test)
{
	struct add_fixture *f = add_fixture(test);
	struct pci_fabric_fn *port, *ep;

	port = pci_fabric_add(f->fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(4, 0), .device = 0x0204,
		.hdr_type = 1, .pcie_type = TYPE_ROOT_PORT, .pm = true,
	});
	ep = pci_fabric_add(f->fabric, port, &endpoint_desc);
	pci_refuse(0x0204, 0);
	rescan(f->root);
	KUNIT_EXPECT_EQ(test, pci_refuse_end(), 1);
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(port));
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(ep));
	/* Sec 7.5.1.3.3: no Secondary Bus Number is assigned */
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(port, 0x19, 1), 0);

	rescan(f->root);
	expect_added(test, port);
	KUNIT_EXPECT_NOT_NULL(test, pci_fabric_pdev(ep));
}

/* An endpoint that is alone on its link: ASPM and D3 of the port above. */
static void below_a_port(struct kunit *test)
{
	struct add_fixture *f = add_fixture(test);
	struct pci_fabric_fn *port, *ep;
	struct pci_dev *dev;

	port = add_port(f->fabric, NULL, PCI_DEVFN(4, 0), TYPE_ROOT_PORT);
	ep = pci_fabric_add(f->fabric, port, &(struct pci_fabric_fn_desc){
		.device = 0x0205, .pcie_type = TYPE_ENDPOINT, .pm = true,
		.bars[0] = { .size = SZ_4K },
	});
	pci_refuse(0x0205, 0);
	rescan(f->root);
	KUNIT_EXPECT_EQ(test, pci_refuse_end(), 1);
	dev = pci_fabric_pdev(port);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_ASSERT_NOT_NULL(test, dev->subordinate);
	KUNIT_EXPECT_TRUE(test, list_empty(&dev->subordinate->devices));
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(ep));

	rescan(f->root);
	expect_added(test, ep);
}

/*
 * References: the device that is not freed, or freed while somebody looks at
 * it; the reference to its bus that is kept.
 */
static void references(struct kunit *test)
{
	struct add_fixture *f = add_fixture(test);
	unsigned int bus_refs = kref_read(&f->root->dev.kobj.kref);
	struct pci_dev *dev;

	add_endpoint(f, PCI_DEVFN(3, 0), 0x0203);
	pci_refuse_hold();
	pci_refuse(0x0203, 0);
	rescan(f->root);
	KUNIT_EXPECT_EQ(test, pci_refuse_end(), 1);
	dev = pci_refuse_held();
	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_EXPECT_EQ(test, kref_read(&dev->dev.kobj.kref), 1);
	pci_dev_put(dev);
	KUNIT_EXPECT_EQ(test, kref_read(&f->root->dev.kobj.kref), bus_refs);
}

/*
 * Who has looked it up while it was on the list asks for its removal, as a
 * writer of the attribute "remove" does that waited for the lock: device_del()
 * of a device that was never added.
 */
static void removal_of_the_refused(struct kunit *test)
{
	struct add_fixture *f = add_fixture(test);
	struct pci_dev *dev;

	add_endpoint(f, PCI_DEVFN(3, 0), 0x0203);
	pci_refuse_hold();
	pci_refuse(0x0203, 0);
	rescan(f->root);
	KUNIT_EXPECT_EQ(test, pci_refuse_end(), 1);
	dev = pci_refuse_held();
	KUNIT_ASSERT_NOT_NULL(test, dev);
	pci_stop_and_remove_bus_device_locked(dev);
	KUNIT_EXPECT_EQ(test, kref_read(&dev->dev.kobj.kref), 1);
	pci_dev_put(dev);
}

/* A resource that stays in the tree while the device it is part of is freed. */
static void resources(struct kunit *test)
{
	struct add_fixture *f = add_fixture(test);
	struct resource *window;

	window = kunit_kzalloc(test, sizeof(*window), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, window);
	*window = DEFINE_RES_MEM_NAMED(0x1000, 0x1000, "claimed by a quirk");

	add_endpoint(f, PCI_DEVFN(3, 0), 0x0203);
	pci_refuse_claim(window);
	pci_refuse(0x0203, 0);
	rescan(f->root);
	KUNIT_EXPECT_EQ(test, pci_refuse_end(), 1);
	KUNIT_EXPECT_NULL(test, window->child);
}

/* A parent that can never be suspended, as it seems to have an active child. */
static void runtime_pm(struct kunit *test)
{
	struct add_fixture *f = add_fixture(test);
	struct device *parent = f->root->bridge;
	int before = pci_active_children(parent);

	if (!IS_ENABLED(CONFIG_PM))
		kunit_skip(test, "needs CONFIG_PM");

	add_endpoint(f, PCI_DEVFN(3, 0), 0x0203);
	for (int i = 0; i < 3; i++) {
		pci_refuse(0x0203, 0);
		rescan(f->root);
		KUNIT_EXPECT_EQ(test, pci_refuse_end(), 1);
		KUNIT_EXPECT_EQ(test, pci_active_children(parent), before);
	}

	rescan(f->root);
	KUNIT_EXPECT_EQ(test, pci_active_children(parent), before + 1);
}

/*
 * A VF: the first, one that brings a bus of its own, and one on that bus.  Links
 * to it in sysfs, the bus, its share of the BAR and its reference to the PF that
 * are kept or given back twice; VFs before it that stay.
 */
static void virtual_function(struct kunit *test)
{
	struct add_fixture *f = add_fixture(test);
	unsigned int pf_refs, devices;
	struct pci_fabric_fn *port, *fn;
	struct pci_dev *pf;
	int ret;

	if (!IS_ENABLED(CONFIG_PCI_IOV))
		kunit_skip(test, "needs CONFIG_PCI_IOV");

	port = add_port(f->fabric, NULL, PCI_DEVFN(4, 0), TYPE_ROOT_PORT);
	/* VF 0 is 0.1 on the bus of the PF, the others 0.0 and 1f.7 on the next */
	fn = pci_fabric_add(f->fabric, port, &(struct pci_fabric_fn_desc){
		.device = 0x0206, .pcie_type = TYPE_ENDPOINT,
		.sriov = {
			.total_vfs = 3, .offset = 1, .stride = 0xff,
			.bars[0] = { .size = SZ_4K },
		},
	});
	rescan(f->root);
	pf = pci_fabric_pdev(fn);
	KUNIT_ASSERT_NOT_NULL(test, pf);
	pf_refs = kref_read(&pf->dev.kobj.kref);
	devices = devices_on(pf->bus);

	for (int i = 0; i < 3; i++) {
		pci_refuse(0x0207, i);
		pci_lock_rescan_remove();
		ret = pci_enable_sriov(pf, 3);
		pci_unlock_rescan_remove();
		KUNIT_EXPECT_EQ(test, pci_refuse_end(), 1);
		KUNIT_EXPECT_EQ(test, ret, -EINVAL);
		KUNIT_EXPECT_EQ(test, pci_num_vf(pf), 0);
		KUNIT_EXPECT_EQ(test, devices_on(pf->bus), devices);
		KUNIT_EXPECT_NULL(test, pci_find_bus(pci_domain_nr(pf->bus),
						     pf->bus->number + 1));
		KUNIT_EXPECT_EQ(test, kref_read(&pf->dev.kobj.kref), pf_refs);
	}

	pci_lock_rescan_remove();
	KUNIT_EXPECT_EQ(test, pci_enable_sriov(pf, 3), 0);
	KUNIT_EXPECT_EQ(test, pci_num_vf(pf), 3);
	pci_disable_sriov(pf);
	pci_unlock_rescan_remove();
}

static struct kunit_case pci_device_add_cases[] = {
	KUNIT_CASE(endpoint),
	KUNIT_CASE(single_device),
	KUNIT_CASE(one_function_of_three),
	KUNIT_CASE(bridge),
	KUNIT_CASE(below_a_port),
	KUNIT_CASE(references),
	KUNIT_CASE(removal_of_the_refused),
	KUNIT_CASE(resources),
	KUNIT_CASE(runtime_pm),
	KUNIT_CASE_SLOW(virtual_function),
	{}
};

static struct kunit_suite pci_device_add_suite = {
	.name = "pci_device_add",
	.test_cases = pci_device_add_cases,
};

kunit_test_suite(pci_device_add_suite);
