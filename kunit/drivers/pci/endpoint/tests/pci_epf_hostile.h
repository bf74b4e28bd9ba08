/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hostile host of endpoint functions, for the suite pci_epf_hostile.
 *
 * It is the root complex of an emulated endpoint, and writes whatever it likes to BARs and
 * configuration space: from a thread, and in the middle of what the endpoint does.  Which
 * registers and commands there are is what a struct hostile_kind knows.
 */
#ifndef _PCI_EPF_HOSTILE_H
#define _PCI_EPF_HOSTILE_H

#include <kunit/pci.h>
#include <kunit/pci-epc.h>
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/pci.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

#include "pci_fabric_ep_cfs.h"

/* Memory of the host that the endpoint may access, and what is before and after it */
#define HOSTILE_WINDOW	SZ_64K
#define HOSTILE_GUARD	SZ_16K

#define HOSTILE_BYSTANDERS	16

struct hostile;

/**
 * struct hostile_kind - a function driver, and how its doorbells are rung
 * @name: of the test
 * @driver: name of the function driver
 * @attrs: what its configfs directory has, up to { NULL }
 * @doorbell: of the controller
 * @doorbell_bar: where a doorbell in a BAR is
 * @msi: whether there is an MSI controller for doorbells
 * @regs: length of the registers in BAR 0
 * @pause_us: after so long the endpoint has looked for a command
 * @volley: writes before the host pauses
 * @up: the link is up, and nothing was written yet
 * @job: registers filled for one command, as it makes sense but for what is mutated
 * @between: what the endpoint's side does between two volleys, or NULL
 * @sane: does the function do what it is there for?
 * @bound: after the function was bound, or NULL
 */
struct hostile_kind {
	const char *name;
	const char *driver;
	const char * const (*attrs)[2];
	enum pci_fabric_ep_doorbell_kind doorbell;
	u8 doorbell_bar;
	bool msi;
	u32 regs;
	unsigned int pause_us, volley;
	void (*up)(struct hostile *h);
	void (*job)(struct hostile *h);
	void (*between)(struct hostile *h);
	void (*sane)(struct hostile *h);
	void (*bound)(struct hostile *h);
};

extern const char * const hostile_test_attrs[][2], * const hostile_vntb_attrs[][2];
void hostile_test_up(struct hostile *h);
void hostile_test_job(struct hostile *h);
void hostile_test_sane(struct hostile *h);
void hostile_vntb_init(struct kunit *test);
void hostile_vntb_up(struct hostile *h);
void hostile_vntb_job(struct hostile *h);
void hostile_vntb_between(struct hostile *h);
void hostile_vntb_sane(struct hostile *h);
void hostile_vntb_bound(struct hostile *h);

/**
 * struct hostile - the host, and what it is about
 * @test: the running test
 * @kind: the function driver
 * @fabric: where it is
 * @port: the port above the endpoint
 * @ep: the endpoint
 * @epc: its controller
 * @cfs: the function
 * @bus: the bus of the function
 * @pdev: the function on the root complex, while the link is up
 * @bar: its BARs, which stay where they are
 * @bar_size: their sizes
 * @config: of the function and of the port, as they have to be
 * @lock: protects @rnd
 * @rnd: what comes next
 * @last: the last value that was written
 * @limit: how many writes
 * @writes: that many were tried
 * @thread: what writes, while it does
 * @mem: guard, window, guard
 * @window: bus address of the window
 * @irqs: interrupts that came
 * @db_bar: where the doorbell is
 * @db_off: offset in there
 * @db_data: what rings it
 * @bystander: memory of the endpoint that is not for the host
 */
struct hostile {
	struct kunit *test;
	const struct hostile_kind *kind;
	struct pci_fabric *fabric;
	struct pci_fabric_fn *port;
	struct pci_fabric_ep *ep;
	struct pci_epc *epc;
	struct pci_ep_cfs *cfs;
	struct pci_bus *bus;
	struct pci_dev *pdev;
	void __iomem *bar[PCI_STD_NUM_BARS];
	u32 bar_size[PCI_STD_NUM_BARS];
	struct {
		u32 bar[PCI_STD_NUM_BARS];
		u32 window, pref;
		u16 command, msi, msix;
		int msi_pos, msix_pos;
	} config;
	spinlock_t lock; /* for rnd */
	struct rnd_state rnd;
	u64 last;
	unsigned long limit;
	atomic_long_t writes;
	struct task_struct *thread;
	u8 *mem;
	u64 window;
	atomic_t irqs;
	unsigned int db_bar;
	u32 db_off, db_data;
	struct {
		void *mem;
		dma_addr_t dma;
		size_t size;
	} bystander[HOSTILE_BYSTANDERS];
};

u32 hostile_u32(struct hostile *h);
u32 hostile_below(struct hostile *h, u32 limit);
bool hostile_one_in(struct hostile *h, u32 n);
u64 hostile_value(struct hostile *h);

/* One write, of 1, 2, 4 or 8 bytes */
void hostile_put(struct hostile *h, unsigned int bar, u32 off, unsigned int size, u64 val);

static inline u8 *hostile_window(struct hostile *h)
{
	return h->mem + HOSTILE_GUARD;
}

/* --- For hosts that are sane: nothing else writes --- */

static inline u32 hostile_get(struct hostile *h, unsigned int bar, u32 off)
{
	return readl(h->bar[bar] + off);
}

static inline void hostile_set(struct hostile *h, unsigned int bar, u32 off, u32 val)
{
	writel(val, h->bar[bar] + off);
}

#endif /* _PCI_EPF_HOSTILE_H */
