// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does it cost to map memory for one more device, when others have it already?
 *
 * Each has a container, or an iommufd with an IOAS, of its own. It is for who runs
 * it to set charge_once.
 */
#include <errno.h>
#include <stdio.h>
#include <x86intrin.h>

#include "bench.h"
#include "memory.h"
#include "privilege.h"

/* Opens both as root, who is charged for nothing afterwards. */
static void open_two(const struct path *path, struct front two[2])
{
	int rc;

	if (privilege_root(true))
		fail("not root", path->name, "again", errno);
	path_open(path, &two[0]);
	rc = front_open(&two[1], path->ops);
	if (!rc)
		rc = front_attach(&two[1], DEVICE_NIC);
	if (rc)
		fail("open", path->name, "again", -rc);
	if (privilege_root(false))
		fail("still root", path->name, "again", errno);
}

static void measure(const struct path *path, struct front two[2], const struct kind *kind,
		    size_t size)
{
	unsigned long long start, took[2];
	struct memory memory;
	int rc;

	path_memory(path, &two[0], kind, size, &memory);
	for (int i = 0; i < 2; i++) {
		start = __rdtsc();
		rc = path_map(path, &two[i], kind, &memory, 0, IOVA, size);
		took[i] = __rdtsc() - start;
		if (rc)
			fail("map", path->name, kind->name, -rc);
	}
	for (int i = 0; i < 2; i++)
		front_unmap(&two[i], IOVA, size, NULL);
	kind_free(&memory);
	printf("again %s %s %zu %llu %llu\n", path->name, kind->name, size / memory_page(),
	       took[0], took[1]);
}

void measure_containers(size_t size)
{
	struct front two[2];

	if (privilege_drop() || privilege_limit(2 * size))
		fail("no limit", "", "again", errno);

	for (size_t p = 0; p < CHARGED_PATHS; p++) {
		open_two(&paths[p], two);
		for (size_t k = 0; k < nkinds; k++)
			if (kinds[k].again)
				measure(&paths[p], two, &kinds[k], size);
		front_close(&two[0]);
		front_close(&two[1]);
	}
}
