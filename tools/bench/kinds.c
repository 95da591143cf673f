// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kinds of memory that the benchmark maps: how each is made.
 *
 * A kind is what its name says, or there is none: a huge page that was not to be
 * had is an error, and not a row of small ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "counters.h"
#include "front.h"
#include "kinds.h"
#include "memory.h"
#include "pinacct_floor.h"

#define HUGE_2M (2UL << 20)
#define HUGE_1G (1UL << 30)

/* log2 of a huge page's size, as mmap() and memfd_create() want it */
#define ENCODED(page) (__builtin_ctzl(page) << MAP_HUGE_SHIFT)

static void *touched(size_t size)
{
	return memory_anonymous(size);
}

/*
 * Rows of so many pages, and no two rows in a row: the kernel hands out
 * neighbours one after the other, and they go to addresses whose row numbers are
 * the count read backwards.
 */
static void *in_rows(size_t size, size_t row)
{
	const size_t nrows = size / memory_page() / row;
	char *memory = memory_untouched(size);

	for (size_t i = 0; memory != MAP_FAILED && i < nrows * row; i++) {
		size_t reversed = 0;

		for (size_t bit = 1; bit < nrows; bit <<= 1)
			reversed = reversed << 1 | !!(i / row & bit);
		memory[(reversed * row + i % row) * memory_page()] = 0x5a;
	}
	return memory;
}

static void *scattered(size_t size)
{
	return in_rows(size, 1);
}

static void *pairs(size_t size)
{
	return in_rows(size, 2);
}

static void *huge_untouched(size_t size)
{
	char *memory = mmap(NULL, size + HUGE_2M, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return MAP_FAILED;
	memory += -(uintptr_t)memory & (HUGE_2M - 1);
	return madvise(memory, size, MADV_HUGEPAGE) ? MAP_FAILED : memory;
}

static void *reserved(size_t size, int flags)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_ANONYMOUS | MAP_HUGETLB | flags, -1, 0);

	if (memory != MAP_FAILED)
		memset(memory, 0x5a, size);
	return memory;
}

static void *private_2m(size_t size)
{
	return reserved(size, MAP_PRIVATE | ENCODED(HUGE_2M));
}

static void *shared_2m(size_t size)
{
	return reserved(size, MAP_SHARED | ENCODED(HUGE_2M));
}

static void *private_1g(size_t size)
{
	return reserved(size, MAP_PRIVATE | ENCODED(HUGE_1G));
}

static void *shared_1g(size_t size)
{
	return reserved(size, MAP_SHARED | ENCODED(HUGE_1G));
}

static int file(size_t size, int flags)
{
	int fd = memfd_create("bench", MFD_CLOEXEC | flags);

	if (fd >= 0 && !ftruncate(fd, size))
		return fd;
	return -errno;
}

static int file_4k(size_t size)
{
	return file(size, 0);
}

static int file_2m(size_t size)
{
	return file(size, MFD_HUGETLB | ENCODED(HUGE_2M));
}

static int file_1g(size_t size)
{
	return file(size, MFD_HUGETLB | ENCODED(HUGE_1G));
}

const struct kind kinds[] = {
	{ .name = "4k", .make = touched, .prot = FRONT_RW, .askew = true, .again = true },
	{ .name = "4k-scattered", .make = scattered, .prot = FRONT_RW, .again = true },
	{ .name = "4k-pairs", .make = pairs, .prot = FRONT_RW },
	{ .name = "thp", .make = memory_transparent_huge, .page = HUGE_2M, .prot = FRONT_RW,
	  .floor = FLOOR_LEAF, .again = true },
	{ .name = "hugetlb-2m", .make = private_2m, .page = HUGE_2M, .prot = FRONT_RW,
	  .floor = FLOOR_LEAF },
	{ .name = "hugetlb-2m-shared", .make = shared_2m, .page = HUGE_2M, .prot = FRONT_RW,
	  .floor = FLOOR_FILE },
	{ .name = "hugetlb-1g", .make = private_1g, .page = HUGE_1G, .prot = FRONT_RW,
	  .floor = FLOOR_LEAF },
	{ .name = "hugetlb-1g-shared", .make = shared_1g, .page = HUGE_1G, .prot = FRONT_RW,
	  .floor = FLOOR_FILE },
	{ .name = "memfd-4k", .file = file_4k, .prot = FRONT_RW, .askew = true, .again = true },
	/* It takes "advise" in /sys/kernel/mm/transparent_hugepage/shmem_enabled. */
	{ .name = "memfd-thp", .file = file_4k, .page = HUGE_2M, .prot = FRONT_RW,
	  .floor = FLOOR_FILE },
	{ .name = "memfd-2m", .file = file_2m, .page = HUGE_2M, .prot = FRONT_RW,
	  .floor = FLOOR_FILE },
	{ .name = "memfd-1g", .file = file_1g, .page = HUGE_1G, .prot = FRONT_RW,
	  .floor = FLOOR_FILE },
	{ .name = "4k-untouched", .make = memory_untouched, .prot = FRONT_RW, .untouched = true,
	  .askew = true },
	/* Not said to be of huge pages, since it is not, before it is mapped. */
	{ .name = "thp-untouched", .make = huge_untouched, .prot = FRONT_RW, .untouched = true },
	{ .name = "ro-4k", .make = touched, .prot = FRONT_READ, .askew = true },
	{ .name = "ro-untouched", .make = memory_untouched, .prot = FRONT_READ,
	  .untouched = true, .askew = true },
	{ .name = "page-by-page", .make = touched, .prot = FRONT_RW, .askew = true, .by_page = true },
	/* A device's memory is made by who has the device. */
	{ .name = "bar", .prot = FRONT_RW, .floor = FLOOR_DEVICE },
};

const size_t nkinds = sizeof(kinds) / sizeof(*kinds);

/* Map all of a file and write it, at an address that huge pages can have. */
static char *map_file(int fd, size_t size, size_t page)
{
	const size_t align = page ?: memory_page();
	char *address;

	/* What is reserved in excess stays so, until the program ends. */
	address = mmap(NULL, size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (address == MAP_FAILED)
		return MAP_FAILED;
	address += -(uintptr_t)address & (align - 1);
	address = mmap(address, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (address == MAP_FAILED)
		return MAP_FAILED;
	madvise(address, size, page ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	memset(address, 0x5a, size);
	return address;
}

/**
 * kind_runs - how many rows of neighbours does memory consist of?
 * @memory: of which all pages are there
 *
 * Needs root.
 *
 * Return: the number; or -errno
 */
long kind_runs(const struct memory *memory)
{
	const uint64_t pfn_bits = (1UL << 55) - 1;
	uint64_t entries[512], next = 0;
	size_t npages = memory->size / memory_page();
	off_t at = (uintptr_t)memory->address / memory_page() * sizeof(*entries);
	long runs = 0;
	int fd;

	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (npages) {
		ssize_t n = npages < 512 ? npages : 512;

		n = pread(fd, entries, n * sizeof(*entries), at) / (ssize_t)sizeof(*entries);
		if (n <= 0) {
			runs = -EIO;
			break;
		}
		for (ssize_t i = 0; i < n; i++) {
			uint64_t pfn = entries[i] & pfn_bits;

			runs += pfn != next;
			next = pfn + 1;
		}
		npages -= n;
		at += n * sizeof(*entries);
	}
	close(fd);
	return runs;
}

static int make_once(const struct kind *kind, size_t size, struct memory *memory)
{
	*memory = (struct memory){ .fd = -1, .size = size };
	if (kind->file) {
		memory->fd = kind->file(size);
		if (memory->fd < 0)
			return memory->fd;
		memory->address = map_file(memory->fd, size, kind->page);
	} else {
		memory->address = kind->make(size);
	}
	return memory->address == MAP_FAILED ? -errno : 0;
}

/**
 * kind_make - make memory of a kind
 * @kind: which
 * @size: in bytes; a multiple of the kind's huge pages
 * @memory: gets it; kind_free() frees it
 *
 * Return: 0, or -errno: -ENOMEM if there were not enough huge pages
 */
int kind_make(const struct kind *kind, size_t size, struct memory *memory)
{
	int rc = make_once(kind, size, memory);

	/*
	 * Reserved pages come back in the order in which they were freed: backwards,
	 * every other time, and then no two of them are in a row.
	 */
	if (!rc && kind->page && kind_runs(memory) * kind->page > size / 2) {
		kind_free(memory);
		rc = make_once(kind, size, memory);
	}
	if (rc)
		return rc;
	if (kind->page && counters_huge(memory->address) * memory_page() != size)
		return -ENOMEM;
	return 0;
}

/**
 * kind_free - free memory that kind_make() made
 * @memory: it
 */
void kind_free(struct memory *memory)
{
	munmap(memory->address, memory->size);
	if (memory->fd >= 0)
		close(memory->fd);
}
