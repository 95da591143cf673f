/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is pinned for a device, while others do something to that memory: what the
 * CPU sees, what the device sees, what is charged and what counts as pinned, before,
 * during and after.
 *
 * Contents of pages are told by seeds of fill(); 0 stands for zeros.
 */
#ifndef PINACCT_TEST_NEIGHBOURS_H
#define PINACCT_TEST_NEIGHBOURS_H

#include <linux/memfd.h>

#include "pinned.h"
#include "rule.h"
#include "witness.h"

#define HUGE_PAGES (MEMORY_HUGE / memory_page())

/* What is mapped, and the first page of it that is taken away. */
#define SLICE	8UL
#define CUT	4UL
#define ALL_ONCE  "11111111"
#define ALL_TWICE "22222222"
#define NONE	  "........"

/* Where it is mapped once more */
#define AGAIN_AT 16UL

WITNESS_FIXTURE(near)
ON_EVERY_V2_FRONT(near);

FIXTURE_SETUP(near)
{
	WITNESS_SETUP();
	ASSERT_EQ(0, map_at(&self->world, self->echo, ECHO_AT, 1));
}

/* What a part of a test takes that asserts as a test does, and what it is given. */
#define NEAR_ARGS struct __test_metadata *_metadata, struct _test_data_near *self, \
		  const struct _fixture_variant_near *variant
#define NEAR_PASS _metadata, self, variant

static inline const char *contents(unsigned int seed)
{
	static char page[EDU_MAX];

	if (seed)
		fill(page, seed);
	else
		memset(page, 0, EDU_MAX);
	return page;
}

#define EXPECT_DEVICE_SEES(at, seed) EXPECT_SEEN(at, contents(seed))

#define EXPECT_CPU_SEES(address, seed)						\
	EXPECT_EQ(0, memcmp(address, contents(seed), EDU_MAX))

/* The device writes to the page at AT, by way of the echo. */
#define DEVICE_WRITES(at, seed)							\
	do {									\
		fill(self->echo, seed);						\
		ASSERT_EQ(0, edu_read_memory(&self->edu, iova_of(&self->world, ECHO_AT),	\
					     EDU_MAX));				\
		ASSERT_EQ(0, edu_write_memory(&self->edu, iova_of(&self->world, at),	\
					      EDU_MAX));			\
	} while (0)

/*
 * So many pages are charged and pinned besides the echo, in the counters and in
 * the ledger; so many of them are zero COWs.
 */
#define EXPECT_PAID(n, zero_cow)						\
	do {									\
		unsigned long _owed = (n) + 1;					\
		EXPECT_OWED(&self->world, _owed);				\
		EXPECT_LEDGER(&self->world, self->ask, _owed, zero_cow);	\
	} while (0)

/**
 * struct slice - memory that is mapped, half of which will be taken away
 * @memory: SLICE pages; the page I has the contents I + 1 at first
 * @cut: what is taken away of it and behind it: from the page CUT on
 * @length: of that, in bytes
 * @fd: of the file that it belongs to, or -1
 * @offset: of @cut in that file
 * @by_file: it is mapped for the device by file, not by address
 */
struct slice {
	char *memory;
	char *cut;
	size_t length;
	int fd;
	off_t offset;
	bool by_file;
};

static inline struct slice slice_anonymous(NEAR_ARGS)
{
	char *memory = ASSERT_MEMORY(anonymous, SLICE);

	return (struct slice){
		.memory = memory,
		.cut = memory + CUT * memory_page(),
		.length = (SLICE - CUT) * memory_page(),
		.fd = -1,
	};
}

/* In the middle of a huge page */
static inline struct slice slice_transparent_huge(NEAR_ARGS)
{
	char *memory = ASSERT_MEMORY(transparent_huge, HUGE_PAGES);

	EXPECT_EQ(HUGE_PAGES, counters_huge(memory));
	memory += 100 * memory_page();
	return (struct slice){
		.memory = memory,
		.cut = memory + CUT * memory_page(),
		.length = (SLICE - CUT) * memory_page(),
		.fd = -1,
	};
}

/* The end of a huge page, and the beginning of the next, which goes as a whole */
static inline struct slice slice_at_huge_page(char *memory, int fd)
{
	return (struct slice){
		.memory = memory + MEMORY_HUGE - CUT * memory_page(),
		.cut = memory + MEMORY_HUGE,
		.length = MEMORY_HUGE,
		.fd = fd,
		.offset = MEMORY_HUGE,
	};
}

static inline struct slice slice_hugetlb(NEAR_ARGS)
{
	return slice_at_huge_page(ASSERT_MEMORY(hugetlb, 2 * HUGE_PAGES), -1);
}

static inline struct slice slice_memfd(NEAR_ARGS)
{
	struct slice slice = {
		.length = (SLICE - CUT) * memory_page(),
		.offset = CUT * memory_page(),
	};

	slice.memory = ASSERT_MEMFD(&slice.fd, SLICE);
	slice.cut = slice.memory + slice.offset;
	return slice;
}

static inline struct slice slice_hugetlb_file(NEAR_ARGS)
{
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	char *memory;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, 2 * MEMORY_HUGE));
	memory = memory_of_file(fd, 2 * MEMORY_HUGE);
	ASSERT_NE(MAP_FAILED, memory);
	return slice_at_huge_page(memory, fd);
}

static inline void fill_slice(const struct slice *slice)
{
	unsigned long i;

	for (i = 0; i < SLICE; i++)
		fill(slice->memory + i * memory_page(), i + 1);
}

static inline char *slice_page(const struct slice *slice, unsigned long i)
{
	return slice->memory + i * memory_page();
}

/* By address, only what was mapped by address is pinned. */
#define EXPECT_SLICE_PINS(slice, by_address, by_page)				\
	do {									\
		EXPECT_PINS_BY(ADDRESS, (slice)->memory,			\
			       (slice)->by_file ? NONE : (by_address));		\
		EXPECT_PINS_BY(PAGE, (slice)->memory, by_page);			\
	} while (0)

#endif
