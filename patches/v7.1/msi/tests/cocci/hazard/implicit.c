// SPDX-License-Identifier: GPL-2.0
// Left to the release of the device.

static int probe(struct pci_dev *pdev)
{
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;
	ret = pci_alloc_irq_vectors_affinity(pdev, 2, 4, PCI_IRQ_MSIX, &a);	/* want: implicit */
	if (ret < 0)
		ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);	/* want: implicit */
	return ret;
}
