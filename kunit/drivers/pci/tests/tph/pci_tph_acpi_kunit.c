// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of pcie_tph_get_cpu_st() with firmware: a _DSM in AML below the host
 * bridge of an emulated fabric, and the kernel's own ACPI.
 *
 * Expected values are those of the "_DSM to Query Cache Locality TPH Features" of
 * the PCI Firmware Specification, see pci_tph_acpi.h, and of the MADT.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "pci_fabric_tph_kunit.h"
#include "pci_tph_acpi.h"

#define VALID		(TPH_ACPI_ST | TPH_ACPI_XST)
#define UNTOUCHED	0xa5a5

/* Who requests, who completes, and what comes of it (sec 7.9.13.3) */
static const struct type_param {
	const char *name;
	bool requester_ext;
	u8 completer;
	bool extended;
} types[] = {
	{ "tph", false, COMP_TPH, false },
	{ "tph_below_extended", false, COMP_EXT, false },
	{ "extended_below_tph", true, COMP_TPH, false },
	{ "extended", true, COMP_EXT, true },
};

KUNIT_ARRAY_PARAM_DESC(types, types, name);

static struct tph *make_type(struct kunit *test, bool requester_ext, u8 completer)
{
	struct pci_fabric_fn_desc desc = tph_desc;
	struct tph *t;

	desc.tph.extended = requester_ext;
	t = make_tph(test, &desc, completer);
	KUNIT_ASSERT_EQ(test, pcie_enable_tph(t->dev, MODE_DS), 0);
	return t;
}

static struct tph *make_acpi(struct kunit *test)
{
	struct tph *t = make_type(test, false, COMP_TPH);

	pci_tph_acpi_attach(test, t->fabric, true);
	return t;
}

/* A CPU, and its UID */
static unsigned int some_cpu(struct kunit *test, u32 *uid)
{
	unsigned int cpu = cpumask_first(cpu_online_mask);
	s64 found = pci_tph_acpi_uid(test, cpu);

	KUNIT_ASSERT_GE(test, found, 0);
	*uid = found;
	return cpu;
}

/* No tag, and the reason why; the firmware's tags do not get out */
static void expect_error(struct kunit *test, struct pci_dev *dev, int err)
{
	unsigned int cpu = cpumask_first(cpu_online_mask);

	for (int pm = 0; pm <= 1; pm++) {
		u16 tag = UNTOUCHED;

		KUNIT_EXPECT_EQ(test, pcie_tph_get_cpu_st(dev, pm ?
							  TPH_MEM_TYPE_PM :
							  TPH_MEM_TYPE_VM, cpu,
							  &tag), err);
		KUNIT_EXPECT_TRUE_MSG(test, tag == UNTOUCHED || !tag, "tag %#x", tag);
	}
}

/*
 * The tag is that of the CPU, of the type of memory, and of as many bits as the
 * requests have that were enabled.  Catches tags of another field of the result,
 * arguments that the firmware does not take, and an extended tag for a device that
 * may not request with it.
 */
static void tags(struct kunit *test)
{
	const struct type_param *param = test->param_value;
	struct tph *t = make_type(test, param->requester_ext, param->completer);
	unsigned int cpu, asked = 0;
	u16 tag;

	pci_tph_acpi_attach(test, t->fabric, true);
	for_each_online_cpu(cpu) {
		s64 uid = pci_tph_acpi_uid(test, cpu);

		KUNIT_ASSERT_GE(test, uid, 0);
		tag = UNTOUCHED;
		KUNIT_EXPECT_EQ(test, pcie_tph_get_cpu_st(t->dev, TPH_MEM_TYPE_VM,
							  cpu, &tag), 0);
		KUNIT_EXPECT_EQ_MSG(test, tag,
				    pci_tph_acpi_tag(uid, false, param->extended),
				    "CPU %u, UID %lld", cpu, uid);
		tag = UNTOUCHED;
		KUNIT_EXPECT_EQ(test, pcie_tph_get_cpu_st(t->dev, TPH_MEM_TYPE_PM,
							  cpu, &tag), 0);
		KUNIT_EXPECT_EQ_MSG(test, tag,
				    pci_tph_acpi_tag(uid, true, param->extended),
				    "CPU %u, UID %lld", cpu, uid);
		asked += 2;
	}
	KUNIT_EXPECT_EQ(test, pci_tph_acpi_asked(test), asked);
}

/*
 * Firmware knows a CPU by the UID of the MADT.  Catches the number of the CPU in
 * its place, where the two differ.
 */
static void uid_is_no_number(struct kunit *test)
{
	struct tph *t = make_acpi(test);
	unsigned int cpu, differ = 0;

	for_each_online_cpu(cpu) {
		s64 uid = pci_tph_acpi_uid(test, cpu);
		u16 tag = UNTOUCHED;

		KUNIT_ASSERT_GE(test, uid, 0);
		if (uid == cpu)
			continue;
		differ++;
		KUNIT_EXPECT_EQ(test, pcie_tph_get_cpu_st(t->dev, TPH_MEM_TYPE_VM,
							  cpu, &tag), 0);
		KUNIT_EXPECT_EQ(test, tag, pci_tph_acpi_tag(uid, false, false));
		KUNIT_EXPECT_NE(test, tag, pci_tph_acpi_tag(cpu, false, false));
	}
	if (!differ)
		kunit_skip(test, "each CPU has its number as UID");
}

/*
 * CPUs that there are not: the firmware is not asked.  Catches an unknown CPU that
 * is taken for another one.
 */
static void no_such_cpu(struct kunit *test)
{
	const unsigned int bad[] = { nr_cpu_ids, nr_cpu_ids + 1, 0x7fffffff,
				     0x80000000, UINT_MAX };
	struct tph *t = make_acpi(test);
	unsigned int cpu;
	u16 tag;

	for (int i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, pcie_tph_get_cpu_st(t->dev,
							      TPH_MEM_TYPE_VM,
							      bad[i], &tag),
				    -EINVAL, "CPU %#x", bad[i]);
	/* Could be plugged in, and has no UID until it is */
	for_each_possible_cpu(cpu)
		if (!cpu_present(cpu))
			KUNIT_EXPECT_EQ_MSG(test,
					    pcie_tph_get_cpu_st(t->dev,
								TPH_MEM_TYPE_VM,
								cpu, &tag),
					    -ENODEV, "CPU %u", cpu);
	KUNIT_EXPECT_EQ(test, pci_tph_acpi_asked(test), 0);
}

/*
 * A tag counts if the firmware says that it is valid, whatever the other three are,
 * and whatever it says of hints that are ignored and in reserved bits: 0 otherwise,
 * and no error.  Catches the valid bit of another tag.
 */
static void valid(struct kunit *test)
{
	const struct type_param *param = test->param_value;
	struct tph *t = make_type(test, param->requester_ext, param->completer);
	u8 mine = param->extended ? TPH_ACPI_XST : TPH_ACPI_ST;
	unsigned int cpu;
	u32 uid;

	cpu = some_cpu(test, &uid);
	pci_tph_acpi_attach(test, t->fabric, true);
	for (int i = 0; i < 64; i++) {
		u8 vm = (i & 3) | (i & 16 ? TPH_ACPI_PH_IGNORED : 0) |
			(i & 32 ? TPH_ACPI_RESERVED : 0);
		u8 pm = (i >> 2 & 3) | (i & 16 ? 0 : TPH_ACPI_PH_IGNORED) |
			(i & 32 ? TPH_ACPI_RESERVED : 0);
		u16 tag = UNTOUCHED;

		pci_tph_acpi_set(test, TPH_ACPI_BUFFER, 8, vm, pm);
		KUNIT_EXPECT_EQ(test, pcie_tph_get_cpu_st(t->dev, TPH_MEM_TYPE_VM,
							  cpu, &tag), 0);
		KUNIT_EXPECT_EQ_MSG(test, tag, vm & mine ?
				    pci_tph_acpi_tag(uid, false, param->extended) : 0,
				    "flags %#x, %#x", vm, pm);
		tag = UNTOUCHED;
		KUNIT_EXPECT_EQ(test, pcie_tph_get_cpu_st(t->dev, TPH_MEM_TYPE_PM,
							  cpu, &tag), 0);
		KUNIT_EXPECT_EQ_MSG(test, tag, pm & mine ?
				    pci_tph_acpi_tag(uid, true, param->extended) : 0,
				    "flags %#x, %#x", vm, pm);
	}
}

/*
 * A buffer that is too short is no answer.  Catches a tag made of memory behind
 * the buffer: with four bytes, the one for persistent memory is.
 */
static void short_buffer(struct kunit *test)
{
	struct tph *t = make_acpi(test);

	for (unsigned int size = 0; size < 8; size++) {
		pci_tph_acpi_set(test, TPH_ACPI_BUFFER, size, VALID, VALID);
		expect_error(test, t->dev, -EINVAL);
		KUNIT_EXPECT_EQ_MSG(test, pci_tph_acpi_asked(test), 2,
				    "%u bytes", size);
	}
}

/* Of a longer one the first eight bytes are as ever.  Catches "not eight bytes". */
static void long_buffer(struct kunit *test)
{
	struct tph *t = make_acpi(test);
	unsigned int cpu;
	u32 uid;

	cpu = some_cpu(test, &uid);
	for (unsigned int size = 9; size <= 16; size++) {
		u16 tag = UNTOUCHED;

		pci_tph_acpi_set(test, TPH_ACPI_BUFFER, size, VALID, VALID);
		KUNIT_EXPECT_EQ(test, pcie_tph_get_cpu_st(t->dev, TPH_MEM_TYPE_PM,
							  cpu, &tag), 0);
		KUNIT_EXPECT_EQ_MSG(test, tag, pci_tph_acpi_tag(uid, true, false),
				    "%u bytes", size);
	}
}

static const struct kind_param {
	const char *name;
	enum pci_tph_acpi_kind kind;
} kinds[] = {
	{ "integer", TPH_ACPI_INTEGER },
	{ "string", TPH_ACPI_STRING },
	{ "package", TPH_ACPI_PACKAGE },
	{ "aborted", TPH_ACPI_ABORTED },
};

KUNIT_ARRAY_PARAM_DESC(kinds, kinds, name);

/* What is no buffer is no answer.  Catches an object taken for another type. */
static void no_buffer(struct kunit *test)
{
	const struct kind_param *param = test->param_value;
	struct tph *t = make_acpi(test);

	pci_tph_acpi_set(test, param->kind, 8, VALID, VALID);
	expect_error(test, t->dev, -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_tph_acpi_asked(test), 2);
}

/*
 * Function 0 says which others there are.  Catches a function that is evaluated
 * without a look, or with one at its neighbour.
 */
static void no_function(struct kunit *test)
{
	struct tph *t = make_acpi(test);

	pci_tph_acpi_set(test, TPH_ACPI_NO_FUNCTION, 8, VALID, VALID);
	expect_error(test, t->dev, -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_tph_acpi_asked(test), 0);
}

/*
 * A host bridge that ACPI does not know, which is not to be asked, as each time is in
 * the log, and one without the method
 */
static void no_dsm(struct kunit *test)
{
	struct tph *t = make_type(test, false, COMP_TPH);

	expect_error(test, t->dev, -ENODEV);
	pci_tph_acpi_attach(test, t->fabric, false);
	expect_error(test, t->dev, -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_tph_acpi_asked(test), 0);
}

/* A device of the root complex itself has no root port to complete for it */
static void no_root_port(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = tph_desc;
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *fn;

	desc.devfn = PCI_DEVFN(2, 0);
	desc.pcie_type = TYPE_RCIEP;
	fn = pci_fabric_add(fabric, NULL, &desc);
	pci_fabric_scan(fabric);
	pci_tph_acpi_attach(test, fabric, true);
	KUNIT_ASSERT_NOT_NULL(test, pci_fabric_pdev(fn));
	expect_error(test, pci_fabric_pdev(fn), -ENODEV);
	KUNIT_EXPECT_EQ(test, pci_tph_acpi_asked(test), 0);
}

/* Below a switch it is still the host bridge that is asked, and not a port. */
static void below_switch(struct kunit *test)
{
	struct pci_fabric_fn_desc desc = tph_desc;
	struct pci_fabric *fabric = pci_fabric_alloc(test);
	struct pci_fabric_fn *port, *up, *down, *ep;
	struct pci_dev *dev;
	unsigned int cpu;
	u16 tag = UNTOUCHED;
	u32 uid;

	cpu = some_cpu(test, &uid);
	port = pci_fabric_add(fabric, NULL, &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(1, 0), .device = 0x0104,
		.hdr_type = 1, .pcie_type = TYPE_ROOT_PORT,
		.tph_completer = COMP_EXT,
	});
	up = add_port(fabric, port, 0, TYPE_UPSTREAM);
	down = add_port(fabric, up, PCI_DEVFN(1, 0), TYPE_DOWNSTREAM);
	ep = pci_fabric_add(fabric, down, &desc);
	pci_fabric_scan(fabric);
	dev = pci_fabric_pdev(ep);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	pci_tph_acpi_attach(test, fabric, true);
	KUNIT_ASSERT_EQ(test, pcie_enable_tph(dev, MODE_DS), 0);
	KUNIT_EXPECT_EQ(test, pcie_tph_get_cpu_st(dev, TPH_MEM_TYPE_VM, cpu, &tag),
			0);
	KUNIT_EXPECT_EQ(test, tag, pci_tph_acpi_tag(uid, false, true));
}

static struct kunit_case pci_tph_acpi_cases[] = {
	KUNIT_CASE_PARAM(tags, types_gen_params),
	KUNIT_CASE(uid_is_no_number),
	KUNIT_CASE(no_such_cpu),
	KUNIT_CASE_PARAM(valid, types_gen_params),
	KUNIT_CASE(short_buffer),
	KUNIT_CASE(long_buffer),
	KUNIT_CASE_PARAM(no_buffer, kinds_gen_params),
	KUNIT_CASE(no_function),
	KUNIT_CASE(no_dsm),
	KUNIT_CASE(no_root_port),
	KUNIT_CASE(below_switch),
	{}
};

static struct kunit_suite pci_tph_acpi_suite = {
	.name = "pci_tph_acpi",
	.test_cases = pci_tph_acpi_cases,
};

kunit_test_suite(pci_tph_acpi_suite);

MODULE_DESCRIPTION("KUnit tests for Steering Tags from ACPI");
MODULE_LICENSE("GPL");
