/* SPDX-License-Identifier: GPL-2.0-only */
/* Which step comes next. */
#ifndef PINACCT_RANDOM_CHOOSE_H
#define PINACCT_RANDOM_CHOOSE_H

#include "model.h"

/**
 * struct dice - numbers that only depend on a seed
 * @state: never 0
 */
struct dice {
	unsigned long state;
};

void dice_seed(struct dice *dice, unsigned long seed);
long dice_roll(struct dice *dice, long n);
bool choose(struct step *step, const struct model *model, struct dice *dice);

#endif
