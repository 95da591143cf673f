# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of pinacct(8) share: TAP, and running the program.
#
#	program	the program

tests=0
wrong=()

# expect WHAT GOT WANTED: a part of a test
expect()
{
	[[ $2 = "$3" ]] || wrong+=("$1 is '$2', not '$3'")
}

# expect_match WHAT GOT PATTERN
expect_match()
{
	[[ $2 =~ $3 ]] || wrong+=("$1 is '$2', which does not match '$3'")
}

# verdict TEST: on all that was expected since the last one
verdict()
{
	local result=ok

	tests=$((tests + 1))
	[[ ${#wrong[@]} = 0 ]] || result="not ok"
	echo "$result $tests $1"
	[[ ${#wrong[@]} = 0 ]] || printf '%s\n' "${wrong[@]}" | sed 's/^/# /'
	wrong=()
}

# run ARGUMENT...: the program; $out, $err and $status are what it gave
run()
{
	status=0
	out=$(timeout 600 "$program" "$@" 2>"$tmp/err" </dev/null) || status=$?
	err=$(<"$tmp/err")
}

# member NAME: of the JSON in $out, the first one of that name that is no object
member()
{
	sed -nE "s/^ *\"$1\": (.*[^,{[]),?\$/\1/p" <<<"$out" | sed 's/^"//; s/"$//; q'
}

# fails TEST STATUS PATTERN ARGUMENT...: one line that says what is wrong, that exit
# status, and nothing else
fails()
{
	local test=$1 wanted=$2 pattern=$3

	shift 3
	run "$@"
	expect "exit status" "$status" "$wanted"
	expect "standard output" "$out" ""
	expect_match "message" "$err" "$pattern"
	expect "number of lines" "$(wc -l <"$tmp/err")" 1
	verdict "$test"
}
