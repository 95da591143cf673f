// SPDX-License-Identifier: GPL-2.0-only
/* Does one more payer, or one more who is refused, cost more where there are many? */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "memory.h"
#include "privilege.h"
#include "scale.h"

/* Pages of each, and the IOVAs that it has for itself */
#define EACH 64
#define ROOM (4UL << 20)

static unsigned long each_size(void)
{
	return EACH * memory_page();
}

/* What a child has measured; it tells no more than an int by itself. */
static unsigned long long *results(unsigned long n)
{
	void *memory = mmap(NULL, n * sizeof(long long), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	check(memory == MAP_FAILED ? -errno : 0, "memory");
	return memory;
}

static unsigned long long sum(const unsigned long long *took, unsigned long n)
{
	unsigned long long all = 0;

	while (n--)
		all += took[n];
	return all;
}

static void in_child(struct child *child, struct front *front, unsigned long i,
		     unsigned long long *took)
{
	char *memory = touched(each_size());
	unsigned long long began;

	child_tell(child, 0);
	child_wait(child);
	began = ticks();
	check(front_map(front, memory, IOVA + i * ROOM, each_size(), FRONT_RW), "map");
	*took = ticks() - began;
	child_tell(child, 0);
	child_wait(child);
	began = ticks();
	check(front_unmap(front, IOVA + i * ROOM, each_size(), NULL), "unmap");
	*took = ticks() - began;
	child_tell(child, 0);
	child_wait(child);
	_exit(0);
}

/* All take the same step, one after the other. */
static void step(struct child *children, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		check(child_go_on(&children[i]), "child");
		check(child_result(&children[i]), "child");
	}
}

static void processes_of(const struct way *way, unsigned long n)
{
	struct child *children = calloc(n, sizeof(*children));
	unsigned long long *took = results(n);
	struct front front;
	long before;

	start("processes", way->name, n);
	check(children ? 0 : -ENOMEM, "memory");
	open_way(&front, way);
	for (unsigned long i = 0; i < n; i++) {
		check(child_start(&children[i]), "fork");
		if (!children[i].pid)
			in_child(&children[i], &front, i, &took[i]);
		check(child_result(&children[i]), "child");
	}

	before = kept();
	step(children, n);
	tell("map", sum(took, n));
	tell("kept", kept() - before);
	step(children, n);
	tell("unmap", sum(took, n));

	for (unsigned long i = 0; i < n; i++) {
		child_go_on(&children[i]);
		check(child_end(&children[i], 0), "child");
	}
	front_close(&front);
	munmap(took, n * sizeof(*took));
	free(children);
}

/**
 * processes - many processes that map for one container, each its own memory
 * @n: how many
 */
void processes(unsigned long n)
{
	for (size_t i = 0; i < MAIN_WAYS; i++)
		processes_of(&ways[i], n);
}

/* Nobody else in the machine has these. */
#define FIRST_USER 10000

/* Maps for user @i, who is gone afterwards, but for what he is charged. */
static void as_user(struct front *front, unsigned long i, unsigned long limit, int expected,
		    unsigned long long *took)
{
	unsigned long long began;
	struct child child;
	char *memory;
	int rc;

	check(child_start(&child), "fork");
	if (child.pid) {
		check(child_result(&child), "child");
		check(child_end(&child, 0), "child");
		return;
	}
	memory = touched(each_size());
	check(privilege_become(FIRST_USER + i), "user");
	check(privilege_limit(limit), "limit");
	began = ticks();
	rc = front_map(front, memory, IOVA + i * ROOM, each_size(), FRONT_RW);
	*took = ticks() - began;
	check(rc == expected ? 0 : rc ?: -EIO, "map");
	child_tell(&child, 0);
	_exit(0);
}

/**
 * users - many users who are charged
 * @n: how many
 */
void users(unsigned long n)
{
	unsigned long long *took = results(n), began;
	struct front front;
	long before;

	/* The one that charges users */
	start("users", ways[2].name, n);
	open_way(&front, &ways[2]);
	before = kept();
	for (unsigned long i = 0; i < n; i++)
		as_user(&front, i, each_size(), 0, &took[i]);
	tell("map", sum(took, n));
	tell("kept", kept() - before);
	began = ticks();
	for (unsigned long i = 0; i < n; i++)
		check(front_unmap(&front, IOVA + i * ROOM, each_size(), NULL), "unmap");
	tell("unmap", ticks() - began);
	front_close(&front);
	munmap(took, n * sizeof(*took));
}

/**
 * refused_users - many users who are refused
 * @n: how many
 */
void refused_users(unsigned long n)
{
	unsigned long long *took = results(n);

	for (size_t w = 0; w < nways; w++) {
		struct front front;
		long before;

		start("refused-users", ways[w].name, n);
		open_way(&front, &ways[w]);
		before = kept();
		for (unsigned long i = 0; i < n; i++)
			as_user(&front, i, each_size() - memory_page(), -ENOMEM, &took[i]);
		tell("map", sum(took, n));
		tell("kept", kept() - before);
		front_close(&front);
	}
	munmap(took, n * sizeof(*took));
}
