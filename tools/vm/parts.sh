# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What making something that boots takes, for L1 (kernel.sh) and for L2
# (guest.sh). Sourced after scripts/lib.sh.

# stock_modules: the directory of the stock kernel's modules
stock_modules()
{
	local dir found

	dir=$("$pa_top/scripts/fetch.sh" kernel)
	found=("$dir"/lib/modules/*)
	[[ ${#found[@]} = 1 && -d ${found[0]} ]] || die "not one kernel's modules in $dir/lib/modules"
	echo "${found[0]}"
}

# unpacked_kernel BZIMAGE OUT: the ELF file inside. QEMU starts that directly
# (PVH), which saves L1 the second that unpacking takes under emulation.
# Offsets: the kernel's Documentation/arch/x86/boot.rst.
unpacked_kernel()
{
	local image=$1 out=$2 sectors offset length unpack

	field() { od -An -v -t"u$3" -j "$2" -N "$3" "$1" | tr -d ' '; }
	sectors=$(field "$image" $((0x1f1)) 1)
	offset=$(field "$image" $((0x248)) 4)
	length=$(field "$image" $((0x24c)) 4)
	offset=$(((sectors + 1) * 512 + offset))

	case $(od -An -v -tx1 -j "$offset" -N 4 "$image" | tr -d ' ') in
	28b52ffd)	unpack=zstd ;;
	fd377a58)	unpack=xz ;;
	1f8b*)		unpack=gzip ;;
	*)		die "do not know how $image is compressed" ;;
	esac
	# The payload's last 4 bytes are its unpacked length, not data.
	dd if="$image" iflag=skip_bytes,count_bytes skip="$offset" count=$((length - 4)) \
		bs=1M status=none | $unpack -dc >"$out" ||
		die "could not unpack $image with $unpack"
}

# early_modules MODULES OUT NAME...: those modules and what they depend on,
# unpacked, and numbered in the order in which they load.
early_modules()
{
	local dir=${1%/lib/modules/*} release=${1##*/} out=$2 name file n=100

	shift 2
	for name; do
		modprobe -d "$dir" -S "$release" --show-depends "$name" ||
			die "the stock kernel has no module $name"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
	while read -r file; do
		name=$(basename "$file")
		case $name in
		*.xz)	xz -dc "$file" ;;
		*.zst)	zstd -dcq "$file" ;;
		*)	cat "$file" ;;
		esac >"$out/$n-${name%%.ko*}.ko"
		n=$((n + 1))
	done
}

# pack_initramfs TREE FILE: takes TREE away
pack_initramfs()
{
	(cd "$1" && find . | cpio -o -H newc --quiet) >"$2"
	rm -rf "$1"
}
