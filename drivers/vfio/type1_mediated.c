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

/* @charge: the container has no domain, whose mapping would have paid. */
static int vfio_pin_page_external(struct vfio_dma *dma, unsigned long vaddr,
				  unsigned long *pfn, bool charge)
{
	struct pin_request request = vfio_dma_request(dma, PAGE_SIZE);
	bool writable = dma->prot & IOMMU_WRITE;
	struct mm_struct *mm = dma->acct.mm;
	struct pin_reader reader;
	struct pin_run run;
	long ret;

	if (!mmget_not_zero(mm))
		return -ENODEV;

	request.iova += vaddr - request.start;
	request.start = vaddr;
	pin_reader_init(&reader, &request, mm, writable, true);
	/* Its driver gets a struct page, which must be pinned. */
	if (reader.zero_mode == PIN_ZERO_PAGE_IGNORE)
		reader.zero_mode = PIN_ZERO_PAGE_COW;
	ret = pin_reader_fill(&reader, vaddr, 1);
	if (ret < 0)
		goto out_end;

	pin_reader_next(&reader, &run);
	*pfn = run.pfn;
	ret = 0;
	if (charge && pin_kind_is_pinned(run.kind)) {
		ret = pin_account_charge(&dma->acct, 1, reader.zero_cow,
					 &request);
		if (ret)
			pin_run_unpin(&run, writable);
	}
out_end:
	pin_reader_end(&reader);
	mmput(mm);
	return ret;
}

/* Undoes vfio_pin_page_external(). @refund: as its @charge would be now. */
static void vfio_put_page_external(struct vfio_dma *dma, unsigned long pfn,
				   bool refund)
{
	struct pin_run run = {
		.pfn = pfn,
		.npages = 1,
		.kind = pin_kind_of(pfn),
	};

	pin_run_unpin(&run, dma->prot & IOMMU_WRITE);

	/* Nothing is charged for it if vfio_dma_settle_account() was refused. */
	if (refund && run.kind == PIN_RAM && dma->acct.charged)
		pin_account_refund(&dma->acct, 1, 0);
}

static void vfio_unpin_page_external(struct vfio_dma *dma, dma_addr_t iova,
				     bool refund)
{
	struct vfio_pfn *vpfn = vfio_find_vpfn(dma, iova);
	unsigned long pfn;

	if (!vpfn || --vpfn->ref_count)
		return;

	pfn = vpfn->pfn;
	vfio_remove_from_pfn_list(dma, vpfn);
	vfio_put_page_external(dma, pfn, refund);
}
