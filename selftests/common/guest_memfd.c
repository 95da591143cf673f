// SPDX-License-Identifier: GPL-2.0-only
/* Makes a guest_memfd, of a VM that never runs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest_memfd.h"

/* Since Linux 6.18 */
#ifndef KVM_CAP_GUEST_MEMFD_FLAGS
#define KVM_CAP_GUEST_MEMFD_FLAGS	244
#endif
#ifndef GUEST_MEMFD_FLAG_MMAP
#define GUEST_MEMFD_FLAG_MMAP		(1ULL << 0)
#define GUEST_MEMFD_FLAG_INIT_SHARED	(1ULL << 1)
#endif

static int of_vm(int vm, size_t size, bool shared)
{
	struct kvm_create_guest_memfd create = {
		.size = size,
		.flags = GUEST_MEMFD_FLAG_MMAP,
	};
	int flags, fd;

	if (shared)
		create.flags |= GUEST_MEMFD_FLAG_INIT_SHARED;
	flags = ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD_FLAGS);
	if (flags < 0)
		return -errno;
	if (create.flags & ~(unsigned long long)flags)
		return -EOPNOTSUPP;
	fd = ioctl(vm, KVM_CREATE_GUEST_MEMFD, &create);
	return fd < 0 ? -errno : fd;
}

/**
 * guest_memfd - make memory of a guest
 * @size: in bytes, of whole pages
 * @shared: the guest shares it with the program; otherwise it can be mapped, but
 *	    has no page for the program
 *
 * Return: a file descriptor, -EOPNOTSUPP if this kernel's cannot be mapped into a
 * program at all, or another -errno
 */
int guest_memfd(size_t size, bool shared)
{
	int kvm, vm, fd;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return -errno;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	fd = vm < 0 ? -errno : of_vm(vm, size, shared);
	if (vm >= 0)
		close(vm);
	close(kvm);
	return fd;
}
