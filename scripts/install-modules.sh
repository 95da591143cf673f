#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Put the modules that build-modules.sh made where modprobe prefers them to the
# kernel's own, or take them away again.
#
# Use:	[KDIR=...] [INSTALL_MOD_PATH=...] scripts/install-modules.sh install|uninstall

. "$(dirname "$0")/lib.sh"

[[ $# = 1 && ( $1 = install || $1 = uninstall ) ]] || die "use: install-modules.sh install|uninstall"
kdir=${KDIR:-${KERNELDIR:-}}
[[ $kdir ]] || kdir=$("$pa_top/scripts/fetch.sh" headers)
[[ -f $kdir/include/config/kernel.release ]] || die "KDIR=$kdir is not a prepared kernel"
release=$(<"$kdir/include/config/kernel.release")
root=${INSTALL_MOD_PATH:-}
dir=$root/lib/modules/$release
ours=$dir/updates/pinacct

[[ -d $dir ]] || die "kernel $release is not installed: there is no $dir"
if [[ $1 = install ]]; then
	[[ -d $pa_top/build/modules/$release ]] || die "no modules were built for $release: run 'make modules'"
	rm -rf "$ours.new"
	mkdir -p "$ours.new"
	cp "$pa_top/build/modules/$release/"*.ko "$ours.new/"
	rm -rf "$ours"
	mv -T "$ours.new" "$ours"
else
	[[ -d $ours ]] || die "nothing to uninstall: there is no $ours"
	rm -rf "$ours"
	rmdir --ignore-fail-on-non-empty "$dir/updates"
fi
depmod ${root:+-b "$root"} -a "$release"
say "$1: done in $dir; modules that are loaded stay until they are unloaded"
