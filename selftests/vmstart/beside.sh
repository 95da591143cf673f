# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Does it matter to a guest that another of the same user is running? For a policy
# that says "beside", one is started first: default.xml, on the last of the devices,
# with the row's own limit, on the row's backend. Sourced by run.sh.

beside=

# start_beside: returns when it has read its disk
start_beside()
{
	local serial=$work/serial-beside disk=$work/boot-beside.raw
	local said='' until=$((SECONDS + seconds_for_guest))

	beside=vmstart-beside
	: >"$serial"
	# QEMU locks the disk of a guest.
	cp "$work/boot.raw" "$disk"
	prepare default "$serial" "${devices[-1]}" |
		sed "s,<name>vmstart-default<,<name>$beside<,; s,$work/boot.raw,$disk," >"$dir/beside.xml"
	ask_libvirt "define $dir/beside.xml; start $beside" >"$dir/beside" 2>&1 || {
		wrong "the guest beside it did not start"
		return
	}
	until [[ $said = *"L2: done"* ]]; do
		[[ $SECONDS -lt $until ]] || {
			wrong "the guest beside it did not read its disk"
			return
		}
		nap
		content said "$serial"
	done
}

stop_beside()
{
	[[ -n $beside ]] || return 0
	ask_libvirt "destroy $beside; undefine --nvram $beside" >>"$dir/beside" 2>&1 ||
		wrong "the guest beside it was not there any more"
	beside=
}
