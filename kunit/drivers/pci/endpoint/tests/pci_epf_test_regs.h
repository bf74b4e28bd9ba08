/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registers of pci-epf-test, as Documentation/PCI/endpoint/pci-test-function.rst has
 * them.
 */
#ifndef _PCI_EPF_TEST_REGS_H
#define _PCI_EPF_TEST_REGS_H

#include <linux/bits.h>

#define REG_COMMAND		0x04
#define REG_STATUS		0x08
#define REG_SRC_ADDR		0x0c
#define REG_DST_ADDR		0x14
#define REG_SIZE		0x1c
#define REG_IRQ_TYPE		0x24
#define REG_IRQ_NUMBER		0x28
#define REG_FLAGS		0x2c
#define REG_CAPS		0x30
#define REG_DB_BAR		0x34
#define REG_DB_OFFSET		0x38
#define REG_DB_DATA		0x3c

#define CMD_READ		BIT(3)
#define CMD_WRITE		BIT(4)
#define CMD_COPY		BIT(5)
#define ENABLE			BIT(6)
#define DISABLE			BIT(7)
#define SUBRANGE_SETUP		BIT(8)
#define SUBRANGE_CLEAR		BIT(9)

#define READ_FAIL		BIT(1)
#define WRITE_FAIL		BIT(3)
#define COPY_FAIL		BIT(5)
#define RUNG			BIT(9)
#define ENABLED			BIT(10)
#define ENABLE_FAIL		BIT(11)
#define DISABLED		BIT(12)
#define DISABLE_FAIL		BIT(13)
#define SETUP_DONE		BIT(14)
#define SETUP_FAIL		BIT(15)
#define CLEAR_DONE		BIT(16)
#define CLEAR_FAIL		BIT(17)
#define DONE			(~BIT(6))	/* but that an IRQ was raised */

#endif /* _PCI_EPF_TEST_REGS_H */
