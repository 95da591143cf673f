// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel moves, merges and splits pages, and loses CPUs and memory. What is pinned
 * stays where it is, and what is at an address is what the device has.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "races.h"

#define MOVED 64

/* How often to look whether pages were merged, before others are tried */
#define KSM_WAITS 300

#define KSM "/sys/kernel/mm/ksm/"
#define MERGED "/proc/self/ksm_merging_pages"
#define CPU "/sys/devices/system/cpu/cpu1/online"
#define MEMORY "/sys/devices/system/memory/memory"

/* Of 128 MiB: more than the machine has */
#define MEMORY_BLOCKS 256

/*
 * Of a page that is being moved, there is another reference; it cannot leave movable
 * memory just then.
 */
static const int cannot_leave[] = { ENOMEM, EAGAIN, EBUSY, 0 };

/* ---- pages are moved */

static int two_nodes(struct play *play)
{
	if (!access("/sys/devices/system/node/node1", F_OK))
		return 0;
	printf("# there is one NUMA node only: boot with numa=fake=2\n");
	return -ENODEV;
}

/* From wherever they are to the same node: on another those are that were moved. */
static int move_pages_to_node(struct play *play)
{
	struct part part = arena_part(&play->arena, &play->disturb_dice, MOVED);
	int nodes[MOVED], status[MOVED], node = roll(&play->disturb_dice, 2);
	void *pages[MOVED];
	unsigned int i;
	long rc;

	for (i = 0; i < MOVED && i < part.npages; i++) {
		pages[i] = part.start + i * PAGE;
		nodes[i] = node;
	}
	/* MPOL_MF_MOVE; the result is how many were not moved. */
	rc = syscall(SYS_move_pages, 0, i, pages, nodes, status, 2);
	if (rc < 0)
		return errno == ENOENT ? NOT_DONE : -errno;
	while (i--)
		if (status[i] == node)
			return 0;
	return NOT_DONE;
}

static int compact(struct play *play)
{
	return write_text("/proc/sys/vm/compact_memory", "1");
}

/* ---- memory goes away */

/* The block of memory that has become movable, once there is one */
static char movable_state[64];

/*
 * The last one that can be emptied: user memory comes from movable memory first. Only
 * for this race, since a page that cannot leave it for a moment is ENOMEM.
 */
static int make_movable(struct play *play)
{
	int n;

	for (n = MEMORY_BLOCKS; n--;) {
		snprintf(movable_state, sizeof(movable_state), MEMORY "%d/state", n);
		if (!write_text(movable_state, "offline"))
			return write_text(movable_state, "online_movable");
	}
	printf("# no block of memory can be taken offline\n");
	return -ENODEV;
}

/* What is there must go elsewhere, and what is pinned must not be there. */
static int memory_goes_and_comes(struct play *play)
{
	int rc = write_text(movable_state, "offline");

	/* It may well be that a page of it is held for a moment. */
	if (rc)
		return rc == -EBUSY || rc == -EAGAIN ? NOT_DONE : rc;
	return write_text(movable_state, "online_movable");
}

/* However far the race has come */
static void memory_is_back(void)
{
	char state[64], zones[64], text[32];
	int n;

	for (n = MEMORY_BLOCKS; n--;) {
		snprintf(state, sizeof(state), MEMORY "%d/state", n);
		snprintf(zones, sizeof(zones), MEMORY "%d/valid_zones", n);
		if (!read_text(zones, text, sizeof(text)) && !strcmp(text, "Movable\n"))
			write_text(state, "offline");
		if (!read_text(state, text, sizeof(text)) && !strcmp(text, "offline\n"))
			write_text(state, "online_kernel");
	}
}

/* ---- CPUs go away */

static int cpu_goes_and_comes(struct play *play)
{
	int rc = write_text(CPU, "0");

	return rc == -EBUSY ? NOT_DONE : rc ?: write_text(CPU, "1");
}

static void cpu_is_back(void)
{
	write_text(CPU, "1");
}

/* ---- pages are merged, and parted by a write */

static int ksm_on(struct play *play)
{
	return write_text(KSM "sleep_millisecs", "0") ?:
	       write_text(KSM "pages_to_scan", "2000") ?:
	       /* Or it leaves alone what could not be merged a few times. */
	       write_text(KSM "smart_scan", "0") ?:
	       write_text(KSM "use_zero_pages", "1") ?: write_text(KSM "run", "1");
}

static void ksm_off(void)
{
	write_text(KSM "run", "2");
	write_text(KSM "run", "0");
	write_text(KSM "use_zero_pages", "0");
	write_text(KSM "smart_scan", "1");
}

/* ksmd takes pages that stay as they are over two scans, and that nobody has pinned. */
static int be_merged(struct play *play)
{
	struct part part = any_part(play);
	long least = read_number(MERGED), now;
	int waits;
	size_t i;

	if (least < 0)
		return least;
	if (madvise(part.start, part.size, MADV_MERGEABLE))
		return -errno;
	for (i = 0; i < part.npages; i++)
		memset(part.start + i * PAGE, i % 2, PAGE);
	for (waits = 0; waits < KSM_WAITS && !atomic_load(&play->tally->stop); waits++) {
		now = read_number(MERGED);
		if (now > least) {
			arena_touch(&part, 10);
			return 0;
		}
		/* Those of earlier rounds go one by one. */
		least = now;
		usleep(1000);
	}
	return NOT_DONE;
}

/* ---- huge pages are split */

static int split(struct play *play)
{
	struct part part = any_part(play);
	char text[96];
	int rc;

	snprintf(text, sizeof(text), "%d,0x%lx,0x%lx", getpid(), (unsigned long)part.start,
		 (unsigned long)part.start + part.size);
	rc = write_text("/sys/kernel/debug/split_huge_pages", text);
	/* What has no huge page any more gets one for the next time. */
	if (!rc && roll(&play->disturb_dice, 2) &&
	    madvise(part.start, part.size, MADV_COLLAPSE))
		return errno == EAGAIN || errno == EINVAL || errno == ENOMEM || errno == EBUSY ?
		       0 : -errno;
	return rc == -EAGAIN || rc == -EBUSY ? NOT_DONE : rc;
}

const struct race by_kernel[] = {
	{
		.name = "move_pages",
		.kinds = ON_PRIVATE | ON(ARENA_FILE),
		.keeps = true,
		.may_fail = cannot_leave,
		.prepare = two_nodes,
		.disturb = move_pages_to_node,
	}, {
		.name = "compact",
		.kinds = ON_ANY,
		.keeps = true,
		.root = true,
		.disturb = compact,
	}, {
		.name = "offline",
		.kinds = ON_ANY & ~ON(ARENA_HUGETLB),
		.keeps = true,
		.root = true,
		.may_fail = cannot_leave,
		.prepare = make_movable,
		.disturb = memory_goes_and_comes,
		.restore = memory_is_back,
	}, {
		.name = "cpu",
		.kinds = ON_ANY,
		.keeps = true,
		.root = true,
		.disturb = cpu_goes_and_comes,
		.restore = cpu_is_back,
	}, {
		.name = "ksm",
		.kinds = ON(ARENA_SMALL),
		.keeps = true,
		.root = true,
		.prepare = ksm_on,
		.disturb = be_merged,
		.restore = ksm_off,
	}, {
		.name = "split",
		.kinds = ON(ARENA_HUGE),
		.keeps = true,
		.root = true,
		.disturb = split,
	},
	{}
};
