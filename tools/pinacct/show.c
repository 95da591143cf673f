// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinacct show: who has how much pinned and locked, and what is left?
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "table.h"

static const char help[] =
"Use: pinacct show [OPTION]... [PID | DOMAIN]\n"
"\n"
"Prints who has memory pinned for devices, who pays for it, and what is left of\n"
"his limit; of one process, also which of its mappings are pinned. Of other\n"
"people's processes it takes root, and what is marked - takes pinacct.ko.\n"
"\n"
"  -a, --all     also those that have only locked memory (mlock)\n"
"  -j, --json    print it for programs, in bytes\n"
"  -h, --help\n"
"\n"
"Columns, in KiB:\n"
"  PAYER     process (VmLck), user (iommufd in user mode: all that his processes\n"
"            have pinned so), both, or nobody (CAP_IPC_LOCK)\n"
"  CHARGED   what counts against the limit\n"
"  LOCKED, PINNED  VmLck and VmPin\n"
"  ZERO COW  private copies of the zero page, which may exceed the limit by the slack\n"
"  SHARED    pinned, but not charged again (charge_once)\n"
"  DEVICE    devices' memory that it has mapped, which nobody is charged for\n"
"  LEFT      of the limit; less than 0 where the slack is used\n"
"\n"
"Examples:\n"
"  pinacct show\n"
"  pinacct show win11\n"
"  pinacct show --json | jq '.processes[].left_bytes'\n";

static const struct option options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* A mapping of the process's, with what is pinned of it. */
struct pinned {
	struct mapping mapping;
	uint64_t by_address;
	uint64_t by_page;
	unsigned int times;
};

struct pins {
	struct pinned *list;
	unsigned int nr;
	unsigned int at;
	bool by_page;
	int error;
};

static void add_mapping(const struct mapping *mapping, void *arg)
{
	struct pins *pins = arg;

	if (pins->nr % 256 == 0)
		pins->list = must(realloc(pins->list, (pins->nr + 256) * sizeof(*pins->list)));
	pins->list[pins->nr++] = (struct pinned){ .mapping = *mapping };
}

/* Ranges and mappings both come in order of their addresses. What was pinned where
 * nothing is mapped any more is left out: there is no mapping to tell it by.
 */
static void add_range(const struct pinacct_pin_range *range, void *arg)
{
	struct pins *pins = arg;
	uint64_t start = range->start, end = range->start + range->length;

	while (pins->at < pins->nr && pins->list[pins->at].mapping.end <= start)
		pins->at++;
	for (unsigned int i = pins->at; i < pins->nr; i++) {
		struct pinned *pinned = &pins->list[i];
		uint64_t from = start > pinned->mapping.start ? start : pinned->mapping.start;
		uint64_t to = end < pinned->mapping.end ? end : pinned->mapping.end;

		if (pinned->mapping.start >= end)
			break;
		if (from >= to)
			continue;
		if (pins->by_page) {
			pinned->by_page += to - from;
		} else {
			pinned->by_address += to - from;
			if (range->pins > pinned->times)
				pinned->times = range->pins;
		}
	}
}

static void read_pins(struct pins *pins, pid_t pid)
{
	*pins = (struct pins){};
	pins->error = mappings_each(pid, add_mapping, pins);
	if (!pins->error)
		pins->error = kernel_pins(pid, PINACCT_PINS_BY_ADDRESS, add_range, pins);
	pins->by_page = true;
	pins->at = 0;
	if (!pins->error)
		pins->error = kernel_pins(pid, PINACCT_PINS_BY_PAGE, add_range, pins);
}

static const char *what_is(const struct mapping *mapping)
{
	if (!mapping->path[0])
		return mapping->shared ? "shared anonymous memory" : "anonymous memory";
	return mapping->path;
}

/* ---- for people */

static void print_head(void)
{
	char line[512];

	table_head(line, sizeof(line), 0);
	puts(line);
}

static void print_line(const struct process *process)
{
	char line[512];

	table_line(line, sizeof(line), 0, process);
	puts(line);
}

static void print_payers(const struct process *process)
{
	const struct pinacct_usage *usage = &process->usage;

	if (process->usage_error) {
		printf("\nWho pays for how much %s.\n", why_unknown(process->usage_error));
		return;
	}
	printf("\n%-52s %16s %16s\n", "", "process", text("user %s", process_user(process->uid)));
	printf("%-52s %16s %16s\n", "charged, by everybody", kib(usage->mm_charged),
	       kib(usage->user_charged));
	printf("%-52s %16s %16s\n", "  of it for devices", kib(usage->mm_pinacct),
	       kib(usage->user_pinacct));
	printf("%-52s %16s %16s\n", "    of it copies of the zero page", kib(usage->mm_zero_cow),
	       kib(usage->user_zero_cow));
	printf("%-52s %16s %16s\n", "pinned, and not charged again (charge_once)",
	       kib(usage->mm_shared), kib(usage->user_shared));
	printf("%-52s %16s\n", "pinned, and nobody pays (CAP_IPC_LOCK)", kib(usage->exempt));
	printf("%-52s %16s\n", "RLIMIT_MEMLOCK", kib(usage->limit));
	printf("%-52s %16s\n", "slack for copies of the zero page", kib(usage->slack));
}

static void print_mappings(const struct pins *pins)
{
	if (pins->error) {
		printf("\nWhich mappings are pinned %s.\n", why_unknown(pins->error));
		return;
	}
	printf("\n%-33s %12s %12s %5s  %s\n", "ADDRESSES", "SIZE", "PINNED", "TIMES", "WHAT");
	for (unsigned int i = 0; i < pins->nr; i++) {
		const struct pinned *pinned = &pins->list[i];
		const struct mapping *mapping = &pinned->mapping;

		if (!pinned->by_address && !pinned->by_page)
			continue;
		printf("%16" PRIx64 "-%-16" PRIx64 " %12" PRIu64 " %12" PRIu64 " %5u  %s\n",
		       mapping->start, mapping->end, (mapping->end - mapping->start) / KIB,
		       pinned->by_address / KIB, pinned->times, what_is(mapping));
		if (pinned->by_page < pinned->by_address)
			printf("%33s %12s %12" PRIu64 "        of these the devices have other pages than the process\n",
			       "", "", (pinned->by_address - pinned->by_page) / KIB);
	}
}

static void print_process(const struct process *process)
{
	struct pins pins;

	print_head();
	print_line(process);
	print_payers(process);
	read_pins(&pins, process->pid);
	print_mappings(&pins);
	free(pins.list);
}

/* ---- for programs */

static json_object *json_usage(const struct pinacct_usage *usage)
{
	json_object *object = json_object_new_object();

	json_number(object, "slack_bytes", usage->slack);
	json_number(object, "process_charged_bytes", usage->mm_charged);
	json_number(object, "process_device_charged_bytes", usage->mm_pinacct);
	json_number(object, "process_zero_cow_bytes", usage->mm_zero_cow);
	json_number(object, "process_shared_bytes", usage->mm_shared);
	json_number(object, "user_charged_bytes", usage->user_charged);
	json_number(object, "user_device_charged_bytes", usage->user_pinacct);
	json_number(object, "user_zero_cow_bytes", usage->user_zero_cow);
	json_number(object, "user_shared_bytes", usage->user_shared);
	json_number(object, "exempt_bytes", usage->exempt);
	return object;
}

static json_object *json_mappings(const struct pins *pins)
{
	json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < pins->nr; i++) {
		const struct pinned *pinned = &pins->list[i];
		json_object *object;

		if (!pinned->by_address && !pinned->by_page)
			continue;
		object = json_object_new_object();
		json_text(object, "start", text("0x%" PRIx64, pinned->mapping.start));
		json_number(object, "bytes", pinned->mapping.end - pinned->mapping.start);
		json_number(object, "pinned_bytes", pinned->by_address);
		json_number(object, "pinned_by_page_bytes", pinned->by_page);
		json_number(object, "times", pinned->times);
		json_object_object_add(object, "shared",
				       json_object_new_boolean(pinned->mapping.shared));
		json_text(object, "path", pinned->mapping.path[0] ? pinned->mapping.path : NULL);
		json_object_array_add(array, object);
	}
	return array;
}

static json_object *json_process(const struct process *process, bool mappings)
{
	json_object *object = json_object_new_object();
	int64_t left = process_left(process);
	bool known = !process->usage_error;

	json_number(object, "pid", process->pid);
	json_number(object, "uid", process->uid);
	json_text(object, "program", process->name);
	json_text(object, "domain", process->domain);
	json_text(object, "backend", process->fds_known ? process_backend(process) : NULL);
	json_text(object, "payer", known ? process_payer(process) : NULL);
	json_number(object, "charged_bytes", process_charged(process));
	json_number(object, "locked_bytes", process->locked);
	json_number(object, "pinned_bytes", process->pinned);
	json_object_object_add(object, "device_bytes", process->fds_known ?
			       json_object_new_int64(process->device) : NULL);
	json_object_object_add(object, "limit_bytes", json_limit(process->limit));
	json_object_object_add(object, "left_bytes",
			       left == INT64_MAX ? NULL : json_object_new_int64(left));
	json_object_object_add(object, "usage", known ? json_usage(&process->usage) : NULL);
	if (mappings) {
		struct pins pins;

		read_pins(&pins, process->pid);
		json_object_object_add(object, "mappings",
				       pins.error ? NULL : json_mappings(&pins));
		free(pins.list);
	}
	return object;
}

/* ---- the command */

static int show_one(const char *which, bool json)
{
	struct process process;

	if (!process_read(&process, process_find(which)))
		fail(STATUS_NOT_FOUND, "process %s has just ended", which);
	if (json)
		print_json(json_process(&process, true));
	else
		print_process(&process);
	process_free(&process);
	return STATUS_OK;
}

static int show_all(bool all, bool json)
{
	unsigned int nr;
	struct process *processes = processes_read(&nr, all);

	table_sort(processes, nr, column_named("CHARGED"), false);
	if (json) {
		json_object *object = json_object_new_object();
		json_object *array = json_object_new_array();

		for (unsigned int i = 0; i < nr; i++)
			json_object_array_add(array, json_process(&processes[i], false));
		json_object_object_add(object, "processes", array);
		print_json(object);
	} else if (nr) {
		print_head();
		for (unsigned int i = 0; i < nr; i++)
			print_line(&processes[i]);
	} else {
		printf("Nobody has memory pinned for devices%s.\n",
		       all ? ", or locked" : ", as far as you may see");
	}
	processes_free(processes, nr);
	return STATUS_OK;
}

/**
 * show - the command
 * @argc: of it
 * @argv: of it
 */
int show(int argc, char **argv)
{
	bool all = false, json = false;
	const char *which = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "ajh", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			all = true;
			break;
		case 'j':
			json = true;
			break;
		default:
			return other_option(option, argv, help);
		}
	}
	if (optind < argc)
		which = argv[optind++];
	no_more(argv[0], argc, argv);
	return which ? show_one(which, json) : show_all(all, json);
}
