// SPDX-License-Identifier: GPL-2.0
// The other part of enable.c.

int alloc_them(struct pci_dev *pdev)
{
	return pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
}

void free_them(struct pci_dev *pdev)
{
	pci_free_irq_vectors(pdev);	/* want: release */
}
