// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parameters are root's to write, so the effective user becomes root for that,
 * which takes away what privilege_raise() gave.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "params.h"

#define PARAMETERS "/sys/module/pinacct/parameters/"

static int open_param(const char *name, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_param(const char *name, const char *value)
{
	int fd, rc = 0;

	fd = open_param(name, O_WRONLY);
	if (fd < 0)
		return fd;
	if (write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		rc = -errno;
	close(fd);
	return rc;
}

/**
 * params_set - change a parameter
 * @name: of the parameter
 * @value: as text
 *
 * Return: 0, or -errno
 */
int params_set(const char *name, const char *value)
{
	uid_t user = geteuid();
	int rc;

	if (user && seteuid(0))
		return -errno;
	rc = write_param(name, value);
	if (user && seteuid(user))
		return -errno;
	return rc;
}

/**
 * params_get - read a parameter
 * @name: of the parameter
 * @value: gets its text, without the end of the line
 * @size: of @value
 *
 * Return: 0, or -errno
 */
int params_get(const char *name, char *value, size_t size)
{
	ssize_t len;
	int fd;

	fd = open_param(name, O_RDONLY);
	if (fd < 0)
		return fd;
	len = read(fd, value, size - 1);
	close(fd);
	if (len < 1)
		return -EIO;
	value[len - 1] = '\0';
	return 0;
}

/**
 * params_defaults - set every parameter to what the module begins with
 *
 * Return: 0, or -errno
 */
int params_defaults(void)
{
	return params_set("zero_page", "cow") ?: params_set("zero_slack_mb", "0") ?:
	       params_set("strict_errno", "N") ?: params_set("charge_once", "N") ?:
	       params_set("pin_threads", "1");
}
