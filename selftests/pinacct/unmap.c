// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an unmap takes away, and what it says it took.
 *
 * Guards: every page that was charged is refunded once, in whatever order
 * mappings go and however they are named. Fails if an order leaves a charge or
 * a pin, or refunds twice (which shows as a charge that is too low for those
 * who are still mapped), or if the size that is reported is wrong.
 */
#include "fixture.h"

#define MAPPINGS 4

static const unsigned long starts[MAPPINGS] = { 0, 8, 20, 40 };
static const unsigned long sizes[MAPPINGS] = { 3, 12, 7, 1 };

/* The permutation number N of four things, by picking from what is left. */
static void permute(unsigned int n, unsigned int order[MAPPINGS])
{
	unsigned int left[MAPPINGS] = { 0, 1, 2, 3 };
	unsigned int i, j, pick;

	for (i = 0; i < MAPPINGS; i++) {
		pick = n % (MAPPINGS - i);
		n /= MAPPINGS - i;
		order[i] = left[pick];
		for (j = pick; j + 1 < MAPPINGS; j++)
			left[j] = left[j + 1];
	}
}

FRONT_TEST(front, every_order)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 41);
	unsigned int order[MAPPINGS];
	unsigned int n, i;
	long owed;

	for (n = 0; n < 24; n++) {
		for (i = 0, owed = 0; i < MAPPINGS; i++) {
			ASSERT_EQ(0, map_at(w, memory + starts[i] * w->page, starts[i], sizes[i]));
			owed += sizes[i];
		}
		permute(n, order);
		for (i = 0; i < MAPPINGS; i++) {
			EXPECT_OWED(w, owed);
			ASSERT_EQ(0, unmap_at(w, starts[order[i]], sizes[order[i]]));
			owed -= sizes[order[i]];
		}
		EXPECT_BACK(w);
	}
}

FRONT_TEST(front, size_is_reported)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u64 size = 0;

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_EQ(0, front_unmap(&w->front, IOVA, PAGES * w->page, &size));
	EXPECT_EQ(PAGES * w->page, size);
}

/* One unmap over two mappings with a gap between them. */
FRONT_TEST(front, several_at_once)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u64 size = 0;

	ASSERT_EQ(0, map_at(w, memory, 0, 5));
	ASSERT_EQ(0, map_at(w, memory, 9, 6));
	ASSERT_EQ(0, map_at(w, memory, 30, 1));
	EXPECT_OWED(w, 12);
	EXPECT_EQ(0, front_unmap(&w->front, IOVA, 15 * w->page, &size));
	EXPECT_EQ(11 * w->page, size);
	EXPECT_OWED(w, 1);
}

FRONT_TEST(front, everything)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u64 size = 0;

	ASSERT_EQ(0, map_at(w, memory, 0, 5));
	ASSERT_EQ(0, map_at(w, memory, 9, 6));
	EXPECT_EQ(0, front_unmap_all(&w->front, &size));
	EXPECT_EQ(11 * w->page, size);
	EXPECT_BACK(w);
}

FRONT_TEST(front, nothing_there)
{
	struct world *w = &self->world;
	__u64 size = 1;

	/* Both VFIO's own and iommufd's VFIO call it a success of no bytes. */
	EXPECT_EQ(variant->ops->type ? 0 : -ENOENT,
		  front_unmap(&w->front, IOVA, PAGES * w->page, &size));
	EXPECT_EQ(0, size);
	EXPECT_BACK(w);
}

/*
 * A part of a mapping. type1 v1 takes all of it if the part begins where the
 * mapping does, and nothing otherwise; iommufd's emulation of v1 takes the part
 * itself; all others refuse.
 */
FRONT_TEST(front, first_part)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u64 size = 0;
	int rc;

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	rc = front_unmap(&w->front, IOVA, 2 * w->page, &size);
	if (variant->ops == &front_type1_v1) {
		EXPECT_EQ(0, rc);
		EXPECT_EQ(PAGES * w->page, size);
		EXPECT_BACK(w);
	} else if (variant->ops == &front_compat_v1) {
		EXPECT_EQ(0, rc);
		EXPECT_EQ(2 * w->page, size);
		EXPECT_OWED(w, PAGES - 2);
	} else {
		EXPECT_EQ(variant->ops->iommufd ? -ENOENT : -EINVAL, rc);
		EXPECT_EQ(0, size);
		EXPECT_OWED(w, PAGES);
	}
}

FRONT_TEST(front, middle_part)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u64 size = 0;
	int rc;

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	rc = front_unmap(&w->front, IOVA + 4 * w->page, 2 * w->page, &size);
	if (variant->ops == &front_type1_v1) {
		EXPECT_EQ(0, rc);
		EXPECT_EQ(0, size);
		EXPECT_OWED(w, PAGES);
	} else if (variant->ops == &front_compat_v1) {
		EXPECT_EQ(0, rc);
		EXPECT_EQ(2 * w->page, size);
		EXPECT_OWED(w, PAGES - 2);
		/* What is left can go in any order, and be mapped anew between. */
		ASSERT_EQ(0, map_at(w, memory, 4, 2));
		EXPECT_OWED(w, PAGES);
		ASSERT_EQ(0, unmap_at(w, 6, PAGES - 6));
		EXPECT_OWED(w, 6);
		ASSERT_EQ(0, unmap_at(w, 0, 4));
		EXPECT_OWED(w, 2);
	} else {
		EXPECT_EQ(variant->ops->iommufd ? -ENOENT : -EINVAL, rc);
		EXPECT_EQ(0, size);
		EXPECT_OWED(w, PAGES);
	}
}

/* The charge belongs to the mapping, not to the process's own page tables. */
FRONT_TEST(front, after_munmap)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, munmap(memory, PAGES * w->page));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

FRONT_TEST(front, again_and_again)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	int i;

	ASSERT_EQ(0, limit_pages(w, PAGES));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
		ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	}
	EXPECT_BACK(w);
}

/* The teardown of the fixture is the test: nothing is unmapped before. */
FRONT_TEST(front, close_does_it)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 3 * 512);

	ASSERT_EQ(0, map_at(w, memory, 0, 3 * 512));
	ASSERT_EQ(0, map_read_only(w, memory, 3 * 512, PAGES));
	EXPECT_OWED(w, 3 * 512 + PAGES);
}

/* Without a device no domain is left that would need the pins. */
FRONT_TEST(front, last_device_leaves)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	front_detach(&w->front, DEVICE_EDU);
	EXPECT_BACK(w);
}

TEST_HARNESS_MAIN
