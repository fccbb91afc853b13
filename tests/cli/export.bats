# SPDX-License-Identifier: MIT
# km-export: frames as XTC, TRR, DCD, PDB, mmCIF and H5MD.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    T=$BATS_TEST_TMPDIR/work
    mkdir "$T"
    /usr/bin/python3 tests/data/make_stream.py 3 1 >"$T/in.km"
    /usr/bin/python3 tests/data/make_stream.py 3 2 >"$T/two.km"
}

@test "xtc, trr and dcd" {
    for e in xtc trr dcd; do
        km-export "$T/in.km" "$T/out.$e"
        run --separate-stderr km-info "$T/out.$e"
        [ "$status" -eq 0 ]
        [[ "$output" == *"kind: $e"*"atoms: 16"*"frames 3"*"last_ns 0.1"* ]]
    done
    [ "$(ls "$T")" = "$(printf 'in.km\nout.dcd\nout.trr\nout.xtc\ntwo.km')" ]
}

@test "trr: not rounded, and read by km-strip and km-eval" {
    km-export --top "$T/top.pdb" "$T/in.km" "$T/out.trr"
    km-strip -q --raw --top "$T/top.pdb" "$T/out.trr" >"$T/back.km"
    /usr/bin/python3 - "$T/in.km" "$T/back.km" <<'END'
import sys, msgpack, numpy, zstandard
def frames(path):
    data = zstandard.ZstdDecompressor().stream_reader(open(path, "rb"), read_across_frames=True)
    return [m for m in msgpack.Unpacker(data) if m["type"] == "frame"]
a, b = frames(sys.argv[1]), frames(sys.argv[2])
x, y = ([numpy.frombuffer(m["coords"], "<f4") for m in f] for f in (a, b))
assert len(a) == len(b) == 3 and numpy.allclose(x, y, rtol=2e-7, atol=0)
assert [round(m["time"], 9) for m in a] == [round(m["time"], 9) for m in b]
END
    mini=pipelines/mini/examples/LGE
    km-strip -q --top "$mini.pdb" "$mini.xtc" >"$T/lge.km"
    km-export --top "$T/lge.pdb" "$T/lge.km" "$T/lge.trr"
    km-eval --dt 5ps --top "$T/lge.pdb" --ref "$T/lge.trr" "$T/lge.trr" | grep -E '^lge.trr +401 +0\.000'
    head -c 900 "$T/out.trr" >"$T/cut.trr"
    run --separate-stderr km-strip -q --raw --top "$T/top.pdb" -o "$T/cut.km" "$T/cut.trr"
    [ "$status" -eq 3 ]
    [[ "$stderr" == *truncated* ]]
}

@test "from standard input, with a topology, the same bytes as from a file" {
    km-export "$T/in.km" "$T/a.dcd"
    km-export --top "$T/top.pdb" - "$T/b.dcd" <"$T/in.km"
    cmp "$T/a.dcd" "$T/b.dcd"
    [ "$(grep -c '^ATOM' "$T/top.pdb")" -eq 15 ]
    [ "$(grep -c '^HETATM' "$T/top.pdb")" -eq 1 ]
    grep -q '^ATOM .* CB  ALA A   5 .* 5.200   0.900   0.000' "$T/top.pdb"
}

@test "pdb and cif: one model a frame" {
    km-export "$T/in.km" "$T/out.pdb"
    [ "$(grep -c '^MODEL' "$T/out.pdb")" -eq 3 ]
    km-export "$T/in.km" "$T/out.cif"
    grep -q '^data_' "$T/out.cif"
    [ "$(grep -c ' SER ' "$T/out.cif")" -ge 18 ]
}

@test "several trajectories are several files, or the one asked for" {
    km-export "$T/two.km" "$T/out.xtc"
    [ -e "$T/out-1.xtc" ]
    [ -e "$T/out-2.xtc" ]
    [ ! -e "$T/out.xtc" ]
    km-export --trajectory 2 "$T/two.km" "$T/out.xtc"
    cmp "$T/out.xtc" "$T/out-2.xtc"
    ! cmp -s "$T/out-1.xtc" "$T/out-2.xtc"
    run --separate-stderr km-export --trajectory 3 "$T/two.km" "$T/three.xtc"
    [ "$status" -eq 3 ]
    [ -z "$(ls "$T" | grep three)" ]
}

@test "h5, and back from it" {
    km-export "$T/two.km" "$T/out.h5"
    run --separate-stderr km-info --verify "$T/out.h5"
    [ "$status" -eq 0 ]
    [[ "$output" == *"kind: h5md"*"frames: 6"*"trajectory 1, frames 3"* ]]
    km-export --trajectory 2 "$T/two.km" "$T/a.dcd"
    km-export --trajectory 2 "$T/out.h5" "$T/b.dcd"
    cmp "$T/a.dcd" "$T/b.dcd"
    km-cut --frames 1:2 "$T/out.h5" | km-info | grep 'frames: 2'
}

@test "truncated input: whole frames are written, exit 3" {
    head -c $(($(stat -c %s "$T/in.km") - 100)) "$T/in.km" >"$T/cut.km"
    run --separate-stderr km-export "$T/cut.km" "$T/out.dcd"
    [ "$status" -eq 3 ]
    [[ "$stderr" == *truncated* ]]
    km-info "$T/out.dcd" | grep -E 'frames [12]'
}

@test "misuse and bad input leave no file" {
    for n in out.trj out.gro out .xtc; do
        run --separate-stderr km-export "$T/in.km" "$T/$n"
        [ "$status" -eq 2 ]
        [[ "$stderr" == *".xtc, .trr, .dcd, .pdb, .cif or .h5"* ]]
    done
    printf 'no stream at all' >"$T/text"
    run --separate-stderr km-export "$T/text" "$T/out.xtc"
    [ "$status" -eq 3 ]
    km-cut --frames 0:0 "$T/in.km" >"$T/none.km"
    run --separate-stderr km-export "$T/none.km" "$T/out.xtc"
    [ "$status" -eq 3 ]
    cat "$T/in.km" "$T/in.km" >"$T/both.km"
    run --separate-stderr km-export "$T/both.km" /nonexistent/out.xtc
    [ "$status" -eq 4 ]
    run --separate-stderr km-export "$T/in.km"
    [ "$status" -eq 2 ]
    [ -z "$(ls "$T" | grep -v km$ | grep -v '^text$')" ]
}
