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
# tasks less than one: the median of all rounds, the least and the most; then what other
# threads wait for meanwhile, and how soon a killed process stops. The figures are in
# build/report/bench/time. bench.sh runs it as well, unless QUICK is set.

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

# waits: from lines "ROUND SET wait PATH WHAT MAPPING ALONE BESIDE" and "ROUND SET kill
# PATH GREW ENDED", in milliseconds: the longest of all rounds
waits()
{
	awk '
	function note(row, set, value)
	{
		if (!seen[row]++)
			order[++rows] = row
		if (value > most[row, set])
			most[row, set] = value
	}
	$3 == "wait" {
		row = sprintf("%-8s %-34s", $4, does[$5])
		note(row, $2, $8)
		note(row, $2 "-alone", $7)
	}
	$3 == "kill" {
		note(sprintf("%-8s %-34s", $4, "maps on after it is killed"), $2, $5)
		note(sprintf("%-8s %-34s", $4, "ends after it is killed"), $2, $6)
	}
	BEGIN {
		does["fault"] = "takes a page fault"
		does["mmap"] = "maps a page for itself"
		does["map"] = "maps a page for another device"
		printf "%-43s %10s %10s %10s\n", "milliseconds, at most", "stock", "ours", "beside CPU"
	}
	END {
		for (i = 1; i <= rows; i++) {
			alone = "-"
			if ((order[i], "ours-alone") in most)
				alone = sprintf("%.1f", most[order[i], "ours-alone"])
			printf "%s %10.1f %10.1f %10s\n", order[i], most[order[i], "stock"],
				most[order[i], "ours"], alone
		}
	}'
}

"$pa_top/scripts/deps.sh" build vm
mkdir -p "$report"
"$pa_top/scripts/build-modules.sh" stock >"$report/build.time" 2>&1 &&
	"$pa_top/scripts/build-modules.sh" ours >>"$report/build.time" 2>&1 &&
	"$pa_top/selftests/build.sh" bench >>"$report/build.time" 2>&1 ||
	die "not built: see $report/build.time"
"$pa_top/tools/vm/run.sh" --devices edu,e1000e --timeout 2400 --out "$report" --log "$report/console.time" \
	-- tools/bench/time-in-l1.sh "$rounds" "$mib" >"$report/time.tmp" ||
	die "the benchmark did not run: see above, and $report/console.time"
mv "$report/time.tmp" "$report/time"
{
	echo "time, Linux 6.12, two CPUs, $rounds rounds: how many times less"
	ratios <"$report/time"
	echo
	echo "what another thread waits for while $mib MiB of untouched memory are mapped"
	waits <"$report/time"
} | tee "$pa_top/build/report/bench-time.txt"
