/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sweeps: the n-th slab allocation of an operation fails, for n = 1, 2, ... until
 * there is none left that could.
 *
 *	struct pci_failslab sweep;
 *
 *	pci_failslab_init(&sweep, test, 1);
 *	while (pci_failslab_next(&sweep)) {
 *		pci_failslab_arm(&sweep);
 *		ret = operation();
 *		failed = pci_failslab_disarm(&sweep);
 *
 *		(what must be so, whether it failed or not)
 *	}
 *	pci_failslab_end(&sweep, 10);
 *
 * Only allocations of the thread that arms it fail (current->fail_nth).
 */
#ifndef _PCI_FAILSLAB_H
#define _PCI_FAILSLAB_H

#include <kunit/test.h>

/**
 * struct pci_failslab - a sweep
 * @test: the running test
 * @step: how many allocations it goes on each time
 * @n: which allocation fails now, from 1
 * @left: how many more allocations there are to be made before it
 * @failed: how many have failed
 */
struct pci_failslab {
	struct kunit *test;
	unsigned int step;
	unsigned int n;
	unsigned int left;
	unsigned int failed;
};

/**
 * pci_failslab_init() - begin a sweep
 * @sweep: the sweep
 * @test: the running test
 * @step: how many allocations to go on each time, 1 or more
 *
 * Skips the test without CONFIG_FAILSLAB or CONFIG_FAULT_INJECTION_DEBUG_FS.
 *
 * Context: The thread of the test. May sleep.
 */
void pci_failslab_init(struct pci_failslab *sweep, struct kunit *test,
		       unsigned int step);

/**
 * pci_failslab_next() - go on to the next allocation
 * @sweep: the sweep
 *
 * A sweep that does not end fails the test.
 *
 * Return: false if the last round did not reach the allocation that was to fail, so
 * that there are no more, or if the test has failed, which it says.
 */
bool pci_failslab_next(struct pci_failslab *sweep);

/**
 * pci_failslab_at() - choose the allocation, instead of pci_failslab_next()
 * @sweep: the sweep
 * @n: which one fails, from 1
 */
void pci_failslab_at(struct pci_failslab *sweep, unsigned int n);

/**
 * pci_failslab_arm() - let the allocation fail from here on
 * @sweep: the sweep
 *
 * After pci_failslab_disarm() it goes on where that has stopped: what is between them
 * is spared.
 */
void pci_failslab_arm(struct pci_failslab *sweep);

/**
 * pci_failslab_disarm() - no failures any more
 * @sweep: the sweep
 *
 * Return: whether the allocation was reached, and failed.
 */
bool pci_failslab_disarm(struct pci_failslab *sweep);

/**
 * pci_failslab_end() - say how many allocations there were
 * @sweep: the sweep
 * @least: how many there must be: with fewer, the operation did not do its work
 */
void pci_failslab_end(struct pci_failslab *sweep, unsigned int least);

/**
 * pci_failslab_pause() - spare what comes next, in code that does not know the sweep
 *
 * Return: what pci_failslab_resume() takes.
 */
unsigned int pci_failslab_pause(void);

/**
 * pci_failslab_resume() - go on
 * @left: what pci_failslab_pause() gave
 */
void pci_failslab_resume(unsigned int left);

#endif /* _PCI_FAILSLAB_H */
