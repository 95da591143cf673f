#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1: how long mapping takes, on stock modules, on ours, and on ours with two tasks
# that fault memory in. One after the other, so that what else the host does concerns
# all of them; lines of bench.c on stdout, with "time ROUND SET" in place of "map", or
# ROUND SET in front.
#
# Use:	time-in-l1.sh ROUNDS MIB

set -euo pipefail

# shellcheck source=selftests/l1/lib.sh
. /pinacct/selftests/l1/lib.sh

rounds=$1 mib=$2
threads=/sys/module/pinacct/parameters/pin_threads

# measure SET: what is slow for the memory alone, and is the kernel's part of starting a VM
measure()
{
	/tmp/bench map "$mib" 1 type1,iommufd 4k,4k-untouched,thp-untouched |
		sed "s/^map/time $round $1/"
	/tmp/bench waits "$mib" | sed "s/^/$round $1 /"
}

cp /pinacct/build/selftests/bench /tmp/
for ((round = 1; round <= rounds; round++)); do
	use_modules stock edu e1000e
	measure stock
	use_modules ours edu e1000e
	measure ours
	# Not before the layer has it.
	[[ -e $threads ]] || continue
	echo 2 >$threads
	measure ours-2
	echo 1 >$threads
done
