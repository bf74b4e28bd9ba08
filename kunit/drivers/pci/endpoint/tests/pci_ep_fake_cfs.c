// SPDX-License-Identifier: GPL-2.0
/*
 * Endpoint functions on fake controllers, in configfs, see pci_ep_fake_cfs.h.
 */
#include <kunit/pci-base.h>
#include <kunit/test.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init_syscalls.h>

#include "pci_ep_fake_cfs.h"

#define MOUNT	"/pci_ep_fake"

static int __init pci_ep_fake_cfs_write(const char *path, const char *val)
{
	struct file *file = filp_open(path, O_WRONLY, 0);
	loff_t pos = 0;
	ssize_t ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_write(file, val, strlen(val), &pos);
	/* Attributes are stored when they are closed, if they are not too long */
	__fput_sync(file);
	return ret < 0 ? ret : 0;
}

int __init pci_ep_fake_cfs_set(struct pci_ep_fake_cfs *cfs, const char *attr,
			       const char *val)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", cfs->func, attr);
	return pci_ep_fake_cfs_write(path, val);
}

int __init pci_ep_fake_cfs_start(struct pci_ep_fake_cfs *cfs, bool on)
{
	char path[160];
	int ret;

	snprintf(path, sizeof(path), MOUNT "/pci_ep/controllers/%s/start",
		 dev_name(&cfs->fake->epc->dev));
	ret = pci_ep_fake_cfs_write(path, on ? "1" : "0");
	if (!ret)
		cfs->started = on;
	return ret;
}

int __init pci_ep_fake_cfs_link(struct pci_ep_fake_cfs *cfs)
{
	struct pci_epc *epc = cfs->fake->epc;
	int ret;

	snprintf(cfs->link, sizeof(cfs->link), MOUNT "/pci_ep/controllers/%s/func1",
		 dev_name(&epc->dev));
	ret = init_symlink(cfs->func, cfs->link);
	if (!ret) {
		cfs->linked = true;
		cfs->epf = list_first_entry(&epc->pci_epf, struct pci_epf, list);
	}
	return ret;
}

int __init pci_ep_fake_cfs_unlink(struct pci_ep_fake_cfs *cfs)
{
	int ret = init_unlink(cfs->link);

	if (!ret) {
		cfs->linked = false;
		cfs->epf = NULL;
	}
	return ret;
}

static void __init pci_ep_fake_cfs_remove(void *data)
{
	struct pci_ep_fake_cfs *cfs = data;
	struct kunit *test = cfs->test;

	pci_kunit_paths();
	if (cfs->started)
		KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_start(cfs, false), 0);
	if (cfs->linked)
		KUNIT_EXPECT_EQ(test, pci_ep_fake_cfs_unlink(cfs), 0);
	KUNIT_EXPECT_EQ(test, init_rmdir(cfs->func), 0);
}

static void __init pci_ep_fake_cfs_umount(void *unused)
{
	pci_kunit_paths();
	init_umount(MOUNT, 0);
	init_rmdir(MOUNT);
}

struct pci_ep_fake_cfs * __init pci_ep_fake_cfs_make(struct kunit *test,
						     struct pci_ep_fake *fake,
						     const char *driver)
{
	struct pci_ep_fake_cfs *cfs = kunit_kzalloc(test, sizeof(*cfs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cfs);
	pci_kunit_paths();
	KUNIT_ASSERT_EQ(test, init_mkdir(MOUNT, 0755), 0);
	KUNIT_ASSERT_EQ(test, init_mount("configfs", MOUNT, "configfs", 0, NULL), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_ep_fake_cfs_umount,
							NULL), 0);
	cfs->test = test;
	cfs->fake = fake;
	snprintf(cfs->func, sizeof(cfs->func), MOUNT "/pci_ep/functions/%s/func1", driver);
	KUNIT_ASSERT_EQ(test, init_mkdir(cfs->func, 0755), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_ep_fake_cfs_remove, cfs),
			0);
	return cfs;
}
