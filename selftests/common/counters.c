// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the counters, exactly.
 *
 * Three of them are files. The pin counters are kept per CPU and /proc/vmstat
 * adds up what was folded; vm.stat_refresh folds all, and is root's, so the
 * effective user becomes root for that write.
 *
 * user->locked_vm is shown nowhere. It is the second half of a comparison,
 * though: io_uring charges registered buffers to it, and refuses a page if and
 * only if locked_vm + 1 > RLIMIT_MEMLOCK. So the lowest soft limit under which
 * one page can be registered is locked_vm + 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "counters.h"

/* More than any test maps: 64 GiB of 4 KiB pages. */
#define USER_PAGES_MAX (1L << 24)

/* io_uring registers one table of buffers at a time: one ring asks, one owes. */
static int probe_ring = -1;
static int owing_ring = -1;
static void *probe_page;

static int ring_open(void)
{
	struct io_uring_params params = {};
	int fd;

	fd = syscall(__NR_io_uring_setup, 1, &params);
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	return fd;
}

static int ring_register(int ring, void *memory, size_t size)
{
	struct iovec iov = { .iov_base = memory, .iov_len = size };

	return syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1) ?
	       -errno : 0;
}

static int ring_unregister(int ring)
{
	return syscall(__NR_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0) ?
	       -errno : 0;
}

/**
 * counters_start - get ready to read counters
 *
 * To be called once per process, by the user who will map memory: a ring that
 * is made by a process with CAP_IPC_LOCK charges nobody.
 *
 * Return: 0, or -errno
 */
int counters_start(void)
{
	probe_page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (probe_page == MAP_FAILED)
		return -errno;
	probe_ring = ring_open();
	if (probe_ring < 0)
		return probe_ring;
	owing_ring = ring_open();
	return owing_ring < 0 ? owing_ring : 0;
}

static int set_soft_limit(const struct rlimit *saved, long npages)
{
	struct rlimit limit = {
		.rlim_cur = npages * getpagesize(),
		.rlim_max = saved->rlim_max,
	};

	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

/* Is a page refused under that limit? Moves the end of the range that says so. */
static int probe_limit(const struct rlimit *saved, long npages, long *refused, long *allowed)
{
	int rc;

	rc = set_soft_limit(saved, npages);
	if (rc)
		return rc;
	rc = ring_register(probe_ring, probe_page, getpagesize());
	if (rc == -ENOMEM) {
		*refused = npages;
		return 0;
	}
	if (rc)
		return rc;
	*allowed = npages;
	return ring_unregister(probe_ring);
}

/*
 * user->locked_vm of the real user in pages, or -errno. The process's soft
 * RLIMIT_MEMLOCK changes while it looks, and is put back.
 */
static long user_locked_vm(void)
{
	static long last;
	long refused = 0, allowed = USER_PAGES_MAX;
	struct rlimit saved;
	int rc;

	if (getrlimit(RLIMIT_MEMLOCK, &saved))
		return -errno;

	/* Mostly nothing has changed since last time, which takes two looks. */
	rc = probe_limit(&saved, last + 1, &refused, &allowed);
	if (!rc && allowed == last + 1)
		rc = probe_limit(&saved, last, &refused, &allowed);
	while (!rc && allowed - refused > 1)
		rc = probe_limit(&saved, refused + (allowed - refused) / 2, &refused, &allowed);

	if (setrlimit(RLIMIT_MEMLOCK, &saved))
		return -errno;
	if (rc)
		return rc;
	last = allowed - 1;
	return last;
}

/**
 * counters_user_charge - charge the user with something else than a mapping
 * @memory: is registered with io_uring
 * @npages: its size in pages
 *
 * Return: 0, or -ENOMEM over the limit
 */
int counters_user_charge(void *memory, unsigned long npages)
{
	return ring_register(owing_ring, memory, npages * getpagesize());
}

/**
 * counters_user_refund - take the charge of counters_user_charge() back
 *
 * Return: 0, or -errno
 */
int counters_user_refund(void)
{
	return ring_unregister(owing_ring);
}

/* The number behind NAME, which includes what ends it, in the text of a file */
static long find_number(const char *text, const char *name)
{
	const char *found = text;
	size_t len = strlen(name);

	for (; found; found = strchr(found, '\n')) {
		found += *found == '\n';
		if (!strncmp(found, name, len))
			return strtol(found + len, NULL, 10);
	}
	return -ENOENT;
}

static int read_text(const char *path, char *text, size_t size)
{
	ssize_t len;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, text, size - 1);
	close(fd);
	if (len < 0)
		return -EIO;
	text[len] = '\0';
	return 0;
}

/* Two numbers of one file */
static int read_two(const char *path, const char *name_a, long *a, const char *name_b, long *b)
{
	char text[16384];
	int rc;

	rc = read_text(path, text, sizeof(text));
	if (rc)
		return rc;
	*a = find_number(text, name_a);
	*b = find_number(text, name_b);
	return *a < 0 || *b < 0 ? -ENOENT : 0;
}

static long kib_to_pages(long kib)
{
	return kib / (getpagesize() / 1024);
}

static int fold_vmstat(void)
{
	uid_t user = geteuid();
	int fd, rc = 0;

	if (user && seteuid(0))
		return -errno;
	fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	if (user && seteuid(user))
		return -errno;
	return rc;
}

/**
 * counters_read_of - read all counters, with another process's VmLck and VmPin
 * @pid: the process
 * @now: gets them
 *
 * Return: 0, or -errno
 */
int counters_read_of(pid_t pid, struct counters *now)
{
	long acquired, released, lck, pin;
	char status[32];
	int rc;

	snprintf(status, sizeof(status), "/proc/%d/status", pid);

	rc = fold_vmstat();
	if (rc)
		return rc;
	rc = read_two("/proc/vmstat", "nr_foll_pin_acquired ", &acquired,
		      "nr_foll_pin_released ", &released);
	if (rc)
		return rc;
	rc = read_two(status, "VmLck:", &lck, "VmPin:", &pin);
	if (rc)
		return rc;
	now->held = acquired - released;
	now->lck = kib_to_pages(lck);
	now->pin = kib_to_pages(pin);
	now->user = user_locked_vm();
	return now->user < 0 ? now->user : 0;
}

/**
 * counters_read - read all counters
 * @now: gets them
 *
 * Return: 0, or -errno
 */
int counters_read(struct counters *now)
{
	return counters_read_of(getpid(), now);
}

/**
 * counters_since - how far the counters went
 * @now: later
 * @then: earlier
 *
 * Return: the differences
 */
struct counters counters_since(const struct counters *now, const struct counters *then)
{
	return (struct counters){
		.lck = now->lck - then->lck,
		.pin = now->pin - then->pin,
		.user = now->user - then->user,
		.held = now->held - then->held,
	};
}

/* A line of the part of smaps that is about the VMA of an address: pages, or -errno */
static long vma_pages(const void *address, const char *name)
{
	unsigned long start, end;
	size_t len = strlen(name);
	long pages = -ENOENT;
	bool inside = false;
	char line[512];
	FILE *file;

	file = fopen("/proc/self/smaps", "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (unsigned long)address && (unsigned long)address < end;
		else if (inside && !strncmp(line, name, len))
			pages = kib_to_pages(strtol(line + len, NULL, 10));
	}
	fclose(file);
	return pages;
}

/**
 * counters_page_tables - page tables of this process
 *
 * Return: KiB, or -errno
 */
long counters_page_tables(void)
{
	char text[16384];
	int rc;

	rc = read_text("/proc/self/status", text, sizeof(text));
	return rc ?: find_number(text, "VmPTE:");
}

/**
 * counters_resident - pages of a VMA that are in memory, without zero pages
 * @address: inside of it
 *
 * By the page tables: the counter behind VmRSS is kept per CPU, and has in it
 * what the program itself touches on its way.
 *
 * Return: pages, or -errno
 */
long counters_resident(const void *address)
{
	return vma_pages(address, "Rss:");
}

/**
 * counters_huge - pages of a VMA that are parts of huge pages, mapped whole
 * @address: inside of it
 *
 * Return: pages of the normal size, or -errno
 */
long counters_huge(const void *address)
{
	static const char *const kinds[] = {
		"AnonHugePages:", "ShmemPmdMapped:", "Private_Hugetlb:", "Shared_Hugetlb:"
	};
	long pages = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		long some = vma_pages(address, kinds[i]);

		if (some < 0)
			return some;
		pages += some;
	}
	return pages;
}
