/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests with a hostile user: somebody who has a device and no privilege, not
 * even one to get back, and who makes the calls that he should not.
 *
 * What he attempts is in exceed.c, disturb.c, wrap.c, flood.c, linger.c and hold.c,
 * each attempt with the bound that has to hold. Some things mainline lets him do,
 * and so do we: what a process had pinned that ended or became another program is
 * charged to nobody (process.c), and who has a container may spend the limit of
 * whoever mapped memory in it (owners.c).
 */
#ifndef PINACCT_TEST_HOSTILE_H
#define PINACCT_TEST_HOSTILE_H

#include <linux/iommufd.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "child.h"
#include "rule.h"

/* Another uid that owns nothing in the machine */
#define HOSTILE_USER (PRIVILEGE_USER + 2)

/* Become a user for good: the saved uid goes as well, and what is permitted with it. */
static inline int hostile_become(uid_t user)
{
	if (seteuid(0) || setresuid(user, user, user))
		return -errno;
	return prctl(PR_SET_DUMPABLE, 1) ? -errno : 0;
}

/* Both limits, for a process that cannot raise the hard one again */
static inline int hostile_limit(unsigned long npages)
{
	struct rlimit limit = {
		.rlim_cur = npages * memory_page(),
		.rlim_max = npages * memory_page(),
	};

	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

/* Choose who is charged by a native iommufd. */
static inline int hostile_rlimit_mode(const struct front *front, unsigned int mode)
{
	struct iommu_option option = {
		.size = sizeof(option),
		.option_id = IOMMU_OPTION_RLIMIT_MODE,
		.op = IOMMU_OPTION_OP_SET,
		.val64 = mode,
	};

	return ioctl(front->iommu, IOMMU_OPTION, &option) ? -errno : 0;
}

/* Have a child do the steps in a block; what it says is what it has found out. */
#define HOSTILE(child, steps)							\
	do {									\
		ASSERT_EQ(0, child_start(child));				\
		if (!(child)->pid) {						\
			steps;							\
			child_wait(child);					\
			_exit(0);						\
		}								\
	} while (0)

/* The child ends; as root, since it may be another user's. */
#define HOSTILE_ENDS(child) AS_ROOT(ASSERT_EQ(0, child_end(child, SIGKILL)))

#endif
