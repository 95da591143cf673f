#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1 on a kernel that watches itself: run another script of this directory, and
# leave in /out what the kernel has found that it does not log.
#
# Use:	debug.sh SCRIPT [ARGUMENT]...
#
# /out/kmemleak.before and .after are empty if nothing was lost, with the modules
# still there and without them. Exit status: SCRIPT's.

set -euo pipefail

top=/pinacct
# shellcheck source=selftests/l1/lib.sh
. "$top/selftests/l1/lib.sh"

kmemleak=/sys/kernel/debug/kmemleak

# What is younger than five seconds is not told, nor what a scan sees a pointer to by
# chance, as on a stack: only what two of them have found is there to stay.
leaks()
{
	sleep 6
	echo scan >$kmemleak
	sleep 6
	echo scan >$kmemleak
	cat $kmemleak >"/out/kmemleak.$1"
	echo clear >$kmemleak
}

if [[ ! -w $kmemleak ]]; then
	tell "this kernel has no kmemleak: it is not the debug kernel, or kmemleak gave up"
	exit 1
fi

# What the boot has lost is not for us to find.
sleep 6
echo scan >$kmemleak
echo clear >$kmemleak

status=0
"$top/selftests/l1/$1" "${@:2}" || status=$?
timed leaks before
remove_modules
timed leaks after
cat /proc/lockdep_stats >/out/lockdep
exit "$status"
