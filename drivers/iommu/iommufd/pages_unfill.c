// SPDX-License-Identifier: GPL-2.0-only
/*
 * How an area leaves the domains that it is mapped in.
 *
 * All but one of the domains are just unmapped. With the last one the pages
 * go, and only those that are in a hole of both trees by then: the area has
 * been taken out of domains_itree before, or has never been in it. Where it
 * still is in the tree, because another domain has it, no page goes.
 *
 * Nothing here needs memory or fails.
 */

/**
 * area_unfill - unmap a part of an area from a domain, and unpin its pages
 * @area: the area
 * @pages: its pages
 * @domain: the domain
 * @last: last index that is mapped, which may be not all of the area
 *
 * Context: pages->mutex is held.
 */
static void area_unfill(struct iopt_area *area, struct iopt_pages *pages,
			struct iommu_domain *domain, unsigned long last)
{
	const unsigned long index = iopt_area_index(area);
	struct pages_release release;
	struct pin_view view;

	if (iopt_is_dmabuf(pages)) {
		iopt_area_unmap_domain_range(area, domain, index, last);
		return;
	}

	pages_release_begin(&release, pages, index, last);
	if (release.span.is_used != SPAN_HOLE &&
	    release.span.last_used == last) {
		iopt_area_unmap_domain_range(area, domain, index, last);
		return;
	}

	view = area_view(area, pages, domain);
	pin_view_unmap(&view, index, last, pages_release_runs, &release);
	pages_refund(pages);
	/* To replace what was remembered costs more than to begin anew. */
	if (RB_EMPTY_ROOT(&pages->domains_itree.rb_root))
		pin_extents_destroy(&pages->extents);
}

/**
 * iopt_area_unfill_domain - unmap an area from a domain, and unpin its pages
 * @area: the area
 * @pages: its pages; area->pages is not looked at
 * @domain: the domain
 *
 * The area has been taken out of pages->domains_itree, or else its pages stay
 * pinned. They stay as well where an access has them. Of a dma-buf that has been
 * revoked nothing is mapped.
 *
 * Context: pages->mutex is held.
 */
void iopt_area_unfill_domain(struct iopt_area *area, struct iopt_pages *pages,
			     struct iommu_domain *domain)
{
	lockdep_assert_held(&pages->mutex);

	if (!iopt_dmabuf_revoked(pages))
		area_unfill(area, pages, domain, iopt_area_last_index(area));
}

/**
 * iopt_area_unfill_domains - unmap an area from all its domains, and unpin it
 * @area: the area, which is about to be freed
 * @pages: its pages; area->pages is NULL
 *
 * Context: iopt->domains_rwsem is held. Takes pages->mutex.
 */
void iopt_area_unfill_domains(struct iopt_area *area, struct iopt_pages *pages)
{
	struct io_pagetable *iopt = area->iopt;
	struct iommu_domain *domain;
	unsigned int id;

	lockdep_assert_held(&iopt->domains_rwsem);

	mutex_lock(&pages->mutex);
	if (!area->storage_domain)
		goto out_unlock;

	/* xa_for_each() would look at every slot of a node for one domain. */
	for (id = 0; id != iopt->next_domain_id; id++) {
		domain = xa_load(&iopt->domains, id);
		if (domain != area->storage_domain &&
		    !iopt_dmabuf_revoked(pages))
			iopt_area_unmap_domain_range(area, domain,
						     iopt_area_index(area),
						     iopt_area_last_index(area));
	}

	interval_tree_remove(&area->pages_node, &pages->domains_itree);
	iopt_area_unfill_domain(area, pages, area->storage_domain);
	if (iopt_is_dmabuf(pages))
		iopt_dmabuf_untrack_all_domains(area, pages);
	area->storage_domain = NULL;

out_unlock:
	mutex_unlock(&pages->mutex);
}
