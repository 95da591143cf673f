// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user wants more memory pinned than limit and slack allow.
 *
 * Guards: whatever a process without privilege does, in whatever order, from however
 * many threads, what its payer is charged stays within the highest limit that it could
 * set, and the slack on top. Fails if the check of a limit and the charge are not one
 * step, if a charge is forgotten while its pages are pinned, if memory is counted
 * as a zero COW that is none, or if a privilege in a user namespace counts.
 *
 * The charge is read as PINACCT_USAGE tells it: the kernel's own counter.
 */
#include <pthread.h>

#include "hostile.h"
#include "map_file.h"

RULE_FIXTURE(exceed, DEVICE_EDU)
ON_EVERY_V2_FRONT(exceed);

/* The hard limit, and the slack; zero COWs that are asked for at a time */
#define LIMIT	(2 * PAGES)
#define SLACK_MB 1UL
#define SLACK	((SLACK_MB << 20) / memory_page())
#define ZEROS	200UL

/* Pages that the payer is charged by everybody, or -errno */
static long charged(int ask, const struct front *front)
{
	struct pinacct_usage usage;
	int rc = ask_usage(ask, 0, &usage);

	if (rc)
		return rc;
	return (front->ops->payer == FRONT_PAYER_MM ? usage.mm_charged : usage.user_charged) /
	       memory_page();
}

/**
 * struct thread - one of those that try at the same time
 * @world: where it maps
 * @ask: /dev/pinacct
 * @memory: what it maps: PAGES to be written by a device
 * @zeros: and ZEROS, which were never written, to be read
 * @at: the first of the pages behind IOVA that are its own
 * @rounds: how often
 * @start: when all begin
 * @got: how many mappings were made
 * @refused: how many were refused for the limit
 * @most: the most that it has seen charged
 * @error: what must not happen
 */
struct thread {
	struct world *world;
	int ask;
	char *memory;
	char *zeros;
	unsigned long at;
	int rounds;
	pthread_barrier_t *start;
	int got;
	int refused;
	long most;
	int error;
};

/* What is charged now */
static void look(struct thread *thread)
{
	long now = charged(thread->ask, &thread->world->front);

	if (now < 0)
		thread->error = now;
	else if (now > thread->most)
		thread->most = now;
}

/* What has come of a map, and what is charged while it is there */
static void take(struct thread *thread, int rc)
{
	look(thread);
	thread->got += !rc;
	thread->refused += rc == -ENOMEM;
	if (rc && rc != -ENOMEM)
		thread->error = rc;
}

static void *maps(void *arg)
{
	struct thread *thread = arg;
	struct world *w = thread->world;
	int i;

	pthread_barrier_wait(thread->start);
	for (i = 0; i < thread->rounds; i++) {
		int some, zeros;

		some = map_at(w, thread->memory, thread->at, PAGES);
		take(thread, some);
		zeros = map_read_only(w, thread->zeros, thread->at + PAGES, ZEROS);
		take(thread, zeros);
		/* It is memory like any other now, and still within the slack. */
		if (!zeros)
			memset(thread->zeros, 1, w->page);
		if (!some && unmap_at(w, thread->at, PAGES))
			thread->error = -EINVAL;
		if (!zeros && unmap_at(w, thread->at + PAGES, ZEROS))
			thread->error = -EINVAL;
		madvise(thread->zeros, ZEROS * w->page, MADV_DONTNEED);
	}
	return NULL;
}

/* Moves the soft limit about, and locks memory in the usual way. */
static void *changes_limit(void *arg)
{
	struct thread *thread = arg;
	struct world *w = thread->world;
	int i;

	pthread_barrier_wait(thread->start);
	for (i = 0; i < thread->rounds; i++) {
		privilege_limit((i % 4 + 1) * LIMIT / 4 * w->page);
		mlock(thread->memory, 8 * w->page);
		look(thread);
		munlock(thread->memory, 8 * w->page);
	}
	return NULL;
}

#define THREADS 4

FRONT_TEST(exceed, threads)
{
	struct world *w = &self->world;
	struct thread threads[THREADS];
	pthread_t ids[THREADS];
	pthread_barrier_t start;
	int i, got = 0, refused = 0;

	ASSERT_EQ(0, params_set("zero_slack_mb", "1"));
	ASSERT_EQ(0, limit_pages(w, LIMIT));
	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, THREADS));
	for (i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){
			.world = w,
			.ask = self->ask,
			.memory = ASSERT_MEMORY(anonymous, PAGES),
			.zeros = ASSERT_MEMORY(untouched, ZEROS),
			.at = i * (PAGES + ZEROS),
			.rounds = 30,
			.start = &start,
		};
		ASSERT_EQ(0, pthread_create(&ids[i], NULL, i ? maps : changes_limit, &threads[i]));
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(ids[i], NULL));
		EXPECT_EQ(0, threads[i].error);
		EXPECT_GE(LIMIT + SLACK, threads[i].most);
		got += threads[i].got;
		refused += threads[i].refused;
	}
	EXPECT_LT(0, got);
	EXPECT_LT(0, refused);
	EXPECT_BACK(w);
	EXPECT_LEDGER(w, self->ask, 0, 0);
}

/* Takes a page at a time, for as long as there is one to be had: how many there were. */
static int take_all(struct world *w, const char *memory, unsigned long at)
{
	unsigned long i;
	int rc = 0;

	for (i = 0; i < 2 * LIMIT && !rc; i++)
		rc = map_at(w, memory, at + i, 1);
	return rc == -ENOMEM ? (int)i - 1 : -EINVAL;
}

/*
 * Children that have the container. Where a process pays, each has a limit of its
 * own, as mainline has it; where the user does, they have one together.
 */
FRONT_TEST(exceed, children)
{
	bool mm = variant->ops->payer == FRONT_PAYER_MM;
	struct rlimit more = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 1);
	struct child children[3];
	int i, got, sum = 0;

	for (i = 0; i < 3; i++) {
		struct child *child = &children[i];

		HOSTILE(child, ({
			child_tell(child, hostile_become(PRIVILEGE_USER) ?: hostile_limit(LIMIT));
			child_tell(child, setrlimit(RLIMIT_MEMLOCK, &more) ? -errno : 0);
			child_tell(child, take_all(w, memory, i * 2 * LIMIT));
			child_tell(child, charged(self->ask, &w->front));
		}));
		EXPECT_EQ(0, child_result(child));
		EXPECT_EQ(-EPERM, child_result(child));
		got = child_result(child);
		EXPECT_EQ(mm || !i ? LIMIT : 0, got);
		EXPECT_EQ(LIMIT, child_result(child));
		sum += got;
	}
	EXPECT_EQ(mm ? 3 * LIMIT : LIMIT, sum);
	/* Who is gone has taken his charge along; what he has not, is the user's. */
	for (i = 0; i < 3; i++)
		HOSTILE_ENDS(&children[i]);
	EXPECT_EQ(mm ? 0 : LIMIT, charged(self->ask, &w->front));
}

/* There the process has every capability, which are good for nothing here. */
FRONT_TEST(exceed, user_namespace)
{
	struct rlimit more = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 1);
	struct child child;
	unsigned int mode;

	HOSTILE(&child, ({
		child_tell(&child, hostile_become(PRIVILEGE_USER) ?: hostile_limit(LIMIT));
		child_tell(&child, unshare(CLONE_NEWUSER) ? -errno : 0);
		child_tell(&child, setrlimit(RLIMIT_MEMLOCK, &more) ? -errno : 0);
		for (mode = 0; mode < 2; mode++)
			child_tell(&child, hostile_rlimit_mode(&w->front, mode));
		child_tell(&child, take_all(w, memory, 0));
		child_tell(&child, charged(self->ask, &w->front));
	}));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_EQ(-EPERM, child_result(&child));
	for (mode = 0; mode < 2; mode++)
		EXPECT_EQ(w->front.ops->iommufd ? -EPERM : -ENOTTY, child_result(&child));
	EXPECT_EQ(LIMIT, child_result(&child));
	EXPECT_EQ(LIMIT, child_result(&child));
	HOSTILE_ENDS(&child);
}

/* To be charged where there is still room, or nowhere, takes a privilege; at any time */
FRONT_TEST(exceed, another_payer)
{
	struct world *w = &self->world;
	struct front fresh;
	unsigned int mode;

	if (!variant->ops->iommufd)
		SKIP(return, "only iommufd lets anybody choose");
	AS_ROOT(ASSERT_EQ(0, front_open(&fresh, &front_compat_v1)));
	for (mode = 0; mode < 3; mode++) {
		EXPECT_EQ(-EPERM, hostile_rlimit_mode(&fresh, mode));
		EXPECT_EQ(-EPERM, hostile_rlimit_mode(&w->front, mode));
	}
	front_close(&fresh);
}

/* Mappings that any_order has: each of these is at its own place. */
#define PLACES 4

/**
 * struct place - where something may be mapped
 * @memory: PAGES that have been written, of a memfd
 * @zeros: ZEROS that have not
 */
struct place {
	char *memory;
	char *zeros;
};

/* A child maps, and is gone with what it was charged, if it was. */
static void map_in_child(struct world *w, const char *memory, unsigned long at)
{
	pid_t pid = fork();

	if (!pid) {
		map_at(w, memory, at, PAGES);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* One more file descriptor, and the old one gone */
static int change_descriptor(struct front *front)
{
	int fd = dup(front->iommu);

	if (fd < 0 || close(front->iommu))
		return -errno;
	front->iommu = fd;
	return 0;
}

/* A random call. What comes of it does not matter here, but for what it leaves. */
static void step(struct world *w, struct place *place, unsigned long at, __u32 ioas, int what,
		 int how)
{
	struct front *front = &w->front;
	__u64 iova = IOVA + at * w->page, size = PAGES * w->page;

	switch (what) {
	case 0:
	case 1:
		map_at(w, place->memory, at, PAGES);
		break;
	case 2:
	case 3:
		madvise(place->zeros, ZEROS * w->page, MADV_DONTNEED);
		map_read_only(w, place->zeros, at, ZEROS);
		break;
	case 4:
		unmap_at(w, at, ZEROS);
		break;
	case 5:
		unmap_at(w, at + how % PAGES, PAGES / 2);
		break;
	case 6:
		privilege_limit(how % (LIMIT + 1) * w->page);
		break;
	case 7:
		mlock(place->memory, how % 8 * w->page);
		break;
	case 8:
		munlock(place->memory, size);
		break;
	case 9:
		map_in_child(w, place->memory, at);
		break;
	case 10:
		change_descriptor(front);
		break;
	case 11:
		if (ioas)
			front_copy(front, ioas, iova, size);
		else
			front_drop_vaddr(front, iova, size);
		break;
	case 12:
		if (!ioas)
			front_give_vaddr(front, place->memory, iova, size);
		else if (front_changes_process(front))
			front_change_process(front);
		break;
	case 13:
		memset(place->zeros, how, w->page);
		break;
	}
}

#define STEPS 14

FRONT_TEST(exceed, any_order)
{
	bool native = variant->ops->iommufd && !variant->ops->type;
	struct world *w = &self->world;
	struct place places[PLACES];
	unsigned int seed = 20261120;
	__u32 ioas = 0;
	long now, most = 0;
	int fd, i;

	ASSERT_EQ(0, params_set("zero_slack_mb", "1"));
	ASSERT_EQ(0, limit_pages(w, LIMIT));
	if (native)
		ASSERT_EQ(0, front_alloc_ioas(&w->front, &ioas));
	for (i = 0; i < PLACES; i++)
		places[i] = (struct place){
			.memory = ASSERT_MEMFD(&fd, PAGES),
			.zeros = ASSERT_MEMORY(untouched, ZEROS),
		};

	for (i = 0; i < 400; i++) {
		int place = rand_r(&seed) % PLACES, what = rand_r(&seed) % STEPS;

		step(w, &places[place], place * ZEROS, ioas, what, rand_r(&seed));
		now = charged(self->ask, &w->front);
		ASSERT_LE(0, now);
		ASSERT_GE(LIMIT + SLACK, now) {
			TH_LOG("step %d: call %d", i, what);
		}
		if (now > most)
			most = now;
	}
	/* It went to the limit, and made use of the slack. */
	EXPECT_LT(LIMIT, most) {
		TH_LOG("%ld pages", most);
	}
	for (i = 0; i < PLACES; i++)
		munlock(places[i].memory, PAGES * w->page);
}

TEST_HARNESS_MAIN
