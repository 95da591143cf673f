#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Copy a kernel's type1 or iommufd source, and put our pinning in the place of
# theirs with the component's semantic patch.
#
# Use:	scripts/splice.sh KSRC OUTDIR type1|iommufd
#
# OUTDIR then holds the spliced files, the rest of that kernel's files for the
# component, and links to the files of ours that the spliced ones include.
#
# Coccinelle is silent about a rule that matched nothing. So the semantic patch
# also says what must come of it, and that is checked on the text, without
# Coccinelle's help:
#
#	// spliced: FILE...	the files that the patch is run on
#	@remove...@		a rule with "identifier f = { a, b };": each of
#				these functions is there before and gone after
#	@optional...@		the same, for functions that only some kernels
#				have: gone after
#	// expect FILE: TEXT	TEXT is there more often after than before
#	// gone FILE: TEXT	TEXT is there before and gone after
#	// gone-if-there FILE: TEXT	TEXT is gone after
#
# Runs of white space in TEXT and in the files count as one blank. When a check
# fails, its subject is named and there is no OUTDIR.

. "$(dirname "$0")/lib.sh"

# checks PATCH: the patch's claims, one a line: "remove NAME", "optional NAME",
# "expect FILE TEXT", "gone FILE TEXT", "gone-if-there FILE TEXT"
checks()
{
	perl -0777 -ne '
		while (m{^//\s*(expect|gone|gone-if-there)\s+([\w.-]+):\s*(.*?)\s*$}mg) {
			print "$1 $2 $3\n";
		}
		s{//.*}{}g;
		while (m{^@\s*(remove|optional)\w*[^@\n]*@\s*\n(.*?)^@@}msg) {
			my ($what, $vars) = ($1, $2);
			while ($vars =~ m{\bidentifier\s+\w+\s*=\s*\{([^\}]*)\}}g) {
				print "$what $_\n" for grep { length } split /[\s,]+/, $1;
			}
		}' -- "$1"
}

# defines NAME FILE...: true if one of the files defines that function. Kernel
# style starts a definition in the first column; a prototype ends before a "{".
defines()
{
	local name=$1

	shift
	NAME=$name perl -0777 -ne '
		s{/\*.*?\*/}{}gs;
		s{//.*}{}g;
		$found = 1 if m/^[A-Za-z_][^;{}#:=]*?\b$ENV{NAME}\s*\([^;{}]*\)[^;{}()]*\{/m;
		END { exit !$found; }' -- "$@"
}

# times TEXT FILE: how often the file holds the text
times()
{
	TEXT=$1 perl -0777 -ne '
		BEGIN { $text = $ENV{TEXT}; $text =~ s/\s+/ /g; }
		s/\s+/ /g;
		$n += () = /\Q$text\E/g;
		END { print $n + 0, "\n"; }' -- "$2"
}

# check_splice PATCH BEFORE AFTER FILE...: die with all claims that do not hold
check_splice()
{
	local patch=$1 before=$2 after=$3
	local what a b failed=0

	shift 3
	fail()
	{
		say "splice: $*"
		failed=1
	}
	while read -r what a b; do
		case $what in
		remove|optional)
			if [[ $what = remove ]] && ! (cd "$before" && defines "$a" "$@"); then
				fail "$a() is not in this kernel's $*"
			elif (cd "$after" && defines "$a" "$@"); then
				fail "$a() was not removed"
			fi
			;;
		*)
			if [[ ! -f $before/$a ]]; then
				fail "$a is not among the spliced files: $*"
			elif [[ $what = expect ]]; then
				[[ $(times "$b" "$after/$a") -gt $(times "$b" "$before/$a") ]] ||
					fail "'$b' did not come into $a"
			else
				[[ $what = gone-if-there || $(times "$b" "$before/$a") -gt 0 ]] ||
					fail "'$b' is not in this kernel's $a"
				[[ $(times "$b" "$after/$a") = 0 ]] || fail "'$b' is still in $a"
			fi
			;;
		esac
	done < <(checks "$patch")
	[[ $failed = 0 ]] || die "$patch does not fit the kernel source in $ksrc"
}

[[ $# = 3 ]] || die "use: splice.sh KSRC OUTDIR type1|iommufd"
ksrc=$1 outdir=$2 component=$3

case $component in
type1)
	dir=drivers/vfio
	theirs=("$ksrc/$dir/vfio_iommu_type1.c" "$ksrc/$dir/vfio.h")
	;;
iommufd)
	dir=drivers/iommu/iommufd
	theirs=("$ksrc/$dir"/*.[ch])
	;;
*)
	die "no component is called '$component': type1 or iommufd"
	;;
esac
patch=$pa_top/$dir/$component.cocci

[[ -f $ksrc/Makefile ]] || die "KSRC=$ksrc is not a kernel source tree"
[[ -f ${theirs[0]} ]] || die "KSRC=$ksrc has no ${theirs[0]#"$ksrc/"}"
[[ -f $patch ]] || die "$patch is not there"
command -v spatch >/dev/null || die "spatch is missing: run scripts/deps.sh build"
read -ra files < <(sed -n 's,^// *spliced: *,,p' "$patch") ||
	die "$patch has no line '// spliced: FILE...'"

tmp=$outdir.tmp.$$
trap 'rm -rf -- "$tmp" "$tmp.log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
rm -rf -- "$outdir"
mkdir -p "$tmp"
cp -- "${theirs[@]}" "$tmp/"

for file in "${files[@]}"; do
	[[ -f $tmp/$file ]] || die "KSRC=$ksrc has no $dir/$file"
	say "splicing $dir/$file"
	if ! spatch --very-quiet --sp-file "$patch" --in-place "$tmp/$file" >/dev/null 2>"$tmp.log"; then
		cat "$tmp.log" >&2
		die "spatch could not apply $patch to $file"
	fi
	cat "$tmp.log" >&2
done
check_splice "$patch" "$ksrc/$dir" "$tmp" "${files[@]}"

for file in "$pa_top/$dir"/*.[ch]; do
	[[ -f $file ]] || continue
	[[ ! -e $tmp/${file##*/} ]] || die "$file has the name of a file of the kernel's"
	ln -s -- "$file" "$tmp/"
done
mv -T -- "$tmp" "$outdir"
