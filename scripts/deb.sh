#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build the Debian packages, build/deb/*.deb, and have lintian look at them.
#
# Use:	[KDIR=...] [KSRC=...] scripts/deb.sh

. "$(dirname "$0")/lib.sh"

"$pa_top/scripts/deps.sh" build deb
out=$pa_top/build/deb
rm -rf "$out"
mkdir -p "$out/source"
# What is built stays out of it, and so does who builds: dpkg-buildpackage writes
# next to the source.
rsync -a --exclude=/build --exclude=/.git --exclude=/.ci "$pa_top/" "$out/source/"
cd "$out/source" || exit
say "building the packages, see build/deb/log"
dpkg-buildpackage -b -us -uc >"$out/log" 2>&1 || {
	tail -n 20 "$out/log" >&2
	die "the packages were not built: see $out/log"
}
cd "$out" || exit
rm -rf source
# It asks people not to be root, who it is here.
lintian --allow-root --fail-on error,warning --info ./*.changes >&2 ||
	die "lintian has something against the packages, see above"
say "build/deb: $(echo *.deb)"
