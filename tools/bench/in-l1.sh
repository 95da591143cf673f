#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1: the benchmark on one set of modules, the lines of bench.c on stdout.
#
# Use:	in-l1.sh ours|stock MIB ITERATIONS

set -euo pipefail

# shellcheck source=selftests/l1/lib.sh
. /pinacct/selftests/l1/lib.sh

use_modules "$1" edu e1000e
# The per-CPU lists of free pages grow with what is freed, and hand it out last
# first, so that no two pages would be in a row in any kind of 4 KiB memory.
echo 1000000 >/proc/sys/vm/percpu_pagelist_high_fraction
# Huge pages of a memfd, where its mapping asks for them.
echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled
# From memory: what is read from the host's files while it runs takes time.
cp /pinacct/build/selftests/bench /tmp/
/tmp/bench "$2" "$3"
# Stock would fault in 1 TiB, or whatever the machine has.
if [[ $1 = ours ]]; then
	/tmp/bench refusal
	echo Y >/sys/module/pinacct/parameters/charge_once
	/tmp/bench again "$2"
fi
