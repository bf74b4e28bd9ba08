// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite: the ways in which a PF with VFs comes and goes, two at a time.
 *
 * The PF is in a hotplug slot that the pciehp driver serves.  The first way is
 * stopped in a callback of the driver, with the locks that it holds there.  The
 * second is started, and when it has ended or waits, the first goes on.  Both have
 * to end, and afterwards the slot has to work.  What one of them finds or returns
 * depends on the other and is not looked at.
 *
 * Sleeping has to cost nothing for so many pairs, so they want a kernel with time
 * travel.  Under lockdep, which tells of a wrong order without a second task, each
 * way is gone alone.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/completion.h>
#include <linux/debug_locks.h>
#include <linux/device.h>
#include <linux/pci.h>
#include <linux/pci_hotplug.h>
#include <linux/sched/debug.h>
#include <linux/sizes.h>
#ifdef CONFIG_UML
#include <timetravel.h>
#endif

#include "../pci.h"
#include "pci_iov_fixture.h"

/* pciehp sleeps for some seconds at a time, an Attention Button takes five */
#define PAIRS_TIMEOUT	(30 * HZ)
/* Until the second waits for the first, if it does */
#define PAIRS_MEET	(HZ / 2)

/* Where the first is stopped */
enum pairs_stop {
	STOP_NOWHERE,
	STOP_PF_PROBE,		/* before SR-IOV is enabled */
	STOP_PF_REMOVE,		/* before SR-IOV is disabled */
	STOP_OTHER_REMOVE,	/* a device that is no PF: the rescan lock is held */
	STOP_CONFIGURE,
	STOP_VF_PROBE,		/* the rescan lock is held */
	STOP_VF_REMOVE,		/* the rescan lock is held */
	STOP_RESET,		/* reset_prepare of the PF, its device lock is held */
};

/* What there is before */
enum pairs_state {
	STATE_VFS,		/* a PF with a driver and two VFs */
	STATE_BOUND,		/* the same without VFs */
	STATE_UNBOUND,
	STATE_NO_DRIVER,
	STATE_REMOVED,		/* the PF was removed, the card is in the slot */
	STATE_OUT,		/* an empty slot */
};

struct pairs_ctx {
	struct kunit *test;
	struct pci_iov_fixture *iov;
	struct pci_fabric_fn *port;
	char port_name[16], pf_name[16], slot[16];
	int domain;
	u8 bus;

	atomic_t stop;			/* enum pairs_stop, until it is reached */
	struct completion in, out;	/* it was reached, and may go on */
	bool probe_enables;
	bool classes;			/* lockdep looks at the device lock of PFs */
	atomic_t card, bridge;		/* card in the slot, host bridge there */
	struct mutex load;		/* of the driver, and unload */
	/*
	 * Some drivers have a lock of their own (devlink, rtnl) when they disable
	 * SR-IOV, and take it in remove as well.
	 */
	struct mutex own;
};

static struct pci_dev *pairs_get_pf(struct pairs_ctx *ctx)
{
	return pci_get_domain_bus_and_slot(ctx->domain, ctx->bus, PCI_DEVFN(0, 0));
}

static bool pairs_there(void *data)
{
	struct pci_dev *pf = pairs_get_pf(data);

	pci_dev_put(pf);
	return pf;
}

static bool pairs_gone(void *data)
{
	return !pairs_there(data);
}

/* Only the first to come is stopped, which is the first way. */
static void pairs_stop(struct pairs_ctx *ctx, enum pairs_stop stop)
{
	if (atomic_cmpxchg(&ctx->stop, stop, STOP_NOWHERE) != stop)
		return;
	complete(&ctx->in);
	wait_for_completion_timeout(&ctx->out, PAIRS_TIMEOUT);
}

static struct lock_class_key pairs_key;

static int pairs_pf_probe(struct pci_iov_fixture *iov, struct pci_dev *pf)
{
	struct pairs_ctx *ctx = iov->priv;

	if (!pf->is_physfn)
		return 0;
	/* Rescan and hotplug have the other order for what they add, see limits */
	if (ctx->classes && !pci_iov_lock_owned())
		device_lock_set_class(&pf->dev, &pairs_key);
	pairs_stop(ctx, STOP_PF_PROBE);
	return ctx->probe_enables ? pci_enable_sriov(pf, 2) : 0;
}

static void pairs_pf_remove(struct pci_iov_fixture *iov, struct pci_dev *pf)
{
	struct pairs_ctx *ctx = iov->priv;

	pairs_stop(ctx, pf->is_physfn ? STOP_PF_REMOVE : STOP_OTHER_REMOVE);
	if (!pf->is_physfn)
		return;
	scoped_guard(mutex, &ctx->own)
		pci_disable_sriov(pf);
	/* From here on nobody takes the rescan lock with this one held */
	if (ctx->classes)
		device_lock_reset_class(&pf->dev);
}

static int pairs_pf_configure(struct pci_iov_fixture *iov, struct pci_dev *pf,
			      int nr)
{
	struct pairs_ctx *ctx = iov->priv;

	pairs_stop(ctx, STOP_CONFIGURE);
	guard(mutex)(&ctx->own);
	if (nr)
		return pci_enable_sriov(pf, nr) ?: nr;
	pci_disable_sriov(pf);
	return 0;
}

static int pairs_vf_probe(struct pci_iov_fixture *iov, struct pci_dev *vf)
{
	pairs_stop(iov->priv, STOP_VF_PROBE);
	return 0;
}

static void pairs_vf_remove(struct pci_iov_fixture *iov, struct pci_dev *vf)
{
	pairs_stop(iov->priv, STOP_VF_REMOVE);
}

static void pairs_reset_prepare(struct pci_dev *pf)
{
	struct pci_iov_fixture *iov = container_of(to_pci_driver(pf->dev.driver),
						   struct pci_iov_fixture, pf_driver);

	pairs_stop(iov->priv, STOP_RESET);
}

static const struct pci_error_handlers pairs_err_handler = {
	.reset_prepare = pairs_reset_prepare,
};

/* The ways.  Each is a thread, and ends with what it has started. */

static int pairs_write(struct pairs_ctx *ctx, const char *dev, const char *attr,
		       const char *val)
{
	char path[64];

	snprintf(path, sizeof(path), "bus/pci/devices/%s/%s", dev, attr);
	return pci_iov_write(ctx->iov, path, val);
}

static int pairs_remove(void *data)
{
	struct pairs_ctx *ctx = data;

	return pairs_write(ctx, ctx->pf_name, "remove", "1");
}

static int pairs_remove_port(void *data)
{
	struct pairs_ctx *ctx = data;

	return pairs_write(ctx, ctx->port_name, "remove", "1");
}

static int pairs_unbind(void *data)
{
	struct pairs_ctx *ctx = data;

	return pci_iov_write(ctx->iov, "bus/pci/drivers/kunit_pf/unbind",
			     ctx->pf_name);
}

static int pairs_bind(void *data)
{
	struct pairs_ctx *ctx = data;

	return pci_iov_write(ctx->iov, "bus/pci/drivers/kunit_pf/bind", ctx->pf_name);
}

static int pairs_rmmod(void *data)
{
	struct pairs_ctx *ctx = data;

	guard(mutex)(&ctx->load);
	pci_iov_unregister_pf(ctx->iov);
	return 0;
}

static int pairs_insmod(void *data)
{
	struct pairs_ctx *ctx = data;

	guard(mutex)(&ctx->load);
	return ctx->iov->pf_registered ? 0 : pci_iov_register_pf(ctx->iov);
}

static int pairs_enable(void *data)
{
	struct pairs_ctx *ctx = data;

	return pairs_write(ctx, ctx->pf_name, "sriov_numvfs", "2");
}

static int pairs_disable(void *data)
{
	struct pairs_ctx *ctx = data;

	return pairs_write(ctx, ctx->pf_name, "sriov_numvfs", "0");
}

static int pairs_rescan(void *data)
{
	struct pairs_ctx *ctx = data;

	return pci_iov_write(ctx->iov, "bus/pci/rescan", "1");
}

static int pairs_rescan_port(void *data)
{
	struct pairs_ctx *ctx = data;

	return pairs_write(ctx, ctx->port_name, "rescan", "1");
}

static int pairs_rescan_bus(void *data)
{
	struct pairs_ctx *ctx = data;
	char path[64];

	snprintf(path, sizeof(path), "class/pci_bus/%04x:%02x/rescan", ctx->domain,
		 ctx->bus);
	return pci_iov_write(ctx->iov, path, "1");
}

static int pairs_power(struct pairs_ctx *ctx, const char *val)
{
	char path[64];

	snprintf(path, sizeof(path), "bus/pci/slots/%s/power", ctx->slot);
	return pci_iov_write(ctx->iov, path, val);
}

static int pairs_power_off(void *data)
{
	return pairs_power(data, "0");
}

static int pairs_pull(void *data)
{
	struct pairs_ctx *ctx = data;

	if (atomic_xchg(&ctx->card, 0))
		pci_fabric_slot_remove(ctx->port);
	return pci_iov_wait(pairs_gone, ctx, PAIRS_TIMEOUT) ? 0 : -ETIMEDOUT;
}

/* Whether the PF stays is another question, see pairs_recover() */
static int pairs_insert(void *data)
{
	struct pairs_ctx *ctx = data;

	if (!atomic_xchg(&ctx->card, 1))
		pci_fabric_slot_insert(ctx->port);
	return 0;
}

/* Five seconds later the slot goes off, or on if it was off, for some seconds. */
static int pairs_button(void *data)
{
	struct pairs_ctx *ctx = data;

	pci_fabric_slot_button(ctx->port);
	schedule_timeout_uninterruptible(10 * HZ);
	return 0;
}

static int pairs_reset(void *data)
{
	struct pairs_ctx *ctx = data;

	return pairs_write(ctx, ctx->port_name, "reset_subordinate", "1");
}

/* As drivers of host bridges would do it, see the known limits in the cover letter */
static int pairs_host(void *data)
{
	struct pairs_ctx *ctx = data;
	struct pci_host_bridge *bridge = pci_fabric_host_bridge(ctx->iov->fabric);
	static const bool never;

	if (!atomic_xchg(&ctx->bridge, 0))
		return 0;
	pci_lock_to_remove(bridge->bus, &never);
	pci_stop_root_bus(bridge->bus);
	pci_remove_root_bus(bridge->bus);
	pci_unlock_rescan_remove();
	return 0;
}

static const struct pairs_way {
	const char *name;
	int (*fn)(void *data);
	enum pairs_state state;
	enum pairs_stop stop;		/* STOP_NOWHERE: only as the second */
	bool again;			/* as above, stopped elsewhere: only the first */
} pairs_ways[] = {
	{ "remove", pairs_remove, STATE_VFS, STOP_PF_REMOVE },
	{ "remove in VF", pairs_remove, STATE_VFS, STOP_VF_REMOVE, true },
	{ "remove port", pairs_remove_port, STATE_VFS, STOP_PF_REMOVE },
	{ "remove port locked", pairs_remove_port, STATE_VFS, STOP_OTHER_REMOVE, true },
	{ "unbind", pairs_unbind, STATE_VFS, STOP_PF_REMOVE },
	{ "unbind in VF", pairs_unbind, STATE_VFS, STOP_VF_REMOVE, true },
	{ "rmmod", pairs_rmmod, STATE_VFS, STOP_PF_REMOVE },
	{ "bind", pairs_bind, STATE_UNBOUND, STOP_PF_PROBE },
	{ "bind in VF", pairs_bind, STATE_UNBOUND, STOP_VF_PROBE, true },
	{ "insmod", pairs_insmod, STATE_NO_DRIVER, STOP_PF_PROBE },
	{ "enable", pairs_enable, STATE_BOUND, STOP_CONFIGURE },
	{ "enable in VF", pairs_enable, STATE_BOUND, STOP_VF_PROBE, true },
	{ "disable", pairs_disable, STATE_VFS, STOP_CONFIGURE },
	{ "disable in VF", pairs_disable, STATE_VFS, STOP_VF_REMOVE, true },
	{ "rescan", pairs_rescan, STATE_REMOVED, STOP_PF_PROBE },
	{ "rescan port", pairs_rescan_port, STATE_REMOVED, STOP_PF_PROBE },
	{ "rescan bus", pairs_rescan_bus, STATE_REMOVED, STOP_PF_PROBE },
	{ "power off", pairs_power_off, STATE_VFS, STOP_PF_REMOVE },
	{ "power off locked", pairs_power_off, STATE_VFS, STOP_OTHER_REMOVE, true },
	{ "pull", pairs_pull, STATE_VFS, STOP_PF_REMOVE },
	{ "pull locked", pairs_pull, STATE_VFS, STOP_OTHER_REMOVE, true },
	{ "insert", pairs_insert, STATE_OUT, STOP_PF_PROBE },
	{ "button", pairs_button, STATE_VFS, STOP_PF_REMOVE },
	{ "reset", pairs_reset, STATE_VFS, STOP_RESET },
	{ "host bridge", pairs_host, STATE_VFS, STOP_PF_REMOVE },
	{ "host bridge locked", pairs_host, STATE_VFS, STOP_OTHER_REMOVE, true },
};

static bool pairs_works(void *data)
{
	struct pairs_ctx *ctx = data;
	struct pci_dev *pf;
	int nr;

	pairs_rescan(ctx);
	pairs_power(ctx, "1");
	pairs_bind(ctx);
	pairs_disable(ctx);
	if (pairs_enable(ctx))
		return false;
	pf = pairs_get_pf(ctx);
	nr = pf ? pci_num_vf(pf) : 0;
	pci_dev_put(pf);
	return nr == 2;
}

/*
 * The slot works: there is a PF in it that can have VFs.  pciehp may still be busy,
 * with a link that went down, for example.
 */
static int pairs_recover(void *data)
{
	struct pairs_ctx *ctx = data;
	int ret;

	if (!atomic_read(&ctx->bridge))
		return 0;
	ret = pairs_insmod(ctx);
	if (ret)
		return ret;
	pairs_insert(ctx);
	return pci_iov_wait(pairs_works, ctx, PAIRS_TIMEOUT / 2) ? 0 : -EIO;
}

/* A root port with a slot, and in it a PF and a function without VFs */
static void pairs_build(struct pairs_ctx *ctx)
{
	struct pci_iov_fixture *iov = ctx->iov;
	struct pci_dev *port_dev;
	struct pci_slot *slot;

	ctx->port = pci_fabric_add(iov->fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(1, 0), .device = 0x0520,
		.hdr_type = PCI_HEADER_TYPE_BRIDGE,
		.pcie_type = PCI_EXP_TYPE_ROOT_PORT,
		.msi = { .vectors = 1, .is_64 = true },
		.slot = { .hotplug = true, .surprise = true, .number = 7,
			  .power_ctrl = true, .button = true, .indicators = true },
	});
	pci_iov_add_pf(iov, ctx->port, PCI_DEVFN(0, 0), 4);
	pci_iov_add_pf(iov, ctx->port, PCI_DEVFN(0, 5), 0);
	pci_fabric_scan(iov->fabric);

	/* Not pci_fabric_pdev(): it keeps the device for longer than it may live */
	port_dev = pci_get_slot(pci_fabric_host_bridge(iov->fabric)->bus,
				PCI_DEVFN(1, 0));
	KUNIT_ASSERT_NOT_NULL(ctx->test, port_dev);
	ctx->domain = pci_domain_nr(port_dev->bus);
	ctx->bus = port_dev->subordinate->number;
	strscpy(ctx->port_name, pci_name(port_dev));
	slot = list_first_entry_or_null(&port_dev->subordinate->slots,
					struct pci_slot, list);
	if (slot && slot->hotplug)
		strscpy(ctx->slot, hotplug_slot_name(slot->hotplug));
	pci_dev_put(port_dev);
	KUNIT_ASSERT_STRNEQ(ctx->test, ctx->slot, "");
	snprintf(ctx->pf_name, sizeof(ctx->pf_name), "%04x:%02x:00.0", ctx->domain,
		 ctx->bus);
	KUNIT_ASSERT_TRUE(ctx->test, pairs_there(ctx));
}

static void pairs_go_to(struct pairs_ctx *ctx, enum pairs_state state)
{
	struct kunit *test = ctx->test;

	switch (state) {
	case STATE_VFS:
		KUNIT_ASSERT_EQ(test, pairs_enable(ctx), 0);
		break;
	case STATE_BOUND:
		break;
	case STATE_UNBOUND:
		KUNIT_ASSERT_EQ(test, pairs_unbind(ctx), 0);
		break;
	case STATE_NO_DRIVER:
		KUNIT_ASSERT_EQ(test, pairs_rmmod(ctx), 0);
		break;
	case STATE_REMOVED:
		KUNIT_ASSERT_EQ(test, pairs_remove(ctx), 0);
		break;
	case STATE_OUT:
		KUNIT_ASSERT_EQ(test, pairs_pull(ctx), 0);
		break;
	}
	ctx->probe_enables = true;
}

static int pairs_init(struct kunit *test)
{
	struct pairs_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	struct pci_iov_fixture *iov;

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	ctx->test = test;
	init_completion(&ctx->in);
	init_completion(&ctx->out);
	mutex_init(&ctx->load);
	mutex_init(&ctx->own);
	atomic_set(&ctx->card, 1);
	atomic_set(&ctx->bridge, 1);
	ctx->iov = pci_iov_fixture_alloc(test);
	iov = ctx->iov;
	iov->priv = ctx;
	iov->pf_probe = pairs_pf_probe;
	iov->pf_remove = pairs_pf_remove;
	iov->pf_configure = pairs_pf_configure;
	iov->vf_probe = pairs_vf_probe;
	iov->vf_remove = pairs_vf_remove;
	iov->pf_driver.err_handler = &pairs_err_handler;
	return 0;
}

static bool pairs_time_travels(void)
{
#ifdef CONFIG_UML
	return time_travel_mode == TT_MODE_INFCPU;
#else
	return false;
#endif
}

static bool pairs_end(struct pairs_ctx *ctx, struct pci_iov_thread *thread,
		      const char *name)
{
	bool done = pci_iov_thread_done(thread, PAIRS_TIMEOUT);

	KUNIT_EXPECT_TRUE_MSG(ctx->test, done, "%s does not end", name);
	if (!done)
		show_state_filter(TASK_UNINTERRUPTIBLE);
	return done;
}

static void pairs_expect_well(struct pairs_ctx *ctx)
{
	struct pci_iov_thread *thread;

	thread = pci_iov_thread_start(ctx->iov, pairs_recover, ctx);
	if (pairs_end(ctx, thread, "the slot, used afterwards,"))
		KUNIT_EXPECT_EQ(ctx->test, pci_iov_thread_join(thread), 0);
	KUNIT_EXPECT_TRUE(ctx->test, pci_iov_wait(pci_iov_lock_free, NULL,
						  PCI_IOV_TIMEOUT));
}

/* Catches: two ways that wait for each other. */
static void pairs_pair(struct kunit *test)
{
	const int *nr = test->param_value;
	const struct pairs_way *first = &pairs_ways[*nr / ARRAY_SIZE(pairs_ways)];
	const struct pairs_way *second = &pairs_ways[*nr % ARRAY_SIZE(pairs_ways)];
	struct pairs_ctx *ctx = test->priv;
	struct pci_iov_thread *a, *b;
	bool ended;

	if (!pairs_time_travels())
		kunit_skip(test, "needs a kernel with time travel");

	pairs_build(ctx);
	pairs_go_to(ctx, first->state);
	atomic_set(&ctx->stop, first->stop);
	a = pci_iov_thread_start(ctx->iov, first->fn, ctx);
	KUNIT_EXPECT_TRUE_MSG(test, wait_for_completion_timeout(&ctx->in, PAIRS_TIMEOUT),
			      "%s does not get there", first->name);
	b = pci_iov_thread_start(ctx->iov, second->fn, ctx);
	pci_iov_thread_done(b, PAIRS_MEET);
	complete_all(&ctx->out);
	ended = pairs_end(ctx, a, first->name);
	ended = pairs_end(ctx, b, second->name) && ended;
	if (ended)
		pairs_expect_well(ctx);
}

/* As who removes a bridge above the port, and has taken the lock long ago */
static int pairs_take_port(void *data)
{
	struct pairs_ctx *ctx = data;
	struct pci_dev *port;

	pci_lock_rescan_remove();
	complete(&ctx->in);
	wait_for_completion_timeout(&ctx->out, PAIRS_TIMEOUT);
	port = pci_get_slot(pci_fabric_host_bridge(ctx->iov->fabric)->bus,
			    PCI_DEVFN(1, 0));
	if (port)
		pci_stop_and_remove_bus_device(port);
	pci_dev_put(port);
	pci_unlock_rescan_remove();
	return 0;
}

/* Catches: pciehp, which adds a card, and who removes its port wait for each other. */
static void pairs_adding(struct kunit *test)
{
	struct pairs_ctx *ctx = test->priv;
	struct pci_iov_thread *thread;

	if (!pairs_time_travels())
		kunit_skip(test, "needs a kernel with time travel");

	pairs_build(ctx);
	pairs_go_to(ctx, STATE_OUT);
	thread = pci_iov_thread_start(ctx->iov, pairs_take_port, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in, PAIRS_TIMEOUT));
	pairs_insert(ctx);
	/* The slot is powered on and the link is up, what is left is to add the card */
	schedule_timeout_uninterruptible(5 * HZ);
	KUNIT_EXPECT_TRUE(test, pairs_gone(ctx));
	complete_all(&ctx->out);
	if (pairs_end(ctx, thread, "the removal of the port"))
		pairs_expect_well(ctx);
}

/* Catches, with lockdep: a way that takes its locks in a wrong order. */
static void pairs_alone(struct kunit *test)
{
	const struct pairs_way *way = test->param_value;
	struct pairs_ctx *ctx = test->priv;
	struct pci_iov_thread *thread;
	struct pci_dev *pf;

	pairs_build(ctx);
	pairs_go_to(ctx, way->state);
	ctx->classes = true;
	pf = pairs_get_pf(ctx);
	if (pf && way->state != STATE_UNBOUND && way->state != STATE_NO_DRIVER)
		pci_iov_set_lock_class(pf, &pairs_key);
	pci_dev_put(pf);
	thread = pci_iov_thread_start(ctx->iov, way->fn, ctx);
	pairs_end(ctx, thread, way->name);
	if (pairs_time_travels())
		pairs_expect_well(ctx);
	KUNIT_EXPECT_TRUE_MSG(test, !IS_ENABLED(CONFIG_PROVE_LOCKING) || debug_locks,
			      "lockdep has reported");
}

static const void *pairs_gen_pair(struct kunit *test, const void *prev, char *desc)
{
	const int end = ARRAY_SIZE(pairs_ways) * ARRAY_SIZE(pairs_ways);
	static int nr;

	for (nr = prev ? nr + 1 : 0; nr < end; nr++) {
		const struct pairs_way *first = &pairs_ways[nr / ARRAY_SIZE(pairs_ways)];
		const struct pairs_way *second = &pairs_ways[nr % ARRAY_SIZE(pairs_ways)];

		if (first->stop == STOP_NOWHERE || second->again)
			continue;
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s", first->name,
			 second->name);
		return &nr;
	}
	return NULL;
}

static const void *pairs_gen_way(struct kunit *test, const void *prev, char *desc)
{
	const struct pairs_way *way = prev ? (const struct pairs_way *)prev + 1 : pairs_ways;

	while (way < pairs_ways + ARRAY_SIZE(pairs_ways) && way->again)
		way++;
	if (way == pairs_ways + ARRAY_SIZE(pairs_ways))
		return NULL;
	strscpy(desc, way->name, KUNIT_PARAM_DESC_SIZE);
	return way;
}

static struct kunit_case pci_iov_pairs_cases[] = {
	KUNIT_CASE_SLOW(pairs_adding),
	KUNIT_CASE_PARAM_ATTR(pairs_alone, pairs_gen_way, { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(pairs_pair, pairs_gen_pair, { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite pci_iov_pairs_suite = {
	.name = "pci_iov_pairs",
	.init = pairs_init,
	.test_cases = pci_iov_pairs_cases,
};

kunit_test_suite(pci_iov_pairs_suite);

MODULE_DESCRIPTION("KUnit tests of pairs of ways in which a PF comes and goes");
MODULE_LICENSE("GPL");
