/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a race is: memory, who maps it, who disturbs it, and what is counted.
 *
 * A play is one race on one front end, in a process of its own. It has two threads:
 * the mapper maps and unmaps parts of the arena, the disturber does one thing to it
 * again and again. A round begins with fresh memory and ends with nothing mapped.
 */
#ifndef PINACCT_RACES_H
#define PINACCT_RACES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "counters.h"
#include "front.h"

struct play;

/* Younger than the host's C library */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* What the arena and the mapper count in */
#define PAGE 4096UL

/* Numbers that only depend on a seed, which is never 0 */
struct dice {
	unsigned long state;
};

/* The kinds of memory that a round may have; a race says which of them. */
enum arena_kind {
	ARENA_SMALL,	/* private, 4 KiB pages */
	ARENA_HUGE,	/* private, for huge pages */
	ARENA_FILE,	/* a memfd */
	ARENA_HUGETLB,	/* a memfd of reserved 2 MiB pages */
	ARENA_LARGE,	/* private and untouched, enough for two tasks of pin_threads */
	ARENA_KINDS,
};

/* Pages of the largest */
#define ARENA_MOST (17 * 512)

#define ON(kind)	(1U << (kind))
#define ON_PRIVATE	(ON(ARENA_SMALL) | ON(ARENA_HUGE))
#define ON_FILES	(ON(ARENA_FILE) | ON(ARENA_HUGETLB))
#define ON_ANY		(ON_PRIVATE | ON_FILES | ON(ARENA_LARGE))

/**
 * struct arena - the memory of a round
 * @kind: of it
 * @fd: of its file, or -1
 * @memory: where it is; always the same
 * @spare: as much room, where there is no memory
 * @npages: its size in pages of 4 KiB
 */
struct arena {
	enum arena_kind kind;
	int fd;
	char *memory;
	char *spare;
	size_t npages;
};

/**
 * struct part - a part of the arena
 * @at: its first page
 * @npages: its size
 * @start: where it is
 * @size: in bytes
 */
struct part {
	size_t at;
	size_t npages;
	char *start;
	size_t size;
};

#define MAPPINGS 24

/* Pages of the arena that are mapped in one call */
struct mapping {
	size_t at;
	size_t npages;
};

/**
 * struct tally - what was done, for all to see: in shared memory
 * @calls: of the mapper, to map or to unmap; odd while one is being served
 * @done: what the disturber did
 * @met: of that, what went on while a call was being served
 * @stop: the disturber is to rest
 * @failed: -errno of what the disturber could not do, or what it must not
 */
struct tally {
	atomic_uint calls;
	atomic_uint done;
	atomic_uint met;
	atomic_bool stop;
	atomic_int failed;
};

/* What disturb() returns besides 0 and -errno: this time nothing could be done. */
#define NOT_DONE 1

/**
 * struct race - one way to disturb
 * @name: as the tests are called
 * @kinds: memory that it is for
 * @keeps: memory that is pinned stays what its address leads to
 * @root: the disturber is root
 * @any_charge: what is charged for a mapping is not known until it is gone
 * @may_fail: errnos that a map may return, ended by 0; NULL if there are none
 * @prepare: before the mapper gives up being root, once; or NULL
 * @before: before each round, by its number; or NULL
 * @disturb: once; 0, NOT_DONE or -errno, which ends the race
 * @die: in place of all others: end the mapper, whose pid it is, as it maps. 0 in the
 *	 mapper's process
 * @restore: as root, however the race has ended; or NULL
 */
struct race {
	const char *name;
	unsigned int kinds;
	bool keeps;
	bool root;
	bool any_charge;
	const int *may_fail;
	int (*prepare)(struct play *play);
	int (*before)(struct play *play, unsigned int round);
	int (*disturb)(struct play *play);
	int (*die)(struct play *play, pid_t pid);
	void (*restore)(void);
};

/**
 * struct play - a race on a front end
 * @race: which
 * @ops: the front end
 * @front: it, open, with the edu device behind it
 * @other: one more that races may open
 * @arena: its memory
 * @map_dice: what the mapper does
 * @disturb_dice: what the disturber does
 * @maps: what is mapped now
 * @nmaps: how many of these
 * @iova: where the arena's first page is mapped
 * @by_file: this round maps by file
 * @tally: what was done
 * @base: the counters when nothing is mapped
 * @ask: /dev/pinacct
 * @refused: how many maps failed
 * @held: a file that is open as long as the play lasts, or -1
 * @enough: as many calls have begun or ended, at least, before the mapper's process ends
 */
struct play {
	const struct race *race;
	const struct front_ops *ops;
	struct front front;
	struct front other;
	struct arena arena;
	struct dice map_dice;
	struct dice disturb_dice;
	struct mapping maps[MAPPINGS];
	unsigned int nmaps;
	__u64 iova;
	bool by_file;
	struct tally *tally;
	struct counters base;
	int ask;
	unsigned long refused;
	int held;
	unsigned int enough;
};

/**
 * struct goal - when a race is over
 * @rounds: so many rounds in which they met, and
 * @seconds: not before that time has passed
 */
struct goal {
	unsigned int rounds;
	unsigned int seconds;
};

/* arena.c */
int arena_reserve(struct arena *arena);
int arena_fill(struct arena *arena, enum arena_kind kind, struct dice *dice);
int arena_put_back(const struct arena *arena, const struct part *part);
void arena_touch(const struct part *part, unsigned int seed);
struct part arena_part(const struct arena *arena, struct dice *dice, size_t most);
struct part any_part(struct play *play);
bool arena_is_huge(const struct arena *arena);

/* mapper.c */
unsigned long roll(struct dice *dice, unsigned long n);
int map_whole(struct play *play);
int map_some(struct play *play);
int unmap_everything(struct play *play);
bool may_fail(const struct play *play, int rc);

/* checks.c */
int check_mapped(struct play *play, bool keeps);
int check_gone(struct play *play);
int tell(const struct play *play, const char *what, long wanted, long found);

/* play.c, death.c */
int play_rounds(struct play *play, const struct goal *goal);
int death_round(struct play *play);
int play_open(struct play *play, struct front *front);

/* system.c */
int write_text(const char *path, const char *text);
int read_text(const char *path, char *text, size_t size);
long read_number(const char *path);

extern const struct race by_address[], by_file[], by_kernel[], by_driver[], by_death[];

#endif
