// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite: host bridges that cannot be registered.
 *
 * The bus number is taken, or an allocation fails: the bridge has no bus then, and
 * what the caller has given is the caller's again.
 */
#include <kunit/test.h>
#include <linux/ioport.h>
#include <linux/pci.h>
#include <linux/resource_ext.h>
#include <linux/sizes.h>

#include "pci_fabric_kunit.h"
#include "pci_failslab.h"

/* Fewer allocations than any bus needs: bridge, bus, and their names */
#define BRIDGE_MIN	4

/* A host bridge beside that of @fabric, without a bus; @domain is its own, and goes with it */
static struct pci_host_bridge *bridge_alloc(struct kunit *test, struct pci_fabric *fabric,
					    int domain)
{
	struct pci_host_bridge *first = pci_fabric_host_bridge(fabric);
	struct pci_host_bridge *bridge = pci_alloc_host_bridge(0);

	KUNIT_ASSERT_NOT_NULL(test, bridge);
	bridge->domain_nr = domain;
	bridge->sysdata = first->sysdata;
	bridge->ops = first->bus->ops;
	return bridge;
}

/* The bus is known: the bridge must not keep the one that was freed */
static void known_bus(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_host_bridge *bridge;

	pci_fabric_scan(fabric);
	bridge = bridge_alloc(test, fabric, pci_fabric_host_bridge(fabric)->domain_nr);
	bridge->busnr = pci_fabric_host_bridge(fabric)->bus->number;
	KUNIT_EXPECT_EQ(test, pci_scan_root_bus_bridge(bridge), -EEXIST);
	KUNIT_EXPECT_NULL(test, bridge->bus);
	/* The domain is that of the fabric */
	bridge->domain_nr = PCI_DOMAIN_NR_NOT_SET;
	pci_free_host_bridge(bridge);
}

/* Each allocation fails once: no bus that was freed, and the windows are there */
static void bridge_without_memory(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_failslab sweep;

	pci_failslab_init(&sweep, test, 1);
	pci_fabric_scan(fabric);
	while (pci_failslab_next(&sweep)) {
		int ret, domain = pci_bus_find_emul_domain_nr(0, SZ_64K, INT_MAX);
		struct resource window = DEFINE_RES_MEM(SZ_1M, SZ_64K);
		struct pci_host_bridge *bridge;

		KUNIT_ASSERT_GE(test, domain, 0);
		bridge = bridge_alloc(test, fabric, domain);
		bridge->busnr = 0x80;
		pci_add_resource(&bridge->windows, &window);
		pci_failslab_arm(&sweep);
		ret = pci_scan_root_bus_bridge(bridge);
		pci_failslab_disarm(&sweep);
		if (!ret) {
			pci_lock_rescan_remove();
			pci_stop_root_bus(bridge->bus);
			pci_remove_root_bus(bridge->bus);
			pci_unlock_rescan_remove();
		} else {
			KUNIT_EXPECT_NULL(test, bridge->bus);
			KUNIT_EXPECT_TRUE(test, list_is_singular(&bridge->windows));
		}
		pci_free_host_bridge(bridge);
	}
	pci_failslab_end(&sweep, BRIDGE_MIN);
}

/*
 * The same with pci_create_root_bus(), which keeps the bridge to itself.  The window
 * is a resource in its entry, and inserted, as those of ACPI are: whoever has done so
 * must be able to undo it.
 */
static void windows_of_the_caller(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct resource *space = kunit_kzalloc(test, sizeof(*space), GFP_KERNEL);
	struct pci_host_bridge *first;
	struct pci_failslab sweep;

	KUNIT_ASSERT_NOT_NULL(test, space);
	*space = DEFINE_RES_MEM(0, SZ_2M);
	pci_failslab_init(&sweep, test, 1);
	pci_fabric_scan(fabric);
	first = pci_fabric_host_bridge(fabric);
	while (pci_failslab_next(&sweep)) {
		struct resource_entry *entry = resource_list_create_entry(NULL, 0);
		LIST_HEAD(windows);
		struct pci_bus *bus;

		KUNIT_ASSERT_NOT_NULL(test, entry);
		*entry->res = DEFINE_RES_MEM(SZ_1M, SZ_64K);
		KUNIT_ASSERT_EQ(test, insert_resource(space, entry->res), 0);
		resource_list_add_tail(entry, &windows);

		pci_failslab_arm(&sweep);
		bus = pci_create_root_bus(NULL, 0x80, first->bus->ops, first->sysdata,
					  &windows);
		pci_failslab_disarm(&sweep);

		if (bus) {
			struct pci_host_bridge *bridge = to_pci_host_bridge(bus->bridge);

			KUNIT_EXPECT_TRUE(test, list_empty(&windows));
			release_resource(entry->res);
			pci_lock_rescan_remove();
			pci_stop_root_bus(bus);
			pci_remove_root_bus(bus);
			pci_unlock_rescan_remove();
			pci_free_host_bridge(bridge);
			continue;
		}
		KUNIT_ASSERT_PTR_EQ(test, resource_list_first_type(&windows, IORESOURCE_MEM),
				    entry);
		KUNIT_EXPECT_EQ(test, release_resource(entry->res), 0);
		resource_list_destroy_entry(entry);
		KUNIT_EXPECT_NULL(test, space->child);
	}
	pci_failslab_end(&sweep, BRIDGE_MIN);
}

static struct kunit_case pci_host_bridge_cases[] = {
	KUNIT_CASE(known_bus),
	KUNIT_CASE_SLOW(bridge_without_memory),
	KUNIT_CASE_SLOW(windows_of_the_caller),
	{}
};

static struct kunit_suite pci_host_bridge_suite = {
	.name = "pci_host_bridge",
	.test_cases = pci_host_bridge_cases,
};

kunit_test_suite(pci_host_bridge_suite);

MODULE_DESCRIPTION("KUnit tests for host bridges that cannot be registered");
MODULE_LICENSE("GPL");
