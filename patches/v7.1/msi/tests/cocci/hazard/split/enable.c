// SPDX-License-Identifier: GPL-2.0
// One driver in two files: both must be given to spatch.

int probe(struct pci_dev *pdev)
{
	int ret = pcim_enable_device(pdev);

	return ret ? ret : alloc_them(pdev);
}
