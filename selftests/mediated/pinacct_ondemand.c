// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mediated PCI device that a VM can have: its guest says which page to pin, and
 * when. It stands for devices that pin pieces of a guest's memory on demand, and
 * not all of it at the start.
 *
 * The guest sees I/O ports (ondemand.h) and no interrupt. A pin lives until the
 * guest drops it, resets the device, or its memory there is unmapped; or until
 * the VM is gone.
 */
#include <linux/highmem.h>
#include <linux/iommu.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>
#include <linux/vfio.h>
#include <linux/xarray.h>

#include "ondemand.h"

#define ONDEMAND_NAME	"pinacct_ondemand"

/* Where in the file a region is, as in vfio-pci. */
#define REGION_SHIFT	40

struct ondemand {
	struct vfio_device vdev;
	/* protects all that follows, and is held while pages are pinned */
	struct mutex lock;
	/* struct page by its number in the guest */
	struct xarray pins;
	u32 npinned;
	u32 page;
	u16 status;
	u8 config[PCI_CFG_SPACE_SIZE];
};

static struct ondemand *to_ondemand(struct vfio_device *vdev)
{
	return container_of(vdev, struct ondemand, vdev);
}

static int ondemand_pin(struct ondemand *d)
{
	dma_addr_t iova = (dma_addr_t)d->page << PAGE_SHIFT;
	struct page *page;
	int ret;

	if (xa_load(&d->pins, d->page))
		return -EEXIST;
	ret = vfio_pin_pages(&d->vdev, iova, 1, IOMMU_READ | IOMMU_WRITE, &page);
	if (ret < 0)
		return ret;
	ret = xa_err(xa_store(&d->pins, d->page, page, GFP_KERNEL));
	if (ret) {
		vfio_unpin_pages(&d->vdev, iova, 1);
		return ret;
	}
	d->npinned++;
	return 0;
}

static int ondemand_unpin(struct ondemand *d, unsigned long page)
{
	if (!xa_erase(&d->pins, page))
		return -ENOENT;
	vfio_unpin_pages(&d->vdev, (dma_addr_t)page << PAGE_SHIFT, 1);
	d->npinned--;
	return 0;
}

static int ondemand_copy(struct ondemand *d)
{
	struct page *page = xa_load(&d->pins, d->page);
	u16 *words;

	if (!page)
		return -ENOENT;
	words = kmap_local_page(page);
	words[1] = words[0];
	kunmap_local(words);
	return 0;
}

static void ondemand_unpin_range(struct ondemand *d, unsigned long first, unsigned long last)
{
	unsigned long index;
	void *page;

	mutex_lock(&d->lock);
	xa_for_each_range(&d->pins, index, page, first, last)
		ondemand_unpin(d, index);
	mutex_unlock(&d->lock);
}

static int ondemand_command(struct ondemand *d, u16 command)
{
	switch (command) {
	case ONDEMAND_PIN:
		return ondemand_pin(d);
	case ONDEMAND_UNPIN:
		return ondemand_unpin(d, d->page);
	case ONDEMAND_COPY:
		return ondemand_copy(d);
	}
	return -EINVAL;
}

/* As hardware does, it takes no notice of a write that makes no sense. */
static void ports_write(struct ondemand *d, u64 offset, const u8 *data, size_t count)
{
	if (offset == ONDEMAND_PAGE && count == 4)
		d->page = get_unaligned_le32(data);
	else if (offset == ONDEMAND_COMMAND && count == 2)
		d->status = -ondemand_command(d, get_unaligned_le16(data));
}

static void ports_read(struct ondemand *d, u64 offset, u8 *data, size_t count)
{
	u8 ports[ONDEMAND_PORTS] = {};

	put_unaligned_le32(d->page, ports + ONDEMAND_PAGE);
	put_unaligned_le16(d->status, ports + ONDEMAND_STATUS);
	put_unaligned_le32(d->npinned, ports + ONDEMAND_COUNT);
	memcpy(data, ports + offset, count);
}

/* Which bits of the configuration can be written: what firmware sets. */
static u8 config_mask(u64 offset)
{
	switch (offset) {
	case PCI_COMMAND:
		return PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	case PCI_BASE_ADDRESS_0:
		return (u8)~(ONDEMAND_PORTS - 1);
	case PCI_BASE_ADDRESS_0 + 1 ... PCI_BASE_ADDRESS_0 + 3:
	case PCI_INTERRUPT_LINE:
		return 0xff;
	}
	return 0;
}

static void config_write(struct ondemand *d, u64 offset, const u8 *data, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		u8 mask = config_mask(offset + i);

		d->config[offset + i] &= ~mask;
		d->config[offset + i] |= data[i] & mask;
	}
}

static void config_init(struct ondemand *d)
{
	put_unaligned_le16(ONDEMAND_VENDOR, d->config + PCI_VENDOR_ID);
	put_unaligned_le16(ONDEMAND_DEVICE, d->config + PCI_DEVICE_ID);
	put_unaligned_le16(PCI_CLASS_OTHERS << 8, d->config + PCI_CLASS_DEVICE);
	d->config[PCI_BASE_ADDRESS_0] = PCI_BASE_ADDRESS_SPACE_IO;
}

static u64 region_size(unsigned int index)
{
	switch (index) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		return ONDEMAND_PORTS;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return PCI_CFG_SPACE_SIZE;
	}
	return 0;
}

/* Whether an access of @count bytes at @pos is inside one of the regions. */
static bool access_ok_at(loff_t pos, size_t count)
{
	u64 size = region_size(pos >> REGION_SHIFT);
	u64 offset = pos & GENMASK_ULL(REGION_SHIFT - 1, 0);

	return count <= size && offset <= size - count;
}

static ssize_t ondemand_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos)
{
	u64 offset = *ppos & GENMASK_ULL(REGION_SHIFT - 1, 0);
	struct ondemand *d = to_ondemand(vdev);
	u8 data[PCI_CFG_SPACE_SIZE];

	if (!access_ok_at(*ppos, count))
		return -EINVAL;
	mutex_lock(&d->lock);
	if (*ppos >> REGION_SHIFT == VFIO_PCI_CONFIG_REGION_INDEX)
		memcpy(data, d->config + offset, count);
	else
		ports_read(d, offset, data, count);
	mutex_unlock(&d->lock);
	if (copy_to_user(buf, data, count))
		return -EFAULT;
	*ppos += count;
	return count;
}

static ssize_t ondemand_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			      loff_t *ppos)
{
	u64 offset = *ppos & GENMASK_ULL(REGION_SHIFT - 1, 0);
	struct ondemand *d = to_ondemand(vdev);
	u8 data[PCI_CFG_SPACE_SIZE];

	if (!access_ok_at(*ppos, count))
		return -EINVAL;
	if (copy_from_user(data, buf, count))
		return -EFAULT;
	mutex_lock(&d->lock);
	if (*ppos >> REGION_SHIFT == VFIO_PCI_CONFIG_REGION_INDEX)
		config_write(d, offset, data, count);
	else
		ports_write(d, offset, data, count);
	mutex_unlock(&d->lock);
	*ppos += count;
	return count;
}

static int ondemand_get_info(void __user *user)
{
	unsigned long minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, user, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(user, &info, minsz) ? -EFAULT : 0;
}

static int ondemand_get_region_info(void __user *user)
{
	unsigned long minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info;

	if (copy_from_user(&info, user, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info.size = region_size(info.index);
	info.offset = (u64)info.index << REGION_SHIFT;
	info.flags = info.size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
	info.cap_offset = 0;
	return copy_to_user(user, &info, minsz) ? -EFAULT : 0;
}

static int ondemand_get_irq_info(void __user *user)
{
	unsigned long minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;

	if (copy_from_user(&info, user, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info.flags = 0;
	info.count = 0;
	return copy_to_user(user, &info, minsz) ? -EFAULT : 0;
}

static long ondemand_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return ondemand_get_info(user);
	case VFIO_DEVICE_GET_REGION_INFO:
		return ondemand_get_region_info(user);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return ondemand_get_irq_info(user);
	case VFIO_DEVICE_RESET:
		ondemand_unpin_range(to_ondemand(vdev), 0, ULONG_MAX);
		return 0;
	}
	return -ENOTTY;
}

static int ondemand_init(struct vfio_device *vdev)
{
	struct ondemand *d = to_ondemand(vdev);

	mutex_init(&d->lock);
	xa_init(&d->pins);
	config_init(d);
	return 0;
}

static void ondemand_release(struct vfio_device *vdev)
{
	struct ondemand *d = to_ondemand(vdev);

	xa_destroy(&d->pins);
	mutex_destroy(&d->lock);
}

static int ondemand_open(struct vfio_device *vdev)
{
	return 0;
}

static void ondemand_close(struct vfio_device *vdev)
{
	ondemand_unpin_range(to_ondemand(vdev), 0, ULONG_MAX);
}

static void ondemand_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	ondemand_unpin_range(to_ondemand(vdev), iova >> PAGE_SHIFT,
			     (iova + length - 1) >> PAGE_SHIFT);
}

static const struct vfio_device_ops ondemand_ops = {
	.name = ONDEMAND_NAME,
	.init = ondemand_init,
	.release = ondemand_release,
	.open_device = ondemand_open,
	.close_device = ondemand_close,
	.dma_unmap = ondemand_dma_unmap,
	.read = ondemand_read,
	.write = ondemand_write,
	.ioctl = ondemand_ioctl,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
};

static int ondemand_probe(struct mdev_device *mdev)
{
	struct ondemand *d;
	int ret;

	d = vfio_alloc_device(ondemand, vdev, &mdev->dev, &ondemand_ops);
	if (IS_ERR(d))
		return PTR_ERR(d);
	ret = vfio_register_emulated_iommu_dev(&d->vdev);
	if (ret)
		vfio_put_device(&d->vdev);
	else
		dev_set_drvdata(&mdev->dev, d);
	return ret;
}

static void ondemand_remove(struct mdev_device *mdev)
{
	struct ondemand *d = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&d->vdev);
	vfio_put_device(&d->vdev);
}

static struct mdev_driver ondemand_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.max_instances = 8,
	.probe = ondemand_probe,
	.remove = ondemand_remove,
	.driver = {
		.name = ONDEMAND_NAME "_mdev",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
	},
};

/* The host's device of which the guests' are made. */

static struct platform_device *host_pdev;
static struct mdev_parent host_parent;
static struct mdev_type host_type = {
	.sysfs_name = "page",
	.pretty_name = "Pins a page when it is told to",
};

static struct mdev_type *host_types[] = { &host_type };

static int host_probe(struct platform_device *pdev)
{
	return mdev_register_parent(&host_parent, &pdev->dev, &ondemand_driver, host_types,
				    ARRAY_SIZE(host_types));
}

static void host_remove(struct platform_device *pdev)
{
	mdev_unregister_parent(&host_parent);
}

static struct platform_driver host_driver = {
	.remove = host_remove,
	.driver.name = ONDEMAND_NAME,
};

static int __init ondemand_module_init(void)
{
	int ret;

	ret = mdev_register_driver(&ondemand_driver);
	if (ret)
		return ret;
	host_pdev = platform_create_bundle(&host_driver, host_probe, NULL, 0, NULL, 0);
	if (IS_ERR(host_pdev)) {
		mdev_unregister_driver(&ondemand_driver);
		return PTR_ERR(host_pdev);
	}
	return 0;
}

static void __exit ondemand_module_exit(void)
{
	platform_device_unregister(host_pdev);
	platform_driver_unregister(&host_driver);
	mdev_unregister_driver(&ondemand_driver);
}

module_init(ondemand_module_init);
module_exit(ondemand_module_exit);
MODULE_DESCRIPTION("Mediated PCI device that pins on demand, for pinacct's tests");
MODULE_LICENSE("GPL");
