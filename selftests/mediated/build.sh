#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build the test device for Debian's kernel, into build/selftests/modules/.
#
# Use:	selftests/mediated/build.sh		after scripts/build-modules.sh
#
# struct vfio_device is as our rebuilt vfio has it, so the options and symbols of
# that build are used. The same module serves the stock modules: they are built
# with the same options, and the kernel would refuse it by its symbol versions
# if they were not.

. "$(dirname "$0")/../../scripts/lib.sh"

kdir=$("$pa_top/scripts/fetch.sh" headers)
release=$("$pa_top/scripts/fetch.sh" release)
vfio=$pa_top/build/obj/$release/ours/tree
obj=$pa_top/build/selftests/mediated
out=$pa_top/build/selftests/modules/$release

[[ -f $vfio/Module.symvers ]] || die "build the modules first: scripts/build-modules.sh ours"
mkdir -p "$obj" "$out"
cp -u "$pa_top/selftests/mediated/"*.[ch] "$obj/"
{
	echo 'obj-m := pinacct_mediated.o'
	grep '^subdir-ccflags' "$vfio/Kbuild"
} >"$obj/Kbuild"
make -s -C "$kdir" M="$obj" W=1 KBUILD_EXTRA_SYMBOLS="$vfio/Module.symvers" \
	CONFIG_DEBUG_INFO= CONFIG_DEBUG_INFO_BTF_MODULES= modules
cp "$obj/pinacct_mediated.ko" "$out/"
