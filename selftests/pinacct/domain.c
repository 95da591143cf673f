// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings that outlive, share or change their device, domain, address space or
 * owner.
 *
 * Guards: pages are pinned and charged once per mapping, by the first domain
 * that needs them, until the last one is gone; a change of owner moves the
 * charge. Fails if a second device or domain charges again, if a copy does, if
 * the last user's leaving refunds nothing or the first one's refunds all.
 *
 * Not here: a second domain inside one type1 container, and replay into it. It
 * takes two IOMMUs of different kinds, or a mediated device; the emulated
 * machine has neither.
 */
#include "fixture.h"

FRONT_TEST(front, second_device)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_NIC)));
	EXPECT_OWED(w, PAGES);

	/* What is mapped for both is charged once as well. */
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);

	front_detach(&w->front, DEVICE_EDU);
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

FRONT_TEST(front, first_device_leaves_then_last)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_NIC)));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	front_detach(&w->front, DEVICE_EDU);
	EXPECT_OWED(w, PAGES);
	front_detach(&w->front, DEVICE_NIC);
	EXPECT_BACK(w);
}

/* No device is attached: that is left to the tests. */
FRONT_FIXTURE(iommufd, NO_DEVICE)
ON_FRONT(iommufd, iommufd_user);
ON_FRONT(iommufd, iommufd_process);

/* Nothing is pinned for an address space without a domain. */
FRONT_TEST(iommufd, attach_pins_and_charges)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	int i;

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_BACK(w);
	for (i = 0; i < 3; i++) {
		AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_EDU)));
		EXPECT_OWED(w, PAGES);
		front_detach(&w->front, DEVICE_EDU);
		EXPECT_BACK(w);
	}
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

FRONT_TEST(iommufd, attach_over_limit)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES - 4));
	ASSERT_EQ(0, map_at(w, memory, PAGES, 4));
	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	AS_ROOT(EXPECT_EQ(-ENOMEM, front_attach(&w->front, DEVICE_EDU)));
	EXPECT_BACK(w);
	front_detach(&w->front, DEVICE_EDU);

	ASSERT_EQ(0, limit_pages(w, PAGES));
	AS_ROOT(EXPECT_EQ(0, front_attach(&w->front, DEVICE_EDU)));
	EXPECT_OWED(w, PAGES);
}

/* One of the mappings has lost its memory by the time a device comes. */
FRONT_TEST(iommufd, attach_with_a_hole)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);

	ASSERT_EQ(0, map_at(w, memory, 0, 8));
	ASSERT_EQ(0, map_at(w, memory + 8 * w->page, 8, PAGES - 8));
	ASSERT_EQ(0, munmap(memory + 12 * w->page, w->page));
	AS_ROOT(EXPECT_EQ(-EFAULT, front_attach(&w->front, DEVICE_EDU)));
	EXPECT_BACK(w);
	front_detach(&w->front, DEVICE_EDU);

	ASSERT_EQ(0, unmap_at(w, 8, PAGES - 8));
	AS_ROOT(EXPECT_EQ(0, front_attach(&w->front, DEVICE_EDU)));
	EXPECT_OWED(w, 8);
}

FRONT_TEST(iommufd, second_domain)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u32 hwpt = 0;

	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	AS_ROOT(ASSERT_EQ(0, front_attach(&w->front, DEVICE_EDU)));
	ASSERT_EQ(0, front_alloc_domain(&w->front, DEVICE_EDU, &hwpt));
	EXPECT_OWED(w, PAGES);

	/* The first domain, from which the second was filled, goes. */
	ASSERT_EQ(0, front_switch_ioas(&w->front, DEVICE_EDU, hwpt));
	EXPECT_OWED(w, PAGES);
	EXPECT_EQ(-ENOMEM, map_at(w, memory, 2 * PAGES, 1));
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
}

/* A copy shares the pages of the original, and what was charged for them. */
FRONT_TEST(iommufd, copy)
{
	struct world *w = &self->world;
	struct front *front = &w->front;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u32 first = front->ioas, second;

	ASSERT_EQ(0, limit_pages(w, PAGES));
	AS_ROOT(ASSERT_EQ(0, front_attach(front, DEVICE_EDU)));
	AS_ROOT(ASSERT_EQ(0, front_attach(front, DEVICE_NIC)));
	ASSERT_EQ(0, front_alloc_ioas(front, &second));
	ASSERT_EQ(0, front_switch_ioas(front, DEVICE_NIC, second));

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, front_copy(front, second, IOVA, PAGES * w->page));
	EXPECT_OWED(w, PAGES);

	/* The original goes, the copy stays, and the other way round. */
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	front->ioas = second;
	ASSERT_EQ(0, front_copy(front, first, IOVA, PAGES * w->page));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	front->ioas = first;
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

/* The copy's address space has no device: only the original needs pages. */
FRONT_TEST(iommufd, copy_without_device)
{
	struct world *w = &self->world;
	struct front *front = &w->front;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u32 second;

	AS_ROOT(ASSERT_EQ(0, front_attach(front, DEVICE_EDU)));
	ASSERT_EQ(0, front_alloc_ioas(front, &second));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, front_copy(front, second, IOVA, PAGES * w->page));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);

	/* The device moves to the copy, which still knows where its pages are. */
	ASSERT_EQ(0, front_switch_ioas(front, DEVICE_EDU, second));
	EXPECT_OWED(w, PAGES);
}

/* The mode says who is charged from then on; it must come first of all. */
FRONT_TEST(iommufd, mode_is_fixed)
{
	struct world *w = &self->world;
	bool process = variant->ops == &front_iommufd_process;
	struct front other;

	ASSERT_EQ(process, front_charges_process(&w->front));
	EXPECT_EQ(-EPERM, front_charge_process(&w->front));
	AS_ROOT(EXPECT_EQ(-EBUSY, front_charge_process(&w->front)));
	ASSERT_EQ(process, front_charges_process(&w->front));

	AS_ROOT(ASSERT_EQ(0, front_open(&other, &front_iommufd_user)));
	EXPECT_EQ(0, front_charges_process(&other));
	front_close(&other);
}

FRONT_FIXTURE(type1, DEVICE_EDU)
ON_FRONT(type1, type1_v1);
ON_FRONT(type1, type1_v2);

/* A child process takes the parent's mapping over, as QEMU's live update does. */
static int take_over(struct world *w, int fd, unsigned long limit)
{
	char *memory = memory_of_file(fd, PAGES * w->page);
	struct counters now;
	int rc;

	if (memory == MAP_FAILED || limit_pages(w, limit))
		return 1;
	rc = front_give_vaddr(&w->front, memory, IOVA, PAGES * w->page);
	if (counters_read(&now))
		return 2;
	if (now.lck != (rc ? 0 : PAGES))
		return 3;
	if (now.held - w->base.held != PAGES)
		return 4;
	return rc == -ENOMEM ? ENOMEM : rc ? 5 : 0;
}

static int in_child(struct world *w, int fd, unsigned long limit)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(take_over(w, fd, limit));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

FRONT_TEST(type1, new_owner)
{
	struct world *w = &self->world;
	struct counters now;
	char *memory;
	int fd;

	memory = ASSERT_MEMFD(&fd, PAGES);
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);

	ASSERT_EQ(0, front_drop_vaddr(&w->front, IOVA, PAGES * w->page));
	EXPECT_OWED(w, PAGES);
	EXPECT_EQ(0, in_child(w, fd, PAGES));

	/* The new owner is dead: the pages are pinned, and nobody owes them. */
	ASSERT_EQ(0, counters_read(&now));
	EXPECT_EQ(0, now.lck - w->base.lck);
	EXPECT_EQ(PAGES, now.held - w->base.held);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

/* The new owner may not have it: the old one keeps it, and goes on. */
FRONT_TEST(type1, new_owner_over_limit)
{
	struct world *w = &self->world;
	char *memory;
	int fd;

	memory = ASSERT_MEMFD(&fd, PAGES);
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, front_drop_vaddr(&w->front, IOVA, PAGES * w->page));
	EXPECT_EQ(ENOMEM, in_child(w, fd, PAGES - 1));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, front_give_vaddr(&w->front, memory, IOVA, PAGES * w->page));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

/* The owner stays the same, only the address changes: no charge, at no time. */
FRONT_TEST(type1, same_owner)
{
	struct world *w = &self->world;
	char *memory, *again;
	int fd;

	memory = ASSERT_MEMFD(&fd, PAGES);
	again = memory_of_file(fd, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, again);
	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, front_drop_vaddr(&w->front, IOVA, PAGES * w->page));
	ASSERT_EQ(0, munmap(memory, PAGES * w->page));
	ASSERT_EQ(0, front_give_vaddr(&w->front, again, IOVA, PAGES * w->page));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

TEST_HARNESS_MAIN
