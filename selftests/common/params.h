/* SPDX-License-Identifier: GPL-2.0-only */
/* The parameters of the module pinacct, as /sys/module has them. */
#ifndef PINACCT_TEST_PARAMS_H
#define PINACCT_TEST_PARAMS_H

#include <stddef.h>

int params_set(const char *name, const char *value);
int params_get(const char *name, char *value, size_t size);
int params_defaults(void);

#endif
