/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the emulated PCI fabric share.  Not for tests.
 *
 * Locking, outermost first:
 *   pci_fabric.vector_lock	mutex: which vectors are allocated
 *   pci_fabric_list_lock	raw spinlock: the list of live fabrics
 *   pci_fabric.lock		raw spinlock: everything else in a fabric
 * The last two are raw and taken with interrupts disabled, because the kernel
 * masks interrupts (a configuration or BAR write) under its own raw irq_desc
 * lock.  For the same reason nothing is delivered from a write: what unmasking
 * releases goes to pci_fabric.work.  Interrupts are handled, and watchers are
 * called, without a lock of the fabric held.
 *
 * Functions below want pci_fabric.lock held unless they say otherwise.
 *
 * What more is made of:
 *   a capability	a struct pci_fabric_cap_desc and a member of pci_fabric_fn_desc
 *   another machine	a file like pci_fabric_uml.c and pci_fabric_x86.c
 */
#ifndef _PCI_FABRIC_INTERNAL_H
#define _PCI_FABRIC_INTERNAL_H

#include <kunit/pci-hw.h>
#include <kunit/pci.h>
#include <kunit/pci-tph.h>
#include <linux/completion.h>
#include <linux/irqdomain.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#define PCI_FABRIC_CFG_SIZE	4096
#define PCI_FABRIC_NR_INTX	4
#define PCI_FABRIC_BAR_MAX	SZ_16M	/* what logic_iomem can map at once */
#define PCI_FABRIC_WINDOW	SZ_32M	/* per fabric, below 4 GiB */
#define PCI_FABRIC_WINDOW_HIGH	SZ_1G	/* per fabric, above */

struct pci_fabric_vector {
	u64 address;
	u32 data;
	bool used;
};

struct pci_fabric_intx {
	unsigned int irq;
	bool asserted;
	bool masked;			/* at the interrupt controller */
	unsigned int deliveries;	/* since it was asserted */
};

struct pci_fabric {
#ifdef CONFIG_X86
	struct pci_sysdata sysdata;	/* the first, for bus->sysdata */
#endif
	struct kunit *test;
	struct list_head list;
	raw_spinlock_t lock;
	struct list_head fns;
	struct list_head pdevs;		/* references that tests hold */

	int node;
	struct pci_host_bridge *bridge;
	struct completion released;	/* the host bridge is gone */
	struct resource busn;
	struct resource mem;
	struct resource pref;

	struct workqueue_struct *wq;
	struct work_struct work;
	bool irq_pending;		/* the work may have something to do */

	struct mutex vector_lock;	/* see above */
	struct fwnode_handle *msi_fwnode;
	struct irq_domain *msi_domain;
	u64 msi_address;
	unsigned int nr_vectors;
	DECLARE_BITMAP(vectors_used, PCI_FABRIC_MAX_VECTORS);
	struct pci_fabric_vector vectors[PCI_FABRIC_MAX_VECTORS];

	struct fwnode_handle *intx_fwnode;
	struct irq_domain *intx_domain;
	struct pci_fabric_intx intx[PCI_FABRIC_NR_INTX];
};

struct pci_fabric_bar {
	u32 size;
	u32 flags;
	u8 *mem;
};

/*
 * How a kind of function differs from a physical one: a virtual function finds
 * its presence, its Routing ID, its BARs and its Memory Space Enable in its physical
 * function.  Whether the bridges above let anything through is not asked here.
 */
struct pci_fabric_fn_ops {
	bool (*present)(struct pci_fabric_fn *fn);
	bool (*powered)(struct pci_fabric_fn *fn);	/* D0 */
	int (*rid)(struct pci_fabric_fn *fn);	/* bus and devfn, or -1 */
	bool (*mem_enabled)(struct pci_fabric_fn *fn);
	u64 (*bar_base)(struct pci_fabric_fn *fn, unsigned int bar);
};

/*
 * What is behind the BARs of a function, if not memory of the fabric: takes or gives
 * @size bytes, with the fabric's lock held and interrupts disabled.
 */
typedef void (*pci_fabric_bar_access)(struct pci_fabric_fn *fn, unsigned int bar,
				      u32 off, unsigned int size, bool write,
				      u64 *val);

struct pci_fabric_fn {
	struct list_head list;
	struct pci_fabric *fabric;
	struct pci_fabric_fn *parent;
	const struct pci_fabric_fn_ops *ops;
	struct pci_fabric_fn_desc desc;
	struct list_head caps;
	struct list_head regions;
	struct pci_fabric_bar bar[PCI_STD_NUM_BARS];
	pci_fabric_bar_access bar_access;
	void *owner;			/* of bar_access */
	struct pci_fabric_stats stats;
	void (*watch)(struct pci_fabric_fn *fn, unsigned int where,
		      unsigned int size, u32 val, void *priv);
	void *watch_priv;
	unsigned int reads_left;	/* configuration reads until it is pulled out */

	u16 next_cap, last_cap;		/* where the next one goes, the last is */
	u16 next_ext, last_ext;
	u16 pcie, pm, msi, msix;	/* capability offsets */
	u32 msix_ctrl_rw;		/* writable bits of Vector Control */
	u8 *msix_table, *msix_pba;	/* NULL: not there now */
	u16 tph;			/* capability offset */
	u16 tph_ctrl;			/* its control register before this write */
	struct pci_fabric_tph_stats tph_stats;

	struct pci_fabric_fn *pf;	/* of a VF */
	u16 vf_id;
	u16 ari, sriov;			/* capability offsets */
	bool vf_enabled;		/* of a PF: before the current write */

	bool removed;
	bool intx_level;
	bool intx_pulse;		/* deasserted when it is delivered */
	u8 pm_state;
	struct {
		bool card;		/* there is one in the slot */
		bool cold;		/* it was without power */
		bool down;		/* no link: nothing below is reachable */
		bool signal;		/* an event that is enabled is there */
		bool send;		/* and a message for it is due */
	} slot;

	/* Configuration space, little-endian, and how each bit behaves */
	u8 val[PCI_FABRIC_CFG_SIZE];
	u8 reset[PCI_FABRIC_CFG_SIZE];
	u8 rw[PCI_FABRIC_CFG_SIZE];
	u8 w1c[PCI_FABRIC_CFG_SIZE];
	u8 sticky[PCI_FABRIC_CFG_SIZE];
	u8 flr_keep[PCI_FABRIC_CFG_SIZE];
};

struct pci_fabric_cap {
	struct list_head list;
	struct pci_fabric_fn *fn;
	u16 pos;
	struct pci_fabric_cap_desc desc;
};

static inline bool pci_fabric_is_bridge(const struct pci_fabric_fn *fn)
{
	return fn->desc.hdr_type == PCI_HEADER_TYPE_BRIDGE;
}

/* pci_fabric_route.c */
extern const struct pci_fabric_fn_ops pci_fabric_physical_fn_ops;
extern struct pci_ops pci_fabric_pci_ops;
bool pci_fabric_present(struct pci_fabric_fn *fn);
bool pci_fabric_below(struct pci_fabric_fn *fn, struct pci_fabric_fn *bridge);

/* pci_fabric_cfg.c */
u32 pci_fabric_cfg_get(const struct pci_fabric_fn *fn, unsigned int where,
		       unsigned int size);
void pci_fabric_cfg_set(struct pci_fabric_fn *fn, unsigned int where,
			unsigned int size, u32 val);
void pci_fabric_cfg_write(struct pci_fabric_fn *fn, unsigned int where,
			  unsigned int size, u32 val);
void pci_fabric_do_reset(struct pci_fabric_fn *fn, enum pci_fabric_reset kind);
void pci_fabric_reset_below(struct pci_fabric_fn *bridge,
			    enum pci_fabric_reset kind);
/* building; no lock needed before the scan */
void pci_fabric_init_reg(struct pci_fabric_fn *fn, unsigned int base,
			 const struct pci_fabric_reg *reg);
void pci_fabric_init_header(struct pci_fabric_fn *fn);

/* building, as all pci_fabric_init_*(): may end the test, no lock held */
void pci_fabric_init_caps(struct kunit *test, struct pci_fabric_fn *fn);

/* pci_fabric_msi.c, pci_fabric_msix.c */
void pci_fabric_init_msi(struct kunit *test, struct pci_fabric_fn *fn);
void pci_fabric_init_msix(struct kunit *test, struct pci_fabric_fn *fn);
bool pci_fabric_msi_enabled(struct pci_fabric_fn *fn);
bool pci_fabric_msix_on(const struct pci_fabric_fn *fn);
void pci_fabric_msix_store(struct pci_fabric_fn *fn, u32 off, unsigned int size,
			   u64 val);
bool pci_fabric_msix_pop(struct pci_fabric_fn *fn, u64 *address, u32 *data,
			 bool *pending);
bool pci_fabric_msi_next(struct pci_fabric_fn *fn, u64 *address, u32 *data,
			 bool *pending);

/*
 * pci_fabric.c: a function without header or capabilities, and one with all, neither
 * reachable yet (removed)
 */
struct pci_fabric_fn *pci_fabric_new_fn(struct pci_fabric *fabric,
					struct pci_fabric_fn *parent,
					const struct pci_fabric_fn_desc *desc);
struct pci_fabric_fn *pci_fabric_build(struct pci_fabric *fabric,
				       struct pci_fabric_fn *parent,
				       const struct pci_fabric_fn_desc *desc,
				       pci_fabric_bar_access bar_access, void *owner);
/* One that the PCI core does not know any more.  May sleep, no lock held */
void pci_fabric_drop(struct pci_fabric_fn *fn);

/* pci_fabric_sriov.c */
void pci_fabric_init_ari(struct pci_fabric_fn *fn);
void pci_fabric_init_sriov(struct kunit *test, struct pci_fabric_fn *pf);
void pci_fabric_check_rids(struct kunit *test, struct pci_fabric_fn *fn);
void pci_fabric_link_device(struct pci_fabric_fn *fn);

/* pci_fabric_tph.c */
void pci_fabric_init_tph(struct kunit *test, struct pci_fabric_fn *fn);
void pci_fabric_tph_written(struct pci_fabric_fn *fn);

/* pci_fabric_slot.c */
void pci_fabric_init_slot(struct kunit *test, struct pci_fabric_fn *port);
void pci_fabric_slot_write(struct pci_fabric_fn *port, unsigned int off,
			   unsigned int size);
void pci_fabric_slot_reset(struct pci_fabric_fn *port);
bool pci_fabric_slot_deliver(struct pci_fabric *fabric);	/* no lock held */

/* pci_fabric_bar.c */
bool pci_fabric_decode(u64 addr, unsigned int size, bool write, u64 *val);
u64 pci_fabric_bar_get(const struct pci_fabric_fn *fn, unsigned int where,
		       u32 flags);
u64 pci_fabric_mem_get(const u8 *mem, unsigned int size);
void pci_fabric_mem_set(u8 *mem, unsigned int size, u64 val);
void pci_fabric_reset_bars(struct pci_fabric_fn *fn);
void pci_fabric_init_bar_regs(struct kunit *test, struct pci_fabric_fn *fn,
			      unsigned int where,
			      const struct pci_fabric_bar_desc *bars,
			      unsigned int nr);
void pci_fabric_init_bar_mem(struct kunit *test, struct pci_fabric_fn *fn);

/* pci_fabric_uml.c, pci_fabric_x86.c: where the BARs of this machine are */
struct resource *pci_fabric_window(bool high);	/* may sleep; ERR_PTR, NULL */
void pci_fabric_init_sysdata(struct pci_fabric *fabric, int domain);

/* pci_fabric_irq.c */
bool pci_fabric_can_master(struct pci_fabric_fn *fn);
void pci_fabric_kick(struct pci_fabric *fabric);
void pci_fabric_update_intx(struct pci_fabric *fabric);
void pci_fabric_deliver(struct work_struct *work);	/* no lock held */
enum pci_fabric_irq pci_fabric_handle(unsigned int irq);	/* no lock held */
enum pci_fabric_irq pci_fabric_pulse_intx(struct pci_fabric_fn *fn);

/* pci_fabric_irqchip.c */
int pci_fabric_map_irq(const struct pci_dev *pdev, u8 slot, u8 pin);
int pci_fabric_init_irqs(struct pci_fabric *fabric);	/* may sleep */
void pci_fabric_exit_irqs(struct pci_fabric *fabric);	/* may sleep */

extern struct list_head pci_fabric_list;
extern raw_spinlock_t pci_fabric_list_lock;

#endif /* _PCI_FABRIC_INTERNAL_H */
