// SPDX-License-Identifier: GPL-2.0-only
/*
 * What RLIMIT_MEMLOCK does a VM take?
 *
 * QEMU maps for each address space that a device uses whatever looks like memory
 * to the guest, and the kernel charges it all. What QEMU maps changes while
 * firmware runs, so the sum is of the most that is mapped at one time:
 *
 * - RAM. What of it is hidden below 1 MiB comes and goes: firmware, ROMs and RAM
 *   take turns there, and as much is mapped in all.
 * - firmware that is mapped below 4 GiB besides: 256 KiB of SeaBIOS. Firmware in
 *   flash is no memory as long as it is not written.
 * - video RAM, from when firmware switches the card on. The 128 KiB at 0xa0000 are
 *   the card's then; q35 shows RAM there for a moment even so, when firmware sets
 *   up SMM, and the card shows video RAM in some modes.
 * - one option ROM of an emulated device at a time, while firmware copies it.
 *
 * Behind an IOMMU of the guest each assigned device has an address space of its
 * own. QEMU's trace events vfio_listener_region_add_ram and vfio_listener_region_del
 * show all of it.
 *
 * What was never written when it was mapped read-only is charged as a private
 * copy of the zero page: those may exceed the limit by zero_slack_mb, and are not
 * charged with zero_page=ignore. It is true of SeaBIOS's 256 KiB, and of the ROM
 * area below 1 MiB when a machine is reset.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "vm.h"

/* What shows at 0xa0000 instead of RAM where there is a VGA card. */
#define VGA_WINDOW	(128 * KIB)
/* The ROM area at 0xc0000, before it is RAM. */
#define ROM_AREA	(128 * KIB)
/* The copy of flash at 0xe0000, before it is RAM. */
#define FLASH_COPY	(128 * KIB)
/* What libvirt adds to be on the safe side. */
#define LIBVIRT_MORE	(1024 * MIB)
/* QEMU's NVMe driver maps every block of memory that QEMU has: flash, ACPI tables,
 * ROMs, and its own queues.
 */
#define NVME_MORE	(16 * MIB)

static void add(struct row *rows, unsigned int *nr, const char *what, int64_t bytes)
{
	if (bytes)
		rows[(*nr)++] = (struct row){ what, bytes };
}

static void add_up_space(struct need *need, const struct vm *vm)
{
	uint64_t rom = vm->rom;

	for (unsigned int i = 0; i < vm->nr_parts; i++)
		add(need->each, &need->nr_each, vm->parts[i].what, vm->parts[i].bytes);
	add(need->each, &need->nr_each, "firmware below 4 GiB", vm->firmware);
	add(need->each, &need->nr_each, text("video RAM (%s)", vm->video_what ?: "none"),
	    vm->video);
	add(need->each, &need->nr_each, "memory shared with other VMs", vm->shmem);
	/* It is mapped where the VGA window is not, which was counted as RAM. */
	if (vm->vga)
		rom -= rom < VGA_WINDOW ? rom : VGA_WINDOW;
	add(need->each, &need->nr_each, "an option ROM, while firmware copies it", rom);

	for (unsigned int i = 0; i < need->nr_each; i++)
		need->space += need->each[i].bytes;
}

/* Moments in which two address spaces do not show the same. */
static uint64_t out_of_step(const struct vm *vm)
{
	return vm->uefi ? ROM_AREA + FLASH_COPY : ROM_AREA;
}

/* Of what is charged at the worst moment, how much is zero COWs? */
static uint64_t zero_cows(const struct need *need, const struct vm *vm, bool once)
{
	uint64_t firmware = vm->uefi ? 0 : vm->firmware;

	if (once)
		return need->spaces > 1 ? firmware + ROM_AREA : firmware;
	return need->spaces * firmware;
}

static void add_up_charges(struct need *need, const struct vm *vm, const struct params *params)
{
	uint64_t cows = zero_cows(need, vm, params->charge_once);
	uint64_t slack = params->zero_slack_mb * MIB;
	uint64_t sum = need->space * need->spaces;

	if (params->charge_once && need->spaces > 1) {
		add(need->more, &need->nr_more, "charged once (charge_once=Y)",
		    -(int64_t)(need->space * (need->spaces - 1)));
		add(need->more, &need->nr_more, "while one of them is changed and another not yet",
		    out_of_step(vm));
	}
	if (params->zero_page == ZERO_PAGE_IGNORE)
		add(need->more, &need->nr_more, "zero pages, not charged (zero_page=ignore)",
		    -(int64_t)cows);
	else if (slack)
		add(need->more, &need->nr_more, "zero COWs within the slack (zero_slack_mb)",
		    -(int64_t)(cows < slack ? cows : slack));
	if (vm->nvme) {
		uint64_t nvme = vm->nvme * (need->space + NVME_MORE);

		add(need->more, &need->nr_more,
		    text("%u NVMe disk%s that QEMU drives itself, about", vm->nvme,
			 plural(vm->nvme)), nvme);
	}

	for (unsigned int i = 0; i < need->nr_more; i++)
		sum += need->more[i].bytes;
	need->bytes = sum;
}

/* libvirt's own rule (11.3): qemuDomainGetMemLockLimitBytes(). */
static void ask_libvirt(struct need *need, const struct vm *vm)
{
	unsigned int assigned = vm->devices + vm->mediated;
	unsigned int times = vm->nvme + vm->vdpa;

	if (assigned)
		times += vm->viommu ? assigned : 1;

	if (vm->hard_limit != UNLIMITED) {
		need->libvirt = vm->hard_limit;
		need->libvirt_why = "<hard_limit>";
	} else if (vm->locked) {
		need->libvirt = UNLIMITED;
		need->libvirt_why = "<locked/>";
	} else if (times) {
		need->libvirt = times * vm->total + LIBVIRT_MORE;
		need->libvirt_why = times == 1 ? "its memory and 1 GiB" :
			text("%u times its memory, and 1 GiB", times);
	}
}

/**
 * need_add_up - what limit it takes
 * @need: is filled in
 * @vm: the VM
 * @params: of the kernel
 */
void need_add_up(struct need *need, const struct vm *vm, const struct params *params)
{
	uint64_t later = 0;

	memset(need, 0, sizeof(*need));
	/* A mediated device's driver pins when it likes, in type1 as much as all. */
	if (vm->devices || vm->mediated)
		need->spaces = 1;
	if (vm->viommu && vm->devices + vm->mediated > 1)
		need->spaces = vm->devices + vm->mediated;

	add_up_space(need, vm);
	add_up_charges(need, vm, params);
	ask_libvirt(need, vm);

	for (unsigned int i = 0; i < vm->nr_parts; i++)
		later += vm->parts[i].most - vm->parts[i].bytes;
	need->most = need->bytes +
		     later * (params->charge_once && need->spaces ? 1 : need->spaces + vm->nvme);

	if (need->spaces && params->zero_page == ZERO_PAGE_STRICT)
		need->never = "with zero_page=strict no VM starts whose firmware or ROM area was never written, which is so with every QEMU: set zero_page=cow or ignore (pinacct tune set zero_page=cow)";
}
