// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios about addresses, sizes and flags: what is accepted as a mapping. */
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "run.h"

/* Addresses that every front end has to judge, in bytes; VADDR from MEMORY. */
static const struct {
	const char *name;
	__u64 vaddr_offset, iova, size;
} odd_ranges[] = {
	{ "size 0", 0, IOVA, 0 },
	{ "size 1", 0, IOVA, 1 },
	{ "size of half a page", 0, IOVA, 2048 },
	{ "size of a page and a half", 0, IOVA, 6144 },
	{ "size one less than two pages", 0, IOVA, 8191 },
	{ "iova off by 1", 0, IOVA + 1, 4096 },
	{ "iova off by half a page", 0, IOVA + 2048, 4096 },
	{ "vaddr off by 1", 1, IOVA, 4096 },
	{ "vaddr off by half a page", 2048, IOVA, 4096 },
	{ "vaddr and iova off alike", 2048, IOVA + 2048, 4096 },
	{ "all off alike", 2048, IOVA + 2048, 2048 },
	{ "iova 0", 0, 0, 4096 },
	{ "iova at the last page", 0, -4096ULL, 4096 },
	{ "iova up to the last byte", 0, -8192ULL, 8192 },
	{ "iova wraps", 0, -4096ULL, 8192 },
	{ "iova beyond 39 bits", 0, 1ULL << 39, 4096 },
	{ "iova at the end of 48 bits", 0, (1ULL << 48) - 4096, 4096 },
	{ "iova beyond 48 bits", 0, 1ULL << 48, 4096 },
	{ "iova beyond 57 bits", 0, 1ULL << 57, 4096 },
	{ "iova where interrupts go", 0, 0xfee00000, 4096 },
	{ "iova up to where interrupts go", 0, 0xfedff000, 4096 },
	{ "iova across where interrupts go", 0, 0xfedff000, 8192 },
	{ "size of all", 0, 0, UINT64_MAX },
	{ "size wraps by a page", 0, IOVA, -4096ULL },
	{ "size of 1 TiB", 0, IOVA, 1ULL << 40 },
	{ "size with the top bit", 0, IOVA, 1ULL << 63 },
};

static void odd(struct run *run)
{
	char *memory = do_memory(run, 4);
	__u64 size;
	unsigned int i;
	int rc;

	/* iommufd counts a size beyond what is mapped in pages of the limit. */
	do_limit(run, 1024);
	for (i = 0; i < sizeof(odd_ranges) / sizeof(odd_ranges[0]); i++) {
		rc = front_map(&run->front, memory + odd_ranges[i].vaddr_offset,
			       odd_ranges[i].iova, odd_ranges[i].size, FRONT_RW);
		step(run, rc, "map %s", odd_ranges[i].name);
		size = 0;
		rc = front_unmap(&run->front, odd_ranges[i].iova, odd_ranges[i].size, &size);
		step_value(run, rc, size, "unmap %s", odd_ranges[i].name);
	}
}

static const struct {
	const char *name;
	uintptr_t vaddr;
	__u64 size;
} odd_memory[] = {
	{ "null", 0, 4096 },
	{ "second page", 4096, 4096 },
	{ "the last page", -4096UL, 4096 },
	{ "vaddr wraps", -4096UL, 8192 },
	{ "end of user space", 0x7ffffffff000UL, 4096 },
	{ "across the end of user space", 0x7fffffffe000UL, 8192 },
	{ "not canonical", 1UL << 60, 4096 },
	{ "kernel's", 0xffff888000000000UL, 4096 },
	{ "vsyscall", 0xffffffffff600000UL, 4096 },
};

static void odd_vaddr(struct run *run)
{
	unsigned int i;
	int rc;

	for (i = 0; i < sizeof(odd_memory) / sizeof(odd_memory[0]); i++) {
		rc = front_map(&run->front, (void *)odd_memory[i].vaddr, IOVA,
			       odd_memory[i].size, FRONT_RW);
		step(run, rc, "map %s rw", odd_memory[i].name);
		rc = front_map(&run->front, (void *)odd_memory[i].vaddr, IOVA,
			       odd_memory[i].size, FRONT_READ);
		step(run, rc, "map %s ro", odd_memory[i].name);
		front_unmap(&run->front, IOVA, odd_memory[i].size, NULL);
	}
}

static void overlaps(struct run *run)
{
	char *memory = do_memory(run, 32);

	do_map(run, memory, 8, 8, FRONT_RW, "middle");
	do_map(run, memory, 8, 8, FRONT_RW, "the same");
	do_map(run, memory, 8, 8, FRONT_READ, "the same");
	do_map(run, memory + 16 * run->page, 8, 8, FRONT_RW, "other memory");
	do_map(run, memory, 4, 5, FRONT_RW, "over the start");
	do_map(run, memory, 15, 5, FRONT_RW, "over the end");
	do_map(run, memory, 10, 2, FRONT_RW, "inside");
	do_map(run, memory, 0, 32, FRONT_RW, "around");
	do_map(run, memory, 0, 8, FRONT_RW, "before");
	do_map(run, memory, 16, 8, FRONT_RW, "behind");
	do_map(run, memory, 24, 8, FRONT_RW, "same pages");
	do_map(run, memory, 32, 8, FRONT_READ, "same pages");
	do_unmap(run, 8, 8, "middle");
	do_unmap(run, 8, 8, "again");
	do_map(run, memory, 8, 8, FRONT_RW, "middle");
	do_unmap(run, 0, 24, "all three");
	do_unmap(run, 24, 8, "same pages");
	do_unmap(run, 32, 8, "same pages");
}

/*
 * iommufd's container ioctls let a mapping without any access through to the
 * IOMMU driver. Intel's of 7.x logs a warning with a stack trace for it, which
 * the kernel log is searched for; with the stock modules as well.
 */
static bool warns_of_no_access(const struct run *run)
{
	struct utsname name;

	need(!uname(&name), "uname");
	return run->front.ops->type && run->front.ops->iommufd && atoi(name.release) >= 7;
}

static void prots(struct run *run)
{
	char *memory = do_memory(run, 4);
	int prot;

	for (prot = warns_of_no_access(run); prot <= FRONT_RW; prot++) {
		do_map(run, memory, prot * 4, 4, prot, "prot");
		do_unmap(run, prot * 4, 4, "prot");
	}
}

static void container_flags(struct run *run)
{
	struct vfio_iommu_type1_dma_unmap unmap;
	struct vfio_iommu_type1_dma_map map;
	char *memory = do_memory(run, 4);
	unsigned int bit, size;
	int rc;

	for (bit = 0; bit < 8; bit++) {
		map = (struct vfio_iommu_type1_dma_map){
			.argsz = sizeof(map),
			.flags = 1U << bit | VFIO_DMA_MAP_FLAG_READ,
			.vaddr = (uintptr_t)memory,
			.iova = IOVA,
			.size = run->page,
		};
		rc = do_ioctl(run->front.iommu, VFIO_IOMMU_MAP_DMA, &map);
		step(run, rc, "map with flag bit %u", bit);
		unmap = (struct vfio_iommu_type1_dma_unmap){
			.argsz = sizeof(unmap),
			.flags = 1U << bit,
			.iova = IOVA,
			.size = run->page,
		};
		rc = do_ioctl(run->front.iommu, VFIO_IOMMU_UNMAP_DMA, &unmap);
		step_value(run, rc, unmap.size, "unmap with flag bit %u", bit);
		front_unmap(&run->front, IOVA, run->page, NULL);
	}

	for (size = 0; size <= sizeof(map) + 4; size += 4) {
		map.argsz = size;
		map.flags = VFIO_DMA_MAP_FLAG_READ;
		rc = do_ioctl(run->front.iommu, VFIO_IOMMU_MAP_DMA, &map);
		step(run, rc, "map with argsz %u", size);
		unmap.argsz = size;
		unmap.flags = 0;
		unmap.iova = IOVA;
		unmap.size = run->page;
		rc = do_ioctl(run->front.iommu, VFIO_IOMMU_UNMAP_DMA, &unmap);
		step_value(run, rc, unmap.size, "unmap with argsz %u", size);
		front_unmap(&run->front, IOVA, run->page, NULL);
	}
}

static void iommufd_flags(struct run *run)
{
	char *memory = do_memory(run, 4);
	struct iommu_ioas_map map;
	unsigned int bit, size;
	int rc;

	for (bit = 0; bit < 6; bit++) {
		map = (struct iommu_ioas_map){
			.size = sizeof(map),
			.flags = 1U << bit | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_FIXED_IOVA,
			.ioas_id = run->front.ioas,
			.user_va = (uintptr_t)memory,
			.iova = IOVA,
			.length = run->page,
		};
		rc = do_ioctl(run->front.iommu, IOMMU_IOAS_MAP, &map);
		step(run, rc, "map with flag bit %u", bit);
		do_unmap(run, 0, 1, "it");
	}
	for (size = 0; size <= sizeof(map); size += 8) {
		map.size = size;
		map.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_FIXED_IOVA;
		rc = do_ioctl(run->front.iommu, IOMMU_IOAS_MAP, &map);
		step(run, rc, "map with size %u", size);
		do_unmap(run, 0, 1, "it");
	}
	map.size = sizeof(map);
	map.__reserved = 1;
	rc = do_ioctl(run->front.iommu, IOMMU_IOAS_MAP, &map);
	step(run, rc, "map with reserved set");
	map.__reserved = 0;
	map.ioas_id = 12345;
	rc = do_ioctl(run->front.iommu, IOMMU_IOAS_MAP, &map);
	step(run, rc, "map into no such ioas");
}

const struct scenario address_scenarios[] = {
	{ .name = "odd_ranges", .steps = odd },
	{ .name = "odd_vaddr", .steps = odd_vaddr },
	{ .name = "overlaps", .steps = overlaps },
	{ .name = "prots", .steps = prots },
	{ .name = "container_flags", .wants = wants_container, .steps = container_flags },
	{ .name = "iommufd_flags", .wants = wants_iommufd, .steps = iommufd_flags },
	{}
};
