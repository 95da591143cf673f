// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory is written, write-protected or inherited while a device has it.
 *
 * Guards: the device and the process that has mapped it see the same page, whoever
 * writes, before or after a fork; a child has copies, which are neither pinned nor
 * charged; and what a write protection holds back is the process, not the device.
 * The one exception is asked for: the zero page of zero_page=ignore. Fails if a pin
 * stands on a page that a write of the process replaces, if a child is charged or
 * found to have pins, or if a device that was given a private file's page sees what
 * others write to the file.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "child.h"
#include "neighbours.h"

/* The device reads, the process writes afterwards. What is not charged is not seen. */
static void read_only_then_written(NEAR_ARGS, char *memory, unsigned long charged,
				   unsigned long zero_cow)
{
	struct world *w = &self->world;

	ASSERT_EQ(0, map_read_only(w, memory, 0, SLICE));
	EXPECT_PAID(charged, zero_cow);
	EXPECT_PINS(memory, charged ? ALL_ONCE : NONE);
	fill(memory + 5 * w->page, 40);
	EXPECT_DEVICE_SEES(5, charged ? 40 : 0);
	EXPECT_PAID(charged, zero_cow);
	EXPECT_PINS(memory, charged ? ALL_ONCE : NONE);
	ASSERT_EQ(0, unmap_at(w, 0, SLICE));
	EXPECT_PAID(0, 0);
	EXPECT_PINS(memory, NONE);
}

/* Memory that is a file's until it is written, and the file. */
static char *private_file(NEAR_ARGS, int *fd)
{
	char *memory;

	ASSERT_MEMFD(fd, SLICE);
	memory = mmap(NULL, SLICE * memory_page(), PROT_READ | PROT_WRITE, MAP_PRIVATE, *fd, 0);
	ASSERT_NE(MAP_FAILED, memory);
	return memory;
}

/* Whatever the mode, all of it is coherent but the zero page of ignore. */
static void check_mode(NEAR_ARGS, const char *mode)
{
	char *untouched = ASSERT_MEMORY(untouched, SLICE);
	struct world *w = &self->world;
	int fd;

	ASSERT_EQ(0, params_set("zero_page", mode));
	read_only_then_written(NEAR_PASS, ASSERT_MEMORY(anonymous, SLICE), SLICE, 0);
	read_only_then_written(NEAR_PASS, ASSERT_MEMFD(&fd, SLICE), SLICE, 0);
	read_only_then_written(NEAR_PASS, private_file(NEAR_PASS, &fd), SLICE, 0);
	if (!strcmp(mode, "cow")) {
		read_only_then_written(NEAR_PASS, untouched, SLICE, SLICE);
	} else if (!strcmp(mode, "ignore")) {
		read_only_then_written(NEAR_PASS, untouched, 0, 0);
		/* Mapped anew, the page that was written is one like others. */
		ASSERT_EQ(0, map_read_only(w, untouched, 0, SLICE));
		EXPECT_PAID(1, 0);
		EXPECT_PINS(untouched, ".....1..");
		EXPECT_DEVICE_SEES(5, 40);
	} else {
		EXPECT_EQ(-ENODATA, map_read_only(w, untouched, 0, SLICE));
		EXPECT_PAID(0, 0);
	}
}

FRONT_TEST(near, written_after_cow)
{
	check_mode(NEAR_PASS, "cow");
}

FRONT_TEST(near, written_after_ignore)
{
	check_mode(NEAR_PASS, "ignore");
}

FRONT_TEST(near, written_after_strict)
{
	check_mode(NEAR_PASS, "strict");
}

/* By the pin, the process has its own copy of the file, and shares it with the device. */
FRONT_TEST(near, private_file_written_by_others)
{
	struct world *w = &self->world;
	char *memory;
	int fd;

	memory = private_file(NEAR_PASS, &fd);
	ASSERT_EQ(EDU_MAX, pwrite(fd, contents(1), EDU_MAX, 5 * w->page));
	EXPECT_CPU_SEES(memory + 5 * w->page, 1);
	ASSERT_EQ(0, map_read_only(w, memory, 0, SLICE));
	EXPECT_PAID(SLICE, 0);
	ASSERT_EQ(EDU_MAX, pwrite(fd, contents(2), EDU_MAX, 5 * w->page));
	EXPECT_CPU_SEES(memory + 5 * w->page, 1);
	EXPECT_DEVICE_SEES(5, 1);
	EXPECT_PAID(SLICE, 0);
}

/* A userfaultfd that gets this process's writes to the memory */
static int protect(const char *memory, bool on, int fd)
{
	struct uffdio_writeprotect what = {
		.range = { (uintptr_t)memory, SLICE * memory_page() },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(fd, UFFDIO_WRITEPROTECT, &what) ? -errno : 0;
}

static int start_protecting(NEAR_ARGS, const char *memory)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
	};
	struct uffdio_register reg = {
		.range = { (uintptr_t)memory, SLICE * memory_page() },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	int fd;

	fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &reg));
	ASSERT_EQ(0, protect(memory, true, fd));
	return fd;
}

/* Somebody wants to write, within a minute at most: where, or NULL. */
static char *wants_to_write(int fd, int ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&wait, 1, ms) != 1 || read(fd, &msg, sizeof(msg)) != sizeof(msg) ||
	    msg.event != UFFD_EVENT_PAGEFAULT ||
	    !(msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP))
		return NULL;
	return (char *)(uintptr_t)msg.arg.pagefault.address;
}

static void *write_40(void *page)
{
	fill(page, 40);
	return NULL;
}

/* The process is held back; the device is not, and nobody is told of what it writes. */
static void check_protected(NEAR_ARGS, struct slice slice, int prot)
{
	struct world *w = &self->world;
	char *page = slice_page(&slice, 5);
	pthread_t thread;
	int fd;

	fill_slice(&slice);
	ASSERT_EQ(0, front_map(&w->front, slice.memory, IOVA, SLICE * w->page, prot));
	EXPECT_PAID(SLICE, 0);
	fd = start_protecting(NEAR_PASS, slice.memory);
	EXPECT_PAID(SLICE, 0);
	EXPECT_PINS(slice.memory, ALL_ONCE);
	if (prot & FRONT_WRITE) {
		DEVICE_WRITES(6, 51);
		EXPECT_CPU_SEES(slice_page(&slice, 6), 51);
		EXPECT_EQ(NULL, wants_to_write(fd, 0));
	}

	ASSERT_EQ(0, pthread_create(&thread, NULL, write_40, page));
	EXPECT_EQ(page, wants_to_write(fd, 60000));
	EXPECT_CPU_SEES(page, 6);
	EXPECT_PAID(SLICE, 0);
	ASSERT_EQ(0, protect(slice.memory, false, fd));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_CPU_SEES(page, 40);
	EXPECT_DEVICE_SEES(5, 40);
	EXPECT_PAID(SLICE, 0);
	EXPECT_PINS(slice.memory, ALL_ONCE);
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, unmap_at(w, 0, SLICE));
	EXPECT_PAID(0, 0);
}

FRONT_TEST(near, write_protected)
{
	check_protected(NEAR_PASS, slice_anonymous(NEAR_PASS), FRONT_RW);
	check_protected(NEAR_PASS, slice_anonymous(NEAR_PASS), FRONT_READ);
}

FRONT_TEST(near, write_protected_file)
{
	check_protected(NEAR_PASS, slice_memfd(NEAR_PASS), FRONT_RW);
}

FRONT_TEST(near, write_protected_huge)
{
	check_protected(NEAR_PASS, slice_transparent_huge(NEAR_PASS), FRONT_RW);
}

/* What is protected already can be mapped for reading; writing would take a fault. */
FRONT_TEST(near, mapped_while_protected)
{
	struct slice slice = slice_anonymous(NEAR_PASS);
	struct world *w = &self->world;
	int fd;

	fill_slice(&slice);
	fd = start_protecting(NEAR_PASS, slice.memory);
	EXPECT_EQ(-EFAULT, map_at(w, slice.memory, 0, SLICE));
	EXPECT_PAID(0, 0);
	ASSERT_EQ(0, map_read_only(w, slice.memory, 0, SLICE));
	EXPECT_PAID(SLICE, 0);
	ASSERT_EQ(0, protect(slice.memory, false, fd));
	fill(slice_page(&slice, 5), 40);
	EXPECT_DEVICE_SEES(5, 40);
	EXPECT_PAID(SLICE, 0);
	EXPECT_PINS(slice.memory, ALL_ONCE);
	ASSERT_EQ(0, close(fd));
}

/*
 * In the child: its pages 5 and 6 have these contents, and no mapping of its own has
 * pinned anything. Returns what is wrong, as bits.
 */
static int child_sees(int ask, const struct slice *slice, unsigned int five, unsigned int six)
{
	char pins[SLICE + 1] = "";
	int wrong = 0;

	if (memcmp(slice_page(slice, 5), contents(five), EDU_MAX))
		wrong |= 1;
	if (memcmp(slice_page(slice, 6), contents(six), EDU_MAX))
		wrong |= 2;
	if (pins_string(ask, PINACCT_PINS_BY_ADDRESS, slice->memory, SLICE, pins) ||
	    strcmp(pins, NONE))
		wrong |= 4;
	if (pins_string(ask, PINACCT_PINS_BY_PAGE, slice->memory, SLICE, pins) ||
	    strcmp(pins, NONE))
		wrong |= 8;
	return wrong;
}

/* A child owes nothing for what it has inherited. */
#define EXPECT_CHILD_FREE(child)						\
	do {									\
		struct pinacct_usage _usage;					\
		struct counters _now;						\
		ASSERT_EQ(0, counters_read_of((child)->pid, &_now));		\
		EXPECT_EQ(0, _now.lck);						\
		EXPECT_EQ(0, _now.pin);						\
		AS_ROOT(ASSERT_EQ(0, ask_usage(self->ask, (child)->pid, &_usage)));	\
		EXPECT_EQ(0, _usage.mm_pinacct);				\
	} while (0)

/*
 * A child that looks, waits, looks again, writes to its page 5, and waits. It has
 * copies: what it saw first is what it goes on to see.
 */
static int child_with_copies(struct child *child, int ask, const struct slice *slice)
{
	int rc = child_start(child);

	if (rc)
		return rc;
	if (!child->pid) {
		child_tell(child, child_sees(ask, slice, 6, 7));
		child_wait(child);
		rc = child_sees(ask, slice, 6, 7);
		fill(slice_page(slice, 5), 60);
		child_tell(child, rc);
		child_wait(child);
		_exit(0);
	}
	return child_result(child);
}

/* The parent and the device are one, and the child is apart. */
static void expect_apart(NEAR_ARGS, const struct slice *slice, struct child *child, int prot)
{
	EXPECT_PAID(SLICE, 0);
	EXPECT_PINS(slice->memory, ALL_ONCE);
	EXPECT_CHILD_FREE(child);
	fill(slice_page(slice, 5), 40);
	if (prot & FRONT_WRITE) {
		DEVICE_WRITES(6, 51);
		EXPECT_CPU_SEES(slice_page(slice, 6), 51);
	}
	ASSERT_EQ(0, child_go_on(child));
	EXPECT_EQ(0, child_result(child));
	EXPECT_CPU_SEES(slice_page(slice, 5), 40);
	EXPECT_DEVICE_SEES(5, 40);
	ASSERT_EQ(0, child_go_on(child));
	ASSERT_EQ(0, child_end(child, 0));
	EXPECT_PAID(SLICE, 0);
	EXPECT_PINS(slice->memory, ALL_ONCE);
	ASSERT_EQ(0, unmap_at(&self->world, 0, SLICE));
	EXPECT_PAID(0, 0);
	EXPECT_PINS(slice->memory, NONE);
}

static void check_fork_under_pin(NEAR_ARGS, struct slice slice, int prot)
{
	struct world *w = &self->world;
	struct child child;

	fill_slice(&slice);
	ASSERT_EQ(0, front_map(&w->front, slice.memory, IOVA, SLICE * w->page, prot));
	EXPECT_PAID(SLICE, 0);
	ASSERT_EQ(0, child_with_copies(&child, self->ask, &slice));
	expect_apart(NEAR_PASS, &slice, &child, prot);
}

/* The pin has to part what parent and child still share, for reading too. */
static void check_pin_after_fork(NEAR_ARGS, struct slice slice, int prot)
{
	struct world *w = &self->world;
	struct child child;

	fill_slice(&slice);
	ASSERT_EQ(0, child_with_copies(&child, self->ask, &slice));
	ASSERT_EQ(0, front_map(&w->front, slice.memory, IOVA, SLICE * w->page, prot));
	expect_apart(NEAR_PASS, &slice, &child, prot);
}

FRONT_TEST(near, fork_under_pin)
{
	check_fork_under_pin(NEAR_PASS, slice_anonymous(NEAR_PASS), FRONT_RW);
	check_fork_under_pin(NEAR_PASS, slice_anonymous(NEAR_PASS), FRONT_READ);
}

FRONT_TEST(near, fork_under_pin_huge)
{
	check_fork_under_pin(NEAR_PASS, slice_transparent_huge(NEAR_PASS), FRONT_RW);
	check_fork_under_pin(NEAR_PASS, slice_hugetlb(NEAR_PASS), FRONT_RW);
}

FRONT_TEST(near, pin_after_fork)
{
	check_pin_after_fork(NEAR_PASS, slice_anonymous(NEAR_PASS), FRONT_RW);
	check_pin_after_fork(NEAR_PASS, slice_anonymous(NEAR_PASS), FRONT_READ);
}

FRONT_TEST(near, pin_after_fork_huge)
{
	check_pin_after_fork(NEAR_PASS, slice_transparent_huge(NEAR_PASS), FRONT_READ);
	check_pin_after_fork(NEAR_PASS, slice_hugetlb(NEAR_PASS), FRONT_READ);
}

/* Shared memory is shared by all three; only the parent has mapped it for the device. */
FRONT_TEST(near, fork_with_shared_memory)
{
	struct slice slice = slice_memfd(NEAR_PASS);
	struct child child;

	fill_slice(&slice);
	ASSERT_EQ(0, map_at(&self->world, slice.memory, 0, SLICE));
	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		child_tell(&child, child_sees(self->ask, &slice, 6, 7));
		child_wait(&child);
		fill(slice_page(&slice, 5), 60);
		child_tell(&child, child_sees(self->ask, &slice, 60, 51));
		child_wait(&child);
		_exit(0);
	}
	EXPECT_EQ(0, child_result(&child));
	EXPECT_PAID(SLICE, 0);
	EXPECT_CHILD_FREE(&child);
	DEVICE_WRITES(6, 51);
	ASSERT_EQ(0, child_go_on(&child));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_CPU_SEES(slice_page(&slice, 5), 60);
	EXPECT_DEVICE_SEES(5, 60);
	ASSERT_EQ(0, child_end(&child, SIGKILL));
	EXPECT_PAID(SLICE, 0);
	EXPECT_PINS(slice.memory, ALL_ONCE);
}

TEST_HARNESS_MAIN
