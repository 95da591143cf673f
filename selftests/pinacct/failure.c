// SPDX-License-Identifier: GPL-2.0-only
/*
 * A map that fails, at whatever step, leaves nothing.
 *
 * Guards: mainline's errno, and that charges, pins and IOVAs of a map that
 * failed half-way are given back. Fails if a page before the bad one stays
 * charged or pinned, if the IOVA stays taken, or if the mapping that was there
 * before is hurt.
 */
#include "fixture.h"

/* Several windows of 512 pages, so that some are done before the bad one. */
#define MANY (3 * 512UL)

FRONT_TEST(front, hole_at_the_start)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, munmap(memory, w->page));
	EXPECT_EQ(-EFAULT, map_at(w, memory, 0, PAGES));
	EXPECT_BACK(w);
}

FRONT_TEST(front, hole_in_the_middle)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, munmap(memory + PAGES / 2 * w->page, w->page));
	EXPECT_EQ(-EFAULT, map_at(w, memory, 0, PAGES));
	EXPECT_BACK(w);

	/* What is before the hole can be had at the same place. */
	EXPECT_EQ(0, map_at(w, memory, 0, PAGES / 2));
	EXPECT_OWED(w, PAGES / 2);
}

FRONT_TEST(front, hole_after_windows)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, MANY);

	ASSERT_EQ(0, munmap(memory + (MANY - 5) * w->page, w->page));
	EXPECT_EQ(-EFAULT, map_at(w, memory, 0, MANY));
	EXPECT_BACK(w);
}

/* The hole is on the boundary of a window, where nothing is pending. */
FRONT_TEST(front, hole_on_a_window)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, MANY);

	ASSERT_EQ(0, munmap(memory + 512 * w->page, w->page));
	EXPECT_EQ(-EFAULT, map_at(w, memory, 0, MANY));
	EXPECT_BACK(w);
}

FRONT_TEST(front, no_access)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, mprotect(memory + 3 * w->page, w->page, PROT_NONE));
	EXPECT_EQ(-EFAULT, map_at(w, memory, 0, PAGES));
	EXPECT_EQ(-EFAULT, map_read_only(w, memory, 0, PAGES));
	EXPECT_BACK(w);
}

FRONT_TEST(front, read_only_memory)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, mprotect(memory, PAGES * w->page, PROT_READ));
	EXPECT_EQ(-EFAULT, map_at(w, memory, 0, PAGES));
	EXPECT_BACK(w);
	EXPECT_EQ(0, map_read_only(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
}

FRONT_TEST(front, behind_end_of_file)
{
	struct world *w = &self->world;
	char *memory;
	int fd;

	fd = memory_memfd(4 * w->page);
	ASSERT_LE(0, fd);
	memory = memory_of_file(fd, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(-EFAULT, map_at(w, memory, 0, PAGES));
	EXPECT_BACK(w);
	EXPECT_EQ(0, map_at(w, memory, 0, 4));
	EXPECT_OWED(w, 4);
}

/* Several windows are pinned before the limit is met. */
FRONT_TEST(front, limit_after_windows)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, MANY);

	ASSERT_EQ(0, limit_pages(w, MANY - 1));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, MANY));
	EXPECT_BACK(w);
	ASSERT_EQ(0, limit_pages(w, 512));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, MANY));
	EXPECT_BACK(w);
}

/* Two things are wrong at once, and it does not matter which of them is said. */
FRONT_TEST(front, hole_and_limit)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, MANY);
	int rc;

	ASSERT_EQ(0, munmap(memory + 700 * w->page, w->page));
	ASSERT_EQ(0, limit_pages(w, 600));
	rc = map_at(w, memory, 0, MANY);
	EXPECT_TRUE(rc == -ENOMEM || rc == -EFAULT) {
		TH_LOG("%d", rc);
	}
	EXPECT_BACK(w);
}

FRONT_TEST(front, iova_taken)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 4, 8));
	EXPECT_EQ(-EEXIST, map_at(w, memory, 4, 8));
	EXPECT_EQ(-EEXIST, map_at(w, memory, 0, 5));
	EXPECT_EQ(-EEXIST, map_at(w, memory, 11, 5));
	EXPECT_EQ(-EEXIST, map_at(w, memory, 0, PAGES));
	EXPECT_EQ(-EEXIST, map_at(w, memory, 6, 1));
	EXPECT_OWED(w, 8);
	EXPECT_EQ(0, map_at(w, memory, 0, 4));
	EXPECT_EQ(0, map_at(w, memory, 12, 4));
	EXPECT_OWED(w, 16);
}

/* Addresses and sizes that cannot be: an errno of some kind, and nothing left. */
FRONT_TEST(front, nonsense)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct front *front = &w->front;

	EXPECT_NE(0, front_map(front, memory, IOVA, 0, FRONT_RW));
	EXPECT_NE(0, front_map(front, memory, IOVA + 1, w->page, FRONT_RW));
	EXPECT_NE(0, front_map(front, memory, IOVA, w->page + 1, FRONT_RW));
	EXPECT_NE(0, front_map(front, memory, -w->page, 2 * w->page, FRONT_RW));
	EXPECT_NE(0, front_map(front, (void *)-w->page, IOVA, 2 * w->page, FRONT_RW));
	EXPECT_NE(0, front_map(front, memory, IOVA, -w->page, FRONT_RW));
	EXPECT_NE(0, front_map(front, NULL, IOVA, w->page, FRONT_RW));
	EXPECT_BACK(w);
	EXPECT_EQ(0, map_at(w, memory, 0, PAGES));
}

TEST_HARNESS_MAIN
