// SPDX-License-Identifier: GPL-2.0
// The action runs after the handlers are removed.

static void free_vectors(void *data)
{
	pci_free_irq_vectors(data);	/* want: release */
}

static int probe(struct pci_dev *pdev)
{
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (ret < 0)
		return ret;
	ret = devm_add_action_or_reset(&pdev->dev, free_vectors, pdev);
	if (ret)
		return ret;
	return devm_request_irq(&pdev->dev, pdev->irq, handler, 0, "x", pdev);
}
