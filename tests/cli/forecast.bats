# SPDX-License-Identifier: MIT
# km-forecast: going on with an interrupted run, presets, frame after frame.

bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    km-tokenize -q "$BATS_TEST_DIRNAME/../../pipelines/mini/examples/LGE.pdb" | km-trunk -q --weights mini > init.km
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    cp "$BATS_FILE_TMPDIR/init.km" .
}

messages() { # type and last byte of every message of a stream; a generated frame is "new"
    "${PYTHON:-/usr/bin/python3}" -c '
import sys, msgpack, zstandard
data, at = open(sys.argv[1], "rb").read(), 0
while at < len(data):
    d = zstandard.ZstdDecompressor().decompressobj()
    m = msgpack.unpackb(d.decompress(data[at:]))
    at = len(data) - len(d.unused_data)
    print("new" if m["type"] == "frame" and not m["given"] else m["type"], at)' "$1"
}

# The model that ships with another configuration, which Python statements make of c.
weights() { # FILE STATEMENTS
    "${PYTHON:-/usr/bin/python3}" -c '
import hashlib, json, struct, sys
data = open(sys.argv[1], "rb").read()
n, = struct.unpack("<Q", data[:8])
head = json.loads(data[8:8 + n])
meta = head["__metadata__"]
c = json.loads(meta["config"])
exec(sys.argv[3])
meta["config"] = json.dumps(c)
meta["digest"] = hashlib.sha256((meta["digest"] + meta["config"]).encode()).hexdigest()
text = json.dumps(head).encode()
text += b" " * (-len(text) % 8)
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + data[8 + n:])' \
        "$BATS_TEST_DIRNAME/../../pipelines/mini/mini.safetensors" "$1" "$2"
}

without_frames() { # init.km
    "${PYTHON:-/usr/bin/python3}" -c '
import sys, msgpack, zstandard
u = msgpack.Unpacker(zstandard.ZstdDecompressor().stream_reader(open("init.km", "rb"), read_across_frames=True))
z, k = zstandard.ZstdCompressor(write_checksum=True), 0
for m in u:
    if m["type"] == "end": m = dict(type="end", frames=0, messages=k)
    if m["type"] != "frame": sys.stdout.buffer.write(z.compress(msgpack.packb(m))); k += 1'
}

coords() { # trajectory, time and coordinates of every frame
    "${PYTHON:-/usr/bin/python3}" -c '
import sys, msgpack, zstandard
u = msgpack.Unpacker(zstandard.ZstdDecompressor().stream_reader(open(sys.argv[1], "rb"), read_across_frames=True))
for m in u:
    if m["type"] == "frame": print(m["trajectory"], m["time"], m["coords"].hex())' "$1"
}

# What a run leaves that was killed at any moment is the beginning of the whole file: cut behind and within each message from the
# FIRST of a type on, it is finished to the same bytes.
resumes() { # FIRST FILE OPTION...
    local first=$1 f=$2 from to type on=; shift 2
    mv "$f" whole.km
    while read -r type to; do
        [ -n "$on" ] && for n in $(((from + to) / 2)) $((to - 1)) "$to"; do
            head -c "$n" whole.km > "$f.part"
            km-forecast -q "$@" --resume "$f.part" && cmp "$f" whole.km && [ ! -e "$f.part" ] || { echo "$type to $to: $n"; return 1; }
        done
        [ "$type" = "$first" ] && on=1
        from=$to
    done < <(messages whole.km)
    [ -n "$on" ]
}

@test "a run that was cut anywhere is finished bit for bit" {
    km-forecast -q --seed 3 --steps 4 --frames 7 --window 3 --history 2 -o f.km init.km
    resumes new_frames f.km
}

@test "so are several trajectories, which interleave" {
    km-forecast -q --steps 2 --frames 3 --window 2 --trajectories 3 -o f.km init.km
    resumes new_frames f.km
}

@test "so are trajectories of different lengths, more than a batch of them" {
    "${PYTHON:-/usr/bin/python3}" -c '
import sys, msgpack, zstandard
u = msgpack.Unpacker(zstandard.ZstdDecompressor().stream_reader(open("init.km", "rb"), read_across_frames=True))
z, out, n, k = zstandard.ZstdCompressor(write_checksum=True), open("many.km", "wb"), 0, 0
def put(m):
    out.write(z.compress(msgpack.packb(m)))
for m in u:
    if m["type"] == "end": m = dict(type="end", frames=n, messages=k)
    for t in range(36) if m["type"] == "frame" else [0]:
        for i in range(1 + t % 2) if m["type"] == "frame" else [0]:
            if m["type"] == "frame": m.update(trajectory=t, time=0.05 * i); n += 1
            put(m); k += 1'
    km-forecast -q --steps 2 --frames 2 --window 2 -o f.km many.km
    mv f.km whole.km
    for n in $(messages whole.km | sed -n 's/^new //p' | awk 'NR % 9 == 1'); do
        head -c "$n" whole.km > f.km.part
        km-forecast -q --resume f.km.part
        cmp f.km whole.km
    done
}

@test "so is one from noise, with weights by a path" {
    cp "$BATS_TEST_DIRNAME/../../pipelines/mini/mini.safetensors" "my weights.safetensors"
    without_frames > none.km
    km-forecast -q --weights "my weights.safetensors" --from-scratch --force --steps 2 --frames 3 --window 2 -o f.km none.km
    resumes new_frames f.km
    head -c -9 whole.km > f.km.part
    weights "my weights.safetensors" 'c["sampling"]["steps"] = 7'
    run -3 km-forecast --resume f.km.part
    [[ $output == *"no longer there"* ]]
    weights other.safetensors 'c["sampling"]["steps"] = 8'
    run -2 km-forecast --weights other.safetensors --resume f.km.part
    [[ $output == *--weights* ]]
    cp "$BATS_TEST_DIRNAME/../../pipelines/mini/mini.safetensors" moved.safetensors
    rm "my weights.safetensors"
    run -3 km-forecast --resume f.km.part
    [[ $output == *"my weights"* ]]
    km-forecast -q --weights moved.safetensors --resume f.km.part
    cmp f.km whole.km
}

@test "an option that differs is refused by name, one that does not is not" {
    km-forecast -q --seed 3 --steps 2 --frames 3 --window 2 -o f.km init.km
    mv f.km whole.km
    head -c -9 whole.km > f.km.part
    for differing in --seed=4 --seed=0 --steps=3 --frames=4 --time=200ps --dt=20ps --window=3 --history=2 --sampler=euler --noise-scale=1.5 \
        --step-scale=1.7 --trajectories=2 --from-scratch --force --no-pg --output=g.km; do
        run --separate-stderr -2 km-forecast --resume f.km.part "$differing"
        [[ $stderr == *"${differing%%=*}"* && ${#stderr_lines[@]} -eq 1 ]] || { echo "$differing: $stderr"; return 1; }
    done
    run -2 km-forecast --resume f.km.part init.km
    cmp f.km.part <(head -c -9 whole.km) && [ ! -e f.km ]
    km-forecast -q --threads 1 --seed 3 --steps 2 --time 150ps --dt 50ps --window=2 --history 4 --sampler af3 --weights mini -o f.km --resume f.km.part
    cmp f.km whole.km
}

@test "systems in one stream are each forecast by their own weights" {
    weights other.safetensors 'c["model"]["causal"] = c["sampling"]["causal"] = True; c["sampling"]["sampler"] = "euler"'
    for w in other.safetensors mini; do
        "${PYTHON:-/usr/bin/python3}" -c '
import sys, msgpack, zstandard
u = msgpack.Unpacker(zstandard.ZstdDecompressor().stream_reader(open("init.km", "rb"), read_across_frames=True))
z = zstandard.ZstdCompressor(write_checksum=True)
for m in u:
    if m["type"] == "trunk": m.update(weights_name=sys.argv[1], weights_path=sys.argv[1])
    if m["type"] == "end": m.pop("crc32")
    sys.stdout.buffer.write(z.compress(msgpack.packb(m)))' "$w" > "$w.km"
        km-forecast -q --steps 2 --frames 3 "$w.km" > "$w.out"
    done
    cat other.safetensors.km mini.km | km-forecast -q --steps 2 --frames 3 > both.km
    cmp <(coords both.km) <(coords other.safetensors.out; coords mini.out)
    ! cmp -s <(coords other.safetensors.out) <(coords mini.out)
}

@test "what cannot be resumed is refused and left as it was" {
    km-forecast -q --steps 2 --frames 3 --window 2 -o f.km init.km
    mv f.km whole.km
    end=$(messages whole.km | sed -n '/^new_frames/{s/.* //p;q}')
    for n in 0 1 100 $((end - 1)); do
        head -c "$n" whole.km > f.km.part
        run --separate-stderr -3 km-forecast --resume f.km.part
        [[ $stderr == *"start the run again" ]] && [ "$(stat -c %s f.km.part)" -eq "$n" ] && [ ! -e f.km ]
    done
    run -2 km-forecast --resume whole.km
    [[ $output == *FILE.part* ]]
    run -4 km-forecast --resume none.km.part
    mv f.km.part f.part
    for other in init.km <(km-interp -q --dt 25ps whole.km); do
        head -c -9 "$other" > f.km.part
        run -3 km-forecast --resume f.km.part
        [[ $output == *"not km-forecast"* ]]
    done
    cat whole.km whole.km | head -c -9 > f.km.part
    run -3 km-forecast --resume f.km.part
    [[ $output == *"several systems"* ]]
    head -c -9 whole.km | "${PYTHON:-/usr/bin/python3}" -c '
import sys; b = bytearray(sys.stdin.buffer.read()); b[-2000] ^= 1; sys.stdout.buffer.write(b)' > f.km.part
    cp f.km.part before
    run -3 km-forecast --resume f.km.part
    [[ $output == *damaged* ]] && cmp f.km.part before && [ ! -e f.km ]
}

@test "a run that was finished needs nothing; an older result is replaced, as by the run itself" {
    km-forecast -q --steps 2 --frames 3 --window 2 -o f.km init.km
    cp f.km whole.km
    run -0 km-forecast --resume f.km.part
    [[ $output == *"nothing to do"* ]] && cmp f.km whole.km
    head -c -9 whole.km > f.km.part
    echo old > f.km
    km-forecast -q --resume f.km.part
    cmp f.km whole.km && [ ! -e f.km.part ]
    mv f.km f.km.part # killed before it got its name
    km-forecast -q --resume f.km.part
    cmp f.km whole.km && [ ! -e f.km.part ]
}

@test "without provenance the options are given again" {
    opts=(--no-pg --seed 3 --steps 2 --frames 4 --window 3 --weights mini)
    km-forecast -q "${opts[@]}" -o f.km init.km
    resumes new f.km "${opts[@]}"
    head -c -9 whole.km > f.km.part
    run -3 km-forecast --resume f.km.part
    [[ $output == *"--no-pg"* ]]
    run -3 km-forecast --resume f.km.part --no-pg --dt 20ps
    [[ $output == *"where the run's next"* ]]
    cmp f.km.part <(head -c -9 whole.km)
}

@test "an input that was generated itself is told from what is new" {
    km-forecast -q --steps 2 --frames 3 -o a.km init.km
    km-forecast -q --steps 2 --frames 3 --window 2 -o f.km a.km
    head -c "$(messages f.km | sed -n '/^new_frames/{s/.* //p;q}')" f.km > early.km.part # all of the first run and its mark, nothing of the second
    resumes_from_last_mark
    run -3 km-forecast --resume early.km.part
    [[ $output == *"before the first new frame"* ]]
    km-forecast -q --no-pg --steps 2 --frames 3 init.km > a.km
    km-forecast -q --steps 2 --frames 3 --window 2 -o f.km < a.km
    resumes_from_last_mark
    km-forecast -q --steps 2 --frames 3 -o a.km init.km
    head -c -9 a.km > a.km.part
    run -2 km-forecast --no-pg --resume a.km.part
    [[ $output == *"--no-pg"* ]]
}
resumes_from_last_mark() {
    local n
    mv f.km whole.km
    for n in $(messages whole.km | awk '/^new_frames/ { k = 0 } { at[++k] = $2 } END { for (i = 1; i <= k; i++) print at[i] }'); do
        head -c "$n" whole.km > f.km.part
        km-forecast -q --resume f.km.part
        cmp f.km whole.km
    done
}

# A run that is ended by this while it writes; the shell's background jobs would not hear of INT.
end_by() { # SIGNAL
    env --default-signal=INT km-forecast -q --threads 1 --steps 5 --frames 150 --window 2 -o f.km init.km 3>&- &
    local pid=$! n=0
    while [ "$(stat -c %s f.km.part 2> /dev/null || echo 0)" -lt 16000 ] && [ $((n++)) -lt 3000 ]; do sleep 0.01; done
    kill -"$1" "$pid"
    ! wait "$pid" && [ -e f.km.part ] && [ ! -e f.km ]
}

@test "interrupted, ended or killed while it runs, and again while it is resumed" {
    mkdir want
    cp init.km want
    (cd want && km-forecast -q --threads 1 --steps 5 --frames 150 --window 2 -o f.km init.km)
    for s in INT TERM KILL; do
        end_by $s
        km-forecast -q --resume f.km.part 3>&- &
        sleep 0.1
        kill -$s $! && ! wait $! && [ ! -e f.km ]
        km-forecast -q --resume f.km.part
        cmp f.km want/f.km
        rm f.km
    done
}

@test "a preset sets what the weights say it does, an option goes before it" {
    weights p.safetensors 'c["sampling"]["presets"] = dict(equilibrium={}, fast=dict(dt="20ps", time="60ps", steps=3, sampler="euler"))'
    km-forecast -q --weights p.safetensors --preset fast -o a.km init.km
    km-forecast -q --weights p.safetensors --dt 20ps --time 60ps --steps 3 --sampler euler -o b.km init.km
    cmp <(coords a.km) <(coords b.km)
    km-forecast -q --weights p.safetensors --preset fast --frames 1 --steps 4 -o a.km init.km
    km-forecast -q --weights p.safetensors --preset equilibrium --dt 20ps --frames 1 --steps 4 --sampler euler -o b.km init.km
    cmp <(coords a.km) <(coords b.km)
    resumes new_frames a.km
    run --separate-stderr -2 km-forecast --weights p.safetensors --preset unbinding -o out.km init.km
    [[ $stderr == *"'unbinding'"*"equilibrium, fast"* && ! -e out.km && ! -e out.km.part ]]
    run --separate-stderr -2 km-forecast --preset equilibrium -o out.km init.km
    [[ $stderr == *none* && ! -e out.km ]]
    weights bad.safetensors 'c["sampling"]["presets"] = dict(fast=dict(dt="20"))'
    run -3 km-forecast --weights bad.safetensors init.km
}

@test "another exponent of time needs --force, and then it counts" {
    km-forecast -q --frames 2 --steps 2 -o a.km init.km
    km-forecast -q --frames 2 --steps 2 --beta 1 -o b.km init.km
    cmp <(coords a.km) <(coords b.km)
    run --separate-stderr -2 km-forecast --frames 2 --beta 0.5 -o out.km init.km
    [[ $stderr == *"trained with 1"*--force* && ! -e out.km ]]
    km-forecast -q --frames 2 --steps 2 --beta 0.5 --force -o b.km init.km
    ! cmp -s <(coords a.km) <(coords b.km)
    weights half.safetensors 'c["model"]["temporal_beta"] = 0.5'
    km-forecast -q --frames 2 --steps 2 --weights half.safetensors -o a.km init.km
    cmp <(coords a.km) <(coords b.km)
    resumes new_frames b.km
    head -c -9 whole.km > b.km.part
    run -2 km-forecast --beta 0.25 --resume b.km.part
    [[ $output == *--beta* ]]
    run -2 km-forecast --beta 0 init.km
}

@test "frame after frame: whatever the threads and the neighbours, and resumed" {
    weights causal.safetensors 'c["model"]["causal"] = True'
    for t in 1 2; do km-forecast -q --no-pg --weights causal.safetensors --causal --threads $t --steps 3 --frames 5 -o $t.km init.km; done
    cmp 1.km 2.km
    km-forecast -q --weights causal.safetensors --causal --steps 3 --frames 5 --trajectories 18 -o many.km init.km
    cmp <(coords 1.km) <(coords many.km | grep '^0 ')
    [ "$(coords many.km | wc -l)" -eq $((18 * 6)) ]
    [ "$(coords many.km | cut -d' ' -f3 | sort -u | wc -l)" -eq $((18 * 5 + 1)) ]
    km-forecast -q --weights causal.safetensors --window 1 --steps 3 --frames 1 -o first.km init.km
    cmp <(coords first.km) <(coords 1.km | head -n 2)
    km-forecast -q --weights causal.safetensors --causal --steps 3 --frames 2 --trajectories 3 -o f.km init.km
    resumes new_frames f.km
    km-forecast -q --no-pg --weights causal.safetensors --causal --steps 3 --frames 3 -o three.km init.km
    cmp <(coords three.km) <(coords 1.km | head -n 4)
}

@test "frame after frame from noise" {
    weights causal.safetensors 'c["model"]["causal"] = c["sampling"]["causal"] = c["sampling"]["from_scratch"] = True'
    without_frames > none.km
    km-forecast -q --weights causal.safetensors --from-scratch --steps 3 --frames 3 -o f.km none.km
    resumes new_frames f.km
    km-forecast -q --weights causal.safetensors --from-scratch --steps 3 --frames 3 --causal -o g.km none.km
    cmp <(coords g.km) <(coords whole.km)
}

@test "frame after frame: what cannot be" {
    weights causal.safetensors 'c["model"]["causal"] = True'
    run -2 km-forecast --causal -o out.km init.km
    [[ $output == *--force* ]]
    run -2 km-forecast --weights causal.safetensors --causal --history 4 -o out.km init.km
    [[ $output == *--history* ]]
    run -2 km-forecast --weights causal.safetensors --causal --window 4 -o out.km init.km
    [[ $output == *--window* ]]
    run --separate-stderr -4 km-forecast -q --weights causal.safetensors --causal --memory 100M --frames 1000000 -o out.km init.km
    [[ $stderr == *"MB"*"--frames "* && ${#stderr_lines[@]} -eq 1 ]]
    [ ! -e out.km ] && [ ! -e out.km.part ]
    km-forecast -q --causal --force --steps 2 --frames 2 -o f.km init.km
    resumes new_frames f.km
    head -c -9 whole.km > f.km.part
    run -2 km-forecast --history 4 --resume f.km.part
    [[ $output == *--history* ]]
    run --separate-stderr km-forecast -v --weights causal.safetensors --causal --steps 2 --frames 1 init.km
    [[ $stderr == *"each frame"*MB* ]]
}

@test "a structure by itself with Boltz-2's sampler" {
    without_frames > none.km
    km-forecast -q --from-scratch --force --frames 1 --sampler boltz2 --steps 3 --seed 5 -o a.km none.km
    km-forecast -q --from-scratch --force --frames 1 --sampler boltz2 --steps 3 --seed 5 --threads 1 -o b.km none.km
    km-forecast -q --from-scratch --force --frames 1 --sampler boltz2 --steps 3 --seed 6 -o c.km none.km
    [ "$(coords a.km)" = "$(coords b.km)" ]
    [ "$(coords a.km)" != "$(coords c.km)" ]
    run --separate-stderr km-forecast --from-scratch --force --frames 1 --sampler boltz2 --steps 3 --seed 5 -o d.km init.km
    [[ $stderr == *"frames are left out"* ]]
    [ "$(coords a.km)" = "$(coords d.km)" ]
    run -2 km-forecast --from-scratch --frames 2 --sampler boltz2 none.km
    [[ $output == *"--frames 1"* ]]
    run -2 km-forecast --frames 1 --sampler boltz2 init.km
    run -2 km-forecast --from-scratch --force --frames 1 --causal --sampler boltz2 none.km
    [[ $output == *causal* ]]
    weights w.safetensors 'c["sampling"]["sampler"] = "boltz2"'
    run -2 km-interp --weights w.safetensors init.km
    [[ $output == *boltz2* ]]
}

@test "BioKinema's weights, from a structure to frames; the exponent is asked for, features and windows are checked" {
    cd "$BATS_TEST_DIRNAME/../.."
    T=$BATS_TEST_TMPDIR
    cp tests/data/torch/biokinema.pt "$T/x_sqrt.pt"
    run --separate-stderr bash -o pipefail -c "km-tokenize -q --family biokinema tests/data/dipeptide.pdb |
        km-trunk -q --weights '$T/x_sqrt.pt' >'$T/init.km'"
    [ "$status" -eq 0 ]
    run --separate-stderr km-forecast -q --dt 1ns --time 3ns --trajectories 2 -o "$T/a.km" "$T/init.km"
    [ "$status" -eq 0 ]
    run --separate-stderr bash -o pipefail -c "km-interp -q --dt 500ps '$T/a.km' | km-info"
    [ "$status" -eq 0 ]
    [[ $output == *"frames: 14"* ]]
    # it has OXT, which the reference is read without
    km-eval --ref tests/data/dipeptide.xtc --top tests/data/dipeptide.pdb "$T/a.km" | grep -q '^a.km '
    km-forecast -q --no-pg --dt 1ns --time 3ns --trajectories 2 --seed 2 --preset ligand -o "$T/b.km" "$T/init.km"
    ! cmp -s "$T/a.km" "$T/b.km"
    km-forecast -q --no-pg --dt 1ns --time 3ns --stage 2 -o "$T/s.km" "$T/init.km"
    km-info "$T/s.km" | grep -qx '  frames: 4'
    run --separate-stderr km-forecast -q --stage 2 --sampler boltz2 --from-scratch --frames 1 -o "$T/d.km" "$T/init.km"
    [ "$status" -eq 2 ]
    run --separate-stderr km-forecast -q --weights tests/data/torch/biokinema.pt --frames 1 "$T/init.km" -o "$T/c.km"
    [ "$status" -eq 2 ]
    [[ $stderr == *"do not say their exponent of time: give it with --beta" ]]
    km-forecast -q --weights tests/data/torch/biokinema.pt --beta 0.5 --frames 1 "$T/init.km" -o "$T/c.km"
    run --separate-stderr km-forecast -q --beta 0.25 --frames 1 "$T/init.km" -o "$T/d.km"
    [ "$status" -eq 2 ]
    [[ $stderr == *"--beta 0.25: the weights were trained with 0.5"* ]]
    run --separate-stderr km-forecast -q --window 1024 --time 2us --dt 1ns "$T/init.km" -o "$T/d.km"
    [ "$status" -eq 2 ]
    [[ $stderr == *"a window of 1025 frames: models of the family biokinema see at most 1024"* ]]
    run --separate-stderr km-forecast -q --causal --frames 1 --force "$T/init.km" -o "$T/d.km"
    [ "$status" -eq 2 ]
    km-tokenize -q -o "$T/plain.km" tests/data/dipeptide.pdb
    run --separate-stderr km-trunk -q --weights "$T/x_sqrt.pt" "$T/plain.km" -o "$T/d.km"
    [ "$status" -eq 3 ]
    [[ $stderr == *"the stream has features of boltz2, the weights"*"are of the family biokinema" ]]
    run --separate-stderr km-trunk -q --weights mini "$T/init.km" -o "$T/d.km"
    [ "$status" -eq 3 ]
    [ ! -e "$T/d.km" ]
}
