// SPDX-License-Identifier: GPL-2.0-only
/*
 * Print how many pages a uid has locked, its user_struct's locked_vm, which no
 * file in /proc shows.
 *
 * io_uring charges the same counter, against the caller's RLIMIT_MEMLOCK, for
 * each buffer that is registered. So one page is registered under one limit
 * after another: the lowest limit that lets it in is locked_vm plus one page.
 * It asks the kernel itself and needs nothing of pinacct.
 *
 * Use, as root:	uid-locked-vm UID
 *
 * The answer is exact while nobody changes the counter meanwhile. Exit status
 * 1 if it cannot be told.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int ring;
static struct iovec page;

/* Whether one more page may be locked where the limit is so many pages. */
static int fits(uint64_t limit_pages)
{
	struct rlimit limit = {
		.rlim_cur = limit_pages * page.iov_len,
		.rlim_max = RLIM_INFINITY,
	};

	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		err(1, "setrlimit");
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &page, 1)) {
		if (errno != ENOMEM)
			err(1, "io_uring_register");
		return 0;
	}
	if (syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0))
		err(1, "io_uring_register (to take the page back)");
	return 1;
}

int main(int argc, char **argv)
{
	struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct io_uring_params params = { 0 };
	uint64_t low, high;
	uid_t uid;
	char *end;

	if (argc != 2)
		errx(1, "use: uid-locked-vm UID");
	uid = strtoul(argv[1], &end, 10);
	/* root's own pages are not counted: CAP_IPC_LOCK. */
	if (*end || uid == 0)
		errx(1, "'%s' is not the number of an unprivileged user", argv[1]);

	page.iov_len = sysconf(_SC_PAGESIZE);
	page.iov_base = mmap(NULL, page.iov_len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page.iov_base == MAP_FAILED)
		err(1, "mmap");
	*(volatile char *)page.iov_base = 1;

	/* The hard limit is raised while we may; the ring takes the uid's user_struct. */
	if (setrlimit(RLIMIT_MEMLOCK, &none))
		err(1, "setrlimit: not run as root?");
	if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		err(1, "setresuid: not run as root?");
	ring = syscall(SYS_io_uring_setup, 1, &params);
	if (ring < 0)
		err(1, "io_uring_setup");

	/* One page does not fit at low, and fits at high. */
	low = 0;
	high = UINT64_C(1) << 40;
	if (!fits(high))
		errx(1, "uid %u can lock nothing even with a limit of 4 PiB", uid);
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (fits(middle))
			high = middle;
		else
			low = middle;
	}
	printf("%llu\n", (unsigned long long)(high - 1));
	return 0;
}
