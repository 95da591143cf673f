// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinacct estimate: what limit does this VM take?
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"
#include "process.h"
#include "vm.h"

static const char help[] =
"Use: pinacct estimate [OPTION]... DOMAIN.xml | - | PID | DOMAIN\n"
"     pinacct estimate [OPTION]... --memory SIZE\n"
"\n"
"Prints the RLIMIT_MEMLOCK that a VM with assigned devices takes on this kernel,\n"
"how it adds up, what libvirt would set, and whether its memory can be pinned at\n"
"all. The VM is a libvirt domain, in a file or running, or a running QEMU.\n"
"\n"
"  -m, --memory SIZE       no domain, but a VM with so much RAM (8G)\n"
"  -d, --devices N         with so many assigned devices (1)\n"
"  -u, --viommu            with an IOMMU of its own\n"
"  -v, --video MODEL       with a graphics card: vga, virtio, qxl, bochs, ... (none)\n"
"  -f, --firmware bios|uefi  (bios)\n"
"  -p, --with NAME=VALUE   as if this parameter of the module were set so\n"
"  -b, --backing-dir DIR   where libvirt's files of guests' memory are, instead of\n"
"                          memory_backing_dir of /etc/libvirt/qemu.conf\n"
"  -q, --quiet             print only the number of KiB\n"
"  -j, --json              print it for programs\n"
"  -h, --help\n"
"\n"
"Exit status: 0; 1 if it cannot start so, whatever the limit; see pinacct(8).\n"
"\n"
"Examples:\n"
"  pinacct estimate win11.xml\n"
"  virsh dumpxml win11 | pinacct estimate -\n"
"  pinacct estimate --memory 8G --devices 2 --viommu\n"
"  pinacct estimate --memory 8G --devices 2 --viommu --with charge_once=Y\n"
"  prlimit --pid $$ --memlock=$(( $(pinacct estimate -q vm.xml) * 1024 ))\n";

static const struct option options[] = {
	{ "memory", required_argument, NULL, 'm' },
	{ "devices", required_argument, NULL, 'd' },
	{ "viommu", no_argument, NULL, 'u' },
	{ "video", required_argument, NULL, 'v' },
	{ "firmware", required_argument, NULL, 'f' },
	{ "with", required_argument, NULL, 'p' },
	{ "backing-dir", required_argument, NULL, 'b' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* What an answer is put together from. */
struct question {
	struct vm vm;
	struct params params;
	struct need need;
	struct verdict verdicts[PARTS_MAX];
	const char *dir;
	bool refused;
};

static void look(struct question *question)
{
	need_add_up(&question->need, &question->vm, &question->params);
	question->refused = question->need.never;
	for (unsigned int i = 0; i < question->vm.nr_parts; i++) {
		struct verdict *verdict = &question->verdicts[i];

		backing_look(verdict, &question->vm.parts[i], question->dir);
		if (question->need.spaces && question->vm.parts[i].most && !verdict->pinnable &&
		    !verdict->unknown)
			question->refused = true;
	}
}

static const char *params_words(const struct params *params)
{
	return text("zero_page=%s zero_slack_mb=%u charge_once=%s",
		    zero_page_names[params->zero_page], params->zero_slack_mb,
		    params->charge_once ? "Y" : "N");
}

/* ---- for people */

static void print_rows(const struct row *rows, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		printf("  %-56s %14lld KiB\n", rows[i].what, (long long)rows[i].bytes / 1024);
}

static void print_sum(const struct need *need)
{
	print_rows(need->each, need->nr_each);
	if (need->nr_each > 1 && (need->spaces > 1 || need->nr_more))
		printf("  %-56s %14llu KiB\n", "together", (unsigned long long)need->space / 1024);
	if (need->spaces > 1)
		printf("  times %u, for the devices' address spaces behind the VM's own IOMMU\n",
		       need->spaces);
	print_rows(need->more, need->nr_more);
	printf("  %-56s %14llu KiB\n", "RLIMIT_MEMLOCK", (unsigned long long)need->bytes / 1024);
}

static void print_libvirt(const struct vm *vm, const struct need *need)
{
	if (!need->libvirt)
		return;
	printf("%s %s (%s)", vm->libvirt ? "libvirt sets" : "libvirt would set",
	       kib(need->libvirt), need->libvirt_why);
	if (need->libvirt == UNLIMITED)
		printf(".\n");
	else if (need->libvirt >= need->bytes)
		printf(", %s more than it takes.\n", kib(need->libvirt - need->bytes));
	else
		printf(", %s too little: it will not start, or be aborted.\n",
		       kib(need->bytes - need->libvirt));
	if (vm->libvirt && vm->hard_limit == UNLIMITED && !vm->locked)
		printf("To set it oneself: <memtune><hard_limit unit='KiB'>%llu</hard_limit></memtune>; where\n"
		       "libvirt uses the memory cgroup it limits all of QEMU, which takes some hundred MiB more.\n",
		       (unsigned long long)need->bytes / 1024);
}

static void print_backing(const struct question *question)
{
	const struct vm *vm = &question->vm;
	const char *said = NULL;

	for (unsigned int i = 0; i < vm->nr_parts; i++) {
		const struct verdict *verdict = &question->verdicts[i];

		/* One line for cells that are alike. */
		if (!vm->parts[i].most || (said && !strcmp(verdict->what, said)))
			continue;
		said = verdict->what;
		printf("Its memory%s%s is %s: it %s pinned%s%s.\n", i ? ", " : "",
		       i ? vm->parts[i].what : "", verdict->what,
		       verdict->pinnable ? "can be" :
		       verdict->unknown ? "is not known whether it can be" : "cannot be",
		       verdict->why ? "; " : "", verdict->why ?: "");
	}
}

/* What the sum does not know. */
static void print_notes(const struct question *question)
{
	const struct need *need = &question->need;
	const struct vm *vm = &question->vm;

	if (need->never)
		printf("It cannot start: %s.\n", need->never);
	if (need->most > need->bytes)
		printf("With all of virtio-mem plugged it takes %s.\n", kib(need->most));
	if (vm->locked)
		printf("All of QEMU's memory is locked as well (<locked/>): leave the limit to libvirt.\n");
	if (vm->mediated)
		printf("What is pinned for mediated devices is up to their drivers: this is the most.\n");
	if (vm->vdpa)
		printf("vDPA devices pin all memory too, and count it as VmPin: it is not in the sum.\n");
	if (!vm->known_machine)
		printf("Its machine type is not one that was measured (q35, pc): add a few MiB.\n");
}

static void print_text(const struct question *question)
{
	const struct need *need = &question->need;
	const struct vm *vm = &question->vm;

	if (!need->spaces && !vm->nvme) {
		printf("%s has no assigned device: nothing of it is pinned.\n",
		       vm->name ?: "It");
		return;
	}
	printf("%s takes an RLIMIT_MEMLOCK of %s (rounded up, %llu MiB):\n\n", vm->name ?: "It",
	       kib(need->bytes), (unsigned long long)(round_up(need->bytes, MIB) / MIB));
	print_sum(need);
	printf("\nParameters: %s (%s).\n", params_words(&question->params),
	       question->params.loaded ? "pinacct.ko is loaded" :
					 "pinacct.ko is not loaded");
	print_libvirt(vm, need);
	print_backing(question);
	print_notes(question);
}

/* ---- for programs */

static json_object *json_rows(const struct row *rows, unsigned int nr)
{
	json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < nr; i++) {
		json_object *row = json_object_new_object();

		json_text(row, "what", rows[i].what);
		json_object_object_add(row, "bytes", json_object_new_int64(rows[i].bytes));
		json_object_array_add(array, row);
	}
	return array;
}

static json_object *json_params(const struct params *params)
{
	json_object *object = json_object_new_object();

	json_object_object_add(object, "module", json_object_new_boolean(params->loaded));
	json_text(object, "zero_page", zero_page_names[params->zero_page]);
	json_number(object, "zero_slack_mb", params->zero_slack_mb);
	json_object_object_add(object, "charge_once",
			       json_object_new_boolean(params->charge_once));
	return object;
}

static json_object *json_backing(const struct question *question)
{
	json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < question->vm.nr_parts; i++) {
		const struct verdict *verdict = &question->verdicts[i];
		json_object *part;

		if (!question->vm.parts[i].most)
			continue;
		part = json_object_new_object();
		json_text(part, "part", question->vm.parts[i].what);
		json_number(part, "bytes", question->vm.parts[i].bytes);
		json_text(part, "is", verdict->what);
		json_object_object_add(part, "pinnable", verdict->unknown ? NULL :
				       json_object_new_boolean(verdict->pinnable));
		json_text(part, "why", verdict->why);
		json_object_array_add(array, part);
	}
	return array;
}

static void print_as_json(const struct question *question)
{
	const struct need *need = &question->need;
	json_object *object = json_object_new_object();

	json_text(object, "name", question->vm.name);
	json_number(object, "bytes", need->bytes);
	json_number(object, "mib", round_up(need->bytes, MIB) / MIB);
	json_number(object, "most_bytes", need->most);
	json_number(object, "address_spaces", need->spaces);
	json_object_object_add(object, "each", json_rows(need->each, need->nr_each));
	json_object_object_add(object, "more", json_rows(need->more, need->nr_more));
	json_object_object_add(object, "parameters", json_params(&question->params));
	json_object_object_add(object, "libvirt_bytes", json_limit(need->libvirt));
	json_text(object, "libvirt_rule", need->libvirt_why);
	json_object_object_add(object, "memory", json_backing(question));
	json_object_object_add(object, "can_start", json_object_new_boolean(!question->refused));
	json_text(object, "never", need->never);
	print_json(object);
}

/* ---- which VM */

static void given(struct vm *vm, uint64_t memory, unsigned int devices, bool viommu,
		  const char *video, const char *firmware)
{
	vm_init(vm);
	vm_add_part(vm, "RAM", round_up(memory, MIB));
	vm->total = vm->parts[0].bytes;
	vm->devices = devices;
	vm->viommu = viommu;
	if (strcmp(firmware, "bios") && strcmp(firmware, "uefi"))
		fail(STATUS_USE, "--firmware is bios or uefi, not '%s'", firmware);
	vm->uefi = !strcmp(firmware, "uefi");
	if (vm->uefi)
		vm->firmware = 0;
	if (video)
		vm_add_video(vm, video, 0);
}

static void find(struct vm *vm, const char *which)
{
	pid_t pid;

	if (!strcmp(which, "-") || strchr(which, '/') || !access(which, F_OK) ||
	    (strlen(which) > 4 && !strcmp(which + strlen(which) - 4, ".xml"))) {
		vm_read_domain(vm, which);
		return;
	}
	pid = process_find(which);
	vm_read_process(vm, pid);
}

/**
 * estimate - the command
 * @argc: of it
 * @argv: of it
 */
int estimate(int argc, char **argv)
{
	const char *memory = NULL, *video = NULL, *firmware = "bios";
	static struct question question;
	bool quiet = false, json = false, viommu = false, described = false;
	unsigned int devices = 1;
	int option;

	params_read(&question.params);
	while ((option = getopt_long(argc, argv, "m:d:uv:f:p:b:qjh", options, NULL)) != -1) {
		switch (option) {
		case 'm':
			memory = optarg;
			break;
		case 'd':
			devices = parse_number("--devices", optarg, 256);
			described = true;
			break;
		case 'u':
			viommu = described = true;
			break;
		case 'v':
			video = optarg;
			described = true;
			break;
		case 'f':
			firmware = optarg;
			described = true;
			break;
		case 'p':
			params_set(&question.params, optarg);
			break;
		case 'b':
			question.dir = optarg;
			break;
		case 'q':
			quiet = true;
			break;
		case 'j':
			json = true;
			break;
		default:
			return other_option(option, argv, help);
		}
	}
	if (memory && optind < argc)
		fail(STATUS_USE, "a domain and --memory exclude each other");
	if (described && !memory)
		fail(STATUS_USE, "--devices, --viommu, --video and --firmware go with --memory; a domain says these itself");
	if (!memory && optind == argc)
		fail(STATUS_USE, "which VM? A domain's XML, a PID, a domain's name or --memory: see pinacct estimate --help");
	if (memory)
		given(&question.vm, parse_size("--memory", memory, MIB), devices, viommu, video,
		      firmware);
	else
		find(&question.vm, argv[optind++]);
	no_more(argv[0], argc, argv);
	if (!question.dir)
		question.dir = backing_default_dir();

	look(&question);
	if (json)
		print_as_json(&question);
	else if (quiet)
		printf("%llu\n", (unsigned long long)(question.need.bytes / 1024));
	else
		print_text(&question);
	return question.refused ? STATUS_NO : STATUS_OK;
}
