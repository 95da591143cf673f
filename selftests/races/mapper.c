// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does the mapper do?
 *
 * It maps the whole arena, a part, or some pages one by one, and unmaps what is in the
 * way. No page is mapped twice, so what is charged and pinned is known: by how many
 * pages are mapped.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "map_file.h"
#include "races.h"

#define ONE_BY_ONE 8

/**
 * roll - throw dice
 * @dice: the dice
 * @n: not 0
 *
 * Return: 0 to n - 1
 */
unsigned long roll(struct dice *dice, unsigned long n)
{
	dice->state ^= dice->state << 13;
	dice->state ^= dice->state >> 7;
	dice->state ^= dice->state << 17;
	return (dice->state >> 11) % n;
}

/**
 * may_fail - may a map return that?
 * @play: the play
 * @rc: what it returned
 */
bool may_fail(const struct play *play, int rc)
{
	const int *error = play->race->may_fail;

	if (!rc)
		return true;
	while (error && *error && -rc != *error)
		error++;
	return error && *error;
}

static int tell_refusal(struct play *play, int rc)
{
	struct pinacct_refusal refusal = {};

	ask_refusal(play->ask, 0, &refusal);
	printf("# the last refusal: cause %u, errno %u\n", refusal.cause, refusal.error);
	return tell(play, "errno of a map", 0, -rc);
}

static int map_call(struct play *play, size_t at, size_t npages)
{
	__u64 iova = play->iova + at * PAGE;
	int prot = roll(&play->map_dice, 4) ? FRONT_RW : FRONT_READ;
	int rc;

	atomic_fetch_add(&play->tally->calls, 1);
	rc = play->by_file ?
	     front_map_file(&play->front, play->arena.fd, at * PAGE, iova, npages * PAGE, prot) :
	     front_map(&play->front, play->arena.memory + at * PAGE, iova, npages * PAGE, prot);
	atomic_fetch_add(&play->tally->calls, 1);
	if (rc) {
		play->refused++;
		return may_fail(play, rc) ? 0 : tell_refusal(play, rc);
	}
	play->maps[play->nmaps++] = (struct mapping){ at, npages };
	return 0;
}

static int unmap_call(struct play *play, unsigned int i)
{
	struct mapping map = play->maps[i];
	__u64 unmapped;
	int rc;

	play->maps[i] = play->maps[--play->nmaps];
	atomic_fetch_add(&play->tally->calls, 1);
	rc = front_unmap(&play->front, play->iova + map.at * PAGE, map.npages * PAGE, &unmapped);
	atomic_fetch_add(&play->tally->calls, 1);
	if (rc)
		return tell(play, "errno of an unmap", 0, -rc);
	if (unmapped != map.npages * PAGE)
		return tell(play, "pages unmapped", map.npages, unmapped / PAGE);
	return 0;
}

/* Also where there is room for ONE_BY_ONE more only when something goes. */
static int make_room(struct play *play, size_t at, size_t npages)
{
	unsigned int i;
	int rc = 0;

	for (i = play->nmaps; !rc && i--;)
		if (play->maps[i].at < at + npages &&
		    at < play->maps[i].at + play->maps[i].npages)
			rc = unmap_call(play, i);
	while (!rc && play->nmaps > MAPPINGS - ONE_BY_ONE)
		rc = unmap_call(play, roll(&play->map_dice, play->nmaps));
	return rc;
}

/**
 * map_whole - map the whole arena at once
 * @play: the play
 *
 * Return: 0, or -EINVAL if something was wrong, which has been told
 */
int map_whole(struct play *play)
{
	return make_room(play, 0, play->arena.npages) ?: map_call(play, 0, play->arena.npages);
}

/**
 * map_some - one step of the mapper
 * @play: the play
 *
 * Return: 0, or -EINVAL if something was wrong, which has been told
 */
int map_some(struct play *play)
{
	struct arena *arena = &play->arena;
	struct part part;
	size_t i;
	int rc;

	switch (roll(&play->map_dice, 4)) {
	case 0:
		return map_whole(play);
	case 1:
		part = arena_part(arena, &play->map_dice, ONE_BY_ONE);
		part.npages = part.npages < ONE_BY_ONE ? part.npages : ONE_BY_ONE;
		rc = make_room(play, part.at, part.npages);
		for (i = 0; !rc && i < part.npages; i++)
			rc = map_call(play, part.at + i, 1);
		return rc;
	}
	/* Not only whole huge pages */
	part.at = roll(&play->map_dice, arena->npages);
	part.npages = 1 + roll(&play->map_dice, arena->npages - part.at);
	rc = make_room(play, part.at, part.npages);
	return rc ?: map_call(play, part.at, part.npages);
}

/**
 * unmap_everything - the end of a round
 * @play: the play
 *
 * Return: 0, or -EINVAL if something was wrong, which has been told
 */
int unmap_everything(struct play *play)
{
	int rc = 0;

	if (play->nmaps && roll(&play->map_dice, 2)) {
		play->nmaps = 0;
		rc = front_unmap_all(&play->front, NULL);
		if (rc)
			rc = tell(play, "errno of unmapping all", 0, -rc);
	}
	while (!rc && play->nmaps)
		rc = unmap_call(play, play->nmaps - 1);
	return rc;
}
