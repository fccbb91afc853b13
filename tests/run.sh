#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/run.sh BUILD UNIT... -- BATS...: runs unit programs (TAP) and bats files and ends with one line of counts.
set -u
B=$1; shift
PATH=$(cd "$B" && pwd)/bin:$PATH; export PATH
KM_BUILD=$(cd "$B" && pwd); export KM_BUILD
KM_POISON=1; export KM_POISON
passed=0 failed=0 skipped=0
log=$(mktemp); trap 'rm -f "$log"' EXIT
count() { # NAME STATUS: what the TAP in $log says
    p=$(grep -c '^ok ' "$log") f=$(grep -c '^not ok ' "$log") s=$(grep -c '^ok .*# skip' "$log")
    if [ "$2" -ne 0 ] && [ "$f" -eq 0 ]; then echo "not ok - $1 ended with status $2"; f=1; fi
    if [ "$p" -eq 0 ] && [ "$f" -eq 0 ]; then echo "not ok - $1 ran no test"; f=1; fi
    passed=$((passed + p - s)) failed=$((failed + f)) skipped=$((skipped + s))
    if [ "$f" -gt 0 ]; then grep -v '^ok ' "$log"; echo "# $1: $f failed"; else echo "# $1: $p ok"; fi
}
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    "$1" >"$log" 2>&1; count "$(basename "$1")" $?
    shift
done
shift
for b in "$@"; do
    bats --tap "$b" >"$log" 2>&1 </dev/null; count "$(basename "$b")" $?
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
