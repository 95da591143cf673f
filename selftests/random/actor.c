// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does steps, in whichever process is to do them.
 *
 * A child reads steps from a pipe, and answers what came of each. exec() starts
 * this program again, with what it needs to go on as arguments: the front ends
 * and the memfd are still open in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "actor.h"
#include "ask.h"
#include "map_file.h"
#include "memory.h"
#include "params.h"
#include "privilege.h"

/* Off every 2 MiB boundary */
#define IOVA 0x1003000UL

static __u64 iova(long at)
{
	return IOVA + at * memory_page();
}

static size_t bytes(const struct step *step)
{
	return step->npages * memory_page();
}

static char *memory(const struct step *step)
{
	return arena_address(step->segment, step->first);
}

static int map(struct front *front, const struct step *step)
{
	return front_map(front, memory(step), iova(step->at), bytes(step), step->prot);
}

static int map_privileged(struct front *front, const struct step *step)
{
	int rc;

	rc = privilege_raise();
	if (rc)
		return rc;
	rc = map(front, step);
	/* To have been root takes it away again. */
	return privilege_root(true) ?: privilege_root(false) ?: rc;
}

/* A copy keeps what devices may do. */
static int copy(struct rig *rig, const struct step *step)
{
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA,
		.dst_ioas_id = rig->ioases[step->front][step->to],
		.src_ioas_id = rig->ioases[step->front][step->ioas],
		.length = bytes(step),
		.dst_iova = iova(step->at),
		.src_iova = iova(step->at),
	};

	if (step->prot & FRONT_READ)
		copy.flags |= IOMMU_IOAS_MAP_READABLE;
	if (step->prot & FRONT_WRITE)
		copy.flags |= IOMMU_IOAS_MAP_WRITEABLE;
	return ioctl(rig->fronts[step->front].iommu, IOMMU_IOAS_COPY, &copy) ? -errno : 0;
}

static int detach(struct front *front)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };
	int kind;

	for (kind = 0; kind < DEVICE_KINDS; kind++)
		if (front->devices[kind] >= 0)
			return ioctl(front->devices[kind], VFIO_DEVICE_DETACH_IOMMUFD_PT,
				     &detach) ? -errno : 0;
	return -ENODEV;
}

static int attach(struct front *front)
{
	int kind;

	for (kind = 0; kind < DEVICE_KINDS; kind++)
		if (front->devices[kind] >= 0)
			return front_switch_ioas(front, kind, front->ioas);
	return -ENODEV;
}

static int unmap(struct front *front, const struct step *step)
{
	size_t size = (step->npages - step->cut - step->keep) * memory_page();
	__u64 unmapped;
	int rc;

	rc = front_unmap(front, iova(step->at + step->cut), size, &unmapped);
	return rc ?: unmapped == size ? 0 : -EIO;
}

static int pin(struct front *front, const struct step *step)
{
	int npages = step->npages - step->cut - step->keep;
	int rc;

	rc = device_pin(front->devices[DEVICE_MEDIATED], iova(step->at + step->cut), npages,
			FRONT_READ);
	return rc == npages ? 0 : rc;
}

static int unpin(struct front *front, const struct step *step)
{
	return device_unpin(front->devices[DEVICE_MEDIATED], iova(step->at + step->cut),
			    step->npages - step->cut - step->keep);
}

static int hand_over(struct front *front, const struct step *step)
{
	int rc = 0;

	if (!step->again)
		rc = front_drop_vaddr(front, iova(step->at), bytes(step));
	return rc ?: front_give_vaddr(front, memory(step), iova(step->at), bytes(step));
}

static int write_memory(const struct step *step)
{
	long i;

	for (i = 0; i < step->npages; i++)
		*(volatile char *)(memory(step) + i * memory_page()) = 1;
	return 0;
}

static int punch(int file, const struct step *step)
{
	return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 step->first * memory_page(), bytes(step)) ? -errno : 0;
}

/* Limits have no unit but bytes: half a page more must make no difference. */
static int set_limit(long npages)
{
	return privilege_limit(npages == LIMIT_NONE ? ~0UL :
			       npages * memory_page() + memory_page() / 2);
}

static int do_here(struct rig *rig, const struct step *step)
{
	struct front front = rig->fronts[step->front];

	if (!front.ops->type)
		front.ioas = rig->ioases[step->front][step->ioas];
	switch (step->kind) {
	case STEP_MAP:
		return step->raised ? map_privileged(&front, step) : map(&front, step);
	case STEP_MAP_FILE:
		return front_map_file(&front, rig->file, step->first * memory_page(),
				      iova(step->at), bytes(step), step->prot);
	case STEP_UNMAP:
		return unmap(&front, step);
	case STEP_UNMAP_ALL:
		return front_unmap_all(&front, NULL);
	case STEP_COPY:
		return copy(rig, step);
	case STEP_ATTACH:
		return attach(&front);
	case STEP_DETACH:
		return detach(&front);
	case STEP_HAND_OVER:
		return hand_over(&front, step);
	case STEP_CHANGE_PROCESS:
		return front_change_process(&front);
	case STEP_PIN:
		return pin(&front, step);
	case STEP_UNPIN:
		return unpin(&front, step);
	case STEP_WRITE:
		return write_memory(step);
	case STEP_DROP:
		return madvise(memory(step), bytes(step), MADV_DONTNEED) ? -errno : 0;
	case STEP_PUNCH:
		return punch(rig->file, step);
	case STEP_RENEW:
		return arena_renew(step->segment, step->value);
	case STEP_LOCK:
		return mlock(memory(step), bytes(step)) ? -errno : 0;
	case STEP_UNLOCK:
		return munlock(memory(step), bytes(step)) ? -errno : 0;
	case STEP_EXCLUDE:
	case STEP_INCLUDE:
		return ask_exclude(rig->ask, memory(step), bytes(step), step->kind == STEP_EXCLUDE);
	case STEP_WAIT:
		return ask_wait(rig->ask, 0);
	case STEP_LIMIT:
		return set_limit(step->value);
	case STEP_PARAMETER:
		return params_set(step_parameter(step->parameter),
				  step_value(step->parameter, step->value));
	default:
		return -EINVAL;
	}
}

static const struct front_ops *const all_ops[] = {
	&front_type1_v1, &front_type1_v2, &front_iommufd_user, &front_iommufd_process,
	&front_compat_v1, &front_compat_v2,
};

/* Arguments of a program that is to go on where this one is. */
enum {
	ARG_PROGRAM,
	ARG_ACTOR,
	ARG_READ,
	ARG_WRITE,
	ARG_FILE,
	ARG_FRONTS,
	ARGS_OF_FRONT = 2 + IOASES,
	ARGS = ARG_FRONTS + FRONTS * ARGS_OF_FRONT,
};

static int exec_again(struct rig *rig, const struct child *child)
{
	char text[ARGS][12], *argv[ARGS + 1] = {};
	int i, j, value[ARGS] = {};

	value[ARG_READ] = child->to_child[0];
	value[ARG_WRITE] = child->from_child[1];
	value[ARG_FILE] = rig->file;
	for (i = 0; i < FRONTS; i++) {
		int *arg = value + ARG_FRONTS + i * ARGS_OF_FRONT;

		while (all_ops[arg[0]] != rig->fronts[i].ops)
			arg[0]++;
		arg[1] = rig->fronts[i].iommu;
		if (fcntl(arg[1], F_SETFD, 0))
			return -errno;
		for (j = 0; j < IOASES; j++)
			arg[2 + j] = rig->ioases[i][j];
	}
	for (i = 0; i < ARGS; i++) {
		snprintf(text[i], sizeof(text[i]), "%d", value[i]);
		argv[i] = text[i];
	}
	argv[ARG_PROGRAM] = "random";
	argv[ARG_ACTOR] = "--actor";
	execv("/proc/self/exe", argv);
	return -errno;
}

static void act(struct rig *rig, struct child *child)
{
	struct step step;

	/* What came from the parent stays the parent's. */
	rig->ask = ask_open();
	while (read(child->to_child[0], &step, sizeof(step)) == sizeof(step))
		child_tell(child, step.kind == STEP_EXEC ? exec_again(rig, child) :
							   do_here(rig, &step));
	_exit(0);
}

/**
 * actor_is_executed - go on as a child that has called exec()
 * @argc: of main()
 * @argv: of main()
 *
 * Return: 0 if this is not such a program; else it does not return
 */
int actor_is_executed(int argc, char **argv)
{
	struct rig rig = {};
	struct child child = {};
	int i, j;

	if (argc != ARGS || strcmp(argv[ARG_ACTOR], "--actor"))
		return 0;
	child.to_child[0] = atoi(argv[ARG_READ]);
	child.from_child[1] = atoi(argv[ARG_WRITE]);
	rig.file = atoi(argv[ARG_FILE]);
	for (i = 0; i < FRONTS; i++) {
		char **arg = argv + ARG_FRONTS + i * ARGS_OF_FRONT;

		rig.fronts[i].ops = all_ops[atoi(arg[0])];
		rig.fronts[i].iommu = atoi(arg[1]);
		for (j = 0; j < IOASES; j++)
			rig.ioases[i][j] = atoi(arg[2 + j]);
	}
	child_tell(&child, arena_make(rig.file));
	act(&rig, &child);
	return 1;
}

static int start_child(struct rig *rig, struct child *child)
{
	int rc;

	/* What is in stdout's buffer is not for the child to say. */
	fflush(stdout);
	rc = child_start(child);
	if (!rc && !child->pid)
		act(rig, child);
	return rc;
}

static int end_child(struct child *child)
{
	int rc = child_end(child, SIGKILL);

	child->pid = 0;
	return rc;
}

/**
 * actor_do - have a step done by the process that is to do it
 * @rig: the front ends
 * @step: the step
 *
 * Return: 0 or -errno
 */
int actor_do(struct rig *rig, const struct step *step)
{
	struct child *child = &rig->children[step->process];

	if (step->kind == STEP_FORK)
		return start_child(rig, child);
	if (step->kind == STEP_KILL)
		return end_child(child);
	if (!step->process)
		return do_here(rig, step);
	if (write(child->to_child[1], step, sizeof(*step)) != sizeof(*step))
		return -EPIPE;
	return child_result(child);
}

/**
 * rig_open - open the front ends, as root, and make the memory
 * @rig: to be initialised
 * @ops: which
 *
 * Return: 0 or -errno
 */
int rig_open(struct rig *rig, const struct front_ops *const ops[FRONTS])
{
	static const enum device_kind kinds[FRONTS] = { DEVICE_EDU, DEVICE_NIC };
	int i, rc;

	memset(rig, 0, sizeof(*rig));
	rig->mediated = -1;
	rig->ask = ask_open();
	if (rig->ask < 0)
		return rig->ask;
	for (i = 0; i < FRONTS; i++) {
		rc = front_open(&rig->fronts[i], ops[i]) ?:
		     front_attach(&rig->fronts[i], kinds[i]);
		if (!rc && !ops[i]->type) {
			rig->ioases[i][0] = rig->fronts[i].ioas;
			rc = front_alloc_ioas(&rig->fronts[i], &rig->ioases[i][1]);
		}
		/* There is one, and the first that can have it gets it. */
		if (!rc && rig->mediated < 0 && ops[i] == &front_type1_v2) {
			rc = front_attach(&rig->fronts[i], DEVICE_MEDIATED);
			rig->mediated = i;
		}
		if (rc)
			return rc;
	}
	rig->file = arena_file();
	return rig->file < 0 ? rig->file : arena_make(rig->file);
}

/**
 * rig_close - end all children, and close all front ends
 * @rig: of rig_open()
 */
void rig_close(struct rig *rig)
{
	int i;

	for (i = 1; i < PROCESSES; i++)
		if (rig->children[i].pid)
			end_child(&rig->children[i]);
	for (i = 0; i < FRONTS; i++)
		front_close(&rig->fronts[i]);
	close(rig->ask);
	close(rig->file);
}
