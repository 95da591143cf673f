#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1 without an IOMMU, on the project's small kernel: what needs mock domains,
# fault injection or KUnit, for which Debian's kernel has no options.
#
# Use:	mock.sh VERSION [upstream-iommu|kunit]...
#
# VERSION says which tree's selftests to run. L1 must have no real IOMMU: the
# mock domains of IOMMUFD_TEST and Intel's driver do not go together.
# Exit status 0 if every part could be run, whatever its tests said.

set -euo pipefail

top=/pinacct
version=$1
shift
# shellcheck source=selftests/l1/lib.sh
. "$top/selftests/l1/lib.sh"

upstream_iommu()
{
	local test

	for test in "$top/build/selftests/upstream/$version/"*; do
		run_tap "upstream-iommu/$version/$1/$(basename "$test")" "$test"
	done
}

kunit()
{
	local module results

	module=$top/build/modules/$(uname -r)/pinacct_kunit.ko
	mkdir -p "/out/kunit/$version"
	modprobe kunit
	insmod "$module"
	for results in /sys/kernel/debug/kunit/pinacct*/results; do
		cat "$results"
	done >"/out/kunit/$version/results"
	rmmod pinacct_kunit
}

# wanted PART: is it among those to be run?
wanted()
{
	[[ " $parts " = *" $1 "* ]]
}

parts=$*
if wanted upstream-iommu; then
	use_modules stock
	timed upstream_iommu stock
fi
use_modules ours
! wanted upstream-iommu || timed upstream_iommu ours
! wanted kunit || timed kunit
