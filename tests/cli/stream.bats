# SPDX-License-Identifier: MIT
# The stream between programs: read by a stranger, cut, damaged, concatenated, interrupted.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    T=$BATS_TEST_TMPDIR
    /usr/bin/python3 tests/data/make_stream.py 4 2 >"$T/in.km"
}

@test "a stranger reads it with the lines of km-stream(5)" {
    km-cut -o "$T/cut.km" "$T/in.km"
    sed -n '/^\.Bd -literal/,/^\.Ed/p' man/km-stream.5 | grep -v '^\.' | sed 's/\\e/\\/g' >"$T/read.py"
    [ "$(wc -l <"$T/read.py")" -le 10 ]
    run --separate-stderr /usr/bin/python3 "$T/read.py" "$T/cut.km"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 8 ]
    [ "${lines[1]}" = "1 0.0 16" ]
    [ "${lines[7]}" = "1 0.15 16" ]
}

@test "messages and keys that nobody knows are passed on byte for byte" {
    km-cut --no-pg -o "$T/cut.km" "$T/in.km"
    run /usr/bin/python3 -c '
import sys, msgpack, zstandard
read = lambda p: list(msgpack.Unpacker(zstandard.ZstdDecompressor().stream_reader(open(p, "rb"), read_across_frames=True)))
a, b = read(sys.argv[1]), read(sys.argv[2])
b[-1].pop("crc32")
for m in a + b:
    if m["type"] == "trunk": m.update(weights_path="", weights_digest="")
assert a[0].pop("provenance")[0]["program"] == b[0].pop("provenance")[0]["program"]
assert a == b and a[0]["colour"] == "blue" and [m["type"] for m in a].count("remark") == 1
' "$T/in.km" "$T/cut.km"
    [ "$status" -eq 0 ]
}

@test "a filter of a filter changes nothing" {
    km-cut --no-pg "$T/in.km" >"$T/one.km"
    bash -o pipefail -c "km-cut --no-pg '$T/one.km' | km-cut --no-pg - | km-cut --no-pg >'$T/two.km'"
    cmp "$T/one.km" "$T/two.km"
}

@test "two streams one behind the other are a stream" {
    cat "$T/in.km" "$T/in.km" >"$T/both.km"
    run --separate-stderr bash -o pipefail -c "km-cut <'$T/both.km' | km-info --json"
    [ "$status" -eq 0 ]
    [ "$(grep -c '"name": "AGS"' <<<"$output")" -eq 2 ]
}

@test "truncated input: what was whole is written, no end, exit 3" {
    n=$(stat -c %s "$T/in.km")
    for k in 5 9 13; do
        head -c $((n * k / 14)) "$T/in.km" >"$T/cut.km"
        run --separate-stderr bash -c "km-cut <'$T/cut.km' >'$T/out.km'"
        [ "$status" -eq 3 ]
        [[ "$stderr" == km-cut:*truncated* ]]
        run --separate-stderr km-info "$T/out.km"
        [ "$status" -eq 3 ]
    done
    [[ "$output" == *"trajectories"* ]]
}

@test "every cut and every changed byte is found" {
    run /usr/bin/python3 -c '
import subprocess, sys
path, work = sys.argv[1:]
data = open(path, "rb").read()
def status(b):
    open(work, "wb").write(b)
    return subprocess.run(["km-info", "--verify", work], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
step = max(1, len(data) // 60)
for k in range(0, len(data), step):
    assert status(data[:k]) == 3, ("cut", k)
    assert status(data[:k] + bytes([data[k] ^ 0x55]) + data[k + 1:]) == 3, ("changed", k)
assert status(data) == 0
' "$T/in.km" "$T/work.km"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "what is no stream is refused and leaves no file" {
    printf 'hello, world' >"$T/text"
    : >"$T/empty"
    for f in text empty; do
        run --separate-stderr km-cut -o "$T/out.km" "$T/$f"
        [ "$status" -eq 3 ]
        [[ "$stderr" == *"$f"* ]]
        [ ! -e "$T/out.km" ]
        [ ! -e "$T/out.km.part" ]
    done
    run --separate-stderr km-cut "$T/absent.km"
    [ "$status" -eq 4 ]
}

@test "a closed pipe is quiet, a full disk is not" {
    run --separate-stderr bash -c "km-cut '$T/in.km' | true"
    [ -z "$stderr" ]
    run --separate-stderr bash -c "km-info '$T/in.km' | true"
    [ -z "$stderr" ]
    run --separate-stderr bash -c "km-cut '$T/in.km' >/dev/full"
    [ "$status" -eq 4 ]
    run --separate-stderr bash -c "km-info '$T/in.km' >/dev/full"
    [ "$status" -eq 4 ]
}

@test "messages leave while input is still open" {
    mkfifo "$T/pipe"
    km-cut <"$T/pipe" >"$T/out.km" &
    pid=$!
    exec 7>"$T/pipe"
    cat "$T/in.km" >&7
    for _ in $(seq 100); do
        km-info "$T/out.km" >/dev/null 2>&1 && break
        sleep 0.05
    done
    run km-info "$T/out.km"
    exec 7>&-
    wait $pid
    [ "$status" -eq 0 ]
}

@test "interrupted: whole messages stay in F.part" {
    mkfifo "$T/pipe"
    km-cut -o "$T/out.km" <"$T/pipe" &
    pid=$!
    exec 7>"$T/pipe"
    head -c $(($(stat -c %s "$T/in.km") - 60)) "$T/in.km" >&7
    for _ in $(seq 100); do
        [ -s "$T/out.km.part" ] && break
        sleep 0.05
    done
    kill -INT $pid
    sleep 0.1
    exec 7>&-
    run wait $pid
    [ ! -e "$T/out.km" ]
    run --separate-stderr km-info "$T/out.km.part"
    [ "$status" -eq 3 ]
    [[ "$stderr" == *truncated* ]]
}
