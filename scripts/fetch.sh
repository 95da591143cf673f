#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Print the path of something that comes from the Debian archive, after
# fetching it into the cache where it is not there yet.
#
# Use:	scripts/fetch.sh source-6.12	Debian's 6.12 source, the version below
#	scripts/fetch.sh kernel		its stock kernel: boot/, lib/modules/
#	scripts/fetch.sh headers	KDIR for modules of that kernel
#	scripts/fetch.sh source-7.2	7.2 source from a newer suite, to build against
#	scripts/fetch.sh source-qemu-10.0	Debian 13's source package of QEMU, unpacked
#	scripts/fetch.sh source-qemu-10.2	one that sid still has
#	scripts/fetch.sh source-libhugetlbfs	the source of libhugetlbfs, for its tests
#	scripts/fetch.sh release	the release of that kernel, as uname -r says it
#	scripts/fetch.sh promtool	the program that checks metrics and alerts
#	scripts/fetch.sh archive	the address of the Debian archive that apt uses
#
# Nothing is installed: packages are unpacked in the cache. 6.12 comes from
# apt's own sources, 7.2 from a newer suite of the same archive through an apt
# whose configuration, lists and cache live in a temporary directory, so that
# signatures are checked and the machine's own apt is as before.

. "$(dirname "$0")/lib.sh"

# download DIR APT-OPTION... PKG=VERSION: the .deb into DIR
download()
{
	local dir=$1

	shift
	(cd "$dir" && apt-get -q -o APT::Sandbox::User=root download "$@") && return
	[[ $(id -u) = 0 ]] || die "could not download ${*: -1}: run 'apt-get update' as root"
	say "could not download ${*: -1}; trying again with fresh package lists"
	apt-get -q update
	(cd "$dir" && apt-get -q -o APT::Sandbox::User=root download "$@") ||
		die "the archive does not have ${*: -1}"
}

# unpack_source DEB DIR: the kernel source inside a linux-source package.
# Left out is what no build here reads: a third of the files.
unpack_source()
{
	say "unpacking $(basename "$1")"
	dpkg-deb --fsys-tarfile "$1" |
		tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		xz -dc -T2 |
		tar -x -C "$2" --strip-components=1 --exclude='*/boot/dts/*' \
			--exclude='*/drivers/gpu/drm/amd/include/*' \
			--exclude='*/Documentation/devicetree/*'
	rm -f "$1"
}

# The 6.12 that this machine's apt sources offer, as "RELEASE VERSION". Debian
# 13 has it as its own kernel, Debian 12 beside its own.
stock_kernel()
{
	local meta image version

	pa_apt_lists
	for meta in linux-image-6.12-amd64 linux-image-amd64; do
		image=$(apt-cache depends --important "$meta" 2>/dev/null |
			grep -oE 'linux-image-6\.12\.[0-9]+[^ ]*-amd64$' | head -n 1) || continue
		version=$(apt-cache show --no-all-versions "$image" |
			sed -n 's/^Version: //p')
		echo "${image#linux-image-} $version"
		return
	done
	die "apt's sources offer no Linux 6.12: this needs Debian 12 or 13 with security updates"
}

fill_source_612()
{
	pa_room "$1" 2500 "the 6.12 source"
	say "downloading linux-source-6.12 $2 (about 150 MB)"
	download "$1" "linux-source-6.12=$2"
	unpack_source "$1"/linux-source-6.12_*.deb "$1"
}

fill_kernel()
{
	pa_room "$1" 800 "the stock kernel"
	say "downloading linux-image-$2 $3 (about 110 MB)"
	download "$1" "linux-image-$2=$3"
	dpkg-deb -x "$1"/linux-image-*.deb "$1"
	rm -f "$1"/linux-image-*.deb
	# Debian 13's packages have everything below usr/.
	[[ -d $1/lib/modules ]] || mv "$1/usr/lib" "$1/lib"
	[[ -d $1/lib/modules/$2/kernel ]] || die "linux-image-$2 holds no modules"
	depmod -b "$1" "$2"
}

# The packages' own absolute paths are rewritten to where the entry will be in
# the end, which is known before it is renamed into place.
fill_headers()
{
	local tmp=$1 release=$2 version=$3
	local final=${tmp%.tmp.*}
	local common=${release%-amd64}

	say "downloading linux-headers-$release $version"
	download "$tmp" "linux-headers-$release=$version"
	download "$tmp" "linux-headers-$common-common=$version"
	download "$tmp" "linux-kbuild-$common=$version"
	for deb in "$tmp"/*.deb; do
		dpkg-deb -x "$deb" "$tmp"
	done
	rm -f "$tmp"/*.deb
	grep -rlE --include=Makefile '/usr/(src|lib)/linux-' "$tmp/usr/src" |
		xargs sed -i "s,/usr/src/linux-,$final/usr/src/linux-,g"
	ln -s "usr/src/linux-headers-$release" "$tmp/kdir"
}

# archive: the address of the archive's main part, not that of security updates
archive()
{
	local uri label

	pa_apt_lists
	while read -r label uri; do
		if [[ $label = Debian ]]; then
			printf '%s\n' "$uri"
			return
		fi
	done < <(apt-get indextargets --format '$(LABEL) $(REPO_URI)' \
		'Created-By: Packages' 'Component: main' 'Origin: Debian')
	die "apt's sources name no Debian archive with component main"
}

# newer_suite DIR SUITE [deb|deb-src]: fill DIR with apt's lists of that suite, and
# leave in DIR/apt.conf what makes apt use them instead of the machine's own.
newer_suite()
{
	local dir=$1 kind=${3:-deb} keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	printf '%s [signed-by=%s] %s %s main\n' "$kind" "$keyring" "$(archive)" "$2" >"$dir/sources.list"
	cat >"$dir/apt.conf" <<-END
		Dir::Etc::SourceList "$dir/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::State::Lists "$dir/lists";
		Dir::Cache "$dir/cache";
		Acquire::Languages "none";
		# A mirror that lags behind has what is wanted here, too.
		Acquire::Check-Valid-Until "false";
		APT::Sandbox::User "root";
	END
	APT_CONFIG=$dir/apt.conf apt-get -q update >&2
}

fill_source_72()
{
	local tmp=$1 suite version

	pa_room "$tmp" 2500 "the 7.2 source"
	for suite in testing forky sid; do
		say "looking for linux-source-7.2 in $suite"
		newer_suite "$tmp/apt" "$suite" || continue
		version=$(APT_CONFIG=$tmp/apt/apt.conf apt-cache show --no-all-versions \
			linux-source-7.2 2>/dev/null | sed -n 's/^Version: //p') || true
		[[ -z $version ]] || break
		rm -rf "$tmp/apt"
	done
	[[ -n ${version:-} ]] ||
		die "neither testing, forky nor sid gave linux-source-7.2: see what apt said of each above"

	say "downloading linux-source-7.2 $version from $suite (about 160 MB)"
	(cd "$tmp" && APT_CONFIG=$tmp/apt/apt.conf apt-get -q download "linux-source-7.2=$version")
	rm -rf "$tmp/apt"
	unpack_source "$tmp"/linux-source-7.2_*.deb "$tmp"
}

# Unpacked only: installing the package would start a server.
fill_promtool()
{
	say "downloading prometheus $2 (about 20 MB)"
	download "$1" "prometheus=$2"
	dpkg-deb --fsys-tarfile "$1"/prometheus_*.deb |
		tar -x -C "$1" --strip-components=3 ./usr/bin/promtool
	rm -f "$1"/prometheus_*.deb
}

promtool()
{
	local version

	pa_apt_lists
	version=$(apt-cache show --no-all-versions prometheus | sed -n 's/^Version: //p')
	[[ -n $version ]] || die "apt's sources have no prometheus: see whether main is among them"
	echo "$(pa_cached promtool "1 $version" fill_promtool "$version")/promtool"
}

# fill_source_qemu TMP VERSION SUITE: the package's own patches are applied
fill_source_qemu()
{
	local tmp=$1 wanted=$2 suite=$3 version

	pa_room "$tmp" 600 "QEMU's source"
	say "looking for QEMU $wanted in $suite"
	newer_suite "$tmp/apt" "$suite" deb-src ||
		die "the archive does not have the source of $suite: see what apt said above"
	version=$(APT_CONFIG=$tmp/apt/apt.conf apt-cache showsrc --only-source qemu |
		sed -n "s/^Version: \(1:${wanted/./\\.}\..*\)/\1/p" | sort -V | tail -n 1)
	[[ $version ]] || die "$suite has no source package of QEMU $wanted any more"
	say "downloading the source of qemu $version (about 40 MB)"
	(cd "$tmp" && APT_CONFIG=$tmp/apt/apt.conf apt-get -q source --download-only "qemu=$version") ||
		die "the archive does not have all of qemu $version"
	dpkg-source --no-check -x "$tmp"/qemu_*.dsc "$tmp/qemu" >"$tmp/unpack.log" 2>&1 || {
		tail -n 5 "$tmp/unpack.log"
		die "qemu $version could not be unpacked"
	}
	rm -rf "$tmp/apt" "$tmp"/qemu_* "$tmp/qemu/.pc"
}

# Only what upstream released: Debian's changes to it are not wanted.
fill_source_libhugetlbfs()
{
	local tmp=$1

	say "looking for libhugetlbfs in trixie"
	newer_suite "$tmp/apt" trixie deb-src ||
		die "the archive does not have the source of trixie: see what apt said above"
	(cd "$tmp" && APT_CONFIG=$tmp/apt/apt.conf apt-get -q source --download-only --tar-only \
		libhugetlbfs) || die "the archive does not have libhugetlbfs's source"
	tar -x -C "$tmp" --strip-components=1 -f "$tmp"/libhugetlbfs_*.orig.tar.gz
	rm -rf "$tmp/apt" "$tmp"/libhugetlbfs_*.orig.tar.gz
}

[[ $# = 1 ]] || die "use: fetch.sh source-6.12|source-7.2|source-qemu-10.0|source-qemu-10.2|source-libhugetlbfs|kernel|headers|release|promtool|archive"
case $1 in
archive)
	archive
	;;
promtool)
	promtool
	;;
source-7.2)
	# No version in the key: the first 7.2 that was found stays.
	pa_cached source-7.2 "2" fill_source_72
	;;
source-libhugetlbfs)
	pa_cached source-libhugetlbfs "2" fill_source_libhugetlbfs
	;;
source-qemu-10.0)
	dir=$(pa_cached source-qemu-10.0 "1" fill_source_qemu 10.0 trixie)
	echo "$dir/qemu"
	;;
source-qemu-10.2)
	dir=$(pa_cached source-qemu-10.2 "1" fill_source_qemu 10.2 sid)
	echo "$dir/qemu"
	;;
source-6.12|kernel|headers|release)
	stock=$(stock_kernel)
	read -r release version <<<"$stock"
	case $1 in
	release)
		echo "$release"
		;;
	source-6.12)
		pa_cached source-6.12 "2 $version" fill_source_612 "$version"
		;;
	kernel)
		pa_cached kernel "2 $release $version" fill_kernel "$release" "$version"
		;;
	headers)
		dir=$(pa_cached headers "2 $release $version" fill_headers "$release" "$version")
		echo "$dir/kdir"
		;;
	esac
	;;
*)
	die "cannot fetch '$1': use fetch.sh source-6.12|source-7.2|source-qemu-10.0|source-qemu-10.2|kernel|headers|release|promtool|archive"
	;;
esac
