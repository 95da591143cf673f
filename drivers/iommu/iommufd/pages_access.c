// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the kernel itself gets at pages of an iopt_pages: for as long as it has
 * an access, by their struct page; or for one copy.
 *
 * The pages of an access are in the xarray pages->pinned_pfns, wherever they
 * came from, so that they can be found when the domain that had them is gone,
 * and without memory. All of them are pinned: where a domain has the zero page
 * (zero_page=ignore) the access pins a page of its own.
 */

static int pages_from_domain(struct iopt_pages *pages, unsigned long index,
			     unsigned long last, struct page **out_pages)
{
	struct pin_run run;
	int rc;

	while (index <= last) {
		rc = run_from_domain(pages, index, last, &run);
		if (rc)
			return rc;
		for (unsigned long i = 0; i != run.npages; i++)
			*out_pages++ = pfn_to_page(run.pfn + i);
		index += run.npages;
	}
	return 0;
}

/* Undoes pages_from_source(). */
static void pages_to_source(struct iopt_pages *pages, struct page **out_pages,
			    unsigned long npages)
{
	struct pin_run run = { .npages = 1, .kind = PIN_RAM };

	if (pin_account_is_once(&pages->acct)) {
		for (unsigned long i = 0; i != npages; i++) {
			run.pfn = page_to_pfn(out_pages[i]);
			pin_account_leave(&pages->acct, &run);
		}
	}
	unpin_user_pages(out_pages, npages);
	iopt_pages_sub_npinned(pages, npages);
}

static int pages_from_source(struct iopt_pages *pages,
			     struct pin_reader *reader, unsigned long index,
			     unsigned long last, struct page **out_pages)
{
	const unsigned long wanted = last - index + 1;
	unsigned long done = 0, zero_cow = 0;
	long rc;

	while (done != wanted) {
		if (iommufd_should_fail())
			rc = -EFAULT;
		else
			rc = pin_reader_fill_pages(reader,
						   pages_start(pages, index + done),
						   wanted - done,
						   out_pages + done);
		if (rc < 0) {
			pages_to_source(pages, out_pages, done);
			return rc;
		}
		iopt_pages_add_npinned(pages, rc);
		done += rc;
		zero_cow += reader->zero_cow;
	}
	pages->nzero_cow += zero_cow;
	return 0;
}

/**
 * iopt_pages_fill_xarray - pin pages for an access
 * @pages: whose
 * @index: first index
 * @last: last index
 * @out_pages: the pages, one for each index
 *
 * The caller adds the access to pages->access_itree afterwards.
 *
 * Context: pages->mutex is held.
 *
 * Return: 0, with all of the range in the xarray; or an error with the xarray
 * and the charge as they were: -ENOMEM if there is no memory or the limit does
 * not allow it, or what pinning says.
 */
int iopt_pages_fill_xarray(struct iopt_pages *pages, unsigned long index,
			   unsigned long last, struct page **out_pages)
{
	struct interval_tree_double_span_iter span;
	struct pin_request request;
	struct pin_reader reader;
	unsigned long done = index, end;
	struct page **out;
	size_t nzero_cow;
	int rc;

	lockdep_assert_held(&pages->mutex);

	request = pages_request(pages, index, last, 0);
	pages_init_reader(pages, &reader, &request);
	rc = pages_check_limit(pages, &reader, index, last);
	if (rc)
		goto err_unfill;

	interval_tree_for_each_double_span(&span, &pages->access_itree,
					   &pages->domains_itree, index, last) {
		unsigned long first = span.start_used;

		for (; first <= span.last_used; first = end + 1) {
			bool pin = span.is_used == SPAN_HOLE;

			end = span.last_used;
			out = out_pages + (first - index);
			if (span.is_used == SPAN_ACCESS) {
				iopt_pages_fill_from_xarray(pages, first, end,
							    out);
				continue;
			}

			nzero_cow = pages->nzero_cow;
			if (span.is_used == SPAN_DOMAIN)
				pin = pages_are_zero(pages, first, &end);
			if (pin)
				rc = pages_from_source(pages, &reader, first,
						       end, out);
			else
				rc = pages_from_domain(pages, first, end, out);
			if (rc)
				goto err_unfill;

			rc = pages_to_xarray(&pages->pinned_pfns, first, end,
					     out);
			if (rc) {
				if (pin)
					pages_to_source(pages, out,
							end - first + 1);
				pages->nzero_cow = nzero_cow;
				goto err_unfill;
			}
			done = end + 1;
		}
	}

	rc = pages_charge(pages, &request);
	if (rc)
		goto err_unfill;
	pin_reader_end(&reader);
	return 0;

err_unfill:
	pin_reader_end(&reader);
	if (done != index)
		iopt_pages_unfill_xarray(pages, index, done - 1);
	return rc;
}

/**
 * iopt_pages_unfill_xarray - unpin the pages of an access that has ended
 * @pages: whose
 * @index: first index
 * @last: last index
 *
 * The access is not in pages->access_itree any more. What another access covers
 * stays in the xarray; what only a domain covers leaves it, but stays pinned.
 *
 * Context: pages->mutex is held. Needs no memory and does not fail.
 */
void iopt_pages_unfill_xarray(struct iopt_pages *pages, unsigned long index,
			      unsigned long last)
{
	struct interval_tree_double_span_iter span;
	struct pin_run run;
	unsigned long end;

	lockdep_assert_held(&pages->mutex);

	interval_tree_for_each_double_span(&span, &pages->access_itree,
					   &pages->domains_itree, index, last) {
		unsigned long i = span.start_used;

		if (span.is_used == SPAN_ACCESS)
			continue;
		for (; i <= span.last_used; i = end + 1) {
			end = span.last_used;
			if (span.is_used == SPAN_DOMAIN &&
			    !pages_are_zero(pages, i, &end))
				continue;
			if (run_from_xarray(&pages->pinned_pfns, i, end, &run))
				break;
			if (span.is_used == SPAN_DOMAIN)
				run.kind = PIN_ZERO_COW;
			pages_unpin_runs(pages, &run, 1);
			end = i + run.npages - 1;
		}
		clear_xarray(&pages->pinned_pfns, span.start_used,
			     span.last_used);
	}
	pages_refund(pages);
}

static void copy_run(const struct pin_run *run, unsigned long offset,
		     void *data, unsigned long length, unsigned int flags)
{
	for (unsigned long i = 0; length; i++) {
		unsigned long bytes = min(length, PAGE_SIZE - offset);

		copy_data_page(pfn_to_page(run->pfn + i), data, offset, bytes,
			       flags);
		data += bytes;
		length -= bytes;
		offset = 0;
	}
}

/*
 * Copies from or to what a device would reach at this moment, which is what
 * area_fill() would map. What is pinned for the copy is unpinned at once, and
 * not charged.
 */
static int iopt_pages_rw_slow(struct iopt_pages *pages, unsigned long index,
			      unsigned long last, unsigned long offset,
			      void *data, unsigned long length,
			      unsigned int flags)
{
	struct pages_cursor cur;
	struct pin_run run;
	bool once;
	int rc;

	mutex_lock(&pages->mutex);
	/* Nobody pays for it, neither by number nor by page. */
	once = pages->acct.once;
	pages->acct.once = false;
	rc = cursor_begin(&cur, pages, index, last, 0, false);
	if (rc)
		goto out_unlock;

	while ((rc = cursor_next(&cur, &run)) > 0) {
		unsigned long bytes = min(length,
					  run.npages * PAGE_SIZE - offset);

		copy_run(&run, offset, data, bytes, flags);
		pages_put_run(pages, index, &run);
		index += run.npages;
		data += bytes;
		length -= bytes;
		offset = 0;
	}
	cursor_end(&cur);
	WARN_ON(pages->npinned != pages->acct.charged);

out_unlock:
	pages->acct.once = once;
	mutex_unlock(&pages->mutex);
	return rc;
}
