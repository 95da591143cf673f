/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of memory that the benchmark maps. */
#ifndef PINACCT_BENCH_KINDS_H
#define PINACCT_BENCH_KINDS_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct kind - a kind of memory, and how it is mapped
 * @name: as it is printed
 * @make: private memory of so many bytes: its address, or MAP_FAILED; or
 * @file: a file of so many bytes, of which all is mapped shared and written: its
 *	  descriptor, or -errno. A kind that has neither is a device's memory
 * @page: bytes of the huge pages that it consists of, or 0
 * @floor: enum floor_way: the cheapest of the kernel's ways to pin it, for who knows
 *	   that it is such memory
 * @prot: what the device may do, as front.h has it
 * @untouched: is made untouched again before each map
 * @askew: is mapped so that no two of its pages make up a larger one of the IOMMU's
 * @by_page: is mapped and unmapped page by page, a call each
 * @again: is worth a look for another device
 */
struct kind {
	const char *name;
	void *(*make)(size_t size);
	int (*file)(size_t size);
	size_t page;
	int floor;
	int prot;
	bool untouched;
	bool askew;
	bool by_page;
	bool again;
};

/**
 * struct memory - memory of some kind
 * @address: of it
 * @size: in bytes
 * @fd: the file, or -1
 */
struct memory {
	char *address;
	size_t size;
	int fd;
};

extern const struct kind kinds[];
extern const size_t nkinds;

static inline bool is_device_memory(const struct kind *kind)
{
	return !kind->make && !kind->file;
}

int kind_make(const struct kind *kind, size_t size, struct memory *memory);
void kind_free(struct memory *memory);
long kind_runs(const struct memory *memory);

#endif
