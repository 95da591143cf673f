// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins for mediated devices: vfio_pin_pages() and vfio_unpin_pages().
 *
 * The driver of such a device does DMA on its own, with pages that it asks for
 * one by one, from any context: in general not that of the process whose memory
 * it is. Each has an entry in dma->pfn_list with a count of its users and one
 * pin, besides the pin that the container's domains may have.
 *
 * All of it under iommu->lock; see type1_account.c for who pays when.
 */

/* Is the page at @iova charged for, or free, since a domain has it? */
static bool vfio_mapping_pays(struct vfio_iommu *iommu, struct vfio_dma *dma,
			      dma_addr_t iova)
{
	unsigned long index = (iova - dma->iova) >> PAGE_SHIFT;
	struct pin_view view;
	struct pin_run run;

	if (list_empty(&iommu->domain_list))
		return false;
	if (dma->acct.zero_mode != PIN_ZERO_PAGE_IGNORE)
		return true;

	view = vfio_dma_view(dma, list_first_entry(&iommu->domain_list,
						   struct vfio_domain, next),
			     dma->size);
	return pin_view_run(&view, index, index, &run) && run.kind != PIN_ZERO;
}

static void vfio_put_page_external(struct vfio_dma *dma,
				   const struct pin_run *run, bool charged)
{
	pin_account_unpin(&dma->acct, run, 1, dma->prot & IOMMU_WRITE);
	if (charged)
		pin_account_refund(&dma->acct, 1, run->kind == PIN_ZERO_COW);
}

/*
 * Pin the page at @iova, which is not in dma->pfn_list, charge for it if nobody
 * has, and put it there.
 */
static int vfio_pin_page_external(struct vfio_iommu *iommu,
				  struct vfio_dma *dma, dma_addr_t iova,
				  unsigned long *pfn)
{
	struct pin_request request = vfio_dma_request(dma, PAGE_SIZE);
	struct mm_struct *mm = dma->acct.mm;
	struct pin_reader reader;
	struct vfio_pfn *vpfn;
	bool charged = false;
	struct pin_run run;
	long ret;

	lockdep_assert_held(&iommu->lock);

	if (!mmget_not_zero(mm))
		return -ENODEV;

	request.start += iova - request.iova;
	request.iova = iova;
	pin_reader_init(&reader, &request, mm, dma->prot & IOMMU_WRITE, true);
	/* Its driver gets a struct page, which must be pinned. */
	if (reader.zero_mode == PIN_ZERO_PAGE_IGNORE)
		reader.zero_mode = PIN_ZERO_PAGE_COW;
	ret = pin_reader_fill(&reader, request.start, 1);
	if (ret < 0)
		goto out_end;

	pin_reader_next(&reader, &run);
	if (reader.owed && !vfio_mapping_pays(iommu, dma, iova)) {
		ret = pin_account_charge(&dma->acct, reader.owed,
					 reader.zero_cow, &request);
		charged = !ret;
	} else {
		/* A device's memory has no struct page for a driver to use. */
		ret = pfn_valid(run.pfn) ? 0 : -EINVAL;
	}
	if (!ret)
		ret = vfio_add_to_pfn_list(dma, iova, run.pfn);
	if (ret) {
		vfio_put_page_external(dma, &run, charged);
		goto out_end;
	}

	vpfn = vfio_find_vpfn(dma, iova);
	vpfn->kind = run.kind;
	vpfn->charged = charged;
	*pfn = run.pfn;
out_end:
	pin_reader_end(&reader);
	mmput(mm);
	return ret;
}

static void vfio_unpin_page_external(struct vfio_dma *dma, dma_addr_t iova)
{
	struct vfio_pfn *vpfn = vfio_find_vpfn(dma, iova);
	struct pin_run run = { .npages = 1 };
	bool charged;

	if (!vpfn || --vpfn->ref_count)
		return;

	run.pfn = vpfn->pfn;
	run.kind = vpfn->kind;
	charged = vpfn->charged;
	vfio_remove_from_pfn_list(dma, vpfn);
	vfio_put_page_external(dma, &run, charged);
}
