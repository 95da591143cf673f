/* SPDX-License-Identifier: GPL-2.0-only */
/* Mappings by file, which only native iommufd has, since Linux 6.13. */
#ifndef PINACCT_TEST_MAP_FILE_H
#define PINACCT_TEST_MAP_FILE_H

#include "front.h"

bool front_maps_files(struct front *front);
int front_map_file(struct front *front, int fd, __u64 start, __u64 iova, __u64 size, int prot);

#endif
