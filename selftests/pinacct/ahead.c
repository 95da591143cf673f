// SPDX-License-Identifier: GPL-2.0-only
/*
 * pin_threads: several tasks fault in the memory of one mapping.
 *
 * Guards: what is mapped, charged and refused does not depend on how many they
 * are; they touch nothing that could not be mapped, and nothing at all where memory
 * is there already; what they fault in is the process's; and whatever happens to
 * the process meanwhile, the mapper comes back. Fails if a worker is left behind in
 * the memory of a mapping that has ended, if it goes beyond a hole or the limit, or
 * if the mapper waits for one that is stopped.
 */
#include <dirent.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "child.h"
#include "rule.h"

RULE_FIXTURE(ahead, DEVICE_EDU)
ON_EVERY_V2_FRONT(ahead);

#define AHEAD_ARGS struct __test_metadata *_metadata, struct _test_data_ahead *self, \
		   const struct _fixture_variant_ahead *variant

/* Enough for three workers, in 4 KiB pages, and no multiple of anything */
#define MANY 16389UL

/* So much that something can happen to the process before it is mapped */
#define LONG (4 * MANY)

/* When it happens */
#define SOON 4096

/* Off every huge page's boundary, as IOVA is */
static char *small_pages(unsigned long npages)
{
	size_t page = memory_page();
	char *memory = memory_untouched((npages + 3) * page);

	if (memory == MAP_FAILED || madvise(memory, (npages + 3) * page, MADV_NOHUGEPAGE))
		return MAP_FAILED;
	return memory + 3 * page;
}

static long read_number(const char *path, const char *name)
{
	char line[256];
	long number = -ENOENT;
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			number = strtol(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return number;
}

/* How many tasks have been created since the machine was started */
static long tasks_created(void)
{
	return read_number("/proc/stat", "processes ");
}

/* Pages of a process that are in memory; about so many */
static long resident_of(pid_t pid)
{
	long size, resident = -1;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%ld %ld", &size, &resident) != 2)
			resident = -1;
		fclose(file);
	}
	return resident;
}

static long faults(void)
{
	struct rusage usage = {};

	return getrusage(RUSAGE_THREAD, &usage) ? -1 : usage.ru_minflt;
}

/* Maps the memory, which becomes untouched again, and says how many tasks it took. */
static long tasks_to_map(struct world *w, char *memory, unsigned long npages)
{
	long before = tasks_created(), after;
	int rc = map_at(w, memory, 0, npages);

	after = tasks_created();
	if (rc || unmap_at(w, 0, npages) || madvise(memory, npages * w->page, MADV_DONTNEED))
		return -1;
	return after - before;
}

/* Others create tasks, too, but not always. */
static long least_tasks_to_map(struct world *w, char *memory, unsigned long npages, bool touched)
{
	long least = LONG_MAX;
	int i;

	for (i = 0; i < 5; i++) {
		long tasks;

		if (touched)
			memset(memory, 1, npages * w->page);
		tasks = tasks_to_map(w, memory, npages);
		if (tasks < least)
			least = tasks;
	}
	return least;
}

FRONT_TEST(ahead, as_many_as_are_worth_it)
{
	struct world *w = &self->world;
	char *memory = small_pages(MANY);

	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(0, least_tasks_to_map(w, memory, MANY, false));
	ASSERT_EQ(0, params_set("pin_threads", "2"));
	EXPECT_EQ(1, least_tasks_to_map(w, memory, MANY, false));
	EXPECT_EQ(0, least_tasks_to_map(w, memory, MANY, true));
	EXPECT_EQ(0, least_tasks_to_map(w, memory, 8191, false));
	EXPECT_EQ(1, least_tasks_to_map(w, memory, 8192, false));
	ASSERT_EQ(0, params_set("pin_threads", "64"));
	EXPECT_EQ(3, least_tasks_to_map(w, memory, MANY, false));
}

/* One for each CPU, but not for the one that has been taken away. */
FRONT_TEST(ahead, as_many_as_cpus)
{
	struct world *w = &self->world;
	char *memory = small_pages(2 * MANY);
	cpu_set_t all, one;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, sched_getaffinity(0, sizeof(all), &all));
	ASSERT_EQ(2, CPU_COUNT(&all)) {
		TH_LOG("it takes two CPUs");
	}
	ASSERT_EQ(0, params_set("pin_threads", "0"));
	EXPECT_EQ(0, least_tasks_to_map(w, memory, MANY, false));
	EXPECT_EQ(1, least_tasks_to_map(w, memory, 2 * MANY, false));
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	EXPECT_EQ(0, least_tasks_to_map(w, memory, 2 * MANY, false));
}

/* The mapper takes not all of the faults, and a worker not those of another. */
FRONT_TEST(ahead, faults_are_shared)
{
	struct world *w = &self->world;
	char *memory = small_pages(MANY);
	long alone, before;

	ASSERT_NE(MAP_FAILED, memory);
	before = faults();
	ASSERT_EQ(0, map_at(w, memory, 0, MANY));
	alone = faults() - before;
	EXPECT_LE(MANY, alone);
	ASSERT_EQ(0, unmap_at(w, 0, MANY));
	ASSERT_EQ(0, madvise(memory, MANY * w->page, MADV_DONTNEED));

	ASSERT_EQ(0, params_set("pin_threads", "2"));
	before = faults();
	ASSERT_EQ(0, map_at(w, memory, 0, MANY));
	EXPECT_LT(faults() - before, alone - 512);
	EXPECT_EQ(MANY, counters_resident(memory));
}

/* The same whatever the number, with memory of one kind */
static void check_numbers(AHEAD_ARGS, char *memory, unsigned long npages, int forget)
{
	static const char * const numbers[] = { "1", "2", "5", "64", "0" };
	struct world *w = &self->world;
	unsigned int i;

	ASSERT_NE(MAP_FAILED, memory);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		ASSERT_EQ(0, params_set("pin_threads", numbers[i]));
		ASSERT_EQ(0, limit_pages(w, npages));
		ASSERT_EQ(0, map_at(w, memory, 0, npages)) {
			TH_LOG("pin_threads=%s", numbers[i]);
		}
		EXPECT_OWED(w, npages);
		EXPECT_EQ(npages, counters_resident(memory));
		ASSERT_EQ(0, unmap_at(w, 0, npages));
		EXPECT_BACK(w);
		ASSERT_EQ(0, madvise(memory, npages * w->page, forget));
	}
}

FRONT_TEST(ahead, anonymous)
{
	check_numbers(_metadata, self, variant, small_pages(MANY), MANY, MADV_DONTNEED);
}

FRONT_TEST(ahead, memfd)
{
	int fd = memory_memfd(MANY * memory_page());

	ASSERT_LE(0, fd);
	check_numbers(_metadata, self, variant, memory_of_file(fd, MANY * memory_page()), MANY,
		      MADV_REMOVE);
}

FRONT_TEST(ahead, huge_pages)
{
	size_t size = 64 * MEMORY_HUGE;
	char *memory = mmap(NULL, size + MEMORY_HUGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, memory);
	memory = (char *)(((unsigned long)memory + MEMORY_HUGE - 1) & -MEMORY_HUGE);
	ASSERT_EQ(0, madvise(memory, size, MADV_HUGEPAGE));
	check_numbers(_metadata, self, variant, memory, size / memory_page(), MADV_DONTNEED);
	/* It ended untouched. */
	ASSERT_EQ(0, params_set("pin_threads", "3"));
	ASSERT_EQ(0, map_at(&self->world, memory, 0, size / memory_page()));
	EXPECT_LE(size / memory_page() / 2, counters_huge(memory));
}

FRONT_TEST(ahead, hugetlb)
{
	size_t size = 24 * MEMORY_HUGE;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT), -1, 0);
	struct world *w = &self->world;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("pin_threads", "4"));
	ASSERT_EQ(0, map_at(w, memory, 0, size / w->page));
	EXPECT_COUNTERS(w, size / w->page, size / w->page);
	ASSERT_EQ(0, unmap_at(w, 0, size / w->page));
	EXPECT_BACK(w);
}

/* With charge_once, what has been charged is not known before it is pinned. */
FRONT_TEST(ahead, charge_once)
{
	struct world *w = &self->world;

	ASSERT_EQ(0, params_set("charge_once", "Y"));
	check_numbers(_metadata, self, variant, small_pages(MANY), MANY, MADV_DONTNEED);
	EXPECT_BACK(w);
}

/*
 * The first page is of a private file, so it is not certain to be charged, and the
 * limit is met where it is. Nobody has touched more than the limit allows, and what
 * is pinned at a time.
 */
FRONT_TEST(ahead, over_the_limit)
{
	static const char * const numbers[] = { "1", "2", "64" };
	const unsigned long limit = MANY / 2;
	struct world *w = &self->world;
	/* iommufd charges when all is pinned. */
	const unsigned long most = w->front.ops->iommufd ? MANY : limit + 512;
	char *memory = small_pages(MANY);
	struct pinacct_refusal refusal;
	unsigned int i;
	int fd;

	ASSERT_NE(MAP_FAILED, memory);
	fd = memory_memfd(w->page);
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		ASSERT_EQ(memory, mmap(memory, w->page, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_FIXED, fd, 0));
		ASSERT_EQ(0, params_set("pin_threads", numbers[i]));
		ASSERT_EQ(0, limit_pages(w, limit));
		EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, MANY));
		refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, ENOMEM);
		EXPECT_EQ(limit * w->page, refusal.limit);
		EXPECT_BACK(w);
		EXPECT_LE(counters_resident(memory + w->page), most);
		ASSERT_EQ(0, limit_pages(w, MANY - 1));
		EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, MANY));
		ASSERT_EQ(0, limit_pages(w, MANY));
		EXPECT_EQ(0, map_at(w, memory, 0, MANY));
		EXPECT_OWED(w, MANY);
		ASSERT_EQ(0, unmap_at(w, 0, MANY));
		ASSERT_EQ(0, madvise(memory, MANY * w->page, MADV_DONTNEED));
	}
}

/* What is behind a hole is not for this mapping. */
FRONT_TEST(ahead, hole)
{
	static const char * const numbers[] = { "1", "2", "64" };
	const unsigned long at = MANY / 2 + 77;
	struct world *w = &self->world;
	char *memory = small_pages(MANY);
	unsigned int i;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, munmap(memory + at * w->page, w->page));
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		ASSERT_EQ(0, params_set("pin_threads", numbers[i]));
		EXPECT_EQ(-EFAULT, map_at(w, memory, 0, MANY));
		EXPECT_EQ(at, counters_resident(memory));
		EXPECT_EQ(0, counters_resident(memory + (at + 1) * w->page));
		EXPECT_BACK(w);
		ASSERT_EQ(0, map_at(w, memory, 0, at));
		EXPECT_OWED(w, at);
		ASSERT_EQ(0, unmap_at(w, 0, at));
		ASSERT_EQ(0, madvise(memory, at * w->page, MADV_DONTNEED));
	}
}

/* A zero page is looked at before a fault decides what it becomes. */
FRONT_TEST(ahead, not_for_a_device_that_reads)
{
	struct world *w = &self->world;
	char *memory = small_pages(MANY);

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("pin_threads", "4"));
	ASSERT_EQ(0, params_set("zero_page", "ignore"));
	ASSERT_EQ(0, map_read_only(w, memory, 0, MANY));
	EXPECT_OWED(w, 0);
	EXPECT_EQ(0, counters_resident(memory));
}

/* Nobody waits for a page that is excluded, nor touches it. */
FRONT_TEST(ahead, excluded)
{
	const unsigned long at = MANY - 9;
	struct world *w = &self->world;
	char *memory = small_pages(MANY);

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("pin_threads", "4"));
	ASSERT_EQ(0, ask_exclude(self->ask, memory + at * w->page, w->page, true));
	EXPECT_EQ(-EBUSY, map_at(w, memory, 0, MANY));
	EXPECT_BACK(w);
	EXPECT_GE(at, counters_resident(memory));
	ASSERT_EQ(0, ask_exclude(self->ask, memory + at * w->page, w->page, false));
	EXPECT_EQ(0, map_at(w, memory, 0, MANY));
	EXPECT_OWED(w, MANY);
}

/* ---- what happens to a process that maps: it is a child, and this is its parent */

static int start_mapping(struct child *child, struct world *w, const void *memory,
			 unsigned long npages)
{
	int rc = child_start(child);

	if (rc)
		return rc;
	if (!child->pid) {
		child_tell(child, 0);
		child_tell(child, map_at(w, memory, 0, npages));
		child_wait(child);
		_exit(0);
	}
	return child_result(child);
}

/* Waits until the child has so much in memory; true if it is still mapping. */
static bool is_mapping(struct child *child, long npages)
{
	struct pollfd told = { .fd = child->from_child[0], .events = POLLIN };

	while (!poll(&told, 1, 0))
		if (resident_of(child->pid) >= npages)
			return !poll(&told, 1, 0);
	return false;
}

#define ASSERT_MAPPING(child, npages)						\
	ASSERT_TRUE(is_mapping(child, npages)) {				\
		TH_LOG("it was too quick, or has failed");			\
	}

/* The child has mapped it after all, and ends. */
#define EXPECT_MAPPED(w, child, npages)						\
	do {									\
		struct counters _now;						\
		EXPECT_EQ(0, child_result(child));				\
		ASSERT_EQ(0, counters_read_of((child)->pid, &_now));		\
		EXPECT_EQ(npages, _now.held - (w)->base.held);			\
		ASSERT_EQ(0, child_end(child, SIGKILL));			\
		ASSERT_EQ(0, unmap_at(w, 0, npages));				\
		EXPECT_BACK(w);							\
	} while (0)

FRONT_TEST(ahead, killed)
{
	struct world *w = &self->world;
	char *memory = small_pages(LONG);
	struct child child;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("pin_threads", "4"));
	ASSERT_EQ(0, start_mapping(&child, w, memory, LONG));
	ASSERT_MAPPING(&child, SOON);
	ASSERT_EQ(0, child_end(&child, SIGKILL));
	EXPECT_BACK(w);
}

/* The rest of the memory is a userfaultfd's, for which iommufd waits. */
FRONT_TEST(ahead, killed_at_a_userfaultfd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct world *w = &self->world;
	char *memory = small_pages(LONG);
	struct uffdio_register what = {
		.range = { (unsigned long)memory + MANY * w->page, (LONG - MANY) * w->page },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct child child;
	int fd;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("pin_threads", "4"));
	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		if (privilege_root(true))
			_exit(1);
		fd = syscall(__NR_userfaultfd, O_CLOEXEC);
		if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &what) ||
		    privilege_root(false))
			_exit(1);
		child_tell(&child, 0);
		child_tell(&child, map_at(w, memory, 0, LONG));
		child_wait(&child);
		_exit(0);
	}
	ASSERT_EQ(0, child_result(&child));
	EXPECT_TRUE(w->front.ops->iommufd ? is_mapping(&child, MANY) :
		    child_result(&child) == -EFAULT);
	ASSERT_EQ(0, child_end(&child, SIGKILL));
	EXPECT_BACK(w);
}

/* Threads of a process, the first of which is the oldest */
static int threads_of(pid_t pid, pid_t *tids, int room)
{
	struct dirent *entry;
	char path[64];
	int nr = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) && nr < room)
		if (atoi(entry->d_name) > 0)
			tids[nr++] = atoi(entry->d_name);
	if (dir)
		closedir(dir);
	return nr;
}

/* Workers stop at once, and the mapper when its ioctl has ended. */
FRONT_TEST(ahead, stopped)
{
	struct world *w = &self->world;
	char *memory = small_pages(LONG);
	struct child child;
	pid_t tids[4];
	int status;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("pin_threads", "4"));
	ASSERT_EQ(0, start_mapping(&child, w, memory, LONG));
	ASSERT_MAPPING(&child, SOON);
	ASSERT_EQ(4, threads_of(child.pid, tids, 4));
	ASSERT_EQ(0, syscall(__NR_tgkill, child.pid, tids[3], SIGSTOP));
	ASSERT_EQ(child.pid, waitpid(child.pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, kill(child.pid, SIGCONT));
	EXPECT_MAPPED(w, &child, LONG);
}

/* As a debugger begins: every thread is stopped before any goes on. */
FRONT_TEST(ahead, traced)
{
	struct world *w = &self->world;
	char *memory = small_pages(LONG);
	struct child child;
	pid_t tids[4];
	int status, i;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("pin_threads", "4"));
	ASSERT_EQ(0, start_mapping(&child, w, memory, LONG));
	ASSERT_MAPPING(&child, SOON);
	ASSERT_EQ(4, threads_of(child.pid, tids, 4));
	ASSERT_EQ(0, privilege_root(true));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, ptrace(PTRACE_ATTACH, tids[i], NULL, NULL));
	/* The mapper is the last one, since it comes back from its ioctl then. */
	for (i = 3; i >= 0; i--)
		EXPECT_EQ(tids[i], waitpid(tids[i], &status, __WALL));
	for (i = 0; i < 4; i++)
		ptrace(PTRACE_DETACH, tids[i], NULL, NULL);
	ASSERT_EQ(0, privilege_root(false));
	EXPECT_MAPPED(w, &child, LONG);
}

/* A group of its own in the hierarchy of version 2 */
#define GROUPS "/tmp/ahead-cgroup"
#define GROUP GROUPS "/ahead"

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

static int make_group(void)
{
	if ((mkdir(GROUPS, 0755) && errno != EEXIST) ||
	    mount("none", GROUPS, "cgroup2", 0, NULL))
		return -errno;
	write_text(GROUPS "/cgroup.subtree_control", "+memory");
	return mkdir(GROUP, 0755) && errno != EEXIST ? -errno : 0;
}

static int join_group(pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return write_text(GROUP "/cgroup.procs", text);
}

static void remove_group(void)
{
	while (rmdir(GROUP) && errno == EBUSY)
		usleep(1000);
	umount2(GROUPS, MNT_DETACH);
	rmdir(GROUPS);
}

/* All that is faulted in is its group's, and the group can be frozen meanwhile. */
FRONT_TEST(ahead, control_group)
{
	struct world *w = &self->world;
	char *memory = small_pages(LONG);
	struct child child;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("pin_threads", "4"));
	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		child_wait(&child);
		child_tell(&child, map_at(w, memory, 0, LONG));
		child_wait(&child);
		_exit(0);
	}
	ASSERT_EQ(0, privilege_root(true));
	ASSERT_EQ(0, make_group());
	ASSERT_EQ(0, join_group(child.pid));
	ASSERT_EQ(0, child_go_on(&child));
	ASSERT_MAPPING(&child, SOON);
	EXPECT_EQ(0, write_text(GROUP "/cgroup.freeze", "1"));
	while (read_number(GROUP "/cgroup.events", "frozen ") == 0)
		usleep(1000);
	EXPECT_EQ(LONG, read_number(GROUP "/memory.stat", "anon ") / w->page);
	EXPECT_EQ(0, write_text(GROUP "/cgroup.freeze", "0"));
	ASSERT_EQ(0, privilege_root(false));
	EXPECT_MAPPED(w, &child, LONG);
	AS_ROOT(remove_group());
}

static void *map_it(void *arg)
{
	void **args = arg;

	map_at(args[0], args[1], 0, LONG);
	return NULL;
}

/* The program is replaced by another, which ends. */
FRONT_TEST(ahead, exec)
{
	struct world *w = &self->world;
	char *memory = small_pages(LONG);
	void *args[] = { w, memory };
	struct child child;
	pthread_t thread;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("pin_threads", "4"));
	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		if (pthread_create(&thread, NULL, map_it, args))
			_exit(1);
		while (resident_of(getpid()) < SOON)
			;
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	ASSERT_EQ(0, child_end(&child, 0));
	EXPECT_BACK(w);
}

/* Another thread that forks, and changes the address space */
struct busy {
	pthread_t thread;
	atomic_bool stop;
	int rounds;
};

static void *be_busy(void *arg)
{
	struct busy *busy = arg;
	pid_t pid;

	while (!busy->stop) {
		void *other = memory_anonymous(8 * memory_page());

		munmap(other, 8 * memory_page());
		pid = fork();
		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			break;
		busy->rounds++;
	}
	return NULL;
}

FRONT_TEST(ahead, beside_a_busy_thread)
{
	struct world *w = &self->world;
	char *memory = small_pages(MANY);
	struct busy busy = {};

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("pin_threads", "3"));
	ASSERT_EQ(0, pthread_create(&busy.thread, NULL, be_busy, &busy));
	EXPECT_EQ(0, map_at(w, memory, 0, MANY));
	busy.stop = true;
	ASSERT_EQ(0, pthread_join(busy.thread, NULL));
	EXPECT_LT(0, busy.rounds);
	EXPECT_OWED(w, MANY);
	EXPECT_EQ(MANY, counters_resident(memory));
	ASSERT_EQ(0, unmap_at(w, 0, MANY));
	EXPECT_BACK(w);
}

/* Where no thread can be had, the mapper does it alone. */
FRONT_TEST(ahead, no_more_processes)
{
	struct rlimit none = { .rlim_max = RLIM_INFINITY }, saved;
	struct world *w = &self->world;
	char *memory = small_pages(MANY);
	long before;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("pin_threads", "4"));
	ASSERT_EQ(0, getrlimit(RLIMIT_NPROC, &saved));
	none.rlim_max = saved.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NPROC, &none));
	before = faults();
	ASSERT_EQ(0, map_at(w, memory, 0, MANY));
	EXPECT_LE(MANY, faults() - before);
	EXPECT_OWED(w, MANY);
	ASSERT_EQ(0, setrlimit(RLIMIT_NPROC, &saved));
}

/* A program that may not even clone() is not killed for it. */
FRONT_TEST(ahead, seccomp)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };
	struct world *w = &self->world;
	char *memory = small_pages(MANY);

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("pin_threads", "2"));
	ASSERT_EQ(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	/* Not every kernel has it. */
	if (prctl(PR_GET_SECCOMP) >= 0)
		ASSERT_EQ(0, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	EXPECT_EQ(1, least_tasks_to_map(w, memory, MANY, false));
}

TEST_HARNESS_MAIN
