// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asks pinacct.ko: its parameters in /sys, and /dev/pinacct.
 */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PARAMETERS	"/sys/module/pinacct/parameters"

const char * const zero_page_names[] = { "cow", "ignore", "strict", NULL };
const char * const param_names[] = {
	"zero_page", "zero_slack_mb", "strict_errno", "charge_once", "pin_threads", NULL
};

static bool parse_bool(const char *name, const char *value)
{
	if (strchr("yY1", *value) && *value)
		return true;
	if (strchr("nN0", *value) && *value)
		return false;
	fail(STATUS_USE, "%s is Y or N, not '%s'", name, value);
}

/**
 * params_set - take over one parameter
 * @params: that are changed
 * @assignment: NAME=VALUE; a wrong one ends the program
 */
void params_set(struct params *params, const char *assignment)
{
	const char *value = strchr(assignment, '=');
	char *name;

	if (!value)
		fail(STATUS_USE, "'%s' is not of the form PARAMETER=VALUE", assignment);
	name = must(strndup(assignment, value++ - assignment));

	if (!strcmp(name, "zero_page")) {
		for (int i = 0; ; i++) {
			if (!zero_page_names[i])
				fail(STATUS_USE, "zero_page is cow, ignore or strict, not '%s'",
				     value);
			if (!strcmp(value, zero_page_names[i])) {
				params->zero_page = i;
				break;
			}
		}
	} else if (!strcmp(name, "zero_slack_mb")) {
		params->zero_slack_mb = parse_number(name, value, 4096);
	} else if (!strcmp(name, "strict_errno")) {
		params->strict_errno = parse_bool(name, value);
	} else if (!strcmp(name, "charge_once")) {
		params->charge_once = parse_bool(name, value);
	} else if (!strcmp(name, "pin_threads")) {
		params->pin_threads = parse_number(name, value, 64);
	} else {
		fail(STATUS_USE,
		     "no parameter is called '%s': zero_page, zero_slack_mb, strict_errno, charge_once or pin_threads",
		     name);
	}
	free(name);
}

/**
 * param_value - as it is written in /sys
 * @params: the parameters
 * @name: of one
 */
const char *param_value(const struct params *params, const char *name)
{
	if (!strcmp(name, "zero_page"))
		return zero_page_names[params->zero_page];
	if (!strcmp(name, "zero_slack_mb"))
		return text("%u", params->zero_slack_mb);
	if (!strcmp(name, "strict_errno"))
		return params->strict_errno ? "Y" : "N";
	if (!strcmp(name, "charge_once"))
		return params->charge_once ? "Y" : "N";
	return text("%u", params->pin_threads);
}

/**
 * params_read - what they are now; without the module, what mainline does
 * @params: are filled in
 */
void params_read(struct params *params)
{
	char name[128], *value;

	*params = (struct params){ .pin_threads = 1 };
	params->loaded = !access("/sys/module/pinacct", F_OK);
	for (int i = 0; params->loaded && param_names[i]; i++) {
		snprintf(name, sizeof(name), PARAMETERS "/%s", param_names[i]);
		value = read_text(name, NULL);
		/* An older module has not all of them. */
		if (!value)
			continue;
		value[strcspn(value, "\n")] = 0;
		snprintf(name, sizeof(name), "%s=%s", param_names[i], value);
		params_set(params, name);
		free(value);
	}
}

/**
 * param_write - change one in the kernel
 * @name: of it
 * @value: for it
 *
 * Return: 0 or a negative errno.
 */
int param_write(const char *name, const char *value)
{
	int fd = open(text(PARAMETERS "/%s", name), O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		error = -errno;
	close(fd);
	return error;
}

static int ask(unsigned int question, void *arg)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/pinacct", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return ioctl(fd, question, arg) ? -errno : 0;
}

/**
 * kernel_usage - what a process pays for
 * @pid: of it
 * @usage: is filled in
 *
 * Return: 0 or a negative errno: ENOENT without the module, EPERM, ESRCH.
 */
int kernel_usage(pid_t pid, struct pinacct_usage *usage)
{
	*usage = (struct pinacct_usage){ .size = sizeof(*usage), .pid = pid };
	return ask(PINACCT_USAGE, usage);
}

/**
 * kernel_refusal - the last refusal of a process
 * @pid: of it
 * @refusal: is filled in
 *
 * Return: 0 or a negative errno; ENODATA if none is known.
 */
int kernel_refusal(pid_t pid, struct pinacct_refusal *refusal)
{
	int ret;

	*refusal = (struct pinacct_refusal){ .size = sizeof(*refusal), .pid = pid };
	ret = ask(PINACCT_REFUSAL, refusal);
	/* The device is there, so this is its answer. */
	if (ret == -ENOENT && !access("/dev/pinacct", F_OK))
		return -ENODATA;
	return ret;
}

/* User space on x86-64; QEMU asks for no addresses above it. */
#define USER_END	(1ULL << 47)

/**
 * kernel_pins - which pages of a process are pinned
 * @pid: of it
 * @by: PINACCT_PINS_BY_ADDRESS or PINACCT_PINS_BY_PAGE
 * @each: is called for each run of pages
 * @arg: for @each
 *
 * Return: 0 or a negative errno.
 */
int kernel_pins(pid_t pid, unsigned int by,
		void (*each)(const struct pinacct_pin_range *range, void *arg), void *arg)
{
	struct pinacct_pin_range ranges[512];
	uint64_t start = 0;

	while (start < USER_END) {
		struct pinacct_pins pins = {
			.size = sizeof(pins),
			.pid = pid,
			.by = by,
			.nr = sizeof(ranges) / sizeof(*ranges),
			.start = start,
			.length = USER_END - start,
			.ranges = (uintptr_t)ranges,
		};
		int ret = ask(PINACCT_PINS, &pins);

		if (ret)
			return ret;
		for (unsigned int i = 0; i < pins.nr; i++)
			each(&ranges[i], arg);
		if (pins.next <= start)
			break;
		start = pins.next;
	}
	return 0;
}

/**
 * why_unknown - what to say in the place of something that the kernel has not told
 * @error: as kernel_usage() and kernel_pins() return it
 *
 * Return: what follows after its name.
 */
const char *why_unknown(int error)
{
	switch (error) {
	case -EPERM:
	case -EACCES:
		return "is for root to see";
	case -ENOENT:
	case -ENXIO:
		return "takes pinacct.ko, which is not loaded";
	case -ENOTTY:
		return "takes a newer pinacct.ko";
	case -ESRCH:
		return "is not known any more: the process has ended";
	default:
		return text("cannot be told: %s", strerror(-error));
	}
}

/**
 * kernel_must - end with what is in the way
 * @error: a negative errno that /dev/pinacct gave, or 0
 * @whose: process it was about
 */
void kernel_must(int error, const char *whose)
{
	switch (-error) {
	case 0:
		return;
	case ENOENT:
	case ENODEV:
	case ENXIO:
		fail(STATUS_KERNEL, "there is no /dev/pinacct: load the modules (modprobe vfio_iommu_type1 or iommufd, of this project)");
	case ENOTTY:
		fail(STATUS_KERNEL, "this pinacct.ko is older than this program: update the modules");
	case ESRCH:
		fail(STATUS_NOT_FOUND, "there is no process %s", whose);
	case EPERM:
	case EACCES:
		fail(STATUS_PERMISSION, "process %s is somebody else's: run this as root", whose);
	default:
		fail(STATUS_SYSTEM, "/dev/pinacct, about process %s: %s", whose, strerror(-error));
	}
}
