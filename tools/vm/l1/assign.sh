#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1: give devices to vfio-pci, or back to their own drivers, and print their
# PCI addresses. vfio-pci must be loaded.
#
# Use:	/pinacct/tools/vm/l1/assign.sh NAME...		all devices of that name
#	/pinacct/tools/vm/l1/assign.sh --back NAME...	e.g. nvme, edu, 0000:03:00.0

set -eu

fail()
{
	echo "assign.sh: $*" >&2
	exit 1
}

# addresses NAME: of every such device that is behind a root port, as the
# assignable ones are
addresses()
{
	local id dev

	case $1 in
	edu)		id=0x1234:0x11e8 ;;
	e1000e)		id=0x8086:0x10d3 ;;
	nvme)		id=0x1b36:0x0010 ;;
	virtio-net)	id=0x1af4:0x1041 ;;
	*:*:*.*)	echo "$1"; return ;;
	*)		fail "no device is called '$1'" ;;
	esac
	for dev in /sys/bus/pci/devices/*; do
		[[ $(<"$dev/vendor"):$(<"$dev/device") != "$id" || $dev = */0000:00:* ]] ||
			basename "$dev"
	done
}

driver=vfio-pci
if [[ ${1:-} = --back ]]; then
	driver=
	shift
fi
[[ $# -gt 0 ]] || fail "which device?"

for name; do
	found=$(addresses "$name")
	[[ -n $found ]] || fail "L1 has no $name: was it left out of run.sh --devices?"
	for address in $found; do
		dev=/sys/bus/pci/devices/$address
		[[ -e $dev ]] || fail "no PCI device $address"
		echo "$driver" >"$dev/driver_override"
		[[ ! -e $dev/driver ]] || echo "$address" >"$dev/driver/unbind"
		echo "$address" >/sys/bus/pci/drivers_probe
		if [[ -n $driver ]]; then
			[[ $(readlink "$dev/driver") = */vfio-pci ]] ||
				fail "vfio-pci did not take $address: is it loaded? see the kernel log"
		fi
		echo "$address"
	done
done
