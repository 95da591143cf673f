#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Print a directory with what starts L2, the guest with the assigned devices:
# Debian's own kernel and an initramfs with its nvme driver and guest-init.sh; and
# uid-locked-vm, which tells L1 what the guest's user is charged.
#
# Use:	tools/vm/guest.sh [INIT MODULE...]
#
# With another program than guest-init.sh, and other modules of that kernel.

. "$(dirname "$0")/../../scripts/lib.sh"
. "$pa_top/tools/vm/parts.sh"
here=$pa_top/tools/vm

fill_guest()
{
	local out=$1 here=$2 rootfs=$3 modules=$4 init=$5
	local tree=$out/tree

	shift 5
	mkdir -p "$tree"/{bin,dev,proc,sys,modules}
	install -m 755 "$rootfs/busybox" "$tree/bin/busybox"
	install -m 755 "$init" "$tree/init"
	early_modules "$modules" "$tree/modules" "$@"
	unpacked_kernel "${modules%/lib/*}/boot/vmlinuz-${modules##*/}" "$out/kernel"
	pack_initramfs "$tree" "$out/initramfs"
	gcc -O2 -Wall -Wextra -static -o "$out/uid-locked-vm" "$here/l1/uid-locked-vm.c"
}

[[ $# -gt 0 ]] || set -- "$here/guest-init.sh" nvme
modules=$(stock_modules)
rootfs=$("$here/rootfs.sh")
parts=$(pa_hash_files "$here/guest.sh" "$here/parts.sh" "$1" "$here/l1/uid-locked-vm.c")
pa_cached guest "$parts $rootfs $modules $*" fill_guest "$here" "$rootfs" "$modules" "$@"
