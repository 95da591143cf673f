// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mapping memory for a device costs, by kind of memory and front end, what
 * it costs to be refused, and to map the same memory for another device.
 *
 * Use:	bench MIB ITERATIONS [FRONT KIND]
 *	bench refusal
 *	bench again MIB
 *
 * The first prints a line for each map and unmap, the second one for each front
 * end, and the third one for each front end and kind:
 *
 *	FRONT KIND ITERATION PAGES MAP UNMAP
 *	refusal FRONT SMALL LARGE
 *	again FRONT KIND PAGES FIRST SECOND
 *
 * MAP, UNMAP, SMALL, LARGE, FIRST and SECOND are ticks of the time stamp counter. Under QEMU's
 * -icount with shift=0 a tick is an instruction, of the program and the kernel
 * alike.
 *
 * Memory is made afresh for each front end and kind, and mapped several times,
 * for the first map of fresh memory and the next ones need not cost the same.
 * What was untouched is made so again before each map. Of huge pages that are
 * larger than MIB, one is mapped.
 *
 * SMALL and LARGE are for memory that was never touched, 4 MiB and 1 TiB of the
 * same mapping, where the limit is a page less than 4 MiB.
 *
 * FIRST and SECOND are for touched memory in two containers, or two IOASes of an
 * iommufd each, with a device each. It is for who runs it to set charge_once.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include "front.h"
#include "kinds.h"
#include "memory.h"
#include "privilege.h"

/* Anywhere that the emulated IOMMU reaches and that is not reserved. */
#define IOVA (1UL << 32)

/*
 * Small pages that happen to lie in long rows are mapped as large ones, where row and
 * IOVA begin alike; and the next boot may differ by 10 %. So they do not.
 */
#define ASKEW (IOVA + 4096)

/* What is refused, and where it would have gone */
#define SMALL (4UL << 20)
#define LARGE (1UL << 40)
#define LARGE_IOVA LARGE

/* The least of so many is taken: the first few are logged, which costs more. */
#define REFUSALS 64

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

static void fail(const char *what, const char *front, const char *kind, int error)
{
	fprintf(stderr, "bench: %s %s: %s: %s\n", front, kind, what, strerror(error));
	exit(1);
}

static const struct front_ops *const fronts[] = { &front_type1_v2, &front_iommufd_process };

/*
 * What earlier kinds have left decides how long the rows are in which the kernel
 * finds free pages. So that both sets of modules are measured on the same: one
 * free row, as nearly as can be had.
 */
static int compact(void)
{
	int fd = open("/proc/sys/vm/compact_memory", O_WRONLY);
	int rc = fd < 0 || write(fd, "1", 1) != 1 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

static void measure(struct front *front, const struct kind *kind, size_t size, int iterations)
{
	const unsigned long iova = kind->askew ? ASKEW : IOVA;
	unsigned long long start, mapped, end;
	struct memory memory;
	size_t step;
	int rc;

	if (size < kind->page)
		size = kind->page;
	if (kind->part)
		size /= kind->part;
	step = kind->part ? memory_page() : size;
	rc = compact();
	if (rc)
		fail("compaction", front->ops->name, kind->name, -rc);
	rc = kind_make(kind, size, &memory);
	if (rc)
		fail("no memory", front->ops->name, kind->name, -rc);

	for (int i = 1; i <= iterations; i++) {
		if (kind->untouched && madvise(memory.address, size, MADV_DONTNEED))
			fail("madvise", front->ops->name, kind->name, errno);

		start = __rdtsc();
		for (size_t done = 0; !rc && done < size; done += step)
			rc = front_map(front, memory.address + done, iova + done, step, kind->prot);
		mapped = __rdtsc();
		if (rc)
			fail("map", front->ops->name, kind->name, -rc);
		for (size_t done = 0; !rc && done < size; done += step)
			rc = front_unmap(front, iova + done, step, NULL);
		end = __rdtsc();
		if (rc)
			fail("unmap", front->ops->name, kind->name, -rc);

		printf("%s %s %d %zu %llu %llu\n", front->ops->name, kind->name, i,
		       size / memory_page(), mapped - start, end - mapped);
	}
	kind_free(&memory);
}

/* Opens a front end, with a device in it. */
static void begin(struct front *front, const struct front_ops *ops)
{
	int rc = front_open(front, ops);

	if (!rc)
		rc = front_attach(front, DEVICE_EDU);
	if (rc)
		fail("open", ops->name, "", -rc);
}

static void measure_all(size_t size, int iterations, const char *only_front,
			const char *only_kind)
{
	struct front front;

	for (size_t f = 0; f < ARRAY_SIZE(fronts); f++) {
		if (only_front && strcmp(only_front, fronts[f]->name))
			continue;
		begin(&front, fronts[f]);
		for (size_t k = 0; k < nkinds; k++)
			if (!only_kind || !strcmp(only_kind, kinds[k].name))
				measure(&front, &kinds[k], size, iterations);
		front_close(&front);
	}
}

static unsigned long long refuse(struct front *front, const void *memory, size_t size)
{
	unsigned long long start, took, least = ULLONG_MAX;
	int rc;

	for (int i = 0; i < REFUSALS; i++) {
		start = __rdtsc();
		rc = front_map(front, memory, LARGE_IOVA, size, FRONT_RW);
		took = __rdtsc() - start;
		if (rc != -ENOMEM)
			fail("not refused", front->ops->name, "refusal", -rc);
		if (took < least)
			least = took;
	}
	return least;
}

static void measure_refusals(void)
{
	void *memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned long long small, large;
	struct front front;

	if (memory == MAP_FAILED)
		fail("no memory", "", "refusal", errno);
	if (privilege_drop() || privilege_limit(SMALL - memory_page()))
		fail("no limit", "", "refusal", errno);

	for (size_t f = 0; f < ARRAY_SIZE(fronts); f++) {
		/* Only root opens a device. */
		if (privilege_root(true))
			fail("not root", fronts[f]->name, "refusal", errno);
		begin(&front, fronts[f]);
		if (privilege_root(false))
			fail("still root", fronts[f]->name, "refusal", errno);
		small = refuse(&front, memory, SMALL);
		large = refuse(&front, memory, LARGE);
		front_close(&front);
		printf("refusal %s %llu %llu\n", fronts[f]->name, small, large);
	}
}

/* Opens both front ends as root, who is charged for nothing afterwards. */
static void begin_two(struct front two[2], const struct front_ops *ops)
{
	int rc;

	if (privilege_root(true))
		fail("not root", ops->name, "again", errno);
	begin(&two[0], ops);
	rc = front_open(&two[1], ops);
	if (!rc)
		rc = front_attach(&two[1], DEVICE_NIC);
	if (rc)
		fail("open", ops->name, "again", -rc);
	if (privilege_root(false))
		fail("still root", ops->name, "again", errno);
}

static void measure_again(size_t size)
{
	unsigned long long start, took[2];
	struct front two[2];

	if (privilege_drop() || privilege_limit(2 * size))
		fail("no limit", "", "again", errno);

	for (size_t f = 0; f < ARRAY_SIZE(fronts); f++) {
		begin_two(two, fronts[f]);
		for (size_t k = 0; k < nkinds; k++) {
			struct memory memory;
			int rc;

			if (!kinds[k].again)
				continue;
			rc = kind_make(&kinds[k], size, &memory);
			if (rc)
				fail("no memory", fronts[f]->name, kinds[k].name, -rc);
			for (int i = 0; i < 2; i++) {
				start = __rdtsc();
				rc = front_map(&two[i], memory.address, IOVA, size, kinds[k].prot);
				took[i] = __rdtsc() - start;
				if (rc)
					fail("map", fronts[f]->name, kinds[k].name, -rc);
			}
			for (int i = 0; i < 2; i++)
				front_unmap(&two[i], IOVA, size, NULL);
			kind_free(&memory);
			printf("again %s %s %zu %llu %llu\n", fronts[f]->name, kinds[k].name,
			       size / memory_page(), took[0], took[1]);
		}
		front_close(&two[0]);
		front_close(&two[1]);
	}
}

int main(int argc, char **argv)
{
	static char output[1 << 16];
	unsigned long mib = argc >= 3 ? strtoul(argv[1], NULL, 0) : 0;
	int iterations = argc >= 3 ? atoi(argv[2]) : 0;

	/* Nothing is written before the end: writing costs instructions. */
	setvbuf(stdout, output, _IOFBF, sizeof(output));

	if (argc == 2 && !strcmp(argv[1], "refusal")) {
		measure_refusals();
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "again")) {
		measure_again(strtoul(argv[2], NULL, 0) << 20);
		return 0;
	}
	if (!mib || mib & (mib - 1) || iterations < 1) {
		fprintf(stderr, "use: bench MIB ITERATIONS [FRONT KIND], where MIB is a power of two\n"
			"     bench refusal\n"
			"     bench again MIB\n");
		return 2;
	}
	measure_all(mib << 20, iterations, argc == 5 ? argv[3] : NULL, argc == 5 ? argv[4] : NULL);
	return 0;
}
