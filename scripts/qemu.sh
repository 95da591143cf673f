#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build QEMU with the project's patches, and print where it is: a directory of
# the cache that holds
#
#	qemu-system-x86_64	to run in L1, or on any Debian 13 with its qemu-system-x86
#	version			of Debian's source package
#
# It is built in a Debian 13 of its own from Debian's source package and
# qemu-patches/VERSION, with the few features that a guest with an assigned device
# takes: KVM, vfio and iommufd, VNC, no TCG. Firmware and libraries are those of Debian
# 13's own QEMU.
#
# Use:	scripts/qemu.sh [VERSION]		(default: 10.0)
#	scripts/qemu.sh --qtest [VERSION]	build all of QEMU's qtests for x86_64,
#						and the unit tests of the series; run
#						them with and without the patches
#
# About five minutes on two idle cores; less than one when the compiler cache
# knows the files.

. "$(dirname "$0")/lib.sh"

# A Debian 13 to build in.
fill_qemu_root()
{
	local out=$1 options=() packages dir
	local archive keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	packages=gcc,libc6-dev,make,pkgconf,ninja-build,meson,ccache,flex,bison
	packages+=,python3,python3-venv,python3-setuptools,python3-wheel
	packages+=,libglib2.0-dev,libpixman-1-dev,zlib1g-dev
	# What qtests load.
	packages+=,seabios,qemu-system-data,ipxe-qemu
	for dir in doc man info locale icons; do
		options+=("--dpkgopt=path-exclude=/usr/share/$dir/*")
	done

	[[ $(id -u) = 0 ]] || die "building QEMU takes root, for a Debian 13 to build in"
	pa_room "$out" 900 "the Debian 13 that QEMU is built in"
	archive=$("$pa_top/scripts/fetch.sh" archive)
	say "making a Debian 13 to build QEMU in (about a minute, 200 MB of packages)"
	mmdebstrap --mode=root --variant=essential --components=main \
		--aptopt='APT::Install-Recommends "0"' \
		--aptopt='Acquire::Languages "none"' \
		"${options[@]}" --include="$packages" \
		trixie "$out/root" "deb [signed-by=$keyring] $archive trixie main" ||
		die "mmdebstrap could not make Debian 13 from this machine's archive (see above)"
	mkdir "$out/root"/{src,build,ccache}
}

# in_root ROOT SRC BUILD SCRIPT: run it there, in /build. What is mounted only it
# sees, and at the same places for everybody, for the compiler cache's sake.
in_root()
{
	local root=$1 src=$2 build=$3 script=$4 ccache=$pa_cache/ccache-qemu

	mkdir -p "$ccache"
	# Its own quotes are for the inner shells.
	# shellcheck disable=SC2016
	unshare --mount --pid --fork --kill-child bash -euc '
		root=$1
		mount --make-rprivate /
		mount --bind "$2" "$root/src"
		mount --bind "$3" "$root/build"
		mount --bind "$4" "$root/ccache"
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		exec chroot "$root" env -i PATH=/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root LANG=C.UTF-8 CCACHE_DIR=/ccache JOBS="$6" \
			bash -euo pipefail -c "cd /build; $5"
	' in_root "$root" "$src" "$build" "$ccache" "$script" "$pa_jobs"
}

# patched SRC OUT PATCHES: a copy of the source with the series applied
patched()
{
	local name

	cp -a "$1" "$2"
	while read -r name; do
		[[ $name && $name != \#* ]] || continue
		patch -d "$2" -p1 -F0 -s --no-backup-if-mismatch <"$3/$name" ||
			die "${3#"$pa_top/"}/$name does not apply to $(<"$1/VERSION")"
	done <"$3/series"
}

# What is switched on beyond --without-default-features. Not relocatable: it is to
# find Debian's firmware wherever it lies itself.
configure='/src/configure --prefix=/usr --cc=gcc --target-list=x86_64-softmmu
	--without-default-features --enable-kvm --disable-tcg --enable-pixman --enable-vnc
	--disable-docs --disable-debug-info --disable-relocatable
	--disable-install-blobs --disable-download
	--firmwarepath=/usr/share/qemu:/usr/share/seabios:/usr/lib/ipxe/qemu'
configure=${configure//[$'\n\t']/ }

# progress WHAT: from ninja's lines, one of ours now and then
progress()
{
	awk -v what="$1" '
		/^\[[0-9]+\/[0-9]+\]/ {
			if (++n % 300 == 0) { printf "pinacct: %s: step %s\n", what, $1; fflush() }
			next
		}
		/FAILED|error:|ERROR/ { failed = 1 }
		failed { print; fflush() }' >&2
}

# fill_qemu OUT SRC ROOT PATCHES HASH: the patches must be those of the cache's key
fill_qemu()
{
	local out=$1 src=$2 root=$3 patches=$4 hash=$5

	pa_room "$out" 1500 "building QEMU"
	patched "$src" "$out/src" "$patches"
	[[ $(pa_hash_files "$patches"/*) = "$hash" ]] ||
		die "$patches has changed meanwhile: run it again"
	mkdir "$out/build"
	say "building QEMU $(<"$src/VERSION") with $(grep -c . "$patches/series") patches: about 1500 steps, five minutes on two idle cores"
	in_root "$root/root" "$out/src" "$out/build" "$configure >configure.log 2>&1" || {
		tail -n 20 "$out/build/configure.log" 2>/dev/null || true
		die "QEMU could not be configured"
	}
	in_root "$root/root" "$out/src" "$out/build" "ninja -j\$JOBS qemu-system-x86_64" |
		progress "QEMU" || die "QEMU was not built"
	cp "$out/build/qemu-system-x86_64" "$out/"
	dpkg-parsechangelog -l "$src/debian/changelog" -S Version >"$out/version"
	rm -rf "$out/src" "$out/build"
}

# qtest SRC ROOT OUT: all tests that can be had, with their results in OUT
qtest()
{
	local src=$1 root=$2 out=$3

	mkdir -p "$out/build"
	# What runs in the build directory looks for firmware only there.
	in_root "$root/root" "$src" "$out/build" "
		[[ -e build.ninja ]] || $configure --enable-tools >configure.log 2>&1
		mkdir -p qemu-bundle/usr/lib qemu-bundle/usr/share/qemu
		ln -sfn /usr/lib/ipxe qemu-bundle/usr/lib/ipxe
		ln -sfn /usr/share/seabios qemu-bundle/usr/share/seabios
		ln -sf /usr/share/qemu/*.{bin,rom} qemu-bundle/usr/share/qemu/
		ninja -j\$JOBS >ninja.log 2>&1
		meson test --no-rebuild --suite qtest --num-processes \$JOBS >qtest.log 2>&1 || true
		[[ ! -e tests/unit/test-vfio-memlock ]] || tests/unit/test-vfio-memlock >unit.log" ||
		die "QEMU's tests were not built: see the logs in $out/build"
	python3 - "$out/build/meson-logs/testlog.json" >"$out/results" <<-'END'
		import json, sys
		for line in open(sys.argv[1]):
		    test = json.loads(line)
		    print(test["result"], test["name"])
	END
	sort -o "$out/results" "$out/results"
}

what=build
if [[ ${1:-} = --qtest ]]; then
	what=qtest
	shift
fi
version=${1:-10.0}
patches=$pa_top/qemu-patches/$version
[[ $# -le 1 && -f $patches/series ]] ||
	die "no series for QEMU '$version': $(cd "$pa_top/qemu-patches" && echo ./*/series | sed 's,\./\([^/]*\)/series,\1,g')"

"$pa_top/scripts/deps.sh" qemu
src=$("$pa_top/scripts/fetch.sh" "source-qemu-$version")
root=$(pa_cached qemu-root "$(declare -f fill_qemu_root)" fill_qemu_root)
export configure
case $what in
build)
	key=$(declare -f fill_qemu patched in_root)
	hash=$(pa_hash_files "$patches"/*)
	pa_cached "qemu-$version" "$key $hash $configure $src $root" \
		fill_qemu "$src" "$root" "$patches" "$hash"
	;;
qtest)
	out=$pa_top/build/qemu/$version
	rm -rf "$out/src"
	mkdir -p "$out"
	patched "$src" "$out/src" "$patches"
	say "QEMU $version with the patches: build and run the qtests"
	qtest "$out/src" "$root" "$out/patched"
	say "QEMU $version without"
	qtest "$src" "$root" "$out/unpatched"
	diff "$out/unpatched/results" "$out/patched/results"
	;;
esac
