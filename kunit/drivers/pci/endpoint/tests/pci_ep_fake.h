/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fake endpoint controllers, for suites of the endpoint core and of function drivers.
 *
 * A controller does what the suite has told it, and counts what is asked of it.  What
 * the device behind it maps is shifted, as by an IOMMU, so that an address of the CPU
 * that is taken for one of the device is found.
 */
#ifndef _PCI_EP_FAKE_H
#define _PCI_EP_FAKE_H

#include <kunit/pci-base.h>
#include <linux/completion.h>
#include <linux/dma-direction.h>
#include <linux/irq.h>
#include <linux/pci-epc.h>
#include <linux/pci-epf.h>
#include <linux/platform_device.h>

struct kunit;

#define PCI_EP_FAKE_RES		4
#define PCI_EP_FAKE_CHUNKS	16
#define PCI_EP_FAKE_MAPS	8
/* What is added to an address when it is mapped */
#define PCI_EP_FAKE_IOVA	0x123400000000ULL

/**
 * struct pci_ep_fake - a fake endpoint controller
 * @test: the test that it belongs to
 * @epc: the controller
 * @dev: its parent, which does DMA
 * @ops: what @epc can do; change it as needed
 * @features: what it says that it can do
 * @lock: protects @irqs
 * @res: auxiliary resources, as they are told
 * @count: number of them, as it is told
 * @num_res: number of elements of @res that are filled
 * @count_ret: result of counting them
 * @get_ret: result of getting them
 * @counts: how often they were counted
 * @gets: how often they were asked for
 * @asked: number of elements of the array for them
 * @func_no: the function they were asked for
 * @vfunc_no: the virtual function
 * @unlocked: how often that was without epc->lock
 * @bar: the BARs as they are set
 * @bar_set: whether they are
 * @bar_vfunc_no: of which virtual function, or 0
 * @function: the function that operations are for
 * @bad_functions: how often it was another one
 * @sets: how often each of them was set
 * @clears: how often each of them was cleared
 * @set_ret: results of setting them; one that was set before has lost its address then, as
 *	with controllers of DesignWare
 * @set_bad: an address that is refused for them, or 0
 * @bad_clears: how often a BAR was cleared that is not set
 * @bad_bars: how often a BAR was set to address 0, or pointed to memory when that was freed
 *	or unmapped
 * @maps: how much of the host is mapped
 * @map: where, or 0
 * @map_ret: result of mapping it
 * @bad_maps: how often something was mapped that is mapped, or unmapped that is not
 * @map_phys: of the last one, where
 * @map_pci: of the last one, what of the host
 * @map_size: of the last one, how much
 * @align: what outbound mappings are aligned to, by ops.align_addr
 * @db_irq: the IRQ of the doorbell
 * @irqs: how often the host was interrupted
 * @irq: completed each time
 * @headers: how often the header was written
 * @started: whether the link is up
 * @dma_maps: how often memory was mapped for @dev
 * @dma_unmaps: and unmapped
 * @dma_bad: how often something was unmapped that is not mapped like this
 * @dma_phys: of the last mapping, what
 * @dma_size: of the last mapping, how much
 * @dma_attrs: of the last mapping, attributes
 * @dma_dir: of the last mapping, who reads and writes
 * @dma_actions: of the last one that was unmapped, how many handlers @db_irq had then
 * @dma_fail: whether mappings fail
 * @dma_no_memory: whether there is no coherent memory
 * @dma_limit: more of it than that cannot be had in one piece, or 0
 * @dma_unaligned: whether coherent memory is aligned to no more than a page
 * @dma_most: how much of it is really there, for windows that are not looked at, or 0
 * @dma_allocs: how often coherent memory was allocated
 * @dma_memory: how much coherent memory is used
 * @dma_chunk: that memory, piece by piece
 */
struct pci_ep_fake {
	struct kunit *test;
	struct pci_epc *epc;
	struct device *dev;
	struct pci_epc_ops ops;
	struct pci_epc_features features;
	spinlock_t lock; /* for irqs */

	struct pci_epc_aux_resource res[PCI_EP_FAKE_RES];
	int count, num_res, count_ret, get_ret;
	int counts, gets, asked;
	u8 func_no, vfunc_no;
	int unlocked;

	struct pci_epf_bar bar[PCI_STD_NUM_BARS];
	bool bar_set[PCI_STD_NUM_BARS];
	u8 bar_vfunc_no[PCI_STD_NUM_BARS];
	int sets[PCI_STD_NUM_BARS], clears[PCI_STD_NUM_BARS];
	int set_ret[PCI_STD_NUM_BARS];
	dma_addr_t set_bad[PCI_STD_NUM_BARS];
	int bad_clears, bad_bars;
	u8 function;
	int bad_functions;
	int maps, map_ret, bad_maps;
	phys_addr_t map[PCI_EP_FAKE_MAPS];
	phys_addr_t map_phys;
	u64 map_pci;
	size_t map_size;
	size_t align;
	int db_irq;
	int irqs, headers;
	struct completion irq;
	bool started;

	int dma_maps, dma_unmaps, dma_bad;
	phys_addr_t dma_phys;
	size_t dma_size;
	unsigned long dma_attrs;
	enum dma_data_direction dma_dir;
	int dma_actions;
	bool dma_fail, dma_no_memory, dma_unaligned;
	size_t dma_limit, dma_most;
	int dma_allocs;
	ssize_t dma_memory;
	struct {
		dma_addr_t addr;
		size_t size;
	} dma_chunk[PCI_EP_FAKE_CHUNKS];
};

/**
 * pci_ep_fake_create() - make a controller
 * @test: the running test
 * @dev: its parent, or NULL for a device of its own
 *
 * It goes with the test, which fails if something is mapped or set then, or memory
 * is not freed.
 *
 * Return: the controller, never NULL.
 */
struct pci_ep_fake *pci_ep_fake_create(struct kunit *test, struct device *dev);

/**
 * pci_ep_fake_remove() - remove the controller before the test ends
 * @fake: the controller
 */
void pci_ep_fake_remove(struct pci_ep_fake *fake);

/**
 * pci_ep_fake_owns() - look whether there is coherent memory
 * @fake: the controller
 * @addr: the address that the device behind it has for it
 * @size: how much
 *
 * Return: whether all of that is memory that was allocated, in one piece, and not freed.
 */
bool pci_ep_fake_owns(struct pci_ep_fake *fake, dma_addr_t addr, size_t size);

/**
 * pci_ep_fake_outbound() - let the controller access the memory of the host
 * @fake: the controller
 * @start: the window for that
 * @size: its size
 */
void pci_ep_fake_outbound(struct pci_ep_fake *fake, phys_addr_t start, size_t size);

/**
 * pci_ep_fake_doorbell() - let the controller have a doorbell register
 * @fake: the controller
 * @irq: the IRQ that it raises
 * @bar: BAR that exposes it, or NO_BAR
 *
 * It is at offset 0x124 of some page, and in BAR @bar at offset 0x324, and its data is
 * 0xdb.
 */
void pci_ep_fake_doorbell(struct pci_ep_fake *fake, int irq, enum pci_barno bar);

#define PCI_EP_FAKE_DB_PHYS	0x9abcd124ULL
#define PCI_EP_FAKE_DB_OFFSET	0x324
#define PCI_EP_FAKE_DB_DATA	0xdb

/**
 * pci_ep_fake_irq() - make an IRQ
 * @test: the running test
 *
 * It goes with the test, which fails if it has a handler then.
 *
 * Return: the IRQ.
 */
int pci_ep_fake_irq(struct kunit *test);

/**
 * pci_ep_fake_irq_requested() - be told when an IRQ gets its first handler
 * @irq: the IRQ, of pci_ep_fake_irq()
 * @fn: called by request_irq(), before there is a handler; NULL for nobody
 * @data: for @fn
 */
void pci_ep_fake_irq_requested(int irq, void (*fn)(void *data), void *data);

/**
 * pci_ep_fake_actions() - count the handlers of an IRQ
 * @irq: the IRQ
 *
 * Return: how many there are.
 */
int pci_ep_fake_actions(int irq);

/**
 * pci_ep_fake_msi() - a device with an MSI controller for its doorbells
 * @test: the running test
 * @flags: of the MSI domain, such as IRQ_DOMAIN_FLAG_MSI_IMMUTABLE
 *
 * MSIs are allocated from 0.  Message i has the data 0x100 + i, and goes to the address
 * 0x200000040.  Skips the test if the kernel cannot change the device tree.
 *
 * Return: the device, never NULL.
 */
struct device *pci_ep_fake_msi(struct kunit *test, u32 flags);

/**
 * pci_ep_fake_msi_limit() - let there be fewer MSIs
 * @max: how many, or -1 if the MSI controller refuses the device
 */
void pci_ep_fake_msi_limit(int max);

/**
 * pci_ep_fake_msi_allocated() - be told when an MSI is allocated
 * @fn: called when the MSI controller gives message number @msi away; NULL for nobody,
 *	which pci_ep_fake_msi() begins with
 * @data: for @fn
 */
void pci_ep_fake_msi_allocated(void (*fn)(unsigned int msi, void *data), void *data);

/**
 * pci_ep_fake_msis() - count the MSIs
 *
 * Return: how many are allocated.
 */
int pci_ep_fake_msis(void);

/**
 * pci_ep_fake_msi_refs() - count the references to the node of the MSI controller
 *
 * Return: how many there are.
 */
int pci_ep_fake_msi_refs(void);

#endif /* _PCI_EP_FAKE_H */
