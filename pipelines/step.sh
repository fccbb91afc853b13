#!/bin/sh
# SPDX-License-Identifier: MIT
# step.sh STEP LOG/ID COMMAND...: one step of a system's way into a set. What the command says goes to LOG/ID.STEP. When it fails, its last
# words go to standard error and into LOG/ID.refused, if the system is to blame, or LOG/ID.failed, if it may work another time.
step=$1 log=$2
shift 2
mkdir -p "${log%/*}"
rm -f "$log.refused" "$log.failed"
"$@" >"$log.$step" 2>&1
status=$?
case $status in
0) exit 0 ;;
130 | 143) exit $status ;; # interrupted
esac
why=$(tail -n 1 "$log.$step")
[ $status -lt 128 ] || why="$step: killed by signal $((status - 128))"
kind=failed
[ "$step" != strip ] || [ $status -ne 1 ] && [ $status -ne 3 ] || kind=refused
printf '%s\n' "${why:-$step: status $status}" | tee "$log.$kind" >&2
exit $status
