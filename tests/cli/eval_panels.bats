# SPDX-License-Identifier: MIT
# km-eval: panels, targets, conditions. The numbers themselves are tested in tests/unit.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    data=$BATS_TEST_DIRNAME/../data/eval
    pdb=$data/start.pdb
}

# ask EXPRESSION: of the JSON in t.json as j, its first panel's targets as t, their rows by name as r (of the first target)
ask() {
    "${PYTHON:-/usr/bin/python3}" -c '
import json, sys
j = json.load(open("t.json")); p = j["panels"][0]; t = p["targets"]; r = {x["name"]: x for x in t[0]["rows"]}; over = p["over"]
assert eval(sys.argv[1]), sys.argv[1]' "$1"
}

@test "the ensemble panel: a model, dynamics against themselves, notes, published values" {
    km-eval --json --panel ensemble --top "$pdb" --ref "$data/md.xtc" "$data/model.xtc" > t.json
    ask 'j["schema"] == 1 and p["panel"] == "ensemble" and t[0]["reference_frames"] == 250 and t[0]["notes"] == []'
    ask 'abs(r["model.xtc"]["pairwise_rmsd"] - 4.2269) < 1e-3 and abs(r["model.xtc"]["rmsf_r"] - 0.8361) < 1e-3'
    ask 'r["model.xtc"]["frames"] == 100 and r["model.xtc"]["atoms"] == 154 and r["MD halves"]["frames"] == 100'
    ask 'over["rmsf_r"]["median"] == r["model.xtc"]["rmsf_r"] and over["rmsf_r"]["md_median"] == r["MD halves"]["rmsf_r"]'
    ask '{"BioKinema": 0.90}.items() <= {x["model"]: x["value"] for x in over["rmsf_r"]["published"]}.items()'
    ask 'over["exposed"]["n"] == 0 and over["exposed"]["nan"] == 1 and over["exposed"]["median"] is None'
    ask 'all(set(x) >= set(p["metrics"]) - {k for k in over if "value" in over[k]} for x in t[0]["rows"])'
    km-eval --panel ensemble --no-ceiling --top "$pdb" --ref "$data/md.xtc" "$data/model.xtc" > t.txt
    grep -q '^model.xtc  *100 ' t.txt
    run ! grep -q '^MD halves' t.txt
    grep -E '^rmsf_r +0\.836 +0\.836 +1 +0 .* 0\.99 +0\.90 +0\.93' t.txt
}

@test "replicas are the reference together, and each in the model's place" {
    km-eval --json --panel ensemble --top "$pdb" --ref "$data/md.xtc" --ref "$data/model.xtc" > t.json
    ask '[x["name"] for x in t[0]["rows"]] == ["MD replica"] * 2 and t[0]["reference_frames"] == 350'
    ask '[x["frames"] for x in t[0]["rows"]] == [250, 100] and over["rmwd"]["n"] == 0'
}

@test "stride, time" {
    km-eval --json --no-ceiling --panel ensemble --stride 5 --top "$pdb" --ref "$data/md.xtc" "$data/model.xtc" > t.json
    ask 't[0]["reference_frames"] == 50 and r["model.xtc"]["frames"] == 20'
    km-eval --json --no-ceiling --panel ensemble --time 101ps:200ps --top "$pdb" --ref "$data/md.xtc" "$data/model.xtc" > t.json
    ask 't[0]["reference_frames"] == 50 and r["model.xtc"]["frames"] == 20'
    run -3 km-eval --panel ensemble --time 1us: --top "$pdb" --ref "$data/md.xtc" "$data/model.xtc"
    [[ "$output" == *"no frame lies within --time"* ]]
}

@test "other people's files: names, numbers, missing atoms" {
    # multi-model PDB, another chain, other numbers, CHARMM's names, hydrogens and a water, one side chain cut off
    awk 'BEGIN { for (m = 1; m <= 3; m++) { print "MODEL        " m; while ((getline line < ARGV[1]) > 0) {
            if (line !~ /^ATOM/) continue
            if (substr(line, 23, 4) + 0 == 6 && substr(line, 13, 4) ~ /CZ|NE1/) continue
            line = substr(line, 1, 21) "Q" sprintf("%4d", substr(line, 23, 4) + 40) substr(line, 27)
            x = sprintf("%8.3f", substr(line, 31, 8) + m * sin(NR + m)); print substr(line, 1, 30) x substr(line, 39); NR++
        } close(ARGV[1])
        print "HETATM 9999  O   HOH W 900       0.000   0.000   0.000  1.00  0.00           O"
        print "ENDMDL" } }' "$pdb" > other.pdb
    km-eval --json --no-ceiling --panel ensemble --top "$pdb" --ref "$data/md.xtc" other.pdb > t.json
    ask 'r["other.pdb"]["frames"] == 3 and 100 < r["other.pdb"]["atoms"] < 154 and r["other.pdb"]["rmsf_r"] is not None'
    ask 'len(t[0]["notes"]) == 1 and "by places of chain and residue" in t[0]["notes"][0] and "TRP 6" in t[0]["notes"][0]'
}

@test "atoms that a stream's structure lacks are counted, not compared" {
    awk '/^ATOM/ && !(substr($0, 23, 4) + 0 == 6 && $3 ~ /^(CZ2|CZ3|CH2)$/)' "$pdb" > less.pdb
    km-tokenize -q --missing drop less.pdb > less.km
    km-eval --json --no-ceiling --panel validity --top "$pdb" --ref "$data/md.xtc" less.km > t.json
    ask 'r["less.km"]["atoms"] == 150 and "the reference alone has 4 (A TRP 6 CZ2, A TRP 6 CZ3, A TRP 6 CH2, " in t[0]["notes"][0]'
}

@test "what cannot be computed is said, the rest computed" {
    awk '/^ATOM/' "$pdb" > one.pdb
    km-eval --json --no-ceiling --panel ensemble --top "$pdb" --ref "$data/md.xtc" one.pdb > t.json
    ask 'r["one.pdb"]["rmwd_trans"] > 0 and r["one.pdb"]["rmsf_r"] is None and "single frame" in t[0]["notes"][0]'
    grep ' CA ' one.pdb > ca.pdb
    km-eval --json --no-ceiling --panel validity,ensemble,trajectory --ref one.pdb ca.pdb > t.json
    ask 'r["ca.pdb"]["val_ca"] == 1 and r["ca.pdb"]["bond_mad"] is None and any("CA alone" in n for n in t[0]["notes"])'
    ask 'any("no atom of a side chain" in n for n in j["panels"][1]["targets"][0]["notes"]) and any("single frame, which" in n for n in j["panels"][1]["targets"][0]["notes"])'
    ask 'any("too few for components" in n for n in j["panels"][2]["targets"][0]["notes"])'
    lge=$BATS_TEST_DIRNAME/../../pipelines/mini/examples/LGE.pdb # another protein
    km-eval --json --no-ceiling --panel ensemble --top "$pdb" --ref "$data/md.xtc" "$lge" > t.json
    ask 'r["LGE.pdb"]["rmsf_r"] is None and any("nothing is computed" in n for n in t[0]["notes"])'
    ask 'over["rmsf_r"]["n"] == 0 and over["rmsf_r"]["nan"] == 1'
    run -3 km-eval --panel ensemble --top "$lge" --ref "$data/md.xtc" one.pdb
    [[ "$output" == *"154 atoms, but the topology has 44"* ]]
}

@test "many targets: a table, directories, numbers over targets" {
    mkdir refs models refs/b
    cp "$data/md.xtc" refs/a_R1.xtc; cp "$pdb" refs/a.pdb; cp "$data/md.xtc" refs/b/x.xtc; cp "$pdb" refs/b/x.pdb
    cp "$data/model.xtc" models/a.xtc; cp "$data/model.xtc" models/b.xtc
    printf '# name model reference top\nfirst models/a.xtc refs/a_R1.xtc refs/a.pdb\n\nsecond models/b.xtc refs/a_R1.xtc,refs/b/x.xtc refs/a.pdb\n' > pairs
    km-eval --json --no-ceiling --stride 5 --panel ensemble --pairs pairs > t.json
    ask '[x["target"] for x in t] == ["first", "second"] and over["rmsf_r"]["n"] == 2 and t[1]["reference_frames"] == 100'
    ask 'over["global_rmsf_r"]["value"] is not None and over["weak_nans"]["value"] == 0'
    km-eval --json --no-ceiling --stride 5 --panel ensemble --ref refs models > t.json
    ask '[x["target"] for x in t] == ["a", "b"] and t[0]["rows"][0]["rmsf_r"] == t[1]["rows"][0]["rmsf_r"]'
    run -3 km-eval --pairs /dev/null
    echo 'one two' > bad
    run -3 km-eval --pairs bad
    [[ "$output" == *"line 1"* ]]
    run -2 km-eval --pairs pairs --ref refs
    cp models/a.xtc models/c.xtc
    run -3 km-eval --ref refs models
    [[ "$output" == *"no trajectory of 'c'"* ]]
}

@test "a page with several panels" {
    xtc=$BATS_TEST_DIRNAME/../../pipelines/mini/examples/LGE.xtc
    km-eval --dt 5ps --panel peptide,ensemble --top "${xtc%.xtc}.pdb" --ref "$xtc" --html p.html "$xtc" > t.txt
    [ "$(grep -c '^# panel' t.txt)" = 2 ] && grep -q 'class="of-peptide"' p.html && grep -q 'class="of-ensemble"' p.html
    "${PYTHON:-/usr/bin/python3}" -c 'import xml.etree.ElementTree as ET; ET.parse("p.html")'
    km-eval --no-ceiling --panel ensemble,kinetics --top "$pdb" --ref "$data/md.xtc" --html q.html "$data/md.xtc" "$data/model.xtc" > t.txt
    "${PYTHON:-/usr/bin/python3}" - <<'PY'
import json, re
import xml.etree.ElementTree as ET
h, svg = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
root = ET.parse("q.html").getroot()
figures = [f.get("id") for f in root.iter(h + "figure")]
assert figures == ["player", "rmsf-sequence", "rmsd-time", "rmsd-lag", "pairwise-rmsd", "surface-pca", "surface-tica", "ramachandran-all",
                   "contacts", "structure", "validity-time", "time-scales", "passages", "memory"], figures
for e in root.iter():
    for key, value in e.attrib.items():
        assert not re.search(r"\b(nan|inf)\b|https?:", value), (e.tag, key, value)
for f in root.iter(h + "figure"):
    assert f.get("id") == "player" or sum(len(list(f.iter(svg + k))) for k in ("path", "rect", "circle")) > 5, f.get("id")
played = json.loads([s for s in root.iter(h + "script") if s.get("type")][0].text)
assert [len(s["frames"]) for s in played["sides"]] == [60, 60, 60] and len(played["sides"][0]["frames"][0]) == 60
assert len(played["sticks"]) == 19 and played["chain"] == 19 and len(played["turn"]) == 9
PY
}

@test "--fail-if" {
    eval_() { km-eval --no-ceiling --stride 5 --panel ensemble --top "$pdb" --ref "$data/md.xtc" "$@" "$data/model.xtc"; }
    eval_ --fail-if 'rmsf_r<0.5' --fail-if 'rmwd>=10' --fail-if 'global_rmsf_r<=0.5' > t.txt
    run -1 --separate-stderr eval_ --fail-if 'rmsf_r<0.99'
    [[ "$stderr" == "km-eval: rmsf_r<0.99: it is 0."* ]] && [ -n "$output" ]
    run -1 --separate-stderr eval_ --fail-if 'exposed<0.1'
    [[ "$stderr" == *"cannot be computed" ]]
    for bad in rmsf_r 'rmsf_r<' 'rmsf_r=3' 'nothing<3' 'rmsf_r<3x' 'rmsf_r<nan'; do run -2 eval_ --fail-if "$bad"; done
    run -2 km-eval --panel nothing --ref "$data/md.xtc"
    run -2 km-eval --panel ensemble --svg d --top "$pdb" --ref "$data/md.xtc"
}

@test "the panels trajectory and validity" {
    km-eval --json --panel trajectory,validity --stride 5 --top "$pdb" --ref "$data/md.xtc" "$data/md.xtc" > t.json
    ask 'r["md.xtc"]["pca_jsd"] == 0 and r["md.xtc"]["pca_recall"] == 1 and r["md.xtc"]["rmsd_deviation"] == 0'
    ask 'abs(r["md.xtc"]["tica_r"] - 1) < 1e-6 and r["md.xtc"]["vamp2_deviation"] == 0 and r["md.xtc"]["lag_ns"] == 0.05'
    ask 'j["panels"][1]["targets"][0]["rows"][0]["val_ca"] == 1 and j["panels"][1]["targets"][0]["rows"][0]["bioemu"] == 1'
    # 5 ps is no multiple of 2 ps: places are compared, times are not
    km-eval --json --no-ceiling --panel trajectory --top "$pdb" --ref "$data/md.xtc" "$data/model.xtc" > t.json
    ask 'r["model.xtc"]["pca_jsd"] > 0 and r["model.xtc"]["lag_rmsd"] is None and any("no multiple" in n for n in t[0]["notes"])'
    # two models of other lengths are as good as frames without a spacing
    awk '/^ATOM/' "$pdb" > one
    for i in 1 2; do echo "MODEL        $i"; cat one; echo ENDMDL; done > two.pdb
    km-eval --json --no-ceiling --panel trajectory,validity --top "$pdb" --ref "$data/md.xtc" two.pdb > t.json
    ask '"too few" in t[0]["notes"][0] and r["two.pdb"]["pca_recall"] > 0'
    ask 'j["panels"][1]["targets"][0]["rows"][0]["val_clash"] == 1'
    # a molecule blown up is broken
    awk '/^ATOM/ { printf "%s%8.3f%8.3f%8.3f%s\n", substr($0, 1, 30), 1.3 * substr($0, 31, 8), 1.3 * substr($0, 39, 8), 1.3 * substr($0, 47, 8), substr($0, 55) }' "$pdb" > big.pdb
    run -1 km-eval --no-ceiling --panel validity --top "$pdb" --ref "$data/md.xtc" --fail-if 'val_ca<0.5' big.pdb
}

@test "the panel kinetics; all trajectories of a file" {
    km-strip --top "$pdb" "$data/md.xtc" "$data/md.xtc" > two.km
    km-eval --json --panel kinetics --msm count --states 5 --lag 4ps --top "$pdb" --ref "$data/md.xtc" two.km > t.json
    ask 'r["two.km"]["frames"] == 500 and r["two.km"]["pi_mae"] < 1e-6 and abs(r["two.km"]["tau1"] - r["two.km"]["md_tau1"]) < 1e-6'
    ask 'over["mfpt_r"]["published"][0]["model"] == "BioKinema"'
    km-eval --json --no-ceiling --panel kinetics,ensemble --trajectory 1 --ref two.km two.km > t.json
    ask 'r["two.km"]["frames"] == 250 and t[0]["reference_frames"] == 250 and r["two.km"]["w2_rms"] == 0'
    km-eval --json --no-ceiling --panel kinetics --lag 3ps --top "$pdb" --ref "$data/md.xtc" two.km > t.json
    ask 'r["two.km"]["mfpt_r"] is None and any("no multiple" in n for n in t[0]["notes"])'
    km-eval --json --no-ceiling --panel kinetics --lag 100ps --top "$pdb" --ref "$data/md.xtc" two.km > t.json
    ask 'r["two.km"]["w2_rms"] < 1e-5 and any("shorter than ten" in n for n in t[0]["notes"])'
    km-eval --json --no-ceiling --panel kinetics --lag 500ps --top "$pdb" --ref "$data/md.xtc" two.km > t.json
    ask 'any("no longer than the lag" in n for n in t[0]["notes"])'
    run -2 km-eval --panel kinetics --msm both --ref two.km two.km
    run -3 km-eval --panel kinetics --trajectory 2 --ref two.km two.km
    [[ "$output" == *"no trajectory 2"* ]]
}

@test "the panels ligand, unbinding and seed" {
    # the last residue as a ligand of its own
    awk '/^ATOM/ && substr($0, 23, 4) + 0 == 20 { n++; print "HETATM" substr($0, 7, 5) sprintf("  %s%d ", substr($0, 78, 1), n) " LIG B   1" substr($0, 27); next } { print }' "$pdb" > lig.pdb
    km-eval --json --panel ligand,unbinding,seed --top lig.pdb --ref "$data/md.xtc" "$data/model.xtc" > t.json
    ask 'abs(r["model.xtc"]["ims"] - 0.8313) < 1e-3 and abs(r["model.xtc"]["ligand_rmsf"] - 4.372) < 5e-3 and r["MD halves"]["ligand_out"] == 0'
    ask 'any("bonds are those that the start" in n for n in t[0]["notes"]) and abs(r["model.xtc"]["ligand_bond_mae"] - 0.027) < 1e-3'
    ask 'j["panels"][1]["targets"][0]["rows"][0]["precision"] == 0.63 and j["panels"][1]["targets"][0]["rows"][0]["success10"] == 0'
    ask 'j["panels"][2]["targets"][0]["rows"][0]["atoms"] == 147 and 0 < j["panels"][2]["targets"][0]["rows"][0]["pooled_w2"] < 2'
    km-eval --json --no-ceiling --panel ligand,unbinding --top "$pdb" --ref "$data/md.xtc" "$data/model.xtc" > t.json
    ask 'r["model.xtc"]["ims"] is None and any("no ligand in common" in n for n in t[0]["notes"])'
    # gone: every atom 30 A away
    awk '/LIG/ { printf "%s%8.3f%s\n", substr($0, 1, 30), substr($0, 31, 8) + 30, substr($0, 39); next } /^(ATOM|HETATM)/' lig.pdb > gone.pdb
    km-eval --json --no-ceiling --panel unbinding,ligand --ref lig.pdb gone.pdb > t.json
    ask 'r["gone.pdb"]["success1"] == 1 and r["gone.pdb"]["precision"] == 0 and r["gone.pdb"]["exit_ns"] is None'
    ask 'j["panels"][1]["targets"][0]["rows"][0]["ligand_out"] == 1 and j["panels"][1]["targets"][0]["rows"][0]["ims"] is None'
}

@test "the panel bioemu: conformations, free energies, folding" {
    awk '/^ATOM/' "$pdb" > one.pdb
    awk '/^ATOM/ { printf "%s%8.3f%s\n", substr($0, 1, 30), substr($0, 31, 8) * 3, substr($0, 39) }' "$pdb" > wide.pdb
    km-eval --json --panel bioemu --top "$pdb" --ref "$data/md.xtc" --ref one.pdb --ref wide.pdb "$data/model.xtc" > t.json
    # the numbers are those of BioEmu's own benchmark code and mdtraj: tests/data/eval/second.txt
    ask 'r["model.xtc"]["states"] == 2 and r["model.xtc"]["states_covered"] == 0.5 and r["model.xtc"]["covered"] == 0'
    ask 'abs(r["model.xtc"]["dg"] + 3.2939904) < 1e-3 and abs(r["model.xtc"]["md_dg"] + 2.9982705) < 1e-3 and abs(r["model.xtc"]["native"] - 0.874914) < 1e-4'
    ask '0 < r["model.xtc"]["fe_mae"] < 2 and 0 < r["model.xtc"]["fe_coverage"] <= 1 and t[0]["notes"] == []'
    ask '[x["name"] for x in t[0]["rows"]] == ["model.xtc", "MD halves"] and r["MD halves"]["states"] == 2'
    ask 'over["dg_error"]["published"][0]["model"] == "BioEmu" and over["dg_rho"]["value"] is None'
    km-eval --json --no-ceiling --panel bioemu --within 8 --ref one.pdb --ref wide.pdb --top "$pdb" "$data/model.xtc" > t.json
    ask 'r["model.xtc"]["fe_mae"] is None and r["model.xtc"]["dg_error"] is None and any("no free energies" in n for n in t[0]["notes"])'
    # local criteria, of residues that a table names
    printf '# name residues fit\nother 1-3\none.pdb 5-9,12- 1-8\n' > local
    km-eval --json --no-ceiling --panel bioemu --local local --ref one.pdb "$pdb" > t.json
    ask 'r["start.pdb"]["near_share"] == 1 and r["start.pdb"]["nearest"] == 0 and r["start.pdb"]["local_kept"] == 1 and r["start.pdb"]["local_folds"] == 1'
    km-eval --json --no-ceiling --panel bioemu --local local --ref one.pdb --ref wide.pdb --top "$pdb" "$data/model.xtc" > t.json
    ask 'r["model.xtc"]["first_covered"] == 1 and r["model.xtc"]["second_covered"] == 0'
    km-eval --json --no-ceiling --panel bioemu --local local --ref one.pdb --top "$pdb" "$data/model.xtc" > t.json
    ask 'abs(r["model.xtc"]["near_share"] - 0.02) < 1e-9 and abs(r["model.xtc"]["nearest"] - 2.383642) < 1e-4 and r["model.xtc"]["second_covered"] is None'
    echo 'one.pdb 2-9' > local
    km-eval --json --no-ceiling --panel bioemu --local local --ref one.pdb --top "$pdb" "$data/model.xtc" > t.json
    ask 'abs(r["model.xtc"]["local_kept"] - 0.78941176) < 1e-6 and abs(r["model.xtc"]["local_folded"] - 0.89) < 1e-9 and r["model.xtc"]["local_unfolds"] == 0'
    km-eval --json --no-ceiling --panel bioemu --ref one.pdb --top "$pdb" "$data/model.xtc" > t.json
    ask 'abs(r["model.xtc"]["near_share"] - 0.33) < 1e-9 and abs(r["model.xtc"]["nearest"] - 1.5766329) < 1e-4 and r["model.xtc"]["local_kept"] is None'
    # a conformation beside dynamics does not keep these from being asked about time
    km-eval --json --no-ceiling --panel kinetics,bioemu --msm count --lag 20ps --top "$pdb" --ref "$data/md.xtc" --ref one.pdb "$data/md.xtc" > t.json
    ask 'r["md.xtc"]["pi_mae"] is not None and j["panels"][1]["targets"][0]["rows"][0]["states"] == 1'
    echo 'one.pdb 90-99' > local
    km-eval --json --no-ceiling --panel bioemu --local local --ref one.pdb --top "$pdb" "$data/model.xtc" > t.json
    ask 'r["model.xtc"]["covered"] is None and any("0 atoms to be compared" in n for n in t[0]["notes"])'
    for bad in '' 5-2 a-b 1,,2 '1-2 3 4' '1-2 x'; do
        echo "one.pdb $bad" > local
        run -3 km-eval --panel bioemu --local local --ref one.pdb --top "$pdb" "$data/model.xtc"
        [[ "$output" == *"local: line 1: a name and residues"* ]]
    done
    printf '# name dG\nx -2.5\nmd.xtc -3.0\n' > dg
    km-eval --json --no-ceiling --panel bioemu --dg dg --top "$pdb" --ref "$data/md.xtc" "$data/model.xtc" > t.json
    ask 'r["model.xtc"]["md_dg"] == -3 and r["model.xtc"]["covered"] is None and any("no coverage" in n for n in t[0]["notes"])'
    echo 'md.xtc three' > dg
    run -3 km-eval --panel bioemu --dg dg --top "$pdb" --ref "$data/md.xtc" "$data/model.xtc"
    [[ "$output" == *"dg: line 1"* ]]
}

@test "NumPy's arrays, with a topology or BioEmu's letters" {
    "${PYTHON:-/usr/bin/python3}" - "$pdb" <<'PY'
import math, struct, sys, zipfile
atoms = [l for l in open(sys.argv[1]) if l.startswith("ATOM")]
ca = [l for l in atoms if l[12:16] == " CA "]
code = dict(zip("ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL".split(), "ARNDCQEGHILKMFPSTWYV"))
def npy(descr, shape, data):
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (-(len(head) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data
def frames(lines, scale):
    x = [float(l[i:i + 8]) for l in lines for i in (30, 38, 46)]
    return b"".join(struct.pack("<f", (v + 0.2 * math.sin(f * 7 + k)) * scale) for f in range(5) for k, v in enumerate(x))
with zipfile.ZipFile("bioemu.npz", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("pos.npy", npy("<f4", (5, len(ca), 3), frames(ca, 0.1)))
    z.writestr("node_orientations.npy", npy("<f4", (5, len(ca), 3, 3), bytes(4 * 5 * len(ca) * 9)))
    z.writestr("sequence.npy", npy(f"<U{len(ca)}", "()", "".join(code[l[17:20]] for l in ca).encode("utf-32-le")))
open("all.npy", "wb").write(npy("<f4", (5, len(atoms), 3), frames(atoms, 1)))
PY
    km-eval --json --no-ceiling --panel ensemble --top "$pdb" --ref "$data/md.xtc" bioemu.npz all.npy > t.json
    ask 'r["bioemu.npz"]["frames"] == 5 and r["bioemu.npz"]["atoms"] == 20 and r["all.npy"]["atoms"] == 154 and r["all.npy"]["dt_ps"] is None'
    ask '0 < r["bioemu.npz"]["rmwd"] < 5 and any("nanometres" in n for n in t[0]["notes"]) and any("angstrom" in n for n in t[0]["notes"])'
    km-info --json all.npy | grep -q '"kind": "npz"'
    run -2 km-eval --panel ensemble --ref all.npy all.npy
    [[ "$output" == *"--top is needed"* ]]
}

@test "a page of many targets: a line each, sections that unfold" {
    mkdir refs models
    for n in a b c; do cp "$data/md.xtc" refs/$n.xtc; cp "$pdb" refs/$n.pdb; cp "$data/model.xtc" models/$n.xtc; done
    km-eval --no-ceiling --stride 10 --panel ensemble,validity --ref refs --html p.html models > t.txt
    "${PYTHON:-/usr/bin/python3}" - <<'PY'
import xml.etree.ElementTree as ET
h = "{http://www.w3.org/1999/xhtml}"
root = ET.parse("p.html").getroot()
sections = list(root.iter(h + "details"))
assert [s.find(h + "summary").text for s in sections] == ["a", "b", "c"] and [s.get("open") for s in sections] == ["open", None, None]
ids = [f.get("id") for f in root.iter() if f.get("id")]
assert len(ids) == len(set(ids)) and {"player", "player-2", "player-3", "contacts-3"} <= set(ids), ids
first = [t for t in root.iter(h + "table") if t.get("class") == "of-ensemble"][0]
assert [r[0].text for r in first.find(h + "tbody")] == ["a", "b", "c"]
assert "3 targets" in "".join(root.find(h + "body").find(h + "h1").itertext())
assert len([s for s in root.iter(h + "script") if not s.get("type")]) == 1
PY
}

@test "a page that would be too large leaves figures out and says where" {
    for i in $(seq 80); do echo "t$i $data/model.xtc $data/md.xtc $pdb"; done > pairs
    km-eval --no-ceiling --panel seed --pairs pairs --html p.html > t.txt
    "${PYTHON:-/usr/bin/python3}" - <<'PY'
import os, xml.etree.ElementTree as ET
h = "{http://www.w3.org/1999/xhtml}"
root = ET.parse("p.html").getroot()
sections = list(root.iter(h + "details"))
drawn = [any(True for _ in s.iter(h + "figure")) for s in sections]
left = drawn.count(False)
assert len(drawn) == 80 and drawn == sorted(drawn, reverse=True) and 0 < left < 40, left
assert 24 << 20 <= os.path.getsize("p.html") < 25 << 20
for s, d in zip(sections, drawn):
    text = "".join(s.itertext())
    assert ("The figures are left out" in text) != d and s.find(h + "div") is not None
assert f"Without figures: the last {left} targets." in "".join(root.itertext())
PY
}

@test "a reference of another protein: what needs none is computed" {
    km-eval --json --no-ceiling --panel validity,ensemble --ref "$BATS_TEST_DIRNAME/../../pipelines/mini/examples/LGE.pdb" "$pdb" > t.json
    ask 'r["start.pdb"]["atoms"] == 154 and r["start.pdb"]["val_ca"] == 1 and any("its own 154 atoms" in n for n in t[0]["notes"])'
    ask 'j["panels"][1]["targets"][0]["rows"][0]["rmwd"] is None and any("nothing is computed" in n for n in j["panels"][1]["targets"][0]["notes"])'
}

@test "all panels but those that cannot judge a target" {
    # the last residue as a ligand that no dictionary knows: the panel peptide needs one
    awk '/^ATOM/ && substr($0, 23, 4) + 0 == 20 { n++; print "HETATM" substr($0, 7, 5) sprintf("  %s%d ", substr($0, 78, 1), n) " LIG B   1" substr($0, 27); next } { print }' "$pdb" > lig.pdb
    all() { km-eval --stride 10 --no-ceiling "$@" --ref "$data/md.xtc"; }
    all --json --panel all --top lig.pdb --html p.html "$data/model.xtc" > t.json
    ask 'p["panel"] == "peptide" and t[0]["rows"] == [] and over["jsd_all"]["nan"] == 1 and t[0]["notes"] == [n for n in t[0]["notes"] if n.startswith("left out: ") and "LIG" in n] != []'
    ask 'len(j["panels"]) == 9 and j["panels"][1]["targets"][0]["rows"][0]["rmsf_r"] > 0 and j["panels"][5]["targets"][0]["rows"][0]["ims"] > 0'
    "${PYTHON:-/usr/bin/python3}" - <<'PY'
import xml.etree.ElementTree as ET
h = "{http://www.w3.org/1999/xhtml}"
root = ET.parse("p.html").getroot()
figures = [f.get("id") for f in root.iter(h + "figure")]
assert "player" in figures and "torsions" not in figures, figures
tables = [t.get("class") for t in root.iter(h + "table")]
assert "of-ensemble" in tables and "of-peptide" not in tables, tables
assert any((p.text or "").startswith("left out: ") for p in root.iter(h + "p"))
assert "20 residues" in "".join(root.itertext())
PY
    all --panel all --top lig.pdb "$data/model.xtc" > t.txt
    grep -q '^# note: left out: .*LIG' t.txt && grep -q '^# panel seed' t.txt
    run ! grep -q 'jsd_bb' t.txt
    # of one target of two
    printf 'a %s %s %s\nb %s %s lig.pdb\n' "$data/model.xtc" "$data/md.xtc" "$pdb" "$data/model.xtc" "$data/md.xtc" > pairs
    km-eval --json --stride 10 --no-ceiling --panel all --pairs pairs --html q.html > t.json
    ask 'len(t[0]["rows"]) == 2 and t[1]["rows"] == [] and over["jsd_all"]["n"] == 1 and over["jsd_all"]["nan"] == 1'
    # a panel that is named, a number of one that is left out, figures of it
    run -3 all --panel all,peptide --top lig.pdb "$data/model.xtc"
    [[ "$output" == *"component LIG"* ]]
    run -1 all --panel all --top lig.pdb --fail-if 'jsd_all<0.1' "$data/model.xtc"
    run -3 all --panel all --top lig.pdb --svg d "$data/model.xtc"
    # nothing can be computed by any
    head -c 1000 "$data/model.xtc" > cut.xtc
    run -3 --separate-stderr all --panel all --top "$pdb" cut.xtc
    [[ "$stderr" == *truncated* ]] && [ -z "$output" ]
    echo END > none.pdb
    run -3 all --panel all --top "$pdb" none.pdb
}

@test "references that do not hold the same atoms" {
    awk '/^ATOM/ && substr($0, 23, 4) + 0 < 20' "$pdb" > short.pdb
    km-eval --json --no-ceiling --panel ensemble,bioemu --top "$pdb" --ref "$data/md.xtc" --ref short.pdb "$data/model.xtc" > t.json
    ask '100 < r["model.xtc"]["atoms"] < 154 and any("it lacks" in n for n in t[0]["notes"])'
    lge=$BATS_TEST_DIRNAME/../../pipelines/mini/examples/LGE.pdb # another protein
    run -3 km-eval --panel ensemble --top "$pdb" --ref "$data/md.xtc" --ref "$lge" "$data/model.xtc"
    [[ "$output" == *"in common, too few"* ]]
}
