/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM, as far as it matters for what is pinned of it. domain.c and cmdline.c
 * fill it in, need.c adds it up, backing.c says whether it can be pinned.
 */
#ifndef _PINACCT_VM_H
#define _PINACCT_VM_H

#include "pinacct.h"

/**
 * enum source - where a part of its memory comes from
 * @SOURCE_ANONYMOUS: nowhere
 * @SOURCE_MEMFD: a memfd, of small pages or huge ones
 * @SOURCE_HUGETLBFS: a file on hugetlbfs
 * @SOURCE_FILE: a file in libvirt's directory for that, or at a path
 * @SOURCE_DEVICE: a character device (device DAX)
 */
enum source {
	SOURCE_ANONYMOUS,
	SOURCE_MEMFD,
	SOURCE_HUGETLBFS,
	SOURCE_FILE,
	SOURCE_DEVICE,
};

/**
 * struct part - a part of its memory
 * @what: RAM, NUMA cell 0, DIMM, ...
 * @bytes: of it that are pinned at the start
 * @most: of it that can be pinned later (virtio-mem)
 * @source: where it comes from
 * @shared: other processes may see it
 * @path: of the file or the directory that it is in; NULL for libvirt's own
 */
struct part {
	const char *what;
	uint64_t bytes;
	uint64_t most;
	enum source source;
	bool shared;
	const char *path;
};

enum { PARTS_MAX = 64 };

/**
 * struct vm - the VM
 * @name: of the domain; NULL if it has none
 * @libvirt: libvirt starts it, and sets its limit
 * @known_machine: what firmware it has is known
 * @uefi: has its firmware in flash, which is not mapped for devices
 * @firmware: bytes of firmware that are mapped as memory below 4 GiB
 * @vga: has something at 0xa0000
 * @video: bytes of video RAM
 * @video_what: of which models
 * @rom: bytes of the largest option ROM of an emulated device
 * @shmem: bytes of shared memory devices
 * @parts: of its memory, &nr_parts of them
 * @total: what libvirt takes its memory to be, in bytes
 * @devices: assigned PCI devices
 * @mediated: mediated devices
 * @nvme: disks that QEMU drives itself
 * @vdpa: vDPA devices
 * @viommu: it has an IOMMU of its own
 * @locked: all of QEMU's memory is locked
 * @hard_limit: what the domain says, or UNLIMITED
 */
struct vm {
	const char *name;
	bool libvirt;
	bool known_machine;
	bool uefi;
	uint64_t firmware;
	bool vga;
	uint64_t video;
	const char *video_what;
	uint64_t rom;
	uint64_t shmem;
	struct part parts[PARTS_MAX];
	unsigned int nr_parts;
	uint64_t total;
	unsigned int devices;
	unsigned int mediated;
	unsigned int nvme;
	unsigned int vdpa;
	bool viommu;
	bool locked;
	uint64_t hard_limit;
};

struct params;

/**
 * struct row - one line of the sum
 * @what: words
 * @bytes: may be less than 0
 */
struct row {
	const char *what;
	int64_t bytes;
};

enum { ROWS_MAX = PARTS_MAX + 16 };

/**
 * struct need - what RLIMIT_MEMLOCK it takes
 * @each: the sum for one address space, &nr_each lines
 * @space: of them
 * @spaces: address spaces that are charged
 * @more: what comes on top or is taken off, &nr_more lines
 * @bytes: in all
 * @most: in all, once all of virtio-mem is plugged
 * @libvirt: what libvirt sets; UNLIMITED, or 0 if it leaves the limit alone
 * @libvirt_why: by which rule
 * @never: why it cannot start with these parameters; NULL if it can
 */
struct need {
	struct row each[ROWS_MAX];
	unsigned int nr_each;
	uint64_t space;
	unsigned int spaces;
	struct row more[8];
	unsigned int nr_more;
	uint64_t bytes;
	uint64_t most;
	uint64_t libvirt;
	const char *libvirt_why;
	const char *never;
};

/**
 * struct verdict - can this memory be pinned?
 * @pinnable: yes; or &unknown
 * @unknown: its file or directory is not there to be looked at
 * @what: it is, in words
 * @why: not, or not known; NULL
 */
struct verdict {
	bool pinnable;
	bool unknown;
	const char *what;
	const char *why;
};

/* domain.c */
void vm_init(struct vm *vm);
struct part *vm_add_part(struct vm *vm, const char *what, uint64_t bytes);
void vm_add_video(struct vm *vm, const char *model, uint64_t bytes);
void vm_read_domain(struct vm *vm, const char *path);

/* cmdline.c */
void vm_read_process(struct vm *vm, pid_t pid);

/* need.c */
void need_add_up(struct need *need, const struct vm *vm, const struct params *params);

/* backing.c */
const char *backing_default_dir(void);
void backing_look(struct verdict *verdict, const struct part *part, const char *dir);

#endif
