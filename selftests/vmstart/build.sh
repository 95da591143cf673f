#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Make what a row needs, in build/vmstart/: the guest's disk boot.raw, which BIOS and
# UEFI boot, the two ends that pass /dev/iommu on, uid-locked-vm, and for L1 an ext4
# file system.
#
# Use:	selftests/vmstart/build.sh

. "$(dirname "$0")/../../scripts/lib.sh"
here=$pa_top/selftests/vmstart
out=$pa_top/build/vmstart

# program NAME SOURCE: static, since it runs in L1 as well. <linux/iommufd.h> is from
# the kernel's source where the system has none.
program()
{
	gcc -O2 -Wall -Wextra -Werror -static -idirafter "$ksrc/include/uapi" -o "$out/$1.tmp" "$2"
	mv "$out/$1.tmp" "$out/$1"
}

boot_disk()
{
	gcc -c -m32 -o "$out/boot.o" "$here/boot.S"
	ld -m elf_i386 -Ttext 0x7c00 -e start --oformat binary -o "$out/boot.tmp" "$out/boot.o"
	truncate -s $((64 * 512)) "$out/boot.tmp"
	"$here/esp.sh" "$out/esp"
	cat "$out/esp" >>"$out/boot.tmp"
	mv "$out/boot.tmp" "$out/boot.raw"
}

ext4()
{
	[[ ! -e $out/ext4.raw ]] || return 0
	PATH=$PATH:/sbin:/usr/sbin mke2fs -q -F -t ext4 -m 0 "$out/ext4.tmp" 400M
	mv "$out/ext4.tmp" "$out/ext4.raw"
}

"$pa_top/scripts/deps.sh" build vm check
ksrc=${KSRC:-$("$pa_top/scripts/fetch.sh" source-6.12)}
mkdir -p "$out"
exec {lock}>"$out/.lock"
flock "$lock"
program iommufd-pass "$here/iommufd-pass.c"
program emulator "$here/emulator.c"
program kvm-keep "$here/kvm-keep.c"
program uid-locked-vm "$pa_top/tools/vm/l1/uid-locked-vm.c"
boot_disk
ext4
say "build/vmstart: the guest's disk and what starts it"
