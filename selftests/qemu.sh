#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Would QEMU's maintainers take each series of qemu-patches as it is? git am applies
# it to the release that it is for, QEMU's own checkpatch.pl has nothing to say, the
# header in it is that of include/uapi, and the series of a later release says all that
# the one before says; it may have a patch more. Nothing is built.
#
# Prints TAP.

. "$(dirname "$0")/../scripts/lib.sh"

n=0

# verdict STATUS TEST [FILE]: with what was said in the file, if it is not ok
verdict()
{
	n=$((n + 1))
	if [[ $1 = 0 ]]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		[[ -z ${3:-} ]] || sed 's/^/# /' "$3"
	fi
}

repo()
{
	git -C "$tmp/repo" -c user.name=pinacct -c user.email=pinacct@localhost \
		-c core.autocrlf=false -c commit.gpgsign=false "$@"
}

# only_touched SRC PATCH...: a repository of those files of QEMU that patches change
only_touched()
{
	local src=$1

	shift
	rm -rf "$tmp/repo"
	mkdir "$tmp/repo"
	sed -n 's,^--- a/,,p' "$@" | sort -u | (cd "$src" && xargs cp --parents -t "$tmp/repo" 2>/dev/null) || true
	repo init -q
	repo add -A
	repo commit -q -m base
}

# apply PATCH...
apply()
{
	local status=0

	repo am -q "$@" >"$tmp/said" 2>&1 || status=$?
	verdict $status "$version: git am applies the series" "$tmp/said"
}

# What it says of every header that is imported, since such a patch has nothing else.
imported='added, moved or deleted file.s.( imported from Linux, are you using|:|, does MAINTAINERS need updating)'

# check_patch SRC PATCH
check_patch()
{
	local status=0 left

	(cd "$1" && perl scripts/checkpatch.pl --terse --no-summary "$2") >"$tmp/said" 2>&1 || true
	left=$(grep -vE '^total: |^$' "$tmp/said") || true
	[[ $2 != *linux-headers* ]] || left=$(grep -vE "$imported" <<<"$left") || true
	[[ -z $left ]] || status=1
	verdict $status "$version: checkpatch.pl: $(basename "$2")" "$tmp/said"
}

# header: as headers_install would make it of ours
header()
{
	local status=0

	sed 's/\b_UAPI_LINUX_/_LINUX_/' "$pa_top/include/uapi/linux/pinacct.h" |
		diff - "$tmp/repo/linux-headers/linux/pinacct.h" >"$tmp/said" || status=$?
	verdict $status "$version: pinacct.h is that of include/uapi" "$tmp/said"
}

# words PATCH...: subjects and messages
words()
{
	sed -n '/^Subject: /,/^---$/p' "$@"
}

tmp=$(mktemp -d)
trap 'rm -rf -- "$tmp"' EXIT
"$pa_top/scripts/deps.sh" qemu

first=
for dir in "$pa_top/qemu-patches/"*/; do
	version=$(basename "$dir")
	src=$("$pa_top/scripts/fetch.sh" "source-qemu-$version")
	mapfile -t patches < <(sed "s,^,$dir," "$dir/series")
	only_touched "$src" "${patches[@]}"
	apply "${patches[@]}"
	for patch in "${patches[@]}"; do
		check_patch "$src" "$patch"
	done
	header
	words "${patches[@]}" >"$tmp/words.$version"
	if [[ -n $first ]]; then
		status=0
		! diff "$tmp/words.$first" "$tmp/words.$version" | grep '^<' >"$tmp/said" || status=1
		verdict $status "$version: the words of $first" "$tmp/said"
	fi
	first=${first:-$version}
done
echo "1..$n"
