// SPDX-License-Identifier: GPL-2.0-only
/*
 * What others wait for while a large mapping is made, and how soon it ends when its
 * process is killed.
 *
 * A thread of the same process touches memory of its own, another one maps and unmaps
 * memory of its own, and a third one maps a page for another device. None of it has
 * anything to do with the mapping, but for the locks of the process and the layer.
 * Before, they do the same beside a thread that computes, so that what they wait for
 * is a CPU only.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "memory.h"

/* A page in so many is what another thread touches at a time; then it begins anew. */
#define OTHERS_SIZE (16UL << 20)

/* How long others are watched beside a thread that computes, in seconds */
#define ALONE 2.0

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/**
 * struct other - a thread that does something over and over
 * @name: what it does
 * @once: does it; returns how long it has waited, in seconds
 * @front: by which it maps
 * @memory: what it works on
 * @at: where in it
 * @stop: it is to end
 * @longest: what it has waited for at most, in seconds
 * @thread: it
 */
struct other {
	const char *name;
	double (*once)(struct other *other);
	struct front *front;
	char *memory;
	size_t at;
	bool stop;
	double longest;
	pthread_t thread;
};

static double fault_once(struct other *other)
{
	double start;

	if (other->at == OTHERS_SIZE) {
		madvise(other->memory, OTHERS_SIZE, MADV_DONTNEED);
		other->at = 0;
	}
	start = now();
	other->memory[other->at] = 1;
	other->at += memory_page();
	return now() - start;
}

static double mmap_once(struct other *other)
{
	double start = now();
	void *memory = memory_untouched(memory_page());

	munmap(memory, memory_page());
	return now() - start;
}

static double map_once(struct other *other)
{
	double start = now();

	if (front_map(other->front, other->memory, IOVA, memory_page(), FRONT_RW) ||
	    front_unmap(other->front, IOVA, memory_page(), NULL))
		fail("map for another device", other->name, "", EIO);
	return now() - start;
}

static void *other_thread(void *arg)
{
	struct other *other = arg;

	while (!__atomic_load_n(&other->stop, __ATOMIC_RELAXED)) {
		double waited = other->once(other);

		if (waited > other->longest)
			other->longest = waited;
	}
	return NULL;
}

static void begin(struct other *others, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		others[i].stop = false;
		others[i].longest = 0;
		if (pthread_create(&others[i].thread, NULL, other_thread, &others[i]))
			fail("no thread", others[i].name, "", EAGAIN);
	}
}

static void end(struct other *others, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		__atomic_store_n(&others[i].stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < nr; i++)
		pthread_join(others[i].thread, NULL);
}

static void *must_have(size_t size)
{
	void *memory = memory_untouched(size);

	if (memory == MAP_FAILED)
		fail("no memory", "", "", errno);
	return memory;
}

static void waits_on_path(const struct path *path, size_t size)
{
	struct front front, second;
	struct other others[] = {
		{ .name = "fault", .once = fault_once, .memory = must_have(OTHERS_SIZE) },
		{ .name = "mmap", .once = mmap_once },
		{ .name = "map", .once = map_once, .front = &second,
		  .memory = must_have(memory_page()) },
	};
	double alone[ARRAY_SIZE(others)], start;
	char *memory = must_have(size);
	int rc;

	path_open(path, &front);
	rc = front_open(&second, path->ops);
	if (!rc)
		rc = front_attach(&second, DEVICE_NIC);
	if (rc)
		fail("open", path->name, "", -rc);

	begin(others, ARRAY_SIZE(others));
	for (start = now(); now() - start < ALONE;)
		;
	end(others, ARRAY_SIZE(others));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		alone[i] = others[i].longest;

	begin(others, ARRAY_SIZE(others));
	start = now();
	rc = front_map(&front, memory, IOVA, size, FRONT_RW);
	start = now() - start;
	end(others, ARRAY_SIZE(others));
	if (rc)
		fail("map", path->name, "untouched", -rc);

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		printf("wait %s %s %.2f %.2f %.2f\n", path->name, others[i].name,
		       start * 1e3, alone[i] * 1e3, others[i].longest * 1e3);
	front_close(&second);
	front_close(&front);
	munmap(memory, size);
	munmap(others[0].memory, OTHERS_SIZE);
	munmap(others[2].memory, memory_page());
}

/* Pages of a process that are in memory; 0 when it has none any more */
static long resident(pid_t pid)
{
	char path[32];
	long size, pages;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%ld %ld", &size, &pages) != 2)
		pages = 0;
	fclose(file);
	return pages;
}

/* Its memory grows while it maps what was untouched. */
static void kill_on_path(const struct path *path, size_t size)
{
	char *memory = must_have(size);
	double killed, grew;
	struct front front;
	long pages, before;
	pid_t child;

	path_open(path, &front);
	fflush(stdout);
	child = fork();
	if (child < 0)
		fail("no process", path->name, "", errno);
	if (!child)
		_exit(front_map(&front, memory, IOVA, size, FRONT_RW) != 0);

	while ((pages = resident(child)) < (long)(size / memory_page() / 4))
		if (waitpid(child, NULL, WNOHANG))
			fail("it has ended before it was killed", path->name, "", EIO);
	kill(child, SIGKILL);
	killed = now();
	grew = killed;
	while (!waitpid(child, NULL, WNOHANG)) {
		before = pages;
		pages = resident(child);
		if (pages > before)
			grew = now();
	}
	printf("kill %s %.2f %.2f\n", path->name, (grew - killed) * 1e3, (now() - killed) * 1e3);
	front_close(&front);
	munmap(memory, size);
}

/**
 * measure_waits - what others wait for, and how soon a killed process stops
 * @size: of the mapping, in bytes. The memory is untouched
 *
 * Prints, in milliseconds:
 *
 *	wait PATH WHAT MAPPING ALONE BESIDE
 *	kill PATH GREW ENDED
 */
void measure_waits(size_t size)
{
	for (size_t i = 0; i < CHARGED_PATHS; i++) {
		waits_on_path(&paths[i], size);
		kill_on_path(&paths[i], size);
	}
}
