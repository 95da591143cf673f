#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests of pinacct(8) that need no device and no module: what a VM takes, what bad
# input gives, and what is written. Says so in TAP.
#
# Use:	tools/pinacct/tests/host.sh
#
# What estimate says is held against numbers that were measured: selftests/vmstart/
# expected.tsv, where its domains are, and below, where each comes from QEMU's own
# trace of what it maps (vfio_listener_region_add_ram, vfio_listener_region_del),
# its largest sum while the guest's firmware runs. It may say 2 MiB too much, and
# never too little.

. "$(dirname "$0")/../../../scripts/lib.sh"
# shellcheck source=tools/pinacct/tests/lib.sh
. "$pa_top/tools/pinacct/tests/lib.sh"

program=$pa_top/build/tools/pinacct
vmstart=$pa_top/selftests/vmstart
tmp=$(mktemp -d "${TMPDIR:-/tmp}/pinacct-tools.XXXXXX")
fake=
trap '[[ -z $fake ]] || kill "$fake"; rm -rf "$tmp"' EXIT
over_kib=2048
# Directories on a file system that can be pinned, and on one that cannot.
tmpfs=/dev/shm
disk=$pa_top/build
set +e

[[ -x $program ]] || die "no $program: run make tools"
[[ ! -e /sys/module/pinacct ]] ||
	die "pinacct.ko is loaded here, and its parameters change what the tests expect: unload it"
[[ $(stat -f -c %T $tmpfs) = tmpfs ]] || die "/dev/shm is no tmpfs"

# domain [DEVICES [REST [OS]]]: a domain of 256 MiB with such devices, and whatever else
domain()
{
	cat >"$tmp/domain.xml" <<-END
		<domain type='kvm'>
		  <name>guest</name>
		  ${2:-<memory unit='MiB'>256</memory>}
		  <os>${3:-<type arch='x86_64' machine='q35'>hvm</type>}</os>
		  <devices>${1:-$hostdev}</devices>
		</domain>
	END
}

hostdev="<hostdev mode='subsystem' type='pci' managed='yes'><source>
	<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source></hostdev>"

# near TEST KIB [ARGUMENT...]: estimate says at least so much, and at most 2 MiB more
near()
{
	local test=$1 need=$2

	shift 2
	[[ $# -gt 0 ]] || set -- "$tmp/domain.xml"
	run estimate -q "$@"
	expect "exit status" "$status" 0
	expect "messages" "$err" ""
	if [[ ! $out =~ ^[0-9]+$ ]]; then
		wrong+=("it says '$out'")
	elif [[ $out -lt $need || $out -gt $((need + over_kib)) ]]; then
		wrong+=("it says $out KiB, and $need KiB are needed")
	fi
	verdict "$test: $need KiB"
}

# exactly TEST KIB ARGUMENT...: what was measured to the page
exactly()
{
	over_kib=0 near "$@"
}

# libvirt_sets TEST KIB|null RULE: what it says that libvirt would do
libvirt_sets()
{
	run estimate --json "$tmp/domain.xml"
	if [[ $2 = null ]]; then
		expect "libvirt's limit" "$(member libvirt_bytes)" null
	else
		expect "libvirt's limit" "$(member libvirt_bytes)" $(($2 * 1024))
	fi
	expect "its rule" "$(member libvirt_rule)" "$3"
	verdict "$1"
}

# pinned TEST yes|no [ARGUMENT...]: can its memory be?
pinned()
{
	local wanted=0 said=true test=$1

	[[ $2 = yes ]] || { wanted=1; said=false; }
	shift 2
	run estimate --json "$@" "$tmp/domain.xml"
	expect "exit status" "$status" $wanted
	expect "whether it can start" "$(member can_start)" $said
	expect "parts of which it is not known" "$(grep -c '"pinnable": null' <<<"$out")" 0
	verdict "$test"
}

# ---- what was traced, for 256 MiB, with one device where nothing else is said

ram=262144

traced()
{
	local nic="<interface type='user'><model type='virtio'/>"
	local efi="<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>"

	domain
	near "q35, SeaBIOS" $((ram + 256))
	domain "" "" "<type machine='pc'>hvm</type>"
	near "pc, SeaBIOS" $((ram + 256))
	domain "$hostdev<video><model type='vga' vram='16384'/></video>"
	near "q35, vga" $((ram + 256 + 16384))
	domain "$hostdev<video><model type='cirrus'/></video>"
	near "q35, cirrus" $((ram + 4224))
	domain "$hostdev<video><model type='bochs'/></video>"
	near "q35, bochs" $((ram + 256 + 16384 + 32))
	domain "$hostdev<video><model type='virtio'/></video>"
	near "q35, virtio-vga" $((ram + 256 + 8192))
	domain "$hostdev$nic</interface>"
	near "q35, virtio-net with its ROM" $((ram + 256 + 256))
	domain "$hostdev$nic<rom bar='off'/></interface>"
	near "q35, virtio-net without" $((ram + 256))
	domain "$hostdev<video><model type='vga'/></video>$nic</interface>"
	near "q35, vga and a network card" $((ram + 256 + 16384 + 128))
	domain "$hostdev" "" "<type machine='q35'>hvm</type>$efi"
	near "q35, OVMF in flash" $ram
	domain "$hostdev$hostdev<iommu model='intel'/>"
	near "two devices behind an IOMMU of the VM" $((2 * (ram + 256)))
	domain "$hostdev$hostdev"
	near "two devices, and none" $((ram + 256))
}

# What the README says, and make check's step viommu measures, for 512 MiB.
parameters()
{
	local two=(--memory 512M --devices 2 --viommu)

	exactly "vIOMMU" 1049088 "${two[@]}"
	exactly "vIOMMU, charge_once" 524672 "${two[@]}" --with charge_once=Y
	exactly "vIOMMU, charge_once, slack" 524288 "${two[@]}" --with charge_once=Y --with zero_slack_mb=1
	exactly "slack" 524288 --memory 512M --with zero_slack_mb=1
	exactly "zero_page=ignore" 524288 --memory 512M --with zero_page=ignore
	run estimate --memory 512M --with zero_page=strict
	expect "exit status" "$status" 1
	expect_match "answer" "$out" "cannot start: with zero_page=strict"
	verdict "zero_page=strict: it cannot start"
}

# Sizes are exact here: they are read and rounded as libvirt does it.
memory()
{
	domain "" "<memory>1048577</memory>"
	near "KiB without a unit, rounded up to MiB" $((1025 * 1024 + 256))
	domain "" "<memory unit='GB'>1</memory>"
	near "powers of 1000" $((954 * 1024 + 256))
	domain "$hostdev<memory model='dimm'><target><size unit='MiB'>64</size></target></memory>"
	near "a DIMM is part of <memory>" $((ram + 256))
	domain "$hostdev<memory model='virtio-mem'><target><size unit='MiB'>64</size>
		<requested unit='MiB'>16</requested></target></memory>"
	near "virtio-mem, as much as is requested" $((ram + 256 - 48 * 1024))
	run estimate --json "$tmp/domain.xml"
	expect "most_bytes" "$(member most_bytes)" $(($(member bytes) + 48 * 1048576))
	verdict "virtio-mem, once all is plugged"
	domain "" "<memory unit='MiB'>512</memory><cpu><numa><cell id='0' memory='100' unit='MiB'/>
		<cell id='1' memory='65536'/></numa></cpu>"
	near "NUMA cells say how much it is" $((164 * 1024 + 256))
	domain "$hostdev<shmem name='x'><model type='ivshmem-plain'/><size unit='M'>8</size></shmem>"
	near "ivshmem" $((ram + 256 + 8192))
	domain " "
	run estimate "$tmp/domain.xml"
	expect "exit status" "$status" 0
	expect_match "answer" "$out" "has no assigned device"
	verdict "no device, nothing pinned"
	domain
	sed -i "s/^<domain/<domstatus state='running'><domain/; s|^</domain>|</domain></domstatus>|" "$tmp/domain.xml"
	near "as libvirt keeps a running domain" $((ram + 256))
	domain
	out=$("$program" estimate -q - <"$tmp/domain.xml")
	expect "what it says" "$out" $((ram + 256))
	verdict "from the standard input"
}

libvirt()
{
	domain
	libvirt_sets "libvirt: a GiB over" $((ram + 1048576)) "its memory and 1 GiB"
	domain "$hostdev$hostdev<iommu model='intel'/>"
	libvirt_sets "libvirt: behind a vIOMMU, times devices" $((2 * ram + 1048576)) "2 times its memory, and 1 GiB"
	domain "" "<memory unit='MiB'>256</memory><memoryBacking><locked/></memoryBacking>"
	libvirt_sets "libvirt: locked, no limit" null "<locked/>"
	domain "" "<memory unit='MiB'>256</memory><memoryBacking><locked/></memoryBacking>
		<memtune><hard_limit unit='MiB'>300</hard_limit></memtune>"
	libvirt_sets "libvirt: hard_limit before all" $((300 * 1024)) "<hard_limit>"
	domain "" "<memory unit='MiB'>256</memory><memtune><hard_limit unit='MiB'>256</hard_limit></memtune>"
	run estimate "$tmp/domain.xml"
	expect_match "answer" "$out" "256 KiB too little"
	verdict "libvirt: a hard_limit that is too low is said"
}

# with_backing XML
with_backing()
{
	domain "$hostdev" "<memory unit='MiB'>256</memory><memoryBacking>$1</memoryBacking>"
}

backing()
{
	local shared="<access mode='shared'/>" file="<source type='file'/>"

	domain
	pinned "anonymous" yes
	with_backing "$file$shared"
	pinned "shared, a file on a disk" no --backing-dir "$disk"
	expect_match "why" "$(member why)" "memfd"
	verdict "and what to do is said"
	pinned "shared, a file on tmpfs" yes --backing-dir $tmpfs
	pinned "shared, in a directory to be made on tmpfs" yes --backing-dir $tmpfs/no/such
	with_backing "$file"
	pinned "a file on a disk, not shared" yes --backing-dir "$disk"
	with_backing "$shared"
	pinned "shared without a source is a file" no --backing-dir "$disk"
	with_backing "<source type='memfd'/>$shared"
	pinned "shared, a memfd" yes --backing-dir "$disk"
	with_backing "<hugepages/>$file$shared"
	pinned "shared, huge pages" yes --backing-dir "$disk"
	domain "" "<memory unit='MiB'>256</memory><cpu><numa><cell id='0' memory='262144'
		memAccess='shared'/></numa></cpu>"
	pinned "a NUMA cell that is shared" no --backing-dir "$disk"
	domain "" "<memory unit='MiB'>256</memory><memoryBacking><hugepages><page size='2' unit='M'
		nodeset='1-3,^2'/></hugepages>$shared</memoryBacking><cpu><numa>
		<cell id='1' memory='131072'/><cell id='3' memory='131072'/></numa></cpu>"
	pinned "shared, huge pages of both NUMA nodes" yes --backing-dir "$disk"
	sed -i "s/id='3'/id='2'/" "$tmp/domain.xml"
	pinned "shared, huge pages of one of them" no --backing-dir "$disk"
	: >"$disk/nvdimm"
	domain "$hostdev<memory model='nvdimm' access='shared'><source><path>$disk/nvdimm</path></source>
		<target><size unit='MiB'>32</size></target></memory>"
	pinned "an NVDIMM of a file on a disk, shared" no
	rm "$disk/nvdimm"
}

# qemu ARGUMENT...: a process that looks like a QEMU that was told so. It is perl.
qemu()
{
	[[ -e $tmp/qemu-system-x86 ]] || cp "$(command -v perl)" "$tmp/qemu-system-x86"
	"$tmp/qemu-system-x86" -e 'sleep 60' -- "$@" &
	fake=$!
	until [[ $(<"/proc/$fake/comm") = qemu-system-x86 ]]; do sleep 0.1; done
}

# ends: it
ends()
{
	kill "$fake"
	wait "$fake" 2>/dev/null
	fake=
}

# As people type it, and as libvirt does.
command_lines()
{
	local ram_object='{"qom-type":"memory-backend-file","id":"pc.ram","mem-path":"'$disk'","share":true,"size":268435456}'

	qemu -M q35 -m 256M -nodefaults -device vfio-pci,host=01:00.0 -bios no-such-file
	exactly "QEMU: one device" $((ram + 256)) "$fake"
	ends
	qemu -machine pc,accel=kvm -m 256 -device vfio-pci,host=01:00.0
	exactly "QEMU: with the card that it has by default" $((ram + 256 + 16384)) "$fake"
	ends
	qemu -name vm-of-test,debug-threads=on -M q35 -m size=256M,slots=2,maxmem=1G -nodefaults \
		-object memory-backend-ram,id=m1,size=64M -device pc-dimm,memdev=m1 \
		-object iommufd,id=iommufd0 -device intel-iommu,intremap=on \
		-device vfio-pci,host=01:00.0,iommufd=iommufd0 -device vfio-pci,host=02:00.0
	exactly "QEMU: by its name, with a DIMM and an IOMMU" $((2 * (ram + 65536 + 256))) vm-of-test
	run show vm-of-test
	expect_match "show" "$out" "$fake .* vm-of-test "
	verdict "show finds it by its name"
	ends
	qemu -name guest=vm-of-test -machine pc-q35-10.0,memory-backend=pc.ram,pflash0=x -m size=262144k \
		-object "$ram_object" -device '{"driver":"vfio-pci","host":"0000:01:00.0","id":"hostdev0"}' \
		-device '{"driver":"virtio-vga","id":"video0"}' -nodefaults
	run estimate --json "$fake"
	expect "exit status" "$status" 1
	expect "how much" "$(member bytes)" $(((ram + 8192) * 1024))
	expect "whether it can be pinned" "$(member pinnable)" false
	verdict "QEMU: JSON, OVMF, a file on a disk"
	ends
	qemu -M q35 -m 256M -nodefaults -device vfio-pci,host=01:00.0 \
		-object memory-backend-memfd,id=m0,size=128M,share=on -numa node,memdev=m0 \
		-object memory-backend-file,id=m1,size=128M,mem-path="$disk",share=on -numa node,memdev=m1
	run estimate --json "$fake"
	expect "exit status" "$status" 1
	expect "how much" "$(member bytes)" $(((ram + 256) * 1024))
	expect "whether nodes can be pinned" "$(grep -oE '"pinnable": [a-z]+' <<<"$out" | xargs)" \
		"pinnable: true pinnable: false"
	verdict "QEMU: NUMA nodes, one of them a file on a disk"
	ends
}

# Others' names are what others like.
names()
{
	qemu -name $'guest=../x\e[31m' -M q35 -m 256M -nodefaults -device vfio-pci,host=01:00.0 \
		-object memory-backend-file,id=m0,size=256M,mem-path=$'/dev/shm/x\e[31m',share=on \
		-machine memory-backend=m0
	exactly "a name that is a path, and has an escape sequence" $((ram + 256)) "$fake"
	run show "$fake"
	expect "escape sequences" "$(grep -c $'\e' <<<"$out")" 0
	expect_match "show" "$out" ' \.\./x\?\[31m '
	run estimate "$fake"
	expect "escape sequences of estimate" "$(grep -c $'\e' <<<"$out")" 0
	expect_match "estimate" "$out" 'x\?\[31m'
	verdict "and the terminal does not get it"
	ends
}

# Its columns: domain backend policy verdict need_kib reason; need_kib has charges behind
# it, separated by colons. policies.tsv: name
# zero_page zero_slack_mb strict_errno charge_once limit.
vmstart_rows()
{
	local name backend policy expected need reason zero_page slack errno once limit dir

	while IFS=$'\t' read -r name backend policy expected need reason; do
		need=${need%%:*}
		[[ $name != '#'* && $need =~ ^[0-9]+$ ]] || continue
		IFS=$'\t' read -r _ zero_page slack errno once limit < <(awk -F '\t' -v name="$policy" \
			'$1 == name' "$vmstart/policies.tsv")
		near "vmstart: $name, $backend, $policy" "$need" --with "zero_page=$zero_page" \
			--with "zero_slack_mb=$slack" --with "charge_once=$once" \
			--backing-dir $tmpfs "$vmstart/domains/$name.xml"
	done <"$vmstart/expected.tsv"
	for name in "$vmstart/domains/"*.xml; do
		dir=$tmpfs
		! grep -q "backing-dir='ext4'" "$name" || dir=$disk
		cp "$name" "$tmp/domain.xml"
		if grep -q "type='file'" "$name" && [[ $dir = "$disk" && $name = *shared* ]]; then
			pinned "vmstart: $(basename "$name" .xml) cannot be pinned" no --backing-dir "$dir"
		else
			pinned "vmstart: $(basename "$name" .xml) can be pinned" yes --backing-dir "$dir"
		fi
	done
}

bad_input()
{
	local name pid

	fails "no command" 2 "which command"
	fails "no such command" 2 "no command is called 'shwo'" shwo
	for name in show top explain estimate tune export; do
		fails "$name: no such option" 2 "--nonsense is no option" "$name" --nonsense
		run "$name" --help
		expect "exit status" "$status" 0
		expect_match "help" "$out" "Examples:"
		verdict "$name --help has examples"
	done
	fails "no such PID" 3 "there is no process 999999999" show 999999999
	fails "no such PID, estimate" 3 "there is no process 99999999" estimate 99999999
	fails "no such domain" 3 "no running VM is called 'no-such-vm'" show no-such-vm
	fails "no such file" 3 "cannot read .*/no.xml" estimate "$tmp/no.xml"
	fails "no VM" 2 "which VM" estimate
	fails "a PID that is no QEMU" 4 "not a QEMU" estimate $$
	echo '<domain><name>x</domain>' >"$tmp/bad.xml"
	fails "malformed XML" 4 "not well-formed XML: line 2" estimate "$tmp/bad.xml"
	: >"$tmp/bad.xml"
	fails "empty XML" 4 "not well-formed XML" estimate "$tmp/bad.xml"
	echo '<network/>' >"$tmp/bad.xml"
	fails "XML of something else" 4 "no libvirt domain" estimate "$tmp/bad.xml"
	domain "" "<memory unit='parsecs'>1</memory>"
	fails "a unit that is none" 4 "is no size" estimate "$tmp/domain.xml"
	domain "" "<name/>"
	fails "no memory" 4 "<memory>" estimate "$tmp/domain.xml"
	domain "$hostdev<video><model type='crystal-ball'/></video>"
	fails "a video model that is none" 4 "crystal-ball" estimate "$tmp/domain.xml"
	fails "no size" 2 "is no size" estimate --memory 8X
	fails "too large a size" 2 "is no size" estimate --memory 99999999T
	fails "a number that is none" 2 "is a number from 0 to 256" estimate --memory 1G --devices -1
	fails "devices without memory" 2 "go with --memory" estimate --devices 2 "$tmp/domain.xml"
	fails "a domain and memory" 2 "exclude each other" estimate --memory 1G "$tmp/domain.xml"
	fails "no such parameter" 2 "no parameter is called 'x'" estimate --memory 1G --with x=1
	fails "a value that is none" 2 "cow, ignore or strict" estimate --memory 1G --with zero_page=x
	fails "tune what" 2 "show or set" tune get
	fails "tune set, with --json" 2 "goes with show" tune set --json charge_once=Y
	fails "tune, the module is absent" 6 "not loaded" tune set charge_once=Y
	fails "tune, out of range" 2 "from 0 to 4096" tune set --persist="$tmp/conf" zero_slack_mb=4097
	fails "tune, too many threads" 2 "from 0 to 64" tune set --persist="$tmp/conf" pin_threads=65
	expect "whether a file was written" "$([[ -e $tmp/conf ]] && echo yes)" ""
	verdict "and then nothing is written"
	fails "tune, no such directory" 3 "cannot write" tune set --persist="$tmp/no/conf" charge_once=Y
	fails "export, no such directory" 7 "cannot write beside" export --output "$tmp/no/x.prom"
	fails "top, no terminal" 2 "needs a terminal" top
	: >"$tmp/secret.xml"
	chmod 0 "$tmp/secret.xml"
	chmod 755 "$tmp"
	pid=$program
	cp "$program" "$tmp/pinacct"
	program=$tmp/as-nobody
	printf '#!/bin/sh\nexec setpriv --reuid 65534 --clear-groups %s "$@"\n' "$tmp/pinacct" >"$program"
	chmod 755 "$program"
	fails "a file that is somebody else's" 5 "cannot read" estimate "$tmp/secret.xml"
	program=$pid
}

# What --help says is in the man page, and is completed.
written()
{
	local name option section completed

	for name in show top explain estimate tune export; do
		run "$name" --help
		# shellcheck disable=SC2016
		completed=$(bash -c '. "$0"; COMP_WORDS=(pinacct "$1" -); COMP_CWORD=2; _pinacct
			echo "${COMPREPLY[@]}"' "$pa_top/tools/pinacct/pinacct.bash-completion" "$name" 2>&1)
		section=$(sed -n "/^\.Ss $name\$/,/^\.S/p" "$pa_top/tools/pinacct/pinacct.8")
		expect "complaints" "$(grep -c 'No such' <<<"$completed")" 0
		while read -r option; do
			[[ $option = --help || $section = *"Fl Fl ${option#--}"* ]] ||
				wrong+=("the man page has no $option of $name")
			[[ " $completed " = *" $option "* ]] || wrong+=("$option is not completed")
		done < <(sed -nE 's/^  -[a-z], (--[a-z-]+).*/\1/p' <<<"$out")
	done
	# shellcheck disable=SC2016
	completed=$(bash -c '. "$0"; COMP_WORDS=(pinacct tune set charge); COMP_CWORD=3; _pinacct
		echo "${COMPREPLY[@]}"' "$pa_top/tools/pinacct/pinacct.bash-completion")
	expect "what 'tune set charge' is completed to" "$completed" "charge_once=Y charge_once=N"
	verdict "what --help says is in the man page, and is completed"
}

persist()
{
	local conf=$tmp/pinacct.conf

	run tune set --persist="$conf" zero_slack_mb=1
	expect "exit status" "$status" 0
	expect "file" "$(grep -v '^#' "$conf")" \
		"options pinacct zero_page=cow zero_slack_mb=1 strict_errno=N charge_once=N pin_threads=1"
	run tune set --persist="$conf" charge_once=Y
	expect "file" "$(grep -v '^#' "$conf")" \
		"options pinacct zero_page=cow zero_slack_mb=1 strict_errno=N charge_once=Y pin_threads=1"
	expect "what modprobe reads" "$(modprobe -C "$conf" -c 2>/dev/null | grep '^options pinacct')" \
		"$(grep -v '^#' "$conf")"
	expect "other files" "$(find "$tmp" -name "pinacct.conf*" | wc -l)" 1
	verdict "tune --persist: modprobe reads it, and what was set before stays"
}

export_file()
{
	run export --output "$tmp/x.prom"
	expect "exit status" "$status" 0
	expect_match "file" "$(<"$tmp/x.prom")" "pinacct_module_loaded 0"
	expect "its mode" "$(stat -c %a "$tmp/x.prom")" 644
	verdict "export writes a file"
	"$program" export >/dev/full 2>"$tmp/err"
	expect "exit status" $? 7
	verdict "export to a full disk fails"
}

traced
parameters
memory
libvirt
backing
command_lines
names
vmstart_rows
bad_input
written
persist
export_file
echo "1..$tests"
