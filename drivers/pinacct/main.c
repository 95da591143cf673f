// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinacct.ko: the pinning and locked_vm accounting that type1 and iommufd
 * share. The front ends bring their own state; what there is once is here.
 */
#include "internal.h"

#include <linux/module.h>

#define CREATE_TRACE_POINTS
#include <trace/events/pinacct.h>

static int __init pinacct_init(void)
{
	int ret;

	ret = pin_ahead_init();
	if (ret)
		return ret;
	ret = pin_device_register();
	if (ret) {
		pin_ahead_exit();
		return ret;
	}
	pin_debugfs_create();
	return 0;
}

static void __exit pinacct_exit(void)
{
	pin_debugfs_remove();
	pin_device_unregister();
	pin_exclusions_exit();
	pin_refusals_free();
	pin_ahead_exit();
}

module_init(pinacct_init);
module_exit(pinacct_exit);

MODULE_DESCRIPTION("Pinning and locked_vm accounting for VFIO and iommufd");
MODULE_AUTHOR("The pinacct developers");
MODULE_LICENSE("GPL");
