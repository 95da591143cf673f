#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1 with two nvme disks: pinacct(8) is held against what the kernel says of a
# guest that has them, on unmodified modules and on ours.
#
# Guards: a limit set to the estimate starts the guest, a page less does not; who
# pays, how much, and what is left is what /proc and the guest's memory say; a
# refusal is told with the limit that it takes, whether its process still runs or
# not; parameters are set all or none; metrics have the same numbers.
#
# Use:	in-l1.sh	says what it has seen in /out/tools.tap
# Exit status 0 if it came to its end, whatever was seen.

set -uo pipefail

cd /pinacct/tools/vm/l1 || exit 1
# shellcheck source=selftests/l1/lib.sh
. /pinacct/selftests/l1/lib.sh
# shellcheck source=tools/vm/l1/guest.sh
. /pinacct/tools/vm/l1/guest.sh
# shellcheck source=tools/pinacct/tests/lib.sh
. /pinacct/tools/pinacct/tests/lib.sh

program=/pinacct/build/tools/pinacct
tmp=/tmp/tools
parameters=/sys/module/pinacct/parameters
viommu=(-machine kernel-irqchip=split -device intel-iommu,caching-mode=on,aw-bits=48)
need=$need_kib
# In seconds of L1, whose clock runs fast on a busy host.
patience=1800

give_up()
{
	tell "tools: $*"
	exit 1
}

# up BACKEND LIMIT_KIB [QEMU-ARGUMENT...]: a guest that has come up
up()
{
	start_guest "$@"
	wait_guest $patience up || wrong+=("the guest did not start: $(tail -n 1 /tmp/qemu)")
}

# down: it has ended, and nothing is left
down()
{
	stop_guest
	run show
	expect_match "show, without a guest" "$out" "^Nobody has memory pinned"
}

# refused BACKEND LIMIT_KIB [QEMU-ARGUMENT...]: a guest that does not start
refused()
{
	start_guest "$@"
	wait_guest $patience up
	! running || kill "$qemu"
	wait "$qemu"
	expect "QEMU's errno" "$(refused_errno)" "12, ENOMEM"
}

kib()
{
	local bytes

	bytes=$(member "$1")
	echo $((${bytes:--1} / 1024))
}

# ---- what the kernel tells, to compare with

# pays BACKEND KIB LIMIT_KIB: show says so, of the guest
pays()
{
	local payer=process lck=$2 pin=0

	[[ $1 != iommufd ]] || { payer=user; lck=0; pin=$2; }
	run show --json "$qemu"
	expect "exit status" "$status" 0
	expect "backend" "$(member backend)" "$1"
	expect "payer" "$(member payer)" $payer
	expect "charged" "$(kib charged_bytes)" "$2"
	expect "VmLck" "$(kib locked_bytes)" "$lck"
	expect "VmLck in /proc" "$(status_kib "$qemu" VmLck)" "$lck"
	expect "VmPin" "$(kib pinned_bytes)" "$pin"
	expect "VmPin in /proc" "$(status_kib "$qemu" VmPin)" "$pin"
	expect "limit" "$(kib limit_bytes)" "$3"
	expect "left" "$(kib left_bytes)" $(($3 - $2))
}

# pinned_mappings TIMES: the mappings that show tells are pinned are the guest's
# memory; all of it once or twice
pinned_mappings()
{
	local sum

	sum=$(grep '"pinned_bytes"' <<<"$out" | sed 1d | tr -dc '0-9\n' |
		awk '{ n += $1 } END { printf "%d", n / 1024 }')
	expect "what is pinned of mappings" "$sum" "$need"
	expect "how often" "$(member times)" "$1"
}

# ---- tests

unmodified()
{
	./load.sh stock || give_up "the unmodified modules do not load"
	addresses=$(./assign.sh nvme) || give_up "the disks cannot be assigned"
	allow type1

	run estimate -q --memory ${ram_mib}M
	expect "estimate" "$out" "$need"
	up type1 "$out"
	run show --json "$qemu"
	expect "charged" "$(kib charged_bytes)" "$need"
	expect "VmLck" "$(kib locked_bytes)" "$(status_kib "$qemu" VmLck)"
	expect "payer" "$(member payer)" null
	run show "$qemu"
	expect_match "show" "$out" "takes pinacct.ko"
	run show
	expect_match "show, of all" "$out" " type1 .* $need "
	run tune set charge_once=Y
	expect "tune set" "$status" 6
	run explain "$qemu"
	expect "explain of who was not refused" "$status" 1
	down
	verdict "unmodified type1: what /proc tells"

	refused type1 $((need - 4))
	run explain
	expect "explain" "$status" 0
	expect_match "explain" "$out" "RLIMIT_MEMLOCK, was $((need - 4)) KiB"
	verdict "unmodified type1: a refusal is found in the log"
	remove_modules
}

# A guest whose limit is the estimate, and then one page less.
limit()
{
	local backend=$1 pid

	run estimate -q --memory ${ram_mib}M
	expect "estimate" "$out" "$need"
	up "$backend" "$out"
	pays "$backend" "$need" "$need"
	pinned_mappings 1
	run estimate -q "$qemu"
	expect "estimate of the process" "$out" "$need"
	run export
	expect_match "metric" "$out" "pinacct_process_charged_bytes\{pid=\"$qemu\"[^}]*\} $((need * 1024))"$'\n'
	expect_match "metric" "$out" "pinacct_process_limit_bytes\{pid=\"$qemu\"[^}]*\} $((need * 1024))"$'\n'
	run tune --json
	expect "charge_once would save" "$(member charged_again_bytes)" 0
	down
	verdict "$backend: the estimate starts it, and show says who pays"

	refused "$backend" $((need - 4))
	pid=$qemu
	run explain "$pid"
	expect "exit status" "$status" 0
	expect_match "explain" "$out" "with this it takes $need KiB"
	expect_match "explain" "$out" "was $((need - 4)) KiB"
	run explain --json "$pid"
	expect "cause" "$(member cause)" limit
	expect "needed" "$(member needed_bytes)" $((need * 1024))
	run export
	expect_match "metric" "$out" "pinacct_last_refusal_timestamp_seconds\{cause=\"limit\"\} [0-9]+"
	verdict "$backend: a page less is refused, and explained after QEMU has ended"
}

# QEMU tries BARs with iommufd and is refused: a record of a process that runs.
remembered()
{
	up iommufd "$need"
	run explain --json "$qemu"
	expect "exit status" "$status" 0
	expect "cause" "$(member cause)" device
	expect "where from" "$(member source)" module
	setpriv --reuid 1001 --clear-groups "$program" explain "$qemu" >"$tmp/out" 2>"$tmp/err"
	expect "exit status for somebody else" $? 5
	expect_match "message for somebody else" "$(<"$tmp/err")" "run this as root"
	down
	verdict "a refusal that the module remembers; not for everybody"
}

parameters()
{
	run tune set zero_slack_mb=1 --persist="$tmp/conf"
	expect "exit status" "$status" 0
	expect "zero_slack_mb" "$(<$parameters/zero_slack_mb)" 1
	expect_match "file" "$(<"$tmp/conf")" "options pinacct zero_page=cow zero_slack_mb=1"
	run tune set charge_once=Y zero_slack_mb=5000
	expect "exit status" "$status" 2
	expect "charge_once" "$(<$parameters/charge_once)" N
	setpriv --reuid 1001 --clear-groups "$program" tune set charge_once=Y 2>"$tmp/err" >"$tmp/out"
	expect "exit status for somebody else" $? 5
	expect "charge_once" "$(<$parameters/charge_once)" N
	# One that cannot be written, behind one that can.
	mount --bind $parameters/charge_once $parameters/charge_once
	mount -o remount,bind,ro $parameters/charge_once
	run tune set zero_slack_mb=2 charge_once=Y --persist="$tmp/conf"
	expect "exit status for one that is read-only" "$status" 7
	umount $parameters/charge_once
	mkdir "$tmp/full"
	mount -t tmpfs -o size=4k tmpfs "$tmp/full"
	dd if=/dev/zero of="$tmp/full/of-it" bs=4k count=1 status=none
	run tune set zero_slack_mb=2 --persist="$tmp/full/conf"
	expect "exit status for a full disk" "$status" 7
	expect "files on the full disk" "$(ls "$tmp/full")" of-it
	umount "$tmp/full"
	expect "zero_slack_mb" "$(<$parameters/zero_slack_mb)" 1
	expect_match "file" "$(<"$tmp/conf")" "zero_slack_mb=1"
	expect "what was written beside it" "$(ls "$tmp"/conf.* 2>/dev/null)" ""
	verdict "tune sets all or none"

	run estimate -q --memory ${ram_mib}M
	expect "estimate with slack" "$out" $((ram_mib * 1024))
	up type1 "$out"
	pays type1 "$need" $((ram_mib * 1024))
	run export
	expect_match "metric" "$out" "pinacct_process_slack_used_bytes\{[^}]*\} 262144"$'\n'
	down
	verdict "with slack: the RAM alone, and how much of the slack is used"
	run tune set zero_slack_mb=0
}

two_address_spaces()
{
	run estimate -q --memory ${ram_mib}M --devices 2 --viommu
	expect "estimate" "$out" $((2 * need))
	up type1 "$out" "${viommu[@]}"
	pays type1 $((2 * need)) $((2 * need))
	pinned_mappings 2
	run estimate -q "$qemu"
	expect "estimate of the process" "$out" $((2 * need))
	run tune --json
	expect "charge_once would save" "$(kib charged_again_bytes)" "$need"
	# For promtool, on the host.
	run export --output /out/metrics.prom
	expect "exit status" "$status" 0
	down
	verdict "behind an IOMMU of the VM: twice, and what charge_once would save"
}

all()
{
	local backend

	unmodified
	./load.sh ours || give_up "the modules do not load"
	addresses=$(./assign.sh nvme) || give_up "the disks cannot be assigned"
	for backend in type1 iommufd; do
		allow $backend
	done
	for backend in type1 iommufd; do
		limit $backend
	done
	remembered
	parameters
	two_address_spaces
	echo "1..$tests"
} 2>/out/tools.stderr

mkdir -p $tmp
chmod 755 $tmp
./kvm.sh || give_up "no KVM in L1"
timed all >/out/tools.tap
./assign.sh --back nvme >/dev/null
remove_modules
