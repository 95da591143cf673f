#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The guest of lifecycle.sh, its only program: says on the serial port which assigned
# disks come and go, and reads of each what its first 64 KiB are, by DMA.
#
#	L2: up
#	L2: disk SHA256		for each disk, whenever it comes
#	L2: gone		whenever one goes
#	L2: failed REASON

bb=/bin/busybox

stop()
{
	echo "L2: failed $*"
	while :; do $bb sleep 3600; done
}

$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
exec >/dev/ttyS0 2>&1
# Memory that is plugged in is used so that it can go again.
echo online_movable >/sys/devices/system/memory/auto_online_blocks
for module in /modules/*.ko; do
	$bb insmod "$module" || stop "insmod $module"
done
echo "L2: up"

there=
while :; do
	now=
	for disk in /sys/bus/pci/devices/*/nvme/nvme*/nvme*n1; do
		[ -b "/dev/${disk##*/}" ] || continue
		now="$now $disk"
		case "$there " in
		*" $disk "*)	continue ;;
		esac
		sum=$($bb dd if="/dev/${disk##*/}" bs=64k count=1 2>/dev/null | $bb sha256sum) ||
			stop "cannot read $disk"
		$bb echo "L2: disk ${sum%% *}"
	done
	for disk in $there; do
		case "$now " in
		*" $disk "*)	;;
		*)		$bb echo "L2: gone" ;;
		esac
	done
	there=$now
	$bb usleep 100000
done
