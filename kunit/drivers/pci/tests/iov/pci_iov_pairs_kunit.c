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
 *
 * Kernel parameters, for kernels in which pairs hang or oops and take others with
 * them (scripts/pairs): pci_iov_pairs.from is the number of the first pair to run,
 * the first of all is 0; with pci_iov_pairs.until_red=1 each is named before it runs,
 * and none is run after one that has failed.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/completion.h>
#include <linux/debug_locks.h>
#include <linux/device.h>
#include <linux/moduleparam.h>
#include <linux/panic.h>
#include <linux/pci.h>
#include <linux/pci_hotplug.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/rwsem.h>
#include <linux/sched/debug.h>
#include <linux/sizes.h>
#include <linux/suspend.h>
#ifdef CONFIG_UML
#include <timetravel.h>
#endif

#include "../../controller/pci-host-common.h"
#include "../../hotplug/pciehp.h"
#include "../../pci.h"
#include "pci_iov_fixture.h"

/* pciehp sleeps for some seconds at a time, an Attention Button takes five */
#define PAIRS_TIMEOUT	(30 * HZ)
/* Until the second waits for the first, if it does: longer than a button takes */
#define PAIRS_MEET	(6 * HZ)

static unsigned int pairs_from;
static bool pairs_until_red;

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "pci_iov_pairs."
module_param_named(from, pairs_from, uint, 0);
MODULE_PARM_DESC(from, "Number of the first pair to run");
module_param_named(until_red, pairs_until_red, bool, 0);
MODULE_PARM_DESC(until_red, "Run no pair after one that has failed");

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
	STOP_VF_RESET,		/* the same of a VF */
	STOP_ERROR,		/* error_detected of the PF, its device lock is held */
	STOP_SUSPEND,		/* suspend of the PF, its device lock is held */
	STOP_LINK,		/* error recovery brings the link back, no lock is held */
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
	char port_name[16], pf_name[16], vf_name[16], slot[16], service[32];
	int domain;
	u8 bus;
	struct controller *ctrl;	/* of the slot, as long as the port is there */
	struct platform_device host;	/* as the driver of the host bridge has it */
	struct pci_driver other;	/* one that binds to nothing */

	atomic_t stop;			/* enum pairs_stop, until it is reached */
	struct completion in, out;	/* it was reached, and may go on */
	bool probe_enables;
	bool leaves_vfs;		/* the driver of the PF does, when it is released */
	bool error_disables;		/* SR-IOV, in error_detected */
	bool resume_enables;		/* the same, in resume of error recovery */
	atomic_t resets, others;	/* calls that the fixture does not count */
	struct dev_pm_ops pm;		/* of the driver of the PF */
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
		pci_iov_set_lock_class_locked(pf, &pairs_key);
	pairs_stop(ctx, STOP_PF_PROBE);
	return ctx->probe_enables && !pci_num_vf(pf) ? pci_enable_sriov(pf, 2) : 0;
}

static void pairs_pf_remove(struct pci_iov_fixture *iov, struct pci_dev *pf)
{
	struct pairs_ctx *ctx = iov->priv;

	pairs_stop(ctx, pf->is_physfn ? STOP_PF_REMOVE : STOP_OTHER_REMOVE);
	if (!pf->is_physfn || ctx->leaves_vfs)
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
	struct pairs_ctx *ctx = iov->priv;

	atomic_inc(&ctx->resets);
	pairs_stop(ctx, STOP_RESET);
}

static pci_ers_result_t pairs_error_detected(struct pci_dev *pf,
					     pci_channel_state_t state)
{
	struct pci_iov_fixture *iov = container_of(to_pci_driver(pf->dev.driver),
						   struct pci_iov_fixture, pf_driver);
	struct pairs_ctx *ctx = iov->priv;

	atomic_inc(&ctx->resets);
	pairs_stop(ctx, STOP_ERROR);
	if (ctx->error_disables)
		pci_disable_sriov(pf);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t pairs_slot_reset(struct pci_dev *pf)
{
	return PCI_ERS_RESULT_RECOVERED;
}

static void pairs_error_resume(struct pci_dev *pf)
{
	struct pci_iov_fixture *iov = container_of(to_pci_driver(pf->dev.driver),
						   struct pci_iov_fixture, pf_driver);
	struct pairs_ctx *ctx = iov->priv;

	if (pf->is_physfn && ctx->resume_enables)
		pci_enable_sriov(pf, 2);
}

static const struct pci_error_handlers pairs_err_handler = {
	.reset_prepare = pairs_reset_prepare,
	.error_detected = pairs_error_detected,
	.slot_reset = pairs_slot_reset,
	.resume = pairs_error_resume,
};

static void pairs_vf_reset_prepare(struct pci_dev *vf)
{
	struct pci_iov_fixture *iov = container_of(to_pci_driver(vf->dev.driver),
						   struct pci_iov_fixture, vf_driver);
	struct pairs_ctx *ctx = iov->priv;

	atomic_inc(&ctx->resets);
	pairs_stop(ctx, STOP_VF_RESET);
}

static const struct pci_error_handlers pairs_vf_err_handler = {
	.reset_prepare = pairs_vf_reset_prepare,
};

static int pairs_pf_suspend(struct device *dev)
{
	struct pci_iov_fixture *iov = container_of(to_pci_driver(dev->driver),
						   struct pci_iov_fixture, pf_driver);
	struct pairs_ctx *ctx = iov->priv;

	atomic_inc(&ctx->resets);
	if (to_pci_dev(dev)->is_physfn)
		pairs_stop(ctx, STOP_SUSPEND);
	return 0;
}

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

static int pairs_other_probe(struct pci_dev *pf, const struct pci_device_id *id)
{
	struct pairs_ctx *ctx = container_of(to_pci_driver(pf->dev.driver),
					     struct pairs_ctx, other);

	atomic_inc(&ctx->others);
	return -ENODEV;
}

/* Another driver for the same devices comes and goes, as vfio-pci may */
static int pairs_other(void *data)
{
	struct pairs_ctx *ctx = data;
	int ret;

	ctx->other.name = "kunit_other";
	ctx->other.id_table = ctx->iov->pf_driver.id_table;
	ctx->other.probe = pairs_other_probe;
	ret = pci_register_driver(&ctx->other);
	if (!ret)
		pci_unregister_driver(&ctx->other);
	return ret;
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

static int pairs_power_on(void *data)
{
	return pairs_power(data, "1");
}

static int pairs_pull(void *data)
{
	struct pairs_ctx *ctx = data;

	if (atomic_xchg(&ctx->card, 0))
		pci_fabric_slot_remove(ctx->port);
	/* In long sleeps, so that who looks sees that it waits */
	for (int i = 0; i < 300 && pairs_there(ctx); i++)
		schedule_timeout_uninterruptible(PAIRS_TIMEOUT / 300);
	return pairs_there(ctx) ? -ETIMEDOUT : 0;
}

/* Another card is there before anybody has looked */
static int pairs_swap(void *data)
{
	struct pairs_ctx *ctx = data;

	if (!atomic_xchg(&ctx->card, 0))
		return -ENODEV;
	pci_fabric_slot_remove(ctx->port);
	pci_fabric_slot_insert(ctx->port);
	atomic_set(&ctx->card, 1);
	return 0;
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

/* FLR of the PF */
static int pairs_reset_pf(void *data)
{
	struct pairs_ctx *ctx = data;

	return pairs_write(ctx, ctx->pf_name, "reset", "1");
}

static int pairs_reset_vf(void *data)
{
	struct pairs_ctx *ctx = data;

	return pairs_write(ctx, ctx->vf_name, "reset", "1");
}

static pci_ers_result_t pairs_no_link(struct pci_dev *port)
{
	return PCI_ERS_RESULT_DISCONNECT;
}

static pci_ers_result_t pairs_link(struct pci_dev *port)
{
	struct pci_dev *pf = pci_get_slot(port->subordinate, PCI_DEVFN(0, 0));
	struct pci_iov_fixture *iov = container_of(to_pci_driver(pf->dev.driver),
						   struct pci_iov_fixture, pf_driver);

	pairs_stop(iov->priv, STOP_LINK);
	pci_dev_put(pf);
	return PCI_ERS_RESULT_RECOVERED;
}

/* As the AER service does for a fatal error */
static int pairs_fatal(struct pairs_ctx *ctx,
		       pci_ers_result_t (*reset)(struct pci_dev *port))
{
	struct pci_dev *pf = pairs_get_pf(ctx);

	if (!pf)
		return -ENODEV;
	pcie_do_recovery(pf, pci_channel_io_frozen, reset);
	pci_dev_put(pf);
	return 0;
}

static int pairs_aer(void *data)
{
	return pairs_fatal(data, pairs_no_link);
}

static int pairs_aer_recovers(void *data)
{
	return pairs_fatal(data, pairs_link);
}

/* UML has it without SMP */
#ifdef CONFIG_PM_SLEEP
/*
 * Devices are suspended and resumed, and the machine does not sleep.  What is left out,
 * late and without interrupts, takes no device lock, and nobody is frozen.
 */
static int pairs_suspend(void *data)
{
	unsigned int flags = lock_system_sleep();
	int ret = dpm_suspend_start(PMSG_SUSPEND);

	dpm_resume_end(PMSG_RESUME);
	unlock_system_sleep(flags);
	return ret;
}
#endif

static int pairs_host(void *data)
{
	struct pairs_ctx *ctx = data;

	/* There is one platform device, and its driver is unbound once */
	if (!atomic_xchg(&ctx->bridge, 0))
		return -ENODEV;
	platform_set_drvdata(&ctx->host, pci_fabric_host_bridge(ctx->iov->fabric));
	pci_host_common_remove(&ctx->host);
	return 0;
}

static const struct pairs_way {
	const char *name;
	int (*fn)(void *data);
	enum pairs_state state;
	enum pairs_stop stop;		/* STOP_NOWHERE: only as the second */
	bool again;			/* as above, stopped elsewhere: only the first */
	bool first;			/* only the first, but a way of its own */
	bool leaves_vfs;
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
	/* The second would have to be another driver: the module loader sees to that */
	{ "insmod", pairs_insmod, STATE_NO_DRIVER, STOP_PF_PROBE, .first = true },
	{ "other driver", pairs_other, STATE_UNBOUND, STOP_NOWHERE },
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
	{ "swap", pairs_swap, STATE_VFS, STOP_PF_REMOVE },
	{ "swap, adding", pairs_swap, STATE_VFS, STOP_PF_PROBE, true },
	/* The slot is not empty when there is a first */
	{ "insert", pairs_insert, STATE_OUT, STOP_PF_PROBE, .first = true },
	{ "button", pairs_button, STATE_VFS, STOP_PF_REMOVE },
	{ "reset", pairs_reset, STATE_VFS, STOP_RESET },
	{ "reset PF", pairs_reset_pf, STATE_VFS, STOP_RESET },
	{ "reset VF", pairs_reset_vf, STATE_VFS, STOP_VF_RESET },
	{ "AER", pairs_aer, STATE_VFS, STOP_ERROR },
#ifdef CONFIG_PM_SLEEP
	{ "suspend", pairs_suspend, STATE_VFS, STOP_SUSPEND },
#endif
	{ "host bridge", pairs_host, STATE_VFS, STOP_PF_REMOVE },
	{ "host bridge locked", pairs_host, STATE_VFS, STOP_OTHER_REMOVE, true },
	/* The driver of the PF leaves SR-IOV enabled, as that of nvme does */
	{ "remove, VFs left", pairs_remove, STATE_VFS, STOP_VF_REMOVE, true,
	  .leaves_vfs = true },
	{ "remove port, VFs left", pairs_remove_port, STATE_VFS, STOP_VF_REMOVE, true,
	  .leaves_vfs = true },
	{ "power off, VFs left", pairs_power_off, STATE_VFS, STOP_VF_REMOVE, true,
	  .leaves_vfs = true },
	{ "pull, VFs left", pairs_pull, STATE_VFS, STOP_VF_REMOVE, true,
	  .leaves_vfs = true },
	{ "host bridge, VFs left", pairs_host, STATE_VFS, STOP_VF_REMOVE, true,
	  .leaves_vfs = true },
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
	pci_fabric_add(iov->fabric, ctx->port, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(0, 0), .device = PCI_IOV_PF_ID, .flr = true,
		.pcie_type = PCI_EXP_TYPE_ENDPOINT,
		.bars[0] = { .size = SZ_4K },
		.sriov = { .total_vfs = 4, .vf_device = PCI_IOV_VF_ID,
			   .bars[0] = { .size = SZ_4K } },
	});
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
	if (slot && slot->hotplug) {
		strscpy(ctx->slot, hotplug_slot_name(slot->hotplug));
		ctx->ctrl = to_ctrl(slot->hotplug);
		strscpy(ctx->service, dev_name(&ctx->ctrl->pcie->device));
	}
	pci_dev_put(port_dev);
	KUNIT_ASSERT_STRNEQ(ctx->test, ctx->slot, "");
	snprintf(ctx->pf_name, sizeof(ctx->pf_name), "%04x:%02x:00.0", ctx->domain,
		 ctx->bus);
	snprintf(ctx->vf_name, sizeof(ctx->vf_name), "%04x:%02x:00.1", ctx->domain,
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
	iov->vf_driver.err_handler = &pairs_vf_err_handler;
	ctx->pm.suspend = pairs_pf_suspend;
	iov->pf_driver.driver.pm = &ctx->pm;
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
	/* Who has oopsed never ends */
	if (!done && pairs_until_red)
		panic("%s does not end", name);
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

/* What a way may change, all of which is zero if there is no PF */
struct pairs_seen {
	bool there, bound;
	int vfs, calls;
};

static struct pairs_seen pairs_look(struct pairs_ctx *ctx)
{
	struct pci_dev *pf = pairs_get_pf(ctx);
	struct pairs_seen seen = {
		.there = pf,
		.bound = pf && READ_ONCE(pf->dev.driver),
		.vfs = pf ? pci_num_vf(pf) : 0,
		.calls = atomic_read(&ctx->resets) + atomic_read(&ctx->others),
	};
	int i;

	for (i = 0; i < PCI_IOV_NR_CALLS; i++)
		seen.calls += atomic_read(&ctx->iov->calls[i]);
	pci_dev_put(pf);
	return seen;
}

static bool pairs_same(const struct pairs_seen *a, const struct pairs_seen *b)
{
	return a->there == b->there && a->bound == b->bound && a->vfs == b->vfs &&
	       a->calls == b->calls;
}

/* When a way ends at once though another is stopped */
enum pairs_when {
	WHEN_ALWAYS,
	WHEN_FREE,		/* the rescan lock is */
	WHEN_GONE,		/* the driver of the PF has been released for good */
	WHEN_LOADING,		/* the driver of the PF has no attributes */
	WHEN_PCIEHP,		/* the first is pciehp, which is busy */
	WHEN_SAME,		/* the first is the same, and there is one card, or bridge */
	WHEN_NO_VFS,		/* the PF has none, or is not there */
	WHEN_NO_PF,
	WHEN_VF,		/* the first is busy with a VF, and has no lock of the PF */
};

static const struct pairs_apart {
	int (*fn)(void *data);
	enum pairs_when when;
	int ret;
} pairs_aparts[] = {
	/* It tries the locks, and has its turn as the first */
	{ pairs_reset, WHEN_ALWAYS, -EAGAIN },
	{ pairs_reset_pf, WHEN_GONE, 0 },
	{ pairs_reset_pf, WHEN_GONE, -ENOTTY },	/* pulled out */
	{ pairs_reset_pf, WHEN_NO_PF, -ENOENT },
	{ pairs_reset_vf, WHEN_NO_VFS, -ENOENT },
	{ pairs_aer, WHEN_GONE, 0 },
	{ pairs_aer, WHEN_NO_PF, -ENODEV },
	{ pairs_rescan, WHEN_FREE, 0 },
	{ pairs_rescan_port, WHEN_FREE, 0 },
	{ pairs_rescan_bus, WHEN_FREE, 0 },
	{ pairs_power_off, WHEN_PCIEHP, -ENODEV },
	{ pairs_bind, WHEN_GONE, -ENODEV },
	{ pairs_bind, WHEN_LOADING, -ENOENT },
	{ pairs_unbind, WHEN_GONE, -ENODEV },
	{ pairs_unbind, WHEN_LOADING, -ENOENT },
	{ pairs_enable, WHEN_GONE, -ENOENT },
	{ pairs_disable, WHEN_GONE, 0 },
	{ pairs_other, WHEN_GONE, 0 },
	/* It is bound, and has its VFs */
	{ pairs_bind, WHEN_VF, -EBUSY },
	{ pairs_other, WHEN_VF, 0 },
	{ pairs_enable, WHEN_VF, 0 },
	{ pairs_host, WHEN_SAME, -ENODEV },
	{ pairs_swap, WHEN_SAME, -ENODEV },
};

static bool pairs_is(struct pairs_ctx *ctx, const struct pairs_way *first,
		     enum pairs_when when, const struct pairs_way *second)
{
	switch (when) {
	case WHEN_ALWAYS:
		return true;
	case WHEN_FREE:
		return pci_iov_lock_free(NULL);
	case WHEN_GONE:
		return first->stop == STOP_OTHER_REMOVE || first->leaves_vfs;
	case WHEN_LOADING:
		return first->fn == pairs_rmmod || first->fn == pairs_insmod;
	case WHEN_PCIEHP:
		return first->fn == pairs_power_off || first->fn == pairs_pull ||
		       first->fn == pairs_swap || first->fn == pairs_insert ||
		       first->fn == pairs_button;
	case WHEN_SAME:
		return first->fn == second->fn ||
		       (first->fn == pairs_pull && second->fn == pairs_swap);
	case WHEN_NO_VFS:
		return !pairs_look(ctx).vfs;
	case WHEN_NO_PF:
		return !pairs_look(ctx).there;
	case WHEN_VF:
		return first->fn == pairs_reset_vf;
	}
	return false;
}

/*
 * The second has ended and changed nothing: is that what it does against this first?
 * pciehp may still be busy with what the second has started.
 */
static bool pairs_apart(struct pairs_ctx *ctx, const struct pairs_way *first,
			const struct pairs_way *second, int ret)
{
	const struct pairs_apart *apart;

	if (second->fn == pairs_swap && !ret)
		return ctx->ctrl->ist_running || atomic_read(&ctx->ctrl->pending_events);
	for (apart = pairs_aparts; apart < pairs_aparts + ARRAY_SIZE(pairs_aparts); apart++)
		if (apart->fn == second->fn && apart->ret == ret &&
		    pairs_is(ctx, first, apart->when, second))
			return true;
	return false;
}

struct pairs_pair {
	const struct pairs_way *first, *second;
	int nr;
};

/* Catches: two ways that wait for each other. */
static void pairs_pair(struct kunit *test)
{
	const struct pairs_pair *pair = test->param_value;
	const struct pairs_way *first = pair->first, *second = pair->second;
	struct pairs_ctx *ctx = test->priv;
	struct pci_iov_thread *a, *b;
	struct pairs_seen before, now;
	static bool red;
	bool ended;

	if (!pairs_time_travels())
		kunit_skip(test, "needs a kernel with time travel");
	if (pair->nr < pairs_from || (pairs_until_red && red))
		kunit_skip(test, "not asked for");
	if (pairs_until_red)
		pr_info("pair %d: %s, %s\n", pair->nr, first->name, second->name);

	ctx->leaves_vfs = first->leaves_vfs;
	pairs_build(ctx);
	pairs_go_to(ctx, first->state);
	atomic_set(&ctx->stop, first->stop);
	a = pci_iov_thread_start(ctx->iov, first->fn, ctx);
	KUNIT_EXPECT_TRUE_MSG(test, wait_for_completion_timeout(&ctx->in, PAIRS_TIMEOUT),
			      "%s does not get there", first->name);
	before = pairs_look(ctx);
	b = pci_iov_thread_start(ctx->iov, second->fn, ctx);
	pci_iov_thread_done(b, PAIRS_MEET);
	now = pairs_look(ctx);
	if (pci_iov_thread_done(b, 0))
		KUNIT_EXPECT_TRUE_MSG(test, !pairs_same(&before, &now) ||
				      pairs_apart(ctx, first, second,
						  pci_iov_thread_join(b)),
				      "%s does not meet it, and returns %d", second->name,
				      pci_iov_thread_join(b));
	else
		KUNIT_EXPECT_TRUE_MSG(test, pci_iov_thread_waits(b, PAIRS_MEET),
				      "%s neither ends nor waits", second->name);
	complete_all(&ctx->out);
	ended = pairs_end(ctx, a, first->name);
	ended = pairs_end(ctx, b, second->name) && ended;
	/* Only pciehp and its like are to meet that, see the known limits */
	ctx->leaves_vfs = false;
	if (ended)
		pairs_expect_well(ctx);
	red = READ_ONCE(test->status) == KUNIT_FAILURE;
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
	bool locked;

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
	/* It waits without reset_lock, which others take with the rescan lock held */
	locked = down_write_trylock(&ctx->ctrl->reset_lock);
	KUNIT_EXPECT_TRUE(test, locked);
	if (locked)
		up_write(&ctx->ctrl->reset_lock);
	complete_all(&ctx->out);
	if (pairs_end(ctx, thread, "the removal of the port"))
		pairs_expect_well(ctx);
}

/* Holds the lock, as a rescan of something else */
static int pairs_hold(void *data)
{
	struct pairs_ctx *ctx = data;

	pci_lock_rescan_remove();
	complete(&ctx->in);
	wait_for_completion_timeout(&ctx->out, PAIRS_TIMEOUT);
	pci_unlock_rescan_remove();
	return 0;
}

static int pairs_service(struct pairs_ctx *ctx, const char *attr)
{
	char path[64];

	snprintf(path, sizeof(path), "bus/pci_express/drivers/pciehp/%s", attr);
	return pci_iov_write(ctx->iov, path, ctx->service);
}

static int pairs_unbind_service(void *data)
{
	return pairs_service(data, "unbind");
}

static int pairs_unbind_port(void *data)
{
	struct pairs_ctx *ctx = data;

	return pci_iov_write(ctx->iov, "bus/pci/drivers/pcieport/unbind", ctx->port_name);
}

static int pairs_bind_service(struct pairs_ctx *ctx)
{
	return pairs_service(ctx, "bind");
}

static int pairs_bind_port(struct pairs_ctx *ctx)
{
	return pci_iov_write(ctx->iov, "bus/pci/drivers/pcieport/bind", ctx->port_name);
}

/*
 * A card is pulled, pciehp has to wait for the lock to remove its devices, and is
 * unbound.  They are removed all the same, and the next card is found.
 */
static void pairs_unbound(struct kunit *test, int (*unbind)(void *data),
			  int (*bind)(struct pairs_ctx *ctx))
{
	struct pairs_ctx *ctx = test->priv;
	struct pci_iov_thread *holder, *unbinder;

	if (!pairs_time_travels())
		kunit_skip(test, "needs a kernel with time travel");

	pairs_build(ctx);
	pairs_go_to(ctx, STATE_VFS);
	holder = pci_iov_thread_start(ctx->iov, pairs_hold, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in, PAIRS_TIMEOUT));
	atomic_set(&ctx->card, 0);
	pci_fabric_slot_remove(ctx->port);
	schedule_timeout_uninterruptible(HZ);
	unbinder = pci_iov_thread_start(ctx->iov, unbind, ctx);
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(unbinder, 5 * HZ));
	KUNIT_EXPECT_TRUE(test, pairs_there(ctx));
	complete_all(&ctx->out);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(holder), 0);
	if (!pairs_end(ctx, unbinder, "unbind"))
		return;
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(unbinder), 0);
	KUNIT_EXPECT_FALSE_MSG(test, pairs_there(ctx), "the card is gone, the PF is not");
	KUNIT_EXPECT_EQ(test, bind(ctx), 0);
	pairs_expect_well(ctx);
}

/* Catches: a surprise removal that is dropped because pciehp is unbound. */
static void pairs_service_unbound(struct kunit *test)
{
	pairs_unbound(test, pairs_unbind_service, pairs_bind_service);
}

/* Catches: the same when the port loses its driver. */
static void pairs_port_unbound(struct kunit *test)
{
	pairs_unbound(test, pairs_unbind_port, pairs_bind_port);
}

/* Catches: error recovery that waits for itself, with a driver as be2net's. */
static void pairs_error_disables(struct kunit *test)
{
	struct pairs_ctx *ctx = test->priv;
	struct pci_iov_thread *thread;

	pairs_build(ctx);
	pairs_go_to(ctx, STATE_VFS);
	ctx->error_disables = true;
	thread = pci_iov_thread_start(ctx->iov, pairs_aer, ctx);
	if (!pairs_end(ctx, thread, "error recovery"))
		return;
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(thread), 0);
	KUNIT_EXPECT_EQ(test, pairs_look(ctx).vfs, 0);
	/* It was told twice, of the error and that there is no way to recover */
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->resets), 4);
}

/* How many runtime PM references there are to a function, -1 if it is not there */
static int pairs_pm_usage(struct pairs_ctx *ctx, unsigned int devfn)
{
	struct pci_dev *fn = pci_get_domain_bus_and_slot(ctx->domain, ctx->bus, devfn);
	int usage = -1;

#ifdef CONFIG_PM
	if (fn)
		usage = atomic_read(&fn->dev.power.usage_count);
#endif
	pci_dev_put(fn);
	return usage;
}

/* Catches: runtime PM references that VFs lose which resume() has added, as be2net's does. */
static void pairs_resume_enables(struct kunit *test)
{
	struct pairs_ctx *ctx = test->priv;
	struct pci_iov_thread *thread;
	int pf, vf;

	if (!IS_ENABLED(CONFIG_PM))
		kunit_skip(test, "needs a kernel with runtime PM");

	pairs_build(ctx);
	pairs_go_to(ctx, STATE_BOUND);
	pf = pairs_pm_usage(ctx, PCI_DEVFN(0, 0));
	ctx->resume_enables = true;
	thread = pci_iov_thread_start(ctx->iov, pairs_aer_recovers, ctx);
	if (!pairs_end(ctx, thread, "error recovery"))
		return;
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(thread), 0);
	KUNIT_EXPECT_EQ(test, pairs_look(ctx).vfs, 2);
	KUNIT_EXPECT_EQ(test, pairs_pm_usage(ctx, PCI_DEVFN(0, 0)), pf);
	vf = pairs_pm_usage(ctx, PCI_DEVFN(0, 1));
	/* They have as many as those that no recovery has met */
	KUNIT_EXPECT_EQ(test, pairs_disable(ctx), 0);
	KUNIT_EXPECT_EQ(test, pairs_enable(ctx), 0);
	KUNIT_EXPECT_EQ(test, vf, pairs_pm_usage(ctx, PCI_DEVFN(0, 1)));
}

/* Catches: a recovery that gives back the runtime PM reference of another. */
static void pairs_two_errors(struct kunit *test)
{
	struct pairs_ctx *ctx = test->priv;
	struct pci_iov_thread *first, *second;
	int pf;

	if (!IS_ENABLED(CONFIG_PM))
		kunit_skip(test, "needs a kernel with runtime PM");

	pairs_build(ctx);
	pairs_go_to(ctx, STATE_BOUND);
	pf = pairs_pm_usage(ctx, PCI_DEVFN(0, 0));
	atomic_set(&ctx->stop, STOP_LINK);
	first = pci_iov_thread_start(ctx->iov, pairs_aer_recovers, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in, PAIRS_TIMEOUT));
	KUNIT_EXPECT_EQ(test, pairs_pm_usage(ctx, PCI_DEVFN(0, 0)), pf + 1);
	second = pci_iov_thread_start(ctx->iov, pairs_aer_recovers, ctx);
	if (pairs_end(ctx, second, "the second recovery"))
		KUNIT_EXPECT_EQ(test, pairs_pm_usage(ctx, PCI_DEVFN(0, 0)), pf + 1);
	complete_all(&ctx->out);
	if (pairs_end(ctx, first, "the first recovery"))
		KUNIT_EXPECT_EQ(test, pairs_pm_usage(ctx, PCI_DEVFN(0, 0)), pf);
}

/* Removes the port while pciehp, which waits for the lock, is at @busy */
static void pairs_port_goes(struct kunit *test, int (*busy)(void *data), int expected)
{
	struct pairs_ctx *ctx = test->priv;
	struct pci_iov_thread *remover, *user;

	if (!pairs_time_travels())
		kunit_skip(test, "needs a kernel with time travel");

	pairs_build(ctx);
	pairs_go_to(ctx, STATE_VFS);
	if (busy == pairs_power_on)
		KUNIT_ASSERT_EQ(test, pairs_power_off(ctx), 0);
	remover = pci_iov_thread_start(ctx->iov, pairs_take_port, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in, PAIRS_TIMEOUT));
	if (busy == pairs_unbind_port) {
		atomic_set(&ctx->card, 0);
		pci_fabric_slot_remove(ctx->port);
		schedule_timeout_uninterruptible(HZ);
	}
	user = pci_iov_thread_start(ctx->iov, busy, ctx);
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(user, 5 * HZ));
	complete_all(&ctx->out);
	if (pairs_end(ctx, remover, "the removal of the port") &&
	    pairs_end(ctx, user, "what needs pciehp")) {
		KUNIT_EXPECT_EQ(test, pci_iov_thread_join(user), expected);
		pairs_expect_well(ctx);
	}
}

/* Catches: who unbinds the port, and so waits for pciehp, and who removes it. */
static void pairs_unbound_port_goes(struct kunit *test)
{
	pairs_port_goes(test, pairs_unbind_port, 0);
}

/* Catches: success for a slot that has not been switched off. */
static void pairs_power_off_port_goes(struct kunit *test)
{
	pairs_port_goes(test, pairs_power_off, -ENODEV);
}

/* Catches: success for a slot that has not been switched on. */
static void pairs_power_on_port_goes(struct kunit *test)
{
	pairs_port_goes(test, pairs_power_on, -ENODEV);
}

/* Catches: the same for who comes when the port is going already. */
static void pairs_power_off_late(struct kunit *test)
{
	struct pairs_ctx *ctx = test->priv;
	struct pci_iov_thread *remover, *user;
	struct pci_dev *port;

	if (!pairs_time_travels())
		kunit_skip(test, "needs a kernel with time travel");

	pairs_build(ctx);
	pairs_go_to(ctx, STATE_VFS);
	port = ctx->ctrl->pcie->port;
	complete_all(&ctx->out);
	/* What is below has been stopped, and the driver of the port is to be released */
	device_lock(&port->dev);
	remover = pci_iov_thread_start(ctx->iov, pairs_take_port, ctx);
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(remover, 5 * HZ));
	KUNIT_EXPECT_FALSE(test, pci_iov_lock_free(NULL));
	user = pci_iov_thread_start(ctx->iov, pairs_power_off, ctx);
	KUNIT_EXPECT_TRUE(test, pci_iov_thread_done(user, PAIRS_TIMEOUT));
	device_unlock(&port->dev);
	if (pairs_end(ctx, remover, "the removal of the port") &&
	    pairs_end(ctx, user, "power off")) {
		KUNIT_EXPECT_EQ(test, pci_iov_thread_join(user), -ENODEV);
		pairs_expect_well(ctx);
	}
}

/* Catches, with lockdep: a way that takes its locks in a wrong order. */
static void pairs_alone(struct kunit *test)
{
	const struct pairs_way *way = test->param_value;
	struct pairs_ctx *ctx = test->priv;
	struct pairs_seen before, now;
	struct pci_iov_thread *thread;
	struct pci_dev *pf;

	/*
	 * pci_reset_bridge() takes reset_lock with pci_slot_mutex held, and pciehp adds
	 * devices, for which pci_slot_mutex is taken, with reset_lock held, in v7.1.8 as
	 * well.  Lockdep tells, and no more after that.
	 */
	if (way->fn == pairs_reset && IS_ENABLED(CONFIG_PROVE_LOCKING))
		kunit_skip(test, "a fault of pci_reset_bridge() turns lockdep off");

	pairs_build(ctx);
	pairs_go_to(ctx, way->state);
	ctx->classes = true;
	pf = pairs_get_pf(ctx);
	if (pf && way->state != STATE_UNBOUND && way->state != STATE_NO_DRIVER)
		pci_iov_set_lock_class(pf, &pairs_key);
	pci_dev_put(pf);
	before = pairs_look(ctx);
	thread = pci_iov_thread_start(ctx->iov, way->fn, ctx);
	if (pairs_end(ctx, thread, way->name))
		KUNIT_EXPECT_EQ(test, pci_iov_thread_join(thread), 0);
	if (way->fn == pairs_swap || way->fn == pairs_insert)
		schedule_timeout_uninterruptible(5 * HZ);
	now = pairs_look(ctx);
	KUNIT_EXPECT_FALSE_MSG(test, pairs_same(&before, &now), "%s does nothing",
			       way->name);
	if (pairs_time_travels())
		pairs_expect_well(ctx);
	KUNIT_EXPECT_TRUE_MSG(test, !IS_ENABLED(CONFIG_PROVE_LOCKING) || debug_locks,
			      "lockdep has reported");
}

static bool pairs_are(const struct pairs_way *first, const struct pairs_way *second)
{
	if (first->stop == STOP_NOWHERE || second->again || second->first)
		return false;
	/* The module loader does that, and here a mutex */
	return second->fn != pairs_rmmod ||
	       (first->fn != pairs_rmmod && first->fn != pairs_insmod);
}

static const void *pairs_gen_pair(struct kunit *test, const void *prev, char *desc)
{
	const struct pairs_way *end = pairs_ways + ARRAY_SIZE(pairs_ways);
	static struct pairs_pair pair;

	if (!prev)
		pair = (struct pairs_pair){ .first = pairs_ways, .second = pairs_ways, .nr = -1 };
	else
		pair.second++;
	for (; pair.first < end; pair.first++, pair.second = pairs_ways) {
		for (; pair.second < end; pair.second++) {
			if (!pairs_are(pair.first, pair.second))
				continue;
			pair.nr++;
			snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s", pair.first->name,
				 pair.second->name);
			return &pair;
		}
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
	KUNIT_CASE_SLOW(pairs_service_unbound),
	KUNIT_CASE_SLOW(pairs_port_unbound),
	KUNIT_CASE_SLOW(pairs_unbound_port_goes),
	KUNIT_CASE_SLOW(pairs_power_off_port_goes),
	KUNIT_CASE_SLOW(pairs_power_on_port_goes),
	KUNIT_CASE_SLOW(pairs_power_off_late),
	KUNIT_CASE(pairs_error_disables),
	KUNIT_CASE(pairs_resume_enables),
	KUNIT_CASE(pairs_two_errors),
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
