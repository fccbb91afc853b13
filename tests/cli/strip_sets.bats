#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# km-strip --set: made-up data in the layouts of public sets (tests/data/make_sets.py).

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    tmp=$BATS_TEST_TMPDIR
    python=${PYTHON:-/usr/bin/python3}
    "$python" tests/data/make_sets.py "$tmp"
}

# shaken.pdb as XTC with this spacing
xtc() { # DT FILE
    mkdir -p "$(dirname "$2")"
    km-strip -q --raw --dt "$1" --top "$tmp/shaken.pdb" "$tmp/shaken.pdb" | km-export -q - "$2"
}

# FILE TRAJECTORIES STEP_PS SET: every frame is the truth's, by its heavy atoms' distances to each other
holds() {
    "$python" - "$@" "$tmp/truth.npy" <<'END'
import sys, h5py, numpy as np
f, n, step, name, truth = h5py.File(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], np.load(sys.argv[5])
def text(v): return v.decode() if isinstance(v, bytes) else v
assert text(f["kinematic"].attrs["set"]) == name
assert len(f["particles"]) == n, list(f["particles"])
names = [l[12:16].strip() for l in open("tests/data/dipeptide.pdb") if l[:4] == "ATOM"]
heavy = [i for i, a in enumerate(names) if a[0] != "H" and a != "OXT"]
def distances(x): return np.sort(np.linalg.norm(x[:, :, None] - x[:, None], axis=-1).reshape(len(x), -1))
for g in f["particles"].values():
    x, t = g["position/value"][:].astype(float), g["position/time"][:]
    assert x.shape == (8, 11, 3), x.shape
    assert np.allclose(t, step * np.arange(8)), t
    assert np.abs(distances(x) - distances(truth[:, heavy].astype(float))).max() < 0.03  # XTC's grid
END
}

refused() { # STATUS PATTERN ARGS
    local want=$1 pattern=$2 got=0
    shift 2
    km-strip -q -o "$tmp/x.h5" "$@" 2>"$tmp/err" || got=$?
    [ "$got" -eq "$want" ] || { echo "status $got"; cat "$tmp/err"; return 1; }
    grep -q -- "$pattern" "$tmp/err" || { cat "$tmp/err"; return 1; }
    [ ! -e "$tmp/x.h5" ]
}

@test "ATLAS: the fitted replica, the chain of the id, CHARMM's names" {
    xtc 10ps "$tmp/1abc_D/1abc_D_prod_R1_fit.xtc"
    head -c 100 "$tmp/1abc_D/1abc_D_prod_R1_fit.xtc" >"$tmp/1abc_D/1abc_D_prod_R1.xtc"
    cp "$tmp/1abc_D/1abc_D_prod_R1_fit.xtc" "$tmp/1abc_D/1abc_D_R2.xtc"
    km-strip -q --set atlas -o "$tmp/a.h5" "$tmp/1abc_D"
    holds "$tmp/a.h5" 2 10 atlas
    km-info "$tmp/a.h5" >"$tmp/info"
    grep -q 'name: 1abc_D' "$tmp/info"
    grep -q 'name D, type protein' "$tmp/info"
    ! "$python" -c 'import sys, h5py; h5py.File(sys.argv[1])["kinematic"].attrs["author_numbers"]' "$tmp/a.h5" 2>/dev/null
    for table in 'auth\tseq\n-3\t1\n52A\t2\n' '1 -3\n2 52A\n' 'D,ALA,1,-3\nD,SER,2,52A\n'; do
        printf "$table" >"$tmp/1abc_D/1abc_D_corresp.tsv"
        km-strip -q --set atlas -o "$tmp/a.h5" "$tmp/1abc_D"
        "$python" -c 'import sys, h5py; assert h5py.File(sys.argv[1])["kinematic"].attrs["author_numbers"] == "-3 52A"' "$tmp/a.h5"
    done
    for table in '' 'auth\tseq\n' '5\t1\n' '5\t1\n6\t3\n' '5\t1\n6\t2\n7\t3\n'; do
        printf "$table" >"$tmp/1abc_D/1abc_D_corresp.tsv"
        km-strip --set atlas -o "$tmp/a.h5" "$tmp/1abc_D" 2>"$tmp/err"
        grep -q '1abc_D_corresp.tsv: no numbers for each of 2 residues' "$tmp/err"
    done
    xtc 20ps "$tmp/1abc_D/1abc_D_R3.xtc"
    refused 3 "neither ATLAS' protein tier" --set atlas "$tmp/1abc_D"
    refused 3 'no 9xyz_A.pdb' --set atlas --id 9xyz_A "$tmp/1abc_D"
}

@test "CATH2: save_traj_ns and not the clock; the mutants' name; filtered files are ensembles" {
    for f in a.cmprsd b.cmprsd c; do xtc 10ps "$tmp/cath2_1abcA00/trajs/$f.xtc"; done
    xtc 100ps "$tmp/cath2_1abcA00/trajs/d.filtered.cmprsd.xtc"
    km-strip --set cath2 -o "$tmp/a.h5" "$tmp/cath2_1abcA00" 2>"$tmp/err"
    holds "$tmp/a.h5" 3 10000 cath2
    grep -q '1 files left out: ensembles' "$tmp/err"
    grep -q '0.01 ns apart by its clock, 10 ns used' "$tmp/err"
    "$python" -c '
import sys, h5py
p = h5py.File(sys.argv[1])["particles"]
assert [g.attrs["force_field"] for g in p.values()] == ["amber ff99sb-ildn", "a99SB-disp", "amber ff99sb-ildn"]
assert p["trajectory1"].attrs["temperature_K"] == "300"' "$tmp/a.h5"
    rm "$tmp"/cath2_1abcA00/trajs/[abc].*xtc
    refused 1 'no trajectory with times, only ensembles' --set octapeptides "$tmp/cath2_1abcA00"
    echo '{"save_traj_ns": 0}' >"$tmp/cath2_1abcA00/dataset.json"
    refused 3 'no save_traj_ns' --set cath2 "$tmp/cath2_1abcA00"
}

@test "MDposit: bin, FRAMESTEP held against the run's length, ensembles and licences" {
    km-strip -q --set mdposit -o "$tmp/a.h5" "$tmp/MD-A0001"
    holds "$tmp/a.h5" 1 100 mdposit
    sed 's/"FRAMESTEP": 0.1/"FRAMESTEP": 1.0/' "$tmp/MD-A0001/project.json" >"$tmp/p" && mv "$tmp/p" "$tmp/MD-A0001/project.json"
    refused 1 'FRAMESTEP 1 ns, but 0.8 ns in 8 frames' --set mdposit "$tmp/MD-A0001"
    sed 's/"mdTime": 0.8/"mdTime": 8/; s/CC-BY-4.0//' "$tmp/MD-A0001/project.json" >"$tmp/p" && mv "$tmp/p" "$tmp/MD-A0001/project.json"
    refused 1 'states no licence' --set mdposit "$tmp/MD-A0001"
    sed 's/"trajectory"/"ensemble"/' "$tmp/MD-A0001/project.json" >"$tmp/p" && mv "$tmp/p" "$tmp/MD-A0001/project.json"
    refused 1 'an ensemble' --set mdposit "$tmp/MD-A0001"
}

@test "MISATO: names from the orders of atoms" {
    km-strip -q --set misato --id 1abc -o "$tmp/a.h5" "$tmp/MD.hdf5"
    holds "$tmp/a.h5" 1 80 misato
    refused 3 'residue ALA 1 of molecule 1: atom HA is not where' --set misato --id 2BAD "$tmp/MD.hdf5"
    refused 3 '/9XYZ/' --set misato --id 9XYZ "$tmp/MD.hdf5"
    refused 2 'needs --id' --set misato "$tmp/MD.hdf5"
}

@test "MISATO: a ligand's bonds from its coordinates; an ion that nothing holds leaves" {
    km-strip --set misato --id 3LIG -o "$tmp/a.h5" "$tmp/MD.hdf5" 2>"$tmp/err"
    grep -q '1 ions' "$tmp/err"
    grep -q 'bonds of 1 ligands by where their atoms are' "$tmp/err"
    "$python" - "$tmp" <<'END'
import sys, h5py, msgpack, numpy as np
f, ligand = h5py.File(sys.argv[1] + "/a.h5"), np.load(sys.argv[1] + "/ligand.npy")
x = f["particles/trajectory1/position/value"][:, 11:].astype(float)
assert x.shape == ligand.shape
def distances(x): return np.linalg.norm(x[:, :, None] - x[:, None], axis=-1)
assert np.abs(distances(x) - distances(ligand)).max() < 1e-3
system = msgpack.unpackb(f["kinematic/system"][:].tobytes(), raw=False)
bonds = [b for b in zip(*(system["bonds"][k] for k in ("a", "b", "type"))) if b[0] >= 11]
assert len(bonds) == 9 and sum(t == 5 for _, _, t in bonds) == 6, bonds
assert sum(system["atoms"]["charge"][11:]) == 1
END
    km-strip -q --family biokinema --set misato --id 3LIG -o "$tmp/b.h5" "$tmp/MD.hdf5"
    [[ "$(km-info "$tmp/b.h5")" == *"family: biokinema"*"atoms: 21"*"tokens: 11"* ]]
    refused 3 'residue MOL 1 of chain C.*nor do its coordinates tell it' --set misato --id 4BAD "$tmp/MD.hdf5"
    "$python" - >"$tmp/benzamidine.sdf" <<'END'
bonds = [(1, 2, 1), (2, 3, 2), (2, 4, 1), (4, 5, 2), (5, 6, 1), (6, 7, 2), (7, 8, 1), (8, 9, 2), (4, 9, 1)]
print("benzamidine\n\n\n  9  9  0  0  0  0  0  0  0  0999 V2000")
for i, e in enumerate("NCNCCCCCC"):
    print(f"{i:10.4f}{i % 2:10.4f}{0:10.4f} {e:<3s} 0  0  0  0  0  0  0  0  0  0  0  0")
for b in bonds:
    print("".join(f"{v:3d}" for v in b) + "  0")
print("M  END\n$$$$")
END
    km-strip -q --set misato --id 3LIG --ligand "C=$tmp/benzamidine.sdf" -o "$tmp/b.h5" "$tmp/MD.hdf5"
    refused 1 'ligand MOL 1 of chain C: no bond orders fill' --set misato --id 4BAD --ligand "C=$tmp/benzamidine.sdf" "$tmp/MD.hdf5"
}

@test "mdCATH: 320 K, 1 ns, the PDB file inside" {
    km-strip -q --set mdcath -o "$tmp/a.h5" "$tmp/mdcath_dataset_1abcA00.h5"
    holds "$tmp/a.h5" 2 1000 mdcath
    head -c 3000 "$tmp/mdcath_dataset_1abcA00.h5" >"$tmp/cut.h5"
    refused 3 'truncated' --set mdcath "$tmp/cut.h5"
}

@test "mdCATH: other temperatures, and single replicas" {
    km-strip -q --set mdcath --temperature 450,320 -o "$tmp/a.h5" "$tmp/mdcath_dataset_1abcA00.h5"
    holds "$tmp/a.h5" 3 1000 mdcath
    "$python" -c '
import sys, h5py
p = h5py.File(sys.argv[1])["particles"].values()
assert [g.attrs["temperature_K"] for g in p] == ["450", "320", "320"]
assert [g.attrs["source"] for g in p] == ["/1abcA00/450/0/coords", "/1abcA00/320/0/coords", "/1abcA00/320/1/coords"]' "$tmp/a.h5"
    km-strip -q --set mdcath --replica 1 -o "$tmp/a.h5" "$tmp/mdcath_dataset_1abcA00.h5"
    holds "$tmp/a.h5" 1 1000 mdcath
    refused 3 'nothing at 348 K' --set mdcath --temperature 320,348 "$tmp/mdcath_dataset_1abcA00.h5"
    refused 3 'nothing at 450 K of the replicas 1' --set mdcath --temperature 450 --replica 1 "$tmp/mdcath_dataset_1abcA00.h5"
    refused 2 'no list of temperatures' --set mdcath --temperature 320,hot "$tmp/mdcath_dataset_1abcA00.h5"
    refused 2 'are for --set mdcath' --set atlas --temperature 320 "$tmp/1abc_D"
}

@test "a topology that lies across the walls of its box is put together, by its own box or that of the frames" {
    for own in 0 1; do
        "$python" - "$tmp/broken$own.h5" "$tmp/truth.npy" $own <<'END'
import sys, h5py, numpy as np
x = np.load(sys.argv[2]).astype(float)
size = 13.0
x = (x - x[0].mean(0)) % size  # the walls are in its midst
lines = [l for l in open("tests/data/dipeptide.pdb") if l[:4] == "ATOM"]
pdb = "".join(l[:30] + "".join(f"{v:8.3f}" for v in p) + l[54:] for l, p in zip(lines, x[0]))
if sys.argv[3] == "1":
    pdb = f"CRYST1{size:9.3f}{size:9.3f}{size:9.3f}  90.00  90.00  90.00 P 1           1\n" + pdb
with h5py.File(sys.argv[1], "w") as f:
    f["1abcA00/pdbProteinAtoms"] = pdb.encode()
    f["1abcA00/320/0/coords"], f["1abcA00/320/0/box"] = x.astype("f4"), np.eye(3) * size / 10
END
        km-strip -q --set mdcath -o "$tmp/a.h5" "$tmp/broken$own.h5"
        holds "$tmp/a.h5" 1 1000 mdcath
        [ "$(km-info "$tmp/a.h5" | grep -c 'type protein')" -eq 1 ]
    done
}

@test "DD-13M: any group of particles; 10 ps where no time is told" {
    km-strip --set dd13m -o "$tmp/a.h5" "$tmp/1abc" 2>"$tmp/err"
    holds "$tmp/a.h5" 1 10 dd13m
    grep -q '/particles/trajectory0/position/value, nm.*10 ps between frames assumed' "$tmp/err"
}
