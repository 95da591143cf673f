// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is left of refusals? Of processes that run, pinacct.ko remembers the last
 * one each; of others there is at most a line in the kernel log.
 */
#include "refusals.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"
#include "process.h"

/* For programs; by enum pinacct_cause. */
const char * const refusal_names[] = {
	[PINACCT_CAUSE_NONE] = "none",
	[PINACCT_CAUSE_LIMIT] = "limit",
	[PINACCT_CAUSE_NO_MEMORY] = "no_memory",
	[PINACCT_CAUSE_ZERO_PAGE] = "zero_page",
	[PINACCT_CAUSE_FILE] = "file",
	[PINACCT_CAUSE_NOT_MEMFD] = "not_memfd",
	[PINACCT_CAUSE_UNPINNABLE] = "unpinnable",
	[PINACCT_CAUSE_UNMAPPED] = "unmapped",
	[PINACCT_CAUSE_PROTECTED] = "protected",
	[PINACCT_CAUSE_MOVABLE] = "movable",
	[PINACCT_CAUSE_DEVICE] = "device",
	[PINACCT_CAUSE_OTHER] = "other",
	[PINACCT_CAUSE_EXCLUDED] = "excluded",
};

/* In words, and what is in the module's line in the log where that is it. */
static const struct {
	const char *words, *in_log;
} causes[] = {
	[PINACCT_CAUSE_NONE] = { "none" },
	[PINACCT_CAUSE_LIMIT] = { "over the limit", "RLIMIT_MEMLOCK is" },
	[PINACCT_CAUSE_NO_MEMORY] = {
		"the host or the memory cgroup has no memory", "has no memory"
	},
	[PINACCT_CAUSE_ZERO_PAGE] = {
		"memory there was never written, and zero_page is strict", "zero_page is strict"
	},
	[PINACCT_CAUSE_FILE] = {
		"shared memory of a file on a disk's file system: it would not notice what devices write",
		"cannot write to shared memory of a file"
	},
	[PINACCT_CAUSE_NOT_MEMFD] = {
		"it is mapped by its file, which is neither a memfd nor on tmpfs or hugetlbfs",
		"cannot be mapped for a device: use a memfd"
	},
	[PINACCT_CAUSE_UNPINNABLE] = {
		"DAX, secret memory, or memory that is private to a guest", "memory on "
	},
	[PINACCT_CAUSE_UNMAPPED] = {
		"nothing is mapped at that address, or the file ends before it",
		"nothing is mapped there"
	},
	[PINACCT_CAUSE_PROTECTED] = {
		"the mapping there does not allow what the device is to do",
		"does not allow what the device"
	},
	[PINACCT_CAUSE_MOVABLE] = {
		"a page there cannot leave movable memory", "cannot leave movable memory"
	},
	[PINACCT_CAUSE_DEVICE] = { "a device's own memory, a BAR" },
	[PINACCT_CAUSE_OTHER] = { "none that is known" },
	[PINACCT_CAUSE_EXCLUDED] = {
		"its owner has excluded it from being pinned", "has excluded memory there"
	},
};

#define NR_CAUSES	(sizeof(causes) / sizeof(*causes))

struct list {
	struct refusal *refusals;
	unsigned int nr;
};

static struct refusal *add(struct list *list)
{
	list->refusals = must(realloc(list->refusals, (list->nr + 1) * sizeof(*list->refusals)));
	list->refusals[list->nr] = (struct refusal){ .payer = "the process" };
	return &list->refusals[list->nr++];
}

/* What a clock said NS nanoseconds after it began to run, by the wall clock. */
static time_t wall_clock(clockid_t clock, uint64_t ns)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return time(NULL) - (now.tv_sec - (time_t)(ns / 1000000000));
}

/* ---- the module's records */

static int add_remembered(struct list *list, pid_t pid)
{
	struct pinacct_refusal record;
	struct refusal *refusal;
	struct process process;
	int ret = kernel_refusal(pid, &record);

	if (ret)
		return ret;
	refusal = add(list);
	refusal->remembered = true;
	refusal->pid = record.pid;
	make_printable(record.comm);
	refusal->name = text("%s", record.comm);
	refusal->when = wall_clock(CLOCK_BOOTTIME, record.time_ns);
	refusal->cause = record.cause < NR_CAUSES ? record.cause : PINACCT_CAUSE_OTHER;
	refusal->words = causes[refusal->cause].words;
	refusal->error = record.error;
	refusal->length = record.length;
	if (refusal->cause == PINACCT_CAUSE_LIMIT) {
		refusal->numbers = true;
		refusal->limit = record.limit;
		refusal->charged = record.charged;
		refusal->needed = record.needed;
	}
	if (process_read(&process, pid)) {
		refusal->domain = process.domain ? text("%s", process.domain) : NULL;
		/* The record has no payer: it is what would have counted. */
		refusal->user = refusal->numbers && process.locked < record.charged &&
				process.iommufd;
		if (refusal->user)
			refusal->payer = text("user %s", process_user(process.uid));
		process_free(&process);
	}
	return 0;
}

static void add_all_remembered(struct list *list)
{
	unsigned int nr;
	/* A program that was refused has a device open, or is about to. */
	struct process *processes = processes_read(&nr, true);

	for (unsigned int i = 0; i < nr; i++)
		add_remembered(list, processes[i].pid);
	processes_free(processes, nr);
}

/* ---- the log */

static bool known(const struct list *list, pid_t pid, time_t when)
{
	for (unsigned int i = 0; i < list->nr; i++)
		if (list->refusals[i].remembered && list->refusals[i].pid == pid &&
		    llabs(list->refusals[i].when - when) <= 2)
			return true;
	return false;
}

/* NAME[PID]: cannot map N KiB for a device: WHY */
static void add_ours(struct list *list, const char *line, time_t when)
{
	const char *cannot = strstr(line, "]: cannot map "), *pid = cannot, *why;
	unsigned long long length, limit, charged, needed;
	struct refusal *refusal;
	char payer[40];

	if (!cannot || sscanf(cannot, "]: cannot map %llu KiB", &length) != 1)
		return;
	while (pid > line && *pid != '[')
		pid--;
	why = strstr(cannot, "for a device: ");
	if (!why || known(list, atoi(pid + 1), when))
		return;
	why += strlen("for a device: ");

	refusal = add(list);
	refusal->pid = atoi(pid + 1);
	refusal->name = text("%.*s", (int)(pid - line), line);
	refusal->when = when;
	refusal->length = length * KIB;
	refusal->cause = PINACCT_CAUSE_OTHER;
	refusal->words = text("%s", why);
	for (unsigned int i = 0; i < NR_CAUSES; i++)
		if (causes[i].in_log && strstr(why, causes[i].in_log))
			refusal->cause = i;
	if (strstr(why, "(errno "))
		refusal->error = atoi(strstr(why, "(errno ") + 7);
	/* "process 123" or "uid 1000" */
	if (sscanf(why, "RLIMIT_MEMLOCK is %llu KiB, and %39s %*s is charged %llu KiB already. It takes a limit of %llu KiB",
		   &limit, payer, &charged, &needed) != 4)
		return;
	refusal->words = causes[PINACCT_CAUSE_LIMIT].words;
	refusal->numbers = true;
	refusal->limit = limit * KIB;
	refusal->charged = charged * KIB;
	refusal->needed = needed * KIB;
	refusal->user = !strcmp(payer, "uid");
	if (refusal->user)
		refusal->payer = "the user";
}

/* vfio_pin_pages_remote: RLIMIT_MEMLOCK (BYTES) exceeded, and the like */
static void add_stock(struct list *list, const char *line, time_t when)
{
	const char *limit = strstr(line, "RLIMIT_MEMLOCK ("), *task = strstr(line, "Task ");
	struct refusal *refusal;
	char name[20];
	int pid;

	if (strncmp(line, "vfio_", 5) || !limit || !strstr(limit, "exceeded"))
		return;
	refusal = add(list);
	refusal->name = "a process";
	if (task && sscanf(task, "Task %19s (%d)", name, &pid) == 2) {
		refusal->name = text("%s", name);
		refusal->pid = pid;
	}
	refusal->when = when;
	refusal->cause = PINACCT_CAUSE_LIMIT;
	refusal->words = causes[PINACCT_CAUSE_LIMIT].words;
	refusal->error = ENOMEM;
	refusal->limit = strtoull(limit + strlen("RLIMIT_MEMLOCK ("), NULL, 10);
}

/* A record: LEVEL,NUMBER,MICROSECONDS,FLAGS;TEXT, and lines that are no text. */
static void add_record(struct list *list, char *record)
{
	static const char ours[] = "pinacct: ";
	char *line = strchr(record, ';');
	unsigned long long us;
	time_t when;

	if (!line || sscanf(record, "%*u,%*u,%llu", &us) != 1)
		return;
	line++;
	line[strcspn(line, "\n")] = 0;
	when = wall_clock(CLOCK_MONOTONIC, us * 1000);
	if (!strncmp(line, ours, strlen(ours)))
		add_ours(list, line + strlen(ours), when);
	else
		add_stock(list, line, when);
}

/* Return: 0 or a negative errno. */
static int add_log(struct list *list)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192];
	ssize_t n;

	if (fd < 0)
		return -errno;
	for (;;) {
		n = read(fd, record, sizeof(record) - 1);
		/* What was overwritten meanwhile is skipped. */
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n <= 0)
			break;
		record[n] = 0;
		add_record(list, record);
	}
	close(fd);
	return n < 0 && errno != EAGAIN ? -errno : 0;
}

/* ---- both */

static int latest_first(const void *a, const void *b)
{
	const struct refusal *left = a, *right = b;

	return left->when < right->when ? 1 : left->when > right->when ? -1 : 0;
}

/**
 * refusals_read - all that is left of refusals
 * @nr: how many
 * @which: PID or domain, of which only; NULL for all. If there is no such process,
 *	and nothing in the log of it, the program ends and says so
 *
 * Return: an array to be freed, the latest first.
 */
struct refusal *refusals_read(unsigned int *nr, const char *which)
{
	bool gone = which && strspn(which, "0123456789") == strlen(which) &&
		    access(text("/proc/%s", which), F_OK);
	pid_t pid = !which ? 0 : gone ? atoi(which) : process_find(which);
	unsigned int kept = 0;
	struct list list = {};
	int error = 0, log;

	if (!which)
		add_all_remembered(&list);
	else if (!gone)
		error = add_remembered(&list, pid);
	if (error == -EPERM || error == -EACCES)
		kernel_must(error, which);
	log = add_log(&list);
	if (log && !list.nr)
		fail(log == -EPERM || log == -EACCES ? STATUS_PERMISSION : STATUS_SYSTEM,
		     "cannot read the kernel log (%s), and no process that runs is known to have been refused: run this as root",
		     strerror(-log));

	for (unsigned int i = 0; i < list.nr; i++)
		if (!pid || list.refusals[i].pid == pid)
			list.refusals[kept++] = list.refusals[i];
	if (gone && !kept)
		fail(STATUS_NOT_FOUND, "there is no process %s, and the kernel log has no refusal of one: see pinacct explain",
		     which);
	if (kept)
		qsort(list.refusals, kept, sizeof(*list.refusals), latest_first);
	*nr = kept;
	return list.refusals;
}
