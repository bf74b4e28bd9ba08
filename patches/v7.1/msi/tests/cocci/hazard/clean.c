// SPDX-License-Identifier: GPL-2.0
// The new function, no free.

static int managed_probe(struct pci_dev *pdev)
{
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;
	return pcim_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
}
