// SPDX-License-Identifier: GPL-2.0
/*
 * Fake endpoint controllers: an MSI controller for them, see pci_ep_fake.h.
 */
#include <kunit/of.h>
#include <kunit/test.h>
#include <linux/irqchip/irq-msi-lib.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/of.h>
#include <linux/of_platform.h>

#include "pci_ep_fake.h"

#define MSI_ADDR	0x200000040ULL
#define MSI_DATA	0x100
#define MSI_MAX		40

static struct {
	DECLARE_BITMAP(used, MSI_MAX);
	int max;
	void (*allocated)(unsigned int msi, void *data);
	void *data;
} fake_msi;

static void pci_ep_fake_msi_nop(struct irq_data *d)
{
}

static void pci_ep_fake_msi_compose(struct irq_data *d, struct msi_msg *msg)
{
	msg->address_hi = MSI_ADDR >> 32;
	msg->address_lo = (u32)MSI_ADDR;
	msg->data = MSI_DATA + d->hwirq;
}

static struct irq_chip pci_ep_fake_msi_chip = {
	.name			= "pci-ep-msi",
	.irq_ack		= pci_ep_fake_msi_nop,
	.irq_mask		= pci_ep_fake_msi_nop,
	.irq_unmask		= pci_ep_fake_msi_nop,
	.irq_compose_msi_msg	= pci_ep_fake_msi_compose,
};

static void pci_ep_fake_msi_free(struct irq_domain *d, unsigned int virq, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct irq_data *data = irq_domain_get_irq_data(d, virq + i);

		clear_bit(data->hwirq, fake_msi.used);
		irq_domain_reset_irq_data(data);
	}
}

static int pci_ep_fake_msi_alloc(struct irq_domain *d, unsigned int virq, unsigned int nr,
				 void *arg)
{
	for (unsigned int i = 0; i < nr; i++) {
		int n = find_first_zero_bit(fake_msi.used, fake_msi.max);

		if (n == fake_msi.max) {
			pci_ep_fake_msi_free(d, virq, i);
			return -ENOSPC;
		}
		set_bit(n, fake_msi.used);
		irq_domain_set_info(d, virq + i, n, &pci_ep_fake_msi_chip, NULL,
				    handle_simple_irq, NULL, NULL);
		if (fake_msi.allocated)
			fake_msi.allocated(n, fake_msi.data);
	}
	return 0;
}

static const struct irq_domain_ops pci_ep_fake_msi_domain_ops = {
	.select	= msi_lib_irq_domain_select,
	.alloc	= pci_ep_fake_msi_alloc,
	.free	= pci_ep_fake_msi_free,
};

static bool pci_ep_fake_msi_init(struct device *dev, struct irq_domain *domain,
				 struct irq_domain *real_parent,
				 struct msi_domain_info *info)
{
	return fake_msi.max >= 0 &&
	       msi_lib_init_dev_msi_info(dev, domain, real_parent, info);
}

static const struct msi_parent_ops pci_ep_fake_msi_parent_ops = {
	.required_flags		= MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS |
				  MSI_FLAG_NO_AFFINITY,
	.supported_flags	= MSI_GENERIC_FLAGS_MASK,
	.bus_select_token	= DOMAIN_BUS_NEXUS,
	.bus_select_mask	= MATCH_PLATFORM_MSI,
	.prefix			= "EP-",
	.init_dev_msi_info	= pci_ep_fake_msi_init,
};

void pci_ep_fake_msi_limit(int max)
{
	fake_msi.max = max;
}

void pci_ep_fake_msi_allocated(void (*fn)(unsigned int msi, void *data), void *data)
{
	fake_msi.allocated = fn;
	fake_msi.data = data;
}

int pci_ep_fake_msis(void)
{
	return bitmap_weight(fake_msi.used, MSI_MAX);
}

#ifdef CONFIG_OF_KOBJ
int pci_ep_fake_msi_refs(void)
{
	struct device_node *np __free(device_node) =
		of_find_node_by_name(NULL, "pci-ep-fake-msi");

	return np ? kref_read(&np->kobj.kref) : 0;
}
#else
int pci_ep_fake_msi_refs(void)
{
	return 0;
}
#endif

#ifdef CONFIG_OF_OVERLAY
static void pci_ep_fake_of_put(void *dev)
{
	put_device(dev);
}

static void pci_ep_fake_msi_remove(void *domain)
{
	irq_domain_remove(domain);
}

struct device *pci_ep_fake_msi(struct kunit *test, u32 flags)
{
	struct irq_domain_info info = {
		.ops = &pci_ep_fake_msi_domain_ops, .size = MSI_MAX, .domain_flags = flags,
	};
	struct platform_device *pdev;
	struct irq_domain *domain;
	struct device_node *np;

	KUNIT_ASSERT_EQ(test, of_overlay_apply_kunit(test, pci_ep_fake_of), 0);
	np = of_find_node_by_name(NULL, "pci-ep-fake");
	KUNIT_ASSERT_NOT_NULL(test, np);
	of_node_put_kunit(test, np);
	pdev = of_find_device_by_node(np);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_ep_fake_of_put,
							&pdev->dev), 0);
	np = of_find_node_by_name(NULL, "pci-ep-fake-msi");
	KUNIT_ASSERT_NOT_NULL(test, np);
	of_node_put_kunit(test, np);

	info.fwnode = of_fwnode_handle(np);
	bitmap_zero(fake_msi.used, MSI_MAX);
	fake_msi.max = MSI_MAX;
	fake_msi.allocated = NULL;
	domain = msi_create_parent_irq_domain(&info, &pci_ep_fake_msi_parent_ops);
	KUNIT_ASSERT_NOT_NULL(test, domain);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pci_ep_fake_msi_remove,
							domain), 0);
	return &pdev->dev;
}
#else
struct device *pci_ep_fake_msi(struct kunit *test, u32 flags)
{
	kunit_skip(test, "requires CONFIG_OF_OVERLAY");
}
#endif
