/* SPDX-License-Identifier: GPL-2.0-only */
/* Asks /dev/pinacct. */
#ifndef PINACCT_TEST_ASK_H
#define PINACCT_TEST_ASK_H

#include <linux/pinacct.h>
#include <stdbool.h>
#include <sys/types.h>

int ask_open(void);
int ask_usage(int fd, pid_t pid, struct pinacct_usage *usage);
int ask_refusal(int fd, pid_t pid, struct pinacct_refusal *refusal);
int ask_estimate(int fd, const void *memory, size_t size, bool write,
		 struct pinacct_estimate *estimate);
int ask_pins(int fd, unsigned int by, const void *memory, size_t size,
	     struct pinacct_pin_range *ranges, unsigned int nr);
int ask_exclude(int fd, const void *memory, size_t size, bool exclude);
int ask_wait(int fd, int timeout_ms);

#endif
