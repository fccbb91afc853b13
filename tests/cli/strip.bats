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

@test "a reference's residues that were not simulated: counted, or kept and marked absent" {
    echo ">whole
MKASWT" >"$tmp/whole.fa"
    km-strip --top "$pdb" --reference "$tmp/whole.fa" -o "$tmp/a.h5" "$xtc" 2>"$tmp/err"
    grep -q '4 residues of its sequences are not in it: left out' "$tmp/err"
    km-strip --top "$pdb" --reference "$tmp/whole.fa" --unresolved keep -o "$tmp/b.h5" "$xtc" 2>"$tmp/err"
    grep -q '4 residues of its sequences are not in it: kept, marked absent' "$tmp/err"
    "${PYTHON:-/usr/bin/python3}" -c '
import sys, h5py, msgpack
for name, residues, atoms, present, places in (("a", 2, 11, 11, [2, 3]), ("b", 6, 49, 11, [0, 1, 2, 3, 4, 5])):
    f = h5py.File(f"{sys.argv[1]}/{name}.h5")
    s = msgpack.unpackb(f["kinematic/system"][:].tobytes(), raw=False)
    assert len(s["atoms"]["name"]) == atoms and sum(s["atoms"]["present"]) == present, (len(s["atoms"]["name"]), name)
    assert list(s["residues"]["index"]) == places, s["residues"]["index"]
    assert f["particles/trajectory1/position/value"].shape == (6, atoms, 3)' "$tmp"
    refused 3 'part of none of its 1 sequences' --top "$pdb" --reference <(echo ">a
AAA") "$xtc"
    refused 2 'not with --raw' --raw --top "$pdb" --family biokinema "$xtc"
    refused 2 'the atoms of the file alone' --missing build --top "$pdb" --family biokinema "$xtc"
    refused 2 'not with --raw' --raw --top "$pdb" --reference "$tmp/whole.fa" "$xtc"
}

@test "a membrane's lipids leave; a few are ligands" {
    for n in 12 9; do
        "${PYTHON:-/usr/bin/python3}" - "$pdb" $n >"$tmp/membrane$n.pdb" <<'END'
import sys
atoms = [l for l in open(sys.argv[1]) if l[:4] == "ATOM"]
for model in (1, 2):
    print(f"MODEL     {model:4d}\n" + "".join(atoms), end="")
    for k in range(int(sys.argv[2])):
        for i, (name, element) in enumerate((("P", "P"), ("C11", "C"), ("O13", "O"), ("H11", "H"))):
            print(f"ATOM  {i + 100:5d}  {name:<3s} POPCM{k + 1:4d}    {20 + 5 * k + 1.2 * i:8.3f}{30:8.3f}{3:8.3f}"
                  f"  1.00  0.00           {element}")
    print("ENDMDL")
END
    done
    km-strip --dt 1ps "$tmp/membrane12.pdb" >"$tmp/a.km" 2>"$tmp/err"
    grep -q 'left out 12 lipids' "$tmp/err"
    run frames <"$tmp/a.km"
    [ "${lines[1]}" = "0.001 0 11" ]
    refused 3 'residue POP 1 of chain' --dt 1ps "$tmp/membrane9.pdb"
}

@test "a metal stays that molecules hold in nine of ten frames, wherever the first has it" {
    for away in 1 2 19; do # frames of 20 in which it is alone
        for first in held alone; do
            "${PYTHON:-/usr/bin/python3}" - "$pdb" $away $first >"$tmp/zinc.pdb" <<'END'
import sys
import numpy as np
atoms = [l for l in open(sys.argv[1]) if l[:4] == "ATOM"]
at = {(l[17:20], l[12:16].strip()): np.array([float(l[30 + 8 * k:38 + 8 * k]) for k in range(3)]) for l in atoms}
a, b, all_ = at["ALA", "O"], at["SER", "OG"], np.array(list(at.values()))
tries = (a + b) / 2 + np.random.default_rng(1).normal(0, 1, (5000, 3))
tries = tries[(np.linalg.norm(tries - a, axis=1) < 2.7) & (np.linalg.norm(tries - b, axis=1) < 2.7)]
between = max(tries, key=lambda p: np.linalg.norm(all_ - p, axis=1).min())
out = between - all_.mean(0)
away, first = int(sys.argv[2]), sys.argv[3] == "alone"
for model in range(20):
    alone = model < away if first else model >= 20 - away
    lines = [l[:30] + "".join(f"{v:8.3f}" for v in at[l[17:20], l[12:16].strip()] + 0.001 * (model % 3)) + l[54:] for l in atoms]
    print(f"MODEL     {model + 1:4d}\n" + "".join(lines), end="")
    print("HETATM   99 ZN    ZN Z   1    " + "".join(f"{v:8.3f}" for v in between + 9 * out / np.linalg.norm(out) * alone) + "  1.00  0.00          ZN\nENDMDL")
END
            km-strip --dt 1ps -o "$tmp/a.h5" "$tmp/zinc.pdb" 2>"$tmp/err" || { cat "$tmp/err"; return 1; }
            if [ $away -le 2 ]; then grep -q '1 metals stay' "$tmp/err"; else grep -q ' 1 ions' "$tmp/err"; fi
            [ "$(km-info "$tmp/a.h5" | grep -c 'name Z,')" -eq $((away <= 2)) ]
        done
    done
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

@test "a wrong order of atoms breaks bonds: status 1, atoms named" {
    awk '/^ATOM/ && / CA  ALA/ { held = $0; next } { print } / CB  ALA/ && held { print held; held = "" }' "$pdb" >"$tmp/swapped.pdb"
    refused 1 'refused: the bond from .* of ALA 1 A' --top "$tmp/swapped.pdb" "$xtc"
}

@test "usage" {
    refused 2 'top' "$xtc"
    refused 2 'not with --top' --top "$pdb" --set=atlas "$xtc"
    refused 2 'needs --set' --top "$pdb" --id=1abc "$xtc"
    refused 2 'expected' --set=nothing "$xtc"
    run km-strip -q --top "$pdb" --set-name mini "$xtc"
    [ "$status" -eq 2 ]
}

# Distances between all atoms are those of the truth, whatever the turn and the image.
@test "molecules are made whole and followed through the walls of boxes" {
    for kind in rectangular triclinic; do
        "${PYTHON:-/usr/bin/python3}" tests/data/make_periodic.py "$tmp" $kind
        km-strip --top "$tmp/top.gro" -o "$tmp/$kind.h5" "$tmp/traj.gro" 2>"$tmp/err" || { cat "$tmp/err"; return 1; }
        grep -q '6 waters, 2 ions' "$tmp/err"
        "${PYTHON:-/usr/bin/python3}" - "$tmp/$kind.h5" "$tmp/truth.npy" <<'END'
import sys, h5py, numpy as np
p = h5py.File(sys.argv[1])["particles/trajectory1/position"]
x, truth = p["value"][:].astype(float), np.load(sys.argv[2])
assert x.shape == truth.shape, (x.shape, truth.shape)
assert np.allclose(p["time"][:], 20 * np.arange(12))
def distances(c): return np.linalg.norm(c[:, :, None] - c[:, None], axis=-1)
# the file's order within residues is another: compare sorted
assert np.abs(np.sort(distances(x).reshape(12, -1)) - np.sort(distances(truth).reshape(12, -1))).max() < 1e-3
END
    done
}

@test "a box that is not told is found out" {
    "${PYTHON:-/usr/bin/python3}" tests/data/make_periodic.py "$tmp" rectangular
    awk 'NF == 3 && $1 + 0 > 1 { print "0 0 0"; next } { print }' "$tmp/traj.gro" >"$tmp/nobox.gro"
    refused 1 'refused: ' --top "$tmp/top.gro" "$tmp/nobox.gro"
}

@test "frames with faults are dropped, counted, and cut the trajectory; a bad one among several is left out" {
    "${PYTHON:-/usr/bin/python3}" - "$pdb" "$tmp" <<'END'
import sys
atoms = [l for l in open(sys.argv[1]) if l[:4] == "ATOM"]
def model(n, moved):
    out = f"MODEL     {n:4d}\n"
    for i, l in enumerate(atoms):
        v = [float(l[30 + 8 * k:38 + 8 * k]) + 0.001 * ((7 * n + 3 * i + k) % 5) for k in range(3)]
        if i == moved: v[0] += 4
        out += l[:30] + "".join(f"{c:8.3f}" for c in v) + l[54:]
    return out + "ENDMDL\n"
open(sys.argv[2] + "/one.pdb", "w").write("".join(model(n, 4 if n == 150 else -1) for n in range(300)))
open(sys.argv[2] + "/many.pdb", "w").write("".join(model(n, 4 if n % 3 == 1 else -1) for n in range(30)))
END
    got=0
    km-strip --top "$pdb" --dt 10ps -o "$tmp/a.h5" "$tmp/one.pdb" "$tmp/many.pdb" "$tmp/one.pdb" 2>"$tmp/err" || got=$?
    [ "$got" -eq 1 ]
    grep -q 'many.pdb: refused: 1 frames of 30 dropped' "$tmp/err"
    grep -q '598 frames of 4 trajectories' "$tmp/err"
    km-info "$tmp/a.h5" | grep -q 'trajectory 1, frames 149, given 149, first_ns 1.51, last_ns 2.99, step_ns 0.01'
    "${PYTHON:-/usr/bin/python3}" -c '
import sys, h5py
f = h5py.File(sys.argv[1])
assert "C-N beyond 2 A" in f["kinematic"].attrs["cleaning"] and "1 trajectories refused" in f["kinematic"].attrs["cleaning"]
assert [g.attrs["source"][-7:] for g in f["particles"].values()] == ["one.pdb"] * 4' "$tmp/a.h5"
    refused 1 'many.pdb: refused' --dt 10ps --top "$pdb" "$tmp/many.pdb"
    refused 2 'give --dt' --top "$pdb" "$tmp/one.pdb"
}

@test "a clock that restarts or leaps cuts the trajectory" {
    "${PYTHON:-/usr/bin/python3}" tests/data/make_periodic.py "$tmp" rectangular
    sed 's/t= 160.00000/t= 1600.0/; s/t= 180.00000/t= 1620.0/; s/t= 200.00000/t= 0.0/; s/t= 220.00000/t= 20.0/' "$tmp/traj.gro" >"$tmp/t.gro"
    km-strip --top "$tmp/top.gro" "$tmp/t.gro" >"$tmp/a.km" 2>"$tmp/err"
    grep -q '12 frames of 3 trajectories' "$tmp/err"
    grep -q '2 gaps in time' "$tmp/err"
    run frames <"$tmp/a.km"
    [ "${lines[8]}" = "1.6 1 22" ]
    [ "${lines[10]}" = "0.0 2 22" ]
}

@test "memory does not grow with the number of frames" {
    peak() { km-strip -v --threads 1 --stride "$1" --top "$pdb" --dt 1ps -o "$tmp/m.h5" "$tmp/long.gro" 2>&1 | sed -n 's/.*peak memory \([0-9]*\) MiB.*/\1/p'; }
    "${PYTHON:-/usr/bin/python3}" - "$pdb" "$tmp/long.gro" <<'END'
import sys
atoms = [l for l in open(sys.argv[1]) if l[:4] == "ATOM"]
frame = f"x\n{len(atoms)}\n" + "".join(
    f"{int(l[22:26]):5d}{l[17:20]:<5s}{l[12:16].strip():>5s}{i:5d}" + "".join(f"{float(l[30+8*k:38+8*k])/10:8.3f}" for k in range(3)) + "\n"
    for i, l in enumerate(atoms)) + "0 0 0\n"
open(sys.argv[2], "w").write(frame * 30000)
END
    few=$(peak 30) many=$(peak 1)
    echo "$few MiB, $many MiB"
    [ "$few" -gt 0 ]
    [ "$many" -lt $((few + 4)) ]
}
