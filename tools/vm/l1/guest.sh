# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# In L1: start L2, a guest with assigned devices, as a user to whom
# RLIMIT_MEMLOCK applies, and see what is charged. Sourced.
#
#	addresses	PCI addresses of the devices, which are on vfio-pci
#	/guest		what tools/vm/guest.sh made
#	qemu		process ID of the guest's QEMU

uid=1000
ram_mib=512
# What a guest without VGA has mapped: its RAM, and the 256 KiB of firmware
# below 4 GiB, which QEMU keeps apart from it.
need_kib=$((ram_mib * 1024 + 256))
addresses=
qemu=

uid_locked()
{
	/guest/uid-locked-vm $uid
}

pinned_pages()
{
	# Counts are kept per CPU; this adds them up.
	echo 1 >/proc/sys/vm/stat_refresh
	awk '$1 == "nr_foll_pin_acquired" { n += $2 } $1 == "nr_foll_pin_released" { n -= $2 }
	     END { print n + 0 }' /proc/vmstat
}

# status_kib PID KEY
status_kib()
{
	awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"
}

# allow BACKEND: the files that the guest's user must be able to open, as udev
# or libvirt would set them
allow()
{
	local dev

	for dev in $addresses; do
		dev=/sys/bus/pci/devices/$dev
		case $1 in
		type1)		chown $uid /dev/vfio/vfio "/dev/vfio/$(basename "$(readlink "$dev/iommu_group")")" ;;
		iommufd)	chown $uid /dev/iommu "/dev/vfio/devices/$(basename "$dev"/vfio-dev/vfio*)" ;;
		esac
	done
}

# as_guest_user LIMIT_KIB COMMAND...: as $uid, without a capability, in the place of
# the shell that calls it. The hard limit can only be raised by root, so it is set
# first.
as_guest_user()
{
	local bytes=$(($1 * 1024))

	shift
	exec prlimit --memlock=$bytes:$bytes setpriv --reuid $uid --regid $uid --clear-groups \
		--inh-caps=-all --bounding-set=-all --no-new-privs "$@"
}

# start_guest BACKEND LIMIT_KIB [QEMU-ARGUMENT...]: QEMU in the background as
# $uid, with the arguments in front of the devices. noaperture spares the guest a
# search by port I/O, which is slow here; it leaves an IOMMU of its own off, so
# that all its memory stays mapped.
start_guest()
{
	local backend=$1 limit=$2 address

	shift 2
	local args=(-M q35 -accel kvm -cpu max -m "$ram_mib" -nodefaults -no-user-config
		-display none -vga none -serial file:/tmp/console
		-kernel /guest/kernel -initrd /guest/initramfs
		-append "console=ttyS0 quiet panic=-1 no_timer_check iommu=noaperture intel_iommu=off"
		"$@")
	[[ $backend != iommufd ]] || args+=(-object "iommufd,id=iommufd0")
	for address in $addresses; do
		[[ $backend != iommufd ]] || address+=,iommufd=iommufd0
		args+=(-device "vfio-pci,host=$address")
	done

	rm -f /tmp/console /tmp/qemu
	as_guest_user "$limit" qemu-system-x86_64 "${args[@]}" </dev/null >/tmp/qemu 2>&1 &
	qemu=$!
}

# Whether QEMU has not ended; when it has, its entry in /proc goes away sooner or
# later.
running()
{
	local state

	state=$(awk '{ print $3 }' "/proc/$qemu/stat" 2>/dev/null)
	[[ -n $state && $state != Z ]]
}

# wait_guest SECONDS [WHAT]: until L2 says that it has come so far, by default has
# read its disks, or has failed or ended
wait_guest()
{
	local until=$((SECONDS + $1))

	while running && [[ $SECONDS -lt $until ]]; do
		! grep -aqE "^L2: (${2:-done}|failed)" /tmp/console 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

# disk_sums: what L2 has read
disk_sums()
{
	tr -d '\r' </tmp/console | awk '$1 == "L2:" && $2 == "disk" { print $4 }' | sort
}

stop_guest()
{
	kill "$qemu" 2>/dev/null
	wait "$qemu"
}

# sum_of_disk N: what a guest must read of it, by L1's own driver
sum_of_disk()
{
	local disk=/dev/nvme${1}n1

	modprobe nvme || return
	for _ in {1..100}; do
		[[ ! -b $disk ]] || break
		sleep 0.1
	done
	[[ -b $disk ]] || return
	dd if="$disk" bs=64k count=64 status=none | sha256sum | cut -d ' ' -f 1
}

# refused_errno: the errno for which QEMU has not started
refused_errno()
{
	sed -n 's/.* = -\(12\) (Cannot allocate memory).*/\1, ENOMEM/p' /tmp/qemu | head -n 1
}
