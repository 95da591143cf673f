// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of charge_once: which pages a payer owes for, whoever holds them.
 *
 * once.c is included, so what is tested is a copy of the code that pinacct.ko
 * has. Mappings enter and leave random runs, against a plain count for each PFN:
 * what is owed must be the pages that anybody holds, and those charged apart on
 * top. Fails if the first who leaves takes the charge along, if a chunk that
 * becomes a value or the other way round loses a page, or if a bound is passed.
 */
#include "once.c"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/vmstat.h>

#define TEST_PFNS	2048UL
#define TEST_HOLDERS	12
#define TEST_SEEDS	32
#define TEST_STEPS	600

/* A mapping: what it holds, as it entered it. */
struct holder {
	struct pin_run run;
	bool holds;
};

struct model {
	struct holder holders[TEST_HOLDERS];
	unsigned int count[TEST_PFNS];
	struct pin_once once;
	struct pin_owed owed;
};

static unsigned long held_by_anybody(const struct model *model)
{
	unsigned long npages = 0;

	for (unsigned long pfn = 0; pfn < TEST_PFNS; pfn++)
		npages += !!model->count[pfn];
	return npages;
}

static void model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
	pin_once_init(&model->once);
}

static void enter(struct model *model, const struct pin_run *run)
{
	mutex_lock(&model->once.lock);
	pin_once_enter(&model->once, run, &model->owed);
	mutex_unlock(&model->once.lock);
	for (unsigned long i = 0; i < run->npages; i++)
		model->count[run->pfn + i]++;
}

static void leave(struct model *model, const struct pin_run *run)
{
	struct pin_owed refund = {};

	mutex_lock(&model->once.lock);
	pin_once_leave(&model->once, run, &refund);
	mutex_unlock(&model->once.lock);
	model->owed.npages -= refund.npages;
	model->owed.zero_cow -= refund.zero_cow;
	for (unsigned long i = 0; i < run->npages; i++)
		model->count[run->pfn + i]--;
}

static void random_step(struct model *model, struct rnd_state *rnd)
{
	struct holder *holder = &model->holders[prandom_u32_state(rnd) %
						TEST_HOLDERS];

	if (holder->holds) {
		leave(model, &holder->run);
	} else {
		holder->run.pfn = prandom_u32_state(rnd) % TEST_PFNS;
		holder->run.npages = 1 + prandom_u32_state(rnd) % 200;
		holder->run.npages = min(holder->run.npages,
					 TEST_PFNS - holder->run.pfn);
		holder->run.kind = prandom_u32_state(rnd) % 4 ? PIN_RAM :
								PIN_ZERO_COW;
		enter(model, &holder->run);
	}
	holder->holds = !holder->holds;
}

/* No chunk that could be a value is not, and there are as many as are counted. */
static void check_chunks(struct kunit *test, struct pin_once *once)
{
	unsigned long index, nr = 0;
	void *entry;

	xa_for_each(&once->chunks, index, entry) {
		struct once_chunk *chunk = entry;

		nr++;
		if (!xa_is_value(entry))
			KUNIT_EXPECT_NOT_NULL(test, memchr_inv(chunk->pages,
							       chunk->pages[0],
							       ONCE_PAGES));
	}
	KUNIT_EXPECT_EQ(test, nr, once->nr_chunks);
}

static void random_orders(struct kunit *test, unsigned long max_chunks)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_NULL(test, model);
	for (u64 seed = 0; seed < TEST_SEEDS; seed++) {
		kunit_info(test, "seed %llu", seed);
		prandom_seed_state(&rnd, seed);
		model_init(model);
		model->once.max_chunks = max_chunks;

		for (int i = 0; i < TEST_STEPS; i++) {
			random_step(model, &rnd);
			KUNIT_ASSERT_GE(test, model->owed.npages,
					held_by_anybody(model));
			if (!model->once.apart)
				KUNIT_ASSERT_EQ(test, model->owed.npages,
						held_by_anybody(model));
			KUNIT_ASSERT_LE(test, model->owed.zero_cow,
					model->owed.npages);
		}
		check_chunks(test, &model->once);

		for (int i = 0; i < TEST_HOLDERS; i++)
			if (model->holders[i].holds)
				leave(model, &model->holders[i].run);
		KUNIT_ASSERT_EQ(test, 0, model->owed.npages);
		KUNIT_ASSERT_EQ(test, 0, model->owed.zero_cow);
		KUNIT_ASSERT_EQ(test, 0, model->once.nr_chunks);
		KUNIT_ASSERT_EQ(test, 0, model->once.apart);
		KUNIT_ASSERT_EQ(test, 0, model->once.shared);
		pin_once_destroy(&model->once);
	}
}

/* While anybody holds a page it is owed for, and once. */
static void once_random(struct kunit *test)
{
	random_orders(test, ONCE_CHUNKS);
}

/* Where there is no room to remember, more is owed, never less. */
static void once_bounded(struct kunit *test)
{
	random_orders(test, 4);
}

/* Slab pages that chunks take, in bytes for each. */
static unsigned long bytes_a_chunk(struct kunit *test, unsigned long npages)
{
	const unsigned long nr = 1UL << 17;
	struct pin_run run = { .npages = npages, .kind = PIN_RAM };
	struct pin_owed owed = {};
	struct pin_once once;
	long before, after;

	pin_once_init(&once);
	mutex_lock(&once.lock);
	before = global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B) +
		 global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B);
	for (unsigned long i = 0; i < nr; i++) {
		run.pfn = i * ONCE_PAGES;
		pin_once_enter(&once, &run, &owed);
		cond_resched();
	}
	after = global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B) +
		global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B);
	KUNIT_EXPECT_EQ(test, nr, once.nr_chunks);
	for (unsigned long i = 0; i < nr; i++) {
		run.pfn = i * ONCE_PAGES;
		pin_once_leave(&once, &run, &owed);
		cond_resched();
	}
	mutex_unlock(&once.lock);
	pin_once_destroy(&once);
	return (after - before) * PAGE_SIZE / nr;
}

/* What ONCE_CHUNKS says about memory */
static void once_memory(struct kunit *test)
{
	unsigned long value = bytes_a_chunk(test, ONCE_PAGES);
	unsigned long pointer = bytes_a_chunk(test, 1);

	kunit_info(test, "bytes a chunk: %lu as a value, %lu as a pointer",
		   value, pointer);
	KUNIT_EXPECT_LE(test, value, 16);
	KUNIT_EXPECT_LE(test, pointer, 16 + 64);
}

/* The first who leaves does not take the charge along. */
static void once_first_leaves(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	struct pin_run run = { .pfn = 100, .npages = 50, .kind = PIN_RAM };
	struct pin_run part = { .pfn = 120, .npages = 10, .kind = PIN_RAM };

	KUNIT_ASSERT_NOT_NULL(test, model);
	model_init(model);
	enter(model, &run);
	KUNIT_EXPECT_EQ(test, 50, model->owed.npages);
	enter(model, &part);
	KUNIT_EXPECT_EQ(test, 50, model->owed.npages);
	KUNIT_EXPECT_EQ(test, 10, model->once.shared);
	leave(model, &run);
	KUNIT_EXPECT_EQ(test, 10, model->owed.npages);
	KUNIT_EXPECT_EQ(test, 0, model->once.shared);
	leave(model, &part);
	KUNIT_EXPECT_EQ(test, 0, model->owed.npages);
	pin_once_destroy(&model->once);
}

/* How a page was charged is how it is refunded, whoever goes last. */
static void once_zero_cow(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	struct pin_run cow = { .pfn = 7, .npages = 3, .kind = PIN_ZERO_COW };
	struct pin_run ram = { .pfn = 7, .npages = 3, .kind = PIN_RAM };

	KUNIT_ASSERT_NOT_NULL(test, model);
	model_init(model);
	enter(model, &cow);
	enter(model, &ram);
	KUNIT_EXPECT_EQ(test, 3, model->owed.zero_cow);
	leave(model, &cow);
	KUNIT_EXPECT_EQ(test, 3, model->owed.zero_cow);
	leave(model, &ram);
	KUNIT_EXPECT_EQ(test, 0, model->owed.zero_cow);

	/* The same where there is no entry: it goes with the last page. */
	model->once.max_chunks = 0;
	enter(model, &cow);
	KUNIT_EXPECT_EQ(test, 3, model->owed.zero_cow);
	leave(model, &ram);
	KUNIT_EXPECT_EQ(test, 0, model->owed.npages);
	KUNIT_EXPECT_EQ(test, 0, model->owed.zero_cow);
	pin_once_destroy(&model->once);
}

/* Pages of a chunk that are all held equally often take no bytes of their own. */
static void once_values(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	struct pin_run run = { .npages = 1, .kind = PIN_RAM };
	struct pin_run all = { .npages = ONCE_PAGES, .kind = PIN_RAM };

	KUNIT_ASSERT_NOT_NULL(test, model);
	model_init(model);
	for (run.pfn = 0; run.pfn < ONCE_PAGES; run.pfn++) {
		KUNIT_EXPECT_FALSE(test,
				   xa_is_value(xa_load(&model->once.chunks, 0)));
		enter(model, &run);
	}
	KUNIT_EXPECT_PTR_EQ(test, xa_mk_value(1),
			    xa_load(&model->once.chunks, 0));
	enter(model, &all);
	KUNIT_EXPECT_PTR_EQ(test, xa_mk_value(2),
			    xa_load(&model->once.chunks, 0));
	KUNIT_EXPECT_EQ(test, ONCE_PAGES, model->owed.npages);
	for (run.pfn = 0; run.pfn < ONCE_PAGES; run.pfn++)
		leave(model, &run);
	KUNIT_EXPECT_PTR_EQ(test, xa_mk_value(1),
			    xa_load(&model->once.chunks, 0));
	leave(model, &all);
	KUNIT_EXPECT_EQ(test, 0, model->once.nr_chunks);
	pin_once_destroy(&model->once);
}

/* More holders than can be counted are charged again, and all goes back. */
static void once_many_holders(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	struct pin_run runs[] = {
		{ .pfn = 3, .npages = 7, .kind = PIN_RAM },
		{ .pfn = ONCE_PAGES, .npages = ONCE_PAGES, .kind = PIN_RAM },
	};

	KUNIT_ASSERT_NOT_NULL(test, model);
	for (int i = 0; i < ARRAY_SIZE(runs); i++) {
		model_init(model);
		for (int n = 0; n < 127; n++)
			enter(model, &runs[i]);
		KUNIT_EXPECT_EQ(test, runs[i].npages, model->owed.npages);
		for (int n = 0; n < 10; n++)
			enter(model, &runs[i]);
		KUNIT_EXPECT_EQ(test, 11 * runs[i].npages, model->owed.npages);
		for (int n = 0; n < 127; n++)
			leave(model, &runs[i]);
		KUNIT_EXPECT_EQ(test, 10 * runs[i].npages, model->owed.npages);
		for (int n = 0; n < 10; n++)
			leave(model, &runs[i]);
		KUNIT_EXPECT_EQ(test, 0, model->owed.npages);
		KUNIT_EXPECT_EQ(test, 0, model->once.nr_chunks);
		pin_once_destroy(&model->once);
	}
}

static struct kunit_case once_cases[] = {
	KUNIT_CASE(once_first_leaves),
	KUNIT_CASE(once_random),
	KUNIT_CASE(once_bounded),
	KUNIT_CASE(once_zero_cow),
	KUNIT_CASE(once_values),
	KUNIT_CASE(once_many_holders),
	KUNIT_CASE(once_memory),
	{}
};

static struct kunit_suite once_suite = {
	.name = "pinacct_once",
	.test_cases = once_cases,
};

kunit_test_suite(once_suite);
