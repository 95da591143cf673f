/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture of tests that change the module's parameters, or ask it: as that
 * of fixture.h, with every parameter at its default before and after, and with
 * /dev/pinacct open. Its teardown also looks that the ledgers are empty.
 */
#ifndef PINACCT_TEST_RULE_H
#define PINACCT_TEST_RULE_H

#include "ask.h"
#include "fixture.h"
#include "params.h"

/* The payer's ledger has CHARGED pages in it, ZERO_COW of them zero COWs. */
#define EXPECT_LEDGER(world, ask, charged, zero_cow)				\
	do {									\
		bool _mm = (world)->front.ops->payer == FRONT_PAYER_MM;		\
		unsigned long _page = memory_page();				\
		unsigned long _charged = (charged) * _page;			\
		unsigned long _zero_cow = (zero_cow) * _page;			\
		struct pinacct_usage _usage;					\
		ASSERT_EQ(0, ask_usage(ask, 0, &_usage));			\
		EXPECT_EQ(_mm ? _charged : 0, _usage.mm_pinacct);		\
		EXPECT_EQ(_mm ? _zero_cow : 0, _usage.mm_zero_cow);		\
		EXPECT_EQ(_mm ? 0 : _charged, _usage.user_pinacct);		\
		EXPECT_EQ(_mm ? 0 : _zero_cow, _usage.user_zero_cow);		\
		EXPECT_EQ(0, _usage.exempt);					\
	} while (0)

/*
 * The last refusal of this process had that cause and that errno, and here it
 * is.
 */
#define ASSERT_REFUSED(ask, why, number)					\
	({									\
		struct pinacct_refusal _refusal;				\
		ASSERT_EQ(0, ask_refusal(ask, 0, &_refusal));			\
		EXPECT_EQ(why, _refusal.cause);					\
		EXPECT_EQ(number, _refusal.error);				\
		_refusal;							\
	})

/* As FRONT_FIXTURE(). */
#define RULE_FIXTURE(fixture, device)						\
	FIXTURE(fixture)							\
	{									\
		struct world world;						\
		int ask;							\
	};									\
	FIXTURE_VARIANT(fixture)						\
	{									\
		const struct front_ops *ops;					\
	};									\
	FIXTURE_SETUP(fixture)							\
	{									\
		ASSERT_EQ(0, params_defaults()) {				\
			TH_LOG("no parameters: is pinacct loaded?");		\
		}								\
		WORLD_OPEN(&self->world, variant->ops);				\
		WORLD_ATTACH(&self->world, device);				\
		WORLD_DROP(&self->world);					\
		self->ask = ask_open();						\
		ASSERT_LE(0, self->ask);					\
	}									\
	FIXTURE_TEARDOWN(fixture)						\
	{									\
		front_close(&self->world.front);				\
		EXPECT_BACK(&self->world);					\
		EXPECT_LEDGER(&self->world, self->ask, 0, 0);			\
		EXPECT_EQ(0, params_defaults());				\
	}

RULE_FIXTURE(rule, DEVICE_EDU)
ON_EVERY_FRONT(rule);

/* What a part of a test takes that asserts as a test does, and what it is given. */
#define TEST_ARGS struct __test_metadata *_metadata, struct _test_data_rule *self, \
		  const struct _fixture_variant_rule *variant
#define TEST_PASS _metadata, self, variant

#endif
