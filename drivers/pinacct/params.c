// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be chosen. With the defaults everything is as mainline has it.
 *
 * All are in /sys/module/pinacct/parameters and can be changed at run time; a
 * value that makes no sense is refused with EINVAL and changes nothing. What
 * zero pages get and whether pages are charged once is decided when a mapping is
 * made; slack, errnos and threads are looked at whenever they matter.
 */
#include "internal.h"

#include <linux/export.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/sysfs.h>

static enum pin_zero_mode zero_page = PIN_ZERO_PAGE_COW;

static const char * const zero_page_names[] = {
	[PIN_ZERO_PAGE_COW] = "cow",
	[PIN_ZERO_PAGE_IGNORE] = "ignore",
	[PIN_ZERO_PAGE_STRICT] = "strict",
};

static int zero_page_set(const char *val, const struct kernel_param *kp)
{
	int mode = sysfs_match_string(zero_page_names, val);

	if (mode < 0)
		return mode;
	WRITE_ONCE(zero_page, mode);
	return 0;
}

static int zero_page_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", zero_page_names[zero_page]);
}

static const struct kernel_param_ops zero_page_ops = {
	.set = zero_page_set,
	.get = zero_page_get,
};

module_param_cb(zero_page, &zero_page_ops, NULL, 0644);
MODULE_PARM_DESC(zero_page,
		 "What a device that only reads gets where memory was never written: cow: a private copy, charged (default); ignore: the zero page, not charged, not coherent with later writes; strict: ENODATA");

#define ZERO_SLACK_MAX_MB 4096

static unsigned int zero_slack_mb;

static int zero_slack_set(const char *val, const struct kernel_param *kp)
{
	/* A number that is too large is ERANGE or EINVAL, depending on how much. */
	return param_set_uint_minmax(val, kp, 0, ZERO_SLACK_MAX_MB) ? -EINVAL : 0;
}

static const struct kernel_param_ops zero_slack_ops = {
	.set = zero_slack_set,
	.get = param_get_uint,
};

module_param_cb(zero_slack_mb, &zero_slack_ops, &zero_slack_mb, 0644);
MODULE_PARM_DESC(zero_slack_mb,
		 "How far private copies of the zero page may exceed RLIMIT_MEMLOCK, per payer, in MiB (0 to 4096, default 0)");

static bool strict_errno;
module_param(strict_errno, bool, 0644);
MODULE_PARM_DESC(strict_errno,
		 "A distinct errno for each cause of a refusal, EDQUOT for the limit and EOPNOTSUPP for memory that cannot be pinned, instead of mainline's (default N)");

static bool charge_once;
module_param(charge_once, bool, 0644);
MODULE_PARM_DESC(charge_once,
		 "Charge a page once to a payer that has pinned it through several mappings, instead of once for each (default N)");

#define THREADS_MAX 64

static unsigned int threads = 1;

static int threads_set(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 0, THREADS_MAX) ? -EINVAL : 0;
}

static const struct kernel_param_ops threads_ops = {
	.set = threads_set,
	.get = param_get_uint,
};

module_param_cb(pin_threads, &threads_ops, &threads, 0644);
MODULE_PARM_DESC(pin_threads,
		 "How many tasks fault in the memory of one mapping, the caller among them, where it was never touched (1 to 64, default 1; 0: by CPUs and size)");

/**
 * pin_zero_mode - what zero pages get in a mapping that is made now
 *
 * Context: any.
 */
enum pin_zero_mode pin_zero_mode(void)
{
	return READ_ONCE(zero_page);
}
EXPORT_SYMBOL_GPL(pin_zero_mode);

/**
 * pin_charge_once - is a mapping that is made now to be charged once?
 *
 * Context: any.
 */
bool pin_charge_once(void)
{
	return READ_ONCE(charge_once);
}
EXPORT_SYMBOL_GPL(pin_charge_once);

/**
 * pin_zero_slack - how far zero COWs may exceed the limit now
 *
 * Context: any.
 *
 * Return: pages.
 */
unsigned long pin_zero_slack(void)
{
	return (unsigned long)READ_ONCE(zero_slack_mb) << (20 - PAGE_SHIFT);
}

/**
 * pin_strict_errno - do errnos tell causes apart now?
 *
 * Context: any.
 */
bool pin_strict_errno(void)
{
	return READ_ONCE(strict_errno);
}

/**
 * pin_threads - how many tasks may take the faults of one mapping now?
 *
 * Context: any.
 *
 * Return: a number, the mapper included; 0 for what seems best.
 */
unsigned int pin_threads(void)
{
	return READ_ONCE(threads);
}
