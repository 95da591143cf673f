// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device gets that only reads, where memory was never written.
 *
 * Private anonymous memory that was never written is the zero page: the 4 KiB
 * one, also where KSM or UFFDIO_ZEROPAGE put it, or the huge zero folio. ROM
 * images of guests have much of it. A long-term pin that is not for writing
 * breaks copy-on-write there, so that the device will see what the process
 * writes later: the pin makes a page that was not there before, a zero COW, and
 * it is charged. That is mainline since 6.2, and zero_page=cow. Before, it was
 * the zero page itself, uncharged: zero_page=ignore. With zero_page=strict such
 * memory is refused, before anything is allocated for it.
 *
 * What can be pinned without a fault is not a zero page, so memory in use costs
 * one pin, as everywhere. From the first page on that needs a fault, a window is
 * looked at with a short-term pin, which leaves the zero page where it is, or
 * puts it where nothing is yet. What is neither anonymous nor in a file and yet in
 * private anonymous memory is a zero page; the huge zero folio cannot be told
 * by its address, since mm/ does not export it.
 *
 * No reference to a zero page outlives the look. The pin that the look has on
 * the huge zero folio is dropped at once; the 4 KiB one takes none since 6.5,
 * and none is dropped. zero_page=ignore hands out the 4 KiB page in both cases,
 * because it is never freed, while the huge one is when its last mm goes.
 *
 * A page's kind is what it was when it was looked at: a write that comes
 * between the look and the pin makes no difference to the charge.
 */
#include "internal.h"

#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>

/*
 * How many pages at @start, of those wanted, are in one VMA that can have zero
 * pages: 0 if it cannot. Nothing is said about the pages behind.
 */
static unsigned long pages_to_look_at(struct mm_struct *mm, unsigned long start,
				      unsigned long npages)
{
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	start = untagged_addr_remote(mm, start);
	vma = vma_lookup(mm, start);
	if (vma && vma_is_anonymous(vma) && !(vma->vm_flags & VM_SHARED))
		npages = min(npages, (vma->vm_end - start) >> PAGE_SHIFT);
	else
		npages = 0;
	mmap_read_unlock(mm);
	return npages;
}

/* Sets reader->zero for those of the pages that are zero pages. */
static long look(struct pin_reader *reader, unsigned long start,
		 unsigned long npages, struct page **pages)
{
	long ret;

	pin_prefault(reader, start, npages, 0);
	ret = pin_addresses(reader, start, npages, 0, pages);
	if (ret < 0)
		return ret;

	bitmap_zero(reader->zero, PIN_WINDOW_PAGES);
	for (long i = 0; i < ret; i++)
		if (!PageAnon(pages[i]))
			__set_bit(i, reader->zero);
	unpin_user_pages(pages, ret);
	reader->zeros = !bitmap_empty(reader->zero, PIN_WINDOW_PAGES);
	return ret;
}

/* The zero page where there is one, and a pinned page elsewhere. */
static long pin_around_zeros(struct pin_reader *reader, unsigned long start,
			     unsigned long npages, struct page **pages)
{
	unsigned long done = 0;

	while (done < npages) {
		unsigned long next;
		long ret;

		if (test_bit(done, reader->zero)) {
			pages[done++] = ZERO_PAGE(0);
			continue;
		}
		next = find_next_bit(reader->zero, npages, done);
		ret = pin_addresses(reader, start + done * PAGE_SIZE,
				    next - done, reader->gup_flags,
				    pages + done);
		if (ret < 0)
			return done ?: ret;
		done += ret;
		if (done < next)
			break;
	}
	return done;
}

/* Breaks COW of the pages that reader->zero marks, by faults of that kind. */
static long pin_copies(struct pin_reader *reader, unsigned long start,
		       unsigned long npages, struct page **pages,
		       unsigned int fault_flags)
{
	long ret;

	pin_prefault(reader, start, npages, fault_flags);
	ret = pin_addresses(reader, start, npages, reader->gup_flags, pages);
	if (ret < 0)
		return ret;
	bitmap_clear(reader->zero, ret, PIN_WINDOW_PAGES - ret);
	reader->zero_cow = bitmap_weight(reader->zero, PIN_WINDOW_PAGES);
	return ret;
}

/* Is there nothing in the page tables from @addr to @end, all in 2 MiB? */
static bool nothing_there(struct vm_area_struct *vma, unsigned long addr,
			  unsigned long end)
{
	pmd_t *pmdp = pin_find_pmd(vma->vm_mm, addr), pmd;
	pte_t *pte;

	/* A table that others empty meanwhile is freed by RCU. */
	guard(rcu)();
	pmd = pmdp ? pmdp_get_lockless(pmdp) : __pmd(0);
	if (pmd_none(pmd))
		return true;
	if (!pmd_present(pmd) || pmd_leaf(pmd))
		return false;
	for (pte = pte_offset_kernel(&pmd, addr); addr < end;
	     addr += PAGE_SIZE, pte++)
		if (!pte_none(ptep_get_lockless(pte)))
			return false;
	return true;
}

/*
 * Is it certain that nothing was ever written, and does a write fault for each of
 * the pages bring it? So the process may write, and nobody waits for faults.
 */
static bool never_written(const struct pin_reader *reader, unsigned long start,
			  unsigned long npages)
{
	struct mm_struct *mm = reader->mm;
	struct vm_area_struct *vma;
	unsigned long end, next;
	bool never;

	if (mm != current->mm)
		return false;

	mmap_read_lock(mm);
	start = untagged_addr_remote(mm, start);
	end = start + npages * PAGE_SIZE;
	vma = vma_lookup(mm, start);
	/* It must bring a page, and not a large folio that goes on behind. */
	never = vma && end <= vma->vm_end && vma_is_anonymous(vma) &&
		(vma->vm_flags & VM_WRITE) &&
		(vma->vm_flags & VM_NOHUGEPAGE) && pin_vma_is_plain(vma);
	for (; never && start < end; start = next) {
		next = pmd_addr_end(start, end);
		never = nothing_there(vma, start, next);
	}
	mmap_read_unlock(mm);
	return never;
}

/**
 * pin_zero_fill - pin memory that may be zero pages
 * @reader: the reader, for a device that only reads
 * @start: address in bytes
 * @npages: entries of @pages
 * @mode: what zero pages get
 * @pages: where to put them. With PIN_ZERO_PAGE_IGNORE those that reader->zero
 *	   marks have no pin
 *
 * Context: as pin_addresses().
 *
 * Return: how many pages, all of one VMA; -ENODATA if there are zero pages and
 * @mode does not allow any; another negative errno; or 0 if there cannot be any
 * at @start, and nothing was done.
 */
long pin_zero_fill(struct pin_reader *reader, unsigned long start,
		   unsigned long npages, enum pin_zero_mode mode,
		   struct page **pages)
{
	long ret;

	npages = pages_to_look_at(reader->mm, start,
				  min(npages, PIN_WINDOW_PAGES));
	if (!npages)
		return 0;

	ret = pin_addresses(reader, start, npages,
			    reader->gup_flags | FOLL_NOFAULT, pages);
	if (ret > 0)
		return ret;

	if (mode == PIN_ZERO_PAGE_COW && never_written(reader, start, npages)) {
		reader->zeros = true;
		bitmap_fill(reader->zero, PIN_WINDOW_PAGES);
		return pin_copies(reader, start, npages, pages,
				  FAULT_FLAG_WRITE);
	}

	ret = look(reader, start, npages, pages);
	if (ret < 0)
		return ret;

	if (!reader->zeros)
		return pin_addresses(reader, start, ret, reader->gup_flags,
				     pages);
	switch (mode) {
	case PIN_ZERO_PAGE_STRICT:
		return -ENODATA;
	case PIN_ZERO_PAGE_IGNORE:
		return pin_around_zeros(reader, start, ret, pages);
	case PIN_ZERO_PAGE_COW:
		break;
	}
	return pin_copies(reader, start, ret, pages, FAULT_FLAG_UNSHARE);
}
