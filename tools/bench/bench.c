// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mapping memory for a device costs, by kind of memory and front end.
 *
 * Use:	bench MIB ITERATIONS [FRONT KIND]
 *
 * Prints a line for each map and unmap:
 *
 *	FRONT KIND ITERATION PAGES MAP UNMAP
 *
 * MAP and UNMAP are ticks of the time stamp counter. Under QEMU's -icount with
 * shift=0 a tick is an instruction, of the program and the kernel alike.
 *
 * Memory is made afresh for each front end and kind, and mapped several times,
 * for the first map of fresh memory and the next ones need not cost the same.
 * What was untouched is made so again before each map.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include "front.h"
#include "memory.h"

/* Anywhere that the emulated IOMMU reaches and that is not reserved. */
#define IOVA (1UL << 32)

struct kind {
	const char *name;
	void *(*make)(size_t size);
	int prot;
	bool untouched;
	/* Pages are mapped one by one, and only a part of them: it is slow. */
	unsigned int part;
};

static void fail(const char *what, const char *front, const char *kind, int error)
{
	fprintf(stderr, "bench: %s %s: %s: %s\n", front, kind, what, strerror(error));
	exit(1);
}

static void *small_pages(size_t size)
{
	void *memory = memory_untouched(size);

	if (memory != MAP_FAILED && madvise(memory, size, MADV_NOHUGEPAGE))
		return MAP_FAILED;
	return memory;
}

static void *touched(size_t size)
{
	void *memory = small_pages(size);

	if (memory != MAP_FAILED)
		memset(memory, 0x5a, size);
	return memory;
}

/*
 * No two pages in a row: the kernel hands out neighbours one after the other,
 * and they go to addresses whose page numbers are the count read backwards.
 */
static void *scattered(size_t size)
{
	const size_t npages = size / memory_page();
	char *memory = small_pages(size);

	for (size_t i = 0; memory != MAP_FAILED && i < npages; i++) {
		size_t reversed = 0;

		for (size_t bit = 1; bit < npages; bit <<= 1)
			reversed = reversed << 1 | !!(i & bit);
		memory[reversed * memory_page()] = 0x5a;
	}
	return memory;
}

static void *shared_file(size_t size)
{
	int fd = memory_memfd(size);
	void *memory;

	if (fd < 0)
		return MAP_FAILED;
	memory = memory_of_file(fd, size);
	close(fd);
	if (memory != MAP_FAILED)
		memset(memory, 0x5a, size);
	return memory;
}

static const struct kind kinds[] = {
	{ .name = "4k", .make = touched, .prot = FRONT_RW },
	{ .name = "4k-scattered", .make = scattered, .prot = FRONT_RW },
	{ .name = "thp", .make = memory_transparent_huge, .prot = FRONT_RW },
	{ .name = "hugetlb-2m", .make = memory_hugetlb, .prot = FRONT_RW },
	{ .name = "memfd-4k", .make = shared_file, .prot = FRONT_RW },
	{ .name = "4k-untouched", .make = small_pages, .prot = FRONT_RW, .untouched = true },
	{ .name = "ro-4k", .make = touched, .prot = FRONT_READ },
	{ .name = "ro-untouched", .make = small_pages, .prot = FRONT_READ, .untouched = true },
	{ .name = "page-by-page", .make = touched, .prot = FRONT_RW, .part = 8 },
};

static const struct front_ops *const fronts[] = { &front_type1_v2, &front_iommufd_process };

static bool wanted(const char *name, int argc, char **argv, int arg)
{
	return argc != 5 || !strcmp(name, argv[arg]);
}

static void measure(struct front *front, const struct kind *kind, size_t size, int iterations)
{
	const size_t step = kind->part ? memory_page() : size;
	unsigned long long start, mapped, end;
	char *memory;
	int rc = 0;

	if (kind->part)
		size /= kind->part;
	memory = kind->make(size);
	if (memory == MAP_FAILED)
		fail("no memory", front->ops->name, kind->name, errno);

	for (int i = 1; i <= iterations; i++) {
		if (kind->untouched && madvise(memory, size, MADV_DONTNEED))
			fail("madvise", front->ops->name, kind->name, errno);

		start = __rdtsc();
		for (size_t done = 0; !rc && done < size; done += step)
			rc = front_map(front, memory + done, IOVA + done, step, kind->prot);
		mapped = __rdtsc();
		if (rc)
			fail("map", front->ops->name, kind->name, -rc);
		for (size_t done = 0; !rc && done < size; done += step)
			rc = front_unmap(front, IOVA + done, step, NULL);
		end = __rdtsc();
		if (rc)
			fail("unmap", front->ops->name, kind->name, -rc);

		printf("%s %s %d %zu %llu %llu\n", front->ops->name, kind->name, i,
		       size / memory_page(), mapped - start, end - mapped);
	}
	munmap(memory, size);
}

int main(int argc, char **argv)
{
	static char output[1 << 16];
	unsigned long mib = argc >= 3 ? strtoul(argv[1], NULL, 0) : 0;
	int iterations = argc >= 3 ? atoi(argv[2]) : 0;
	struct front front;
	int rc;

	if (!mib || mib & (mib - 1) || iterations < 1) {
		fprintf(stderr, "use: bench MIB ITERATIONS [FRONT KIND], where MIB is a power of two\n");
		return 2;
	}
	/* Nothing is written before the end: writing costs instructions. */
	setvbuf(stdout, output, _IOFBF, sizeof(output));

	for (size_t f = 0; f < sizeof(fronts) / sizeof(*fronts); f++) {
		if (!wanted(fronts[f]->name, argc, argv, 3))
			continue;
		rc = front_open(&front, fronts[f]);
		if (!rc)
			rc = front_attach(&front, DEVICE_EDU);
		if (rc)
			fail("open", fronts[f]->name, "", -rc);
		for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
			if (wanted(kinds[k].name, argc, argv, 4))
				measure(&front, &kinds[k], mib << 20, iterations);
		front_close(&front);
	}
	return 0;
}
