#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Install the Debian packages that the project needs and this machine lacks.
#
# Use:	scripts/deps.sh [build|vm|qemu|tools|check|bench|deb]...	(all but deb when none is named)

. "$(dirname "$0")/lib.sh"

# Compiling modules and the test kernel.
build=(gcc make libc6-dev bc bison flex libelf-dev libssl-dev cpio kmod perl
	rsync xz-utils ccache coccinelle unifdef debian-archive-keyring)

# Booting the machine that has an IOMMU.
vm=(qemu-system-x86 qemu-utils mmdebstrap cpio kmod gcc libc6-dev xz-utils zstd
	mtools debian-archive-keyring)

# Building QEMU, in a Debian 13 of its own.
qemu=(dpkg-dev mmdebstrap patch python3 debian-archive-keyring)

# Compiling pinacct(8).
tools=(gcc make libc6-dev pkgconf libxml2-dev libjson-c-dev libncurses-dev)

# Checking our own source and domains, running our programs' tests, and what
# upstream's selftests are built with.
check=(sparse shellcheck mandoc tmux uuid-dev libcap-dev e2fsprogs libvirt-clients
	libxml2-utils)

# Plots of the benchmark.
bench=(gnuplot-nox)

# Making packages of it.
deb=(dpkg-dev debhelper dh-dkms lintian)

[[ $# -gt 0 ]] || set -- build vm qemu tools check bench
want=()
for group; do
	case $group in
	build)	want+=("${build[@]}") ;;
	vm)	want+=("${vm[@]}") ;;
	qemu)	want+=("${qemu[@]}") ;;
	tools)	want+=("${tools[@]}") ;;
	check)	want+=("${check[@]}") ;;
	bench)	want+=("${bench[@]}") ;;
	deb)	want+=("${deb[@]}") ;;
	*)	die "no group of packages is called '$group': build, vm, qemu, tools, check, bench or deb" ;;
	esac
done
pa_need "${want[@]}"
