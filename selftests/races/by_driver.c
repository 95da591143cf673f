// SPDX-License-Identifier: GPL-2.0-only
/* Parameters, modules, devices and other containers come and go. */
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "look.h"
#include "params.h"
#include "races.h"

#define DRIVER "/sys/bus/pci/drivers/vfio-pci/"

/* Each at any moment, and the causes that it may give a refusal */
static const struct {
	const char *name;
	const char *values[3];
} params[] = {
	{ "zero_page", { "cow", "ignore", "strict" } },
	{ "zero_slack_mb", { "0", "1", "4096" } },
	{ "strict_errno", { "N", "Y", "N" } },
	{ "charge_once", { "N", "Y", "Y" } },
	{ "pin_threads", { "0", "1", "2" } },
};

static const int zero_page[] = { ENODATA, EOPNOTSUPP, 0 };

static int change_params(struct play *play)
{
	unsigned int i = roll(&play->disturb_dice, sizeof(params) / sizeof(*params));
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/pinacct/parameters/%s", params[i].name);
	return write_text(path, params[i].values[roll(&play->disturb_dice, 3)]);
}

static int default_params(struct play *play, unsigned int round)
{
	return params_defaults();
}

static void restore_params(void)
{
	params_defaults();
}

/* Nothing of what is in use may go. */
static int unload(struct play *play)
{
	static const char *const names[] = { "pinacct", "vfio_pci", "iommufd", "vfio_iommu_type1" };
	bool type1 = play->ops->type && !play->ops->iommufd;
	const char *name = names[roll(&play->disturb_dice, type1 ? 4 : 3)];

	if (!syscall(SYS_delete_module, name, O_NONBLOCK)) {
		printf("# %s could be removed while it was in use\n", name);
		return -EBUSY;
	}
	return errno == EWOULDBLOCK || errno == EBUSY ? 0 : -errno;
}

/* As by_file.c has it: both fill the same hole in hugetlbfs. */
static const int no_reserve[] = { ENOMEM, 0 };

/* The device is not the first one's, so there is another container or IOAS. */
static int open_other(struct play *play)
{
	return front_open(&play->other, play->ops) ?: front_attach(&play->other, DEVICE_NIC);
}

static int charge_once_or_not(struct play *play, unsigned int round)
{
	return params_set("charge_once", round % 2 ? "Y" : "N");
}

/* The same memory at another IOVA of another container */
static int map_elsewhere(struct play *play)
{
	struct part part = arena_part(&play->arena, &play->disturb_dice, play->arena.npages);
	__u64 iova = 0x80000000UL + part.at * PAGE;
	int rc;

	rc = front_map(&play->other, part.start, iova, part.size, FRONT_RW);
	return rc ?: front_unmap(&play->other, iova, part.size, NULL);
}

/* Where the IOMMU is the same, type1 would have one domain for both. */
static int have_two_domains(struct play *play)
{
	if (play->ops->iommufd)
		return 0;
	play->held = look_apart();
	return play->held < 0 ? play->held : 0;
}

/* One more domain of the same IOAS, filled while it is mapped into */
static int other_domain(struct play *play)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy) };
	int rc;

	rc = front_alloc_domain(&play->front, DEVICE_NIC, &destroy.id);
	if (rc)
		return rc;
	rc = front_switch_ioas(&play->front, DEVICE_NIC, destroy.id) ?:
	     front_switch_ioas(&play->front, DEVICE_NIC, play->front.ioas);
	return ioctl(play->front.iommu, IOMMU_DESTROY, &destroy) ? -errno : rc;
}

static int attach_and_detach(struct play *play)
{
	int rc = front_attach(&play->front, DEVICE_NIC);

	if (!rc && play->ops->iommufd && !play->ops->type)
		rc = other_domain(play);
	front_detach(&play->front, DEVICE_NIC);
	return rc;
}

static char nic[DEVICE_NAME];

/* It has the name without a driver, too. */
static int name_nic(void)
{
	int fd = device_open_group(DEVICE_NIC, nic);

	return fd < 0 ? fd : close(fd);
}

static int have_nic(struct play *play)
{
	return name_nic() ?: have_two_domains(play);
}

static void *unbind(void *arg)
{
	return (void *)(long)write_text(DRIVER "unbind", nic);
}

static int probe(void)
{
	return write_text("/sys/bus/pci/drivers_probe", nic);
}

/* vfio waits with that until the device is closed. */
static int unbind_while_attached(struct play *play)
{
	pthread_t thread;
	void *unbound;
	int rc;

	rc = front_attach(&play->front, DEVICE_NIC);
	if (rc || pthread_create(&thread, NULL, unbind, NULL)) {
		front_detach(&play->front, DEVICE_NIC);
		return rc ?: -EAGAIN;
	}
	front_detach(&play->front, DEVICE_NIC);
	pthread_join(thread, &unbound);
	return (long)unbound ?: probe();
}

/* Not in the process that has found the name */
static void nic_is_back(void)
{
	name_nic();
	probe();
}

const struct race by_driver[] = {
	{
		.name = "params",
		.kinds = ON_ANY,
		.root = true,
		.any_charge = true,
		.may_fail = zero_page,
		.before = default_params,
		.disturb = change_params,
		.restore = restore_params,
	}, {
		.name = "unload",
		.kinds = ON(ARENA_SMALL),
		.keeps = true,
		.root = true,
		.disturb = unload,
	}, {
		.name = "second",
		.kinds = ON_ANY,
		.keeps = true,
		.may_fail = no_reserve,
		.prepare = open_other,
		.before = charge_once_or_not,
		.disturb = map_elsewhere,
		.restore = restore_params,
	}, {
		.name = "detach",
		.kinds = ON_ANY,
		.keeps = true,
		.root = true,
		.prepare = have_two_domains,
		.disturb = attach_and_detach,
	}, {
		.name = "unbind",
		.kinds = ON_PRIVATE,
		.keeps = true,
		.root = true,
		.prepare = have_nic,
		.disturb = unbind_while_attached,
		.restore = nic_is_back,
	},
	{}
};
