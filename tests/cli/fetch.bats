#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# km-fetch against a server on the loopback address that has the sets' layouts and real servers' faults.
bats_require_minimum_version 1.5.0

load fetch_server

setup() {
    cd "$BATS_TEST_TMPDIR"
    : >"$LOG"
}

# atlas FAULT OPTION...: from the server with that fault
atlas() { km-fetch -o . --base-url "$S/$1/ATLAS" "${@:2}" atlas; }

whole() { # ID: it is there, unpacked, with nothing beside it
    cmp "atlas/$1/$1_R3.xtc" "$BATS_FILE_TMPDIR/port.xtc"
    [ -s "atlas/$1/$1.pdb" ] && [ -s "atlas/$1/README.txt" ]
    [ -z "$(find atlas -name '*.part*' -o -name '*.zip')" ]
}

@test "a chain, unpacked, with a manifest; and nothing is asked for twice" {
    atlas plain --only 1dip_A
    whole 1dip_A
    grep -q '"license": "CC-BY-NC-4.0"' atlas/manifest.json atlas/1dip_A/fetch.json
    grep -q '"verified": "the archive.s checksum"' atlas/manifest.json
    grep -q "\"url\": \"$S/plain/ATLAS/database/ATLAS/1dip_A/1dip_A_analysis.zip\"" atlas/manifest.json
    : >"$LOG"
    atlas plain --only 1dip_A
    [ ! -s "$LOG" ]
}

@test "lists: the sets, the systems, what would be brought" {
    run --separate-stderr km-fetch --list
    [ "$status" -eq 0 ] && [[ $output == *atlas*CC-BY-NC-4.0* ]]
    run --separate-stderr atlas plain --list
    [ "$status" -eq 0 ] && [ "${#lines[@]}" -eq 4 ] && [[ ${lines[1]} == 2abc_B*"about 34.6 MB" ]]
    run --separate-stderr atlas plain --dry-run --limit 2
    [ "$status" -eq 0 ] && [ "${#lines[@]}" -eq 2 ] && [[ $stderr == *"2 systems to bring"*"10 MB/s"*free ]]
    [ ! -e atlas ]
    km-fetch --list --json | python3 -c 'import json, sys; assert {"set", "size", "license", "source"} <= json.load(sys.stdin)[0].keys()'
}

@test "one missing system does not stop the others, and ends with 4" {
    run --separate-stderr -4 atlas plain -j 3
    [[ $stderr == *"km-fetch: atlas 3xyz_C: "*"HTTP 404"* && ${stderr_lines[-1]} == "km-fetch: 1 system could not be brought" ]]
    whole 1dip_A
    whole 2abc_B
    [ ! -e atlas/3xyz_C ]
    run --separate-stderr -4 atlas plain -q --only none_Z
    [ "${#stderr_lines[@]}" -eq 1 ] && [[ $stderr == *"none_Z"*"HTTP 404"* ]]
}

@test "the archive where it is only behind the API, in a folder of its own" {
    atlas plain --only 4api_D
    whole 4api_D
}

@test "a connection that breaks off goes on where it was" {
    atlas cut --only 1dip_A
    whole 1dip_A
    [ "$(asked 'bytes=[1-9].* 206')" -ge 3 ]
    for fault in noetag weak; do
        rm -r atlas
        atlas $fault --only 1dip_A
        whole 1dip_A
    done
}

@test "servers that do not do ranges, or do them wrong" {
    for fault in norange wrongrange; do
        atlas $fault --only 1dip_A
        whole 1dip_A
        rm -r atlas
    done
}

@test "a file that changes on the way is the new one, whole" {
    for fault in changed changed2; do
        atlas $fault --only 1dip_A
        [ "$(cat atlas/1dip_A/new_R1.xtc | wc -c)" -eq 300 ]
        [ ! -e atlas/1dip_A/1dip_A.pdb ]
        rm -r atlas
    done
}

@test "busy, slow, silent and moved servers" {
    for fault in busy slow redirect; do
        atlas $fault --only 1dip_A
        whole 1dip_A
        rm -r atlas
    done
    atlas hang --timeout 1 --only 1dip_A
    whole 1dip_A
}

@test "refusals are said, once, and nothing has a final name" {
    for fault in e400 e403 e404 e500 loop later; do
        run --separate-stderr -4 atlas $fault -q --tries 2 --only 1dip_A
        [ "${#stderr_lines[@]}" -eq 1 ] && [[ $stderr == "km-fetch: atlas 1dip_A: $S/$fault/"* ]]
        [[ $stderr != *$'\x1b'* ]]
        [ -z "$(ls atlas)" ]
    done
    [ "$(asked e400)" -eq 1 ] && [ "$(asked e500)" -eq 2 ]
    run --separate-stderr -4 km-fetch -o . --tries 2 --base-url http://127.0.0.1:1 --only 1dip_A atlas
    [[ $stderr == *127.0.0.1* ]]
}

@test "a damaged archive is asked for again; one that stays so is refused" {
    atlas spoiledonce --only 1dip_A
    whole 1dip_A
    for fault in spoiled truncated; do
        run --separate-stderr -4 atlas $fault -q --only 2abc_B
        [ "${#stderr_lines[@]}" -eq 1 ]
        [ "$(asked "$fault.*2abc_B_analysis")" -eq 2 ]
        [ ! -e atlas/2abc_B ]
    done
}

@test "an archive cannot write outside of its folder" {
    mkdir in
    cd in
    for id in 5bad_E 6bad_F 7bad_G 8bad_H 9bad_I 9bad_J; do
        run --separate-stderr -4 atlas plain -q --only $id
        [ "${#stderr_lines[@]}" -eq 1 ]
        [ ! -e atlas/$id ]
    done
    [ -z "$(find .. / -maxdepth 1 -name '*evil*')" ]
    [ -z "$(find . -type l)" ]
    run --separate-stderr -2 atlas plain --only ../../x
}

@test "one system out of an archive that stays where it is" {
    km-fetch -o . --base-url "$S/plain/zenodo" --only cath2_1dipA00 cath2
    cmp cath2/cath2_1dipA00/trajs/a.cmprsd.xtc "$BATS_TEST_DIRNAME/../data/dipeptide.xtc"
    [ "$(find cath2/cath2_1dipA00 -type f | wc -l)" -eq 6 ] && [ -z "$(find cath2 -name '*.part*')" ]
    [ "$(asked 'MSR_cath2.zip.* bytes=.* 206')" -eq 4 ] # the end, the directory, the members in two runs
    [ "$(asked 'MSR_cath2.zip.* 200')" -eq 0 ]
    grep -q cdla-permissive-2.0 cath2/manifest.json
    : >"$LOG"
    km-fetch -o . --base-url "$S/plain/zenodo" cath2
    [ "$(asked 'api/records')" -eq 0 ] # lists are kept
    [ -d cath2/cath2_2abcA00 ] && [ ! -e cath2/cath2_3bpqD00 ] # no trajectories, no system
    run --separate-stderr -4 km-fetch -q -o . --base-url "$S/plain/zenodo" --only cath2_3bpqD00 cath2
    [ "$stderr" = "km-fetch: cath2 cath2_3bpqD00: the set has no such system" ]
}

@test "archives with zip64 records, and two archives of one set" {
    km-fetch -o . --base-url "$S/plain/zenodo" octapeptides
    cmp octapeptides/AAAAAAAA/trajs/run001_protein.cmprsd.xtc "$BATS_TEST_DIRNAME/../data/dipeptide.xtc"
    km-fetch -o . --base-url "$S/cut/zenodo" megasim
    [ "$(ls -d megasim/1dip* | wc -l)" -eq 3 ]
    grep -q '"archive": "MSR_megasim_mutants_disp_allatom.zip"' megasim/1dip__A1D/fetch.json
    grep -q '"archive": "MSR_megasim_merge.zip"' megasim/1dip/fetch.json
}

@test "an archive by ranges: faults" {
    for fault in norange wrongrange spoiled truncated; do
        run --separate-stderr -4 km-fetch -q --tries 3 -o $fault --base-url "$S/$fault/zenodo" cath2
        [ "${#stderr_lines[@]}" -ge 1 ]
        [ -z "$(find $fault -name cath2_1dipA00)" ]
    done
    for fault in spoiledonce cut; do
        km-fetch -q -o $fault --base-url "$S/$fault/zenodo" --only cath2_2abcA00 cath2 || {
            [ $fault = spoiledonce ] && [ ! -e $fault/cath2/cath2_2abcA00 ]; } # a spoiled record is said, not used
    done
}

@test "a hub: pages of a list, digests, folders as systems, weights" {
    km-fetch -o . --base-url "$S/plain/hub" mdcath
    [ "$(ls mdcath/*.h5 | wc -l)" -eq 4 ] && [ ! -e mdcath/README ]
    grep -q '"digest": "sha256:' mdcath/manifest.json
    run --separate-stderr -4 km-fetch -q -o b --base-url "$S/spoiled/hub" --only 1dipA00 mdcath
    km-fetch -o . --base-url "$S/plain/hub" dd13m
    [ "$(ls dd13m/1abc)" = "$(printf '%s\n' complex.pdb fetch.json 'traj 1.h5' traj+2.h5)" ]
    run --separate-stderr km-fetch -o . --base-url "$S/plain/hub" boltz2
    [ "$(ls boltz2)" = "$(printf '%s\n' boltz2_conf.ckpt manifest.json)" ] && [[ $stderr == *"licence: mit"* ]]
    run --separate-stderr -4 km-fetch -o . --base-url "$S/plain/hub" biokinema
    [[ $stderr == *"cannot be a file's name"* ]]
}

@test "one complex out of an HDF5 file that stays where it is" {
    misato() { km-fetch -o . --base-url "$S/$1/zenodo" "${@:2}" misato; }
    for id in 1ABC 9XYZ; do
        : >"$LOG"
        misato plain --only $id
        [ "$(asked 'MD.hdf5.* 200')" -eq 0 ] && [ "$(asked 'MD.hdf5.* bytes=.* 206')" -lt 20 ]
        "${PYTHON:-/usr/bin/python3}" -c '
import h5py, sys
with h5py.File(sys.argv[1]) as f:
    assert list(f) == [sys.argv[2]] and f[sys.argv[2]]["trajectory_coordinates"].shape == (8, 24, 3)' misato/$id.hdf5 $id
    done
    grep -q '"verified": "a reading of all of it"' misato/manifest.json && grep -q '"license": "cc-by-4.0"' misato/manifest.json
    run --separate-stderr -4 misato plain -q --only 0GON
    [[ $stderr == *"MD.hdf5"*"has no group '0GON'" ]]
    rm -r misato
    misato cut -q --only 9XYZ
    for fault in norange wrongrange truncated; do
        run --separate-stderr -4 misato $fault -q --tries 2 --only 1ABC
        [ -z "$(find misato -name '*1ABC*')" ]
    done
}

@test "all complexes are the file itself" {
    run --separate-stderr km-fetch -o . --base-url "$S/plain/zenodo" --list misato
    [ "$status" -eq 0 ] && [ "$(cut -f 1 <<<"$output")" = "$(printf '%s\n' 1ABC 2BAD 9XYZ 0GON)" ]
    run --separate-stderr km-fetch -o . --base-url "$S/plain/zenodo" --dry-run misato
    [[ $output == MD.hdf5* ]]
    km-fetch -q -o . --base-url "$S/cut/zenodo" misato
    grep -q '"digest": "md5:' misato/manifest.json
    [ "$(ls misato)" = "$(printf '%s\n' MD.hdf5 manifest.json)" ]
}

@test "an API: frames, replicas, projects at other nodes" {
    mdposit() { km-fetch -o . --base-url "$S/$1/mdposit" "${@:2}" mdposit; }
    run --separate-stderr mdposit plain --list # without the ensemble
    [ "$(cut -f 1 <<<"$output")" = "$(printf '%s\n' MD-A0001 MD-A0002 MD-A0003)" ]
    mdposit plain -q
    bin=$BATS_FILE_TMPDIR/port.bin
    for id in MD-A0001 MD-A0002; do
        cmp mdposit/$id/replica001.bin "$bin"
        cmp mdposit/$id/replica003.bin <(head -c $((4 * 24 * 12)) "$bin")
        [ "$(ls mdposit/$id)" = "$(printf '%s\n' fetch.json project.json replica001.bin replica003.bin structure.pdb topology.json)" ]
    done
    grep -q '"digest": "md5:' mdposit/MD-A0001/fetch.json && grep -q '"license": "CC-BY-4.0"' mdposit/MD-A0001/fetch.json
    grep -q '"license": "none stated"' mdposit/MD-A0003/fetch.json
    [ "$(asked 'A0001.1/trajectory?format=bin&frames=1-8 .* 400')" -eq 1 ]
    rm -r mdposit
    mkdir -p mdposit/MD-A0001.part
    part=mdposit/MD-A0001.part/replica001.bin.part
    head -c 1500 "$bin" >$part
    echo '{"atoms": 24, "frames": 8}' >$part.json
    : >"$LOG"
    mdposit cut -q --only MD-A0001
    cmp mdposit/MD-A0001/replica001.bin "$bin"
    [ "$(asked 'A0001.1/trajectory.*frames=1-')" -eq 0 ] && [ "$(asked 'A0001.1/trajectory.*frames=6-')" -ge 1 ]
    rm -r mdposit
    mkdir -p mdposit/MD-A0001.part # of another length: from the beginning
    head -c 1500 /dev/zero >$part
    echo '{"atoms": 24, "frames": 9}' >$part.json
    mdposit plain -q --only MD-A0001
    cmp mdposit/MD-A0001/replica001.bin "$bin"
    rm -r mdposit
    for fault in spoiled truncated e500; do
        run --separate-stderr -4 mdposit $fault -q --tries 2 --only MD-A0001
        [ ! -e mdposit/MD-A0001 ]
    done
}

@test "a changed byte is found by the publisher's digest, and a file that is whole has its name" {
    mkdir -p mdcath
    for i in 1 2; do
        run --separate-stderr -4 km-fetch -q -o . --base-url "$S/spoiled/hub" --only 2abcA00 mdcath
        [ ! -e mdcath/mdcath_dataset_2abcA00.h5 ] && [ ! -e mdcath/mdcath_dataset_2abcA00.h5.part ]
        rm -rf .fetch
    done
    km-fetch -q -o . --base-url "$S/cut/hub" --only 2abcA00 mdcath
    [ "$(stat -c %s mdcath/mdcath_dataset_2abcA00.h5)" -eq 50000 ]
}

@test "the component dictionary" {
    km-fetch -o . --base-url "$S/plain/ccd" ccd
    gzip -t ccd/components.cif.gz
    run --separate-stderr -4 km-fetch -q -o b --base-url "$S/truncated/ccd" ccd
    [[ $stderr == *"damaged or truncated gzip"* ]] && [ ! -e b/ccd/components.cif.gz ]
}

@test "killed and repeated: the part stays, and is gone on with" {
    for signal in TERM KILL; do
        : >"$LOG"
        km-fetch -o . --base-url "$S/die/ATLAS" --tries 50 --only 2abc_B atlas 3>&- &
        sleep 1
        [ -s atlas/2abc_B.part/2abc_B_analysis.zip.part ]
        [ ! -e atlas/2abc_B ]
        kill -$signal $!
        wait $! || true
        [ -s atlas/2abc_B.part/2abc_B_analysis.zip.part ]
        # another address is another file: the part is not taken for it
        sed -i "s,/die/,/plain/," atlas/2abc_B.part/2abc_B_analysis.zip.part.json
        atlas plain --only 2abc_B
        [ "$(asked 'plain.*bytes=[1-9].* 206')" -eq 1 ]
        whole 2abc_B
        rm -r atlas
    done
}

@test "at most two connections a host, over all processes" {
    for id in 1dip_A 2abc_B 4api_D; do km-fetch -o . --base-url "$S/slow/ATLAS" --only $id atlas 3>&- & done
    wait
    whole 1dip_A
    whole 4api_D
    [ "$(find .fetch/hosts -type f | wc -l)" -eq 2 ]
}

@test "a host to which others send counts its connections too" {
    km-fetch -q -o . --base-url "$S/elsewhere/ATLAS" --only 1dip_A atlas
    whole 1dip_A
    [ "$(ls .fetch/hosts | grep -c -e '^localhost' -e '^127')" -eq 2 ]
    exec 8>"$(ls .fetch/hosts/localhost*.0)" 9>"$(ls .fetch/hosts/localhost*.0 | sed 's/0$/1/')"
    flock 8 && flock 9 # both places are taken
    run timeout 1 km-fetch -q -o . --base-url "$S/elsewhere/ATLAS" --only 2abc_B atlas
    [ "$status" -eq 124 ] && [ ! -e atlas/2abc_B ]
    [ "$(asked 'elsewhere.*2abc_B.* 302')" -ge 1 ] && [ "$(asked 'slow.*2abc_B')" -eq 0 ]
    exec 8>&- 9>&-
    km-fetch -q -o . --base-url "$S/elsewhere/ATLAS" --only 2abc_B atlas
    whole 2abc_B
}

@test "two runs do not fill one folder" {
    mkdir -p atlas/1dip_A.part
    flock atlas/1dip_A.part sleep 30 3>&- &
    sleep 0.2
    run --separate-stderr -4 atlas plain -q --only 1dip_A
    [[ $stderr == *"another run is filling it"* ]]
    kill $!
}

@test "misuse" {
    run --separate-stderr -2 km-fetch
    run --separate-stderr -2 km-fetch none
    [[ $stderr == *"'none' is no set"* ]]
    run --separate-stderr -2 km-fetch --base-url "$S" atlas atlas
    run --separate-stderr -2 km-fetch --tier total atlas
    run --separate-stderr -4 km-fetch -o /proc/none --only 1dip_A atlas
}

@test "a full disk" {
    [ "$(id -u)" -eq 0 ] || skip "needs root for a small file system"
    mkdir disk
    mount -t tmpfs -o size=256k none disk 2>/dev/null || skip "no file system can be mounted here"
    run --separate-stderr -4 km-fetch -q -o disk --base-url "$S/plain/ATLAS" --only 1dip_A atlas
    said=$stderr
    run km-fetch -q -o disk --base-url "$S/plain/ATLAS" --only 1dip_A atlas
    umount disk
    [[ $said == *"are needed in disk"* || $said == *"No space left"* ]]
    [ "$status" -eq 4 ]
}
