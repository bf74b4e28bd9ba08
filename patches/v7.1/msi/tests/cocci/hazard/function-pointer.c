// SPDX-License-Identifier: GPL-2.0
// The function is passed on, not called.

static int probe(struct pci_dev *pdev)
{
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;
	ret = pci_alloc_irq_vectors_affinity(pdev, 1, 4, PCI_IRQ_MSI, &affd);
	if (ret < 0)
		return ret;
	return devm_add_action(&pdev->dev,
			       (void (*)(void *))pci_free_irq_vectors,	/* want: release */
			       pdev);
}
