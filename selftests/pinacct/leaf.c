// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages are pinned as what the process has mapped there, page for page.
 *
 * Guards: where one page of a huge page is pinned and the others are taken to
 * come with it, they do. Fails if a page is pinned that is not the one at that
 * address: because the huge page is mapped in part, by page, at another offset,
 * behind its VMA's end or for reading only; or if pins are not given back one for
 * one. Which pages have pins is asked by page (PINACCT_PINS_BY_PAGE), and edu
 * tells whether they are in order.
 */
#include <fcntl.h>
#include <linux/memfd.h>
#include <signal.h>
#include <sys/mman.h>

#include "child.h"
#include "pinned.h"
#include "rule.h"
#include "witness.h"

#define HUGE_PAGES (MEMORY_HUGE / memory_page())

WITNESS_FIXTURE(leaf)
ON_EVERY_V2_FRONT(leaf);

FIXTURE_SETUP(leaf)
{
	WITNESS_SETUP();
}

/* Each of so many pages has one pin, and whoever pays owes for them. */
#define EXPECT_PINNED(memory, npages)						\
	do {									\
		static char _ones[LOOKED_AT + 1];				\
		unsigned long _all = (npages);					\
		memset(_ones, '1', _all);					\
		_ones[_all] = 0;						\
		EXPECT_PINS_BY(PAGE, memory, _ones);				\
		EXPECT_OWED(&self->world, _all);				\
	} while (0)

/* Whether a memfd gets huge pages: "advise" or "never". Root's to say. */
static int files_are_huge(const char *when)
{
	int fd = open("/sys/kernel/mm/transparent_hugepage/shmem_enabled", O_WRONLY);
	int rc = fd < 0 || write(fd, when, strlen(when)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

/* The device sees page AT of MEMORY, which is mapped from IOVA on. */
#define EXPECT_SEEN_PAGE(memory, at)						\
	do {									\
		char *_page = (memory) + (at) * memory_page();			\
		ASSERT_EQ(0, map_at(&self->world, self->echo, ECHO_AT, 1));	\
		fill(_page, at);						\
		EXPECT_SEEN(at, _page);						\
		ASSERT_EQ(0, unmap_at(&self->world, ECHO_AT, 1));		\
	} while (0)

static char *thp(unsigned long npages)
{
	char *memory = memory_transparent_huge(npages * memory_page());

	return counters_huge(memory) == npages ? memory : MAP_FAILED;
}

#define ASSERT_THP(count)							\
	({									\
		char *_memory = thp(count);					\
		ASSERT_NE(MAP_FAILED, _memory) {				\
			TH_LOG("the kernel had no huge pages to give");		\
		}								\
		_memory;							\
	})

FRONT_TEST(leaf, whole)
{
	struct world *w = &self->world;
	char *memory = ASSERT_THP(2 * HUGE_PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_PINNED(memory, 2 * HUGE_PAGES);
	EXPECT_EQ(2 * HUGE_PAGES, counters_huge(memory));
	EXPECT_SEEN_PAGE(memory, HUGE_PAGES - 1);
	EXPECT_SEEN_PAGE(memory, HUGE_PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, 2 * HUGE_PAGES));
	EXPECT_BACK(w);
	ASSERT_EQ(0, map_read_only(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_PINNED(memory, 2 * HUGE_PAGES);
}

/* Nobody has touched it: it is faulted in as huge pages. */
FRONT_TEST(leaf, untouched)
{
	struct world *w = &self->world;
	char *memory = ASSERT_THP(2 * HUGE_PAGES);

	ASSERT_EQ(0, madvise(memory, 2 * MEMORY_HUGE, MADV_DONTNEED));
	ASSERT_EQ(0, map_at(w, memory + 100 * w->page, 0, 2 * HUGE_PAGES - 100));
	EXPECT_EQ(2 * HUGE_PAGES, counters_huge(memory));
	EXPECT_PINNED(memory + 100 * w->page, 2 * HUGE_PAGES - 100);
	EXPECT_SEEN_PAGE(memory + 100 * w->page, HUGE_PAGES - 100);
}

/* Some pages in its middle may only be read, which are a VMA of their own then. */
FRONT_TEST(leaf, sliced_by_permission)
{
	struct world *w = &self->world;
	char *memory = ASSERT_THP(2 * HUGE_PAGES), *slice = memory + 100 * w->page;

	ASSERT_EQ(0, mprotect(slice, 50 * w->page, PROT_READ));
	EXPECT_EQ(-EFAULT, map_at(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_BACK(w);
	EXPECT_EQ(-EFAULT, map_at(w, memory, 0, 101));
	EXPECT_BACK(w);
	ASSERT_EQ(0, map_read_only(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_PINNED(memory, 2 * HUGE_PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, 2 * HUGE_PAGES));
	EXPECT_BACK(w);

	/* One VMA again, and still mapped by page */
	ASSERT_EQ(0, mprotect(slice, 50 * w->page, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, map_at(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_PINNED(memory, 2 * HUGE_PAGES);
	EXPECT_SEEN_PAGE(memory, 120);
}

FRONT_TEST(leaf, sliced_by_hole)
{
	struct world *w = &self->world;
	char *memory = ASSERT_THP(2 * HUGE_PAGES);

	ASSERT_EQ(0, munmap(memory + 700 * w->page, 20 * w->page));
	EXPECT_EQ(-EFAULT, map_at(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_BACK(w);
	EXPECT_EQ(-EFAULT, map_read_only(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_BACK(w);
	ASSERT_EQ(0, map_at(w, memory, 0, 700));
	EXPECT_PINNED(memory, 700);
}

/* The huge page is there, but another page has come in the place of one of its. */
FRONT_TEST(leaf, page_replaced)
{
	struct world *w = &self->world;
	char *memory = ASSERT_THP(2 * HUGE_PAGES);

	ASSERT_EQ(0, madvise(memory + 600 * w->page, w->page, MADV_DONTNEED));
	memory[600 * w->page] = 1;
	ASSERT_EQ(0, map_at(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_PINNED(memory, 2 * HUGE_PAGES);
	EXPECT_SEEN_PAGE(memory, 600);
	EXPECT_SEEN_PAGE(memory, 601);
}

/* Nothing has come; the device only reads, so it may be the zero page. */
FRONT_TEST(leaf, page_missing)
{
	struct world *w = &self->world;
	char *memory = ASSERT_THP(2 * HUGE_PAGES);

	ASSERT_EQ(0, madvise(memory + 600 * w->page, w->page, MADV_DONTNEED));
	ASSERT_EQ(0, map_read_only(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_PINNED(memory, 2 * HUGE_PAGES);
	EXPECT_LEDGER(w, self->ask, 2 * HUGE_PAGES, 1);
	EXPECT_SEEN_PAGE(memory, 600);
}

FRONT_TEST(leaf, huge_zero_page)
{
	struct world *w = &self->world;
	char *memory = ASSERT_THP(2 * HUGE_PAGES);

	ASSERT_EQ(0, madvise(memory, MEMORY_HUGE, MADV_DONTNEED));
	EXPECT_EQ(0, *(volatile char *)memory);
	ASSERT_EQ(0, map_read_only(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_PINNED(memory, 2 * HUGE_PAGES);
	EXPECT_LEDGER(w, self->ask, 2 * HUGE_PAGES, HUGE_PAGES);
}

/* Part of it is at another address, where the offset in 2 MiB is not its own. */
FRONT_TEST(leaf, moved)
{
	const int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	struct world *w = &self->world;
	char *memory = ASSERT_THP(2 * HUGE_PAGES);
	char *other = ASSERT_THP(2 * HUGE_PAGES);

	ASSERT_NE(MAP_FAILED, mremap(memory + 3 * w->page, MEMORY_HUGE, MEMORY_HUGE, flags,
				     other + 7 * w->page));
	ASSERT_EQ(0, map_at(w, other, 0, 2 * HUGE_PAGES));
	EXPECT_PINNED(other, 2 * HUGE_PAGES);
	EXPECT_SEEN_PAGE(other, 6);
	EXPECT_SEEN_PAGE(other, 7);
	EXPECT_SEEN_PAGE(other, HUGE_PAGES);
}

/* What the process does to a huge page afterwards is nothing to its pins. */
FRONT_TEST(leaf, changed_while_mapped)
{
	struct world *w = &self->world;
	char *memory = ASSERT_THP(2 * HUGE_PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, 2 * HUGE_PAGES));
	ASSERT_EQ(0, madvise(memory + 600 * w->page, w->page, MADV_DONTNEED));
	ASSERT_EQ(0, mprotect(memory, 10 * w->page, PROT_NONE));
	ASSERT_EQ(0, munmap(memory + 1000 * w->page, 10 * w->page));
	EXPECT_OWED(w, 2 * HUGE_PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, 2 * HUGE_PAGES));
	EXPECT_BACK(w);
}

/* Pinned in part by several mappings, which go in another order. */
FRONT_TEST(leaf, in_parts)
{
	static const struct {
		unsigned long at, npages;
	} parts[] = { { 0, 100 }, { 100, 612 }, { 712, 1 }, { 713, 311 } };
	struct world *w = &self->world;
	char *memory = ASSERT_THP(2 * HUGE_PAGES);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		ASSERT_EQ(0, map_at(w, memory + parts[i].at * w->page, parts[i].at,
				    parts[i].npages));
	EXPECT_PINNED(memory, 2 * HUGE_PAGES);
	ASSERT_EQ(0, unmap_at(w, parts[1].at, parts[1].npages));
	EXPECT_OWED(w, 412);
	ASSERT_EQ(0, unmap_at(w, parts[3].at, parts[3].npages));
	EXPECT_PINS_BY(PAGE, memory + 710 * w->page, "..1.");
	ASSERT_EQ(0, unmap_at(w, parts[0].at, parts[0].npages));
	EXPECT_OWED(w, 1);
	ASSERT_EQ(0, unmap_at(w, parts[2].at, parts[2].npages));
	EXPECT_BACK(w);
}

/* A child shares the pages until one of the two writes; or the device does. */
static void shared_with_child(struct __test_metadata *_metadata,
			      struct _test_data_leaf *self, char *memory, int prot)
{
	struct world *w = &self->world;
	struct child child;

	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		child_wait(&child);
		child_tell(&child, memory[600 * w->page] == 0x5a);
		child_wait(&child);
		_exit(0);
	}
	EXPECT_EQ(0, front_map(&w->front, memory, IOVA, 2 * MEMORY_HUGE, prot));
	EXPECT_PINNED(memory, 2 * HUGE_PAGES);
	EXPECT_SEEN_PAGE(memory, 600);
	ASSERT_EQ(0, child_go_on(&child));
	EXPECT_EQ(1, child_result(&child));
	child_end(&child, SIGKILL);
	EXPECT_PINNED(memory, 2 * HUGE_PAGES);
}

FRONT_TEST(leaf, forked)
{
	shared_with_child(_metadata, self, ASSERT_THP(2 * HUGE_PAGES), FRONT_RW);
}

FRONT_TEST(leaf, forked_read_only)
{
	shared_with_child(_metadata, self, ASSERT_THP(2 * HUGE_PAGES), FRONT_READ);
}

FRONT_TEST(leaf, forked_hugetlb)
{
	shared_with_child(_metadata, self, ASSERT_MEMORY(hugetlb, 2 * HUGE_PAGES), FRONT_RW);
}

FRONT_TEST(leaf, forked_hugetlb_read_only)
{
	shared_with_child(_metadata, self, ASSERT_MEMORY(hugetlb, 2 * HUGE_PAGES), FRONT_READ);
}

/* The VMA ends inside of what is mapped, and what follows is of another kind. */
FRONT_TEST(leaf, hugetlb_and_other)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(hugetlb, 2 * HUGE_PAGES);
	char *second = memory + MEMORY_HUGE, *at = memory + 200 * w->page;

	ASSERT_EQ(0, munmap(second, MEMORY_HUGE));
	EXPECT_EQ(-EFAULT, map_at(w, at, 0, HUGE_PAGES));
	EXPECT_BACK(w);
	ASSERT_EQ(second, mmap(second, MEMORY_HUGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	ASSERT_EQ(0, map_at(w, at, 0, HUGE_PAGES));
	EXPECT_PINNED(at, HUGE_PAGES);
	EXPECT_SEEN_PAGE(at, 311);
	EXPECT_SEEN_PAGE(at, 312);
}

/*
 * The second huge page is another VMA, which may only be written: type1 minds, and
 * iommufd, which does not look at VMAs where the page is there, does not.
 */
FRONT_TEST(leaf, hugetlb_unreadable)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(hugetlb, 2 * HUGE_PAGES);
	const int rc = w->front.ops->iommufd ? 0 : -EFAULT;

	ASSERT_EQ(0, mprotect(memory + MEMORY_HUGE, MEMORY_HUGE, PROT_WRITE));
	EXPECT_EQ(rc, map_read_only(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_OWED(w, rc ? 0 : 2 * HUGE_PAGES);
}

/* Two VMAs of the same huge page, of a file, and neither is as long as it. */
FRONT_TEST(leaf, file)
{
	struct world *w = &self->world;
	size_t size = 2 * MEMORY_HUGE;
	int fd = memory_memfd(size);
	char *memory;

	AS_ROOT(ASSERT_EQ(0, files_are_huge("advise")));
	ASSERT_LE(0, fd);
	memory = ASSERT_MEMORY(untouched, 4 * HUGE_PAGES);
	memory += -(uintptr_t)memory & (MEMORY_HUGE - 1);
	ASSERT_EQ(memory, mmap(memory, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			       0));
	ASSERT_EQ(0, madvise(memory, size, MADV_HUGEPAGE));
	memset(memory, 0x5a, size);
	ASSERT_EQ(2 * HUGE_PAGES, counters_huge(memory));
	AS_ROOT(ASSERT_EQ(0, files_are_huge("never")));

	ASSERT_EQ(0, map_at(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_PINNED(memory, 2 * HUGE_PAGES);
	EXPECT_SEEN_PAGE(memory, 700);
	ASSERT_EQ(0, unmap_at(w, 0, 2 * HUGE_PAGES));

	/* What the process only reads, a device may read as well. */
	ASSERT_EQ(0, mprotect(memory, size, PROT_READ));
	ASSERT_EQ(0, map_read_only(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_PINNED(memory, 2 * HUGE_PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, 2 * HUGE_PAGES));
	ASSERT_EQ(0, mprotect(memory, size, PROT_READ | PROT_WRITE));

	/* Pages 100 and 101 where 103 and 104 were: the VMA is cut in three. */
	ASSERT_EQ(memory + 103 * w->page,
		  mmap(memory + 103 * w->page, 2 * w->page, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, fd, 100 * w->page));
	EXPECT_EQ(0x5a, *(volatile char *)(memory + 100 * w->page));
	memset(memory + 103 * w->page, 0x5b, w->page);
	ASSERT_EQ(0, map_at(w, memory + 101 * w->page, 0, 2 * HUGE_PAGES - 101));
	EXPECT_PINS_BY(PAGE, memory + 99 * w->page, ".1211211");
	EXPECT_OWED(w, 2 * HUGE_PAGES - 101);
	ASSERT_EQ(0, unmap_at(w, 0, 2 * HUGE_PAGES - 101));
	EXPECT_BACK(w);

	/* It ends inside of its second huge page. */
	ASSERT_EQ(0, ftruncate(fd, MEMORY_HUGE + 5 * w->page));
	EXPECT_EQ(-EFAULT, map_at(w, memory + MEMORY_HUGE, 0, HUGE_PAGES));
	EXPECT_EQ(-EFAULT, map_at(w, memory, 0, 2 * HUGE_PAGES));
	EXPECT_BACK(w);
	ASSERT_EQ(0, map_at(w, memory + MEMORY_HUGE, 0, 5));
	EXPECT_PINNED(memory + MEMORY_HUGE, 5);
	close(fd);
}

/* All kinds in a row; by one mapping, which is refused for a page too many. */
FRONT_TEST(leaf, mixed)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(transparent_huge, 3 * HUGE_PAGES);
	char *small = memory + MEMORY_HUGE, *tlb = small + MEMORY_HUGE;
	const int prot = PROT_READ | PROT_WRITE;

	ASSERT_EQ(small, mmap(small, MEMORY_HUGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			      0));
	ASSERT_EQ(0, madvise(small, MEMORY_HUGE, MADV_NOHUGEPAGE));
	memset(small, 0x5a, MEMORY_HUGE);
	ASSERT_EQ(tlb, mmap(tlb, MEMORY_HUGE, prot,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0));

	ASSERT_EQ(0, limit_pages(w, 3 * HUGE_PAGES - 1));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, 3 * HUGE_PAGES));
	EXPECT_BACK(w);
	ASSERT_EQ(0, limit_pages(w, 3 * HUGE_PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, 3 * HUGE_PAGES));
	EXPECT_OWED(w, 3 * HUGE_PAGES);
	EXPECT_PINS_BY(PAGE, small - 2 * w->page, "1111");
	EXPECT_PINS_BY(PAGE, tlb - 2 * w->page, "1111");
	ASSERT_EQ(0, unmap_at(w, 0, 3 * HUGE_PAGES));
	EXPECT_BACK(w);

	/* A page in the middle cannot be pinned: nothing stays, on either side. */
	ASSERT_EQ(0, mprotect(small + 300 * w->page, w->page, PROT_NONE));
	EXPECT_EQ(-EFAULT, map_at(w, memory, 0, 3 * HUGE_PAGES));
	EXPECT_BACK(w);
	/* With a limit that ends before it, that is what decides. */
	ASSERT_EQ(0, limit_pages(w, 600));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, 3 * HUGE_PAGES));
	EXPECT_BACK(w);
}

/*
 * More than is unmapped in one call, of huge pages of the IOMMU that no call may
 * cut. It is one huge page again and again, in as many VMAs.
 */
FRONT_TEST(leaf, more_than_a_gib)
{
	const size_t nvmas = 516, size = nvmas * MEMORY_HUGE, npages = nvmas * HUGE_PAGES - 100;
	struct world *w = &self->world;
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	const __u64 iova = 1UL << 32;
	char *memory, *at;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, MEMORY_HUGE));
	memory = mmap(NULL, size + MEMORY_HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	memory += -(uintptr_t)memory & (MEMORY_HUGE - 1);
	for (at = memory; at < memory + size; at += MEMORY_HUGE)
		ASSERT_EQ(at, mmap(at, MEMORY_HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
				   fd, 0));

	ASSERT_EQ(0, limit_pages(w, npages));
	ASSERT_EQ(0, front_map(&w->front, memory + 100 * w->page, iova + 100 * w->page,
			       npages * w->page, FRONT_RW));
	EXPECT_OWED(w, npages);
	ASSERT_EQ(0, front_unmap(&w->front, iova + 100 * w->page, npages * w->page, NULL));
	EXPECT_BACK(w);
	close(fd);
}

/* Held by two mappings, and charged once. */
FRONT_TEST(leaf, charged_once)
{
	struct world *w = &self->world;
	char *memory = ASSERT_THP(2 * HUGE_PAGES);

	ASSERT_EQ(0, params_set("charge_once", "Y"));
	ASSERT_EQ(0, limit_pages(w, 2 * HUGE_PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, 2 * HUGE_PAGES));
	ASSERT_EQ(0, map_at(w, memory + 100 * w->page, 2 * HUGE_PAGES, HUGE_PAGES));
	EXPECT_LEDGER(w, self->ask, 2 * HUGE_PAGES, 0);
	ASSERT_EQ(0, unmap_at(w, 0, 2 * HUGE_PAGES));
	EXPECT_LEDGER(w, self->ask, HUGE_PAGES, 0);
	EXPECT_PINS_BY(PAGE, memory + 99 * w->page, ".11");
}

TEST_HARNESS_MAIN
