# SPDX-License-Identifier: MIT
# km-train on several processes: one result, whoever computes it, and an end for all when one dies.

bats_require_minimum_version 1.5.0

setup_file() {
    here=$BATS_TEST_DIRNAME/../../pipelines/mini/examples
    km-strip -q --top "$here/LGE.pdb" -o "$BATS_FILE_TMPDIR/LGE.h5" "$here/LGE.xtc"
}

setup() {
    command -v mpirun >/dev/null || skip "no mpirun"
    program=$(command -v km-train)
    [ -e "$(dirname "$program")/../libkm-mpi.so" ] || skip "built without MPI"
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    export OMPI_MCA_mpi_yield_when_idle=1
    cd "$BATS_FILE_TMPDIR"
    small="batch=4 windows=2 validation_windows=4 validation_samples=0 max_steps=4 validate_every=2 log_every=1 frames.max=5 threads=1
        model.token_s=16 model.token_z=8 model.token_transformer_depth=2 model.atom_encoder_depth=1 model.atom_decoder_depth=1"
}

# The largest difference between two weights files, in numbers.
difference() { km-weights compare "$1" "$2" | sed -n 's/.*by at most //p' | sort -g | tail -1; }

# Two ranks train until they have logged two steps; $job is their launcher, which gives them some time to end.
start_ranks() { # RUN
    OMPI_MCA_odls_base_sigkill_timeout=5 mpirun -n 2 km-train -q --config mini --data LGE.h5 -o "$1" $small shards=1 \
        max_steps=100000 checkpoint_every=100000 validate_every=100000 2> "$1.said" & job=$!
    for _ in $(seq 1200); do
        [ "$(cat "$1/log.jsonl" 2>/dev/null | grep -c grad_norm)" -ge 2 ] && break
        sleep 0.1
    done
}

# The process of a rank.
rank_of() { # JOB RANK
    for pid in $(pgrep -P "$1"); do
        ! tr '\0' '\n' < "/proc/$pid/environ" | grep -q "^OMPI_COMM_WORLD_RANK=$2\$" || echo "$pid"
    done
}

@test "two ranks with half of the batch are one with all of it, within rounding" {
    for shards in 1 2; do
        km-train -q --config mini --data LGE.h5 -o "one$shards" $small shards=$shards lr=1e-3 warmup=0
        mpirun -n 2 km-train -q --config mini --data LGE.h5 -o "two$shards" $small shards=$shards lr=1e-3 warmup=0
        far=$(difference "one$shards/last.safetensors" "two$shards/last.safetensors")
        echo "shards $shards: weights differ by ${far:-nothing}"
        awk -v d="${far:-0}" 'BEGIN { exit !(d < 2e-5) }'
        paste <(grep -o '"loss": [^,]*' "one$shards/log.jsonl") <(grep -o '"loss": [^,]*' "two$shards/log.jsonl") |
            awk '{ n++; if (($2 - $4) ^ 2 > 1e-8 * $2 ^ 2) bad = 1 } END { exit bad || n != 4 }'
    done
    km-train -q --config mini --data LGE.h5 -o other $small shards=1 lr=1e-3 warmup=0 seed=2
    far=$(difference one1/last.safetensors other/last.safetensors)
    awk -v d="$far" 'BEGIN { exit !(d > 1e-3) }' # what the comparison would say if they were not
}

@test "the script for Slurm trains on several ranks, and goes on when submitted again" {
    mkdir -p slurm
    printf '#!/bin/sh\nshift\nexec mpirun -n 2 "$@"\n' > slurm/srun
    chmod +x slurm/srun
    script=$BATS_TEST_DIRNAME/../../pipelines/train.sbatch
    PATH=$PWD/slurm:$PATH SLURM_CPUS_PER_TASK=1 sh "$script" mini first -q --data LGE.h5 $small shards=1
    km-train -q --config mini --data LGE.h5 -o first $small shards=1 --resume
    run -2 mpirun -n 2 km-train -q --config mini --data LGE.h5 -o first $small shards=1
    [[ "$output" == *"holds a run already"* ]]
}

@test "a job that is told to end writes its state" {
    start_ranks told
    for rank in 0 1; do kill -TERM "$(rank_of "$job" $rank)"; done # as srun does
    ! wait "$job"
    [ -e told/state.h5 ]
    [ ! -e told/state.h5.part ]
}

@test "a batch that cannot be shared out is refused by all" {
    run mpirun -n 3 km-train -q --config mini --data LGE.h5 -o third $small shards=1
    [ "$status" -eq 2 ]
    [[ "$output" == *"batch=4 is not a multiple of 3 ranks"* ]]
}

# One of two ranks is killed hard. What is said is in $output.
kill_rank() { # RANK RUN
    start_ranks "$2"
    [ ! -e "$2/state.h5" ]
    kill -9 "$(rank_of "$job" "$1")"
    status=0
    wait "$job" || status=$?
    output=$(cat "$2.said")
    echo "$output"
}

@test "a rank that dies ends the job with a checkpoint and a message" {
    kill_rank 1 dies
    [ "$status" -ne 0 ]
    [ -e dies/state.h5 ]
    [[ "$output" =~ "another rank has ended: the state after step "[0-9]*" is written" ]]
}

@test "when the first rank dies the second writes the state, and the run goes on from it" {
    kill_rank 0 headless
    [ "$status" -ne 0 ]
    [[ "$output" =~ "rank 1: the first rank has ended: the state after step "([0-9]*)" is written" ]]
    km-train -q --config mini --data LGE.h5 -o headless $small shards=1 max_steps=100000 checkpoint_every=100000 \
        validate_every=100000 --resume & job=$!
    for _ in $(seq 1200); do
        grep -q "\"step\": $((BASH_REMATCH[1] + 1))," headless/log.jsonl && break
        sleep 0.1
    done
    kill "$job"
    ! wait "$job"
    # every step once, in order
    sed -n 's/.*"step": \([0-9]*\), "loss".*/\1/p' headless/log.jsonl | awk '$1 != NR { bad = 1 } END { exit bad || NR < 3 }'
}

@test "ranks share the validation, and come to what one process does" {
    each="validation_windows=7 validation_samples=3 max_steps=2"
    km-train -q --config mini --data LGE.h5 -o "judged1" $small shards=1 $each
    mpirun -n 2 km-train -q --config mini --data LGE.h5 -o "judged2" $small shards=1 $each
    python3 - judged1/log.jsonl judged2/log.jsonl <<'PY'
import json, sys
one, two = ([o for o in map(json.loads, open(p)) if "validation_loss" in o] for p in sys.argv[1:])
def numbers(o):
    return {k: v for k, v in o.items() if not isinstance(v, dict)} | o["struct_at_sigma"]
assert len(one) == len(two) == 1
one, two = numbers(one[0]), numbers(two[0])
assert one["generated_windows"] == 6 and set(one) == set(two), (one, two)
for k in one:
    assert abs(one[k] - two[k]) <= 2e-3 * abs(one[k]), (k, one[k], two[k])
PY
}
