// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinacct tune: what can be set, and what would it change?
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"
#include "process.h"

#define MODPROBE_FILE	"/etc/modprobe.d/pinacct.conf"

static const char help[] =
"Use: pinacct tune [show] [OPTION]...\n"
"     pinacct tune set [OPTION]... PARAMETER=VALUE...\n"
"\n"
"show prints the parameters of pinacct.ko, and what each would change for the VMs\n"
"that run now. set sets them, all or none. What is mapped keeps the zero_page and\n"
"charge_once that it was mapped with: VMs have to be started again.\n"
"\n"
"  zero_page=cow|ignore|strict   zero_slack_mb=0..4096\n"
"  strict_errno=Y|N              charge_once=Y|N\n"
"  pin_threads=0..64\n"
"\n"
"  -p, --persist[=FILE]  also for the next time that the module is loaded: writes\n"
"                        " MODPROBE_FILE " or FILE anew\n"
"  -j, --json            show it for programs\n"
"  -h, --help\n"
"\n"
"Examples:\n"
"  pinacct tune\n"
"  pinacct tune set zero_slack_mb=1 --persist\n"
"  pinacct tune set charge_once=Y zero_page=cow\n";

static const struct option options[] = {
	{ "persist", optional_argument, NULL, 'p' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static const struct {
	const char *name, *normal, *words;
} about[] = {
	{ "zero_page", "cow", "what a device that only reads gets where nothing was written" },
	{ "zero_slack_mb", "0", "MiB by which copies of the zero page may exceed the limit" },
	{ "strict_errno", "N", "an errno for each cause of a refusal" },
	{ "charge_once", "N", "a page in several address spaces is charged once" },
	{ "pin_threads", "1", "tasks that fault in a mapping's memory; 0: as many as are worth it" },
	{ }
};

/* ---- what a VM that runs would pay */

struct pages {
	uint64_t once;
	uint64_t each;
};

static void add_pages(const struct pinacct_pin_range *range, void *arg)
{
	struct pages *pages = arg;

	pages->once += range->length;
	pages->each += range->length * range->pins;
}

/* What charge_once would save, of what is pinned now. */
static uint64_t charged_again(const struct process *process)
{
	uint64_t shared = process_shared(process);
	struct pages pages = {};

	if (kernel_pins(process->pid, PINACCT_PINS_BY_ADDRESS, add_pages, &pages))
		return 0;
	return pages.each - pages.once > shared ? pages.each - pages.once - shared : 0;
}

static void print_vm(const struct process *process, const struct params *params)
{
	uint64_t again = charged_again(process), cows = process_zero_cow(process);
	uint64_t shared = process_shared(process);

	printf("\n%s (PID %d), charged %s:\n", process->domain ?: process->name, process->pid,
	       kib(process_charged(process)));
	if (process->usage.exempt) {
		printf("  nothing: it has CAP_IPC_LOCK, and nobody pays\n");
		return;
	}
	if (!params->charge_once)
		printf("  %-24s %s less to pay\n", "charge_once=Y", kib(again));
	else
		printf("  %-24s %s more to pay\n", "charge_once=N", kib(shared));
	if (params->zero_slack_mb * MIB < cows)
		printf("  %-24s a limit lower by up to %s does\n",
		       text("zero_slack_mb=%" PRIu64, round_up(cows, MIB) / MIB), kib(cows));
	else if (params->zero_slack_mb)
		printf("  %-24s a limit higher by up to %s is needed\n", "zero_slack_mb=0",
		       kib(cows));
	if (params->zero_page != ZERO_PAGE_IGNORE)
		printf("  %-24s %s less to pay\n", "zero_page=ignore", kib(cows));
	if (params->zero_page != ZERO_PAGE_COW)
		printf("  %-24s memory that was never written is copied and charged\n",
		       "zero_page=cow");
	if (params->zero_page != ZERO_PAGE_STRICT)
		printf("  %-24s %s\n", "zero_page=strict",
		       cows ? "it would not start" : "a QEMU whose firmware was never written would not start");
	printf("  %-24s nothing, as long as it is not refused anything\n",
	       params->strict_errno ? "strict_errno=N" : "strict_errno=Y");
}

static json_object *json_vm(const struct process *process)
{
	json_object *object = json_object_new_object();

	json_number(object, "pid", process->pid);
	json_text(object, "domain", process->domain);
	json_number(object, "charged_bytes", process_charged(process));
	json_number(object, "charged_again_bytes", charged_again(process));
	json_number(object, "shared_bytes", process_shared(process));
	json_number(object, "zero_cow_bytes", process_zero_cow(process));
	return object;
}

/* ---- show */

static void show_json(const struct params *params, const struct process *processes,
		      unsigned int nr)
{
	json_object *object = json_object_new_object(), *all = json_object_new_object();
	json_object *vms = json_object_new_array();

	for (int i = 0; about[i].name; i++) {
		json_object *one = json_object_new_object();

		json_text(one, "value", params->loaded ? param_value(params, about[i].name) : NULL);
		json_text(one, "default", about[i].normal);
		json_object_object_add(all, about[i].name, one);
	}
	for (unsigned int i = 0; i < nr; i++)
		if (!processes[i].usage_error)
			json_object_array_add(vms, json_vm(&processes[i]));
	json_object_object_add(object, "module", json_object_new_boolean(params->loaded));
	json_object_object_add(object, "parameters", all);
	json_object_object_add(object, "vms", vms);
	print_json(object);
}

static int tune_show(bool json)
{
	struct process *processes;
	struct params params;
	unsigned int nr;

	params_read(&params);
	processes = processes_read(&nr, false);
	if (json) {
		show_json(&params, processes, nr);
		processes_free(processes, nr);
		return STATUS_OK;
	}
	if (!params.loaded)
		printf("pinacct.ko is not loaded: these are the values that it would begin with.\n\n");
	printf("%-14s %-7s %-8s %s\n", "PARAMETER", "VALUE", "DEFAULT", "WHAT IT IS");
	for (int i = 0; about[i].name; i++)
		printf("%-14s %-7s %-8s %s\n", about[i].name, param_value(&params, about[i].name),
		       about[i].normal, about[i].words);
	if (params.loaded && !nr)
		printf("\nNobody has memory pinned now, who would be affected.\n");
	for (unsigned int i = 0; params.loaded && i < nr; i++) {
		if (!processes[i].usage_error)
			print_vm(&processes[i], &params);
		else
			printf("\nWhat PID %d would pay %s.\n", processes[i].pid,
			       why_unknown(processes[i].usage_error));
	}
	processes_free(processes, nr);
	return STATUS_OK;
}

/* ---- set */

/* Options of the module in a modprobe.d file, over what is in @params. */
static void read_persistent(struct params *params, const char *file)
{
	char *content = read_text(file, NULL), *rest = content, *line, *word;

	while (rest && (line = strsep(&rest, "\n"))) {
		if (strncmp(line, "options pinacct ", 16))
			continue;
		line += 16;
		while ((word = strsep(&line, " \t")))
			if (strchr(word, '='))
				params_set(params, word);
	}
	free(content);
}

/* Not in its place yet: where the disk is full, nothing is to be set either. */
static char *write_persistent(const struct params *params, const char *file)
{
	char *content = text("# Written by pinacct tune set --persist, which overwrites it.\n"
			     "options pinacct");

	for (int i = 0; param_names[i]; i++)
		content = text("%s %s=%s", content, param_names[i],
			       param_value(params, param_names[i]));
	return write_beside(file, text("%s\n", content));
}

/*
 * All or none: what was set is set back if a later one fails, and @tmp, if it is not
 * NULL, is removed.
 */
static void set_now(const struct params *old, const struct params *new, const char *tmp)
{
	for (int i = 0; param_names[i]; i++) {
		const char *value = param_value(new, param_names[i]);
		int error;

		if (!strcmp(value, param_value(old, param_names[i])))
			continue;
		error = param_write(param_names[i], value);
		if (!error)
			continue;
		for (int j = 0; j < i; j++)
			param_write(param_names[j], param_value(old, param_names[j]));
		if (tmp)
			unlink(tmp);
		if (error == -EACCES || error == -EPERM)
			fail(STATUS_PERMISSION, "only root may set %s; nothing was changed",
			     param_names[i]);
		fail(STATUS_SYSTEM, "%s cannot be set: %s; nothing was changed", param_names[i],
		     strerror(-error));
	}
}

static int tune_set(int argc, char **argv, const char *file)
{
	struct params old, new;
	char *tmp = NULL;

	params_read(&old);
	new = old;
	if (!old.loaded && !file)
		fail(STATUS_KERNEL, "pinacct.ko is not loaded: load it (modprobe pinacct), or add --persist to set it for when it is");
	if (!old.loaded)
		read_persistent(&new, file);
	if (optind == argc)
		fail(STATUS_USE, "set what? PARAMETER=VALUE: see pinacct tune --help");
	while (optind < argc)
		params_set(&new, argv[optind++]);
	if (file && access(dirname(text("%s", file)), W_OK))
		fail(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_PERMISSION,
		     "cannot write %s: %m; nothing was changed", file);

	if (file)
		tmp = write_persistent(&new, file);
	if (old.loaded)
		set_now(&old, &new, tmp);
	if (file)
		put_in_place(tmp, file);
	for (int i = 0; param_names[i]; i++)
		printf("%s=%s\n", param_names[i], param_value(&new, param_names[i]));
	return STATUS_OK;
}

/**
 * tune - the command
 * @argc: of it
 * @argv: of it
 */
int tune(int argc, char **argv)
{
	const char *file = NULL, *what = "show";
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "p::jh", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			file = optarg ?: MODPROBE_FILE;
			break;
		case 'j':
			json = true;
			break;
		default:
			return other_option(option, argv, help);
		}
	}
	if (optind < argc)
		what = argv[optind++];
	if (!strcmp(what, "set") && json)
		fail(STATUS_USE, "--json goes with show");
	if (!strcmp(what, "set"))
		return tune_set(argc, argv, file);
	if (strcmp(what, "show"))
		fail(STATUS_USE, "tune what? show or set, not '%s'", what);
	if (file)
		fail(STATUS_USE, "--persist goes with set");
	no_more(argv[0], argc, argv);
	return tune_show(json);
}
