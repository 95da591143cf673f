// SPDX-License-Identifier: GPL-2.0-only
/*
 * How processes are shown: which columns there are, and which have room.
 */
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void bytes(char *cell, uint64_t n)
{
	if (n == UNLIMITED)
		strcpy(cell, "unlimited");
	else
		snprintf(cell, CELL_MAX, "%" PRIu64, n / KIB);
}

/* What only the module knows. */
static void bytes_of_usage(char *cell, const struct process *process, uint64_t n)
{
	if (process->usage_error)
		strcpy(cell, "-");
	else
		bytes(cell, n);
}

static void print_pid(char *cell, const struct process *process)
{
	snprintf(cell, CELL_MAX, "%d", process->pid);
}

static void print_user(char *cell, const struct process *process)
{
	snprintf(cell, CELL_MAX, "%s", process_user(process->uid));
}

static void print_vm(char *cell, const struct process *process)
{
	snprintf(cell, CELL_MAX, "%s", process->domain ?: process->name);
}

static void print_backend(char *cell, const struct process *process)
{
	strcpy(cell, process_backend(process));
}

static void print_payer(char *cell, const struct process *process)
{
	strcpy(cell, process->usage_error ? "-" : process_payer(process));
}

static void print_charged(char *cell, const struct process *process)
{
	bytes(cell, process_charged(process));
}

static void print_locked(char *cell, const struct process *process)
{
	bytes(cell, process->locked);
}

static void print_pinned(char *cell, const struct process *process)
{
	bytes(cell, process->pinned);
}

static void print_zero_cow(char *cell, const struct process *process)
{
	bytes_of_usage(cell, process, process_zero_cow(process));
}

static void print_shared(char *cell, const struct process *process)
{
	bytes_of_usage(cell, process, process_shared(process));
}

static void print_device(char *cell, const struct process *process)
{
	if (process->fds_known)
		bytes(cell, process->device);
	else
		strcpy(cell, "-");
}

static void print_limit(char *cell, const struct process *process)
{
	bytes(cell, process->limit);
}

static void print_left(char *cell, const struct process *process)
{
	int64_t left = process_left(process);

	if (left == INT64_MAX)
		strcpy(cell, "unlimited");
	else
		snprintf(cell, CELL_MAX, "%" PRId64, left / (int64_t)KIB);
}

static int64_t key_pid(const struct process *process)
{
	return process->pid;
}

static int64_t key_charged(const struct process *process)
{
	return -(int64_t)process_charged(process);
}

static int64_t key_locked(const struct process *process)
{
	return -(int64_t)process->locked;
}

static int64_t key_pinned(const struct process *process)
{
	return -(int64_t)process->pinned;
}

static int64_t key_zero_cow(const struct process *process)
{
	return -(int64_t)process_zero_cow(process);
}

static int64_t key_shared(const struct process *process)
{
	return -(int64_t)process_shared(process);
}

static int64_t key_device(const struct process *process)
{
	return -(int64_t)process->device;
}

static int64_t key_limit(const struct process *process)
{
	return process->limit == UNLIMITED ? INT64_MAX : (int64_t)process->limit;
}

const struct column columns[] = {
	{ "PID", 7, 0, print_pid, key_pid },
	{ "USER", -12, 9, print_user, NULL },
	{ "VM", -16, 1, print_vm, NULL },
	{ "BACKEND", -7, 8, print_backend, NULL },
	{ "PAYER", -7, 7, print_payer, NULL },
	{ "CHARGED", 10, 2, print_charged, key_charged },
	{ "LOCKED", 10, 6, print_locked, key_locked },
	{ "PINNED", 10, 5, print_pinned, key_pinned },
	{ "ZERO COW", 8, 10, print_zero_cow, key_zero_cow },
	{ "SHARED", 10, 11, print_shared, key_shared },
	{ "DEVICE", 8, 12, print_device, key_device },
	{ "LIMIT", 10, 4, print_limit, key_limit },
	{ "LEFT", 10, 3, print_left, process_left },
};

const unsigned int nr_columns = sizeof(columns) / sizeof(*columns);

static int wide(const struct column *column)
{
	return abs(column->width) + 1;
}

/**
 * column_fits - is there room for it, and for those that matter more?
 * @column: one of columns[]
 * @width: of the terminal; 0 if everything is to be shown
 */
bool column_fits(const struct column *column, int width)
{
	int used = 0;

	for (unsigned int i = 0; i < nr_columns; i++)
		if (columns[i].rank <= column->rank)
			used += wide(&columns[i]);
	return !width || !column->rank || used - 1 <= width;
}

static void add_cell(char *line, size_t room, const struct column *column, const char *cell)
{
	size_t used = strlen(line);
	int width = abs(column->width);

	snprintf(line + used, room - used, "%s%*.*s", used ? " " : "", column->width, width + 20,
		 cell);
	/* Names are cut off, numbers never. */
	if (column->width < 0 && strlen(line) > used + width + !!used)
		line[used + width + !!used] = 0;
}

/**
 * table_head - the columns' names
 * @line: gets them
 * @room: in @line
 * @width: as with column_fits()
 */
void table_head(char *line, size_t room, int width)
{
	*line = 0;
	for (unsigned int i = 0; i < nr_columns; i++)
		if (column_fits(&columns[i], width))
			add_cell(line, room, &columns[i], columns[i].title);
}

/**
 * table_line - one process
 * @line: gets it
 * @room: in @line
 * @width: as with column_fits()
 * @process: which
 */
void table_line(char *line, size_t room, int width, const struct process *process)
{
	char cell[CELL_MAX];

	*line = 0;
	for (unsigned int i = 0; i < nr_columns; i++) {
		if (!column_fits(&columns[i], width))
			continue;
		columns[i].print(cell, process);
		add_cell(line, room, &columns[i], cell);
	}
}

static const struct column *sort_by;
static int sort_sign;

static int compare(const void *a, const void *b)
{
	const struct process *left = a, *right = b;
	int order;

	if (sort_by->key) {
		int64_t x = sort_by->key(left), y = sort_by->key(right);

		order = x < y ? -1 : x > y;
	} else {
		char x[CELL_MAX], y[CELL_MAX];

		sort_by->print(x, left);
		sort_by->print(y, right);
		order = strcmp(x, y);
	}
	return order ? sort_sign * order : left->pid - right->pid;
}

/**
 * table_sort - put processes in order
 * @processes: that were read
 * @nr: how many
 * @by: which column
 * @reverse: the other way round
 */
void table_sort(struct process *processes, unsigned int nr, const struct column *by,
		bool reverse)
{
	sort_by = by;
	sort_sign = reverse ? -1 : 1;
	if (nr)
		qsort(processes, nr, sizeof(*processes), compare);
}

/**
 * column_named - the column with that title
 * @title: of it
 *
 * Return: it, or NULL.
 */
const struct column *column_named(const char *title)
{
	for (unsigned int i = 0; i < nr_columns; i++)
		if (!strcasecmp(columns[i].title, title))
			return &columns[i];
	return NULL;
}
