/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What pinacct.ko tells: its parameters, and /dev/pinacct. Without the module
 * everything is as mainline has it, and what only it knows is not known.
 */
#ifndef _PINACCT_KERNEL_H
#define _PINACCT_KERNEL_H

#include <linux/pinacct.h>

#include "pinacct.h"

enum zero_page { ZERO_PAGE_COW, ZERO_PAGE_IGNORE, ZERO_PAGE_STRICT };

/**
 * struct params - the module's parameters
 * @loaded: whether there is a module to have them
 * @zero_page: as in the README
 * @zero_slack_mb: likewise
 * @strict_errno: likewise
 * @charge_once: likewise
 * @pin_threads: likewise
 */
struct params {
	bool loaded;
	enum zero_page zero_page;
	unsigned int zero_slack_mb;
	bool strict_errno;
	bool charge_once;
	unsigned int pin_threads;
};

extern const char * const zero_page_names[];
extern const char * const param_names[];

void params_read(struct params *params);
void params_set(struct params *params, const char *assignment);
const char *param_value(const struct params *params, const char *name);
int param_write(const char *name, const char *value);

int kernel_usage(pid_t pid, struct pinacct_usage *usage);
int kernel_refusal(pid_t pid, struct pinacct_refusal *refusal);
int kernel_pins(pid_t pid, unsigned int by,
		void (*each)(const struct pinacct_pin_range *range, void *arg), void *arg);
const char *why_unknown(int error);
void kernel_must(int error, const char *whose);

#endif
