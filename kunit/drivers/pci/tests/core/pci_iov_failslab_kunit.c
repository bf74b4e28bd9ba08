// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite: each allocation of enabling and disabling SR-IOV fails once.
 *
 * The n-th allocation fails, for n = 1, 2, ... until there is none left that
 * could.  When enabling has failed, nothing of it may be left; when it has not,
 * every VF is complete; and disabling never fails.
 *
 * Enabling and disabling sleep for a second.  Where that takes a second, only
 * some of the allocations fail, and add_virtfn, which does not sleep, lets the
 * others fail.
 */
#include <kunit/test.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "../../pci.h"
#include "pci_active_children.h"
#include "pci_fabric_kunit.h"
#include "pci_failslab.h"
#include "pci_failslab_probe.h"

#define IOV_VFS		3
#define IOV_PF		0x0230
#define IOV_VF		0x0231
/* VF 0 is 0.1 on the bus of the PF, the others are 0.0 and 1f.7 on the next */
#define IOV_OFFSET	0x01
#define IOV_STRIDE	0xff

/* How many to go on where sleeping takes time; a prime, to meet all kinds */
#define IOV_STEP	(IS_ENABLED(CONFIG_UML_TIME_TRAVEL_SUPPORT) ? 1 : 41)

/* SR-IOV Extended Capability (PCIe r6.0, sec 9.3.3) */
#define IOV_CONTROL	0x08
#define IOV_VF_ENABLE	BIT(0)
#define IOV_VF_MSE	BIT(3)
#define IOV_NUM_VFS	0x10

struct iov_fixture {
	struct kunit *test;
	struct pci_failslab sweep;
	struct pci_fabric *fabric;
	struct pci_fabric_fn *pf_fn;
	struct pci_dev *pf;
	struct pci_dev *port;
	struct file *numvfs;
	/* What there was before */
	unsigned int pf_refs;
	unsigned int bus_refs;
	unsigned int devices;
	unsigned int vectors;
	int children;
};

/* The PF needs no vectors, and its driver only does as it is told. */
static int iov_pf_probe(struct pci_dev *dev, const struct pci_device_id *id)
{
	return 0;
}

static const struct pci_device_id iov_pf_ids[] = {
	{ PCI_DEVICE(PCI_FABRIC_VENDOR, IOV_PF) },
	{}
};

static struct pci_driver iov_pf_driver = {
	.name = "pci_iov_failslab_pf",
	.id_table = iov_pf_ids,
	.probe = iov_pf_probe,
	.sriov_configure = pci_sriov_configure_simple,
};

static const struct pci_device_id iov_vf_ids[] = {
	{ PCI_DEVICE(PCI_FABRIC_VENDOR, IOV_VF) },
	{}
};

static struct pci_driver iov_vf_driver = {
	.name = "pci_iov_failslab_vf",
	.id_table = iov_vf_ids,
	.probe = pci_failslab_probe,
};

static void iov_unregister(void *driver)
{
	pci_unregister_driver(driver);
}

static void iov_register(struct kunit *test, struct pci_driver *driver)
{
	KUNIT_ASSERT_EQ(test, pci_register_driver(driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, iov_unregister, driver), 0);
}

/* __fput_sync(): a kernel thread's fput() would outlive the mount. */
static void iov_close(void *file)
{
	__fput_sync(file);
}

static void iov_unmount(void *mnt)
{
	kern_unmount(mnt);
}

static struct file *iov_open(struct kunit *test, struct pci_dev *dev,
			     const char *attr)
{
	struct file_system_type *type = get_fs_type("sysfs");
	struct vfsmount *mnt;
	struct file *file;
	char *dir, *path;

	KUNIT_ASSERT_NOT_NULL(test, type);
	mnt = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, iov_unmount, mnt), 0);

	dir = kobject_get_path(&dev->dev.kobj, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dir);
	path = kasprintf(GFP_KERNEL, "%s/%s", dir + 1, attr);
	kfree(dir);
	KUNIT_ASSERT_NOT_NULL(test, path);
	file = file_open_root_mnt(mnt, path, O_WRONLY, 0);
	kfree(path);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, iov_close, file), 0);
	return file;
}

static unsigned int iov_devices(struct pci_bus *bus)
{
	unsigned int count = 0;
	struct pci_dev *dev;

	list_for_each_entry(dev, &bus->devices, bus_list)
		count++;
	return count;
}

static const struct pci_fabric_fn_desc iov_vf_desc = {
	.msix = {
		.vectors = PCI_FAILSLAB_VECTORS,
		.table_off = 0x800, .pba_off = 0xc00,
	},
};

static const struct pci_fabric_fn_desc iov_pf_desc = {
	.device = IOV_PF,
	.pcie_type = TYPE_ENDPOINT,
	.pm = true,
	.sriov = {
		.total_vfs = IOV_VFS,
		.offset = IOV_OFFSET,
		.stride = IOV_STRIDE,
		.vf_device = IOV_VF,
		.bars[0] = { .size = SZ_4K },
		.vf = &iov_vf_desc,
	},
};

/* @step: see pci_failslab_init() */
static struct iov_fixture *iov_fixture(struct kunit *test, unsigned int step)
{
	struct iov_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct pci_fabric_fn *port;

	KUNIT_ASSERT_NOT_NULL(test, f);
	pci_failslab_init(&f->sweep, test, step);
	f->test = test;
	iov_register(test, &iov_pf_driver);
	iov_register(test, &iov_vf_driver);

	f->fabric = pci_fabric_alloc(test);
	port = add_port(f->fabric, NULL, PCI_DEVFN(1, 0), TYPE_ROOT_PORT);
	f->pf_fn = pci_fabric_add(f->fabric, port, &iov_pf_desc);
	pci_fabric_scan(f->fabric);
	f->port = pci_fabric_pdev(port);
	f->pf = pci_fabric_pdev(f->pf_fn);
	KUNIT_ASSERT_NOT_NULL(test, f->port);
	KUNIT_ASSERT_NOT_NULL(test, f->pf);
	KUNIT_ASSERT_NOT_NULL(test, f->pf->dev.driver);
	KUNIT_ASSERT_TRUE(test, f->pf->is_physfn);
	f->numvfs = iov_open(test, f->pf, "sriov_numvfs");

	f->pf_refs = kref_read(&f->pf->dev.kobj.kref);
	f->bus_refs = kref_read(&f->pf->bus->dev.kobj.kref);
	f->devices = iov_devices(f->pf->bus);
	f->vectors = pci_fabric_vectors_used(f->fabric);
	f->children = pci_active_children(&f->port->dev);
	return f;
}

static u32 iov_peek(struct iov_fixture *f, unsigned int reg)
{
	return pci_fabric_peek(f->pf_fn, f->pf->sriov->pos + reg, 2);
}

static bool iov_has_link(struct pci_dev *dev, const char *name)
{
	struct kernfs_node *kn = kernfs_find_and_get(dev->dev.kobj.sd, name);

	kernfs_put(kn);
	return kn;
}

static bool iov_has_virtfn(struct iov_fixture *f, unsigned int id)
{
	char name[16];

	snprintf(name, sizeof(name), "virtfn%u", id);
	return iov_has_link(f->pf, name);
}

static struct pci_dev *iov_find(struct iov_fixture *f, unsigned int id)
{
	unsigned int rid = pci_dev_id(f->pf) + IOV_OFFSET + id * IOV_STRIDE;

	return pci_get_domain_bus_and_slot(pci_domain_nr(f->pf->bus),
					   PCI_BUS_NUM(rid), rid & 0xff);
}

static struct pci_bus *iov_virtual_bus(struct iov_fixture *f)
{
	return pci_find_bus(pci_domain_nr(f->pf->bus), f->pf->bus->number + 1);
}

/* Nothing of the VFs is left: devices, bus, links, vectors, ranges, references. */
static void iov_expect_none(struct iov_fixture *f)
{
	struct kunit *test = f->test;
	struct pci_dev *pf = f->pf;

	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&pci_rescan_remove_lock));
	KUNIT_EXPECT_EQ(test, pci_num_vf(pf), 0);
	KUNIT_EXPECT_EQ(test, iov_peek(f, IOV_CONTROL) &
			      (IOV_VF_ENABLE | IOV_VF_MSE), 0);
	KUNIT_EXPECT_EQ(test, iov_peek(f, IOV_NUM_VFS), 0);
	for (unsigned int id = 0; id < IOV_VFS; id++)
		KUNIT_EXPECT_FALSE(test, iov_has_virtfn(f, id));
	KUNIT_EXPECT_EQ(test, iov_devices(pf->bus), f->devices);
	KUNIT_EXPECT_NULL(test, iov_virtual_bus(f));
	KUNIT_EXPECT_NULL(test, pf->resource[PCI_IOV_RESOURCES].child);
	KUNIT_EXPECT_EQ(test, pci_fabric_vectors_used(f->fabric), f->vectors);
	KUNIT_EXPECT_EQ(test, kref_read(&pf->dev.kobj.kref), f->pf_refs);
	KUNIT_EXPECT_EQ(test, kref_read(&pf->bus->dev.kobj.kref), f->bus_refs);
	KUNIT_EXPECT_EQ(test, pci_active_children(&f->port->dev),
			f->children);
}

/* Each VF is complete; when nothing has failed, it has its driver, too. */
static void iov_expect_all(struct iov_fixture *f, bool bound)
{
	struct kunit *test = f->test;

	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&pci_rescan_remove_lock));
	KUNIT_EXPECT_EQ(test, pci_num_vf(f->pf), IOV_VFS);
	KUNIT_EXPECT_EQ(test, iov_peek(f, IOV_CONTROL) &
			      (IOV_VF_ENABLE | IOV_VF_MSE),
			IOV_VF_ENABLE | IOV_VF_MSE);
	KUNIT_EXPECT_EQ(test, iov_peek(f, IOV_NUM_VFS), IOV_VFS);
	for (unsigned int id = 0; id < IOV_VFS; id++) {
		struct pci_dev *vf = iov_find(f, id);

		KUNIT_EXPECT_TRUE(test, iov_has_virtfn(f, id));
		KUNIT_EXPECT_NOT_NULL(test, vf);
		if (!vf)
			continue;
		KUNIT_EXPECT_TRUE(test, device_is_registered(&vf->dev));
		KUNIT_EXPECT_TRUE(test, iov_has_link(vf, "physfn"));
		KUNIT_EXPECT_NOT_NULL(test, vf->resource[0].parent);
		if (bound)
			KUNIT_EXPECT_NOT_NULL(test, vf->dev.driver);
		pci_dev_put(vf);
	}
}

static int iov_enable(struct iov_fixture *f)
{
	int ret;

	pci_lock_rescan_remove();
	ret = pci_enable_sriov(f->pf, IOV_VFS);
	pci_unlock_rescan_remove();
	return ret;
}

static void iov_disable(struct iov_fixture *f)
{
	pci_lock_rescan_remove();
	pci_disable_sriov(f->pf);
	pci_unlock_rescan_remove();
}

static int iov_write(struct iov_fixture *f, const char *val)
{
	loff_t pos = 0;
	ssize_t ret = kernel_write(f->numvfs, val, strlen(val), &pos);

	return ret < 0 ? ret : 0;
}

static int iov_write_all(struct iov_fixture *f)
{
	return iov_write(f, "3");
}

/* Let allocations fail, one at a time, in @enable. */
static void iov_fail_enable(struct iov_fixture *f,
			    int (*enable)(struct iov_fixture *f))
{
	struct kunit *test = f->test;
	unsigned int errors = 0;
	bool failed;
	int ret;

	while (pci_failslab_next(&f->sweep)) {
		pci_failslab_arm(&f->sweep);
		ret = enable(f);
		failed = pci_failslab_disarm(&f->sweep);
		if (ret) {
			errors++;
			KUNIT_EXPECT_TRUE(test, failed);
			/* -EINVAL: there was no memory for the name */
			KUNIT_EXPECT_TRUE(test, ret == -ENOMEM || ret == -EINVAL);
		} else {
			iov_expect_all(f, !failed);
			iov_disable(f);
		}
		iov_expect_none(f);
	}
	pci_failslab_end(&f->sweep, 100);
	KUNIT_EXPECT_GT(test, errors, 0);
	kunit_info(test, "%u errors\n", errors);

	KUNIT_EXPECT_EQ(test, enable(f), 0);
	iov_expect_all(f, true);
	iov_disable(f);
	iov_expect_none(f);
}

/*
 * The failure of pci_enable_sriov() that leaves VFs, their bus, VF Enable, or a
 * reference to the PF; a VF that is half there; the second release of what the
 * first has released.
 */
static void enable(struct kunit *test)
{
	iov_fail_enable(iov_fixture(test, IOV_STEP), iov_enable);
}

/* The same through sysfs: the lock that an error path keeps. */
static void numvfs_enable(struct kunit *test)
{
	iov_fail_enable(iov_fixture(test, IOV_STEP), iov_write_all);
}

/*
 * A single VF, which is alone on its bus: each allocation in every
 * configuration, as nothing sleeps.
 */
static void add_virtfn(struct kunit *test)
{
	struct iov_fixture *f = iov_fixture(test, 1);
	struct pci_dev *pf = f->pf;
	unsigned int refs;
	int ret;

	KUNIT_ASSERT_EQ(test, iov_enable(f), 0);
	pci_lock_rescan_remove();
	pci_iov_remove_virtfn(pf, 2);
	pci_iov_remove_virtfn(pf, 1);
	refs = kref_read(&pf->dev.kobj.kref);
	while (pci_failslab_next(&f->sweep)) {
		pci_failslab_arm(&f->sweep);
		ret = pci_iov_add_virtfn(pf, 1);
		pci_failslab_disarm(&f->sweep);
		if (!ret) {
			KUNIT_EXPECT_TRUE(test, iov_has_virtfn(f, 1));
			pci_iov_remove_virtfn(pf, 1);
		}
		KUNIT_EXPECT_FALSE(test, iov_has_virtfn(f, 1));
		KUNIT_EXPECT_NULL(test, iov_virtual_bus(f));
		KUNIT_EXPECT_EQ(test, kref_read(&pf->dev.kobj.kref), refs);
		/* VF 0 has its share of the BAR, and nobody else */
		KUNIT_EXPECT_NOT_NULL(test, pf->resource[PCI_IOV_RESOURCES].child);
		if (pf->resource[PCI_IOV_RESOURCES].child)
			KUNIT_EXPECT_NULL(test, pf->resource[PCI_IOV_RESOURCES].child->sibling);
	}
	pci_failslab_end(&f->sweep, 50);
	pci_unlock_rescan_remove();
	iov_disable(f);
	iov_expect_none(f);
}

/* Disabling that needs memory and gives up half way. */
static void disable(struct kunit *test)
{
	struct iov_fixture *f = iov_fixture(test, IOV_STEP);

	while (pci_failslab_next(&f->sweep)) {
		KUNIT_ASSERT_EQ(test, iov_enable(f), 0);
		pci_failslab_arm(&f->sweep);
		iov_disable(f);
		pci_failslab_disarm(&f->sweep);
		iov_expect_none(f);
	}
	pci_failslab_end(&f->sweep, 0);
}

/* The same through sysfs, which may fail before anything has been done. */
static void numvfs_disable(struct kunit *test)
{
	struct iov_fixture *f = iov_fixture(test, IOV_STEP);
	int ret;

	while (pci_failslab_next(&f->sweep)) {
		KUNIT_ASSERT_EQ(test, iov_write_all(f), 0);
		pci_failslab_arm(&f->sweep);
		ret = iov_write(f, "0");
		pci_failslab_disarm(&f->sweep);
		if (ret) {
			KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
			iov_expect_all(f, true);
			KUNIT_EXPECT_EQ(test, iov_write(f, "0"), 0);
		}
		iov_expect_none(f);
	}
	pci_failslab_end(&f->sweep, 0);
}

static struct kunit_case pci_iov_failslab_cases[] = {
	KUNIT_CASE_SLOW(enable),
	KUNIT_CASE_SLOW(numvfs_enable),
	KUNIT_CASE_SLOW(add_virtfn),
	KUNIT_CASE_SLOW(disable),
	KUNIT_CASE_SLOW(numvfs_disable),
	{}
};

static struct kunit_suite pci_iov_failslab_suite = {
	.name = "pci_iov_failslab",
	.test_cases = pci_iov_failslab_cases,
};

kunit_test_suite(pci_iov_failslab_suite);
