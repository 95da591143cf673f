// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a range of user memory becomes runs of pinned PFNs.
 *
 * A struct pin_reader pins a window, up to PIN_WINDOW_PAGES entries, and hands
 * it out as runs of consecutive PFNs. A window is large enough that the cost of
 * a call is lost in it, and small enough that a refusal or a signal is noticed
 * soon: no more is faulted in for it than 2 MiB, or one huge page. Four sources
 * fill it:
 *
 *   an address of the caller's own mm   pin_user_pages_fast(), by page
 *   the same, in a huge page            one page of each, see leaf.c, by folio
 *   an address of another mm            pin_user_pages_remote(), by page
 *   a memfd                             memfd_pin_folios(), by folio
 *
 * VM_PFNMAP memory has no pages to pin. Where the front end takes it, its PFNs
 * are read from the page tables and handed out as PIN_DEVICE; they stay valid
 * no longer than their driver keeps them there, as with mainline's type1.
 *
 * Every page that is handed out carries one pin of its own, also where several
 * are of one folio, so that any part of a run can be unpinned by itself.
 *
 * Where the account is charged once, by page, a window is paid for when it is
 * pinned: reader->owed is 0 then, and what the front end does not take is left
 * by pin_reader_end().
 *
 * A reader belongs to one task and lives on its stack. Nothing is locked
 * between two calls, so the process can fault and map meanwhile.
 */
#include "internal.h"

#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/pinacct-compat.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/userfaultfd_k.h>

/**
 * pin_kind_of - what stands behind a PFN that came out of a page table
 * @pfn: the PFN
 *
 * Context: any. The PFN is pinned, or mapped for a device.
 *
 * Return: PIN_RAM if it is a page that is pinned and charged, PIN_ZERO if it is
 * the zero page, PIN_DEVICE if it has no struct page or is reserved.
 */
enum pin_kind pin_kind_of(unsigned long pfn)
{
	if (is_zero_pfn(pfn))
		return PIN_ZERO;
	if (pfn_valid(pfn) && !PageReserved(pfn_to_page(pfn)))
		return PIN_RAM;
	return PIN_DEVICE;
}
EXPORT_SYMBOL_GPL(pin_kind_of);

/**
 * pin_run_unpin - let go of a run
 * @run: the run; no device may reach it any more
 * @dirty: a device may have written to it
 *
 * Context: may sleep: dirtying locks the folio.
 */
void pin_run_unpin(const struct pin_run *run, bool dirty)
{
	if (pin_kind_is_pinned(run->kind))
		unpin_user_page_range_dirty_lock(pfn_to_page(run->pfn),
						 run->npages, dirty);
}
EXPORT_SYMBOL_GPL(pin_run_unpin);

/**
 * pin_reader_init - read memory by address
 * @reader: the reader
 * @request: the mapping that it is read for
 * @mm: whose addresses; the caller's own, or one held with mmgrab()
 * @writable: the device is to write, so copy-on-write is broken for writing
 * @devices: take VM_PFNMAP memory too
 *
 * Context: any. pin_reader_end() must follow.
 */
void pin_reader_init(struct pin_reader *reader,
		     const struct pin_request *request, struct mm_struct *mm,
		     bool writable, bool devices)
{
	*reader = (struct pin_reader){
		.request = request,
		.mm = mm,
		.gup_flags = FOLL_LONGTERM | (writable ? FOLL_WRITE : 0),
		.zero_mode = request->acct->zero_mode,
		.devices = devices,
	};
}
EXPORT_SYMBOL_GPL(pin_reader_init);

/**
 * pin_reader_init_file - read memory by file
 * @reader: the reader
 * @request: the mapping that it is read for
 * @file: a memfd; the caller holds it
 *
 * Context: any. pin_reader_end() must follow.
 */
void pin_reader_init_file(struct pin_reader *reader,
			  const struct pin_request *request, struct file *file)
{
	*reader = (struct pin_reader){ .request = request, .file = file };
}
EXPORT_SYMBOL_GPL(pin_reader_init_file);

/*
 * A few pages need no window of their own, and a mapping must not fail because
 * a page of scratch memory was not to be had.
 */
static unsigned long window_entries(struct pin_reader *reader,
				    unsigned long npages)
{
	void *page;

	if (!reader->pages)
		reader->pages = reader->few_pages;
	if (reader->pages != reader->few_pages)
		return PIN_WINDOW_PAGES;
	if (npages <= ARRAY_SIZE(reader->few_pages))
		return npages;

	page = (void *)__get_free_page(GFP_KERNEL | __GFP_NOWARN |
				       __GFP_NORETRY);
	if (!page)
		return ARRAY_SIZE(reader->few_pages);
	reader->pages = page;
	return PIN_WINDOW_PAGES;
}

static long pin_remote(struct pin_reader *reader, unsigned long start,
		       unsigned long npages, unsigned int gup_flags,
		       struct page **pages)
{
	struct mm_struct *mm = reader->mm;
	int locked = 1;
	long ret;

	if (mm != current->mm && !reader->mm_held) {
		if (!mmget_not_zero(mm))
			return -EFAULT;
		reader->mm_held = true;
	}

	mmap_read_lock(mm);
	ret = pin_user_pages_remote(mm, start, npages, gup_flags, pages,
				    reader->devices ? NULL : &locked);
	if (locked)
		mmap_read_unlock(mm);
	return ret;
}

/**
 * pin_vma_is_plain - do page tables say all that type1 has to know of a VMA?
 * @vma: the VMA
 *
 * Context: mmap_lock is held.
 *
 * Return: false if page tables alone would let more through than mainline's
 * type1 does.
 */
bool pin_vma_is_plain(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & VM_READ) &&
	       !(vma->vm_flags & (VM_IO | VM_PFNMAP)) &&
	       !userfaultfd_armed((struct vm_area_struct *)vma);
}

/* Is there a VMA that get_user_pages() must look at, as it is not plain? */
static bool must_look_at_vmas(const struct pin_reader *reader,
			      unsigned long start, unsigned long npages)
{
	struct mm_struct *mm = reader->mm;
	struct vm_area_struct *vma;
	unsigned long end;
	bool found = false;

	if (start + npages * PAGE_SIZE <= reader->looked_to)
		return false;

	mmap_read_lock(mm);
	start = untagged_addr_remote(mm, start);
	end = start + npages * PAGE_SIZE;
	for (vma = find_vma(mm, start); vma && vma->vm_start < end && !found;
	     vma = find_vma(mm, vma->vm_end))
		found = !pin_vma_is_plain(vma);
	mmap_read_unlock(mm);
	return found;
}

/**
 * pin_addresses - get_user_pages() as the front end's mainline does it
 * @reader: the reader
 * @start: address in bytes
 * @npages: entries of @pages
 * @gup_flags: FOLL_WRITE, FOLL_LONGTERM, FOLL_NOFAULT
 * @pages: where to put them
 *
 * Mainline's type1 looks the caller's own memory up as another's, with mmap_lock
 * held over faults. So it minds that a mapping is not readable where the page
 * tables would not, ignores protection keys, and never waits for a userfaultfd:
 * such memory is -EFAULT. That is kept for the reader that is told to take
 * devices, since it is type1's alone; iommufd does all of it the other way.
 *
 * Context: no mmap_lock is held. May sleep, and faults memory in.
 *
 * Return: how many pages, at least 1; or a negative errno.
 */
long pin_addresses(struct pin_reader *reader, unsigned long start,
		   unsigned long npages, unsigned int gup_flags,
		   struct page **pages)
{
	bool own = reader->mm == current->mm;
	long ret;

	if (own && reader->devices)
		own = !must_look_at_vmas(reader, start, npages);

	if (own)
		ret = pin_user_pages_fast(start, npages, gup_flags, pages);
	if (!own || (ret < 0 && reader->devices && !(gup_flags & FOLL_NOFAULT)))
		ret = pin_remote(reader, start, npages, gup_flags, pages);
	return ret ?: -EFAULT;
}

/**
 * pin_untagged - an address as VMAs have it
 * @mm: whose
 * @start: the address in bytes, as the process gave it; it may have a tag
 *
 * Context: mmap_lock of @mm is not held. May sleep.
 */
unsigned long pin_untagged(struct mm_struct *mm, unsigned long start)
{
	mmap_read_lock(mm);
	start = untagged_addr_remote(mm, start);
	mmap_read_unlock(mm);
	return start;
}

/**
 * pin_is_there - is there a page that can be written without a fault?
 * @addr: address of the caller's in bytes
 *
 * Context: any that may look at user memory. Cheap, and a wrong answer is no harm.
 */
bool pin_is_there(unsigned long addr)
{
	struct page *page;

	if (get_user_pages_fast_only(addr, 1, FOLL_WRITE, &page) != 1)
		return false;
	put_page(page);
	return true;
}

/**
 * pin_prefault - take the faults of get_user_pages() for it
 * @reader: the reader
 * @start: address in bytes
 * @npages: for how many pages
 * @fault_flags: FAULT_FLAG_WRITE; FAULT_FLAG_UNSHARE, which copies a zero page; or
 *		 none, to have something where there is nothing
 *
 * Around each fault, get_user_pages() would walk the page tables twice. Private
 * anonymous memory only; what else there is, what has to be waited for, and all
 * errors are left to it. As it does, it has pages made where they can stay.
 *
 * Context: no mmap_lock is held. May sleep.
 */
void pin_prefault(const struct pin_reader *reader, unsigned long start,
		  unsigned long npages, unsigned int fault_flags)
{
	vm_flags_t needed = fault_flags & FAULT_FLAG_WRITE ? VM_WRITE : VM_READ;
	struct mm_struct *mm = reader->mm;
	struct vm_area_struct *vma;
	unsigned int pinning;
	vm_fault_t fault;

	/* Another's mm is not sure to be held yet. */
	if (mm != current->mm)
		return;

	fault_flags |= FAULT_FLAG_REMOTE | FAULT_FLAG_ALLOW_RETRY |
		       FAULT_FLAG_KILLABLE;
	pinning = memalloc_pin_save();
	mmap_read_lock(mm);
	start = untagged_addr_remote(mm, start);
	vma = vma_lookup(mm, start);
	if (vma && vma_is_anonymous(vma) && (vma->vm_flags & needed) &&
	    pin_vma_is_plain(vma))
		npages = min(npages, (vma->vm_end - start) >> PAGE_SHIFT);
	else
		npages = 0;
	for (; npages && !fatal_signal_pending(current); npages--) {
		fault = handle_mm_fault(vma, start, fault_flags, NULL);
		/* The lock is gone. */
		if (fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED))
			goto out;
		if (fault & VM_FAULT_ERROR)
			break;
		start += PAGE_SIZE;
	}
	mmap_read_unlock(mm);
out:
	memalloc_pin_restore(pinning);
}

/* -EBUSY if there is something in the range that must not be pinned, and where. */
static noinline long check_excluded(struct pin_reader *reader,
				    unsigned long *start, unsigned long npages)
{
	if (reader->file)
		reader->excluded = pin_excluded_file(reader->file, start,
						     npages);
	else
		reader->excluded = pin_excluded_addresses(reader->mm, start,
							  npages);
	return reader->excluded ? -EBUSY : 0;
}

/* The same of pages that have been pinned: they may be of a file. */
static noinline long check_excluded_pages(struct pin_reader *reader,
					  struct page **pages,
					  unsigned long *start,
					  unsigned long npages)
{
	unsigned long before = pin_excluded_pages(pages, npages);

	if (before == npages)
		return npages;
	reader->excluded = true;
	*start += before * PAGE_SIZE;
	return -EBUSY;
}

/* Private memory that a device only reads may be the zero page. */
static long fill_from_addresses(struct pin_reader *reader, unsigned long start,
				unsigned long npages, enum pin_zero_mode mode,
				struct page **pages)
{
	long ret = 0;

	if (!(reader->gup_flags & FOLL_WRITE))
		ret = pin_zero_fill(reader, start, npages, mode, pages);
	if (!ret)
		ret = pin_addresses(reader, start, npages, reader->gup_flags,
				    pages);
	return ret;
}

/* Folios that follow one another in memory are one run. */
static bool next_folio_run(struct pin_reader *reader, struct pin_run *run)
{
	struct pin_run next = { .kind = PIN_RAM };

	run->npages = 0;
	while (reader->folio_pages) {
		struct folio *folio = reader->folios[reader->next];

		next.pfn = folio_pfn(folio) + reader->folio_offset;
		next.npages = min(folio_nr_pages(folio) - reader->folio_offset,
				  reader->folio_pages);
		if (!run->npages)
			*run = next;
		else if (!pin_run_join(run, &next))
			break;
		reader->folio_pages -= next.npages;
		reader->folio_offset = 0;
		reader->next++;
	}
	return run->npages;
}

static void drop_folios(struct pin_reader *reader)
{
	struct pin_run run;

	while (next_folio_run(reader, &run))
		pin_run_unpin(&run, false);
}

/*
 * Each folio of the window has one pin, whatever is wanted of it: of @npages pages
 * in all. Adds what is missing to one pin on each page. On failure the pins that
 * each folio has by then are dropped again.
 */
static long pin_every_page(struct pin_reader *reader, unsigned long npages)
{
	unsigned long offset = reader->folio_offset, left = npages;
	unsigned int i;
	int ret;

	reader->by_folio = true;
	reader->next = 0;
	for (i = 0; i < reader->end; i++) {
		struct folio *folio = reader->folios[i];
		unsigned long n = min(folio_nr_pages(folio) - offset, left);

		ret = n > 1 ? folio_add_pins(folio, n - 1) : 0;
		if (ret)
			goto err_unpin;
		left -= n;
		offset = 0;
	}
	reader->folio_pages = npages;
	return npages;

err_unpin:
	unpin_folios(reader->folios + i, reader->end - i);
	reader->folio_pages = npages - left;
	drop_folios(reader);
	return ret;
}

static long fill_from_file(struct pin_reader *reader, unsigned long start,
			   unsigned long npages)
{
	unsigned long entries = window_entries(reader, npages);
	unsigned long total = 0;
	pgoff_t offset;
	long nfolios;

	nfolios = memfd_pin_folios(reader->file, start,
				   start + npages * PAGE_SIZE - 1,
				   reader->folios, entries, &offset);
	if (nfolios <= 0)
		return nfolios ?: -EFAULT;

	reader->end = nfolios;
	reader->folio_offset = offset >> PAGE_SHIFT;
	for (long i = 0; i < nfolios; i++)
		total += folio_nr_pages(reader->folios[i]);
	/* Folios of one page are pages, and have the pin that each needs. */
	if (total == nfolios) {
		reader->by_folio = false;
		reader->next = 0;
		reader->plain_end = nfolios;
		return nfolios;
	}
	return pin_every_page(reader,
			      min(total - reader->folio_offset, npages));
}

/*
 * Huge pages of the caller's own. 0 if there is none at @start, and @npages should
 * be pinned by page.
 */
static long fill_from_leaves(struct pin_reader *reader, unsigned long start,
			     unsigned long *npages)
{
	long ret;

	/* A few pages are as well pinned by page. */
	if (reader->mm != current->mm ||
	    *npages <= ARRAY_SIZE(reader->few_folios))
		return 0;
	ret = pin_leaves(reader, start, npages,
			 window_entries(reader, *npages));
	if (ret > 0)
		ret = pin_every_page(reader, ret);
	/* Which page it is will be seen by page. */
	if (ret > 0 && pin_exclusions_exist() &&
	    pin_excluded_folios(reader->folios, reader->end)) {
		drop_folios(reader);
		ret = 0;
	}
	return ret;
}

static long fill_from_pages(struct pin_reader *reader, unsigned long start,
			    unsigned long npages)
{
	long ret;

	/* For a few pages it costs more than it saves. */
	if ((reader->gup_flags & FOLL_WRITE) && reader->mm == current->mm &&
	    npages > ARRAY_SIZE(reader->few_pages) && !pin_is_there(start))
		pin_prefault(reader, start, npages, FAULT_FLAG_WRITE);
	ret = fill_from_addresses(reader, start, npages, reader->zero_mode,
				  reader->pages);
	reader->by_folio = false;
	reader->next = 0;
	reader->end = max(ret, 0);
	reader->plain_end = reader->zeros ? 0 : reader->end;
	return ret;
}

/*
 * The PFN at @addr, after faulting it in if need be. -EAGAIN: mmap_lock was
 * dropped to do so, and @vma may be gone.
 */
static int follow_device_pfn(struct pin_reader *reader,
			     struct vm_area_struct *vma, unsigned long addr,
			     struct pin_run *run)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	bool write = reader->gup_flags & FOLL_WRITE;
	bool unlocked = false;
	unsigned long end;
	int ret;

	ret = follow_pfnmap_start(&args);
	if (ret) {
		ret = fixup_user_fault(reader->mm, addr, FAULT_FLAG_REMOTE |
				       (write ? FAULT_FLAG_WRITE : 0),
				       &unlocked);
		if (unlocked)
			return -EAGAIN;
		if (!ret)
			ret = follow_pfnmap_start(&args);
		if (ret)
			return ret;
	}

	if (write && !args.writable) {
		ret = -EFAULT;
	} else {
		end = min((addr | ~pinacct_pfnmap_mask(&args)) + 1,
			  vma->vm_end);
		run->pfn = args.pfn;
		run->npages = (end - addr) >> PAGE_SHIFT;
		run->kind = PIN_DEVICE;
	}
	follow_pfnmap_end(&args);
	return ret;
}

/*
 * GUP has refused @start with @error. If that is because the memory is a
 * device's, take as much of it as is consecutive.
 */
static long fill_from_device(struct pin_reader *reader, unsigned long start,
			     unsigned long npages, long error)
{
	/* As long under the lock as for a window of pages, and no longer. */
	unsigned long walks = PIN_WINDOW_PAGES;
	struct mm_struct *mm = reader->mm;
	struct pin_run run = {}, next;
	struct vm_area_struct *vma;
	unsigned long addr;
	long ret;

	mmap_read_lock(mm);
	start = untagged_addr_remote(mm, start);
again:
	addr = start + run.npages * PAGE_SIZE;
	vma = vma_lookup(mm, addr);
	ret = error;
	while (vma && (vma->vm_flags & VM_PFNMAP) && addr < vma->vm_end &&
	       run.npages < npages && walks--) {
		ret = follow_device_pfn(reader, vma, addr, &next);
		if (ret == -EAGAIN)
			goto again;
		if (!ret && pin_kind_of(next.pfn) == PIN_RAM)
			ret = -EFAULT;
		if (ret)
			break;
		if (!run.npages)
			run = next;
		else if (!pin_run_join(&run, &next))
			break;
		addr += next.npages * PAGE_SIZE;
	}
	mmap_read_unlock(mm);

	if (!run.npages)
		return ret;
	run.npages = min(run.npages, npages);
	reader->device = run;
	return run.npages;
}

/**
 * pin_reader_fill_pages - pin memory straight into an array of pages
 * @reader: the reader, with nothing in its window
 * @start: address, or offset in the file, in bytes; page aligned
 * @npages: entries of @pages
 * @pages: where to put them. Their pins belong to the caller; reader->zero_cow
 *	   says how many are zero COWs
 *
 * Context: no mmap_lock is held. May sleep, and faults memory in.
 *
 * Return: as pin_reader_fill(). PIN_ZERO_PAGE_IGNORE is PIN_ZERO_PAGE_COW here.
 */
long pin_reader_fill_pages(struct pin_reader *reader, unsigned long start,
			   unsigned long npages, struct page **pages)
{
	enum pin_zero_mode mode = reader->zero_mode;
	unsigned long done = 0;
	struct pin_run run;
	long ret;

	reader->zeros = false;
	reader->zero_cow = 0;
	reader->looked_to = 0;
	reader->plain_end = 0;
	if (pin_exclusions_exist()) {
		ret = check_excluded(reader, &start, npages);
		if (ret)
			return pin_refuse_memory(reader, start, npages, ret);
	}
	if (reader->file) {
		ret = fill_from_file(reader, start, npages);
		while (pin_reader_next(reader, &run))
			for (unsigned long i = 0; i < run.npages; i++)
				pages[done++] = pfn_to_page(run.pfn + i);
	} else {
		/* Who uses a struct page must have it pinned. */
		if (mode == PIN_ZERO_PAGE_IGNORE)
			mode = PIN_ZERO_PAGE_COW;
		ret = fill_from_addresses(reader, start, npages, mode, pages);
	}
	if (ret > 0 && pin_exclusions_exist()) {
		done = ret;
		ret = check_excluded_pages(reader, pages, &start, done);
		if (ret < 0)
			unpin_user_pages(pages, done);
	}
	if (ret < 0)
		return pin_refuse_memory(reader, start, npages, ret);
	reader->owed = ret;

	if (pin_account_is_once(reader->request->acct)) {
		struct pin_reader window = *reader;
		int error;

		window.by_folio = false;
		window.pages = pages;
		window.next = 0;
		window.end = ret;
		window.plain_end = reader->zeros ? 0 : ret;
		error = pin_account_enter_window(reader->request->acct,
						 &window);
		if (error) {
			unpin_user_pages(pages, ret);
			return error;
		}
		reader->owed = 0;
	}
	return ret;
}
EXPORT_SYMBOL_GPL(pin_reader_fill_pages);

/**
 * pin_reader_fill - pin a window
 * @reader: the reader; its window has been handed out
 * @start: address, or offset in the file, in bytes; page aligned
 * @npages: pages wanted, at least 1
 *
 * Context: no mmap_lock is held. May sleep, and faults memory in.
 *
 * Return: how many pages pin_reader_next() will hand out, at least 1 and maybe
 * fewer than asked for, of which reader->owed are to be charged and
 * reader->zero_cow of these as zero COWs; -ENODATA for a zero page with
 * zero_page=strict; or -EFAULT, -ENOMEM, -EINTR and what else get_user_pages()
 * and memfd_pin_folios() answer, or with strict_errno what stands for its
 * cause; -EBUSY if memory there is excluded from pinning; or what
 * pin_account_charge() says. A refusal has been recorded.
 */
long pin_reader_fill(struct pin_reader *reader, unsigned long start,
		     unsigned long npages)
{
	unsigned long tried = npages;
	long ret;

	reader->entered = false;
	cond_resched();
	if (fatal_signal_pending(current))
		return -EINTR;

	reader->zeros = false;
	reader->zero_cow = 0;
	reader->looked_to = 0;
	reader->plain_end = 0;
	if (pin_exclusions_exist()) {
		ret = check_excluded(reader, &start, npages);
		if (ret)
			return pin_refuse_memory(reader, start, npages, ret);
	}
	if (reader->file) {
		ret = fill_from_file(reader, start, npages);
	} else {
		if (pin_threads() != 1 && (reader->gup_flags & FOLL_WRITE))
			pin_ahead(reader, start);
		ret = fill_from_leaves(reader, start, &tried);
	}
	if (!ret) {
		tried = min(tried, window_entries(reader, tried));
		ret = fill_from_pages(reader, start, tried);
		if (ret > 0 && pin_exclusions_exist())
			ret = check_excluded_pages(reader, reader->pages,
						   &start, ret);
	}
	if (ret < 0 && ret != -EBUSY && reader->devices) {
		ret = fill_from_device(reader, start, npages, ret);
		if (ret > 0) {
			reader->owed = 0;
			return ret;
		}
	}
	if (ret < 0)
		return pin_refuse_memory(reader, start, tried, ret);

	reader->owed = ret;
	if (reader->zeros && !reader->zero_cow)
		reader->owed -= bitmap_weight(reader->zero, ret);

	if (pin_account_is_once(reader->request->acct)) {
		int error = pin_account_enter_window(reader->request->acct,
						     reader);

		if (error)
			return error;
		reader->entered = true;
		reader->owed = 0;
	}
	return ret;
}
EXPORT_SYMBOL_GPL(pin_reader_fill);

/**
 * pin_reader_remember - remember a run that has been taken out of the window
 * @reader: the reader
 * @extents: where to
 * @index: index of the run's first page
 * @run: the run, or a part of it
 *
 * A mapping of one page is not remembered, if nothing is: to ask for it is cheaper.
 *
 * Context: as pin_extents_store().
 */
void pin_reader_remember(const struct pin_reader *reader,
			 struct pin_extents *extents, unsigned long index,
			 const struct pin_run *run)
{
	if (reader->request->npages == 1 && xa_empty(&extents->chunks))
		extents->has_gaps = true;
	else
		pin_extents_store(extents, index, run);
}
EXPORT_SYMBOL_GPL(pin_reader_remember);

/**
 * pin_reader_remember_whole - remember what pin_reader_next_whole() will return
 * @reader: the reader
 * @extents: where to
 * @index: index of the first page that has not been handed out
 *
 * All of that at once is cheaper than run by run, where the runs are short.
 *
 * Context: as pin_extents_store().
 */
void pin_reader_remember_whole(const struct pin_reader *reader,
			       struct pin_extents *extents,
			       unsigned long index)
{
	struct page **pages = reader->pages + reader->next;
	unsigned long npages;

	if (reader->next >= reader->plain_end)
		return;
	/* Without the last run, which the next window may lengthen. */
	npages = reader->plain_end - reader->next - 1;
	while (npages && page_to_pfn(pages[npages]) ==
			 page_to_pfn(pages[npages - 1]) + 1)
		npages--;
	pin_extents_store_pages(extents, index, pages, npages);
}
EXPORT_SYMBOL_GPL(pin_reader_remember_whole);

/**
 * pin_reader_next_other - pin_reader_next() where that is not just pages
 * @reader: the reader
 * @run: the run; its pins belong to the caller
 *
 * Context: any.
 *
 * Return: false if the window is empty.
 */
bool pin_reader_next_other(struct pin_reader *reader, struct pin_run *run)
{
	unsigned long npages = 1, i = reader->next;
	struct page **first;
	bool zero;

	if (reader->device.npages) {
		*run = reader->device;
		reader->device.npages = 0;
		return true;
	}
	if (reader->by_folio)
		return next_folio_run(reader, run);
	if (reader->next == reader->end)
		return false;

	first = reader->pages + i;
	zero = test_bit(i, reader->zero);
	run->pfn = page_to_pfn(*first);
	while (i + npages < reader->end &&
	       page_to_pfn(first[npages]) == run->pfn + npages &&
	       test_bit(i + npages, reader->zero) == zero)
		npages++;
	run->npages = npages;
	if (!zero)
		run->kind = PIN_RAM;
	else
		run->kind = reader->zero_cow ? PIN_ZERO_COW : PIN_ZERO;
	reader->next += npages;
	return true;
}
EXPORT_SYMBOL_GPL(pin_reader_next_other);

/**
 * pin_reader_end - unpin what was not taken, and free the window
 * @reader: the reader
 *
 * Context: no mmap_lock is held. May sleep.
 */
void pin_reader_end(struct pin_reader *reader)
{
	struct pin_run run;

	while (pin_reader_next(reader, &run)) {
		if (reader->entered)
			pin_account_leave(reader->request->acct, &run);
		pin_run_unpin(&run, false);
	}
	if (reader->pages && reader->pages != reader->few_pages)
		free_page((unsigned long)reader->pages);
	if (reader->mm_held)
		mmput(reader->mm);
}
EXPORT_SYMBOL_GPL(pin_reader_end);
