# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts that count instructions in L1, and those that tell of it in HTML,
# share. Sourced; $out is where the first say what was built.

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

# picture ALT COMMAND...: what the command draws
picture()
{
	local alt=$1

	shift
	printf '<img alt="%s" src="data:image/svg+xml;base64,%s">\n' "$alt" \
		"$("$@" | base64 -w 0)"
}

# escape: text for HTML
escape()
{
	sed 's/&/\&amp;/g; s/</\&lt;/g'
}
