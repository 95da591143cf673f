/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs that are worth keeping. */
#ifndef PINACCT_FUZZ_CORPUS_H
#define PINACCT_FUZZ_CORPUS_H

#include "edges.h"
#include "play.h"
#include "program.h"

/**
 * struct kept - a program that reached something
 * @program: the program
 * @edges: all that it reached
 * @is_short: it was shortened already
 */
struct kept {
	struct program program;
	struct edges edges;
	bool is_short;
};

/**
 * struct corpus - programs
 * @kept: of them, @n
 * @n: how many
 * @edges: of all of them
 */
struct corpus {
	struct kept **kept;
	int n;
	struct edges edges;
};

void corpus_keep(struct corpus *corpus, const struct play *play, bool is_short);
void corpus_distill(struct corpus *corpus);
int corpus_write(const struct corpus *corpus, const char *path);
void shorten(struct program *program, bool (*still)(const struct program *program, void *arg),
	     void *arg);

#endif
