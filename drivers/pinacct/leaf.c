// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many pages come with one page that has been pinned.
 *
 * Where one entry of the page tables maps a whole huge page, get_user_pages()
 * need be asked for one page of it only. It faults that in through the VMA, so
 * that its policy holds; it breaks COW, and moves the page out of movable memory.
 * What it has found out, it has found out of the folio and of the entry, so it is
 * true of all pages that the entry maps, and the other pins are just added. Such
 * an entry is called a leaf here.
 *
 *   hugetlb   maps nothing but whole folios, and cuts no VMA inside of one. So
 *             a folio of it that is met by address is mapped by a leaf
 *   THP       may be mapped by leaf or by page, in part, and at any address. So
 *             the leaf must be seen, in the page tables, with mmap_lock held:
 *             it maps that folio from its first page on, and it lets through
 *             what is wanted, by the same rules as get_user_pages() has
 *
 * It is looked for when the first page is pinned already, and that is why it does
 * not matter what happens next, with the lock or without: at the moment of the
 * look get_user_pages() would have given all pages of the leaf, and a folio with
 * a pin stays what it is.
 *
 *   split         of the folio fails while it has a pin; of the leaf is well
 *   fork          sees the pin, and copies instead of sharing
 *   mprotect, mremap, munmap, madvise, truncate
 *                 change what is mapped from now on, and no page that is pinned
 *   migration, khugepaged
 *                 leave a folio alone that has a pin
 *
 * What is no leaf is not for here. Nor is memory of another process, nor one
 * that type1 must see by VMA (see pin_addresses()).
 */
#include "internal.h"

#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/pinacct-compat.h>
#include <linux/userfaultfd_k.h>

#define LEAF_PAGES	(PMD_SIZE / PAGE_SIZE)

/**
 * struct leaves - leaves in a row, of one VMA
 * @reader: pins them, as folios
 * @start: the first page's address in bytes
 * @npages: as many as are wanted, and the VMA has
 * @to_next: pages to where the next leaf may begin, or all that are wanted
 * @hugetlb: of which kind they are
 * @no_fault: a fault might find a zero page, which is for zero.c
 */
struct leaves {
	struct pin_reader *reader;
	unsigned long start;
	unsigned long npages;
	unsigned long to_next;
	bool hugetlb;
	bool no_fault;
};

/**
 * pin_find_pmd - where the page tables have what maps 2 MiB
 * @mm: whose
 * @addr: address in it, where there is a VMA that is not of hugetlb
 *
 * Context: mmap_lock is held.
 *
 * Return: the entry, to be read with pmdp_get_lockless(), or NULL if there is no
 * table that it would be in.
 */
pmd_t *pin_find_pmd(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pudp, pud;

	mmap_assert_locked(mm);

	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return NULL;
	pudp = pud_offset(p4d, addr);
	pud = pudp_get(pudp);
	if (pud_none(pud) || pud_leaf(pud))
		return NULL;
	return pmd_offset_lockless(pudp, pud, addr);
}

/* May there be a leaf at @addr, or is it known that there is none? */
static bool worth_a_try(struct leaves *leaves, struct vm_area_struct *vma,
			unsigned long addr)
{
	unsigned long first = addr & PMD_MASK;
	pmd_t *pmd;

	if (is_vm_hugetlb_page(vma))
		return true;
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return false;
	if (!(vma->vm_flags & VM_NOHUGEPAGE))
		leaves->to_next = (first + PMD_SIZE - addr) >> PAGE_SHIFT;
	if (first < vma->vm_start || vma->vm_end - first < PMD_SIZE)
		return false;
	pmd = pin_find_pmd(vma->vm_mm, addr);
	if (pmd && !pmd_none(pmdp_get_lockless(pmd)))
		return pmd_leaf(pmdp_get_lockless(pmd));
	return !leaves->no_fault && !(vma->vm_flags & VM_NOHUGEPAGE);
}

/*
 * Looks at the VMA at the first page, and says how far it goes. If it needs no
 * other look, reader->looked_to tells that to pin_addresses().
 */
static bool look_at_vma(struct leaves *leaves)
{
	struct pin_reader *reader = leaves->reader;
	struct mm_struct *mm = reader->mm;
	struct vm_area_struct *vma;
	unsigned long start;
	bool found = false;

	mmap_read_lock(mm);
	start = untagged_addr_remote(mm, leaves->start);
	vma = vma_lookup(mm, start);
	if (!vma || !pin_vma_is_plain(vma))
		goto out_unlock;

	leaves->npages = min(leaves->npages,
			     (vma->vm_end - start) >> PAGE_SHIFT);
	reader->looked_to = leaves->start + leaves->npages * PAGE_SIZE;
	leaves->hugetlb = is_vm_hugetlb_page(vma);
	leaves->no_fault = !(reader->gup_flags & FOLL_WRITE) &&
			   vma_is_anonymous(vma);
	found = worth_a_try(leaves, vma, start);
out_unlock:
	mmap_read_unlock(mm);
	return found;
}

/* Of the leaf that @page may be the first wanted page of, pages from there on. */
static unsigned long pages_of_leaf(const struct leaves *leaves,
				   unsigned long addr, struct page *page)
{
	struct folio *folio = page_folio(page);
	unsigned long offset = folio_page_idx(folio, page);

	if (leaves->hugetlb)
		return folio_test_hugetlb(folio) ?
		       folio_nr_pages(folio) - offset : 0;
	if (folio_nr_pages(folio) != LEAF_PAGES ||
	    offset != (addr & ~PMD_MASK) >> PAGE_SHIFT)
		return 0;
	return LEAF_PAGES - offset;
}

/*
 * Pins one page each. Only the first may take a fault, so that there is no more
 * than one huge page between two looks at the limit and at signals.
 */
static long pin_first_pages(struct leaves *leaves, unsigned long entries)
{
	struct pin_reader *reader = leaves->reader;
	unsigned int flags = reader->gup_flags;
	unsigned long done = 0, n;

	if (leaves->no_fault)
		flags |= FOLL_NOFAULT;
	for (n = 0; n < entries && done < leaves->npages; n++) {
		unsigned long addr = leaves->start + done * PAGE_SIZE, npages;
		struct page *page;
		long ret;

		ret = pin_addresses(reader, addr, 1, flags, &page);
		if (ret < 0) {
			if (!n && !leaves->no_fault)
				return ret;
			break;
		}
		npages = pages_of_leaf(leaves, addr, page);
		/* Another, larger folio may have been mapped there meanwhile. */
		if (!npages || (n && folio_page_idx(page_folio(page), page))) {
			unpin_user_page(page);
			break;
		}
		reader->folios[n] = page_folio(page);
		if (!n)
			reader->folio_offset = folio_page_idx(page_folio(page),
							      page);
		done += npages;
		flags |= FOLL_NOFAULT;
	}
	leaves->npages = min(leaves->npages, done);
	return n;
}

/* Would get_user_pages() give all that @pmd maps, as it has given a page? */
static bool leaf_allows(struct vm_area_struct *vma, pmd_t pmd,
			struct folio *folio, bool write)
{
	if (!pmd_leaf(pmd) || !pmd_access_permitted(pmd, write) ||
	    pmd_pfn(pmd) != folio_pfn(folio))
		return false;
	if (write || pmd_write(pmd))
		return true;
	return folio_test_anon(folio) ? PageAnonExclusive(&folio->page) :
					!is_cow_mapping(vma->vm_flags);
}

/* How many of the first @n folios of the window are each mapped by a leaf. */
static unsigned long leaves_of_thp(const struct leaves *leaves, unsigned long n)
{
	const struct pin_reader *reader = leaves->reader;
	bool write = reader->gup_flags & FOLL_WRITE;
	struct mm_struct *mm = reader->mm;
	struct vm_area_struct *vma;
	pmd_t *pmd = NULL;
	unsigned long addr, i;

	mmap_read_lock(mm);
	addr = untagged_addr_remote(mm, leaves->start) & PMD_MASK;
	vma = vma_lookup(mm, addr);
	/* As long as a VMA has them, the tables stay. */
	if (!vma || !pin_vma_is_plain(vma))
		n = 0;
	else
		n = min(n, (vma->vm_end - addr) / PMD_SIZE);
	for (i = 0; i < n; i++) {
		if (pmd && addr & ~PUD_MASK)
			pmd++;
		else
			pmd = pin_find_pmd(mm, addr);
		if (!pmd || !leaf_allows(vma, pmdp_get_lockless(pmd),
					 reader->folios[i], write))
			break;
		addr += PMD_SIZE;
	}
	mmap_read_unlock(mm);
	return i;
}

/**
 * pin_leaves - pin one page of each huge page that is wanted
 * @reader: the reader, with room for @entries folios in its window
 * @start: address in bytes, in the caller's own mm
 * @npages: pages wanted
 * @entries: how many huge pages at most
 *
 * Afterwards, or if there is nothing huge, reader->looked_to says how far a VMA
 * goes that has been looked at.
 *
 * Context: as pin_addresses().
 *
 * Return: how many pages there are in a row, with one pin on each folio in
 * reader->folios, of which there are reader->end; the first page is number
 * reader->folio_offset of the first. 0 if there is no leaf at @start, and nothing
 * is pinned. Or a negative errno, which any page there would have got.
 */
long pin_leaves(struct pin_reader *reader, unsigned long start,
		unsigned long *npages, unsigned long entries)
{
	struct leaves leaves = {
		.reader = reader,
		.start = start,
		.npages = *npages,
		.to_next = *npages,
	};
	unsigned long kept;
	bool found;
	long n;

	found = look_at_vma(&leaves);
	*npages = min(*npages, leaves.to_next);
	n = found ? pin_first_pages(&leaves, entries) : 0;
	if (n <= 0)
		return n;

	if (!leaves.hugetlb) {
		kept = leaves_of_thp(&leaves, n);
		unpin_folios(reader->folios + kept, n - kept);
		n = kept;
		leaves.npages = min(leaves.npages, n * LEAF_PAGES -
						   reader->folio_offset);
	}
	reader->end = n;
	return n ? leaves.npages : 0;
}
