// SPDX-License-Identifier: GPL-2.0-only
/*
 * A refusal can be explained, and what is pinned can be looked up.
 *
 * Guards: the numbers that /dev/pinacct tells are those that decide, so that the
 * limit it names is the lowest that works; they are told to nobody whose
 * business they are not; and its structures can grow. Fails if a number is off by
 * a page, if a record is another process's or another refusal's, if the log can
 * be flooded, or if a parameter takes a value that makes no sense.
 */
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/times.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "rule.h"

#define TRACING "/sys/kernel/tracing/"

/*
 * Memory does not fit behind what is mapped already. The limit that the refusal
 * names is enough, and a byte less is not.
 */
static void check_needed(TEST_ARGS, const void *memory, unsigned long npages)
{
	struct world *w = &self->world;
	char *first = ASSERT_MEMORY(anonymous, PAGES);
	struct pinacct_refusal refusal;
	unsigned long needed;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, map_at(w, first, 0, PAGES));
	ASSERT_EQ(0, limit_pages(w, npages));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, PAGES, npages));
	refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, ENOMEM);
	needed = refusal.needed;
	EXPECT_EQ((PAGES + npages) * w->page, needed);

	ASSERT_EQ(0, privilege_limit(needed - 1));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, PAGES, npages));
	ASSERT_EQ(0, ask_refusal(self->ask, 0, &refusal));
	EXPECT_EQ(needed, refusal.needed);
	ASSERT_EQ(0, privilege_limit(needed));
	EXPECT_EQ(0, map_at(w, memory, PAGES, npages));
	EXPECT_OWED(w, PAGES + npages);
}

/* Refused before it is pinned */
FRONT_TEST(rule, needed_of_anonymous)
{
	check_needed(TEST_PASS, memory_untouched(PAGES * memory_page()), PAGES);
}

/* Refused at the charge, which for type1 is some windows on */
FRONT_TEST(rule, needed_of_tmpfs)
{
	unsigned long npages = 1100;
	int fd;

	AS_ROOT(fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, npages * memory_page()));
	check_needed(TEST_PASS, memory_of_file(fd, npages * memory_page()), npages);
}

/* Zero COWs, without slack and with it */
FRONT_TEST(rule, needed_of_zero_pages)
{
	struct world *w = &self->world;
	struct pinacct_refusal refusal;

	ASSERT_EQ(0, limit_pages(w, 1));
	EXPECT_EQ(-ENOMEM, map_read_only(w, ASSERT_MEMORY(untouched, PAGES), 0, PAGES));
	refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, ENOMEM);
	EXPECT_EQ(PAGES * w->page, refusal.needed);
	EXPECT_EQ(0, refusal.slack);

	ASSERT_EQ(0, params_set("zero_slack_mb", "1"));
	EXPECT_EQ(-ENOMEM, map_read_only(w, ASSERT_MEMORY(untouched, 300), 0, 300));
	refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, ENOMEM);
	EXPECT_EQ((300 - 256) * w->page, refusal.needed);
	EXPECT_EQ(256 * w->page, refusal.slack);
	ASSERT_EQ(0, privilege_limit(refusal.needed - 1));
	EXPECT_EQ(-ENOMEM, map_read_only(w, ASSERT_MEMORY(untouched, 300), 0, 300));
	ASSERT_EQ(0, privilege_limit(refusal.needed));
	EXPECT_EQ(0, map_read_only(w, ASSERT_MEMORY(untouched, 300), 0, 300));

	/* All of the slack is used up now. */
	EXPECT_EQ(-ENOMEM, map_read_only(w, ASSERT_MEMORY(untouched, 1), 400, 1));
	refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, ENOMEM);
	EXPECT_EQ(0, refusal.slack);
	EXPECT_EQ((301 - 256) * w->page, refusal.needed);
}

static __u64 boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Every member of a refusal by the limit */
FRONT_TEST(rule, refusal_by_limit)
{
	struct world *w = &self->world;
	char *first = ASSERT_MEMORY(anonymous, PAGES);
	char *memory = ASSERT_MEMORY(anonymous, 8);
	struct pinacct_refusal refusal;
	__u64 before, after;

	ASSERT_EQ(0, params_set("strict_errno", "Y"));
	ASSERT_EQ(0, map_at(w, first, 0, PAGES));
	ASSERT_EQ(0, limit_pages(w, PAGES + 7));
	before = boottime_ns();
	ASSERT_EQ(-EDQUOT, map_at(w, memory, 100, 8));
	after = boottime_ns();

	refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, EDQUOT);
	EXPECT_EQ(sizeof(refusal), refusal.size);
	EXPECT_EQ(getpid(), refusal.pid);
	EXPECT_EQ((unsigned long)memory, refusal.start);
	EXPECT_EQ(IOVA + 100 * w->page, refusal.iova);
	EXPECT_EQ(8 * w->page, refusal.length);
	EXPECT_EQ(8 * w->page, refusal.asked);
	EXPECT_EQ(PAGES * w->page, refusal.charged);
	EXPECT_EQ((PAGES + 7) * w->page, refusal.limit);
	EXPECT_EQ(0, refusal.slack);
	EXPECT_EQ((PAGES + 8) * w->page, refusal.needed);
	EXPECT_LE(before, refusal.time_ns);
	EXPECT_GE(after, refusal.time_ns);
	EXPECT_STREQ("explain", refusal.comm);

	/* A mapping that is made does not change what is known of the last. */
	ASSERT_EQ(0, map_at(w, memory, 100, 7));
	ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, EDQUOT);
}

/* And of one by memory; the newer one is told. */
FRONT_TEST(rule, refusal_by_memory)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct pinacct_refusal refusal;

	ASSERT_EQ(0, limit_pages(w, 1));
	ASSERT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, munmap(memory + 5 * w->page, w->page));
	ASSERT_EQ(-EFAULT, map_at(w, memory, 50, PAGES));

	refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_UNMAPPED, EFAULT);
	EXPECT_EQ(getpid(), refusal.pid);
	EXPECT_EQ((unsigned long)memory + 5 * w->page, refusal.start);
	EXPECT_EQ(IOVA + 50 * w->page, refusal.iova);
	EXPECT_EQ(PAGES * w->page, refusal.length);
	EXPECT_EQ(0, refusal.asked);
	EXPECT_EQ(0, refusal.charged);
	EXPECT_EQ(0, refusal.limit);
	EXPECT_EQ(0, refusal.needed);
}

/* A process knows of its own refusals alone; root may know of all. */
FRONT_TEST(rule, whose_refusal)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct pinacct_refusal refusal;
	struct pinacct_usage usage;
	int go[2], rc, status;
	pid_t pid, self_pid = getpid();
	char c;

	EXPECT_EQ(-ENOENT, ask_refusal(self->ask, 0, &refusal));
	ASSERT_EQ(0, limit_pages(w, PAGES + 5));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(-ENOMEM, map_at(w, memory, PAGES, PAGES));
	ASSERT_EQ(0, pipe(go));

	pid = fork();
	if (!pid) {
		if (ask_refusal(self->ask, 0, &refusal) != -ENOENT)
			_exit(1);
		if (ask_refusal(self->ask, self_pid, &refusal) != -EPERM)
			_exit(2);
		if (ask_usage(self->ask, self_pid, &usage) != -EPERM)
			_exit(3);
		_exit(read(go[0], &c, 1) == 1 ? 0 : 4);
	}
	EXPECT_EQ(-EPERM, ask_refusal(self->ask, pid, &refusal));
	EXPECT_EQ(-EPERM, ask_usage(self->ask, pid, &usage));
	EXPECT_EQ(-EPERM, ask_usage(self->ask, 1, &usage));
	EXPECT_EQ(0, ask_refusal(self->ask, self_pid, &refusal));
	EXPECT_EQ(0, ask_usage(self->ask, self_pid, &usage));
	AS_ROOT({
		EXPECT_EQ(-ENOENT, ask_refusal(self->ask, pid, &refusal));
		EXPECT_EQ(0, ask_usage(self->ask, pid, &usage));
	});
	EXPECT_EQ(pid, usage.pid);
	EXPECT_EQ(0, usage.mm_pinacct);
	ASSERT_EQ(1, write(go[1], "x", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-ESRCH, ask_usage(self->ask, pid, &usage));
	EXPECT_EQ(-ESRCH, ask_usage(self->ask, -1, &usage));
	/* A thread of the kernel's is there, and has no memory. */
	AS_ROOT(EXPECT_EQ(-ESRCH, ask_usage(self->ask, 2, &usage)));

	/* Root asks about this process, from another. */
	pid = fork();
	if (!pid) {
		if (privilege_root(true))
			_exit(1);
		rc = ask_refusal(self->ask, self_pid, &refusal);
		if (rc || refusal.pid != self_pid || refusal.cause != PINACCT_CAUSE_LIMIT)
			_exit(2);
		rc = ask_usage(self->ask, self_pid, &usage);
		if (rc || usage.pid != self_pid || usage.limit != (PAGES + 5) * w->page)
			_exit(3);
		_exit(usage.mm_pinacct + usage.user_pinacct == PAGES * w->page ? 0 : 4);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* There are only so many users of whom it is known: the one of long ago is forgotten. */
FRONT_TEST(rule, many_users)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct pinacct_refusal refusal;
	unsigned int i;
	int status;
	pid_t pid;

	ASSERT_EQ(0, limit_pages(w, 1));
	ASSERT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES));
	ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, ENOMEM);
	for (i = 0; i < 64; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			if (privilege_root(true) ||
			    setresuid(20000 + i, 20000 + i, 20000 + i))
				_exit(1);
			if (map_at(w, memory, 0, PAGES) != -ENOMEM)
				_exit(2);
			if (ask_refusal(self->ask, 0, &refusal) || refusal.pid != getpid())
				_exit(3);
			_exit(0);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, status);
	}
	EXPECT_EQ(-ENOENT, ask_refusal(self->ask, 0, &refusal));
	ASSERT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES));
	ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, ENOMEM);
}

FRONT_TEST(rule, usage)
{
	struct world *w = &self->world;
	bool mm = variant->ops->payer == FRONT_PAYER_MM;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	char *locked = ASSERT_MEMORY(anonymous, 3);
	struct pinacct_usage usage;

	ASSERT_EQ(0, privilege_limit(RLIM_INFINITY));
	ASSERT_EQ(0, ask_usage(self->ask, 0, &usage));
	EXPECT_EQ(sizeof(usage), usage.size);
	EXPECT_EQ(getpid(), usage.pid);
	EXPECT_EQ(~0ULL, usage.limit);
	EXPECT_EQ(0, usage.slack);
	EXPECT_EQ(w->base.lck * w->page, usage.mm_charged);
	EXPECT_EQ(w->base.user * w->page, usage.user_charged);

	ASSERT_EQ(0, params_set("zero_slack_mb", "3"));
	ASSERT_EQ(0, privilege_limit(123456789));
	ASSERT_EQ(0, mlock(locked, 3 * w->page));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, ask_usage(self->ask, 0, &usage));
	EXPECT_EQ(123456789, usage.limit);
	EXPECT_EQ(3 << 20, usage.slack);
	EXPECT_EQ((w->base.lck + 3 + (mm ? PAGES : 0)) * w->page, usage.mm_charged);
	EXPECT_EQ((w->base.user + (mm ? 0 : PAGES)) * w->page, usage.user_charged);
	EXPECT_LEDGER(w, self->ask, PAGES, 0);
	ASSERT_EQ(0, munlock(locked, 3 * w->page));
}

/* What a mapping really charges lies between the two, and is one of them. */
static void check_estimate(TEST_ARGS, const void *memory, unsigned long npages, int prot,
			   unsigned long least, unsigned long most, unsigned long really)
{
	struct world *w = &self->world;
	struct pinacct_estimate estimate;
	long resident;

	ASSERT_NE(MAP_FAILED, memory);
	resident = counters_resident(memory);
	ASSERT_EQ(0, ask_estimate(self->ask, memory, npages * w->page, prot & FRONT_WRITE,
				  &estimate));
	EXPECT_EQ(resident, counters_resident(memory));
	EXPECT_EQ(least * w->page, estimate.least);
	EXPECT_EQ(most * w->page, estimate.most);
	ASSERT_EQ(0, front_map(&w->front, memory, IOVA, npages * w->page, prot));
	EXPECT_OWED(w, really);
	ASSERT_EQ(0, unmap_at(w, 0, npages));
}

#define CHECK_ESTIMATE(...) check_estimate(TEST_PASS, __VA_ARGS__)

FRONT_TEST(rule, estimate)
{
	struct world *w = &self->world;
	size_t size = PAGES * w->page;
	char *half = ASSERT_MEMORY(untouched, PAGES);
	struct pinacct_estimate estimate;
	unsigned long bar_size = 0;
	char *memory, *bar;
	int fd;

	fd = memory_memfd(size);
	ASSERT_LE(0, fd);
	CHECK_ESTIMATE(memory_anonymous(size), PAGES, FRONT_RW, PAGES, PAGES, PAGES);
	CHECK_ESTIMATE(memory_untouched(size), PAGES, FRONT_RW, PAGES, PAGES, PAGES);
	CHECK_ESTIMATE(memory_untouched(size), PAGES, FRONT_READ, PAGES, PAGES, PAGES);
	CHECK_ESTIMATE(memory_of_file(fd, size), PAGES, FRONT_RW, PAGES, PAGES, PAGES);
	CHECK_ESTIMATE(memory_of_file(fd, size), PAGES, FRONT_READ, PAGES, PAGES, PAGES);
	CHECK_ESTIMATE(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), PAGES,
		       FRONT_READ, PAGES, PAGES, PAGES);

	ASSERT_EQ(0, params_set("zero_page", "ignore"));
	memset(half, 1, size / 2);
	CHECK_ESTIMATE(half, PAGES, FRONT_READ, 0, PAGES, PAGES / 2);
	CHECK_ESTIMATE(memory_untouched(size), PAGES, FRONT_READ, 0, PAGES, 0);
	CHECK_ESTIMATE(memory_untouched(size), PAGES, FRONT_RW, PAGES, PAGES, PAGES);
	CHECK_ESTIMATE(memory_of_file(fd, size), PAGES, FRONT_READ, PAGES, PAGES, PAGES);

	/* What cannot be mapped */
	memory = ASSERT_MEMORY(anonymous, PAGES);
	ASSERT_EQ(0, mprotect(memory + size / 2, w->page, PROT_READ));
	EXPECT_EQ(0, ask_estimate(self->ask, memory, size, false, &estimate));
	EXPECT_EQ(-EFAULT, ask_estimate(self->ask, memory, size, true, &estimate));
	ASSERT_EQ(0, munmap(memory + size / 2, w->page));
	EXPECT_EQ(-EFAULT, ask_estimate(self->ask, memory, size, false, &estimate));

	AS_ROOT(fd = open("/tmp/ext4", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, size));
	memory = memory_of_file(fd, size);
	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(-EFAULT, ask_estimate(self->ask, memory, size, true, &estimate));
	CHECK_ESTIMATE(memory, PAGES, FRONT_READ, PAGES, PAGES, PAGES);

	/* A device's memory is charged to nobody. */
	ASSERT_EQ(0, device_enable_dma(w->front.devices[DEVICE_EDU]));
	bar = device_map_bar(w->front.devices[DEVICE_EDU], 0, &bar_size);
	ASSERT_NE(MAP_FAILED, bar);
	EXPECT_EQ(0, ask_estimate(self->ask, bar, bar_size, true, &estimate));
	EXPECT_EQ(0, estimate.least);
	EXPECT_EQ(0, estimate.most);
	ASSERT_EQ(0, munmap(bar, bar_size));

	memory = half;
	EXPECT_EQ(-EINVAL, ask_estimate(self->ask, memory, 0, false, &estimate));
	EXPECT_EQ(-EINVAL, ask_estimate(self->ask, memory, size - 1, false, &estimate));
	EXPECT_EQ(-EINVAL, ask_estimate(self->ask, memory + 1, size, false, &estimate));
	EXPECT_EQ(-EINVAL, ask_estimate(self->ask, memory, -w->page, false, &estimate));
}

/* The text of a file of root's; what does not fit is left out. */
static int read_file(const char *path, char *text, size_t size)
{
	size_t len = 0;
	ssize_t rc;
	int fd;

	if (privilege_root(true))
		return -EPERM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (privilege_root(false) || fd < 0)
		return -EIO;
	while (len < size - 1 && (rc = read(fd, text + len, size - 1 - len)) > 0)
		len += rc;
	text[len] = '\0';
	close(fd);
	return 0;
}

static int write_file(const char *path, const char *text)
{
	int fd, rc;

	if (privilege_root(true))
		return -EPERM;
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	rc = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return privilege_root(false) ?: rc;
}

FRONT_TEST(rule, ledgers)
{
	struct world *w = &self->world;
	bool mm = variant->ops->payer == FRONT_PAYER_MM;
	char *memory = ASSERT_MEMORY(untouched, PAGES);
	static char text[65536];
	char line[128];

	memset(memory, 1, 4 * w->page);
	ASSERT_EQ(0, map_read_only(w, memory, 0, PAGES));
	snprintf(line, sizeof(line), "%-8s %10u %14lu %14lu %14u %14u\n", mm ? "process" : "uid",
		 mm ? getpid() : PRIVILEGE_USER, PAGES * w->page / 1024,
		 (PAGES - 4) * w->page / 1024, 0, 0);
	ASSERT_EQ(0, read_file("/sys/kernel/debug/pinacct/ledgers", text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, line)) {
		TH_LOG("no line \"%s\" in \"%s\"", line, text);
	}
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	ASSERT_EQ(0, read_file("/sys/kernel/debug/pinacct/ledgers", text, sizeof(text)));
	EXPECT_EQ(NULL, strstr(text, line));
}

FRONT_TEST(rule, tracepoints)
{
	struct world *w = &self->world;
	const char *payer = variant->ops->payer == FRONT_PAYER_MM ? "process" : "user";
	char *memory = ASSERT_MEMORY(untouched, PAGES);
	static char text[262144];
	char line[256];

	ASSERT_EQ(0, write_file(TRACING "trace", ""));
	ASSERT_EQ(0, write_file(TRACING "events/pinacct/enable", "1"));
	ASSERT_EQ(0, limit_pages(w, PAGES));
	EXPECT_EQ(0, map_read_only(w, memory, 0, PAGES));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, PAGES, 2));
	EXPECT_EQ(0, unmap_at(w, 0, PAGES));
	ASSERT_EQ(0, write_file(TRACING "events/pinacct/enable", "0"));
	ASSERT_EQ(0, read_file(TRACING "trace", text, sizeof(text)));

#define EXPECT_TRACED(...)							\
	do {									\
		snprintf(line, sizeof(line), __VA_ARGS__);			\
		EXPECT_NE(NULL, strstr(text, line)) {				\
			TH_LOG("no \"%s\" in \"%s\"", line, text);		\
		}								\
	} while (0)
	EXPECT_TRACED("pinacct_charge: payer=%s owner=%d", payer, getpid());
	EXPECT_TRACED("npages=%lu zero_cow=%lu mapping=%lu\n", PAGES, PAGES, PAGES);
	EXPECT_TRACED("pinacct_refund: payer=%s owner=%d", payer, getpid());
	EXPECT_TRACED("npages=%lu zero_cow=%lu mapping=0\n", PAGES, PAGES);
	EXPECT_TRACED("pinacct_refusal: cause=limit errno=%d start=%#lx iova=%#lx length=%lu asked=%lu charged=%lu limit=%lu slack=0 needed=%lu\n",
		      ENOMEM, (unsigned long)memory, IOVA + PAGES * w->page, 2 * w->page,
		      2 * w->page, PAGES * w->page, PAGES * w->page, (PAGES + 2) * w->page);
}

/* Lines of the kernel's log from the descriptor's place on that have the text */
static int count_log(int fd, const char *text)
{
	char record[2048];
	int count = 0;
	ssize_t len;

	while ((len = read(fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (len <= 0)
			continue;
		record[len] = '\0';
		if (strstr(record, text))
			count++;
	}
	return count;
}

/*
 * The tests before may have used up what may be logged in 5 s, as the kernel counts
 * ticks. On a busy host the machine loses some of them, and times() tells.
 */
static void let_log(void)
{
	clock_t start = times(NULL);

	while (times(NULL) - start < 6 * sysconf(_SC_CLK_TCK))
		usleep(100000);
}

/* One line says it all; a thousand refusals do not make a thousand lines. */
FRONT_TEST(rule, log)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	bool mm = variant->ops->payer == FRONT_PAYER_MM;
	int fd, file, i, count;
	char line[256], *shared;

	AS_ROOT(fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	ASSERT_LE(0, fd);
	let_log();
	ASSERT_LE(0, lseek(fd, 0, SEEK_END));
	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	ASSERT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES));
	snprintf(line, sizeof(line),
		 "pinacct: explain[%d]: cannot map %lu KiB for a device: RLIMIT_MEMLOCK is %lu KiB, and %s %d is charged 0 KiB already. It takes a limit of %lu KiB",
		 getpid(), PAGES * w->page / 1024, (PAGES - 1) * w->page / 1024,
		 mm ? "process" : "uid", mm ? getpid() : PRIVILEGE_USER,
		 PAGES * w->page / 1024);
	EXPECT_EQ(1, count_log(fd, line));

	AS_ROOT(file = open("/tmp/ext4", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, PAGES * w->page));
	shared = memory_of_file(file, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, shared);
	ASSERT_EQ(-EFAULT, map_at(w, shared, 0, PAGES));
	snprintf(line, sizeof(line),
		 "pinacct: explain[%d]: cannot map %lu KiB for a device: at %#lx: a device cannot write to shared memory of a file on ext4: use a memfd,",
		 getpid(), PAGES * w->page / 1024, (unsigned long)shared);
	EXPECT_EQ(1, count_log(fd, line));
	close(file);

	ASSERT_LE(0, lseek(fd, 0, SEEK_END));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES));
	count = count_log(fd, "cannot map");
	/* Ten in five seconds, in which it is done several times over. */
	EXPECT_LE(1, count);
	EXPECT_GE(60, count);
	close(fd);
}

/* /dev/pinacct itself, without a front end */
FIXTURE(device)
{
	int ask;
};

FIXTURE_SETUP(device)
{
	ASSERT_EQ(0, params_defaults());
	ASSERT_EQ(0, privilege_drop());
	self->ask = ask_open();
	ASSERT_LE(0, self->ask);
}

FIXTURE_TEARDOWN(device)
{
	EXPECT_EQ(0, params_defaults());
}

static int ask_raw(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

TEST_F(device, sizes)
{
	struct {
		struct pinacct_usage usage;
		char more[2048];
	} big = {};
	struct pinacct_usage usage, whole;
	__u32 size;

	ASSERT_EQ(0, privilege_limit(7 << 20));
	ASSERT_EQ(0, ask_usage(self->ask, 0, &whole));

	/* From a program that knows less: what it knows, and nothing behind. */
	for (size = sizeof(__u32); size < sizeof(usage); size++) {
		memset(&usage, 0xff, sizeof(usage));
		memset(&usage, 0, size);
		usage.size = size;
		ASSERT_EQ(0, ask_raw(self->ask, PINACCT_USAGE, &usage));
		EXPECT_EQ(size, usage.size);
		ASSERT_EQ(0, memcmp((char *)&usage + sizeof(__u32), (char *)&whole + sizeof(__u32),
				    size - sizeof(__u32)));
		ASSERT_EQ(0xff, ((unsigned char *)&usage)[size]);
	}
	for (size = 0; size < sizeof(__u32); size++) {
		usage.size = size;
		EXPECT_EQ(-EINVAL, ask_raw(self->ask, PINACCT_USAGE, &usage));
	}

	/* From one that knows more, and does not use it */
	big.usage.size = sizeof(big);
	ASSERT_EQ(0, ask_raw(self->ask, PINACCT_USAGE, &big));
	EXPECT_EQ(sizeof(big), big.usage.size);
	EXPECT_EQ(whole.limit, big.usage.limit);

	/* And from one that does */
	memset(&big.usage, 0, sizeof(big.usage));
	big.usage.size = sizeof(big);
	big.more[sizeof(big.more) - 1] = 1;
	EXPECT_EQ(-E2BIG, ask_raw(self->ask, PINACCT_USAGE, &big));
	EXPECT_EQ(-E2BIG, ask_raw(self->ask, PINACCT_REFUSAL, &big));
	EXPECT_EQ(-E2BIG, ask_raw(self->ask, PINACCT_ESTIMATE, &big));
}

TEST_F(device, arguments)
{
	struct pinacct_estimate estimate = { .size = sizeof(estimate), .flags = 2 };
	struct pinacct_usage usage = { .size = sizeof(usage), .flags = 1 };
	char *page = memory_untouched(2 * memory_page());

	EXPECT_EQ(-EOPNOTSUPP, ask_raw(self->ask, PINACCT_USAGE, &usage));
	usage.flags = 0;
	usage.reserved = 1;
	EXPECT_EQ(-EOPNOTSUPP, ask_raw(self->ask, PINACCT_USAGE, &usage));
	EXPECT_EQ(-EOPNOTSUPP, ask_raw(self->ask, PINACCT_ESTIMATE, &estimate));
	EXPECT_EQ(-EFAULT, ask_raw(self->ask, PINACCT_USAGE, NULL));

	/* The size is there, and the rest is not. */
	ASSERT_EQ(0, munmap(page + memory_page(), memory_page()));
	page += memory_page() - sizeof(__u32);
	*(__u32 *)page = sizeof(usage);
	EXPECT_EQ(-EFAULT, ask_raw(self->ask, PINACCT_USAGE, page));

	/* All of it is, and the answer cannot be written. */
	page = memory_untouched(memory_page());
	usage.reserved = 0;
	*(struct pinacct_usage *)page = usage;
	ASSERT_EQ(0, mprotect(page, memory_page(), PROT_READ));
	EXPECT_EQ(-EFAULT, ask_raw(self->ask, PINACCT_USAGE, page));

	EXPECT_EQ(-ENOTTY, ask_raw(self->ask, _IO(PINACCT_IOC_TYPE, 0), &usage));
	EXPECT_EQ(-ENOTTY, ask_raw(self->ask, _IO(PINACCT_IOC_TYPE, 0x7f), &usage));
	EXPECT_EQ(-ENOTTY, ask_raw(self->ask, _IO(0xbb, 2), &usage));
	EXPECT_EQ(-ENOTTY, ask_raw(self->ask, _IOWR(PINACCT_IOC_TYPE, 2, usage), &usage));
}

TEST_F(device, anybody_may_open_it)
{
	struct stat st;

	ASSERT_EQ(0, stat("/dev/pinacct", &st));
	EXPECT_EQ(S_IFCHR | 0666, st.st_mode);
}

TEST_F(device, parameters)
{
	static const struct {
		const char *name, *value, *shown;
	} good[] = {
		{ "zero_page", "ignore", "ignore" }, { "zero_page", "strict\n", "strict" },
		{ "zero_page", "cow", "cow" },
		{ "zero_slack_mb", "4096", "4096" }, { "zero_slack_mb", "1\n", "1" },
		{ "strict_errno", "1", "Y" }, { "strict_errno", "off", "N" },
		{ "pin_threads", "0", "0" }, { "pin_threads", "64\n", "64" },
		{ "pin_threads", "1", "1" },
	};
	static const struct {
		const char *name, *value;
	} bad[] = {
		{ "zero_page", "cows" }, { "zero_page", "co" }, { "zero_page", "1" },
		{ "zero_page", "\n" }, { "zero_page", "COW" },
		{ "zero_slack_mb", "4097" }, { "zero_slack_mb", "-1" },
		{ "zero_slack_mb", "99999999999999999999" }, { "zero_slack_mb", "1M" },
		{ "zero_slack_mb", "\n" },
		{ "strict_errno", "2" }, { "strict_errno", "\n" },
		{ "pin_threads", "65" }, { "pin_threads", "-1" }, { "pin_threads", "auto" },
		{ "pin_threads", "4294967297" }, { "pin_threads", "\n" },
	};
	char before[64], after[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, params_set(good[i].name, good[i].value));
		ASSERT_EQ(0, params_get(good[i].name, after, sizeof(after)));
		EXPECT_STREQ(good[i].shown, after);
	}
	ASSERT_EQ(0, params_set("zero_page", "strict"));
	ASSERT_EQ(0, params_set("zero_slack_mb", "17"));
	ASSERT_EQ(0, params_set("strict_errno", "Y"));
	ASSERT_EQ(0, params_set("pin_threads", "3"));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, params_get(bad[i].name, before, sizeof(before)));
		EXPECT_EQ(-EINVAL, params_set(bad[i].name, bad[i].value)) {
			TH_LOG("%s: %s", bad[i].name, bad[i].value);
		}
		ASSERT_EQ(0, params_get(bad[i].name, after, sizeof(after)));
		EXPECT_STREQ(before, after);
	}
}

TEST_HARNESS_MAIN
