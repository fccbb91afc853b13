# SPDX-License-Identifier: MIT
# km-eval: the reference against itself is perfect, the baselines are what they are called, misuse is refused.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    pdb=$BATS_TEST_DIRNAME/../../pipelines/mini/examples/LGE.pdb
    xtc=${pdb%.pdb}.xtc
}

value() { "${PYTHON:-/usr/bin/python3}" -c 'import json, sys; rows = {r["name"]: r for r in json.load(open("t.json"))["rows"]}; print(rows[sys.argv[1]][sys.argv[2]])' "$@"; }

@test "dynamics against itself, and the do-nothing baselines" {
    km-eval --json --dt 5ps --top "$pdb" --ref "$xtc" --baselines "$xtc" > t.json
    [ "$(value LGE.xtc jsd_all)" = 0.0 ] && [ "$(value LGE.xtc all_ok)" = 1.0 ] && [ "$(value LGE.xtc decorrelation_backbone)" = 0.0 ]
    [ "$(value 'start frame' bond_rms_ok)" = 1.0 ] && [ "$(value 'start frame' rmsf)" = 0.0 ] && [ "$(value 'start frame' rmsf_r)" = None ]
    [ "$(value 'with noise' bond_rms_ok)" = 0.0 ]
    [ "$(value LGE.xtc frames)" = 401 ]
}

@test "the same through a stream and through H5MD" {
    km-strip -q --top "$pdb" -o r.h5 "$xtc"
    km-eval --json --dt 5ps --top "$pdb" --ref "$xtc" r.h5 > t.json
    # km-strip superposes the frames: torsions stay, to the last bit of a float
    "${PYTHON:-/usr/bin/python3}" -c 'import json; r = json.load(open("t.json"))["rows"][0]; assert r["jsd_all"] < 0.02 and r["decorrelation_side"] < 1e-3, r'
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
