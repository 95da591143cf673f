#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only

usage="\
Run the races for long: memory is mapped while it, the kernel and the process change.

Use:	[VARIABLE=...]... make soak
	[VARIABLE=...]... selftests/soak.sh [--seconds N]

  RACES=a,b  of those that selftests/races/ has (all)
  SECONDS=N  how long each race goes on, its four front ends together, 4 or more (600)
  KERNEL=V   6.12, Debian's, or 7.2, the project's small one (6.12)
  SEED=N     do what was done to the memory in the run that has printed N

With 600 seconds, all of them take four and a half hours. What they say is in
build/soak/V/races.tap as it comes; the last line of the output is the count. Exit
status: 0 if no race was lost, 1 if one was, 2 for a value that is wrong, 130 if
interrupted, when nothing is left running."

. "$(dirname "$0")/../scripts/lib.sh"
# shellcheck source=selftests/results.sh
. "$pa_top/selftests/results.sh"

misused()
{
	say "error: $*"
	exit 2
}

# Not by a variable of that name, which bash has for itself.
seconds=600
case ${1:-} in
'')		;;
--seconds)	seconds=${2:-} ;;
-h|--help)	echo "$usage"; exit 0 ;;
*)		misused "'$1' is not known: see --help" ;;
esac
[[ $seconds =~ ^[0-9]{1,6}$ && $seconds -ge 4 ]] || misused "SECONDS=$seconds is no number from 4 on"
version=${KERNEL:-6.12}
IFS=, read -ra races <<<"${RACES:-}"
[[ -z ${SEED:-} || $SEED =~ ^[0-9]+$ ]] || misused "SEED=$SEED is no number"
[[ $version = 6.12 || $version = 7.2 ]] || misused "KERNEL=$version is neither 6.12 nor 7.2"
for race in "${races[@]}"; do
	grep -qx "	*.name = \"$race\"," "$pa_top/selftests/races/"*.c ||
		misused "no race is called '$race': selftests/races/ has them"
done

where=()
if [[ $version = 7.2 ]]; then
	KSRC=$("$pa_top/scripts/fetch.sh" source-7.2)
	kernel=$("$pa_top/scripts/test-kernel.sh" "$KSRC")
	export KSRC KDIR=$kernel/kdir
	where=(--kernel "$kernel/bzImage" --modules "$kernel/modules")
fi
"$pa_top/scripts/build-modules.sh" ours
"$pa_top/selftests/modules/build.sh"
"$pa_top/selftests/build.sh" races

out=$pa_top/build/soak/$version
mkdir -p "$out"
exec {lock}>"$out/.lock"
flock --nonblock "$lock" || die "another soak with Linux $version is running in this tree"
rm -f "$out"/*
results=$out/results
: >"$results"

count=${#races[@]}
[[ $count -gt 0 ]] || count=$(cat "$pa_top/selftests/races/"*.c | grep -c '^	*\.name = "')
say "L1 with Linux $version: $count races, $seconds s each"
status=0
"$pa_top/tools/vm/run.sh" "${where[@]}" --out "$out" --log "$out/console.log" \
	--devices edu,e1000e --hugepages 64 --append numa=fake=2 \
	--timeout $((count * (seconds + 120) + 600)) -- selftests/l1/races.sh \
	--seconds $((seconds / 4)) ${SEED:+--seed "$SEED"} "${races[@]}" {lock}>&- || status=$?
case $status in
0)	record pass soak "kernel log without complaint" ;;
123)	record fail soak "kernel log without complaint" "see $out/console.log" ;;
130)	exit 130 ;;
*)	record fail soak "run to its end" "exit status $status" ;;
esac
tap_results soak "$out/races.tap"
grep -h '^# .* they met in ' "$out/races.tap" || true
show_failures 0
echo "$(count pass) passed, $(count fail) failed, $(count skip) skipped" | tee "$out/summary"
[[ $(count fail) = 0 ]]
