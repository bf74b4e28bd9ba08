// SPDX-License-Identifier: GPL-2.0
// The new function frees, however the device was enabled.

static int probe(struct pci_dev *pdev)
{
	int ret = pci_enable_device(pdev);

	if (ret)
		return ret;
	return pcim_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
}

static void remove(struct pci_dev *pdev)
{
	pci_free_irq_vectors(pdev);	/* want: release */
}
