#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/lint.sh [CHECK...]: what the compiler does not see. One line an offence, exit 1 when there is any.
# Programs are looked for in $KM_BUILD/bin (build/bin); those not built are not compared with their pages.
set -u
cd "$(dirname "$0")/.." || exit 4
bin=${KM_BUILD:-build}/bin
found=$(mktemp); trap 'rm -f "$found"' EXIT
files=$(git ls-files 2>/dev/null) || files=
[ -n "$files" ] || files=$(find . -path ./build -prune -o -type f -print | sed 's,^\./,,')
of_kind() { printf '%s\n' "$files" | grep -E "$1" | while read -r f; do [ -f "$f" ] && echo "$f"; done; }

# Who may include whom, as prefixes of paths. The first line that fits a file is its rule.
rules='
lib/base/    lib/base/
lib/tensor/  lib/base/ lib/tensor/ kernels/backend.h kernels/kernels.def formats/
lib/nn/      lib/base/ lib/tensor/ lib/nn/ formats/
lib/model/   lib/base/ lib/tensor/ lib/nn/ lib/model/ formats/
lib/chem/    lib/base/ lib/chem/ formats/
lib/traj/    lib/base/ lib/chem/ lib/traj/ formats/
lib/plot/    lib/base/ lib/plot/
lib/fetch/   lib/base/ lib/fetch/ formats/
lib/sample/  lib/base/ lib/tensor/ lib/nn/ lib/model/ lib/chem/ lib/traj/ lib/sample/ formats/
lib/train/   lib/ formats/
lib/         lib/ formats/
kernels/     lib/base/ kernels/
formats/     lib/base/ formats/
tools/       tools/ lib/ formats/ kernels/backend.h
tests/       tests/ tools/ lib/ kernels/ formats/ pipelines/mini/copies.c
'
check_layers() {
    of_kind '\.(c|h|cc|cu|cuh)$' | xargs grep -Hno '^ *# *include *"[^"]*"' /dev/null | RULES=$rules awk -F: '
        BEGIN {
            n = split(ENVIRON["RULES"], line, "\n")
            for (i = 1; i <= n; i++) if (split(line[i], w, " ") > 1) { from[++m] = w[1]; allowed[m] = line[i] }
        }
        {
            to = $3; sub(/^[^"]*"/, "", to); sub(/"$/, "", to)
            rule = 0
            for (i = m; i >= 1; i--) if (index($1, from[i]) == 1) rule = i
            if (!rule) next
            good = 0
            k = split(allowed[rule], w, " ")
            for (j = 2; j <= k; j++) if (index(to, w[j]) == 1) good = 1
            if (!good) printf "%s:%s: %s may not include %s\n", $1, $2, from[rule], to
        }'
}

check_pages() {
    set -- man/*
    [ -e "$1" ] || return 0
    mandoc -T lint -W warning "$@" 2>&1
}

# Long option names of a block of -h, and those a page lists.
of_help() { awk -v title="$1" '/^[^ ]/ { on = $0 == title } on && /^ .*--/ { sub(/^[^-]*(-., )?--/, ""); print $1 }' | sort; }
of_page() { sed -n 's/^\.It Fl.* Fl -\([a-z0-9-]*\).*/\1/p; s/^\.It Fl -\([a-z0-9-]*\).*/\1/p' "$1" | sort; }
differ() { # PROGRAM PAGE HELP
    page=$(of_page "$2")
    for o in $3; do printf '%s\n' "$page" | grep -qxe "$o" || echo "$2: --$o of $1 -h is missing"; done
    for o in $page; do printf '%s\n' "$3" | grep -qxe "$o" || echo "$2: --$o is not an option of $1"; done
}
check_options() {
    for p in tools/km-*.c; do
        [ -e "$p" ] || continue
        name=$(basename "$p" .c)
        [ -x "$bin/$name" ] || continue
        [ -f "man/$name.1" ] || { echo "tools/$name.c: there is no man/$name.1"; continue; }
        differ "$name" "man/$name.1" "$("$bin/$name" -h | of_help options:)"
        [ -f man/km.7 ] && differ "$name" man/km.7 "$("$bin/$name" -h | of_help 'common options:')"
    done
}

# Places of one machine have no business in the tree; tests may use the directory for temporary files. The brackets keep the
# patterns from finding themselves.
check_words() {
    places='(^|[^[:alnum:]_.~-])/(wor[k]|roo[t]|hom[e])/'
    {
        of_kind '^tests/' | xargs grep -HInE "$places" /dev/null
        of_kind . | grep -v '^tests/' | xargs grep -HInE "$places|(^|[^[:alnum:]_.~-])/tm[p]/" /dev/null
    } | sed 's,^\([^:]*:[0-9]*\):.*,\1: names a place of one machine,'
    printf '%s\n' "$files" | grep -E '(^|/)(READ-THIS|NOTES?)[^/]*\.txt$|\.(orig|rej|swp)$|~$' | sed 's/$/: does not belong in the tree/'
}

check_sizes() {
    of_kind '\.(c|h|cc|cu|cuh|sh)$' | xargs awk '
        function finish() {
            if (n > 800) print file ": " n " lines; 800 are the most"
            if (file && !licensed) print file ":1: no SPDX line"
        }
        FNR == 1 { finish(); file = FILENAME; licensed = 0 }
        FNR <= 3 && /SPDX-License-Identifier: MIT/ { licensed = 1 }
        { n = FNR }
        END { finish() }' /dev/null
    of_kind '\.(c|h|cc|cu|cuh)$' | LC_ALL=C.UTF-8 xargs grep -HnE '^.{121,}' /dev/null |
        sed 's,^\([^:]*:[0-9]*\):.*,\1: longer than 120 columns,'
}

check_kernels() {
    [ -f kernels/kernels.def ] || return 0
    sed -n 's/^KM_KERNEL(\([a-z0-9_]*\),.*/\1/p' kernels/kernels.def | while read -r k; do
        grep -qw "$k" kernels/cpu/*.c || echo "kernels/kernels.def: $k has no function in kernels/cpu"
        grep -qwE "(km_ref_)?$k" kernels/ref/*.c || echo "kernels/kernels.def: $k has no function in kernels/ref"
    done
}

# A header names its tests; they must be there.
check_tests() {
    of_kind '\.(c|h|cc|cu|cuh|md)$' | xargs grep -HnoE 'tests/([a-z]+/)?[A-Za-z0-9_-]+\.(c|sh|bats)\b' /dev/null | while IFS=: read -r f n t; do
        [ -f "$t" ] || echo "$f:$n: there is no $t"
    done
}

for check in ${*:-layers pages options words sizes kernels tests}; do "check_$check"; done | tee "$found"
[ ! -s "$found" ]
