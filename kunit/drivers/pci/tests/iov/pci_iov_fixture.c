// SPDX-License-Identifier: GPL-2.0
/*
 * Fixture of the suites about SR-IOV and locking, see pci_iov_fixture.h.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/lockdep.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/namei.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../../pci.h"
#include "pci_iov_fixture.h"

/* For threads that are late, and how often they are let go */
#define PCI_IOV_LAST_TIMEOUT	(3 * HZ)
#define PCI_IOV_LAST_TRIES	10

struct pci_iov_thread {
	struct list_head list;
	struct kunit *test;
	int (*fn)(void *arg);
	void *arg;
	int ret;
	struct completion done;
	struct task_struct *task;
};

static const struct pci_device_id pci_iov_pf_ids[] = {
	{ PCI_DEVICE(PCI_FABRIC_VENDOR, PCI_IOV_PF_ID) },
	{ }
};

static const struct pci_device_id pci_iov_vf_ids[] = {
	{ PCI_DEVICE(PCI_FABRIC_VENDOR, PCI_IOV_VF_ID) },
	{ }
};

static void pci_iov_count(struct pci_iov_fixture *iov, enum pci_iov_call call)
{
	atomic_inc(&iov->calls[call]);
	if (pci_iov_lock_owned())
		atomic_inc(&iov->owned[call]);
}

static struct pci_iov_fixture *pci_iov_of_pf(struct pci_dev *pf)
{
	return container_of(to_pci_driver(pf->dev.driver),
			    struct pci_iov_fixture, pf_driver);
}

static struct pci_iov_fixture *pci_iov_of_vf(struct pci_dev *vf)
{
	return container_of(to_pci_driver(vf->dev.driver),
			    struct pci_iov_fixture, vf_driver);
}

static int pci_iov_pf_probe(struct pci_dev *pf, const struct pci_device_id *id)
{
	struct pci_iov_fixture *iov = pci_iov_of_pf(pf);
	int ret;

	pci_iov_count(iov, PCI_IOV_PF_PROBE);
	ret = pcim_enable_device(pf);
	if (ret)
		return ret;
	pci_set_master(pf);
	return iov->pf_probe ? iov->pf_probe(iov, pf) : 0;
}

static void pci_iov_pf_remove(struct pci_dev *pf)
{
	struct pci_iov_fixture *iov = pci_iov_of_pf(pf);

	pci_iov_count(iov, PCI_IOV_PF_REMOVE);
	if (iov->pf_remove)
		iov->pf_remove(iov, pf);
	else
		pci_disable_sriov(pf);
}

static int pci_iov_pf_configure(struct pci_dev *pf, int nr)
{
	struct pci_iov_fixture *iov = pci_iov_of_pf(pf);

	pci_iov_count(iov, PCI_IOV_PF_CONFIGURE);
	if (iov->pf_configure)
		return iov->pf_configure(iov, pf, nr);
	if (nr)
		return pci_enable_sriov(pf, nr) ?: nr;
	pci_disable_sriov(pf);
	return 0;
}

static int pci_iov_vf_probe(struct pci_dev *vf, const struct pci_device_id *id)
{
	struct pci_iov_fixture *iov = pci_iov_of_vf(vf);
	int ret;

	pci_iov_count(iov, PCI_IOV_VF_PROBE);
	ret = pcim_enable_device(vf);
	if (ret)
		return ret;
	return iov->vf_probe ? iov->vf_probe(iov, vf) : 0;
}

static void pci_iov_vf_remove(struct pci_dev *vf)
{
	struct pci_iov_fixture *iov = pci_iov_of_vf(vf);

	pci_iov_count(iov, PCI_IOV_VF_REMOVE);
	if (iov->vf_remove)
		iov->vf_remove(iov, vf);
}

static atomic_t pci_iov_platform_nr, pci_iov_platform_owned;

#if defined(CONFIG_UML) && !defined(MODULE)
static int pci_iov_platform_call(void)
{
	atomic_inc(&pci_iov_platform_nr);
	if (pci_iov_lock_owned())
		atomic_inc(&pci_iov_platform_owned);
	return 0;
}

int pcibios_sriov_enable(struct pci_dev *pf, u16 num_vfs)
{
	return pci_iov_platform_call();
}

int pcibios_sriov_disable(struct pci_dev *pf)
{
	return pci_iov_platform_call();
}
#endif

int pci_iov_platform_calls(int *owned)
{
	*owned = atomic_read(&pci_iov_platform_owned);
	return atomic_read(&pci_iov_platform_nr);
}

/* The last to go: threads may still use all the rest */
static void pci_iov_fixture_free(void *data)
{
	kfree(data);
}

static void pci_iov_unmount(void *data)
{
	struct pci_iov_fixture *iov = data;

	kern_unmount(iov->sysfs);
}

static void pci_iov_unregister_vf(void *data)
{
	struct pci_iov_fixture *iov = data;

	pci_unregister_driver(&iov->vf_driver);
}

static void pci_iov_unregister_pf_action(void *data)
{
	pci_iov_unregister_pf(data);
}

/*
 * Whoever waits for the rescan lock is let go, so that a test that finds a
 * deadlock, or a lock that nobody releases, fails and does not hang the boot.
 */
static void pci_iov_break_lock(struct pci_iov_fixture *iov)
{
	if (pci_iov_lock_free(NULL))
		return;
	KUNIT_FAIL(iov->test, "the rescan lock is still held");
	mutex_unlock(&pci_rescan_remove_lock);
	/* Who waits for it in pciehp has to be woken, which is done by an unlock */
	if (pci_iov_lock_free(NULL)) {
		pci_lock_rescan_remove();
		pci_unlock_rescan_remove();
	}
}

static void pci_iov_join_all(void *data)
{
	struct pci_iov_fixture *iov = data;
	struct pci_iov_thread *thread, *next;

	list_for_each_entry(thread, &iov->threads, list) {
		int tries = 0;

		while (!pci_iov_thread_done(thread, PCI_IOV_LAST_TIMEOUT) &&
		       tries++ < PCI_IOV_LAST_TRIES) {
			KUNIT_FAIL(iov->test, "a thread does not end: %ps",
				   thread->fn);
			pci_iov_break_lock(iov);
		}
		/* Nothing can be taken away from it */
		wait_for_completion(&thread->done);
	}
	if (!pci_iov_wait(pci_iov_lock_free, NULL, PCI_IOV_LAST_TIMEOUT))
		pci_iov_break_lock(iov);

	list_for_each_entry_safe(thread, next, &iov->threads, list) {
		list_del(&thread->list);
		put_task_struct(thread->task);
		kfree(thread);
	}
}

int pci_iov_register_pf(struct pci_iov_fixture *iov)
{
	int ret = pci_register_driver(&iov->pf_driver);

	iov->pf_registered = !ret;
	return ret;
}

void pci_iov_unregister_pf(struct pci_iov_fixture *iov)
{
	if (iov->pf_registered)
		pci_unregister_driver(&iov->pf_driver);
	iov->pf_registered = false;
}

static void pci_iov_init_drivers(struct pci_iov_fixture *iov)
{
	iov->pf_driver.name = "kunit_pf";
	iov->pf_driver.id_table = pci_iov_pf_ids;
	iov->pf_driver.probe = pci_iov_pf_probe;
	iov->pf_driver.remove = pci_iov_pf_remove;
	iov->pf_driver.sriov_configure = pci_iov_pf_configure;

	iov->vf_driver.name = "kunit_vf";
	iov->vf_driver.id_table = pci_iov_vf_ids;
	iov->vf_driver.probe = pci_iov_vf_probe;
	iov->vf_driver.remove = pci_iov_vf_remove;
}

struct pci_iov_fixture *pci_iov_fixture_alloc(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("sysfs");
	struct pci_iov_fixture *iov;

	KUNIT_ASSERT_NOT_NULL(test, type);
	iov = kzalloc_obj(*iov);
	KUNIT_ASSERT_NOT_NULL(test, iov);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_iov_fixture_free,
							iov), 0);
	iov->test = test;
	INIT_LIST_HEAD(&iov->threads);

	iov->sysfs = kern_mount(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, iov->sysfs);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_iov_unmount, iov),
			0);

	iov->fabric = pci_fabric_alloc(test);
	pci_iov_init_drivers(iov);
	KUNIT_ASSERT_EQ(test, pci_register_driver(&iov->vf_driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_iov_unregister_vf,
							iov), 0);
	KUNIT_ASSERT_EQ(test, pci_iov_register_pf(iov), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
							pci_iov_unregister_pf_action,
							iov), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_iov_join_all, iov),
			0);
	return iov;
}

struct pci_fabric_fn *pci_iov_add_pf(struct pci_iov_fixture *iov,
				     struct pci_fabric_fn *parent,
				     unsigned int devfn, u16 total_vfs)
{
	return pci_fabric_add(iov->fabric, parent, &(struct pci_fabric_fn_desc){
		.devfn = devfn,
		.device = PCI_IOV_PF_ID,
		.bars[0] = { .size = SZ_4K },
		.sriov = {
			.total_vfs = total_vfs,
			.vf_device = PCI_IOV_VF_ID,
			.bars[0] = { .size = SZ_4K },
		},
	});
}

struct pci_fabric_fn *pci_iov_add_port(struct pci_iov_fixture *iov,
				       struct pci_fabric_fn *parent,
				       unsigned int devfn, u8 type)
{
	return pci_fabric_add(iov->fabric, parent, &(struct pci_fabric_fn_desc){
		.devfn = devfn,
		.device = 0x0501,
		.hdr_type = PCI_HEADER_TYPE_BRIDGE,
		.pcie_type = type,
	});
}

int pci_iov_write(struct pci_iov_fixture *iov, const char *path,
		  const char *val)
{
	size_t len = strlen(val);
	struct file *file;
	loff_t pos = 0;
	ssize_t ret;

	file = file_open_root_mnt(iov->sysfs, path, O_WRONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_write(file, val, len, &pos);
	__fput_sync(file);
	if (ret < 0)
		return ret;
	return ret == len ? 0 : -EIO;
}

long pci_iov_read_long(struct pci_iov_fixture *iov, const char *path)
{
	struct file *file;
	char buf[24] = "";
	loff_t pos = 0;
	ssize_t ret;
	long val;

	file = file_open_root_mnt(iov->sysfs, path, O_RDONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_read(file, buf, sizeof(buf) - 1, &pos);
	__fput_sync(file);
	if (ret < 0)
		return ret;
	ret = kstrtol(buf, 0, &val);
	return ret ?: val;
}

#define PCI_IOV_PATH_LEN	128

int pci_iov_dev_write(struct pci_iov_fixture *iov, struct pci_dev *pdev,
		      const char *attr, const char *val)
{
	char path[PCI_IOV_PATH_LEN];

	snprintf(path, sizeof(path), "bus/pci/devices/%s/%s", pci_name(pdev),
		 attr);
	return pci_iov_write(iov, path, val);
}

bool pci_iov_exists(struct pci_iov_fixture *iov, struct pci_dev *pdev,
		    const char *path)
{
	char full[PCI_IOV_PATH_LEN];
	struct path found;

	if (pdev)
		snprintf(full, sizeof(full), "bus/pci/devices/%s/%s",
			 pci_name(pdev), path);
	else
		strscpy(full, path);

	if (vfs_path_lookup(iov->sysfs->mnt_root, iov->sysfs, full,
			    LOOKUP_FOLLOW, &found))
		return false;
	path_put(&found);
	return true;
}

int pci_iov_bind(struct pci_iov_fixture *iov, struct pci_dev *pdev)
{
	return pci_iov_write(iov, "bus/pci/drivers/kunit_pf/bind", pci_name(pdev));
}

int pci_iov_unbind(struct pci_iov_fixture *iov, struct pci_dev *pdev)
{
	return pci_iov_write(iov, "bus/pci/drivers/kunit_pf/unbind",
			     pci_name(pdev));
}

static int pci_iov_thread_main(void *data)
{
	struct pci_iov_thread *thread = data;

	thread->ret = thread->fn(thread->arg);
	complete_all(&thread->done);
	return 0;
}

struct pci_iov_thread *pci_iov_thread_start(struct pci_iov_fixture *iov,
					    int (*fn)(void *arg), void *arg)
{
	struct pci_iov_thread *thread;
	struct task_struct *task;

	thread = kzalloc_obj(*thread);
	KUNIT_ASSERT_NOT_NULL(iov->test, thread);
	thread->test = iov->test;
	thread->fn = fn;
	thread->arg = arg;
	init_completion(&thread->done);

	task = kthread_create(pci_iov_thread_main, thread, "kunit_iov");
	if (IS_ERR(task)) {
		kfree(thread);
		KUNIT_FAIL_AND_ABORT(iov->test, "no thread: %ld", PTR_ERR(task));
	}
	thread->task = get_task_struct(task);
	wake_up_process(task);
	list_add(&thread->list, &iov->threads);
	return thread;
}

bool pci_iov_thread_done(struct pci_iov_thread *thread, unsigned long timeout)
{
	if (!timeout)
		return completion_done(&thread->done);
	/* Who hangs is for khungtaskd to tell, not who waits for him to end */
	return wait_for_completion_interruptible_timeout(&thread->done, timeout) > 0;
}

static bool pci_iov_thread_sleeps(void *data)
{
	struct pci_iov_thread *thread = data;

	return READ_ONCE(thread->task->__state) == TASK_UNINTERRUPTIBLE;
}

bool pci_iov_thread_waits(struct pci_iov_thread *thread, unsigned long timeout)
{
	return pci_iov_wait(pci_iov_thread_sleeps, thread, timeout);
}

int pci_iov_thread_join(struct pci_iov_thread *thread)
{
	if (pci_iov_thread_done(thread, PCI_IOV_TIMEOUT))
		return thread->ret;
	KUNIT_FAIL(thread->test, "late: %ps", thread->fn);
	return -ETIMEDOUT;
}

bool pci_iov_wait(bool (*cond)(void *arg), void *arg, unsigned long timeout)
{
	unsigned long end = jiffies + timeout;

	while (!cond(arg)) {
		if (time_after(jiffies, end))
			return false;
		fsleep(1000);
	}
	return true;
}

/* The low bits of the owner word are flags, see kernel/locking/mutex.c */
bool pci_iov_lock_owned(void)
{
	return (atomic_long_read(&pci_rescan_remove_lock.owner) & ~0x7L) ==
	       (long)current;
}

bool pci_iov_lock_free(void *unused)
{
	return !mutex_is_locked(&pci_rescan_remove_lock);
}

void pci_iov_set_lock_class_locked(struct pci_dev *pdev, struct lock_class_key *key)
{
	device_lock_set_class(&pdev->dev, key);
}

void pci_iov_set_lock_class(struct pci_dev *pdev, struct lock_class_key *key)
{
	device_lock(&pdev->dev);
	pci_iov_set_lock_class_locked(pdev, key);
	device_unlock(&pdev->dev);
}
