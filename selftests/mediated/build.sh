#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build the test devices, into build/selftests/modules/RELEASE/, and the guest
# program of the one that a VM can have, build/selftests/ondemand.raw.
#
# Use:	[KDIR=...] selftests/mediated/build.sh	after scripts/build-modules.sh ours
#
# Where vfio was rebuilt, struct vfio_device is as that build has it, so its options
# and symbols are used. The same module serves the stock modules: they are built
# with the same options, and the kernel would refuse it by its symbol versions
# if they were not.

. "$(dirname "$0")/../../scripts/lib.sh"

kdir=${KDIR:-}
[[ $kdir ]] || kdir=$("$pa_top/scripts/fetch.sh" headers)
release=$(<"$kdir/include/config/kernel.release")
tree=$pa_top/build/obj/$release/ours/tree
obj=$pa_top/build/selftests/obj/$release/mediated
out=$pa_top/build/selftests/modules/$release

[[ -f $tree/Module.symvers ]] || die "build the modules first: scripts/build-modules.sh ours"
mkdir -p "$obj" "$out"
cp -u "$pa_top/selftests/mediated/"*.[chS] "$obj/"
{
	echo 'obj-m := pinacct_mediated.o'
	# Only where the kernel has mediated devices.
	echo 'obj-$(CONFIG_VFIO_MDEV) += pinacct_ondemand.o'
	grep '^subdir-ccflags' "$tree/Kbuild"
} >"$obj/Kbuild"
make -s -C "$kdir" M="$obj" W=1 KBUILD_EXTRA_SYMBOLS="$tree/Module.symvers" \
	CONFIG_DEBUG_INFO= CONFIG_DEBUG_INFO_BTF_MODULES= modules ||
	die "the test devices were not built"
cp "$obj/"*.ko "$out/"
say "${out#"$pa_top/"}: $(cd "$obj" && echo *.ko)"

# A boot sector, run from where the BIOS puts it. A smaller disk has no cylinder for
# the BIOS to boot from.
guest=$pa_top/build/selftests/ondemand.raw
gcc -m32 -c -Wall -o "$obj/ondemand-guest.o" "$obj/ondemand.S" &&
	ld -m elf_i386 -N -Ttext 0x7c00 -e start --oformat binary -o "$guest" "$obj/ondemand-guest.o" &&
	truncate -s 1M "$guest" ||
	die "the guest program was not built"
