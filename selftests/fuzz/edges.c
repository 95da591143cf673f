// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where in our modules a thread has been, from KCOV: only they are compiled with it
 * (COVERAGE=yes scripts/build-modules.sh). What other threads do for it is not seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "edges.h"

/* Words of the kernel's buffer: places of one command. What is beyond is not seen. */
#define PLACES (1UL << 18)

static int kcov = -1;
static unsigned long *places;

/**
 * edges_open - get ready, as root; children inherit it
 *
 * Return: 0 or -errno; -ENOENT where the kernel has no KCOV
 */
int edges_open(void)
{
	kcov = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (kcov < 0)
		return -errno;
	if (ioctl(kcov, KCOV_INIT_TRACE, PLACES))
		return -errno;
	places = mmap(NULL, PLACES * sizeof(*places), PROT_READ | PROT_WRITE, MAP_SHARED, kcov, 0);
	return places == MAP_FAILED ? -errno : 0;
}

/**
 * edges_start - watch this thread, until it ends
 *
 * Return: 0, also where there is no KCOV, or -errno
 */
int edges_start(void)
{
	return places && ioctl(kcov, KCOV_ENABLE, KCOV_TRACE_PC) ? -errno : 0;
}

/**
 * edges_forget - what was until now does not count
 */
void edges_forget(void)
{
	if (places)
		__atomic_store_n(&places[0], 0, __ATOMIC_RELAXED);
}

/**
 * edges_collect - add what was since edges_forget()
 * @edges: gets it
 */
void edges_collect(struct edges *edges)
{
	unsigned long n, i, before = 0;

	if (!places)
		return;
	n = __atomic_load_n(&places[0], __ATOMIC_RELAXED);
	for (i = 1; i <= n && i < PLACES; i++) {
		unsigned long edge = (places[i] ^ before * 3) * 0x9e3779b97f4a7c15UL >> 48;

		edges->words[edge / 64] |= 1UL << edge % 64;
		before = places[i];
	}
}

/**
 * edges_add - a union
 * @to: one set, gets it
 * @from: the other
 */
void edges_add(struct edges *to, const struct edges *from)
{
	unsigned long i;

	for (i = 0; i < EDGES_WORDS; i++)
		to->words[i] |= from->words[i];
}

/**
 * edges_remove - a difference
 * @from: one set, gets it
 * @what: is removed
 */
void edges_remove(struct edges *from, const struct edges *what)
{
	unsigned long i;

	for (i = 0; i < EDGES_WORDS; i++)
		from->words[i] &= ~what->words[i];
}

/**
 * edges_keep - an intersection
 * @of: one set, gets it
 * @what: the other
 */
void edges_keep(struct edges *of, const struct edges *what)
{
	unsigned long i;

	for (i = 0; i < EDGES_WORDS; i++)
		of->words[i] &= what->words[i];
}

/**
 * edges_count - how many
 * @edges: the set
 */
long edges_count(const struct edges *edges)
{
	unsigned long i;
	long n = 0;

	for (i = 0; i < EDGES_WORDS; i++)
		n += __builtin_popcountl(edges->words[i]);
	return n;
}

/**
 * edges_new - how many are in one set only
 * @edges: that set
 * @known: the other
 */
long edges_new(const struct edges *edges, const struct edges *known)
{
	unsigned long i;
	long n = 0;

	for (i = 0; i < EDGES_WORDS; i++)
		n += __builtin_popcountl(edges->words[i] & ~known->words[i]);
	return n;
}
