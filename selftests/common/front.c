// SPDX-License-Identifier: GPL-2.0-only
/* The front ends behind struct front_ops. All return 0 or -errno. */
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "front.h"

static int do_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static int open_node(struct front *front, const char *path)
{
	front->iommu = open(path, O_RDWR | O_CLOEXEC);
	return front->iommu < 0 ? -errno : 0;
}

static int open_container(struct front *front)
{
	return open_node(front, "/dev/vfio/vfio");
}

static int open_iommufd(struct front *front)
{
	return open_node(front, "/dev/iommu");
}

/* VFIO_SET_IOMMU wants a group in the container, and wants to be called once. */
static int container_attach(struct front *front, enum device_kind kind)
{
	bool first = true;
	char name[DEVICE_NAME];
	int i, rc;

	for (i = 0; i < DEVICE_KINDS; i++)
		if (front->groups[i] >= 0)
			first = false;

	rc = device_open_group(kind, name);
	if (rc < 0)
		return rc;
	front->groups[kind] = rc;

	rc = do_ioctl(front->groups[kind], VFIO_GROUP_SET_CONTAINER, &front->iommu);
	if (!rc && first)
		rc = ioctl(front->iommu, VFIO_SET_IOMMU, front->ops->type) ? -errno : 0;
	if (!rc) {
		rc = ioctl(front->groups[kind], VFIO_GROUP_GET_DEVICE_FD, name);
		if (rc < 0)
			rc = -errno;
	}
	if (rc < 0)
		return rc;

	front->devices[kind] = rc;
	return 0;
}

static void container_detach(struct front *front, enum device_kind kind)
{
	if (front->devices[kind] >= 0)
		close(front->devices[kind]);
	if (front->groups[kind] >= 0)
		close(front->groups[kind]);
	front->devices[kind] = -1;
	front->groups[kind] = -1;
}

static int container_map(struct front *front, const void *vaddr, __u64 iova, __u64 size,
			 int prot)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = size,
	};

	if (prot & FRONT_READ)
		map.flags |= VFIO_DMA_MAP_FLAG_READ;
	if (prot & FRONT_WRITE)
		map.flags |= VFIO_DMA_MAP_FLAG_WRITE;
	return do_ioctl(front->iommu, VFIO_IOMMU_MAP_DMA, &map);
}

static int container_unmap_flags(struct front *front, __u64 iova, __u64 size, __u32 flags,
				 __u64 *unmapped)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = flags,
		.iova = iova,
		.size = size,
	};
	int rc;

	rc = do_ioctl(front->iommu, VFIO_IOMMU_UNMAP_DMA, &unmap);
	*unmapped = rc ? 0 : unmap.size;
	return rc;
}

static int container_unmap(struct front *front, __u64 iova, __u64 size, __u64 *unmapped)
{
	return container_unmap_flags(front, iova, size, 0, unmapped);
}

static int container_unmap_all(struct front *front, __u64 *unmapped)
{
	return container_unmap_flags(front, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL, unmapped);
}

static int open_iommufd_process(struct front *front)
{
	int rc;

	rc = open_iommufd(front);
	return rc ?: front_charge_process(front);
}

static int iommufd_open(struct front *front)
{
	int rc;

	rc = open_iommufd(front);
	return rc ?: front_alloc_ioas(front, &front->ioas);
}

static int iommufd_open_process(struct front *front)
{
	int rc;

	rc = open_iommufd_process(front);
	return rc ?: front_alloc_ioas(front, &front->ioas);
}

static int iommufd_attach(struct front *front, enum device_kind kind)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = front->iommu,
	};
	int rc;

	rc = device_open_cdev(kind);
	if (rc < 0)
		return rc;
	front->devices[kind] = rc;

	rc = do_ioctl(front->devices[kind], VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (rc)
		return rc;
	front->device_ids[kind] = bind.out_devid;
	return front_switch_ioas(front, kind, front->ioas);
}

static void iommufd_detach(struct front *front, enum device_kind kind)
{
	if (front->devices[kind] >= 0)
		close(front->devices[kind]);
	front->devices[kind] = -1;
}

static int iommufd_map(struct front *front, const void *vaddr, __u64 iova, __u64 size, int prot)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = front->ioas,
		.user_va = (uintptr_t)vaddr,
		.length = size,
		.iova = iova,
	};

	if (prot & FRONT_READ)
		map.flags |= IOMMU_IOAS_MAP_READABLE;
	if (prot & FRONT_WRITE)
		map.flags |= IOMMU_IOAS_MAP_WRITEABLE;
	return do_ioctl(front->iommu, IOMMU_IOAS_MAP, &map);
}

static int iommufd_unmap(struct front *front, __u64 iova, __u64 size, __u64 *unmapped)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = front->ioas,
		.iova = iova,
		.length = size,
	};
	int rc;

	rc = do_ioctl(front->iommu, IOMMU_IOAS_UNMAP, &unmap);
	*unmapped = rc ? 0 : unmap.length;
	return rc;
}

static int iommufd_unmap_all(struct front *front, __u64 *unmapped)
{
	return iommufd_unmap(front, 0, UINT64_MAX, unmapped);
}

#define CONTAINER_OPS			\
	.attach = container_attach,	\
	.detach = container_detach,	\
	.map = container_map,		\
	.unmap = container_unmap,	\
	.unmap_all = container_unmap_all

#define IOMMUFD_OPS			\
	.attach = iommufd_attach,	\
	.detach = iommufd_detach,	\
	.map = iommufd_map,		\
	.unmap = iommufd_unmap,		\
	.unmap_all = iommufd_unmap_all

const struct front_ops front_type1_v1 = {
	.name = "type1_v1",
	.payer = FRONT_PAYER_MM,
	.type = VFIO_TYPE1_IOMMU,
	.open = open_container,
	CONTAINER_OPS,
};

const struct front_ops front_type1_v2 = {
	.name = "type1_v2",
	.payer = FRONT_PAYER_MM,
	.type = VFIO_TYPE1v2_IOMMU,
	.open = open_container,
	CONTAINER_OPS,
};

const struct front_ops front_iommufd_user = {
	.name = "iommufd_user",
	.payer = FRONT_PAYER_USER,
	.iommufd = true,
	.open = iommufd_open,
	IOMMUFD_OPS,
};

const struct front_ops front_iommufd_process = {
	.name = "iommufd_process",
	.payer = FRONT_PAYER_MM,
	.iommufd = true,
	.open = iommufd_open_process,
	IOMMUFD_OPS,
};

/*
 * VFIO's ioctls on /dev/iommu itself: works whatever serves /dev/vfio/vfio. The
 * second charges the process, as iommufd does where it serves /dev/vfio/vfio.
 */
const struct front_ops front_compat_v1 = {
	.name = "compat_v1",
	.payer = FRONT_PAYER_USER,
	.type = VFIO_TYPE1_IOMMU,
	.iommufd = true,
	.open = open_iommufd,
	CONTAINER_OPS,
};

const struct front_ops front_compat_v2 = {
	.name = "compat_v2",
	.payer = FRONT_PAYER_MM,
	.type = VFIO_TYPE1v2_IOMMU,
	.iommufd = true,
	.open = open_iommufd_process,
	CONTAINER_OPS,
};

/**
 * front_open - open a front end, without a device
 * @front: is set up
 * @ops: which
 *
 * Needs root. Whether it fails or not, front_close() may be called.
 *
 * Return: 0, or -errno
 */
int front_open(struct front *front, const struct front_ops *ops)
{
	int i;

	memset(front, 0, sizeof(*front));
	front->ops = ops;
	front->iommu = -1;
	for (i = 0; i < DEVICE_KINDS; i++) {
		front->devices[i] = -1;
		front->groups[i] = -1;
	}
	return ops->open(front);
}

/**
 * front_close - close everything, as the end of the process would
 * @front: may be closed already, or half open
 */
void front_close(struct front *front)
{
	int i;

	for (i = 0; i < DEVICE_KINDS; i++)
		front->ops->detach(front, i);
	if (front->iommu >= 0)
		close(front->iommu);
	front->iommu = -1;
}

/**
 * front_attach - put a device behind the front end
 * @front: open
 * @kind: which device
 *
 * The first one of type1 creates its address space. Needs root.
 *
 * Return: 0, or -errno
 */
int front_attach(struct front *front, enum device_kind kind)
{
	return front->ops->attach(front, kind);
}

/**
 * front_detach - take a device away
 * @front: open
 * @kind: which device
 */
void front_detach(struct front *front, enum device_kind kind)
{
	front->ops->detach(front, kind);
}

/**
 * front_map - map memory of this process for the devices
 * @front: open
 * @vaddr: the memory
 * @iova: where the devices see it
 * @size: in bytes
 * @prot: FRONT_READ and FRONT_WRITE, as the devices see it
 *
 * Return: 0, or -errno
 */
int front_map(struct front *front, const void *vaddr, __u64 iova, __u64 size, int prot)
{
	return front->ops->map(front, vaddr, iova, size, prot);
}

/**
 * front_unmap - unmap a range
 * @front: open
 * @iova: start
 * @size: in bytes
 * @unmapped: gets the bytes that were unmapped, 0 on error; may be NULL
 *
 * Return: 0, or -errno
 */
int front_unmap(struct front *front, __u64 iova, __u64 size, __u64 *unmapped)
{
	__u64 ignored;

	return front->ops->unmap(front, iova, size, unmapped ?: &ignored);
}

/**
 * front_unmap_all - unmap everything
 * @front: open
 * @unmapped: gets the bytes that were unmapped, 0 on error; may be NULL
 *
 * Return: 0, or -errno
 */
int front_unmap_all(struct front *front, __u64 *unmapped)
{
	__u64 ignored;

	return front->ops->unmap_all(front, unmapped ?: &ignored);
}

/**
 * front_drop_vaddr - tell type1 that the memory's address is no longer valid
 * @front: open (type1 only)
 * @iova: start of a mapping
 * @size: in bytes
 *
 * Return: 0, or -errno
 */
int front_drop_vaddr(struct front *front, __u64 iova, __u64 size)
{
	__u64 ignored;

	return container_unmap_flags(front, iova, size, VFIO_DMA_UNMAP_FLAG_VADDR, &ignored);
}

/**
 * front_give_vaddr - tell type1 the memory's address in this process
 * @front: open (type1 only)
 * @vaddr: the same memory as before
 * @iova: start of a mapping whose address was dropped
 * @size: in bytes
 *
 * Return: 0, or -errno
 */
int front_give_vaddr(struct front *front, const void *vaddr, __u64 iova, __u64 size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_VADDR,
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = size,
	};

	return do_ioctl(front->iommu, VFIO_IOMMU_MAP_DMA, &map);
}

/**
 * front_charge_process - charge the process that maps, not its user
 * @front: open (iommufd only)
 *
 * Takes CAP_SYS_RESOURCE, and an iommufd that has nothing in it yet.
 *
 * Return: 0, or -errno
 */
int front_charge_process(struct front *front)
{
	struct iommu_option option = {
		.size = sizeof(option),
		.option_id = IOMMU_OPTION_RLIMIT_MODE,
		.op = IOMMU_OPTION_OP_SET,
		.val64 = 1,
	};

	return do_ioctl(front->iommu, IOMMU_OPTION, &option);
}

/**
 * front_charges_process - ask whether the process that maps is charged
 * @front: open (iommufd only)
 *
 * Return: 1 if it is, 0 if its user is, or -errno
 */
int front_charges_process(struct front *front)
{
	struct iommu_option option = {
		.size = sizeof(option),
		.option_id = IOMMU_OPTION_RLIMIT_MODE,
		.op = IOMMU_OPTION_OP_GET,
	};
	int rc;

	rc = do_ioctl(front->iommu, IOMMU_OPTION, &option);
	return rc ?: (int)option.val64;
}

/**
 * front_alloc_ioas - make one more IO address space (native iommufd only)
 * @front: open
 * @ioas: gets its id
 *
 * Return: 0, or -errno
 */
int front_alloc_ioas(struct front *front, __u32 *ioas)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	int rc;

	rc = do_ioctl(front->iommu, IOMMU_IOAS_ALLOC, &alloc);
	*ioas = alloc.out_ioas_id;
	return rc;
}

/**
 * front_copy - copy a mapping to another IO address space, at the same IOVA
 * @front: open (native iommufd only); the copy is made from its first IOAS
 * @ioas: gets the copy
 * @iova: start of a mapping
 * @size: in bytes
 *
 * Return: 0, or -errno
 */
int front_copy(struct front *front, __u32 ioas, __u64 iova, __u64 size)
{
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.dst_ioas_id = ioas,
		.src_ioas_id = front->ioas,
		.length = size,
		.dst_iova = iova,
		.src_iova = iova,
	};

	return do_ioctl(front->iommu, IOMMU_IOAS_COPY, &copy);
}

/**
 * front_alloc_domain - make one more IOMMU domain over the first IOAS
 * @front: open (native iommufd only)
 * @kind: attached device that it is made for
 * @hwpt: gets the domain's id
 *
 * Return: 0, or -errno
 */
int front_alloc_domain(struct front *front, enum device_kind kind, __u32 *hwpt)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.dev_id = front->device_ids[kind],
		.pt_id = front->ioas,
	};
	int rc;

	rc = do_ioctl(front->iommu, IOMMU_HWPT_ALLOC, &alloc);
	*hwpt = alloc.out_hwpt_id;
	return rc;
}

/**
 * front_switch_ioas - put a device behind another IOAS or domain
 * @front: open (native iommufd only)
 * @kind: which device
 * @pt: id of an IOAS or a domain
 *
 * Return: 0, or -errno
 */
int front_switch_ioas(struct front *front, enum device_kind kind, __u32 pt)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = pt,
	};

	return do_ioctl(front->devices[kind], VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}
