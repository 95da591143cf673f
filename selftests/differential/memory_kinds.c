// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios about what is behind an address. */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run.h"

#define HUGE_PAGES (MEMORY_HUGE / memory_page())

/* Both ways, and what stays of a page that is unmapped by the process first. */
static void both_ways(struct run *run, const void *memory, unsigned long npages,
		      const char *what)
{
	if (!do_map(run, memory, 0, npages, FRONT_RW, what))
		do_unmap(run, 0, npages, what);
	if (!do_map(run, memory, 0, npages, FRONT_READ, what))
		do_unmap(run, 0, npages, what);
}

static void protection(struct run *run)
{
	static const struct {
		const char *name;
		int prot;
	} prots[] = {
		{ "PROT_NONE", PROT_NONE },
		{ "PROT_READ", PROT_READ },
		{ "PROT_WRITE", PROT_WRITE },
		{ "PROT_EXEC", PROT_EXEC },
		{ "PROT_READ and WRITE", PROT_READ | PROT_WRITE },
	};
	char *memory, *touched;
	unsigned int i;

	for (i = 0; i < sizeof(prots) / sizeof(prots[0]); i++) {
		memory = memory_untouched(8 * run->page);
		need(memory != MAP_FAILED, "memory");
		touched = do_memory(run, 8);
		mprotect(memory, 8 * run->page, prots[i].prot);
		mprotect(touched, 8 * run->page, prots[i].prot);
		both_ways(run, memory, 8, prots[i].name);
		both_ways(run, touched, 8, prots[i].name);
		mprotect(touched, 8 * run->page, PROT_READ | PROT_WRITE);
		mprotect(touched + 4 * run->page, run->page, prots[i].prot);
		both_ways(run, touched, 8, prots[i].name);
	}
}

static void holes(struct run *run)
{
	static const unsigned long at[] = { 0, 1, 15, 16, 511, 512, 513, 1023, 1024, 1199 };
	unsigned int i;
	char *memory;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		memory = do_memory(run, 1200);
		munmap(memory + at[i] * run->page, run->page);
		step(run, 0, "hole at %lu", at[i]);
		both_ways(run, memory, 1200, "with a hole");
		if (at[i])
			both_ways(run, memory, at[i], "up to the hole");
		munmap(memory, 1200 * run->page);
	}
}

static void zero_pages(struct run *run)
{
	volatile char *memory = memory_untouched(16 * run->page);
	unsigned int i;

	need(memory != MAP_FAILED, "memory");
	for (i = 0; i < 16; i++)
		(void)memory[i * run->page];
	do_map(run, (char *)memory, 0, 16, FRONT_READ, "zero pages");
	do_map(run, (char *)memory, 16, 16, FRONT_READ, "again");
	do_map(run, (char *)memory, 32, 16, FRONT_RW, "again");
	do_unmap(run, 0, 48, "all");
	memory = memory_untouched(16 * run->page);
	do_map(run, (char *)memory, 0, 16, FRONT_READ, "untouched");
	for (i = 0; i < 16; i++)
		memory[i * run->page] = 1;
	do_map(run, (char *)memory, 16, 16, FRONT_RW, "touched since");
	do_unmap(run, 0, 32, "both");
}

static void zero_huge(struct run *run)
{
	volatile char *memory = mmap(NULL, 2 * MEMORY_HUGE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	need(memory != MAP_FAILED, "memory");
	memory += -(unsigned long)memory & (MEMORY_HUGE - 1);
	madvise((char *)memory, MEMORY_HUGE, MADV_HUGEPAGE);
	(void)memory[0];
	(void)memory[run->page];
	do_map(run, (char *)memory, 0, HUGE_PAGES, FRONT_READ, "huge zero page");
	do_map(run, (char *)memory, HUGE_PAGES, HUGE_PAGES, FRONT_READ, "again");
	do_unmap(run, 0, HUGE_PAGES, "first");
	do_map(run, (char *)memory, 0, HUGE_PAGES, FRONT_RW, "for writing");
}

static void huge(struct run *run)
{
	char *thp = memory_transparent_huge(2 * MEMORY_HUGE);
	char *tlb = memory_hugetlb(2 * MEMORY_HUGE);

	need(thp != MAP_FAILED && tlb != MAP_FAILED, "huge pages");
	both_ways(run, thp, 2 * HUGE_PAGES, "thp");
	both_ways(run, thp + 7 * run->page, 700, "part of thp");
	both_ways(run, tlb, 2 * HUGE_PAGES, "hugetlb");
	both_ways(run, tlb + 7 * run->page, 700, "part of hugetlb");
	do_limit(run, 512);
	both_ways(run, thp, HUGE_PAGES + 1, "thp over");
	both_ways(run, tlb, HUGE_PAGES + 1, "hugetlb over");
	both_ways(run, thp, HUGE_PAGES, "thp exactly");
	both_ways(run, tlb, HUGE_PAGES, "hugetlb exactly");
	do_limit(run, -1);
	do_map(run, thp, 0, 2 * HUGE_PAGES, FRONT_RW, "thp");
	step(run, munmap(thp, 300 * run->page), "munmap a part of it");
	do_map(run, tlb, 2 * HUGE_PAGES, 2 * HUGE_PAGES, FRONT_RW, "hugetlb");
	step(run, munmap(tlb, MEMORY_HUGE), "munmap a part of it");
	do_unmap(run, 0, 4 * HUGE_PAGES, "both");
	both_ways(run, thp, 2 * HUGE_PAGES, "what is left of thp");
	both_ways(run, tlb, 2 * HUGE_PAGES, "what is left of hugetlb");
}

/* Files of every kind that the machine has, by address. */
static void file_of(struct run *run, int fd, const char *kind)
{
	size_t size = 8 * run->page;
	char name[64];
	void *memory;

	if (ftruncate(fd, size) && errno != EPERM)
		step(run, -errno, "size of %s", kind);

	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	step(run, memory == MAP_FAILED ? -errno : 0, "mmap %s shared", kind);
	if (memory != MAP_FAILED) {
		snprintf(name, sizeof(name), "%s shared", kind);
		both_ways(run, memory, 8, name);
		memset(memory, 1, size);
		snprintf(name, sizeof(name), "%s shared, written", kind);
		both_ways(run, memory, 8, name);
		munmap(memory, size);
	}
	memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	step(run, memory == MAP_FAILED ? -errno : 0, "mmap %s shared, to read", kind);
	if (memory != MAP_FAILED) {
		snprintf(name, sizeof(name), "%s shared, to read", kind);
		both_ways(run, memory, 8, name);
		munmap(memory, size);
	}
	memory = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	step(run, memory == MAP_FAILED ? -errno : 0, "mmap %s private", kind);
	if (memory != MAP_FAILED) {
		snprintf(name, sizeof(name), "%s private", kind);
		both_ways(run, memory, 8, name);
		snprintf(name, sizeof(name), "%s private, too long", kind);
		both_ways(run, memory, 16, name);
		munmap(memory, 2 * size);
	}
	close(fd);
}

/*
 * DIFFERENTIAL_EXT4 names a directory of a file system on a disk. The other
 * directories are those of every machine.
 */
static void files(struct run *run)
{
	const char *disk = getenv("DIFFERENTIAL_EXT4");
	int fd;

	fd = memory_memfd(8 * run->page);
	need(fd >= 0, "memfd");
	file_of(run, fd, "memfd");
	fd = do_file("/dev/shm");
	need(fd >= 0, "a file in tmpfs");
	file_of(run, fd, "tmpfs");
	need(disk, "DIFFERENTIAL_EXT4");
	fd = do_file(disk);
	need(fd >= 0, "a file in ext4");
	file_of(run, fd, "ext4");
	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	need(fd >= 0, "/dev/zero");
	file_of(run, fd, "/dev/zero");
}

static void hugetlb_files(struct run *run)
{
	size_t size = 2 * MEMORY_HUGE;
	void *memory;
	int fd, i;

	for (i = 0; i < 2; i++) {
		fd = i ? do_file("/dev/hugepages") :
			 memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
		need(fd >= 0 && !ftruncate(fd, size), "a hugetlb file");
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		need(memory != MAP_FAILED, "hugetlb memory");
		both_ways(run, memory, 2 * HUGE_PAGES, i ? "hugetlbfs" : "memfd hugetlb");
		munmap(memory, size);
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		need(memory != MAP_FAILED, "hugetlb memory");
		both_ways(run, memory, 2 * HUGE_PAGES,
			  i ? "hugetlbfs private" : "memfd hugetlb private");
		munmap(memory, size);
		memory = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (memory != MAP_FAILED) {
			both_ways(run, memory, 4 * HUGE_PAGES, "hugetlb behind its end");
			munmap(memory, 2 * size);
		}
		close(fd);
	}
}

static void strange(struct run *run)
{
	char *memory;
	int fd;

	both_ways(run, (void *)((unsigned long)strange & -run->page), 1, "program text");
	both_ways(run, (void *)((unsigned long)&fd & -run->page), 1, "stack");

	fd = syscall(__NR_memfd_secret, 0);
	step(run, fd < 0 ? -errno : 0, "memfd_secret");
	if (fd >= 0 && !ftruncate(fd, 4 * run->page)) {
		memory = mmap(NULL, 4 * run->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (memory != MAP_FAILED)
			both_ways(run, memory, 4, "secret memory");
	}

	memory = do_memory(run, 8);
	step(run, madvise(memory, 8 * run->page, MADV_DONTFORK) ? -errno : 0, "DONTFORK");
	both_ways(run, memory, 8, "DONTFORK");
	step(run, madvise(memory, 8 * run->page, MADV_FREE) ? -errno : 0, "FREE");
	both_ways(run, memory, 8, "FREE");
	step(run, madvise(memory, 4 * run->page, MADV_DONTNEED) ? -errno : 0, "DONTNEED");
	both_ways(run, memory, 8, "half DONTNEED");

	do_map(run, memory, 0, 8, FRONT_RW, "to be dropped");
	step(run, madvise(memory, 8 * run->page, MADV_DONTNEED) ? -errno : 0, "DONTNEED");
	do_map(run, memory, 8, 8, FRONT_RW, "anew");
	step(run, mprotect(memory, 8 * run->page, PROT_NONE) ? -errno : 0, "PROT_NONE");
	do_map(run, memory, 16, 8, FRONT_RW, "protected");
	step(run, munmap(memory, 8 * run->page) ? -errno : 0, "munmap");
	do_map(run, memory, 16, 8, FRONT_RW, "gone");
	do_unmap(run, 0, 8, "dropped");
	do_unmap(run, 8, 8, "gone");
}

static void bar(struct run *run)
{
	int device = run->front.devices[DEVICE_EDU];
	char *bar, *memory = do_memory(run, 16);
	unsigned long size = 0;

	privilege_root(true);
	errno = -device_enable_dma(device);
	need(!errno, "edu's configuration space");
	bar = device_map_bar(device, 0, &size);
	need(bar != MAP_FAILED, "edu's BAR");
	privilege_root(false);

	do_limit(run, 8);
	both_ways(run, bar, size / run->page, "bar");
	both_ways(run, bar, 4, "part of bar");
	both_ways(run, bar + 3 * run->page, 4, "part of bar");
	both_ways(run, bar, size / run->page + 1, "beyond bar");
	do_map(run, bar, 0, 4, FRONT_RW, "bar");
	do_map(run, bar, 4, 4, FRONT_RW, "bar again");
	do_map(run, memory, 8, 8, FRONT_RW, "memory");
	do_map(run, memory, 16, 1, FRONT_RW, "one too many");
	do_unmap(run, 0, 16, "all");

	need(mremap(bar, 4 * run->page, 4 * run->page, MREMAP_MAYMOVE | MREMAP_FIXED,
		    memory + 4 * run->page) == memory + 4 * run->page, "mremap of a BAR");
	both_ways(run, memory, 12, "bar between memory");
	both_ways(run, memory, 13, "bar between memory, over");
	do_map(run, memory, 0, 12, FRONT_RW, "bar between memory");
	step(run, munmap(memory, 16 * run->page) ? -errno : 0, "munmap all");
	do_unmap(run, 0, 12, "it");
	munmap(bar + 4 * run->page, size - 4 * run->page);
}

const struct scenario memory_scenarios[] = {
	{ .name = "protection", .steps = protection },
	{ .name = "holes", .steps = holes },
	{ .name = "zero_pages", .steps = zero_pages },
	{ .name = "zero_huge", .steps = zero_huge },
	{ .name = "huge", .steps = huge },
	{ .name = "files", .steps = files },
	{ .name = "hugetlb_files", .steps = hugetlb_files },
	{ .name = "strange", .steps = strange },
	{ .name = "bar", .steps = bar },
	{}
};
