/* SPDX-License-Identifier: GPL-2.0 */
/*
 * In a kernel with the emulated fabric, pci=notph can be set and cleared while it
 * runs.  kunit/hooks includes this in drivers/pci/tph.c, after the variable.
 */
#ifdef CONFIG_PCI_KUNIT_FABRIC

#include "pci_tph_disabled.h"

bool pci_tph_set_disabled(bool disabled)
{
	bool old = pci_tph_disabled;

	pci_tph_disabled = disabled;
	return old;
}

#endif /* CONFIG_PCI_KUNIT_FABRIC */
