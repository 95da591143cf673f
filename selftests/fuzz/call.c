// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of type1, iommufd and /dev/pinacct, of which any member can be anything.
 *
 * A structure is followed by one more word, that is not zero in some programs, and
 * then by zeros to the end of its page: what a kernel does not know must be zero.
 */
#include <errno.h>
#include <linux/iommufd.h>
#include <linux/pinacct.h>
#include <linux/vfio.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "call.h"
#include "memory.h"

/* The variable parts of two of type1's structures, spelled out */
struct dma_unmap {
	struct vfio_iommu_type1_dma_unmap head;
	struct vfio_bitmap bitmap;
};

struct dirty_pages {
	struct vfio_iommu_type1_dirty_bitmap head;
	struct vfio_iommu_type1_dirty_bitmap_get get;
};

#define FIELD(type, member, kind) \
	{ #member, offsetof(struct type, member), sizeof(((struct type *)0)->member), FIELD_##kind }
#define CALL(command, type, ...) #command, command, sizeof(struct type), __VA_ARGS__

/*
 * What is documented: of /dev/pinacct in its header, of the others in theirs, and by
 * README and DESIGN for what the parameters make of refusals.
 */
#define REFUSED ENOMEM, EFAULT, EINVAL, EOPNOTSUPP, EDQUOT, ENODATA, EAGAIN, EBUSY

static const int pinacct_errnos[] = {
	EINVAL, EFAULT, E2BIG, EOPNOTSUPP, ENOMEM, ESRCH, EPERM, ENOENT, 0
};
static const int exclude_errnos[] = {
	EINVAL, EFAULT, E2BIG, EOPNOTSUPP, ENOMEM, EEXIST, ENOENT, ENOSPC, 0
};
static const int wait_errnos[] = { EINVAL, EFAULT, E2BIG, ENOMEM, ETIMEDOUT, 0 };
static const int vfio_errnos[] = {
	REFUSED, EEXIST, ENOSPC, ENODEV, ENOTTY, ENOENT, EOVERFLOW, E2BIG, EPERM, EACCES, 0
};
static const int iommufd_errnos[] = {
	REFUSED, EEXIST, ENOSPC, ENODEV, ENOTTY, ENOENT, EOVERFLOW, E2BIG, EPERM, EADDRINUSE,
	EBADF, EMSGSIZE, 0
};

const struct call calls[] = {
	{ CALL(PINACCT_REFUSAL, pinacct_refusal, CALL_ASKS, true, pinacct_errnos), {
		FIELD(pinacct_refusal, size, SIZE),
		FIELD(pinacct_refusal, pid, PID),
	} },
	{ CALL(PINACCT_USAGE, pinacct_usage, CALL_ASKS, true, pinacct_errnos), {
		FIELD(pinacct_usage, size, SIZE),
		FIELD(pinacct_usage, pid, PID),
		FIELD(pinacct_usage, flags, FLAGS),
		FIELD(pinacct_usage, reserved, NUMBER),
	} },
	{ CALL(PINACCT_ESTIMATE, pinacct_estimate, CALL_ASKS, true, pinacct_errnos), {
		FIELD(pinacct_estimate, size, SIZE),
		FIELD(pinacct_estimate, flags, FLAGS),
		FIELD(pinacct_estimate, start, ADDRESS),
		FIELD(pinacct_estimate, length, LENGTH),
	} },
	{ CALL(PINACCT_PINS, pinacct_pins, CALL_ASKS, true, pinacct_errnos), {
		FIELD(pinacct_pins, size, SIZE),
		FIELD(pinacct_pins, pid, PID),
		FIELD(pinacct_pins, by, NUMBER),
		FIELD(pinacct_pins, nr, NUMBER),
		FIELD(pinacct_pins, start, ADDRESS),
		FIELD(pinacct_pins, length, LENGTH),
		FIELD(pinacct_pins, ranges, ADDRESS),
		FIELD(pinacct_pins, next, ADDRESS),
	} },
	{ CALL(PINACCT_EXCLUDE, pinacct_exclude, CALL_CHANGES, true, exclude_errnos), {
		FIELD(pinacct_exclude, size, SIZE),
		FIELD(pinacct_exclude, flags, FLAGS),
		FIELD(pinacct_exclude, start, ADDRESS),
		FIELD(pinacct_exclude, length, LENGTH),
	} },
	{ CALL(PINACCT_INCLUDE, pinacct_exclude, CALL_CHANGES, true, exclude_errnos), {
		FIELD(pinacct_exclude, size, SIZE),
		FIELD(pinacct_exclude, flags, FLAGS),
		FIELD(pinacct_exclude, start, ADDRESS),
		FIELD(pinacct_exclude, length, LENGTH),
	} },
	{ CALL(PINACCT_WAIT, pinacct_wait, CALL_ASKS, true, wait_errnos), {
		FIELD(pinacct_wait, size, SIZE),
		FIELD(pinacct_wait, timeout_ms, TIMEOUT),
	} },
	{ CALL(VFIO_IOMMU_MAP_DMA, vfio_iommu_type1_dma_map, CALL_CHANGES, false, vfio_errnos), {
		FIELD(vfio_iommu_type1_dma_map, argsz, SIZE),
		FIELD(vfio_iommu_type1_dma_map, flags, FLAGS),
		FIELD(vfio_iommu_type1_dma_map, vaddr, ADDRESS),
		FIELD(vfio_iommu_type1_dma_map, iova, IOVA),
		FIELD(vfio_iommu_type1_dma_map, size, LENGTH),
	} },
	{ CALL(VFIO_IOMMU_UNMAP_DMA, dma_unmap, CALL_MAY_CHANGE_HALF, false, vfio_errnos), {
		FIELD(dma_unmap, head.argsz, SIZE),
		FIELD(dma_unmap, head.flags, FLAGS),
		FIELD(dma_unmap, head.iova, IOVA),
		FIELD(dma_unmap, head.size, LENGTH),
		FIELD(dma_unmap, bitmap.pgsize, LENGTH),
		FIELD(dma_unmap, bitmap.size, LENGTH),
		FIELD(dma_unmap, bitmap.data, ADDRESS),
	} },
	{ CALL(VFIO_IOMMU_DIRTY_PAGES, dirty_pages, CALL_ASKS, false, vfio_errnos), {
		FIELD(dirty_pages, head.argsz, SIZE),
		FIELD(dirty_pages, head.flags, FLAGS),
		FIELD(dirty_pages, get.iova, IOVA),
		FIELD(dirty_pages, get.size, LENGTH),
		FIELD(dirty_pages, get.bitmap.pgsize, LENGTH),
		FIELD(dirty_pages, get.bitmap.size, LENGTH),
		FIELD(dirty_pages, get.bitmap.data, ADDRESS),
	} },
	{ CALL(VFIO_IOMMU_GET_INFO, vfio_iommu_type1_info, CALL_ASKS, false, vfio_errnos), {
		FIELD(vfio_iommu_type1_info, argsz, SIZE),
		FIELD(vfio_iommu_type1_info, flags, FLAGS),
	} },
	{ "VFIO_CHECK_EXTENSION", VFIO_CHECK_EXTENSION, 0, CALL_ASKS, false, vfio_errnos, {
		{ "extension", 0, 8, FIELD_NUMBER },
	} },
	{ "VFIO_SET_IOMMU", VFIO_SET_IOMMU, 0, CALL_CHANGES, false, vfio_errnos, {
		{ "type", 0, 8, FIELD_NUMBER },
	} },
	{ CALL(IOMMU_DESTROY, iommu_destroy, CALL_CHANGES, false, iommufd_errnos), {
		FIELD(iommu_destroy, size, SIZE),
		FIELD(iommu_destroy, id, ID),
	} },
	{ CALL(IOMMU_IOAS_ALLOC, iommu_ioas_alloc, CALL_ASKS, false, iommufd_errnos), {
		FIELD(iommu_ioas_alloc, size, SIZE),
		FIELD(iommu_ioas_alloc, flags, FLAGS),
		FIELD(iommu_ioas_alloc, out_ioas_id, ID),
	} },
	{ CALL(IOMMU_IOAS_ALLOW_IOVAS, iommu_ioas_allow_iovas, CALL_CHANGES, false,
	       iommufd_errnos), {
		FIELD(iommu_ioas_allow_iovas, size, SIZE),
		FIELD(iommu_ioas_allow_iovas, ioas_id, ID),
		FIELD(iommu_ioas_allow_iovas, num_iovas, NUMBER),
		FIELD(iommu_ioas_allow_iovas, __reserved, NUMBER),
		FIELD(iommu_ioas_allow_iovas, allowed_iovas, ADDRESS),
	} },
	{ CALL(IOMMU_IOAS_COPY, iommu_ioas_copy, CALL_CHANGES, false, iommufd_errnos), {
		FIELD(iommu_ioas_copy, size, SIZE),
		FIELD(iommu_ioas_copy, flags, FLAGS),
		FIELD(iommu_ioas_copy, dst_ioas_id, ID),
		FIELD(iommu_ioas_copy, src_ioas_id, ID),
		FIELD(iommu_ioas_copy, length, LENGTH),
		FIELD(iommu_ioas_copy, dst_iova, IOVA),
		FIELD(iommu_ioas_copy, src_iova, IOVA),
	} },
	{ CALL(IOMMU_IOAS_IOVA_RANGES, iommu_ioas_iova_ranges, CALL_ASKS, false,
	       iommufd_errnos), {
		FIELD(iommu_ioas_iova_ranges, size, SIZE),
		FIELD(iommu_ioas_iova_ranges, ioas_id, ID),
		FIELD(iommu_ioas_iova_ranges, num_iovas, NUMBER),
		FIELD(iommu_ioas_iova_ranges, __reserved, NUMBER),
		FIELD(iommu_ioas_iova_ranges, allowed_iovas, ADDRESS),
	} },
	{ CALL(IOMMU_IOAS_MAP, iommu_ioas_map, CALL_CHANGES, false, iommufd_errnos), {
		FIELD(iommu_ioas_map, size, SIZE),
		FIELD(iommu_ioas_map, flags, FLAGS),
		FIELD(iommu_ioas_map, ioas_id, ID),
		FIELD(iommu_ioas_map, __reserved, NUMBER),
		FIELD(iommu_ioas_map, user_va, ADDRESS),
		FIELD(iommu_ioas_map, length, LENGTH),
		FIELD(iommu_ioas_map, iova, IOVA),
	} },
	{ CALL(IOMMU_IOAS_MAP_FILE, iommu_ioas_map_file, CALL_CHANGES, false, iommufd_errnos), {
		FIELD(iommu_ioas_map_file, size, SIZE),
		FIELD(iommu_ioas_map_file, flags, FLAGS),
		FIELD(iommu_ioas_map_file, ioas_id, ID),
		FIELD(iommu_ioas_map_file, fd, FD),
		FIELD(iommu_ioas_map_file, start, LENGTH),
		FIELD(iommu_ioas_map_file, length, LENGTH),
		FIELD(iommu_ioas_map_file, iova, IOVA),
	} },
	{ CALL(IOMMU_IOAS_UNMAP, iommu_ioas_unmap, CALL_MAY_CHANGE_HALF, false,
	       iommufd_errnos), {
		FIELD(iommu_ioas_unmap, size, SIZE),
		FIELD(iommu_ioas_unmap, ioas_id, ID),
		FIELD(iommu_ioas_unmap, iova, IOVA),
		FIELD(iommu_ioas_unmap, length, LENGTH),
	} },
	{ CALL(IOMMU_OPTION, iommu_option, CALL_ASKS, false, iommufd_errnos), {
		FIELD(iommu_option, size, SIZE),
		FIELD(iommu_option, option_id, NUMBER),
		FIELD(iommu_option, op, NUMBER),
		FIELD(iommu_option, __reserved, NUMBER),
		FIELD(iommu_option, object_id, ID),
		FIELD(iommu_option, val64, NUMBER),
	} },
	{ CALL(IOMMU_VFIO_IOAS, iommu_vfio_ioas, CALL_CHANGES, false, iommufd_errnos), {
		FIELD(iommu_vfio_ioas, size, SIZE),
		FIELD(iommu_vfio_ioas, ioas_id, ID),
		FIELD(iommu_vfio_ioas, op, NUMBER),
		FIELD(iommu_vfio_ioas, __reserved, NUMBER),
	} },
	{ CALL(IOMMU_HWPT_ALLOC, iommu_hwpt_alloc, CALL_CHANGES, false, iommufd_errnos), {
		FIELD(iommu_hwpt_alloc, size, SIZE),
		FIELD(iommu_hwpt_alloc, flags, FLAGS),
		FIELD(iommu_hwpt_alloc, dev_id, ID),
		FIELD(iommu_hwpt_alloc, pt_id, ID),
		FIELD(iommu_hwpt_alloc, __reserved, NUMBER),
		FIELD(iommu_hwpt_alloc, data_type, NUMBER),
		FIELD(iommu_hwpt_alloc, data_len, LENGTH),
		FIELD(iommu_hwpt_alloc, data_uptr, ADDRESS),
		FIELD(iommu_hwpt_alloc, fault_id, ID),
	} },
	{ CALL(IOMMU_GET_HW_INFO, iommu_hw_info, CALL_ASKS, false, iommufd_errnos), {
		FIELD(iommu_hw_info, size, SIZE),
		FIELD(iommu_hw_info, flags, FLAGS),
		FIELD(iommu_hw_info, dev_id, ID),
		FIELD(iommu_hw_info, data_len, LENGTH),
		FIELD(iommu_hw_info, data_uptr, ADDRESS),
	} },
	{ CALL(IOMMU_HWPT_SET_DIRTY_TRACKING, iommu_hwpt_set_dirty_tracking, CALL_ASKS, false,
	       iommufd_errnos), {
		FIELD(iommu_hwpt_set_dirty_tracking, size, SIZE),
		FIELD(iommu_hwpt_set_dirty_tracking, flags, FLAGS),
		FIELD(iommu_hwpt_set_dirty_tracking, hwpt_id, ID),
	} },
	{ CALL(IOMMU_HWPT_GET_DIRTY_BITMAP, iommu_hwpt_get_dirty_bitmap, CALL_ASKS, false,
	       iommufd_errnos), {
		FIELD(iommu_hwpt_get_dirty_bitmap, size, SIZE),
		FIELD(iommu_hwpt_get_dirty_bitmap, hwpt_id, ID),
		FIELD(iommu_hwpt_get_dirty_bitmap, flags, FLAGS),
		FIELD(iommu_hwpt_get_dirty_bitmap, iova, IOVA),
		FIELD(iommu_hwpt_get_dirty_bitmap, length, LENGTH),
		FIELD(iommu_hwpt_get_dirty_bitmap, page_size, LENGTH),
		FIELD(iommu_hwpt_get_dirty_bitmap, data, ADDRESS),
	} },
	{ CALL(IOMMU_IOAS_CHANGE_PROCESS, iommu_ioas_change_process, CALL_CHANGES, false,
	       iommufd_errnos), {
		FIELD(iommu_ioas_change_process, size, SIZE),
		FIELD(iommu_ioas_change_process, __reserved, NUMBER),
	} },
};

const int ncalls = sizeof(calls) / sizeof(*calls);

/**
 * call_fields - how many values a call has
 * @call: its number
 *
 * Return: its members, and one more for the word behind its structure, if it has one
 */
int call_fields(int call)
{
	int n = 0;

	while (calls[call].fields[n].name)
		n++;
	return n + !!calls[call].size;
}

/**
 * call_make_scratch - have memory for structures
 *
 * Return: 0 or -errno
 */
int call_make_scratch(void)
{
	return mmap((void *)CALL_SCRATCH, 2 * memory_page(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_FIXED, -1, 0) == MAP_FAILED ?
	       -errno : 0;
}

static __u64 meant(const struct rig *rig, const struct field *field, __u64 value)
{
	if (field->kind == FIELD_FD && value < 2)
		return value ? rig->ask : rig->file;
	if (field->kind == FIELD_TIMEOUT && (int)value != 0 && (int)value >= -1)
		return 1 + value % 4;
	return value;
}

/**
 * call_do - call it
 * @rig: the front ends
 * @call: number of the call
 * @front: which front end
 * @values: of all members, and of the word behind
 *
 * Return: 0 or -errno
 */
int call_do(const struct rig *rig, int call, int front, const __u64 *values)
{
	const struct call *c = &calls[call];
	int fd = c->pinacct ? rig->ask : rig->fronts[front].iommu, i;
	char *scratch = (char *)CALL_SCRATCH;

	if (!c->size)
		return ioctl(fd, c->command, values[0]) < 0 ? -errno : 0;
	memset(scratch, 0, 2 * memory_page());
	for (i = 0; c->fields[i].name; i++) {
		__u64 value = meant(rig, &c->fields[i], values[i]);

		memcpy(scratch + c->fields[i].offset, &value, c->fields[i].width);
	}
	memcpy(scratch + c->size, &values[i], sizeof(values[i]));
	return ioctl(fd, c->command, scratch) < 0 ? -errno : 0;
}

/**
 * call_may_return - is it documented?
 * @call: number of the call
 * @rc: what it returned
 */
bool call_may_return(int call, int rc)
{
	const int *may = calls[call].errnos;

	while (*may && *may != -rc)
		may++;
	return !rc || *may;
}
