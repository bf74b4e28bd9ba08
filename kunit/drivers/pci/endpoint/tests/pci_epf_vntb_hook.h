/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For pci-epf-vntb.c, so that the suite pci_epf_vntb_doorbell can change the doorbells
 * that it gets.
 */
#ifdef CONFIG_PCI_EPF_VNTB_DOORBELL_KUNIT_TEST
#include <linux/pci-ep-msi.h>

extern void (*pci_epf_vntb_hook)(struct pci_epf *epf);

static inline int pci_epf_vntb_alloc_doorbell(struct pci_epf *epf, u16 num_db)
{
	int ret = pci_epf_alloc_doorbell(epf, num_db);

	if (!ret && pci_epf_vntb_hook)
		pci_epf_vntb_hook(epf);
	return ret;
}

#define pci_epf_alloc_doorbell	pci_epf_vntb_alloc_doorbell
#endif
