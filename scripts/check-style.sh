#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# sparse, checkpatch and shellcheck on our own files. Prints what they found;
# exit status 0 when that is nothing.
#
# Use:	[KDIR=...] [KSRC=...] scripts/check-style.sh

. "$(dirname "$0")/lib.sh"

# sparse reads what the compiler reads: all of the modules, of which only the
# lines about our own files are ours to answer for.
run_sparse()
{
	local log=$pa_top/build/sparse.log

	mkdir -p "$pa_top/build"
	C=2 "$pa_top/scripts/build-modules.sh" ours 2>"$log" || {
		cat "$log" >&2
		die "the modules were not built"
	}
	grep -q 'CHECK' "$log" || die "sparse was not run: see $log"
	! grep -F -f <(cd "$pa_top" && find drivers include -name '*.[ch]' -printf '/%p:\n') "$log" |
		grep -E 'warning|error'
}

# checkpatch FIND-ARG... -- OPTION...
checkpatch()
{
	local -a where=() files

	while [[ $1 != -- ]]; do
		where+=("$1")
		shift
	done
	shift
	mapfile -t files < <(cd "$pa_top" && find "${where[@]}" -name '*.[ch]')
	(cd "$pa_top" && perl "$ksrc/scripts/checkpatch.pl" --no-tree --file --quiet --show-types \
		--no-summary --max-line-length=100 "$@" "${files[@]}")
}

# --strict is for the kernel's part, without its trace events, which are not laid
# out like code. The compat header is about versions, and its
# macros name types that only their users have. User space lacks READ_ONCE,
# ARRAY_SIZE and strscpy, and the harness's macros end in a statement or define a
# fixture.
run_checkpatch()
{
	local compat=include/linux/pinacct-compat.h bad=0
	local user_space=FILE_PATH_CHANGES,VOLATILE,COMPLEX_MACRO,EMBEDDED_FUNCTION_NAME

	user_space+=,ARRAY_SIZE,STRCPY,PREFER_DEFINED_ATTRIBUTE_MACRO
	user_space+=,MULTISTATEMENT_MACRO_USE_DO_WHILE

	checkpatch drivers include -not -path "$compat" -not -path 'include/trace/*' -- \
		--strict --ignore FILE_PATH_CHANGES || bad=1
	checkpatch include/trace -- --ignore FILE_PATH_CHANGES || bad=1
	checkpatch "$compat" -- --ignore \
		FILE_PATH_CHANGES,LINUX_VERSION_CODE,CONSTANT_COMPARISON,MACRO_ARG_UNUSED || bad=1
	checkpatch selftests tools -- --ignore "$user_space" || bad=1
	return $bad
}

run_shellcheck()
{
	local -a files

	mapfile -t files < <(cd "$pa_top" && grep -rlE '^#!/bin/(ba)?sh' scripts selftests tools)
	# SC1091, SC2154: lib.sh is found at run time. SC2054: QEMU's options have commas.
	(cd "$pa_top" && shellcheck -S warning -e SC1091,SC2154,SC2034,SC2054 "${files[@]}")
}

"$pa_top/scripts/deps.sh" build check
ksrc=${KSRC:-$("$pa_top/scripts/fetch.sh" source-6.12)}
[[ -f $ksrc/scripts/checkpatch.pl ]] || die "KSRC=$ksrc has no scripts/checkpatch.pl"

bad=()
for tool in shellcheck checkpatch sparse; do
	say "running $tool"
	"run_$tool" >&2 || bad+=("$tool")
done
[[ ${#bad[@]} = 0 ]] || die "${bad[*]} found something to put right"
