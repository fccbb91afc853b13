# SPDX-License-Identifier: MIT
# Forecast and interpolation end to end, with the model that ships.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    pdb=$BATS_TEST_DIRNAME/../../pipelines/mini/examples/LGE.pdb
    km-tokenize -q "$pdb" > s.km
    km-trunk -q --weights mini s.km > init.km
}

coords() { # of every frame of a stream, as bytes
    "${PYTHON:-/usr/bin/python3}" -c '
import sys, msgpack, zstandard
u = msgpack.Unpacker(zstandard.ZstdDecompressor().stream_reader(open(sys.argv[1], "rb"), read_across_frames=True), raw=False)
for m in u:
    if m["type"] == "frame": print(m["trajectory"], round(m["time"] * 1e6), m["given"], m["coords"].hex())' "$1"
}

@test "the same seed gives the same coordinates with one thread and with two, and whatever the batch" {
    bash -o pipefail -c 'km-forecast --seed 5 --threads 1 --time 200ps < init.km | km-interp --seed 5 --threads 1 --batch 1 --dt 25ps > a.km'
    bash -o pipefail -c 'km-forecast --seed 5 --threads 2 --time 200ps < init.km | km-interp --seed 5 --threads 2 --batch 3 --dt 25ps > b.km'
    coords a.km > a; coords b.km > b
    [ "$(wc -l < a)" -eq 9 ]
    cmp a b
    km-forecast --seed 6 --time 200ps < init.km > c.km
    ! cmp -s <(coords c.km | tail -n 1) <(tail -n 1 a)
}

@test "a trajectory is the same alone and beside others" {
    km-forecast -q --frames 3 --trajectories 3 < init.km > many.km
    km-forecast -q --frames 3 < init.km > one.km
    cmp <(coords many.km | grep '^0 ') <(coords one.km)
    [ "$(coords many.km | wc -l)" -eq 12 ]
}

@test "given frames come out as they went in, and times are exact" {
    km-forecast -q --dt 50ps --frames 2 < init.km > f.km
    cmp <(coords init.km) <(coords f.km | head -n 1)
    [ "$(coords f.km | cut -d' ' -f2 | paste -sd' ')" = "0 50000 100000" ]
}

@test "options that cannot be are refused, and nothing is written" {
    run -2 km-forecast --time 1ns --frames 3 init.km
    run -2 km-forecast --dt 5 init.km
    run -2 km-forecast --dt 3us -o out.km init.km
    [[ "$output" == *--force* ]]
    run -2 km-forecast --time 70ps --dt 50ps -o out.km init.km
    run -2 km-forecast --from-scratch -o out.km init.km
    run -3 km-interp --dt 30ps -o out.km <(km-forecast -q --frames 1 --dt 50ps < init.km)
    [ ! -e out.km ] && [ ! -e out.km.part ]
}

@test "a run that does not fit is refused with the window that does, and memory does not change the bytes" {
    run -4 km-forecast --memory 1M -o out.km init.km
    [ "${#lines[@]}" -eq 1 ] && [[ "$output" == *"MB of memory"* ]]
    [ ! -e out.km ] && [ ! -e out.km.part ]
    run -4 km-forecast --memory 8M --window 500 --time 100ns --dt 100ps --threads 1 -o out.km init.km
    [[ "$output" =~ --window\ ([0-9]+)\ fits ]]
    fits=${BASH_REMATCH[1]}
    run -4 km-forecast --memory 8M --window $((fits + 1)) --time 100ns --dt 100ps --threads 1 -o out.km init.km
    km-forecast -q --memory 8M --steps 1 --window "$fits" --frames "$fits" --dt 100ps --threads 1 -o out.km init.km
    km-forecast -q --frames 6 init.km > f.km
    km-interp -q --memory 6M --threads 1 f.km > small.km
    km-interp -q f.km > large.km
    cmp <(coords small.km) <(coords large.km)
    run -4 km-interp --memory 1M -o out2.km f.km
    [ "${#lines[@]}" -eq 1 ] && [[ "$output" == *--dt* ]]
    [ ! -e out2.km ]
}

@test "stereo centres keep their hand when they are held" {
    top=$BATS_TEST_DIRNAME/../../pipelines/mini/examples/LGE
    km-forecast -q --stereo hold --sampler euler --steps 3 --frames 40 init.km > f.km
    km-interp -q --stereo hold --steps 3 --dt 25ps f.km > i.km
    km-forecast -q --stereo free --sampler euler --steps 3 --frames 40 init.km > free.km
    for k in f i; do
        km-eval --json --top "$top.pdb" --ref "$top.xtc" $k.km |
            python3 -c 'import json, sys; r = json.load(sys.stdin)["panels"][0]["targets"][0]["rows"][0]; assert r["chirality_ok"] == 1, r'
    done
    ! cmp -s <(coords f.km) <(coords free.km)
    run -2 km-forecast --stereo left init.km
}

@test "a truncated stream gives what was whole, no end, and 3" {
    head -c $(($(stat -c %s init.km) - 20)) init.km > cut.km
    run -3 bash -c 'km-forecast --frames 1 cut.km > out.km'
    [[ "$output" == *truncated* ]]
    run -3 km-trunk -o out2.km /dev/null
}

@test "weights that do not belong to the trunk are refused" {
    run -3 km-forecast --weights "$BATS_TEST_DIRNAME/../data/no-such.safetensors" init.km
    run -4 km-forecast no-such.km
}
