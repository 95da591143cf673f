# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts that run in L1 share.

tell()
{
	printf 'pinacct: L1: %s\n' "$*" >&2
}

remove_modules()
{
	[[ ! -d /sys/module/pinacct_mediated ]] || rmmod pinacct_mediated
	/pinacct/tools/vm/l1/load.sh --remove
}

# use_modules ours|stock [DEVICE...]: that set of modules, and no other, with the
# devices on vfio-pci
use_modules()
{
	local set=$1

	shift
	remove_modules
	/pinacct/tools/vm/l1/load.sh "$set"
	[[ $# = 0 ]] || /pinacct/tools/vm/l1/assign.sh "$@" >/dev/null
}

# mark_disks: L1's two disks have the same contents, but for a mark that is made
# here: what a guest has read must tell from which
mark_disks()
{
	local n disk

	modprobe nvme || return
	for n in 0 1; do
		disk=/dev/nvme${n}n1
		for _ in {1..100}; do
			[[ ! -b $disk ]] || break
			sleep 0.1
		done
		echo "disk $n" | dd of=$disk conv=fsync status=none || return
	done
}

# cpus 1|2: how many CPUs are on. Reading the pin counters takes a turn on every
# CPU, which under emulation costs milliseconds with two and nothing with one.
cpus()
{
	echo $(($1 - 1)) >/sys/devices/system/cpu/cpu1/online
}

# run_tap NAME PROGRAM [ARGUMENT...]: its output into /out/NAME.tap. A program
# that ends too early is seen by the host: its plan is not met.
run_tap()
{
	local out=/out/$1.tap

	shift
	mkdir -p "$(dirname "$out")"
	timeout 900 "$@" >"$out" 2>&1 || true
}

# timed COMMAND [ARGUMENT...]
timed()
{
	local start=$SECONDS

	"$@"
	tell "$*: $((SECONDS - start)) s"
}
