#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/device_runs.sh BIN EXAMPLE FRAMES STEPS TRAINING [ARGUMENTS...]: whole runs on --device cuda beside the processor's with the
# same noise, as TAP. A forecast of the small model, FRAMES frames in STEPS steps, from EXAMPLE.pdb, and TRAINING steps of
# training from EXAMPLE.xtc with these arguments of km-train: the losses along them, and of training that was gone on with.
set -u
bin=$(cd "$1" && pwd) example=$2 frames=$3 steps=$4 training=$5
shift 5
at=$(mktemp -d); trap 'rm -rf "$at"' EXIT
result() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi; }

forecast() { # DEVICE: the coordinates of all frames, a line an atom
    "$bin/km-forecast" -q --device "$1" --frames "$frames" --steps "$steps" --seed 5 --no-pg -o "$at/$1.km" "$at/init.km" &&
        "$bin/km-export" -q "$at/$1.km" "$at/$1.pdb" && grep -E '^(ATOM|HETATM)' "$at/$1.pdb" | cut -c31-54 >"$at/$1.xyz"
}
"$bin/km-tokenize" -q "$example.pdb" >"$at/in.km" && "$bin/km-trunk" -q --device cpu "$at/in.km" >"$at/init.km" &&
    forecast cpu && forecast cuda
# bfloat16 against float32 from noise of many angstroms
[ -s "$at/cuda.xyz" ] && off=$(paste "$at/cpu.xyz" "$at/cuda.xyz" | awk '
    NF == 6 { for (i = 1; i <= 3; i++) d += ($i - $(i + 3))^2; n++ }
    END { if (NR > 20 && n == NR) printf "%.3f", sqrt(d / n) }')
awk -v d="${off:-none}" 'BEGIN { exit !(d + 0 == d && d < 0.5) }' </dev/null
result $? "a forecast of $frames frames in $steps steps: ${off:-none} angstroms from the processor's"

train() { # DEVICE RUN and arguments of km-train: step and loss, a line each
    device=$1 run=$2; shift 2
    "$bin/km-train" -q --device "$device" --seed 5 --config mini --data "$at/data.h5" -o "$at/$run" max_steps="$training" log_every=1 \
        checkpoint_every=$(((training + 1) / 2)) validate_every="$training" validation_samples=0 "$@" &&
        sed -n 's/.*"step": \([0-9]*\), "loss": \([^,]*\),.*/\1 \2/p' "$at/$run/log.jsonl" >"$at/$run.losses"
}
compare() { # RUN RUN WHAT: the mean of how far losses are from each other
    [ -s "$at/$2.losses" ] && off=$(paste "$at/$1.losses" "$at/$2.losses" | awk -v all="$training" '
        NF == 4 && $1 == $3 { d = $2 > $4 ? $2 - $4 : $4 - $2; d /= $2; if (d > worst) worst = d; sum += d; n++ }
        END { if (n == all && NR == n) printf "%.1e in the mean, %.1e at the worst", sum / n, worst }') || off=
    mean=${off%% *}
    awk -v d="${mean:-none}" 'BEGIN { exit !(d + 0 == d && d < 2e-2) }' </dev/null
    result $? "$3: off by ${off:-nothing to compare}"
}
"$bin/km-strip" -q --top "$example.pdb" -o "$at/data.h5" "$example.xtc" && train cpu cpu "$@" && train cuda cuda "$@"
compare cpu cuda "the losses of $training steps of training"
# gone on with from the state before the last
cp -r "$at/cuda" "$at/again" && mv "$at/again/state-before.h5" "$at/again/state.h5" && train cuda again --resume "$@"
compare cuda again "the losses of training that went on from step $(((training + 1) / 2))"
