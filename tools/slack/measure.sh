#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Measure how many zero COWs guests of common machine types have, which is what
# zero_slack_mb is to make room for. The figures in the README are from it.
#
# Use:	tools/slack/measure.sh
#
# Exit status 0: every machine type was started and measured.

. "$(dirname "$0")/../../scripts/lib.sh"

"$pa_top/scripts/deps.sh" build vm
"$pa_top/scripts/build-modules.sh" ours >/dev/null
guest=$("$pa_top/tools/vm/guest.sh")
exec "$pa_top/tools/vm/run.sh" --devices nvme --share-ro "$guest:/guest" --timeout 900 -- \
	tools/slack/in-l1.sh
