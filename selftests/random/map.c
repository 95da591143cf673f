// SPDX-License-Identifier: GPL-2.0-only
/* Mappings that are made, copied, cut and unmapped, and devices that come and go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/**
 * model_is_native - is a front end iommufd by its own ioctls?
 * @model: the model
 * @front: which
 */
bool model_is_native(const struct model *model, int front)
{
	return !model->ops[front]->type;
}

/**
 * model_payer - who pays for what a process maps
 * @model: the model
 * @process: who maps
 * @front: where
 *
 * Return: number of the payer
 */
int model_payer(const struct model *model, int process, int front)
{
	return model->ops[front]->payer == FRONT_PAYER_USER ? PAYER_USER :
	       model->processes[process].mm;
}

static struct memory memory_of_step(const struct model *model, const struct step *step)
{
	bool iommufd = model->ops[step->front]->iommufd;
	bool exempt = step->raised && iommufd;

	return (struct memory){
		.process = step->process,
		.mm = model->processes[step->process].mm,
		.payer = model_payer(model, step->process, step->front),
		.segment = step->segment,
		.first = step->first,
		.npages = step->npages,
		.prot = step->prot,
		.iommufd = iommufd,
		.by_file = step->kind == STEP_MAP_FILE,
		.unlimited = step->raised,
		.exempt = exempt,
		.once = model->parameters[PARAMETER_CHARGE_ONCE] && !exempt,
		.zero_page = model->parameters[PARAMETER_ZERO_PAGE],
	};
}

static struct mapping *free_mapping(struct model *model)
{
	int i;

	for (i = 0; i < MAPPINGS; i++)
		if (!model->mappings[i].memory)
			return &model->mappings[i];
	return NULL;
}

static void activate(struct model *model, struct memory *memory)
{
	if (!memory->active++)
		pin(model, memory);
}

static void deactivate(struct model *model, struct memory *memory)
{
	if (!--memory->active)
		drop(model, memory);
}

static void add_mapping(struct model *model, struct memory *memory, int front, int ioas, long at)
{
	struct mapping *mapping = free_mapping(model);

	*mapping = (struct mapping){
		.memory = memory, .front = front, .ioas = ioas, .at = at,
	};
	memory->areas++;
	if (model->attached[front][ioas])
		activate(model, memory);
}

void remove_mapping(struct model *model, struct mapping *mapping)
{
	struct memory *memory = mapping->memory;
	int i;

	/* The device is told, and lets go. */
	for (i = 0; i < RANGES; i++)
		if (mapping->front == model->mediated && model->ranges[i].npages &&
		    model->ranges[i].at == mapping->at)
			unpin_range(model, memory, &model->ranges[i]);
	mapping->memory = NULL;
	if (model->attached[mapping->front][mapping->ioas])
		deactivate(model, memory);
	if (!--memory->areas)
		free(memory);
}

/**
 * model_mapping - the mapping that a step is about
 * @model: the model
 * @step: with front, ioas and at
 *
 * Return: the mapping, or NULL
 */
struct mapping *model_mapping(const struct model *model, const struct step *step)
{
	int i;

	for (i = 0; i < MAPPINGS; i++) {
		const struct mapping *m = &model->mappings[i];

		if (m->memory && m->front == step->front && m->ioas == step->ioas &&
		    m->at == step->at)
			return (struct mapping *)m;
	}
	return NULL;
}

static bool iova_taken(const struct model *model, int front, int ioas, long at, long npages)
{
	int i;

	for (i = 0; i < MAPPINGS; i++) {
		const struct mapping *m = &model->mappings[i];

		if (m->memory && m->front == front && m->ioas == ioas &&
		    m->at < at + npages && at < m->at + m->memory->npages)
			return true;
	}
	return false;
}

int predict_map(const struct model *model, const struct step *step)
{
	struct memory memory = memory_of_step(model, step);

	if (iova_taken(model, step->front, step->ioas, step->at, step->npages))
		return -EEXIST;
	if (!model->attached[step->front][step->ioas])
		return 0;
	return plan_pin(model, &memory, true).rc;
}

void apply_map(struct model *model, const struct step *step)
{
	struct memory *memory = malloc(sizeof(*memory));

	if (!memory)
		abort();
	*memory = memory_of_step(model, step);
	add_mapping(model, memory, step->front, step->ioas, step->at);
}

static int predict_pin_again(const struct model *model, const struct step *step,
			     const struct memory *memory)
{
	if (memory->active)
		return 0;
	if (model->processes[memory->process].mm != memory->mm ||
	    !model->processes[memory->process].alive)
		return MODEL_UNKNOWN;
	return plan_pin(model, memory, memory->process == step->process).rc;
}

int predict_copy(const struct model *model, const struct step *step)
{
	if (iova_taken(model, step->front, step->to, step->at, step->npages))
		return -EEXIST;
	if (!model->attached[step->front][step->to])
		return 0;
	return predict_pin_again(model, step, model_mapping(model, step)->memory);
}

void apply_copy(struct model *model, const struct step *step)
{
	add_mapping(model, model_mapping(model, step)->memory, step->front, step->to, step->at);
}

/*
 * All that is to be pinned fits with much to spare, or it is not done. But something
 * of it may be excluded.
 */
int predict_attach(const struct model *model, const struct step *step)
{
	int i, one, rc = 0;

	for (i = 0; i < MAPPINGS; i++) {
		const struct mapping *m = &model->mappings[i];
		const struct memory *memory = m->memory;

		if (!memory || m->front != step->front || m->ioas != step->ioas || memory->active)
			continue;
		one = predict_pin_again(model, step, memory);
		if ((one && one != -EBUSY) ||
		    !fits(model, memory->payer, model->processes[memory->process].limit,
			  MAPPINGS * ARENA_LARGE, 0))
			return MODEL_UNKNOWN;
		rc = rc ?: one;
	}
	return rc;
}

/*
 * In the order of their IOVAs: the first one makes zero COWs. If one is excluded,
 * those before it are let go of again.
 */
void apply_attach(struct model *model, const struct step *step, int rc)
{
	bool done[MAPPINGS] = {};
	struct memory *memory;
	int i, next;

	model->attached[step->front][step->ioas] = true;
	for (;;) {
		next = -1;
		for (i = 0; i < MAPPINGS; i++) {
			const struct mapping *m = &model->mappings[i];

			if (m->memory && !done[i] && m->front == step->front &&
			    m->ioas == step->ioas && (next < 0 || m->at < model->mappings[next].at))
				next = i;
		}
		if (next < 0)
			return;
		memory = model->mappings[next].memory;
		if (rc && !memory->active && is_excluded(model, memory, 0, memory->npages))
			break;
		done[next] = true;
		activate(model, memory);
	}

	model->attached[step->front][step->ioas] = false;
	for (i = 0; i < MAPPINGS; i++)
		if (done[i])
			deactivate(model, model->mappings[i].memory);
}

void apply_detach(struct model *model, const struct step *step)
{
	int i;

	model->attached[step->front][step->ioas] = false;
	for (i = 0; i < MAPPINGS; i++) {
		struct mapping *m = &model->mappings[i];

		if (m->memory && m->front == step->front && m->ioas == step->ioas)
			deactivate(model, m->memory);
	}
}

int predict_unmap(const struct model *model, const struct step *step)
{
	if ((!step->cut && !step->keep) || model->ops[step->front] == &front_compat_v1)
		return 0;
	return model->ops[step->front]->iommufd ? -ENOENT : -EINVAL;
}

/* A part of a mapping goes, and up to two others stay. */
static void keep_part(struct model *model, const struct step *step, const struct memory *of,
		      long from, long npages)
{
	struct memory *part = malloc(sizeof(*part));
	struct mapping *mapping = free_mapping(model);

	if (!part)
		abort();
	*part = *of;
	part->first += from;
	part->npages = npages;
	memmove(part->pages, part->pages + from, npages * sizeof(*part->pages));
	memmove(part->is_zero_cow, part->is_zero_cow + from, npages * sizeof(*part->is_zero_cow));
	add_up_charge(part);
	*mapping = (struct mapping){
		.memory = part, .front = step->front, .ioas = step->ioas, .at = step->at + from,
	};
	hold(model, part);
}

static void apply_cut(struct model *model, const struct step *step)
{
	struct mapping *mapping = model_mapping(model, step);
	struct memory *memory = mapping->memory;

	mapping->memory = NULL;
	if (step->cut)
		keep_part(model, step, memory, 0, step->cut);
	if (step->keep)
		keep_part(model, step, memory, step->npages - step->keep, step->keep);
	drop(model, memory);
	free(memory);
}

void apply_unmap(struct model *model, const struct step *step)
{
	int i;

	if (step->cut || step->keep) {
		apply_cut(model, step);
		return;
	}
	if (step->kind == STEP_UNMAP) {
		remove_mapping(model, model_mapping(model, step));
		return;
	}
	for (i = 0; i < MAPPINGS; i++)
		if (model->mappings[i].memory && model->mappings[i].front == step->front &&
		    model->mappings[i].ioas == step->ioas)
			remove_mapping(model, &model->mappings[i]);
}
