/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of the emulated PCI fabric share.
 *
 * The fabric is judged against the PCI Express Base Specification r6.0 ("sec"),
 * from the kernel's side.  Offsets, masks and values are written out in the suites
 * as the specification gives them, and not taken from linux/pci_regs.h, which the
 * fabric itself uses: a wrong macro would agree with itself.
 */
#ifndef _PCI_FABRIC_KUNIT_H
#define _PCI_FABRIC_KUNIT_H

#include <kunit/pci.h>
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#define TYPE_ENDPOINT	0x0	/* Device/Port Type, sec 7.5.3.2 */
#define TYPE_ROOT_PORT	0x4
#define TYPE_UPSTREAM	0x5
#define TYPE_DOWNSTREAM	0x6
#define TYPE_RCIEP	0x9

static inline struct pci_fabric_fn *
add_port(struct pci_fabric *fabric, struct pci_fabric_fn *parent, u8 devfn,
	 u8 type)
{
	return pci_fabric_add(fabric, parent, &(struct pci_fabric_fn_desc){
		.devfn = devfn, .device = 0x0100 + type,
		.hdr_type = 1, .pcie_type = type, .ari_forwarding = true,
	});
}

/* A root port with an endpoint that has a bit of everything, scanned */
struct pair {
	struct pci_fabric *fabric;
	struct pci_fabric_fn *port;
	struct pci_fabric_fn *ep;
	struct pci_dev *port_dev;
	struct pci_dev *dev;
};

static const struct pci_fabric_fn_desc endpoint_desc = {
	.device = 0x0200,
	.subvendor = 0x1234,
	.subdevice = 0x5678,
	.revision = 0x9a,
	.flr = true,
	.bars[0] = { .size = SZ_8K },
	.bars[2] = {
		.size = SZ_64K,
		.flags = PCI_FABRIC_BAR_64 | PCI_FABRIC_BAR_PREF,
	},
	.intx_pin = 2,
	.msi = { .vectors = 4, .is_64 = true, .maskable = true },
	.msix = { .vectors = 4, .table_off = 0x1000, .pba_off = 0x1800 },
	.pm = true,
	.serial = 0x0123456789abcdefULL,
};

static inline struct pair *make_pair(struct kunit *test)
{
	struct pair *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->fabric = pci_fabric_alloc(test);
	p->port = add_port(p->fabric, NULL, PCI_DEVFN(1, 0), TYPE_ROOT_PORT);
	p->ep = pci_fabric_add(p->fabric, p->port, &endpoint_desc);
	pci_fabric_scan(p->fabric);
	p->port_dev = pci_fabric_pdev(p->port);
	p->dev = pci_fabric_pdev(p->ep);
	KUNIT_ASSERT_NOT_NULL(test, p->port_dev);
	KUNIT_ASSERT_NOT_NULL(test, p->dev);
	return p;
}

/* Configuration accesses as the bus sees them, past the PCI core's checks */
static inline int bus_read(struct pci_bus *bus, unsigned int devfn, int where,
			   int size, u32 *val)
{
	*val = 0x5a5a5a5a;
	return bus->ops->read(bus, devfn, where, size, val);
}

static inline u32 cfg_read(struct pci_dev *dev, int where, int size)
{
	u32 val;

	dev->bus->ops->read(dev->bus, dev->devfn, where, size, &val);
	return size == 4 ? val : val & ((1 << 8 * size) - 1);
}

static inline void cfg_write(struct pci_dev *dev, int where, int size, u32 val)
{
	dev->bus->ops->write(dev->bus, dev->devfn, where, size, val);
}

static inline bool is_absent(struct pci_bus *bus, unsigned int devfn)
{
	u32 val;

	return bus_read(bus, devfn, 0, 4, &val) == PCIBIOS_DEVICE_NOT_FOUND &&
	       val == ~0U;
}

/* Command (sec 7.5.1.1.3) */
#define CMD_MEMORY	BIT(1)
#define CMD_MASTER	BIT(2)
#define CMD_INTX_OFF	BIT(10)

static inline void cmd_set(struct pci_dev *dev, u16 clear, u16 set)
{
	cfg_write(dev, 0x04, 2, (cfg_read(dev, 0x04, 2) & ~clear) | set);
}

#endif /* _PCI_FABRIC_KUNIT_H */
