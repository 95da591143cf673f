/* SPDX-License-Identifier: GPL-2.0-only */
/* A process that does steps: the program itself, or a child of it. */
#ifndef PINACCT_RANDOM_ACTOR_H
#define PINACCT_RANDOM_ACTOR_H

#include "child.h"
#include "front.h"
#include "step.h"

/**
 * struct rig - what all processes of a round share
 * @fronts: the front ends
 * @ioases: ids of the IO address spaces of each, native iommufd only
 * @mediated: which of them has the mediated device as well, or -1
 * @ask: /dev/pinacct, for a process to exclude its own memory: each has its own
 * @file: the memfd
 * @children: the processes but the first; pid 0 where there is none
 */
struct rig {
	struct front fronts[FRONTS];
	__u32 ioases[FRONTS][IOASES];
	int mediated;
	int ask;
	int file;
	struct child children[PROCESSES];
};

int rig_open(struct rig *rig, const struct front_ops *const ops[FRONTS]);
void rig_close(struct rig *rig);
int actor_do(struct rig *rig, const struct step *step);
int actor_is_executed(int argc, char **argv);

#endif
