/* SPDX-License-Identifier: GPL-2.0-only */
/* Looks at pages, with the test module's help. */
#ifndef PINACCT_TEST_LOOK_H
#define PINACCT_TEST_LOOK_H

#include <linux/types.h>
#include <stdbool.h>

/**
 * struct look - a page
 * @refs: references to its folio, without the one that looking takes
 * @order: of its folio: 0 is one page, 9 is 2 MiB
 * @anon: its folio is anonymous memory; a zero page is not
 * @movable: it is in a zone of movable memory
 * @pfn: its number
 */
struct look {
	long refs;
	int order;
	bool anon;
	bool movable;
	unsigned long pfn;
};

int look_at(const void *address, struct look *look);
int look_at_device(__u64 iova, unsigned long *pfn);
int look_is_pinned(__u64 iova, unsigned long *pfn);
int look_hold(const void *address);
int look_apart(void);
bool look_is_apart(int fd);

#endif
