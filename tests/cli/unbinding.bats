#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# How a ligand leaves: from two chains in a file to paths compared.

bats_require_minimum_version 1.5.0

setup() { cd "$BATS_TEST_TMPDIR"; }

@test "one of two chains as a ligand: trained, forecast frame after frame, compared with paths" {
    here=$BATS_TEST_DIRNAME/../../pipelines/mini
    # LGE twice, the second further away in each of ten frames
    km-strip -q --top "$here/examples/LGE.pdb" --stride 200 -o one.km "$here/examples/LGE.xtc"
    km-export -q one.km one.pdb
    awk '/^MODEL/ { m++ } /^ATOM/ { line[++n] = $0 }
        /^ENDMDL/ { for (i = 1; i <= n; i++) printf "%s%5d%s B%s%8.3f%s\n", substr(line[i], 1, 6), n + i, substr(line[i], 12, 9),
                substr(line[i], 23, 8), substr(line[i], 31, 8) + 7 + m, substr(line[i], 39)
            print "TER"; n = 0 } { print }' one.pdb >two.pdb
    km-strip -q --set-name unbinding --dt 1ps -o two.h5 two.pdb two.pdb
    few="-q --config $here/unbinding.yaml --init mini --data two.h5 frames.max=8 batch=2
        log_every=1 max_steps=2 threads=1"
    km-train $few -o unnamed
    grep -q '"center": 0[,.}]' unnamed/log.jsonl
    echo 'ligand: B' >two.yaml
    km-train $few -o named
    run ! grep -q '"center": 0[,}]' named/log.jsonl
    km-cut --frames 0:1 two.h5 | km-forecast -q --weights named/last.safetensors --causal --frames 3 --steps 2 -o made.km
    km-info made.km | grep -q 'trajectory 1, frames 4, given 1, first_ns 0.0, last_ns 0.003'
    km-eval --json --no-ceiling --panel unbinding --ligand B --top two.pdb --ref two.h5 made.km two.h5 >t.json
    python3 -c 'import json; m, md = json.load(open("t.json"))["panels"][0]["targets"][0]["rows"]
assert m["paths"] == 2 and m["md_paths"] == 2 and 0 < m["path_rmsd"] < 20 and md["f1"] == 1 and md["success1"] == 1'
    km-eval --json --no-ceiling --panel unbinding --ligand X --top two.pdb --ref two.h5 made.km >t.json
    grep -q 'there is no ligand in common' t.json
    refused() { # what the file says, and of it
        echo "$1" >two.yaml
        run -3 km-train $few -o refused
        [[ "$output" == *"two.yaml: $2"* ]]
    }
    refused 'ligand: C' "ligand: no chain 'C'"
    refused 'ligand: A B' "ligand: no chain 'A B'"
    refused $'ligand: A\nligand: B' ""
    refused 'receptor: A' "unknown key 'receptor'"
    refused 'ligand: [A, B]' ""
    km-strip -q --set-name unbinding --top one.pdb --dt 1ps -o alone.h5 one.pdb
    echo 'ligand: A' >alone.yaml
    run -3 km-train ${few/two.h5/alone.h5} -o refused
    [[ "$output" == *"alone.yaml: ligand: chain 'A' is all that there is"* ]]
}
