// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user wants something to stay when he is gone, or has closed everything: a
 * pin, a charge, a ledger, or a module that cannot be unloaded any more.
 *
 * Guards: file descriptors that hold one another, wherever they are kept, go as soon as
 * nobody can reach them; and memory whose process has ended has no ledger, whoever
 * holds on to it. Fails if what was excluded holds a file that leads back to the
 * descriptor, or if an account holds more of a process than it needs.
 *
 * All of it takes the kernel some time: it is waited for. If it does not happen, the
 * test is given up in the end.
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "hostile.h"

/* References to all modules of ours, or -errno */
static long module_references(void)
{
	static const char *const names[] = { "pinacct", "vfio_iommu_type1", "iommufd", "vfio" };
	char path[64], text[32];
	long sum = 0;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		ssize_t len;
		int fd;

		snprintf(path, sizeof(path), "/sys/module/%s/refcnt", names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (len <= 0)
			return -ENOENT;
		text[len] = '\0';
		sum += atoi(text);
	}
	return sum;
}

/* Lines that say who has a ledger, or -errno */
static int count_ledgers(void)
{
	char text[65536];
	ssize_t len, i;
	int fd, lines = 0;

	if (privilege_root(true))
		return -errno;
	fd = open("/sys/kernel/debug/pinacct/ledgers", O_RDONLY | O_CLOEXEC);
	if (privilege_root(false))
		return -errno;
	len = read(fd, text, sizeof(text));
	close(fd);
	for (i = 0; i < len; i++)
		lines += text[i] == '\n';
	return len <= 0 ? -EIO : lines - 1;
}

FIXTURE(linger)
{
	struct world world;
	long references;
};

FIXTURE_VARIANT(linger)
{
	const struct front_ops *ops;
};

ON_EVERY_V2_FRONT(linger);

FIXTURE_SETUP(linger)
{
	struct world *w = &self->world;

	ASSERT_EQ(0, params_defaults());
	w->front.ops = variant->ops;
	w->page = memory_page();
	self->references = module_references();
	ASSERT_LE(0, self->references);
	ASSERT_EQ(0, privilege_drop());
	ASSERT_EQ(0, counters_start());
	ASSERT_EQ(0, counters_read(&w->base));
	ASSERT_EQ(0, count_ledgers());
}

/* Until nothing is left of what the child had. */
static void wait_until_gone(struct __test_metadata *_metadata, struct _test_data_linger *self)
{
	struct counters now;

	do {
		/* Whenever a socket goes, the kernel looks for those in circles. */
		close(socket(AF_UNIX, SOCK_STREAM, 0));
		usleep(1000);
		ASSERT_EQ(0, counters_read(&now));
	} while (now.held != self->world.base.held ||
		 module_references() != self->references);
	EXPECT_EQ(0, count_ledgers());
	EXPECT_BACK(&self->world);
}

FIXTURE_TEARDOWN(linger)
{
	wait_until_gone(_metadata, self);
}

/* What the hostile user has at first: memory that is mapped, and memory that is not to be */
struct his {
	struct front front;
	int ask;
	char *memory;
};

static int begin(struct his *his, const struct front_ops *ops)
{
	size_t size = PAGES * memory_page();
	int rc, fd;

	fd = memory_memfd(size);
	his->memory = memory_of_file(fd, size);
	close(fd);
	rc = privilege_root(true) ?: front_open(&his->front, ops) ?:
	     front_attach(&his->front, DEVICE_EDU) ?: hostile_become(HOSTILE_USER);
	his->ask = ask_open();
	return rc ?: front_map(&his->front, his->memory, IOVA, size / 2, FRONT_RW) ?:
	       ask_exclude(his->ask, his->memory + size / 2, size / 2, true);
}

/* The descriptors that he has by that, for the case that he has to give them away */
static int descriptors(const struct his *his, int fds[8])
{
	int nr = 0, i;

	fds[nr++] = his->ask;
	fds[nr++] = his->front.iommu;
	for (i = 0; i < DEVICE_KINDS; i++) {
		if (his->front.devices[i] >= 0)
			fds[nr++] = his->front.devices[i];
		if (his->front.groups[i] >= 0)
			fds[nr++] = his->front.groups[i];
	}
	return nr;
}

static void close_all(const int *fds, int nr)
{
	while (nr--)
		close(fds[nr]);
}

static int send_all(int through, const int *fds, int nr)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control = {};
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(nr * sizeof(int)),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(nr * sizeof(int));
	memcpy(CMSG_DATA(&control.header), fds, nr * sizeof(int));
	return sendmsg(through, &msg, 0) == 1 ? 0 : -errno;
}

/* All of it is on its way from a socket to itself, which is on its way as well. */
static int pass_in_a_circle(struct his *his)
{
	int fds[8], pair[2], nr = descriptors(his, fds), rc;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -errno;
	rc = send_all(pair[0], fds, nr) ?: send_all(pair[0], pair, 2) ?: send_all(pair[1], pair, 2);
	close_all(fds, nr);
	close_all(pair, 2);
	return rc;
}

/*
 * All of it is registered with a ring; and the ring's own memory is excluded, through a
 * descriptor that the ring has.
 */
static int register_with_ring(struct his *his)
{
	struct io_uring_params params = {};
	int fds[8], nr = descriptors(his, fds), ring, rc = 0;
	size_t size = memory_page();
	void *memory;

	ring = syscall(__NR_io_uring_setup, 4, &params);
	if (ring < 0)
		return -errno;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (memory == MAP_FAILED)
		rc = -errno;
	rc = rc ?: ask_exclude(his->ask, memory, size, true);
	if (!rc && syscall(__NR_io_uring_register, ring, IORING_REGISTER_FILES, fds, nr))
		rc = -errno;
	munmap(memory, size);
	close_all(fds, nr);
	close(ring);
	return rc;
}

/* Somebody waits for the descriptor, and for who waits. */
static int wait_in_epoll(struct his *his)
{
	int inner = epoll_create1(0), outer = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN };
	int fds[8], nr = descriptors(his, fds), rc = 0;

	if (epoll_ctl(inner, EPOLL_CTL_ADD, his->ask, &event) ||
	    epoll_ctl(outer, EPOLL_CTL_ADD, inner, &event))
		rc = -errno;
	close_all(fds, nr);
	close(inner);
	close(outer);
	return rc;
}

/* Nothing of it stays, though the process does. */
static void check_entangled(struct __test_metadata *_metadata, struct _test_data_linger *self,
			    int (*entangle)(struct his *his))
{
	struct child child;
	struct his his;

	HOSTILE(&child, ({
		child_tell(&child, begin(&his, self->world.front.ops));
		child_tell(&child, module_references() > self->references ? 0 : -EPROTO);
		child_wait(&child);
		child_tell(&child, entangle(&his));
	}));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(1, count_ledgers());
	ASSERT_EQ(0, child_go_on(&child));
	EXPECT_EQ(0, child_result(&child));
	wait_until_gone(_metadata, self);
	HOSTILE_ENDS(&child);
}

FRONT_TEST(linger, passed_in_a_circle)
{
	check_entangled(_metadata, self, pass_in_a_circle);
}

FRONT_TEST(linger, registered_with_a_ring)
{
	check_entangled(_metadata, self, register_with_ring);
}

FRONT_TEST(linger, waited_for)
{
	check_entangled(_metadata, self, wait_in_epoll);
}

/* Somebody has the memory of a process that ended; what is charged for it is gone. */
FRONT_TEST(linger, memory_of_the_dead)
{
	struct child child;
	struct his his;
	char path[32], byte;
	int memory;

	HOSTILE(&child, ({
		child_tell(&child, begin(&his, self->world.front.ops));
	}));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(1, count_ledgers());
	snprintf(path, sizeof(path), "/proc/%d/mem", child.pid);
	AS_ROOT(memory = open(path, O_RDONLY | O_CLOEXEC));
	ASSERT_LE(0, memory);
	EXPECT_EQ(1, pread(memory, &byte, 1, (off_t)(uintptr_t)&path));
	HOSTILE_ENDS(&child);
	wait_until_gone(_metadata, self);
	EXPECT_EQ(0, pread(memory, &byte, 1, (off_t)(uintptr_t)&path));
	close(memory);
}

TEST_HARNESS_MAIN
