#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1: the benchmark on one set of modules, the lines of bench.c on stdout.
#
# Use:	in-l1.sh ours|stock|floor PLAN MIB
#
# MIB is how much is mapped of huge pages, to see what is kept for them. A line of the
# file PLAN is "MIB,... ITERATIONS PATH,... KIND,...", for bench.c.

set -euo pipefail

# shellcheck source=selftests/l1/lib.sh
. /pinacct/selftests/l1/lib.sh

tracing=/sys/kernel/tracing
programs=/pinacct/build/selftests

# kept MIB PATH KIND: "kept PATH KIND PAGES BYTES", of what the kernel has allocated for
# a mapping and not freed, page tables apart
kept()
{
	local event

	echo nop >$tracing/current_tracer
	echo 0 >$tracing/tracing_on
	echo 32768 >$tracing/buffer_size_kb
	echo >$tracing/trace
	for event in kmalloc kmem_cache_alloc kfree kmem_cache_free; do
		[[ $event = k*free ]] || echo 'comm == "bench"' >$tracing/events/kmem/$event/filter
		echo 1 >$tracing/events/kmem/$event/enable
	done
	/tmp/bench kept "$@" >/tmp/kept
	echo 0 >$tracing/events/kmem/enable
	awk '
	FNR == NR { line = $0; next }
	/^#.*entries-in-buffer/ { split($3, n, "/"); if (n[1] != n[2]) exit lost = 1 }
	!match($0, / ptr=[0-9a-fx]+/) { next }
	{ at = substr($0, RSTART + 5, RLENGTH - 5) }
	/ (kmalloc|kmem_cache_alloc):/ && match($0, / bytes_alloc=[0-9]+/) {
		bytes[at] = substr($0, RSTART + 13, RLENGTH - 13)
		seen = 1
	}
	/ (kfree|kmem_cache_free):/ { delete bytes[at] }
	END {
		if (lost || !seen)
			exit 1
		for (at in bytes)
			sum += bytes[at]
		print line, sum + 0
	}' /tmp/kept $tracing/trace
}

if [[ $1 = floor ]]; then
	insmod "$programs/modules/$(uname -r)/pinacct_floor.ko"
else
	use_modules "$1" edu e1000e nvme virtio-net
	insmod "$programs/modules/$(uname -r)/pinacct_test.ko"
fi
# The per-CPU lists of free pages grow with what is freed, and hand it out last
# first, so that no two pages would be in a row in any kind of 4 KiB memory.
echo 1000000 >/proc/sys/vm/percpu_pagelist_high_fraction
# Huge pages of a memfd, where its mapping asks for them.
echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled
# From memory: what is read from the host's files while it runs takes time.
cp "$programs/bench" /tmp/
mapfile -t plan <"$2"
for line in "${plan[@]}"; do
	# shellcheck disable=SC2086
	/tmp/bench map $line
done
[[ $1 != floor ]] || exit 0
/tmp/bench again 64
for path in type1 iommufd; do
	kept 64 $path 4k-scattered
	kept "$3" $path thp
	kept "$3" $path hugetlb-2m
done
# Stock would fault in 1 TiB, or whatever the machine has.
if [[ $1 = ours ]]; then
	/tmp/bench refusal
	echo Y >/sys/module/pinacct/parameters/charge_once
	/tmp/bench again 64 | sed 's/^again/once/'
fi
