// SPDX-License-Identifier: GPL-2.0
// The second request fails, the handler of the first is installed.

static int probe(struct pci_dev *pdev)
{
	int i, ret = pcim_enable_device(pdev);

	if (!ret)
		ret = pci_alloc_irq_vectors(pdev, 4, 4, PCI_IRQ_MSI);
	for (i = 0; i < 4; i++) {
		ret = devm_request_irq(&pdev->dev, pci_irq_vector(pdev, i),
				       handler, 0, "x", pdev);
		if (ret) {
			pci_free_irq_vectors(pdev);	/* want: installed */
			return ret;
		}
	}
	return 0;
}
