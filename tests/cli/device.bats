#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# --device cuda, with the emulator as the CUDA library, and without one.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return 1
    emulated="$KM_BUILD/tests/unit"
    [ -e "$emulated/libkm-cuda.so" ] || skip "the emulator is not built"
    pdb=tests/data/dipeptide.pdb
}

@test "a forecast on the device agrees with the processor's" {
    km-tokenize -q "$pdb" | km-trunk -q --device cpu >"$BATS_TEST_TMPDIR/init.km"
    LD_LIBRARY_PATH=$emulated km-forecast -q --device cuda --frames 2 --steps 2 --no-pg -o "$BATS_TEST_TMPDIR/cuda.km" "$BATS_TEST_TMPDIR/init.km"
    km-forecast -q --device cpu --frames 2 --steps 2 --no-pg -o "$BATS_TEST_TMPDIR/cpu.km" "$BATS_TEST_TMPDIR/init.km"
    for d in cpu cuda; do km-export -q "$BATS_TEST_TMPDIR/$d.km" "$BATS_TEST_TMPDIR/$d.pdb"; done
    # bfloat16 against float32, two steps from noise of many angstroms
    run -0 awk '/^ATOM/ || /^HETATM/ { for (i = 0; i < 3; i++) { v = substr($0, 31 + 8 * i, 8); if (NR == FNR) a[n++] = v; else d += (v - a[m++])^2 } }
        END { d = sqrt(d / n); print d, n, m; exit !(n > 20 && n == m && d < 0.5) }' "$BATS_TEST_TMPDIR/cpu.pdb" "$BATS_TEST_TMPDIR/cuda.pdb"
}

@test "a device that does not exist is status 5 with the reason" {
    LD_LIBRARY_PATH=$emulated run --separate-stderr km-info --device cuda:7 "$pdb"
    [ "$status" -eq 5 ]
    [[ $stderr == "km-info: --device cuda:7: no device 7: there is 1, counted from 0" ]]
}

@test "a library of another version is refused" {
    cat >"$BATS_TEST_TMPDIR/a.c" <<'C'
const char *km_cuda_version(void) { return "0"; }
void *km_cuda_backend(void) { return 0; }
C
    gcc -shared -fPIC -o "$BATS_TEST_TMPDIR/libkm-cuda.so" "$BATS_TEST_TMPDIR/a.c"
    LD_LIBRARY_PATH=$BATS_TEST_TMPDIR run --separate-stderr km-info --device cuda "$pdb"
    [ "$status" -eq 5 ]
    [[ $stderr == *"not of version"* ]]
}

@test "without a GPU --device cuda is status 5, one line" {
    run --separate-stderr km-info --device cuda:99 "$pdb"
    [ "$status" -eq 5 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
}
