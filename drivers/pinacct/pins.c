// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages are pinned, and how often.
 *
 * The kernel counts pins by folio: of a large one it does not know which pages
 * they are for. What maps for devices does know. Each container and each IOAS
 * is a struct pin_source here, and when somebody asks, it is asked for the runs
 * of pages that it holds a pin on. Nothing is kept for that while memory is
 * pinned, so it costs nothing until then.
 *
 * The question is about addresses of a process, and it can be asked in two ways:
 *
 *   by address   pins that were taken through these addresses, by mappings that
 *                have them now. The page there may be another by now
 *   by page      pins on the pages that are at these addresses now, taken
 *                through whatever addresses, or by file
 *
 * Either way, mappings of the process's own memory are what counts. exclude.c
 * asks in a third way, by file: for pins on pages of a file, whoever has mapped
 * it. An answer is put together a window at a time: a count for each page, and if
 * it is not by address, a sorted table of the PFNs that are there.
 *
 * Locks: sources_lock guards the list and pin_source::users. It is dropped while
 * a source is asked, which takes the front end's locks; the source stays, since
 * pin_source_unregister() waits until nobody asks it. So there is no order
 * between asking one source and creating or destroying another.
 */
#include "internal.h"

#include <linux/export.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pinacct-compat.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sort.h>
#include <linux/wait.h>

/* The window: 256 MiB, for which the tables are 768 KiB. */
#define WINDOW_SHIFT	16
#define WINDOW_PAGES	BIT(WINDOW_SHIFT)

/* Looked up in one go, under mmap_lock. */
#define LOOK_PAGES	(PAGE_SIZE / sizeof(struct page *))

static LIST_HEAD(sources);
static DEFINE_SPINLOCK(sources_lock);
static DECLARE_WAIT_QUEUE_HEAD(sources_wait);
static atomic64_t accounts_met = ATOMIC64_INIT(0);

/**
 * struct pin_query - a question for sources
 * @mm: whose memory, if not by file
 * @mapping: the file, if by file
 * @by: which question
 * @start: address or offset of the window in bytes
 * @npages: length of the window
 * @next: lowest address behind the window where something may be pinned
 * @counts: for each page of the window, how often it is pinned
 * @present: not by address: what is in the window, as PFN << WINDOW_SHIFT | page
 *	     of the window, sorted
 * @npresent: entries of @present
 * @tag: by address: the tag in the addresses of the mapping that is counted now
 * @met: accounts that have been counted already
 * @unsure: a source could not tell
 */
struct pin_query {
	struct mm_struct *mm;
	struct address_space *mapping;
	enum pin_by by;
	unsigned long start;
	unsigned long npages;
	unsigned long next;
	u32 *counts;
	u64 *present;
	unsigned long npresent;
	unsigned long tag;
	struct xarray met;
	bool unsure;
};

/**
 * pin_source_register - have a container or IOAS asked from now on
 * @source: in zeroed memory, with @count set
 *
 * Context: may sleep.
 */
void pin_source_register(struct pin_source *source)
{
	spin_lock(&sources_lock);
	list_add_tail(&source->node, &sources);
	spin_unlock(&sources_lock);
}
EXPORT_SYMBOL_GPL(pin_source_register);

static bool source_idle(struct pin_source *source)
{
	bool idle;

	spin_lock(&sources_lock);
	idle = !source->users;
	spin_unlock(&sources_lock);
	return idle;
}

/**
 * pin_source_unregister - a container or IOAS is about to go
 * @source: in zeroed memory, or registered
 *
 * Context: may sleep. No lock is held that pin_source::count takes.
 */
void pin_source_unregister(struct pin_source *source)
{
	if (!source->count)
		return;

	spin_lock(&sources_lock);
	source->going = true;
	spin_unlock(&sources_lock);

	wait_event(sources_wait, source_idle(source));

	spin_lock(&sources_lock);
	list_del(&source->node);
	spin_unlock(&sources_lock);
}
EXPORT_SYMBOL_GPL(pin_source_unregister);

/**
 * pin_source_maps - a container or IOAS is about to map memory
 * @source: it
 * @mm: whose memory
 *
 * So that others, who ask about theirs, need not wait for it.
 *
 * Context: before anything of it is pinned. The front end's lock is held.
 */
void pin_source_maps(struct pin_source *source, const struct mm_struct *mm)
{
	if (source->many || source->mm == mm)
		return;
	if (source->mm)
		WRITE_ONCE(source->many, true);
	else
		WRITE_ONCE(source->mm, mm);
	/* Who does not see it has excluded memory by now: see exclusion_add(). */
	smp_mb();
}
EXPORT_SYMBOL_GPL(pin_source_maps);

static bool source_concerns(const struct pin_source *source,
			    const struct mm_struct *mm)
{
	return !mm || READ_ONCE(source->many) || READ_ONCE(source->mm) == mm;
}

/* The source behind @source, or the first one, that has memory of @mm; held. */
static struct pin_source *source_next(struct pin_source *source,
				      const struct mm_struct *mm)
{
	struct pin_source *next = NULL;

	spin_lock(&sources_lock);
	source = list_prepare_entry(source, &sources, node);
	list_for_each_entry_continue(source, &sources, node) {
		if (source->going || !source_concerns(source, mm))
			continue;
		source->users++;
		next = source;
		break;
	}
	spin_unlock(&sources_lock);
	return next;
}

static void source_put(struct pin_source *source)
{
	bool idle;

	spin_lock(&sources_lock);
	idle = !--source->users;
	spin_unlock(&sources_lock);
	if (idle)
		wake_up_all(&sources_wait);
}

/* Asks all sources. What they answer is in query->counts. */
static int ask_sources(struct pin_query *query)
{
	struct pin_source *source, *next;
	int ret = 0;

	for (source = source_next(NULL, query->mm); source; source = next) {
		ret = source->count(source, query);
		next = ret ? NULL : source_next(source, query->mm);
		source_put(source);
	}
	return ret;
}

/**
 * pin_query_wants - which pages of a mapping are asked about?
 * @query: the question
 * @acct: the mapping's account
 * @by_address: the mapping is of addresses, and these are valid
 * @start: its first address in bytes, if @by_address
 * @npages: how long it is
 * @index: out: first page of interest
 * @last: out: last page of interest
 *
 * Context: the front end's lock of the mapping is held.
 *
 * Return: false if none is.
 */
bool pin_query_wants(struct pin_query *query, const struct pin_account *acct,
		     bool by_address, unsigned long start,
		     unsigned long npages, unsigned long *index,
		     unsigned long *last)
{
	unsigned long window_end = query->start + query->npages * PAGE_SIZE;
	unsigned long end;

	if ((query->mm && acct->mm != query->mm) || !npages)
		return false;

	*index = 0;
	*last = npages - 1;
	if (query->by != PIN_BY_ADDRESS)
		return true;
	if (!by_address)
		return false;
	query->tag = start - pin_untagged(acct->mm, start);
	start -= query->tag;
	end = start + npages * PAGE_SIZE;
	if (end <= query->start)
		return false;

	if (end > window_end)
		query->next = min(query->next, max(start, window_end));
	if (start >= window_end)
		return false;
	*index = (max(start, query->start) - start) >> PAGE_SHIFT;
	*last = (min(end, window_end) - start) / PAGE_SIZE - 1;
	return true;
}
EXPORT_SYMBOL_GPL(pin_query_wants);

/**
 * pin_query_unsure - a source cannot tell what a mapping has pinned
 * @query: the question
 *
 * The mapping is being made or unmade.
 *
 * Context: any.
 */
void pin_query_unsure(struct pin_query *query)
{
	query->unsure = true;
}
EXPORT_SYMBOL_GPL(pin_query_unsure);

/**
 * pin_query_meet - is this the first time that an account is met?
 * @query: the question
 * @acct: of a mapping that is found in more than one place
 *
 * Context: the front end's lock of the mapping is held. May sleep.
 *
 * Return: 0 if so, 1 if not, or -ENOMEM.
 */
int pin_query_meet(struct pin_query *query, struct pin_account *acct)
{
	int ret;

	/* Not its address, which another may have before the answer is given. */
	if (!acct->met)
		acct->met = atomic64_inc_return(&accounts_met);
	ret = xa_insert(&query->met, acct->met, xa_mk_value(1), GFP_KERNEL);
	return ret == -EBUSY ? 1 : ret;
}
EXPORT_SYMBOL_GPL(pin_query_meet);

/* The first entry of query->present that is not below @key. */
static unsigned long present_find(const struct pin_query *query, u64 key)
{
	unsigned long low = 0, high = query->npresent;

	while (low < high) {
		unsigned long mid = low + (high - low) / 2;

		if (query->present[mid] < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/**
 * pin_query_count - a source has a pin on each of these pages
 * @query: the question
 * @start: the address in bytes through which the first was pinned; not used by
 *	   page
 * @run: the pages. If it has no pins, nothing is counted
 *
 * Context: the front end's lock of the mapping is held.
 */
void pin_query_count(struct pin_query *query, unsigned long start,
		     const struct pin_run *run)
{
	unsigned long i;
	u64 end;

	if (!pin_kind_is_pinned(run->kind))
		return;
	if (query->by != PIN_BY_ADDRESS) {
		end = (u64)(run->pfn + run->npages) << WINDOW_SHIFT;
		i = present_find(query, (u64)run->pfn << WINDOW_SHIFT);
		for (; i < query->npresent && query->present[i] < end; i++)
			query->counts[query->present[i] % WINDOW_PAGES]++;
	} else {
		i = (start - query->tag - query->start) >> PAGE_SHIFT;
		for (end = i + run->npages; i < end; i++)
			query->counts[i]++;
	}
}
EXPORT_SYMBOL_GPL(pin_query_count);

static int compare_u64(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* What is at @addr, up to @npages pages, without a fault; 0 if nothing is. */
static long look(struct mm_struct *mm, unsigned long addr, unsigned long npages,
		 struct page **pages)
{
	long ret;

	mmap_read_lock(mm);
	/* What mprotect() keeps from the process is there as well. */
	ret = get_user_pages_remote(mm, addr, npages, FOLL_NOFAULT | FOLL_FORCE,
				    pages, NULL);
	mmap_read_unlock(mm);
	return max(ret, 0);
}

static void add_present(struct pin_query *query, unsigned long pfn,
			unsigned long page)
{
	query->present[query->npresent++] = (u64)pfn << WINDOW_SHIFT | page;
}

/* Finds out which pages the process has in the window. */
static int look_up_process(struct pin_query *query, struct page **pages)
{
	unsigned long done = 0;

	if (!mmget_not_zero(query->mm))
		return -ESRCH;
	while (done < query->npages && !fatal_signal_pending(current)) {
		unsigned long addr = query->start + done * PAGE_SIZE;
		long n = look(query->mm, addr,
			      min(query->npages - done, LOOK_PAGES), pages);

		for (long i = 0; i < n; i++) {
			add_present(query, page_to_pfn(pages[i]), done + i);
			put_page(pages[i]);
		}
		done += max(n, 1);
		cond_resched();
	}
	mmput(query->mm);
	return 0;
}

/*
 * Finds out which pages of the file there are in the window: each index once, for
 * which there is room, though folios are joined and replaced meanwhile, so that one
 * may begin in front of the last.
 */
static void look_up_file(struct pin_query *query)
{
	pgoff_t first = query->start >> PAGE_SHIFT, next = first, done = first;
	pgoff_t last = first + query->npages - 1;
	struct folio_batch batch;

	folio_batch_init(&batch);
	while (next <= last &&
	       filemap_get_folios(query->mapping, &next, last, &batch)) {
		for (unsigned int i = 0; i < folio_batch_count(&batch); i++) {
			struct folio *folio = batch.folios[i];
			pgoff_t from = max(done, folio->index);
			pgoff_t to = min(last, folio_next_index(folio) - 1);

			for (; from <= to; from++)
				add_present(query, folio_pfn(folio) +
						   (from - folio->index),
					    from - first);
			done = from;
		}
		folio_batch_release(&batch);
		cond_resched();
	}
}

static int look_up_present(struct pin_query *query, struct page **pages)
{
	int ret = 0;

	query->npresent = 0;
	if (query->by == PIN_BY_FILE)
		look_up_file(query);
	else
		ret = look_up_process(query, pages);
	sort(query->present, query->npresent, sizeof(*query->present),
	     compare_u64, NULL);
	return ret;
}

/* The first address from @addr on where @mm has something, or ULONG_MAX. */
static unsigned long first_mapped(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma;

	if (!mmget_not_zero(mm))
		return ULONG_MAX;
	mmap_read_lock(mm);
	vma = find_vma(mm, addr);
	addr = vma ? max(addr, vma->vm_start) : ULONG_MAX;
	mmap_read_unlock(mm);
	mmput(mm);
	return addr;
}

/* Counts in the window at query->start, which is moved to what is there. */
static int count_window(struct pin_query *query, unsigned long end,
			struct page **pages)
{
	int ret = 0;

	if (query->by == PIN_BY_PAGE)
		query->start = min(end, first_mapped(query->mm, query->start));
	query->npages = min((end - query->start) >> PAGE_SHIFT, WINDOW_PAGES);
	query->next = end;
	if (!query->npages)
		return 0;

	memset(query->counts, 0, query->npages * sizeof(*query->counts));
	if (query->by != PIN_BY_ADDRESS) {
		query->next = query->start + query->npages * PAGE_SIZE;
		ret = look_up_present(query, pages);
	}
	/* Where there is no page, there is none that is pinned. */
	if (!ret && (query->by == PIN_BY_ADDRESS || query->npresent))
		ret = ask_sources(query);
	xa_destroy(&query->met);
	return ret;
}

/* Hands the window out. Sets query->next if there was no room for all of it. */
static int report_window(struct pin_query *query, struct pin_answer *answer)
{
	const u32 *counts = query->counts;
	unsigned long i = 0, n;

	for (; i < query->npages; i += n) {
		int ret;

		for (n = 1; i + n < query->npages && counts[i + n] == counts[i];)
			n++;
		if (!counts[i])
			continue;
		ret = answer->add(answer, query->start + i * PAGE_SIZE, n,
				  counts[i]);
		if (ret) {
			query->next = query->start + i * PAGE_SIZE;
			return ret;
		}
	}
	return 0;
}

/**
 * pin_find_pins - which pages of a process are pinned, and how often
 * @mm: the process's memory. Held by mmgrab(). NULL with PIN_BY_FILE
 * @mapping: a file, with PIN_BY_FILE
 * @start: first address or offset in bytes, page aligned
 * @end: behind the last one, page aligned
 * @by: which pins
 * @answer: is told each range of pages that are pinned equally often, in order
 *	    of addresses; equal ones may come one after the other
 *
 * Each mapping is asked at a moment of its own, and each 256 MiB as well.
 *
 * Context: no lock is held. May sleep.
 *
 * Return: 0 with answer->next behind what the answer is about: @end, or where
 * answer->add has refused to take more. -EINTR if the caller was killed,
 * -ENOMEM, -ESRCH if the process has ended, or what answer->add says.
 */
int pin_find_pins(struct mm_struct *mm, struct address_space *mapping,
		  unsigned long start, unsigned long end, enum pin_by by,
		  struct pin_answer *answer)
{
	struct pin_query query = {
		.mm = mm,
		.mapping = mapping,
		.by = by,
		.start = start,
	};
	struct page **pages;
	int ret = -ENOMEM;

	xa_init(&query.met);
	pages = kmalloc_array(LOOK_PAGES, sizeof(*pages), GFP_KERNEL);
	query.counts = kvmalloc_array(WINDOW_PAGES, sizeof(*query.counts),
				      GFP_KERNEL_ACCOUNT);
	if (by != PIN_BY_ADDRESS)
		query.present = kvmalloc_array(WINDOW_PAGES,
					       sizeof(*query.present),
					       GFP_KERNEL_ACCOUNT);
	if (!pages || !query.counts || (by != PIN_BY_ADDRESS && !query.present))
		goto out_free;

	do {
		ret = fatal_signal_pending(current) ? -EINTR :
		      count_window(&query, end, pages);
		if (!ret)
			ret = report_window(&query, answer);
		query.start = query.next;
	} while (!ret && query.start < end);

	answer->next = query.start;
	answer->unsure |= query.unsure;
	if (ret == -ENOSPC)
		ret = 0;
out_free:
	kvfree(query.present);
	kvfree(query.counts);
	kfree(pages);
	return ret;
}
