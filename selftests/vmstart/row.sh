# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What happens when one domain is started, on one backend, with one policy? Sourced by
# run.sh, which has chosen the rows and set the variables:
#
#	results work tools	directories: what is kept, what is not, programs
#	devices sums		PCI addresses, and what the guest must read of each disk
#	uid			of QEMU
#	expected_*		by "DOMAIN BACKEND POLICY"
#
# A row is not ok if it ends otherwise than expected.tsv says, QEMU used another
# backend, another sum was charged, the guest read something else, memory was touched
# for a guest that is over its limit, or anything is left when it is gone.

params=/sys/module/pinacct/parameters
tracing=/sys/kernel/tracing/instances/vmstart
seconds_for_guest=120
# More memory than QEMU itself has, and less than any guest has.
touched_bytes=$((128 << 20))

nap()
{
	sleep 0.05
}

# ask_libvirt COMMAND: by virsh, which is not waited for for ever
ask_libvirt()
{
	local status=0

	timeout -k 5 "$seconds_for_guest" virsh -q "$1" || status=$?
	[[ $status != 124 && $status != 137 ]] || echo "virsh $1 did not return in $seconds_for_guest s"
	return "$status"
}

# content VARIABLE FILE: its text, without a process of its own; empty if there is none
content()
{
	printf -v "$1" ''
	[[ ! -r $2 ]] || IFS= read -r -d '' "$1" 2>/dev/null <"$2" || true
}

# ---- what the kernel counts

pinned_pages()
{
	echo 1 >/proc/sys/vm/stat_refresh
	awk '$1 == "nr_foll_pin_acquired" { n += $2 } $1 == "nr_foll_pin_released" { n -= $2 }
	     END { print n + 0 }' /proc/vmstat
}

user_pages()
{
	"$tools/uid-locked-vm" "$uid"
}

ledgers()
{
	[[ ! -r /sys/kernel/debug/pinacct/ledgers ]] || sed 1d /sys/kernel/debug/pinacct/ledgers
}

# status_kib KEY: of QEMU
status_kib()
{
	awk -v key="$1:" '$1 == key { print $2 }' "/proc/$qemu_pid/status"
}

# mlocked_kib: what QEMU itself has locked, which is in its VmLck as well
mlocked_kib()
{
	awk '$1 == "Size:" { size = $2 } $1 == "VmFlags:" && / lo( |$)/ { sum += size }
	     END { print sum + 0 }' "/proc/$qemu_pid/smaps"
}

# ---- a row, from its files to its end

wrong()
{
	faults+=("$*")
}

# expect WHAT GOT WANTED
expect()
{
	[[ $2 = "$3" ]] || wrong "$1 is ${2:-nothing}, not ${3:-nothing}"
}

# set_policy: the parameters, and the limit that the domain gets
set_policy()
{
	local -a fields
	local parameter n=0

	read -ra fields <<<"${policies[$policy]}"
	for parameter in zero_page zero_slack_mb strict_errno charge_once; do
		echo "${fields[n]}" >"$params/$parameter"
		n=$((n + 1))
	done
	case ${fields[4]} in
	libvirt)	limit= ;;
	need*)
		[[ $need =~ ^[0-9]+$ ]] || {
			wrong "expected.tsv gives no need_kib, from which the policy's limit comes"
			return 1
		}
		limit=$((${fields[4]/need/$need}))
		;;
	esac
}

# prepare DOMAIN SERIAL DEVICE...
prepare()
{
	local domain=$1 serial=$2

	shift 2
	xsltproc --stringparam backend "$backend" --stringparam devices "$(printf '%s ' "$@")" \
		--stringparam emulator "$(emulator_path)" --stringparam disk "$work/boot.raw" \
		--stringparam serial "$serial" --stringparam socket "$work/iommufd" \
		--stringparam cpu "$cpu" --stringparam limit "$limit" \
		"$here/prepare.xsl" "$here/domains/$domain.xml"
}

find_qemu()
{
	content qemu_pid "/run/libvirt/qemu/$name.pid"
	qemu_pid=${qemu_pid%%[!0-9]*}
}

# QEMU's limit can only be seen while there is a QEMU.
look_at_limit()
{
	local limits

	find_qemu
	[[ -n $qemu_pid ]] || return 0
	content limits "/proc/$qemu_pid/limits"
	[[ $limits =~ Max\ locked\ memory\ +([a-z0-9]+) ]] || return 0
	limit_kib=${BASH_REMATCH[1]}
	[[ $limit_kib = unlimited ]] || limit_kib=$((limit_kib / 1024))
}

qemu_lives()
{
	local stat

	[[ -n $qemu_pid ]] || return 1
	content stat "/proc/$qemu_pid/stat"
	[[ -n $stat && ! ${stat##*) } = [ZX]* ]]
}

# guest_said WORD
guest_said()
{
	local said

	content said "$work/serial"
	[[ $said = *"L2: $1"* ]]
}

# start: with virsh, as a user would, up to the verdict
start()
{
	local began=${EPOCHREALTIME/./} status=0 until

	ask_libvirt "define $dir/domain.xml; start $name" >"$dir/libvirt" 2>&1 &
	starting=$!
	while kill -0 "$starting" 2>/dev/null; do
		look_at_limit
		nap
	done
	wait "$starting" || status=$?
	starting=

	find_qemu
	if [[ $status = 0 ]]; then
		look_at_limit
		until=$((SECONDS + seconds_for_guest))
		until guest_said "done" || ! qemu_lives || [[ $SECONDS -ge $until ]]; do
			nap
		done
	fi
	took=$((${EPOCHREALTIME/./} - began))
	if [[ $status != 0 ]]; then
		verdict=refused
		! guest_ran || verdict=aborts
	elif guest_said "done"; then
		verdict=starts
	elif qemu_lives; then
		verdict=hangs
	else
		verdict=aborts
	fi
}

# guest_ran: although virsh says that it was not started. QEMU gives up in these words
# when a mapping fails that the running guest's firmware has asked for.
guest_ran()
{
	guest_said up || grep -qs 'hardware error: vfio' "/var/log/libvirt/qemu/$name.log"
}

# look: at a guest that runs
look()
{
	local charged=${needs[1]:-$need} pinned

	pinned=${needs[2]:-$charged}
	lck_kib=$(status_kib VmLck) pin_kib=$(status_kib VmPin)
	user_kib=$((($(user_pages) - user_at_start) * 4))
	backend_of "$qemu_pid"
	expect "the backend" "$found_backend" "$backend"
	look_at_disks
	[[ $expected = starts ]] || return 0

	local lck=$lck_kib
	! grep -q '<locked/>' "$dir/domain.xml" || lck=$((lck - $(mlocked_kib)))
	case $backend in
	type1)
		expect "VmLck in KiB" "$lck" "$charged"
		expect "VmPin in KiB" "$pin_kib" 0
		expect "the user's locked_vm in KiB" "$user_kib" 0
		;;
	iommufd-process)
		expect "VmLck in KiB" "$lck" "$charged"
		expect "VmPin in KiB" "$pin_kib" "$pinned"
		expect "the user's locked_vm in KiB" "$user_kib" 0
		;;
	*)
		expect "VmLck in KiB" "$lck" 0
		expect "VmPin in KiB" "$pin_kib" "$pinned"
		expect "the user's locked_vm in KiB" "$user_kib" "$charged"
		;;
	esac
}

# The firmware numbers disks in its own order.
look_at_disks()
{
	local read wanted n

	read=$(sed -n 's/^L2: disk [0-9]* \([0-9A-F]*\|failed\).*/\1/p' "$work/serial" | sort)
	wanted=$(for ((n = 0; n < assigned; n++)); do echo "${sums[n]}"; done | grep -v '^-$' | sort) || true
	expect "what the guest read of its disks" "${read//$'\n'/ }" "${wanted//$'\n'/ }"
}

# refusal: the kernel's record of the last one, a line for each of its numbers. QEMU
# tries every BAR over iommufd and goes on, which is none.
refusal()
{
	local record=

	[[ ! -d $tracing ]] ||
		record=$(sed -n '/cause=device/d; s/.*pinacct_refusal: //p' "$tracing/trace" | tail -n 1)
	[[ -n $record ]] || return 0
	tr ' ' '\n' <<<"$record" >"$dir/refusal"
	errno=$(sed -n 's/^errno=//p' "$dir/refusal")
}

# expect_untouched: a guest over its limit is refused before its memory is faulted in,
# which leaves a trace where it is much.
# What was mapped for it before does not count, nor what it was told to touch first.
expect_untouched()
{
	local touched charged comm

	[[ -d $tracing ]] || return 0
	comm=$(basename "$(emulator_path)")
	[[ $backend != iommufd-process ]] || comm+=.qemu
	touched=$(sed -n "/^ *${comm:0:15}-[0-9]/s/.*rss_stat:.* size=\([0-9]*\)B.*/\1/p" \
		"$tracing/trace" | sort -n | tail -n 1)
	# One that has run has touched its memory.
	[[ $verdict != starts || $domain != default || ${touched:-0} -gt $touched_bytes ]] ||
		wrong "the trace does not tell that memory was touched"
	[[ $verdict = refused && -e $dir/refusal ]] || return 0
	grep -qx 'cause=limit' "$dir/refusal" || return 0
	! grep -qE '<locked/>|mode="immediate"' "$dir/domain.xml" || return 0
	charged=$(sed -n 's/^charged=//p' "$dir/refusal")
	[[ ${touched:-0} -le $((charged + touched_bytes)) ]] ||
		wrong "$((touched / 1024)) KiB of memory were touched before it was refused, of which $((charged / 1024)) KiB were charged"
}

# What libvirt, QEMU and the kernel said
keep_messages()
{
	local log=/var/log/libvirt/qemu/$name.log

	[[ ! -e $log ]] || cp "$log" "$dir/qemu"
	dmesg | sed "1,/vmstart: begin $row\$/d; s/^\[[^]]*\] //" >"$dir/kernel"
	refusal
	[[ $errno != - || $verdict = starts ]] ||
		errno=$(sed -n 's/.* = -\([0-9]*\) (.*/\1/p; s/.*error=\([0-9]*\).*/\1/p' "$dir/qemu" 2>/dev/null | head -n 1) || true
	errno=${errno:--}
}

# stop: whatever the row has come to
stop()
{
	local destroy=

	if qemu_lives; then
		destroy="destroy $name; "
	elif [[ $verdict = starts ]]; then
		wrong "QEMU died when its guest had come to its end"
	fi
	ask_libvirt "${destroy}undefine --nvram $name" >>"$dir/libvirt" 2>&1 ||
		wrong "virsh could not remove the domain"
	qemu_pid=
}

# expect_back: nothing is left, at once or soon: libvirt may be told of a death
# before all of the process is gone.
expect_back()
{
	local n pinned user left

	for ((n = 0; n < 20; n++)); do
		pinned=$(($(pinned_pages) - pinned_at_start))
		user=$(($(user_pages) - user_at_start))
		left=$(ledgers)
		[[ $pinned != 0 || $user != 0 || -n $left ]] || return 0
		sleep 0.1
	done
	expect "the number of pinned pages in the end" "$pinned" 0
	expect "the user's locked_vm in the end" "$user" 0
	expect "what is left in ledgers" "$left" ""
}

# lacks: what the domain needs and this machine has not
lacks()
{
	local need value free wanted=$assigned

	[[ ${policies[$policy]} != *' beside' ]] || wanted=$((wanted + 1))
	if [[ $wanted -gt ${#devices[@]} ]]; then
		echo "it needs $wanted devices, and BDF names ${#devices[@]}"
	fi
	[[ $backend != iommufd-* ]] || libvirt_in_the_way
	# A guest with just the memory that may be locked is too large for a cgroup.
	[[ ${policies[$policy]} != *need* ]] || libvirt_has_not memory ||
		echo "a low hard_limit takes cgroup_controllers without \"memory\" in qemu.conf"
	while read -r need value; do
		case $need in
		backing-dir)
			backing_dir "$value" || echo "memory_backing_dir is not on $value"
			;;
		hugepages-2M)
			content free /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages
			[[ ${free:-0} -ge $value ]] || echo "it needs $value free 2 MiB pages"
			;;
		hugepages-1G)
			content free /sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages
			[[ ${free:-0} -ge $value ]] || echo "it needs $value free 1 GiB pages"
			;;
		esac
	done < <(sed -n '/<pinacct:needs/{ s/xmlns:[^ ]*//; p; }' "$here/domains/$domain.xml" |
		grep -o "[a-zA-Z0-9-]*='[^']*'" | tr "='" '  ')
}

# record OK
record()
{
	local line seconds

	printf -v seconds '%d.%02d' $((took / 1000000)) $((took / 10000 % 100))
	[[ ${#faults[@]} = 0 ]] || printf '%s\n' "${faults[@]}" >"$dir/checks"
	printf -v line '%s\t' "$domain" "$backend" "$policy" "$qemu" "$expected" "$verdict" "$1" \
		"$seconds" "$errno" "$limit_kib" "$lck_kib" "$pin_kib" "$user_kib" "$need"
	echo "$line$reason" >>"$results/results.tsv"
	[[ $1 != skip ]] || faults=("$reason")
	printf 'pinacct: %-6s %-22s %-15s %-11s %-7s %s s%s\n' "$1" "$domain" "$backend" "$policy" \
		"$verdict" "$seconds" "${faults[0]:+: ${faults[0]}}" >&2
}

# row DOMAIN BACKEND POLICY QEMU
row()
{
	domain=$1 backend=$2 policy=$3 qemu=$4
	local row="$1.$2.$3.$4" key="$1 $2 $3" lack
	local expected=${expected_verdict[$key]:--} reason=${expected_reason[$key]:--}
	local words=${expected_words[$key]:-}
	local verdict=- took=0 errno=- limit='' limit_kib=- lck_kib=- pin_kib=- user_kib=-
	local -a needs faults=()

	if [[ $qemu = patched ]]; then
		expected=${expected#*/}
	else
		expected=${expected%/*}
	fi
	name=vmstart-$domain dir=$results/rows/$row qemu_pid=
	# Where a row is not predicted yet, its limit still can be tried.
	IFS=: read -ra needs <<<"${expected_need[$key]:-${expected_need["$domain $backend default"]:--}}"
	need=${needs[0]}
	rm -rf "$dir"
	mkdir -p "$dir"
	echo "$row" >"$results/running"
	assigned=$(grep -c '<hostdev' "$here/domains/$domain.xml")
	[[ $expected != - ]] || wrong "expected.tsv has no row '$key'"
	case $([[ ! -e $results/died ]] || grep -cxF "$row" "$results/died") in
	''|0)	;;
	1)	reason+=" (L1 died in this row, and it was run again)" ;;
	*)
		wrong "L1 dies in this row: see console.1.log"
		record not-ok
		return
		;;
	esac

	lack=$(lacks)
	# L1 is made to have all of it.
	if [[ -n $lack && -n ${VMSTART_GO_ON:-} ]]; then
		wrong "L1 lacks something: ${lack%%$'\n'*}"
		record not-ok
		return
	elif [[ -n $lack ]]; then
		verdict=skipped reason=${lack%%$'\n'*}
		record skip
		return
	fi
	if set_policy; then
		learn_emulator
		prepare "$domain" "$work/serial" "${devices[@]}" >"$dir/domain.xml"
		rm -f "/var/log/libvirt/qemu/$name.log"
		: >"$work/serial"
		[[ ! -d $tracing ]] || : >"$tracing/trace"
		echo "vmstart: begin $row" >/dev/kmsg
		[[ ${policies[$policy]} != *' beside' ]] || start_beside
		start
		[[ $verdict != starts ]] || look
		stop
		stop_beside
		keep_messages
		expect_untouched
		[[ -z $words || $qemu = patched ]] || grep -qF "$words" "$dir/kernel" ||
			wrong "the kernel does not say '$words'"
		cp "$work/serial" "$dir/guest"
		expect_back
		[[ $expected = - ]] || expect "the verdict" "$verdict" "$expected"
		[[ -z $limit ]] || expect "RLIMIT_MEMLOCK of QEMU in KiB" "$limit_kib" "$limit"
	fi
	if [[ ${#faults[@]} = 0 ]]; then
		record ok
	else
		record not-ok
	fi
}
