# SPDX-License-Identifier: MIT
# km-train: runs, resumes exactly, refuses what cannot be.

bats_require_minimum_version 1.5.0

setup_file() {
    here=$BATS_TEST_DIRNAME/../../pipelines/mini/examples
    km-strip -q --top "$here/LGE.pdb" -o "$BATS_FILE_TMPDIR/LGE.h5" "$here/LGE.xtc"
}

setup() {
    cd "$BATS_FILE_TMPDIR"
    small="batch=2 windows=1 validation_windows=2 validation_samples=0 max_steps=12 checkpoint_every=2 validate_every=6 log_every=1 frames.max=5
        model.token_s=8 model.token_z=8 model.atom_s=8 model.atom_z=4 model.token_transformer_depth=1 model.atom_encoder_depth=1
        model.atom_decoder_depth=1 model.token_temporal_heads=2 model.pairformer_args.num_blocks=1 model.dim_fourier=8"
}

train() { # RUN and what differs
    run=$1; shift
    km-train -q --config mini --data LGE.h5 -o "$run" $small "$@"
}

@test "killed hard and resumed, the weights are those of the run that was never killed" {
    train whole threads=1
    km-train -q --config mini --data LGE.h5 -o cut $small threads=1 & pid=$! # not through the function: the shell would be killed, not the program
    for _ in $(seq 100); do [ -e cut/state.h5 ] && break; sleep 0.05; done
    kill -9 $pid || true
    wait $pid || true
    train cut --resume threads=1
    cmp whole/last.safetensors cut/last.safetensors
    cmp whole/best.safetensors cut/best.safetensors
    [ "$(grep -c '"grad_norm"' cut/log.jsonl)" -eq 12 ]
    train cut --resume threads=1
}

@test "killed hard at twenty moments, a run ends as if it had never been" {
    longer="max_steps=60 validate_every=20 checkpoint_every=4"
    train calm threads=1 $longer
    RANDOM=7
    for i in $(seq 20); do # each lets the log grow by about two lines, then waits for some milliseconds
        km-train -q --config mini --data LGE.h5 -o torn $small threads=1 $longer --resume & pid=$!
        lines=$((2 * i + RANDOM % 4))
        until [ "$(cat torn/log.jsonl 2>/dev/null | wc -l)" -ge "$lines" ]; do kill -0 $pid; sleep 0.02; done
        sleep "0.0$((RANDOM % 6))"
        kill -9 $pid
        wait $pid || true
    done
    train torn --resume threads=1 $longer
    cmp calm/last.safetensors torn/last.safetensors
    cmp calm/best.safetensors torn/best.safetensors
    losses() { sed -n 's/.*"step": \([0-9]*\), "loss": \([^,]*\),.*/\1 \2/p' "$1"; }
    cmp <(losses calm/log.jsonl) <(losses torn/log.jsonl)
    [ "$(losses torn/log.jsonl | wc -l)" -eq 60 ]
}

@test "a damaged state is noticed, and the one before it used" {
    train sound threads=1
    cp -r sound hurt
    size=$(stat -c %s hurt/state.h5)
    printf 'damage' | dd of=hurt/state.h5 bs=1 seek=$((size / 2)) conv=notrunc status=none
    run --separate-stderr km-train --progress never --config mini --data LGE.h5 -o hurt --resume $small threads=1
    [ "$status" -eq 0 ]
    [[ "$stderr" == *"state.h5 is damaged"* ]]
    cmp sound/last.safetensors hurt/last.safetensors
    cmp <(grep -o '"loss": [^,]*' sound/log.jsonl) <(grep -o '"loss": [^,]*' hurt/log.jsonl)
    printf 'damage' | tee hurt/state.h5 > hurt/state-before.h5
    run -3 km-train -q --config mini --data LGE.h5 -o hurt --resume $small threads=1
    [[ "$output" == *"state.h5"* ]]
}

@test "a run of steps that have to be left out ends the run, named in the log" {
    run -3 train wild threads=1 spike=1e-9 max_skipped=3
    [[ "$output" == *"3 steps in a row"*"far too large"*"LGE.h5"* ]]
    [ "$(grep -c '"skipped": "spike", "system": "LGE.h5"' wild/log.jsonl)" -eq 3 ]
    [ -e wild/state.h5 ]
}

@test "validations without a better one end the run" {
    train patient threads=1 lr=0 ema=0 validate_every=1 patience=2 checkpoint_every=100
    [ "$(grep -c validation_loss patient/log.jsonl)" -eq 3 ]
    grep -q '"struct_at_sigma"' patient/log.jsonl
    train patient threads=1 lr=0 ema=0 validate_every=1 patience=2 checkpoint_every=100 --resume
    [ "$(grep -c validation_loss patient/log.jsonl)" -eq 3 ]
}

@test "an overfitted model is compared with its own windows" {
    train own threads=1 --overfit 2 max_steps=4 validation_samples=2 validation_windows=2
    grep -q '"generated_windows": 2, "rmsf_r": [-0-9.]*, "pairwise_rmsd_r": [-0-9.]*, "rmsd": [0-9.]*}' own/log.jsonl
    run -2 train own threads=1 --overfit 0
}

@test "the result does not depend on the number of threads" {
    train one threads=1
    train two --threads 2
    cmp <(km-info --json one/last.safetensors | grep -v path) <(km-info --json two/last.safetensors | grep -v path) ||
        cmp one/last.safetensors two/last.safetensors
}

@test "the weights of a run generate" {
    train gen
    km-tokenize -q "$BATS_TEST_DIRNAME/../../pipelines/mini/examples/LGE.pdb" | km-forecast -q --weights gen --frames 2 --steps 2 > gen.km
    km-info --verify gen.km
}

@test "weights to go on from keep their model, and sample as the configuration says" {
    train first
    train second --init first sampling.steps=7
    km-info --json second/last.safetensors | grep -qF '\"steps\":7,'
    run ! grep -qF '\"steps\":7,' <(km-info --json first/last.safetensors)
    run -2 km-train -q --config mini --data LGE.h5 -o third --init first $small model.token_s=16
    [[ "$output" == *"first"*"another model"* ]]
}

@test "the phases of the full model go on from weights, each with its tasks and sets" {
    here=$BATS_TEST_DIRNAME/../../pipelines/mini/examples
    km-strip -q --set-name atlas --top "$here/LGE.pdb" -o atlas.h5 "$here/LGE.xtc"
    km-strip -q --set-name dd13m --top "$here/LGE.pdb" -o dd13m.h5 "$here/LGE.xtc"
    few="batch=2 max_steps=2 validation_windows=2 validation_samples=1 log_every=1 frames.to_200=6 frames.min=4 threads=1"
    km-train -q --config equilibrium --init mini --data atlas.h5 -o p1 $few sets.atlas.min=1ps sets.atlas.max=20ps
    km-train -q --config unbinding --init p1 --data dd13m.h5 -o p2 $few sets.dd13m.min=1ps
    km-info --json p1/last.safetensors | grep -qF '\"causal\":false'
    km-info --json p2/last.safetensors | grep -qF '\"causal\":true'
    grep -q '"grad_norm"' p2/log.jsonl
    run -3 km-train -q --config phase0 --init mini --data dd13m.h5 -o p0
    [[ "$output" == *"dd13m.h5: set 'dd13m' is not in the configuration"* ]]
}

@test "models of another family learn from systems of theirs, with and without a stored trunk" {
    here=$BATS_TEST_DIRNAME/../../pipelines/mini/examples
    cp "$BATS_TEST_DIRNAME/../data/torch/biokinema.pt" x_sqrt.pt
    for family in boltz2 biokinema; do
        km-strip -q --family $family --set-name atlas --top "$here/LGE.pdb" --stride 10 -o $family.h5 "$here/LGE.xtc"
    done
    few="batch=2 max_steps=2 validation_windows=2 validation_samples=1 log_every=1 frames.min=3 frames.max=5 threads=1
        sets.atlas.min=1ps sets.atlas.max=200ps"
    km-trunk -q --weights x_sqrt.pt --cache trunks biokinema.h5
    km-train -q --config biokinema --init x_sqrt.pt --data biokinema.h5 -o a $few
    km-train -q --config biokinema --init x_sqrt.pt --trunk trunks --data biokinema.h5 -o b $few
    km-train -q --config biokinema --init x_sqrt.pt --trunk trunks --data biokinema.h5 -o c $few crop.tokens=2
    loss() { sed -n 's/^{"step": 1, "loss": \([^,]*\),.*/\1/p' "$1/log.jsonl"; }
    python3 -c 'import sys; a, b, c = map(float, sys.argv[1:]); assert abs(a - b) < 1e-3 * a and abs(a - c) > 1e-3 * a' \
        "$(loss a)" "$(loss b)" "$(loss c)"
    km-tokenize -q --family biokinema "$here/LGE.pdb" | km-forecast -q --weights b --frames 2 --steps 2 >made.km
    km-info --verify made.km
    few+=" -o d"
    run -3 km-train -q --config biokinema --init x_sqrt.pt --data boltz2.h5 $few
    [[ "$output" == *"boltz2.h5 has features of boltz2, the model is of the family biokinema (km-strip --family)" ]]
    run -3 km-train -q --config equilibrium --init mini --data biokinema.h5 $few
    [[ "$output" == *"biokinema.h5 has features of biokinema, the model is of the family boltz2 (km-strip --family)" ]]
    run -2 km-train -q --config biokinema --init x_sqrt.pt --data biokinema.h5 $few temporal=causal
    cp x_sqrt.pt x.pt
    run -2 km-train -q --config biokinema --init x.pt --data biokinema.h5 $few
    [[ "$output" == *"x.pt do not say their exponent of time: km-weights convert --beta puts it in" ]]
}

@test "misuse and bad data are refused" {
    run -2 km-train --config mini --data LGE.h5
    run -2 km-train --config mini --data LGE.h5 -o bad no_such_key=1
    run -2 km-train --config mini --data LGE.h5 -o bad lr=fast
    run -4 km-train --config mini --data no-such.h5 -o bad
    echo "not a trajectory" > bad.h5
    run -3 km-train --config mini --data bad.h5 -o bad
    train again
    run -2 train again
    run -2 km-train -q --config mini --data LGE.h5 -o again --resume lr=1e-5
    [[ "$output" == *"another configuration"* ]]
}
