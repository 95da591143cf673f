// SPDX-License-Identifier: GPL-2.0-only
/*
 * zero_slack_mb: zero COWs may exceed the limit, and nothing else may.
 *
 * Guards: a charge of n pages is allowed if and only if, with its zero COWs
 * counted in,
 *
 *	charged + n <= limit + min(zero_cow, slack)
 *
 * for all that is charged to the payer, by whomever and through whatever. Fails
 * if it is off by a page, if a zero COW is forgotten or counted twice, if an
 * ordinary page gets slack, or if of two that race for the last page both get it
 * or neither does.
 */
#include <sys/wait.h>

#include "two.h"

/* One MiB, the smallest slack there is */
#define SLACK ((1UL << 20) / memory_page())
#define LIMIT 16UL

/* Does the rule allow it? Ordinary pages, whoever has charged them, and zero COWs */
static bool allowed(unsigned long ordinary, unsigned long zero_cow)
{
	return ordinary + zero_cow <= LIMIT + (zero_cow < SLACK ? zero_cow : SLACK);
}

static int set_slack(struct world *w, const char *mb)
{
	return params_set("zero_slack_mb", mb) ?: limit_pages(w, LIMIT);
}

/* Pages written once, and behind them zero pages */
static char *mixed(unsigned long ordinary, unsigned long zero)
{
	char *memory = memory_untouched((ordinary + zero) * memory_page());

	if (memory != MAP_FAILED)
		memset(memory, 0x5a, ordinary * memory_page());
	return memory;
}

#define ASSERT_MIXED(ordinary, zero)						\
	({									\
		char *_memory = mixed(ordinary, zero);				\
		ASSERT_NE(MAP_FAILED, _memory);					\
		_memory;							\
	})

/* One mapping of both kinds: every corner of the inequality. */
FRONT_TEST(rule, corners)
{
	const struct {
		unsigned long ordinary, zero;
	} cases[] = {
		{ 0, 1 }, { 0, LIMIT }, { 0, LIMIT + 1 }, { 0, SLACK },
		{ 0, SLACK + LIMIT - 1 }, { 0, SLACK + LIMIT }, { 0, SLACK + LIMIT + 1 },
		{ 1, SLACK + LIMIT - 1 }, { 1, SLACK + LIMIT },
		{ LIMIT - 1, 10 }, { LIMIT, 10 }, { LIMIT + 1, 10 },
		{ LIMIT, SLACK - 1 }, { LIMIT, SLACK }, { LIMIT, SLACK + 1 },
		{ LIMIT - 1, SLACK + 1 }, { LIMIT - 1, SLACK + 2 },
		{ LIMIT + 1, SLACK },
	};
	struct world *w = &self->world;
	unsigned int i;

	ASSERT_EQ(0, set_slack(w, "1"));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned long ordinary = cases[i].ordinary, zero = cases[i].zero;
		unsigned long npages = ordinary + zero;
		char *memory = ASSERT_MIXED(ordinary, zero);
		int want = allowed(ordinary, zero) ? 0 : -ENOMEM;

		ASSERT_EQ(want, map_read_only(w, memory, 0, npages)) {
			TH_LOG("%lu ordinary pages and %lu zero pages", ordinary, zero);
		}
		EXPECT_OWED(w, want ? 0 : npages);
		EXPECT_LEDGER(w, self->ask, want ? 0 : npages, want ? 0 : zero);
		if (!want)
			ASSERT_EQ(0, unmap_at(w, 0, npages));
		EXPECT_BACK(w);
		munmap(memory, npages * w->page);
	}
}

/* More than a window of pages at a time */
FRONT_TEST(rule, several_windows)
{
	struct world *w = &self->world;
	unsigned long most = 4 * SLACK + LIMIT;
	char *memory;

	ASSERT_EQ(0, set_slack(w, "4"));
	memory = ASSERT_MEMORY(untouched, most + 1);
	EXPECT_EQ(-ENOMEM, map_read_only(w, memory, 0, most + 1));
	EXPECT_BACK(w);
	EXPECT_LEDGER(w, self->ask, 0, 0);
	memory = ASSERT_MEMORY(untouched, most);
	ASSERT_EQ(0, map_read_only(w, memory, 0, most));
	EXPECT_OWED(w, most);
	EXPECT_LEDGER(w, self->ask, most, most);
}

/* Without the parameter a zero COW is a page like any other. */
FRONT_TEST(rule, none_by_default)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, LIMIT + 1);

	ASSERT_EQ(0, limit_pages(w, LIMIT));
	EXPECT_EQ(-ENOMEM, map_read_only(w, memory, 0, LIMIT + 1));
	memory = ASSERT_MEMORY(untouched, LIMIT);
	EXPECT_EQ(0, map_read_only(w, memory, 0, LIMIT));
	EXPECT_LEDGER(w, self->ask, LIMIT, LIMIT);
}

/* What is charged elsewhere is in the sum, and is ordinary. */
FRONT_TEST(rule, others_count)
{
	struct world *w = &self->world;
	bool mm = variant->ops->payer == FRONT_PAYER_MM;
	char *other = ASSERT_MEMORY(anonymous, 6);
	char *memory;

	ASSERT_EQ(0, set_slack(w, "1"));
	ASSERT_EQ(0, mm ? mlock(other, 6 * w->page) : counters_user_charge(other, 6));

	memory = ASSERT_MIXED(LIMIT - 5, 20);
	EXPECT_EQ(-ENOMEM, map_read_only(w, memory, 0, LIMIT - 5 + 20));
	memory = ASSERT_MIXED(LIMIT - 6, 20);
	ASSERT_EQ(0, map_read_only(w, memory, 0, LIMIT - 6 + 20));
	EXPECT_LEDGER(w, self->ask, LIMIT - 6 + 20, 20);

	/* Zero COWs use up what they go beyond the slack. */
	memory = ASSERT_MEMORY(untouched, SLACK - 20 + 1);
	EXPECT_EQ(-ENOMEM, map_read_only(w, memory, 100, SLACK - 20 + 1));
	memory = ASSERT_MEMORY(untouched, SLACK - 20);
	ASSERT_EQ(0, map_read_only(w, memory, 100, SLACK - 20));

	ASSERT_EQ(0, mm ? munlock(other, 6 * w->page) : counters_user_refund());
	memory = ASSERT_MEMORY(anonymous, 7);
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 1000, 7));
	EXPECT_EQ(0, map_at(w, memory, 1000, 6));
	EXPECT_OWED(w, LIMIT + SLACK);
}

/* However many zero COWs there are, ordinary pages end at the limit. */
FRONT_TEST(rule, never_for_ordinary_pages)
{
	struct world *w = &self->world;
	char *zero = ASSERT_MEMORY(untouched, 100);
	char *ordinary = ASSERT_MEMORY(anonymous, LIMIT + 1);

	ASSERT_EQ(0, set_slack(w, "1"));
	ASSERT_EQ(0, map_read_only(w, zero, 0, 100));
	EXPECT_EQ(-ENOMEM, map_at(w, ordinary, 100, LIMIT + 1));
	EXPECT_EQ(-ENOMEM, map_read_only(w, ordinary, 100, LIMIT + 1));
	EXPECT_LEDGER(w, self->ask, 100, 100);
	ASSERT_EQ(0, map_at(w, ordinary, 100, LIMIT));
	EXPECT_EQ(-ENOMEM, map_read_only(w, ordinary, 200, 1));

	/* A copy that is mapped again is a page that there was before. */
	EXPECT_EQ(-ENOMEM, map_read_only(w, zero, 200, 1));

	/* And a page to be written is none, touched or not. */
	EXPECT_EQ(-ENOMEM, map_at(w, ASSERT_MEMORY(untouched, 1), 200, 1));
	EXPECT_OWED(w, LIMIT + 100);
}

/* What is there stays; what comes must fit by what holds now. */
FRONT_TEST(rule, lowered_while_in_use)
{
	struct world *w = &self->world;
	char *zero = ASSERT_MEMORY(untouched, 100);

	ASSERT_EQ(0, set_slack(w, "1"));
	ASSERT_EQ(0, map_read_only(w, zero, 0, 50));
	ASSERT_EQ(0, map_read_only(w, zero + 50 * w->page, 50, 40));
	ASSERT_EQ(0, params_set("zero_slack_mb", "0"));
	EXPECT_OWED(w, 90);
	EXPECT_LEDGER(w, self->ask, 90, 90);
	EXPECT_EQ(-ENOMEM, map_read_only(w, zero + 90 * w->page, 90, 1));
	EXPECT_EQ(-ENOMEM, map_at(w, zero, 90, 1));

	ASSERT_EQ(0, unmap_at(w, 50, 40));
	EXPECT_LEDGER(w, self->ask, 50, 50);
	EXPECT_EQ(-ENOMEM, map_read_only(w, zero + 91 * w->page, 90, 1));
	ASSERT_EQ(0, params_set("zero_slack_mb", "1"));
	EXPECT_EQ(0, map_read_only(w, zero + 92 * w->page, 90, 1));
	ASSERT_EQ(0, params_set("zero_slack_mb", "0"));
	ASSERT_EQ(0, unmap_at(w, 0, 50));
	EXPECT_LEDGER(w, self->ask, 1, 1);
	EXPECT_OWED(w, 1);
	EXPECT_EQ(0, map_at(w, zero, 0, LIMIT - 1));
	EXPECT_EQ(-ENOMEM, map_at(w, zero, 50, 1));
}

/* Three mappings leave in every order, and take with them what they brought. */
FRONT_TEST(rule, every_order_of_unmapping)
{
	static const unsigned int orders[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	static const struct {
		unsigned long ordinary, zero;
	} parts[3] = { { 8, 0 }, { 0, 100 }, { 8, 30 } };
	struct world *w = &self->world;
	unsigned int i, n;

	ASSERT_EQ(0, set_slack(w, "1"));
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		unsigned long charged = 0, zero = 0;

		for (n = 0; n < 3; n++) {
			unsigned long npages = parts[n].ordinary + parts[n].zero;
			char *memory = ASSERT_MIXED(parts[n].ordinary, parts[n].zero);

			ASSERT_EQ(0, map_read_only(w, memory, n * 1000, npages));
			munmap(memory, npages * w->page);
			charged += npages;
			zero += parts[n].zero;
			EXPECT_LEDGER(w, self->ask, charged, zero);
		}
		for (n = 0; n < 3; n++) {
			unsigned int part = orders[i][n];
			unsigned long npages = parts[part].ordinary + parts[part].zero;

			ASSERT_EQ(0, unmap_at(w, part * 1000, npages));
			charged -= npages;
			zero -= parts[part].zero;
			EXPECT_OWED(w, charged);
			EXPECT_LEDGER(w, self->ask, charged, zero);
		}
	}
}

/* A mapping that can be cut loses its zero COWs where they were. */
FRONT_TEST(rule, part_of_a_mapping)
{
	struct world *w = &self->world;
	char *memory;

	if (variant->ops != &front_compat_v1)
		SKIP(return, "it unmaps what it has mapped, or nothing");

	ASSERT_EQ(0, set_slack(w, "1"));
	memory = ASSERT_MIXED(10, 30);
	ASSERT_EQ(0, map_read_only(w, memory, 0, 40));
	ASSERT_EQ(0, unmap_at(w, 30, 10));
	EXPECT_LEDGER(w, self->ask, 30, 20);
	ASSERT_EQ(0, unmap_at(w, 0, 15));
	EXPECT_LEDGER(w, self->ask, 15, 15);
	EXPECT_OWED(w, 15);
}

FRONT_TEST(two, share_it)
{
	struct world *first = &self->first, *second = &self->second;
	unsigned long half = SLACK / 2;
	char *memory;

	ASSERT_EQ(0, set_slack(first, "1"));
	ASSERT_EQ(0, map_read_only(first, ASSERT_MEMORY(untouched, half), 0, half));
	memory = ASSERT_MIXED(LIMIT + 1, 0);
	EXPECT_EQ(-ENOMEM, map_read_only(second, memory, 0, LIMIT + 1));
	ASSERT_EQ(0, map_read_only(second, memory, 0, LIMIT));
	memory = ASSERT_MEMORY(untouched, half + 1);
	EXPECT_EQ(-ENOMEM, map_read_only(second, memory, 1000, half + 1));
	memory = ASSERT_MEMORY(untouched, half);
	ASSERT_EQ(0, map_read_only(second, memory, 1000, half));
	EXPECT_LEDGER(first, self->ask, SLACK + LIMIT, SLACK);

	front_close(&first->front);
	EXPECT_LEDGER(first, self->ask, half + LIMIT, half);
	memory = ASSERT_MEMORY(untouched, half);
	EXPECT_EQ(0, map_read_only(second, memory, 2000, half));
}

/* One page of slack is left, and two zero pages want it. */
FRONT_TEST(two, race_for_the_last_page)
{
	struct racer racers[2] = {
		{ .front = &self->first.front, .npages = 1, .prot = FRONT_READ },
		{ .front = &self->second.front, .npages = 1, .prot = FRONT_READ },
	};
	unsigned long most = SLACK + LIMIT - 1;
	struct world *w = &self->first;
	int round, i;

	ASSERT_EQ(0, set_slack(w, "1"));
	ASSERT_EQ(0, map_read_only(w, ASSERT_MEMORY(untouched, most), 1000, most));
	for (round = 0; round < 100; round++) {
		for (i = 0; i < 2; i++)
			racers[i].memory = ASSERT_MEMORY(untouched, 1);
		race_for_it(_metadata, racers);
		for (i = 0; i < 2; i++)
			munmap(racers[i].memory, w->page);
	}
}

static void *race_often(void *arg)
{
	struct racer *racer = arg;
	size_t size = racer->npages * memory_page();
	unsigned int i;

	pthread_barrier_wait(racer->start);
	for (i = 0; i < racer->rounds && !racer->rc; i++) {
		racer->rc = front_map(racer->front, racer->memory, IOVA, size, racer->prot);
		if (racer->rc)
			break;
		racer->rc = front_unmap(racer->front, IOVA, size, NULL);
		if (racer->prot == FRONT_READ)
			madvise(racer->memory, size, MADV_DONTNEED);
	}
	return NULL;
}

/*
 * One maps and unmaps zero pages, the other as many ordinary pages as there may
 * be. Both fit whenever they come, so none is ever refused: the sum and the zero
 * COWs in it are of one moment.
 */
FRONT_TEST(two, both_always_fit)
{
	struct racer racers[2] = {
		{
			.front = &self->first.front,
			.memory = ASSERT_MEMORY(untouched, 30),
			.npages = 30,
			.prot = FRONT_READ,
			.rounds = 1500,
		}, {
			.front = &self->second.front,
			.memory = ASSERT_MEMORY(anonymous, LIMIT),
			.npages = LIMIT,
			.prot = FRONT_RW,
			.rounds = 3000,
		},
	};
	int i;

	ASSERT_EQ(0, set_slack(&self->first, "1"));
	ASSERT_EQ(0, race(racers, race_often));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, racers[i].rc) {
			TH_LOG("who maps %lu pages was refused", racers[i].npages);
		}
	}
}

/*
 * In a process of its own with the second front end; 0, or the errno. For a
 * process that pays for itself that is another limit.
 */
static int child_maps(struct world *second, unsigned long ordinary, unsigned long zero,
		      unsigned long at)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		char *memory = mixed(ordinary, zero);

		if (memory == MAP_FAILED)
			_exit(255);
		_exit(-map_read_only(second, memory, at, ordinary + zero));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* Two processes of one user: one payer for who charges the user, else two. */
FRONT_TEST(two, processes)
{
	bool user = variant->ops->payer == FRONT_PAYER_USER;
	struct world *first = &self->first, *second = &self->second;

	ASSERT_EQ(0, set_slack(first, "1"));
	ASSERT_EQ(0, map_read_only(first, ASSERT_MEMORY(untouched, 100), 0, 100));
	EXPECT_EQ(ENOMEM, child_maps(second, LIMIT + 1, 0, 0));
	EXPECT_EQ(0, child_maps(second, LIMIT, 0, 0));
	EXPECT_EQ(user ? ENOMEM : 0, child_maps(second, 1, 0, 1000));
	EXPECT_EQ(0, child_maps(second, 0, SLACK - 100, 2000));
	EXPECT_EQ(user ? ENOMEM : 0, child_maps(second, 0, 1, 3000));
	EXPECT_LEDGER(first, self->ask, user ? SLACK + LIMIT : 100, user ? SLACK : 100);
}

/* The race of two processes: who pays for himself does not race. */
FRONT_TEST(two, race_of_processes)
{
	bool user = variant->ops->payer == FRONT_PAYER_USER;
	unsigned long most = SLACK + LIMIT - 1;
	struct world *w = &self->first;
	pthread_barrierattr_t shared;
	int round, rc, status;
	pthread_barrier_t *start;
	pid_t pid;

	start = mmap(NULL, w->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, start);
	ASSERT_EQ(0, pthread_barrierattr_init(&shared));
	ASSERT_EQ(0, pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED));
	ASSERT_EQ(0, pthread_barrier_init(start, &shared, 2));
	ASSERT_EQ(0, set_slack(w, "1"));
	ASSERT_EQ(0, map_read_only(w, ASSERT_MEMORY(untouched, most), 1000, most));

	for (round = 0; round < 30; round++) {
		char *memory = ASSERT_MEMORY(untouched, 1);

		pid = fork();
		if (!pid) {
			pthread_barrier_wait(start);
			_exit(-map_read_only(&self->second, memory, 0, 1));
		}
		pthread_barrier_wait(start);
		rc = map_read_only(w, memory, 0, 1);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFEXITED(status));
		ASSERT_EQ(user ? ENOMEM : 0, WEXITSTATUS(status) - rc) {
			TH_LOG("round %d: %d and %d", round, rc, -WEXITSTATUS(status));
		}
		if (!rc)
			ASSERT_EQ(0, unmap_at(w, 0, 1));
		if (!WEXITSTATUS(status))
			ASSERT_EQ(0, unmap_at(&self->second, 0, 1));
		munmap(memory, w->page);
	}
}

TEST_HARNESS_MAIN
