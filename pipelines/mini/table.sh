#!/bin/sh
# SPDX-License-Identifier: MIT
# The table of pipelines/mini/README.md: every held-out peptide, model beside replica and baselines, and the mean over peptides. DATA and BIN
# from the Makefile.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$DATA/generated; mkdir -p "$out"
while read -r p; do
    d=$DATA/held-out/$p
    "$BIN/km-tokenize" -q "$d/topology.pdb" | "$BIN/km-trunk" -q --weights "${WEIGHTS:-$here/mini.safetensors}" |
        "$BIN/km-forecast" -q --seed "${SEED:-1}" --dt 50ps --time "${TIME:-5ns}" |
        "$BIN/km-interp" -q --seed "${SEED:-1}" --dt 5ps -o "$out/model.km"
    "$BIN/km-eval" --dt 5ps --top "$d/topology.pdb" --ref "$d/traj.xtc" --ref "$d/traj-r1.xtc" --baselines "$out/model.km" >"$out/$p.txt"
    set -- "$@" "$out/$p.txt"
done <"$here/held-out.txt"

echo "## Mean over the held-out peptides"
echo '```'
head -n 3 "$1" | sed 's/: [0-9]* atoms,/:/'
# a row's name is 14 characters wide; numbers keep the places they have in the rows
awk '/^#/ || /frames/ { next }
    {
        name = substr($0, 1, 14); rest = substr($0, 15); gsub(/\|/, "", rest); n = split(rest, v, " ")
        if (!(name in rows)) { rows[name]; order[++k] = name }
        for (i = 1; i <= n; i++) if (v[i] != "nan") { sum[name, i] += v[i]; count[name, i]++ }
    }
    function mean(name, i) { return count[name, i] ? sprintf("%.3f", sum[name, i] / count[name, i]) : "nan" }
    END {
        for (j = 1; j <= k; j++) {
            printf "%-14s %7.0f", order[j], mean(order[j], 1)
            for (i = 2; i <= n; i++) printf "%s %*s", i == 8 || i == 13 ? " |" : "", i == 4 ? 7 : 6, mean(order[j], i)
            print ""
        }
    }' "$@"
echo '```'
for t in "$@"; do
    printf '\n## %s\n```\n' "$(basename "$t" .txt)"
    cat "$t"
    echo '```'
done
