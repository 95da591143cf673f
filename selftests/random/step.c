// SPDX-License-Identifier: GPL-2.0-only
/* How a step is told to people. */
#include <stdio.h>

#include "front.h"
#include "step.h"

/**
 * step_parameter - what a parameter is called
 * @parameter: which
 *
 * Return: its name below /sys/module
 */
const char *step_parameter(enum parameter parameter)
{
	static const char *const names[] = {
		[PARAMETER_ZERO_PAGE] = "zero_page",
		[PARAMETER_ZERO_SLACK] = "zero_slack_mb",
		[PARAMETER_STRICT_ERRNO] = "strict_errno",
		[PARAMETER_CHARGE_ONCE] = "charge_once",
	};

	return names[parameter];
}

/**
 * step_value - what a parameter's value is called
 * @parameter: which
 * @value: of it
 *
 * Return: its text below /sys/module
 */
const char *step_value(enum parameter parameter, long value)
{
	static const char *const zero_page[] = { "cow", "ignore", "strict" };
	static const char *const number[] = { "0", "1" };
	static const char *const boolean[] = { "N", "Y" };

	if (parameter == PARAMETER_ZERO_PAGE)
		return zero_page[value];
	return parameter == PARAMETER_ZERO_SLACK ? number[value] : boolean[value];
}

static void print_memory(const struct step *step)
{
	printf(" %s[%ld..%ld]", arena_name(step->segment), step->first,
	       step->first + step->npages - 1);
}

static void print_iovas(const struct step *step, const char *front)
{
	printf(" %d:%s.%d iova[%ld..%ld]", step->front, front, step->ioas, step->at,
	       step->at + step->npages - 1);
}

/**
 * step_print - tell a step, without the end of the line
 * @step: the step
 * @front: name of its front end
 */
void step_print(const struct step *step, const char *front)
{
	static const char *const names[] = {
		[STEP_MAP] = "map",
		[STEP_MAP_FILE] = "map by file",
		[STEP_UNMAP] = "unmap",
		[STEP_UNMAP_ALL] = "unmap all",
		[STEP_COPY] = "copy",
		[STEP_ATTACH] = "attach",
		[STEP_DETACH] = "detach",
		[STEP_HAND_OVER] = "hand over",
		[STEP_CHANGE_PROCESS] = "change process",
		[STEP_PIN] = "mediated pin",
		[STEP_UNPIN] = "mediated unpin",
		[STEP_WRITE] = "write",
		[STEP_DROP] = "MADV_DONTNEED",
		[STEP_PUNCH] = "punch",
		[STEP_RENEW] = "renew",
		[STEP_LOCK] = "mlock",
		[STEP_UNLOCK] = "munlock",
		[STEP_EXCLUDE] = "exclude",
		[STEP_INCLUDE] = "include",
		[STEP_WAIT] = "wait",
		[STEP_LIMIT] = "limit",
		[STEP_PARAMETER] = "parameter",
		[STEP_FORK] = "fork",
		[STEP_KILL] = "is killed",
		[STEP_EXEC] = "exec",
	};

	printf("process %d: %s", step->process, names[step->kind]);
	switch (step->kind) {
	case STEP_MAP:
	case STEP_MAP_FILE:
		print_memory(step);
		printf(" %s at", step->prot & FRONT_WRITE ? "rw" : "r");
		print_iovas(step, front);
		printf("%s", step->raised ? " privileged" : "");
		break;
	case STEP_UNMAP:
	case STEP_PIN:
	case STEP_UNPIN:
		print_iovas(step, front);
		if (step->cut || step->keep)
			printf(" but %ld at the start and %ld at the end", step->cut, step->keep);
		break;
	case STEP_COPY:
		print_iovas(step, front);
		printf(" to .%d", step->to);
		break;
	case STEP_HAND_OVER:
		print_iovas(step, front);
		print_memory(step);
		printf("%s", step->again ? " again" : "");
		break;
	case STEP_UNMAP_ALL:
	case STEP_ATTACH:
	case STEP_CHANGE_PROCESS:
	case STEP_DETACH:
		printf(" %d:%s.%d", step->front, front, step->ioas);
		break;
	case STEP_RENEW:
		printf(" %s%s", arena_name(step->segment), step->value ? " huge" : "");
		break;
	case STEP_WRITE:
	case STEP_DROP:
	case STEP_PUNCH:
	case STEP_LOCK:
	case STEP_UNLOCK:
	case STEP_EXCLUDE:
	case STEP_INCLUDE:
		print_memory(step);
		break;
	case STEP_LIMIT:
		if (step->value == LIMIT_NONE)
			printf(" none");
		else
			printf(" %ld", step->value);
		break;
	case STEP_PARAMETER:
		printf(" %s=%s", step_parameter(step->parameter),
		       step_value(step->parameter, step->value));
		break;
	default:
		break;
	}
}
