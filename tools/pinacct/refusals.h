/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is left of refusals: pinacct.ko's records and lines of the kernel log.
 */
#ifndef _PINACCT_REFUSALS_H
#define _PINACCT_REFUSALS_H

#include <time.h>

#include "pinacct.h"

/**
 * struct refusal - one
 * @pid: of the process; 0 if it is not known
 * @name: of the program
 * @domain: of libvirt, if it runs; NULL
 * @when: by the wall clock
 * @cause: an enum pinacct_cause
 * @words: the same in words
 * @remembered: by the module; else it is from the log
 * @error: errno; 0 if it is not known
 * @length: bytes that were to be mapped; 0 if it is not known
 * @limit: with PINACCT_CAUSE_LIMIT, RLIMIT_MEMLOCK
 * @numbers: the following are known
 * @charged: already
 * @needed: of RLIMIT_MEMLOCK
 * @payer: who pays, in words
 * @user: it is a user
 */
struct refusal {
	pid_t pid;
	const char *name;
	const char *domain;
	time_t when;
	unsigned int cause;
	const char *words;
	bool remembered;
	int error;
	uint64_t length;
	uint64_t limit;
	bool numbers;
	uint64_t charged;
	uint64_t needed;
	const char *payer;
	bool user;
};

extern const char * const refusal_names[];

struct refusal *refusals_read(unsigned int *nr, const char *which);

#endif
