# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What every script of the project shares: where things are, how to speak, and
# a cache in which an entry is either complete or absent.
#
# Use:	. "$(dirname "$0")/lib.sh"

set -euo pipefail
shopt -s inherit_errexit

# What a make that called us was told is not for the makes that we call.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

pa_lib=$(realpath "${BASH_SOURCE[0]}")
pa_top=$(dirname "$(dirname "$pa_lib")")
pa_cache=${XDG_CACHE_HOME:-$HOME/.cache}/pinacct
mkdir -p "$pa_cache"

# Two processes at most by default: most of what is built here is small.
pa_jobs=${JOBS:-$(nproc)}

say()
{
	printf 'pinacct: %s\n' "$*" >&2
}

die()
{
	printf 'pinacct: error: %s\n' "$*" >&2
	exit 1
}

# pa_hash12 STRING: the name that a cache entry gets from what went into it
pa_hash12()
{
	printf '%s' "$1" | sha256sum | cut -c1-12
}

# pa_hash_files FILE...: one hash over the contents of the files, for a cache key
pa_hash_files()
{
	cat -- "$@" | sha256sum | cut -c1-64
}

# pa_kernel_version KSRC: 6.12.117, from a kernel source tree's Makefile
pa_kernel_version()
{
	awk '$2 == "=" && $1 ~ /^(VERSION|PATCHLEVEL|SUBLEVEL)$/ { v = v sep $3; sep = "." }
		END { print v }' "$1/Makefile"
}

# pa_room DIR MIB WHAT: stop before a long job that the disk has no room for
pa_room()
{
	local free

	free=$(df -Pm -- "$1" | awk 'NR == 2 { print $4 }')
	[[ $free -ge $2 ]] ||
		die "$3 needs $2 MiB in $1, and $free MiB are free: make room, or set XDG_CACHE_HOME"
}

# pa_cached NAME KEYSTRING BUILDFN [ARG...]
#
# Prints the path $pa_cache/NAME-<hash of KEYSTRING>. If it does not exist,
# "BUILDFN TMPDIR ARG..." fills TMPDIR, which is then renamed into place: a
# failure, a signal or a full disk leaves nothing, and what a killed run left is
# removed by the next. A second run waits for the first. BUILDFN's stdout goes
# to stderr.
#
# TMPDIR is the final path with ".tmp.NUMBER" behind it, for what must know where
# it will be.
#
# BUILDFN runs in a bash of its own, because a caller's "||" would switch off
# "set -e" inside it. Functions are carried over; variables only if exported.
pa_cached()
{
	local name=$1 key=$2 fn=$3
	local dir

	shift 3
	dir=$pa_cache/$name-$(pa_hash12 "$key")
	if [[ ! -d $dir ]]; then
		pa_build_entry "$dir" "$fn" "$@" ||
			die "$name was not built; nothing of it was kept in $pa_cache"
	fi
	printf '%s\n' "$dir"
}

# The part of pa_cached that holds the lock; a subshell, so that its traps and
# its file descriptor end with it.
pa_build_entry()
(
	dir=$1 fn=$2
	shift 2

	exec {lock}>"$pa_cache/.lock-$(basename "$dir")"
	flock --nonblock "$lock" || {
		say "waiting for another run that makes $(basename "$dir")"
		flock "$lock"
	}
	[[ ! -d $dir ]] || exit 0

	# Whoever made these is dead: the lock is ours.
	rm -rf -- "$dir".tmp.*

	tmp=$dir.tmp.$BASHPID
	trap 'rm -rf -- "$tmp"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	mkdir -p "$tmp"
	bash -c ". \"$pa_lib\"; $(declare -f); \"\$@\"" "$fn" "$fn" "$tmp" "$@" >&2 || exit 1
	mv -T -- "$tmp" "$dir"
)

# pa_apt_lists: fetch apt's package lists where a fresh machine has none
pa_apt_lists()
{
	local file

	while read -r file; do
		[[ ! -e $file ]] || return 0
	done < <(apt-get indextargets --format '$(FILENAME)' 'Created-By: Packages')

	[[ $(id -u) = 0 ]] || die "apt has no package lists: run 'apt-get update' as root"
	say "fetching apt's package lists"
	apt-get -q update >&2
}

# pa_need PKG...: install what is missing, or say what is when that takes root
pa_need()
{
	local pkg missing=()

	for pkg in "$@"; do
		[[ $(dpkg-query -W -f '${db:Status-Status}' "$pkg" 2>/dev/null) = installed ]] ||
			missing+=("$pkg")
	done
	[[ ${#missing[@]} -gt 0 ]] || return 0

	[[ $(id -u) = 0 ]] || die "missing packages: run 'apt-get install ${missing[*]}' as root"
	pa_apt_lists
	say "installing ${missing[*]}"
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
		install --no-install-recommends "${missing[@]}" >&2 ||
		die "apt-get could not install ${missing[*]}: run 'apt-get update' and try again"
}
