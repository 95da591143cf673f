// SPDX-License-Identifier: GPL-2.0-only
/* The segments, made and made anew. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "memory.h"

/* Where nothing else is, and a huge page can begin. */
#define ARENA_START 0x200000000UL
#define ARENA_STEP (16UL << 20)

/**
 * arena_pages - how long a segment is
 * @segment: which
 *
 * Return: pages
 */
long arena_pages(enum segment segment)
{
	return segment == SEGMENT_LARGE ? ARENA_LARGE : ARENA_SMALL;
}

/**
 * arena_name - what a segment is called
 * @segment: which
 *
 * Return: a word
 */
const char *arena_name(enum segment segment)
{
	static const char *const names[] = {
		[SEGMENT_ANON] = "anon",
		[SEGMENT_LARGE] = "large",
		[SEGMENT_FILE] = "file",
		[SEGMENT_ALIAS] = "alias",
	};

	return names[segment];
}

/**
 * arena_address - where a page of a segment is
 * @segment: which
 * @first: number of the page
 *
 * Return: its address, in every process
 */
char *arena_address(enum segment segment, long first)
{
	return (char *)ARENA_START + segment * ARENA_STEP + first * memory_page();
}

/**
 * arena_file - make the memfd
 *
 * Return: its file descriptor, which survives exec, or -errno
 */
int arena_file(void)
{
	int file = memfd_create("random", 0);

	if (file < 0)
		return -errno;
	return ftruncate(file, ARENA_SMALL * memory_page()) ? -errno : file;
}

/**
 * arena_renew - put never written memory, or a huge page, in a private segment
 * @segment: SEGMENT_ANON or SEGMENT_LARGE
 * @huge: a huge page, written
 *
 * khugepaged must not come later and put huge pages where the model has none, so
 * it is kept off once the pages are there.
 *
 * Return: 0, or -errno
 */
int arena_renew(enum segment segment, int huge)
{
	size_t size = arena_pages(segment) * memory_page();
	char *memory = arena_address(segment, 0);

	munmap(memory, size);
	if (mmap(memory, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	if (huge && !madvise(memory, size, MADV_HUGEPAGE))
		memset(memory, 0x5a, size);
	else if (huge)
		return -errno;
	return madvise(memory, size, MADV_NOHUGEPAGE) ? -errno : 0;
}

/**
 * arena_make - make all segments
 * @file: of arena_file()
 *
 * Return: 0, or -errno
 */
int arena_make(int file)
{
	size_t size = ARENA_SMALL * memory_page();
	enum segment segment;

	for (segment = SEGMENT_FILE; segment <= SEGMENT_ALIAS; segment++)
		if (mmap(arena_address(segment, 0), size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED)
			return -errno;
	return arena_renew(SEGMENT_ANON, 0) ?: arena_renew(SEGMENT_LARGE, 0);
}
