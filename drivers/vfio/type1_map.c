// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the memory of a vfio_dma gets into the IOMMU domains of its container,
 * and out of them again.
 *
 * A vfio_dma is what one VFIO_IOMMU_MAP_DMA asked for: dma->size bytes at
 * dma->iova, which are the process's memory at dma->vaddr. By page number from
 * its start, dma->extents remembers which PFNs stand there. It is in one of
 * these states:
 *
 *   growing   vfio_pin_map_dma() is at work. The first dma->size bytes are
 *             pinned, charged and in every domain of the container
 *   mapped    dma->iommu_mapped: that is true of all of it
 *   unmapped  no domain in the container, only mediated devices, which pin
 *             page by page (type1_mediated.c). Nothing of it is remembered
 *
 *                   map, with a domain
 *             new ------------> growing ----> mapped
 *              |                               ^  |
 *              | map, without one       replay |  | the last domain goes
 *              v                               |  v
 *              +--------------------------> unmapped
 *
 * and from each of them vfio_remove_dma() is the way out. A step that fails
 * leaves the state before it.
 *
 * All domains of a container map the same pages, with one pin and one charge.
 * Any of them can be asked for a PFN that dma->extents has not. No domain may
 * reach a page when it is unpinned, so the first one, which is asked, is
 * unmapped last.
 *
 * Pinning is by window and mapping by run. A window is charged before any of it
 * is mapped, and before the next one is pinned: so it is the first page over
 * the limit or the first page that cannot be pinned that decides on the errno,
 * whichever has the lower address. The last run of a window waits for the
 * next, which may go on where it ends: the larger the runs, the larger the
 * pages of the IOMMU.
 *
 * iommu->lock is held throughout, and protects all of the above; mmap_lock
 * nests inside it.
 */

static struct pin_view vfio_dma_view(struct vfio_dma *dma,
				     struct vfio_domain *domain, size_t size)
{
	return (struct pin_view) {
		.extents = &dma->extents,
		.domain = domain->domain,
		.base = dma->iova,
		.first_iova = dma->iova,
		.last_iova = dma->iova + size - 1,
	};
}

/* All of @run, or nothing. */
static int vfio_map_in_domain(struct vfio_dma *dma, struct vfio_domain *domain,
			      dma_addr_t iova, const struct pin_run *run,
			      const struct pin_request *request)
{
	size_t size = run->npages << PAGE_SHIFT;
	size_t step = disable_hugepages ? PAGE_SIZE : size;
	size_t done;
	int ret;

	for (done = 0; done < size; done += step) {
		ret = iommu_map(domain->domain, iova + done,
				PFN_PHYS(run->pfn) + done, step,
				dma->prot | IOMMU_CACHE, GFP_KERNEL_ACCOUNT);
		if (ret) {
			pin_map_failed(domain->domain, iova + done, step,
				       request, ret);
			if (done)
				iommu_unmap(domain->domain, iova, done);
			return ret;
		}
		cond_resched();
	}
	return 0;
}

/* Append @run to the *@mapped bytes of @dma that are in @domains already. */
static int vfio_map_run(struct vfio_dma *dma, struct list_head *domains,
			size_t *mapped, const struct pin_run *run,
			const struct pin_reader *reader)
{
	dma_addr_t iova = dma->iova + *mapped;
	size_t size = run->npages << PAGE_SHIFT;
	struct vfio_domain *domain;
	int ret = 0;

	if (!size)
		return 0;

	list_for_each_entry(domain, domains, next) {
		ret = vfio_map_in_domain(dma, domain, iova, run,
					 reader->request);
		if (ret)
			goto unwind;
	}

	pin_reader_remember(reader, &dma->extents, *mapped >> PAGE_SHIFT, run);
	*mapped += size;
	return 0;

unwind:
	list_for_each_entry_continue_reverse(domain, domains, next)
		iommu_unmap(domain->domain, iova, size);
	return ret;
}

/* NULL if there are several, or if the IOMMU is to get small pages only. */
static struct vfio_domain *vfio_only_domain(struct list_head *domains)
{
	if (disable_hugepages || !list_is_singular(domains))
		return NULL;
	return list_first_entry(domains, struct vfio_domain, next);
}

/*
 * vfio_map_run() for all runs that end inside of the reader's window, in the only
 * domain there is. Where memory is fragmented, this goes far.
 */
static noinline int vfio_map_whole_runs(struct vfio_dma *dma,
					struct vfio_domain *domain,
					size_t *mapped,
					struct pin_reader *reader)
{
	const int prot = dma->prot | IOMMU_CACHE;
	dma_addr_t iova = dma->iova + *mapped;
	struct pin_run run;
	size_t size;
	int ret = 0;

	pin_reader_remember_whole(reader, &dma->extents, *mapped >> PAGE_SHIFT);
	while (pin_reader_next_whole(reader, &run)) {
		size = run.npages << PAGE_SHIFT;
		ret = iommu_map(domain->domain, iova, PFN_PHYS(run.pfn), size,
				prot, GFP_KERNEL_ACCOUNT);
		if (ret) {
			pin_map_failed(domain->domain, iova, size,
				       reader->request, ret);
			pin_account_unpin(&dma->acct, &run, 1,
					  prot & IOMMU_WRITE);
			break;
		}
		iova += size;
	}
	*mapped = iova - dma->iova;
	return ret;
}

/*
 * Map what the reader has in its window, behind @pending. The last run is pending
 * then, since the next window may lengthen it.
 */
static int vfio_map_window(struct vfio_dma *dma, struct list_head *domains,
			   size_t *mapped, struct pin_reader *reader,
			   struct pin_run *pending)
{
	struct vfio_domain *only = vfio_only_domain(domains);
	struct pin_run next;
	int ret;

	while (pin_reader_next(reader, &next)) {
		if (pin_run_join(pending, &next))
			continue;

		ret = vfio_map_run(dma, domains, mapped, pending, reader);
		if (ret) {
			pin_account_unpin(&dma->acct, &next, 1,
					  dma->prot & IOMMU_WRITE);
			return ret;
		}
		*pending = next;
		if (!only || !pin_reader_in_window(reader))
			continue;

		ret = vfio_map_run(dma, domains, mapped, pending, reader);
		if (ret)
			return ret;
		pending->npages = 0;
		ret = vfio_map_whole_runs(dma, only, mapped, reader);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Charge for what the reader has in its window, which belongs behind the first
 * @pinned bytes of @dma.
 */
static int vfio_charge_window(struct vfio_dma *dma,
			      const struct pin_reader *reader, size_t pinned,
			      unsigned long npages)
{
	dma_addr_t iova = dma->iova + pinned;
	dma_addr_t last = iova + npages * PAGE_SIZE - 1;
	struct vfio_pfn *vpfn = vfio_first_mediated(dma, iova);
	unsigned long owed = reader->owed, zero_cow = reader->zero_cow;

	/* What a mediated device has been charged for is the mapping's now. */
	for (; vpfn && vpfn->iova <= last; vpfn = vfio_next_mediated(vpfn)) {
		enum pin_kind kind;

		kind = pin_reader_kind(reader, (vpfn->iova - iova) >> PAGE_SHIFT);
		if (!vpfn->charged || !pin_kind_is_pinned(kind))
			continue;
		vpfn->charged = false;
		owed--;
		zero_cow -= kind == PIN_ZERO_COW;
	}
	return pin_account_charge(&dma->acct, owed, zero_cow, reader->request);
}

/* Does not even begin with what is going to be over the limit in the end. */
static int vfio_check_limit(struct vfio_dma *dma,
			    const struct pin_reader *reader)
{
	const struct pin_request *request = reader->request;
	unsigned long certain, mediated;
	bool more;

	if (pin_account_fits(&dma->acct, request->npages))
		return 0;
	certain = pin_reader_certain(reader, request->start, request->npages,
				     &more);
	mediated = vfio_nr_mediated(dma, dma->iova, request->npages);
	return pin_account_check(&dma->acct, certain - min(certain, mediated),
				 request);
}

/*
 * Pin @size bytes of @dma, charge for them and map them into @domains, starting
 * from none. *@mapped says how far it came. On failure, what is mapped is left
 * to the caller to unmap, unpin and refund, and what is only charged to refund.
 */
static int vfio_pin_map(struct vfio_dma *dma, struct list_head *domains,
			size_t *mapped, size_t size)
{
	struct pin_request request = vfio_dma_request(dma, size);
	bool writable = dma->prot & IOMMU_WRITE;
	struct pin_run pending = {};
	struct pin_reader reader;
	size_t pinned = 0;
	int ret;

	pin_reader_init(&reader, &request, current->mm, writable, true);
	ret = vfio_check_limit(dma, &reader);

	while (!ret && pinned < size) {
		long npages = pin_reader_fill(&reader, dma->vaddr + pinned,
					      (size - pinned) >> PAGE_SHIFT);

		if (npages < 0) {
			ret = npages;
			goto out_unpin;
		}

		ret = vfio_charge_window(dma, &reader, pinned, npages);
		if (ret)
			goto out_unpin;
		pinned += npages << PAGE_SHIFT;

		ret = vfio_map_window(dma, domains, mapped, &reader, &pending);
	}

	if (!ret)
		ret = vfio_map_run(dma, domains, mapped, &pending, &reader);
out_unpin:
	if (ret && pending.npages)
		pin_account_unpin(&dma->acct, &pending, 1, writable);
	pin_reader_end(&reader);
	return ret;
}

static void vfio_release_runs(void *ctx, unsigned long index,
			      const struct pin_run *runs, unsigned int nr)
{
	struct vfio_dma *dma = ctx;

	pin_account_unpin(&dma->acct, runs, nr, dma->prot & IOMMU_WRITE);
}

/* Take the first @size bytes of @dma out of @domains, and unpin them. */
static void vfio_unmap_unpin(struct vfio_dma *dma, struct list_head *domains,
			     size_t size)
{
	struct vfio_domain *first, *domain;
	struct pin_view view;

	if (size && !list_empty(domains)) {
		first = list_first_entry(domains, struct vfio_domain, next);
		domain = first;
		list_for_each_entry_continue(domain, domains, next) {
			iommu_unmap(domain->domain, dma->iova, size);
			cond_resched();
		}

		view = vfio_dma_view(dma, first, size);
		pin_view_unmap(&view, 0, (size >> PAGE_SHIFT) - 1,
			       vfio_release_runs, dma);
	}
	pin_extents_destroy(&dma->extents);
}

static void vfio_remove_dma(struct vfio_iommu *iommu, struct vfio_dma *dma);

/* VFIO_IOMMU_MAP_DMA in a container that has a domain. */
static int vfio_pin_map_dma(struct vfio_iommu *iommu, struct vfio_dma *dma,
			    size_t map_size)
{
	int ret;

	lockdep_assert_held(&iommu->lock);

	ret = vfio_pin_map(dma, &iommu->domain_list, &dma->size, map_size);
	if (ret)
		vfio_remove_dma(iommu, dma);
	else
		dma->iommu_mapped = true;
	return ret;
}

/* What vfio_remove_dma() does about memory, in whatever state @dma is. */
static void vfio_unmap_dma(struct vfio_iommu *iommu, struct vfio_dma *dma)
{
	lockdep_assert_held(&iommu->lock);

	vfio_unmap_unpin(dma, &iommu->domain_list, dma->size);
	dma->iommu_mapped = false;
	vfio_dma_settle_account(iommu, dma);
}

/* The last domain goes, and mediated devices stay. */
static void vfio_iommu_unmap_unpin_reaccount(struct vfio_iommu *iommu)
{
	struct rb_node *node;

	lockdep_assert_held(&iommu->lock);

	for (node = rb_first(&iommu->dma_list); node; node = rb_next(node))
		vfio_unmap_dma(iommu, rb_entry(node, struct vfio_dma, node));
}

/* Map into @domain what @source has of a mapped @dma, pins and all. */
static int vfio_map_from_domain(struct vfio_dma *dma,
				struct vfio_domain *source,
				struct vfio_domain *domain, size_t *mapped)
{
	struct pin_request request = vfio_dma_request(dma, dma->size);
	unsigned long last = (dma->size >> PAGE_SHIFT) - 1;
	struct pin_view view;
	struct pin_run run;
	int ret;

	if (WARN_ON(!source))
		return -EINVAL;

	view = vfio_dma_view(dma, source, dma->size);
	while (*mapped < dma->size) {
		if (!pin_view_run(&view, *mapped >> PAGE_SHIFT, last, &run))
			return -EINVAL;

		ret = vfio_map_in_domain(dma, domain, dma->iova + *mapped,
					 &run, &request);
		if (ret)
			return ret;
		*mapped += run.npages << PAGE_SHIFT;
	}
	return 0;
}

/*
 * Map everything into @domain, which is about to join the container. Where it
 * is the first one, everything is pinned and charged now: as in mainline, it is
 * the caller's memory at dma->vaddr, and dma's owner pays.
 */
static int vfio_iommu_replay(struct vfio_iommu *iommu,
			     struct vfio_domain *domain)
{
	struct vfio_domain *source;
	struct vfio_dma *dma;
	struct rb_node *node;
	LIST_HEAD(joining);
	size_t mapped = 0;
	int ret = 0;

	lockdep_assert_held(&iommu->lock);

	source = list_first_entry_or_null(&iommu->domain_list,
					  struct vfio_domain, next);
	list_add(&domain->next, &joining);

	for (node = rb_first(&iommu->dma_list); node; node = rb_next(node)) {
		dma = rb_entry(node, struct vfio_dma, node);
		mapped = 0;
		if (dma->iommu_mapped)
			ret = vfio_map_from_domain(dma, source, domain,
						   &mapped);
		else
			ret = vfio_pin_map(dma, &joining, &mapped, dma->size);
		if (ret)
			goto unwind;
	}

	/* Not before all have succeeded: unwinding tells them apart by it. */
	for (node = rb_first(&iommu->dma_list); node; node = rb_next(node))
		rb_entry(node, struct vfio_dma, node)->iommu_mapped = true;

	list_del(&domain->next);
	return 0;

unwind:
	while (node) {
		dma = rb_entry(node, struct vfio_dma, node);
		if (!dma->iommu_mapped) {
			vfio_unmap_unpin(dma, &joining, mapped);
			vfio_dma_settle_account(iommu, dma);
		} else if (mapped) {
			iommu_unmap(domain->domain, dma->iova, mapped);
		}

		node = rb_prev(node);
		if (node)
			mapped = rb_entry(node, struct vfio_dma, node)->size;
	}
	list_del(&domain->next);
	return ret;
}
