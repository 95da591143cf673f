/* SPDX-License-Identifier: GPL-2.0-only */
/* Looks at the page behind an address, with the test module's help. */
#ifndef PINACCT_TEST_LOOK_H
#define PINACCT_TEST_LOOK_H

#include <stdbool.h>

/**
 * struct look - a page
 * @refs: references to its folio, without the one that looking takes
 * @order: of its folio: 0 is one page, 9 is 2 MiB
 * @anon: its folio is anonymous memory; a zero page is not
 */
struct look {
	long refs;
	int order;
	bool anon;
};

int look_open(void);
int look_at(int fd, const void *address, struct look *look);

#endif
