// SPDX-License-Identifier: GPL-2.0-only
/*
 * Becoming a user to whom RLIMIT_MEMLOCK applies.
 *
 * Both checks of the kernel are met: type1 and iommufd look at CAP_IPC_LOCK,
 * user->locked_vm belongs to the real uid. The saved uid stays root's, so that
 * a test can still read what only root may (counters.c) and can be privileged
 * again for a step.
 */
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privilege.h"

static int set_ipc_lock(int on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	__u32 bit = CAP_TO_MASK(CAP_IPC_LOCK);

	if (syscall(__NR_capget, &header, data))
		return -errno;
	if (on)
		data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective |= bit;
	else
		data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective &= ~bit;
	return syscall(__NR_capset, &header, data) ? -errno : 0;
}

/**
 * privilege_drop - become the unprivileged user, with no hard limit
 *
 * To be called as root, once per process.
 *
 * Return: 0, or -errno
 */
int privilege_drop(void)
{
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		return -errno;
	return privilege_become(PRIVILEGE_USER);
}

/**
 * privilege_become - become another unprivileged user
 * @user: who is charged from now on
 *
 * In a process that was root once. privilege_root() goes back to PRIVILEGE_USER,
 * so there is no use of it afterwards.
 *
 * Return: 0, or -errno
 */
int privilege_become(uid_t user)
{
	if (seteuid(0) || setresuid(user, user, 0))
		return -errno;
	/* A process that changed its uid may not look into its own /proc. */
	return prctl(PR_SET_DUMPABLE, 1) ? -errno : 0;
}

/**
 * privilege_raise - get CAP_IPC_LOCK back, as the same user
 *
 * Reading counters takes it away again.
 *
 * Return: 0, or -errno
 */
int privilege_raise(void)
{
	return set_ipc_lock(1);
}

/**
 * privilege_root - be root for a step, as the open of a device needs
 * @on: false to go back
 *
 * The real user, who is charged, stays the same.
 *
 * Return: 0, or -errno
 */
int privilege_root(bool on)
{
	return seteuid(on ? 0 : PRIVILEGE_USER) ? -errno : 0;
}

/**
 * privilege_limit - set the soft RLIMIT_MEMLOCK of this process
 * @bytes: the limit
 *
 * Return: 0, or -errno
 */
int privilege_limit(unsigned long bytes)
{
	struct rlimit limit = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}
