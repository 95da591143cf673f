// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that a device's driver pins one by one, instead of an IOMMU all.
 *
 * Guards: without an IOMMU domain only what is pinned is charged, each page once
 * however often it is pinned; with one, everything is charged already. Fails if
 * a domain that comes or goes charges a pinned page twice or forgets it, if a
 * refused pin leaves something, or if an unmap leaves a pin that the driver was
 * told to drop.
 */
#include "fixture.h"

FRONT_FIXTURE(mediated, DEVICE_MEDIATED)
ON_EVERY_V2_FRONT(mediated);

FRONT_TEST(mediated, only_pins_are_charged)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_BACK(w);
	ASSERT_EQ(5, pin_at(w, 3, 5, FRONT_RW));
	EXPECT_OWED(w, 5);
	ASSERT_EQ(4, pin_at(w, 12, 4, FRONT_READ));
	EXPECT_OWED(w, 9);
	ASSERT_EQ(0, unpin_at(w, 3, 5));
	EXPECT_OWED(w, 4);
	ASSERT_EQ(0, unpin_at(w, 12, 4));
	EXPECT_BACK(w);
}

FRONT_TEST(mediated, a_page_once)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(4, pin_at(w, 4, 4, FRONT_RW));
	ASSERT_EQ(6, pin_at(w, 2, 6, FRONT_RW));
	ASSERT_EQ(1, pin_at(w, 5, 1, FRONT_RW));
	EXPECT_OWED(w, 6);
	ASSERT_EQ(0, unpin_at(w, 5, 1));
	EXPECT_OWED(w, 6);
	ASSERT_EQ(0, unpin_at(w, 2, 6));
	EXPECT_OWED(w, 4);
	ASSERT_EQ(0, unpin_at(w, 4, 4));
	EXPECT_BACK(w);
}

FRONT_TEST(mediated, limit)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, limit_pages(w, 6));
	ASSERT_EQ(-ENOMEM, pin_at(w, 0, 7, FRONT_RW));
	EXPECT_BACK(w);
	ASSERT_EQ(6, pin_at(w, 0, 6, FRONT_RW));
	EXPECT_OWED(w, 6);
	EXPECT_EQ(-ENOMEM, pin_at(w, 6, 1, FRONT_RW));
	EXPECT_OWED(w, 6);

	/* What is pinned already costs nothing. */
	EXPECT_EQ(6, pin_at(w, 0, 6, FRONT_RW));
	EXPECT_OWED(w, 6);
}

FRONT_TEST(mediated, not_mapped)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	EXPECT_GT(0, pin_at(w, 0, 1, FRONT_RW));
	ASSERT_EQ(0, map_at(w, memory, 0, 4));
	EXPECT_GT(0, pin_at(w, 2, 4, FRONT_RW));
	EXPECT_BACK(w);
	ASSERT_EQ(0, map_read_only(w, memory, 4, 4));
	EXPECT_GT(0, pin_at(w, 4, 1, FRONT_RW));
	EXPECT_BACK(w);
	EXPECT_EQ(1, pin_at(w, 4, 1, FRONT_READ));
	EXPECT_OWED(w, 1);
}

/* The memory is gone by the time that it is pinned. */
FRONT_TEST(mediated, hole)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, munmap(memory + 5 * w->page, w->page));
	EXPECT_EQ(-EFAULT, pin_at(w, 3, 5, FRONT_RW));
	EXPECT_BACK(w);
	EXPECT_EQ(2, pin_at(w, 3, 2, FRONT_RW));
	EXPECT_OWED(w, 2);
}

/* The driver is told, and drops its pins, before the mapping goes. */
FRONT_TEST(mediated, unmap_while_pinned)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, map_at(w, memory, PAGES, PAGES));
	ASSERT_EQ(8, pin_at(w, 0, 8, FRONT_RW));
	ASSERT_EQ(2, pin_at(w, PAGES, 2, FRONT_RW));
	EXPECT_OWED(w, 10);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_OWED(w, 2);
}

/* An IOMMU domain needs all pages; what was pinned before is not charged again. */
FRONT_TEST(mediated, domain_comes_and_goes)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	int i;

	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(5, pin_at(w, 3, 5, FRONT_RW));
	ASSERT_EQ(2, pin_at(w, 3, 2, FRONT_RW));
	EXPECT_OWED(w, 5);
	for (i = 0; i < 2; i++) {
		AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_EDU)));
		EXPECT_CHARGED(w, PAGES);
		ASSERT_EQ(3, pin_at(w, 10, 3, FRONT_RW));
		EXPECT_CHARGED(w, PAGES);
		front_detach(&w->front, DEVICE_EDU);
		EXPECT_OWED(w, 8);
		ASSERT_EQ(0, unpin_at(w, 10, 3));
		EXPECT_OWED(w, 5);
	}
}

/*
 * Memory that has come to where a device's was mapped, and that is pinned there, is
 * charged when nothing but the pin is left.
 */
FRONT_TEST(mediated, memory_where_a_bar_was)
{
	struct world *w = &self->world;
	unsigned long size = 0;
	char *bar;

	if (variant->ops->iommufd)
		SKIP(return, "iommufd does not map a BAR by its address");
	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_EDU)));
	ASSERT_EQ(0, device_enable_dma(w->front.devices[DEVICE_EDU]));
	bar = device_map_bar(w->front.devices[DEVICE_EDU], 0, &size);
	ASSERT_NE(MAP_FAILED, bar);
	ASSERT_EQ(0, map_at(w, bar, 0, 4));
	ASSERT_EQ(bar, mmap(bar, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	ASSERT_EQ(2, pin_at(w, 1, 2, FRONT_RW));
	EXPECT_CHARGED(w, 0);
	front_detach(&w->front, DEVICE_EDU);
	EXPECT_OWED(w, 2);
	ASSERT_EQ(0, unpin_at(w, 1, 2));
}

/* The domain's pages are over the limit: it does not come, and nothing stays. */
FRONT_TEST(mediated, domain_over_limit)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	ASSERT_EQ(0, map_at(w, memory, 0, 4));
	ASSERT_EQ(0, map_at(w, memory, 4, PAGES - 4));
	ASSERT_EQ(2, pin_at(w, 3, 2, FRONT_RW));
	AS_ROOT(EXPECT_EQ(-ENOMEM, front_attach(&w->front, DEVICE_EDU)));
	front_detach(&w->front, DEVICE_EDU);
	EXPECT_OWED(w, 2);

	ASSERT_EQ(0, limit_pages(w, PAGES));
	AS_ROOT(EXPECT_EQ(0, front_attach(&w->front, DEVICE_EDU)));
	EXPECT_CHARGED(w, PAGES);
}

/* The pins outlive the domain, and the process's own view of its memory. */
FRONT_TEST(mediated, domain_first)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_EDU)));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(4, pin_at(w, 0, 4, FRONT_RW));
	EXPECT_CHARGED(w, PAGES);
	ASSERT_EQ(0, munmap(memory, PAGES * w->page));
	front_detach(&w->front, DEVICE_EDU);
	EXPECT_OWED(w, 4);
	ASSERT_EQ(0, unpin_at(w, 0, 4));
	EXPECT_BACK(w);
}

FRONT_TEST(mediated, device_leaves)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(4, pin_at(w, 0, 4, FRONT_RW));
	EXPECT_OWED(w, 4);
	front_detach(&w->front, DEVICE_MEDIATED);
	EXPECT_BACK(w);
}

FRONT_TEST(mediated, access_by_cpu)
{
	struct world *w = &self->world;
	int device = w->front.devices[DEVICE_MEDIATED];
	char *memory = ASSERT_MEMORY(anonymous, 3);
	char data[32], back[32];

	memset(data, 0x77, sizeof(data));
	ASSERT_EQ(0, limit_pages(w, 0));
	ASSERT_EQ(0, map_at(w, memory, 0, 2));
	ASSERT_EQ(0, map_read_only(w, memory + 2 * w->page, 2, 1));

	/* Across two pages, at odd addresses. */
	EXPECT_EQ(0, device_access(device, IOVA + w->page - 5, data, 32, true));
	EXPECT_EQ(0x5a, memory[w->page - 6]);
	EXPECT_EQ(0, memcmp(memory + w->page - 5, data, 32));
	EXPECT_EQ(0x5a, memory[w->page + 27]);
	EXPECT_EQ(0, device_access(device, IOVA + w->page - 5, back, 32, false));
	EXPECT_EQ(0, memcmp(back, data, 32));

	EXPECT_GT(0, device_access(device, IOVA + 2 * w->page, data, 32, true));
	EXPECT_EQ(0x5a, memory[2 * w->page]);
	EXPECT_EQ(0, device_access(device, IOVA + 2 * w->page, back, 32, false));
	EXPECT_GT(0, device_access(device, IOVA + 5 * w->page, back, 32, false));
	EXPECT_BACK(w);
}

FRONT_TEST(mediated, owner_dies)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct counters now;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(map_at(w, memory, 0, PAGES) || pin_at(w, 2, 4, FRONT_RW) != 4);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);

	/* The pins are there, and nobody is charged but the user. */
	ASSERT_EQ(0, counters_read(&now));
	EXPECT_EQ(4, now.held - w->base.held);
	EXPECT_EQ(0, now.lck - w->base.lck);
	EXPECT_GT(0, pin_at(w, 8, 4, FRONT_RW));
	ASSERT_EQ(0, unpin_at(w, 2, 4));
	EXPECT_BACK(w);
}

/* What only VFIO's own type1 has. Its v1 does not know drivers that pin. */
FRONT_FIXTURE(type1_driver, DEVICE_MEDIATED)
ON_FRONT(type1_driver, type1_v2);

/* Addresses cannot change under a driver that may pin at any time. */
FRONT_TEST(type1_driver, address_is_fixed)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(2, pin_at(w, 0, 2, FRONT_RW));
	EXPECT_EQ(-EBUSY, front_drop_vaddr(&w->front, IOVA, PAGES * w->page));
	EXPECT_OWED(w, 2);
}

TEST_HARNESS_MAIN
