// SPDX-License-Identifier: GPL-2.0
/*
 * Sweeps: each slab allocation of an operation fails once.
 *
 * CONFIG_FAILSLAB does it, but by default not to allocations that may sleep,
 * and with a stack trace each time.  Both can be changed in debugfs only, whose
 * files take nothing but user memory.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "pci_failslab.h"

/* More allocations than any operation makes: a sweep that does not end */
#define PCI_FAILSLAB_MAX	5000

#if defined(CONFIG_FAILSLAB) && defined(CONFIG_FAULT_INJECTION_DEBUG_FS)

static int pci_failslab_write(struct vfsmount *mnt, char __user *ubuf,
			      const char *name, const char *value)
{
	size_t len = strlen(value);
	struct file *file;
	ssize_t ret = -EFAULT;
	loff_t pos = 0;

	file = file_open_root_mnt(mnt, name, O_RDWR, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);

	if (!copy_to_user(ubuf, value, len))
		ret = vfs_write(file, ubuf, len, &pos);
	__fput_sync(file);
	return ret < 0 ? ret : 0;
}

static void pci_failslab_prepare(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("debugfs");
	struct vfsmount *mnt;
	char __user *ubuf;
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, type);
	ubuf = (char __user *)kunit_vm_mmap(test, NULL, 0, PAGE_SIZE,
					    PROT_READ | PROT_WRITE,
					    MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NOT_NULL(test, (void __force *)ubuf);

	mnt = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	ret = pci_failslab_write(mnt, ubuf, "failslab/ignore-gfp-wait", "N");
	if (!ret)
		ret = pci_failslab_write(mnt, ubuf, "failslab/verbose", "0");
	kern_unmount(mnt);
	KUNIT_ASSERT_EQ(test, ret, 0);
}

unsigned int pci_failslab_pause(void)
{
	unsigned int left = current->fail_nth;

	current->fail_nth = 0;
	return left;
}

void pci_failslab_resume(unsigned int left)
{
	current->fail_nth = left;
}

#else

static void pci_failslab_prepare(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_FAILSLAB and CONFIG_FAULT_INJECTION_DEBUG_FS");
}

unsigned int pci_failslab_pause(void)
{
	return 0;
}

void pci_failslab_resume(unsigned int left) { }

#endif

void pci_failslab_init(struct pci_failslab *sweep, struct kunit *test,
		       unsigned int step)
{
	*sweep = (struct pci_failslab) { .test = test, .step = step };
	pci_failslab_prepare(test);
}

bool pci_failslab_next(struct pci_failslab *sweep)
{
	if (sweep->n && sweep->test->status == KUNIT_FAILURE) {
		kunit_err(sweep->test, "allocation %u\n", sweep->n);
		return false;
	}
	if (sweep->n && sweep->left)
		return false;

	sweep->n += sweep->n ? sweep->step : 1;
	sweep->left = sweep->n;
	KUNIT_EXPECT_LT(sweep->test, sweep->n, PCI_FAILSLAB_MAX);
	return sweep->n < PCI_FAILSLAB_MAX;
}

void pci_failslab_at(struct pci_failslab *sweep, unsigned int n)
{
	sweep->n = n;
	sweep->left = n;
}

void pci_failslab_arm(struct pci_failslab *sweep)
{
	pci_failslab_resume(sweep->left);
}

bool pci_failslab_disarm(struct pci_failslab *sweep)
{
	bool before = sweep->left;

	sweep->left = pci_failslab_pause();
	if (before && !sweep->left)
		sweep->failed++;
	return !sweep->left;
}

void pci_failslab_end(struct pci_failslab *sweep, unsigned int least)
{
	KUNIT_EXPECT_GE(sweep->test, sweep->n, least + 1);
	kunit_info(sweep->test, "%u of at most %u allocations failed\n",
		   sweep->failed, sweep->n - 1);
}
