#!/bin/sh
# SPDX-License-Identifier: MIT
# The table of pipelines/mini/README.md: every held-out peptide, model beside replica and baselines. DATA and BIN from the Makefile.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$DATA/generated; mkdir -p "$out"
while read -r p; do
    d=$DATA/held-out/$p
    "$BIN/km-tokenize" -q "$d/topology.pdb" | "$BIN/km-trunk" -q --weights "${WEIGHTS:-$here/mini.safetensors}" |
        "$BIN/km-forecast" -q --seed "${SEED:-1}" --dt 50ps --time "${TIME:-5ns}" | "$BIN/km-interp" -q --seed "${SEED:-1}" --dt 5ps -o "$out/$p.km"
    echo "## $p"
    echo '```'
    "$BIN/km-eval" --dt 5ps --top "$d/topology.pdb" --ref "$d/traj.xtc" --ref "$d/traj-r1.xtc" --baselines "$out/$p.km"
    echo '```'
done < "$here/held-out.txt"
