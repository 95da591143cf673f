#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Other people's tests of memory, on stock modules and on ours, while guests with
# assigned devices run: the kernel's own selftests/mm, of 6.12 and of 7.2, and those of
# libhugetlbfs. What passes on stock must pass on ours, and the guests must not notice.
#
# Use:	selftests/outsiders/outsiders.sh
#
#	KERNEL="6.12 7.2"	Debian's 6.12; 7.2 is the small kernel of that version
#	QUICK=			yes: those that programs.tsv calls quick
#
# What each says is in build/report/outsiders/KERNEL/. The last line is the count; what
# fails on stock modules as well is skipped, and a program of which nothing passes there
# has failed. Exit status 1 if a test failed.

. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=selftests/results.sh
. "$pa_top/selftests/results.sh"
# shellcheck source=tools/bench/lib.sh
. "$pa_top/tools/bench/lib.sh"

kernels=${KERNEL:-6.12 7.2}
when=full
report=$pa_top/build/report/outsiders
step=outsiders

one_kernel()
{
	local stock

	use_kernel "$kernel"
	build stock env W=1 "$pa_top/scripts/build-modules.sh" stock
	build ours env W="${W:-1}" "$pa_top/scripts/build-modules.sh" ours
	"$pa_top/tools/vm/run.sh" --devices nvme,nvme --mem 4G --hugepages 64 --timeout 3600 \
		"${boot[@]}" --out "$out" --log "$out/console.log" \
		--share-ro "$guest:/guest" --share-ro "$programs:/outsiders" \
		-- selftests/outsiders/in-l1.sh $when "$sum" "mm-$kernel" hugetlbfs >"$out/in-l1.log" ||
		record fail $step "$kernel: L1 was run" "see above, and $out/console.log"
	compare_results $step "$kernel" "$out/"{stock,ours}/guests.tap
	for stock in "$out/stock/"*/*.tap; do
		compare_results $step "$kernel" "$stock" "${stock/\/stock\///ours/}"
	done
}

[[ -z ${QUICK:-} ]] || when=quick
"$pa_top/scripts/deps.sh" build vm
programs=$("$pa_top/selftests/outsiders/build.sh")
guest=$("$pa_top/tools/vm/guest.sh" "$pa_top/selftests/outsiders/guest-init.sh" nvme)
# As tools/vm/run.sh makes the disks.
sum=$(head -c 4M < <(seq -f 'pinacct block %09.0f' 800000) | sha256sum)
sum=${sum%% *}
results=$report/results
mkdir -p "$report"
: >"$results"
for kernel in $kernels; do
	out=$report/$kernel
	rm -rf "$out"
	mkdir -p "$out"
	one_kernel
done
show_failures 0
show_skips
echo "$(count pass) passed, $(count fail) failed, $(count skip) skipped"
[[ $(count fail) = 0 ]]
