// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scenarios of operations that nobody thought of: drawn from a generator whose
 * seed is fixed, so that both runs draw the same.
 */
#include <errno.h>
#include <sys/mman.h>

#include "run.h"

#define SPAN 1400
#define STEPS 150

static unsigned int draw(unsigned int *state, unsigned int below)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 8) % below;
}

/* Few places and sizes, so that the same and neighbouring ones meet often. */
static unsigned long draw_place(unsigned int *state)
{
	static const unsigned int steps[] = { 1, 8, 64, 512 };

	return draw(state, 6) * steps[draw(state, 4)] % (SPAN - 1);
}

static unsigned long draw_size(unsigned int *state, unsigned long place)
{
	static const unsigned int sizes[] = { 1, 2, 8, 16, 64, 65, 512, 600 };
	unsigned long size = sizes[draw(state, 8)];

	return place + size > SPAN ? SPAN - place : size;
}

/* Memory with a hole, a page that may not be touched, and read-only pages. */
static char *uneven_memory(struct run *run)
{
	char *memory = do_memory(run, SPAN);

	munmap(memory + 700 * run->page, run->page);
	mprotect(memory + 900 * run->page, run->page, PROT_NONE);
	mprotect(memory + 1100 * run->page, 100 * run->page, PROT_READ);
	madvise(memory + 300 * run->page, 100 * run->page, MADV_DONTNEED);
	return memory;
}

static void walk(struct run *run, unsigned int seed)
{
	char *memory = uneven_memory(run);
	unsigned long at, place, size;
	unsigned int state = seed, i;
	__u64 unmapped;
	int rc;

	do_limit(run, 1000);
	for (i = 0; i < STEPS; i++) {
		at = draw_place(&state);
		place = draw_place(&state);
		size = draw_size(&state, place);
		switch (draw(&state, 16)) {
		case 0:
			do_limit(run, draw(&state, 2) ? 1000 : draw(&state, 1500));
			break;
		case 1:
			rc = mlock(memory + place * run->page, run->page) ? -errno : 0;
			step(run, rc, "mlock %lu", place);
			break;
		case 2:
			rc = munlock(memory, SPAN * run->page) ? -errno : 0;
			step(run, rc, "munlock");
			break;
		case 3:
			if (draw(&state, 4))
				break;
			rc = front_unmap_all(&run->front, &unmapped);
			step_value(run, rc, unmapped, "unmap all");
			break;
		case 4 ... 8:
			do_unmap(run, at, size, "");
			break;
		default:
			do_map(run, memory + place * run->page, at, size,
			       draw(&state, 3) ? FRONT_RW : FRONT_READ, "");
			break;
		}
	}
}

static void walk_1(struct run *run)
{
	walk(run, 1);
}

static void walk_42(struct run *run)
{
	walk(run, 42);
}

static void walk_2024(struct run *run)
{
	walk(run, 2024);
}

const struct scenario random_scenarios[] = {
	{ .name = "seed_1", .steps = walk_1 },
	{ .name = "seed_42", .steps = walk_42 },
	{ .name = "seed_2024", .steps = walk_2024 },
	{}
};
