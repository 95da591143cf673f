// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for the tests. All return MAP_FAILED where there is none.
 *
 * "Anonymous" is 4 KiB pages for certain: THP is refused for it, so that counts
 * and errors do not depend on whether a huge page was free.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

/**
 * memory_page - size of a page
 *
 * Return: bytes
 */
size_t memory_page(void)
{
	return getpagesize();
}

/**
 * memory_untouched - private memory that nobody has read or written
 * @size: of it
 *
 * Return: its address, or MAP_FAILED
 */
void *memory_untouched(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);

	if (memory != MAP_FAILED)
		madvise(memory, size, MADV_NOHUGEPAGE);
	return memory;
}

/**
 * memory_anonymous - private memory, written once
 * @size: of it
 *
 * Return: its address, or MAP_FAILED
 */
void *memory_anonymous(size_t size)
{
	void *memory = memory_untouched(size);

	if (memory != MAP_FAILED)
		memset(memory, 0x5a, size);
	return memory;
}

/**
 * memory_alternating - private memory, every other page of which is a zero page
 * @size: of it
 *
 * The first page and every second one from there on is written. Half of the
 * others have been read, half have not.
 *
 * Return: its address, or MAP_FAILED
 */
void *memory_alternating(size_t size)
{
	char *memory = memory_untouched(size);
	size_t page = memory_page(), at;

	if (memory == MAP_FAILED)
		return MAP_FAILED;
	for (at = 0; at < size; at += 2 * page)
		memset(memory + at, 0x5a, page);
	for (at = page; at < size; at += 4 * page)
		(void)*(volatile char *)(memory + at);
	return memory;
}

/**
 * memory_transparent_huge - private memory for which huge pages are wanted
 * @size: a multiple of MEMORY_HUGE
 *
 * Return: its address, aligned to MEMORY_HUGE, or MAP_FAILED
 */
void *memory_transparent_huge(size_t size)
{
	char *memory = mmap(NULL, size + MEMORY_HUGE, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return MAP_FAILED;
	memory += -(uintptr_t)memory & (MEMORY_HUGE - 1);
	if (madvise(memory, size, MADV_HUGEPAGE))
		return MAP_FAILED;
	memset(memory, 0x5a, size);
	return memory;
}

/**
 * memory_hugetlb - private memory of reserved 2 MiB pages, written once
 * @size: a multiple of MEMORY_HUGE
 *
 * Return: its address, or MAP_FAILED
 */
void *memory_hugetlb(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT),
			    -1, 0);

	if (memory != MAP_FAILED)
		memset(memory, 0x5a, size);
	return memory;
}

/**
 * memory_memfd - a file in memory that can be sealed
 * @size: of it
 *
 * Return: its file descriptor, or -errno
 */
int memory_memfd(size_t size)
{
	int fd = memfd_create("pinacct", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, size)) {
		close(fd);
		return -errno;
	}
	return fd;
}

/**
 * memory_of_file - map a file, shared
 * @fd: the file
 * @size: of the mapping
 *
 * Return: its address, or MAP_FAILED
 */
void *memory_of_file(int fd, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}
