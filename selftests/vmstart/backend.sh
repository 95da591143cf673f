# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What does a backend take beyond its domain (see prepare.xsl), and which one has a
# QEMU really got? Sourced by run.sh.
#
#	type1			/dev/vfio/vfio, libvirt's own
#	compat			the same domain, but /dev/vfio/vfio is /dev/iommu
#	iommufd-user		QEMU opens /dev/iommu: the user is charged
#	iommufd-process		QEMU gets it from iommufd-pass: the process is charged
#
# With type1 and compat libvirt takes the devices from their drivers and gives them
# back, row by row. With iommufd they are taken once: the files that QEMU opens,
# /dev/vfio/devices/vfioN, are there only then, and libvirt 11 gives them to nobody.

backends=(type1 compat iommufd-user iommufd-process)
in_backend=
sender=

# device_numbers FILE: MAJOR:MINOR of sysfs, as stat prints it
device_numbers()
{
	local numbers

	read -r numbers <"$1"
	printf '%x:%x' "${numbers%:*}" "${numbers#*:}"
}

group_of()
{
	basename "$(readlink "/sys/bus/pci/devices/$1/iommu_group")"
}

# backend_of PID: sets found_backend, by the device numbers of what it has open,
# whatever its names are
backend_of()
{
	local open device cdev container iommu groups=0 cdevs=0

	open=" $(find "/proc/$1/fd" -mindepth 1 -exec stat -L -c '%F %t:%T' {} + 2>/dev/null |
		sed -n 's/^character special file //p' | tr '\n' ' ')"
	container=$(device_numbers /sys/class/misc/vfio/dev)
	iommu=$(device_numbers /sys/class/misc/iommu/dev)
	for device in "${devices[@]::$assigned}"; do
		[[ $open != *" $(device_numbers "/sys/class/vfio/$(group_of "$device")/dev") "* ]] ||
			groups=$((groups + 1))
		for cdev in "/sys/bus/pci/devices/$device/vfio-dev/"*/dev; do
			[[ $open != *" $(device_numbers "$cdev") "* ]] || cdevs=$((cdevs + 1))
		done
	done
	found_backend="none of them: it has$open open"
	case $([[ $open = *" $container "* ]] && echo container)/$([[ $open = *" $iommu "* ]] && echo iommu)/$groups/$cdevs in
	container//"$assigned"/0)	found_backend=type1 ;;
	/iommu/"$assigned"/0)	found_backend=compat ;;
	/iommu/0/"$assigned")
		found_backend=iommufd-user
		! grep -qz '^iommufd,id=iommufd0,fd=[0-9]' "/proc/$1/cmdline" ||
			found_backend=iommufd-process
		;;
	esac
}

# emulator_path: what libvirt is to start; a link is not enough, libvirt follows it
emulator_path()
{
	if [[ $backend = iommufd-process ]]; then
		echo "$work/emulator-$qemu"
	else
		real_qemu "$qemu"
	fi
}

# learn_emulator: what it can do libvirt asks it once, and remembers; that is not a
# row's time.
declare -A learnt
learn_emulator()
{
	local path

	path=$(emulator_path)
	[[ -z ${learnt[$path]:-} ]] || return 0
	learnt[$path]=yes
	ask_libvirt "domcapabilities --machine q35 --emulatorbin $path" >/dev/null 2>&1 || true
}

# real_qemu stock|patched
real_qemu()
{
	case $1 in
	stock)		echo "${STOCK_QEMU:-/usr/bin/qemu-system-x86_64}" ;;
	patched)	echo "$work/qemu-patched" ;;
	esac
}

take_devices()
{
	local device

	for device in "${devices[@]}"; do
		virsh -q nodedev-detach "pci_${device//[:.]/_}"
		chown "$uid" "/dev/vfio/devices/$(basename "/sys/bus/pci/devices/$device/vfio-dev/"*)"
	done
}

give_back_devices()
{
	local device

	for device in "${devices[@]}"; do
		virsh -q nodedev-reattach "pci_${device//[:.]/_}" || true
	done
}

# enter_backend BACKEND
enter_backend()
{
	[[ $in_backend != "$1" ]] || return 0
	leave_backend
	in_backend=$1
	case $1 in
	compat)
		mount --bind /dev/iommu /dev/vfio/vfio
		chmod 666 /dev/iommu
		;;
	iommufd-user)
		take_devices
		chown "$uid" /dev/iommu
		;;
	iommufd-process)
		take_devices
		start_sender
		;;
	esac
}

# start_sender: returns when it listens, which it tells by closing its stdout
start_sender()
{
	local ready said

	exec {ready}< <(exec "$tools/iommufd-pass" "$work/iommufd" "$uid" 2>"$work/sender")
	sender=$!
	read -r -u "$ready" || true
	exec {ready}<&-
	kill -0 "$sender" 2>/dev/null || {
		content said "$work/sender"
		die "no /dev/iommu for processes: $said"
	}
}

# leave_backend: as it was before
leave_backend()
{
	case $in_backend in
	compat)
		umount /dev/vfio/vfio
		;;
	iommufd-*)
		give_back_devices
		;;
	esac
	[[ -z $sender ]] || kill "$sender" 2>/dev/null || true
	sender=
	[[ -z $in_backend ]] || {
		chown "${iommu_was% *}" /dev/iommu
		chmod "${iommu_was#* }" /dev/iommu
	}
	in_backend=
}

# libvirt_has_not CONTROLLER: whether libvirt leaves that cgroup controller alone
libvirt_has_not()
{
	grep -q '^ *cgroup_controllers *= *\[' /etc/libvirt/qemu.conf &&
		! grep -q "^ *cgroup_controllers *=.*\"$1\"" /etc/libvirt/qemu.conf
}

# libvirt_in_the_way: what keeps QEMU from files that libvirt has not given it
libvirt_in_the_way()
{
	grep -q '^ *namespaces *= *\[ *\]' /etc/libvirt/qemu.conf ||
		echo 'iommufd takes namespaces = [] in qemu.conf, or libvirt hides /dev/iommu'
	libvirt_has_not devices ||
		echo 'iommufd takes cgroup_controllers without "devices" in qemu.conf'
	[[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) != Y ]] ||
		grep -q '^ *security_driver *= *"none"' /etc/libvirt/qemu.conf ||
		echo 'iommufd takes security_driver = "none" in qemu.conf: AppArmor does not know it'
}

# backing_dir FILESYSTEM: whether libvirt's directory for files of memory is on such a
# one. In L1 there is one of each to put there.
backing_dir()
{
	local dir

	dir=$(sed -n 's/^ *memory_backing_dir *= *"\(.*\)".*/\1/p' /etc/libvirt/qemu.conf)
	dir=${dir:-/var/lib/libvirt/qemu/ram}
	if [[ -n ${VMSTART_BACKING:-} ]]; then
		! mountpoint -q "$dir" || umount "$dir"
		mount --bind "$VMSTART_BACKING/$1" "$dir"
	fi
	case $(stat -f -c %T "$dir") in
	ext2/ext3)	[[ $1 = ext4 ]] ;;
	*)		[[ $1 = $(stat -f -c %T "$dir") ]] ;;
	esac
}
