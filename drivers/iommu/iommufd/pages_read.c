// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the PFNs of an iopt_pages are, and how a range of them is read.
 *
 * iommufd's pages.c includes this file, pages_unfill.c, pages_fill.c and
 * pages_access.c, in this order, in the place of its own functions.
 *
 * An iopt_pages is a row of pages, counted by index. A page is pinned once,
 * for as long as any interval covers its index, and its PFN is then in
 *
 *   1. pages->pinned_pfns    if an in-kernel access covers it: access_itree
 *   2. a domain              if an area that is mapped covers it: domains_itree;
 *                            in that area's storage_domain
 *   3. nowhere               if neither does, in a hole of both trees: it is
 *                            not pinned, and comes from the process or file
 *
 * The lowest number that applies is where a PFN is read from, so all users of
 * an iopt_pages reach the same page, whatever the process maps at its address
 * by now. A dma-buf is one run of addresses that its exporter has pinned, and
 * is read from there.
 *
 * With zero_page=ignore there can be two pages at an index: a domain has the zero
 * page, which is not pinned, and an access, which needs a page that is, has a
 * private one in the xarray. Domains are then filled from domains first, so all
 * of them have the zero page, and the access has its own to unpin.
 *
 * pages->extents is a cache of the second place, which spares us asking the
 * IOMMU. Where a domain covers an index, extents hold its PFN, or nothing if
 * memory was short; of any other index they may hold anything, and it means
 * nothing. Whatever is read in order to be mapped is remembered on the way.
 *
 * pages->npinned counts the pages that are pinned, pages->acct.charged those
 * that are paid for. They differ only inside of a function that has pages->mutex:
 * who fills pins first and is charged once for all, who unfills unpins first.
 * With charge_once they do not differ: who pins is charged for it by page, and
 * who unpins refunded.
 *
 * Locks: pages->mutex protects both trees, the xarray's contents, extents, acct,
 * npinned, and storage_domain of each area in domains_itree. The order is
 *
 *   iopt->domains_rwsem, iopt->iova_rwsem, pages->mutex, mmap_lock
 *
 * where the last is taken to pin, and to charge a process. A dma-buf's
 * reservation lock comes before pages->mutex, and mmap_lock before that: nothing
 * of a dma-buf is pinned or charged here, so the two orders do not meet.
 */
#include <linux/pinacct.h>
#include <linux/pinacct-compat.h>

static_assert((int)PIN_PAYER_NONE == (int)IOPT_PAGES_ACCOUNT_NONE);
static_assert((int)PIN_PAYER_USER == (int)IOPT_PAGES_ACCOUNT_USER);
static_assert((int)PIN_PAYER_MM == (int)IOPT_PAGES_ACCOUNT_MM);

/* What interval_tree_double_span_iter::is_used says with access_itree first. */
enum {
	SPAN_HOLE = 0,
	SPAN_ACCESS = 1,
	SPAN_DOMAIN = 2,
};

/* Where the reader finds an index: an address, or an offset in the file. */
static unsigned long pages_start(struct iopt_pages *pages, unsigned long index)
{
	return pinacct_iopt_start(pages) + index * PAGE_SIZE;
}

/**
 * pages_init_reader - get ready to pin pages of an iopt_pages
 * @pages: whose
 * @reader: to be initialised; pin_reader_end() must follow
 * @request: what is to be read, for a refusal to name it
 */
static void pages_init_reader(struct iopt_pages *pages,
			      struct pin_reader *reader,
			      const struct pin_request *request)
{
	struct file *file = pinacct_iopt_file(pages);

	if (file)
		pin_reader_init_file(reader, request, file);
	else
		pin_reader_init(reader, request, pages->acct.mm,
				pages->writable, false);
}

/* What a refusal is to say about the part of @pages from @index to @last. */
static struct pin_request pages_request(struct iopt_pages *pages,
					unsigned long index,
					unsigned long last, unsigned long iova)
{
	return (struct pin_request){
		.acct = &pages->acct,
		.start = pages_start(pages, index),
		.iova = iova,
		.npages = last - index + 1,
	};
}

/*
 * Which pages are zero COWs is known of runs, but not of an access's pages, which
 * are released as pages. What is left over of them goes with the last page.
 */
static unsigned long pages_zero_cow(struct iopt_pages *pages)
{
	pages->nzero_cow = min(pages->nzero_cow, pages->npinned);
	return pages->nzero_cow;
}

/**
 * pages_refund - refund what is charged and not pinned any more
 * @pages: whose
 *
 * Context: pages->mutex is held, mmap_lock is not.
 */
static void pages_refund(struct iopt_pages *pages)
{
	unsigned long zero_cow = pages_zero_cow(pages);

	lockdep_assert_held(&pages->mutex);

	if (WARN_ON(pages->npinned > pages->acct.charged))
		return;
	pin_account_refund(&pages->acct, pages->acct.charged - pages->npinned,
			   pages->acct.zero_cow - min(pages->acct.zero_cow,
						      zero_cow));
}

/**
 * pages_charge - have the payer owe for what is pinned, be it more or less
 * @pages: whose
 * @request: what was pinned
 *
 * Context: pages->mutex is held, mmap_lock is not.
 *
 * Return: 0, or as pin_account_charge(), with the charge as it was.
 */
static int pages_charge(struct iopt_pages *pages,
			const struct pin_request *request)
{
	unsigned long zero_cow = pages_zero_cow(pages);

	lockdep_assert_held(&pages->mutex);

	if (pages->npinned <= pages->acct.charged) {
		pages_refund(pages);
		return 0;
	}
	if (iommufd_should_fail())
		return -ENOMEM;
	return pin_account_charge(&pages->acct,
				  pages->npinned - pages->acct.charged,
				  zero_cow - min(zero_cow,
						 pages->acct.zero_cow),
				  request);
}

/**
 * pages_check_limit - is it certain that a range is over the limit?
 * @pages: whose
 * @reader: would pin what is nowhere yet
 * @index: first index
 * @last: last index
 *
 * Context: pages->mutex is held, mmap_lock is not.
 *
 * Return: 0 if it has to be tried, or an errno if it need not be.
 */
static int pages_check_limit(struct iopt_pages *pages,
			     const struct pin_reader *reader,
			     unsigned long index, unsigned long last)
{
	struct interval_tree_double_span_iter span;
	unsigned long certain = 0;
	bool more;

	lockdep_assert_held(&pages->mutex);

	if (iopt_is_dmabuf(pages) ||
	    pin_account_fits(&pages->acct, last - index + 1))
		return 0;
	interval_tree_for_each_double_span(&span, &pages->access_itree,
					   &pages->domains_itree, index, last) {
		if (span.is_used)
			continue;
		certain += pin_reader_certain(reader,
					      pages_start(pages, span.start_hole),
					      span.last_hole - span.start_hole + 1,
					      &more);
		if (!more)
			break;
	}
	return pin_account_check(&pages->acct, certain, reader->request);
}

/*
 * All that is mapped is pinned, unless it is the zero page, and so it is ours to
 * unpin, even if it is reserved.
 */
static enum pin_kind pages_kind_of(unsigned long pfn)
{
	return pin_kind_of(pfn) == PIN_ZERO ? PIN_ZERO : PIN_RAM;
}

/**
 * pages_unpin_runs - unpin pages that nothing holds any more
 * @pages: whose
 * @runs: the pages. The zero page has no pin, and a dma-buf's are not ours
 * @nr: how many runs
 *
 * Context: pages->mutex is held. May sleep.
 */
static void pages_unpin_runs(struct iopt_pages *pages,
			     const struct pin_run *runs, unsigned int nr)
{
	unsigned long pinned = 0, zero_cow = 0;

	for (unsigned int i = 0; i < nr; i++) {
		if (pin_kind_is_pinned(runs[i].kind))
			pinned += runs[i].npages;
		if (runs[i].kind == PIN_ZERO_COW)
			zero_cow += runs[i].npages;
	}
	pin_account_unpin(&pages->acct, runs, nr, pages->writable);
	iopt_pages_sub_npinned(pages, pinned);
	pages->nzero_cow -= min(pages->nzero_cow, zero_cow);
}

/**
 * struct pages_release - lets go of pages that nothing else holds
 * @pages: whose
 * @span: walks along with the runs, which come in order of their index
 */
struct pages_release {
	struct iopt_pages *pages;
	struct interval_tree_double_span_iter span;
};

/**
 * pages_release_begin - get ready to release a range
 * @release: to be initialised
 * @pages: whose
 * @index: first index
 * @last: last index
 *
 * Context: pages->mutex is held until all runs are released.
 */
static void pages_release_begin(struct pages_release *release,
				struct iopt_pages *pages, unsigned long index,
				unsigned long last)
{
	lockdep_assert_held(&pages->mutex);

	release->pages = pages;
	interval_tree_double_span_iter_first(&release->span,
					     &pages->access_itree,
					     &pages->domains_itree, index,
					     last);
}

/**
 * pages_release_run - unpin what of a run is in holes
 * @release: from pages_release_begin()
 * @index: index of the first page
 * @run: the run
 *
 * The charge is left to pages_refund().
 *
 * Context: may sleep.
 */
static void pages_release_run(struct pages_release *release,
			      unsigned long index, const struct pin_run *run)
{
	struct interval_tree_double_span_iter *span = &release->span;
	const unsigned long end = index + run->npages;
	struct pin_run part = { .pfn = run->pfn, .kind = run->kind };

	while (index != end) {
		while (span->last_used < index)
			interval_tree_double_span_iter_next(span);

		part.npages = min(end - 1, span->last_used) - index + 1;
		if (span->is_used == SPAN_HOLE)
			pages_unpin_runs(release->pages, &part, 1);
		index += part.npages;
		part.pfn += part.npages;
	}
}

/**
 * pages_release_runs - the same for runs in a row: a pin_release_fn
 * @ctx: a struct pages_release
 * @index: index of the first page
 * @runs: the runs
 * @nr: how many
 *
 * Context: may sleep.
 */
static void pages_release_runs(void *ctx, unsigned long index,
			       const struct pin_run *runs, unsigned int nr)
{
	struct pages_release *release = ctx;
	struct interval_tree_double_span_iter *span = &release->span;

	/* Almost always it is this, and there may be as many runs as pages. */
	if (span->is_used == SPAN_HOLE && index >= span->start_hole &&
	    index + pin_runs_npages(runs, nr) - 1 <= span->last_hole) {
		pages_unpin_runs(release->pages, runs, nr);
		return;
	}
	for (; nr--; runs++) {
		pages_release_run(release, index, runs);
		index += runs->npages;
	}
}

/**
 * pages_put_run - let go of a run that came from a cursor
 * @pages: whose
 * @index: index of the first page
 * @run: the run. Nothing needs doing for a dma-buf's
 *
 * Context: pages->mutex is held.
 */
static void pages_put_run(struct iopt_pages *pages, unsigned long index,
			  const struct pin_run *run)
{
	struct pages_release release;

	if (run->kind == PIN_DEVICE)
		return;
	pages_release_begin(&release, pages, index, index + run->npages - 1);
	pages_release_run(&release, index, run);
}

/**
 * run_from_xarray - the run that the xarray has at an index
 * @xa: the xarray
 * @index: first index
 * @last: last index of interest; accesses cover all up to it
 * @run: the run
 *
 * Context: pages->mutex is held.
 *
 * Return: 0, or -EINVAL, with a warning, if the xarray is wrong.
 */
static int run_from_xarray(struct xarray *xa, unsigned long index,
			   unsigned long last, struct pin_run *run)
{
	XA_STATE(xas, xa, index);
	void *entry;

	*run = (struct pin_run){};

	rcu_read_lock();
	xas_for_each(&xas, entry, last) {
		if (xas_retry(&xas, entry))
			continue;
		if (xas.xa_index != index + run->npages)
			break;
		if (!run->npages)
			run->pfn = xa_to_value(entry);
		else if (xa_to_value(entry) != run->pfn + run->npages)
			break;
		run->npages++;
	}
	rcu_read_unlock();

	run->kind = pages_kind_of(run->pfn);
	return WARN_ON(!run->npages) ? -EINVAL : 0;
}

/**
 * area_view - an area as a domain has it, for the layer
 * @area: the area
 * @pages: its pages
 * @domain: the domain
 *
 * Return: the view.
 */
static struct pin_view area_view(struct iopt_area *area,
				 struct iopt_pages *pages,
				 struct iommu_domain *domain)
{
	return (struct pin_view){
		.extents = &pages->extents,
		.domain = domain,
		.base = iopt_area_iova(area) - area->page_offset -
			iopt_area_index(area) * PAGE_SIZE,
		.first_iova = iopt_area_iova(area),
		.last_iova = iopt_area_last_iova(area),
	};
}

/**
 * run_from_domain - the run that is mapped at an index
 * @pages: whose
 * @index: first index
 * @last: last index of interest; areas cover all up to it
 * @run: the run
 *
 * Context: pages->mutex is held.
 *
 * Return: 0, or -EINVAL, with a warning, if the domain is wrong.
 */
static int run_from_domain(struct iopt_pages *pages, unsigned long index,
			   unsigned long last, struct pin_run *run)
{
	struct iopt_area *area;
	struct pin_view view;

	if (pin_extents_load(&pages->extents, index, last, run))
		return 0;

	area = iopt_pages_find_domain_area(pages, index);
	if (WARN_ON(!area))
		return -EINVAL;

	view = area_view(area, pages, area->storage_domain);
	if (!pin_view_run(&view, index, min(last, iopt_area_last_index(area)),
			  run))
		return -EINVAL;
	run->kind = pages_kind_of(run->pfn);
	pin_extents_store(&pages->extents, index, run);
	return 0;
}

/**
 * pages_are_zero - does a domain have the zero page at an index?
 * @pages: whose
 * @index: the index, which a domain covers
 * @last: last index of interest, set to the last one of which the same is true.
 *	  Left alone where the zero page is in no domain
 *
 * Context: pages->mutex is held.
 */
static bool pages_are_zero(struct iopt_pages *pages, unsigned long index,
			   unsigned long *last)
{
	struct pin_run run;

	if (pages->acct.zero_mode != PIN_ZERO_PAGE_IGNORE || pages->writable ||
	    run_from_domain(pages, index, *last, &run))
		return false;
	*last = index + run.npages - 1;
	return run.kind == PIN_ZERO;
}

/**
 * struct pages_cursor - reads a range of an iopt_pages as runs
 * @pages: which
 * @index: next index to look at
 * @last: last index of the range
 * @remember: the runs are going to be mapped, so extents are to know them
 * @pinning: @reader has been asked for pages
 * @ahead: a run up to @index that is read, but not handed out
 * @span: where the PFN of @index is
 * @request: what is read, for a refusal to name it
 * @reader: pins the pages that are nowhere yet
 */
struct pages_cursor {
	struct iopt_pages *pages;
	unsigned long index;
	unsigned long last;
	bool remember;
	bool pinning;
	struct pin_run ahead;
	struct interval_tree_double_span_iter span;
	struct pin_request request;
	struct pin_reader reader;
};

/*
 * Pins a window at the cursor. Faults are injected where mainline has them, and
 * the limit that selftests set makes small windows.
 */
static noinline long cursor_fill(struct pages_cursor *cur)
{
	const unsigned long limit = TEMP_MEMORY_LIMIT / sizeof(struct page *);
	unsigned long npages = cur->span.last_hole - cur->index + 1;

	if (limit < PIN_WINDOW_PAGES)
		npages = min(npages, limit);

	if (!cur->pinning && iommufd_should_fail())
		return -ENOMEM;
	cur->pinning = true;
	if (iommufd_should_fail())
		return -EFAULT;

	return pin_reader_fill(&cur->reader,
			       pages_start(cur->pages, cur->index), npages);
}

/* Takes pages at the cursor out of the window. */
static int cursor_pin(struct pages_cursor *cur, struct pin_run *run)
{
	while (!pin_reader_next(&cur->reader, run)) {
		long rc = cursor_fill(cur);

		if (rc < 0)
			return rc;
	}
	if (pin_kind_is_pinned(run->kind))
		iopt_pages_add_npinned(cur->pages, run->npages);
	if (run->kind == PIN_ZERO_COW)
		cur->pages->nzero_cow += run->npages;
	return 0;
}

/* Reads what one source has at the cursor, and moves the cursor behind it. */
static int cursor_read(struct pages_cursor *cur, struct pin_run *run)
{
	struct iopt_pages *pages = cur->pages;
	unsigned long last = cur->span.last_used;
	unsigned int source = cur->span.is_used;
	struct iopt_area *area;
	int rc;

	if (iopt_is_dmabuf(pages)) {
		*run = (struct pin_run){
			.pfn = PHYS_PFN(pinacct_iopt_phys(pages)) + cur->index,
			.npages = cur->last - cur->index + 1,
			.kind = PIN_DEVICE,
		};
		cur->index = cur->last + 1;
		return 0;
	}

	if (source == SPAN_ACCESS &&
	    pages->acct.zero_mode == PIN_ZERO_PAGE_IGNORE) {
		area = iopt_pages_find_domain_area(pages, cur->index);
		if (area) {
			source = SPAN_DOMAIN;
			last = min(last, iopt_area_last_index(area));
		}
	}

	if (source == SPAN_ACCESS)
		rc = run_from_xarray(&pages->pinned_pfns, cur->index, last,
				     run);
	else if (source == SPAN_DOMAIN)
		rc = run_from_domain(pages, cur->index, last, run);
	else
		rc = cursor_pin(cur, run);
	if (rc)
		return rc;

	if (cur->remember && source != SPAN_DOMAIN)
		pin_reader_remember(&cur->reader, &pages->extents, cur->index,
				    run);
	cur->index += run->npages;
	if (cur->index > cur->span.last_used)
		interval_tree_double_span_iter_next(&cur->span);
	return 0;
}

/**
 * cursor_begin - start to read a range
 * @cur: to be initialised. After success, cursor_end() must follow
 * @pages: whose
 * @index: first index
 * @last: last index
 * @iova: where it is going to be mapped, or 0
 * @remember: it is going to be mapped
 *
 * Context: pages->mutex is held until cursor_end().
 *
 * Return: 0, or -ENOMEM by injection.
 */
static int cursor_begin(struct pages_cursor *cur, struct iopt_pages *pages,
			unsigned long index, unsigned long last,
			unsigned long iova, bool remember)
{
	lockdep_assert_held(&pages->mutex);

	if (iommufd_should_fail())
		return -ENOMEM;

	cur->pages = pages;
	cur->index = index;
	cur->last = last;
	cur->remember = remember;
	cur->pinning = false;
	cur->ahead.npages = 0;
	interval_tree_double_span_iter_first(&cur->span, &pages->access_itree,
					     &pages->domains_itree, index,
					     last);
	cur->request = pages_request(pages, index, last, iova);
	pages_init_reader(pages, &cur->reader, &cur->request);
	return 0;
}

/**
 * cursor_next - the next run, as long as it really is, whatever its sources are
 * @cur: the cursor
 * @run: the run. Its pages are the caller's, to keep or for pages_put_run()
 *
 * Context: pages->mutex is held, mmap_lock is not.
 *
 * Return: 1; 0 at the end of the range; or what pin_reader_fill() says.
 */
static int cursor_next(struct pages_cursor *cur, struct pin_run *run)
{
	bool whole = pin_reader_in_window(&cur->reader);
	struct pin_run next;
	int rc;

	while (cur->index <= cur->last && !(cur->ahead.npages && whole)) {
		rc = cursor_read(cur, &next);
		if (rc)
			return rc;
		if (!cur->ahead.npages) {
			cur->ahead = next;
		} else if (!pin_run_join(&cur->ahead, &next)) {
			*run = cur->ahead;
			cur->ahead = next;
			return 1;
		}
		whole = pin_reader_in_window(&cur->reader);
	}

	*run = cur->ahead;
	cur->ahead.npages = 0;
	return run->npages != 0;
}

/**
 * cursor_next_whole - cursor_next() for memory whose runs are short
 * @cur: the cursor, with nothing ahead
 * @run: the run, of a hole
 *
 * Context: as cursor_next().
 *
 * Return: false where cursor_next() has to be called.
 */
static __always_inline bool cursor_next_whole(struct pages_cursor *cur,
					      struct pin_run *run)
{
	if (!pin_reader_next_whole(&cur->reader, run))
		return false;
	iopt_pages_add_npinned(cur->pages, run->npages);
	cur->index += run->npages;
	return true;
}

/**
 * cursor_put_back - let go of the run that cursor_next_whole() has returned
 * @cur: the cursor, which goes back to where the run begins
 * @run: the run
 *
 * Context: as cursor_next().
 */
static noinline void cursor_put_back(struct pages_cursor *cur,
				     struct pin_run run)
{
	cur->index -= run.npages;
	pages_put_run(cur->pages, cur->index, &run);
}

/**
 * cursor_end - let go of what was pinned and not handed out
 * @cur: the cursor
 */
static void cursor_end(struct pages_cursor *cur)
{
	if (cur->ahead.npages)
		pages_put_run(cur->pages, cur->index - cur->ahead.npages,
			      &cur->ahead);
	pin_reader_end(&cur->reader);
}
