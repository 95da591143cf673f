#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make check: build everything, test everything, count everything.
#
# Use:	[ONLY=STEP] selftests/check.sh
#
# The steps are in the list at the end. What they said is in build/report/, and
# build/report/results has a line for each test. The last line of the output is
# the count. A skipped test has a reason; a part that is missing is a failure.
# Exit status 1 if anything failed, 130 if it was stopped (Ctrl-C), and then
# nothing that it has started goes on.

. "$(dirname "$0")/../scripts/lib.sh"
# shellcheck source=selftests/results.sh
. "$pa_top/selftests/results.sh"

report=$pa_top/build/report
only=${ONLY:-}

# ---- what can be stopped: a signal gets to this script at once, and by it to all
# that it runs, since each part has a process group of its own

running=
exec {terminal}>&2

# part COMMAND...: run it, without the lock, which is this script's
part()
{
	local status=0

	set -m
	"$@" {lock}>&- {terminal}>&- &
	running=$!
	set +m
	wait "$running" || status=$?
	running=
	return "$status"
}

# Whatever a part was doing when it got the signal, it may take some time to put
# it away.
stopped()
{
	local n

	trap '' INT TERM HUP
	if [[ -n $running ]]; then
		kill -TERM -- "-$running" 2>/dev/null || true
		for ((n = 0; n < 100; n++)); do
			kill -0 -- "-$running" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL -- "-$running" 2>/dev/null || true
	fi
	# What was stopped may have had its messages sent elsewhere.
	say "stopped by SIG$1 in step ${step:-none}: nothing of it is left running, and what was built is kept" 2>&"$terminal"
	exit 130
}

# logged FILE COMMAND...: what it says goes to the file; our own lines of it, by
# which one sees that it goes on, are shown as well
logged()
{
	local log=$1

	shift
	"$@" 2>&1 | tee "$log" | sed -un 's/^pinacct: /pinacct:   /p' >&2
}

# ---- what the steps rest on; each is made once, whoever asks first

declare -A made

# have NAME COMMAND...: run it if it was not yet; fails again if it had failed
have()
{
	local name=$1

	shift
	if [[ -z ${made[$name]:-} ]]; then
		if part logged "$report/$name.log" "$@"; then
			made[$name]=yes
		else
			made[$name]=no
			tail -n 20 "$report/$name.log" | sed 's/^/    /' >&2
		fi
	fi
	[[ ${made[$name]} = yes ]]
}

build_debian()
{
	have modules-6.12 env W=1e KDIR= KSRC= "$pa_top/scripts/build-modules.sh" ours &&
		have stock-6.12 env KDIR= KSRC= "$pa_top/scripts/build-modules.sh" stock &&
		have test-device "$pa_top/selftests/mediated/build.sh" &&
		have test-module "$pa_top/selftests/modules/build.sh"
}

# build_test_kernel 6.12|7.2: the small kernel and the modules for it
build_test_kernel()
{
	local source

	[[ -z ${made[kernel-$1]:-} ]] ||
		{ [[ ${made[kernel-$1]} = yes ]]; return; }
	have "source-$1" "$pa_top/scripts/fetch.sh" "source-$1" || return
	source=$(tail -n 1 "$report/source-$1.log")
	have "kernel-$1" "$pa_top/scripts/test-kernel.sh" "$source" || return
	kernel[$1]=$(tail -n 1 "$report/kernel-$1.log")
	have "test-modules-$1" env W=1e KDIR="${kernel[$1]}/kdir" KSRC="$source" \
		"$pa_top/scripts/build-modules.sh" ours &&
		have "test-stock-$1" env KDIR="${kernel[$1]}/kdir" KSRC="$source" \
			"$pa_top/scripts/build-modules.sh" stock
}

declare -A kernel

build_programs()
{
	have programs "$pa_top/selftests/build.sh"
}

# ---- L1

# boot NAME RUN.SH-OPTION... -- COMMAND...: one boot, of which the kernel log is
# a test of its own. What it says goes to build/report/NAME/.
boot()
{
	local name=$1 status=0

	shift
	mkdir -p "$report/$name"
	part "$pa_top/tools/vm/run.sh" --out "$report/$name" --log "$report/$name/console.log" "$@" \
		2> >(tee -i "$report/$name/stderr.log" >&2) || status=$?
	case $status in
	0)	record pass "$name" "kernel log without complaint" ;;
	123)	record fail "$name" "kernel log without complaint" "see $report/$name/console.log" ;;
	*)	record fail "$name" "run to its end" "exit status $status, see $report/$name/stderr.log"
		return 1 ;;
	esac
}

# Everything that runs on Debian's kernel shares one boot. The dma tests make a
# device write where it may not, which the IOMMU driver logs.
boot_debian()
{
	local part parts=()

	for part in kselftest differential upstream-vfio readme; do
		! wanted "$part" || parts+=("$part")
	done
	build_debian && build_programs || return
	say "L1 with Debian's kernel: ${parts[*]}"
	boot l1-debian --devices edu,e1000e --timeout 2400 \
		--append 'hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=64' \
		--expect 'DMAR: (DRHD: handling fault status reg|\[DMA Write.* fault addr 0x100[34]000 )' \
		-- selftests/l1/debian.sh "${parts[@]}"
}

# boot_test_kernel 6.12|7.2
boot_test_kernel()
{
	local part parts=()

	for part in upstream-iommu kunit; do
		! wanted "$part" || parts+=("$part")
	done
	build_test_kernel "$1" && build_programs || return
	say "L1 with the small kernel $1: ${parts[*]}"
	boot "l1-test-$1" --kernel "${kernel[$1]}/bzImage" --modules "${kernel[$1]}/modules" \
		--devices none --no-iommu --hugepages 64 --timeout 2400 \
		-- selftests/l1/test-kernel.sh "$1" "${parts[@]}"
}

# once NAME COMMAND...: the same for a boot: a second step finds it done
once()
{
	local name=$1

	shift
	if [[ -z ${made[$name]:-} ]]; then
		made[$name]=no
		! "$@" || made[$name]=yes
	fi
	[[ ${made[$name]} = yes ]]
}

in_debian()
{
	once boot-debian boot_debian
}

in_test_kernel()
{
	once "boot-test-$1" boot_test_kernel "$1"
}

# ---- the steps

# single NAME COMMAND...: a step that is one test
single()
{
	local name=$1

	shift
	if have "$name" "$@"; then
		record pass "$step" "$name"
	else
		record fail "$step" "$name" "see $report/$name.log"
	fi
}

step_deps()
{
	single packages "$pa_top/scripts/deps.sh"
}

step_fetch()
{
	local what

	for what in source-6.12 source-7.2 headers kernel; do
		single "$what" "$pa_top/scripts/fetch.sh" "$what"
	done
}

step_modules()
{
	single modules-6.12 env W=1e KDIR= KSRC= "$pa_top/scripts/build-modules.sh" ours
	single stock-6.12 env KDIR= KSRC= "$pa_top/scripts/build-modules.sh" stock
	single test-device "$pa_top/selftests/mediated/build.sh"
	single test-module "$pa_top/selftests/modules/build.sh"
	for version in 6.12 7.2; do
		if build_test_kernel "$version"; then
			record pass "$step" "modules for the small kernel $version"
		else
			record fail "$step" "modules for the small kernel $version" "see $report"
		fi
	done
}

step_style()
{
	single style "$pa_top/scripts/check-style.sh"
}

step_splice()
{
	part "$pa_top/selftests/splice.sh" >"$report/splice.tap" 2>&1 || true
	tap_results "$step" "$report/splice.tap"
}

step_programs()
{
	single programs "$pa_top/selftests/build.sh"
}

step_kselftest()
{
	local program

	in_debian || not_run
	for program in "$pa_top/selftests/pinacct/"*.c; do
		program=$(basename "$program" .c)
		tap_results "$step" "$report/l1-debian/kselftest/$program.tap" "$program"
	done
}

step_differential()
{
	local stock=$report/l1-debian/differential.stock ours=$report/l1-debian/differential.ours

	in_debian || not_run
	differential_results "$step" "$stock" "$ours" >"$report/differential.diff"
	[[ ! -s $report/differential.diff ]] || head -n 40 "$report/differential.diff" >&2
}

step_upstream_vfio()
{
	local stock

	in_debian || not_run
	for stock in "$report/l1-debian/upstream-vfio/stock/"*.tap; do
		compare_results "$step" "$stock" "${stock/\/stock\///ours/}"
	done
}

step_upstream_iommu()
{
	local version program

	for version in 6.12 7.2; do
		in_test_kernel "$version" || not_run "$version"
		for program in iommufd iommufd_fail_nth; do
			compare_results "$step" \
				"$report/l1-test-$version/upstream-iommu/$version/"{stock,ours}"/$program.tap"
		done
	done
}

step_kunit()
{
	local version

	for version in 6.12 7.2; do
		in_test_kernel "$version" || not_run "$version"
		kunit_results "$step" "$report/l1-test-$version/kunit/$version/results" "$version"
	done
}

# What the README says is done; that its targets and files exist is looked up.
step_readme()
{
	local target file

	for target in $(grep -oE '(^    |`)make [a-z_]+' "$pa_top/README.md" | sed 's/.* //' | sort -u); do
		if grep -q "^$target:" "$pa_top/Makefile"; then
			record pass "$step" "make $target exists"
		else
			record fail "$step" "make $target exists" "the Makefile has no such target"
		fi
	done
	for file in $(grep -oE '\b(scripts|tools|drivers|include|selftests)/[a-zA-Z0-9_./-]*' \
			"$pa_top/README.md" | sort -u); do
		if [[ -e $pa_top/$file ]]; then
			record pass "$step" "$file exists"
		else
			record fail "$step" "$file exists" "the README names it"
		fi
	done
	single make-help make -C "$pa_top" help
	single make-series make -C "$pa_top" series
	in_debian || not_run
	readme_results "$step" "$report/l1-debian/readme"
}

# Instructions are counted, not seconds, so a row is a test.
step_bench()
{
	have bench env W=1e KERNEL=6.12 MIB=64 ITERATIONS=2 "$pa_top/tools/bench/bench.sh" || true
	tap_results "$step" "$report/bench-6.12.tap"
}

step_demo()
{
	single demo "$pa_top/tools/demo/demo.sh"
}

not_run()
{
	record fail "$step" "L1${1:+ with $1} was run" "see above, and $report"
}

wanted()
{
	[[ -z $only || $only = "$1" ]]
}

# run NAME WHAT: one step, with what it does and how long it took
run()
{
	local start=$SECONDS before

	wanted "$1" || return 0
	step=$1
	say "== $1: $2"
	before=$(wc -l <"$results")
	"step_${1//-/_}"
	say "== $1: $(count pass "$1") passed, $(count fail "$1") failed, $(count skip "$1") skipped in $((SECONDS - start)) s"
	show_failures "$before"
}

mkdir -p "$report"
exec {lock}>"$report/.lock"
flock --nonblock "$lock" || die "another check is running in this tree"
for signal in INT TERM HUP; do
	# shellcheck disable=SC2064
	trap "stopped $signal" "$signal"
done
# What an earlier run left must not be taken for this one's.
rm -rf "${report:?}"/*
results=$report/results
: >"$results"

run deps 'packages'
run fetch 'sources, headers and kernels'
run modules 'modules for 6.12 and 7.2, W=1, warnings are errors'
run style 'sparse, checkpatch, shellcheck'
run splice 'a semantic patch that does not fit stops the build'
run programs 'test programs'
run kselftest 'our kselftests on every front end'
run differential 'one list of operations on stock modules and ours'
run upstream-vfio "upstream's selftests/vfio on stock modules and ours"
run readme "the README's commands"
run upstream-iommu "upstream's selftests/iommu on stock iommufd and ours"
run kunit 'KUnit tests of the layer'
run bench 'no row of the benchmark is slower than stock'
run demo 'make demo'

[[ -s $results ]] || die "no step is called '$only'"
show_skips
echo "$(count pass) passed, $(count fail) failed, $(count skip) skipped" | tee "$report/summary"
[[ $(count fail) = 0 ]]
