#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1 on a kernel that counts what is run: run another script of this directory, and
# leave the counts of all modules, the way out of them included, in /out/gcov.
#
# Use:	coverage.sh SCRIPT [ARGUMENT]...
#
# Exit status: SCRIPT's.

set -euo pipefail

top=/pinacct
# shellcheck source=selftests/l1/lib.sh
. "$top/selftests/l1/lib.sh"

counts=/sys/kernel/debug/gcov

if [[ ! -w $counts/reset ]]; then
	tell "this kernel has no gcov: it is not the coverage kernel"
	exit 1
fi

status=0
STOCK=no "$top/selftests/l1/$1" "${@:2}" || status=$?

# The kernel keeps them of modules that are gone. Their files have no size.
remove_modules
cd "$counts"
while read -r file; do
	mkdir -p "/out/gcov/${file%/*}"
	cat "$file" >"/out/gcov/$file"
done < <(find . -name '*.gcda')
exit "$status"
