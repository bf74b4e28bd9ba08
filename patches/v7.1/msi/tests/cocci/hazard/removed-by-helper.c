// SPDX-License-Identifier: GPL-2.0
// The same, by a function of the driver.

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

static void free_handlers(struct pci_dev *pdev)
{
	int i;

	for (i = 0; i < 4; i++)
		devm_free_irq(&pdev->dev, pci_irq_vector(pdev, i), pdev);
}

static void remove(struct pci_dev *pdev)
{
	free_handlers(pdev);
	pci_free_irq_vectors(pdev);	/* want: release */
}
