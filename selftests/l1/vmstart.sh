#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1: what selftests/vmstart/run.sh expects of a machine with libvirt, and then that
# script for this machine. It gets DOMAIN, BACKEND, POLICY and QEMU.
#
# Use:	vmstart.sh [run.sh|lifecycle.sh]
#
# L1 has two nvme disks, a disk with ext4, and huge pages of both sizes. What it has
# not is systemd, so libvirtd is started by hand.
#
# Exit status: that of run.sh, or 1.

set -euo pipefail

# shellcheck source=selftests/l1/lib.sh
. /pinacct/selftests/l1/lib.sh

# A directory on each file system that memory_backing_dir can be on.
backing_dirs()
{
	mkdir -p /run/backing/{ext4,tmpfs,hugetlbfs} /dev/hugepages1G
	mount -t ext4 /dev/vdb /run/backing/ext4
	mount -t tmpfs tmpfs /run/backing/tmpfs
	mount -t hugetlbfs -o pagesize=2M huge /run/backing/hugetlbfs
	mount -t hugetlbfs -o pagesize=1G huge /dev/hugepages1G
	chown libvirt-qemu:kvm /run/backing/*
}

# No cgroups and no mount namespaces: the first are not set up here, the second would
# hide /dev/iommu. What QEMU's user may open is what it owns. The capability that is
# filtered is that of telling all of the CPU's properties one by one, 460 questions which
# take 6 s under emulation at every start.
configure()
{
	cat >/etc/libvirt/qemu.conf <<-END
		user = "libvirt-qemu"
		group = "kvm"
		namespaces = []
		cgroup_controllers = []
		security_driver = "none"
		stdio_handler = "file"
		capability_filters = [ "cpu-unavailable-features" ]
	END
	cat >/etc/libvirt/libvirtd.conf <<-END
		log_outputs = "2:file:/out/libvirtd.log"
	END
}

start_libvirtd()
{
	libvirtd --daemon
	for _ in {1..200}; do
		[[ ! -S /run/libvirt/libvirt-sock ]] || return 0
		sleep 0.05
	done
	tell "libvirtd does not come up: see libvirtd.log"
	return 1
}

/pinacct/tools/vm/l1/load.sh ours
/pinacct/tools/vm/l1/kvm.sh
# No guest gets timer interrupts faster than it handles them here: QEMU 7.2, whose SVM
# this is, dies of one that waits while OVMF's handler restores CR8.
echo 1000000 >/sys/module/kvm/parameters/min_timer_period_us
mark_disks
backing_dirs
# Or each guest would have this kernel patch itself, of which it dies under TCG.
read -r < <(exec /pinacct/build/vmstart/kvm-keep) || true
configure
timed start_libvirtd

# check-domains.sh has been run on the host, whose libvirt is another. All in one go:
# to read the schema is what takes its time.
xmllint --noout --relaxng /usr/share/libvirt/schemas/domain.rng \
	/pinacct/selftests/vmstart/domains/*.xml 2>/out/domains || {
	grep -v ' validates$' /out/domains >&2
	tell "a domain is not valid by L1's libvirt"
	exit 1
}

export HOST=local BDF=0000:01:00.0,0000:02:00.0 RESULTS=/out
export VMSTART_CPU=maximum VMSTART_BACKING=/run/backing VMSTART_GO_ON=yes
[[ ! -d /qemu ]] || export PATCHED_QEMU=/qemu/qemu-system-x86_64
exec "/pinacct/selftests/vmstart/${1:-run.sh}"
