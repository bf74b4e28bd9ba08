// SPDX-License-Identifier: GPL-2.0
// Frees its vectors itself: to be decided by hand.

static int probe(struct pci_dev *pdev)
{
	int ret	=  pcim_enable_device (pdev);	/* odd  spacing stays */

	if (ret)
		return ret;

	/* pci_alloc_irq_vectors() in a comment stays */
	ret = pci_alloc_irq_vectors_affinity(pdev, 1, max(nr_queues,
							  nr_cpus),
					     PCI_IRQ_MSIX, /* café */
					     &affd);
	if (ret < 0)
		ret = pci_alloc_irq_vectors(pdev, 1, 1,
					PCI_IRQ_ALL_TYPES);
	if (ret < 0)
		return pci_alloc_irq_vectors(pdev, 1, 1, 0);
	priv->queues->vectors = pci_alloc_irq_vectors(pdev, 1,
						      PCI_IRQ_MSI);
	return ret;
}

static void remove(struct pci_dev *pdev)
{
	pci_free_irq_vectors(pdev);
}
