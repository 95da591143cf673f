// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device's driver gets that pins pages one by one, where memory was never
 * written.
 *
 * Guards: it never gets a zero page, since it gets a struct page that must be
 * pinned. With zero_page=ignore it gets a copy, as with cow, and the copy is
 * charged for as long as the driver has it, whether or not a domain has the zero
 * page in its place; with strict it gets ENODATA. Fails if a private page is
 * pinned that nobody is charged for, if one is charged twice or for ever, or if
 * a ledger has more zero COWs than pages.
 */
#include "rule.h"

/* Of memory_alternating() */
#define ZEROS (PAGES / 2)

RULE_FIXTURE(driver, DEVICE_MEDIATED)
ON_EVERY_V2_FRONT(driver);

/* A read-only mapping of alternating memory, made with a value of zero_page. */
#define ASSERT_MAPPED(mode)							\
	({									\
		char *_memory = ASSERT_MEMORY(alternating, PAGES);		\
		ASSERT_EQ(0, params_set("zero_page", mode));			\
		ASSERT_EQ(0, map_read_only(&self->world, _memory, 0, PAGES));	\
		_memory;							\
	})

#define ASSERT_DOMAIN()								\
	AS_ROOT(ASSERT_EQ(0, front_attach(&self->world.front, DEVICE_EDU)))

/* The zero COWs in the payer's ledger, however many they are, are among its pages. */
#define EXPECT_SOUND_LEDGER(world, ask, charged)				\
	do {									\
		bool _mm = (world)->front.ops->payer == FRONT_PAYER_MM;		\
		struct pinacct_usage _usage;					\
		ASSERT_EQ(0, ask_usage(ask, 0, &_usage));			\
		EXPECT_EQ((charged) * memory_page(),				\
			  _mm ? _usage.mm_pinacct : _usage.user_pinacct);	\
		EXPECT_LE(_mm ? _usage.mm_zero_cow : _usage.user_zero_cow,	\
			  (charged) * memory_page());				\
	} while (0)

/* Copies of the zero pages, one by one and all at once. */
static const char * const copying[] = { "cow", "ignore" };

FRONT_TEST(driver, copies)
{
	struct world *w = &self->world;
	unsigned int i;
	long resident;
	char *memory;

	for (i = 0; i < ARRAY_SIZE(copying); i++) {
		memory = ASSERT_MAPPED(copying[i]);
		/* It is decided. */
		ASSERT_EQ(0, params_set("zero_page", "strict"));
		resident = counters_resident(memory);
		ASSERT_EQ(1, pin_at(w, 1, 1, FRONT_READ));
		EXPECT_OWED(w, 1);
		EXPECT_LEDGER(w, self->ask, 1, 1);
		ASSERT_EQ(1, pin_at(w, 2, 1, FRONT_READ));
		EXPECT_LEDGER(w, self->ask, 2, 1);
		ASSERT_EQ(PAGES, pin_at(w, 0, PAGES, FRONT_READ));
		EXPECT_OWED(w, PAGES);
		EXPECT_LEDGER(w, self->ask, PAGES, ZEROS);
		EXPECT_EQ(resident + ZEROS, counters_resident(memory));

		ASSERT_EQ(0, unpin_at(w, 1, 1));
		ASSERT_EQ(0, unpin_at(w, 2, 1));
		EXPECT_OWED(w, PAGES);
		ASSERT_EQ(0, unpin_at(w, 0, PAGES));
		EXPECT_BACK(w);
		EXPECT_LEDGER(w, self->ask, 0, 0);

		/* They are ordinary pages now. */
		ASSERT_EQ(PAGES, pin_at(w, 0, PAGES, FRONT_READ));
		EXPECT_LEDGER(w, self->ask, PAGES, 0);
		ASSERT_EQ(0, unmap_at(w, 0, PAGES));
		EXPECT_BACK(w);
		munmap(memory, PAGES * w->page);
	}
}

FRONT_TEST(driver, strict)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MAPPED("strict");
	long resident = counters_resident(memory);

	EXPECT_EQ(-ENODATA, pin_at(w, 0, PAGES, FRONT_READ));
	ASSERT_REFUSED(self->ask, PINACCT_CAUSE_ZERO_PAGE, ENODATA);
	EXPECT_EQ(-ENODATA, pin_at(w, 1, 1, FRONT_READ));
	EXPECT_BACK(w);
	EXPECT_LEDGER(w, self->ask, 0, 0);
	EXPECT_EQ(resident, counters_resident(memory));
	ASSERT_EQ(1, pin_at(w, 2, 1, FRONT_READ));
	EXPECT_OWED(w, 1);
}

/* What is mapped for writing is written to, as far as it matters here. */
FRONT_TEST(driver, writable)
{
	static const char * const modes[] = { "cow", "ignore", "strict" };
	struct world *w = &self->world;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		ASSERT_EQ(0, params_set("zero_page", modes[i]));
		ASSERT_EQ(0, map_at(w, ASSERT_MEMORY(alternating, PAGES), 0, PAGES));
		ASSERT_EQ(PAGES, pin_at(w, 0, PAGES, FRONT_RW));
		EXPECT_OWED(w, PAGES);
		EXPECT_LEDGER(w, self->ask, PAGES, 0);
		ASSERT_EQ(0, unmap_at(w, 0, PAGES));
		EXPECT_BACK(w);
	}
}

FRONT_TEST(driver, limit_and_slack)
{
	struct world *w = &self->world;

	ASSERT_MAPPED("ignore");
	ASSERT_EQ(0, limit_pages(w, PAGES - ZEROS));
	EXPECT_EQ(-ENOMEM, pin_at(w, 0, PAGES, FRONT_READ));
	ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, ENOMEM);
	EXPECT_BACK(w);
	EXPECT_LEDGER(w, self->ask, 0, 0);

	ASSERT_EQ(0, params_set("zero_slack_mb", "1"));
	EXPECT_EQ(-ENOMEM, pin_at(w, 0, PAGES, FRONT_READ)) {
		TH_LOG("the copies of before are ordinary pages");
	}
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	ASSERT_MAPPED("ignore");
	ASSERT_EQ(PAGES, pin_at(w, 0, PAGES, FRONT_READ));
	EXPECT_OWED(w, PAGES);
	EXPECT_LEDGER(w, self->ask, PAGES, ZEROS);
}

/* Everything was copied, and charged, for the domain. */
FRONT_TEST(driver, copies_for_a_domain)
{
	struct world *w = &self->world;

	ASSERT_DOMAIN();
	ASSERT_MAPPED("cow");
	EXPECT_OWED(w, PAGES);
	EXPECT_LEDGER(w, self->ask, PAGES, ZEROS);
	ASSERT_EQ(PAGES, pin_at(w, 0, PAGES, FRONT_READ));
	EXPECT_CHARGED(w, PAGES);
	EXPECT_LEDGER(w, self->ask, PAGES, ZEROS);
	ASSERT_EQ(0, unpin_at(w, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	EXPECT_LEDGER(w, self->ask, PAGES, ZEROS);
}

/* The domain has the zero page; the driver's copy is another page. */
FRONT_TEST(driver, copies_beside_a_domain)
{
	struct world *w = &self->world;
	long resident;
	char *memory;

	ASSERT_DOMAIN();
	memory = ASSERT_MAPPED("ignore");
	resident = counters_resident(memory);
	EXPECT_OWED(w, PAGES - ZEROS);
	EXPECT_LEDGER(w, self->ask, PAGES - ZEROS, 0);

	ASSERT_EQ(1, pin_at(w, 1, 1, FRONT_READ));
	EXPECT_CHARGED(w, PAGES - ZEROS + 1);
	EXPECT_LEDGER(w, self->ask, PAGES - ZEROS + 1, 1);
	ASSERT_EQ(PAGES, pin_at(w, 0, PAGES, FRONT_READ));
	EXPECT_CHARGED(w, PAGES);
	EXPECT_LEDGER(w, self->ask, PAGES, ZEROS);
	EXPECT_EQ(resident + ZEROS, counters_resident(memory));

	ASSERT_EQ(0, unpin_at(w, 1, 1));
	EXPECT_CHARGED(w, PAGES);
	ASSERT_EQ(0, unpin_at(w, 0, PAGES));
	EXPECT_OWED(w, PAGES - ZEROS);
	EXPECT_LEDGER(w, self->ask, PAGES - ZEROS, 0);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

FRONT_TEST(driver, over_limit_beside_a_domain)
{
	struct world *w = &self->world;

	ASSERT_DOMAIN();
	ASSERT_MAPPED("ignore");
	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	EXPECT_EQ(-ENOMEM, pin_at(w, 0, PAGES, FRONT_READ));
	EXPECT_OWED(w, PAGES - ZEROS);
	EXPECT_LEDGER(w, self->ask, PAGES - ZEROS, 0);
}

/* The mapping goes under the driver, which is told to drop its pins. */
FRONT_TEST(driver, unmap_beside_a_domain)
{
	struct world *w = &self->world;

	ASSERT_DOMAIN();
	ASSERT_MAPPED("ignore");
	ASSERT_EQ(PAGES, pin_at(w, 0, PAGES, FRONT_READ));
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
	EXPECT_LEDGER(w, self->ask, 0, 0);
}

/* With the domain goes what only it has had; the driver's pages stay charged. */
FRONT_TEST(driver, domain_goes)
{
	struct world *w = &self->world;

	ASSERT_DOMAIN();
	ASSERT_MAPPED("ignore");
	ASSERT_EQ(PAGES - 1, pin_at(w, 1, PAGES - 1, FRONT_READ));
	EXPECT_CHARGED(w, PAGES);
	front_detach(&w->front, DEVICE_EDU);
	EXPECT_OWED(w, PAGES - 1);
	EXPECT_SOUND_LEDGER(w, self->ask, PAGES - 1);
	ASSERT_EQ(0, unpin_at(w, 1, PAGES - 1));
	EXPECT_BACK(w);
	EXPECT_LEDGER(w, self->ask, 0, 0);
}

/* The driver was first: where it has copies there are no zero pages any more. */
FRONT_TEST(driver, domain_comes)
{
	struct world *w = &self->world;

	ASSERT_MAPPED("ignore");
	ASSERT_EQ(6, pin_at(w, 1, 6, FRONT_READ));
	EXPECT_LEDGER(w, self->ask, 6, 3);
	ASSERT_DOMAIN();
	EXPECT_CHARGED(w, PAGES - ZEROS + 3);
	EXPECT_SOUND_LEDGER(w, self->ask, PAGES - ZEROS + 3);
	front_detach(&w->front, DEVICE_EDU);
	EXPECT_OWED(w, 6);
	ASSERT_EQ(0, unpin_at(w, 1, 6));
	EXPECT_BACK(w);
	EXPECT_LEDGER(w, self->ask, 0, 0);
}

/* A domain that comes later is like the first, whatever the driver has. */
FRONT_TEST(driver, second_domain)
{
	struct world *w = &self->world;
	__u32 domain;

	if (variant->ops->type)
		SKIP(return, "it makes its domains by itself");

	ASSERT_DOMAIN();
	ASSERT_MAPPED("ignore");
	ASSERT_EQ(PAGES, pin_at(w, 0, PAGES, FRONT_READ));
	ASSERT_EQ(0, front_alloc_domain(&w->front, DEVICE_EDU, &domain));
	ASSERT_EQ(0, front_switch_ioas(&w->front, DEVICE_EDU, domain));
	EXPECT_CHARGED(w, PAGES);
	ASSERT_EQ(0, unpin_at(w, 0, PAGES));
	EXPECT_OWED(w, PAGES - ZEROS);
	EXPECT_LEDGER(w, self->ask, PAGES - ZEROS, 0);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

/*
 * The process drops the pages that the driver has pinned, and a domain comes.
 * iommufd gives it the driver's pages. type1 takes what the process has by then,
 * zero pages again, and charges for one page where now two are pinned; but no
 * more zero COWs than pages, or there would be slack for ordinary ones.
 */
FRONT_TEST(driver, memory_dropped)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MAPPED("cow");

	ASSERT_EQ(PAGES - 1, pin_at(w, 1, PAGES - 1, FRONT_READ));
	EXPECT_LEDGER(w, self->ask, PAGES - 1, ZEROS);
	ASSERT_EQ(0, madvise(memory, PAGES * w->page, MADV_DONTNEED));
	ASSERT_DOMAIN();
	EXPECT_CHARGED(w, PAGES);
	EXPECT_SOUND_LEDGER(w, self->ask, PAGES);
	ASSERT_EQ(0, unpin_at(w, 1, PAGES - 1));
	EXPECT_OWED(w, PAGES);
	EXPECT_SOUND_LEDGER(w, self->ask, PAGES);
	front_detach(&w->front, DEVICE_EDU);
	EXPECT_BACK(w);
	EXPECT_LEDGER(w, self->ask, 0, 0);
}

TEST_HARNESS_MAIN
