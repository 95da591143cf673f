// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device does DMA, and the bytes are right.
 *
 * Guards: the IOVA leads to the page that is pinned, for every kind of memory
 * and at every place of a mapping, and nowhere once it is unmapped. Fails if a
 * run of pages is entered at the wrong IOVA, one page too short or too long, if
 * the device sees another page than the process, or may write where it may not.
 * (DMA that the IOMMU refuses is logged by the kernel as "DMAR: ... fault"; two
 * of the tests cause that on purpose.)
 */
#include "witness.h"

#define HUGE_PAGES (MEMORY_HUGE / memory_page())

FIXTURE(dma)
{
	struct world world;
	struct edu edu;
	char *echo;
};

FIXTURE_VARIANT(dma)
{
	const struct front_ops *ops;
};

ON_EVERY_FRONT(dma);

FIXTURE_SETUP(dma)
{
	struct world *w = &self->world;

	WORLD_OPEN(w, variant->ops);
	WORLD_ATTACH(w, DEVICE_EDU);
	ASSERT_EQ(0, edu_start(&self->edu, w->front.devices[DEVICE_EDU]));
	WORLD_DROP(w);
	self->echo = ASSERT_MEMORY(anonymous, 1);
	ASSERT_EQ(0, map_at(w, self->echo, ECHO_AT, 1));
}

FIXTURE_TEARDOWN(dma)
{
	edu_stop(&self->edu);
	front_close(&self->world.front);
	EXPECT_BACK(&self->world);
}

FRONT_TEST(dma, reads_and_writes)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 2);

	ASSERT_EQ(0, map_at(w, memory, 0, 2));
	fill(memory, 1);
	EXPECT_SEEN(0, memory);

	/* It writes to the other page, and to no byte more. */
	memset(memory + w->page, 0x33, w->page);
	ASSERT_EQ(0, edu_write_memory(&self->edu, iova_of(w, 1), EDU_MAX));
	EXPECT_EQ(0, memcmp(memory, memory + w->page, EDU_MAX));
	EXPECT_EQ(0x33, memory[w->page + EDU_MAX]);
}

/* The ends of the windows in which pages are pinned, and the ends of it all. */
FRONT_TEST(dma, every_window)
{
	static const unsigned long at[] = { 0, 1, 511, 512, 1023, 1024, 1500 };
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 1501);
	unsigned int i;

	/* Swap neighbours, so that pages that lie side by side are not. */
	for (i = 0; i < ARRAY_SIZE(at); i++)
		fill(memory + at[i] * w->page, at[i] + 100);
	ASSERT_EQ(0, map_at(w, memory, 0, 1501));
	for (i = 0; i < ARRAY_SIZE(at); i++)
		EXPECT_SEEN(at[i], memory + at[i] * w->page);
}

/* Every other page was touched in reverse, so no two are neighbours. */
FRONT_TEST(dma, scattered_pages)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, PAGES);
	long i;

	for (i = PAGES - 1; i >= 0; i -= 2)
		fill(memory + i * w->page, i);
	for (i = PAGES - 2; i >= 0; i -= 2)
		fill(memory + i * w->page, i);
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	for (i = 0; i < PAGES; i += 5)
		EXPECT_SEEN(i, memory + i * w->page);
}

FRONT_TEST(dma, transparent_huge)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(transparent_huge, 2 * HUGE_PAGES);
	unsigned long at[] = { 0, HUGE_PAGES - 1, HUGE_PAGES, 2 * HUGE_PAGES - 1 };
	unsigned int i;

	ASSERT_EQ(2 * HUGE_PAGES, counters_huge(memory));
	for (i = 0; i < ARRAY_SIZE(at); i++)
		fill(memory + at[i] * w->page, i);
	ASSERT_EQ(0, map_at(w, memory, 0, 2 * HUGE_PAGES));
	for (i = 0; i < ARRAY_SIZE(at); i++)
		EXPECT_SEEN(at[i], memory + at[i] * w->page);
}

/* It begins and ends inside of huge pages. */
FRONT_TEST(dma, hugetlb_cut)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(hugetlb, 2 * HUGE_PAGES);
	unsigned int i;

	for (i = 300; i <= 900; i += 300)
		fill(memory + i * w->page, i);
	ASSERT_EQ(0, map_at(w, memory + 300 * w->page, 0, 601));
	for (i = 300; i <= 900; i += 300)
		EXPECT_SEEN(i - 300, memory + i * w->page);
}

FRONT_TEST(dma, memfd)
{
	struct world *w = &self->world;
	char *memory, *other;
	int fd;

	memory = ASSERT_MEMFD(&fd, PAGES);
	other = memory_of_file(fd, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, other);
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	fill(other + 3 * w->page, 7);
	EXPECT_SEEN(3, memory + 3 * w->page);
}

/* The private copy of the zero page is the page that the process writes to. */
FRONT_TEST(dma, zero_page_copy)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, 2);

	EXPECT_EQ(0, ((volatile char *)memory)[0]);
	ASSERT_EQ(0, map_read_only(w, memory, 0, 2));
	EXPECT_SEEN(0, memory);
	fill(memory, 2);
	fill(memory + w->page, 3);
	EXPECT_SEEN(0, memory);
	EXPECT_SEEN(1, memory + w->page);
}

FRONT_TEST(dma, may_not_write)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 1);

	ASSERT_EQ(0, map_read_only(w, memory, 0, 1));
	fill(self->echo, 4);
	ASSERT_EQ(0, edu_read_memory(&self->edu, iova_of(w, ECHO_AT), EDU_MAX));
	ASSERT_EQ(0, edu_write_memory(&self->edu, iova_of(w, 0), EDU_MAX));
	EXPECT_EQ(0x5a, memory[0]);
	EXPECT_EQ(0x5a, memory[EDU_MAX - 1]);
}

/* After the unmap the page is the process's alone. */
FRONT_TEST(dma, unmapped)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 3);

	ASSERT_EQ(0, map_at(w, memory, 0, 1));
	ASSERT_EQ(0, map_at(w, memory + w->page, 1, 1));
	ASSERT_EQ(0, map_at(w, memory + 2 * w->page, 2, 1));
	fill(self->echo, 6);
	ASSERT_EQ(0, edu_read_memory(&self->edu, iova_of(w, ECHO_AT), EDU_MAX));
	ASSERT_EQ(0, edu_write_memory(&self->edu, iova_of(w, 1), EDU_MAX));
	EXPECT_EQ(0, memcmp(memory + w->page, self->echo, EDU_MAX));

	ASSERT_EQ(0, unmap_at(w, 1, 1));
	memset(memory + w->page, 0x5a, w->page);
	ASSERT_EQ(0, edu_write_memory(&self->edu, iova_of(w, 1), EDU_MAX));
	EXPECT_EQ(0x5a, memory[w->page]);

	/* Its neighbours are mapped as before. */
	ASSERT_EQ(0, edu_write_memory(&self->edu, iova_of(w, 0), EDU_MAX));
	ASSERT_EQ(0, edu_write_memory(&self->edu, iova_of(w, 2), EDU_MAX));
	EXPECT_EQ(0, memcmp(memory, self->echo, EDU_MAX));
	EXPECT_EQ(0, memcmp(memory + 2 * w->page, self->echo, EDU_MAX));
}

TEST_HARNESS_MAIN
