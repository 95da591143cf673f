// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is charged for a mapping by file, and with which errno is one refused?
 *
 * IOMMU_IOAS_MAP_FILE takes a file instead of an address, so there is no VMA to
 * tell anything from.
 *
 * Guards: as errnos.c, for these. A memfd, and files on tmpfs and hugetlbfs, are
 * mapped and charged to the page, holes among them; every other file is EINVAL,
 * with strict_errno EOPNOTSUPP; what ends too early is EINVAL with either; over
 * the limit is ENOMEM, with strict_errno EDQUOT, and a memfd that is refused for
 * it stays empty. Fails if a cause is taken for another, if a page is charged that
 * is not mapped, or if something stays.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest_memfd.h"
#include "map_file.h"
#include "rule.h"

#ifndef __NR_memfd_secret
#define __NR_memfd_secret 447
#endif

FIXTURE(by_file)
{
	struct world world;
	int ask;
};

FIXTURE_VARIANT(by_file)
{
	const struct front_ops *ops;
};

FIXTURE_VARIANT_ADD(by_file, iommufd_user)
{
	.ops = &front_iommufd_user,
};

FIXTURE_VARIANT_ADD(by_file, iommufd_process)
{
	.ops = &front_iommufd_process,
};

FIXTURE_SETUP(by_file)
{
	ASSERT_EQ(0, params_defaults());
	WORLD_OPEN(&self->world, variant->ops);
	if (!front_maps_files(&self->world.front)) {
		front_close(&self->world.front);
		SKIP(return, "this kernel has no mappings by file: they came with 6.13");
	}
	WORLD_ATTACH(&self->world, DEVICE_EDU);
	WORLD_DROP(&self->world);
	self->ask = ask_open();
	ASSERT_LE(0, self->ask);
}

FIXTURE_TEARDOWN(by_file)
{
	front_close(&self->world.front);
	EXPECT_BACK(&self->world);
	EXPECT_LEDGER(&self->world, self->ask, 0, 0);
	EXPECT_EQ(0, params_defaults());
}

/* Map pages of a file, so many pages behind IOVA. */
static int map_file(struct world *w, int fd, unsigned long start, unsigned long at,
		    unsigned long npages, int prot)
{
	return front_map_file(&w->front, fd, start * w->page, IOVA + at * w->page,
			      npages * w->page, prot);
}

/* Refused with one errno and then with the other, and nothing is left. */
static void check(struct __test_metadata *_metadata, struct world *w, int ask, int fd,
		  unsigned long npages, enum pinacct_cause cause, int mainline, int strict)
{
	ASSERT_LE(0, fd) {
		TH_LOG("no such file: %s", strerror(-fd));
	}
	EXPECT_EQ(-mainline, map_file(w, fd, 0, 0, npages, FRONT_RW));
	EXPECT_BACK(w);
	ASSERT_REFUSED(ask, cause, mainline);

	ASSERT_EQ(0, params_set("strict_errno", "Y"));
	EXPECT_EQ(-strict, map_file(w, fd, 0, 0, npages, FRONT_RW));
	EXPECT_BACK(w);
	ASSERT_REFUSED(ask, cause, strict);
	ASSERT_EQ(0, params_set("strict_errno", "N"));
}

/* All of it is mapped, and then a part, and each is charged to the page. */
static void check_fits(struct __test_metadata *_metadata, struct world *w, int ask, int fd,
		       unsigned long npages)
{
	unsigned long part = npages / 2 - 1;

	ASSERT_LE(0, fd) {
		TH_LOG("no such file: %s", strerror(-fd));
	}
	ASSERT_EQ(0, params_set("strict_errno", "Y"));
	ASSERT_EQ(0, limit_pages(w, npages + part));
	ASSERT_EQ(0, map_file(w, fd, 0, 0, npages, FRONT_RW));
	EXPECT_OWED(w, npages);
	EXPECT_LEDGER(w, ask, npages, 0);
	ASSERT_EQ(0, map_file(w, fd, 1, npages, part, FRONT_READ));
	EXPECT_OWED(w, npages + part);
	EXPECT_EQ(-EDQUOT, map_file(w, fd, 0, 2 * npages, 1, FRONT_RW));
	EXPECT_OWED(w, npages + part);
	ASSERT_EQ(0, unmap_at(w, 0, npages));
	EXPECT_OWED(w, part);
	ASSERT_EQ(0, unmap_at(w, npages, part));
	EXPECT_BACK(w);
	ASSERT_EQ(0, limit_pages(w, RLIM_INFINITY / w->page));
	ASSERT_EQ(0, params_set("strict_errno", "N"));
}

/* A new file in a directory, or -errno */
static int make_file(const char *dir, size_t size)
{
	char path[128];
	int fd, rc;

	rc = privilege_root(true);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/pinacct-by-file", dir);
	fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = -errno;
	unlink(path);
	if (fd >= 0 && ftruncate(fd, size))
		fd = -errno;
	return privilege_root(false) ?: fd;
}

/* Pages of a file that there are */
static long file_pages(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -errno : st.st_blocks * 512 / memory_page();
}

FRONT_TEST(by_file, memfd)
{
	struct world *w = &self->world;
	char *memory;
	int fd;

	fd = memory_memfd(PAGES * w->page);
	check_fits(_metadata, w, self->ask, fd, PAGES);
	EXPECT_EQ(PAGES, file_pages(fd));

	/* With holes, of which one is what it has been before */
	memory = memory_of_file(fd, PAGES * w->page);
	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, 1, PAGES * w->page);
	ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, w->page));
	ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5 * w->page,
			       3 * w->page));
	ASSERT_EQ(PAGES - 4, file_pages(fd));
	check_fits(_metadata, w, self->ask, fd, PAGES);
	EXPECT_EQ(PAGES, file_pages(fd));
	EXPECT_EQ(0, memory[5 * w->page]);
	EXPECT_EQ(1, memory[4 * w->page]);
}

FRONT_TEST(by_file, tmpfs)
{
	check_fits(_metadata, &self->world, self->ask,
		   make_file("/dev/shm", PAGES * memory_page()), PAGES);
}

FRONT_TEST(by_file, hugetlbfs)
{
	check_fits(_metadata, &self->world, self->ask,
		   make_file("/dev/hugepages", 2 * MEMORY_HUGE), 2 * MEMORY_HUGE / memory_page());
}

FRONT_TEST(by_file, memfd_of_huge_pages)
{
	int fd;

	fd = memfd_create("pinacct", MFD_CLOEXEC | MFD_HUGETLB | (21 << MAP_HUGE_SHIFT));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, MEMORY_HUGE));
	check_fits(_metadata, &self->world, self->ask, fd, MEMORY_HUGE / memory_page());
}

FRONT_TEST(by_file, ext4)
{
	check(_metadata, &self->world, self->ask,
	      make_file(getenv("PINACCT_EXT4") ?: "/tmp/ext4", PAGES * memory_page()), PAGES,
	      PINACCT_CAUSE_NOT_MEMFD, EINVAL, EOPNOTSUPP);
}

FRONT_TEST(by_file, dax)
{
	check(_metadata, &self->world, self->ask,
	      make_file(getenv("PINACCT_DAX") ?: "/tmp/dax", PAGES * memory_page()), PAGES,
	      PINACCT_CAUSE_NOT_MEMFD, EINVAL, EOPNOTSUPP);
}

FRONT_TEST(by_file, secret)
{
	int fd;

	fd = syscall(__NR_memfd_secret, O_CLOEXEC);
	ASSERT_LE(0, fd) {
		TH_LOG("no secret memory: secretmem.enable=1 on the kernel's command line?");
	}
	ASSERT_EQ(0, ftruncate(fd, PAGES * memory_page()));
	check(_metadata, &self->world, self->ask, fd, PAGES, PINACCT_CAUSE_NOT_MEMFD, EINVAL,
	      EOPNOTSUPP);
}

/* Whether the guest shares it does not matter. */
FRONT_TEST(by_file, guest_memfd)
{
	check(_metadata, &self->world, self->ask, guest_memfd(PAGES * memory_page(), false), PAGES,
	      PINACCT_CAUSE_NOT_MEMFD, EINVAL, EOPNOTSUPP);
	check(_metadata, &self->world, self->ask, guest_memfd(PAGES * memory_page(), true), PAGES,
	      PINACCT_CAUSE_NOT_MEMFD, EINVAL, EOPNOTSUPP);
}

/* One page too long, and wholly behind the end */
FRONT_TEST(by_file, end_of_file)
{
	struct world *w = &self->world;
	struct pinacct_refusal refusal;
	int fd;

	fd = memory_memfd(PAGES * w->page);
	check(_metadata, w, self->ask, fd, PAGES + 1, PINACCT_CAUSE_UNMAPPED, EINVAL, EINVAL);
	ASSERT_EQ(0, ask_refusal(self->ask, 0, &refusal));
	EXPECT_EQ(PAGES * w->page, refusal.start);
	EXPECT_EQ(0, file_pages(fd));

	EXPECT_EQ(-EINVAL, map_file(w, fd, PAGES + 3, 0, 1, FRONT_READ));
	refusal = ASSERT_REFUSED(self->ask, PINACCT_CAUSE_UNMAPPED, EINVAL);
	EXPECT_EQ((PAGES + 3) * w->page, refusal.start);
}

/* What is certain not to fit is refused before the file gets a page. */
FRONT_TEST(by_file, limit)
{
	struct world *w = &self->world;
	int fd;

	fd = memory_memfd(PAGES * w->page);
	ASSERT_EQ(0, limit_pages(w, PAGES - 1));
	check(_metadata, w, self->ask, fd, PAGES, PINACCT_CAUSE_LIMIT, ENOMEM, EDQUOT);
	EXPECT_EQ(0, file_pages(fd));

	/* Of a file that others may shorten or fill up, that is not certain. */
	check(_metadata, w, self->ask, make_file("/dev/shm", PAGES * w->page), PAGES,
	      PINACCT_CAUSE_LIMIT, ENOMEM, EDQUOT);
	ASSERT_EQ(0, limit_pages(w, 100));
	check(_metadata, w, self->ask, make_file("/dev/hugepages", MEMORY_HUGE), 101,
	      PINACCT_CAUSE_LIMIT, ENOMEM, EDQUOT);
}

TEST_HARNESS_MAIN
