#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Make the EFI system partition of the disk that guests boot from: a FAT file system
# of 1 MiB with boot-efi.c where UEFI looks for it.
#
# Use:	selftests/vmstart/esp.sh FILE
#
# The linker writes EFI programs (PE) itself, given objects that need no relocation.

. "$(dirname "$0")/../../scripts/lib.sh"

[[ $# = 1 ]] || die "use: esp.sh FILE"
file=$1
tmp=$(mktemp -d)
trap 'rm -rf -- "$tmp"' EXIT

gcc -std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding -mabi=ms -fpie -mno-red-zone \
	-mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-ident \
	-c -o "$tmp/boot.o" "$pa_top/selftests/vmstart/boot-efi.c"
ld -m i386pep --subsystem 10 --image-base 0 -s -e efi_main -o "$tmp/boot.efi" "$tmp/boot.o"

truncate -s 1M "$tmp/esp"
mformat -i "$tmp/esp" ::
mmd -i "$tmp/esp" ::/EFI ::/EFI/BOOT
mcopy -i "$tmp/esp" "$tmp/boot.efi" ::/EFI/BOOT/BOOTX64.EFI
mv -- "$tmp/esp" "$file"
