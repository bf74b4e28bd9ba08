/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of SR-IOV in the emulated PCI fabric share.  See
 * pci_fabric_kunit.h for where the expected values come from.
 *
 * VFs are made in two ways: by the PCI core, pci_enable_sriov(), and by writes to
 * the capability, where the PCI core would not do what is asked for.
 */
#ifndef _PCI_FABRIC_SRIOV_KUNIT_H
#define _PCI_FABRIC_SRIOV_KUNIT_H

#include <kunit/test.h>
#include <linux/io.h>
#include <linux/pci.h>

#include "pci_fabric_kunit.h"

#define PF_DEVICE	0x0380
#define VF_DEVICE	0x0381

/* SR-IOV extended capability (sec 9.3.3) */
#define CTRL		0x08
#define NUM_VFS		0x10
#define PAGE_SIZE_REG	0x20
#define VF_BAR(n)	(0x24 + 4 * (n))

#define VFE		BIT(0)	/* Control */
#define MSE		BIT(3)
#define ARI		BIT(4)

static const struct pci_fabric_fn_desc vf_desc = {
	.device = 0xbad1, .subdevice = 0xbad2, .intx_pin = 1,	/* ignored */
	.flr = true,
	.msix = { .vectors = 2, .table_off = 0x1000, .pba_off = 0x1800 },
};

static const struct pci_fabric_fn_desc pf_desc = {
	.device = PF_DEVICE,
	.subvendor = 0x1234,
	.subdevice = 0x5678,
	.class = 0x020000,
	.revision = 0x9a,
	.flr = true,
	.bars[0] = { .size = SZ_8K },
	.sriov = {
		.total_vfs = 4,
		.bars[0] = { .size = SZ_8K },
		.bars[2] = {
			.size = SZ_16K,
			.flags = PCI_FABRIC_BAR_64 | PCI_FABRIC_BAR_PREF,
		},
		.vf = &vf_desc,
	},
};

/* A PF, behind a root port or at the end of a switch, scanned */
struct sriov {
	struct pci_fabric *fabric;
	struct pci_fabric_fn *port;	/* the bridge right above */
	struct pci_fabric_fn *pf;
	struct pci_dev *port_dev;
	struct pci_dev *dev;
	unsigned int cap;
};

static inline struct sriov *make_at(struct kunit *test,
				    struct pci_fabric *fabric,
				    struct pci_fabric_fn *port,
				    const struct pci_fabric_fn_desc *desc)
{
	struct sriov *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->fabric = fabric;
	s->port = port;
	s->pf = pci_fabric_add(fabric, port, desc);
	pci_fabric_scan(fabric);
	if (port) {
		s->port_dev = pci_fabric_pdev(port);
		KUNIT_ASSERT_NOT_NULL(test, s->port_dev);
	}
	s->dev = pci_fabric_pdev(s->pf);
	KUNIT_ASSERT_NOT_NULL(test, s->dev);
	KUNIT_ASSERT_TRUE(test, s->dev->is_physfn);
	s->cap = pci_fabric_cap_pos(s->pf, 0x10, true);
	return s;
}

static inline struct sriov *make_desc(struct kunit *test,
				      const struct pci_fabric_fn_desc *desc)
{
	struct pci_fabric *fabric = pci_fabric_alloc(test);

	return make_at(test, fabric,
		       add_port(fabric, NULL, PCI_DEVFN(1, 0), TYPE_ROOT_PORT),
		       desc);
}

static inline struct sriov *make_sriov(struct kunit *test)
{
	return make_desc(test, &pf_desc);
}

/* Not every kernel takes the lock by itself. */
static inline void disable(void *dev)
{
	pci_lock_rescan_remove();
	pci_disable_sriov(dev);
	pci_unlock_rescan_remove();
}

static inline int enable(struct kunit *test, struct pci_dev *dev, int nr)
{
	int ret;

	pci_lock_rescan_remove();
	ret = pci_enable_sriov(dev, nr);
	pci_unlock_rescan_remove();
	if (!ret)
		KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, disable,
								dev), 0);
	return ret;
}

/* As pci_enable_sriov() does, without anything that it makes */
static inline void enable_raw(struct sriov *s, u16 nr)
{
	cfg_write(s->dev, s->cap + NUM_VFS, 2, nr);
	cfg_write(s->dev, s->cap + CTRL, 2,
		  cfg_read(s->dev, s->cap + CTRL, 2) | VFE | MSE);
}

static inline struct pci_dev *vf_of(struct kunit *test, struct pci_fabric_fn *pf,
				    int id)
{
	struct pci_dev *dev = pci_fabric_pdev(pci_fabric_vf(pf, id));

	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_ASSERT_TRUE(test, dev->is_virtfn);
	return dev;
}

static inline struct pci_dev *vf_dev(struct kunit *test, struct sriov *s, int id)
{
	return vf_of(test, s->pf, id);
}

/* Does a VF answer at @rid after the PF?  On the bus of the PF */
static inline bool vf_answers(struct sriov *s, unsigned int distance)
{
	return !is_absent(s->dev->bus, s->dev->devfn + distance);
}

static inline void unmap(void *addr)
{
	iounmap((void __iomem __force *)addr);
}

static inline void __iomem *map(struct kunit *test, resource_size_t start, size_t len)
{
	void __iomem *addr = ioremap(start, len);

	KUNIT_ASSERT_NOT_NULL(test, (void __force *)addr);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unmap,
							(void __force *)addr), 0);
	return addr;
}

static inline void __iomem *map_vf(struct kunit *test, struct pci_dev *dev, int bar)
{
	KUNIT_ASSERT_NE(test, pci_resource_len(dev, bar), 0);
	return map(test, pci_resource_start(dev, bar), pci_resource_len(dev, bar));
}

#endif /* _PCI_FABRIC_SRIOV_KUNIT_H */
