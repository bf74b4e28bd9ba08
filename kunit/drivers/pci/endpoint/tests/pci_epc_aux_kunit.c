// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the auxiliary resources of endpoint controllers: what
 * pci_epc_count_aux_resources() and pci_epc_get_aux_resources() check, pass on, and
 * leave to their callers.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/string.h>

#include "pci_ep_fake.h"

#define FILL	0xa5

static struct pci_epc_aux_resource array[PCI_EP_FAKE_RES];

static int count_of(struct pci_epc *epc, u8 func_no, u8 vfunc_no, int *count)
{
	*count = 77;
	return pci_epc_count_aux_resources(epc, func_no, vfunc_no, count);
}

static int get_of(struct pci_epc *epc, u8 func_no, u8 vfunc_no, int num)
{
	memset(array, FILL, sizeof(array));
	return pci_epc_get_aux_resources(epc, func_no, vfunc_no, array, num);
}

/* A controller that is none is refused, before anything of it is looked at. */
static void bad_controllers(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);
	struct pci_epc *bad[] = { NULL, ERR_PTR(-ENODEV), ERR_PTR(-EPROBE_DEFER) };
	const struct pci_epc_ops *ops = fake->epc->ops;
	int count;

	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ(test, count_of(bad[i], 0, 0, &count), -EINVAL);
		KUNIT_EXPECT_EQ(test, count, 0);
		KUNIT_EXPECT_EQ(test, get_of(bad[i], 0, 0, 1), -EINVAL);
	}

	/* Or has no operations */
	fake->epc->ops = NULL;
	KUNIT_EXPECT_EQ(test, count_of(fake->epc, 0, 0, &count), -EINVAL);
	KUNIT_EXPECT_EQ(test, count, 0);
	KUNIT_EXPECT_EQ(test, get_of(fake->epc, 0, 0, 1), -EINVAL);
	fake->epc->ops = ops;

	/* Nor where to store the number */
	KUNIT_EXPECT_EQ(test, pci_epc_count_aux_resources(fake->epc, 0, 0, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_epc_count_aux_resources(NULL, 0, 0, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, fake->counts + fake->gets, 0);
}

/* Functions and virtual functions that the controller does not have are refused. */
static void bad_functions(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);
	static u8 max_vfs[] = { 0, 3 };
	static const struct {
		u8 func_no, vfunc_no;
		bool vfs, ok;
	} functions[] = {
		{ 0, 0, false, true }, { 1, 0, false, true }, { 2, 0, false, false },
		{ 255, 0, false, false }, { 0, 1, false, false }, { 1, 1, false, false },
		{ 0, 1, true, false }, { 1, 1, true, true }, { 1, 3, true, true },
		{ 1, 4, true, false }, { 2, 1, true, false },
	};
	int count, asked = 0;

	for (int i = 0; i < ARRAY_SIZE(functions); i++) {
		u8 func_no = functions[i].func_no, vfunc_no = functions[i].vfunc_no;
		int expect = functions[i].ok ? 0 : -EINVAL;

		fake->epc->max_vfs = functions[i].vfs ? max_vfs : NULL;
		fake->func_no = 99;
		asked += functions[i].ok;
		KUNIT_EXPECT_EQ_MSG(test, count_of(fake->epc, func_no, vfunc_no, &count),
				    expect, "%d", i);
		KUNIT_EXPECT_EQ_MSG(test, get_of(fake->epc, func_no, vfunc_no, 1), expect,
				    "%d", i);
		KUNIT_EXPECT_EQ_MSG(test, fake->counts, asked, "%d", i);
		KUNIT_EXPECT_EQ_MSG(test, fake->gets, asked, "%d", i);
		if (!functions[i].ok)
			continue;
		KUNIT_EXPECT_EQ(test, fake->func_no, func_no);
		KUNIT_EXPECT_EQ(test, fake->vfunc_no, vfunc_no);
	}
	fake->epc->max_vfs = NULL;
}

/* A controller may have either operation, or none. */
static void missing_operations(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);
	int count;

	fake->ops.PCI_EPC_COUNT_AUX_OP = NULL;
	KUNIT_EXPECT_EQ(test, count_of(fake->epc, 0, 0, &count), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, count, 0);
	KUNIT_EXPECT_EQ(test, get_of(fake->epc, 0, 0, 1), 0);

	fake->ops.get_aux_resources = NULL;
	KUNIT_EXPECT_EQ(test, get_of(fake->epc, 0, 0, 1), -EOPNOTSUPP);

	/* What is wrong is wrong before it is not supported */
	KUNIT_EXPECT_EQ(test, count_of(fake->epc, 2, 0, &count), -EINVAL);
	KUNIT_EXPECT_EQ(test, get_of(fake->epc, 0, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, get_of(fake->epc, 2, 0, 1), -EINVAL);
}

/* The number is passed on as it is, none included. */
static void counts(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);
	int count;

	for (int i = 0; i < 3; i++) {
		fake->count = i;
		KUNIT_EXPECT_EQ(test, count_of(fake->epc, 0, 0, &count), 0);
		KUNIT_EXPECT_EQ(test, count, i);
	}
	fake->count = INT_MAX;
	KUNIT_EXPECT_EQ(test, count_of(fake->epc, 0, 0, &count), 0);
	KUNIT_EXPECT_EQ(test, count, INT_MAX);
}

/* Less than none is no number that a caller could use. */
static void negative_count(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);
	static const int negative[] = { -1, -EOPNOTSUPP, INT_MIN };
	int count;

	if (!PCI_EPC_AUX_STRICT)
		kunit_skip(test, "a number below 0 is an error of the controller");
	for (int i = 0; i < ARRAY_SIZE(negative); i++) {
		fake->count = negative[i];
		KUNIT_EXPECT_EQ(test, count_of(fake->epc, 0, 0, &count), -EINVAL);
		KUNIT_EXPECT_EQ(test, count, 0);
	}
}

/* Errors are passed on as they are, and leave no number. */
static void errors_of_count(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);
	static const int errors[] = { -EIO, -EOPNOTSUPP, -ENODEV, -EPROBE_DEFER };
	int count;

	for (int i = 0; i < ARRAY_SIZE(errors); i++) {
		for (int n = -1; n <= 1; n++) {
			fake->count = n;
			fake->count_ret = errors[i];
			KUNIT_EXPECT_EQ(test, count_of(fake->epc, 0, 0, &count), errors[i]);
			KUNIT_EXPECT_EQ(test, count, 0);
		}
	}
}

/* An array that holds nothing is refused, and the controller not asked. */
static void bad_arrays(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);
	static const int none[] = { 0, -1, INT_MIN };

	for (int i = 0; i < ARRAY_SIZE(none); i++) {
		KUNIT_EXPECT_EQ(test, get_of(fake->epc, 0, 0, none[i]), -EINVAL);
		KUNIT_EXPECT_NULL(test, memchr_inv(array, FILL, sizeof(array)));
	}
	KUNIT_EXPECT_EQ(test, pci_epc_get_aux_resources(fake->epc, 0, 0, NULL, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, pci_epc_get_aux_resources(NULL, 0, 0, NULL, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, fake->gets, 0);
}

/* What the controller says reaches the caller, and the size of the array the controller. */
static void resources(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);

	pci_ep_fake_doorbell(fake, 5, BAR_4);
	fake->res[1] = fake->res[0];
	fake->res[1].phys_addr = 0xfffffffffffffff0ULL;
	fake->num_res = 2;
	KUNIT_EXPECT_EQ(test, get_of(fake->epc, 0, 0, 2), 0);
	KUNIT_EXPECT_EQ(test, fake->asked, 2);
	KUNIT_EXPECT_EQ(test, array[0].type, PCI_EPC_AUX_DOORBELL_MMIO);
	KUNIT_EXPECT_EQ(test, array[0].phys_addr, 0x9abcd124);
	KUNIT_EXPECT_EQ(test, array[0].size, 4);
	KUNIT_EXPECT_EQ(test, array[0].bar, BAR_4);
	KUNIT_EXPECT_EQ(test, array[0].bar_offset, 0x324);
	KUNIT_EXPECT_EQ(test, array[0].u.db_mmio.irq, 5);
	KUNIT_EXPECT_EQ(test, array[0].u.db_mmio.data, 0xdb);
	KUNIT_EXPECT_EQ(test, array[1].phys_addr, (phys_addr_t)0xfffffffffffffff0ULL);

	/* Too small, which only the controller knows */
	KUNIT_EXPECT_EQ(test, get_of(fake->epc, 0, 0, 1), -ENOSPC);
	fake->get_ret = -EIO;
	KUNIT_EXPECT_EQ(test, get_of(fake->epc, 0, 0, 2), -EIO);
}

/*
 * No number is returned, so elements that are not filled are zero, all of those that
 * the caller gave, and no more.
 */
static void unfilled_elements(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);
	u8 *end = (u8 *)&array[3];

	if (!PCI_EPC_AUX_STRICT)
		kunit_skip(test, "elements that are not filled are left as they are");
	pci_ep_fake_doorbell(fake, 5, BAR_4);
	KUNIT_EXPECT_EQ(test, get_of(fake->epc, 0, 0, 3), 0);
	KUNIT_EXPECT_EQ(test, array[0].u.db_mmio.irq, 5);
	KUNIT_EXPECT_NULL(test, memchr_inv(&array[1], 0, 2 * sizeof(array[0])));
	KUNIT_EXPECT_NULL(test, memchr_inv(end, FILL, sizeof(array[0])));

	fake->num_res = 0;
	KUNIT_EXPECT_EQ(test, get_of(fake->epc, 0, 0, 3), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(array, 0, 3 * sizeof(array[0])));
	KUNIT_EXPECT_NULL(test, memchr_inv(end, FILL, sizeof(array[0])));
}

/* Operations of a controller exclude each other, by epc->lock, which is released. */
static void lock(struct kunit *test)
{
	struct pci_ep_fake *fake = pci_ep_fake_create(test, NULL);
	int count;

	for (int ret = 0; ret >= -EIO; ret -= EIO) {
		fake->count_ret = ret;
		fake->get_ret = ret;
		KUNIT_EXPECT_EQ(test, count_of(fake->epc, 0, 0, &count), ret);
		KUNIT_EXPECT_FALSE(test, mutex_is_locked(&fake->epc->lock));
		KUNIT_EXPECT_EQ(test, get_of(fake->epc, 0, 0, 1), ret);
		KUNIT_EXPECT_FALSE(test, mutex_is_locked(&fake->epc->lock));
	}
	KUNIT_EXPECT_EQ(test, fake->counts, 2);
	KUNIT_EXPECT_EQ(test, fake->gets, 2);
	KUNIT_EXPECT_EQ(test, fake->unlocked, 0);
}

static struct kunit_case pci_epc_aux_cases[] = {
	KUNIT_CASE(bad_controllers),
	KUNIT_CASE(bad_functions),
	KUNIT_CASE(missing_operations),
	KUNIT_CASE(counts),
	KUNIT_CASE(negative_count),
	KUNIT_CASE(errors_of_count),
	KUNIT_CASE(bad_arrays),
	KUNIT_CASE(resources),
	KUNIT_CASE(unfilled_elements),
	KUNIT_CASE(lock),
	{}
};

static struct kunit_suite pci_epc_aux_suite = {
	.name = "pci_epc_aux",
	.test_cases = pci_epc_aux_cases,
};

kunit_test_suite(pci_epc_aux_suite);

MODULE_DESCRIPTION("KUnit tests for auxiliary resources of PCI endpoints");
MODULE_LICENSE("GPL");
