// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that its owner wants no pins on. Private memory is that of the process;
 * the file's is excluded for everybody, at both addresses and by file.
 */
#include <errno.h>

#include "parts.h"

static bool overlaps(const struct step *exclusion, enum segment segment, long first, long npages)
{
	bool same = is_private(segment) ? exclusion->segment == segment :
					  !is_private(exclusion->segment);

	return exclusion->npages && same && exclusion->first < first + npages &&
	       first < exclusion->first + exclusion->npages;
}

/* Is there an excluded page among @npages from the @i-th page of a memory on? */
bool is_excluded(const struct model *model, const struct memory *memory, long i, long npages)
{
	int j;

	for (j = 0; j < EXCLUSIONS; j++) {
		const struct step *exclusion = &model->exclusions[j];

		if (overlaps(exclusion, memory->segment, memory->first + i, npages) &&
		    (exclusion->process == memory->process || !is_private(memory->segment)))
			return true;
	}
	return false;
}

/* What a memory has pinned at its @i-th page is in the way. */
static bool is_in_the_way(const struct model *model, const struct step *exclusion,
			  const struct mapping *mapping, long i, const struct page *page)
{
	const struct memory *memory = mapping->memory;
	bool own = memory->mm == model->processes[exclusion->process].mm;

	if (!page || !overlaps(exclusion, memory->segment, memory->first + i, 1))
		return false;
	/* By address, whatever is there now */
	if (own && memory->segment == exclusion->segment && !memory->by_file &&
	    !mapping->no_address)
		return true;
	/* By page or file, wherever it was pinned */
	return (own || !is_private(exclusion->segment)) &&
	       page == page_at(model, exclusion->process, exclusion->segment, memory->first + i);
}

static bool is_busy(const struct model *model, const struct step *exclusion)
{
	long i;
	int j;

	for (j = 0; j < MAPPINGS; j++) {
		const struct mapping *mapping = &model->mappings[j];
		const struct memory *memory = mapping->memory;

		for (i = 0; memory && i < memory->npages; i++) {
			const struct mediated_page *mediated = &memory->mediated[i];

			if ((memory->active && is_in_the_way(model, exclusion, mapping, i,
							     memory->pages[i])) ||
			    (mediated->users && is_in_the_way(model, exclusion, mapping, i,
							      mediated->page)))
				return true;
		}
	}
	return false;
}

/**
 * model_has_excluded - is there something that a process could wait for?
 * @model: the model
 * @process: the process
 */
bool model_has_excluded(const struct model *model, int process)
{
	int i;

	for (i = 0; i < EXCLUSIONS; i++)
		if (model->exclusions[i].npages && model->exclusions[i].process == process)
			return true;
	return false;
}

/**
 * model_wait - what does a process get that does not want to wait?
 * @model: the model
 * @process: the process
 *
 * Return: 0, or -ETIMEDOUT if something is pinned of what it has excluded
 */
int model_wait(const struct model *model, int process)
{
	int i;

	for (i = 0; i < EXCLUSIONS; i++)
		if (model->exclusions[i].npages && model->exclusions[i].process == process &&
		    is_busy(model, &model->exclusions[i]))
			return -ETIMEDOUT;
	return 0;
}

/* By number, or -1 */
static int find_exclusion(const struct model *model, const struct step *step)
{
	int i;

	for (i = 0; i < EXCLUSIONS; i++) {
		const struct step *exclusion = &model->exclusions[i];

		if (exclusion->process == step->process && exclusion->segment == step->segment &&
		    exclusion->first == step->first && exclusion->npages == step->npages)
			return i;
	}
	return -1;
}

static int free_exclusion(const struct model *model)
{
	int i;

	for (i = 0; i < EXCLUSIONS; i++)
		if (!model->exclusions[i].npages)
			return i;
	return -1;
}

int predict_exclude(const struct model *model, const struct step *step)
{
	if (find_exclusion(model, step) >= 0)
		return -EEXIST;
	return free_exclusion(model) < 0 ? MODEL_UNKNOWN : 0;
}

void apply_exclude(struct model *model, const struct step *step)
{
	model->exclusions[free_exclusion(model)] = *step;
}

int predict_include(const struct model *model, const struct step *step)
{
	return find_exclusion(model, step) < 0 ? -ENOENT : 0;
}

void apply_include(struct model *model, const struct step *step)
{
	model->exclusions[find_exclusion(model, step)].npages = 0;
}

/* The process's descriptor is closed. */
void include_all(struct model *model, int process)
{
	int i;

	for (i = 0; i < EXCLUSIONS; i++)
		if (model->exclusions[i].process == process)
			model->exclusions[i].npages = 0;
}
