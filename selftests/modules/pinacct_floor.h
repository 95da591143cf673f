/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* What a program says to pinacct_floor.c. */
#ifndef PINACCT_FLOOR_H
#define PINACCT_FLOOR_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * enum floor_way - how pages are found and pinned
 * @FLOOR_GUP: page by page, 512 at a time
 * @FLOOR_LEAF: one page of each huge page; for memory that has huge pages only,
 *		each of them mapped whole
 * @FLOOR_FILE: the folios of a file in memory, as the file has them
 * @FLOOR_DEVICE: not pinned: the PFNs of a device's memory
 */
enum floor_way {
	FLOOR_GUP,
	FLOOR_LEAF,
	FLOOR_FILE,
	FLOOR_DEVICE,
};

/**
 * struct floor_map - map memory for the device
 * @way: enum floor_way
 * @fd: -1, or the file (FLOOR_FILE only)
 * @start: where the memory is: an address of the caller; an offset if there is @fd
 * @iova: where the device sees it
 * @size: in bytes
 * @write: whether the device may write
 * @reserved: 0
 *
 * @start, @iova and @size are multiples of a page.
 */
struct floor_map {
	__u32 way;
	__s32 fd;
	__u64 start;
	__u64 iova;
	__u64 size;
	__u32 write;
	__u32 reserved;
};

/**
 * struct floor_unmap - unmap what one floor_map has mapped
 * @iova: as it was mapped
 * @size: as it was mapped
 */
struct floor_unmap {
	__u64 iova;
	__u64 size;
};

/* Have what is mapped later on in a second domain, too. */
#define FLOOR_SECOND	_IO('P', 0xf2)

#define FLOOR_MAP	_IOW('P', 0xf0, struct floor_map)
#define FLOOR_UNMAP	_IOW('P', 0xf1, struct floor_unmap)

#endif
