// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is left of a refusal: a record, a trace event, a line in the log.
 *
 * Mainline answers a refused mapping with an errno that has many causes. Here
 * the cause and the numbers are kept, and the process that was refused can read
 * them (PINACCT_REFUSAL). A line in the log says the same in words, and names
 * the remedy.
 *
 * Records are kept by uid, RING_RECORDS each, of RINGS_MAX uids: whoever is
 * refused in a loop drives out his own, and many uids each other's oldest. A
 * record belongs to a process by its pid and start time, so a new process with
 * an old pid does not read it.
 *
 * rings_lock guards all records. It nests inside nothing and nothing in it.
 */
#include "internal.h"

#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>
#include <trace/events/pinacct.h>

#define RING_RECORDS	16
#define RINGS_MAX	64

struct refusal_record {
	struct pinacct_refusal refusal;
	u64 start_boottime;
};

struct refusal_ring {
	struct list_head node;
	kuid_t uid;
	unsigned int next;
	struct refusal_record records[RING_RECORDS];
};

/* Most recently used first. */
static LIST_HEAD(rings);
static unsigned int nr_rings;
static DEFINE_SPINLOCK(rings_lock);

static struct refusal_ring *ring_find(kuid_t uid)
{
	struct refusal_ring *ring;

	lockdep_assert_held(&rings_lock);

	list_for_each_entry(ring, &rings, node)
		if (uid_eq(ring->uid, uid))
			return ring;
	return NULL;
}

/* Puts the ring of @uid to the front; a new one is @new, or the oldest. */
static struct refusal_ring *ring_use(kuid_t uid, struct refusal_ring **new)
{
	struct refusal_ring *ring = ring_find(uid);

	if (ring) {
		list_move(&ring->node, &rings);
		return ring;
	}
	if (nr_rings < RINGS_MAX) {
		ring = *new;
		if (!ring)
			return NULL;
		*new = NULL;
		nr_rings++;
	} else {
		ring = list_last_entry(&rings, struct refusal_ring, node);
		list_del(&ring->node);
		memset(ring, 0, sizeof(*ring));
	}
	ring->uid = uid;
	list_add(&ring->node, &rings);
	return ring;
}

static void keep(const struct pinacct_refusal *refusal)
{
	struct refusal_ring *ring, *new = NULL;
	struct refusal_record *record;
	bool known;

	spin_lock(&rings_lock);
	known = ring_find(current_uid()) || nr_rings == RINGS_MAX;
	spin_unlock(&rings_lock);
	/*
	 * Nobody's memory cgroup is charged: there are few rings, each is used by
	 * one uid after the other, and that a cgroup is full is what some are to
	 * tell. Without memory for it, the trace event and the log must do.
	 */
	if (!known)
		new = kzalloc(sizeof(*new), GFP_KERNEL | __GFP_NOWARN);

	spin_lock(&rings_lock);
	ring = ring_use(current_uid(), &new);
	if (ring) {
		record = &ring->records[ring->next++ % RING_RECORDS];
		record->refusal = *refusal;
		record->start_boottime = current->group_leader->start_boottime;
	}
	spin_unlock(&rings_lock);
	kfree(new);
}

/**
 * pin_refusal_last - the last refusal of a process
 * @task: its group leader
 * @refusal: where to copy it
 *
 * Context: may sleep.
 *
 * Return: 0, or -ENOENT if there is no record of one.
 */
int pin_refusal_last(struct task_struct *task, struct pinacct_refusal *refusal)
{
	pid_t pid = task_tgid_nr(task);
	struct refusal_ring *ring;
	u64 latest = 0;

	spin_lock(&rings_lock);
	list_for_each_entry(ring, &rings, node) {
		for (unsigned int i = 0; i < RING_RECORDS; i++) {
			struct refusal_record *record = &ring->records[i];

			if (record->refusal.pid == pid &&
			    record->start_boottime == task->start_boottime &&
			    record->refusal.time_ns > latest) {
				latest = record->refusal.time_ns;
				*refusal = record->refusal;
			}
		}
	}
	spin_unlock(&rings_lock);
	return latest ? 0 : -ENOENT;
}

/**
 * pin_refusals_free - forget all records
 *
 * Context: the module is going.
 */
void pin_refusals_free(void)
{
	struct refusal_ring *ring, *next;

	list_for_each_entry_safe(ring, next, &rings, node)
		kfree(ring);
}

static void describe(struct pinacct_refusal *refusal,
		     const struct pin_request *request, u64 start,
		     enum pinacct_cause cause, int error)
{
	*refusal = (struct pinacct_refusal){
		.size = sizeof(*refusal),
		.pid = task_tgid_nr(current),
		.cause = cause,
		.error = -error,
		.start = start,
		.iova = request->iova,
		.length = (u64)request->npages << PAGE_SHIFT,
		.time_ns = ktime_get_boottime_ns(),
	};
	get_task_comm(refusal->comm, current);
	/* Whose name it is has chosen it: it is not to end the line in the log. */
	for (char *c = refusal->comm; *c; c++)
		if (iscntrl(*c))
			*c = '?';
}

/* One rate for all lines: a process can be refused as often as it likes. */
static bool may_log(void)
{
	static DEFINE_RATELIMIT_STATE(rs, 5 * HZ, 10);

	/* Named in the line that says how many were left out. */
	return ___ratelimit(&rs, KBUILD_MODNAME);
}

static unsigned long kib(u64 bytes)
{
	return bytes >> 10;
}

/**
 * pin_refuse_limit - a charge does not fit
 * @acct: who was to pay
 * @request: for which mapping
 * @npages: pages that did not fit
 * @charged: pages that the payer was charged with at that moment
 * @limit: RLIMIT_MEMLOCK in pages
 * @slack: pages by which @charged and @npages might exceed it, given how many of
 *	   them are zero COWs
 *
 * Context: no lock of the layer is held.
 *
 * Return: what the caller gets: -ENOMEM, or -EDQUOT with strict_errno.
 */
int pin_refuse_limit(const struct pin_account *acct,
		     const struct pin_request *request, unsigned long npages,
		     unsigned long charged, unsigned long limit,
		     unsigned long slack)
{
	int error = pin_cause_errno(PINACCT_CAUSE_LIMIT, -ENOMEM);
	bool user = acct->payer == PIN_PAYER_USER;
	unsigned long budget = pin_zero_slack();
	struct pinacct_refusal refusal;
	unsigned long rest, used;

	describe(&refusal, request, request->start, PINACCT_CAUSE_LIMIT, error);
	refusal.asked = (u64)npages << PAGE_SHIFT;
	refusal.charged = (u64)charged << PAGE_SHIFT;
	refusal.limit = (u64)limit << PAGE_SHIFT;
	used = charged - min(charged, limit);
	refusal.slack = (u64)(budget - min(used, budget)) << PAGE_SHIFT;
	/* What it has been charged already is in @charged. */
	rest = request->npages - min(request->npages, acct->charged);
	refusal.needed = (u64)(charged + max(rest, npages) - slack)
			 << PAGE_SHIFT;

	keep(&refusal);
	trace_pinacct_refusal(&refusal);
	if (may_log())
		pr_warn("%s[%d]: cannot map %lu KiB for a device: RLIMIT_MEMLOCK is %lu KiB, and %s %u is charged %lu KiB already. It takes a limit of %lu KiB (ulimit -l, prlimit --memlock, systemd LimitMEMLOCK=, libvirt <memtune><hard_limit>)\n",
			refusal.comm, refusal.pid, kib(refusal.length),
			kib(refusal.limit), user ? "uid" : "process",
			user ? from_kuid(&init_user_ns, acct->user->uid) :
			       task_tgid_nr(acct->task),
			kib(refusal.charged), kib(refusal.needed));
	return error;
}

/* What is wrong, and where it helps what to do; %s is a file system. */
#define WORDS_FILE "a device cannot write to shared memory of a file on %s: use a memfd, tmpfs or hugetlbfs, or map it privately"
#define WORDS_NOT_MEMFD "a file on %s cannot be mapped for a device: use a memfd, tmpfs or hugetlbfs"
#define WORDS_UNPINNABLE "memory on %s cannot be pinned"

static void log_cause(const struct pinacct_refusal *refusal, const char *fs)
{
	char text[160];

	switch (refusal->cause) {
	case PINACCT_CAUSE_NO_MEMORY:
		strscpy(text, "the host or the memory cgroup has no memory");
		break;
	case PINACCT_CAUSE_ZERO_PAGE:
		strscpy(text, "memory there was never written, and zero_page is strict");
		break;
	case PINACCT_CAUSE_FILE:
		snprintf(text, sizeof(text), WORDS_FILE, fs);
		break;
	case PINACCT_CAUSE_NOT_MEMFD:
		snprintf(text, sizeof(text), WORDS_NOT_MEMFD, fs);
		break;
	case PINACCT_CAUSE_UNPINNABLE:
		snprintf(text, sizeof(text), WORDS_UNPINNABLE, fs);
		break;
	case PINACCT_CAUSE_UNMAPPED:
		strscpy(text, "nothing is mapped there");
		break;
	case PINACCT_CAUSE_PROTECTED:
		strscpy(text, "the mapping there does not allow what the device is to do");
		break;
	case PINACCT_CAUSE_MOVABLE:
		strscpy(text, "a page there cannot leave movable memory");
		break;
	case PINACCT_CAUSE_EXCLUDED:
		strscpy(text, "its owner has excluded memory there from being pinned");
		break;
	default:
		strscpy(text, "memory there cannot be pinned");
	}

	pr_warn("%s[%d]: cannot map %lu KiB for a device: at %#llx: %s (errno %u)\n",
		refusal->comm, refusal->pid, kib(refusal->length),
		refusal->start, text, refusal->error);
}

/**
 * pin_refuse_memory - memory cannot be pinned
 * @reader: what has failed
 * @start: where the window begins that was to be pinned, in bytes
 * @npages: how many pages that was
 * @error: with what, a negative errno
 *
 * A signal is not a refusal: the call is made again, or nobody is left to ask.
 *
 * Context: no mmap_lock is held. May sleep.
 *
 * Return: what the caller gets: @error, or with strict_errno what stands for the
 * cause.
 */
int pin_refuse_memory(struct pin_reader *reader, unsigned long start,
		      unsigned long npages, int error)
{
	struct pinacct_refusal refusal;
	enum pinacct_cause cause;
	char fs[24];

	if (error == -EINTR)
		return error;

	cause = pin_cause(reader, &start, npages, error, fs, sizeof(fs));
	error = pin_cause_errno(cause, error);
	describe(&refusal, reader->request, start, cause, error);

	keep(&refusal);
	trace_pinacct_refusal(&refusal);
	/* QEMU tries every BAR of every guest with iommufd, and goes on. */
	if (cause != PINACCT_CAUSE_DEVICE && may_log())
		log_cause(&refusal, fs);
	return error;
}

/**
 * pin_refuse_domain - an IOMMU domain does not take a mapping
 * @request: the mapping
 * @iova: where in it, in bytes
 * @error: with what, a negative errno; the caller gets it as it is
 *
 * Context: as pin_refuse_memory().
 */
void pin_refuse_domain(const struct pin_request *request, unsigned long iova,
		       int error)
{
	struct pinacct_refusal refusal;

	describe(&refusal, request, request->start + (iova - request->iova),
		 error == -ENOMEM ? PINACCT_CAUSE_NO_MEMORY :
				    PINACCT_CAUSE_OTHER, error);
	keep(&refusal);
	trace_pinacct_refusal(&refusal);
	if (!may_log())
		return;
	if (error == -ENOMEM)
		pr_warn("%s[%d]: cannot map %lu KiB for a device: the host or the memory cgroup has no memory for page tables of the IOMMU (errno %u)\n",
			refusal.comm, refusal.pid, kib(refusal.length),
			refusal.error);
	else
		pr_warn("%s[%d]: cannot map %lu KiB for a device: the IOMMU does not take IOVA %#lx (errno %u)\n",
			refusal.comm, refusal.pid, kib(refusal.length), iova,
			refusal.error);
}
