/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The assigned devices that the tests use, found by what they are, not by
 * where they sit.
 */
#ifndef PINACCT_TEST_DEVICE_H
#define PINACCT_TEST_DEVICE_H

#include <linux/types.h>
#include <stdbool.h>

/**
 * enum device_kind - the devices that the machine has for the tests
 * @DEVICE_EDU: QEMU's teaching device; it can be told to do a DMA
 * @DEVICE_NIC: an e1000e network card; it and all others have IOMMU groups of their own
 * @DEVICE_NVME: a disk
 * @DEVICE_VIRTIO: a virtio network card
 * @DEVICE_MEDIATED: our test device without hardware, see ../mediated/
 */
enum device_kind {
	DEVICE_EDU,
	DEVICE_NIC,
	DEVICE_NVME,
	DEVICE_VIRTIO,
	DEVICE_MEDIATED,
	DEVICE_KINDS,
};

/* Room for a device's name */
#define DEVICE_NAME 32

void device_mediated(int nr);
int device_open_group(enum device_kind kind, char name[DEVICE_NAME]);
int device_open_cdev(enum device_kind kind);

void *device_map_bar(int device, unsigned int bar, unsigned long *size);
int device_enable_dma(int device);

int device_pin(int device, __u64 iova, unsigned int npages, int prot);
int device_unpin(int device, __u64 iova, unsigned int npages);
int device_access(int device, __u64 iova, void *data, unsigned int len, bool write);

#endif
