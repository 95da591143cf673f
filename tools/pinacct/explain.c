// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinacct explain: why was memory refused, and what can be done?
 *
 * pinacct.ko remembers the last refusal of each process that still runs. A VM that
 * was refused has mostly ended: what is left of it is the line in the kernel log,
 * of pinacct.ko or of an unmodified type1. An unmodified iommufd leaves nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "process.h"
#include "refusals.h"

static const char help[] =
"Use: pinacct explain [OPTION]... [PID | DOMAIN]\n"
"\n"
"Prints the last refusals, of one process or of all, in words, with the remedy:\n"
"those that pinacct.ko remembers of processes that run, and those that the kernel\n"
"log still has.\n"
"\n"
"  -n, --number N   so many at most (5)\n"
"  -j, --json       print them for programs\n"
"  -h, --help\n"
"\n"
"Exit status: 0; 1 if no refusal is known; see pinacct(8).\n"
"\n"
"Examples:\n"
"  pinacct explain\n"
"  pinacct explain 4711\n"
"  pinacct explain --json | jq -r '.refusals[0].needed_bytes'\n";

static const struct option options[] = {
	{ "number", required_argument, NULL, 'n' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* ---- for people */

static void print_limit(const struct refusal *refusal)
{
	uint64_t needed = refusal->needed;

	printf("  The limit, RLIMIT_MEMLOCK, was %s", kib(refusal->limit));
	if (refusal->numbers) {
		printf("; %s was charged %s already, and\n", refusal->payer,
		       kib(refusal->charged));
		printf("  with this it takes %s (%llu MiB)", kib(needed),
		       (unsigned long long)(round_up(needed, MIB) / MIB));
	}
	printf(".\n");
	if (!refusal->numbers) {
		printf("  How much it takes: pinacct estimate %s\n",
		       refusal->domain ?: "DOMAIN.xml");
		return;
	}
	printf("  What is mapped later is not in that: pinacct estimate %s says what the VM takes.\n",
	       refusal->domain ?: "DOMAIN.xml");
	printf("  Set it where the VM is started:\n");
	printf("    libvirt:   without <memtune><hard_limit> it sets more than enough; else raise that to %llu\n"
	       "               KiB and some hundred MiB for QEMU itself, which the memory cgroup counts, too\n",
	       (unsigned long long)needed / 1024);
	printf("    systemd:   LimitMEMLOCK=%lluM in the unit that starts it\n",
	       (unsigned long long)(round_up(needed, MIB) / MIB));
	printf("    a shell:   ulimit -l %llu, as a user who may (/etc/security/limits.conf: memlock)\n",
	       (unsigned long long)needed / 1024);
	printf("    running:   prlimit --pid PID --memlock=%llu:%llu\n", (unsigned long long)needed,
	       (unsigned long long)needed);
	if (refusal->user)
		printf("  All VMs of that user share the limit: the user, not the process, pays with iommufd in\n"
		       "  user mode.\n");
}

static void print_remedy(const struct refusal *refusal)
{
	switch (refusal->cause) {
	case PINACCT_CAUSE_LIMIT:
		print_limit(refusal);
		return;
	case PINACCT_CAUSE_FILE:
	case PINACCT_CAUSE_NOT_MEMFD:
		printf("  Back the VM's memory by something else:\n"
		       "    libvirt:   <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>,\n"
		       "               or memory_backing_dir = \"/dev/shm\" in /etc/libvirt/qemu.conf (tmpfs)\n"
		       "    QEMU:      -object memory-backend-memfd,share=on instead of memory-backend-file, or\n"
		       "               mem-path= on tmpfs or hugetlbfs; or share=off, which maps the file privately\n");
		return;
	case PINACCT_CAUSE_NO_MEMORY:
		printf("  Look at free memory and at the memory cgroup of the VM (memory.max, memory.events);\n"
		       "  huge pages have to be reserved (vm.nr_hugepages).\n");
		return;
	case PINACCT_CAUSE_ZERO_PAGE:
		printf("  Remedy: pinacct tune set zero_page=cow, and start the VM again.\n");
		return;
	case PINACCT_CAUSE_UNPINNABLE:
		printf("  Back the VM's memory by a memfd or anonymous memory; of persistent memory, use the\n"
		       "  device (/dev/dax), not a file system that is mounted with dax.\n");
		return;
	case PINACCT_CAUSE_UNMAPPED:
	case PINACCT_CAUSE_PROTECTED:
		printf("  It is an error of the program that asked for it, or a file that is shorter than its\n"
		       "  mapping: look at the size of the files that back the VM's memory.\n");
		return;
	case PINACCT_CAUSE_MOVABLE:
		printf("  Memory that is hotplugged as movable (ZONE_MOVABLE, kernelcore=, CMA) cannot be pinned, and\n"
		       "  this page could not be moved out of it: free memory elsewhere, or online it as kernel memory\n"
		       "  (/sys/devices/system/memory/auto_online_blocks: online_kernel).\n");
		return;
	case PINACCT_CAUSE_EXCLUDED:
		printf("  Its owner converts or removes that memory now (PINACCT_EXCLUDE): try again when it is done.\n");
		return;
	case PINACCT_CAUSE_DEVICE:
		printf("  It is a device's own memory, which iommufd does not map: QEMU goes on without, and only\n"
		       "  DMA from one device to another is lost.\n");
		return;
	default:
		printf("  The errno is all that is known: see the kernel log (dmesg).\n");
	}
}

static void print_refusal(const struct refusal *refusal)
{
	char when[32];

	strftime(when, sizeof(when), "%F %T", localtime(&refusal->when));
	printf("%s  %s (PID %d%s%s)%s\n", when, refusal->name, refusal->pid,
	       refusal->domain ? ", " : "", refusal->domain ?: "",
	       refusal->remembered ? "" : "  [kernel log]");
	if (refusal->length)
		printf("  could not map %s for a device", kib(refusal->length));
	else
		printf("  could not map memory for a device");
	if (refusal->error)
		printf(": %s", strerror(refusal->error));
	printf("\n  Cause: %s\n", refusal->words);
	print_remedy(refusal);
}

/* ---- for programs */

static json_object *json_refusal(const struct refusal *refusal)
{
	json_object *object = json_object_new_object();

	json_number(object, "pid", refusal->pid);
	json_text(object, "program", refusal->name);
	json_text(object, "domain", refusal->domain);
	json_number(object, "time", refusal->when);
	json_text(object, "cause", refusal_names[refusal->cause]);
	json_text(object, "words", refusal->words);
	json_text(object, "source", refusal->remembered ? "module" : "log");
	if (refusal->error)
		json_number(object, "errno", refusal->error);
	if (refusal->length)
		json_number(object, "length_bytes", refusal->length);
	if (refusal->cause == PINACCT_CAUSE_LIMIT)
		json_object_object_add(object, "limit_bytes", json_limit(refusal->limit));
	if (refusal->numbers) {
		json_number(object, "charged_bytes", refusal->charged);
		json_number(object, "needed_bytes", refusal->needed);
	}
	return object;
}

/* ---- the command */

/**
 * explain - the command
 * @argc: of it
 * @argv: of it
 */
int explain(int argc, char **argv)
{
	const char *which = NULL;
	struct refusal *refusals;
	json_object *array = NULL;
	unsigned int most = 5, nr;
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "n:jh", options, NULL)) != -1) {
		switch (option) {
		case 'n':
			most = parse_number("--number", optarg, 1000);
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

	refusals = refusals_read(&nr, which);
	if (json)
		array = json_object_new_array();
	else if (!nr)
		printf("No refusal is known%s%s.\n", which ? " of " : "", which ?: "");
	/* The latest first. */
	for (unsigned int i = 0; i < nr && i < most; i++) {
		if (json) {
			json_object_array_add(array, json_refusal(&refusals[i]));
		} else {
			printf("%s", i ? "\n" : "");
			print_refusal(&refusals[i]);
		}
	}
	if (json) {
		json_object *object = json_object_new_object();

		json_object_object_add(object, "refusals", array);
		print_json(object);
	}
	free(refusals);
	return nr ? STATUS_OK : STATUS_NO;
}
