/* SPDX-License-Identifier: GPL-2.0-only */
/* One thing that a process does. */
#ifndef PINACCT_RANDOM_STEP_H
#define PINACCT_RANDOM_STEP_H

#include <stdbool.h>

#include "arena.h"

/* Front ends that are open at a time, and IO address spaces of each. */
#define FRONTS 2
#define IOASES 2

/* The first is the program itself, the others are its children. */
#define PROCESSES 3

/*
 * enum step_kind - what there is to be done. One more takes: its name and what is
 * told of it (step.c), how often and how it is chosen (choose.c), what a process
 * does (do_here() of actor.c), and a case each in model_predict() and
 * apply_success() (model.c).
 */
enum step_kind {
	STEP_MAP,
	STEP_MAP_FILE,
	STEP_UNMAP,
	STEP_UNMAP_ALL,
	STEP_COPY,
	STEP_ATTACH,
	STEP_DETACH,
	STEP_HAND_OVER,
	STEP_CHANGE_PROCESS,
	STEP_PIN,
	STEP_UNPIN,
	STEP_WRITE,
	STEP_DROP,
	STEP_PUNCH,
	STEP_RENEW,
	STEP_LOCK,
	STEP_UNLOCK,
	STEP_EXCLUDE,
	STEP_INCLUDE,
	STEP_WAIT,	/* not chosen, but asked for after others */
	STEP_LIMIT,
	STEP_PARAMETER,
	STEP_FORK,
	STEP_KILL,
	STEP_EXEC,
	STEP_KINDS,
};

enum parameter {
	PARAMETER_ZERO_PAGE,
	PARAMETER_ZERO_SLACK,
	PARAMETER_STRICT_ERRNO,
	PARAMETER_CHARGE_ONCE,
	PARAMETERS,
};

/**
 * struct step - a step
 * @kind: what is done
 * @process: who does it
 * @front: to which front end
 * @ioas: and which IOAS of it
 * @to: the IOAS that a copy goes to
 * @segment: with what memory
 * @first: from which page of it on
 * @npages: how many pages
 * @at: at which page of the IOVAs
 * @prot: FRONT_READ, FRONT_WRITE
 * @raised: map: with CAP_IPC_LOCK
 * @cut: unmap, pin, unpin: all but so many pages at the start
 * @keep: and so many at the end
 * @again: hand over: the address has been dropped before
 * @parameter: which
 * @value: of the parameter; of the limit, in pages or LIMIT_NONE; of renew: a
 *	   huge page
 */
struct step {
	enum step_kind kind;
	int process;
	int front;
	int ioas;
	int to;
	enum segment segment;
	long first;
	long npages;
	long at;
	int prot;
	bool raised;
	long cut;
	long keep;
	bool again;
	enum parameter parameter;
	long value;
};

#define LIMIT_NONE (1L << 40)

const char *step_parameter(enum parameter parameter);
const char *step_value(enum parameter parameter, long value);
void step_print(const struct step *step, const char *front);

#endif
