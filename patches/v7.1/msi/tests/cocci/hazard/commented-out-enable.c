// SPDX-License-Identifier: GPL-2.0
// The managed enable is in a comment.

static int probe(struct pci_dev *pdev)
{
	int ret = pci_enable_device(pdev); /* was: pcim_enable_device(pdev) */

	if (!ret)
		ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (ret < 0)
		pci_free_irq_vectors(pdev);
	return ret;
}
