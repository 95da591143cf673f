#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How cost has grown: as text, as TAP, and as one HTML file with plots, which needs
# neither network nor scripts.
#
# Use:	tools/bench/scale/report.sh KERNEL...
#
#	build/report/scale/KERNEL/stock, ours	what scale.c printed
#	build/report/scale-KERNEL.txt, .tap	tables and verdicts
#	build/report/scale.html			both, with plots
#
# Prints the rows that have grown more than they may.

. "$(dirname "$0")/../../../scripts/lib.sh"
# shellcheck source=tools/bench/lib.sh
. "$pa_top/tools/bench/lib.sh"

report=$pa_top/build/report
work=

# rows KERNEL: for each question, front end and step a line, separated by tabs: the
# three, the title, the growth of ours and of stock, ours in comparison with stock at
# the largest size, "ok", "too much" or "missing", and "SIZE OURS STOCK" for each size.
# What is charged once is compared with stock, which charges each time. Missing are figures
# of ours that there must be, or of stock where they are the limit.
rows()
{
	awk -v OFS='\t' -v noise=262144 '
	function is(word, regex) { return word ~ "^(" regex ")$" }
	function value(of, at, n) { return (at, n) in of && of[at, n] != "" ? of[at, n] : "-" }
	# How the last two sizes differ: the exponent, if it is a power.
	function growth(from, to, small, large) {
		if (small == "" || large == "" || small <= 0 || large <= 0)
			return "-"
		return log(large / small) / log(to / from)
	}
	FILENAME ~ /expected.tsv$/ {
		if (/^#/)
			next
		split($0, part, "\t")
		n++
		for (i = 1; i <= 6; i++)
			rule[n, i] = part[i]
		next
	}
	{ at = $1 " " $2 " " $4 }
	!(at in sizes) { order[++rows] = at }
	!((at, $3) in stock) { sizes[at] = sizes[at] " " $3 }
	FILENAME ~ /stock$/ { stock[at, $3] = $5; next }
	{ ours[at, $3] = $5 }
	END {
		for (r = 1; r <= rows; r++) {
			at = order[r]
			split(at, name, " ")
			was = at
			sub(/^once-/, "", was)
			nsizes = split(sizes[at], size, " ")
			from = size[nsizes - 1]
			to = size[nsizes]
			there = (at, from) in ours && (at, to) in ours
			grew = growth(from, to, ours[at, from], ours[at, to])
			before = growth(from, to, stock[was, from], stock[was, to])
			times = there && stock[was, to] > 0 ? ours[at, to] / stock[was, to] : "-"
			for (t = 1; t <= n; t++)
				if (is(name[1], rule[t, 1]) && is(name[2], rule[t, 2]) &&
				    is(name[3], rule[t, 3]))
					break
			allowed = rule[t, 4] + 0.08
			if (before != "-" && before + 0.02 > allowed)
				allowed = before + 0.02
			# So many bytes are a matter of what was free before, or of the
			# refusals of 64 users.
			real = grew
			if (there && name[3] == "kept") {
				least = ours[at, from] > 0 ? ours[at, from] : 0
				real = growth(from, to, least + noise, ours[at, to])
				# Nothing is kept: that has not grown.
				if (ours[at, to] <= 0)
					real = 0
			}
			if (real == "-" || (rule[t, 5] != "-" && times == "-"))
				verdict = "missing"
			else if (real > allowed || (rule[t, 5] != "-" && times > rule[t, 5]))
				verdict = "too much"
			else
				verdict = "ok"
			line = ""
			for (i = 1; i <= nsizes; i++)
				line = line (i > 1 ? OFS : "") size[i] " " \
					value(ours, at, size[i]) " " value(stock, was, size[i])
			print name[1], name[2], name[3], rule[t, 6], grew, before, times,
				verdict, line
		}
	}' "$pa_top/tools/bench/scale/expected.tsv" "$report/scale/$1/stock" "$report/scale/$1/ours"
}

# tables: of rows, for each of so many, or of all together where it should not grow
tables()
{
	awk -F '\t' '
	function number(n) { return n == "-" ? n : sprintf("%.2f", n) }
	function each(n, by) { return n == "-" ? n : sprintf("%.0f", n / by) }
	{
		nsizes = NF - 8
		if ($1 != question) {
			question = $1
			printf "%s%s: %s\n%-14s %-15s", (NR > 1 ? "\n" : ""), $1, $4, "", ""
			for (i = 1; i <= nsizes; i++) {
				split($(8 + i), part, " ")
				printf " %19s", part[1]
			}
			printf " %7s %7s %7s\n%-14s %-15s", "growth", "stock", "ours", "", ""
			for (i = 1; i <= nsizes; i++)
				printf " %9s %9s", "stock", "ours"
			printf " %7s %7s %7s\n", "of ours", "of it", "/stock"
		}
		printf "%-14s %-15s", $2, $3
		flat = $1 ~ /^(refused|span|exclusions)$/
		for (i = 1; i <= nsizes; i++) {
			split($(8 + i), part, " ")
			by = flat || !part[1] ? 1 : part[1]
			printf " %9s %9s", each(part[3], by), each(part[2], by)
		}
		printf " %7s %7s %7s%s\n", number($5), number($6), number($7), $8 == "ok" ? "" : "  " toupper($8)
	}' "$1"
}

tap()
{
	awk -F '\t' '
	{
		printf "%s %d - %s %s %s: growth %s, of stock %s, %s times stock\n",
			$8 == "ok" ? "ok" : "not ok", NR, $1, $2, $3, $5, $6, $7
	}
	END { print "1.." NR + 0 }' "$1"
}

# plot ROWS QUESTION WAY kept|cost: an SVG
plot()
{
	local rows=$1 question=$2 way=$3 what=$4 flat='' unit='instructions for each' n=0 step
	local colours=(1f6fb4 e08214 2a9d5c b2356b 6a51a3 555555) lines=()

	! [[ $question =~ ^(refused|span|exclusions)$ ]] || flat=yes
	[[ -z $flat ]] || unit=instructions
	[[ $what != kept ]] || unit='bytes for each'
	while read -r step; do
		awk -F '\t' -v question="$question" -v way="$way" -v step="$step" -v flat=$flat '
		function each(value) { return value == "-" || value <= 0 ? "?" : value / (flat ? 1 : part[1]) }
		$1 == question && $2 == way && $3 == step {
			for (i = 9; i <= NF; i++) {
				split($i, part, " ")
				if (part[1] > 0)
					print part[1], each(part[2]), each(part[3])
			}
		}' "$rows" >"$work/$n"
		lines+=("\"$work/$n\" using 1:2 with linespoints pt 7 ps 0.5 lw 1.8 lc rgb \"#${colours[n]}\" title \"$step\"")
		! cut -d ' ' -f 3 "$work/$n" | grep -q '[0-9]' ||
			lines+=("\"$work/$n\" using 1:3 with linespoints pt 6 ps 0.5 dt 2 lw 1.5 lc rgb \"#${colours[n]}\" notitle")
		n=$((n + 1))
	done < <(awk -F '\t' -v question="$question" -v way="$way" -v what="$what" '
		$1 == question && $2 == way && ($3 ~ /^kept/) == (what == "kept") && n++ < 6 { print $3 }' "$rows")
	# A range of one value is no fault, nor is a file of none.
	gnuplot 2> >(grep -v 'empty y range\|no valid points\|^$' >&2) <<-END
	set terminal svg size 430,300 font "sans-serif,11" background "white"
	set label "$question, $way" at graph 0,1.2 font ",13"
	set tmargin 4.5
	set rmargin 3
	set mxtics 1
	set mytics 1
	set ylabel "$unit"
	set logscale xy
	set format x "10^{%T}"
	set format y "%.0s%c"
	set grid lc rgb "#dddddd"
	set border 3
	set tics nomirror
	set offsets graph 0.03, graph 0.03, graph 0.25, graph 0.25
	set key at graph 1,1.12 right horizontal samplen 1 font ",10" noenhanced
	plot $(IFS=,; echo "${lines[*]}")
	END
}

kernel_html()
{
	local rows=$work/rows-$1 question way title

	echo "<h2>Linux $1</h2>"
	while IFS=$'\t' read -r question title; do
		echo "<h3>$question: $title</h3><p>"
		while read -r way; do
			picture "$question, $way" plot "$rows" "$question" "$way" cost
			! grep -qP "^$question\t$way\tkept" "$rows" ||
				picture "$question, $way, kept" plot "$rows" "$question" "$way" kept
		done < <(awk -F '\t' -v question="$question" \
			'$1 == question && !seen[$2]++ && (n++ < 2 || $2 == "compat") { print $2 }' "$rows")
	done < <(awk -F '\t' '!seen[$1]++ { print $1 "\t" $4 }' "$rows" | escape)
	echo "<h3>Figures</h3><pre>"
	tables "$rows" | escape
	echo "</pre>"
}

html()
{
	local kernel

	cat <<-END
	<!DOCTYPE html>
	<html lang="en"><meta charset="utf-8">
	<meta name="viewport" content="width=device-width">
	<title>How the cost of mapping grows</title>
	<style>
	body { font: 15px/1.4 sans-serif; margin: 2em; color: #222; background: #fff; }
	h1 { font-size: 1.5em; } h2 { font-size: 1.25em; margin: 2em 0 .5em; } h3 { font-size: 1em; }
	img { width: 32%; margin: 0 .5% 1em 0; vertical-align: top; }
	pre { font-size: 12px; overflow-x: auto; }
	</style>
	<h1>How the cost of mapping grows with what there is</h1>
	<p>Guest instructions, counted by QEMU, and bytes that the kernel has allocated: they
	repeat, and do not depend on the host. Full lines are the rewritten modules, dashed ones
	the kernel's own. Both scales are logarithmic; what is level costs the same for each
	however many there are. tools/bench/scale says how it is measured.
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
	for flavour in stock ours; do
		[[ -s $report/scale/$kernel/$flavour ]] ||
			die "no $report/scale/$kernel/$flavour: run make scale"
	done
	rows "$kernel" >"$work/rows-$kernel"
	tables "$work/rows-$kernel" >"$report/scale-$kernel.txt"
	tap "$work/rows-$kernel" >"$report/scale-$kernel.tap"
	say "scale: $kernel: $(grep -c '^ok' "$report/scale-$kernel.tap") rows grow no more than they may"
	grep '^not ok' "$report/scale-$kernel.tap" || true
done
html "$@" >"$report/scale.html.tmp"
mv "$report/scale.html.tmp" "$report/scale.html"
