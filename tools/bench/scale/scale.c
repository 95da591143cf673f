// SPDX-License-Identifier: GPL-2.0-only
/*
 * How does the cost of mapping grow with what there is?
 *
 * Use:	scale quick|full QUESTION...
 *
 * Prints a line for each size, front end and step of a question:
 *
 *	QUESTION WAY N STEP VALUE
 *
 * where VALUE is ticks of the time stamp counter for all N together, or, for the
 * steps that begin with "kept", bytes that the kernel has kept. Under QEMU's -icount
 * with shift=0 a tick is an instruction, of the program and the kernel alike.
 *
 * What is charged is charged to an unprivileged user, whose limit is large.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "privilege.h"
#include "scale.h"

/**
 * struct question - something that can grow
 * @name: of it
 * @ask: measures and tells it, of the size that it is given
 * @sizes: in order, and 0 behind the last; quick leaves that out
 */
static const struct question {
	const char *name;
	void (*ask)(unsigned long n);
	unsigned long sizes[8];
} questions[] = {
	{ "mappings", mappings, { 10, 100, 1000, 10000 } },
	{ "vmas", vmas, { 10, 100, 1000, 10000 } },
	{ "containers", containers, { 1, 10, 100, 1000 } },
	{ "spaces", spaces, { 1, 10, 100, 1000 } },
	{ "processes", processes, { 1, 4, 16, 64 } },
	{ "users", users, { 1, 10, 100, 1000 } },
	{ "refused-users", refused_users, { 1, 10, 100, 1000 } },
	/* In MiB: up to 32 TiB. */
	{ "span", span, { 1UL << 3, 1UL << 10, 1UL << 15, 1UL << 20, 1UL << 25 } },
	{ "refused", refused, { 1UL << 10, 1UL << 15, 1UL << 20, 1UL << 25 } },
	{ "refill", refill, { 1, 4, 16, 64 } },
	{ "holders", holders, { 1, 10, 100, 1000 } },
	{ "exclusions", exclusions, { 0, 1, 10, 100, 1000 } },
	{ "asked", asked, { 10, 100, 1000, 10000 } },
};

static struct {
	const char *question;
	const char *way;
	unsigned long n;
} now = { "start", "", 0 };

/**
 * check - end the program if something did not work
 * @rc: 0, or -errno
 * @what: what was tried
 */
void check(int rc, const char *what)
{
	if (!rc)
		return;
	fprintf(stderr, "scale: %s %s %lu: %s: %s\n", now.question, now.way, now.n, what,
		strerror(-rc));
	exit(1);
}

/**
 * start - what is told from now on belongs to
 * @question: this
 * @way: by this front end
 * @n: of this size
 */
void start(const char *question, const char *way, unsigned long n)
{
	now.question = question;
	now.way = way;
	now.n = n;
}

/**
 * tell - print a figure
 * @step: what was done
 * @value: what it took
 */
void tell(const char *step, long long value)
{
	printf("%s %s %lu %s %lld\n", now.question, now.way, now.n, step, value);
}

static void ask(const struct question *question, bool quick)
{
	const unsigned long *sizes = question->sizes;

	/* Exclusions begin with none. */
	for (size_t i = 0; !i || sizes[i]; i++)
		if (!quick || sizes[i + 1])
			question->ask(sizes[i]);
}

static int find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		if (!strcmp(name, questions[i].name))
			return i;
	return -1;
}

int main(int argc, char **argv)
{
	const struct rlimit files = { .rlim_cur = 8192, .rlim_max = 8192 };
	static char output[1 << 20];
	int i;

	for (i = 2; i < argc && find(argv[i]) >= 0; i++)
		;
	if (argc < 3 || i < argc || (strcmp(argv[1], "quick") && strcmp(argv[1], "full"))) {
		fprintf(stderr, "use: scale quick|full QUESTION...\n");
		return 2;
	}
	/* Nothing is written before the end: writing costs instructions. */
	setvbuf(stdout, output, _IOFBF, sizeof(output));
	check(setrlimit(RLIMIT_NOFILE, &files) ? -errno : 0, "more open files");
	check(privilege_drop(), "no limit");
	for (i = 2; i < argc; i++)
		ask(&questions[find(argv[i])], !strcmp(argv[1], "quick"));
	return 0;
}
