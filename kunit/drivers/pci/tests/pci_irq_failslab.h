/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failure of the n-th slab allocation of the running test.
 *
 * CONFIG_FAILSLAB does it, but by default not to allocations that may sleep,
 * and with a stack trace each time.  Both can be changed in debugfs only, whose
 * files take nothing but user memory.
 */
#ifndef _PCI_IRQ_FAILSLAB_H
#define _PCI_IRQ_FAILSLAB_H

#include <kunit/test.h>

#if defined(CONFIG_FAILSLAB) && defined(CONFIG_FAULT_INJECTION_DEBUG_FS)

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>

static int pci_irq_failslab_write(struct vfsmount *mnt, char __user *ubuf,
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

/**
 * pci_irq_failslab_init() - prepare, or skip the test
 * @test: the running test
 */
static void pci_irq_failslab_init(struct kunit *test)
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
	ret = pci_irq_failslab_write(mnt, ubuf, "failslab/ignore-gfp-wait", "N");
	if (!ret)
		ret = pci_irq_failslab_write(mnt, ubuf, "failslab/verbose", "0");
	kern_unmount(mnt);
	KUNIT_ASSERT_EQ(test, ret, 0);
}

/**
 * pci_irq_failslab_arm() - let an allocation of this thread fail
 * @nth: which one from here, 1 is the next
 */
static void pci_irq_failslab_arm(unsigned int nth)
{
	current->fail_nth = nth;
}

/**
 * pci_irq_failslab_disarm() - no failures any more
 *
 * Return: 0 if the allocation was reached and failed.
 */
static unsigned int pci_irq_failslab_disarm(void)
{
	unsigned int left = current->fail_nth;

	current->fail_nth = 0;
	return left;
}

#else

static inline void pci_irq_failslab_init(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_FAILSLAB and CONFIG_FAULT_INJECTION_DEBUG_FS");
}

static inline void pci_irq_failslab_arm(unsigned int nth) { }

static inline unsigned int pci_irq_failslab_disarm(void)
{
	return 1;
}

#endif
#endif /* _PCI_IRQ_FAILSLAB_H */
