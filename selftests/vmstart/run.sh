#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only

usage="\
Start libvirt domains with assigned devices, each on every backend, and compare what
comes of it with expected.tsv.

Use:	[VARIABLE=...]... selftests/vmstart/run.sh		(make vmstart)

  DOMAIN=a,b    of selftests/vmstart/domains (all)
  BACKEND=a,b   of type1, compat, iommufd-user, iommufd-process (all)
  POLICY=a,b    of policies.tsv (all)
  QEMU=a,b      stock or patched (stock)
  QEMU_VERSION=V  the release that is patched, of qemu-patches (10.0)
  HOST=local    on this machine, which has an IOMMU, libvirt and pinacct's modules
                loaded, instead of in L1. It takes
  BDF=a,b       PCI addresses of the devices to assign, as 0000:01:00.0. Nothing is
                written to them. What the machine has not, or libvirt is not set up
                for, is skipped, with the reason
  ROWS=FILE     only rows of which FILE has a line: domain, backend, policy and, where
                it is not stock, QEMU
  RESULTS=DIR   where what comes of it is kept (build/report/vmstart)

The rows are every domain on every backend with the policy 'default', and what
expected.tsv has beyond that. With both DOMAIN and POLICY it is every combination.

RESULTS/results.tsv has a line for each row; its columns are: domain, backend, policy,
qemu, expected verdict, verdict, ok|not-ok|skip, seconds to the verdict, errno,
RLIMIT_MEMLOCK, VmLck, VmPin, the user's locked_vm, needed limit (all in KiB), reason. What
libvirt, QEMU and the kernel said is in RESULTS/rows/.

Exit status: 0 if every row is ok, 1 if not, 2 for a name that is not known, 3 if not
all rows could be run, 130 if interrupted, when nothing is left running"

. "$(dirname "$0")/../../scripts/lib.sh"
here=$pa_top/selftests/vmstart
# shellcheck source=selftests/vmstart/backend.sh
. "$here/backend.sh"
# shellcheck source=selftests/vmstart/row.sh
. "$here/row.sh"
# shellcheck source=selftests/vmstart/beside.sh
. "$here/beside.sh"

tools=$pa_top/build/vmstart
results=${RESULTS:-$pa_top/build/report/vmstart}
cpu=${VMSTART_CPU:-}

# No verdict on a row.
die()
{
	say "error: $*"
	exit 3
}

misused()
{
	say "error: $*"
	exit 2
}

# ---- which rows

declare -A policies expected_verdict expected_need expected_reason expected_words

# lines FILE: without comments and empty ones
lines()
{
	grep -v '^#' "$1" | grep . || true
}

read_tables()
{
	local name rest domain backend policy verdict need reason words

	while IFS=$'\t' read -r name rest; do
		policies[$name]=${rest//$'\t'/ }
	done < <(lines "$here/policies.tsv")
	while IFS=$'\t' read -r domain backend policy verdict need reason words; do
		[[ -e $here/domains/$domain.xml ]] ||
			die "expected.tsv has a row for '$domain', which is not in domains/"
		[[ $verdict =~ ^(starts|refused|aborts)(/(starts|refused))?$ ]] ||
			die "expected.tsv: '$verdict' of '$domain $backend $policy' is none of starts, refused, aborts"
		expected_verdict["$domain $backend $policy"]=$verdict
		expected_need["$domain $backend $policy"]=$need
		expected_reason["$domain $backend $policy"]=$reason
		expected_words["$domain $backend $policy"]=$words
	done < <(lines "$here/expected.tsv")
}

# known WHAT WANTED NAME...: die unless all of the list WANTED are among the names
known()
{
	local what=$1 wanted=$2 name

	shift 2
	for name in ${wanted//,/ }; do
		[[ " $* " = *" $name "* ]] || misused "no $what is called '$name': $*"
	done
}

domain_names()
{
	basename -s .xml "$here/domains/"*.xml
}

# among NAME LIST: whether it is in the list, or the list is empty
among()
{
	[[ -z $2 || ,$2, = *,$1,* ]]
}

# order BACKEND: its place among the backends
order()
{
	local all=" ${backends[*]} "

	all=${all%% "$1" *}
	echo "${#all}"
}

# check_names: that there is all that was asked for
check_names()
{
	local -a domains

	mapfile -t domains < <(domain_names)
	known domain "$DOMAIN" "${domains[@]}"
	known backend "$BACKEND" "${backends[@]}"
	known policy "$POLICY" "${!policies[@]}"
	known QEMU "$QEMU" stock patched
	known HOST "$HOST" local l1
	[[ -z $ROWS ]] || {
		[[ -r $ROWS ]] || misused "there is no file $ROWS"
		known domain "$(lines "$ROWS" | cut -f 1 | tr '\n' ,)" "${domains[@]}"
		known backend "$(lines "$ROWS" | cut -f 2 | tr '\n' ,)" "${backends[@]}"
		known policy "$(lines "$ROWS" | cut -f 3 | tr '\n' ,)" "${!policies[@]}"
	}
}

# all_rows: "DOMAIN BACKEND POLICY [QEMU,...]", of which the names choose
all_rows()
{
	local domain backend policy

	if [[ -n $ROWS ]]; then
		lines "$ROWS" | tr '\t' ' '
		return
	fi
	printf '%s\n' "${!expected_verdict[@]}"
	for domain in $(domain_names); do
		for backend in "${backends[@]}"; do
			echo "$domain $backend default"
			[[ -n $DOMAIN ]] || continue
			for policy in ${POLICY//,/ }; do
				echo "$domain $backend $policy"
			done
		done
	done
}

# choose: into rows, "BACKEND QEMU POLICY DOMAIN", backends together
choose()
{
	local domain backend policy qemus qemu

	mapfile -t rows < <(
		all_rows | while read -r domain backend policy qemus; do
			among "$domain" "$DOMAIN" && among "$backend" "$BACKEND" &&
				among "$policy" "$POLICY" || continue
			for qemu in ${QEMU//,/ }; do
				[[ -z $ROWS ]] || among "$qemu" "${qemus:-stock}" || continue
				echo "$(order "$backend") $backend $qemu $policy $domain"
			done
		done | sort -u | sort -n | cut -d ' ' -f 2-)
	[[ ${#rows[@]} -gt 0 ]] || misused "expected.tsv has no such row; name both DOMAIN and POLICY to run one all the same"
}

# report: what it came to, for machines and for people
report()
{
	"$here/report.sh" "$results" >"${results%/}.tap"
	say "as TAP: ${results%/}.tap, to read: ${results%/}.html"
}

# ---- in L1, which runs this script again with HOST=local

l1=

# L1 is in the background, so that a signal to us gets to it at once.
end_l1()
{
	trap '' INT TERM HUP
	kill "$l1" 2>/dev/null || true
	wait "$l1" || true
	exit 130
}

# emulator_died: in the middle of a row, with nothing amiss in L1's kernel
emulator_died()
{
	[[ -s $results/running ]] &&
		! grep -aqE 'BUG: |Oops|Kernel panic|general protection' "$results/console.log"
}

in_l1()
{
	local share=() boots status

	"$pa_top/scripts/deps.sh" build vm check
	"$pa_top/scripts/build-modules.sh" ours >/dev/null
	"$here/build.sh"
	! among patched "$QEMU" || share=(--share-ro "$("$pa_top/scripts/qemu.sh" "$QEMU_VERSION"):/qemu")
	[[ ! -d $results || -e $results/results.tsv || -z $(ls -A "$results") ]] ||
		misused "RESULTS=$results has something else in it, which would be removed"
	rm -rf "$results"
	mkdir -p "$results"
	: >"$results/results.tsv"
	say "${#rows[@]} rows, in L1"
	for ((boots = 1; boots <= 6; boots++)); do
		status=0
		"$pa_top/tools/vm/run.sh" --devices nvme,nvme --disk "$tools/ext4.raw" "${share[@]}" \
			--append 'hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=160' \
			--out "$results" --log "$results/console.log" --timeout 5400 -- \
			env "DOMAIN=$DOMAIN" "BACKEND=$BACKEND" "POLICY=$POLICY" "QEMU=$QEMU" \
			"ROWS=${ROWS#"$pa_top/"}" selftests/l1/vmstart.sh &
		l1=$!
		trap end_l1 INT TERM HUP
		wait "$l1" || status=$?
		[[ $status = 125 ]] && emulator_died || break
		cp "$results/console.log" "$results/console.$boots.log"
		say "L1's emulator died in row $(<"$results/running"); going on there"
	done
	report
	if [[ $(wc -l <"$results/results.tsv") != "${#rows[@]}" ]]; then
		say "error: not all of the ${#rows[@]} rows were run (status $status): see $results"
		return 3
	fi
	return "$status"
}

# ---- on this machine

starting='' name='' qemu_pid='' changed='' work='' complete=''

# Devices that something uses are not taken from it.
check_device()
{
	local dev=/sys/bus/pci/devices/$1 path

	[[ $1 =~ ^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$ ]] ||
		misused "'$1' is no PCI address such as 0000:01:00.0"
	[[ -d $dev ]] || misused "there is no PCI device $1"
	[[ -e $dev/iommu_group ]] || die "$1 is in no IOMMU group: is the IOMMU switched on?"
	while read -r path; do
		[[ -z $(ls "$path/holders") ]] &&
			! grep -qE "^/dev/${path##*/}[[:space:]]" /proc/mounts /proc/swaps ||
			die "${path##*/} on $1 is in use: choose another device"
	done < <(find "$dev/" -name holders -printf '%h\n')
	for path in "$dev"/net/*/flags; do
		[[ ! -e $path ]] || (($(<"$path") & 1)) || continue
		[[ ! -e $path ]] || die "$1 is the network interface $(basename "$(dirname "$path")"), which is up: choose another"
	done
}

# sum_of BDF: what the guest must read of a disk, "-" where it is none
sum_of()
{
	local dir

	for dir in "/sys/bus/pci/devices/$1/nvme/"nvme*/nvme*n1; do
		[[ -d $dir ]] || continue
		od -An -v -tu4 -w4 -N 65536 "/dev/${dir##*/}" |
			awk '{ sum = (sum + $1) % 4294967296 } END { printf "%08X\n", sum }'
		return
	done
	echo -
}

look_around()
{
	local device which

	[[ $(id -u) = 0 ]] || die "HOST=local takes root: it counts what is pinned, and sets pinacct's parameters"
	[[ -n $BDF ]] || misused "HOST=local takes BDF=0000:01:00.0[,...], the devices to assign"
	[[ -d $params ]] || die "pinacct is not loaded: make modules_install, modprobe vfio_iommu_type1"
	for which in virsh xsltproc; do
		command -v "$which" >/dev/null || die "there is no $which: install libvirt-clients and xsltproc"
	done
	virsh -q uri >/dev/null || die "libvirtd does not answer"
	modprobe -q vfio-pci || true
	devices=() sums=()
	for device in ${BDF//,/ }; do
		check_device "$device"
		devices+=("$device")
		sums+=("$(sum_of "$device")")
	done
	uid=$(sed -n 's/^ *user *= *"\(.*\)".*/\1/p' /etc/libvirt/qemu.conf)
	uid=$(id -u "${uid:-libvirt-qemu}") || die "libvirt's user for QEMU is not known"
	[[ $uid != 0 ]] || die "libvirt runs QEMU as root, to whom no limit applies: set user in /etc/libvirt/qemu.conf"
	iommu_was=$(stat -c '%u:%g %a' /dev/iommu) || die "there is no /dev/iommu: modprobe iommufd"
	[[ -n ${VMSTART_GO_ON:-} ]] || rm -rf "$results"/{rows,results.tsv,running,died}
	mkdir -p "$results/rows"
}

# set_up: a place that QEMU's user can reach, and what is asked once
set_up()
{
	local which parameter

	work=$(mktemp -d /run/vmstart.XXXXXX)
	chmod 755 "$work"
	cp "$tools/boot.raw" "$work"
	if among patched "$QEMU"; then
		cp "${PATCHED_QEMU:-$("$pa_top/scripts/qemu.sh" "$QEMU_VERSION")/qemu-system-x86_64}" "$work/qemu-patched"
	fi
	for which in ${QEMU//,/ }; do
		[[ -x $(real_qemu "$which") ]] || die "no $which QEMU at $(real_qemu "$which")"
		cp "$tools/emulator" "$work/emulator-$which"
		ln -s "$(real_qemu "$which")" "$work/emulator-$which.qemu"
	done
	for parameter in zero_page zero_slack_mb strict_errno charge_once; do
		changed+="$parameter $(<"$params/$parameter")"$'\n'
	done
	[[ -d ${tracing%/instances/*}/events || -z ${VMSTART_GO_ON:-} ]] || die "L1 has no tracefs"
	if mkdir "$tracing" 2>/dev/null; then
		echo 1 >"$tracing/events/pinacct/pinacct_refusal/enable"
		# member: MM_ANONPAGES, MM_SHMEMPAGES
		echo "(member == 1 || member == 3) && size > $touched_bytes" >"$tracing/events/kmem/rss_stat/filter"
		echo 1 >"$tracing/events/kmem/rss_stat/enable"
	fi
	pinned_at_start=$(pinned_pages) user_at_start=$(user_pages)
	[[ -z $(ledgers) ]] || die "another guest has devices assigned: this counts what is charged, and takes a quiet machine"
}

# clean_up: whatever was interrupted
clean_up()
{
	local status=$? parameter value

	trap '' INT TERM HUP
	set +e
	# Its virsh, which might define the domain after all; it ends by itself then.
	[[ -z $starting ]] || { pkill -TERM -P "$starting"; wait "$starting"; } 2>/dev/null
	for name in $name $beside; do
		virsh -q destroy "$name"
		virsh -q undefine --nvram "$name"
	done >/dev/null 2>&1
	leave_backend
	while read -r parameter value; do
		[[ -z $parameter ]] || echo "$value" >"$params/$parameter"
	done <<<"$changed"
	[[ ! -d $tracing ]] || rmdir "$tracing"
	rm -rf "${work:?}"
	# Something in here that should not have failed is no verdict on a row.
	[[ $status != 1 || -n $complete ]] || exit 3
}

# count ok|not-ok|skip
count()
{
	awk -F '\t' -v what="$1" '$7 == what { n++ } END { print n + 0 }' "$results/results.tsv"
}

# has_result DOMAIN BACKEND POLICY QEMU: from before L1 died
has_result()
{
	[[ -e $results/results.tsv ]] || return 1
	awk -F '\t' -v row="$*" '$1 " " $2 " " $3 " " $4 == row { found = 1 }
		END { exit !found }' "$results/results.tsv"
}

here_and_now()
{
	local row backend qemu policy domain done=0

	look_around
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	set_up
	[[ ! -s $results/running ]] || cat "$results/running" >>"$results/died"
	for row in "${rows[@]}"; do
		read -r backend qemu policy domain <<<"$row"
		! has_result "$domain" "$backend" "$policy" "$qemu" || continue
		enter_backend "$backend"
		row "$domain" "$backend" "$policy" "$qemu"
		done=$((done + 1))
	done
	name='' complete=yes
	rm -f "$results/running"
	say "$done rows in $SECONDS s, $(count not-ok) not ok, $(count skip) skipped: $results"
	[[ ! -e $results/died ]] ||
		say "L1 died, and was booted again, in: $(sort "$results/died" | uniq -c | tr -s ' \n' ' ')"
	[[ -n ${VMSTART_GO_ON:-} ]] || report
	[[ $(count not-ok) = 0 ]]
}

# lifecycle.sh takes the functions.
[[ ${BASH_SOURCE[0]} = "$0" ]] || return 0

case ${1:-} in
'')		;;
-h|--help)	echo "$usage"; exit 0 ;;
*)		misused "'$1': this takes variables (see --help)" ;;
esac
DOMAIN=${DOMAIN:-} BACKEND=${BACKEND:-} POLICY=${POLICY:-} QEMU=${QEMU:-stock} HOST=${HOST:-l1} BDF=${BDF:-} ROWS=${ROWS:-}
QEMU_VERSION=${QEMU_VERSION:-10.0}
read_tables
check_names
choose
if [[ $HOST = l1 ]]; then
	in_l1
else
	here_and_now
fi
