/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The columns in which processes are shown, by show and by top.
 */
#ifndef _PINACCT_TABLE_H
#define _PINACCT_TABLE_H

#include "process.h"

enum { CELL_MAX = 32 };

/**
 * struct column - one
 * @title: in its head
 * @width: in characters; less than 0 if it begins at the left
 * @rank: which is left out first where there is no room: the highest
 * @print: what it says of a process, into a buffer of CELL_MAX characters
 * @key: by what it is sorted; NULL if it is by what it says
 */
struct column {
	const char *title;
	int width;
	int rank;
	void (*print)(char *cell, const struct process *process);
	int64_t (*key)(const struct process *process);
};

extern const struct column columns[];
extern const unsigned int nr_columns;

bool column_fits(const struct column *column, int width);
void table_head(char *line, size_t room, int width);
void table_line(char *line, size_t room, int width, const struct process *process);
void table_sort(struct process *processes, unsigned int nr, const struct column *by,
		bool reverse);
const struct column *column_named(const char *title);

#endif
