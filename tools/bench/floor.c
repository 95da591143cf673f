// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floor, for the benchmark: selftests/modules/pinacct_floor.c, as if it were a
 * front end. Its device is behind it when it is open.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "floor.h"
#include "pinacct_floor.h"

static int open_floor(struct front *front)
{
	front->iommu = open("/dev/pinacct_floor", O_RDWR | O_CLOEXEC);
	return front->iommu < 0 ? -errno : 0;
}

static int attach(struct front *front, enum device_kind kind)
{
	return kind == DEVICE_EDU ? 0 : -ENODEV;
}

static void detach(struct front *front, enum device_kind kind)
{
}

static int unmap(struct front *front, __u64 iova, __u64 size, __u64 *unmapped)
{
	struct floor_unmap unmap = { .iova = iova, .size = size };

	*unmapped = 0;
	if (ioctl(front->iommu, FLOOR_UNMAP, &unmap))
		return -errno;
	*unmapped = size;
	return 0;
}

const struct front_ops front_floor = {
	.name = "floor",
	.open = open_floor,
	.attach = attach,
	.detach = detach,
	.unmap = unmap,
};

/**
 * floor_map - map memory for the device
 * @front: open
 * @way: enum floor_way
 * @fd: a file, or -1
 * @start: address, or offset in the file if there is one
 * @iova: where the device sees it
 * @size: in bytes
 * @prot: as of front_map()
 *
 * Return: 0, or -errno
 */
int floor_map(struct front *front, int way, int fd, __u64 start, __u64 iova, __u64 size,
	      int prot)
{
	struct floor_map map = {
		.way = way,
		.fd = fd,
		.start = start,
		.iova = iova,
		.size = size,
		.write = !!(prot & FRONT_WRITE),
	};

	return ioctl(front->iommu, FLOOR_MAP, &map) ? -errno : 0;
}

/**
 * floor_second - have what is mapped later on in a second domain, too
 * @front: open
 *
 * Return: 0, or -errno
 */
int floor_second(struct front *front)
{
	return ioctl(front->iommu, FLOOR_SECOND) ? -errno : 0;
}

/**
 * floor_map_bar - map the edu device's memory into this process, without VFIO
 * @size: gets its size in bytes
 *
 * Return: its address, or MAP_FAILED
 */
void *floor_map_bar(unsigned long *size)
{
	const char *pattern = "/sys/bus/pci/drivers/pinacct_floor/*/resource0";
	void *bar = MAP_FAILED;
	struct stat stat;
	glob_t found;
	int fd = -1;

	if (!glob(pattern, 0, NULL, &found)) {
		fd = open(found.gl_pathv[0], O_RDWR | O_CLOEXEC);
		globfree(&found);
	}
	if (fd < 0)
		return MAP_FAILED;
	if (!fstat(fd, &stat)) {
		*size = stat.st_size;
		bar = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	close(fd);
	return bar;
}
