#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1 with an nvme disk that can be assigned: the qtest of the QEMU patches which
# takes such a device. Does QEMU say why, look first, and tell what is pinned, on
# unmodified modules, of which it only knows what any process does, and on ours?
#
#	/qemu		what scripts/qemu.sh made
#	/dev/vdb	a disk with ext4
#
# Use:	qemu.sh		says what it has seen in /out/MODULES.BACKENDS.tap
# Exit status 0 if it came to its end, whatever was seen.

set -euo pipefail

# shellcheck source=selftests/l1/lib.sh
. /pinacct/selftests/l1/lib.sh
# shellcheck source=tools/vm/l1/guest.sh
. /pinacct/tools/vm/l1/guest.sh

# qtest NAME [OPTION...]: as a user to whom the limit applies. QEMU itself needs some
# locked memory for nothing, so the hard limit is only to be large enough.
qtest()
{
	local name=$1

	shift
	export QTEST_QEMU_BINARY=/qemu/qemu-system-x86_64 QTEST_VFIO_HOST=$addresses TMPDIR=/tmp/ext4
	(as_guest_user $((512 * 1024)) timeout 600 /qemu/vfio-pinning-test --tap -k "$@") \
		>"/out/$name.tap" 2>&1 || true
}

mkdir /tmp/ext4
mount -t ext4 /dev/vdb /tmp/ext4
chown $uid /tmp/ext4
for modules in stock ours; do
	use_modules $modules
	addresses=$(/pinacct/tools/vm/l1/assign.sh nvme)
	allow type1
	allow iommufd
	timed qtest $modules.both

	# /dev/iommu in the place of /dev/vfio/vfio
	mount --bind /dev/iommu /dev/vfio/vfio
	timed qtest $modules.compat -p /x86_64/vfio-pinning/compat
	umount /dev/vfio/vfio
done

# A host that refuses zero pages: all that is mapped has been written before.
echo strict >/sys/module/pinacct/parameters/zero_page
timed qtest strict.both -p /x86_64/vfio-pinning/type1/fits -p /x86_64/vfio-pinning/iommufd/fits
echo cow >/sys/module/pinacct/parameters/zero_page
