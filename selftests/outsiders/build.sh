#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Print a directory with other people's tests of memory, compiled from unmodified
# source: SUITE/PROGRAM, as programs.tsv names them. Made once.
#
# Use:	selftests/outsiders/build.sh

. "$(dirname "$0")/../../scripts/lib.sh"

# compile_suite OUT SUITE DIR "COMMON..." GCC-OPTION... <PROGRAMS: each of
# DIR/PROGRAM.c, with what all have in common. Static, for a machine with another C
# library. What they warn about is theirs.
compile_suite()
{
	local out=$1 suite=$2 dir=$3 common=$4 program source more options failed=

	shift 4
	options=(-w -O2 -D_GNU_SOURCE= -pthread "$@")
	mkdir -p "$out/obj" "$out/$suite"
	for source in $common; do
		gcc "${options[@]}" -c -o "$out/obj/$(basename "$source" .c).o" "$source" || return
	done
	while read -r program; do
		more=()
		[[ $program != uffd-* ]] || more=("$dir/uffd-common.c")
		gcc "${options[@]}" -static -o "$out/$suite/$program" "$dir/$program.c" \
			"${more[@]}" "$out/obj/"*.o -lcap -lrt -lm || failed+=" $program"
	done
	rm -r "$out/obj"
	[[ -z $failed ]] || die "of $suite these did not compile, see above:$failed"
}

# compile_mm OUT SUITE KSRC COMMON: the kernel's
compile_mm()
{
	local out=$1 tools=$3/tools/testing/selftests

	make -s -C "$3" O="$out/headers" ARCH=x86 headers
	# What upstream's check finds out where there is no liburing; and a file of 6.12
	# uses the number without the header.
	mkdir "$out/config"
	: >"$out/config/local_config.h"
	compile_suite "$out" "$2" "$tools/mm" "$tools/mm/vm_util.c $tools/mm/$4.c" -DKSFT_SKIP=4 \
		-I"$tools/mm" -I"$tools" -I"$3" -I"$out/config" \
		-isystem "$out/headers/usr/include" -isystem "$3/tools/include/uapi"
	rm -r "$out/headers" "$out/config"
}

# programs LIST SUITE
programs()
{
	awk -v suite="$2" '$1 == suite && !seen[$2]++ { print $2 }' <<<"$1"
}

# fill_outsiders OUT LIST SOURCE-OF-6.12 SOURCE-OF-7.2 SOURCE-OF-LIBHUGETLBFS
fill_outsiders()
{
	local out=$1 list=$2 part common=

	for part in tests/testutils tests/libtestutils hugeutils init morecore debug alloc shm \
			kernel-features init_privutils; do
		common+=" $5/$part.c"
	done
	programs "$list" hugetlbfs | compile_suite "$out" hugetlbfs "$5/tests" "$common" \
		-D__LIBHUGETLBFS__ -DNO_ELFLINK -I"$5"
	programs "$list" mm-6.12 | compile_mm "$out" mm-6.12 "$3" thp_settings
	programs "$list" mm-7.2 | compile_mm "$out" mm-7.2 "$4" hugepage_settings
}

"$pa_top/scripts/deps.sh" build check
source612=$("$pa_top/scripts/fetch.sh" source-6.12)
source72=$("$pa_top/scripts/fetch.sh" source-7.2)
libhugetlbfs=$("$pa_top/scripts/fetch.sh" source-libhugetlbfs)
list=$(awk -F '\t' '!/^#/ { print $1, $3 }' "$pa_top/selftests/outsiders/programs.tsv")
key="1 $(declare -f compile_suite compile_mm fill_outsiders) $list"
pa_cached outsiders "$key $source612 $source72 $libhugetlbfs" \
	fill_outsiders "$list" "$source612" "$source72" "$libhugetlbfs"
