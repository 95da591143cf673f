/* SPDX-License-Identifier: GPL-2.0-only */
/* How much of a piece of memory is there. */
#ifndef PINACCT_TEST_RESIDENT_H
#define PINACCT_TEST_RESIDENT_H

long resident_at(const void *memory);

#endif
