/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mappings by file, which only native iommufd has, since Linux 6.13; and how they
 * get another owner, which 6.12 has not either.
 */
#ifndef PINACCT_TEST_MAP_FILE_H
#define PINACCT_TEST_MAP_FILE_H

#include "front.h"

bool front_maps_files(struct front *front);
int front_map_file(struct front *front, int fd, __u64 start, __u64 iova, __u64 size, int prot);

bool front_changes_process(struct front *front);
int front_change_process(struct front *front);

#endif
