// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does one more container cost more where there are many?
 *
 * Type1's take a group each, so each has a device without hardware, which pins
 * what it is told to. With iommufd an IO address space needs no device of its own
 * to have an IOMMU domain.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "memory.h"
#include "scale.h"

/* Pages of each */
#define EACH 16

/* What is done with each: */
static void one_open(struct front *front, unsigned long i, char *memory)
{
	device_mediated(i);
	check(front_attach(front, DEVICE_MEDIATED), "attach");
}

static void one_map(struct front *front, unsigned long i, char *memory)
{
	check(front_map(front, memory, IOVA, EACH * memory_page(), FRONT_RW), "map");
}

static void one_pin(struct front *front, unsigned long i, char *memory)
{
	int rc = device_pin(front->devices[DEVICE_MEDIATED], IOVA, EACH, FRONT_RW);

	check(rc == EACH ? 0 : rc < 0 ? rc : -EIO, "pin");
}

static void one_unpin(struct front *front, unsigned long i, char *memory)
{
	check(device_unpin(front->devices[DEVICE_MEDIATED], IOVA, EACH), "unpin");
}

static void one_unmap(struct front *front, unsigned long i, char *memory)
{
	check(front_unmap(front, IOVA, EACH * memory_page(), NULL), "unmap");
}

static void one_close(struct front *front, unsigned long i, char *memory)
{
	front_close(front);
}

/* each STEP: of every container, in order */
static void each(const char *step, void (*one)(struct front *front, unsigned long i, char *memory),
		 struct front *fronts, unsigned long n, char *memory)
{
	unsigned long long began = ticks();

	for (unsigned long i = 0; i < n; i++)
		one(&fronts[i], i, memory + i * EACH * memory_page());
	tell(step, ticks() - began);
}

static void containers_of(const struct way *way, unsigned long n)
{
	struct front *fronts = calloc(n, sizeof(*fronts));
	const size_t size = n * EACH * memory_page();
	char *memory;
	long before;

	start("containers", way->name, n);
	check(fronts ? 0 : -ENOMEM, "memory");
	memory = touched(size);
	as_root(true);
	for (unsigned long i = 0; i < n; i++)
		check(front_open(&fronts[i], way->ops), "open");
	each("attach", one_open, fronts, n, memory);
	as_root(false);

	before = kept();
	each("map", one_map, fronts, n, memory);
	each("pin", one_pin, fronts, n, memory);
	tell("kept", kept() - before);
	each("unpin", one_unpin, fronts, n, memory);
	each("unmap", one_unmap, fronts, n, memory);
	each("close", one_close, fronts, n, memory);
	munmap(memory, size);
	free(fronts);
}

/**
 * containers - many containers, or iommufds, each with a device that pins
 * @n: how many
 */
void containers(unsigned long n)
{
	for (size_t i = 0; i < nways; i++)
		containers_of(&ways[i], n);
}

/**
 * spaces - many IO address spaces of an iommufd, each with an IOMMU domain
 * @n: how many
 */
void spaces(unsigned long n)
{
	const size_t each = EACH * memory_page();
	char *memory = touched(n * each);
	unsigned long long began;
	struct front front;
	__u32 *ioas, hwpt;
	long before;

	start("spaces", "iommufd", n);
	ioas = calloc(n, sizeof(*ioas));
	check(ioas ? 0 : -ENOMEM, "memory");
	open_way(&front, &ways[1]);

	began = ticks();
	for (unsigned long i = 0; i < n; i++) {
		check(front_alloc_ioas(&front, &ioas[i]), "IOAS");
		front.ioas = ioas[i];
		check(front_alloc_domain(&front, DEVICE_EDU, &hwpt), "domain");
	}
	tell("make", ticks() - began);

	before = kept();
	began = ticks();
	for (unsigned long i = 0; i < n; i++) {
		front.ioas = ioas[i];
		check(front_map(&front, memory + i * each, IOVA, each, FRONT_RW), "map");
	}
	tell("map", ticks() - began);
	tell("kept", kept() - before);

	began = ticks();
	for (unsigned long i = 0; i < n; i++) {
		front.ioas = ioas[i];
		check(front_unmap(&front, IOVA, each, NULL), "unmap");
	}
	tell("unmap", ticks() - began);

	began = ticks();
	front_close(&front);
	tell("close", ticks() - began);
	munmap(memory, n * each);
	free(ioas);
}
