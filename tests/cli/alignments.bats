# SPDX-License-Identifier: MIT
# Alignments beside a structure: km-tokenize and km-strip take them, every program passes them on, km-trunk reads them.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    T=$BATS_TEST_TMPDIR
    pdb=tests/data/dipeptide.pdb
    printf '>q\nAS\n>r\nkA-\n>s OX=9606\nGG\n' >"$T/a.a3m"
}

# say WANTED-STATUS PATTERN COMMAND...: the status, one line on standard error that matches, nothing on standard output.
refused() {
    local want=$1 pattern=$2 got=0
    shift 2
    "$@" >"$T/out" 2>"$T/err" || got=$?
    [ "$got" -eq "$want" ] || { echo "status $got"; cat "$T/err"; return 1; }
    [ "$(wc -l <"$T/err")" -eq 1 ] || { cat "$T/err"; return 1; }
    grep -q -- "$pattern" "$T/err" || { cat "$T/err"; return 1; }
    [ ! -s "$T/out" ]
}

rows() { # residues and deletions as Python sees them
    /usr/bin/python3 -c '
import struct, sys, msgpack, zstandard
for m in msgpack.Unpacker(zstandard.ZstdDecompressor().stream_reader(sys.stdin.buffer, read_across_frames=True)):
    if m["type"] == "msa": print(m["n_rows"], m["n_tokens"])
    if m.get("of") == "msa.residues": print(*m["data"])
    if m.get("of") == "msa.deletions": print(*struct.unpack("<%di" % (len(m["data"]) // 4), m["data"]))'
}

@test "an alignment goes into the stream" {
    km-tokenize -q --msa A="$T/a.a3m" "$pdb" >"$T/in.km"
    run rows <"$T/in.km"
    [ "${lines[0]}" = "3 2" ]
    [ "${lines[1]}" = "2 17 2 1 9 9" ]
    [ "${lines[2]}" = "0 0 1 0 0 0" ]
    km-info "$T/in.km" | grep 'msa: rows 3, paired_rows 1, places_with_deletions 1'
}

@test "plain, gzip, csv, Stockholm: the same bytes" {
    gzip -c "$T/a.a3m" >"$T/a.gz"
    printf 'key,sequence\n,AS\n,kA-\n-1,GG\n' >"$T/a.csv"
    printf '# STOCKHOLM 1.0\nq -AS\nr KA-\ns -GG\n//\n' >"$T/a.sto"
    km-tokenize -q --no-pg --msa A="$T/a.a3m" "$pdb" >"$T/want.km"
    for f in a.gz a.csv a.sto; do
        km-tokenize -q --no-pg --msa A="$T/$f" "$pdb" >"$T/got.km"
        cmp "$T/want.km" "$T/got.km"
    done
}

@test "options: fewer rows, Boltz-2's deletions" {
    km-tokenize -q --msa A="$T/a.a3m" --msa-rows 2 "$pdb" | km-info | grep 'msa: rows 2, paired_rows 1, places_with_deletions 1'
    km-tokenize -q --msa A="$T/a.a3m" --msa-deletions boltz2 "$pdb" | km-info | grep 'places_with_deletions 0'
}

@test "chains are paired by the headers' organisms when asked" {
    { cat "$pdb" | grep '^ATOM' | sed 's/ A   / B   /'; } >"$T/b"
    { grep '^ATOM' "$pdb"; echo TER; cat "$T/b"; echo END; } >"$T/two.pdb"
    printf '>q\nAS\n>s OX=9606\nAA\n' >"$T/b.a3m"
    run --separate-stderr bash -o pipefail -c "km-tokenize -q --msa A='$T/a.a3m' --msa B='$T/b.a3m' '$T/two.pdb' | km-info"
    [[ "$output" == *"msa: rows 3, paired_rows 1"* ]]
    run --separate-stderr bash -o pipefail -c "km-tokenize -q --msa-taxonomy --msa A='$T/a.a3m' --msa B='$T/b.a3m' '$T/two.pdb' | km-info"
    [[ "$output" == *"msa: rows 4, paired_rows 2"* ]]
    # one file serves both chains of the entity
    run --separate-stderr bash -o pipefail -c "km-tokenize -q --msa-taxonomy --msa A='$T/a.a3m' '$T/two.pdb' | km-info"
    [[ "$output" == *"msa: rows 4, paired_rows 2"* ]]
}

@test "a stream gets an alignment, and loses the trunk's result" {
    km-tokenize -q "$pdb" | km-trunk --weights mini >"$T/in.km"
    km-info "$T/in.km" | grep 'trunk:'
    run --separate-stderr bash -o pipefail -c "km-tokenize --msa A='$T/a.a3m' '$T/in.km' | km-info"
    [[ "$output" == *"msa: rows 3"* ]]
    [[ "$output" != *"trunk:"* ]]
}

@test "every program passes it on" {
    km-tokenize -q --msa A="$T/a.a3m" "$pdb" >"$T/in.km"
    km-trunk --weights mini "$T/in.km" | km-cut >"$T/cut.km"
    km-forecast -q --steps 1 --dt 50ps --frames 1 "$T/cut.km" | km-interp -q --steps 1 --dt 25ps >"$T/out.km"
    rows <"$T/in.km" >"$T/want"
    [ -s "$T/want" ]
    for f in cut out; do rows <"$T/$f.km" | cmp - "$T/want"; done
}

@test "km-strip keeps it in the stream" {
    km-strip -q --top "$pdb" --msa A="$T/a.a3m" tests/data/dipeptide.xtc | km-info | grep 'msa: rows 3'
    refused 2 'not with --raw' km-strip --raw --top "$pdb" --msa A="$T/a.a3m" tests/data/dipeptide.xtc
}

@test "what is wrong is refused in one line" {
    refused 2 'expected CHAIN=FILE' km-tokenize -q --msa "$T/a.a3m" "$pdb"
    refused 2 'expected CHAIN=FILE' km-tokenize -q --msa A= "$pdb"
    refused 2 "there is no chain 'Q'" km-tokenize -q --msa Q="$T/a.a3m" "$pdb"
    refused 2 'two alignments for chain A' km-tokenize -q --msa A="$T/a.a3m" --msa A="$T/a.a3m" "$pdb"
    refused 4 'none.a3m' km-tokenize -q --msa A="$T/none.a3m" "$pdb"
    printf '>q\nAT\n' >"$T/other.a3m"
    refused 3 'other.a3m: its query is not chain A: it has T where the chain has SER 2' km-tokenize -q --msa A="$T/other.a3m" "$pdb"
    printf '>q\nAST\n' >"$T/long.a3m"
    km-tokenize -q --msa A="$T/long.a3m" "$pdb" >/dev/null # the chain's end may be missing
    printf 'sequences: [{protein: {id: A, sequence: AS}}]\n' >"$T/as.yaml"
    refused 3 'long.a3m: its query is not chain A: 3 residues, the chain has 2' km-tokenize -q --msa A="$T/long.a3m" "$T/as.yaml"
    printf '>q\nA\n' >"$T/short.a3m"
    refused 3 'short.a3m: its query is not chain A: 1 residues, the chain has 2' km-tokenize -q --msa A="$T/short.a3m" "$pdb"
    refused 3 'alignments.bats: line 3: a sequence without a header' km-tokenize -q --msa A=tests/cli/alignments.bats "$pdb"
    refused 2 'msa-rows' km-tokenize -q --msa A="$T/a.a3m" --msa-rows 0 "$pdb"
    km-tokenize -q "$pdb" >"$T/in.km"
    refused 3 'other.a3m: its query is not chain A' km-tokenize -q --msa A="$T/other.a3m" "$T/in.km"
}

@test "the trunk draws rows by the seed, and looks at them" {
    km-tokenize -q --no-pg --msa A="$T/a.a3m" "$pdb" >"$T/in.km"
    for seed in 1 2; do km-trunk --no-pg --weights mini --msa-depth 1000 --seed $seed "$T/in.km" >"$T/$seed.km"; done
    cmp "$T/1.km" "$T/2.km"
    km-tokenize -q --no-pg "$pdb" | km-trunk --no-pg --weights mini | km-cut --no-pg >"$T/none.km"
    run cmp "$T/1.km" "$T/none.km"
    [ "$status" -eq 1 ]
    refused 2 'msa-depth' km-trunk --weights mini --msa-depth 0 "$T/in.km"
}

@test "a trunk that does not fit into the memory given is refused with the figures" {
    km-tokenize -q --no-pg "$pdb" >"$T/in.km"
    refused 4 'of 2 tokens and 1 rows needs [0-9.]* MB of memory and 0.1 MB may be taken: fewer --threads' \
        km-trunk --weights mini --memory 100K "$T/in.km"
    cmp <(km-trunk --no-pg --weights mini --memory 1G "$T/in.km") <(km-trunk --no-pg --weights mini "$T/in.km")
}

@test "a template goes into the stream" {
    km-tokenize -q --template "$pdb" "$pdb" >"$T/in.km"
    km-info "$T/in.km" | grep 'templates: templates 1, tokens_covered \[2\]'
    gzip -c "$pdb" >"$T/t.pdb.gz"
    km-tokenize -q --no-pg --template A="$T/t.pdb.gz" "$pdb" >"$T/a.km"
    km-tokenize -q --no-pg --template A:A1="$pdb" "$pdb" >"$T/b.km"
    cmp "$T/a.km" "$T/b.km"
    printf 'sequences:\n  - protein:\n      id: A\n      sequence: GAS\n      msa: empty\ntemplates:\n  - pdb: %s\n' "$pdb" >"$T/x.yaml"
    km-tokenize -q "$T/x.yaml" | km-info | grep 'tokens_covered \[2\]'
    km-tokenize -q "$pdb" | km-trunk --weights mini | km-tokenize --template "$pdb" >"$T/c.km"
    km-info "$T/c.km" | grep 'tokens_covered'
    ! km-info "$T/c.km" | grep 'trunk:'
    refused 2 "no protein chain 'Q'" km-tokenize -q --template Q="$pdb" "$pdb"
    refused 2 "no protein chain 'Z1'" km-tokenize -q --template A:Z1="$pdb" "$pdb"
    refused 2 'expected FILE' km-tokenize -q --template A:A1,B="$pdb" "$pdb"
    refused 2 'expected FILE' km-tokenize -q --template A= "$pdb"
    refused 4 'none.cif' km-tokenize -q --template "$T/none.cif" "$pdb"
    refused 3 'a.a3m' km-tokenize -q --template "$T/a.a3m" "$pdb"
}
