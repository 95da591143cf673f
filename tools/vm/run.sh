#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only

usage="\
Run a command in L1, a QEMU machine (emulated, no KVM needed) with an IOMMU and
PCI devices that can be assigned; its output and exit status are run.sh's own.

Use:	tools/vm/run.sh [OPTION]... -- COMMAND [ARGUMENT]...
	tools/vm/run.sh [OPTION]... --shell

  --kernel K       stock (Debian's own 6.12, the default), test (the project's
                   small kernel) or the path of a bzImage
  --modules DIR    what is /lib/modules/RELEASE for such a bzImage
  --root FILE      an ext4 image that is L1's root file system, instead of rootfs.sh's
  --append ARGS    more kernel arguments
  --devices LIST   of edu, e1000e, nvme, virtio-net, with commas, a name as often
                   as wanted; or none (default: one of each)
  --no-iommu       leave the emulated IOMMU out
  --mem SIZE       L1's memory (4G)
  --smp N          L1's CPUs (2)
  --icount         one CPU, whose clock counts its instructions: a nanosecond is
                   an instruction, however busy the host is. Slower by half
  --hugepages N    reserve N 2 MiB pages at boot
  --disk FILE      a second disk, /dev/vdb, that begins as FILE is: what is
                   written to it is lost
  --share DIR:MNT  mount the host's DIR at MNT in L1, writable; may be repeated
  --share-ro DIR:MNT  the same, read-only
  --out DIR        the host's directory that is /out in L1 (build/out)
  --log FILE       L1's kernel log (build/vm/console.log)
  --qemu-arg ARG   one more argument for QEMU; may be repeated
  --timeout S      give up after S seconds (1200; a shell has no limit)
  --expect REGEX   lines of L1's kernel log that are no complaint (see 123 below),
                   since COMMAND provokes them; may be repeated
  --splat-ok       whatever L1's kernel logs is no complaint

In L1 the source tree is at /pinacct, read-only, and is the working directory.
tools/vm/l1/ has commands for use in L1.

Exit status: COMMAND's, 0 after a shell, or
  122  run.sh was used wrongly or something it needs could not be made
  123  COMMAND succeeded, but L1's kernel logged a BUG, a WARNING or the like
  124  the time was up
  125  L1 did not start, or died before COMMAND ended
  130  interrupted"

. "$(dirname "$0")/../../scripts/lib.sh"

# Set apart what is wrong with the harness from what COMMAND returns.
die()
{
	printf 'pinacct: error: %s\n' "$*" >&2
	exit 122
}

kernel=stock modules='' root='' append='' devices=edu,e1000e,nvme,virtio-net iommu=yes
mem=4G smp=2 icount='' hugepages=0 second_disk='' out=$pa_top/build/out log=$pa_top/build/vm/console.log
timeout='' shell='' splat_ok='' expected=(-e '^$') shares=() qemu_more=() command=()

parse()
{
	while [[ $# -gt 0 ]]; do
		case $1 in
		--shell)	shell=yes ;;
		--no-iommu)	iommu=no ;;
		--splat-ok)	splat_ok=yes ;;
		--icount)	icount=yes ;;
		-h|--help)	echo "$usage"; exit 0 ;;
		--)		shift; command=("$@"); break ;;
		--*)
			[[ $# -ge 2 ]] || die "$1 needs a value"
			option "$1" "$2"
			shift
			;;
		*)		die "'$1' is not an option; put -- before the command (see --help)" ;;
		esac
		shift
	done
	[[ -n $shell || ${#command[@]} -gt 0 ]] || die "no command: see --help"
	[[ -z $shell || ${#command[@]} = 0 ]] || die "--shell and a command exclude each other"
}

option()
{
	case $1 in
	--kernel)	kernel=$2 ;;
	--modules)	modules=$2 ;;
	--root)		root=$2 ;;
	--append)	append=$2 ;;
	--devices)	devices=$2 ;;
	--mem)		mem=$2 ;;
	--smp)		smp=$2 ;;
	--hugepages)	hugepages=$2 ;;
	--disk)		second_disk=$2 ;;
	--share)	shares+=(rw "$2") ;;
	--share-ro)	shares+=(ro "$2") ;;
	--out)		out=$2 ;;
	--log)		log=$2 ;;
	--qemu-arg)	qemu_more+=("$2") ;;
	--timeout)	timeout=$2 ;;
	--expect)	expected+=(-e "$2") ;;
	*)		die "no option is called $1 (see --help)" ;;
	esac
}

# add_device N NAME: one assignable device behind a root port of its own, so
# that it has an IOMMU group of its own. Sets no option ROM: firmware would
# otherwise spend a second on them.
add_device()
{
	local n=$1 port=port$1

	qemu+=(-device "pcie-root-port,id=$port,chassis=$((n + 1)),addr=$((n + 16))")
	case $2 in
	edu)
		qemu+=(-device "edu,bus=$port")
		;;
	e1000e)
		qemu+=(-netdev "hubport,id=net$n,hubid=$n"
			-device "e1000e,netdev=net$n,romfile=,bus=$port")
		;;
	virtio-net)
		qemu+=(-netdev "hubport,id=net$n,hubid=$n"
			-device "virtio-net-pci,netdev=net$n,romfile=,disable-legacy=on,iommu_platform=on,bus=$port")
		;;
	nvme)
		qemu+=(-drive "if=none,id=disk$n,file=$disk,format=raw,snapshot=on"
			-device "nvme,drive=disk$n,serial=pinacct$n,bus=$port")
		;;
	*)
		die "no device is called '$2': edu, e1000e, nvme, virtio-net or none"
		;;
	esac
}

# add_share TAG DIR [,OPTION]
add_share()
{
	qemu+=(-fsdev "local,id=$1,path=${2//,/,,},security_model=none${3:-}"
		-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}

# add_shares [rw|ro DIR:MNT]...
add_shares()
{
	local dir mount n=0

	add_share pinacct "$pa_top" ,readonly=on
	add_share ctl "$ctl"
	mkdir -p "$out"
	set -- "$@" rw "$out:/out"
	[[ ! -e $boot/modules ]] || set -- "$@" ro "$boot/modules:/lib/modules/RELEASE"

	while [[ $# -gt 0 ]]; do
		dir=$(realpath -- "${2%:*}") mount=${2##*:}
		[[ $2 = *:/* && -d $dir ]] || die "--share $2: not an existing DIR:/MNT"
		if [[ $1 = ro ]]; then
			add_share "share$n" "$dir" ,readonly=on
		else
			add_share "share$n" "$dir"
		fi
		echo "share$n $1 $mount" >>"$ctl/shares"
		n=$((n + 1))
		shift 2
	done
}

# 16 MiB in which no two blocks are alike.
fill_disk()
{
	seq -f 'pinacct block %09.0f' 800000 | head -c 16M >"$1/disk.raw" || true
}

add_devices()
{
	local name n=0

	[[ $devices != none ]] || return 0
	disk=$(pa_cached disk "$(declare -f fill_disk)" fill_disk)/disk.raw
	for name in ${devices//,/ }; do
		add_device $n "$name"
		n=$((n + 1))
	done
}

# What the machine needs whatever runs in it. max: AMD SVM, for KVM in L1.
# la57=off: QEMU 7.2's nested paging cannot do five levels. aw-bits: a guest
# behind an IOMMU of its own needs 48. No caching-mode: this is "real" hardware.
# -erms,-fsrm: TCG runs "rep stosb" byte by byte, and memory that is pinned is
# zeroed first. A loaded host confuses the timer check at boot, and TCG at times
# loses a one-shot timer interrupt, so L1 has a periodic tick.
machine()
{
	local accel=tcg,thread=multi
	local args="console=ttyS0 loglevel=7 panic=-1 watchdog_thresh=60 log_buf_len=4M"
	args+=" no_timer_check nohz=off highres=off"

	if [[ -n $icount ]]; then
		accel=tcg,thread=single
		smp=1
	fi
	qemu=(qemu-system-x86_64 -name pinacct-l1
		-M q35,kernel-irqchip=split -accel "$accel" -cpu max,la57=off,-erms,-fsrm
		-m "$mem" -smp "$smp" -nodefaults -no-user-config -display none -no-reboot
		-serial "file:$ctl/console" -kernel "$boot/kernel" -initrd "$boot/initramfs"
		-drive "if=none,id=root,file=${root//,/,,},format=raw,readonly=on"
		-device virtio-blk-pci,drive=root)
	[[ -z $second_disk ]] ||
		qemu+=(-drive "if=none,id=second,file=${second_disk//,/,,},format=raw,snapshot=on"
			-device virtio-blk-pci,drive=second)
	if [[ $iommu = yes ]]; then
		qemu+=(-device intel-iommu,intremap=on,aw-bits=48)
		args+=" intel_iommu=on iommu=nopt"
	fi
	[[ $hugepages = 0 ]] || args+=" hugepages=$hugepages"
	[[ -z $icount ]] || qemu+=(-icount shift=0,sleep=off -rtc base=2024-01-01,clock=vm -seed 42)
	qemu+=(-append "$args $append")
	[[ -z $shell ]] || qemu+=(-serial mon:stdio)
}

finish()
{
	# This is timeout(1), which passes the signal on to QEMU.
	if [[ -n ${qemu_pid:-} ]]; then
		kill "$qemu_pid" 2>/dev/null || true
		wait "$qemu_pid" 2>/dev/null || true
	fi
	if [[ -s $ctl/console ]]; then
		mkdir -p "$(dirname "$log")"
		cp "$ctl/console" "$log"
	fi
	rm -rf "$ctl"
}

# start: QEMU in the background. However this script dies, setpriv's signal
# ends timeout and with it QEMU.
start()
{
	local limit=${timeout:-1200}

	[[ -z $shell ]] || limit=${timeout:-0}
	if [[ -n $shell ]]; then
		# In the foreground, for the terminal's sake.
		setpriv --pdeathsig TERM timeout --foreground -k 5 "$limit" \
			setpriv --pdeathsig KILL "${qemu[@]}" <&0 2>"$ctl/qemu" &
	else
		setpriv --pdeathsig TERM timeout -k 5 "$limit" \
			setpriv --pdeathsig KILL "${qemu[@]}" </dev/null >/dev/null 2>"$ctl/qemu" &
	fi
	qemu_pid=$!
	if [[ -t 0 ]]; then
		watch_terminal <&0 >/dev/null 2>&1 &
	fi
}

# A terminal that is closed signals only its session's leader, which may be a
# make that waits for us. Ends with this script's QEMU.
watch_terminal()
{
	while kill -0 "$qemu_pid" 2>/dev/null && sleep 2; do
		[[ -t 0 ]] || kill "$qemu_pid" 2>/dev/null
	done
}

# Copies what COMMAND prints while it prints it, until QEMU is gone.
follow()
{
	: >"$ctl/stdout"
	: >"$ctl/stderr"
	tail -q -c +1 -s 0.1 -f --pid="$qemu_pid" "$ctl/stdout" 2>/dev/null &
	tails+=($!)
	tail -q -c +1 -s 0.1 -f --pid="$qemu_pid" "$ctl/stderr" >&2 2>/dev/null &
	tails+=($!)
}

# Ends an L1 whose clock has stopped: it would not get anywhere in hours.
watch_clock()
{
	tail -q -c +1 -s 1 -F --pid="$qemu_pid" "$ctl/console" 2>/dev/null |
		grep -q "kthread timer wakeup didn't happen" || return 0
	: >"$ctl/stopped"
	kill "$qemu_pid"
}

show_log()
{
	[[ -s $ctl/console ]] || return 0
	say "the end of L1's kernel log (all of it: $log):"
	tail -n 25 "$ctl/console" | tr -d '\r' | sed 's/^/    /' >&2
}

# A kernel that patches its code at boot now and then dies of it under TCG with
# several CPUs. So early none of our modules is loaded.
died_booting()
{
	[[ ! -e $ctl/started ]] && grep -aqs 'Kernel panic' "$ctl/console"
}

# The same later on, when KVM or a driver is loaded or switched on: one CPU runs into
# the breakpoint that the other has put where it changes code. The kernel takes
# such a breakpoint for its own and goes on; only TCG lets it see one that is gone
# again. Not where our own code is at fault.
died_patching()
{
	[[ -e $ctl/started && ! -s $ctl/status ]] &&
		grep -aqs 'Kernel panic' "$ctl/console" &&
		grep -aEs -m 1 "$splats" "$ctl/console" | grep -q 'Oops: int3:' &&
		! grep -aE -m 1 -A 6 'Oops: int3:' "$ctl/console" |
			grep -qE 'RIP:.*\[(pinacct|iommufd|vfio)'
}

# What no kernel says unless something is wrong in it.
splats='BUG: |WARNING: |Oops|general protection fault|Kernel panic|KASAN|UBSAN|KFENCE'
splats+='|refcount_t: |possible circular locking|possible recursive locking|suspicious RCU usage'
splats+='|blocked for more than|Bad page state|DMAR:.*(fault|ERROR)'
splats+='|KCSAN|kmemleak: .*suspected|ODEBUG|trying to register non-static key|lockdep is turned off'
splats+='|list_(add|del) corruption'

verdict()
{
	local qemu_status=$1 status

	if [[ ! -s $ctl/status ]]; then
		show_log
		[[ ! -s $ctl/qemu ]] || sed 's/^/    QEMU: /' "$ctl/qemu" >&2
		if [[ -e $ctl/stopped ]]; then
			say "error: L1's emulated clock has stopped, through no fault of COMMAND: run it again"
			return 125
		fi
		if [[ $qemu_status = 124 || $qemu_status = 137 && $SECONDS -ge ${timeout:-1200} ]]; then
			say "error: L1 was not done within ${timeout:-1200} seconds"
			return 124
		fi
		say "error: L1 did not start or died (QEMU's exit status: $qemu_status)"
		return 125
	fi
	status=$(<"$ctl/status")
	tr -d '\r' <"$ctl/console" | grep -aEv "${expected[@]}" >"$ctl/log"
	if [[ -z $splat_ok ]] && grep -aEq "$splats" "$ctl/log"; then
		say "error: L1's kernel complained (all of its log: $log):"
		# head closes the pipe on a long one, which is no failure.
		grep -aE -m 5 -A 30 "$splats" "$ctl/log" | head -n 80 | sed 's/^/    /' >&2 || true
		[[ $status != 0 ]] || status=123
	fi
	return "$status"
}

parse "$@"
"$pa_top/scripts/deps.sh" vm || exit 122
[[ -n $root ]] || root=$("$pa_top/tools/vm/rootfs.sh")/root.ext4 || exit 122
[[ -f $root ]] || die "--root $root: there is no such file"
boot=$("$pa_top/tools/vm/kernel.sh" "$kernel" "$modules") || exit 122

# What a run leaves that was killed without a chance to clean up.
for ctl in "${TMPDIR:-/tmp}"/pinacct-l1.*; do
	pid=${ctl#*/pinacct-l1.}
	[[ ! -O $ctl || -d /proc/${pid%.*} ]] || rm -rf -- "$ctl"
done
ctl=$(mktemp -d "${TMPDIR:-/tmp}/pinacct-l1.$$.XXXXXX")
tails=()
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [[ -n $shell ]]; then
	size=$(stty size 2>/dev/null) || size="24 80"
	echo "${size/#0 0/24 80} ${TERM:-linux}" >"$ctl/terminal"
else
	printf '%q ' "${command[@]}" >"$ctl/command"
fi
machine
add_shares "${shares[@]}"
add_devices
qemu+=("${qemu_more[@]}")

for ((boots = 1; ; boots++)); do
	SECONDS=0
	start
	watch_clock >/dev/null 2>&1 &
	[[ -n $shell ]] || follow
	qemu_status=0
	wait "$qemu_pid" || qemu_status=$?
	[[ ${#tails[@]} = 0 ]] || wait "${tails[@]}" || true
	qemu_pid=
	[[ $boots -lt 3 ]] || break
	if died_booting; then
		say "L1's kernel died before anything of COMMAND was run; booting it again"
	elif died_patching; then
		say "L1's kernel died of its emulator, of a breakpoint; COMMAND is run again"
	else
		break
	fi
	show_log
	rm -f "$ctl/started"
done
verdict "$qemu_status"
