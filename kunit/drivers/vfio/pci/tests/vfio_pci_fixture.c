// SPDX-License-Identifier: GPL-2.0
/*
 * Fixture of the suites about vfio-pci, see vfio_pci_fixture.h.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/irqdomain.h>
#include <linux/kstrtox.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>
#include <uapi/linux/iommufd.h>

#include "pci_fabric_internal.h"
#include "vfio_pci_fixture.h"

#define VFIO_PCI_PATH_LEN	128
#define VFIO_PCI_NOIOMMU	"module/vfio/parameters/enable_unsafe_noiommu_mode"

/* Waits for threads when the test ends: nothing can be taken away from them */
#define VFIO_PCI_LAST_TRIES	5

struct vfio_pci_thread {
	struct list_head list;
	struct kunit *test;
	struct mm_struct *mm;
	int (*fn)(void *arg);
	void *arg;
	int ret;
	struct completion done;
};

/* sysfs */

int vfio_pci_sysfs_write(struct vfio_pci_fixture *fix, const char *path,
			 const char *val)
{
	struct file *file;
	loff_t pos = 0;
	ssize_t ret;

	file = file_open_root_mnt(fix->sysfs, path, O_WRONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_write(file, val, strlen(val), &pos);
	__fput_sync(file);
	return ret < 0 ? ret : 0;
}

int vfio_pci_sysfs_bool(struct vfio_pci_fixture *fix, const char *path)
{
	char buf[16] = {};
	struct file *file;
	loff_t pos = 0;
	ssize_t ret;
	bool val;

	file = file_open_root_mnt(fix->sysfs, path, O_RDONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_read(file, buf, sizeof(buf) - 1, &pos);
	__fput_sync(file);
	if (ret >= 0)
		ret = kstrtobool(buf, &val);
	return ret < 0 ? ret : val;
}

int vfio_pci_sysfs_mode(struct vfio_pci_fixture *fix, const char *path)
{
	struct file *file;
	int mode;

	file = file_open_root_mnt(fix->sysfs, path, O_RDONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	mode = file_inode(file)->i_mode & 07777;
	__fput_sync(file);
	return mode;
}

/* Making and undoing */

static void vfio_pci_unmount_sysfs(void *data)
{
	struct vfio_pci_fixture *fix = data;

	kern_unmount(fix->sysfs);
}

static void vfio_pci_unmount_dev(void *data)
{
	struct vfio_pci_fixture *fix = data;

	if (fix->dev_fd >= 0)
		vfio_pci_sys(close, fix->dev_fd);
	flush_delayed_fput();
	kern_unmount(fix->dev);
}

static void vfio_pci_forbid_noiommu(void *data)
{
	vfio_pci_sysfs_write(data, VFIO_PCI_NOIOMMU, "N");
}

static void vfio_pci_remove_iommu(void *unused)
{
	vfio_pci_iommu_unregister();
}

void vfio_pci_close_all(struct vfio_pci_fixture *fix)
{
	struct vfio_pci_thread *thread, *next;
	struct vfio_pci_user *user, *next_user;

	list_for_each_entry_safe(thread, next, &fix->threads, list) {
		for (int i = 0; i < VFIO_PCI_LAST_TRIES &&
		     !wait_for_completion_timeout(&thread->done, VFIO_PCI_TIMEOUT);
		     i++)
			KUNIT_FAIL(fix->test, "a thread does not end: %ps",
				   thread->fn);
		list_del(&thread->list);
		if (completion_done(&thread->done)) {
			mmdrop(thread->mm);
			kfree(thread);
		}
	}
	list_for_each_entry_safe(user, next_user, &fix->users, list) {
		vfio_pci_close(user);
		list_del(&user->list);
		kfree(user);
	}
}

static void vfio_pci_close_all_action(void *data)
{
	vfio_pci_close_all(data);
}

static struct vfsmount *vfio_pci_mount(struct kunit *test, const char *name)
{
	struct file_system_type *type = get_fs_type(name);
	struct vfsmount *mnt;

	KUNIT_ASSERT_NOT_NULL(test, type);
	mnt = kern_mount(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	return mnt;
}

static void vfio_pci_init_dev(struct vfio_pci_fixture *fix)
{
	struct kunit *test = fix->test;
	struct file *root;

	fix->dev_fd = -1;
	fix->dev = vfio_pci_mount(test, "devtmpfs");
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vfio_pci_unmount_dev,
							fix), 0);
	root = file_open_root_mnt(fix->dev, "/", O_RDONLY | O_DIRECTORY, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, root);
	fix->dev_fd = get_unused_fd_flags(O_CLOEXEC);
	if (fix->dev_fd < 0) {
		fput(root);
		KUNIT_FAIL_AND_ABORT(test, "no file descriptor");
	}
	fd_install(fix->dev_fd, root);
}

static void vfio_pci_init_mem(struct vfio_pci_fixture *fix)
{
	struct kunit *test = fix->test;

	fix->mem = kunit_vm_mmap(test, NULL, 0, VFIO_PCI_MEM_SIZE + 2 * PAGE_SIZE,
				 PROT_READ | PROT_WRITE,
				 /* where 32-bit programs have it, too */
				 MAP_ANONYMOUS | MAP_PRIVATE | MAP_32BIT, 0);
	KUNIT_ASSERT_NE(test, fix->mem, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(fix->mem));
	KUNIT_ASSERT_EQ(test, vm_munmap(fix->mem, PAGE_SIZE), 0);
	fix->mem += PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, vm_munmap(fix->mem + VFIO_PCI_MEM_SIZE, PAGE_SIZE),
			0);
}

struct vfio_pci_fixture *vfio_pci_fixture_alloc(struct kunit *test,
						enum vfio_pci_door door)
{
	struct vfio_pci_fixture *fix;

	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fix);
	fix->test = test;
	fix->door = door;
	INIT_LIST_HEAD(&fix->users);
	INIT_LIST_HEAD(&fix->threads);

	vfio_pci_init_mem(fix);
	fix->sysfs = vfio_pci_mount(test, "sysfs");
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
							vfio_pci_unmount_sysfs,
							fix), 0);
	vfio_pci_init_dev(fix);

	if (door == VFIO_PCI_GROUP) {
		KUNIT_ASSERT_EQ(test, vfio_pci_sysfs_write(fix, VFIO_PCI_NOIOMMU,
							   "Y"), 0);
		KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
								vfio_pci_forbid_noiommu,
								fix), 0);
	} else {
		KUNIT_ASSERT_EQ(test, vfio_pci_iommu_register(), 0);
		KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
								vfio_pci_remove_iommu,
								NULL), 0);
	}

	fix->fabric = pci_fabric_alloc(test);
	/* IOMMUFD wants this of an interrupt controller */
	fix->fabric->msi_domain->flags |= IRQ_DOMAIN_FLAG_ISOLATED_MSI;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
							vfio_pci_close_all_action,
							fix), 0);
	return fix;
}

struct pci_dev *vfio_pci_bind_to(struct vfio_pci_fixture *fix,
				 struct pci_fabric_fn *fn, const char *driver)
{
	struct kunit *test = fix->test;
	char path[VFIO_PCI_PATH_LEN];
	struct pci_dev *pdev;

	pdev = pci_fabric_pdev(fn);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	snprintf(path, sizeof(path), "bus/pci/devices/%s/driver_override",
		 pci_name(pdev));
	KUNIT_ASSERT_EQ(test, vfio_pci_sysfs_write(fix, path, driver), 0);
	KUNIT_ASSERT_EQ(test, vfio_pci_sysfs_write(fix, "bus/pci/drivers_probe",
						   pci_name(pdev)), 0);
	KUNIT_ASSERT_NOT_NULL(test, pdev->dev.driver);
	KUNIT_ASSERT_STREQ(test, pdev->dev.driver->name, driver);
	return pdev;
}

struct pci_dev *vfio_pci_bind(struct vfio_pci_fixture *fix,
			      struct pci_fabric_fn *fn)
{
	return vfio_pci_bind_to(fix, fn, "vfio-pci");
}

/* Users */

static int vfio_pci_open_path(struct vfio_pci_fixture *fix, const char *path)
{
	size_t len = strlen(path) + 1;
	char __user *name = vfio_pci_mem_tail(fix, len);

	if (copy_to_user(name, path, len))
		return -EFAULT;
	return vfio_pci_sys(openat, fix->dev_fd, name, O_RDWR, 0);
}

long vfio_pci_call(struct vfio_pci_fixture *fix, int fd, unsigned int cmd,
		   void *arg, size_t size)
{
	void __user *mem = vfio_pci_mem_tail(fix, size);
	long ret;

	if (copy_to_user(mem, arg, size))
		return -EFAULT;
	ret = vfio_pci_sys(ioctl, fd, cmd, (unsigned long)mem);
	if (copy_from_user(arg, mem, size))
		return -EFAULT;
	return ret;
}

long vfio_pci_ioctl(struct vfio_pci_user *user, unsigned int cmd,
		    void __user *arg)
{
	return vfio_pci_sys(ioctl, user->fd, cmd, (unsigned long)arg);
}

int vfio_pci_open_again(struct vfio_pci_user *user)
{
	char name[32] = {};

	strscpy(name, pci_name(user->pdev));
	return vfio_pci_call(user->fix, user->group, VFIO_GROUP_GET_DEVICE_FD,
			     name, sizeof(name));
}

static void vfio_pci_open_group(struct vfio_pci_user *user)
{
	struct vfio_pci_fixture *fix = user->fix;
	struct kunit *test = fix->test;
	char path[VFIO_PCI_PATH_LEN];
	struct iommu_group *group;
	int container;

	group = iommu_group_get(&user->pdev->dev);
	KUNIT_ASSERT_NOT_NULL(test, group);
	snprintf(path, sizeof(path), "vfio/noiommu-%d", iommu_group_id(group));
	iommu_group_put(group);

	user->container = vfio_pci_open_path(fix, "vfio/vfio");
	KUNIT_ASSERT_GE(test, user->container, 0);
	user->group = vfio_pci_open_path(fix, path);
	KUNIT_ASSERT_GE(test, user->group, 0);
	container = user->container;
	KUNIT_ASSERT_EQ(test, vfio_pci_call(fix, user->group,
					    VFIO_GROUP_SET_CONTAINER, &container,
					    sizeof(container)), 0);
	KUNIT_ASSERT_EQ(test, vfio_pci_sys(ioctl, user->container, VFIO_SET_IOMMU,
					   VFIO_NOIOMMU_IOMMU), 0);
	user->fd = vfio_pci_open_again(user);
}

static void vfio_pci_open_cdev(struct vfio_pci_user *user)
{
	struct vfio_pci_core_device *vdev = pci_get_drvdata(user->pdev);
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct vfio_pci_user *first;
	struct vfio_pci_fixture *fix = user->fix;
	struct kunit *test = fix->test;
	char path[VFIO_PCI_PATH_LEN];

	if (fix->one_iommufd && !list_is_last(&user->list, &fix->users)) {
		first = list_last_entry(&fix->users, struct vfio_pci_user, list);
		bind.iommufd = first->iommufd;
	} else {
		user->iommufd = vfio_pci_open_path(fix, "iommu");
		bind.iommufd = user->iommufd;
	}
	KUNIT_ASSERT_GE(test, bind.iommufd, 0);
	snprintf(path, sizeof(path), "vfio/devices/%s",
		 dev_name(&vdev->vdev.device));
	user->fd = vfio_pci_open_path(fix, path);
	KUNIT_ASSERT_GE(test, user->fd, 0);

	KUNIT_ASSERT_EQ(test, vfio_pci_call(fix, user->fd,
					    VFIO_DEVICE_BIND_IOMMUFD, &bind,
					    sizeof(bind)), 0);
	KUNIT_ASSERT_EQ(test, vfio_pci_call(fix, bind.iommufd, IOMMU_IOAS_ALLOC,
					    &ioas, sizeof(ioas)), 0);
	user->ioas = ioas.out_ioas_id;
	attach.pt_id = user->ioas;
	KUNIT_ASSERT_EQ(test, vfio_pci_call(fix, user->fd,
					    VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach,
					    sizeof(attach)), 0);
}

struct vfio_pci_user *vfio_pci_open(struct vfio_pci_fixture *fix,
				    struct pci_dev *pdev)
{
	struct kunit *test = fix->test;
	struct vfio_pci_user *user;

	/* Not of the test, which would free it before it is closed */
	user = kzalloc_obj(*user);
	KUNIT_ASSERT_NOT_NULL(test, user);
	user->fix = fix;
	user->pdev = pdev;
	user->fd = -1;
	user->group = -1;
	user->container = -1;
	user->iommufd = -1;
	list_add(&user->list, &fix->users);

	if (fix->door == VFIO_PCI_GROUP)
		vfio_pci_open_group(user);
	else
		vfio_pci_open_cdev(user);
	KUNIT_ASSERT_GE(test, user->fd, 0);
	return user;
}

void vfio_pci_close(struct vfio_pci_user *user)
{
	int *fds[] = { &user->fd, &user->group, &user->container, &user->iommufd };

	for (int i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			vfio_pci_sys(close, *fds[i]);
		*fds[i] = -1;
	}
	/* A kernel thread leaves the last part of it to a work item */
	flush_delayed_fput();
}

u32 vfio_pci_cfg_read(struct vfio_pci_user *user, unsigned int where,
		      unsigned int size)
{
	char __user *mem = vfio_pci_mem_tail(user->fix, size);
	u32 val = 0;

	if (vfio_pci_sys(pread64, user->fd, mem, size,
			 VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_CONFIG_REGION_INDEX) +
			 where) != size || copy_from_user(&val, mem, size))
		return ~0U;
	return le32_to_cpu((__force __le32)val);
}

int vfio_pci_cfg_write(struct vfio_pci_user *user, unsigned int where,
		       unsigned int size, u32 val)
{
	char __user *mem = vfio_pci_mem_tail(user->fix, size);
	__le32 le = cpu_to_le32(val);
	long ret;

	if (copy_to_user(mem, &le, size))
		return -EFAULT;
	ret = vfio_pci_sys(pwrite64, user->fd, mem, size,
			   VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_CONFIG_REGION_INDEX) +
			   where);
	if (ret < 0)
		return ret;
	return ret == size ? 0 : -EIO;
}

#define VFIO_PCI_MAX_MSIX	64

long vfio_pci_set_msix(struct vfio_pci_user *user, unsigned int count,
		       int eventfd)
{
	struct {
		struct vfio_irq_set set;
		s32 fd[VFIO_PCI_MAX_MSIX];
	} arg = {
		.set = {
			.argsz = sizeof(arg.set) + count * sizeof(s32),
			.flags = VFIO_IRQ_SET_ACTION_TRIGGER |
				 (count ? VFIO_IRQ_SET_DATA_EVENTFD :
					  VFIO_IRQ_SET_DATA_NONE),
			.index = VFIO_PCI_MSIX_IRQ_INDEX,
			.count = count,
		},
	};

	KUNIT_ASSERT_LE(user->fix->test, count, VFIO_PCI_MAX_MSIX);
	for (int i = 0; i < count; i++)
		arg.fd[i] = eventfd;
	return vfio_pci_call(user->fix, user->fd, VFIO_DEVICE_SET_IRQS, &arg,
			     arg.set.argsz);
}

void vfio_pci_mem_protect(struct vfio_pci_fixture *fix, void __user *addr,
			  unsigned long prot)
{
	unsigned long start = (unsigned long)addr & PAGE_MASK;

	KUNIT_ASSERT_EQ(fix->test,
			vfio_pci_sys(mprotect, start,
				     fix->mem + VFIO_PCI_MEM_SIZE - start, prot),
			0);
}

/* Threads */

static int vfio_pci_thread_main(void *data)
{
	struct vfio_pci_thread *thread = data;
	struct mm_struct *mm = thread->mm;

	/* The test may be over before this has begun */
	if (mmget_not_zero(mm)) {
		kthread_use_mm(mm);
		/* Functions that the test has replaced are replaced here as well */
		current->kunit_test = thread->test;
		thread->ret = thread->fn(thread->arg);
		current->kunit_test = NULL;
		kthread_unuse_mm(mm);
		mmput(mm);
	}
	complete_all(&thread->done);
	return 0;
}

struct vfio_pci_thread *vfio_pci_thread_start(struct vfio_pci_fixture *fix,
					      int (*fn)(void *arg), void *arg)
{
	struct vfio_pci_thread *thread;
	struct task_struct *task;

	thread = kzalloc_obj(*thread);
	KUNIT_ASSERT_NOT_NULL(fix->test, thread);
	thread->test = fix->test;
	thread->mm = current->mm;
	thread->fn = fn;
	thread->arg = arg;
	thread->ret = -ESRCH;
	init_completion(&thread->done);
	mmgrab(thread->mm);

	task = kthread_run(vfio_pci_thread_main, thread, "kunit_vfio");
	if (IS_ERR(task)) {
		mmdrop(thread->mm);
		kfree(thread);
		KUNIT_FAIL_AND_ABORT(fix->test, "no thread: %ld", PTR_ERR(task));
	}
	list_add(&thread->list, &fix->threads);
	return thread;
}

int vfio_pci_thread_join_within(struct vfio_pci_thread *thread, long timeout)
{
	if (wait_for_completion_timeout(&thread->done, timeout))
		return thread->ret;
	KUNIT_FAIL(thread->test, "late: %ps", thread->fn);
	return -ETIMEDOUT;
}

int vfio_pci_thread_join(struct vfio_pci_thread *thread)
{
	return vfio_pci_thread_join_within(thread, VFIO_PCI_TIMEOUT);
}
