// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who pays where there are several processes, users and limits?
 *
 * Guards: who maps is charged, under the limit that he has at that moment, be it by
 * a file descriptor that somebody else has opened; and a refund goes to who was
 * charged, whoever unmaps. Fails if another user's limit or counter is taken for
 * the mapper's, if two VMs of one user do not share his limit, or if a limit that
 * sinks below what is charged makes a refund go wrong.
 *
 * Every test runs without and with charge_once.
 */
#include <sys/resource.h>

#include "owner.h"

OWNER_FIXTURE(owner)
ON_FRONT_TWICE(owner, type1_v2);
ON_FRONT_TWICE(owner, iommufd_user);
ON_FRONT_TWICE(owner, iommufd_process);
ON_FRONT_TWICE(owner, compat_v2);

FIXTURE_SETUP(owner)
{
	OWNER_SETUP();
}

FRONT_TEST(owner, limit_below_the_charge)
{
	struct world *w = &self->world;
	char *memory = self->memory, *more = ASSERT_MEMORY(anonymous, 8);
	bool once = variant->once;

	ASSERT_EQ(0, limit_pages(w, 2 * PAGES));
	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	ASSERT_EQ(0, map_at(w, memory + PAGES * w->page, PAGES, PAGES));
	ASSERT_EQ(0, limit_pages(w, PAGES + 4));
	EXPECT_OWED(w, 2 * PAGES);
	EXPECT_EQ(-ENOMEM, map_at(w, more, 2 * PAGES, 1));
	/* What is charged already is not asked for again. */
	EXPECT_EQ(once ? 0 : -ENOMEM, map_at(w, memory, 3 * PAGES, 1));
	if (once)
		ASSERT_EQ(0, unmap_at(w, 3 * PAGES, 1));
	EXPECT_OWED(w, 2 * PAGES);

	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	EXPECT_EQ(-ENOMEM, map_at(w, more, 2 * PAGES, 5));
	EXPECT_EQ(0, map_at(w, more, 2 * PAGES, 4));
	EXPECT_OWED(w, PAGES + 4);

	ASSERT_EQ(0, limit_pages(w, 0));
	ASSERT_EQ(0, unmap_at(w, PAGES, PAGES));
	EXPECT_OWED(w, 4);
	EXPECT_EQ(-ENOMEM, map_at(w, more + 4 * w->page, 0, 1));
	ASSERT_EQ(0, unmap_at(w, 2 * PAGES, 4));
	EXPECT_BACK(w);
}

static int limit_of(pid_t pid, struct world *w, unsigned long npages)
{
	struct rlimit limit = { .rlim_cur = npages * w->page, .rlim_max = RLIM_INFINITY };

	return prlimit(pid, RLIMIT_MEMLOCK, &limit, NULL) ? -errno : 0;
}

/* As libvirt does it to its QEMU. */
FRONT_TEST(owner, limit_set_by_another_process)
{
	struct world *w = &self->world;
	struct owner child;

	ASSERT_CHILD(&child);
	EXPECT_EQ(0, TELL(&child, MAP, 0, PAGES));
	AS_ROOT(ASSERT_EQ(0, limit_of(child.child.pid, w, PAGES)));
	EXPECT_EQ(-ENOMEM, TELL(&child, MAP, PAGES, 1));
	AS_ROOT(ASSERT_EQ(0, limit_of(child.child.pid, w, 1)));
	EXPECT_EQ(-ENOMEM, TELL(&child, MAP, PAGES, 1));
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(PAGES, PAGES);
	AS_ROOT(ASSERT_EQ(0, limit_of(child.child.pid, w, PAGES + 1)));
	EXPECT_EQ(0, TELL(&child, MAP, PAGES, 1));
	EXPECT_CHILD(&child, PAGES + 1);
	EXPECT_EQ(0, TELL(&child, UNMAP, 0, PAGES));
	EXPECT_EQ(0, TELL(&child, UNMAP, PAGES, 1));
	EXPECT_CHILD(&child, 0);
	EXPECT_USER(0, 0);
	ASSERT_END(&child);
}

/* Each of two VMs has the limit that it needs: of a user, it takes the sum. */
FRONT_TEST(owner, two_vms_of_one_user)
{
	struct world *w = &self->world;
	bool user = variant->ops->payer == FRONT_PAYER_USER;
	struct owner child;

	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, OPEN));
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES));
	ASSERT_EQ(0, limit_pages(w, PAGES));
	ASSERT_EQ(0, map_at(w, self->memory, 0, PAGES));
	EXPECT_EQ(user ? -ENOMEM : 0, TELL(&child, MAP_OWN, PAGES, PAGES));
	if (user) {
		EXPECT_CHILD(&child, 0);
		EXPECT_USER(PAGES, PAGES);
		ASSERT_EQ(0, TELL(&child, LIMIT, .npages = 2 * PAGES));
		EXPECT_EQ(0, TELL(&child, MAP_OWN, PAGES, PAGES));
	}
	EXPECT_ME(PAGES);
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(2 * PAGES, 2 * PAGES);

	/* The first has its limit used up by the second, until that ends. */
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_EQ(user ? -ENOMEM : 0, map_at(w, self->memory, 0, PAGES));
	ASSERT_END(&child);
	if (user)
		EXPECT_EQ(0, map_at(w, self->memory, 0, PAGES));
	EXPECT_OWED(w, PAGES);
}

/* Both have the same memory: charged once, a user pays for it once. */
FRONT_TEST(owner, two_vms_share_memory)
{
	struct world *w = &self->world;
	bool user = variant->ops->payer == FRONT_PAYER_USER;
	bool shared = user && variant->once;
	struct owner child;

	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, OPEN));
	ASSERT_EQ(0, map_at(w, self->memory, 0, PAGES));
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = user && !shared ? 2 * PAGES - 1 : PAGES - 1));
	EXPECT_EQ(shared ? 0 : -ENOMEM, TELL(&child, MAP_OWN, 0, PAGES));
	if (!shared) {
		ASSERT_EQ(0, TELL(&child, LIMIT, .npages = user ? 2 * PAGES : PAGES));
		EXPECT_EQ(0, TELL(&child, MAP_OWN, 0, PAGES));
	}
	EXPECT_ME(PAGES);
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(shared ? PAGES : 2 * PAGES, 2 * PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_ME(0);
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(PAGES, PAGES);
	EXPECT_EQ(0, TELL(&child, UNMAP_OWN, 0, PAGES));
	EXPECT_CHILD(&child, 0);
	EXPECT_USER(0, 0);
	ASSERT_END(&child);
}

FRONT_TEST(owner, another_user_maps)
{
	struct world *w = &self->world;
	struct owner child;

	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, BECOME));
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES - 1));
	EXPECT_EQ(-ENOMEM, TELL(&child, MAP, 0, PAGES));
	EXPECT_OTHER_USER(&child, 0);
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES));
	ASSERT_EQ(0, limit_pages(w, 4));
	EXPECT_EQ(0, TELL(&child, MAP, 0, PAGES));
	EXPECT_ME(0);
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(0, PAGES);
	EXPECT_OTHER_USER(&child, PAGES);

	/* Neither has less room for it. */
	ASSERT_EQ(0, map_at(w, self->memory, PAGES, 4));
	EXPECT_EQ(-ENOMEM, map_at(w, self->memory + 4 * w->page, 2 * PAGES, 1));
	EXPECT_EQ(-ENOMEM, TELL(&child, MAP, 2 * PAGES - 1, 1));
	EXPECT_ME(4);
	EXPECT_USER(4, PAGES + 4);

	/* Each unmaps the other's. */
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_ME(4);
	EXPECT_CHILD(&child, 0);
	EXPECT_USER(4, 4);
	EXPECT_OTHER_USER(&child, 0);
	EXPECT_EQ(0, TELL(&child, UNMAP, PAGES, 4));
	EXPECT_ME(0);
	EXPECT_CHILD(&child, 0);
	EXPECT_USER(0, 0);
	EXPECT_OTHER_USER(&child, 0);
	ASSERT_END(&child);
}

/* Two users hold the same pages: each pays for them, and for himself. */
FRONT_TEST(owner, two_users_same_memory)
{
	struct world *w = &self->world;
	struct owner child;

	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, BECOME));
	ASSERT_EQ(0, map_at(w, self->memory, PAGES, PAGES));
	EXPECT_EQ(0, TELL(&child, MAP, 0, PAGES));
	EXPECT_ME(PAGES);
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(PAGES, 2 * PAGES);
	EXPECT_OTHER_USER(&child, PAGES);
	EXPECT_EQ(0, TELL(&child, UNMAP, PAGES, PAGES));
	EXPECT_ME(0);
	EXPECT_CHILD(&child, PAGES);
	EXPECT_USER(0, PAGES);
	EXPECT_OTHER_USER(&child, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_OTHER_USER(&child, 0);
	ASSERT_END(&child);
}

/* The other user is gone when his mapping goes. */
FRONT_TEST(owner, another_user_dies)
{
	struct world *w = &self->world;
	struct owner child, next;

	ASSERT_CHILD(&child);
	ASSERT_CHILD(&next);
	ASSERT_EQ(0, TELL(&child, BECOME));
	ASSERT_EQ(0, TELL(&next, BECOME));
	EXPECT_EQ(0, TELL(&child, MAP, 0, PAGES));
	ASSERT_END(&child);
	EXPECT_ME(0);
	EXPECT_USER(0, PAGES);
	EXPECT_OTHER_USER(&next, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_ME(0);
	EXPECT_USER(0, 0);
	EXPECT_OTHER_USER(&next, 0);
	ASSERT_END(&next);
}

/* The process stays the same and becomes another user between its mappings. */
FRONT_TEST(owner, process_becomes_another_user)
{
	struct owner child;

	ASSERT_CHILD(&child);
	EXPECT_EQ(0, TELL(&child, MAP, 0, PAGES));
	ASSERT_EQ(0, TELL(&child, BECOME));
	EXPECT_EQ(0, TELL(&child, MAP, PAGES, 4));
	EXPECT_CHILD(&child, PAGES + 4);
	EXPECT_USER(PAGES, PAGES + 4);
	EXPECT_OTHER_USER(&child, 4);
	EXPECT_EQ(0, TELL(&child, UNMAP, 0, PAGES));
	EXPECT_CHILD(&child, 4);
	EXPECT_USER(0, 4);
	EXPECT_OTHER_USER(&child, 4);
	EXPECT_EQ(0, TELL(&child, UNMAP, PAGES, 4));
	EXPECT_CHILD(&child, 0);
	EXPECT_OTHER_USER(&child, 0);
	ASSERT_END(&child);
}

/* A device comes later, by another: who has mapped pays, under his limit. */
FRONT_TEST(owner, attached_by_another_user)
{
	struct world *w = &self->world;
	struct owner child;

	if (variant->ops->type)
		SKIP(return, "a container maps nothing without a device");
	front_detach(&w->front, DEVICE_EDU);
	ASSERT_CHILD(&child);
	ASSERT_EQ(0, TELL(&child, BECOME));
	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES - 1));
	EXPECT_EQ(0, TELL(&child, MAP, 0, PAGES));
	EXPECT_USER(0, 0);
	AS_ROOT(EXPECT_EQ(-ENOMEM, front_attach(&w->front, DEVICE_EDU)));
	EXPECT_CHILD(&child, 0);
	EXPECT_USER(0, 0);
	EXPECT_OTHER_USER(&child, 0);
	front_detach(&w->front, DEVICE_EDU);

	ASSERT_EQ(0, TELL(&child, LIMIT, .npages = PAGES));
	ASSERT_EQ(0, limit_pages(w, 0));
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

int main(int argc, char **argv)
{
	return owner_main(argc, argv);
}
