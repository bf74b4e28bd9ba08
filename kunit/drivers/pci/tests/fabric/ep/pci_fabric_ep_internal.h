/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the emulated endpoint controller share.  Not for tests.
 *
 * Locking: pci_fabric_ep_list_lock protects the list of controllers, and is taken before
 * pci_fabric.lock, which protects everything else in a controller.  Both are raw and
 * taken with interrupts disabled.  Operations of the controller run under pci_epc.lock,
 * so what they start (a rescan of the bus, drivers) goes to a work item.
 */
#ifndef _PCI_FABRIC_EP_INTERNAL_H
#define _PCI_FABRIC_EP_INTERNAL_H

#include <kunit/pci-epc.h>
#include <linux/ioport.h>
#include <linux/irqdomain.h>
#include <linux/list.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "pci_fabric_internal.h"

#define PCI_FABRIC_EP_FUNCTIONS	8

/* Physical addresses of a controller: outbound window, doorbell page, MSI page */
#define PCI_FABRIC_EP_OUTBOUND	SZ_16M
#define PCI_FABRIC_EP_DOORBELL	PCI_FABRIC_EP_OUTBOUND
#define PCI_FABRIC_EP_MSI	(PCI_FABRIC_EP_DOORBELL + SZ_4K)
#define PCI_FABRIC_EP_SPAN	SZ_32M

/* How much of what is at address 0 of the endpoint is nobody's */
#define PCI_FABRIC_EP_LOW	SZ_1M

/* Where in its page the MSI controller listens */
#define PCI_FABRIC_EP_MSI_OFF	0x40

struct pci_fabric_ep_bar {
	bool set;
	int flags;
	size_t size;
	unsigned int nr;
	struct pci_epf_bar_submap map[PCI_FABRIC_EP_SUBMAPS];
};

struct pci_fabric_ep_fn {
	struct pci_fabric_fn *fn;
	bool header;			/* written */
	struct pci_fabric_ep_bar bar[PCI_STD_NUM_BARS];
	enum pci_barno msix_bar;
	u32 msix_off;
};

struct pci_fabric_ep_map {
	phys_addr_t phys;
	u64 bus;
	size_t size;			/* 0: free */
	u8 func_no;
};

/* A doorbell, or one message of the MSI controller */
struct pci_fabric_ep_line {
	bool used;
	bool masked;
	bool pending;
};

struct pci_fabric_ep {
	struct list_head list;
	struct kunit *test;
	struct pci_fabric *fabric;
	struct pci_fabric_fn *port;
	struct pci_fabric_ep_desc desc;
	struct pci_epc_features features;
	struct pci_epc_bar_rsvd_region region;
	struct platform_device *pdev;	/* when desc.parent is not there */
	struct pci_epc *epc;
	struct resource res;

	unsigned int nr_fns;
	struct pci_fabric_ep_fn fns[PCI_FABRIC_EP_FUNCTIONS];
	struct pci_fabric_ep_map maps[PCI_FABRIC_EP_MAPS];
	struct pci_fabric_ep_stats stats;
	u8 *low;			/* memory at address 0 */
	unsigned int nr_allowed;
	struct {
		phys_addr_t addr;
		size_t size;
	} allowed[PCI_FABRIC_EP_ALLOWED];
	void (*meanwhile)(void *data);
	void *meanwhile_data;

	struct workqueue_struct *wq;
	struct work_struct link_work, irq_work;
	wait_queue_head_t link_wait;
	bool started;
	bool stopped;			/* and the root complex is to be told */
	bool plugged;			/* the root complex knows that it is there */

	int doorbell_irq;
	struct irq_domain *msi_domain;
	struct pci_fabric_ep_line doorbell;
	struct pci_fabric_ep_line msi[PCI_FABRIC_EP_MSIS];
};

/* pci_fabric_ep_ops.c */
extern const struct pci_epc_ops pci_fabric_ep_ops, pci_fabric_ep_ops_no_aux;
void pci_fabric_ep_set_msix_mem(struct pci_fabric_ep *ep,
				struct pci_fabric_ep_fn *epfn);
void pci_fabric_ep_init_bar(struct pci_fabric_ep *ep,
			    struct pci_fabric_ep_fn *epfn, enum pci_barno bar,
			    size_t size, int flags);

/* pci_fabric_ep.c */
void pci_fabric_ep_elsewhere(struct pci_fabric_ep *ep);		/* no lock of a fabric held */

/* pci_fabric_ep_mem.c */
int pci_fabric_ep_init_mem(struct pci_fabric_ep *ep);		/* may sleep */
void pci_fabric_ep_exit_mem(struct pci_fabric_ep *ep);
void pci_fabric_ep_bar_access(struct pci_fabric_fn *fn, unsigned int bar, u32 off,
			      unsigned int size, bool write, u64 *val);
phys_addr_t pci_fabric_ep_inbound(const struct pci_fabric_ep_bar *bar, u32 off);
void *pci_fabric_ep_ram(u64 addr, size_t size);
void pci_fabric_ep_copy_phys(phys_addr_t phys, void *buf, size_t size,
			     bool write);		/* no lock held */

/* pci_fabric_ep_irq.c */
int pci_fabric_ep_init_irqs(struct pci_fabric_ep *ep);		/* may sleep */
void pci_fabric_ep_exit_irqs(struct pci_fabric_ep *ep);		/* may sleep */
void pci_fabric_ep_mmio_write(struct pci_fabric_ep *ep, phys_addr_t phys,
			      unsigned int size, u64 val);

#endif /* _PCI_FABRIC_EP_INTERNAL_H */
