#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1 with a nvme disk and a distribution's own kernel: start a guest with the
# modules that modprobe finds, which are pinacct's or the kernel's own.
#
# Use:	package.sh installed|stock
#
# Exit status 0 if the guest has read its disk with the limit that it needs, is
# refused with less, and the modules were the right ones.

set -uo pipefail

cd /pinacct/tools/vm/l1 || exit 1
# shellcheck source=tools/vm/l1/guest.sh
. ./guest.sh

give_up()
{
	echo "$*"
	exit 1
}

# start BACKEND: with the limit that it takes, and with a page less
start()
{
	allow "$1"
	start_guest "$1" $need_kib
	wait_guest 300 || give_up "$1: the guest did not read its disk: $(tail -n 2 /tmp/qemu)"
	[[ $(disk_sums) = "$sum" ]] || give_up "$1: the guest read something else: $(tail -n 2 /tmp/console)"
	echo "$1: the guest has read its disk: $sum"
	stop_guest
	start_guest "$1" $((need_kib - 4))
	! wait_guest 60 up || give_up "$1: a guest started with a page too little"
	wait "$qemu"
	[[ -n $(refused_errno) ]] || give_up "$1: refused for another reason: $(tail -n 2 /tmp/qemu)"
}

modprobe -a nvme vfio-pci vfio_iommu_type1 || give_up "the modules do not load"
for module in vfio vfio_pci vfio_pci_core vfio_iommu_type1; do
	echo "$module: $(modinfo -n $module)"
	case $1,$(modinfo -n $module) in
	installed,*/updates/dkms/*|stock,*/kernel/*) ;;
	*)	give_up "that is not the $1 one" ;;
	esac
done
if [[ $1 = installed ]]; then
	[[ -e /sys/module/pinacct/holders/vfio_iommu_type1 ]] || give_up "type1 does not use pinacct"
	modprobe iommufd || give_up "iommufd does not load"
else
	[[ ! -e /sys/module/pinacct ]] || give_up "pinacct is loaded"
fi
./kvm.sh || give_up "no KVM in L1"
sum=$(sum_of_disk 0) || give_up "L1 cannot read its disk"
addresses=$(./assign.sh nvme) || give_up "the disk cannot be assigned"
start type1
# Debian 12's QEMU has no word for it.
if [[ $1 = installed && $(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release) != bookworm ]]; then
	start iommufd
fi
