#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Make the directory that DKMS builds the modules from: what they were built from
# here, which is the kernel's source with ours spliced in, and a dkms.conf.
#
# Use:	[KDIR=...] [KSRC=...] scripts/dkms-source.sh OUT VERSION
#
# It builds without Coccinelle and without a kernel's source, on kernels of the
# version that KSRC is of and without an iommufd of their own, as Debian's are.

. "$(dirname "$0")/lib.sh"

# write_conf VERSION LINUX <modules.order
write_conf()
{
	local version=$1 linux=$2 n=0 module

	cat <<-END
		PACKAGE_NAME="pinacct"
		PACKAGE_VERSION="$version"
		AUTOINSTALL="yes"
		BUILD_EXCLUSIVE_KERNEL="^${linux//./\\.}\\..*-amd64$"
		BUILD_EXCLUSIVE_CONFIG="!CONFIG_IOMMUFD CONFIG_VFIO CONFIG_VFIO_IOMMU_TYPE1"
		MAKE="make -C \$kernel_source_dir M=\$dkms_tree/\$PACKAGE_NAME/\$PACKAGE_VERSION/build modules"
		CLEAN="make -C \$kernel_source_dir M=\$dkms_tree/\$PACKAGE_NAME/\$PACKAGE_VERSION/build clean"
	END
	while read -r module; do
		printf 'BUILT_MODULE_NAME[%d]="%s"\n' $n "$(basename "$module" .o)"
		printf 'BUILT_MODULE_LOCATION[%d]="%s"\n' $n "$(dirname "$module")"
		printf 'DEST_MODULE_LOCATION[%d]="/updates/dkms"\n' $n
		n=$((n + 1))
	done
}

# set_versions DIR VERSION: tell the modules from the kernel's own. DKMS does not
# install one that has the version of the one that is there, or, like it, none.
set_versions()
{
	local file

	grep -rl --include='*.c' '^MODULE_LICENSE(' "$1" | while read -r file; do
		if grep -q '^MODULE_VERSION(' "$file"; then
			sed -i "s/^\(MODULE_VERSION(.*\));/\1 \"-pinacct$2\");/" "$file"
		else
			echo "MODULE_VERSION(\"pinacct$2\");" >>"$file"
		fi
	done
}

[[ $# = 2 ]] || die "use: dkms-source.sh OUT VERSION"
out=$1 version=$2
[[ ! -e $out ]] || die "$out exists already: take it away first"

KDIR=${KDIR:-$("$pa_top/scripts/fetch.sh" headers)}
KSRC=${KSRC:-$("$pa_top/scripts/fetch.sh" source-6.12)}
export KDIR KSRC
"$pa_top/scripts/build-modules.sh" ours
release=$(<"$KDIR/include/config/kernel.release")
tree=$pa_top/build/obj/$release/ours/tree
grep -q '^export CONFIG_IOMMUFD' "$tree/Kbuild" ||
	die "kernel $release has an iommufd of its own: its modules are not packaged for DKMS"
linux=$(pa_kernel_version "$KSRC")

trap 'rm -rf -- "$out.tmp"' EXIT
mkdir -p "$out.tmp"
rsync -rL --exclude='*.mod.c' --include='*/' --include='*.[ch]' --include=Makefile \
	--include=Kbuild --exclude='*' --prune-empty-dirs "$tree/" "$out.tmp/"
set_versions "$out.tmp" "$version"
sed "s,^$tree/,," "$tree/modules.order" | write_conf "$version" "${linux%.*}" >"$out.tmp/dkms.conf"
mv -T -- "$out.tmp" "$out"
