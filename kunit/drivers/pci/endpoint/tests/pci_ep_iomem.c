// SPDX-License-Identifier: GPL-2.0
/*
 * Device registers for suites of endpoint controllers, see pci_ep_iomem.h.
 *
 * logic_iomem can add address ranges but not remove them, so there is one that is added
 * once per boot, by the first test.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/logic_iomem.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#include "pci_ep_iomem.h"

static struct resource pci_ep_iomem_window =
	DEFINE_RES_NAMED(PCI_EP_IOMEM_START, PCI_EP_IOMEM_SIZE, "PCI endpoints",
			 IORESOURCE_MEM);
static struct resource pci_ep_iomem_large =
	DEFINE_RES_NAMED(PCI_EP_IOMEM_LARGE, SZ_4G, "PCI endpoints (64-bit)",
			 IORESOURCE_MEM);
static atomic_t pci_ep_iomem_maps = ATOMIC_INIT(0);
static LIST_HEAD(pci_ep_iomem_list);
static DEFINE_SPINLOCK(pci_ep_iomem_lock);

static struct pci_ep_iomem *pci_ep_iomem_find(unsigned long addr, int size)
{
	struct pci_ep_iomem *io;

	guard(spinlock_irqsave)(&pci_ep_iomem_lock);
	list_for_each_entry(io, &pci_ep_iomem_list, node)
		if (addr >= io->start && addr + size <= io->start + io->size)
			return io;
	return NULL;
}

static unsigned long pci_ep_iomem_read(void *priv, unsigned int offset, int size)
{
	struct pci_ep_iomem *io = pci_ep_iomem_find((unsigned long)priv + offset, size);
	u64 val = 0;

	if (!io)
		return ~0UL;
	memcpy(&val, io->mem + ((unsigned long)priv + offset - io->start), size);
	return val;
}

static void pci_ep_iomem_write(void *priv, unsigned int offset, int size,
			       unsigned long data)
{
	struct pci_ep_iomem *io = pci_ep_iomem_find((unsigned long)priv + offset, size);
	size_t off;
	u64 val = data;

	if (!io)
		return;
	off = (unsigned long)priv + offset - io->start;
	memcpy(io->mem + off, &val, size);
	io->writes++;
	if (io->write)
		io->write(io, off, val);
}

static void pci_ep_iomem_unmap(void *priv)
{
	atomic_dec(&pci_ep_iomem_maps);
}

static const struct logic_iomem_ops pci_ep_iomem_ops = {
	.read = pci_ep_iomem_read,
	.write = pci_ep_iomem_write,
	.unmap = pci_ep_iomem_unmap,
};

static long pci_ep_iomem_map(unsigned long offset, size_t size,
			     const struct logic_iomem_ops **ops, void **priv)
{
	*ops = &pci_ep_iomem_ops;
	*priv = (void *)(PCI_EP_IOMEM_START + offset);
	atomic_inc(&pci_ep_iomem_maps);
	return 0;
}

static long pci_ep_iomem_map_large(unsigned long offset, size_t size,
				   const struct logic_iomem_ops **ops, void **priv)
{
	*ops = &pci_ep_iomem_ops;
	*priv = (void *)(PCI_EP_IOMEM_LARGE + offset);
	atomic_inc(&pci_ep_iomem_maps);
	return 0;
}

static const struct logic_iomem_region_ops pci_ep_iomem_region = {
	.map = pci_ep_iomem_map,
};

static const struct logic_iomem_region_ops pci_ep_iomem_region_large = {
	.map = pci_ep_iomem_map_large,
};

int pci_ep_iomem_mapped(void)
{
	return atomic_read(&pci_ep_iomem_maps);
}

void pci_ep_iomem_init(struct kunit *test)
{
	if (!pci_ep_iomem_window.parent)
		KUNIT_ASSERT_EQ(test, logic_iomem_add_region(&pci_ep_iomem_window,
							     &pci_ep_iomem_region), 0);
	if (!pci_ep_iomem_large.parent)
		KUNIT_ASSERT_EQ(test, logic_iomem_add_region(&pci_ep_iomem_large,
							     &pci_ep_iomem_region_large), 0);
}

static void pci_ep_iomem_free(void *data)
{
	struct pci_ep_iomem *io = data;

	scoped_guard(spinlock_irqsave, &pci_ep_iomem_lock)
		list_del(&io->node);
	vfree(io->mem);
	kfree(io);
}

struct pci_ep_iomem *pci_ep_iomem(struct kunit *test, phys_addr_t start, size_t size)
{
	struct pci_ep_iomem *io = kzalloc_obj(*io);

	KUNIT_ASSERT_NOT_NULL(test, io);
	pci_ep_iomem_init(test);
	io->start = start;
	io->size = size;
	io->mem = vzalloc(size);
	scoped_guard(spinlock_irqsave, &pci_ep_iomem_lock)
		list_add_tail(&io->node, &pci_ep_iomem_list);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_ep_iomem_free, io), 0);
	KUNIT_ASSERT_NOT_NULL(test, io->mem);
	return io;
}
