/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What edu sees in memory, and puts into it: for fixtures that have a world, an
 * edu that is started, and the echo, memory of one page that is mapped at ECHO_AT.
 */
#ifndef PINACCT_TEST_WITNESS_H
#define PINACCT_TEST_WITNESS_H

#include "edu.h"
#include "fixture.h"

/* Where edu writes what it has read: a mapping of one page of its own. */
#define ECHO_AT 4096UL

/* A pattern that no other page and no other test has in that place. */
static inline void fill(char *page, unsigned int seed)
{
	unsigned int i;

	for (i = 0; i < EDU_MAX; i++)
		page[i] = (seed * 2654435761u + i * 40503u) >> 11;
}

static inline __u64 iova_of(struct world *w, unsigned long at)
{
	return IOVA + at * w->page;
}

/*
 * The device reads the page at AT, and writes what it has got to the echo. It is
 * given what the echo has first, so that a read which fails in silence is seen.
 */
static inline int echo(struct world *w, struct edu *edu, unsigned long at)
{
	int rc;

	rc = edu_read_memory(edu, iova_of(w, ECHO_AT), EDU_MAX);
	rc = rc ?: edu_read_memory(edu, iova_of(w, at), EDU_MAX);
	return rc ?: edu_write_memory(edu, iova_of(w, ECHO_AT), EDU_MAX);
}

/*
 * A fixture that asks /dev/pinacct too, for files that include rule.h. It sets itself
 * up by WITNESS_SETUP(), which leaves it to the file when the echo is mapped.
 */
#define WITNESS_FIXTURE(fixture)						\
	FIXTURE(fixture)							\
	{									\
		struct world world;						\
		struct edu edu;							\
		char *echo;							\
		int ask;							\
	};									\
	FIXTURE_VARIANT(fixture)						\
	{									\
		const struct front_ops *ops;					\
	};									\
	FIXTURE_TEARDOWN(fixture)						\
	{									\
		edu_stop(&self->edu);						\
		front_close(&self->world.front);				\
		EXPECT_BACK(&self->world);					\
		EXPECT_LEDGER(&self->world, self->ask, 0, 0);			\
		EXPECT_EQ(0, params_defaults());				\
	}

#define WITNESS_SETUP()								\
	do {									\
		struct world *_w = &self->world;				\
		ASSERT_EQ(0, params_defaults());				\
		WORLD_OPEN(_w, variant->ops);					\
		WORLD_ATTACH(_w, DEVICE_EDU);					\
		ASSERT_EQ(0, edu_start(&self->edu,				\
				       _w->front.devices[DEVICE_EDU]));		\
		WORLD_DROP(_w);							\
		self->ask = ask_open();						\
		ASSERT_LE(0, self->ask);					\
		self->echo = ASSERT_MEMORY(anonymous, 1);			\
	} while (0)

/* The device sees in the page at AT what the process sees at MEMORY. */
#define EXPECT_SEEN(at, memory)							\
	do {									\
		unsigned long _at = (at);					\
		memset(self->echo, 0xa5, EDU_MAX);				\
		ASSERT_EQ(0, echo(&self->world, &self->edu, _at));		\
		EXPECT_EQ(0, memcmp(self->echo, memory, EDU_MAX)) {		\
			TH_LOG("the device sees something else at page %lu", _at);\
		}								\
	} while (0)

#endif
