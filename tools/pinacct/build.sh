#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compile pinacct(8) into build/tools/.
#
# Use:	tools/pinacct/build.sh

. "$(dirname "$0")/../../scripts/lib.sh"

"$pa_top/scripts/deps.sh" tools
mkdir -p "$pa_top/build/tools"
exec {lock}>"$pa_top/build/tools/.lock"
flock "$lock"
make -s -j"$pa_jobs" -C "$pa_top/tools/pinacct" OUT="$pa_top/build/tools" ||
	die "pinacct was not compiled"
say "build/tools/pinacct: see build/tools/pinacct --help"
