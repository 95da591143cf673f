/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs: two front ends, and what is done with them. */
#ifndef PINACCT_FUZZ_PROGRAM_H
#define PINACCT_FUZZ_PROGRAM_H

#include <stdio.h>

#include "call.h"
#include "step.h"

#define PROGRAM_COMMANDS 96
#define PROGRAM_FRONTS 6

/**
 * enum command_kind - what a command is
 * @COMMAND_STEP: a step of the model's language
 * @COMMAND_CALL: an ioctl with any arguments
 * @COMMAND_ANY: a step that is chosen when its turn comes. Not in a file
 */
enum command_kind {
	COMMAND_STEP,
	COMMAND_CALL,
	COMMAND_ANY,
};

/**
 * struct command - a command
 * @kind: what it is
 * @step: COMMAND_STEP
 * @call: COMMAND_CALL: which of calls[]
 * @front: COMMAND_CALL: which front end
 * @values: COMMAND_CALL: of its members, and behind them
 * @seed: COMMAND_ANY: decides which
 */
struct command {
	enum command_kind kind;
	struct step step;
	int call;
	int front;
	__u64 values[CALL_FIELDS + 1];
	unsigned long seed;
};

/**
 * struct program - a program
 * @fronts: of program_fronts[]
 * @n: how many commands
 * @commands: what is done, in that order
 */
struct program {
	int fronts[FRONTS];
	int n;
	struct command commands[PROGRAM_COMMANDS];
};

extern const struct front_ops *const program_fronts[PROGRAM_FRONTS];

/**
 * struct argument - what there is in a step
 * @name: in a file
 * @offset: in struct step
 * @width: bytes
 * @end: values are below that
 */
struct argument {
	const char *name;
	unsigned int offset;
	unsigned int width;
	long end;
};

extern const struct argument program_arguments[];
extern const int program_narguments;

long program_argument(const struct step *step, const struct argument *argument);
void program_set_argument(struct step *step, const struct argument *argument, long value);
void program_print_command(FILE *file, const struct command *command);
void program_print(FILE *file, const struct program *program);
int program_read(FILE *file, const char *name, int *line, struct program *program);

#endif
