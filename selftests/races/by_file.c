// SPDX-License-Identifier: GPL-2.0-only
/* The file that is mapped loses its pages, and gets others. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "races.h"

/*
 * The end of the file is an error of the mapping by file. A hole in hugetlbfs that is
 * filled by file takes a page of the reserve, which may be what filled it by address.
 */
static const int no_end[] = { EFAULT, EINVAL, ENOMEM, 0 };
static const int no_reserve[] = { ENOMEM, 0 };

static int cut_and_extend(struct play *play)
{
	struct part part = any_part(play);

	if (ftruncate(play->arena.fd, part.at * PAGE))
		return -errno;
	return ftruncate(play->arena.fd, play->arena.npages * PAGE) ? -errno : 0;
}

static int punch(struct play *play)
{
	struct part part = any_part(play);

	return fallocate(play->arena.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 part.at * PAGE, part.size) ? -errno : 0;
}

static int remove_part(struct play *play)
{
	struct part part = any_part(play);

	return madvise(part.start, part.size, MADV_REMOVE) ? -errno : 0;
}

const struct race by_file[] = {
	{
		.name = "truncate",
		.kinds = ON_FILES,
		.may_fail = no_end,
		.disturb = cut_and_extend,
	}, {
		.name = "punch",
		.kinds = ON_FILES,
		.may_fail = no_reserve,
		.disturb = punch,
	}, {
		.name = "remove",
		.kinds = ON_FILES,
		.may_fail = no_reserve,
		.disturb = remove_part,
	},
	{}
};
