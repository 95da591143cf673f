#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How long mapping takes, where instructions do not tell: with several tasks at work.
#
# Use:	tools/bench/time.sh
#
#	ROUNDS=5	of stock, ours, and ours with pin_threads=2, one after the other
#	MIB=512		mapped at a time, a power of two
#
# In L1 with two CPUs and no clock that counts instructions, on Debian's 6.12: the host
# must have two idle ones. Prints how many times less time ours takes than stock, and two
# tasks less than one: the median of all rounds, the least and the most. The figures are
# in build/report/bench/time. bench.sh runs it as well, unless QUICK is set.

. "$(dirname "$0")/../../scripts/lib.sh"

rounds=${ROUNDS:-5}
mib=${MIB:-512}
report=$pa_top/build/report/bench

# ratios: from lines "time ROUND SET PATH KIND PAGES ITERATION CALLS RUNS MAP UNMAP"
ratios()
{
	awk '
	function median(list, n,   i, j, t) {
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && list[j] < list[j - 1]; j--) {
				t = list[j]; list[j] = list[j - 1]; list[j - 1] = t
			}
		return list[int((n + 1) / 2)]
	}
	function ratio(row, a, b,   list, n, r) {
		for (r = 1; r <= rounds; r++)
			if ((r, a, row) in took && (r, b, row) in took)
				list[++n] = took[r, a, row] / took[r, b, row]
		if (!n)
			return "-"
		r = median(list, n)
		return sprintf("%.2f (%.2f to %.2f)", r, list[1], list[n])
	}
	$1 == "time" {
		row = sprintf("%-8s %-14s %5d", $4, $5, $6 / 256)
		took[$2, $3, row] = $10
		if (!seen[row]++)
			order[++rows] = row
		rounds = $2 > rounds ? $2 : rounds
	}
	END {
		printf "%-8s %-14s %5s %22s %22s\n", "map", "memory", "MiB", "stock / ours",
			"1 task / 2 tasks"
		for (i = 1; i <= rows; i++)
			printf "%s %22s %22s\n", order[i], ratio(order[i], "stock", "ours"),
				ratio(order[i], "ours", "ours-2")
	}'
}

"$pa_top/scripts/deps.sh" build vm
mkdir -p "$report"
"$pa_top/scripts/build-modules.sh" stock >"$report/build.time" 2>&1 &&
	"$pa_top/scripts/build-modules.sh" ours >>"$report/build.time" 2>&1 &&
	"$pa_top/selftests/build.sh" bench >>"$report/build.time" 2>&1 ||
	die "not built: see $report/build.time"
"$pa_top/tools/vm/run.sh" --devices edu --timeout 2400 --out "$report" --log "$report/console.time" \
	-- tools/bench/time-in-l1.sh "$rounds" "$mib" >"$report/time.tmp" ||
	die "the benchmark did not run: see above, and $report/console.time"
mv "$report/time.tmp" "$report/time"
{
	echo "time, Linux 6.12, two CPUs, $rounds rounds: how many times less"
	ratios <"$report/time"
} | tee "$pa_top/build/report/bench-time.txt"
