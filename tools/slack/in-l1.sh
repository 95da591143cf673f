#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The part of measure.sh that runs in L1. Each machine type is started over the
# type1 container, stopped before its first instruction (-S) and looked at, and
# then run until the firmware has come far enough to map everything anew; what
# is told is the most that the ledger of its QEMU said in that time.

set -u
cd /pinacct/tools/vm/l1 || exit 1

seconds=${1:-20}
failures=0

# zero_cow PID: KiB, of the ledger of that process
zero_cow()
{
	awk -v pid="$1" '$1 == "process" && $2 == pid { n += $4 } END { print n + 0 }' \
		/sys/kernel/debug/pinacct/ledgers
}

# started PID: QEMU has mapped the guest's memory, 256 MiB but for a hole or two
started()
{
	[[ $(awk '$1 == "VmLck:" { print $2 }' "/proc/$1/status" 2>/dev/null) -ge 260000 ]]
}

# measure NAME QEMU-ARGUMENT...
measure()
{
	local name=$1 most now at_start qemu monitor=/tmp/monitor

	shift
	rm -f $monitor.in $monitor.out
	mkfifo $monitor.in $monitor.out
	qemu-system-x86_64 -accel kvm -cpu max -m 256 -nodefaults -no-user-config \
		-display none -S -chardev pipe,id=monitor,path=$monitor -mon monitor \
		-device "vfio-pci,host=$address" "$@" </dev/null >/tmp/qemu 2>&1 &
	qemu=$!
	until started $qemu; do
		if [[ ! -d /proc/$qemu || $(awk '{ print $3 }' /proc/$qemu/stat) = Z ]]; then
			echo "  $name: did not start: $(tail -n 1 /tmp/qemu)"
			failures=$((failures + 1))
			return
		fi
		sleep 0.2
	done
	sleep 1
	at_start=$(zero_cow $qemu)
	most=$at_start

	cat $monitor.out >/dev/null &
	echo cont >$monitor.in
	for ((i = 0; i < seconds * 5; i++)); do
		now=$(zero_cow $qemu)
		[[ $now -le $most ]] || most=$now
		sleep 0.2
	done
	printf '  %-44s %10d KiB %10d KiB\n' "$name" "$at_start" "$most"
	kill $qemu
	wait
}

./kvm.sh || exit 1
./load.sh ours || exit 1
address=$(./assign.sh nvme) || exit 1

echo
echo "  machine                                         at start            most"
measure "q35, SeaBIOS" -M q35 -vga none
measure "q35, SeaBIOS, VGA" -M q35 -device VGA
measure "q35, SeaBIOS, virtio-net with its ROM" -M q35 -vga none -device virtio-net-pci
measure "pc, SeaBIOS" -M pc -vga none
measure "pc, SeaBIOS, VGA, e1000 with its ROM" -M pc -device VGA -device e1000
cp /usr/share/OVMF/OVMF_VARS_4M.fd /tmp/vars.fd
measure "q35, OVMF" -M q35 -vga none \
	-drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
	-drive if=pflash,format=raw,file=/tmp/vars.fd
measure "q35, OVMF, VGA, virtio-net with its ROM" -M q35 -device VGA -device virtio-net-pci \
	-drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
	-drive if=pflash,format=raw,file=/tmp/vars.fd
exit $((failures != 0))
