/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits apply to a process without CAP_IPC_LOCK: becoming one. */
#ifndef PINACCT_TEST_PRIVILEGE_H
#define PINACCT_TEST_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

/* A uid that owns nothing in the machine, so that only the test charges it. */
#define PRIVILEGE_USER 4242

int privilege_drop(void);
int privilege_become(uid_t user);
int privilege_raise(void);
int privilege_root(bool on);
int privilege_limit(unsigned long bytes);

#endif
