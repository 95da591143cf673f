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

declare -A kernel kdir ksrc

# build_kernel debian|6.12|7.2: Debian's 6.12, or one of the small ones
build_kernel()
{
	if [[ $1 = debian ]]; then
		kdir[$1]='' ksrc[$1]=''
		return
	fi
	[[ ${made[kernel-$1]:-} != yes ]] || return 0
	have "source-$1" "$pa_top/scripts/fetch.sh" "source-$1" || return
	ksrc[$1]=$(tail -n 1 "$report/source-$1.log")
	have "kernel-$1" "$pa_top/scripts/test-kernel.sh" "${ksrc[$1]}" || return
	kernel[$1]=$(tail -n 1 "$report/kernel-$1.log")
	kdir[$1]=${kernel[$1]}/kdir
}

# with KERNEL COMMAND...: the command with what that kernel's modules are built from
with()
{
	local which=$1

	shift
	env KDIR="${kdir[$which]}" KSRC="${ksrc[$which]}" "$@"
}

# build_modules KERNEL: ours and the unmodified ones
build_modules()
{
	build_kernel "$1" &&
		have "modules-$1" with "$1" env W=1e "$pa_top/scripts/build-modules.sh" ours &&
		have "stock-$1" with "$1" "$pa_top/scripts/build-modules.sh" stock
}

# build_test_modules KERNEL: what the tests with devices have in the kernel
build_test_modules()
{
	build_modules "$1" &&
		have "test-device-$1" with "$1" "$pa_top/selftests/mediated/build.sh" &&
		have "test-module-$1" with "$1" "$pa_top/selftests/modules/build.sh"
}

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
		2> >(tee -i "$report/$name/stderr.log" >&2 {lock}>&-) || status=$?
	case $status in
	0)	record pass "$name" "kernel log without complaint" ;;
	123)	record fail "$name" "kernel log without complaint" "see $report/$name/console.log" ;;
	*)	record fail "$name" "run to its end" "exit status $status, see $report/$name/stderr.log"
		return 1 ;;
	esac
}

# boot_devices 6.12|7.2: all that takes devices shares one boot of each, on
# Debian's 6.12 and on the small 7.2. The dma tests make a device write where it
# may not, which the IOMMU driver logs.
boot_devices()
{
	local what parts=() which=debian where=()

	for what in kselftest random fuzz differential upstream-vfio readme; do
		[[ $what != readme || $1 = 6.12 ]] || continue
		! wanted "$what" || parts+=("$what")
	done
	[[ $1 = 6.12 ]] || which=$1
	build_test_modules "$which" && build_programs || return
	[[ $which = debian ]] ||
		where=(--kernel "${kernel[$which]}/bzImage" --modules "${kernel[$which]}/modules")
	say "L1 with Linux $1 and devices: ${parts[*]}"
	boot "l1-$1" "${where[@]}" --devices edu,e1000e --timeout 2400 \
		--disk "$pa_top/build/selftests/ext4.raw" \
		--append 'hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=64 memmap=32M!5G' \
		--expect 'DMAR: (DRHD: handling fault status reg|\[DMA Write.* fault addr 0x100[34]000 )' \
		-- selftests/l1/devices.sh "${parts[@]}"
}

# boot_mock 6.12|7.2: the small kernel without an IOMMU
boot_mock()
{
	local what parts=()

	for what in upstream-iommu kunit; do
		! wanted "$what" || parts+=("$what")
	done
	build_modules "$1" && build_programs || return
	say "L1 with the small kernel $1 and mock devices: ${parts[*]}"
	boot "l1-mock-$1" --kernel "${kernel[$1]}/bzImage" --modules "${kernel[$1]}/modules" \
		--devices none --no-iommu --hugepages 64 --timeout 2400 \
		-- selftests/l1/mock.sh "$1" "${parts[@]}"
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

# with_devices 6.12|7.2
with_devices()
{
	once "boot-$1" boot_devices "$1"
}

# with_mocks 6.12|7.2
with_mocks()
{
	once "boot-mock-$1" boot_mock "$1"
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
	local which

	for which in debian 6.12 7.2; do
		if build_kernel "$which"; then
			single "modules-$which" with "$which" env W=1e \
				"$pa_top/scripts/build-modules.sh" ours
			single "stock-$which" with "$which" "$pa_top/scripts/build-modules.sh" stock
		else
			record fail "$step" "modules-$which" "its kernel was not built, see $report"
		fi
	done
	for which in debian 7.2; do
		build_kernel "$which" || continue
		single "test-device-$which" with "$which" "$pa_top/selftests/mediated/build.sh"
		single "test-module-$which" with "$which" "$pa_top/selftests/modules/build.sh"
	done
}

step_style()
{
	single style "$pa_top/scripts/check-style.sh"
}

# By the host's libvirt. L1's is another, and is asked when the rows are run.
step_domains()
{
	part "$pa_top/selftests/vmstart/check-domains.sh" >"$report/domains.tap" 2>&1 || true
	tap_results "$step" "$report/domains.tap"
}

step_splice()
{
	part "$pa_top/selftests/splice.sh" >"$report/splice.tap" 2>&1 || true
	tap_results "$step" "$report/splice.tap"
}

# No syzkaller is there to read them, but the compiler can.
step_descriptions()
{
	part "$pa_top/selftests/fuzz/descriptions.sh" >"$report/descriptions.tap" 2>&1 || true
	tap_results "$step" "$report/descriptions.tap"
}

# pinacct(8), where no device is needed; and what goes with it.
step_tools()
{
	local tools=$pa_top/tools/pinacct promtool what

	have tools env W=1e "$tools/build.sh" || { not_run tools; return; }
	for what in host top; do
		part "$tools/tests/$what.sh" >"$report/tools-$what.tap" 2>"$report/tools-$what.log" || true
		tap_results "$step" "$report/tools-$what.tap"
	done
	single man-page mandoc -T lint -W warning "$tools/pinacct.8"
	single completion shellcheck -S warning "$tools/pinacct.bash-completion"
	single dashboard "$tools/tests/dashboard.sh"
	if have promtool "$pa_top/scripts/fetch.sh" promtool; then
		promtool=$(tail -n 1 "$report/promtool.log")
		single alert-rules "$promtool" check rules "$tools/alerts.yml"
		single alerts "$promtool" test rules "$tools/tests/alerts.yml"
	else
		record fail "$step" promtool "see $report/promtool.log"
	fi
}

# pinacct(8) with a guest and its devices, on unmodified modules and ours.
step_tools_l1()
{
	local guest promtool

	if build_modules debian && have tools env W=1e "$pa_top/tools/pinacct/build.sh" &&
			have guest "$pa_top/tools/vm/guest.sh"; then
		guest=$(tail -n 1 "$report/guest.log")
		boot tools-l1 --devices nvme,nvme --share-ro "$guest:/guest" --timeout 3600 \
			-- tools/pinacct/tests/in-l1.sh || true
	fi
	tap_results "$step" "$report/tools-l1/tools.tap"
	if have promtool "$pa_top/scripts/fetch.sh" promtool; then
		promtool=$(tail -n 1 "$report/promtool.log")
		single metrics bash -c '"$0" check metrics <"$1"' "$promtool" \
			"$report/tools-l1/metrics.prom"
	else
		record fail "$step" promtool "see $report/promtool.log"
	fi
}

step_programs()
{
	single programs "$pa_top/selftests/build.sh"
}

step_kselftest()
{
	local version program

	for version in 6.12 7.2; do
		with_devices "$version" || not_run "$version"
		for program in "$pa_top/selftests/pinacct/"*.c; do
			program=$(basename "$program" .c)
			tap_results "$step" "$report/l1-$version/kselftest/$program.tap" \
				"$version: $program"
		done
	done
}

step_random()
{
	local version what

	for version in 6.12 7.2; do
		with_devices "$version" || not_run "$version"
		for what in steps threads; do
			tap_results "$step" "$report/l1-$version/random/$what.tap" "$version"
		done
	done
}

# The races of make soak, until mapper and disturber have met a few times in each. While
# a device goes, the emulated IOMMU has been seen not to end an invalidation: the CPU
# that waits for it waits for ever. So these two are left to make soak.
step_races()
{
	local version where which

	for version in 6.12 7.2; do
		which=debian where=()
		[[ $version = 6.12 ]] || which=$version
		if build_test_modules "$which" && build_programs; then
			[[ $which = debian ]] ||
				where=(--kernel "${kernel[$which]}/bzImage"
					--modules "${kernel[$which]}/modules")
			boot "races-$version" "${where[@]}" --devices edu,e1000e --hugepages 64 \
				--append numa=fake=2 --timeout 1200 \
				-- selftests/l1/races.sh --without detach,unbind --rounds 2 || true
		fi
		tap_results "$step" "$report/races-$version/races.tap" "$version"
	done
}

step_fuzz()
{
	local version

	for version in 6.12 7.2; do
		with_devices "$version" || not_run "$version"
		tap_results "$step" "$report/l1-$version/fuzz.tap" "$version"
	done
}

step_differential()
{
	local version out

	for version in 6.12 7.2; do
		with_devices "$version" || not_run "$version"
		out=$report/l1-$version/differential
		differential_results "$step" "$version" "$out".{stock,ours} >"$out.diff"
		[[ ! -s $out.diff ]] || head -n 40 "$out.diff" >&2
	done
}

step_upstream_vfio()
{
	local version stock

	for version in 6.12 7.2; do
		with_devices "$version" || not_run "$version"
		for stock in "$report/l1-$version/upstream-vfio/stock/"*.tap; do
			compare_results "$step" "$version" "$stock" "${stock/\/stock\///ours/}"
		done
	done
}

step_upstream_iommu()
{
	local version program

	for version in 6.12 7.2; do
		with_mocks "$version" || not_run "$version"
		for program in iommufd iommufd_fail_nth; do
			compare_results "$step" "$version" \
				"$report/l1-mock-$version/upstream-iommu/$version/"{stock,ours}"/$program.tap"
		done
	done
}

step_kunit()
{
	local version

	for version in 6.12 7.2; do
		with_mocks "$version" || not_run "$version"
		kunit_results "$step" "$report/l1-mock-$version/kunit/$version/results" "$version"
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
	single series-style perl "$("$pa_top/scripts/fetch.sh" source-6.12)/scripts/checkpatch.pl" \
		--no-tree --no-signoff --quiet --ignore FILE_PATH_CHANGES \
		"$pa_top/build/series/"*/*.patch
	with_devices 6.12 || not_run 6.12
	readme_results "$step" "$report/l1-6.12/readme"
}

# Instructions are counted, not seconds, so a row is a test.
step_bench()
{
	have bench env W=1e KERNEL=6.12 QUICK=yes "$pa_top/tools/bench/bench.sh" || true
	tap_results "$step" "$report/bench-6.12.tap"
	have scale env W=1e KERNEL=6.12 QUICK=yes "$pa_top/tools/bench/scale/scale.sh" || true
	tap_results "$step" "$report/scale-6.12.tap" scale
}

step_demo()
{
	single demo "$pa_top/tools/demo/demo.sh"
}

# A boot of its own, for two disks and no other devices.
step_viommu()
{
	local guest

	if build_modules debian && have guest "$pa_top/tools/vm/guest.sh"; then
		guest=$(tail -n 1 "$report/guest.log")
		boot viommu --devices nvme,nvme --share-ro "$guest:/guest" --timeout 1200 \
			-- selftests/l1/viommu.sh || true
	fi
	tap_results "$step" "$report/viommu/viommu.tap"
}

# Likewise, for one whose device is a module of ours.
step_ondemand()
{
	local guest

	if build_test_modules debian && have guest "$pa_top/tools/vm/guest.sh"; then
		guest=$(tail -n 1 "$report/guest.log")
		boot ondemand --devices none --share-ro "$guest:/guest" --timeout 1200 \
			-- selftests/l1/ondemand.sh || true
	fi
	tap_results "$step" "$report/ondemand/ondemand.tap"
}

# Libvirt domains in one boot of L1: the rows that check.tsv names.
step_vmstart()
{
	local status=0

	if build_modules debian; then
		part logged "$report/vmstart.log" env DOMAIN= BACKEND= POLICY= QEMU=stock,patched HOST= \
			ROWS="$pa_top/selftests/vmstart/check.tsv" RESULTS="$report/vmstart" \
			"$pa_top/selftests/vmstart/run.sh" || status=$?
		# Of rows that were not ok the report tells.
		[[ $status -le 1 ]] ||
			record fail "$step" "all rows were run" "exit status $status, see $report/vmstart.log"
	fi
	tap_results "$step" "$report/vmstart.tap"
}

# The QEMU patches as QEMU's maintainers would look at them, and their qtest with a
# device, on unmodified modules and ours.
step_qemu()
{
	local qemu what

	part "$pa_top/selftests/qemu.sh" >"$report/qemu.tap" 2>"$report/qemu.log" || true
	tap_results "$step" "$report/qemu.tap"
	if build_modules debian && have vmstart-parts "$pa_top/selftests/vmstart/build.sh" &&
			have qemu-build "$pa_top/scripts/qemu.sh"; then
		qemu=$(tail -n 1 "$report/qemu-build.log")
		boot qemu --devices nvme --disk "$pa_top/build/vmstart/ext4.raw" \
			--share-ro "$qemu:/qemu" --timeout 1800 -- selftests/l1/qemu.sh || true
	fi
	for what in {stock,ours}.{both,compat} strict.both; do
		tap_results "$step" "$report/qemu/$what.tap" "$what"
	done
}

# lifecycle.sh boots L1 itself. 123 is what L1's kernel log makes of success.
step_lifecycle()
{
	local out=$report/lifecycle status=0

	part env RESULTS="$out" RESETS=3 HOST=l1 "$pa_top/selftests/vmstart/lifecycle.sh" \
		>"$report/lifecycle.log" 2>&1 || status=$?
	case $status in
	0|1)	;;
	123)	record fail "$step" "kernel log without complaint" "see $out/lifecycle.log" ;;
	*)	record fail "$step" "run to its end" "exit status $status, see $report/lifecycle.log" ;;
	esac
	tap_results "$step" "$out/lifecycle.tap"
}

not_run()
{
	record fail "$step" "$1: L1 was run" "see above, and $report"
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
run domains 'libvirt domains are valid, and what their names say'
run splice 'a semantic patch that does not fit stops the build'
run descriptions 'what syzkaller is told of the ioctls fits the headers'
run tools 'pinacct(8): what a VM takes, bad input, top in a terminal, man page, alerts'
run programs 'test programs'
run kselftest 'our kselftests on every front end'
run random 'random steps against a model'
run races 'memory is mapped while it, the kernel and the process change'
run fuzz 'programs that the fuzzer has found, again'
run differential 'one list of operations on stock modules and ours'
run upstream-vfio "upstream's selftests/vfio on stock modules and ours"
run readme "the README's commands"
run upstream-iommu "upstream's selftests/iommu on stock iommufd and ours"
run kunit 'KUnit tests of the layer'
run bench 'what mapping costs, next to stock and to the least that it can, and how that grows'
run viommu 'a guest whose memory is mapped for two devices, charged once'
run ondemand 'a guest whose device pins pages one at a time, on stock modules and ours'
run tools-l1 'pinacct(8) with a guest, held against what the kernel says'
run vmstart 'libvirt domains with assigned devices, against what is predicted'
run qemu 'the QEMU patches: their form, and their tests with a device'
run lifecycle 'libvirt resets guests, and plugs devices and memory: charges follow'
run demo 'make demo'

[[ -s $results ]] || die "no step is called '$only'"
show_skips
echo "$(count pass) passed, $(count fail) failed, $(count skip) skipped" | tee "$report/summary"
[[ $(count fail) = 0 ]]
