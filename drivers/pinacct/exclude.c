// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that its owner wants no pins on.
 *
 * To turn shared memory into private memory of a confidential guest, or to
 * truncate it, takes three steps: let no new pin in, wait for those that are
 * there, convert. The kernel cannot do the second below the size of a folio, of
 * which it only knows that something is pinned. What pins for devices can: see
 * pins.c.
 *
 * Who has /dev/pinacct open can exclude ranges of his own memory. Each is kept as
 *
 *   mm and addresses     whatever is there is not pinned through them
 *   files and offsets    of what was mapped shared there: it is the same memory
 *                        at every other address, by file, and in every process
 *
 * and is gone with the file descriptor. An exclusion only ever refuses pins and
 * counts them. It holds nothing that an unmap would have to wait for.
 *
 * A pin is either refused or found. The tree is changed before pins are counted;
 * and they are looked at, to refuse, under the front end's lock, which counting
 * takes as well. By address that is before pinning; by file it is after, on the
 * pages that came of it, since what is mapped at an address may change meanwhile.
 *
 * All are in one interval tree, whose numbers have the mm or the file in front of
 * the address or the offset. So what a pin takes to look does hardly depend on how
 * many there are, and not at all on those that others have.
 *
 * Locks: exclusions_sem guards the tree of all; a pin holds it for reading while
 * it looks. pin_exclusions::lock guards one descriptor's list against its own
 * threads, and is held while pins are looked for: who waits for it can be killed.
 * The order is
 *
 *   pin_exclusions::lock, the front end's locks, exclusions_sem
 *
 * and nobody holds any of them while he waits for a pin to go.
 */
#include "internal.h"

#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/interval_tree_generic.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/* Of one descriptor: ranges, and mappings of files in all of them. */
#define EXCLUSIONS_MAX	1024
#define FILES_MAX	1024

/* How soon to look again at a mapping that was being made or unmade. */
#define LOOK_AGAIN	msecs_to_jiffies(10)

/*
 * Addresses of an mm in bytes, or pages of a file. Slabs promise less alignment
 * than a u128 would have.
 */
struct excluded_range {
	u128 subtree_last __packed __aligned(8);
	struct rb_node node;
	const void *of;	/* mm_struct or address_space */
	unsigned long first;
	unsigned long last;
};

struct excluded_file {
	struct excluded_range range;
	struct file *file;
};

struct exclusion {
	struct excluded_range range;
	struct list_head of_fd;
	struct mm_struct *mm;
	unsigned int nr_files;
	struct excluded_file files[] __counted_by(nr_files);
};

static u128 place(const void *of, unsigned long at)
{
	return (u128)(unsigned long)of << BITS_PER_LONG | at;
}

static u128 range_first(const struct excluded_range *range)
{
	return place(range->of, range->first);
}

static u128 range_last(const struct excluded_range *range)
{
	return place(range->of, range->last);
}

INTERVAL_TREE_DEFINE(struct excluded_range, node, u128, subtree_last,
		     range_first, range_last, static inline, range)

static struct rb_root_cached ranges = RB_ROOT_CACHED;
static unsigned int nr_exclusions;
static DECLARE_RWSEM(exclusions_sem);

/* Woken when a pin goes, while there are exclusions. */
static DECLARE_WAIT_QUEUE_HEAD(exclusions_wait);

static void look_again_fn(struct work_struct *work)
{
	wake_up_all(&exclusions_wait);
}

static DECLARE_WORK(look_now, look_again_fn);
static DECLARE_DELAYED_WORK(look_again, look_again_fn);

/**
 * pin_exclusions_exist - is there anything to look for?
 *
 * Context: any. What is excluded meanwhile finds the pins of who was told no.
 */
bool pin_exclusions_exist(void)
{
	return READ_ONCE(nr_exclusions);
}

/**
 * pin_exclusions_wake - pins have gone, or will be found now
 *
 * Anybody may wait, in any number, and pins go run by run: whoever unmaps does not
 * wake them himself.
 *
 * Context: any.
 */
void pin_exclusions_wake(void)
{
	if (pin_exclusions_exist() && wq_has_sleeper(&exclusions_wait))
		schedule_work(&look_now);
}

/* The first that is excluded, or the one behind @last if none is. */
static unsigned long first_excluded(const void *of, unsigned long first,
				    unsigned long last)
{
	struct excluded_range *range;

	lockdep_assert_held(&exclusions_sem);

	range = range_iter_first(&ranges, place(of, first), place(of, last));
	return range ? max(first, range->first) : last + 1;
}

/**
 * pin_excluded_addresses - must a range of memory not be pinned?
 * @mm: whose
 * @start: in bytes, page aligned. Set to the first address that is excluded
 * @npages: length of the range
 *
 * Context: the front end's lock of the mapping is held. May sleep.
 */
bool pin_excluded_addresses(struct mm_struct *mm, unsigned long *start,
			    unsigned long npages)
{
	unsigned long end, first;

	*start = pin_untagged(mm, *start);
	end = *start + npages * PAGE_SIZE;

	guard(rwsem_read)(&exclusions_sem);
	first = first_excluded(mm, *start, end - 1);
	if (first == end)
		return false;
	*start = first;
	return true;
}

/**
 * pin_excluded_file - must a part of a file not be pinned?
 * @file: the file
 * @start: in bytes, page aligned. Set to the first offset that is excluded
 * @npages: length of the part
 *
 * Context: as pin_excluded_addresses().
 */
bool pin_excluded_file(const struct file *file, unsigned long *start,
		       unsigned long npages)
{
	unsigned long first = *start >> PAGE_SHIFT, found;

	guard(rwsem_read)(&exclusions_sem);
	found = first_excluded(file->f_mapping, first, first + npages - 1);
	if (found == first + npages)
		return false;
	*start = found << PAGE_SHIFT;
	return true;
}

/**
 * pin_excluded_folios - are pages of an excluded file in folios just pinned?
 * @folios: the folios
 * @nr: how many
 *
 * Context: as pin_excluded_addresses().
 *
 * Return: true if any page of any of them is, be it one that nobody wants.
 */
bool pin_excluded_folios(struct folio **folios, unsigned long nr)
{
	guard(rwsem_read)(&exclusions_sem);
	for (unsigned long i = 0; i < nr; i++) {
		const struct folio *folio = folios[i];
		const void *mapping = READ_ONCE(folio->mapping);
		unsigned long last;

		if (folio_test_anon(folio) || !mapping)
			continue;
		last = folio->index + folio_nr_pages(folio) - 1;
		if (first_excluded(mapping, folio->index, last) <= last)
			return true;
	}
	return false;
}

/**
 * pin_excluded_pages - is a page of an excluded file among those just pinned?
 * @pages: the pages
 * @npages: how many
 *
 * Context: as pin_excluded_addresses().
 *
 * Return: the number of pages in front of it, or @npages if there is none.
 */
unsigned long pin_excluded_pages(struct page **pages, unsigned long npages)
{
	const struct address_space *mapping = NULL;
	unsigned long i, from = 0, excluded = 0;

	guard(rwsem_read)(&exclusions_sem);
	for (i = 0; i < npages; i++) {
		struct folio *folio = page_folio(pages[i]);
		/* Truncation takes it away at any time. */
		const struct address_space *now = READ_ONCE(folio->mapping);
		unsigned long index;

		if (folio_test_anon(folio) || !now)
			continue;
		index = folio->index + folio_page_idx(folio, pages[i]);
		/* They mostly come in order, so it is not looked up for each. */
		if (now != mapping || index < from || index > excluded) {
			mapping = now;
			from = index;
			excluded = first_excluded(mapping, from, ULONG_MAX - 1);
		}
		if (index == excluded)
			break;
	}
	return i;
}

static void exclusion_free(struct exclusion *exclusion)
{
	for (unsigned int i = 0; i < exclusion->nr_files; i++)
		fput(exclusion->files[i].file);
	mmdrop(exclusion->mm);
	kvfree(exclusion);
}

/* Shared memory of a file in [start, end), one entry for each VMA. */
static unsigned int files_of(struct mm_struct *mm, unsigned long start,
			     unsigned long end, struct excluded_file *files,
			     unsigned int room)
{
	struct vm_area_struct *vma;
	unsigned int nr = 0;

	mmap_assert_locked(mm);

	for (vma = find_vma(mm, start); vma && vma->vm_start < end;
	     vma = find_vma(mm, vma->vm_end)) {
		unsigned long first = max(start, vma->vm_start);
		unsigned long last = min(end, vma->vm_end) - PAGE_SIZE;

		if (!vma->vm_file || !(vma->vm_flags & VM_SHARED))
			continue;
		/* Who was given a file to read only, by a seal, does not own it. */
		if (!(vma->vm_flags & VM_MAYWRITE))
			continue;
		/* A device's: no page of it is the file's, and what it holds on to
		 * may be the descriptor that is to end this.
		 */
		if (vma->vm_flags & (VM_IO | VM_PFNMAP | VM_MIXEDMAP))
			continue;
		if (nr < room)
			files[nr] = (struct excluded_file){
				.file = get_file(vma->vm_file),
				.range.of = vma->vm_file->f_mapping,
				.range.first = linear_page_index(vma, first),
				.range.last = linear_page_index(vma, last),
			};
		nr++;
	}
	return nr;
}

/* An exclusion of the caller's memory, with the files that are mapped there. */
static struct exclusion *exclusion_alloc(unsigned long start, unsigned long end)
{
	struct mm_struct *mm = current->mm;
	struct exclusion *exclusion;
	unsigned int nr;

	mmap_read_lock(mm);
	nr = files_of(mm, start, end, NULL, 0);
	exclusion = nr > FILES_MAX ? ERR_PTR(-ENOSPC) :
		    kvzalloc(struct_size(exclusion, files, nr),
			     GFP_KERNEL_ACCOUNT) ?: ERR_PTR(-ENOMEM);
	if (!IS_ERR(exclusion)) {
		exclusion->nr_files = nr;
		files_of(mm, start, end, exclusion->files, nr);
	}
	mmap_read_unlock(mm);
	if (IS_ERR(exclusion))
		return exclusion;

	mmgrab(mm);
	exclusion->mm = mm;
	exclusion->range.of = mm;
	exclusion->range.first = start;
	exclusion->range.last = end - 1;
	return exclusion;
}

static void exclusion_add(struct pin_exclusions *mine,
			  struct exclusion *exclusion)
{
	lockdep_assert_held(&mine->lock);

	list_add_tail(&exclusion->of_fd, &mine->list);
	mine->nr++;
	mine->nr_files += exclusion->nr_files;

	down_write(&exclusions_sem);
	range_insert(&exclusion->range, &ranges);
	for (unsigned int i = 0; i < exclusion->nr_files; i++)
		range_insert(&exclusion->files[i].range, &ranges);
	WRITE_ONCE(nr_exclusions, nr_exclusions + 1);
	up_write(&exclusions_sem);
	/* Who does not see it is seen by who counts: see pin_source_maps(). */
	smp_mb();
}

static void exclusion_remove(struct pin_exclusions *mine,
			     struct exclusion *exclusion)
{
	lockdep_assert_held(&mine->lock);

	list_del(&exclusion->of_fd);
	mine->nr--;
	mine->nr_files -= exclusion->nr_files;

	down_write(&exclusions_sem);
	range_remove(&exclusion->range, &ranges);
	for (unsigned int i = 0; i < exclusion->nr_files; i++)
		range_remove(&exclusion->files[i].range, &ranges);
	WRITE_ONCE(nr_exclusions, nr_exclusions - 1);
	up_write(&exclusions_sem);
	exclusion_free(exclusion);
}

/* The caller's exclusion of exactly this, or NULL. */
static struct exclusion *exclusion_find(struct pin_exclusions *mine,
					unsigned long start, unsigned long end)
{
	struct exclusion *exclusion;

	lockdep_assert_held(&mine->lock);

	list_for_each_entry(exclusion, &mine->list, of_fd)
		if (exclusion->range.first == start &&
		    exclusion->range.last == end - 1 &&
		    exclusion->mm == current->mm)
			return exclusion;
	return NULL;
}

/**
 * pin_exclude - let no new pin into a range of the caller's memory
 * @mine: of the caller's descriptor
 * @start: in bytes, page aligned, without a tag
 * @end: behind the last address, page aligned
 *
 * Context: may sleep.
 *
 * Return: 0; -EEXIST if the same range is excluded already; -ENOSPC if there are
 * too many ranges, or too many files in them; -EINTR if the caller was killed; or
 * -ENOMEM.
 */
int pin_exclude(struct pin_exclusions *mine, unsigned long start,
		unsigned long end)
{
	struct exclusion *exclusion;
	int ret;

	exclusion = exclusion_alloc(start, end);
	if (IS_ERR(exclusion))
		return PTR_ERR(exclusion);

	ret = mutex_lock_killable(&mine->lock);
	if (ret)
		goto err_free;
	if (mine->nr == EXCLUSIONS_MAX ||
	    mine->nr_files + exclusion->nr_files > FILES_MAX)
		ret = -ENOSPC;
	else if (exclusion_find(mine, start, end))
		ret = -EEXIST;
	else
		exclusion_add(mine, exclusion);
	mutex_unlock(&mine->lock);
	if (!ret)
		return 0;
err_free:
	exclusion_free(exclusion);
	return ret;
}

/**
 * pin_include - let pins into a range again
 * @mine: of the caller's descriptor
 * @start: as it was excluded
 * @end: likewise
 *
 * Context: may sleep.
 *
 * Return: 0; -ENOENT if exactly this was not excluded through @mine; or -EINTR if
 * the caller was killed.
 */
int pin_include(struct pin_exclusions *mine, unsigned long start,
		unsigned long end)
{
	struct exclusion *exclusion;
	int ret;

	ret = mutex_lock_killable(&mine->lock);
	if (ret)
		return ret;
	exclusion = exclusion_find(mine, start, end);
	if (exclusion)
		exclusion_remove(mine, exclusion);
	else
		ret = -ENOENT;
	mutex_unlock(&mine->lock);
	return ret;
}

/* One pin is enough. */
static int found_a_pin(struct pin_answer *answer, unsigned long start,
		       unsigned long npages, unsigned int pins)
{
	return -EBUSY;
}

/* 0 if nothing is pinned, -EBUSY if something is, or another error. */
static int exclusion_busy(const struct exclusion *exclusion)
{
	const unsigned long start = exclusion->range.first;
	const unsigned long end = exclusion->range.last + 1;
	struct pin_answer answer = { .add = found_a_pin };
	int ret;

	ret = pin_find_pins(exclusion->mm, NULL, start, end, PIN_BY_ADDRESS,
			    &answer);
	/* What has moved, as long as there is a process to look at */
	if (!ret)
		ret = pin_find_pins(exclusion->mm, NULL, start, end,
				    PIN_BY_PAGE, &answer);
	if (ret == -ESRCH)
		ret = 0;
	for (unsigned int i = 0; i < exclusion->nr_files && !ret; i++) {
		const struct excluded_file *file = &exclusion->files[i];

		ret = pin_find_pins(NULL, file->file->f_mapping,
				    file->range.first << PAGE_SHIFT,
				    (file->range.last + 1) << PAGE_SHIFT,
				    PIN_BY_FILE, &answer);
	}
	if (!ret && answer.unsure) {
		/* Who asks again and again does not put it off. */
		schedule_delayed_work(&look_again, LOOK_AGAIN);
		ret = -EBUSY;
	}
	return ret;
}

/**
 * pin_exclusions_busy - is anything pinned of what was excluded?
 * @mine: of the caller's descriptor
 *
 * Context: may sleep, for mappings that are being made.
 *
 * Return: 0 if nothing is; -EBUSY if something is, and pin_exclusions_queue() is
 * woken when that may have changed; -EINTR if the caller was killed; or -ENOMEM.
 */
int pin_exclusions_busy(struct pin_exclusions *mine)
{
	struct exclusion *exclusion;
	int ret;

	ret = mutex_lock_killable(&mine->lock);
	if (ret)
		return ret;
	list_for_each_entry(exclusion, &mine->list, of_fd) {
		ret = exclusion_busy(exclusion);
		if (ret)
			break;
	}
	mutex_unlock(&mine->lock);
	return ret;
}

/**
 * pin_exclusions_queue - where to wait, before pin_exclusions_busy()
 *
 * Context: any.
 */
wait_queue_head_t *pin_exclusions_queue(void)
{
	return &exclusions_wait;
}

/**
 * pin_exclusions_wait - until nothing is pinned of what was excluded
 * @mine: of the caller's descriptor
 * @timeout: in jiffies
 *
 * Context: no lock is held. May sleep.
 *
 * Return: 0; -ETIMEDOUT; -EINTR for a signal; or -ENOMEM.
 */
int pin_exclusions_wait(struct pin_exclusions *mine, long timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int ret;

	add_wait_queue(&exclusions_wait, &wait);
	while ((ret = pin_exclusions_busy(mine)) == -EBUSY) {
		if (signal_pending(current))
			ret = -EINTR;
		else if (!timeout)
			ret = -ETIMEDOUT;
		if (ret != -EBUSY)
			break;
		timeout = wait_woken(&wait, TASK_INTERRUPTIBLE, timeout);
	}
	remove_wait_queue(&exclusions_wait, &wait);
	return ret;
}

/**
 * pin_exclusions_open - of a new descriptor
 *
 * Context: may sleep.
 *
 * Return: nothing excluded yet; or NULL if there is no memory.
 */
struct pin_exclusions *pin_exclusions_open(void)
{
	struct pin_exclusions *mine = kzalloc(sizeof(*mine),
					      GFP_KERNEL_ACCOUNT);

	if (mine) {
		mutex_init(&mine->lock);
		INIT_LIST_HEAD(&mine->list);
	}
	return mine;
}

/**
 * pin_exclusions_close - the descriptor is gone, and so are its exclusions
 * @mine: of it
 *
 * Context: may sleep.
 */
void pin_exclusions_close(struct pin_exclusions *mine)
{
	struct exclusion *exclusion, *next;

	mutex_lock(&mine->lock);
	list_for_each_entry_safe(exclusion, next, &mine->list, of_fd)
		exclusion_remove(mine, exclusion);
	mutex_unlock(&mine->lock);
	kfree(mine);
}

/**
 * pin_exclusions_exit - nobody is going to wait any more
 *
 * Context: the module is going.
 */
void pin_exclusions_exit(void)
{
	cancel_work_sync(&look_now);
	cancel_delayed_work_sync(&look_again);
}
