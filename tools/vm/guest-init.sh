#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# L2's only program: loads the nvme driver, reads the start of each assigned disk
# and prints what it read as a checksum, on the serial port, in no certain order.
# It then waits to be stopped, with the devices in use.
#
#	L2: up
#	L2: disk BYTES SHA256		for each disk
#	L2: done
#	L2: failed REASON

bb=/bin/busybox
mib=4

stop()
{
	echo "L2: failed $*"
	while :; do $bb sleep 3600; done
}

$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
exec >/dev/ttyS0 2>&1
echo "L2: up"

for module in /modules/*.ko; do
	$bb insmod "$module" || stop "insmod $module"
done
disks=0
for class in /sys/bus/pci/devices/*/class; do
	! $bb grep -q 0x010802 "$class" || disks=$((disks + 1))
done
[ $disks -gt 0 ] || stop "no disk"

# disk N: its number does not say where it is
disk()
{
	name=/dev/nvme$1n1
	n=0
	while [ ! -b "$name" ]; do
		n=$((n + 1))
		[ $n -le 600 ] || stop "no $name"
		$bb usleep 50000
	done
	sum=$($bb dd if="$name" bs=64k count=$((mib * 16)) 2>/dev/null | $bb sha256sum) ||
		stop "cannot read $name"
	$bb echo "L2: disk $((mib << 20)) ${sum%% *}"
}

d=0
while [ $d -lt $disks ]; do
	disk $d
	d=$((d + 1))
done
echo "L2: done"
while :; do $bb sleep 3600; done
