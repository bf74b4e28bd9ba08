// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for the "remove" attribute of PCI devices and its locks.
 *
 * What is expected everywhere: the driver of a PF is released before the rescan
 * lock is taken, so that it can take the lock itself; that of any other device is
 * released with the lock held, those below a bridge before the bridge's.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/debug_locks.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/pci.h>

#include "pci_iov_fixture.h"

/* How long it takes to see that nothing happens */
#define PCI_REMOVE_LOCK_NOTHING	(HZ / 5)

#define PCI_REMOVE_LOCK_STEPS	8

struct pci_remove_lock_ctx {
	struct pci_iov_fixture *iov;
	struct pci_dev *pdev, *other;	/* what threads work on */
	struct completion in, out;	/* a callback is in, and may go on */
	struct completion held, let_go;	/* a thread holds the rescan lock */
	char path[64];			/* of an attribute of what nothing keeps */
	unsigned int accesses;		/* to the configuration space of the port */
	struct pci_driver port_driver;
	struct pci_fabric_fn *port;	/* looked at while drivers are removed */
	/* Devices whose drivers were removed, in this order */
	atomic_t nr;
	struct {
		u16 rid;
		bool owned;
		bool master;		/* the port forwards requests of the device */
	} step[PCI_REMOVE_LOCK_STEPS];
};

static void pci_remove_lock_step(struct pci_remove_lock_ctx *ctx,
				 struct pci_dev *pdev)
{
	int nr = atomic_fetch_inc(&ctx->nr);

	if (nr >= PCI_REMOVE_LOCK_STEPS)
		return;
	ctx->step[nr].rid = pci_dev_id(pdev);
	ctx->step[nr].owned = pci_iov_lock_owned();
	if (ctx->port)
		ctx->step[nr].master = pci_fabric_peek(ctx->port, PCI_COMMAND, 2) &
				       PCI_COMMAND_MASTER;
}

static void pci_remove_lock_pf_remove(struct pci_iov_fixture *iov,
				      struct pci_dev *pf)
{
	pci_remove_lock_step(iov->priv, pf);
	pci_disable_sriov(pf);
}

/* A driver of ports that does what portdrv does to the device */
static const struct pci_device_id pci_remove_lock_port_ids[] = {
	{ PCI_DEVICE(PCI_FABRIC_VENDOR, 0x0501) },
	{ }
};

static int pci_remove_lock_port_probe(struct pci_dev *port,
				      const struct pci_device_id *id)
{
	int ret = pci_enable_device(port);

	if (ret)
		return ret;
	pci_set_master(port);
	return 0;
}

static void pci_remove_lock_port_remove(struct pci_dev *port)
{
	struct pci_remove_lock_ctx *ctx =
		container_of(to_pci_driver(port->dev.driver),
			     struct pci_remove_lock_ctx, port_driver);

	pci_remove_lock_step(ctx, port);
	port->is_physfn = 0;
	pci_disable_device(port);
}

static void pci_remove_lock_unregister(void *data)
{
	pci_unregister_driver(data);
}

/* portdrv may have been first */
static void pci_remove_lock_bind_port(struct kunit *test, struct pci_dev *port)
{
	KUNIT_ASSERT_EQ(test, device_set_driver_override(&port->dev, "kunit_port"), 0);
	device_release_driver(&port->dev);
	KUNIT_ASSERT_EQ(test, device_attach(&port->dev), 1);
	atomic_set(&((struct pci_remove_lock_ctx *)test->priv)->nr, 0);
}

static int pci_remove_lock_init(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	init_completion(&ctx->in);
	init_completion(&ctx->out);
	init_completion(&ctx->held);
	init_completion(&ctx->let_go);
	ctx->iov = pci_iov_fixture_alloc(test);
	ctx->iov->priv = ctx;
	ctx->iov->pf_remove = pci_remove_lock_pf_remove;
	ctx->port_driver.name = "kunit_port";
	ctx->port_driver.id_table = pci_remove_lock_port_ids;
	ctx->port_driver.probe = pci_remove_lock_port_probe;
	ctx->port_driver.remove = pci_remove_lock_port_remove;
	KUNIT_ASSERT_EQ(test, pci_register_driver(&ctx->port_driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
							pci_remove_lock_unregister,
							&ctx->port_driver), 0);
	return 0;
}

/* A PF with 4 VFs, or a device that has none, on the root bus */
static struct pci_fabric_fn *pci_remove_lock_one(struct kunit *test, u16 vfs)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *fn = pci_iov_add_pf(ctx->iov, NULL, PCI_DEVFN(1, 0), vfs);

	pci_fabric_scan(ctx->iov->fabric);
	ctx->pdev = pci_fabric_pdev(fn);
	KUNIT_ASSERT_NOT_NULL(test, ctx->pdev);
	KUNIT_ASSERT_NOT_NULL(test, ctx->pdev->dev.driver);
	return fn;
}

/* A root port with a driver, and two functions below it */
static void pci_remove_lock_port(struct kunit *test, struct pci_fabric_fn *fns[2],
				 u16 vfs)
{
	struct pci_remove_lock_ctx *ctx = test->priv;

	ctx->port = pci_iov_add_port(ctx->iov, NULL, PCI_DEVFN(2, 0),
				     PCI_EXP_TYPE_ROOT_PORT);
	fns[0] = pci_iov_add_pf(ctx->iov, ctx->port, PCI_DEVFN(0, 0), vfs);
	fns[1] = pci_iov_add_pf(ctx->iov, ctx->port, PCI_DEVFN(0, 5), 0);
	pci_fabric_scan(ctx->iov->fabric);
	ctx->pdev = pci_fabric_pdev(ctx->port);
	KUNIT_ASSERT_NOT_NULL(test, ctx->pdev);
	pci_remove_lock_bind_port(test, ctx->pdev);
	ctx->other = pci_fabric_pdev(fns[0]);
	KUNIT_ASSERT_NOT_NULL(test, ctx->other);
}

static int pci_remove_lock_write(void *data)
{
	struct pci_remove_lock_ctx *ctx = data;

	return pci_iov_dev_write(ctx->iov, ctx->pdev, "remove", "1");
}

static int pci_remove_lock_write_other(void *data)
{
	struct pci_remove_lock_ctx *ctx = data;

	return pci_iov_dev_write(ctx->iov, ctx->other, "remove", "1");
}

static int pci_remove_lock_unbind_other(void *data)
{
	struct pci_remove_lock_ctx *ctx = data;

	return pci_iov_unbind(ctx->iov, ctx->other);
}

static struct pci_iov_thread *pci_remove_lock_start(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *thread;

	thread = pci_iov_thread_start(ctx->iov, pci_remove_lock_write, ctx);
	KUNIT_EXPECT_TRUE(test, pci_iov_thread_waits(thread, PCI_IOV_TIMEOUT));
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(thread,
						     PCI_REMOVE_LOCK_NOTHING));
	return thread;
}

static void pci_remove_lock_expect_gone(struct kunit *test,
					struct pci_fabric_fn *fn)
{
	KUNIT_EXPECT_NULL(test, pci_fabric_pdev(fn));
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
}

static int pci_remove_lock_calls(struct pci_remove_lock_ctx *ctx,
				 enum pci_iov_call call)
{
	return atomic_read(&ctx->iov->calls[call]);
}

/*
 * Catches: the rescan lock taken ahead of the device lock.  Whoever holds the
 * device lock would wait for the writer and the writer for him.
 */
static void pci_remove_lock_abba(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *pf = pci_remove_lock_one(test, 4);
	struct pci_iov_thread *writer;

	device_lock(&ctx->pdev->dev);
	writer = pci_remove_lock_start(test);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	device_unlock(&ctx->pdev->dev);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(writer), 0);
	pci_remove_lock_expect_gone(test, pf);
}

static struct lock_class_key pci_remove_lock_key;

static void pci_remove_lock_reset_class(struct pci_iov_fixture *iov,
					struct pci_dev *pf)
{
	pci_disable_sriov(pf);
	device_lock_reset_class(&pf->dev);
}

/*
 * Catches: the same by lockdep, which sees the device lock as long as the driver
 * is bound, without a hang.  Afterwards the lock is taken under the rescan lock
 * by device_del(), when nobody else takes the rescan lock with it any more.
 */
static void pci_remove_lock_lockdep(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *pf = pci_remove_lock_one(test, 4);

	if (!IS_ENABLED(CONFIG_PROVE_LOCKING))
		kunit_skip(test, "needs CONFIG_PROVE_LOCKING");

	ctx->iov->pf_remove = pci_remove_lock_reset_class;
	pci_iov_set_lock_class(ctx->pdev, &pci_remove_lock_key);
	KUNIT_EXPECT_EQ(test, pci_iov_dev_write(ctx->iov, ctx->pdev, "sriov_numvfs",
						"2"), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_write(ctx), 0);
	pci_remove_lock_expect_gone(test, pf);
	KUNIT_EXPECT_TRUE_MSG(test, debug_locks, "lockdep has reported");
}

static void pci_remove_lock_wait_in_remove(struct pci_iov_fixture *iov,
					   struct pci_dev *pf)
{
	struct pci_remove_lock_ctx *ctx = iov->priv;

	pci_remove_lock_step(ctx, pf);
	complete(&ctx->in);
	wait_for_completion_timeout(&ctx->out, PCI_IOV_TIMEOUT);
	pci_disable_sriov(pf);
}

static int pci_remove_lock_holder(void *data)
{
	struct pci_remove_lock_ctx *ctx = data;

	pci_lock_rescan_remove();
	complete(&ctx->held);
	wait_for_completion_timeout(&ctx->let_go, PCI_IOV_TIMEOUT);
	pci_unlock_rescan_remove();
	return 0;
}

/* The writer, which is in the driver's remove, is to wait before the removal. */
static struct pci_iov_thread *pci_remove_lock_hold(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *holder = NULL;

	if (pci_iov_lock_free(NULL)) {
		holder = pci_iov_thread_start(ctx->iov, pci_remove_lock_holder, ctx);
		wait_for_completion_timeout(&ctx->held, PCI_IOV_TIMEOUT);
	} else {
		KUNIT_FAIL(test, "the driver is released with the lock held");
	}
	complete_all(&ctx->out);
	return holder;
}

static bool pci_remove_lock_released(void *data)
{
	struct pci_remove_lock_ctx *ctx = data;

	return !ctx->pdev->dev.driver;
}

/* Catches: a driver that binds between the release of the old and the removal. */
static void pci_remove_lock_toctou(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *pf = pci_remove_lock_one(test, 4);
	struct pci_iov_thread *writer, *holder;

	ctx->iov->pf_remove = pci_remove_lock_wait_in_remove;
	writer = pci_remove_lock_start(test);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in,
							    PCI_IOV_TIMEOUT));
	holder = pci_remove_lock_hold(test);
	if (!holder)
		return;
	KUNIT_EXPECT_TRUE(test, pci_iov_wait(pci_remove_lock_released, ctx,
					     PCI_IOV_TIMEOUT));
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(writer,
						     PCI_REMOVE_LOCK_NOTHING));
	KUNIT_EXPECT_EQ(test, pci_iov_bind(ctx->iov, ctx->pdev), -ENODEV);
	KUNIT_EXPECT_LE(test, device_attach(&ctx->pdev->dev), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_PF_PROBE), 1);
	complete_all(&ctx->let_go);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(holder), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(writer), 0);
	pci_remove_lock_expect_gone(test, pf);
}

static int pci_remove_lock_bind(void *data)
{
	struct pci_remove_lock_ctx *ctx = data;

	return pci_iov_bind(ctx->iov, ctx->pdev);
}

/*
 * Catches: a device that is not marked dead.  Whoever waits to bind during the
 * release has found it fit to be bound before, and gets in right behind it.
 */
static void pci_remove_lock_waiting_bind(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *pf = pci_remove_lock_one(test, 4);
	struct pci_iov_thread *writer, *bind, *holder;

	ctx->iov->pf_remove = pci_remove_lock_wait_in_remove;
	writer = pci_remove_lock_start(test);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in,
							    PCI_IOV_TIMEOUT));
	bind = pci_iov_thread_start(ctx->iov, pci_remove_lock_bind, ctx);
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(bind, PCI_REMOVE_LOCK_NOTHING));
	holder = pci_remove_lock_hold(test);
	if (!holder)
		return;
	KUNIT_EXPECT_LT(test, pci_iov_thread_join(bind), 0);
	complete_all(&ctx->let_go);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(holder), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(writer), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_PF_PROBE), 1);
	pci_remove_lock_expect_gone(test, pf);
}

/*
 * Catches: a PF driver that is called with the rescan lock held, and VFs that go
 * without it.
 */
static void pci_remove_lock_pf_with_vfs(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *pf = pci_remove_lock_one(test, 4);
	struct pci_dev *vf;

	KUNIT_ASSERT_EQ(test, pci_iov_dev_write(ctx->iov, ctx->pdev, "sriov_numvfs",
						"3"), 0);
	vf = pci_fabric_pdev(pci_fabric_vf(pf, 0));
	KUNIT_ASSERT_NOT_NULL(test, vf);
	KUNIT_EXPECT_TRUE(test, pci_iov_exists(ctx->iov, vf, "physfn"));
	KUNIT_EXPECT_FALSE(test, pci_iov_exists(ctx->iov, vf, "remove"));

	KUNIT_EXPECT_EQ(test, pci_remove_lock_write(ctx), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_PF_REMOVE), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->iov->owned[PCI_IOV_PF_REMOVE]), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_VF_REMOVE), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->iov->owned[PCI_IOV_VF_REMOVE]), 3);
	pci_remove_lock_expect_gone(test, pf);
}

static void pci_remove_lock_leave(struct pci_iov_fixture *iov, struct pci_dev *pf)
{
}

/*
 * Catches: VFs that outlive their PF, because its driver leaves SR-IOV enabled.  The
 * PF that is found next could not have any.
 */
static void pci_remove_lock_vfs_left(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *pf = pci_remove_lock_one(test, 4);

	ctx->iov->pf_remove = pci_remove_lock_leave;
	for (int round = 1; round <= 2; round++) {
		KUNIT_ASSERT_EQ(test, pci_iov_dev_write(ctx->iov, ctx->pdev,
							"sriov_numvfs", "3"), 0);
		/* Unbound, it keeps them: that is what such drivers want */
		KUNIT_EXPECT_EQ(test, pci_iov_unbind(ctx->iov, ctx->pdev), 0);
		KUNIT_EXPECT_EQ(test, pci_num_vf(ctx->pdev), 3);
		if (round == 2)
			KUNIT_EXPECT_EQ(test, pci_iov_bind(ctx->iov, ctx->pdev), 0);

		KUNIT_EXPECT_EQ(test, pci_remove_lock_write(ctx), 0);
		KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_VF_REMOVE),
				3 * round);
		KUNIT_EXPECT_EQ(test, pci_num_vf(ctx->pdev), 0);
		for (int i = 0; i < 3; i++)
			KUNIT_EXPECT_NULL(test, pci_fabric_pdev(pci_fabric_vf(pf, i)));
		pci_remove_lock_expect_gone(test, pf);

		KUNIT_EXPECT_EQ(test, pci_iov_write(ctx->iov, "bus/pci/rescan", "1"), 0);
		ctx->pdev = pci_fabric_pdev(pf);
		KUNIT_ASSERT_NOT_NULL(test, ctx->pdev);
	}
}

/* Catches: an unbound PF below a removed bridge that can be bound meanwhile. */
static void pci_remove_lock_bridge_unbound(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *writer, *holder;
	struct pci_fabric_fn *fns[2];

	pci_remove_lock_port(test, fns, 4);
	KUNIT_ASSERT_EQ(test, pci_iov_unbind(ctx->iov, ctx->other), 0);
	/* Held up after the PF has been dealt with, which is after the lock was free */
	holder = pci_iov_thread_start(ctx->iov, pci_remove_lock_holder, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->held,
							    PCI_IOV_TIMEOUT));
	device_lock(&ctx->other->dev);
	complete_all(&ctx->let_go);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(holder), 0);
	writer = pci_remove_lock_start(test);
	/* It waits for the device lock, and not with the rescan lock */
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	device_unlock(&ctx->other->dev);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(writer), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_PF_PROBE), 2);
	pci_remove_lock_expect_gone(test, ctx->port);
}

/* Catches: a driver that owns a bus and loses the lock that it relies on. */
static void pci_remove_lock_bus_owner(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *fn = pci_remove_lock_one(test, 0);

	KUNIT_EXPECT_EQ(test, pci_remove_lock_write(ctx), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_PF_REMOVE), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->iov->owned[PCI_IOV_PF_REMOVE]), 1);
	pci_remove_lock_expect_gone(test, fn);
}

static void pci_remove_lock_bridge_goes(struct kunit *test, bool sriov)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *fns[2];
	u16 port;

	pci_remove_lock_port(test, fns, 0);
	/* The fabric has none with SR-IOV; until its driver is released this is one */
	ctx->pdev->is_physfn = sriov;
	port = pci_dev_id(ctx->pdev);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_write(ctx), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->nr), 3);
	for (int i = 0; i < 3; i++) {
		KUNIT_EXPECT_TRUE_MSG(test, ctx->step[i].owned, "step %d", i);
		KUNIT_EXPECT_TRUE_MSG(test, ctx->step[i].master, "step %d", i);
	}
	KUNIT_EXPECT_EQ(test, ctx->step[2].rid, port);
	KUNIT_EXPECT_FALSE(test, pci_fabric_peek(ctx->port, PCI_COMMAND, 2) &
				 PCI_COMMAND_MASTER);
	pci_remove_lock_expect_gone(test, fns[0]);
}

/* Catches: a bridge that is disabled while drivers of devices below still run. */
static void pci_remove_lock_bridge(struct kunit *test)
{
	pci_remove_lock_bridge_goes(test, false);
}

/* Catches: the same for a bridge that is a PF. */
static void pci_remove_lock_bridge_sriov(struct kunit *test)
{
	pci_remove_lock_bridge_goes(test, true);
}

/*
 * Catches: PFs below a bridge whose drivers are released with the lock held, or
 * after the bridge's, or not in the order of removal, the last one first.
 */
static void pci_remove_lock_bridge_pfs(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *up, *down, *pf[3];
	u16 rid[3];
	int last;

	ctx->port = pci_iov_add_port(ctx->iov, NULL, PCI_DEVFN(2, 0),
				     PCI_EXP_TYPE_ROOT_PORT);
	up = pci_iov_add_port(ctx->iov, ctx->port, 0, PCI_EXP_TYPE_UPSTREAM);
	down = pci_iov_add_port(ctx->iov, up, 0, PCI_EXP_TYPE_DOWNSTREAM);
	pf[0] = pci_iov_add_pf(ctx->iov, down, PCI_DEVFN(0, 0), 1);
	pf[1] = pci_iov_add_pf(ctx->iov, down, PCI_DEVFN(0, 3), 1);
	down = pci_iov_add_port(ctx->iov, up, PCI_DEVFN(1, 0),
				PCI_EXP_TYPE_DOWNSTREAM);
	pf[2] = pci_iov_add_pf(ctx->iov, down, PCI_DEVFN(0, 0), 1);
	pci_fabric_scan(ctx->iov->fabric);
	ctx->pdev = pci_fabric_pdev(ctx->port);
	KUNIT_ASSERT_NOT_NULL(test, ctx->pdev);
	pci_remove_lock_bind_port(test, ctx->pdev);
	for (int i = 0; i < 3; i++)
		rid[i] = pci_dev_id(pci_fabric_pdev(pf[i]));

	KUNIT_EXPECT_EQ(test, pci_remove_lock_write(ctx), 0);
	for (int i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, ctx->step[i].rid, rid[2 - i]);
		KUNIT_EXPECT_FALSE_MSG(test, ctx->step[i].owned, "step %d", i);
		KUNIT_EXPECT_TRUE_MSG(test, ctx->step[i].master, "step %d", i);
	}
	/* Then the ports, unless they have another driver, and their root port */
	last = atomic_read(&ctx->nr) - 1;
	KUNIT_ASSERT_GE(test, last, 3);
	KUNIT_ASSERT_LT(test, last, PCI_REMOVE_LOCK_STEPS);
	KUNIT_EXPECT_EQ(test, ctx->step[last].rid, PCI_DEVID(0, PCI_DEVFN(2, 0)));
	KUNIT_EXPECT_TRUE(test, ctx->step[last].owned);
	pci_remove_lock_expect_gone(test, pf[0]);
}

/* Catches: drivers that are released though their device stays, in another slot. */
static void pci_remove_lock_slot(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *fns[3];
	struct pci_bus *bus;

	for (int i = 0; i < 3; i++)
		fns[i] = pci_iov_add_pf(ctx->iov, NULL, PCI_DEVFN(2 * i, 0), 1);
	pci_fabric_scan(ctx->iov->fabric);
	bus = pci_fabric_pdev(fns[0])->bus;

	/* Slots 2 and 0 go, in this order */
	for (int i = 0; i < 2; i++) {
		struct pci_dev *goes = pci_fabric_pdev(fns[!i]);

		KUNIT_ASSERT_EQ(test, pci_lock_to_remove(bus, PCI_SLOT(goes->devfn)), 0);
		KUNIT_EXPECT_TRUE(test, pci_iov_lock_owned());
		KUNIT_EXPECT_EQ(test, atomic_read(&ctx->nr), i + 1);
		KUNIT_EXPECT_EQ(test, ctx->step[i].rid, pci_dev_id(goes));
		pci_stop_and_remove_bus_device(goes);
		pci_unlock_rescan_remove();
		KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	}
	KUNIT_EXPECT_NOT_NULL(test, pci_fabric_pdev(fns[2])->dev.driver);
}

/*
 * Catches: unbind of a PF with VFs, which holds its device lock and wants the
 * rescan lock, against removal of the bridge above.
 */
static void pci_remove_lock_child_unbind(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *unbind, *writer;
	struct pci_fabric_fn *fns[2];

	pci_remove_lock_port(test, fns, 4);
	KUNIT_ASSERT_EQ(test, pci_iov_dev_write(ctx->iov, ctx->other, "sriov_numvfs",
						"2"), 0);
	ctx->iov->pf_remove = pci_remove_lock_wait_in_remove;
	unbind = pci_iov_thread_start(ctx->iov, pci_remove_lock_unbind_other, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in,
							    PCI_IOV_TIMEOUT));
	writer = pci_remove_lock_start(test);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	complete_all(&ctx->out);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(unbind), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(writer), 0);
	pci_remove_lock_expect_gone(test, ctx->port);
}

/*
 * Catches: a writer that takes the lock because another one has dealt with the PF,
 * when that one is still releasing its driver.
 */
static void pci_remove_lock_child_remove(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *child, *writer;
	struct pci_fabric_fn *fns[2];

	pci_remove_lock_port(test, fns, 4);
	KUNIT_ASSERT_EQ(test, pci_iov_dev_write(ctx->iov, ctx->other, "sriov_numvfs",
						"2"), 0);
	ctx->iov->pf_remove = pci_remove_lock_wait_in_remove;
	child = pci_iov_thread_start(ctx->iov, pci_remove_lock_write_other, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in,
							    PCI_IOV_TIMEOUT));
	writer = pci_remove_lock_start(test);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	complete_all(&ctx->out);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(child), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(writer), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_PF_REMOVE), 2);
	pci_remove_lock_expect_gone(test, ctx->port);
}

/* As drivers of some host bridges do it: nobody keeps others from the devices */
static int pci_remove_lock_stop_root_bus(void *data)
{
	struct pci_remove_lock_ctx *ctx = data;

	pci_stop_root_bus(ctx->pdev->bus);
	return 0;
}

/*
 * Catches: a writer that takes the lock because a PF has been stopped, when the one
 * who does that, without the lock, is still releasing its driver.
 */
static void pci_remove_lock_stopped_unlocked(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *pf = pci_remove_lock_one(test, 4);
	struct pci_iov_thread *stopper, *writer, *holder;

	ctx->iov->pf_remove = pci_remove_lock_wait_in_remove;
	stopper = pci_iov_thread_start(ctx->iov, pci_remove_lock_stop_root_bus, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in,
							    PCI_IOV_TIMEOUT));
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	writer = pci_remove_lock_start(test);
	/* Nothing but the lock keeps the writer from what the stopper works with */
	holder = pci_remove_lock_hold(test);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(stopper), 0);
	if (!holder)
		return;
	complete_all(&ctx->let_go);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(holder), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(writer), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_PF_REMOVE), 1);
	pci_remove_lock_expect_gone(test, pf);
}

/* Catches: two writers of the same file that both remove, or wait for ever. */
static void pci_remove_lock_two_writers(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *pf = pci_remove_lock_one(test, 4);

	for (int round = 1; round <= 10; round++) {
		struct pci_iov_thread *a, *b;
		int ret_a, ret_b;

		a = pci_iov_thread_start(ctx->iov, pci_remove_lock_write, ctx);
		b = pci_iov_thread_start(ctx->iov, pci_remove_lock_write, ctx);
		ret_a = pci_iov_thread_join(a);
		ret_b = pci_iov_thread_join(b);
		/* The second finds the file, is in it, or comes too late. */
		KUNIT_EXPECT_TRUE_MSG(test, !ret_a || !ret_b, "%d, %d", ret_a, ret_b);
		KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_PF_REMOVE),
				round);
		pci_remove_lock_expect_gone(test, pf);

		KUNIT_EXPECT_EQ(test, pci_iov_write(ctx->iov, "bus/pci/rescan", "1"),
				0);
		ctx->pdev = pci_fabric_pdev(pf);
		KUNIT_ASSERT_NOT_NULL(test, ctx->pdev);
	}
}

/* Catches: a device that is marked dead by a value that removes nothing. */
static void pci_remove_lock_values(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *pf = pci_remove_lock_one(test, 4);

	static const struct {
		const char *val;
		int ret;
	} cases[] = {
		{ "0", 0 }, { "0x0", 0 }, { "x", -EINVAL }, { "", 0 }, { "1x", -EINVAL },
		{ "-1", -EINVAL }, { "99999999999999999999", -EINVAL },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, pci_iov_dev_write(ctx->iov, ctx->pdev, "remove",
							    cases[i].val),
				    cases[i].ret, "\"%s\"", cases[i].val);
	KUNIT_EXPECT_TRUE(test, pci_iov_exists(ctx->iov, ctx->pdev, "remove"));
	KUNIT_EXPECT_PTR_EQ(test, pci_fabric_pdev(pf), ctx->pdev);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_PF_REMOVE), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_unbind(ctx->iov, ctx->pdev), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_bind(ctx->iov, ctx->pdev), 0);

	/* Any other number removes */
	KUNIT_EXPECT_EQ(test, pci_iov_dev_write(ctx->iov, ctx->pdev, "remove", "0x10"),
			0);
	pci_remove_lock_expect_gone(test, pf);
}

/* Catches: a rescan attribute that takes another number for 1, or no number. */
static void pci_remove_lock_rescan_values(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *fns[2];
	char paths[2][64];

	pci_remove_lock_one(test, 4);
	snprintf(paths[0], sizeof(paths[0]), "bus/pci/devices/%s/rescan",
		 pci_name(ctx->pdev));
	snprintf(paths[1], sizeof(paths[1]), "class/pci_bus/%04x:%02x/rescan",
		 pci_domain_nr(ctx->pdev->bus), ctx->pdev->bus->number);

	for (int i = 0; i < ARRAY_SIZE(paths); i++) {
		fns[i] = pci_iov_add_pf(ctx->iov, NULL, PCI_DEVFN(8 + i, 0), 0);
		KUNIT_EXPECT_EQ(test, pci_iov_write(ctx->iov, paths[i], "0"), 0);
		KUNIT_EXPECT_EQ(test, pci_iov_write(ctx->iov, paths[i], "x"), -EINVAL);
		KUNIT_EXPECT_NULL(test, pci_fabric_pdev(fns[i]));
		KUNIT_EXPECT_EQ(test, pci_iov_write(ctx->iov, paths[i], "2"), 0);
		KUNIT_EXPECT_NOT_NULL(test, pci_fabric_pdev(fns[i]));
	}
}

/* Catches: a consumer that is still bound when its supplier goes. */
static void pci_remove_lock_consumer(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *fn[2];
	struct pci_dev *consumer;
	u16 rid[2];

	fn[0] = pci_iov_add_pf(ctx->iov, NULL, PCI_DEVFN(1, 0), 4);
	fn[1] = pci_iov_add_pf(ctx->iov, NULL, PCI_DEVFN(2, 0), 0);
	pci_fabric_scan(ctx->iov->fabric);
	ctx->pdev = pci_fabric_pdev(fn[0]);
	consumer = pci_fabric_pdev(fn[1]);
	KUNIT_ASSERT_NOT_NULL(test, consumer);
	rid[0] = pci_dev_id(ctx->pdev);
	rid[1] = pci_dev_id(consumer);
	KUNIT_ASSERT_NOT_NULL(test, device_link_add(&consumer->dev, &ctx->pdev->dev,
						    DL_FLAG_AUTOREMOVE_SUPPLIER));

	KUNIT_EXPECT_EQ(test, pci_remove_lock_write(ctx), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->nr), 2);
	KUNIT_EXPECT_EQ(test, ctx->step[0].rid, rid[1]);
	KUNIT_EXPECT_EQ(test, ctx->step[1].rid, rid[0]);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_PF_PROBE), 2);
	KUNIT_EXPECT_NULL(test, consumer->dev.driver);
	pci_remove_lock_expect_gone(test, fn[0]);
}

/* Writes by name: nothing here keeps the device. */
static int pci_remove_lock_write_name(void *data)
{
	struct pci_remove_lock_ctx *ctx = data;

	return pci_iov_write(ctx->iov, ctx->path, "1");
}

static unsigned int pci_remove_lock_accesses(struct pci_fabric_fn *fn)
{
	struct pci_fabric_stats stats = pci_fabric_stats(fn);

	return stats.cfg_reads + stats.cfg_writes;
}

static int pci_remove_lock_hotplug(void *data)
{
	struct pci_remove_lock_ctx *ctx = data;
	struct pci_dev *pdev;

	pci_lock_rescan_remove();
	complete(&ctx->held);
	wait_for_completion_timeout(&ctx->let_go, PCI_IOV_TIMEOUT);
	pdev = pci_get_slot(pci_fabric_host_bridge(ctx->iov->fabric)->bus,
			    PCI_DEVFN(1, 0));
	if (pdev) {
		/* Stopping a device writes to it, if that can do something */
		if (!pdev->subordinate) {
			pdev->pme_support = BIT(PCI_D3hot);
			pdev->pm_cap = 0x80;
		}
		pci_stop_and_remove_bus_device(pdev);
	}
	pci_dev_put(pdev);
	ctx->accesses = pci_remove_lock_accesses(ctx->port);
	pci_unlock_rescan_remove();
	return 0;
}

/* What is at 01.0 goes while somebody has written to an attribute of it, and waits. */
static void pci_remove_lock_goes_under(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *writer, *hotplug;

	hotplug = pci_iov_thread_start(ctx->iov, pci_remove_lock_hotplug, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->held,
							    PCI_IOV_TIMEOUT));
	writer = pci_iov_thread_start(ctx->iov, pci_remove_lock_write_name, ctx);
	KUNIT_EXPECT_TRUE(test, pci_iov_thread_waits(writer, PCI_IOV_TIMEOUT));
	KUNIT_EXPECT_FALSE(test, pci_iov_thread_done(writer,
						     PCI_REMOVE_LOCK_NOTHING));
	complete_all(&ctx->let_go);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(hotplug), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(writer), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_accesses(ctx->port), ctx->accesses);
	pci_remove_lock_expect_gone(test, ctx->port);
}

static void pci_remove_lock_hot(struct kunit *test, const char *attr)
{
	struct pci_remove_lock_ctx *ctx = test->priv;

	ctx->port = pci_iov_add_pf(ctx->iov, NULL, PCI_DEVFN(1, 0), 0);
	pci_fabric_scan(ctx->iov->fabric);
	snprintf(ctx->path, sizeof(ctx->path), "bus/pci/devices/%04x:00:01.0/%s",
		 pci_domain_nr(pci_fabric_host_bridge(ctx->iov->fabric)->bus), attr);
	pci_remove_lock_goes_under(test);
}

/*
 * Catches: a writer that waits for the rescan lock and has nothing that keeps the
 * device (KASAN tells), that lets the removal wait for him, or that works with a
 * device that is no more.
 */
static void pci_remove_lock_hot_removal(struct kunit *test)
{
	pci_remove_lock_hot(test, "remove");
}

/* Catches: the same, and a device that is found again on behalf of itself. */
static void pci_remove_lock_hot_rescan(struct kunit *test)
{
	pci_remove_lock_hot(test, "rescan");
}

/* Catches: a bus that is scanned though it is no more. */
static void pci_remove_lock_hot_rescan_bus(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_bus *bus;

	ctx->port = pci_iov_add_port(ctx->iov, NULL, PCI_DEVFN(1, 0),
				     PCI_EXP_TYPE_ROOT_PORT);
	pci_iov_add_pf(ctx->iov, ctx->port, 0, 0);
	pci_fabric_scan(ctx->iov->fabric);
	bus = pci_fabric_pdev(ctx->port)->subordinate;
	snprintf(ctx->path, sizeof(ctx->path), "class/pci_bus/%04x:%02x/rescan",
		 pci_domain_nr(bus), bus->number);
	pci_remove_lock_goes_under(test);
}

/* Catches: a device that inherits the mark of the one that was removed. */
static void pci_remove_lock_rescan(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *pf = pci_remove_lock_one(test, 4);

	KUNIT_EXPECT_EQ(test, pci_remove_lock_write(ctx), 0);
	pci_remove_lock_expect_gone(test, pf);
	KUNIT_EXPECT_EQ(test, pci_iov_write(ctx->iov, "bus/pci/rescan", "1"), 0);
	ctx->pdev = pci_fabric_pdev(pf);
	KUNIT_ASSERT_NOT_NULL(test, ctx->pdev);
	KUNIT_EXPECT_NOT_NULL(test, ctx->pdev->dev.driver);
	KUNIT_EXPECT_EQ(test, pci_iov_dev_write(ctx->iov, ctx->pdev, "sriov_numvfs",
						"2"), 0);
}

/* Catches: removal that wants a driver. */
static void pci_remove_lock_unbound(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *pf = pci_remove_lock_one(test, 4);

	KUNIT_EXPECT_EQ(test, pci_iov_unbind(ctx->iov, ctx->pdev), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_write(ctx), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_PF_REMOVE), 1);
	pci_remove_lock_expect_gone(test, pf);
}

/* Catches: a PF that comes below a bridge when all others have been released. */
static void pci_remove_lock_late_pf(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_iov_thread *writer;
	struct pci_fabric_fn *fns[2];

	pci_remove_lock_port(test, fns, 4);
	pci_lock_rescan_remove();
	writer = pci_remove_lock_start(test);
	pci_iov_add_pf(ctx->iov, ctx->port, PCI_DEVFN(0, 6), 1);
	pci_rescan_bus(ctx->pdev->subordinate);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_PF_PROBE), 3);
	pci_unlock_rescan_remove();
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(writer), 0);

	/* The two PFs, and then, with the lock, the other function and the port */
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->nr), 4);
	KUNIT_EXPECT_FALSE(test, ctx->step[0].owned);
	KUNIT_EXPECT_FALSE(test, ctx->step[1].owned);
	KUNIT_EXPECT_TRUE(test, ctx->step[2].owned);
	KUNIT_EXPECT_TRUE(test, ctx->step[3].owned);
	pci_remove_lock_expect_gone(test, ctx->port);
}

static int pci_remove_lock_wait_in_probe(struct pci_iov_fixture *iov,
					 struct pci_dev *pf)
{
	struct pci_remove_lock_ctx *ctx = iov->priv;

	complete(&ctx->in);
	wait_for_completion_timeout(&ctx->out, PCI_IOV_TIMEOUT);
	return pci_enable_sriov(pf, 2);
}

/* Catches: removal against a probe that is under way and enables SR-IOV. */
static void pci_remove_lock_probing(struct kunit *test)
{
	struct pci_remove_lock_ctx *ctx = test->priv;
	struct pci_fabric_fn *pf = pci_remove_lock_one(test, 4);
	struct pci_iov_thread *writer, *bind;

	KUNIT_ASSERT_EQ(test, pci_iov_unbind(ctx->iov, ctx->pdev), 0);
	ctx->iov->pf_probe = pci_remove_lock_wait_in_probe;
	bind = pci_iov_thread_start(ctx->iov, pci_remove_lock_bind, ctx);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&ctx->in,
							    PCI_IOV_TIMEOUT));
	writer = pci_remove_lock_start(test);
	KUNIT_EXPECT_TRUE(test, pci_iov_lock_free(NULL));
	complete_all(&ctx->out);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(bind), 0);
	KUNIT_EXPECT_EQ(test, pci_iov_thread_join(writer), 0);
	KUNIT_EXPECT_EQ(test, pci_remove_lock_calls(ctx, PCI_IOV_VF_REMOVE), 2);
	pci_remove_lock_expect_gone(test, pf);
}

/*
 * A device that is pulled out after its Vendor ID was read is none, and leaves
 * nothing: kmemleak would tell of its name.
 */
static void pci_remove_lock_pulled_while_found(struct kunit *test)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *fn;
	struct pci_dev *dev;
	struct pci_bus *root;

	pci_fabric_scan(fabric);
	root = pci_fabric_host_bridge(fabric)->bus;
	fn = pci_fabric_add(fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(3, 0), .device = 0x0241,
	});
	pci_fabric_surprise_remove_after(fn, 1);
	pci_lock_rescan_remove();
	dev = pci_scan_single_device(root, PCI_DEVFN(3, 0));
	pci_unlock_rescan_remove();
	KUNIT_EXPECT_NULL(test, dev);

	pci_fabric_insert(fn);
	pci_lock_rescan_remove();
	dev = pci_scan_single_device(root, PCI_DEVFN(3, 0));
	pci_unlock_rescan_remove();
	KUNIT_ASSERT_NOT_NULL(test, dev);
	pci_stop_and_remove_bus_device_locked(dev);
}

static struct kunit_case pci_remove_lock_cases[] = {
	KUNIT_CASE_SLOW(pci_remove_lock_abba),
	KUNIT_CASE_SLOW(pci_remove_lock_lockdep),
	KUNIT_CASE_SLOW(pci_remove_lock_toctou),
	KUNIT_CASE_SLOW(pci_remove_lock_waiting_bind),
	KUNIT_CASE_SLOW(pci_remove_lock_pf_with_vfs),
	KUNIT_CASE_SLOW(pci_remove_lock_vfs_left),
	KUNIT_CASE(pci_remove_lock_bus_owner),
	KUNIT_CASE(pci_remove_lock_bridge),
	KUNIT_CASE(pci_remove_lock_bridge_sriov),
	KUNIT_CASE(pci_remove_lock_bridge_pfs),
	KUNIT_CASE(pci_remove_lock_slot),
	KUNIT_CASE_SLOW(pci_remove_lock_bridge_unbound),
	KUNIT_CASE_SLOW(pci_remove_lock_child_unbind),
	KUNIT_CASE_SLOW(pci_remove_lock_child_remove),
	KUNIT_CASE_SLOW(pci_remove_lock_stopped_unlocked),
	KUNIT_CASE_SLOW(pci_remove_lock_two_writers),
	KUNIT_CASE(pci_remove_lock_values),
	KUNIT_CASE(pci_remove_lock_rescan_values),
	KUNIT_CASE(pci_remove_lock_consumer),
	KUNIT_CASE(pci_remove_lock_hot_removal),
	KUNIT_CASE(pci_remove_lock_hot_rescan),
	KUNIT_CASE(pci_remove_lock_hot_rescan_bus),
	KUNIT_CASE_SLOW(pci_remove_lock_rescan),
	KUNIT_CASE(pci_remove_lock_unbound),
	KUNIT_CASE(pci_remove_lock_late_pf),
	KUNIT_CASE_SLOW(pci_remove_lock_probing),
	KUNIT_CASE(pci_remove_lock_pulled_while_found),
	{}
};

static struct kunit_suite pci_remove_lock_suite = {
	.name = "pci_remove_lock",
	.init = pci_remove_lock_init,
	.test_cases = pci_remove_lock_cases,
};

kunit_test_suite(pci_remove_lock_suite);

MODULE_DESCRIPTION("KUnit tests for the remove attribute of PCI devices");
MODULE_LICENSE("GPL");
