/* SPDX-License-Identifier: GPL-2.0-only */
/* Does a step mean something now? */
#ifndef PINACCT_FUZZ_MEANS_H
#define PINACCT_FUZZ_MEANS_H

#include "model.h"

bool step_means(struct step *step, const struct model *model);

#endif
