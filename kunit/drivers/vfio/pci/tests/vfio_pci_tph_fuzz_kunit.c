// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit fuzz test for VFIO_DEVICE_PCI_TPH: arguments that are valid, mutated, or
 * random, to a device in every state, against a model of the interface.
 *
 *	vfio_pci_tph_fuzz.seed=N	which arguments; default: random, printed
 *	vfio_pci_tph_fuzz.count=N	how many, for all kinds of device together
 *
 * The model is written from the description in include/uapi/linux/vfio.h.  After
 * each call, the result, the user's memory, the control register and the ST
 * table have to be as it says.
 *
 * Then two threads call with the same memory, which each fills with arguments of its
 * own while the other's are being read.
 */
#include <kunit/pci.h>
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/prandom.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "vfio_pci_tph_set.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "vfio_pci_tph_fuzz."

#define FUZZ_COUNT	50000
#define FUZZ_BEHIND	64	/* bytes behind the argument */
#define FUZZ_CANARY	0xa5
#define FUZZ_TABLE	8
#define FUZZ_MAX	(TPH_HEAD_MAX + TPH_ST_SIZE +			\
			 (TPH_MAX_ENTRIES + 1) * TPH_ENTRY_SIZE + FUZZ_BEHIND)

static unsigned long long seed;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "which arguments; 0: random, printed");
static unsigned int count = FUZZ_COUNT;
module_param(count, uint, 0444);
MODULE_PARM_DESC(count, "how many calls");

/* What the interface says about the device now */
struct fuzz_model {
	u32 modes;		/* of the device, whatever the gate says */
	unsigned int size;	/* of the table */
	bool gate;
	int mode;		/* -1: off */
	bool d3hot;
	unsigned int vectors;
	u16 table[FUZZ_TABLE];
	u16 next[FUZZ_TABLE];	/* as the call leaves it */
};

struct fuzz {
	struct kunit *test;
	struct tph_set *set;
	struct rnd_state rnd;
	struct fuzz_model model;
	unsigned long nr;
	u8 *buf;		/* what user space passes */
	u8 *back;		/* what it has then */
	size_t size;		/* bytes of it that are meant */
	size_t there;		/* bytes that are mapped */
	unsigned int results[MAX_ERRNO + 1];
};

static u32 fuzz_u32(struct fuzz *fuzz)
{
	return prandom_u32_state(&fuzz->rnd);
}

static u32 fuzz_below(struct fuzz *fuzz, u32 limit)
{
	return fuzz_u32(fuzz) % limit;
}

static bool fuzz_one_in(struct fuzz *fuzz, u32 n)
{
	return !fuzz_below(fuzz, n);
}

/* The model */

static u32 fuzz_get(const u8 *at, unsigned int bytes)
{
	u32 val = 0;

	memcpy(&val, at, bytes);
	return val;
}

static bool fuzz_zero(const u8 *at, unsigned int bytes)
{
	return !memchr_inv(at, 0, bytes);
}

/* The modes that the gate lets through */
static u32 fuzz_allowed(struct fuzz *fuzz)
{
	if (fuzz->model.gate)
		return BIT(TPH_NO_ST) | BIT(TPH_IV) | BIT(TPH_DS);
	return BIT(TPH_NO_ST) |
	       (fuzz->set->conf.loc == TPH_LOC_CAP ? BIT(TPH_IV) : 0);
}

static size_t fuzz_size(struct fuzz *fuzz, enum tph_op op)
{
	return tph_arg_size(fuzz->set, op, 0);
}

static int fuzz_model_enable(struct fuzz *fuzz, u32 argsz, const u8 *payload)
{
	struct fuzz_model *model = &fuzz->model;
	u32 mode;

	if (argsz < fuzz_size(fuzz, TPH_OP_ENABLE))
		return -EINVAL;
	if (fuzz->there < fuzz_size(fuzz, TPH_OP_ENABLE))
		return -EFAULT;
	mode = fuzz_get(payload, 4);
	if (!fuzz_zero(payload + 4, 4) || mode > TPH_DS)
		return -EINVAL;
	if (!(model->modes & BIT(mode)))
		return -EOPNOTSUPP;
	if (!(fuzz_allowed(fuzz) & BIT(mode)))
		return -EPERM;
	if (model->d3hot)
		return -EIO;
	if (model->mode >= 0)
		return -EBUSY;
	model->mode = mode;
	if (fuzz->set->conf.loc == TPH_LOC_CAP)
		memset(model->next, 0, sizeof(model->next));
	return 0;
}

static int fuzz_model_tag(struct fuzz *fuzz, const u8 *entry, u16 *tag)
{
	u32 cpu = fuzz_get(entry, 4), mem_type = fuzz_get(entry + 6, 1);

	if (cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -EINVAL;
	if (!cpumask_test_cpu(cpu, current->cpus_ptr))
		return -EPERM;
	if (mem_type > 1)
		return -EINVAL;
	if (mem_type && fuzz->set->fail_persistent)
		return -ENODATA;
	*tag = tph_tag(cpu, mem_type);
	return 0;
}

static int fuzz_model_entry(struct fuzz *fuzz, const u8 *entry)
{
	struct fuzz_model *model = &fuzz->model;
	u32 index = fuzz_get(entry + 4, 2);
	u16 tag = 0;

	if (index >= model->size)
		return -EINVAL;
	if (fuzz->set->conf.loc == TPH_LOC_MSIX && index >= model->vectors)
		return -ENOENT;
	fuzz_model_tag(fuzz, entry, &tag);
	model->next[index] = tag;
	return 0;
}

static int fuzz_model_batch(struct fuzz *fuzz, enum tph_op op, u32 argsz,
			    const u8 *payload)
{
	const size_t head = fuzz_size(fuzz, op);
	const u8 *entry = payload + TPH_ST_SIZE;
	struct fuzz_model *model = &fuzz->model;
	int ret = 0;
	u32 nr;
	u16 tag;

	if (argsz < head)
		return -EINVAL;
	if (fuzz->there < head)
		return -EFAULT;
	nr = fuzz_get(payload, 4);
	if (!nr || nr > TPH_MAX_ENTRIES ||
	    fuzz_get(payload + 4, 4) != TPH_ENTRY_SIZE ||
	    !fuzz_zero(payload + 8, 8) || argsz - head < nr * TPH_ENTRY_SIZE)
		return -EINVAL;
	if (fuzz->there < head + nr * TPH_ENTRY_SIZE)
		return -EFAULT;
	for (u32 i = 0; i < nr; i++)
		if (!fuzz_zero(entry + i * TPH_ENTRY_SIZE + 7, 9))
			return -EINVAL;
	for (u32 i = 0; i < nr && op == TPH_OP_GET_ST; i++)
		if (!fuzz_zero(entry + i * TPH_ENTRY_SIZE + 4, 2))
			return -EINVAL;

	if (op == TPH_OP_GET_ST && !model->gate)
		return -EPERM;
	if (model->mode < (op == TPH_OP_GET_ST ? TPH_DS : TPH_IV))
		return -ENXIO;
	for (u32 i = 0; i < nr && !ret; i++)
		ret = fuzz_model_tag(fuzz, entry + i * TPH_ENTRY_SIZE, &tag);
	for (u32 i = 0; i < nr && !ret && op == TPH_OP_SET_ST; i++)
		ret = fuzz_model_entry(fuzz, entry + i * TPH_ENTRY_SIZE);
	return ret;
}

/* *@op: of a header that is one */
static int fuzz_model_call(struct fuzz *fuzz, enum tph_op *op)
{
	const u8 *payload = fuzz->buf + fuzz->set->shell->head;
	u32 argsz = fuzz_get(fuzz->buf, 4);
	int ret;

	*op = TPH_OPS;
	ret = fuzz->set->shell->judge(fuzz->buf, fuzz->there,
				      fuzz->set->conf.absent, op);
	if (ret)
		return ret;
	switch (*op) {
	case TPH_OP_GET_CAP:
		if (argsz < fuzz_size(fuzz, *op))
			return -EINVAL;
		return fuzz->there < fuzz_size(fuzz, *op) ? -EFAULT : 0;
	case TPH_OP_ENABLE:
		return fuzz_model_enable(fuzz, argsz, payload);
	case TPH_OP_DISABLE:
		fuzz->model.mode = -1;
		return 0;
	default:
		return fuzz_model_batch(fuzz, *op, argsz, payload);
	}
}

/* What may be in the user's memory then: @buf, with what is out filled in */
static void fuzz_model_out(struct fuzz *fuzz, enum tph_op op, int ret)
{
	struct fuzz_model *model = &fuzz->model;
	size_t head = fuzz->set->shell->head;
	u8 *payload = fuzz->buf + head;
	u32 nr;

	if (op == TPH_OP_GET_CAP && ret == -EFAULT && fuzz->there > head) {
		/* As much of it as there is room for, or less */
		memcpy(payload, fuzz->back + head, fuzz->there - head);
		return;
	}
	if (ret || (op != TPH_OP_GET_CAP && op != TPH_OP_GET_ST))
		return;
	if (op == TPH_OP_GET_CAP) {
		u32 cap[8] = {
			model->modes & fuzz_allowed(fuzz),
			fuzz->set->conf.loc, model->size, TPH_MAX_ENTRIES,
			model->mode < 0 ? ~0U : model->mode, TPH_ENTRY_SIZE,
			!model->modes ? 0 : fuzz->set->conf.extended ? 16 : 8,
			1,
		};

		memcpy(payload, cap, sizeof(cap));
		return;
	}
	nr = fuzz_get(payload, 4);
	for (u32 i = 0; i < nr; i++) {
		u8 *entry = payload + TPH_ST_SIZE + i * TPH_ENTRY_SIZE;
		u16 tag = 0;

		fuzz_model_tag(fuzz, entry, &tag);
		memcpy(entry + 8, &tag, 2);
	}
}

/* Making arguments */

static u32 fuzz_interesting(struct fuzz *fuzz)
{
	static const u32 values[] = {
		0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 47, 48, 64,
		255, 256, 2047, 2048, 2049, 4095, 4096, 0x7fff, 0x8000, 0xffff,
		0x10000, 0x0fffffff, 0x10000000, 0x7fffffff, 0x80000000,
		0xfffffff0, 0xffffffff,
	};

	return fuzz_one_in(fuzz, 4) ? fuzz_u32(fuzz) :
				      values[fuzz_below(fuzz, ARRAY_SIZE(values))];
}

static void fuzz_put(struct fuzz *fuzz, size_t off, u32 val, unsigned int bytes)
{
	memcpy(fuzz->buf + off, &val, bytes);
}

static void fuzz_valid(struct fuzz *fuzz)
{
	size_t head = fuzz->set->shell->head;
	u32 op = fuzz_below(fuzz, TPH_OPS), nr = 0;

	if (op == TPH_OP_DISABLE && fuzz_one_in(fuzz, 2))	/* not too often off */
		op = TPH_OP_SET_ST;
	if (op >= TPH_OP_GET_ST)
		nr = fuzz_one_in(fuzz, 512) ? TPH_MAX_ENTRIES + fuzz_below(fuzz, 2) :
		     fuzz_one_in(fuzz, 16) ? fuzz_below(fuzz, 64) :
		     1 + fuzz_below(fuzz, 4);
	fuzz->size = tph_arg_size(fuzz->set, op, nr);
	memset(fuzz->buf, 0, fuzz->size);
	fuzz->set->shell->put(fuzz->buf, op, fuzz->size);
	if (op == TPH_OP_ENABLE)
		fuzz_put(fuzz, head, fuzz_below(fuzz, 3), 4);
	if (op < TPH_OP_GET_ST)
		return;
	fuzz_put(fuzz, head, nr, 4);
	fuzz_put(fuzz, head + 4, TPH_ENTRY_SIZE, 4);
	for (u32 i = 0; i < nr; i++) {
		size_t entry = head + TPH_ST_SIZE + i * TPH_ENTRY_SIZE;

		fuzz_put(fuzz, entry, fuzz_below(fuzz, nr_cpu_ids), 4);
		if (op == TPH_OP_SET_ST)
			fuzz_put(fuzz, entry + 4, fuzz_below(fuzz, FUZZ_TABLE), 2);
		fuzz_put(fuzz, entry + 6, fuzz_below(fuzz, 2), 1);
	}
}

static void fuzz_mutate(struct fuzz *fuzz)
{
	size_t off = fuzz_below(fuzz, fuzz->size);

	switch (fuzz_below(fuzz, 5)) {
	case 0:
		fuzz->buf[off] ^= BIT(fuzz_below(fuzz, 8));
		break;
	case 1:
		fuzz->buf[off] = fuzz_u32(fuzz);
		break;
	case 2:
		fuzz_put(fuzz, off & ~3, fuzz_interesting(fuzz), 4);
		break;
	case 3:		/* argsz near what it has to be */
		fuzz_put(fuzz, 0, fuzz->size - 20 + fuzz_below(fuzz, 40), 4);
		break;
	case 4:		/* the fields that all have */
		fuzz_put(fuzz, 4 * fuzz_below(fuzz, 6), fuzz_interesting(fuzz), 4);
		break;
	}
}

static void fuzz_make(struct fuzz *fuzz)
{
	fuzz_valid(fuzz);
	if (fuzz_one_in(fuzz, 32))
		prandom_bytes_state(&fuzz->rnd, fuzz->buf, fuzz->size);
	else if (!fuzz_one_in(fuzz, 3))
		for (u32 i = fuzz_below(fuzz, 3) + 1; i; i--)
			fuzz_mutate(fuzz);

	memset(fuzz->buf + fuzz->size, FUZZ_CANARY, FUZZ_BEHIND);
	fuzz->there = fuzz->size + FUZZ_BEHIND;
	if (fuzz_one_in(fuzz, 3))
		fuzz->there = fuzz->size;
	else if (fuzz_one_in(fuzz, 8))
		fuzz->there = fuzz_below(fuzz, fuzz->size);
}

/* The device's other doings.  The model learns what they leave in the table. */
static void fuzz_sync(struct fuzz *fuzz)
{
	for (unsigned int i = 0; i < fuzz->model.size; i++)
		fuzz->model.table[i] = tph_st(fuzz->set, i);
}

static void fuzz_power(struct fuzz *fuzz, bool d3hot)
{
	unsigned int pm = pci_fabric_cap_pos(fuzz->set->fn, 0x01, false);

	KUNIT_ASSERT_EQ(fuzz->test, vfio_pci_cfg_write(fuzz->set->user, pm + 4, 2,
						       d3hot ? 3 : 0), 0);
	fuzz->model.d3hot = d3hot;
	if (d3hot)
		fuzz->model.mode = -1;
}

static void fuzz_vectors(struct fuzz *fuzz)
{
	struct fuzz_model *model = &fuzz->model;

	if (fuzz->set->conf.loc != TPH_LOC_MSIX || model->d3hot)
		return;
	if (model->vectors)
		tph_msix(fuzz->set, 0);
	model->vectors = fuzz_below(fuzz, FUZZ_TABLE + 1);
	if (model->vectors)
		tph_msix(fuzz->set, model->vectors);
}

static void fuzz_reset(struct fuzz *fuzz)
{
	struct fuzz_model *model = &fuzz->model;

	switch (fuzz_below(fuzz, 2)) {
	case 0:
		KUNIT_ASSERT_EQ(fuzz->test, vfio_pci_ioctl(fuzz->set->user,
							   VFIO_DEVICE_RESET,
							   NULL), 0);
		break;
	case 1:
		tph_reopen(fuzz->set);
		model->vectors = 0;
		break;
	}
	model->mode = -1;
	model->d3hot = false;
}

static void fuzz_other(struct fuzz *fuzz)
{
	struct fuzz_model *model = &fuzz->model;

	if (fuzz_one_in(fuzz, 16)) {
		model->gate = fuzz_one_in(fuzz, 3) ? !model->gate : true;
		tph_set_gate(fuzz->set, model->gate);
	}
	if (fuzz_one_in(fuzz, 16))
		fuzz->set->fail_persistent = fuzz_one_in(fuzz, 4) ? -ENODEV : 0;
	if (fuzz_one_in(fuzz, model->d3hot ? 8 : 64))
		fuzz_power(fuzz, !model->d3hot);
	if (fuzz_one_in(fuzz, 64))
		fuzz_vectors(fuzz);
	if (fuzz_one_in(fuzz, 256))
		fuzz_reset(fuzz);
	fuzz_sync(fuzz);
}

/* One call, and what came of it */

static void fuzz_fail(struct fuzz *fuzz, long ret, int want, const char *what)
{
	print_hex_dump(KERN_ERR, "fuzz: ", DUMP_PREFIX_OFFSET, 16, 4, fuzz->buf,
		       min_t(size_t, fuzz->size, 256), false);
	KUNIT_FAIL_AND_ABORT(fuzz->test,
			     "seed %llu, call %lu: %s; result %ld, expected %d; %zu of %zu bytes mapped; mode %d, gate %d, D3hot %d",
			     seed, fuzz->nr, what, ret, want, fuzz->there,
			     fuzz->size, fuzz->model.mode, fuzz->model.gate,
			     fuzz->model.d3hot);
}

static u32 fuzz_ctrl(struct fuzz *fuzz)
{
	u32 on = fuzz->set->conf.extended ? TPH_CTRL_EXTENDED : TPH_CTRL_ON;

	return fuzz->model.mode < 0 ? 0 : on | fuzz->model.mode;
}

static void fuzz_call(struct fuzz *fuzz)
{
	struct fuzz_model *model = &fuzz->model;
	void __user *mem = vfio_pci_mem_tail(fuzz->set->fix, fuzz->there);
	bool absent = fuzz->set->conf.absent;
	unsigned int writes = 0;
	enum tph_op op;
	int want;
	long ret;

	if (fuzz->set->shell->foreign &&
	    fuzz->set->shell->foreign(fuzz->buf, fuzz->there))
		return;
	memcpy(model->next, model->table, sizeof(model->next));
	if (!absent)
		writes = tph_writes(fuzz->set);
	if (copy_to_user(mem, fuzz->buf, fuzz->there))
		KUNIT_FAIL_AND_ABORT(fuzz->test, "user memory");
	ret = tph_call(fuzz->set, mem);
	if (copy_from_user(fuzz->back, mem, fuzz->there))
		KUNIT_FAIL_AND_ABORT(fuzz->test, "user memory");

	want = fuzz_model_call(fuzz, &op);
	if (ret != want)
		fuzz_fail(fuzz, ret, want, "result");
	fuzz->results[-ret]++;
	if (ret)
		memcpy(model->next, model->table, sizeof(model->next));

	fuzz_model_out(fuzz, op, ret);
	if (memcmp(fuzz->back, fuzz->buf, fuzz->there))
		fuzz_fail(fuzz, ret, want, "user memory");
	if (absent)
		return;
	if (ret && tph_writes(fuzz->set) != writes)
		fuzz_fail(fuzz, ret, want, "registers written");
	if (tph_ctrl(fuzz->set) != fuzz_ctrl(fuzz))
		fuzz_fail(fuzz, ret, want, "control register");
	for (unsigned int i = 0; i < model->size; i++)
		if (tph_st(fuzz->set, i) != model->next[i])
			fuzz_fail(fuzz, ret, want, "table");
	memcpy(model->table, model->next, sizeof(model->table));
}

static const struct fuzz_param {
	const char *name;
	struct tph_conf conf;
	u32 modes;
	unsigned int size;
} fuzz_kinds[] = {
	{ "cap", { .door = VFIO_PCI_CDEV, .loc = TPH_LOC_CAP, .st_size = 8 }, 7,
	  8 },
	{ "msix", { .door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = 8 }, 7,
	  8 },
	{ "none", { .door = VFIO_PCI_CDEV, .loc = TPH_LOC_NONE, .no_iv = true }, 5,
	  0 },
	{ "extended", { .door = VFIO_PCI_GROUP, .loc = TPH_LOC_CAP, .st_size = 5,
			.extended = true }, 7, 5 },
	{ "no_completer", { .door = VFIO_PCI_GROUP, .loc = TPH_LOC_CAP,
			    .st_size = 8, .no_completer = true }, 0, 8 },
	{ "absent", { .door = VFIO_PCI_GROUP, .absent = true }, 0, 0 },
};

TPH_ARRAY_PARAM(fuzz_kinds, fuzz_kinds)

static void fuzz_run(struct kunit *test)
{
	const struct fuzz_param *param = tph_own(test);
	struct fuzz *fuzz = kunit_kzalloc(test, sizeof(*fuzz), GFP_KERNEL);
	/* An absent capability has one answer */
	unsigned int share = param->conf.absent ? count / 100 : count / 5;
	size_t end = 0;
	char results[160] = "";

	KUNIT_ASSERT_NOT_NULL(test, fuzz);
	fuzz->test = test;
	fuzz->buf = kunit_kzalloc(test, FUZZ_MAX, GFP_KERNEL);
	fuzz->back = kunit_kzalloc(test, FUZZ_MAX, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fuzz->buf);
	KUNIT_ASSERT_NOT_NULL(test, fuzz->back);
	if (!seed)
		seed = get_random_u64() | 1;
	prandom_seed_state(&fuzz->rnd, seed + (param - fuzz_kinds));
	kunit_info(test, "vfio_pci_tph_fuzz.seed=%llu, %u calls\n", seed, share);

	fuzz->set = tph_set_alloc(test, &param->conf);
	fuzz->model.modes = param->modes;
	fuzz->model.size = param->size;
	fuzz->model.mode = -1;
	for (fuzz->nr = 0; fuzz->nr < share; fuzz->nr++) {
		if (fuzz_one_in(fuzz, 32))
			fuzz_other(fuzz);
		fuzz_make(fuzz);
		fuzz_call(fuzz);
		cond_resched();
	}
	for (int i = 0; i <= MAX_ERRNO; i++)
		if (fuzz->results[i])
			end += scnprintf(results + end, sizeof(results) - end,
					 " %d:%u", -i, fuzz->results[i]);
	kunit_info(test, "results%s\n", results);

	/* The device is as good as new */
	vfio_pci_close(fuzz->set->user);
	if (param->conf.absent)
		return;
	KUNIT_EXPECT_EQ(test, tph_ctrl(fuzz->set), 0);
	tph_set_gate(fuzz->set, false);
	fuzz->set->user = vfio_pci_open(fuzz->set->fix, fuzz->set->pdev);
	tph_expect_off(fuzz->set);
}

/* Two threads, one device, one argument */

#define FUZZ_OWN	SZ_64K		/* where each thread has memory of its own */

struct fuzz_pair {
	struct fuzz *fuzz;
	const struct fuzz_param *param;
	void __user *mem;	/* of both */
	void __user *own;
	struct tph_arg *query;
	struct tph_arg *off;
	unsigned int calls;
	unsigned long seen;	/* errnos, as bits */
	bool unknown;		/* an errno that is none of the interface's */
	long query_bad;		/* -errno, or 1 for what is not true */
	long off_bad;
};

/* Let the other one run: where there is one CPU, time may not pass while it works */
static void fuzz_pair_turn(void)
{
	if (num_online_cpus() == 1)
		fsleep(20);
	else
		cond_resched();
}

/* Whatever becomes of the argument that both have, one's own is what it was */
static void fuzz_pair_own(struct fuzz_pair *pair)
{
	struct tph_arg *query = pair->query;
	struct tph_set *set = pair->fuzz->set;
	struct vfio_pci_tph_cap cap;
	long ret;

	ret = tph_arg_run_at(set, query, pair->own);
	if (!ret && copy_from_user(&cap, pair->own + set->shell->head, sizeof(cap)))
		ret = -EFAULT;
	if (!ret && (cap.modes != pair->param->modes ||
		     cap.st_table_size != pair->param->size ||
		     cap.st_table_loc != set->conf.loc ||
		     (cap.mode > TPH_DS && cap.mode != ~0U)))
		ret = 1;
	pair->query_bad = pair->query_bad ?: ret;
	if (fuzz_one_in(pair->fuzz, 16))
		pair->off_bad = pair->off_bad ?:
				tph_arg_run_at(set, pair->off, pair->own);
}

static int fuzz_pair_main(void *data)
{
	static const int known[] = { 0, -EINVAL, -EFAULT, -EPERM, -ENXIO, -ENODATA,
				     -ENOENT, -EBUSY, -EOPNOTSUPP };
	struct fuzz_pair *pair = data;
	struct fuzz *fuzz = pair->fuzz;
	const struct tph_shell *shell = fuzz->set->shell;

	for (unsigned int i = 0; i < pair->calls; i++) {
		long ret;
		int nr;

		fuzz_make(fuzz);
		/* Of something else, or what becomes that with the rest of another header */
		if (shell->foreign && (fuzz->size < shell->head ||
				       shell->foreign(fuzz->buf, fuzz->size)))
			continue;
		/* What the other one writes meanwhile goes between, and over it */
		if (copy_to_user(pair->mem, fuzz->buf, fuzz->size))
			return -EFAULT;
		if (fuzz_one_in(fuzz, 4))
			fuzz_pair_turn();
		ret = tph_call(fuzz->set, pair->mem);
		for (nr = 0; nr < ARRAY_SIZE(known) && known[nr] != ret; nr++)
			;
		if (nr == ARRAY_SIZE(known))
			pair->unknown = true;
		pair->seen |= BIT(nr);
		fuzz_pair_own(pair);
		cond_resched();
	}
	return 0;
}

/* While a tag is asked for: the whole of the argument is something else then */
static void fuzz_pair_resolve(struct tph_set *set)
{
	struct fuzz_pair *pair = set->priv;
	static const u8 other[64] = { [0 ... 63] = 0xff };

	if (copy_to_user(pair->mem + set->shell->head, other, sizeof(other)))
		WRITE_ONCE(pair->unknown, true);
	cond_resched();
}

static struct tph_set *fuzz_pair_set(struct kunit *test)
{
	const struct fuzz_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &param->conf);
	u8 behind[FUZZ_BEHIND];

	if (!seed)
		seed = get_random_u64() | 1;
	kunit_info(test, "vfio_pci_tph_fuzz.seed=%llu, 2 * %u calls\n", seed,
		   count / 20);
	BUILD_BUG_ON(FUZZ_MAX + FUZZ_BEHIND > FUZZ_OWN);
	tph_set_gate(set, true);
	if (param->conf.loc == TPH_LOC_MSIX)
		tph_msix(set, FUZZ_TABLE);
	memset(behind, FUZZ_CANARY, sizeof(behind));
	KUNIT_ASSERT_EQ(test, copy_to_user(vfio_pci_mem(set->fix, FUZZ_MAX), behind,
					   sizeof(behind)), 0);
	return set;
}

static bool fuzz_told(u16 tag)
{
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (tag == tph_tag(cpu, false) || tag == tph_tag(cpu, true))
			return true;
	return false;
}

/* Memory behind the argument, the tags, and whether all works as on the first day */
static void fuzz_pair_after(struct tph_set *set, unsigned int size)
{
	struct kunit *test = set->test;
	u8 behind[FUZZ_BEHIND];
	u16 tag = 0;

	set->on_resolve = NULL;
	KUNIT_ASSERT_EQ(test, copy_from_user(behind, vfio_pci_mem(set->fix, FUZZ_MAX),
					     sizeof(behind)), 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(behind, FUZZ_CANARY, sizeof(behind)),
			    NULL);
	for (unsigned int i = 0; i < size; i++)
		KUNIT_EXPECT_TRUE_MSG(test, !tph_st(set, i) || fuzz_told(tph_st(set, i)),
				      "entry %u: tag %#x", i, tph_st(set, i));

	KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
	KUNIT_EXPECT_EQ(test, tph_enable(set, TPH_DS), 0);
	KUNIT_EXPECT_EQ(test, tph_get_one(set, tph_cpu(), true, &tag), 0);
	KUNIT_EXPECT_EQ(test, tag, tph_tag(tph_cpu(), true));
	for (unsigned int i = 0; i < size; i++) {
		KUNIT_EXPECT_EQ(test, tph_set_one(set, i, tph_cpu(), i & 1), 0);
		KUNIT_EXPECT_EQ(test, tph_st(set, i), tph_tag(tph_cpu(), i & 1));
	}
	vfio_pci_close(set->user);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), 0);
	set->user = vfio_pci_open(set->fix, set->pdev);
	tph_expect_off(set);
}

/* A hundred calls in a second, on a machine with other things to do */
static long fuzz_pair_timeout(void)
{
	return VFIO_PCI_TIMEOUT + count / 20 / 100 * HZ;
}

/*
 * Each argument is read once: whatever the other thread makes of it, the table has
 * only tags that the firmware tells, memory behind the longest one is not written,
 * what a thread asks in memory of its own succeeds each time, and the device can be
 * used as before.  Catches what is checked in one copy and used in another.
 */
static void fuzz_two_threads(struct kunit *test)
{
	const struct fuzz_param *param = tph_own(test);
	struct fuzz *fuzz = kunit_kzalloc(test, 2 * sizeof(*fuzz), GFP_KERNEL);
	struct tph_set *set = fuzz_pair_set(test);
	struct vfio_pci_thread *thread[2];
	struct fuzz_pair pair[2] = {};

	KUNIT_ASSERT_NOT_NULL(test, fuzz);
	set->priv = &pair[0];
	set->on_resolve = fuzz_pair_resolve;
	for (int i = 0; i < 2; i++) {
		fuzz[i].test = test;
		fuzz[i].set = set;
		fuzz[i].buf = kunit_kzalloc(test, FUZZ_MAX, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, fuzz[i].buf);
		prandom_seed_state(&fuzz[i].rnd, seed + 2 * (param - fuzz_kinds) + i);
		pair[i].fuzz = &fuzz[i];
		pair[i].param = param;
		pair[i].calls = count / 20;
		pair[i].mem = vfio_pci_mem(set->fix, 0);
		pair[i].own = vfio_pci_mem(set->fix, FUZZ_OWN + i * PAGE_SIZE);
		pair[i].query = tph_arg(set, TPH_OP_GET_CAP, 0);
		pair[i].off = tph_arg(set, TPH_OP_DISABLE, 0);
	}
	for (int i = 0; i < 2; i++)
		thread[i] = vfio_pci_thread_start(set->fix, fuzz_pair_main, &pair[i]);
	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, vfio_pci_thread_join_within(thread[i],
								  fuzz_pair_timeout()), 0);
		KUNIT_EXPECT_FALSE(test, pair[i].unknown);
		KUNIT_EXPECT_EQ(test, pair[i].query_bad, 0);
		KUNIT_EXPECT_EQ(test, pair[i].off_bad, 0);
		/* Some succeed, or it proves nothing */
		KUNIT_EXPECT_TRUE(test, pair[i].seen & BIT(0));
	}
	fuzz_pair_after(set, param->size);
}

/* What the other thread makes of the argument is as valid as it was */

#define FUZZ_FLIPS	200U	/* calls of thousands of entries */

struct fuzz_flip {
	struct tph_set *set;
	struct tph_arg *arg;
	void __user *mem;
	unsigned int nr;
	bool bad;
	bool stop;
};

/* The count is one of two, for both of which there are entries, and so are the types */
static void fuzz_flip_once(struct fuzz_flip *flip)
{
	size_t head = flip->set->shell->head;
	unsigned int nr = flip->nr++;
	u32 nr_entries = nr & 1 ? 1 : TPH_MAX_ENTRIES;
	unsigned int entry = nr / 2 % FUZZ_TABLE;

	if (put_user(nr_entries, (u32 __user *)(flip->mem + head)) ||
	    put_user((u8)(nr / 16 & 1),
		     (u8 __user *)(flip->mem + head + TPH_ST_SIZE +
				   entry * TPH_ENTRY_SIZE + 6)))
		WRITE_ONCE(flip->bad, true);
}

static int fuzz_flip_main(void *data)
{
	struct fuzz_flip *flip = data;

	while (!READ_ONCE(flip->stop)) {
		fuzz_flip_once(flip);
		fuzz_pair_turn();
	}
	return 0;
}

static void fuzz_flip_resolve(struct tph_set *set)
{
	fuzz_flip_once(set->priv);
}

/* Returns how many of the calls have told or set a tag that there is not */
static unsigned int fuzz_flip_call(struct fuzz_flip *flip, enum tph_op op,
				   unsigned int size)
{
	struct tph_set *set = flip->set;
	unsigned int bad = 0;
	u16 tag;
	long ret;

	flip->arg = tph_arg(set, op, TPH_MAX_ENTRIES);
	for (unsigned int i = 0; i < TPH_MAX_ENTRIES; i++)
		flip->arg->entry[i].index %= size;
	for (unsigned int i = 0; i < min(count / 100, FUZZ_FLIPS); i++) {
		KUNIT_EXPECT_EQ(set->test, copy_to_user(flip->mem, flip->arg->mem,
							flip->arg->size), 0);
		ret = tph_call(set, flip->mem);
		KUNIT_EXPECT_EQ(set->test, ret, 0);
		if (get_user(tag, (u16 __user *)(flip->mem + set->shell->head +
						 TPH_ST_SIZE + 8)))
			tag = 0xffff;
		if (op == TPH_OP_SET_ST)
			tag = tph_st(set, 0);
		bad += !fuzz_told(tag);
		fuzz_pair_turn();
	}
	return bad;
}

/*
 * Another thread changes a valid argument into another valid one all the time: each
 * call succeeds, with one or the other.  Catches a count that is read again when there
 * is room for one entry only.
 */
static void fuzz_stays_valid(struct kunit *test)
{
	const struct fuzz_param *param = tph_own(test);
	struct tph_set *set = fuzz_pair_set(test);
	struct vfio_pci_thread *thread;
	struct fuzz_flip flip = { .set = set, .mem = vfio_pci_mem(set->fix, 0) };

	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	set->priv = &flip;
	set->on_resolve = fuzz_flip_resolve;
	thread = vfio_pci_thread_start(set->fix, fuzz_flip_main, &flip);
	KUNIT_EXPECT_EQ(test, fuzz_flip_call(&flip, TPH_OP_GET_ST, 1), 0);
	if (param->size)
		KUNIT_EXPECT_EQ(test, fuzz_flip_call(&flip, TPH_OP_SET_ST, param->size),
				0);
	WRITE_ONCE(flip.stop, true);
	KUNIT_EXPECT_EQ(test, vfio_pci_thread_join(thread), 0);
	KUNIT_EXPECT_FALSE(test, flip.bad);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set) & 7, TPH_DS);
	fuzz_pair_after(set, param->size);
}

/* Where there is something to read and to write: the first four */
static const void *fuzz_pairs_gen_params(struct kunit *test, const void *prev,
					 char *desc)
{
	return tph_next_param(test, prev, desc, fuzz_kinds, sizeof(fuzz_kinds[0]), 4);
}

static struct kunit_case vfio_pci_tph_fuzz_cases[] = {
	KUNIT_CASE_PARAM_ATTR(fuzz_run, fuzz_kinds_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(fuzz_two_threads, fuzz_pairs_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(fuzz_stays_valid, fuzz_pairs_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite vfio_pci_tph_fuzz_suite = {
	.name = "vfio_pci_tph_fuzz",
	.test_cases = vfio_pci_tph_fuzz_cases,
};

kunit_test_suite(vfio_pci_tph_fuzz_suite);

MODULE_DESCRIPTION("KUnit fuzz test for VFIO_DEVICE_PCI_TPH");
MODULE_LICENSE("GPL");
