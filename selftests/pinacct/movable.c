// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is it told when a page cannot leave movable memory?
 *
 * Memory may be set apart for what can be moved away, so that it can be taken
 * out of the machine. A page that is to be pinned has to leave it first, and
 * cannot while somebody else holds a reference to it; the test module does so.
 *
 * Guards: mainline's errno for it, ENOMEM; with strict_errno EAGAIN, since it may
 * well work a moment later; the record names the page, wherever it is among those
 * that are pinned at a time; nothing stays pinned or charged; and once the page is
 * let go, it is mapped. Fails if the cause is taken for a lack of memory, as by
 * the errno alone it is.
 *
 * The machine must have such memory: see movable() in ../l1/devices.sh.
 */
#include "look.h"
#include "map_file.h"
#include "rule.h"

/* Is the page in movable memory? Or -errno */
static int is_movable(const void *address)
{
	struct look look;
	int rc;

	rc = privilege_root(true) ?: look_at(address, &look);
	return privilege_root(false) ?: rc ?: look.movable;
}

/*
 * Memory is mapped, by file if FD is not negative, while the page at AT cannot be
 * moved, and afterwards.
 */
static void check(TEST_ARGS, int fd, char *memory, unsigned long npages, unsigned long at,
		  int prot)
{
	static const struct {
		const char *strict;
		int error;
	} expected[] = { { "N", ENOMEM }, { "Y", EAGAIN } };
	struct world *w = &self->world;
	size_t size = npages * w->page;
	struct pinacct_refusal refusal;
	unsigned int i;
	__u64 where;
	int hold;

	where = at * w->page + (fd < 0 ? (__u64)memory : 0);
	ASSERT_EQ(1, is_movable(memory + at * w->page)) {
		TH_LOG("no movable memory? see movable() in selftests/l1/devices.sh");
	}
	AS_ROOT(hold = look_hold(memory + at * w->page));
	ASSERT_LE(0, hold) {
		TH_LOG("no test module?");
	}
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		ASSERT_EQ(0, params_set("strict_errno", expected[i].strict));
		EXPECT_EQ(-expected[i].error, fd < 0 ?
			  front_map(&w->front, memory, IOVA, size, prot) :
			  front_map_file(&w->front, fd, 0, IOVA, size, prot));
		EXPECT_BACK(w);
		refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_MOVABLE, expected[i].error);
		EXPECT_EQ(where, refusal.start);
		EXPECT_EQ(size, refusal.length);
	}
	ASSERT_EQ(1, is_movable(memory + at * w->page));
	ASSERT_EQ(0, close(hold));
	ASSERT_EQ(0, fd < 0 ? front_map(&w->front, memory, IOVA, size, prot) :
		  front_map_file(&w->front, fd, 0, IOVA, size, prot));
	EXPECT_OWED(w, npages);
	EXPECT_EQ(0, is_movable(memory + at * w->page));
	ASSERT_EQ(0, unmap_at(w, 0, npages));
	EXPECT_BACK(w);
	ASSERT_EQ(0, params_set("strict_errno", "N"));
}

/* Pages that are pinned at a time, and one more */
#define MANY 600UL

FRONT_TEST(rule, first_page)
{
	check(TEST_PASS, -1, ASSERT_MEMORY(anonymous, PAGES), PAGES, 0, FRONT_RW);
}

FRONT_TEST(rule, page_in_the_middle)
{
	check(TEST_PASS, -1, ASSERT_MEMORY(anonymous, PAGES), PAGES, 13, FRONT_RW);
}

FRONT_TEST(rule, page_far_behind)
{
	check(TEST_PASS, -1, ASSERT_MEMORY(anonymous, MANY), MANY, MANY - 1, FRONT_RW);
}

FRONT_TEST(rule, device_only_reads)
{
	check(TEST_PASS, -1, ASSERT_MEMORY(anonymous, PAGES), PAGES, 13, FRONT_READ);
}

/* By address, and by file where there is that. */
FRONT_TEST(rule, memfd)
{
	struct world *w = &self->world;
	char *memory;
	int fd;

	fd = memory_memfd(PAGES * w->page);
	ASSERT_LE(0, fd);
	memory = memory_of_file(fd, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, 1, PAGES * w->page);
	check(TEST_PASS, -1, memory, PAGES, 13, FRONT_RW);

	if (!front_maps_files(&w->front))
		return;
	fd = memory_memfd(PAGES * w->page);
	ASSERT_LE(0, fd);
	memory = memory_of_file(fd, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, 1, PAGES * w->page);
	check(TEST_PASS, fd, memory, PAGES, 13, FRONT_RW);
}

/* How many pages have been moved, of all processes */
static long moved(void)
{
	long number = -ENOENT;
	FILE *file = fopen("/proc/vmstat", "re");

	while (file && fscanf(file, " pgmigrate_success %ld", &number) == 0)
		if (fscanf(file, "%*s %*d") == EOF)
			break;
	if (file)
		fclose(file);
	return number;
}

/* Memory that is made in order to be pinned is made where it can stay. */
FRONT_TEST(rule, untouched_need_not_move)
{
	static const char * const numbers[] = { "1", "2" };
	/* Enough for two tasks */
	const unsigned long npages = 8200;
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, npages);
	unsigned int i;
	long before;

	ASSERT_EQ(0, madvise(memory, npages * w->page, MADV_NOHUGEPAGE));
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		ASSERT_EQ(0, params_set("pin_threads", numbers[i]));
		/* There is movable memory, and it is what one gets. */
		memory[0] = 1;
		ASSERT_EQ(1, is_movable(memory));
		before = moved();
		ASSERT_LE(0, before);
		ASSERT_EQ(0, map_at(w, memory + w->page, 0, npages - 1));
		EXPECT_GT(512, moved() - before);
		ASSERT_EQ(0, unmap_at(w, 0, npages - 1));
		ASSERT_EQ(0, madvise(memory, npages * w->page, MADV_DONTNEED));
	}
	/* The copies that a device which only reads gets of the zero page */
	before = moved();
	ASSERT_EQ(0, map_read_only(w, memory, 0, npages));
	EXPECT_GT(512, moved() - before);
	ASSERT_EQ(0, unmap_at(w, 0, npages));
	ASSERT_EQ(0, madvise(memory, npages * w->page, MADV_DONTNEED));
	/* and the same where it is the zero page already */
	for (before = 0; before < (long)npages; before++)
		ASSERT_EQ(0, ((volatile char *)memory)[before * w->page]);
	before = moved();
	ASSERT_EQ(0, map_read_only(w, memory, 0, npages));
	EXPECT_GT(512, moved() - before);
}

TEST_HARNESS_MAIN
