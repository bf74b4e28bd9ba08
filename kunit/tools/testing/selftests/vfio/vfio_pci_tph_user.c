// SPDX-License-Identifier: GPL-2.0
/*
 * What a poll mode driver does with TPH through VFIO: query, enable, set the tag of
 * one CPU for each queue, read the tags back, disable.
 *
 *	vfio_pci_tph_user GROUP BDF QUEUES
 *
 * GROUP is the device's file below /dev/vfio, which has to be a group without an
 * IOMMU; BDF its address, dddd:bb:dd.f.  Ends with 0 when every step did what
 * include/uapi/linux/vfio.h says, else with 1 and a line that says which did not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vfio.h>

#define TPH_CAP_ID		0x17	/* PCIe r6.0, sec 7.9.13 */
#define TPH_TABLE		0x0c	/* ST Table, 16 bits for each entry */
#define TIME_LIMIT		30	/* seconds */

static void fail(const char *what, ...)
{
	va_list args;

	va_start(args, what);
	printf("vfio_pci_tph_user: ");
	vprintf(what, args);
	printf(": %s\n", errno ? strerror(errno) : "not as documented");
	va_end(args);
	exit(1);
}

/* Opens GROUP without an IOMMU, and the device in it. */
static int open_device(const char *group_path, const char *bdf)
{
	int container, group, device;

	container = open("/dev/vfio/vfio", O_RDWR);
	if (container < 0)
		fail("/dev/vfio/vfio");
	group = open(group_path, O_RDWR);
	if (group < 0)
		fail("%s", group_path);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container))
		fail("VFIO_GROUP_SET_CONTAINER");
	if (ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU))
		fail("VFIO_SET_IOMMU");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (device < 0)
		fail("VFIO_GROUP_GET_DEVICE_FD %s", bdf);
	return device;
}

static void region(int device, unsigned int index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, info))
		fail("VFIO_DEVICE_GET_REGION_INFO %u", index);
}

static uint32_t read32(int device, uint64_t where, uint64_t offset)
{
	uint32_t value;

	if (pread(device, &value, sizeof(value), where + offset) != sizeof(value))
		fail("read at 0x%llx", (unsigned long long)offset);
	return value;
}

/* The offset of an extended capability in configuration space, 0: not there. */
static uint32_t find_ext_cap(int device, uint64_t config, uint32_t id)
{
	uint32_t pos = 0x100, header;

	while (pos >= 0x100) {
		header = read32(device, config, pos);
		if ((header & 0xffff) == id)
			return pos;
		pos = header >> 20 & ~3U;
	}
	return 0;
}

/* One interrupt for each queue: an entry of the MSI-X table without one has no tag. */
static void enable_msix(int device, unsigned int queues)
{
	size_t size = sizeof(struct vfio_irq_set) + queues * sizeof(int32_t);
	struct vfio_irq_set *set = calloc(1, size);

	if (!set)
		fail("calloc");
	set->argsz = size;
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = VFIO_PCI_MSIX_IRQ_INDEX;
	set->count = queues;
	memset(set->data, 0xff, queues * sizeof(int32_t));	/* no eventfd yet */
	if (ioctl(device, VFIO_DEVICE_SET_IRQS, set))
		fail("VFIO_DEVICE_SET_IRQS");
	free(set);
}

static int tph(int device, uint32_t op, void *payload, size_t size, int fatal)
{
	struct vfio_pci_tph_op *arg = calloc(1, sizeof(*arg) + size);
	int ret, err;

	if (!arg)
		fail("calloc");
	arg->argsz = sizeof(*arg) + size;
	arg->op = op;
	memcpy(arg + 1, payload, size);
	ret = ioctl(device, VFIO_DEVICE_PCI_TPH, arg);
	if (ret && fatal)
		fail("VFIO_DEVICE_PCI_TPH, operation %u", op);
	memcpy(payload, arg + 1, size);
	err = errno;
	free(arg);
	errno = err;
	return ret;
}

static struct vfio_pci_tph_cap query(int device)
{
	struct vfio_pci_tph_cap cap = {};

	tph(device, VFIO_PCI_TPH_OP_GET_CAP, &cap, sizeof(cap), 1);
	errno = 0;
	return cap;
}

static void pin(int cpu)
{
	cpu_set_t mask;

	CPU_ZERO(&mask);
	CPU_SET(cpu, &mask);
	if (sched_setaffinity(0, sizeof(mask), &mask))
		fail("sched_setaffinity to %d", cpu);
}

/* A thread that would poll a queue: on a CPU of its own, until all are to end. */
static pthread_barrier_t begin, end;
static pthread_t pollers[CPU_SETSIZE];
static pid_t poller_tids[CPU_SETSIZE];

static void *poll_queue(void *cpu)
{
	pin((long)cpu);
	poller_tids[(long)cpu] = syscall(SYS_gettid);
	pthread_barrier_wait(&begin);
	pthread_barrier_wait(&end);
	return NULL;
}

/* The main thread stays on the first CPU, and each of the others has a poller. */
static void start_pollers(const cpu_set_t *cpus)
{
	int cpu, first = -1;

	if (pthread_barrier_init(&begin, NULL, CPU_COUNT(cpus)) ||
	    pthread_barrier_init(&end, NULL, CPU_COUNT(cpus)))
		fail("pthread_barrier_init");
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, cpus))
			continue;
		if (first < 0)
			first = cpu;
		else if (pthread_create(&pollers[cpu], NULL, poll_queue,
					(void *)(long)cpu))
			fail("pthread_create");
	}
	pin(first);
	pthread_barrier_wait(&begin);
}

static void end_pollers(const cpu_set_t *cpus)
{
	int cpu;

	pthread_barrier_wait(&end);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, cpus) || !pollers[cpu])
			continue;
		pthread_join(pollers[cpu], NULL);
		/* It is a thread of the process until it is gone for the kernel, too */
		do
			usleep(1000);
		while (!syscall(SYS_tgkill, getpid(), poller_tids[cpu], 0));
	}
	errno = 0;
}

/* The CPUs that this process may run on, one queue on each in turn. */
static int set_tags(int device, const struct vfio_pci_tph_cap *cap, unsigned int queues,
		    const cpu_set_t *cpus, int fatal)
{
	size_t size = sizeof(struct vfio_pci_tph_st) +
		      queues * sizeof(struct vfio_pci_tph_st_entry);
	struct vfio_pci_tph_st *batch = calloc(1, size);
	struct vfio_pci_tph_st_entry *entries = (void *)(batch + 1);
	int cpu = -1, ret;

	if (!batch)
		fail("calloc");
	batch->count = queues;
	batch->entry_size = cap->entry_size;
	for (unsigned int i = 0; i < queues; i++) {
		do
			cpu = (cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(cpu, cpus));
		entries[i].cpu = cpu;
		entries[i].mem_type = VFIO_PCI_TPH_MEM_VOLATILE;
		entries[i].index = i;
		printf("queue %u: cpu %d\n", i, cpu);
	}
	ret = tph(device, VFIO_PCI_TPH_OP_SET_ST, batch, size, fatal);
	free(batch);
	return ret;
}

/*
 * The tags of all queues, as the main thread sets them up: it is pinned itself, and
 * need not be where the queues are.  With the pollers gone, it has no business on
 * their CPUs any more.
 */
static void set_up_queues(int device, const struct vfio_pci_tph_cap *cap,
			  unsigned int queues)
{
	cpu_set_t cpus, own;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		fail("sched_getaffinity");
	start_pollers(&cpus);
	set_tags(device, cap, queues, &cpus, 1);
	end_pollers(&cpus);
	if (CPU_COUNT(&cpus) == 1)
		return;

	if (sched_getaffinity(0, sizeof(own), &own))
		fail("sched_getaffinity");
	CPU_XOR(&cpus, &cpus, &own);
	if (!set_tags(device, cap, queues, &cpus, 0) || errno != EPERM)
		fail("tags of CPUs without a thread");
	errno = 0;
}

/*
 * A table in the capability can be read like any register.  The MSI-X table cannot:
 * for read(2), VFIO has all-ones there.
 */
static void read_back(int device, const struct vfio_pci_tph_cap *cap, unsigned int queues)
{
	struct vfio_region_info config;
	uint32_t pos, value;

	if (cap->st_table_loc != VFIO_PCI_TPH_ST_CAP) {
		printf("the tags are in the MSI-X table\n");
		return;
	}
	region(device, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	pos = find_ext_cap(device, config.offset, TPH_CAP_ID);
	if (!pos)
		fail("no TPH capability in configuration space");
	for (unsigned int i = 0; i < queues; i++) {
		value = read32(device, config.offset, (pos + TPH_TABLE + 2 * i) & ~3U);
		value = value >> 16 * (i & 1) & 0xffff;
		printf("queue %u: tag 0x%04x\n", i, value);
		if (!value || value == 0xffff)
			fail("queue %u has no tag", i);
	}
}

int main(int argc, char **argv)
{
	struct vfio_pci_tph_enable enable = { .mode = VFIO_PCI_TPH_MODE_IV };
	struct vfio_pci_tph_cap cap;
	unsigned int queues;
	int device;

	alarm(TIME_LIMIT);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 4)
		fail("usage: %s GROUP BDF QUEUES", argv[0]);
	queues = strtoul(argv[3], NULL, 0);
	device = open_device(argv[1], argv[2]);

	cap = query(device);
	printf("modes 0x%x, table %u with %u entries, %u in a batch\n", cap.modes,
	       cap.st_table_loc, cap.st_table_size, cap.max_entries);
	if (cap.mode != VFIO_PCI_TPH_DISABLED)
		fail("enabled before anybody has");
	if (!(cap.modes & 1 << VFIO_PCI_TPH_MODE_IV) || !queues ||
	    queues > cap.st_table_size || queues > cap.max_entries ||
	    cap.entry_size != sizeof(struct vfio_pci_tph_st_entry) ||
	    !(cap.flags & VFIO_PCI_TPH_CAP_TAGS))
		fail("no %u queues with this device", queues);

	if (cap.st_table_loc == VFIO_PCI_TPH_ST_MSIX)
		enable_msix(device, queues);
	tph(device, VFIO_PCI_TPH_OP_ENABLE, &enable, sizeof(enable), 1);
	errno = 0;
	if (query(device).mode != VFIO_PCI_TPH_MODE_IV)
		fail("not enabled");
	set_up_queues(device, &cap, queues);
	read_back(device, &cap, queues);
	tph(device, VFIO_PCI_TPH_OP_DISABLE, &enable, 0, 1);
	if (query(device).mode != VFIO_PCI_TPH_DISABLED)
		fail("not disabled");
	printf("vfio_pci_tph_user: done\n");
	return 0;
}
