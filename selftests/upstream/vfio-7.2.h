/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A name that selftests/vfio of 7.2 uses and does not have. Given to the
 * compiler with -include.
 */
#include <stdlib.h>

static inline void *calloc_assert(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (!memory)
		abort();
	return memory;
}
