// SPDX-License-Identifier: GPL-2.0-only
/* The questions of <linux/pinacct.h>, with their sizes filled in. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "ask.h"

/**
 * ask_open - open /dev/pinacct
 *
 * Return: a file descriptor, or -errno
 */
int ask_open(void)
{
	int fd = open("/dev/pinacct", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/**
 * ask_usage - what does a process pay for?
 * @fd: of /dev/pinacct
 * @pid: whose, 0 for the caller's
 * @usage: gets the answer
 *
 * Return: 0, or -errno
 */
int ask_usage(int fd, pid_t pid, struct pinacct_usage *usage)
{
	memset(usage, 0, sizeof(*usage));
	usage->size = sizeof(*usage);
	usage->pid = pid;
	return ioctl(fd, PINACCT_USAGE, usage) ? -errno : 0;
}

/**
 * ask_refusal - why was a process refused last?
 * @fd: of /dev/pinacct
 * @pid: which, 0 for the caller
 * @refusal: gets the answer
 *
 * Return: 0, or -errno
 */
int ask_refusal(int fd, pid_t pid, struct pinacct_refusal *refusal)
{
	memset(refusal, 0, sizeof(*refusal));
	refusal->size = sizeof(*refusal);
	refusal->pid = pid;
	return ioctl(fd, PINACCT_REFUSAL, refusal) ? -errno : 0;
}

/**
 * ask_estimate - what would a mapping charge?
 * @fd: of /dev/pinacct
 * @memory: of the caller
 * @size: in bytes
 * @write: the device is to write
 * @estimate: gets the answer
 *
 * Return: 0, or -errno
 */
int ask_estimate(int fd, const void *memory, size_t size, bool write,
		 struct pinacct_estimate *estimate)
{
	memset(estimate, 0, sizeof(*estimate));
	estimate->size = sizeof(*estimate);
	estimate->flags = write ? PINACCT_ESTIMATE_WRITE : 0;
	estimate->start = (uintptr_t)memory;
	estimate->length = size;
	return ioctl(fd, PINACCT_ESTIMATE, estimate) ? -errno : 0;
}

/**
 * ask_pins - which pages are pinned?
 * @fd: of /dev/pinacct
 * @by: PINACCT_PINS_BY_ADDRESS or PINACCT_PINS_BY_PAGE
 * @memory: of the caller
 * @size: in bytes
 * @ranges: gets the answer
 * @nr: how many entries it has room for
 *
 * Return: how many it got for all of the memory, -ENOSPC if there are more, or
 * another -errno
 */
int ask_pins(int fd, unsigned int by, const void *memory, size_t size,
	     struct pinacct_pin_range *ranges, unsigned int nr)
{
	struct pinacct_pins pins = {
		.size = sizeof(pins),
		.by = by,
		.nr = nr,
		.start = (uintptr_t)memory,
		.length = size,
		.ranges = (uintptr_t)ranges,
	};

	if (ioctl(fd, PINACCT_PINS, &pins))
		return -errno;
	return pins.next == pins.start + size ? (int)pins.nr : -ENOSPC;
}

/**
 * ask_exclude - let no pins into memory, or let them in again
 * @fd: of /dev/pinacct
 * @memory: of the caller
 * @size: in bytes
 * @exclude: false to undo it
 *
 * Return: 0, or -errno
 */
int ask_exclude(int fd, const void *memory, size_t size, bool exclude)
{
	struct pinacct_exclude range = {
		.size = sizeof(range),
		.start = (uintptr_t)memory,
		.length = size,
	};

	return ioctl(fd, exclude ? PINACCT_EXCLUDE : PINACCT_INCLUDE, &range) ? -errno : 0;
}

/**
 * ask_wait - until no pin is left in what is excluded
 * @fd: of /dev/pinacct
 * @timeout_ms: 0 to look only, -1 for ever
 *
 * Return: 0, or -errno
 */
int ask_wait(int fd, int timeout_ms)
{
	struct pinacct_wait wait = { .size = sizeof(wait), .timeout_ms = timeout_ms };

	return ioctl(fd, PINACCT_WAIT, &wait) ? -errno : 0;
}
