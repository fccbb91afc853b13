#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
bats_require_minimum_version 1.5.0

@test "bench: gemm gives one JSON object with its keys" {
    run --separate-stderr km-bench --size 64 --threads 1 gemm
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 1 ]
    python3 - "$output" <<'PY'
import json, sys
o = json.loads(sys.argv[1])
assert list(o) == ["part", "seconds", "flop", "gflops", "gemm_gflops", "share"], o
assert o["part"] == "gemm" and o["flop"] == 2 * 64 ** 3 and o["share"] == 1 and o["seconds"] > 0, o
PY
}

@test "bench: linear counts its operations" {
    run --separate-stderr km-bench --size 64 --tokens 70 --channels 16 --threads 2 linear
    [ "$status" -eq 0 ]
    python3 - "$output" <<'PY'
import json, sys
o = json.loads(sys.argv[1])
assert o["part"] == "linear" and o["flop"] == 2 * 70 * 16 * 16 and o["gflops"] > 0, o
PY
}

@test "bench: all is a line for each part" {
    run --separate-stderr km-bench --size 32 --tokens 8 --channels 8 all
    [ "$status" -eq 0 ]
    [[ "$output" == *'"gemm"'*'"linear"'* ]]
}

@test "bench: an unknown part, no part, two parts and a bad size are misuse" {
    run --separate-stderr km-bench nonsense
    [ "$status" -eq 2 ]
    [[ "$stderr" == "km-bench: "*nonsense* ]]
    [ -z "$output" ]
    run --separate-stderr km-bench
    [ "$status" -eq 2 ]
    run --separate-stderr km-bench gemm linear
    [ "$status" -eq 2 ]
    run --separate-stderr km-bench --size 0 gemm
    [ "$status" -eq 2 ]
}

@test "bench: a full standard output is a failure" {
    run --separate-stderr bash -c 'km-bench --size 8 gemm >/dev/full'
    [ "$status" -eq 4 ]
}
