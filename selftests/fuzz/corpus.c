// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that are worth keeping: together they reach all edges that were ever
 * reached, and no command of them is there for nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corpus.h"

/**
 * corpus_keep - keep a program
 * @corpus: where
 * @play: what has come of it
 * @is_short: it was shortened already
 */
void corpus_keep(struct corpus *corpus, const struct play *play, bool is_short)
{
	struct kept *kept = malloc(sizeof(*kept));

	corpus->kept = realloc(corpus->kept, (corpus->n + 1) * sizeof(*corpus->kept));
	if (!kept || !corpus->kept)
		abort();
	kept->program = play->done;
	kept->edges = play->edges;
	kept->is_short = is_short;
	corpus->kept[corpus->n++] = kept;
	edges_add(&corpus->edges, &play->edges);
}

/**
 * shorten - leave out what is not needed
 * @program: is shortened
 * @still: is it still what it has to be?
 * @arg: of @still
 */
void shorten(struct program *program, bool (*still)(const struct program *program, void *arg),
	     void *arg)
{
	int size, at;

	for (size = program->n / 2; size > 0; size /= 2) {
		for (at = program->n - size; at >= 0; at -= size) {
			struct program less = *program;

			less.n -= size;
			memmove(&less.commands[at], &less.commands[at + size],
				(less.n - at) * sizeof(*less.commands));
			if (still(&less, arg))
				*program = less;
			if (at > program->n)
				at = program->n;
		}
	}
}

static bool still_reaches(const struct program *program, void *arg)
{
	const struct play *now = play(program);

	return !now->bad && !edges_new(arg, &now->edges);
}

/* Which one reaches most of what none of the others has reached so far? */
static int best(const struct corpus *corpus, const struct edges *reached)
{
	int i, found = -1;
	long most = 0;

	for (i = 0; i < corpus->n; i++) {
		long some = edges_new(&corpus->kept[i]->edges, reached);

		if (some > most) {
			most = some;
			found = i;
		}
	}
	return found;
}

/**
 * corpus_distill - few programs, and short ones, that reach the same
 * @corpus: is made smaller
 *
 * What a program does not reach again was by chance, and does not count.
 */
void corpus_distill(struct corpus *corpus)
{
	struct corpus few = {};
	int i;

	while ((i = best(corpus, &few.edges)) >= 0) {
		const struct kept *kept = corpus->kept[i];
		struct program program = kept->program;
		struct edges own = kept->edges;
		const struct play *now = play(&program);

		edges_remove(&own, &few.edges);
		edges_add(&few.edges, &kept->edges);
		edges_keep(&own, &now->edges);
		if (now->bad || !edges_count(&own))
			continue;
		if (!kept->is_short)
			shorten(&program, still_reaches, &own);
		corpus_keep(&few, play(&program), true);
	}
	*corpus = few;
}

/**
 * corpus_write - write all programs to a file
 * @corpus: the programs
 * @path: of the file, which is replaced
 *
 * Return: 0 or -errno
 */
int corpus_write(const struct corpus *corpus, const char *path)
{
	FILE *file = fopen(path, "w");
	int i;

	if (!file)
		return -errno;
	fprintf(file, "# Programs of selftests/fuzz, which make fuzz has found: see program.c.\n");
	for (i = 0; i < corpus->n; i++) {
		fprintf(file, "\n");
		program_print(file, &corpus->kept[i]->program);
	}
	return fclose(file) ? -errno : 0;
}
