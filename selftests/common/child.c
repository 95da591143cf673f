// SPDX-License-Identifier: GPL-2.0-only
/*
 * A child tells its result after each step, and waits to be told to go on. If its
 * parent is gone, so is the child.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

/**
 * child_start - fork
 * @child: to be filled in, in the parent and in the child
 *
 * Return: 0 in both of them, or -errno
 */
int child_start(struct child *child)
{
	if (pipe(child->to_child) || pipe(child->from_child))
		return -errno;
	child->pid = fork();
	if (child->pid < 0)
		return -errno;
	/* Who reads must see that nobody writes any more. */
	close(child->pid ? child->to_child[0] : child->to_child[1]);
	close(child->pid ? child->from_child[1] : child->from_child[0]);
	return 0;
}

/**
 * child_tell - what has come of a step, in the child
 * @child: as child_start() left it
 * @result: 0 or -errno, or what else the two agree on
 */
void child_tell(struct child *child, int result)
{
	if (write(child->from_child[1], &result, sizeof(result)) != sizeof(result))
		_exit(1);
}

/**
 * child_wait - until the parent says to go on, in the child
 * @child: as child_start() left it
 */
void child_wait(struct child *child)
{
	char go;

	if (read(child->to_child[0], &go, 1) != 1)
		_exit(1);
}

/**
 * child_result - what has come of the child's step, in the parent
 * @child: as child_start() left it
 *
 * Return: what it tells, or -EPIPE if it is gone
 */
int child_result(struct child *child)
{
	int result;

	if (read(child->from_child[0], &result, sizeof(result)) != sizeof(result))
		return -EPIPE;
	return result;
}

/**
 * child_go_on - have the child take its next step, in the parent
 * @child: as child_start() left it
 *
 * Return: 0, or -errno
 */
int child_go_on(struct child *child)
{
	return write(child->to_child[1], "", 1) == 1 ? 0 : -errno;
}

/**
 * child_end - wait until the child has ended, in the parent
 * @child: as child_start() left it
 * @signal: to be sent to it, or 0
 *
 * Return: 0, or -errno
 */
int child_end(struct child *child, int signal)
{
	int status;

	if (signal)
		kill(child->pid, signal);
	if (waitpid(child->pid, &status, 0) != child->pid)
		return -errno;
	close(child->to_child[1]);
	close(child->from_child[0]);
	return 0;
}
