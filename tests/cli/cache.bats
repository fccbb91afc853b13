# SPDX-License-Identifier: MIT
# The trunk's results in a folder: km-trunk --cache writes and reads them, km-train --trunk reads them.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    T=$BATS_TEST_TMPDIR
    pdb=pipelines/mini/examples/LGE.pdb
    printf '>q\nLGE\n>r\nkLA-\n' >"$T/a.a3m"
}

the_file() { ls "$T"/cache/*.h5; }

@test "computed, kept, read again: the same bytes" {
    km-tokenize -q --no-pg "$pdb" >"$T/in.km"
    km-trunk --no-pg --weights mini --cache "$T/cache" "$T/in.km" >"$T/fresh.km"
    [ "$(the_file | wc -l)" -eq 1 ]
    [[ "$(basename "$(the_file)")" =~ ^[0-9a-f]{64}\.h5$ ]]
    touch -d 2001-01-01 "$(the_file)"
    km-trunk --no-pg --weights mini --cache "$T/cache" - <"$T/in.km" >"$T/read.km"
    cmp "$T/fresh.km" "$T/read.km"
    [ "$(date -r "$(the_file)" +%Y)" -eq 2001 ]
    # other recycles, another alignment: other files
    km-trunk --no-pg --weights mini --recycles 2 --cache "$T/cache" "$T/in.km" >/dev/null
    km-tokenize -q --msa A="$T/a.a3m" "$pdb" | km-trunk --weights mini --cache "$T/cache" >/dev/null
    [ "$(the_file | wc -l)" -eq 3 ]
}

@test "a stranger reads it: half precision, and near what is not stored" {
    km-tokenize -q --no-pg "$pdb" >"$T/in.km"
    km-trunk --no-pg --weights mini "$T/in.km" >"$T/exact.km"
    km-trunk --no-pg --weights mini --cache "$T/cache" "$T/in.km" >"$T/fresh.km"
    run /usr/bin/python3 -c '
import sys, h5py, msgpack, numpy, zstandard
def read(path):
    parts = {}
    for m in msgpack.Unpacker(zstandard.ZstdDecompressor().stream_reader(open(path, "rb"), read_across_frames=True)):
        if m["type"] == "rows": parts[m["of"]] = numpy.frombuffer(m["data"], "<f4")
    return parts
exact, fresh, h5 = read(sys.argv[1]), read(sys.argv[2]), h5py.File(sys.argv[3])
assert h5.attrs["key"].decode() in sys.argv[3] and h5.attrs["recycles"] >= 0
for name in ("s_inputs", "s", "z"):
    assert h5[name].dtype == numpy.float16
    a, b = exact["trunk." + name], fresh["trunk." + name]
    assert (h5[name][:].ravel().astype("f4") == b).all() and (a.astype("f2").astype("f4") == b).all() and (a != b).any()
' "$T/exact.km" "$T/fresh.km" "$(the_file)"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "a damaged entry is named and computed again" {
    km-tokenize -q --no-pg "$pdb" >"$T/in.km"
    km-trunk --no-pg --weights mini --cache "$T/cache" "$T/in.km" >"$T/fresh.km"
    file=$(the_file)
    cp "$file" "$T/whole.h5"
    n=$(stat -c %s "$file")
    for k in 0 100 $((n / 2)) $((n - 1)); do
        head -c "$k" "$T/whole.h5" >"$file"
        run --separate-stderr bash -c "km-trunk --no-pg --weights mini --cache '$T/cache' '$T/in.km' >'$T/again.km'"
        [ "$status" -eq 0 ]
        [[ "$stderr" == *"$(basename "$file")"*"computed again"* ]]
        cmp "$T/fresh.km" "$T/again.km"
        cmp "$T/whole.h5" "$file"
    done
    run --separate-stderr km-trunk --weights mini --cache "$T/in.km" "$T/in.km"
    [ "$status" -eq 4 ]
    mkdir "$T/locked"
    : >"$T/file"
    run --separate-stderr km-trunk --weights mini --cache "$T/file/x" "$T/in.km"
    [ "$status" -eq 4 ]
}

@test "a data set's entry, and training with it" {
    km-strip -q --top "$pdb" --msa A="$T/a.a3m" -o "$T/x.h5" pipelines/mini/examples/LGE.xtc 
    km-info "$T/x.h5" | grep 'msa: rows 2'
    run --separate-stderr km-trunk --weights mini --cache "$T/cache" "$T/x.h5"
    [ "$status" -eq 0 ] && [ -z "$output" ] && [ "$(the_file | wc -l)" -eq 1 ]
    small="batch=2 windows=1 validation_windows=2 validation_samples=0 max_steps=2 checkpoint_every=2 validate_every=2 frames.max=5 train=score_model.*"
    train() { km-train -q --config mini --data "$T/x.h5" --init mini "$@" $small; }
    train --trunk "$T/cache" -o "$T/run"
    [ -s "$T/run/last.safetensors" ]
    grep -q '"step": *2' "$T/run/log.jsonl"
    run --separate-stderr train --trunk "$T/none" -o "$T/other"
    [ "$status" -eq 3 ]
    [[ "$stderr" == *"x.h5"*"km-trunk --weights"*"--cache"* ]]
    head -c 300 "$(the_file)" >"$T/cut" && cp "$T/cut" "$(the_file)"
    run --separate-stderr train --trunk "$T/cache" -o "$T/another"
    [ "$status" -eq 3 ]
    run --separate-stderr km-trunk --weights mini --cache "$T/cache" -o "$T/y.km" "$T/x.h5"
    [ "$status" -eq 2 ]
}

@test "results of other weights, recycles or rows are told apart, and read as they are wanted" {
    for name in one two; do
        km-strip -q --top "$pdb" --msa A="$T/a.a3m" -o "$T/$name.h5" pipelines/mini/examples/LGE.xtc
    done
    small="batch=2 windows=1 validation_windows=2 validation_samples=0 max_steps=2 checkpoint_every=2 validate_every=2 frames.max=5 train=score_model.*"
    train() { km-train -q --config mini --data "$T/one.h5" --data "$T/two.h5" --init mini --trunk "$T/cache" "$@" $small; }
    km-trunk --weights mini --recycles 1 --msa-depth 1 --seed 5 --cache "$T/cache" "$T/one.h5"
    run --separate-stderr train -o "$T/none"
    [ "$status" -eq 3 ]
    [[ "$stderr" == *"one.h5: no result"*"--cache' makes it"* && "$stderr" != *"(one "* ]]
    run --separate-stderr train -o "$T/none" trunk.msa_depth=1 trunk.msa_seed=5
    [ "$status" -eq 3 ]
    [[ "$stderr" == *"one.h5: no result"*"(one after 1 recycles)"*"--msa-depth 1 --seed 5 --cache' makes it"* ]]
    train -o "$T/run" trunk.msa_depth=1 trunk.msa_seed=5 trunk.recycles=1
    train -o "$T/small" --trunk-memory 1K trunk.msa_depth=1 trunk.msa_seed=5 trunk.recycles=1
    cmp "$T/run/last.safetensors" "$T/small/last.safetensors"
    # weights trained a little are other weights
    km-train -q --config mini --data "$T/one.h5" -o "$T/other" $small train='*' >/dev/null
    run --separate-stderr km-train -q --config mini --data "$T/one.h5" --init "$T/other" --trunk "$T/cache" -o "$T/none" \
        $small trunk.msa_depth=1 trunk.msa_seed=5 trunk.recycles=1
    [ "$status" -eq 3 ]
    [[ "$stderr" == *"(one by other weights, mini "* ]]
}
