// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which errno each cause of a refusal has, with and without strict_errno.
 *
 * Guards: mainline's errnos by default; with strict_errno EDQUOT for the limit
 * and EOPNOTSUPP for memory that cannot be pinned, so that each errno has one
 * cause that a program can act on. Every cause is provoked for real. Fails if a
 * cause is taken for another, if a default errno is not mainline's, or if memory
 * is refused that can be pinned. Mappings by file are in by_file.c, a page that
 * cannot be moved is in movable.c.
 *
 * PINACCT_EXT4 is a directory on ext4, /tmp/ext4 if it is not set; PINACCT_DAX one
 * on a file system with DAX, /tmp/dax if it is not set.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest_memfd.h"
#include "rule.h"

#ifndef __NR_memfd_secret
#define __NR_memfd_secret 447
#endif

#define CGROUP "/sys/fs/cgroup/pinacct-test"

/* Refused with one errno and then with the other, and nothing is left. */
static void check(TEST_ARGS, const void *memory, unsigned long npages, int prot,
		  enum pinacct_cause cause, int mainline, int strict)
{
	struct world *w = &self->world;
	size_t size = npages * w->page;

	EXPECT_EQ(-mainline, front_map(&w->front, memory, IOVA, size, prot));
	EXPECT_BACK(w);
	ASSERT_REFUSED(self->ask, cause, mainline);

	ASSERT_EQ(0, params_set("strict_errno", "Y"));
	EXPECT_EQ(-strict, front_map(&w->front, memory, IOVA, size, prot));
	EXPECT_BACK(w);
	ASSERT_REFUSED(self->ask, cause, strict);
	ASSERT_EQ(0, params_set("strict_errno", "N"));
}

/* It can be pinned, for reading and for writing. */
static void check_fits(TEST_ARGS, const void *memory, unsigned long npages)
{
	struct world *w = &self->world;

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, params_set("strict_errno", "Y"));
	ASSERT_EQ(0, map_at(w, memory, 0, npages));
	ASSERT_EQ(0, map_read_only(w, memory, npages, npages));
	EXPECT_OWED(w, 2 * npages);
	ASSERT_EQ(0, unmap_at(w, 0, npages));
	ASSERT_EQ(0, unmap_at(w, npages, npages));
	EXPECT_BACK(w);
}

/* A new file without a name, or -errno */
static int make_file(const char *dir, size_t size)
{
	int fd, rc;

	rc = privilege_root(true);
	if (rc)
		return rc;
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EOPNOTSUPP) {
		char path[128];

		/* hugetlbfs has no files without a name. */
		snprintf(path, sizeof(path), "%s/pinacct-test", dir);
		fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
		unlink(path);
	}
	if (fd < 0)
		fd = -errno;
	else if (ftruncate(fd, size))
		fd = -errno;
	return privilege_root(false) ?: fd;
}

static int make_ext4(size_t size)
{
	return make_file(getenv("PINACCT_EXT4") ?: "/tmp/ext4", size);
}

FRONT_TEST(rule, ext4_shared)
{
	struct world *w = &self->world;
	char *memory;
	int fd;

	fd = make_ext4(PAGES * w->page);
	ASSERT_LE(0, fd) {
		TH_LOG("is there a directory on ext4? see PINACCT_EXT4");
	}
	memory = memory_of_file(fd, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, memory);
	check(TEST_PASS, memory, PAGES, FRONT_RW, PINACCT_CAUSE_FILE, EFAULT, EOPNOTSUPP);

	/* Touched or not, the first page or not */
	memset(memory, 1, PAGES * w->page);
	check(TEST_PASS, memory, PAGES, FRONT_RW, PINACCT_CAUSE_FILE, EFAULT, EOPNOTSUPP);

	/* A device that only reads may have it. */
	ASSERT_EQ(0, map_read_only(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
}

FRONT_TEST(rule, ext4_private)
{
	struct world *w = &self->world;
	int fd;

	fd = make_ext4(PAGES * w->page);
	ASSERT_LE(0, fd);
	check_fits(TEST_PASS, mmap(NULL, PAGES * w->page, PROT_READ | PROT_WRITE, MAP_PRIVATE,
				   fd, 0), PAGES);
}

FRONT_TEST(rule, tmpfs)
{
	int fd;

	fd = make_file("/dev/shm", PAGES * memory_page());
	ASSERT_LE(0, fd);
	check_fits(TEST_PASS, memory_of_file(fd, PAGES * memory_page()), PAGES);
}

FRONT_TEST(rule, hugetlbfs)
{
	int fd;

	fd = make_file("/dev/hugepages", 2 * MEMORY_HUGE);
	ASSERT_LE(0, fd);
	check_fits(TEST_PASS, memory_of_file(fd, 2 * MEMORY_HUGE), 2 * MEMORY_HUGE / memory_page());
}

FRONT_TEST(rule, memfd)
{
	int fd;

	fd = memory_memfd(PAGES * memory_page());
	ASSERT_LE(0, fd);
	check_fits(TEST_PASS, memory_of_file(fd, PAGES * memory_page()), PAGES);
}

FRONT_TEST(rule, memfd_of_huge_pages)
{
	int fd;

	fd = memfd_create("pinacct", MFD_CLOEXEC | MFD_HUGETLB | (21 << MAP_HUGE_SHIFT));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, MEMORY_HUGE));
	check_fits(TEST_PASS, memory_of_file(fd, MEMORY_HUGE), MEMORY_HUGE / memory_page());
}

/* Secret memory is locked memory, so counters have it while it is there. */
FRONT_TEST(rule, secret)
{
	struct world *w = &self->world;
	struct counters base = w->base;
	char *memory;
	int fd;

	fd = syscall(__NR_memfd_secret, O_CLOEXEC);
	ASSERT_LE(0, fd) {
		TH_LOG("no secret memory: secretmem.enable=1 on the kernel's command line?");
	}
	ASSERT_EQ(0, ftruncate(fd, PAGES * w->page));
	memory = memory_of_file(fd, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, memory);
	memory[0] = 1;
	ASSERT_EQ(0, counters_read(&w->base));
	check(TEST_PASS, memory, PAGES, FRONT_RW, PINACCT_CAUSE_UNPINNABLE, EFAULT, EOPNOTSUPP);
	check(TEST_PASS, memory, PAGES, FRONT_READ, PINACCT_CAUSE_UNPINNABLE, EFAULT, EOPNOTSUPP);
	ASSERT_EQ(0, munmap(memory, PAGES * w->page));
	ASSERT_EQ(0, close(fd));
	w->base = base;
}

/* Persistent memory, which the file system takes back at any time */
FRONT_TEST(rule, dax)
{
	size_t size = PAGES * memory_page();
	char *memory;
	int fd;

	fd = make_file(getenv("PINACCT_DAX") ?: "/tmp/dax", size);
	ASSERT_LE(0, fd) {
		TH_LOG("is there a directory with DAX? see PINACCT_DAX");
	}
	memory = memory_of_file(fd, size);
	ASSERT_NE(MAP_FAILED, memory);
	check(TEST_PASS, memory, PAGES, FRONT_RW, PINACCT_CAUSE_UNPINNABLE, EOPNOTSUPP,
	      EOPNOTSUPP);
	memset(memory, 1, size);
	check(TEST_PASS, memory, PAGES, FRONT_RW, PINACCT_CAUSE_UNPINNABLE, EOPNOTSUPP,
	      EOPNOTSUPP);
	check(TEST_PASS, memory, PAGES, FRONT_READ, PINACCT_CAUSE_UNPINNABLE, EOPNOTSUPP,
	      EOPNOTSUPP);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, memory);
	check(TEST_PASS, memory, PAGES, FRONT_READ, PINACCT_CAUSE_UNPINNABLE, EOPNOTSUPP,
	      EOPNOTSUPP);
}

#define NO_GUEST_MEMORY "guest_memfd of this kernel cannot be mapped by a program: since 6.18"

/* What the guest has for itself is mapped, but there is no page in it. */
FRONT_TEST(rule, guest_private)
{
	size_t size = PAGES * memory_page();
	char *memory;
	int fd;

	fd = guest_memfd(size, false);
	if (fd == -EOPNOTSUPP)
		SKIP(return, NO_GUEST_MEMORY);
	ASSERT_LE(0, fd) {
		TH_LOG("no /dev/kvm? see tools/vm/l1/kvm.sh");
	}
	memory = memory_of_file(fd, size);
	ASSERT_NE(MAP_FAILED, memory);
	check(TEST_PASS, memory, PAGES, FRONT_RW, PINACCT_CAUSE_UNPINNABLE, EFAULT, EOPNOTSUPP);
	check(TEST_PASS, memory, PAGES, FRONT_READ, PINACCT_CAUSE_UNPINNABLE, EFAULT, EOPNOTSUPP);
	ASSERT_EQ(0, mprotect(memory, size, PROT_READ));
	check(TEST_PASS, memory, PAGES, FRONT_RW, PINACCT_CAUSE_PROTECTED, EFAULT, EFAULT);
}

/* What it shares is memory as any other. */
FRONT_TEST(rule, guest_shared)
{
	size_t size = PAGES * memory_page();
	struct pinacct_estimate estimate;
	char *memory;
	int fd;

	fd = guest_memfd(size, true);
	if (fd == -EOPNOTSUPP)
		SKIP(return, NO_GUEST_MEMORY);
	ASSERT_LE(0, fd);
	memory = memory_of_file(fd, size);
	check_fits(TEST_PASS, memory, PAGES);
	ASSERT_EQ(0, ask_estimate(self->ask, memory, size, true, &estimate));
	EXPECT_EQ(size, estimate.least);
	EXPECT_EQ(size, estimate.most);
}

/* A mapping that goes on where its file does not */
FRONT_TEST(rule, end_of_file)
{
	struct world *w = &self->world;
	struct pinacct_refusal refusal;
	char *memory;
	int fd;

	fd = memory_memfd(PAGES * w->page);
	ASSERT_LE(0, fd);
	memory = memory_of_file(fd, (PAGES + 2) * w->page);
	ASSERT_NE(MAP_FAILED, memory);
	check(TEST_PASS, memory, PAGES + 2, FRONT_RW, PINACCT_CAUSE_UNMAPPED, EFAULT, EFAULT);
	ASSERT_EQ(0, ask_refusal(self->ask, 0, &refusal));
	EXPECT_EQ((unsigned long)memory + PAGES * w->page, refusal.start);
}

/* At its beginning, and behind pages that there are */
FRONT_TEST(rule, hole)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct pinacct_refusal refusal;

	ASSERT_EQ(0, munmap(memory + 8 * w->page, w->page));
	check(TEST_PASS, memory, PAGES, FRONT_RW, PINACCT_CAUSE_UNMAPPED, EFAULT, EFAULT);
	ASSERT_EQ(0, ask_refusal(self->ask, 0, &refusal));
	EXPECT_EQ((unsigned long)memory + 8 * w->page, refusal.start);
	check(TEST_PASS, memory + 8 * w->page, 4, FRONT_READ, PINACCT_CAUSE_UNMAPPED, EFAULT,
	      EFAULT);
}

FRONT_TEST(rule, read_only)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, mprotect(memory, PAGES * w->page, PROT_READ));
	check(TEST_PASS, memory, PAGES, FRONT_RW, PINACCT_CAUSE_PROTECTED, EFAULT, EFAULT);
	ASSERT_EQ(0, map_read_only(w, memory, 0, PAGES));
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	ASSERT_EQ(0, mprotect(memory, PAGES * w->page, PROT_NONE));
	check(TEST_PASS, memory, PAGES, FRONT_READ, PINACCT_CAUSE_PROTECTED, EFAULT, EFAULT);
}

/* Anonymous memory is refused before it is pinned. */
FRONT_TEST(rule, limit_before)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, PAGES);

	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	check(TEST_PASS, memory, PAGES, FRONT_RW, PINACCT_CAUSE_LIMIT, ENOMEM, EDQUOT);
}

/* A file on tmpfs may have no room for its pages, so it is pinned first. */
FRONT_TEST(rule, limit_after)
{
	struct world *w = &self->world;
	char *memory;
	int fd;

	fd = make_file("/dev/shm", PAGES * w->page);
	ASSERT_LE(0, fd);
	memory = memory_of_file(fd, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	check(TEST_PASS, memory, PAGES, FRONT_RW, PINACCT_CAUSE_LIMIT, ENOMEM, EDQUOT);
}

static int write_text(const char *path, const char *text)
{
	int fd, rc = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/*
 * In a cgroup that has too little memory, as a process that is not to be killed
 * for it. Returns what the test program is to see: the errno, or 255 if it did
 * not get that far, or if the record says otherwise.
 */
static int map_in_cgroup(struct world *w, int ask, const void *memory, unsigned long npages)
{
	struct pinacct_refusal refusal;
	int rc;

	if (privilege_root(true) || write_text("/proc/self/oom_score_adj", "-1000") ||
	    write_text(CGROUP "/cgroup.procs", "0") || privilege_root(false))
		return 255;
	rc = -map_at(w, memory, 0, npages);
	if (ask_refusal(ask, 0, &refusal) || refusal.cause != PINACCT_CAUSE_NO_MEMORY ||
	    refusal.error != rc)
		return 255;
	return rc;
}

FRONT_TEST(rule, memory_cgroup)
{
	static const char * const strict[] = { "N", "Y" };
	unsigned long npages = (64UL << 20) / memory_page();
	char *memory = ASSERT_MEMORY(untouched, npages);
	struct world *w = &self->world;
	unsigned int i;
	int status;
	pid_t pid;

	AS_ROOT({
		write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
		rmdir(CGROUP);
		ASSERT_EQ(0, mkdir(CGROUP, 0700));
		ASSERT_EQ(0, write_text(CGROUP "/memory.max", "16M")) {
			TH_LOG("is the memory controller in cgroup v2?");
		}
		write_text(CGROUP "/memory.swap.max", "0");
	});
	for (i = 0; i < ARRAY_SIZE(strict); i++) {
		ASSERT_EQ(0, params_set("strict_errno", strict[i]));
		/* With several, it is full before the first page is charged. */
		ASSERT_EQ(0, params_set("pin_threads", i ? "4" : "1"));
		pid = fork();
		if (!pid)
			_exit(map_in_cgroup(w, self->ask, memory, npages));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFEXITED(status)) {
			TH_LOG("ended by signal %d", WTERMSIG(status));
		}
		EXPECT_EQ(ENOMEM, WEXITSTATUS(status));
		EXPECT_BACK(w);
	}
	AS_ROOT(EXPECT_EQ(0, rmdir(CGROUP)));
}

FRONT_TEST(rule, zero_page)
{
	char *memory = ASSERT_MEMORY(untouched, PAGES);

	ASSERT_EQ(0, params_set("zero_page", "strict"));
	check(TEST_PASS, memory, PAGES, FRONT_READ, PINACCT_CAUSE_ZERO_PAGE, ENODATA, ENODATA);
}

TEST_HARNESS_MAIN
