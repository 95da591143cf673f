/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture of every test here: one front end with a device behind it, in most
 * cases edu, in a process to which RLIMIT_MEMLOCK applies.
 *
 * Its teardown is a test too. Whatever a test did, closing the front end has to
 * bring every counter back to where it was before (rule: nothing is lost). A
 * test that fails on its way is torn down just the same, so one failure may be
 * told twice.
 */
#ifndef PINACCT_TEST_FIXTURE_H
#define PINACCT_TEST_FIXTURE_H

#include <kselftest_harness.h>

#include "counters.h"
#include "front.h"
#include "memory.h"
#include "privilege.h"

/*
 * Seconds after which a test is given up. Not a claim about speed: the machine
 * is emulated, on a host that may have other things to do.
 */
#define TEST_SECONDS 300

#define FRONT_TEST(fixture, name) TEST_F_TIMEOUT(fixture, name, TEST_SECONDS)

/* Where the tests map: below what edu can address, off every 2 MiB boundary. */
#define IOVA 0x1003000UL

/* How many pages a test maps when the number does not matter. */
#define PAGES 24UL

/**
 * struct world - what a test works with
 * @front: the front end
 * @base: the counters before anything was mapped
 * @page: size of a page
 */
struct world {
	struct front front;
	struct counters base;
	size_t page;
};

/* Map pages of memory for reading and writing, so many pages behind IOVA. */
static inline int map_at(struct world *world, const void *memory, unsigned long at,
			 unsigned long npages)
{
	return front_map(&world->front, memory, IOVA + at * world->page, npages * world->page,
			 FRONT_RW);
}

/* The same, for the device to read only. */
static inline int map_read_only(struct world *world, const void *memory, unsigned long at,
				unsigned long npages)
{
	return front_map(&world->front, memory, IOVA + at * world->page, npages * world->page,
			 FRONT_READ);
}

static inline int unmap_at(struct world *world, unsigned long at, unsigned long npages)
{
	return front_unmap(&world->front, IOVA + at * world->page, npages * world->page, NULL);
}

/* Have the mediated device pin pages, and drop such a pin. */
static inline int pin_at(struct world *world, unsigned long at, unsigned int npages, int prot)
{
	return device_pin(world->front.devices[DEVICE_MEDIATED], IOVA + at * world->page, npages,
			  prot);
}

static inline int unpin_at(struct world *world, unsigned long at, unsigned int npages)
{
	return device_unpin(world->front.devices[DEVICE_MEDIATED], IOVA + at * world->page,
			    npages);
}

static inline int limit_pages(struct world *world, unsigned long npages)
{
	return privilege_limit(npages * world->page);
}

/* The steps of the fixture; each asserts, so macros of the harness are used. */
#define WORLD_OPEN(world, front_ops)						\
	do {									\
		(world)->page = memory_page();					\
		ASSERT_EQ(0, front_open(&(world)->front, front_ops)) {		\
			TH_LOG("%s cannot be opened", (front_ops)->name);	\
		}								\
	} while (0)

#define WORLD_ATTACH(world, kind)						\
	ASSERT_EQ(0, front_attach(&(world)->front, kind)) {			\
		TH_LOG("device %d cannot be attached: bound to vfio-pci?", kind);\
	}

#define WORLD_DROP(world)							\
	do {									\
		ASSERT_EQ(0, privilege_drop());					\
		ASSERT_EQ(0, counters_start());					\
		ASSERT_EQ(0, counters_read(&(world)->base));			\
	} while (0)

/* All counters are what they were: nothing is charged, nothing is pinned. */
#define EXPECT_BACK(world)							\
	do {									\
		struct counters _now, _more;					\
		ASSERT_EQ(0, counters_read(&_now));				\
		_more = counters_since(&_now, &(world)->base);			\
		EXPECT_EQ(0, _more.lck);					\
		EXPECT_EQ(0, _more.pin);					\
		EXPECT_EQ(0, _more.user);					\
		EXPECT_EQ(0, _more.held);					\
	} while (0)

/* N pages are charged to whom the front end charges; PINS are held if not -1. */
#define EXPECT_COUNTERS(world, n, pins)						\
	do {									\
		const struct front_ops *_ops = (world)->front.ops;		\
		struct counters _now, _more;					\
		long _n = (n), _pins = (pins);					\
		ASSERT_EQ(0, counters_read(&_now));				\
		_more = counters_since(&_now, &(world)->base);			\
		EXPECT_EQ(_ops->payer == FRONT_PAYER_MM ? _n : 0, _more.lck);	\
		EXPECT_EQ(_ops->payer == FRONT_PAYER_USER ? _n : 0, _more.user);\
		EXPECT_EQ(_ops->iommufd ? _n : 0, _more.pin);			\
		if (_pins >= 0)							\
			EXPECT_EQ(_pins, _more.held);				\
	} while (0)

/* N pages are charged, and each of them is pinned once. */
#define EXPECT_OWED(world, n) EXPECT_COUNTERS(world, n, n)

/* N pages are charged, however many pins that takes. */
#define EXPECT_CHARGED(world, n) EXPECT_COUNTERS(world, n, -1)

/* Memory of COUNT pages of a KIND, see memory.h. */
#define ASSERT_MEMORY(kind, count)						\
	({									\
		void *_memory = memory_##kind((count) * memory_page());		\
		ASSERT_NE(MAP_FAILED, _memory) {				\
			TH_LOG("no " #kind " memory: %s", strerror(errno));	\
		}								\
		_memory;							\
	})

/* Shared memory of COUNT pages of a memfd, and at FILE its file descriptor. */
#define ASSERT_MEMFD(file, count)						\
	({									\
		size_t _size = (count) * memory_page();				\
		int _fd = memory_memfd(_size);					\
		void *_memory;							\
		ASSERT_LE(0, _fd);						\
		_memory = memory_of_file(_fd, _size);				\
		ASSERT_NE(MAP_FAILED, _memory);					\
		*(file) = _fd;							\
		_memory;							\
	})

/* Do a step as root, which the process is not otherwise. */
#define AS_ROOT(step)								\
	do {									\
		ASSERT_EQ(0, privilege_root(true));				\
		step;								\
		ASSERT_EQ(0, privilege_root(false));				\
	} while (0)

/* A fixture: a front end, with a device of some kind behind it or NO_DEVICE. */
#define FRONT_FIXTURE(fixture, device)						\
	FIXTURE(fixture)							\
	{									\
		struct world world;						\
	};									\
	FIXTURE_VARIANT(fixture)						\
	{									\
		const struct front_ops *ops;					\
	};									\
	FIXTURE_SETUP(fixture)							\
	{									\
		WORLD_OPEN(&self->world, variant->ops);				\
		if ((device) != NO_DEVICE)					\
			WORLD_ATTACH(&self->world, device);			\
		WORLD_DROP(&self->world);					\
	}									\
	FIXTURE_TEARDOWN(fixture)						\
	{									\
		front_close(&self->world.front);				\
		EXPECT_BACK(&self->world);					\
	}

#define NO_DEVICE DEVICE_KINDS

/* The tests of a fixture are run on one front end more. */
#define ON_FRONT(fixture, front)						\
	FIXTURE_VARIANT_ADD(fixture, front)					\
	{									\
		.ops = &front_##front,						\
	}

#define ON_EVERY_FRONT(fixture)							\
	ON_FRONT(fixture, type1_v1);						\
	ON_FRONT(fixture, type1_v2);						\
	ON_FRONT(fixture, iommufd_user);					\
	ON_FRONT(fixture, iommufd_process);					\
	ON_FRONT(fixture, compat_v1);						\
	ON_FRONT(fixture, compat_v2)

/* Its v1 interfaces have nothing of their own in what is tested with it. */
#define ON_EVERY_V2_FRONT(fixture)						\
	ON_FRONT(fixture, type1_v2);						\
	ON_FRONT(fixture, iommufd_user);					\
	ON_FRONT(fixture, iommufd_process);					\
	ON_FRONT(fixture, compat_v2)

FRONT_FIXTURE(front, DEVICE_EDU)
ON_EVERY_FRONT(front);

#endif
