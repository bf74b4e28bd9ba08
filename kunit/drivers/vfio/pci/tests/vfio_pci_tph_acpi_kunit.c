// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for VFIO_DEVICE_PCI_TPH with tags from firmware: a _DSM in AML, the
 * kernel's own ACPI and PCI core, and no tags of the test's own.
 */
#include <kunit/pci.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/pci.h>
#include <linux/pci-tph.h>
#include <linux/sched.h>
#include <linux/vfio.h>

#include "pci_tph_acpi.h"
#include "vfio_pci_tph_set.h"

#define TABLE	8
#define VALID	(TPH_ACPI_ST | TPH_ACPI_XST)

static const struct tph_acpi_type {
	const char *name;
	bool extended;
} tph_types[] = {
	{ "8_bits", false },
	{ "16_bits", true },
};

TPH_ARRAY_PARAM(tph_types, tph_types)

/* TPH is enabled; who asks for a tag asks the host bridge of the fabric */
static struct tph_set *tph_acpi_set_alloc(struct kunit *test, bool extended,
					  bool dsm)
{
	struct tph_set *set = tph_set_alloc(test, &(struct tph_conf){
		.door = VFIO_PCI_CDEV, .loc = TPH_LOC_CAP, .st_size = TABLE,
		.gate = true, .extended = extended,
	});

	kunit_deactivate_static_stub(test, pcie_tph_get_cpu_st);
	pci_tph_acpi_attach(test, set->fix->fabric, dsm);
	KUNIT_ASSERT_EQ(test, tph_enable(set, TPH_DS), 0);
	return set;
}

/*
 * User space gets, and has set, the tags that the firmware has for each CPU, with
 * as many bits as were enabled.  Catches tags of a type of requests, of memory or
 * of a CPU other than what was asked for.
 */
static void tph_acpi_tags(struct kunit *test)
{
	const struct tph_acpi_type *param = tph_own(test);
	struct tph_set *set = tph_acpi_set_alloc(test, param->extended, true);
	unsigned int cpu;

	for_each_cpu_and(cpu, current->cpus_ptr, cpu_online_mask) {
		s64 uid = pci_tph_acpi_uid(test, cpu);

		KUNIT_ASSERT_GE(test, uid, 0);
		for (int pm = 0; pm <= 1; pm++) {
			unsigned int index = (2 * cpu + pm) % TABLE;
			u16 want = pci_tph_acpi_tag(uid, pm, param->extended);
			u16 tag = 0;

			KUNIT_EXPECT_EQ(test, tph_get_one(set, cpu, pm, &tag), 0);
			KUNIT_EXPECT_EQ(test, tag, want);
			KUNIT_EXPECT_EQ(test, tph_set_one(set, index, cpu, pm), 0);
			KUNIT_EXPECT_EQ(test, tph_st(set, index), want);
		}
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&set->resolved), 0);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_DS |
			(param->extended ? TPH_CTRL_EXTENDED : TPH_CTRL_ON));
}

/* The firmware has no tag that is valid: an error of its own, and nothing changes */
static void tph_acpi_none_valid(struct kunit *test)
{
	struct tph_set *set = tph_acpi_set_alloc(test, false, true);
	unsigned int cpu = tph_cpu();
	u16 tag = 0;

	KUNIT_ASSERT_EQ(test, tph_set_one(set, 3, cpu, true), 0);
	KUNIT_ASSERT_NE(test, tph_st(set, 3), 0);
	/* The tags are there, and those that are valid have 16 bits */
	pci_tph_acpi_set(test, TPH_ACPI_BUFFER, 8, TPH_ACPI_XST, TPH_ACPI_XST);
	KUNIT_EXPECT_EQ(test, tph_get_one(set, cpu, true, &tag), -ENODATA);
	KUNIT_EXPECT_EQ(test, tag, 0);
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 3, cpu, true), -ENODATA);
	KUNIT_EXPECT_NE(test, tph_st(set, 3), 0);
}

static const struct tph_acpi_bad {
	const char *name;
	bool no_dsm;
	bool no_companion;
	enum pci_tph_acpi_kind kind;
	unsigned int size;
} tph_bad[] = {
	{ "short", .kind = TPH_ACPI_BUFFER, .size = 7 },
	{ "half", .kind = TPH_ACPI_BUFFER, .size = 4 },
	{ "empty", .kind = TPH_ACPI_BUFFER, .size = 0 },
	{ "integer", .kind = TPH_ACPI_INTEGER },
	{ "string", .kind = TPH_ACPI_STRING },
	{ "package", .kind = TPH_ACPI_PACKAGE },
	{ "aborted", .kind = TPH_ACPI_ABORTED },
	{ "no_function", .kind = TPH_ACPI_NO_FUNCTION },
	{ "no_dsm", .no_dsm = true },
	{ "no_companion", .no_companion = true },
};

TPH_ARRAY_PARAM(tph_bad, tph_bad)

/* Each operation says that there are no tags, and has told and written nothing */
static void tph_expect_no_tags(struct tph_set *set, struct tph_arg *get,
			       struct tph_arg *set_st)
{
	struct kunit *test = set->test;
	unsigned int writes = tph_writes(set);

	KUNIT_EXPECT_EQ(test, tph_arg_run(set, get), -ENODATA);
	for (unsigned int i = 0; i < get->st->count; i++)
		KUNIT_EXPECT_EQ(test, get->entry[i].st, 0);
	KUNIT_EXPECT_EQ(test, tph_arg_run(set, set_st), -ENODATA);
	for (unsigned int i = 0; i < TABLE; i++)
		KUNIT_EXPECT_EQ(test, tph_st(set, i), 0);
	KUNIT_EXPECT_EQ(test, tph_writes(set), writes);
	KUNIT_EXPECT_EQ(test, tph_ctrl(set), TPH_CTRL_ON | TPH_DS);
}

/*
 * Firmware whose answer is none.  Catches kernel memory that is told to user space
 * as a tag, and tags of answers that are not understood.
 */
static void tph_acpi_bad(struct kunit *test)
{
	const struct tph_acpi_bad *param = tph_own(test);
	struct tph_set *set = tph_acpi_set_alloc(test, false, !param->no_dsm);
	struct tph_arg *get = tph_arg(set, TPH_OP_GET_ST, 2);
	struct tph_arg *set_st = tph_arg(set, TPH_OP_SET_ST, 2);

	get->entry[1].mem_type = 1;
	set_st->entry[1].mem_type = 1;
	if (param->no_companion)
		pci_tph_acpi_detach(set->fix->fabric);
	pci_tph_acpi_set(test, param->kind, param->size, VALID, VALID);
	tph_expect_no_tags(set, get, set_st);
}

/*
 * Firmware that knows the tags of one CPU alone: a batch with another is refused as
 * a whole, wherever that is.  Catches a batch that is written as tags are found.
 */
static void tph_acpi_one_cpu(struct kunit *test)
{
	struct tph_set *set = tph_acpi_set_alloc(test, false, true);
	unsigned int known = tph_cpu(), other, next = known;
	s64 uid = pci_tph_acpi_uid(test, known);
	u16 tag = 0;

	KUNIT_ASSERT_GE(test, uid, 0);
	for_each_cpu_and(other, current->cpus_ptr, cpu_online_mask)
		next = other;
	if (next == known)
		kunit_skip(test, "one CPU");

	pci_tph_acpi_set(test, TPH_ACPI_ONE_CPU, uid, VALID, VALID);
	for (unsigned int at = 0; at < 4; at++) {
		struct tph_arg *get = tph_arg(set, TPH_OP_GET_ST, 4);
		struct tph_arg *set_st = tph_arg(set, TPH_OP_SET_ST, 4);

		get->entry[at].cpu = next;
		set_st->entry[at].cpu = next;
		tph_expect_no_tags(set, get, set_st);
	}
	KUNIT_EXPECT_EQ(test, tph_get_one(set, known, false, &tag), 0);
	KUNIT_EXPECT_EQ(test, tag, pci_tph_acpi_tag(uid, false, false));
	KUNIT_EXPECT_EQ(test, tph_set_one(set, 0, known, false), 0);
	KUNIT_EXPECT_EQ(test, tph_st(set, 0), tag);
}

static struct kunit_case vfio_pci_tph_acpi_cases[] = {
	KUNIT_CASE_PARAM(tph_acpi_tags, tph_types_gen_params),
	TPH_CASE(tph_acpi_none_valid),
	KUNIT_CASE_PARAM(tph_acpi_bad, tph_bad_gen_params),
	TPH_CASE(tph_acpi_one_cpu),
	{}
};

static struct kunit_suite vfio_pci_tph_acpi_suite = {
	.name = "vfio_pci_tph_acpi",
	.test_cases = vfio_pci_tph_acpi_cases,
};

kunit_test_suite(vfio_pci_tph_acpi_suite);

MODULE_DESCRIPTION("KUnit tests for tags from ACPI through vfio-pci");
MODULE_LICENSE("GPL");
