#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# In L1: a guest with a mediated device that pins pages one at a time, when the
# guest asks for them, and not all of its memory at the start.
#
# Guards, on type1 and on iommufd, with a real QEMU: the VM starts whatever the
# limit is, and is charged for what its devices have pinned at that moment, to the
# page; the request that is over the limit is refused, with a record, and it alone:
# the guest learns the errno and goes on; and a reboot, a stop and a kill leave
# nothing. The unmodified modules do the same, but for the record.
#
# The guest does what it is told by a key on its serial port, so that the charge
# can be read between two requests: see selftests/mediated/ondemand.S.
#
# Use:	ondemand.sh [stock|ours]	says what it has seen in /out/ondemand.tap
# Exit status 0 if it came to its end, whatever was seen.

set -uo pipefail

cd /pinacct/tools/vm/l1 || exit 1
# shellcheck source=selftests/l1/lib.sh
. /pinacct/selftests/l1/lib.sh
# shellcheck source=tools/vm/l1/guest.sh
. /pinacct/tools/vm/l1/guest.sh
# shellcheck source=selftests/l1/expect.sh
. /pinacct/selftests/l1/expect.sh

viommu=(-machine kernel-irqchip=split -device intel-iommu,caching-mode=on,aw-bits=48)
mediated=(6d646576-0000-4000-8000-000000000001 6d646576-0000-4000-8000-000000000002)
first=0x20	# the first page that the guest has pinned
limit=4		# pages
tracing=/sys/kernel/tracing
enomem=000c edquot=007a enoent=0002

give_up()
{
	tell "ondemand: $*"
	exit 1
}

make_mediated()
{
	local types=/sys/devices/platform/pinacct_ondemand/mdev_supported_types uuid

	insmod "/pinacct/build/modules/$(uname -r)/mdev.ko" &&
		insmod "/pinacct/build/selftests/modules/$(uname -r)/pinacct_ondemand.ko" || return
	for uuid in "${mediated[@]}"; do
		echo "$uuid" >"$types/pinacct_ondemand-page/create" || return
	done
	chown $uid /dev/vfio/[0-9]* /dev/vfio/devices/vfio* /dev/vfio/vfio /dev/iommu
}

remove_mediated()
{
	local uuid

	for uuid in "${mediated[@]}"; do
		echo 1 >"/sys/bus/mdev/devices/$uuid/remove"
	done
	rmmod pinacct_ondemand mdev
}

# ---- the VM

# start_vm BACKEND LIMIT_PAGES DEVICES [QEMU-ARGUMENT...]: until its program runs
start_vm()
{
	local backend=$1 kib=$(($2 * 4)) devices=$3 n object=

	shift 3
	local args=(-M q35 -accel kvm -cpu max -m 64 -nodefaults -no-user-config
		-display none -vga none "$@"
		-chardev pipe,id=serial,path=/tmp/serial -serial chardev:serial
		-drive if=none,id=boot,file=/tmp/boot.raw,format=raw,readonly=on
		-device virtio-blk-pci,drive=boot,bootindex=0)
	if [[ $backend = iommufd ]]; then
		args+=(-object iommufd,id=iommufd0)
		object=,iommufd=iommufd0
	fi
	for ((n = 0; n < devices; n++)); do
		args+=(-device "vfio-pci,sysfsdev=/sys/bus/mdev/devices/${mediated[n]}$object")
	done

	rm -f /tmp/serial.{in,out} /tmp/console
	mkfifo /tmp/serial.{in,out}
	chown $uid /tmp/serial.{in,out}
	# Open at both ends, so that nobody ever waits for the other to open it.
	exec {keys}<>/tmp/serial.in {answers}<>/tmp/serial.out
	as_guest_user $kib qemu-system-x86_64 "${args[@]}" </dev/null >/tmp/qemu 2>&1 &
	qemu=$!
	hear up
	expect "the guest's first word" "$answer" "L2: up"
}

# hear WORD: wait for the guest to say that, in $answer. One that says nothing is not
# asked again.
hear()
{
	while running && read -r -t 60 -u "$answers" answer; do
		echo "$answer" >>/tmp/console
		[[ $answer != "L2: $1"* ]] || return 0
	done
	answer="nothing within 60 s, or QEMU has ended"
	kill -KILL "$qemu" 2>/dev/null
}

# end_vm SIGNAL: and nothing of it is left
end_vm()
{
	kill "-$1" "$qemu"
	wait "$qemu" 2>/dev/null
	exec {keys}>&- {answers}>&-
	expect_back
}

# step KEY PAGES STATUS COUNT WORD: the guest asks its device for something, for the
# page that is PAGES behind the first; that is the answer
step()
{
	local wanted

	wanted=$(printf 'L2: %s %04x %s %04x %s' "$1" $((first + $2)) "$3" "$4" "$5")
	printf '%s' "$1" >&"$keys"
	hear "$1"
	expect "the guest's answer" "$answer" "$wanted"
}

# word PAGES: what a copy leaves in that page
word()
{
	printf '%04x' $((first + $1))
}

# charged BACKEND PAGES [MAPPED_PAGES]
charged()
{
	expect_charges "$1" $(($2 * 4)) $((${3:-$2} * 4))
}

# refusals: those that are recorded since this was last asked, a line each
refusals()
{
	sed -n 's/.*pinacct_refusal: //p' $tracing/trace
	echo >$tracing/trace
}

# expect_refusal BACKEND ERRNO: one, and this is what it says. iommufd's pins do not
# know for which IOVA they are.
expect_refusal()
{
	local iova=0 bytes=$((limit * 4096))

	[[ -d /sys/module/pinacct ]] || return
	[[ $1 = iommufd ]] || iova=$(((first + limit) * 4096))
	expect "the refusal record" "$(refusals | sed 's/ start=0x[0-9a-f]*//')" \
		"cause=limit errno=$2 iova=$(printf '0x%x' $iova) length=4096 asked=4096$(
		) charged=$bytes limit=$bytes slack=0 needed=$((bytes + 4096))"
}

# ---- the tests

# requests MODULES BACKEND: one VM from its start to its end
requests()
{
	local where="$1, $2" n

	start_vm "$2" $limit 1
	charged "$2" 0
	verdict "$where: a VM starts, and is charged nothing"

	for ((n = 0; n < limit; n++)); do
		step p $n 0000 $((n + 1)) 0000
		charged "$2" $((n + 1))
	done
	step c $((limit - 1)) 0000 $limit "$(word $((limit - 1)))"
	verdict "$where: each page is charged when it is pinned, and the device has it"

	for _ in 1 2; do
		step p $limit $enomem $limit 0000
		charged "$2" $limit
		expect_refusal "$2" 12
	done
	step n $limit $enoent $limit 0000
	step c $((limit - 1)) 0000 $limit "$(word $((limit - 1)))"
	verdict "$where: the request over the limit is refused, and it alone"

	step u $((limit - 1)) 0000 $((limit - 1)) 0000
	charged "$2" $((limit - 1))
	step p $((limit - 1)) 0000 $limit 0000
	charged "$2" $limit
	step c $((limit - 1)) 0000 $limit "$(word $((limit - 1)))"
	verdict "$where: what is unpinned makes room again"

	step p $limit $enomem $limit 0000
	expect_refusal "$2" 12
	prlimit --pid "$qemu" --memlock=$(((limit + 1) * 4096))
	step p $limit 0000 $((limit + 1)) 0000
	charged "$2" $((limit + 1))
	verdict "$where: a limit that is raised while the VM runs holds for the next request"

	printf r >&"$keys"
	hear up
	charged "$2" 0
	step p 0 0000 1 0000
	step p 1 0000 2 0000
	charged "$2" 2
	verdict "$where: a reboot drops the pins, and the guest can pin again"

	end_vm KILL
	verdict "$where: a VM that is killed leaves nothing"
}

# Behind an IOMMU of its own a guest's devices have each a container or an IOAS.
# shared_page MODULES BACKEND LIMIT_PAGES CHARGED: one page, that both pin; the VM is
# stopped with a pin.
shared_page()
{
	local where="$1, $2"

	start_vm "$2" "$3" 2 "${viommu[@]}"
	step p 0 0000 1 0000
	charged "$2" 1
	step 1 0 0000 0 0000
	step p 0 0000 1 0000
	charged "$2" "$4" 2
	step c 0 0000 1 "$(word 0)"
	step 0 0 0000 1 "$(word 0)"
	step u 0 0000 0 0000
	charged "$2" 1
	step 1 0 0000 1 0000
	step u 0 0000 0 0000
	charged "$2" 0
	step p 0 0000 1 0000
	end_vm TERM
}

# policies BACKEND: what ours does if it is asked to
policies()
{
	local n

	echo Y >/sys/module/pinacct/parameters/strict_errno
	start_vm "$1" $limit 1
	for ((n = 0; n < limit; n++)); do
		step p $n 0000 $((n + 1)) 0000
	done
	step p $limit $edquot $limit 0000
	expect_refusal "$1" 122
	charged "$1" $limit
	end_vm TERM
	echo N >/sys/module/pinacct/parameters/strict_errno
	verdict "ours, $1: with strict_errno the guest's request gets EDQUOT"

	echo Y >/sys/module/pinacct/parameters/charge_once
	shared_page ours "$1" 1 1
	echo N >/sys/module/pinacct/parameters/charge_once
	verdict "ours, $1: with charge_once a page that two devices have pinned is charged once"
}

# run MODULES
run()
{
	local backend

	for backend in type1 iommufd; do
		requests "$1" $backend
		shared_page "$1" $backend 2 2
		verdict "$1, $backend: a page that two devices have pinned is charged twice"
		[[ $1 = stock ]] || policies $backend
	done
}

./kvm.sh || give_up "no KVM in L1"
cp /pinacct/build/selftests/ondemand.raw /tmp/boot.raw || give_up "the guest program is not there"
: >/out/ondemand.tap
for modules in ${1:-stock ours}; do
	./load.sh $modules || give_up "the modules ($modules) do not load"
	make_mediated || give_up "the mediated devices cannot be made"
	[[ $modules = stock ]] || echo 1 >$tracing/events/pinacct/pinacct_refusal/enable
	charges_begin
	timed run $modules >>/out/ondemand.tap 2>>/out/ondemand.stderr
	[[ $modules = stock ]] || echo 0 >$tracing/events/pinacct/pinacct_refusal/enable
	remove_mediated || give_up "the mediated devices do not go away"
	remove_modules
done
echo "1..$tests" >>/out/ondemand.tap
