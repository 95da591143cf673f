#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1 with devices: what happens while memory is being mapped?
#
# Use:	races.sh [--without RACE,RACE...] [ARGUMENT]...
#
# ARGUMENTs are those of the program races: all of them if it names none.
#
# L1 needs an edu and an e1000e behind the IOMMU, two CPUs, reserved huge pages, and
# two NUMA nodes for the race with move_pages(): where the kernel has no NUMA, that one
# is left out. What it says is in /out/races.tap, for the host to judge.

set -euo pipefail

top=/pinacct
programs=$top/build/selftests
# shellcheck source=selftests/l1/lib.sh
. "$top/selftests/l1/lib.sh"

# Every race, but for what this kernel cannot do at all
all_races()
{
	cat "$top/selftests/races/"*.c | sed -n 's/^\t*\.name = "\(.*\)",$/\1/p' |
		if [[ -d /sys/devices/system/node ]]; then cat; else grep -vx move_pages; fi
}

# named ARGUMENT...: do they name a race?
named()
{
	while [[ $# -gt 0 ]]; do
		[[ $1 = --* ]] || return 0
		# An option without a value is for the program to complain of.
		shift 2 || return 0
	done
	return 1
}

races=() without=
if [[ ${1:-} = --without ]]; then
	without=${2:?--without takes names of races}
	shift 2
fi
named "$@" || mapfile -t races < <(all_races | grep -vxE "${without//,/|}")
[[ -e /sys/fs/cgroup/cgroup.controllers ]] || mount -t cgroup2 none /sys/fs/cgroup
use_modules ours edu e1000e
insmod "$programs/modules/$(uname -r)/pinacct_test.ko"
# Each race has its own time; that of all is run.sh's.
"$programs/races" "$@" "${races[@]}" >/out/races.tap 2>&1 || true
rmmod pinacct_test
