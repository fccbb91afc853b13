#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pipelines/data.mk against a server on the loopback address: from archives to data that km-train reads.
bats_require_minimum_version 1.5.0
load fetch_server

setup() {
    cd "$BATS_TEST_TMPDIR"
    here=$(cd "$BATS_TEST_DIRNAME/../../pipelines" && pwd)
    unset MAKEFLAGS MAKELEVEL
    : >"$LOG"
}

# data TARGET VARIABLE=VALUE...: from the server without faults
data() { make -f "$here/data.mk" "$1" BIN="$KM_BUILD/bin" WEIGHTS=mini CCD= FETCH="--base-url $S/${FAULT:-plain}/${PLACE:-ATLAS} --tries 3" "${@:2}"; }

states() { awk -F '\t' 'NR > 1 { printf "%s%s %s", (NR > 2 ? "," : ""), $1, $2 }' "$1"; }

# DIR ID: what lies in a file, without the paths that made it
facts() { km-info --verify "$1/atlas/$2.h5" | grep -v 'program km-strip'; }

# SET ID SEQUENCE: as if it had been made
made() {
    mkdir -p "data/$1/log"
    printf '  chains:\n    name A, type protein, residues 9, atoms 9, sequence %s\n' "$3" >"data/$1/log/$2.info"
}

@test "two chains, and nothing twice" {
    run --separate-stderr data atlas LIMIT=2
    [ "$status" -eq 0 ]
    [[ $stderr == *"atlas: 2 systems, 36 frames, 3 ns; 0 refused, 0 failed"* ]]
    for id in 1dip_A 2abc_B; do km-info "data/atlas/$id.h5" | grep -qx 'license: CC-BY-NC-4.0'; done
    [ "$(find data/trunks -type f | wc -l)" -eq 1 ] # of one sequence
    [ "$(states data/atlas/manifest.tsv)" = '1dip_A there,2abc_B there' ]
    grep -q $'^1dip_A\tthere\t3\t18\t1.5\t2\tCC-BY-NC-4.0\tnone: single sequence\t$' data/atlas/manifest.tsv
    grep -qx $'1dip_A\ttrain' data/atlas/split.tsv
    stat -c '%n %Y' data/atlas/*.h5 data/trunks/* >before
    : >"$LOG"
    data atlas LIMIT=2
    [ ! -s "$LOG" ]
    stat -c '%n %Y' data/atlas/*.h5 data/trunks/* | cmp - before
}

@test "what is made trains, with the trunk's results and the split" {
    data atlas LIMIT=2
    sed 's/^2abc_B.train/2abc_B\tval/' data/atlas/split.tsv >split.tsv
    km-train -q --config equilibrium --init mini --data data/atlas --trunk data/trunks --split split.tsv -o run batch=2 max_steps=1 \
        validation_windows=2 log_every=1 frames.to_200=4 frames.min=3 threads=1
    grep -q '"step":1' <(tr -d ' ' <run/log.jsonl)
}

@test "killed at any moment and repeated, it ends with the same files" {
    data atlas LIMIT=2 OUT=whole
    for after in 0.3 0.9 1.5; do
        for signal in KILL TERM; do
            FAULT=slow timeout -s $signal $after make -f "$here/data.mk" atlas BIN="$KM_BUILD/bin" WEIGHTS=mini LIMIT=2 \
                FETCH="--base-url $S/slow/ATLAS" >/dev/null 2>&1 3>&- || true
        done
    done
    for _ in 1 2 3 4 5; do # a program that outlived its make may still be at it
        FAULT=slow data atlas LIMIT=2 && break || sleep 1
    done
    for id in 1dip_A 2abc_B; do cmp <(facts data $id) <(facts whole $id); done
    cmp data/trunks/*.h5 whole/trunks/*.h5
    cmp <(cut -f 1-8 data/atlas/manifest.tsv) <(cut -f 1-8 whole/atlas/manifest.tsv)
    cmp data/atlas/split.tsv whole/atlas/split.tsv
    [ -z "$(find data -name '*.part*')" ]
}

@test "a system that fails and one that is refused do not stop the others, and are told" {
    run --separate-stderr -2 data atlas -j4
    [[ $stderr == *"3xyz_C: $S/plain/ATLAS/"*"HTTP 404"* && $stderr == *"4odd_D_R1.xtc: 55 ps between frames"* ]]
    [[ $stderr == *"2 systems, 36 frames, 3 ns; 1 refused, 1 failed: data/atlas/manifest.tsv"* ]]
    [ "$(states data/atlas/manifest.tsv)" = '1dip_A there,2abc_B there,3xyz_C failed,4odd_D refused' ]
    grep -q $'^3xyz_C\tfailed\t.*\tkm-fetch: .*HTTP 404$' data/atlas/manifest.tsv
    grep -q $'^4odd_D\trefused\t.*\tkm-strip: .*55 ps between frames' data/atlas/manifest.tsv
    : >"$LOG"
    run --separate-stderr -2 data atlas # what failed is tried again, what was refused is not
    [[ $stderr != *"55 ps"* && $stderr == *"HTTP 404"* ]]
    [ "$(asked 4odd)" -eq 0 ] && [ "$(asked 3xyz)" -ge 1 ]
    run --separate-stderr -2 data atlas RETRY=1 SYSTEMS=4odd_D
    [[ $stderr == *"55 ps"* ]]
    data atlas SYSTEMS='1dip_A 2abc_B'
}

@test "no list, no network, nothing to begin with" {
    FAULT=e404 run --separate-stderr -2 data atlas
    [[ $stderr == *"HTTP 404"* ]]
    [ ! -e data/atlas/systems.txt ]
    data atlas LIMIT=1
    FAULT=e404 data atlas LIMIT=1
}

@test "the files first, then the rest without a network; what was brought is removed when it is clean" {
    make -f "$here/atlas.mk" fetch BIN="$KM_BUILD/bin" LIMIT=2 FETCH="--base-url $S/plain/ATLAS"
    [ -d data/raw/atlas/2abc_B ] && [ ! -e data/atlas/1dip_A.h5 ]
    data atlas LIMIT=1 WEIGHTS=
    FAULT=e500 data atlas LIMIT=2 KEEP_RAW= WEIGHTS=
    [ "$(ls data/raw/atlas)" = "$(printf '%s\n' 1dip_A manifest.json)" ] && [ ! -e data/trunks ]
    FAULT=e500 data atlas LIMIT=2 KEEP_RAW= WEIGHTS=
}

@test "what does not fit is said before anything is brought" {
    PLACE=HUGE run --separate-stderr -2 data atlas
    [[ $stderr == *"are needed in data/raw"* ]]
    [ "$(asked zip)" -eq 0 ] && [ ! -e data/raw/atlas ]
    run --separate-stderr -1 km-fetch -o . --base-url "$S/plain/HUGE" --dry-run atlas
    run --separate-stderr -4 km-fetch -o . --base-url "$S/plain/HUGE" atlas
    PLACE=HUGE run --separate-stderr -2 data atlas KEEP_RAW= # one after the other may
    [[ $stderr != *"are needed"* && $stderr == *"1 failed"* ]]
}

@test "one target a system" {
    make -f "$here/atlas.mk" data/atlas/2abc_B.h5 BIN="$KM_BUILD/bin" FETCH="--base-url $S/plain/ATLAS"
    [ "$(ls data/atlas/*.h5)" = data/atlas/2abc_B.h5 ]
}

@test "alignments of a folder, chain by chain" {
    mkdir msa
    printf '>q\nAS\n>h\nGS\n' >msa/1dip_A.A.a3m
    data atlas LIMIT=2 MSA_DIR=msa
    [ "$(cut -f 1,8 data/atlas/manifest.tsv | tail -n 2)" = $'1dip_A\trows 2\n2abc_B\tnone: single sequence' ]
    [ "$(ls data/trunks | wc -l)" -eq 2 ] # the digest knows the alignment
    sleep 0.01
    printf '>q\nAS\n>h\nGS\n>i\nAT\n' >msa/1dip_A.A.a3m
    data atlas LIMIT=2 MSA_DIR=msa
    grep -q $'^1dip_A\t.*\trows 3\t' data/atlas/manifest.tsv
}

@test "other tiers and temperatures have folders of their own" {
    data atlas LIMIT=1
    data atlas LIMIT=1 TIER=protein
    km-info data/atlas/1dip_A.h5 | grep -q 'step_ns 0.1'
    km-info data/atlas-protein/1dip_A.h5 | grep -q 'step_ns 0.01'
    [ "$(states data/atlas-protein/manifest.tsv)" = '1dip_A there' ] && [ "$(ls data/raw)" = "$(printf '%s\n' atlas atlas-protein)" ]
    grep -qx $'1dip_A\ttrain' data/atlas-protein/split.tsv
    for choice in TEMPERATURE=450 'TEMPERATURE=320,450 REPLICA=0'; do PLACE=hub data mdcath SYSTEMS=1abcA00 $choice; done
    grep -q $'^1abcA00\tthere\t1\t8\t' data/mdcath-450/manifest.tsv
    grep -q $'^1abcA00\tthere\t2\t16\t' data/mdcath-320-450-r0/manifest.tsv
    made atlas 6okd_C MKTAYIAKQRQISFVK # a published test system
    made atlas-protein 6okd_C MKTAYIAKQRQISFVK
    sh "$here/split.sh" data
    grep -qx $'6okd_C\ttest' data/atlas-protein/split.tsv
}

@test "whole sequences of a folder: what was not simulated is kept, marked absent" {
    mkdir references
    printf '>1dip\nGASK\n' >references/1dip_A.fasta
    data atlas LIMIT=2 REFERENCE_DIR=references WEIGHTS=
    [ "$(cut -f 1,6 data/atlas/manifest.tsv | tail -n 2)" = $'1dip_A\t4\n2abc_B\t2' ]
    grep -q '2 residues of its sequences are not in it: kept' data/atlas/log/1dip_A.strip
}

@test "two runs do not take the same step of a system" {
    mkdir -p data/atlas/log
    exec 8>>data/atlas/log/1dip_A.strip
    flock 8
    run --separate-stderr -2 data atlas LIMIT=1 WEIGHTS=
    [[ $stderr == *"1dip_A.strip: another run is at it"* && $stderr == *"1 failed"* ]]
    exec 8>&-
    data atlas LIMIT=1 WEIGHTS=
}

@test "archives that stay where they are; other sets" {
    for set in cath2 octapeptides megasim; do PLACE=zenodo data $set LIMIT=2; done
    [ "$(asked 'MSR_cath2.zip.* 200')" -eq 0 ]
    [ "$(states data/cath2/manifest.tsv)" = 'cath2_1dipA00 there,cath2_2abcA00 there' ]
    [ "$(states data/megasim/manifest.tsv)" = '1dip there,1dip__A1D there' ]
    km-info data/cath2/cath2_1dipA00.h5 | grep -q 'step_ns 10'
    [ "$(states data/octapeptides/manifest.tsv)" = 'AAAAAAAA there,CCCCCCCC there' ]
    grep -q $'^CCCCCCCC\tthere\t1\t6\t.*\tkm-strip: .*run002_protein' data/octapeptides/manifest.tsv # one of its two is damaged
    [ "$(grep -cv '^#' data/split.tsv)" -eq 6 ]
}

@test "files of a hub, an API, one file of all systems" {
    PLACE=hub data mdcath SYSTEMS=1abcA00
    PLACE=hub data dd13m SYSTEMS=3dip
    PLACE=mdposit run --separate-stderr -2 data mdposit
    [ "$(states data/mdposit/manifest.tsv)" = 'MD-A0001 there,MD-A0002 there,MD-A0003 refused' ]
    grep -q $'^MD-A0001\t.*\t2\t12\t.*\tCC-BY-4.0\t' data/mdposit/manifest.tsv && grep -q $'^MD-A0003\t.*licence' data/mdposit/manifest.tsv
    PLACE=zenodo data misato SYSTEMS=9XYZ
    [ ! -e data/raw/misato/MD.hdf5 ]
    [ "$(cut -f 1,4,5 data/*/manifest.tsv | grep -c $'\t8\t')" -eq 2 ]
    PLACE=zenodo run --separate-stderr -2 data misato
    [ "$(states data/misato/manifest.tsv)" = '0GON refused,1ABC there,2BAD refused,9XYZ there' ]
    grep -qx $'9XYZ\tval' data/misato/split.tsv && grep -qx $'1ABC\ttrain' data/misato/split.tsv
}

@test "Slurm: an array of jobs, and one behind it" {
    mkdir bin
    cat >bin/sbatch <<'X'
#!/bin/bash
# a stand-in: notes what it is asked, runs it and says a number
printf '%s\n' "$*" >>asked
tasks=0-0
for o in "$@"; do case $o in --array=*) tasks=${o#*=} ;; esac; done
for ((i = ${tasks%-*}; i <= ${tasks#*-}; i++)); do SLURM_ARRAY_TASK_ID=$i SLURM_CPUS_PER_TASK=2 sh "${@: -1}" >>out 2>&1; done
echo '17;here'
X
    cat >bin/squeue <<'X'
#!/bin/sh
# a stand-in: job 17 is as STATE says
[ "$*" = '-h -j 17 -o %T' ] || exit 2
[ "$STATE" != gone ] || { echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1; }
printf '%s' "$STATE"
X
    chmod +x bin/sbatch bin/squeue
    PATH=$PWD/bin:$PATH data atlas SLURM=1 N_JOBS=3 SBATCH_FLAGS='-p cpu -c 2'
    [ "$(cut -d ' ' -f 2- asked)" = "$(printf '%s\n' \
        '--job-name=atlas --array=0-2 --output=data/atlas/log/task-%a.out -p cpu -c 2 data/atlas/log/tasks.sh' \
        '--job-name=atlas-finish --dependency=afterany:17 --output=data/atlas/log/finish.out -p cpu -c 2 data/atlas/log/finish.sh')" ]
    [ "$(states data/atlas/manifest.tsv)" = '1dip_A there,2abc_B there,3xyz_C failed,4odd_D refused' ]
    [ -s data/atlas/split.tsv ]
    run --separate-stderr -2 data atlas SLURM=1
    [[ $stderr == *"needs N_JOBS=N"* ]]
    : >asked # the last job has ended here before its number was known
    STATE=PENDING PATH=$PWD/bin:$PATH run --separate-stderr -2 data atlas SLURM=1 N_JOBS=2
    [[ $stderr == *"job 17 is under way"* ]] && [ ! -s asked ]
    SQUEUE=none PATH=$PWD/bin:$PATH run --separate-stderr -2 data atlas SLURM=1 N_JOBS=2
    [[ $stderr == *"remove data/atlas/log/job"* ]] && [ ! -s asked ]
    for state in '' gone; do STATE=$state PATH=$PWD/bin:$PATH data atlas SLURM=1 N_JOBS=2 TIER=protein LIMIT=1; done
    [ "$(states data/atlas-protein/manifest.tsv)" = '1dip_A there' ] && grep -q -- --job-name=atlas-protein-finish asked
    data atlas LIMIT=1
    [ ! -e data/atlas/log/job ]
    PATH=$PWD/bin:$PATH run -2 data atlas SLURM=1 N_JOBS=2 SBATCH=false
}

@test "splits: published lists, groups, equal sequences, and what mmseqs finds alike" {
    made atlas 6okd_C MKTAYIAKQRQISFVK # a published test system
    made atlas 7c45_A MKTWWWWW
    made atlas 5naz_A MKVAVAVA # a published one to validate on
    for i in 1 2 3 4; do made atlas "${i}abc_A" "MKLLLLLLLLLLLLL$i"; done
    made cath2 cath2_1a1wA00 GGGSGGGS
    made mdcath 1okdC00 MKTAYIAKQRQISFVK # a test sequence of another set
    for i in $(seq 300); do made megasim "P${i}__A1D" "MKT$i"; made megasim "P${i}" "MKS$i"; done
    cat >mmseqs <<'X'
#!/bin/sh
# a stand-in: what begins with MKLLLLLLLLLLLLL4 is like 6okd_C
[ "$1 $6 $7" = "easy-search --min-seq-id 0.4" ] && [ -s "$2" ] && grep -qx '>6okd_C' "$3" &&
    awk '/^>/ { id = substr($0, 2) } /^MKLLLLLLLLLLLLL4/ { print id "\t6okd_C\t0.52" }' "$2" >"$4"
X
    chmod +x mmseqs
    MMSEQS=./mmseqs sh "$here/split.sh" data 2>said
    grep -q '^data/split.tsv: train .*2 more of train and 0 of val left out (at least 0.4 identical by mmseqs)' said
    [ "$(grep -v '^#' data/atlas/split.tsv)" = $'1abc_A\ttrain\n2abc_A\ttrain\n3abc_A\ttrain\n4abc_A\ttest\t# train, like 6okd_C (0.52)\n5naz_A\tval\n6okd_C\ttest\n7c45_A\ttest' ]
    grep -qx $'1okdC00\ttest\t# train, as 6okd_C' data/mdcath/split.tsv
    grep -qx $'cath2_1a1wA00\ttest' data/cath2/split.tsv
    for part in train val test; do [ "$(cut -f 2 data/megasim/split.tsv | grep -c $part)" -ge 10 ]; done
    [ -z "$(sed 's/__A1D//' data/megasim/split.tsv | sort -u | cut -f 1 | uniq -d)" ] # mutants follow their parent
    [ "$(grep -v '^#' data/split.tsv | cut -f 1 | sort | uniq -d | wc -l)" -eq 0 ]
    for f in misato/log/1LIG misato/log/2LIG atlas/log/6okd_C; do
        mkdir -p data/misato/log
        [ -e "data/$f.info" ] || made "${f%%/*}" "${f##*/}" "MKW${f##*/}"
        printf '    name L, type nonpolymer, residues 1, atoms %d, skeleton %s\n' 9 abc 4 123 >>"data/$f.info"
    done
    sed -i 's/skeleton abc/skeleton def/' data/misato/log/2LIG.info
    MMSEQS=./mmseqs sh "$here/split.sh" data 2>said
    [ "$(cat data/ligands.tsv)" = $'misato\t1LIG\ttrain\tabc\t6okd_C' ]
    grep -qx 'data/ligands.tsv: 1 ligands of test systems are in others too' said
    IDENTITY= sh "$here/split.sh" data 2>said
    grep -qx $'4abc_A\ttrain' data/atlas/split.tsv
    MMSEQS=./none sh "$here/split.sh" data 2>said
    grep -q 'no ./none: only equal sequences' said
    grep -qx $'4abc_A\ttrain' data/atlas/split.tsv && grep -q $'^1okdC00\ttest' data/mdcath/split.tsv
    MMSEQS=false run sh "$here/split.sh" data
    [ "$status" -eq 1 ]
}
