/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A function with MSI, MSI-X and INTx on an emulated fabric, and a driver for
 * it, for the suites about interrupt vectors.
 *
 * The driver is registered, bound and unbound by the driver core.  Its probe
 * function enables the device, allocates vectors and requests their interrupts
 * in the way that the test has written into the fixture, and notes there what
 * came of it.  Nothing in probe or remove may use KUNIT_ASSERT, because that
 * would end the thread with the device locked.
 */
#ifndef _PCI_IRQ_FIXTURE_H
#define _PCI_IRQ_FIXTURE_H

#include <kunit/pci.h>
#include <linux/atomic.h>
#include <linux/pci.h>
#include <linux/types.h>

struct kunit;

#define PCI_IRQ_FIXTURE_DEVICE	0x0151
/* What the function has, of MSI and of MSI-X. */
#define PCI_IRQ_FIXTURE_VECTORS	8

/* Bits of the specification, so as not to take them from the code under test. */
#define SPEC_COMMAND		0x04
#define SPEC_COMMAND_INTX_DIS	BIT(10)	/* PCIe r6.0, sec 7.5.1.1.3 */
#define SPEC_MSI_CONTROL	2	/* offset of Message Control, sec 7.7.1.2 */
#define SPEC_MSI_ENABLE		BIT(0)
#define SPEC_MSIX_ENABLE	BIT(15)	/* Message Control, sec 7.7.2.2 */

/**
 * struct pci_irq_teardown - what was true when MSI or MSI-X got disabled
 * @count: number of writes that cleared an enable bit which was set
 * @msi_data: MSI device data was still there
 * @handler: the interrupt of vector 0 had a handler
 * @complete: the allocation had succeeded before, so this is no error path of it
 */
struct pci_irq_teardown {
	unsigned int count;
	bool msi_data;
	bool handler;
	bool complete;
};

/**
 * struct pci_irq_fixture - the device, its driver, and what they did
 * @test: the test that owns it
 * @fabric: the fabric
 * @fn: the function
 * @pdev: its device
 * @plain: probe calls pci_enable_device() instead of pcim_enable_device(), and
 *	leaves the pci_disable_device() to a devres action
 * @alloc: how probe allocates vectors, same form as pci_alloc_irq_vectors()
 * @min_vecs: for @alloc
 * @max_vecs: for @alloc
 * @flags: for @alloc
 * @request: probe requests all interrupts with devm_request_irq()
 * @then: called at the end of probe; probe returns what it returns
 * @remove: called at the start of remove
 * @rescue: when vectors go with their handlers installed, free the interrupts
 *	at the last moment; else they are leaked, and procfs warns
 * @nvecs: what @alloc returned
 * @added: number of devres entries that @alloc added
 * @managed: is_msi_managed after @alloc
 * @virq: Linux interrupts of the vectors
 * @hits: how often each handler ran
 * @on: MSI or MSI-X Enable, as the function was last told
 * @teardown: see there
 * @drv: the driver
 * @registered: @drv is registered
 * @probed: what probe returned
 */
struct pci_irq_fixture {
	struct kunit *test;
	struct pci_fabric *fabric;
	struct pci_fabric_fn *fn;
	struct pci_dev *pdev;

	bool plain;
	int (*alloc)(struct pci_dev *pdev, unsigned int min_vecs,
		     unsigned int max_vecs, unsigned int flags);
	unsigned int min_vecs;
	unsigned int max_vecs;
	unsigned int flags;
	bool request;
	int (*then)(struct pci_irq_fixture *fx);
	void (*remove)(struct pci_irq_fixture *fx);
	bool rescue;

	int nvecs;
	int added;
	bool managed;
	int virq[PCI_IRQ_FIXTURE_VECTORS];
	atomic_t hits[PCI_IRQ_FIXTURE_VECTORS];
	bool on;
	struct pci_irq_teardown teardown;

	struct pci_driver drv;
	bool registered;
	int probed;
};

/**
 * pci_irq_fixture_init() - build the fabric and scan it
 * @test: the test; its priv is set to the fixture
 *
 * To be the init function of a suite.  Ends the test when it fails.
 *
 * Return: 0.
 */
int pci_irq_fixture_init(struct kunit *test);

/**
 * pci_irq_fixture_bind() - register the driver, which binds it
 * @fx: the fixture
 *
 * Return: what probe returned, or a negative errno if it did not run.
 */
int pci_irq_fixture_bind(struct pci_irq_fixture *fx);

/**
 * pci_irq_fixture_unbind() - unregister the driver, which unbinds it
 * @fx: the fixture; nothing happens if the driver is not registered
 */
void pci_irq_fixture_unbind(struct pci_irq_fixture *fx);

/**
 * pci_irq_fixture_of() - the fixture of a device, for use in @alloc
 * @pdev: its device, with the driver bound or being bound
 *
 * Return: the fixture.
 */
struct pci_irq_fixture *pci_irq_fixture_of(struct pci_dev *pdev);

/**
 * pci_irq_fixture_request() - devm_request_irq() for all vectors
 * @fx: the fixture, with @nvecs set
 *
 * Return: 0 or a negative errno.
 */
int pci_irq_fixture_request(struct pci_irq_fixture *fx);

/**
 * pci_irq_fixture_raise() - the function raises each of its first vectors
 * @fx: the fixture
 * @nr: number of vectors
 *
 * With MSI-X if @fx->flags has PCI_IRQ_MSIX, else with MSI.
 *
 * Return: number of vectors that were delivered to their own handler, once.
 */
unsigned int pci_irq_fixture_raise(struct pci_irq_fixture *fx, unsigned int nr);

/**
 * pci_irq_fixture_resources() - number of devres entries of the device
 * @fx: the fixture
 *
 * The only way to count them from the outside.  The difference over a call is
 * what the call has added, whatever it is.
 *
 * Return: the number.
 */
unsigned int pci_irq_fixture_resources(struct pci_irq_fixture *fx);

/**
 * pci_irq_fixture_free_twice() - free the vectors, and expect nothing of the second time
 * @fx: the fixture; for use as @remove
 *
 * The second pci_free_irq_vectors() must not even write to the device.
 */
void pci_irq_fixture_free_twice(struct pci_irq_fixture *fx);

/**
 * pci_irq_fixture_watch_release() - expect that nobody else frees the vectors
 * @fx: the fixture; for use as @then
 *
 * Adds a devres action that expects all vectors to be there, and frees them.
 *
 * Return: 0 or a negative errno.
 */
int pci_irq_fixture_watch_release(struct pci_irq_fixture *fx);

/**
 * pci_irq_fixture_unmanaged() - what an unmanaged allocation adds to devres
 * @fx: the fixture, with no driver bound; min_vecs, max_vecs and flags are used
 *
 * The MSI core has devres entries of its own.  A managed allocation must add
 * one more than an unmanaged one on a device enabled with pci_enable_device().
 * Binds, lets pci_alloc_irq_vectors() run, frees and unbinds; @nvecs is what it
 * returned.
 *
 * Return: the number of entries.
 */
int pci_irq_fixture_unmanaged(struct pci_irq_fixture *fx);

/**
 * pci_irq_fixture_expect_idle() - expect that no vector and no trace of one is left
 * @fx: the fixture, with no driver bound
 */
void pci_irq_fixture_expect_idle(struct pci_irq_fixture *fx);

#endif /* _PCI_IRQ_FIXTURE_H */
