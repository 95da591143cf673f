#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How the cost of mapping grows with what there is, on stock modules and on ours.
#
# Use:	tools/bench/scale/scale.sh
#
#	KERNEL="6.12 7.2"	Debian's 6.12; 7.2 is the small kernel of that version
#	QUICK=			yes: without the largest size of each
#
# Boots L1 with each set of modules, on one CPU whose clock counts instructions, so
# that the figures repeat and do not depend on the host. They go to
# build/report/scale/KERNEL/, from where report.sh makes tables, verdicts and plots.
#
# Exit status 1 means that something could not be run, whatever the verdicts.

. "$(dirname "$0")/../../../scripts/lib.sh"
# shellcheck source=tools/bench/lib.sh
. "$pa_top/tools/bench/lib.sh"

kernels=${KERNEL:-6.12 7.2}
sizes=full devices=1000
report=$pa_top/build/report/scale

# measure FLAVOUR: L1 once
measure()
{
	local start=$SECONDS

	"$pa_top/tools/vm/run.sh" --icount --devices edu --timeout 1800 \
		--append 'nokaslr norandmaps' "${boot[@]}" --out "$out" --log "$out/console.$1" \
		-- tools/bench/scale/in-l1.sh "$1" $sizes $devices >"$out/$1.tmp" ||
		die "the benchmark did not run on $1: see above, and $out/console.$1"
	mv "$out/$1.tmp" "$out/$1"
	say "scale: $kernel, $1: $((SECONDS - start)) s"
}

[[ -z ${QUICK:-} ]] || sizes=quick devices=100
"$pa_top/scripts/deps.sh" build vm
for kernel in $kernels; do
	out=$report/$kernel
	rm -rf "$out"
	mkdir -p "$out"
	use_kernel "$kernel"
	# The kernel's own source may have warnings, whatever W says.
	build stock env W=1 "$pa_top/scripts/build-modules.sh" stock
	build ours env W="${W:-1}" "$pa_top/scripts/build-modules.sh" ours
	build devices "$pa_top/selftests/mediated/build.sh"
	build program "$pa_top/selftests/build.sh" scale
	for flavour in stock ours; do
		measure "$flavour"
	done
done
# shellcheck disable=SC2086
"$pa_top/tools/bench/scale/report.sh" $kernels
