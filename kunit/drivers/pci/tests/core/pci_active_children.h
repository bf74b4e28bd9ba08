/* SPDX-License-Identifier: GPL-2.0 */
/* How many children keep a device active. */
#ifndef _PCI_ACTIVE_CHILDREN_H
#define _PCI_ACTIVE_CHILDREN_H

#include <linux/atomic.h>
#include <linux/device.h>

/**
 * pci_active_children() - number of children that runtime PM takes for active
 * @dev: the parent
 *
 * Return: the number; 0 without CONFIG_PM.
 */
static inline int pci_active_children(struct device *dev)
{
#ifdef CONFIG_PM
	return atomic_read(&dev->power.child_count);
#else
	return 0;
#endif
}

#endif /* _PCI_ACTIVE_CHILDREN_H */
