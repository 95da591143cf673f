// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asking which pages are pinned, and how often.
 *
 * Guards: PINACCT_PINS tells every 4 KiB page for itself, inside of large folios
 * too, and counts a page as often as mappings pin it; by address and by page are
 * two questions, whose answers part when the process gets other pages. Fails if
 * a neighbour is counted, if a mapping is forgotten or met twice, if an answer
 * in pieces differs from one in one, or if a process can ask about another that
 * is none of its business.
 */
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "pinned.h"
#include "rule.h"

#define TIB (1UL << 40)

FRONT_TEST(rule, page_by_page)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 16);

	EXPECT_PINS(memory, "................");
	ASSERT_EQ(0, map_at(w, memory + 2 * w->page, 0, 1));
	ASSERT_EQ(0, map_at(w, memory + 5 * w->page, 2, 3));
	ASSERT_EQ(0, map_read_only(w, memory + 8 * w->page, 6, 1));
	EXPECT_PINS(memory, "..1..1111.......");
	EXPECT_PINS(memory + 6 * w->page, "111");
	ASSERT_EQ(0, unmap_at(w, 2, 3));
	EXPECT_PINS(memory, "..1.....1.......");
}

FRONT_TEST(rule, inside_a_large_folio)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(transparent_huge, MEMORY_HUGE / memory_page());

	ASSERT_LT(0, counters_huge(memory));
	ASSERT_EQ(0, map_at(w, memory + 3 * w->page, 0, 2));
	ASSERT_EQ(0, map_at(w, memory + 7 * w->page, 4, 1));
	EXPECT_PINS(memory, "...11..1....");
	EXPECT_PINS(memory + MEMORY_HUGE - 4 * w->page, "....");
}

FRONT_TEST(rule, inside_hugetlb)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(hugetlb, MEMORY_HUGE / memory_page());

	ASSERT_EQ(0, map_at(w, memory + 509 * w->page, 0, 3));
	EXPECT_PINS(memory + 506 * w->page, "...111");
	ASSERT_EQ(0, munmap(memory, MEMORY_HUGE));
	EXPECT_PINS_BY(ADDRESS, memory + 506 * w->page, "...111");
	EXPECT_PINS_BY(PAGE, memory + 506 * w->page, "......");
}

FRONT_TEST(rule, how_often)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 8);

	ASSERT_EQ(0, map_at(w, memory, 0, 6));
	ASSERT_EQ(0, map_at(w, memory + 4 * w->page, 8, 4));
	ASSERT_EQ(0, map_at(w, memory + 5 * w->page, 16, 1));
	EXPECT_PINS(memory, "11112311");
	ASSERT_EQ(0, unmap_at(w, 0, 6));
	EXPECT_PINS(memory, "....1211");
}

/* All of a container's devices share one pin. */
FRONT_TEST(rule, two_devices)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 4);

	ASSERT_EQ(0, map_at(w, memory, 0, 3));
	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_NIC)));
	EXPECT_PINS(memory, "111.");
}

/* A copy in another IOAS is of the same pages: it adds none, and keeps them. */
FRONT_TEST(rule, copied)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 4);
	__u32 copy;

	if (w->front.ops->type)
		SKIP(return, "only IOMMU_IOAS_COPY shares pages between address spaces");
	ASSERT_EQ(0, map_at(w, memory, 0, 3));
	ASSERT_EQ(0, front_alloc_ioas(&w->front, &copy));
	ASSERT_EQ(0, front_copy(&w->front, copy, IOVA, 3 * w->page));
	EXPECT_PINS(memory, "111.");
	ASSERT_EQ(0, front_switch_ioas(&w->front, DEVICE_EDU, copy));
	EXPECT_PINS(memory, "111.");
	ASSERT_EQ(0, unmap_at(w, 0, 3));
	EXPECT_PINS(memory, "111.");
}

/* What its driver has asked for, besides what the domain has */
FRONT_TEST(rule, mediated)
{
	struct world *w = &self->world;
	bool type1 = !w->front.ops->iommufd;
	char *memory = ASSERT_MEMORY(anonymous, 8);

	if (w->front.ops->type == VFIO_TYPE1_IOMMU)
		SKIP(return, "mediated devices need version 2");
	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_MEDIATED)));
	ASSERT_EQ(0, map_at(w, memory, 0, 6));
	ASSERT_EQ(2, device_pin(w->front.devices[DEVICE_MEDIATED], IOVA + 2 * w->page, 2,
				FRONT_RW));
	EXPECT_PINS(memory, type1 ? "112211.." : "111111..");
	front_detach(&w->front, DEVICE_EDU);
	EXPECT_PINS(memory, "..11....");
	ASSERT_EQ(0, device_unpin(w->front.devices[DEVICE_MEDIATED], IOVA + 2 * w->page, 2));
	EXPECT_PINS(memory, "........");
}

FRONT_TEST(rule, another_page_now)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 8);

	ASSERT_EQ(0, map_at(w, memory, 0, 8));
	ASSERT_EQ(0, madvise(memory + 2 * w->page, 3 * w->page, MADV_DONTNEED));
	memory[3 * w->page] = 1;
	EXPECT_PINS_BY(ADDRESS, memory, "11111111");
	EXPECT_PINS_BY(PAGE, memory, "11...111");
}

FRONT_TEST(rule, moved)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 8);
	char *elsewhere = ASSERT_MEMORY(untouched, 8);

	ASSERT_EQ(0, map_at(w, memory, 0, 4));
	ASSERT_EQ(elsewhere, mremap(memory, 8 * w->page, 8 * w->page,
				    MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere));
	EXPECT_PINS_BY(ADDRESS, memory, "1111....");
	EXPECT_PINS_BY(PAGE, memory, "........");
	EXPECT_PINS_BY(ADDRESS, elsewhere, "........");
	EXPECT_PINS_BY(PAGE, elsewhere, "1111....");
}

FRONT_TEST(rule, at_two_addresses)
{
	struct world *w = &self->world;
	int fd = memory_memfd(8 * w->page);
	char *memory, *alias;

	ASSERT_LE(0, fd);
	memory = memory_of_file(fd, 8 * w->page);
	ASSERT_NE(MAP_FAILED, memory);
	alias = memory_of_file(fd, 8 * w->page);
	ASSERT_NE(MAP_FAILED, alias);
	memset(memory, 1, 8 * w->page);
	memset(alias, 1, 8 * w->page);
	ASSERT_EQ(0, map_at(w, memory, 0, 2));
	EXPECT_PINS(memory, "11......");
	EXPECT_PINS_BY(ADDRESS, alias, "........");
	EXPECT_PINS_BY(PAGE, alias, "11......");
	ASSERT_EQ(0, map_at(w, alias + w->page, 4, 2));
	EXPECT_PINS_BY(ADDRESS, memory, "11......");
	EXPECT_PINS_BY(PAGE, memory, "121.....");
}

FRONT_TEST(rule, out_of_reach)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 4);

	ASSERT_EQ(0, map_at(w, memory, 0, 2));
	ASSERT_EQ(0, mprotect(memory, 4 * w->page, PROT_NONE));
	EXPECT_PINS(memory, "11..");
}

/* fork() gives the child copies of pinned pages; a shared one stays what it is. */
FRONT_TEST(rule, in_a_child)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 4);
	char string[LOOKED_AT + 1];
	int status;
	pid_t pid;

	ASSERT_EQ(0, map_at(w, memory, 0, 2));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		status = pins_string(self->ask, PINACCT_PINS_BY_ADDRESS, memory, 4, string) ||
			 strcmp(string, "....");
		status |= pins_string(self->ask, PINACCT_PINS_BY_PAGE, memory, 4, string) ||
			  strcmp(string, "....");
		_exit(status);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	memset(memory, 2, 4 * w->page);
	EXPECT_PINS(memory, "11..");
}

FRONT_TEST(rule, zero_pages_are_not)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, 8);

	memory[3 * w->page] = 1;
	ASSERT_EQ(0, params_set("zero_page", "ignore"));
	ASSERT_EQ(0, map_read_only(w, memory, 0, 8));
	EXPECT_PINS(memory, "...1....");
	ASSERT_EQ(0, unmap_at(w, 0, 8));
	ASSERT_EQ(0, params_set("zero_page", "cow"));
	ASSERT_EQ(0, map_read_only(w, memory, 0, 8));
	EXPECT_PINS(memory, "11111111");
}

/* At both ends of a lot of nothing, and across many windows */
FRONT_TEST(rule, far_apart)
{
	struct world *w = &self->world;
	struct pinacct_pin_range ranges[4];
	char *memory, *last;

	memory = mmap(NULL, TIB, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, madvise(memory, TIB, MADV_NOHUGEPAGE));
	last = memory + TIB - w->page;
	ASSERT_EQ(0, map_at(w, memory, 0, 1));
	ASSERT_EQ(0, map_at(w, last, 2, 1));
	ASSERT_EQ(2, ask_pins(self->ask, PINACCT_PINS_BY_ADDRESS, memory, TIB, ranges, 4));
	EXPECT_EQ((uintptr_t)memory, ranges[0].start);
	EXPECT_EQ((uintptr_t)last, ranges[1].start);
	EXPECT_EQ(w->page, ranges[1].length);
	EXPECT_EQ(1, ranges[1].pins);
}

/* A range that does not end with a window is one range. */
FRONT_TEST(rule, across_windows)
{
	struct world *w = &self->world;
	const size_t size = 600UL << 20;
	struct pinacct_pin_range ranges[4];
	int fd = memory_memfd(2 * MEMORY_HUGE);
	char *memory, *middle;

	ASSERT_LE(0, fd);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	/* The windows begin where the question does. */
	middle = memory + (256UL << 20) - MEMORY_HUGE;
	ASSERT_EQ(middle, mmap(middle, 2 * MEMORY_HUGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, fd, 0));
	ASSERT_EQ(0, map_at(w, middle, 0, 2 * MEMORY_HUGE / w->page));
	ASSERT_EQ(0, munmap(memory, 4096));
	ASSERT_EQ(1, ask_pins(self->ask, PINACCT_PINS_BY_PAGE, memory + w->page, size - w->page,
			      ranges, 4));
	EXPECT_EQ((uintptr_t)middle, ranges[0].start);
	EXPECT_EQ(2 * MEMORY_HUGE, ranges[0].length);
	ASSERT_EQ(1, ask_pins(self->ask, PINACCT_PINS_BY_ADDRESS, memory, size, ranges, 4));
	EXPECT_EQ((uintptr_t)middle, ranges[0].start);
	EXPECT_EQ(2 * MEMORY_HUGE, ranges[0].length);
}

/* In pieces, as much as there is room for, it is the same answer. */
FRONT_TEST(rule, little_room)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 16);
	struct pinacct_pin_range range;
	struct pinacct_pins pins = {
		.size = sizeof(pins),
		.by = PINACCT_PINS_BY_ADDRESS,
		.start = (uintptr_t)memory,
		.ranges = (uintptr_t)&range,
	};
	const uintptr_t end = pins.start + 16 * w->page;
	unsigned long i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, map_at(w, memory + 4 * i * w->page, 2 * i, 1));
	for (i = 0; pins.start < end; i++) {
		pins.nr = 1;
		pins.length = end - pins.start;
		ASSERT_EQ(0, ioctl(self->ask, PINACCT_PINS, &pins));
		ASSERT_EQ(1, pins.nr);
		ASSERT_GT(4, i);
		EXPECT_EQ(PINACCT_PINS_BY_ADDRESS, pins.by);
		EXPECT_EQ((uintptr_t)memory + 4 * i * w->page, range.start);
		EXPECT_EQ(w->page, range.length);
		pins.start = pins.next;
	}
	EXPECT_EQ(4, i);
}

FRONT_TEST(rule, bad_questions)
{
	struct pinacct_pin_range range;
	char *memory = ASSERT_MEMORY(anonymous, 2);
	struct world *w = &self->world;

	ASSERT_EQ(0, map_at(w, memory, 0, 1));
	EXPECT_EQ(-EOPNOTSUPP, ask_pins(self->ask, 0, memory, w->page, &range, 1));
	EXPECT_EQ(-EOPNOTSUPP, ask_pins(self->ask, 3, memory, w->page, &range, 1));
	EXPECT_EQ(-EINVAL, ask_pins(self->ask, PINACCT_PINS_BY_PAGE, memory, 0, &range, 1));
	EXPECT_EQ(-EINVAL, ask_pins(self->ask, PINACCT_PINS_BY_PAGE, memory, 7, &range, 1));
	EXPECT_EQ(-EINVAL, ask_pins(self->ask, PINACCT_PINS_BY_PAGE, memory + 7, w->page, &range,
				    1));
	EXPECT_EQ(-EINVAL, ask_pins(self->ask, PINACCT_PINS_BY_PAGE, memory, -w->page, &range, 1));
	EXPECT_EQ(-EINVAL, ask_pins(self->ask, PINACCT_PINS_BY_PAGE, memory, w->page, &range, 0));
	EXPECT_EQ(-EFAULT, ask_pins(self->ask, PINACCT_PINS_BY_PAGE, memory, w->page, NULL, 1));
	EXPECT_EQ(1, ask_pins(self->ask, PINACCT_PINS_BY_PAGE, memory, w->page, &range, 1));
}

/* About another process, as about its memory: only who may look into that. */
FRONT_TEST(rule, of_another_process)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 2);
	struct pinacct_pin_range range;
	struct pinacct_pins pins = {
		.size = sizeof(pins),
		.pid = getpid(),
		.by = PINACCT_PINS_BY_PAGE,
		.nr = 1,
		.start = (uintptr_t)memory,
		.length = w->page,
		.ranges = (uintptr_t)&range,
	};
	int status;
	pid_t pid;

	ASSERT_EQ(0, map_at(w, memory, 0, 1));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (!ioctl(self->ask, PINACCT_PINS, &pins) || errno != EPERM)
			_exit(1);
		if (privilege_root(true) || ioctl(self->ask, PINACCT_PINS, &pins))
			_exit(2);
		_exit(pins.nr == 1 && pins.pid == getppid() && range.pins == 1 ? 0 : 3);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Containers come and go, with mappings of their own, while one asks. */
FRONT_TEST(rule, while_others_come_and_go)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 4);
	int status, asked = 0;
	pid_t pid;

	ASSERT_EQ(0, map_at(w, memory, 0, 2));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int i;

		if (privilege_root(true))
			_exit(1);
		for (i = 0; i < 20; i++) {
			struct front front;

			if (front_open(&front, w->front.ops) || front_attach(&front, DEVICE_NIC) ||
			    front_map(&front, memory, IOVA, 4 * w->page, FRONT_RW))
				_exit(2);
			front_close(&front);
		}
		_exit(0);
	}
	do {
		EXPECT_PINS(memory, "11..");
		asked++;
	} while (!waitpid(pid, &status, WNOHANG));
	EXPECT_EQ(0, status);
	EXPECT_LT(1, asked);
}

TEST_HARNESS_MAIN
