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
 *   any                pin_ledger          its lock; what came through here
 *   any, count_pinned  mm->pinned_vm       atomic; statistics, no limit
 *
 * mm->locked_vm and user->locked_vm are the kernel's own counters, where
 * mlock(), io_uring, perf and others charge as well: a limit is one limit for
 * all of them. The check against it and the charge are one step under the lock
 * (or one compare-and-exchange), so that of two mappings that race for the last
 * page exactly one gets it, and nobody is refused for what another has only
 * asked for.
 *
 * With charge_once a mapping does not pay for a number of pages, but for those
 * that its payer does not hold yet: it enters and leaves them by PFN, see once.c.
 *
 * Lock order: the front end's lock of the mapping, ledger->once.lock, mmap_lock,
 * ledger->lock.
 */
#include "internal.h"

#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/user.h>
#include <trace/events/pinacct.h>

/* Both counters are compared with the limit as mlock(2) does: pages, rounded down. */
static unsigned long limit_pages(const struct pin_account *acct)
{
	return task_rlimit(acct->task, RLIMIT_MEMLOCK) >> PAGE_SHIFT;
}

/* A charge, and what was found when it was tried. In pages. */
struct attempt {
	unsigned long npages;
	unsigned long zero_cow;
	unsigned long limit;
	unsigned long charged;
	unsigned long slack;
};

/*
 * Zero COWs are pages that only exist because of the pin: mainline before 6.2
 * pinned the zero page, and charged nothing. They may exceed the limit by the
 * slack, all of the payer's together. What is not a zero COW never does, since
 * the sum of the others stays within the limit itself.
 */
static bool fits(const struct pin_ledger *ledger, struct attempt *attempt)
{
	unsigned long allowed;

	lockdep_assert_held(&ledger->lock);

	attempt->slack = min(ledger->zero_cow + attempt->zero_cow,
			     pin_zero_slack());
	allowed = attempt->limit + attempt->slack;
	return attempt->charged <= allowed &&
	       attempt->npages <= allowed - attempt->charged;
}

static void enter(struct pin_ledger *ledger, unsigned long npages,
		  unsigned long zero_cow)
{
	lockdep_assert_held(&ledger->lock);

	ledger->charged += npages;
	ledger->zero_cow += zero_cow;
}

static void leave(struct pin_ledger *ledger, unsigned long npages,
		  unsigned long zero_cow)
{
	lockdep_assert_held(&ledger->lock);

	ledger->charged -= npages;
	ledger->zero_cow -= zero_cow;
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

static int charge_mm(struct pin_account *acct, struct attempt *attempt)
{
	struct mm_struct *mm = acct->mm;
	int ret;

	if (!hold_mm(mm))
		return -EINVAL;

	ret = mmap_write_lock_killable(mm);
	if (ret)
		goto out_drop;

	spin_lock(&acct->ledger->lock);
	attempt->charged = mm->locked_vm;
	if (acct->unlimited || fits(acct->ledger, attempt)) {
		mm->locked_vm += attempt->npages;
		enter(acct->ledger, attempt->npages, attempt->zero_cow);
	} else {
		ret = -EDQUOT;
	}
	spin_unlock(&acct->ledger->lock);
	mmap_write_unlock(mm);
out_drop:
	drop_mm(mm);
	return ret;
}

static void refund_mm(struct pin_account *acct, unsigned long npages,
		      unsigned long zero_cow)
{
	struct mm_struct *mm = acct->mm;
	bool alive = hold_mm(mm);

	if (alive)
		mmap_write_lock(mm);
	spin_lock(&acct->ledger->lock);
	if (alive && !WARN_ON_ONCE(mm->locked_vm < npages))
		mm->locked_vm -= npages;
	leave(acct->ledger, npages, zero_cow);
	spin_unlock(&acct->ledger->lock);
	if (alive) {
		mmap_write_unlock(mm);
		drop_mm(mm);
	}
}

static int charge_user(struct pin_account *acct, struct attempt *attempt)
{
	atomic_long_t *locked_vm = &acct->user->locked_vm;
	int ret = 0;
	long charged;

	/* Of one moment with the zero COWs: half of a refund must not be seen. */
	spin_lock(&acct->ledger->lock);
	charged = atomic_long_read(locked_vm);
	do {
		attempt->charged = charged;
		if (!acct->unlimited && !fits(acct->ledger, attempt)) {
			ret = -EDQUOT;
			goto out_unlock;
		}
	} while (!atomic_long_try_cmpxchg(locked_vm, &charged,
					  charged + attempt->npages));
	enter(acct->ledger, attempt->npages, attempt->zero_cow);
out_unlock:
	spin_unlock(&acct->ledger->lock);
	return ret;
}

static void refund_user(struct pin_account *acct, unsigned long npages,
			unsigned long zero_cow)
{
	atomic_long_t *locked_vm = &acct->user->locked_vm;

	spin_lock(&acct->ledger->lock);
	if (!WARN_ON_ONCE(atomic_long_read(locked_vm) < (long)npages))
		atomic_long_sub(npages, locked_vm);
	leave(acct->ledger, npages, zero_cow);
	spin_unlock(&acct->ledger->lock);
}

static int charge_nobody(struct pin_account *acct, struct attempt *attempt)
{
	spin_lock(&acct->ledger->lock);
	enter(acct->ledger, attempt->npages, attempt->zero_cow);
	spin_unlock(&acct->ledger->lock);
	return 0;
}

static void refund_nobody(struct pin_account *acct, unsigned long npages,
			  unsigned long zero_cow)
{
	spin_lock(&acct->ledger->lock);
	leave(acct->ledger, npages, zero_cow);
	spin_unlock(&acct->ledger->lock);
}

static int charge_payer(struct pin_account *acct, struct attempt *attempt)
{
	if (acct->payer == PIN_PAYER_MM)
		return charge_mm(acct, attempt);
	if (acct->payer == PIN_PAYER_USER)
		return charge_user(acct, attempt);
	return charge_nobody(acct, attempt);
}

static void refund_payer(struct pin_account *acct, unsigned long npages,
			 unsigned long zero_cow)
{
	if (acct->payer == PIN_PAYER_MM)
		refund_mm(acct, npages, zero_cow);
	else if (acct->payer == PIN_PAYER_USER)
		refund_user(acct, npages, zero_cow);
	else
		refund_nobody(acct, npages, zero_cow);
}

/*
 * Has the payer charged, be it for all that the mapping holds more now, or for
 * less. Nothing is charged on failure.
 */
static int charge_or_refuse(struct pin_account *acct, unsigned long npages,
			    unsigned long zero_cow,
			    const struct pin_request *request)
{
	struct attempt attempt = {
		.npages = npages,
		.zero_cow = zero_cow,
		.limit = limit_pages(acct),
	};
	int ret = charge_payer(acct, &attempt);

	if (ret == -EDQUOT)
		return pin_refuse_limit(acct, request, npages, attempt.charged,
					attempt.limit, attempt.slack);
	return ret;
}

/* What of the payer's pages the mapping holds. */
static void hold(struct pin_account *acct, long npages)
{
	if (acct->count_pinned)
		atomic64_add(npages, &acct->mm->pinned_vm);
	acct->charged += npages;
}

static int have_ledger(struct pin_account *acct)
{
	if (!acct->ledger)
		acct->ledger = pin_ledger_get(acct);
	return acct->ledger ? 0 : -ENOMEM;
}

/**
 * pin_account_charge - charge the payer for pages that have been pinned
 * @acct: the mapping's account
 * @npages: how many pages; 0 always succeeds
 * @zero_cow: how many of them are zero COWs
 * @request: the mapping that they are for, to be named by a refusal
 *
 * Context: the front end's lock of the mapping is held, mmap_lock of acct->mm
 * is not. May sleep.
 *
 * Return: 0; -ENOMEM if the pages do not fit under RLIMIT_MEMLOCK and the
 * slack, -EDQUOT instead with strict_errno, and that has been recorded; -ENOMEM
 * if there is no memory; -EINTR if the caller was killed while it waited for
 * mmap_lock; -EINVAL if the payer is an mm that no process has any more. Nothing
 * is charged on failure.
 */
int pin_account_charge(struct pin_account *acct, unsigned long npages,
		       unsigned long zero_cow,
		       const struct pin_request *request)
{
	int ret;

	if (!npages)
		return 0;

	ret = have_ledger(acct);
	if (!ret)
		ret = charge_or_refuse(acct, npages, zero_cow, request);
	if (ret)
		return ret;

	hold(acct, npages);
	acct->zero_cow += zero_cow;
	trace_pinacct_charge(acct, npages, zero_cow);
	return 0;
}
EXPORT_SYMBOL_GPL(pin_account_charge);

/**
 * pin_account_refund - give back what was charged
 * @acct: the mapping's account
 * @npages: how many pages, at most acct->charged
 * @zero_cow: how many of them are zero COWs, as far as is known: those that
 *	      were forgotten are found when the rest of the account is refunded
 *
 * Cannot fail and cannot be interrupted: a killed process must not leave its
 * siblings charged. Where the process is gone there is nobody to refund.
 *
 * Context: as pin_account_charge().
 */
void pin_account_refund(struct pin_account *acct, unsigned long npages,
			unsigned long zero_cow)
{
	if (WARN_ON_ONCE(npages > acct->charged))
		npages = acct->charged;
	if (!npages)
		return;

	/* Never more zero COWs than pages are left, nor fewer than none. */
	zero_cow = clamp(zero_cow,
			 acct->zero_cow - min(acct->zero_cow,
					      acct->charged - npages),
			 acct->zero_cow);

	refund_payer(acct, npages, zero_cow);
	hold(acct, -npages);
	acct->zero_cow -= zero_cow;
	trace_pinacct_refund(acct, npages, zero_cow);
}
EXPORT_SYMBOL_GPL(pin_account_refund);

/**
 * pin_account_enter_window - pay for the pages that a reader has pinned
 * @acct: the mapping's account, which is charged once
 * @reader: the reader; nothing of its window has been handed out
 *
 * Context: as pin_account_charge().
 *
 * Return: as pin_account_charge(). On failure the pages are not entered.
 */
int pin_account_enter_window(struct pin_account *acct,
			     const struct pin_reader *reader)
{
	struct pin_reader window = *reader;
	struct pin_owed owed = {}, back = {};
	unsigned long npages = 0;
	struct pin_run run;
	int ret;

	ret = have_ledger(acct);
	if (ret)
		return ret;

	if (mutex_lock_killable(&acct->ledger->once.lock))
		return -EINTR;
	while (pin_reader_next(&window, &run)) {
		if (!pin_kind_is_pinned(run.kind))
			continue;
		pin_once_enter(&acct->ledger->once, &run, &owed);
		npages += run.npages;
	}
	if (owed.npages)
		ret = charge_or_refuse(acct, owed.npages, owed.zero_cow,
				       reader->request);
	if (ret) {
		window = *reader;
		while (pin_reader_next(&window, &run))
			if (pin_kind_is_pinned(run.kind))
				pin_once_leave(&acct->ledger->once, &run,
					       &back);
	} else {
		hold(acct, npages);
		if (owed.npages)
			trace_pinacct_charge(acct, owed.npages, owed.zero_cow);
	}
	mutex_unlock(&acct->ledger->once.lock);
	return ret;
}

/**
 * pin_account_enter - pay for a run of pages
 * @acct: the mapping's account, which is charged once
 * @run: the pages, which are pinned for it
 * @request: the mapping that they are for, to be named by a refusal
 *
 * Context: as pin_account_charge().
 *
 * Return: as pin_account_charge(). On failure the run is not entered.
 */
int pin_account_enter(struct pin_account *acct, const struct pin_run *run,
		      const struct pin_request *request)
{
	struct pin_owed owed = {}, back = {};
	int ret;

	if (!pin_kind_is_pinned(run->kind))
		return 0;
	ret = have_ledger(acct);
	if (ret)
		return ret;

	if (mutex_lock_killable(&acct->ledger->once.lock))
		return -EINTR;
	pin_once_enter(&acct->ledger->once, run, &owed);
	if (owed.npages)
		ret = charge_or_refuse(acct, owed.npages, owed.zero_cow,
				       request);
	if (ret) {
		pin_once_leave(&acct->ledger->once, run, &back);
	} else {
		hold(acct, run->npages);
		if (owed.npages)
			trace_pinacct_charge(acct, owed.npages, owed.zero_cow);
	}
	mutex_unlock(&acct->ledger->once.lock);
	return ret;
}
EXPORT_SYMBOL_GPL(pin_account_enter);

/**
 * pin_account_leave - do not pay for a run of pages any more
 * @acct: the mapping's account, which is charged once
 * @run: the pages, which have been entered, and are still pinned
 *
 * The last one to leave a page gets the refund.
 *
 * Context: as pin_account_refund().
 */
void pin_account_leave(struct pin_account *acct, const struct pin_run *run)
{
	struct pin_owed owed = {};

	if (!pin_kind_is_pinned(run->kind) ||
	    WARN_ON_ONCE(run->npages > acct->charged))
		return;

	mutex_lock(&acct->ledger->once.lock);
	pin_once_leave(&acct->ledger->once, run, &owed);
	if (owed.npages)
		refund_payer(acct, owed.npages, owed.zero_cow);
	hold(acct, -run->npages);
	mutex_unlock(&acct->ledger->once.lock);
	if (owed.npages)
		trace_pinacct_refund(acct, owed.npages, owed.zero_cow);
}
EXPORT_SYMBOL_GPL(pin_account_leave);

/**
 * pin_account_unpin - let go of runs of a mapping
 * @acct: the mapping's account
 * @runs: the runs; no device may reach them any more
 * @nr: how many
 * @dirty: a device may have written to them
 *
 * An account that is charged by number has its refund still to come.
 *
 * Context: as pin_account_refund().
 */
void pin_account_unpin(struct pin_account *acct, const struct pin_run *runs,
		       unsigned int nr, bool dirty)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (pin_account_is_once(acct))
			pin_account_leave(acct, &runs[i]);
		pin_run_unpin(&runs[i], dirty);
	}
	pin_exclusions_wake();
}
EXPORT_SYMBOL_GPL(pin_account_unpin);

/*
 * What a charge that is no zero COW would find now. False where there is no
 * limit. What zero COWs would come on top raises the slack by no more than
 * themselves.
 */
static bool limited(const struct pin_account *acct, struct attempt *attempt,
		    struct pin_totals *totals)
{
	const void *key = acct->payer == PIN_PAYER_USER ? (void *)acct->user :
							  (void *)acct->mm;

	if (acct->unlimited || acct->payer == PIN_PAYER_NONE)
		return false;

	*totals = pin_ledger_read(acct->payer, key);
	attempt->limit = limit_pages(acct);
	attempt->charged = totals->all;
	attempt->slack = min(totals->zero_cow, pin_zero_slack());
	return true;
}

static unsigned long room(const struct attempt *attempt)
{
	unsigned long allowed = attempt->limit + attempt->slack;

	return allowed - min(allowed, attempt->charged);
}

static unsigned long room_of(const struct pin_account *acct)
{
	struct pin_totals totals;
	struct attempt attempt;

	return limited(acct, &attempt, &totals) ? room(&attempt) : ULONG_MAX;
}

/**
 * pin_account_room - how many pages could be charged?
 * @acct: the mapping's account
 *
 * Whoever asks is going to take memory, maybe the last of its cgroup: what the
 * charge needs itself is taken before.
 *
 * Context: as pin_account_charge().
 *
 * Return: pages that are no zero COWs, at this moment; ULONG_MAX without a limit.
 */
unsigned long pin_account_room(struct pin_account *acct)
{
	return have_ledger(acct) ? 0 : room_of(acct);
}

/**
 * pin_account_fits - is there room for a mapping, whatever it is of?
 * @acct: the mapping's account
 * @npages: its length
 *
 * Cheap: to find out how many of the pages are certain to be charged, for
 * pin_account_check(), takes a look at each VMA.
 *
 * Context: as pin_account_charge().
 *
 * Return: true if pin_account_check() would refuse none of them at this moment.
 */
bool pin_account_fits(const struct pin_account *acct, unsigned long npages)
{
	return npages <= room_of(acct);
}
EXPORT_SYMBOL_GPL(pin_account_fits);

/**
 * pin_account_check - would a charge be refused?
 * @acct: the mapping's account
 * @npages: pages that are certain to be charged, none of them a zero COW; 0 is
 *	    never refused
 * @request: the mapping that they are for, to be named by a refusal
 *
 * Context: as pin_account_charge().
 *
 * Return: 0 if it would not be refused at this moment, or the errno with which
 * it is, and that has been recorded. Nothing is charged.
 */
int pin_account_check(struct pin_account *acct, unsigned long npages,
		      const struct pin_request *request)
{
	struct pin_totals totals;
	struct attempt attempt;

	/* Nothing more is owed: a limit that was lowered since does not matter. */
	if (!npages || !limited(acct, &attempt, &totals))
		return 0;
	/* Any of them may have been charged already. */
	if (pin_account_is_once(acct) && totals.charged)
		return 0;
	if (npages <= room(&attempt))
		return 0;
	return pin_refuse_limit(acct, request, npages, attempt.charged,
				attempt.limit, attempt.slack);
}
EXPORT_SYMBOL_GPL(pin_account_check);

/**
 * pin_account_close - the mapping is going, or was never made
 * @acct: its account, with nothing charged
 *
 * References to mm, task and user are the front end's to drop.
 *
 * Context: may sleep.
 */
void pin_account_close(struct pin_account *acct)
{
	WARN_ON_ONCE(acct->charged);
	pin_ledger_put(acct->ledger);
	acct->ledger = NULL;
}
EXPORT_SYMBOL_GPL(pin_account_close);

/**
 * pin_account_same_payer - does a change of owner leave the payer as it is?
 * @a: one account
 * @b: another
 *
 * Context: the front end's locks of both mappings are held.
 *
 * Return: true if both charge the same counter. Where nobody pays, it is the mm
 * that counts.
 */
bool pin_account_same_payer(const struct pin_account *a,
			    const struct pin_account *b)
{
	if (a->payer != b->payer)
		return false;
	if (a->payer == PIN_PAYER_USER)
		return a->user == b->user;
	return a->mm == b->mm;
}
EXPORT_SYMBOL_GPL(pin_account_same_payer);

/**
 * pin_account_hand_over - give a mapping to another owner
 * @acct: the mapping's account
 * @to: describes the new owner. Unless it is the same payer, @npages have been
 *	charged to it for this mapping before, and become @acct's here
 * @npages: acct->charged; or, with charge_once, what it was before the mapping's
 *	    pages were entered for @to and left for @acct
 *
 * The charge is the caller's, because it can fail, and with several mappings
 * it must fail before the first of them has changed hands. The same payer is
 * not charged twice in between. @acct takes its own references to the new owner
 * and drops those to the old one.
 *
 * Context: the front end's lock of the mapping is held, no mmap_lock is.
 */
void pin_account_hand_over(struct pin_account *acct, struct pin_account *to,
			   unsigned long npages)
{
	struct pin_account old = *acct;

	if (pin_account_same_payer(acct, to)) {
		if (acct->count_pinned) {
			atomic64_add(npages, &to->mm->pinned_vm);
			atomic64_sub(npages, &old.mm->pinned_vm);
		}
	} else {
		WARN_ON_ONCE(to->charged < npages ||
			     to->zero_cow < acct->zero_cow);
		to->charged -= npages;
		to->zero_cow -= acct->zero_cow;
		/* Not a new one: what is charged to @to holds it. */
		acct->ledger = npages ? pin_ledger_get(to) : NULL;
		acct->charged = npages;
		pin_account_refund(&old, old.charged, old.zero_cow);
		pin_ledger_put(old.ledger);
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

	/* The pins are on another's memory now. */
	pin_exclusions_wake();
}
EXPORT_SYMBOL_GPL(pin_account_hand_over);
