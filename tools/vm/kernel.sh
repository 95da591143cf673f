#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Print a directory with what starts L1: "kernel" and "initramfs", and "modules",
# a link to what will be /lib/modules/RELEASE in L1 (absent where there is none).
#
# Use:	tools/vm/kernel.sh stock			Debian's own 6.12, not installed
#	tools/vm/kernel.sh test				the project's small kernel
#	tools/vm/kernel.sh /path/to/bzImage [MODULES]	any other
#
# The initramfs holds busybox, a start script, and, of a distribution's kernel, those
# of its modules that mounting L1's disk and shares takes. MODULES, the
# /lib/modules/RELEASE of a kernel, is one of a distribution's if it has them.

. "$(dirname "$0")/../../scripts/lib.sh"
. "$pa_top/tools/vm/parts.sh"
here=$pa_top/tools/vm

# fill_boot OUT HERE ROOTFS KERNEL RELEASE MODULES: RELEASE is empty where
# everything is built in
fill_boot()
{
	local out=$1 here=$2 rootfs=$3 kernel=$4 release=$5 modules=$6
	local tree=$out/tree

	mkdir -p "$tree"/{bin,dev,proc,sys,modules}
	install -m 755 "$rootfs/busybox" "$tree/bin/busybox"
	install -m 755 "$here/initramfs-init.sh" "$tree/init"
	if [[ -n $release ]]; then
		unpacked_kernel "$kernel" "$out/kernel"
		early_modules "$modules" "$tree/modules" \
			crc32c_generic ext4 virtio_blk overlay 9pnet_virtio 9p
	else
		cp "$kernel" "$out/kernel"
	fi
	pack_initramfs "$tree" "$out/initramfs"
	[[ -z $modules ]] || ln -s "$modules" "$out/modules"
}

kernel=${1:-}
modules=${2:-}
release=
case $kernel in
stock)
	modules=$(stock_modules)
	release=${modules##*/}
	kernel=${modules%/lib/*}/boot/vmlinuz-$release
	;;
test)
	dir=$("$pa_top/scripts/test-kernel.sh")
	kernel=$dir/bzImage
	[[ ! -d $dir/modules ]] || modules=$dir/modules
	;;
/*)
	[[ -z $modules || ! -d $modules/kernel/fs/9p ]] || release=$(basename "$modules")
	;;
*)
	die "use: kernel.sh stock|test|/path/to/bzImage [MODULES]"
	;;
esac
[[ -f $kernel ]] || die "no kernel at $kernel"
[[ -z $modules || -d $modules ]] || die "no directory $modules"

rootfs=$("$here/rootfs.sh")
parts=$(pa_hash_files "$here/kernel.sh" "$here/parts.sh" "$here/initramfs-init.sh" "$kernel")
pa_cached boot "$parts $rootfs $release $modules" fill_boot \
	"$here" "$rootfs" "$kernel" "$release" "$modules"
