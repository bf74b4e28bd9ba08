// SPDX-License-Identifier: GPL-2.0
// The file that implements the functions is no driver.

int pcim_alloc_irq_vectors(struct pci_dev *dev, unsigned int min)
{
	int ret = pcim_alloc_irq_vectors_affinity(dev, min, NULL);

	if (ret < 0)
		pci_free_irq_vectors(dev);
	return ret;
}

void pci_free_irq_vectors(struct pci_dev *dev)
{
	pci_disable_msix(dev);
}
