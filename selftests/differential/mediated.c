// SPDX-License-Identifier: GPL-2.0-only
/* Scenarios about a device whose driver pins pages itself, with and without IOMMU. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

static int attach(struct run *run, enum device_kind kind)
{
	int rc;

	privilege_root(true);
	rc = front_attach(&run->front, kind);
	privilege_root(false);
	return rc;
}

static int device(struct run *run)
{
	return run->front.devices[DEVICE_MEDIATED];
}

static void do_pin(struct run *run, unsigned long at, unsigned int npages, int prot)
{
	int rc;

	rc = device_pin(device(run), IOVA + at * run->page, npages, prot);
	step_value(run, rc < 0 ? rc : 0, rc < 0 ? 0 : rc, "pin %u at +%lu prot %d", npages, at,
		   prot);
}

static void do_unpin(struct run *run, unsigned long at, unsigned int npages)
{
	step(run, device_unpin(device(run), IOVA + at * run->page, npages),
	     "unpin %u at +%lu", npages, at);
}

static void do_access(struct run *run, unsigned long offset, unsigned int len, bool write)
{
	unsigned char data[64] = { 0x66 };
	int rc;

	rc = device_access(device(run), IOVA + offset, data, len, write);
	step_value(run, rc, data[0], "%s %u at +%lu bytes", write ? "write" : "read", len,
		   offset);
}

static void pins(struct run *run)
{
	char *memory = do_memory(run, 64);

	step(run, attach(run, DEVICE_MEDIATED), "attach the test device");
	do_pin(run, 0, 1, FRONT_RW);
	do_map(run, memory, 0, 32, FRONT_RW, "it");
	do_map(run, memory + 32 * run->page, 32, 16, FRONT_READ, "read-only");
	do_map(run, memory, 60, 16, FRONT_RW, "the same pages");
	do_pin(run, 0, 1, FRONT_RW);
	do_pin(run, 0, 4, FRONT_RW);
	do_pin(run, 2, 8, FRONT_READ);
	do_pin(run, 60, 8, FRONT_RW);
	do_pin(run, 28, 8, FRONT_READ);
	do_pin(run, 28, 8, FRONT_RW);
	do_pin(run, 32, 4, FRONT_RW);
	do_pin(run, 32, 4, FRONT_READ);
	do_pin(run, 44, 8, FRONT_READ);
	do_pin(run, 0, 0, FRONT_READ);
	do_pin(run, 5, 1, 0);
	do_unpin(run, 2, 8);
	do_unpin(run, 2, 8);
	do_unpin(run, 0, 4);
	do_unpin(run, 0, 1);
	do_unmap(run, 60, 16, "the same pages");
	do_unmap(run, 32, 16, "read-only");
	do_pin(run, 8, 8, FRONT_RW);
	step(run, munmap(memory, 4 * run->page) ? -errno : 0, "munmap the start");
	do_pin(run, 2, 1, FRONT_RW);
	do_pin(run, 4, 1, FRONT_RW);
	do_unmap(run, 0, 32, "it");
	do_pin(run, 8, 1, FRONT_RW);
}

static void pins_and_limit(struct run *run)
{
	char *memory = do_memory(run, 64);

	step(run, attach(run, DEVICE_MEDIATED), "attach the test device");
	do_limit(run, 8);
	do_map(run, memory, 0, 64, FRONT_RW, "more than the limit");
	do_pin(run, 0, 9, FRONT_RW);
	do_pin(run, 0, 8, FRONT_RW);
	do_pin(run, 4, 4, FRONT_RW);
	do_pin(run, 8, 1, FRONT_RW);
	do_pin(run, 6, 3, FRONT_RW);
	do_unpin(run, 0, 8);
	do_pin(run, 20, 4, FRONT_RW);
	do_pin(run, 30, 1, FRONT_RW);
	do_limit(run, 2);
	do_pin(run, 20, 4, FRONT_RW);
	do_unpin(run, 20, 4);
	do_unpin(run, 20, 4);
	privilege_raise();
	do_pin(run, 40, 4, FRONT_RW);
}

static void with_domain(struct run *run)
{
	char *memory = do_memory(run, 600);

	step(run, attach(run, DEVICE_MEDIATED), "attach the test device");
	do_map(run, memory, 0, 16, FRONT_RW, "small");
	do_map(run, memory + 16 * run->page, 16, 584, FRONT_RW, "large");
	do_pin(run, 4, 4, FRONT_RW);
	do_pin(run, 4, 4, FRONT_RW);
	do_pin(run, 100, 8, FRONT_RW);
	do_limit(run, 599);
	step(run, attach(run, DEVICE_EDU), "attach edu over the limit");
	front_detach(&run->front, DEVICE_EDU);
	step(run, 0, "close edu");
	do_limit(run, 600);
	step(run, attach(run, DEVICE_EDU), "attach edu");
	do_pin(run, 200, 8, FRONT_RW);
	do_pin(run, 4, 2, FRONT_RW);
	do_unpin(run, 100, 8);
	do_map(run, memory, 1000, 1, FRONT_RW, "one too many");
	front_detach(&run->front, DEVICE_EDU);
	step(run, 0, "close edu");
	do_map(run, memory, 1000, 16, FRONT_RW, "another");
	do_pin(run, 1000, 4, FRONT_RW);
	step(run, attach(run, DEVICE_EDU), "attach edu over the limit");
	front_detach(&run->front, DEVICE_EDU);
	do_limit(run, -1);
	step(run, attach(run, DEVICE_EDU), "attach edu");
	step(run, attach(run, DEVICE_NIC), "attach e1000e");
	front_detach(&run->front, DEVICE_MEDIATED);
	step(run, 0, "close the test device");
	do_unmap(run, 0, 16, "small");
	front_detach(&run->front, DEVICE_NIC);
	step(run, 0, "close e1000e");
	do_unmap(run, 1000, 16, "another");
	step(run, attach(run, DEVICE_MEDIATED), "attach the test device");
	do_pin(run, 100, 8, FRONT_RW);
	front_detach(&run->front, DEVICE_EDU);
	step(run, 0, "close edu");
	do_unmap(run, 16, 584, "large");
}

/* By the time the domain comes, a part of the memory is gone. */
static void domain_with_hole(struct run *run)
{
	char *memory = do_memory(run, 600);

	step(run, attach(run, DEVICE_MEDIATED), "attach the test device");
	do_map(run, memory, 0, 300, FRONT_RW, "first");
	do_map(run, memory + 300 * run->page, 300, 300, FRONT_RW, "second");
	do_pin(run, 10, 4, FRONT_RW);
	do_pin(run, 310, 4, FRONT_RW);
	step(run, munmap(memory + 500 * run->page, run->page) ? -errno : 0, "munmap a page");
	step(run, attach(run, DEVICE_EDU), "attach edu");
	front_detach(&run->front, DEVICE_EDU);
	step(run, 0, "close edu");
	do_pin(run, 400, 4, FRONT_RW);
	do_unmap(run, 300, 300, "second");
	step(run, attach(run, DEVICE_EDU), "attach edu");
	do_unmap(run, 0, 300, "first");
}

static void accesses(struct run *run)
{
	char *memory = do_memory(run, 4);

	step(run, attach(run, DEVICE_MEDIATED), "attach the test device");
	do_limit(run, 0);
	do_map(run, memory, 0, 2, FRONT_RW, "it");
	do_map(run, memory + 2 * run->page, 2, 1, FRONT_READ, "read-only");
	do_access(run, 0, 64, false);
	do_access(run, 4090, 64, true);
	do_access(run, 4090, 64, false);
	do_access(run, 8180, 64, false);
	do_access(run, 8180, 64, true);
	do_access(run, 8192, 8, true);
	do_access(run, 12280, 16, false);
	do_access(run, 100000, 16, false);
	do_access(run, 0, 0, false);
	step(run, munmap(memory, run->page) ? -errno : 0, "munmap a page");
	do_access(run, 0, 64, false);
	do_access(run, 0, 64, true);
	do_access(run, 4096, 64, true);
}

static void owner_dies(struct run *run)
{
	char *memory = do_memory(run, 32);
	int status;
	pid_t pid;

	step(run, attach(run, DEVICE_MEDIATED), "attach the test device");
	pid = fork();
	if (!pid) {
		status = front_map(&run->front, memory, IOVA, 32 * run->page, FRONT_RW);
		_exit(status ? -status : 100 + device_pin(device(run), IOVA, 4, FRONT_RW));
	}
	need(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status), "a child");
	step_value(run, 0, WEXITSTATUS(status), "child maps, pins and ends");
	do_pin(run, 8, 4, FRONT_RW);
	do_pin(run, 0, 4, FRONT_RW);
	do_access(run, 0, 16, false);
	do_unpin(run, 0, 4);
	do_unmap(run, 0, 32, "what the child mapped");
}

static void vaddr(struct run *run)
{
	char *memory = do_memory(run, 32);

	do_map(run, memory, 0, 16, FRONT_RW, "it");
	step(run, front_drop_vaddr(&run->front, IOVA, 16 * run->page), "drop the address");
	step(run, attach(run, DEVICE_MEDIATED), "attach the test device");
	step(run, front_give_vaddr(&run->front, memory, IOVA, 16 * run->page), "give it");
	front_detach(&run->front, DEVICE_MEDIATED);
	step(run, attach(run, DEVICE_MEDIATED), "attach the test device");
	step(run, front_drop_vaddr(&run->front, IOVA, 16 * run->page), "drop the address");
	do_pin(run, 0, 4, FRONT_RW);
}

const struct scenario mediated_scenarios[] = {
	{ .name = "pins", .detached = true, .steps = pins },
	{ .name = "pins_and_limit", .detached = true, .steps = pins_and_limit },
	{ .name = "with_domain", .detached = true, .steps = with_domain },
	{ .name = "domain_with_hole", .detached = true, .steps = domain_with_hole },
	{ .name = "accesses", .detached = true, .steps = accesses },
	{ .name = "pins_of_the_dead", .detached = true, .steps = owner_dies },
	{ .name = "vaddr_and_pins", .wants = wants_container, .steps = vaddr },
	{}
};
