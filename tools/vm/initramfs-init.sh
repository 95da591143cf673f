#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The first thing that runs in L1: makes a root that can be written from the
# read-only disk and a tmpfs, mounts the source tree, and hands over to the
# tree's tools/vm/l1/init.sh. Whatever fails here stops L1 at once; the message
# is on the console, which run.sh shows.

bb=/bin/busybox

stop()
{
	echo "L1: $*"
	$bb reboot -f
}

$bb mount -t proc proc /proc
$bb mount -t devtmpfs dev /dev

for module in /modules/*.ko; do
	# One that the CPU or the kernel has no use for may refuse; a mount
	# below says so when it was needed.
	[ ! -e "$module" ] || $bb insmod "$module" || echo "L1: $module not loaded"
done

$bb mkdir /disk /ram /l1
$bb mount -t ext4 -o ro /dev/vda /disk || stop "cannot mount the root disk"
$bb mount -t tmpfs ram /ram || stop "cannot mount a tmpfs"
$bb mkdir /ram/upper /ram/work
$bb mount -t overlay -o lowerdir=/disk,upperdir=/ram/upper,workdir=/ram/work root /l1 ||
	stop "cannot mount the overlay"

# mmap: programs and libraries are run from the share.
$bb mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=mmap,ro \
	pinacct /l1/pinacct || stop "cannot mount the source tree"

$bb umount /proc
$bb mount -o move /dev /l1/dev
# shellcheck disable=SC2093
exec $bb switch_root /l1 /pinacct/tools/vm/l1/init.sh
stop "cannot run tools/vm/l1/init.sh"
