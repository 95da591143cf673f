// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinacct.ko: the pinning and locked_vm accounting that type1 and iommufd
 * share. Nothing to set up: the front ends bring their own state.
 */
#include <linux/module.h>

MODULE_DESCRIPTION("Pinning and locked_vm accounting for VFIO and iommufd");
MODULE_AUTHOR("The pinacct developers");
MODULE_LICENSE("GPL");
