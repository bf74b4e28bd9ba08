/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How user space gets at what TPH does for a device.  The operations and their
 * payloads are one thing, the system call and the header that it wants before a
 * payload are another: a shell.  Every case of the suites vfio_pci_tph* that asks
 * something of a device is run over each of tph_shells[], and knows none of them.
 *
 * A shell more is a struct tph_shell in vfio_pci_tph_shell.c, and its line there.
 */
#ifndef _VFIO_PCI_TPH_SHELL_H
#define _VFIO_PCI_TPH_SHELL_H

#include <kunit/test.h>
#include <linux/types.h>

struct vfio_pci_user;

/* The operations, whatever number they have in a shell */
enum tph_op {
	TPH_OP_GET_CAP,
	TPH_OP_ENABLE,
	TPH_OP_DISABLE,
	TPH_OP_GET_ST,
	TPH_OP_SET_ST,
};

#define TPH_OPS		(TPH_OP_SET_ST + 1)
#define TPH_HEAD_MAX	16

/**
 * struct tph_shell - a way from user space to the operations
 * @name: of the shell, behind the names of parameters
 * @head: bytes of the header, which the payload follows; TPH_HEAD_MAX at most.  The
 *	first 32 bits of it are argsz, the bytes of header and payload.
 * @put: write the header of @op at @mem
 * @call: the system call, the argument being at @arg in user memory
 * @judge: what the interface says of a header of which @there bytes can be read, for a
 *	device that has TPH or not (@absent): -errno, or 0 with the operation in @op
 * @foreign: is it a header of something else than TPH, with the same system call?  NULL
 *	if there is nothing else
 * @spoil: make a header that is valid but for @nr into the @nr-th, from 0, of those
 *	that are refused; returns the errno, or 0 if there are no more
 * @numbers: expect the numbers that user space has compiled in
 */
struct tph_shell {
	const char *name;
	size_t head;
	void (*put)(void *mem, enum tph_op op, u32 argsz);
	long (*call)(struct vfio_pci_user *user, void __user *arg);
	int (*judge)(const void *mem, size_t there, bool absent, enum tph_op *op);
	bool (*foreign)(const void *mem, size_t there);
	int (*spoil)(void *mem, unsigned int nr);
	void (*numbers)(struct kunit *test);
};

/* Ends with NULL */
extern const struct tph_shell *const tph_shells[];

/**
 * struct tph_param - the parameter of a case
 * @shell: the shell
 * @own: what the case has as its own parameter, or NULL
 */
struct tph_param {
	const struct tph_shell *shell;
	const void *own;
};

/* tph_shell() - the shell that a case is to use: the first if it has no parameter */
static inline const struct tph_shell *tph_shell(struct kunit *test)
{
	const struct tph_param *param = test->param_value;

	return param ? param->shell : tph_shells[0];
}

/* tph_own() - the case's own parameter */
static inline const void *tph_own(struct kunit *test)
{
	const struct tph_param *param = test->param_value;

	return param->own;
}

/* tph_next_param() - for generators: @count elements of @size, which begin with a name */
const void *tph_next_param(struct kunit *test, const void *prev, char *desc,
			   const void *array, size_t size, unsigned int count);

/* Like KUNIT_ARRAY_PARAM(), of an array whose elements begin with a name */
#define TPH_ARRAY_PARAM(_name, _array)						\
	static const void *_name##_gen_params(struct kunit *test,		\
					      const void *prev, char *desc)	\
	{									\
		BUILD_BUG_ON(offsetof(typeof((_array)[0]), name));		\
		return tph_next_param(test, prev, desc, _array,			\
				      sizeof((_array)[0]), ARRAY_SIZE(_array));	\
	}

/* tph_shells_gen_params() - of a case that has no parameter of its own */
const void *tph_shells_gen_params(struct kunit *test, const void *prev,
				  char *desc);

#define TPH_CASE(_case)		KUNIT_CASE_PARAM(_case, tph_shells_gen_params)

#endif /* _VFIO_PCI_TPH_SHELL_H */
