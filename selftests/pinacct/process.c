// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is charged when processes come and go.
 *
 * Guards: the process that maps is charged, under its own limit; what it owed is
 * gone with it, and never taken from anybody else. Fails if a death, an exec or
 * a fork leaves a charge or a pin behind, or if a later unmap by another process
 * is refunded to the wrong mm (which shows as VmLck that wraps or drops).
 */
#include <pthread.h>

#include "child.h"
#include "fixture.h"

/* A child that maps so much memory, and ends when it is told to go on. */
static int child_maps(struct child *child, struct world *w, const void *memory,
		      unsigned long npages)
{
	int rc = child_start(child);

	if (rc)
		return rc;
	if (!child->pid) {
		child_tell(child, map_at(w, memory, 0, npages));
		child_wait(child);
		_exit(0);
	}
	return child_result(child);
}

/* The child owes N pages; N pins are held in all; nobody else owes anything. */
#define EXPECT_CHILD_OWES(world, child, n)					\
	do {									\
		const struct front_ops *_ops = (world)->front.ops;		\
		struct counters _now;						\
		ASSERT_EQ(0, counters_read_of((child)->pid, &_now));		\
		EXPECT_EQ(_ops->payer == FRONT_PAYER_MM ? (n) : 0, _now.lck);	\
		EXPECT_EQ(_ops->iommufd ? (n) : 0, _now.pin);			\
		EXPECT_EQ(_ops->payer == FRONT_PAYER_USER ? (n) : 0,		\
			  _now.user - (world)->base.user);			\
		EXPECT_EQ((n), _now.held - (world)->base.held);			\
	} while (0)

/* This process owes nothing of its own, whatever the user and others do. */
#define EXPECT_PARENT_FREE(world)						\
	do {									\
		struct counters _now;						\
		ASSERT_EQ(0, counters_read(&_now));				\
		EXPECT_EQ((world)->base.lck, _now.lck);				\
		EXPECT_EQ((world)->base.pin, _now.pin);				\
	} while (0)

/* HELD pages are pinned, and the user owes them if users are charged. */
#define EXPECT_ORPHANED(world, n)						\
	do {									\
		const struct front_ops *_ops = (world)->front.ops;		\
		struct counters _now;						\
		ASSERT_EQ(0, counters_read(&_now));				\
		EXPECT_EQ((n), _now.held - (world)->base.held);			\
		EXPECT_EQ(_ops->payer == FRONT_PAYER_USER ? (n) : 0,		\
			  _now.user - (world)->base.user);			\
	} while (0)

FRONT_TEST(front, child_maps_and_unmaps)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct child child;

	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		child_tell(&child, map_at(w, memory, 0, PAGES));
		child_wait(&child);
		child_tell(&child, unmap_at(w, 0, PAGES));
		child_wait(&child);
		_exit(0);
	}
	ASSERT_EQ(0, child_result(&child));
	EXPECT_CHILD_OWES(w, &child, PAGES);
	EXPECT_PARENT_FREE(w);
	ASSERT_EQ(0, child_go_on(&child));
	ASSERT_EQ(0, child_result(&child));
	EXPECT_CHILD_OWES(w, &child, 0);
	EXPECT_BACK(w);
	ASSERT_EQ(0, child_end(&child, SIGKILL));
}

FRONT_TEST(front, child_dies_mapping_stays)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct child child;

	ASSERT_EQ(0, child_maps(&child, w, memory, PAGES));
	EXPECT_CHILD_OWES(w, &child, PAGES);
	ASSERT_EQ(0, child_end(&child, SIGKILL));
	EXPECT_ORPHANED(w, PAGES);
	EXPECT_PARENT_FREE(w);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

/* The child has the last reference to the front end when it is killed. */
FRONT_TEST(front, child_dies_with_everything)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 3 * 512);
	struct child child;

	ASSERT_EQ(0, child_maps(&child, w, memory, 3 * 512));
	front_close(&w->front);
	EXPECT_CHILD_OWES(w, &child, 3 * 512);
	ASSERT_EQ(0, child_end(&child, SIGKILL));
	EXPECT_BACK(w);
}

/* A fork copies the mm, not what the mm owes. */
FRONT_TEST(front, fork_while_mapped)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct counters now;
	struct child child;

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		child_tell(&child, 0);
		child_wait(&child);
		child_tell(&child, unmap_at(w, 0, PAGES));
		child_wait(&child);
		_exit(0);
	}
	ASSERT_EQ(0, child_result(&child));
	ASSERT_EQ(0, counters_read_of(child.pid, &now));
	EXPECT_EQ(0, now.lck);
	EXPECT_EQ(0, now.pin);
	EXPECT_OWED(w, PAGES);

	/* The child unmaps; the parent is refunded. */
	ASSERT_EQ(0, child_go_on(&child));
	ASSERT_EQ(0, child_result(&child));
	ASSERT_EQ(0, counters_read_of(child.pid, &now));
	EXPECT_EQ(0, now.lck);
	EXPECT_EQ(0, now.pin);
	EXPECT_BACK(w);
	ASSERT_EQ(0, child_end(&child, SIGKILL));
}

FRONT_TEST(front, parent_unmaps_for_child)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct child child;

	ASSERT_EQ(0, child_maps(&child, w, memory, PAGES));
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_CHILD_OWES(w, &child, 0);
	EXPECT_BACK(w);
	ASSERT_EQ(0, child_end(&child, SIGKILL));
}

/* After exec the process has a new mm, which never owed anything. */
FRONT_TEST(front, exec_while_mapped)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct counters now;
	struct child child;
	char said = 0;

	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		child_tell(&child, map_at(w, memory, 0, PAGES));
		dup2(child.to_child[0], STDIN_FILENO);
		dup2(child.from_child[1], STDOUT_FILENO);
		execlp("cat", "cat", NULL);
		_exit(1);
	}
	ASSERT_EQ(0, child_result(&child));
	/* An answer of cat's means that the exec is over. */
	ASSERT_EQ(0, child_go_on(&child));
	said = 1;
	ASSERT_EQ(1, read(child.from_child[0], &said, 1));
	ASSERT_EQ(0, said);

	EXPECT_ORPHANED(w, PAGES);
	ASSERT_EQ(0, counters_read_of(child.pid, &now));
	EXPECT_EQ(0, now.lck);
	EXPECT_EQ(0, now.pin);

	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	ASSERT_EQ(0, counters_read_of(child.pid, &now));
	EXPECT_EQ(0, now.lck);
	EXPECT_EQ(0, now.pin);
	EXPECT_BACK(w);
	ASSERT_EQ(0, child_end(&child, SIGKILL));
}

FRONT_TEST(front, limit_is_the_mappers)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct child child;

	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		limit_pages(w, PAGES - 1);
		child_tell(&child, map_at(w, memory, 0, PAGES));
		child_wait(&child);
		_exit(0);
	}
	EXPECT_EQ(-ENOMEM, child_result(&child));
	EXPECT_BACK(w);

	/* This process has a limit of its own, and may. */
	EXPECT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, child_end(&child, SIGKILL));
}

/* Two processes of one user share the user's charge, and not the mm's. */
FRONT_TEST(front, two_processes_one_user)
{
	struct world *w = &self->world;
	bool shared = variant->ops->payer == FRONT_PAYER_USER;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct child child;

	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, child_maps(&child, w, memory, PAGES - 4));
	EXPECT_EQ(shared ? -ENOMEM : 0, map_at(w, memory, 2 * PAGES, 5));
	EXPECT_EQ(0, map_at(w, memory, 3 * PAGES, 4));
	ASSERT_EQ(0, child_end(&child, SIGKILL));
}

struct mapper {
	struct world *world;
	char *memory;
	int rc;
};

static void *map_in_thread(void *arg)
{
	struct mapper *mapper = arg;

	mapper->rc = map_at(mapper->world, mapper->memory, 0, PAGES);
	return NULL;
}

/* The thread that mapped is gone; its process is there and owes. */
FRONT_TEST(front, thread_dies)
{
	struct world *w = &self->world;
	struct mapper mapper = { .world = w, .memory = ASSERT_MEMORY(anonymous, PAGES) };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, map_in_thread, &mapper));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, mapper.rc);
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

TEST_HARNESS_MAIN
