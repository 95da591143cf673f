#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The part of the demo that runs in L1. What it reports comes from the kernel,
# not from the modules that are shown:
#
#	VmLck, VmPin	/proc/PID/status of the guest's QEMU
#	user locked_vm	uid-locked-vm, by asking how much more io_uring may lock
#	pinned pages	/proc/vmstat, nr_foll_pin_acquired less nr_foll_pin_released
#	mapped pages	the tracepoints iommu:map and iommu:unmap; RAM is what
#			/proc/iomem calls System RAM, everything else is a device
#
# Use, in L1:	/pinacct/tools/demo/in-l1.sh ours|stock

set -u
cd "$(dirname "$0")/../vm/l1" || exit 1
# shellcheck source=tools/vm/l1/guest.sh
. ./guest.sh

which=$1
tracing=/sys/kernel/tracing
failures=0

declare -A got

fail()
{
	echo "  FAILED: $*"
	failures=$((failures + 1))
}

give_up()
{
	echo "  FAILED: $*"
	echo "demo: cannot go on"
	exit 1
}

# expect WHAT GOT WANTED
expect()
{
	[[ $2 = "$3" ]] || fail "$1 is $2, expected $3"
}

# row LABEL KEY [UNIT]: what was seen of both backends
row()
{
	local type1=${got[type1.$2]:-} iommufd=${got[iommufd.$2]:-}

	printf '  %-46s %16s %16s\n' "$1" "${type1:+$type1${3:+ $3}}" "${iommufd:+$iommufd${3:+ $3}}"
}

trace_start()
{
	echo 0 >$tracing/tracing_on
	echo 16384 >$tracing/buffer_size_kb
	echo >$tracing/trace
	echo 1 >$tracing/events/iommu/map/enable
	echo 1 >$tracing/events/iommu/unmap/enable
	echo 1 >$tracing/tracing_on
}

# mapped_pages: "RAM DEVICE", the pages that the IOMMU maps since trace_start,
# less those unmapped. Addresses are hexadecimal of one length, so that they
# compare as strings. An unmap never cuts what one map made: both go by runs of
# physical memory within one user's range.
mapped_pages()
{
	if grep -h overrun $tracing/per_cpu/cpu*/stats | grep -qv ': 0$'; then
		echo "-1 -1"
		return
	fi
	awk '
	function pad(s) { while (length(s) < 16) s = "0" s; return tolower(s) }
	function field(key,   s) {
		s = $0
		sub(".*" key "=", "", s)
		sub(/^0x/, "", s)
		sub(/[^0-9a-fA-F].*/, "", s)
		return s
	}
	FILENAME == "/proc/iomem" {
		if (/System RAM/) { split($1, r, "-"); from[++ranges] = pad(r[1]); to[ranges] = pad(r[2]) }
		next
	}
	/ map: / {
		iova = field("iova"); bytes[iova] = field("size"); paddr = field("paddr")
		kind[iova] = "device"
		for (i = 1; i <= ranges; i++)
			if (paddr >= from[i] && paddr <= to[i]) kind[iova] = "ram"
		next
	}
	/ unmap: / {
		first = field("iova"); last = $0
		sub(/.* - 0x/, "", last); sub(/[^0-9a-f].*/, "", last)
		for (iova in bytes)
			if (iova >= first && iova < last) delete bytes[iova]
	}
	END {
		for (iova in bytes) sum[kind[iova]] += bytes[iova] / 4096
		printf "%d %d\n", sum["ram"], sum["device"]
	}' /proc/iomem $tracing/trace
}

# check_back BACKEND WHEN: nothing of the guest is left, "after" it ran or was
# "refused"
check_back()
{
	local locked pinned mapped

	locked=$(uid_locked) pinned=$(pinned_pages) mapped=$(mapped_pages)
	got[$1.$2.locked]=$((locked * 4))
	got[$1.$2.pinned]=$pinned
	got[$1.$2.mapped]=$((${mapped% *} + ${mapped#* }))
	expect "$1: user locked_vm in pages, $2," "$locked" "$locked_at_start"
	expect "$1: the number of pinned pages, $2," "$pinned" "$pinned_at_start"
	expect "$1: the number of mapped pages (RAM, device), $2," "$mapped" "0 0"
}

# run_guest BACKEND: a guest with just the limit that it needs
run_guest()
{
	local backend=$1 started took sum lck pin locked pinned mapped

	echo "  $backend: starting the guest with RLIMIT_MEMLOCK at $need_kib KiB"
	trace_start
	started=$(date +%s%N)
	start_guest "$backend" $need_kib
	if ! wait_guest 240; then
		sed 's/^/    QEMU: /' /tmp/qemu
		tail -n 5 /tmp/console 2>/dev/null | sed 's/^/    guest: /'
		stop_guest
		fail "$backend: the guest did not read its disk within 240 s"
		return
	fi
	took=$((($(date +%s%N) - started) / 100000000))
	sum=$(disk_sums)
	lck=$(status_kib $qemu VmLck) pin=$(status_kib $qemu VmPin)
	locked=$(uid_locked) pinned=$(pinned_pages) mapped=$(mapped_pages)

	got[$backend.took]=$((took / 10)).$((took % 10))
	got[$backend.sum]=${sum:0:16}
	got[$backend.limit]=$need_kib
	got[$backend.lck]=$lck
	got[$backend.pin]=$pin
	got[$backend.locked]=$((locked * 4))
	got[$backend.pinned]=$((pinned - pinned_at_start))
	got[$backend.ram]=${mapped% *}
	got[$backend.device]=${mapped#* }

	expect "$backend: the checksum" "$sum" "$disk_sum"
	expect "$backend: the number of mapped pages of RAM" "${mapped% *}" $((need_kib / 4))
	expect "$backend: the number of pinned pages" $((pinned - pinned_at_start)) $((need_kib / 4))
	if [[ $backend = type1 ]]; then
		expect "type1: VmLck" "$lck" $need_kib
		expect "type1: VmPin" "$pin" 0
		expect "type1: user locked_vm in pages" "$locked" "$locked_at_start"
	else
		expect "iommufd: VmLck" "$lck" 0
		expect "iommufd: VmPin" "$pin" $need_kib
		expect "iommufd: user locked_vm in pages" "$locked" $((locked_at_start + need_kib / 4))
	fi

	stop_guest || fail "$backend: QEMU ended with status $?"
	check_back "$backend" after
}

# refuse_guest BACKEND: the same guest with a limit that is one page too low.
# What QEMU and the kernel say about it is kept in /tmp/refusal.BACKEND.
refuse_guest()
{
	local backend=$1 limit=$((need_kib - 4)) log status

	echo "  $backend: starting it with a limit that is one page too low, $limit KiB"
	trace_start
	echo "demo: $backend refusal" >/dev/kmsg
	start_guest "$backend" $limit
	if wait_guest 60 || running; then
		stop_guest
		fail "$backend: the guest started although its limit is one page too low"
		return
	fi
	wait "$qemu"
	status=$?
	log=$(dmesg | sed "1,/demo: $backend refusal/d; s/^\[[^]]*\] //" | grep -E 'pinacct|vfio|iommufd|MEMLOCK')
	{
		sed 's/^qemu-system-x86_64: /QEMU: /' /tmp/qemu
		[[ -z $log ]] || sed 's/^/kernel: /' <<<"$log"
	} | fold -s -w 100 | sed 's/^/    /' >"/tmp/refusal.$backend"

	got[$backend.refused.limit]=$limit
	got[$backend.refused.errno]=$(refused_errno)
	expect "$backend: QEMU's exit status" $status 1
	expect "$backend: the errno that QEMU reports" "${got[$backend.refused.errno]}" "12, ENOMEM"
	# Unmodified iommufd is silent.
	[[ -n $log || $which$backend = stockiommufd ]] || fail "$backend: the kernel logged nothing about the refusal"
	check_back "$backend" refused
}

table()
{
	printf '  %-46s %16s %16s\n' '' type1 iommufd
	row "its Linux up and its disk read after" took s
	row "SHA-256 of what it read (start)" sum
	row "RLIMIT_MEMLOCK of its QEMU" limit KiB
	row "charged: VmLck" lck KiB
	row "charged: VmPin" pin KiB
	row "charged: user locked_vm" locked KiB
	row "pages pinned" pinned
	row "pages mapped for the device: RAM" ram
	row "pages mapped for the device: device memory" device
	row "after it has stopped: user locked_vm" after.locked KiB
	row "after it has stopped: pages pinned" after.pinned
	row "after it has stopped: pages mapped" after.mapped
	row "one page less: RLIMIT_MEMLOCK" refused.limit KiB
	row "one page less: refused with errno" refused.errno
	row "after the refusal: user locked_vm" refused.locked KiB
	row "after the refusal: pages pinned" refused.pinned
}

./load.sh "$which" || give_up "the modules do not load"
about="unmodified modules"
if [[ $which = ours ]]; then
	about="pinacct's modules"
	for module in vfio_iommu_type1 iommufd; do
		[[ -e /sys/module/pinacct/holders/$module ]] || give_up "$module does not use pinacct"
	done
fi
./kvm.sh || give_up "no KVM in L1"

disk_sum=$(sum_of_disk 0) || give_up "L1 cannot read its disk"
addresses=$(./assign.sh nvme) || give_up "the nvme disk cannot be assigned"
for backend in type1 iommufd; do
	allow $backend
done
locked_at_start=$(uid_locked) pinned_at_start=$(pinned_pages)

echo
echo "A guest of $ram_mib MiB under KVM with an assigned NVMe disk, started by uid $uid"
echo "($about, Linux $(uname -r), $(qemu-system-x86_64 --version | sed -n '1s/ (.*//p'))"
echo "  at the start: $pinned_at_start pages pinned, user locked_vm $((locked_at_start * 4)) KiB"
for backend in type1 iommufd; do
	run_guest $backend
	refuse_guest $backend
done

echo
table
echo
for backend in type1 iommufd; do
	echo "  The refusal over $backend:"
	cat /tmp/refusal.$backend 2>/dev/null || echo "    there was none"
done
echo

./assign.sh --back nvme >/dev/null
./load.sh --remove || fail "the modules do not unload"
if [[ $failures -gt 0 ]]; then
	echo "demo: $failures of what was expected did not hold (see FAILED above)"
	exit 1
fi
echo "demo: the guests read the right bytes, the charges are what they must be, and all is given back"
