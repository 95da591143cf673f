// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user wants the kernel's log to be full, or to say what is not true.
 *
 * Guards: however often he is refused, and for whatever cause, the log gets ten lines
 * in five seconds, and one that says how many there were not; and none of them is of
 * his making. Fails if a cause has a line of its own that is not counted, if the
 * front ends say something besides, or if the name of a task can end a line.
 */
#include <fcntl.h>
#include <sys/klog.h>
#include <time.h>

#include "hostile.h"
#include "map_file.h"

RULE_FIXTURE(flood, DEVICE_EDU)
ON_EVERY_V2_FRONT(flood);

/* What the kernel lets through: so many lines in so many seconds, and one about the rest */
#define BURST	10
#define SECONDS	5

/* Records in the log from the descriptor's place on; those that were overwritten count */
static int count_log(int fd)
{
	char record[8192];
	int count = 0;

	while (read(fd, record, sizeof(record)) > 0 || errno == EPIPE)
		count++;
	return count;
}

/*
 * How many lines there may be since then. A second too many does no harm: it is
 * refused a hundred times in it. The kernel goes by ticks, which are never too many.
 */
static int may_be_logged(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return ((now.tv_sec - since->tv_sec) / SECONDS + 2) * (BURST + 1);
}

#define TIMES 300

/* As often as he likes, for all that there is to be refused */
FRONT_TEST(flood, every_cause)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	char *hole = ASSERT_MEMORY(anonymous, PAGES);
	char *closed = ASSERT_MEMORY(anonymous, PAGES);
	char *mine = ASSERT_MEMORY(anonymous, PAGES);
	unsigned long size = 0;
	struct timespec since;
	int log, i, count, refused = 0;
	void *bar;

	bar = device_map_bar(w->front.devices[DEVICE_EDU], 0, &size);
	ASSERT_NE(MAP_FAILED, bar);
	ASSERT_EQ(0, munmap(hole + w->page, w->page));
	ASSERT_EQ(0, mprotect(closed, PAGES * w->page, PROT_NONE));
	ASSERT_EQ(0, ask_exclude(self->ask, mine, w->page, true));
	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	AS_ROOT(log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	ASSERT_LE(0, log);

	ASSERT_LE(0, lseek(log, 0, SEEK_END));
	clock_gettime(CLOCK_BOOTTIME, &since);
	for (i = 0; i < TIMES; i++) {
		refused += !!map_at(w, memory, 0, PAGES);
		refused += !!map_at(w, hole, 0, 3);
		refused += !!map_at(w, closed, 0, 1);
		refused += !!map_at(w, mine, 0, 1);
		refused += !!front_map(&w->front, NULL, IOVA, w->page, FRONT_RW);
		/* Where nothing can be, and what cannot be undone */
		refused += !!front_map(&w->front, memory, -2 * w->page, w->page, FRONT_RW);
		refused += !!front_map(&w->front, memory, IOVA, -w->page, FRONT_RW);
		unmap_at(w, 5, 1);
		if (variant->ops->iommufd)
			front_map(&w->front, bar, IOVA + PAGES * w->page, w->page, FRONT_RW);
		ask_exclude(self->ask, memory, -w->page, true);
		ask_wait(self->ask, 0);
	}
	count = count_log(log);
	EXPECT_EQ(7 * TIMES, refused);
	EXPECT_GE(may_be_logged(&since), count) {
		TH_LOG("%d lines", count);
	}
	close(log);
	munmap(bar, size);
}

/*
 * The name of the task is in the line. As it is shown where line breaks are shown as
 * such, too.
 */
FRONT_TEST(flood, forged_lines)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	static char log[1 << 20];
	struct timespec pause = { .tv_nsec = 100000000 };
	char end[32], name[48];
	struct pinacct_refusal refusal;
	int len, i;

	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	ASSERT_EQ(0, prctl(PR_SET_NAME, "x\nFAKE: \a\033[2Jno"));
	/* By the pid: others were here before, and the log keeps their lines. */
	snprintf(end, sizeof(end), "[2Jno[%d]", getpid());
	snprintf(name, sizeof(name), "x?FAKE: ??%s", end);
	/* Until it is in the log: it may be full for now. */
	for (i = 0, len = 0; i < 300; i++) {
		ASSERT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES));
		AS_ROOT(len = klogctl(3, log, sizeof(log) - 1));
		ASSERT_LT(0, len);
		log[len] = '\0';
		if (strstr(log, end))
			break;
		nanosleep(&pause, NULL);
	}
	EXPECT_NE(NULL, strstr(log, name));
	EXPECT_EQ(NULL, strstr(log, "] FAKE: "));
	EXPECT_EQ(NULL, strchr(log, '\033'));
	refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, ENOMEM);
	EXPECT_STREQ("x?FAKE: ??[2Jno", refusal.comm);
}

TEST_HARNESS_MAIN
