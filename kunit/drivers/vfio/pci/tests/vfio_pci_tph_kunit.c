// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for VFIO_DEVICE_PCI_TPH: its arguments, as user space passes them,
 * and what it tells about a device.
 *
 * Values are those that a program has compiled in; see vfio_pci_tph_set.h.
 */
#include <kunit/pci.h>
#include <kunit/test.h>
#include <linux/mman.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "vfio_pci_tph_set.h"

#define CANARY		0xa5
#define CANARY_SIZE	256

static const struct tph_conf tph_conf_cap = {
	.door = VFIO_PCI_CDEV, .loc = TPH_LOC_CAP, .st_size = 8, .gate = true,
};

/* Each operation, in a state in which a valid call succeeds */
static const struct tph_op_param {
	const char *name;
	enum tph_op op;
	unsigned int count;
	bool enabled;
	bool out;		/* copies something back */
} tph_ops[] = {
	{ "get_cap", TPH_OP_GET_CAP, 0, false, true },
	{ "enable", TPH_OP_ENABLE, 0, false, false },
	{ "disable", TPH_OP_DISABLE, 0, true, false },
	{ "get_st", TPH_OP_GET_ST, 3, true, true },
	{ "set_st", TPH_OP_SET_ST, 3, true, false },
};

TPH_ARRAY_PARAM(tph_ops, tph_ops)

static struct tph_set *tph_op_set(struct kunit *test)
{
	const struct tph_op_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);

	if (param->enabled)
		KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	return set;
}

static struct tph_arg *tph_op_arg(struct tph_set *set)
{
	const struct tph_op_param *param = tph_own(set->test);
	struct tph_arg *arg = tph_arg(set, param->op, param->count);

	if (param->op == TPH_OP_ENABLE)
		arg->enable->mode = TPH_DS;
	return arg;
}

/* A call that has to fail, and has to do nothing */
static void tph_expect_refused(struct tph_set *set, struct tph_arg *arg, int err,
			       const char *what, unsigned int nr)
{
	struct kunit *test = set->test;
	unsigned int writes = tph_writes(set);
	u32 ctrl = tph_ctrl(set);
	long ret;

	ret = tph_arg_run(set, arg);
	KUNIT_EXPECT_EQ_MSG(test, ret, err, "%s %u", what, nr);
	KUNIT_EXPECT_EQ_MSG(test, tph_writes(set), writes, "%s %u", what, nr);
	KUNIT_EXPECT_EQ_MSG(test, tph_ctrl(set), ctrl, "%s %u", what, nr);
}

/*
 * Numbers, sizes and offsets are those of the interface, for 32-bit programs as
 * well.  Catches fields that move, padding, and members whose alignment differs.
 */
static void tph_layout(struct kunit *test)
{
	tph_shell(test)->numbers(test);

	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_MODE_NO_ST, 0);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_MODE_IV, 1);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_MODE_DS, 2);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_DISABLED, ~0U);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_ST_NONE, 0);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_ST_CAP, 1);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_ST_MSIX, 2);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_MEM_VOLATILE, 0);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_MEM_PERSISTENT, 1);
	KUNIT_EXPECT_EQ(test, VFIO_TPH_MAX_ENTRIES, TPH_MAX_ENTRIES);

	KUNIT_EXPECT_EQ(test, sizeof(struct vfio_pci_tph_cap), TPH_CAP_SIZE);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_cap, modes), 0);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_cap, st_table_loc), 4);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_cap, st_table_size), 8);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_cap, max_entries), 12);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_cap, mode), 16);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_cap, entry_size), 20);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_cap, tag_bits), 24);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_cap, flags), 28);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_CAP_TAGS, 1);

	KUNIT_EXPECT_EQ(test, sizeof(struct vfio_pci_tph_enable), TPH_ENABLE_SIZE);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_enable, mode), 0);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_enable, reserved), 4);

	KUNIT_EXPECT_EQ(test, sizeof(struct vfio_pci_tph_st), TPH_ST_SIZE);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_st, count), 0);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_st, entry_size), 4);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_st, reserved), 8);

	KUNIT_EXPECT_EQ(test, sizeof(struct vfio_pci_tph_st_entry),
			TPH_ENTRY_SIZE);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_st_entry, cpu), 0);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_st_entry, index), 4);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_st_entry, mem_type), 6);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_st_entry, reserved0),
			7);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_st_entry, st), 8);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_st_entry, reserved1),
			10);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_st_entry, reserved2),
			12);
}

/* The smallest valid argument of each operation is taken */
static void tph_exact(struct kunit *test)
{
	struct tph_set *set = tph_op_set(test);
	struct tph_arg *arg = tph_op_arg(set);
	u8 head[TPH_HEAD_MAX];

	memcpy(head, arg->mem, set->shell->head);
	KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
	KUNIT_EXPECT_EQ(test, *arg->argsz, arg->size);
	KUNIT_EXPECT_MEMEQ(test, arg->mem, head, set->shell->head);
}

/*
 * Every argsz that is too short is refused, with the whole argument there, so
 * that only argsz can be the reason.  Catches a minimum of another operation.
 */
static void tph_short(struct kunit *test)
{
	struct tph_set *set = tph_op_set(test);
	struct tph_arg *arg = tph_op_arg(set);

	for (unsigned int argsz = 0; argsz < arg->size; argsz++) {
		*arg->argsz = argsz;
		tph_expect_refused(set, arg, -EINVAL, "argsz", argsz);
	}
	*arg->argsz = arg->size;
	KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
}

/*
 * An argsz beyond what the kernel knows is taken, up to the greatest, and what is
 * there is neither read (the page is not mapped) nor written (a canary).
 */
static void tph_long(struct kunit *test)
{
	static const u32 more[] = { 1, 4, 16, 4096, SZ_64K, 0x7fffff00, ~0U };
	const struct tph_op_param *param = tph_own(test);
	struct tph_set *set = tph_op_set(test);
	struct tph_arg *arg;
	u8 *canary = kunit_kzalloc(test, CANARY_SIZE, GFP_KERNEL);
	u8 *after = kunit_kzalloc(test, CANARY_SIZE, GFP_KERNEL);
	void __user *mem;

	KUNIT_ASSERT_NOT_NULL(test, canary);
	KUNIT_ASSERT_NOT_NULL(test, after);
	memset(canary, CANARY, CANARY_SIZE);
	for (int i = 0; i < ARRAY_SIZE(more); i++) {
		arg = tph_op_arg(set);
		*arg->argsz = max_t(u32, arg->size + more[i], more[i]);

		/* To the page that is not mapped */
		KUNIT_EXPECT_EQ_MSG(test, tph_arg_run(set, arg), 0, "argsz %u",
				    *arg->argsz);
		if (param->op == TPH_OP_ENABLE)
			KUNIT_ASSERT_EQ(test, tph_disable(set), 0);

		/* And with room behind it */
		arg = tph_op_arg(set);
		*arg->argsz = max_t(u32, arg->size + more[i], more[i]);
		mem = vfio_pci_mem_tail(set->fix, arg->size + CANARY_SIZE);
		KUNIT_ASSERT_EQ(test, copy_to_user(mem + arg->size, canary,
						   CANARY_SIZE), 0);
		KUNIT_EXPECT_EQ_MSG(test, tph_arg_run_at(set, arg, mem), 0,
				    "argsz %u", *arg->argsz);
		KUNIT_ASSERT_EQ(test, copy_from_user(after, mem + arg->size,
						     CANARY_SIZE), 0);
		KUNIT_EXPECT_MEMEQ(test, after, canary, CANARY_SIZE);
		if (param->op == TPH_OP_ENABLE)
			KUNIT_ASSERT_EQ(test, tph_disable(set), 0);
	}
}

/*
 * Headers that are not of an operation: each bit that must be 0, one at a time, and
 * operations that nobody knows, whatever is behind them.
 */
static void tph_header(struct kunit *test)
{
	struct tph_set *set = tph_op_set(test);
	struct tph_arg *arg = tph_op_arg(set);
	u8 head[TPH_HEAD_MAX];
	unsigned int nr = 0;
	int err;

	memcpy(head, arg->mem, set->shell->head);
	while ((err = set->shell->spoil(arg->mem, nr))) {
		tph_expect_refused(set, arg, err, "header", nr++);
		memcpy(arg->mem, head, set->shell->head);
	}
	KUNIT_EXPECT_GT(test, nr, 0);
	KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
}

/* Each bit of what is reserved in a payload is refused; what is out is 0 before */
static void tph_payload_bits(struct kunit *test)
{
	const struct tph_op_param *param = tph_own(test);
	struct tph_set *set = tph_op_set(test);
	struct tph_arg *arg = tph_op_arg(set);
	u8 *byte = arg->payload;
	/* offset in the payload, bytes */
	static const struct { u16 off, len; } enable[] = { { 4, 4 } },
	/* that of the batch; in the first and in the last entry */
	st[] = {
		{ 8, 8 },
		{ 16 + 7, 9 }, { 32 + 7, 9 }, { 48 + 7, 9 },
	};
	const typeof(st[0]) *field = NULL;
	int nr = 0;

	if (param->op == TPH_OP_ENABLE) {
		field = (void *)enable;
		nr = ARRAY_SIZE(enable);
	} else if (param->op == TPH_OP_GET_ST || param->op == TPH_OP_SET_ST) {
		field = st;
		nr = ARRAY_SIZE(st);
	}

	for (int i = 0; i < nr; i++)
		for (unsigned int bit = 0; bit < 8 * field[i].len; bit++) {
			byte[field[i].off + bit / 8] ^= BIT(bit % 8);
			tph_expect_refused(set, arg, -EINVAL, "payload bit",
					   8 * field[i].off + bit);
			byte[field[i].off + bit / 8] ^= BIT(bit % 8);
		}
	KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
}

/*
 * Memory that is not there, from nothing at all to all but the last byte.
 * Catches a copy that is not checked, or that happens after the work was done.
 */
static void tph_unmapped(struct kunit *test)
{
	struct tph_set *set = tph_op_set(test);
	struct tph_arg *arg = tph_op_arg(set);
	void __user *end = vfio_pci_mem_tail(set->fix, 0);
	u8 *bytes = arg->mem;

	KUNIT_EXPECT_EQ(test, tph_call(set, NULL), -EFAULT);
	KUNIT_EXPECT_EQ(test, tph_call(set, (void __user *)-16UL), -EFAULT);
	for (unsigned int there = 0; there < arg->size; there++) {
		unsigned int writes = tph_writes(set);
		u32 ctrl = tph_ctrl(set);
		long ret;

		if (copy_to_user(end - there, bytes, there))
			KUNIT_FAIL_AND_ABORT(test, "user memory");
		ret = tph_call(set, end - there);
		KUNIT_EXPECT_EQ_MSG(test, ret, -EFAULT, "with %u bytes", there);
		KUNIT_EXPECT_EQ_MSG(test, tph_writes(set), writes,
				    "with %u bytes", there);
		KUNIT_EXPECT_EQ_MSG(test, tph_ctrl(set), ctrl, "with %u bytes",
				    there);
	}
	KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
}

/*
 * Read-only memory is enough for what copies nothing out, and -EFAULT for the
 * rest.  Catches operations that write back what they need not.
 */
static void tph_read_only(struct kunit *test)
{
	const struct tph_op_param *param = tph_own(test);
	struct tph_set *set = tph_op_set(test);
	struct tph_arg *arg = tph_op_arg(set);
	void __user *mem = vfio_pci_mem_tail(set->fix, arg->size);
	unsigned int writes = tph_writes(set);
	long ret;

	KUNIT_ASSERT_EQ(test, copy_to_user(mem, arg->mem, arg->size), 0);
	vfio_pci_mem_protect(set->fix, mem, PROT_READ);
	ret = tph_call(set, mem);
	vfio_pci_mem_protect(set->fix, mem, PROT_READ | PROT_WRITE);
	KUNIT_EXPECT_EQ(test, ret, param->out ? -EFAULT : 0);
	if (param->out)
		KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
}

/*
 * Only what is out is written: header, batch header and the input of entries
 * stay as they are.
 */
static void tph_written_back(struct kunit *test)
{
	const struct tph_op_param *param = tph_own(test);
	struct tph_set *set = tph_op_set(test);
	struct tph_arg *arg = tph_op_arg(set);
	struct tph_arg *before = tph_op_arg(set);
	unsigned int head = set->shell->head;
	u8 *mem = arg->mem, *old = before->mem;

	KUNIT_ASSERT_EQ(test, tph_arg_run(set, arg), 0);
	for (unsigned int i = 0; i < arg->size; i++) {
		bool out = false;

		if (param->op == TPH_OP_GET_CAP)
			out = i >= head;
		/* st, behind the header of the batch, in each entry */
		if (param->op == TPH_OP_GET_ST && i >= head + 16)
			out = (i - head) % 16 == 8 || (i - head) % 16 == 9;
		if (!out)
			KUNIT_EXPECT_EQ_MSG(test, mem[i], old[i], "byte %u", i);
	}
}

/* Without the capability there is no such operation, whatever its payload is */
static void tph_absent(struct kunit *test)
{
	const struct tph_op_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .absent = true, .gate = true,
	});
	struct tph_arg *arg = tph_arg(set, param->op, param->count);
	unsigned int writes = pci_fabric_stats(set->fn).cfg_writes;
	const struct tph_shell *shell = set->shell;
	enum tph_op op;

	KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), -ENOTTY);
	KUNIT_EXPECT_EQ(test, tph_call(set, NULL), shell->judge(arg->mem, 0, true, &op));
	*arg->argsz = 0;
	KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg),
			shell->judge(arg->mem, shell->head, true, &op));
	KUNIT_EXPECT_EQ(test, pci_fabric_stats(set->fn).cfg_writes, writes);
}

#ifdef VFIO_DEVICE_FEATURE_PCI_TPH_CAP
/* A PROBE says which directions there are, whatever its data is, and does nothing */
static void tph_probe(struct kunit *test)
{
	struct tph_set *set = tph_set_alloc(test, &tph_conf_cap);
	struct vfio_device_feature probe = { .argsz = sizeof(probe) };
	void __user *mem = vfio_pci_mem_tail(set->fix, sizeof(probe));
	unsigned int writes;

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_IV), 0);
	writes = tph_writes(set);
	for (u32 feature = VFIO_DEVICE_FEATURE_PCI_TPH_CAP;
	     feature <= VFIO_DEVICE_FEATURE_PCI_TPH_ST; feature++) {
		bool get = feature == VFIO_DEVICE_FEATURE_PCI_TPH_CAP ||
			   feature == VFIO_DEVICE_FEATURE_PCI_TPH_ST;
		bool set_too = feature != VFIO_DEVICE_FEATURE_PCI_TPH_CAP;

		for (u32 dir = 0; dir < 4; dir++) {
			bool fine = (!(dir & 1) || get) && (!(dir & 2) || set_too);

			probe.flags = feature | VFIO_DEVICE_FEATURE_PROBE |
				      (dir & 1 ? VFIO_DEVICE_FEATURE_GET : 0) |
				      (dir & 2 ? VFIO_DEVICE_FEATURE_SET : 0);
			KUNIT_ASSERT_EQ(test, copy_to_user(mem, &probe, sizeof(probe)), 0);
			KUNIT_EXPECT_EQ_MSG(test,
					    vfio_pci_ioctl(set->user, VFIO_DEVICE_FEATURE, mem),
					    fine ? 0 : -EINVAL, "feature %u, %u", feature, dir);
		}
	}
	KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
}
#endif

static struct kunit_case vfio_pci_tph_cases[] = {
#ifdef VFIO_DEVICE_FEATURE_PCI_TPH_CAP
	KUNIT_CASE(tph_probe),
#endif
	TPH_CASE(tph_layout),
	KUNIT_CASE_PARAM(tph_exact, tph_ops_gen_params),
	KUNIT_CASE_PARAM(tph_short, tph_ops_gen_params),
	KUNIT_CASE_PARAM(tph_long, tph_ops_gen_params),
	KUNIT_CASE_PARAM(tph_header, tph_ops_gen_params),
	KUNIT_CASE_PARAM(tph_payload_bits, tph_ops_gen_params),
	KUNIT_CASE_PARAM(tph_unmapped, tph_ops_gen_params),
	KUNIT_CASE_PARAM(tph_read_only, tph_ops_gen_params),
	KUNIT_CASE_PARAM(tph_written_back, tph_ops_gen_params),
	KUNIT_CASE_PARAM(tph_absent, tph_ops_gen_params),
	{}
};

static struct kunit_suite vfio_pci_tph_suite = {
	.name = "vfio_pci_tph",
	.test_cases = vfio_pci_tph_cases,
};

kunit_test_suite(vfio_pci_tph_suite);

MODULE_DESCRIPTION("KUnit tests for the arguments of VFIO_DEVICE_PCI_TPH");
MODULE_LICENSE("GPL");
