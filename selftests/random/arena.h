/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory that is mapped for devices: four segments at the same addresses in
 * every process, with nothing mapped behind each.
 */
#ifndef PINACCT_RANDOM_ARENA_H
#define PINACCT_RANDOM_ARENA_H

/**
 * enum segment - kinds of memory
 * @SEGMENT_ANON: private anonymous memory of 4 KiB pages
 * @SEGMENT_LARGE: private anonymous memory, as a huge page or never written
 * @SEGMENT_FILE: a memfd, shared by all processes
 * @SEGMENT_ALIAS: the same memfd at another address
 */
enum segment {
	SEGMENT_ANON,
	SEGMENT_LARGE,
	SEGMENT_FILE,
	SEGMENT_ALIAS,
	SEGMENTS,
};

#define ARENA_SMALL 48	/* pages of a segment */
#define ARENA_LARGE 512	/* pages of SEGMENT_LARGE */

long arena_pages(enum segment segment);
const char *arena_name(enum segment segment);
char *arena_address(enum segment segment, long first);
int arena_file(void);
int arena_make(int file);
int arena_renew(enum segment segment, int huge);

#endif
