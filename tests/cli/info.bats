# SPDX-License-Identifier: MIT
# km-info: every kind of file, as text and JSON.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    T=$BATS_TEST_TMPDIR
    /usr/bin/python3 tests/data/make_stream.py 3 1 >"$T/in.km"
}

@test "a stream" {
    run --separate-stderr km-info "$T/in.km"
    [ "$status" -eq 0 ]
    [[ "$output" == *"atoms: 16"* ]]
    [[ "$output" == *"name A, type protein, residues 3, atoms 15"* ]]
    [[ "$output" == *"program make_stream.py"* ]]
    [[ "$output" == *"first_ns 0.0, last_ns 0.1, step_ns 0.05"* ]]
}

@test "a stream as JSON, from standard input" {
    run --separate-stderr bash -c "km-info --json --verify <'$T/in.km' | /usr/bin/python3 -c '
import json, sys
j = json.load(sys.stdin)
s = j[\"systems\"][0]
assert j[\"verified\"] and j[\"kind\"] == \"stream\" and j[\"messages\"] == 26
assert s[\"atoms\"] == 16 and s[\"frames\"] == 3 and s[\"trunk\"][\"tokens\"] == 4 and s[\"other_messages\"] == dict(remark=1)
assert s[\"msa\"] == dict(rows=2, paired_rows=1, places_with_deletions=1)
assert s[\"templates\"] == dict(templates=1, tokens_covered=[2])
assert s[\"trajectories\"] == [dict(trajectory=0, frames=3, given=1, first_ns=0.0, last_ns=0.1, step_ns=0.05)]
'"
    [ "$status" -eq 0 ]
}

@test "weights" {
    run --separate-stderr km-info --verify tests/data/safetensors/tiny.safetensors
    [ "$status" -eq 0 ]
    [[ "$output" == *"kind: safetensors"* ]]
    [[ "$output" == *"name layer.weight, dtype F32, shape [2,3]"* ]]
    run --separate-stderr km-info --verify tests/data/torch/views.ckpt
    [ "$status" -eq 0 ]
    [[ "$output" == *"kind: pytorch"* ]]
    [[ "$output" == *"name row, dtype F32, shape [4]"* ]]
    head -c 500 tests/data/safetensors/tiny.safetensors >"$T/cut"
    run --separate-stderr km-info "$T/cut"
    [ "$status" -eq 3 ]
    [[ "$stderr" == *"cut"* ]]
}

@test "a truncated stream: facts of what is whole, record and byte, exit 3" {
    head -c $(($(stat -c %s "$T/in.km") - 100)) "$T/in.km" >"$T/cut.km"
    run --separate-stderr km-info --verify "$T/cut.km"
    [ "$status" -eq 3 ]
    [[ "$output" == *"atoms: 16"* ]]
    [[ "$output" != *"verified"* ]]
    [[ "$stderr" == *"cut.km: record "*", byte "*": truncated"* ]]
}

@test "misuse" {
    run --separate-stderr km-info --nonsense
    [ "$status" -eq 2 ]
    run --separate-stderr km-info "$T/in.km" "$T/in.km"
    [ "$status" -eq 2 ]
    run --separate-stderr km-info /nonexistent
    [ "$status" -eq 4 ]
    run --separate-stderr km-info "$T"
    [ "$status" -ne 0 ]
}
