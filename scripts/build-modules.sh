#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build the modules for one kernel, out of its tree.
#
# Use:	[KDIR=...] [KSRC=...] scripts/build-modules.sh ours|stock
#
#	ours	build/modules/RELEASE: pinacct, and type1 and iommufd on it
#	stock	build/stock/RELEASE: the same modules from unmodified source, to
#		compare with
#
#	KDIR	what modules of that kernel are built against (default: the
#		headers of Debian's 6.12); KERNELDIR is understood too
#	KSRC	that kernel's source (default: Debian's 6.12)
#	W	warnings, as in the kernel (default 1; W=1e makes them errors)
#	V	1 shows the commands
#	C	2 runs sparse over all files, as in the kernel, and names them
#	COVERAGE	yes has ours tell what of them was run, by gcov and KCOV, on
#		a kernel that has both (test-kernel.sh's variant coverage)
#
# A kernel that has iommufd and vfio as modules gets just pinacct, type1 and
# iommufd. A kernel without CONFIG_IOMMUFD, as Debian's, gets iommufd and its
# whole drivers/vfio built with that option on, because it adds members to
# struct vfio_device. What it ships elsewhere with that structure inside
# (i915's kvmgt) is not rebuilt: the checksums of modversions keep it from
# loading beside these. kvm's own use of vfio passes only files and works.

. "$(dirname "$0")/lib.sh"

# The options that a kernel without iommufd is given. IOMMUFD_DRIVER is not
# among them: the IOMMU drivers in that kernel do not report dirty pages, and
# without the option iommufd says so (EOPNOTSUPP) instead of finding none.
wide_options=(IOMMUFD=m VFIO_DEVICE_CDEV=y VFIO_CONTAINER=y INTERVAL_TREE_SPAN_ITER=y)

# config NAME: what the kernel's configuration says: y, m or nothing
config()
{
	sed -n "s/^CONFIG_$1=//p" "$kdir/include/config/auto.conf"
}

check_input()
{
	local version

	[[ -d $kdir ]] || die "KDIR=$kdir does not exist"
	[[ -f $kdir/include/config/kernel.release && -f $kdir/include/config/auto.conf ]] ||
		die "KDIR=$kdir is not a kernel that was configured and prepared for building modules"
	[[ -f $ksrc/drivers/vfio/vfio_iommu_type1.c && -f $ksrc/drivers/iommu/iommufd/pages.c ]] ||
		die "KSRC=$ksrc is not a kernel source tree with vfio and iommufd"
	release=$(<"$kdir/include/config/kernel.release")
	[[ ! $coverage || $(config GCOV_KERNEL)$(config KCOV) = yy ]] ||
		die "COVERAGE=yes takes a kernel with CONFIG_GCOV_KERNEL and CONFIG_KCOV, and $release has not both"
	version=$(pa_kernel_version "$ksrc")
	[[ $release = "${version%.*}"[!0-9]* ]] ||
		die "KSRC=$ksrc is Linux $version, KDIR=$kdir is $release: they must match"
	# Some distributions' releases do not tell the third number.
	[[ $release = "$version" || $release = "$version"[!0-9]* ]] ||
		say "KSRC is Linux $version, KDIR is $release: be sure that they are the same source"
	[[ $(config VFIO) = m && $(config VFIO_IOMMU_TYPE1) = m ]] ||
		die "kernel $release has no vfio as modules (CONFIG_VFIO, CONFIG_VFIO_IOMMU_TYPE1)"
	case $(config IOMMUFD) in
	m)	wide= ;;
	'')	wide=1 ;;
	*)	die "kernel $release has iommufd built in: it cannot be replaced by a module" ;;
	esac
}

# mirror FROM TO [RSYNC-OPTION...]: make TO's files equal to FROM's, touching
# only those that differ, so that make builds only what changed
mirror()
{
	local from=$1 to=$2

	shift 2
	mkdir -p "$to"
	rsync -rlc --delete --exclude='*.o' --exclude='*.ko' --exclude='*.mod' \
		--exclude='*.mod.c' --exclude='*.gcno' --exclude='.*.cmd' \
		--exclude='modules.order' --exclude=Module.symvers "$@" "$from/" "$to/"
}

# write FILE: stdin into FILE, unless it already says the same
write()
{
	local text

	text=$(cat)
	[[ -f $1 && $(<"$1") = "$text" ]] || printf '%s\n' "$text" >"$1"
}

# spliced COMPONENT DIR: run splice.sh, unless what it reads is as before
spliced()
{
	local component=$1 dir=$2 out=$obj/spliced-$1 key

	[[ -f $pa_top/$dir/$component.cocci ]] || die "$pa_top/$dir/$component.cocci is not there"
	key=$(cd "$ksrc/$dir" && pa_hash_files ./*.[ch] "$pa_top/$dir/$component.cocci" \
		"$pa_top/scripts/splice.sh"; ls "$pa_top/$dir")
	if [[ ! -d $out || ! -f $out.key || $(<"$out.key") != "$key" ]]; then
		rm -f "$out.key"
		"$pa_top/scripts/splice.sh" "$ksrc" "$out" "$component" || exit 1
		printf '%s' "$key" >"$out.key"
	fi
}

# lay_out: the source tree that kbuild is given
lay_out()
{
	local dirs=(drivers/vfio drivers/iommu/iommufd)

	mkdir -p "$tree/drivers/iommu"
	mirror "$ksrc/drivers/iommu" "$tree/drivers/iommu" \
		--include='/*-priv.h' --include='/iommu-pages.h' --exclude='/*'
	if [[ $wide ]]; then
		mirror "$ksrc/drivers/vfio" "$obj/vfio"
	else
		mirror "$ksrc/drivers/vfio" "$obj/vfio" --include='/vfio_iommu_type1.c' \
			--include='/vfio.h' --exclude='/*'
		write "$obj/vfio/Makefile" <<<'obj-m := vfio_iommu_type1.o'
	fi
	mirror "$ksrc/drivers/iommu/iommufd" "$obj/iommufd"
	if [[ $wide ]]; then
		# The kernel has an interval tree, without this iterator over it.
		cp "$ksrc/lib/interval_tree.c" "$obj/iommufd/"
		write "$obj/iommufd/Makefile.add" <<-END
			iommufd-y += interval_tree.o
			CFLAGS_interval_tree.o := -D__DISABLE_EXPORTS
		END
		cat "$ksrc/drivers/iommu/iommufd/Makefile" "$obj/iommufd/Makefile.add" |
			write "$obj/iommufd/Makefile"
	fi
	if [[ $flavour = ours ]]; then
		dirs+=(drivers/pinacct)
		spliced type1 drivers/vfio
		spliced iommufd drivers/iommu/iommufd
		cp -dp "$obj/spliced-type1/"* "$obj/vfio/"
		cp -dp "$obj/spliced-iommufd/"* "$obj/iommufd/"
		mirror "$pa_top/drivers/pinacct" "$tree/drivers/pinacct"
	fi
	mirror "$obj/vfio" "$tree/drivers/vfio"
	mirror "$obj/iommufd" "$tree/drivers/iommu/iommufd"

	# The tree is whole: what is in it builds elsewhere, too (dkms-source.sh).
	ln -sfn "$pa_top/include" "$tree/include"
	{
		printf 'obj-m += %s/\n' "${dirs[@]}"
		echo 'subdir-ccflags-y += -I$(src)/include'
		if [[ $wide ]]; then
			printf 'export CONFIG_%s\n' "${wide_options[@]/=/ := }"
			printf 'subdir-ccflags-y += %s\n' "$(wide_defines)"
		fi
	} | write "$tree/Kbuild"
}

# wide_defines: the options, as the compiler has them from a kernel's autoconf.h
wide_defines()
{
	local option

	for option in "${wide_options[@]}"; do
		case $option in
		*=y)	printf -- '-DCONFIG_%s=1 ' "${option%=y}" ;;
		*=m)	printf -- '-DCONFIG_%s_MODULE=1 ' "${option%=m}" ;;
		esac
	done
}

run_make()
{
	local args=(-C "$kdir" "M=$tree" -j"$pa_jobs" "W=${W:-1}"
		# Debug information is most of the time and the size.
		CONFIG_DEBUG_INFO= CONFIG_DEBUG_INFO_BTF_MODULES=)

	if [[ ${C:-} ]]; then
		args+=("C=$C" CHECK=sparse)
	elif [[ ${V:-0} = 1 ]]; then
		args+=(V=1)
	else
		args+=(-s)
	fi
	if [[ $coverage ]]; then
		# What would be inlined or copied before it is counted is counted
		# once for each copy.
		args+=(KCFLAGS="-fno-early-inlining -fno-thread-jumps")
		export GCOV_PROFILE=y KCOV_INSTRUMENT=y
	fi
	CCACHE_DIR=$pa_cache/ccache PATH=/usr/lib/ccache:$PATH \
		make "${args[@]}" modules >&2 || die "the $flavour modules for $release were not built"
}

# publish: the modules to where people look for them
publish()
{
	local staging=$obj/out module

	rm -rf "$staging"
	mkdir -p "$staging" "$out"
	while read -r module; do
		module=$tree/${module#"$tree/"}
		cp -p "${module%.o}.ko" "$staging/"
	done <"$tree/modules.order"
	rsync -rtc --delete "$staging/" "$out/"
	rm -rf "$staging"
}

[[ $# = 1 && ( $1 = ours || $1 = stock ) ]] || die "use: build-modules.sh ours|stock"
flavour=$1
case ${COVERAGE:-} in
''|yes)	;;
*)	die "COVERAGE is yes or nothing, not '$COVERAGE'" ;;
esac
coverage=
[[ $flavour = stock ]] || coverage=${COVERAGE:-}
kdir=${KDIR:-${KERNELDIR:-}}
ksrc=${KSRC:-}
"$pa_top/scripts/deps.sh" build
[[ $kdir ]] || kdir=$("$pa_top/scripts/fetch.sh" headers)
[[ $ksrc ]] || ksrc=$("$pa_top/scripts/fetch.sh" source-6.12)
check_input
kdir=$(realpath "$kdir")
ksrc=$(realpath "$ksrc")

obj=$pa_top/build/obj/$release/$flavour
tree=$obj/tree
out=$pa_top/build/$([[ $flavour = ours ]] && echo modules || echo stock)/$release
mkdir -p "$tree"
exec {lock}>"$obj/.lock"
flock "$lock"

lay_out
run_make
publish
say "${out#"$pa_top/"}: $(cd "$out" && echo *.ko)"
