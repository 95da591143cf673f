/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says, against what the model says. */
#ifndef PINACCT_RANDOM_FOUND_H
#define PINACCT_RANDOM_FOUND_H

#include "actor.h"
#include "model.h"

int found_begin(long *user);
int found_differs(const struct model *model, struct rig *rig);

#endif
