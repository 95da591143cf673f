// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the layer keep its rules under programs that nobody has thought of?
 *
 * Guards: rules A1, A2 and A5, as random does, and that no structure, whatever is in
 * it, does harm. A program is a list of steps of the model's language and of ioctls
 * with any arguments (program.h); what has to come of it is decided in play.c.
 *
 * Use:	fuzz replay FILE
 *	fuzz grow FILE OUT [--seconds N] [--executions N] [--seed N] [--blind] [--first]
 *	fuzz shorten FILE
 *
 * replay runs the programs of a file, each of which is a test. It needs no KCOV.
 *
 * grow changes programs of a file, which may be empty, and keeps those that reach
 * places in the kernel's modules which none has reached before: by KCOV. At the end
 * OUT/corpus.txt has them, as few and as short as possible. A program of which
 * something is wrong is shortened and left in OUT/found-N.txt, with what was said;
 * OUT/current.txt has the one that runs, in case that the machine ends. With --blind,
 * what a program reaches does not decide whether it is kept, but the dice do. With
 * --first it ends with the first program that something is wrong with.
 *
 * shorten prints the first program of a file without the commands that it is bad
 * without.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "corpus.h"
#include "mutate.h"
#include "params.h"
#include "privilege.h"

/* Different complaints until it is enough */
#define FOUND_MAX 8

/* Of programs that are kept, without being looked at */
#define BLIND_KEEPS 16

/**
 * struct grow - how it goes
 * @corpus: what is kept
 * @dice: decide
 * @out: directory for what is found
 * @blind: coverage does not decide
 * @seconds: until when
 * @executions: how many at most
 * @started: second at which it started
 * @done: programs that were run
 * @commands: that were done in them
 * @reached: by all of them
 * @found: what was wrong, in words
 * @nfound: how often
 * @enough: when it ends
 */
struct grow {
	struct corpus corpus;
	struct dice dice;
	const char *out;
	bool blind;
	long seconds;
	long executions;
	long started;
	long done;
	long commands;
	struct edges reached;
	char found[FOUND_MAX][64];
	int nfound;
	int enough;
};

static long seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* What was wrong, without numbers: is it the same as before? */
static void complaint(const struct play *play, char *text, size_t size)
{
	const char *said = strstr(play->said, " predicted, and "), *at;
	size_t n = 0;

	if (!said)
		said = strstr(play->said, "# !");
	for (at = said ?: play->said; at > play->said && at[-1] != '\n'; at--)
		;
	for (; *at && *at != '\n' && n < size - 1; at++)
		if (*at < '0' || *at > '9')
			text[n++] = *at;
	text[n] = '\0';
}

static bool still_bad(const struct program *program, void *arg)
{
	const struct play *now = play(program);
	char text[64];

	complaint(now, text, sizeof(text));
	return now->bad && !strcmp(text, arg);
}

static void write_program(const char *dir, const char *name, const struct program *program,
			  const char *said)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = privilege_root(true) ? NULL : fopen(path, "w");
	if (!file || privilege_root(false)) {
		fprintf(stderr, "fuzz: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	program_print(file, program);
	if (said)
		fprintf(file, "# what was said:\n%s", said);
	fclose(file);
}

/* Return: false when it is enough */
static bool found(struct grow *grow, const struct play *bad)
{
	struct program program = bad->done;
	char text[64], name[32];
	int i;

	complaint(bad, text, sizeof(text));
	for (i = 0; i < grow->nfound; i++)
		if (!strcmp(grow->found[i], text))
			return true;
	printf("# found after %ld programs: %s\n%s", grow->done, text, bad->said);
	strcpy(grow->found[grow->nfound++], text);
	shorten(&program, still_bad, text);
	snprintf(name, sizeof(name), "found-%d.txt", grow->nfound);
	write_program(grow->out, name, &program, play(&program)->said);
	return grow->nfound < grow->enough;
}

static void report(const struct grow *grow)
{
	long took = seconds() - grow->started;

	printf("# %ld s: %ld programs, %ld commands, %ld edges, %d kept, %ld programs per second\n",
	       took, grow->done, grow->commands, edges_count(&grow->reached), grow->corpus.n,
	       grow->done / (took ?: 1));
}

static void next_program(struct grow *grow, struct program *program)
{
	struct corpus *corpus = &grow->corpus;

	if (!corpus->n || !dice_roll(&grow->dice, 8)) {
		mutate_new(program, &grow->dice);
		return;
	}
	*program = corpus->kept[dice_roll(&grow->dice, corpus->n)]->program;
	mutate(program, &corpus->kept[dice_roll(&grow->dice, corpus->n)]->program, &grow->dice);
}

/* Return: false when it is enough */
static bool grow_once(struct grow *grow, const struct program *program, bool of_file)
{
	const struct play *now;
	bool keep;

	write_program(grow->out, "current.txt", program, NULL);
	now = play(program);
	grow->done++;
	grow->commands += now->done.n;
	if (now->bad)
		return found(grow, now);
	keep = grow->blind ? !dice_roll(&grow->dice, BLIND_KEEPS) :
			     edges_new(&now->edges, &grow->corpus.edges);
	edges_add(&grow->reached, &now->edges);
	if (keep && now->done.n)
		corpus_keep(&grow->corpus, now, of_file && now->done.n == program->n);
	return true;
}

static FILE *open_programs(const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file)
		fprintf(stderr, "fuzz: %s: %s\n", path, strerror(errno));
	return file;
}

static int keep_corpus(const struct grow *grow)
{
	char path[256];
	int rc;

	snprintf(path, sizeof(path), "%s/corpus.txt", grow->out);
	rc = privilege_root(true) ?: corpus_write(&grow->corpus, path) ?: privilege_root(false);
	if (rc)
		fprintf(stderr, "fuzz: %s: %s\n", path, strerror(-rc));
	return rc;
}

static int run_grow(struct grow *grow, const char *path)
{
	FILE *file = open_programs(path);
	long told = seconds();
	struct program program;
	int line = 0, rc;
	bool go_on = true;

	if (!file)
		return 2;
	grow->started = told;
	while (go_on && (rc = program_read(file, path, &line, &program)) > 0)
		go_on = grow_once(grow, &program, true);
	if (rc < 0)
		return 2;
	report(grow);
	while (go_on && grow->done < grow->executions &&
	       seconds() < grow->started + grow->seconds) {
		next_program(grow, &program);
		go_on = grow_once(grow, &program, false);
		if (seconds() >= told + 10) {
			told = seconds();
			report(grow);
		}
	}
	report(grow);
	if (!grow->blind) {
		rc = keep_corpus(grow);
		corpus_distill(&grow->corpus);
		rc = rc ?: keep_corpus(grow);
		printf("# %d programs are left, which reach %ld edges\n", grow->corpus.n,
		       edges_count(&grow->corpus.edges));
	}
	return rc ? 2 : grow->nfound != 0;
}

/* Return: exit status */
static int run_replay(const char *path)
{
	FILE *file = open_programs(path);
	struct program program;
	int line = 0, n = 0, bad = 0, rc;
	long commands = 0, done = 0;

	if (!file)
		return 2;
	printf("TAP version 13\n");
	while ((rc = program_read(file, path, &line, &program)) > 0) {
		const struct play *now = play(&program);

		if (now->bad)
			printf("%s", now->said);
		bad += now->bad;
		commands += program.n;
		done += now->done.n;
		printf("%sok %d fuzz.%d %s %s\n", now->bad ? "not " : "", n + 1, n + 1,
		       program_fronts[program.fronts[0]]->name,
		       program_fronts[program.fronts[1]]->name);
		n++;
	}
	if (rc < 0)
		return 2;
	/* Where there is nothing by file, some mean nothing. But most must. */
	printf("# %ld commands of %ld meant something\n", done, commands);
	printf("%sok %d fuzz.corpus programs mean something\n",
	       done && done * 4 >= commands * 3 ? "" : "not ", n + 1);
	printf("1..%d\n", n + 1);
	return bad || !done || done * 4 < commands * 3;
}

static int run_shorten(const char *path)
{
	FILE *file = open_programs(path);
	struct program program;
	const struct play *now;
	char text[64];
	int line = 0;

	if (!file || program_read(file, path, &line, &program) <= 0)
		return 2;
	now = play(&program);
	if (!now->bad) {
		fprintf(stderr, "fuzz: %s: nothing is wrong with its first program\n", path);
		return 1;
	}
	complaint(now, text, sizeof(text));
	shorten(&program, still_bad, text);
	program_print(stdout, &program);
	printf("# what was said:\n%s", play(&program)->said);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "use: fuzz replay FILE | fuzz shorten FILE | fuzz grow FILE OUT [--seconds N] [--executions N] [--seed N] [--blind] [--first]\n");
	return 2;
}

static bool read_options(struct grow *grow, int argc, char **argv, unsigned long *seed)
{
	int i;

	for (i = 4; i < argc; i++) {
		if (!strcmp(argv[i], "--blind"))
			grow->blind = true;
		else if (!strcmp(argv[i], "--first"))
			grow->enough = 1;
		else if (i + 1 < argc && !strcmp(argv[i], "--seconds"))
			grow->seconds = strtol(argv[++i], NULL, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--executions"))
			grow->executions = strtol(argv[++i], NULL, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--seed"))
			*seed = strtoul(argv[++i], NULL, 0);
		else
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct grow grow = {
		.seconds = 600, .executions = 1L << 40, .enough = FOUND_MAX,
	};
	unsigned long seed = time(NULL);
	int rc;

	actor_is_executed(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3 || !read_options(&grow, argc, argv, &seed))
		return usage();
	if (argc > 3 && !strcmp(argv[1], "grow")) {
		rc = edges_open();
		if (rc && !grow.blind) {
			fprintf(stderr, "fuzz: /sys/kernel/debug/kcov: %s: the kernel has to be scripts/test-kernel.sh's variant coverage\n",
				strerror(-rc));
			return 2;
		}
	}
	rc = play_begin();
	if (rc) {
		fprintf(stderr, "fuzz: it cannot begin: %s: are the modules and devices there?\n",
			strerror(-rc));
		return 2;
	}
	if (argc > 3 && !strcmp(argv[1], "grow")) {
		printf("# seed %lu\n", seed);
		dice_seed(&grow.dice, seed);
		grow.out = argv[3];
		rc = run_grow(&grow, argv[2]);
	} else if (argc == 3 && !strcmp(argv[1], "replay")) {
		rc = run_replay(argv[2]);
	} else if (argc == 3 && !strcmp(argv[1], "shorten")) {
		rc = run_shorten(argv[2]);
	} else {
		return usage();
	}
	params_defaults();
	return rc;
}
