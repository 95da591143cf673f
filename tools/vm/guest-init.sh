#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# L2's only program: loads the nvme driver, reads the start of the assigned disk
# and prints what it read as a checksum, on the serial port. It then waits to be
# stopped, with the device in use.
#
#	L2: up
#	L2: disk BYTES SHA256
#	L2: failed REASON

bb=/bin/busybox
disk=/dev/nvme0n1
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
n=0
while [ ! -b $disk ]; do
	n=$((n + 1))
	[ $n -le 600 ] || stop "no $disk"
	$bb usleep 50000
done
sum=$($bb dd if=$disk bs=64k count=$((mib * 16)) 2>/dev/null | $bb sha256sum) || stop "cannot read $disk"
$bb echo "L2: disk $((mib << 20)) ${sum%% *}"
while :; do $bb sleep 3600; done
