// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for VFIO_DEVICE_PCI_TPH: asking for tags and setting them, in
 * batches.
 */
#include <kunit/pci.h>
#include <kunit/test.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/mman.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "pci_failslab.h"
#include "vfio_pci_tph_set.h"

#define TABLE	8		/* entries */

/* Where the table is.  In the MSI-X table, the vectors are enabled. */
static const struct tph_st_param {
	const char *name;
	struct tph_conf conf;
} tph_tables[] = {
	{ "cap", { .door = VFIO_PCI_CDEV, .loc = TPH_LOC_CAP, .st_size = TABLE,
		   .gate = true } },
	{ "msix", { .door = VFIO_PCI_CDEV, .loc = TPH_LOC_MSIX, .vectors = TABLE,
		    .gate = true } },
};

TPH_ARRAY_PARAM(tph_tables, tph_tables)

static struct tph_set *tph_table_set(struct kunit *test, u32 mode)
{
	const struct tph_st_param *param = tph_own(test);
	struct tph_set *set = tph_set_alloc(test, &param->conf);

	if (param->conf.loc == TPH_LOC_MSIX)
		tph_msix(set, TABLE);
	KUNIT_ASSERT_EQ(test, tph_enable(set, mode), 0);
	return set;
}

/* What is in the table, as one number to compare */
static void tph_table_read(struct tph_set *set, u16 table[TABLE])
{
	for (unsigned int i = 0; i < TABLE; i++)
		table[i] = tph_st(set, i);
}

/* A batch that has to fail, and has to leave table, mode and control as they are */
static void tph_expect_nothing(struct tph_set *set, struct tph_arg *arg, int err,
			       const char *what)
{
	u16 before[TABLE], after[TABLE];
	struct kunit *test = set->test;
	unsigned int writes = tph_writes(set);
	u32 ctrl = tph_ctrl(set);

	tph_table_read(set, before);
	KUNIT_EXPECT_EQ_MSG(test, tph_arg_run(set, arg), err, "%s", what);
	tph_table_read(set, after);
	KUNIT_EXPECT_MEMEQ_MSG(test, after, before, sizeof(after), "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, tph_writes(set), writes, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, tph_ctrl(set), ctrl, "%s", what);
}

/*
 * A batch is in the table when the call returns, each tag at its index, and
 * nothing else is.  Requests are off while the table is written, and on again
 * then.  Catches tags in the wrong order, at the wrong index or of the wrong
 * memory type.
 */
static void tph_set_batch(struct kunit *test)
{
	static const u16 index[] = { 6, 0, 7, 3 };
	struct tph_set *set = tph_table_set(test, TPH_DS);
	unsigned int cpu = tph_cpu();

	for (u32 mode = TPH_DS; mode >= TPH_IV; mode--) {
		struct tph_arg *arg = tph_arg(set, TPH_OP_SET_ST, 4);
		bool swap = mode == TPH_IV;

		KUNIT_EXPECT_EQ(test, tph_disable(set), 0);
		KUNIT_EXPECT_EQ(test, tph_enable(set, mode), 0);
		for (int i = 0; i < 4; i++) {
			arg->entry[i].index = index[i];
			arg->entry[i].mem_type = (i & 1) ^ swap;
		}
		KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
		for (unsigned int i = 0; i < TABLE; i++) {
			u16 want = 0;

			for (int k = 0; k < 4; k++)
				if (index[k] == i)
					want = tph_tag(cpu, (k & 1) ^ swap);
			KUNIT_EXPECT_EQ_MSG(test, tph_st(set, i), want,
					    "mode %u, entry %u", mode, i);
		}
		KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | mode);
		KUNIT_EXPECT_EQ(test, pci_fabric_tph_stats(set->fn).st_live, 0);
	}
}

/*
 * A full batch; and one index many times: the last one wins.  Catches a limit
 * that is off by one, and entries that are written in another order.
 */
static void tph_set_most(struct kunit *test)
{
	struct tph_set *set = tph_table_set(test, TPH_IV);
	struct tph_arg *arg = tph_arg(set, TPH_OP_SET_ST,
				      TPH_MAX_ENTRIES);
	unsigned int cpu = tph_cpu();

	for (int i = 0; i < TPH_MAX_ENTRIES; i++) {
		arg->entry[i].index = i % TABLE;
		arg->entry[i].mem_type = i < TPH_MAX_ENTRIES - TABLE / 2;
	}
	KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
	for (unsigned int i = 0; i < TABLE; i++)
		KUNIT_EXPECT_EQ(test, tph_st(set, i),
				tph_tag(cpu, i < TABLE / 2));
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_IV);
}

/*
 * Counts that there are not, in both directions.  Nothing may be read behind the
 * header then, nor allocated: the rest is not mapped.
 */
static void tph_count(struct kunit *test)
{
	static const u32 counts[] = { 0, TPH_MAX_ENTRIES + 1, 4096, 0x10000,
				      0x0fffffff, 0x10000000, 0x10000001,
				      0x7fffffff, 0x80000000, ~0U };
	struct tph_set *set = tph_table_set(test, TPH_DS);

	for (u32 op = TPH_OP_GET_ST; op <= TPH_OP_SET_ST; op++) {
		struct tph_arg *arg = tph_arg(set, op, 0);

		for (int i = 0; i < ARRAY_SIZE(counts); i++) {
			arg->st->count = counts[i];
			*arg->argsz = ~0U;
			tph_expect_nothing(set, arg, -EINVAL, "argsz ~0");
			*arg->argsz = arg->size;
			tph_expect_nothing(set, arg, -EINVAL, "argsz exact");
			/* The product in 32 bits */
			*arg->argsz = arg->size + counts[i] * TPH_ENTRY_SIZE;
			tph_expect_nothing(set, arg, -EINVAL, "argsz product");
		}
	}
}

/* Entries of another size are refused: the kernel does not guess */
static void tph_entry_size(struct kunit *test)
{
	static const u32 sizes[] = { 0, 1, 8, 15, 17, 24, 32, 0x10010, ~0U };
	struct tph_set *set = tph_table_set(test, TPH_DS);

	for (u32 op = TPH_OP_GET_ST; op <= TPH_OP_SET_ST; op++) {
		struct tph_arg *arg = tph_arg(set, op, 2);

		for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
			arg->st->entry_size = sizes[i];
			tph_expect_nothing(set, arg, -EINVAL, "entry_size");
		}
	}
}

/* Less argsz than entries: not one of them is written */
static void tph_argsz_count(struct kunit *test)
{
	struct tph_set *set = tph_table_set(test, TPH_DS);

	for (u32 op = TPH_OP_GET_ST; op <= TPH_OP_SET_ST; op++) {
		struct tph_arg *arg = tph_arg(set, op, 3);

		for (unsigned int less = 1; less <= 3 * TPH_ENTRY_SIZE; less++) {
			*arg->argsz = arg->size - less;
			tph_expect_nothing(set, arg, -EINVAL, "argsz");
		}
	}
}

/*
 * The last entry of the table can be set and the next one cannot, nor any other
 * index that 16 bits can hold.  Catches a bound that is off by one or missing.
 */
static void tph_index(struct kunit *test)
{
	static const u16 bad[] = { TABLE, TABLE + 1, 63, 64, 255, 256, 2047, 2048,
				   0x7fff, 0x8000, 0xfffe, 0xffff };
	struct tph_set *set = tph_table_set(test, TPH_IV);
	struct tph_arg *arg = tph_arg(set, TPH_OP_SET_ST, 2);
	unsigned int cpu = tph_cpu();

	KUNIT_EXPECT_EQ(test, tph_set_one(set, 0, cpu, true), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 0), tph_tag(cpu, true));
	KUNIT_EXPECT_EQ(test, tph_set_one(set, TABLE - 1, cpu, true), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, TABLE - 1), tph_tag(cpu, true));

	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		/* Behind one that is right */
		arg->entry[0].index = 1;
		arg->entry[1].index = bad[i];
		tph_expect_nothing(set, arg, -EINVAL, "index");
		arg->entry[0].index = bad[i];
		arg->entry[1].index = 1;
		tph_expect_nothing(set, arg, -EINVAL, "index first");
	}
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 2, cpu, false), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 2), tph_tag(cpu, false));
}

/* Memory types that there are not; each that there is */
static void tph_mem_type(struct kunit *test)
{
	struct tph_set *set = tph_table_set(test, TPH_DS);

	for (u32 op = TPH_OP_GET_ST; op <= TPH_OP_SET_ST; op++) {
		struct tph_arg *arg = tph_arg(set, op, 2);

		for (unsigned int type = 2; type < 256; type++) {
			arg->entry[1].mem_type = type;
			tph_expect_nothing(set, arg, -EINVAL, "mem_type");
		}
		arg->entry[1].mem_type = 1;
		KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
	}
}

/* CPUs that there are not: out of range for the kernel, or for its masks */
static void tph_cpu_range(struct kunit *test)
{
	const u32 cpus[] = { nr_cpu_ids, nr_cpu_ids + 1, nr_cpu_ids + 64, 0x10000,
			     0x7fffffff, 0x80000000, 0x80000000 + tph_cpu(), ~0U };
	struct tph_set *set = tph_table_set(test, TPH_DS);

	for (u32 op = TPH_OP_GET_ST; op <= TPH_OP_SET_ST; op++) {
		struct tph_arg *arg = tph_arg(set, op, 2);

		for (int i = 0; i < ARRAY_SIZE(cpus); i++) {
			arg->entry[1].cpu = cpus[i];
			tph_expect_nothing(set, arg, -EINVAL, "cpu");
		}
	}
}

/* A CPU that is possible, and not online */
static void tph_cpu_offline(struct kunit *test)
{
	struct tph_set *set = tph_table_set(test, TPH_DS);
	unsigned int cpu = cpumask_last(cpu_possible_mask);
#ifdef CONFIG_HOTPLUG_CPU
	bool removed = false;

	if (cpu_online(cpu) && num_online_cpus() > 1)
		removed = !remove_cpu(cpu);
#endif
	if (cpu_online(cpu))
		kunit_skip(test, "all CPUs are online, and none can be taken away");

	for (u32 op = TPH_OP_GET_ST; op <= TPH_OP_SET_ST; op++) {
		struct tph_arg *arg = tph_arg(set, op, 2);

		arg->entry[1].cpu = cpu;
		tph_expect_nothing(set, arg, -EINVAL, "cpu");
	}
#ifdef CONFIG_HOTPLUG_CPU
	if (removed)
		KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
#endif
}

/* A CPU that the caller may not run on; each that it may */
static void tph_cpu_mask(struct kunit *test)
{
	struct tph_set *set = tph_table_set(test, TPH_DS);
	unsigned int here = cpumask_first(cpu_online_mask), other;
	cpumask_var_t old;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU");

	KUNIT_ASSERT_TRUE(test, alloc_cpumask_var(&old, GFP_KERNEL));
	cpumask_copy(old, current->cpus_ptr);
	KUNIT_EXPECT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(here)), 0);
	for (u32 op = TPH_OP_GET_ST; op <= TPH_OP_SET_ST; op++) {
		struct tph_arg *arg = tph_arg(set, op, 2);

		for_each_online_cpu(other) {
			if (other == here)
				continue;
			arg->entry[0].cpu = here;
			arg->entry[1].cpu = other;
			tph_expect_nothing(set, arg, -EPERM, "cpu");
			arg->entry[0].cpu = other;
			arg->entry[1].cpu = here;
			tph_expect_nothing(set, arg, -EPERM, "cpu first");
		}
	}
	KUNIT_EXPECT_EQ(test, set_cpus_allowed_ptr(current, old), 0);
	free_cpumask_var(old);

	for_each_cpu_and(other, current->cpus_ptr, cpu_online_mask) {
		KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, other, false), 0);
		KUNIT_EXPECT_EQ(test, tph_st(set, 1), tph_tag(other, false));
	}

	/* A thread that stays where it is for a moment has not lost its mask */
	migrate_disable();
	fsleep(1000);
	KUNIT_EXPECT_EQ(test, cpumask_weight(current->cpus_ptr), 1);
	for_each_online_cpu(other)
		KUNIT_EXPECT_EQ(test, tph_set_one(set, 1, other, false), 0);
	migrate_enable();
}

/*
 * One tag of a batch cannot be had, for whatever reason: nothing of the batch is
 * written, wherever it is, and there is one errno for that, which no mistake of the
 * caller has.  Catches a batch that is written entry by entry.
 */
static void tph_set_fails(struct kunit *test)
{
	static const int err[] = { -ENODEV, -EINVAL, -ENOMEM, -EIO };
	struct tph_set *set = tph_table_set(test, TPH_IV);
	unsigned int cpu = tph_cpu();

	KUNIT_ASSERT_EQ(test, tph_set_one(set, 5, cpu, true), 0);
	for (int i = 0; i < ARRAY_SIZE(err); i++) {
		set->fail_persistent = err[i];
		for (unsigned int at = 0; at < TABLE; at++) {
			struct tph_arg *arg = tph_arg(set, TPH_OP_SET_ST,
						      TABLE);

			arg->entry[at].mem_type = 1;
			tph_expect_nothing(set, arg, -ENODATA, "tag");
		}
	}
	KUNIT_EXPECT_EQ(test, tph_st(set, 5), tph_tag(cpu, true));
}

/* Another thread of the caller changes the argument while a tag is asked for */
static void tph_scribble(struct tph_set *set)
{
	struct tph_arg *arg = set->priv;
	void *ones = kunit_kmalloc(set->test, arg->size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(set->test, ones);
	memset(ones, 0xff, arg->size);
	KUNIT_EXPECT_EQ(set->test, copy_to_user(vfio_pci_mem_tail(set->fix, arg->size),
						ones, arg->size), 0);
}

/*
 * It is the argument as it was first that counts: the count too, when tags are
 * written back, and only they are.  Catches what is read from user memory again after
 * it was checked.
 */
static void tph_memory_changes(struct kunit *test)
{
	struct tph_set *set = tph_table_set(test, TPH_DS);
	unsigned int cpu = tph_cpu();

	for (u32 op = TPH_OP_GET_ST; op <= TPH_OP_SET_ST; op++) {
		struct tph_arg *arg = tph_arg(set, op, TABLE);

		set->priv = arg;
		set->on_resolve = tph_scribble;
		KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
		set->on_resolve = NULL;
		KUNIT_EXPECT_EQ(test, *arg->argsz, ~0U);
		KUNIT_EXPECT_EQ(test, arg->st->count, ~0U);
		for (int i = 0; i < TABLE && op == TPH_OP_GET_ST; i++) {
			KUNIT_EXPECT_EQ(test, arg->entry[i].cpu, ~0U);
			KUNIT_EXPECT_EQ(test, arg->entry[i].st, tph_tag(cpu, false));
		}
	}
	for (int i = 0; i < TABLE; i++)
		KUNIT_EXPECT_EQ(test, tph_st(set, i), tph_tag(cpu, false));
}

/*
 * Memory that ends half way through the entries, at each byte of the last one.
 * Catches a batch that is copied and written entry by entry.
 */
static void tph_entry_fault(struct kunit *test)
{
	struct tph_set *set = tph_table_set(test, TPH_DS);

	for (u32 op = TPH_OP_GET_ST; op <= TPH_OP_SET_ST; op++) {
		struct tph_arg *arg = tph_arg(set, op, TABLE);
		void __user *end = vfio_pci_mem_tail(set->fix, 0);

		for (unsigned int less = 1; less <= TABLE * TPH_ENTRY_SIZE; less++) {
			size_t there = arg->size - less;
			unsigned int writes = tph_writes(set);

			KUNIT_ASSERT_EQ(test, copy_to_user(end - there, arg->mem,
							   there), 0);
			KUNIT_EXPECT_EQ(test, tph_call(set, end - there), -EFAULT);
			KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
		}
	}
}

/*
 * A big batch whose pages are read-only from the second on.  GET_ST cannot write
 * all of it back: -EFAULT, and the device is as before.  SET_ST writes nothing
 * back.
 */
static void tph_entry_read_only(struct kunit *test)
{
	struct tph_set *set = tph_table_set(test, TPH_DS);
	const unsigned int count = 2 * PAGE_SIZE / TPH_ENTRY_SIZE;

	for (u32 op = TPH_OP_GET_ST; op <= TPH_OP_SET_ST; op++) {
		struct tph_arg *arg = tph_arg(set, op, count);
		void __user *mem = vfio_pci_mem_tail(set->fix, arg->size);
		unsigned int writes = tph_writes(set);
		long ret;

		for (unsigned int i = 0; i < count; i++)
			arg->entry[i].index %= TABLE;
		KUNIT_ASSERT_EQ(test, copy_to_user(mem, arg->mem, arg->size), 0);
		vfio_pci_mem_protect(set->fix, mem + PAGE_SIZE, PROT_READ);
		ret = tph_call(set, mem);
		vfio_pci_mem_protect(set->fix, mem + PAGE_SIZE,
				     PROT_READ | PROT_WRITE);
		if (op == TPH_OP_GET_ST) {
			KUNIT_EXPECT_EQ(test, ret, -EFAULT);
			KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
		} else {
			KUNIT_EXPECT_EQ(test, ret, 0);
		}
		KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_DS);
	}
}

/*
 * Each allocation fails once: the batch fails as a whole and the device is as before,
 * or it is done.  Catches what is half done, and an error that is taken for a tag.
 */
static void tph_no_memory(struct kunit *test)
{
	unsigned int cpu = tph_cpu(), enomem = 0;
	struct pci_failslab sweep;
	struct tph_set *set;
	struct tph_arg *arg;
	bool failed;
	long ret;

	pci_failslab_init(&sweep, test, 1);
	set = tph_table_set(test, TPH_DS);
	for (u32 op = TPH_OP_GET_ST; op <= TPH_OP_SET_ST; op++) {
		pci_failslab_init(&sweep, test, 1);
		while (pci_failslab_next(&sweep)) {
			unsigned int writes = tph_writes(set);

			arg = tph_arg(set, op, TABLE);
			/* Another tag than the round before */
			for (int i = 0; i < TABLE; i++)
				arg->entry[i].mem_type = sweep.n & 1;
			pci_failslab_arm(&sweep);
			ret = tph_arg_run(set, arg);
			failed = pci_failslab_disarm(&sweep);

			if (ret) {
				enomem++;
				KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
				KUNIT_EXPECT_TRUE(test, failed);
				KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
				KUNIT_EXPECT_EQ(test, tph_arg_run(set, arg), 0);
			}
			for (int i = 0; i < TABLE; i++)
				KUNIT_EXPECT_EQ(test, op == TPH_OP_SET_ST ?
						tph_st(set, i) : arg->entry[i].st,
						tph_tag(cpu, sweep.n & 1));
			KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_DS);
		}
		pci_failslab_end(&sweep, 2);
	}
	/* What the user gives, and what is made of it, in either direction */
	KUNIT_EXPECT_GE(test, enomem, 4);
}

static struct kunit_case vfio_pci_tph_st_cases[] = {
	KUNIT_CASE_PARAM(tph_set_batch, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_set_most, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_count, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_entry_size, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_argsz_count, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_index, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_mem_type, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_cpu_range, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_cpu_offline, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_cpu_mask, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_set_fails, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_memory_changes, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_entry_fault, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_entry_read_only, tph_tables_gen_params),
	KUNIT_CASE_PARAM(tph_no_memory, tph_tables_gen_params),
	{}
};

static struct kunit_suite vfio_pci_tph_st_suite = {
	.name = "vfio_pci_tph_st",
	.test_cases = vfio_pci_tph_st_cases,
};

kunit_test_suite(vfio_pci_tph_st_suite);

MODULE_DESCRIPTION("KUnit tests for steering tags through vfio-pci");
MODULE_LICENSE("GPL");
