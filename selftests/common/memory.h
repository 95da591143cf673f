/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of memory that the tests map. Sizes in bytes. */
#ifndef PINACCT_TEST_MEMORY_H
#define PINACCT_TEST_MEMORY_H

#include <stddef.h>

#define MEMORY_HUGE (2UL << 20)

size_t memory_page(void);
void *memory_untouched(size_t size);
void *memory_anonymous(size_t size);
void *memory_alternating(size_t size);
void *memory_transparent_huge(size_t size);
void *memory_hugetlb(size_t size);
int memory_memfd(size_t size);
void *memory_of_file(int fd, size_t size);

#endif
