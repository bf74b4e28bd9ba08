// SPDX-License-Identifier: GPL-2.0
// The handler is removed before the vectors are freed.

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

static void remove(struct pci_dev *pdev)
{
	devm_free_irq(&pdev->dev, pdev->irq, pdev);
	pci_free_irq_vectors(pdev);	/* want: release */
}
