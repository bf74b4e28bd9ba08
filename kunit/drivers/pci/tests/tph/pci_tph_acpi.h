/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ACPI firmware that knows the Steering Tags of CPUs, for the suites about them:
 * host bridges of pci_tph_acpi.asl, which become companions of that of a fabric.
 *
 * The _DSM is the "_DSM to Query Cache Locality TPH Features" of the PCI Firmware
 * Specification: revision 7, function 15.  Its result is a buffer of eight bytes:
 *
 *	byte 0		bit 0 ST valid, bit 1 Extended ST valid, bit 2 Processing
 *			Hints ignored, others reserved; for volatile memory
 *	byte 1		ST
 *	bytes 2, 3	Extended ST
 *	bytes 4 to 7	the same for persistent memory
 */
#ifndef _PCI_TPH_ACPI_H
#define _PCI_TPH_ACPI_H

#include <linux/types.h>

struct kunit;
struct pci_fabric;

#define TPH_ACPI_ST		0x01	/* flags of a memory type */
#define TPH_ACPI_XST		0x02
#define TPH_ACPI_PH_IGNORED	0x04
#define TPH_ACPI_RESERVED	0xf8

/**
 * enum pci_tph_acpi_kind - what the _DSM answers; the numbers are in the ASL
 * @TPH_ACPI_BUFFER: a buffer; the bytes after the first eight are all-ones
 * @TPH_ACPI_INTEGER: an integer with those eight bytes
 * @TPH_ACPI_STRING: a string of more than eight characters
 * @TPH_ACPI_PACKAGE: a package with a buffer
 * @TPH_ACPI_ABORTED: nothing, as the method is aborted
 * @TPH_ACPI_NO_FUNCTION: that there is no function 15; there is one nevertheless
 * @TPH_ACPI_ONE_CPU: a buffer of eight bytes for one CPU, an integer for others
 */
enum pci_tph_acpi_kind {
	TPH_ACPI_BUFFER		= 0,
	TPH_ACPI_INTEGER	= 1,
	TPH_ACPI_STRING		= 2,
	TPH_ACPI_PACKAGE	= 3,
	TPH_ACPI_ABORTED	= 4,
	TPH_ACPI_NO_FUNCTION	= 5,
	TPH_ACPI_ONE_CPU	= 6,
};

/**
 * pci_tph_acpi_attach() - give the host bridge of a fabric a companion
 * @test: the running test
 * @fabric: the fabric, scanned; it is not to be destroyed before the test ends
 * @dsm: the one with _DSM, all tags valid, or the one without
 *
 * Ends the test when it fails.  The ACPI table is loaded when a test needs it first,
 * and stays.
 */
void pci_tph_acpi_attach(struct kunit *test, struct pci_fabric *fabric, bool dsm);

/**
 * pci_tph_acpi_detach() - take the companion away again
 * @fabric: the fabric
 *
 * Done when the test ends, if it was not before.
 */
void pci_tph_acpi_detach(struct pci_fabric *fabric);

/**
 * pci_tph_acpi_set() - what the _DSM answers from now on
 * @test: the running test
 * @kind: what it is
 * @size: bytes of TPH_ACPI_BUFFER; the UID for TPH_ACPI_ONE_CPU
 * @vm_flags: flags of volatile memory
 * @pm_flags: flags of persistent memory
 */
void pci_tph_acpi_set(struct kunit *test, enum pci_tph_acpi_kind kind,
		      unsigned int size, u8 vm_flags, u8 pm_flags);

/**
 * pci_tph_acpi_asked() - how often was function 15 evaluated?
 * @test: the running test
 *
 * Return: the number, since pci_tph_acpi_attach() or pci_tph_acpi_set().
 */
unsigned int pci_tph_acpi_asked(struct kunit *test);

/**
 * pci_tph_acpi_uid() - ACPI Processor UID of a CPU, from the MADT
 * @test: the running test
 * @cpu: its logical number
 *
 * Return: the UID, or -1 when the MADT has none for it.
 */
s64 pci_tph_acpi_uid(struct kunit *test, unsigned int cpu);

/**
 * pci_tph_acpi_tag() - the tag that the _DSM has for a CPU
 * @uid: its UID, below 16
 * @persistent: for persistent memory
 * @extended: the Extended ST
 *
 * Return: the tag; all are different, and none is 0.
 */
static inline u16 pci_tph_acpi_tag(u32 uid, bool persistent, bool extended)
{
	if (extended)
		return uid + (persistent ? 0x3480 : 0x1240);
	return uid + (persistent ? 0x20 : 0x10);
}

#endif /* _PCI_TPH_ACPI_H */
