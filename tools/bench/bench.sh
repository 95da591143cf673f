#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What mapping and unmapping costs: on stock modules, on ours, and at least.
#
# Use:	tools/bench/bench.sh
#
#	KERNEL="6.12 7.2"	Debian's 6.12; 7.2 is the small kernel of that version
#	QUICK=			yes: one size of each kind of memory
#
# Boots L1 once with each set of modules, on one CPU whose clock counts
# instructions, so that the figures repeat and do not depend on the host; and once
# with the floor (selftests/modules/pinacct_floor.c), which does with the kernel's
# own functions what cannot be left out. The figures go to
# build/report/bench/KERNEL/, from where report.sh makes tables, verdicts and plots.
#
# Exit status 1 means that something could not be run, whatever the verdicts.

. "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=tools/bench/lib.sh
. "$pa_top/tools/bench/lib.sh"

kernels=${KERNEL:-6.12 7.2}
quick=${QUICK:-}
report=$pa_top/build/report/bench

# Small pages: there is more to do for each, so less of them is mapped.
small=4k,4k-scattered,4k-pairs,memfd-4k,4k-untouched,ro-4k,ro-untouched
huge_2m=thp,hugetlb-2m,hugetlb-2m-shared,memfd-thp,memfd-2m
huge_1g=hugetlb-1g,hugetlb-1g-shared,memfd-1g

# plan FLAVOUR: the lines that bench.c is run with
plan()
{
	local all=type1,iommufd,compat main=type1,iommufd two=type1-two

	[[ $kernel = 6.12 ]] || all+=,iommufd-file
	if [[ $1 = floor ]]; then
		all=floor,floor-file main=floor two=floor-two
	fi
	echo "64 2 $all $small"
	echo "$huge_mib 2 $all $huge_2m"
	echo "1024 2 $all $huge_1g"
	echo "64 2 $two 4k,4k-scattered,thp,hugetlb-2m"
	echo "8 2 $all page-by-page"
	echo "1 2 $all bar"
	[[ -z $quick ]] || return 0
	echo "1,4,16,256,1024 1 $main 4k,4k-scattered"
	echo "2,16,64,256 1 $main thp,hugetlb-2m"
	echo "4096 1 ${main%%,*} 4k,thp"
}

# measure FLAVOUR: L1 once
measure()
{
	local start=$SECONDS

	plan "$1" >"$out/plan.$1"
	"$pa_top/tools/vm/run.sh" --icount --devices edu,e1000e,nvme,virtio-net --mem "$mem" \
		--append "nokaslr norandmaps hugepagesz=2M hugepages=$nr_2m hugepagesz=1G hugepages=$nr_1g" \
		--timeout 3600 "${boot[@]}" --out "$out" --log "$out/console.$1" \
		-- tools/bench/in-l1.sh "$1" "/out/plan.$1" "$huge_mib" >"$out/$1.tmp" ||
		die "the benchmark did not run on $1: see above, and $out/console.$1"
	mv "$out/$1.tmp" "$out/$1"
	say "bench: $kernel, $1: $((SECONDS - start)) s"
}

"$pa_top/scripts/deps.sh" build vm
if [[ $quick ]]; then
	mem=4G huge_mib=256 nr_2m=128 nr_1g=1
else
	mem=7G huge_mib=1024 nr_2m=512 nr_1g=1
fi
for kernel in $kernels; do
	use_kernel "$kernel"
	out=$report/$kernel
	rm -rf "$out"
	mkdir -p "$out"
	# The kernel's own source may have warnings, whatever W says.
	build stock env W=1 "$pa_top/scripts/build-modules.sh" stock
	build ours env W="${W:-1}" "$pa_top/scripts/build-modules.sh" ours
	build floor "$pa_top/selftests/modules/build.sh"
	build program "$pa_top/selftests/build.sh" bench
	for flavour in stock ours floor; do
		measure "$flavour"
	done
done
[[ $quick ]] || "$pa_top/tools/bench/time.sh"
# shellcheck disable=SC2086
"$pa_top/tools/bench/report.sh" $kernels
