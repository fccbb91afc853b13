#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The Makefiles that string the programs together.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    top=$BATS_TEST_DIRNAME/../..
    cp "$top/pipelines/mini/examples/LGE.pdb" a.pdb
    cp "$top/tests/data/dipeptide.pdb" b.pdb
    unset MAKEFLAGS MAKELEVEL
}

generate() { make -s -f "$top/pipelines/generate.mk" BIN="$KM_BUILD/bin" WEIGHTS=mini DT=50ps FINE=25ps "$@"; }

@test "generate.mk: a trajectory of each structure, and nothing twice" {
    generate STRUCTURES='a.pdb b.pdb' OUT=out TIME=200ps
    for p in a b; do
        km-info "out/$p.km" | grep -qx '  frames: 9'
        [ -s "out/$p.xtc" ] && [ -s "out/$p.top.pdb" ]
    done
    run generate STRUCTURES='a.pdb b.pdb' OUT=out TIME=200ps -q
    [ "$status" -eq 0 ]
}

@test "generate.mk: structures are dealt to the GPUs that are named, and none without" {
    run -0 generate -n STRUCTURES='a.pdb b.pdb' OUT=dealt DEVICES='3 5 7'
    [ "$(grep -c 'cuda:3 -o dealt/a\.' <<<"$output")" -eq 3 ]
    [ "$(grep -c 'cuda:5 -o dealt/b\.' <<<"$output")" -eq 3 ]
    [[ "$output" == *"a.coarse.km.part "*"cuda:3; s="* ]]
    [[ "$output" != *cuda:7* ]]
    run -0 generate -n STRUCTURES=a.pdb OUT=dealt
    [[ "$output" != *device* ]]
}

@test "generate.mk: an interrupted forecast goes on and ends with the same bytes" {
    km=out/a.coarse.km
    generate STRUCTURES=a.pdb OUT=out TIME=400ps
    mv $km whole.km
    mv out/a.xtc whole.xtc
    for bytes in $(($(stat -c %s whole.km) * 2 / 3)) 10; do # in a window, and before anything that could be resumed
        rm -f out/a.km out/a.xtc
        head -c "$bytes" whole.km > $km.part
        generate STRUCTURES=a.pdb OUT=out TIME=400ps
        cmp $km whole.km
        cmp out/a.xtc whole.xtc
        rm $km
    done
}

@test "generate.mk: a structure that is not one stops, and leaves nothing of it" {
    echo nonsense > c.pdb
    run generate -k STRUCTURES='c.pdb b.pdb' OUT=out TIME=100ps
    [ "$status" -eq 2 ]
    [[ "$output" == *c.pdb* ]]
    [ -s out/b.xtc ]
    [ -z "$(find out -name 'c.*')" ]
}

@test "alignments.mk: an alignment of each sequence, by the program that is named" {
    printf '>a\nAS\n' >a.fasta
    cat >search <<'X'
#!/bin/sh
case $1 in
-i) [ "$4" = db ] && sed 's/a/&\n&/' "$2" >"$6" ;;
unpackdb) printf '>q\nAS\n' >"$3/0.a3m" ;;
esac
X
    chmod +x search
    for with in hhblits mmseqs; do
        make -s -f "$top/pipelines/alignments.mk" SEQUENCES=a.fasta WITH=$with HHBLITS=./search MMSEQS=./search DB=db OUT=$with
        [ -s $with/a.a3m ] && [ "$(ls $with)" = a.a3m ]
    done
    run make -s -f "$top/pipelines/alignments.mk" WITH=blast
    [ "$status" -eq 2 ]
    [[ "$output" == *"hhblits or mmseqs"* ]]
}

@test "atlas-benchmark.mk: from chains and runs as ATLAS lays them out to a table beside the authors' row" {
    cp "$top/tests/data/torch/biokinema.pt" x_sqrt.pt
    for id in 1abc_A 2abc_B; do
        mkdir -p "raw/atlas/$id"
        cp b.pdb "raw/atlas/$id/$id.pdb"
        for r in 1 2 3; do cp "$top/tests/data/dipeptide.xtc" "raw/atlas/$id/${id}_R$r.xtc"; done
    done
    bench() {
        make -s -f "$top/pipelines/atlas-benchmark.mk" BIN="$KM_BUILD/bin" RAW=raw WEIGHTS=x_sqrt.pt SYSTEMS='1abc_A 2abc_B' OUT=out \
            FORECAST='--preset atlas --time 4ns --steps 2' "$@"
    }
    bench >table
    cmp table out/ensemble.txt
    grep -q '^# over 2 targets' table
    grep '^ *median ' table | grep -q BioKinema
    grep -Eq '^rmwd .* 2\.25 ' table
    [ "$(grep -c '1abc_A.km' table)" -eq 1 ]
    km-info out/2abc_B.km | grep -qx '  frames: 15' # 3 x (1 + 4)
    /usr/bin/python3 -c 'import json; assert json.load(open("out/ensemble.json"))["panels"][0]["panel"] == "ensemble"'
    run bench -q
    [ "$status" -eq 0 ]
}

@test "benchmark.mk: a set generated, compared and timed" {
    mkdir -p ref/LGE
    cp a.pdb ref/LGE/LGE.pdb
    cp "$top/pipelines/mini/examples/LGE.xtc" ref/LGE/LGE_R1.xtc
    bench() { make -s -f "$top/pipelines/benchmark.mk" BIN="$KM_BUILD/bin" WEIGHTS=mini REF=ref OUT=out TIME=200ps DT=100ps FINE=50ps RUNS=2 "$@"; }
    bench atlas timing
    "${PYTHON:-/usr/bin/python3}" - <<'PY'
import json
panels = {p["panel"]: p["targets"] for p in json.load(open("out/atlas.json"))["panels"]}
assert set(panels) == {"ensemble", "trajectory", "validity", "kinetics"} and len(panels["ensemble"]) == 1
row = panels["ensemble"][0]["rows"][0]
assert row["name"] == "LGE.km" and row["kind"] == "model" and row["frames"] == 4 and row["rmsf_r"] is not None
assert json.load(open("out/hierarchical.json"))["panels"][0]["targets"][0]["rows"][0]["frames"] == 4
PY
    grep -q '</html>' out/atlas.html
    grep -qE '^LGE	[0-9]+	[0-9]+	[0-9]+$' out/timing.tsv
    bench -q atlas timing
    run bench atlas IDS=none OUT=other
    [ "$status" -ne 0 ] && [[ "$output" == *"no structure of none"* ]]
}

@test "benchmark.mk: sets as data.mk stores them, conformations" {
    mkdir -p stored conf/LGE
    cp a.pdb conf/LGE/one.pdb
    km-strip -q --top a.pdb --stride 100 -o stored/LGE.h5 "$top/pipelines/mini/examples/LGE.xtc"
    bench() { make -s -f "$top/pipelines/benchmark.mk" BIN="$KM_BUILD/bin" WEIGHTS=mini TIME=200ps DT=100ps RUNS=2 "$@"; }
    bench cath2 REF=stored OUT=c
    bench conformations REF=conf OUT=d
    "${PYTHON:-/usr/bin/python3}" - <<'PY'
import json
rows = lambda f: {p["panel"]: p["targets"][0]["rows"][0] for p in json.load(open(f))["panels"]}
stored, conf = rows("c/cath2.json"), rows("d/conformations.json")
assert set(stored) == {"kinetics", "trajectory", "bioemu", "validity"} and stored["kinetics"]["w2_line"] is not None
assert stored["bioemu"]["frames"] == 4 and stored["bioemu"]["states"] is None
assert conf["bioemu"]["states"] == 1 and conf["bioemu"]["covered"] in (0, 1) and conf["validity"]["val_ca"] is not None
PY
}
