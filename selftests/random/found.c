// SPDX-License-Identifier: GPL-2.0-only
/* Reads every counter that the model predicts, of every process that is alive. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "counters.h"
#include "found.h"
#include "memory.h"
#include "privilege.h"

static int ask = -1;
static struct counters base;

/**
 * found_begin - nothing is mapped now
 * @user: gets the pages that the user is charged for
 *
 * Return: 0 or -errno
 */
int found_begin(long *user)
{
	int rc;

	if (ask < 0)
		ask = ask_open();
	rc = ask < 0 ? ask : counters_read(&base);
	*user = base.user;
	return rc;
}

static int differs(const char *what, int process, long predicted, long found)
{
	if (predicted == found)
		return 0;
	printf("# %s of process %d: %ld pages were predicted, and %ld found\n", what, process,
	       predicted, found);
	return 1;
}

static long status_pages(const char *text, const char *name)
{
	const char *found = strstr(text, name);

	return found ? strtol(found + strlen(name), NULL, 10) / 4 : -1;
}

static int child_differs(const struct payer *mm, int process, pid_t pid)
{
	char path[32], text[4096];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return differs("the status", process, 0, -errno);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	return differs("VmLck", process, mm->mlocked + mm->charged,
		       status_pages(text, "VmLck:")) +
	       differs("VmPin", process, mm->pinned, status_pages(text, "VmPin:"));
}

static int usage_differs(const struct model *model, int process, pid_t pid)
{
	const struct payer *mm = &model->payers[model->processes[process].mm];
	const struct payer *user = &model->payers[PAYER_USER];
	const long page = memory_page();
	struct pinacct_usage usage;
	int rc;

	rc = privilege_root(true) ?: ask_usage(ask, pid, &usage) ?: privilege_root(false);
	if (rc)
		return differs("PINACCT_USAGE", process, 0, rc);
	return differs("the ledger", process, mm->charged, usage.mm_pinacct / page) +
	       differs("the ledger's zero COWs", process, mm->zero_cow, usage.mm_zero_cow / page) +
	       differs("the user's ledger", process, user->charged, usage.user_pinacct / page) +
	       differs("the user's ledger's zero COWs", process, user->zero_cow,
		       usage.user_zero_cow / page) +
	       differs("what nobody pays for", process, mm->exempt, usage.exempt / page);
}

/* Only who has excluded something can be in anybody's way. */
static int wait_differs(const struct model *model, struct rig *rig, int process)
{
	const struct step step = { .kind = STEP_WAIT, .process = process };
	int predicted = model_wait(model, process), found;

	if (!model_has_excluded(model, process))
		return 0;
	found = actor_do(rig, &step);
	if (found == predicted)
		return 0;
	printf("# PINACCT_WAIT of process %d: errno %d was predicted, and %d found\n", process,
	       -predicted, -found);
	return 1;
}

/**
 * found_differs - tell all differences
 * @model: what is predicted
 * @rig: where processes are
 *
 * Return: how many there are
 */
int found_differs(const struct model *model, struct rig *rig)
{
	const struct payer *mm = &model->payers[model->processes[0].mm];
	struct counters now;
	int i, n;

	n = counters_read(&now);
	if (n)
		return differs("the counters", 0, 0, n);
	n = differs("VmLck", 0, mm->mlocked + mm->charged, now.lck) +
	    differs("VmPin", 0, mm->pinned, now.pin - base.pin) +
	    differs("the user's locked_vm", 0, model_charged(model, PAYER_USER), now.user) +
	    differs("pins in the system", 0, model->pins, now.held - base.held) +
	    usage_differs(model, 0, 0);
	for (i = 0; i < PROCESSES; i++)
		n += wait_differs(model, rig, i);
	for (i = 1; i < PROCESSES; i++) {
		pid_t pid = rig->children[i].pid;

		if (model->processes[i].alive)
			n += child_differs(&model->payers[model->processes[i].mm], i, pid) +
			     usage_differs(model, i, pid);
	}
	return n;
}
