/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Steering tags in the emulated PCI fabric: what a test can see of the TPH
 * Requester capability of a function.
 *
 * pcie_tph_get_cpu_st() asks the ACPI firmware, which knows nothing of a fabric.  A
 * test that has tags of its own gives them by kunit_activate_static_stub(), where
 * that function has a KUNIT_STATIC_STUB_REDIRECT().
 */
#ifndef _KUNIT_PCI_TPH_H
#define _KUNIT_PCI_TPH_H

#include <linux/kconfig.h>
#include <linux/types.h>

#if IS_ENABLED(CONFIG_PCI_KUNIT_FABRIC)

struct pci_fabric_fn;

/**
 * pci_fabric_tph_st() - what is in the Steering Tag table, unseen
 * @fn: a function with such a table
 * @index: the entry
 *
 * Reads the table where the capability says that it is, in the capability or in
 * the MSI-X table.  Ends the test when there is no such entry.
 *
 * Return: the tag, 16 bits; the upper 8 are zero without Extended TPH Requester.
 */
u16 pci_fabric_tph_st(struct pci_fabric_fn *fn, unsigned int index);

/**
 * pci_fabric_tph_ctrl() - the TPH Requester Control register, unseen
 * @fn: a function with the capability
 *
 * Return: the register: ST Mode Select is bits 2:0, TPH Requester Enable 9:8.
 */
u32 pci_fabric_tph_ctrl(struct pci_fabric_fn *fn);

/**
 * struct pci_fabric_tph_stats - what was done to the TPH Requester of a function
 * @cap_writes: configuration writes that touched the capability
 * @ctrl_writes: those of them that touched the control register
 * @st_writes: writes of Steering Tags: those to the table in the capability, and
 *	to the MSI-X table those that changed a tag, as masking writes it as well
 * @st_live: those of them that came while TPH Requester Enable was not zero.  The
 *	function may use the old, the new or a mixed tag then (PCIe r6.0,
 *	sec 6.17.3)
 * @reserved: writes of a reserved value to a field of the control register
 *
 * See also pci_fabric_watch(), which tells of each write to the capability, and
 * pci_fabric_stats(), which counts those to BARs.
 */
struct pci_fabric_tph_stats {
	unsigned int cap_writes;
	unsigned int ctrl_writes;
	unsigned int st_writes;
	unsigned int st_live;
	unsigned int reserved;
};

/**
 * pci_fabric_tph_stats() - what was done to the TPH Requester of a function
 * @fn: the function
 *
 * Resets of the function do not count, and change no counter.
 *
 * Return: a copy of the counters.
 */
struct pci_fabric_tph_stats pci_fabric_tph_stats(struct pci_fabric_fn *fn);

#endif /* CONFIG_PCI_KUNIT_FABRIC */

#endif /* _KUNIT_PCI_TPH_H */
