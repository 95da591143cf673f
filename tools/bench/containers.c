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

static const enum device_kind devices[] = { DEVICE_EDU, DEVICE_NIC, DEVICE_NVME, DEVICE_VIRTIO };

#define NR ARRAY_SIZE(devices)

/* Opens all as root, who is charged for nothing afterwards. */
static void open_all(const struct path *path, struct front fronts[NR])
{
	int rc;

	if (privilege_root(true))
		fail("not root", path->name, "again", errno);
	for (size_t i = 0; i < NR; i++) {
		rc = front_open(&fronts[i], path->ops);
		if (!rc)
			rc = front_attach(&fronts[i], devices[i]);
		if (rc)
			fail("open", path->name, "again", -rc);
	}
	if (privilege_root(false))
		fail("still root", path->name, "again", errno);
}

static void measure(const struct path *path, struct front fronts[NR], const struct kind *kind,
		    size_t size)
{
	unsigned long long start, took[NR];
	struct memory memory;
	int rc;

	path_memory(path, &fronts[0], kind, size, &memory);
	for (size_t i = 0; i < NR; i++) {
		start = __rdtsc();
		rc = path_map(path, &fronts[i], kind, &memory, 0, IOVA, size);
		took[i] = __rdtsc() - start;
		if (rc)
			fail("map", path->name, kind->name, -rc);
	}
	for (size_t i = 0; i < NR; i++) {
		front_unmap(&fronts[i], IOVA, size, NULL);
		printf("again %s %s %zu %zu %llu\n", path->name, kind->name,
		       size / memory_page(), i + 1, took[i]);
	}
	kind_free(&memory);
}

void measure_containers(size_t size)
{
	struct front fronts[NR];

	if (privilege_drop() || privilege_limit(NR * size))
		fail("no limit", "", "again", errno);

	for (size_t p = 0; p < CHARGED_PATHS; p++) {
		open_all(&paths[p], fronts);
		for (size_t k = 0; k < nkinds; k++)
			if (kinds[k].again)
				measure(&paths[p], fronts, &kinds[k], size);
		for (size_t i = 0; i < NR; i++)
			front_close(&fronts[i]);
	}
}
