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

static int tph_ioctl_judge(const void *mem, size_t there, bool absent,
			   enum tph_op *op)
{
	const struct vfio_pci_tph_op *head = mem;

	if (absent)
		return -ENOTTY;
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

#ifdef VFIO_DEVICE_FEATURE_PCI_TPH_CAP
/* VFIO_DEVICE_FEATURE, a feature and a direction for each operation */

#define TPH_FEATURE_DIR	(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET)

static const u32 tph_feature_ops[] = {
	[TPH_OP_GET_CAP] = VFIO_DEVICE_FEATURE_PCI_TPH_CAP | VFIO_DEVICE_FEATURE_GET,
	[TPH_OP_ENABLE] = VFIO_DEVICE_FEATURE_PCI_TPH_ENABLE | VFIO_DEVICE_FEATURE_SET,
	[TPH_OP_DISABLE] = VFIO_DEVICE_FEATURE_PCI_TPH_DISABLE | VFIO_DEVICE_FEATURE_SET,
	[TPH_OP_GET_ST] = VFIO_DEVICE_FEATURE_PCI_TPH_ST | VFIO_DEVICE_FEATURE_GET,
	[TPH_OP_SET_ST] = VFIO_DEVICE_FEATURE_PCI_TPH_ST | VFIO_DEVICE_FEATURE_SET,
};

static void tph_feature_put(void *mem, enum tph_op op, u32 argsz)
{
	struct vfio_device_feature *head = mem;

	head->argsz = argsz;
	head->flags = tph_feature_ops[op];
}

static long tph_feature_call(struct vfio_pci_user *user, void __user *arg)
{
	return vfio_pci_ioctl(user, VFIO_DEVICE_FEATURE, arg);
}

/* A PROBE has no operation either */
static bool tph_feature_foreign(const void *mem, size_t there)
{
	const struct vfio_device_feature *head = mem;
	u32 feature;

	if (there < sizeof(*head))
		return false;
	feature = head->flags & VFIO_DEVICE_FEATURE_MASK;
	return feature < VFIO_DEVICE_FEATURE_PCI_TPH_CAP ||
	       feature > VFIO_DEVICE_FEATURE_PCI_TPH_ST ||
	       head->flags & VFIO_DEVICE_FEATURE_PROBE;
}

static int tph_feature_judge(const void *mem, size_t there, bool absent,
			     enum tph_op *op)
{
	const struct vfio_device_feature *head = mem;

	if (there < sizeof(*head))
		return -EFAULT;
	if (head->argsz < sizeof(*head))
		return -EINVAL;
	if (head->flags & ~(VFIO_DEVICE_FEATURE_MASK | TPH_FEATURE_DIR))
		return -EINVAL;
	if ((head->flags & TPH_FEATURE_DIR) == TPH_FEATURE_DIR)
		return -EINVAL;
	if (absent)
		return -ENOTTY;
	for (*op = 0; *op < TPH_OPS; (*op)++)
		if (tph_feature_ops[*op] == head->flags)
			return 0;
	return -EINVAL;
}

/* No direction, both, each bit that is none, features that there are not */
static int tph_feature_spoil(void *mem, unsigned int nr)
{
	static const u32 none[] = { 18, 19, 31, 32, 255, 256, 0x7fff, 0x8000, 0xffff };
	struct vfio_device_feature *head = mem;

	if (nr == 0) {
		head->flags &= ~TPH_FEATURE_DIR;
	} else if (nr == 1) {
		head->flags |= TPH_FEATURE_DIR;
	} else if (nr < 15) {
		head->flags |= BIT(nr - 2 + 19);
	} else if (nr < 15 + ARRAY_SIZE(none)) {
		head->flags = (head->flags & TPH_FEATURE_DIR) | none[nr - 15];
		return -ENOTTY;
	} else {
		return 0;
	}
	return -EINVAL;
}

static void tph_feature_numbers(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, VFIO_DEVICE_FEATURE_PCI_TPH_CAP, 14);
	KUNIT_EXPECT_EQ(test, VFIO_DEVICE_FEATURE_PCI_TPH_ENABLE, 15);
	KUNIT_EXPECT_EQ(test, VFIO_DEVICE_FEATURE_PCI_TPH_DISABLE, 16);
	KUNIT_EXPECT_EQ(test, VFIO_DEVICE_FEATURE_PCI_TPH_ST, 17);
}

static const struct tph_shell tph_feature = {
	.name = "feature",
	.head = sizeof(struct vfio_device_feature),
	.put = tph_feature_put,
	.call = tph_feature_call,
	.judge = tph_feature_judge,
	.foreign = tph_feature_foreign,
	.spoil = tph_feature_spoil,
	.numbers = tph_feature_numbers,
};
#endif

const struct tph_shell *const tph_shells[] = {
	&tph_ioctl,
#ifdef VFIO_DEVICE_FEATURE_PCI_TPH_CAP
	&tph_feature,
#endif
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
