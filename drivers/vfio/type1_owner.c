// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a vfio_dma gets another owner: after exec(), or in another process that
 * has the memory, by VFIO_DMA_MAP_FLAG_VADDR.
 *
 * The new owner is charged first, which can fail, and then the old one refunded.
 * With charge_once that is page by page, since each of them may pay for some of
 * the pages already.
 */

static int vfio_enter_pin(void *ctx, unsigned long vaddr,
			  const struct pin_run *run)
{
	struct pin_request *request = ctx;

	return pin_account_enter(request->acct, run, request);
}

/* Stops where pins have not been entered. */
static int vfio_leave_pin(void *ctx, unsigned long vaddr,
			  const struct pin_run *run)
{
	struct pin_account *acct = ctx;

	if (!acct->charged)
		return 1;
	pin_account_leave(acct, run);
	return 0;
}

static int vfio_charge_owner(struct vfio_iommu *iommu, struct vfio_dma *dma,
			     struct pin_account *to)
{
	struct pin_request request = vfio_dma_request(dma, dma->size);
	int ret;

	if (!pin_account_is_once(to))
		return pin_account_charge(to, dma->acct.charged,
					  dma->acct.zero_cow, &request);

	request.acct = to;
	ret = vfio_walk_pins(iommu, dma, vfio_enter_pin, &request);
	if (ret)
		vfio_walk_pins(iommu, dma, vfio_leave_pin, to);
	return ret;
}

static int vfio_change_dma_owner(struct vfio_iommu *iommu,
				 struct vfio_dma *dma)
{
	unsigned long npages = dma->acct.charged;
	struct pin_account to;
	int ret;

	lockdep_assert_held(&iommu->lock);

	if (dma->acct.mm == current->mm)
		return 0;

	to = vfio_caller_account();
	pin_source_maps(&iommu->pins, to.mm);
	to.once = dma->acct.once;
	ret = vfio_charge_owner(iommu, dma, &to);
	if (!ret) {
		if (pin_account_is_once(&to))
			vfio_walk_pins(iommu, dma, vfio_leave_pin, &dma->acct);
		pin_account_hand_over(&dma->acct, &to, npages);
	}
	pin_account_close(&to);
	return ret;
}
