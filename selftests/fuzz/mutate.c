// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that were not there before: new ones, and others with something changed.
 *
 * Steps are left to be chosen until the program runs, when it is known what there is.
 * Values of calls are likely ones first (an address of the arena, an IOVA that steps
 * use), and then off by something, or at the end of what a number can be.
 */
#include <string.h>

#include "memory.h"
#include "mutate.h"

/* The IOVAs of steps (actor.c), and the largest that the machine's IOMMU has */
#define IOVA 0x1003000UL
#define IOVA_END (1UL << 48)

/*
 * At first: opening and closing devices takes longer than some commands do. But
 * what a call changes ends what the model knows, so there are not too many calls.
 */
#define NEW_COMMANDS 32

static const __u64 hostile[] = {
	0, 1, 2, 0xfff, 0x1000, 0x1001, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
	0x7fffffffefff, 0x7ffffffff000, 0x800000000000, 0x7fffffffffffffff, 0x8000000000000000,
	0xfffffffffffff000, 0xffffffffffffffff, 0xffff800000000000, 0xffffffff81000000,
};

static __u64 any_hostile(struct dice *dice)
{
	return hostile[dice_roll(dice, sizeof(hostile) / sizeof(*hostile))];
}

static __u64 any_address(struct dice *dice)
{
	enum segment segment = dice_roll(dice, SEGMENTS);
	long first = dice_roll(dice, arena_pages(segment) + 1);

	if (!dice_roll(dice, 6))
		return CALL_SCRATCH + memory_page();
	return (__u64)arena_address(segment, dice_roll(dice, 2) ? 0 : first);
}

static __u64 any_length(struct dice *dice)
{
	static const __u64 likely[] = { 1, 2, 4, 16, ARENA_SMALL, ARENA_LARGE, ARENA_LARGE + 1 };

	return memory_page() *
	       (dice_roll(dice, 3) ? likely[dice_roll(dice, sizeof(likely) / sizeof(*likely))] :
				     dice_roll(dice, ARENA_SMALL));
}

static __u64 likely(const struct call *call, const struct field *field, struct dice *dice)
{
	switch (field->kind) {
	case FIELD_SIZE:
		return call->size;
	case FIELD_FLAGS:
		return dice_roll(dice, 8);
	case FIELD_ADDRESS:
		return any_address(dice);
	case FIELD_IOVA:
		return dice_roll(dice, 16) ? IOVA + memory_page() * dice_roll(dice, 64) :
					     IOVA_END - memory_page() * dice_roll(dice, 8);
	case FIELD_LENGTH:
		return any_length(dice);
	case FIELD_ID:
		return dice_roll(dice, 8);
	case FIELD_FD:
		return dice_roll(dice, 3);
	case FIELD_PID:
		return dice_roll(dice, 8) ? 0 : 1;
	case FIELD_NUMBER:
		return dice_roll(dice, 2) ? 0 : dice_roll(dice, 8);
	case FIELD_TIMEOUT:
		return dice_roll(dice, 2);
	}
	return 0;
}

/* Only as wide as the member is */
static __u64 fitted(__u64 value, unsigned int width)
{
	return width == 8 ? value : value & ((1UL << width * 8) - 1);
}

static __u64 worse(__u64 value, struct dice *dice)
{
	switch (dice_roll(dice, 5)) {
	case 0:
		return any_hostile(dice);
	case 1:
		return value + dice_roll(dice, 9) - 4;
	case 2:
		return value ^ 1UL << dice_roll(dice, 64);
	case 3:
		return value + (dice_roll(dice, 2) ? memory_page() : -memory_page());
	default:
		return -value;
	}
}

/* One of the structure's members; seldom what is behind it */
static void change_call(struct command *command, struct dice *dice)
{
	const struct call *call = &calls[command->call];
	int i = dice_roll(dice, call_fields(command->call));
	const struct field *field = &call->fields[i];

	if (!field->name) {
		command->values[i] = !dice_roll(dice, 4);
		return;
	}
	command->values[i] = fitted(dice_roll(dice, 2) ? likely(call, field, dice) :
							 worse(command->values[i], dice),
				    field->width);
}

static void new_call(struct command *command, struct dice *dice)
{
	const struct call *call;
	int i;

	memset(command, 0, sizeof(*command));
	command->kind = COMMAND_CALL;
	command->call = dice_roll(dice, ncalls);
	call = &calls[command->call];
	if (!call->pinacct)
		command->front = dice_roll(dice, FRONTS);
	for (i = 0; call->fields[i].name; i++)
		command->values[i] = fitted(likely(call, &call->fields[i], dice),
					    call->fields[i].width);
	while (dice_roll(dice, 2))
		change_call(command, dice);
}

static void new_command(struct command *command, struct dice *dice)
{
	if (!dice_roll(dice, 6)) {
		new_call(command, dice);
		return;
	}
	memset(command, 0, sizeof(*command));
	command->kind = COMMAND_ANY;
	command->seed = dice_roll(dice, 1L << 31);
}

/* An argument gets another value: any, a little more or less, or that of another step. */
static void change_step(struct program *program, struct step *step, struct dice *dice)
{
	const struct argument *argument = &program_arguments[dice_roll(dice, program_narguments)];
	const struct command *other = &program->commands[dice_roll(dice, program->n)];
	long value = program_argument(step, argument);

	switch (dice_roll(dice, 3)) {
	case 0:
		value = dice_roll(dice, argument->end < 1024 ? argument->end : 1024);
		break;
	case 1:
		value += dice_roll(dice, 2) ? 1 : -1;
		break;
	default:
		if (other->kind == COMMAND_STEP)
			value = program_argument(&other->step, argument);
	}
	if (value >= 0 && value < argument->end)
		program_set_argument(step, argument, value);
}

static void insert(struct program *program, int at, const struct command *command)
{
	if (program->n == PROGRAM_COMMANDS)
		return;
	memmove(&program->commands[at + 1], &program->commands[at],
		(program->n - at) * sizeof(*command));
	program->commands[at] = *command;
	program->n++;
}

static void delete(struct program *program, int at)
{
	program->n--;
	memmove(&program->commands[at], &program->commands[at + 1],
		(program->n - at) * sizeof(*program->commands));
}

/* The end of another one instead of this one's */
static void splice(struct program *program, const struct program *other, struct dice *dice)
{
	int keep = dice_roll(dice, program->n + 1), from = dice_roll(dice, other->n + 1);

	program->n = keep;
	while (from < other->n && program->n < PROGRAM_COMMANDS)
		program->commands[program->n++] = other->commands[from++];
}

static void mutate_once(struct program *program, const struct program *other, struct dice *dice)
{
	int at = dice_roll(dice, program->n + 1), change = dice_roll(dice, 16);
	struct command command;

	if (change < 6 || !program->n) {
		new_command(&command, dice);
		insert(program, at, &command);
		return;
	}
	at = dice_roll(dice, program->n);
	switch (change) {
	case 6 ... 11:
		if (program->commands[at].kind == COMMAND_CALL)
			change_call(&program->commands[at], dice);
		else
			change_step(program, &program->commands[at].step, dice);
		break;
	case 12:
		delete(program, at);
		break;
	case 13:
		command = program->commands[at];
		insert(program, dice_roll(dice, program->n + 1), &command);
		break;
	case 14:
		splice(program, other, dice);
		break;
	default:
		program->fronts[dice_roll(dice, FRONTS)] = dice_roll(dice, PROGRAM_FRONTS);
	}
}

/**
 * mutate_new - a program out of nothing
 * @program: gets it
 * @dice: decide
 */
void mutate_new(struct program *program, struct dice *dice)
{
	int i;

	memset(program, 0, sizeof(*program));
	for (i = 0; i < FRONTS; i++)
		program->fronts[i] = dice_roll(dice, PROGRAM_FRONTS);
	program->n = 1 + dice_roll(dice, NEW_COMMANDS);
	for (i = 0; i < program->n; i++)
		new_command(&program->commands[i], dice);
}

/**
 * mutate - change a program
 * @program: is changed
 * @other: another one, to take from
 * @dice: decide
 */
void mutate(struct program *program, const struct program *other, struct dice *dice)
{
	do
		mutate_once(program, other, dice);
	while (dice_roll(dice, 3));
}
