// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scenarios about what others do to memory under a pin. The value of a step that
 * looks is the first byte that the device, the process or its child sees.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/memfd.h>
#include <linux/userfaultfd.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "edu.h"
#include "run.h"

/* Where edu writes what it has read */
#define ECHO_AT 4096UL

/* As much as it is told to move */
#define SEEN 16

/**
 * struct witness - edu, and the memory in which it tells what it sees
 * @edu: started
 * @echo: a page at ECHO_AT
 */
struct witness {
	struct edu edu;
	char *echo;
};

/* v1 has nothing of its own here, and a DMA takes a tenth of a second. */
static bool wants_v2(const struct front_ops *ops)
{
	return ops->type != VFIO_TYPE1_IOMMU;
}

static void start(struct run *run, struct witness *witness)
{
	privilege_root(true);
	errno = -edu_start(&witness->edu, run->front.devices[DEVICE_EDU]);
	need(!errno, "edu");
	privilege_root(false);
	witness->echo = do_memory(run, 1);
	do_map(run, witness->echo, ECHO_AT, 1, FRONT_RW, "the echo");
}

static void device_sees(struct run *run, struct witness *witness, unsigned long at)
{
	int rc;

	rc = edu_read_memory(&witness->edu, IOVA + at * run->page, SEEN);
	if (!rc)
		rc = edu_write_memory(&witness->edu, IOVA + ECHO_AT * run->page, SEEN);
	step_value(run, rc, witness->echo[0], "device sees at +%lu", at);
}

static void device_writes(struct run *run, struct witness *witness, unsigned long at, char byte)
{
	int rc;

	memset(witness->echo, byte, SEEN);
	rc = edu_read_memory(&witness->edu, IOVA + ECHO_AT * run->page, SEEN);
	if (!rc)
		rc = edu_write_memory(&witness->edu, IOVA + at * run->page, SEEN);
	step(run, rc, "device writes at +%lu", at);
}

/* Half of 8 pages goes, and comes back as other memory. */
static void part(struct run *run, struct witness *witness, char *memory)
{
	char *five = memory + 5 * run->page;

	device_sees(run, witness, 5);
	step_value(run, 0, five[0], "process sees");
	five[0] = 0x22;
	device_writes(run, witness, 5, 0x33);
	step_value(run, 0, five[0], "process sees");
	do_map(run, memory, 16, 8, FRONT_RW, "it again");
	device_sees(run, witness, 16 + 5);
	do_unmap(run, 0, 8, "the first");
	do_unmap(run, 16, 8, "the second");
}

static void cut_file(struct run *run, struct witness *witness, int fd, char *memory, off_t cut,
		     size_t length)
{
	int rc;

	memset(memory, 0x11, 8 * run->page);
	do_map(run, memory, 0, 8, FRONT_RW, "a file");
	rc = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, cut, length);
	step(run, rc ? -errno : 0, "punch a hole");
	part(run, witness, memory);

	memset(memory, 0x11, 8 * run->page);
	do_map(run, memory, 0, 8, FRONT_RW, "a file");
	step(run, ftruncate(fd, cut) ? -errno : 0, "truncate");
	do_map(run, memory, 16, 8, FRONT_RW, "beyond its end");
	step(run, ftruncate(fd, cut + length) ? -errno : 0, "lengthen");
	part(run, witness, memory);
}

static void cut_files(struct run *run)
{
	struct witness witness;
	char *memory;
	int fd;

	start(run, &witness);
	fd = memory_memfd(8 * run->page);
	need(fd >= 0, "memfd");
	memory = memory_of_file(fd, 8 * run->page);
	need(memory != MAP_FAILED, "memfd");
	cut_file(run, &witness, fd, memory, 4 * run->page, 4 * run->page);

	fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	need(fd >= 0 && !ftruncate(fd, 2 * MEMORY_HUGE), "a hugetlb file");
	memory = memory_of_file(fd, 2 * MEMORY_HUGE);
	need(memory != MAP_FAILED, "hugetlb memory");
	cut_file(run, &witness, fd, memory + MEMORY_HUGE - 4 * run->page, MEMORY_HUGE,
		 MEMORY_HUGE);
	edu_stop(&witness.edu);
}

static void dropped(struct run *run)
{
	char *memory = do_memory(run, 8);
	struct witness witness;
	int rc;

	start(run, &witness);
	do_map(run, memory, 0, 8, FRONT_RW, "memory");
	rc = madvise(memory + 4 * run->page, 4 * run->page, MADV_DONTNEED);
	step(run, rc ? -errno : 0, "DONTNEED");
	part(run, &witness, memory);
	edu_stop(&witness.edu);
}

/* For the device to read only, then written by the process. */
static void written(struct run *run)
{
	struct witness witness;
	unsigned int i;
	char *memory[3];
	int fd;

	fd = memory_memfd(8 * run->page);
	need(fd >= 0, "memfd");
	memory[0] = do_memory(run, 8);
	memory[1] = memory_untouched(8 * run->page);
	memory[2] = mmap(NULL, 8 * run->page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	need(memory[1] != MAP_FAILED && memory[2] != MAP_FAILED, "memory");
	start(run, &witness);
	for (i = 0; i < 3; i++) {
		do_map(run, memory[i], 8 * i, 8, FRONT_READ, "memory");
		memory[i][0] = 0x41;
		device_sees(run, &witness, 8 * i);
	}
	need(pwrite(fd, "\x42", 1, run->page) == 1, "write to memfd");
	step_value(run, 0, memory[2][run->page], "process sees of the file");
	device_sees(run, &witness, 17);
	edu_stop(&witness.edu);
}

static void write_protected(struct run *run)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	char *memory = do_memory(run, 8);
	struct uffdio_register reg = {
		.range = { (uintptr_t)memory, 8 * run->page },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect protect = {
		.range = reg.range,
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	struct witness witness;
	int fd;

	start(run, &witness);
	do_map(run, memory, 0, 8, FRONT_RW, "before");
	fd = syscall(__NR_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	need(fd >= 0 && !ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg),
	     "userfaultfd");
	step(run, do_ioctl(fd, UFFDIO_WRITEPROTECT, &protect), "protect");
	device_writes(run, &witness, 5, 0x33);
	step_value(run, 0, memory[5 * run->page], "process sees");
	do_map(run, memory, 16, 8, FRONT_RW, "protected");
	do_map(run, memory, 32, 8, FRONT_READ, "protected");
	protect.mode = 0;
	step(run, do_ioctl(fd, UFFDIO_WRITEPROTECT, &protect), "unprotect");
	memory[5 * run->page] = 0x44;
	device_sees(run, &witness, 5);
	device_sees(run, &witness, 32 + 5);
	do_map(run, memory, 16, 8, FRONT_RW, "after");
	close(fd);
	edu_stop(&witness.edu);
}

/* What a child sees, before and after it has written; and what it does to others. */
static void fork_it(struct run *run, struct witness *witness, char *memory, unsigned long at)
{
	char *five = memory + 5 * run->page;
	struct child child;

	errno = -child_start(&child);
	need(!errno, "a child");
	if (!child.pid) {
		child_tell(&child, *five);
		child_wait(&child);
		child_tell(&child, *five);
		*five = 0x55;
		child_wait(&child);
		_exit(0);
	}
	step_value(run, 0, child_result(&child), "child sees");
	if (at)
		do_map(run, memory, at, 8, FRONT_RW, "after fork");
	*five = 0x44;
	child_go_on(&child);
	step_value(run, 0, child_result(&child), "child sees");
	device_sees(run, witness, at + 5);
	device_writes(run, witness, at + 6, 0x33);
	step_value(run, 0, memory[6 * run->page], "process sees");
	errno = -child_end(&child, SIGKILL);
	need(!errno, "the child's end");
	step_value(run, 0, *five, "process sees");
}

static void forked(struct run *run)
{
	char *memory = do_memory(run, 8);
	struct witness witness;

	start(run, &witness);
	do_map(run, memory, 0, 8, FRONT_RW, "before fork");
	fork_it(run, &witness, memory, 0);
	fork_it(run, &witness, do_memory(run, 8), 16);
	edu_stop(&witness.edu);
}

/* The emulated IOMMU tracks nothing, and iommufd says so. */
static void dirty_domain(struct run *run)
{
	struct front *front = &run->front;
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		.dev_id = front->device_ids[DEVICE_EDU],
		.pt_id = front->ioas,
	};
	struct iommu_hwpt_set_dirty_tracking set = {
		.size = sizeof(set),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
	};
	__u64 bitmap = 0;
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.iova = IOVA,
		.length = 8 * run->page,
		.page_size = run->page,
		.data = (uintptr_t)&bitmap,
	};

	do_map(run, do_memory(run, 8), 0, 8, FRONT_RW, "memory");
	step(run, do_ioctl(front->iommu, IOMMU_HWPT_ALLOC, &alloc), "a domain that tracks");
	step(run, front_alloc_domain(front, DEVICE_EDU, &set.hwpt_id), "another domain");
	get.hwpt_id = set.hwpt_id;
	step(run, do_ioctl(front->iommu, IOMMU_HWPT_SET_DIRTY_TRACKING, &set), "track");
	step(run, do_ioctl(front->iommu, IOMMU_HWPT_GET_DIRTY_BITMAP, &get), "bitmap");
	do_unmap(run, 0, 8, "memory");
}

const struct scenario neighbour_scenarios[] = {
	{ .name = "cut_files", .wants = wants_v2, .steps = cut_files },
	{ .name = "dropped", .wants = wants_v2, .steps = dropped },
	{ .name = "written", .wants = wants_v2, .steps = written },
	{ .name = "write_protected", .wants = wants_v2, .steps = write_protected },
	{ .name = "forked", .wants = wants_v2, .steps = forked },
	{ .name = "dirty_domain", .wants = wants_iommufd, .steps = dirty_domain },
	{}
};
