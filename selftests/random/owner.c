// SPDX-License-Identifier: GPL-2.0-only
/* Mappings that get another owner. */
#include <errno.h>

#include "parts.h"

/* A page by itself is not remembered, so that it was a zero COW is forgotten. */
static bool still_zero_cow(const struct memory *memory, long i)
{
	return memory->is_zero_cow[i] && memory->npages > 1;
}

int predict_hand_over(const struct model *model, const struct step *step)
{
	const struct memory *memory = model_mapping(model, step)->memory;
	const struct process *process = &model->processes[step->process];
	long charge = memory->charged, zero_cow = memory->zero_cow, i;

	if (step->front == model->mediated)
		return -EBUSY;
	if (memory->mm == process->mm)
		return 0;
	for (i = 0; memory->once && i < memory->npages; i++) {
		const struct page *page = memory->pages[i];

		if (!page || page->held[process->mm])
			continue;
		charge++;
		zero_cow += still_zero_cow(memory, i);
	}
	if (charge && !fits(model, process->mm, process->limit, charge, zero_cow))
		return limit_error(model);
	return 0;
}

void apply_hand_over(struct model *model, const struct step *step, int rc)
{
	struct mapping *mapping = model_mapping(model, step);
	struct memory *memory = mapping->memory;
	struct process *process = &model->processes[step->process];
	long i;

	mapping->no_address = rc && rc != -EBUSY;
	if (rc || memory->mm == process->mm)
		return;
	leave(model, memory);
	for (i = 0; memory->once && i < memory->npages; i++)
		memory->is_zero_cow[i] = still_zero_cow(memory, i);
	memory->process = step->process;
	memory->mm = process->mm;
	memory->payer = process->mm;
	memory->unlimited = false;
	enter(model, memory);
}

/* A memory that was copied has several mappings. */
static bool was_before(const struct model *model, int i)
{
	int before;

	for (before = 0; before < i; before++)
		if (model->mappings[before].memory == model->mappings[i].memory)
			return true;
	return false;
}

static bool is_of_front(const struct model *model, int i, int front)
{
	return model->mappings[i].memory && model->mappings[i].front == front;
}

static bool is_among(const struct page *page, const struct page *const *pages, long n)
{
	while (n--)
		if (pages[n] == page)
			return true;
	return false;
}

/* All mappings of an iommufd, which are by file, to another process. */
int predict_change_process(const struct model *model, const struct step *step)
{
	const struct process *process = &model->processes[step->process];
	const struct page *seen[MAPPINGS * ARENA_SMALL];
	long charge = 0, j, n = 0;
	int i;

	for (i = 0; i < MAPPINGS; i++)
		if (is_of_front(model, i, step->front) && !model->mappings[i].memory->by_file)
			return -EINVAL;
	for (i = 0; i < MAPPINGS; i++) {
		const struct memory *memory = model->mappings[i].memory;

		if (!is_of_front(model, i, step->front) || !memory->active || memory->exempt ||
		    memory->payer == PAYER_USER || memory->mm == process->mm ||
		    was_before(model, i))
			continue;
		charge += memory->charged;
		for (j = 0; memory->once && j < memory->npages; j++) {
			if (memory->pages[j]->held[process->mm] ||
			    is_among(memory->pages[j], seen, n))
				continue;
			seen[n++] = memory->pages[j];
			charge++;
		}
	}
	return !charge || fits(model, process->mm, process->limit, charge, 0) ?
	       0 : limit_error(model);
}

void apply_change_process(struct model *model, const struct step *step)
{
	int mm = model->processes[step->process].mm, i;

	for (i = 0; i < MAPPINGS; i++) {
		struct memory *memory = model->mappings[i].memory;

		if (!is_of_front(model, i, step->front))
			continue;
		if (memory->active)
			drop(model, memory);
		if (memory->payer != PAYER_USER)
			memory->payer = mm;
		memory->process = step->process;
		memory->mm = mm;
		if (memory->active)
			hold(model, memory);
	}
}
