// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who owns a vfio_dma, and what it owes for its pages.
 *
 * A page of a vfio_dma can be pinned twice: for the IOMMU domains of the
 * container, all of which share one pin, and for a mediated device, which has
 * asked for it by IOVA and stands in dma->pfn_list. It is charged once:
 *
 *   while the container has    dma->acct.charged is the number of
 *   a domain                   pages of RAM that are mapped, whoever else has
 *                              pinned them
 *   no domain                  pages of RAM in dma->pfn_list
 *
 * So a mediated pin is charged only where no domain has the page: there is no
 * domain, or its mapping has the zero page there, which is nobody's
 * (zero_page=ignore). vfio_pfn::charged says so. Mapping into the first domain
 * takes such charges over, and charges the rest; when the last domain goes,
 * everything but the list is refunded.
 *
 * The owner is the process that made the mapping, or took it over with
 * VFIO_DMA_MAP_FLAG_VADDR. It may be gone, or have another mm, by the time a
 * page is unpinned.
 *
 * With charge_once all of that is the layer's: every pin enters the payer's
 * ledger by PFN, where a page is charged once whoever else has pinned it, and
 * leaves it when it goes. dma->acct.charged is then the number of all pins.
 *
 * iommu->lock protects all of it. mmap_lock of the owner nests inside.
 */

/* The caller as an owner. Takes no references. */
static struct pin_account vfio_caller_account(void)
{
	return (struct pin_account) {
		.mm = current->mm,
		/* One task for all threads, which share the limit anyway. */
		.task = current->group_leader,
		.payer = PIN_PAYER_MM,
		.unlimited = capable(CAP_IPC_LOCK),
		.zero_mode = pin_zero_mode(),
		.once = pin_charge_once(),
	};
}

/* What a refusal is to say about @dma. @size: of all of it, in bytes. */
static struct pin_request vfio_dma_request(struct vfio_dma *dma, size_t size)
{
	return (struct pin_request) {
		.acct = &dma->acct,
		.start = dma->vaddr,
		.iova = dma->iova,
		.npages = size >> PAGE_SHIFT,
	};
}

static void vfio_dma_set_owner(struct vfio_iommu *iommu, struct vfio_dma *dma)
{
	lockdep_assert_held(&iommu->lock);

	dma->acct = vfio_caller_account();
	pin_source_maps(&iommu->pins, dma->acct.mm);
	mmgrab(dma->acct.mm);
	get_task_struct(dma->acct.task);
}

static void vfio_dma_put_owner(struct vfio_iommu *iommu, struct vfio_dma *dma)
{
	lockdep_assert_held(&iommu->lock);

	pin_account_close(&dma->acct);
	put_task_struct(dma->acct.task);
	mmdrop(dma->acct.mm);
}

/* The first mediated pin at @iova or behind it, or NULL. */
static struct vfio_pfn *vfio_first_mediated(struct vfio_dma *dma,
					    dma_addr_t iova)
{
	struct rb_node *node = dma->pfn_list.rb_node;
	struct vfio_pfn *vpfn, *first = NULL;

	while (node) {
		vpfn = rb_entry(node, struct vfio_pfn, node);
		if (vpfn->iova < iova) {
			node = node->rb_right;
		} else {
			first = vpfn;
			node = node->rb_left;
		}
	}
	return first;
}

static struct vfio_pfn *vfio_next_mediated(struct vfio_pfn *vpfn)
{
	return rb_entry_safe(rb_next(&vpfn->node), struct vfio_pfn, node);
}

/* How many of the pages from @iova on a mediated device has pinned. */
static unsigned long vfio_nr_mediated(struct vfio_dma *dma, dma_addr_t iova,
				      unsigned long npages)
{
	dma_addr_t last = iova + npages * PAGE_SIZE - 1;
	struct vfio_pfn *vpfn = vfio_first_mediated(dma, iova);
	unsigned long nr = 0;

	for (; vpfn && vpfn->iova <= last; vpfn = vfio_next_mediated(vpfn))
		nr++;
	return nr;
}

/* The pages of @dma are not in any domain any more; mediated pins stay. */
static void vfio_dma_settle_account(struct vfio_iommu *iommu,
				    struct vfio_dma *dma)
{
	struct pin_request request = vfio_dma_request(dma, dma->size);
	unsigned long owed = 0, zero_cow = 0, paid;
	struct vfio_pfn *vpfn;

	lockdep_assert_held(&iommu->lock);

	if (pin_account_is_once(&dma->acct))
		return;

	for (vpfn = vfio_first_mediated(dma, 0); vpfn;
	     vpfn = vfio_next_mediated(vpfn)) {
		owed += pin_kind_is_pinned(vpfn->kind);
		zero_cow += vpfn->kind == PIN_ZERO_COW;
	}

	/*
	 * More can be owed only where the process has put RAM at an address
	 * that was mapped as a device's. A refusal leaves it uncharged: there
	 * is nobody to tell.
	 */
	if (owed > dma->acct.charged)
		pin_account_charge(&dma->acct, owed - dma->acct.charged, 0,
				   &request);
	else
		pin_account_refund(&dma->acct, dma->acct.charged - owed,
				   dma->acct.zero_cow -
				   min(dma->acct.zero_cow, zero_cow));

	paid = dma->acct.charged;
	for (vpfn = vfio_first_mediated(dma, 0); vpfn;
	     vpfn = vfio_next_mediated(vpfn)) {
		vpfn->charged = paid && pin_kind_is_pinned(vpfn->kind);
		paid -= vpfn->charged;
	}
}
