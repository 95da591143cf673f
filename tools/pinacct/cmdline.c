// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does a running QEMU have that is pinned? From what libvirt keeps of the
 * domain, where that may be read; else from QEMU's command line, in both of the
 * forms that it takes: key=value,... and JSON. What was plugged later is only in
 * the first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"
#include "vm.h"

#define LIBVIRT	"/run/libvirt/qemu"

/* KEY's value in an argument of QEMU's, or NULL; with KEY NULL the first word. */
static char *value_of(const char *argument, const char *key)
{
	const char *word = argument;

	if (*argument == '{') {
		json_object *object = json_tokener_parse(argument), *member;
		char *value = NULL;

		if (object && json_object_object_get_ex(object, key ?: "driver", &member))
			value = text("%s", json_object_get_string(member));
		else if (object && !key && json_object_object_get_ex(object, "qom-type", &member))
			value = text("%s", json_object_get_string(member));
		json_object_put(object);
		return value;
	}
	if (!key)
		return must(strndup(argument, strcspn(argument, ",")));
	for (; word; word = strchr(word, ',')) {
		word += *word == ',';
		if (!strncmp(word, key, strlen(key)) && word[strlen(key)] == '=') {
			word += strlen(key) + 1;
			return must(strndup(word, strcspn(word, ",")));
		}
	}
	return NULL;
}

static bool on(const char *value)
{
	return value && (!strcmp(value, "on") || !strcmp(value, "yes") || !strcmp(value, "true"));
}

/* The -object with that id. */
static const char *object_of(char **arguments, const char *id)
{
	for (; id && *arguments; arguments++) {
		char *its;

		if (strcmp(*arguments, "-object") || !arguments[1])
			continue;
		its = value_of(arguments[1], "id");
		if (its && !strcmp(its, id))
			return arguments[1];
	}
	return NULL;
}

/* Where a part's memory comes from: of a memory-backend object. */
static void backend(struct part *part, const char *object)
{
	const char *type, *path;
	struct stat st;

	if (!object)
		return;
	type = value_of(object, NULL);
	path = value_of(object, "mem-path");
	part->shared = on(value_of(object, "share"));
	if (!strcmp(type, "memory-backend-memfd")) {
		part->source = SOURCE_MEMFD;
	} else if (path) {
		part->path = path;
		part->source = !stat(path, &st) && S_ISCHR(st.st_mode) ? SOURCE_DEVICE :
									SOURCE_FILE;
	}
}

static uint64_t backend_size(const char *object)
{
	const char *size = object ? value_of(object, "size") : NULL;

	return size ? parse_size("a memory backend's size", size, 1) : 0;
}

static void add_module(struct vm *vm, char **arguments, const char *driver, const char *device)
{
	const char *object = object_of(arguments, value_of(device, "memdev"));
	struct part *part = vm_add_part(vm, driver, backend_size(object));
	const char *requested = value_of(device, "requested-size");

	backend(part, object);
	if (!strncmp(driver, "virtio-mem", 10)) {
		part->what = "virtio-mem, as much as was requested at the start";
		part->bytes = requested ? parse_size("requested-size", requested, 1) : 0;
	}
	vm->total += part->most;
}

static const char node_ram[] = "RAM of a NUMA node";

static void add_node(struct vm *vm, const char *object)
{
	backend(vm_add_part(vm, node_ram, backend_size(object)), object);
}

/* What nodes have is part of what -m says, mostly all of it. */
static void take_nodes_out(struct vm *vm)
{
	for (unsigned int i = 1; i < vm->nr_parts; i++)
		if (vm->parts[i].what == node_ram && vm->parts[i].bytes <= vm->parts[0].bytes)
			vm->parts[0].bytes -= vm->parts[i].bytes;
	vm->parts[0].most = vm->parts[0].bytes;
}

/* QEMU's names of what libvirt calls otherwise. */
static const struct {
	const char *driver, *video;
} videos[] = {
	{ "VGA", "vga" }, { "std", "vga" }, { "secondary-vga", "vga" },
	{ "cirrus", "cirrus" }, { "cirrus-vga", "cirrus" }, { "qxl", "qxl" },
	{ "qxl-vga", "qxl" }, { "virtio", "virtio" }, { "virtio-vga", "virtio" },
	{ "virtio-vga-gl", "virtio" }, { "bochs-display", "bochs" }, { "vmware", "vmvga" },
	{ "vmware-svga", "vmvga" }, { "ramfb", "ramfb" }, { "none", "none" },
};

static bool add_video(struct vm *vm, const char *driver, const char *device)
{
	const char *mib = value_of(device, "vgamem_mb");

	for (size_t i = 0; i < sizeof(videos) / sizeof(*videos); i++)
		if (!strcmp(driver, videos[i].driver)) {
			vm_add_video(vm, videos[i].video,
				     mib ? parse_size("vgamem_mb", mib, MIB) : 0);
			return true;
		}
	return false;
}

static bool has_rom(const char *driver, const char *device)
{
	const char *file = value_of(device, "romfile"), *bar = value_of(device, "rombar");

	return (strstr(driver, "net-pci") || !strncmp(driver, "e1000", 5) ||
		!strncmp(driver, "rtl8139", 7) || !strcmp(driver, "vmxnet3")) &&
	       !(file && !*file) && !(bar && !strcmp(bar, "0"));
}

static void add_device(struct vm *vm, char **arguments, const char *device)
{
	const char *driver = value_of(device, NULL);
	const char *sysfs = value_of(device, "sysfsdev");

	if (!driver)
		return;
	if (!strncmp(driver, "vfio-pci", 8)) {
		if (sysfs && strstr(sysfs, "/mdev"))
			vm->mediated++;
		else
			vm->devices++;
	} else if (strstr(driver, "iommu") && strncmp(driver, "iommufd", 7)) {
		vm->viommu = true;
	} else if (!strcmp(driver, "pc-dimm") || !strcmp(driver, "nvdimm") ||
		   !strncmp(driver, "virtio-mem", 10) || !strncmp(driver, "virtio-pmem", 11)) {
		add_module(vm, arguments, driver, device);
	} else if (!strncmp(driver, "ivshmem-plain", 13)) {
		vm->shmem += backend_size(object_of(arguments, value_of(device, "memdev")));
	} else if (!add_video(vm, driver, device) && has_rom(driver, device)) {
		vm->rom = 512 * KIB;
	}
}

static void add_machine(struct vm *vm, char **arguments, const char *machine)
{
	const char *type = value_of(machine, "type") ?: value_of(machine, NULL);
	const char *object = object_of(arguments, value_of(machine, "memory-backend"));

	/* Without a type it only adds something to an earlier one. */
	if (!strchr(type, '='))
		vm->known_machine = strstr(type, "q35") || !strncmp(type, "pc", 2);
	if (object)
		backend(&vm->parts[0], object);
	if (strstr(machine, "pflash0"))
		vm->uefi = true;
}

static void add_firmware(struct vm *vm, const char *file)
{
	struct stat st;

	if (!stat(file, &st) || !stat(text("/usr/share/seabios/%s", file), &st) ||
	    !stat(text("/usr/share/qemu/%s", file), &st))
		vm->firmware = round_up(st.st_size, 4096);
}

/* What each option says; those with a value are followed by it. */
static void add_option(struct vm *vm, char **arguments, const char *option, const char *value)
{
	struct part *ram = &vm->parts[0];

	if (!strcmp(option, "-m")) {
		ram->bytes = parse_size("QEMU's -m", value_of(value, "size") ?:
					value_of(value, NULL), MIB);
		ram->most = ram->bytes;
	} else if (!strcmp(option, "-machine") || !strcmp(option, "-M")) {
		add_machine(vm, arguments, value);
	} else if (!strcmp(option, "-device")) {
		add_device(vm, arguments, value);
	} else if (!strcmp(option, "-numa") && value_of(value, "memdev")) {
		add_node(vm, object_of(arguments, value_of(value, "memdev")));
	} else if (!strcmp(option, "-vga")) {
		add_video(vm, value, value);
	} else if (!strcmp(option, "-bios")) {
		add_firmware(vm, value);
	} else if (!strcmp(option, "-drive") && strstr(value, "if=pflash")) {
		vm->uefi = true;
	} else if (!strcmp(option, "-mem-path")) {
		ram->source = SOURCE_FILE;
		ram->path = value;
	} else if (!strcmp(option, "-overcommit") && on(value_of(value, "mem-lock"))) {
		vm->locked = true;
	}
}

static void read_arguments(struct vm *vm, pid_t pid)
{
	bool defaults = true, video = false;
	unsigned int nr;
	char **arguments = process_arguments(pid, &nr);

	vm_init(vm);
	vm_add_part(vm, "RAM", 128 * MIB);
	for (unsigned int i = 0; arguments && i < nr; i++) {
		if (!strcmp(arguments[i], "-nodefaults"))
			defaults = false;
		if (!strcmp(arguments[i], "-vga"))
			video = true;
		if (arguments[i][0] == '-' && i + 1 < nr)
			add_option(vm, arguments, arguments[i], arguments[i + 1]);
	}
	if (defaults && !video && !vm->video)
		vm_add_video(vm, "vga", 0);
	if (vm->uefi)
		vm->firmware = 0;
	vm->total += vm->parts[0].bytes;
	take_nodes_out(vm);
}

/* Where libvirt has a domain that runs, if the process is it: a name can be taken by
 * anybody.
 */
static const char *libvirt_file(const struct process *process)
{
	char *pid;
	bool same;

	if (!process->domain || strchr(process->domain, '/'))
		return NULL;
	pid = read_text(text(LIBVIRT "/%s.pid", process->domain), NULL);
	same = pid && atoi(pid) == process->pid;
	free(pid);
	return same ? text(LIBVIRT "/%s.xml", process->domain) : NULL;
}

/**
 * vm_read_process - a VM that runs
 * @vm: is filled in; the program ends if the process is no VM
 * @pid: of its QEMU
 */
void vm_read_process(struct vm *vm, pid_t pid)
{
	struct process process;
	const char *path;

	if (!process_read(&process, pid))
		fail(STATUS_NOT_FOUND, "process %d has just ended", pid);
	if (!strstr(process.name, "qemu"))
		fail(STATUS_INPUT, "process %d is %s, not a QEMU: see pinacct show", pid,
		     process.name);
	path = libvirt_file(&process);
	if (path && !access(path, R_OK)) {
		vm_read_domain(vm, path);
	} else {
		read_arguments(vm, pid);
		vm->libvirt = path;
		vm->name = process.domain ? text("%s", process.domain) : text("process %d", pid);
	}
	process_free(&process);
}
