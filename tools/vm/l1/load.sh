#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1: load the project's modules, or the unmodified ones that were rebuilt
# to compare with, in place of the kernel's own.
#
# Use:	/pinacct/tools/vm/l1/load.sh ours|stock
#	/pinacct/tools/vm/l1/load.sh --remove	back to none of them

fail()
{
	echo "load.sh: $*" >&2
	exit 1
}

modules=(pinacct iommufd vfio vfio_iommu_type1 vfio-pci-core vfio-pci)

loaded()
{
	[[ -e /sys/module/${1//-/_} ]]
}

remove()
{
	local n

	for ((n = ${#modules[@]} - 1; n >= 0; n--)); do
		! loaded "${modules[n]}" || rmmod "${modules[n]}" ||
			fail "${modules[n]} does not unload: something still uses it"
	done
}

load()
{
	local dir=$1 name

	[[ -d $dir ]] || fail "no $dir: was it built for this kernel?"
	# Where it is a module; 7.2 and small kernels have it built in.
	modprobe -q irqbypass
	for name in "${modules[@]}"; do
		if loaded "$name"; then
			fail "$name is loaded already"
		elif [[ -e $dir/$name.ko ]]; then
			insmod "$dir/$name.ko" || fail "$dir/$name.ko does not load: see the kernel log"
		elif [[ $name != pinacct ]]; then
			# One that need not be rebuilt for this kernel. Not by
			# modprobe, which would load the kernel's own type1 along.
			insmod "$(modinfo -n "$name")" || fail "neither $dir nor the kernel has $name"
		fi
	done
}

case ${1:-} in
ours)		load "/pinacct/build/modules/$(uname -r)" ;;
stock)		load "/pinacct/build/stock/$(uname -r)" ;;
--remove)	remove ;;
*)		fail "use: load.sh ours|stock|--remove" ;;
esac
