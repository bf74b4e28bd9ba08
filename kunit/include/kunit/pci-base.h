/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is other in the kernels that the suites are for, in one form for all of them.
 *
 * Which form a kernel has is said by Kconfig symbols, which are documented in
 * drivers/pci/tests/fabric/Kconfig.
 */
#ifndef _KUNIT_PCI_BASE_H
#define _KUNIT_PCI_BASE_H

#include <linux/errno.h>
#include <linux/fs_struct.h>
#include <linux/kconfig.h>
#include <linux/minmax.h>
#include <linux/pci-epc.h>

/**
 * pci_kunit_paths() - let the calling kernel thread find files as init does
 *
 * The root of kernel threads is empty where there is scoped_with_init_fs().  A test and its
 * cleanup are threads of their own, which end soon: nothing is undone, and calling it more
 * than once does nothing.
 */
static inline void pci_kunit_paths(void)
{
#ifdef scoped_with_init_fs
	__override_init_fs();
#endif
}

/*
 * Auxiliary resources of endpoint controllers, where CONFIG_PCI_KUNIT_EPC_AUX says that
 * there are any:
 *
 * PCI_EPC_COUNT_AUX_OP - the operation of struct pci_epc_ops that counts them
 *
 * PCI_EPC_COUNT_AUX(op, func) - define @op, for that operation
 * @func: int (*)(struct pci_epc *epc, u8 func_no, u8 vfunc_no, int *count), which
 *	returns 0 or an errno
 *
 * PCI_EPC_AUX_STRICT - true where what a controller says is checked: a number below 0,
 *	registers that cannot be doorbells, elements that it has not filled in.  Where it
 *	is trusted it is false, and errors of the queries are those of
 *	pci_epf_alloc_doorbell(), which otherwise fails with -ENODEV without a register.
 */
#define PCI_EPC_AUX_STRICT	(!IS_ENABLED(CONFIG_PCI_KUNIT_EPC_GET_AUX_COUNT))

#ifdef CONFIG_PCI_KUNIT_EPC_GET_AUX_COUNT
#define PCI_EPC_COUNT_AUX_OP	get_aux_resources_count

#define PCI_EPC_COUNT_AUX(op, func)						\
static int op(struct pci_epc *epc, u8 func_no, u8 vfunc_no)			\
{										\
	int count = 0, ret = func(epc, func_no, vfunc_no, &count);		\
										\
	return ret ?: count;							\
}

/**
 * pci_epc_count_aux_resources() - ask a controller how many auxiliary resources it has
 * @epc: EPC device
 * @func_no: function number
 * @vfunc_no: virtual function number
 * @count: where to store the number; 0 after an error
 *
 * Return: 0, or a negative errno; -EINVAL without @count.
 */
static inline int pci_epc_count_aux_resources(struct pci_epc *epc, u8 func_no, u8 vfunc_no,
					      int *count)
{
	int ret;

	if (!count)
		return -EINVAL;
	ret = pci_epc_get_aux_resources_count(epc, func_no, vfunc_no);
	*count = max(ret, 0);
	return min(ret, 0);
}
#else
#define PCI_EPC_COUNT_AUX_OP	count_aux_resources

#define PCI_EPC_COUNT_AUX(op, func)						\
static int op(struct pci_epc *epc, u8 func_no, u8 vfunc_no, int *count)		\
{										\
	return func(epc, func_no, vfunc_no, count);				\
}
#endif

#endif /* _KUNIT_PCI_BASE_H */
