// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for VFIO_DEVICE_PCI_TPH: what it tells about a device, and enabling
 * and disabling.
 */
#include <kunit/pci.h>
#include <kunit/test.h>
#include <linux/file.h>
#include <linux/init.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>

#include "../../../pci/pci.h"
#include "pci_tph_failing.h"
#include "vfio_pci_tph_set.h"

/* Modes as bits, as GET_CAP tells them */
#define M_NS	BIT(0)
#define M_IV	BIT(1)
#define M_DS	BIT(2)

/* What a device has, and what its user is to be told: never what cannot be enabled */
static const struct tph_cap_param {
	const char *name;
	struct tph_conf conf;
	u32 modes;
	u32 loc;
	u32 size;
} tph_caps[] = {
	{ "cap", { .loc = TPH_LOC_CAP, .st_size = 8 }, M_NS | M_IV, 1, 8 },
	{ "cap_gate", { .loc = TPH_LOC_CAP, .st_size = 8, .gate = true },
	  M_NS | M_IV | M_DS, 1, 8 },
	{ "cap_1", { .loc = TPH_LOC_CAP, .st_size = 1 }, M_NS | M_IV, 1, 1 },
	{ "cap_64", { .loc = TPH_LOC_CAP, .st_size = 64 }, M_NS | M_IV, 1, 64 },
	/* The user can write tags to a table there */
	{ "msix", { .loc = TPH_LOC_MSIX, .vectors = 5 }, M_NS, 2, 5 },
	{ "msix_1", { .loc = TPH_LOC_MSIX, .vectors = 1 }, M_NS, 2, 1 },
	{ "msix_2048", { .loc = TPH_LOC_MSIX, .vectors = 2048 }, M_NS, 2, 2048 },
	{ "msix_less", { .loc = TPH_LOC_MSIX, .vectors = 8, .st_size = 3,
			 .gate = true }, M_NS | M_IV | M_DS, 2, 3 },
	/* Nobody knows where the device has its tags then */
	{ "none_iv", { .loc = TPH_LOC_NONE }, M_NS, 0, 0 },
	{ "none_iv_gate", { .loc = TPH_LOC_NONE, .gate = true },
	  M_NS | M_IV | M_DS, 0, 0 },
	{ "msix_gate", { .loc = TPH_LOC_MSIX, .gate = true }, M_NS | M_IV | M_DS, 2,
	  8 },
	{ "none", { .loc = TPH_LOC_NONE, .no_iv = true }, M_NS, 0, 0 },
	{ "none_gate", { .loc = TPH_LOC_NONE, .no_iv = true, .gate = true },
	  M_NS | M_DS, 0, 0 },
	{ "no_iv", { .loc = TPH_LOC_CAP, .st_size = 4, .no_iv = true }, M_NS, 1,
	  4 },
	{ "no_iv_gate", { .loc = TPH_LOC_CAP, .st_size = 4, .no_iv = true,
			  .gate = true }, M_NS | M_DS, 1, 4 },
	{ "no_ds", { .loc = TPH_LOC_CAP, .st_size = 4, .no_ds = true },
	  M_NS | M_IV, 1, 4 },
	{ "no_ds_gate", { .loc = TPH_LOC_CAP, .st_size = 4, .no_ds = true,
			  .gate = true }, M_NS | M_IV, 1, 4 },
	{ "extended", { .loc = TPH_LOC_CAP, .st_size = 4, .extended = true,
			.gate = true }, M_NS | M_IV | M_DS, 1, 4 },
	/* The smaller one of what the function asks for and the port completes */
	{ "extended_port", { .loc = TPH_LOC_CAP, .st_size = 4, .completer = 3 },
	  M_NS | M_IV, 1, 4 },
	{ "extended_function", { .loc = TPH_LOC_CAP, .st_size = 4,
				 .extended = true, .completer = 1 },
	  M_NS | M_IV, 1, 4 },
	{ "no_completer", { .loc = TPH_LOC_CAP, .st_size = 4, .gate = true,
			    .no_completer = true }, 0, 1, 4 },
};

TPH_ARRAY_PARAM(tph_caps, tph_caps)

/* Tags of 16 bits: both the function and the port have them */
static bool tph_extended(const struct tph_conf *conf)
{
	return conf->extended && conf->completer != 1;
}

/* What only the gate forbids, as a bit */
static u32 tph_gated(const struct tph_conf *conf)
{
	if (conf->gate || conf->no_completer)
		return 0;
	return (conf->no_ds ? 0 : M_DS) |
	       (conf->no_iv || conf->loc == TPH_LOC_CAP ? 0 : M_IV);
}

static struct tph_set *tph_caps_set(struct kunit *test)
{
	const struct tph_cap_param *param = tph_own(test);
	struct tph_conf conf = param->conf;

	conf.door = VFIO_PCI_CDEV;
	return tph_set_alloc(test, &conf);
}

/*
 * Modes, place and size of the table, limit, and that it is off.  Catches modes
 * that are told and cannot be enabled, places and sizes that are wrong (that of an
 * MSI-X table may be less than that has), and modes that the gate hides.
 */
static void tph_query(struct kunit *test)
{
	const struct tph_cap_param *param = tph_own(test);
	struct tph_set *set = tph_caps_set(test);
	unsigned int writes = pci_fabric_stats(set->fn).cfg_writes;
	struct vfio_pci_tph_cap cap;

	KUNIT_ASSERT_EQ(test, tph_get_cap(set, &cap), 0);
	KUNIT_EXPECT_EQ(test, cap.modes, param->modes);
	KUNIT_EXPECT_EQ(test, cap.st_table_loc, param->loc);
	KUNIT_EXPECT_EQ(test, cap.st_table_size, param->size);
	KUNIT_EXPECT_EQ(test, cap.max_entries, TPH_MAX_ENTRIES);
	KUNIT_EXPECT_EQ(test, cap.mode, ~0U);
	KUNIT_EXPECT_EQ(test, cap.entry_size, TPH_ENTRY_SIZE);
	KUNIT_EXPECT_EQ(test, cap.tag_bits, param->conf.no_completer ? 0 :
			tph_extended(&param->conf) ? 16 : 8);
	KUNIT_EXPECT_EQ(test, cap.flags, 1);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(set->fn).cfg_writes, writes);
}

/*
 * Each mode that is told can be enabled, and no other can: -EPERM for what only
 * the gate forbids, -EOPNOTSUPP for the rest.  The registers, and what the query
 * says then, are as the mode is.
 */
static void tph_query_is_enable(struct kunit *test)
{
	const struct tph_cap_param *param = tph_own(test);
	struct tph_set *set = tph_caps_set(test);
	u32 on = tph_extended(&param->conf) ? TPH_CTRL_EXTENDED : TPH_CTRL_ON;
	struct vfio_pci_tph_cap cap;

	for (u32 mode = TPH_NO_ST; mode <= TPH_DS; mode++) {
		unsigned int writes = tph_writes(set);
		long ret = tph_enable(set, mode);

		if (param->modes & BIT(mode)) {
			KUNIT_EXPECT_EQ_MSG(test, ret, 0, "mode %u", mode);
			KUNIT_EXPECT_EQ(test, tph_ctrl(set), on | mode);
			/* It decides about the width of tags as well */
			KUNIT_EXPECT_EQ(test, set->pdev->tph_req_type, on >> 8);
			KUNIT_EXPECT_EQ(test, tph_get_cap(set, &cap), 0);
			KUNIT_EXPECT_EQ(test, cap.mode, mode);
			KUNIT_EXPECT_EQ(test, cap.modes, param->modes);
			KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
		} else {
			KUNIT_EXPECT_EQ_MSG(test, ret,
					    tph_gated(&param->conf) & BIT(mode) ?
					    -EPERM : -EOPNOTSUPP,
					    "mode %u", mode);
			KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
		}
		KUNIT_EXPECT_EQ(test, tph_ctrl(set), 0);
		tph_expect_off(set);
	}
}

static const struct tph_conf tph_conf_cap = {
	.door = VFIO_PCI_CDEV, .loc = TPH_LOC_CAP, .st_size = 8, .gate = true,
};

/*
 * Modes that there are not.  Catches a mode that is cut to the bits of the
 * register: 8 would be No ST Mode, 9 Interrupt Vector Mode.
 */
static void tph_unknown_mode(struct kunit *test)
{
	static const u32 modes[] = { 3, 4, 5, 6, 7, 8, 9, 10, 16, 0x100, 0x10001,
				     0x80000000, 0x80000001, ~0U };
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	unsigned int writes = tph_writes(set);

	for (int i = 0; i < ARRAY_SIZE(modes); i++)
		KUNIT_EXPECT_EQ_MSG(test, tph_enable(set, modes[i]), -EINVAL,
				    "mode %#x", modes[i]);
	KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
	tph_expect_off(set);

	/* Nor while the gate is closed, so that the errno tells what is wrong */
	tph_set_gate(set, false);
	for (int i = 0; i < ARRAY_SIZE(modes); i++)
		KUNIT_EXPECT_EQ_MSG(test, tph_enable(set, modes[i]), -EINVAL,
				    "mode %#x", modes[i]);
}

/* What is on stays as it is when somebody enables it again, in whatever mode */
static void tph_twice(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);

	for (u32 first = TPH_NO_ST; first <= TPH_DS; first++) {
		unsigned int writes;

		KUNIT_ASSERT_EQ(test, tph_enable(set, first), 0);
		writes = tph_writes(set);
		for (u32 mode = TPH_NO_ST; mode <= TPH_DS; mode++)
			KUNIT_EXPECT_EQ(test, tph_enable(set, mode), -EBUSY);
		KUNIT_EXPECT_EQ(test, tph_enable(set, 3), -EINVAL);
		KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
		KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | first);
		KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	}
}

/* Disabling is always possible, and does nothing when it is off */
static void tph_disable_idempotent(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	unsigned int writes = tph_writes(set);

	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	tph_expect_off(set);
}

/* The gate closes for what is not enabled yet; closed, the way out stays open */
static void tph_gate_disable(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);

	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_DS), 0);
	tph_set_gate(set, false);
	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	tph_expect_off(set);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_DS), -EPERM);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
}

/*
 * The module parameter: there, read-only, and off unless somebody asked for it.
 * Catches an unsafe default, and one that can be changed under a user.
 */
static void tph_gate_parameter(struct kunit *test)
{
	static const char path[] =
		"module/vfio_pci/parameters/enable_unsafe_tph_ds_mode";
	struct vfio_pci_fixture *fix = vfio_pci_fixture_alloc(test,
							      VFIO_PCI_GROUP);
	int was = vfio_pci_sysfs_bool(fix, path);

	if (strstr(saved_command_line, "enable_unsafe_tph_ds_mode"))
		kunit_skip(test, "it was asked for");
	KUNIT_EXPECT_EQ(test, was, 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_sysfs_mode(fix, path), 0444);
}

/*
 * Tags stand for CPUs of this machine, so a device that can migrate to another
 * has no modes.
 */
static void tph_migration(struct kunit *test)
{
	static const struct vfio_migration_ops ops = {};
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	struct vfio_pci_core_device *vdev = pci_get_drvdata(set->pdev);
	struct vfio_pci_tph_cap cap = {};
	long query, enable;

	vdev->vdev.mig_ops = &ops;
	query = tph_get_cap(set, &cap);
	enable = tph_enable(set, TPH_IV);
	vdev->vdev.mig_ops = NULL;
	KUNIT_EXPECT_EQ(test, query, 0);
	KUNIT_EXPECT_EQ(test, cap.modes, 0);
	KUNIT_EXPECT_EQ(test, enable, -EOPNOTSUPP);
	tph_expect_off(set);
}

/* As if pci=notph had been given on the command line; returns whether it was */
static bool tph_set_notph(bool notph)
{
	bool was = pci_tph_disabled;

	pci_tph_disabled = notph;
	return was;
}

/* pci=notph: nothing is told, nothing can be enabled, what is on can be disabled */
static void tph_notph(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	bool was = tph_set_notph(true);
	struct vfio_pci_tph_cap cap = {};
	long enable[3];
	long query = tph_get_cap(set, &cap);
	long disable = tph_disable(set);

	for (u32 mode = TPH_NO_ST; mode <= TPH_DS; mode++)
		enable[mode] = tph_enable(set, mode);
	tph_set_notph(was);

	KUNIT_EXPECT_EQ(test, query, 0);
	KUNIT_EXPECT_EQ(test, cap.modes, 0);
	KUNIT_EXPECT_EQ(test, disable, 0);
	for (u32 mode = TPH_NO_ST; mode <= TPH_DS; mode++)
		KUNIT_EXPECT_EQ_MSG(test, enable[mode], -EOPNOTSUPP, "mode %u",
				    mode);
	tph_expect_off(set);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), was ? -EOPNOTSUPP : 0);
}

static void tph_notph_enabled(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	struct vfio_pci_tph_cap cap = {};
	long disable;
	bool was;

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	was = tph_set_notph(true);
	tph_get_cap(set, &cap);
	disable = tph_disable(set);
	tph_set_notph(was);
	KUNIT_EXPECT_EQ(test, cap.mode, TPH_IV);
	KUNIT_EXPECT_EQ(test, cap.modes, 0);
	KUNIT_EXPECT_EQ(test, disable, 0);
	tph_expect_off(set);
}

/*
 * ENABLE finds that the table of whoever was there before cannot be cleared: it
 * fails, and TPH is not left on with the tags of another.
 */
static void tph_enable_cannot_clear(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	long enable;

	pci_tph_fail(set->pdev->bus);
	enable = tph_enable(set, TPH_IV);
	pci_tph_succeed(set->pdev->bus);
	KUNIT_EXPECT_EQ(test, enable, -ENODEV);
	tph_expect_off(set);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
}

/* The group way is the same */
static void tph_group(struct kunit *test)
{
	struct tph_conf conf = tph_conf_cap;
	struct tph_set *set;

	conf.door = VFIO_PCI_GROUP;
	set = tph_set_alloc(test, &conf);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 3, tph_cpu(), false), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 3), tph_tag(tph_cpu(), false));
	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	tph_expect_off(set);
}

/*
 * A variant driver, which knows nothing of TPH: it has what needs no parameter, as
 * that is vfio-pci's.  Catches a parameter that is looked at for all drivers, and an
 * interface that variant drivers do not have, or have without its resets.
 */
static void tph_variant(struct kunit *test)
{
	struct tph_conf conf = tph_conf_cap;
	struct vfio_pci_tph_cap cap = {};
	struct tph_set *set;
	u16 tag;

	if (!IS_ENABLED(CONFIG_VIRTIO_VFIO_PCI))
		kunit_skip(test, "without virtio-vfio-pci");

	conf.driver = "virtio_vfio_pci";
	set = tph_set_alloc(test, &conf);
	KUNIT_EXPECT_TRUE(test, *set->gate);
	KUNIT_EXPECT_EQ(test, tph_get_cap(set, &cap), 0);
	KUNIT_EXPECT_EQ(test, cap.modes, M_NS | M_IV);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_DS), -EPERM);
	KUNIT_EXPECT_EQ(test, tph_get_one(set, tph_cpu(), false, &tag), -EPERM);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 3, tph_cpu(), false), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 3), tph_tag(tph_cpu(), false));
	KUNIT_EXPECT_EQ(test, vfio_pci_ioctl(set->user, VFIO_DEVICE_RESET, NULL),
			0);
	tph_expect_off(set);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 3, tph_cpu(), false), 0);
	vfio_pci_close(set->user);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 3), 0);
}

/*
 * Two files of one device share its state: it is the device's, not the file's.
 * Catches state that is undone when one of them is closed.
 */
static void tph_two_files(struct kunit *test)
{
	struct tph_conf conf = tph_conf_cap;
	struct tph_set *set;
	int first, second;

	conf.door = VFIO_PCI_GROUP;
	set = tph_set_alloc(test, &conf);
	first = set->user->fd;
	second = vfio_pci_open_again(set->user);
	KUNIT_ASSERT_GE(test, second, 0);

	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	set->user->fd = second;
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), -EBUSY);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 0, tph_cpu(), false), 0);
	vfio_pci_sys(close, first);
	flush_delayed_fput();
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), 0);
	vfio_pci_close(set->user);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), 0);
}

static struct kunit_case vfio_pci_tph_mode_cases[] = {
	KUNIT_CASE_PARAM(tph_query, tph_caps_gen_params),
	KUNIT_CASE_PARAM(tph_query_is_enable, tph_caps_gen_params),
	TPH_CASE(tph_unknown_mode),
	TPH_CASE(tph_twice),
	TPH_CASE(tph_disable_idempotent),
	TPH_CASE(tph_gate_disable),
	KUNIT_CASE(tph_gate_parameter),
	TPH_CASE(tph_migration),
	TPH_CASE(tph_notph),
	TPH_CASE(tph_notph_enabled),
	TPH_CASE(tph_enable_cannot_clear),
	TPH_CASE(tph_group),
	TPH_CASE(tph_variant),
	TPH_CASE(tph_two_files),
	{}
};

static struct kunit_suite vfio_pci_tph_mode_suite = {
	.name = "vfio_pci_tph_mode",
	.test_cases = vfio_pci_tph_mode_cases,
};

kunit_test_suite(vfio_pci_tph_mode_suite);

MODULE_DESCRIPTION("KUnit tests for TPH modes through vfio-pci");
MODULE_LICENSE("GPL");
