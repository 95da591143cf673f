// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID/fail-nth: the N-th time from now on that this thread could be told that
 * there is no memory, or that an address is bad, it is told so.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"

#define DEBUGFS "/sys/kernel/debug/"

/* No step has as many points: more means that it never ends. */
#define NTH_MAX 20000

/* Every allocation may fail, also those that may wait; and no log of each. */
static const struct {
	const char *file, *value;
	bool there;
} settings[] = {
	{ "failslab/ignore-gfp-wait", "N", true },
	{ "failslab/verbose", "0", true },
	{ "fail_page_alloc/ignore-gfp-wait", "N", true },
	{ "fail_page_alloc/ignore-gfp-highmem", "N", true },
	{ "fail_page_alloc/min-order", "0", true },
	{ "fail_page_alloc/verbose", "0", true },
	{ "fail_usercopy/verbose", "0", false },
	{ "fail_iommufd/verbose", "0", false },
};

static int set(const char *file, const char *value)
{
	char path[128];
	int fd, rc = 0;

	snprintf(path, sizeof(path), DEBUGFS "%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/**
 * fault_open - get ready for faults in this thread
 * @fault: is set up
 *
 * Needs root. A child has to call it again: the file is the thread's.
 *
 * Return: 0, or -errno: -ENOENT where the kernel injects no faults
 */
int fault_open(struct fault *fault)
{
	char path[64];
	unsigned int i;
	int rc;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
	fault->fd = open(path, O_RDWR | O_CLOEXEC);
	if (fault->fd < 0)
		return -errno;
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		rc = set(settings[i].file, settings[i].value);
		if (rc && (settings[i].there || rc != -ENOENT))
			return rc == -ENOENT ? -ENXIO : rc;
	}
	return 0;
}

/**
 * fault_begin - the next time is the first, of another step
 * @fault: open
 *
 * That time nothing fails: it is the step as it should be, and caches are filled, so
 * that points do not depend on what was done before.
 */
void fault_begin(struct fault *fault)
{
	fault->nth = UINT_MAX;
	fault->hit = true;
}

/**
 * fault_next - is the step to be done once more?
 * @fault: begun
 *
 * Return: false once it was done without coming to the point that was to fail
 */
bool fault_next(struct fault *fault)
{
	if (!fault->hit || fault->nth == NTH_MAX)
		return false;
	fault->nth++;
	return true;
}

/**
 * fault_arm - from now on points are counted
 * @fault: says which one is to fail
 *
 * Return: 0, or -errno
 */
int fault_arm(struct fault *fault)
{
	char nth[16];
	int len;

	len = snprintf(nth, sizeof(nth), "%u", fault->nth);
	return pwrite(fault->fd, nth, len, 0) == len ? 0 : -errno;
}

/**
 * fault_disarm - count no more
 * @fault: gets whether the point was come to
 *
 * What is done here can be hit itself, by a copy to or from user space that fails.
 * Then it was not the step.
 *
 * Return: 0, or -errno
 */
int fault_disarm(struct fault *fault)
{
	char left[16] = "";
	ssize_t len;

	len = pread(fault->fd, left, sizeof(left) - 1, 0);
	fault->hit = len > 0 && !atoi(left);
	if (fault->hit)
		return 0;
	if (pwrite(fault->fd, "0", 1, 0) != 1 && pwrite(fault->fd, "0", 1, 0) != 1)
		return -errno;
	return 0;
}

/**
 * fault_points - how many points the step has
 * @fault: behind its last time
 *
 * Return: the number, each of which has failed once
 */
unsigned int fault_points(const struct fault *fault)
{
	return fault->nth - 1;
}
