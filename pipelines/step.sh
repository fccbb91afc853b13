#!/bin/sh
# SPDX-License-Identifier: MIT
# step.sh STEP LOG/ID OUTPUT COMMAND...: one step of a system's way into a set. What the command says goes to LOG/ID.STEP. When it fails, its
# last words go to standard error and into LOG/ID.refused, if the system is to blame, or LOG/ID.failed, if it may work another time. Where
# some of its trajectories were refused and OUTPUT (-: none, else removed before) is made of the others, they go into LOG/ID.partly.
# Two runs do not take the same step of a system at the same time.
step=$1 log=$2 output=$3
shift 3
mkdir -p "${log%/*}"
exec 9>>"$log.$step"
flock -n 9 || { echo "step.sh: $log.$step: another run is at it" >&2; exit 75; }
rm -f "$log.refused" "$log.failed"
[ "$output" = - ] || rm -f "$output" "$log.partly"
"$@" >"$log.$step" 2>&1
status=$?
kind=failed
case $status in
0) exit 0 ;;
130 | 143) exit $status ;; # interrupted
1 | 3) [ "$step" != strip ] || kind=refused ;;
esac
why=$(tail -n 1 "$log.$step")
[ $status -lt 128 ] || why="$step: killed by signal $((status - 128))"
if [ $kind = refused ] && [ -e "$output" ]; then kind=partly status=0; fi
printf '%s\n' "${why:-$step: status $status}" | tee "$log.$kind" >&2
exit $status
