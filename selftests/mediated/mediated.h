/* SPDX-License-Identifier: GPL-2.0-only */
/* What the test device without hardware does when it is told to. */
#ifndef PINACCT_TEST_MEDIATED_H
#define PINACCT_TEST_MEDIATED_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Its name, by which its group hands it out; it sits on the platform bus. */
#define MEDIATED_NAME "pinacct_mediated"

/* How many pages it pins in one go. */
#define MEDIATED_MAX 64

/**
 * struct mediated_pin - a range of pages
 * @iova: of the first byte, page aligned
 * @npages: at most MEDIATED_MAX
 * @prot: IOMMU_READ (1) and IOMMU_WRITE (2), for a pin
 */
struct mediated_pin {
	__u64 iova;
	__u32 npages;
	__u32 prot;
};

/**
 * struct mediated_rw - access by the CPU instead of a pin
 * @iova: of the first byte
 * @len: at most sizeof(@data)
 * @write: to the memory, from @data
 * @data: the bytes
 */
struct mediated_rw {
	__u64 iova;
	__u32 len;
	__u32 write;
	__u8 data[64];
};

/* Pins; answers how many pages were pinned. EUCLEAN: it was given one that is not. */
#define MEDIATED_PIN	_IOW('P', 0x40, struct mediated_pin)
/* Drops a pin, given by the same range; ENOENT where there is none. */
#define MEDIATED_UNPIN	_IOW('P', 0x41, struct mediated_pin)
#define MEDIATED_RW	_IOWR('P', 0x42, struct mediated_rw)

#endif
