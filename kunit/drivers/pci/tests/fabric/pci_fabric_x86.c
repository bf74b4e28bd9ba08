// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated PCI fabric for KUnit: memory on x86.
 *
 * Memory accesses cannot be trapped here.  BARs are real memory that "mem=" hides
 * from the kernel: they can be mapped, and keep what is written, but nothing
 * *behaves*.  An MSI-X table does not mask, a region is not called, Memory Space
 * Enable and the bridge windows do not matter, and pci_fabric_bar_peek() and
 * pci_fabric_bar_poke() see other memory than the drivers do.  A suite that needs
 * BARs depends on PCI_KUNIT_FABRIC_BARS, and a test that does calls
 * pci_fabric_need_bars().  Configuration space and MSI without the X are as
 * everywhere.
 */
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mutex.h>
#include <linux/sizes.h>

#include "pci_fabric_internal.h"

/* Boot with mem=1024M on a machine that has 256 MiB more, and what its BIOS takes */
static struct resource pci_fabric_window_ram =
	DEFINE_RES_NAMED(SZ_1G, SZ_256M, "PCI fabrics", IORESOURCE_MEM);

/* Is there memory that keeps what is written, which the kernel does not use? */
static bool pci_fabric_x86_usable(resource_size_t addr)
{
	void __iomem *mem;
	u32 old, got;

	mem = ioremap(addr, SZ_4K);
	if (!mem)
		return false;
	old = readl(mem);
	writel(~old, mem);
	got = readl(mem);
	writel(old, mem);
	iounmap(mem);
	return got == (u32)~old;
}

static int pci_fabric_x86_add(struct resource *window)
{
	int ret;

	if (window->parent)	/* added by an earlier fabric */
		return 0;
	ret = request_resource(&iomem_resource, window);
	if (ret)
		return ret;
	if (pci_fabric_x86_usable(window->start) &&
	    pci_fabric_x86_usable(window->end + 1 - SZ_4K))
		return 0;
	release_resource(window);
	return -ENODEV;
}

/* Below 4 GiB only; prefetchable BARs go there too. */
struct resource *pci_fabric_window(bool high)
{
	static DEFINE_MUTEX(lock);
	int ret;

	if (high)
		return NULL;

	guard(mutex)(&lock);
	ret = pci_fabric_x86_add(&pci_fabric_window_ram);
	if (!ret)
		return &pci_fabric_window_ram;
	pr_err("PCI fabric: no hidden memory at %pR (%d), see the help of PCI_KUNIT_FABRIC\n",
	       &pci_fabric_window_ram, ret);
	return ERR_PTR(ret);
}

void pci_fabric_init_sysdata(struct pci_fabric *fabric, int domain)
{
	fabric->sysdata.domain = domain;
	fabric->sysdata.node = fabric->node;
}
