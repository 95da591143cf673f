// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of a container is pinned, for who asks /dev/pinacct, and for whoever has
 * to go through all pins of a mapping.
 */

typedef int (*vfio_pin_fn)(void *ctx, unsigned long vaddr,
			   const struct pin_run *run);

static int vfio_walk_mapped(struct vfio_dma *dma, struct vfio_domain *domain,
			    unsigned long index, unsigned long last,
			    vfio_pin_fn fn, void *ctx)
{
	struct pin_view view = vfio_dma_view(dma, domain, dma->size);
	struct pin_run run;
	int ret = 0;

	while (!ret && index <= last &&
	       pin_view_run(&view, index, last, &run)) {
		ret = fn(ctx, dma->vaddr + index * PAGE_SIZE, &run);
		index += run.npages;
		cond_resched();
	}
	return ret;
}

static int vfio_walk_mediated(struct vfio_dma *dma, unsigned long index,
			      unsigned long last, vfio_pin_fn fn, void *ctx)
{
	dma_addr_t last_iova = dma->iova + last * PAGE_SIZE;
	struct vfio_pfn *vpfn;
	int ret = 0;

	for (vpfn = vfio_first_mediated(dma, dma->iova + index * PAGE_SIZE);
	     vpfn && vpfn->iova <= last_iova && !ret;
	     vpfn = vfio_next_mediated(vpfn)) {
		struct pin_run run = {
			.pfn = vpfn->pfn,
			.npages = 1,
			.kind = vpfn->kind,
		};

		ret = fn(ctx, dma->vaddr + (vpfn->iova - dma->iova), &run);
	}
	return ret;
}

/* Calls @fn for each pin from @index to @last, until it does not return 0. */
static int vfio_walk_range(struct vfio_iommu *iommu, struct vfio_dma *dma,
			   unsigned long index, unsigned long last,
			   vfio_pin_fn fn, void *ctx)
{
	int ret = 0;

	lockdep_assert_held(&iommu->lock);

	if (dma->iommu_mapped)
		ret = vfio_walk_mapped(dma, list_first_entry(&iommu->domain_list,
							     struct vfio_domain,
							     next),
				       index, last, fn, ctx);
	if (!ret)
		ret = vfio_walk_mediated(dma, index, last, fn, ctx);
	return ret;
}

static int vfio_walk_pins(struct vfio_iommu *iommu, struct vfio_dma *dma,
			  vfio_pin_fn fn, void *ctx)
{
	return vfio_walk_range(iommu, dma, 0, (dma->size >> PAGE_SHIFT) - 1,
			       fn, ctx);
}

static int vfio_count_pin(void *ctx, unsigned long vaddr,
			  const struct pin_run *run)
{
	pin_query_count(ctx, vaddr, run);
	return 0;
}

/* A pin_source::count. Addresses that VFIO_DMA_UNMAP_FLAG_VADDR took are not. */
static int vfio_count_pins(struct pin_source *source, struct pin_query *query)
{
	struct vfio_iommu *iommu = container_of(source, struct vfio_iommu, pins);
	struct rb_node *node;

	if (mutex_lock_killable(&iommu->lock))
		return -EINTR;

	for (node = rb_first(&iommu->dma_list); node; node = rb_next(node)) {
		struct vfio_dma *dma = rb_entry(node, struct vfio_dma, node);
		unsigned long index, last;

		if (pin_query_wants(query, &dma->acct, !dma->vaddr_invalid,
				    dma->vaddr, dma->size >> PAGE_SHIFT,
				    &index, &last))
			vfio_walk_range(iommu, dma, index, last,
					vfio_count_pin, query);
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
