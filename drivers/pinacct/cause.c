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

#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/pinacct-compat.h>

static bool is_memory_fs(const struct file *file)
{
	unsigned long magic = file_inode(file)->i_sb->s_magic;

	return magic == TMPFS_MAGIC || magic == HUGETLBFS_MAGIC;
}

static bool is_secret(const struct file *file)
{
	unsigned long magic = file_inode(file)->i_sb->s_magic;

	return magic == SECRETMEM_MAGIC || magic == GUEST_MEMFD_MAGIC;
}

static void name_fs(const struct file *file, char *what, size_t size)
{
	strscpy(what, file_inode(file)->i_sb->s_type->name, size);
}

static bool is_special(const struct vm_area_struct *vma)
{
	return vma_is_fsdax((struct vm_area_struct *)vma) ||
	       (vma->vm_file && is_secret(vma->vm_file));
}

/* A file system that has to notice writes does not learn of a device's. */
static bool is_tracked_file(const struct vm_area_struct *vma, bool write)
{
	return vma->vm_file && write && (vma->vm_flags & VM_SHARED) &&
	       S_ISREG(file_inode(vma->vm_file)->i_mode) &&
	       !is_memory_fs(vma->vm_file);
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

static enum pinacct_cause cause_of_vma(struct vm_area_struct *vma, bool write,
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
	return PINACCT_CAUSE_OTHER;
}

/* A long-term pin has failed; would a short one, because of where the page is? */
static bool is_stuck_in_movable_zone(struct pin_reader *reader,
				     unsigned long start)
{
	struct page *page;
	bool stuck;

	if (pin_addresses(reader, start, 1, FOLL_NOFAULT, &page) != 1)
		return false;
	stuck = is_zone_movable_page(page);
	unpin_user_page(page);
	return stuck;
}

/**
 * pin_cause - tell why memory was not pinned
 * @reader: what has failed
 * @start: where, in bytes: the address, or the offset in the file
 * @error: with what, a negative errno
 * @what: is set to the name of the file system that is to blame, or to ""
 * @size: of @what
 *
 * Context: no mmap_lock is held. May sleep.
 *
 * Return: the cause, PINACCT_CAUSE_OTHER if it cannot be told.
 */
enum pinacct_cause pin_cause(struct pin_reader *reader, unsigned long start,
			     int error, char *what, size_t size)
{
	bool write = reader->gup_flags & FOLL_WRITE;
	struct mm_struct *mm = reader->mm;
	struct vm_area_struct *vma;
	enum pinacct_cause cause;

	*what = '\0';
	if (error == -ENODATA)
		return PINACCT_CAUSE_ZERO_PAGE;

	if (reader->file) {
		if (!is_memory_fs(reader->file)) {
			name_fs(reader->file, what, size);
			return PINACCT_CAUSE_NOT_MEMFD;
		}
		return error == -ENOMEM ? PINACCT_CAUSE_NO_MEMORY :
					  PINACCT_CAUSE_OTHER;
	}

	if (error != -EFAULT && error != -EOPNOTSUPP) {
		if (is_stuck_in_movable_zone(reader, start))
			return PINACCT_CAUSE_MOVABLE;
		return error == -ENOMEM ? PINACCT_CAUSE_NO_MEMORY :
					  PINACCT_CAUSE_OTHER;
	}

	/* The reader holds a remote mm; if it did not get it, there is none. */
	if (mm != current->mm && !reader->mm_held)
		return PINACCT_CAUSE_UNMAPPED;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, untagged_addr_remote(mm, start));
	cause = vma ? cause_of_vma(vma, write, what, size) :
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
