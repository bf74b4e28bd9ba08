// SPDX-License-Identifier: GPL-2.0
/*
 * Runs after the other suites of this folder and makes kmemleak look for what
 * they lost.
 *
 * kmemleak's own first scan comes a minute after the boot, when a KUnit kernel
 * has long halted. This suite asks for one as a user does, through debugfs. What
 * kmemleak finds it prints (CONFIG_DEBUG_KMEMLEAK_VERBOSE); whoever reads the log
 * judges it.
 */

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/uaccess.h>

/* An object is reported only when it is older than this (MSECS_MIN_AGE). */
#define KMEMLEAK_AGE_MS	6000

static void kmemleak_scan_unmount(void *mnt)
{
	kern_unmount(mnt);
}

/* __fput_sync(): a kernel thread's fput() would outlive the mount. */
static void kmemleak_scan_close(void *file)
{
	__fput_sync(file);
}

/*
 * Catches: memory that a suite, or the code that it drove, allocated and lost. Two
 * scans, because kmemleak takes an object whose contents it sees for the first
 * time for one in use.
 */
static void scans(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("debugfs");
	static const char command[] = "scan";
	struct vfsmount *mnt;
	unsigned long buffer;
	struct file *file;
	loff_t pos;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, type);
	mnt = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, kmemleak_scan_unmount, mnt));

	file = file_open_root_mnt(mnt, "kmemleak", O_RDWR, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, kmemleak_scan_close, file));

	/* debugfs takes no kernel_write(): the command is user memory. */
	buffer = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, buffer, 0);
	KUNIT_ASSERT_EQ(test, 0,
			copy_to_user((void __user *)buffer, command, sizeof(command)));

	msleep(KMEMLEAK_AGE_MS);
	for (i = 0; i < 2; i++) {
		pos = 0;
		KUNIT_EXPECT_EQ(test, 4,
				vfs_write(file, (void __user *)buffer, 4, &pos));
	}
}

static struct kunit_case kmemleak_scan_cases[] = {
	KUNIT_CASE_SLOW(scans),
	{}
};

static struct kunit_suite kmemleak_scan_suite = {
	.name = "kmemleak_scan",
	.test_cases = kmemleak_scan_cases,
};

kunit_test_suite(kmemleak_scan_suite);

MODULE_DESCRIPTION("KUnit: look for memory that the suites lost");
MODULE_LICENSE("GPL");
