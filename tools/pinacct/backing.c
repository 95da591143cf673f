// SPDX-License-Identifier: GPL-2.0-only
/*
 * Can this memory be pinned for a device at all?
 *
 * The kernel pins shared memory of a file for long only where nobody has to be
 * told that it was written: on tmpfs (and memfds) and on hugetlbfs. A disk's file
 * system is told of each write by a page fault, which a device's writes never
 * cause. Memory that is mapped privately is a copy, and always can be pinned.
 */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>

#include "vm.h"

#define QEMU_CONF	"/etc/libvirt/qemu.conf"

/* Magic numbers that linux/magic.h does not have. */
#define XFS_MAGIC	0x58465342
#define ZFS_MAGIC	0x2fc12fc1
#define CIFS_MAGIC	0xff534d42
#define FUSE_MAGIC	0x65735546
#define BCACHEFS_MAGIC	0xca451a4e

static const struct {
	unsigned int magic;
	const char *name;
	bool pinnable;
} file_systems[] = {
	{ TMPFS_MAGIC, "tmpfs", true },
	{ HUGETLBFS_MAGIC, "hugetlbfs", true },
	{ RAMFS_MAGIC, "ramfs", true },
	{ EXT4_SUPER_MAGIC, "ext4", false },
	{ XFS_MAGIC, "xfs", false },
	{ BTRFS_SUPER_MAGIC, "btrfs", false },
	{ ZFS_MAGIC, "zfs", false },
	{ BCACHEFS_MAGIC, "bcachefs", false },
	{ F2FS_SUPER_MAGIC, "f2fs", false },
	{ OVERLAYFS_SUPER_MAGIC, "overlayfs", false },
	{ NFS_SUPER_MAGIC, "nfs", false },
	{ CIFS_MAGIC, "cifs", false },
	{ FUSE_MAGIC, "fuse", false },
	{ V9FS_MAGIC, "9p", false },
};

/**
 * backing_default_dir - where libvirt puts files of guests' memory
 *
 * Return: memory_backing_dir of qemu.conf, or libvirt's default.
 */
const char *backing_default_dir(void)
{
	char *conf = read_text(QEMU_CONF, NULL), *line, *rest = conf, *dir = NULL;

	while (rest && (line = strsep(&rest, "\n"))) {
		char value[4096];

		if (sscanf(line, " memory_backing_dir = \"%4095[^\"]\"", value) == 1)
			dir = text("%s", value);
	}
	free(conf);
	return dir ?: "/var/lib/libvirt/qemu/ram";
}

/* A directory that libvirt has not made yet will be on its parent's file system. */
static int look_at(const char *path, struct statfs *fs)
{
	char *parent = must(strdup(path)), *slash;
	int ret = statfs(path, fs);

	while (ret && errno == ENOENT && (slash = strrchr(parent, '/')) && slash != parent) {
		*slash = 0;
		ret = statfs(parent, fs);
	}
	free(parent);
	return ret;
}

static void look_at_file(struct verdict *verdict, const struct part *part, const char *path)
{
	struct statfs fs;

	if (look_at(path, &fs)) {
		verdict->unknown = true;
		verdict->why = text("%s cannot be looked at: %s", path, strerror(errno));
		return;
	}
	for (size_t i = 0; i < sizeof(file_systems) / sizeof(*file_systems); i++) {
		if (file_systems[i].magic != (unsigned int)fs.f_type)
			continue;
		verdict->what = text("shared, of a file on %s (%s)", file_systems[i].name, path);
		verdict->pinnable = file_systems[i].pinnable;
	}
	if (!verdict->pinnable)
		verdict->why = part->path ?
			"the kernel pins no shared memory of a file there: put it on tmpfs or hugetlbfs, or use a DAX device (/dev/dax)" :
			"the kernel pins no shared memory of a file there: use <source type='memfd'/>, or <hugepages/>, or set memory_backing_dir in " QEMU_CONF " to a directory on tmpfs (/dev/shm), or leave <access mode='shared'/> out";
}

/**
 * backing_look - can a part of a VM's memory be pinned?
 * @verdict: is filled in
 * @part: of its memory
 * @dir: where libvirt's files are
 */
void backing_look(struct verdict *verdict, const struct part *part, const char *dir)
{
	const char *how = part->shared ? "shared" : "private";

	*verdict = (struct verdict){ .pinnable = true };
	switch (part->source) {
	case SOURCE_ANONYMOUS:
		verdict->what = "anonymous";
		break;
	case SOURCE_MEMFD:
		verdict->what = text("%s, of a memfd", how);
		break;
	case SOURCE_HUGETLBFS:
		verdict->what = text("%s, of huge pages", how);
		break;
	case SOURCE_DEVICE:
		verdict->what = text("%s, of %s", how, part->path);
		break;
	case SOURCE_FILE:
		verdict->what = text("%s, of a file (%s)", how, part->path ?: dir);
		if (part->shared) {
			verdict->pinnable = false;
			look_at_file(verdict, part, part->path ?: dir);
		}
	}
}
