/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the benchmark share: the paths by which memory is mapped. */
#ifndef PINACCT_BENCH_H
#define PINACCT_BENCH_H

#include "front.h"
#include "kinds.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

/* Anywhere that the emulated IOMMU reaches and that is not reserved. */
#define IOVA (1UL << 32)

/**
 * struct path - a way from memory to a device
 * @name: as it is printed
 * @ops: the front end, or the floor
 * @by_file: memory is named by its file and the offset in it, not by address
 * @two: it ends in two IOMMU domains
 */
struct path {
	const char *name;
	const struct front_ops *ops;
	bool by_file;
	bool two;
};

extern const struct path paths[];
extern const size_t npaths;

/* The first so many are those of which charging is measured. */
#define CHARGED_PATHS 2

void fail(const char *what, const char *path, const char *kind, int error);

bool path_takes(const struct path *path, const struct kind *kind);
void path_open(const struct path *path, struct front *front);
void path_memory(const struct path *path, struct front *front, const struct kind *kind,
		 size_t size, struct memory *memory);
int path_map(const struct path *path, struct front *front, const struct kind *kind,
	     const struct memory *memory, size_t at, __u64 iova, size_t size);

void measure_refusals(void);
void measure_containers(size_t size);
void measure_waits(size_t size);
void measure_kept(const struct path *path, const struct kind *kind, size_t size);

#endif
