// SPDX-License-Identifier: GPL-2.0-only
/*
 * What memory do mapper and disturber meet in?
 *
 * It is at the same address in every round, on a 2 MiB boundary, inside of room that
 * nothing else uses, so that what is unmapped there stays a hole until it is put back.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "races.h"

#define HUGE_PAGES (MEMORY_HUGE / PAGE)

static const size_t pages_of[ARENA_KINDS] = {
	[ARENA_SMALL] = 1024,
	[ARENA_HUGE] = 4 * HUGE_PAGES,
	[ARENA_FILE] = 1024,
	[ARENA_HUGETLB] = 4 * HUGE_PAGES,
	/* A task for each 16 MiB */
	[ARENA_LARGE] = ARENA_MOST,
};

static char *room(size_t size)
{
	char *memory = mmap(NULL, size + MEMORY_HUGE, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory + (-(uintptr_t)memory & (MEMORY_HUGE - 1));
}

/**
 * arena_reserve - find room for the arena
 * @arena: gets it
 *
 * Return: 0 or -errno
 */
int arena_reserve(struct arena *arena)
{
	arena->fd = -1;
	arena->memory = room(ARENA_MOST * PAGE);
	arena->spare = room(ARENA_MOST * PAGE);
	return arena->memory && arena->spare ? 0 : -ENOMEM;
}

/**
 * arena_is_huge - is it made of pages of 2 MiB only?
 * @arena: filled
 */
bool arena_is_huge(const struct arena *arena)
{
	return arena->kind == ARENA_HUGETLB;
}

/**
 * arena_put_back - have memory again where it was unmapped
 * @arena: filled
 * @part: of it
 *
 * Return: 0 or -errno
 */
int arena_put_back(const struct arena *arena, const struct part *part)
{
	int flags = MAP_FIXED | (arena->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE :
						 MAP_SHARED);
	int advice = arena->kind == ARENA_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;

	if (mmap(part->start, part->size, PROT_READ | PROT_WRITE, flags, arena->fd,
		 arena->fd < 0 ? 0 : part->at * PAGE) == MAP_FAILED)
		return -errno;
	return !arena_is_huge(arena) && madvise(part->start, part->size, advice) ? -errno : 0;
}

/**
 * arena_touch - write every page of a part
 * @part: the part
 * @seed: what to write
 */
void arena_touch(const struct part *part, unsigned int seed)
{
	size_t i;

	for (i = 0; i < part->npages; i++)
		memset(part->start + i * PAGE, seed, 64);
}

/**
 * arena_part - choose a part
 * @arena: filled
 * @dice: choose it
 * @most: as many pages at most, but for a whole huge page where there are no others
 *
 * Return: the part
 */
struct part arena_part(const struct arena *arena, struct dice *dice, size_t most)
{
	size_t unit = arena_is_huge(arena) ? HUGE_PAGES : 1;
	size_t units = arena->npages / unit;
	struct part part;

	most = most / unit < units ? most / unit : units;
	part.npages = 1 + roll(dice, most ?: 1);
	part.at = roll(dice, units - part.npages + 1) * unit;
	part.npages *= unit;
	part.start = arena->memory + part.at * PAGE;
	part.size = part.npages * PAGE;
	return part;
}

/**
 * any_part - choose a part for the disturber
 * @play: its arena is filled
 *
 * Return: the part
 */
struct part any_part(struct play *play)
{
	return arena_part(&play->arena, &play->disturb_dice, play->arena.npages);
}

static int new_file(struct arena *arena)
{
	unsigned int flags = arena_is_huge(arena) ? MFD_HUGETLB | 21 << MAP_HUGE_SHIFT : 0;

	arena->fd = memfd_create("races", MFD_CLOEXEC | flags);
	if (arena->fd < 0 || ftruncate(arena->fd, arena->npages * PAGE))
		return -errno;
	return 0;
}

/**
 * arena_fill - fresh memory for a round
 * @arena: reserved
 * @kind: of memory
 * @dice: decide what of it is touched: all, some or nothing
 *
 * Return: 0 or -errno
 */
int arena_fill(struct arena *arena, enum arena_kind kind, struct dice *dice)
{
	struct part part = { .start = arena->memory, .size = ARENA_MOST * PAGE };
	int rc = 0;

	/* What is left of the last round goes, its huge pages above all. */
	if (mmap(part.start, part.size, PROT_NONE,
		 MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED)
		return -errno;
	if (arena->fd >= 0)
		close(arena->fd);
	arena->fd = -1;
	arena->kind = kind;
	arena->npages = pages_of[kind];
	if (ON(kind) & ON_FILES)
		rc = new_file(arena);
	part.npages = arena->npages;
	part.size = part.npages * PAGE;
	rc = rc ?: arena_put_back(arena, &part);
	if (rc || kind == ARENA_LARGE)
		return rc;
	switch (roll(dice, 3)) {
	case 0:
		arena_touch(&part, 1);
		break;
	case 1:
		part = arena_part(arena, dice, arena->npages);
		arena_touch(&part, 1);
	}
	return 0;
}
