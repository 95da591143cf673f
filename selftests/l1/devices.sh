#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1 with devices: run parts of the check, and leave what they say in /out for
# the host to judge.
#
# Use:	[STOCK=no] devices.sh [kselftest|differential|upstream-vfio|random|fuzz|readme]...
#
# STOCK=no leaves out what is only there to compare with.
#
# The kernel is Debian's or the project's small one. L1 has an edu and an e1000e
# behind the IOMMU, a disk with ext4, and memory set apart as /dev/pmem0.
# Exit status 0 if every part could be run, whatever its tests said.

set -euo pipefail

top=/pinacct
programs=$top/build/selftests
# shellcheck source=selftests/l1/lib.sh
. "$top/selftests/l1/lib.sh"

# What the tests need to be there: /tmp/ext4, of a disk; /tmp/dax, the same file
# system without a page cache; and /dev/kvm
surroundings()
{
	mkdir /tmp/ext4 /tmp/dax
	modprobe -a nd_e820 nd_pmem
	dd if=/dev/vdb of=/dev/pmem0 bs=1M status=none
	mount -t ext4 -o dax=always /dev/pmem0 /tmp/dax
	mount -t ext4 /dev/vdb /tmp/ext4
	"$top/tools/vm/l1/kvm.sh"
}

# movable on|off: is there memory from which pages must be able to go away? The
# last block that can be emptied becomes such memory, and user memory comes from
# it first.
movable()
{
	local block

	if [[ $1 = off ]]; then
		echo offline >"$movable_block/state"
		echo online_kernel >"$movable_block/state"
		return
	fi
	for block in $(printf '%s\n' /sys/devices/system/memory/memory* | sort -rV); do
		if echo offline >"$block/state"; then
			echo online_movable >"$block/state"
			movable_block=$block
			return
		fi 2>/dev/null
	done
	tell "no block of memory can be taken offline"
	return 1
}

differential()
{
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

# one_kselftest NAME: on one CPU or two, and in the surroundings that it needs
one_kselftest()
{
	case $1 in
	ahead|exceed|exclude|limit|slack)	cpus 2 ;;	# Their races take two.
	movable)	movable on ;;
	esac
	run_tap "kselftest/$1" "$programs/pinacct/$1"
	case $1 in
	ahead|exceed|exclude|limit|slack)	cpus 1 ;;
	movable)	movable off ;;
	esac
}

kselftest()
{
	local test

	insmod "$programs/modules/$(uname -r)/pinacct_test.ko"
	cpus 1
	for test in "$programs/pinacct/"*; do
		one_kselftest "$(basename "$test")"
	done
	cpus 2
	rmmod pinacct_test
}

# Thousands of random steps. One thread reads counters faster on one CPU, several
# take two.
random()
{
	cpus 1
	run_tap random/steps "$programs/random" --seconds 45
	cpus 2
	run_tap random/threads "$programs/random" --seconds 15 --threads
}

# Programs that the fuzzer has found, again, and some of ours
fuzz()
{
	cpus 1
	cat "$top/selftests/fuzz/"{seeds,corpus}.txt >/tmp/fuzz.txt
	run_tap fuzz "$programs/fuzz" replay /tmp/fuzz.txt
	cpus 2
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
surroundings
if [[ ${STOCK:-} != no ]] && { wanted differential || wanted upstream-vfio; }; then
	use stock
	! wanted differential || timed differential stock
	! wanted upstream-vfio || timed upstream_vfio stock
fi
use ours
! wanted kselftest || timed kselftest
! wanted random || timed random
! wanted fuzz || timed fuzz
! wanted differential || timed differential ours
! wanted upstream-vfio || timed upstream_vfio ours
! wanted readme || timed readme
