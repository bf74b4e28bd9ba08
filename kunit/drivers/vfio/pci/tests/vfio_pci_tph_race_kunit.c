// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for VFIO_DEVICE_PCI_TPH: several users, several devices, and what
 * happens to a device while a batch is on its way.
 */
#include <kunit/pci.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_tph_set.h"

#define TABLE		8
#define TPH_POLL_TIMEOUT	(5 * HZ)

#define TPH_CAP_TABLE	.door = VFIO_PCI_CDEV, .loc = TPH_LOC_CAP,	\
			.st_size = TABLE, .gate = true

static struct vfio_pci_core_device *tph_vdev(struct tph_set *set)
{
	return pci_get_drvdata(set->pdev);
}

/* The low bit of the owner word of a mutex: somebody waits for it */
static bool tph_awaited(struct tph_set *set)
{
	struct vfio_pci_core_device *vdev = tph_vdev(set);

	return rwsem_is_contended(&vdev->memory_lock) ||
	       (atomic_long_read(&vdev->igate.owner) & 1);
}

/* Somebody else comes in the middle of a batch */
struct tph_other {
	struct tph_set *set;
	long (*fn)(struct tph_other *other);
	struct completion go;
	bool started;
	bool over;		/* he has done what he wanted */
	bool over_in_batch;
	bool awaited;		/* he waits for a lock of the device */
	bool seen;
	void __user *mem;
};

/* In the first tag of the batch: let the other one go, and see what he does */
static void tph_on_resolve(struct tph_set *set)
{
	struct tph_other *other = set->priv;
	unsigned long end = jiffies + TPH_POLL_TIMEOUT;

	if (other->seen)
		return;
	other->seen = true;
	complete(&other->go);
	while (!tph_awaited(set) && !READ_ONCE(other->over) &&
	       time_before(jiffies, end))
		fsleep(1000);
	other->awaited = tph_awaited(set);
	other->over_in_batch = READ_ONCE(other->over);
}

static int tph_other_main(void *data)
{
	struct tph_other *other = data;
	long ret;

	if (!wait_for_completion_timeout(&other->go, VFIO_PCI_TIMEOUT / 2))
		return -ETIMEDOUT;
	ret = other->fn(other);
	WRITE_ONCE(other->over, true);
	return ret;
}

static long tph_other_reset(struct tph_other *other)
{
	return vfio_pci_ioctl(other->set->user, VFIO_DEVICE_RESET, NULL);
}

static long tph_other_disable(struct tph_other *other)
{
	return tph_disable_at(other->set, other->mem);
}

/* Off, and on again */
static long tph_other_enable(struct tph_other *other)
{
	return tph_disable_at(other->set, other->mem) ?:
	       tph_enable_at(other->set, TPH_DS, other->mem);
}

static long tph_other_no_msix(struct tph_other *other)
{
	struct vfio_irq_set irqs = {
		.argsz = sizeof(irqs),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
	};

	if (copy_to_user(other->mem, &irqs, sizeof(irqs)))
		return -ENOMEM;
	return vfio_pci_ioctl(other->set->user, VFIO_DEVICE_SET_IRQS, other->mem);
}

static const struct tph_race_param {
	const char *name;
	long (*fn)(struct tph_other *other);
	enum tph_op op;
	struct tph_conf conf;
	int want;
	bool on;		/* TPH is on then */
} tph_races[] = {
	{ "set_reset", tph_other_reset, TPH_OP_SET_ST, { TPH_CAP_TABLE }, -ENXIO },
	{ "set_disable", tph_other_disable, TPH_OP_SET_ST, { TPH_CAP_TABLE }, -ENXIO },
	{ "set_enable", tph_other_enable, TPH_OP_SET_ST, { TPH_CAP_TABLE }, -ENXIO, true },
	{ "get_reset", tph_other_reset, TPH_OP_GET_ST, { TPH_CAP_TABLE }, -ENXIO },
	{ "get_disable", tph_other_disable, TPH_OP_GET_ST, { TPH_CAP_TABLE }, -ENXIO },
	{ "get_enable", tph_other_enable, TPH_OP_GET_ST, { TPH_CAP_TABLE }, -ENXIO, true },
	{ "msix_reset", tph_other_reset, TPH_OP_SET_ST, { .door = VFIO_PCI_CDEV,
	  .loc = TPH_LOC_MSIX, .vectors = TABLE, .gate = true }, -ENXIO },
	{ "msix_set_irqs", tph_other_no_msix, TPH_OP_SET_ST, { .door = VFIO_PCI_CDEV,
	  .loc = TPH_LOC_MSIX, .vectors = TABLE, .gate = true }, -ENOENT, true },
};

TPH_ARRAY_PARAM(tph_races, tph_races)

/*
 * Somebody who resets the device, disables TPH or takes the vectors away while the
 * firmware is asked for tags need not wait for that.  The batch is not written then,
 * even if TPH is on again.  Catches a lock that is held while the firmware is asked,
 * and tags that are written, or told, for what was enabled before.
 */
static void tph_race_batch(struct kunit *test)
{
	const struct tph_race_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &param->conf);
	struct tph_other *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	struct tph_arg *arg = tph_arg(set, param->op, TABLE);
	struct vfio_pci_thread *thread;
	long ret;

	KUNIT_ASSERT_NOT_NULL(test, other);
	if (param->conf.loc == TPH_LOC_MSIX)
		tph_msix(set, TABLE);
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	other->set = set;
	other->fn = param->fn;
	other->mem = vfio_pci_mem(set->fix, 0);
	init_completion(&other->go);
	thread = vfio_pci_thread_start(set->fix, tph_other_main, other);

	set->priv = other;
	set->on_resolve = tph_on_resolve;
	ret = tph_arg_run(set, arg);
	set->on_resolve = NULL;
	KUNIT_EXPECT_EQ(test, ret, param->want);
	KUNIT_EXPECT_EQ(test, vfio_pci_thread_join(thread), 0);
	KUNIT_EXPECT_TRUE(test, other->seen);
	KUNIT_EXPECT_FALSE(test, other->awaited);
	KUNIT_EXPECT_TRUE(test, other->over_in_batch);
	for (int i = 0; i < TABLE; i++) {
		KUNIT_EXPECT_EQ(test, tph_st(set, i), 0);
		KUNIT_EXPECT_EQ(test, arg->entry[i].st, 0);
	}
	if (param->on)
		KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_DS);
	else
		tph_expect_off(set);
}

/* Each CPU and type of memory is asked for once, wherever it is in the batch */
static void tph_asked_once(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE });

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	for (u32 op = TPH_OP_GET_ST; op <= TPH_OP_SET_ST; op++) {
		struct tph_arg *arg = tph_arg(set, op, TPH_MAX_ENTRIES);
		unsigned int asked = atomic_read(&set->resolved);

		for (int i = 0; i < TPH_MAX_ENTRIES; i++) {
			arg->entry[i].index %= TABLE;
			arg->entry[i].mem_type = i % 3 == 2;
		}
		KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
		KUNIT_EXPECT_EQ(test, atomic_read(&set->resolved) - asked, 2);
		for (int i = 0; i < TPH_MAX_ENTRIES && op == 3; i++)
			KUNIT_EXPECT_EQ(test, arg->entry[i].st,
					tph_tag(tph_cpu(), i % 3 == 2));
	}
	for (int i = 0; i < TABLE; i++)
		KUNIT_EXPECT_EQ(test, tph_st(set, i),
				tph_tag(tph_cpu(), (TPH_MAX_ENTRIES - TABLE + i) % 3 == 2));
}

/* Who is killed need not wait for the rest of the tags, and nothing is written */
static void tph_kill(struct tph_set *set)
{
	set->on_resolve = NULL;
	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
}

static void tph_killed(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE });
	struct tph_arg *arg = tph_arg(set, TPH_OP_SET_ST, TABLE);
	unsigned int asked;
	long ret;

	arg->entry[TABLE - 1].mem_type = 1;
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	asked = atomic_read(&set->resolved);
	set->on_resolve = tph_kill;
	ret = tph_arg_run(set, arg);
	disallow_signal(SIGKILL);
	flush_signals(current);
	KUNIT_EXPECT_EQ(test, ret, -EINTR);
	KUNIT_EXPECT_EQ(test, atomic_read(&set->resolved) - asked, 1);
	KUNIT_EXPECT_EQ(test, tph_st(set, 0), 0);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
}

/* INTx, which is masked and unmasked while a tag is asked for */

#define TPH_INTX_DISABLE	BIT(10)		/* of Command (sec 7.5.1.1.3) */

struct tph_intx {
	struct tph_set *set;
	int trigger;		/* eventfds */
	int unmask;
	bool seen;
	unsigned int writes;	/* to Command */
};

static void tph_intx_close(void *data)
{
	struct tph_intx *intx = data;

	/* The device first, which listens to @unmask */
	vfio_pci_close_all(intx->set->fix);
	vfio_pci_sys(close, intx->trigger);
	vfio_pci_sys(close, intx->unmask);
	flush_delayed_fput();
}

static long tph_intx_set(struct tph_intx *intx, u32 action, int eventfd)
{
	struct {
		struct vfio_irq_set set;
		s32 fd;
	} arg = {
		.set = {
			.argsz = sizeof(arg),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | action,
			.index = VFIO_PCI_INTX_IRQ_INDEX,
			.count = 1,
		},
		.fd = eventfd,
	};

	return vfio_pci_call(intx->set->fix, intx->set->user->fd,
			     VFIO_DEVICE_SET_IRQS, &arg, sizeof(arg));
}

static struct tph_intx *tph_intx_alloc(struct tph_set *set)
{
	struct kunit *test = set->test;
	struct tph_intx *intx = kunit_kzalloc(test, sizeof(*intx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, intx);
	intx->set = set;
	intx->trigger = vfio_pci_sys(eventfd2, 0, EFD_NONBLOCK);
	intx->unmask = vfio_pci_sys(eventfd2, 0, EFD_NONBLOCK);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, tph_intx_close, intx),
			0);
	KUNIT_ASSERT_GE(test, intx->trigger, 0);
	KUNIT_ASSERT_GE(test, intx->unmask, 0);
	KUNIT_ASSERT_EQ(test, tph_intx_set(intx, VFIO_IRQ_SET_ACTION_TRIGGER,
					   intx->trigger), 0);
	KUNIT_ASSERT_EQ(test, tph_intx_set(intx, VFIO_IRQ_SET_ACTION_UNMASK,
					   intx->unmask), 0);
	return intx;
}

static long tph_intx_off(struct tph_intx *intx)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_INTX_IRQ_INDEX,
	};

	return vfio_pci_call(intx->set->fix, intx->set->user->fd,
			     VFIO_DEVICE_SET_IRQS, &set, sizeof(set));
}

static bool tph_intx_masked(struct tph_set *set)
{
	return pci_fabric_peek(set->fn, 0x04, 2) & TPH_INTX_DISABLE;
}

/* Whether the user was told of an interrupt since this was asked last */
static bool tph_intx_told(struct tph_intx *intx)
{
	pci_fabric_flush(intx->set->fix->fabric);
	return vfio_pci_sys(read, intx->trigger,
			    (char __user *)vfio_pci_mem(intx->set->fix, 0), 8) == 8;
}

/* The resample eventfd: the user has seen to the interrupt */
static void tph_intx_resample(struct tph_intx *intx)
{
	void __user *mem = vfio_pci_mem(intx->set->fix, 0);
	u64 one = 1;

	if (copy_to_user(mem, &one, sizeof(one)))
		KUNIT_FAIL(intx->set->test, "user memory");
	KUNIT_EXPECT_EQ(intx->set->test,
			vfio_pci_sys(write, intx->unmask, (const char __user *)mem, 8),
			8);
}

static void tph_intx_raise(struct tph_set *set)
{
	struct tph_intx *intx = set->priv;

	if (!intx->seen)
		pci_fabric_raise_intx(set->fn, true);
	intx->seen = true;
}

static void tph_intx_ack(struct tph_set *set)
{
	struct tph_intx *intx = set->priv;

	if (!intx->seen)
		tph_intx_resample(intx);
	intx->seen = true;
}

static void tph_intx_see_write(struct pci_fabric_fn *fn, unsigned int where,
			       unsigned int size, u32 val, void *priv)
{
	struct tph_intx *intx = priv;

	if (where < 6 && where + size > 4)
		intx->writes++;
}

/*
 * An interrupt comes while the firmware is asked for a tag, and is masked then: it
 * stays so, until the user has seen to it.  Catches a Command register that is
 * written back as it was read, after which the line stays asserted and nobody cares.
 */
static void tph_intx_masks(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE, .intx = true });
	struct tph_intx *intx = tph_intx_alloc(set);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_FALSE(test, tph_intx_masked(set));
	set->priv = intx;
	set->on_resolve = tph_intx_raise;
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), 0);
	set->on_resolve = NULL;
	KUNIT_EXPECT_TRUE(test, intx->seen);
	KUNIT_EXPECT_TRUE(test, tph_intx_masked(set));
	KUNIT_EXPECT_TRUE(test, tph_intx_told(intx));

	pci_fabric_raise_intx(set->fn, false);
	tph_intx_resample(intx);
	KUNIT_EXPECT_FALSE(test, tph_intx_masked(set));
}

/* The other way round: the user sees to an interrupt, and the next one comes */
static void tph_intx_unmasks(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE, .intx = true });
	struct tph_intx *intx = tph_intx_alloc(set);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	pci_fabric_raise_intx(set->fn, true);
	KUNIT_ASSERT_TRUE(test, tph_intx_masked(set));
	KUNIT_ASSERT_TRUE(test, tph_intx_told(intx));
	pci_fabric_raise_intx(set->fn, false);

	set->priv = intx;
	set->on_resolve = tph_intx_ack;
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), 0);
	set->on_resolve = NULL;
	KUNIT_EXPECT_TRUE(test, intx->seen);
	KUNIT_EXPECT_FALSE(test, tph_intx_masked(set));
	pci_fabric_raise_intx(set->fn, true);
	KUNIT_EXPECT_TRUE(test, tph_intx_told(intx));
	pci_fabric_raise_intx(set->fn, false);
}

/* The interrupt is still wanted when it is unmasked: told again, and masked */
static void tph_intx_resampled(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE, .intx = true });
	struct tph_intx *intx = tph_intx_alloc(set);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	pci_fabric_raise_intx(set->fn, true);
	KUNIT_ASSERT_TRUE(test, tph_intx_told(intx));
	set->priv = intx;
	set->on_resolve = tph_intx_ack;
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), 0);
	set->on_resolve = NULL;
	KUNIT_EXPECT_TRUE(test, tph_intx_masked(set));
	pci_fabric_raise_intx(set->fn, false);
}

/*
 * A table in the capability is none of the Command register's business, nor is one
 * in the MSI-X table without vectors, while INTx may be in use; with vectors it is
 * written only where memory decoding is off.
 */
static void tph_intx_command(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE, .intx = true });
	struct tph_intx *intx = tph_intx_alloc(set);

	KUNIT_ASSERT_EQ(test, vfio_pci_cfg_write(set->user, 0x04, 2, 0), 0);
	pci_fabric_watch(set->fn, tph_intx_see_write, intx);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), 0);
	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	pci_fabric_watch(set->fn, NULL, NULL);
	KUNIT_EXPECT_EQ(test, intx->writes, 0);
}

static void tph_intx_command_msix(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		.gate = true, .intx = true });
	struct tph_intx *intx = tph_intx_alloc(set);

	KUNIT_ASSERT_EQ(test, vfio_pci_cfg_write(set->user, 0x04, 2, 0), 0);
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	pci_fabric_watch(set->fn, tph_intx_see_write, intx);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), -ENOENT);
	KUNIT_EXPECT_EQ(test, intx->writes, 0);

	KUNIT_ASSERT_EQ(test, tph_intx_set(intx, VFIO_IRQ_SET_ACTION_TRIGGER, -1),
			0);
	KUNIT_ASSERT_EQ(test, tph_intx_off(intx), 0);
	tph_msix(set, TABLE);
	intx->writes = 0;
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), 0);
	KUNIT_EXPECT_EQ(test, intx->writes, 2);
	KUNIT_ASSERT_EQ(test, vfio_pci_cfg_write(set->user, 0x04, 2, BIT(1)), 0);
	intx->writes = 0;
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), 0);
	KUNIT_EXPECT_EQ(test, intx->writes, 0);
	pci_fabric_watch(set->fn, NULL, NULL);
}

/* What is held by who reads or writes the registers, seen when it happens */
struct tph_locks {
	struct tph_set *set;
	unsigned int reads;
	unsigned int writes;
	unsigned int without_memory_lock;
	unsigned int without_igate;
};

static void tph_see_locks(struct pci_fabric_fn *fn, unsigned int where,
			  unsigned int size, u32 val, void *priv)
{
	struct tph_locks *locks = priv;
	struct vfio_pci_core_device *vdev = tph_vdev(locks->set);

	if (where < locks->set->cap || where >= locks->set->cap + 12 + 2 * TABLE)
		return;
	locks->writes++;
	/* Write locked: a reader does not get in */
	if (down_read_trylock(&vdev->memory_lock)) {
		up_read(&vdev->memory_lock);
		locks->without_memory_lock++;
	}
	if (!mutex_is_locked(&vdev->igate))
		locks->without_igate++;
}

/*
 * Each write to the TPH registers is made with the lock that keeps resets away;
 * those of SET_ST with the one that keeps vectors, too.  Catches a lock that is
 * given back too early.
 */
static void tph_locked(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE });
	struct tph_arg *arg = tph_arg(set, TPH_OP_SET_ST, TABLE);
	struct tph_locks *locks = kunit_kzalloc(test, sizeof(*locks), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, locks);
	locks->set = set;
	pci_fabric_watch(set->fn, tph_see_locks, locks);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_EXPECT_GT(test, locks->writes, 0);
	KUNIT_EXPECT_EQ(test, locks->without_memory_lock, 0);
	locks->writes = 0;
	locks->without_igate = 0;
	KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
	KUNIT_EXPECT_GE(test, locks->writes, TABLE);
	KUNIT_EXPECT_EQ(test, locks->without_memory_lock, 0);
	KUNIT_EXPECT_EQ(test, locks->without_igate, 0);
	locks->writes = 0;
	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	KUNIT_EXPECT_GT(test, locks->writes, 0);
	KUNIT_EXPECT_EQ(test, locks->without_memory_lock, 0);
	pci_fabric_watch(set->fn, NULL, NULL);
}

static struct pci_ops *tph_real_ops;
static struct tph_locks *tph_read_locks;

static int tph_seen_read(struct pci_bus *bus, unsigned int devfn, int where,
			 int size, u32 *val)
{
	struct vfio_pci_core_device *vdev = tph_vdev(tph_read_locks->set);

	if (where >= tph_read_locks->set->cap &&
	    where < tph_read_locks->set->cap + 12) {
		tph_read_locks->reads++;
		if (!rwsem_is_locked(&vdev->memory_lock))
			tph_read_locks->without_memory_lock++;
	}
	return tph_real_ops->read(bus, devfn, where, size, val);
}

static int tph_seen_write(struct pci_bus *bus, unsigned int devfn, int where,
			  int size, u32 val)
{
	return tph_real_ops->write(bus, devfn, where, size, val);
}

static struct pci_ops tph_seen_ops = {
	.read = tph_seen_read,
	.write = tph_seen_write,
};

/*
 * GET_CAP reads the TPH capability with the lock that keeps resets away: during one
 * it would read all ones.  So does the look whether there is a capability at all.
 */
static void tph_query_locked(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE });
	struct tph_locks locks = { .set = set };
	struct vfio_pci_tph_cap cap;
	long ret;

	tph_read_locks = &locks;
	tph_real_ops = pci_bus_set_ops(set->pdev->bus, &tph_seen_ops);
	ret = tph_get_cap(set, &cap);
	pci_bus_set_ops(set->pdev->bus, tph_real_ops);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_GT(test, locks.reads, 1);
	KUNIT_EXPECT_EQ(test, locks.without_memory_lock, 0);
}

/*
 * A fault in a BAR that is mapped takes the lock that keeps resets away, with that
 * of the user's memory held.  So no operation may touch user memory the other way
 * round.  For lockdep, which is taught the first order here.
 */
static void tph_lock_order(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE });
	struct vfio_pci_core_device *vdev = tph_vdev(set);
	struct vfio_pci_tph_cap cap;
	u16 tag;

	mmap_read_lock(current->mm);
	down_read(&vdev->memory_lock);
	up_read(&vdev->memory_lock);
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_EQ(test, tph_get_cap(set, &cap), 0);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_DS), 0);
	KUNIT_EXPECT_EQ(test, tph_get_one(set, tph_cpu(), false, &tag), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 0, tph_cpu(), false), 0);
	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
}

/* The file is closed in the middle of a batch: the batch ends, then TPH is off */
static void tph_close_in_batch(struct tph_set *set)
{
	int fd = set->user->fd;

	set->on_resolve = NULL;
	set->user->fd = -1;
	vfio_pci_sys(close, fd);
}

static void tph_race_close(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE });
	struct tph_arg *arg = tph_arg(set, TPH_OP_SET_ST, TABLE);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	set->on_resolve = tph_close_in_batch;
	KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
	vfio_pci_close(set->user);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), 0);
	set->user = vfio_pci_open(set->fix, set->pdev);
	tph_expect_off(set);
}

/*
 * The device is pulled out when all tags are known: the error comes back, and
 * TPH is off.  Catches a batch that goes on, or says that all is well.
 */
static void tph_pull(struct tph_set *set)
{
	pci_fabric_surprise_remove(set->fn);
}

static void tph_race_gone(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE });
	struct tph_arg *arg = tph_arg(set, TPH_OP_SET_ST, TABLE);
	long ret;

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	set->on_resolve = tph_pull;
	ret = tph_arg_run(set, arg);
	set->on_resolve = NULL;
	/* For whom it is closed, it is there */
	pci_fabric_insert(set->fn);
	KUNIT_EXPECT_EQ(test, ret, -ENODEV);
	KUNIT_EXPECT_EQ(test, atomic_read(&set->resolved), 1);
}

/* The same when the first tags are in the table already */
static void tph_pull_late(struct pci_fabric_fn *fn, unsigned int where,
			  unsigned int size, u32 val, void *priv)
{
	struct tph_set *set = priv;

	if (where == set->cap + 12 + 2 * 3)
		pci_fabric_surprise_remove(fn);
}

static void tph_race_gone_late(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE });
	struct tph_arg *arg = tph_arg(set, TPH_OP_SET_ST, TABLE);
	long ret;

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	pci_fabric_watch(set->fn, tph_pull_late, set);
	ret = tph_arg_run(set, arg);
	pci_fabric_watch(set->fn, NULL, NULL);
	/* For whom it is closed, it is there */
	pci_fabric_insert(set->fn);
	KUNIT_EXPECT_EQ(test, ret, -ENODEV);
	KUNIT_EXPECT_EQ(test, (int)set->pdev->tph_enabled, 0);
}

static const struct tph_gone_param {
	const char *name;
	struct tph_conf conf;
} tph_gones[] = {
	{ "function", { TPH_CAP_TABLE } },
	/* Of which its PF knows nothing */
	{ "vf", { TPH_CAP_TABLE, .vf = true } },
};

TPH_ARRAY_PARAM(tph_gone, tph_gones)

/*
 * The device is gone before anything is asked for.  Catches all ones that are taken
 * for modes and for no ST table, and what was enabled before for what is.
 */
static void tph_gone(struct kunit *test)
{
	const struct tph_gone_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &param->conf);
	long enable, query, set_st, get_st;
	struct vfio_pci_tph_cap cap;
	unsigned int asked;
	u16 tag;

	pci_fabric_surprise_remove(set->fn);
	enable = tph_enable(set, TPH_IV);
	query = tph_get_cap(set, &cap);
	pci_fabric_insert(set->fn);
	KUNIT_EXPECT_EQ(test, enable, -ENODEV);
	KUNIT_EXPECT_EQ(test, query, -ENODEV);
	KUNIT_EXPECT_EQ(test, (int)set->pdev->tph_enabled, 0);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	asked = atomic_read(&set->resolved);
	pci_fabric_surprise_remove(set->fn);
	set_st = tph_set_one(set, 0, tph_cpu(), false);
	get_st = tph_get_one(set, tph_cpu(), false, &tag);
	KUNIT_EXPECT_EQ(test, atomic_read(&set->resolved), asked);
	query = tph_get_cap(set, &cap);
	pci_fabric_insert(set->fn);
	KUNIT_EXPECT_EQ(test, set_st, -ENODEV);
	KUNIT_EXPECT_EQ(test, get_st, -ENODEV);
	KUNIT_EXPECT_EQ(test, query, -ENODEV);
}

/*
 * The device goes after each number of reads.  Catches a query that tells of all
 * ones what it was to tell of the device.
 */
static void tph_gone_in_query(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE });
	struct vfio_pci_tph_cap there, cap;
	unsigned int reads = 0;
	long ret;

	KUNIT_ASSERT_EQ(test, tph_get_cap(set, &there), 0);
	do {
		pci_fabric_surprise_remove_after(set->fn, ++reads);
		ret = tph_get_cap(set, &cap);
		pci_fabric_insert(set->fn);
		if (ret)
			KUNIT_EXPECT_EQ_MSG(test, ret, -ENODEV, "%u", reads);
	} while (ret && reads < 100);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_MEMEQ(test, &cap, &there, sizeof(cap));
	/* The capability, the control register, and the capability again at least */
	KUNIT_EXPECT_GE(test, reads, 3);
}

/* Several devices */

static struct tph_set *tph_two_owned(struct kunit *test, bool vf, bool one_iommufd,
				     struct tph_set *other)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE, .two = !vf, .vf = vf });

	set->fix->one_iommufd = one_iommufd;
	*other = *set;
	other->fn = set->fn2;
	other->pdev = set->pdev2;
	other->user = vfio_pci_open(set->fix, other->pdev);
	return set;
}

/* Two devices of one user */
static struct tph_set *tph_two(struct kunit *test, bool vf, struct tph_set *other)
{
	return tph_two_owned(test, vf, true, other);
}

/* One device does nothing to another: functions of one device, VFs of one PF */
static void tph_do_apart(struct kunit *test, bool vf)
{
	struct tph_set *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	unsigned int writes, cpu = tph_cpu();
	struct vfio_pci_tph_cap cap;
	unsigned int pf = 0;
	struct tph_set *set;

	KUNIT_ASSERT_NOT_NULL(test, other);
	set = tph_two(test, vf, other);
	if (vf)
		pf = pci_fabric_tph_stats(set->pf).cap_writes;
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 2, cpu, false), 0);
	writes = tph_writes(set);
	tph_expect_off(other);

	KUNIT_EXPECT_EQ(test, tph_enable(other, TPH_DS), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(other, 2, cpu, true), 0);
	KUNIT_EXPECT_EQ(test, tph_st(other, 2), tph_tag(cpu, true));
	KUNIT_EXPECT_EQ(test, vfio_pci_ioctl(other->user, VFIO_DEVICE_RESET, NULL),
			0);
	tph_expect_off(other);
	KUNIT_EXPECT_EQ(test, tph_enable(other, TPH_IV), 0);
	vfio_pci_close(other->user);

	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
	KUNIT_EXPECT_EQ(test, tph_st(set, 2), tph_tag(cpu, false));
	KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
	KUNIT_EXPECT_EQ(test, tph_get_cap(set, &cap), 0);
	KUNIT_EXPECT_EQ(test, cap.mode, TPH_IV);
	if (vf)
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(set->pf).cap_writes, pf);
}

static void tph_apart(struct kunit *test)
{
	tph_do_apart(test, false);
}

static void tph_apart_vf(struct kunit *test)
{
	tph_do_apart(test, true);
}

/*
 * A hot reset of one device is one of all below the port: TPH is off for all of
 * them.  Catches devices for which the kernel thinks that it is still on.
 */
static void tph_hot_reset(struct kunit *test)
{
	struct tph_set *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };
	struct tph_set *set;

	KUNIT_ASSERT_NOT_NULL(test, other);
	set = tph_two(test, false, other);
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_enable(other, TPH_DS), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(other, 1, tph_cpu(), false), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_call(set->fix, set->user->fd,
					    VFIO_DEVICE_PCI_HOT_RESET, &reset,
					    sizeof(reset)), 0);
	tph_expect_off(set);
	tph_expect_off(other);
	KUNIT_EXPECT_EQ(test, tph_st(other, 1), 0);
	KUNIT_EXPECT_EQ(test, tph_enable(other, TPH_IV), 0);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), 0);
	vfio_pci_close(other->user);
}

/* Somebody is at work on a device, so that it cannot be locked */
struct tph_busy {
	struct vfio_pci_core_device *vdev;
	struct completion locked;
	struct completion go;
};

static int tph_busy_main(void *data)
{
	struct tph_busy *busy = data;
	bool over;

	down_read(&busy->vdev->memory_lock);
	complete(&busy->locked);
	over = wait_for_completion_timeout(&busy->go, VFIO_PCI_TIMEOUT / 2);
	up_read(&busy->vdev->memory_lock);
	return over ? 0 : -ETIMEDOUT;
}

/*
 * A hot reset that is refused, as one of the devices is another user's, or busy,
 * leaves TPH of all of them as it is.
 */
static void tph_do_hot_reset_refused(struct kunit *test, bool busy, int want)
{
	struct tph_set *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };
	struct vfio_pci_thread *thread = NULL;
	struct tph_busy *lock = kunit_kzalloc(test, sizeof(*lock), GFP_KERNEL);
	struct tph_set *set;

	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_ASSERT_NOT_NULL(test, lock);
	set = tph_two_owned(test, false, busy, other);
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_enable(other, TPH_DS), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(other, 1, tph_cpu(), false), 0);
	if (busy) {
		lock->vdev = tph_vdev(other);
		init_completion(&lock->locked);
		init_completion(&lock->go);
		thread = vfio_pci_thread_start(set->fix, tph_busy_main, lock);
		wait_for_completion(&lock->locked);
	}
	KUNIT_EXPECT_EQ(test, vfio_pci_call(set->fix, set->user->fd,
					    VFIO_DEVICE_PCI_HOT_RESET, &reset,
					    sizeof(reset)), want);
	if (thread) {
		complete(&lock->go);
		KUNIT_EXPECT_EQ(test, vfio_pci_thread_join(thread), 0);
	}
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
	KUNIT_EXPECT_EQ(test, tph_ctrl(other), TPH_CTRL_ON | TPH_DS);
	KUNIT_EXPECT_EQ(test, tph_st(other, 1), tph_tag(tph_cpu(), false));
	KUNIT_EXPECT_EQ(test, tph_enable(other, TPH_IV), -EBUSY);
	vfio_pci_close(other->user);
}

static void tph_hot_reset_not_owned(struct kunit *test)
{
	tph_do_hot_reset_refused(test, false, -EINVAL);
}

static void tph_hot_reset_busy(struct kunit *test)
{
	tph_do_hot_reset_refused(test, true, -EBUSY);
}

/* All at once */

#define TPH_STRESS_LOOPS	100
#define TPH_STRESS_RESETS	5
#define TPH_STRESS_MAX		8

struct tph_stress {
	struct tph_set *set;
	struct tph_arg *arg;
	void __user *mem;
	unsigned int loops;
	const int *allowed;	/* ends with 1 */
	long bad;
	unsigned int succeeded;
	bool reset;
};

static int tph_stress_main(void *data)
{
	struct tph_stress *stress = data;

	for (unsigned int i = 0; i < stress->loops; i++) {
		const int *allowed = stress->allowed;
		long ret;

		if (stress->reset)
			ret = vfio_pci_ioctl(stress->set->user,
					     VFIO_DEVICE_RESET, NULL);
		else
			ret = tph_arg_run_at(stress->set, stress->arg,
					     stress->mem);
		while (*allowed != 1 && *allowed != ret)
			allowed++;
		if (*allowed == 1)
			stress->bad = ret;
		stress->succeeded += !ret;
		cond_resched();
	}
	return 0;
}

/* What a thread does, and what may come of it */
struct tph_stress_work {
	enum tph_op op;
	u32 mode;
	const int *allowed;
	bool reset;
};

/* Returns how many calls of ENABLE have succeeded */
static unsigned int tph_stress_run(struct tph_set *set, struct tph_stress *stress,
				   const struct tph_stress_work *work,
				   unsigned int nr)
{
	struct vfio_pci_thread *thread[TPH_STRESS_MAX];
	struct kunit *test = set->test;
	unsigned int enabled = 0;

	for (int i = 0; i < nr; i++) {
		stress[i].set = set;
		stress[i].arg = tph_arg(set, work[i].op, TABLE);
		if (work[i].op == TPH_OP_ENABLE)
			stress[i].arg->enable->mode = work[i].mode;
		stress[i].mem = vfio_pci_mem(set->fix, i * PAGE_SIZE);
		stress[i].allowed = work[i].allowed;
		stress[i].reset = work[i].reset;
		stress[i].loops = work[i].reset ? TPH_STRESS_RESETS :
						  TPH_STRESS_LOOPS;
	}
	for (int i = 0; i < nr; i++)
		thread[i] = vfio_pci_thread_start(set->fix, tph_stress_main,
						  &stress[i]);
	for (int i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ(test, vfio_pci_thread_join(thread[i]), 0);
		KUNIT_EXPECT_EQ_MSG(test, stress[i].bad, 0, "op %u", work[i].op);
		if (work[i].op == TPH_OP_ENABLE)
			enabled += stress[i].succeeded;
	}
	return enabled;
}

static struct tph_stress *tph_stress_alloc(struct kunit *test)
{
	struct tph_stress *stress;

	stress = kunit_kcalloc(test, TPH_STRESS_MAX, sizeof(*stress), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, stress);
	return stress;
}

/*
 * Threads enable, disable, set, get and reset.  Each call ends as it may, nobody
 * waits for ever, whoever enables first succeeds, and at the end the device works.
 * For lockdep and KASAN.
 */
static void tph_stress(struct kunit *test)
{
	static const int for_set[] = { 0, -ENXIO, 1 }, for_enable[] = { 0, -EBUSY, 1 };
	static const int for_rest[] = { 0, 1 }, for_reset[] = { 0, -EAGAIN, 1 };
	static const struct tph_stress_work work[] = {
		{ TPH_OP_SET_ST, 0, for_set },
		{ TPH_OP_SET_ST, 0, for_set },
		{ TPH_OP_GET_ST, 0, for_set },
		{ TPH_OP_ENABLE, TPH_DS, for_enable },
		{ TPH_OP_ENABLE, TPH_IV, for_enable },
		{ TPH_OP_DISABLE, 0, for_rest },
		{ TPH_OP_GET_CAP, 0, for_rest },
		{ TPH_OP_GET_CAP, 0, for_reset, true },
	};
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE });
	struct tph_stress *stress = tph_stress_alloc(test);

	BUILD_BUG_ON(ARRAY_SIZE(work) > TPH_STRESS_MAX);
	KUNIT_EXPECT_GT(test, tph_stress_run(set, stress, work, ARRAY_SIZE(work)),
			0);
	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	tph_expect_off(set);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(set->fn).st_live, 0);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), true), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), tph_tag(tph_cpu(), true));
}

/*
 * Nobody ends what is enabled: each call succeeds, however many there are at once,
 * and who enables it again is refused each time.  Catches an operation that gives up
 * because another one is under way, or sees what another one has half done.
 */
static void tph_stress_calm(struct kunit *test)
{
	static const int works[] = { 0, 1 }, busy[] = { -EBUSY, 1 };
	static const struct tph_stress_work work[] = {
		{ TPH_OP_SET_ST, 0, works },
		{ TPH_OP_SET_ST, 0, works },
		{ TPH_OP_GET_ST, 0, works },
		{ TPH_OP_GET_ST, 0, works },
		{ TPH_OP_GET_CAP, 0, works },
		{ TPH_OP_ENABLE, TPH_DS, busy },
		{ TPH_OP_ENABLE, TPH_IV, busy },
	};
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE });
	struct tph_stress *stress = tph_stress_alloc(test);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	KUNIT_EXPECT_EQ(test, tph_stress_run(set, stress, work, ARRAY_SIZE(work)),
			0);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_DS);
	for (int i = 0; i < TABLE; i++)
		KUNIT_EXPECT_EQ(test, tph_st(set, i), tph_tag(tph_cpu(), false));
}

static struct kunit_case vfio_pci_tph_race_cases[] = {
	KUNIT_CASE_PARAM(tph_race_batch, tph_races_gen_params),
	TPH_CASE(tph_asked_once),
	TPH_CASE(tph_killed),
	TPH_CASE(tph_intx_masks),
	TPH_CASE(tph_intx_unmasks),
	TPH_CASE(tph_intx_resampled),
	TPH_CASE(tph_intx_command),
	TPH_CASE(tph_intx_command_msix),
	TPH_CASE(tph_locked),
	TPH_CASE(tph_query_locked),
	TPH_CASE(tph_lock_order),
	TPH_CASE(tph_race_close),
	TPH_CASE(tph_race_gone),
	TPH_CASE(tph_race_gone_late),
	KUNIT_CASE_PARAM(tph_gone, tph_gone_gen_params),
	TPH_CASE(tph_gone_in_query),
	TPH_CASE(tph_apart),
	TPH_CASE(tph_apart_vf),
	TPH_CASE(tph_hot_reset),
	TPH_CASE(tph_hot_reset_not_owned),
	TPH_CASE(tph_hot_reset_busy),
	TPH_CASE(tph_stress),
	TPH_CASE(tph_stress_calm),
	{}
};

static struct kunit_suite vfio_pci_tph_race_suite = {
	.name = "vfio_pci_tph_race",
	.test_cases = vfio_pci_tph_race_cases,
};

kunit_test_suite(vfio_pci_tph_race_suite);

MODULE_DESCRIPTION("KUnit tests for concurrent users of TPH");
MODULE_LICENSE("GPL");
