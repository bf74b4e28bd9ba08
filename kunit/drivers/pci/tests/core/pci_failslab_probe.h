/* SPDX-License-Identifier: GPL-2.0 */
/* The probe function of the drivers that the failslab suites bind. */
#ifndef _PCI_FAILSLAB_PROBE_H
#define _PCI_FAILSLAB_PROBE_H

#include <linux/interrupt.h>
#include <linux/pci.h>

#include "pci_failslab.h"

#define PCI_FAILSLAB_VECTORS	2

static irqreturn_t pci_failslab_irq(int irq, void *data)
{
	return IRQ_HANDLED;
}

/* Enables the device, allocates MSI-X vectors and uses one; devres undoes it. */
static int pci_failslab_probe(struct pci_dev *dev,
			      const struct pci_device_id *id)
{
	int ret = pcim_enable_device(dev);
	unsigned int left;

	if (ret)
		return ret;

	/* Not here: an interrupt without its files in procfs warns when freed. */
	left = pci_failslab_pause();
	ret = pci_alloc_irq_vectors(dev, PCI_FAILSLAB_VECTORS,
				    PCI_FAILSLAB_VECTORS, PCI_IRQ_MSIX);
	if (ret >= 0)
		ret = devm_request_irq(&dev->dev, pci_irq_vector(dev, 0),
				       pci_failslab_irq, 0, "pci_failslab", dev);
	pci_failslab_resume(left);
	if (ret)
		return ret;

	return devm_kmalloc(&dev->dev, 1, GFP_KERNEL) ? 0 : -ENOMEM;
}

#endif /* _PCI_FAILSLAB_PROBE_H */
