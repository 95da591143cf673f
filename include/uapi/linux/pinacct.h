/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/pinacct: what is pinned and charged, and why a mapping was refused.
 *
 * Every argument begins with its size in bytes, as user space knows it. What
 * the kernel knows beyond that it leaves out; what user space knows beyond the
 * kernel must be zero, and all of it no more than a page, or the call fails with
 * E2BIG. So both can grow. Reserved members are zero. Processes are called as the
 * caller's pid namespace has them.
 */
#ifndef _UAPI_LINUX_PINACCT_H
#define _UAPI_LINUX_PINACCT_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PINACCT_IOC_TYPE	0xBA

/**
 * enum pinacct_cause - why a mapping was refused
 * @PINACCT_CAUSE_NONE: it was not
 * @PINACCT_CAUSE_LIMIT: over RLIMIT_MEMLOCK and the slack
 * @PINACCT_CAUSE_NO_MEMORY: the host or the memory cgroup has no memory
 * @PINACCT_CAUSE_ZERO_PAGE: never written, and the parameter zero_page is strict
 * @PINACCT_CAUSE_FILE: shared memory of a file whose file system must notice
 *	every write, which a device's writes would escape
 * @PINACCT_CAUSE_NOT_MEMFD: mapped by a file that is neither on tmpfs nor on
 *	hugetlbfs
 * @PINACCT_CAUSE_UNPINNABLE: DAX, secret memory, or memory private to a guest
 * @PINACCT_CAUSE_UNMAPPED: nothing is mapped at that address, or the file ends
 *	before it
 * @PINACCT_CAUSE_PROTECTED: mapped, but not readable or not writable
 * @PINACCT_CAUSE_MOVABLE: a page cannot leave a zone of movable memory
 * @PINACCT_CAUSE_DEVICE: a device's own memory, a BAR, which iommufd does not map
 *	by its address. VMMs try and go on without, so the log does not tell
 * @PINACCT_CAUSE_OTHER: none of these; the errno is all there is
 * @PINACCT_CAUSE_EXCLUDED: its owner wants no pins there: PINACCT_EXCLUDE
 */
enum pinacct_cause {
	PINACCT_CAUSE_NONE = 0,
	PINACCT_CAUSE_LIMIT,
	PINACCT_CAUSE_NO_MEMORY,
	PINACCT_CAUSE_ZERO_PAGE,
	PINACCT_CAUSE_FILE,
	PINACCT_CAUSE_NOT_MEMFD,
	PINACCT_CAUSE_UNPINNABLE,
	PINACCT_CAUSE_UNMAPPED,
	PINACCT_CAUSE_PROTECTED,
	PINACCT_CAUSE_MOVABLE,
	PINACCT_CAUSE_DEVICE,
	PINACCT_CAUSE_OTHER,
	PINACCT_CAUSE_EXCLUDED,
};

/**
 * struct pinacct_refusal - PINACCT_REFUSAL: the last refusal of a process
 * @size: of this structure
 * @pid: in: whose; 0 for the caller. Another's takes CAP_SYS_PTRACE in the user
 *	namespace of its memory. out: the process that was refused
 * @cause: an enum pinacct_cause
 * @error: the errno it got, positive
 * @start: address (or offset in the file) at which it failed
 * @iova: where the mapping was to begin for the device; 0 with iommufd where a
 *	device's driver pins by itself, which does not say it
 * @length: of the mapping, in bytes
 * @asked: bytes that did not fit, with PINACCT_CAUSE_LIMIT
 * @charged: bytes charged to the payer by everybody at that moment
 * @limit: RLIMIT_MEMLOCK in bytes, as it was read
 * @slack: bytes of the slack (zero_slack_mb) that the payer was not over its
 *	limit by; only zero COWs get them
 * @needed: bytes of RLIMIT_MEMLOCK with which the mapping would have fitted; with
 *	charge_once less may do, since what others hold already is not known yet
 * @time_ns: CLOCK_BOOTTIME of the refusal
 * @comm: name of the task
 *
 * ENOENT if nothing is known, which may be because others have been refused
 * often since.
 */
struct pinacct_refusal {
	__u32 size;
	__s32 pid;
	__u32 cause;
	__u32 error;
	__aligned_u64 start;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 asked;
	__aligned_u64 charged;
	__aligned_u64 limit;
	__aligned_u64 slack;
	__aligned_u64 needed;
	__aligned_u64 time_ns;
	char comm[16];
};

#define PINACCT_REFUSAL		_IO(PINACCT_IOC_TYPE, 0x01)

/**
 * struct pinacct_usage - PINACCT_USAGE: what a process pays for
 * @size: of this structure
 * @pid: in: whose; 0 for the caller, another's as with PINACCT_REFUSAL
 * @flags: zero
 * @reserved: zero
 * @limit: RLIMIT_MEMLOCK in bytes
 * @slack: the parameter zero_slack_mb, in bytes
 * @mm_charged: bytes in the process's VmLck, charged by everybody
 * @mm_pinacct: how much of it came through mappings for devices
 * @mm_zero_cow: how much of that is zero COWs
 * @user_charged: bytes in the user's counter, charged by everybody
 * @user_pinacct: how much of it came through mappings for devices
 * @user_zero_cow: how much of that is zero COWs
 * @exempt: bytes pinned for devices that nobody pays for (CAP_IPC_LOCK)
 * @mm_shared: bytes that were not charged to the process since other mappings of
 *	its hold the same pages (the parameter charge_once)
 * @user_shared: likewise, to the user
 */
struct pinacct_usage {
	__u32 size;
	__s32 pid;
	__u32 flags;
	__u32 reserved;
	__aligned_u64 limit;
	__aligned_u64 slack;
	__aligned_u64 mm_charged;
	__aligned_u64 mm_pinacct;
	__aligned_u64 mm_zero_cow;
	__aligned_u64 user_charged;
	__aligned_u64 user_pinacct;
	__aligned_u64 user_zero_cow;
	__aligned_u64 exempt;
	__aligned_u64 mm_shared;
	__aligned_u64 user_shared;
};

#define PINACCT_USAGE		_IO(PINACCT_IOC_TYPE, 0x02)

/**
 * struct pinacct_estimate - PINACCT_ESTIMATE: what a mapping would charge
 * @size: of this structure
 * @flags: PINACCT_ESTIMATE_WRITE if the device is to write
 * @start: address in the caller's memory, page aligned
 * @length: in bytes, page aligned, not 0
 * @least: out: bytes that would be charged at least
 * @most: out: bytes that would be charged at most
 *
 * Nothing is pinned or faulted in. The two differ where pages may turn out to
 * be zero pages that are not charged. Whether the limit allows it is not looked
 * at. EFAULT if part of the range cannot be mapped, for what the mappings of it
 * say: it can still fail for a reason that only shows when a page is touched.
 */
struct pinacct_estimate {
	__u32 size;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 least;
	__aligned_u64 most;
};

#define PINACCT_ESTIMATE_WRITE	1U

#define PINACCT_ESTIMATE	_IO(PINACCT_IOC_TYPE, 0x03)

/**
 * struct pinacct_pin_range - pages in a row that are pinned equally often
 * @start: address of the first
 * @length: in bytes
 * @pins: how many pins each of the pages has
 * @reserved: zero
 */
struct pinacct_pin_range {
	__aligned_u64 start;
	__aligned_u64 length;
	__u32 pins;
	__u32 reserved;
};

/**
 * struct pinacct_pins - PINACCT_PINS: which pages are pinned for devices
 * @size: of this structure
 * @pid: in: whose; 0 for the caller, another's as with PINACCT_REFUSAL
 * @by: in: PINACCT_PINS_BY_ADDRESS or PINACCT_PINS_BY_PAGE; out: what the answer
 *	is by
 * @nr: in: how many entries @ranges has room for; out: how many it got
 * @start: in: address in that process's memory, page aligned
 * @length: in: in bytes, page aligned, not 0
 * @ranges: in: address of an array of struct pinacct_pin_range. It gets those
 *	pages that are pinned, in order of their addresses
 * @next: out: address behind all that is answered. Where it is not behind the
 *	range, there was no more room: ask again from there
 *
 * Counted are pins that mappings for devices of the process's memory hold, by
 * pages of the CPU's base size, also inside of large folios, of which the kernel
 * itself only knows that some page is pinned. A page that is in two mappings has
 * two pins; one that a container or IOAS maps for several devices has one.
 * Devices' own memory and zero pages (zero_page=ignore) have none.
 *
 * By address, a pin counts where it was taken: at the address that the mapping
 * has. By page, it counts at every address where the process has that page now.
 * The answers differ where the two have come apart:
 *
 *	after				by address	by page
 *	MADV_DONTNEED, hole punched	still pinned	not, and a new page is not
 *	mremap(), or mapped again	old address	new address
 *	fork(), then written		pinned		parent: pinned; the child's
 *							copy is not
 *	mapped twice by the process	where mapped	at both addresses
 *					for the device
 *	IOMMU_IOAS_MAP_FILE		not		where the file is mapped
 *
 * So where by address says pinned and by page does not, a device sees other
 * memory than the process does. By page looks only at what is in the process's
 * page tables: a page of a file counts where the process has touched it. The
 * answer is of no single moment: other threads may map and unmap while it is put
 * together. It can wait for a mapping that is being made.
 */
struct pinacct_pins {
	__u32 size;
	__s32 pid;
	__u32 by;
	__u32 nr;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 ranges;
	__aligned_u64 next;
};

#define PINACCT_PINS_BY_ADDRESS	1U
#define PINACCT_PINS_BY_PAGE	2U

#define PINACCT_PINS		_IO(PINACCT_IOC_TYPE, 0x04)

/**
 * struct pinacct_exclude - PINACCT_EXCLUDE, PINACCT_INCLUDE: no pins here
 * @size: of this structure
 * @flags: zero
 * @start: address in the caller's memory, page aligned
 * @length: in bytes, page aligned, not 0
 *
 * To convert memory that devices may have pinned, to private memory of a guest or
 * by truncating it: exclude it, which lets no new pin in; wait until those that
 * are there have gone (PINACCT_WAIT, or poll() for POLLIN); convert; include it
 * again. The range may be a part of a large folio.
 *
 * While it is excluded, a mapping for a device that covers any of it is refused
 * with EBUSY. What is mapped stays so, and can be unmapped at any time. Excluded
 * are these addresses of the caller; and where memory of a file is mapped shared
 * at that moment, and may be written, that part of the file as well, at whatever
 * address, by file, and for every process, since it is the same memory. Private
 * memory of other processes is not affected.
 *
 * An exclusion belongs to the file descriptor, and goes when it is closed. Ranges
 * may overlap; each is included again as it was excluded. EEXIST if the same
 * range is excluded already, ENOENT to include what is not, ENOSPC if there are
 * more than 1024 ranges, or more than 1024 mappings of files in all of them.
 */
struct pinacct_exclude {
	__u32 size;
	__u32 flags;
	__aligned_u64 start;
	__aligned_u64 length;
};

#define PINACCT_EXCLUDE		_IO(PINACCT_IOC_TYPE, 0x05)
#define PINACCT_INCLUDE		_IO(PINACCT_IOC_TYPE, 0x06)

/**
 * struct pinacct_wait - PINACCT_WAIT: until no pin is left
 * @size: of this structure
 * @timeout_ms: how long at most; 0 to ask only, -1 for ever
 *
 * In all ranges that are excluded through this file descriptor, by address and by
 * page (see PINACCT_PINS), and on the parts of files. Returns at once if there is
 * none. ETIMEDOUT if there still is a pin then, EINTR for a signal. It looks again
 * when pins go. Where the process puts other memory at its addresses meanwhile, so
 * that a pin is none of these pages any more, that is seen at the next look only.
 */
struct pinacct_wait {
	__u32 size;
	__s32 timeout_ms;
};

#define PINACCT_WAIT		_IO(PINACCT_IOC_TYPE, 0x07)

#endif
