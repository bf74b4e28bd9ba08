/* SPDX-License-Identifier: GPL-2.0 */
/* Device registers for suites of endpoint controllers: memory that ioremap() finds. */
#ifndef _PCI_EP_IOMEM_H
#define _PCI_EP_IOMEM_H

#include <linux/list.h>
#include <linux/types.h>

struct kunit;

/* Where they can be */
#define PCI_EP_IOMEM_START	0xb0000000UL
#define PCI_EP_IOMEM_SIZE	0x04000000UL
/* And 4 GiB where there are none */
#define PCI_EP_IOMEM_LARGE	0x9000000000ULL

/**
 * struct pci_ep_iomem - some registers
 * @start: their address
 * @size: their size
 * @mem: what is in there
 * @write: called after a write, or NULL
 * @priv: for @write
 * @writes: how many there were
 * @node: private
 */
struct pci_ep_iomem {
	phys_addr_t start;
	size_t size;
	u8 *mem;
	void (*write)(struct pci_ep_iomem *io, size_t offset, u64 val);
	void *priv;
	int writes;
	struct list_head node;
};

/**
 * pci_ep_iomem() - make registers
 * @test: the running test
 * @start: their address
 * @size: their size
 *
 * They are 0 at first, and go with the test.  What is written elsewhere in the window
 * is lost, and all ones are read from there.
 *
 * Return: the registers, never NULL.
 */
struct pci_ep_iomem *pci_ep_iomem(struct kunit *test, phys_addr_t start, size_t size);

/**
 * pci_ep_iomem_init() - let ioremap() find the window
 * @test: the running test
 */
void pci_ep_iomem_init(struct kunit *test);

/**
 * pci_ep_iomem_mapped() - count what ioremap() has mapped
 *
 * Return: how many mappings of the windows there are.
 */
int pci_ep_iomem_mapped(void);

#endif /* _PCI_EP_IOMEM_H */
