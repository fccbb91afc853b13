# SPDX-License-Identifier: MIT
# km-cut: frames, times, trajectories, atoms.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    T=$BATS_TEST_TMPDIR
    /usr/bin/python3 tests/data/make_stream.py 6 2 >"$T/in.km"
}

# trajectory, time in ps and atoms of every frame
frames() {
    /usr/bin/python3 -c '
import sys, msgpack, zstandard
for m in msgpack.Unpacker(zstandard.ZstdDecompressor().stream_reader(sys.stdin.buffer, read_across_frames=True)):
    if m["type"] == "frame": print(m["trajectory"], round(1000 * m["time"]), len(m["coords"]) // 12, end=";")
'
}

@test "frames A:B, B not included, counted in each trajectory" {
    [ "$(km-cut --frames 1:3 "$T/in.km" | frames)" = "0 50 16;1 50 16;0 100 16;1 100 16;" ]
    [ "$(km-cut --frames 5: "$T/in.km" | frames)" = "0 250 16;1 250 16;" ]
    [ "$(km-cut --frames :1 "$T/in.km" | frames)" = "0 0 16;1 0 16;" ]
    [ "$(km-cut --frames 3:3 "$T/in.km" | frames)" = "" ]
}

@test "time A:B, both included" {
    [ "$(km-cut --time 100ps:0.15ns --trajectory 1 "$T/in.km" | frames)" = "0 100 16;0 150 16;" ]
}

@test "every Nth of those" {
    [ "$(km-cut --frames 1: --stride 2 --trajectory 2 "$T/in.km" | frames)" = "0 50 16;0 150 16;0 250 16;" ]
}

@test "atoms: residues, tokens and bonds agree, trunk and alignment are dropped" {
    km-cut --atoms 'resname SER or ion' "$T/in.km" >"$T/out.km"
    run --separate-stderr km-info --verify "$T/out.km"
    [ "$status" -eq 0 ]
    [[ "$output" == *"atoms: 7"*"residues: 2"*"tokens: 2"*"bonds: 5"* ]]
    [[ "$output" != *"trunk:"* ]]
    [[ "$output" != *"msa:"* ]]
    [[ "$output" != *"templates:"* ]]
    [[ "$output" == *"remark 1"* ]]
    km-cut --atoms all "$T/in.km" | km-info | grep 'trunk:'
}

@test "no trunk" {
    run --separate-stderr bash -o pipefail -c "km-cut --no-trunk '$T/in.km' | km-info"
    [ "$status" -eq 0 ]
    [[ "$output" != *"trunk:"* ]]
    [[ "$output" == *"msa: rows 2, paired_rows 1"* ]]
    [[ "$output" == *"templates: templates 1"* ]]
}

@test "aligned frames lie on the first" {
    km-cut --align --trajectory 2 "$T/in.km" | /usr/bin/python3 -c '
import struct, sys, msgpack, zstandard
first = None
for m in msgpack.Unpacker(zstandard.ZstdDecompressor().stream_reader(sys.stdin.buffer, read_across_frames=True)):
    if m["type"] != "frame": continue
    x = struct.unpack("<48f", m["coords"])
    first = first or x
    assert max(abs(a - b) for a, b in zip(x, first)) < 1e-3
'
}

@test "provenance, and none with --no-pg" {
    km-cut --frames 0:1 "$T/in.km" | km-info | grep 'program km-cut, version .*arguments --frames 0:1'
    run --separate-stderr bash -c "km-cut --no-pg '$T/in.km' | km-info"
    [[ "$output" != *"program km-cut"* ]]
}

@test "misuse is refused with exit 2 and leaves nothing" {
    for a in "--atoms protin" "--atoms 'chain Q'" "--stride 0" "--frames 3" "--time 5:6" "--trajectory 0"; do
        run --separate-stderr bash -c "km-cut $a -o '$T/out.km' '$T/in.km'"
        [ "$status" -eq 2 ]
        [ -n "$stderr" ]
        [ ! -e "$T/out.km" ]
        [ ! -e "$T/out.km.part" ]
    done
}
