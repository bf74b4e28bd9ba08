/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lets entries of an ST table fail to be written: they have two bytes, and are the
 * only registers with two that the TPH code writes.
 */
#ifndef _PCI_TPH_FAILING_H
#define _PCI_TPH_FAILING_H

#include <linux/pci.h>

static struct pci_ops *pci_tph_good_ops;

static int pci_tph_good_read(struct pci_bus *bus, unsigned int devfn, int where,
			     int size, u32 *val)
{
	return pci_tph_good_ops->read(bus, devfn, where, size, val);
}

static int pci_tph_failing_write(struct pci_bus *bus, unsigned int devfn,
				 int where, int size, u32 val)
{
	if (size == 2)
		return PCIBIOS_DEVICE_NOT_FOUND;
	return pci_tph_good_ops->write(bus, devfn, where, size, val);
}

static struct pci_ops pci_tph_failing_ops = {
	.read = pci_tph_good_read,
	.write = pci_tph_failing_write,
};

/* pci_tph_fail() - let the writes on @bus fail; pci_tph_succeed() ends it */
static inline void pci_tph_fail(struct pci_bus *bus)
{
	pci_tph_good_ops = pci_bus_set_ops(bus, &pci_tph_failing_ops);
}

static inline void pci_tph_succeed(struct pci_bus *bus)
{
	pci_bus_set_ops(bus, pci_tph_good_ops);
}

#endif
