#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Is the dashboard JSON, and are there all the metrics that it and the alerts ask
# for?
#
# Use:	tools/pinacct/tests/dashboard.sh

. "$(dirname "$0")/../../../scripts/lib.sh"

tools=$pa_top/tools/pinacct
missing=()

perl -MJSON::PP -0777 -ne 'decode_json($_)->{panels} or die "no panels\n"' \
	"$tools/grafana-dashboard.json" || die "grafana-dashboard.json is no dashboard"
while read -r metric; do
	grep -qw "$metric" "$tools/export.c" || missing+=("$metric")
done < <(grep -ohE '\bpinacct_[a-z_]+' "$tools/grafana-dashboard.json" "$tools/alerts.yml" | sort -u)
[[ ${#missing[@]} = 0 ]] || die "pinacct export has no ${missing[*]}"
