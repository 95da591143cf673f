// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests only: shows what the kernel tells nobody, and does what nobody may.
 *
 * Files in /sys/kernel/debug/pinacct_test, to be written, and then read:
 *
 *   page  an address of the writer; references to the folio that is there, its
 *	   order, whether it is anonymous and whether it is in a zone of movable
 *	   memory, and the page's PFN. It is how a test sees a reference to a zero
 *	   page that was lost, since neither zero page has a counter of its own
 *	   anywhere
 *   edu   an IOVA; the PFN that the edu device reaches there, and whether its folio
 *	   may be pinned: of a folio of one page that is certain
 *   hold  an address of the writer, once; nothing. A reference to the page is held
 *	   until the file is closed, so that nothing can move the page away
 *   apart anything; whether the edu and e1000e devices have different IOMMU domains,
 *	   1 or 0. Until the file is closed, edu's domain is of a kind of its own, so
 *	   that type1 puts no other device into it, but makes a second domain, as where
 *	   a machine has two kinds of IOMMUs
 */
#include <linux/debugfs.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

struct answer {
	char text[64];
	size_t len;
};

static struct dentry *dir;

static int answer_open(struct inode *inode, struct file *file)
{
	file->private_data = kzalloc(sizeof(struct answer), GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static int answer_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t page_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct answer *answer = file->private_data;
	unsigned long address;
	struct folio *folio;
	struct page *page;
	int ret;

	ret = kstrtoul_from_user(buf, len, 16, &address);
	if (ret)
		return ret;
	ret = get_user_pages_fast(address, 1, 0, &page);
	if (ret < 0)
		return ret;

	folio = page_folio(page);
	/* One of the references is ours. */
	answer->len = scnprintf(answer->text, sizeof(answer->text), "%d %u %d %d %lx\n",
				folio_ref_count(folio) - 1, folio_order(folio),
				folio_test_anon(folio), is_zone_movable_page(page),
				page_to_pfn(page));
	folio_put(folio);
	return len;
}

static ssize_t edu_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct answer *answer = file->private_data;
	struct iommu_domain *domain;
	unsigned long iova, pfn;
	struct pci_dev *edu;
	phys_addr_t phys;
	int ret;

	ret = kstrtoul_from_user(buf, len, 16, &iova);
	if (ret)
		return ret;
	edu = pci_get_device(0x1234, 0x11e8, NULL);
	if (!edu)
		return -ENODEV;

	domain = iommu_get_domain_for_dev(&edu->dev);
	phys = domain ? iommu_iova_to_phys(domain, iova) : 0;
	pci_dev_put(edu);
	if (!phys)
		return -ENOENT;
	pfn = PHYS_PFN(phys);
	answer->len = scnprintf(answer->text, sizeof(answer->text), "%lx %d\n", pfn,
				pfn_valid(pfn) &&
				folio_maybe_dma_pinned(page_folio(pfn_to_page(pfn))));
	return len;
}

static ssize_t answer_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct answer *answer = file->private_data;

	return simple_read_from_buffer(buf, len, pos, answer->text, answer->len);
}

static const struct file_operations page_fops = {
	.owner = THIS_MODULE,
	.open = answer_open,
	.release = answer_release,
	.write = page_write,
	.read = answer_read,
};

static const struct file_operations edu_fops = {
	.owner = THIS_MODULE,
	.open = answer_open,
	.release = answer_release,
	.write = edu_write,
	.read = answer_read,
};

static int hold_release(struct inode *inode, struct file *file)
{
	if (file->private_data)
		put_page(file->private_data);
	return 0;
}

static ssize_t hold_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	unsigned long address;
	struct page *page;
	int ret;

	if (file->private_data)
		return -EBUSY;
	ret = kstrtoul_from_user(buf, len, 16, &address);
	if (ret)
		return ret;
	ret = get_user_pages_fast(address, 1, 0, &page);
	if (ret < 0)
		return ret;
	file->private_data = page;
	return len;
}

static const struct file_operations hold_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.release = hold_release,
	.write = hold_write,
};

static struct iommu_domain *apart;
static const struct iommu_domain_ops *own_ops;
static struct iommu_domain_ops other_ops;
static DEFINE_MUTEX(apart_lock);

static struct iommu_domain *domain_of(unsigned int vendor, unsigned int device)
{
	struct pci_dev *pdev = pci_get_device(vendor, device, NULL);
	struct iommu_domain *domain;

	if (!pdev)
		return NULL;
	domain = iommu_get_domain_for_dev(&pdev->dev);
	pci_dev_put(pdev);
	return domain;
}

static struct iommu_domain *edu_domain(void)
{
	return domain_of(0x1234, 0x11e8);
}

static ssize_t apart_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct iommu_domain *domain;
	ssize_t ret = len;

	mutex_lock(&apart_lock);
	domain = edu_domain();
	if (apart) {
		ret = -EBUSY;
	} else if (!domain) {
		ret = -ENOENT;
	} else {
		own_ops = domain->ops;
		other_ops = *own_ops;
		domain->ops = &other_ops;
		apart = domain;
		file->private_data = domain;
	}
	mutex_unlock(&apart_lock);
	return ret;
}

static ssize_t apart_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	const char *text = edu_domain() == domain_of(0x8086, 0x10d3) ? "0\n" : "1\n";

	return simple_read_from_buffer(buf, len, pos, text, 2);
}

/* Whoever closes it after the device is gone has no domain any more. */
static int apart_release(struct inode *inode, struct file *file)
{
	if (!file->private_data)
		return 0;
	mutex_lock(&apart_lock);
	if (apart == edu_domain())
		apart->ops = own_ops;
	apart = NULL;
	mutex_unlock(&apart_lock);
	return 0;
}

static const struct file_operations apart_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.release = apart_release,
	.read = apart_read,
	.write = apart_write,
};

static int __init pinacct_test_init(void)
{
	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("page", 0600, dir, NULL, &page_fops);
	debugfs_create_file("edu", 0600, dir, NULL, &edu_fops);
	debugfs_create_file("hold", 0600, dir, NULL, &hold_fops);
	debugfs_create_file("apart", 0600, dir, NULL, &apart_fops);
	return 0;
}

static void __exit pinacct_test_exit(void)
{
	debugfs_remove(dir);
}

module_init(pinacct_test_init);
module_exit(pinacct_test_exit);

MODULE_DESCRIPTION("Looks at pages and holds them, for the tests of pinacct");
MODULE_AUTHOR("The pinacct developers");
MODULE_LICENSE("GPL");
