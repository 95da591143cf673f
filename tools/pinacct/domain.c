// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does a libvirt domain have that is pinned? Reads its XML, as virsh dumpxml
 * prints it or as libvirt keeps it of a running domain, the way libvirt reads it:
 * with its defaults and its rounding.
 */
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vm.h"

/* SeaBIOS since 2013: bios-256k.bin. */
#define SEABIOS		(256 * KIB)
/* The largest option ROM of an emulated network card that QEMU ships, and of a
 * graphics card.
 */
#define NETWORK_ROM	(512 * KIB)
#define VIDEO_ROM	(64 * KIB)

/**
 * vm_init - a VM that has nothing yet
 * @vm: the VM
 */
void vm_init(struct vm *vm)
{
	*vm = (struct vm){
		.known_machine = true,
		.firmware = SEABIOS,
		.hard_limit = UNLIMITED,
	};
}

/**
 * vm_add_part - a part of its memory, anonymous until more is said
 * @vm: the VM
 * @what: it is
 * @bytes: of it
 */
struct part *vm_add_part(struct vm *vm, const char *what, uint64_t bytes)
{
	struct part *part;

	if (vm->nr_parts == PARTS_MAX)
		fail(STATUS_INPUT, "more than %d parts of memory, which no VM has", PARTS_MAX);
	part = &vm->parts[vm->nr_parts++];
	*part = (struct part){ .what = what, .bytes = bytes, .most = bytes };
	return part;
}

static void add_rom(struct vm *vm, uint64_t bytes)
{
	if (bytes > vm->rom)
		vm->rom = bytes;
}

/**
 * vm_add_video - a graphics card
 * @vm: the VM
 * @model: as libvirt calls it
 * @bytes: of video RAM that were asked for; 0 for the model's default
 *
 * Only some look at what is asked for.
 */
void vm_add_video(struct vm *vm, const char *model, uint64_t bytes)
{
	static const struct {
		const char *model;
		uint64_t bytes;
		bool fixed, vga, rom;
	} models[] = {
		{ "vga", 16 * MIB, false, true, true },
		{ "bochs", 16 * MIB, false, false, true },
		{ "cirrus", 4 * MIB, true, true, true },
		{ "vmvga", 16 * MIB, false, true, true },
		/* Two BARs of 64 MiB, and a ROM of its own. */
		{ "qxl", 128 * MIB + 16 * KIB, false, true, true },
		/* virtio-vga; a second one is virtio-gpu-pci, and has none. */
		{ "virtio", 8 * MIB, true, true, true },
		{ "ramfb", 0, true, false, true },
		{ "none", 0, true, false, false },
	};
	uint64_t pow2 = 4096;

	for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
		if (strcmp(model, models[i].model))
			continue;
		if (!bytes || models[i].fixed)
			bytes = models[i].bytes;
		/* A BAR's size is a power of two; qxl has several. */
		while (pow2 < bytes && strcmp(model, "qxl"))
			pow2 *= 2;
		vm->video += bytes && strcmp(model, "qxl") ? pow2 : bytes;
		vm->vga |= models[i].vga;
		if (models[i].rom)
			add_rom(vm, VIDEO_ROM);
		if (bytes)
			vm->video_what = vm->video_what ?
				text("%s, %s", vm->video_what, model) : must(strdup(model));
		return;
	}
	fail(STATUS_INPUT, "no video model is known that is called '%s'", model);
}

/* ---- the XML */

static struct _xmlXPathContext *xpath;

/* nodes EXPRESSION: from NODE, or from the domain */
static xmlXPathObject *nodes(xmlNode *node, const char *expression)
{
	xpath->node = node;
	return must(xmlXPathEvalExpression((const xmlChar *)expression, xpath));
}

/* The text that an expression gives; "" if there is none. */
static const char *get(xmlNode *node, const char *expression)
{
	xmlXPathObject *object = nodes(node, text("string(%s)", expression));
	const char *s = must(strdup((const char *)object->stringval));

	xmlXPathFreeObject(object);
	return s;
}

static bool is(xmlNode *node, const char *expression, const char *value)
{
	return !strcmp(get(node, expression), value);
}

static unsigned int count(xmlNode *node, const char *expression)
{
	xmlXPathObject *object = nodes(node, text("count(%s)", expression));
	unsigned int n = object->floatval;

	xmlXPathFreeObject(object);
	return n;
}

/* for each node that the expression finds */
static void for_each(struct vm *vm, xmlNode *domain, const char *expression,
		     void (*each)(struct vm *vm, xmlNode *node))
{
	xmlXPathObject *object = nodes(domain, expression);

	for (int i = 0; object->nodesetval && i < object->nodesetval->nodeNr; i++)
		each(vm, object->nodesetval->nodeTab[i]);
	xmlXPathFreeObject(object);
}

/* A size that an element holds, in a unit that an attribute names, else KiB; 0 if
 * it is not there.
 */
static uint64_t size_of(xmlNode *node, const char *element, const char *unit)
{
	const char *s = get(node, text("normalize-space(%s)", element));
	const char *in = get(node, unit);
	uint64_t bytes;

	if (!*s)
		return 0;
	bytes = parse_size(NULL, text("%s%s", s, in), KIB);
	if (bytes == UNLIMITED)
		fail(STATUS_INPUT, "<%s> is '%s' '%s', which is no size", element, s, in);
	return bytes;
}

static uint64_t size(xmlNode *node, const char *element)
{
	return size_of(node, element, text("%s/@unit", element));
}

/* Is a node in a list like 0-2,5,^1? */
static bool in_nodeset(const char *set, unsigned int node)
{
	bool in = false;

	while (*set) {
		bool without = *set == '^';
		char *end;
		unsigned long first = strtoul(set + without, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (node >= first && node <= last)
			in = !without;
		if (*end != ',')
			break;
		set = end + 1;
	}
	return in;
}

/* Whether a NUMA node has huge pages; without NUMA, the domain. */
static bool has_huge_pages(xmlNode *domain, const char *node)
{
	xmlXPathObject *pages = nodes(domain, "memoryBacking/hugepages/page/@nodeset");
	bool huge = count(domain, "memoryBacking/hugepages") &&
		    (count(domain, "memoryBacking/hugepages[not(page)]") ||
		     count(domain, "memoryBacking/hugepages/page[not(@nodeset)]"));

	for (int i = 0; pages->nodesetval && i < pages->nodesetval->nodeNr; i++)
		huge |= in_nodeset(get(pages->nodesetval->nodeTab[i], "."),
				   strtoul(node, NULL, 10));
	xmlXPathFreeObject(pages);
	return huge;
}

/* Where the memory of a cell, of a module or of the whole domain comes from:
 * libvirt's qemuBuildMemoryBackendProps().
 */
static void backing(struct part *part, xmlNode *domain, const char *access, const char *node)
{
	const char *source = get(domain, "memoryBacking/source/@type");
	bool huge = has_huge_pages(domain, node);

	if (!*access)
		access = get(domain, "memoryBacking/access/@mode");
	part->shared = !strcmp(access, "shared");
	if (!strcmp(source, "memfd"))
		part->source = SOURCE_MEMFD;
	else if (huge)
		part->source = SOURCE_HUGETLBFS;
	else if (!strcmp(source, "file") || *access)
		part->source = SOURCE_FILE;
}

/* A NUMA cell; several make up the memory that it has at the start. */
static void read_cell(struct vm *vm, xmlNode *node)
{
	struct part *part = vm_add_part(vm, text("RAM of NUMA cell %u", vm->nr_parts),
					round_up(size_of(node, "@memory", "@unit"), MIB));

	backing(part, (xmlNode *)xpath->doc->_private, get(node, "@memAccess"),
		get(node, "@id"));
}

/* A DIMM, an NVDIMM or a virtio device with memory. */
static void read_module(struct vm *vm, xmlNode *node)
{
	uint64_t bytes = round_up(size(node, "target/size"), 2 * MIB);
	const char *model = get(node, "@model");
	const char *path = get(node, "source/path");
	struct part *part;

	part = vm_add_part(vm, must(strdup(model)), bytes);
	backing(part, (xmlNode *)xpath->doc->_private, get(node, "@access"),
		get(node, "target/node"));
	if (!strcmp(model, "virtio-mem")) {
		part->bytes = size(node, "target/requested");
		if (part->bytes > bytes)
			fail(STATUS_INPUT, "a virtio-mem has <requested> larger than <size>");
		part->what = "virtio-mem, as much as is requested";
	} else if (*path) {
		part->source = strncmp(path, "/dev/", 5) ? SOURCE_FILE : SOURCE_DEVICE;
		part->path = path;
	}
}

static void read_video(struct vm *vm, xmlNode *node)
{
	const char *model = get(node, "@type");
	uint64_t bytes = parse_size(NULL, get(node, "@vram"), KIB);

	if (!*model || bytes == UNLIMITED)
		bytes = 0;
	if (!strcmp(model, "qxl")) {
		uint64_t ram = parse_size(NULL, get(node, "@ram"), KIB);
		uint64_t vram64 = parse_size(NULL, get(node, "@vram64"), KIB);

		bytes = (bytes ?: 64 * MIB) + (ram == UNLIMITED ? 64 * MIB : ram) +
			(vram64 == UNLIMITED ? 0 : vram64) + 16 * KIB;
	}
	if (!strcmp(model, "virtio") && vm->vga)
		return;
	vm_add_video(vm, *model ? model : "vga", bytes);
}

static void read_network(struct vm *vm, xmlNode *node)
{
	/* An assigned one is a device, whose ROM is not memory. */
	if (is(node, "@type", "hostdev"))
		vm->devices++;
	else if (is(node, "@type", "vdpa"))
		vm->vdpa++;
	else if (!is(node, "rom/@bar", "off") && !is(node, "rom/@enabled", "no"))
		add_rom(vm, NETWORK_ROM);
}

static void read_shmem(struct vm *vm, xmlNode *node)
{
	if (strstr(get(node, "model/@type"), "ivshmem"))
		vm->shmem += size(node, "size") ?: 4 * MIB;
}

static void read_memory(struct vm *vm, xmlNode *domain)
{
	uint64_t modules = 0;

	for_each(vm, domain, "cpu/numa/cell", read_cell);
	if (!vm->nr_parts)
		backing(vm_add_part(vm, "RAM", 0), domain, "", "");
	for_each(vm, domain, "devices/memory", read_module);

	for (unsigned int i = 0; i < vm->nr_parts; i++)
		if (vm->parts[i].most)
			modules += vm->parts[i].most;
	vm->total = size(domain, "memory");
	if (!strcmp(vm->parts[0].what, "RAM")) {
		if (vm->total <= modules)
			fail(STATUS_INPUT, "%s: <memory> is to be more than the memory devices have",
			     vm->name);
		vm->parts[0].bytes = round_up(vm->total - modules, MIB);
		vm->parts[0].most = vm->parts[0].bytes;
		modules += vm->parts[0].bytes;
	}
	vm->total = modules;
}

static void read_firmware(struct vm *vm, xmlNode *domain)
{
	const char *machine = get(domain, "os/type/@machine");
	const char *loader = get(domain, "normalize-space(os/loader)");
	struct stat st;

	/* Distributions have names of their own for both, that begin with theirs. */
	vm->known_machine = strstr(machine, "q35") || strstr(machine, "pc") || !*machine;
	if (is(domain, "os/loader/@type", "pflash") || is(domain, "os/@firmware", "efi")) {
		vm->uefi = true;
		vm->firmware = 0;
	} else if (*loader) {
		if (stat(loader, &st))
			fail(STATUS_NOT_FOUND,
			     "%s has its firmware in %s, whose size has to be known: %m", vm->name,
			     loader);
		vm->firmware = round_up(st.st_size, 4096);
	}
}

static void read_devices(struct vm *vm, xmlNode *domain)
{
	vm->devices = count(domain, "devices/hostdev[@type='pci']");
	vm->mediated = count(domain, "devices/hostdev[@type='mdev']");
	vm->nvme = count(domain, "devices/disk[@type='nvme']");
	vm->vdpa = count(domain, "devices/disk[@type='vhostvdpa']");
	vm->viommu = count(domain, "devices/iommu");
	for_each(vm, domain, "devices/interface", read_network);
	for_each(vm, domain, "devices/video/model", read_video);
	for_each(vm, domain, "devices/shmem", read_shmem);
	/* libvirt adds a card to graphics that have none. */
	if (count(domain, "devices/graphics") && !count(domain, "devices/video"))
		vm_add_video(vm, "vga", 0);
}

static xmlNode *find_domain(xmlDoc *document, const char *path)
{
	xmlXPathObject *found;
	xmlNode *domain = NULL;

	xpath = must(xmlXPathNewContext(document));
	found = nodes((xmlNode *)document, "/domain | /domstatus/domain | /domainsnapshot/domain");
	if (found->nodesetval && found->nodesetval->nodeNr)
		domain = found->nodesetval->nodeTab[0];
	xmlXPathFreeObject(found);
	if (!domain)
		fail(STATUS_INPUT, "%s is XML, but no libvirt domain: see virsh dumpxml", path);
	document->_private = domain;
	return domain;
}

/**
 * vm_read_domain - a libvirt domain
 * @vm: is filled in
 * @path: of the XML, - for the standard input; what is wrong with it ends the
 *	program
 */
void vm_read_domain(struct vm *vm, const char *path)
{
	size_t length;
	char *s = read_text(path, &length);
	xmlNode *domain;
	xmlDoc *document;

	if (!s)
		fail(errno == EACCES ? STATUS_PERMISSION : STATUS_NOT_FOUND,
		     "cannot read %s: %m", path);
	/* No file that it names is read, and nothing is fetched. */
	document = xmlReadMemory(s, length, path, NULL,
				 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	free(s);
	if (!document) {
		const xmlError *error = xmlGetLastError();
		const char *message = error && error->message ? error->message : "empty";

		fail(STATUS_INPUT, "%s is not well-formed XML: line %d: %.*s", path,
		     error ? error->line : 0, (int)strcspn(message, "\n"), message);
	}
	domain = find_domain(document, path);

	vm_init(vm);
	vm->libvirt = true;
	vm->name = get(domain, "name");
	if (!*vm->name)
		vm->name = "the domain";
	read_memory(vm, domain);
	read_firmware(vm, domain);
	read_devices(vm, domain);
	vm->locked = count(domain, "memoryBacking/locked");
	if (count(domain, "memtune/hard_limit"))
		vm->hard_limit = size(domain, "memtune/hard_limit");

	xmlXPathFreeContext(xpath);
	xmlFreeDoc(document);
}
