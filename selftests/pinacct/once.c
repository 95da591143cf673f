// SPDX-License-Identifier: GPL-2.0-only
/*
 * charge_once: what a payer has pinned through several mappings is charged once.
 *
 * Guards: a page is charged while any mapping of the payer holds it, and no
 * longer. Fails if the first mapping that goes takes the charge of the others
 * along, if the last one leaves some behind, if another page at the same address
 * is taken for the first, or if a mapping that was refused leaves something.
 *
 * A second container (or IOAS, of an iommufd of its own) of the same kind stands
 * beside the fixture's, with another device behind it.
 */
#include <linux/vfio.h>
#include <sys/wait.h>

#include "child.h"
#include "rule.h"

/* CHARGED pages are charged, and there are PINS pins. */
#define EXPECT_ONCE(world, charged, pins)					\
	do {									\
		const struct front_ops *_ops = (world)->front.ops;		\
		struct counters _now, _more;					\
		long _charged = (charged), _pins = (pins);			\
		ASSERT_EQ(0, counters_read(&_now));				\
		_more = counters_since(&_now, &(world)->base);			\
		EXPECT_EQ(_ops->payer == FRONT_PAYER_MM ? _charged : 0, _more.lck);	\
		EXPECT_EQ(_ops->payer == FRONT_PAYER_USER ? _charged : 0, _more.user);	\
		EXPECT_EQ(_ops->iommufd ? _pins : 0, _more.pin);		\
		EXPECT_EQ(_pins, _more.held);					\
	} while (0)

/* A second front end like that of the fixture, with a device of its own. */
#define ASSERT_SECOND(second, front_ops)					\
	do {									\
		ASSERT_EQ(0, params_set("charge_once", "Y"));			\
		ASSERT_EQ(0, privilege_root(true));				\
		ASSERT_EQ(0, front_open(second, front_ops));			\
		ASSERT_EQ(0, front_attach(second, DEVICE_NIC));			\
		ASSERT_EQ(0, privilege_root(false));				\
	} while (0)

static int map_in(struct world *w, struct front *front, const void *memory, unsigned long at,
		  unsigned long npages)
{
	return front_map(front, memory, IOVA + at * w->page, npages * w->page, FRONT_RW);
}

static int unmap_in(struct world *w, struct front *front, unsigned long at, unsigned long npages)
{
	return front_unmap(front, IOVA + at * w->page, npages * w->page, NULL);
}

/* Elsewhere in the kernel, a page was once un-charged when its first user left. */
FRONT_TEST(rule, first_leaves)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct front second;

	ASSERT_SECOND(&second, variant->ops);
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_ONCE(w, PAGES, PAGES);
	ASSERT_EQ(0, map_in(w, &second, memory, 0, PAGES));
	EXPECT_ONCE(w, PAGES, 2 * PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_ONCE(w, PAGES, PAGES);
	ASSERT_EQ(0, unmap_in(w, &second, 0, PAGES));
	EXPECT_ONCE(w, 0, 0);
	front_close(&second);
}

FRONT_TEST(rule, second_leaves)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct front second;

	ASSERT_SECOND(&second, variant->ops);
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, map_in(w, &second, memory, 8, PAGES));
	front_close(&second);
	EXPECT_ONCE(w, PAGES, PAGES);
}

/* N times the memory for one time the limit, and not a page more. */
FRONT_TEST(rule, within_the_limit)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES + 1);
	struct pinacct_usage usage;
	struct front second;

	ASSERT_SECOND(&second, variant->ops);
	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, map_in(w, &second, memory, 0, PAGES));
	ASSERT_EQ(0, map_at(w, memory, PAGES, PAGES));
	EXPECT_ONCE(w, PAGES, 3 * PAGES);
	ASSERT_EQ(0, ask_usage(self->ask, 0, &usage));
	EXPECT_EQ(2 * PAGES * w->page, usage.mm_shared + usage.user_shared);
	EXPECT_EQ(-ENOMEM, map_in(w, &second, memory + PAGES * w->page, PAGES, 1));
	EXPECT_EQ(-ENOMEM, map_in(w, &second, memory, PAGES, PAGES + 1));
	EXPECT_ONCE(w, PAGES, 3 * PAGES);
	ASSERT_REFUSED(self->ask, PINACCT_CAUSE_LIMIT, ENOMEM);

	/* The payer makes room only when nobody holds a page any more. */
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	ASSERT_EQ(0, unmap_at(w, PAGES, PAGES));
	EXPECT_EQ(-ENOMEM, map_in(w, &second, memory + PAGES * w->page, PAGES, 1));
	ASSERT_EQ(0, unmap_in(w, &second, 0, PAGES));
	ASSERT_EQ(0, map_in(w, &second, memory + PAGES * w->page, PAGES, 1));
	EXPECT_ONCE(w, 1, 1);
	front_close(&second);
}

/* The first mapping is refused before it begins, as ever. */
FRONT_TEST(rule, first_is_refused)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, PAGES);
	long resident = counters_resident(memory);

	ASSERT_EQ(0, params_set("charge_once", "Y"));
	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, PAGES));
	EXPECT_EQ(resident, counters_resident(memory));
	EXPECT_ONCE(w, 0, 0);
}

/* Parts that overlap, taken away in every order */
FRONT_TEST(rule, overlaps)
{
	static const int orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	static const struct {
		unsigned long first, end;
	} parts[3] = { { 0, 12 }, { 8, 20 }, { 4, 16 } };
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 20);
	struct front second, *fronts[3] = { &w->front, &second, &w->front };
	unsigned int order, i, j, page;

	ASSERT_SECOND(&second, variant->ops);
	for (order = 0; order < 6; order++) {
		bool there[3] = { true, true, true };

		for (i = 0; i < 3; i++)
			ASSERT_EQ(0, map_in(w, fronts[i], memory + parts[i].first * w->page,
					    32 * i, parts[i].end - parts[i].first));
		EXPECT_ONCE(w, 20, 36);
		for (i = 0; i < 3; i++) {
			long charged = 0, pins = 0;

			j = orders[order][i];
			ASSERT_EQ(0, unmap_in(w, fronts[j], 32 * j, parts[j].end - parts[j].first));
			there[j] = false;
			for (page = 0; page < 20; page++) {
				int holders = 0;

				for (j = 0; j < 3; j++)
					holders += there[j] && page >= parts[j].first &&
						   page < parts[j].end;
				charged += !!holders;
				pins += holders;
			}
			EXPECT_ONCE(w, charged, pins);
		}
	}
	front_close(&second);
}

FRONT_TEST(rule, protections)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct front second;

	ASSERT_SECOND(&second, variant->ops);
	ASSERT_EQ(0, map_read_only(w, memory, 0, PAGES));
	ASSERT_EQ(0, map_in(w, &second, memory, 0, PAGES));
	EXPECT_ONCE(w, PAGES, 2 * PAGES);
	ASSERT_EQ(0, unmap_in(w, &second, 0, PAGES));
	EXPECT_ONCE(w, PAGES, PAGES);
	front_close(&second);
}

/* Another page at the same address is another page. */
FRONT_TEST(rule, another_page_now)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct front second;

	ASSERT_SECOND(&second, variant->ops);
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, madvise(memory + 4 * w->page, 8 * w->page, MADV_DONTNEED));
	ASSERT_EQ(0, limit_pages(w, PAGES + 7));
	EXPECT_EQ(-ENOMEM, map_in(w, &second, memory, 0, PAGES));
	EXPECT_ONCE(w, PAGES, PAGES);
	ASSERT_EQ(0, limit_pages(w, PAGES + 8));
	ASSERT_EQ(0, map_in(w, &second, memory, 0, PAGES));
	EXPECT_ONCE(w, PAGES + 8, 2 * PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_ONCE(w, PAGES, PAGES);
	front_close(&second);
}

FRONT_TEST(rule, slices_of_large_pages)
{
	struct world *w = &self->world;
	const unsigned long npages = MEMORY_HUGE / w->page;
	char *memory = ASSERT_MEMORY(hugetlb, npages);
	struct front second;

	ASSERT_SECOND(&second, variant->ops);
	ASSERT_EQ(0, map_at(w, memory, 0, npages));
	ASSERT_EQ(0, map_in(w, &second, memory + 100 * w->page, 0, 300));
	EXPECT_ONCE(w, npages, npages + 300);
	ASSERT_EQ(0, unmap_at(w, 0, npages));
	EXPECT_ONCE(w, 300, 300);
	ASSERT_EQ(0, map_at(w, memory, 0, 200));
	EXPECT_ONCE(w, 400, 500);
	ASSERT_EQ(0, unmap_in(w, &second, 0, 300));
	EXPECT_ONCE(w, 200, 200);
	front_close(&second);
}

/* A file's page is the same page at whatever address. */
FRONT_TEST(rule, at_two_addresses)
{
	struct world *w = &self->world;
	char *memory, *alias;
	int fd;

	memory = ASSERT_MEMFD(&fd, PAGES);
	alias = memory_of_file(fd, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, alias);
	ASSERT_EQ(0, params_set("charge_once", "Y"));
	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, map_at(w, alias, PAGES, PAGES));
	EXPECT_ONCE(w, PAGES, 2 * PAGES);
}

/* In one mapping, too: nothing of it is certain to be charged by number. */
FRONT_TEST(rule, twice_in_one_mapping)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, 2 * PAGES);
	unsigned int i;
	int fd;

	fd = memory_memfd(PAGES * w->page);
	ASSERT_LE(0, fd);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(memory + i * PAGES * w->page,
			  mmap(memory + i * PAGES * w->page, PAGES * w->page,
			       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0));
	ASSERT_EQ(0, params_set("charge_once", "Y"));
	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, 2 * PAGES));
	EXPECT_ONCE(w, PAGES, 2 * PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, 2 * PAGES));
	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 0, 2 * PAGES));
	EXPECT_ONCE(w, 0, 0);
}

/* A zero COW is one, whoever holds it, and uses the slack once. */
FRONT_TEST(rule, zero_cows)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, PAGES);
	struct front second;

	ASSERT_SECOND(&second, variant->ops);
	ASSERT_EQ(0, params_set("zero_slack_mb", "1"));
	ASSERT_EQ(0, limit_pages(w, 0));
	ASSERT_EQ(0, map_read_only(w, memory, 0, PAGES));
	EXPECT_ONCE(w, PAGES, PAGES);
	ASSERT_EQ(0, map_in(w, &second, memory, 0, PAGES));
	EXPECT_ONCE(w, PAGES, 2 * PAGES);
	EXPECT_LEDGER(w, self->ask, PAGES, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_ONCE(w, PAGES, PAGES);
	EXPECT_LEDGER(w, self->ask, PAGES, PAGES);
	ASSERT_EQ(0, unmap_in(w, &second, 0, PAGES));
	EXPECT_ONCE(w, 0, 0);
	EXPECT_LEDGER(w, self->ask, 0, 0);
	front_close(&second);
}

/* mlock() and pins are two things, and both are charged. */
FRONT_TEST(rule, mlocked)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	bool mm = variant->ops->payer == FRONT_PAYER_MM;
	struct counters now;

	ASSERT_EQ(0, params_set("charge_once", "Y"));
	ASSERT_EQ(0, mlock(memory, PAGES * w->page));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, map_at(w, memory, PAGES, PAGES));
	ASSERT_EQ(0, counters_read(&now));
	EXPECT_EQ(mm ? 2 * PAGES : PAGES, now.lck - w->base.lck);
	ASSERT_EQ(0, munlock(memory, PAGES * w->page));
	EXPECT_ONCE(w, PAGES, 2 * PAGES);
}

/* Half of a mapping cannot be pinned: what was shared and what was not goes back. */
FRONT_TEST(rule, fails_midway)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct front second;

	ASSERT_SECOND(&second, variant->ops);
	ASSERT_EQ(0, map_at(w, memory + 2 * w->page, 0, 4));
	ASSERT_EQ(0, munmap(memory + 12 * w->page, w->page));
	EXPECT_EQ(-EFAULT, map_in(w, &second, memory, 0, PAGES));
	EXPECT_ONCE(w, 4, 4);
	front_close(&second);
}

/* It is fixed for a mapping when it is made. */
FRONT_TEST(rule, parameter_changes)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, params_set("charge_once", "Y"));
	ASSERT_EQ(0, map_at(w, memory, PAGES, PAGES));
	EXPECT_ONCE(w, 2 * PAGES, 2 * PAGES);
	ASSERT_EQ(0, map_at(w, memory, 2 * PAGES, PAGES));
	EXPECT_ONCE(w, 2 * PAGES, 3 * PAGES);
	ASSERT_EQ(0, params_set("charge_once", "N"));
	ASSERT_EQ(0, map_at(w, memory, 3 * PAGES, PAGES));
	EXPECT_ONCE(w, 3 * PAGES, 4 * PAGES);
	ASSERT_EQ(0, unmap_at(w, PAGES, PAGES));
	EXPECT_ONCE(w, 3 * PAGES, 3 * PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_ONCE(w, 2 * PAGES, 2 * PAGES);
	ASSERT_EQ(0, unmap_at(w, 2 * PAGES, PAGES));
	EXPECT_ONCE(w, PAGES, PAGES);
}

static int map_in_second(struct world *w, const struct front_ops *ops, const void *memory)
{
	struct front second;

	return privilege_root(true) ?: front_open(&second, ops) ?:
	       front_attach(&second, DEVICE_NIC) ?: privilege_root(false) ?:
	       map_in(w, &second, memory, 0, PAGES);
}

/* Another process pays for itself; the same user pays once. */
FRONT_TEST(rule, another_process)
{
	struct world *w = &self->world;
	bool mm = variant->ops->payer == FRONT_PAYER_MM;
	struct counters now;
	struct child child;
	char *memory;
	int fd;

	memory = ASSERT_MEMFD(&fd, PAGES);
	ASSERT_EQ(0, params_set("charge_once", "Y"));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		child_tell(&child, map_in_second(w, variant->ops, memory));
		child_wait(&child);
		_exit(0);
	}
	ASSERT_EQ(0, child_result(&child));
	ASSERT_EQ(0, counters_read_of(child.pid, &now));
	EXPECT_EQ(mm ? PAGES : 0, now.lck);
	EXPECT_EQ(mm ? 0 : PAGES, now.user - w->base.user);
	EXPECT_EQ(2 * PAGES, now.held - w->base.held);

	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	ASSERT_EQ(0, counters_read(&now));
	EXPECT_EQ(0, now.lck - w->base.lck);
	EXPECT_EQ(mm ? 0 : PAGES, now.user - w->base.user);
	EXPECT_EQ(PAGES, now.held - w->base.held);
	ASSERT_EQ(0, child_go_on(&child));
	ASSERT_EQ(0, child_end(&child, 0));
}

/* A process that ends with its mappings still there */
FRONT_TEST(rule, owner_dies)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct counters now;
	int status;
	pid_t pid;

	ASSERT_EQ(0, params_set("charge_once", "Y"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(map_at(w, memory, 0, PAGES) || map_at(w, memory, PAGES, PAGES));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, counters_read(&now));
	EXPECT_EQ(2 * PAGES, now.held - w->base.held);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	ASSERT_EQ(0, unmap_at(w, PAGES, PAGES));
	EXPECT_ONCE(w, 0, 0);
}

/*
 * A mapping gets another owner, who is charged for what he does not hold yet; and
 * the one before is refunded what nothing else of his holds.
 */
FRONT_TEST(rule, new_owner)
{
	struct world *w = &self->world;
	struct front *front = &w->front;
	size_t size = PAGES * w->page;
	struct counters now;
	struct child child;
	char *memory;
	int fd;

	if (variant->ops->iommufd)
		SKIP(return, "only type1 has VFIO_DMA_MAP_FLAG_VADDR");
	memory = ASSERT_MEMFD(&fd, PAGES);
	ASSERT_EQ(0, params_set("charge_once", "Y"));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, map_at(w, memory, PAGES, PAGES / 2));
	ASSERT_EQ(0, map_at(w, memory, 2 * PAGES, PAGES));
	ASSERT_EQ(0, front_drop_vaddr(front, IOVA, size));
	ASSERT_EQ(0, front_drop_vaddr(front, IOVA + 2 * size, size));
	ASSERT_EQ(0, child_start(&child));
	if (!child.pid) {
		privilege_limit(size - w->page);
		child_tell(&child, front_give_vaddr(front, memory, IOVA, size));
		privilege_limit(size);
		child_tell(&child, front_give_vaddr(front, memory, IOVA, size));
		child_wait(&child);
		child_tell(&child, front_give_vaddr(front, memory, IOVA + 2 * size, size));
		child_wait(&child);
		_exit(0);
	}
	EXPECT_EQ(-ENOMEM, child_result(&child));
	EXPECT_EQ(0, child_result(&child));
	/* Some of the pages are still held by the other mappings here. */
	EXPECT_ONCE(w, PAGES, 2 * PAGES + PAGES / 2);
	ASSERT_EQ(0, counters_read_of(child.pid, &now));
	EXPECT_EQ(PAGES, now.lck);
	ASSERT_EQ(0, child_go_on(&child));
	EXPECT_EQ(0, child_result(&child));
	EXPECT_ONCE(w, PAGES / 2, 2 * PAGES + PAGES / 2);
	ASSERT_EQ(0, counters_read_of(child.pid, &now));
	EXPECT_EQ(PAGES, now.lck);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	ASSERT_EQ(0, counters_read_of(child.pid, &now));
	EXPECT_EQ(PAGES, now.lck);
	ASSERT_EQ(0, unmap_at(w, 2 * PAGES, PAGES));
	ASSERT_EQ(0, counters_read_of(child.pid, &now));
	EXPECT_EQ(0, now.lck);
	EXPECT_ONCE(w, PAGES / 2, PAGES / 2);
	ASSERT_EQ(0, child_go_on(&child));
	ASSERT_EQ(0, child_end(&child, 0));
}

/* What a mediated device pins of what a domain has, or before one comes */
FRONT_TEST(rule, mediated)
{
	struct world *w = &self->world;
	bool type1 = !variant->ops->iommufd;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	int device;

	if (variant->ops->type == VFIO_TYPE1_IOMMU)
		SKIP(return, "mediated devices need version 2");
	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_MEDIATED)));
	device = w->front.devices[DEVICE_MEDIATED];
	ASSERT_EQ(0, params_set("charge_once", "Y"));
	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(4, device_pin(device, IOVA + 2 * w->page, 4, FRONT_RW));
	EXPECT_ONCE(w, PAGES, type1 ? PAGES + 4 : PAGES);
	front_detach(&w->front, DEVICE_EDU);
	EXPECT_ONCE(w, 4, 4);
	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_EDU)));
	EXPECT_ONCE(w, PAGES, type1 ? PAGES + 4 : PAGES);
	ASSERT_EQ(0, device_unpin(device, IOVA + 2 * w->page, 4));
	EXPECT_ONCE(w, PAGES, PAGES);
	ASSERT_EQ(0, device_access(device, IOVA, memory, 32, false));
	EXPECT_ONCE(w, PAGES, PAGES);
}

/* Pages that only turn out to be over the limit when they have been pinned */
FRONT_TEST(rule, mediated_over_limit)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	int device;

	if (variant->ops->type == VFIO_TYPE1_IOMMU)
		SKIP(return, "mediated devices need version 2");
	front_detach(&w->front, DEVICE_EDU);
	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_MEDIATED)));
	device = w->front.devices[DEVICE_MEDIATED];
	ASSERT_EQ(0, params_set("charge_once", "Y"));
	ASSERT_EQ(0, map_read_only(w, memory, 0, PAGES));
	ASSERT_EQ(0, limit_pages(w, 6));
	EXPECT_EQ(-ENOMEM, device_pin(device, IOVA, 7, FRONT_READ));
	EXPECT_BACK(w);
	ASSERT_EQ(6, device_pin(device, IOVA, 6, FRONT_READ));
	EXPECT_ONCE(w, 6, 6);
}

/* Whatever pays from the same process pays once. */
RULE_FIXTURE(process, DEVICE_EDU)
ON_FRONT(process, type1_v1);
ON_FRONT(process, type1_v2);
ON_FRONT(process, iommufd_process);
ON_FRONT(process, compat_v2);

FRONT_TEST(process, across_front_ends)
{
	static const struct front_ops *others[] = {
		&front_type1_v1, &front_type1_v2, &front_iommufd_process, &front_compat_v2,
	};
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	struct front second;
	struct counters now;
	unsigned int i;

	ASSERT_EQ(0, limit_pages(w, PAGES));
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		ASSERT_SECOND(&second, others[i]);
		ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
		ASSERT_EQ(0, map_in(w, &second, memory, 0, PAGES));
		ASSERT_EQ(0, unmap_at(w, 0, PAGES));
		ASSERT_EQ(0, counters_read(&now));
		EXPECT_EQ(PAGES, now.lck - w->base.lck) {
			TH_LOG("beside %s", others[i]->name);
		}
		EXPECT_EQ(PAGES, now.held - w->base.held);
		front_close(&second);
		EXPECT_BACK(w);
	}
}

TEST_HARNESS_MAIN
