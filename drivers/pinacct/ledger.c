// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a payer owes in all, over all of its mappings.
 *
 * The kernel's counters, mm->locked_vm and user->locked_vm, say how much is
 * charged, by whomever. They do not say how much of it came through here, or
 * how much of that are zero COWs, which may exceed the limit by the slack. A
 * struct pin_ledger does. There is one for each payer with an account that has
 * been charged; the accounts hold it, and the last one to go frees it.
 *
 * Locks: ledgers_lock guards the table and the count of users. ledger->lock
 * guards the numbers, and makes the check of a limit and the charge one step;
 * it nests inside mmap_lock, and inside ledgers_lock. A ledger is looked up
 * before mmap_lock is taken.
 */
#include "internal.h"

#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/pid.h>
#include <linux/seq_file.h>
#include <linux/sched/mm.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

static DEFINE_HASHTABLE(ledgers, 8);
static DEFINE_SPINLOCK(ledgers_lock);

static const void *payer_key(const struct pin_account *acct)
{
	if (acct->payer == PIN_PAYER_USER)
		return acct->user;
	return acct->mm;
}

static struct pin_ledger *ledger_find(u8 payer, const void *key)
{
	struct pin_ledger *ledger;

	lockdep_assert_held(&ledgers_lock);

	hash_for_each_possible(ledgers, ledger, node, (unsigned long)key)
		if (ledger->key == key && ledger->payer == payer)
			return ledger;
	return NULL;
}

/**
 * pin_ledger_get - the ledger of whoever pays for an account
 * @acct: the account
 *
 * An account without a payer has a ledger too, that of its mm: it is where
 * people look for what is pinned of a process.
 *
 * Context: may sleep.
 *
 * Return: the ledger, to be put with pin_ledger_put(), or NULL if there is no
 * memory for a new one.
 */
struct pin_ledger *pin_ledger_get(const struct pin_account *acct)
{
	const void *key = payer_key(acct);
	struct pin_ledger *ledger, *new;

	spin_lock(&ledgers_lock);
	ledger = ledger_find(acct->payer, key);
	if (ledger)
		ledger->users++;
	spin_unlock(&ledgers_lock);
	if (ledger)
		return ledger;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	spin_lock_init(&new->lock);
	pin_once_init(&new->once);
	new->payer = acct->payer;
	new->id = new->payer == PIN_PAYER_USER ?
		  from_kuid(&init_user_ns, acct->user->uid) :
		  task_tgid_nr(acct->task);
	new->key = key;
	new->users = 1;

	spin_lock(&ledgers_lock);
	ledger = ledger_find(acct->payer, key);
	if (ledger) {
		ledger->users++;
		swap(ledger, new);
	} else {
		/* The key stays this payer's as long as it is held. */
		if (new->payer == PIN_PAYER_USER)
			get_uid(acct->user);
		else
			mmgrab(acct->mm);
		hash_add(ledgers, &new->node, (unsigned long)key);
	}
	spin_unlock(&ledgers_lock);

	kfree(ledger);
	return new;
}

/**
 * pin_ledger_put - the account does not need its ledger any more
 * @ledger: the ledger, or NULL
 *
 * Context: may sleep. No lock is held that freeing an mm_struct would take.
 */
void pin_ledger_put(struct pin_ledger *ledger)
{
	bool last;

	if (!ledger)
		return;

	spin_lock(&ledgers_lock);
	last = !--ledger->users;
	if (last)
		hash_del(&ledger->node);
	spin_unlock(&ledgers_lock);
	if (!last)
		return;

	WARN_ON_ONCE(ledger->charged || ledger->zero_cow);
	if (ledger->payer == PIN_PAYER_USER)
		free_uid((struct user_struct *)ledger->key);
	else
		mmdrop((struct mm_struct *)ledger->key);
	pin_once_destroy(&ledger->once);
	kfree(ledger);
}

static unsigned long charged_by_all(u8 payer, const void *key)
{
	const struct user_struct *user = key;
	const struct mm_struct *mm = key;

	if (payer == PIN_PAYER_MM)
		return READ_ONCE(mm->locked_vm);
	if (payer == PIN_PAYER_USER)
		return atomic_long_read(&user->locked_vm);
	return 0;
}

/**
 * pin_ledger_read - what a payer owes
 * @payer: an enum pin_payer
 * @key: the mm_struct, or the user_struct with PIN_PAYER_USER
 *
 * The numbers are of one moment, as far as mappings for devices go: a limit is
 * compared with their difference, and must not see half of an unmap.
 *
 * Context: any that may take a spinlock.
 *
 * Return: the numbers.
 */
struct pin_totals pin_ledger_read(u8 payer, const void *key)
{
	struct pin_totals totals = {};
	struct pin_ledger *ledger;

	spin_lock(&ledgers_lock);
	ledger = ledger_find(payer, key);
	if (ledger) {
		spin_lock(&ledger->lock);
		totals.charged = ledger->charged;
		totals.zero_cow = ledger->zero_cow;
		totals.shared = READ_ONCE(ledger->once.shared);
		totals.all = charged_by_all(payer, key);
		spin_unlock(&ledger->lock);
	} else {
		/* Nobody charges through the layer before there is one. */
		totals.all = charged_by_all(payer, key);
	}
	spin_unlock(&ledgers_lock);
	return totals;
}

static void ledger_show(struct seq_file *seq, struct pin_ledger *ledger)
{
	static const char * const names[] = {
		[PIN_PAYER_NONE] = "nobody",
		[PIN_PAYER_USER] = "uid",
		[PIN_PAYER_MM] = "process",
	};

	spin_lock(&ledger->lock);
	seq_printf(seq, "%-8s %10u %14lu %14lu %14lu %14lu\n",
		   names[ledger->payer], ledger->id,
		   ledger->charged << (PAGE_SHIFT - 10),
		   ledger->zero_cow << (PAGE_SHIFT - 10),
		   READ_ONCE(ledger->once.shared) << (PAGE_SHIFT - 10),
		   READ_ONCE(ledger->once.nr_chunks));
	spin_unlock(&ledger->lock);
}

/**
 * pin_ledgers_show - print a line for each ledger
 * @seq: where to
 *
 * Context: may sleep.
 */
void pin_ledgers_show(struct seq_file *seq)
{
	struct pin_ledger *ledger;
	int bucket;

	spin_lock(&ledgers_lock);
	hash_for_each(ledgers, bucket, ledger, node)
		ledger_show(seq, ledger);
	spin_unlock(&ledgers_lock);
}
