/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests with several owners of memory: a child process that does what it is
 * told, one order at a time, also as another user or after exec(); and what is
 * expected of each of them.
 *
 * An inherited file descriptor stands for one that was passed: to the kernel, both
 * are the same file.
 */
#ifndef PINACCT_TEST_OWNER_H
#define PINACCT_TEST_OWNER_H

#include <fcntl.h>

#include "child.h"
#include "map_file.h"
#include "rule.h"

/* The memory that everybody has, of a memfd. */
#define MEMORY_PAGES (2 * PAGES)

/* Another uid that owns nothing in the machine. */
#define OTHER_USER (PRIVILEGE_USER + 1)

enum what {
	MAP,		/* memory at page AT, at the same page behind IOVA */
	MAP_BY_FILE,	/* the same by file */
	UNMAP,
	OPEN,		/* a front end of its own, with another device */
	MAP_OWN,	/* as MAP, there */
	UNMAP_OWN,
	GIVE,		/* the address of a mapping to type1 */
	CHANGE,		/* all mappings' owner, to be the child */
	LOCK,		/* memory, by mlock() */
	LIMIT,		/* of so many pages */
	BECOME,		/* another user */
	USER,		/* tell what that one is charged */
	EXEC,		/* this program again, which goes on as the child */
};

struct order {
	enum what what;
	unsigned long at;
	unsigned long npages;
};

struct owner {
	struct child child;
	struct world world;
	struct front own;
	char *memory;
	int fd;
};

static int tell_user(void)
{
	struct counters now;

	return counters_read(&now) ?: (int)now.user;
}

static int open_own(struct owner *owner)
{
	return privilege_root(true) ?: front_open(&owner->own, owner->world.front.ops) ?:
	       front_attach(&owner->own, DEVICE_NIC) ?: privilege_root(false);
}

/* Leaves what main() looks at in the arguments. */
static int exec_again(struct owner *owner)
{
	const struct front *front = &owner->world.front;
	const int numbers[] = {
		front->iommu, front->ioas, owner->fd,
		owner->child.to_child[0], owner->child.from_child[1],
	};
	char texts[5][16];
	int i;

	for (i = 0; i < 5; i++)
		snprintf(texts[i], sizeof(texts[i]), "%d", numbers[i]);
	if (fcntl(front->iommu, F_SETFD, 0) || fcntl(owner->fd, F_SETFD, 0))
		return -errno;
	execl("/proc/self/exe", "owners", "--owner", front->ops->name, texts[0], texts[1],
	      texts[2], texts[3], texts[4], NULL);
	return -errno;
}

static int carry_out(struct owner *owner, const struct order *order)
{
	struct world *w = &owner->world;
	size_t offset = order->at * w->page, size = order->npages * w->page;

	switch (order->what) {
	case MAP:
		return front_map(&w->front, owner->memory + offset, IOVA + offset, size, FRONT_RW);
	case MAP_BY_FILE:
		return front_map_file(&w->front, owner->fd, offset, IOVA + offset, size, FRONT_RW);
	case UNMAP:
		return front_unmap(&w->front, IOVA + offset, size, NULL);
	case OPEN:
		return open_own(owner);
	case MAP_OWN:
		return front_map(&owner->own, owner->memory + offset, IOVA + offset, size, FRONT_RW);
	case UNMAP_OWN:
		return front_unmap(&owner->own, IOVA + offset, size, NULL);
	case GIVE:
		return front_give_vaddr(&w->front, owner->memory + offset, IOVA + offset, size);
	case CHANGE:
		return front_change_process(&w->front);
	case LOCK:
		return mlock(owner->memory + offset, size) ? -errno : 0;
	case LIMIT:
		return limit_pages(w, order->npages);
	case BECOME:
		return privilege_become(OTHER_USER) ?: counters_start();
	case USER:
		return tell_user();
	case EXEC:
		return exec_again(owner);
	}
	return -EINVAL;
}

static void obey(struct owner *owner)
{
	struct order order;

	while (read(owner->child.to_child[0], &order, sizeof(order)) == sizeof(order))
		child_tell(&owner->child, carry_out(owner, &order));
	_exit(0);
}

/* What comes of EXEC */
static int go_on(char **args)
{
	static const struct front_ops *all[] = {
		&front_type1_v2, &front_iommufd_user, &front_iommufd_process, &front_compat_v2,
	};
	struct owner owner = { .world.page = memory_page() };
	struct front *front = &owner.world.front;
	int i;

	for (i = 0; i < 4; i++)
		if (!strcmp(args[0], all[i]->name))
			front->ops = all[i];
	front->iommu = atoi(args[1]);
	front->ioas = atoi(args[2]);
	owner.fd = atoi(args[3]);
	owner.child.to_child[0] = atoi(args[4]);
	owner.child.from_child[1] = atoi(args[5]);
	owner.memory = memory_of_file(owner.fd, MEMORY_PAGES * owner.world.page);
	child_tell(&owner.child, owner.memory == MAP_FAILED || !front->ops ? -EINVAL : 0);
	obey(&owner);
	return 0;
}

static int told(struct owner *owner, const struct order *order)
{
	if (write(owner->child.to_child[1], order, sizeof(*order)) != sizeof(*order))
		return -EPIPE;
	return child_result(&owner->child);
}

/* Have the child do what it is told: what has come of that. */
#define TELL(child, do_it, ...) told(child, &(struct order){ .what = do_it, ##__VA_ARGS__ })

#define ASSERT_CHILD(new)							\
	do {									\
		*(new) = (struct owner){					\
			.world = self->world,					\
			.memory = self->memory,					\
			.fd = self->fd,						\
		};								\
		ASSERT_EQ(0, child_start(&(new)->child));			\
		if (!(new)->child.pid)						\
			obey(new);						\
	} while (0)

/* As root, since it may be another user's. */
#define ASSERT_END(old) AS_ROOT(ASSERT_EQ(0, child_end(&(old)->child, SIGKILL)))

/* A process is charged LCK pages, if processes are, and has PIN pages pinned. */
#define EXPECT_PROCESS(process, lck_pages, pin_pages)				\
	do {									\
		const struct front_ops *_ops = self->world.front.ops;		\
		pid_t _pid = (process);						\
		bool _me = !_pid;						\
		struct counters *_base = &self->world.base, _now;		\
		long _lck = (lck_pages), _pin = (pin_pages);			\
		ASSERT_EQ(0, counters_read_of(_me ? getpid() : _pid, &_now));	\
		EXPECT_EQ(_ops->payer == FRONT_PAYER_MM ? _lck : 0,		\
			  _now.lck - (_me ? _base->lck : 0));			\
		EXPECT_EQ(_ops->iommufd ? _pin : 0,				\
			  _now.pin - (_me ? _base->pin : 0));			\
	} while (0)

#define EXPECT_ME(n)		EXPECT_PROCESS(0, n, n)
#define EXPECT_CHILD(who, n)	EXPECT_PROCESS((who)->child.pid, n, n)

/* This user is charged N pages, if users are, and PINS pins are held by all. */
#define EXPECT_USER(n, pins)							\
	do {									\
		const struct front_ops *_ops = self->world.front.ops;		\
		struct counters _now, _more;					\
		ASSERT_EQ(0, counters_read(&_now));				\
		_more = counters_since(&_now, &self->world.base);		\
		EXPECT_EQ(_ops->payer == FRONT_PAYER_USER ? (n) : 0, _more.user);\
		EXPECT_EQ(pins, _more.held);					\
	} while (0)

/* The same of the child's user, who is another. */
#define EXPECT_OTHER_USER(who, n)						\
	EXPECT_EQ(self->world.front.ops->payer == FRONT_PAYER_USER ? (n) : 0,	\
		  TELL(who, USER))

/* What the child has locked itself is its own affair: N pages, and no others. */
#define EXPECT_CHILD_LOCKED(who, n)						\
	do {									\
		struct counters _now;						\
		ASSERT_EQ(0, counters_read_of((who)->child.pid, &_now));	\
		EXPECT_EQ(n, _now.lck);						\
		EXPECT_EQ(0, _now.pin);						\
	} while (0)

/*
 * As RULE_FIXTURE(), without and with charge_once; but for what FIXTURE_SETUP() is
 * to do, which begins with OWNER_SETUP().
 */
#define OWNER_FIXTURE(fixture)							\
	FIXTURE(fixture)							\
	{									\
		struct world world;						\
		char *memory;							\
		int fd;								\
		int ask;							\
	};									\
	FIXTURE_VARIANT(fixture)						\
	{									\
		const struct front_ops *ops;					\
		bool once;							\
	};									\
	FIXTURE_TEARDOWN(fixture)						\
	{									\
		front_close(&self->world.front);				\
		EXPECT_BACK(&self->world);					\
		EXPECT_LEDGER(&self->world, self->ask, 0, 0);			\
		EXPECT_EQ(0, params_defaults());				\
	}

#define OWNER_SETUP()								\
	do {									\
		ASSERT_EQ(0, params_defaults());				\
		ASSERT_EQ(0, params_set("charge_once", variant->once ? "Y" : "N"));\
		WORLD_OPEN(&self->world, variant->ops);				\
		WORLD_ATTACH(&self->world, DEVICE_EDU);				\
		self->memory = ASSERT_MEMFD(&self->fd, MEMORY_PAGES);		\
		WORLD_DROP(&self->world);					\
		self->ask = ask_open();						\
		ASSERT_LE(0, self->ask);					\
	} while (0)

#define ON_FRONT_TWICE(fixture, front)						\
	ON_FRONT(fixture, front);						\
	FIXTURE_VARIANT_ADD(fixture, front##_once)				\
	{									\
		.ops = &front_##front,						\
		.once = true,							\
	}

/* What main() is to be, for the sake of EXEC. */
static inline int owner_main(int argc, char **argv)
{
	if (argc == 8 && !strcmp(argv[1], "--owner"))
		return go_on(argv + 2);
	return test_harness_run(argc, argv);
}

#endif
