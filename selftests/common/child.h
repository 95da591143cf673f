/* SPDX-License-Identifier: GPL-2.0-only */
/* A child process that goes step by step with its parent. */
#ifndef PINACCT_TEST_CHILD_H
#define PINACCT_TEST_CHILD_H

#include <sys/types.h>

/**
 * struct child - a child process
 * @pid: of it; 0 in the child itself
 * @to_child: a pipe: a byte for each step that it may take
 * @from_child: a pipe: the result of each step
 */
struct child {
	pid_t pid;
	int to_child[2];
	int from_child[2];
};

int child_start(struct child *child);
void child_tell(struct child *child, int result);
void child_wait(struct child *child);
int child_result(struct child *child);
int child_go_on(struct child *child);
int child_end(struct child *child, int signal);

#endif
