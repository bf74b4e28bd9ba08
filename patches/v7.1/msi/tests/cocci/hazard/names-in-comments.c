// SPDX-License-Identifier: GPL-2.0
// Names in comments and strings.

static int probe(struct pci_dev *pdev)
{
	int ret = pcim_enable_device(pdev);

	/* No pci_free_irq_vectors(pdev); pcim_release() does it. */
	if (ret)
		dev_err(&pdev->dev, "pci_free_irq_vectors(pdev)");
	// pci_free_irq_vectors(pdev);
	return pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);	/* want: implicit */
}
