/* SPDX-License-Identifier: GPL-2.0-only */
/* QEMU's edu device, as an honest witness of what a device sees. */
#ifndef PINACCT_TEST_EDU_H
#define PINACCT_TEST_EDU_H

#include <linux/types.h>

/*
 * The device's buffer has 4096 bytes, but it refuses to move all of them at
 * once.
 */
#define EDU_MAX 2048

/* It drives 28 address bits, unless told otherwise. */
#define EDU_IOVA_END (1UL << 28)

/**
 * struct edu - an edu device that is attached
 * @bar: its registers
 * @size: of them, in bytes
 */
struct edu {
	void *bar;
	unsigned long size;
};

int edu_start(struct edu *edu, int device);
void edu_stop(struct edu *edu);
int edu_read_memory(struct edu *edu, __u64 iova, unsigned int bytes);
int edu_write_memory(struct edu *edu, __u64 iova, unsigned int bytes);

#endif
