#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1 with two nvme disks: a guest that has both, behind an IOMMU of its own,
# for which each of them is given an address space, and all of the guest's memory
# is mapped twice.
#
# Guards, on type1 and on iommufd: by default it takes the limit for twice the
# memory, as ever. With charge_once it is charged for the memory, once, and takes a
# limit of that and of what QEMU has mapped on top for a moment: when the machine
# is reset, the ROM area (128 KiB) takes the place of RAM for one of the devices
# while the other still has that RAM. Of the firmware's 256 KiB and of the ROM area
# nothing was written when they were mapped, so with zero_slack_mb=1 it takes the
# RAM alone. All of that to the page.
#
# Use:	viommu.sh	says what it has seen in /out/viommu.tap
# Exit status 0 if it came to its end, whatever was seen.

set -uo pipefail

cd /pinacct/tools/vm/l1 || exit 1
# shellcheck source=selftests/l1/lib.sh
. /pinacct/selftests/l1/lib.sh
# shellcheck source=tools/vm/l1/guest.sh
. /pinacct/tools/vm/l1/guest.sh
# shellcheck source=selftests/l1/expect.sh
. /pinacct/selftests/l1/expect.sh

viommu=(-machine kernel-irqchip=split -device intel-iommu,caching-mode=on,aw-bits=48)
rom_kib=128

give_up()
{
	tell "viommu: $*"
	exit 1
}

# What a guest must read of each
sums_of_disks()
{
	local n

	mark_disks || return
	for n in 0 1; do
		sum_of_disk $n
	done | sort
}

# set_params CHARGE_ONCE ZERO_SLACK_MB
set_params()
{
	echo "$1" >/sys/module/pinacct/parameters/charge_once
	echo "$2" >/sys/module/pinacct/parameters/zero_slack_mb
}

# starts TEST BACKEND LIMIT_KIB CHARGED_KIB UNTIL
starts()
{
	local came=no

	start_guest "$2" "$3" "${viommu[@]}"
	! wait_guest 240 "$5" || came=yes
	expect "whether it has come to say '$5'" $came yes
	if [[ $came = yes ]]; then
		[[ $5 != "done" ]] || expect "what it read" "$(disk_sums)" "$sums"
		expect_charges "$2" "$4" $((2 * need_kib))
	fi
	stop_guest
	expect_back
	verdict "$2: $1"
}

# refused TEST BACKEND LIMIT_KIB STATUS
refused()
{
	local status

	start_guest "$2" "$3" "${viommu[@]}"
	wait_guest 120 up
	! running || kill "$qemu"
	wait "$qemu"
	status=$?
	expect "QEMU's exit status" $status "$4"
	expect "the errno that it tells" "$(refused_errno)" "12, ENOMEM"
	expect_back
	verdict "$2: $1"
}

# It is refused when a device is made (status 1), or dies when the machine is
# reset (SIGABRT).
run()
{
	local backend ram_kib=$((ram_mib * 1024)) once=$((need_kib + rom_kib))

	for backend in type1 iommufd; do
		set_params N 0
		refused "by default, the memory's limit is too low" $backend $need_kib 1
		starts "by default, twice that is enough" $backend \
			$((2 * need_kib)) $((2 * need_kib)) up
		set_params Y 0
		refused "charged once, a page less than the memory and the ROM area" $backend \
			$((once - 4)) 134
		starts "charged once, the memory and the ROM area" $backend $once $need_kib up
		set_params Y 1
		refused "charged once, with slack, a page less than the RAM" $backend \
			$((ram_kib - 4)) 1
		starts "charged once, with slack, the RAM" $backend $ram_kib $need_kib 'done'
	done
	echo "1..$tests"
} 2>/out/viommu.stderr

./load.sh ours || give_up "the modules do not load"
./kvm.sh || give_up "no KVM in L1"
sums=$(sums_of_disks) || give_up "the disks cannot be marked"
addresses=$(./assign.sh nvme) || give_up "the disks cannot be assigned"
for backend in type1 iommufd; do
	allow $backend
done
# A charge that others of the user have stays out of it.
charges_begin
timed run >/out/viommu.tap
./assign.sh --back nvme >/dev/null
remove_modules
