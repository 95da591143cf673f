#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1 with two nvme disks: other people's tests of memory, while two guests run on
# KVM, each with a disk of its own, one on type1 and one on iommufd.
#
# Use:	in-l1.sh quick|full SHA256 SUITE...
#
# SHA256 is of what the guests read, the first 4 MiB of either disk.
#
# All of it twice, on stock modules and on ours. What the tests say is in
# /out/SET/SUITE/PROGRAM.tap. /out/SET/guests.tap guards that neither disturbs the
# other: each guest has read its disk rightly all the while, is charged what it was,
# and of all pins only those of the guests are left; and in the end nothing.
# Exit status 0 if it came to its end, whatever the tests said.

set -uo pipefail

here=/pinacct/selftests/outsiders
cd /pinacct/tools/vm/l1 || exit 1
# shellcheck source=selftests/l1/lib.sh
. /pinacct/selftests/l1/lib.sh
# shellcheck source=tools/vm/l1/guest.sh
. /pinacct/tools/vm/l1/guest.sh
# shellcheck source=selftests/l1/expect.sh
. /pinacct/selftests/l1/expect.sh

when=$1 sum=$2
shift 2
suites=" $* "
declare -A pids

give_up()
{
	tell "outsiders: $*" 2>&3
	exit 1
}

# one_test SET SUITE PROGRAM [ARGUMENT...]: what says no TAP says it by its exit status,
# 4 and, with libhugetlbfs, 1 being a skip
one_test()
{
	local set=$1 suite=$2 name=${*:3} program=$3 status=0 result="not ok 1 - $3" out skip=4

	shift 3
	name=${name//[ \/]/-}
	out=/out/$set/$suite/$name
	mkdir -p "${out%/*}"
	[[ $suite != hugetlbfs ]] || skip=1
	(cd /tmp && exec timeout -k 10 300 "/outsiders/$suite/$program" "$@") >"$out.log" 2>&1 || status=$?
	if grep -qE '^1\.\.[1-9]' "$out.log" && grep -qE '^(not )?ok ' "$out.log"; then
		cp "$out.log" "$out.tap"
		return
	fi
	case $status in
	0)	result="ok 1 - $program" ;;
	"$skip")	result="ok 1 - $program # SKIP it says that it cannot run here" ;;
	esac
	printf '1..1\n%s\n# exit status %d\n' "$result" "$status" >"$out.tap"
}

# all_tests SET
all_tests()
{
	local suite at line start

	while IFS=$'\t' read -r suite at line; do
		[[ $suites = *" $suite "* && ($at = quick || $when = full) ]] || continue
		start=$SECONDS
		# shellcheck disable=SC2086
		one_test "$1" "$suite" $line </dev/null
		[[ $((SECONDS - start)) -lt 10 ]] || tell "$1: $suite $line: $((SECONDS - start)) s"
	done < <(grep -v '^#' $here/programs.tsv | tr '\t' ' ' |
		sed 's/ /\t/; s/ /\t/')
}

# start_one BACKEND ADDRESS: and wait until it has read its disk
start_one()
{
	addresses=$2
	allow "$1"
	start_guest "$1" $need_kib
	pids[$1]=$qemu
	wait_guest 600 disk || give_up "the guest on $1 has not come up: $(tail -n 3 /tmp/qemu /tmp/console)"
	mv /tmp/console "/tmp/console.$1"
	tell "the guest on $1 reads its disk" >&3
}

# sums BACKEND: what it has read of its disk, each time. Its QEMU may be at a line
sums()
{
	tr -d '\r' <"/tmp/console.$1" | grep -aE '^L2: disk .*[ ][0-9a-f]{64}$'
}

# reads BACKEND: how often that was
reads()
{
	sums "$1" | grep -c .
}

# expect_guest BACKEND: as it was started
expect_guest()
{
	local mm=$need_kib pin=0 before n

	[[ $1 != iommufd ]] || mm=0 pin=$need_kib
	qemu=${pids[$1]}
	running || wrong+=("the guest has ended")
	expect "VmLck in KiB" "$(status_kib "$qemu" VmLck)" $mm
	expect "VmPin in KiB" "$(status_kib "$qemu" VmPin)" $pin
	before=$(reads "$1")
	for ((n = 0; n < 6000; n++)); do
		[[ $(reads "$1") -lt $((before + 2)) ]] || break
		sleep 0.1
	done
	expect "whether it goes on reading" "$([[ $(reads "$1") -ge $((before + 2)) ]] && echo yes)" yes
	expect "how often it has read something else" \
		"$(sums "$1" | grep -vc " $sum\$")" 0
	verdict "$1: the guest reads its disk and is charged as before"
	echo "# it has read its disk $(reads "$1") times"
}

# guests SET: start them, have the tests run, and stop them
guests()
{
	local backend at=0

	tests=0
	charges_begin
	for backend in type1 iommufd; do
		start_one $backend "${disks[at]}"
		at=$((at + 1))
	done
	expect "the number of pinned pages" $(($(pinned_pages) - pinned_at_start)) $((2 * need_kib / 4))
	verdict "both guests run, and nothing else is pinned"
	timed all_tests "$1" 2>&3
	expect_guest type1
	expect_guest iommufd
	expect "the number of pinned pages" $(($(pinned_pages) - pinned_at_start)) $((2 * need_kib / 4))
	verdict "the tests have left no page pinned"
	for backend in type1 iommufd; do
		qemu=${pids[$backend]}
		stop_guest
	done 2>/dev/null
	expect_back
	verdict "nothing is left of the guests"
	echo "1..$tests"
}

exec 3>&2
mkdir /tmp/huge
mount -t hugetlbfs none /tmp/huge
./kvm.sh || give_up "no KVM in L1"
for set in stock ours; do
	mkdir -p "/out/$set"
	use_modules $set || give_up "the $set modules do not load"
	mapfile -t disks < <(./assign.sh nvme)
	[[ ${#disks[@]} = 2 ]] || give_up "the disks cannot be assigned"
	guests $set >"/out/$set/guests.tap" 2>"/out/$set/guests.stderr"
	[[ -s /out/$set/guests.tap ]] || give_up "no guests on $set: see guests.stderr"
done
./assign.sh --back nvme >/dev/null
remove_modules
