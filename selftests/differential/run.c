// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs all scenarios on all front ends and prints a line for each step.
 *
 * Use:	differential [FRONT [SCENARIO]]
 *
 * Guards: with no parameter set, every result that a program can observe equals
 * that of the kernel's own modules. selftests/l1/devices.sh runs this on both, and
 * any line that differs is a failure.
 *
 * A line: front end, scenario, step, errno, a value where the step has one (the
 * bytes that were unmapped, mostly), and how far VmLck, VmPin, user->locked_vm
 * and the pins that are held are from where they were before the scenario.
 *
 * Exit status 1 if a scenario could not be set up: a missing part must not look
 * like two equal outputs.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

static const struct front_ops *const fronts[] = {
	&front_type1_v1,
	&front_type1_v2,
	&front_iommufd_user,
	&front_iommufd_process,
	&front_compat_v1,
	&front_compat_v2,
};

static const struct scenario *const lists[] = {
	address_scenarios,
	by_file_scenarios,
	limit_scenarios,
	memory_scenarios,
	neighbour_scenarios,
	process_scenarios,
	unmap_scenarios,
	type1_scenarios,
	iommufd_scenarios,
	mediated_scenarios,
	random_scenarios,
};

/* VFIO's own type1 */
bool wants_type1(const struct front_ops *ops)
{
	return ops->type && !ops->iommufd;
}

/* VFIO's container ioctls, whoever serves them */
bool wants_container(const struct front_ops *ops)
{
	return ops->type;
}

/* iommufd's own ioctls */
bool wants_iommufd(const struct front_ops *ops)
{
	return !ops->type;
}

static void print_step(struct run *run, int rc, const char *value, const char *format,
		       va_list args)
{
	struct counters now, more;
	char name[128];

	vsnprintf(name, sizeof(name), format, args);
	printf("%-15s %-20s %-52s %-10s %-12s", run->front.ops->name, run->scenario, name,
	       rc < 0 ? strerrorname_np(-rc) : rc ? "POSITIVE" : "0", value);
	if (counters_read(&now)) {
		printf("counters unreadable\n");
		exit(1);
	}
	more = counters_since(&now, &run->base);
	printf("lck=%-5ld pin=%-5ld user=%-5ld held=%ld\n", more.lck, more.pin, more.user,
	       more.held);
	fflush(stdout);
}

/* Print what came of a step: RC is 0 or -errno. */
void step(struct run *run, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_step(run, rc, "-", format, args);
	va_end(args);
}

/* The same for a step that has a value as well. */
void step_value(struct run *run, int rc, unsigned long long value, const char *format, ...)
{
	char text[24];
	va_list args;

	snprintf(text, sizeof(text), "0x%llx", value);
	va_start(args, format);
	print_step(run, rc, text, format, args);
	va_end(args);
}

/* A scenario cannot go on without WHAT. */
void need(bool there, const char *what)
{
	if (there)
		return;
	printf("missing: %s (%s)\n", what, strerrorname_np(errno));
	exit(1);
}

/* Map NPAGES of memory, AT pages behind IOVA, and print it. */
int do_map(struct run *run, const void *memory, unsigned long at, unsigned long npages,
	   int prot, const char *what)
{
	static const char *const prots[] = { "none", "ro", "wo", "rw" };
	int rc;

	rc = front_map(&run->front, memory, IOVA + at * run->page, npages * run->page, prot);
	step(run, rc, "map %s, %lu at +%lu %s", what, npages, at, prots[prot]);
	return rc;
}

/* Unmap the same way. */
int do_unmap(struct run *run, unsigned long at, unsigned long npages, const char *what)
{
	__u64 size = 0;
	int rc;

	rc = front_unmap(&run->front, IOVA + at * run->page, npages * run->page, &size);
	step_value(run, rc, size, "unmap %s, %lu at +%lu", what, npages, at);
	return rc;
}

/* Set the limit to that many pages; -1 for none. */
void do_limit(struct run *run, long npages)
{
	int rc;

	rc = privilege_limit(npages < 0 ? RLIM_INFINITY : npages * run->page);
	step(run, rc, "limit %ld", npages);
}

/**
 * do_file - make an empty file without a name, as root
 * @directory: where, which decides on the file system
 *
 * Return: a file descriptor, or -1 with errno
 */
int do_file(const char *directory)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/differential.XXXXXX", directory);
	privilege_root(true);
	fd = mkstemp(path);
	if (fd >= 0)
		unlink(path);
	privilege_root(false);
	return fd;
}

/* Anonymous memory that has been written to */
void *do_memory(struct run *run, unsigned long npages)
{
	void *memory = memory_anonymous(npages * run->page);

	need(memory != MAP_FAILED, "anonymous memory");
	return memory;
}

int do_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static void run_scenario(const struct front_ops *ops, const struct scenario *scenario)
{
	struct run run = { .scenario = scenario->name, .page = memory_page() };

	errno = -front_open(&run.front, ops);
	need(!errno, "the front end");
	if (!scenario->detached) {
		errno = -front_attach(&run.front, DEVICE_EDU);
		need(!errno, "edu behind the front end");
	}
	errno = -privilege_drop();
	need(!errno, "an unprivileged user");
	errno = -counters_start();
	need(!errno, "io_uring");
	errno = -counters_read(&run.base);
	need(!errno, "the counters");

	scenario->steps(&run);
	front_close(&run.front);
	step(&run, 0, "close");
	exit(0);
}

static int run_in_child(const struct front_ops *ops, const struct scenario *scenario)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		run_scenario(ops, scenario);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	printf("%s %s was not run to its end\n", ops->name, scenario->name);
	return 1;
}

int main(int argc, char **argv)
{
	const struct scenario *scenario;
	unsigned int i, j;
	int failed = 0;

	for (i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++) {
		if (argc > 1 && strcmp(argv[1], fronts[i]->name))
			continue;
		for (j = 0; j < sizeof(lists) / sizeof(lists[0]); j++) {
			for (scenario = lists[j]; scenario->name; scenario++) {
				if (argc > 2 && strcmp(argv[2], scenario->name))
					continue;
				if (scenario->wants && !scenario->wants(fronts[i]))
					continue;
				failed |= run_in_child(fronts[i], scenario);
			}
		}
	}
	return failed;
}
