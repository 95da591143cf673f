// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios with what only VFIO's container has: addresses that change, dirty pages. */
#include <errno.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

static void extensions(struct run *run)
{
	unsigned int i;
	int rc;

	for (i = 0; i <= 12; i++) {
		rc = ioctl(run->front.iommu, VFIO_CHECK_EXTENSION, i);
		step_value(run, rc < 0 ? -errno : 0, rc < 0 ? 0 : rc, "extension %u", i);
	}
}

/* The fixed part of what the IOMMU says; what follows depends on the IOMMU. */
static void info(struct run *run)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	int rc;

	rc = do_ioctl(run->front.iommu, VFIO_IOMMU_GET_INFO, &info);
	step_value(run, rc, info.flags, "info: flags");
	step_value(run, rc, info.argsz, "info: size of all");
	step_value(run, rc, info.iova_pgsizes, "info: page sizes");
}

static int give_in_child(struct run *run, int fd, unsigned long limit)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		char *memory = memory_of_file(fd, 16 * run->page);

		privilege_limit(limit * run->page);
		_exit(-front_give_vaddr(&run->front, memory, IOVA, 16 * run->page));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static void new_vaddr(struct run *run)
{
	struct front *front = &run->front;
	size_t size = 16 * run->page;
	char *memory, *again;
	int fd;

	fd = memory_memfd(size);
	need(fd >= 0, "memfd");
	memory = memory_of_file(fd, size);
	again = memory_of_file(fd, size);
	need(memory != MAP_FAILED && again != MAP_FAILED, "memfd");

	do_map(run, memory, 0, 16, FRONT_RW, "it");
	step(run, front_give_vaddr(front, again, IOVA, size), "give before drop");
	step(run, front_drop_vaddr(front, IOVA, 8 * run->page), "drop a part");
	step(run, front_drop_vaddr(front, IOVA, size), "drop");
	step(run, front_drop_vaddr(front, IOVA, size), "drop again");
	do_map(run, memory, 32, 4, FRONT_RW, "another");
	step(run, front_give_vaddr(front, again, IOVA, 8 * run->page), "give a part");
	step(run, front_give_vaddr(front, again, IOVA + run->page, size), "give elsewhere");
	step(run, front_give_vaddr(front, again + 1, IOVA, size), "give off by 1");
	step(run, front_give_vaddr(front, NULL, IOVA, size), "give null");
	do_limit(run, 1);
	step(run, front_drop_vaddr(front, IOVA, size), "drop under a low limit");
	step(run, front_give_vaddr(front, again, IOVA, size), "give under a low limit");
	do_limit(run, -1);
	step(run, give_in_child(run, fd, 16), "give in a child before drop");
	step(run, front_drop_vaddr(front, IOVA, size), "drop");
	step(run, give_in_child(run, fd, 15), "give in a child over its limit");
	step(run, give_in_child(run, fd, 16), "give in a child");
	step(run, front_drop_vaddr(front, IOVA, size), "drop the dead child's");
	step(run, front_give_vaddr(front, again, IOVA, size), "take it back");
	do_unmap(run, 0, 16, "it");
	do_map(run, memory, 0, 16, FRONT_RW, "it");
	step(run, front_drop_vaddr(front, IOVA, size), "drop");
	do_unmap(run, 0, 16, "with no address");
	do_unmap(run, 32, 4, "another");
}

struct dirty {
	struct vfio_iommu_type1_dirty_bitmap head;
	struct vfio_iommu_type1_dirty_bitmap_get get;
};

static int track(struct run *run, __u32 flag)
{
	struct dirty dirty = {
		.head.argsz = sizeof(dirty.head),
		.head.flags = flag,
	};

	return do_ioctl(run->front.iommu, VFIO_IOMMU_DIRTY_PAGES, &dirty);
}

static void get(struct run *run, unsigned long at, unsigned long npages, __u64 pgsize,
		size_t bytes)
{
	__u64 bitmap[16] = { 0x1111111111111111ULL };
	struct dirty dirty = {
		.head.argsz = sizeof(dirty),
		.head.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get.iova = IOVA + at * run->page,
		.get.size = npages * run->page,
		.get.bitmap.pgsize = pgsize,
		.get.bitmap.size = bytes,
		.get.bitmap.data = bitmap,
	};
	int rc;

	rc = do_ioctl(run->front.iommu, VFIO_IOMMU_DIRTY_PAGES, &dirty);
	step_value(run, rc, bitmap[0], "bitmap of %lu at +%lu, pages of %llu, %zu bytes", npages,
		   at, pgsize, bytes);
}

static void unmap_with(struct run *run, unsigned long at, unsigned long npages, __u64 pgsize)
{
	__u64 bitmap[16] = { 0x1111111111111111ULL };
	struct {
		struct vfio_iommu_type1_dma_unmap head;
		struct vfio_bitmap bitmap;
	} unmap = {
		.head.argsz = sizeof(unmap),
		.head.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
		.head.iova = IOVA + at * run->page,
		.head.size = npages * run->page,
		.bitmap.pgsize = pgsize,
		.bitmap.size = 8,
		.bitmap.data = bitmap,
	};
	int rc;

	rc = do_ioctl(run->front.iommu, VFIO_IOMMU_UNMAP_DMA, &unmap);
	step_value(run, rc, unmap.head.size, "unmap %lu at +%lu with bitmap", npages, at);
	step_value(run, rc, bitmap[0], "its bitmap");
}

static void dirty(struct run *run)
{
	char *memory = do_memory(run, 600);

	do_map(run, memory, 0, 8, FRONT_RW, "first");
	get(run, 0, 8, run->page, 8);
	unmap_with(run, 0, 8, run->page);
	step(run, track(run, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP), "stop before start");
	step(run, track(run, VFIO_IOMMU_DIRTY_PAGES_FLAG_START), "start");
	step(run, track(run, VFIO_IOMMU_DIRTY_PAGES_FLAG_START), "start again");
	step(run, track(run, VFIO_IOMMU_DIRTY_PAGES_FLAG_START |
			     VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP), "start and stop");
	step(run, track(run, 0), "no flag");
	do_map(run, memory, 16, 8, FRONT_READ, "second");
	do_map(run, memory, 32, 600, FRONT_RW, "third");
	get(run, 0, 8, run->page, 8);
	get(run, 16, 8, run->page, 8);
	get(run, 0, 24, run->page, 8);
	get(run, 0, 632, run->page, 80);
	get(run, 0, 4, run->page, 8);
	get(run, 4, 8, run->page, 8);
	get(run, 100, 8, run->page, 8);
	get(run, 0, 8, 2 * run->page, 8);
	/* Not 0, by which mainline shifts as far as there are bits. */
	get(run, 0, 8, 1, 8);
	get(run, 0, 8, run->page, 4);
	get(run, 0, 632, run->page, 8);
	get(run, 0, 0, run->page, 8);
	get(run, 2000, 8, run->page, 8);
	unmap_with(run, 0, 4, run->page);
	unmap_with(run, 0, 8, 2 * run->page);
	unmap_with(run, 0, 24, run->page);
	do_unmap(run, 32, 600, "third");
	do_map(run, memory, 0, 8, FRONT_RW, "first");
	step(run, front_drop_vaddr(&run->front, IOVA, 8 * run->page), "drop the address");
	get(run, 0, 8, run->page, 8);
	step(run, front_give_vaddr(&run->front, memory, IOVA, 8 * run->page), "give it back");
	step(run, track(run, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP), "stop");
	get(run, 0, 8, run->page, 8);
	step(run, track(run, VFIO_IOMMU_DIRTY_PAGES_FLAG_START), "start");
}

const struct scenario type1_scenarios[] = {
	{ .name = "extensions", .wants = wants_container, .steps = extensions },
	{ .name = "info", .wants = wants_container, .steps = info },
	{ .name = "new_vaddr", .wants = wants_container, .steps = new_vaddr },
	{ .name = "dirty", .wants = wants_container, .steps = dirty },
	{}
};
