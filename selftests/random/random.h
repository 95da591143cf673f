/* SPDX-License-Identifier: GPL-2.0-only */
/* What one thread and several threads do alike. */
#ifndef PINACCT_RANDOM_H
#define PINACCT_RANDOM_H

#include "actor.h"
#include "choose.h"
#include "model.h"

/**
 * struct run - a run of the program
 * @seed: decides everything that the program decides
 * @steps: how many are left to be done
 * @until: second at which it ends
 * @done: steps that were done
 * @model: of this round
 * @rig: of this round
 * @dice: of what is chosen
 */
struct run {
	unsigned long seed;
	long steps;
	long until;
	long done;
	struct model model;
	struct rig rig;
	struct dice dice;
};

int round_begin(struct run *run);
int round_end(struct run *run);
int step_do(struct rig *rig, const struct step *step, int owner);
bool run_goes_on(const struct run *run);
int run_threads(struct run *run);

#endif
