#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    tmp=$BATS_TEST_TMPDIR
    pdb=tests/data/dipeptide.pdb
    xtc=tests/data/dipeptide.xtc
}

frames() { # time, trajectory, number of coordinates, largest one of each frame of the stream
    "${PYTHON:-/usr/bin/python3}" -c '
import io, sys, msgpack, numpy, zstandard
data = zstandard.ZstdDecompressor().stream_reader(sys.stdin.buffer, read_across_frames=True).read()
for m in msgpack.Unpacker(io.BytesIO(data), raw=False):
    if m["type"] == "frame": print(round(m["time"], 9), m["trajectory"], len(m["coords"]) // 12)
    if m["type"] == "end": print("end")'
}

# Status, the pattern on standard error, and no file left.
refused() {
    local want=$1 pattern=$2 got=0
    shift 2
    km-strip -q -o "$tmp/x.h5" "$@" 2>"$tmp/err" || got=$?
    [ "$got" -eq "$want" ] || { echo "status $got"; cat "$tmp/err"; return 1; }
    [ "$(wc -l <"$tmp/err")" -eq 1 ] || { cat "$tmp/err"; return 1; }
    grep -q -- "$pattern" "$tmp/err" || { cat "$tmp/err"; return 1; }
    [ -z "$(ls "$tmp"/x.h5* 2>/dev/null)" ]
}

@test "frames of two trajectories as a stream, heavy atoms only" {
    km-strip --top "$pdb" "$xtc" "$xtc" >"$tmp/a.km" 2>"$tmp/err"
    run frames <"$tmp/a.km"
    [ "${#lines[@]}" -eq 13 ]
    [ "${lines[0]}" = "0.001 0 11" ]
    [ "${lines[5]}" = "0.006 0 11" ]
    [ "${lines[11]}" = "0.006 1 11" ]
    [ "${lines[12]}" = end ]
    grep -q '12 hydrogens' "$tmp/err"
}

@test "stride and dt" {
    km-strip -q --top "$pdb" --stride 2 --dt 10ps "$xtc" >"$tmp/a.km"
    run frames <"$tmp/a.km"
    [ "${#lines[@]}" -eq 4 ]
    [ "${lines[2]}" = "0.04 0 11" ]
}

@test "raw: every atom" {
    km-strip -q --raw --top "$pdb" "$xtc" >"$tmp/a.km"
    run frames <"$tmp/a.km"
    [ "${lines[0]}" = "0.001 0 24" ]
}

@test "frames lie on the first one" {
    km-strip -q --top "$pdb" "$xtc" | "${PYTHON:-/usr/bin/python3}" -c '
import io, sys, msgpack, numpy, zstandard
data = zstandard.ZstdDecompressor().stream_reader(sys.stdin.buffer, read_across_frames=True).read()
x = [numpy.frombuffer(m["coords"], "<f4").reshape(-1, 3) for m in msgpack.Unpacker(io.BytesIO(data), raw=False) if m["type"] == "frame"]
backbone = [0, 1, 2, 5, 6, 7]
a = x[0][backbone].astype(float)
for y in x[1:]:
    b = y[backbone].astype(float)
    assert abs(a.mean(0) - b.mean(0)).max() < 1e-4
    u, s, vt = numpy.linalg.svd((b - b.mean(0)).T @ (a - a.mean(0)))
    d = numpy.sign(numpy.linalg.det(u @ vt))
    assert abs(u @ numpy.diag([1, 1, d]) @ vt - numpy.eye(3)).max() < 1e-3
print("good")' | grep good
}

@test "H5MD, read back by h5py" {
    km-strip -q --top "$pdb" --set-name mini --license CC0 -o "$tmp/a.h5" "$xtc" "$xtc"
    "${PYTHON:-/usr/bin/python3}" -c '
import sys, h5py
f = h5py.File(sys.argv[1])
p = f["particles"]
assert len(p) == 2
for g in p.values(): assert g["position/value"].shape == (6, 11, 3)
print("good")' "$tmp/a.h5" | grep good
    [ -z "$(ls "$tmp"/*.part 2>/dev/null)" ]
}

@test "what does not belong together is refused" {
    refused 3 'has 24 atoms.*has 115' --top tests/data/features-peptide.pdb "$xtc"
    head -c 1000 "$xtc" >"$tmp/cut.xtc"
    refused 3 'truncated' --top "$pdb" "$tmp/cut.xtc"
    refused 4 'nothere' --top "$pdb" "$tmp/nothere"
}

@test "a wrong order of atoms breaks bonds: status 1, frame and atoms named" {
    awk '/^ATOM/ && / CA  ALA/ { held = $0; next } { print } / CB  ALA/ && held { print held; held = "" }' "$pdb" >"$tmp/swapped.pdb"
    refused 1 'frame 0: the bond from .* of ALA 1 A' --top "$tmp/swapped.pdb" "$xtc"
}

@test "usage" {
    refused 2 'top' "$xtc"
    for option in --set=atlas --id=1abc; do
        refused 2 'not supported' --top "$pdb" "$option" "$xtc"
    done
    run km-strip -q --top "$pdb" --set-name mini "$xtc"
    [ "$status" -eq 2 ]
}
