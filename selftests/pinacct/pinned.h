/* SPDX-License-Identifier: GPL-2.0-only */
/* Which pages are pinned, as PINACCT_PINS tells it, for a glance. */
#ifndef PINACCT_TEST_PINNED_H
#define PINACCT_TEST_PINNED_H

#include <stdint.h>
#include <string.h>

#include "ask.h"
#include "memory.h"

/* As many pages as a test looks at, and as many ranges as they can be. */
#define LOOKED_AT 1024

/* Pins of each page as a string: '.' for none, or a digit. */
static inline int pins_string(int ask, unsigned int by, const char *memory, size_t npages,
			      char *string)
{
	static struct pinacct_pin_range ranges[LOOKED_AT];
	const size_t page = memory_page();
	int i, nr;

	memset(string, '.', npages);
	string[npages] = 0;
	nr = ask_pins(ask, by, memory, npages * page, ranges, LOOKED_AT);
	for (i = 0; i < nr; i++)
		memset(string + (ranges[i].start - (uintptr_t)memory) / page, '0' + ranges[i].pins,
		       ranges[i].length / page);
	return nr < 0 ? nr : 0;
}

/* From an address on, pages have pins as in the string WANT. */
#define EXPECT_PINS_BY(way, memory, want)						\
	do {										\
		char _string[LOOKED_AT + 1];						\
		ASSERT_EQ(0, pins_string(self->ask, PINACCT_PINS_BY_##way, memory,	\
					 strlen(want), _string));			\
		EXPECT_STREQ(want, _string);						\
	} while (0)

/* The same by either question */
#define EXPECT_PINS(memory, want)		\
	do {					\
		EXPECT_PINS_BY(ADDRESS, memory, want);	\
		EXPECT_PINS_BY(PAGE, memory, want);	\
	} while (0)

#endif
