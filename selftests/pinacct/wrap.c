// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user wants a counter to wrap: with sizes, addresses and counts at the
 * ends of what their types hold, and by taking back what he never had.
 *
 * Guards: such a call is refused, or does what it says, and leaves charges, pins, the
 * number of free mappings and the ledger exact. Fails if a sum wraps and a limit seems
 * far away, if a failure gives back what it has not taken, or if the size of a structure
 * makes the kernel look at more than a page.
 */
#include <limits.h>
#include <linux/vfio.h>

#include "hostile.h"

RULE_FIXTURE(wrap, DEVICE_EDU)
ON_EVERY_V2_FRONT(wrap);

/* Sizes, and places, near the ends; of a page's size where PAGE is a factor */
static const __u64 ends[] = {
	0, 1, 4095, 4096, 4097, 1ULL << 31, (1ULL << 32) - 4096, 1ULL << 32, 1ULL << 47,
	(1ULL << 52) - 4096, 1ULL << 52, (1ULL << 63) - 4096, (1ULL << 63) - 1, 1ULL << 63,
	(1ULL << 63) + 4096, -8192ULL, -4096ULL, -4095ULL, -1ULL,
};

#define ENDS (sizeof(ends) / sizeof(*ends))

/* Nothing of it is possible, but for a page or less of real memory at IOVA. */
FRONT_TEST(wrap, map)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, 2);
	unsigned int size, at;

	/* A page, and nothing behind it */
	ASSERT_EQ(0, munmap(memory + w->page, w->page));
	ASSERT_EQ(0, limit_pages(w, PAGES));
	for (size = 0; size < ENDS; size++) {
		bool page = ends[size] == w->page;

		for (at = 0; at < ENDS; at++) {
			/* At any address, and at any IOVA */
			EXPECT_NE(0, front_map(&w->front, (void *)ends[at], IOVA, ends[size],
					       FRONT_RW)) {
				TH_LOG("%llx bytes of %llx", ends[size], ends[at]);
			}
			if (!front_map(&w->front, memory, ends[at], ends[size], FRONT_RW)) {
				EXPECT_TRUE(page) {
					TH_LOG("%llx bytes at %llx", ends[size], ends[at]);
				}
				EXPECT_EQ(0, front_unmap(&w->front, ends[at], ends[size], NULL));
			}
		}
	}
	EXPECT_BACK(w);
	EXPECT_LEDGER(w, self->ask, 0, 0);
}

/* What is unmapped is what was mapped: all of it at once, or nothing. */
FRONT_TEST(wrap, unmap)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	__u64 all = PAGES * w->page, unmapped, sum;
	unsigned int size, at;

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	for (size = 0; size < ENDS; size++) {
		for (at = 0; at < ENDS; at++) {
			front_unmap(&w->front, ends[at], ends[size], &unmapped);
			sum = unmapped;
			front_unmap(&w->front, IOVA, ends[size], &unmapped);
			sum += unmapped;
			front_unmap(&w->front, IOVA + ends[at], ends[size], &unmapped);
			sum += unmapped;
			/* It is refused where it is still there; and then the whole of it is. */
			EXPECT_EQ(map_at(w, memory, 0, PAGES) ? 0 : all, sum) {
				TH_LOG("%llx bytes at %llx", ends[size], ends[at]);
			}
			EXPECT_OWED(w, PAGES);
		}
	}
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	front_unmap(&w->front, IOVA, all, &unmapped);
	EXPECT_EQ(0, unmapped);
	EXPECT_BACK(w);
}

/* A limit that is next to none, with the highest slack */
FRONT_TEST(wrap, limit_and_slack)
{
	static const unsigned long limits[] = {
		ULONG_MAX, ULONG_MAX - 1, LONG_MAX, (unsigned long)LONG_MAX + 1,
		ULONG_MAX - (4096UL << 20), ULONG_MAX - 4095,
	};
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	char *zeros = ASSERT_MEMORY(untouched, PAGES);
	unsigned int i;

	ASSERT_EQ(0, params_set("zero_slack_mb", "4096"));
	for (i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		ASSERT_EQ(0, privilege_limit(limits[i]));
		EXPECT_EQ(0, map_at(w, memory, 0, PAGES));
		EXPECT_EQ(0, map_read_only(w, zeros, PAGES, PAGES));
		EXPECT_LEDGER(w, self->ask, 2 * PAGES, PAGES);
		EXPECT_EQ(0, unmap_at(w, 0, PAGES));
		EXPECT_EQ(0, unmap_at(w, PAGES, PAGES));
		madvise(zeros, PAGES * w->page, MADV_DONTNEED);
	}
	/* And none, with all of it used up */
	ASSERT_EQ(0, privilege_limit(0));
	EXPECT_EQ(0, map_read_only(w, zeros, 0, PAGES));
	EXPECT_EQ(-ENOMEM, map_at(w, memory, PAGES, 1));
	ASSERT_EQ(0, params_set("zero_slack_mb", "0"));
	EXPECT_EQ(-ENOMEM, map_read_only(w, memory, PAGES, 1));
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

/* Mappings that the container still has room for, or -errno; not iommufd's */
static long room(struct front *front)
{
	struct {
		struct vfio_iommu_type1_info info;
		char caps[4096];
	} all = { .info.argsz = sizeof(all) };
	struct vfio_info_cap_header *cap;
	__u32 at;

	if (ioctl(front->iommu, VFIO_IOMMU_GET_INFO, &all.info))
		return -errno;
	for (at = all.info.cap_offset; at; at = cap->next) {
		cap = (void *)((char *)&all + at);
		if (cap->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL)
			return ((struct vfio_iommu_type1_info_dma_avail *)cap)->avail;
	}
	return -ENOENT;
}

/* Failures and unmaps of nothing leave type1's number of mappings as it is. */
FRONT_TEST(wrap, number_of_mappings)
{
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	long before = room(&w->front);
	int i;

	if (variant->ops->iommufd)
		SKIP(return, "iommufd has no such number");
	ASSERT_LT(0, before);
	ASSERT_EQ(0, limit_pages(w, 2));
	ASSERT_EQ(0, map_at(w, memory, 0, 1));
	for (i = 0; i < 50; i++) {
		EXPECT_EQ(-ENOMEM, map_at(w, memory, 1, 2));
		EXPECT_EQ(-EEXIST, map_at(w, memory, 0, 1));
		EXPECT_EQ(-EFAULT, front_map(&w->front, NULL, IOVA + w->page, w->page, FRONT_RW));
		unmap_at(w, 1, 1);
		unmap_at(w, 7, 9);
		EXPECT_EQ(before - 1, room(&w->front));
	}
	ASSERT_EQ(0, unmap_at(w, 0, 1));
	unmap_at(w, 0, 1);
	EXPECT_EQ(before, room(&w->front));
}

/* /dev/pinacct, asked by somebody who does not mean it */
FRONT_TEST(wrap, questions)
{
	struct world *w = &self->world;
	size_t big = 64 * w->page;
	char *memory = ASSERT_MEMORY(anonymous, PAGES);
	char *zeros = ASSERT_MEMORY(untouched, 64);
	struct pinacct_pin_range range;
	unsigned int size, at, nr;
	__u32 *said = (__u32 *)zeros;

	ASSERT_EQ(0, map_at(w, memory, 0, PAGES));
	for (size = 0; size < ENDS; size++) {
		for (at = 0; at < ENDS; at++) {
			struct pinacct_estimate estimate = {
				.size = sizeof(estimate),
				.start = ends[at],
				.length = ends[size],
			};
			struct pinacct_pins pins = {
				.size = sizeof(pins),
				.by = PINACCT_PINS_BY_ADDRESS,
				.nr = 1,
				.start = ends[at],
				.length = ends[size],
				.ranges = (uintptr_t)&range,
			};
			bool valid = ends[size] && ends[at] % w->page == 0 &&
				     ends[size] % w->page == 0 && ends[at] + ends[size] >= ends[at];
			int rc = ioctl(self->ask, PINACCT_PINS, &pins) ? -errno : 0;

			EXPECT_EQ(valid ? 0 : -EINVAL, rc) {
				TH_LOG("%llx bytes of %llx", ends[size], ends[at]);
			}
			if (!rc)
				EXPECT_EQ(ends[at] + ends[size], pins.next);
			EXPECT_NE(0, ioctl(self->ask, PINACCT_ESTIMATE, &estimate));
			rc = ask_exclude(self->ask, (void *)ends[at], ends[size], true);
			EXPECT_EQ(valid ? 0 : -EINVAL, rc) {
				TH_LOG("%llx bytes of %llx", ends[size], ends[at]);
			}
			if (!rc)
				EXPECT_EQ(0, ask_exclude(self->ask, (void *)ends[at], ends[size],
							 false));
		}
	}

	/* More room than there is, and none */
	for (nr = 0; nr < 2; nr++) {
		struct pinacct_pins pins = {
			.size = sizeof(pins),
			.by = PINACCT_PINS_BY_ADDRESS,
			.nr = nr ? UINT_MAX : 0,
			.start = (uintptr_t)memory,
			.length = PAGES * w->page,
			.ranges = -16ULL,
		};

		EXPECT_EQ(-1, ioctl(self->ask, PINACCT_PINS, &pins));
		EXPECT_EQ(nr ? EFAULT : EINVAL, errno);
	}
	EXPECT_EQ(-EINVAL, ask_wait(self->ask, INT_MIN));
	EXPECT_EQ(0, ask_wait(self->ask, INT_MAX));

	/* A structure of a page, and one of more: all of it zeros, be it 4 GiB */
	*said = w->page;
	EXPECT_EQ(0, ioctl(self->ask, PINACCT_USAGE, zeros));
	memset(zeros, 0, w->page);
	*said = w->page + 1;
	EXPECT_EQ(-1, ioctl(self->ask, PINACCT_USAGE, zeros));
	EXPECT_EQ(E2BIG, errno);
	*said = big;
	EXPECT_EQ(-1, ioctl(self->ask, PINACCT_USAGE, zeros));
	EXPECT_EQ(E2BIG, errno);
	*said = UINT_MAX;
	EXPECT_EQ(-1, ioctl(self->ask, PINACCT_USAGE, zeros));
	EXPECT_EQ(E2BIG, errno);
	EXPECT_OWED(w, PAGES);
}

TEST_HARNESS_MAIN
