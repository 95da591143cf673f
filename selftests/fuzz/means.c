// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a step mean something now?
 *
 * The model takes for granted that what a step needs is there: a process that is
 * alive, a mapping to be unmapped, pages of the segment. choose() sees to that; a
 * mutation does not, so it is looked at here. What is known of a mapping is filled in.
 */
#include "means.h"

static bool is_inside(const struct step *step)
{
	return step->npages > 0 && step->first + step->npages <= arena_pages(step->segment);
}

static bool has_room(const struct model *model)
{
	int i;

	for (i = 0; i < MAPPINGS; i++)
		if (!model->mappings[i].memory)
			return true;
	return false;
}

static bool has_mapping(const struct model *model, int front, int ioas)
{
	int i;

	for (i = 0; i < MAPPINGS; i++) {
		const struct mapping *m = &model->mappings[i];

		if (m->memory && m->front == front && (m->ioas == ioas || ioas < 0))
			return true;
	}
	return false;
}

/* The mapping that begins there: the step gets what it is of. */
static bool know_mapping(struct step *step, const struct model *model)
{
	const struct mapping *mapping = model_mapping(model, step);

	if (!mapping)
		return false;
	step->segment = mapping->memory->segment;
	step->first = mapping->memory->first;
	step->npages = mapping->memory->npages;
	step->prot = mapping->memory->prot;
	step->again = mapping->no_address;
	return step->cut + step->keep < step->npages;
}

static bool map_means(struct step *step, const struct model *model)
{
	return has_room(model) && (step->prot & FRONT_READ) && step->npages > 0 &&
	       step->npages <= arena_pages(step->segment) &&
	       step->first < arena_pages(step->segment) &&
	       (!step->ioas || model_is_native(model, step->front)) &&
	       !(step->raised && model->processes[step->process].executed);
}

static bool map_file_means(struct step *step, const struct model *model)
{
	return map_means(step, model) && model->maps_files[step->front] && !step->raised &&
	       step->segment == SEGMENT_FILE && is_inside(step);
}

/* type1's first version unmaps no parts that the model would know. */
static bool unmap_means(struct step *step, const struct model *model)
{
	return know_mapping(step, model) &&
	       ((!step->cut && !step->keep) ||
		(has_room(model) && model->ops[step->front] != &front_type1_v1));
}

static bool copy_means(struct step *step, const struct model *model)
{
	step->to = !step->ioas;
	step->cut = 0;
	step->keep = 0;
	return has_room(model) && model_is_native(model, step->front) && know_mapping(step, model);
}

static bool hand_over_means(struct step *step, const struct model *model)
{
	step->cut = 0;
	step->keep = 0;
	return !model->ops[step->front]->iommufd && know_mapping(step, model);
}

static bool pin_means(struct step *step, const struct model *model)
{
	int i;

	if (step->front != model->mediated || model->processes[step->process].executed ||
	    !know_mapping(step, model))
		return false;
	if (step->npages - step->cut - step->keep > 64)
		step->keep = step->npages - step->cut - 64;
	for (i = 0; i < RANGES; i++)
		if (!model->ranges[i].npages)
			return true;
	return false;
}

static bool unpin_means(struct step *step, const struct model *model)
{
	int i;

	step->process = 0;
	for (i = 0; i < RANGES; i++) {
		const struct step *range = &model->ranges[i];

		if (range->npages && range->front == step->front && range->at == step->at &&
		    range->cut == step->cut && range->keep == step->keep) {
			step->npages = range->npages;
			return true;
		}
	}
	return false;
}

/* The device is behind one of them at a time. */
static bool attach_means(struct step *step, const struct model *model)
{
	int ioas;

	step->process = 0;
	if (!model_is_native(model, step->front))
		return false;
	if (step->kind == STEP_DETACH)
		return model->attached[step->front][step->ioas];
	for (ioas = 0; ioas < IOASES; ioas++)
		if (model->attached[step->front][ioas])
			return false;
	return true;
}

static bool parameter_means(struct step *step)
{
	step->process = 0;
	return step->value < (step->parameter == PARAMETER_ZERO_PAGE ? 3 : 2);
}

static bool renew_means(struct step *step)
{
	if (step->segment > SEGMENT_LARGE || step->value > (step->segment == SEGMENT_LARGE))
		return false;
	step->first = 0;
	step->npages = arena_pages(step->segment);
	return true;
}

/**
 * step_means - can this be done, and be predicted?
 * @step: the step, of which what follows from the rest is set right
 * @model: how things are
 *
 * Return: false if the model knows nothing of such a step
 */
bool step_means(struct step *step, const struct model *model)
{
	const struct process *process = &model->processes[step->process];

	if (step->kind == STEP_FORK)
		return step->process && !process->alive;
	if (!process->alive)
		return false;
	switch (step->kind) {
	case STEP_MAP:
		return map_means(step, model);
	case STEP_MAP_FILE:
		return map_file_means(step, model);
	case STEP_UNMAP:
		return unmap_means(step, model);
	case STEP_UNMAP_ALL:
		return has_mapping(model, step->front, step->ioas);
	case STEP_COPY:
		return copy_means(step, model);
	case STEP_ATTACH:
	case STEP_DETACH:
		return attach_means(step, model);
	case STEP_HAND_OVER:
		return hand_over_means(step, model);
	case STEP_CHANGE_PROCESS:
		return model->maps_files[step->front] && has_mapping(model, step->front, -1);
	case STEP_PIN:
		return pin_means(step, model);
	case STEP_UNPIN:
		return unpin_means(step, model);
	case STEP_WRITE:
	case STEP_DROP:
	case STEP_LOCK:
	case STEP_UNLOCK:
	case STEP_EXCLUDE:
	case STEP_INCLUDE:
		return is_inside(step);
	case STEP_PUNCH:
		return step->segment == SEGMENT_FILE && is_inside(step);
	case STEP_RENEW:
		return renew_means(step);
	case STEP_LIMIT:
		return step->value <= 1L << 20 || step->value == LIMIT_NONE;
	case STEP_PARAMETER:
		return parameter_means(step);
	case STEP_KILL:
	case STEP_EXEC:
		return step->process;
	default:
		return false;
	}
}
