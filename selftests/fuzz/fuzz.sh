#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make fuzz: what do programs find that nobody has thought of?
#
# Use:	selftests/fuzz/fuzz.sh [--seconds N] [--executions N] [--seed N] [--blind]
#		[--empty] [--keep]
#
# Boots L1 with the kernel that has KCOV, where fuzz grow (fuzz.c says what that is)
# begins with selftests/fuzz/corpus.txt, or with --empty from nothing. It runs for 600
# seconds, then some minutes more to shorten what is kept. build/report-fuzz/ has
# the programs that something was wrong with (found-N.txt), the new corpus.txt, and
# the log. --keep puts the new corpus in the place of the old one.
#
# Exit status 0 if nothing was found, 1 if something was, 2 if it could not be run.

. "$(dirname "$0")/../../scripts/lib.sh"

report=$pa_top/build/report-fuzz
corpus=$pa_top/selftests/fuzz/corpus.txt

wrong_use()
{
	printf 'pinacct: error: %s\n' "$1" >&2
	exit 2
}

from=/pinacct/selftests/fuzz/corpus.txt keep='' seconds=600 options=()
while [[ $# -gt 0 ]]; do
	case $1 in
	--empty)	from=/dev/null ;;
	--keep)		keep=yes ;;
	--blind)	options+=(--blind) ;;
	--seconds|--executions|--seed)
		[[ ${2:-} =~ ^[1-9][0-9]{0,8}$ ]] || wrong_use "$1 takes a number from 1 on, not '${2:-}'"
		[[ $1 != --seconds ]] || seconds=$2
		options+=("$1" "$2")
		shift ;;
	*)		wrong_use "'$1' is no option of fuzz.sh: see its head" ;;
	esac
	shift
done

mkdir -p "$report"
exec {lock}>"$report/.lock"
flock --nonblock "$lock" || wrong_use "another make fuzz is running in this tree"
rm -rf "${report:?}"/*

trap 'exit 2' ERR
ksrc=$("$pa_top/scripts/fetch.sh" source-7.2)
kernel=$("$pa_top/scripts/test-kernel.sh" "$ksrc" coverage)
export KDIR=$kernel/kdir KSRC=$ksrc
COVERAGE=yes "$pa_top/scripts/build-modules.sh" ours
"$pa_top/selftests/mediated/build.sh"
"$pa_top/selftests/build.sh" fuzz
trap - ERR

status=0
"$pa_top/tools/vm/run.sh" --kernel "$kernel/bzImage" --modules "$kernel/modules" \
	--devices edu,e1000e --out "$report" --log "$report/console.log" \
	--timeout $((seconds + 3600)) \
	-- selftests/fuzz/in-l1.sh grow "$from" /out "${options[@]}" {lock}>&- || status=$?

case $status in
0)	say "nothing was found; $report/corpus.txt is what it ran" ;;
1|123)	say "see $report/found-*.txt; fuzz shorten and fuzz replay run such a file in L1" ;;
124|125)
	say "L1 ended; the program that ran is $report/current.txt, the kernel's log $report/console.log" ;;
esac
if [[ $keep && -s $report/corpus.txt ]]; then
	cp "$report/corpus.txt" "$corpus"
	say "selftests/fuzz/corpus.txt is new"
fi
case $status in
0)		exit 0 ;;
1|123|125)	exit 1 ;;
*)		exit 2 ;;
esac
