/* SPDX-License-Identifier: GPL-2.0 */
/* Emulated PCI endpoint controller: a DMA channel for memory and the outbound window. */
#ifndef _PCI_FABRIC_EP_DMA_H
#define _PCI_FABRIC_EP_DMA_H

struct kunit;

/**
 * pci_fabric_ep_add_dma() - let endpoints have a DMA controller
 * @test: the running test
 *
 * One channel that copies between physical addresses of an endpoint, for who asks for
 * DMA_MEMCPY.  Undone by a KUnit action.  Ends the test when it fails.
 */
void pci_fabric_ep_add_dma(struct kunit *test);

#endif /* _PCI_FABRIC_EP_DMA_H */
