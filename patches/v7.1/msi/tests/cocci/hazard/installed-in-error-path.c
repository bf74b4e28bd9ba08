// SPDX-License-Identifier: GPL-2.0
// A step after the request fails.

static int probe(struct pci_dev *pdev)
{
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (ret < 0)
		return ret;
	ret = devm_request_threaded_irq(&pdev->dev, pci_irq_vector(pdev, 0),
					NULL, thread, IRQF_ONESHOT, "x", pdev);
	if (ret < 0)
		goto free_vectors;
	ret = register_it(pdev);
	if (ret)
		goto free_vectors;
	return 0;

free_vectors:
	pci_free_irq_vectors(pdev);	/* want: installed */
	return ret;
}
