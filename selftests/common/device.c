// SPDX-License-Identifier: GPL-2.0-only
/* Finds the devices in sysfs, opens them, and makes them do things. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../mediated/mediated.h"
#include "device.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
#define PLATFORM_DEVICES "/sys/devices/platform"

/* PCI vendor and device, as QEMU's docs/specs and sources give them. */
static const struct {
	unsigned int vendor, device;
} pci_ids[DEVICE_KINDS] = {
	[DEVICE_EDU] = { 0x1234, 0x11e8 },
	[DEVICE_NIC] = { 0x8086, 0x10d3 },
	[DEVICE_NVME] = { 0x1b36, 0x0010 },
	[DEVICE_VIRTIO] = { 0x1af4, 0x1041 },
};

/* Which of several test devices without hardware is meant, or none of several. */
static int mediated_nr = -1;

static unsigned int sysfs_hex(const char *pci, const char *attribute)
{
	char path[PATH_MAX];
	unsigned int value = 0;
	FILE *file;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", pci, attribute);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%x", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

static int find_pci(enum device_kind kind, char name[DEVICE_NAME])
{
	struct dirent *entry;
	int rc = -ENODEV;
	DIR *dir;

	dir = opendir(PCI_DEVICES);
	if (!dir)
		return -errno;

	while (rc && (entry = readdir(dir))) {
		if (sysfs_hex(entry->d_name, "vendor") != pci_ids[kind].vendor ||
		    sysfs_hex(entry->d_name, "device") != pci_ids[kind].device)
			continue;
		snprintf(name, DEVICE_NAME, "%.*s", DEVICE_NAME - 1, entry->d_name);
		rc = 0;
	}
	closedir(dir);
	return rc;
}

/* The device's name, and its directory in sysfs */
static int find(enum device_kind kind, char name[DEVICE_NAME], char dir[PATH_MAX])
{
	int rc;

	if (kind == DEVICE_MEDIATED) {
		if (mediated_nr < 0)
			snprintf(name, DEVICE_NAME, "%s", MEDIATED_NAME);
		else
			snprintf(name, DEVICE_NAME, "%s.%d", MEDIATED_NAME, mediated_nr);
		snprintf(dir, PATH_MAX, PLATFORM_DEVICES "/%s", name);
		return access(dir, F_OK) ? -errno : 0;
	}
	rc = find_pci(kind, name);
	snprintf(dir, PATH_MAX, PCI_DEVICES "/%s", rc ? "" : name);
	return rc;
}

/**
 * device_mediated - choose one of several test devices without hardware
 * @nr: from now on DEVICE_MEDIATED is the one with this number
 */
void device_mediated(int nr)
{
	mediated_nr = nr;
}

/**
 * device_open_group - open the VFIO group of a device
 * @kind: which
 * @name: gets the name by which the group hands out the device
 *
 * Return: a file descriptor, or -errno
 */
int device_open_group(enum device_kind kind, char name[DEVICE_NAME])
{
	char dir[PATH_MAX], path[PATH_MAX + 16], link[PATH_MAX];
	ssize_t len;
	int rc;

	rc = find(kind, name, dir);
	if (rc)
		return rc;

	snprintf(path, sizeof(path), "%s/iommu_group", dir);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return -errno;
	link[len] = '\0';

	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	rc = open(path, O_RDWR | O_CLOEXEC);
	return rc < 0 ? -errno : rc;
}

/**
 * device_open_cdev - open the character device that VFIO has for a device
 * @kind: which
 *
 * Return: a file descriptor, or -errno
 */
int device_open_cdev(enum device_kind kind)
{
	char name[DEVICE_NAME], path[PATH_MAX], node[PATH_MAX + 16];
	struct dirent *entry;
	DIR *dir;
	int rc;

	rc = find(kind, name, path);
	if (rc)
		return rc;

	snprintf(node, sizeof(node), "%s/vfio-dev", path);
	dir = opendir(node);
	if (!dir)
		return -errno;

	rc = -ENODEV;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(node, sizeof(node), "/dev/vfio/devices/%s", entry->d_name);
		rc = open(node, O_RDWR | O_CLOEXEC);
		if (rc < 0)
			rc = -errno;
		break;
	}
	closedir(dir);
	return rc;
}

static int device_region(int device, unsigned int index, struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return ioctl(device, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
}

/**
 * device_map_bar - map a BAR of the device into this process
 * @device: the device's file descriptor
 * @bar: 0 to 5
 * @size: gets its size in bytes
 *
 * Return: its address, or MAP_FAILED
 */
void *device_map_bar(int device, unsigned int bar, unsigned long *size)
{
	struct vfio_region_info info;

	if (device_region(device, VFIO_PCI_BAR0_REGION_INDEX + bar, &info))
		return MAP_FAILED;
	*size = info.size;
	return mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, info.offset);
}

/**
 * device_enable_dma - let the device master the bus
 * @device: its file descriptor
 *
 * Return: 0, or -errno
 */
int device_enable_dma(int device)
{
	struct vfio_region_info info;
	__u16 command;
	off_t where;
	int rc;

	rc = device_region(device, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	if (rc)
		return rc;

	where = info.offset + PCI_COMMAND;
	if (pread(device, &command, sizeof(command), where) != sizeof(command))
		return -EIO;
	command |= PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	if (pwrite(device, &command, sizeof(command), where) != sizeof(command))
		return -EIO;
	return 0;
}

/**
 * device_pin - let the test device pin memory, as a mediated device does
 * @device: its file descriptor
 * @iova: page aligned
 * @npages: at most MEDIATED_MAX
 * @prot: 1 to read, 2 to write, 3
 *
 * Return: pages that were pinned, or -errno
 */
int device_pin(int device, __u64 iova, unsigned int npages, int prot)
{
	struct mediated_pin pin = { .iova = iova, .npages = npages, .prot = prot };
	int rc;

	rc = ioctl(device, MEDIATED_PIN, &pin);
	return rc < 0 ? -errno : rc;
}

/**
 * device_unpin - let the test device drop a pin
 * @device: its file descriptor
 * @iova: as it was pinned
 * @npages: as it was pinned
 *
 * Return: 0, or -errno
 */
int device_unpin(int device, __u64 iova, unsigned int npages)
{
	struct mediated_pin pin = { .iova = iova, .npages = npages };

	return ioctl(device, MEDIATED_UNPIN, &pin) ? -errno : 0;
}

/**
 * device_access - let the test device read or write memory without a pin
 * @device: its file descriptor
 * @iova: any
 * @data: what it is to write, or gets what it has read
 * @len: at most 64 bytes
 * @write: which of the two
 *
 * Return: 0, or -errno
 */
int device_access(int device, __u64 iova, void *data, unsigned int len, bool write)
{
	struct mediated_rw rw = { .iova = iova, .len = len, .write = write };
	int rc;

	if (write)
		memcpy(rw.data, data, len);
	rc = ioctl(device, MEDIATED_RW, &rw) ? -errno : 0;
	if (!rc && !write)
		memcpy(data, rw.data, len);
	return rc;
}
