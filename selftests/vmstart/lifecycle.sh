#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only

usage="\
What happens to a guest's charges after it has started: resets, devices and memory
that come and go while it runs, a save that cannot be. Fails if after any of them the
charge is not that of what is mapped, to the page; if the guest does not come through;
or if what the limit refuses takes more than the request with it.

Use:	[VARIABLE=...]... selftests/vmstart/lifecycle.sh

  BACKEND=a,b   of type1, iommufd-user (both)
  RESETS=N      how often it is reset (20)
  HOST=local, BDF=0000:01:00.0, RESULTS=DIR  as in run.sh

RESULTS/lifecycle.tap (build/report/lifecycle) has what was seen. Exit status: 0 if all
was as expected, 1 if not, 2 for a name that is not known, 3 if it could not be run, 130
if interrupted"

# shellcheck source=selftests/vmstart/run.sh
. "$(dirname "$0")/run.sh"

results=${RESULTS:-$pa_top/build/report/lifecycle}
resets=${RESETS:-20}
base_kib=$((256 * 1024 + 256))	# RAM, and the firmware
plug_kib=$((128 * 1024))	# memory that is plugged in
tests=0 failed=0 faults=()

# verdict TEST: on all that was expected since the last one. What comes after a failure
# would only fail of it.
verdict()
{
	local result=ok

	tests=$((tests + 1))
	[[ ${#faults[@]} = 0 ]] || {
		result="not ok"
		failed=$((failed + 1))
	}
	echo "$result $tests $backend: $1" >>"$tap"
	[[ ${#faults[@]} = 0 ]] || {
		# What virsh says of a QEMU that has ended is all of its log.
		printf '%s\n' "${faults[@]//$'\n'/ }" | cut -c 1-300 | sed 's/^/# /'
		grep -sav '^20.*-object\|^-\|^LC_ALL\|^HOME\|^XDG\|^PATH' "/var/log/libvirt/qemu/$name.log" |
			tail -n 8 | sed 's/^/# QEMU: /'
		tail -n 3 "$work/serial" | sed 's/^/# guest: /'
	} >>"$tap"
	say "$result $backend: $1"
	faults=()
	[[ $result = ok ]]
}

# ---- what is there

# charges: what the counters say, each in KiB: "VmLck VmPin user pinned ledgers"
charges()
{
	echo "$(status_kib VmLck) $(status_kib VmPin) $((($(user_pages) - user_at_start) * 4))" \
		"$((($(pinned_pages) - pinned_at_start) * 4))" \
		"$(ledgers | awk '{ n += $3 } END { print n + 0 }')"
}

# expect_charged KIB: at once or soon, since QEMU lets go of a device in its own time
expect_charged()
{
	local wanted got until=$((SECONDS + 15))

	case $backend in
	type1)		wanted="$1 0 0 $1 $1" ;;
	iommufd-user)	wanted="0 $1 $1 $1 $1" ;;
	esac
	qemu_lives || {
		wrong "QEMU has ended, and is charged nothing"
		return
	}
	until got=$(charges) && [[ $got = "$wanted" || $SECONDS -ge $until ]] || ! qemu_lives; do
		nap
	done
	expect "VmLck, VmPin, user's locked_vm, pinned, ledgers in KiB" "$got" "$wanted"
}

# said WORD: how often the guest has said it
said()
{
	grep -ac "^L2: $1" "$work/serial" || true
}

# expect_said COUNT WORD
expect_said()
{
	local until=$((SECONDS + seconds_for_guest))

	until [[ $(said "$2") -ge $1 ]] || ! qemu_lives || [[ $SECONDS -ge $until ]]; do
		nap
	done
	expect "how often the guest said '$2'" "$(said "$2")" "$1"
}

clear_refusals()
{
	: >"$tracing/trace"
}

# expect_refusal LIMIT_KIB: since they were cleared, for that limit
expect_refusal()
{
	local got until=$((SECONDS + seconds_for_guest))

	until got=$(grep -om 1 "cause=limit .* limit=[0-9]*" "$tracing/trace") || ! qemu_lives ||
		[[ $SECONDS -ge $until ]]; do
		nap
	done
	[[ $got = *" limit=$(($1 * 1024))" ]] ||
		wrong "the refusal's record is '${got:-none}', not one with limit=$(($1 * 1024))"
}

expect_lives()
{
	qemu_lives || wrong "QEMU has ended"
}

# ---- what is done

# command_ok COMMAND...: of virsh, which is to succeed
command_ok()
{
	local out

	out=$(timeout 120 virsh -q "$@" 2>&1) || wrong "virsh $1: ${out:-exit status $?}"
}

# command_refused WORDS COMMAND...: of virsh, which is to fail and say that
command_refused()
{
	local words=$1 out

	shift
	if out=$(timeout 120 virsh -q "$@" 2>&1); then
		wrong "virsh $1 was done, not refused"
	elif [[ ! $out =~ $words ]]; then
		wrong "virsh $1 is refused with '$out', not '$words'"
	else
		echo "# virsh $1: ${out//$'\n'/ }" >>"$tap"
	fi
}

# monitor JSON: a command of QEMU's own; into $reply
monitor()
{
	reply=$(timeout 120 virsh -q qemu-monitor-command "$name" "$1" 2>&1) || true
}

# set_limit KIB: of the QEMU that runs. libvirt sets hard_limit again when it plugs.
set_limit()
{
	prlimit --pid "${qemu_pid:-none}" --memlock=$(($1 * 1024)) || wrong "QEMU has ended"
}

# prepared FILE LIMIT_KIB: domain, for this backend and machine
prepared()
{
	xsltproc --stringparam backend "$backend" --stringparam devices "$(printf '%s ' "${devices[@]}")" \
		--stringparam emulator "$(real_qemu stock)" --stringparam disk "$work/boot.raw" \
		--stringparam serial "$work/serial" --stringparam cpu "$cpu" --stringparam limit "$2" \
		"$here/prepare.xsl" "$1"
}

# start_domain FILE
start_domain()
{
	name=$(sed -n 's/.*<name>\(.*\)<.*/\1/p' "$1")
	rm -f "/var/log/libvirt/qemu/$name.log"
	: >"$work/serial"
	command_ok define "$1"
	command_ok start "$name"
	find_qemu
}

stop_domain()
{
	local verdict=-

	stop
	expect_back
	name=
}

# device_xml: the first device, for virsh
device_xml()
{
	sed -n '/<hostdev /,/<\/hostdev>/p' "$work/hotplug.xml"
}

memory_xml()
{
	cat <<-END
		<memory model='dimm'>
		  <target><size unit='KiB'>$plug_kib</size><node>0</node></target>
		</memory>
	END
}

# attach: the device, by libvirt where it knows how
attach()
{
	local iommufd=

	if [[ $backend = type1 && ${1:-} != monitor ]]; then
		command_ok attach-device "$name" "$work/device.xml" --live
		return
	fi
	[[ $backend = type1 ]] || iommufd=',"iommufd":"iommufd0"'
	chown "$uid" "/dev/vfio/$(group_of "${devices[0]}")"
	monitor "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"vfio-pci\",\"host\":\"${devices[0]}\",\"id\":\"plugged\",\"bus\":\"pci.6\"$iommufd}}"
	plugged=yes
}

detach()
{
	if [[ $plugged = yes ]]; then
		monitor '{"execute":"device_del","arguments":{"id":"plugged"}}'
		plugged=
	else
		command_ok detach-device "$name" "$work/device.xml" --live
	fi
}

# ---- the tests

test_resets()
{
	local n

	prepared "$here/domains/default.xml" $base_kib >"$work/reset.xml"
	start_domain "$work/reset.xml"
	expect_said 1 "done"
	expect_charged $base_kib
	for ((n = 1; n <= resets; n++)); do
		command_ok reset "$name"
		expect_said $((n + 1)) "done"
		expect_charged $base_kib
		[[ ${#faults[@]} = 0 ]] || break
	done
	expect "what the guest has read of its disk" \
		"$(sed -n 's/^L2: disk 1 \([0-9A-F]*\).*/\1/p' "$work/serial" | sort | uniq -c | tr -s ' ')" \
		" $((resets + 1)) ${sums[0]}"
	verdict "reset $resets times, with just the limit that it needs" || return 0

	command_refused 'VFIO migration is not supported' managedsave "$name"
	expect_charged $base_kib
	command_ok reset "$name"
	expect_said $((resets + 2)) "done"
	verdict "a save is refused, and the guest goes on" || return 0
}

test_hotplug()
{
	local n comes=1 goes=0 plugged=
	local all_kib=$((base_kib + plug_kib))

	prepared "$here/lifecycle.xml" $all_kib | sed "s|<type .*</type>|&<kernel>$work/kernel</kernel>\
<initrd>$work/initramfs</initrd><cmdline>$cmdline</cmdline>|" >"$work/hotplug.xml"
	device_xml >"$work/device.xml"
	memory_xml >"$work/memory.xml"
	start_domain "$work/hotplug.xml"
	expect_said 1 "disk $sha"
	expect_charged $base_kib
	verdict "a guest with places for more has started" || return 0

	for n in 1 2 3; do
		detach
		expect_said $((++goes)) gone
		expect_charged 0
		attach
		expect_said $((++comes)) "disk $sha"
		expect_charged $base_kib
	done
	verdict "a device is detached and attached again, three times" || return 0

	detach
	expect_said $((++goes)) gone
	expect_charged 0
	set_limit $((base_kib - 4))
	clear_refusals
	attach monitor
	[[ $reply = *'"error"'* ]] || wrong "QEMU has taken the device, and said '$reply'"
	plugged=
	expect_refusal $((base_kib - 4))
	expect_charged 0
	expect_lives
	set_limit $all_kib
	attach
	expect_said $((++comes)) "disk $sha"
	expect_charged $base_kib
	verdict "a device that the limit refuses is not attached, and the guest goes on" || return 0

	command_ok attach-device "$name" "$work/memory.xml" --live
	expect_charged $all_kib
	command_ok detach-device "$name" "$work/memory.xml" --live
	expect_charged $base_kib
	verdict "memory is plugged in and out" || return 0

	command_ok update-memory-device "$name" --requested-size ${plug_kib}KiB
	expect_charged $all_kib
	command_ok update-memory-device "$name" --requested-size 0
	expect_charged $base_kib
	verdict "virtio-mem grows and shrinks" || return 0

	set_limit $((base_kib + plug_kib / 2))
	clear_refusals
	command_ok update-memory-device "$name" --requested-size ${plug_kib}KiB
	expect_refusal $((base_kib + plug_kib / 2))
	expect_charged $base_kib
	expect_lives
	command_ok update-memory-device "$name" --requested-size 0
	detach
	expect_said $((++goes)) gone
	attach
	expect_said $((++comes)) "disk $sha"
	expect_charged $base_kib
	verdict "virtio-mem does not grow over the limit, and the guest goes on" || return 0

	# Nobody is asked before a DIMM is there, so for QEMU 10.0 it is as if hardware
	# had failed.
	command_ok attach-device "$name" "$work/memory.xml" --live
	expect_charged $all_kib
	clear_refusals
	command_refused 'monitor' attach-device "$name" "$work/memory.xml" --live
	expect_refusal $all_kib
	grep -q 'hardware error: vfio: DMA mapping failed' "/var/log/libvirt/qemu/$name.log" ||
		wrong "QEMU did not give up over what was refused"
	verdict "a DIMM over the limit is refused, and QEMU gives up" || return 0
}

disk_of()
{
	local dir

	for dir in "/sys/bus/pci/devices/$1/nvme/"nvme*/nvme*n1; do
		[[ -d $dir ]] || die "$1 is no nvme disk, and this guest reads one"
		echo "/dev/${dir##*/}"
	done
}

# clean_up_all: devices that are taken for type1 as well are not run.sh's
clean_up_all()
{
	trap '' INT TERM HUP
	[[ $in_backend != type1 ]] || give_back_devices
	clean_up
}

guest()
{
	"$pa_top/tools/vm/guest.sh" "$here/lifecycle-init.sh" nvme virtio_mem
}

lifecycle_here()
{
	local disk what guest=${VMSTART_GUEST:-}

	[[ -n $guest ]] || {
		"$here/build.sh"
		guest=$(guest)
	}
	look_around
	disk=$(disk_of "${devices[0]}")
	sha=$(dd if="$disk" bs=64k count=1 status=none | sha256sum)
	sha=${sha%% *}
	trap clean_up_all EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	set_up
	cp "$guest/kernel" "$guest/initramfs" "$work"
	tap=$results/lifecycle.tap dir=$results
	: >"$tap"
	for backend in ${BACKEND//,/ }; do
		enter_backend "$backend"
		[[ $backend != type1 ]] || take_devices
		for what in resets hotplug; do
			"test_$what"
			stop_domain
			verdict "nothing is left after $what" || true
		done
		[[ $backend != type1 ]] || give_back_devices
	done
	leave_backend
	complete=yes
	echo "1..$tests" >>"$tap"
	[[ $failed = 0 ]]
}

lifecycle_in_l1()
{
	local guest

	"$pa_top/scripts/deps.sh" build vm check
	"$pa_top/scripts/build-modules.sh" ours >/dev/null
	"$here/build.sh"
	guest=$(guest)
	rm -f "$results/lifecycle."*
	mkdir -p "$results"
	exec "$pa_top/tools/vm/run.sh" --devices nvme,nvme --disk "$tools/ext4.raw" \
		--out "$results" --log "$results/lifecycle.log" --timeout 1800 \
		--share-ro "$guest:/guest" -- \
		env "BACKEND=$BACKEND" "RESETS=$resets" VMSTART_GUEST=/guest selftests/l1/vmstart.sh lifecycle.sh
}

case ${1:-} in
'')		;;
-h|--help)	echo "$usage"; exit 0 ;;
*)		misused "'$1': this takes variables (see --help)" ;;
esac
cmdline="console=ttyS0 quiet panic=-1 no_timer_check iommu=noaperture intel_iommu=off"
BACKEND=${BACKEND:-type1,iommufd-user} QEMU=stock HOST=${HOST:-l1} BDF=${BDF:-}
known backend "$BACKEND" type1 iommufd-user
known HOST "$HOST" local l1
[[ $resets =~ ^[0-9]+$ ]] || misused "RESETS=$resets is not a number"
if [[ $HOST = l1 ]]; then
	lifecycle_in_l1
else
	lifecycle_here
fi
