// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is certain not to fit is refused before anything is pinned.
 *
 * Guards: such a refusal faults nothing in and makes no page tables; what fits is
 * never refused; and of a limit and an unpinnable VMA it is the first
 * that decides on the errno. Fails if memory is touched before the limit is
 * looked at, if pages are called certain that are not charged in the end, or if
 * counting goes on behind what cannot be pinned.
 */
#include <sys/resource.h>

#include "rule.h"

#define TIB (1UL << 40)

/* Away from what the IOMMU keeps for interrupts, and as aligned as IOVA is */
#define FAR (TIB + 0x3000)

static void *sparse(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static int map_far(struct world *w, const void *memory, size_t size)
{
	return front_map(&w->front, memory, FAR, size, FRONT_RW);
}

/* Writes to its own stack first: the kernel counts, and only then faults that in. */
static long faults(void)
{
	struct rusage usage = {};

	return getrusage(RUSAGE_SELF, &usage) ? -1 : usage.ru_minflt;
}

FRONT_TEST(rule, touches_nothing)
{
	struct world *w = &self->world;
	char *memory = sparse(TIB), *other = sparse(TIB);
	struct pinacct_refusal refusal;
	long resident, tables, before, after;
	int rc;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_NE(MAP_FAILED, other);
	ASSERT_EQ(0, limit_pages(w, 1UL << 16));
	/* Once before, so that this program's own pages are there. */
	ASSERT_EQ(-ENOMEM, map_far(w, other, TIB));
	ASSERT_EQ(0, munmap(other, TIB));
	resident = counters_resident(memory);
	tables = counters_page_tables();
	ASSERT_LT(0, tables);
	before = faults();
	rc = map_far(w, memory, TIB);
	after = faults();
	EXPECT_EQ(-ENOMEM, rc);
	EXPECT_EQ(before, after);
	EXPECT_EQ(resident, counters_resident(memory));
	EXPECT_EQ(tables, counters_page_tables());
	EXPECT_BACK(w);

	refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, ENOMEM);
	EXPECT_EQ(TIB, refusal.asked);
	EXPECT_EQ(TIB, refusal.length);
	EXPECT_EQ(TIB, refusal.needed);
}

/* Memory that is there already is not counted with it. */
FRONT_TEST(rule, behind_a_mapping)
{
	struct world *w = &self->world;
	char *memory = sparse(TIB);
	long resident;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, madvise(memory, TIB, MADV_NOHUGEPAGE));
	ASSERT_EQ(0, limit_pages(w, 2 * PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	resident = counters_resident(memory);
	EXPECT_EQ(-ENOMEM, map_at(w, memory + PAGES * w->page, PAGES, PAGES + 1));
	EXPECT_EQ(resident, counters_resident(memory));
	ASSERT_EQ(0, map_at(w, memory + PAGES * w->page, PAGES, PAGES));
	EXPECT_OWED(w, 2 * PAGES);
}

/*
 * Page 8 of a lot of memory cannot be pinned. Where the limit allows the pages
 * before it, that is what is wrong; where it does not, the limit is. Only then
 * are the pages made, the first ANONYMOUS of which are in a mapping of their own.
 */
static void check_order(TEST_ARGS, char *memory, unsigned long anonymous)
{
	struct world *w = &self->world;
	long resident = counters_resident(memory);

	ASSERT_EQ(0, limit_pages(w, 7));
	EXPECT_EQ(-ENOMEM, map_far(w, memory, TIB));
	EXPECT_EQ(resident, counters_resident(memory));
	ASSERT_EQ(0, limit_pages(w, 8));
	EXPECT_EQ(-EFAULT, map_far(w, memory, TIB));
	EXPECT_EQ(resident + anonymous, counters_resident(memory));
	EXPECT_BACK(w);
}

static char *small_pages(void)
{
	char *memory = sparse(TIB);

	if (memory != MAP_FAILED)
		madvise(memory, TIB, MADV_NOHUGEPAGE);
	return memory;
}

FRONT_TEST(rule, hole_first)
{
	struct world *w = &self->world;
	char *memory = small_pages();

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, munmap(memory + 8 * w->page, w->page));
	check_order(TEST_PASS, memory, 8);
}

FRONT_TEST(rule, read_only_first)
{
	struct world *w = &self->world;
	char *memory = small_pages();

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, mprotect(memory + 8 * w->page, w->page, PROT_READ));
	check_order(TEST_PASS, memory, 8);
}

/* A file that ends before its mapping does */
FRONT_TEST(rule, end_of_file_first)
{
	struct world *w = &self->world;
	char *memory = small_pages();
	int fd;

	ASSERT_NE(MAP_FAILED, memory);
	fd = memory_memfd(4 * w->page);
	ASSERT_LE(0, fd);
	ASSERT_EQ(memory + 4 * w->page,
		  mmap(memory + 4 * w->page, 16 * w->page, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, fd, 0));
	check_order(TEST_PASS, memory, 4);
}

/* At the limit it fits; one page under it is refused, by either check. */
static void check_exact(TEST_ARGS, const void *memory, unsigned long npages, int prot)
{
	struct world *w = &self->world;
	size_t size = npages * w->page;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, limit_pages(w, npages - 1));
	EXPECT_EQ(-ENOMEM, front_map(&w->front, memory, IOVA, size, prot));
	EXPECT_BACK(w);
	ASSERT_EQ(0, limit_pages(w, npages));
	ASSERT_EQ(0, front_map(&w->front, memory, IOVA, size, prot));
	EXPECT_OWED(w, npages);
	ASSERT_EQ(0, unmap_at(w, 0, npages));
	EXPECT_BACK(w);
}

/* The same, and the refusal left the memory alone. */
static void check_untouched(TEST_ARGS, const void *memory, unsigned long npages, int prot)
{
	struct world *w = &self->world;
	long resident = counters_resident(memory);

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, limit_pages(w, npages - 1));
	EXPECT_EQ(-ENOMEM, front_map(&w->front, memory, IOVA, npages * w->page, prot));
	EXPECT_EQ(resident, counters_resident(memory));
	check_exact(TEST_PASS, memory, npages, prot);
}

FRONT_TEST(rule, exact_anonymous)
{
	check_untouched(TEST_PASS, memory_untouched(PAGES * memory_page()), PAGES, FRONT_RW);
}

FRONT_TEST(rule, exact_shared_anonymous)
{
	size_t size = PAGES * memory_page();

	check_untouched(TEST_PASS, mmap(NULL, size, PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0), PAGES, FRONT_RW);
}

FRONT_TEST(rule, exact_memfd)
{
	size_t size = PAGES * memory_page();
	int fd = memory_memfd(size);

	ASSERT_LE(0, fd);
	check_untouched(TEST_PASS, memory_of_file(fd, size), PAGES, FRONT_RW);
}

/* For a device that reads only, too: a page of a file is no zero page. */
FRONT_TEST(rule, exact_memfd_read_only)
{
	size_t size = PAGES * memory_page();
	int fd = memory_memfd(size);

	ASSERT_LE(0, fd);
	check_untouched(TEST_PASS, memory_of_file(fd, size), PAGES, FRONT_READ);
}

FRONT_TEST(rule, exact_memfd_private)
{
	size_t size = PAGES * memory_page();
	int fd = memory_memfd(size);

	ASSERT_LE(0, fd);
	check_exact(TEST_PASS, mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0),
		    PAGES, FRONT_RW);
}

/* Its last page is not all of a page. */
FRONT_TEST(rule, exact_partial_file)
{
	size_t size = PAGES * memory_page();
	int fd = memory_memfd(size - 7);

	ASSERT_LE(0, fd);
	check_exact(TEST_PASS, memory_of_file(fd, size), PAGES, FRONT_RW);
}

FRONT_TEST(rule, exact_hugetlb)
{
	unsigned long npages = 2 * MEMORY_HUGE / memory_page();

	check_untouched(TEST_PASS, mmap(NULL, 2 * MEMORY_HUGE, PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB |
					(21 << MAP_HUGE_SHIFT), -1, 0), npages, FRONT_RW);
}

FRONT_TEST(rule, exact_hugetlb_private)
{
	unsigned long npages = 2 * MEMORY_HUGE / memory_page();

	check_exact(TEST_PASS, mmap(NULL, 2 * MEMORY_HUGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
				    (21 << MAP_HUGE_SHIFT), -1, 0), npages, FRONT_RW);
}

/* Many VMAs of several kinds, one after the other */
FRONT_TEST(rule, exact_side_by_side)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, PAGES);
	unsigned long i;
	int fd;

	fd = memory_memfd(PAGES * w->page);
	ASSERT_LE(0, fd);
	for (i = 0; i < PAGES; i += 4)
		ASSERT_EQ(memory + i * w->page,
			  mmap(memory + i * w->page, w->page, PROT_READ | PROT_WRITE,
			       (i % 8 ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, fd,
			       i * w->page));
	check_exact(TEST_PASS, memory, PAGES, FRONT_RW);
}

/* What may be a zero page is not certain: with zero_page=ignore it is free. */
FRONT_TEST(rule, zero_pages_are_not_certain)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, PAGES);

	memset(memory, 1, 4 * w->page);
	ASSERT_EQ(0, params_set("zero_page", "ignore"));
	ASSERT_EQ(0, limit_pages(w, 3));
	EXPECT_EQ(-ENOMEM, map_read_only(w, memory, 0, PAGES));
	ASSERT_EQ(0, limit_pages(w, 4));
	ASSERT_EQ(0, map_read_only(w, memory, 0, PAGES));
	EXPECT_OWED(w, 4);
}

/* Neither is what would need no limit at all. */
FRONT_TEST(rule, privileged)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, PAGES);

	ASSERT_EQ(0, limit_pages(w, 0));
	ASSERT_EQ(0, privilege_raise());
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

TEST_HARNESS_MAIN
