// SPDX-License-Identifier: GPL-2.0
/*
 * Error recovery for pci_iov_pairs in a kernel without AER, which is a service of
 * ports that can report errors; those of the fabric cannot.
 */
#include "../../pcie/err.c"

/* What is built for AER alone.  There is nobody to listen, and no status to clear. */
void pci_uevent_ers(struct pci_dev *pdev, enum pci_ers_result err_type)
{
}

void pcie_clear_device_status(struct pci_dev *dev)
{
}
