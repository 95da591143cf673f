// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinacct export: the same as metrics, in the text format of Prometheus, for the
 * textfile collector of node_exporter.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "process.h"
#include "refusals.h"

static const char help[] =
"Use: pinacct export [OPTION]...\n"
"\n"
"Prints metrics in the text format of Prometheus, for node_exporter's textfile\n"
"collector. To be run as root, every minute or so.\n"
"\n"
"  -o, --output FILE   write them to FILE, as a whole or not at all\n"
"  -h, --help\n"
"\n"
"Examples:\n"
"  pinacct export\n"
"  pinacct export --output /var/lib/prometheus/node-exporter/pinacct.prom\n";

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* A value of a label, as the format wants it. */
static void put_value(FILE *out, const char *value)
{
	fputc('"', out);
	for (; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", out);
			continue;
		}
		if (*value == '"' || *value == '\\')
			fputc('\\', out);
		fputc(*value, out);
	}
	fputc('"', out);
}

static void put_head(FILE *out, const char *name, const char *words)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, words, name);
}

static void put_number(FILE *out, uint64_t n)
{
	if (n == UNLIMITED)
		fputs(" +Inf\n", out);
	else
		fprintf(out, " %" PRIu64 "\n", n);
}

/* ---- of each process */

static uint64_t limit(const struct process *process)
{
	return process->limit;
}

static uint64_t locked(const struct process *process)
{
	return process->locked;
}

static uint64_t pinned(const struct process *process)
{
	return process->pinned;
}

static uint64_t device(const struct process *process)
{
	return process->device;
}

static uint64_t exempt(const struct process *process)
{
	return process->usage.exempt;
}

static uint64_t slack_used(const struct process *process)
{
	int64_t left = process_left(process);

	return left < 0 && process_zero_cow(process) ? -left : 0;
}

static const struct {
	const char *name, *words;
	uint64_t (*get)(const struct process *process);
	bool usage;
} metrics[] = {
	{ "pinacct_process_limit_bytes", "RLIMIT_MEMLOCK of the process.", limit, false },
	{ "pinacct_process_charged_bytes",
	  "What counts against the limit: VmLck, or what its user is charged.",
	  process_charged, false },
	{ "pinacct_process_locked_bytes", "VmLck.", locked, false },
	{ "pinacct_process_pinned_bytes", "VmPin.", pinned, false },
	{ "pinacct_process_device_bytes", "Devices' memory that is mapped, and not charged.",
	  device, false },
	{ "pinacct_process_zero_cow_bytes",
	  "Charged private copies of the zero page, of the process and of its user.",
	  process_zero_cow, true },
	{ "pinacct_process_shared_bytes",
	  "Pinned and not charged again, by charge_once, of the process and of its user.",
	  process_shared, true },
	{ "pinacct_process_exempt_bytes", "Pinned, and nobody pays (CAP_IPC_LOCK).", exempt, true },
	{ "pinacct_process_slack_used_bytes",
	  "By how much the process is over its limit, within zero_slack_mb.", slack_used, true },
};

static void put_labels(FILE *out, const struct process *process)
{
	fprintf(out, "{pid=\"%d\",uid=\"%u\",program=", process->pid, process->uid);
	put_value(out, process->name);
	fputs(",vm=", out);
	put_value(out, process->domain ?: "");
	fputs(",payer=", out);
	put_value(out, process->usage_error ? "" : process_payer(process));
	fputc('}', out);
}

static void put_processes(FILE *out)
{
	unsigned int nr;
	struct process *processes = processes_read(&nr, false);

	for (size_t m = 0; m < sizeof(metrics) / sizeof(*metrics); m++) {
		bool head = false;

		for (unsigned int i = 0; i < nr; i++) {
			if (metrics[m].usage && processes[i].usage_error)
				continue;
			if (!head)
				put_head(out, metrics[m].name, metrics[m].words);
			head = true;
			fputs(metrics[m].name, out);
			put_labels(out, &processes[i]);
			put_number(out, metrics[m].get(&processes[i]));
		}
	}
	processes_free(processes, nr);
}

/* ---- of the module */

static void put_module(FILE *out)
{
	struct params params;

	params_read(&params);
	put_head(out, "pinacct_module_loaded", "Whether pinacct.ko is loaded.");
	fprintf(out, "pinacct_module_loaded %d\n", params.loaded);
	if (!params.loaded)
		return;
	put_head(out, "pinacct_zero_slack_bytes", "The parameter zero_slack_mb, in bytes.");
	fprintf(out, "pinacct_zero_slack_bytes %llu\n",
		(unsigned long long)(params.zero_slack_mb * MIB));
	put_head(out, "pinacct_parameters_info", "The other parameters of pinacct.ko.");
	fprintf(out, "pinacct_parameters_info{zero_page=\"%s\",strict_errno=\"%s\",charge_once=\"%s\",pin_threads=\"%u\"} 1\n",
		zero_page_names[params.zero_page], params.strict_errno ? "Y" : "N",
		params.charge_once ? "Y" : "N", params.pin_threads);
}

/* The kernel keeps no count that only grows: when the last one was is what is known
 * for certain.
 */
static void put_refusals(FILE *out)
{
	static const char name[] = "pinacct_last_refusal_timestamp_seconds";
	unsigned int nr;
	struct refusal *refusals = refusals_read(&nr, NULL);
	bool done[32] = {};

	for (unsigned int i = 0; i < nr; i++) {
		unsigned int cause = refusals[i].cause;

		/* The latest comes first. QEMU tries BARs with iommufd, and goes on. */
		if (cause >= sizeof(done) || done[cause] || cause == PINACCT_CAUSE_DEVICE)
			continue;
		if (!memchr(done, true, sizeof(done)))
			put_head(out, name, "When memory was refused last, by cause.");
		done[cause] = true;
		fprintf(out, "%s{cause=\"%s\"} %lld\n", name, refusal_names[cause],
			(long long)refusals[i].when);
	}
	free(refusals);
}

/**
 * export - the command
 * @argc: of it
 * @argv: of it
 */
int export(int argc, char **argv)
{
	const char *file = NULL;
	char *content;
	size_t length;
	FILE *out;
	int option;

	while ((option = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			file = optarg;
			break;
		default:
			return other_option(option, argv, help);
		}
	}
	no_more(argv[0], argc, argv);

	out = must(open_memstream(&content, &length));
	put_module(out);
	put_processes(out);
	put_refusals(out);
	fclose(out);
	if (file)
		put_in_place(write_beside(file, content), file);
	else
		fputs(content, stdout);
	free(content);
	return STATUS_OK;
}
