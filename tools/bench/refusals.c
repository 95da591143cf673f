// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does it cost to be refused, when that can be known before a page is touched?
 *
 * Memory that was never touched, 4 MiB and 1 TiB of the same mapping, where the
 * limit is a page less than 4 MiB.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <x86intrin.h>

#include "bench.h"
#include "memory.h"
#include "privilege.h"

#define SMALL (4UL << 20)
#define LARGE (1UL << 40)
#define LARGE_IOVA LARGE

/* The least of so many is taken: the first few are logged, which costs more. */
#define REFUSALS 64

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

void measure_refusals(void)
{
	void *memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned long long small, large;
	struct front front;

	if (memory == MAP_FAILED)
		fail("no memory", "", "refusal", errno);
	if (privilege_drop() || privilege_limit(SMALL - memory_page()))
		fail("no limit", "", "refusal", errno);

	for (size_t p = 0; p < CHARGED_PATHS; p++) {
		/* Only root opens a device. */
		if (privilege_root(true))
			fail("not root", paths[p].name, "refusal", errno);
		path_open(&paths[p], &front);
		if (privilege_root(false))
			fail("still root", paths[p].name, "refusal", errno);
		small = refuse(&front, memory, SMALL);
		large = refuse(&front, memory, LARGE);
		front_close(&front);
		printf("refusal %s %llu %llu\n", paths[p].name, small, large);
	}
}
