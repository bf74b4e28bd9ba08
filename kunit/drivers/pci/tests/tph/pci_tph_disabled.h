/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PCI_TPH_DISABLED_H
#define _PCI_TPH_DISABLED_H

#include <linux/types.h>

/**
 * pci_tph_set_disabled() - pci=notph, while the kernel runs
 * @disabled: as if it had been given, or not
 *
 * Return: what it was.
 */
bool pci_tph_set_disabled(bool disabled);

#endif /* _PCI_TPH_DISABLED_H */
