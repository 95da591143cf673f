// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever fails inside of the layer, nothing is lost.
 *
 * Each step below is done over and over. The first time the first thing in it that
 * can fail does (an allocation, or a copy from or to the caller where the kernel
 * injects those), then the second, until there is none left. In between everything
 * is as before: charges, pins, ledgers, and the same step works.
 *
 * Guards: that a step either was done, or was not and says so. Fails if the caller
 * is told that all is well when it is not, if a page stays pinned or charged, if
 * a ledger stays, or if what is not done any more cannot be done again. How many
 * points were passed is printed and may not fall: code that is not come to is not
 * tested. Where fewer allocations are made on purpose, the floors follow.
 */
#include <errno.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#include "child.h"
#include "fault.h"
#include "map_file.h"
#include "rule.h"

/* Enough for a chunk of extents that holds as many runs as it can, and one more. */
#define SCATTERED 1024UL

/* Whether type1 maps page by page, so that a run can fail in its middle */
#define IN_STEPS "../../vfio_iommu_type1/parameters/disable_hugepages"

#define FAIL_FIXTURE(fixture)							\
	FIXTURE(fixture)							\
	{									\
		struct world world;						\
		struct fault fault;						\
		int ask;							\
	};									\
	FIXTURE_VARIANT(fixture)						\
	{									\
		const struct front_ops *ops;					\
	};									\
	FIXTURE_TEARDOWN(fixture)						\
	{									\
		front_close(&self->world.front);				\
		EXPECT_NOTHING(&self->world);					\
		EXPECT_EQ(0, params_defaults());				\
		if (!variant->ops->iommufd)					\
			EXPECT_EQ(0, params_set(IN_STEPS, "N"));		\
	}

/* What follows in a fixture's setup once faults can be injected */
#define FAIL_SETUP(device)							\
	do {									\
		ASSERT_EQ(0, params_defaults());				\
		WORLD_OPEN(&self->world, variant->ops);				\
		WORLD_ATTACH(&self->world, device);				\
		WORLD_DROP(&self->world);					\
		self->ask = ask_open();						\
		ASSERT_LE(0, self->ask);					\
	} while (0)

#define NO_FAULTS "this kernel injects no faults"

/* Do a step with its next point failing; what it returns without is WANT. */
#define FAULTY(step, want)							\
	({									\
		int _rc;							\
		ASSERT_EQ(0, fault_arm(&self->fault));				\
		_rc = (step);							\
		ASSERT_EQ(0, fault_disarm(&self->fault));			\
		ASSERT_TRUE(_rc == (want) ||					\
			    (self->fault.nth && self->fault.hit && _rc < 0)) {	\
			TH_LOG("%d, not %d, with fault %u", _rc, want, self->fault.nth);\
		}								\
		_rc;								\
	})

/* The body that follows puts back what STEP did, whose result it has in rc. */
#define SWEEP(step, want)							\
	fault_begin(&self->fault);						\
	for (int rc __attribute__((__unused__));				\
	     fault_next(&self->fault) && (rc = FAULTY(step, want), true);)

/*
 * The step has so many points: with type1, native iommufd, /dev/iommu as VFIO. Two
 * fewer will do: a page that the slab allocator takes for itself is a point as well.
 */
#define EXPECT_POINTS(type1, native, compat)					\
	do {									\
		const struct front_ops *_ops = variant->ops;			\
		unsigned int _points = fault_points(&self->fault);		\
		unsigned int _least = !_ops->iommufd ? (type1) :		\
				      !_ops->type ? (native) : (compat);	\
		TH_LOG("points: %u on %s", _points, _ops->name);		\
		EXPECT_LE(_least > 2 ? _least - 2 : !!_least, _points);		\
	} while (0)

/* Nothing is charged or pinned, and no payer has a ledger any more. */
#define EXPECT_NOTHING(world)							\
	do {									\
		EXPECT_BACK(world);						\
		EXPECT_EQ(0, ledgers()) {					\
			TH_LOG("a ledger is left");				\
		}								\
	} while (0)

/*
 * What a fault may be told as: no memory; a bad address, where one of user space's was
 * copied; and by iommufd, which has points of its own, something that is not there.
 */
#define EXPECT_EXCUSE(rc)							\
	do {									\
		int _said = (rc);						\
		EXPECT_TRUE(!_said || _said == -EFAULT || not_done(_said)) {	\
			TH_LOG("errno %d with fault %u", -_said, self->fault.nth);\
		}								\
	} while (0)

/* EFAULT does not tell: the answer may have been what could not be copied. */
static bool not_done(int rc)
{
	return rc == -ENOMEM || rc == -ENOENT;
}

/* The project's own kernels all inject faults. */
static bool own_kernel(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.release, "-pinacct-");
}

/* How many ledgers there are, or -1 */
static int ledgers(void)
{
	char line[256];
	uid_t user = geteuid();
	int n = -1;
	FILE *file;

	if (user && seteuid(0))
		return -1;
	file = fopen("/sys/kernel/debug/pinacct/ledgers", "re");
	if (user && seteuid(user))
		n = -2;
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		n++;
	fclose(file);
	return n;
}

/*
 * Memory in which no two pages in a row are neighbours: what was touched one after
 * the other is two pages apart.
 */
static void *memory_scattered(size_t size)
{
	char *memory = memory_untouched(size);
	size_t page = memory_page(), at;

	if (memory == MAP_FAILED)
		return MAP_FAILED;
	for (at = 0; at < size; at += 2 * page)
		memory[at] = 1;
	for (at = page; at < size; at += 2 * page)
		memory[at] = 1;
	return memory;
}

FAIL_FIXTURE(fail)
ON_EVERY_FRONT(fail);

FIXTURE_SETUP(fail)
{
	int rc;

	rc = fault_open(&self->fault);
	if (rc == -ENOENT && !own_kernel())
		SKIP(return, NO_FAULTS);
	ASSERT_EQ(0, rc);
	FAIL_SETUP(DEVICE_EDU);
}

/*
 * The mapping is there, or it is not. A fault behind its end, when the answer is
 * copied to the caller, says EFAULT of one that is there, as mainline does.
 */
#define SWEEP_MAP(npages, map)							\
	do {									\
		SWEEP(map, 0) {							\
			EXPECT_EXCUSE(rc);					\
			if (!rc)						\
				EXPECT_CHARGED(w, npages);			\
			if (!not_done(rc))					\
				front_unmap_all(&w->front, NULL);		\
			EXPECT_NOTHING(w);					\
		}								\
	} while (0)

/*
 * Pages behind IOVA where nothing was mapped by a step before: an IOMMU driver may
 * keep its tables when it unmaps, and would not need memory for them again.
 */
static unsigned long at_new_tables(const struct fault *fault)
{
	return fault->nth * 2 * MEMORY_HUGE / memory_page();
}

/* Nothing is left where it failed, so it can be mapped there. */
#define SWEEP_MAP_NEW(npages, behind)						\
	do {									\
		SWEEP(map_at(w, memory, (behind) + at_new_tables(&self->fault),	\
			     npages), 0) {					\
			unsigned long _at = (behind) + at_new_tables(&self->fault);\
										\
			EXPECT_EXCUSE(rc);					\
			if (not_done(rc))					\
				EXPECT_EQ(0, map_at(w, memory, _at, npages));	\
			front_unmap_all(&w->front, NULL);			\
			EXPECT_NOTHING(w);					\
		}								\
	} while (0)

FRONT_TEST(fail, map)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	SWEEP_MAP(PAGES, map_at(w, memory, 0, PAGES));
	EXPECT_POINTS(3, 11, 10);
}

/* Pages that are made by being pinned */
FRONT_TEST(fail, map_untouched)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, 4);

	SWEEP(map_at(w, memory, 0, 4), 0) {
		EXPECT_EXCUSE(rc);
		if (!not_done(rc))
			front_unmap_all(&w->front, NULL);
		EXPECT_NOTHING(w);
		ASSERT_EQ(0, madvise(memory, 4 * w->page, MADV_DONTNEED));
	}
	EXPECT_POINTS(7, 13, 12);
}

FRONT_TEST(fail, map_scattered)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(scattered, SCATTERED);

	SWEEP_MAP(SCATTERED, map_at(w, memory, 0, SCATTERED));
	EXPECT_POINTS(9, 16, 15);
}

FRONT_TEST(fail, map_large)
{
	struct world *w = &self->world;
	unsigned long npages = MEMORY_HUGE / w->page;
	char *memory = ASSERT_MEMORY(hugetlb, npages);

	SWEEP_MAP(npages, map_at(w, memory, 0, npages));
	EXPECT_POINTS(3, 9, 8);
}

FRONT_TEST(fail, map_in_steps)
{
	struct world *w = &self->world;
	unsigned long npages = MEMORY_HUGE / memory_page();
	char *memory = ASSERT_MEMORY(hugetlb, npages);

	if (variant->ops->iommufd)
		SKIP(return, "this front end has no such parameter");
	ASSERT_EQ(0, params_set(IN_STEPS, "Y"));
	SWEEP_MAP_NEW(npages, 0);
	EXPECT_POINTS(5, 0, 0);
}

FRONT_TEST(fail, map_memfd)
{
	struct world *w = &self->world;
	char *memory;
	int fd;

	memory = ASSERT_MEMFD(&fd, 4);
	SWEEP(map_at(w, memory, 0, 4), 0) {
		EXPECT_EXCUSE(rc);
		if (!not_done(rc))
			front_unmap_all(&w->front, NULL);
		EXPECT_NOTHING(w);
		ASSERT_EQ(0, madvise(memory, 4 * w->page, MADV_REMOVE));
	}
	EXPECT_POINTS(8, 14, 13);
}

FRONT_TEST(fail, map_file)
{
	struct world *w = &self->world;
	int fd;

	if (!front_maps_files(&w->front))
		SKIP(return, "this front end has no mappings by file");
	fd = memory_memfd(PAGES * w->page);
	ASSERT_LE(0, fd);
	SWEEP_MAP(PAGES, front_map_file(&w->front, fd, 0, IOVA, PAGES * w->page, FRONT_RW));
	EXPECT_POINTS(0, 11, 0);
}

/* A device's own memory, which iommufd refuses */
FRONT_TEST(fail, map_bar)
{
	struct world *w = &self->world;
	unsigned long size = 0;
	char *bar;

	ASSERT_EQ(0, device_enable_dma(w->front.devices[DEVICE_EDU]));
	bar = device_map_bar(w->front.devices[DEVICE_EDU], 0, &size);
	ASSERT_NE(MAP_FAILED, bar);
	SWEEP(map_at(w, bar, 0, 4), variant->ops->iommufd ? -EFAULT : 0) {
		if (!rc)
			front_unmap_all(&w->front, NULL);
		EXPECT_NOTHING(w);
	}
	EXPECT_POINTS(1, 6, 5);
	ASSERT_EQ(0, munmap(bar, size));
}

/* Private copies of zero pages, which use the slack */
FRONT_TEST(fail, map_zero_cows)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, 4);

	ASSERT_EQ(0, params_set("zero_slack_mb", "1"));
	ASSERT_EQ(0, limit_pages(w, 0));
	SWEEP(map_read_only(w, memory, 0, 4), 0) {
		EXPECT_EXCUSE(rc);
		if (!rc)
			EXPECT_LEDGER(w, self->ask, 4, 4);
		if (!not_done(rc))
			front_unmap_all(&w->front, NULL);
		EXPECT_NOTHING(w);
		ASSERT_EQ(0, madvise(memory, 4 * w->page, MADV_DONTNEED));
	}
	EXPECT_POINTS(7, 13, 12);
}

FRONT_TEST(fail, map_zero_pages)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, 4);

	ASSERT_EQ(0, params_set("zero_page", "ignore"));
	SWEEP(map_read_only(w, memory, 0, 4), 0) {
		EXPECT_EXCUSE(rc);
		EXPECT_BACK(w);
		if (!not_done(rc))
			front_unmap_all(&w->front, NULL);
		EXPECT_NOTHING(w);
		ASSERT_EQ(0, madvise(memory, 4 * w->page, MADV_DONTNEED));
	}
	EXPECT_POINTS(2, 7, 6);
}

/* With some pages pinned before the zero page is met, that refuses the mapping */
FRONT_TEST(fail, map_zero_strict)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, PAGES);

	memset(memory, 1, PAGES / 2 * w->page);
	ASSERT_EQ(0, params_set("zero_page", "strict"));
	SWEEP(map_read_only(w, memory, 0, PAGES), -ENODATA) {
		EXPECT_NE(0, rc);
		EXPECT_NOTHING(w);
	}
	EXPECT_POINTS(5, 10, 9);
}

/*
 * With charge_once: the first mapping, one more, and both away again. What is kept is
 * by PFN, so a page of 2 MiB is sliced.
 */
FRONT_TEST(fail, once_first)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(hugetlb, MEMORY_HUGE / memory_page());

	ASSERT_EQ(0, params_set("charge_once", "Y"));
	SWEEP_MAP(PAGES, map_at(w, memory, 0, PAGES));
	EXPECT_POINTS(7, 12, 11);
}

/* A window of many runs, of which some are mapped when the next is not. */
FRONT_TEST(fail, once_scattered)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(scattered, SCATTERED);

	ASSERT_EQ(0, params_set("charge_once", "Y"));
	SWEEP_MAP(SCATTERED, map_at(w, memory, 0, SCATTERED));
	EXPECT_POINTS(39, 45, 44);
}

FRONT_TEST(fail, once_second)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(hugetlb, MEMORY_HUGE / memory_page());

	ASSERT_EQ(0, params_set("charge_once", "Y"));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES / 2));
	SWEEP(map_at(w, memory, PAGES, PAGES), 0) {
		EXPECT_EXCUSE(rc);
		if (!rc)
			EXPECT_LEDGER(w, self->ask, PAGES, 0);
		if (!not_done(rc))
			unmap_at(w, PAGES, PAGES);
		EXPECT_OWED(w, PAGES / 2);
		EXPECT_LEDGER(w, self->ask, PAGES / 2, 0);
	}
	EXPECT_POINTS(2, 7, 6);
}

FRONT_TEST(fail, once_unmap)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(hugetlb, MEMORY_HUGE / memory_page());

	ASSERT_EQ(0, params_set("charge_once", "Y"));
	fault_begin(&self->fault);
	while (fault_next(&self->fault)) {
		ASSERT_EQ(0, map_at(w, memory, 0, PAGES / 2));
		ASSERT_EQ(0, map_at(w, memory, PAGES, PAGES));
		EXPECT_EXCUSE(FAULTY(unmap_at(w, PAGES, PAGES), 0));
		front_unmap_all(&w->front, NULL);
		EXPECT_NOTHING(w);
	}
	EXPECT_POINTS(0, 1, 0);
}

/* An unmap that fails has left all of it, or nothing. */
FRONT_TEST(fail, unmap)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(scattered, SCATTERED);
	int rc;

	fault_begin(&self->fault);
	while (fault_next(&self->fault)) {
		ASSERT_EQ(0, map_at(w, memory, 0, SCATTERED));
		rc = FAULTY(unmap_at(w, 0, SCATTERED), 0);
		EXPECT_EXCUSE(rc);
		if (not_done(rc))
			EXPECT_OWED(w, SCATTERED);
		if (rc)
			front_unmap_all(&w->front, NULL);
		EXPECT_NOTHING(w);
	}
	EXPECT_POINTS(0, 1, 0);
}

/* The middle of a mapping, which only the v1 interfaces take out. */
FRONT_TEST(fail, unmap_part)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(scattered, PAGES);
	int rc;

	if (variant->ops->type != VFIO_TYPE1_IOMMU)
		SKIP(return, "this front end unmaps only what was mapped as one");
	fault_begin(&self->fault);
	while (fault_next(&self->fault)) {
		ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
		rc = FAULTY(unmap_at(w, 8, 8), 0);
		EXPECT_EXCUSE(rc);
		if (not_done(rc))
			EXPECT_OWED(w, PAGES);
		ASSERT_EQ(0, unmap_at(w, 0, PAGES));
		EXPECT_NOTHING(w);
	}
	EXPECT_POINTS(0, 0, 4);
}

/* Over the limit, which is said whether or not it can be remembered why */
FRONT_TEST(fail, refusal)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct pinacct_refusal refusal;

	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	SWEEP(map_at(w, memory, 0, PAGES), -ENOMEM) {
		EXPECT_NE(0, rc);
		EXPECT_NOTHING(w);
	}
	EXPECT_POINTS(1, 4, 3);
	ASSERT_EQ(0, ask_refusal(self->ask, 0, &refusal));
	EXPECT_EQ(PINACCT_CAUSE_LIMIT, refusal.cause);
}

FRONT_TEST(fail, hole)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(scattered, PAGES);

	ASSERT_EQ(0, munmap(memory + 12 * w->page, w->page));
	SWEEP(map_at(w, memory, 0, PAGES), -EFAULT) {
		EXPECT_NE(0, rc);
		EXPECT_NOTHING(w);
	}
	EXPECT_POINTS(5, 10, 9);
}

/* What a fault does to a question is nobody else's business. */
#define SWEEP_ASK(question)							\
	do {									\
		SWEEP(question, 0) {						\
			EXPECT_EXCUSE(rc);					\
			EXPECT_OWED(w, PAGES);					\
		}								\
	} while (0)

FRONT_TEST(fail, questions)
{
	static struct pinacct_pin_range ranges[PAGES];
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES + 1);
	struct pinacct_estimate estimate;
	struct pinacct_refusal refusal;
	struct pinacct_usage usage;
	size_t size = PAGES * w->page;

	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES + 1));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	SWEEP_ASK(ask_usage(self->ask, 0, &usage));
	SWEEP_ASK(ask_usage(self->ask, getpid(), &usage));
	SWEEP_ASK(ask_refusal(self->ask, 0, &refusal));
	SWEEP_ASK(ask_estimate(self->ask, memory, size, true, &estimate));
	SWEEP(ask_pins(self->ask, PINACCT_PINS_BY_ADDRESS, memory, size, ranges, PAGES), 1)
		EXPECT_OWED(w, PAGES);
	EXPECT_POINTS(2, 3, 3);
	SWEEP(ask_pins(self->ask, PINACCT_PINS_BY_PAGE, memory, size, ranges, PAGES), 1)
		EXPECT_OWED(w, PAGES);
	EXPECT_POINTS(3, 4, 4);
}

/* Memory is excluded or it is not, and so it is included again. */
FRONT_TEST(fail, exclude)
{
	struct world *w = &self->world;
	size_t size = PAGES * w->page;
	char *memory;
	int fd;

	memory = ASSERT_MEMFD(&fd, PAGES);
	SWEEP(ask_exclude(self->ask, memory, size, true), 0) {
		EXPECT_EXCUSE(rc);
		EXPECT_EQ(rc ? 0 : -EBUSY, map_at(w, memory, 0, PAGES));
		EXPECT_EQ(rc ? -ENOENT : 0, ask_exclude(self->ask, memory, size, false));
		front_unmap_all(&w->front, NULL);
		EXPECT_NOTHING(w);
	}
	EXPECT_POINTS(1, 1, 1);

	ASSERT_EQ(0, ask_exclude(self->ask, memory, size, true));
	SWEEP(ask_wait(self->ask, 0), 0) {
		EXPECT_EXCUSE(rc);
	}
	SWEEP(map_at(w, memory, 0, PAGES), -EBUSY) {
		EXPECT_NE(0, rc);
		EXPECT_NOTHING(w);
	}
	SWEEP(ask_exclude(self->ask, memory, size, false), 0) {
		EXPECT_EXCUSE(rc);
		if (!rc)
			ASSERT_EQ(0, ask_exclude(self->ask, memory, size, true));
	}
}

static int ask_another(int *ask)
{
	*ask = ask_open();
	return *ask < 0 ? *ask : 0;
}

FRONT_TEST(fail, ask)
{
	int another;

	SWEEP(ask_another(&another), 0) {
		EXPECT_EXCUSE(rc);
		if (!rc)
			close(another);
	}
	EXPECT_POINTS(3, 3, 3);
}

/*
 * A second front end: opened with a device, used, and closed. By the device without
 * hardware: where a PCI device is opened or closed, the kernel's interpreter of
 * ACPI looks up its interrupt, and dies of the first allocation that fails.
 */
static int start(struct front *front, const struct front_ops *ops)
{
	int rc;

	rc = front_open(front, ops);
	return rc ?: front_attach(front, DEVICE_MEDIATED);
}

static int stop(struct front *front)
{
	front_close(front);
	return 0;
}

FRONT_TEST(fail, open)
{
	struct world *w = &self->world;
	struct front second;

	ASSERT_EQ(0, privilege_root(true));
	SWEEP(start(&second, variant->ops), 0)
		front_close(&second);
	ASSERT_EQ(0, privilege_root(false));
	EXPECT_NOTHING(w);
	EXPECT_POINTS(15, 14, 17);
}

FRONT_TEST(fail, close)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(scattered, PAGES);
	struct front second;

	if (variant->ops->type == VFIO_TYPE1_IOMMU && !variant->ops->iommufd)
		SKIP(return, "a device does not pin through this front end");
	fault_begin(&self->fault);
	while (fault_next(&self->fault)) {
		AS_ROOT(ASSERT_EQ(0, start(&second, variant->ops)));
		ASSERT_EQ(0, front_map(&second, memory, IOVA, PAGES * w->page, FRONT_RW));
		ASSERT_EQ(12, device_pin(second.devices[DEVICE_MEDIATED], IOVA, 12, FRONT_RW));
		EXPECT_OWED(w, 12);
		FAULTY(stop(&second), 0);
		EXPECT_NOTHING(w);
	}
}

/*
 * Another process becomes the owner. What it is told holds: it pays, or the one
 * before still does.
 */
FRONT_TEST(fail, owner)
{
	struct world *w = &self->world;
	size_t size = PAGES * w->page;
	bool mm = variant->ops->payer == FRONT_PAYER_MM;
	struct counters now;
	struct child child;
	char *memory;
	int fd, rc;
	long paid;

	if (variant->ops->iommufd ? !front_changes_process(&w->front) : false)
		SKIP(return, "mappings of this front end get no other owner");
	memory = ASSERT_MEMFD(&fd, PAGES);
	memset(memory, 1, size);
	fault_begin(&self->fault);
	while (fault_next(&self->fault)) {
		if (variant->ops->iommufd) {
			ASSERT_EQ(0, front_map_file(&w->front, fd, 0, IOVA, size, FRONT_RW));
		} else {
			ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
			ASSERT_EQ(0, front_drop_vaddr(&w->front, IOVA, size));
		}
		ASSERT_EQ(0, child_start(&child));
		if (!child.pid) {
			if (privilege_root(true) || fault_open(&self->fault) ||
			    privilege_root(false))
				_exit(1);
			fault_arm(&self->fault);
			rc = variant->ops->iommufd ? front_change_process(&w->front) :
			     front_give_vaddr(&w->front, memory, IOVA, size);
			fault_disarm(&self->fault);
			child_tell(&child, rc);
			child_tell(&child, self->fault.hit);
			child_wait(&child);
			_exit(0);
		}
		rc = child_result(&child);
		EXPECT_EXCUSE(rc);
		self->fault.hit = child_result(&child);
		EXPECT_EQ(true, self->fault.hit || !rc);
		ASSERT_EQ(0, counters_read_of(child.pid, &now));
		EXPECT_EQ(PAGES, now.held - w->base.held);
		EXPECT_EQ(mm ? 0 : PAGES, now.user - w->base.user);
		paid = now.lck;
		ASSERT_EQ(0, counters_read(&now));
		EXPECT_EQ(mm ? PAGES : 0, paid + now.lck - w->base.lck);
		if (rc != -EFAULT)
			EXPECT_EQ(mm && !rc ? PAGES : 0, paid);
		ASSERT_EQ(0, child_go_on(&child));
		ASSERT_EQ(0, child_end(&child, 0));
		ASSERT_EQ(0, unmap_at(w, 0, PAGES));
		EXPECT_NOTHING(w);
	}
	EXPECT_POINTS(1, 1, 0);
}

static int destroy(struct front *front, __u32 id)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id };

	return ioctl(front->iommu, IOMMU_DESTROY, &destroy) ? -errno : 0;
}

/* One more domain over all that is mapped */
FRONT_TEST(fail, domain)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(scattered, SCATTERED);
	__u32 domain;

	if (variant->ops->type)
		SKIP(return, "only native iommufd is told to make a domain");
	ASSERT_EQ(0, map_at(w, memory, 0, SCATTERED));
	SWEEP(front_alloc_domain(&w->front, DEVICE_EDU, &domain), 0) {
		EXPECT_OWED(w, SCATTERED);
		if (!rc)
			ASSERT_EQ(0, destroy(&w->front, domain));
	}
	EXPECT_POINTS(0, 13, 0);
	ASSERT_EQ(0, unmap_at(w, 0, SCATTERED));
	EXPECT_NOTHING(w);
}

/* Into two domains, of which the second does not take it */
FRONT_TEST(fail, map_in_two_domains)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(scattered, SCATTERED);
	__u32 domain;

	if (variant->ops->type)
		SKIP(return, "only native iommufd is told to make a domain");
	ASSERT_EQ(0, front_alloc_domain(&w->front, DEVICE_EDU, &domain));
	SWEEP_MAP_NEW(SCATTERED, 0);
	EXPECT_POINTS(0, 19, 0);
	ASSERT_EQ(0, destroy(&w->front, domain));
}

/* Into an address space that has a device, so that the copy is mapped */
FRONT_TEST(fail, copy)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(scattered, PAGES);
	__u32 first = w->front.ioas, second;
	int gone;

	if (variant->ops->type)
		SKIP(return, "only native iommufd copies mappings");
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, front_alloc_ioas(&w->front, &second));
	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_NIC)));
	ASSERT_EQ(0, front_switch_ioas(&w->front, DEVICE_NIC, second));
	SWEEP(front_copy(&w->front, second, IOVA, PAGES * w->page), 0) {
		EXPECT_EXCUSE(rc);
		w->front.ioas = second;
		gone = unmap_at(w, 0, PAGES);
		if (rc != -EFAULT)
			EXPECT_EQ(rc ? -ENOENT : 0, gone);
		w->front.ioas = first;
		EXPECT_OWED(w, PAGES);
	}
	EXPECT_POINTS(0, 5, 0);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_NOTHING(w);
}

FAIL_FIXTURE(fail_mediated)
ON_EVERY_V2_FRONT(fail_mediated);

FIXTURE_SETUP(fail_mediated)
{
	int rc;

	rc = fault_open(&self->fault);
	if (rc == -ENOENT && !own_kernel())
		SKIP(return, NO_FAULTS);
	ASSERT_EQ(0, rc);
	FAIL_SETUP(DEVICE_MEDIATED);
}

FRONT_TEST(fail_mediated, pin)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(scattered, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	SWEEP(pin_at(w, 4, 12, FRONT_RW), 12) {
		if (rc > 0) {
			EXPECT_OWED(w, 12);
			ASSERT_EQ(0, unpin_at(w, 4, 12));
		}
		EXPECT_BACK(w);
	}
	EXPECT_POINTS(13, 6, 6);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_NOTHING(w);
}

FRONT_TEST(fail_mediated, pin_once)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(hugetlb, MEMORY_HUGE / memory_page());

	ASSERT_EQ(0, params_set("charge_once", "Y"));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(8, pin_at(w, 0, 8, FRONT_RW));
	SWEEP(pin_at(w, 4, 12, FRONT_RW), 12) {
		if (rc > 0) {
			EXPECT_OWED(w, 16);
			ASSERT_EQ(0, unpin_at(w, 4, 12));
		}
		EXPECT_OWED(w, 8);
	}
	EXPECT_POINTS(9, 4, 4);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_NOTHING(w);
}

FRONT_TEST(fail_mediated, unpin)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(scattered, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	fault_begin(&self->fault);
	while (fault_next(&self->fault)) {
		ASSERT_EQ(12, pin_at(w, 4, 12, FRONT_RW));
		if (FAULTY(unpin_at(w, 4, 12), 0))
			ASSERT_EQ(0, unpin_at(w, 4, 12));
		EXPECT_BACK(w);
	}
}

FRONT_TEST(fail_mediated, access)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	char data[32] = "";

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	SWEEP(device_access(w->front.devices[DEVICE_MEDIATED], IOVA + 2 * w->page - 16, data,
			    sizeof(data), true), 0)
		EXPECT_BACK(w);
}

/*
 * What was mapped before an IOMMU came is pinned then, or it stays away. The device
 * behind it is open already, or is not opened at all, see start().
 */
static int iommu_comes(struct front *front, int group, __u32 pt)
{
	if (group >= 0)
		return ioctl(group, VFIO_GROUP_SET_CONTAINER, &front->iommu) ? -errno : 0;
	return front_switch_ioas(front, DEVICE_EDU, pt);
}

static int iommu_goes(struct front *front, int group)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	if (group >= 0)
		return ioctl(group, VFIO_GROUP_UNSET_CONTAINER) ? -errno : 0;
	return ioctl(front->devices[DEVICE_EDU], VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach) ?
	       -errno : 0;
}

FRONT_TEST(fail_mediated, iommu)
{
	struct world *w = &self->world;
	struct front *front = &w->front;
	char *memory = ASSERT_MEMORY(scattered, PAGES);
	char name[DEVICE_NAME];
	int group = -1;

	if (variant->ops->iommufd && variant->ops->type)
		SKIP(return, "here an IOMMU comes only when a device is opened");
	ASSERT_EQ(0, privilege_root(true));
	if (variant->ops->iommufd) {
		ASSERT_EQ(0, front_attach(front, DEVICE_EDU));
		ASSERT_EQ(0, iommu_goes(front, group));
	} else {
		group = device_open_group(DEVICE_EDU, name);
		ASSERT_LE(0, group);
	}
	ASSERT_EQ(0, privilege_root(false));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(5, pin_at(w, 3, 5, FRONT_RW));

	SWEEP(iommu_comes(front, group, front->ioas), 0) {
		if (!rc) {
			EXPECT_CHARGED(w, PAGES);
			ASSERT_EQ(0, iommu_goes(front, group));
		}
		EXPECT_OWED(w, 5);
	}
	EXPECT_POINTS(18, 24, 0);

	/* A group that leaves may not fail: the kernel warns if its IOMMU driver does. */
	fault_begin(&self->fault);
	while (variant->ops->iommufd && fault_next(&self->fault)) {
		ASSERT_EQ(0, iommu_comes(front, group, front->ioas));
		if (FAULTY(iommu_goes(front, group), 0))
			ASSERT_EQ(0, iommu_goes(front, group));
		EXPECT_OWED(w, 5);
	}
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_NOTHING(w);
	if (group >= 0)
		close(group);
}

/*
 * A second device of a container is put into the domain of the first, and gets one
 * of its own if that fails. Here a fault has it fail; what is mapped is then mapped
 * twice, and pinned once.
 */
FRONT_TEST(fail, second_domain)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(scattered, PAGES);
	char name[DEVICE_NAME];
	unsigned int apart = 0;
	struct fault fault;
	int group;

	if (variant->ops->iommufd)
		SKIP(return, "an IOAS is told to make a domain");
	AS_ROOT(group = device_open_group(DEVICE_NIC, name));
	ASSERT_LE(0, group);
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	SWEEP(iommu_comes(&w->front, group, 0), 0) {
		EXPECT_OWED(w, PAGES);
		if (!rc && self->fault.hit) {
			apart++;
			fault = self->fault;
			ASSERT_EQ(0, unmap_at(w, 0, PAGES));
			SWEEP_MAP_NEW(PAGES, 64 * at_new_tables(&fault));
			ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
			self->fault = fault;
		}
		if (!rc)
			ASSERT_EQ(0, iommu_goes(&w->front, group));
		EXPECT_OWED(w, PAGES);
	}
	EXPECT_POINTS(13, 0, 0);
	EXPECT_LT(0, apart) {
		TH_LOG("no fault had it put into a domain of its own");
	}
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_NOTHING(w);
	close(group);
}

TEST_HARNESS_MAIN
