#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Print the path of L1's root file system: Debian 13 with QEMU and libvirt, in
# one ext4 image that every L1 shares read-only. Made once, from the archive
# that this machine's apt sources name.
#
# Use:	tools/vm/rootfs.sh

. "$(dirname "$0")/../../scripts/lib.sh"

fill_rootfs()
{
	local out=$1 root=$1/root suite=trixie options=() packages dir size archive
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	# What L1 runs: L2 guests by QEMU and by libvirt, modules, and what
	# people type. busybox-static also starts L1 and L2, from an initramfs.
	packages=qemu-system-x86,seabios,ovmf
	packages+=,libvirt-daemon-system,libvirt-daemon-driver-qemu,libvirt-clients
	packages+=,xsltproc,libxml2-utils,qemu-utils
	packages+=,kmod,iproute2,pciutils,strace,procps,util-linux,busybox-static

	# Half of an unpacked Debian is this, and nobody reads it in L1.
	for dir in doc man info locale icons; do
		options+=("--dpkgopt=path-exclude=/usr/share/$dir/*")
	done

	[[ -f $keyring ]] || die "no $keyring: install debian-archive-keyring"
	pa_room "$out" 900 "L1's root file system"
	archive=$("$pa_top/scripts/fetch.sh" archive)

	say "making L1's root file system, Debian $suite (about 40 s, 70 MB of packages)"
	mmdebstrap --mode=root --variant=essential --components=main \
		--aptopt='APT::Install-Recommends "0"' \
		--aptopt='Acquire::Languages "none"' \
		"${options[@]}" --include="$packages" \
		"$suite" "$root" "deb [signed-by=$keyring] $archive $suite main" ||
		die "mmdebstrap could not make Debian $suite from this machine's archive (see above)"

	mkdir -p "$root"/{pinacct,out}
	echo l1 >"$root/etc/hostname"
	printf '127.0.0.1 localhost l1\n' >"$root/etc/hosts"
	rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*

	# Without a journal it can be mounted from a disk that nobody may write.
	size=$(du -sm --apparent-size "$root" | cut -f1)
	mkfs.ext4 -q -L l1root -m 0 -O ^has_journal -d "$root" \
		"$out/root.ext4" $((size + size / 10 + 64))M
	cp "$root/usr/bin/busybox" "$out/busybox"
	rm -rf "$root"
}

pa_cached rootfs "$(declare -f fill_rootfs)" fill_rootfs
