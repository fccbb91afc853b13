#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What every program promises of its command line and its standard streams, over all programs that are built.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    programs=$(cd "$KM_BUILD/bin" && ls km-*)
    [ -n "$programs" ]
    pdb=tests/data/dipeptide.pdb
    dir=$BATS_TEST_TMPDIR/files # bats keeps files of its own beside it
    mkdir "$dir"
}

# What follows holds of every program, or the test says of which it does not.
each() { # FUNCTION
    local bad=
    for p in $programs; do "$1" "$p" || { echo "$p: $1"; bad=1; }; done
    [ -z "$bad" ]
}

one_line() { # PROGRAM, after run --separate-stderr
    [ "${#stderr_lines[@]}" -eq 1 ] && [[ $stderr == "$1: "* ]]
}

help_is_good() {
    run --separate-stderr "$1" -h
    [ "$status" -eq 0 ] && [ -z "$stderr" ] && [[ ${lines[0]} == "usage: $1 "* ]] || return 1
    [[ $output == *"common options:"* && $output == *"--seed N"* ]] || return 1
    local short=$output
    run --separate-stderr "$1" --help
    [ "$output" = "$short" ]
}

@test "-h goes to standard output and ends with 0" {
    each help_is_good
}

version_is_good() {
    run --separate-stderr "$1" --version
    [ "$status" -eq 0 ] && [ -z "$stderr" ] && [[ ${lines[0]} == "$1 (kinematic) "[0-9]* ]] &&
        [[ $output == *"build: "* && $output =~ processor:\ (base|avx2|avx512) && $output == *"devices: cpu"* ]]
}

@test "--version says version, build, instruction set and devices" {
    each version_is_good
}

unknown_is_refused() {
    run --separate-stderr "$1" --progres never </dev/null
    [ "$status" -eq 2 ] && [ -z "$output" ] && one_line "$1" && [[ $stderr == *"did you mean '--progress'?"* ]] || return 1
    run --separate-stderr "$1" --threads 1.5 </dev/null
    [ "$status" -eq 2 ] && [ -z "$output" ] && one_line "$1" && [[ $stderr == *"--threads"*"whole number"* ]] || return 1
    run --separate-stderr "$1" '-?' </dev/null
    [ "$status" -eq 2 ] && one_line "$1"
}

@test "misuse is one line on standard error and status 2" {
    each unknown_is_refused
}

closed_is_found() {
    run --separate-stderr bash -c '"$0" -h >&-' "$1"
    [ "$status" -eq 4 ] && one_line "$1" && [[ $stderr == *"standard output"* ]]
}

@test "a closed standard output is found" {
    each closed_is_found
}

full_is_found() {
    run --separate-stderr bash -c '"$0" -h >/dev/full' "$1"
    [ "$status" -eq 4 ] && one_line "$1" && [[ $stderr == *"No space left"* ]]
}

@test "a full disk is found" {
    [ -e /dev/full ] || skip "no /dev/full"
    each full_is_found
}

# The reader is gone before the program starts, and the parent ignores SIGPIPE: no luck is involved.
into_broken_pipe='$SIG{PIPE} = $ENV{HOW}; pipe(R, W); close R; open(STDOUT, ">&", *W); exec @ARGV; die'

broken_pipe_is_quiet() {
    for how in DEFAULT IGNORE; do
        HOW=$how run --separate-stderr perl -e "$into_broken_pipe" "$1" -h
        [ "$status" -eq 141 ] && [ -z "$stderr" ] || return 1
    done
}

@test "a broken pipe ends a program quietly, by the signal" {
    each broken_pipe_is_quiet
}

no_device_is_refused() {
    run --separate-stderr "$1" --device cuda:99 </dev/null
    # too few operands is found first
    [ "$status" -eq 2 ] && [[ $stderr == *"operand"* ]] && return 0
    [ "$status" -eq 5 ] && one_line "$1" && [[ $stderr =~ "no CUDA library"|"no NVIDIA driver"|"no device 99" ]]
}

@test "a device that is not there is status 5" {
    each no_device_is_refused
}

@test "binary data is not written to a terminal" {
    command -v script >/dev/null || skip "no script(1)"
    km-tokenize -q -o "$dir/x.km" "$pdb"
    run script -qec "km-tokenize $pdb" /dev/null
    [ "$status" -eq 2 ]
    [[ $output == *terminal* ]]
    [ -x "$KM_BUILD/bin/km-cut" ] || return 0
    run script -qec "km-cut $dir/x.km" /dev/null
    [ "$status" -eq 2 ]
    [[ $output == *terminal* ]]
}

@test "output into a full device is status 4, and the device stays" {
    [ -e /dev/full ] || skip "no /dev/full"
    run --separate-stderr km-tokenize -q -o /dev/full "$pdb"
    [ "$status" -eq 4 ]
    one_line km-tokenize
    [ -c /dev/full ]
    [ ! -e /dev/full.part ]
    run --separate-stderr bash -c 'km-tokenize -q "$0" >/dev/full' "$pdb"
    [ "$status" -eq 4 ]
    one_line km-tokenize
}

@test "a binary stream into a closed standard output is status 4" {
    run --separate-stderr bash -c 'km-tokenize -q "$0" >&-' "$pdb"
    [ "$status" -eq 4 ]
    one_line km-tokenize
}

@test "a closed standard input is an error, not another file" {
    run --separate-stderr bash -c 'km-tokenize -q -o "$0" <&-' "$dir/none.km"
    [ "$status" -ge 3 ]
    one_line km-tokenize
    [ -z "$(ls "$dir")" ]
}

@test "refused input leaves neither the file nor its part" {
    head -c 200 "$pdb" | tr 'A-Z' '#' >"$dir/bad.pdb"
    run --separate-stderr km-tokenize -q -o "$dir/out.km" "$dir/bad.pdb"
    [ "$status" -eq 3 ]
    one_line km-tokenize
    [ "$(ls "$dir")" = bad.pdb ]
}

@test "a program that waits for its input ends by SIGTERM" {
    mkfifo "$dir/in"
    km-tokenize <"$dir/in" >"$dir/out" 2>"$dir/err" 3>&- &
    pid=$!
    exec 4>"$dir/in"
    # the handler is in place when the program sleeps in its read of the pipe
    for _ in $(seq 200); do
        grep -q '^State:.*sleeping' "/proc/$pid/status" && grep -q '^SigCgt:.*[4-7c-f]...$' "/proc/$pid/status" && break
        sleep 0.05
    done
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    exec 4>&-
    [ "$status" -eq 143 ]
    [ ! -s "$dir/err" ]
}
