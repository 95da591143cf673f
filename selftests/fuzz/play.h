/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs a program, and tells whether all was as it has to be. */
#ifndef PINACCT_FUZZ_PLAY_H
#define PINACCT_FUZZ_PLAY_H

#include "edges.h"
#include "program.h"

/* Room for what was said of a program */
#define PLAY_SAID 65536

/**
 * struct play - what has come of a program
 * @bad: something was not as it has to be
 * @done: the commands that were done, with what was chosen and filled in
 * @modelled: the model knew all to the end
 * @edges: where the kernel has been
 * @said: what was done and what was wrong, as text
 */
struct play {
	bool bad;
	struct program done;
	bool modelled;
	struct edges edges;
	char said[PLAY_SAID];
};

int play_begin(void);
struct play *play(const struct program *program);

#endif
