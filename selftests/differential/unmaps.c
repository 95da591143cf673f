// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios about what an unmap takes, and about ends by other means. */
#include <errno.h>
#include <linux/vfio.h>
#include <stdint.h>

#include "run.h"

static void three(struct run *run, char *memory)
{
	do_map(run, memory, 0, 8, FRONT_RW, "first");
	do_map(run, memory + 8 * run->page, 8, 8, FRONT_RW, "second");
	do_map(run, memory + 16 * run->page, 20, 8, FRONT_RW, "third");
}

static void parts(struct run *run)
{
	static const struct {
		const char *name;
		unsigned long at, npages;
	} ranges[] = {
		{ "first page", 0, 1 },
		{ "last page of first", 7, 1 },
		{ "middle of first", 3, 2 },
		{ "over first and second", 4, 8 },
		{ "first and half of second", 0, 12 },
		{ "half of second and more", 12, 6 },
		{ "gap", 16, 4 },
		{ "gap and first page of third", 16, 5 },
		{ "gap and third", 16, 12 },
		{ "second to third", 8, 20 },
		{ "all and more", 0, 100 },
		{ "last page of third and more", 27, 10 },
		{ "far behind", 500, 10 },
	};
	char *memory = do_memory(run, 24);
	unsigned int i;
	__u64 size;
	int rc;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		three(run, memory);
		do_unmap(run, ranges[i].at, ranges[i].npages, ranges[i].name);
		do_unmap(run, ranges[i].at, ranges[i].npages, "the same again");
		do_map(run, memory, 2, 1, FRONT_RW, "where it may be free");
		do_map(run, memory, 13, 1, FRONT_RW, "where it may be free");
		size = 0;
		rc = front_unmap_all(&run->front, &size);
		step_value(run, rc, size, "unmap all");
	}
}

/* Parts of a mapping whose pages are huge, or one long run. */
static void huge_parts(struct run *run)
{
	char *memory = memory_hugetlb(2 * MEMORY_HUGE);
	unsigned long huge = MEMORY_HUGE / run->page;

	need(memory != (void *)-1, "hugetlb memory");
	do_map(run, memory, 0, 2 * huge, FRONT_RW, "two huge");
	do_unmap(run, huge - 1, 2, "around their border");
	do_unmap(run, 0, huge, "the first");
	do_unmap(run, huge, huge, "the second");
	do_unmap(run, 0, 2 * huge, "what is left");
	do_map(run, memory, 0, 2 * huge, FRONT_RW, "two huge");
	do_unmap(run, 2 * huge - 1, 1, "the last page");
	do_unmap(run, 0, 1, "the first page");
	do_unmap(run, 0, 2 * huge, "what is left");
}

static void all(struct run *run)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = VFIO_DMA_UNMAP_FLAG_ALL,
	};
	char *memory = do_memory(run, 24);
	__u64 size = 0;
	int rc;

	rc = front_unmap_all(&run->front, &size);
	step_value(run, rc, size, "unmap all of nothing");
	three(run, memory);
	if (run->front.ops->type) {
		unmap.iova = IOVA;
		rc = do_ioctl(run->front.iommu, VFIO_IOMMU_UNMAP_DMA, &unmap);
		step_value(run, rc, unmap.size, "unmap all with an iova");
		unmap.iova = 0;
		unmap.size = run->page;
		rc = do_ioctl(run->front.iommu, VFIO_IOMMU_UNMAP_DMA, &unmap);
		step_value(run, rc, unmap.size, "unmap all with a size");
	}
	size = 0;
	rc = front_unmap_all(&run->front, &size);
	step_value(run, rc, size, "unmap all");
	rc = front_map(&run->front, memory, 0, run->page, FRONT_RW);
	step(run, rc, "map at 0");
	rc = front_map(&run->front, memory, (1ULL << 38) - run->page, run->page, FRONT_RW);
	step(run, rc, "map high");
	rc = front_unmap_all(&run->front, &size);
	step_value(run, rc, size, "unmap all");
}

static void detach(struct run *run)
{
	char *memory = do_memory(run, 24);
	int rc;

	three(run, memory);
	privilege_root(true);
	rc = front_attach(&run->front, DEVICE_NIC);
	privilege_root(false);
	step(run, rc, "attach another device");
	do_map(run, memory, 40, 4, FRONT_RW, "for both");
	front_detach(&run->front, DEVICE_EDU);
	step(run, 0, "detach the first");
	do_unmap(run, 0, 8, "first");
	do_map(run, memory, 50, 4, FRONT_RW, "for the other");
	front_detach(&run->front, DEVICE_NIC);
	step(run, 0, "detach the last");
	do_map(run, memory, 60, 4, FRONT_RW, "for nobody");
	do_unmap(run, 8, 8, "second");
	privilege_root(true);
	rc = front_attach(&run->front, DEVICE_EDU);
	privilege_root(false);
	step(run, rc, "attach the first");
	do_map(run, memory, 70, 4, FRONT_RW, "again");
	do_unmap(run, 8, 8, "second");
	do_unmap(run, 20, 8, "third");
}

const struct scenario unmap_scenarios[] = {
	{ .name = "parts", .steps = parts },
	{ .name = "huge_parts", .steps = huge_parts },
	{ .name = "all", .steps = all },
	{ .name = "detach", .steps = detach },
	{}
};
