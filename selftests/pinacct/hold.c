// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user wants one call to last, and others to wait for it.
 *
 * Guards: while a mapping is made that takes for ever, be it because there is so much
 * of it or because he does not answer a fault, everything else goes on: his own other
 * threads at the same memory map, other containers, everybody's questions; and the call
 * can be killed. So it is with a look for pins. Fails if mmap_lock or a lock of the
 * layer's own is held from one end of such a call to the other.
 *
 * Nothing is timed: a number of things has to be done, and then the call must not have
 * come back.
 *
 * A container's own lock is held as long as mainline holds it. Who waits until nothing
 * is pinned of a file asks all containers, and so does wait for it.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "hostile.h"

RULE_FIXTURE(hold, DEVICE_NIC)
ON_EVERY_V2_FRONT(hold);

/* How often something else is done in the meantime */
#define TIMES 200

/* More than can be mapped or looked at while a test runs; it does not exist. */
#define ENDLESS (1024UL << 30)

static char *endless(size_t size)
{
	return mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/**
 * struct call - one that lasts
 * @front: where it maps
 * @memory: what
 * @size: how much
 * @prot: for what
 * @tid: the thread that makes it, or 0 if there is none yet
 * @back: it has returned
 */
struct call {
	struct front front;
	char *memory;
	size_t size;
	int prot;
	atomic_int tid;
	atomic_bool back;
};

static int his_front(struct front *front, const struct front_ops *ops)
{
	return privilege_root(true) ?: front_open(front, ops) ?:
	       front_attach(front, DEVICE_EDU) ?: hostile_become(HOSTILE_USER);
}

static void *map_for_ever(void *arg)
{
	struct call *call = arg;

	atomic_store(&call->tid, gettid());
	front_map(&call->front, call->memory, 1UL << 32, call->size, call->prot);
	atomic_store(&call->back, true);
	return NULL;
}

/* What needs mmap_lock, for writing and for reading */
static int use_memory(size_t page)
{
	char *memory = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	memset(memory, 1, 4 * page);
	return mprotect(memory, page, PROT_READ) || munmap(memory, 4 * page) ? -errno : 0;
}

/* A thread's state, and its ticks in the kernel: its own, not those of its process */
static char state_of(pid_t tid, unsigned long *ticks)
{
	char path[48], text[512], state, *at;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", tid, tid);
	file = fopen(path, "re");
	if (!file)
		return '\0';
	at = fgets(text, sizeof(text), file) ? strrchr(text, ')') : NULL;
	fclose(file);
	/* The 3rd and the 15th field */
	if (!at || sscanf(at + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu", &state,
			  ticks) != 2)
		return '\0';
	return state;
}

/* Has it begun? So much that it holds the processor has been done by the kernel. */
static bool is_in_kernel(pid_t tid)
{
	unsigned long ticks;

	return state_of(tid, &ticks) && ticks >= 10;
}

static bool waits(pid_t tid)
{
	unsigned long ticks;

	return state_of(tid, &ticks) == 'D';
}

/* What a neighbour does with a container, with memory and with questions of his own */
static int be_neighbour(struct world *w, int ask, char *memory)
{
	char *private = memory + PAGES / 2 * w->page;
	struct pinacct_pin_range ranges[PAGES];
	struct pinacct_refusal refusal;
	struct pinacct_usage usage;

	return map_at(w, memory, 0, PAGES / 2) ?:
	       (map_at(w, memory, PAGES, PAGES) == -ENOMEM ? 0 : -EPROTO) ?:
	       ask_refusal(ask, 0, &refusal) ?: ask_usage(ask, 0, &usage) ?:
	       (ask_pins(ask, PINACCT_PINS_BY_PAGE, memory, PAGES * w->page, ranges, PAGES) == 1 ?
		0 : -EPROTO) ?:
	       ask_exclude(ask, private, w->page, true) ?: ask_wait(ask, -1) ?:
	       ask_exclude(ask, private, w->page, false) ?: unmap_at(w, 0, PAGES / 2);
}

static void check_neighbour(struct __test_metadata *_metadata, struct _test_data_hold *self)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	int i;

	ASSERT_EQ(0, limit_pages(w, PAGES));
	for (i = 0; i < TIMES; i++)
		ASSERT_EQ(0, be_neighbour(w, self->ask, memory));
	EXPECT_BACK(w);
}

/* A mapping of a TiB of zero pages, which costs nothing but time */
FRONT_TEST(hold, endless_mapping)
{
	struct call call = { .size = ENDLESS, .prot = FRONT_READ };
	struct world *w = &self->world;
	struct child child;
	pthread_t thread;
	int i, rc;

	ASSERT_EQ(0, params_set("zero_page", "ignore"));
	HOSTILE(&child, ({
		rc = his_front(&call.front, w->front.ops);
		call.memory = endless(call.size);
		rc = rc ?: -pthread_create(&thread, NULL, map_for_ever, &call);
		while (!rc && !atomic_load(&call.back) && !is_in_kernel(atomic_load(&call.tid)))
			sched_yield();
		for (i = 0; i < TIMES && !rc; i++)
			rc = use_memory(w->page);
		child_tell(&child, rc);
		child_wait(&child);
		child_tell(&child, atomic_load(&call.back));
	}));
	EXPECT_EQ(0, child_result(&child));
	check_neighbour(_metadata, self);
	ASSERT_EQ(0, child_go_on(&child));
	EXPECT_EQ(0, child_result(&child)) {
		TH_LOG("it was too quick, or has failed");
	}
	HOSTILE_ENDS(&child);
}

/* A fault that he does not answer, for which iommufd waits */
FRONT_TEST(hold, unanswered_fault)
{
	struct call call = { .prot = FRONT_RW };
	struct uffdio_api api = { .api = UFFD_API };
	struct world *w = &self->world;
	struct uffdio_register what;
	struct child child;
	struct uffd_msg msg;
	pthread_t thread;
	int i, rc, fd;

	if (!variant->ops->iommufd)
		SKIP(return, "type1 does not wait for a userfaultfd");
	call.size = PAGES * w->page;
	HOSTILE(&child, ({
		call.memory = memory_untouched(call.size);
		what = (struct uffdio_register){
			.range = { (uintptr_t)call.memory, call.size },
			.mode = UFFDIO_REGISTER_MODE_MISSING,
		};
		rc = privilege_root(true);
		fd = syscall(__NR_userfaultfd, O_CLOEXEC);
		if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &what))
			rc = -errno;
		rc = rc ?: his_front(&call.front, w->front.ops);
		rc = rc ?: -pthread_create(&thread, NULL, map_for_ever, &call);
		/* It says so when it has come to the fault. */
		if (!rc && read(fd, &msg, sizeof(msg)) != sizeof(msg))
			rc = -errno;
		for (i = 0; i < TIMES && !rc; i++)
			rc = use_memory(w->page);
		child_tell(&child, rc);
		child_wait(&child);
		child_tell(&child, atomic_load(&call.back));
	}));
	EXPECT_EQ(0, child_result(&child));
	check_neighbour(_metadata, self);
	ASSERT_EQ(0, child_go_on(&child));
	EXPECT_EQ(0, child_result(&child));
	HOSTILE_ENDS(&child);
}

/*
 * A look for pins in 64 TiB, page by page, while somebody else waits for the same
 * descriptor: both can be killed, the latter first.
 */
FRONT_TEST(hold, endless_look)
{
	size_t size = 64 * ENDLESS;
	struct child looks, joins;
	char *memory;
	int ask;

	ask = ask_open();
	ASSERT_LE(0, ask);
	HOSTILE(&looks, ({
		memory = endless(size);
		child_tell(&looks, hostile_become(HOSTILE_USER) ?:
			   ask_exclude(ask, memory, size, true));
		ask_wait(ask, 0);
		child_tell(&looks, 1);
	}));
	EXPECT_EQ(0, child_result(&looks));
	while (!is_in_kernel(looks.pid))
		sched_yield();
	HOSTILE(&joins, ({
		child_tell(&joins, hostile_become(HOSTILE_USER));
		ask_wait(ask, 0);
	}));
	EXPECT_EQ(0, child_result(&joins));
	while (!waits(joins.pid))
		sched_yield();
	check_neighbour(_metadata, self);
	HOSTILE_ENDS(&joins);
	AS_ROOT(ASSERT_EQ(0, kill(looks.pid, SIGKILL)));
	/* It has ended in its call: it told nothing behind it. */
	EXPECT_EQ(-EPIPE, child_result(&looks));
	ASSERT_EQ(0, child_end(&looks, 0));
	ASSERT_EQ(0, close(ask));
}

TEST_HARNESS_MAIN
