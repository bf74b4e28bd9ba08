// SPDX-License-Identifier: GPL-2.0
/*
 * A network of two over a non-transparent bridge, see pci_epf_vntb_pair.h.
 */
#include <kunit/pci.h>
#include <kunit/pci-epc.h>
#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/icmp.h>
#include <linux/if.h>
#include <linux/in.h>
#include <linux/inet.h>
#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <linux/kallsyms.h>
#include <linux/ktime.h>
#include <linux/mount.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/ntb.h>
#include <linux/ntb_transport.h>
#include <linux/pci.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/user_namespace.h>
#include <linux/wait.h>
#include <net/checksum.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "pci_epf_vntb_pair.h"
#include "pci_fabric_ep_cfs.h"

#define VNTB_PAIR_CARRIER_TIMEOUT	(20 * HZ)
#define VNTB_PAIR_PING_TIMEOUT		(2 * HZ)
#define VNTB_PAIR_PING_ID		0x5054
#define VNTB_PAIR_PING_MAX		1400

struct vntb_pair_side {
	struct net_device *ndev;
	struct net *net;
	struct socket *sock;
	__be32 addr;
};

struct vntb_pair {
	struct kunit *test;
	struct pci_fabric *fabric;
	struct pci_fabric_fn *port;
	struct pci_fabric_ep *ep;
	struct pci_ep_cfs *cfs;
	struct notifier_block notifier;
	wait_queue_head_t changed;
	bool notified;
	struct pci_dev *pdev[2];
	struct vntb_pair_side side[2];
	u16 seq;
};

/* Clients of NTB devices; NULL when it has not been found */
static struct ntb_client *vntb_pair_transport, *vntb_pair_tool;

static int vntb_pair_no_probe(struct ntb_client *client, struct ntb_dev *ntb)
{
	return -ENODEV;
}

static void vntb_pair_no_remove(struct ntb_client *client, struct ntb_dev *ntb)
{
}

static struct ntb_client * __init vntb_pair_park(const char *name,
						 const struct bus_type *bus)
{
	struct device_driver *drv = driver_find(name, bus);
	struct ntb_client *client = drv ? drv_ntb_client(drv) : NULL;

	if (client)
		ntb_unregister_client(client);
	return client;
}

/*
 * ntb_transport takes every NTB device, also those that other suites of the kernel want
 * for themselves, as does ntb_tool.  They are there as long as a pair is.
 */
static int __init vntb_pair_park_clients(void)
{
	static struct ntb_client any = {
		.ops = { .probe = vntb_pair_no_probe, .remove = vntb_pair_no_remove },
	};
	int ret;

	/* The bus is private to the core, but drivers know where they are. */
	ret = ntb_register_client(&any);
	if (ret)
		return ret;
	ntb_unregister_client(&any);
	vntb_pair_transport = vntb_pair_park("ntb_transport", any.drv.bus);
	vntb_pair_tool = vntb_pair_park("ntb_tool", any.drv.bus);
	return vntb_pair_transport ? 0 : -ENODEV;
}
late_initcall(vntb_pair_park_clients);

static void vntb_pair_unload(void *client)
{
	ntb_unregister_client(client);
}

static void vntb_pair_load(struct kunit *test, struct ntb_client *client, const char *name)
{
	KUNIT_ASSERT_NOT_NULL(test, client);
	KUNIT_ASSERT_EQ(test, __ntb_register_client(client, NULL, name), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vntb_pair_unload, client), 0);
}

void vntb_pair_load_transport(struct kunit *test)
{
	vntb_pair_load(test, vntb_pair_transport, "ntb_transport");
}

/*
 * ntb_netdev makes interfaces for what transports there are when it is initialized, so it
 * wants to be loaded after the NTB drivers.  When it is built in there are none at boot,
 * and it gives up: it is initialized again.
 */
static int __init vntb_pair_load_netdev(void)
{
	static bool loaded __initdata;
	int (*init)(void);
	int ret;

	if (loaded)
		return ntb_transport_register_client_dev("ntb_netdev");
	init = (void *)kallsyms_lookup_name("ntb_netdev_init_module");
	if (!init)
		return -ENOENT;
	ret = init();
	loaded = !ret;
	return ret;
}

static int vntb_pair_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct vntb_pair *pair = container_of(nb, struct vntb_pair, notifier);

	wake_up(&pair->changed);
	return NOTIFY_DONE;
}

static bool vntb_pair_carrier(struct vntb_pair *pair)
{
	return netif_carrier_ok(pair->side[VNTB_RC].ndev) &&
	       netif_carrier_ok(pair->side[VNTB_EP].ndev);
}

/* The interfaces: their parents are clients of transports, and those of NTB devices. */
static void vntb_pair_find_netdevs(struct vntb_pair *pair, struct pci_dev *rc)
{
	struct net_device *ndev;

	rtnl_lock();
	for_each_netdev(&init_net, ndev) {
		struct device *client = ndev->dev.parent;

		if (!client || strncmp(dev_name(client), "ntb_netdev", 10))
			continue;
		if (client->parent->parent == &rc->dev)
			pair->side[VNTB_RC].ndev = ndev;
		else
			pair->side[VNTB_EP].ndev = ndev;
	}
	rtnl_unlock();
}

static int vntb_pair_move(struct vntb_pair_side *side, struct net *net)
{
	int ret;

	rtnl_lock();
	ret = dev_change_net_namespace(side->ndev, net, "eth%d");
	rtnl_unlock();
	return ret;
}

/* As "ip address add" and "ip link set up" */
static int vntb_pair_up(struct vntb_pair_side *side)
{
	struct ifreq ifr = {};
	struct sockaddr_in *in = (void *)&ifr.ifr_addr;
	int ret;

	strscpy(ifr.ifr_name, side->ndev->name);
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = side->addr;
	ret = devinet_ioctl(side->net, SIOCSIFADDR, &ifr);
	if (ret)
		return ret;
	ifr.ifr_flags = IFF_UP;
	return devinet_ioctl(side->net, SIOCSIFFLAGS, &ifr);
}

static void vntb_pair_close(struct vntb_pair_side *side)
{
	if (side->sock)
		sock_release(side->sock);
	if (!side->ndev)
		return;
	rtnl_lock();
	dev_close(side->ndev);
	rtnl_unlock();
}

/* Before the controller is stopped, so that drivers still have what they talk to */
static void vntb_pair_down(void *data)
{
	struct vntb_pair *pair = data;
	struct vntb_pair_side *ep = &pair->side[VNTB_EP];

	if (pair->notified)
		unregister_netdevice_notifier(&pair->notifier);
	for (int i = 0; i < 2; i++)
		vntb_pair_close(&pair->side[i]);
	if (ep->net) {
		vntb_pair_move(ep, &init_net);
		put_net(ep->net);
		net_ns_barrier();
	}
	if (pair->ep)
		pci_fabric_ep_eject(pair->ep);
}

static const char * const vntb_pair_attrs[][2] __initconst = {
	/* BAR 0 has registers, BAR 2 the memory window, BAR 4 doorbells */
	{ "vendorid", "0x1912" },
	{ "deviceid", "0x0030" },
	{ "msi_interrupts", "32" },
	{ "pci_epf_vntb.0/db_count", "4" },
	{ "pci_epf_vntb.0/spad_count", "128" },
	{ "pci_epf_vntb.0/num_mws", "1" },
	{ "pci_epf_vntb.0/mw1", "0x100000" },
	/* Not that of the function, which is in the same kernel */
	{ "pci_epf_vntb.0/vntb_vid", "0xf00d" },
	{ "pci_epf_vntb.0/vntb_pid", "0x0031" },
	{ "pci_epf_vntb.0/vbus_number", "0x10" },
	{ "pci_epf_vntb.0/ctrl_bar", "0" },
	{ "pci_epf_vntb.0/db_bar", "4" },
	{ "pci_epf_vntb.0/mw1_bar", "2" },
};

static struct pci_dev * __init vntb_pair_start(struct vntb_pair *pair,
					       const struct pci_fabric_ep_desc *desc)
{
	struct kunit *test = pair->test;
	struct pci_dev *pdev;

	pair->fabric = pci_fabric_alloc(test);
	pair->port = pci_fabric_add(pair->fabric, NULL, &(struct pci_fabric_fn_desc){
		.device = 0x0e20,
		.hdr_type = PCI_HEADER_TYPE_BRIDGE,
		.pcie_type = PCI_EXP_TYPE_ROOT_PORT,
	});
	pci_fabric_scan(pair->fabric);
	pair->ep = pci_fabric_ep_alloc(test, pair->fabric, pair->port, desc);

	pair->cfs = pci_ep_cfs_make(test, "pci_epf_vntb", "func1");
	for (int i = 0; i < ARRAY_SIZE(vntb_pair_attrs); i++)
		KUNIT_ASSERT_EQ_MSG(test, pci_ep_cfs_set(pair->cfs, vntb_pair_attrs[i][0],
							 vntb_pair_attrs[i][1]), 0,
				    "%s", vntb_pair_attrs[i][0]);
	KUNIT_ASSERT_EQ(test, pci_ep_cfs_link_primary(pair->cfs,
						      pci_fabric_ep_epc(pair->ep)), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vntb_pair_down, pair), 0);
	KUNIT_ASSERT_EQ(test, pci_ep_cfs_start(pair->cfs, true), 0);
	KUNIT_ASSERT_TRUE(test, pci_fabric_ep_wait(pair->ep, true));
	pdev = pci_fabric_pdev(pci_fabric_ep_fn(pair->ep, 0));
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_NOT_NULL_MSG(test, pci_get_drvdata(pdev), "no driver");
	pair->pdev[VNTB_RC] = pdev;
	/* Gone with the function */
	pair->pdev[VNTB_EP] = pci_get_device(0xf00d, 0x0031, NULL);
	KUNIT_ASSERT_NOT_NULL(test, pair->pdev[VNTB_EP]);
	pci_dev_put(pair->pdev[VNTB_EP]);
	return pdev;
}

static struct vntb_pair * __init vntb_pair_alloc(struct kunit *test)
{
	struct vntb_pair *pair = kunit_kzalloc(test, sizeof(*pair), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pair);
	pair->test = test;
	pair->notifier.notifier_call = vntb_pair_event;
	init_waitqueue_head(&pair->changed);
	return pair;
}

struct vntb_pair * __init vntb_pair_make_tool(struct kunit *test,
					      const struct pci_fabric_ep_desc *desc)
{
	struct vntb_pair *pair = vntb_pair_alloc(test);

	vntb_pair_load(test, vntb_pair_tool, "ntb_tool");
	vntb_pair_start(pair, desc);
	return pair;
}

struct pci_dev *vntb_pair_pdev(struct vntb_pair *pair, enum vntb_side side)
{
	return pair->pdev[side];
}

struct vntb_pair * __init vntb_pair_make(struct kunit *test,
					 const struct pci_fabric_ep_desc *desc)
{
	struct vntb_pair *pair = vntb_pair_alloc(test);
	struct vntb_pair_side *side = pair->side;
	struct pci_dev *pdev;
	struct net *net;

	vntb_pair_load_transport(test);
	pdev = vntb_pair_start(pair, desc);
	KUNIT_ASSERT_EQ(test, vntb_pair_load_netdev(), 0);
	vntb_pair_find_netdevs(pair, pdev);
	KUNIT_ASSERT_NOT_NULL(test, side[VNTB_RC].ndev);
	KUNIT_ASSERT_NOT_NULL(test, side[VNTB_EP].ndev);

	side[VNTB_RC].net = &init_net;
	net = copy_net_ns(CLONE_NEWNET, &init_user_ns, &init_net);
	KUNIT_ASSERT_FALSE(test, IS_ERR(net));
	side[VNTB_EP].net = net;
	KUNIT_ASSERT_EQ(test, vntb_pair_move(&side[VNTB_EP], net), 0);
	KUNIT_ASSERT_EQ(test, register_netdevice_notifier(&pair->notifier), 0);
	pair->notified = true;
	for (int i = 0; i < 2; i++) {
		side[i].addr = htonl(0x0a000001 + i);	/* 10.0.0.1, 10.0.0.2 */
		KUNIT_ASSERT_EQ(test, vntb_pair_up(&side[i]), 0);
		KUNIT_ASSERT_EQ(test, sock_create_kern(side[i].net, AF_INET, SOCK_RAW,
						       IPPROTO_ICMP, &side[i].sock), 0);
		side[i].sock->sk->sk_rcvtimeo = VNTB_PAIR_PING_TIMEOUT;
		side[i].sock->sk->sk_sndtimeo = VNTB_PAIR_PING_TIMEOUT;
	}
	KUNIT_ASSERT_TRUE_MSG(test, wait_event_timeout(pair->changed,
						       vntb_pair_carrier(pair),
						       VNTB_PAIR_CARRIER_TIMEOUT),
			      "no carrier");
	return pair;
}

struct vntb_pair_param {
	struct vfsmount *sysfs;
	char path[64];
	char old[32];
};

static void vntb_pair_set_param(struct vntb_pair_param *param, const char *val)
{
	struct file *file = file_open_root_mnt(param->sysfs, param->path, O_WRONLY, 0);
	struct kunit *test = kunit_get_current_test();
	loff_t pos = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_EXPECT_EQ(test, kernel_write(file, val, strlen(val), &pos), strlen(val));
	__fput_sync(file);
}

static void vntb_pair_get_param(struct vntb_pair_param *param)
{
	struct file *file = file_open_root_mnt(param->sysfs, param->path, O_RDONLY, 0);
	struct kunit *test = kunit_get_current_test();
	loff_t pos = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_EXPECT_GT(test, kernel_read(file, param->old, sizeof(param->old) - 1, &pos), 0);
	__fput_sync(file);
}

static void vntb_pair_reset_param(void *data)
{
	struct vntb_pair_param *param = data;

	vntb_pair_set_param(param, param->old);
	kern_unmount(param->sysfs);
}

void vntb_pair_param(struct kunit *test, const char *name, const char *val)
{
	struct vntb_pair_param *param = kunit_kzalloc(test, sizeof(*param), GFP_KERNEL);
	struct file_system_type *type = get_fs_type("sysfs");

	KUNIT_ASSERT_NOT_NULL(test, param);
	KUNIT_ASSERT_NOT_NULL(test, type);
	snprintf(param->path, sizeof(param->path), "module/ntb_transport/parameters/%s", name);
	param->sysfs = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, param->sysfs);
	vntb_pair_get_param(param);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vntb_pair_reset_param, param),
			0);
	vntb_pair_set_param(param, val);
}

struct vntb_pair_echo {
	struct icmphdr icmp;
	u8 data[VNTB_PAIR_PING_MAX];
};

static int vntb_pair_send(struct vntb_pair *pair, struct vntb_pair_side *from,
			  struct vntb_pair_side *to, struct vntb_pair_echo *echo,
			  size_t size)
{
	struct sockaddr_in dst = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = to->addr,
	};
	struct msghdr msg = { .msg_name = &dst, .msg_namelen = sizeof(dst) };
	struct kvec vec = { .iov_base = echo, .iov_len = sizeof(echo->icmp) + size };

	memset(&echo->icmp, 0, sizeof(echo->icmp));
	echo->icmp.type = ICMP_ECHO;
	echo->icmp.un.echo.id = htons(VNTB_PAIR_PING_ID);
	echo->icmp.un.echo.sequence = htons(++pair->seq);
	for (int i = 0; i < size; i++)
		echo->data[i] = pair->seq + i;
	echo->icmp.checksum = ip_compute_csum(echo, vec.iov_len);
	return kernel_sendmsg(from->sock, &msg, &vec, 1, vec.iov_len);
}

/* A raw socket gets the IP header as well, and all that is ICMP. */
static int vntb_pair_receive(struct vntb_pair *pair, struct vntb_pair_side *from,
			     u8 *buf, size_t len, size_t size)
{
	struct vntb_pair_echo *echo;
	struct iphdr *ip = (void *)buf;
	int ret;

	do {
		struct msghdr msg = {};
		struct kvec vec = { .iov_base = buf, .iov_len = len };

		ret = kernel_recvmsg(from->sock, &msg, &vec, 1, len, 0);
		if (ret < 0)
			return ret;
		echo = (void *)(buf + 4 * ip->ihl);
	} while (ret < 4 * ip->ihl + sizeof(echo->icmp) ||
		 echo->icmp.type != ICMP_ECHOREPLY ||
		 echo->icmp.un.echo.id != htons(VNTB_PAIR_PING_ID) ||
		 echo->icmp.un.echo.sequence != htons(pair->seq));

	if (ret != 4 * ip->ihl + sizeof(echo->icmp) + size)
		return -EMSGSIZE;
	for (int i = 0; i < size; i++)
		if (echo->data[i] != (u8)(pair->seq + i))
			return -EBADMSG;
	return 0;
}

s64 vntb_pair_ping(struct vntb_pair *pair, enum vntb_side from, size_t size)
{
	size_t len = sizeof(struct vntb_pair_echo) + 60;
	ktime_t start;
	s64 ret;

	u8 *buf __free(kfree) = kmalloc(len, GFP_KERNEL);
	if (!buf || size > VNTB_PAIR_PING_MAX)
		return -EINVAL;

	start = ktime_get();
	ret = vntb_pair_send(pair, &pair->side[from], &pair->side[!from], (void *)buf,
			     size);
	if (ret >= 0)
		ret = vntb_pair_receive(pair, &pair->side[from], buf, len, size);
	return ret < 0 ? ret : ktime_to_ns(ktime_sub(ktime_get(), start));
}

static bool vntb_pair_no_carrier(struct vntb_pair *pair)
{
	return !netif_carrier_ok(pair->side[VNTB_RC].ndev) &&
	       !netif_carrier_ok(pair->side[VNTB_EP].ndev);
}

bool vntb_pair_link(struct vntb_pair *pair, bool up)
{
	struct ntb_dev *ntb = dev_ntb(pair->side[VNTB_RC].ndev->dev.parent->parent);

	if (up)
		ntb_link_enable(ntb, NTB_SPEED_AUTO, NTB_WIDTH_AUTO);
	else
		ntb_link_disable(ntb);
	/* The root complex is not told of what it has done */
	ntb_link_event(ntb);
	return wait_event_timeout(pair->changed,
				  up ? vntb_pair_carrier(pair) : vntb_pair_no_carrier(pair),
				  VNTB_PAIR_CARRIER_TIMEOUT);
}

int vntb_pair_poke(struct vntb_pair *pair)
{
	struct pci_dev *pdev = pair->pdev[VNTB_RC];
	void __iomem *bar = pci_ioremap_bar(pdev, 2);
	int bad = 0;

	if (!bar)
		return -ENOMEM;
	for (u32 off = 0; off < pci_resource_len(pdev, 2); off += SZ_4K)
		writel(0x5a000000 + off, bar + off);
	for (u32 off = 0; off < pci_resource_len(pdev, 2); off += SZ_4K)
		if (readl(bar + off) != 0x5a000000 + off)
			bad++;
	iounmap(bar);
	return bad;
}

struct pci_fabric_ep_stats vntb_pair_stats(struct vntb_pair *pair)
{
	return pci_fabric_ep_stats(pair->ep);
}
