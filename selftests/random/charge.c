// SPDX-License-Identifier: GPL-2.0-only
/* What it takes to pin a memory, who is charged for it, and whether he may be. */
#include <errno.h>
#include <stdlib.h>

#include "parts.h"

struct page *new_page(void)
{
	struct page *page = calloc(1, sizeof(*page));

	if (!page)
		abort();
	return page;
}

int limit_error(const struct model *model)
{
	return model->parameters[PARAMETER_STRICT_ERRNO] ? -EDQUOT : -ENOMEM;
}

/**
 * model_charged - what is compared with a limit
 * @model: the model
 * @payer: who
 *
 * Return: pages
 */
long model_charged(const struct model *model, int payer)
{
	const struct payer *p = &model->payers[payer];

	return p->base + p->charged + p->mlocked;
}

/* Rule A1 */
bool fits(const struct model *model, int payer, long limit, long charge, long zero_cow)
{
	long slack = model->parameters[PARAMETER_ZERO_SLACK] * 256;

	slack = min(slack, model->payers[payer].zero_cow + zero_cow);
	return model_charged(model, payer) + charge <= limit + slack;
}

/* @zero_cow of @charge pages are zero COWs. */
bool may_charge(const struct model *model, const struct memory *memory, long charge,
		long zero_cow)
{
	return !charge || memory->unlimited ||
	       fits(model, memory->payer, model->processes[memory->process].limit, charge,
		    zero_cow);
}

struct page *page_at(const struct model *model, int process, enum segment segment, long at)
{
	if (is_private(segment))
		return model->processes[process].pages[segment][at];
	return model->file[at];
}

/* Where it is kept what stands at the @i-th page of a memory now */
struct page **page_slot(struct model *model, const struct memory *memory, long i)
{
	if (is_private(memory->segment))
		return &model->processes[memory->process].pages[memory->segment][memory->first + i];
	return &model->file[memory->first + i];
}

/* @own: the owner does it itself, and so it is looked at before it is pinned. */
struct plan plan_pin(const struct model *model, const struct memory *memory, bool own)
{
	const struct payer *payer = &model->payers[memory->payer];
	bool by_window = memory->once || !memory->iommufd;
	bool of_file_once = memory->once && !is_private(memory->segment) && !memory->by_file;
	bool writes = memory->prot & FRONT_WRITE;
	long before_zero = -1, certain;
	struct plan plan = {};
	bool hole, excluded;
	long i;

	plan.npages = min(memory->npages, arena_pages(memory->segment) - memory->first);
	hole = plan.npages < memory->npages;
	for (i = 0; i < plan.npages; i++) {
		struct page *page = page_at(model, memory->process, memory->segment,
					    memory->first + i);
		bool zero = !writes && !page;

		if (zero && before_zero < 0)
			before_zero = plan.charge;
		if (zero && memory->zero_page == ZERO_IGNORE)
			continue;
		if (memory->once && page && page->held[memory->payer])
			continue;
		plan.charge++;
		plan.zero_cow += zero;
	}

	excluded = is_excluded(model, memory, 0, plan.npages);
	certain = is_private(memory->segment) && !writes ? 0 : plan.npages;
	if (memory->once && payer->charged)
		certain = 0;
	if ((own || memory->by_file) && !may_charge(model, memory, certain, 0))
		plan.rc = excluded && of_file_once ? MODEL_UNKNOWN : limit_error(model);
	else if (excluded)
		plan.rc = -EBUSY;
	else if (before_zero >= 0 && memory->zero_page == ZERO_STRICT)
		plan.rc = by_window && !may_charge(model, memory, before_zero, 0) ?
			  MODEL_UNKNOWN : -ENODATA;
	else if (by_window && !may_charge(model, memory, plan.charge, plan.zero_cow))
		plan.rc = limit_error(model);
	else if (hole)
		plan.rc = -EFAULT;
	else if (!may_charge(model, memory, plan.charge, plan.zero_cow))
		plan.rc = limit_error(model);
	return plan;
}

void enter_page(struct model *model, const struct memory *memory, struct page *page,
		bool zero_cow)
{
	struct payer *payer = &model->payers[memory->payer];

	if (page->held[memory->payer]++)
		return;
	page->zero_cow[memory->payer] = zero_cow;
	payer->charged++;
	payer->zero_cow += zero_cow;
}

void leave_page(struct model *model, const struct memory *memory, struct page *page)
{
	struct payer *payer = &model->payers[memory->payer];

	if (--page->held[memory->payer])
		return;
	payer->charged--;
	payer->zero_cow -= page->zero_cow[memory->payer];
}

/* The memory's pages are charged to its payer. */
void enter(struct model *model, struct memory *memory)
{
	struct payer *payer = &model->payers[memory->payer];
	long i;

	if (memory->exempt) {
		model->payers[memory->mm].exempt += memory->charged;
		return;
	}
	payer->charged += memory->charged;
	payer->zero_cow += memory->zero_cow;
	for (i = 0; memory->once && i < memory->npages; i++)
		if (memory->pages[i])
			enter_page(model, memory, memory->pages[i], memory->is_zero_cow[i]);
}

void leave(struct model *model, struct memory *memory)
{
	struct payer *payer = &model->payers[memory->payer];
	long i;

	if (memory->exempt) {
		model->payers[memory->mm].exempt -= memory->charged;
		return;
	}
	payer->charged -= memory->charged;
	payer->zero_cow -= memory->zero_cow;
	for (i = 0; memory->once && i < memory->npages; i++)
		if (memory->pages[i])
			leave_page(model, memory, memory->pages[i]);
}

static long count_pins(const struct memory *memory)
{
	long i, n = 0;

	for (i = 0; i < memory->npages; i++)
		n += !!memory->pages[i];
	return n;
}

/* What @memory->pages says is pinned and charged, or not any more. */
void hold(struct model *model, struct memory *memory)
{
	enter(model, memory);
	model->pins += count_pins(memory);
	if (memory->iommufd)
		model->payers[memory->mm].pinned += count_pins(memory);
}

void drop(struct model *model, struct memory *memory)
{
	leave(model, memory);
	model->pins -= count_pins(memory);
	if (memory->iommufd)
		model->payers[memory->mm].pinned -= count_pins(memory);
}

/* With @memory->once it is by page. */
void add_up_charge(struct memory *memory)
{
	long i;

	memory->charged = 0;
	memory->zero_cow = 0;
	for (i = 0; !memory->once && i < memory->npages; i++) {
		memory->charged += !!memory->pages[i];
		memory->zero_cow += memory->is_zero_cow[i];
	}
}

/* All of it is there, and it fits. */
void pin(struct model *model, struct memory *memory)
{
	bool writes = memory->prot & FRONT_WRITE;
	long i;

	for (i = 0; i < memory->npages; i++) {
		struct page **page = page_slot(model, memory, i);

		memory->is_zero_cow[i] = !*page && !writes && memory->zero_page == ZERO_COW;
		if (!*page && (writes || memory->is_zero_cow[i]))
			*page = new_page();
		memory->pages[i] = *page;
	}
	add_up_charge(memory);
	hold(model, memory);
}
