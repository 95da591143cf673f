#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1 on Debian's kernel: run parts of the check, and leave what they say in
# /out for the host to judge.
#
# Use:	debian.sh [kselftest|differential|upstream-vfio|readme]...
#
# Exit status 0 if every part could be run, whatever its tests said.

set -euo pipefail

top=/pinacct
programs=$top/build/selftests
# shellcheck source=selftests/l1/lib.sh
. "$top/selftests/l1/lib.sh"

# A file system on a disk, for memory of its files
mount_ext4()
{
	[[ ! -d /tmp/ext4 ]] || return 0
	modprobe loop
	cp "$programs/ext4.img" /tmp/
	mkdir /tmp/ext4
	mount -o loop /tmp/ext4.img /tmp/ext4
}

differential()
{
	mount_ext4
	cpus 1
	DIFFERENTIAL_EXT4=/tmp/ext4 timeout 900 "$programs/differential" >"/out/differential.$1" ||
		tell "differential on $1 ended with $?"
	cpus 2
}

upstream_vfio()
{
	local device address test

	for device in edu e1000e; do
		address=$("$top/tools/vm/l1/assign.sh" "$device")
		for test in "$programs/upstream/vfio/"*; do
			run_tap "upstream-vfio/$1/$device-$(basename "$test")" "$test" "$address"
		done
	done
}

kselftest()
{
	local test

	mount_ext4
	insmod "$programs/modules/$(uname -r)/pinacct_test.ko"
	cpus 1
	for test in "$programs/pinacct/"*; do
		# Their races take two.
		[[ $test != */@(limit|slack) ]] || cpus 2
		run_tap "kselftest/$(basename "$test")" "$test"
		[[ $test != */@(limit|slack) ]] || cpus 1
	done
	cpus 2
	rmmod pinacct_test
}

# L1's modules are read-only, and depmod over all of them takes a minute under
# emulation: an installation goes to a copy of the few that matter to it.
writable_modules()
{
	local dir

	dir=/lib/modules/$(uname -r)
	mkdir -p /tmp/modules/kernel/drivers
	cp -a "$dir/kernel/virt" /tmp/modules/kernel/
	cp -a "$dir/kernel/drivers/vfio" /tmp/modules/kernel/drivers/
	cp -a "$dir/"modules.{builtin,builtin.modinfo,order} /tmp/modules/
	mount --bind /tmp/modules "$dir"
	depmod -a
}

# The README's commands for a running kernel, in its order and in its words.
readme()
{
	local line

	remove_modules
	writable_modules
	mkdir -p /tmp/kdir/include/config /out/readme
	uname -r >/tmp/kdir/include/config/kernel.release
	export KDIR=/tmp/kdir
	while read -r line; do
		tell "README: $line"
		line=${line%%#*}
		line=${line/make modules_install/$top/scripts/install-modules.sh install}
		line=${line/make modules_uninstall/$top/scripts/install-modules.sh uninstall}
		if bash -euo pipefail -c "$line"; then
			echo "ok 1 $line"
		else
			echo "not ok 1 $line"
		fi
		lsmod | sed 's/^/# /'
	done < <(sed -n 's/^    \(modprobe\|make modules_install\|make modules_uninstall\)/\1/p' \
		"$top/README.md") >/out/readme/commands
	modprobe vfio_iommu_type1
	! grep -q '^pinacct ' /proc/modules || tell "pinacct is still there after the README's way back"
	lsmod >/out/readme/after
	modprobe -r vfio_iommu_type1
}

# use ours|stock: that set of modules, with all devices that the tests want
use()
{
	use_modules "$1" edu e1000e
	insmod "$programs/modules/$(uname -r)/pinacct_mediated.ko"
}

# wanted PART: is it among those to be run?
wanted()
{
	[[ " $parts " = *" $1 "* ]]
}

parts=$*
if wanted differential || wanted upstream-vfio; then
	use stock
	! wanted differential || timed differential stock
	! wanted upstream-vfio || timed upstream_vfio stock
fi
use ours
! wanted kselftest || timed kselftest
! wanted differential || timed differential ours
! wanted upstream-vfio || timed upstream_vfio ours
! wanted readme || timed readme
