// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process that maps ends while it does.
 *
 * In every other round it has opened the front end itself, and everything goes with
 * it; in the rounds between, its parent holds what it has mapped, is charged nothing
 * for it, and unmaps it. They have met if a call was never seen to return.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privilege.h"
#include "races.h"

#define LEDGERS "/sys/kernel/debug/pinacct/ledgers"
#define CGROUP "/sys/fs/cgroup/races"
#define CGROUP_BYTES "8388608"

/* A call may be told to stop, but then nobody is there to see it. */
static const int stopped[] = { EINTR, ENOMEM, 0 };

/* Wait until the mapper has begun some calls. */
static void let_it_begin(struct play *play)
{
	while (atomic_load(&play->tally->calls) <= play->enough &&
	       !atomic_load(&play->tally->failed))
		sched_yield();
}

static void *exit_soon(void *arg)
{
	let_it_begin(arg);
	_exit(0);
}

static void *exec_soon(void *arg)
{
	let_it_begin(arg);
	execl("/proc/self/exe", "races", "--nothing", NULL);
	_exit(1);
}

/* In the mapper: its other thread ends the process. */
static int in_thread(struct play *play, void *(*run)(void *))
{
	pthread_t thread;

	return pthread_create(&thread, NULL, run, play) ? -EAGAIN : 0;
}

static int die_by_exit(struct play *play, pid_t pid)
{
	return pid ? 0 : in_thread(play, exit_soon);
}

static int die_by_exec(struct play *play, pid_t pid)
{
	return pid ? 0 : in_thread(play, exec_soon);
}

static int die_by_kill(struct play *play, pid_t pid)
{
	if (!pid)
		return 0;
	let_it_begin(play);
	return kill(pid, SIGKILL) ? -errno : 0;
}

/* It maps more than its cgroup may have. */
static int die_by_oom(struct play *play, pid_t pid)
{
	if (pid)
		return 0;
	return privilege_root(true) ?: write_text(CGROUP "/cgroup.procs", "0") ?:
	       privilege_root(false);
}

static int make_cgroup(struct play *play)
{
	/* If it is there already, no matter. */
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		return -errno;
	return write_text(CGROUP "/memory.max", CGROUP_BYTES);
}

static void remove_cgroup(void)
{
	rmdir(CGROUP);
}

static int map_until_death(struct play *play, bool own, pid_t parent)
{
	struct front front;
	int rc = 0;

	if (own) {
		rc = privilege_root(true) ?: play_open(play, &front) ?: privilege_root(false);
		play->front = front;
	}
	rc = rc ?: play->race->die(play, 0);
	/* Not before the last change of uid, with which the kernel would forget it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		rc = rc ?: -ESRCH;
	while (!rc)
		rc = map_some(play);
	atomic_store(&play->tally->failed, rc);
	fflush(stdout);
	return rc;
}

/* Only what is held by others may be in a ledger: nothing. */
static int check_ledgers(struct play *play)
{
	char line[160];
	int lines = 0;
	FILE *file;

	if (privilege_root(true))
		return -EPERM;
	file = fopen(LEDGERS, "re");
	while (file && fgets(line, sizeof(line), file))
		lines++;
	if (file)
		fclose(file);
	/* The first one says what is in the others. */
	return privilege_root(false) ?: tell(play, "lines of the list of ledgers", 1, lines);
}

static int open_for(struct play *play, bool own)
{
	int rc;

	if (own) {
		front_close(&play->front);
		return 0;
	}
	if (play->front.iommu >= 0)
		return 0;
	rc = privilege_root(true) ?: play_open(play, &play->front) ?: privilege_root(false);
	return tell(play, "errno of opening again", 0, -rc);
}

/* What the dead one had mapped is in the parent's hands. */
static int unmap_for_it(struct play *play)
{
	int rc = front_unmap_all(&play->front, NULL);

	return rc == -ENOENT ? 0 : tell(play, "errno of unmapping what it had mapped", 0, -rc);
}

/**
 * death_round - have a process map, and end
 * @play: its arena is filled
 *
 * Return: 0, or a negative number if something was wrong, which has been told
 */
int death_round(struct play *play)
{
	bool own = roll(&play->map_dice, 2);
	pid_t pid, parent = getpid();
	int rc, status;

	rc = open_for(play, own);
	if (rc)
		return rc;
	atomic_store(&play->tally->calls, 0);
	/* Here: what the child rolls is not known to the next one. */
	play->enough = roll(&play->disturb_dice, 30);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(map_until_death(play, own, parent) ? 2 : 0);
	rc = play->race->die(play, pid);
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	rc = tell(play, "errno of the mapper", 0, -atomic_load(&play->tally->failed)) ?: rc;
	if (!rc && !(WIFEXITED(status) && !WEXITSTATUS(status)) &&
	    !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		rc = tell(play, "how the mapper ended", 0, status);
	atomic_fetch_add(&play->tally->done, 1);
	atomic_fetch_add(&play->tally->met, atomic_load(&play->tally->calls) % 2);
	rc = rc ?: (own ? 0 : unmap_for_it(play));
	return rc ?: check_gone(play) ?: check_ledgers(play);
}

const struct race by_death[] = {
	{
		.name = "exit",
		.kinds = ON_ANY,
		.die = die_by_exit,
	}, {
		.name = "exec",
		.kinds = ON_ANY,
		.die = die_by_exec,
	}, {
		.name = "kill",
		.kinds = ON_ANY,
		.die = die_by_kill,
	}, {
		.name = "oom",
		.kinds = ON(ARENA_LARGE),
		.may_fail = stopped,
		.prepare = make_cgroup,
		.die = die_by_oom,
		.restore = remove_cgroup,
	},
	{}
};
