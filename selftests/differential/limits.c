// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios about RLIMIT_MEMLOCK and who else takes from it. */
#include <errno.h>
#include <sys/mman.h>

#include "run.h"

/* The largest mapping that fits, by trying: what is left of the limit. */
static void step_fits(struct run *run, const void *memory, unsigned long most)
{
	unsigned long low = 0, high = most + 1;
	int rc;

	while (high - low > 1) {
		unsigned long middle = low + (high - low) / 2;

		rc = front_map(&run->front, memory, IOVA + 4096 * run->page,
			       middle * run->page, FRONT_RW);
		if (rc) {
			high = middle;
			continue;
		}
		front_unmap(&run->front, IOVA + 4096 * run->page, middle * run->page, NULL);
		low = middle;
	}
	step_value(run, 0, low, "largest map that fits");
}

static void limits(struct run *run)
{
	char *memory = do_memory(run, 64);

	do_limit(run, 0);
	do_map(run, memory, 0, 1, FRONT_RW, "under no limit");
	do_limit(run, 16);
	do_map(run, memory, 0, 17, FRONT_RW, "one over");
	do_map(run, memory, 0, 16, FRONT_RW, "exactly");
	do_map(run, memory, 32, 1, FRONT_RW, "one more");
	step_fits(run, memory, 64);
	do_unmap(run, 0, 16, "it");
	step_fits(run, memory, 64);
	do_map(run, memory, 0, 8, FRONT_RW, "half");
	do_map(run, memory, 32, 8, FRONT_RW, "half");
	do_map(run, memory, 64, 1, FRONT_RW, "one more");
	do_unmap(run, 0, 8, "half");
	do_map(run, memory, 64, 9, FRONT_RW, "half and one");
	do_map(run, memory, 64, 8, FRONT_RW, "half");
	do_limit(run, 4);
	step_fits(run, memory, 64);
	do_map(run, memory, 0, 1, FRONT_RW, "after lowering");
	do_unmap(run, 32, 8, "half");
	do_map(run, memory, 0, 1, FRONT_RW, "after lowering");
	do_unmap(run, 64, 8, "half");
	do_map(run, memory, 0, 4, FRONT_RW, "after lowering");
	do_limit(run, 40);
	step_fits(run, memory, 64);
	do_limit(run, -1);
	do_map(run, memory, 64, 64, FRONT_RW, "without limit");
}

static void limit_bytes(struct run *run)
{
	char *memory = do_memory(run, 16);
	static const long offsets[] = { -1, 0, 1, 2048, 4095 };
	unsigned int i;

	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		step(run, privilege_limit(8 * run->page + offsets[i]), "limit 8 pages and %ld",
		     offsets[i]);
		step_fits(run, memory, 16);
	}
}

static void limit_windows(struct run *run)
{
	unsigned long at[] = { 1, 511, 512, 513, 1023, 1024, 1025, 1499 };
	char *memory = do_memory(run, 1500);
	unsigned int i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		do_limit(run, at[i]);
		do_map(run, memory, 0, 1500, FRONT_RW, "over");
		do_map(run, memory, 0, at[i] + 1, FRONT_RW, "one over");
		do_map(run, memory, 0, at[i], FRONT_RW, "exactly");
		do_unmap(run, 0, at[i], "it");
	}
}

static void with_mlock(struct run *run)
{
	char *memory = do_memory(run, 64);
	char *locked = do_memory(run, 64);
	int rc;

	do_limit(run, 32);
	rc = mlock(locked, 8 * run->page) ? -errno : 0;
	step(run, rc, "mlock 8");
	step_fits(run, memory, 64);
	do_map(run, memory, 0, 25, FRONT_RW, "25");
	do_map(run, memory, 64, 24, FRONT_RW, "24");
	rc = mlock(locked + 32 * run->page, run->page) ? -errno : 0;
	step(run, rc, "mlock 1");
	rc = munlock(locked, 4 * run->page) ? -errno : 0;
	step(run, rc, "munlock 4");
	step_fits(run, memory, 64);
	rc = mlock(memory, 4 * run->page) ? -errno : 0;
	step(run, rc, "mlock 4 of what is mapped");
	step_fits(run, memory, 64);
	do_unmap(run, 64, 24, "24");
	do_unmap(run, 0, 25, "25");
	rc = munlock(memory, 64 * run->page) ? -errno : 0;
	step(run, rc, "munlock all");
	rc = munmap(locked, 64 * run->page) ? -errno : 0;
	step(run, rc, "munmap what was locked");
}

static void with_other_user_charges(struct run *run)
{
	char *memory = do_memory(run, 64);
	char *other = do_memory(run, 8);
	int rc;

	do_limit(run, 32);
	rc = counters_user_charge(other, 8);
	step(run, rc, "io_uring 8");
	step_fits(run, memory, 64);
	do_map(run, memory, 0, 24, FRONT_RW, "24");
	step_fits(run, memory, 64);
	rc = counters_user_refund();
	step(run, rc, "io_uring gone");
	step_fits(run, memory, 64);
	do_map(run, memory, 64, 8, FRONT_RW, "8");
	rc = counters_user_charge(other, 8);
	step(run, rc, "io_uring 8");
	if (!rc)
		counters_user_refund();
	do_unmap(run, 0, 24, "24");
	do_unmap(run, 64, 8, "8");
}

static void privileged(struct run *run)
{
	char *memory = do_memory(run, 64);
	int rc;

	do_limit(run, 4);
	rc = privilege_raise() ?: front_map(&run->front, memory, IOVA, 16 * run->page, FRONT_RW);
	step(run, rc, "map 16 with CAP_IPC_LOCK");
	do_map(run, memory, 16, 5, FRONT_RW, "5 without");
	do_map(run, memory, 16, 4, FRONT_RW, "4 without");
	rc = privilege_raise() ?: front_unmap(&run->front, IOVA + 16 * run->page,
					      4 * run->page, NULL);
	step(run, rc, "unmap 4 with CAP_IPC_LOCK");
	do_unmap(run, 0, 16, "16 without");
	do_map(run, memory, 0, 4, FRONT_RW, "4 without");
	rc = privilege_raise() ?: front_map(&run->front, memory, IOVA + 64 * run->page,
					    16 * run->page, FRONT_RW);
	step(run, rc, "map 16 with CAP_IPC_LOCK");
}

/* The limit comes before the hole, or the hole before the limit. */
static void limit_and_hole(struct run *run)
{
	static const struct {
		unsigned long hole, limit;
	} cases[] = {
		{ 0, 0 }, { 4, 2 }, { 2, 4 }, { 4, 4 }, { 4, 3 }, { 4, 5 },
		{ 600, 100 }, { 600, 513 }, { 600, 599 }, { 600, 600 }, { 600, 700 },
		{ 1400, 10 }, { 1400, 1000 }, { 512, 511 }, { 512, 512 }, { 512, 513 },
		{ 1499, 1498 }, { 1499, 1499 },
	};
	unsigned int i;
	char *memory;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memory = do_memory(run, 1500);
		munmap(memory + cases[i].hole * run->page, run->page);
		step(run, privilege_limit(cases[i].limit * run->page), "hole at %lu, limit %lu",
		     cases[i].hole, cases[i].limit);
		do_map(run, memory, 0, 1500, FRONT_RW, "it");
		do_map(run, memory, 0, 1500, FRONT_READ, "it");
		munmap(memory, 1500 * run->page);
	}
}

const struct scenario limit_scenarios[] = {
	{ .name = "limits", .steps = limits },
	{ .name = "limit_bytes", .steps = limit_bytes },
	{ .name = "limit_windows", .steps = limit_windows },
	{ .name = "with_mlock", .steps = with_mlock },
	{ .name = "with_other_charges", .steps = with_other_user_charges },
	{ .name = "privileged", .steps = privileged },
	{ .name = "limit_and_hole", .steps = limit_and_hole },
	{}
};
