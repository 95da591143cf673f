// SPDX-License-Identifier: GPL-2.0-only
/*
 * How several tasks fault in the memory of one mapping: pin_threads.
 *
 * Where memory was never touched, nine tenths of what it costs to map it are page
 * faults. Only these are shared, and before anything is pinned: the mapper and
 * its workers touch all of it, in chunks that each takes from what is left; then the
 * mapper pins, charges and maps it in the order of addresses, as it does alone. So
 * what is mapped, what is refused and with which errno does not depend on who has
 * touched what. To pin behind the workers was slower for who charges a process, which
 * takes mmap_lock for writing every 2 MiB: with huge pages slower than to be alone.
 *
 * What is touched is what early.c calls certain to be charged and the payer has room
 * for, so nobody touches what could not be mapped; and what a device may write, since
 * for one that only reads a fault would decide what a zero page gets (zero.c). What
 * is there already is passed over.
 *
 * A worker is a thread of the calling process, so what it faults in is charged and
 * placed as if the mapper had done it: memory cgroup, cpuset, memory policy, CPU
 * share. It takes part in whatever happens to the process: it is killed with it,
 * and between two chunks it may be stopped, traced or frozen, for any time. So the
 * mapper does not wait for workers to run, or to end, which a work item does; it
 * waits only for those that are in the middle of a chunk. Where no thread can be had,
 * the mapper goes on alone.
 *
 * Locks: ahead->lock protects next and busy. The mapper may hold the front end's
 * locks; a worker takes nothing but mmap_lock for reading, and gives it away
 * where somebody else wants it.
 */
#include "internal.h"

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/module.h>
#include <linux/pinacct-compat.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

/* With less to do, a thread costs more than it saves. */
#define TASK_SHARE SZ_16M

/* pin_threads=0: a task for so much, and not more than so many */
#define AUTO_SHARE SZ_64M
#define AUTO_MAX 16

/* How soon to see again whether the workers are done */
#define REAP_AGAIN msecs_to_jiffies(20)

/**
 * struct worker - a thread that touches memory
 * @ahead: what it is one of
 * @task: the thread
 * @done: it sleeps, or is about to, or was killed: nothing is left for it to do
 */
struct worker {
	struct pin_ahead *ahead;
	struct vhost_task *task;
	bool done;
};

/**
 * struct pin_ahead - memory that is touched before it is pinned
 * @reader: the mapper's; is gone when @leave is set and @busy is 0
 * @lock: guards @next and @busy
 * @next: first address that nobody has taken, or @end
 * @end: behind the last address
 * @chunk: bytes that are taken at a time
 * @busy: workers that are in a chunk
 * @leave: they are to stop where they are
 * @idle: wakes the mapper when @busy is 0
 * @reap: ends the workers, once all are done
 * @nr: how many workers there are
 * @workers: the workers
 */
struct pin_ahead {
	const struct pin_reader *reader;
	spinlock_t lock;	/* of next and busy */
	unsigned long next;
	unsigned long end;
	unsigned long chunk;
	unsigned int busy;
	bool leave;
	wait_queue_head_t idle;
	struct delayed_work reap;
	unsigned int nr;
	struct worker workers[] __counted_by(nr);
};

static struct workqueue_struct *reapers;

/* False if nothing is left. */
static bool take_chunk(struct pin_ahead *ahead, unsigned long *start,
		       unsigned long *end, bool worker)
{
	bool taken;

	spin_lock(&ahead->lock);
	*start = ahead->next;
	*end = min(ALIGN(*start + 1, ahead->chunk), ahead->end);
	ahead->next = *end;
	taken = *start < *end;
	if (taken && worker)
		ahead->busy++;
	spin_unlock(&ahead->lock);
	return taken;
}

static void leave_chunk(struct pin_ahead *ahead)
{
	spin_lock(&ahead->lock);
	if (!--ahead->busy)
		wake_up(&ahead->idle);
	spin_unlock(&ahead->lock);
}

/* What is wrong with the rest, the mapper will find out when it pins it. */
static void give_up(struct pin_ahead *ahead)
{
	spin_lock(&ahead->lock);
	ahead->next = ahead->end;
	spin_unlock(&ahead->lock);
}

/* Pages of @vma from @addr on, of those wanted, that are (still) to be touched. */
static unsigned long pages_to_touch(const struct pin_ahead *ahead,
				    struct vm_area_struct *vma,
				    unsigned long addr, unsigned long npages)
{
	bool more;

	if (!vma || pin_exclusions_exist())
		return 0;
	npages = min(npages, (vma->vm_end - addr) >> PAGE_SHIFT);
	return pin_certain_in_vma(ahead->reader, vma, addr, npages, &more);
}

/*
 * Takes faults from @start on, until somebody else wants mmap_lock. The caller
 * has PF_MEMALLOC_PIN as GUP has, so that pages need not move to be pinned.
 *
 * Return: where to go on, behind @start; @end if that is for the mapper alone.
 */
static unsigned long fault_in(struct pin_ahead *ahead, unsigned long start,
			      unsigned long end)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long addr, npages;
	vm_fault_t fault = 0;

	if (mmap_read_lock_killable(mm))
		goto give_up;
	addr = untagged_addr_remote(mm, start);
	vma = vma_lookup(mm, addr);
	npages = pages_to_touch(ahead, vma, addr, (end - start) >> PAGE_SHIFT);
	if (!npages)
		goto unlock;

	do {
		if (READ_ONCE(ahead->leave) || fatal_signal_pending(current))
			goto unlock;
		fault = handle_mm_fault(vma, addr, FAULT_FLAG_WRITE |
					FAULT_FLAG_REMOTE |
					FAULT_FLAG_ALLOW_RETRY |
					FAULT_FLAG_KILLABLE, NULL);
		if (fault & VM_FAULT_ERROR)
			goto unlock;
		start += PAGE_SIZE;
		addr += PAGE_SIZE;
		/* The lock is gone. What had to be waited for is there now. */
		if (fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED))
			return start;
	} while (--npages && !mmap_lock_is_contended(mm));
	mmap_read_unlock(mm);

	/* To take it again at once would be to steal it from who waits. */
	if (npages)
		usleep_range(10, 20);
	return start;

unlock:
	mmap_read_unlock(mm);
give_up:
	give_up(ahead);
	return end;
}

/* A page first, which may turn out to be a large one, and then what is missing. */
static void touch(struct pin_ahead *ahead, unsigned long start,
		  unsigned long end)
{
	unsigned int flags = memalloc_pin_save();
	unsigned long last = end - PAGE_SIZE;

	if (!pin_is_there(last))
		start = fault_in(ahead, start, start + PAGE_SIZE);
	while (start < end && !pin_is_there(last)) {
		start = fault_in(ahead, start, end);
		cond_resched();
	}
	memalloc_pin_restore(flags);
}

/* One chunk: the thread looks for signals between two calls. */
static bool work(void *data)
{
	struct worker *worker = data;
	struct pin_ahead *ahead = worker->ahead;
	unsigned long start, end;

	if (!take_chunk(ahead, &start, &end, true)) {
		WRITE_ONCE(worker->done, true);
		return false;
	}
	/* It was about to sleep, for which there is a reason only above. */
	__set_current_state(TASK_RUNNING);
	touch(ahead, start, end);
	leave_chunk(ahead);
	cond_resched();
	return true;
}

/* A worker is killed between two chunks, and the mapper with it. */
static void killed(void *data)
{
	struct worker *worker = data;

	WRITE_ONCE(worker->done, true);
}

/*
 * Who is stopped, traced or frozen does not end before he goes on, which may take
 * days. No task of the kernel's waits for that.
 */
static void reap(struct work_struct *work)
{
	struct pin_ahead *ahead = container_of(to_delayed_work(work),
					       struct pin_ahead, reap);

	for (unsigned int i = 0; i < ahead->nr; i++) {
		if (!READ_ONCE(ahead->workers[i].done)) {
			queue_delayed_work(reapers, &ahead->reap, REAP_AGAIN);
			return;
		}
	}
	for (unsigned int i = 0; i < ahead->nr; i++)
		vhost_task_stop(ahead->workers[i].task);
	kfree(ahead);
	module_put(THIS_MODULE);
}

/* How many workers for so many bytes, of which @chunk are taken at a time? */
static unsigned int workers_for(unsigned long bytes, unsigned long chunk)
{
	unsigned long tasks = pin_threads();

	if (!tasks) {
		tasks = cpumask_weight_and(current->cpus_ptr, cpu_online_mask);
		tasks = min3(tasks, AUTO_MAX, bytes / AUTO_SHARE);
	}
	tasks = min(tasks, bytes / max(TASK_SHARE, chunk));
	return tasks > 1 ? tasks - 1 : 0;
}

/* Bytes that are taken at a time: there is no sharing of a huge page. */
static unsigned long chunk_at(unsigned long start)
{
	struct mm_struct *mm = current->mm;
	unsigned long chunk = PMD_SIZE;
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, untagged_addr_remote(mm, start));
	if (vma && is_vm_hugetlb_page(vma))
		chunk = max(chunk, huge_page_size(hstate_vma(vma)));
	mmap_read_unlock(mm);
	return chunk;
}

/* How much from @start on may be touched before it is pinned, in bytes */
static unsigned long bytes_ahead(const struct pin_reader *reader,
				 unsigned long start)
{
	const struct pin_request *request = reader->request;
	unsigned long done = (start - request->start) >> PAGE_SHIFT;
	unsigned long room, uncharged, certain;
	bool more;

	if (done >= request->npages || pin_exclusions_exist())
		return 0;
	certain = pin_reader_certain(reader, start, request->npages - done,
				     &more);
	/* What comes before it may have been pinned and not been charged yet. */
	uncharged = done - min(done, request->acct->charged);
	room = pin_account_room(request->acct);
	return min(certain, room - min(room, uncharged)) << PAGE_SHIFT;
}

static bool add_worker(struct pin_ahead *ahead)
{
	unsigned int i = ahead->nr++;
	struct worker *worker = &ahead->workers[i];

	worker->ahead = ahead;
	worker->task = vhost_task_create(work, killed, worker, "pinacct");
	/* The first 6.12 said NULL. */
	if (!IS_ERR_OR_NULL(worker->task))
		return true;
	ahead->nr = i;
	return false;
}

/* NULL where no thread can be had. Those that can have not been started. */
static struct pin_ahead *begin(const struct pin_reader *reader,
			       unsigned long start, unsigned long bytes,
			       unsigned int nr, unsigned long chunk)
{
	struct pin_ahead *ahead;

	ahead = kzalloc(struct_size(ahead, workers, nr),
			GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	if (!ahead)
		return NULL;

	ahead->reader = reader;
	spin_lock_init(&ahead->lock);
	ahead->next = start;
	ahead->end = start + bytes;
	ahead->chunk = chunk;
	init_waitqueue_head(&ahead->idle);
	INIT_DELAYED_WORK(&ahead->reap, reap);
	while (ahead->nr < nr && add_worker(ahead))
		;
	if (!ahead->nr) {
		kfree(ahead);
		return NULL;
	}
	__module_get(THIS_MODULE);
	return ahead;
}

/* With the workers, to the end; or until the caller is killed */
static void touch_all(struct pin_ahead *ahead)
{
	unsigned long start, end;

	for (unsigned int i = 0; i < ahead->nr; i++)
		vhost_task_start(ahead->workers[i].task);
	while (take_chunk(ahead, &start, &end, false))
		touch(ahead, start, end);
	wait_event_killable(ahead->idle, !READ_ONCE(ahead->busy));

	/* No worker takes a chunk any more; after a kill some may be in one. */
	WRITE_ONCE(ahead->leave, true);
	wait_event(ahead->idle, !READ_ONCE(ahead->busy));
	queue_delayed_work(reapers, &ahead->reap, 0);
}

/**
 * pin_ahead - have memory touched by several tasks, if that is worth it
 * @reader: the reader, of an address, for a device that writes
 * @start: what is to be pinned next: address in bytes
 *
 * Where it has been decided, reader->touched says so.
 *
 * Context: as pin_reader_fill(). Takes faults of up to all of the mapping.
 */
void pin_ahead(struct pin_reader *reader, unsigned long start)
{
	unsigned long bytes, chunk;
	struct pin_ahead *ahead;
	unsigned int nr;

	if (start < reader->touched || reader->mm != current->mm ||
	    current->flags & PF_KTHREAD || pin_is_there(start))
		return;

	bytes = bytes_ahead(reader, start);
	reader->touched = start + bytes;
	chunk = chunk_at(start);
	nr = workers_for(bytes, chunk);
	ahead = nr ? begin(reader, start, bytes, nr, chunk) : NULL;
	if (ahead)
		touch_all(ahead);
}

int pin_ahead_init(void)
{
	reapers = alloc_workqueue("pinacct", WQ_UNBOUND, 0);
	return reapers ? 0 : -ENOMEM;
}

void pin_ahead_exit(void)
{
	destroy_workqueue(reapers);
}
