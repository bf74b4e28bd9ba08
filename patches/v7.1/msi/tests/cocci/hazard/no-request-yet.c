// SPDX-License-Identifier: GPL-2.0
// Freed where they were allocated, there is no handler yet.

static int probe(struct pci_dev *pdev)
{
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (ret < 0)
		return ret;
	return devm_request_irq(&pdev->dev, pdev->irq, handler, 0, "x", pdev);
}

static int alloc_more(struct pci_dev *pdev)
{
	int ret = pci_alloc_irq_vectors(pdev, 4, 4, PCI_IRQ_MSIX);

	if (ret < 8)
		pci_free_irq_vectors(pdev);	/* want: release */
	return ret;
}
