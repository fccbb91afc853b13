#!/bin/sh
# SPDX-License-Identifier: MIT
# split.sh OUT: which systems of the sets in OUT train, validate and test: OUT/SET/split.tsv and, of all of them, OUT/split.tsv.
# OUT/ligands.tsv: systems that train or validate and have a ligand of a test system (set, system, part, skeleton, test systems).
# Published lists (held-out.tsv; of MISATO those that km-fetch keeps in RAW) are followed; of sets that have none, VAL and TEST (0.05)
# of the groups, chosen by a hash: a group is a sequence, in MegaSim a parent with its mutants. A system trains nowhere when it has a
# sequence of a test system of any set, or one at least IDENTITY (0.4) identical to it by mmseqs, where that is installed (MMSEQS), or is of
# such a group. IDENTITY= keeps those; both counts are said. Sets such as atlas-protein and mdcath-450 are of the systems of atlas and mdcath.
set -eu
out=$1 here=$(cd "$(dirname "$0")" && pwd)
IDENTITY=${IDENTITY-0.4} MMSEQS=${MMSEQS:-mmseqs} VAL=${VAL:-0.05} TEST=${TEST:-0.05}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
exec 9>"$out/.split.lock"
flock 9

# set, system, group, sequences with commas between
find "$out" -mindepth 3 -maxdepth 3 -path '*/log/*.info' | LC_ALL=C sort | awk '
    function parent(id) { return sub(/__[^_]*$/, "", id) ? id : id }
    {
        n = split($0, part, "/")
        set = part[n - 2]
        system_ = substr(part[n], 1, length(part[n]) - 5)
        list = longest = ""
        while ((getline line < $0) > 0)
            if (line ~ /^    name .*, type protein, .*, sequence / && sub(/^.*, sequence /, "", line)) {
                list = list (list == "" ? "" : ",") line
                if (length(line) > length(longest)) longest = line
            }
        close($0)
        group = set == "megasim" ? parent(system_) : longest == "" ? system_ : longest
        printf "%s\t%s\t%s\t%s\n", set, system_, group, list
    }' >"$work/systems"

# the lists that are published
{
    grep -v '^#' "$here/held-out.tsv"
    for part in train val test; do
        f=${RAW:-$out/raw}/.fetch/misato/${part}_MD.txt
        [ ! -e "$f" ] || awk -v part=$part '{ print "misato\t" toupper($1) "\t" part }' "$f"
    done
} >"$work/lists"

# a column in front: train, val or test
awk -F '\t' -v val="$VAL" -v test="$TEST" '
    function hash(text,   h, i) {
        h = 7
        for (i = 1; i <= length(text); i++) h = (h * 131 + code[substr(text, i, 1)]) % 1000003
        return (h * 7919 % 1000003) / 1000003
    }
    BEGIN { for (i = 1; i < 128; i++) code[sprintf("%c", i)] = i }
    FNR == NR { listed[$1, $2] = $3; lists[$1, $3]; next }
    {
        x = hash($3)
        part = "train"
        set = $1
        sub(/-.*/, "", set)
        if (!((set, "val") in lists) && x < val) part = "val"
        if (!((set, "test") in lists) && x > 1 - test) part = "test"
        if ((set, $2) in listed) part = listed[set, $2]
        print part "\t" $0
    }' "$work/lists" "$work/systems" >"$work/assigned"

# what is like a test sequence, by mmseqs: the number of the sequence, test system, share
: >"$work/alike"
found='only equal sequences were looked for'
if [ -n "$IDENTITY" ] && command -v "$MMSEQS" >/dev/null; then
    awk -F '\t' -v work="$work" '{
        n = split($5, s, ",")
        for (i = 1; i <= n; i++)
            if (length(s[i]) >= 14) # with shorter ones it has nothing to begin
                printf ">%s\n%s\n", $1 == "test" ? $3 : NR, s[i] > (work ($1 == "test" ? "/test" : "/rest") ".fasta")
    }' "$work/assigned"
    if [ -e "$work/test.fasta" ] && [ -e "$work/rest.fasta" ]; then
        "$MMSEQS" easy-search "$work/rest.fasta" "$work/test.fasta" "$work/alike" "$work/tmp" --min-seq-id "$IDENTITY" \
            --format-output query,target,fident -v 1 >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
    fi
    found="at least $IDENTITY identical by mmseqs"
elif [ -n "$IDENTITY" ]; then
    echo "split.sh: no $MMSEQS: $found" >&2
fi

# what is left out is written as test, which is never opened
awk -F '\t' -v filter="$IDENTITY" '
    pass == 1 { alike[$1] = "like " $2 " (" $3 ")" }
    pass == 2 && $1 == "test" { n = split($5, s, ","); for (i = 1; i <= n; i++) equal[s[i]] = "as " $3 }
    pass == 3 && $1 != "test" {
        if (FNR in alike) out[$2, $4] = alike[FNR]
        n = split($5, s, ",")
        for (i = 1; i <= n; i++) if (s[i] in equal) out[$2, $4] = equal[s[i]]
    }
    pass == 4 {
        why = filter != "" && $1 != "test" && ($2, $4) in out ? "\t# " $1 ", " out[$2, $4] : ""
        printf "%s\t%s\t%s%s\n", $2, $3, why != "" ? "test" : $1, why
    }' pass=1 "$work/alike" pass=2 "$work/assigned" pass=3 "$work/assigned" pass=4 "$work/assigned" >"$work/all"

# ligands of six atoms and more that are in a test system too, by their skeletons: told, and left where they are
find "$out" -mindepth 3 -maxdepth 3 -path '*/log/*.info' | LC_ALL=C sort | awk -F '\t' -v out="$out" '
    FNR == NR { part_of[$1, $2] = $3; next }
    {
        file = $0
        n = split(file, path, "/")
        set = path[n - 2]
        id = substr(path[n], 1, length(path[n]) - 5)
        while ((getline line < file) > 0) {
            if (line !~ /^    name .*, type nonpolymer, .*, skeleton /) continue
            atoms = key = line
            sub(/.*, atoms /, "", atoms)
            sub(/.*, skeleton /, "", key)
            if (atoms + 0 < 6) continue
            if (part_of[set, id] == "test") tests[key] = tests[key] (tests[key] == "" ? "" : ",") id
            else held[set "\t" id "\t" part_of[set, id] "\t" key] = key
        }
        close(file)
    }
    END {
        for (row in held)
            if (held[row] in tests && !((row, held[row]) in told)) {
                told[row, held[row]]
                print row "\t" tests[held[row]] | "LC_ALL=C sort"
                count++
            }
        if (count) printf "%s/ligands.tsv: %d ligands of test systems are in others too\n", out, count | "cat >&2"
    }' "$work/all" - >"$out/ligands.tsv.new"
if [ -s "$out/ligands.tsv.new" ]; then mv "$out/ligands.tsv.new" "$out/ligands.tsv"; else rm -f "$out/ligands.tsv" "$out/ligands.tsv.new"; fi

# one file a set, and one of all; a name that several sets have is of the part that is kept apart most
awk -F '\t' -v out="$out" -v found="$found" '
    function head(set) {
        return sprintf("# train %d, val %d, test %d; %d more of train and %d of val left out (%s)", n[set, "train"], n[set, "val"],
            n[set, "test"] - left[set, "train"] - left[set, "val"], left[set, "train"], left[set, "val"], found)
    }
    function keep(set, id, line, part) {
        if ((set, id) in line_of && rank[part_of[set, id]] >= rank[part]) return
        line_of[set, id] = line
        part_of[set, id] = part
    }
    BEGIN { rank["train"] = 1; rank["val"] = 2; rank["test"] = 3 }
    {
        line = $2 "\t" $3 ($4 != "" ? "\t" $4 : "")
        was = $4
        sub(/^# /, "", was)
        sub(/,.*/, "", was)
        for (i = 1; i <= 2; i++) {
            set = i == 1 ? $1 : ""
            n[set, $3]++
            if ($4 != "") left[set, was]++
            keep(set, $2, line, $3)
            sets[set]
        }
    }
    END {
        for (set in sets) {
            file = out (set == "" ? "" : "/" set) "/split.tsv"
            print head(set) > (file ".new")
            close(file ".new")
            command = "LC_ALL=C sort >>" file ".new && mv " file ".new " file
            for (key in line_of) {
                split(key, k, SUBSEP)
                if (k[1] == set) print line_of[key] | command
            }
            close(command)
            if (set == "") printf "%s: %s\n", file, substr(head(set), 3) | "cat >&2"
        }
    }' "$work/all"
