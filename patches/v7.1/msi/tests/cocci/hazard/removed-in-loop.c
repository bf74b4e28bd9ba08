// SPDX-License-Identifier: GPL-2.0
// The handlers of earlier turns are removed first.

static int probe(struct pci_dev *pdev)
{
	int i, ret = pcim_enable_device(pdev);

	if (!ret)
		ret = pci_alloc_irq_vectors(pdev, 4, 4, PCI_IRQ_MSI);
	for (i = 0; i < 4; i++) {
		ret = devm_request_irq(&pdev->dev, pci_irq_vector(pdev, i),
				       handler, 0, "x", pdev);
		if (ret) {
			while (i--)
				devm_free_irq(&pdev->dev,
					      pci_irq_vector(pdev, i), pdev);
			pci_free_irq_vectors(pdev);	/* want: release */
			return ret;
		}
	}
	return 0;
}
