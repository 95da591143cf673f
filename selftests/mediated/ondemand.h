/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest's program and its test device tell each other: the PCI device that
 * pins a page when it is told to. The guest's program is assembly.
 */
#ifndef PINACCT_TEST_ONDEMAND_H
#define PINACCT_TEST_ONDEMAND_H

/* The vendor is the one of QEMU's own test devices. */
#define ONDEMAND_VENDOR		0x1234
#define ONDEMAND_DEVICE		0x0de0

/* Its only BAR, I/O ports, little-endian. */
#define ONDEMAND_PAGE		0x0	/* 32 bits: number of a page of the guest */
#define ONDEMAND_COMMAND	0x4	/* 16 bits: one of those below; done when written */
#define ONDEMAND_STATUS		0x6	/* 16 bits: errno of the last command, 0 if it was done */
#define ONDEMAND_COUNT		0x8	/* 32 bits: how many pages are pinned */
#define ONDEMAND_PORTS		0x10

/* Pins the page. EEXIST if it is. */
#define ONDEMAND_PIN		1
/* Drops its pin. ENOENT if there is none. */
#define ONDEMAND_UNPIN		2
/* DMA: its first 16 bits become its second. ENOENT if it is not pinned. */
#define ONDEMAND_COPY		3

#endif
