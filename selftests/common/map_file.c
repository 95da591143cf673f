// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_IOAS_MAP_FILE and IOMMU_IOAS_CHANGE_PROCESS, also where the compiler has
 * older headers.
 */
#include <errno.h>
#include <linux/iommufd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#include "map_file.h"

#ifndef IOMMU_IOAS_MAP_FILE
struct iommu_ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 iova;
};

#define IOMMU_IOAS_MAP_FILE _IO(IOMMUFD_TYPE, 0x8f)
#endif

#ifndef IOMMU_IOAS_CHANGE_PROCESS
struct iommu_ioas_change_process {
	__u32 size;
	__u32 __reserved;
};

#define IOMMU_IOAS_CHANGE_PROCESS _IO(IOMMUFD_TYPE, 0x92)
#endif

/**
 * front_map_file - map a part of a file for the devices
 * @front: open (native iommufd only)
 * @fd: the file
 * @start: where in it, in bytes
 * @iova: where the devices see it
 * @size: in bytes
 * @prot: FRONT_READ and FRONT_WRITE, as the devices see it
 *
 * Return: 0, or -errno: -ENOTTY where the kernel has no such mappings
 */
int front_map_file(struct front *front, int fd, __u64 start, __u64 iova, __u64 size, int prot)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = front->ioas,
		.fd = fd,
		.start = start,
		.length = size,
		.iova = iova,
	};

	if (prot & FRONT_READ)
		map.flags |= IOMMU_IOAS_MAP_READABLE;
	if (prot & FRONT_WRITE)
		map.flags |= IOMMU_IOAS_MAP_WRITEABLE;
	return ioctl(front->iommu, IOMMU_IOAS_MAP_FILE, &map) < 0 ? -errno : 0;
}

/*
 * Both came with Linux 6.13. What is asked is the kernel's version and not the
 * modules, which are what is tested.
 */
static bool kernel_has_both(void)
{
	struct utsname name;
	int major, minor;

	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 13));
}

/**
 * front_maps_files - are there to be mappings by file here?
 * @front: open
 *
 * Return: true if there are
 */
bool front_maps_files(struct front *front)
{
	return !front->ops->type && kernel_has_both();
}

/**
 * front_change_process - make this process the owner of all mappings
 * @front: open (native iommufd only); every mapping is one by file
 *
 * Return: 0, or -errno
 */
int front_change_process(struct front *front)
{
	struct iommu_ioas_change_process change = {
		.size = sizeof(change),
	};

	return ioctl(front->iommu, IOMMU_IOAS_CHANGE_PROCESS, &change) < 0 ? -errno : 0;
}

/**
 * front_changes_process - can mappings get another owner here?
 * @front: open
 *
 * Return: true if they can
 */
bool front_changes_process(struct front *front)
{
	return !front->ops->type && kernel_has_both();
}
