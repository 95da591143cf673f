// SPDX-License-Identifier: GPL-2.0-only
/* What the questions about growth share: front ends, memory, and what is kept. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "privilege.h"
#include "scale.h"

const struct way ways[] = {
	{ "type1", &front_type1_v2 },
	{ "iommufd", &front_iommufd_process },
	{ "iommufd-user", &front_iommufd_user },
	{ "compat", &front_compat_v2 },
};

const size_t nways = ARRAY_SIZE(ways);

/**
 * as_root - be root for a step, as the open of a device takes
 * @on: false to be the user again who is charged
 */
void as_root(bool on)
{
	check(privilege_root(on), on ? "not root" : "still root");
}

/**
 * open_way - open a front end, with the edu device behind it
 * @front: is opened
 * @way: which
 */
void open_way(struct front *front, const struct way *way)
{
	as_root(true);
	check(front_open(front, way->ops), "open");
	check(front_attach(front, DEVICE_EDU), "attach");
	as_root(false);
}

/**
 * untouched - private memory that is nowhere yet
 * @size: in bytes
 *
 * Return: its address; munmap() frees it
 */
void *untouched(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	check(memory == MAP_FAILED ? -errno : 0, "memory");
	/* Small pages, however it lies. */
	check(madvise(memory, size, MADV_NOHUGEPAGE) ? -errno : 0, "madvise");
	return memory;
}

/**
 * touched - the same, written
 * @size: in bytes
 */
void *touched(size_t size)
{
	return memset(untouched(size), 0x5a, size);
}

/**
 * one_row - private memory whose pages lie in a row, whatever others were free
 *
 * Return: the address of MEMORY_HUGE bytes; munmap() frees them
 */
void *one_row(void)
{
	char *memory = memory_transparent_huge(MEMORY_HUGE);

	check(memory == MAP_FAILED ? -ENOMEM : 0, "memory");
	memory[0] = 1;
	return memory;
}

/**
 * map_pages - map memory page by page, no two side by side
 * @front: open
 * @memory: of @n pages
 * @n: how many
 *
 * Return: the ticks that it took
 */
unsigned long long map_pages(struct front *front, char *memory, unsigned long n)
{
	const size_t page = memory_page();
	unsigned long long began = ticks();
	int rc = 0;

	for (unsigned long i = 0; i < n && !rc; i++)
		rc = front_map(front, memory + i * page, IOVA + i * APART, page, FRONT_RW);
	began = ticks() - began;
	check(rc, "map");
	return began;
}

/**
 * unmap_pages - undo it, page by page
 * @front: open
 * @n: how many pages
 *
 * Return: the ticks that it took
 */
unsigned long long unmap_pages(struct front *front, unsigned long n)
{
	unsigned long long began = ticks();
	int rc = 0;

	for (unsigned long i = 0; i < n && !rc; i++)
		rc = front_unmap(front, IOVA + i * APART, memory_page(), NULL);
	began = ticks() - began;
	check(rc, "unmap");
	return began;
}

static void write_1(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	check(fd < 0 || write(fd, "1", 1) != 1 ? -errno : 0, path);
	close(fd);
}

/* What is free, and kept for what is allocated next, is not in use. */
static void shrink_caches(void)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir("/sys/kernel/slab");

	check(dir ? 0 : -errno, "/sys/kernel/slab");
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", entry->d_name);
		if (entry->d_name[0] != '.')
			write_1(path);
	}
	closedir(dir);
}

/**
 * kept - how much the kernel has allocated for itself
 *
 * Return: bytes of its slabs that nothing can be reclaimed of, page tables apart
 */
long kept(void)
{
	char line[128];
	long kib = -1;
	FILE *file;

	as_root(true);
	/* Some is freed a little later. */
	usleep(100000);
	shrink_caches();
	write_1("/proc/sys/vm/stat_refresh");
	as_root(false);
	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "SUnreclaim: %ld kB", &kib) == 1)
			break;
	check(kib < 0 ? -ENODATA : 0, "SUnreclaim in /proc/meminfo");
	fclose(file);
	return kib << 10;
}
