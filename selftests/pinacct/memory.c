// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is charged for each kind of memory.
 *
 * Guards: RAM of every kind is charged by the page, device memory is free, and a
 * page that is pinned stays charged whatever the process does to its own view of
 * it. Fails if a kind is charged by another unit, if a pin is taken and not
 * charged or the other way round, or if a reference stays on the pages: a memfd
 * can only be sealed against writing when nobody else holds its pages.
 */
#include <fcntl.h>

#include "fixture.h"

#define HUGE_PAGES (MEMORY_HUGE / memory_page())

/*
 * Read-only for the device and never touched: the pin breaks COW of the zero
 * page, and the private copy is charged (since 6.2).
 */
FRONT_TEST(front, untouched_read_only)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, PAGES);
	long resident;
	size_t i;

	resident = counters_resident(memory);
	ASSERT_EQ(0, map_read_only(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	EXPECT_EQ(resident + PAGES, counters_resident(memory));
	for (i = 0; i < PAGES * w->page; i++)
		ASSERT_EQ(0, memory[i]);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_EQ(resident + PAGES, counters_resident(memory));
}

/* The zero page is in the page table already. */
FRONT_TEST(front, zero_pages_read_only)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, PAGES);
	long resident = counters_resident(memory);
	char sum = 0;
	size_t i;
	int n;

	for (i = 0; i < PAGES; i++)
		sum |= ((volatile char *)memory)[i * w->page];
	ASSERT_EQ(0, sum);
	EXPECT_EQ(resident, counters_resident(memory));

	for (n = 0; n < 3; n++) {
		ASSERT_EQ(0, map_read_only(w, memory, 0, PAGES));
		EXPECT_OWED(w, PAGES);
		ASSERT_EQ(0, unmap_at(w, 0, PAGES));
		EXPECT_BACK(w);
	}
	EXPECT_EQ(resident + PAGES, counters_resident(memory));
}

FRONT_TEST(front, untouched_writable)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, PAGES);
	long resident = counters_resident(memory);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	EXPECT_EQ(resident + PAGES, counters_resident(memory));
}

FRONT_TEST(front, same_pages_twice)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, map_at(w, memory, PAGES, PAGES));
	EXPECT_OWED(w, 2 * PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_OWED(w, PAGES);
}

FRONT_TEST(front, transparent_huge)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(transparent_huge, 2 * HUGE_PAGES);

	ASSERT_EQ(2 * HUGE_PAGES, counters_huge(memory)) {
		TH_LOG("the kernel had no huge pages to give");
	}
	ASSERT_EQ(0, limit_pages(w, 2 * HUGE_PAGES - 1));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_BACK(w);
	ASSERT_EQ(0, limit_pages(w, 2 * HUGE_PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_OWED(w, 2 * HUGE_PAGES);
}

/* A part of one huge page, and of the next. */
FRONT_TEST(front, transparent_huge_cut)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(transparent_huge, 2 * HUGE_PAGES);

	ASSERT_EQ(2 * HUGE_PAGES, counters_huge(memory));
	ASSERT_EQ(0, map_at(w, memory + 100 * w->page, 0, 700));
	EXPECT_OWED(w, 700);

	/* The kernel splits the huge page under the mapping. */
	ASSERT_EQ(0, munmap(memory + 50 * w->page, 200 * w->page));
	EXPECT_OWED(w, 700);
}

FRONT_TEST(front, hugetlb)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(hugetlb, 2 * HUGE_PAGES);

	ASSERT_EQ(0, limit_pages(w, 2 * HUGE_PAGES - 1));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_BACK(w);
	ASSERT_EQ(0, limit_pages(w, 2 * HUGE_PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_OWED(w, 2 * HUGE_PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, 2 * HUGE_PAGES));
	ASSERT_EQ(0, map_at(w, memory + 7 * w->page, 0, 513));
	EXPECT_OWED(w, 513);
}

FRONT_TEST(front, memfd)
{
	struct world *w = &self->world;
	char *memory;
	int fd;

	memory = ASSERT_MEMFD(&fd, PAGES);
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);

	ASSERT_EQ(0, munmap(memory, PAGES * w->page));
	EXPECT_EQ(-1, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

/* References are given back by a map that fails, too. */
FRONT_TEST(front, memfd_refused)
{
	struct world *w = &self->world;
	char *memory;
	int fd;

	memory = ASSERT_MEMFD(&fd, PAGES);
	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, munmap(memory, PAGES * w->page));
	EXPECT_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

/* Two pages of memory, two mappings each way round of the same memfd page. */
FRONT_TEST(front, memfd_page_twice)
{
	struct world *w = &self->world;
	char *first, *second;
	int fd;

	first = ASSERT_MEMFD(&fd, 1);
	second = memory_of_file(fd, w->page);
	ASSERT_NE(MAP_FAILED, second);
	ASSERT_EQ(0, map_at(w, first, 0, 1));
	ASSERT_EQ(0, map_at(w, second, 1, 1));
	EXPECT_OWED(w, 2);
	ASSERT_EQ(0, munmap(first, w->page));
	ASSERT_EQ(0, munmap(second, w->page));
	ASSERT_EQ(0, unmap_at(w, 1, 1));
	EXPECT_OWED(w, 1);
	EXPECT_EQ(-1, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	ASSERT_EQ(0, unmap_at(w, 0, 1));
	EXPECT_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

/* One mapping over kinds that lie side by side. */
FRONT_TEST(front, kinds_side_by_side)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, PAGES);
	int fd;

	fd = memory_memfd(PAGES * w->page);
	ASSERT_LE(0, fd);
	ASSERT_EQ(memory + 8 * w->page,
		  mmap(memory + 8 * w->page, 8 * w->page, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, fd, 0));
	memory[0] = 1;
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
}

/*
 * A BAR is not memory of the host: type1 maps it and charges nobody, iommufd
 * does not take it.
 */
FRONT_TEST(front, bar)
{
	struct world *w = &self->world;
	struct front *front = &w->front;
	unsigned long size = 0;
	char *bar;

	ASSERT_EQ(0, device_enable_dma(front->devices[DEVICE_EDU]));
	bar = device_map_bar(front->devices[DEVICE_EDU], 0, &size);
	ASSERT_NE(MAP_FAILED, bar);
	ASSERT_LE(4 * w->page, size);

	ASSERT_EQ(0, limit_pages(w, 0));
	EXPECT_EQ(variant->ops->iommufd ? -EFAULT : 0,
		  front_map(front, bar, IOVA, size, FRONT_RW));
	EXPECT_BACK(w);
	EXPECT_EQ(variant->ops->type ? 0 : -ENOENT, front_unmap(front, IOVA, size, NULL));
	EXPECT_BACK(w);
}

/* A limit that was lowered below what is charged has no say in what is free. */
FRONT_TEST(front, bar_over_the_limit)
{
	struct world *w = &self->world;
	struct front *front = &w->front;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	unsigned long size = 0;
	char *bar;

	ASSERT_EQ(0, device_enable_dma(front->devices[DEVICE_EDU]));
	bar = device_map_bar(front->devices[DEVICE_EDU], 0, &size);
	ASSERT_NE(MAP_FAILED, bar);
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, limit_pages(w, 0));
	EXPECT_EQ(variant->ops->iommufd ? -EFAULT : 0,
		  front_map(front, bar, IOVA + PAGES * w->page, size, FRONT_RW));
	EXPECT_OWED(w, PAGES);
	/* The BAR in our memory keeps the device open. */
	ASSERT_EQ(0, front_unmap_all(front, NULL));
}

/* RAM, then a BAR, then RAM: only RAM is charged. */
FRONT_TEST(front, bar_between_memory)
{
	struct world *w = &self->world;
	struct front *front = &w->front;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	unsigned long size = 0;
	char *bar;

	ASSERT_EQ(0, device_enable_dma(front->devices[DEVICE_EDU]));
	bar = device_map_bar(front->devices[DEVICE_EDU], 0, &size);
	ASSERT_NE(MAP_FAILED, bar);
	ASSERT_EQ(memory + 8 * w->page,
		  mremap(bar, 4 * w->page, 4 * w->page, MREMAP_MAYMOVE | MREMAP_FIXED,
			 memory + 8 * w->page));

	if (variant->ops->iommufd) {
		EXPECT_EQ(-EFAULT, map_at(w, memory, 0, PAGES));
		EXPECT_BACK(w);
		return;
	}
	ASSERT_EQ(0, limit_pages(w, PAGES - 5));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES));
	EXPECT_BACK(w);
	ASSERT_EQ(0, limit_pages(w, PAGES - 4));
	EXPECT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES - 4);
	EXPECT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

/* The process drops its pages; the device keeps them, and they are paid for. */
FRONT_TEST(front, dontneed_while_mapped)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, madvise(memory, PAGES * w->page, MADV_DONTNEED));
	EXPECT_OWED(w, PAGES);
	memory[0] = 1;
	EXPECT_OWED(w, PAGES);

	/* The new page is another one, and is charged as another one. */
	ASSERT_EQ(0, map_at(w, memory, PAGES, 1));
	EXPECT_OWED(w, PAGES + 1);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_OWED(w, 1);
}

FRONT_TEST(front, moved_while_mapped)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	char *elsewhere = ASSERT_MEMORY(untouched, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(elsewhere, mremap(memory, PAGES * w->page, PAGES * w->page,
				    MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

/* mlock()ed memory that is mapped as well is charged by both. */
FRONT_TEST(front, locked_and_mapped)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct counters now;

	ASSERT_EQ(0, mlock(memory, PAGES * w->page));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, counters_read(&now));
	EXPECT_EQ(variant->ops->payer == FRONT_PAYER_MM ? 2 * PAGES : PAGES,
		  now.lck - w->base.lck);
	ASSERT_EQ(0, munlock(memory, PAGES * w->page));
	EXPECT_OWED(w, PAGES);
}

TEST_HARNESS_MAIN
