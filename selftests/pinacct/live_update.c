// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who pays when mappings outlive the program that made them, and go to another
 * program, process or user?
 *
 * Guards: a new owner is charged under his own limit for what he does not hold
 * yet, never twice at a time, or nothing changes hands at all; and the old one is
 * refunded, if he is still there. Fails if an owner that is gone or a program that
 * has been replaced is refunded at another's cost (which shows as a VmLck below
 * what that has locked itself), if a hand-over needs room for the memory twice, or
 * if one that is refused leaves a charge or takes one away.
 *
 * Every test runs without and with charge_once. once.c and domain.c have what
 * VFIO_DMA_MAP_FLAG_VADDR does in simpler cases.
 */
#include "owner.h"

/* What the new program has locked itself: more than a wrong refund would take. */
#define LOCKED (PAGES + 8)

OWNER_FIXTURE(exec)
ON_FRONT_TWICE(exec, type1_v2);
ON_FRONT_TWICE(exec, iommufd_user);
ON_FRONT_TWICE(exec, iommufd_process);
ON_FRONT_TWICE(exec, compat_v2);

FIXTURE_SETUP(exec)
{
	OWNER_SETUP();
}

OWNER_FIXTURE(vaddr)
ON_FRONT_TWICE(vaddr, type1_v2);

FIXTURE_SETUP(vaddr)
{
	OWNER_SETUP();
}

OWNER_FIXTURE(change)
ON_FRONT_TWICE(change, iommufd_user);
ON_FRONT_TWICE(change, iommufd_process);

FIXTURE_SETUP(change)
{
	OWNER_SETUP();
	if (!front_changes_process(&self->world.front)) {
		/* A test that is skipped here is not torn down. */
		ASSERT_EQ(0, params_defaults());
		SKIP(return, "this kernel has no IOMMU_IOAS_CHANGE_PROCESS");
	}
}

/* The new program has locked memory of its own, which must not be touched. */
FRONT_TEST(exec, then_unmap)
{
	struct owner child;

	ASSERT_CHILD(&child);
	EXPECT_EQ(0, TELL(&child, MAP, 0, PAGES));
	EXPECT_EQ(0, TELL(&child, MAP, PAGES, 8));
	ASSERT_EQ(0, TELL(&child, EXEC));
	EXPECT_CHILD(&child, 0);
	EXPECT_USER(PAGES + 8, PAGES + 8);
	ASSERT_EQ(0, TELL(&child, LOCK, 0, LOCKED));
	EXPECT_CHILD_LOCKED(&child, LOCKED);
	EXPECT_EQ(0, TELL(&child, UNMAP, 0, PAGES));
	EXPECT_CHILD_LOCKED(&child, LOCKED);
	EXPECT_USER(8, 8);
	ASSERT_EQ(0, unmap_at(&self->world, PAGES, 8));
	EXPECT_CHILD_LOCKED(&child, LOCKED);
	EXPECT_BACK(&self->world);
	ASSERT_END(&child);
}

/* It maps anew under its limit; of a user, what the old program has counts. */
FRONT_TEST(exec, then_map)
{
	bool user = variant->ops->payer == FRONT_PAYER_USER;
	struct owner child;

	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES));
	EXPECT_EQ(0, TELL(&child, MAP, 0, PAGES));
	ASSERT_EQ(0, TELL(&child, EXEC));
	if (user) {
		EXPECT_EQ(-ENOMEM, TELL(&child, MAP, PAGES, PAGES));
		EXPECT_CHILD(&child, 0);
		EXPECT_USER(PAGES, PAGES);
		EXPECT_EQ(0, TELL(&child, UNMAP, 0, PAGES));
	}
	EXPECT_EQ(0, TELL(&child, MAP, PAGES, PAGES));
	EXPECT_CHILD(&child, PAGES);
	if (!user)
		EXPECT_EQ(0, TELL(&child, UNMAP, 0, PAGES));
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(PAGES, PAGES);
	EXPECT_EQ(-ENOMEM, TELL(&child, MAP, 0, 1));
	EXPECT_EQ(0, TELL(&child, UNMAP, PAGES, PAGES));
	EXPECT_CHILD(&child, 0);
	EXPECT_BACK(&self->world);
	ASSERT_END(&child);
}

/* VFIO_DMA_MAP_FLAG_VADDR: type1's mappings get another owner one by one. */

FRONT_TEST(vaddr, some_of_several)
{
	struct world *w = &self->world;
	const size_t size = 8 * w->page;
	struct owner child;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, map_at(w, self->memory + i * size, i * 8, 8));
	ASSERT_EQ(0, front_drop_vaddr(&w->front, IOVA, 3 * size));
	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, LOCK, 24, 4));
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = 4 + 23));
	EXPECT_EQ(0, TELL(&child, GIVE, 0, 8));
	EXPECT_EQ(0, TELL(&child, GIVE, 8, 8));
	EXPECT_EQ(-ENOMEM, TELL(&child, GIVE, 16, 8));
	EXPECT_ME(8);
	EXPECT_CHILD(&child, 4 + 16);
	EXPECT_USER(0, 24);

	/* Each unmaps the other's. */
	ASSERT_EQ(0, unmap_at(w, 0, 8));
	EXPECT_ME(8);
	EXPECT_CHILD(&child, 4 + 8);
	EXPECT_EQ(0, TELL(&child, UNMAP, 16, 8));
	EXPECT_ME(0);
	EXPECT_CHILD(&child, 4 + 8);

	/* And back: what has come home is charged here again. */
	ASSERT_EQ(0, front_drop_vaddr(&w->front, IOVA + size, size));
	ASSERT_EQ(0, limit_pages(w, 7));
	EXPECT_EQ(-ENOMEM, front_give_vaddr(&w->front, self->memory + size, IOVA + size, size));
	EXPECT_ME(0);
	EXPECT_CHILD(&child, 4 + 8);
	ASSERT_EQ(0, limit_pages(w, 8));
	EXPECT_EQ(0, front_give_vaddr(&w->front, self->memory + size, IOVA + size, size));
	EXPECT_ME(8);
	EXPECT_CHILD(&child, 4);
	ASSERT_END(&child);
	EXPECT_OWED(w, 8);
}

/* Refused, nothing has happened: the old owner has it, and another may get it. */
FRONT_TEST(vaddr, refused_then_another)
{
	struct world *w = &self->world;
	struct owner poor, rich;

	ASSERT_CHILD(&poor);
	ASSERT_CHILD(&rich);
	ASSERT_EQ(0, TELL(&poor, LIMIT, .npages = PAGES - 1));
	ASSERT_EQ(0, TELL(&rich, LIMIT, .npages = PAGES));
	ASSERT_EQ(0, map_at(w, self->memory, 0, PAGES));
	ASSERT_EQ(0, front_drop_vaddr(&w->front, IOVA, PAGES * w->page));
	EXPECT_EQ(-ENOMEM, TELL(&poor, GIVE, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	EXPECT_CHILD(&poor, 0);
	EXPECT_EQ(0, TELL(&rich, GIVE, 0, PAGES));
	EXPECT_ME(0);
	EXPECT_CHILD(&poor, 0);
	EXPECT_CHILD(&rich, PAGES);
	EXPECT_USER(0, PAGES);
	/* It is his, and its address is good: nobody else gets it. */
	EXPECT_EQ(-EINVAL, TELL(&poor, GIVE, 0, PAGES));
	EXPECT_EQ(0, TELL(&poor, UNMAP, 0, PAGES));
	EXPECT_CHILD(&poor, 0);
	EXPECT_CHILD(&rich, 0);
	EXPECT_BACK(w);
	ASSERT_END(&poor);
	ASSERT_END(&rich);
}

/* Live update: the process has another program in it, and a new mm to be charged. */
FRONT_TEST(vaddr, exec)
{
	struct world *w = &self->world;
	struct owner child;

	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES));
	EXPECT_EQ(0, TELL(&child, MAP, 0, PAGES));
	ASSERT_EQ(0, front_drop_vaddr(&w->front, IOVA, PAGES * w->page));
	EXPECT_CHILD(&child, PAGES);
	ASSERT_EQ(0, TELL(&child, EXEC));
	EXPECT_CHILD_LOCKED(&child, 0);
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES + LOCKED - 1));
	ASSERT_EQ(0, TELL(&child, LOCK, 0, LOCKED));
	EXPECT_EQ(-ENOMEM, TELL(&child, GIVE, 0, PAGES));
	EXPECT_CHILD_LOCKED(&child, LOCKED);
	EXPECT_USER(0, PAGES);
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES + LOCKED));
	EXPECT_EQ(0, TELL(&child, GIVE, 0, PAGES));
	EXPECT_CHILD_LOCKED(&child, PAGES + LOCKED);
	EXPECT_USER(0, PAGES);
	EXPECT_EQ(0, TELL(&child, UNMAP, 0, PAGES));
	EXPECT_CHILD_LOCKED(&child, LOCKED);
	EXPECT_BACK(w);
	ASSERT_END(&child);
}

/* The program that is replaced never comes for its mapping. */
FRONT_TEST(vaddr, exec_then_unmap)
{
	struct world *w = &self->world;
	struct owner child;

	ASSERT_CHILD(&child);
	EXPECT_EQ(0, TELL(&child, MAP, 0, PAGES));
	ASSERT_EQ(0, front_drop_vaddr(&w->front, IOVA, PAGES * w->page));
	ASSERT_EQ(0, TELL(&child, EXEC));
	ASSERT_EQ(0, TELL(&child, LOCK, 0, LOCKED));
	EXPECT_EQ(0, TELL(&child, UNMAP, 0, PAGES));
	EXPECT_CHILD_LOCKED(&child, LOCKED);
	EXPECT_BACK(w);
	ASSERT_END(&child);
}

/* IOMMU_IOAS_CHANGE_PROCESS: all mappings of an iommufd at once. */

static int map_file(struct world *w, int fd, unsigned long at, unsigned long start,
		    unsigned long npages)
{
	return front_map_file(&w->front, fd, start * w->page, IOVA + at * w->page,
			      npages * w->page, FRONT_RW);
}

/* The owner stays who he is: there need not be room for the memory twice. */
FRONT_TEST(change, to_itself)
{
	struct world *w = &self->world;

	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, map_file(w, self->fd, 0, 0, PAGES));
	EXPECT_EQ(0, front_change_process(&w->front));
	EXPECT_OWED(w, PAGES);
	/* Not a matter of the limit at all. */
	ASSERT_EQ(0, limit_pages(w, 0));
	EXPECT_EQ(0, front_change_process(&w->front));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

/* Another process of the same user, who pays as before in user mode. */
FRONT_TEST(change, to_another_process)
{
	struct world *w = &self->world;
	bool user = variant->ops->payer == FRONT_PAYER_USER;
	struct owner child;

	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, map_file(w, self->fd, 0, 0, PAGES));
	ASSERT_CHILD(&child);
	if (!user) {
		ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES - 1));
		EXPECT_EQ(-ENOMEM, TELL(&child, CHANGE));
		EXPECT_ME(PAGES);
		EXPECT_CHILD(&child, 0);
		EXPECT_USER(0, PAGES);
	}
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES));
	EXPECT_EQ(0, TELL(&child, CHANGE));
	EXPECT_ME(0);
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(PAGES, PAGES);
	/* Its limit is used up; and this process's is not. */
	EXPECT_EQ(-ENOMEM, TELL(&child, MAP_BY_FILE, PAGES, 1));
	EXPECT_EQ(user ? -ENOMEM : 0, map_file(w, self->fd, PAGES, PAGES, 1));
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_ME(user ? 0 : 1);
	EXPECT_CHILD(&child, 0);
	EXPECT_USER(0, user ? 0 : 1);
	ASSERT_END(&child);
}

/* Several mappings and a copy, for which the new owner has a page too little. */
FRONT_TEST(change, to_another_user)
{
	struct world *w = &self->world;
	struct owner child;
	__u32 copy;

	ASSERT_EQ(0, map_file(w, self->fd, 0, 0, 8));
	ASSERT_EQ(0, map_file(w, self->fd, 8, 8, PAGES - 8));
	ASSERT_EQ(0, front_alloc_ioas(&w->front, &copy));
	ASSERT_EQ(0, front_copy(&w->front, copy, IOVA, 8 * w->page));
	EXPECT_OWED(w, PAGES);
	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, BECOME));
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES - 1));
	EXPECT_EQ(-ENOMEM, TELL(&child, CHANGE));
	EXPECT_OWED(w, PAGES);
	EXPECT_CHILD(&child, 0);
	EXPECT_OTHER_USER(&child, 0);
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES));
	EXPECT_EQ(0, TELL(&child, CHANGE));
	EXPECT_ME(0);
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(0, PAGES);
	EXPECT_OTHER_USER(&child, PAGES);

	/* The other way round it takes room here. */
	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	EXPECT_EQ(-ENOMEM, front_change_process(&w->front));
	EXPECT_CHILD(&child, PAGES);
	EXPECT_OTHER_USER(&child, PAGES);
	EXPECT_USER(0, PAGES);
	ASSERT_EQ(0, limit_pages(w, PAGES));
	EXPECT_EQ(0, front_change_process(&w->front));
	EXPECT_CHILD(&child, 0);
	EXPECT_OTHER_USER(&child, 0);
	EXPECT_OWED(w, PAGES);
	EXPECT_EQ(0, TELL(&child, UNMAP, 0, PAGES));
	EXPECT_CHILD(&child, 0);
	EXPECT_OTHER_USER(&child, 0);
	ASSERT_END(&child);
}

/* Charged once, the new owner pays for what he does not hold yet. */
FRONT_TEST(change, holds_some_already)
{
	struct world *w = &self->world;
	unsigned long need = variant->once ? PAGES : PAGES + 8;
	struct owner child;

	ASSERT_EQ(0, map_file(w, self->fd, 0, 0, PAGES));
	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, OPEN));
	ASSERT_EQ(0, TELL(&child, BECOME));
	EXPECT_EQ(0, TELL(&child, MAP_OWN, 4, 8));
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = need - 1));
	EXPECT_EQ(-ENOMEM, TELL(&child, CHANGE));
	EXPECT_ME(PAGES);
	EXPECT_CHILD(&child, 8);
	EXPECT_USER(PAGES, PAGES + 8);
	EXPECT_OTHER_USER(&child, 8);
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = need));
	EXPECT_EQ(0, TELL(&child, CHANGE));
	EXPECT_ME(0);
	EXPECT_PROCESS(child.child.pid, need, PAGES + 8);
	EXPECT_USER(0, PAGES + 8);
	EXPECT_OTHER_USER(&child, need);
	EXPECT_EQ(0, TELL(&child, UNMAP_OWN, 4, 8));
	EXPECT_CHILD(&child, PAGES);
	EXPECT_OTHER_USER(&child, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_CHILD(&child, 0);
	EXPECT_OTHER_USER(&child, 0);
	ASSERT_END(&child);
}

/* The old owner keeps the charge for what else he holds of the same pages. */
FRONT_TEST(change, keeps_some)
{
	struct world *w = &self->world;
	struct front other = w->front;
	struct owner child;

	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, BECOME));
	AS_ROOT(ASSERT_EQ(0, front_open(&other, variant->ops)));
	AS_ROOT(ASSERT_EQ(0, front_attach(&other, DEVICE_NIC)));
	ASSERT_EQ(0, front_map(&other, self->memory, IOVA, 8 * w->page, FRONT_RW));
	ASSERT_EQ(0, map_file(w, self->fd, 0, 0, PAGES));
	EXPECT_PROCESS(0, variant->once ? PAGES : PAGES + 8, PAGES + 8);
	EXPECT_USER(variant->once ? PAGES : PAGES + 8, PAGES + 8);
	EXPECT_EQ(0, TELL(&child, CHANGE));
	EXPECT_ME(8);
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(8, PAGES + 8);
	EXPECT_OTHER_USER(&child, PAGES);
	front_close(&other);
	EXPECT_ME(0);
	EXPECT_CHILD(&child, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_CHILD(&child, 0);
	EXPECT_OTHER_USER(&child, 0);
	ASSERT_END(&child);
}

/* The same pages twice in what changes hands. */
FRONT_TEST(change, same_pages_twice)
{
	struct world *w = &self->world;
	unsigned long need = variant->once ? PAGES : 2 * PAGES;
	struct owner child;

	ASSERT_EQ(0, map_file(w, self->fd, 0, 0, PAGES));
	ASSERT_EQ(0, map_file(w, self->fd, PAGES, 0, PAGES));
	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, BECOME));
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = need - 1));
	EXPECT_EQ(-ENOMEM, TELL(&child, CHANGE));
	EXPECT_PROCESS(0, need, 2 * PAGES);
	EXPECT_CHILD(&child, 0);
	EXPECT_OTHER_USER(&child, 0);
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = need));
	EXPECT_EQ(0, TELL(&child, CHANGE));
	EXPECT_ME(0);
	EXPECT_PROCESS(child.child.pid, need, 2 * PAGES);
	EXPECT_USER(0, 2 * PAGES);
	EXPECT_OTHER_USER(&child, need);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_CHILD(&child, PAGES);
	EXPECT_OTHER_USER(&child, PAGES);
	ASSERT_EQ(0, unmap_at(w, PAGES, PAGES));
	EXPECT_CHILD(&child, 0);
	EXPECT_OTHER_USER(&child, 0);
	ASSERT_END(&child);
}

/* An address means nothing in another process: nothing changes hands then. */
FRONT_TEST(change, not_by_address)
{
	struct world *w = &self->world;
	struct owner child;

	ASSERT_EQ(0, map_file(w, self->fd, 0, 0, PAGES));
	ASSERT_EQ(0, map_at(w, self->memory + PAGES * w->page, PAGES, 4));
	ASSERT_CHILD(&child);
	EXPECT_EQ(-EINVAL, TELL(&child, CHANGE));
	EXPECT_OWED(w, PAGES + 4);
	EXPECT_CHILD(&child, 0);
	ASSERT_EQ(0, unmap_at(w, PAGES, 4));
	EXPECT_EQ(0, TELL(&child, CHANGE));
	EXPECT_ME(0);
	EXPECT_CHILD(&child, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_CHILD(&child, 0);
	ASSERT_END(&child);
}

/* Nothing is pinned yet: the new owner pays when a device comes. */
FRONT_TEST(change, before_a_device)
{
	struct world *w = &self->world;
	struct owner child;

	front_detach(&w->front, DEVICE_EDU);
	ASSERT_EQ(0, map_file(w, self->fd, 0, 0, PAGES));
	EXPECT_BACK(w);
	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, BECOME));
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES - 1));
	EXPECT_EQ(0, TELL(&child, CHANGE));
	AS_ROOT(EXPECT_EQ(-ENOMEM, front_attach(&w->front, DEVICE_EDU)));
	EXPECT_BACK(w);
	EXPECT_OTHER_USER(&child, 0);
	front_detach(&w->front, DEVICE_EDU);
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES));
	AS_ROOT(EXPECT_EQ(0, front_attach(&w->front, DEVICE_EDU)));
	EXPECT_ME(0);
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(0, PAGES);
	EXPECT_OTHER_USER(&child, PAGES);
	front_detach(&w->front, DEVICE_EDU);
	EXPECT_CHILD(&child, 0);
	EXPECT_OTHER_USER(&child, 0);
	ASSERT_END(&child);
}

/* Who owned it is dead, and can be given nothing back but as a user. */
FRONT_TEST(change, from_the_dead)
{
	struct world *w = &self->world;
	bool user = variant->ops->payer == FRONT_PAYER_USER;
	struct owner child;

	ASSERT_CHILD(&child);
	EXPECT_EQ(0, TELL(&child, MAP_BY_FILE, 0, PAGES));
	ASSERT_END(&child);
	EXPECT_ME(0);
	EXPECT_USER(PAGES, PAGES);
	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	if (!user) {
		EXPECT_EQ(-ENOMEM, front_change_process(&w->front));
		EXPECT_ME(0);
		ASSERT_EQ(0, limit_pages(w, PAGES));
	}
	EXPECT_EQ(0, front_change_process(&w->front));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

/* As live update does it: in the new program of the same process. */
FRONT_TEST(change, exec)
{
	struct world *w = &self->world;
	struct owner child;

	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES));
	EXPECT_EQ(0, TELL(&child, MAP_BY_FILE, 0, PAGES));
	ASSERT_EQ(0, TELL(&child, EXEC));
	EXPECT_CHILD(&child, 0);
	EXPECT_USER(PAGES, PAGES);
	EXPECT_EQ(0, TELL(&child, CHANGE));
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(PAGES, PAGES);
	EXPECT_EQ(0, TELL(&child, UNMAP, 0, PAGES));
	EXPECT_CHILD(&child, 0);
	EXPECT_BACK(w);
	ASSERT_END(&child);
}

int main(int argc, char **argv)
{
	return owner_main(argc, argv);
}
