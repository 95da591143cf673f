// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the assigned disk reach the guest's memory, where the firmware is UEFI? The
 * same as boot.S, in the same words on the same serial port: every whole disk but
 * the one this program was started from, 64 KiB by EFI_BLOCK_IO_PROTOCOL.
 *
 * The names are the UEFI specification's. Of its tables only what is used here is
 * spelt out. Built by esp.sh, for the calling convention of UEFI. There is nothing to
 * relocate: no pointer is initialised.
 */
#include <stdint.h>
#include <stddef.h>

#define SERIAL		0x3f8
#define SERIAL_STATUS	(SERIAL + 5)
#define SERIAL_ROOM	0x20
#define READ_BYTES	65536

enum { ALL_HANDLES, BY_REGISTER_NOTIFY, BY_PROTOCOL };
enum { ALLOCATE_ANY_PAGES };
enum { EFI_LOADER_DATA = 2 };
enum { END_OF_PATH = 0x7f };

struct guid {
	uint32_t a;
	uint16_t b, c;
	uint8_t d[8];
};

static const struct guid loaded_image_guid = {
	0x5b1b31a1, 0x9562, 0x11d2, { 0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b }
};

static const struct guid device_path_guid = {
	0x09576e91, 0x6d3f, 0x11d2, { 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b }
};

static const struct guid block_io_guid = {
	0x964e5b21, 0x6459, 0x11d2, { 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b }
};

struct boot_services {
	char header[24];
	void *before_pages[2];
	uint64_t (*allocate_pages)(int how, int kind, size_t pages, uint64_t *address);
	void *before_handle[13];
	uint64_t (*handle_protocol)(void *handle, const struct guid *guid, void **what);
	void *before_connect[13];
	uint64_t (*connect_controller)(void *handle, void *drivers, void *path,
				       uint8_t recursive);
	void *before_locate[5];
	uint64_t (*locate_handle_buffer)(int how, const struct guid *guid, void *key,
					 size_t *count, void ***handles);
};

struct system_table {
	char header[24];
	void *before_boot[9];
	struct boot_services *boot;
};

struct loaded_image {
	uint32_t revision;
	void *parent;
	void *table;
	void *device;
};

struct block_media {
	uint32_t id;
	uint8_t removable;
	uint8_t present;
	uint8_t partition;
	uint8_t read_only;
	uint8_t caching;
	uint32_t block_size;
};

struct block_io {
	uint64_t revision;
	struct block_media *media;
	void *reset;
	uint64_t (*read_blocks)(struct block_io *disk, uint32_t media, uint64_t block,
				size_t bytes, void *to);
};

static void put(char c)
{
	uint8_t status;

	do {
		asm volatile("inb %w1, %b0" : "=a" (status) : "d" (SERIAL_STATUS));
	} while (!(status & SERIAL_ROOM));
	asm volatile("outb %b0, %w1" : : "a" (c), "d" (SERIAL));
}

static void print(const char *s)
{
	while (*s)
		put(*s++);
}

static void print_hex(uint32_t n, int digits)
{
	while (digits--)
		put("0123456789ABCDEF"[n >> (4 * digits) & 15]);
}

/* Whether @what is @disk or a part of it: its path begins with that of @disk. */
static int is_on(struct boot_services *boot, void *what, void *disk)
{
	const uint8_t *path, *begin;
	size_t length, i;

	if (boot->handle_protocol(what, &device_path_guid, (void **)&path) ||
	    boot->handle_protocol(disk, &device_path_guid, (void **)&begin))
		return 0;
	while (*begin != END_OF_PATH) {
		length = begin[2] | begin[3] << 8;
		for (i = 0; i < length; i++) {
			if (path[i] != begin[i])
				return 0;
		}
		path += length;
		begin += length;
	}
	return 1;
}

/* Prints the sum, or "failed". volatile: the device writes the words. */
static void read_disk(struct block_io *disk, volatile uint32_t *words)
{
	size_t n = READ_BYTES / sizeof(*words), i;
	uint32_t sum = 0;

	for (i = 0; i < n; i++)
		words[i] = 0;
	if (disk->read_blocks(disk, disk->media->id, 0, READ_BYTES, (void *)words)) {
		print("failed");
		return;
	}
	for (i = 0; i < n; i++)
		sum += words[i];
	print_hex(sum, 8);
}

static void read_disks(struct boot_services *boot, void *self)
{
	struct loaded_image *image;
	struct block_io *disk;
	uint64_t buffer;
	void **handles;
	size_t count, i;
	int n = 0;

	if (boot->handle_protocol(self, &loaded_image_guid, (void **)&image) ||
	    boot->allocate_pages(ALLOCATE_ANY_PAGES, EFI_LOADER_DATA, READ_BYTES / 4096, &buffer) ||
	    boot->locate_handle_buffer(ALL_HANDLES, NULL, NULL, &count, &handles)) {
		print("L2: failed\n");
		return;
	}

	/* The firmware starts no driver for what it does not boot from. */
	for (i = 0; i < count; i++)
		boot->connect_controller(handles[i], NULL, NULL, 1);

	if (boot->locate_handle_buffer(BY_PROTOCOL, &block_io_guid, NULL, &count, &handles)) {
		print("L2: failed\n");
		return;
	}
	for (i = 0; i < count; i++) {
		if (boot->handle_protocol(handles[i], &block_io_guid, (void **)&disk) ||
		    disk->media->partition || !disk->media->present ||
		    is_on(boot, image->device, handles[i]))
			continue;
		print("L2: disk ");
		print_hex(++n, 1);
		put(' ');
		read_disk(disk, (uint32_t *)buffer);
		put('\n');
	}
}

uint64_t efi_main(void *self, struct system_table *system)
{
	/* The firmware's own messages may have left the cursor anywhere. */
	print("\nL2: up\n");
	read_disks(system->boot, self);
	print("L2: done\n");
	for (;;)
		asm volatile("cli; hlt");
}
