// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of two NTBs, driven with ntb_tool as a user does, through its files in debugfs:
 * memory windows with memory of any size, scratchpads and doorbells.
 */
#include <kunit/pci-epc.h>
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "pci_epf_vntb_pair.h"

struct tool {
	struct kunit *test;
	struct vfsmount *debugfs;
	/* debugfs takes no kernel_read() */
	char __user *user;
	char name[2][16];
	char text[2048];
};

static void tool_unmount(void *mnt)
{
	kern_unmount(mnt);
}

static struct file *tool_open(struct tool *tool, enum vntb_side side, const char *name,
			      int flags)
{
	struct file *file;
	char path[64];

	snprintf(path, sizeof(path), "ntb_tool/%s/%s", tool->name[side], name);
	file = file_open_root_mnt(tool->debugfs, path, flags, 0);
	KUNIT_ASSERT_FALSE_MSG(tool->test, IS_ERR(file), "%s: %ld", path, PTR_ERR(file));
	return file;
}

/* echo TEXT > NAME */
static ssize_t tool_echo(struct tool *tool, enum vntb_side side, const char *name,
			 const char *text)
{
	struct file *file = tool_open(tool, side, name, O_WRONLY);
	size_t len = strlen(text);
	loff_t pos = 0;
	ssize_t ret;

	KUNIT_ASSERT_EQ(tool->test, copy_to_user(tool->user, text, len), 0);
	ret = vfs_write(file, tool->user, len, &pos);
	__fput_sync(file);
	return ret == len ? 0 : ret;
}

/* head -c SIZE NAME */
static const char *tool_cat(struct tool *tool, enum vntb_side side, const char *name,
			    size_t size)
{
	struct file *file = tool_open(tool, side, name, O_RDONLY);
	loff_t pos = 0;
	ssize_t ret;

	ret = vfs_read(file, tool->user, min(size, sizeof(tool->text) - 1), &pos);
	__fput_sync(file);
	KUNIT_ASSERT_GE_MSG(tool->test, ret, 0, "%s", name);
	KUNIT_ASSERT_EQ(tool->test, copy_from_user(tool->text, tool->user, ret), 0);
	tool->text[ret] = '\0';
	return tool->text;
}

static void tool_expect(struct tool *tool, enum vntb_side side, const char *name,
			const char *text)
{
	const char *found = NULL;

	/* Doorbells may be polled for */
	for (int i = 0; i < 1000 && !found; i++) {
		found = strstr(tool_cat(tool, side, name, sizeof(tool->text)), text);
		if (!found)
			fsleep(1000);
	}
	KUNIT_EXPECT_NOT_NULL_MSG(tool->test, found, "%s: '%s', not '%s'", name, tool->text,
				  text);
}

static struct tool * __init tool_make(struct kunit *test, struct vntb_pair **pair)
{
	struct tool *tool = kunit_kzalloc(test, sizeof(*tool), GFP_KERNEL);
	struct file_system_type *type = get_fs_type("debugfs");

	KUNIT_ASSERT_NOT_NULL(test, tool);
	KUNIT_ASSERT_NOT_NULL(test, type);
	tool->test = test;
	tool->debugfs = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, tool->debugfs);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, tool_unmount, tool->debugfs), 0);
	tool->user = (char __user *)kunit_vm_mmap(test, NULL, 0, PAGE_SIZE,
						  PROT_READ | PROT_WRITE,
						  MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NOT_NULL(test, (void __force *)tool->user);
	*pair = vntb_pair_make_tool(test, &(struct pci_fabric_ep_desc){ .no_aux = true });
	for (int side = VNTB_RC; side <= VNTB_EP; side++)
		strscpy(tool->name[side], pci_name(vntb_pair_pdev(*pair, side)));
	return tool;
}

/*
 * Catches: a window that takes no memory of less than its size although it says so, or takes
 * it and lets the other side reach what is behind.
 */
static void __init tool_windows(struct kunit *test)
{
	static const char * const sizes[] = { "1", "0x1000", "0x12345", "0x100000", "0x200000" };
	struct vntb_pair *pair;
	struct tool *tool = tool_make(test, &pair);

	KUNIT_EXPECT_EQ(test, tool_echo(tool, VNTB_RC, "link", "Y"), 0);
	tool_expect(tool, VNTB_EP, "peer0/link", "Y");
	KUNIT_EXPECT_EQ(test, tool_echo(tool, VNTB_RC, "peer0/peer_mw_trans0", "0:1048576"), 0);
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ_MSG(test, tool_echo(tool, VNTB_EP, "peer0/mw_trans0", sizes[i]),
				    0, "%s", sizes[i]);
		tool_expect(tool, VNTB_EP, "peer0/mw_trans0",
			    "Window Size    \t0x0000000000100000");
		kunit_info(test, "%s:\n%s", sizes[i], tool->text);
		KUNIT_EXPECT_EQ(test, tool_echo(tool, VNTB_RC, "peer0/peer_mw0", sizes[i]), 0);
		KUNIT_EXPECT_STREQ(test, tool_cat(tool, VNTB_EP, "peer0/mw0", strlen(sizes[i])),
				   sizes[i]);
		KUNIT_EXPECT_EQ(test, vntb_pair_poke(pair), 0);
		KUNIT_EXPECT_EQ(test, tool_echo(tool, VNTB_EP, "peer0/mw_trans0", "0"), 0);
		/* The memory is freed, and the other side still writes */
		KUNIT_EXPECT_EQ(test, vntb_pair_poke(pair), 0);
		KUNIT_EXPECT_EQ(test, vntb_pair_stats(pair).stray, 0);
	}
	/* The driver is unbound while there are windows, on either side */
	KUNIT_EXPECT_EQ(test, tool_echo(tool, VNTB_EP, "peer0/mw_trans0", "0x1000"), 0);
}

/* Catches: scratchpads and doorbells that do not get to the other side. */
static void __init tool_registers(struct kunit *test)
{
	struct vntb_pair *pair;
	struct tool *tool = tool_make(test, &pair);

	KUNIT_EXPECT_EQ(test, tool_echo(tool, VNTB_RC, "link", "Y"), 0);
	tool_expect(tool, VNTB_EP, "peer0/link", "Y");
	for (int side = VNTB_RC; side <= VNTB_EP; side++) {
		KUNIT_EXPECT_EQ(test, tool_echo(tool, side, "peer0/spad3", "0x12345678"), 0);
		tool_expect(tool, !side, "spad3", "0x12345678");
	}
	KUNIT_EXPECT_EQ(test, tool_echo(tool, VNTB_RC, "peer_db", "s 2"), 0);
	tool_expect(tool, VNTB_EP, "db", "0x2");
	KUNIT_EXPECT_EQ(test, tool_echo(tool, VNTB_EP, "db", "c 2"), 0);
	tool_expect(tool, VNTB_EP, "db", "0x0");
	KUNIT_EXPECT_EQ(test, tool_echo(tool, VNTB_RC, "link", "N"), 0);
	tool_expect(tool, VNTB_EP, "peer0/link", "N");
}

static struct kunit_case __refdata tool_cases[] = {
	KUNIT_CASE(tool_windows),
	KUNIT_CASE(tool_registers),
	{}
};

static struct kunit_suite __refdata tool_suite = {
	.name = "pci_epf_vntb_tool",
	.test_cases = tool_cases,
};
kunit_test_init_section_suites(&tool_suite);

MODULE_DESCRIPTION("KUnit tests of two NTBs with ntb_tool");
MODULE_LICENSE("GPL");
