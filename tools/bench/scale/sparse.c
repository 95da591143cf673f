// SPDX-License-Identifier: GPL-2.0-only
/* Does it matter how far apart memory is, at its addresses and as devices see it? */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "memory.h"
#include "privilege.h"
#include "scale.h"

/* So many pages, from one end of the range to the other. */
#define PAGES 1024

/* Far from what the machine has reserved, whatever the size */
#define FAR (1UL << 40)

/**
 * span - pages that are far from each other
 * @mib: from the first to the last
 */
void span(unsigned long mib)
{
	const unsigned long stride = (mib << 20) / PAGES;
	const size_t page = memory_page();
	unsigned long long began;

	for (size_t w = 0; w < nways; w++) {
		struct front front;
		char *memory;

		start("span", ways[w].name, mib);
		memory = untouched(mib << 20);
		for (unsigned long i = 0; i < PAGES; i++)
			memory[i * stride] = 1;
		open_way(&front, &ways[w]);
		for (int all = 0; all <= 1; all++) {
			began = ticks();
			for (unsigned long i = 0; i < PAGES; i++)
				check(front_map(&front, memory + i * stride, FAR + i * stride,
						page, FRONT_RW), "map");
			if (!all)
				tell("map", ticks() - began);
			began = ticks();
			for (unsigned long i = 0; i < PAGES && !all; i++)
				check(front_unmap(&front, FAR + i * stride, page, NULL), "unmap");
			if (all)
				check(front_unmap_all(&front, NULL), "unmap all");
			tell(all ? "unmap-all" : "unmap", ticks() - began);
		}
		front_close(&front);
		munmap(memory, mib << 20);
	}
}

/* The first few are logged, which costs more. */
#define REFUSALS 16

/**
 * refused - a mapping of much more memory than the limit allows
 * @mib: how much; nothing of it was ever touched
 */
void refused(unsigned long mib)
{
	for (size_t w = 0; w < nways; w++) {
		unsigned long long began, least = -1;
		struct front front;
		char *memory;

		start("refused", ways[w].name, mib);
		memory = untouched(mib << 20);
		open_way(&front, &ways[w]);
		check(privilege_limit(4UL << 20), "limit");
		for (int i = 0; i < REFUSALS; i++) {
			began = ticks();
			check(front_map(&front, memory, FAR, mib << 20, FRONT_RW) == -ENOMEM ?
			      0 : -EIO, "not refused");
			began = ticks() - began;
			least = began < least ? began : least;
		}
		tell("map", least);
		check(privilege_limit(RLIM_INFINITY), "limit");
		front_close(&front);
		munmap(memory, mib << 20);
	}
}
