/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of the emulated PCI endpoint controller share: a controller below a root
 * port.  The endpoint's side is what a function driver calls, without one.
 */
#ifndef _PCI_FABRIC_EP_KUNIT_H
#define _PCI_FABRIC_EP_KUNIT_H

#include <kunit/pci.h>
#include <kunit/pci-epc.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#define EP_VENDOR	0xf00d
#define EP_DEVICE	0x0e01

struct ep_ctx {
	struct pci_fabric *fabric;
	struct pci_fabric_fn *port;
	struct pci_fabric_ep *ep;
	struct pci_epc *epc;
};

static const struct pci_epf_header ep_header = {
	.vendorid = EP_VENDOR,
	.deviceid = EP_DEVICE,
	.revid = 0x5a,
	.progif_code = 0x03,
	.subclass_code = 0x02,
	.baseclass_code = 0xff,
	.subsys_vendor_id = 0x1234,
	.subsys_id = 0x5678,
	.interrupt_pin = PCI_INTERRUPT_INTB,
};

static inline int ep_init(struct kunit *test)
{
	struct ep_ctx *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	test->priv = ctx;
	ctx->fabric = pci_fabric_alloc(test);
	ctx->port = pci_fabric_add(ctx->fabric, NULL, &(struct pci_fabric_fn_desc){
		.device = 0x0e00,
		.hdr_type = PCI_HEADER_TYPE_BRIDGE,
		.pcie_type = PCI_EXP_TYPE_ROOT_PORT,
	});
	pci_fabric_scan(ctx->fabric);
	return 0;
}

static inline void ep_make(struct kunit *test, const struct pci_fabric_ep_desc *desc)
{
	struct ep_ctx *ctx = test->priv;

	ctx->ep = pci_fabric_ep_alloc(test, ctx->fabric, ctx->port, desc);
	ctx->epc = pci_fabric_ep_epc(ctx->ep);
}

static inline void ep_write_header(struct kunit *test, u8 func_no)
{
	struct ep_ctx *ctx = test->priv;
	struct pci_epf_header header = ep_header;

	header.deviceid += func_no;
	KUNIT_ASSERT_EQ(test, pci_epc_write_header(ctx->epc, func_no, 0, &header), 0);
}

struct ep_mem {
	struct device *dev;
	size_t size;
	void *addr;
	dma_addr_t dma;
};

static inline void ep_free_mem(void *data)
{
	struct ep_mem *mem = data;

	dma_free_coherent(mem->dev, mem->size, mem->addr, mem->dma);
}

static inline struct ep_mem *ep_alloc_mem(struct kunit *test, struct device *dev,
					  size_t size)
{
	struct ep_mem *mem = kunit_kzalloc(test, sizeof(*mem), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mem);
	mem->dev = dev;
	mem->size = size;
	mem->addr = dma_alloc_coherent(dev, size, &mem->dma, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mem->addr);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ep_free_mem, mem), 0);
	return mem;
}

/* Memory of the endpoint behind a BAR; freed before the controller is destroyed */
static inline struct ep_mem *ep_bar(struct kunit *test, enum pci_barno barno,
				    size_t size, int flags)
{
	struct ep_ctx *ctx = test->priv;
	struct ep_mem *mem = ep_alloc_mem(test, ctx->epc->dev.parent, size);
	struct pci_epf_bar bar = {
		.phys_addr = mem->dma, .addr = mem->addr, .size = size,
		.barno = barno, .flags = flags,
	};

	KUNIT_ASSERT_EQ(test, pci_epc_set_bar(ctx->epc, 0, 0, &bar), 0);
	return mem;
}

static inline struct pci_dev *ep_start(struct kunit *test)
{
	struct ep_ctx *ctx = test->priv;
	struct pci_dev *pdev;

	KUNIT_ASSERT_EQ(test, pci_epc_start(ctx->epc), 0);
	KUNIT_ASSERT_TRUE(test, pci_fabric_ep_wait(ctx->ep, true));
	pdev = pci_fabric_pdev(pci_fabric_ep_fn(ctx->ep, 0));
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, pci_enable_device_mem(pdev), 0);
	return pdev;
}

static inline void ep_iounmap(void *addr)
{
	iounmap((void __iomem *)addr);
}

static inline void __iomem *ep_ioremap(struct kunit *test, struct pci_dev *pdev,
				       int bar)
{
	void __iomem *addr = pci_ioremap_bar(pdev, bar);

	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ep_iounmap,
							(void __force *)addr), 0);
	return addr;
}

#endif /* _PCI_FABRIC_EP_KUNIT_H */
