#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build QEMU with the project's patches, and print where it is: a directory of
# the cache that holds
#
#	qemu-system-x86_64	to run in L1, or on any Debian 13 with its qemu-system-x86
#	vfio-pinning-test	the qtest of the series that takes a device
#	version			of Debian's source package
#
# It is built in a Debian 13 of its own from Debian's source package and
# qemu-patches/VERSION, with the few features that a guest with an assigned device
# takes: KVM, vfio and iommufd, VNC, no TCG. Firmware and libraries are those of Debian
# 13's own QEMU.
#
# Use:	scripts/qemu.sh [VERSION]		(default: 10.0)
#	scripts/qemu.sh --qtest [VERSION]	build all of QEMU's qtests for x86_64
#						(make check-qtest), and the unit tests
#						of the series; run them with and
#						without the patches
#
# The first takes about five minutes on two idle cores; less than one when the
# compiler cache knows the files. The second takes about half an hour, and prints TAP:
# a test is ok if it does with the patches what it does without, and one of the
# series' own if it passes. Exit status 1 if any is not. What the tests said is in
# build/qemu/VERSION.

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
	in_root "$root/root" "$out/src" "$out/build" \
		"ninja -j\$JOBS qemu-system-x86_64 tests/qtest/vfio-pinning-test" |
		progress "QEMU" || die "QEMU was not built"
	cp "$out/build/qemu-system-x86_64" "$out/build/tests/qtest/vfio-pinning-test" "$out/"
	dpkg-parsechangelog -l "$src/debian/changelog" -S Version >"$out/version"
	rm -rf "$out/src" "$out/build"
}

# qtest SRC ROOT OUT: all tests that can be had, with their results in OUT. They are
# built with TCG, since some let a guest run, and no machine is sure to have KVM. By TCG
# migration-test takes longer than all others together, and nothing here is migrated.
qtest()
{
	local src=$1 root=$2 out=$3

	rm -rf "$out"
	mkdir -p "$out/build"
	# What runs in the build directory looks for firmware only there.
	in_root "$root/root" "$src" "$out/build" "
		${configure/--disable-tcg/--enable-tcg} --enable-tools >configure.log 2>&1
		mkdir -p qemu-bundle/usr/lib qemu-bundle/usr/share/qemu
		ln -sfn /usr/lib/ipxe qemu-bundle/usr/lib/ipxe
		ln -sfn /usr/share/seabios qemu-bundle/usr/share/seabios
		ln -sf /usr/share/qemu/*.{bin,rom} qemu-bundle/usr/share/qemu/
		ninja -t targets all >targets
		ninja -j\$JOBS qemu-system-x86_64 qemu-img storage-daemon/qemu-storage-daemon \
			\$(sed -n 's,^\(tests/qtest/[a-z0-9_-]*\): .*,\1,p; s,^\(tests/unit/test-vfio-[a-z]*\): .*,\1,p' targets)" |
		progress "QEMU's tests" || die "QEMU's tests were not built: see $out/build"
	in_root "$root/root" "$src" "$out/build" "
		meson test --no-rebuild --list --suite qtest 2>/dev/null |
			sed -n 's,.* / ,,p' | grep -v migration-test >listed
		meson test --no-rebuild --num-processes \$JOBS --timeout-multiplier 4 \
			\$(<listed) >qtest.log 2>&1 || true
		[[ ! -e tests/unit/test-vfio-memlock ]] ||
			meson test --no-rebuild --logbase unit test-vfio-memlock >unit.log 2>&1 || true"
	# There is no unit test without the patches.
	find "$out/build/meson-logs" \( -name testlog.json -o -name unit.json \) -exec cat {} + | python3 -c '
import json, re, sys
results = {}
for line in sys.stdin:
    test = json.loads(line)
    name = test["name"].split("/")[-1]
    if test["result"] not in ("OK", "SKIP"):
        results[name] = test["result"]
    for found in re.finditer(r"^(not )?ok \d+ (- )?(\S+)(.*# *SKIP)?", test["stdout"], re.M | re.I):
        results[name + " " + found[3]] = "fail" if found[1] else "skip" if found[4] else "pass"
for name in sorted(results):
    print(name, results[name], sep="\t")' >"$out/results"
	cp "$out/build/meson-logs/testlog.txt" "$out/log"
	[[ -s $out/results ]] || die "QEMU's tests did not run: see $out/build/qtest.log"
}

# compare WITHOUT WITH: as TAP
compare()
{
	awk -F '\t' '
		NR == FNR { without[$1] = $2; next }
		{
			as_before = $1 in without && $2 == without[$1]
			own = !($1 in without) && $2 != "fail"
			say(as_before || own, $1, $2, $1 in without ? without[$1] : "not there")
			seen[$1] = 1
		}
		function say(ok, test, with, before) {
			printf "%sok %d - %s: %s%s\n", ok ? "" : "not ", ++n, test, with,
				with == before ? "" : ", without the patches " before
			bad += !ok
		}
		END {
			for (test in without)
				if (!(test in seen))
					say(0, test, "not there", without[test])
			print "1.." n
			exit bad > 0
		}' "$1/results" "$2/results"
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
	rm -rf "$out"
	mkdir -p "$out"
	patched "$src" "$out/src" "$patches"
	say "QEMU $version with the patches: build and run the qtests"
	qtest "$out/src" "$root" "$out/patched"
	say "QEMU $version without"
	qtest "$src" "$root" "$out/unpatched"
	compare "$out/unpatched" "$out/patched" || status=$?
	rm -rf "$out"/{src,patched/build,unpatched/build}
	exit "${status:-0}"
	;;
esac
