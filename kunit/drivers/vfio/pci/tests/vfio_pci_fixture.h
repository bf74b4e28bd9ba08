/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fixture of the suites about vfio-pci: functions of an emulated fabric that
 * vfio-pci is bound to through sysfs, and users that open them through /dev and
 * work with system calls and user memory.
 *
 *	fix = vfio_pci_fixture_alloc(test, VFIO_PCI_CDEV);
 *	fn = pci_fabric_add(fix->fabric, port, &desc);
 *	pci_fabric_scan(fix->fabric);
 *	pdev = vfio_pci_bind(fix, fn);
 *	user = vfio_pci_open(fix, pdev);
 *	ret = vfio_pci_ioctl(user, VFIO_DEVICE_RESET, NULL);
 *	vfio_pci_close(user);
 *
 * What a test leaves open is closed when it ends, before the fabric goes.
 */
#ifndef _VFIO_PCI_FIXTURE_H
#define _VFIO_PCI_FIXTURE_H

#include <kunit/pci.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "vfio_pci_syscall.h"

struct kunit;
struct mm_struct;
struct vfsmount;

/* For what ends by itself where the code under test is right */
#define VFIO_PCI_TIMEOUT	(20 * HZ)

/**
 * enum vfio_pci_door - how user space gets at the device
 * @VFIO_PCI_GROUP: container and group, without an IOMMU
 * @VFIO_PCI_CDEV: character device of the device and IOMMUFD, with an IOMMU of the
 *	fixture's own
 */
enum vfio_pci_door {
	VFIO_PCI_GROUP,
	VFIO_PCI_CDEV,
};

/**
 * struct vfio_pci_fixture - a fabric, sysfs, /dev and user memory
 * @test: the running test
 * @door: how users open devices
 * @fabric: a fabric, not scanned yet
 * @one_iommufd: users share the IOMMUFD context of the one who came first, who
 *	is to be the last to go
 */
struct vfio_pci_fixture {
	struct kunit *test;
	enum vfio_pci_door door;
	struct pci_fabric *fabric;
	bool one_iommufd;

	/* private: */
	struct vfsmount *sysfs;
	struct vfsmount *dev;
	int dev_fd;
	struct list_head users;
	struct list_head threads;
	unsigned long mem;
};

/**
 * struct vfio_pci_user - who has a device open
 * @fix: the fixture
 * @pdev: the device
 * @fd: file descriptor of the device
 * @group: file descriptor of the group, or -1
 * @container: file descriptor of the container, or -1
 * @iommufd: file descriptor of the IOMMUFD context, or -1
 * @ioas: its I/O address space
 */
struct vfio_pci_user {
	struct vfio_pci_fixture *fix;
	struct pci_dev *pdev;
	int fd;
	int group;
	int container;
	int iommufd;
	u32 ioas;

	/* private: */
	struct list_head list;
};

/**
 * vfio_pci_fixture_alloc() - make the fixture
 * @test: the running test
 * @door: how users open devices
 *
 * Mounts sysfs and devtmpfs, gives the test user memory, allows vfio without an
 * IOMMU or registers one.  Undone by KUnit actions.  Ends the test when it fails.
 *
 * Return: the fixture, never NULL.
 */
struct vfio_pci_fixture *vfio_pci_fixture_alloc(struct kunit *test,
						enum vfio_pci_door door);

/**
 * vfio_pci_bind() - bind vfio-pci to a function, as an administrator does
 * @fix: the fixture, its fabric scanned
 * @fn: the function
 *
 * driver_override and drivers_probe.  Ends the test when it fails.
 *
 * Return: the device, never NULL.
 */
struct pci_dev *vfio_pci_bind(struct vfio_pci_fixture *fix,
			      struct pci_fabric_fn *fn);

/**
 * vfio_pci_bind_to() - bind a variant driver of vfio-pci to a function
 * @fix: the fixture, its fabric scanned
 * @fn: the function, of whatever vendor: driver_override decides
 * @driver: name of the driver
 *
 * Ends the test when it fails.
 *
 * Return: the device, never NULL.
 */
struct pci_dev *vfio_pci_bind_to(struct vfio_pci_fixture *fix,
				 struct pci_fabric_fn *fn, const char *driver);

/**
 * vfio_pci_open() - open a device
 * @fix: the fixture
 * @pdev: the device, bound
 *
 * Ends the test when it fails.
 *
 * Return: the user, valid until the test ends.
 */
struct vfio_pci_user *vfio_pci_open(struct vfio_pci_fixture *fix,
				    struct pci_dev *pdev);

/**
 * vfio_pci_open_again() - one more device file of the same group
 * @user: a user who came through the group
 *
 * Return: the file descriptor, which the caller closes, or -errno.
 */
int vfio_pci_open_again(struct vfio_pci_user *user);

/**
 * vfio_pci_close() - close all that a user has open
 * @user: the user; closing twice does nothing
 *
 * When it returns, the device is closed.
 */
void vfio_pci_close(struct vfio_pci_user *user);

/**
 * vfio_pci_close_all() - wait for all threads, close all users
 * @fix: the fixture
 *
 * For KUnit actions that need it; users and threads are freed.
 */
void vfio_pci_close_all(struct vfio_pci_fixture *fix);

/**
 * vfio_pci_ioctl() - ioctl(2) on the device
 * @user: the user
 * @cmd: the command
 * @arg: the argument
 *
 * Return: what the system call returns.
 */
long vfio_pci_ioctl(struct vfio_pci_user *user, unsigned int cmd,
		    void __user *arg);

/**
 * vfio_pci_call() - ioctl(2) on any file, with a copy of a structure
 * @fix: the fixture
 * @fd: file descriptor
 * @cmd: the command
 * @arg: copied to the end of the user memory, and back
 * @size: bytes
 *
 * What follows @arg is not mapped.
 *
 * Return: what the system call returns, -EFAULT when @arg cannot be copied.
 */
long vfio_pci_call(struct vfio_pci_fixture *fix, int fd, unsigned int cmd,
		   void *arg, size_t size);

/**
 * vfio_pci_cfg_read() - read configuration space through the device file
 * @user: the user
 * @where: offset
 * @size: 1, 2 or 4
 *
 * Return: the value, or all-ones when it cannot be read.
 */
u32 vfio_pci_cfg_read(struct vfio_pci_user *user, unsigned int where,
		      unsigned int size);

/**
 * vfio_pci_cfg_write() - write configuration space through the device file
 * @user: the user
 * @where: offset
 * @size: 1, 2 or 4
 * @val: the value
 *
 * Return: 0 or -errno, -EIO when less was written.
 */
int vfio_pci_cfg_write(struct vfio_pci_user *user, unsigned int where,
		       unsigned int size, u32 val);

/**
 * vfio_pci_set_msix() - let MSI-X vectors signal one eventfd
 * @user: the user
 * @count: vectors from 0; 0 to disable MSI-X
 * @eventfd: file descriptor
 *
 * Return: what the system call returns.
 */
long vfio_pci_set_msix(struct vfio_pci_user *user, unsigned int count,
		       int eventfd);

/* sysfs.  Paths are relative to its root. */

/**
 * vfio_pci_sysfs_write() - write to a file in sysfs, as a user does
 * @fix: the fixture
 * @path: the path
 * @val: what to write
 *
 * Return: 0, or -errno of open or write.
 */
int vfio_pci_sysfs_write(struct vfio_pci_fixture *fix, const char *path,
			 const char *val);

/**
 * vfio_pci_sysfs_bool() - read a boolean module parameter
 * @fix: the fixture
 * @path: the path
 *
 * Return: 0 or 1, or -errno of open or read.
 */
int vfio_pci_sysfs_bool(struct vfio_pci_fixture *fix, const char *path);

/**
 * vfio_pci_sysfs_mode() - permissions of a file in sysfs
 * @fix: the fixture
 * @path: the path
 *
 * Return: the bits, or -errno of open.
 */
int vfio_pci_sysfs_mode(struct vfio_pci_fixture *fix, const char *path);

/*
 * User memory: VFIO_PCI_MEM_SIZE bytes that are read-write, with a page on each
 * side that is not mapped.
 */
#define VFIO_PCI_MEM_SIZE	SZ_128K

/**
 * vfio_pci_mem() - an address in user memory
 * @fix: the fixture
 * @off: offset
 *
 * Return: the address.
 */
static inline void __user *vfio_pci_mem(struct vfio_pci_fixture *fix, long off)
{
	return (void __user *)(fix->mem + off);
}

/**
 * vfio_pci_mem_tail() - where a buffer ends at the page that is not mapped
 * @fix: the fixture
 * @size: of the buffer
 *
 * Return: its address.
 */
static inline void __user *vfio_pci_mem_tail(struct vfio_pci_fixture *fix,
					     size_t size)
{
	return vfio_pci_mem(fix, VFIO_PCI_MEM_SIZE - size);
}

/**
 * vfio_pci_mem_protect() - mprotect(2)
 * @fix: the fixture
 * @addr: in user memory; the page that it is in, and all after it
 * @prot: PROT_*
 *
 * Ends the test when it fails.
 */
void vfio_pci_mem_protect(struct vfio_pci_fixture *fix, void __user *addr,
			  unsigned long prot);

/* Threads, with the user memory of the test */

struct vfio_pci_thread;

/**
 * vfio_pci_thread_start() - run a function in a thread of its own
 * @fix: the fixture
 * @fn: the function
 * @arg: its argument
 *
 * Ends the test when there is no thread.
 *
 * Return: the thread, valid until the test ends.
 */
struct vfio_pci_thread *vfio_pci_thread_start(struct vfio_pci_fixture *fix,
					      int (*fn)(void *arg), void *arg);

/**
 * vfio_pci_thread_join() - wait for a thread that has to end
 * @thread: the thread
 *
 * Fails the test, and goes on, when it does not end within VFIO_PCI_TIMEOUT.
 *
 * Return: what its function returned, or -ETIMEDOUT.
 */
int vfio_pci_thread_join(struct vfio_pci_thread *thread);

/**
 * vfio_pci_thread_join_within() - wait for a thread that has much to do
 * @thread: the thread
 * @timeout: in jiffies
 *
 * Return: as vfio_pci_thread_join().
 */
int vfio_pci_thread_join_within(struct vfio_pci_thread *thread, long timeout);

/* vfio_pci_fixture_iommu.c: an IOMMU for the functions of the fabric */
int vfio_pci_iommu_register(void);
void vfio_pci_iommu_unregister(void);

#endif /* _VFIO_PCI_FIXTURE_H */
