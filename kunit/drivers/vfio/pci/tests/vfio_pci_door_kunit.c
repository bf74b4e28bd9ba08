// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for the way to vfio-pci that other suites take: a driver bound
 * through sysfs, a device opened through /dev, system calls with user memory.
 */
#include <kunit/pci.h>
#include <kunit/test.h>
#include <linux/eventfd.h>
#include <linux/fcntl.h>
#include <linux/iommu.h>
#include <linux/mman.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <uapi/linux/iommufd.h>

#include "vfio_pci_fixture.h"

#define VFIO_PCI_DOOR_ID	0x0700
#define VFIO_PCI_DOOR_VECTORS	8

struct vfio_pci_door_set {
	struct vfio_pci_fixture *fix;
	struct pci_fabric_fn *port;
	struct pci_fabric_fn *fn;
	struct pci_dev *pdev;
};

static const struct {
	const char *name;
	enum vfio_pci_door door;
} vfio_pci_doors[] = {
	{ "group", VFIO_PCI_GROUP },
	{ "cdev", VFIO_PCI_CDEV },
};

KUNIT_ARRAY_PARAM_DESC(vfio_pci_doors, vfio_pci_doors, name);

static int vfio_pci_door_init(struct kunit *test)
{
	const typeof(vfio_pci_doors[0]) *param = test->param_value;
	struct vfio_pci_door_set *set;

	set = kunit_kzalloc(test, sizeof(*set), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, set);
	set->fix = vfio_pci_fixture_alloc(test, param->door);
	set->port = pci_fabric_add(set->fix->fabric, NULL,
				   &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(1, 0), .device = 0x0701,
		.hdr_type = PCI_HEADER_TYPE_BRIDGE,
		.pcie_type = PCI_EXP_TYPE_ROOT_PORT,
	});
	set->fn = pci_fabric_add(set->fix->fabric, set->port,
				 &(struct pci_fabric_fn_desc){
		.device = VFIO_PCI_DOOR_ID,
		.flr = true,
		.pm = true,
		.bars[0] = { .size = SZ_64K },
		.msix = {
			.vectors = VFIO_PCI_DOOR_VECTORS,
			.table_off = SZ_8K,
			.pba_off = SZ_16K,
		},
	});
	pci_fabric_scan(set->fix->fabric);
	set->pdev = vfio_pci_bind(set->fix, set->fn);
	test->priv = set;
	return 0;
}

/*
 * The device says what it is; a bad pointer is refused.  Catches a fixture that
 * does not reach the device.
 */
static void vfio_pci_door_info(struct kunit *test)
{
	struct vfio_pci_door_set *set = test->priv;
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_irq_info irq = {
		.argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX,
	};
	struct vfio_pci_user *user = vfio_pci_open(set->fix, set->pdev);

	KUNIT_EXPECT_EQ(test, vfio_pci_call(set->fix, user->fd,
					    VFIO_DEVICE_GET_INFO, &info,
					    sizeof(info)), 0);
	KUNIT_EXPECT_TRUE(test, info.flags & VFIO_DEVICE_FLAGS_PCI);
	KUNIT_EXPECT_TRUE(test, info.flags & VFIO_DEVICE_FLAGS_RESET);
	KUNIT_EXPECT_EQ(test, vfio_pci_call(set->fix, user->fd,
					    VFIO_DEVICE_GET_IRQ_INFO, &irq,
					    sizeof(irq)), 0);
	KUNIT_EXPECT_EQ(test, irq.count, VFIO_PCI_DOOR_VECTORS);
	KUNIT_EXPECT_EQ(test, vfio_pci_ioctl(user, VFIO_DEVICE_GET_INFO, NULL),
			-EFAULT);
	vfio_pci_close(user);
}

/*
 * Guard pages: what ends at one is taken, what goes over it is not.  Catches
 * tests of faults that prove nothing.
 */
static void vfio_pci_door_guard(struct kunit *test)
{
	struct vfio_pci_door_set *set = test->priv;
	struct vfio_device_info info = { .argsz = sizeof(info) };
	const size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_pci_user *user = vfio_pci_open(set->fix, set->pdev);
	void __user *mem = vfio_pci_mem_tail(set->fix, minsz);

	info.argsz = minsz;
	KUNIT_ASSERT_EQ(test, copy_to_user(mem, &info, minsz), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_ioctl(user, VFIO_DEVICE_GET_INFO, mem), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_ioctl(user, VFIO_DEVICE_GET_INFO, mem + 4),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, vfio_pci_ioctl(user, VFIO_DEVICE_GET_INFO,
					     vfio_pci_mem(set->fix, -4)),
			-EFAULT);

	/* Readable is not enough for what is written back */
	vfio_pci_mem_protect(set->fix, mem, PROT_READ);
	KUNIT_EXPECT_EQ(test, vfio_pci_ioctl(user, VFIO_DEVICE_GET_INFO, mem),
			-EFAULT);
	vfio_pci_mem_protect(set->fix, mem, PROT_READ | PROT_WRITE);
	KUNIT_EXPECT_EQ(test, vfio_pci_ioctl(user, VFIO_DEVICE_GET_INFO, mem), 0);
}

/* Configuration space is that of the function.  Catches a wrong device. */
static void vfio_pci_door_config(struct kunit *test)
{
	struct vfio_pci_door_set *set = test->priv;
	struct vfio_pci_user *user = vfio_pci_open(set->fix, set->pdev);

	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_read(user, 0x00, 4),
			VFIO_PCI_DOOR_ID << 16 | PCI_FABRIC_VENDOR);
	/* Command, Bus Master Enable (PCIe r6.0, sec 7.5.1.1.3) */
	KUNIT_EXPECT_FALSE(test, pci_fabric_peek(set->fn, 0x04, 2) & BIT(2));
	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_write(user, 0x04, 2, BIT(1) | BIT(2)),
			0);
	KUNIT_EXPECT_TRUE(test, pci_fabric_peek(set->fn, 0x04, 2) & BIT(2));
	vfio_pci_close(user);
	KUNIT_EXPECT_FALSE(test, pci_fabric_peek(set->fn, 0x04, 2) & BIT(2));
}

/* MSI-X arrives at an eventfd.  Catches interrupts that the fixture loses. */
static void vfio_pci_door_msix(struct kunit *test)
{
	struct vfio_pci_door_set *set = test->priv;
	struct vfio_pci_user *user = vfio_pci_open(set->fix, set->pdev);
	u64 __user *mem = vfio_pci_mem_tail(set->fix, sizeof(u64));
	u64 count = 0;
	int eventfd;

	pci_fabric_need_bars(test);

	KUNIT_ASSERT_EQ(test, vfio_pci_cfg_write(user, 0x04, 2, BIT(1) | BIT(2)),
			0);
	eventfd = vfio_pci_sys(eventfd2, 0, EFD_NONBLOCK);
	KUNIT_ASSERT_GE(test, eventfd, 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_set_msix(user, 2, eventfd), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(set->fn, 0),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(set->fn, 1),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, vfio_pci_sys(read, eventfd, (char __user *)mem, 8),
			8);
	KUNIT_EXPECT_EQ(test, copy_from_user(&count, mem, 8), 0);
	KUNIT_EXPECT_EQ(test, count, 2);
	KUNIT_EXPECT_EQ(test, vfio_pci_set_msix(user, 0, 0), 0);
	vfio_pci_sys(close, eventfd);
}

/* A reset reaches the function, and the device still works */
static void vfio_pci_door_reset(struct kunit *test)
{
	struct vfio_pci_door_set *set = test->priv;
	struct vfio_pci_user *user = vfio_pci_open(set->fix, set->pdev);
	unsigned int before = pci_fabric_stats(set->fn).resets[PCI_FABRIC_RESET_FLR];

	KUNIT_EXPECT_EQ(test, vfio_pci_ioctl(user, VFIO_DEVICE_RESET, NULL), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(set->fn).resets[PCI_FABRIC_RESET_FLR],
			before + 1);
	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_read(user, 0x00, 2), PCI_FABRIC_VENDOR);
}

/* Closing is complete: it opens again, many times.  Catches what is left behind. */
static void vfio_pci_door_reopen(struct kunit *test)
{
	struct vfio_pci_door_set *set = test->priv;

	for (int i = 0; i < 5; i++) {
		struct vfio_pci_user *user = vfio_pci_open(set->fix, set->pdev);

		KUNIT_EXPECT_EQ(test, vfio_pci_cfg_read(user, 0x00, 2),
				PCI_FABRIC_VENDOR);
		vfio_pci_close(user);
	}
}

/* What nobody knows is -ENOTTY, on every tree */
static void vfio_pci_door_unknown(struct kunit *test)
{
	struct vfio_pci_door_set *set = test->priv;
	struct vfio_pci_user *user = vfio_pci_open(set->fix, set->pdev);

	KUNIT_EXPECT_EQ(test, vfio_pci_ioctl(user, _IO(VFIO_TYPE, VFIO_BASE + 99),
					     vfio_pci_mem(set->fix, 0)),
			-ENOTTY);
}

/* With an IOMMU, the device reaches memory that its user mapped, and only then */
static void vfio_pci_door_dma(struct kunit *test)
{
	struct vfio_pci_door_set *set = test->priv;
	struct vfio_pci_user *user = vfio_pci_open(set->fix, set->pdev);
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE,
		.ioas_id = user->ioas,
		.user_va = set->fix->mem,
		.length = PAGE_SIZE,
		.iova = SZ_1M,
	};
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap), .ioas_id = user->ioas, .iova = SZ_1M,
		.length = PAGE_SIZE,
	};
	struct iommu_domain *domain;
	phys_addr_t phys;

	if (set->fix->door == VFIO_PCI_GROUP)
		kunit_skip(test, "no IOMMU");

	KUNIT_ASSERT_EQ(test, copy_to_user(vfio_pci_mem(set->fix, 0), "hello", 6),
			0);
	domain = iommu_get_domain_for_dev(&set->pdev->dev);
	KUNIT_ASSERT_NOT_NULL(test, domain);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(domain, SZ_1M), 0);
	KUNIT_ASSERT_EQ(test, vfio_pci_call(set->fix, user->iommufd,
					    IOMMU_IOAS_MAP, &map, sizeof(map)), 0);
	phys = iommu_iova_to_phys(domain, SZ_1M);
	KUNIT_ASSERT_NE(test, phys, 0);
	KUNIT_EXPECT_STREQ(test, (char *)phys_to_virt(phys), "hello");
	KUNIT_EXPECT_EQ(test, vfio_pci_call(set->fix, user->iommufd,
					    IOMMU_IOAS_UNMAP, &unmap,
					    sizeof(unmap)), 0);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(domain, SZ_1M), 0);
}

struct vfio_pci_door_worker {
	struct vfio_pci_user *user;
	void __user *mem;
};

static int vfio_pci_door_work(void *data)
{
	struct vfio_pci_door_worker *worker = data;
	struct vfio_device_info info = { .argsz = sizeof(info) };
	long ret = 0;

	for (int i = 0; i < 100 && !ret; i++) {
		if (copy_to_user(worker->mem, &info, sizeof(info)))
			return -EFAULT;
		ret = vfio_pci_ioctl(worker->user, VFIO_DEVICE_GET_INFO,
				     worker->mem);
	}
	return ret;
}

/* Two threads of one process: they share files and memory with the test */
static void vfio_pci_door_threads(struct kunit *test)
{
	struct vfio_pci_door_set *set = test->priv;
	struct vfio_pci_user *user = vfio_pci_open(set->fix, set->pdev);
	struct vfio_pci_door_worker worker[2];
	struct vfio_pci_thread *thread[2];

	for (int i = 0; i < 2; i++) {
		worker[i].user = user;
		worker[i].mem = vfio_pci_mem(set->fix, i * PAGE_SIZE);
		thread[i] = vfio_pci_thread_start(set->fix, vfio_pci_door_work,
						  &worker[i]);
	}
	for (int i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, vfio_pci_thread_join(thread[i]), 0);
}

static struct kunit_case vfio_pci_door_cases[] = {
	KUNIT_CASE_PARAM(vfio_pci_door_info, vfio_pci_doors_gen_params),
	KUNIT_CASE_PARAM(vfio_pci_door_guard, vfio_pci_doors_gen_params),
	KUNIT_CASE_PARAM(vfio_pci_door_config, vfio_pci_doors_gen_params),
	KUNIT_CASE_PARAM(vfio_pci_door_msix, vfio_pci_doors_gen_params),
	KUNIT_CASE_PARAM(vfio_pci_door_reset, vfio_pci_doors_gen_params),
	KUNIT_CASE_PARAM(vfio_pci_door_reopen, vfio_pci_doors_gen_params),
	KUNIT_CASE_PARAM(vfio_pci_door_unknown, vfio_pci_doors_gen_params),
	KUNIT_CASE_PARAM(vfio_pci_door_dma, vfio_pci_doors_gen_params),
	KUNIT_CASE_PARAM(vfio_pci_door_threads, vfio_pci_doors_gen_params),
	{}
};

static struct kunit_suite vfio_pci_door_suite = {
	.name = "vfio_pci_door",
	.init = vfio_pci_door_init,
	.test_cases = vfio_pci_door_cases,
};

kunit_test_suite(vfio_pci_door_suite);

MODULE_DESCRIPTION("KUnit tests for vfio-pci through system calls");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
