#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Reference cases of public implementations: the committed ones, and all others of known kinds where they lie beside the tree.
bats_require_minimum_version 1.5.0

setup() {
    oracle="$KM_BUILD/tests/oracle"
    data="$BATS_TEST_DIRNAME/../data/oracle"
}

@test "the committed reference cases agree" {
    run -0 "$oracle" "$data"/*.safetensors
    [ "$(grep -c ' ok$' <<<"$output")" -ge 40 ]
}

@test "a result that is off fails" {
    run -1 "$oracle" --rtol 1e-9 "$data/temporal_attention_causal.safetensors"
    [[ "$output" == *FAIL* ]]
}

@test "what is not a case fails with a line" {
    run -1 "$oracle" "$BATS_TEST_DIRNAME/oracle.bats"
    [[ "$output" == *FAIL* ]]
    run -1 "$oracle" "$BATS_TEST_TMPDIR/none.safetensors"
    [[ "$output" == *FAIL* ]]
    run -2 "$oracle"
    run -2 "$oracle" --rtol x "$data/temporal_attention_causal.safetensors"
}

@test "all other cases of known kinds agree, where they are" {
    all="$BATS_TEST_DIRNAME/../../../shared/oracle"
    [ -d "$all" ] || skip "no further cases"
    files=()
    for kind in temporal_attention_ diffusion_conditioning_ denoise_ sampler_ losses_ train_step_ pairformer- input_embedder- msa_module- template_module- \
        boltz2_sample_ features- template_features_ biokinema_; do
        files+=("$all/$kind"*.safetensors)
    done
    run -0 "$oracle" "${files[@]}"
}
