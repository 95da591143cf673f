// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of a container is pinned, for who asks /dev/pinacct.
 */

static void vfio_count_mediated(struct vfio_dma *dma, unsigned long index,
				unsigned long last, struct pin_query *query)
{
	dma_addr_t last_iova = dma->iova + last * PAGE_SIZE;
	struct vfio_pfn *vpfn;

	for (vpfn = vfio_first_mediated(dma, dma->iova + index * PAGE_SIZE);
	     vpfn && vpfn->iova <= last_iova; vpfn = vfio_next_mediated(vpfn)) {
		struct pin_run run = {
			.pfn = vpfn->pfn,
			.npages = 1,
			.kind = vpfn->kind,
		};

		pin_query_count(query, dma->vaddr + (vpfn->iova - dma->iova),
				&run);
	}
}

static void vfio_count_mapped(struct vfio_dma *dma, struct vfio_domain *domain,
			      unsigned long index, unsigned long last,
			      struct pin_query *query)
{
	struct pin_view view = vfio_dma_view(dma, domain, dma->size);
	struct pin_run run;

	while (index <= last && pin_view_run(&view, index, last, &run)) {
		pin_query_count(query, dma->vaddr + index * PAGE_SIZE, &run);
		index += run.npages;
		cond_resched();
	}
}

/* A pin_source::count. Addresses that VFIO_DMA_UNMAP_FLAG_VADDR took are not. */
static int vfio_count_pins(struct pin_source *source, struct pin_query *query)
{
	struct vfio_iommu *iommu = container_of(source, struct vfio_iommu, pins);
	struct vfio_domain *domain;
	struct rb_node *node;

	if (mutex_lock_killable(&iommu->lock))
		return -EINTR;

	domain = list_first_entry_or_null(&iommu->domain_list,
					  struct vfio_domain, next);
	for (node = rb_first(&iommu->dma_list); node; node = rb_next(node)) {
		struct vfio_dma *dma = rb_entry(node, struct vfio_dma, node);
		unsigned long index, last;

		if (!pin_query_wants(query, &dma->acct, !dma->vaddr_invalid,
				     dma->vaddr, dma->size >> PAGE_SHIFT,
				     &index, &last))
			continue;
		if (dma->iommu_mapped)
			vfio_count_mapped(dma, domain, index, last, query);
		vfio_count_mediated(dma, index, last, query);
	}
	mutex_unlock(&iommu->lock);
	return 0;
}

/* The last step of opening a container */
static void vfio_register_pins(struct vfio_iommu *iommu)
{
	iommu->pins.count = vfio_count_pins;
	pin_source_register(&iommu->pins);
}
