// SPDX-License-Identifier: GPL-2.0
/*
 * Fixture of the suites about vfio-pci: an IOMMU that translates nothing.  It
 * remembers what is mapped, so that a test can see what the device would reach.
 */
#include <kunit/pci.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "vfio_pci_fixture.h"

struct vfio_pci_iommu_domain {
	struct iommu_domain domain;
	struct xarray pages;		/* by I/O page number, values */
};

static struct iommu_device vfio_pci_iommu;

static struct vfio_pci_iommu_domain *to_own(struct iommu_domain *domain)
{
	return container_of(domain, struct vfio_pci_iommu_domain, domain);
}

static int vfio_pci_iommu_attach(struct iommu_domain *domain, struct device *dev,
				 struct iommu_domain *old)
{
	return 0;
}

static int vfio_pci_iommu_map(struct iommu_domain *domain, unsigned long iova,
			      phys_addr_t paddr, size_t pgsize, size_t pgcount,
			      int prot, gfp_t gfp, size_t *mapped)
{
	for (; pgcount; pgcount--, iova += pgsize, paddr += pgsize) {
		if (xa_err(xa_store(&to_own(domain)->pages, iova / SZ_4K,
				    xa_mk_value(paddr / SZ_4K), gfp)))
			return -ENOMEM;
		*mapped += pgsize;
	}
	return 0;
}

static size_t vfio_pci_iommu_unmap(struct iommu_domain *domain,
				   unsigned long iova, size_t pgsize,
				   size_t pgcount,
				   struct iommu_iotlb_gather *gather)
{
	for (size_t i = 0; i < pgcount; i++)
		xa_erase(&to_own(domain)->pages, iova / SZ_4K + i);
	return pgsize * pgcount;
}

static phys_addr_t vfio_pci_iommu_iova_to_phys(struct iommu_domain *domain,
					       dma_addr_t iova)
{
	void *page = xa_load(&to_own(domain)->pages, iova / SZ_4K);

	return page ? xa_to_value(page) * SZ_4K + iova % SZ_4K : 0;
}

static void vfio_pci_iommu_free(struct iommu_domain *domain)
{
	xa_destroy(&to_own(domain)->pages);
	kfree(to_own(domain));
}

static const struct iommu_domain_ops vfio_pci_iommu_paging_ops = {
	.attach_dev = vfio_pci_iommu_attach,
	.map_pages = vfio_pci_iommu_map,
	.unmap_pages = vfio_pci_iommu_unmap,
	.iova_to_phys = vfio_pci_iommu_iova_to_phys,
	.free = vfio_pci_iommu_free,
};

static struct iommu_domain *vfio_pci_iommu_alloc_paging(struct device *dev)
{
	struct vfio_pci_iommu_domain *own = kzalloc_obj(*own);

	if (!own)
		return NULL;
	xa_init(&own->pages);
	own->domain.ops = &vfio_pci_iommu_paging_ops;
	own->domain.pgsize_bitmap = SZ_4K;
	own->domain.geometry.aperture_end = SZ_1G - 1;
	own->domain.geometry.force_aperture = true;
	return &own->domain;
}

static const struct iommu_domain_ops vfio_pci_iommu_static_ops = {
	.attach_dev = vfio_pci_iommu_attach,
};

static struct iommu_domain vfio_pci_iommu_identity = {
	.type = IOMMU_DOMAIN_IDENTITY,
	.ops = &vfio_pci_iommu_static_ops,
};

static struct iommu_domain vfio_pci_iommu_blocked = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &vfio_pci_iommu_static_ops,
};

/* Nothing but what the fabric makes */
static struct iommu_device *vfio_pci_iommu_probe(struct device *dev)
{
	if (!dev_is_pci(dev) || to_pci_dev(dev)->vendor != PCI_FABRIC_VENDOR)
		return ERR_PTR(-ENODEV);
	return &vfio_pci_iommu;
}

static bool vfio_pci_iommu_capable(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_CACHE_COHERENCY;
}

static int vfio_pci_iommu_def_domain_type(struct device *dev)
{
	return IOMMU_DOMAIN_IDENTITY;
}

/* Each function for itself, though the fabric has no ACS */
static struct iommu_group *vfio_pci_iommu_group(struct device *dev)
{
	return generic_device_group(dev);
}

static const struct iommu_ops vfio_pci_iommu_ops = {
	.capable = vfio_pci_iommu_capable,
	.probe_device = vfio_pci_iommu_probe,
	.device_group = vfio_pci_iommu_group,
	.domain_alloc_paging = vfio_pci_iommu_alloc_paging,
	.def_domain_type = vfio_pci_iommu_def_domain_type,
	.identity_domain = &vfio_pci_iommu_identity,
	.blocked_domain = &vfio_pci_iommu_blocked,
	.owner = THIS_MODULE,
};

/* Before the fabric is scanned, or the devices come too early for it */
int vfio_pci_iommu_register(void)
{
	int ret;

	memset(&vfio_pci_iommu, 0, sizeof(vfio_pci_iommu));
	ret = iommu_device_sysfs_add(&vfio_pci_iommu, NULL, NULL,
				     "vfio-pci-kunit");
	if (ret)
		return ret;
	ret = iommu_device_register(&vfio_pci_iommu, &vfio_pci_iommu_ops, NULL);
	if (ret)
		iommu_device_sysfs_remove(&vfio_pci_iommu);
	return ret;
}

void vfio_pci_iommu_unregister(void)
{
	iommu_device_unregister(&vfio_pci_iommu);
	iommu_device_sysfs_remove(&vfio_pci_iommu);
}
