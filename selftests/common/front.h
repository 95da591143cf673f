/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The front ends: the ways by which a program maps its memory for a device.
 *
 * They differ in how they are opened, in what the ioctls are called and in who
 * is charged. Everything else of a test is the same for all of them, and sees
 * them through struct front.
 */
#ifndef PINACCT_TEST_FRONT_H
#define PINACCT_TEST_FRONT_H

#include <linux/types.h>
#include <stdbool.h>

#include "device.h"

/**
 * enum front_payer - whose counter a mapping is charged to
 * @FRONT_PAYER_MM: VmLck of the process that maps
 * @FRONT_PAYER_USER: the user's, which all its processes share
 */
enum front_payer {
	FRONT_PAYER_MM,
	FRONT_PAYER_USER,
};

/* What the device may do with the memory */
#define FRONT_READ	1
#define FRONT_WRITE	2
#define FRONT_RW	(FRONT_READ | FRONT_WRITE)

struct front;

/**
 * struct front_ops - a front end
 * @name: as the tests print it
 * @payer: who is charged
 * @type: VFIO_TYPE1_IOMMU or VFIO_TYPE1v2_IOMMU, 0 for native iommufd
 * @iommufd: the mappings are iommufd's, natively or through its compatibility
 * @open: open /dev/vfio/vfio or /dev/iommu
 * @attach: open a device and put it behind the front end
 * @detach: take a device away again
 * @map: as front_map()
 * @unmap: as front_unmap()
 */
struct front_ops {
	const char *name;
	enum front_payer payer;
	int type;
	bool iommufd;
	int (*open)(struct front *front);
	int (*attach)(struct front *front, enum device_kind kind);
	void (*detach)(struct front *front, enum device_kind kind);
	int (*map)(struct front *front, const void *vaddr, __u64 iova, __u64 size, int prot);
	int (*unmap)(struct front *front, __u64 iova, __u64 size, __u64 *unmapped);
	int (*unmap_all)(struct front *front, __u64 *unmapped);
};

/**
 * struct front - a front end that is open
 * @ops: which
 * @iommu: its file descriptor
 * @ioas: iommufd's IO address space, native only
 * @devices: file descriptor of each attached device, or -1
 * @groups: file descriptor of the group of each, or -1
 * @device_ids: what iommufd calls each, native only
 */
struct front {
	const struct front_ops *ops;
	int iommu;
	__u32 ioas;
	int devices[DEVICE_KINDS];
	int groups[DEVICE_KINDS];
	__u32 device_ids[DEVICE_KINDS];
};

extern const struct front_ops front_type1_v1;
extern const struct front_ops front_type1_v2;
extern const struct front_ops front_iommufd_user;
extern const struct front_ops front_iommufd_process;
extern const struct front_ops front_compat_v1;
extern const struct front_ops front_compat_v2;

int front_open(struct front *front, const struct front_ops *ops);
void front_close(struct front *front);
int front_attach(struct front *front, enum device_kind kind);
void front_detach(struct front *front, enum device_kind kind);
int front_map(struct front *front, const void *vaddr, __u64 iova, __u64 size, int prot);
int front_unmap(struct front *front, __u64 iova, __u64 size, __u64 *unmapped);
int front_unmap_all(struct front *front, __u64 *unmapped);
int front_drop_vaddr(struct front *front, __u64 iova, __u64 size);
int front_give_vaddr(struct front *front, const void *vaddr, __u64 iova, __u64 size);
int front_charge_process(struct front *front);
int front_charges_process(struct front *front);
int front_copy(struct front *front, __u32 ioas, __u64 iova, __u64 size);
int front_alloc_ioas(struct front *front, __u32 *ioas);
int front_alloc_domain(struct front *front, enum device_kind kind, __u32 *hwpt);
int front_switch_ioas(struct front *front, enum device_kind kind, __u32 pt);

#endif
