// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes edu move bytes between memory and its buffer. Registers are those of
 * QEMU's docs/specs/edu.rst.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"
#include "edu.h"

#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_TARGET		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_RUN		1
#define EDU_DMA_TO_MEMORY	2
#define EDU_BUFFER		0x40000

/* It takes 100 ms of the machine's time; give up when it takes a minute. */
#define EDU_POLL_US		2000
#define EDU_POLLS		30000

static volatile __u64 *edu_register(struct edu *edu, unsigned int offset)
{
	return (volatile __u64 *)((char *)edu->bar + offset);
}

static int edu_dma(struct edu *edu, __u64 source, __u64 target, unsigned int bytes, __u64 flags)
{
	int polls;

	if (!bytes || bytes > EDU_MAX)
		return -EINVAL;

	*edu_register(edu, EDU_DMA_SOURCE) = source;
	*edu_register(edu, EDU_DMA_TARGET) = target;
	*edu_register(edu, EDU_DMA_COUNT) = bytes;
	*edu_register(edu, EDU_DMA_COMMAND) = EDU_DMA_RUN | flags;

	for (polls = 0; polls < EDU_POLLS; polls++) {
		if (!(*edu_register(edu, EDU_DMA_COMMAND) & EDU_DMA_RUN))
			return 0;
		usleep(EDU_POLL_US);
	}
	return -ETIMEDOUT;
}

/**
 * edu_start - get the device ready for DMA
 * @edu: is set up
 * @device: its VFIO file descriptor
 *
 * Return: 0, or -errno
 */
int edu_start(struct edu *edu, int device)
{
	edu->bar = device_map_bar(device, 0, &edu->size);
	if (edu->bar == MAP_FAILED)
		return -errno;
	return device_enable_dma(device);
}

/**
 * edu_stop - let go of the registers, which keep the device open
 * @edu: ready
 */
void edu_stop(struct edu *edu)
{
	munmap(edu->bar, edu->size);
}

/**
 * edu_read_memory - let the device read memory into its buffer
 * @edu: ready
 * @iova: where, below EDU_IOVA_END
 * @bytes: at most EDU_MAX
 *
 * A DMA that the IOMMU refuses is not told to anybody: look at the data.
 *
 * Return: 0, or -errno
 */
int edu_read_memory(struct edu *edu, __u64 iova, unsigned int bytes)
{
	return edu_dma(edu, iova, EDU_BUFFER, bytes, 0);
}

/**
 * edu_write_memory - let the device write its buffer to memory
 * @edu: ready
 * @iova: where, below EDU_IOVA_END
 * @bytes: at most EDU_MAX
 *
 * Return: 0, or -errno
 */
int edu_write_memory(struct edu *edu, __u64 iova, unsigned int bytes)
{
	return edu_dma(edu, EDU_BUFFER, iova, bytes, EDU_DMA_TO_MEMORY);
}
