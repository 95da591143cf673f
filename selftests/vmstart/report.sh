#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What became of the rows: for machines as TAP, for people as one HTML file, which
# needs neither network nor scripts.
#
# Use:	selftests/vmstart/report.sh [DIR [OUT.html]]	(build/report/vmstart, and its name.html)
#
#	DIR/results.tsv			a line for each row, see $columns
#	DIR/rows/DOMAIN.BACKEND.POLICY.QEMU/	what was said about it
#
# TAP goes to the standard output. A test is a row, which is ok if it ended as
# expected.tsv says and left nothing behind.

. "$(dirname "$0")/../../scripts/lib.sh"

dir=${1:-$pa_top/build/report/vmstart}
out=${2:-${dir%/}.html}
columns="domain backend policy qemu expected verdict result seconds errno limit lck pin user need reason"

[[ -f $dir/results.tsv ]] || die "no $dir/results.tsv: run make vmstart"

# names: of the columns, for awk
names()
{
	local n=0 name

	for name in $columns; do
		n=$((n + 1))
		printf ' -v %s=%d' "$name" $n
	done
}

tap()
{
	# shellcheck disable=SC2046
	awk -F '\t' -v dir="$dir" $(names) '
	{
		id = $domain "." $backend "." $policy "." $qemu
		name = $domain ", " $backend ", " $policy ($qemu == "stock" ? "" : ", " $qemu " QEMU")
		if ($result == "skip") {
			printf "ok %d %s # SKIP %s\n", NR, name, $reason
			next
		}
		printf "%s %d %s: %s\n", $result == "ok" ? "ok" : "not ok", NR, name, $verdict
		if ($result == "ok")
			next
		if ($verdict != $expected)
			printf "# expected: %s\n", $expected
		checks = dir "/rows/" id "/checks"
		while ((getline line < checks) > 0)
			print "# " line
		close(checks)
	}
	END { print "1.." NR }' "$dir/results.tsv"
}

# matrix POLICY: a table of domains and backends, for each with the QEMUs beside
# each other
matrix()
{
	# shellcheck disable=SC2046
	awk -F '\t' -v dir="$dir" -v of_policy="$1" $(names) '
	function text(s) {
		gsub(/&/, "\\&amp;", s)
		gsub(/</, "\\&lt;", s)
		gsub(/>/, "\\&gt;", s)
		return s
	}
	function known(s) {
		return s != "" && s != "-"
	}
	# What a file says, under a heading; nothing where it is empty
	function said(heading, file,   all, line) {
		while ((getline line < file) > 0)
			all = all text(line) "\n"
		close(file)
		return all == "" ? "" : "<h4>" heading "</h4><pre>" all "</pre>"
	}
	function fact(name, value, unit) {
		return known(value) ? "<tr><th>" name "<td>" text(value) unit : ""
	}
	function cell(   row, head, facts) {
		row = dir "/rows/" $domain "." $backend "." $policy "." $qemu "/"
		head = $result == "skip" ? "not run" : text($verdict)
		if ($result == "not-ok")
			head = head ($verdict == $expected ? ", but see inside" : ", not: " text($expected))
		facts = fact("expected", $expected, known($reason) ? ": " text($reason) : "") \
			fact("to the verdict", $seconds, " s") fact("errno", $errno, "") \
			fact("RLIMIT_MEMLOCK", $limit, $limit ~ /^[0-9]+$/ ? " KiB" : "") \
			fact("lowest limit", $need, " KiB") fact("VmLck", $lck, " KiB") \
			fact("VmPin", $pin, " KiB") fact("user", $user, " KiB")
		return "<td class=\"" ($result == "ok" ? "good" : $result == "skip" ? "skip" : "bad") \
			"\"><details><summary>" ($result == "ok" ? "&#10003; " : $result == "skip" ? "" : "&#10007; ") \
			head (known($seconds) ? " <small>" text($seconds) " s</small>" : "") "</summary><table>" facts "</table>" \
			said("what was wrong", row "checks") said("libvirt", row "libvirt") \
			said("QEMU", row "qemu") said("the kernel log", row "kernel") \
			said("the refusal, from the trace", row "refusal") \
			said("the domain as it was started", row "domain.xml") "</details>"
	}
	$policy == of_policy {
		if (!seen_domain[$domain]++)
			domains[++n] = $domain
		if (!seen_backend[$backend]++)
			backends[++nr_backends] = $backend
		if (!seen_qemu[$qemu]++)
			qemus[++nr_qemus] = $qemu
		used[$backend, $qemu] = 1
		found[$domain, $backend, $qemu] = cell()
	}
	END {
		for (b = 1; b <= nr_backends; b++)
			for (q = 1; q <= nr_qemus; q++)
				if ((backends[b], qemus[q]) in used) {
					column[++columns] = backends[b] SUBSEP qemus[q]
					title[columns] = backends[b] (qemus[q] == "stock" ? "" : ", " qemus[q] " QEMU")
				}
		printf "<table class=\"matrix\"><tr><th>domain"
		for (c = 1; c <= columns; c++)
			printf "<th>%s", text(title[c])
		print ""
		for (d = 1; d <= n; d++) {
			printf "<tr><th>%s", text(domains[d])
			for (c = 1; c <= columns; c++) {
				key = domains[d] SUBSEP column[c]
				printf "%s", key in found ? found[key] : "<td>"
			}
			print ""
		}
		print "</table>"
	}' "$dir/results.tsv"
}

# policies: the one that people have first
policies()
{
	awk -F '\t' '!seen[$3]++ { print ($3 == "default" ? 1 : 2), $3 }' "$dir/results.tsv" |
		sort -sn | cut -d ' ' -f 2
}

# settings POLICY: what it stands for
settings()
{
	awk -F '\t' -v policy="$1" '$1 == policy {
		limit = $6 == "libvirt" ? "as libvirt sets it" : "what is needed"
		if ($6 ~ /^need./)
			limit = limit " " substr($6, 5) " KiB"
		printf "<p>zero_page=%s zero_slack_mb=%s strict_errno=%s charge_once=%s, RLIMIT_MEMLOCK: %s%s.\n",
			$2, $3, $4, $5, limit,
			$7 == "beside" ? "; beside another guest of the same user" : ""
	}' "$pa_top/selftests/vmstart/policies.tsv"
}

html()
{
	local policy counts

	# shellcheck disable=SC2046
	counts=$(awk -F '\t' $(names) '
		{ n[$result == "ok" || $result == "skip" ? $result : "bad"]++ }
		END { printf "%d as predicted, %d not, %d not run", n["ok"], n["bad"], n["skip"] }' \
		"$dir/results.tsv")
	cat <<-END
	<!DOCTYPE html>
	<html lang="en"><meta charset="utf-8">
	<meta name="viewport" content="width=device-width">
	<title>VM start-up: $counts</title>
	<style>
	body { font: 15px/1.4 sans-serif; margin: 2em; color: #222; background: #fff; }
	h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin: 2em 0 .5em; }
	h4 { margin: .8em 0 .2em; font-size: .9em; }
	table.matrix { border-collapse: collapse; }
	table.matrix > tbody > tr > * { border: 1px solid #bbb; padding: .25em .6em; vertical-align: top; text-align: left; }
	table.matrix > tbody > tr > th { font-weight: 600; background: #f4f4f4; white-space: nowrap; }
	td.good { background: #dff3df; } td.bad { background: #fbd5d5; } td.skip { background: #eee; }
	summary { cursor: pointer; white-space: nowrap; } small { color: #555; }
	details[open] { width: 44em; max-width: 80vw; }
	details table th { font-weight: normal; color: #555; text-align: left; padding-right: 1em; white-space: nowrap; vertical-align: top; }
	pre { background: #fff; border: 1px solid #ccc; padding: .5em; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; max-height: 24em; overflow-y: auto; }
	</style>
	<h1>VM start-up</h1>
	<p>$counts. A cell is green where a guest did what was predicted, be it to start or to be
	refused, was charged what it must be, and left nothing behind. It opens to what libvirt,
	QEMU and the kernel said.
	END
	policies | while read -r policy; do
		echo "<h2>policy: $policy</h2>"
		settings "$policy"
		matrix "$policy"
	done
	echo "</html>"
}

html >"$out.tmp"
mv "$out.tmp" "$out"
tap
