/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs that were not there before. */
#ifndef PINACCT_FUZZ_MUTATE_H
#define PINACCT_FUZZ_MUTATE_H

#include "choose.h"
#include "program.h"

void mutate_new(struct program *program, struct dice *dice);
void mutate(struct program *program, const struct program *other, struct dice *dice);

#endif
