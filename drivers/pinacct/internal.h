/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _PINACCT_INTERNAL_H
#define _PINACCT_INTERNAL_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/pinacct.h>

void pin_refusal_log(const struct pin_account *acct, unsigned long npages,
		     unsigned long more, unsigned long charged,
		     unsigned long limit);

#endif
