// SPDX-License-Identifier: GPL-2.0-only
/*
 * How an area is mapped in domains: in all of its io_pagetable when it is made,
 * or in one that comes later.
 *
 * Runs are mapped as long as they are, in one call each, so that the IOMMU can
 * use its largest page. The pages are charged when all are mapped. Where a step
 * fails, the domains are left as they were, without the area.
 */

static int area_prot(struct iopt_area *area, struct iopt_pages *pages)
{
	if (iopt_is_dmabuf(pages))
		return (area->iommu_prot & ~IOMMU_CACHE) | IOMMU_MMIO;
	return area->iommu_prot;
}

/* All of it, or nothing, in steps of @step bytes. */
static noinline int map_in_steps(struct iommu_domain *domain,
				 unsigned long iova, phys_addr_t phys,
				 size_t size, size_t step, int prot,
				 const struct pin_request *request)
{
	size_t done;
	int rc;

	for (done = 0; done < size; done += step) {
		step = min(step, size - done);
		rc = iommu_map(domain, iova + done, phys + done, step, prot,
			       GFP_KERNEL_ACCOUNT);
		if (rc)
			goto err_unmap;
	}
	return 0;

err_unmap:
	pin_map_failed(domain, iova + done, step, request, rc);
	if (done)
		iommu_unmap_nofail(domain, iova, done);
	return rc;
}

/*
 * The same, where that is mostly one step. Inline, since it is called once a page
 * where no two are in a row.
 */
static __always_inline int map_phys(struct iommu_domain *domain,
				    unsigned long iova, phys_addr_t phys,
				    size_t size, size_t step, int prot,
				    const struct pin_request *request)
{
	int rc;

	if (size > step)
		return map_in_steps(domain, iova, phys, size, step, prot,
				    request);
	rc = iommu_map(domain, iova, phys, size, prot, GFP_KERNEL_ACCOUNT);
	return rc ? pin_map_failed(domain, iova, size, request, rc) : 0;
}

/*
 * VFIO's old interface may cut an area in two anywhere and unmap one half; for
 * it the IOMMU gets one page of ours at a time.
 */
static size_t area_step(const struct iopt_area *area)
{
	return area->iopt->disable_large_pages ? PAGE_SIZE : SIZE_MAX;
}

/*
 * A run in one domain. The first and the last page of an area need not be
 * whole.
 */
static int area_map_run(struct iopt_area *area, struct iopt_pages *pages,
			struct iommu_domain *domain, unsigned long index,
			const struct pin_run *run,
			const struct pin_request *request)
{
	unsigned long iova = iopt_area_iova(area);
	phys_addr_t phys = PFN_PHYS(run->pfn);
	size_t size = run->npages * PAGE_SIZE;

	if (index == iopt_area_index(area)) {
		phys += area->page_offset;
		size -= area->page_offset;
	} else {
		iova += (index - iopt_area_index(area)) * PAGE_SIZE -
			area->page_offset;
	}
	size = min(size, iopt_area_last_iova(area) - iova + 1);

	return map_phys(domain, iova, phys, size, area_step(area),
			area_prot(area, pages), request);
}

/* A run in all domains, or in none. */
static int area_map_run_all(struct iopt_area *area, struct iopt_pages *pages,
			    unsigned long index, const struct pin_run *run,
			    const struct pin_request *request)
{
	struct io_pagetable *iopt = area->iopt;
	unsigned int id;
	int rc;

	for (id = 0; id != iopt->next_domain_id; id++) {
		rc = area_map_run(area, pages, xa_load(&iopt->domains, id),
				  index, run, request);
		if (rc)
			goto err_unmap;
	}
	return 0;

err_unmap:
	while (id--)
		iopt_area_unmap_domain_range(area, xa_load(&iopt->domains, id),
					     index, index + run->npages - 1);
	return rc;
}

/*
 * Maps all runs at the cursor that end inside of the reader's window: where
 * memory is fragmented, this is called seldom and goes far. On failure, the
 * cursor is at the run that was not mapped. The first and the last page of an
 * area, which need not be whole, are not for it.
 */
static noinline int area_map_runs(struct iopt_area *area,
				  struct pages_cursor *cur,
				  struct iommu_domain *domain)
{
	const int prot = area_prot(area, cur->pages);
	const size_t step = area_step(area);
	unsigned long iova = iopt_area_index_to_iova(area, cur->index);
	struct pin_run run;
	int rc;

	pin_reader_remember_whole(&cur->reader, &cur->pages->extents,
				  cur->index);
	while (cursor_next_whole(cur, &run)) {
		rc = map_phys(domain, iova, PFN_PHYS(run.pfn),
			      run.npages * PAGE_SIZE, step, prot,
			      &cur->request);
		if (rc) {
			cursor_put_back(cur, run);
			return rc;
		}
		iova += run.npages * PAGE_SIZE;
	}
	return 0;
}

/* Undoes area_fill() of all indexes before @end. */
static void area_undo(struct iopt_area *area, struct iopt_pages *pages,
		      struct iommu_domain *domain, unsigned long end)
{
	struct io_pagetable *iopt = area->iopt;
	unsigned int id;

	if (end == iopt_area_index(area))
		return;

	if (!domain) {
		domain = xa_load(&iopt->domains, 0);
		for (id = 1; id != iopt->next_domain_id; id++)
			iopt_area_unmap_domain_range(area,
						     xa_load(&iopt->domains, id),
						     iopt_area_index(area),
						     end - 1);
	}
	area_unfill(area, pages, domain, end - 1);
}

/* Maps the area in @domain, or in all domains if it is NULL. */
static int area_fill(struct iopt_area *area, struct iopt_pages *pages,
		     struct iommu_domain *domain)
{
	unsigned long index = iopt_area_index(area);
	struct pages_cursor cur;
	struct pin_run run;
	int rc;

	/* One is the usual number, and a run may be a single page. */
	if (!domain && area->iopt->next_domain_id == 1)
		domain = xa_load(&area->iopt->domains, 0);

	rc = cursor_begin(&cur, pages, index, iopt_area_last_index(area),
			  iopt_area_iova(area), true);
	if (rc)
		return rc;
	rc = pages_check_limit(pages, &cur.reader, cur.index, cur.last);

	while (!rc && (rc = cursor_next(&cur, &run)) > 0) {
		if (domain)
			rc = area_map_run(area, pages, domain, index, &run,
					  &cur.request);
		else
			rc = area_map_run_all(area, pages, index, &run,
					      &cur.request);
		if (rc) {
			pages_put_run(pages, index, &run);
			break;
		}
		index += run.npages;
		/* The cursor has nothing ahead. */
		if (domain && index == cur.index && index <= cur.last) {
			rc = area_map_runs(area, &cur, domain);
			index = cur.index;
		}
	}
	if (!rc)
		rc = pages_charge(pages, &cur.request);

	cursor_end(&cur);
	if (rc)
		area_undo(area, pages, domain, index);
	return rc;
}

/**
 * iopt_area_fill_domain - map an area in a domain that is being attached
 * @area: the area
 * @domain: the domain
 *
 * The pages come from where they are, or are pinned. A dma-buf that has been
 * revoked is not mapped, and that is no error.
 *
 * Context: area->pages->mutex is held.
 *
 * Return: 0, or an error with the domain as it was: -ENOMEM if the limit does
 * not allow it, or what pinning or iommu_map() says.
 */
int iopt_area_fill_domain(struct iopt_area *area, struct iommu_domain *domain)
{
	lockdep_assert_held(&area->pages->mutex);

	if (iopt_dmabuf_revoked(area->pages))
		return 0;
	return area_fill(area, area->pages, domain);
}

/**
 * iopt_area_fill_domains - map a new area in all domains
 * @area: the area, which is in no tree of @pages yet
 * @pages: its pages; area->pages is NULL
 *
 * Without a domain nothing is pinned, until one comes or an access does.
 *
 * Context: iopt->domains_rwsem is held. Takes pages->mutex.
 *
 * Return: 0, with the area in pages->domains_itree if there is a domain; or an
 * error as iopt_area_fill_domain() does, with all domains as they were.
 */
int iopt_area_fill_domains(struct iopt_area *area, struct iopt_pages *pages)
{
	int rc = 0;

	lockdep_assert_held(&area->iopt->domains_rwsem);

	if (xa_empty(&area->iopt->domains))
		return 0;

	mutex_lock(&pages->mutex);
	if (iopt_is_dmabuf(pages)) {
		rc = iopt_dmabuf_track_all_domains(area, pages);
		if (rc)
			goto out_unlock;
	}

	if (!iopt_dmabuf_revoked(pages))
		rc = area_fill(area, pages, NULL);
	if (!rc) {
		area->storage_domain = xa_load(&area->iopt->domains, 0);
		interval_tree_insert(&area->pages_node, &pages->domains_itree);
	} else if (iopt_is_dmabuf(pages)) {
		iopt_dmabuf_untrack_all_domains(area, pages);
	}

out_unlock:
	mutex_unlock(&pages->mutex);
	return rc;
}
