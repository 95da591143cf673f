// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why memory could not be pinned.
 *
 * get_user_pages() answers EFAULT for a hole, for a read-only mapping, for a
 * file on a disk and for secret memory alike. Which it was is told afterwards
 * from the VMA; it may have changed since, and then the answer is about what is
 * there now. What cannot be told keeps mainline's errno even with strict_errno.
 */
#include "internal.h"

#include <linux/backing-dev.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pinacct-compat.h>

static bool is_memory_fs(const struct file *file)
{
	unsigned long magic = file_inode(file)->i_sb->s_magic;

	return magic == TMPFS_MAGIC || magic == HUGETLBFS_MAGIC;
}

static bool is_on(const struct vm_area_struct *vma, unsigned long magic)
{
	return vma->vm_file &&
	       file_inode(vma->vm_file)->i_sb->s_magic == magic;
}

static void name_fs(const struct file *file, char *what, size_t size)
{
	strscpy(what, file_inode(file)->i_sb->s_type->name, size);
}

/* The pages of such a mapping are never pinned, whatever they are. */
static bool is_special(const struct vm_area_struct *vma)
{
	return vma_is_fsdax((struct vm_area_struct *)vma) ||
	       is_on(vma, SECRETMEM_MAGIC);
}

/*
 * A file system that has to notice writes does not learn of a device's. This is
 * what get_user_pages() asks with FOLL_LONGTERM, by a function of its own.
 */
static bool is_tracked_file(const struct vm_area_struct *vma, bool write)
{
	const unsigned long shared_writable = VM_SHARED | VM_WRITE;
	const struct vm_operations_struct *ops = vma->vm_ops;

	if (!write || !vma->vm_file ||
	    (vma->vm_flags & shared_writable) != shared_writable)
		return false;
	return (ops && (ops->page_mkwrite || ops->pfn_mkwrite)) ||
	       mapping_can_writeback(vma->vm_file->f_mapping);
}

/**
 * pin_cause_is_file - is it what a VMA maps that keeps it from being pinned?
 * @vma: the VMA
 * @write: the device is to write
 *
 * Context: mmap_lock of its mm is held.
 */
bool pin_cause_is_file(const struct vm_area_struct *vma, bool write)
{
	mmap_assert_locked(vma->vm_mm);

	return is_special(vma) || is_tracked_file(vma, write);
}

static bool is_beyond_end(const struct vm_area_struct *vma, unsigned long addr)
{
	struct inode *inode;

	if (!vma->vm_file)
		return false;
	inode = file_inode(vma->vm_file);
	addr -= vma->vm_start;
	return S_ISREG(inode->i_mode) &&
	       vma->vm_pgoff + (addr >> PAGE_SHIFT) >=
		       DIV_ROUND_UP(i_size_read(inode), PAGE_SIZE);
}

static enum pinacct_cause cause_of_vma(struct vm_area_struct *vma,
				       unsigned long addr, bool write,
				       char *what, size_t size)
{
	if (vma->vm_flags & VM_PFNMAP)
		return PINACCT_CAUSE_DEVICE;
	if (is_special(vma)) {
		name_fs(vma->vm_file, what, size);
		return PINACCT_CAUSE_UNPINNABLE;
	}
	if (!(vma->vm_flags & (write ? VM_WRITE : VM_READ)))
		return PINACCT_CAUSE_PROTECTED;
	if (is_tracked_file(vma, write)) {
		name_fs(vma->vm_file, what, size);
		return PINACCT_CAUSE_FILE;
	}
	if (is_beyond_end(vma, addr))
		return PINACCT_CAUSE_UNMAPPED;
	/* What of it is the guest's own has no page for others. */
	if (is_on(vma, GUEST_MEMFD_MAGIC)) {
		name_fs(vma->vm_file, what, size);
		return PINACCT_CAUSE_UNPINNABLE;
	}
	return PINACCT_CAUSE_OTHER;
}

/*
 * A long-term pin has failed although memory is there, up to a page in a movable
 * zone: that one did not leave it, since those that could have done so.
 */
static bool find_stuck_page(struct pin_reader *reader, unsigned long *start,
			    unsigned long npages)
{
	unsigned long addr = *start;
	struct page *page;
	bool stuck;

	while (npages--) {
		if (pin_addresses(reader, addr, 1, FOLL_NOFAULT, &page) != 1)
			return false;
		stuck = is_zone_movable_page(page);
		unpin_user_page(page);
		if (stuck) {
			*start = addr;
			return true;
		}
		addr += PAGE_SIZE;
		cond_resched();
	}
	return false;
}

/* The same of a file, of which a window of folios was tried. */
static bool find_stuck_folio(const struct file *file, unsigned long *start,
			     unsigned long npages)
{
	pgoff_t index = *start >> PAGE_SHIFT, end = index + npages, next;
	struct folio *folio;
	bool stuck;

	for (int i = 0; i < PIN_WINDOW_PAGES && index < end; i++) {
		folio = filemap_get_folio(file->f_mapping, index);
		if (IS_ERR(folio))
			return false;
		stuck = is_zone_movable_page(&folio->page);
		next = folio_next_index(folio);
		folio_put(folio);
		if (stuck) {
			*start = index << PAGE_SHIFT;
			return true;
		}
		index = next;
	}
	return false;
}

static enum pinacct_cause cause_of_file(const struct file *file,
					unsigned long *start,
					unsigned long npages, int error,
					char *what, size_t size)
{
	unsigned long end = i_size_read(file_inode(file));

	if (!is_memory_fs(file)) {
		name_fs(file, what, size);
		return PINACCT_CAUSE_NOT_MEMFD;
	}
	if (error == -EINVAL && *start + npages * PAGE_SIZE > end) {
		*start = max(*start, round_down(end, PAGE_SIZE));
		return PINACCT_CAUSE_UNMAPPED;
	}
	if (error != -ENOMEM)
		return PINACCT_CAUSE_OTHER;
	return find_stuck_folio(file, start, npages) ?
		       PINACCT_CAUSE_MOVABLE : PINACCT_CAUSE_NO_MEMORY;
}

/**
 * pin_cause - tell why memory was not pinned
 * @reader: what has failed
 * @start: where its window begins, in bytes: the address, or the offset in the
 *	   file. Is set to where it failed, if that can be told
 * @npages: pages that were to be pinned
 * @error: with what, a negative errno
 * @what: is set to the name of the file system that is to blame, or to ""
 * @size: of @what
 *
 * Context: no mmap_lock is held. May sleep.
 *
 * Return: the cause, PINACCT_CAUSE_OTHER if it cannot be told.
 */
enum pinacct_cause pin_cause(struct pin_reader *reader, unsigned long *start,
			     unsigned long npages, int error, char *what,
			     size_t size)
{
	bool write = reader->gup_flags & FOLL_WRITE;
	struct mm_struct *mm = reader->mm;
	struct vm_area_struct *vma;
	enum pinacct_cause cause;
	unsigned long addr;

	*what = '\0';
	if (error == -ENODATA)
		return PINACCT_CAUSE_ZERO_PAGE;
	if (reader->excluded)
		return PINACCT_CAUSE_EXCLUDED;

	if (reader->file)
		return cause_of_file(reader->file, start, npages, error, what,
				     size);

	if (error != -EFAULT && error != -EOPNOTSUPP) {
		if (find_stuck_page(reader, start, npages))
			return PINACCT_CAUSE_MOVABLE;
		return error == -ENOMEM ? PINACCT_CAUSE_NO_MEMORY :
					  PINACCT_CAUSE_OTHER;
	}

	/* The reader holds a remote mm; if it did not get it, there is none. */
	if (mm != current->mm && !reader->mm_held)
		return PINACCT_CAUSE_UNMAPPED;

	mmap_read_lock(mm);
	addr = untagged_addr_remote(mm, *start);
	vma = vma_lookup(mm, addr);
	cause = vma ? cause_of_vma(vma, addr, write, what, size) :
		      PINACCT_CAUSE_UNMAPPED;
	mmap_read_unlock(mm);
	return cause;
}

/**
 * pin_cause_errno - what the caller gets for a cause
 * @cause: the cause
 * @error: mainline's errno, negative
 *
 * Context: any.
 *
 * Return: @error, or with strict_errno one that stands for @cause alone.
 */
int pin_cause_errno(enum pinacct_cause cause, int error)
{
	if (!pin_strict_errno())
		return error;

	switch (cause) {
	case PINACCT_CAUSE_LIMIT:
		return -EDQUOT;
	case PINACCT_CAUSE_FILE:
	case PINACCT_CAUSE_NOT_MEMFD:
	case PINACCT_CAUSE_UNPINNABLE:
		return -EOPNOTSUPP;
	case PINACCT_CAUSE_MOVABLE:
		return -EAGAIN;
	default:
		return error;
	}
}
