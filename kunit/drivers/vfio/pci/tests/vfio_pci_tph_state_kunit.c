// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for VFIO_DEVICE_PCI_TPH: what each operation wants of the state of
 * a device, and what ends that state: closing, resets, power states.
 */
#include <kunit/pci.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/pci-tph.h>
#include <linux/rwsem.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>

#include "../../../pci/pci.h"
#include "vfio_pci_tph_set.h"

#define TABLE	8

static const struct tph_conf tph_conf_cap = {
	.door = VFIO_PCI_CDEV, .loc = TPH_LOC_CAP, .st_size = TABLE, .gate = true,
};

static const struct tph_conf tph_conf_msix = {
	.door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE, .gate = true,
};

/* Asking for tags */

/*
 * Tags come in the order of the entries, for CPU and memory type, and the device
 * is not touched.  Catches tags of another entry or type.
 */
static void tph_get(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	struct tph_arg *arg = tph_arg(set, TPH_OP_GET_ST, 300);
	unsigned int writes, cpu = tph_cpu();

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	for (int i = 0; i < 300; i++)
		arg->entry[i].mem_type = i % 3 == 1;
	writes = pci_fabric_stats(set->fn).cfg_writes;
	KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(set->fn).cfg_writes, writes);
	for (int i = 0; i < 300; i++)
		KUNIT_EXPECT_EQ_MSG(test, arg->entry[i].st,
				    tph_tag(cpu, i % 3 == 1), "entry %d", i);
}

/* There is no index to ask for: each bit is refused */
static void tph_get_index(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	struct tph_arg *arg = tph_arg(set, TPH_OP_GET_ST, 3);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	for (int bit = 0; bit < 16; bit++) {
		arg->entry[2].index = BIT(bit);
		KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), -EINVAL);
	}
}

/*
 * One tag cannot be had: the error, and no tag at all.  Catches entries that are
 * copied one by one.
 */
static void tph_get_fails(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	set->fail_persistent = -ENODEV;
	for (int at = 0; at < 5; at++) {
		struct tph_arg *arg = tph_arg(set, TPH_OP_GET_ST, 5);

		arg->entry[at].mem_type = 1;
		KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), -ENODATA);
		for (int i = 0; i < 5; i++)
			KUNIT_EXPECT_EQ(test, arg->entry[i].st, 0);
	}
}

/* What each operation wants to be enabled; nothing is asked for otherwise */
static void tph_wants_mode(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	unsigned int cpu = tph_cpu();
	u16 tag;

	for (int mode = -1; mode <= TPH_DS; mode++) {
		unsigned int resolved;

		if (mode >= 0)
			KUNIT_ASSERT_EQ(test, tph_enable(set, mode), 0);
		resolved = atomic_read(&set->resolved);
		/* A tag of 0, without an error, would look like one */
		KUNIT_EXPECT_EQ_MSG(test, tph_get_one(set, cpu, false, &tag),
				    mode == TPH_DS ? 0 : -ENXIO, "mode %d", mode);
		KUNIT_EXPECT_EQ(test, atomic_read(&set->resolved) - resolved,
				mode == TPH_DS);
		resolved = atomic_read(&set->resolved);
		/* Without a table in use, it would be set nowhere */
		KUNIT_EXPECT_EQ_MSG(test, tph_set_one(set, 2, cpu, false),
				    mode >= TPH_IV ? 0 : -ENXIO, "mode %d", mode);
		KUNIT_EXPECT_EQ(test, atomic_read(&set->resolved) - resolved,
				mode >= TPH_IV);
		KUNIT_EXPECT_EQ(test, tph_st(set, 2),
				mode >= TPH_IV ? tph_tag(cpu, false) : 0);
		KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	}
}

/*
 * The gate is for all of Device Specific Mode: nothing is told and nothing enabled.
 * Interrupt Vector Mode with a table that only the kernel writes goes on.
 */
static void tph_gate(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	struct vfio_pci_tph_cap cap;
	unsigned int resolved, writes, cpu = tph_cpu();
	u16 tag;

	tph_set_gate(set, false);
	writes = tph_writes(set);
	KUNIT_EXPECT_EQ(test, tph_get_cap(set, &cap), 0);
	KUNIT_EXPECT_EQ(test, cap.modes, BIT(0) | BIT(1));
	resolved = atomic_read(&set->resolved);
	KUNIT_EXPECT_EQ(test, tph_get_one(set, cpu, false, &tag), -EPERM);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_DS), -EPERM);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 0, cpu, false), -ENXIO);
	KUNIT_EXPECT_EQ(test, atomic_read(&set->resolved), resolved);
	KUNIT_EXPECT_EQ(test, tph_writes(set), writes);

	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 0, cpu, false), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 0), tph_tag(cpu, false));
	KUNIT_EXPECT_EQ(test, tph_get_one(set, cpu, false, &tag), -EPERM);

	/* With no other mode there is none, and no tag to have bits */
	KUNIT_EXPECT_EQ(test, cap.tag_bits, 8);
	pci_fabric_poke(set->fn, set->cap + 4, 1, BIT(TPH_DS));
	KUNIT_EXPECT_EQ(test, tph_get_cap(set, &cap), 0);
	KUNIT_EXPECT_EQ(test, cap.modes, 0);
	KUNIT_EXPECT_EQ(test, cap.tag_bits, 0);
}

/* Without a table there is no index, and tags can still be asked for */
static void tph_no_table(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_NONE, .no_iv = true,
		.gate = true,
	});
	unsigned int writes, cpu = tph_cpu();
	u16 tag = 0;

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	writes = tph_writes(set);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 0, cpu, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 0xffff, cpu, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
	KUNIT_EXPECT_EQ(test, tph_get_one(set, cpu, true, &tag), 0);
	KUNIT_EXPECT_EQ(test, tag, tph_tag(cpu, true));
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_DS);
}

static const struct tph_extended_param {
	const char *name;
	struct tph_conf conf;
} tph_extended_tables[] = {
	{ "cap", { .door = VFIO_PCI_CDEV, .loc = TPH_LOC_CAP, .st_size = TABLE,
		   .gate = true, .extended = true } },
	{ "msix", { .door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		    .gate = true, .extended = true } },
};

TPH_ARRAY_PARAM(tph_extended, tph_extended_tables)

/* Extended tags have 16 bits, in either table.  Catches a tag that is cut. */
static void tph_extended(struct kunit *test)
{
	const struct tph_extended_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &param->conf);
	unsigned int cpu = tph_cpu();
	u16 tag = 0;

	if (set->conf.loc == TPH_LOC_MSIX)
		tph_msix(set, TABLE);
	set->tag_high = 0xfe;
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_EXTENDED | TPH_DS);
	KUNIT_EXPECT_EQ(test, tph_get_one(set, cpu, true, &tag), 0);
	KUNIT_EXPECT_EQ(test, tag, 0xfe00 | tph_tag(cpu, true));
	KUNIT_EXPECT_EQ(test, tph_set_one(set, TABLE - 1, cpu, true), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, TABLE - 1), 0xfe00 | tph_tag(cpu, true));
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_EXTENDED | TPH_DS);
}

/*
 * A platform that knows no tags, as there is no ACPI, or no _DSM: the query says so,
 * there is one errno for it, and nothing is done.
 */
static void tph_platform(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	struct vfio_pci_tph_cap cap;
	unsigned int writes;
	u16 tag;

	KUNIT_EXPECT_EQ(test, tph_get_cap(set, &cap), 0);
	KUNIT_EXPECT_EQ(test, cap.flags, 1);
	kunit_deactivate_static_stub(test, pcie_tph_get_cpu_st);
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	writes = tph_writes(set);
	KUNIT_EXPECT_EQ(test, tph_get_cap(set, &cap), 0);
	KUNIT_EXPECT_EQ(test, cap.flags, 0);
	KUNIT_EXPECT_EQ(test, tph_get_one(set, tph_cpu(), false, &tag), -ENODATA);
	KUNIT_EXPECT_EQ(test, tag, 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 0, tph_cpu(), false), -ENODATA);
	KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_DS);
}

/* The table in the MSI-X table */

/*
 * Entries whose vector has no interrupt cannot be set; TPH stays on.  Catches a
 * batch that the PCI core ends in the middle, with TPH disabled.
 */
static void tph_msix_vectors(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_msix);
	struct tph_arg *arg = tph_arg(set, TPH_OP_SET_ST, TABLE);
	unsigned int cpu = tph_cpu();

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 0, cpu, false), -ENOENT);

	tph_msix(set, 4);
	KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), -ENOENT);
	for (int i = 0; i < TABLE; i++)
		KUNIT_EXPECT_EQ(test, tph_st(set, i), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 3, cpu, false), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 3), tph_tag(cpu, false));
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 4, cpu, false), -ENOENT);

	tph_msix(set, 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 3, cpu, false), -ENOENT);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
}

/*
 * A tag shares a dword with the mask bit of the vector: interrupts come as before.
 * Catches a write that masks the vector, or unmasks it.
 */
static void tph_msix_interrupt(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_msix);

	KUNIT_ASSERT_EQ(test, vfio_pci_cfg_write(set->user, 0x04, 2,
						 BIT(1) | BIT(2)), 0);
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	tph_msix(set, 2);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), true), 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(set->fn, 1),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, pci_fabric_raise_msix(set->fn, 0),
			PCI_FABRIC_IRQ_DELIVERED);
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), tph_tag(tph_cpu(), true));
}

/*
 * A user who has memory decoding off can still set tags, and it is off again
 * then.  Catches a write that goes nowhere.
 */
static void tph_msix_memory_off(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_msix);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	tph_msix(set, 2);
	KUNIT_ASSERT_EQ(test, vfio_pci_cfg_write(set->user, 0x04, 2, 0), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), tph_tag(tph_cpu(), false));
	KUNIT_EXPECT_EQ(test, pci_fabric_peek(set->fn, 0x04, 2) & BIT(1), 0);
}

/* PowerState of PMCSR (sec 7.5.2.2) */
static int tph_power(struct tph_set *set, unsigned int state)
{
	unsigned int pm = pci_fabric_cap_pos(set->fn, 0x01, false);

	return vfio_pci_cfg_write(set->user, pm + 4, 2, state);
}

/* In D1 the table cannot be reached, and no tag is lost on the way there */
static void tph_msix_d1(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		.gate = true, .d1 = true });
	unsigned int cpu = tph_cpu();

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	tph_msix(set, 2);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 0, cpu, false), 0);
	KUNIT_ASSERT_EQ(test, tph_power(set, 1), 0);
	KUNIT_ASSERT_EQ(test, set->pdev->current_state, PCI_D1);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, cpu, false), -EIO);
	KUNIT_ASSERT_EQ(test, tph_power(set, 0), 0);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
	KUNIT_EXPECT_EQ(test, tph_st(set, 0), tph_tag(cpu, false));
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, cpu, false), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), tph_tag(cpu, false));
}

/* Configuration space */

/* The user sees the registers of the hardware, and cannot write them */
static void tph_config(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	unsigned int writes;

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_read(set->user, set->cap, 2), 0x17);
	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_read(set->user, set->cap + 8, 4),
			TPH_CTRL_ON | TPH_IV);
	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_read(set->user, set->cap + 0xc + 2, 2),
			tph_tag(tph_cpu(), false));

	writes = tph_writes(set);
	vfio_pci_cfg_write(set->user, set->cap + 8, 4, TPH_CTRL_ON | TPH_DS);
	for (int i = 0; i < TABLE; i++) {
		vfio_pci_cfg_write(set->user, set->cap + 0xc + 2 * i, 2, 0x77);
		vfio_pci_cfg_write(set->user, set->cap + 0xc + 2 * i, 1, 0x77);
		vfio_pci_cfg_write(set->user, set->cap + 0xc + (2 * i & ~3), 4,
				   0x770077);
	}
	KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), tph_tag(tph_cpu(), false));
}

/* What ends it */

/* A function level reset, asked for by the user in the registers */
static int tph_end_flr(struct tph_set *set)
{
	unsigned int exp = pci_fabric_cap_pos(set->fn, 0x10, false);

	/* Device Control, Initiate Function Level Reset (sec 7.5.3.4) */
	return vfio_pci_cfg_write(set->user, exp + 0x08, 2, BIT(15));
}

/* The same in the Advanced Features capability: AF Control, Initiate FLR */
static int tph_end_af_flr(struct tph_set *set)
{
	unsigned int af = pci_fabric_cap_pos(set->fn, 0x13, false);

	return vfio_pci_cfg_write(set->user, af + 4, 1, BIT(0));
}

static int tph_end_reset(struct tph_set *set)
{
	return vfio_pci_ioctl(set->user, VFIO_DEVICE_RESET, NULL);
}

static int tph_end_hot_reset(struct tph_set *set)
{
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };

	return vfio_pci_call(set->fix, set->user->fd, VFIO_DEVICE_PCI_HOT_RESET,
			     &reset, sizeof(reset));
}

static int tph_end_d3hot(struct tph_set *set)
{
	return tph_power(set, 3) ?: tph_power(set, 0);
}

static int tph_feature(struct tph_set *set, u32 feature)
{
	struct vfio_device_feature arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DEVICE_FEATURE_SET | feature,
	};

	return vfio_pci_call(set->fix, set->user->fd, VFIO_DEVICE_FEATURE, &arg,
			     sizeof(arg));
}

static int tph_end_low_power(struct tph_set *set)
{
	return tph_feature(set, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY) ?:
	       tph_feature(set, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT);
}

static int tph_end_reopen(struct tph_set *set)
{
	tph_reopen(set);
	return 0;
}

#define TPH_CAP_TABLE	.door = VFIO_PCI_CDEV, .loc = TPH_LOC_CAP,	\
			.st_size = TABLE, .gate = true

static const struct tph_end_param {
	const char *name;
	int (*end)(struct tph_set *set);
	struct tph_conf conf;
} tph_ends[] = {
	{ "reset_flr", tph_end_reset, { TPH_CAP_TABLE } },
	{ "reset_pm", tph_end_reset, { TPH_CAP_TABLE, .no_flr = true,
				       .soft_reset = true } },
	{ "reset_bus", tph_end_reset, { TPH_CAP_TABLE, .no_flr = true } },
	{ "flr_by_user", tph_end_flr, { TPH_CAP_TABLE } },
	{ "af_flr_by_user", tph_end_af_flr, { TPH_CAP_TABLE, .af = true } },
	{ "hot_reset", tph_end_hot_reset, { TPH_CAP_TABLE } },
	{ "d3hot", tph_end_d3hot, { TPH_CAP_TABLE } },
	{ "d3hot_reset", tph_end_d3hot, { TPH_CAP_TABLE, .soft_reset = true } },
	{ "low_power", tph_end_low_power, { TPH_CAP_TABLE } },
	{ "close", tph_end_reopen, { TPH_CAP_TABLE } },
	{ "close_no_flr", tph_end_reopen, { TPH_CAP_TABLE, .no_flr = true } },
	{ "close_pm", tph_end_reopen, { TPH_CAP_TABLE, .no_flr = true,
					.soft_reset = true } },
	/* Two functions: the bus cannot be reset for one of them */
	{ "close_no_reset", tph_end_reopen, { TPH_CAP_TABLE, .no_flr = true,
					      .two = true } },
	{ "close_vf", tph_end_reopen, { TPH_CAP_TABLE, .vf = true } },
	{ "reset_vf", tph_end_reset, { TPH_CAP_TABLE, .vf = true } },
};

TPH_ARRAY_PARAM(tph_ends, tph_ends)

/*
 * After whatever ends it, TPH is off: in the registers, for the kernel, and for
 * the user, in each mode.  It can be enabled again, and no tag of before is there
 * then.  Catches state that a reset restores, that the next user inherits, or that
 * the kernel and the hardware see differently.
 */
static void tph_ended(struct kunit *test)
{
	const struct tph_end_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &param->conf);
	unsigned int cpu = tph_cpu();

	for (u32 mode = TPH_NO_ST; mode <= TPH_DS; mode++) {
		KUNIT_ASSERT_EQ(test, tph_enable(set, mode), 0);
		if (mode != TPH_NO_ST)
			KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, cpu, true), 0);
		KUNIT_EXPECT_EQ(test, param->end(set), 0);
		tph_expect_off(set);
		KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, cpu, true), -ENXIO);
		KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
		KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
		for (int i = 0; i < TABLE; i++)
			KUNIT_EXPECT_EQ_MSG(test, tph_st(set, i), 0,
					    "mode %u, entry %d", mode, i);
		/* Nor does it come back by the same way */
		KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
		KUNIT_EXPECT_EQ(test, param->end(set), 0);
		tph_expect_off(set);
	}
}

/*
 * A device that cannot be reset, as another function is on its bus: the user is
 * told, and TPH stays as it is.  Catches a reset that is refused, but turns it off.
 */
static void tph_reset_refused(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE, .no_flr = true, .two = true });
	unsigned int cpu = tph_cpu();

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 1, cpu, true), 0);
	KUNIT_EXPECT_EQ(test, tph_end_reset(set), -EINVAL);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), tph_tag(cpu, true));
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), -EBUSY);
}

static const struct tph_again_param {
	const char *name;
	int (*end)(struct tph_set *set);
} tph_agains[] = {
	{ "reset", tph_end_reset },
	{ "hot_reset", tph_end_hot_reset },
};

TPH_ARRAY_PARAM(tph_agains, tph_agains)

/*
 * Somebody else is at work on the device, so that the reset is not made: the user is
 * told, and TPH is off all the same.  Catches TPH that is on for one of hardware and
 * kernel.
 */
static void tph_reset_again(struct kunit *test)
{
	const struct tph_again_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	unsigned int cpu = tph_cpu();
	int ret;

	for (u32 mode = TPH_NO_ST; mode <= TPH_DS; mode++) {
		KUNIT_ASSERT_EQ(test, tph_enable(set, mode), 0);
		device_lock(&set->pdev->dev);
		ret = param->end(set);
		device_unlock(&set->pdev->dev);
		KUNIT_EXPECT_EQ(test, ret, -EAGAIN);
		tph_expect_off(set);
		KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, cpu, true), -ENXIO);
		KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
		KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, cpu, true), 0);
		KUNIT_EXPECT_EQ(test, tph_st(set, 1), tph_tag(cpu, true));
		KUNIT_EXPECT_EQ(test, param->end(set), 0);
		tph_expect_off(set);
	}
}

/* Writes to the registers that could end it, but do not ask for that */
static void tph_kept(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE, .af = true, .d1 = true });
	unsigned int exp = pci_fabric_cap_pos(set->fn, 0x10, false);
	unsigned int af = pci_fabric_cap_pos(set->fn, 0x13, false);
	unsigned int cpu = tph_cpu();

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 1, cpu, true), 0);
	KUNIT_EXPECT_EQ(test, tph_power(set, 0), 0);
	KUNIT_EXPECT_EQ(test, tph_power(set, 1), 0);
	KUNIT_EXPECT_EQ(test, set->pdev->current_state, PCI_D1);
	KUNIT_EXPECT_EQ(test, tph_power(set, 0), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_write(set->user, exp + 0x08, 2, 0x2810),
			0);
	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_write(set->user, af + 4, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_write(set->user, 0x04, 2, 0), 0);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), tph_tag(cpu, true));
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 2, cpu, true), 0);
}

/*
 * A device that is closed with TPH on is off while nobody has it open, and while
 * another driver may have it.
 */
static void tph_closed(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 1, tph_cpu(), true), 0);
	vfio_pci_close(set->user);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), 0);
	KUNIT_EXPECT_EQ(test, (int)set->pdev->tph_enabled, 0);
	set->user = vfio_pci_open(set->fix, set->pdev);
	tph_expect_off(set);
}

/*
 * What a driver before left on is off when the device is opened, and is not what
 * closing restores.
 */
static void tph_left_on(struct kunit *test)
{
	struct tph_conf conf = tph_conf_cap;
	struct tph_set *set;

	conf.closed = true;
	set = tph_set_alloc(test, &conf);
	KUNIT_ASSERT_EQ(test, pcie_enable_tph(set->pdev, TPH_DS), 0);
	KUNIT_ASSERT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_DS);
	set->user = vfio_pci_open(set->fix, set->pdev);
	tph_expect_off(set);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	tph_reopen(set);
	tph_expect_off(set);
}

/* What one user leaves for the next */

/* A device that cannot be reset, as another function is on its bus */
#define TPH_NO_RESET	.no_flr = true, .two = true, .unbound = true

/*
 * The user closes a device that cannot be reset: no tag is left in the capability,
 * not for whoever looks while it is closed, and not for the next one.
 */
static void tph_next_cap(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE, TPH_NO_RESET });

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	for (int i = 0; i < TABLE; i++)
		KUNIT_ASSERT_EQ(test, tph_set_one(set, i, tph_cpu(), false), 0);
	vfio_pci_close(set->user);
	for (int i = 0; i < TABLE; i++)
		KUNIT_EXPECT_EQ(test, tph_st(set, i), 0);

	/* Nor those of a driver before */
	pci_fabric_poke(set->fn, set->cap + 12, 2, 0x77);
	pci_fabric_poke(set->fn, set->cap + 12 + 2 * (TABLE - 1), 2, 0x78);
	set->user = vfio_pci_open(set->fix, set->pdev);
	for (int i = 0; i < TABLE; i++)
		KUNIT_EXPECT_EQ(test, tph_st(set, i), 0);
}

/* Vector Control of an entry of the MSI-X table (sec 7.7.2.8) */
static u32 tph_vector_ctrl(struct tph_set *set, unsigned int index)
{
	return pci_fabric_bar_peek(set->fn, 0, TPH_BAR_TABLE + 16 * index + 12, 4);
}

/* As a user does who has mapped it: the tag, and nothing else */
static void tph_write_tag(struct tph_set *set, unsigned int index, u16 tag)
{
	pci_fabric_bar_poke(set->fn, 0, TPH_BAR_TABLE + 16 * index + 14, 2, tag);
}

/* Vectors beyond the ST table have interrupts, and no tags */
static void tph_msix_less(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		.st_size = 3, .gate = true });
	unsigned int cpu = tph_cpu();

	tph_msix(set, TABLE);
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 2, cpu, true), 0);
	KUNIT_EXPECT_EQ(test, tph_vector_ctrl(set, 2) >> 16, tph_tag(cpu, true));
	for (int i = 3; i < TABLE; i++) {
		KUNIT_EXPECT_EQ(test, tph_set_one(set, i, cpu, true), -EINVAL);
		KUNIT_EXPECT_EQ(test, tph_vector_ctrl(set, i) >> 16, 0);
	}
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
}

/*
 * The same for a table in the MSI-X table: what was set, and what the user has
 * written there himself, for vectors that there are not.  Catches tags that come
 * back when vectors are unmasked.
 */
static void tph_next_msix(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		.gate = true, TPH_NO_RESET });
	u32 ctrl[TABLE];

	tph_msix(set, 4);
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), 0);
	tph_msix(set, 0);
	tph_write_tag(set, 2, 0x77);
	tph_write_tag(set, TABLE - 1, 0x78);
	for (int i = 0; i < TABLE; i++)
		ctrl[i] = tph_vector_ctrl(set, i) & 0xffff;
	KUNIT_ASSERT_EQ(test, vfio_pci_cfg_write(set->user, 0x04, 2, 0), 0);
	vfio_pci_close(set->user);
	for (int i = 0; i < TABLE; i++)
		KUNIT_EXPECT_EQ_MSG(test, tph_vector_ctrl(set, i), ctrl[i],
				    "entry %d", i);

	/* Nor those of a driver before */
	tph_write_tag(set, 0, 0x77);
	set->user = vfio_pci_open(set->fix, set->pdev);
	KUNIT_EXPECT_EQ(test, tph_st(set, 0), 0);
	tph_msix(set, TABLE);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	for (int i = 0; i < TABLE; i++)
		KUNIT_EXPECT_EQ(test, tph_st(set, i), 0);
}

/*
 * The same for a VF, whose BAR registers are 0 (sec 9.3.4.1.11), and nothing is written
 * where there is no tag.
 */
static void tph_next_msix_vf(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		.gate = true, .no_flr = true, .vf = true });
	unsigned int writes;

	pci_fabric_need_bars(test);
	tph_write_tag(set, 2, 0x77);
	writes = pci_fabric_stats(set->fn).bar_writes;
	vfio_pci_close(set->user);
	KUNIT_EXPECT_EQ(test, tph_vector_ctrl(set, 2) >> 16, 0);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(set->fn).bar_writes, writes + 1);

	set->user = vfio_pci_open(set->fix, set->pdev);
	vfio_pci_close(set->user);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(set->fn).bar_writes, writes + 1);
}

/* Memory is decoded at the address that a reset leaves */
static void tph_see_memory(struct pci_fabric_fn *fn, unsigned int where,
			   unsigned int size, u32 val, void *priv)
{
	bool *astray = priv;

	if (where == 0x04 && (val & BIT(1)) &&
	    !(pci_fabric_peek(fn, 0x10, 4) & ~0xfU))
		*astray = true;
}

/*
 * A reset that nobody restores the device after, of the link for instance, takes the
 * tags and the BARs.  Catches a device that is made to answer at address 0.
 */
static void tph_next_lost_bars(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		.gate = true, TPH_NO_RESET });
	bool astray = false;

	pci_fabric_need_bars(test);
	pci_fabric_reset(set->fn, PCI_FABRIC_RESET_HOT);
	KUNIT_ASSERT_EQ(test, pci_fabric_peek(set->fn, 0x10, 4) & ~0xfU, 0);
	pci_fabric_watch(set->fn, tph_see_memory, &astray);
	vfio_pci_close(set->user);
	pci_fabric_watch(set->fn, NULL, NULL);
	KUNIT_EXPECT_FALSE(test, astray);
	set->user = vfio_pci_open(set->fix, set->pdev);
	tph_expect_off(set);
}

static void tph_see_moved(struct pci_fabric_fn *fn, unsigned int where,
			  unsigned int size, u32 val, void *priv)
{
	bool *astray = priv;

	if (where == 0x04 && (val & BIT(1)) && pci_fabric_peek(fn, 0x14, 4) == 1)
		*astray = true;
}

/* The same where only the upper half of the address tells */
static void tph_next_moved_bar(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		.gate = true, .wide = true, TPH_NO_RESET });
	bool astray = false;

	pci_fabric_need_bars(test);
	KUNIT_ASSERT_EQ(test, pci_fabric_peek(set->fn, 0x14, 4), 0);
	tph_write_tag(set, 2, 0x77);
	vfio_pci_close(set->user);
	KUNIT_EXPECT_EQ(test, tph_vector_ctrl(set, 2) >> 16, 0);
	set->user = vfio_pci_open(set->fix, set->pdev);
	KUNIT_ASSERT_EQ(test, vfio_pci_cfg_write(set->user, 0x04, 2, 0), 0);
	pci_fabric_poke(set->fn, 0x14, 4, 1);
	pci_fabric_watch(set->fn, tph_see_moved, &astray);
	vfio_pci_close(set->user);
	pci_fabric_watch(set->fn, NULL, NULL);
	KUNIT_EXPECT_FALSE(test, astray);
	pci_fabric_poke(set->fn, 0x14, 4, 0);
}

/* Without such a table, nobody looks at the MSI-X table, or where it should be */
static void tph_next_no_table(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE, TPH_NO_RESET });
	unsigned int writes;

	pci_fabric_need_bars(test);
	tph_write_tag(set, 2, 0x77);
	vfio_pci_close(set->user);
	writes = pci_fabric_stats(set->fn).bar_writes;
	set->user = vfio_pci_open(set->fix, set->pdev);
	vfio_pci_close(set->user);
	KUNIT_EXPECT_EQ(test, tph_vector_ctrl(set, 2) >> 16, 0x77);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(set->fn).bar_writes, writes);
}

static const struct tph_astray_param {
	const char *name;
	u32 table;		/* Table Offset and BIR (sec 7.7.2.3) */
} tph_astray[] = {
	{ "behind_bar", SZ_64K },
	{ "end_of_bar", SZ_64K - 16 * TABLE + 8 },
	{ "far", 0xfffffff8 },
	{ "no_bar", 1 },
	{ "bar_6", TPH_BAR_TABLE | 6 },
	{ "bar_7", TPH_BAR_TABLE | 7 },
};

TPH_ARRAY_PARAM(tph_astray, tph_astray)

/* A device whose MSI-X table is where there is nothing can be opened and closed */
static void tph_msix_astray(struct kunit *test)
{
	const struct tph_astray_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		.gate = true, .closed = true, TPH_NO_RESET });
	unsigned int msix = pci_fabric_cap_pos(set->fn, 0x11, false);
	struct pci_fabric_stats before = pci_fabric_stats(set->fn), after;

	pci_fabric_poke(set->fn, msix + 4, 4, param->table);
	set->user = vfio_pci_open(set->fix, set->pdev);
	vfio_pci_close(set->user);
	after = pci_fabric_stats(set->fn);
	KUNIT_EXPECT_EQ(test, after.bar_reads, before.bar_reads);
	KUNIT_EXPECT_EQ(test, after.bar_writes, before.bar_writes);
}

/* Nor is anything done to one in a BAR that VFIO cannot map, as it is somebody else's */
static void tph_msix_busy(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		.gate = true, .closed = true, TPH_NO_RESET });

	pci_fabric_need_bars(test);
	tph_write_tag(set, 2, 0x77);
	KUNIT_ASSERT_EQ(test, pci_request_selected_regions(set->pdev, BIT(0), "kunit"),
			0);
	set->user = vfio_pci_open(set->fix, set->pdev);
	KUNIT_EXPECT_EQ(test, tph_vector_ctrl(set, 2) >> 16, 0x77);
	vfio_pci_close(set->user);
	KUNIT_EXPECT_EQ(test, tph_vector_ctrl(set, 2) >> 16, 0x77);
	pci_release_selected_regions(set->pdev, BIT(0));

	/* When it can be mapped again, nothing is left */
	set->user = vfio_pci_open(set->fix, set->pdev);
	KUNIT_EXPECT_EQ(test, tph_vector_ctrl(set, 2) >> 16, 0);
}

/* ENABLE is not to let requests go out with what is in the table still */
static void tph_see_enable(struct pci_fabric_fn *fn, unsigned int where,
			   unsigned int size, u32 val, void *priv)
{
	struct tph_set *set = priv;

	if (where != set->cap + 8 || !(val & 0x300))
		return;
	for (int i = 0; i < TABLE; i++)
		KUNIT_EXPECT_EQ(set->test, tph_st(set, i), 0);
	set->priv = NULL;
}

static void tph_clear_first(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);

	for (u32 mode = TPH_NO_ST; mode <= TPH_DS; mode++) {
		pci_fabric_poke(set->fn, set->cap + 12 + 2, 2, 0x77);
		set->priv = set;
		pci_fabric_watch(set->fn, tph_see_enable, set);
		KUNIT_EXPECT_EQ(test, tph_enable(set, mode), 0);
		pci_fabric_watch(set->fn, NULL, NULL);
		KUNIT_EXPECT_NULL(test, set->priv);
		KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	}
}

/* The hardware has it on, and the kernel knows nothing of it: off, at both ends */
static void tph_unknown_on(struct kunit *test)
{
	struct tph_conf conf = { TPH_CAP_TABLE, TPH_NO_RESET };
	struct tph_set *set;

	conf.closed = true;
	set = tph_set_alloc(test, &conf);
	pci_fabric_poke(set->fn, set->cap + 8, 4, TPH_CTRL_ON | TPH_IV);
	set->user = vfio_pci_open(set->fix, set->pdev);
	tph_expect_off(set);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), 0);
	pci_fabric_poke(set->fn, set->cap + 8, 4, TPH_CTRL_ON | TPH_IV);
	vfio_pci_close(set->user);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), 0);
}

/* Resets that VFIO does not see */

/* What somebody does while the device is in the reset */
struct tph_outside {
	struct tph_set *set;
	long (*fn)(struct tph_set *set);
	struct completion go;
	bool seen;
	bool over;
	bool over_in_reset;
};

static int tph_outside_main(void *data)
{
	struct tph_outside *outside = data;
	long ret;

	if (!wait_for_completion_timeout(&outside->go, VFIO_PCI_TIMEOUT / 2))
		return -ETIMEDOUT;
	ret = outside->fn(outside->set);
	WRITE_ONCE(outside->over, true);
	return ret;
}

static void tph_in_reset(struct pci_fabric_fn *fn, unsigned int where,
			 unsigned int size, u32 val, void *priv)
{
	struct tph_outside *outside = priv;
	unsigned int exp = pci_fabric_cap_pos(fn, 0x10, false);
	struct vfio_pci_core_device *vdev;

	/* Device Control, Initiate Function Level Reset */
	if (outside->seen || where != exp + 0x08 || !(val & BIT(15)))
		return;
	outside->seen = true;
	if (!outside->fn)
		return;
	complete(&outside->go);
	/* He is done, or has what he needs of VFIO and waits for something else */
	vdev = pci_get_drvdata(outside->set->pdev);
	for (int held = 0, i = 0; held < 20 && i < 5000; i++) {
		if (READ_ONCE(outside->over))
			break;
		held = rwsem_is_locked(&vdev->memory_lock) ? held + 1 : 0;
		fsleep(1000);
	}
	outside->over_in_reset = READ_ONCE(outside->over);
}

static void tph_sysfs_reset(struct tph_set *set, long (*fn)(struct tph_set *set))
{
	struct tph_outside outside = { .set = set, .fn = fn };
	struct vfio_pci_thread *thread = NULL;
	struct kunit *test = set->test;
	char path[64];

	init_completion(&outside.go);
	if (fn)
		thread = vfio_pci_thread_start(set->fix, tph_outside_main, &outside);
	snprintf(path, sizeof(path), "bus/pci/devices/%s/reset",
		 pci_name(set->pdev));
	pci_fabric_watch(set->fn, tph_in_reset, &outside);
	KUNIT_EXPECT_EQ(test, vfio_pci_sysfs_write(set->fix, path, "1"), 0);
	pci_fabric_watch(set->fn, NULL, NULL);
	KUNIT_EXPECT_TRUE(test, outside.seen);
	if (!fn)
		return;
	KUNIT_EXPECT_EQ(test, vfio_pci_thread_join(thread), 0);
	KUNIT_EXPECT_FALSE(test, outside.over_in_reset);
}

/* The user is told what the hardware has, and the kernel believes the same */
static void tph_expect_mode(struct tph_set *set, u32 mode)
{
	struct kunit *test = set->test;
	struct vfio_pci_tph_cap cap = {};

	KUNIT_EXPECT_EQ(test, tph_get_cap(set, &cap), 0);
	KUNIT_EXPECT_EQ(test, cap.mode, mode);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set),
			mode == ~0U ? 0 : TPH_CTRL_ON | mode);
	KUNIT_EXPECT_EQ(test, (int)set->pdev->tph_enabled, mode != ~0U);
}

/* Through sysfs: mode and tags are as before, and can be changed */
static void tph_outside_keeps(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	unsigned int cpu = tph_cpu();

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 1, cpu, true), 0);
	tph_sysfs_reset(set, NULL);
	tph_expect_mode(set, TPH_IV);
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), tph_tag(cpu, true));
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 2, cpu, false), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 2), tph_tag(cpu, false));
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	tph_sysfs_reset(set, NULL);
	tph_expect_mode(set, ~0U);
}

/*
 * Who does something in the middle does it after the reset.  Catches DISABLE that the
 * reset undoes, ENABLE that it undoes or that gets the mode and the tags of before,
 * tags that are set in a device that does not answer, and a mode that is not true.
 */
static void tph_outside_disable(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 1, tph_cpu(), true), 0);
	tph_sysfs_reset(set, tph_disable);
	tph_expect_mode(set, ~0U);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), 0);
}

static long tph_enable_ds(struct tph_set *set)
{
	return tph_enable(set, TPH_DS);
}

static void tph_outside_enable(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 1, tph_cpu(), true), 0);
	tph_sysfs_reset(set, NULL);
	tph_reopen(set);
	tph_sysfs_reset(set, tph_enable_ds);
	tph_expect_mode(set, TPH_DS);
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), 0);
}

static long tph_set_third(struct tph_set *set)
{
	return tph_set_one(set, 2, tph_cpu(), false);
}

static void tph_outside_set(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	unsigned int cpu = tph_cpu();

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 1, cpu, true), 0);
	tph_sysfs_reset(set, tph_set_third);
	tph_expect_mode(set, TPH_IV);
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), tph_tag(cpu, true));
	KUNIT_EXPECT_EQ(test, tph_st(set, 2), tph_tag(cpu, false));
}

static long tph_get_tag(struct tph_set *set)
{
	u16 tag = 0;
	long ret;

	ret = tph_get_one(set, tph_cpu(), true, &tag);
	return ret ?: tag == tph_tag(tph_cpu(), true) ? 0 : -ERANGE;
}

static void tph_outside_get(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	tph_sysfs_reset(set, tph_get_tag);
	tph_expect_mode(set, TPH_DS);
}

static long tph_query_ds(struct tph_set *set)
{
	struct vfio_pci_tph_cap cap = {};
	long ret = tph_get_cap(set, &cap);

	return ret ?: cap.mode == TPH_DS ? 0 : -ERANGE;
}

static void tph_outside_query(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	tph_sysfs_reset(set, tph_query_ds);
	tph_expect_mode(set, TPH_DS);
}

/* Somebody else has a device, in a reset of it, and the user calls */
static int tph_bad_header(struct tph_set *set)
{
	struct tph_arg *arg = tph_arg(set, TPH_OP_DISABLE, 0);
	int err = set->shell->spoil(arg->mem, 0);

	return tph_arg_run(set, arg) == err ? 0 : -ERANGE;
}

static int tph_query_call(struct tph_set *set)
{
	struct vfio_pci_tph_cap cap;

	return tph_get_cap(set, &cap);
}

#define TPH_ABSENT	.door = VFIO_PCI_CDEV, .absent = true

static const struct tph_meanwhile_param {
	const char *name;
	int (*call)(struct tph_set *set);
	int ret;
	struct tph_conf conf;
} tph_meanwhiles[] = {
	{ "absent_reset", tph_end_reset, -EAGAIN, { TPH_ABSENT } },
	{ "absent_hot_reset", tph_end_hot_reset, -EAGAIN, { TPH_ABSENT } },
	{ "absent_low_power", tph_end_low_power, 0, { TPH_ABSENT } },
	{ "absent_query", tph_query_call, -ENOTTY, { TPH_ABSENT } },
	{ "reset", tph_end_reset, -EAGAIN, { TPH_CAP_TABLE } },
	{ "low_power", tph_end_low_power, -EAGAIN, { TPH_CAP_TABLE } },
	{ "bad_header", tph_bad_header, 0, { TPH_CAP_TABLE } },
};

TPH_ARRAY_PARAM(tph_meanwhiles, tph_meanwhiles)

static int tph_meanwhile_main(void *data)
{
	struct tph_set *set = data;
	const struct tph_meanwhile_param *param = set->priv;

	return param->call(set);
}

/*
 * Nobody waits for the lock that is held then but who has something to do in the
 * device: who waits has memory_lock, and all who touch a BAR wait for him.  What
 * failed did nothing.
 */
static void tph_outside_meanwhile(struct kunit *test)
{
	const struct tph_meanwhile_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &param->conf);
	struct vfio_pci_thread *thread;

	if (param->call == tph_end_low_power && tph_end_low_power(set))
		kunit_skip(test, "no runtime power management");
	if (!param->conf.absent)
		KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	set->priv = (void *)param;
	KUNIT_ASSERT_TRUE(test, pci_cfg_access_trylock(set->pdev));
	thread = vfio_pci_thread_start(set->fix, tph_meanwhile_main, set);
	KUNIT_EXPECT_EQ(test, vfio_pci_thread_join(thread), param->ret);
	pci_cfg_access_unlock(set->pdev);
	if (param->conf.absent)
		return;
	tph_expect_mode(set, TPH_IV);
	if (param->call == tph_bad_header)
		return;
	KUNIT_EXPECT_EQ(test, param->call(set), 0);
	tph_expect_off(set);
}

static int tph_close_main(void *data)
{
	struct tph_set *set = data;

	vfio_pci_close(set->user);
	return 0;
}

/*
 * The reset of a bus holds the lock of one device while it waits for the next, whose
 * driver may wait for dev_set->lock.  Catches a close that waits in the middle.
 */
static void tph_outside_close(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	struct vfio_pci_thread *thread;

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 1, tph_cpu(), true), 0);
	KUNIT_ASSERT_TRUE(test, pci_cfg_access_trylock(set->pdev));
	pci_save_state(set->pdev);
	thread = vfio_pci_thread_start(set->fix, tph_close_main, set);
	KUNIT_EXPECT_EQ(test, vfio_pci_thread_join(thread), 0);
	pci_restore_state(set->pdev);
	pci_cfg_access_unlock(set->pdev);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 1), 0);
	KUNIT_EXPECT_FALSE(test, set->pdev->tph_enabled);
	set->user = vfio_pci_open(set->fix, set->pdev);
	tph_expect_off(set);
}

/* As tph_outside_close(), with a table that is not to be reached in the reset */
static void tph_outside_close_msix(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		.gate = true, TPH_NO_RESET });
	struct vfio_pci_thread *thread;
	unsigned int writes;

	pci_fabric_need_bars(test);
	tph_write_tag(set, 2, 0x77);
	writes = pci_fabric_stats(set->fn).bar_writes;
	KUNIT_ASSERT_TRUE(test, pci_cfg_access_trylock(set->pdev));
	thread = vfio_pci_thread_start(set->fix, tph_close_main, set);
	KUNIT_EXPECT_EQ(test, vfio_pci_thread_join(thread), 0);
	pci_cfg_access_unlock(set->pdev);
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(set->fn).bar_writes, writes);
	KUNIT_EXPECT_EQ(test, tph_vector_ctrl(set, 2) >> 16, 0x77);
	set->user = vfio_pci_open(set->fix, set->pdev);
	KUNIT_EXPECT_EQ(test, tph_vector_ctrl(set, 2) >> 16, 0);
}

static int tph_hot_reset_main(void *data)
{
	return tph_end_hot_reset(data);
}

/* As tph_outside_close(): a hot reset is refused, as it is for other locks of devices */
static void tph_outside_hot_reset(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	struct vfio_pci_thread *thread;

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_TRUE(test, pci_cfg_access_trylock(set->pdev));
	thread = vfio_pci_thread_start(set->fix, tph_hot_reset_main, set);
	KUNIT_EXPECT_EQ(test, vfio_pci_thread_join(thread), -EAGAIN);
	pci_cfg_access_unlock(set->pdev);
	KUNIT_EXPECT_EQ(test, tph_end_hot_reset(set), 0);
	tph_expect_off(set);
}

/*
 * The same with the lock of the second of two devices: each of them is asked for what
 * became of it.
 */
static void tph_outside_hot_reset_two(struct kunit *test)
{
	struct tph_conf conf = { TPH_CAP_TABLE, .two = true, .closed = true };
	struct tph_set *set = tph_set_alloc(test, &conf);
	struct vfio_pci_thread *thread;

	set->fix->one_iommufd = true;
	set->user = vfio_pci_open(set->fix, set->pdev);
	vfio_pci_open(set->fix, set->pdev2);
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, pcie_enable_tph(set->pdev2, TPH_IV), 0);
	KUNIT_ASSERT_TRUE(test, pci_cfg_access_trylock(set->pdev2));
	thread = vfio_pci_thread_start(set->fix, tph_hot_reset_main, set);
	KUNIT_EXPECT_EQ(test, vfio_pci_thread_join(thread), -EAGAIN);
	pci_cfg_access_unlock(set->pdev2);
	tph_expect_off(set);
	KUNIT_EXPECT_EQ(test, pcie_tph_enabled_mode(set->pdev2), TPH_IV);
	KUNIT_EXPECT_EQ(test, tph_end_hot_reset(set), 0);
	KUNIT_EXPECT_EQ(test, pcie_tph_enabled_mode(set->pdev2), -ENXIO);
}

static int tph_lose_link(struct tph_set *set)
{
	pci_fabric_reset(set->fn, PCI_FABRIC_RESET_HOT);
	return 0;
}

/* As pcie_do_recovery() goes on after a fatal error: vfio-pci has nothing after that */
static int tph_lose_aer(struct tph_set *set)
{
	const struct pci_error_handlers *handler = set->pdev->driver->err_handler;

	if (handler->error_detected(set->pdev, pci_channel_io_frozen) !=
	    PCI_ERS_RESULT_CAN_RECOVER || handler->slot_reset || handler->resume)
		return -EOPNOTSUPP;
	return pci_bus_error_reset(set->pdev->bus->self);
}

static const struct tph_lost_param {
	const char *name;
	int (*lose)(struct tph_set *set);
} tph_losts[] = {
	{ "link", tph_lose_link },
	{ "aer", tph_lose_aer },
};

TPH_ARRAY_PARAM(tph_losts, tph_losts)

/*
 * The link is reset after an error, or the PF of a VF: nobody restores the device.
 * The user is told, no tag is set in a mode that nobody enabled, and ENABLE works.
 */
static void tph_outside_lost(struct kunit *test)
{
	const struct tph_lost_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	struct vfio_pci_tph_cap cap = {};
	unsigned int writes;
	u16 tag;

	for (u32 mode = TPH_NO_ST; mode <= TPH_DS; mode++) {
		KUNIT_ASSERT_EQ(test, tph_enable(set, mode), 0);
		KUNIT_ASSERT_EQ(test, param->lose(set), 0);
		KUNIT_EXPECT_EQ(test, tph_get_cap(set, &cap), 0);
		KUNIT_EXPECT_EQ(test, cap.mode, ~0U);
		writes = tph_writes(set);
		KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), -ENXIO);
		KUNIT_EXPECT_EQ(test, tph_get_one(set, tph_cpu(), false, &tag),
				-ENXIO);
		KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
		KUNIT_EXPECT_EQ(test, tph_ctrl(set), 0);
		/* The reset takes bus mastering and BARs as well */
		KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
		tph_expect_mode(set, TPH_IV);
		KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	}
}

/*
 * As tph_outside_lost(), with a table in a BAR, which ENABLE does not bring back.
 * Catches a tag that is said to be there, and a device that answers at address 0.
 */
static void tph_outside_lost_bar(struct kunit *test)
{
	const struct tph_lost_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		.gate = true });
	bool astray = false;

	pci_fabric_need_bars(test);
	tph_msix(set, TABLE);
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_ASSERT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), 0);
	KUNIT_ASSERT_EQ(test, param->lose(set), 0);
	KUNIT_ASSERT_EQ(test, pci_fabric_peek(set->fn, 0x10, 4) & ~0xfU, 0);
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	pci_fabric_watch(set->fn, tph_see_memory, &astray);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, tph_cpu(), false), -EIO);
	/* An entry that there is not is told of before that */
	KUNIT_EXPECT_EQ(test, tph_set_one(set, TABLE, tph_cpu(), false), -EINVAL);
	pci_fabric_watch(set->fn, NULL, NULL);
	KUNIT_EXPECT_FALSE(test, astray);
	tph_expect_mode(set, TPH_IV);
}

/* A device may say that its table has 2048 entries, when it is in the capability */
static void tph_table_too_big(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		TPH_CAP_TABLE, .closed = true, TPH_NO_RESET });
	u32 cap_reg = pci_fabric_peek(set->fn, set->cap + 4, 4);
	struct vfio_pci_tph_cap cap = {};

	pci_fabric_poke(set->fn, set->cap + 4, 4, cap_reg | 0x07ff0000);
	/* Which maps configuration space */
	set->user = vfio_pci_open(set->fix, set->pdev);
	KUNIT_EXPECT_EQ(test, tph_get_cap(set, &cap), 0);
	KUNIT_EXPECT_EQ(test, cap.st_table_size, 64);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_IV), 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 64, tph_cpu(), false), -EINVAL);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 2047, tph_cpu(), false), -EINVAL);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
}

static const struct tph_last_param {
	const char *name;
	unsigned int pos, pos2;
	u32 header, header2;	/* length of vendor specific, next, ID */
} tph_lasts[] = {
	{ "pm", 0xfc, 0xfc, 0, 0x0001 },
	{ "vpd", 0xfc, 0xfc, 0, 0x0003 },
	{ "exp", 0xfc, 0xfc, 0, 0x0010 },
	{ "af", 0xfc, 0xfc, 0, 0x0013 },
	/* The two low bits of the pointer are used */
	{ "exp_unaligned", 0xfe, 0xfc, 0, 0x00100000 },
	/* The end of a PCI Express capability, behind another one that is in it */
	{ "overlap", 0xd4, 0xd8, 0xd810, 0x240009 },
};

TPH_ARRAY_PARAM(tph_lasts, tph_lasts)

/*
 * A capability that begins where configuration space ends, with registers that are
 * not there: VPD has 8 bytes (PCI r3.0, appendix I), PCI Express more.  For KASAN: what
 * there is for a function of conventional PCI has 256 bytes.
 */
static void tph_cap_at_end(struct kunit *test)
{
	const struct tph_last_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .absent = true, .conventional = true,
		.closed = true, TPH_NO_RESET });
	unsigned int last = 0x34 - 1, next;
	u32 end;

	while ((next = pci_fabric_peek(set->fn, last + 1, 1)))
		last = next;
	pci_fabric_poke(set->fn, last + 1, 1, param->pos);
	if (param->header)
		pci_fabric_poke(set->fn, param->pos, 4, param->header);
	pci_fabric_poke(set->fn, param->pos2, 4, param->header2);
	end = pci_fabric_peek(set->fn, 0xfc, 2);
	set->user = vfio_pci_open(set->fix, set->pdev);
	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_read(set->user, 0xfc, 2), end);
	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_read(set->user, 0x100, 4), ~0U);
	/* What is written there has the kernel look at other registers */
	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_write(set->user, 0xfe, 2, 0x8000), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_cfg_write(set->user, 0xfc, 2, 0), 0);
}

/* In D3hot nothing can be enabled; what is told stays the same */
static void tph_d3hot(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	struct vfio_pci_tph_cap cap = {};
	u16 tag;

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	KUNIT_ASSERT_EQ(test, tph_power(set, 3), 0);
	KUNIT_EXPECT_EQ(test, tph_get_cap(set, &cap), 0);
	KUNIT_EXPECT_EQ(test, cap.modes, 7);
	KUNIT_EXPECT_EQ(test, cap.st_table_size, TABLE);
	KUNIT_EXPECT_EQ(test, cap.mode, ~0U);
	for (u32 mode = TPH_NO_ST; mode <= TPH_DS; mode++)
		KUNIT_EXPECT_EQ(test, tph_enable(set, mode), -EIO);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 0, tph_cpu(), false), -ENXIO);
	KUNIT_EXPECT_EQ(test, tph_get_one(set, tph_cpu(), false, &tag), -ENXIO);
	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	KUNIT_ASSERT_EQ(test, tph_power(set, 0), 0);
	tph_expect_off(set);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_DS), 0);
}

/* As tph_d3hot(), for the feature that lets the platform turn the device off */
static void tph_low_power(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	u16 tag;

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	if (tph_feature(set, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY))
		kunit_skip(test, "no runtime power management");
	/* A call wakes the device up, and does not leave the feature */
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_DS), -EIO);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 0, tph_cpu(), false), -ENXIO);
	KUNIT_EXPECT_EQ(test, tph_get_one(set, tph_cpu(), false, &tag), -ENXIO);
	KUNIT_EXPECT_EQ(test, tph_feature(set, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT),
			0);
	tph_expect_off(set);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_DS), 0);
}

static struct kunit_case vfio_pci_tph_state_cases[] = {
	TPH_CASE(tph_get),
	TPH_CASE(tph_get_index),
	TPH_CASE(tph_get_fails),
	TPH_CASE(tph_wants_mode),
	TPH_CASE(tph_gate),
	TPH_CASE(tph_no_table),
	KUNIT_CASE_PARAM(tph_extended, tph_extended_gen_params),
	TPH_CASE(tph_platform),
	TPH_CASE(tph_msix_vectors),
	TPH_CASE(tph_msix_interrupt),
	TPH_CASE(tph_msix_memory_off),
	TPH_CASE(tph_msix_d1),
	TPH_CASE(tph_config),
	KUNIT_CASE_PARAM(tph_ended, tph_ends_gen_params),
	TPH_CASE(tph_reset_refused),
	KUNIT_CASE_PARAM(tph_reset_again, tph_agains_gen_params),
	TPH_CASE(tph_kept),
	TPH_CASE(tph_closed),
	TPH_CASE(tph_left_on),
	TPH_CASE(tph_next_cap),
	TPH_CASE(tph_msix_less),
	TPH_CASE(tph_next_msix),
	TPH_CASE(tph_next_msix_vf),
	TPH_CASE(tph_next_lost_bars),
	TPH_CASE(tph_next_moved_bar),
	TPH_CASE(tph_next_no_table),
	KUNIT_CASE_PARAM(tph_msix_astray, tph_astray_gen_params),
	TPH_CASE(tph_msix_busy),
	TPH_CASE(tph_clear_first),
	TPH_CASE(tph_unknown_on),
	TPH_CASE(tph_outside_keeps),
	TPH_CASE(tph_outside_disable),
	TPH_CASE(tph_outside_enable),
	TPH_CASE(tph_outside_set),
	TPH_CASE(tph_outside_get),
	TPH_CASE(tph_outside_query),
	KUNIT_CASE_PARAM(tph_outside_meanwhile, tph_meanwhiles_gen_params),
	TPH_CASE(tph_outside_close),
	TPH_CASE(tph_outside_close_msix),
	TPH_CASE(tph_outside_hot_reset),
	TPH_CASE(tph_outside_hot_reset_two),
	KUNIT_CASE_PARAM(tph_outside_lost, tph_losts_gen_params),
	KUNIT_CASE_PARAM(tph_outside_lost_bar, tph_losts_gen_params),
	TPH_CASE(tph_table_too_big),
	KUNIT_CASE_PARAM(tph_cap_at_end, tph_lasts_gen_params),
	TPH_CASE(tph_d3hot),
	TPH_CASE(tph_low_power),
	{}
};

static struct kunit_suite vfio_pci_tph_state_suite = {
	.name = "vfio_pci_tph_state",
	.test_cases = vfio_pci_tph_state_cases,
};

kunit_test_suite(vfio_pci_tph_state_suite);

MODULE_DESCRIPTION("KUnit tests for the state of TPH through vfio-pci");
MODULE_LICENSE("GPL");
