/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fixture of the suites about SR-IOV and locking: a driver for PFs and one for
 * VFs whose callbacks a test sets, real sysfs, and threads that are awaited.
 *
 *	iov = pci_iov_fixture_alloc(test);
 *	pf = pci_iov_add_pf(iov, NULL, 0, 4);
 *	pci_fabric_scan(iov->fabric);
 *	pdev = pci_fabric_pdev(pf);
 *	pci_iov_dev_write(iov, pdev, "sriov_numvfs", "2");
 *
 * Tests are built on trees with and without the patches, so the rescan lock is
 * looked at from outside, see pci_iov_lock_owned().
 */
#ifndef _PCI_IOV_FIXTURE_H
#define _PCI_IOV_FIXTURE_H

#include <kunit/pci.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/pci.h>

struct kunit;
struct lock_class_key;
struct pci_iov_thread;
struct vfsmount;

/* Device IDs that the two drivers bind to, with PCI_FABRIC_VENDOR */
#define PCI_IOV_PF_ID	0x0510
#define PCI_IOV_VF_ID	0x0511

/* For what ends by itself where the code under test is right */
#define PCI_IOV_TIMEOUT	(5 * HZ)

/**
 * enum pci_iov_call - driver callbacks that are counted
 * @PCI_IOV_PF_PROBE: the PF driver's probe
 * @PCI_IOV_PF_REMOVE: the PF driver's remove
 * @PCI_IOV_PF_CONFIGURE: the PF driver's sriov_configure
 * @PCI_IOV_VF_PROBE: the VF driver's probe
 * @PCI_IOV_VF_REMOVE: the VF driver's remove
 * @PCI_IOV_NR_CALLS: how many there are
 */
enum pci_iov_call {
	PCI_IOV_PF_PROBE,
	PCI_IOV_PF_REMOVE,
	PCI_IOV_PF_CONFIGURE,
	PCI_IOV_VF_PROBE,
	PCI_IOV_VF_REMOVE,
	PCI_IOV_NR_CALLS
};

/**
 * struct pci_iov_fixture - drivers, sysfs and a fabric
 * @test: the running test
 * @fabric: a fabric, not scanned yet
 * @priv: for the test
 * @pf_probe: after the PF was enabled; NULL: nothing
 * @pf_remove: NULL: pci_disable_sriov()
 * @pf_configure: NULL: pci_enable_sriov() or pci_disable_sriov()
 * @vf_probe: after the VF was enabled; NULL: nothing
 * @vf_remove: NULL: nothing
 * @calls: how often each callback was called
 * @owned: how often its task owned the rescan lock
 * @pf_driver: driver "kunit_pf", registered unless pci_iov_unregister_pf()
 * @vf_driver: driver "kunit_vf", registered
 */
struct pci_iov_fixture {
	struct kunit *test;
	struct pci_fabric *fabric;
	void *priv;

	int (*pf_probe)(struct pci_iov_fixture *iov, struct pci_dev *pf);
	void (*pf_remove)(struct pci_iov_fixture *iov, struct pci_dev *pf);
	int (*pf_configure)(struct pci_iov_fixture *iov, struct pci_dev *pf,
			    int nr);
	int (*vf_probe)(struct pci_iov_fixture *iov, struct pci_dev *vf);
	void (*vf_remove)(struct pci_iov_fixture *iov, struct pci_dev *vf);

	atomic_t calls[PCI_IOV_NR_CALLS];
	atomic_t owned[PCI_IOV_NR_CALLS];

	struct pci_driver pf_driver;
	struct pci_driver vf_driver;
	bool pf_registered;
	struct vfsmount *sysfs;
	struct list_head threads;
};

/**
 * pci_iov_fixture_alloc() - make the fixture
 * @test: the running test
 *
 * Registers both drivers and mounts sysfs.  Undone by KUnit actions, the drivers
 * before the fabric.  Ends the test when it fails.
 *
 * Return: the fixture, never NULL.
 */
struct pci_iov_fixture *pci_iov_fixture_alloc(struct kunit *test);

/**
 * pci_iov_add_pf() - add a PF that the PF driver binds to
 * @iov: the fixture
 * @parent: the bridge above, or NULL
 * @devfn: PCI_DEVFN()
 * @total_vfs: TotalVFs, with VF BAR 0 of 4 KiB each and IDs that the VF driver
 *	binds to
 *
 * Return: the function, never NULL.
 */
struct pci_fabric_fn *pci_iov_add_pf(struct pci_iov_fixture *iov,
				     struct pci_fabric_fn *parent,
				     unsigned int devfn, u16 total_vfs);

/**
 * pci_iov_add_port() - add a root or switch port
 * @iov: the fixture
 * @parent: the bridge above, or NULL for a root port
 * @devfn: PCI_DEVFN()
 * @type: PCI_EXP_TYPE_*
 *
 * Return: the function, never NULL.
 */
struct pci_fabric_fn *pci_iov_add_port(struct pci_iov_fixture *iov,
				       struct pci_fabric_fn *parent,
				       unsigned int devfn, u8 type);

/**
 * pci_iov_register_pf() - register the PF driver again
 * @iov: the fixture, after pci_iov_unregister_pf()
 *
 * Return: 0 or -errno.
 */
int pci_iov_register_pf(struct pci_iov_fixture *iov);

/**
 * pci_iov_unregister_pf() - unregister the PF driver, as rmmod does
 * @iov: the fixture
 */
void pci_iov_unregister_pf(struct pci_iov_fixture *iov);

/* sysfs.  May be used by threads.  The fixture is only for its mount. */

/**
 * pci_iov_write() - write to a file in sysfs, as a user does
 * @iov: the fixture
 * @path: relative to the root of sysfs
 * @val: what to write
 *
 * Return: 0, or -errno of open or write; -EIO when less was written.
 */
int pci_iov_write(struct pci_iov_fixture *iov, const char *path,
		  const char *val);

/**
 * pci_iov_read_long() - read a number from a file in sysfs
 * @iov: the fixture
 * @path: relative to the root of sysfs
 *
 * Return: the number, or -errno of open, read or of what is no number.
 */
long pci_iov_read_long(struct pci_iov_fixture *iov, const char *path);

/**
 * pci_iov_dev_write() - write to an attribute of a device
 * @iov: the fixture
 * @pdev: the device
 * @attr: the attribute's name
 * @val: what to write
 *
 * Return: as pci_iov_write().
 */
int pci_iov_dev_write(struct pci_iov_fixture *iov, struct pci_dev *pdev,
		      const char *attr, const char *val);

/**
 * pci_iov_exists() - is there such a file in sysfs?
 * @iov: the fixture
 * @pdev: a device, whose folder @path is relative to; NULL: the root of sysfs
 * @path: the path
 *
 * Return: true if it can be looked up, links followed.
 */
bool pci_iov_exists(struct pci_iov_fixture *iov, struct pci_dev *pdev,
		    const char *path);

/**
 * pci_iov_bind() - write to the bind attribute of the PF driver
 * @iov: the fixture
 * @pdev: the device
 *
 * Return: as pci_iov_write().
 */
int pci_iov_bind(struct pci_iov_fixture *iov, struct pci_dev *pdev);

/**
 * pci_iov_unbind() - write to the unbind attribute of the PF driver
 * @iov: the fixture
 * @pdev: the device
 *
 * Return: as pci_iov_write().
 */
int pci_iov_unbind(struct pci_iov_fixture *iov, struct pci_dev *pdev);

/**
 * pci_iov_platform_calls() - were the calls of the platform made with the lock?
 * @owned: how often the caller owned the rescan lock, out
 *
 * pcibios_sriov_enable() and pcibios_sriov_disable() are for platforms to replace,
 * and on User-Mode Linux the fixture does it.
 *
 * Return: how many calls there were, of all PFs since the boot; 0 elsewhere.
 */
int pci_iov_platform_calls(int *owned);

/* Threads */

/**
 * pci_iov_thread_start() - run a function in a thread of its own
 * @iov: the fixture
 * @fn: the function
 * @arg: its argument
 *
 * Ends the test when there is no thread.  A thread that was not joined is awaited
 * when the test ends, before the drivers go.
 *
 * Return: the thread, valid until the test ends.
 */
struct pci_iov_thread *pci_iov_thread_start(struct pci_iov_fixture *iov,
					    int (*fn)(void *arg), void *arg);

/**
 * pci_iov_thread_done() - wait for the end of a thread
 * @thread: the thread
 * @timeout: jiffies; 0 does not wait
 *
 * Return: true if the function has returned.
 */
bool pci_iov_thread_done(struct pci_iov_thread *thread, unsigned long timeout);

/**
 * pci_iov_thread_waits() - wait until a thread waits for a lock
 * @thread: the thread
 * @timeout: jiffies
 *
 * Return: true if it sleeps and cannot be interrupted.
 */
bool pci_iov_thread_waits(struct pci_iov_thread *thread, unsigned long timeout);

/**
 * pci_iov_thread_join() - wait for a thread that has to end
 * @thread: the thread
 *
 * Fails the test, and goes on, when it does not end within PCI_IOV_TIMEOUT.
 *
 * Return: what its function returned, or -ETIMEDOUT.
 */
int pci_iov_thread_join(struct pci_iov_thread *thread);

/**
 * pci_iov_wait() - wait for a condition
 * @cond: the condition, polled
 * @arg: its argument
 * @timeout: jiffies
 *
 * For what nobody signals: that a lock is taken, or a task waits for one.
 *
 * Return: true when the condition was true in time.
 */
bool pci_iov_wait(bool (*cond)(void *arg), void *arg, unsigned long timeout);

/* Locks */

/**
 * pci_iov_lock_owned() - does the current task own the rescan lock?
 *
 * Return: what the mutex itself says, with and without the patches.
 */
bool pci_iov_lock_owned(void);

/**
 * pci_iov_lock_free() - does nobody hold the rescan lock?
 * @unused: so that it can be the condition of pci_iov_wait()
 *
 * Return: true if it is free at this moment.
 */
bool pci_iov_lock_free(void *unused);

/**
 * pci_iov_set_lock_class() - let lockdep see a device lock
 * @pdev: the device
 * @key: a class of its own, static
 *
 * Device locks are not validated, so lockdep does not report a wrong order of one
 * and the rescan lock.  With a class it does, without a hang.  But device_del()
 * takes the device lock under the rescan lock, so the removal of the device is
 * reported as well, though it then has no driver that could do the reverse.
 */
void pci_iov_set_lock_class(struct pci_dev *pdev, struct lock_class_key *key);

/* pci_iov_set_lock_class_locked() - for who holds that lock; one name for a key */
void pci_iov_set_lock_class_locked(struct pci_dev *pdev, struct lock_class_key *key);

#endif /* _PCI_IOV_FIXTURE_H */
