// SPDX-License-Identifier: GPL-2.0
/*
 * Fake endpoint controllers, see pci_ep_fake.h.
 */
#include <kunit/platform_device.h>
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/radix-tree.h>

#include "pci_ep_fake.h"

static struct pci_ep_fake *to_fake(struct pci_epc *epc)
{
	return epc_get_drvdata(epc);
}

static void pci_ep_fake_function(struct pci_ep_fake *fake, u8 func_no)
{
	if (func_no != fake->function)
		fake->bad_functions++;
}

static int pci_ep_fake_write_header(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				    struct pci_epf_header *hdr)
{
	pci_ep_fake_function(to_fake(epc), func_no);
	to_fake(epc)->headers++;
	return 0;
}

static int pci_ep_fake_set_bar(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
			       struct pci_epf_bar *bar)
{
	struct pci_ep_fake *fake = to_fake(epc);
	int i = bar->barno;

	pci_ep_fake_function(fake, func_no);
	if (i < 0 || i >= PCI_STD_NUM_BARS)
		return -EINVAL;
	fake->sets[i]++;
	if (fake->set_ret[i] || (fake->set_bad[i] && bar->phys_addr == fake->set_bad[i])) {
		fake->bar[i].phys_addr = 0;
		return fake->set_ret[i] ?: -EINVAL;
	}
	if (!bar->phys_addr)
		fake->bad_bars++;
	fake->bar[i] = *bar;
	fake->bar_set[i] = true;
	fake->bar_vfunc_no[i] = vfunc_no;
	return 0;
}

static void pci_ep_fake_clear_bar(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				  struct pci_epf_bar *bar)
{
	struct pci_ep_fake *fake = to_fake(epc);
	int i = bar->barno;

	pci_ep_fake_function(fake, func_no);
	if (i < 0 || i >= PCI_STD_NUM_BARS || !fake->bar_set[i]) {
		fake->bad_clears++;
		return;
	}
	fake->clears[i]++;
	fake->bar_set[i] = false;
}

static u64 pci_ep_fake_align_addr(struct pci_epc *epc, u64 pci_addr, size_t *size,
				  size_t *offset)
{
	size_t align = to_fake(epc)->align;

	*offset = pci_addr & (align - 1);
	*size = ALIGN(*offset + *size, align);
	return pci_addr - *offset;
}

static bool pci_ep_fake_remap(struct pci_ep_fake *fake, phys_addr_t from, phys_addr_t to)
{
	for (int i = 0; to && i < PCI_EP_FAKE_MAPS; i++)
		if (fake->map[i] == to)
			return false;
	for (int i = 0; i < PCI_EP_FAKE_MAPS; i++) {
		if (fake->map[i] != from)
			continue;
		fake->map[i] = to;
		return true;
	}
	return false;
}

static int pci_ep_fake_map_addr(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				phys_addr_t addr, u64 pci_addr, size_t size)
{
	struct pci_ep_fake *fake = to_fake(epc);

	pci_ep_fake_function(fake, func_no);
	if (fake->map_ret)
		return fake->map_ret;
	if (!pci_ep_fake_remap(fake, 0, addr) || !addr)
		fake->bad_maps++;
	fake->maps++;
	fake->map_phys = addr;
	fake->map_pci = pci_addr;
	fake->map_size = size;
	return 0;
}

static void pci_ep_fake_unmap_addr(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				   phys_addr_t addr)
{
	struct pci_ep_fake *fake = to_fake(epc);

	pci_ep_fake_function(fake, func_no);
	if (!addr || !pci_ep_fake_remap(fake, addr, 0))
		fake->bad_maps++;
	fake->maps--;
}

static int pci_ep_fake_set_irqs(struct pci_epc *epc, u8 func_no, u8 vfunc_no, u8 nr_irqs)
{
	return 0;
}

static int pci_ep_fake_get_irqs(struct pci_epc *epc, u8 func_no, u8 vfunc_no)
{
	return 16;
}

static int pci_ep_fake_raise_irq(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				 unsigned int type, u16 interrupt_num)
{
	struct pci_ep_fake *fake = to_fake(epc);

	pci_ep_fake_function(fake, func_no);
	scoped_guard(spinlock_irqsave, &fake->lock)
		fake->irqs++;
	complete(&fake->irq);
	return 0;
}

static int pci_ep_fake_start(struct pci_epc *epc)
{
	to_fake(epc)->started = true;
	return 0;
}

static void pci_ep_fake_stop(struct pci_epc *epc)
{
	to_fake(epc)->started = false;
}

static const struct pci_epc_features *
pci_ep_fake_get_features(struct pci_epc *epc, u8 func_no, u8 vfunc_no)
{
	return &to_fake(epc)->features;
}

static void pci_ep_fake_asked(struct pci_ep_fake *fake, u8 func_no, u8 vfunc_no)
{
	fake->func_no = func_no;
	fake->vfunc_no = vfunc_no;
	if (!mutex_is_locked(&fake->epc->lock))
		fake->unlocked++;
}

static int pci_ep_fake_aux_count(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
				 int *count)
{
	struct pci_ep_fake *fake = to_fake(epc);

	pci_ep_fake_asked(fake, func_no, vfunc_no);
	fake->counts++;
	*count = fake->count;
	return fake->count_ret;
}

PCI_EPC_COUNT_AUX(pci_ep_fake_count_aux, pci_ep_fake_aux_count)

static int pci_ep_fake_get_aux(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
			       struct pci_epc_aux_resource *resources,
			       int num_resources)
{
	struct pci_ep_fake *fake = to_fake(epc);

	pci_ep_fake_asked(fake, func_no, vfunc_no);
	fake->gets++;
	fake->asked = num_resources;
	if (fake->get_ret)
		return fake->get_ret;
	if (num_resources < fake->num_res)
		return -ENOSPC;
	memcpy(resources, fake->res, fake->num_res * sizeof(*resources));
	return 0;
}

static const struct pci_epc_ops pci_ep_fake_ops = {
	.write_header		= pci_ep_fake_write_header,
	.set_bar		= pci_ep_fake_set_bar,
	.clear_bar		= pci_ep_fake_clear_bar,
	.map_addr		= pci_ep_fake_map_addr,
	.unmap_addr		= pci_ep_fake_unmap_addr,
	.set_msi		= pci_ep_fake_set_irqs,
	.get_msi		= pci_ep_fake_get_irqs,
	.raise_irq		= pci_ep_fake_raise_irq,
	.start			= pci_ep_fake_start,
	.stop			= pci_ep_fake_stop,
	.get_features		= pci_ep_fake_get_features,
	.PCI_EPC_COUNT_AUX_OP	= pci_ep_fake_count_aux,
	.get_aux_resources	= pci_ep_fake_get_aux,
	.owner			= THIS_MODULE,
};

bool pci_ep_fake_owns(struct pci_ep_fake *fake, dma_addr_t addr, size_t size)
{
	for (int i = 0; i < PCI_EP_FAKE_CHUNKS; i++)
		if (addr >= fake->dma_chunk[i].addr &&
		    addr + size <= fake->dma_chunk[i].addr + fake->dma_chunk[i].size)
			return true;
	return false;
}

static bool pci_ep_fake_chunk(struct pci_ep_fake *fake, dma_addr_t from, dma_addr_t to,
			      size_t size)
{
	for (int i = 0; i < PCI_EP_FAKE_CHUNKS; i++) {
		if (fake->dma_chunk[i].addr != from)
			continue;
		fake->dma_chunk[i].addr = to;
		fake->dma_chunk[i].size = size;
		return true;
	}
	return false;
}

/* What is there of it: a page more than what is not aligned to more than a page */
static size_t pci_ep_fake_dma_size(struct pci_ep_fake *fake, size_t size)
{
	if (fake->dma_most)
		size = min(size, fake->dma_most);
	return fake->dma_unaligned ? size + PAGE_SIZE : size;
}

/* Nothing may point to what is about to be somebody else's */
static void pci_ep_fake_bars(struct pci_ep_fake *fake, dma_addr_t addr, size_t size)
{
	/* Behind what is really there is somebody else's anyway */
	size_t most = fake->dma_most ?: SIZE_MAX;

	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		if (fake->bar_set[i] &&
		    addr < fake->bar[i].phys_addr + min(fake->bar[i].size, most) &&
		    fake->bar[i].phys_addr < addr + min(size, most))
			fake->bad_bars++;
}

static void *pci_ep_fake_dma_alloc(struct device *dev, size_t size, dma_addr_t *handle,
				   gfp_t gfp, unsigned long attrs)
{
	struct pci_ep_fake *fake = dev_get_drvdata(dev);
	void *addr = NULL;

	/* DMA_API_DEBUG gives up for good when it has no memory for what comes next */
	if (radix_tree_preload(GFP_KERNEL))
		return NULL;
	radix_tree_preload_end();

	if (!fake->dma_no_memory && (!fake->dma_limit || size <= fake->dma_limit))
		addr = alloc_pages_exact(pci_ep_fake_dma_size(fake, size),
					 gfp | __GFP_ZERO | __GFP_NOWARN);
	if (!addr)
		return NULL;
	*handle = virt_to_phys(addr) + PCI_EP_FAKE_IOVA;
	if (fake->dma_unaligned)
		*handle += PAGE_SIZE;
	if (!pci_ep_fake_chunk(fake, 0, *handle, size)) {
		free_pages_exact(addr, pci_ep_fake_dma_size(fake, size));
		return NULL;
	}
	if (fake->dma_unaligned)
		addr += PAGE_SIZE;
	fake->dma_allocs++;
	fake->dma_memory += PAGE_ALIGN(size);
	return addr;
}

static void pci_ep_fake_dma_free(struct device *dev, size_t size, void *addr,
				 dma_addr_t handle, unsigned long attrs)
{
	struct pci_ep_fake *fake = dev_get_drvdata(dev);

	if (handle != virt_to_phys(addr) + PCI_EP_FAKE_IOVA ||
	    !pci_ep_fake_chunk(fake, handle, 0, 0))
		fake->dma_bad++;
	pci_ep_fake_bars(fake, handle, size);
	fake->dma_memory -= PAGE_ALIGN(size);
	free_pages_exact(fake->dma_unaligned ? addr - PAGE_SIZE : addr,
			 pci_ep_fake_dma_size(fake, size));
}

static dma_addr_t pci_ep_fake_dma_map(struct device *dev, phys_addr_t phys, size_t size,
				      enum dma_data_direction dir, unsigned long attrs)
{
	struct pci_ep_fake *fake = dev_get_drvdata(dev);

	if (fake->dma_fail)
		return DMA_MAPPING_ERROR;
	fake->dma_maps++;
	fake->dma_phys = phys;
	fake->dma_size = size;
	fake->dma_attrs = attrs;
	fake->dma_dir = dir;
	return phys + PCI_EP_FAKE_IOVA;
}

static void pci_ep_fake_dma_unmap(struct device *dev, dma_addr_t addr, size_t size,
				  enum dma_data_direction dir, unsigned long attrs)
{
	struct pci_ep_fake *fake = dev_get_drvdata(dev);

	if (addr != fake->dma_phys + PCI_EP_FAKE_IOVA || size != fake->dma_size ||
	    attrs != fake->dma_attrs || dir != fake->dma_dir)
		fake->dma_bad++;
	pci_ep_fake_bars(fake, addr, size);
	fake->dma_actions = fake->db_irq ? pci_ep_fake_actions(fake->db_irq) : 0;
	fake->dma_unmaps++;
}

static const struct dma_map_ops pci_ep_fake_dma_ops = {
	.alloc		= pci_ep_fake_dma_alloc,
	.free		= pci_ep_fake_dma_free,
	.map_phys	= pci_ep_fake_dma_map,
	.unmap_phys	= pci_ep_fake_dma_unmap,
};

static void pci_ep_fake_destroy(void *data)
{
	struct pci_ep_fake *fake = data;
	struct kunit *test = fake->test;

	pci_epc_destroy(fake->epc);
	fake->epc = NULL;
	set_dma_ops(fake->dev, NULL);
	dev_set_drvdata(fake->dev, NULL);

	for (int i = 0; i < PCI_STD_NUM_BARS; i++)
		KUNIT_EXPECT_FALSE_MSG(test, fake->bar_set[i], "BAR %d is set", i);
	KUNIT_EXPECT_EQ(test, fake->bad_clears, 0);
	KUNIT_EXPECT_EQ(test, fake->bad_bars, 0);
	KUNIT_EXPECT_EQ(test, fake->bad_functions, 0);
	KUNIT_EXPECT_EQ(test, fake->maps, 0);
	KUNIT_EXPECT_EQ(test, fake->bad_maps, 0);
	KUNIT_EXPECT_EQ(test, fake->dma_unmaps, fake->dma_maps);
	KUNIT_EXPECT_EQ(test, fake->dma_bad, 0);
	KUNIT_EXPECT_EQ(test, fake->dma_memory, 0);
	KUNIT_EXPECT_EQ(test, fake->unlocked, 0);
}

void pci_ep_fake_remove(struct pci_ep_fake *fake)
{
	kunit_release_action(fake->test, pci_ep_fake_destroy, fake);
}

struct pci_ep_fake *pci_ep_fake_create(struct kunit *test, struct device *dev)
{
	struct pci_ep_fake *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	struct platform_device *pdev;

	KUNIT_ASSERT_NOT_NULL(test, fake);
	if (!dev) {
		pdev = kunit_platform_device_alloc(test, "pci-ep-fake",
						   PLATFORM_DEVID_AUTO);
		KUNIT_ASSERT_NOT_NULL(test, pdev);
		KUNIT_ASSERT_EQ(test, kunit_platform_device_add(test, pdev), 0);
		dev = &pdev->dev;
	}
	fake->test = test;
	fake->dev = dev;
	fake->ops = pci_ep_fake_ops;
	fake->features.msi_capable = true;
	spin_lock_init(&fake->lock);
	init_completion(&fake->irq);
	dev_set_drvdata(dev, fake);
	set_dma_ops(dev, &pci_ep_fake_dma_ops);

	fake->epc = pci_epc_create(dev, &fake->ops);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fake->epc);
	epc_set_drvdata(fake->epc, fake);
	fake->epc->max_functions = 2;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_ep_fake_destroy, fake),
			0);
	return fake;
}

static void pci_ep_fake_outbound_exit(void *epc)
{
	pci_epc_mem_exit(epc);
}

void pci_ep_fake_outbound(struct pci_ep_fake *fake, phys_addr_t start, size_t size)
{
	struct kunit *test = fake->test;

	KUNIT_ASSERT_EQ(test, pci_epc_mem_init(fake->epc, start, size, SZ_4K), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_ep_fake_outbound_exit,
							fake->epc), 0);
	if (fake->align)
		fake->ops.align_addr = pci_ep_fake_align_addr;
}

void pci_ep_fake_doorbell(struct pci_ep_fake *fake, int irq, enum pci_barno bar)
{
	fake->db_irq = irq;
	fake->count = 1;
	fake->num_res = 1;
	fake->res[0] = (struct pci_epc_aux_resource) {
		.type		= PCI_EPC_AUX_DOORBELL_MMIO,
		.phys_addr	= PCI_EP_FAKE_DB_PHYS,
		.size		= 4,
		.bar		= bar,
		.bar_offset	= bar == NO_BAR ? 0 : PCI_EP_FAKE_DB_OFFSET,
		.u.db_mmio	= { .irq = irq, .data = PCI_EP_FAKE_DB_DATA },
	};
}

static void pci_ep_fake_irq_nop(struct irq_data *d)
{
}

struct pci_ep_fake_irq {
	struct kunit *test;
	int irq;
	void (*requested)(void *data);
	void *data;
};

static int pci_ep_fake_irq_request(struct irq_data *d)
{
	struct pci_ep_fake_irq *fake = irq_data_get_irq_chip_data(d);

	if (fake->requested)
		fake->requested(fake->data);
	return 0;
}

static struct irq_chip pci_ep_fake_irqchip = {
	.name		= "pci-ep-fake",
	.irq_request_resources = pci_ep_fake_irq_request,
	.irq_mask	= pci_ep_fake_irq_nop,
	.irq_unmask	= pci_ep_fake_irq_nop,
	.irq_ack	= pci_ep_fake_irq_nop,
	.flags		= IRQCHIP_ONESHOT_SAFE | IRQCHIP_SKIP_SET_WAKE,
};

static void pci_ep_fake_irq_free(void *data)
{
	struct pci_ep_fake_irq *fake = data;

	KUNIT_EXPECT_EQ_MSG(fake->test, pci_ep_fake_actions(fake->irq), 0,
			    "IRQ %d has handlers", fake->irq);
	irq_free_desc(fake->irq);
}

int pci_ep_fake_irq(struct kunit *test)
{
	struct pci_ep_fake_irq *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	int irq = irq_alloc_desc(NUMA_NO_NODE);

	KUNIT_ASSERT_NOT_NULL(test, fake);
	KUNIT_ASSERT_GT(test, irq, 0);
	irq_set_chip_and_handler(irq, &pci_ep_fake_irqchip, handle_level_irq);
	irq_set_chip_data(irq, fake);
	irq_set_status_flags(irq, IRQ_LEVEL);
	fake->test = test;
	fake->irq = irq;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_ep_fake_irq_free, fake),
			0);
	return irq;
}

void pci_ep_fake_irq_requested(int irq, void (*fn)(void *data), void *data)
{
	struct pci_ep_fake_irq *fake = irq_get_chip_data(irq);

	fake->requested = fn;
	fake->data = data;
}

int pci_ep_fake_actions(int irq)
{
	struct irq_desc *desc = irq_to_desc(irq);
	struct irqaction *action;
	int n = 0;

	if (desc)
		for (action = desc->action; action; action = action->next)
			n++;
	return n;
}
