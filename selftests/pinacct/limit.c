// SPDX-License-Identifier: GPL-2.0-only
/*
 * RLIMIT_MEMLOCK is exact, and everybody's charges are in it.
 *
 * Guards: a charge of n pages is allowed if and only if charged + n <= limit,
 * and a refusal leaves nothing. Fails if the limit is off by a page in either
 * direction, if another locker is forgotten or counted where it must not be,
 * if privilege is not honoured, or if two racing maps both get the last page.
 */
#include "two.h"

FRONT_TEST(front, exactly_at_limit)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

FRONT_TEST(front, one_page_over)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES));
	EXPECT_BACK(w);

	/* The refused IOVAs are free, the refused pages can be had. */
	EXPECT_EQ(0, map_at(w, memory, 0, PAGES - 1));
	EXPECT_OWED(w, PAGES - 1);
}

/* A limit is in bytes, and pages are charged: what is left of a page is lost. */
FRONT_TEST(front, limit_between_pages)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, privilege_limit(PAGES * w->page - 1));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, privilege_limit(PAGES * w->page + w->page - 1));
	EXPECT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, PAGES, 1));
	EXPECT_OWED(w, PAGES);
}

FRONT_TEST(front, no_limit_at_all)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 1);

	ASSERT_EQ(0, limit_pages(w, 0));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, 1));
	EXPECT_BACK(w);
}

FRONT_TEST(front, two_mappings_share_it)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 2 * PAGES);

	ASSERT_EQ(0, limit_pages(w, 2 * PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, map_at(w, memory + PAGES * w->page, PAGES, PAGES));
	EXPECT_OWED(w, 2 * PAGES);
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 2 * PAGES, 1));

	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 2 * PAGES, PAGES + 1));
	EXPECT_EQ(0, map_at(w, memory, 2 * PAGES, PAGES));
	EXPECT_OWED(w, 2 * PAGES);
}

/* More than a window of pages at a time, so that several charges add up. */
FRONT_TEST(front, exact_over_several_windows)
{
	struct world *w = &self->world;
	unsigned long many = 3 * 512 + 7;
	char *memory = ASSERT_MEMORY(anonymous, many);

	ASSERT_EQ(0, limit_pages(w, many - 1));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, many));
	EXPECT_BACK(w);
	ASSERT_EQ(0, limit_pages(w, many));
	EXPECT_EQ(0, map_at(w, memory, 0, many));
	EXPECT_OWED(w, many);
}

/* mlock() is charged to the mm, and so takes from those who charge the mm. */
FRONT_TEST(front, mlock_counts)
{
	struct world *w = &self->world;
	bool shared = variant->ops->payer == FRONT_PAYER_MM;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	char *locked = ASSERT_MEMORY(anonymous, 8);

	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, mlock(locked, 8 * w->page));

	EXPECT_EQ(shared ? -ENOMEM : 0, map_at(w, memory, 0, PAGES));
	if (shared) {
		EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES - 7));
		EXPECT_EQ(0, map_at(w, memory, 0, PAGES - 8));
		/* Now the mapping is in mlock()'s way. */
		EXPECT_EQ(-1, mlock(memory, w->page));
		EXPECT_EQ(ENOMEM, errno);
	}

	ASSERT_EQ(0, munlock(locked, 8 * w->page));
	EXPECT_OWED(w, shared ? PAGES - 8 : PAGES);
}

/* io_uring charges the user, and so takes from those who charge the user. */
FRONT_TEST(front, other_user_charges_count)
{
	struct world *w = &self->world;
	bool shared = variant->ops->payer == FRONT_PAYER_USER;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	char *other = ASSERT_MEMORY(anonymous, 8);

	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, counters_user_charge(other, 8));

	EXPECT_EQ(shared ? -ENOMEM : 0, map_at(w, memory, 0, PAGES));
	if (shared) {
		EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES - 7));
		EXPECT_EQ(0, map_at(w, memory, 0, PAGES - 8));
	}

	ASSERT_EQ(0, counters_user_refund());
	EXPECT_OWED(w, shared ? PAGES - 8 : PAGES);
}

FRONT_TEST(front, limit_lowered_while_mapped)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 2 * PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, limit_pages(w, 1));
	EXPECT_OWED(w, PAGES);
	EXPECT_EQ(-ENOMEM, map_at(w, memory, PAGES, 1));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
	EXPECT_EQ(0, map_at(w, memory, PAGES, 1));
}

/* type1 charges the privileged without a limit, iommufd only counts them. */
FRONT_TEST(front, privileged)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct counters now, more;

	ASSERT_EQ(0, limit_pages(w, 1));
	ASSERT_EQ(0, privilege_raise());
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));

	ASSERT_EQ(0, counters_read(&now));
	more = counters_since(&now, &w->base);
	EXPECT_EQ(variant->ops->iommufd ? 0 : PAGES, more.lck);
	EXPECT_EQ(variant->ops->iommufd ? PAGES : 0, more.pin);
	EXPECT_EQ(0, more.user);
	EXPECT_EQ(PAGES, more.held);

	/* Who maps is what counts, not who unmaps. */
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, 2));
}

/* Both want more than half of the limit at the same time. */
FRONT_TEST(two, race_for_the_last_pages)
{
	struct world *w = &self->first;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct racer racers[2] = {
		{ .front = &self->first.front, .memory = memory, .npages = PAGES, .prot = FRONT_RW },
		{ .front = &self->second.front, .memory = memory, .npages = PAGES, .prot = FRONT_RW },
	};
	int round;

	ASSERT_EQ(0, limit_pages(w, 2 * PAGES - 1));
	for (round = 0; round < 100; round++)
		race_for_it(_metadata, racers);
	EXPECT_BACK(w);
}

/* The same pages through two front ends of one process are charged twice. */
FRONT_TEST(two, charged_each)
{
	struct world *w = &self->first;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, limit_pages(w, 2 * PAGES - 1));
	ASSERT_EQ(0, map_at(&self->first, memory, 0, PAGES));
	EXPECT_EQ(-ENOMEM, map_at(&self->second, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, limit_pages(w, 2 * PAGES));
	ASSERT_EQ(0, map_at(&self->second, memory, 0, PAGES));
	EXPECT_OWED(w, 2 * PAGES);

	front_close(&self->first.front);
	EXPECT_OWED(w, PAGES);
}

TEST_HARNESS_MAIN
