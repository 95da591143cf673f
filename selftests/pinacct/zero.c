// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device gets that only reads, where memory was never written.
 *
 * Guards the parameter zero_page, for every way in which a zero page comes to be
 * in private memory. cow: a copy, which is charged, counted as a zero COW and
 * resident. ignore: the zero page, which costs nothing and stays right when the
 * process is gone. strict: ENODATA, and nothing is allocated. Fails if a kind of
 * zero page is taken for ordinary memory or the other way round, if a mapping
 * for writing is affected, or if a reference to a zero page is lost or kept.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "edu.h"
#include "look.h"
#include "rule.h"

#define HUGE_PAGES (MEMORY_HUGE / memory_page())

/* Where edu writes what it has read: a mapping of one page of its own. */
#define ECHO_AT 4096UL

/**
 * struct zeros - memory with zero pages in it
 * @memory: its address
 * @npages: its size
 * @nzero: how many of them are zero pages
 */
struct zeros {
	char *memory;
	unsigned long npages;
	unsigned long nzero;
};

static char read_pages(const char *memory, unsigned long npages)
{
	char sum = 0;
	unsigned long i;

	for (i = 0; i < npages; i++)
		sum |= ((volatile const char *)memory)[i * memory_page()];
	return sum;
}

static struct zeros make_untouched(TEST_ARGS)
{
	return (struct zeros){ ASSERT_MEMORY(untouched, PAGES), PAGES, PAGES };
}

/* The 4 KiB zero page is in the page table. */
static struct zeros make_read(TEST_ARGS)
{
	struct zeros zeros = make_untouched(TEST_PASS);

	ASSERT_EQ(0, read_pages(zeros.memory, PAGES));
	return zeros;
}

/* Put there by UFFDIO_ZEROPAGE, as a migration does with empty pages */
static struct zeros make_userfault(TEST_ARGS)
{
	struct zeros zeros = make_untouched(TEST_PASS);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (unsigned long)zeros.memory, PAGES * memory_page() },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_zeropage zeropage = { .range = reg.range };
	int fd;

	fd = syscall(__NR_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &reg));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_ZEROPAGE, &zeropage));
	ASSERT_EQ(PAGES * memory_page(), zeropage.zeropage);
	/* Also ends the registration, which type1 would mind. */
	ASSERT_EQ(0, close(fd));
	return zeros;
}

/* All of it by the huge zero folio */
static struct zeros make_huge(TEST_ARGS)
{
	char *memory = mmap(NULL, 2 * MEMORY_HUGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct look found;

	ASSERT_NE(MAP_FAILED, memory);
	memory += -(uintptr_t)memory & (MEMORY_HUGE - 1);
	ASSERT_EQ(0, madvise(memory, MEMORY_HUGE, MADV_HUGEPAGE));
	ASSERT_EQ(0, read_pages(memory, HUGE_PAGES));
	AS_ROOT(ASSERT_EQ(0, look_at(memory, &found)) {
		TH_LOG("is pinacct_test.ko loaded?");
	});
	ASSERT_FALSE(found.anon);
	ASSERT_EQ(9, found.order) {
		TH_LOG("not the huge zero folio: use_zero_page in sysfs?");
	}
	return (struct zeros){ memory, HUGE_PAGES, HUGE_PAGES };
}

static int write_file(const char *dir, const char *name, const char *value)
{
	char path[64];
	int fd, rc;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static int write_ksm(const char *name, const char *value)
{
	return write_file("/sys/kernel/mm/ksm", name, value);
}

static int write_sysctl(const char *name, const char *value)
{
	return write_file("/proc/sys/vm", name, value);
}

static int start_ksm(void)
{
	/*
	 * While new pages sit in a CPU's list of them, KSM finds them in use, and
	 * makes a page of its own of them later.
	 */
	return write_sysctl("drop_caches", "1") ?: write_ksm("use_zero_pages", "1") ?:
	       write_ksm("pages_to_scan", "10000") ?: write_ksm("run", "1");
}

static int stop_ksm(void)
{
	return write_ksm("run", "0") ?: write_ksm("use_zero_pages", "0");
}

/* Pages full of zeros, which KSM has replaced by the zero page */
static struct zeros make_ksm(TEST_ARGS)
{
	struct zeros zeros = make_untouched(TEST_PASS);
	long resident = counters_resident(zeros.memory);
	int i;

	memset(zeros.memory, 0, PAGES * memory_page());
	ASSERT_EQ(resident + PAGES, counters_resident(zeros.memory));
	ASSERT_EQ(0, madvise(zeros.memory, PAGES * memory_page(), MADV_MERGEABLE));
	AS_ROOT(ASSERT_EQ(0, start_ksm()));
	for (i = 0; i < 200 && counters_resident(zeros.memory) != resident; i++)
		usleep(50000);
	EXPECT_EQ(resident, counters_resident(zeros.memory)) {
		TH_LOG("KSM has not merged the pages");
	}
	AS_ROOT(ASSERT_EQ(0, stop_ksm()));
	return zeros;
}

static struct zeros make_alternating(TEST_ARGS)
{
	return (struct zeros){ ASSERT_MEMORY(alternating, PAGES), PAGES, PAGES / 2 };
}

/* A window and a half, the last page written */
static struct zeros make_windows(TEST_ARGS)
{
	struct zeros zeros = {
		.memory = ASSERT_MEMORY(untouched, 768),
		.npages = 768,
		.nzero = 767,
	};

	memset(zeros.memory + 767 * memory_page(), 0x5a, memory_page());
	return zeros;
}

static struct zeros make_none(TEST_ARGS)
{
	return (struct zeros){ ASSERT_MEMORY(anonymous, PAGES), PAGES, 0 };
}

static bool is_zero_page(const struct zeros *zeros, unsigned long i)
{
	if (zeros->nzero == zeros->npages / 2)
		return i % 2;
	return i < zeros->nzero;
}

/* A copy of each zero page, private to the process, charged as what it is. */
static void check_cow(TEST_ARGS, struct zeros zeros)
{
	struct world *w = &self->world;
	long resident = counters_resident(zeros.memory);
	unsigned long i;

	ASSERT_EQ(0, map_read_only(w, zeros.memory, 0, zeros.npages));
	EXPECT_OWED(w, zeros.npages);
	EXPECT_LEDGER(w, self->ask, zeros.npages, zeros.nzero);
	EXPECT_EQ(resident + zeros.nzero, counters_resident(zeros.memory));
	for (i = 0; i < zeros.npages; i++)
		ASSERT_EQ(is_zero_page(&zeros, i) ? 0 : 0x5a, zeros.memory[i * w->page]);

	ASSERT_EQ(0, unmap_at(w, 0, zeros.npages));
	EXPECT_BACK(w);
	EXPECT_LEDGER(w, self->ask, 0, 0);

	/* The copies are ordinary pages now. */
	ASSERT_EQ(0, map_read_only(w, zeros.memory, 0, zeros.npages));
	EXPECT_OWED(w, zeros.npages);
	EXPECT_LEDGER(w, self->ask, zeros.npages, 0);
}

/* The device reads the page at AT; it is all BYTE. */
static void check_seen(TEST_ARGS, struct edu *edu, char *echo, unsigned long at, char byte)
{
	struct world *w = &self->world;
	unsigned int i;

	memset(echo, 0x77, EDU_MAX);
	ASSERT_EQ(0, edu_read_memory(edu, IOVA + at * w->page, EDU_MAX));
	ASSERT_EQ(0, edu_write_memory(edu, IOVA + ECHO_AT * w->page, EDU_MAX));
	for (i = 0; i < EDU_MAX; i++)
		ASSERT_EQ(byte, echo[i]) {
			TH_LOG("page %lu, byte %u", at, i);
		}
}

/*
 * Of so many pages the device reaches the 4 KiB zero page where there are zero
 * pages of any kind, and nowhere else.
 */
static void check_reached(TEST_ARGS, const struct zeros *zeros)
{
	char *read = ASSERT_MEMORY(untouched, 1);
	struct world *w = &self->world;
	unsigned long i, pfn;
	struct look zero;

	AS_ROOT({
		ASSERT_EQ(0, look_at(read, &zero));
		ASSERT_EQ(0, zero.order);
		for (i = 0; i < zeros->npages; i++) {
			ASSERT_EQ(0, look_at_device(IOVA + i * w->page, &pfn));
			ASSERT_EQ(is_zero_page(zeros, i), pfn == zero.pfn) {
				TH_LOG("page %lu: PFN %lx, that of the zero page is %lx", i, pfn,
				       zero.pfn);
			}
		}
	});
}

/* The zero page itself: not charged, not pinned, not resident, always zero. */
static void check_ignore(TEST_ARGS, struct zeros zeros)
{
	struct world *w = &self->world;
	unsigned long owed = zeros.npages - zeros.nzero;
	char *echo = ASSERT_MEMORY(anonymous, 1);
	long resident = counters_resident(zeros.memory);
	unsigned long last = zeros.npages - 1;
	struct edu edu;

	ASSERT_EQ(0, params_set("zero_page", "ignore"));
	ASSERT_EQ(0, limit_pages(w, owed));
	ASSERT_EQ(0, map_read_only(w, zeros.memory, 0, zeros.npages));
	EXPECT_OWED(w, owed);
	EXPECT_LEDGER(w, self->ask, owed, 0);
	EXPECT_EQ(resident, counters_resident(zeros.memory));

	check_reached(TEST_PASS, &zeros);
	ASSERT_EQ(0, limit_pages(w, owed + 1));
	ASSERT_EQ(0, edu_start(&edu, w->front.devices[DEVICE_EDU]));
	ASSERT_EQ(0, map_at(w, echo, ECHO_AT, 1));
	check_seen(TEST_PASS, &edu, echo, 0, is_zero_page(&zeros, 0) ? 0 : 0x5a);
	check_seen(TEST_PASS, &edu, echo, 1, 0);
	check_seen(TEST_PASS, &edu, echo, last, is_zero_page(&zeros, last) ? 0 : 0x5a);

	/* What is written later goes to a page that the device does not have. */
	zeros.memory[w->page] = 1;
	check_seen(TEST_PASS, &edu, echo, 1, 0);
	ASSERT_EQ(0, munmap(zeros.memory, zeros.npages * w->page));
	check_seen(TEST_PASS, &edu, echo, 1, 0);
	edu_stop(&edu);

	EXPECT_OWED(w, owed + 1);
	ASSERT_EQ(0, unmap_at(w, ECHO_AT, 1));
	ASSERT_EQ(0, unmap_at(w, 0, zeros.npages));
	EXPECT_BACK(w);
}

/* Refused, whatever the errnos, and no page was made for it. */
static void check_strict(TEST_ARGS, struct zeros zeros)
{
	struct world *w = &self->world;
	long resident = counters_resident(zeros.memory);

	ASSERT_EQ(0, params_set("zero_page", "strict"));
	EXPECT_EQ(-ENODATA, map_read_only(w, zeros.memory, 0, zeros.npages));
	EXPECT_BACK(w);
	ASSERT_REFUSED(self->ask, PINACCT_CAUSE_ZERO_PAGE, ENODATA);
	ASSERT_EQ(0, params_set("strict_errno", "Y"));
	EXPECT_EQ(-ENODATA, map_read_only(w, zeros.memory, 0, zeros.npages));
	EXPECT_BACK(w);
	EXPECT_EQ(resident, counters_resident(zeros.memory));

	/* It is still memory that can be had otherwise. */
	ASSERT_EQ(0, map_at(w, zeros.memory, 0, zeros.npages));
	EXPECT_OWED(w, zeros.npages);
}

#define EACH_MODE(kind)								\
	FRONT_TEST(rule, cow_##kind)						\
	{									\
		check_cow(TEST_PASS, make_##kind(TEST_PASS));			\
	}									\
	FRONT_TEST(rule, ignore_##kind)						\
	{									\
		check_ignore(TEST_PASS, make_##kind(TEST_PASS));		\
	}									\
	FRONT_TEST(rule, strict_##kind)						\
	{									\
		check_strict(TEST_PASS, make_##kind(TEST_PASS));		\
	}

EACH_MODE(untouched)
EACH_MODE(read)
EACH_MODE(userfault)
EACH_MODE(huge)
EACH_MODE(ksm)
EACH_MODE(alternating)
EACH_MODE(windows)

/* No mode does anything to memory that was written, or is to be written. */
/*
 * Memory that nobody has touched takes one fault a page, not one to find the zero
 * page and one to copy it. What else faults meanwhile is the program itself.
 */
FRONT_TEST(rule, one_fault_each)
{
	const unsigned long npages = 600, others = 100;
	struct world *w = &self->world;
	char *memory = ASSERT_MEMORY(untouched, npages);
	struct rusage before, after;
	long faults;

	ASSERT_EQ(0, getrusage(RUSAGE_SELF, &before));
	ASSERT_EQ(0, map_read_only(w, memory, 0, npages));
	ASSERT_EQ(0, getrusage(RUSAGE_SELF, &after));
	faults = after.ru_minflt - before.ru_minflt;
	EXPECT_LE(npages, faults);
	EXPECT_GE(npages + others, faults);
	EXPECT_OWED(w, npages);
	EXPECT_LEDGER(w, self->ask, npages, npages);
}

FRONT_TEST(rule, nothing_to_do)
{
	static const char * const modes[] = { "cow", "ignore", "strict" };
	struct world *w = &self->world;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		struct zeros written = make_none(TEST_PASS);
		struct zeros read = make_read(TEST_PASS);
		struct zeros huge = make_huge(TEST_PASS);

		ASSERT_EQ(0, params_set("zero_page", modes[i]));
		ASSERT_EQ(0, map_read_only(w, written.memory, 0, PAGES));
		ASSERT_EQ(0, map_at(w, read.memory, PAGES, PAGES));
		ASSERT_EQ(0, map_at(w, huge.memory, 2 * PAGES, HUGE_PAGES));
		EXPECT_OWED(w, 2 * PAGES + HUGE_PAGES);
		EXPECT_LEDGER(w, self->ask, 2 * PAGES + HUGE_PAGES, 0);
		ASSERT_EQ(0, front_unmap_all(&w->front, NULL));
		EXPECT_BACK(w);
	}
}

/* Memory of a file that was never written is the file's, and no zero page. */
FRONT_TEST(rule, files_have_none)
{
	struct world *w = &self->world;
	char *shared, *private;
	int fd;

	shared = ASSERT_MEMFD(&fd, PAGES);
	private = mmap(NULL, PAGES * w->page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, private);

	ASSERT_EQ(0, params_set("zero_page", "strict"));
	ASSERT_EQ(0, map_read_only(w, shared, 0, PAGES));
	ASSERT_EQ(0, map_read_only(w, private, PAGES, PAGES));
	EXPECT_OWED(w, 2 * PAGES);
	EXPECT_LEDGER(w, self->ask, 2 * PAGES, 0);
}

/* A mapping is what it was made as, until it goes. */
FRONT_TEST(rule, mode_stays)
{
	struct world *w = &self->world;
	struct zeros ignored = make_untouched(TEST_PASS);
	struct zeros copied = make_untouched(TEST_PASS);

	ASSERT_EQ(0, params_set("zero_page", "ignore"));
	ASSERT_EQ(0, map_read_only(w, ignored.memory, 0, PAGES));
	ASSERT_EQ(0, params_set("zero_page", "cow"));
	ASSERT_EQ(0, map_read_only(w, copied.memory, PAGES, PAGES));
	ASSERT_EQ(0, params_set("zero_page", "strict"));
	EXPECT_OWED(w, PAGES);
	EXPECT_LEDGER(w, self->ask, PAGES, PAGES);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_OWED(w, PAGES);
	ASSERT_EQ(0, unmap_at(w, PAGES, PAGES));
	EXPECT_BACK(w);
}

/*
 * The same where memory is mapped before there is a device, and pinned when one
 * comes: natively iommufd's alone.
 */
FRONT_TEST(rule, mode_stays_until_pinned)
{
	struct world *w = &self->world;
	struct front *front = &w->front;
	struct zeros ignored = make_untouched(TEST_PASS);
	struct zeros copied = make_untouched(TEST_PASS);
	__u32 first = front->ioas;

	if (variant->ops->type)
		SKIP(return, "it does not map without a device");

	ASSERT_EQ(0, front_alloc_ioas(front, &front->ioas));
	ASSERT_EQ(0, params_set("zero_page", "ignore"));
	ASSERT_EQ(0, map_read_only(w, ignored.memory, 0, PAGES));
	ASSERT_EQ(0, params_set("zero_page", "cow"));
	ASSERT_EQ(0, map_read_only(w, copied.memory, PAGES, PAGES));
	ASSERT_EQ(0, params_set("zero_page", "strict"));
	EXPECT_BACK(w);
	ASSERT_EQ(0, front_switch_ioas(front, DEVICE_EDU, front->ioas));
	EXPECT_OWED(w, PAGES);
	EXPECT_LEDGER(w, self->ask, PAGES, PAGES);
	ASSERT_EQ(0, front_switch_ioas(front, DEVICE_EDU, first));
	EXPECT_BACK(w);
}

/* A second domain gets from the first what is not pinned anywhere. */
FRONT_TEST(rule, second_domain)
{
	struct world *w = &self->world;
	struct front *front = &w->front;
	struct zeros zeros = make_alternating(TEST_PASS);
	char *echo = ASSERT_MEMORY(anonymous, 1);
	struct edu edu;
	__u32 domain;

	if (variant->ops->type)
		SKIP(return, "it makes its domains by itself");

	ASSERT_EQ(0, edu_start(&edu, front->devices[DEVICE_EDU]));
	ASSERT_EQ(0, params_set("zero_page", "ignore"));
	ASSERT_EQ(0, map_read_only(w, zeros.memory, 0, PAGES));
	ASSERT_EQ(0, map_at(w, echo, ECHO_AT, 1));
	ASSERT_EQ(0, front_alloc_domain(front, DEVICE_EDU, &domain));
	EXPECT_OWED(w, PAGES / 2 + 1);
	/* With this the first domain goes. */
	ASSERT_EQ(0, front_switch_ioas(front, DEVICE_EDU, domain));
	EXPECT_OWED(w, PAGES / 2 + 1);
	check_seen(TEST_PASS, &edu, echo, 0, 0x5a);
	check_seen(TEST_PASS, &edu, echo, 1, 0);
	check_seen(TEST_PASS, &edu, echo, 3, 0);
	edu_stop(&edu);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_OWED(w, 1);
}

/* Who is exempt is not charged for copies either, but they are shown. */
FRONT_TEST(rule, exempt)
{
	struct world *w = &self->world;
	struct zeros zeros = make_untouched(TEST_PASS);
	struct pinacct_usage usage;

	ASSERT_EQ(0, limit_pages(w, 0));
	ASSERT_EQ(0, privilege_raise());
	ASSERT_EQ(0, map_read_only(w, zeros.memory, 0, PAGES));
	ASSERT_EQ(0, ask_usage(self->ask, 0, &usage));
	if (variant->ops->iommufd) {
		EXPECT_EQ(PAGES * w->page, usage.exempt);
		EXPECT_EQ(0, usage.mm_pinacct);
		EXPECT_EQ(0, usage.mm_charged);
	} else {
		EXPECT_EQ(0, usage.exempt);
		EXPECT_EQ(PAGES * w->page, usage.mm_pinacct);
		EXPECT_EQ(PAGES * w->page, usage.mm_zero_cow);
		EXPECT_EQ(PAGES * w->page, usage.mm_charged);
	}
	EXPECT_EQ(0, usage.user_pinacct);
	ASSERT_EQ(0, unmap_at(w, 0, PAGES));
	EXPECT_BACK(w);
}

/*
 * A child maps zero pages of both sizes and ends. With its mm goes the use of
 * the huge zero folio, which can be freed from then on: the device must not have
 * been given it.
 */
FRONT_TEST(rule, process_is_gone)
{
	struct world *w = &self->world;
	struct zeros zeros = { .npages = PAGES + HUGE_PAGES, .nzero = PAGES + HUGE_PAGES };
	char *echo = ASSERT_MEMORY(anonymous, 1);
	struct edu edu;
	int status;
	pid_t pid;

	ASSERT_EQ(0, params_set("zero_page", "ignore"));
	pid = fork();
	if (!pid) {
		struct zeros read = make_read(TEST_PASS);
		struct zeros huge = make_huge(TEST_PASS);

		if (map_read_only(w, read.memory, 0, PAGES))
			_exit(1);
		_exit(map_read_only(w, huge.memory, PAGES, HUGE_PAGES) ? 2 : 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_BACK(w);

	check_reached(TEST_PASS, &zeros);
	ASSERT_EQ(0, edu_start(&edu, w->front.devices[DEVICE_EDU]));
	ASSERT_EQ(0, map_at(w, echo, ECHO_AT, 1));
	check_seen(TEST_PASS, &edu, echo, 0, 0);
	check_seen(TEST_PASS, &edu, echo, PAGES, 0);
	check_seen(TEST_PASS, &edu, echo, zeros.npages - 1, 0);
	edu_stop(&edu);
}

static struct zeros make_window(TEST_ARGS)
{
	char *memory = ASSERT_MEMORY(untouched, HUGE_PAGES + 1);

	ASSERT_EQ(0, read_pages(memory, HUGE_PAGES));
	return (struct zeros){ memory, HUGE_PAGES, HUGE_PAGES };
}

/*
 * A million pages mapped and unmapped, and many more refused: after the zero
 * pages have been put into the IOMMU, because a hole follows; and at the first
 * look, by zero_page=strict. Then some are copied. No reference comes or goes.
 */
static void check_references(TEST_ARGS, struct zeros (*make)(TEST_ARGS), unsigned int rounds)
{
	struct zeros zeros = make(TEST_PASS), witness = make(TEST_PASS);
	struct world *w = &self->world;
	size_t size = zeros.npages * w->page;
	struct look before, after;
	unsigned int round;

	/* Behind it there is nothing. */
	munmap(zeros.memory + size, w->page);
	AS_ROOT(ASSERT_EQ(0, look_at(witness.memory, &before)));
	ASSERT_FALSE(before.anon);
	ASSERT_EQ(0, params_set("zero_page", "ignore"));
	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, map_read_only(w, zeros.memory, 0, zeros.npages));
		ASSERT_EQ(0, unmap_at(w, 0, zeros.npages));
		if (round % 16)
			continue;
		ASSERT_EQ(-EFAULT, map_read_only(w, zeros.memory, 0, zeros.npages + 1));
	}
	ASSERT_EQ(0, params_set("zero_page", "strict"));
	for (round = 0; round < rounds / 16; round++)
		ASSERT_EQ(-ENODATA, map_read_only(w, zeros.memory, 0, zeros.npages));

	ASSERT_EQ(0, params_set("zero_page", "cow"));
	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, map_read_only(w, zeros.memory, 0, zeros.npages));
		EXPECT_LEDGER(w, self->ask, zeros.npages, zeros.npages);
		ASSERT_EQ(0, unmap_at(w, 0, zeros.npages));
		ASSERT_EQ(0, munmap(zeros.memory, size));
		zeros = make(TEST_PASS);
	}
	AS_ROOT(ASSERT_EQ(0, look_at(witness.memory, &after)));
	EXPECT_EQ(before.order, after.order);
	EXPECT_EQ(before.refs, after.refs);
}

/* 2048 rounds of 512 pages are a million; the front ends share the code. */
static unsigned int rounds(const struct front_ops *ops)
{
	return ops == &front_type1_v2 || ops == &front_iommufd_user ? 2048 : 128;
}

FRONT_TEST(rule, references)
{
	check_references(TEST_PASS, make_window, rounds(variant->ops));
}

FRONT_TEST(rule, references_huge)
{
	check_references(TEST_PASS, make_huge, rounds(variant->ops));
}

TEST_HARNESS_MAIN
