// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios with what only iommufd has: address spaces, copies, domains, options. */
#include <errno.h>
#include <linux/iommufd.h>
#include <stdint.h>
#include <sys/mman.h>

#include "run.h"

static int attach(struct run *run, enum device_kind kind)
{
	int rc;

	privilege_root(true);
	rc = front_attach(&run->front, kind);
	privilege_root(false);
	return rc;
}

static int copy(struct run *run, __u32 from, __u32 to, unsigned long at, unsigned long npages,
		unsigned long to_at, __u32 flags)
{
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | flags,
		.src_ioas_id = from,
		.dst_ioas_id = to,
		.src_iova = IOVA + at * run->page,
		.dst_iova = IOVA + to_at * run->page,
		.length = npages * run->page,
	};

	return do_ioctl(run->front.iommu, IOMMU_IOAS_COPY, &copy);
}

#define RW (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)

static void copies(struct run *run)
{
	char *memory = do_memory(run, 32);
	__u32 one = run->front.ioas, two;

	step(run, front_alloc_ioas(&run->front, &two), "second ioas");
	step(run, attach(run, DEVICE_NIC), "attach another device");
	step(run, front_switch_ioas(&run->front, DEVICE_NIC, two), "put it behind the second");
	do_map(run, memory, 0, 16, FRONT_RW, "it");
	do_map(run, memory + 16 * run->page, 16, 8, FRONT_READ, "read-only");
	step(run, copy(run, one, two, 0, 16, 0, RW), "copy");
	step(run, copy(run, one, two, 0, 16, 0, RW), "copy again");
	step(run, copy(run, one, two, 0, 16, 100, RW), "copy elsewhere");
	step(run, copy(run, one, two, 4, 4, 200, RW), "copy a part");
	step(run, copy(run, one, two, 12, 8, 300, RW), "copy over a border");
	step(run, copy(run, one, two, 16, 8, 400, RW), "copy read-only for writing");
	step(run, copy(run, one, two, 16, 8, 400, IOMMU_IOAS_MAP_READABLE), "copy read-only");
	step(run, copy(run, one, two, 0, 24, 500, IOMMU_IOAS_MAP_READABLE), "copy both");
	step(run, copy(run, one, one, 0, 16, 600, RW), "copy to itself");
	step(run, copy(run, one, two, 50, 4, 700, RW), "copy nothing");
	step(run, copy(run, one, 12345, 0, 4, 700, RW), "copy to no ioas");
	step(run, copy(run, one, two, 0, 0, 700, RW), "copy zero");
	do_unmap(run, 0, 16, "the original");
	step(run, copy(run, one, two, 0, 16, 800, RW), "copy what is gone");
	run->front.ioas = two;
	do_unmap(run, 200, 4, "the part");
	do_unmap(run, 0, 16, "the copy");
	do_unmap(run, 100, 16, "the other copy");
	run->front.ioas = one;
	do_unmap(run, 600, 16, "the copy to itself");
	do_unmap(run, 16, 8, "read-only");
	run->front.ioas = two;
	do_unmap(run, 400, 8, "read-only copy");
	do_unmap(run, 500, 24, "copy of both");
}

static void copies_under_limit(struct run *run)
{
	char *memory = do_memory(run, 32);
	__u32 one = run->front.ioas, two;

	step(run, front_alloc_ioas(&run->front, &two), "second ioas");
	do_limit(run, 16);
	do_map(run, memory, 0, 16, FRONT_RW, "it");
	step(run, copy(run, one, two, 0, 8, 0, RW), "copy a part, no device");
	do_unmap(run, 0, 16, "the original");
	do_map(run, memory, 100, 12, FRONT_RW, "another");
	step(run, front_switch_ioas(&run->front, DEVICE_EDU, two), "switch to the copy");
	step(run, front_switch_ioas(&run->front, DEVICE_EDU, one), "switch back");
	do_unmap(run, 100, 12, "another");
	step(run, front_switch_ioas(&run->front, DEVICE_EDU, two), "switch to the copy");
}

static void domains(struct run *run)
{
	char *memory = do_memory(run, 1100);
	__u32 hwpt[2];

	do_limit(run, 1100);
	do_map(run, memory, 0, 16, FRONT_RW, "it");
	do_map(run, memory + 16 * run->page, 16, 1084, FRONT_RW, "more");
	step(run, front_alloc_domain(&run->front, DEVICE_EDU, &hwpt[0]), "second domain");
	step(run, front_alloc_domain(&run->front, DEVICE_EDU, &hwpt[1]), "third domain");
	do_map(run, memory, 2000, 1, FRONT_RW, "one too many");
	do_unmap(run, 0, 16, "it");
	do_map(run, memory, 0, 16, FRONT_RW, "it");
	step(run, front_switch_ioas(&run->front, DEVICE_EDU, hwpt[0]), "leave the first");
	do_unmap(run, 16, 1084, "more");
	do_map(run, memory, 16, 700, FRONT_RW, "more");
	step(run, front_switch_ioas(&run->front, DEVICE_EDU, run->front.ioas), "go back");
	do_unmap(run, 0, 716, "all");
}

/* The space has mappings before it has a device; limits apply when one comes. */
static void late_device(struct run *run)
{
	char *memory = do_memory(run, 1100);

	do_limit(run, 1000);
	do_map(run, memory, 0, 1100, FRONT_RW, "over the limit");
	step(run, attach(run, DEVICE_EDU), "attach");
	front_detach(&run->front, DEVICE_EDU);
	step(run, 0, "close the device");
	do_limit(run, 1099);
	step(run, attach(run, DEVICE_EDU), "attach");
	front_detach(&run->front, DEVICE_EDU);
	do_limit(run, 1100);
	step(run, attach(run, DEVICE_EDU), "attach");
	do_map(run, memory, 2000, 1, FRONT_RW, "one too many");
	front_detach(&run->front, DEVICE_EDU);
	step(run, 0, "close the device");
	do_map(run, memory, 2000, 1, FRONT_RW, "one too many");
	do_unmap(run, 0, 1100, "all");
	step(run, attach(run, DEVICE_EDU), "attach");
	do_unmap(run, 2000, 1, "one");

	front_detach(&run->front, DEVICE_EDU);
	do_map(run, memory, 0, 1100, FRONT_RW, "with a hole to come");
	munmap(memory + 600 * run->page, run->page);
	step(run, attach(run, DEVICE_EDU), "attach");
	front_detach(&run->front, DEVICE_EDU);
	do_unmap(run, 0, 1100, "all");

	do_map(run, (void *)4096, 0, 8, FRONT_RW, "nothing");
	step(run, attach(run, DEVICE_EDU), "attach");
	front_detach(&run->front, DEVICE_EDU);
	do_unmap(run, 0, 8, "nothing");
}

static int option(struct run *run, __u32 id, __u32 object, __u16 op, __u64 *value)
{
	struct iommu_option option = {
		.size = sizeof(option),
		.option_id = id,
		.op = op,
		.object_id = object,
		.val64 = *value,
	};
	int rc;

	rc = do_ioctl(run->front.iommu, IOMMU_OPTION, &option);
	*value = option.val64;
	return rc;
}

static void options(struct run *run)
{
	char *memory = memory_hugetlb(MEMORY_HUGE);
	__u32 ioas = run->front.ioas;
	__u64 value;
	int rc;

	need(memory != MAP_FAILED, "hugetlb memory");
	value = 7;
	rc = option(run, IOMMU_OPTION_RLIMIT_MODE, 0, IOMMU_OPTION_OP_GET, &value);
	step_value(run, rc, value, "get the mode");
	value = 1;
	rc = option(run, IOMMU_OPTION_RLIMIT_MODE, 0, IOMMU_OPTION_OP_SET, &value);
	step_value(run, rc, value, "set the mode");
	privilege_root(true);
	rc = option(run, IOMMU_OPTION_RLIMIT_MODE, 0, IOMMU_OPTION_OP_SET, &value);
	privilege_root(false);
	step_value(run, rc, value, "set the mode as root");
	value = 7;
	rc = option(run, IOMMU_OPTION_HUGE_PAGES, ioas, IOMMU_OPTION_OP_GET, &value);
	step_value(run, rc, value, "get huge pages");
	do_map(run, memory, 0, 512, FRONT_RW, "a huge page");
	value = 0;
	rc = option(run, IOMMU_OPTION_HUGE_PAGES, ioas, IOMMU_OPTION_OP_SET, &value);
	step_value(run, rc, value, "no huge pages");
	do_unmap(run, 0, 512, "a huge page");
	rc = option(run, IOMMU_OPTION_HUGE_PAGES, ioas, IOMMU_OPTION_OP_SET, &value);
	step_value(run, rc, value, "no huge pages");
	do_map(run, memory, 0, 512, FRONT_RW, "a huge page");
	do_unmap(run, 0, 512, "a huge page");
	value = 1;
	rc = option(run, IOMMU_OPTION_HUGE_PAGES, ioas, IOMMU_OPTION_OP_SET, &value);
	step_value(run, rc, value, "huge pages");
}

/* IOVAs that iommufd chooses, and address spaces that go with what is in them. */
static void chosen(struct run *run)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy) };
	char *memory = do_memory(run, 16);
	struct iommu_ioas_map map;
	__u64 size;
	int i, rc;

	for (i = 0; i < 3; i++) {
		map = (struct iommu_ioas_map){
			.size = sizeof(map),
			.flags = RW,
			.ioas_id = run->front.ioas,
			.user_va = (uintptr_t)memory,
			.length = 16 * run->page,
		};
		rc = do_ioctl(run->front.iommu, IOMMU_IOAS_MAP, &map);
		step(run, rc, "map where iommufd wants");
	}
	rc = front_unmap(&run->front, map.iova, 16 * run->page, &size);
	step_value(run, rc, size, "unmap the last");
	destroy.id = run->front.ioas;
	step(run, do_ioctl(run->front.iommu, IOMMU_DESTROY, &destroy), "destroy it in use");
	front_detach(&run->front, DEVICE_EDU);
	step(run, 0, "close the device");
	step(run, do_ioctl(run->front.iommu, IOMMU_DESTROY, &destroy), "destroy it");
	step(run, do_ioctl(run->front.iommu, IOMMU_DESTROY, &destroy), "destroy it again");
}

const struct scenario iommufd_scenarios[] = {
	{ .name = "copies", .wants = wants_iommufd, .steps = copies },
	{ .name = "copies_under_limit", .wants = wants_iommufd, .steps = copies_under_limit },
	{ .name = "domains", .wants = wants_iommufd, .steps = domains },
	{ .name = "late_device", .wants = wants_iommufd, .detached = true, .steps = late_device },
	{ .name = "options", .wants = wants_iommufd, .steps = options },
	{ .name = "chosen", .wants = wants_iommufd, .steps = chosen },
	{}
};
