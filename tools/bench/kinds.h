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
 *	  descriptor, or -errno
 * @page: bytes of the huge pages that it consists of, or 0
 * @prot: what the device may do, as front.h has it
 * @untouched: is made untouched again before each map
 * @askew: is mapped so that no two of its pages make up a larger one of the IOMMU's
 * @part: pages are mapped one by one, and only one in so many: it is slow
 * @again: is worth a look for another device
 */
struct kind {
	const char *name;
	void *(*make)(size_t size);
	int (*file)(size_t size);
	size_t page;
	int prot;
	bool untouched;
	bool askew;
	unsigned int part;
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

int kind_make(const struct kind *kind, size_t size, struct memory *memory);
void kind_free(struct memory *memory);

#endif
