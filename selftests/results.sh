# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# From what tests say to what is counted: build/report/results has a line
#
#	pass|fail|skip	STEP	TEST	REASON
#
# for each test, separated by tabs. $results names the file.

# record VERDICT STEP TEST [REASON]
record()
{
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-}" >>"$results"
}

# count VERDICT [STEP]
count()
{
	awk -F '\t' -v verdict="$1" -v step="${2:-}" \
		'$1 == verdict && (step == "" || $2 == step) { n++ } END { print n + 0 }' "$results"
}

# show_failures LINES: those that came after so many lines of results
show_failures()
{
	awk -F '\t' -v lines="$1" 'NR > lines && $1 == "fail" {
		print "    FAILED " $2 ": " $3 ($4 == "" ? "" : " (" $4 ")")
	}' "$results" | head -n 50 >&2
}

# Many tests share a reason: say each once.
show_skips()
{
	awk -F '\t' '$1 == "skip" { n[$2 ": " $4]++ }
		END { for (r in n) print "    skipped " n[r] " of " r }' "$results" | sort >&2
}

# tap_lines FILE: "pass|fail|skip TEST REASON" for each test, with a failure for
# each test that was planned and did not report. A missing file is a failure. The
# reason of a failure is the first thing that is said about it: by kselftests
# before its result, by what is written in bash right after.
tap_lines()
{
	if [[ ! -s $1 ]]; then
		printf 'fail\tany result\t%s is missing or empty\n' "$1"
		return
	fi
	tr -d '\0\r' <"$1" | awk '
		function tell() {
			if (verdict)
				printf "%s\t%s\t%s\n", verdict, test, reason
			verdict = ""
		}
		/^1\.\.[0-9]+/ { split($0, p, /\.\./); plan = p[2] + 0; next }
		/^# +RUN / { tell(); said = ""; begun = 1; next }
		/^# / {
			gsub(/\t/, " ")
			if (verdict == "fail" && reason == "")
				reason = substr($0, 3)
			else if (begun && said == "")
				said = substr($0, 3)
			tell()
			next
		}
		/^(not )?ok [0-9]+/ {
			tell()
			n++
			verdict = /^not/ ? "fail" : "pass"
			sub(/^(not )?ok [0-9]+ (- )?/, "")
			reason = verdict == "fail" ? said : ""
			said = ""
			begun = 0
			if (match($0, / *# *SKIP */)) {
				verdict = "skip"
				reason = substr($0, RSTART + RLENGTH)
				$0 = substr($0, 1, RSTART - 1)
			}
			test = $0
		}
		END {
			tell()
			if (!plan)
				printf "fail\ta plan\tit says no number of tests\n"
			for (; n < plan; n++)
				printf "fail\ttest %d of %d\tdid not report\n", n + 1, plan
		}'
}

# tap_results STEP FILE [PREFIX]
tap_results()
{
	local verdict test reason

	while IFS=$'\t' read -r verdict test reason; do
		[[ $verdict != skip || -n $reason ]] || reason="gave no reason"
		[[ $verdict != fail ]] || reason+="${reason:+, }see $2"
		record "$verdict" "$1" "${3:+$3: }$test" "$reason"
	done < <(tap_lines "$2")
}

# compare_results STEP VERSION STOCK OURS: what stock passes, ours passes. A test
# that fails on both is no failure of ours, and is not counted as passed.
compare_results()
{
	local step=$1 stock=$3 ours=$4 verdict test reason name was
	local -A before=() seen=()
	local -i passed=0 passed_stock=0

	name="$2: $(basename "$stock" .tap)"
	while IFS=$'\t' read -r verdict test reason; do
		before[$test]=$verdict
		[[ $verdict != pass ]] || passed_stock+=1
	done < <(tap_lines "$stock")

	while IFS=$'\t' read -r verdict test reason; do
		was=${before[$test]:-}
		seen[$test]=yes
		[[ $verdict != pass ]] || passed+=1
		case $was/$verdict in
		*/pass)		record pass "$step" "$name: $test" ;;
		pass/skip)	record fail "$step" "$name: $test" \
					"passes on stock, and is skipped on ours ($reason): see $ours" ;;
		*/skip)		record skip "$step" "$name: $test" "$reason" ;;
		fail/fail)	record skip "$step" "$name: $test" "fails on the stock modules as well" ;;
		*)		record fail "$step" "$name: $test" "${was:-unknown} on stock; see $ours" ;;
		esac
	done < <(tap_lines "$ours")

	for test in "${!before[@]}"; do
		[[ -n ${seen[$test]:-} || ${before[$test]} != pass ]] ||
			record fail "$step" "$name: $test" "passes on stock, and is missing on ours"
	done
	[[ $passed_stock -gt 0 ]] ||
		record fail "$step" "$name" "nothing passed on the stock modules: see $stock"
	say "$name: stock passes $passed_stock, ours $passed"
}

# kunit_results STEP FILE NAME: tests are indented inside of suites
kunit_results()
{
	local verdict test

	if ! grep -q '^ok\|^not ok' "$2" 2>/dev/null; then
		record fail "$1" "$3: any result" "$2 is missing or empty"
		return
	fi
	while read -r verdict test; do
		record "$verdict" "$1" "$3: $test" "see $2"
	done < <(sed -nE 's/^ {4}not ok [0-9]+ /fail /p; s/^ {4}ok [0-9]+ /pass /p' "$2")
}

# refused_earlier STOCK OURS: OURS, with what is wanted to differ as on stock.
# Only in the scenario where memory over the limit comes before a hole: iommufd
# pins all of it and finds the hole, EFAULT; ours does not begin, ENOMEM.
refused_earlier()
{
	awk '
		NR == FNR { stock[FNR] = $0; next }
		$1 ~ /^(iommufd|compat)/ && $2 == "limit_and_hole" && / ENOMEM / {
			line = $0
			sub(/ ENOMEM /, " EFAULT ", line)
			if (line == stock[FNR]) {
				n++
				$0 = line
			}
		}
		{ print }
		END { print "pinacct: differential: " n + 0 " steps refused earlier than on stock" >"/dev/stderr" }
	' "$1" "$2"
}

# differential_results STEP VERSION STOCK OURS: a scenario on a front end is a test;
# its lines have to be the same. Prints those that differ.
differential_results()
{
	local step=$1 version=$2 stock=$3 ours=$4

	if [[ ! -s $stock || ! -s $ours ]]; then
		record fail "$step" "$version: both outputs" "$stock or $ours is missing or empty"
		return
	fi
	if grep -E '^missing: | was not run to its end$' "$stock" "$ours"; then
		record fail "$step" "$version: every scenario is run" "see $stock and $ours"
	fi
	refused_earlier "$stock" "$ours" >"$ours.compared"
	awk -v step="$step" -v version="$version" '
		NR == FNR { stock[$1 " " $2] = stock[$1 " " $2] $0 "\n"; next }
		{ ours[$1 " " $2] = ours[$1 " " $2] $0 "\n"; steps[$1 " " $2]++ }
		END {
			for (name in stock)
				printf "%s\t%s\t%s: %s\t%d steps\n",
					stock[name] == ours[name] ? "pass" : "fail",
					step, version, name, steps[name]
			for (name in ours)
				if (!(name in stock))
					printf "fail\t%s\t%s: %s\tnot on stock\n", step, version, name
		}' "$stock" "$ours.compared" | sort >>"$results"
	diff --label stock --label ours -U 0 "$stock" "$ours.compared" || true
	say "$version: differential: $(wc -l <"$stock") steps on stock, $(wc -l <"$ours") on ours"
}

# readme_results STEP DIRECTORY
readme_results()
{
	local line

	if [[ ! -s $2/commands || ! -s $2/after ]]; then
		record fail "$1" "the README's commands were run" "see $2"
		return
	fi
	while read -r line; do
		case $line in
		ok*)		record pass "$1" "${line#ok 1 }" ;;
		not*)		record fail "$1" "${line#not ok 1 }" "see $2/commands" ;;
		esac
	done <"$2/commands"
	if grep -q '^# pinacct ' "$2/commands" && ! grep -q '^pinacct ' "$2/after"; then
		record pass "$1" "pinacct comes and goes as the README says"
	else
		record fail "$1" "pinacct comes and goes as the README says" "see $2"
	fi
}
