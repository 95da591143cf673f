#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compile the test programs for L1 into build/selftests/.
#
# Use:	selftests/build.sh [PROGRAM...]
#	selftests/build.sh --headers
#
# PROGRAM is a path below build/selftests/; all of them if none is named. --headers
# prints where 7.2's headers for user space are.

. "$(dirname "$0")/../scripts/lib.sh"

fill_headers()
{
	local tmp=$1 ksrc=$2

	make -s -C "$ksrc" O="$tmp/obj" ARCH=x86 headers
	mv "$tmp/obj/usr/include" "$tmp/include"
	rm -r "$tmp/obj"
}

# uapi KSRC: the headers of that kernel for user space, made once
uapi()
{
	echo "$(pa_cached uapi-headers "1 $1" fill_headers "$1")/include"
}

# An ext4 file system, for memory of a file on a disk. L1 has no mke2fs. Blocks of
# a page: DAX has no smaller ones.
disk_image()
{
	local image=$pa_top/build/selftests/ext4.raw

	[[ ! -e $image ]] || return 0
	PATH=$PATH:/sbin:/usr/sbin mke2fs -q -F -t ext4 -b 4096 "$image.tmp" 16M
	mv "$image.tmp" "$image"
}

"$pa_top/scripts/deps.sh" build check
ksrc=$("$pa_top/scripts/fetch.sh" source-6.12)
ksrc7=$("$pa_top/scripts/fetch.sh" source-7.2)
khdr=$(uapi "$ksrc")
khdr7=$(uapi "$ksrc7")
[[ ${1:-} != --headers ]] || { echo "$khdr7"; exit; }

mkdir -p "$pa_top/build/selftests"
exec {lock}>"$pa_top/build/selftests/.lock"
flock "$lock"
make -s -j"$pa_jobs" -C "$pa_top/selftests" OUT="$pa_top/build/selftests" \
	KSRC="$ksrc" KHDR="$khdr" KSRC7="$ksrc7" KHDR7="$khdr7" \
	"${@/#/$pa_top/build/selftests/}" ||
	die "the test programs were not compiled"
disk_image
say "build/selftests: the test programs"
