// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of an IOAS is pinned, for who asks /dev/pinacct, and for whoever has to
 * go through all pins of an iopt_pages.
 *
 * An iopt_pages may be in several areas, of several IOASes, and is pinned once
 * for all. So all of it is counted where it is met first.
 */

typedef int (*pages_run_fn)(void *ctx, unsigned long start,
			    const struct pin_run *run);

static int pages_walk_span(struct iopt_pages *pages,
			   const struct interval_tree_double_span_iter *span,
			   pages_run_fn fn, void *ctx)
{
	unsigned long index = span->start_used;
	struct pin_run run;
	int rc;

	while (index <= span->last_used) {
		if (span->is_used == SPAN_ACCESS)
			rc = run_from_xarray(&pages->pinned_pfns, index,
					     span->last_used, &run);
		else
			rc = run_from_domain(pages, index, span->last_used,
					     &run);
		if (!rc)
			rc = fn(ctx, pages_start(pages, index), &run);
		if (rc)
			return rc;
		index += run.npages;
		cond_resched();
	}
	return 0;
}

/* Calls @fn for each run that is held, until it does not return 0. */
static int pages_walk(struct iopt_pages *pages, unsigned long index,
		      unsigned long last, pages_run_fn fn, void *ctx)
{
	struct interval_tree_double_span_iter span;
	int rc;

	lockdep_assert_held(&pages->mutex);

	interval_tree_for_each_double_span(&span, &pages->access_itree,
					   &pages->domains_itree, index, last) {
		if (!span.is_used)
			continue;
		rc = pages_walk_span(pages, &span, fn, ctx);
		if (rc)
			return rc;
	}
	return 0;
}

static int count_run(void *ctx, unsigned long start, const struct pin_run *run)
{
	pin_query_count(ctx, start, run);
	return 0;
}

static int pages_count_pins(struct iopt_pages *pages, struct pin_query *query)
{
	unsigned long index, last;
	int rc;

	lockdep_assert_held(&pages->mutex);

	if (iopt_is_dmabuf(pages) ||
	    !pin_query_wants(query, &pages->acct, !pinacct_iopt_file(pages),
			     pages_start(pages, 0), pages->npages, &index,
			     &last))
		return 0;
	rc = pin_query_meet(query, &pages->acct);
	if (rc)
		return rc < 0 ? rc : 0;
	return pages_walk(pages, index, last, count_run, query);
}

/**
 * iopt_count_pins - tell which pages of an IOAS are pinned: a pin_source::count
 * @source: pins of a struct io_pagetable
 * @query: who asks
 *
 * Context: no lock of iommufd is held. May sleep.
 *
 * Return: 0, -EINTR if the caller was killed, or -ENOMEM.
 */
static int iopt_count_pins(struct pin_source *source, struct pin_query *query)
{
	struct io_pagetable *iopt = container_of(source, struct io_pagetable,
						 pins);
	struct iopt_area *area;
	int rc;

	rc = down_read_killable(&iopt->iova_rwsem);
	if (rc)
		return rc;
	for (area = iopt_area_iter_first(iopt, 0, ULONG_MAX); area && !rc;
	     area = iopt_area_iter_next(area, 0, ULONG_MAX)) {
		struct iopt_pages *pages = area->pages;

		/* It is being mapped or unmapped. */
		if (!pages) {
			pin_query_unsure(query);
			continue;
		}
		rc = mutex_lock_killable(&pages->mutex);
		if (rc)
			break;
		rc = pages_count_pins(pages, query);
		mutex_unlock(&pages->mutex);
	}
	up_read(&iopt->iova_rwsem);
	return rc;
}

/**
 * iopt_register_pins - have an IOAS asked about its pins from now on
 * @iopt: its page table, about to get an area
 * @pages: of the area
 *
 * pin_source_unregister() follows when it is destroyed.
 *
 * Context: iopt->iova_rwsem is held for writing.
 */
void iopt_register_pins(struct io_pagetable *iopt, struct iopt_pages *pages)
{
	lockdep_assert_held_write(&iopt->iova_rwsem);

	pin_source_maps(&iopt->pins, pages->acct.mm);
	if (iopt->pins.count)
		return;
	iopt->pins.count = iopt_count_pins;
	pin_source_register(&iopt->pins);
}

static int enter_run(void *ctx, unsigned long start, const struct pin_run *run)
{
	struct pin_request *request = ctx;

	return pin_account_enter(request->acct, run, request);
}

/* Stops where all that was entered has been left. */
static int leave_run(void *ctx, unsigned long start, const struct pin_run *run)
{
	struct pin_request *request = ctx;

	if (!request->npages)
		return 1;
	pin_account_leave(request->acct, run);
	if (pin_kind_is_pinned(run->kind))
		request->npages -= run->npages;
	return 0;
}

/**
 * iopt_pages_enter - have somebody pay for all that is pinned, with charge_once
 * @pages: what
 * @acct: who
 *
 * Context: pages->mutex is held, mmap_lock is not.
 *
 * Return: as pin_account_enter(). On failure nothing is entered.
 */
int iopt_pages_enter(struct iopt_pages *pages, struct pin_account *acct)
{
	struct pin_request request = pages_request(pages, 0, pages->npages - 1,
						   0);
	unsigned long before = acct->charged;
	int rc;

	request.acct = acct;
	rc = pages_walk(pages, 0, pages->npages - 1, enter_run, &request);
	if (rc)
		iopt_pages_leave(pages, acct, acct->charged - before);
	return rc;
}

/**
 * iopt_pages_leave - undo iopt_pages_enter()
 * @pages: what
 * @acct: who
 * @npages: how many pages; the first that are pinned
 *
 * Context: pages->mutex is held, mmap_lock is not.
 */
void iopt_pages_leave(struct iopt_pages *pages, struct pin_account *acct,
		      unsigned long npages)
{
	struct pin_request request = { .acct = acct, .npages = npages };

	pages_walk(pages, 0, pages->npages - 1, leave_run, &request);
}
