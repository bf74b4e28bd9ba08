// SPDX-License-Identifier: GPL-2.0
// As only-request-failed, allocated in another function.

static int request(struct pci_dev *pdev)
{
	int ret = devm_request_irq(&pdev->dev, pdev->irq, handler, 0, "x", pdev);

	if (ret)
		pci_free_irq_vectors(pdev);	/* want: release */
	return ret;
}

static int probe(struct pci_dev *pdev)
{
	int ret = pcim_enable_device(pdev);

	if (!ret)
		ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	return ret < 0 ? ret : request(pdev);
}
