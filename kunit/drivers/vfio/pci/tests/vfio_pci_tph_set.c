// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites about TPH through vfio-pci share, see vfio_pci_tph_set.h.
 */
#include <kunit/pci-hw.h>
#include <kunit/pci-tph.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/eventfd.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/pci-tph.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_tph_set.h"

#define TPH_FN_ID	0x0710
#define TPH_VF_ID	0x0711
#define TPH_PORT_ID	0x0712

#define TPH_GATE	"vfio_pci.enable_unsafe_tph_ds_mode"

/* Whose tags they are: tests do not run at the same time, and have one each */
static struct tph_set *tph_asked;

/* In place of pcie_tph_get_cpu_st(), for threads of the test */
static int tph_get_cpu_st(struct pci_dev *pdev, enum tph_mem_type mem_type,
			  unsigned int cpu, u16 *tag)
{
	struct tph_set *set = tph_asked;

	atomic_inc(&set->resolved);
	WRITE_ONCE(set->asked, cpu);
	if (set->on_resolve)
		set->on_resolve(set);
	if (mem_type == TPH_MEM_TYPE_PM && set->fail_persistent)
		return set->fail_persistent;
	*tag = set->tag_high << 8 | tph_tag(cpu, mem_type == TPH_MEM_TYPE_PM);
	return 0;
}

unsigned int tph_writes(struct tph_set *set)
{
	struct pci_fabric_tph_stats stats = pci_fabric_tph_stats(set->fn);

	return stats.cap_writes + stats.st_writes;
}

unsigned int tph_cpu(void)
{
	return cpumask_first_and(current->cpus_ptr, cpu_online_mask);
}

/*
 * The parameter of vfio-pci, as if it had been given on the command line.  For
 * everybody else it is read-only.
 */
static bool *tph_gate_param(struct kunit *test)
{
	const struct kernel_param *param;

	for (param = __start___param; param < __stop___param; param++)
		if (!strcmp(param->name, TPH_GATE))
			return param->arg;
	kunit_skip(test, "vfio-pci has no parameter %s", TPH_GATE);
}

void tph_set_gate(struct tph_set *set, bool on)
{
	struct vfio_pci_core_device *vdev = pci_get_drvdata(set->pdev);

	vdev->tph_unsafe_allowed = on;
}

static void tph_gate_back(void *data)
{
	struct tph_set *set = data;

	*set->gate = set->gate_was;
}

static void tph_close_eventfd(void *data)
{
	struct tph_set *set = data;

	if (set->eventfd >= 0)
		vfio_pci_sys(close, set->eventfd);
}

static struct pci_fabric_fn_desc tph_fn_desc(const struct tph_conf *conf)
{
	struct pci_fabric_fn_desc desc = {
		.device = TPH_FN_ID,
		.conventional = conf->conventional,
		.flr = !conf->no_flr,
		.pm = true,
		.intx_pin = conf->intx,
		.pm_d1 = conf->d1,
		.no_soft_reset = !conf->soft_reset,
		.bars[0] = { SZ_64K, conf->wide ? PCI_FABRIC_BAR_64 : 0 },
		.msix = {
			.vectors = conf->vectors ?: 8,
			.table_off = TPH_BAR_TABLE,
			.pba_off = SZ_32K + SZ_16K,
		},
		.tph = {
			.present = !conf->absent,
			.iv = !conf->no_iv,
			.ds = !conf->no_ds,
			.extended = conf->extended,
			.st_loc = conf->loc,
			.st_size = conf->loc == TPH_LOC_NONE ? 0 : conf->st_size,
		},
	};

	return desc;
}

/*
 * Advanced Features (Conventional PCI Advanced Capabilities ECN), with both of its
 * capabilities: Transactions Pending, and a Function Level Reset, which the kernel
 * does by another way if there is one.
 */
static void tph_add_af(struct pci_fabric_fn *fn)
{
	static const struct pci_fabric_reg regs[] = {
		{ .off = 2, .size = 1, .val = 6 },
		{ .off = 3, .size = 1, .val = 0x03 },
	};

	pci_fabric_add_cap(fn, &(struct pci_fabric_cap_desc){
		.id = 0x13, .len = 6, .regs = regs, .nr_regs = ARRAY_SIZE(regs),
	});
}

static void tph_disable_sriov(void *data)
{
	struct tph_set *set = data;
	struct pci_dev *pf = pci_fabric_pdev(set->pf);

	/* They are removed, so nobody may have them open */
	vfio_pci_close_all(set->fix);
	pci_lock_rescan_remove();
	pci_disable_sriov(pf);
	pci_unlock_rescan_remove();
}

static void tph_add_functions(struct tph_set *set)
{
	struct pci_fabric_fn_desc desc = tph_fn_desc(&set->conf);
	struct pci_fabric_fn_desc vf = desc;
	struct kunit *test = set->test;
	int ret;

	set->port = pci_fabric_add(set->fix->fabric, NULL,
				   &(struct pci_fabric_fn_desc){
		.devfn = PCI_DEVFN(1, 0),
		.device = TPH_PORT_ID,
		.hdr_type = PCI_HEADER_TYPE_BRIDGE,
		.pcie_type = PCI_EXP_TYPE_ROOT_PORT,
		.ari_forwarding = true,
		.tph_completer = set->conf.no_completer ? 0 :
				 set->conf.completer ? :
				 set->conf.extended ? 3 : 1,
	});
	if (set->conf.vf) {
		desc.sriov.total_vfs = 2;
		desc.sriov.vf_device = TPH_VF_ID;
		desc.sriov.bars[0].size = SZ_64K;
		desc.sriov.vf = &vf;
	}
	set->fn = pci_fabric_add(set->fix->fabric, set->port, &desc);
	if (set->conf.af)
		tph_add_af(set->fn);
	if (set->conf.two) {
		desc.devfn = PCI_DEVFN(0, 1);
		set->fn2 = pci_fabric_add(set->fix->fabric, set->port, &desc);
	}
	tph_asked = set;
	kunit_activate_static_stub(test, pcie_tph_get_cpu_st, tph_get_cpu_st);
	pci_fabric_scan(set->fix->fabric);
	if (!set->conf.vf)
		return;

	set->pf = set->fn;
	set->fn = pci_fabric_vf(set->pf, 0);
	set->fn2 = pci_fabric_vf(set->pf, 1);
	pci_lock_rescan_remove();
	ret = pci_enable_sriov(pci_fabric_pdev(set->pf), 2);
	pci_unlock_rescan_remove();
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, tph_disable_sriov,
							set), 0);
}

struct tph_set *tph_set_alloc(struct kunit *test, const struct tph_conf *conf)
{
	struct tph_set *set;

	set = kunit_kzalloc(test, sizeof(*set), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, set);
	set->test = test;
	set->conf = *conf;
	set->shell = tph_shell(test);
	set->eventfd = -1;
	set->fix = vfio_pci_fixture_alloc(test, conf->door);
	set->gate = tph_gate_param(test);
	set->gate_was = *set->gate;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, tph_gate_back, set),
			0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, tph_close_eventfd,
							set), 0);
	*set->gate = conf->gate;

	tph_add_functions(set);
	set->cap = pci_fabric_cap_pos(set->fn, 0x17, true);
	set->pdev = vfio_pci_bind_to(set->fix, set->fn, conf->driver ?: "vfio-pci");
	if (set->fn2 && !conf->unbound)
		set->pdev2 = vfio_pci_bind(set->fix, set->fn2);
	if (!conf->closed)
		set->user = vfio_pci_open(set->fix, set->pdev);
	return set;
}

void tph_reopen(struct tph_set *set)
{
	vfio_pci_close(set->user);
	set->user = vfio_pci_open(set->fix, set->pdev);
}

void tph_msix(struct tph_set *set, unsigned int count)
{
	struct kunit *test = set->test;

	pci_fabric_need_bars(test);
	if (set->eventfd < 0)
		set->eventfd = vfio_pci_sys(eventfd2, 0, EFD_NONBLOCK);
	KUNIT_ASSERT_GE(test, set->eventfd, 0);
	KUNIT_ASSERT_EQ(test, vfio_pci_set_msix(set->user, count, set->eventfd),
			0);
}

/* Arguments */

static bool tph_op_is_batch(enum tph_op op)
{
	return op == TPH_OP_GET_ST || op == TPH_OP_SET_ST;
}

size_t tph_arg_size(struct tph_set *set, enum tph_op op, unsigned int count)
{
	size_t head = set->shell->head;

	switch (op) {
	case TPH_OP_GET_CAP:
		return head + TPH_CAP_SIZE;
	case TPH_OP_ENABLE:
		return head + TPH_ENABLE_SIZE;
	case TPH_OP_GET_ST:
	case TPH_OP_SET_ST:
		return head + TPH_ST_SIZE + (size_t)count * TPH_ENTRY_SIZE;
	default:
		return head;
	}
}

/* @mem: zeroed */
static void tph_arg_init(struct tph_set *set, struct tph_arg *arg, void *mem,
			 enum tph_op op, unsigned int count)
{
	arg->size = tph_arg_size(set, op, count);
	arg->mem = mem;
	arg->argsz = mem;
	arg->payload = mem + set->shell->head;
	arg->entry = arg->payload + TPH_ST_SIZE;
	set->shell->put(mem, op, arg->size);
	if (!tph_op_is_batch(op))
		return;

	arg->st->count = count;
	arg->st->entry_size = TPH_ENTRY_SIZE;
	for (unsigned int i = 0; i < count; i++) {
		arg->entry[i].cpu = tph_cpu();
		if (op == TPH_OP_SET_ST)
			arg->entry[i].index = i;
	}
}

struct tph_arg *tph_arg(struct tph_set *set, enum tph_op op, unsigned int count)
{
	struct kunit *test = set->test;
	struct tph_arg *arg = kunit_kzalloc(test, sizeof(*arg), GFP_KERNEL);
	/* Room to write more than is handed over */
	void *mem = kunit_kzalloc(test, tph_arg_size(set, op, count) +
				  2 * TPH_ENTRY_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, arg);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	tph_arg_init(set, arg, mem, op, count);
	return arg;
}

long tph_arg_run_at(struct tph_set *set, const struct tph_arg *arg,
		    void __user *mem)
{
	if (copy_to_user(mem, arg->mem, arg->size))
		return -ENOMEM;
	return tph_call(set, mem);
}

long tph_arg_run(struct tph_set *set, struct tph_arg *arg)
{
	void __user *mem = vfio_pci_mem_tail(set->fix, arg->size);
	long ret = tph_arg_run_at(set, arg, mem);

	if (copy_from_user(arg->mem, mem, arg->size))
		return -ENOMEM;
	return ret;
}

/* As user space has it, on the stack: one entry at most */
struct tph_small {
	struct tph_arg arg;
	u64 mem[(TPH_HEAD_MAX + TPH_ST_SIZE + TPH_ENTRY_SIZE) / sizeof(u64)];
};

static void tph_small_init(struct tph_set *set, struct tph_small *small,
			   enum tph_op op)
{
	memset(small->mem, 0, sizeof(small->mem));
	tph_arg_init(set, &small->arg, small->mem, op, tph_op_is_batch(op));
}

long tph_get_cap(struct tph_set *set, struct vfio_pci_tph_cap *cap)
{
	struct tph_small small;
	long ret;

	tph_small_init(set, &small, TPH_OP_GET_CAP);
	/* So that what is not written is seen */
	memset(small.arg.cap, 0xff, sizeof(*small.arg.cap));
	ret = tph_arg_run(set, &small.arg);
	*cap = *small.arg.cap;
	return ret;
}

long tph_enable_at(struct tph_set *set, u32 mode, void __user *mem)
{
	struct tph_small small;

	tph_small_init(set, &small, TPH_OP_ENABLE);
	small.arg.enable->mode = mode;
	return tph_arg_run_at(set, &small.arg, mem);
}

long tph_enable(struct tph_set *set, u32 mode)
{
	size_t size = tph_arg_size(set, TPH_OP_ENABLE, 0);

	return tph_enable_at(set, mode, vfio_pci_mem_tail(set->fix, size));
}

long tph_disable_at(struct tph_set *set, void __user *mem)
{
	struct tph_small small;

	tph_small_init(set, &small, TPH_OP_DISABLE);
	return tph_arg_run_at(set, &small.arg, mem);
}

long tph_disable(struct tph_set *set)
{
	size_t size = tph_arg_size(set, TPH_OP_DISABLE, 0);

	return tph_disable_at(set, vfio_pci_mem_tail(set->fix, size));
}

long tph_set_one(struct tph_set *set, unsigned int index, unsigned int cpu,
		 bool persistent)
{
	struct tph_small small;

	tph_small_init(set, &small, TPH_OP_SET_ST);
	small.arg.entry->index = index;
	small.arg.entry->cpu = cpu;
	small.arg.entry->mem_type = persistent;
	return tph_arg_run(set, &small.arg);
}

long tph_get_one(struct tph_set *set, unsigned int cpu, bool persistent,
		 u16 *tag)
{
	struct tph_small small;
	long ret;

	tph_small_init(set, &small, TPH_OP_GET_ST);
	small.arg.entry->cpu = cpu;
	small.arg.entry->mem_type = persistent;
	ret = tph_arg_run(set, &small.arg);
	*tag = small.arg.entry->st;
	return ret;
}
