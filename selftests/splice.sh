#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Test that a splice that does not fit stops, with the name of what did not.
#
# Guards: upstream renames a function or a structure, or somebody mistypes one in a
# semantic patch: Coccinelle says nothing about a rule that matches nothing, and
# a module would be built that half uses the old path. Fails if the splice
# succeeds, names something else, or leaves its output there. That it succeeds
# with nothing broken is tested first, or all of it would mean nothing.
#
# Prints TAP.

. "$(dirname "$0")/../scripts/lib.sh"

declare -A patch=(
	[type1]=drivers/vfio/type1.cocci
	[iommufd]=drivers/iommu/iommufd/iommufd.cocci
)
n=0

verdict()
{
	n=$((n + 1))
	echo "$1 $n - $2"
}

# Nothing outside of the temporary directory is touched.
copies()
{
	rm -rf "$tmp/tree" "$tmp/ksrc" "$tmp/out"
	mkdir -p "$tmp/tree" "$tmp/ksrc/drivers"
	cp -a "$pa_top/scripts" "$pa_top/drivers" "$pa_top/include" "$tmp/tree/"
	cp -a "$ksrc/drivers/vfio" "$ksrc/drivers/iommu" "$tmp/ksrc/drivers/"
	cp -a "$ksrc/Makefile" "$tmp/ksrc/"
}

splice()
{
	"$tmp/tree/scripts/splice.sh" "$tmp/ksrc" "$tmp/out" "$1" >"$tmp/log" 2>&1
}

# must_stop COMPONENT NAME WHAT
must_stop()
{
	local status=0

	splice "$1" || status=$?
	sed 's/^/# /' "$tmp/log"
	if [[ $status = 0 ]]; then
		verdict 'not ok' "$1: $3 (the splice went on)"
	elif ! grep -q "\\b$2\\b" "$tmp/log"; then
		verdict 'not ok' "$1: $3 (the message does not name $2)"
	elif [[ -e $tmp/out ]]; then
		verdict 'not ok' "$1: $3 (the output is there)"
	else
		verdict ok "$1: $3"
	fi
}

# first_of PATTERN COMPONENT: what the pattern's group finds first in the patch
first_of()
{
	PATTERN=$1 perl -0777 -ne 'print $1 if /$ENV{PATTERN}/ms' "$pa_top/${patch[$2]}"
}

ksrc=$("$pa_top/scripts/fetch.sh" source-6.12)
tmp=$(mktemp -d)
trap 'rm -rf -- "$tmp"' EXIT

echo "1..$((4 * ${#patch[@]}))"
for component in type1 iommufd; do
	name=$(first_of '^\@remove\w*\@.*?identifier\s+\w+\s*=\s*\{\s*(\w+)' "$component")
	gone=$(first_of '^// gone [\w.-]+: (\w+)$' "$component")

	copies
	if splice "$component"; then
		verdict ok "$component: it fits as it is"
	else
		sed 's/^/# /' "$tmp/log"
		verdict 'not ok' "$component: it fits as it is"
	fi

	copies
	sed -i "s/\\b$name\\b/${name}_mistyped/" "$tmp/tree/${patch[$component]}"
	must_stop "$component" "${name}_mistyped" "a function that the patch mistypes"

	copies
	grep -rl "\\b$name\\b" "$tmp/ksrc/drivers" | xargs sed -i "s/\\b$name\\b/${name}_renamed/g"
	must_stop "$component" "$name" "a function that upstream renames"

	copies
	grep -rl "\\b$gone\\b" "$tmp/ksrc/drivers" | xargs sed -i "s/\\b$gone\\b/${gone}_renamed/g"
	must_stop "$component" "$gone" "a name that is to go, and that upstream renames"
done
