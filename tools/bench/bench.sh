#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What mapping and unmapping costs on stock modules and on ours.
#
# Use:	tools/bench/bench.sh
#
#	KERNEL=6.12	Debian's kernel; 7.2 is the small kernel of that version
#	MIB=128		memory that is mapped at a time, a power of two
#	ITERATIONS=3	of each map and unmap
#
# Boots L1 once with each set of modules, on one CPU whose clock counts
# instructions, so that the figures repeat and do not depend on the host. Prints
# instructions per 4 KiB page, of which there is a table for each front end, and
# the ratio ours / stock: below 1 is faster than stock. Each iteration is shown,
# since the second map of fresh memory may cost more than the first. At the end
# comes what it costs to refuse memory that was never touched, and with charge_once
# to map touched memory for a second device.
#
# The tables are also in build/report/bench-KERNEL.txt, and a verdict on each row
# in bench-KERNEL.tap: a ratio that rounds to 1.00 or less passes. Refusing 1 TiB
# may cost 1.01 times what 4 MiB cost, since both are one VMA, which is all that
# is looked at; mapping for the second device no more than for the first. Exit status 1 means that something could not be run, whatever the
# verdicts.

. "$(dirname "$0")/../../scripts/lib.sh"

kernel=${KERNEL:-6.12}
mib=${MIB:-128}
iterations=${ITERATIONS:-3}
report=$pa_top/build/report/bench-$kernel

# use_kernel: what to build for, and what to boot
use_kernel()
{
	local dir

	boot=()
	export KDIR='' KSRC=''
	case $kernel in
	6.12)
		;;
	7.2)
		KSRC=$("$pa_top/scripts/fetch.sh" source-7.2)
		dir=$("$pa_top/scripts/test-kernel.sh" "$KSRC")
		KDIR=$dir/kdir
		boot=(--kernel "$dir/bzImage" --modules "$dir/modules")
		;;
	*)
		die "KERNEL=$kernel: 6.12 or 7.2"
		;;
	esac
}

# build FLAVOUR [W]
build()
{
	W=${2:-1} "$pa_top/scripts/build-modules.sh" "$1" >"$report/build.$1" 2>&1 ||
		die "the $1 modules were not built: see $report/build.$1"
}

# measure FLAVOUR: L1 once, what it prints to $report/FLAVOUR
measure()
{
	local start=$SECONDS

	"$pa_top/tools/vm/run.sh" --icount --devices edu,e1000e --hugepages $((mib / 2)) \
		--append 'nokaslr norandmaps hugepagesz=1G hugepages=1' --timeout 600 "${boot[@]}" \
		--out "$report" --log "$report/console.$1" \
		-- tools/bench/in-l1.sh "$1" "$mib" "$iterations" >"$report/$1" ||
		die "the benchmark did not run on $1: see above, and $report/console.$1"
	say "bench: $kernel, $1: $((SECONDS - start)) s"
}

# rows: of both, "FRONT KIND ITERATION map|unmap STOCK OURS RATIO", per page
rows()
{
	awk '
	function row(what, stock, ours)
	{
		printf "%s %s %d %s %.1f %.1f %.2f\n", $1, $2, $3, what,
			stock / $4, ours / $4, ours / stock
	}
	$1 == "refusal" || $1 == "again" { next }
	NR == FNR { map[$1, $2, $3] = $5; unmap[$1, $2, $3] = $6; next }
	{
		row("map", map[$1, $2, $3], $5)
		row("unmap", unmap[$1, $2, $3], $6)
	}' "$report/stock" "$report/ours"
}

# refusals: "FRONT SMALL LARGE RATIO"
refusals()
{
	awk '$1 == "refusal" { printf "%s %d %d %.2f\n", $2, $3, $4, $4 / $3 }' "$report/ours"
}

# again: "FRONT KIND FIRST SECOND RATIO", per page
again()
{
	awk '$1 == "again" {
		printf "%s %s %.1f %.1f %.2f\n", $2, $3, $5 / $4, $6 / $4, $6 / $5
	}' "$report/ours"
}

tables()
{
	rows | awk -v mib="$mib" -v kernel="$kernel" '
	$1 != front {
		front = $1
		printf "%s, Linux %s, %d MiB, instructions per page\n", front, kernel, mib
		printf "%-18s %2s %-6s %10s %10s %7s\n", "memory", "nr", "", "stock", "ours", "ratio"
	}
	{ printf "%-18s %2d %-6s %10s %10s %7s\n", $2, $3, $4, $5, $6, $7 }'
	echo "refused without a touch, instructions"
	printf '%-28s %10s %10s %7s\n' "" "4 MiB" "1 TiB" "ratio"
	refusals | awk '{ printf "%-28s %10d %10d %7s\n", $1, $2, $3, $4 }'
	echo "mapped for two devices with charge_once, instructions per page"
	printf '%-28s %10s %10s %7s\n' "" "first" "second" "ratio"
	again | awk '{ printf "%-17s %-10s %10s %10s %7s\n", $1, $2, $3, $4, $5 }'
}

verdicts()
{
	{
		rows | awk '{ print ($7 <= 1), $1, $2, $4, $3 ":", $7, "of stock" }'
		refusals | awk '{ print ($4 <= 1.01), $1, "refusing 1 TiB:", $4, "of 4 MiB" }'
		again | awk '{ print ($5 <= 1), $1, $2, "for a second device:", $5, "of the first" }'
	} | awk '{
		ok = $1
		sub(/^[01] /, "")
		printf "%s %d - %s\n", ok ? "ok" : "not ok", NR, $0
	} END { print "1.." NR }'
}

"$pa_top/scripts/deps.sh" build vm
mkdir -p "$report"
rm -f "$report.txt" "$report.tap"
use_kernel
# The kernel's own source may have warnings, whatever W says.
build stock
build ours "${W:-1}"
"$pa_top/selftests/build.sh" bench
measure stock
measure ours
tables | tee "$report.txt"
verdicts >"$report.tap"
