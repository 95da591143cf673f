// SPDX-License-Identifier: GPL-2.0-only
/* The paths by which the benchmark maps memory: front ends, and the floor. */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "floor.h"
#include "look.h"
#include "map_file.h"
#include "pinacct_floor.h"

const struct path paths[] = {
	{ .name = "type1", .ops = &front_type1_v2 },
	{ .name = "iommufd", .ops = &front_iommufd_process },
	{ .name = "iommufd-file", .ops = &front_iommufd_process, .by_file = true },
	{ .name = "compat", .ops = &front_compat_v2 },
	{ .name = "type1-two", .ops = &front_type1_v2, .two = true },
	{ .name = "floor", .ops = &front_floor },
	{ .name = "floor-file", .ops = &front_floor, .by_file = true },
	{ .name = "floor-two", .ops = &front_floor, .two = true },
};

const size_t npaths = ARRAY_SIZE(paths);

/**
 * path_takes - is there such memory on that path?
 * @path: by which it is mapped
 * @kind: of memory
 *
 * Return: true if there is
 */
bool path_takes(const struct path *path, const struct kind *kind)
{
	if (path->by_file)
		return kind->file;
	if (is_device_memory(kind))
		return !path->ops->iommufd;
	return true;
}

static int add_domain(struct front *front)
{
	int apart, rc;

	if (front->ops == &front_floor)
		return floor_second(front);
	apart = look_apart();
	if (apart < 0)
		return apart;
	rc = front_attach(front, DEVICE_NIC);
	if (!rc && !look_is_apart(apart))
		rc = -EXDEV;
	close(apart);
	return rc;
}

/**
 * path_open - open a path, with the edu device at its end
 * @path: which
 * @front: is opened; the program ends if it cannot be
 */
void path_open(const struct path *path, struct front *front)
{
	int rc = front_open(front, path->ops);

	if (!rc)
		rc = front_attach(front, DEVICE_EDU);
	if (!rc && path->two)
		rc = add_domain(front);
	if (!rc && path->by_file && path->ops != &front_floor && !front_maps_files(front))
		rc = -ENOTTY;
	if (rc)
		fail("open", path->name, "", -rc);
}

/**
 * path_memory - make memory
 * @path: by which it is to be mapped
 * @front: open
 * @kind: which kind
 * @size: in bytes; of a device's memory, the most that is wanted
 * @memory: gets it; kind_free() frees it. The program ends if there is none
 */
void path_memory(const struct path *path, struct front *front, const struct kind *kind,
		 size_t size, struct memory *memory)
{
	int rc = 0;

	if (!is_device_memory(kind)) {
		rc = kind_make(kind, size, memory);
	} else {
		memory->fd = -1;
		memory->address = path->ops == &front_floor ? floor_map_bar(&memory->size) :
			device_map_bar(front->devices[DEVICE_EDU], 0, &memory->size);
		if (memory->address == MAP_FAILED)
			rc = -errno;
	}
	if (rc)
		fail("no memory", path->name, kind->name, -rc);
}

/**
 * path_map - map memory for the device
 * @path: by which
 * @front: open
 * @kind: of the memory
 * @memory: the memory
 * @at: which part of it, in bytes from its start
 * @iova: where the device sees it
 * @size: of the part
 *
 * Return: 0, or -errno
 */
int path_map(const struct path *path, struct front *front, const struct kind *kind,
	     const struct memory *memory, size_t at, __u64 iova, size_t size)
{
	const char *address = memory->address + at;

	if (path->ops == &front_floor && path->by_file)
		return floor_map(front, FLOOR_FILE, memory->fd, at, iova, size, kind->prot);
	if (path->ops == &front_floor)
		return floor_map(front, kind->floor, -1, (uintptr_t)address, iova, size,
				 kind->prot);
	if (path->by_file)
		return front_map_file(front, memory->fd, at, iova, size, kind->prot);
	return front_map(front, address, iova, size, kind->prot);
}
