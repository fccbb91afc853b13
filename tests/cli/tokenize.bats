#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    tmp=$BATS_TEST_TMPDIR
    unset KM_CCD
    pdb=tests/data/dipeptide.pdb
}

# say WANTED-STATUS PATTERN COMMAND...: the status, one line on standard error that matches, nothing on standard output.
refused() {
    local want=$1 pattern=$2 got=0
    shift 2
    "$@" >"$tmp/out" 2>"$tmp/err" || got=$?
    [ "$got" -eq "$want" ] || { echo "status $got"; cat "$tmp/err"; return 1; }
    [ "$(wc -l <"$tmp/err")" -eq 1 ] || { cat "$tmp/err"; return 1; }
    grep -q -- "$pattern" "$tmp/err" || { cat "$tmp/err"; return 1; }
    [ ! -s "$tmp/out" ]
}

messages() { # the stream's messages as Python sees them
    "${PYTHON:-/usr/bin/python3}" -c '
import io, sys, msgpack, zstandard
data = zstandard.ZstdDecompressor().stream_reader(sys.stdin.buffer, read_across_frames=True).read()
u = msgpack.Unpacker(io.BytesIO(data), raw=False)
for m in u: print(m["type"], m.get("time"), m.get("given"))'
}

@test "a PDB file becomes one system, frame 0 and an end" {
    km-tokenize "$pdb" >"$tmp/a.km" 2>"$tmp/err"
    run messages <"$tmp/a.km"
    [ "${#lines[@]}" -eq 3 ]
    [ "${lines[0]%% *}" = system ]
    [ "${lines[1]}" = "frame 0.0 True" ]
    [ "${lines[2]%% *}" = end ]
    grep -q '12 hydrogens' "$tmp/err"
}

@test "standard input, gzip and -o give the same bytes" {
    km-tokenize -q --no-pg - <"$pdb" >"$tmp/a.km"
    gzip -c "$pdb" | km-tokenize -q --no-pg >"$tmp/b.km"
    km-tokenize -q --no-pg -o "$tmp/c.km" <"$pdb"
    cmp "$tmp/a.km" "$tmp/b.km"
    cmp "$tmp/a.km" "$tmp/c.km"
}

@test "a stream is passed on" {
    km-tokenize -q --no-pg "$pdb" >"$tmp/a.km"
    km-tokenize --no-pg "$tmp/a.km" >"$tmp/b.km"
    cmp "$tmp/a.km" "$tmp/b.km"
    head -c 300 "$tmp/a.km" >"$tmp/cut.km"
    run km-tokenize "$tmp/cut.km"
    [ "$status" -eq 3 ]
}

@test "missing atoms are refused, dropped or built" {
    grep -v ' CB  ALA' "$pdb" >"$tmp/m.pdb"
    refused 3 'ALA 1 A: CB' km-tokenize "$tmp/m.pdb"
    km-tokenize -q --missing drop "$tmp/m.pdb" >"$tmp/drop.km"
    km-tokenize -q --missing build "$tmp/m.pdb" >"$tmp/build.km"
    [ -s "$tmp/drop.km" ] && [ -s "$tmp/build.km" ]
    refused 2 'missing' km-tokenize --missing perhaps "$tmp/m.pdb"
}

@test "a biological assembly: copies are chains of one entity" {
    {
        printf 'REMARK 350 BIOMOLECULE: 1\nREMARK 350 APPLY THE FOLLOWING TO CHAINS: A\n'
        printf 'REMARK 350   BIOMT1   1  1.000000  0.000000  0.000000        0.00000\n'
        printf 'REMARK 350   BIOMT2   1  0.000000  1.000000  0.000000        0.00000\n'
        printf 'REMARK 350   BIOMT3   1  0.000000  0.000000  1.000000        0.00000\n'
        printf 'REMARK 350   BIOMT1   2 -1.000000  0.000000  0.000000       50.00000\n'
        printf 'REMARK 350   BIOMT2   2  0.000000 -1.000000  0.000000        0.00000\n'
        printf 'REMARK 350   BIOMT3   2  0.000000  0.000000  1.000000        0.00000\n'
        cat "$pdb"
    } >"$tmp/two.pdb"
    km-tokenize -q --no-pg --assembly 1 "$tmp/two.pdb" >"$tmp/two.km"
    run km-info "$tmp/two.km"
    [[ $output == *"name A, type protein, residues 2, atoms 11"*"name A-2, type protein, residues 2, atoms 11"* ]]
    refused 3 "no biological assembly '2', only 1" km-tokenize --assembly 2 "$tmp/two.pdb"
    refused 3 'lists no biological assembly' km-tokenize --assembly 1 "$pdb"
}

@test "residues of the sequence that the model lacks" {
    { printf 'SEQRES   1 A    5  GLY GLY ALA SER GLY\n'; cat "$pdb"; } >"$tmp/s.pdb"
    km-tokenize --no-pg "$tmp/s.pdb" >"$tmp/a.km" 2>"$tmp/err"
    grep -q '3 residues of its sequences are not in the model: left out' "$tmp/err"
    run km-info "$tmp/a.km"
    [[ $output == *"residues 2, atoms 11"* ]]
    km-tokenize --no-pg --unresolved keep "$tmp/s.pdb" >"$tmp/b.km" 2>"$tmp/err"
    grep -q '3 residues of its sequences are not in the model: kept, marked absent' "$tmp/err"
    run km-info "$tmp/b.km"
    [[ $output == *"residues 5, atoms 23"* ]]
    sed -i 's/GLY GLY ALA/GLY XYZ ALA/' "$tmp/s.pdb"
    refused 3 'residue 2 of the sequence of chain A: component XYZ' km-tokenize --unresolved keep "$tmp/s.pdb"
}

@test "bad input: file, place and status 3" {
    : >"$tmp/empty"
    refused 3 "$tmp/empty: no atoms" km-tokenize "$tmp/empty"
    head -c 500 /usr/bin/env >"$tmp/binary"
    refused 3 binary km-tokenize "$tmp/binary"
    sed '4s/-1.644/   nan/' "$pdb" >"$tmp/nan.pdb"
    refused 3 'nan.pdb: line 4: bad coordinate' km-tokenize "$tmp/nan.pdb"
    sed 's/ALA A/XYZ A/' "$pdb" >"$tmp/xyz.pdb"
    refused 3 'residue XYZ 1 of chain A.*--ccd' km-tokenize "$tmp/xyz.pdb"
    refused 3 'no model 2' km-tokenize --model 2 "$pdb"
    refused 3 "no chain 'Q'" km-tokenize --chain Q "$pdb"
    head -c 720 "$pdb" >"$tmp/cut.pdb"
    refused 3 'cut.pdb: line 10' km-tokenize "$tmp/cut.pdb"
    refused 4 nothere km-tokenize "$tmp/nothere"
}

@test "a refused input leaves no file" {
    run km-tokenize -o "$tmp/x.km" /dev/null
    [ "$status" -eq 3 ]
    [ -z "$(ls "$tmp"/x.km* 2>/dev/null)" ]
}

@test "a full disk is found" {
    run bash -c "km-tokenize -q '$pdb' >/dev/full"
    [ "$status" -eq 4 ]
}

ccd=tests/data/oracle/features-components.cif

yaml() { # the text of a case's input
    "${PYTHON:-/usr/bin/python3}" -c '
import json, struct, sys
f = open("tests/data/oracle/features-%s.safetensors" % sys.argv[1], "rb")
meta = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))["__metadata__"]
print(json.loads(meta["inputs"])[sys.argv[1] + ".yaml"])' "$1"
}

@test "Boltz-2's YAML becomes a system without a frame" {
    yaml constraints >"$tmp/c.yaml"
    km-tokenize -q --no-pg --ccd $ccd "$tmp/c.yaml" >"$tmp/a.km"
    KM_CCD=$ccd km-tokenize -q --no-pg <"$tmp/c.yaml" >"$tmp/b.km"
    run messages <"$tmp/a.km"
    [ "${#lines[@]}" -eq 2 ]
    run km-info "$tmp/a.km"
    [[ $output == *"tokens: 52"* ]]
    gzip -c "$ccd" >"$tmp/ccd.gz"
    gzip -c "$tmp/c.yaml" | km-tokenize -q --no-pg --ccd "$tmp/ccd.gz" | cmp - "$tmp/b.km"
    km-tokenize -q --no-pg "$tmp/a.km" | cmp - "$tmp/a.km"
}

@test "FASTA and YAML say the same" {
    printf '>A|protein\nACDEF\nGHI\n>B|dna\nACGT\n>C|ccd\nATP\n' >"$tmp/x.fasta"
    printf 'sequences:\n- protein: {id: A, sequence: ACDEFGHI}\n- dna: {id: B, sequence: ACGT}\n- ligand: {id: C, ccd: ATP}\n' >"$tmp/x.yaml"
    km-tokenize -q --no-pg --ccd $ccd "$tmp/x.fasta" >"$tmp/a.km"
    km-tokenize -q --no-pg --ccd $ccd "$tmp/x.yaml" >"$tmp/b.km"
    cmp "$tmp/a.km" "$tmp/b.km"
}

@test "an input that is wrong: which sequence or constraint, and how" {
    p='sequences: [{protein: {id: A, sequence: ACD}}, {ligand: {id: L, ccd: ATP}}]'
    say() { printf '%s\n' "$@" >"$tmp/x.yaml"; }
    say 'sequences: [{ligand: {id: L, ccd: QQQ}}]'
    refused 3 'sequence 1 (ligand): component QQQ is not in' km-tokenize --ccd $ccd "$tmp/x.yaml"
    refused 3 'component QQQ is not built in (needs --ccd' km-tokenize "$tmp/x.yaml"
    say 'sequences: [{protein: {id: A, sequence: ACd}}]'
    refused 3 'character 3 of the sequence' km-tokenize "$tmp/x.yaml"
    say 'sequences: [{protein: {id: A, sequence: ACD}}, {protein: {id: A, sequence: ACE}}]'
    refused 3 'sequence 2 (protein): an id that another chain has' km-tokenize "$tmp/x.yaml"
    say 'sequences: [{protein: {id: A, sequence: ACD, modifications: [{position: 4, ccd: SEP}]}}]'
    refused 3 'a position within the sequence' km-tokenize --ccd $ccd "$tmp/x.yaml"
    say "$p" 'constraints: [{bond: {atom1: [A, 2, SG], atom2: [L, 1, XX]}}]'
    refused 3 'constraint 1: an atom that its residue does not have' km-tokenize --ccd $ccd "$tmp/x.yaml"
    say "$p" 'constraints: [{contact: {token1: [A, 2], token2: [B, 1]}}]'
    refused 3 'constraint 1: a token is' km-tokenize --ccd $ccd "$tmp/x.yaml"
    say "$p" 'constraints: [{pocket: {binder: L, contacts: [[A, 1]], force: 7}}]'
    refused 3 'constraint 1: force is true or false' km-tokenize --ccd $ccd "$tmp/x.yaml"
    say "$p" 'templates: t.cif'
    refused 3 'templates are a list' km-tokenize --ccd $ccd "$tmp/x.yaml"
    say "$p" 'templates: [{cif: t.cif, force: true}]'
    refused 3 'template 1: force needs a threshold' km-tokenize --ccd $ccd "$tmp/x.yaml"
    say "$p" 'templates: [{cif: t.cif, forec: true}]'
    refused 3 'template 1: ' km-tokenize --ccd $ccd "$tmp/x.yaml"
    say "$p" 'properties: [{affinity: {binder: A}}]'
    refused 3 "property 1: not an affinity with a binder" km-tokenize --ccd $ccd "$tmp/x.yaml"
    say 'sequences: [{protein: {id: A' 
    refused 3 'line ' km-tokenize "$tmp/x.yaml"
    say "$p"
    refused 2 'need a structure' km-tokenize --chain A --ccd $ccd "$tmp/x.yaml"
}

@test "a dictionary that is broken or not there" {
    printf 'sequences: [{ligand: {id: L, ccd: ATP}}]\n' >"$tmp/x.yaml"
    head -c 19990 $ccd >"$tmp/cut.cif"
    refused 3 'cut.cif: line' km-tokenize --ccd "$tmp/cut.cif" "$tmp/x.yaml"
    head -c 3000 tests/data/components.bcif >"$tmp/cut.bcif"
    refused 3 'cut.bcif: BinaryCIF: cut short' km-tokenize --ccd "$tmp/cut.bcif" "$tmp/x.yaml"
    refused 3 'no components' km-tokenize --ccd /dev/null "$tmp/x.yaml"
    refused 4 nothere km-tokenize --ccd "$tmp/nothere" "$tmp/x.yaml"
}

sdf() { # acetate; the argument takes the place of its double-bonded atom
    printf 'acetate\n\n\n  4  3  0  0  0  0  0  0  0  0999 V2000\n'
    printf '    0.0000    0.0000    0.1000 C   0  0\n    1.5000    0.0000    0.0000 C   0  0\n'
    printf '    2.1000    1.0500    0.0000 %s   0  0\n    2.1000   -1.1000    0.0000 O   0  5\n' "$1"
    printf '  1  2  1  0\n  2  3  2  0\n  2  4  1  0\nM  END\n'
}

@test "a ligand with its own bonds: found in a structure by atoms and bonds" {
    sdf O >"$tmp/lig.sdf"
    {
        grep -E '^(ATOM|TER)' "$pdb"
        printf 'HETATM%5d %-4s LIG L   1    %8.3f%8.3f%8.3f  1.00  0.00           %s\n' 91 OA 12.1 1.05 30 O 92 CX 10 0 30.1 C \
            93 OB 12.1 -1.1 30 O 94 CY 11.5 0 30 C
    } >"$tmp/x.pdb"
    refused 3 'residue LIG 1 of chain L: component LIG is not built in' km-tokenize "$tmp/x.pdb"
    km-tokenize -q --no-pg --ligand "L=$tmp/lig.sdf" "$tmp/x.pdb" >"$tmp/x.km"
    run km-info "$tmp/x.km"
    [[ $output == *"name L, type nonpolymer, residues 1, atoms 4"* ]]
    km-export "$tmp/x.km" "$tmp/y.pdb"
    grep -q ' CX  LIG L   1      10.000   0.000  30.100' "$tmp/y.pdb"
    sdf N >"$tmp/other.sdf"
    refused 3 "chain L has no ligand with the atoms and bonds of $tmp/other.sdf" km-tokenize --ligand "L=$tmp/other.sdf" "$tmp/x.pdb"
    refused 3 "chain L has no ligand with the atoms and bonds of $tmp/lig.sdf" km-tokenize --ligand "L=$tmp/lig.sdf" "$pdb"
    refused 2 'expected CHAIN=FILE' km-tokenize --ligand "$tmp/lig.sdf" "$tmp/x.pdb"
    refused 2 'given two ligands' km-tokenize --ligand "L=$tmp/lig.sdf" --ligand "L=$tmp/lig.sdf" "$tmp/x.pdb"
    head -3 "$tmp/lig.sdf" >"$tmp/cut.sdf"
    refused 3 'cut.sdf: line 4: the molecule is cut short' km-tokenize --ligand "L=$tmp/cut.sdf" "$tmp/x.pdb"
    refused 4 'nothere' km-tokenize --ligand "L=$tmp/nothere" "$tmp/x.pdb"
}

@test "a ligand with its own bonds in place of SMILES" {
    sdf O >"$tmp/lig.sdf"
    printf 'sequences: [{protein: {id: A, sequence: AC}}, {ligand: {id: L, smiles: "CC(=O)[O-]"}}]\n' >"$tmp/x.yaml"
    km-tokenize -q --no-pg --ligand "L=$tmp/lig.sdf" "$tmp/x.yaml" >"$tmp/x.km"
    run km-info "$tmp/x.km"
    [[ $output == *"tokens: 6"* ]]
    sed -i 's/0.1000 C/0.0000 C/' "$tmp/lig.sdf"
    refused 3 'drawn flat' km-tokenize --ligand "L=$tmp/lig.sdf" "$tmp/x.yaml"
}

@test "an affinity is not computed, and it is said so" {
    p='sequences: [{protein: {id: A, sequence: ACD}}, {ligand: {id: L, ccd: ATP}}]'
    printf '%s\n' "$p" >"$tmp/x.yaml"
    km-tokenize -q --no-pg --ccd $ccd "$tmp/x.yaml" >"$tmp/a.km"
    printf '%s\nproperties: [{affinity: {binder: L}}]\n' "$p" >"$tmp/x.yaml"
    km-tokenize --no-pg --ccd $ccd "$tmp/x.yaml" 2>"$tmp/err" | cmp - "$tmp/a.km"
    grep -q 'an affinity is asked for, which is not computed here' "$tmp/err"
}

@test "a forced constraint is a condition like any other, and sampling is said not to be steered" {
    p='sequences: [{protein: {id: A, sequence: ACD}}, {ligand: {id: L, ccd: ATP}}]'
    say() { printf '%s\nconstraints: [{pocket: {binder: L, contacts: [[A, 1]]%s}}, {contact: {token1: [A, 1], token2: [A, 3]%s}}]\n' "$p" "$@" >"$tmp/x.yaml"; }
    say '' ''
    km-tokenize --no-pg --ccd $ccd "$tmp/x.yaml" >"$tmp/a.km" 2>"$tmp/err"
    run ! grep force "$tmp/err"
    say ', force: true' ', force: yes'
    km-tokenize --no-pg --ccd $ccd "$tmp/x.yaml" 2>"$tmp/err" | cmp - "$tmp/a.km"
    grep -q 'force is asked for: .* sampling is not steered' "$tmp/err"
}

smiles() { printf 'sequences: [{ligand: {id: [L, M], smiles: "%s"}}]\n' "$1" >"$tmp/x.yaml"; }

@test "SMILES: names, bonds and a conformer as Boltz-2 has them of RDKit" {
    [ -e "$KM_BUILD/libkm-rdkit.so" ] || skip "built without RDKit"
    smiles 'CC(=O)Oc1ccccc1C(=O)[O-]'
    km-tokenize -q --no-pg "$tmp/x.yaml" >"$tmp/a.km"
    km-tokenize -q --no-pg "$tmp/x.yaml" | cmp - "$tmp/a.km"
    printf '>L|smiles\nCC(=O)Oc1ccccc1C(=O)[O-]\n>M|smiles\nCC(=O)Oc1ccccc1C(=O)[O-]\n' >"$tmp/x.fasta"
    km-tokenize -q --no-pg "$tmp/x.fasta" | cmp - "$tmp/a.km"
    "${PYTHON:-/usr/bin/python3}" - "$tmp/a.km" <<'PY'
import io, math, sys, msgpack, zstandard
data = zstandard.ZstdDecompressor().stream_reader(open(sys.argv[1], "rb"), read_across_frames=True).read()
s = next(iter(msgpack.Unpacker(io.BytesIO(data), raw=False)))
a, b = s["atoms"], s["bonds"]
# What Boltz-2's steps give in RDKit's Python: a symbol and its place in the canonical order, hydrogens counted
assert a["name"][:13] == "C20 C13 O9 O11 C18 C16 C14 C15 C17 C19 C12 O8 O10".split(), a["name"]
assert a["charge"][:13] == [0] * 12 + [-1]
assert b["type"][:13] == [2, 3, 2, 2, 5, 5, 5, 5, 5, 2, 3, 2, 5], b["type"]
x = memoryview(a["ref_pos"]).cast("f") if isinstance(a["ref_pos"], bytes) else a["ref_pos"]
length = [math.dist(x[3 * p:3 * p + 3], x[3 * q:3 * q + 3]) for p, q in zip(b["a"], b["b"])]
assert 1.1 < min(length) and max(length) < 1.7, length
PY
}

@test "SMILES that is none, or too much" {
    [ -e "$KM_BUILD/libkm-rdkit.so" ] || skip "built without RDKit"
    while IFS='|' read -r text why; do
        smiles "$text"
        refused 3 "sequence 1 (ligand): $why" km-tokenize "$tmp/x.yaml"
    done <<'LIST'
C1CC|not SMILES
xyz|not SMILES
[H][H]|no heavy atoms
C*|an atom of no element
C(C)(C)(C)(C)C|Explicit valence
LIST
    smiles "$(printf 'C%.0s' {1..340})"
    refused 3 "sequence 1 (ligand): too large: an atom's name" km-tokenize "$tmp/x.yaml"
}

@test "SMILES without RDKit: what to do instead" {
    [ ! -e /usr/local/lib/libkm-rdkit.so ] || skip "one is installed"
    mkdir "$tmp/bin"
    cp "$(command -v km-tokenize)" "$tmp/bin/"
    smiles CCO
    refused 4 'SMILES needs libkm-rdkit.so.*give a component.s code (ccd), or an SDF file (--ligand)' "$tmp/bin/km-tokenize" "$tmp/x.yaml"
}

@test "--family biokinema: the file's atoms in its order, conformers by the seed" {
    cd "$BATS_TEST_DIRNAME/../.."
    T=$BATS_TEST_TMPDIR
    km-tokenize -q --family biokinema -o "$T/a.km" tests/data/dipeptide.pdb
    km-info "$T/a.km" | grep -qx '  family: biokinema'
    km-export -q "$T/a.km" "$T/a.pdb"
    [ "$(grep -c '^ATOM' "$T/a.pdb")" -eq 12 ]
    diff <(awk '/^ATOM/ && $3 !~ /^[0-9]*H/ {print $3}' tests/data/dipeptide.pdb) <(awk '/^ATOM/ {print $3}' "$T/a.pdb")
    km-tokenize -q --no-pg --family biokinema -o "$T/b.km" tests/data/dipeptide.pdb
    km-tokenize -q --no-pg --family biokinema --seed 2 -o "$T/c.km" tests/data/dipeptide.pdb
    ! cmp -s "$T/b.km" "$T/c.km"
    km-tokenize -q --no-pg --family biokinema --seed 1 -o "$T/d.km" tests/data/dipeptide.pdb
    cmp "$T/b.km" "$T/d.km"
    run --separate-stderr km-tokenize --family biokinema --missing build -o "$T/e.km" tests/data/dipeptide.pdb
    [ "$status" -eq 2 ]
    printf '>A|protein|empty\nAA\n' >"$T/x.fasta"
    run --separate-stderr km-tokenize --family biokinema -o "$T/e.km" "$T/x.fasta"
    [ "$status" -eq 2 ]
    km-tokenize -q -o "$T/plain.km" tests/data/dipeptide.pdb
    run --separate-stderr km-tokenize --family biokinema -o "$T/e.km" "$T/plain.km"
    [ "$status" -eq 2 ]
    [ ! -e "$T/e.km" ]
}
