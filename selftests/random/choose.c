// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chooses steps, such that they mean something: what is unmapped is mapped, and
 * limits and mappings are often just as large as what is left, or a page off.
 */
#include <string.h>

#include "choose.h"

/* The IOVAs, in pages: so few that mappings get into each other's way. */
#define IOVAS 2048

/**
 * dice_seed - begin
 * @dice: to be initialised
 * @seed: any number
 */
void dice_seed(struct dice *dice, unsigned long seed)
{
	dice->state = seed * 0x9e3779b97f4a7c15UL + 1;
	dice_roll(dice, 1);
}

/**
 * dice_roll - a number
 * @dice: the dice
 * @n: how many there are
 *
 * Return: 0 to @n - 1
 */
long dice_roll(struct dice *dice, long n)
{
	dice->state ^= dice->state >> 12;
	dice->state ^= dice->state << 25;
	dice->state ^= dice->state >> 27;
	return (dice->state * 0x2545f4914f6cdd1dUL >> 33) % n;
}

static int any_process(const struct model *model, struct dice *dice)
{
	int process;

	do
		process = dice_roll(dice, 2) ? 0 : dice_roll(dice, PROCESSES);
	while (!model->processes[process].alive);
	return process;
}

/* A child that is alive or is not; 0 if there is none. */
static int any_child(const struct model *model, struct dice *dice, bool alive)
{
	int first = dice_roll(dice, PROCESSES - 1), i;

	for (i = 0; i < PROCESSES - 1; i++) {
		int child = 1 + (first + i) % (PROCESSES - 1);

		if (model->processes[child].alive == alive)
			return child;
	}
	return 0;
}

static bool any_mapping(struct step *step, const struct model *model, struct dice *dice,
			bool (*wanted)(const struct model *model, const struct mapping *mapping))
{
	int first = dice_roll(dice, MAPPINGS), i;

	for (i = 0; i < MAPPINGS; i++) {
		const struct mapping *m = &model->mappings[(first + i) % MAPPINGS];

		if (!m->memory || (wanted && !wanted(model, m)))
			continue;
		step->front = m->front;
		step->ioas = m->ioas;
		step->at = m->at;
		step->segment = m->memory->segment;
		step->first = m->memory->first;
		step->npages = m->memory->npages;
		step->prot = m->memory->prot;
		step->again = m->no_address;
		return true;
	}
	return false;
}

static bool is_of_type1(const struct model *model, const struct mapping *mapping)
{
	return !model->ops[mapping->front]->iommufd;
}

static bool is_of_native(const struct model *model, const struct mapping *mapping)
{
	return model_is_native(model, mapping->front);
}

static bool is_of_file_mapper(const struct model *model, const struct mapping *mapping)
{
	return model->maps_files[mapping->front];
}

static bool is_of_mediated(const struct model *model, const struct mapping *mapping)
{
	return model->mediated == mapping->front;
}

static bool has_zero_pages(const struct model *model, const struct mapping *mapping)
{
	const struct memory *memory = mapping->memory;
	long i;

	for (i = 0; is_of_mediated(model, mapping) && i < memory->npages; i++)
		if (!memory->pages[i])
			return true;
	return false;
}

static bool is_inactive(const struct model *model, const struct mapping *mapping)
{
	return !mapping->memory->active;
}

static int mappings_left(const struct model *model)
{
	int i, n = 0;

	for (i = 0; i < MAPPINGS; i++)
		n += !model->mappings[i].memory;
	return n;
}

/* Some pages of a segment that are there. */
static void some_pages(struct step *step, struct dice *dice, enum segment segments)
{
	long all;

	step->segment = dice_roll(dice, segments);
	all = arena_pages(step->segment);
	step->npages = 1 + dice_roll(dice, dice_roll(dice, 3) ? 16 : all);
	if (step->segment == SEGMENT_LARGE && !dice_roll(dice, 3))
		step->npages = 1 + dice_roll(dice, all);
	step->first = dice_roll(dice, all - step->npages + 1);
}

static bool choose_map(struct step *step, const struct model *model, struct dice *dice)
{
	const struct process *process = &model->processes[step->process];
	long room, all;

	if (!mappings_left(model))
		return false;
	some_pages(step, dice, SEGMENTS);
	all = arena_pages(step->segment);
	step->front = dice_roll(dice, FRONTS);
	step->ioas = model_is_native(model, step->front) && !dice_roll(dice, 8);
	step->prot = dice_roll(dice, 2) ? FRONT_RW : FRONT_READ;
	step->at = dice_roll(dice, IOVAS);
	step->raised = !process->executed && !dice_roll(dice, 16);

	/* As much as there is room for, or a page more */
	room = process->limit -
	       model_charged(model, model_payer(model, step->process, step->front));
	if (room > 0 && room < all && !dice_roll(dice, 2)) {
		step->npages = room + dice_roll(dice, 2);
		step->first = dice_roll(dice, all - step->npages + 1);
	}
	/* Into the hole behind the segment */
	if (!dice_roll(dice, 12))
		step->first = all - step->npages + 1 + dice_roll(dice, step->npages);
	if (step->first >= all)
		step->first = all - 1;
	return true;
}

static bool choose_unmap(struct step *step, const struct model *model, struct dice *dice)
{
	if (!any_mapping(step, model, dice, NULL))
		return false;
	/* Of VFIO's first version, only iommufd's has a part that can go. */
	if (step->npages > 1 && model->ops[step->front] != &front_type1_v1 &&
	    mappings_left(model) &&
	    !dice_roll(dice, model->ops[step->front] == &front_compat_v1 ? 2 : 6)) {
		step->cut = dice_roll(dice, step->npages);
		step->keep = dice_roll(dice, step->npages - step->cut);
	}
	return true;
}

/* What maps files now and then does so. */
static bool choose_map_file(struct step *step, const struct model *model, struct dice *dice)
{
	if (!choose_map(step, model, dice) || !model->maps_files[step->front])
		return false;
	step->segment = SEGMENT_FILE;
	step->raised = false;
	if (step->npages > ARENA_SMALL)
		step->npages = ARENA_SMALL;
	step->first = dice_roll(dice, ARENA_SMALL - step->npages + 1);
	return true;
}

static bool choose_unmap_all(struct step *step, const struct model *model, struct dice *dice)
{
	return any_mapping(step, model, dice, NULL);
}

static bool choose_copy(struct step *step, const struct model *model, struct dice *dice)
{
	if (!mappings_left(model) || !any_mapping(step, model, dice, is_of_native))
		return false;
	step->to = !step->ioas;
	return true;
}

/* A part of a mapping, as large as the device can pin in one go */
static bool choose_pin(struct step *step, const struct model *model, struct dice *dice)
{
	int i;

	if (model->processes[step->process].executed ||
	    (!any_mapping(step, model, dice, has_zero_pages) &&
	     !any_mapping(step, model, dice, is_of_mediated)))
		return false;
	step->cut = dice_roll(dice, step->npages);
	step->keep = dice_roll(dice, step->npages - step->cut);
	if (step->npages - step->cut - step->keep > 64)
		step->keep = step->npages - step->cut - 64;
	for (i = 0; i < RANGES; i++)
		if (!model->ranges[i].npages)
			return true;
	return false;
}

static bool choose_unpin(struct step *step, const struct model *model, struct dice *dice)
{
	const struct step *range = &model->ranges[dice_roll(dice, RANGES)];

	if (!range->npages)
		return false;
	*step = *range;
	step->kind = STEP_UNPIN;
	step->process = 0;
	return true;
}

static bool choose_attach(struct step *step, const struct model *model, struct dice *dice)
{
	int front = dice_roll(dice, FRONTS), ioas;

	if (!model_is_native(model, front))
		return false;
	step->process = 0;
	step->front = front;
	step->ioas = dice_roll(dice, IOASES);
	step->kind = STEP_ATTACH;
	for (ioas = 0; ioas < IOASES; ioas++) {
		if (!model->attached[front][ioas])
			continue;
		step->kind = STEP_DETACH;
		step->ioas = ioas;
	}
	return true;
}

static bool choose_lock(struct step *step, const struct model *model, struct dice *dice)
{
	const struct process *process = &model->processes[step->process];
	long room = process->limit - model_charged(model, process->mm);

	some_pages(step, dice, SEGMENTS);
	if (room > 0 && room < arena_pages(step->segment) && !dice_roll(dice, 2)) {
		step->npages = room + dice_roll(dice, 2);
		step->first = dice_roll(dice, arena_pages(step->segment) - step->npages + 1);
	}
	return true;
}

static bool choose_renew(struct step *step, struct dice *dice)
{
	step->segment = dice_roll(dice, 2) ? SEGMENT_ANON : SEGMENT_LARGE;
	step->npages = arena_pages(step->segment);
	step->value = step->segment == SEGMENT_LARGE && dice_roll(dice, 2);
	return true;
}

/* Few pages, that something else may work; often of what is, or is to be, pinned */
static bool choose_exclude(struct step *step, const struct model *model, struct dice *dice)
{
	const int process = step->process;
	const struct step *same = &model->exclusions[dice_roll(dice, EXCLUSIONS)];
	long first;

	if (same->npages && !dice_roll(dice, 8)) {
		*step = *same;
		return true;
	}
	if (dice_roll(dice, 3) ||
	    (!any_mapping(step, model, dice, is_inactive) && !any_mapping(step, model, dice, NULL)))
		some_pages(step, dice, SEGMENTS);
	first = step->first + dice_roll(dice, step->npages);
	*step = (struct step){
		.kind = STEP_EXCLUDE,
		.process = process,
		.segment = step->segment,
		.first = first < arena_pages(step->segment) ? first : 0,
		.npages = 1,
	};
	if (!dice_roll(dice, 3))
		step->npages += dice_roll(dice, arena_pages(step->segment) - step->first);
	return true;
}

/* What is excluded, or a page more */
static bool choose_include(struct step *step, const struct model *model, struct dice *dice)
{
	const struct step *exclusion = &model->exclusions[dice_roll(dice, EXCLUSIONS)];

	if (!exclusion->npages)
		return false;
	*step = *exclusion;
	step->kind = STEP_INCLUDE;
	step->npages += !dice_roll(dice, 16);
	return true;
}

/* Around what is charged, seldom below, and sometimes none */
static bool choose_limit(struct step *step, const struct model *model, struct dice *dice)
{
	const struct process *process = &model->processes[step->process];
	int payer = dice_roll(dice, 3) ? process->mm : PAYER_USER;
	static const long room[] = { 8, 32, 64, 600 };

	step->value = LIMIT_NONE;
	if (dice_roll(dice, 3))
		step->value = model_charged(model, payer) + dice_roll(dice, room[dice_roll(dice, 4)]);
	if (step->value != LIMIT_NONE && !dice_roll(dice, 8))
		step->value -= dice_roll(dice, 64);
	return true;
}

static bool choose_parameter(struct step *step, struct dice *dice)
{
	step->process = 0;
	step->parameter = dice_roll(dice, PARAMETERS);
	step->value = dice_roll(dice, step->parameter == PARAMETER_ZERO_PAGE ? 3 : 2);
	return true;
}

/* How often each kind is chosen, of all that are below. */
static enum step_kind any_kind(struct dice *dice)
{
	static const int weights[STEP_KINDS] = {
		[STEP_MAP] = 34,
		[STEP_MAP_FILE] = 10,
		[STEP_UNMAP] = 20,
		[STEP_UNMAP_ALL] = 1,
		[STEP_COPY] = 5,
		[STEP_ATTACH] = 4,
		[STEP_HAND_OVER] = 4,
		[STEP_CHANGE_PROCESS] = 8,
		[STEP_PIN] = 10,
		[STEP_UNPIN] = 8,
		[STEP_WRITE] = 4,
		[STEP_DROP] = 6,
		[STEP_PUNCH] = 3,
		[STEP_RENEW] = 2,
		[STEP_LOCK] = 4,
		[STEP_UNLOCK] = 3,
		[STEP_EXCLUDE] = 6,
		[STEP_INCLUDE] = 16,
		[STEP_LIMIT] = 8,
		[STEP_PARAMETER] = 6,
		[STEP_FORK] = 2,
		[STEP_KILL] = 1,
		[STEP_EXEC] = 1,
	};
	int sum = 0, at, kind;

	for (kind = 0; kind < STEP_KINDS; kind++)
		sum += weights[kind];
	at = dice_roll(dice, sum);
	for (kind = 0; at >= weights[kind]; kind++)
		at -= weights[kind];
	return kind;
}

/**
 * choose - a step
 * @step: gets it
 * @model: how things are
 * @dice: decide
 *
 * Return: false if there is nothing of that kind to do now
 */
bool choose(struct step *step, const struct model *model, struct dice *dice)
{
	memset(step, 0, sizeof(*step));
	step->kind = any_kind(dice);
	step->process = any_process(model, dice);
	switch (step->kind) {
	case STEP_MAP:
		return choose_map(step, model, dice) &&
		       (!model->only_files[step->front] || !dice_roll(dice, 128));
	case STEP_MAP_FILE:
		return choose_map_file(step, model, dice);
	case STEP_UNMAP:
		return choose_unmap(step, model, dice);
	case STEP_UNMAP_ALL:
		return choose_unmap_all(step, model, dice);
	case STEP_COPY:
		return choose_copy(step, model, dice);
	case STEP_ATTACH:
	case STEP_DETACH:
		return choose_attach(step, model, dice);
	case STEP_HAND_OVER:
		return any_mapping(step, model, dice, is_of_type1);
	case STEP_CHANGE_PROCESS:
		return any_mapping(step, model, dice, is_of_file_mapper);
	case STEP_PIN:
		return choose_pin(step, model, dice);
	case STEP_UNPIN:
		return choose_unpin(step, model, dice);
	case STEP_WRITE:
	case STEP_DROP:
	case STEP_UNLOCK:
		some_pages(step, dice, SEGMENTS);
		return true;
	case STEP_PUNCH:
		some_pages(step, dice, SEGMENTS);
		return step->segment == SEGMENT_FILE;
	case STEP_RENEW:
		return choose_renew(step, dice);
	case STEP_LOCK:
		return choose_lock(step, model, dice);
	case STEP_EXCLUDE:
		return choose_exclude(step, model, dice);
	case STEP_INCLUDE:
		return choose_include(step, model, dice);
	case STEP_LIMIT:
		return choose_limit(step, model, dice);
	case STEP_PARAMETER:
		return choose_parameter(step, dice);
	case STEP_FORK:
		step->process = any_child(model, dice, false);
		return step->process;
	case STEP_KILL:
	case STEP_EXEC:
		step->process = any_child(model, dice, true);
		return step->process;
	case STEP_WAIT:
	case STEP_KINDS:
		break;
	}
	return false;
}
