// SPDX-License-Identifier: GPL-2.0
// Freed in the error path of probe and in remove.

static int probe(struct pci_dev *pdev)
{
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;
	ret = pci_alloc_irq_vectors(pdev, 1, 4, PCI_IRQ_MSI);
	if (ret < 0)
		return ret;
	ret = request_irq(pci_irq_vector(pdev, 0), handler, 0, "x", pdev);
	if (ret)
		pci_free_irq_vectors(pdev);	/* want: release */
	return ret;
}

static void remove(struct pci_dev *pdev)
{
	free_irq(pci_irq_vector(pdev, 0), pdev);
	pci_free_irq_vectors(pdev);	/* want: release */
}
