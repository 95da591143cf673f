/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names that selftests/iommu of the stable 6.12 tree uses and that the tree has
 * not: a backport brought the tests for what the kernel did not get. Given to
 * the compiler with -include.
 *
 * A device that can do PASID becomes a plain one, and so all tests can be set
 * up; the one that asks about data types (get_hw_info) fails, on the stock
 * module as well.
 */
#define in_data_type			out_data_type
#define IOMMU_HW_INFO_TYPE_DEFAULT	0
#define IOMMU_HW_INFO_FLAG_INPUT_TYPE	0
#define MOCK_FLAGS_DEVICE_PASID		0
#define MOCK_PASID_WIDTH		0
