// SPDX-License-Identifier: GPL-2.0-only
/* The files of ../modules/pinacct_test.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "look.h"

#define FILES "/sys/kernel/debug/pinacct_test/"

/* Write a number to a file: its descriptor, or -errno. */
static int tell(const char *path, unsigned long number)
{
	char text[32];
	int fd, len, rc;

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "%lx", number);
	if (pwrite(fd, text, len, 0) == len)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* Write a number to a file, and read what it says to that. */
static int ask(const char *path, unsigned long number, char *text, size_t size)
{
	int fd = tell(path, number);
	ssize_t len;
	int rc = 0;

	if (fd < 0)
		return fd;
	len = pread(fd, text, size - 1, 0);
	if (len < 0)
		rc = -errno;
	else
		text[len] = '\0';
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
	int anon, movable, rc;

	rc = ask(FILES "page", (unsigned long)address, text, sizeof(text));
	if (rc)
		return rc;
	if (sscanf(text, "%ld %d %d %d %lx", &look->refs, &look->order, &anon, &movable,
		   &look->pfn) != 5)
		return -EIO;
	look->anon = anon;
	look->movable = movable;
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

/**
 * look_is_pinned - is what the edu device reaches pinned, as root
 * @iova: where
 * @pfn: gets the number of the page
 *
 * Return: 1 if it is, or may be as another page of its folio is; 0 if it is not; or a
 * negative errno, as look_at_device()
 */
int look_is_pinned(__u64 iova, unsigned long *pfn)
{
	char text[64];
	int pinned, rc;

	rc = ask(FILES "edu", iova, text, sizeof(text));
	if (rc)
		return rc;
	return sscanf(text, "%lx %d", pfn, &pinned) == 2 ? pinned : -EIO;
}

/**
 * look_hold - have nobody move a page away, as root
 * @address: of this process, readable
 *
 * Return: a file descriptor, to be closed to let it go; or -errno, as look_at()
 */
int look_hold(const void *address)
{
	return tell(FILES "hold", (unsigned long)address);
}

/**
 * look_apart - have type1 put no other device into the edu device's domain, as root
 *
 * The edu device is attached, and stays so as long as the file is open.
 *
 * Return: a file descriptor, to be closed to have it as before; or -errno, as
 * look_at()
 */
int look_apart(void)
{
	return tell(FILES "apart", 1);
}

/**
 * look_is_apart - do the edu device and the network card have different domains?
 * @fd: of look_apart()
 *
 * Return: true if they have
 */
bool look_is_apart(int fd)
{
	char answer;

	return pread(fd, &answer, 1, 0) == 1 && answer == '1';
}
