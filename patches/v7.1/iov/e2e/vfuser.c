// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest of scripts/e2e needs and busybox has not:
 *
 *   vfuser hold BDF SECONDS   open a device of vfio-pci, for so long
 *   vfuser release NVME       take the flexible resources from a primary controller, with effect from its next reset
 *   vfuser online NVME        give two queues and a vector to its first secondary controller, and have it go online
 *
 * The commands of NVMe: NVM Express Base Specification 2.0, 5.17.2.21 (Identify), 5.28
 * (Virtualization Management).
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/nvme_ioctl.h>
#include <linux/vfio.h>

enum { IDENTIFY = 0x06, VIRT_MGMT = 0x1c };
enum { CNS_CONTROLLER = 0x01, CNS_SECONDARY = 0x15 };
enum { PRIMARY_ALLOC = 1, SECONDARY_ASSIGN = 8, SECONDARY_ONLINE = 9 };
enum { QUEUES = 0, VECTORS = 1 };

static int hold(const char *bdf, int seconds)
{
	char path[128], target[512];
	int container, group, device;
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -1;
	target[len] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%s", basename(target));
	container = open("/dev/vfio/vfio", O_RDWR);
	group = open(path, O_RDWR);
	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU))
		return -1;
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (device < 0)
		return -1;
	puts("held");
	fflush(stdout);
	sleep(seconds);
	return 0;
}

static int admin(int fd, int opcode, void *data, unsigned int len, unsigned int cdw10, unsigned int cdw11)
{
	struct nvme_passthru_cmd cmd = {
		.opcode = opcode, .addr = (unsigned long)data, .data_len = len, .cdw10 = cdw10, .cdw11 = cdw11,
	};
	int ret = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &cmd);

	if (ret > 0)
		fprintf(stderr, "opcode %#x, %#x %#x: status %#x\n", opcode, cdw10, cdw11, ret);
	return ret;
}

static int virt(int fd, unsigned int id, unsigned int resource, unsigned int action, unsigned int count)
{
	return admin(fd, VIRT_MGMT, NULL, 0, id << 16 | resource << 8 | action, count);
}

static unsigned char list[4096];

static int release(int fd)
{
	unsigned int id;

	if (admin(fd, IDENTIFY, list, sizeof(list), CNS_CONTROLLER, 0))
		return -1;
	id = list[78] | list[79] << 8;
	return virt(fd, id, QUEUES, PRIMARY_ALLOC, 0) || virt(fd, id, VECTORS, PRIMARY_ALLOC, 0);
}

static int online(int fd)
{
	unsigned int id;

	if (admin(fd, IDENTIFY, list, sizeof(list), CNS_SECONDARY, 0) || !list[0])
		return -1;
	id = list[32] | list[33] << 8;
	return virt(fd, id, QUEUES, SECONDARY_ASSIGN, 2) || virt(fd, id, VECTORS, SECONDARY_ASSIGN, 1) ||
	       virt(fd, id, 0, SECONDARY_ONLINE, 0);
}

int main(int argc, char **argv)
{
	int fd, ret = -1;

	if (argc == 4 && !strcmp(argv[1], "hold")) {
		ret = hold(argv[2], atoi(argv[3]));
	} else if (argc == 3) {
		fd = open(argv[2], O_RDONLY);
		if (fd >= 0 && !strcmp(argv[1], "release"))
			ret = release(fd);
		else if (fd >= 0 && !strcmp(argv[1], "online"))
			ret = online(fd);
	}
	if (ret < 0)
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	return !!ret;
}
