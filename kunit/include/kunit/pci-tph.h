/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Steering tags in the emulated PCI fabric: where the tags come from, and what a
 * test can see of the TPH Requester capability of a function.
 *
 * pcie_tph_get_cpu_st() asks the ACPI firmware, which knows nothing of a fabric.
 * In a kernel with the fabric, a file that includes this header asks the test
 * instead; kunit/hooks includes it where the kernel wants tags for user space.
 * A file that needs the kernel's own function calls (pcie_tph_get_cpu_st)(...).
 */
#ifndef _KUNIT_PCI_TPH_H
#define _KUNIT_PCI_TPH_H

#include <linux/kconfig.h>
#include <linux/pci-tph.h>
#include <linux/types.h>

#if IS_ENABLED(CONFIG_PCI_KUNIT_FABRIC)

struct pci_dev;
struct pci_fabric;
struct pci_fabric_fn;

/**
 * typedef pci_fabric_tph_resolver - answers as pcie_tph_get_cpu_st() does
 * @pdev: the device that asks, of the fabric
 * @mem_type: target memory type
 * @cpu: logical number of the CPU
 * @tag: for the Steering Tag
 * @data: what pci_fabric_tph_set_resolver() was given
 *
 * Called in the context of who asks, without a lock of the fabric held.
 *
 * Return: 0, or an error, which is passed on.
 */
typedef int (*pci_fabric_tph_resolver)(struct pci_dev *pdev,
				       enum tph_mem_type mem_type,
				       unsigned int cpu, u16 *tag, void *data);

/**
 * pci_fabric_tph_set_resolver() - answer for the firmware of a fabric
 * @fabric: the fabric
 * @fn: gives the tags; NULL for the kernel's pcie_tph_get_cpu_st(), the default
 * @data: passed to @fn
 *
 * Takes effect with the next tag that is asked for.  Calls of an earlier @fn may
 * still run.
 */
void pci_fabric_tph_set_resolver(struct pci_fabric *fabric,
				 pci_fabric_tph_resolver fn, void *data);

/**
 * pci_fabric_tph_get_cpu_st() - pcie_tph_get_cpu_st(), with fabrics
 * @pdev: any PCI device
 * @mem_type: target memory type
 * @cpu: logical number of the CPU
 * @tag: for the Steering Tag
 *
 * Return: what the resolver of the fabric says; that of pcie_tph_get_cpu_st() for
 * a device of a fabric without one, or of no fabric.
 */
int pci_fabric_tph_get_cpu_st(struct pci_dev *pdev, enum tph_mem_type mem_type,
			      unsigned int cpu, u16 *tag);

#define pcie_tph_get_cpu_st(pdev, mem_type, cpu, tag) \
	pci_fabric_tph_get_cpu_st(pdev, mem_type, cpu, tag)

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
