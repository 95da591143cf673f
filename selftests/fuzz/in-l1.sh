#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1 with an edu and an e1000e: run fuzz on our modules.
#
# Use:	in-l1.sh ARGUMENT-OF-FUZZ...

set -euo pipefail

top=/pinacct
programs=$top/build/selftests
# shellcheck source=selftests/l1/lib.sh
. "$top/selftests/l1/lib.sh"

use_modules ours edu e1000e
insmod "$programs/modules/$(uname -r)/pinacct_mediated.ko"
# The counters are read after every step, which takes longer with two.
cpus 1
exec "$programs/fuzz" "$@"
