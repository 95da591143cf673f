// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a refusal says.
 *
 * Mainline answers every refused mapping with a bare ENOMEM. Here it leaves a
 * line in the log that names who pays, how much is charged, what the limit is
 * and what it would have to be, so that nobody needs to guess.
 */
#include "internal.h"

#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/user.h>
#include <linux/uidgid.h>

static unsigned long kib(unsigned long npages)
{
	return npages << (PAGE_SHIFT - 10);
}

/**
 * pin_refusal_log - log one line about a charge over RLIMIT_MEMLOCK
 * @acct: who was to pay
 * @npages: pages that did not fit
 * @more: pages of the same mapping that had not been asked for yet
 * @charged: pages that the payer was charged with at that moment
 * @limit: the limit in pages
 *
 * Context: any that may print; no lock needed. Rate limited, since a process
 * can be refused as often as it likes.
 */
void pin_refusal_log(const struct pin_account *acct, unsigned long npages,
		     unsigned long more, unsigned long charged,
		     unsigned long limit)
{
	static DEFINE_RATELIMIT_STATE(rs, 5 * HZ, 10);
	bool user = acct->payer == PIN_PAYER_USER;

	if (!__ratelimit(&rs))
		return;

	pr_warn("%s[%d]: RLIMIT_MEMLOCK refuses %lu KiB more: %s %u is charged %lu of %lu KiB. This mapping needs a limit of at least %lu KiB (ulimit -l, prlimit --memlock, systemd LimitMEMLOCK=, libvirt <memtune><hard_limit>)\n",
		current->comm, task_tgid_nr(current), kib(npages),
		user ? "uid" : "process",
		user ? from_kuid(&init_user_ns, acct->user->uid) :
		       task_tgid_nr(acct->task),
		kib(charged), kib(limit), kib(charged + npages + more));
}
