// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which processes have memory pinned for devices, and how much?
 *
 * A process can end at any moment; what could not be read of it then is as if it
 * had ended before.
 */
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"

static char *read_of(pid_t pid, const char *file, size_t *length)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return read_text(path, length);
}

/* The number behind KEY, in KiB; 0 if there is none. */
static uint64_t status_bytes(const char *status, const char *key)
{
	const char *line = strstr(status, key);

	return line ? strtoull(line + strlen(key), NULL, 10) * KIB : 0;
}

static uint64_t limit_of(pid_t pid)
{
	static const char key[] = "Max locked memory";
	char *limits = read_of(pid, "limits", NULL), *line;
	uint64_t limit = UNLIMITED;
	unsigned long long n;

	line = limits ? strstr(limits, key) : NULL;
	if (line && sscanf(line + strlen(key), "%llu", &n) == 1)
		limit = n;
	free(limits);
	return limit;
}

static void look_at_file(struct process *process, const char *path)
{
	if (!strcmp(path, "/dev/vfio/vfio"))
		process->type1++;
	else if (!strcmp(path, "/dev/iommu"))
		process->iommufd++;
	else if (!strncmp(path, "/dev/vfio/devices/", 18) || strstr(path, "[vfio-device]"))
		process->devices++;
}

static void look_at_files(struct process *process)
{
	char path[64], target[256];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", process->pid);
	dir = opendir(path);
	process->fds_known = dir;
	while (dir && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (n > 0) {
			target[n] = 0;
			look_at_file(process, target);
		}
	}
	if (dir)
		closedir(dir);
}

/**
 * process_arguments - its command line
 * @pid: of it
 * @nr: how many arguments
 *
 * Return: they, with a NULL behind; NULL if the process is gone. One free().
 */
char **process_arguments(pid_t pid, unsigned int *nr)
{
	size_t length, used = 0;
	char *s = read_of(pid, "cmdline", &length);
	char **arguments;

	if (!s)
		return NULL;
	*nr = 0;
	for (size_t i = 0; i < length; i++)
		*nr += !s[i];
	arguments = must(realloc(NULL, (*nr + 1) * sizeof(*arguments) + length + 1));
	memcpy(arguments + *nr + 1, s, length + 1);
	free(s);
	s = (char *)(arguments + *nr + 1);
	for (unsigned int i = 0; i < *nr; i++) {
		arguments[i] = s + used;
		used += strlen(arguments[i]) + 1;
		make_printable(arguments[i]);
	}
	arguments[*nr] = NULL;
	return arguments;
}

/* -name guest=NAME,... or -name NAME */
static char *domain_of(pid_t pid)
{
	char **arguments, *name = NULL;
	unsigned int nr;

	arguments = process_arguments(pid, &nr);
	for (unsigned int i = 0; arguments && i + 1 < nr && !name; i++) {
		const char *value = arguments[i + 1];

		if (strcmp(arguments[i], "-name"))
			continue;
		if (!strncmp(value, "guest=", 6))
			value += 6;
		name = must(strndup(value, strcspn(value, ",")));
	}
	free(arguments);
	return name;
}

static void add_device_memory(const struct mapping *mapping, void *arg)
{
	struct process *process = arg;

	if (strstr(mapping->path, "[vfio-device]") || !strncmp(mapping->path, "/dev/vfio/", 10))
		process->device += mapping->end - mapping->start;
}

/**
 * process_read - all that is known of a process
 * @process: is filled in; to be given to process_free()
 * @pid: of it
 *
 * Return: whether there is such a process.
 */
bool process_read(struct process *process, pid_t pid)
{
	char *status = read_of(pid, "status", NULL);
	const char *uid;

	memset(process, 0, sizeof(*process));
	process->pid = pid;
	if (!status)
		return false;
	/* A kernel thread has no memory of its own. */
	if (!strstr(status, "\nVmSize:") || sscanf(status, "Name: %15[^\n]", process->name) != 1) {
		free(status);
		return false;
	}
	make_printable(process->name);
	uid = strstr(status, "\nUid:");
	process->uid = uid ? strtoul(uid + 5, NULL, 10) : 0;
	process->locked = status_bytes(status, "\nVmLck:");
	process->pinned = status_bytes(status, "\nVmPin:");
	free(status);

	process->limit = limit_of(pid);
	look_at_files(process);
	if (process->devices)
		mappings_each(pid, add_device_memory, process);
	process->domain = domain_of(pid);
	process->usage_error = kernel_usage(pid, &process->usage);
	return true;
}

/**
 * process_free - done with it
 * @process: that was read
 */
void process_free(struct process *process)
{
	free(process->domain);
	process->domain = NULL;
}

/* Whether it is one that this program is about. */
static bool matters(const struct process *process, bool all)
{
	return process->type1 || process->iommufd || process->devices || process->pinned ||
	       (!process->usage_error &&
		(process->usage.mm_pinacct || process->usage.exempt)) ||
	       (all && process->locked);
}

static bool is_pid(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/**
 * processes_read - those that have memory pinned
 * @nr: how many
 * @all: those that have only locked some, too
 *
 * Return: an array for processes_free().
 */
struct process *processes_read(unsigned int *nr, bool all)
{
	struct process *list = NULL;
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	if (!proc)
		fail(STATUS_SYSTEM, "cannot read /proc: %m");
	*nr = 0;
	while ((entry = readdir(proc))) {
		struct process process;

		if (!is_pid(entry->d_name))
			continue;
		if (!process_read(&process, atoi(entry->d_name)) || !matters(&process, all)) {
			process_free(&process);
			continue;
		}
		list = must(realloc(list, (*nr + 1) * sizeof(*list)));
		list[(*nr)++] = process;
	}
	closedir(proc);
	return list;
}

/**
 * processes_free - done with them
 * @processes: from processes_read()
 * @nr: how many
 */
void processes_free(struct process *processes, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		process_free(&processes[i]);
	free(processes);
}

/**
 * process_find - the process that somebody means
 * @which: a PID, or the name of a domain that runs; if there is none, the program
 *	ends and says so
 */
pid_t process_find(const char *which)
{
	struct dirent *entry;
	pid_t found = 0;
	DIR *proc;

	if (is_pid(which)) {
		/* So long a number is no file of /proc's either. */
		if (access(text("/proc/%s", which), F_OK))
			fail(STATUS_NOT_FOUND, "there is no process %s: see pinacct show", which);
		return atoi(which);
	}
	proc = opendir("/proc");
	while (proc && !found && (entry = readdir(proc))) {
		char *name = is_pid(entry->d_name) ? domain_of(atoi(entry->d_name)) : NULL;

		if (name && !strcmp(name, which))
			found = atoi(entry->d_name);
		free(name);
	}
	if (proc)
		closedir(proc);
	if (!found)
		fail(STATUS_NOT_FOUND, "no running VM is called '%s', and no file: see pinacct show, or for a VM that does not run virsh dumpxml and pinacct estimate",
		     which);
	return found;
}

/* Who pays: with iommufd in user mode, which the process's counter does not see,
 * it is the user.
 */
static bool user_pays(const struct process *process)
{
	return !process->usage_error && process->usage.user_pinacct && process->iommufd;
}

/**
 * process_charged - what counts against its limit
 * @process: that was read
 */
uint64_t process_charged(const struct process *process)
{
	if (user_pays(process) && process->usage.user_charged > process->locked)
		return process->usage.user_charged;
	return process->locked;
}

/**
 * process_left - what it may still be charged
 * @process: that was read
 *
 * Return: bytes, less than 0 if it is over its limit; INT64_MAX without a limit.
 */
int64_t process_left(const struct process *process)
{
	if (process->limit == UNLIMITED)
		return INT64_MAX;
	return process->limit - process_charged(process);
}

/**
 * process_payer - who pays for what it has pinned, in words
 * @process: that was read
 */
const char *process_payer(const struct process *process)
{
	if (!process->usage_error && process->usage.exempt)
		return "nobody";
	if (user_pays(process))
		return process->usage.mm_pinacct ? "both" : "user";
	return "process";
}

/**
 * process_backend - through what it has pinned it
 * @process: that was read
 */
const char *process_backend(const struct process *process)
{
	if (!process->fds_known)
		return "?";
	if (process->type1 && process->iommufd)
		return "both";
	return process->type1 ? "type1" : process->iommufd ? "iommufd" : "-";
}

/**
 * process_zero_cow - charged private copies of the zero page, its own and its user's
 * @process: that was read
 */
uint64_t process_zero_cow(const struct process *process)
{
	return process->usage.mm_zero_cow + process->usage.user_zero_cow;
}

/**
 * process_shared - what charge_once has not charged again, to it and to its user
 * @process: that was read
 */
uint64_t process_shared(const struct process *process)
{
	return process->usage.mm_shared + process->usage.user_shared;
}

/**
 * process_user - the name of a user, or his number; valid until it is called again
 * @uid: of him
 */
const char *process_user(uid_t uid)
{
	struct passwd *passwd = getpwuid(uid);
	static char number[16];

	if (passwd)
		return passwd->pw_name;
	snprintf(number, sizeof(number), "%u", uid);
	return number;
}

/**
 * mappings_each - what a process has mapped
 * @pid: of it
 * @each: is called for each mapping, in order of addresses
 * @arg: for @each
 *
 * Return: 0 or a negative errno.
 */
int mappings_each(pid_t pid, void (*each)(const struct mapping *mapping, void *arg), void *arg)
{
	char *maps = read_of(pid, "maps", NULL), *rest = maps, *line;

	if (!maps)
		return -errno;
	while ((line = strsep(&rest, "\n"))) {
		struct mapping mapping = {};
		unsigned long long start, end;
		char mode[5];

		if (sscanf(line, "%llx-%llx %4s %*s %*s %*s %255[^\n]", &start, &end, mode,
			   mapping.path) < 3)
			continue;
		make_printable(mapping.path);
		mapping.start = start;
		mapping.end = end;
		mapping.shared = mode[3] == 's';
		each(&mapping, arg);
	}
	free(maps);
	return 0;
}
