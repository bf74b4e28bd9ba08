// SPDX-License-Identifier: GPL-2.0
// The only request has failed, there is no handler.

static int probe(struct pci_dev *pdev)
{
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (ret < 0)
		return ret;
	ret = devm_request_irq(&pdev->dev, pdev->irq, handler, 0, "x", pdev);
	if (ret) {
		pci_free_irq_vectors(pdev);	/* want: release */
		return ret;
	}
	return 0;
}
