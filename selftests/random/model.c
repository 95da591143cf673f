// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a step comes to: its errno, and every counter after it.
 *
 * What is a page's identity. A page that is pinned stays where it is until the
 * process takes it away itself (MADV_DONTNEED, a hole, new memory): fork() copies
 * it for the child at once. A page that is not pinned may be replaced by a copy
 * at any time, which is the same to the model, since nobody holds it.
 *
 * When a mapping is refused. The layer charges window by window (type1, and
 * everything with charge_once) or when all is pinned (iommufd). A limit that is
 * exceeded by a part is exceeded by the whole, so it only makes a difference for
 * a mapping that has another fault behind the part: the first of the two is
 * told. What iommufd would find out late, it finds out early where it is certain
 * (rule A6): memory in front of a hole that devices may write to, or a file's.
 *
 * What is excluded is refused next: by address before anything of the mapping is
 * pinned, by file before any of it is charged, and both before a hole is met, since
 * no mapping here is longer than what is pinned in one go.
 *
 * What is not modelled, since it could go both ways: with zero_page=strict, type1
 * or charge_once, written memory in front of a zero page where the limit is
 * exceeded by the former (it depends on what a fork has left to be unshared);
 * with charge_once, the file's memory by address where something is excluded and
 * the limit is exceeded early (it depends on how mlock() has cut the mapping);
 * attaching a device to an IOAS that does not fit; copying a mapping whose owner
 * is gone; MADV_DONTNEED from unlocked memory into mlocked memory. Which pages of
 * a refused mapping have been made is not modelled either: they are written
 * afterwards, so that everybody knows (model_is_refused()).
 *
 * What could be modelled, and is not yet: what a mediated device pins through
 * iommufd, or in a container without a domain; a part of a mapping unmapped by
 * type1's first version.
 */
#include <errno.h>
#include <string.h>

#include "parts.h"

/**
 * model_predict - what is a step going to return?
 * @model: the model
 * @step: the step. What it needs is there
 *
 * Return: 0 or -errno; or MODEL_UNKNOWN
 */
int model_predict(const struct model *model, const struct step *step)
{
	switch (step->kind) {
	case STEP_MAP:
	case STEP_MAP_FILE:
		return predict_map(model, step);
	case STEP_UNMAP:
		return predict_unmap(model, step);
	case STEP_COPY:
		return predict_copy(model, step);
	case STEP_ATTACH:
		return predict_attach(model, step);
	case STEP_HAND_OVER:
		return predict_hand_over(model, step);
	case STEP_CHANGE_PROCESS:
		return predict_change_process(model, step);
	case STEP_PIN:
		return predict_mediated(model, step);
	case STEP_DROP:
		return predict_drop(model, step);
	case STEP_LOCK:
		return predict_lock(model, step);
	case STEP_EXCLUDE:
		return predict_exclude(model, step);
	case STEP_INCLUDE:
		return predict_include(model, step);
	case STEP_LIMIT:
		return predict_limit(model, step);
	case STEP_FORK:
	case STEP_EXEC:
		return predict_mm(model);
	default:
		return 0;
	}
}

static void apply_success(struct model *model, const struct step *step)
{
	struct process *process = &model->processes[step->process];

	switch (step->kind) {
	case STEP_MAP:
	case STEP_MAP_FILE:
		apply_map(model, step);
		break;
	case STEP_UNMAP:
	case STEP_UNMAP_ALL:
		apply_unmap(model, step);
		break;
	case STEP_COPY:
		apply_copy(model, step);
		break;
	case STEP_DETACH:
		apply_detach(model, step);
		break;
	case STEP_CHANGE_PROCESS:
		apply_change_process(model, step);
		break;
	case STEP_PIN:
		apply_mediated(model, step);
		break;
	case STEP_UNPIN:
		apply_unpin(model, step);
		break;
	case STEP_WRITE:
		write_pages(model, step->process, step->segment, step->first, step->npages);
		break;
	case STEP_DROP:
		apply_drop(model, step);
		break;
	case STEP_PUNCH:
		apply_punch(model, step);
		break;
	case STEP_RENEW:
		apply_renew(model, step);
		break;
	case STEP_LOCK:
		apply_lock(model, step);
		break;
	case STEP_UNLOCK:
		apply_unlock(model, step);
		break;
	case STEP_EXCLUDE:
		apply_exclude(model, step);
		break;
	case STEP_INCLUDE:
		apply_include(model, step);
		break;
	case STEP_LIMIT:
		process->limit = step->value;
		break;
	case STEP_PARAMETER:
		model->parameters[step->parameter] = step->value;
		break;
	case STEP_FORK:
		apply_fork(model, step);
		break;
	case STEP_KILL:
		process->alive = false;
		include_all(model, step->process);
		break;
	case STEP_EXEC:
		process->executed = true;
		new_mm(model, process);
		include_all(model, step->process);
		break;
	case STEP_WAIT:
	case STEP_ATTACH:
	case STEP_HAND_OVER:
	case STEP_KINDS:
		break;
	}
}

/**
 * model_is_refused - was a mapping refused, for what is in memory?
 * @step: a step
 * @rc: what it returned
 *
 * Some of the memory may have been made by then, so it has to be written to by
 * model_owner() next, for everybody to know.
 */
bool model_is_refused(const struct step *step, int rc)
{
	return (step->kind == STEP_MAP || step->kind == STEP_COPY || step->kind == STEP_PIN) &&
	       rc && rc != -EEXIST && rc != -ENODEV;
}

/**
 * model_owner - whose memory was to be mapped?
 * @model: the model
 * @step: a map or a copy
 *
 * Return: the process
 */
int model_owner(const struct model *model, const struct step *step)
{
	return step->kind == STEP_MAP || step->kind == STEP_MAP_FILE ? step->process : model_mapping(model, step)->memory->process;
}

/* A mapping was refused: whoever owns the memory has written it then. */
static void apply_refused(struct model *model, const struct step *step)
{
	write_pages(model, model_owner(model, step), step->segment, step->first,
		    min(step->npages, arena_pages(step->segment) - step->first));
}

/**
 * model_apply - a step was done
 * @model: the model
 * @step: the step
 * @rc: what it returned
 */
void model_apply(struct model *model, const struct step *step, int rc)
{
	if (step->kind == STEP_HAND_OVER)
		apply_hand_over(model, step, rc);
	else if (step->kind == STEP_ATTACH)
		apply_attach(model, step, rc);
	else if (!rc)
		apply_success(model, step);
	else if (model_is_refused(step, rc))
		apply_refused(model, step);
}

/**
 * model_close - all front ends are closed, and what processes have excluded with
 * @model: the model
 */
void model_close(struct model *model)
{
	int i;

	for (i = 0; i < MAPPINGS; i++)
		if (model->mappings[i].memory)
			remove_mapping(model, &model->mappings[i]);
	for (i = 0; i < PROCESSES; i++)
		include_all(model, i);
}

/**
 * model_begin - a round begins: one process, which has the memory, nothing else
 * @model: to be initialised
 * @ops: the front ends
 * @user_base: pages charged to the user already
 */
void model_begin(struct model *model, const struct front_ops *const ops[FRONTS], long user_base)
{
	int i;

	memset(model, 0, sizeof(*model));
	for (i = 0; i < FRONTS; i++) {
		model->ops[i] = ops[i];
		model->attached[i][0] = true;
	}
	for (i = 0; i < ARENA_SMALL; i++)
		model->file[i] = new_page();
	model->payers[PAYER_USER].base = user_base;
	model->npayers = PAYER_USER + 1;
	new_mm(model, &model->processes[0]);
	model->processes[0].alive = true;
	model->processes[0].limit = LIMIT_NONE;
}
