/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An emulated PCI endpoint controller, whose functions are those of an emulated fabric.
 *
 * Root complex and endpoint live in one kernel.  On the one side there is a struct
 * pci_epc, which function drivers bind to and configure, by its operations or through
 * configfs; on the other side, once the controller is started, a function on the
 * fabric, with the header, BARs and interrupts that the function driver asked for,
 * which PCI drivers bind to:
 *
 *	struct pci_fabric_ep *ep = pci_fabric_ep_alloc(test, fabric, port, &desc);
 *	struct pci_epc *epc = pci_fabric_ep_epc(ep);
 *	...
 *	pci_epc_start(epc);
 *	KUNIT_ASSERT_TRUE(test, pci_fabric_ep_wait(ep, true));
 *	pdev = pci_fabric_pdev(pci_fabric_ep_fn(ep, 0));
 *
 * What is emulated:
 *   inbound	a BAR is what pci_epc_set_bar() says: memory of the endpoint, in one piece
 *		or in several, or registers below; also at address 0, where memory is that
 *		belongs to nobody, which must not be accessed
 *   outbound	a window of physical addresses, for pci_epc_mem_alloc_addr(), whose parts
 *		pci_epc_map_addr() maps to bus addresses.  What is behind these is the
 *		memory of the root complex, as long as the function may master the bus.
 *   interrupts	INTx (pulsed), MSI and MSI-X, with the MSI-X table in a BAR
 *   doorbell	a register that interrupts the endpoint when the root complex writes it,
 *		as that of an integrated DMA controller; an auxiliary resource
 *   MSI	a controller whose messages interrupt the endpoint, for
 *		pci_epf_alloc_doorbell() through an MSI domain
 */
#ifndef _KUNIT_PCI_EPC_H
#define _KUNIT_PCI_EPC_H

#include <linux/pci-epc.h>
#include <linux/pci-epf.h>
#include <linux/types.h>

struct device;
struct fwnode_handle;
struct kunit;
struct pci_fabric;
struct pci_fabric_ep;
struct pci_fabric_fn;

/**
 * enum pci_fabric_ep_doorbell_kind - where the doorbell register is
 * @PCI_FABRIC_EP_NO_DOORBELL: there is none
 * @PCI_FABRIC_EP_DOORBELL_MMIO: at a physical address of the endpoint, in no BAR
 * @PCI_FABRIC_EP_DOORBELL_BAR: in a reserved BAR of function 0 as well
 */
enum pci_fabric_ep_doorbell_kind {
	PCI_FABRIC_EP_NO_DOORBELL,
	PCI_FABRIC_EP_DOORBELL_MMIO,
	PCI_FABRIC_EP_DOORBELL_BAR,
};

/**
 * struct pci_fabric_ep_desc - an endpoint controller, as data
 * @functions: physical functions, 1 to 8; 0 is 1
 * @slot: device number on the bus
 * @features: what get_features() says; NULL is pci_fabric_ep_features.  Copied
 * @doorbell: whether there is a doorbell register, and where
 * @doorbell_bar: the reserved BAR
 * @doorbell_off: offset of the register in its page or BAR, below 4 KiB
 * @doorbell_data: what has to be written to it
 * @no_aux: the controller has no operations for auxiliary resources
 * @parent: of the controller, for example of a device tree; NULL is a platform
 *	device of its own
 * @msi: handle of the MSI controller, for example of a device tree; NULL when there
 *	is none
 */
struct pci_fabric_ep_desc {
	u8 functions;
	u8 slot;
	const struct pci_epc_features *features;
	enum pci_fabric_ep_doorbell_kind doorbell;
	u8 doorbell_bar;
	u32 doorbell_off;
	u32 doorbell_data;
	bool no_aux;
	struct device *parent;
	struct fwnode_handle *msi;
};

/* Everything that the controller can do; buffers are aligned to 4 KiB. */
extern const struct pci_epc_features pci_fabric_ep_features;

/* What a reserved BAR for the doorbell is long */
#define PCI_FABRIC_EP_DOORBELL_SIZE	SZ_4K

/* What the root complex lets the endpoint access, in pieces */
#define PCI_FABRIC_EP_ALLOWED		2
/* struct pci_epf_bar.num_submap, at most */
#define PCI_FABRIC_EP_SUBMAPS		8
/* Outbound mappings at a time */
#define PCI_FABRIC_EP_MAPS		16
/* Messages of the MSI controller */
#define PCI_FABRIC_EP_MSIS		32

/**
 * pci_fabric_ep_alloc() - make an endpoint controller
 * @test: the running test, which owns it
 * @fabric: where its functions will be
 * @port: the port that it is connected to, with nothing else below, or NULL for the
 *	root bus
 * @desc: what it is
 *
 * Undone by a KUnit action that calls pci_fabric_ep_destroy().  Function drivers have to
 * be unbound by then.  Ends the test when it fails.
 *
 * Return: the controller, stopped; never NULL.
 */
struct pci_fabric_ep *pci_fabric_ep_alloc(struct kunit *test,
					  struct pci_fabric *fabric,
					  struct pci_fabric_fn *port,
					  const struct pci_fabric_ep_desc *desc);

/**
 * pci_fabric_ep_destroy() - remove an endpoint controller now
 * @ep: the controller; invalid afterwards
 *
 * Stops it, and fails the test when an interrupt handler is left, or the root complex has
 * accessed memory that is nobody's.
 */
void pci_fabric_ep_destroy(struct pci_fabric_ep *ep);

/**
 * pci_fabric_ep_epc() - the struct pci_epc
 * @ep: the controller
 *
 * Return: it; no reference is taken.
 */
struct pci_epc *pci_fabric_ep_epc(struct pci_fabric_ep *ep);

/**
 * pci_fabric_ep_fn() - the root complex's side of a function
 * @ep: the controller
 * @func_no: number of the function
 *
 * Return: the function, never NULL; it is there while the controller is started and
 * its header is written.
 */
struct pci_fabric_fn *pci_fabric_ep_fn(struct pci_fabric_ep *ep, u8 func_no);

/**
 * pci_fabric_ep_wait() - wait until the root complex has taken notice
 * @ep: the controller
 * @up: that it was started, or stopped
 *
 * When a controller is started the bus is rescanned by a work item, and drivers bind;
 * when it is stopped all is gone at once, but the root complex is told later.
 *
 * Return: false when it takes more than some seconds.
 */
bool pci_fabric_ep_wait(struct pci_fabric_ep *ep, bool up);

/**
 * pci_fabric_ep_eject() - remove the functions in an orderly way
 * @ep: the controller, started
 *
 * As writing to "remove" in sysfs: drivers are unbound while the functions still
 * answer.  To be followed by a stop of the controller.
 */
void pci_fabric_ep_eject(struct pci_fabric_ep *ep);

/**
 * pci_fabric_ep_flush() - wait until interrupts of the endpoint are delivered
 * @ep: the controller
 *
 * A write of the root complex to a doorbell, or to the MSI controller, is delivered by a
 * work item.  When this returns, hard interrupt handlers of all before have run, unless
 * the interrupt is masked.
 */
void pci_fabric_ep_flush(struct pci_fabric_ep *ep);

/**
 * pci_fabric_ep_allow() - let the endpoint access some memory only
 * @ep: the controller
 * @addr: where the memory is
 * @size: how much
 *
 * As an IOMMU of the root complex does.  Without a call everything is allowed; at most
 * %PCI_FABRIC_EP_ALLOWED calls.  Does not hold for messages that interrupt.
 */
void pci_fabric_ep_allow(struct pci_fabric_ep *ep, phys_addr_t addr, size_t size);

/**
 * pci_fabric_ep_meanwhile() - let something happen in the middle of what the endpoint does
 * @ep: the controller
 * @fn: called before each operation of the controller on BARs, mappings and interrupts,
 *	and before each access to the outbound window; in any context, possibly by several
 *	at a time; or NULL, when no function driver is at work
 * @data: its argument
 *
 * The root complex goes on while the endpoint works.  Where there is one processor, what
 * it changes would never be seen between two steps of a function driver.
 */
void pci_fabric_ep_meanwhile(struct pci_fabric_ep *ep, void (*fn)(void *data), void *data);

/**
 * struct pci_fabric_ep_doorbell - the doorbell register
 * @irq: the Linux interrupt
 * @data: what has to be written
 * @phys: physical address, on the endpoint
 * @bar: the BAR, or NO_BAR
 * @offset: in the BAR
 */
struct pci_fabric_ep_doorbell {
	int irq;
	u32 data;
	phys_addr_t phys;
	enum pci_barno bar;
	u32 offset;
};

/**
 * pci_fabric_ep_doorbell() - look at the doorbell register
 * @ep: the controller, which has one
 *
 * Return: a copy.
 */
struct pci_fabric_ep_doorbell pci_fabric_ep_doorbell(struct pci_fabric_ep *ep);

/**
 * struct pci_fabric_ep_stats - what happened to a controller
 * @set_bars: calls of set_bar() that succeeded
 * @clear_bars: calls of clear_bar()
 * @maps: outbound mappings made
 * @mapped: outbound mappings there are now
 * @rings: times that the doorbell was rung
 * @messages: messages that the MSI controller took
 * @bad_doorbells: writes to the page of the doorbell or MSI controller that mean
 *	nothing: wrong address, size or data, or a message that nobody has
 * @bad_outbound: accesses to the outbound window that went nowhere: not mapped, no
 *	bus mastering, no memory there, or none that the endpoint is allowed to access
 * @bad_irqs: interrupts that were to be raised with a number below 1
 * @stray: accesses of the root complex, through a BAR, to memory of the endpoint that is
 *	not for it: at address 0, free, of the slab allocator, or reserved
 */
struct pci_fabric_ep_stats {
	unsigned int set_bars;
	unsigned int clear_bars;
	unsigned int maps;
	unsigned int mapped;
	unsigned int rings;
	unsigned int messages;
	unsigned int bad_doorbells;
	unsigned int bad_outbound;
	unsigned int bad_irqs;
	unsigned int stray;
};

/**
 * pci_fabric_ep_stats() - what happened to a controller so far
 * @ep: the controller
 *
 * Return: a copy of the counters.
 */
struct pci_fabric_ep_stats pci_fabric_ep_stats(struct pci_fabric_ep *ep);

/**
 * pci_fabric_ep_take_stray() - expect stray accesses
 * @ep: the controller
 *
 * A controller that is destroyed fails the test when there were any, but for those that the
 * test has taken before.
 *
 * Return: how many there were since the last call.
 */
unsigned int pci_fabric_ep_take_stray(struct pci_fabric_ep *ep);

#endif /* _KUNIT_PCI_EPC_H */
