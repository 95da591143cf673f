// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios about processes that come and go while memory is mapped. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

/* What a child does with the front end that it inherited */
enum child_task {
	CHILD_NOTHING,
	CHILD_MAPS,
	CHILD_UNMAPS,
	CHILD_MAPS_TOO_MUCH,
};

struct child {
	pid_t pid;
	int in[2], out[2];
};

static void child_counters(struct run *run, struct child *child, const char *when)
{
	struct counters now;

	if (counters_read_of(child->pid, &now)) {
		step(run, -ESRCH, "%s: child's counters", when);
		return;
	}
	step_value(run, 0, now.lck, "%s: child's VmLck", when);
	step_value(run, 0, now.pin, "%s: child's VmPin", when);
}

static void child_do(struct run *run, struct child *child, char *memory, enum child_task task,
		     bool exec)
{
	int rc = 0;
	char c;

	switch (task) {
	case CHILD_MAPS:
		rc = front_map(&run->front, memory, IOVA, 16 * run->page, FRONT_RW);
		break;
	case CHILD_MAPS_TOO_MUCH:
		privilege_limit(15 * run->page);
		rc = front_map(&run->front, memory, IOVA, 16 * run->page, FRONT_RW);
		break;
	case CHILD_UNMAPS:
		rc = front_unmap(&run->front, IOVA, 16 * run->page, NULL);
		break;
	case CHILD_NOTHING:
		break;
	}
	if (write(child->out[1], &rc, sizeof(rc)) != sizeof(rc))
		_exit(1);
	if (exec) {
		dup2(child->in[0], STDIN_FILENO);
		dup2(child->out[1], STDOUT_FILENO);
		execlp("cat", "cat", NULL);
		_exit(1);
	}
	_exit(read(child->in[0], &c, 1) == 1 ? 0 : 1);
}

static void child_start(struct run *run, struct child *child, char *memory,
			enum child_task task, bool exec, const char *what)
{
	char c = 1;
	int rc;

	need(!pipe(child->in) && !pipe(child->out), "pipes");
	fflush(stdout);
	child->pid = fork();
	if (!child->pid)
		child_do(run, child, memory, task, exec);
	need(child->pid > 0 && read(child->out[0], &rc, sizeof(rc)) == sizeof(rc), "a child");
	/* cat answers: it is running. */
	if (exec)
		need(write(child->in[1], "x", 1) == 1 && read(child->out[0], &c, 1) == 1, "cat");
	step(run, rc, "child: %s", what);
	child_counters(run, child, what);
}

static void child_end(struct run *run, struct child *child, int how)
{
	kill(child->pid, how);
	waitpid(child->pid, NULL, 0);
	close(child->in[0]);
	close(child->in[1]);
	close(child->out[0]);
	close(child->out[1]);
	step(run, 0, "child ends by signal %d", how);
}

static void child_maps(struct run *run)
{
	char *memory = do_memory(run, 16);
	struct child child;

	child_start(run, &child, memory, CHILD_MAPS, false, "maps");
	do_unmap(run, 0, 16, "what the child mapped");
	child_counters(run, &child, "unmapped");
	child_end(run, &child, SIGKILL);

	child_start(run, &child, memory, CHILD_MAPS, false, "maps");
	child_end(run, &child, SIGKILL);
	do_map(run, memory, 0, 16, FRONT_RW, "where the dead child's is");
	do_unmap(run, 0, 16, "what the dead child mapped");

	child_start(run, &child, memory, CHILD_MAPS, false, "maps");
	child_end(run, &child, SIGTERM);
	front_detach(&run->front, DEVICE_EDU);
	step(run, 0, "detach");

	child_start(run, &child, memory, CHILD_MAPS_TOO_MUCH, false, "maps too much");
	child_end(run, &child, SIGKILL);
}

static void child_unmaps(struct run *run)
{
	char *memory = do_memory(run, 16);
	struct child child;

	do_map(run, memory, 0, 16, FRONT_RW, "it");
	child_start(run, &child, memory, CHILD_NOTHING, false, "is born");
	do_unmap(run, 0, 16, "it");
	child_counters(run, &child, "unmapped");
	child_end(run, &child, SIGKILL);

	do_map(run, memory, 0, 16, FRONT_RW, "it");
	child_start(run, &child, memory, CHILD_UNMAPS, false, "unmaps");
	child_end(run, &child, SIGKILL);
	do_unmap(run, 0, 16, "again");
}

static void child_execs(struct run *run)
{
	char *memory = do_memory(run, 16);
	struct child child;

	child_start(run, &child, memory, CHILD_MAPS, true, "maps and execs");
	do_map(run, memory, 16, 16, FRONT_RW, "more");
	do_unmap(run, 0, 16, "what the child mapped");
	child_counters(run, &child, "unmapped");
	child_end(run, &child, SIGKILL);

	child_start(run, &child, memory, CHILD_MAPS, true, "maps and execs");
	child_end(run, &child, SIGKILL);
	do_unmap(run, 0, 16, "what the child mapped");

	child_start(run, &child, memory, CHILD_UNMAPS, true, "execs");
	child_end(run, &child, SIGKILL);
}

static void children_under_limit(struct run *run)
{
	char *memory = do_memory(run, 16);
	struct child child;

	do_limit(run, 16);
	child_start(run, &child, memory, CHILD_MAPS, false, "maps");
	do_map(run, memory, 32, 1, FRONT_RW, "beside the child");
	do_map(run, memory, 64, 16, FRONT_RW, "beside the child");
	child_end(run, &child, SIGKILL);
	do_map(run, memory, 96, 1, FRONT_RW, "with the child dead");
	do_unmap(run, 0, 16, "what the child mapped");
	do_map(run, memory, 128, 1, FRONT_RW, "with it gone");
}

static void closed_by_child(struct run *run)
{
	char *memory = do_memory(run, 16);
	struct child child;

	child_start(run, &child, memory, CHILD_MAPS, false, "maps");
	front_close(&run->front);
	step(run, 0, "close but in the child");
	child_counters(run, &child, "closed");
	child_end(run, &child, SIGKILL);
}

const struct scenario process_scenarios[] = {
	{ .name = "child_maps", .steps = child_maps },
	{ .name = "child_unmaps", .steps = child_unmaps },
	{ .name = "child_execs", .steps = child_execs },
	{ .name = "children_under_limit", .steps = children_under_limit },
	{ .name = "closed_by_child", .steps = closed_by_child },
	{}
};
