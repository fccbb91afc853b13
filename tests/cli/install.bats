#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# make install: what lands where, that others can use it, and that nothing stays behind.

setup_file() {
    cd "$BATS_TEST_DIRNAME/../.."
    export DESTDIR=$BATS_FILE_TMPDIR/dest PREFIX=/opt/km VERSION=0.1.0
    sh tools/install.sh "$KM_BUILD"
    export ROOT=$DESTDIR$PREFIX
    export PKG_CONFIG_PATH=$ROOT/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$DESTDIR LD_LIBRARY_PATH=$ROOT/lib
}

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
}

@test "programs, library, headers and pages are there" {
    for p in "$KM_BUILD"/bin/km-*; do [ -x "$ROOT/bin/$(basename "$p")" ]; done
    [ "$(readlink -f "$ROOT/lib/libkm.so")" = "$ROOT/lib/libkm.so.0.1.0" ]
    [ "$(readlink "$ROOT/lib/libkm.so.0")" = libkm.so.0.1.0 ]
    [ -f "$ROOT/include/kinematic.h" ]
    [ -f "$ROOT/include/kinematic/lib/base/err.h" ]
    [ -f "$ROOT/share/man/man7/km.7" ]
}

@test "an installed program runs" {
    for p in "$ROOT"/bin/km-*; do "$p" --version | grep -q '(kinematic) 0.1.0'; done
}

@test "five lines of C against the installed library" {
    cat >"$BATS_TEST_TMPDIR/five.c" <<'C'
#include <kinematic.h>
int main(void) {
    km_system *s = km_system_new(); km_err err;
    return km_system_check(s, &err) == KM_INPUT && puts(err.msg) >= 0 ? 0 : 1;
}
C
    cd "$BATS_TEST_TMPDIR"
    cc -std=c11 -Wall -Werror $(pkg-config --cflags kinematic) five.c -o five $(pkg-config --libs kinematic)
    run ./five
    [ "$status" -eq 0 ]
    [ "$output" = "system: no atoms" ]
}

@test "the same from C++" {
    cat >"$BATS_TEST_TMPDIR/five.cc" <<'C'
#include <kinematic.h>
#include <cstdio>
int main() { km_traj *t; km_err err; return km_traj_open("none", &t, &err) < 0 && std::puts(err.msg) >= 0 ? 0 : 1; }
C
    cd "$BATS_TEST_TMPDIR"
    c++ -std=c++17 -Wall -Werror $(pkg-config --cflags kinematic) five.cc -o five $(pkg-config --libs kinematic)
    run ./five
    [ "$status" -eq 0 ]
    [[ $output == *none* ]]
}

@test "a stream read from Python through ctypes" {
    km-tokenize -o "$BATS_TEST_TMPDIR/x.km" tests/data/dipeptide.pdb
    run python3 pipelines/examples/read_stream.py "$ROOT/lib/libkm.so" "$BATS_TEST_TMPDIR/x.km"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[0]} =~ ^system\ dipeptide\ [0-9]+\ atoms\ 2\ residues\ 1\ chains$ ]]
    mean=$(awk '/^ATOM/ && substr($0, 77, 2) !~ /H/ && substr($0, 13, 4) !~ /OXT/ { n++; for (k = 0; k < 3; k++) s[k] += substr($0, 31 + 8 * k, 8) }
        END { printf "%.3f %.3f %.3f", s[0] / n, s[1] / n, s[2] / n }' tests/data/dipeptide.pdb)
    [ "${lines[1]}" = "frame 0 0 ns $mean" ]
}

@test "a cut stream is an error in Python too" {
    km-tokenize tests/data/dipeptide.pdb | head -c -5 >"$BATS_TEST_TMPDIR/cut.km"
    run python3 pipelines/examples/read_stream.py "$ROOT/lib/libkm.so" "$BATS_TEST_TMPDIR/cut.km"
    [ "$status" -eq 3 ]
    [[ $output == *truncated* ]]
}

@test "remove leaves nothing of ours, and what is not ours" {
    export DESTDIR=$BATS_TEST_TMPDIR/again
    sh tools/install.sh "$KM_BUILD"
    touch "$DESTDIR$PREFIX/bin/other"
    sh tools/install.sh --remove "$KM_BUILD"
    [ "$(find "$DESTDIR" ! -type d)" = "$DESTDIR$PREFIX/bin/other" ]
    [ ! -e "$DESTDIR$PREFIX/share/kinematic" ]
    [ ! -e "$DESTDIR$PREFIX/include/kinematic" ]
    run sh tools/install.sh --remove "$KM_BUILD"
    [ "$status" -eq 1 ]
    [[ $output == *"nothing of kinematic is installed"* ]]
}
