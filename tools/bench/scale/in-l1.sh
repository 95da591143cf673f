#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1: how cost grows on one set of modules, the lines of scale.c on stdout.
#
# Use:	in-l1.sh ours|stock quick|full DEVICES
#
# DEVICES are how many devices without hardware there are to be.

set -euo pipefail

# shellcheck source=selftests/l1/lib.sh
. /pinacct/selftests/l1/lib.sh

params=/sys/module/pinacct/parameters
both=(mappings vmas containers spaces users refused-users span)
once=(mappings containers spaces users holders)
# What a few of them cost depends on how the pages of each happen to lie.
if [[ $2 = full ]]; then
	both+=(processes)
	once+=(processes)
fi

use_modules "$1" edu
insmod "/pinacct/build/selftests/modules/$(uname -r)/pinacct_mediated.ko" devices="$3"
# Rows of pages are as long in the last question as in the first: see bench/in-l1.sh.
echo 1000000 >/proc/sys/vm/percpu_pagelist_high_fraction
# From memory: what is read from the host's files while it runs takes time.
cp /pinacct/build/selftests/scale /tmp/
if [[ $1 = stock ]]; then
	/tmp/scale "$2" "${both[@]}" refill
	exit
fi
# Stock would fault in as many TiB as it can get.
/tmp/scale "$2" "${both[@]}" refused refill exclusions asked
echo Y >$params/charge_once
/tmp/scale "$2" "${once[@]}" | sed 's/^/once-/'
