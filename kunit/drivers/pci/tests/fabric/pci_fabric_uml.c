// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: memory accesses on User-Mode Linux.
 *
 * logic_iomem can add address ranges but not remove them, so the windows are
 * added once per boot, by the first fabric.  This is the only state that outlives
 * a fabric.  Another architecture brings a file like this one.
 */
#include <linux/align.h>
#include <linux/logic_iomem.h>
#include <linux/mutex.h>
#include <linux/sizes.h>

#include "pci_fabric_internal.h"

/* Clear of what arch/um/drivers/virt-pci.c has: room for eight fabrics */
static struct resource pci_fabric_window_low =
	DEFINE_RES_NAMED(0xd0000000, SZ_256M, "PCI fabrics", IORESOURCE_MEM);
#ifdef CONFIG_64BIT
static struct resource pci_fabric_window_high =
	DEFINE_RES_NAMED(0x8000000000, SZ_8G, "PCI fabrics (64-bit)",
			 IORESOURCE_MEM);
#endif

/*
 * @priv is the address that was mapped, not a function: which function answers, if
 * any, is decided anew on each access.  User-Mode Linux is little-endian, so what
 * readl() expects from here is the value.
 */
static unsigned long pci_fabric_uml_read(void *priv, unsigned int offset,
					 int size)
{
	u64 val = ~0ULL;

	if (!pci_fabric_decode((unsigned long)priv + offset, size, false, &val))
		return ~0UL;
	return val;
}

static void pci_fabric_uml_write(void *priv, unsigned int offset, int size,
				 unsigned long data)
{
	u64 val = data;

	pci_fabric_decode((unsigned long)priv + offset, size, true, &val);
}

/* The widest access that is aligned and not too long, as other architectures copy */
static unsigned int pci_fabric_uml_width(unsigned int offset, int size)
{
	unsigned int width = sizeof(u64);

	while (width > size || !IS_ALIGNED(offset, width))
		width /= 2;
	return width;
}

static void pci_fabric_uml_copy_from(void *priv, void *buffer, unsigned int offset,
				     int size)
{
	for (unsigned int width; size; size -= width, offset += width, buffer += width) {
		u64 val = ~0ULL;

		width = pci_fabric_uml_width(offset, size);
		pci_fabric_decode((unsigned long)priv + offset, width, false, &val);
		pci_fabric_mem_set(buffer, width, val);
	}
}

static void pci_fabric_uml_copy_to(void *priv, unsigned int offset, const void *buffer,
				   int size)
{
	for (unsigned int width; size; size -= width, offset += width, buffer += width) {
		u64 val;

		width = pci_fabric_uml_width(offset, size);
		val = pci_fabric_mem_get(buffer, width);
		pci_fabric_decode((unsigned long)priv + offset, width, true, &val);
	}
}

static void pci_fabric_uml_set(void *priv, unsigned int offset, u8 value, int size)
{
	for (unsigned int width; size; size -= width, offset += width) {
		u64 val = value * 0x0101010101010101ULL;

		width = pci_fabric_uml_width(offset, size);
		pci_fabric_decode((unsigned long)priv + offset, width, true, &val);
	}
}

static const struct logic_iomem_ops pci_fabric_uml_ops = {
	.read = pci_fabric_uml_read,
	.write = pci_fabric_uml_write,
	.set = pci_fabric_uml_set,
	.copy_from = pci_fabric_uml_copy_from,
	.copy_to = pci_fabric_uml_copy_to,
};

static long pci_fabric_uml_map(const struct resource *window,
			       unsigned long offset, size_t size,
			       const struct logic_iomem_ops **ops, void **priv)
{
	if (size > PCI_FABRIC_BAR_MAX)
		return -EINVAL;
	*ops = &pci_fabric_uml_ops;
	*priv = (void *)(unsigned long)(window->start + offset);
	return 0;
}

static long pci_fabric_uml_map_low(unsigned long offset, size_t size,
				   const struct logic_iomem_ops **ops,
				   void **priv)
{
	return pci_fabric_uml_map(&pci_fabric_window_low, offset, size, ops, priv);
}

static const struct logic_iomem_region_ops pci_fabric_uml_low = {
	.map = pci_fabric_uml_map_low,
};

#ifdef CONFIG_64BIT
static long pci_fabric_uml_map_high(unsigned long offset, size_t size,
				    const struct logic_iomem_ops **ops,
				    void **priv)
{
	return pci_fabric_uml_map(&pci_fabric_window_high, offset, size, ops,
				  priv);
}

static const struct logic_iomem_region_ops pci_fabric_uml_high = {
	.map = pci_fabric_uml_map_high,
};
#endif

static int pci_fabric_uml_add(struct resource *window,
			      const struct logic_iomem_region_ops *ops)
{
	if (window->parent)	/* added by an earlier fabric */
		return 0;
	return logic_iomem_add_region(window, ops);
}

void pci_fabric_init_sysdata(struct pci_fabric *fabric, int domain)
{
}

struct resource *pci_fabric_window(bool high)
{
	static DEFINE_MUTEX(lock);
	struct resource *window = high ? NULL : &pci_fabric_window_low;
	int ret = 0;

	guard(mutex)(&lock);
	if (!high)
		ret = pci_fabric_uml_add(window, &pci_fabric_uml_low);
#ifdef CONFIG_64BIT
	if (high) {
		window = &pci_fabric_window_high;
		ret = pci_fabric_uml_add(window, &pci_fabric_uml_high);
	}
#endif
	return ret ? ERR_PTR(ret) : window;
}
