// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is refused before anything is pinned.
 *
 * Mainline pins, and so faults in and zeroes, memory up to the limit before it
 * finds out that the rest does not fit. Here, if there is no room for all pages,
 * the VMAs of a mapping are walked first, and the pages are counted that are
 * certain to be charged. If these do not fit, nothing of them is touched. The cost
 * grows with VMAs, not with pages.
 *
 * Certain is what mainline would have pinned and charged, in the order in which
 * it would have come to it. At the first VMA for which that is not sure, because
 * a page may be missing, unreadable or not pinnable, counting ends, and what is
 * behind has to be found out by pinning: so an errno that mainline has for it
 * is still that errno. Pages that may turn out to be zero pages count as none.
 * What passes here can still be refused by the charge, which is exact.
 */
#include "internal.h"

#include <linux/export.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/pkeys.h>
#include <linux/userfaultfd_k.h>

/* Pages of a file from @pgoff on, of those wanted. */
static unsigned long pages_in_file(struct inode *inode, unsigned long pgoff,
				   unsigned long npages)
{
	unsigned long end = i_size_read(inode) >> PAGE_SHIFT;

	return pgoff < end ? min(npages, end - pgoff) : 0;
}

/*
 * Does a fault in a shared mapping of the file find or make a page for sure?
 * In a memfd and in shared anonymous memory, which have no size limit but
 * i_size, and in huge pages that mmap() has reserved.
 */
static bool never_faults_in_vain(struct vm_area_struct *vma)
{
	struct super_block *sb = file_inode(vma->vm_file)->i_sb;

	if (!(vma->vm_flags & VM_SHARED))
		return false;
	if (is_vm_hugetlb_page(vma))
		return !(vma->vm_flags & VM_NORESERVE);
	return sb->s_magic == TMPFS_MAGIC && (sb->s_flags & SB_KERNMOUNT);
}

/**
 * pin_certain_in_vma - pages of a VMA that are certain to be charged
 * @reader: would read them
 * @vma: the VMA
 * @start: address inside of it; page aligned, without a tag
 * @npages: how many are wanted, none of them behind the VMA's end
 * @more: set to false if it is not known of all of them
 *
 * Context: mmap_lock is held.
 *
 * Return: pages, from @start on if the device is to write.
 */
unsigned long pin_certain_in_vma(const struct pin_reader *reader,
				 struct vm_area_struct *vma,
				 unsigned long start, unsigned long npages,
				 bool *more)
{
	bool write = reader->gup_flags & FOLL_WRITE;
	unsigned long pgoff, in_file;

	*more = false;
	if (!(vma->vm_flags & (write ? VM_WRITE : VM_READ)) ||
	    (vma->vm_flags & (VM_IO | VM_PFNMAP | VM_SHADOW_STACK)) ||
	    vma_pkey(vma) || userfaultfd_armed(vma))
		return 0;

	if (vma_is_anonymous(vma)) {
		*more = true;
		return write ? npages : 0;
	}
	if (!vma->vm_file || !never_faults_in_vain(vma))
		return 0;

	pgoff = vma->vm_pgoff + ((start - vma->vm_start) >> PAGE_SHIFT);
	in_file = pages_in_file(file_inode(vma->vm_file), pgoff, npages);
	*more = in_file == npages;
	return in_file;
}

static unsigned long certain_in_mm(const struct pin_reader *reader,
				   unsigned long start, unsigned long npages,
				   bool *more)
{
	bool once = pin_account_is_once(reader->request->acct);
	struct mm_struct *mm = reader->mm;
	unsigned long certain = 0;
	bool of_file = false;

	/* Only the caller's own memory can be told to stay while we look. */
	*more = mm == current->mm;
	if (!*more)
		return 0;

	mmap_read_lock(mm);
	start = untagged_addr_remote(mm, start);
	while (npages && *more) {
		struct vm_area_struct *vma = vma_lookup(mm, start);
		unsigned long n;

		/* With charge_once, the same pages of a file may come twice. */
		if (!vma || (once && of_file && vma->vm_file)) {
			*more = false;
			break;
		}
		of_file |= !!vma->vm_file;
		n = min(npages, (vma->vm_end - start) >> PAGE_SHIFT);
		certain += pin_certain_in_vma(reader, vma, start, n, more);
		start += n * PAGE_SIZE;
		npages -= n;
	}
	mmap_read_unlock(mm);
	return certain;
}

/**
 * pin_reader_certain - how many pages of a range are certain to be charged
 * @reader: would read it; nothing has been read yet
 * @start: address, or offset in the file, in bytes; page aligned
 * @npages: length of the range
 * @more: set to false if a page may be met that cannot be pinned: what comes
 *	  behind is not certain, and was not counted
 *
 * Context: no mmap_lock is held. Does not fault anything in.
 *
 * Return: pages.
 */
unsigned long pin_reader_certain(const struct pin_reader *reader,
				 unsigned long start, unsigned long npages,
				 bool *more)
{
	struct inode *inode;
	unsigned long n;

	if (!reader->file)
		return certain_in_mm(reader, start, npages, more);

	inode = file_inode(reader->file);
	n = 0;
	if (inode->i_sb->s_magic == TMPFS_MAGIC &&
	    (inode->i_sb->s_flags & SB_KERNMOUNT))
		n = pages_in_file(inode, start >> PAGE_SHIFT, npages);
	*more = n == npages;
	return n;
}
EXPORT_SYMBOL_GPL(pin_reader_certain);

/* What a mapping of part of @vma charges at least and at most; see above. */
static int estimate_vma(struct vm_area_struct *vma, bool write,
			unsigned long npages, unsigned long *least,
			unsigned long *most)
{
	if (vma->vm_flags & VM_PFNMAP)
		return 0;
	if (!(vma->vm_flags & (write ? VM_WRITE : VM_READ)) ||
	    pin_cause_is_file(vma, write))
		return -EFAULT;

	*most += npages;
	if (write || !vma_is_anonymous(vma) ||
	    pin_zero_mode() == PIN_ZERO_PAGE_COW)
		*least += npages;
	return 0;
}

/**
 * pin_estimate - what a mapping of the caller's memory would charge
 * @start: address in bytes, page aligned
 * @npages: length of the range, at least 1; it does not wrap
 * @write: the device would write
 * @least: pages that would be charged at least
 * @most: pages that would be charged at most
 *
 * Context: no mmap_lock is held. Does not fault anything in.
 *
 * Return: 0, or -EFAULT if a part of the range cannot be mapped.
 */
int pin_estimate(unsigned long start, unsigned long npages, bool write,
		 unsigned long *least, unsigned long *most)
{
	struct mm_struct *mm = current->mm;
	int ret = 0;

	*least = 0;
	*most = 0;
	mmap_read_lock(mm);
	start = untagged_addr_remote(mm, start);
	while (npages && !ret) {
		struct vm_area_struct *vma = vma_lookup(mm, start);
		unsigned long n;

		if (!vma) {
			ret = -EFAULT;
			break;
		}
		n = min(npages, (vma->vm_end - start) >> PAGE_SHIFT);
		ret = estimate_vma(vma, write, n, least, most);
		start += n * PAGE_SIZE;
		npages -= n;
	}
	mmap_read_unlock(mm);
	return ret;
}
