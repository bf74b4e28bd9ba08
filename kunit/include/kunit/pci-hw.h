/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hardware of a test's own for the emulated PCI fabric: capabilities as tables of
 * registers, and parts of BARs with behaviour.  The fabric's MSI, MSI-X, PM and
 * PCI Express capabilities are made of the same.
 */
#ifndef _KUNIT_PCI_HW_H
#define _KUNIT_PCI_HW_H

#include <kunit/pci.h>
#include <linux/list.h>
#include <linux/types.h>

struct pci_fabric_cap;
struct pci_fabric_region;

/**
 * struct pci_fabric_reg - one register of a capability
 * @off: byte offset from the start of the capability
 * @size: 1, 2 or 4
 * @val: value after reset
 * @rw: bits that software can write
 * @w1c: bits that writing 1 clears
 * @sticky: bits that only a cold reset changes
 * @flr_keep: bits that an FLR does not change, beside @sticky
 */
struct pci_fabric_reg {
	u16 off;
	u8 size;
	u32 val;
	u32 rw;
	u32 w1c;
	u32 sticky;
	u32 flr_keep;
};

/**
 * struct pci_fabric_cap_ops - what a capability does beside storing bits
 * @write: called after a configuration write that overlaps the capability, with
 *	the fabric's lock held and interrupts disabled; @off is relative to the capability
 *	and @val is what was written, before masks
 * @reset: called after the registers took their reset values, same context
 */
struct pci_fabric_cap_ops {
	void (*write)(struct pci_fabric_cap *cap, unsigned int off,
		      unsigned int size, u32 val);
	void (*reset)(struct pci_fabric_cap *cap, enum pci_fabric_reset kind);
};

/**
 * struct pci_fabric_cap_desc - one capability, as data
 * @id: capability ID
 * @ext: extended capability, above 0x100
 * @version: version of an extended capability
 * @len: bytes, header included
 * @regs: registers after the header, @nr_regs of them; bytes in no register are
 *	read-only zero
 * @nr_regs: number of @regs
 * @ops: behaviour, or NULL
 * @priv: for @ops, see pci_fabric_cap_priv()
 */
struct pci_fabric_cap_desc {
	u16 id;
	bool ext;
	u8 version;
	u16 len;
	const struct pci_fabric_reg *regs;
	unsigned int nr_regs;
	const struct pci_fabric_cap_ops *ops;
	void *priv;
};

/**
 * pci_fabric_add_cap() - append a capability to a function
 * @fn: the function, not scanned yet
 * @desc: the capability; copied
 *
 * Return: the capability, never NULL.
 */
struct pci_fabric_cap *pci_fabric_add_cap(struct pci_fabric_fn *fn,
					  const struct pci_fabric_cap_desc *desc);

/**
 * pci_fabric_cap_priv() - the priv of a capability's desc
 * @cap: the capability
 *
 * Return: the pointer.
 */
void *pci_fabric_cap_priv(struct pci_fabric_cap *cap);

/**
 * struct pci_fabric_region_ops - a part of a BAR with behaviour
 * @read: returns @size bytes at @off in the region, little-endian value in CPU
 *	order; NULL: from BAR memory.  Fabric's lock held, interrupts disabled.
 * @write: takes the write, @size 1, 2, 4 or 8; NULL: BAR memory, which is also
 *	where it may store by pci_fabric_region_store().  Same context.
 */
struct pci_fabric_region_ops {
	u64 (*read)(struct pci_fabric_region *region, u32 off, unsigned int size);
	void (*write)(struct pci_fabric_region *region, u32 off,
		      unsigned int size, u64 val);
};

/**
 * struct pci_fabric_region - a registered part of a BAR
 * @list: in the function's list
 * @fn: the function
 * @bar: BAR number
 * @off: start in the BAR
 * @len: bytes
 * @ops: behaviour
 * @priv: for @ops
 */
struct pci_fabric_region {
	struct list_head list;
	struct pci_fabric_fn *fn;
	unsigned int bar;
	u32 off;
	u32 len;
	const struct pci_fabric_region_ops *ops;
	void *priv;
};

/**
 * pci_fabric_add_region() - give a part of a BAR behaviour
 * @fn: the function
 * @bar: BAR number
 * @off: start in the BAR
 * @len: bytes
 * @ops: behaviour
 * @priv: for @ops
 *
 * Return: the region, never NULL; lives as long as the function.
 */
struct pci_fabric_region *
pci_fabric_add_region(struct pci_fabric_fn *fn, unsigned int bar, u32 off,
		      u32 len, const struct pci_fabric_region_ops *ops,
		      void *priv);

/**
 * pci_fabric_region_store() - store into the BAR memory behind a region
 * @region: the region
 * @off: offset in the region
 * @size: 1, 2, 4 or 8
 * @val: value, in CPU byte order
 *
 * For use in a region's write operation.
 */
void pci_fabric_region_store(struct pci_fabric_region *region, u32 off,
			     unsigned int size, u64 val);

/**
 * pci_fabric_region_intx() - the register asserts or deasserts INTx
 * @region: a region of a function with an Interrupt Pin
 * @level: as for pci_fabric_raise_intx()
 *
 * For use in a region's operations: a driver that quietens its device by a register
 * deasserts the interrupt there.  Interrupts are delivered later, by a work item; see
 * pci_fabric_flush().
 */
void pci_fabric_region_intx(struct pci_fabric_region *region, bool level);

#endif /* _KUNIT_PCI_HW_H */
