// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user wants to know what others have pinned, or to be in their way.
 *
 * Guards: /dev/pinacct tells nobody about a process that he might not read the memory
 * of, by whatever name he calls it; his refusals do not drive out another's record;
 * and what he excludes from being pinned is his own, and not more than so much. Fails
 * if privilege in a user namespace of his own is taken for privilege, if a record
 * passes to the next process with that pid, or if memory that he may only read is
 * excluded for those who own it.
 *
 * The victim is the test itself, with memory mapped, under a limit.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/stat.h>

#include "hostile.h"

RULE_FIXTURE(victim, DEVICE_EDU)
ON_EVERY_V2_FRONT(victim);

/* The errnos of all questions about a process; the same ones, or -EPROTO */
static int ask_all(int ask, pid_t pid)
{
	struct pinacct_pin_range range = {};
	struct pinacct_pins pins = {
		.size = sizeof(pins),
		.pid = pid,
		.by = PINACCT_PINS_BY_ADDRESS,
		.nr = 1,
		.length = 1UL << 46,
		.ranges = (uintptr_t)&range,
	};
	struct pinacct_refusal refusal;
	struct pinacct_usage usage;
	int rc = ask_usage(ask, pid, &usage);

	if (ask_refusal(ask, pid, &refusal) != rc)
		return -EPROTO;
	if ((ioctl(ask, PINACCT_PINS, &pins) ? -errno : 0) != rc)
		return -EPROTO;
	/* Whoever is refused learns nothing by it. */
	if (rc && (usage.mm_charged || usage.limit || refusal.length || range.length))
		return -EPROTO;
	return rc;
}

/* There is something to know about the victim: a mapping, and a refusal. */
#define VICTIM(npages)								\
	({									\
		char *_memory = ASSERT_MEMORY(anonymous, npages);		\
		ASSERT_EQ(0, limit_pages(w, npages));				\
		ASSERT_EQ(0, map_at(w, _memory, 0, npages));			\
		ASSERT_EQ(-ENOMEM, map_at(w, _memory, npages, npages));		\
		_memory;							\
	})

FRONT_TEST(victim, ask_about_others)
{
	struct world *w = &self->world;
	pid_t victim = getpid();
	struct child child;
	int i;

	VICTIM(PAGES);
	HOSTILE(&child, ({
		child_tell(&child, hostile_become(HOSTILE_USER));
		child_tell(&child, ask_all(self->ask, victim));
		child_tell(&child, ask_all(self->ask, 1));
		/* A thread of the kernel; none at all; a number that is none */
		child_tell(&child, ask_all(self->ask, 2));
		child_tell(&child, ask_all(self->ask, 1 << 30));
		child_tell(&child, ask_all(self->ask, -victim));
		/* With every capability there is in a namespace of his own */
		child_tell(&child, unshare(CLONE_NEWUSER) ? -errno : 0);
		child_tell(&child, ask_all(self->ask, victim));
	}));
	EXPECT_EQ(0, child_result(&child));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(-EPERM, child_result(&child));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-ESRCH, child_result(&child));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(-EPERM, child_result(&child));
	/* Nor by the other way round. */
	EXPECT_EQ(-EPERM, ask_all(self->ask, child.pid));
	HOSTILE_ENDS(&child);
}

/* Another process of the same user is another process. */
FRONT_TEST(victim, ask_about_the_same_user)
{
	struct world *w = &self->world;
	pid_t victim = getpid();
	struct child child;

	VICTIM(PAGES);
	HOSTILE(&child, ({
		child_tell(&child, hostile_become(PRIVILEGE_USER));
		child_tell(&child, ask_all(self->ask, victim));
	}));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(-EPERM, child_result(&child));
	HOSTILE_ENDS(&child);
}

/* A copy of this program that is root's, and becomes root for whoever starts it */
#define SETUID_COPY "/tmp/disturb-setuid"

static int make_setuid_copy(void)
{
	static char data[4 << 20];
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(SETUID_COPY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ssize_t len = read(in, data, sizeof(data));
	int rc = 0;

	if (len <= 0 || write(out, data, len) != len || read(in, data, 1) != 0 ||
	    fchmod(out, 04755))
		rc = -errno ?: -EIO;
	close(in);
	close(out);
	return rc;
}

/* What the copy does: it says who it is, and waits. */
static int be_setuid(char **args)
{
	struct child child = {
		.to_child = { atoi(args[0]) },
		.from_child = { 0, atoi(args[1]) },
	};

	child_tell(&child, geteuid());
	child_wait(&child);
	return 0;
}

/* His own child, until it runs a program that is more than he is */
FRONT_TEST(victim, ask_about_setuid)
{
	char to_child[16], from_child[16];
	struct child child, setuid;

	AS_ROOT(ASSERT_EQ(0, make_setuid_copy()));
	HOSTILE(&child, ({
		child_tell(&child, hostile_become(HOSTILE_USER));
		if (child_start(&setuid))
			_exit(1);
		if (!setuid.pid) {
			snprintf(to_child, sizeof(to_child), "%d", setuid.to_child[0]);
			snprintf(from_child, sizeof(from_child), "%d", setuid.from_child[1]);
			execl(SETUID_COPY, "disturb", "--setuid", to_child, from_child, NULL);
			_exit(1);
		}
		child_tell(&child, child_result(&setuid));
		child_tell(&child, ask_all(self->ask, setuid.pid));
		child_tell(&child, child_go_on(&setuid) ?: child_end(&setuid, 0));
	}));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(0, child_result(&child)) {
		TH_LOG("the setuid program is not root: is /tmp mounted nosuid?");
	}
	EXPECT_EQ(-EPERM, child_result(&child));
	EXPECT_EQ(0, child_result(&child));
	HOSTILE_ENDS(&child);
	AS_ROOT(ASSERT_EQ(0, unlink(SETUID_COPY)));
}

/* A child with that pid, if nobody has it: 0 in the child */
static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};

	return syscall(SYS_clone3, &args, sizeof(args));
}

/* A pid is used again, by another process: what was refused was not his. */
FRONT_TEST(victim, pid_used_again)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct pinacct_refusal refusal;
	struct child child;
	pid_t again;
	int status;

	HOSTILE(&child, ({
		child_tell(&child, limit_pages(w, 1) ?: map_at(w, memory, 0, PAGES));
		child_tell(&child, ask_refusal(self->ask, 0, &refusal));
	}));
	EXPECT_EQ(-ENOMEM, child_result(&child));
	EXPECT_EQ(0, child_result(&child));
	HOSTILE_ENDS(&child);
	AS_ROOT(again = fork_as(child.pid));
	if (!again)
		_exit(ask_refusal(self->ask, 0, &refusal) == -ENOENT ? 0 : 1);
	ASSERT_EQ(child.pid, again) {
		TH_LOG("%s", strerror(errno));
	}
	AS_ROOT(ASSERT_EQ(again, waitpid(again, &status, 0)));
	EXPECT_EQ(0, status);
}

/* In a pid namespace, a process is called as those in it call it. */
FRONT_TEST(victim, pid_namespace)
{
	struct pinacct_refusal refusal;
	struct pinacct_usage usage;
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	int status;
	pid_t pid;

	VICTIM(PAGES);
	AS_ROOT(ASSERT_EQ(0, unshare(CLONE_NEWPID)));
	pid = fork();
	if (!pid) {
		if (limit_pages(w, 1) || map_at(w, memory, PAGES, PAGES) != -ENOMEM)
			_exit(1);
		if (ask_usage(self->ask, 0, &usage) || usage.pid != getpid())
			_exit(2);
		if (ask_refusal(self->ask, 0, &refusal) || refusal.pid != getpid())
			_exit(3);
		/* Its own pid, and none that it might know from elsewhere */
		if (ask_usage(self->ask, 1, &usage) || usage.pid != 1)
			_exit(4);
		_exit(ask_usage(self->ask, getppid() ?: 4242, &usage) == -ESRCH ? 0 : 5);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* As many refusals as he likes: the victim's record is not among those that go. */
FRONT_TEST(victim, drive_out_a_record)
{
	struct world *w = &self->world;
	struct pinacct_refusal refusal;
	char *memory = VICTIM(PAGES);
	struct child child;
	int i, rc = 0;

	HOSTILE(&child, ({
		rc = hostile_become(HOSTILE_USER) ?: hostile_limit(1);
		for (i = 0; i < 200 && !rc; i++)
			rc = map_at(w, memory, 2 * PAGES, PAGES) == -ENOMEM ? 0 : -EPROTO;
		child_tell(&child, rc);
	}));
	EXPECT_EQ(0, child_result(&child));
	HOSTILE_ENDS(&child);
	refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, ENOMEM);
	EXPECT_EQ(IOVA + PAGES * w->page, refusal.iova);
	EXPECT_EQ(getpid(), refusal.pid);
}

static int exclude_all(int ask, const char *memory)
{
	return ask_exclude(ask, memory, PAGES * memory_page(), true);
}

/*
 * The victim's memory, for somebody who was given it to read: by a descriptor that
 * does not write, and by one that must not any more.
 */
FRONT_TEST(victim, exclude_what_may_be_read)
{
	struct world *w = &self->world;
	size_t size = PAGES * w->page;
	char path[64], *memory;
	struct child child;
	void *again;
	int fd;

	fd = memfd_create("victim", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, size));
	memory = memory_of_file(fd, size);
	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, 1, size);
	ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

	HOSTILE(&child, ({
		int ask = hostile_become(HOSTILE_USER) ?: ask_open();

		again = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
		child_tell(&child, again == MAP_FAILED ? -errno : exclude_all(ask, again));
		fd = open(path, O_RDONLY | O_CLOEXEC);
		again = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
		child_tell(&child, again == MAP_FAILED ? -errno : exclude_all(ask, again));
		/* At the address that the victim has it, too */
		child_tell(&child, munmap(memory, size) ? -errno :
			   mmap(memory, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) != memory);
		child_tell(&child, exclude_all(ask, memory));
	}));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	/* Who owns it can still exclude it himself. */
	ASSERT_EQ(0, exclude_all(self->ask, memory));
	EXPECT_EQ(-EBUSY, map_at(w, memory, PAGES, PAGES));
	HOSTILE_ENDS(&child);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "--setuid"))
		return be_setuid(argv + 2);
	return test_harness_run(argc, argv);
}
