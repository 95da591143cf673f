// SPDX-License-Identifier: GPL-2.0-only
/* Short files of the kernel's, read or written at once. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "races.h"

/**
 * write_text - write to a file
 * @path: of it
 * @text: at once
 *
 * Return: 0 or -errno
 */
int write_text(const char *path, const char *text)
{
	int rc = 0, fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		rc = -errno;
	close(fd);
	return rc;
}

/**
 * read_text - read a file
 * @path: of it
 * @text: gets what is in it, or an empty string
 * @size: of @text
 *
 * Return: 0 or -errno
 */
int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	*text = '\0';
	if (fd < 0)
		return -errno;
	len = read(fd, text, size - 1);
	close(fd);
	if (len < 0)
		return -EIO;
	text[len] = '\0';
	return 0;
}

/**
 * read_number - read a file that begins with a number
 * @path: of it
 *
 * Return: the number, or -errno
 */
long read_number(const char *path)
{
	char text[32];
	int rc = read_text(path, text, sizeof(text));

	return rc ?: strtol(text, NULL, 10);
}
