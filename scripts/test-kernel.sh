#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build the small kernel for tests that Debian's cannot run, and print where it
# is: a directory of the cache that holds
#
#	bzImage, vmlinux	to boot
#	kdir/			to build modules against (KDIR)
#	modules/		its /lib/modules/RELEASE: unmodified iommufd and vfio
#	release			what uname -r says in it
#
# Use:	scripts/test-kernel.sh [KSRC [debug|kcsan|coverage]]	(default: Debian's 6.12 source)
#
# The configuration is tinyconfig, selftests/kernel/test.config, and what the
# kernel's version and the variant add to it there. About five minutes on two
# cores, a variant several times that; half a minute when the compiler cache knows the
# files.

. "$(dirname "$0")/lib.sh"

# wanted FRAGMENT...: their options; a later one says it over an earlier one
wanted()
{
	awk '
		/^CONFIG_|^# CONFIG_.* is not set$/ {
			split($0, word, /[ =]/)
			name = word[1] == "#" ? word[2] : word[1]
			line[name] = $0
		}
		END { for (name in line) print line[name] }' "$@"
}

# check_config CONFIG FRAGMENT...: a line of the fragments that a dependency
# switched off would otherwise only show as a test that fails for no reason
check_config()
{
	local config=$1 line lost=()

	shift
	while read -r line; do
		grep -qxF -- "$line" "$config" || lost+=("$line")
	done < <(wanted "$@")
	[[ ${#lost[@]} = 0 ]] ||
		die "the kernel configuration lost these lines of $*: ${lost[*]}"
}

# progress WHAT: from make's lines, one of ours now and then
progress()
{
	awk -v what="$1" '
		function tell() {
			printf "pinacct: %s: %d files compiled\n", what, n
			fflush()
		}
		/^  (CC|AS) / { if (++n % 250 == 0) tell() }
		/warning:|error:|Error|\*\*\*/ { print; fflush() }
		END { tell() }' >&2
}

fill_kernel()
{
	local tmp=$1 ksrc=$2
	local -a make

	shift 2
	pa_room "$tmp" 800 "the test kernel"
	make=(make -C "$ksrc" O="$tmp/kdir" -j"$pa_jobs" KBUILD_BUILD_TIMESTAMP=@0
		KBUILD_BUILD_USER=pinacct KBUILD_BUILD_HOST=pinacct)
	export PATH=/usr/lib/ccache:$PATH
	mkdir "$tmp/kdir"
	"${make[@]}" -s tinyconfig
	cat "$@" >>"$tmp/kdir/.config"
	"${make[@]}" -s olddefconfig 2>&1 | grep -v 'override: reassigning' >&2 || true
	check_config "$tmp/kdir/.config" "$@"

	say "building the test kernel: about 1800 files; see test-kernel.sh on how long it takes"
	"${make[@]}" bzImage modules 2>&1 | progress "test kernel"
	"${make[@]}" -s INSTALL_MOD_PATH="$tmp/install" modules_install
	"${make[@]}" -s kernelrelease >"$tmp/release"
	mv "$tmp/install/lib/modules/$(<"$tmp/release")" "$tmp/modules"
	rm -rf "$tmp/install" "$tmp/modules/build"
	cp "$tmp/kdir/arch/x86/boot/bzImage" "$tmp/kdir/vmlinux" "$tmp/"

	sed -i "s,$tmp,${tmp%.tmp.*},g" "$tmp/kdir/Makefile"

	# Building modules against it takes headers, scripts and symbols.
	find "$tmp/kdir" \( -name '*.[oa]' -o -name 'vmlinux*' -o -name bzImage \) -type f \
		-not -path '*/scripts/*' -not -path '*/tools/*' -not -name '*.lds' -delete
}

[[ $# -le 2 ]] || die "use: test-kernel.sh [KSRC [debug|kcsan|coverage]]"
ksrc=${1:-$("$pa_top/scripts/fetch.sh" source-6.12)}
[[ -f $ksrc/kernel/fork.c ]] || die "KSRC=$ksrc is not a kernel source tree"
ksrc=$(realpath "$ksrc")
version=$(pa_kernel_version "$ksrc")
fragments=("$pa_top/selftests/kernel/test.config" "$pa_top/selftests/kernel/test-${version%.*}.config")
[[ -f ${fragments[1]} ]] || die "there is no ${fragments[1]} for KSRC=$ksrc, Linux $version"
variant=${2:-}
case $variant in
'')		;;
debug|kcsan|coverage)
		fragments+=("$pa_top/selftests/kernel/$variant.config") ;;
*)		die "no variant of the test kernel is called '$variant': debug, kcsan or coverage" ;;
esac

"$pa_top/scripts/deps.sh" build
export CCACHE_DIR=$pa_cache/ccache
pa_cached "test-kernel-${version%.*}${variant:+-$variant}" \
	"4 $ksrc $(gcc -dumpfullversion) $(pa_hash_files "${fragments[@]}")" \
	fill_kernel "$ksrc" "${fragments[@]}"
