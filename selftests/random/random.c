// SPDX-License-Identifier: GPL-2.0-only
/*
 * Thousands of random steps, each of which has to come to what a model predicts.
 *
 * Guards: rules A1, A2 and A5, in combinations that nobody has thought of, and that
 * what is excluded is not pinned. After every step the errno, VmLck and VmPin of
 * every process, the user's locked_vm, all pins in the system, the ledgers, and
 * whether who has excluded something would have to wait are what the model says.
 *
 * Use:	random [--seed N] [--steps N] [--seconds N] [--threads]
 *
 * The seed is printed first. With --seed, the steps are those of the run that
 * had printed it, from the first one on. A round of steps has two front ends of
 * any kind, begins with nothing and ends with closing both.
 *
 * With --threads, several threads map and unmap at the same time. What they do is
 * decided by the seed, but not in which order, nor who gets the last page. So only
 * when all of them rest is it checked that the sums are right, that nothing was
 * lost and that no limit was passed; and a seed may show what it has shown once,
 * or not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "counters.h"
#include "found.h"
#include "map_file.h"
#include "params.h"
#include "privilege.h"
#include "random.h"

#define ROUND_STEPS 400

static long seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/**
 * run_goes_on - is there more to be done?
 * @run: the run
 */
bool run_goes_on(const struct run *run)
{
	return run->done < run->steps && seconds() < run->until;
}

/**
 * round_begin - open two front ends
 * @run: the run
 *
 * Return: 0 or -errno
 */
int round_begin(struct run *run)
{
	static const struct front_ops *const all[] = {
		&front_type1_v1, &front_type1_v2, &front_iommufd_user,
		&front_iommufd_process, &front_compat_v1, &front_compat_v2,
	};
	const struct front_ops *ops[FRONTS];
	long user;
	int i, rc;

	for (i = 0; i < FRONTS; i++)
		ops[i] = all[dice_roll(&run->dice, 6)];
	printf("# a round of %s and %s\n", ops[0]->name, ops[1]->name);
	rc = privilege_limit(~0UL) ?: params_defaults() ?: privilege_root(true) ?:
	     rig_open(&run->rig, ops) ?: privilege_root(false) ?: found_begin(&user);
	if (rc)
		printf("# it cannot begin: %s\n", strerror(-rc));
	else
		model_begin(&run->model, ops, user);
	run->model.mediated = run->rig.mediated;
	for (i = 0; !rc && i < FRONTS; i++) {
		run->model.maps_files[i] = front_maps_files(&run->rig.fronts[i]);
		run->model.only_files[i] = run->model.maps_files[i] && dice_roll(&run->dice, 2);
	}
	return rc;
}

/**
 * round_end - end all processes, close all front ends: is everything as before?
 * @run: the run
 *
 * Return: how many differences there are
 */
int round_end(struct run *run)
{
	int i;

	rig_close(&run->rig);
	for (i = 1; i < PROCESSES; i++)
		run->model.processes[i].alive = false;
	model_close(&run->model);
	return found_differs(&run->model, &run->rig);
}

/**
 * step_do - have a step done, and refused memory written
 * @rig: the front ends
 * @step: the step
 * @owner: whose memory it is
 *
 * Return: what the step returned
 */
int step_do(struct rig *rig, const struct step *step, int owner)
{
	struct step write = *step;
	int rc = actor_do(rig, step);

	if (model_is_refused(step, rc)) {
		write.kind = STEP_WRITE;
		write.process = owner;
		if (write.first + write.npages > arena_pages(write.segment))
			write.npages = arena_pages(write.segment) - write.first;
		actor_do(rig, &write);
	}
	return rc;
}

/* Return: how many differences there are */
static int one_step(struct run *run, const struct step *step, int predicted)
{
	struct model *model = &run->model;
	int found, owner = step->process;

	if (step->kind == STEP_COPY || step->kind == STEP_PIN)
		owner = model_owner(model, step);
	found = step_do(&run->rig, step, owner);
	run->done++;
	printf("# %ld ", run->done);
	step_print(step, model->ops[step->front]->name);
	printf(": %s\n", found ? strerrorname_np(-found) : "0");
	if (found != predicted) {
		printf("# errno %d was predicted, and %d found\n", -predicted, -found);
		return 1;
	}
	model_apply(model, step, found);
	return found_differs(model, &run->rig);
}

static int one_round(struct run *run)
{
	long end = run->done + ROUND_STEPS;
	int n = round_begin(run);

	while (!n && run->done < end && run_goes_on(run)) {
		struct step step;
		int predicted;

		if (!choose(&step, &run->model, &run->dice))
			continue;
		predicted = model_predict(&run->model, &step);
		if (predicted != MODEL_UNKNOWN)
			n = one_step(run, &step, predicted);
	}
	return n ?: round_end(run);
}

static int run_steps(struct run *run)
{
	int n = 0;

	while (!n && run_goes_on(run))
		n = one_round(run);
	return n;
}

static unsigned long any_seed(void)
{
	unsigned int seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		abort();
	return seed;
}

int main(int argc, char **argv)
{
	struct run run = { .seed = any_seed(), .steps = 1L << 40, .until = 60 };
	bool threads = false;
	int i, n;

	actor_is_executed(argc, argv);
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--threads"))
			threads = true;
		else if (i + 1 < argc && !strcmp(argv[i], "--seed"))
			run.seed = strtoul(argv[++i], NULL, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--steps"))
			run.steps = strtol(argv[++i], NULL, 0);
		else if (i + 1 < argc && !strcmp(argv[i], "--seconds"))
			run.until = strtol(argv[++i], NULL, 0);
		else
			return fprintf(stderr, "random [--seed N] [--steps N] [--seconds N] [--threads]\n");
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..1\n# seed %lu\n", run.seed);
	run.until += seconds();
	dice_seed(&run.dice, run.seed);
	n = privilege_drop() ?: counters_start();
	if (n)
		printf("# it cannot begin: %s\n", strerror(-n));
	else
		n = threads ? run_threads(&run) : run_steps(&run);
	params_defaults();
	if (!n && !threads && !run.done) {
		printf("# nothing was done\n");
		n = 1;
	}
	printf("# %ld steps of seed %lu\n", run.done, run.seed);
	printf("%sok 1 random.%s\n", n ? "not " : "", threads ? "threads" : "steps");
	return n != 0;
}
