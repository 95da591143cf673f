#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Test that each domain can be copied: it is valid, says when to use it, and is what
# its name says.
#
# Use:	selftests/vmstart/check-domains.sh [FILE.xml]...	(all of domains/)
#
# Guards: a domain that this machine's libvirt does not know, or knows only by
# ignoring a part of it. Fails if one is not valid by libvirt's schema; does not
# begin with a comment of one to four lines; has another name or boot disk than its
# file; is not for KVM, or has no assigned device; has one elsewhere than 0000:01:00.0,
# 0000:02:00.0 and so on; or needs what no runner knows.
#
# What a domain needs of the host beyond devices stands in its <metadata>, which
# libvirt keeps and does not read:
#
#	<pinacct:needs xmlns:pinacct='urn:pinacct:vmstart' .../>
#
#	backing-dir='ext4'	memory_backing_dir of qemu.conf is on such a file
#				system; or tmpfs, or hugetlbfs with 2 MiB pages
#	hugepages-2M='128'	so many 2 MiB pages are free
#	hugepages-1G='1'	the same of 1 GiB pages
#
# Prints TAP. It goes by the host's libvirt; whether they are valid by L1's, which is
# newer, is asked in selftests/l1/vmstart.sh before any is started.

set -u
here=$(dirname "$(realpath "$0")")

# value FILE XPATH
value()
{
	xmllint --xpath "string($2)" "$1"
}

# complaints FILE: what is wrong with it, a line each
complaints()
{
	local file=$1 name said n=0 address need
	local needs="/domain/metadata/*[local-name()='needs' and namespace-uri()='urn:pinacct:vmstart']"

	name=$(basename "$file" .xml)
	said=$(virt-xml-validate "$file" domain 2>&1) || {
		echo "it is not valid: $said"
		return
	}
	awk 'NR == 1 && !/^<!--$/ { exit 1 }
	     /^-->$/ { found = NR; exit }
	     END { exit !(found >= 3 && found <= 6) }' "$file" ||
		echo "it does not begin with a comment of one to four lines"
	[[ $(value "$file" /domain/name) = "$name" ]] ||
		echo "its <name> is not $name"
	[[ $(value "$file" '/domain/devices/disk/source/@file') = "/var/lib/libvirt/images/$name.raw" ]] ||
		echo "its first disk is not /var/lib/libvirt/images/$name.raw"
	[[ $(value "$file" /domain/@type) = kvm ]] || echo "it is not of type kvm"

	while read -r address; do
		n=$((n + 1))
		[[ $address = "$(printf '0x0000:0x%02x:0x00.0x0' $n)" ]] ||
			echo "its assigned device $n is at $address"
	done < <(addresses "$file")
	[[ $n -gt 0 ]] || echo "it has no assigned device"

	while read -r need; do
		[[ $need =~ ^(backing-dir=\"(ext4|tmpfs|hugetlbfs)\"|hugepages-(2M|1G)=\"[1-9][0-9]*\")$ ]] ||
			echo "it needs $need, which is not known"
	done < <(xmllint --xpath "$needs/@*" "$file" 2>/dev/null | tr -s ' \n' '\n' | grep .)
	! grep -q 'pinacct:' "$file" || [[ $(value "$file" "count($needs)") = 1 ]] ||
		echo "its <pinacct:needs> is not where it is looked for"
}

# addresses FILE: of its assigned PCI devices, in order
addresses()
{
	local hostdevs="/domain/devices/hostdev[@type='pci']" n count

	count=$(value "$1" "count($hostdevs)")
	for ((n = 1; n <= count; n++)); do
		value "$1" "concat(($hostdevs)[$n]/source/address/@domain, ':',
			($hostdevs)[$n]/source/address/@bus, ':',
			($hostdevs)[$n]/source/address/@slot, '.',
			($hostdevs)[$n]/source/address/@function)"
	done
}

for tool in virt-xml-validate xmllint; do
	command -v $tool >/dev/null || {
		echo "Bail out! no $tool: scripts/deps.sh check installs it"
		exit 1
	}
done

[[ $# -gt 0 ]] || set -- "$here"/domains/*.xml
echo "1..$#"
n=0 bad=0
for file; do
	n=$((n + 1))
	found=$(complaints "$file" 2>&1)
	if [[ -z $found ]]; then
		echo "ok $n - $(basename "$file")"
	else
		# shellcheck disable=SC2001
		sed 's/^/# /' <<<"$found"
		echo "not ok $n - $(basename "$file")"
		bad=1
	fi
done
exit $bad
