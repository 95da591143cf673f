#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1: make /dev/kvm appear, for everybody's use.
#
# Use:	/pinacct/tools/vm/l1/kvm.sh

fail()
{
	echo "kvm.sh: $*" >&2
	exit 1
}

[[ -e /dev/kvm ]] || modprobe kvm-amd ||
	fail "kvm-amd does not load: see the kernel log"
[[ -e /dev/kvm ]] || grep -qw svm /proc/cpuinfo ||
	fail "no /dev/kvm: L1's CPU has no SVM (is it started with -cpu max?)"
[[ -e /dev/kvm ]] || fail "no /dev/kvm although kvm-amd is loaded: see the kernel log"
chmod 666 /dev/kvm
