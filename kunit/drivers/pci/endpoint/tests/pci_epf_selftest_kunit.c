// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests that run the kernel's selftest of endpoints, in one kernel: pci-epf-test on an
 * emulated endpoint, pci_endpoint_test on the root complex, and the program
 * tools/testing/selftests/pci_endpoint as a process of User-Mode Linux.
 *
 * Each test of the program is a KUnit test with the same result: passed, failed, skipped.
 */
#include <kunit/pci.h>
#include <kunit/pci-base.h>
#include <kunit/pci-epc.h>
#include <kunit/test.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init_syscalls.h>
#include <linux/kmsg_dump.h>
#include <linux/mount.h>
#include <linux/pci.h>
#include <linux/umh.h>
#include <uapi/linux/mount.h>

#include "pci_fabric_ep_cfs.h"
#include "pci_fabric_ep_dma.h"
#include "pci_fabric_ep_of.h"

/* What the program prints is here, on the root file system of the kernel */
#define SELFTEST_OUT	"/pci_epf_selftest.out"
#define SELFTEST_MAX	SZ_64K

/*
 * The program tries 2048 MSI-X vectors until there is none, and then says that its test is
 * skipped.  It has 30 s for all, and pci-epf-test takes 20 ms for each at 100 Hz.
 */
#define SELFTEST_MSIX		"64"
#define SELFTEST_MSIX_END	"MSI-X65 is disabled"

struct selftest_ctx {
	struct pci_fabric *fabric;
	struct pci_fabric_fn *port;
	struct pci_fabric_ep *ep;
	struct pci_ep_cfs *cfs;
	char *out;
};

static void __init selftest_umount(void *path)
{
	pci_kunit_paths();
	/* A program that is killed may still have something open. */
	init_umount(path, MNT_DETACH);
}

static void __init selftest_mount(struct kunit *test)
{
	static char host[PATH_MAX] __initdata;	/* which init_mount() may change */

	pci_kunit_paths();
	init_mkdir("/dev", 0755);	/* usually there */
	init_mkdir("/host", 0755);
	KUNIT_ASSERT_EQ(test, init_mount("devtmpfs", "/dev", "devtmpfs", 0, NULL), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, selftest_umount, "/dev"), 0);
	strscpy(host, PCI_EPF_SELFTEST_DIR);
	KUNIT_ASSERT_EQ(test, init_mount("none", "/host", "hostfs", MS_RDONLY, host), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, selftest_umount, "/host"), 0);
}

static int __init selftest_init(struct kunit *test)
{
	struct selftest_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	ctx->out = kunit_kzalloc(test, SELFTEST_MAX, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ctx->out);
	selftest_mount(test);
	ctx->fabric = pci_fabric_alloc(test);
	ctx->port = pci_fabric_add(ctx->fabric, NULL, &(struct pci_fabric_fn_desc){
		.device = 0x0e10,
		.hdr_type = PCI_HEADER_TYPE_BRIDGE,
		.pcie_type = PCI_EXP_TYPE_ROOT_PORT,
	});
	pci_fabric_scan(ctx->fabric);
	return 0;
}

/* Everything that a user does on the endpoint, up to the driver on the root complex */
static void __init selftest_start(struct kunit *test,
				  const struct pci_fabric_ep_desc *desc)
{
	static const char * const attrs[][2] __initconst = {
		/* One that pci_endpoint_test knows: DRA74x, aligned to 4 KiB */
		{ "vendorid", "0x104c" },
		{ "deviceid", "0xb500" },
		{ "msi_interrupts", "32" },
		{ "msix_interrupts", SELFTEST_MSIX },
	};
	struct selftest_ctx *ctx = test->priv;
	struct pci_dev *pdev;

	ctx->ep = pci_fabric_ep_alloc(test, ctx->fabric, ctx->port, desc);
	pci_fabric_ep_add_dma(test);
	ctx->cfs = pci_ep_cfs_make(test, "pci_epf_test", "func1");
	for (int i = 0; i < ARRAY_SIZE(attrs); i++)
		KUNIT_ASSERT_EQ(test, pci_ep_cfs_set(ctx->cfs, attrs[i][0], attrs[i][1]), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_cfs_link(ctx->cfs, pci_fabric_ep_epc(ctx->ep)), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_cfs_start(ctx->cfs, true), 0);
	KUNIT_ASSERT_TRUE(test, pci_fabric_ep_wait(ctx->ep, true));
	pdev = pci_fabric_pdev(pci_fabric_ep_fn(ctx->ep, 0));
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_NOT_NULL_MSG(test, pci_get_drvdata(pdev), "no driver");
}

/* In the new process: what it prints goes to a file. */
static int selftest_stdio(struct subprocess_info *info, struct cred *cred)
{
	struct file *file;
	int ret = 0;

	file = filp_open(SELFTEST_OUT, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (IS_ERR(file))
		return PTR_ERR(file);
	for (int fd = 0; fd <= 2 && ret >= 0; fd++)
		ret = replace_fd(fd, file, 0);
	fput(file);
	return ret < 0 ? ret : 0;
}

static void selftest_read(struct kunit *test)
{
	struct selftest_ctx *ctx = test->priv;
	struct file *file;
	loff_t pos = 0;
	ssize_t len;

	file = filp_open(SELFTEST_OUT, O_RDONLY, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	len = kernel_read(file, ctx->out, SELFTEST_MAX - 1, &pos);
	__fput_sync(file);
	KUNIT_ASSERT_GT(test, len, 0);
	ctx->out[len] = 0;
}

/* Returns the wait status of the program, or -errno when it could not be run. */
static int selftest_run(struct kunit *test, char *option, char *value)
{
	char *envp[2] = { "PATH=/host", NULL };
	char *argv[4] = { "/host/pci_endpoint_test", option, value, NULL };
	struct subprocess_info *info;
	int ret;

	info = call_usermodehelper_setup(argv[0], argv, envp, GFP_KERNEL, selftest_stdio,
					 NULL, NULL);
	KUNIT_ASSERT_NOT_NULL(test, info);
	ret = call_usermodehelper_exec(info, UMH_WAIT_PROC);
	/* Closed by the process, but seen by nobody before its work has run */
	flush_delayed_fput();
	selftest_read(test);
	return ret;
}

/* The lines of the program; of the last that is a result, which one: 'p', 'f', 's' or 0 */
static char selftest_lines(struct kunit *test, char **reason)
{
	struct selftest_ctx *ctx = test->priv;
	char *line, *rest = ctx->out;
	char result = 0;

	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			kunit_info(test, "| %s", line);
		if (!strncmp(line, "not ok ", 7)) {
			result = 'f';
		} else if (!strncmp(line, "ok ", 3)) {
			*reason = strstr(line, "# SKIP");
			result = *reason ? 's' : 'p';
		}
	}
	return result;
}

static void selftest_one(struct kunit *test, const char *name)
{
	char *reason = NULL;
	int ret = selftest_run(test, "-r", (char *)name);

	switch (selftest_lines(test, &reason)) {
	case 'p':
		KUNIT_EXPECT_EQ(test, ret, 0);
		break;
	case 's':
		kunit_skip(test, "%s", reason);
		break;
	case 'f':
		KUNIT_FAIL(test, "failed by the program, see above");
		break;
	default:
		KUNIT_FAIL(test, "no result, wait status %#x", ret);
	}
}

/* The tests of the program, but for those of MSI-X and doorbells */
static const char * const selftest_names[] = {
	"pci_ep_bar.BAR0.BAR_TEST",
	"pci_ep_bar.BAR1.BAR_TEST",
	"pci_ep_bar.BAR2.BAR_TEST",
	"pci_ep_bar.BAR3.BAR_TEST",
	"pci_ep_bar.BAR4.BAR_TEST",
	"pci_ep_bar.BAR5.BAR_TEST",
	"pci_ep_bar.BAR0.BAR_SUBRANGE_TEST",
	"pci_ep_bar.BAR1.BAR_SUBRANGE_TEST",
	"pci_ep_bar.BAR2.BAR_SUBRANGE_TEST",
	"pci_ep_bar.BAR3.BAR_SUBRANGE_TEST",
	"pci_ep_bar.BAR4.BAR_SUBRANGE_TEST",
	"pci_ep_bar.BAR5.BAR_SUBRANGE_TEST",
	"pci_ep_basic.CONSECUTIVE_BAR_TEST",
	"pci_ep_basic.LEGACY_IRQ_TEST",
	"pci_ep_basic.MSI_TEST",
	"pci_ep_data_transfer.memcpy.READ_TEST",
	"pci_ep_data_transfer.memcpy.WRITE_TEST",
	"pci_ep_data_transfer.memcpy.COPY_TEST",
	"pci_ep_data_transfer.dma.READ_TEST",
	"pci_ep_data_transfer.dma.WRITE_TEST",
	"pci_ep_data_transfer.dma.COPY_TEST",
};

static void selftest_desc(const char * const *name, char *desc)
{
	strscpy(desc, *name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(selftest, selftest_names, selftest_desc);

/* Catches: an endpoint that does not do what pci_endpoint_test asks for. */
static void __init selftest_program(struct kunit *test)
{
	selftest_start(test, &(struct pci_fabric_ep_desc){});
	selftest_one(test, *(const char * const *)test->param_value);
}

/* Catches: MSI-X vectors that the endpoint does not raise, or another one. */
static void __init selftest_msix(struct kunit *test)
{
	struct selftest_ctx *ctx = test->priv;
	char *reason = NULL;

	selftest_start(test, &(struct pci_fabric_ep_desc){});
	KUNIT_EXPECT_EQ(test, selftest_run(test, "-r", "pci_ep_basic.MSIX_TEST"), 0);
	/* It is skipped even if one before has failed, of which there is a line only */
	KUNIT_EXPECT_NULL(test, strstr(ctx->out, "Expected"));
	KUNIT_EXPECT_EQ(test, selftest_lines(test, &reason), 's');
	KUNIT_ASSERT_NOT_NULL(test, reason);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(reason, SELFTEST_MSIX_END), "%s", reason);
}

/* What the kernel has logged since a line that says @mark */
static bool selftest_logged(const char *mark, const char *what)
{
	static char line[512];
	struct kmsg_dump_iter iter;
	bool found = false;
	size_t len;

	kmsg_dump_rewind(&iter);
	while (kmsg_dump_get_line(&iter, false, line, sizeof(line) - 1, &len)) {
		line[len] = 0;
		if (strstr(line, mark))
			found = false;
		else if (strstr(line, what))
			found = true;
	}
	return found;
}

/*
 * Catches: no doorbell without an MSI domain, and a user who is not told which one it is.
 * Fails without the series: "Failed to enable doorbell".
 */
static void __init selftest_doorbell(struct kunit *test)
{
	struct selftest_ctx *ctx = test->priv;
	struct pci_fabric_ep_stats stats;

	selftest_start(test, &(struct pci_fabric_ep_desc){
		.doorbell = PCI_FABRIC_EP_DOORBELL_MMIO,
		.doorbell_off = 0x10c,
	});
	pr_info("selftest: doorbell without MSI\n");
	selftest_one(test, "pcie_ep_doorbell.DOORBELL_TEST");
	KUNIT_EXPECT_TRUE(test, selftest_logged("selftest: doorbell without MSI",
						"Can't find MSI domain for EPC"));
	KUNIT_EXPECT_TRUE(test, selftest_logged("selftest: doorbell without MSI",
						"Using embedded (DMA) doorbell fallback"));
	stats = pci_fabric_ep_stats(ctx->ep);
	KUNIT_EXPECT_EQ(test, stats.rings, 1);
	KUNIT_EXPECT_EQ(test, stats.bad_doorbells, 0);
}

/* The same with a register that a reserved BAR has, which must stay as it is. */
static void __init selftest_doorbell_bar(struct kunit *test)
{
	struct selftest_ctx *ctx = test->priv;
	unsigned int set_bars;

	selftest_start(test, &(struct pci_fabric_ep_desc){
		.doorbell = PCI_FABRIC_EP_DOORBELL_BAR,
		.doorbell_bar = BAR_4,
		.doorbell_off = 0x84,
		.doorbell_data = 0xd00b,
	});
	set_bars = pci_fabric_ep_stats(ctx->ep).set_bars;
	selftest_one(test, "pcie_ep_doorbell.DOORBELL_TEST");
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).rings, 1);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).bad_doorbells, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).set_bars, set_bars);
}

/* Catches: a fallback that is taken although there is an MSI domain. */
static void __init selftest_doorbell_msi(struct kunit *test)
{
	struct pci_fabric_ep_desc desc = {
		.doorbell = PCI_FABRIC_EP_DOORBELL_MMIO,
	};
	struct selftest_ctx *ctx = test->priv;
	struct pci_fabric_ep_stats stats;

	pci_fabric_ep_of(test, &desc);
	selftest_start(test, &desc);
	selftest_one(test, "pcie_ep_doorbell.DOORBELL_TEST");
	stats = pci_fabric_ep_stats(ctx->ep);
	KUNIT_EXPECT_EQ(test, stats.messages, 1);
	KUNIT_EXPECT_EQ(test, stats.rings, 0);
	KUNIT_EXPECT_EQ(test, stats.bad_doorbells, 0);
}

/* Catches: a test that passes when there is nothing that could ring. */
static void __init selftest_no_doorbell(struct kunit *test)
{
	char *reason = NULL;

	selftest_start(test, &(struct pci_fabric_ep_desc){});
	selftest_run(test, "-r", "pcie_ep_doorbell.DOORBELL_TEST");
	KUNIT_EXPECT_EQ(test, selftest_lines(test, &reason), 'f');
}

/* Catches: tests that leave something for the next: all of the program, at one go. */
static void __init selftest_all(struct kunit *test)
{
	struct selftest_ctx *ctx = test->priv;
	char *reason;

	selftest_start(test, &(struct pci_fabric_ep_desc){
		.doorbell = PCI_FABRIC_EP_DOORBELL_MMIO,
	});
	KUNIT_EXPECT_EQ(test, selftest_run(test, NULL, NULL), 0);
	KUNIT_EXPECT_NOT_NULL(test, strstr(ctx->out, " fail:0 xfail:0 xpass:0 "));
	selftest_lines(test, &reason);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).mapped, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_ep_stats(ctx->ep).bad_outbound, 0);
}

static struct kunit_case __refdata selftest_cases[] = {
	KUNIT_CASE_PARAM(selftest_program, selftest_gen_params),
	KUNIT_CASE_SLOW(selftest_msix),
	KUNIT_CASE_SLOW(selftest_doorbell),
	KUNIT_CASE_SLOW(selftest_doorbell_bar),
	KUNIT_CASE_SLOW(selftest_doorbell_msi),
	KUNIT_CASE_SLOW(selftest_no_doorbell),
	KUNIT_CASE_SLOW(selftest_all),
	{}
};

static struct kunit_suite __refdata selftest_suite = {
	.name = "pci_epf_selftest",
	.init = selftest_init,
	.test_cases = selftest_cases,
};
kunit_test_init_section_suites(&selftest_suite);

MODULE_DESCRIPTION("KUnit tests that run the selftest of PCI endpoints");
MODULE_LICENSE("GPL");
