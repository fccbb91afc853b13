#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/device.sh BIN TESTS ORACLE CASES EXAMPLE: what there is to test on a GPU, with the programs in BIN and the tests in
# TESTS: each operation against float64, parts of the model and whole runs against the processor, the reference cases.
set -u
bin=$1 tests=$2 oracle=$3 cases=$4 example=$5
if ! why=$("$bin/km-info" --device cuda </dev/null 2>&1 >/dev/null); then
    case $why in
    *--device\ cuda:*) echo "skipped: no device ($why)"; exit 0 ;;
    esac
fi
log=$(mktemp); trap 'rm -f "$log"' EXIT
passed=0 failed=0
count() { # NAME: what is in $log
    good=$(grep -cE '^ok | ok$' "$log") bad=$(grep -cE '^not ok | FAIL$' "$log")
    if [ "$2" -ne 0 ] && [ "$bad" -eq 0 ] || [ "$good" -eq 0 ]; then bad=$((bad + 1)); tail -3 "$log"; fi
    grep -E '^not ok | FAIL$' "$log"
    echo "# $1: $good ok, $bad not"
    passed=$((passed + good)) failed=$((failed + bad))
}
KM_POISON=1; export KM_POISON
for t in "$tests"/test_op_* "$tests/test_cuda" "$tests/test_device" "$tests/test_replay"; do
    [ -x "$t" ] || continue
    "$t" >"$log" 2>&1; count "$(basename "$t")" $?
done
"$oracle" --device cuda "$cases"/*.safetensors >"$log" 2>&1; count "reference cases" $?
sh "$(dirname "$0")/device_runs.sh" "$bin" "$example" 8 20 50 --init mini >"$log" 2>&1; count "a forecast and training" $?
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
