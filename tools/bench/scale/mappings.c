// SPDX-License-Identifier: GPL-2.0-only
/* Does one more mapping of a container cost more where there are many? */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ask.h"
#include "memory.h"
#include "scale.h"

static void mappings_of(const struct way *way, unsigned long n)
{
	const size_t page = memory_page();
	unsigned long long began;
	struct front front;
	char *memory;
	long before;

	start("mappings", way->name, n);
	memory = touched(n * page);
	open_way(&front, way);

	before = kept();
	tell("map", map_pages(&front, memory, n));
	tell("kept", kept() - before);
	tell("unmap", unmap_pages(&front, n));

	map_pages(&front, memory, n);
	began = ticks();
	check(front_unmap_all(&front, NULL), "unmap all");
	tell("unmap-all", ticks() - began);

	map_pages(&front, memory, n);
	began = ticks();
	front_close(&front);
	tell("close", ticks() - began);
	munmap(memory, n * page);
}

/**
 * mappings - many mappings of a page each, in one container
 * @n: how many
 */
void mappings(unsigned long n)
{
	for (size_t i = 0; i < nways; i++)
		mappings_of(&ways[i], n);
}

/* Neighbours that differ are not joined. */
static char *many_vmas(unsigned long n)
{
	const size_t page = memory_page();
	char *memory = touched(n * page);

	for (unsigned long i = 0; i < n; i += 2)
		check(madvise(memory + i * page, page, MADV_DONTFORK) ? -errno : 0, "madvise");
	return memory;
}

/**
 * vmas - one mapping of memory that consists of many VMAs
 * @n: how many VMAs, and pages
 */
void vmas(unsigned long n)
{
	const size_t size = n * memory_page();
	unsigned long long began;

	for (size_t i = 0; i < MAIN_WAYS; i++) {
		struct front front;
		char *memory;

		start("vmas", ways[i].name, n);
		memory = many_vmas(n);
		open_way(&front, &ways[i]);
		began = ticks();
		check(front_map(&front, memory, IOVA, size, FRONT_RW), "map");
		tell("map", ticks() - began);
		began = ticks();
		check(front_unmap(&front, IOVA, size, NULL), "unmap");
		tell("unmap", ticks() - began);
		front_close(&front);
		munmap(memory, size);
	}
}

/**
 * asked - which pages are pinned, where there are many mappings?
 * @n: mappings of a page each
 *
 * It is asked about one page, and about all.
 */
void asked(unsigned long n)
{
	static struct pinacct_pin_range ranges[1 << 14];
	const size_t page = memory_page();
	unsigned long long began;

	for (size_t i = 0; i < nways; i++) {
		struct front front;
		char *memory;
		int fd;

		start("asked", ways[i].name, n);
		memory = touched(n * page);
		open_way(&front, &ways[i]);
		map_pages(&front, memory, n);
		fd = ask_open();
		check(fd < 0 ? fd : 0, "/dev/pinacct");

		began = ticks();
		check(ask_pins(fd, PINACCT_PINS_BY_ADDRESS, memory, page, ranges, 1) != 1 ?
		      -ENOENT : 0, "one page");
		tell("one-by-address", ticks() - began);
		began = ticks();
		check(ask_pins(fd, PINACCT_PINS_BY_PAGE, memory, page, ranges, 1) != 1 ?
		      -ENOENT : 0, "one page");
		tell("one-by-page", ticks() - began);
		began = ticks();
		check(ask_pins(fd, PINACCT_PINS_BY_ADDRESS, memory, n * page, ranges,
			       ARRAY_SIZE(ranges)) < 1 ? -ENOENT : 0, "all");
		tell("all-by-address", ticks() - began);
		began = ticks();
		check(ask_pins(fd, PINACCT_PINS_BY_PAGE, memory, n * page, ranges,
			       ARRAY_SIZE(ranges)) < 1 ? -ENOENT : 0, "all");
		tell("all-by-page", ticks() - began);

		close(fd);
		front_close(&front);
		munmap(memory, n * page);
	}
}
