#!/bin/sh
# SPDX-License-Identifier: MIT
# How forecasts of unbinding compare with the paths that were held out, beside a straight pull-out and random training paths. DATA, BIN and
# PYTHON from the Makefile.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
d=$DATA/unbinding; out=$d/generated; mkdir -p "$out/own"
"$BIN/km-cut" --frames 0:1 "$d/held-out.h5" |
    "$BIN/km-forecast" -q --weights "${WEIGHTS:-$d/run/last.safetensors}" --seed "${SEED:-1}" --causal -o "$out/model.km"
"$PYTHON" "$here/unbinding_baselines.py" --train "$d/train" --held-out "$d/held-out" --out "$out"
for kind in pull random; do
    "$BIN/km-strip" -q --top "$d/held-out/topology.pdb" --dt 1ps -o "$out/$kind.h5" "$out/$kind"-*.xtc
done

echo "### All paths together"
echo '```'
"$BIN/km-eval" --no-ceiling --panel unbinding --ligand B --ref "$d/held-out.h5" "$out/model.km" "$out/pull.h5" "$out/random.h5" | sed "/^# over/,\$d"
echo '```'

n=$(ls "$d/held-out" | grep -c '^path-')
for i in $(seq "$n"); do
    "$BIN/km-cut" --trajectory "$i" "$d/held-out.h5" -o "$out/own/md-$i.km"
    for kind in model.km pull.h5 random.h5; do
        "$BIN/km-cut" --trajectory "$i" "$out/$kind" -o "$out/own/${kind%.*}-$i.km"
    done
done
printf '\n### Each path beside the one that began where it did, means of %d\n```\n%-10s%10s%8s%8s%8s\n' "$n" "" precision recall F1 RMSD_A
for kind in model pull random; do
    for i in $(seq "$n"); do echo "$i $kind-$i.km md-$i.km"; done >"$out/own/$kind.pairs"
    "$BIN/km-eval" --no-ceiling --panel unbinding --ligand B --pairs "$out/own/$kind.pairs" >"$out/own/$kind.txt"
    awk -v kind="$kind" '/^# over/ { over = 1 } over { mean[$1] = $3 }
        END { printf "%-10s%10s%8s%8s%8s\n", kind, mean["precision"], mean["recall"], mean["f1"], mean["path_rmsd"] }' "$out/own/$kind.txt"
done
echo '```'
