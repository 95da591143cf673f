/* SPDX-License-Identifier: GPL-2.0-only */
/* KVM's memory for guests that a program can map as well. */
#ifndef PINACCT_TEST_GUEST_MEMFD_H
#define PINACCT_TEST_GUEST_MEMFD_H

#include <stdbool.h>
#include <stddef.h>

int guest_memfd(size_t size, bool shared);

#endif
