// SPDX-License-Identifier: GPL-2.0-only
/* The process changes what is at the addresses that are mapped. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "races.h"

static const int hole[] = { EFAULT, 0 };

static bool perhaps(struct play *play)
{
	return roll(&play->disturb_dice, 2);
}

static int advise(const struct part *part, int advice)
{
	if (!madvise(part->start, part->size, advice))
		return 0;
	/* EAGAIN, EBUSY: of collapsing; ENOMEM: there is a hole, or no huge page. */
	return errno == EAGAIN || errno == EBUSY || errno == ENOMEM || errno == EINVAL ?
	       NOT_DONE : -errno;
}

static int unmap_and_map(struct play *play)
{
	struct part part = any_part(play);
	int rc;

	if (munmap(part.start, part.size))
		return -errno;
	rc = arena_put_back(&play->arena, &part);
	if (!rc && perhaps(play))
		arena_touch(&part, 2);
	return rc;
}

/* There is a hole meanwhile; another page may be where it was when it is back. */
static int move_away_and_back(struct play *play)
{
	struct part part = any_part(play);
	char *spare = play->arena.spare + part.at * PAGE;

	/* EFAULT: what has been moved before has not become one VMA with the rest again. */
	if (mremap(part.start, part.size, part.size, MREMAP_MAYMOVE | MREMAP_FIXED,
		   spare) == MAP_FAILED)
		return errno == EFAULT ? arena_put_back(&play->arena, &part) : -errno;
	if (perhaps(play) && !arena_is_huge(&play->arena))
		memset(spare, 3, PAGE);
	return mremap(spare, part.size, part.size, MREMAP_MAYMOVE | MREMAP_FIXED,
		      part.start) == MAP_FAILED ? -errno : 0;
}

static int protect(struct play *play)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	struct part part = any_part(play);

	if (mprotect(part.start, part.size, prots[roll(&play->disturb_dice, 3)]))
		return -errno;
	return mprotect(part.start, part.size, PROT_READ | PROT_WRITE) ? -errno : 0;
}

static int drop(struct play *play)
{
	struct part part = any_part(play);
	int rc = advise(&part, MADV_DONTNEED);

	if (!rc && perhaps(play) && !arena_is_huge(&play->arena))
		arena_touch(&part, 4);
	return rc;
}

static int give_free(struct play *play)
{
	struct part part = any_part(play);
	int rc;

	arena_touch(&part, 5);
	rc = advise(&part, MADV_FREE);
	if (!rc && perhaps(play))
		arena_touch(&part, 6);
	return rc;
}

/* Whole huge pages out of small ones, and small ones out of them */
static int collapse(struct play *play)
{
	size_t huge = MEMORY_HUGE / PAGE, whole = play->arena.npages / huge;
	struct part part = {
		.at = roll(&play->disturb_dice, whole) * huge,
		.npages = huge,
		.size = MEMORY_HUGE,
	};
	struct part one = { .npages = 1, .size = PAGE };
	int rc;

	part.start = play->arena.memory + part.at * PAGE;
	one.start = part.start + roll(&play->disturb_dice, huge) * PAGE;
	if (perhaps(play)) {
		/* One page goes: what mapped it whole is split. */
		rc = advise(&part, MADV_NOHUGEPAGE) ?: advise(&one, MADV_DONTNEED);
		return rc ?: advise(&part, MADV_HUGEPAGE);
	}
	arena_touch(&part, 7);
	return advise(&part, MADV_COLLAPSE);
}

static int be_huge_or_not(struct play *play)
{
	struct part part = any_part(play);
	int rc = advise(&part, MADV_NOHUGEPAGE);

	if (!rc && perhaps(play))
		rc = advise(&part, MADV_DONTNEED);
	return rc ?: advise(&part, MADV_HUGEPAGE);
}

/* Both write while the child is there, so that one of them gets a copy. */
static int fork_and_write(struct play *play)
{
	struct part part = arena_part(&play->arena, &play->disturb_dice, 64);
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		arena_touch(&part, 8);
		_exit(0);
	}
	arena_touch(&part, 9);
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? 0 : -ECHILD;
}

const struct race by_address[] = {
	{
		.name = "munmap",
		.kinds = ON_ANY,
		.may_fail = hole,
		.disturb = unmap_and_map,
	}, {
		.name = "mremap",
		.kinds = ON_PRIVATE | ON(ARENA_FILE),
		.may_fail = hole,
		.disturb = move_away_and_back,
	}, {
		.name = "mprotect",
		.kinds = ON_ANY,
		.keeps = true,
		.may_fail = hole,
		.disturb = protect,
	}, {
		.name = "dontneed",
		.kinds = ON_ANY,
		.disturb = drop,
	}, {
		.name = "free",
		.kinds = ON_PRIVATE,
		.disturb = give_free,
	}, {
		.name = "hugepage",
		.kinds = ON_PRIVATE,
		.disturb = be_huge_or_not,
	}, {
		.name = "collapse",
		.kinds = ON(ARENA_HUGE),
		.disturb = collapse,
	}, {
		.name = "fork",
		.kinds = ON_PRIVATE | ON(ARENA_FILE),
		.keeps = true,
		.disturb = fork_and_write,
	},
	{}
};
