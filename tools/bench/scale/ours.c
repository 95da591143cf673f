// SPDX-License-Identifier: GPL-2.0-only
/*
 * What only the rewritten modules have: pages that are held often and charged once,
 * memory that is excluded, and runs that are remembered and replaced.
 */
#include <errno.h>
#include <linux/iommufd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ask.h"
#include "memory.h"
#include "scale.h"

#define SIZE (4UL << 20)

/* In this order the pages of a range make no rows. */
static void touch_backwards(char *memory, size_t size)
{
	for (size_t at = size; at; at -= memory_page())
		memory[at - memory_page()] = 1;
}

/**
 * holders - the same memory, mapped many times; whoever runs it sets charge_once
 * @n: how often
 */
void holders(unsigned long n)
{
	for (size_t w = 0; w < nways; w++) {
		const size_t size = 16 * memory_page();
		unsigned long long began;
		struct front front;
		char *memory;
		long before;

		start("holders", ways[w].name, n);
		memory = one_row();
		open_way(&front, &ways[w]);
		before = kept();
		began = ticks();
		for (unsigned long i = 0; i < n; i++)
			check(front_map(&front, memory, IOVA + i * 2 * size, size, FRONT_RW), "map");
		tell("map", ticks() - began);
		tell("kept", kept() - before);
		began = ticks();
		for (unsigned long i = 0; i < n; i++)
			check(front_unmap(&front, IOVA + i * 2 * size, size, NULL), "unmap");
		tell("unmap", ticks() - began);
		front_close(&front);
		munmap(memory, MEMORY_HUGE);
	}
}

/* Excludes every second page of memory that is not mapped for devices. */
static int exclude(char *memory, unsigned long n)
{
	int fd = ask_open();

	check(fd < 0 ? fd : 0, "/dev/pinacct");
	for (unsigned long i = 0; i < n; i++)
		check(ask_exclude(fd, memory + i * APART, memory_page(), true), "exclude");
	return fd;
}

static void map_and_unmap(struct front *front, const char *what, char *memory, size_t size)
{
	unsigned long long began = ticks();
	char step[32];

	check(front_map(front, memory, IOVA, size, FRONT_RW), "map");
	snprintf(step, sizeof(step), "map-%s", what);
	tell(step, ticks() - began);
	began = ticks();
	check(front_unmap(front, IOVA, size, NULL), "unmap");
	snprintf(step, sizeof(step), "unmap-%s", what);
	tell(step, ticks() - began);
}

/* Some memory of each kind, with @n exclusions elsewhere: in other memory of the
 * process, or for the file in another part of it.
 */
static void exclusions_of(const struct way *way, unsigned long n)
{
	const size_t elsewhere = (n + 1) * APART;
	char *private, *small, *huge, *file;
	struct front front;
	int of_file, fd;

	start("exclusions", way->name, n);
	private = touched(elsewhere);
	small = touched(SIZE);
	huge = memory_transparent_huge(SIZE);
	of_file = memory_memfd(SIZE + elsewhere);
	check(of_file < 0 ? of_file : 0, "memfd");
	file = memory_of_file(of_file, SIZE + elsewhere);
	check(huge == MAP_FAILED || file == MAP_FAILED ? -ENOMEM : 0, "memory");
	touch_backwards(huge, SIZE);
	touch_backwards(file, SIZE);
	open_way(&front, way);

	fd = exclude(private, n);
	map_and_unmap(&front, "private", small, SIZE);
	map_and_unmap(&front, "thp", huge, SIZE);
	close(fd);
	fd = exclude(file + SIZE, n);
	map_and_unmap(&front, "file", file, SIZE);
	map_and_unmap(&front, "beside-file", small, SIZE);
	close(fd);

	front_close(&front);
	munmap(private, elsewhere);
	munmap(small, SIZE);
	munmap(huge, SIZE);
	munmap(file, SIZE + elsewhere);
	close(of_file);
}

/**
 * exclusions - mappings beside many ranges that must not be pinned
 * @n: how many ranges
 */
void exclusions(unsigned long n)
{
	for (size_t w = 0; w < MAIN_WAYS; w++)
		exclusions_of(&ways[w], n);
}

static unsigned long long fill(struct front *front, __u32 *domain)
{
	unsigned long long began = ticks();

	check(front_alloc_domain(front, DEVICE_EDU, domain), "domain");
	return ticks() - began;
}

static unsigned long long empty(struct front *front, __u32 domain)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = domain };
	unsigned long long began = ticks();

	check(ioctl(front->iommu, IOMMU_DESTROY, &destroy) ? -errno : 0, "destroy");
	return ticks() - began;
}

/**
 * refill - a domain filled with what another had, of which runs are remembered
 * @mib: how much
 *
 * Nothing of it is in rows. At last the memory is other pages than before.
 */
void refill(unsigned long mib)
{
	const size_t size = mib << 20;
	struct front front;
	__u32 domain;
	char *memory;

	start("refill", "iommufd", mib);
	memory = untouched(size);
	touch_backwards(memory, size);
	open_way(&front, &ways[1]);
	check(front_alloc_ioas(&front, &front.ioas), "IOAS");
	check(front_map(&front, memory, IOVA, size, FRONT_RW), "map");
	tell("first", fill(&front, &domain));
	tell("empty", empty(&front, domain));
	tell("again", fill(&front, &domain));
	empty(&front, domain);
	check(madvise(memory, size, MADV_DONTNEED) ? -errno : 0, "madvise");
	touch_backwards(memory, size);
	tell("other-pages", fill(&front, &domain));
	tell("empty-again", empty(&front, domain));
	front_close(&front);
	munmap(memory, size);
}
