// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of an IOAS is pinned, for who asks /dev/pinacct.
 *
 * An iopt_pages may be in several areas, of several IOASes, and is pinned once
 * for all. So all of it is counted where it is met first.
 */

static int pages_count_span(struct iopt_pages *pages,
			    const struct interval_tree_double_span_iter *span,
			    struct pin_query *query)
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
		if (rc)
			return rc;
		pin_query_count(query, pages_start(pages, index), &run);
		index += run.npages;
		cond_resched();
	}
	return 0;
}

static int pages_count_pins(struct iopt_pages *pages, struct pin_query *query)
{
	struct interval_tree_double_span_iter span;
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

	interval_tree_for_each_double_span(&span, &pages->access_itree,
					   &pages->domains_itree, index, last) {
		if (!span.is_used)
			continue;
		rc = pages_count_span(pages, &span, query);
		if (rc)
			return rc;
	}
	return 0;
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

		/* Where it is being mapped or unmapped, there are none. */
		if (!pages)
			continue;
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
 * iopt_register_pins - have an IOAS asked about its pins, if it is not yet
 * @iopt: its page table, about to get an area
 *
 * pin_source_unregister() follows when it is destroyed.
 *
 * Context: iopt->iova_rwsem is held for writing.
 */
void iopt_register_pins(struct io_pagetable *iopt)
{
	lockdep_assert_held_write(&iopt->iova_rwsem);

	if (iopt->pins.count)
		return;
	iopt->pins.count = iopt_count_pins;
	pin_source_register(&iopt->pins);
}
