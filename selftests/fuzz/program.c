// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs as text.
 *
 *	program type1_v2 iommufd_user
 *	map segment=2 npages=5 at=17 prot=3
 *	VFIO_IOMMU_MAP_DMA front=1 argsz=0x20 flags=0x3 vaddr=0x200000000
 *
 * What is not named is 0. "tail" is the word behind a structure. A # begins a comment.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

const struct front_ops *const program_fronts[PROGRAM_FRONTS] = {
	&front_type1_v1, &front_type1_v2, &front_iommufd_user,
	&front_iommufd_process, &front_compat_v1, &front_compat_v2,
};

static const char *const step_names[STEP_KINDS] = {
	[STEP_MAP] = "map",
	[STEP_MAP_FILE] = "map-file",
	[STEP_UNMAP] = "unmap",
	[STEP_UNMAP_ALL] = "unmap-all",
	[STEP_COPY] = "copy",
	[STEP_ATTACH] = "attach",
	[STEP_DETACH] = "detach",
	[STEP_HAND_OVER] = "hand-over",
	[STEP_CHANGE_PROCESS] = "change-process",
	[STEP_PIN] = "pin",
	[STEP_UNPIN] = "unpin",
	[STEP_WRITE] = "write",
	[STEP_DROP] = "drop",
	[STEP_PUNCH] = "punch",
	[STEP_RENEW] = "renew",
	[STEP_LOCK] = "lock",
	[STEP_UNLOCK] = "unlock",
	[STEP_EXCLUDE] = "exclude",
	[STEP_INCLUDE] = "include",
	[STEP_WAIT] = "wait",
	[STEP_LIMIT] = "limit",
	[STEP_PARAMETER] = "parameter",
	[STEP_FORK] = "fork",
	[STEP_KILL] = "kill",
	[STEP_EXEC] = "exec",
};

#define ARGUMENT(member, end) \
	{ #member, offsetof(struct step, member), sizeof(((struct step *)0)->member), end }

const struct argument program_arguments[] = {
	ARGUMENT(process, PROCESSES),
	ARGUMENT(front, FRONTS),
	ARGUMENT(ioas, IOASES),
	ARGUMENT(to, IOASES),
	ARGUMENT(segment, SEGMENTS),
	ARGUMENT(first, ARENA_LARGE),
	ARGUMENT(npages, ARENA_LARGE + 1),
	ARGUMENT(at, 2048),
	ARGUMENT(prot, FRONT_RW + 1),
	ARGUMENT(raised, 2),
	ARGUMENT(cut, ARENA_LARGE),
	ARGUMENT(keep, ARENA_LARGE),
	ARGUMENT(again, 2),
	ARGUMENT(parameter, PARAMETERS),
	ARGUMENT(value, LIMIT_NONE + 1),
};

const int program_narguments = sizeof(program_arguments) / sizeof(*program_arguments);

/**
 * program_argument - read an argument of a step
 * @step: the step
 * @argument: which
 *
 * Return: its value
 */
long program_argument(const struct step *step, const struct argument *argument)
{
	long value = 0;

	memcpy(&value, (const char *)step + argument->offset, argument->width);
	return value;
}

/**
 * program_set_argument - change an argument of a step
 * @step: the step
 * @argument: which
 * @value: not negative, and below the argument's end
 */
void program_set_argument(struct step *step, const struct argument *argument, long value)
{
	memcpy((char *)step + argument->offset, &value, argument->width);
}

static const char *field_name(int call, int field)
{
	return calls[call].fields[field].name ?: "tail";
}

/**
 * program_print_command - write a line
 * @file: where to
 * @command: what
 */
void program_print_command(FILE *file, const struct command *command)
{
	int i;

	if (command->kind == COMMAND_ANY) {
		fprintf(file, "# any, by %lu\n", command->seed);
		return;
	}
	if (command->kind == COMMAND_CALL) {
		fprintf(file, "%s", calls[command->call].name);
		if (command->front)
			fprintf(file, " front=%d", command->front);
		for (i = 0; i < call_fields(command->call); i++)
			if (command->values[i])
				fprintf(file, " %s=%#llx", field_name(command->call, i),
					command->values[i]);
	} else {
		fprintf(file, "%s", step_names[command->step.kind]);
		for (i = 0; i < program_narguments; i++) {
			long value = program_argument(&command->step, &program_arguments[i]);

			if (value)
				fprintf(file, " %s=%ld", program_arguments[i].name, value);
		}
	}
	fprintf(file, "\n");
}

/**
 * program_print - write a program
 * @file: where to
 * @program: what
 */
void program_print(FILE *file, const struct program *program)
{
	int i;

	fprintf(file, "program %s %s\n", program_fronts[program->fronts[0]]->name,
		program_fronts[program->fronts[1]]->name);
	for (i = 0; i < program->n; i++)
		program_print_command(file, &program->commands[i]);
}

static bool set_step_word(struct step *step, const char *name, unsigned long value)
{
	int i;

	for (i = 0; i < program_narguments; i++) {
		const struct argument *argument = &program_arguments[i];

		if (strcmp(name, argument->name))
			continue;
		if (value >= (unsigned long)argument->end)
			return false;
		program_set_argument(step, argument, value);
		return true;
	}
	return false;
}

static bool set_call_word(struct command *command, const char *name, unsigned long value)
{
	int i;

	if (!strcmp(name, "front") && value < FRONTS) {
		command->front = value;
		return true;
	}
	for (i = 0; i < call_fields(command->call); i++) {
		if (strcmp(name, field_name(command->call, i)))
			continue;
		command->values[i] = value;
		return true;
	}
	return false;
}

static bool set_name(struct command *command, const char *name)
{
	int i;

	for (i = 0; i < STEP_KINDS; i++) {
		if (strcmp(name, step_names[i]))
			continue;
		command->step.kind = i;
		return true;
	}
	command->kind = COMMAND_CALL;
	for (i = 0; i < ncalls; i++) {
		if (strcmp(name, calls[i].name))
			continue;
		command->call = i;
		return true;
	}
	return false;
}

/* Return: the word that is wrong, or NULL */
static const char *read_command(char *text, struct command *command)
{
	char *word = strtok(text, "\n "), *equals, *end;
	unsigned long value;

	memset(command, 0, sizeof(*command));
	if (!set_name(command, word))
		return word;
	while ((word = strtok(NULL, "\n "))) {
		equals = strchr(word, '=');
		if (!equals)
			return word;
		*equals = '\0';
		errno = 0;
		value = strtoul(equals + 1, &end, 0);
		if (errno || end == equals + 1 || *end ||
		    !(command->kind == COMMAND_CALL ? set_call_word(command, word, value) :
						      set_step_word(&command->step, word, value))) {
			*equals = '=';
			return word;
		}
	}
	return NULL;
}

static const char *read_fronts(char *text, struct program *program)
{
	char *word;
	int i, front;

	strtok(text, "\n ");
	for (i = 0; i < FRONTS; i++) {
		word = strtok(NULL, "\n ");
		for (front = 0; word && front < PROGRAM_FRONTS; front++)
			if (!strcmp(word, program_fronts[front]->name))
				break;
		if (!word || front == PROGRAM_FRONTS)
			return word ?: "program";
		program->fronts[i] = front;
	}
	return strtok(NULL, "\n ");
}

/**
 * program_read - read the next program
 * @file: where from
 * @name: of the file, for messages
 * @line: number of the line that was read last, which is kept
 * @program: gets it
 *
 * Return: 1, 0 at the end, or -EINVAL when it was said what is wrong
 */
int program_read(FILE *file, const char *name, int *line, struct program *program)
{
	const char *wrong = NULL;
	bool begun = false;
	char text[1024];
	long start = ftell(file);

	program->n = 0;
	for (; !wrong && fgets(text, sizeof(text), file); start = ftell(file), ++*line) {
		bool begins = !strncmp(text, "program ", 8);

		if (*text == '\n' || *text == '#')
			continue;
		if (begins && begun) {
			fseek(file, start, SEEK_SET);
			return 1;
		}
		if (begins)
			wrong = read_fronts(text, program);
		else if (!begun)
			wrong = "a program begins with 'program FRONT FRONT'";
		else if (program->n == PROGRAM_COMMANDS)
			wrong = "the program is too long";
		else
			wrong = read_command(text, &program->commands[program->n++]);
		begun = true;
	}
	if (!wrong)
		return begun;
	fprintf(stderr, "fuzz: %s:%d: not understood: %s\n", name, *line, wrong);
	return -EINVAL;
}
