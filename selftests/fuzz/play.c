// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a program from a fresh round on, in a process of its own.
 *
 * After each step of the model's language, its errno and all counters have to be what
 * the model says. A call with arguments that the model does not understand must return
 * what is documented, and if it failed it must have changed nothing, which the model
 * tells again. If it did change something, the model is of no use any more, and only
 * calls are done from there on. At the end everything is closed, and nothing may be
 * left (rule A2); and the kernel's log must have no complaint.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "choose.h"
#include "counters.h"
#include "found.h"
#include "map_file.h"
#include "means.h"
#include "params.h"
#include "play.h"
#include "privilege.h"

/* No program takes a second. */
#define PLAY_SECONDS 60

static struct play *shared;
static int said = -1;
static int kernel_log = -1;
static struct counters before;

/* What the process that plays has */
static struct rig rig;
static struct model model;

/**
 * play_begin - get ready, as root
 *
 * Becomes the unprivileged user.
 *
 * Return: 0 or -errno
 */
int play_begin(void)
{
	int rc;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	said = memfd_create("said", MFD_CLOEXEC);
	kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (shared == MAP_FAILED || said < 0 || kernel_log < 0 ||
	    lseek(kernel_log, 0, SEEK_END) < 0)
		return -errno;
	rc = call_make_scratch() ?: privilege_drop() ?: counters_start();
	return rc ?: counters_read(&before);
}

static int open_round(const struct program *program)
{
	const struct front_ops *ops[FRONTS];
	long user;
	int i, rc;

	for (i = 0; i < FRONTS; i++)
		ops[i] = program_fronts[program->fronts[i]];
	rc = privilege_limit(~0UL) ?: params_defaults() ?: privilege_root(true) ?:
	     rig_open(&rig, ops) ?: privilege_root(false) ?: found_begin(&user);
	if (rc)
		return rc;
	model_begin(&model, ops, user);
	model.mediated = rig.mediated;
	for (i = 0; i < FRONTS; i++)
		model.maps_files[i] = front_maps_files(&rig.fronts[i]);
	return 0;
}

/*
 * Memory that a call may have touched: have it all written, and everybody knows what
 * is there.
 */
static int write_step(const struct step *write)
{
	int rc = actor_do(&rig, write);

	model_apply(&model, write, rc);
	return rc;
}

static int write_all(void)
{
	struct step write = { .kind = STEP_WRITE };
	int rc = 0;

	for (write.segment = 0; !rc && write.segment < SEGMENT_FILE; write.segment++) {
		write.npages = arena_pages(write.segment);
		rc = write_step(&write);
	}
	return rc;
}

static void write_refused(const struct step *step, int owner)
{
	struct step write = *step;

	write.kind = STEP_WRITE;
	write.process = owner;
	if (write.first + write.npages > arena_pages(write.segment))
		write.npages = arena_pages(write.segment) - write.first;
	actor_do(&rig, &write);
}

static void keep(const struct command *command)
{
	shared->done.commands[shared->done.n++] = *command;
	printf("# ");
	program_print_command(stdout, command);
}

/* Return: how much was wrong */
static int do_step(const struct command *command, int predicted)
{
	const struct step *step = &command->step;
	int owner = step->process, rc;

	if (step->kind == STEP_COPY || step->kind == STEP_PIN)
		owner = model_owner(&model, step);
	keep(command);
	edges_forget();
	rc = actor_do(&rig, step);
	edges_collect(&shared->edges);
	if (rc != predicted) {
		printf("# ! errno %d was predicted, and %d found\n", -predicted, -rc);
		return 1;
	}
	if (model_is_refused(step, rc))
		write_refused(step, owner);
	model_apply(&model, step, rc);
	return found_differs(&model, &rig);
}

/*
 * iommufd's VFIO interface takes a mapping that devices may neither read nor write,
 * which type1 and its own interface refuse, and 7.2's IOMMU drivers warn of.
 */
static bool mainline_warns(const struct command *command)
{
	return !strcmp(calls[command->call].name, "VFIO_IOMMU_MAP_DMA") &&
	       model.ops[command->front]->iommufd && !(command->values[1] & FRONT_RW);
}

static int do_call(const struct command *command)
{
	const struct call *call = &calls[command->call];
	int rc;

	keep(command);
	edges_forget();
	rc = call_do(&rig, command->call, command->front, command->values);
	edges_collect(&shared->edges);
	if (!call_may_return(command->call, rc)) {
		printf("# ! errno %d is not documented\n", -rc);
		return 1;
	}
	if (call->effect == CALL_MAY_CHANGE_HALF || (call->effect == CALL_CHANGES && !rc))
		shared->modelled = false;
	if (!shared->modelled)
		return 0;
	rc = write_all();
	if (rc) {
		printf("# ! memory could not be written: errno %d\n", -rc);
		return 1;
	}
	return found_differs(&model, &rig);
}

/* What was to be chosen, or what is there: a step that means something, or not */
static bool settle(struct command *command, int *predicted)
{
	struct dice dice;
	int tries;

	if (command->kind == COMMAND_STEP) {
		if (!step_means(&command->step, &model))
			return false;
		*predicted = model_predict(&model, &command->step);
		return *predicted != MODEL_UNKNOWN;
	}
	dice_seed(&dice, command->seed);
	command->kind = COMMAND_STEP;
	for (tries = 0; tries < 32; tries++) {
		if (!choose(&command->step, &model, &dice) ||
		    !step_means(&command->step, &model))
			continue;
		*predicted = model_predict(&model, &command->step);
		if (*predicted != MODEL_UNKNOWN)
			return true;
	}
	return false;
}

/* Everything is closed: nothing is left, whatever the model knows. */
static int left(void)
{
	struct pinacct_usage usage;
	struct counters now;
	int ask, rc;

	munlockall();
	ask = ask_open();
	rc = ask < 0 ? ask : ask_usage(ask, 0, &usage) ?: counters_read(&now);
	if (rc) {
		printf("# ! the counters could not be read: errno %d\n", -rc);
		return 1;
	}
	close(ask);
	now = counters_since(&now, &before);
	now.pin += before.pin;
	now.lck += before.lck;
	if (!now.lck && !now.user && !now.held && !usage.mm_pinacct && !usage.mm_zero_cow &&
	    !usage.user_pinacct && !usage.user_zero_cow && !usage.exempt && !usage.mm_shared &&
	    !usage.user_shared && !now.pin)
		return 0;
	printf("# ! left: VmLck %ld, VmPin %ld, user's locked_vm %ld, pins %ld\n", now.lck, now.pin,
	       now.user, now.held);
	printf("# ! left in ledgers, in bytes: %llu of the process, %llu of the user, %llu exempt, %llu and %llu shared\n",
	       usage.mm_pinacct, usage.user_pinacct, usage.exempt, usage.mm_shared,
	       usage.user_shared);
	return 1;
}

static int close_round(void)
{
	int i;

	edges_forget();
	rig_close(&rig);
	edges_collect(&shared->edges);
	for (i = 1; i < PROCESSES; i++)
		model.processes[i].alive = false;
	model_close(&model);
	return shared->modelled ? found_differs(&model, &rig) : 0;
}

/* Return: how much was wrong */
static int play_here(const struct program *program)
{
	int i, n, predicted;

	n = edges_start() ?: open_round(program);
	if (n) {
		printf("# ! it cannot begin: %s\n", strerror(-n));
		return 1;
	}
	for (i = 0; !n && i < program->n; i++) {
		struct command command = program->commands[i];

		if (command.kind == COMMAND_CALL)
			n = mainline_warns(&command) ? 0 : do_call(&command);
		else if (shared->modelled && settle(&command, &predicted))
			n = do_step(&command, predicted);
	}
	return n ?: close_round() ?: left();
}

static pid_t start(const struct program *program)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	alarm(PLAY_SECONDS);
	if (dup2(said, STDOUT_FILENO) < 0)
		_exit(2);
	setvbuf(stdout, NULL, _IOLBF, 0);
	shared->bad = play_here(program);
	fflush(stdout);
	_exit(0);
}

/* Lines of the kernel's log since last time that nobody wants. */
static bool complained(char *text, size_t size)
{
	static const char *const words[] = {
		"BUG:", "WARNING:", "Oops", "KASAN", "UBSAN", "refcount_t", "INFO: task", "Bad page",
		"general protection",
	};
	char line[2048];
	bool bad = false;
	ssize_t len;
	size_t i;

	while ((len = read(kernel_log, line, sizeof(line) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		line[len < 0 ? 0 : len] = '\0';
		for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
			if (!strstr(line, words[i]) || bad)
				continue;
			snprintf(text, size, "# ! kernel: %.200s\n", strchr(line, ';') ?: line);
			bad = true;
		}
	}
	return bad;
}

/* What is the whole system's, when the process has ended, too */
static bool all_gone(char *text, size_t size)
{
	struct counters now, since;
	int rc = counters_read(&now);

	since = counters_since(&now, &before);
	if (!rc && !since.user && !since.held)
		return true;
	snprintf(text, size, "# ! left when the process had ended: user's locked_vm %ld, pins %ld (errno %d)\n",
		 since.user, since.held, -rc);
	/* It is not to be told of each program that follows. */
	before.user = now.user;
	before.held = now.held;
	return false;
}

/**
 * play - run a program
 * @program: the program
 *
 * Return: what has come of it, until it is called again
 */
struct play *play(const struct program *program)
{
	int status = 0;
	ssize_t len;
	size_t n;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	memcpy(shared->done.fronts, program->fronts, sizeof(program->fronts));
	shared->modelled = true;
	if (ftruncate(said, 0) || lseek(said, 0, SEEK_SET))
		abort();
	pid = start(program);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	len = pread(said, shared->said, sizeof(shared->said) - 512, 0);
	n = len < 0 ? 0 : len;
	if (status) {
		shared->bad = true;
		n += snprintf(shared->said + n, 128, "# ! the process ended with status %#x\n", status);
	}
	if (complained(shared->said + n, 256)) {
		shared->bad = true;
		n += strlen(shared->said + n);
	}
	if (!all_gone(shared->said + n, 256))
		shared->bad = true;
	return shared;
}
