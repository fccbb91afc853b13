# SPDX-License-Identifier: MIT
# km-weights: checkpoints of PyTorch and safetensors, one into the other.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    T=$BATS_TEST_TMPDIR
    views=tests/data/torch/views.ckpt
}

@test "list: names, types and shapes, as text and JSON" {
    run --separate-stderr km-weights list "$views"
    [ "$status" -eq 0 ]
    [[ $output == *"matrix F32 [4,3]"* ]]
    [[ $output == *"extra/bfloat16 BF16 [3]"* ]]
    run --separate-stderr bash -o pipefail -c "km-weights list --json --only 'extra/*' $views | /usr/bin/python3 -c '
import json, sys
j = json.load(sys.stdin)
assert j[\"format\"] == \"pytorch\" and len(j[\"tensors\"]) == 12
assert dict(name=\"extra/int64\", dtype=\"I64\", shape=[3]) in j[\"tensors\"]
'"
    [ "$status" -eq 0 ]
}

@test "list: hyper-parameters that omegaconf holds" {
    run --separate-stderr km-weights list --json tests/data/torch/config.ckpt
    [ "$status" -eq 0 ]
    [[ $output == *'"hyper_parameters": {'*'"depth": 2'* ]]
}

@test "count: by module, what has two names once" {
    km-weights convert mini -o "$T/mini.ckpt"
    run --separate-stderr km-weights count "$T/mini.ckpt"
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = "$(km-weights count mini | tail -n 1)" ]
    [[ $output == *"  score_model"* ]]
}

@test "convert: a checkpoint's tensors in safetensors, as NumPy would have them" {
    km-weights convert "$views" -o "$T/views.safetensors"
    run --separate-stderr km-weights compare "$views" "$T/views.safetensors"
    [ "$status" -eq 0 ]
    [[ $output == "18 tensors are the same, 0 differ" ]]
    /usr/bin/python3 - "$T/views.safetensors" <<'EOF'
import json, struct, sys
raw = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
head = json.loads(raw[8:8 + n])
def data(name):
    a, b = head[name]["data_offsets"]
    return raw[8 + n + a:8 + n + b]
block = [float(i) for i in range(24)]
assert struct.unpack("<12f", data("matrix")) == tuple(block[12 + 4 * (i % 3) + i // 3] for i in range(12))
assert struct.unpack("<6f", data("expanded")) == (1.5, -2.0) * 3
assert data("extra/bfloat16") == struct.pack("<3H", 0x3f80, 0, 0x4000) and data("extra/bool") == bytes([1, 0, 1])
assert head["empty"]["shape"] == [0, 4]
EOF
}

@test "convert: there and back the same bytes, digests and all" {
    km-weights convert mini -o "$T/mini.ckpt"
    run --separate-stderr km-weights compare mini "$T/mini.ckpt"
    [ "$status" -eq 0 ]
    run --separate-stderr bash -o pipefail -c "diff <(km-weights list mini | grep digest) <(km-weights list '$T/mini.ckpt' | grep digest)"
    [ "$status" -eq 0 ]
    km-weights convert mini -o "$T/again.ckpt"
    cmp "$T/mini.ckpt" "$T/again.ckpt"
}

@test "convert: a zip and a pickle that call nothing but what torch.load allows" {
    km-weights convert mini -o "$T/mini.ckpt"
    /usr/bin/python3 - "$T/mini.ckpt" <<'EOF'
import pickletools, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None and all(i.compress_type == 0 for i in z.infolist())
assert z.read("archive/byteorder") == b"little" and z.read("archive/version") == b"3\n"
for i in z.infolist():
    z.fp.seek(i.header_offset + 26)
    n, m = (int.from_bytes(z.fp.read(2), "little") for _ in range(2))
    assert (i.header_offset + 30 + n + m) % 64 == 0, i.filename
pickle = z.read("archive/data.pkl")
allowed = {"torch._utils _rebuild_tensor_v2", "collections OrderedDict", "torch HalfStorage"}
ops = list(pickletools.genops(pickle))
assert {a for o, a, _ in ops if o.name == "GLOBAL"} == allowed
pickletools.dis(pickle, out=open("/dev/null", "w"))
texts = {a for o, a, _ in ops if o.name == "BINUNICODE"}
assert {"state_dict", "rest", "kinematic", "rel_pos_encoder.linear_layer.weight"} <= texts
assert "score_model.token_transformer.layers.0.output_projection.0.weight" in texts
assert "score_model.token_transformer.layers.0.output_projection_linear.weight" in texts
EOF
}

@test "a model as a checkpoint is weights like any other" {
    km-weights convert mini -o "$T/mini.ckpt"
    km-tokenize -q -o "$T/x.km" tests/data/features-peptide.pdb
    km-trunk --no-pg --weights mini -o "$T/a.km" "$T/x.km"
    km-trunk --no-pg --weights "$T/mini.ckpt" -o "$T/b.km" "$T/x.km"
    run --separate-stderr bash -c "km-info --json '$T/a.km' | grep trunk_digest"
    [ "$output" = "$(km-info --json "$T/b.km" | grep trunk_digest)" ]
    [ -n "$output" ]
}

@test "a checkpoint of Boltz-2 predicts a structure" {
    weights=$BATS_TEST_DIRNAME/../../../shared/oracle/checkpoint-omegaconf.ckpt
    [ -f "$weights" ] || skip "no such checkpoint"
    km-tokenize -q pipelines/mini/examples/LGE.pdb | km-trunk -q --weights "$weights" >"$T/init.km"
    run --separate-stderr km-forecast --from-scratch --frames 1 --seed 2 -o "$T/a.km" "$T/init.km"
    [ "$status" -eq 0 ]
    km-info "$T/a.km" | grep 'frames: 1$'
    run --separate-stderr km-forecast --frames 1 -o "$T/b.km" "$T/init.km"
    [ "$status" -eq 2 ]
    [[ $stderr == *"--from-scratch --frames 1"* ]]
}

@test "convert --dtype: fewer bytes, digests of its own; numbers to the nearest" {
    km-weights convert --dtype f32 mini -o "$T/mini.safetensors"
    km-weights convert --dtype bf16 "$T/mini.safetensors" -o "$T/half.safetensors"
    [ "$(stat -c %s "$T/half.safetensors")" -lt $(($(stat -c %s "$T/mini.safetensors") * 6 / 10)) ]
    run km-weights list "$T/half.safetensors"
    [[ $output == *"s_init.weight BF16"* ]]
    digests() { km-weights list "$1" | grep digest; }
    [ "$(digests mini)" = "$(digests "$T/mini.safetensors")" ] # float16 numbers are float32 numbers
    [ "$(digests mini)" != "$(digests "$T/half.safetensors")" ]
    [ "$(digests "$T/half.safetensors" | wc -l)" -eq 2 ]
    km-weights convert --only '*' "$T/half.safetensors" -o "$T/bare.safetensors"
    run ! digests "$T/bare.safetensors"
    km-weights convert "$T/bare.safetensors" -o "$T/twice.safetensors"
    cmp "$T/half.safetensors" "$T/twice.safetensors"
    km-weights convert --dtype f32 "$T/half.safetensors" -o "$T/whole.safetensors"
    km-weights convert --dtype bf16 "$T/whole.safetensors" -o "$T/again.safetensors"
    km-weights compare "$T/half.safetensors" "$T/again.safetensors"
    run --separate-stderr km-weights compare --json --only s_init.weight mini "$T/half.safetensors"
    [ "$status" -eq 1 ]
    [[ $output == *'"how": "another type"'* ]]
}

@test "convert --toward: between two files, or away from one" {
    cat >"$T/make.py" <<'EOF'
import json, struct, sys
def write(path, tensors):
    head, data = {}, b""
    for name, (kind, shape, raw) in tensors.items():
        head[name] = dict(dtype=kind, shape=shape, data_offsets=[len(data), len(data) + len(raw)])
        data += raw
    h = json.dumps(head).encode()
    open(path, "wb").write(struct.pack("<Q", len(h)) + h + data)
d = sys.argv[1]
write(d + "/a.safetensors", {"w": ("F32", [2], struct.pack("<2f", 1, -2)), "n": ("I32", [1], struct.pack("<i", 7))})
write(d + "/b.safetensors", {"w": ("F32", [2], struct.pack("<2f", 3, 2)), "n": ("I32", [1], struct.pack("<i", 9))})
write(d + "/mean.safetensors", {"w": ("F32", [2], struct.pack("<2f", 2, 0)), "n": ("I32", [1], struct.pack("<i", 7))})
write(d + "/away.safetensors", {"w": ("F32", [2], struct.pack("<2f", 0.5, -3)), "n": ("I32", [1], struct.pack("<i", 7))})
write(d + "/other.safetensors", {"w": ("F32", [1, 2], struct.pack("<2f", 3, 2)), "n": ("I32", [1], struct.pack("<i", 9))})
EOF
    /usr/bin/python3 "$T/make.py" "$T"
    km-weights convert --toward "$T/b.safetensors" "$T/a.safetensors" -o "$T/x.safetensors"
    km-weights compare "$T/x.safetensors" "$T/mean.safetensors"
    km-weights convert --toward "$T/b.safetensors" --by -0.25 "$T/a.safetensors" -o "$T/x.safetensors"
    km-weights compare "$T/x.safetensors" "$T/away.safetensors"
    run --separate-stderr km-weights convert --toward "$T/other.safetensors" "$T/a.safetensors" -o "$T/y.safetensors"
    [ "$status" -eq 3 ]
    [[ $stderr == *"other.safetensors: no tensor w of this shape"* ]]
    [ ! -e "$T/y.safetensors" ]
    km-weights convert --toward mini --by 3 mini -o "$T/mini.safetensors"
    [ "$(km-weights list "$T/mini.safetensors" | grep -c digest)" -eq 2 ]
}

@test "compare: what is missing, differs or has another shape is status 1" {
    km-weights convert --only matrix "$views" -o "$T/part.safetensors"
    run --separate-stderr km-weights compare "$views" "$T/part.safetensors"
    [ "$status" -eq 1 ]
    [[ $output == *"row: only in the first"* ]]
    [[ $output == *"1 tensors are the same, 17 differ"* ]]
}

@test "hostile and damaged files: one line, status 3, nothing written" {
    run --separate-stderr km-weights list tests/data/torch/lower.ckpt
    [ "$status" -eq 3 ]
    [ -z "$output" ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == *"lower.ckpt: data.pkl, byte "*"'__builtin__ eval'"* ]]
    head -c 4000 "$views" >"$T/cut.ckpt"
    run --separate-stderr km-weights convert "$T/cut.ckpt" -o "$T/cut.safetensors"
    [ "$status" -eq 3 ]
    [[ $stderr == *"cut.ckpt: truncated"* ]]
    [ ! -e "$T/cut.safetensors" ] && [ ! -e "$T/cut.safetensors.part" ]
    run --separate-stderr km-trunk --weights "$views" tests/data/features-peptide.pdb
    [ "$status" -eq 3 ]
}

@test "weights that hold what is no number: the trunk's result is refused" {
    /usr/bin/python3 - pipelines/mini/mini.safetensors "$T/nan.safetensors" <<'PY'
import json, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
size = struct.unpack("<Q", data[:8])[0]
at = json.loads(data[8:8 + size])["s_init.weight"]["data_offsets"][0]
data[8 + size + at:8 + size + at + 4] = struct.pack("<f", float("nan"))
open(sys.argv[2], "wb").write(data)
PY
    run -3 --separate-stderr bash -o pipefail -c "km-tokenize -q tests/data/dipeptide.pdb | km-trunk --weights $T/nan.safetensors"
    [ -z "$output" ]
    [[ $stderr == *"km-trunk: the trunk of the weights "*"nan.safetensors gives numbers that are not finite" ]]
}

@test "misuse" {
    for a in "list" "steal $views" "list $views $views" "compare $views" "convert $views" "list -o $T/x $views" "list --toward $views $views"; do
        # shellcheck disable=SC2086
        run --separate-stderr km-weights $a
        [ "$status" -eq 2 ]
        [ "${#stderr_lines[@]}" -eq 1 ]
    done
    run --separate-stderr km-weights list /nonexistent
    [ "$status" -eq 3 ]
    run --separate-stderr km-weights list "$T"
    [ "$status" -eq 3 ]
    run --separate-stderr km-weights convert "$views" -o /nonexistent/x.safetensors
    [ "$status" -eq 4 ]
}

@test "BioKinema's container: its own names, the exponent from the file's name or --beta, a contradiction refused" {
    pt=tests/data/torch/biokinema.pt
    cp $pt "$T/x_sqrt.pt"
    run --separate-stderr km-weights convert "$T/x_sqrt.pt" -o "$T/x.safetensors"
    [ "$status" -eq 0 ]
    run --separate-stderr km-weights list "$T/x.safetensors"
    [[ $output == *'"family":"biokinema"'*'"temporal_beta":0.5'*'"atlas"'* ]]
    [[ $output == *$'\npairformer_stack.blocks.0.tri_mul_out.linear_a_p.weight F32 '* ]]
    run --separate-stderr km-weights compare $pt "$T/x.safetensors"
    [[ $output == "489 tensors are the same, 0 differ" ]]
    run --separate-stderr km-weights convert --beta 0.25 "$T/x_sqrt.pt" -o "$T/y.safetensors"
    [ "$status" -eq 2 ]
    [[ $stderr == "km-weights: --beta 0.25: these weights are known to have 0.5" ]]
    [ ! -e "$T/y.safetensors" ]
    km-weights convert --beta 0.25 $pt -o "$T/y.safetensors"
    km-weights list "$T/y.safetensors" | grep -q '"temporal_beta":0.25'
    km-weights convert "$T/x.safetensors" -o "$T/z.pt"
    km-weights compare $pt "$T/z.pt"
    run --separate-stderr km-weights list --beta 1 $pt
    [ "$status" -eq 2 ]
}
