// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of pin_extents: whatever is stored in whatever order, what is
 * loaded is what was stored last, or nothing.
 *
 * A wrong PFN here would unpin somebody else's page, so the random test
 * compares every index with a plain array after each few steps. It fails when
 * chunk_rebuild() in extents.c loses a piece, joins across a hole or keeps an
 * overwritten run. What is too large for an array, blocks of up to 1 GiB, is
 * compared at its ends and in some places (extents_blocks).
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/pinacct.h>
#include <linux/slab.h>

#define TEST_PAGES	4096UL
#define TEST_SEEDS	64
#define TEST_STORES	400
#define CHECK_EVERY	40

struct model {
	unsigned long pfn[TEST_PAGES];
	u8 kind[TEST_PAGES];
	bool known[TEST_PAGES];
};

static void model_store(struct model *model, unsigned long index,
			const struct pin_run *run)
{
	for (unsigned long i = 0; i < run->npages; i++) {
		model->pfn[index + i] = run->pfn + i;
		model->kind[index + i] = run->kind;
		model->known[index + i] = true;
	}
}

static bool continues(const struct model *model, unsigned long i)
{
	return model->known[i - 1] && model->known[i] &&
	       model->kind[i - 1] == model->kind[i] &&
	       model->pfn[i - 1] + 1 == model->pfn[i];
}

/* Returns how many known indexes have been forgotten. */
static unsigned long model_check(struct kunit *test, const struct model *model,
				 struct pin_extents *extents)
{
	unsigned long forgotten = 0;
	struct pin_run run;

	for (unsigned long i = 0; i < TEST_PAGES;) {
		if (!pin_extents_load(extents, i, TEST_PAGES - 1, &run)) {
			forgotten += model->known[i++];
			continue;
		}
		KUNIT_ASSERT_LE(test, i + run.npages, TEST_PAGES);
		for (unsigned long n = 0; n < run.npages; n++) {
			KUNIT_ASSERT_TRUE(test, model->known[i + n]);
			KUNIT_ASSERT_EQ(test, model->pfn[i + n], run.pfn + n);
			KUNIT_ASSERT_EQ(test, model->kind[i + n], run.kind);
		}
		i += run.npages;

		/* Unmapping cuts where a run ends, so it must really end there. */
		if (i < TEST_PAGES && continues(model, i))
			KUNIT_ASSERT_EQ(test, 0,
					pin_extents_load(extents, i, i, &run));
	}
	return forgotten;
}

static unsigned long random_length(struct rnd_state *rnd)
{
	switch (prandom_u32_state(rnd) % 4) {
	case 0:
		return 1;
	case 1:
		return 1 + prandom_u32_state(rnd) % 5;
	case 2:
		return 512;
	default:
		return 1 + prandom_u32_state(rnd) % 1500;
	}
}

static void extents_random(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	struct pin_extents extents;
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_NULL(test, model);
	for (u64 seed = 0; seed < TEST_SEEDS; seed++) {
		kunit_info(test, "seed %llu", seed);
		prandom_seed_state(&rnd, seed);
		memset(model, 0, sizeof(*model));
		pin_extents_init(&extents);

		for (int i = 1; i <= TEST_STORES; i++) {
			unsigned long index = prandom_u32_state(&rnd) %
					      TEST_PAGES;
			struct pin_run run = {
				.pfn = 1 << 20,
				.npages = min(random_length(&rnd),
					      TEST_PAGES - index),
				.kind = prandom_u32_state(&rnd) % 8 == 0,
			};

			/* Mostly PFNs that join with their neighbours'. */
			run.pfn += prandom_u32_state(&rnd) % 3 ? index :
				   prandom_u32_state(&rnd) % 65536;
			pin_extents_store(&extents, index, &run);
			model_store(model, index, &run);
			if (i % CHECK_EVERY == 0)
				model_check(test, model, &extents);
			cond_resched();
		}
		pin_extents_destroy(&extents);
	}
}

/* In a chunk where no two pages are in a row, all but the last are kept. */
static void extents_fragmented(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	struct pin_extents extents;

	KUNIT_ASSERT_NOT_NULL(test, model);
	pin_extents_init(&extents);
	for (unsigned long i = 0; i < TEST_PAGES; i++) {
		struct pin_run run = { .pfn = 3 * i + 1, .npages = 1 };

		pin_extents_store(&extents, i, &run);
		model_store(model, i, &run);
	}
	KUNIT_EXPECT_EQ(test, TEST_PAGES / 512,
			model_check(test, model, &extents));
	pin_extents_destroy(&extents);
}

/* The PFNs of runs of up to @longest pages, of which no two join. */
static void model_fill(struct model *model, struct rnd_state *rnd,
		       unsigned long longest)
{
	unsigned long pfn = 1, left = 0;

	memset(model, 0, sizeof(*model));
	for (unsigned long i = 0; i < TEST_PAGES; i++, left--, pfn++) {
		if (!left) {
			left = 1 + prandom_u32_state(rnd) % longest;
			pfn++;
		}
		model->pfn[i] = pfn;
		model->known[i] = true;
	}
}

/* Windows of pages, that end anywhere in a run and in a chunk. */
static void extents_pages(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	struct page **pages = kunit_kcalloc(test, 512, sizeof(*pages),
					    GFP_KERNEL);
	struct pin_extents extents;
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_NULL(test, model);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (u64 seed = 0; seed < TEST_SEEDS; seed++) {
		kunit_info(test, "seed %llu", seed);
		prandom_seed_state(&rnd, seed);
		model_fill(model, &rnd, 1 + seed % 8);
		pin_extents_init(&extents);

		for (unsigned long i = 0, n; i < TEST_PAGES; i += n) {
			n = min(1 + prandom_u32_state(&rnd) % 512,
				TEST_PAGES - i);
			for (unsigned long j = 0; j < n; j++)
				pages[j] = pfn_to_page(model->pfn[i + j]);
			pin_extents_store_pages(&extents, i, pages, n);
		}
		/* As in extents_fragmented() */
		KUNIT_EXPECT_LE(test, model_check(test, model, &extents),
				TEST_PAGES / 512);
		pin_extents_destroy(&extents);
	}
}

/* A run over many chunks comes back whole, wherever one begins to read. */
static void extents_long_run(struct kunit *test)
{
	struct pin_run run = { .pfn = 77, .npages = 3000, .kind = PIN_DEVICE };
	struct pin_extents extents;
	struct pin_run found;

	pin_extents_init(&extents);
	pin_extents_store(&extents, 100, &run);
	KUNIT_EXPECT_EQ(test, 0, pin_extents_load(&extents, 99, 5000, &found));
	KUNIT_EXPECT_EQ(test, 3000,
			pin_extents_load(&extents, 100, 5000, &found));
	KUNIT_EXPECT_EQ(test, 77, found.pfn);
	KUNIT_EXPECT_EQ(test, PIN_DEVICE, found.kind);
	KUNIT_EXPECT_EQ(test, 1, pin_extents_load(&extents, 3099, 5000, &found));
	KUNIT_EXPECT_EQ(test, 77 + 2999, found.pfn);
	KUNIT_EXPECT_EQ(test, 10, pin_extents_load(&extents, 600, 609, &found));
	KUNIT_EXPECT_EQ(test, 0, pin_extents_load(&extents, 3100, 5000, &found));
	pin_extents_destroy(&extents);
}

#define GIB_PAGES	(1UL << (30 - PAGE_SHIFT))
#define BLOCK_PAGES	(3 * GIB_PAGES + 700)
#define BLOCK_STORES	32
#define BLOCK_CHECKS	200

struct stored {
	unsigned long index;
	struct pin_run run;
};

/* What was stored last at @index: of @nr runs, the first of which covers all. */
static unsigned long stored_pfn(const struct stored *stored, int nr,
				unsigned long index)
{
	while (nr--)
		if (index - stored[nr].index < stored[nr].run.npages)
			break;
	return stored[nr].run.pfn + index - stored[nr].index;
}

static void check_stored(struct kunit *test, struct pin_extents *extents,
			 const struct stored *stored, int nr,
			 unsigned long index)
{
	struct pin_run run;

	if (index >= BLOCK_PAGES)
		return;
	KUNIT_ASSERT_NE(test, 0, pin_extents_load(extents, index,
						  BLOCK_PAGES - 1, &run));
	KUNIT_ASSERT_EQ(test, stored_pfn(stored, nr, index), run.pfn);
	/* Of one PFN after the other, the last says that all are right. */
	KUNIT_ASSERT_EQ(test, stored_pfn(stored, nr, index + run.npages - 1),
			run.pfn + run.npages - 1);
}

/* Others are stored into a run of GiBs, again and again: around them it stays. */
static void extents_blocks(struct kunit *test)
{
	struct pin_extents extents;
	struct stored *stored;
	unsigned long chunk, nr = 0;
	struct rnd_state rnd;
	void *entry;

	stored = kunit_kcalloc(test, BLOCK_STORES, sizeof(*stored), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, stored);
	stored[0].run.pfn = 1UL << 20;
	stored[0].run.npages = BLOCK_PAGES;

	prandom_seed_state(&rnd, 1);
	pin_extents_init(&extents);
	pin_extents_store(&extents, 0, &stored[0].run);
	xa_for_each(&extents.chunks, chunk, entry)
		nr++;
	/* Three of 1 GiB, one of 512 pages, and the 188 that are left */
	KUNIT_EXPECT_EQ(test, 5, nr);

	for (int i = 1; i < BLOCK_STORES; i++) {
		struct stored *new = &stored[i];

		new->index = prandom_u32_state(&rnd) % BLOCK_PAGES;
		/* Some are blocks themselves, over what was cut before. */
		new->run.npages = i % 4 ? random_length(&rnd) : GIB_PAGES / 8;
		if (i % 4 == 0)
			new->index = round_down(new->index, GIB_PAGES / 8);
		new->run.npages = min(new->run.npages,
				      BLOCK_PAGES - new->index);
		new->run.pfn = (1UL << 24) * i;
		pin_extents_store(&extents, new->index, &new->run);

		for (int n = 1; n <= i; n++) {
			check_stored(test, &extents, stored, i + 1,
				     stored[n].index - 1);
			check_stored(test, &extents, stored, i + 1,
				     stored[n].index);
			check_stored(test, &extents, stored, i + 1,
				     stored[n].index + stored[n].run.npages);
		}
		for (int n = 0; n < BLOCK_CHECKS; n++)
			check_stored(test, &extents, stored, i + 1,
				     prandom_u32_state(&rnd) % BLOCK_PAGES);
	}
	pin_extents_destroy(&extents);
}

static struct kunit_case extents_cases[] = {
	KUNIT_CASE(extents_random),
	KUNIT_CASE(extents_fragmented),
	KUNIT_CASE(extents_pages),
	KUNIT_CASE(extents_long_run),
	KUNIT_CASE(extents_blocks),
	{}
};

static struct kunit_suite extents_suite = {
	.name = "pinacct_extents",
	.test_cases = extents_cases,
};

kunit_test_suite(extents_suite);

MODULE_DESCRIPTION("KUnit tests of pinacct");
MODULE_LICENSE("GPL");
