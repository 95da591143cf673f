#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make coverage: how much of our kernel code do the tests run, and what do they not?
#
# Use:	[ONLY=devices|mock|report] selftests/check-coverage.sh
#
# The tests of make check that run on the small 7.2 kernel, but for the races, are run
# on one that counts lines and branches (selftests/kernel/coverage.config), with modules
# that are built to be counted. Both boots' counts are added up, with a part that is not
# run as it was left by the last run; ONLY=report only adds up.
#
# build/report-coverage/table has the shares by file, uncovered each line that was not
# run with its reason from selftests/coverage.tsv, branches what was not taken, and
# coverage.info all of it as lcov has it; html/ if genhtml is installed. Exit status 1
# if a test failed, if less was run than coverage.pl says, or if a line has no reason.

. "$(dirname "$0")/../scripts/lib.sh"
# shellcheck source=selftests/results.sh
. "$pa_top/selftests/results.sh"

report=$pa_top/build/report-coverage
only=${ONLY:-devices mock}
results=$report/results

# boot NAME RUN.SH-OPTION... -- SCRIPT...: run it in L1; leaves in build/report-coverage/NAME
boot()
{
	local name=$1 status=0

	shift
	rm -rf "${report:?}/$name"
	mkdir -p "$report/$name"
	say "L1 with the kernel that counts: $name"
	"$pa_top/tools/vm/run.sh" --kernel "$kernel/bzImage" --modules "$kernel/modules" \
		--out "$report/$name" --log "$report/$name/console.log" --timeout 3600 "$@" \
		2> >(tee -i "$report/$name/stderr.log" >&2) || status=$?
	case $status in
	0)	record pass "$name" "run to its end" ;;
	*)	record fail "$name" "run to its end" "exit status $status, see $report/$name/stderr.log" ;;
	esac
}

run_devices()
{
	local out=$report/devices program what

	boot devices --devices edu,e1000e --disk "$pa_top/build/selftests/ext4.raw" \
		--append 'hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=64 memmap=32M!5G' \
		--expect 'DMAR: (DRHD: handling fault status reg|\[DMA Write.* fault addr 0x100[34]000 )' \
		-- selftests/l1/coverage.sh devices.sh kselftest random fuzz differential upstream-vfio
	for program in "$pa_top/selftests/pinacct/"*.c; do
		program=$(basename "$program" .c)
		tap_results kselftest "$out/kselftest/$program.tap" "$program"
	done
	for what in steps threads; do
		tap_results random "$out/random/$what.tap"
	done
	tap_results fuzz "$out/fuzz.tap"
}

run_mock()
{
	local program

	boot mock --devices none --no-iommu --hugepages 64 \
		-- selftests/l1/coverage.sh mock.sh 7.2 upstream-iommu kunit
	for program in iommufd iommufd_fail_nth; do
		compare_results upstream-iommu coverage \
			"$report/mock/upstream-iommu/7.2/"{stock,ours}"/$program.tap"
	done
	kunit_results kunit "$report/mock/kunit/7.2/results" coverage
}

# spliced DIR FILE...: "FILE LINE" for what is ours in the kernel's own files
spliced()
{
	local dir=$1 file

	for file in "$tree/$dir/"*.[ch]; do
		[[ ! -L $file && -f $ksrc/$dir/${file##*/} ]] || continue
		{
			# Compiled unless it says otherwise: none of it may be ours.
			echo 0
			diff --unchanged-line-format= --old-line-format= \
				--new-line-format=$'%dn\n' "$ksrc/$dir/${file##*/}" "$file" || true
		} | sed "s,^,$dir/${file##*/} ,"
	done
}

# counted: gcov's words about every object, for each boot
counted()
{
	local part gcda object

	for part in devices mock; do
		while read -r gcda; do
			# Its compiler's notes have to lie beside it.
			object=${gcda#"$report/$part/gcov"}
			object=${object%.gcda}
			[[ -f $object.gcno ]] || die "$gcda is not of the modules that are built: run both parts"
			cp "$object.gcno" "${gcda%.gcda}.gcno"
			gcov --json-format --branch-probabilities --stdout "$gcda" 2>"$report/gcov.err" ||
				die "gcov cannot read $gcda"
			# As that an object was compiled once more since.
			[[ ! -s $report/gcov.err ]] || die "$(<"$report/gcov.err"): run both parts"
			echo
		done < <(find "$report/$part/gcov/" -path "*$tree/*" -name '*.gcda')
	done | sed '/^$/d'
}

add_up()
{
	local verdict=pass part

	for part in devices mock; do
		[[ -d $report/$part/gcov ]] || die "no counts of $part are in $report: run it first"
	done
	{ spliced drivers/vfio; spliced drivers/iommu/iommufd; } >"$report/spliced"
	counted >"$report/gcov.json"
	"$pa_top/selftests/coverage.pl" "$tree" "$report/spliced" \
		"$pa_top/selftests/coverage.tsv" "$report" <"$report/gcov.json" || verdict=fail
	record $verdict coverage "of lines, of branches, and a reason for each line that was not run" \
		"see $report/uncovered"
	cat "$report/table"
	! command -v genhtml >/dev/null ||
		genhtml -q --branch-coverage --prefix "$tree" -o "$report/html" "$report/coverage.info"
}

case $only in
'devices mock'|devices|mock|report)	;;
*)	die "no part is called '$only': devices, mock or report" ;;
esac
mkdir -p "$report"
exec {lock}>"$report/.lock"
flock --nonblock "$lock" || die "another check-coverage is running in this tree"
: >"$results"

ksrc=$("$pa_top/scripts/fetch.sh" source-7.2)
kernel=$("$pa_top/scripts/test-kernel.sh" "$ksrc" coverage)
tree=$pa_top/build/obj/$(<"$kernel/release")/ours/tree
export KDIR=$kernel/kdir KSRC=$ksrc
COVERAGE=yes "$pa_top/scripts/build-modules.sh" ours
"$pa_top/scripts/build-modules.sh" stock
"$pa_top/selftests/mediated/build.sh"
"$pa_top/selftests/modules/build.sh"
"$pa_top/selftests/build.sh"

for part in $only; do
	case $part in
	devices|mock)	start=$SECONDS
			"run_$part" {lock}>&-
			say "$part: $((SECONDS - start)) s" ;;
	esac
done
add_up
show_failures 0
show_skips
echo "$(count pass) passed, $(count fail) failed, $(count skip) skipped" | tee "$report/summary"
[[ $(count fail) = 0 ]]
