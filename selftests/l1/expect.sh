# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For scripts in L1 that are tests themselves: what was expected and what is there,
# as TAP, above all of what a guest's user is charged. Sourced after l1/lib.sh and
# tools/vm/l1/guest.sh.

tests=0
wrong=()

# expect WHAT GOT WANTED: a part of a test
expect()
{
	[[ $2 = "$3" ]] || wrong+=("$1 is '$2', not '$3'")
}

# verdict TEST: on all that was expected since the last one
verdict()
{
	local result=ok

	tests=$((tests + 1))
	[[ ${#wrong[@]} = 0 ]] || result="not ok"
	echo "$result $tests $1"
	if [[ ${#wrong[@]} -gt 0 ]]; then
		printf '# %s\n' "${wrong[@]}"
		grep -a 'qemu-system' /tmp/qemu | head -n 5 | sed 's/^/# /'
		tail -n 5 /tmp/console 2>/dev/null | sed 's/^/# guest: /'
	fi
	wrong=()
}

# ledger_kib: what ours has in its books, of all payers
ledger_kib()
{
	awk 'NR > 1 { n += $3 } END { print n + 0 }' /sys/kernel/debug/pinacct/ledgers
}

# charges_begin: what is there from now on is not the guest's
charges_begin()
{
	locked_at_start=$(uid_locked) pinned_at_start=$(pinned_pages)
}

# expect_charges BACKEND KIB MAPPED_KIB: of so much memory, mapped so often
expect_charges()
{
	local mm=0 user=$2 pin=$3

	[[ $1 = iommufd ]] || mm=$2 user=0 pin=0
	expect "VmLck in KiB" "$(status_kib "$qemu" VmLck)" "$mm"
	expect "VmPin in KiB" "$(status_kib "$qemu" VmPin)" "$pin"
	expect "user locked_vm in KiB" $((($(uid_locked) - locked_at_start) * 4)) "$user"
	expect "the number of pinned pages" $(($(pinned_pages) - pinned_at_start)) $(($3 / 4))
	[[ ! -d /sys/module/pinacct ]] || expect "the ledgers' sum in KiB" "$(ledger_kib)" "$2"
}

# expect_back: nothing is left
expect_back()
{
	expect "user locked_vm in the end" $(($(uid_locked) - locked_at_start)) 0
	expect "the number of pinned pages in the end" $(($(pinned_pages) - pinned_at_start)) 0
	[[ ! -d /sys/module/pinacct ]] ||
		expect "what is left in ledgers" "$(sed 1d /sys/kernel/debug/pinacct/ledgers)" ""
}
