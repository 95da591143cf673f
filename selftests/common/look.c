// SPDX-License-Identifier: GPL-2.0-only
/* The files of ../modules/pinacct_test.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "look.h"

#define FILES "/sys/kernel/debug/pinacct_test/"

/* Write a number to a file, and read what it says to that. */
static int ask(const char *path, unsigned long number, char *text, size_t size)
{
	ssize_t len;
	int fd, rc = 0;

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = snprintf(text, size, "%lx", number);
	if (pwrite(fd, text, len, 0) != len) {
		rc = -errno;
	} else {
		len = pread(fd, text, size - 1, 0);
		if (len < 0)
			rc = -errno;
		else
			text[len] = '\0';
	}
	close(fd);
	return rc;
}

/**
 * look_at - look at the page behind an address of this process, as root
 * @address: readable; the page is faulted in for reading
 * @look: gets what there is
 *
 * Return: 0, or -errno: the module is not loaded, or the caller is not root
 */
int look_at(const void *address, struct look *look)
{
	char text[64];
	int anon, rc;

	rc = ask(FILES "page", (unsigned long)address, text, sizeof(text));
	if (rc)
		return rc;
	if (sscanf(text, "%ld %d %d %lx", &look->refs, &look->order, &anon, &look->pfn) != 4)
		return -EIO;
	look->anon = anon;
	return 0;
}

/**
 * look_at_device - look at what the edu device reaches, as root
 * @iova: where
 * @pfn: gets the number of the page
 *
 * Return: 0; -ENOENT if there is nothing; or another -errno, as look_at()
 */
int look_at_device(__u64 iova, unsigned long *pfn)
{
	char text[64];
	int rc;

	rc = ask(FILES "edu", iova, text, sizeof(text));
	if (!rc)
		*pfn = strtoul(text, NULL, 16);
	return rc;
}
