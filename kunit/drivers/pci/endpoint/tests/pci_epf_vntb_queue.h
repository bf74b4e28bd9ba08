/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A client of ntb_transport, of which there is one, for suites that load the latter with
 * vntb_pair_load_transport().
 */
#ifndef _PCI_EPF_VNTB_QUEUE_H
#define _PCI_EPF_VNTB_QUEUE_H

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/ntb_transport.h>

#define NAME		"pci_epf_vntb_kunit"

/* What the suite does with frames */
static const struct ntb_queue_handlers queue_handlers;

/* The queue, as long as there is a transport */
static struct ntb_transport_qp *queue;

static int queue_probe(struct device *dev)
{
	queue = ntb_transport_create_queue(NULL, dev, &queue_handlers);
	return queue ? 0 : -EIO;
}

static void queue_remove(struct device *dev)
{
	ntb_transport_free_queue(queue);
	queue = NULL;
}

static struct ntb_transport_client queue_client = {
	.driver.name	= NAME,
	.probe		= queue_probe,
	.remove		= queue_remove,
};

static void queue_unregister(void *unused)
{
	ntb_transport_unregister_client(&queue_client);
	ntb_transport_unregister_client_dev(NAME);
}

/* Until the test ends */
static void queue_register(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, ntb_transport_register_client(&queue_client), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, queue_unregister, NULL), 0);
}

/* On the transport that there is now */
static void queue_add(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, ntb_transport_register_client_dev(NAME), 0);
	KUNIT_ASSERT_NOT_NULL(test, queue);
}

static bool wait_queue(bool up)
{
	for (int i = 0; i < 5000 && ntb_transport_link_query(queue) != up; i++)
		fsleep(1000);
	return ntb_transport_link_query(queue) == up;
}

#endif /* _PCI_EPF_VNTB_QUEUE_H */
