# SPDX-License-Identifier: MIT
# km-eval: the reference against itself is perfect, the baselines are what they are called, misuse is refused.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    pdb=$BATS_TEST_DIRNAME/../../pipelines/mini/examples/LGE.pdb
    xtc=${pdb%.pdb}.xtc
}

value() { "${PYTHON:-/usr/bin/python3}" -c 'import json, sys; rows = {r["name"]: r for r in json.load(open("t.json"))["panels"][0]["targets"][0]["rows"]}; print(rows[sys.argv[1]][sys.argv[2]])' "$@"; }

@test "dynamics against itself, and the do-nothing baselines" {
    km-eval --json --dt 5ps --top "$pdb" --ref "$xtc" --baselines "$xtc" > t.json
    [ "$(value LGE.xtc jsd_all)" = 0.0 ] && [ "$(value LGE.xtc all_ok)" = 1.0 ] && [ "$(value LGE.xtc decorrelation_backbone)" = 0.0 ]
    [ "$(value 'start frame' bond_rms_ok)" = 1.0 ] && [ "$(value 'start frame' rmsf)" = 0.0 ] && [ "$(value 'start frame' rmsf_r)" = None ]
    [ "$(value 'with noise' bond_rms_ok)" = 0.0 ]
    [ "$(value LGE.xtc frames)" = 401 ]
    "${PYTHON:-/usr/bin/python3}" -c 'import json; p = json.load(open("t.json"))["panels"][0]["over"]["jsd_backbone"]["published"]; assert {"model": "MDGen", "value": 0.129, "source": "arXiv 2410.14621, Table 1", "kind": "as reproduced by others"} in p, p'
    km-eval --dt 5ps --top "$pdb" --ref "$xtc" "$xtc" | grep -qE '^jsd_backbone +0\.000 +0\.000 +1 +0 +0\.[0-9]+ +0\.[0-9]+ +0\.10 +0\.13\* +0\.16 $'
}

@test "one reference: its halves, as if they were two" {
    for f in 0:1000 1000:2001; do km-strip -q --top "$pdb" "$xtc" | km-cut -q --frames $f | km-export -q --top heavy.pdb - ${f%:*}.xtc; done
    km-eval --json --top heavy.pdb --ref 0.xtc --no-ceiling 1000.xtc > two.json
    km-strip -q --top "$pdb" -o all.h5 "$xtc"
    km-export -q --top heavy.pdb all.h5 all.xtc
    km-eval --json --top heavy.pdb --ref all.xtc > t.json
    "${PYTHON:-/usr/bin/python3}" -c '
import json
rows = [json.load(open(n))["panels"][0]["targets"][0]["rows"] for n in ("t.json", "two.json")]
a, b = rows[0][0], rows[1][0]
assert a["name"] == "MD halves" and a["kind"] == "replica" and a["frames"] == 1001 and b["frames"] == 1001
for k in b:
    if k not in ("name", "kind", "file"): assert a[k] == b[k], (k, a[k], b[k])'
    km-eval --json --dt 5ps --top "$pdb" --ref "$xtc" --no-ceiling "$xtc" > t.json
    run ! grep -q 'MD halves' t.json
}

@test "the same through a stream and through H5MD" {
    km-strip -q --top "$pdb" -o r.h5 "$xtc"
    km-eval --json --dt 5ps --top "$pdb" --ref "$xtc" r.h5 > t.json
    # km-strip superposes the frames: torsions stay, to the last bit of a float
    "${PYTHON:-/usr/bin/python3}" -c 'import json; r = json.load(open("t.json"))["panels"][0]["targets"][0]["rows"][0]; assert r["jsd_all"] < 0.02 and r["decorrelation_side"] < 1e-3, r'
}

@test "metastable states and the paths between them" {
    km-eval --json --dt 5ps --top "$pdb" --ref "$xtc" --baselines "$xtc" > t.json
    [ "$(value LGE.xtc jsd_slow)" = 0.0 ] && [ "$(value LGE.xtc jsd_states)" = 0.0 ] && [ "$(value LGE.xtc path_valid)" = 1.0 ]
    [ "$(value 'start frame' path_jsd)" = 1.0 ] && [ "$(value 'start frame' path_valid)" = 0.0 ] && [ "$(value 'start frame' path_log)" = None ]
    grep -q 'transition paths: 10 steps of 100 ps between two of 10 metastable states' t.json
    km-eval --json --dt 5ps --lag 7ps --top "$pdb" --ref "$xtc" "$xtc" > t.json
    [ "$(value LGE.xtc path_jsd)" = None ] && grep -q 'no metastable states of the reference: --lag is no multiple' t.json
    km-eval --dt 5ps --lag 5ns --top "$pdb" --ref "$xtc" "$xtc" | grep -q 'or is no longer than the lag'
    # pieces of the reference as paths, of 50 steps
    km-strip -q --top "$pdb" -o all.km "$xtc"
    for i in 0 100 200 300 400; do km-cut -q --frames $i:$((i + 51)) all.km | km-export -q - p$i.xtc; done
    km-cut -q --frames 0:8 all.km | km-export -q - short.xtc
    km-export -q --top heavy.pdb all.km all.xtc
    km-strip -q --top heavy.pdb -o paths.h5 p0.xtc p0.xtc p100.xtc p200.xtc p300.xtc p400.xtc short.xtc
    km-eval --json --lag 5ps --paths --top "$pdb" --ref "$xtc" paths.h5 > t.json
    [ "$(value paths.h5 path_valid)" = 1.0 ] && [ "$(value paths.h5 jsd_all)" = None ] && [ "$(value paths.h5 frames)" = 314 ]
    [ "$(value 'MD itself' path_jsd)" = 0.0 ] && grep -q '[1-5] of 7 trajectories are no paths' t.json
    km-eval --lag 10ps --paths --top "$pdb" --ref "$xtc" paths.h5 | grep -q 'a path of 51 frames is taken for one of 10 steps of the lag, 101 frames'
}

@test "misuse and files that do not fit are refused" {
    run -2 km-eval "$xtc"
    run -2 km-eval --ref "$xtc"
    run -2 km-eval --top "$pdb" --ref "$xtc" --dt 1500fs
    run -4 km-eval --top "$pdb" --ref no-such.xtc
    head -c 1000 "$xtc" > cut.xtc
    run -3 km-eval --top "$pdb" --ref cut.xtc
    [[ "$output" == *truncated* ]]
}

# The page PAGE: well-formed, nothing from outside, no number that is none; prints the ids of its figures, and "NAME: text" of those left out.
page() {
    "${PYTHON:-/usr/bin/python3}" - "$1" <<'PY'
import re, sys
import xml.etree.ElementTree as ET
text = open(sys.argv[1], encoding="utf-8").read()
root = ET.fromstring(text)
h, svg = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
assert not re.search(r"\b(href|src|url|@import|script)\b", text)
for e in root.iter():
    for key, value in e.attrib.items():
        assert not re.search(r"\b(nan|inf)\b", value), (e.tag, key, value)
for f in root.iter(h + "figure"):
    drawn = sum(len(list(f.iter(svg + k))) for k in ("path", "rect", "circle"))
    assert f.find(svg + "svg") is not None and drawn > 5, f.get("id")
    assert "".join(f.find(h + "figcaption").itertext()).strip()
    print(f.get("id"))
for p in root.iter(h + "p"):
    if p.get("id"): print(p.get("id") + ": " + p.text)
PY
}

all_figures="ramachandran
torsions
rmsf
geometry
decorrelation
validity"

@test "a page beside the table: every figure, well-formed whatever the names" {
    cp "$xtc" 'a<b>&"c".xtc'
    km-eval --dt 5ps --top "$pdb" --ref "$xtc" --ref "$xtc" --baselines 'a<b>&"c".xtc' > plain.txt
    km-eval --dt 5ps --top "$pdb" --ref "$xtc" --ref "$xtc" --baselines --html p.html 'a<b>&"c".xtc' > t.txt
    cmp plain.txt t.txt
    [ "$(page p.html)" = "$all_figures" ]
    [ ! -e p.html.part ]
    grep -q '<th>a&lt;b&gt;&amp;&quot;c&quot;.xtc</th><td>401</td><td>0.000</td>' p.html
    for row in 'MD replica' 'MD itself' 'start frame' 'with noise'; do grep -q "<th>$row</th><td>401</td>" p.html; done
    grep -q 'LEU-GLY-GLU: 3 residues, 21 heavy atoms' p.html
    grep -q '<td>401</td><td>5 ps</td><td>2 ns</td>' p.html
    if command -v xmllint; then xmllint --noout p.html; fi
    km-eval --json --dt 5ps --top "$pdb" --ref "$xtc" --html q.html > t.json # no model, JSON
    [ "$(page q.html)" = "$all_figures" ]
}

@test "the figures in files of their own" {
    km-eval --dt 5ps --top "$pdb" --ref "$xtc" --svg figures --html p.html "$xtc" > t.txt
    [ "$(ls figures)" = "$(printf '%s.svg\n' $all_figures | sort)" ]
    for f in $all_figures; do # as in the page, to the byte
        "${PYTHON:-/usr/bin/python3}" -c 'import sys; assert open(sys.argv[1]).read() in open("p.html").read()' "figures/$f.svg"
        "${PYTHON:-/usr/bin/python3}" -c 'import sys, xml.etree.ElementTree as ET; assert ET.parse(sys.argv[1]).getroot().tag.endswith("}svg")' "figures/$f.svg"
    done
    run -4 --separate-stderr km-eval --dt 5ps --top "$pdb" --ref "$xtc" --svg no-such/figures
    [[ "$stderr" == "km-eval: cannot make 'no-such/figures': "* ]] && [ "${#stderr_lines[@]}" = 1 ]
    run -4 --separate-stderr km-eval --dt 5ps --top "$pdb" --ref "$xtc" --svg t.txt
    [ "${#stderr_lines[@]}" = 1 ]
}

@test "a page of peptides that lack something" {
    data=$BATS_TEST_DIRNAME/../data
    km-eval --top "$data/dipeptide.pdb" --ref "$data/dipeptide.xtc" --html p.html "$data/dipeptide.xtc"
    [ "$(page p.html)" = "${all_figures#*
}
ramachandran: No residue has both φ and ψ; the torsions below tell what there is to tell." ]
    # glycines alone, in two frames of a multi-model file
    awk '/^(ATOM|HETATM)/ && $3 ~ /^(N|CA|C|O)$/ { print substr($0, 1, 17) "GLY" substr($0, 21) }' "$data/dipeptide.pdb" > gg
    for i in 1 2; do echo "MODEL        $i"; cat gg; echo ENDMDL; done > gg.pdb
    [ "$(wc -l < gg)" = 8 ]
    km-eval --ref gg.pdb --html g.html gg.pdb
    [ "$(page g.html)" = "$(page p.html | grep -v decorrelation)
decorrelation: There are no torsions, or no trajectory's spacing is known." ]
    grep -v '^\(MODEL\|ENDMDL\)' gg.pdb | head -n 8 > g1.pdb
    km-strip -q --raw --dt 1ps -o gg.h5 gg.pdb
    km-export -q gg.h5 gg.xtc
    km-eval --top g1.pdb --ref gg.xtc --html g.html gg.xtc
    [ "$(page g.html)" = "$(page p.html)" ]
    grep -q 'backbone: mean over' g.html
    run ! grep -q 'side chains: mean over' g.html
    cp gg one.pdb
    km-eval --ref one.pdb --html o.html one.pdb | grep -q 'the reference is a single frame: how sound'
    [[ "$(page o.html)" == *validity* ]]
}

@test "a model of a single frame" {
    km-eval --json --dt 5ps --top "$pdb" --ref "$xtc" --html p.html "$pdb" > t.json
    [ "$(value LGE.pdb frames)" = 1 ] && [ "$(value LGE.pdb all_ok)" = 1.0 ] && [ "$(value LGE.pdb decorrelation_side)" = None ]
    [ "$(value LGE.pdb path_valid)" = None ] && grep -q 'LGE.pdb: a single frame: nothing of time' t.json
    [ "$(page p.html)" = "$all_figures" ]
}

@test "models without times: nothing of time, and no --dt" {
    for i in 1 2 3; do echo "MODEL        $i"; grep ^ATOM "$pdb"; echo ENDMDL; done > many.pdb
    km-eval --json --top "$pdb" --ref "$xtc" --html p.html many.pdb > t.json
    grep -q 'many.pdb: its frames have no times, or are not equally spaced: nothing of time is computed' t.json
    [ "$(value many.pdb decorrelation_backbone)" = None ] && [ "$(value many.pdb autocorrelation)" = None ] && [ "$(value many.pdb pi_r)" = None ]
    [ "$(value many.pdb jsd_backbone)" != None ] && [ "$(value many.pdb jsd_states)" != None ] && [ "$(value many.pdb all_ok)" = 1.0 ]
    [ "$(page p.html)" = "$all_figures" ]
    km-eval --json --ref many.pdb many.pdb > t.json
    [ "$(value many.pdb jsd_backbone)" = 0.0 ] && grep -q 'no metastable states of the reference: its spacing is not known' t.json
    run -3 km-eval --dt 5ps --ref many.pdb many.pdb
    [[ "$output" == *"many.pdb: its frames have no times, or are not equally spaced"* ]]
}

@test "the given frames of a generated stream count" {
    km-tokenize -q "$pdb" | km-forecast -q --frames 8 -o g.km
    km-eval --json --top "$pdb" --ref "$xtc" g.km > t.json
    [ "$(value g.km frames)" = 9 ]
}

@test "a reference of a single frame: soundness alone" {
    km-eval --json --dt 5ps --top "$pdb" --ref "$pdb" --baselines --html p.html "$xtc" "$pdb" > t.json
    [ "$(value LGE.xtc frames)" = 401 ] && [ "$(value LGE.xtc all_ok)" = 1.0 ] && [ "$(value 'MD itself' bond_rms_ok)" = 1.0 ]
    for key in jsd_all rmsf_r rmsf decorrelation_side jsd_slow path_valid; do [ "$(value LGE.xtc $key)" = None ]; done
    grep -q 'the reference is a single frame: how sound frames are is computed, nothing is compared' t.json
    grep -q 'no metastable states of the reference: it is a single frame' t.json
    [[ "$(page p.html)" == *geometry* ]]
    km-eval --json --dt 5ps --top "$pdb" --ref "$pdb" --paths "$xtc" > t.json
    [ "$(value LGE.xtc all_ok)" = 1.0 ] && [ "$(value LGE.xtc path_valid)" = None ]
}

@test "atoms that one side lacks are left out of all, counted and named" {
    awk '/^(ATOM|HETATM)/ && !(substr($0, 23, 4) + 0 == 3 && $3 ~ /^(CD|OE1|OE2)$/)' "$pdb" > less.pdb
    km-eval --json --dt 5ps --top "$pdb" --ref "$xtc" --html p.html less.pdb "$xtc" > t.json
    grep -q 'less.pdb: 18 of the reference.s 21 atoms are there; those that are not (the first: GLU 3 CD) are left out' t.json
    [ "$(value less.pdb atoms)" = 18 ] && [ "$(value less.pdb bond_rms_ok)" = 1.0 ] && [ "$(value less.pdb chirality_ok)" = 1.0 ]
    [ "$(value LGE.xtc atoms)" = 18 ] && [ "$(value LGE.xtc jsd_all)" = 0.0 ] && [ "$(value LGE.xtc jsd_slow)" = 0.0 ]
    [ "$(page p.html)" = "$all_figures" ]
    # the reference, and both
    km-eval --json --ref less.pdb "$pdb" > t.json
    [ "$(value LGE.pdb atoms)" = 18 ] && [ "$(value LGE.pdb all_ok)" = 1.0 ] && grep -q 'the reference lacks 3 of its residues. 21 atoms' t.json
    # CA alone: no torsions, no bonds
    awk '$3 == "CA"' "$pdb" > ca.pdb
    km-eval --json --dt 5ps --top "$pdb" --ref "$xtc" --html c.html ca.pdb > t.json
    [ "$(value ca.pdb atoms)" = 3 ] && [ "$(value ca.pdb jsd_all)" = None ] && grep -q 'ca.pdb: 3 of the reference.s 21' t.json
    page c.html
    # next to nothing, another molecule
    head -n 2 ca.pdb > two.pdb
    run -3 km-eval --top "$pdb" --ref "$xtc" two.pdb
    [[ "$output" == *"two.pdb: 2 atoms in common"* ]]
    run -3 km-eval --top "$pdb" --ref "$xtc" "$BATS_TEST_DIRNAME/../data/eval/start.pdb"
    [[ "$output" == *"start.pdb: "*"too few"* ]]
}

@test "a page appears whole or not at all" {
    eval_() { km-eval --dt 5ps --top "$pdb" --ref "$xtc" "$@"; }
    run -4 --separate-stderr eval_ --html no-such/p.html
    [[ "$stderr" == "km-eval: cannot write 'no-such/p.html': "* ]] && [ "${#stderr_lines[@]}" = 1 ]
    if [ -e /dev/full ]; then
        run -4 --separate-stderr eval_ --html /dev/full
        [[ "$stderr" == "km-eval: "*"No space left"* ]] && [ "${#stderr_lines[@]}" = 1 ]
    fi
    echo before > p.html
    head -c 1000 "$xtc" > cut.xtc
    run -3 eval_ --html p.html cut.xtc
    [ "$(cat p.html)" = before ] && [ ! -e p.html.part ]
    run -2 eval_ --html -
}
