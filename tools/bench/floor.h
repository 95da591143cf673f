/* SPDX-License-Identifier: GPL-2.0-only */
/* The floor, for the benchmark, as if it were a front end. */
#ifndef PINACCT_BENCH_FLOOR_H
#define PINACCT_BENCH_FLOOR_H

#include "front.h"

extern const struct front_ops front_floor;

int floor_map(struct front *front, int way, int fd, __u64 start, __u64 iova, __u64 size,
	      int prot);
int floor_second(struct front *front);
void *floor_map_bar(unsigned long *size);

#endif
