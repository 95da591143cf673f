// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scenarios about mappings by file. Where the kernel has none, each step says so
 * on both sides.
 */
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "map_file.h"
#include "run.h"

/* In bytes; so many pages behind IOVA. */
static void map(struct run *run, int fd, __u64 start, unsigned long at, __u64 size, int prot,
		const char *what)
{
	int rc;

	rc = front_map_file(&run->front, fd, start, IOVA + at * run->page, size, prot);
	step(run, rc, "map %s, 0x%llx bytes from 0x%llx, prot %d", what, size, start, prot);
}

/* A file of that many pages, of which only some have been written. */
static void parts_of(struct run *run, int fd, unsigned long npages, const char *what)
{
	size_t page = run->page, size = npages * page;

	need(fd >= 0 && !ftruncate(fd, size), what);
	/* hugetlbfs cannot be written to. */
	if (npages < 100)
		need(pwrite(fd, "x", 1, 2 * page) == 1, what);
	map(run, fd, 0, 0, size, FRONT_RW, what);
	map(run, fd, 0, npages, size, FRONT_READ, what);
	map(run, fd, page, 2 * npages, 3 * page, FRONT_RW, what);
	map(run, fd, size - page, 2 * npages + 3, page, FRONT_READ, what);
	do_unmap(run, npages, npages, "second");
	do_unmap(run, 0, 2 * npages, "first");
	do_unmap(run, 0, 3 * npages, "all");
	map(run, fd, 0, 0, size + page, FRONT_RW, what);
	map(run, fd, size, 0, page, FRONT_RW, what);
	map(run, fd, 0, 0, 0, FRONT_RW, what);
	map(run, fd, 0, 0, size - 1, FRONT_RW, what);
	do_unmap(run, 0, npages, "a byte less");
	map(run, fd, 0, 0, size, 0, what);
	map(run, fd, 100, 0, page, FRONT_RW, what);
	map(run, fd, -page, 0, page, FRONT_RW, what);
	map(run, fd, -page, 0, 2 * page, FRONT_RW, what);
	do_limit(run, npages);
	map(run, fd, 0, 0, size, FRONT_RW, what);
	map(run, fd, 0, npages, page, FRONT_RW, what);
	do_unmap(run, 0, npages, "all");
	do_limit(run, npages - 1);
	map(run, fd, 0, 0, size, FRONT_RW, what);
	map(run, fd, 0, 0, size - page, FRONT_READ, what);
	do_unmap(run, 0, npages - 1, "it");
	do_limit(run, -1);
	map(run, fd, 0, 0, size, FRONT_RW, what);
	step(run, ftruncate(fd, 0), "truncate");
	do_unmap(run, 0, npages, "all");
	map(run, fd, 0, 0, size, FRONT_RW, what);
	close(fd);
}

static void kinds(struct run *run)
{
	const char *disk = getenv("DIFFERENTIAL_EXT4");

	need(disk, "DIFFERENTIAL_EXT4");
	parts_of(run, memory_memfd(run->page), 24, "memfd");
	parts_of(run, do_file("/dev/shm"), 24, "tmpfs");
	parts_of(run, do_file(disk), 24, "ext4");
	parts_of(run, memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB), 1024,
		 "memfd of huge pages");
	parts_of(run, do_file("/dev/hugepages"), 1024, "hugetlbfs");
}

static void not_files(struct run *run)
{
	int fd, pipes[2];

	map(run, -1, 0, 0, run->page, FRONT_RW, "no file");
	map(run, run->front.iommu, 0, 0, run->page, FRONT_RW, "iommufd itself");
	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	need(fd >= 0, "/dev/zero");
	map(run, fd, 0, 0, run->page, FRONT_RW, "/dev/zero");
	close(fd);
	need(!pipe(pipes), "a pipe");
	map(run, pipes[0], 0, 0, run->page, FRONT_RW, "a pipe");
	close(pipes[0]);
	close(pipes[1]);
	fd = memory_memfd(4 * run->page);
	need(fd >= 0, "memfd");
	step(run, fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE), "seal");
	map(run, fd, 0, 0, 4 * run->page, FRONT_READ, "sealed memfd");
	map(run, fd, 0, 4, 4 * run->page, FRONT_RW, "sealed memfd");
	close(fd);
}

const struct scenario by_file_scenarios[] = {
	{ .name = "by_file_kinds", .wants = wants_iommufd, .steps = kinds },
	{ .name = "by_file_not_files", .wants = wants_iommufd, .steps = not_files },
	{}
};
