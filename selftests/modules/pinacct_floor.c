// SPDX-License-Identifier: GPL-2.0-only
/*
 * For the benchmark only: what is the least that mapping memory for a device costs
 * with what the kernel has?
 *
 * It pins by the kernel's own functions, joins neighbours into extents, and calls
 * iommu_map() once for each. To unmap, it calls iommu_unmap() once and unpins by
 * extent. Nobody is charged, no limit is asked, nothing is looked up in VMAs but
 * what the kernel looks up; extents go into an array that is there already. So
 * whatever pins memory for good must do all this, and anything that it costs above
 * it is its own.
 *
 * It is the driver of QEMU's edu device, which is put behind an IOMMU domain of
 * its own while /dev/pinacct_floor is open. One program has it open at a time; all
 * mappings end when it is closed.
 */
#include <linux/file.h>
#include <linux/iommu.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "pinacct_floor.h"

/* Pages, or folios, that are asked for at a time */
#define WINDOW 512UL

/* Extents of all mappings together: 4 GiB with no two pages in a row */
#define MAX_EXTENTS (1UL << 20)

struct extent {
	unsigned long pfn;
	unsigned long npages;
};

/**
 * struct mapping - what one FLOOR_MAP has mapped
 * @way: enum floor_way
 * @iova: where the device sees it
 * @size: in bytes
 * @write: whether the device may write
 * @first: its first extent
 * @end: behind its last one
 */
struct mapping {
	u32 way;
	unsigned long iova;
	unsigned long size;
	bool write;
	struct extent *first;
	struct extent *end;
};

/* Protects what follows, and is held while mapping: whoever measures is alone. */
static DEFINE_MUTEX(lock);
static struct device *edu;
static struct iommu_domain *domains[2];
static DEFINE_XARRAY(mappings);
static unsigned long nmappings;
static struct extent *extents;
static struct extent *unused;
static struct page *pages[WINDOW];
static struct folio *folios[WINDOW];

/* Pages from this one to its folio's end */
static unsigned long rest_of_folio(struct page *page)
{
	struct folio *folio = page_folio(page);

	return folio_nr_pages(folio) - folio_page_idx(folio, page);
}

/* Returns false if there is no room for another extent. Called for each page, at worst. */
static __always_inline bool add(struct mapping *mapping, unsigned long pfn, unsigned long npages)
{
	struct extent *end = mapping->end;

	if (end != mapping->first && end[-1].pfn + end[-1].npages == pfn) {
		end[-1].npages += npages;
		return true;
	}
	if (end == extents + MAX_EXTENTS)
		return false;
	*end = (struct extent){ pfn, npages };
	mapping->end = end + 1;
	return true;
}

/*
 * The functions by which pages are found add some of them to the mapping, and
 * return how many pages these are, or -errno. What they have pinned has been added
 * when they return, or is no longer pinned.
 */
static long gup(struct mapping *mapping, unsigned long address, unsigned long npages)
{
	unsigned int flags = FOLL_LONGTERM | (mapping->write ? FOLL_WRITE : 0);
	struct page *next;
	int n, i, first;

	n = pin_user_pages_fast(address, min(npages, WINDOW), flags, pages);
	for (i = 0; i < n;) {
		first = i;
		next = pages[i];
		while (i < n && pages[i] == next) {
			i++;
			next++;
		}
		if (!add(mapping, page_to_pfn(pages[first]), i - first)) {
			unpin_user_pages(pages + first, n - first);
			return -ENOSPC;
		}
	}
	return n;
}

static long leaf(struct mapping *mapping, unsigned long address, unsigned long npages)
{
	unsigned int flags = FOLL_LONGTERM | (mapping->write ? FOLL_WRITE : 0);
	int n;

	n = pin_user_pages_fast(address, 1, flags, pages);
	if (n <= 0)
		return n;
	npages = min(npages, rest_of_folio(pages[0]));
	if (!add(mapping, page_to_pfn(pages[0]), npages)) {
		unpin_user_page(pages[0]);
		return -ENOSPC;
	}
	return npages;
}

static long of_file(struct mapping *mapping, struct file *file, unsigned long start,
		    unsigned long npages)
{
	unsigned long done = 0, some;
	struct page *page;
	pgoff_t offset;
	long n, i;

	n = memfd_pin_folios(file, start, start + (npages << PAGE_SHIFT) - 1, folios, WINDOW,
			     &offset);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++) {
		page = folio_page(folios[i], offset >> PAGE_SHIFT);
		some = min(npages - done, rest_of_folio(page));
		if (!add(mapping, page_to_pfn(page), some)) {
			unpin_folios(folios + i, n - i);
			return -ENOSPC;
		}
		done += some;
		offset = 0;
	}
	return done;
}

static long of_device(struct mapping *mapping, unsigned long address, unsigned long npages)
{
	struct follow_pfnmap_args args;
	unsigned long done;
	int ret = 0;

	mmap_read_lock(current->mm);
	args.vma = vma_lookup(current->mm, address);
	npages = args.vma ? min3(npages, (args.vma->vm_end - address) >> PAGE_SHIFT, WINDOW) : 0;
	for (done = 0; done < npages && !ret; done++) {
		args.address = address + (done << PAGE_SHIFT);
		ret = follow_pfnmap_start(&args);
		if (ret)
			break;
		if (!add(mapping, args.pfn, 1))
			ret = -ENOSPC;
		follow_pfnmap_end(&args);
	}
	mmap_read_unlock(current->mm);
	return ret ?: done;
}

static void unpin(const struct mapping *mapping, const struct extent *extent)
{
	struct page *page = pfn_to_page(extent->pfn);
	unsigned long left = extent->npages;

	switch (mapping->way) {
	case FLOOR_GUP:
		unpin_user_page_range_dirty_lock(page, left, mapping->write);
		break;
	case FLOOR_LEAF:
	case FLOOR_FILE:
		/* There is one pin for each folio. */
		while (left) {
			unsigned long some = min(left, rest_of_folio(page));

			unpin_user_page_range_dirty_lock(page, 1, mapping->write);
			page += some;
			left -= some;
		}
		break;
	}
}

/* Takes away @mapped bytes from the device, and all pins. */
static void end(struct mapping *mapping, unsigned long mapped)
{
	const struct extent *extent;
	int i;

	for (i = 0; mapped && i < ARRAY_SIZE(domains) && domains[i]; i++)
		iommu_unmap(domains[i], mapping->iova, mapped);
	for (extent = mapping->first; extent < mapping->end; extent++)
		unpin(mapping, extent);
	kfree(mapping);
	if (!nmappings)
		unused = extents;
}

/* Finds pages, and maps each extent once it is known to be whole. */
static int fill(struct mapping *mapping, struct file *file, unsigned long start,
		unsigned long *mapped)
{
	const int prot = IOMMU_READ | IOMMU_CACHE | (mapping->write ? IOMMU_WRITE : 0);
	const unsigned long npages = mapping->size >> PAGE_SHIFT;
	const struct extent *extent = mapping->first;
	unsigned long done = 0;
	int ret, i;

	while (done < npages) {
		const unsigned long at = start + (done << PAGE_SHIFT);
		long n = -EINVAL;

		if (fatal_signal_pending(current))
			return -EINTR;
		if (mapping->way == FLOOR_GUP)
			n = gup(mapping, at, npages - done);
		else if (mapping->way == FLOOR_LEAF)
			n = leaf(mapping, at, npages - done);
		else if (mapping->way == FLOOR_FILE)
			n = of_file(mapping, file, at, npages - done);
		else if (mapping->way == FLOOR_DEVICE)
			n = of_device(mapping, at, npages - done);
		if (n <= 0)
			return n ?: -EFAULT;
		done += n;
		cond_resched();

		/* The last one may go on in the next window. */
		for (; extent < mapping->end - (done < npages); extent++) {
			for (i = 0; i < ARRAY_SIZE(domains) && domains[i]; i++) {
				ret = iommu_map(domains[i], mapping->iova + *mapped,
						PFN_PHYS(extent->pfn),
						extent->npages << PAGE_SHIFT, prot,
						GFP_KERNEL_ACCOUNT);
				if (ret)
					goto undo;
			}
			*mapped += extent->npages << PAGE_SHIFT;
		}
	}
	return 0;
undo:
	while (i--)
		iommu_unmap(domains[i], mapping->iova + *mapped, extent->npages << PAGE_SHIFT);
	return ret;
}

/* The file that is mapped at an address, which becomes the offset in it */
static struct file *file_at(unsigned long *start, unsigned long size)
{
	struct vm_area_struct *vma;
	struct file *file = NULL;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, *start);
	if (vma && vma->vm_file && size <= vma->vm_end - *start) {
		file = get_file(vma->vm_file);
		*start += (vma->vm_pgoff << PAGE_SHIFT) - vma->vm_start;
	}
	mmap_read_unlock(current->mm);
	return file;
}

static int map(const struct floor_map *arg)
{
	unsigned long start = arg->start, mapped = 0;
	struct mapping *mapping;
	struct file *file = NULL;
	int ret;

	if (!PAGE_ALIGNED(arg->start | arg->iova | arg->size) || !arg->size || arg->reserved)
		return -EINVAL;
	if (xa_load(&mappings, arg->iova >> PAGE_SHIFT))
		return -EEXIST;
	if (arg->way == FLOOR_FILE) {
		file = arg->fd < 0 ? file_at(&start, arg->size) : fget(arg->fd);
		if (!file)
			return -EBADF;
	}
	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL_ACCOUNT);
	if (!mapping) {
		ret = -ENOMEM;
		goto put_file;
	}
	mapping->way = arg->way;
	mapping->iova = arg->iova;
	mapping->size = arg->size;
	mapping->write = arg->write;
	mapping->first = unused;
	mapping->end = unused;

	ret = fill(mapping, file, start, &mapped);
	if (!ret)
		ret = xa_err(xa_store(&mappings, arg->iova >> PAGE_SHIFT, mapping,
				      GFP_KERNEL_ACCOUNT));
	if (ret) {
		end(mapping, mapped);
	} else {
		unused = mapping->end;
		nmappings++;
	}
put_file:
	if (file)
		fput(file);
	return ret;
}

static int unmap(const struct floor_unmap *arg)
{
	struct mapping *mapping = xa_load(&mappings, arg->iova >> PAGE_SHIFT);

	if (!mapping || mapping->iova != arg->iova || mapping->size != arg->size)
		return -ENOENT;
	xa_erase(&mappings, arg->iova >> PAGE_SHIFT);
	nmappings--;
	end(mapping, mapping->size);
	return 0;
}

/* The device is put behind it for a moment, for only then is its format known. */
static int add_second(void)
{
	struct iommu_domain *new;
	int ret = -EBUSY;

	mutex_lock(&lock);
	if (domains[1] || nmappings)
		goto unlock;
	new = iommu_paging_domain_alloc(edu);
	ret = PTR_ERR_OR_ZERO(new);
	if (ret)
		goto unlock;
	iommu_detach_device(domains[0], edu);
	ret = iommu_attach_device(new, edu);
	if (!ret) {
		iommu_detach_device(new, edu);
		domains[1] = new;
	} else {
		iommu_domain_free(new);
	}
	/* It was there before. */
	WARN_ON(iommu_attach_device(domains[0], edu));
unlock:
	mutex_unlock(&lock);
	return ret;
}

static long floor_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	union {
		struct floor_map map;
		struct floor_unmap unmap;
	} u;
	long ret;

	if (cmd == FLOOR_SECOND)
		return add_second();
	if (cmd != FLOOR_MAP && cmd != FLOOR_UNMAP)
		return -ENOTTY;
	if (copy_from_user(&u, (void __user *)arg, _IOC_SIZE(cmd)))
		return -EFAULT;

	mutex_lock(&lock);
	if (cmd == FLOOR_MAP)
		ret = map(&u.map);
	else
		ret = unmap(&u.unmap);
	mutex_unlock(&lock);
	return ret;
}

static int floor_open(struct inode *inode, struct file *file)
{
	struct iommu_domain *new;
	int ret = -EBUSY;

	mutex_lock(&lock);
	if (domains[0])
		goto unlock;
	new = iommu_paging_domain_alloc(edu);
	ret = PTR_ERR_OR_ZERO(new);
	if (ret)
		goto unlock;
	ret = iommu_attach_device(new, edu);
	if (ret)
		iommu_domain_free(new);
	else
		domains[0] = new;
unlock:
	mutex_unlock(&lock);
	return ret;
}

static int floor_release(struct inode *inode, struct file *file)
{
	struct mapping *mapping;
	unsigned long index;

	mutex_lock(&lock);
	xa_for_each(&mappings, index, mapping)
		end(mapping, mapping->size);
	xa_destroy(&mappings);
	nmappings = 0;
	unused = extents;
	iommu_detach_device(domains[0], edu);
	iommu_domain_free(domains[0]);
	if (domains[1])
		iommu_domain_free(domains[1]);
	memset(domains, 0, sizeof(domains));
	mutex_unlock(&lock);
	return 0;
}

static const struct file_operations floor_fops = {
	.owner = THIS_MODULE,
	.open = floor_open,
	.release = floor_release,
	.unlocked_ioctl = floor_ioctl,
};

static struct miscdevice misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = KBUILD_MODNAME,
	.mode = 0600,
	.fops = &floor_fops,
};

static int floor_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret;

	if (edu)
		return -EBUSY;
	extents = vcalloc(MAX_EXTENTS, sizeof(*extents));
	if (!extents)
		return -ENOMEM;
	unused = extents;
	edu = &pdev->dev;
	ret = misc_register(&misc);
	if (ret) {
		edu = NULL;
		vfree(extents);
	}
	return ret;
}

static void floor_remove(struct pci_dev *pdev)
{
	misc_deregister(&misc);
	edu = NULL;
	vfree(extents);
}

static const struct pci_device_id ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{}
};

static struct pci_driver floor_driver = {
	.name = KBUILD_MODNAME,
	.id_table = ids,
	.probe = floor_probe,
	.remove = floor_remove,
	/* Who has the file open would go on using the device. */
	.driver.suppress_bind_attrs = true,
};

module_pci_driver(floor_driver);

MODULE_DESCRIPTION("The least that mapping memory for a device costs, for pinacct's benchmark");
MODULE_AUTHOR("The pinacct developers");
MODULE_LICENSE("GPL");
