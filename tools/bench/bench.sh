#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What mapping and unmapping costs on stock modules and on ours.
#
# Use:	tools/bench/bench.sh
#
#	MIB=128		memory that is mapped at a time, a power of two
#	ITERATIONS=3	of each map and unmap
#
# Boots L1 once with each set of modules, on one CPU whose clock counts
# instructions, so that the figures repeat and do not depend on the host. Prints
# instructions per 4 KiB page, of which there is a table for each front end, and
# the ratio ours / stock: below 1 is faster than stock. Each iteration is shown,
# since the second map of fresh memory may cost more than the first.
#
# The table is also in build/report/bench.txt. Nothing is asserted of the
# figures: exit status 1 means that something could not be run.

. "$(dirname "$0")/../../scripts/lib.sh"

mib=${MIB:-128}
iterations=${ITERATIONS:-3}
report=$pa_top/build/report

# measure FLAVOUR: L1 once, what it prints to build/report/bench/FLAVOUR
measure()
{
	local start=$SECONDS

	say "bench: $1"
	"$pa_top/tools/vm/run.sh" --icount --devices edu --hugepages $((mib / 2)) \
		--append 'nokaslr norandmaps' --timeout 600 \
		--out "$report/bench" --log "$report/bench/console.$1" \
		-- tools/bench/in-l1.sh "$1" "$mib" "$iterations" >"$report/bench/$1" ||
		die "the benchmark did not run on $1: see above, and $report/bench/console.$1"
	say "bench: $1: $((SECONDS - start)) s"
}

# table STOCK OURS
table()
{
	awk -v mib="$mib" '
	function row(what, stock, ours)
	{
		printf "%-18s %2d %-6s %10.1f %10.1f %7.2f\n", $2, $3, what,
			stock / $4, ours / $4, ours / stock
	}
	NR == FNR { map[$1, $2, $3] = $5; unmap[$1, $2, $3] = $6; next }
	$1 != front {
		printf "%s%s, %d MiB, instructions per page\n", front ? "\n" : "", $1, mib
		printf "%-18s %2s %-6s %10s %10s %7s\n", "memory", "nr", "", "stock", "ours", "ratio"
		front = $1
	}
	{
		row("map", map[$1, $2, $3], $5)
		row("unmap", unmap[$1, $2, $3], $6)
	}' "$1" "$2"
}

"$pa_top/scripts/deps.sh" build vm
mkdir -p "$report/bench"
for flavour in stock ours; do
	"$pa_top/scripts/build-modules.sh" "$flavour" >"$report/bench/build.$flavour" 2>&1 ||
		die "the $flavour modules were not built: see $report/bench/build.$flavour"
done
"$pa_top/selftests/build.sh" bench
measure stock
measure ours
table "$report/bench/stock" "$report/bench/ours" | tee "$report/bench.txt"
