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
    "$BIN/km-eval" --dt 5ps --top "$d/topology.pdb" --ref "$d/traj.xtc" --ref "$d/traj-r1.xtc" --baselines "$out/model.km" |
        sed '/^# over/,$d' >"$out/$p.txt" # the same once more, beside published values
    set -- "$@" "$out/$p.txt"
done <"$here/held-out.txt"

echo "## Mean over the held-out peptides"
echo '```'
grep '^# [^n]' "$1" | sed 's/: [0-9]* atoms,/:/'
# a row's name is 14 characters wide; a column ends where its title ends and has the first peptide's decimals
awk '/^#/ { next }
    / jsd_bb / {
        if (!titles) {
            titles = $0
            for (i = 15; i <= length($0); i++) {
                if (substr($0, i, 1) == "|") bar[n + 1] = i
                else if (substr($0, i, 1) != " " && substr($0, i + 1, 1) ~ /^( |)$/) end[++n] = i
            }
        }
        next
    }
    {
        name = substr($0, 1, 14); rest = substr($0, 15); gsub(/\|/, "", rest); split(rest, v, " ")
        if (!(name in rows)) { rows[name]; order[++k] = name }
        for (i = 1; i <= n; i++) if (v[i] != "nan") {
            sum[name, i] += v[i]; count[name, i]++
            if (!(i in digits)) digits[i] = index(v[i], ".") ? length(v[i]) - index(v[i], ".") : 0
        }
    }
    END {
        print titles
        for (j = 1; j <= k; j++) {
            line = order[j]
            for (i = 1; i <= n; i++) {
                if (i in bar) line = sprintf("%-*s|", bar[i] - 1, line)
                c = count[order[j], i]
                value = c ? sprintf("%.*f", digits[i], sum[order[j], i] / c) : "nan"
                line = line sprintf("%*s", end[i] - length(line), value)
            }
            print line
        }
    }' "$@"
echo '```'
for t in "$@"; do
    printf '\n## %s\n```\n' "$(basename "$t" .txt)"
    cat "$t"
    echo '```'
done
