// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VFIO device without hardware, for tests: it pins and unpins what user space
 * tells it to, through the calls that mediated devices have for that.
 *
 * It remembers each pin until it is told to drop it, until its range is unmapped
 * (as the interface demands of a driver) or until it is closed, so that whatever
 * a test does the pins it made are given back. A pin is dropped as it was made:
 * iommufd knows it by its range.
 */
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "mediated.h"

struct mediated {
	struct vfio_device vdev;
	/* protects @pins */
	struct mutex lock;
	struct list_head pins;
};

struct mediated_range {
	struct list_head node;
	u64 iova;
	u64 last;
};

static unsigned int devices = 1;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "how many; one has no number behind its name");

static struct platform_device **mediated_pdevs;

static struct mediated *to_mediated(struct vfio_device *vdev)
{
	return container_of(vdev, struct mediated, vdev);
}

static void mediated_drop(struct mediated *m, struct mediated_range *range)
{
	vfio_unpin_pages(&m->vdev, range->iova, (range->last - range->iova + 1) / PAGE_SIZE);
	list_del(&range->node);
	kfree(range);
}

/* Drop the pins that have a page between @iova and @last. */
static void mediated_drop_overlapping(struct mediated *m, u64 iova, u64 last)
{
	struct mediated_range *range, *next;

	mutex_lock(&m->lock);
	list_for_each_entry_safe(range, next, &m->pins, node) {
		if (range->iova <= last && range->last >= iova)
			mediated_drop(m, range);
	}
	mutex_unlock(&m->lock);
}

static int mediated_init(struct vfio_device *vdev)
{
	struct mediated *m = to_mediated(vdev);

	mutex_init(&m->lock);
	INIT_LIST_HEAD(&m->pins);
	return 0;
}

static void mediated_release(struct vfio_device *vdev)
{
	mutex_destroy(&to_mediated(vdev)->lock);
}

static int mediated_open(struct vfio_device *vdev)
{
	return 0;
}

static void mediated_close(struct vfio_device *vdev)
{
	mediated_drop_overlapping(to_mediated(vdev), 0, U64_MAX);
}

/*
 * Mainline's type1 calls this with its lock of the list of devices held, and to unpin
 * takes the lock of the container, which whoever adds a device takes first. lockdep
 * tells of that, and would then watch nothing any more.
 */
static void mediated_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	lockdep_off();
	mediated_drop_overlapping(to_mediated(vdev), iova, iova + length - 1);
	lockdep_on();
}

/* Pages that this driver may give a device: each is pinned, so none is the zero page. */
static bool mediated_are_pinned(struct page **pages, int npages)
{
	for (int i = 0; i < npages; i++)
		if (is_zero_page(pages[i]) || !folio_maybe_dma_pinned(page_folio(pages[i])))
			return false;
	return true;
}

static long mediated_do_pin(struct mediated *m, const struct mediated_pin *arg)
{
	struct page *pages[MEDIATED_MAX];
	struct mediated_range *range;
	int ret;

	if (!arg->npages || arg->npages > MEDIATED_MAX)
		return -EINVAL;
	range = kzalloc(sizeof(*range), GFP_KERNEL);
	if (!range)
		return -ENOMEM;

	ret = vfio_pin_pages(&m->vdev, arg->iova, arg->npages, arg->prot, pages);
	if (ret <= 0) {
		kfree(range);
		return ret;
	}
	if (!mediated_are_pinned(pages, ret)) {
		vfio_unpin_pages(&m->vdev, arg->iova, ret);
		kfree(range);
		return -EUCLEAN;
	}
	range->iova = arg->iova;
	range->last = arg->iova + (u64)ret * PAGE_SIZE - 1;
	mutex_lock(&m->lock);
	list_add(&range->node, &m->pins);
	mutex_unlock(&m->lock);
	return ret;
}

static long mediated_do_unpin(struct mediated *m, const struct mediated_pin *arg)
{
	u64 last = arg->iova + (u64)arg->npages * PAGE_SIZE - 1;
	struct mediated_range *range;
	long ret = -ENOENT;

	mutex_lock(&m->lock);
	list_for_each_entry(range, &m->pins, node) {
		if (range->iova == arg->iova && range->last == last) {
			mediated_drop(m, range);
			ret = 0;
			break;
		}
	}
	mutex_unlock(&m->lock);
	return ret;
}

static long mediated_do_rw(struct mediated *m, struct mediated_rw *arg)
{
	if (arg->len > sizeof(arg->data))
		return -EINVAL;
	return vfio_dma_rw(&m->vdev, arg->iova, arg->data, arg->len, arg->write);
}

static long mediated_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct mediated *m = to_mediated(vdev);
	void __user *user = (void __user *)arg;
	struct mediated_pin pin;
	struct mediated_rw rw;
	long ret;

	switch (cmd) {
	case MEDIATED_PIN:
	case MEDIATED_UNPIN:
		if (copy_from_user(&pin, user, sizeof(pin)))
			return -EFAULT;
		return cmd == MEDIATED_PIN ? mediated_do_pin(m, &pin) : mediated_do_unpin(m, &pin);
	case MEDIATED_RW:
		if (copy_from_user(&rw, user, sizeof(rw)))
			return -EFAULT;
		ret = mediated_do_rw(m, &rw);
		if (!ret && copy_to_user(user, &rw, sizeof(rw)))
			return -EFAULT;
		return ret;
	}
	return -ENOTTY;
}

static const struct vfio_device_ops mediated_ops = {
	.name = MEDIATED_NAME,
	.init = mediated_init,
	.release = mediated_release,
	.open_device = mediated_open,
	.close_device = mediated_close,
	.dma_unmap = mediated_dma_unmap,
	.ioctl = mediated_ioctl,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
};

static int mediated_probe(struct platform_device *pdev)
{
	struct mediated *m;
	int ret;

	m = vfio_alloc_device(mediated, vdev, &pdev->dev, &mediated_ops);
	if (IS_ERR(m))
		return PTR_ERR(m);
	ret = vfio_register_emulated_iommu_dev(&m->vdev);
	if (ret)
		vfio_put_device(&m->vdev);
	else
		platform_set_drvdata(pdev, m);
	return ret;
}

static void mediated_remove(struct platform_device *pdev)
{
	struct mediated *m = platform_get_drvdata(pdev);

	vfio_unregister_group_dev(&m->vdev);
	vfio_put_device(&m->vdev);
}

static struct platform_driver mediated_driver = {
	.probe = mediated_probe,
	.remove = mediated_remove,
	.driver.name = MEDIATED_NAME,
};

static void unregister(unsigned int n)
{
	while (n--)
		platform_device_unregister(mediated_pdevs[n]);
	platform_driver_unregister(&mediated_driver);
	kvfree(mediated_pdevs);
}

static int __init mediated_module_init(void)
{
	int ret;

	mediated_pdevs = kvcalloc(devices, sizeof(*mediated_pdevs), GFP_KERNEL);
	if (!mediated_pdevs)
		return -ENOMEM;
	ret = platform_driver_register(&mediated_driver);
	if (ret) {
		kvfree(mediated_pdevs);
		return ret;
	}
	for (unsigned int n = 0; n < devices; n++) {
		mediated_pdevs[n] = platform_device_register_simple(MEDIATED_NAME,
				devices == 1 ? PLATFORM_DEVID_NONE : n, NULL, 0);
		if (IS_ERR(mediated_pdevs[n])) {
			ret = PTR_ERR(mediated_pdevs[n]);
			unregister(n);
			return ret;
		}
	}
	return 0;
}

static void __exit mediated_module_exit(void)
{
	unregister(devices);
}

module_init(mediated_module_init);
module_exit(mediated_module_exit);
MODULE_DESCRIPTION("VFIO device without hardware, for pinacct's tests");
MODULE_LICENSE("GPL");
