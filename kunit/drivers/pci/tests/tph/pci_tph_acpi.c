// SPDX-License-Identifier: GPL-2.0
/*
 * ACPI firmware that knows the Steering Tags of CPUs, see pci_tph_acpi.h.
 */
#include <kunit/pci.h>
#include <kunit/test.h>
#include <linux/acpi.h>
#include <linux/pci.h>
#include <linux/smp.h>
#include <linux/unaligned.h>

#include "pci_tph_acpi.h"
#include "pci_tph_acpi_aml.h"

#define TPH_ACPI_WITHOUT	"\\_SB.KTP0"
#define TPH_ACPI_WITH		"\\_SB.KTP1"

/* ACPI r6.5, sec 5.2.12: after the header there are eight bytes, then the entries */
#define MADT_ENTRIES		44
#define MADT_LOCAL_APIC		0
#define MADT_LOCAL_X2APIC	9

static struct acpi_device *pci_tph_acpi_device(struct kunit *test, char *path)
{
	acpi_handle handle = NULL;
	struct acpi_device *adev;

	KUNIT_ASSERT_EQ(test, acpi_get_handle(NULL, path, &handle), AE_OK);
	adev = acpi_fetch_acpi_dev(handle);
	if (adev)
		return adev;
	/* Loading a table leaves that to a work item, which may be late */
	acpi_scan_lock_acquire();
	acpi_bus_scan(handle);
	acpi_scan_lock_release();
	adev = acpi_fetch_acpi_dev(handle);
	KUNIT_ASSERT_NOT_NULL(test, adev);
	return adev;
}

/* Devices are found and removed behind one's back, so it stays once it is there. */
static void pci_tph_acpi_load(struct kunit *test)
{
	static bool loaded;

	if (!loaded)
		KUNIT_ASSERT_EQ(test,
				acpi_load_table((void *)pci_tph_acpi_aml, NULL),
				AE_OK);
	loaded = true;
}

void pci_tph_acpi_detach(struct pci_fabric *fabric)
{
	ACPI_COMPANION_SET(&pci_fabric_host_bridge(fabric)->dev, NULL);
}

static void pci_tph_acpi_detach_action(void *fabric)
{
	pci_tph_acpi_detach(fabric);
}

void pci_tph_acpi_attach(struct kunit *test, struct pci_fabric *fabric, bool dsm)
{
	struct acpi_device *adev;

	pci_tph_acpi_load(test);
	pci_tph_acpi_set(test, TPH_ACPI_BUFFER, 8, TPH_ACPI_ST | TPH_ACPI_XST,
			 TPH_ACPI_ST | TPH_ACPI_XST);
	adev = pci_tph_acpi_device(test, dsm ? TPH_ACPI_WITH : TPH_ACPI_WITHOUT);
	ACPI_COMPANION_SET(&pci_fabric_host_bridge(fabric)->dev, adev);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
							pci_tph_acpi_detach_action,
							fabric), 0);
}

void pci_tph_acpi_set(struct kunit *test, enum pci_tph_acpi_kind kind,
		      unsigned int size, u8 vm_flags, u8 pm_flags)
{
	union acpi_object args[] = {
		{ .integer = { .type = ACPI_TYPE_INTEGER, .value = kind } },
		{ .integer = { .type = ACPI_TYPE_INTEGER, .value = size } },
		{ .integer = { .type = ACPI_TYPE_INTEGER, .value = vm_flags } },
		{ .integer = { .type = ACPI_TYPE_INTEGER, .value = pm_flags } },
	};
	struct acpi_object_list list = {
		.count = ARRAY_SIZE(args), .pointer = args,
	};

	KUNIT_ASSERT_EQ(test, acpi_evaluate_object(NULL, TPH_ACPI_WITH ".KSET",
						   &list, NULL), AE_OK);
}

unsigned int pci_tph_acpi_asked(struct kunit *test)
{
	unsigned long long asked = 0;

	KUNIT_ASSERT_EQ(test, acpi_evaluate_integer(NULL, TPH_ACPI_WITH ".ASKD",
						    NULL, &asked), AE_OK);
	return asked;
}

/* The UID in an entry of the MADT, if it is that of the CPU with @apic_id, or -1 */
static s64 pci_tph_acpi_entry(const u8 *entry, u32 apic_id)
{
	switch (entry[0]) {
	case MADT_LOCAL_APIC:		/* sec 5.2.12.2 */
		return entry[3] == apic_id ? entry[2] : -1;
	case MADT_LOCAL_X2APIC:		/* sec 5.2.12.12 */
		return get_unaligned_le32(entry + 4) == apic_id ?
		       get_unaligned_le32(entry + 12) : -1;
	default:
		return -1;
	}
}

s64 pci_tph_acpi_uid(struct kunit *test, unsigned int cpu)
{
	struct acpi_table_header *madt = NULL;
	s64 uid = -1;

	if (!cpu_present(cpu))
		return -1;

	KUNIT_ASSERT_EQ(test, acpi_get_table("APIC", 0, &madt), AE_OK);
	for (u32 off = MADT_ENTRIES; off + 2 <= madt->length && uid < 0;) {
		const u8 *entry = (u8 *)madt + off;

		if (entry[1] < 2 || off + entry[1] > madt->length)
			break;
		uid = pci_tph_acpi_entry(entry, cpu_physical_id(cpu));
		off += entry[1];
	}
	acpi_put_table(madt);
	return uid;
}
