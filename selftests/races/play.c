// SPDX-License-Identifier: GPL-2.0-only
/*
 * How is a race run?
 *
 * Both threads begin a round together. It ends when the mapper has done its steps and
 * they have met; if they do not, after many steps. A disturber may be slow: taking a
 * CPU offline lasts as long as hundreds of maps.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "map_file.h"
#include "memory.h"
#include "params.h"
#include "privilege.h"
#include "races.h"

/* Steps of the mapper in a round; and where it must wait for the disturber */
#define STEPS 8
#define MANY_STEPS 3000

/* Until they have met often enough, so many rounds may pass for each time. */
#define ROUNDS_FOR_ONE 4

/* Below what edu could address, were it asked to; and off every 2 MiB boundary. */
#define IOVA 0x40000000UL
#define IOVA_OFF (IOVA + 0x3000)

/**
 * struct disturber - the other thread
 * @play: what it disturbs
 * @begin: both wait here before a round
 * @rest: and here after it
 * @quit: there are no more
 */
struct disturber {
	struct play *play;
	pthread_barrier_t begin;
	pthread_barrier_t rest;
	bool quit;
};

/* Was a call served while the disturber was at it? */
static void disturb_once(struct play *play)
{
	struct tally *tally = play->tally;
	unsigned int before = atomic_load(&tally->calls);
	int rc = play->race->disturb(play);

	if (rc < 0)
		atomic_store(&tally->failed, rc);
	if (rc)
		return;
	atomic_fetch_add(&tally->done, 1);
	if (before % 2 || before != atomic_load(&tally->calls))
		atomic_fetch_add(&tally->met, 1);
}

static void *disturb(void *arg)
{
	struct disturber *disturber = arg;
	struct play *play = disturber->play;

	for (;;) {
		pthread_barrier_wait(&disturber->begin);
		if (disturber->quit)
			return NULL;
		/* Not by seteuid(), which would make all threads root. */
		if (play->race->root && syscall(SYS_setresuid, -1, 0, -1))
			atomic_store(&play->tally->failed, -errno);
		while (!atomic_load(&play->tally->stop) && !atomic_load(&play->tally->failed))
			disturb_once(play);
		pthread_barrier_wait(&disturber->rest);
	}
}

static int map_while_disturbed(struct play *play)
{
	unsigned int met = atomic_load(&play->tally->met);
	int i, rc = 0;

	for (i = 0; !rc && i < MANY_STEPS; i++) {
		if (atomic_load(&play->tally->failed))
			break;
		if (i >= STEPS && atomic_load(&play->tally->met) != met)
			break;
		rc = map_some(play);
	}
	return rc;
}

/* The kinds of memory that this race is for take turns. */
static enum arena_kind kind_of_round(const struct play *play, unsigned int round)
{
	unsigned int n = round % __builtin_popcount(play->race->kinds);
	enum arena_kind kind = 0;

	while (!(play->race->kinds & ON(kind)) || n--)
		kind++;
	return kind;
}

static int begin_round(struct play *play, unsigned int round)
{
	int rc;

	rc = arena_fill(&play->arena, kind_of_round(play, round), &play->map_dice);
	if (rc)
		return tell(play, "errno of making memory", 0, -rc);
	play->iova = roll(&play->map_dice, 2) ? IOVA : IOVA_OFF;
	play->by_file = play->arena.fd >= 0 && front_maps_files(&play->front) &&
			roll(&play->map_dice, 2);
	rc = params_set("pin_threads", play->arena.kind == ARENA_LARGE || round % 2 ? "2" : "1");
	if (!rc && play->race->before)
		rc = play->race->before(play, round);
	return tell(play, "errno of preparing a round", 0, -rc);
}

/* Whatever the disturber has left there is mapped right, now that it rests. */
static int map_in_peace(struct play *play)
{
	return map_whole(play) ?: check_mapped(play, true) ?: unmap_everything(play) ?:
	       check_gone(play);
}

static int one_round(struct play *play, struct disturber *disturber, unsigned int round)
{
	int rc, failed;

	if (play->race->die)
		return begin_round(play, round) ?: death_round(play);
	rc = begin_round(play, round);
	if (rc)
		return rc;
	atomic_store(&play->tally->stop, false);
	pthread_barrier_wait(&disturber->begin);
	rc = map_while_disturbed(play);
	atomic_store(&play->tally->stop, true);
	pthread_barrier_wait(&disturber->rest);
	failed = atomic_load(&play->tally->failed);
	rc = tell(play, "errno of the disturber", 0, -failed) ?: rc;
	rc = rc ?: check_mapped(play, play->race->keeps) ?: unmap_everything(play);
	return rc ?: check_gone(play) ?: map_in_peace(play);
}

static long seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/**
 * play_open - open a front end with the edu device behind it
 * @play: says which
 * @front: is opened
 *
 * Needs root.
 *
 * Return: 0 or -errno
 */
int play_open(struct play *play, struct front *front)
{
	return front_open(front, play->ops) ?: front_attach(front, DEVICE_EDU);
}

static int set_up(struct play *play)
{
	int rc = params_defaults() ?: arena_reserve(&play->arena);

	rc = rc ?: play_open(play, &play->front);
	rc = rc ?: (play->race->prepare ? play->race->prepare(play) : 0);
	rc = rc ?: privilege_drop() ?: counters_start() ?: counters_read(&play->base);
	play->ask = ask_open();
	rc = rc ?: (play->ask < 0 ? play->ask : 0);
	return tell(play, "errno of setting up", 0, -rc);
}

/**
 * play_rounds - play rounds until there were enough
 * @play: with race, ops, dice and tally; nothing else
 * @goal: how many are enough
 *
 * Return: 0, or a negative number if something was wrong, which has been told
 */
int play_rounds(struct play *play, const struct goal *goal)
{
	struct disturber disturber = { .play = play };
	long until = seconds() + goal->seconds;
	unsigned int round, met = 0, before;
	pthread_t thread;
	int rc;

	rc = set_up(play);
	if (rc)
		return rc;
	pthread_barrier_init(&disturber.begin, NULL, 2);
	pthread_barrier_init(&disturber.rest, NULL, 2);
	if (!play->race->die && pthread_create(&thread, NULL, disturb, &disturber))
		return -EAGAIN;
	for (round = 0; !rc && (met < goal->rounds || seconds() < until); round++) {
		if (met < goal->rounds && round - met > ROUNDS_FOR_ONE * goal->rounds)
			break;
		before = atomic_load(&play->tally->met);
		rc = one_round(play, &disturber, round);
		met += atomic_load(&play->tally->met) != before;
	}
	if (!rc && met < goal->rounds)
		rc = tell(play, "rounds in which they met", goal->rounds, met);
	if (!play->race->die) {
		disturber.quit = true;
		pthread_barrier_wait(&disturber.begin);
		pthread_join(thread, NULL);
	}
	front_close(&play->front);
	if (play->other.ops)
		front_close(&play->other);
	if (play->held >= 0)
		close(play->held);
	rc = rc ?: check_gone(play);
	printf("# %s.%s: %u rounds, they met in %u: %u times of %u; %u calls, %lu refused\n",
	       play->race->name, play->ops->name, round, met, atomic_load(&play->tally->met),
	       atomic_load(&play->tally->done), atomic_load(&play->tally->calls) / 2,
	       play->refused);
	return rc;
}
