// SPDX-License-Identifier: GPL-2.0-only
/* What processes do to their memory and to themselves. */
#include <errno.h>
#include <string.h>

#include "parts.h"

static bool *locked_at(const struct model *model, const struct step *step)
{
	return (bool *)model->processes[step->process].locked[step->segment] + step->first;
}

static long count_locked(const struct model *model, const struct step *step)
{
	bool *locked = locked_at(model, step);
	long i, n = 0;

	for (i = 0; i < step->npages; i++)
		n += locked[i];
	return n;
}

int predict_lock(const struct model *model, const struct step *step)
{
	const struct process *process = &model->processes[step->process];
	long more = step->npages;

	if (model_charged(model, process->mm) + more > process->limit)
		more -= count_locked(model, step);
	return model_charged(model, process->mm) + more > process->limit ? -ENOMEM : 0;
}

static void set_locked(struct model *model, const struct step *step, bool on)
{
	struct process *process = &model->processes[step->process];
	long was = count_locked(model, step);

	memset(locked_at(model, step), on, step->npages * sizeof(bool));
	model->payers[process->mm].mlocked += (on ? step->npages : 0) - was;
}

void write_pages(struct model *model, int process, enum segment segment, long first,
		 long npages)
{
	struct page **pages = &model->processes[process].pages[segment][first];
	long i;

	for (i = 0; is_private(segment) && i < npages; i++)
		if (!pages[i])
			pages[i] = new_page();
}

void apply_lock(struct model *model, const struct step *step)
{
	set_locked(model, step, true);
	write_pages(model, step->process, step->segment, step->first, step->npages);
}

void apply_unlock(struct model *model, const struct step *step)
{
	set_locked(model, step, false);
}

int predict_drop(const struct model *model, const struct step *step)
{
	if (locked_at(model, step)[0])
		return -EINVAL;
	return count_locked(model, step) ? MODEL_UNKNOWN : 0;
}

void apply_drop(struct model *model, const struct step *step)
{
	struct process *process = &model->processes[step->process];

	if (is_private(step->segment))
		memset(&process->pages[step->segment][step->first], 0,
		       step->npages * sizeof(struct page *));
}

void apply_punch(struct model *model, const struct step *step)
{
	long i;

	for (i = 0; i < step->npages; i++)
		model->file[step->first + i] = new_page();
}

void apply_renew(struct model *model, const struct step *step)
{
	set_locked(model, step, false);
	apply_drop(model, step);
	if (step->value)
		write_pages(model, step->process, step->segment, 0, step->npages);
}

int predict_limit(const struct model *model, const struct step *step)
{
	return step->value < 0 ? MODEL_UNKNOWN : 0;
}

/* Another mm, with nothing in it yet */
void new_mm(struct model *model, struct process *process)
{
	process->mm = model->npayers++;
	memset(process->pages, 0, sizeof(process->pages));
	memset(process->locked, 0, sizeof(process->locked));
}

void apply_fork(struct model *model, const struct step *step)
{
	const struct process *parent = &model->processes[0];
	struct process *child = &model->processes[step->process];
	long segment, i;

	new_mm(model, child);
	child->alive = true;
	child->executed = false;
	child->limit = parent->limit;
	for (segment = 0; segment < SEGMENT_FILE; segment++)
		for (i = 0; i < ARENA_LARGE; i++)
			if (parent->pages[segment][i])
				child->pages[segment][i] = new_page();
}

int predict_mm(const struct model *model)
{
	return model->npayers < PAYERS ? 0 : MODEL_UNKNOWN;
}
