// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the layer keep its rules while memory, kernel and process change under a map?
 *
 * Guards: rule A2 above all. In every round of every race, what is charged and pinned
 * is what is mapped, whatever was done to the memory during the call; the device
 * reaches pinned pages only, and the process's own where nothing else could be; errnos
 * are of a known set; and when all is unmapped, nothing is left. Fails too if mapper
 * and disturber did not meet: a round in which nothing raced is no race.
 *
 * Use:	races [--seed N] [--rounds N] [--seconds N] [--front NAME]... [RACE]...
 *
 * Each race goes on until they have met in so many rounds (8), on each front end, and
 * until that time has passed (0). The seed is printed first; with --seed the same is
 * done to the same memory, though not at the same moment.
 *
 * It needs edu and e1000e on vfio-pci, the test module, two CPUs, reserved huge pages,
 * a movable block of memory, two NUMA nodes and the memory cgroup: ../l1/races.sh.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "params.h"
#include "races.h"

/* For a play that hangs, besides the seconds that it was given: kernels may be slow. */
#define PATIENCE 600

#define USE "races [--seed N] [--rounds N] [--seconds N] [--front NAME]... [RACE]...\n"

static const struct race *const groups[] = {
	by_address, by_file, by_kernel, by_driver, by_death,
};

static const struct front_ops *const fronts[] = {
	&front_type1_v2, &front_iommufd_user, &front_iommufd_process, &front_compat_v2,
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define WANTED 64

/**
 * struct options - what is to be run
 * @seed: of all dice
 * @goal: of each play
 * @races: names; all if there are none
 * @nraces: how many
 * @fronts: likewise
 * @nfronts: how many
 */
struct options {
	unsigned long seed;
	struct goal goal;
	const char *races[WANTED];
	unsigned int nraces;
	const char *fronts[WANTED];
	unsigned int nfronts;
};

static bool wanted(const char *const *names, unsigned int n, const char *name)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return !n;
}

/* The same race has the same dice, whichever others are run. */
static unsigned long seed_of(const char *name, unsigned long seed)
{
	while (*name)
		seed = (seed ^ (unsigned char)*name++) * 0x100000001b3UL;
	return seed ?: 1;
}

static int play_in_child(const struct race *race, const struct front_ops *ops,
			 const struct options *options, struct tally *tally)
{
	struct play play = {
		.race = race,
		.ops = ops,
		.map_dice.state = seed_of(race->name, options->seed),
		.disturb_dice.state = seed_of(ops->name, seed_of(race->name, options->seed)),
		.tally = tally,
		.ask = -1,
		.held = -1,
	};
	int rc;

	alarm(PATIENCE + options->goal.seconds);
	rc = play_rounds(&play, &options->goal);
	fflush(stdout);
	return rc;
}

/* Return: whether all was right */
static bool play(const struct race *race, const struct front_ops *ops,
		 const struct options *options)
{
	struct tally *tally;
	int status = -1;
	pid_t pid;

	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (tally == MAP_FAILED)
		return false;
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(play_in_child(race, ops, options, tally) ? 1 : 0);
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (pid > 0 && WIFSIGNALED(status))
		printf("# it was ended by signal %d, after %u calls\n", WTERMSIG(status),
		       atomic_load(&tally->calls) / 2);
	if (race->restore)
		race->restore();
	munmap(tally, sizeof(*tally));
	return !status;
}

/* Play all that are wanted, or only count them. */
static int all(const struct options *options, bool count, int *failed)
{
	const struct race *race;
	unsigned int i, j;
	int n = 0;

	for (i = 0; i < COUNT(groups); i++)
		for (race = groups[i]; race->name; race++)
			for (j = 0; j < COUNT(fronts); j++) {
				bool ok;

				if (!wanted(options->races, options->nraces, race->name) ||
				    !wanted(options->fronts, options->nfronts, fronts[j]->name))
					continue;
				n++;
				if (count)
					continue;
				printf("#  RUN  %s.%s\n", race->name, fronts[j]->name);
				ok = play(race, fronts[j], options);
				printf("%sok %d %s.%s\n", ok ? "" : "not ", n, race->name,
				       fronts[j]->name);
				*failed += !ok;
			}
	return n;
}

static bool is_race(const char *name)
{
	const struct race *race;
	unsigned int i;

	for (i = 0; i < COUNT(groups); i++)
		for (race = groups[i]; race->name; race++)
			if (!strcmp(race->name, name))
				return true;
	fprintf(stderr, "races: no race is called '%s'\n", name);
	return false;
}

static bool is_front(const char *name)
{
	unsigned int i;

	for (i = 0; i < COUNT(fronts); i++)
		if (!strcmp(fronts[i]->name, name))
			return true;
	fprintf(stderr, "races: no front end is called '%s'\n", name);
	return false;
}

/* The number behind an option; 0 or above */
static bool number(const char *text, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = text ? strtoul(text, &end, 0) : 0;
	if (text && *text >= '0' && *text <= '9' && !*end && !errno)
		return true;
	fprintf(stderr, "races: '%s' is no number\n", text ?: "");
	return false;
}

static bool parse(struct options *options, char **argv)
{
	unsigned long value;

	for (; *argv; argv++) {
		if (**argv != '-') {
			if (!is_race(*argv) || options->nraces == WANTED)
				return false;
			options->races[options->nraces++] = *argv;
			continue;
		}
		if (!strcmp(*argv, "--front")) {
			if (!*++argv || !is_front(*argv) || options->nfronts == WANTED)
				return false;
			options->fronts[options->nfronts++] = *argv;
		} else if (!strcmp(*argv, "--seed")) {
			if (!number(*++argv, &options->seed))
				return false;
		} else if (!strcmp(*argv, "--rounds")) {
			if (!number(*++argv, &value) || !value)
				return false;
			options->goal.rounds = value;
		} else if (!strcmp(*argv, "--seconds")) {
			if (!number(*++argv, &value))
				return false;
			options->goal.seconds = value;
		} else {
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	struct options options = { .goal.rounds = 8 };
	int failed = 0;

	/* What a mapper becomes that is to exec() */
	if (argc == 2 && !strcmp(argv[1], "--nothing"))
		return 0;
	if (getrandom(&options.seed, sizeof(options.seed), 0) != sizeof(options.seed))
		return 1;
	options.seed >>= 32;
	if (!parse(&options, argv + 1)) {
		fprintf(stderr, "use: " USE);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%d\n# seed %lu\n", all(&options, true, &failed), options.seed);
	all(&options, false, &failed);
	return failed != 0;
}
