// SPDX-License-Identifier: GPL-2.0-only
/*
 * How all mappings of an iommufd are handed to the process that has it now,
 * which may be another program in the same memory files: live update.
 *
 * iommufd's ioas.c includes this file in the place of its own function.
 *
 * It is all or nothing. What the new owner does not pay already is added up and
 * charged in one step, which is all that can fail; then the mappings change
 * hands one by one. Several areas may share an iopt_pages, which is counted once
 * and handed over once. With charge_once it is charged page by page, since the
 * new owner may pay for some of them already.
 *
 * Nobody pins or unpins meanwhile: every iova_rwsem is held for writing, and an
 * area that is being filled or unfilled at this moment has no pages, and is
 * refused.
 */

/* What a new owner is going to be charged for, of all mappings of one payer. */
struct owed {
	unsigned long npages;
	unsigned long zero_cow;
};

/* To be undone with put_back_owed(), before or after the hand-over. */
static int take_owed(struct iopt_pages *pages, struct pin_account *owner,
		     struct owed *owed)
{
	int rc = 0;

	guard(mutex)(&pages->mutex);
	if (!pages->acct.charged || pin_account_same_payer(&pages->acct, owner))
		return 0;
	if (pin_account_is_once(&pages->acct)) {
		rc = iopt_pages_enter(pages, owner);
	} else {
		owed->npages += pages->acct.charged;
		owed->zero_cow += pages->acct.zero_cow;
	}
	if (!rc)
		pages->acct.charged = 0;
	return rc;
}

static void put_back_owed(struct iopt_pages *pages, struct pin_account *owner,
			  bool failed)
{
	bool taken = pages->npinned && !pages->acct.charged;

	lockdep_assert_held(&pages->mutex);

	pages->acct.charged = pages->npinned;
	if (taken && pin_account_is_once(&pages->acct))
		iopt_pages_leave(pages, failed ? owner : &pages->acct,
				 pages->npinned);
}

/* Addresses mean nothing in another process; an offset in a file does. */
static int check_area(const struct iopt_area *area)
{
	if (!area->pages)
		return -EBUSY;
	return area->pages->type == IOPT_ADDRESS_FILE ? 0 : -EINVAL;
}

/* Charges @owners, of which each is of another payer, for all or for none. */
static int charge_owners(struct pin_account *owners, const struct owed *owed)
{
	unsigned int payer;
	int rc;

	for (payer = 0; payer != IOPT_PAGES_ACCOUNT_MODE_NUM; payer++) {
		struct pin_request request = {
			.acct = &owners[payer],
			.npages = owed[payer].npages,
		};

		rc = pin_account_charge(&owners[payer], owed[payer].npages,
					owed[payer].zero_cow, &request);
		if (rc)
			goto err_refund;
	}
	return 0;

err_refund:
	while (payer--)
		pin_account_refund(&owners[payer], owed[payer].npages,
				   owed[payer].zero_cow);
	return rc;
}

/* @ioas_list: all that the iommufd has, with every iova_rwsem held. */
static int change_owner(struct xarray *ioas_list)
{
	struct pin_account owners[IOPT_PAGES_ACCOUNT_MODE_NUM];
	struct owed owed[IOPT_PAGES_ACCOUNT_MODE_NUM] = {};
	struct iommufd_ioas *ioas;
	struct iopt_area *area;
	unsigned long index;
	unsigned int payer;
	int rc;

	for_each_ioas_area(ioas_list, index, ioas, area) {
		rc = check_area(area);
		if (rc)
			return rc;
	}

	for (payer = 0; payer != ARRAY_SIZE(owners); payer++)
		owners[payer] = (struct pin_account){
			.mm = current->mm,
			.task = current->group_leader,
			.user = current_user(),
			.payer = payer,
			.count_pinned = true,
		};

	rc = 0;
	for_each_ioas_area(ioas_list, index, ioas, area) {
		payer = area->pages->acct.payer;
		if (!rc)
			rc = take_owed(area->pages, &owners[payer],
				       &owed[payer]);
	}

	if (!rc)
		rc = charge_owners(owners, owed);

	for_each_ioas_area(ioas_list, index, ioas, area) {
		struct iopt_pages *pages = area->pages;
		struct pin_account *owner = &owners[pages->acct.payer];

		guard(mutex)(&pages->mutex);
		pin_source_maps(&area->iopt->pins, owner->mm);
		put_back_owed(pages, owner, rc);
		if (!rc)
			pin_account_hand_over(&pages->acct, owner,
					      pages->npinned);
	}

	for (payer = 0; payer != ARRAY_SIZE(owners); payer++)
		pin_account_close(&owners[payer]);
	return rc;
}

/**
 * iommufd_ioas_change_process - IOMMU_IOAS_CHANGE_PROCESS
 * @ucmd: the ioctl
 *
 * Context: takes every iova_rwsem of the iommufd, and pages->mutex of each.
 *
 * Return: 0; -EOPNOTSUPP for a flag that is not known, -EBUSY where an area is
 * being made or unmade, -EINVAL if memory is mapped by address, -ENOMEM if the
 * caller's limit does not allow it.
 */
int iommufd_ioas_change_process(struct iommufd_ucmd *ucmd)
{
	const struct iommu_ioas_change_process *cmd = ucmd->cmd;
	struct xarray held;
	int rc = -EOPNOTSUPP;

	xa_init(&held);
	if (!cmd->__reserved)
		rc = iommufd_take_all_iova_rwsem(ucmd->ictx, &held);
	if (rc)
		return rc;

	rc = change_owner(&held);
	iommufd_release_all_iova_rwsem(ucmd->ictx, &held);
	return rc;
}
