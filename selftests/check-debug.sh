#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make check-debug: does the kernel's own supervision find anything wrong?
#
# Use:	[ONLY=PART] selftests/check-debug.sh
#
# The tests of make check that run on the small 7.2 kernel are run on one that
# watches every access, lock and allocation (selftests/kernel/debug.config), with
# modules that are built the same way. What counts besides the tests is its log, and
# kmemleak: nothing may be lost when all is done, nor when the modules are gone.
# What is said is in build/report-debug/, the tests' own words among it, and the
# last line of the output is the count. Exit status 1 if anything failed.
#
# A second kernel tells of data races (selftests/kernel/kcsan.config).
#
# libvirt's rows are not among them: the small kernel has nothing of what libvirt
# and its guests want beyond vfio.

. "$(dirname "$0")/../scripts/lib.sh"
# shellcheck source=selftests/results.sh
. "$pa_top/selftests/results.sh"

known='kselftest random races compare mock kcsan'
report=$pa_top/build/report-debug
only=${ONLY:-$known}
results=$report/results

# The first warning ends L1, but for what is not a warning to the kernel. Pages have
# their owners told, should one be left.
append='panic_on_warn=1 page_owner=on'

# boot NAME RUN.SH-OPTION... -- COMMAND...: run it in L1; leaves in build/report-debug/NAME
boot()
{
	local name=$1 status=0

	shift
	mkdir -p "$report/$name"
	say "L1 with the debug kernel: $name"
	"$pa_top/tools/vm/run.sh" --kernel "$kernel/bzImage" --modules "$kernel/modules" \
		--out "$report/$name" --log "$report/$name/console.log" --timeout 7200 "$@" \
		2> >(tee -i "$report/$name/stderr.log" >&2) || status=$?
	case $status in
	0)	record pass "$name" "kernel log without complaint" ;;
	123)	record fail "$name" "kernel log without complaint" "see $report/$name/console.log" ;;
	*)	record fail "$name" "run to its end" "exit status $status, see $report/$name/stderr.log" ;;
	esac
	[[ " $* " != *' selftests/l1/debug.sh '* ]] || watched "$name"
}

# watched NAME: what debug.sh in L1 has found out at its end
watched()
{
	local out=$report/$1 when

	for when in before after; do
		if [[ ! -e $out/kmemleak.$when ]]; then
			record fail "$1" "kmemleak $when the modules went" "was not asked"
		elif [[ -s $out/kmemleak.$when ]]; then
			record fail "$1" "kmemleak $when the modules went" "see $out/kmemleak.$when"
		else
			record pass "$1" "kmemleak $when the modules went"
		fi
	done
	if grep -qs '^ *debug_locks: *1$' "$out/lockdep"; then
		record pass "$1" "lockdep watched to the end"
	else
		record fail "$1" "lockdep watched to the end" "see $out/lockdep and $out/console.log"
	fi
}

# with_devices NAME PART...: parts of devices.sh. The dma tests make a device write
# where it may not, which the IOMMU driver logs.
with_devices()
{
	boot "$1" --devices edu,e1000e --disk "$pa_top/build/selftests/ext4.raw" \
		--append "$append hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=64 memmap=32M!5G" \
		--expect 'DMAR: (DRHD: handling fault status reg|\[DMA Write.* fault addr 0x100[34]000 )' \
		-- selftests/l1/debug.sh devices.sh "${@:2}"
}

# The programs that count points are among them.
run_kselftest()
{
	local program

	with_devices kselftest kselftest
	for program in "$pa_top/selftests/pinacct/"*.c; do
		program=$(basename "$program" .c)
		tap_results kselftest "$report/kselftest/kselftest/$program.tap" "$program"
	done
}

run_random()
{
	local what

	with_devices random random fuzz
	for what in steps threads; do
		tap_results random "$report/random/random/$what.tap"
	done
	tap_results fuzz "$report/random/fuzz.tap"
}

run_races()
{
	boot races --devices edu,e1000e --hugepages 64 --append "$append" \
		-- selftests/l1/debug.sh races.sh --rounds 2
	tap_results races "$report/races/races.tap"
}

# What stock modules do as well
run_compare()
{
	local out=$report/compare what

	with_devices compare differential upstream-vfio
	differential_results differential debug "$out/differential".{stock,ours} >"$out/differential.diff"
	for what in "$out/upstream-vfio/stock/"*.tap; do
		compare_results upstream-vfio debug "$what" "${what/\/stock\///ours/}"
	done
}

run_mock()
{
	local program

	boot mock --devices none --no-iommu --hugepages 64 --append "$append" \
		-- selftests/l1/debug.sh mock.sh 7.2 upstream-iommu kunit
	for program in iommufd iommufd_fail_nth; do
		compare_results upstream-iommu debug \
			"$report/mock/upstream-iommu/7.2/"{stock,ours}"/$program.tap"
	done
	kunit_results kunit "$report/mock/kunit/7.2/results" debug
}

# Memory that two CPUs use at once is told of by another kernel, and of all that it
# is made of: what counts is what our modules do.
run_kcsan()
{
	local program log

	use_kernel kcsan
	for program in races random; do
		log=$report/kcsan-$program/console.log
		case $program in
		races)	boot "kcsan-$program" --splat-ok --devices edu,e1000e --hugepages 64 \
				-- selftests/l1/races.sh --rounds 2
			tap_results kcsan "$report/kcsan-races/races.tap" ;;
		random)	boot "kcsan-$program" --splat-ok --devices edu,e1000e \
				--disk "$pa_top/build/selftests/ext4.raw" \
				--hugepages 64 --append 'memmap=32M!5G' \
				-- selftests/l1/devices.sh random
			tap_results kcsan "$report/kcsan-random/random/threads.tap" ;;
		esac
		if ! grep -qs 'kcsan: selftest: .* tests passed' "$log"; then
			record fail kcsan "$program: KCSAN was there" "see $log"
		elif races_of_ours "$log" >"$report/kcsan-$program/races.txt"; then
			record pass kcsan "$program: no data race of ours"
		else
			record fail kcsan "$program: no data race of ours" \
				"see $report/kcsan-$program/races.txt"
		fi
	done
}

# races_of_ours LOG: prints reports of KCSAN, from line to line of "=", of which one of
# our functions, or what it has called, is at fault; fails if there are any
races_of_ours()
{
	awk '
		/==========/ {
			if (ours)
				print report
			found += ours
			report = ""
			ours = 0
		}
		{ report = report $0 "\n"; depth++ }
		/ (read|write)[a-z -]*( \([a-z, ]*\))? to 0x/ { depth = 0 }
		(/BUG: KCSAN/ || depth <= 3) && /\[(pinacct|iommufd|vfio_iommu_type1)\]/ { ours = 1 }
		END {
			if (ours)
				print report
			exit found + ours > 0
		}' "$1"
}

# use_kernel VARIANT: with its modules; the one of before is asked no more
use_kernel()
{
	kernel=$("$pa_top/scripts/test-kernel.sh" "$ksrc" "$1")
	export KDIR=$kernel/kdir KSRC=$ksrc
	"$pa_top/scripts/build-modules.sh" ours
	"$pa_top/scripts/build-modules.sh" stock
	"$pa_top/selftests/mediated/build.sh"
	"$pa_top/selftests/modules/build.sh"
	"$pa_top/selftests/build.sh"
}

[[ $only = "$known" || " $known " = *" $only "* ]] ||
	die "no part is called '$only': they are $known"
mkdir -p "$report"
exec {lock}>"$report/.lock"
flock --nonblock "$lock" || die "another check-debug is running in this tree"
rm -rf "${report:?}"/*
: >"$results"

ksrc=$("$pa_top/scripts/fetch.sh" source-7.2)
[[ $only = kcsan ]] || use_kernel debug

for part in $only; do
	start=$SECONDS
	"run_$part" {lock}>&-
	say "$part: $((SECONDS - start)) s"
done
show_failures 0
show_skips
echo "$(count pass) passed, $(count fail) failed, $(count skip) skipped" | tee "$report/summary"
[[ $(count fail) = 0 ]]
