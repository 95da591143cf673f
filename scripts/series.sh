#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Write what the splice does to a kernel's source as a patch series, for
# reading: build/series/VERSION/*.patch.
#
# Use:	[KSRC=...] scripts/series.sh

. "$(dirname "$0")/lib.sh"

tmp=$(mktemp -d)
trap 'rm -rf -- "$tmp"' EXIT

repo()
{
	git -C "$tmp/repo" -c user.name=pinacct -c user.email=pinacct@localhost \
		-c core.autocrlf=false -c commit.gpgsign=false "$@"
}

# commit SUBJECT [MESSAGE]
commit()
{
	repo add -A
	repo commit -q -m "$1" -m "$(fmt -w 72 <<<"${2:-}")" --date='2000-01-01T00:00:00Z'
}

# for_one_kernel FILE: without what is there for other versions
for_one_kernel()
{
	local here

	here=$(awk -F . '{ print $1 * 65536 + $2 * 256 + $3 }' <<<"$version")
	HERE=$here perl -pi -e '
		s{^#if KERNEL_VERSION\((\d+), (\d+), (\d+)\) (<=|>) LINUX_VERSION_CODE$}{
			my $v = $1 * 65536 + $2 * 256 + $3;
			"#if " . (($4 eq "<=" ? $v <= $ENV{HERE} : $v > $ENV{HERE}) ? 1 : 0)
		}e;
		$_ = "" if m{^#include <linux/version.h>};' "$1"
	# Its status says whether anything has changed.
	unifdef -k -m "$1" || [[ $? = 1 ]]
}

# splice COMPONENT DIR: DIR as it is after the splice, our files among it
splice()
{
	"$pa_top/scripts/splice.sh" "$ksrc" "$tmp/$1" "$1"
	mkdir -p "$tmp/repo/$2"
	cp -L "$tmp/$1/"*.[ch] "$tmp/repo/$2/"
}

"$pa_top/scripts/deps.sh" build
ksrc=${KSRC:-$("$pa_top/scripts/fetch.sh" source-6.12)}
[[ -f $ksrc/Makefile ]] || die "KSRC=$ksrc is not a kernel source tree"
version=$(pa_kernel_version "$ksrc")
out=$pa_top/build/series/$version

mkdir -p "$tmp/repo/drivers/vfio" "$tmp/repo/drivers/iommu/iommufd"
repo init -q
cp "$ksrc/drivers/vfio/"{vfio_iommu_type1.c,vfio.h} "$tmp/repo/drivers/vfio/"
cp "$ksrc/drivers/iommu/iommufd/"*.[ch] "$tmp/repo/drivers/iommu/iommufd/"
commit "Linux $version"
repo tag base

(cd "$pa_top" && find include drivers/pinacct -type f | cpio -pdm --quiet "$tmp/repo")
for_one_kernel "$tmp/repo/include/linux/pinacct-compat.h"
commit 'pinacct: pin and account for DMA in one layer' 'VFIO type1 and iommufd each pin user memory, charge it against RLIMIT_MEMLOCK and
unpin it, in their own ways. Have one layer that does it for both: it pins by extents,
charges exactly, tells why it refuses, and can charge a page once that a payer has
pinned several times. Nothing uses it yet.'
splice type1 drivers/vfio
commit 'vfio/type1: pin and account through pinacct' 'What went is pinning, unpinning and accounting by page; what stays is the IOVA space,
the domains and the ioctls.'
splice iommufd drivers/iommu/iommufd
commit 'iommufd: pin and account through pinacct' 'What went is pfn_reader_user, its accounting, and the unpinning that asks the domain for
every page; what stays is who holds which pages: areas, domains and accesses.'

rm -rf "$out"
mkdir -p "$out"
repo format-patch -q --stat=100 --no-signature -o "$out" base
say "${out#"$pa_top/"}: $(cd "$out" && echo *.patch)"
