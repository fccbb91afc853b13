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
assert list(o) == ["part", "seconds", "flop", "gflops", "gemm_gflops", "share", "cpu_seconds", "cpu_share"], o
assert o["part"] == "gemm" and o["flop"] == 2 * 64 ** 3 and o["share"] == o["cpu_share"] == 1 and o["seconds"] > 0 and o["cpu_seconds"] > 0, o
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

@test "bench: parts of the network count the arithmetic that they do" {
    run --separate-stderr km-bench --size 32 --tokens 6 --threads 1 triangle-multiplication
    [ "$status" -eq 0 ]
    python3 -c 'import json, sys; assert json.loads(sys.argv[1])["flop"] == 2 * 6 ** 3 * 128' "$output"
    run --separate-stderr km-bench --size 32 --tokens 6 --threads 1 triangle-attention
    python3 -c 'import json, sys; assert json.loads(sys.argv[1])["flop"] == 4 * 6 ** 3 * 128' "$output"
    run --separate-stderr km-bench --size 32 --tokens 4 --frames 2 --blocks 1 denoise
    one=$output
    run --separate-stderr km-bench --size 32 --tokens 4 --frames 2 --blocks 2 denoise
    # a token block: five projections and three of a transition of twice the width in attention (768 x 768), five in time, all on 8 rows; the
    # rest belongs to levels and attention
    python3 - "$one" "$output" <<'PY'
import json, sys
a, b = (json.loads(x)["flop"] for x in sys.argv[1:])
rows, C = 2 * 4, 768
assert b - a > 2 * rows * C * C * 10 and b - a < 2 * rows * C * C * 40, (a, b)
PY
}

@test "bench: levels of a schedule, and the network of another family" {
    for family in boltz2 biokinema; do
        for blocks in 1 2; do km-bench --size 32 --tokens 4 --frames 2 --blocks $blocks --family $family levels; done
        km-bench --size 32 --tokens 4 --frames 2 --blocks 1 --family $family denoise
        km-bench --size 32 --tokens 4 --threads 1 --family $family trunk
    done >"$BATS_TEST_TMPDIR/lines"
    # 21 levels of 4 tokens: a condition of 768 channels scales, shifts and gates two parts of a block, one of 384 three
    python3 - "$BATS_TEST_TMPDIR/lines" <<'PY'
import json, sys
flop = [json.loads(l)["flop"] for l in open(sys.argv[1])]
for at, C, parts in (0, 768, 2), (4, 384, 3):
    assert abs((flop[at + 1] - flop[at]) / (2 * 21 * 4 * C * 768 * 3 * parts) - 1) < 1e-3, flop
assert flop[2] != flop[6] and flop[3] != flop[7]
PY
    run -2 km-bench --family none denoise
}

@test "bench: a step that does not fit into memory is refused" {
    run --separate-stderr km-bench --size 32 --tokens 4 --frames 2 --blocks 1 train-step
    python3 -c 'import json, sys; assert 1e7 < json.loads(sys.argv[1])["peak_bytes"] < 1e9' "$output"
    run --separate-stderr km-bench --size 32 --tokens 2000 --frames 1000 --blocks 24 train-step
    [ "$status" -eq 4 ]
    [[ "$stderr" == *"GB of memory"*"--frames"* ]]
}

@test "bench: a frame behind a past costs one frame, and the past its attention" {
    run --separate-stderr km-bench --size 32 --tokens 4 --frames 2 --blocks 1 next-frame
    one=$output
    run --separate-stderr km-bench --size 32 --tokens 4 --frames 102 --blocks 1 next-frame
    # a frame of the past: 4 for each channel of 4 tokens in a block of 768 and of 32 atoms in 6 of 128
    python3 - "$one" "$output" <<'PY'
import json, sys
a, b = (json.loads(x)["flop"] for x in sys.argv[1:])
assert abs((b - a) / (100 * 4 * (4 * 768 + 6 * 32 * 128)) - 1) < 1e-3, (a, b)
PY
}

@test "bench: a trajectory counts the atoms of its new frames" {
    run --separate-stderr km-bench --size 32 --tokens 2 --atoms 10 --frames 51 --blocks 1 trajectory
    [ "$status" -eq 0 ]
    [[ $output == *'"atoms": 1000,'* ]]
    for family in boltz2 biokinema; do
        run -0 km-bench --size 32 --tokens 2 --frames 2 --blocks 1 --family "$family" trajectory
    done
}

@test "bench: the trunk says how much memory it takes" {
    run --separate-stderr km-bench --size 32 --tokens 8 --threads 1 trunk
    one=$output
    run --separate-stderr km-bench --size 32 --tokens 16 --threads 1 trunk
    python3 - "$one" "$output" <<'PY'
import json, sys
a, b = (json.loads(x) for x in sys.argv[1:])
assert a["flop"] > 2 * 1024 * 8 * 256 * 64 and 1024 * 8 * 64 * 4 < a["peak_bytes"] < b["peak_bytes"] < 1e9, (a, b)
PY
}

@test "bench: a dictionary is made, looked into and taken away" {
    run --separate-stderr env TMPDIR="$BATS_TEST_TMPDIR" km-bench --size 32 --tokens 2000 dictionary
    [ "$status" -eq 0 ]
    python3 -c 'import json, sys; assert 0 < json.loads(sys.argv[1])["seconds"] < 60' "$output"
    [ -z "$(find "$BATS_TEST_TMPDIR" -name "km-bench*")" ]
    run --separate-stderr env TMPDIR=/nonexistent km-bench --size 32 dictionary
    [ "$status" -eq 4 ]
}

@test "bench: decoding and superposing count atoms" {
    for part in xtc clean h5md rmsd rmsd-pairs; do
        run --separate-stderr env TMPDIR="$BATS_TEST_TMPDIR" km-bench --size 32 --atoms 50 --frames 7 "$part"
        [ "$status" -eq 0 ]
        python3 -c 'import json, sys; o = json.loads(sys.argv[1]); assert o["atoms"] in (300, 350, 1050) and o["atoms_per_s"] > 0, o' "$output"
    done
    [ -z "$(find "$BATS_TEST_TMPDIR" -name "km-bench*")" ]
    run --separate-stderr env TMPDIR=/nonexistent km-bench --size 32 --atoms 50 --frames 7 xtc
    [ "$status" -eq 4 ]
}

@test "bench: all is a line for each part" {
    run --separate-stderr km-bench --size 32 --tokens 4 --channels 8 --frames 2 --blocks 1 all
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 17 ]
    [[ "$output" == *'"gemm"'*'"linear"'*'"denoise"'*'"rmsd"'* ]]
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
