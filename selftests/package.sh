#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Install the DKMS package on Debian 12 and 13 with their stock 6.12 kernels, boot
# them as L1, and start a guest with an assigned disk there; then remove it and do
# the same.
#
# Use:	selftests/package.sh [bookworm|trixie]...	(both when none is named)
#
# Guards: the package builds against the distribution's own headers with the
# distribution's own compiler, its modules are the ones that modprobe takes after
# the next boot, a guest starts on them, and once it is removed nothing is left of
# it and modprobe takes the kernel's own. Writes TAP.
#
# Packages are installed and removed in a directory (chroot), of which L1's root
# file system is then made.

. "$(dirname "$0")/../scripts/lib.sh"

tests=0 failed=0

# result TEST: "ok" if the last command went well
result()
{
	local status=$?

	tests=$((tests + 1))
	if [[ $status = 0 ]]; then
		echo "ok $tests $1"
	else
		echo "not ok $tests $1"
		failed=1
	fi
	return $status
}

# security: the address of Debian's security updates that apt uses
security()
{
	apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' \
		'Component: main' | sed -n 's/^Debian-Security //p' | head -n 1
}

# fill_system DIR SUITE ARCHIVE SECURITY: Debian with its 6.12, and what DKMS takes
fill_system()
{
	local dir=$1 suite=$2 archive=$3 security=$4 options=() part
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg kernel='' packages
	local sources=("deb [signed-by=$keyring] $archive $suite main")

	[[ $suite != bookworm ]] || kernel=6.12-
	[[ -z $security ]] || sources+=("deb [signed-by=$keyring] $security $suite-security main")
	for part in doc man info locale; do
		options+=("--dpkgopt=path-exclude=/usr/share/$part/*")
	done
	packages=linux-image-${kernel}amd64,linux-headers-${kernel}amd64,dkms,gcc,make,libc6-dev
	# What L1 runs (tools/vm/l1/)
	packages+=,qemu-system-x86,kmod,iproute2,procps,mount,util-linux,busybox-static
	pa_room "$dir" 2500 "Debian $suite with its kernel"
	say "making Debian $suite with its 6.12 kernel and DKMS (two minutes, 300 MB of packages)"
	mmdebstrap --mode=root --variant=essential --components=main \
		--aptopt='APT::Install-Recommends "0"' --aptopt='Acquire::Languages "none"' \
		"${options[@]}" \
		--include="$packages" "$suite" "$dir/root" "${sources[@]}" ||
		die "mmdebstrap could not make Debian $suite (see above)"
	mkdir -p "$dir/root"/{pinacct,out}
	rm -rf "$dir/root"/var/cache/apt/* "$dir/root"/var/lib/apt/lists/* "$dir/root"/boot/initrd*
}

# within ROOT COMMAND...: as on a machine whose root that is
within()
{
	# shellcheck disable=SC2016
	unshare --mount --pid --fork bash -c \
		'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" "$@"' "$@"
}

# boot NAME installed|stock: that system as L1
boot()
{
	local image=$work/root.ext4 size

	size=$(du -sm --apparent-size "$root" | cut -f1)
	rm -f "$image"
	mkfs.ext4 -q -m 0 -O ^has_journal -d "$root" "$image" $((size + size / 10 + 64))M
	"$pa_top/tools/vm/run.sh" --root "$image" --kernel "$root/boot/vmlinuz-$release" \
		--modules "$root/lib/modules/$release" --devices nvme --timeout 600 \
		--out "$work/$2" --log "$work/$2.console" --share-ro "$guest:/guest" \
		-- selftests/l1/package.sh "$2" >"$work/$2.log" 2>&1
	result "$suite: $1: a guest starts on the $2 modules"
	sed 's/^/# /' "$work/$2.log"
}

one_suite()
{
	local system archive

	archive=$("$pa_top/scripts/fetch.sh" archive) &&
		system=$(pa_cached "system-$suite" "$(declare -f fill_system)" \
			fill_system "$suite" "$archive" "$(security)")
	result "$suite: there is a system to try it on" || return
	work=$pa_top/build/package/$suite root=$work/root
	rm -rf "$work"
	mkdir -p "$work"
	cp -a "$system/root" "$root"
	release=$(cd "$root/lib/modules" && echo 6.12.*)
	say "$suite: Linux $release"

	cp "$deb" "$root/tmp/pinacct.deb"
	within "$root" dpkg -i /tmp/pinacct.deb >"$work/install.log" 2>&1
	result "$suite: the package installs, and DKMS builds for $release" || tail -n 20 "$work/install.log" | sed 's/^/# /'
	boot "once it is installed" installed

	within "$root" dpkg --purge pinacct-dkms >"$work/remove.log" 2>&1
	result "$suite: the package goes away" || tail -n 20 "$work/remove.log" | sed 's/^/# /'
	[[ -d $root/var/lib/dpkg && -z $(find "$root/lib/modules" "$root/usr/src" "$root/var/lib" \
		-name '*pinacct*' -o -path '*/updates/*' -name '*.ko*') ]]
	result "$suite: nothing of it is left"
	boot "once it is removed" stock
	rm -rf "$root" "$work/root.ext4"
}

[[ $# -gt 0 ]] || set -- bookworm trixie
"$pa_top/scripts/deps.sh" build vm check deb
"$pa_top/scripts/deb.sh"
deb=$(echo "$pa_top"/build/deb/pinacct-dkms_*.deb)
guest=$("$pa_top/tools/vm/guest.sh")
set +e
for suite; do
	one_suite
done
echo "1..$tests"
[[ $failed = 0 ]]
