/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two front ends of one payer, each with a device of its own, and their races
 * for what one of them can have. For tests that need two CPUs.
 */
#ifndef PINACCT_TEST_TWO_H
#define PINACCT_TEST_TWO_H

#include <pthread.h>

#include "rule.h"

FIXTURE(two)
{
	struct world first, second;
	int ask;
};

FIXTURE_VARIANT(two)
{
	const struct front_ops *ops;
};

ON_EVERY_V2_FRONT(two);

FIXTURE_SETUP(two)
{
	ASSERT_EQ(0, params_defaults());
	WORLD_OPEN(&self->first, variant->ops);
	WORLD_OPEN(&self->second, variant->ops);
	WORLD_ATTACH(&self->first, DEVICE_EDU);
	WORLD_ATTACH(&self->second, DEVICE_NIC);
	WORLD_DROP(&self->first);
	self->ask = ask_open();
	ASSERT_LE(0, self->ask);
}

FIXTURE_TEARDOWN(two)
{
	front_close(&self->first.front);
	front_close(&self->second.front);
	EXPECT_BACK(&self->first);
	EXPECT_LEDGER(&self->first, self->ask, 0, 0);
	EXPECT_EQ(0, params_defaults());
}

/**
 * struct racer - one side of a race
 * @front: where it maps, at IOVA
 * @memory: what it maps
 * @npages: how much of it
 * @prot: for what
 * @rounds: how often; for racers that do it more than once
 * @start: when it begins
 * @rc: what came of it
 */
struct racer {
	struct front *front;
	char *memory;
	unsigned long npages;
	int prot;
	unsigned int rounds;
	pthread_barrier_t *start;
	int rc;
};

/* Both run at the same time. */
static inline int race(struct racer racers[2], void *(*run)(void *))
{
	pthread_barrier_t start;
	pthread_t threads[2];
	int i;

	if (pthread_barrier_init(&start, NULL, 2))
		return -1;
	for (i = 0; i < 2; i++) {
		racers[i].start = &start;
		if (pthread_create(&threads[i], NULL, run, &racers[i]))
			return -1;
	}
	for (i = 0; i < 2; i++)
		if (pthread_join(threads[i], NULL))
			return -1;
	return pthread_barrier_destroy(&start);
}

static inline void *racer_maps(void *arg)
{
	struct racer *racer = arg;

	pthread_barrier_wait(racer->start);
	racer->rc = front_map(racer->front, racer->memory, IOVA, racer->npages * memory_page(),
			      racer->prot);
	return NULL;
}

/* There is enough for one of them: one gets it, one does not. Then it is free again. */
static inline void race_for_it(struct __test_metadata *_metadata, struct racer racers[2])
{
	struct racer *winner;

	ASSERT_EQ(0, race(racers, racer_maps));
	ASSERT_EQ(-ENOMEM, racers[0].rc + racers[1].rc) {
		TH_LOG("%d and %d", racers[0].rc, racers[1].rc);
	}
	winner = racers[0].rc ? &racers[1] : &racers[0];
	ASSERT_EQ(0, front_unmap(winner->front, IOVA, winner->npages * memory_page(), NULL));
}

#endif
