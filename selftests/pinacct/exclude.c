// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that its owner wants no pins on: exclude, wait, convert, include.
 *
 * Guards: no new pin gets in, by whatever address, file or process; whoever waits
 * is told when the last pin has gone, and not before; nothing is kept from being
 * unmapped; and it ends with the file descriptor. Fails if a neighbour of an
 * excluded page is refused, or a page that can be reached another way is not.
 */
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "child.h"
#include "map_file.h"
#include "rule.h"

static int exclude(int ask, const char *memory, unsigned long first, unsigned long npages)
{
	return ask_exclude(ask, memory + first * memory_page(), npages * memory_page(), true);
}

static int include(int ask, const char *memory, unsigned long first, unsigned long npages)
{
	return ask_exclude(ask, memory + first * memory_page(), npages * memory_page(), false);
}

/* Is there nothing that one would have to wait for? */
static int is_idle(int ask)
{
	struct pollfd poll_fd = { .fd = ask, .events = POLLIN };
	int idle = ask_wait(ask, 0), events = poll(&poll_fd, 1, 0);

	if (idle == -ETIMEDOUT && events == 0)
		return 0;
	return idle == 0 && events == 1 && poll_fd.revents == POLLIN ? 1 : -EINVAL;
}

FRONT_TEST(rule, lets_no_pin_in)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct pinacct_refusal refusal;

	ASSERT_EQ(0, exclude(self->ask, memory, 4, 3));
	EXPECT_EQ(1, is_idle(self->ask));
	EXPECT_EQ(-EBUSY, map_at(w, memory, 0, PAGES));
	refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_EXCLUDED, EBUSY);
	EXPECT_EQ((uintptr_t)memory + 4 * w->page, refusal.start);
	EXPECT_EQ(-EBUSY, map_at(w, memory, 0, 5));
	EXPECT_EQ(-EBUSY, map_at(w, memory + 5 * w->page, 0, 1));
	EXPECT_EQ(-EBUSY, map_read_only(w, memory + 6 * w->page, 0, 2));
	EXPECT_BACK(w);
	ASSERT_EQ(0, map_at(w, memory, 0, 4));
	ASSERT_EQ(0, map_at(w, memory + 7 * w->page, 8, PAGES - 7));
	EXPECT_EQ(1, is_idle(self->ask));
	ASSERT_EQ(0, include(self->ask, memory, 4, 3));
	ASSERT_EQ(0, map_at(w, memory, 2 * PAGES, PAGES));
	EXPECT_CHARGED(w, 2 * PAGES - 3);
}

/* With strict_errno it is the same errno. */
FRONT_TEST(rule, strict)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, params_set("strict_errno", "Y"));
	ASSERT_EQ(0, exclude(self->ask, memory, 0, 1));
	EXPECT_EQ(-EBUSY, map_at(w, memory, 0, PAGES));
	ASSERT_REFUSED(self->ask, PINACCT_CAUSE_EXCLUDED, EBUSY);
}

/* Behind the pages that are pinned at a time */
FRONT_TEST(rule, far_inside)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 1500);

	ASSERT_EQ(0, exclude(self->ask, memory, 1400, 1));
	EXPECT_EQ(-EBUSY, map_at(w, memory, 0, 1500));
	EXPECT_BACK(w);
	ASSERT_EQ(0, map_at(w, memory, 0, 1400));
}

/* One page in the middle of a large one, whose others stay what they are */
static void check_large(TEST_ARGS, char *memory)
{
	struct world *w = &self->world;

	ASSERT_EQ(0, map_at(w, memory, 0, 5));
	ASSERT_EQ(0, exclude(self->ask, memory, 5, 1));
	EXPECT_EQ(1, is_idle(self->ask));
	EXPECT_EQ(-EBUSY, map_at(w, memory + 5 * w->page, 5, 1));
	ASSERT_EQ(0, map_at(w, memory + 6 * w->page, 6, 1));
	EXPECT_EQ(1, is_idle(self->ask));
	ASSERT_EQ(0, exclude(self->ask, memory, 6, 1));
	EXPECT_EQ(0, is_idle(self->ask));
	ASSERT_EQ(0, unmap_at(w, 6, 1));
	EXPECT_EQ(1, is_idle(self->ask));
}

FRONT_TEST(rule, inside_a_large_folio)
{
	char *memory = ASSERT_MEMORY(transparent_huge, MEMORY_HUGE / memory_page());

	ASSERT_EQ(MEMORY_HUGE / memory_page(), counters_huge(memory));
	check_large(TEST_PASS, memory);
}

FRONT_TEST(rule, inside_hugetlb)
{
	char *memory = ASSERT_MEMORY(hugetlb, MEMORY_HUGE / memory_page());

	check_large(TEST_PASS, memory);
}

/* Shared huge pages that are excluded at another address: all of them, or one page */
FRONT_TEST(rule, huge_pages_of_a_file)
{
	struct world *w = &self->world;
	unsigned long npages = MEMORY_HUGE / w->page;
	char *here, *there;
	int fd;

	fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, 2 * MEMORY_HUGE));
	here = memory_of_file(fd, 2 * MEMORY_HUGE);
	there = memory_of_file(fd, 2 * MEMORY_HUGE);
	close(fd);
	ASSERT_NE(MAP_FAILED, here);
	ASSERT_NE(MAP_FAILED, there);

	ASSERT_EQ(0, exclude(self->ask, here, npages + 100, 1));
	ASSERT_EQ(0, map_at(w, there, 0, npages));
	EXPECT_OWED(w, npages);
	EXPECT_EQ(-EBUSY, map_at(w, there + MEMORY_HUGE, npages, npages));
	EXPECT_OWED(w, npages);
	/* In front of it, by way of the same huge page */
	ASSERT_EQ(0, map_at(w, there + MEMORY_HUGE, npages, 100));
	EXPECT_OWED(w, npages + 100);
	ASSERT_EQ(0, include(self->ask, here, npages + 100, 1));
	ASSERT_EQ(0, map_at(w, there + MEMORY_HUGE, 2 * npages, npages));
	EXPECT_OWED(w, 2 * npages + 100);
	ASSERT_EQ(0, munmap(here, 2 * MEMORY_HUGE));
	ASSERT_EQ(0, munmap(there, 2 * MEMORY_HUGE));
}

/* What is mapped stays, and can be unmapped; only then nobody need wait. */
FRONT_TEST(rule, what_is_there_stays)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, map_at(w, memory, PAGES, PAGES));
	ASSERT_EQ(0, exclude(self->ask, memory, 0, 1));
	EXPECT_EQ(0, is_idle(self->ask));
	EXPECT_EQ(-ETIMEDOUT, ask_wait(self->ask, 20));
	EXPECT_OWED(w, 2 * PAGES);
	ASSERT_EQ(0, unmap_at(w, PAGES, PAGES));
	EXPECT_EQ(0, is_idle(self->ask));
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_EQ(1, is_idle(self->ask));
	EXPECT_EQ(-EBUSY, map_at(w, memory, 0, PAGES));
}

static void *wait_in_thread(void *ask)
{
	return (void *)(long)ask_wait(*(int *)ask, -1);
}

static void *poll_in_thread(void *ask)
{
	struct pollfd poll_fd = { .fd = *(int *)ask, .events = POLLIN };

	return (void *)(long)(poll(&poll_fd, 1, -1) == 1 ? 0 : -errno);
}

/* Whoever waits is woken by @let_go. */
static void check_waiters(TEST_ARGS, void (*let_go)(struct world *w))
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	pthread_t waiter, poller;
	void *result;

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, exclude(self->ask, memory, 3, 2));
	ASSERT_EQ(0, pthread_create(&waiter, NULL, wait_in_thread, &self->ask));
	ASSERT_EQ(0, pthread_create(&poller, NULL, poll_in_thread, &self->ask));
	/* They may wait by now, or come too late to have to. */
	EXPECT_EQ(-ETIMEDOUT, ask_wait(self->ask, 50));
	let_go(w);
	ASSERT_EQ(0, pthread_join(waiter, &result));
	EXPECT_EQ(NULL, result);
	ASSERT_EQ(0, pthread_join(poller, &result));
	EXPECT_EQ(NULL, result);
}

static void unmap_all(struct world *w)
{
	unmap_at(w, 0, PAGES);
}

FRONT_TEST(rule, an_unmap_wakes)
{
	check_waiters(TEST_PASS, unmap_all);
}

static void close_front(struct world *w)
{
	front_close(&w->front);
}

FRONT_TEST(rule, closing_wakes)
{
	check_waiters(TEST_PASS, close_front);
}

/* The same memory at another address */
FRONT_TEST(rule, aliases)
{
	struct world *w = &self->world;
	char *memory, *alias;
	int fd;

	memory = ASSERT_MEMFD(&fd, PAGES);
	alias = memory_of_file(fd, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, alias);
	memset(alias, 1, PAGES * w->page);
	ASSERT_EQ(0, map_at(w, alias, 0, PAGES));
	ASSERT_EQ(0, exclude(self->ask, memory, 4, 1));
	EXPECT_EQ(0, is_idle(self->ask));
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_EQ(1, is_idle(self->ask));
	EXPECT_EQ(-EBUSY, map_at(w, alias, 0, PAGES));
	ASSERT_REFUSED(self->ask, PINACCT_CAUSE_EXCLUDED, EBUSY);
	EXPECT_EQ(-EBUSY, map_at(w, alias + 4 * w->page, 0, 1));
	EXPECT_BACK(w);
	ASSERT_EQ(0, map_at(w, alias + 5 * w->page, 0, PAGES - 5));
}

/* The same memory by file */
FRONT_TEST(rule, by_file)
{
	struct world *w = &self->world;
	struct pinacct_refusal refusal;
	char *memory;
	int fd;

	if (!front_maps_files(&w->front))
		SKIP(return, "mappings by file are native iommufd's, since Linux 6.13");
	memory = ASSERT_MEMFD(&fd, PAGES);
	ASSERT_EQ(0, front_map_file(&w->front, fd, 0, IOVA, PAGES * w->page, FRONT_RW));
	ASSERT_EQ(0, exclude(self->ask, memory, 4, 1));
	EXPECT_EQ(0, is_idle(self->ask));
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_EQ(1, is_idle(self->ask));
	EXPECT_EQ(-EBUSY, front_map_file(&w->front, fd, 0, IOVA, PAGES * w->page, FRONT_RW));
	refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_EXCLUDED, EBUSY);
	EXPECT_EQ(4 * w->page, refusal.start);
	EXPECT_BACK(w);
	ASSERT_EQ(0, front_map_file(&w->front, fd, 5 * w->page, IOVA, w->page, FRONT_RW));
}

/* Private memory of others is theirs; what is shared is shared. */
FRONT_TEST(rule, other_processes)
{
	struct world *w = &self->world;
	char *private = ASSERT_MEMORY(anonymous, PAGES);
	struct child child;
	char *shared;
	int fd;

	shared = ASSERT_MEMFD(&fd, PAGES);
	ASSERT_EQ(0, exclude(self->ask, private, 0, PAGES));
	ASSERT_EQ(0, exclude(self->ask, shared, 0, 1));
	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		child_tell(&child, map_at(w, private, 0, PAGES));
		child_tell(&child, map_at(w, shared, PAGES, PAGES));
		child_tell(&child, map_at(w, shared + w->page, PAGES, PAGES - 1));
		child_wait(&child);
		_exit(0);
	}
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(-EBUSY, child_result(&child));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(1, is_idle(self->ask));
	ASSERT_EQ(0, child_go_on(&child));
	ASSERT_EQ(0, child_end(&child, 0));
}

/* It ends with the file descriptor, however that ends. */
FRONT_TEST(rule, ends_with_its_descriptor)
{
	struct world *w = &self->world;
	struct child child;
	char *memory;
	int fd, other;

	memory = ASSERT_MEMFD(&fd, PAGES);
	other = ask_open();
	ASSERT_LE(0, other);
	ASSERT_EQ(0, exclude(other, memory, 0, 1));
	EXPECT_EQ(-ENOENT, include(self->ask, memory, 0, 1));
	EXPECT_EQ(-EBUSY, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, close(other));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));

	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		other = ask_open();
		child_tell(&child, exclude(other, memory, 0, 1));
		child_wait(&child);
		_exit(0);
	}
	ASSERT_EQ(0, child_result(&child));
	EXPECT_EQ(-EBUSY, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, child_end(&child, SIGKILL));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
}

/* What has come to these addresses, and what has left them, is waited for. */
FRONT_TEST(rule, moved)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 4);
	char *here = ASSERT_MEMORY(untouched, 4);

	ASSERT_EQ(0, map_at(w, memory, 0, 4));
	ASSERT_EQ(0, exclude(self->ask, here, 0, 4));
	EXPECT_EQ(1, is_idle(self->ask));
	ASSERT_EQ(here, mremap(memory, 4 * w->page, 4 * w->page, MREMAP_MAYMOVE | MREMAP_FIXED,
			       here));
	EXPECT_EQ(0, is_idle(self->ask));
	ASSERT_EQ(0, include(self->ask, here, 0, 4));
	ASSERT_EQ(0, exclude(self->ask, memory, 0, 4));
	EXPECT_EQ(0, is_idle(self->ask));
	ASSERT_EQ(0, unmap_at(w, 0, 4));
	EXPECT_EQ(1, is_idle(self->ask));
}

/* Drivers that pin by themselves are told no as well. */
FRONT_TEST(rule, mediated)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	int device;

	if (variant->ops->type == VFIO_TYPE1_IOMMU)
		SKIP(return, "mediated devices need version 2");
	front_detach(&w->front, DEVICE_EDU);
	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_MEDIATED)));
	device = w->front.devices[DEVICE_MEDIATED];
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, exclude(self->ask, memory, 4, 4));
	EXPECT_EQ(-EBUSY, device_pin(device, IOVA + 3 * w->page, 2, FRONT_RW));
	EXPECT_BACK(w);
	ASSERT_EQ(4, device_pin(device, IOVA, 4, FRONT_RW));
	EXPECT_EQ(1, is_idle(self->ask));
	ASSERT_EQ(0, exclude(self->ask, memory, 3, 1));
	EXPECT_EQ(0, is_idle(self->ask));
	ASSERT_EQ(0, device_unpin(device, IOVA, 4));
	EXPECT_EQ(1, is_idle(self->ask));
	/* A domain that comes would pin all of it. */
	AS_ROOT(EXPECT_EQ(-EBUSY, front_attach(&w->front, DEVICE_NIC)));
	EXPECT_BACK(w);
}

/* And by what the pages are of, where another address was excluded */
FRONT_TEST(rule, mediated_alias)
{
	struct world *w = &self->world;
	char *memory, *alias;
	int fd, device;

	if (variant->ops->type == VFIO_TYPE1_IOMMU)
		SKIP(return, "mediated devices need version 2");
	front_detach(&w->front, DEVICE_EDU);
	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_MEDIATED)));
	device = w->front.devices[DEVICE_MEDIATED];
	memory = ASSERT_MEMFD(&fd, PAGES);
	alias = memory_of_file(fd, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, alias);
	ASSERT_EQ(0, map_at(w, alias, 0, PAGES));
	ASSERT_EQ(0, exclude(self->ask, memory, 4, 1));
	EXPECT_EQ(-EBUSY, device_pin(device, IOVA + 3 * w->page, 2, FRONT_RW));
	EXPECT_BACK(w);
	ASSERT_EQ(4, device_pin(device, IOVA, 4, FRONT_RW));
	EXPECT_EQ(1, is_idle(self->ask));
}

/* A device's memory is nobody's file: an exclusion does not keep it open. */
FRONT_TEST(rule, memory_of_a_device)
{
	struct world *w = &self->world;
	unsigned long size = 0;
	char *bar;

	ASSERT_EQ(0, device_enable_dma(w->front.devices[DEVICE_EDU]));
	bar = device_map_bar(w->front.devices[DEVICE_EDU], 0, &size);
	ASSERT_NE(MAP_FAILED, bar);
	ASSERT_EQ(0, exclude(self->ask, bar, 0, size / w->page));
	EXPECT_EQ(1, is_idle(self->ask));
	ASSERT_EQ(0, munmap(bar, size));
	front_detach(&w->front, DEVICE_EDU);
	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_EDU)));
}

/* Of one descriptor as many mappings of files as ranges */
FRONT_TEST(rule, too_many_files)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, 1025);
	int fd = memory_memfd(w->page);
	unsigned long i;

	ASSERT_LE(0, fd);
	for (i = 0; i < 1025; i++)
		ASSERT_NE(MAP_FAILED, mmap(memory + i * w->page, w->page, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_FIXED, fd, 0));
	EXPECT_EQ(-ENOSPC, exclude(self->ask, memory, 0, 1025));
	ASSERT_EQ(0, exclude(self->ask, memory, 0, 1000));
	EXPECT_EQ(-ENOSPC, exclude(self->ask, memory, 1000, 25));
	EXPECT_EQ(0, exclude(self->ask, memory, 1000, 24));
}

FRONT_TEST(rule, bad_questions)
{
	char *memory = ASSERT_MEMORY(anonymous, 1);
	struct pinacct_exclude range = {
		.size = sizeof(range),
		.flags = 1,
		.start = (uintptr_t)memory,
		.length = self->world.page,
	};
	unsigned int i;

	EXPECT_EQ(1, is_idle(self->ask));
	EXPECT_EQ(-1, ioctl(self->ask, PINACCT_EXCLUDE, &range));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-EINVAL, ask_exclude(self->ask, memory, 0, true));
	EXPECT_EQ(-EINVAL, ask_exclude(self->ask, memory + 1, self->world.page, true));
	EXPECT_EQ(-EINVAL, ask_exclude(self->ask, memory, 1, true));
	EXPECT_EQ(-EINVAL, ask_exclude(self->ask, memory, -self->world.page, true));
	EXPECT_EQ(-EINVAL, ask_wait(self->ask, -2));
	EXPECT_EQ(-ENOENT, include(self->ask, memory, 0, 1));
	for (i = 1; i <= 1024; i++)
		ASSERT_EQ(0, exclude(self->ask, memory, i, 1));
	EXPECT_EQ(-ENOSPC, exclude(self->ask, memory, 0, 1));
	ASSERT_EQ(0, include(self->ask, memory, 1024, 1));
	EXPECT_EQ(-EEXIST, exclude(self->ask, memory, 7, 1));
	EXPECT_EQ(-ENOENT, include(self->ask, memory, 7, 2));
	ASSERT_EQ(0, exclude(self->ask, memory, 7, 2));
	EXPECT_EQ(1, is_idle(self->ask));
}

/* What only tells something may be where nothing can be written. */
FRONT_TEST(rule, constant_question)
{
	char *memory = ASSERT_MEMORY(anonymous, 1);
	struct pinacct_exclude *range = (void *)ASSERT_MEMORY(untouched, 1);

	range->size = sizeof(*range);
	range->start = (uintptr_t)memory;
	range->length = self->world.page;
	ASSERT_EQ(0, mprotect(range, self->world.page, PROT_READ));
	EXPECT_EQ(0, ioctl(self->ask, PINACCT_EXCLUDE, range));
	EXPECT_EQ(-EBUSY, map_at(&self->world, memory, 0, 1));
	EXPECT_EQ(0, ioctl(self->ask, PINACCT_INCLUDE, range));
	EXPECT_EQ(0, map_at(&self->world, memory, 0, 1));
}

/* As many pages as take a while to map */
#define MANY 1024UL

/* Maps and unmaps the memory until it is told to stop. */
struct mapper {
	struct world *w;
	char *memory;
	bool free_of_pins;
	bool stop;
	bool gave_up;
	int mapped;
	int tried;
};

static void *map_in_thread(void *arg)
{
	struct mapper *mapper = arg;

	while (!__atomic_load_n(&mapper->stop, __ATOMIC_SEQ_CST)) {
		bool mapped = !map_at(mapper->w, mapper->memory, 0, MANY);

		/* Whoever waits must not be told that there is no pin. */
		if (mapped && (__atomic_load_n(&mapper->free_of_pins, __ATOMIC_SEQ_CST) ||
			       unmap_at(mapper->w, 0, MANY))) {
			__atomic_store_n(&mapper->gave_up, true, __ATOMIC_SEQ_CST);
			break;
		}
		__atomic_add_fetch(&mapper->mapped, mapped, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&mapper->tried, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* Until it has done so once more, and is in the middle of the next time */
static void wait_for_mapper(struct mapper *mapper, const int *count)
{
	int before = __atomic_load_n(count, __ATOMIC_SEQ_CST);

	while (__atomic_load_n(count, __ATOMIC_SEQ_CST) == before &&
	       !__atomic_load_n(&mapper->gave_up, __ATOMIC_SEQ_CST))
		sched_yield();
}

/* Nothing slips through between excluding and having waited. */
FRONT_TEST(rule, while_others_map)
{
	struct world *w = &self->world;
	struct pinacct_pin_range range;
	struct mapper mapper = { .w = w };
	pthread_t thread;
	int i, fd;

	mapper.memory = ASSERT_MEMFD(&fd, MANY);
	ASSERT_EQ(0, pthread_create(&thread, NULL, map_in_thread, &mapper));
	for (i = 0; i < 30; i++) {
		wait_for_mapper(&mapper, &mapper.mapped);
		ASSERT_EQ(0, exclude(self->ask, mapper.memory, 2, 3));
		ASSERT_EQ(0, ask_wait(self->ask, -1));
		__atomic_store_n(&mapper.free_of_pins, true, __ATOMIC_SEQ_CST);
		ASSERT_EQ(0, ask_pins(self->ask, PINACCT_PINS_BY_ADDRESS,
				      mapper.memory + 2 * w->page, 3 * w->page, &range, 1));
		ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       2 * w->page, 3 * w->page));
		/* The first had begun before. */
		wait_for_mapper(&mapper, &mapper.tried);
		wait_for_mapper(&mapper, &mapper.tried);
		ASSERT_EQ(0, ask_pins(self->ask, PINACCT_PINS_BY_ADDRESS,
				      mapper.memory + 2 * w->page, 3 * w->page, &range, 1));
		__atomic_store_n(&mapper.free_of_pins, false, __ATOMIC_SEQ_CST);
		ASSERT_EQ(0, include(self->ask, mapper.memory, 2, 3));
	}
	__atomic_store_n(&mapper.stop, true, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_FALSE(mapper.gave_up);
}

TEST_HARNESS_MAIN
