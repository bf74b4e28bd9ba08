// SPDX-License-Identifier: GPL-2.0
/*
 * The ways from user space to TPH, see vfio_pci_tph_shell.h.
 */
#include <kunit/test.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/string.h>
#include <linux/vfio.h>

#include "vfio_pci_fixture.h"
#include "vfio_pci_tph_shell.h"

/* VFIO_DEVICE_PCI_TPH, one ioctl with an operation in its header */

static const u32 tph_ioctl_ops[] = {
	[TPH_OP_GET_CAP] = VFIO_PCI_TPH_OP_GET_CAP,
	[TPH_OP_ENABLE] = VFIO_PCI_TPH_OP_ENABLE,
	[TPH_OP_DISABLE] = VFIO_PCI_TPH_OP_DISABLE,
	[TPH_OP_GET_ST] = VFIO_PCI_TPH_OP_GET_ST,
	[TPH_OP_SET_ST] = VFIO_PCI_TPH_OP_SET_ST,
};

static void tph_ioctl_put(void *mem, enum tph_op op, u32 argsz)
{
	struct vfio_pci_tph_op *head = mem;

	*head = (struct vfio_pci_tph_op){
		.argsz = argsz,
		.op = tph_ioctl_ops[op],
	};
}

static long tph_ioctl_call(struct vfio_pci_user *user, void __user *arg)
{
	return vfio_pci_ioctl(user, VFIO_DEVICE_PCI_TPH, arg);
}

static int tph_ioctl_judge(const void *mem, size_t there, enum tph_op *op)
{
	const struct vfio_pci_tph_op *head = mem;

	if (there < sizeof(*head))
		return -EFAULT;
	if (head->argsz < sizeof(*head) || head->flags || head->reserved)
		return -EINVAL;
	for (*op = 0; *op < TPH_OPS; (*op)++)
		if (tph_ioctl_ops[*op] == head->op)
			return 0;
	return -EINVAL;
}

/* Each bit of flags and reserved, each bit more of an operation, and other numbers */
static int tph_ioctl_spoil(void *mem, unsigned int nr)
{
	static const u32 ops[] = { 5, 6, 7, 8, 15, 16, 32, 255, 256, 0x10000,
				   0x7fffffff, 0x80000000, 0x80000004, ~0U };
	struct vfio_pci_tph_op *head = mem;

	if (nr < 32)
		head->flags = BIT(nr);
	else if (nr < 64)
		head->reserved = BIT(nr - 32);
	else if (nr < 93)
		head->op |= BIT(nr - 64 + 3);
	else if (nr < 93 + ARRAY_SIZE(ops))
		head->op = ops[nr - 93];
	else
		return 0;
	return -EINVAL;
}

static void tph_ioctl_numbers(struct kunit *test)
{
	/* _IO(';', 100 + 22) */
	KUNIT_EXPECT_EQ(test, VFIO_DEVICE_PCI_TPH, 0x3b7a);

	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_OP_GET_CAP, 0);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_OP_ENABLE, 1);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_OP_DISABLE, 2);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_OP_GET_ST, 3);
	KUNIT_EXPECT_EQ(test, VFIO_PCI_TPH_OP_SET_ST, 4);

	KUNIT_EXPECT_EQ(test, sizeof(struct vfio_pci_tph_op), 16);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_op, argsz), 0);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_op, flags), 4);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_op, op), 8);
	KUNIT_EXPECT_EQ(test, offsetof(struct vfio_pci_tph_op, reserved), 12);
}

static const struct tph_shell tph_ioctl = {
	.name = "ioctl",
	.head = sizeof(struct vfio_pci_tph_op),
	.put = tph_ioctl_put,
	.call = tph_ioctl_call,
	.judge = tph_ioctl_judge,
	.spoil = tph_ioctl_spoil,
	.numbers = tph_ioctl_numbers,
};

#ifdef CONFIG_COMPAT
/*
 * The same as a 32-bit program calls it: another file operation, and a pointer of 32
 * bits.  User-Mode Linux has no CONFIG_COMPAT, and no such file operation then.
 */
static long tph_compat_call(struct vfio_pci_user *user, void __user *arg)
{
	CLASS(fd, f)(user->fd);

	if (fd_empty(f))
		return -EBADF;
	if (!fd_file(f)->f_op->compat_ioctl)
		return -ENOIOCTLCMD;
	return fd_file(f)->f_op->compat_ioctl(fd_file(f), VFIO_DEVICE_PCI_TPH,
					      (unsigned long)arg);
}

static const struct tph_shell tph_compat = {
	.name = "compat",
	.head = sizeof(struct vfio_pci_tph_op),
	.put = tph_ioctl_put,
	.call = tph_compat_call,
	.judge = tph_ioctl_judge,
	.spoil = tph_ioctl_spoil,
	.numbers = tph_ioctl_numbers,
};
#endif

const struct tph_shell *const tph_shells[] = {
	&tph_ioctl,
#ifdef CONFIG_COMPAT
	&tph_compat,
#endif
	NULL,
};

/*
 * Parameters: all of the first shell, then all of the second.  KUnit runs one case at
 * a time, and has counted @test->param_index up for those that were.
 */
static struct tph_param tph_param;

const void *tph_next_param(struct kunit *test, const void *prev, char *desc,
			   const void *array, size_t size, unsigned int count)
{
	const struct tph_shell *shell = tph_shells[test->param_index / count];
	const char *const *name = array + test->param_index % count * size;

	if (!shell)
		return NULL;
	/* Names stay as they are when another shell comes to the first one */
	if (shell == tph_shells[0])
		strscpy(desc, *name, KUNIT_PARAM_DESC_SIZE);
	else
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s_%s", *name, shell->name);
	tph_param = (struct tph_param){ .shell = shell, .own = name };
	return &tph_param;
}

const void *tph_shells_gen_params(struct kunit *test, const void *prev,
				  char *desc)
{
	const struct tph_shell *shell = tph_shells[test->param_index];

	if (!shell)
		return NULL;
	strscpy(desc, shell->name, KUNIT_PARAM_DESC_SIZE);
	tph_param = (struct tph_param){ .shell = shell };
	return &tph_param;
}
