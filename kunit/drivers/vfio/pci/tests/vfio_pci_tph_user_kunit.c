// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit test that runs a program: tools/testing/selftests/vfio/vfio_pci_tph_user.c does
 * what a poll mode driver would do with TPH, as a process of User-Mode Linux, from a
 * folder of the host.
 */
#include <kunit/pci.h>
#include <kunit/pci-base.h>
#include <kunit/pci-tph.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init_syscalls.h>
#include <linux/iommu.h>
#include <linux/mount.h>
#include <linux/pci.h>
#include <linux/pci-tph.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/umh.h>
#include <linux/vfio_pci_core.h>
#include <uapi/linux/mount.h>

#include "vfio_pci_fixture.h"

#define VFIO_PCI_TPH_USER_QUEUES	4
#define VFIO_PCI_TPH_USER_QUERIES	3
#define VFIO_PCI_TPH_USER_TAG		0x5a
#define VFIO_PCI_TPH_USER_TESTS		5	/* of the selftest */

/* What a program prints is here, on the root file system of the kernel */
#define VFIO_PCI_TPH_USER_OUT	"/vfio_pci_tph_user.out"
#define VFIO_PCI_TPH_USER_MAX	SZ_16K

struct vfio_pci_tph_user_ctx {
	struct vfio_pci_fixture *fix;
	atomic_t tags;			/* asked for by the kernel */
	struct pci_fabric_fn *port;
	char *out;			/* what the program has printed */
	unsigned int ctrl;		/* offset of the TPH Requester Control Register */
	bool on;			/* what was written to it */
	u16 table[VFIO_PCI_TPH_USER_QUEUES];	/* as it was when requests were turned off */
};

/* In place of pcie_tph_get_cpu_st(), for processes of the test */
static int vfio_pci_tph_user_tag(struct pci_dev *pdev, enum tph_mem_type mem_type,
				 unsigned int cpu, u16 *tag)
{
	struct vfio_pci_tph_user_ctx *ctx = kunit_get_current_test()->priv;

	atomic_inc(&ctx->tags);
	*tag = VFIO_PCI_TPH_USER_TAG + cpu;
	return 0;
}

/* Where a process looks for its files: the other suites mount for themselves alone. */
static void __init vfio_pci_tph_user_umount(void *unused)
{
	pci_kunit_paths();
	init_umount("/host", 0);
	init_umount("/sys", 0);
	init_umount("/dev", 0);
}

static int __init vfio_pci_tph_user_init(struct kunit *test)
{
	static char host[PATH_MAX] __initdata;	/* which init_mount() may change */
	struct vfio_pci_tph_user_ctx *ctx;

	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	ctx->out = kunit_kzalloc(test, VFIO_PCI_TPH_USER_MAX, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->out);

	pci_kunit_paths();
	init_mkdir("/dev", 0755);	/* usually there */
	init_mkdir("/host", 0755);
	init_mkdir("/sys", 0755);
	KUNIT_ASSERT_EQ(test, init_mount("devtmpfs", "/dev", "devtmpfs", 0, NULL), 0);
	KUNIT_ASSERT_EQ(test, init_mount("sysfs", "/sys", "sysfs", 0, NULL), 0);
	strscpy(host, VFIO_PCI_TPH_USER_DIR);
	KUNIT_ASSERT_EQ(test, init_mount("none", "/host", "hostfs", MS_RDONLY, host), 0);
	return 0;
}

/* @door: how the program is going to open the device */
static void vfio_pci_tph_user_fabric(struct kunit *test, enum vfio_pci_door door)
{
	struct vfio_pci_tph_user_ctx *ctx = test->priv;

	ctx->fix = vfio_pci_fixture_alloc(test, door);
	kunit_activate_static_stub(test, pcie_tph_get_cpu_st, vfio_pci_tph_user_tag);
	ctx->port = pci_fabric_add(ctx->fix->fabric, NULL, &(struct pci_fabric_fn_desc){
		.device = 0x0711,
		.hdr_type = PCI_HEADER_TYPE_BRIDGE,
		.pcie_type = PCI_EXP_TYPE_ROOT_PORT,
		.tph_completer = 1,
	});
}

static void __init vfio_pci_tph_user_exit(struct kunit *test)
{
	vfio_pci_tph_user_umount(NULL);
}

/* In the new process, which belongs to the test: what it prints goes to a file. */
static int vfio_pci_tph_user_begin(struct subprocess_info *info, struct cred *cred)
{
	struct file *file;
	int ret = 0;

	/* Its threads and children have this from it. They are waited for. */
	current->kunit_test = info->data;
	file = filp_open(VFIO_PCI_TPH_USER_OUT, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (IS_ERR(file))
		return PTR_ERR(file);
	/* What is there is a copy of what kernel threads have open, the test's too. */
	for (int fd = 0; fd <= 2 && ret >= 0; fd++)
		ret = replace_fd(fd, file, 0);
	fput(file);
	return ret < 0 ? ret : 0;
}

static void vfio_pci_tph_user_read(struct kunit *test)
{
	struct vfio_pci_tph_user_ctx *ctx = test->priv;
	struct file *file;
	loff_t pos = 0;
	ssize_t len;

	file = filp_open(VFIO_PCI_TPH_USER_OUT, O_RDONLY, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	len = kernel_read(file, ctx->out, VFIO_PCI_TPH_USER_MAX - 1, &pos);
	__fput_sync(file);
	KUNIT_ASSERT_GT(test, len, 0);
	ctx->out[len] = 0;
}

/* What a program that prints TAP says of its tests */
struct vfio_pci_tph_user_tap {
	unsigned int passed;
	unsigned int failed;
	unsigned int skipped;
};

/* The lines of the program, into the log; not as lines of KTAP, which they may be */
static struct vfio_pci_tph_user_tap vfio_pci_tph_user_lines(struct kunit *test)
{
	struct vfio_pci_tph_user_ctx *ctx = test->priv;
	struct vfio_pci_tph_user_tap tap = {};
	char *line, *rest = ctx->out;

	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			kunit_info(test, "| %s", line);
		if (!strncmp(line, "not ok ", 7))
			tap.failed++;
		else if (!strncmp(line, "ok ", 3) && strstr(line, "# SKIP"))
			tap.skipped++;
		else if (!strncmp(line, "ok ", 3))
			tap.passed++;
	}
	return tap;
}

/* Returns the exit status of the program, or -errno when it could not be run. */
static int vfio_pci_tph_user_exec(struct kunit *test, char **argv)
{
	static char *envp[2] = { "PATH=/host", NULL };
	struct subprocess_info *info;
	int ret;

	info = call_usermodehelper_setup(argv[0], argv, envp, GFP_KERNEL,
					 vfio_pci_tph_user_begin, NULL, test);
	KUNIT_ASSERT_NOT_NULL(test, info);
	ret = call_usermodehelper_exec(info, UMH_WAIT_PROC);
	/* Closed by the process, but seen by nobody before its work has run */
	flush_delayed_fput();
	vfio_pci_tph_user_read(test);
	if (ret > 0)
		kunit_info(test, "wait status 0x%x", ret);
	return ret > 0 && !(ret & 0x7f) ? ret >> 8 : ret;
}

static int vfio_pci_tph_user_run(struct kunit *test, struct pci_dev *pdev)
{
	char group[32], bdf[16], queues[8];
	char *argv[5] = { "/host/vfio_pci_tph_user", group, bdf, queues, NULL };
	int ret;

	snprintf(group, sizeof(group), "/dev/vfio/noiommu-%d",
		 iommu_group_id(pdev->dev.iommu_group));
	strscpy(bdf, pci_name(pdev));
	snprintf(queues, sizeof(queues), "%d", VFIO_PCI_TPH_USER_QUEUES);
	ret = vfio_pci_tph_user_exec(test, argv);
	vfio_pci_tph_user_lines(test);
	return ret;
}

/* When the program disables TPH, its tags are in the table still. */
static void vfio_pci_tph_user_watch(struct pci_fabric_fn *fn, unsigned int where,
				    unsigned int size, u32 val, void *priv)
{
	struct vfio_pci_tph_user_ctx *ctx = priv;

	bool was_on = ctx->on;

	if (where != ctx->ctrl)
		return;
	/* TPH Requester Enable (PCIe r6.0, sec 7.9.13.3) */
	ctx->on = val & 0x300;
	if (ctx->on || !was_on)
		return;
	for (unsigned int i = 0; i < VFIO_PCI_TPH_USER_QUEUES; i++)
		ctx->table[i] = pci_fabric_tph_st(fn, i);
}

/* As if the parameter of vfio-pci had been given on the command line. */
static void vfio_pci_tph_user_unsafe(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *vdev = pci_get_drvdata(pdev);

	vdev->tph_unsafe_allowed = true;
}

static void vfio_pci_tph_user_works(struct kunit *test, struct pci_fabric_fn_desc *desc,
				    bool unsafe)
{
	struct vfio_pci_tph_user_ctx *ctx = test->priv;
	struct pci_fabric_fn *fn;
	struct pci_dev *pdev;

	vfio_pci_tph_user_fabric(test, VFIO_PCI_GROUP);
	fn = pci_fabric_add(ctx->fix->fabric, ctx->port, desc);
	pci_fabric_scan(ctx->fix->fabric);
	pdev = vfio_pci_bind(ctx->fix, fn);
	if (unsafe)
		vfio_pci_tph_user_unsafe(pdev);
	ctx->ctrl = pci_fabric_cap_pos(fn, 0x17, true) + 8;
	pci_fabric_watch(fn, vfio_pci_tph_user_watch, ctx);
	KUNIT_EXPECT_EQ(test, vfio_pci_tph_user_run(test, pdev), 0);
	pci_fabric_watch(fn, NULL, NULL);

	/* The program says what it read; this is what firmware and device have seen. */
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->tags), VFIO_PCI_TPH_USER_QUERIES +
			min(VFIO_PCI_TPH_USER_QUEUES, (int)num_online_cpus()));
	KUNIT_EXPECT_GE(test, pci_fabric_tph_stats(fn).st_writes,
			VFIO_PCI_TPH_USER_QUEUES);
	/* One queue on each CPU in turn */
	for (unsigned int i = 0; i < VFIO_PCI_TPH_USER_QUEUES; i++)
		KUNIT_EXPECT_EQ_MSG(test, ctx->table[i], VFIO_PCI_TPH_USER_TAG +
				    i % num_online_cpus(), "queue %u", i);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(fn).st_live, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(fn), 0);
}

/* Catches: an interface that real programs cannot use; the table in the capability. */
static void __init vfio_pci_tph_user_cap(struct kunit *test)
{
	vfio_pci_tph_user_works(test, &(struct pci_fabric_fn_desc){
		.device = 0x0712,
		.bars[0] = { .size = SZ_4K },
		.tph = { .present = true, .iv = true, .st_loc = 1, .st_size = 8 },
	}, false);
}

/*
 * The same with the table in the MSI-X table, which wants interrupts, and the parameter
 * of vfio-pci, as a program can write there.
 */
static void __init vfio_pci_tph_user_msix(struct kunit *test)
{
	vfio_pci_tph_user_works(test, &(struct pci_fabric_fn_desc){
		.device = 0x0713,
		.bars[0] = { .size = SZ_64K },
		.msix = { .vectors = 8, .table_off = SZ_8K, .pba_off = SZ_16K },
		.tph = { .present = true, .iv = true, .st_loc = 2 },
	}, true);
}

/* Catches: a program that is content with everything, a test that does not ask. */
static void __init vfio_pci_tph_user_fails(struct kunit *test)
{
	struct vfio_pci_tph_user_ctx *ctx = test->priv;
	struct pci_fabric_fn *fn;

	vfio_pci_tph_user_fabric(test, VFIO_PCI_GROUP);
	fn = pci_fabric_add(ctx->fix->fabric, ctx->port, &(struct pci_fabric_fn_desc){
		.device = 0x0714,
		.bars[0] = { .size = SZ_4K },
		.tph = { .present = true, .iv = true, .st_loc = 1,
			 .st_size = VFIO_PCI_TPH_USER_QUEUES - 1 },
	});
	pci_fabric_scan(ctx->fix->fabric);
	KUNIT_EXPECT_EQ(test, vfio_pci_tph_user_run(test, vfio_pci_bind(ctx->fix, fn)), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->tags), 1);	/* of the query */
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(fn), 0);
}

static const struct vfio_pci_tph_user_kind {
	const char *name;
	unsigned int st_loc;
	bool unsafe;
	bool absent;
	unsigned int skipped;	/* tests that the program cannot do there */
} vfio_pci_tph_user_kinds[] = {
	{ "cap", 1, false, false, 1 },
	{ "cap_unsafe", 1, true },
	{ "msix_unsafe", 2, true },
	{ "absent", 0, false, true, VFIO_PCI_TPH_USER_TESTS },
};

KUNIT_ARRAY_PARAM_DESC(vfio_pci_tph_user_kinds, vfio_pci_tph_user_kinds, name);

/*
 * The selftest's doors: the group, for two types of container that IOMMUFD stands in
 * for, and the device's own file.  The types of VFIO itself are not for UML.
 *
 * Which file is the device's is for readdir() of sysfs to say, which may fault with
 * kernfs_rwsem held.  VFIO takes that for MSI with memory_lock held, and memory_lock
 * for a fault in a BAR.  Lockdep tells, rightly, and no more after that.
 */
static char *vfio_pci_tph_user_doors[] = {
	"iommufd_compat_type1",
	"iommufd_compat_type1v2",
#ifndef CONFIG_PROVE_LOCKING
	"iommufd",
#endif
};

/*
 * The selftest of the series, through all of the doors: all of its tests pass, and only
 * those skip that the device has nothing for, or that want another CPU.  Its TAP is in
 * the log.
 */
static void vfio_pci_tph_user_selftest(struct kunit *test)
{
	const struct vfio_pci_tph_user_kind *kind = test->param_value;
	struct vfio_pci_tph_user_ctx *ctx = test->priv;
	const unsigned int doors = ARRAY_SIZE(vfio_pci_tph_user_doors);
	char bdf[16];
	char *argv[3 + 2 * ARRAY_SIZE(vfio_pci_tph_user_doors)] = {
		"/host/vfio_pci_tph_test",
	};
	unsigned int skipped = kind->skipped;
	struct vfio_pci_tph_user_tap tap;
	struct pci_fabric_fn *fn;
	struct pci_dev *pdev;

	for (unsigned int i = 0; i < doors; i++) {
		argv[1 + 2 * i] = "-v";
		argv[2 + 2 * i] = vfio_pci_tph_user_doors[i];
	}
	argv[1 + 2 * doors] = bdf;
	vfio_pci_tph_user_fabric(test, VFIO_PCI_CDEV);
	fn = pci_fabric_add(ctx->fix->fabric, ctx->port, &(struct pci_fabric_fn_desc){
		.device = 0x0715,
		.flr = true,
		.bars[0] = { .size = SZ_64K },
		.msix = { .vectors = 8, .table_off = SZ_8K, .pba_off = SZ_16K },
		.tph = {
			.present = !kind->absent, .iv = true, .ds = true,
			.st_loc = kind->st_loc, .st_size = kind->st_loc == 1 ? 8 : 0,
		},
	});
	pci_fabric_scan(ctx->fix->fabric);
	pdev = vfio_pci_bind(ctx->fix, fn);
	if (kind->unsafe)
		vfio_pci_tph_user_unsafe(pdev);
	strscpy(bdf, pci_name(pdev));
	KUNIT_EXPECT_EQ(test, vfio_pci_tph_user_exec(test, argv), 0);
	tap = vfio_pci_tph_user_lines(test);
	if (!kind->absent && num_online_cpus() == 1)
		skipped++;
	KUNIT_EXPECT_EQ(test, tap.failed, 0);
	KUNIT_EXPECT_EQ(test, tap.skipped, doors * skipped);
	KUNIT_EXPECT_EQ(test, tap.passed, doors * (VFIO_PCI_TPH_USER_TESTS - skipped));
	if (kind->absent)
		return;
	/* It has set tags, twice, and left none */
	KUNIT_EXPECT_GE(test, pci_fabric_tph_stats(fn).st_writes, 16);
	KUNIT_EXPECT_EQ(test, pci_fabric_tph_ctrl(fn), 0);
}

static struct kunit_case __refdata vfio_pci_tph_user_cases[] = {
	KUNIT_CASE_SLOW(vfio_pci_tph_user_cap),
	KUNIT_CASE_SLOW(vfio_pci_tph_user_msix),
	KUNIT_CASE_SLOW(vfio_pci_tph_user_fails),
	KUNIT_CASE_PARAM(vfio_pci_tph_user_selftest, vfio_pci_tph_user_kinds_gen_params),
	{}
};

static struct kunit_suite __refdata vfio_pci_tph_user_suite = {
	.name = "vfio_pci_tph_user",
	.init = vfio_pci_tph_user_init,
	.exit = vfio_pci_tph_user_exit,
	.test_cases = vfio_pci_tph_user_cases,
};

kunit_test_init_section_suites(&vfio_pci_tph_user_suite);

MODULE_DESCRIPTION("KUnit test of TPH through VFIO, by a program");
MODULE_LICENSE("GPL");
