/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites about TPH through vfio-pci share: a function with a TPH
 * Requester capability below a root port, vfio-pci bound to it, a user who has
 * it open, and tags of the test's own.
 *
 * Registers and values are those of the PCI Express Base Specification r6.0,
 * sec 7.9.13 (TPH Requester Extended Capability) and sec 7.7.2.6 (Vector Control
 * of MSI-X table entries), written out as numbers.
 */
#ifndef _VFIO_PCI_TPH_SET_H
#define _VFIO_PCI_TPH_SET_H

#include <kunit/pci.h>
#include <kunit/pci-tph.h>
#include <linux/atomic.h>
#include <linux/pci.h>
#include <linux/vfio.h>

#include "vfio_pci_fixture.h"
#include "vfio_pci_tph_shell.h"

/* The sizes that user space has compiled in, in bytes */
#define TPH_CAP_SIZE		32
#define TPH_ENABLE_SIZE		8
#define TPH_ST_SIZE		16
#define TPH_ENTRY_SIZE		16
#define TPH_MAX_ENTRIES		2048

/* Where the ST table is: ST Table Location of the capability */
#define TPH_LOC_NONE		0
#define TPH_LOC_CAP		1
#define TPH_LOC_MSIX		2

/* ST Mode Select, and modes as bits of the capability */
#define TPH_NO_ST		0
#define TPH_IV			1
#define TPH_DS			2

/* TPH Requester Enable, in the control register */
#define TPH_CTRL_ON		0x100
#define TPH_CTRL_EXTENDED	0x300

#define TPH_BAR_TABLE		SZ_4K	/* MSI-X table in BAR 0 */

/**
 * struct tph_conf - what a test wants
 * @door: how the device is opened
 * @absent: no TPH capability
 * @conventional: with @absent, a function of conventional PCI
 * @no_iv: the function has no Interrupt Vector Mode
 * @no_ds: the function has no Device Specific Mode
 * @extended: Extended TPH Requester, below a root port that completes it
 * @loc: TPH_LOC_*
 * @st_size: entries of the ST table; 0 in the MSI-X table: all vectors
 * @vectors: MSI-X vectors; 0: 8
 * @no_completer: the root port does not complete TPH
 * @completer: what the root port completes, if not what the function asks for
 * @gate: vfio-pci allows modes in which a user can choose tags when it is bound
 * @no_flr: no Function Level Reset
 * @soft_reset: D3hot to D0 resets
 * @d1: D1 is supported
 * @intx: the function has an INTx pin
 * @af: Advanced Features capability, whose register can ask for a reset as well
 * @vf: the function is the first of two VFs; nothing is bound to their PF
 * @two: there is a second function, of the same device, which nobody has open
 * @unbound: the second function has no driver, so that not even the bus is reset
 *	when the first is closed
 * @wide: the BAR with the MSI-X table has 64 bits
 * @closed: bound, but not opened yet
 * @driver: bound to the function; NULL: vfio-pci
 */
struct tph_conf {
	enum vfio_pci_door door;
	bool absent;
	bool conventional;
	bool no_iv;
	bool no_ds;
	bool extended;
	u8 loc;
	u16 st_size;
	u16 vectors;
	bool no_completer;
	u8 completer;
	bool gate;
	bool no_flr;
	bool soft_reset;
	bool d1;
	bool intx;
	bool af;
	bool vf;
	bool two;
	bool unbound;
	bool wide;
	bool closed;
	const char *driver;
};

/**
 * struct tph_set - a function, its user, and what a test sees of it
 * @test: the running test
 * @conf: what the test wants
 * @shell: the way to the operations
 * @fix: the fixture
 * @port: the root port
 * @pf: the physical function, if @fn is virtual
 * @fn: the function
 * @fn2: the second one
 * @pdev: device of @fn
 * @pdev2: device of @fn2
 * @user: who has it open
 * @cap: offset of the TPH Requester capability
 * @eventfd: for MSI-X, or -1
 * @gate: the parameter of vfio-pci
 * @gate_was: its value before the test
 * @resolved: tags that were asked for
 * @asked: CPU of the last one
 * @fail_persistent: asking for persistent memory fails with this -errno
 * @tag_high: upper 8 bits of all tags
 * @on_resolve: called when a tag is asked for, if not NULL
 * @priv: for the test
 */
struct tph_set {
	struct kunit *test;
	struct tph_conf conf;
	const struct tph_shell *shell;
	struct vfio_pci_fixture *fix;
	struct pci_fabric_fn *port;
	struct pci_fabric_fn *pf;
	struct pci_fabric_fn *fn;
	struct pci_fabric_fn *fn2;
	struct pci_dev *pdev;
	struct pci_dev *pdev2;
	struct vfio_pci_user *user;
	unsigned int cap;
	int eventfd;
	bool *gate;
	bool gate_was;

	atomic_t resolved;
	unsigned int asked;
	int fail_persistent;
	u8 tag_high;
	void (*on_resolve)(struct tph_set *set);
	void *priv;
};

/* tph_set_alloc() - make it all; ends the test when it fails */
struct tph_set *tph_set_alloc(struct kunit *test, const struct tph_conf *conf);

/* tph_set_gate() - allow a bound device the modes of the gate, or not */
void tph_set_gate(struct tph_set *set, bool on);

/* tph_reopen() - close and open */
void tph_reopen(struct tph_set *set);

/* tph_msix() - enable @count MSI-X vectors, from 0; skips without behaving BARs */
void tph_msix(struct tph_set *set, unsigned int count);

/* tph_tag() - the tag of a CPU, with @persistent memory or not; never 0 */
static inline u16 tph_tag(unsigned int cpu, bool persistent)
{
	return 0x21 + (persistent ? 0x40 : 0) + 7 * (cpu % 8);
}

/* tph_cpu() - a CPU that this thread may run on */
unsigned int tph_cpu(void);

/* tph_ctrl() - the control register, as the hardware has it */
static inline u32 tph_ctrl(struct tph_set *set)
{
	return pci_fabric_tph_ctrl(set->fn);
}

/* tph_st() - an entry of the ST table, as the hardware has it */
static inline u16 tph_st(struct tph_set *set, unsigned int index)
{
	return pci_fabric_tph_st(set->fn, index);
}

/* tph_writes() - writes to capability and ST table so far */
unsigned int tph_writes(struct tph_set *set);

/*
 * Arguments: header and payload in kernel memory, as bytes.  tph_arg_run() puts
 * them before the page that is not mapped, and copies back what is there then.
 */
struct tph_arg {
	size_t size;		/* bytes that user space has */
	void *mem;		/* the header, and all that follows */
	u32 *argsz;		/* in the header */
	union {
		void *payload;
		struct vfio_pci_tph_cap *cap;
		struct vfio_pci_tph_enable *enable;
		struct vfio_pci_tph_st *st;
	};
	struct vfio_pci_tph_st_entry *entry;
};

/* tph_arg_size() - bytes of a valid argument of @op with @count entries */
size_t tph_arg_size(struct tph_set *set, enum tph_op op, unsigned int count);

/* tph_arg() - @op with a valid payload of @count entries; freed with the test */
struct tph_arg *tph_arg(struct tph_set *set, enum tph_op op, unsigned int count);

/* tph_call() - the system call, the argument being at @mem already */
static inline long tph_call(struct tph_set *set, void __user *mem)
{
	return set->shell->call(set->user, mem);
}

/* tph_arg_run() - the system call; copies back */
long tph_arg_run(struct tph_set *set, struct tph_arg *arg);

/* tph_arg_run_at() - the system call with the argument at @mem; copies in only */
long tph_arg_run_at(struct tph_set *set, const struct tph_arg *arg,
		    void __user *mem);

/* The operations, with valid arguments */
long tph_get_cap(struct tph_set *set, struct vfio_pci_tph_cap *cap);
long tph_enable(struct tph_set *set, u32 mode);
long tph_disable(struct tph_set *set);
long tph_enable_at(struct tph_set *set, u32 mode, void __user *mem);
long tph_disable_at(struct tph_set *set, void __user *mem);
long tph_set_one(struct tph_set *set, unsigned int index, unsigned int cpu,
		 bool persistent);
long tph_get_one(struct tph_set *set, unsigned int cpu, bool persistent,
		 u16 *tag);

/* tph_expect_off() - TPH is off in the hardware, for the kernel and for its user */
#define tph_expect_off(set) do {					\
	struct tph_set *__set = (set);					\
	struct vfio_pci_tph_cap __cap = {};				\
									\
	KUNIT_EXPECT_EQ(__set->test, tph_ctrl(__set) & 0x300, 0);	\
	KUNIT_EXPECT_EQ(__set->test, (int)__set->pdev->tph_enabled, 0);	\
	KUNIT_EXPECT_EQ(__set->test, tph_get_cap(__set, &__cap), 0);	\
	KUNIT_EXPECT_EQ(__set->test, __cap.mode, ~0U);			\
} while (0)

#endif /* _VFIO_PCI_TPH_SET_H */
