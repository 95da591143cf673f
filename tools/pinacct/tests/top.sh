#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests of pinacct top in a terminal (tmux): its keys, processes that vanish, a
# narrow terminal, one without colour. Says so in TAP.
#
# Use:	tools/pinacct/tests/top.sh
#
# Guards: what is on the screen. Nothing is awaited for a fixed time: a picture that
# does not come is a failure.

. "$(dirname "$0")/../../../scripts/lib.sh"
# shellcheck source=tools/pinacct/tests/lib.sh
. "$pa_top/tools/pinacct/tests/lib.sh"

program=$pa_top/build/tools/pinacct
# A server of its own for each terminal: one that ends takes its time.
socket=
TMUX_TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/pinacct-top.XXXXXX")
export TMUX_TMPDIR
declare -A locked
set +e

[[ -x $program ]] || die "no $program: run make tools"

close()
{
	[[ -z $socket ]] || tmux -L "$socket" kill-server
}

finish()
{
	close
	[[ ${#locked[@]} = 0 ]] || kill "${locked[@]}" 2>/dev/null
	rm -rf "$TMUX_TMPDIR"
}
trap finish EXIT

# lock NAME MIB: a process of that name that has so much memory locked (mlock is 149)
lock()
{
	# shellcheck disable=SC2016
	perl -e '$0 = $ARGV[0]; $n = $ARGV[1] << 20; $m = "x" x $n;
		syscall(149, unpack("Q", pack("P", $m)), $n) == 0 or die "mlock: $!"; sleep 600' "$@" &
	locked[$1]=$!
}

# locked_kib NAME: what /proc says of it, once it has locked it
locked_kib()
{
	local n kib

	for ((n = 0; n < 100; n++)); do
		kib=$(awk '$1 == "VmLck:" { print $2 }' "/proc/${locked[$1]}/status")
		[[ $kib -lt 2048 ]] || break
		sleep 0.1
	done
	echo "$kib"
}

screen()
{
	tmux -L "$socket" capture-pane -p
}

# appears TEXT, vanishes TEXT: on the screen
appears()
{
	local n

	for ((n = 0; n < 100; n++)); do
		! screen | grep -qE "$1" || return 0
		sleep 0.1
	done
	wrong+=("'$1' is not on the screen: $(screen | head -n 8 | tr '\n' '|')")
	return 1
}

vanishes()
{
	local n

	for ((n = 0; n < 100; n++)); do
		screen | grep -qE "$1" || return 0
		sleep 0.1
	done
	wrong+=("'$1' stays on the screen")
	return 1
}

# appears_coloured yes|no: is anything?
appears_coloured()
{
	local seen=no

	! tmux -L "$socket" capture-pane -p -e | grep -q $'\e\[[0-9;]*3[1-7]' || seen=yes
	expect "whether there is colour" $seen "$1"
}

press()
{
	tmux -L "$socket" send-keys "$@"
}

# start COLUMNS LINES [ASSIGNMENT...]: top in a new terminal of that size, in a shell
# that says how it ended
start()
{
	local columns=$1 lines=$2

	shift 2
	close
	starts=$((${starts:-0} + 1))
	socket=pinacct-top-$$-$starts
	tmux -L "$socket" -f /dev/null new-session -d -x "$columns" -y "$lines" \
		"env $* '$program' top --all --delay 1; echo ended with \$?; read -r"
}

# order FIRST SECOND: in which they are on the screen
order()
{
	local n seen

	for ((n = 0; n < 100; n++)); do
		seen=$(screen | grep -oE "$1|$2" | tr '\n' ' ')
		[[ $seen != "$1 $2 " ]] || return 0
		sleep 0.1
	done
	wrong+=("the order is '$seen', not '$1 $2'")
}

lock pin-small 2
lock pin-large 4

start 140 30
appears 'PID +USER'
for name in pin-small pin-large; do
	kib=$(locked_kib $name)
	appears "$name .* $kib +$kib +0 "
done
verdict "it shows who has memory locked"

order pin-large pin-small
press R
order pin-small pin-large
press N
order pin-small pin-large
press C
order pin-large pin-small
press '<' '<'
press R
order pin-small pin-large
verdict "keys sort it"

press h
appears 'Keys of pinacct top'
press x
appears 'PID +USER'
press a
vanishes pin-small
press a
appears pin-small
verdict "keys: help, and all or not"

kill "${locked[pin-small]}"
vanishes pin-small
appears pin-large
unset 'locked[pin-small]'
verdict "a process that ends vanishes, and nothing else"

tmux -L "$socket" resize-window -x 40 -y 8
vanishes LIMIT
appears 'PID +VM +CHARGED'
expect "lines that are too long" "$(screen | awk 'length > 40' | wc -l)" 0
tmux -L "$socket" resize-window -x 12 -y 2
appears pinacct
tmux -L "$socket" resize-window -x 140 -y 30
appears 'LIMIT'
verdict "a narrow terminal has fewer columns"

press q
appears 'ended with 0'
verdict "q ends it"

# Who has nothing left is shown in colour.
kib=$(locked_kib pin-large)
prlimit --pid "${locked[pin-large]}" --memlock=$((kib * 1024)) || die "no limit can be set"
start 80 24
appears "pin-large .* 0$"
appears_coloured yes
press q
appears 'ended with 0'
start 80 24 TERM=vt100
appears pin-large
press q
appears 'ended with 0'
start 80 24 NO_COLOR=1
appears "pin-large .* 0$"
appears_coloured no
press q
appears 'ended with 0'
start 80 24 TERM=no-such-terminal
appears 'is not known: set TERM'
appears 'ended with 7'
verdict "terminals without colour, and one that is not known"

start 80 24
appears pin-large
pkill -TERM -P "$(tmux -L "$socket" list-panes -F '#{pane_pid}')"
appears 'ended with 0'
expect "the other screen" "$(tmux -L "$socket" display -p '#{alternate_on}')" 0
expect "the cursor" "$(tmux -L "$socket" display -p '#{cursor_flag}')" 1
verdict "a signal ends it, and the terminal is put back"

echo "1..$tests"
