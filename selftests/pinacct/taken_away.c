// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory is taken away under a pin: its file is made shorter, gets a hole, or the
 * process drops its pages, as a balloon does.
 *
 * Guards: the device keeps the pages that it was given, alone, and they stay
 * charged until they are unmapped; what the process gets in their place are other
 * pages, which the device does not see and which are charged if they are mapped.
 * What is cut inside of a page is cut for both. Fails if a page that is taken away
 * is freed under the device, refunded early or never, or taken for the new one.
 */
#include <fcntl.h>
#include <sys/wait.h>

#include "map_file.h"
#include "neighbours.h"

static int map_slice(struct world *w, const struct slice *slice, unsigned long at)
{
	if (!slice->by_file)
		return map_at(w, slice->memory, at, SLICE);
	return front_map_file(&w->front, slice->fd, slice->offset - CUT * w->page,
			      iova_of(w, at), SLICE * w->page, FRONT_RW);
}

static void begin(NEAR_ARGS, const struct slice *slice)
{
	fill_slice(slice);
	EXPECT_PAID(0, 0);
	EXPECT_SLICE_PINS(slice, NONE, NONE);
	ASSERT_EQ(0, map_slice(&self->world, slice, 0));
	EXPECT_PAID(SLICE, 0);
	EXPECT_SLICE_PINS(slice, ALL_ONCE, ALL_ONCE);
}

/* The device has all that it had; the process has half of it. */
static void expect_parted(NEAR_ARGS, const struct slice *slice)
{
	EXPECT_PAID(SLICE, 0);
	EXPECT_SLICE_PINS(slice, ALL_ONCE, "1111....");
}

/* The process writes where it can again: that is other memory, until it is mapped. */
static void go_on(NEAR_ARGS, const struct slice *slice)
{
	struct world *w = &self->world;
	unsigned long i;

	for (i = CUT; i < SLICE; i++) {
		EXPECT_CPU_SEES(slice_page(slice, i), 0);
		fill(slice_page(slice, i), 40 + i);
	}
	expect_parted(NEAR_PASS, slice);
	EXPECT_DEVICE_SEES(5, 6);
	DEVICE_WRITES(5, 50);
	EXPECT_CPU_SEES(slice_page(slice, 5), 45);

	ASSERT_EQ(0, map_slice(w, slice, AGAIN_AT));
	EXPECT_PAID(2 * SLICE, 0);
	EXPECT_SLICE_PINS(slice, ALL_TWICE, "22221111");
	EXPECT_DEVICE_SEES(AGAIN_AT + 5, 45);

	ASSERT_EQ(0, unmap_at(w, 0, SLICE));
	EXPECT_PAID(SLICE, 0);
	EXPECT_SLICE_PINS(slice, ALL_ONCE, ALL_ONCE);
	ASSERT_EQ(0, unmap_at(w, AGAIN_AT, SLICE));
	EXPECT_PAID(0, 0);
	EXPECT_SLICE_PINS(slice, NONE, NONE);
}

/* The signal by which the process dies if it reads there, or 0 */
static int reading_kills(const char *address)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		(void)*(volatile const char *)address;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void check_truncate(NEAR_ARGS, struct slice slice)
{
	begin(NEAR_PASS, &slice);
	ASSERT_EQ(0, ftruncate(slice.fd, slice.offset));
	EXPECT_EQ(SIGBUS, reading_kills(slice.cut));
	EXPECT_EQ(0, reading_kills(slice.memory));
	expect_parted(NEAR_PASS, &slice);
	ASSERT_EQ(0, ftruncate(slice.fd, slice.offset + slice.length));
	go_on(NEAR_PASS, &slice);
}

static void check_punch(NEAR_ARGS, struct slice slice)
{
	begin(NEAR_PASS, &slice);
	ASSERT_EQ(0, fallocate(slice.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, slice.offset,
			       slice.length));
	expect_parted(NEAR_PASS, &slice);
	go_on(NEAR_PASS, &slice);
}

static void check_dontneed(NEAR_ARGS, struct slice slice)
{
	begin(NEAR_PASS, &slice);
	ASSERT_EQ(0, madvise(slice.cut, slice.length, MADV_DONTNEED));
	expect_parted(NEAR_PASS, &slice);
	go_on(NEAR_PASS, &slice);
}

FRONT_TEST(near, truncate_memfd)
{
	check_truncate(NEAR_PASS, slice_memfd(NEAR_PASS));
}

FRONT_TEST(near, truncate_hugetlb)
{
	check_truncate(NEAR_PASS, slice_hugetlb_file(NEAR_PASS));
}

FRONT_TEST(near, punch_memfd)
{
	check_punch(NEAR_PASS, slice_memfd(NEAR_PASS));
}

FRONT_TEST(near, punch_hugetlb)
{
	check_punch(NEAR_PASS, slice_hugetlb_file(NEAR_PASS));
}

FRONT_TEST(near, dontneed_anonymous)
{
	check_dontneed(NEAR_PASS, slice_anonymous(NEAR_PASS));
}

FRONT_TEST(near, dontneed_transparent_huge)
{
	check_dontneed(NEAR_PASS, slice_transparent_huge(NEAR_PASS));
}

FRONT_TEST(near, dontneed_hugetlb)
{
	check_dontneed(NEAR_PASS, slice_hugetlb(NEAR_PASS));
}

FRONT_TEST(near, truncate_by_file)
{
	struct slice slice = slice_memfd(NEAR_PASS);

	if (!front_maps_files(&self->world.front))
		SKIP(return, "mappings by file are native iommufd's, since Linux 6.13");
	slice.by_file = true;
	check_truncate(NEAR_PASS, slice);
}

FRONT_TEST(near, punch_by_file)
{
	struct slice slice = slice_hugetlb_file(NEAR_PASS);

	if (!front_maps_files(&self->world.front))
		SKIP(return, "mappings by file are native iommufd's, since Linux 6.13");
	slice.by_file = true;
	check_punch(NEAR_PASS, slice);
}

/* A file keeps what a process drops: the device and the process still share it. */
FRONT_TEST(near, dontneed_of_a_file)
{
	struct slice slice = slice_memfd(NEAR_PASS);
	unsigned long i;

	begin(NEAR_PASS, &slice);
	ASSERT_EQ(0, madvise(slice.cut, slice.length, MADV_DONTNEED));
	expect_parted(NEAR_PASS, &slice);
	for (i = CUT; i < SLICE; i++)
		EXPECT_CPU_SEES(slice_page(&slice, i), i + 1);
	EXPECT_PAID(SLICE, 0);
	EXPECT_SLICE_PINS(&slice, ALL_ONCE, ALL_ONCE);
	fill(slice_page(&slice, 5), 40);
	EXPECT_DEVICE_SEES(5, 40);
	DEVICE_WRITES(6, 41);
	EXPECT_CPU_SEES(slice_page(&slice, 6), 41);
}

/* write() past the end that a file has got under a pin */
FRONT_TEST(near, write_past_the_end)
{
	struct slice slice = slice_memfd(NEAR_PASS);
	struct world *w = &self->world;

	begin(NEAR_PASS, &slice);
	ASSERT_EQ(0, ftruncate(slice.fd, slice.offset));
	ASSERT_EQ(EDU_MAX, pwrite(slice.fd, contents(60), EDU_MAX, slice.offset + w->page));
	EXPECT_CPU_SEES(slice_page(&slice, 4), 0);
	EXPECT_CPU_SEES(slice_page(&slice, 5), 60);
	EXPECT_EQ(SIGBUS, reading_kills(slice_page(&slice, 6)));
	expect_parted(NEAR_PASS, &slice);
	EXPECT_DEVICE_SEES(5, 6);

	ASSERT_EQ(0, unmap_at(w, 0, SLICE));
	EXPECT_PAID(0, 0);
	EXPECT_EQ(-EFAULT, map_slice(w, &slice, 0));
	EXPECT_PAID(0, 0);
	ASSERT_EQ(0, map_at(w, slice.memory, 0, 6));
	EXPECT_PAID(6, 0);
	EXPECT_DEVICE_SEES(4, 0);
	EXPECT_DEVICE_SEES(5, 60);
}

/* A page that is cut in two stays where it is, for both. */
static void expect_cut_inside(NEAR_ARGS, const struct slice *slice, unsigned int from,
			      unsigned int to)
{
	char want[EDU_MAX];

	memcpy(want, contents(CUT + 1), EDU_MAX);
	memset(want + from, 0, to - from);
	EXPECT_EQ(0, memcmp(slice->cut, want, EDU_MAX));
	EXPECT_SEEN(CUT, want);
	DEVICE_WRITES(CUT, 50);
	EXPECT_CPU_SEES(slice->cut, 50);
	EXPECT_PAID(SLICE, 0);
}

FRONT_TEST(near, truncate_inside)
{
	struct slice slice = slice_memfd(NEAR_PASS);

	begin(NEAR_PASS, &slice);
	ASSERT_EQ(0, ftruncate(slice.fd, slice.offset + 100));
	expect_cut_inside(NEAR_PASS, &slice, 100, EDU_MAX);
	EXPECT_DEVICE_SEES(5, 6);
	EXPECT_SLICE_PINS(&slice, ALL_ONCE, "11111...");
}

FRONT_TEST(near, punch_inside)
{
	struct slice slices[] = { slice_memfd(NEAR_PASS), slice_hugetlb_file(NEAR_PASS) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(slices); i++) {
		begin(NEAR_PASS, &slices[i]);
		ASSERT_EQ(0, fallocate(slices[i].fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       slices[i].offset + 100, 200));
		expect_cut_inside(NEAR_PASS, &slices[i], 100, 300);
		EXPECT_SLICE_PINS(&slices[i], ALL_ONCE, ALL_ONCE);
		ASSERT_EQ(0, unmap_at(&self->world, 0, SLICE));
	}
}

/* Huge pages that nobody has, whoever may have a claim on them */
static long huge_pages_free(void)
{
	FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	long pages = -1;

	if (file && fscanf(file, "%ld", &pages) != 1)
		pages = -1;
	if (file)
		fclose(file);
	return pages;
}

/* The pool gets its page back when the device gives it back, and no sooner. */
FRONT_TEST(near, hugetlb_pool)
{
	struct slice slice = slice_hugetlb_file(NEAR_PASS);
	struct world *w = &self->world;
	long pool;

	begin(NEAR_PASS, &slice);
	pool = huge_pages_free();
	ASSERT_LT(0, pool);
	ASSERT_EQ(0, fallocate(slice.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, slice.offset,
			       slice.length));
	EXPECT_EQ(pool, huge_pages_free());
	/* With the pool used up, there is none for the hole. */
	ASSERT_NE(MAP_FAILED, mmap(NULL, pool * MEMORY_HUGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
				   (21 << MAP_HUGE_SHIFT), -1, 0));
	EXPECT_EQ(SIGBUS, reading_kills(slice.cut));
	expect_parted(NEAR_PASS, &slice);
	EXPECT_DEVICE_SEES(5, 6);
	ASSERT_EQ(0, unmap_at(w, 0, SLICE));
	EXPECT_EQ(pool + 1, huge_pages_free());
	EXPECT_EQ(0, reading_kills(slice.cut));
}

/* A page that is new at its address is another page for charge_once as well. */
FRONT_TEST(near, charged_once)
{
	struct slice slice = slice_memfd(NEAR_PASS);
	struct world *w = &self->world;

	ASSERT_EQ(0, params_set("charge_once", "Y"));
	begin(NEAR_PASS, &slice);
	ASSERT_EQ(0, ftruncate(slice.fd, slice.offset));
	ASSERT_EQ(0, ftruncate(slice.fd, slice.offset + slice.length));
	ASSERT_EQ(0, map_slice(w, &slice, AGAIN_AT));
	EXPECT_LEDGER(w, self->ask, 1 + SLICE + SLICE - CUT, 0);
	ASSERT_EQ(0, unmap_at(w, 0, SLICE));
	EXPECT_PAID(SLICE, 0);
	ASSERT_EQ(0, unmap_at(w, AGAIN_AT, SLICE));
	EXPECT_PAID(0, 0);
}

TEST_HARNESS_MAIN
