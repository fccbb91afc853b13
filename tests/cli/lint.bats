#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# tests/lint.sh finds what it says it finds: a small tree, spoiled in one way a test.

setup() {
    tree=$BATS_TEST_TMPDIR/tree
    mkdir -p "$tree/tests" "$tree/lib/base" "$tree/lib/nn" "$tree/kernels/cpu" "$tree/kernels/ref" "$tree/formats" \
        "$tree/tools" "$tree/man" "$tree/bin"
    cp "$BATS_TEST_DIRNAME/../lint.sh" "$tree/tests/"
    cd "$tree"
    printf '/* SPDX-License-Identifier: MIT */\n#include "lib/base/err.h"\n' | tee lib/base/a.c lib/nn/a.c formats/a.c >/dev/null
    printf '/* SPDX-License-Identifier: MIT */\nKM_KERNEL(add_fwd, (int n))\n' >kernels/kernels.def
    printf '/* SPDX-License-Identifier: MIT */\nvoid KM_CPU(add_fwd)(int n) {}\n' >kernels/cpu/a.c
    printf '/* SPDX-License-Identifier: MIT */\nvoid km_ref_add_fwd(int n) {}\n' >kernels/ref/a.c
    printf '/* SPDX-License-Identifier: MIT */\n' >tools/km-a.c
    printf '#!/bin/sh\nprintf "usage: km-a\\n\\noptions:\\n  -o, --output FILE  write\\n      --dry-run      try\\n"\n' >bin/km-a
    chmod +x bin/km-a
    page --output --dry-run
}

page() { # OPTION...
    printf '.\\" SPDX-License-Identifier: MIT\n.Dd January 1, 2026\n.Dt KM-A 1\n.Os\n.Sh NAME\n.Nm km-a\n.Nd a\n.Sh DESCRIPTION\nText.\n' >man/km-a.1
    printf '.Bl -tag -width Ds\n' >>man/km-a.1
    for o; do printf '.It Fl o , Fl %s\nText.\n' "${o#-}"; done >>man/km-a.1
    printf '.El\n' >>man/km-a.1
}

lint() { KM_BUILD=$tree run sh tests/lint.sh "$@"; }

refused() { # TEXT, after lint
    [ "$status" -eq 1 ] && [[ $output == *"$1"* ]] && [ "${#lines[@]}" -eq 1 ]
}

@test "a clean tree passes" {
    lint
    [ "$status" -eq 0 ] && [ -z "$output" ]
}

@test "an include that goes upward" {
    echo '#include "lib/nn/a.h"' >>lib/base/a.c
    lint
    refused 'lib/base/a.c:3: lib/base/ may not include lib/nn/a.h'
}

@test "an include of a kernel from a layer" {
    echo '# include "kernels/cpu/cpu.h"' >>lib/nn/a.c
    lint
    refused 'lib/nn/a.c:3: lib/nn/ may not include kernels/cpu/cpu.h'
}

@test "an include of a format in a kernel" {
    echo '#include "formats/km.h"' >>kernels/cpu/a.c
    lint
    refused 'kernels/cpu/a.c:3: kernels/ may not include formats/km.h'
}

@test "a page that mandoc warns about" {
    printf '.Xx nonsense\n' >>man/km-a.1
    lint pages
    [ "$status" -eq 1 ] && [[ $output == *km-a.1* ]]
}

@test "an option that the page lacks, and one that the program lacks" {
    page --output
    lint
    refused 'man/km-a.1: --dry-run of km-a -h is missing'
    page --output --dry-run --force
    lint
    refused 'man/km-a.1: --force is not an option of km-a'
}

@test "a program without a page" {
    rm man/km-a.1
    lint options
    refused 'tools/km-a.c: there is no man/km-a.1'
}

@test "a place of one machine" {
    printf 'see /%s/me/notes\n' home >lib/README.md
    lint
    refused 'lib/README.md:1: names a place of one machine'
    printf '/%s/x\n' tmp >lib/README.md
    lint
    refused 'lib/README.md:1: names a place of one machine'
}

@test "a file that is too long" {
    for i in $(seq 800); do echo '/* */'; done >>formats/a.c
    lint
    refused 'formats/a.c: 802 lines; 800 are the most'
}

@test "a line that is too wide" {
    printf '/* %0114d */\n/* %0115d */\n' 0 0 >>formats/a.c
    lint
    refused 'formats/a.c:4: longer than 120 columns'
}

@test "a file without a licence" {
    echo 'int x;' >formats/a.c
    lint
    refused 'formats/a.c:1: no SPDX line'
}

@test "a kernel without a reference, and one without a function" {
    echo 'KM_KERNEL(mul_fwd, (int n))' >>kernels/kernels.def
    echo 'void KM_CPU(mul_fwd)(int n) {}' >>kernels/cpu/a.c
    lint
    refused 'mul_fwd has no function in kernels/ref'
    echo 'void km_ref_mul_fwd(int n) {}' >>kernels/ref/a.c
    sed -i '$d' kernels/cpu/a.c
    lint
    refused 'mul_fwd has no function in kernels/cpu'
}

@test "a header that names a test that is not there" {
    printf ' * Tests: tests/lint.sh, tests/cli/a.bats */\n' >>lib/base/a.c
    lint
    refused 'lib/base/a.c:3: there is no tests/cli/a.bats'
    mkdir tests/cli
    touch tests/cli/a.bats
    lint
    [ "$status" -eq 0 ]
}
