// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who pays for pinned memory, and how much.
 *
 * Every mapping has a struct pin_account. It says who pays, and remembers how
 * many pages the payer was charged for it, so that exactly those are refunded
 * whatever happens in between: partial failure, a lowered limit, a new owner.
 *
 *   payer              counter             protected by
 *   PIN_PAYER_MM       mm->locked_vm       mmap_lock of that mm, for writing
 *   PIN_PAYER_USER     user->locked_vm     atomic
 *   PIN_PAYER_NONE     none
 *   any, count_pinned  mm->pinned_vm       atomic; statistics, no limit
 *
 * mm->locked_vm and user->locked_vm are the kernel's own counters, where
 * mlock(), io_uring, perf and others charge as well: a limit is one limit for
 * all of them. The check against it and the charge are one step under the lock
 * (or one compare-and-exchange), so that of two mappings that race for the last
 * page exactly one gets it, and nobody is refused for what another has only
 * asked for.
 *
 * Lock order: the front end's lock of the mapping, then mmap_lock.
 */
#include "internal.h"

#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/user.h>

/* Both counters are compared with the limit as mlock(2) does: pages, rounded down. */
static unsigned long limit_pages(const struct pin_account *acct)
{
	return task_rlimit(acct->task, RLIMIT_MEMLOCK) >> PAGE_SHIFT;
}

static bool fits(unsigned long charged, unsigned long npages,
		 unsigned long limit)
{
	return charged <= limit && npages <= limit - charged;
}

/*
 * The memory of a process that is gone is not charged to anybody any more;
 * what is pinned of it is only counted in its account.
 */
static bool hold_mm(struct mm_struct *mm)
{
	return mm == current->mm || mmget_not_zero(mm);
}

static void drop_mm(struct mm_struct *mm)
{
	if (mm != current->mm)
		mmput(mm);
}

static int charge_mm(struct pin_account *acct, unsigned long npages,
		     unsigned long more)
{
	unsigned long limit = limit_pages(acct);
	struct mm_struct *mm = acct->mm;
	unsigned long charged;
	int ret;

	if (!hold_mm(mm))
		return -EINVAL;

	ret = mmap_write_lock_killable(mm);
	if (ret)
		goto out_drop;

	charged = mm->locked_vm;
	if (acct->unlimited || fits(charged, npages, limit))
		mm->locked_vm += npages;
	else
		ret = -ENOMEM;
	mmap_write_unlock(mm);

	if (ret)
		pin_refusal_log(acct, npages, more, charged, limit);
out_drop:
	drop_mm(mm);
	return ret;
}

static void refund_mm(struct pin_account *acct, unsigned long npages)
{
	struct mm_struct *mm = acct->mm;

	if (!hold_mm(mm))
		return;

	mmap_write_lock(mm);
	if (!WARN_ON_ONCE(mm->locked_vm < npages))
		mm->locked_vm -= npages;
	mmap_write_unlock(mm);
	drop_mm(mm);
}

static int charge_user(struct pin_account *acct, unsigned long npages,
		       unsigned long more)
{
	atomic_long_t *locked_vm = &acct->user->locked_vm;
	unsigned long limit = limit_pages(acct);
	long charged = atomic_long_read(locked_vm);

	do {
		if (!acct->unlimited && !fits(charged, npages, limit)) {
			pin_refusal_log(acct, npages, more, charged, limit);
			return -ENOMEM;
		}
	} while (!atomic_long_try_cmpxchg(locked_vm, &charged,
					  charged + npages));
	return 0;
}

static void refund_user(struct pin_account *acct, unsigned long npages)
{
	atomic_long_t *locked_vm = &acct->user->locked_vm;

	if (!WARN_ON_ONCE(atomic_long_read(locked_vm) < (long)npages))
		atomic_long_sub(npages, locked_vm);
}

/**
 * pin_account_charge - charge the payer for pages that have been pinned
 * @acct: the mapping's account
 * @npages: how many pages; 0 always succeeds
 * @more: pages that the same mapping is still going to charge after these. Not
 *	  charged and not checked: only a refusal mentions them, so that it can
 *	  name the limit that the whole mapping needs
 *
 * Context: the front end's lock of the mapping is held, mmap_lock of acct->mm
 * is not. May sleep.
 *
 * Return: 0; -ENOMEM if the pages do not fit under RLIMIT_MEMLOCK, which has
 * been logged; -EINTR if the caller was killed while it waited for mmap_lock;
 * -EINVAL if the payer is an mm that no process has any more. Nothing is
 * charged on failure.
 */
int pin_account_charge(struct pin_account *acct, unsigned long npages,
		       unsigned long more)
{
	int ret = 0;

	if (!npages)
		return 0;

	if (acct->payer == PIN_PAYER_MM)
		ret = charge_mm(acct, npages, more);
	else if (acct->payer == PIN_PAYER_USER)
		ret = charge_user(acct, npages, more);
	if (ret)
		return ret;

	if (acct->count_pinned)
		atomic64_add(npages, &acct->mm->pinned_vm);
	acct->charged += npages;
	return 0;
}
EXPORT_SYMBOL_GPL(pin_account_charge);

/**
 * pin_account_refund - give back what was charged
 * @acct: the mapping's account
 * @npages: how many pages, at most acct->charged
 *
 * Cannot fail and cannot be interrupted: a killed process must not leave its
 * siblings charged. Where the process is gone there is nobody to refund.
 *
 * Context: as pin_account_charge().
 */
void pin_account_refund(struct pin_account *acct, unsigned long npages)
{
	if (WARN_ON_ONCE(npages > acct->charged))
		npages = acct->charged;
	if (!npages)
		return;

	if (acct->payer == PIN_PAYER_MM)
		refund_mm(acct, npages);
	else if (acct->payer == PIN_PAYER_USER)
		refund_user(acct, npages);

	if (acct->count_pinned)
		atomic64_sub(npages, &acct->mm->pinned_vm);
	acct->charged -= npages;
}
EXPORT_SYMBOL_GPL(pin_account_refund);

/**
 * pin_account_same_payer - does a change of owner leave the payer as it is?
 * @a: one account
 * @b: another
 *
 * Context: the front end's locks of both mappings are held.
 *
 * Return: true if both charge the same counter, or both charge none.
 */
bool pin_account_same_payer(const struct pin_account *a,
			    const struct pin_account *b)
{
	if (a->payer != b->payer)
		return false;
	if (a->payer == PIN_PAYER_MM)
		return a->mm == b->mm;
	if (a->payer == PIN_PAYER_USER)
		return a->user == b->user;
	return true;
}
EXPORT_SYMBOL_GPL(pin_account_same_payer);

/**
 * pin_account_hand_over - give a mapping to another owner
 * @acct: the mapping's account
 * @to: describes the new owner. Unless it is the same payer, acct->charged pages
 *	have been charged to it before, with pin_account_charge(), and become
 *	@acct's here
 *
 * The charge is the caller's, because it can fail, and with several mappings
 * it must fail before the first of them has changed hands. The same payer is
 * not charged twice in between. @acct takes its own references to the new owner
 * and drops those to the old one.
 *
 * Context: the front end's lock of the mapping is held, no mmap_lock is.
 */
void pin_account_hand_over(struct pin_account *acct, struct pin_account *to)
{
	unsigned long npages = acct->charged;
	struct pin_account old = *acct;

	if (pin_account_same_payer(acct, to)) {
		if (acct->count_pinned) {
			atomic64_add(npages, &to->mm->pinned_vm);
			atomic64_sub(npages, &old.mm->pinned_vm);
		}
	} else {
		WARN_ON_ONCE(to->charged < npages);
		to->charged -= npages;
		pin_account_refund(&old, npages);
	}

	mmgrab(to->mm);
	get_task_struct(to->task);
	if (to->user)
		get_uid(to->user);

	acct->mm = to->mm;
	acct->task = to->task;
	acct->user = to->user;
	acct->payer = to->payer;
	acct->unlimited = to->unlimited;

	mmdrop(old.mm);
	put_task_struct(old.task);
	if (old.user)
		free_uid(old.user);
}
EXPORT_SYMBOL_GPL(pin_account_hand_over);
