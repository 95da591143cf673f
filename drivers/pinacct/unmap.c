// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a mapping leaves an IOMMU domain, and its pages their pins.
 *
 * A page may be unpinned only when no device can reach it: first the IOVAs are
 * unmapped and the IOTLB is flushed, which iommu_unmap() does in one, then the
 * pages go. Which pages those are is remembered (extents.c), or must be asked
 * of the domain before it is unmapped.
 *
 * An IOMMU may not be able to unmap a part of what it holds as one large page.
 * So a range is always cut between two runs, where physical addresses are not
 * consecutive and no large page can reach across. For that a run must be as
 * long as it really is, also where one half of it is remembered and the other
 * must be asked for.
 */
#include "internal.h"

#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sched.h>

/*
 * Runs that had to be asked for are kept on the stack until they are unmapped.
 * Where nothing is remembered, it takes this many fewer IOTLB flushes.
 */
#define PIN_ASKED_RUNS		16

/* Unmapped in one call, about: 1 GiB of 4 KiB pages. Then others may run. */
#define PIN_UNMAP_PAGES		(1UL << (30 - PAGE_SHIFT))

/* Unpinned before others may run: 32 MiB, at most 8192 folios. */
#define PIN_RELEASE_PAGES	(PIN_UNMAP_PAGES / 32)

/* Short runs are released so many at a time. */
#define PIN_RELEASE_RUNS	16

/* Compared as distances from the base, since that may have wrapped. */
static unsigned long view_iova(const struct pin_view *view,
			       unsigned long index)
{
	return view->base + max(index * PAGE_SIZE,
				view->first_iova - view->base);
}

static unsigned long view_last_iova(const struct pin_view *view,
				    unsigned long index)
{
	return view->base + min(index * PAGE_SIZE + (PAGE_SIZE - 1),
				view->last_iova - view->base);
}

static bool ask_page(const struct pin_view *view, unsigned long index,
		     struct pin_run *run)
{
	phys_addr_t phys = iommu_iova_to_phys(view->domain,
					      view_iova(view, index));

	if (WARN_ON_ONCE(!phys))
		return false;
	run->pfn = PHYS_PFN(phys);
	run->npages = 1;
	run->kind = pin_kind_of(run->pfn);
	return true;
}

/* What is remembered from @index on, or else one page that is asked for. */
static bool view_load(const struct pin_view *view, unsigned long index,
		      unsigned long last, struct pin_run *run, bool *asked)
{
	*asked = !pin_extents_load(view->extents, index, last, run);
	return !*asked || ask_page(view, index, run);
}

/**
 * pin_view_run - the run that a domain has at an index
 * @view: the mapping in that domain
 * @index: index of the first page; it is mapped
 * @last: last index of interest, mapped as well
 * @run: the run, as long as it really is, up to @last
 *
 * Context: the front end's lock of the mapping is held.
 *
 * Return: false, with a warning, if nothing is mapped there.
 */
bool pin_view_run(const struct pin_view *view, unsigned long index,
		  unsigned long last, struct pin_run *run)
{
	struct pin_run next;
	bool asked;

	if (!view_load(view, index, last, run, &asked))
		return false;
	while (index + run->npages <= last &&
	       view_load(view, index + run->npages, last, &next, &asked) &&
	       pin_run_join(run, &next))
		;
	return true;
}
EXPORT_SYMBOL_GPL(pin_view_run);

struct asked_run {
	unsigned long index;
	struct pin_run run;
};

/*
 * What is unmapped in one call, [first, end): whole runs. Those that had to be
 * asked for, or a part of them, are kept in @asked.
 */
struct window {
	unsigned long first;
	unsigned long end;
	struct pin_run tail;
	unsigned long tail_index;
	bool tail_asked;
	unsigned int nr_asked;
	struct asked_run asked[PIN_ASKED_RUNS];
};

/* The last entry of @asked is for a tail that gets longer by asking. */
static bool window_full(const struct window *window)
{
	return window->nr_asked >= PIN_ASKED_RUNS - 1 ||
	       window->end - window->first >= PIN_UNMAP_PAGES;
}

/* Adds what is remembered in a row behind what was loaded. */
static void window_skip(struct window *window, const struct pin_view *view,
			unsigned long last)
{
	unsigned long end = window->end;

	if (end <= last)
		end = pin_extents_skip(view->extents, end, last, &window->tail);
	if (end == window->end)
		return;
	window->tail_index = end - window->tail.npages;
	window->tail_asked = false;
	window->end = end;
}

/* Adds what comes next, unless the window is better unmapped without it. */
static bool window_grow(struct window *window, const struct pin_view *view,
			unsigned long last)
{
	struct pin_run run;
	bool asked, joined;

	if (window->end > last ||
	    !view_load(view, window->end, last, &run, &asked))
		return false;

	joined = window->end != window->first &&
		 pin_run_join(&window->tail, &run);
	if (!joined) {
		if (window_full(window))
			return false;
		window->tail = run;
		window->tail_index = window->end;
		window->tail_asked = false;
	}
	if ((asked || joined) && !window->tail_asked) {
		window->asked[window->nr_asked++].index = window->tail_index;
		window->tail_asked = true;
	}
	if (window->tail_asked)
		window->asked[window->nr_asked - 1].run = window->tail;
	window->end += run.npages;
	if (!asked)
		window_skip(window, view, last);
	return true;
}

/* In pieces, so that others may run. */
static noinline void release_run(unsigned long index, struct pin_run run,
				 pin_release_fn release, void *ctx)
{
	while (run.npages) {
		struct pin_run piece = run;

		piece.npages = min(run.npages, PIN_RELEASE_PAGES);
		release(ctx, index, &piece, 1);
		index += piece.npages;
		run.pfn += piece.npages;
		run.npages -= piece.npages;
		cond_resched();
	}
}

/* As many as there are in a row, and at least one if it is remembered. */
static unsigned int load_runs(const struct pin_view *view, unsigned long index,
			      unsigned long last, struct pin_run *runs)
{
	return pin_extents_next(view->extents, index, last, runs,
				PIN_RELEASE_RUNS) ?:
	       !!pin_extents_load(view->extents, index, last, runs);
}

static void window_release(const struct window *window,
			   const struct pin_view *view, pin_release_fn release,
			   void *ctx)
{
	const struct asked_run *asked_end = window->asked + window->nr_asked;
	const struct asked_run *asked = window->asked;
	unsigned long index = window->first, released = 0;
	struct pin_run runs[PIN_RELEASE_RUNS];

	while (index < window->end) {
		unsigned long npages, end = window->end;
		unsigned int nr = 1;

		if (asked != asked_end)
			end = asked->index;
		if (end == index)
			runs[0] = asked++->run;
		else
			nr = load_runs(view, index, end - 1, runs);
		if (!nr)
			break;

		npages = pin_runs_npages(runs, nr);
		if (nr > 1)
			release(ctx, index, runs, nr);
		else
			release_run(index, runs[0], release, ctx);
		index += npages;
		released += npages;
		if (released >= PIN_RELEASE_PAGES) {
			cond_resched();
			released = 0;
		}
	}
}

/**
 * pin_map_failed - take back what a call of iommu_map() has left behind
 * @domain: the domain
 * @iova: where the call was to map, in bytes
 * @size: of the call, in bytes
 * @request: the mapping that it is a part of, to be named by the refusal
 * @error: what iommu_map() said
 *
 * Not every IOMMU driver takes back what it has mapped of a call that fails:
 * 6.12's intel-iommu leaves it, and says that it has mapped nothing. A device
 * could then reach pages that are about to be unpinned. What is left is a
 * beginning of what was asked for. The mock domain of iommufd's own tests leaves
 * nothing, and warns if it is asked where nothing is.
 *
 * Context: the front end's lock of the mapping is held. May sleep.
 *
 * Return: @error. The refusal has been recorded.
 */
int pin_map_failed(struct iommu_domain *domain, unsigned long iova, size_t size,
		   const struct pin_request *request, int error)
{
	size_t mapped = 0;

	if (!IS_ENABLED(CONFIG_IOMMUFD_TEST))
		while (mapped < size &&
		       iommu_iova_to_phys(domain, iova + mapped))
			mapped += PAGE_SIZE;
	if (mapped)
		iommu_unmap(domain, iova, min(mapped, size));
	pin_refuse_domain(request, iova, error);
	return error;
}
EXPORT_SYMBOL_GPL(pin_map_failed);

static void unmap_range(const struct pin_view *view, unsigned long index,
			unsigned long last)
{
	unsigned long iova = view_iova(view, index);
	size_t size = view_last_iova(view, last) - iova + 1;

	WARN_ON(iommu_unmap(view->domain, iova, size) != size);
}

/*
 * Where all is remembered, what there is need not be known before it goes: but
 * the end of a run, behind about PIN_UNMAP_PAGES.
 */
static unsigned long end_of_run(const struct pin_view *view,
				unsigned long index, unsigned long last)
{
	unsigned long at = index + PIN_UNMAP_PAGES - 1;
	struct pin_run run;

	if (last - index < PIN_UNMAP_PAGES)
		return last + 1;
	if (WARN_ON_ONCE(!pin_extents_load(view->extents, at, last, &run)))
		return at + 1;
	return at + run.npages;
}

static noinline void unmap_windows(const struct pin_view *view,
				   unsigned long index, unsigned long last,
				   pin_release_fn release, void *ctx)
{
	struct window window;

	while (index <= last) {
		window.first = index;
		window.end = index;
		window.nr_asked = 0;
		if (pin_extents_miss_none(view->extents))
			window.end = end_of_run(view, index, last);
		else
			while (window_grow(&window, view, last))
				;
		if (window.end == index) {
			/* Nothing there, and that has been warned of. */
			index++;
			continue;
		}
		unmap_range(view, index, window.end - 1);
		window_release(&window, view, release, ctx);
		index = window.end;
		cond_resched();
	}
}

/**
 * pin_view_unmap - unmap a range from a domain, then release its pages
 * @view: the mapping in that domain
 * @index: first index; a mapping begins there
 * @last: last index; a mapping ends there
 * @release: called for all runs when no device can reach them through @view any
 *	     more: some in a row each time, with the index of the first page. A
 *	     long run may come in pieces
 * @ctx: passed to @release
 *
 * Context: the front end's lock of the mapping is held. May sleep. Needs no
 * memory and does not fail: memory may be what the caller is giving back.
 */
void pin_view_unmap(const struct pin_view *view, unsigned long index,
		    unsigned long last, pin_release_fn release, void *ctx)
{
	struct pin_run run;
	bool asked;

	/* A page, or huge pages in a row, need no window. */
	if (view_load(view, index, last, &run, &asked) &&
	    index + run.npages > last) {
		unmap_range(view, index, last);
		release_run(index, run, release, ctx);
	} else {
		unmap_windows(view, index, last, release, ctx);
	}
}
EXPORT_SYMBOL_GPL(pin_view_unmap);
