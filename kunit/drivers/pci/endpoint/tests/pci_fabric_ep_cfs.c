// SPDX-License-Identifier: GPL-2.0
/*
 * Endpoint functions made through configfs, see pci_fabric_ep_cfs.h.
 */
#include <kunit/pci-base.h>
#include <kunit/test.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init_syscalls.h>
#include <linux/pci-epc.h>

#include "pci_fabric_ep_cfs.h"

#define PCI_EP_CFS	"/config/pci_ep"
#define PCI_EP_CFS_LEN	192

struct pci_ep_cfs {
	struct kunit *test;
	bool started, linked;
	char func[PCI_EP_CFS_LEN];
	char ctrl[PCI_EP_CFS_LEN];
	char link[PCI_EP_CFS_LEN + 64];
	char name[32];
};

static int __init pci_ep_cfs_write(const char *path, const char *val)
{
	struct file *file;
	loff_t pos = 0;
	ssize_t ret;

	file = filp_open(path, O_WRONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_write(file, val, strlen(val), &pos);
	__fput_sync(file);
	return ret < 0 ? ret : 0;
}

int __init pci_ep_cfs_set(struct pci_ep_cfs *cfs, const char *attr, const char *val)
{
	char path[PCI_EP_CFS_LEN + 64];

	snprintf(path, sizeof(path), "%s/%s", cfs->func, attr);
	return pci_ep_cfs_write(path, val);
}

int __init pci_ep_cfs_start(struct pci_ep_cfs *cfs, bool on)
{
	char path[PCI_EP_CFS_LEN + 64];
	int ret;

	snprintf(path, sizeof(path), "%s/start", cfs->ctrl);
	ret = pci_ep_cfs_write(path, on ? "1" : "0");
	if (!ret)
		cfs->started = on;
	return ret;
}

int __init pci_ep_cfs_link(struct pci_ep_cfs *cfs, struct pci_epc *epc)
{
	int ret;

	snprintf(cfs->ctrl, sizeof(cfs->ctrl), PCI_EP_CFS "/controllers/%s",
		 dev_name(&epc->dev));
	snprintf(cfs->link, sizeof(cfs->link), "%s/%s", cfs->ctrl, cfs->name);
	ret = init_symlink(cfs->func, cfs->link);
	cfs->linked = !ret;
	return ret;
}

int __init pci_ep_cfs_link_primary(struct pci_ep_cfs *cfs, struct pci_epc *epc)
{
	int ret;

	snprintf(cfs->ctrl, sizeof(cfs->ctrl), PCI_EP_CFS "/controllers/%s",
		 dev_name(&epc->dev));
	snprintf(cfs->link, sizeof(cfs->link), "%s/primary/%s", cfs->func,
		 dev_name(&epc->dev));
	ret = init_symlink(cfs->ctrl, cfs->link);
	cfs->linked = !ret;
	return ret;
}

int __init pci_ep_cfs_unlink(struct pci_ep_cfs *cfs)
{
	int ret = init_unlink(cfs->link);

	if (!ret)
		cfs->linked = false;
	return ret;
}

static void __init pci_ep_cfs_remove(void *data)
{
	struct pci_ep_cfs *cfs = data;

	pci_kunit_paths();
	if (cfs->started && pci_ep_cfs_start(cfs, false))
		KUNIT_FAIL(cfs->test, "cannot stop the controller");
	if (cfs->linked && pci_ep_cfs_unlink(cfs))
		KUNIT_FAIL(cfs->test, "cannot unlink the function");
	if (init_rmdir(cfs->func))
		KUNIT_FAIL(cfs->test, "cannot remove the function");
}

static void __init pci_ep_cfs_umount(void *unused)
{
	pci_kunit_paths();
	init_umount("/config", 0);
}

static void __init pci_ep_cfs_mount(struct kunit *test)
{
	pci_kunit_paths();
	/* By an earlier function of the test, which also unmounts it */
	if (!init_stat(PCI_EP_CFS "/functions", &(struct kstat){}, 0))
		return;
	init_mkdir("/config", 0755);
	KUNIT_ASSERT_EQ(test, init_mount("configfs", "/config", "configfs", 0, NULL), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_ep_cfs_umount, NULL), 0);
}

struct pci_ep_cfs * __init pci_ep_cfs_make(struct kunit *test, const char *driver,
					   const char *name)
{
	struct pci_ep_cfs *cfs = kunit_kzalloc(test, sizeof(*cfs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cfs);
	cfs->test = test;
	pci_ep_cfs_mount(test);
	strscpy(cfs->name, name);
	snprintf(cfs->func, sizeof(cfs->func), PCI_EP_CFS "/functions/%s/%s", driver, name);
	KUNIT_ASSERT_EQ(test, init_mkdir(cfs->func, 0755), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_ep_cfs_remove, cfs), 0);
	return cfs;
}
