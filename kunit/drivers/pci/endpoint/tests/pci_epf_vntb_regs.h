/* SPDX-License-Identifier: GPL-2.0 */
/* The registers of pci-epf-vntb, and the scratchpads of ntb_transport. */
#ifndef _PCI_EPF_VNTB_REGS_H
#define _PCI_EPF_VNTB_REGS_H

/* The registers, followed by the scratchpads of both sides */
#define REG_COMMAND	0x00
#define REG_ARGUMENT	0x04
#define REG_STATUS	0x08	/* of the command, and of the link */
#define REG_ADDR	0x10
#define REG_SIZE	0x18
#define REG_NUM_MWS	0x20
#define REG_SPAD_OFFSET	0x28
#define REG_SPAD_COUNT	0x2c
#define REG_DB_ENTRY	0x30
#define REG_DB_DATA	0x34
#define REG_DB_OFFSET	0xb4
#define SPADS		0x134

#define CONFIGURE_MW	3
#define TEARDOWN_MW	4
#define LINK_UP		5
#define LINK_DOWN	6
#define OK		1
#define ERROR		2

/* Scratchpads of ntb_transport: which is which, on either side */
#define VERSION		0
#define QP_LINKS	1
#define NUM_QPS		2
#define NUM_MWS		3
#define MW0_SZ_HIGH	4
#define MW0_SZ_LOW	5
/* With 8 of them, those that the endpoint writes and the host reads, and the others */
#define FROM_EP(i)	(SPADS + 4 * (i))
#define TO_EP(i)	(SPADS + 32 + 4 * (i))
#define PROTOCOL	4

#endif /* _PCI_EPF_VNTB_REGS_H */
