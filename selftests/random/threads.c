// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several threads map and unmap at the same time, in both front ends.
 *
 * Each has IOVAs and private pages of its own, and all share the file, so that
 * with charge_once they meet in the same pages. They do a number of steps, then
 * all rest: what has come of their steps is told to the model, thread by thread,
 * which is as good an order as any, since what is charged does not depend on it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "found.h"
#include "privilege.h"
#include "random.h"

#define THREADS 4
#define THREAD_STEPS 24
#define THREAD_MAPPINGS (MAPPINGS / THREADS)
#define THREAD_PAGES (ARENA_SMALL / THREADS)
#define THREAD_IOVAS 256
#define ROUND_RESTS 12

/**
 * struct worker - a thread
 * @run: what it is part of
 * @number: of it
 * @dice: decide what it does
 * @maps: its mappings
 * @nmaps: how many there are
 * @locked: its private pages are mlocked
 * @steps: what it has done since the last rest
 * @rc: what came of it
 */
struct worker {
	struct run *run;
	int number;
	struct dice dice;
	struct step maps[THREAD_MAPPINGS];
	int nmaps;
	bool locked;
	struct step steps[THREAD_STEPS];
	int rc[THREAD_STEPS];
};

static void choose_memory(struct worker *worker, struct step *step)
{
	step->segment = dice_roll(&worker->dice, 2) ? SEGMENT_ANON :
			SEGMENT_FILE + dice_roll(&worker->dice, 2);
	if (step->segment == SEGMENT_ANON) {
		step->npages = 1 + dice_roll(&worker->dice, THREAD_PAGES);
		step->first = worker->number * THREAD_PAGES +
			      dice_roll(&worker->dice, THREAD_PAGES - step->npages + 1);
	} else {
		step->npages = 1 + dice_roll(&worker->dice, ARENA_SMALL);
		step->first = dice_roll(&worker->dice, ARENA_SMALL - step->npages + 1);
	}
}

static void choose_for(struct worker *worker, struct step *step)
{
	long roll = dice_roll(&worker->dice, 12);

	memset(step, 0, sizeof(*step));
	if (roll < 3 && worker->nmaps) {
		*step = worker->maps[dice_roll(&worker->dice, worker->nmaps)];
		step->kind = STEP_UNMAP;
	} else if (roll < 9 && worker->nmaps < THREAD_MAPPINGS) {
		step->kind = STEP_MAP;
		choose_memory(worker, step);
		step->front = dice_roll(&worker->dice, FRONTS);
		step->prot = dice_roll(&worker->dice, 2) ? FRONT_RW : FRONT_READ;
		step->at = worker->number * THREAD_IOVAS +
			   dice_roll(&worker->dice, THREAD_IOVAS - step->npages);
	} else {
		step->segment = SEGMENT_ANON;
		step->first = worker->number * THREAD_PAGES;
		step->npages = THREAD_PAGES;
		if (worker->locked)
			step->kind = STEP_UNLOCK;
		else
			step->kind = roll % 2 ? STEP_LOCK : STEP_DROP;
	}
}

static void note(struct worker *worker, const struct step *step, int rc)
{
	int i;

	if (step->kind == STEP_LOCK || step->kind == STEP_UNLOCK)
		worker->locked = rc ? worker->locked : step->kind == STEP_LOCK;
	if (step->kind == STEP_MAP && !rc)
		worker->maps[worker->nmaps++] = *step;
	for (i = 0; step->kind == STEP_UNMAP && !rc && i < worker->nmaps; i++)
		if (worker->maps[i].front == step->front && worker->maps[i].at == step->at)
			worker->maps[i] = worker->maps[--worker->nmaps];
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	int i;

	for (i = 0; i < THREAD_STEPS; i++) {
		struct step *step = &worker->steps[i];

		choose_for(worker, step);
		worker->rc[i] = step_do(&worker->run->rig, step, 0);
		note(worker, step, worker->rc[i]);
	}
	return NULL;
}

/* Only of a limit is it not known whether it holds. */
static bool is_possible(const struct model *model, const struct step *step, int rc)
{
	int predicted = model_predict(model, step);

	if (rc == predicted)
		return true;
	if (step->kind != STEP_MAP && step->kind != STEP_LOCK)
		return false;
	return (!rc || rc == -ENOMEM) && (!predicted || predicted == -ENOMEM);
}

/* Return: how many differences there are */
static int tell_model(struct worker *worker)
{
	struct model *model = &worker->run->model;
	int i, n = 0;

	for (i = 0; i < THREAD_STEPS; i++) {
		const struct step *step = &worker->steps[i];
		int rc = worker->rc[i];

		printf("# thread %d, ", worker->number);
		step_print(step, model->ops[step->front]->name);
		printf(": %s\n", rc ? strerrorname_np(-rc) : "0");
		if (!is_possible(model, step, rc)) {
			printf("# errno %d cannot be\n", -rc);
			n++;
		}
		model_apply(model, step, rc);
	}
	worker->run->done += THREAD_STEPS;
	return n;
}

static int all_work(struct worker workers[THREADS])
{
	pthread_t threads[THREADS];
	int i, n = 0;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			return -EAGAIN;
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < THREADS && !n; i++)
		n = tell_model(&workers[i]);
	return n;
}

/* Between two runs of all: one step of the first process */
static int between(struct run *run, enum step_kind kind, enum parameter parameter, long value)
{
	struct step step = { .kind = kind, .parameter = parameter, .value = value };
	int rc = actor_do(&run->rig, &step);

	printf("# ");
	step_print(&step, "");
	printf(": %d\n", rc);
	model_apply(&run->model, &step, rc);
	return rc;
}

/* Never below what is charged: then it is never passed. */
static int new_limit(struct run *run)
{
	const struct model *model = &run->model;
	long mm = model_charged(model, model->processes[0].mm);
	long user = model_charged(model, PAYER_USER);

	return between(run, STEP_LIMIT, 0, (mm > user ? mm : user) + dice_roll(&run->dice, 48));
}

static int passes_limit(const struct model *model, int payer)
{
	if (model_charged(model, payer) <= model->processes[0].limit)
		return 0;
	printf("# %ld pages are charged, and %ld allowed\n", model_charged(model, payer),
	       model->processes[0].limit);
	return 1;
}

static int one_round(struct run *run)
{
	struct worker workers[THREADS] = {};
	int i, n = round_begin(run);

	for (i = 0; i < THREADS; i++) {
		workers[i].run = run;
		workers[i].number = i;
		dice_seed(&workers[i].dice, dice_roll(&run->dice, 1L << 30));
	}
	for (i = 0; !n && i < ROUND_RESTS && run_goes_on(run); i++) {
		n = new_limit(run) ?:
		    between(run, STEP_PARAMETER, PARAMETER_CHARGE_ONCE, dice_roll(&run->dice, 2)) ?:
		    all_work(workers) ?: found_differs(&run->model, &run->rig) ?:
		    passes_limit(&run->model, PAYER_USER) ?:
		    passes_limit(&run->model, run->model.processes[0].mm);
	}
	return n ?: round_end(run);
}

/**
 * run_threads - rounds of several threads
 * @run: the run
 *
 * Return: how many differences there are
 */
int run_threads(struct run *run)
{
	int n = 0;

	while (!n && run_goes_on(run))
		n = one_round(run);
	return n;
}
