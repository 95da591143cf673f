#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Do the syzkaller descriptions still say what the headers say?
#
# Guards: a structure gets a member, or a call is added, and syzkaller/*.txt is
# forgotten. syzkaller itself is not in Debian's archive, so what of syzlang is used
# there is read here, and a C program is made of it whose assertions the compiler
# tries: every structure has its size, and every member its name, place and width;
# every constant exists; each command is described with the structure that it takes.
# And every call of /dev/pinacct has a description. Whatever is not understood is an
# error.
#
# Use:	selftests/fuzz/descriptions.sh	after selftests/build.sh, or it makes headers
#
# Prints TAP.

. "$(dirname "$0")/../../scripts/lib.sh"

dir=$pa_top/selftests/fuzz/syzkaller

# assertions FILE: the C program; exit status 1 if not all of it was understood
assertions()
{
	awk '
	function wrong(what)
	{
		printf "%s:%d: %s: %s\n", FILENAME, FNR, what, $0 >"/dev/stderr"
		bad = 1
	}

	# The C type behind a name: struct x for x$variant
	function base(name)
	{
		sub(/\$.*/, "", name)
		return name
	}

	# The words of a list in brackets, commas inside of brackets apart
	function inside(type,	text)
	{
		text = type
		sub(/^[a-z0-9_]+\[/, "", text)
		sub(/\]$/, "", text)
		return text
	}

	function last(text)
	{
		sub(/.*, */, "", text)
		return text
	}

	function constant(name)
	{
		if (name !~ /^-?(0x)?[0-9a-f]+$/)
			constants[name] = FNR
	}

	# The width of a type, as a C expression
	function width(type,	n, words)
	{
		if (type ~ /^int(8|16|32|64)(\[|$)/) {
			sub(/^int/, "", type)
			return (type + 0) / 8
		}
		if (type == "pid" || type == "fd_memfd")
			return 4
		if (type == "vma64" || type ~ /^ptr64\[(in|out|inout), /) {
			if (type ~ /^ptr64/ && inside(type) ~ /array\[[a-z]/ &&
			    inside(type) !~ /array\[int/) {
				n = inside(type)
				sub(/.*array\[/, "", n)
				sub(/\].*/, "", n)
				used[base(n)] = FNR
			}
			return 8
		}
		if (type ~ /^(const|len|flags)\[/) {
			n = inside(type)
			if (split(n, words, /, */) != 2)
				wrong("not two words in brackets")
			if (type ~ /^const/)
				constant(words[1])
			if (type ~ /^flags/)
				sets[words[1]] = FNR
			if (type ~ /^len/ && words[1] != "parent")
				lens[words[1]] = struct
			return width(words[2])
		}
		if (type ~ /^array\[.*, [0-9]+\]$/) {
			n = inside(type)
			words[1] = last(n)
			sub(/, [0-9]+$/, "", n)
			return width(n) " * " words[1]
		}
		if (type in resources)
			return resources[type]
		if (type ~ /^[a-z_0-9$]+$/) {
			used[base(type)] = FNR
			return "sizeof(struct " base(type) ")"
		}
		wrong("a type that is not known")
		return 1
	}

	function resource(text,	words)
	{
		split(text, words, /[][]/)
		if (words[2] != "fd" && words[2] != "int32")
			wrong("a resource of what")
		resources[words[1]] = 4
	}

	# What another description has
	/^# elsewhere: / {
		n = split(substr($0, 14), elsewhere, /, /)
		for (i = 1; i <= n; i++) {
			if (elsewhere[i] ~ /^resource /)
				resource(substr(elsewhere[i], 10))
			else if (elsewhere[i] ~ /^flags /)
				known[substr(elsewhere[i], 7)] = 1
			else
				wrong("not understood")
		}
		next
	}
	/^#/ || /^$/ { next }
	/^include <[a-z\/0-9_.]+>$/ {
		sub(/<uapi\//, "<")
		print "#" $0
		next
	}
	/^resource [a-z0-9_]+\[[a-z0-9]+\]$/ { resource($2); next }

	/^(openat|syz_open_dev)\$[a-z0-9_]+\(/ {
		if ($NF in resources)
			next
		wrong("it returns what")
	}

	# ioctl$NAME(fd FD, cmd const[NAME], arg ptr[in, STRUCT])
	/^ioctl\$[A-Z0-9_]+(\$[a-z_]+)?\(fd [a-z0-9_]+, cmd const\[[A-Z0-9_]+\](, arg ptr\[(in|out|inout), [a-z0-9_$]+\])?\)$/ {
		name = $1
		sub(/^ioctl\$/, "", name)
		sub(/\(fd$/, "", name)
		command = $0
		sub(/.*cmd const\[/, "", command)
		sub(/\].*/, "", command)
		if (base(name) != command)
			wrong("its name is not that of its command")
		if (name in calls)
			wrong("twice")
		calls[name] = command
		fd = $2
		sub(/,$/, "", fd)
		if (!(fd in resources))
			wrong("no such file descriptor")
		constant(command)
		if ($0 ~ /arg ptr/) {
			type = $0
			sub(/.*arg ptr\[[a-z]+, /, "", type)
			sub(/\]\)$/, "", type)
			if (!(type in resources))
				taken[type] = FNR
		}
		next
	}

	# NAME { ... }
	/^[a-z0-9_]+(\$[a-z_]+)? \{$/ {
		struct = $1
		if (struct in structs)
			wrong("twice")
		structs[struct] = 1
		offset = "0"
		next
	}
	/^}$/ {
		if (!struct)
			wrong("nothing is open")
		# Arrays of no length at the end belong to variants.
		printf "_Static_assert(sizeof(struct %s) == %s || %d, \"%s: size\");\n", \
			base(struct), offset, tail, struct
		struct = ""
		tail = 0
		next
	}
	struct && /^\t[a-z0-9_]+\t+[^\t]+(\t+\((in|out|inout)\))?$/ {
		name = $1
		type = $0
		sub(/^\t[a-z0-9_]+\t+/, "", type)
		sub(/\t+\(.*/, "", type)
		w = width(type)
		members[struct, name] = 1
		printf "_Static_assert(offsetof(struct %s, %s) == %s, \"%s.%s: place\");\n", \
			base(struct), name, offset, struct, name
		if (struct ~ /\$/ && name == "data")
			tail = 1
		else
			printf "_Static_assert(sizeof(((struct %s *)0)->%s) == %s, \"%s.%s: width\");\n", \
				base(struct), name, w, struct, name
		offset = offset " + " w
		next
	}

	# NAME = A, B
	!struct && /^[a-z0-9_]+ = [A-Z0-9_]+(, [A-Z0-9_]+)*$/ {
		known[$1] = 1
		for (i = 3; i <= NF; i++) {
			name = $i
			sub(/,$/, "", name)
			constant(name)
		}
		next
	}
	{ wrong("not understood") }

	END {
		FNR = 0
		for (name in sets)
			if (!(name in known)) {
				$0 = name
				wrong("no such set of flags")
			}
		for (name in taken)
			if (!(name in structs)) {
				$0 = name
				wrong("no such structure")
			}
		for (name in used) {
			found = 0
			for (other in structs)
				found = found || base(other) == name
			if (!found) {
				$0 = name
				wrong("no such structure")
			}
		}
		for (name in lens)
			if (!((lens[name], name) in members)) {
				$0 = name
				wrong("the length of what")
			}
		print "unsigned long long constants[] = {"
		for (name in constants)
			print "\t" name ","
		print "};"
		exit bad
	}' "$1"
}

# fits FILE: does the compiler agree?
fits()
{
	local c

	c=$tmp/$(basename "$1" .txt).c
	{
		echo '#include <stddef.h>'
		assertions "$1"
	} >"$c" || return
	gcc -fsyntax-only -Wall -D_GNU_SOURCE -isystem "$pa_top/include/uapi" \
		-isystem "$headers" "$c"
}

# all_calls: has each call of the header a description, and the other way round?
all_calls()
{
	diff <(sed -n 's/^#define \(PINACCT_[A-Z_]*\)\t*_IO(.*/\1/p' \
			"$pa_top/include/uapi/linux/pinacct.h" | sort) \
		<(sed -n 's/^ioctl\$\(PINACCT_[A-Z_]*\)(.*/\1/p' "$dir/dev_pinacct.txt" | sort)
}

n=0
verdict()
{
	local what=$1

	shift
	n=$((n + 1))
	if "$@" >"$tmp/log" 2>&1; then
		echo "ok $n $what"
	else
		sed 's/^/# /' "$tmp/log"
		echo "not ok $n $what"
	fi
}

# must_not_fit FILE SED COMPLAINT: a description that is wrong is seen to be
must_not_fit()
{
	sed "$2" "$dir/$1" >"$tmp/$1"
	! cmp -s "$dir/$1" "$tmp/$1" || { echo "nothing was made wrong"; return 1; }
	! fits "$tmp/$1" >"$tmp/complaint" 2>&1 && grep -q "$3" "$tmp/complaint" ||
		{ cat "$tmp/complaint"; return 1; }
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
headers=$("$pa_top/selftests/build.sh" --headers)

echo "TAP version 13"
for file in "$dir/"*.txt; do
	verdict "descriptions.fit $(basename "$file")" fits "$file"
done
verdict "descriptions.all calls of /dev/pinacct" all_calls
verdict "descriptions.wrong a width" must_not_fit dev_pinacct.txt \
	's/^\tnr\tlen\[ranges, int32\]/\tnr\tlen[ranges, int64]/' 'pinacct_pins.nr: width'
verdict "descriptions.wrong a member less" must_not_fit dev_pinacct.txt \
	'/^\tuser_shared/d' 'pinacct_usage: size'
verdict "descriptions.wrong the name of a member" must_not_fit dev_vfio_type1.txt \
	's/^\tpgsize/\tpage_size/' page_size
verdict "descriptions.wrong the order of members" must_not_fit dev_vfio_type1.txt \
	'/^\tpt_id/{h;d}; /^\tpasid/G' 'vfio_device_attach_iommufd_pt.pt_id: place'
verdict "descriptions.wrong a command" must_not_fit dev_iommu_files.txt \
	's/IOMMU_IOAS_MAP_FILE/IOMMU_IOAS_MAP_FILES/g' IOMMU_IOAS_MAP_FILES
verdict "descriptions.wrong flags" must_not_fit dev_pinacct.txt \
	's/^pinacct_pins_by = /pinacct_pins_other = /' 'no such set of flags'
verdict "descriptions.wrong a word" must_not_fit dev_iommu_files.txt \
	's/^iommu_ioas_change_process {/iommu_ioas_change_process (/' 'not understood'
echo "1..$n"
