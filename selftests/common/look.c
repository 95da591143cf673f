// SPDX-License-Identifier: GPL-2.0-only
/* The file of ../modules/pinacct_test.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "look.h"

/**
 * look_open - get ready to look at pages
 *
 * Return: a file descriptor, or -errno: the module is not loaded, or the caller
 * is not root
 */
int look_open(void)
{
	int fd = open("/sys/kernel/debug/pinacct_test/page", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/**
 * look_at - look at the page behind an address of this process
 * @fd: of look_open()
 * @address: readable; the page is faulted in for reading
 * @look: gets what there is
 *
 * Return: 0, or -errno
 */
int look_at(int fd, const void *address, struct look *look)
{
	char text[64];
	ssize_t len;
	int anon;

	len = snprintf(text, sizeof(text), "%p", address);
	if (pwrite(fd, text, len, 0) != len)
		return -errno;
	len = pread(fd, text, sizeof(text) - 1, 0);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	if (sscanf(text, "%ld %d %d", &look->refs, &look->order, &anon) != 3)
		return -EIO;
	look->anon = anon;
	return 0;
}
