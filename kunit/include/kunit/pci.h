/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An emulated PCI fabric for KUnit.
 *
 * A fabric is a PCI host bridge whose configuration space, BAR memory,
 * interrupts and buses live in the test.  The PCI core scans it like any
 * other host bridge; functions are described as data.  Typical use:
 *
 *	struct pci_fabric *fabric = pci_fabric_alloc(test);
 *	struct pci_fabric_fn *port, *ep;
 *
 *	port = pci_fabric_add(fabric, NULL, &(struct pci_fabric_fn_desc){
 *		.device = 0x0001, .hdr_type = PCI_HEADER_TYPE_BRIDGE,
 *		.pcie_type = PCI_EXP_TYPE_ROOT_PORT,
 *	});
 *	ep = pci_fabric_add(fabric, port, &(struct pci_fabric_fn_desc){
 *		.device = 0x0002,
 *		.bars[0] = { .size = SZ_4K },
 *		.msi = { .vectors = 8, .is_64 = true, .maskable = true },
 *	});
 *	pci_fabric_scan(fabric);
 *	pdev = pci_fabric_pdev(ep);
 *
 * All of it is undone by KUnit actions, in reverse order, when the test ends.
 * Functions that cannot go on end the test (KUNIT_ASSERT), so no caller has to
 * check for NULL.
 *
 * Several fabrics may be alive at once.  Each has a PCI domain, a memory window
 * below 4 GiB, on 64-bit a prefetchable window above, an MSI parent domain and
 * four INTx lines of its own.  <kunit/pci-hw.h> is for capabilities and device
 * registers that a test brings itself.
 */
#ifndef _KUNIT_PCI_H
#define _KUNIT_PCI_H

#include <linux/bits.h>
#include <linux/pci.h>
#include <linux/types.h>

struct kunit;
struct pci_fabric;
struct pci_fabric_fn;

/* A Vendor ID that no driver in the tree claims; used where a desc has none. */
#define PCI_FABRIC_VENDOR	0xf00d

/* struct pci_fabric_bar_desc.flags */
#define PCI_FABRIC_BAR_64	BIT(0)	/* 64-bit: takes the next BAR as well */
#define PCI_FABRIC_BAR_PREF	BIT(1)	/* prefetchable */
#define PCI_FABRIC_BAR_IO	BIT(2)	/* I/O: registers only, no I/O behind it */

/**
 * struct pci_fabric_bar_desc - one Base Address Register
 * @size: bytes, a power of two, 16 to 16 MiB; 0 when the BAR is not implemented
 * @flags: PCI_FABRIC_BAR_*
 */
struct pci_fabric_bar_desc {
	u32 size;
	u32 flags;
};

/**
 * struct pci_fabric_fn_desc - one function, as data
 * @devfn: device and function number, PCI_DEVFN()
 * @vendor: Vendor ID; 0 is PCI_FABRIC_VENDOR
 * @device: Device ID
 * @subvendor: Subsystem Vendor ID; type 0 only
 * @subdevice: Subsystem ID; type 0 only
 * @class: Class Code, 24 bits; 0 is 0xff0000 (type 0) or 0x060400 (type 1)
 * @revision: Revision ID
 * @hdr_type: PCI_HEADER_TYPE_NORMAL or PCI_HEADER_TYPE_BRIDGE.  The
 *	Multi-Function bit is set when a second function of the device is added.
 * @conventional: no PCI Express capability, 256 bytes of configuration space
 * @pcie_type: PCI_EXP_TYPE_*, unless @conventional
 * @flr: Function Level Reset Capability
 * @ari_forwarding: ARI Forwarding Supported, for ports
 * @bars: Base Address Registers; a type 1 header has the first two
 * @intx_pin: Interrupt Pin, 1 (INTA) to 4 (INTD); 0 when INTx is not used
 * @msi: MSI capability, when @msi.vectors is not 0
 * @msi.vectors: Multiple Message Capable, as a number: 1, 2, 4, 8, 16 or 32
 * @msi.is_64: 64-bit Address Capable
 * @msi.maskable: Per-Vector Masking Capable
 * @msix: MSI-X capability, when @msix.vectors is not 0
 * @msix.vectors: number of table entries, 1 to 2048
 * @msix.table_bar: Table BIR
 * @msix.table_off: Table Offset, a multiple of 8
 * @msix.pba_bar: PBA BIR
 * @msix.pba_off: PBA Offset, a multiple of 8
 * @pm: Power Management capability
 * @pm_d1: with @pm, D1 is supported
 * @no_soft_reset: No_Soft_Reset; without it D3hot to D0 resets the function
 * @serial: Device Serial Number extended capability, when not 0
 * @ari: ARI extended capability.  With SR-IOV it is there in any case, unless in a
 *	Root Complex Integrated Endpoint, and in the VFs; other functions of the
 *	device have to have it as well (PCIe r6.0, sec 9.3.7)
 * @sriov: SR-IOV extended capability, when @sriov.total_vfs is not 0
 * @sriov.total_vfs: TotalVFs; so many VFs are made, see pci_fabric_vf().  VF i has
 *	the Routing ID of this function + First VF Offset + i * VF Stride, which
 *	may be on another bus
 * @sriov.initial_vfs: InitialVFs; 0 is @sriov.total_vfs.  Others contradict the
 *	specification, as there is no VF Migration
 * @sriov.offset: First VF Offset; 0 is 1
 * @sriov.stride: VF Stride; 0 is 1
 * @sriov.vf_device: VF Device ID; 0 is @device + 1
 * @sriov.link_other: the Function Dependency Link is not the PF's own number
 * @sriov.link: but this, PCI_DEVFN()
 * @sriov.bars: VF BARs, with the size for one VF, from 4 KiB; memory only
 * @sriov.vf: capabilities of each VF, in the BARs above, or NULL for PCI Express
 *	alone: @flr, @msi, @msix, @pm, @no_soft_reset, @serial, @tph.  What is in the
 *	header or depends on the PF is ignored.  Need not outlive pci_fabric_add()
 * @slot: a slot at a root or downstream port, for what is added below
 * @slot.hotplug: there is one: Slot Implemented and Hot-Plug Capable; without
 *	this the others are ignored
 * @slot.surprise: Hot-Plug Surprise
 * @slot.button: Attention Button Present
 * @slot.indicators: Attention and Power Indicator Present
 * @slot.power_ctrl: Power Controller Present; while it is off, nothing below is
 *	there
 * @slot.cmd_completed: Command Completed events; else No Command Completed Support
 * @slot.empty: what is below is not in the slot yet
 * @slot.message: Interrupt Message Number, the vector of MSI or MSI-X
 * @slot.number: Physical Slot Number, its name in sysfs
 * @tph: TPH Requester extended capability; <kunit/pci-tph.h> looks at it
 * @tph.present: there is one, with No ST Mode; without this the others are ignored
 * @tph.iv: Interrupt Vector Mode Supported
 * @tph.ds: Device Specific Mode Supported
 * @tph.extended: Extended TPH Requester Supported: tags have 16 bits, not 8
 * @tph.st_loc: ST Table Location: 0 no table, 1 in the capability, 2 in the MSI-X
 *	table
 * @tph.st_size: entries of the table, 1 to 64 in the capability; in the MSI-X table
 *	up to @msix.vectors, for which 0 stands
 * @tph_completer: TPH Completer Supported: 0 no, 1 TPH, 3 Extended TPH as well.  2 is
 *	reserved
 */
struct pci_fabric_fn_desc {
	u8 devfn;
	u16 vendor;
	u16 device;
	u16 subvendor;
	u16 subdevice;
	u32 class;
	u8 revision;
	u8 hdr_type;

	bool conventional;
	u8 pcie_type;
	bool flr;
	bool ari_forwarding;

	struct pci_fabric_bar_desc bars[PCI_STD_NUM_BARS];

	u8 intx_pin;
	struct {
		u8 vectors;
		bool is_64;
		bool maskable;
	} msi;
	struct {
		u16 vectors;
		u8 table_bar;
		u8 pba_bar;
		u32 table_off;
		u32 pba_off;
	} msix;

	bool pm;
	bool pm_d1;
	bool no_soft_reset;
	u64 serial;

	bool ari;
	struct {
		u16 total_vfs;
		u16 initial_vfs;
		u16 offset;
		u16 stride;
		u16 vf_device;
		bool link_other;
		u8 link;
		struct pci_fabric_bar_desc bars[PCI_STD_NUM_BARS];
		const struct pci_fabric_fn_desc *vf;
	} sriov;

	struct {
		bool hotplug;
		bool surprise;
		bool button;
		bool indicators;
		bool power_ctrl;
		bool cmd_completed;
		bool empty;
		u8 message;
		u16 number;
	} slot;

	struct {
		bool present;
		bool iv;
		bool ds;
		bool extended;
		u8 st_loc;
		u16 st_size;
	} tph;
	u8 tph_completer;
};

/* Life of a fabric */

/**
 * pci_fabric_alloc() - make an empty fabric
 * @test: the running test, which owns the fabric
 *
 * Takes the memory windows and makes the interrupt domains.  Undone by a KUnit
 * action that calls pci_fabric_destroy().  Ends the test when it fails.
 *
 * Return: the fabric, never NULL.
 */
struct pci_fabric *pci_fabric_alloc(struct kunit *test);

/**
 * pci_fabric_need_bars() - skip a test where BARs do not behave
 * @test: the running test
 *
 * For what uses device registers or MSI-X, in a suite that can do without them
 * otherwise; see PCI_KUNIT_FABRIC_BARS.
 */
void pci_fabric_need_bars(struct kunit *test);

/**
 * pci_fabric_add() - add a function
 * @fabric: the fabric
 * @parent: the bridge above (type 1), or NULL for a function on the root bus
 * @desc: what it is; copied
 *
 * Before pci_fabric_scan() this builds the topology; later it is a function
 * that appears, and pci_rescan_bus() finds it.  A @desc that contradicts itself
 * (two capabilities over each other, an MSI-X table outside of its BAR) ends
 * the test.
 *
 * Return: the function, never NULL.  It lives as long as the fabric.
 */
struct pci_fabric_fn *pci_fabric_add(struct pci_fabric *fabric,
				     struct pci_fabric_fn *parent,
				     const struct pci_fabric_fn_desc *desc);

/**
 * pci_fabric_vf() - a virtual function
 * @pf: the physical function, with an SR-IOV capability
 * @id: 0 to TotalVFs - 1
 *
 * Works whether or not the VF is enabled, like all that looks at a function
 * without the kernel.  It answers while VF Enable is set and NumVFs is above @id, and
 * its BARs while VF MSE is set as well.  Setting VF Enable resets the VFs as power
 * on does.  A reset of the PF clears VF Enable and resets the VFs in the same way as
 * the PF.  A VF may also be reset or removed alone.  Ends the test when there is
 * no such VF.
 *
 * Return: the function, never NULL.  It lives as long as the fabric.
 */
struct pci_fabric_fn *pci_fabric_vf(struct pci_fabric_fn *pf, unsigned int id);

/**
 * pci_fabric_set_node() - the NUMA node that the fabric is near to
 * @fabric: the fabric, not scanned yet
 * @node: the node, or NUMA_NO_NODE, which is the default
 *
 * For pcibus_to_node(), and so for the devices.  Only x86 has nodes; elsewhere it is
 * ignored.
 */
void pci_fabric_set_node(struct pci_fabric *fabric, int node);

/**
 * pci_fabric_scan() - let the PCI core find the fabric
 * @fabric: the fabric
 *
 * pci_host_probe(): enumerates, assigns resources, adds the devices, so drivers
 * bind.  To be called once.  Ends the test when it fails.
 */
void pci_fabric_scan(struct pci_fabric *fabric);

/**
 * pci_fabric_destroy() - remove the fabric now, not at the end of the test
 * @fabric: the fabric; invalid afterwards, as are its functions
 *
 * Stops and removes all devices, and fails the test when something outlives
 * them: a reference to a device or bus, an interrupt vector, an address range.
 * References that pci_fabric_pdev() took are dropped first.
 */
void pci_fabric_destroy(struct pci_fabric *fabric);

/**
 * pci_fabric_host_bridge() - the host bridge
 * @fabric: the fabric, scanned
 *
 * Return: the host bridge; its ->bus is the root bus.  No reference is taken.
 */
struct pci_host_bridge *pci_fabric_host_bridge(struct pci_fabric *fabric);

/**
 * pci_fabric_pdev() - the struct pci_dev of a function
 * @fn: the function
 *
 * Return: the device, referenced until the fabric is destroyed; or NULL when the
 * PCI core has no such device now.
 */
struct pci_dev *pci_fabric_pdev(struct pci_fabric_fn *fn);

/* Interrupts */

/**
 * enum pci_fabric_irq - what became of an interrupt that a function raised
 * @PCI_FABRIC_IRQ_DELIVERED: the memory write (or Assert_INTx message) arrived,
 *	and the flow handler of the Linux interrupt has run, in hard interrupt
 *	context
 * @PCI_FABRIC_IRQ_PENDING: masked; the Pending bit is set, and the interrupt is
 *	delivered when it is unmasked (see pci_fabric_flush()).  INTx: the line is
 *	asserted, but the interrupt controller has it masked.
 * @PCI_FABRIC_IRQ_DISABLED: nothing was sent: the capability is not enabled, the
 *	vector is above Multiple Message Enable, or Interrupt Disable is set
 * @PCI_FABRIC_IRQ_BLOCKED: the memory write was sent and dropped on its way, or
 *	not sent: Bus Master Enable is clear in the function or in a bridge above,
 *	the function is not in D0, or it is gone.  Nothing stays pending.
 * @PCI_FABRIC_IRQ_LOST: the memory write arrived where no vector is allocated
 */
enum pci_fabric_irq {
	PCI_FABRIC_IRQ_DELIVERED,
	PCI_FABRIC_IRQ_PENDING,
	PCI_FABRIC_IRQ_DISABLED,
	PCI_FABRIC_IRQ_BLOCKED,
	PCI_FABRIC_IRQ_LOST,
};

/**
 * pci_fabric_raise_msi() - the function sends MSI message @vector
 * @fn: the function
 * @vector: 0 to Multiple Message Capable - 1
 *
 * As the device does: the programmed Message Data, with its low bits replaced by
 * @vector, is written to the programmed Message Address.  Handlers run before
 * this returns.  May not be called with interrupts disabled.  Ends the test when
 * the function has no such vector.
 *
 * Return: what became of it.
 */
enum pci_fabric_irq pci_fabric_raise_msi(struct pci_fabric_fn *fn,
					 unsigned int vector);

/**
 * pci_fabric_raise_msix() - the function sends the message of table entry @vector
 * @fn: the function
 * @vector: 0 to table size - 1
 *
 * As pci_fabric_raise_msi(), with address, data and mask read from the MSI-X
 * table in the BAR.
 *
 * Return: what became of it.
 */
enum pci_fabric_irq pci_fabric_raise_msix(struct pci_fabric_fn *fn,
					  unsigned int vector);

/**
 * pci_fabric_raise_intx() - the function wants INTx asserted, or no more
 * @fn: the function, with an Interrupt Pin
 * @level: true to assert
 *
 * Sets Interrupt Status; asserts the wire unless Interrupt Disable is set or MSI
 * or MSI-X is enabled.  The line stays asserted, and the handler is called again
 * each time the interrupt is unmasked, until this is called with false, which a
 * handler may do.  A handler that does not quieten its device fails the test.
 * With @level true it may sleep, as the handlers run from a work item.
 *
 * Return: what became of it; PCI_FABRIC_IRQ_DISABLED for @level false.
 */
enum pci_fabric_irq pci_fabric_raise_intx(struct pci_fabric_fn *fn, bool level);

/**
 * pci_fabric_dma_write32() - the function writes 4 bytes upstream
 * @fn: the function
 * @addr: bus address
 * @data: what to write
 *
 * The memory write request under every message signaled interrupt.  Nothing but
 * the MSI controller receives it.
 *
 * Return: PCI_FABRIC_IRQ_DELIVERED, _BLOCKED or _LOST.
 */
enum pci_fabric_irq pci_fabric_dma_write32(struct pci_fabric_fn *fn, u64 addr,
					   u32 data);

/**
 * pci_fabric_flush() - wait until all interrupts on their way are delivered
 * @fabric: the fabric
 *
 * What unmasking releases is delivered from a work item.  When this returns, the
 * handlers of everything that was unmasked before have run.  May sleep.
 */
void pci_fabric_flush(struct pci_fabric *fabric);

/**
 * pci_fabric_set_nr_vectors() - limit the interrupt controller
 * @fabric: the fabric
 * @nr: number of vectors, at most PCI_FABRIC_MAX_VECTORS
 *
 * What is in use stays in use.  With less than a driver asks for, allocation
 * fails with -ENOSPC.  Default: PCI_FABRIC_MAX_VECTORS.
 */
void pci_fabric_set_nr_vectors(struct pci_fabric *fabric, unsigned int nr);

#define PCI_FABRIC_MAX_VECTORS	256

/**
 * pci_fabric_vectors_used() - number of vectors allocated now
 * @fabric: the fabric
 *
 * Return: the number, of all functions together, port services included.
 */
unsigned int pci_fabric_vectors_used(struct pci_fabric *fabric);

/**
 * pci_fabric_set_msi_address() - where the MSI controller listens
 * @fabric: the fabric
 * @addr: 64-bit base address, 64 KiB aligned; takes effect for vectors allocated
 *	afterwards.  Default: 0xfee00000.
 */
void pci_fabric_set_msi_address(struct pci_fabric *fabric, u64 addr);

/**
 * pci_fabric_intx_irq() - the Linux interrupt of one of the four root INTx lines
 * @fabric: the fabric
 * @line: 0 to 3
 *
 * Pin p (1 to 4) of device d on the root bus is wired to line (d + p - 1) % 4.
 *
 * Return: the interrupt number.
 */
unsigned int pci_fabric_intx_irq(struct pci_fabric *fabric, unsigned int line);

/* Presence and reset */

/**
 * pci_fabric_surprise_remove() - pull the function, and all below it, out
 * @fn: the function; for a whole device, pass each of its functions
 *
 * From now on it answers nothing: all-ones through configuration space and BARs,
 * no interrupts.  The PCI core is not told.
 */
void pci_fabric_surprise_remove(struct pci_fabric_fn *fn);

/**
 * pci_fabric_surprise_remove_after() - pull a function out in the middle
 * @fn: the function
 * @reads: configuration reads that it still answers, at least 1; the one after
 *	them finds nothing, see pci_fabric_surprise_remove()
 */
void pci_fabric_surprise_remove_after(struct pci_fabric_fn *fn,
				      unsigned int reads);

/**
 * pci_fabric_insert() - put a removed function back
 * @fn: the function
 *
 * It comes back, with all below it, as after power on: every register at its
 * default, sticky ones too, BAR memory zeroed.
 */
void pci_fabric_insert(struct pci_fabric_fn *fn);

/**
 * enum pci_fabric_reset - kinds of reset, weakest first
 * @PCI_FABRIC_RESET_FLR: Function Level Reset, or D3hot to D0 without
 *	No_Soft_Reset: sticky registers and those named in PCIe r6.0, sec 6.6.2
 *	keep their values
 * @PCI_FABRIC_RESET_HOT: Secondary Bus Reset above: sticky registers keep their
 *	values
 * @PCI_FABRIC_RESET_COLD: power on
 */
enum pci_fabric_reset {
	PCI_FABRIC_RESET_FLR,
	PCI_FABRIC_RESET_HOT,
	PCI_FABRIC_RESET_COLD,
};

/**
 * pci_fabric_reset() - reset one function, as an event in the hardware
 * @fn: the function
 * @kind: which reset
 *
 * Any kind also zeroes BAR memory, masks all MSI-X entries, clears all pending
 * interrupts and deasserts INTx.
 */
void pci_fabric_reset(struct pci_fabric_fn *fn, enum pci_fabric_reset kind);

/* Hotplug slots */

/**
 * pci_fabric_slot_remove() - pull the card out of a slot
 * @port: a port with an occupied slot
 *
 * All functions below are gone, the link is down, Presence Detect and Data Link
 * Layer State have changed, and the port interrupts if these events are enabled.
 * Its handlers in hard interrupt context have run when this returns.  May sleep.
 */
void pci_fabric_slot_remove(struct pci_fabric_fn *port);

/**
 * pci_fabric_slot_insert() - put the card into a slot
 * @port: a port with an empty slot
 *
 * Presence Detect has changed.  With power the link goes up, which is an event as
 * well, and all functions below are there as after power on.  Otherwise as
 * pci_fabric_slot_remove().
 */
void pci_fabric_slot_insert(struct pci_fabric_fn *port);

/**
 * pci_fabric_slot_button() - press the Attention Button
 * @port: a port that has one
 *
 * Otherwise as pci_fabric_slot_remove().
 */
void pci_fabric_slot_button(struct pci_fabric_fn *port);

/* Looking without the kernel */

/**
 * pci_fabric_peek() - read a configuration register, unseen
 * @fn: the function; also works when it is removed or unreachable
 * @where: byte offset, any alignment
 * @size: 1, 2 or 4
 *
 * Does not go through the PCI core, the buses or the write counters, so a test
 * can tell what the kernel programmed from what the kernel believes.
 *
 * Return: the value, in CPU byte order.
 */
u32 pci_fabric_peek(struct pci_fabric_fn *fn, unsigned int where,
		    unsigned int size);

/**
 * pci_fabric_poke() - change a configuration register as the hardware does
 * @fn: the function
 * @where: byte offset, any alignment
 * @size: 1, 2 or 4
 * @val: the value, in CPU byte order
 *
 * Ignores write masks, so read-only and status bits can be set.  Resets undo it.
 */
void pci_fabric_poke(struct pci_fabric_fn *fn, unsigned int where,
		     unsigned int size, u32 val);

/**
 * pci_fabric_bar_peek() - read BAR memory, unseen
 * @fn: the function
 * @bar: BAR number
 * @off: byte offset in the BAR, any alignment
 * @size: 1, 2 or 4
 *
 * Return: the value, in CPU byte order, wherever the BAR is mapped, if at all.
 */
u32 pci_fabric_bar_peek(struct pci_fabric_fn *fn, unsigned int bar, u32 off,
			unsigned int size);

/**
 * pci_fabric_bar_poke() - change BAR memory as the device does
 * @fn: the function
 * @bar: BAR number
 * @off: byte offset in the BAR, any alignment
 * @size: 1, 2 or 4
 * @val: the value, in CPU byte order
 */
void pci_fabric_bar_poke(struct pci_fabric_fn *fn, unsigned int bar, u32 off,
			 unsigned int size, u32 val);

/**
 * pci_fabric_cap_pos() - where the fabric has put a capability
 * @fn: the function
 * @id: capability ID
 * @ext: extended capability
 *
 * Return: byte offset, from the builder and not by a walk; 0 when there is none.
 */
unsigned int pci_fabric_cap_pos(struct pci_fabric_fn *fn, u16 id, bool ext);

/**
 * struct pci_fabric_stats - what happened to a function
 * @cfg_reads: configuration reads that it answered
 * @cfg_writes: configuration writes that it took
 * @bar_reads: memory reads that a BAR answered
 * @bar_writes: memory writes that a BAR took
 * @resets: resets, by enum pci_fabric_reset
 */
struct pci_fabric_stats {
	unsigned int cfg_reads;
	unsigned int cfg_writes;
	unsigned int bar_reads;
	unsigned int bar_writes;
	unsigned int resets[PCI_FABRIC_RESET_COLD + 1];
};

/**
 * pci_fabric_stats() - what happened to a function so far
 * @fn: the function
 *
 * Return: a copy of the counters.
 */
struct pci_fabric_stats pci_fabric_stats(struct pci_fabric_fn *fn);

/**
 * pci_fabric_watch() - be told of each configuration write
 * @fn: the function
 * @watch: called after the write took effect, in the context of the writer and
 *	without a lock of the fabric held; NULL ends it
 * @priv: passed to @watch
 */
void pci_fabric_watch(struct pci_fabric_fn *fn,
		      void (*watch)(struct pci_fabric_fn *fn, unsigned int where,
				    unsigned int size, u32 val, void *priv),
		      void *priv);

#endif /* _KUNIT_PCI_H */
