#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build the module that shows tests the kernel's pages and holds them, and the one
# that the benchmark compares with, into build/selftests/modules/RELEASE/.
#
# Use:	[KDIR=...] selftests/modules/build.sh

. "$(dirname "$0")/../../scripts/lib.sh"

kdir=${KDIR:-}
[[ $kdir ]] || kdir=$("$pa_top/scripts/fetch.sh" headers)
release=$(<"$kdir/include/config/kernel.release")
obj=$pa_top/build/selftests/obj/$release/test
out=$pa_top/build/selftests/modules/$release

mkdir -p "$obj" "$out"
cp -u "$pa_top/selftests/modules/"*.[ch] "$obj/"
echo 'obj-m := pinacct_test.o pinacct_floor.o' >"$obj/Kbuild"
make -s -C "$kdir" M="$obj" W=1 CONFIG_DEBUG_INFO= CONFIG_DEBUG_INFO_BTF_MODULES= modules ||
	die "the test modules were not built"
cp "$obj/"*.ko "$out/"
say "${out#"$pa_top/"}: pinacct_test.ko pinacct_floor.ko"
