// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mapping memory for a device costs, by kind of memory and path.
 *
 * Use:	bench map MIB,... ITERATIONS PATH,... KIND,...
 *	bench refusal
 *	bench again MIB
 *	bench kept MIB PATH KIND
 *
 * The first prints a line for each map and unmap, the second one for each path, the
 * third one for each path, kind and device, and the last one line:
 *
 *	map PATH KIND PAGES ITERATION CALLS RUNS MAP UNMAP
 *	refusal PATH SMALL LARGE
 *	again PATH KIND PAGES NR TICKS
 *	kept PATH KIND PAGES
 *
 * RUNS is how many rows of neighbours the memory consists of, which cannot be chosen.
 * MAP, UNMAP, SMALL, LARGE and TICKS are ticks of the time stamp counter.
 * Under QEMU's -icount with shift=0 a tick is an instruction, of the program and
 * the kernel alike.
 *
 * Memory is made afresh for each path, kind and size, and mapped several times, for
 * the first map of fresh memory and the next ones need not cost the same. What was
 * untouched is made so again before each map.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench.h"
#include "memory.h"

/*
 * Small pages that happen to lie in long rows are mapped as large ones, where row and
 * IOVA begin alike; and the next boot may differ by 10 %. So they do not.
 */
#define ASKEW (IOVA + 4096)

/* See compact(). */
#define REST (8UL << 20)

void fail(const char *what, const char *path, const char *kind, int error)
{
	fprintf(stderr, "bench: %s %s: %s: %s\n", path, kind, what, strerror(error));
	exit(1);
}

/*
 * What earlier kinds have left decides how long the rows are in which the kernel
 * finds free pages. So that all are measured on the same: one free row, as nearly as
 * can be had. What stays in short ones is handed out first, and taken away here.
 */
static void *compact(void)
{
	int fd = open("/proc/sys/vm/compact_memory", O_WRONLY);
	void *rest = MAP_FAILED;

	if (fd >= 0 && write(fd, "1", 1) == 1)
		rest = memory_anonymous(REST);
	if (rest == MAP_FAILED)
		fail("compaction", "", "", errno);
	close(fd);
	return rest;
}

static void measure(const struct path *path, struct front *front, const struct kind *kind,
		    size_t size, int iterations)
{
	const unsigned long iova = kind->askew ? ASKEW : IOVA;
	unsigned long long start, mapped, unmap, end;
	void *rest = compact();
	struct memory memory;
	size_t step;
	long runs;
	int rc = 0;

	path_memory(path, front, kind, size, &memory);
	size = memory.size;
	step = kind->by_page ? memory_page() : size;

	for (int i = 1; i <= iterations; i++) {
		if (kind->untouched && madvise(memory.address, size, MADV_DONTNEED))
			fail("madvise", path->name, kind->name, errno);

		start = __rdtsc();
		for (size_t done = 0; !rc && done < size; done += step)
			rc = path_map(path, front, kind, &memory, done, iova + done, step);
		mapped = __rdtsc();
		if (rc)
			fail("map", path->name, kind->name, -rc);
		/* Of a device's memory it is not told, but it is one. */
		runs = is_device_memory(kind) ? 1 : kind_runs(&memory);
		unmap = __rdtsc();
		for (size_t done = 0; !rc && done < size; done += step)
			rc = front_unmap(front, iova + done, step, NULL);
		end = __rdtsc();
		if (rc)
			fail("unmap", path->name, kind->name, -rc);

		printf("map %s %s %zu %d %zu %ld %llu %llu\n", path->name, kind->name,
		       size / memory_page(), i, size / step, runs, mapped - start, end - unmap);
	}
	kind_free(&memory);
	munmap(rest, REST);
}

/* Is a word in a list with commas, or the list "all"? */
static bool listed(const char *list, const char *word)
{
	const size_t len = strlen(word);

	if (!strcmp(list, "all"))
		return true;
	for (;; list++) {
		if (!strncmp(list, word, len) && (!list[len] || list[len] == ','))
			return true;
		list = strchr(list, ',');
		if (!list)
			return false;
	}
}

static void measure_maps(const char *sizes, int iterations, const char *which_paths,
			 const char *which_kinds)
{
	struct front front;
	char *end;

	for (size_t p = 0; p < npaths; p++) {
		if (!listed(which_paths, paths[p].name))
			continue;
		path_open(&paths[p], &front);
		for (size_t k = 0; k < nkinds; k++) {
			if (!listed(which_kinds, kinds[k].name) || !path_takes(&paths[p], &kinds[k]))
				continue;
			for (const char *size = sizes; *size; size = end + !!*end)
				measure(&paths[p], &front, &kinds[k], strtoul(size, &end, 10) << 20,
					iterations);
		}
		front_close(&front);
	}
}

static void measure_one_kept(unsigned long mib, const char *path, const char *kind)
{
	for (size_t p = 0; p < npaths; p++)
		for (size_t k = 0; k < nkinds; k++)
			if (!strcmp(path, paths[p].name) && !strcmp(kind, kinds[k].name))
				measure_kept(&paths[p], &kinds[k], mib << 20);
}

/* Are these sizes that can be halved down to a page? */
static bool good_sizes(const char *sizes)
{
	unsigned long mib;
	char *end;

	do {
		mib = strtoul(sizes, &end, 10);
		if (end == sizes || (*end && *end != ',') || !mib || mib & (mib - 1))
			return false;
		sizes = end + 1;
	} while (*end);
	return true;
}

int main(int argc, char **argv)
{
	static char output[1 << 20];

	/* Nothing is written before the end: writing costs instructions. */
	setvbuf(stdout, output, _IOFBF, sizeof(output));

	if (argc == 2 && !strcmp(argv[1], "refusal")) {
		measure_refusals();
	} else if (argc == 3 && !strcmp(argv[1], "again") && good_sizes(argv[2])) {
		measure_containers(strtoul(argv[2], NULL, 10) << 20);
	} else if (argc == 5 && !strcmp(argv[1], "kept") && good_sizes(argv[2])) {
		measure_one_kept(strtoul(argv[2], NULL, 10), argv[3], argv[4]);
	} else if (argc == 3 && !strcmp(argv[1], "waits") && good_sizes(argv[2])) {
		measure_waits(strtoul(argv[2], NULL, 10) << 20);
	} else if (argc == 6 && !strcmp(argv[1], "map") && good_sizes(argv[2]) &&
		   atoi(argv[3]) > 0) {
		measure_maps(argv[2], atoi(argv[3]), argv[4], argv[5]);
	} else {
		fprintf(stderr, "use: bench map MIB,... ITERATIONS PATH,... KIND,...\n"
			"     bench refusal\n"
			"     bench again MIB\n"
			"     bench kept MIB PATH KIND\n"
			"     bench waits MIB\n"
			"where MIB is a power of two\n");
		return 2;
	}
	return 0;
}
