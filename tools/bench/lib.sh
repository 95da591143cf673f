# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts that count instructions in L1 share. Sourced; $out is where they say
# what was built.

# use_kernel 6.12|7.2: what to build for, and what to boot, which is in "boot"
use_kernel()
{
	local dir

	boot=()
	export KDIR='' KSRC=''
	case $1 in
	6.12)
		;;
	7.2)
		KSRC=$("$pa_top/scripts/fetch.sh" source-7.2)
		dir=$("$pa_top/scripts/test-kernel.sh" "$KSRC")
		KDIR=$dir/kdir
		boot=(--kernel "$dir/bzImage" --modules "$dir/modules")
		;;
	*)
		die "KERNEL=$1: 6.12 or 7.2"
		;;
	esac
}

# build WHAT COMMAND...: with what it says in a file
build()
{
	local what=$1

	shift
	"$@" >"$out/build.$what" 2>&1 || die "not built: $what, see $out/build.$what"
}
