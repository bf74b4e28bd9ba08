// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the doorbells of endpoint functions: pci_epf_alloc_doorbell() and
 * pci_epf_free_doorbell(), with an MSI controller, with a register of the endpoint
 * controller, and with neither.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/irqdomain.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/pci-ep-msi.h>

#include "pci_ep_fake.h"

/* --- An endpoint function without a driver --- */

struct func {
	struct pci_ep_fake *fake;
	struct pci_epf *epf;
};

static void func_remove(void *data)
{
	struct func *func = data;

	pci_epf_free_doorbell(func->epf);
	pci_epc_remove_epf(func->fake->epc, func->epf, PRIMARY_INTERFACE);
	pci_epf_destroy(func->epf);
}

static struct pci_epf *make_func(struct kunit *test, struct pci_ep_fake *fake,
				 const char *name)
{
	struct func *func = kunit_kzalloc(test, sizeof(*func), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, func);
	func->fake = fake;
	func->epf = pci_epf_create(name);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, func->epf);
	KUNIT_ASSERT_EQ(test, pci_epc_add_epf(fake->epc, func->epf, PRIMARY_INTERFACE), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, func_remove, func), 0);
	return func->epf;
}

/* A function whose controller has a doorbell register */
static struct pci_epf *make(struct kunit *test, struct pci_ep_fake **fake,
			    enum pci_barno bar)
{
	int irq = pci_ep_fake_irq(test);

	*fake = pci_ep_fake_create(test, NULL);
	pci_ep_fake_doorbell(*fake, irq, bar);
	return make_func(test, *fake, "pci_ep_msi.0");
}

static void expect_none(struct kunit *test, struct pci_epf *epf, int num, int ret)
{
	KUNIT_EXPECT_EQ(test, pci_epf_alloc_doorbell(epf, num), ret);
	KUNIT_EXPECT_NULL(test, epf->db_msg);
	KUNIT_EXPECT_EQ(test, epf->num_db, 0);
}

static u64 address(const struct pci_epf_doorbell_msg *db)
{
	return (u64)db->msg.address_hi << 32 | db->msg.address_lo;
}

/* A function whose controller has an MSI controller, and a doorbell register as well */
static struct pci_epf *make_msi(struct kunit *test, struct pci_ep_fake **fake,
				u32 flags)
{
	int irq = pci_ep_fake_irq(test);
	struct device *dev = pci_ep_fake_msi(test, flags);

	*fake = pci_ep_fake_create(test, dev);
	pci_ep_fake_doorbell(*fake, irq, NO_BAR);
	return make_func(test, *fake, "pci_ep_msi.0");
}

/* --- What is common to both --- */

/* No doorbells are nothing that could be allocated; many are. */
static void number_of_doorbells(struct kunit *test)
{
	static const int numbers[] = { 1, 2, 32, 65535 };
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, BAR_2);

	expect_none(test, epf, 0, -EINVAL);
	KUNIT_EXPECT_EQ(test, fake->counts + fake->gets, 0);
	for (int i = 0; i < ARRAY_SIZE(numbers); i++) {
		KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, numbers[i]), 0);
		KUNIT_EXPECT_EQ(test, epf->num_db, numbers[i]);
		KUNIT_EXPECT_EQ(test, epf->db_msg[numbers[i] - 1].virq,
				fake->res[0].u.db_mmio.irq);
		pci_epf_free_doorbell(epf);
		KUNIT_EXPECT_NULL(test, epf->db_msg);
		KUNIT_EXPECT_EQ(test, epf->num_db, 0);
	}
}

/* The messages of an MSI controller go to the first function, so only that has doorbells. */
static void second_function(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *first = make(test, &fake, BAR_2);
	struct pci_epf *second = make_func(test, fake, "pci_ep_msi.1");

	expect_none(test, second, 1, -EINVAL);
	KUNIT_EXPECT_EQ(test, fake->counts + fake->gets, 0);
	KUNIT_EXPECT_EQ(test, pci_epf_alloc_doorbell(first, 1), 0);
	expect_none(test, second, 1, -EINVAL);
}

/* Doorbells that there are stay as they are when others are asked for. */
static void allocated_twice(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, NO_BAR);
	struct pci_epf_doorbell_msg *db;

	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 2), 0);
	db = epf->db_msg;
	KUNIT_EXPECT_EQ(test, pci_epf_alloc_doorbell(epf, 3), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, epf->db_msg, db);
	KUNIT_EXPECT_EQ(test, epf->num_db, 2);
	KUNIT_EXPECT_EQ(test, fake->dma_maps, 1);

	pci_epf_free_doorbell(epf);
	KUNIT_EXPECT_EQ(test, pci_epf_alloc_doorbell(epf, 3), 0);
	KUNIT_EXPECT_EQ(test, epf->num_db, 3);
}

/* Freeing what was not allocated, or was freed, does nothing. */
static void nothing_to_free(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, NO_BAR);

	pci_epf_free_doorbell(epf);
	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 2), 0);
	pci_epf_free_doorbell(epf);
	pci_epf_free_doorbell(epf);
	KUNIT_EXPECT_NULL(test, epf->db_msg);
	KUNIT_EXPECT_EQ(test, fake->dma_maps, 1);
	KUNIT_EXPECT_EQ(test, fake->dma_unmaps, 1);
}

/* --- The register --- */

/*
 * Without a register, doorbells are not supported, which is one errno and nothing else:
 * functions poll then.
 */
static void no_register(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, NO_BAR);
	int ret = PCI_EPC_AUX_STRICT ? -ENODEV : -EOPNOTSUPP;

	fake->count = 0;
	fake->num_res = 0;
	expect_none(test, epf, 1, -ENODEV);
	KUNIT_EXPECT_EQ(test, fake->counts, 1);

	fake->count = 1;
	fake->count_ret = -EOPNOTSUPP;
	expect_none(test, epf, 1, ret);
	fake->count_ret = 0;
	fake->get_ret = -EOPNOTSUPP;
	expect_none(test, epf, 1, ret);
	fake->get_ret = 0;

	fake->ops.get_aux_resources = NULL;
	expect_none(test, epf, 1, ret);
	fake->ops.PCI_EPC_COUNT_AUX_OP = NULL;
	expect_none(test, epf, 1, ret);
}

/* What the controller fails with is told. */
static void errors_of_the_controller(struct kunit *test)
{
	static const int errors[] = { -EIO, -EINVAL, -ENOMEM, -EPROBE_DEFER };
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, NO_BAR);

	for (int i = 0; i < ARRAY_SIZE(errors); i++) {
		fake->count_ret = errors[i];
		expect_none(test, epf, 1, errors[i]);
		fake->count_ret = 0;
		fake->get_ret = errors[i];
		expect_none(test, epf, 1, errors[i]);
		fake->get_ret = 0;
	}
	fake->count = -1;
	expect_none(test, epf, 1, PCI_EPC_AUX_STRICT ? -EINVAL : -1);

	/* There are more than were counted */
	fake->count = 1;
	fake->num_res = 2;
	expect_none(test, epf, 1, -ENOSPC);

	/* There are fewer: what is zero is no doorbell */
	fake->num_res = 0;
	if (PCI_EPC_AUX_STRICT)
		expect_none(test, epf, 1, -EINVAL);
	KUNIT_EXPECT_EQ(test, fake->dma_maps, 0);
}

/* Resources of other types are no doorbells, and are skipped. */
static void other_types(struct kunit *test)
{
	enum pci_epc_aux_resource_type other = PCI_EPC_AUX_DOORBELL_MMIO + 1;
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, BAR_2);

	fake->res[1] = fake->res[0];
	fake->res[0].type = other;
	fake->res[0].u.db_mmio.irq = 1;
	fake->count = 1;
	fake->num_res = 1;
	expect_none(test, epf, 1, -ENODEV);

	fake->count = 2;
	fake->num_res = 2;
	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 1), 0);
	KUNIT_EXPECT_EQ(test, epf->db_msg[0].virq, fake->res[1].u.db_mmio.irq);
	KUNIT_EXPECT_EQ(test, fake->asked, 2);
}

/* Of two registers, the first is used. */
static void two_registers(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, BAR_2);

	fake->res[1] = fake->res[0];
	fake->res[1].bar = BAR_3;
	fake->count = 2;
	fake->num_res = 2;
	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 2), 0);
	KUNIT_EXPECT_EQ(test, epf->db_msg[0].bar, BAR_2);
	KUNIT_EXPECT_EQ(test, epf->db_msg[1].bar, BAR_2);
	pci_epf_free_doorbell(epf);

	/* Or none, if that cannot be used */
	fake->res[0].phys_addr++;
	expect_none(test, epf, 2, -EINVAL);
}

/* What the controller describes is checked, all of it. */
static void bad_registers(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, BAR_2);
	struct pci_epc_aux_resource good = fake->res[0], *res = &fake->res[0];
	static const int irqs[] = { 0, -1, INT_MIN };
	static const int bars[] = { NO_BAR - 1, INT_MIN, BAR_5 + 1, INT_MAX };

	/* An address, at least, that could be written to */
	for (int i = 1; i < 4; i++) {
		*res = good;
		res->phys_addr += i;
		expect_none(test, epf, 1, -EINVAL);
		res->bar = NO_BAR;
		expect_none(test, epf, 1, -EINVAL);
	}
	*res = good;
	if (!PCI_EPC_AUX_STRICT)
		kunit_skip(test, "of what the controller says the address alone is checked");

	for (int size = 0; size < 4; size++) {
		res->size = size;
		expect_none(test, epf, 1, -EINVAL);
	}
	*res = good;
	for (int i = 0; i < ARRAY_SIZE(irqs); i++) {
		res->u.db_mmio.irq = irqs[i];
		expect_none(test, epf, 1, -EINVAL);
	}
	*res = good;
	for (int i = 0; i < ARRAY_SIZE(bars); i++) {
		res->bar = bars[i];
		expect_none(test, epf, 1, -EINVAL);
	}
	for (int i = 1; i < 4; i++) {
		*res = good;
		res->bar_offset += i;
		expect_none(test, epf, 1, -EINVAL);
	}
	KUNIT_EXPECT_EQ(test, fake->dma_maps, 0);

	/* The bounds of what is good */
	*res = good;
	for (int bar = BAR_0; bar <= BAR_5; bar++) {
		res->bar = bar;
		res->bar_offset = 0;
		KUNIT_EXPECT_EQ(test, pci_epf_alloc_doorbell(epf, 1), 0);
		pci_epf_free_doorbell(epf);
	}
	/* Without a BAR, there is no offset */
	res->bar = NO_BAR;
	res->bar_offset = 3;
	KUNIT_EXPECT_EQ(test, pci_epf_alloc_doorbell(epf, 1), 0);
}

/* A register that a BAR exposes is used as it is: where is told, nothing is mapped. */
static void exposed_register(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, BAR_4);

	fake->dma_fail = true;
	for (int bar = BAR_0; bar <= BAR_5; bar++) {
		fake->res[0].bar = bar;
		KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 1), 0);
		KUNIT_EXPECT_EQ(test, epf->db_msg[0].bar, bar);
		KUNIT_EXPECT_EQ(test, epf->db_msg[0].offset, 0x324);
		KUNIT_EXPECT_EQ(test, epf->db_msg[0].iova_size, 0);
		KUNIT_EXPECT_EQ(test, fake->dma_maps, 0);
		pci_epf_free_doorbell(epf);
		KUNIT_EXPECT_EQ(test, fake->dma_unmaps, 0);
	}
}

/*
 * A BAR that is smaller than what its address is aligned to begins further down, and does not
 * reach all that it might be asked for: up to the last byte.
 */
static void space_of_a_fixed_bar(struct kunit *test)
{
	static const struct { dma_addr_t addr; size_t size; int ret; } spaces[] = {
		{ 0x10000, 4, 0 }, { 0x10040, 0x40, 0 }, { 0x1007c, 4, 0 }, { 0x1007f, 1, 0 },
		{ 0x10080, 1, -ENOMEM }, { 0x10080, 4, -ENOMEM }, { 0x10ffc, 4, -ENOMEM },
		{ 0x10000, 0x81, -ENOMEM }, { 0x10000, 0, -EINVAL },
	};
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, NO_BAR);
	struct pci_epc_features *features = &fake->features;

	features->align = SZ_4K;
	features->bar[BAR_2].type = BAR_FIXED;
	features->bar[BAR_2].fixed_size = 128;
	for (int i = 0; i < ARRAY_SIZE(spaces); i++) {
		epf->bar[BAR_2].size = 0;
		KUNIT_EXPECT_EQ_MSG(test, pci_epf_assign_bar_space(epf, spaces[i].size, BAR_2,
								   features, PRIMARY_INTERFACE,
								   spaces[i].addr),
				    spaces[i].ret, "%llx", (u64)spaces[i].addr);
		if (spaces[i].ret)
			continue;
		KUNIT_EXPECT_EQ(test, epf->bar[BAR_2].phys_addr, 0x10000);
		KUNIT_EXPECT_EQ(test, epf->bar[BAR_2].size, 128);
	}
	memset(&epf->bar[BAR_2], 0, sizeof(epf->bar[BAR_2]));
}

/*
 * A register that no BAR exposes is mapped for the controller, the whole page, and the
 * address is that of the mapping.
 */
static void mapped_register(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, NO_BAR);

	/* The last one of a page, too */
	for (int offset = 0x124; offset < 0x1000; offset += 0xffc - 0x124) {
		fake->res[0].phys_addr = 0x9abcd000 + offset;
		KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 1), 0);
		KUNIT_EXPECT_EQ(test, address(epf->db_msg), 0x12349abcd000 + offset);
		KUNIT_EXPECT_EQ(test, epf->db_msg[0].bar, NO_BAR);
		KUNIT_EXPECT_EQ(test, epf->db_msg[0].offset, 0);
		KUNIT_EXPECT_EQ(test, epf->db_msg[0].iova_base, 0x12349abcd000);
		KUNIT_EXPECT_EQ(test, epf->db_msg[0].iova_size, 0x1000);
		KUNIT_EXPECT_EQ(test, fake->dma_phys, 0x9abcd000);
		KUNIT_EXPECT_EQ(test, fake->dma_size, 0x1000);
		KUNIT_EXPECT_NE(test, fake->dma_attrs & DMA_ATTR_MMIO, 0);
		/* The host writes to it, and does not read */
		KUNIT_EXPECT_EQ(test, fake->dma_dir, DMA_FROM_DEVICE);
		pci_epf_free_doorbell(epf);
		KUNIT_EXPECT_EQ(test, fake->dma_unmaps, fake->dma_maps);
	}
	KUNIT_EXPECT_EQ(test, fake->dma_maps, 2);
	KUNIT_EXPECT_EQ(test, fake->dma_bad, 0);
}

/* What cannot be mapped is no doorbell. */
static void mapping_fails(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, NO_BAR);

	fake->dma_fail = true;
	expect_none(test, epf, 2, -EIO);
	fake->dma_fail = false;
	KUNIT_EXPECT_EQ(test, pci_epf_alloc_doorbell(epf, 2), 0);
}

/* There is one register for all doorbells, and one IRQ, that has to be shared. */
static void doorbells_are_the_same(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, NO_BAR);

	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 32), 0);
	KUNIT_EXPECT_EQ(test, fake->dma_maps, 1);
	for (int i = 0; i < 32; i++) {
		struct pci_epf_doorbell_msg *db = &epf->db_msg[i];

		KUNIT_EXPECT_EQ(test, address(db), 0x12349abcd124);
		KUNIT_EXPECT_EQ(test, db->msg.data, 0xdb);
		KUNIT_EXPECT_EQ(test, db->virq, fake->res[0].u.db_mmio.irq);
		KUNIT_EXPECT_EQ(test, db->irq_flags, IRQF_SHARED);
		KUNIT_EXPECT_EQ(test, db->type, PCI_EPF_DOORBELL_EMBEDDED);
		KUNIT_EXPECT_EQ(test, db->bar, NO_BAR);
	}
}

/* The register is that of the function that asks, and not of another one. */
static void register_of_the_function(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make(test, &fake, BAR_2);
	static u8 max_vfs[] = { 2, 2 };

	fake->epc->max_vfs = max_vfs;
	epf->vfunc_no = 2;
	KUNIT_EXPECT_EQ(test, pci_epf_alloc_doorbell(epf, 1), 0);
	KUNIT_EXPECT_EQ(test, fake->func_no, 0);
	KUNIT_EXPECT_EQ(test, fake->vfunc_no, 2);
	epf->vfunc_no = 0;
	pci_epf_free_doorbell(epf);
	fake->epc->max_vfs = NULL;
}

/* --- MSI --- */

static irqreturn_t msi_handler(int irq, void *data)
{
	(*(int *)data)++;
	return IRQ_HANDLED;
}

/* Doorbells that are messages to an MSI controller: each its own, and rung alone. */
static void msi_doorbells(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make_msi(test, &fake, IRQ_DOMAIN_FLAG_MSI_IMMUTABLE);
	int rung[4] = {};

	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 4), 0);
	KUNIT_EXPECT_EQ(test, epf->num_db, 4);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 4);
	KUNIT_EXPECT_EQ(test, pci_epf_alloc_doorbell(epf, 1), -EBUSY);
	for (int i = 0; i < 4; i++) {
		struct pci_epf_doorbell_msg *db = &epf->db_msg[i];

		KUNIT_EXPECT_EQ(test, db->type, PCI_EPF_DOORBELL_MSI);
		KUNIT_EXPECT_EQ(test, db->bar, NO_BAR);
		KUNIT_EXPECT_EQ(test, db->offset, 0);
		KUNIT_EXPECT_EQ(test, db->irq_flags, 0);
		KUNIT_EXPECT_EQ(test, db->iova_size, 0);
		KUNIT_ASSERT_EQ(test, request_irq(db->virq, msi_handler, db->irq_flags,
						  "pci-ep-msi", &rung[i]), 0);
		KUNIT_EXPECT_EQ(test, address(db), 0x200000040);
		KUNIT_EXPECT_EQ(test, db->msg.data, 0x100 + i);
	}
	for (int i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, generic_handle_irq_safe(epf->db_msg[i].virq), 0);
		for (int j = 0; j < 4; j++)
			KUNIT_EXPECT_EQ(test, rung[j], j <= i);
	}
	for (int i = 0; i < 4; i++)
		free_irq(epf->db_msg[i].virq, &rung[i]);

	/* Nobody asks for the register */
	KUNIT_EXPECT_EQ(test, fake->counts + fake->gets + fake->dma_maps, 0);
	pci_epf_free_doorbell(epf);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 0);
}

/* MSI controllers whose messages change are of no use, and the register is used. */
static void msi_mutable(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make_msi(test, &fake, 0);

	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 1), 0);
	KUNIT_EXPECT_EQ(test, epf->db_msg[0].type, PCI_EPF_DOORBELL_EMBEDDED);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 0);
}

/* Whoever looks for the MSI controller keeps no reference to its node. */
static void msi_references(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make_msi(test, &fake, IRQ_DOMAIN_FLAG_MSI_IMMUTABLE);
	int refs = pci_ep_fake_msi_refs();

	for (int i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 2), 0);
		pci_epf_free_doorbell(epf);
		KUNIT_EXPECT_EQ(test, pci_ep_fake_msi_refs(), refs);
	}
}

/* An MSI controller that fails is an MSI controller: the register is not used. */
static void msi_errors(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make_msi(test, &fake, IRQ_DOMAIN_FLAG_MSI_IMMUTABLE);

	pci_ep_fake_msi_limit(2);
	expect_none(test, epf, 3, -ENOSPC);
	KUNIT_EXPECT_EQ(test, fake->counts + fake->gets + fake->dma_maps, 0);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 0);
}

/* After too many MSIs were asked for, fewer can be had. */
static void msis_run_out(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make_msi(test, &fake, IRQ_DOMAIN_FLAG_MSI_IMMUTABLE);

	pci_ep_fake_msi_limit(2);
	expect_none(test, epf, 3, -ENOSPC);
	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 2), 0);
	KUNIT_EXPECT_EQ(test, epf->db_msg[1].type, PCI_EPF_DOORBELL_MSI);
}

/* An MSI controller that does not serve this device is none. */
static void msi_refused(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make_msi(test, &fake, IRQ_DOMAIN_FLAG_MSI_IMMUTABLE);

	pci_ep_fake_msi_limit(-1);
	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 1), 0);
	KUNIT_EXPECT_EQ(test, epf->db_msg[0].type, PCI_EPF_DOORBELL_EMBEDDED);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 0);
}

/*
 * A function that was taken from the controller and came back still has its doorbells,
 * though it is no longer the first: the one that is gets none, and takes none away.
 */
static void msis_of_another_function(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make_msi(test, &fake, IRQ_DOMAIN_FLAG_MSI_IMMUTABLE);
	struct pci_epf *other = make_func(test, fake, "pci_ep_msi.1");
	int rung = 0;

	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 2), 0);
	pci_epc_remove_epf(fake->epc, epf, PRIMARY_INTERFACE);
	KUNIT_ASSERT_EQ(test, pci_epc_add_epf(fake->epc, epf, PRIMARY_INTERFACE), 0);

	expect_none(test, other, 1, -EBUSY);
	KUNIT_EXPECT_EQ(test, fake->counts + fake->gets, 0);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 2);
	KUNIT_EXPECT_EQ(test, epf->num_db, 2);

	pci_epf_free_doorbell(epf);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 0);
	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(other, 1), 0);
	KUNIT_EXPECT_EQ(test, other->db_msg[0].type, PCI_EPF_DOORBELL_MSI);
	KUNIT_ASSERT_EQ(test, request_irq(other->db_msg[0].virq, msi_handler, 0,
					  "pci-ep-msi", &rung), 0);
	KUNIT_EXPECT_EQ(test, address(&other->db_msg[0]), 0x200000040);
	free_irq(other->db_msg[0].virq, &rung);
}

static void controllers_own(struct msi_desc *desc, struct msi_msg *msg)
{
}

/* Freeing a register leaves MSIs of the controller alone. */
static void free_with_msis_of_the_controller(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make_msi(test, &fake, IRQ_DOMAIN_FLAG_MSI_IMMUTABLE);
	struct irq_domain *domain;

	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 1), 0);
	pci_epf_free_doorbell(epf);
	domain = dev_get_msi_domain(fake->dev);
	domain->flags &= ~IRQ_DOMAIN_FLAG_MSI_IMMUTABLE;
	KUNIT_ASSERT_EQ(test, platform_device_msi_init_and_alloc_irqs(fake->dev, 3,
								      controllers_own), 0);
	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 1), 0);
	KUNIT_EXPECT_EQ(test, epf->db_msg[0].type, PCI_EPF_DOORBELL_EMBEDDED);
	pci_epf_free_doorbell(epf);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 3);
	KUNIT_EXPECT_EQ(test, fake->dma_unmaps, 1);
	platform_device_msi_free_irqs_all(fake->dev);
}

/* Nothing to free leaves them alone as well. */
static void nothing_to_free_with_msis(struct kunit *test)
{
	struct pci_ep_fake *fake;
	struct pci_epf *epf = make_msi(test, &fake, IRQ_DOMAIN_FLAG_MSI_IMMUTABLE);

	KUNIT_ASSERT_EQ(test, pci_epf_alloc_doorbell(epf, 1), 0);
	pci_epf_free_doorbell(epf);
	KUNIT_ASSERT_EQ(test, platform_device_msi_init_and_alloc_irqs(fake->dev, 3,
								      controllers_own), 0);
	pci_epf_free_doorbell(epf);
	KUNIT_EXPECT_EQ(test, pci_ep_fake_msis(), 3);
	platform_device_msi_free_irqs_all(fake->dev);
}

static struct kunit_case pci_ep_msi_cases[] = {
	KUNIT_CASE(number_of_doorbells),
	KUNIT_CASE(second_function),
	KUNIT_CASE(allocated_twice),
	KUNIT_CASE(nothing_to_free),
	KUNIT_CASE(no_register),
	KUNIT_CASE(errors_of_the_controller),
	KUNIT_CASE(other_types),
	KUNIT_CASE(two_registers),
	KUNIT_CASE(bad_registers),
	KUNIT_CASE(exposed_register),
	KUNIT_CASE(space_of_a_fixed_bar),
	KUNIT_CASE(mapped_register),
	KUNIT_CASE(mapping_fails),
	KUNIT_CASE(doorbells_are_the_same),
	KUNIT_CASE(register_of_the_function),
	KUNIT_CASE(msi_doorbells),
	KUNIT_CASE(msi_mutable),
	KUNIT_CASE(msi_references),
	KUNIT_CASE(msi_errors),
	KUNIT_CASE(msis_run_out),
	KUNIT_CASE(msi_refused),
	KUNIT_CASE(msis_of_another_function),
	KUNIT_CASE(free_with_msis_of_the_controller),
	KUNIT_CASE(nothing_to_free_with_msis),
	{}
};

static struct kunit_suite pci_ep_msi_suite = {
	.name = "pci_ep_msi",
	.test_cases = pci_ep_msi_cases,
};

kunit_test_suite(pci_ep_msi_suite);

MODULE_DESCRIPTION("KUnit tests for doorbells of PCI endpoints");
MODULE_LICENSE("GPL");
