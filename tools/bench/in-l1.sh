#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1: the benchmark on one set of modules, the lines of bench.c on stdout.
#
# Use:	in-l1.sh ours|stock|floor PLAN
#
# A line of the file PLAN is "MIB,... ITERATIONS PATH,... KIND,...", for bench.c.

set -euo pipefail

# shellcheck source=selftests/l1/lib.sh
. /pinacct/selftests/l1/lib.sh

programs=/pinacct/build/selftests
if [[ $1 = floor ]]; then
	insmod "$programs/modules/$(uname -r)/pinacct_floor.ko"
else
	use_modules "$1" edu e1000e
fi
# The per-CPU lists of free pages grow with what is freed, and hand it out last
# first, so that no two pages would be in a row in any kind of 4 KiB memory.
echo 1000000 >/proc/sys/vm/percpu_pagelist_high_fraction
# Huge pages of a memfd, where its mapping asks for them.
echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled
# From memory: what is read from the host's files while it runs takes time.
cp "$programs/bench" /tmp/
mapfile -t plan <"$2"
for line in "${plan[@]}"; do
	# shellcheck disable=SC2086
	/tmp/bench map $line
done
# Stock would fault in 1 TiB, or whatever the machine has.
if [[ $1 = ours ]]; then
	/tmp/bench refusal
	echo Y >/sys/module/pinacct/parameters/charge_once
	/tmp/bench again 64
fi
