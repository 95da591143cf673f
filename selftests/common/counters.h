/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel counts of locked and pinned memory, in pages. */
#ifndef PINACCT_TEST_COUNTERS_H
#define PINACCT_TEST_COUNTERS_H

#include <sys/types.h>

/**
 * struct counters - the counters at one moment, in pages
 * @lck: VmLck of this process: mm->locked_vm
 * @pin: VmPin of this process: mm->pinned_vm
 * @user: user->locked_vm of the real user, by probing
 * @held: pins that are held in the whole system (acquired less released)
 */
struct counters {
	long lck;
	long pin;
	long user;
	long held;
};

int counters_start(void);
int counters_read(struct counters *now);
int counters_read_of(pid_t pid, struct counters *now);
struct counters counters_since(const struct counters *now, const struct counters *then);

long counters_page_tables(void);
long counters_resident(const void *address);
long counters_huge(const void *address);

int counters_user_charge(void *memory, unsigned long npages);
int counters_user_refund(void);

#endif
