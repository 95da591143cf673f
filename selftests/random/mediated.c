// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mediated device pins in a container of type1 that has a domain: pins of its
 * own, which are charged by page, or where the domain has the zero page.
 */
#include <errno.h>

#include "parts.h"

/* What pinning the @i-th page for a mediated device makes of it */
static struct mediated_page plan_mediated(const struct model *model, const struct memory *memory,
					  long i)
{
	struct mediated_page plan = {
		.page = page_at(model, memory->process, memory->segment, memory->first + i),
	};

	plan.zero_cow = !plan.page && !(memory->prot & FRONT_WRITE);
	if (!memory->once)
		plan.charged = memory->zero_page == ZERO_IGNORE && !memory->pages[i];
	else
		plan.charged = !plan.page || !plan.page->held[memory->payer];
	return plan;
}

/* Page by page: each is pinned and charged before the next one is looked at. */
int predict_mediated(const struct model *model, const struct step *step)
{
	const struct memory *memory = model_mapping(model, step)->memory;
	const struct process *owner = &model->processes[memory->process];
	long i, charge = 0, zero_cow = 0;

	for (i = step->cut; i < step->npages - step->keep; i++) {
		struct mediated_page plan;

		if (memory->mediated[i].users)
			continue;
		if (!owner->alive || owner->mm != memory->mm)
			return -ENODEV;
		if (is_excluded(model, memory, i, 1))
			return -EBUSY;
		plan = plan_mediated(model, memory, i);
		if (plan.zero_cow && memory->zero_page == ZERO_STRICT)
			return -ENODATA;
		charge += plan.charged;
		zero_cow += plan.charged && plan.zero_cow;
		if (!may_charge(model, memory, charge, zero_cow))
			return limit_error(model);
	}
	return 0;
}

void apply_mediated(struct model *model, const struct step *step)
{
	struct memory *memory = model_mapping(model, step)->memory;
	struct step *range = model->ranges;
	long i;

	while (range->npages)
		range++;
	*range = *step;
	for (i = step->cut; i < step->npages - step->keep; i++) {
		struct page **page = page_slot(model, memory, i);
		struct mediated_page *pinned = &memory->mediated[i];

		if (pinned->users++)
			continue;
		*pinned = plan_mediated(model, memory, i);
		pinned->users = 1;
		if (!*page)
			*page = new_page();
		pinned->page = *page;
		model->pins++;
		if (memory->once) {
			pinned->charged = false;
			enter_page(model, memory, *page, pinned->zero_cow);
		}
		model->payers[memory->payer].charged += pinned->charged;
		model->payers[memory->payer].zero_cow += pinned->charged && pinned->zero_cow;
	}
}

void unpin_range(struct model *model, struct memory *memory, struct step *range)
{
	long i;

	for (i = range->cut; i < range->npages - range->keep; i++) {
		struct mediated_page *pinned = &memory->mediated[i];

		if (--pinned->users)
			continue;
		model->pins--;
		if (memory->once)
			leave_page(model, memory, pinned->page);
		model->payers[memory->payer].charged -= pinned->charged;
		model->payers[memory->payer].zero_cow -= pinned->charged && pinned->zero_cow;
	}
	range->npages = 0;
}

void apply_unpin(struct model *model, const struct step *step)
{
	struct step *range = model->ranges;

	while (!range->npages || range->at != step->at || range->cut != step->cut ||
	       range->keep != step->keep)
		range++;
	unpin_range(model, model_mapping(model, step)->memory, range);
}
