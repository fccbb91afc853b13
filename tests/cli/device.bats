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

@test "a forecast and training on the device agree with the processor's, and training goes on as if it had not stopped" {
    tiny="model.token_s=16 model.token_z=8 model.token_transformer_depth=1 model.atom_encoder_depth=1 model.atom_decoder_depth=1"
    LD_LIBRARY_PATH=$emulated run -0 sh tests/device_runs.sh "$KM_BUILD/bin" pipelines/mini/examples/LGE 2 2 2 batch=1 windows=1 shards=1 validation_windows=1 frames.max=3 $tiny
    [ "$(grep -c '^ok' <<<"$output")" -eq 3 ]
    [[ "$output" == *"went on from step 1: off by 0.0e+00 in the mean"* ]]
    [[ "$output" != *"not ok"* ]]
}

@test "forecasts, staircases, structures without a start and intervals of the second family agree with the processor's" {
    cp tests/data/torch/biokinema.pt "$BATS_TEST_TMPDIR/x_sqrt.pt"
    cd "$BATS_TEST_TMPDIR"
    km-tokenize -q --family biokinema "$OLDPWD/$pdb" >in.km
    km-trunk -q --device cpu --weights x_sqrt.pt in.km >init.km
    make() { # DEVICE and how: coordinates, a line an atom
        km-"$2" -q --device "$1" --weights x_sqrt.pt --steps 4 "${@:3}" >made.km
        km-export -q made.km made.cif
        awk '/^(ATOM|HETATM)/ { print $11, $12, $13 }' made.cif
    }
    km-forecast -q --device cpu --weights x_sqrt.pt --steps 4 --frames 2 --dt 2ns init.km >two.km
    for how in "forecast --frames 4 init.km" "forecast --frames 4 --stage 2 init.km" "forecast --from-scratch --frames 3 in.km" \
               "interp --dt 500ps two.km"; do
        make cpu $how >cpu
        LD_LIBRARY_PATH=$emulated make cuda $how >cuda
        paste cpu cuda | awk '{ for (i = 1; i <= 3; i++) { d += ($i - $(i + 3))^2; q += $i^2 } } END { exit !(NR > 20 && d < 1e-6 * q) }'
    done
}

@test "reference cases on the device keep their tolerances" {
    LD_LIBRARY_PATH=$emulated run -0 "$KM_BUILD/tests/oracle" --device cuda tests/data/oracle/{pairformer,msa_module,temporal_attention,losses,biokinema_losses,boltz2_sample}*.safetensors
    [ "$(grep -c ' ok$' <<<"$output")" -ge 24 ]
}

@test "what does not fit into the device's memory is refused beforehand, with what helps" {
    km-tokenize -q "$pdb" | km-trunk -q --device cpu >"$BATS_TEST_TMPDIR/init.km"
    LD_LIBRARY_PATH=$emulated KM_EMULATE_MEMORY=500000000 run --separate-stderr km-forecast -q --device cuda --frames 20 --steps 2 --no-pg "$BATS_TEST_TMPDIR/init.km"
    [ "$status" -eq 5 ]
    [[ $stderr == *"a window of "*" frames needs "*" MB of memory and "*" MB may be taken: "* ]]
    LD_LIBRARY_PATH=$emulated KM_EMULATE_MEMORY=500000000 run --separate-stderr km-trunk -q --device cuda <(km-tokenize -q "$pdb")
    [ "$status" -eq 5 ]
    [[ $stderr == *"the trunk of "*" tokens and "*"--device cpu"* ]]
}

@test "memory that runs out all the same, and a kernel that fails, are status 5 with the reason" {
    km-tokenize -q "$pdb" >"$BATS_TEST_TMPDIR/in.km"
    LD_LIBRARY_PATH=$emulated KM_EMULATE_FAIL=memory run --separate-stderr km-trunk -q --device cuda "$BATS_TEST_TMPDIR/in.km"
    [ "$status" -eq 5 ]
    [[ $stderr == "km-trunk: --device cuda: emulated: "*" GB more are needed, "*" are free ("*"--device cpu needs less)" ]]
    LD_LIBRARY_PATH=$emulated KM_EMULATE_FAIL=kernel run --separate-stderr km-trunk -q --device cuda "$BATS_TEST_TMPDIR/in.km"
    [ "$status" -eq 5 ]
    [ "$stderr" = "km-trunk: --device cuda: a kernel: cudaErrorLaunchFailure" ]
    [ -z "$output" ]
}

@test "a device that does not exist is status 5 with the reason" {
    LD_LIBRARY_PATH=$emulated run --separate-stderr km-info --device cuda:7 "$pdb"
    [ "$status" -eq 5 ]
    [[ $stderr == "km-info: --device cuda:7: no device 7: there is 1, counted from 0" ]]
}

@test "a device without a pool of memory is status 5 with the reason" {
    LD_LIBRARY_PATH=$emulated KM_EMULATE_FAIL=pool run --separate-stderr km-info --device cuda "$pdb"
    [ "$status" -eq 5 ]
    [[ $stderr == "km-info: --device cuda: device 0, emulated, has no pool of memory" ]]
}

@test "processes of one machine share its devices out in turn" {
    for name in OMPI_COMM_WORLD_LOCAL_RANK SLURM_LOCALID; do
        run -0 env "$name=3" LD_LIBRARY_PATH="$emulated" km-info --device cuda <(km-tokenize -q "$pdb")
    done
}

@test "intervals are filled on the device, one batch begun before the one before it leaves, as on the processor" {
    cd "$BATS_TEST_DIRNAME/../.."
    at=$BATS_TEST_TMPDIR
    km-tokenize -q "$pdb" | km-trunk -q --device cpu | km-forecast -q --device cpu --frames 3 --dt 50ps --steps 2 --seed 5 >"$at/f.km"
    for batch in 1 2; do
        order=late; [ $batch -eq 1 ] || order=early
        KM_EMULATE_STREAMS=$order LD_LIBRARY_PATH=$emulated km-interp -q --device cuda --batch $batch --dt 25ps --steps 3 --seed 5 --no-pg "$at/f.km" >"$at/$batch.km"
    done
    cmp "$at/1.km" "$at/2.km"
    km-interp -q --device cpu --dt 25ps --steps 3 --seed 5 --no-pg "$at/f.km" >"$at/cpu.km"
    for f in 1 cpu; do km-export -q "$at/$f.km" "$at/$f.pdb"; grep -E '^(ATOM|HETATM)' "$at/$f.pdb" | cut -c31-54 >"$at/$f.xyz"; done
    paste "$at/cpu.xyz" "$at/1.xyz" | awk '{ for (i = 1; i <= 3; i++) d += ($i - $(i + 3))^2; n++ }
        END { print "off by", sqrt(d / n), "in", n; exit !(NF == 6 && n > 0 && sqrt(d / n) < 0.3) }'
}

@test "frame after frame on the device, with keys and values kept there, as on the processor" {
    at=$BATS_TEST_TMPDIR
    km-tokenize -q "$pdb" | km-trunk -q --device cpu >"$at/init.km"
    for device in cpu cuda; do
        LD_LIBRARY_PATH=$emulated km-forecast -q --device $device --causal --force --frames 3 --steps 2 --seed 5 --no-pg "$at/init.km" >"$at/$device.km"
        km-export -q "$at/$device.km" "$at/$device.pdb"; grep -E '^(ATOM|HETATM)' "$at/$device.pdb" | cut -c31-54 >"$at/$device.xyz"
    done
    paste "$at/cpu.xyz" "$at/cuda.xyz" | awk '{ for (i = 1; i <= 3; i++) d += ($i - $(i + 3))^2; n++ }
        END { print "off by", sqrt(d / n), "in", n; exit !(NF == 6 && n > 0 && sqrt(d / n) < 0.5) }'
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

# The real library, where it was built, on a machine without a GPU: in place of the driver one that says what the test wants.
driver() { # VERSION STATUS-OF-cuInit
    [ -e "$KM_BUILD/libkm-cuda.so" ] || skip "nvcc is not here"
    sed "s/VERSION/$1/; s/STATUS/$2/" >"$BATS_TEST_TMPDIR/driver.c" <<'C'
#include <string.h>
int cuDriverGetVersion(int *v) { *v = VERSION; return 0; }
int cuInit(unsigned flags) { return STATUS; }
static int nothing(void) { return 500; }
int cuGetProcAddress_v2(const char *name, void **p, int version, unsigned long flags, int *found)
{
    *p = !strcmp(name, "cuDriverGetVersion") ? (void *)cuDriverGetVersion : !strcmp(name, "cuInit") ? (void *)cuInit :
        !strncmp(name, "cuGetProcAddress", 16) ? (void *)cuGetProcAddress_v2 : (void *)nothing;
    if (found) *found = 0;
    return 0;
}
C
    gcc -shared -fPIC -o "$BATS_TEST_TMPDIR/libcuda.so.1" "$BATS_TEST_TMPDIR/driver.c"
    LD_LIBRARY_PATH=$BATS_TEST_TMPDIR:$KM_BUILD run --separate-stderr km-info --device cuda "$pdb"
    [ "$status" -eq 5 ]
}

@test "a driver that is too old is status 5 with both versions" {
    driver 11080 0
    [[ $stderr == "km-info: --device cuda: the NVIDIA driver is for CUDA 11.8, and "*" is needed" ]]
}

@test "a driver without a card is status 5" {
    driver 99000 100
    [[ $stderr == "km-info: --device cuda: no NVIDIA GPU: "* ]]
}

@test "without cuBLASLt or NCCL the names that were looked for are said" {
    cat >"$BATS_TEST_TMPDIR/a.c" <<'C'
#include <dlfcn.h>
#include <stdio.h>
int main(int n, char **v)
{
    char msg[512] = "";
    int (*find)(char *, unsigned long) = (int (*)(char *, unsigned long))dlsym(dlopen(v[1], RTLD_NOW), v[2]);
    int found = find(msg, sizeof msg) & 0xff;
    puts(msg);
    return !found;
}
C
    gcc -o "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/a.c" -ldl
    lib=$BATS_TEST_TMPDIR/libkm-cuda.so # away from what it opens
    cp "$emulated/libkm-cuda.so" "$lib"
    KM_CUBLASLT=/nowhere/x.so run -1 "$BATS_TEST_TMPDIR/a" "$lib" km_cublaslt_open
    [ "$output" = "KM_CUBLASLT: /nowhere/x.so cannot be opened" ]
    KM_CUBLASLT=libm.so.6 run -1 "$BATS_TEST_TMPDIR/a" "$lib" km_cublaslt_open
    [[ "$output" == "libm.so.6 has no function cublasLtCreate" ]]
    HOME=/nowhere run -1 "$BATS_TEST_TMPDIR/a" "$lib" km_cublaslt_open
    [[ "$output" == "libcublasLt.so.0 not found: looked in LD_LIBRARY_PATH, ldconfig and Python's nvidia packages; KM_CUBLASLT=PATH names it" ]]
    KM_NCCL=/nowhere/x.so run -1 "$BATS_TEST_TMPDIR/a" "$lib" km_nccl_open
    [ "$output" = "KM_NCCL: /nowhere/x.so cannot be opened" ]
    KM_NCCL=libm.so.6 run -1 "$BATS_TEST_TMPDIR/a" "$lib" km_nccl_open
    [ "$output" = "libnccl.so.2 has no function ncclGetUniqueId" ]
    HOME=/nowhere run "$BATS_TEST_TMPDIR/a" "$lib" km_nccl_open
    [ "$status" -eq 0 ] || [[ "$output" == "libnccl.so.2 not found, "*"looked in LD_LIBRARY_PATH, ldconfig and Python's nvidia packages; KM_NCCL=PATH names it" ]]
}

@test "libraries are found with the environment's Python, and with the user's" {
    cat >"$BATS_TEST_TMPDIR/a.c" <<'C'
#include <dlfcn.h>
int main(int n, char **v)
{
    void *(*find)(const char *) = (void *(*)(const char *))dlsym(dlopen(v[1], RTLD_NOW), "_Z14km_open_pythonPKc");
    return !find("libof-a-test.so.7");
}
C
    gcc -o "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/a.c" -ldl
    for prefix in env .local; do
        lib=$BATS_TEST_TMPDIR/$prefix/lib/python3.99/site-packages/nvidia/cu13/lib
        HOME=$BATS_TEST_TMPDIR PATH=/x:$BATS_TEST_TMPDIR/env/bin:$PATH run -1 "$BATS_TEST_TMPDIR/a" "$emulated/libkm-cuda.so"
        mkdir -p "$lib"
        echo 'int x;' | gcc -shared -o "$lib/libof-a-test.so.7" -x c -
        HOME=$BATS_TEST_TMPDIR PATH=/x:$BATS_TEST_TMPDIR/env/bin:$PATH run -0 "$BATS_TEST_TMPDIR/a" "$emulated/libkm-cuda.so"
        rm -r "${BATS_TEST_TMPDIR:?}/$prefix"
    done
}
