/* SPDX-License-Identifier: GPL-2.0-only */
/* Where in our modules a thread has been. */
#ifndef PINACCT_FUZZ_EDGES_H
#define PINACCT_FUZZ_EDGES_H

#include <stdbool.h>

#define EDGES_BITS (1UL << 16)
#define EDGES_WORDS (EDGES_BITS / 64)

/**
 * struct edges - a set of edges: two places that were reached one after the other
 * @words: a bit for each, by a hash
 */
struct edges {
	unsigned long words[EDGES_WORDS];
};

int edges_open(void);
int edges_start(void);
void edges_forget(void);
void edges_collect(struct edges *edges);
void edges_add(struct edges *to, const struct edges *from);
void edges_remove(struct edges *from, const struct edges *what);
void edges_keep(struct edges *of, const struct edges *what);
long edges_count(const struct edges *edges);
long edges_new(const struct edges *edges, const struct edges *known);

#endif
