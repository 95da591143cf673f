// SPDX-License-Identifier: GPL-2.0-only
/*
 * type1's own dirty tracking, which lives on what type1 knows of its mappings.
 *
 * Guards: with an assigned device every mapped page is dirty until it is asked
 * for after its unmap, and tracking changes nothing of what is charged. Fails
 * if a page is left out of the bitmap, if one is in it that is not mapped, or if
 * an unmap with a bitmap refunds something else than one without.
 */
#include <linux/vfio.h>
#include <sys/ioctl.h>

#include "fixture.h"

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

TEST_HARNESS_MAIN
