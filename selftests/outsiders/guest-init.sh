#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The program of a guest beside which other people's tests run: reads the start of its
# assigned disk by DMA again and again, and prints what it read as a checksum, on the
# serial port.
#
#	L2: up
#	L2: disk BYTES SHA256		each time
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
for module in /modules/*.ko; do
	$bb insmod "$module" || stop "insmod $module"
done
n=0
while [ ! -b /dev/nvme0n1 ]; do
	n=$((n + 1))
	[ $n -le 600 ] || stop "no /dev/nvme0n1"
	$bb usleep 50000
done
echo "L2: up"

while :; do
	# From the disk, and into other pages than the last time
	echo 1 >/proc/sys/vm/drop_caches
	sum=$($bb dd if=/dev/nvme0n1 bs=64k count=$((mib * 16)) 2>/dev/null | $bb sha256sum) ||
		stop "cannot read the disk"
	$bb echo "L2: disk $((mib << 20)) ${sum%% *}"
	$bb sleep 1
done
