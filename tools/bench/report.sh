#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the benchmark has measured: as text, as TAP, and as one HTML file with plots,
# which needs neither network nor scripts.
#
# Use:	tools/bench/report.sh KERNEL...
#
#	build/report/bench/KERNEL/stock, ours, floor	what bench.c printed
#	build/report/bench-time.txt			what time.sh printed, if it was run
#	build/report/bench-KERNEL.txt, .tap		tables and verdicts
#	build/report/bench.html				both, with plots
#
# Prints the tables.

. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=tools/bench/lib.sh
. "$pa_top/tools/bench/lib.sh"

report=$pa_top/build/report
here=$pa_top/tools/bench
work=

# rows KERNEL: "PATH KIND PAGES ITERATION STEP CALLS RUNS STOCK OURS FLOOR", where the
# last three are instructions, and "-" where there are none
rows()
{
	local dir=$report/bench/$1

	awk '
	function key(path) { return path SUBSEP $3 SUBSEP $4 SUBSEP $5 }
	function had(table, at) { return at in table ? table[at] : "-" }
	$1 != "map" { next }
	FILENAME ~ /stock$/ { map_stock[key($2)] = $8; unmap_stock[key($2)] = $9 }
	FILENAME ~ /floor$/ { map_floor[key($2)] = $8; unmap_floor[key($2)] = $9 }
	FILENAME ~ /ours$/ {
		floor = "floor"
		if (match($2, /-(file|two)$/))
			floor = floor substr($2, RSTART)
		floor = key(floor)
		print $2, $3, $4, $5, "map", $6, $7, had(map_stock, key($2)), $8,
			had(map_floor, floor)
		print $2, $3, $4, $5, "unmap", $6, $7, had(unmap_stock, key($2)), $9,
			had(unmap_floor, floor)
	}' "$dir/stock" "$dir/floor" "$dir/ours"
}

# tables KERNEL: in instructions for each page
tables()
{
	rows "$1" | awk -v kernel="$1" '
	function each(n) { return n == "-" ? n : sprintf(n / $3 < 10 ? "%.3f" : "%.1f", n / $3) }
	function over(n) { return n == "-" ? n : sprintf("%.*f", $9 / n < 0.1 ? 4 : 2, $9 / n) }
	$1 != path {
		path = $1
		printf "%s%s, Linux %s, instructions per page of 4 KiB\n", n++ ? "\n" : "", path, kernel
		printf "%-18s %5s %7s %2s %-5s %9s %9s %9s %9s %9s\n", "memory", "MiB", "runs",
			"nr", "", "stock", "ours", "floor", "of stock", "of floor"
	}
	{
		printf "%-18s %5g %7d %2d %-5s %9s %9s %9s %9s %9s\n", $2, $3 / 256, $7, $4, $5,
			each($8), each($9), each($10), over($8), over($10)
	}'
	awk '
	function head(title, columns) {
		if (title != had)
			printf "\n%s\n%-18s %-14s %s\n", title, "", "", columns
		had = title
	}
	$1 == "refusal" {
		head("refused without a touch, instructions", "     4 MiB     1 TiB")
		printf "%-18s %-14s %10d%10d\n", $2, "", $3, $4
	}
	$1 == "again" || $1 == "once" {
		head("mapped for one device after the other, instructions per page" \
			($1 == "once" ? ", ours with charge_once" : FILENAME ~ /ours$/ ? ", ours" : ", stock"),
			"         1         2         3         4")
		line = $5 == 1 ? sprintf("%-18s %-14s", $2, $3) : line
		line = line sprintf("%10.1f", $6 / $4)
		if ($5 == 4)
			print line
	}
	$1 == "kept" {
		head("kept for a mapping, page tables apart, " (FILENAME ~ /ours$/ ? "ours" : "stock"),
			"   bytes a page   bytes a GiB")
		printf "%-18s %-14s %15.3f %13d\n", $2, $3, $5 / $4, $5 / $4 * 262144
	}' "$report/bench/$1/stock" "$report/bench/$1/ours"
}

# verdicts KERNEL: for each target and row, separated by tabs: "must|want", "yes|no", the
# target, how much of what is allowed was taken, and which row that was
verdicts()
{
	{
		grep -v '^#' "$here/targets.tsv" | sed 's/^/target\t/'
		rows "$1" | sed 's/^/row /'
	} | awk -v OFS='\t' -v kernel="$1" '
	function is(word, regex) { return word ~ "^(" regex ")$" }
	function tell(t, taken, what) {
		print target[t, 7], taken <= 1 ? "yes" : "no", target[t, "title"], taken,
			sprintf("%s %s %s, %g MiB, nr %d: %s", path, kind, step, pages / 256, nr, what)
	}
	# A call costs something however little it maps.
	BEGIN { many = 16384 }
	function judge(t, how) {
		if (how[1] == "floor" && floor != "-")
			tell(t, ours / (how[2] * floor + 20000 * calls),
				sprintf("%.2f of the floor", ours / floor))
		else if (how[1] == "stock" && stock != "-" && pages >= many)
			tell(t, ours * how[2] / stock, sprintf("%.1f times fewer than stock", stock / ours))
		else if (how[1] == "below" && stock != "-")
			tell(t, ours / (how[2] * stock), sprintf("%.3f of stock", ours / stock))
		else if (how[1] == "million" && pages >= many)
			tell(t, ours / (how[2] * 1e6 / 262144 * pages),
				sprintf("%.2f million a GiB", ours / pages * 0.262144))
	}
	/^target/ {
		split($0, part, "\t")
		if (!is(kernel, part[2]))
			next
		n++
		for (i = 3; i <= 7; i++)
			target[n, i] = part[i]
		target[n, "title"] = part[8]
		next
	}
	{
		split($0, part, " ")
		path = part[2]; kind = part[3]; pages = part[4]; nr = part[5]; step = part[6]
		calls = part[7]; stock = part[9]; ours = part[10]; floor = part[11]
		for (t = 1; t <= n; t++) {
			split(target[t, 6], how, " ")
			if (is(path, target[t, 3]) && is(kind, target[t, 4]) && is(step, target[t, 5]))
				judge(t, how)
		}
	}'
	awk -v OFS='\t' '
	function tell(level, title, taken, what) {
		print level, taken <= 1 ? "yes" : "no", title, taken, what
	}
	$1 == "refusal" {
		tell("must", "1 TiB refused for less than 50,000 instructions, as 4 MiB",
			$4 > 1.01 * $3 ? $4 / $3 : $4 / 50000, $2 ": " $4)
	}
	$1 == "once" && $5 == 1 { first = $6 }
	$1 == "once" && $5 > 1 {
		tell("must", "with charge_once, mapped for another device as cheaply as for the first",
			$6 / (1.005 * first), sprintf("%s %s, device %d: %.3f", $2, $3, $5, $6 / first))
	}
	$1 == "kept" && $3 == "4k-scattered" {
		tell("must", "at most 8 bytes kept for a page when no two are in a row, and 4 KiB in all",
			$5 / ($4 * 8 + 4096), sprintf("%s %s: %.2f", $2, $3, $5 / $4))
	}
	$1 == "kept" && $3 != "4k-scattered" {
		tell("must", "less than 16 KiB kept for a GiB of 2 MiB pages",
			$5 / $4 * 16, sprintf("%s %s: %d bytes", $2, $3, $5 / $4 * 262144))
	}' "$report/bench/$1/ours"
}

tap()
{
	verdicts "$1" | awk -F '\t' '
	$1 == "must" { printf "%s %d - %s (%s)\n", $2 == "yes" ? "ok" : "not ok", ++n, $5, $3 }
	END { print "1.." n + 0 }'
}

# targets KERNEL: "must|want", reached, of so many, the target, and the row that is
# farthest from it, separated by tabs
targets()
{
	verdicts "$1" | awk -F '\t' -v OFS='\t' '
	{
		if (!($3 in all))
			order[++n] = $3
		all[$3]++
		reached[$3] += $2 == "yes"
		level[$3] = $1
		if (!($3 in worst) || $4 > worst[$3]) {
			worst[$3] = $4
			row[$3] = $5
		}
	}
	END { for (i = 1; i <= n; i++) { t = order[i]; print level[t], reached[t], all[t], t, row[t] } }'
}

# data KERNEL PATH STEP [KIND]: for gnuplot, the last iteration: "MIB LABEL STOCK OURS
# FLOOR" for each page; without a kind, one size of each
data()
{
	rows "$1" | awk -v path="$2" -v step="$3" -v kind="${4:-}" '
	function each(n) { return n == "-" ? "?" : n / $3 }
	$1 != path || $5 != step || (kind != "" && $2 != kind) { next }
	{
		at = kind == "" ? $2 : $3
		if (!(at in line))
			order[++n] = at
		else if (kind == "" && $3 != pages[at])
			next
		pages[at] = $3
		line[at] = sprintf("%g \"%s\" %s %s %s", $3 / 256, $2, each($8), each($9), each($10))
	}
	END { for (i = 1; i <= n; i++) print line[order[i]] }' |
		if [[ ${4:-} ]]; then sort -n; else cat; fi
}

colours='stock="#9a9a9a"; ours="#1f6fb4"; least="#e08214"'

# bars KERNEL PATH STEP: an SVG
bars()
{
	data "$1" "$2" "$3" >"$work/data"
	gnuplot <<-END
	$colours
	set terminal svg size 620,270 font "sans-serif,11" background "white"
	set label "$2, $3" at graph 0,1.17 font ",13"
	set ylabel "instructions a page"
	set tmargin 3.5
	set bmargin 5.5
	set rmargin 4
	set mytics 1
	set logscale y
	set yrange [0.003:20000]
	set format y "%g"
	set grid ytics lc rgb "#dddddd"
	set border 3
	set tics nomirror
	set xtics rotate by -40
	set key at graph 1,1.22 right horizontal samplen 1.5
	set style data histograms
	set style histogram clustered gap 1
	set style fill solid
	plot "$work/data" using 3:xtic(2) title "stock" lc rgb stock, \
		"" using 4 title "ours" lc rgb ours, \
		"" using 5 title "floor" lc rgb least
	END
}

# growth KERNEL PATH KIND: an SVG
growth()
{
	data "$1" "$2" map "$3" >"$work/map"
	data "$1" "$2" unmap "$3" >"$work/unmap"
	gnuplot <<-END
	$colours
	set terminal svg size 410,280 font "sans-serif,11" background "white"
	set label "$3, $2" at graph 0,1.11 font ",13"
	set tmargin 3
	set mxtics 1
	set mytics 1
	set xlabel "MiB" offset 0,0.5
	set ylabel "instructions a page"
	set logscale xy
	set xrange [0.8:5000]
	set xtics (1, 4, 16, 64, 256, 1024, 4096)
	set format y "%g"
	set grid lc rgb "#dddddd"
	set border 3
	set tics nomirror
	set key at graph 1,1.15 right horizontal samplen 1.5
	plot "$work/map" using 1:3 with linespoints pt 7 ps 0.5 lw 1.5 lc rgb stock title "stock", \
		"" using 1:4 with linespoints pt 7 ps 0.5 lw 1.5 lc rgb ours title "ours", \
		"" using 1:5 with linespoints pt 7 ps 0.5 lw 1.5 lc rgb least title "floor", \
		"$work/unmap" using 1:3 with linespoints pt 6 ps 0.5 dt 2 lw 1.5 lc rgb stock notitle, \
		"" using 1:4 with linespoints pt 6 ps 0.5 dt 2 lw 1.5 lc rgb ours notitle, \
		"" using 1:5 with linespoints pt 6 ps 0.5 dt 2 lw 1.5 lc rgb least notitle
	END
}

# grown KERNEL: "PATH KIND" of which there are several sizes
grown()
{
	rows "$1" | awk '!seen[$1, $2, $3]++ && ++sizes[$1, $2] == 3 { print $1, $2 }'
}

kernel_html()
{
	local path kind

	echo "<h2>Linux $1</h2>"
	echo "<h3>By kind of memory, the last of the times it was mapped</h3><p class=bars>"
	for path in $(rows "$1" | awk '!seen[$1]++ { print $1 }'); do
		picture "$path, map" bars "$1" "$path" map
		picture "$path, unmap" bars "$1" "$path" unmap
	done
	if [[ $(grown "$1") ]]; then
		echo "<h3>By size: map, and dashed unmap</h3><p class=sizes>"
		grown "$1" | while read -r path kind; do
			picture "$kind, $path" growth "$1" "$path" "$kind"
		done
	fi
	echo "<h3>What must be reached</h3>"
	echo "<table><tr><th>target<th>rows<th>reached by<th>the row that is farthest from it"
	targets "$1" | escape | awk -F '\t' '{
		class = $2 == $3 ? "good" : $1 == "must" ? "bad" : "short"
		printf "<tr class=%s><td>%s<td>%d<td>%d<td>%s\n", class, $4, $3, $2, $5
	}'
	echo "</table><h3>Figures</h3><pre>"
	tables "$1" | escape
	echo "</pre>"
}

html()
{
	local kernel

	cat <<-END
	<!DOCTYPE html>
	<html lang="en"><meta charset="utf-8">
	<meta name="viewport" content="width=device-width">
	<title>What mapping costs</title>
	<style>
	body { font: 15px/1.4 sans-serif; margin: 2em; color: #222; background: #fff; }
	h1 { font-size: 1.5em; } h2 { font-size: 1.25em; margin: 2em 0 .5em; } h3 { font-size: 1em; }
	.bars img { width: 48%; } .sizes img { width: 32%; }
	img { margin: 0 1% 1em 0; vertical-align: top; }
	table { border-collapse: collapse; } th { text-align: left; }
	td, th { border: 1px solid #ccc; padding: .1em .6em; }
	tr.good td:nth-child(3) { background: #dff3df; } tr.bad td:nth-child(3) { background: #fbd5d5; }
	tr.short td:nth-child(3) { background: #fdf1cf; }
	pre { font-size: 12px; overflow-x: auto; }
	</style>
	<h1>What mapping memory for a device costs</h1>
	<p>Guest instructions, counted by QEMU: they repeat exactly, and do not depend on the host.
	<b>stock</b> are the kernel's own modules, <b>ours</b> the rewritten ones, and the
	<b>floor</b> is what is left when nothing is charged, checked or remembered: the
	kernel's own pinning, one iommu_map() for each run of neighbours, and one iommu_unmap().
	Scales are logarithmic. tools/bench says how it is measured.
	END
	for kernel; do
		kernel_html "$kernel"
	done
	if [[ -f $report/bench-time.txt ]]; then
		echo "<h2>By time</h2><pre>"
		escape <"$report/bench-time.txt"
		echo "</pre>"
	fi
	echo "</html>"
}

[[ $# -gt 0 ]] || die "use: report.sh KERNEL..."
"$pa_top/scripts/deps.sh" bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for kernel; do
	for flavour in stock ours floor; do
		[[ -f $report/bench/$kernel/$flavour ]] ||
			die "no $report/bench/$kernel/$flavour: run make bench"
	done
	{
		tables "$kernel"
		printf '\ntargets, Linux %s: reached by so many rows of so many, and the farthest\n' "$kernel"
		targets "$kernel" | awk -F '\t' '{ printf "%4d of %4d  %s\n\t\t%s\n", $2, $3, $4, $5 }'
	} >"$report/bench-$kernel.txt"
	tap "$kernel" >"$report/bench-$kernel.tap"
	cat "$report/bench-$kernel.txt"
done
html "$@" >"$report/bench.html.tmp"
mv "$report/bench.html.tmp" "$report/bench.html"
