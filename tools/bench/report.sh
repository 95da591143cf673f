#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the benchmark has measured: as text, as TAP, and as one HTML file with plots,
# which needs neither network nor scripts.
#
# Use:	tools/bench/report.sh KERNEL...
#
#	build/report/bench/KERNEL/stock, ours, floor	what bench.c printed
#	build/report/bench-KERNEL.txt, .tap		tables and verdicts
#	build/report/bench.html				both, with plots
#
# Prints the tables.

. "$(dirname "$0")/../../scripts/lib.sh"

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
		floor = key($2 == "iommufd-file" ? "floor-file" : "floor")
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
	$1 == "refusal" {
		if (!refusals++)
			printf "\nrefused without a touch, instructions\n%-18s %10s %10s\n", "",
				"4 MiB", "1 TiB"
		printf "%-18s %10d %10d\n", $2, $3, $4
	}
	$1 == "again" {
		if (!again++)
			printf "\nmapped for two devices with charge_once, instructions per page\n" \
				"%-18s %-14s %9s %9s %9s\n", "", "memory", "first", "second", "ratio"
		printf "%-18s %-14s %9.1f %9.1f %9.2f\n", $2, $3, $5 / $4, $6 / $4, $6 / $5
	}' "$report/bench/$1/ours"
}

# verdicts KERNEL: "must|want yes|no WHAT" for each target and row
verdicts()
{
	{
		grep -v '^#' "$here/targets.tsv" | sed 's/^/target\t/'
		rows "$1" | sed 's/^/row /'
	} | awk -v kernel="$1" '
	function is(word, regex) { return word ~ "^(" regex ")$" }
	function tell(level, ok, what) {
		printf "%s %s %s %s %s, %g MiB, nr %d: %s\n", level, ok ? "yes" : "no", path, kind,
			step, pages / 256, nr, what
	}
	$1 == "target" {
		split($0, part, "\t")
		if (is(kernel, part[2])) {
			n++
			for (i = 3; i <= 7; i++)
				target[n, i] = part[i]
		}
		next
	}
	{
		path = $2; kind = $3; pages = $4; nr = $5; step = $6; calls = $7
		stock = $9; ours = $10; floor = $11
		for (t = 1; t <= n; t++) {
			if (!is(path, target[t, 3]) || !is(kind, target[t, 4]) || !is(step, target[t, 5]))
				continue
			split(target[t, 6], how, " ")
			level = target[t, 7]
			if (how[1] == "floor" && floor != "-")
				tell(level, ours <= how[2] * floor + 20000 * calls, sprintf( \
					"%.2f of the floor, at most %s and 20000 a call", ours / floor, how[2]))
			else if (how[1] == "stock" && stock != "-")
				tell(level, ours * how[2] <= stock,
					sprintf("%.1f times fewer than stock, at least %s", stock / ours, how[2]))
			else if (how[1] == "below" && stock != "-")
				tell(level, ours < how[2] * stock,
					sprintf("%.3f of stock, less than %s", ours / stock, how[2]))
			else if (how[1] == "million")
				tell(level, ours * 262144 <= how[2] * 1e6 * pages,
					sprintf("%.2f million a GiB, at most %s", ours / pages * 0.262144, how[2]))
		}
	}'
	awk '
	function tell(ok, what) { print "must", ok ? "yes" : "no", what }
	$1 == "refusal" {
		tell($4 <= 50000, $2 " refusing 1 TiB: " $4 " instructions, at most 50000")
		tell($4 <= 1.01 * $3, $2 " refusing 1 TiB: as 4 MiB")
	}
	$1 == "again" {
		tell($6 <= 1.005 * $5, sprintf("%s %s for a second device: %.3f of the first, at most 1",
			$2, $3, $6 / $5))
	}' "$report/bench/$1/ours"
}

tap()
{
	verdicts "$1" | awk '
	$1 == "must" {
		ok = $2 == "yes"
		sub(/^must (yes|no) /, "")
		printf "%s %d - %s\n", ok ? "ok" : "not ok", ++n, $0
	}
	END { print "1.." n + 0 }'
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
	set terminal svg size 620,330 font "sans-serif,11" background "white"
	set title "$2 $3, Linux $1" font ",13"
	set ylabel "instructions a page"
	set logscale y
	set yrange [0.003:20000]
	set format y "%g"
	set grid ytics lc rgb "#dddddd"
	set border 3
	set tics nomirror
	set xtics rotate by -40
	set key outside top center horizontal
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
	set title "$3, $2, Linux $1" font ",12"
	set xlabel "MiB" offset 0,0.5
	set ylabel "instructions a page"
	set logscale xy
	set xrange [0.8:5000]
	set xtics (1, 4, 16, 64, 256, 1024, 4096)
	set format y "%g"
	set grid lc rgb "#dddddd"
	set border 3
	set tics nomirror
	set key outside bottom center horizontal samplen 2 width -2
	plot "$work/map" using 1:3 with linespoints pt 7 ps 0.5 lw 1.5 lc rgb stock title "stock map", \
		"" using 1:4 with linespoints pt 7 ps 0.5 lw 1.5 lc rgb ours title "ours", \
		"" using 1:5 with linespoints pt 7 ps 0.5 lw 1.5 lc rgb least title "floor", \
		"$work/unmap" using 1:3 with linespoints pt 6 ps 0.5 dt 2 lw 1.5 lc rgb stock title "stock unmap", \
		"" using 1:4 with linespoints pt 6 ps 0.5 dt 2 lw 1.5 lc rgb ours title "ours", \
		"" using 1:5 with linespoints pt 6 ps 0.5 dt 2 lw 1.5 lc rgb least title "floor"
	END
}

# picture ALT COMMAND...: what the command draws
picture()
{
	local alt=$1

	shift
	printf '<img alt="%s" src="data:image/svg+xml;base64,%s">\n' "$alt" \
		"$("$@" | base64 -w 0)"
}

# escape: text for HTML
escape()
{
	sed 's/&/\&amp;/g; s/</\&lt;/g'
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
	echo "<h3>By kind of memory, the last time</h3><p>"
	for path in $(rows "$1" | awk '!seen[$1]++ { print $1 }'); do
		picture "$path map" bars "$1" "$path" map
		picture "$path unmap" bars "$1" "$path" unmap
	done
	echo "<h3>By size</h3><p>"
	grown "$1" | while read -r path kind; do
		picture "$kind $path" growth "$1" "$path" "$kind"
	done
	echo "<h3>Targets</h3><table>"
	verdicts "$1" | escape | awk '
	{
		class = $2 == "yes" ? "good" : $1 == "must" ? "bad" : "short"
		what = $2 == "yes" ? "reached" : $1 == "must" ? "failed" : "not reached"
		sub(/^[a-z]+ [a-z]+ /, "")
		printf "<tr class=%s><td>%s<td>%s\n", class, what, $0
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
	img { max-width: 100%; margin: 0 1em 1em 0; vertical-align: top; }
	table { border-collapse: collapse; } td { border: 1px solid #ccc; padding: .1em .6em; }
	tr.good td:first-child { background: #dff3df; } tr.bad td:first-child { background: #fbd5d5; }
	tr.short td:first-child { background: #fdf1cf; }
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
	tables "$kernel" >"$report/bench-$kernel.txt"
	tap "$kernel" >"$report/bench-$kernel.tap"
	cat "$report/bench-$kernel.txt"
done
html "$@" >"$report/bench.html.tmp"
mv "$report/bench.html.tmp" "$report/bench.html"
