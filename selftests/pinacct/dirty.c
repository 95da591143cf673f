// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: type1's own, which lives on what type1 knows of its mappings, and
 * iommufd's, which the IOMMU does, if it can.
 *
 * Guards: with an assigned device every mapped page is dirty until it is asked
 * for after its unmap, and tracking changes nothing of what is charged. Fails
 * if a page is left out of the bitmap, if one is in it that is not mapped, if an
 * unmap with a bitmap refunds something else than one without, or if iommufd says
 * that it tracks where the IOMMU cannot. (Where it can, as upstream's mock IOMMU
 * does, upstream's own selftests are run on our modules.)
 */
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>

#include "neighbours.h"

FRONT_FIXTURE(dirty, DEVICE_EDU)
ON_FRONT(dirty, type1_v2);

static int track(struct world *w, __u32 flag)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty),
		.flags = flag,
	};

	return ioctl(w->front.iommu, VFIO_IOMMU_DIRTY_PAGES, &dirty) ? -errno : 0;
}

/* PAGES fit into one word of bitmap. */
static int get_bitmap(struct world *w, unsigned long at, unsigned long npages, __u64 *bitmap)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} dirty = {
		.head.argsz = sizeof(dirty),
		.head.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get.iova = IOVA + at * w->page,
		.get.size = npages * w->page,
		.get.bitmap.pgsize = w->page,
		.get.bitmap.size = sizeof(*bitmap),
		.get.bitmap.data = bitmap,
	};

	return ioctl(w->front.iommu, VFIO_IOMMU_DIRTY_PAGES, &dirty) ? -errno : 0;
}

static int unmap_bitmap(struct world *w, unsigned long at, unsigned long npages, __u64 *bitmap)
{
	struct {
		struct vfio_iommu_type1_dma_unmap head;
		struct vfio_bitmap bitmap;
	} unmap = {
		.head.argsz = sizeof(unmap),
		.head.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
		.head.iova = IOVA + at * w->page,
		.head.size = npages * w->page,
		.bitmap.pgsize = w->page,
		.bitmap.size = sizeof(*bitmap),
		.bitmap.data = bitmap,
	};

	return ioctl(w->front.iommu, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno : 0;
}

FRONT_TEST(dirty, all_that_is_mapped)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u64 bitmap = 0;

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_EQ(-EINVAL, get_bitmap(w, 0, PAGES, &bitmap));
	ASSERT_EQ(0, track(w, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	EXPECT_OWED(w, PAGES);

	ASSERT_EQ(0, get_bitmap(w, 0, PAGES, &bitmap));
	EXPECT_EQ((1ULL << PAGES) - 1, bitmap);
	bitmap = 0;
	ASSERT_EQ(0, get_bitmap(w, 0, PAGES, &bitmap));
	EXPECT_EQ((1ULL << PAGES) - 1, bitmap);
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, track(w, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP));
	EXPECT_OWED(w, PAGES);
}

FRONT_TEST(dirty, only_what_is_mapped)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u64 bitmap = 0;

	ASSERT_EQ(0, track(w, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	ASSERT_EQ(0, map_at(w, memory, 0, 4));
	ASSERT_EQ(0, map_at(w, memory, 8, 4));
	ASSERT_EQ(0, get_bitmap(w, 0, 12, &bitmap));
	EXPECT_EQ(0xf0f, bitmap);
	/* A bitmap for a part of a mapping is refused. */
	EXPECT_EQ(-EINVAL, get_bitmap(w, 0, 3, &bitmap));
	EXPECT_OWED(w, 8);
}

FRONT_TEST(dirty, unmap_with_bitmap)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u64 bitmap = 0;

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_EQ(-EINVAL, unmap_bitmap(w, 0, PAGES, &bitmap));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, track(w, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	ASSERT_EQ(0, unmap_bitmap(w, 0, PAGES, &bitmap));
	EXPECT_EQ((1ULL << PAGES) - 1, bitmap);
	EXPECT_BACK(w);
}

/* With a driver that pins, only what it has pinned since can be dirty. */
FRONT_FIXTURE(dirty_driver, DEVICE_MEDIATED)
ON_FRONT(dirty_driver, type1_v2);

FRONT_TEST(dirty_driver, what_was_pinned)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u64 bitmap = 0;

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(4, pin_at(w, 2, 4, FRONT_RW));
	ASSERT_EQ(0, track(w, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	ASSERT_EQ(0, get_bitmap(w, 0, PAGES, &bitmap));
	EXPECT_EQ(0x3c, bitmap);
	ASSERT_EQ(1, pin_at(w, 9, 1, FRONT_RW));
	ASSERT_EQ(0, unpin_at(w, 9, 1));
	bitmap = 0;
	ASSERT_EQ(0, get_bitmap(w, 0, PAGES, &bitmap));
	EXPECT_EQ(0x23c, bitmap);
	bitmap = 0;
	ASSERT_EQ(0, get_bitmap(w, 0, PAGES, &bitmap));
	EXPECT_EQ(0x3c, bitmap);
	EXPECT_OWED(w, 4);
}

/* type1 does not look at what the device does: one page, none or all is the same. */
static void check_type1(NEAR_ARGS)
{
	struct world *w = &self->world;
	__u64 bitmap = 0;

	ASSERT_EQ(0, track(w, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	EXPECT_PAID(SLICE, 0);
	ASSERT_EQ(0, get_bitmap(w, 0, SLICE, &bitmap));
	EXPECT_EQ(0xff, bitmap);
	DEVICE_WRITES(5, 50);
	bitmap = 0;
	ASSERT_EQ(0, get_bitmap(w, 0, SLICE, &bitmap));
	EXPECT_EQ(0xff, bitmap);
	EXPECT_PAID(SLICE, 0);
	ASSERT_EQ(0, track(w, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP));
}

/* Neither with VFIO's ioctls, nor with those of the emulated IOMMU's domains */
static void check_iommufd(NEAR_ARGS)
{
	struct world *w = &self->world;
	struct front *front = &w->front;
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		.dev_id = front->device_ids[DEVICE_EDU],
		.pt_id = front->ioas,
	};
	struct iommu_hwpt_set_dirty_tracking start = {
		.size = sizeof(start),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
	};
	__u64 bitmap = 0;
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.iova = IOVA,
		.length = SLICE * w->page,
		.page_size = w->page,
		.data = (uintptr_t)&bitmap,
	};

	EXPECT_EQ(-ENOTTY, track(w, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	EXPECT_EQ(-ENOTTY, get_bitmap(w, 0, SLICE, &bitmap));
	DEVICE_WRITES(5, 50);
	if (front->ops->type) {
		EXPECT_EQ(-EINVAL, unmap_bitmap(w, 0, SLICE, &bitmap));
		EXPECT_PAID(SLICE, 0);
		return;
	}

	EXPECT_EQ(-1, ioctl(front->iommu, IOMMU_HWPT_ALLOC, &alloc));
	EXPECT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(0, front_alloc_domain(front, DEVICE_EDU, &start.hwpt_id));
	get.hwpt_id = start.hwpt_id;
	EXPECT_PAID(SLICE, 0);
	EXPECT_EQ(-1, ioctl(front->iommu, IOMMU_HWPT_SET_DIRTY_TRACKING, &start));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, ioctl(front->iommu, IOMMU_HWPT_GET_DIRTY_BITMAP, &get));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_PAID(SLICE, 0);
}

FRONT_TEST(near, both_back_ends)
{
	struct slice slice = slice_anonymous(NEAR_PASS);
	struct world *w = &self->world;

	fill_slice(&slice);
	ASSERT_EQ(0, map_at(w, slice.memory, 0, SLICE));
	EXPECT_PAID(SLICE, 0);
	if (variant->ops->iommufd)
		check_iommufd(NEAR_PASS);
	else
		check_type1(NEAR_PASS);
	EXPECT_CPU_SEES(slice_page(&slice, 5), 50);
	EXPECT_CPU_SEES(slice_page(&slice, 4), 5);
	EXPECT_PINS(slice.memory, ALL_ONCE);
	ASSERT_EQ(0, unmap_at(w, 0, SLICE));
	EXPECT_PAID(0, 0);
}

TEST_HARNESS_MAIN
