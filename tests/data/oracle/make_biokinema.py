# SPDX-License-Identifier: MIT
"""Reference cases of BioKinema's staircase and of its conformations, from its own loops and network.

  git clone https://github.com/IDEA-XL/BioKinema
  LAYERNORM_TYPE=openfold python make_biokinema.py BioKinema [CASE]

Needs torch. Writes biokinema_sample_staircase.safetensors and biokinema_sample_conformations.safetensors, random
weights and draws of seed 20261121, in float64. With CASE, a file of kind biokinema_sample, it first runs that case and
prints how far off the result is. Modules that only other parts of that code need are put in place empty."""
import json
import struct
import sys
import types

import torch

SEED, A, N, STEPS = 20261121, 17, 5, 6
CONFIG = dict(c_s=12, c_z=6, c_s_inputs=77, c_token=16, c_atom=8, c_atompair=4, token_blocks=2, token_heads=4,
              atom_encoder_blocks=1, atom_decoder_blocks=1, atom_heads=4, sigma_data=16.0, beta=0.5, gamma0=0.8,
              gamma_min=1.0, noise_scale=1.75, step_scale=1.5, n_step=STEPS)


def stub(name, **what):
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update(what)


class Norm(torch.nn.LayerNorm):
    """torch before 2.1 has no norm without a bias."""

    def __init__(self, shape, eps=1e-5, elementwise_affine=True, bias=True, **kw):
        super().__init__(shape, eps, elementwise_affine, **kw)
        if not bias:
            self.register_parameter("bias", None)


def load_code(path):
    torch.nn.LayerNorm = Norm
    torch.Tensor.cuda = lambda t: t  # it makes a table on a device
    torch.Tensor.float = torch.Tensor.double  # and casts to single
    sys.path.insert(0, path)
    stub("scipy"), stub("scipy.stats", truncnorm=None), stub("scipy.spatial")
    stub("scipy.spatial.transform", Rotation=None), stub("tqdm", tqdm=lambda x: x)
    stub("ml_collections", ConfigDict=dict), stub("ml_collections.config_dict", ConfigDict=dict)
    stub("esm"), stub("esm.rotary_embedding", RotaryEmbedding=None)
    from protenix.model import generator, utils
    from protenix.model.modules.diffusion import DiffusionModule
    return generator, utils, DiffusionModule


def read(path):
    kinds = {"F32": torch.float32, "I32": torch.int32}
    with open(path, "rb") as f:
        n = struct.unpack("<Q", f.read(8))[0]
        head, data = json.loads(f.read(n)), f.read()
    meta = head.pop("__metadata__")
    out = {k: torch.frombuffer(bytearray(data[v["data_offsets"][0]:v["data_offsets"][1]] or b"\0\0\0\0"),
                               dtype=kinds[v["dtype"]])[:max(1, torch.Size(v["shape"]).numel())].reshape(v["shape"])
           for k, v in head.items()}
    return json.loads(meta["config"]), out


def write(path, config, note, tensors):
    head, at, blobs = {"__metadata__": {"km_case": "biokinema_sample", "config": json.dumps(config), "rtol": "1e-4",
                                        "grad_rtol": "1e-3", "note": note}}, 0, []
    for name in sorted(tensors):
        t = tensors[name].detach()
        t = t.to(torch.float32 if t.is_floating_point() else torch.int32).contiguous()
        blob = bytes(t.reshape(-1).view(torch.uint8).tolist())
        head[name] = {"dtype": "F32" if t.is_floating_point() else "I32", "shape": list(t.shape),
                      "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def network(module, c):
    return module(sigma_data=c["sigma_data"], c_atom=c["c_atom"], c_atompair=c["c_atompair"], c_token=c["c_token"],
                  c_s=c["c_s"], c_z=c["c_z"], c_s_inputs=c["c_s_inputs"],
                  atom_encoder={"n_blocks": c["atom_encoder_blocks"], "n_heads": c["atom_heads"]},
                  transformer={"n_blocks": c["token_blocks"], "n_heads": c["token_heads"]},
                  atom_decoder={"n_blocks": c["atom_decoder_blocks"], "n_heads": c["atom_heads"]},
                  beta=c["beta"], initialization={}).double().eval()


def features(x):
    one = torch.nn.functional.one_hot
    f = {"atom_to_token_idx": x["in/atom_to_token"].long(), "ref_pos": x["in/ref_pos"].double(),
         "ref_charge": x["in/ref_charge"].double(), "ref_mask": x["in/ref_mask"].double(),
         "ref_element": one(x["in/ref_element"].long() - 1, 128).double(),
         "ref_atom_name_chars": one(x["in/ref_atom_name"].long(), 64).double(),
         "ref_space_uid": x["in/ref_space_uid"].long(), "frame0_coordinate": x["in/x0"].double(),
         "frame0_coordinate_mask": x["in/coordinate_mask"].double()}
    for k in ("token_index", "residue_index", "asym_id", "entity_id", "sym_id"):
        f[k] = x["in/" + k].long()
    return f


class Draws:
    """In place of torch.randn and randn_like: numbers given, or drawn and kept."""

    def __init__(self, given=None):
        self.given, self.at, self.kept = given, 0, []

    def randn(self, *size, **kw):
        size = kw.get("size", size[0] if len(size) == 1 and not isinstance(size[0], int) else size)
        n = torch.Size(size).numel()
        if self.given is None:
            out = torch.empty(n, dtype=torch.float32).normal_().double()
        else:
            out = self.given[self.at:self.at + n].double()
            self.at += n
        self.kept.append(out.clone())
        return out.reshape(torch.Size(size))


def run(code, how, f, x, c, draws, turns, **kw):
    generator, utils, module = code
    net = network(module, c)
    net.load_state_dict({k[6:]: v.double() for k, v in x.items() if k.startswith("param/")}, strict=True)
    at = iter(turns)
    utils.uniform_random_rotation = lambda N_sample: next(at).reshape(1, 3, 3)
    plain = torch.randn, torch.randn_like
    torch.randn, torch.randn_like = draws.randn, lambda t: draws.randn(t.shape)
    levels = generator.InferenceNoiseScheduler(s_max=160.0, s_min=4e-4, rho=7, sigma_data=c["sigma_data"])(
        N_step=c["n_step"], dtype=torch.float64)
    try:
        with torch.no_grad():
            out = how(net, f, x["in/s_inputs"].double(), x["in/s"].double(), x["in/z"].double(), levels, N_sample=kw.pop("N_sample", 1),
                      gamma0=c["gamma0"], gamma_min=c["gamma_min"], noise_scale_lambda=c["noise_scale"],
                      step_scale_eta=c["step_scale"], **kw)
    finally:
        torch.randn, torch.randn_like = plain
    return out[:, 0]


def check(code, path):
    c, x = read(path)
    # translation 0, but drawn: one triple before everything
    given = torch.cat([torch.zeros(3), x["in/noise"]])
    out = run(code, code[0].sample_diffusion, features(x), x, c, Draws(given), [x["in/rotation"].double()], W_H=c["w_h"],
              W_G=c["w_g"], coarse_frame_num=c["coarse_frames"], coarse_interval=c["coarse_interval"],
              fine_frame_num=c["fine"], history_noise=c["history_noise"], history_t=c["history_t"])
    print(path, "off by", float((out - x["out/x"]).abs().max()), "of", float(x["out/x"].abs().max()))


def rotation():
    q, r = torch.linalg.qr(torch.empty(3, 3, dtype=torch.float64).normal_())
    q = (q * torch.sign(torch.diagonal(r))).to(torch.float32).double()
    return q * torch.det(q).sign()


def molecule(code):
    token = torch.tensor([0] * 5 + [1] * 4 + [2] * 6 + [3, 4])
    ligand = token >= 3
    x = {"in/atom_to_token": token, "in/ref_pos": torch.randn(A, 3), "in/ref_charge": torch.zeros(A),
         "in/ref_mask": (~ligand).double(), "in/ref_element": torch.randint(6, 9, (A,)),
         "in/ref_atom_name": torch.randint(0, 64, (A, 4)), "in/ref_space_uid": token.clamp(max=3),
         "in/coordinate_mask": torch.ones(A), "in/x0": 4 * torch.randn(A, 3), "in/rotation": rotation(),
         "in/token_index": torch.arange(N), "in/residue_index": torch.tensor([1, 2, 3, 1, 1]),
         "in/asym_id": torch.tensor([0, 0, 0, 1, 1]), "in/entity_id": torch.tensor([0, 0, 0, 1, 1]),
         "in/sym_id": torch.zeros(N), "in/s": torch.randn(N, CONFIG["c_s"]),
         "in/s_inputs": torch.randn(N, CONFIG["c_s_inputs"]), "in/z": torch.randn(N, N, CONFIG["c_z"])}
    x["in/ref_pos"][ligand] = x["in/ref_pos"][ligand][:1]
    x["in/sym_id"] = x["in/sym_id"].long()
    x["in/coordinate_mask"][3] = 0
    for name, p in network(code[2], CONFIG).state_dict().items():
        slope = name.endswith("slopes_param")
        norm = "norm" in name and name.endswith("weight") and p.dim() == 1
        x["param/" + name] = -torch.rand(p.shape) if slope else norm + torch.randn(p.shape) * (0.1 if norm else 0.4)
    return x


def main():
    code = load_code(sys.argv[1])
    if len(sys.argv) > 2:
        check(code, sys.argv[2])
    torch.manual_seed(SEED)
    x = molecule(code)
    stage, frames = 2, 4
    draws = Draws()
    y = dict(x)
    y["out/x"] = run(code, code[0].sample_diffusion, features(x), x, CONFIG, draws, [x["in/rotation"]], W_H=1,
                     W_G=frames - 1, coarse_frame_num=frames, coarse_interval=2.0, fine_frame_num=1,
                     steps_per_stage=stage)
    # what was drawn, by evaluation and frame: [calls + 1, frames, A, 3], the start first
    made, calls = frames - 1, STEPS + (frames - 2) * stage
    table, kept = torch.zeros(calls + 1, frames, A * 3, dtype=torch.float64), iter(draws.kept[1:])
    table[0, 1:] = next(kept).reshape(made, -1)
    levels = (2560 ** (1 / 7) + torch.arange(STEPS) / STEPS * (0.0064 ** (1 / 7) - 2560 ** (1 / 7))) ** 7
    for w in range(calls):
        for k in range(made):
            step = w - k * stage
            if step >= STEPS or (step >= 0 and levels[step] > CONFIG["gamma_min"]):
                table[1 + w, 1 + k] = next(kept).reshape(-1)
        table[1 + w, 0] = next(kept).reshape(-1)
    assert next(kept, None) is None
    y["in/noise"] = table.reshape(-1)
    write("biokinema_sample_staircase.safetensors",
          dict(CONFIG, w_h=1, w_g=made, coarse_frames=frames, coarse_interval=2.0, fine=1, history_noise=0.0,
               history_t=0.0, stage=stage), "frames two evaluations behind each other", y)
    draws, turns = Draws(), [rotation() for _ in range(STEPS)]
    y = dict(x)
    y["out/x"] = run(code, code[0].sample_diffusion_conformation, features(x), x, CONFIG, draws, turns, N_sample=3)
    y["in/shifts"] = torch.stack(draws.kept[1::2])
    y["in/turns"] = torch.stack(turns)
    y["in/noise"] = torch.cat([d.reshape(-1) for d in draws.kept[:1] + draws.kept[2::2]])
    write("biokinema_sample_conformations.safetensors", dict(CONFIG, conformations=3), "structures without a first one", y)


main()
