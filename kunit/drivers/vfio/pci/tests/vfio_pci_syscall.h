/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System calls as a process makes them, from a KUnit thread with user memory.
 *
 * User-Mode Linux has the functions by name.  x86_64 has wrappers that take
 * registers, behind the function that its entry code calls.
 */
#ifndef _VFIO_PCI_SYSCALL_H
#define _VFIO_PCI_SYSCALL_H

#include <linux/syscalls.h>
#include <linux/types.h>

#ifdef CONFIG_UML

#define vfio_pci_sys(name, ...)		sys_##name(__VA_ARGS__)

#else /* x86_64 */

#include <asm/syscall.h>
#include <asm/unistd.h>

static inline long vfio_pci_sys_regs(unsigned int nr, unsigned long a,
				     unsigned long b, unsigned long c,
				     unsigned long d)
{
	struct pt_regs regs = {
		.di = a, .si = b, .dx = c, .r10 = d, .orig_ax = nr,
	};

	return x64_sys_call(&regs, nr);
}

#define __vfio_pci_sys(nr, a, b, c, d, ...)				\
	vfio_pci_sys_regs(nr, (unsigned long)(a), (unsigned long)(b),	\
			  (unsigned long)(c), (unsigned long)(d))
#define vfio_pci_sys(name, ...)						\
	__vfio_pci_sys(__NR_##name, __VA_ARGS__, 0, 0, 0, 0)

#endif /* CONFIG_UML */

#endif /* _VFIO_PCI_SYSCALL_H */
